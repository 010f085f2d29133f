package Tlspolicy::Tags;

# The tags beside TLS_Clt, several classes at once, and the classes WARN and
# HOLD.  Shared by sendmail (520) and Postfix (620).

use strict;
use warnings;
use Test::More;
use Tlspolicy::Live;

my $refused = [550, '5.7.10'];

sub run
{
	my ($mta) = @_;
	my $live = Tlspolicy::Live->start($mta,
	    start => { sasl => { alice => 'secret', bob => 'secret' } });
	my @tests = (
		'TLS_From' => \&from,
		'TLS_To: one recipient refused, one delivered' => \&to,
		'TLS_Auth' => \&auth,
		'TLS_Auth without TLS' => \&auth_in_clear,
		'TLS_Daemon' => \&listener,
		'every class has to hold' => \&classes,
		'WARN' => \&warn_only,
		'HOLD' => \&hold,
	);
	while (my ($name, $code) = splice @tests, 0, 2) {
		subtest $name => sub {
			$live->forget_records;
			$code->($live);
		};
	}
	done_testing;
}

sub from
{
	my ($live) = @_;
	$live->policy('TLS_From:bank.example PERM+ENCR:112',
	    'TLS_From:news@bank.example OK', 'TLS_From:<> TEMP+ENCR:112') or
	    return;
	my $client = $live->client;
	$live->reply_is($client, $client->mail('a@bank.example'),
	    [@$refused, qr/TLS_From:bank\.example/i], 'domain');
	$live->record_is($live->record, { verdict => 'reject',
	    'rules.0.key' => qr/^TLS_From:bank\.example$/i }, 'domain');
	$live->reply_is($client, $client->mail('a@mail.bank.example'),
	    [@$refused, qr/TLS_From:bank\.example/i], 'subdomain');
	$live->reply_is($client, $client->mail(''), [451, '4.7.10',
	    qr/TLS_From:<>/i], 'null sender');
	$live->reply_is($client, $client->mail('news@bank.example'), 'accept',
	    'the address beats its domain');
	$client->quit;

	$client = $live->client(tls => {});
	$live->reply_is($client, $client->mail('a@bank.example'), 'accept',
	    'with TLS');
	$client->quit;
}

sub to
{
	my ($live) = @_;
	$live->policy('TLS_To:strict@example.org PERM+ENCR:112') or return;
	my $client = $live->client;
	$live->reply_is($client, $client->mail('a@example.com'), 'accept',
	    'MAIL');
	$live->reply_is($client, $client->rcpt('strict@example.org'),
	    [@$refused, qr/TLS_To:strict\@example\.org/i], 'strict');
	$live->reply_is($client, $client->rcpt('rcpt@example.org'), 'accept',
	    'the other');
	my $end = $client->data;
	$live->reply_is($client, $end, 'accept', 'message');
	$live->record_is($live->record, { verdict => 'reject',
	    'rules.0.key' => qr/^TLS_To:strict\@example\.org$/i }, 'strict');
	my $record = $live->record;
	$live->record_is($record, { verdict => 'accept',
	    queue_id => qr/^\w+$/ }, 'the other');
	like(JSON::PP::encode_json($record->{rcpts} // []),
	    qr/rcpt\@example\.org/, 'the delivered recipient is recorded');
	unlike(JSON::PP::encode_json($record->{rcpts} // []),
	    qr/strict\@example\.org/, 'not the refused one');
	$client->quit;

	$client = $live->client(tls => {});
	$client->mail('a@example.com');
	$live->reply_is($client, $client->rcpt('strict@example.org'), 'accept',
	    'with TLS');
	$client->quit;
}

sub auth
{
	my ($live) = @_;
	$live->policy('TLS_Auth:alice PERM+VERIFY:128') or return;
	my $client = $live->client(tls => {}, auth => ['alice', 'secret']);
	$live->reply_is($client, $client->mail('alice@example.com'),
	    [554, '5.7.1', qr/TLS_Auth:alice/i], 'alice, no certificate');
	$live->record_is($live->record, { verdict => 'reject',
	    'auth.id' => qr/^alice/, reason => 'not-verified' }, 'alice');
	$client->quit;

	for ([auth => ['bob', 'secret'], tls => {}],
	    [tls => {}],
	    [auth => ['alice', 'secret'], tls => { cert => 'trusted' }]) {
		$client = $live->client(@$_);
		$live->reply_is($client, $client->mail('a@example.com'),
		    'accept', 'bob; nobody; alice with a certificate');
		$client->quit;
	}
}

sub auth_in_clear
{
	my ($live) = @_;
	$live->policy('TLS_Auth: PERM+ENCR:112') or return;
	my $client = $live->client(auth => ['bob', 'secret']);
	$live->reply_is($client, $client->mail('bob@example.com'),
	    [550, '5.7.11', qr/TLS_Auth:/i], 'AUTH in the clear');
	$client->quit;
	$client = $live->client;
	$live->reply_is($client, $client->mail('bob@example.com'), 'accept',
	    'no AUTH');
	$client->quit;
}

sub listener
{
	my ($live) = @_;
	my $name = $live->{kind} eq 'sendmail' ? 'MTA' : 'mx.example.org';
	$live->policy("TLS_Daemon:$name PERM+ENCR:112",
	    'TLS_Daemon:elsewhere PERM+VERIFY') or return;
	my $client = $live->client;
	$live->reply_is($client, $client->mail('a@example.com'),
	    [@$refused, qr/TLS_Daemon:\Q$name\E/i], $name);
	$client->quit;
	$client = $live->client(tls => {}, port => 'smtps');
	$live->reply_is($client, $client->mail('a@example.com'), 'accept',
	    'smtps');
	$client->quit;
}

# Each class with a rule must hold; the strictest that fails is the answer.
sub classes
{
	my ($live) = @_;
	$live->policy('TLS_Clt:client.example.com OK',
	    'TLS_From:bank.example TEMP+ENCR:112') or return;
	my $client = $live->client;
	$live->reply_is($client, $client->mail('a@bank.example'),
	    [451, '4.7.10', qr/TLS_From:bank\.example/i], 'OK is not enough');
	my $record = $live->record;
	is(scalar @{$record->{rules} // []}, 2, 'both rules are recorded') or
	    diag(explain $record);

	$live->policy('TLS_Clt:client.example.com PERM+ENCR:112',
	    'TLS_From:bank.example TEMP+ENCR:112') or return;
	$live->reply_is($client, $client->mail('a@bank.example'),
	    [@$refused, qr/TLS_Clt:client\.example\.com/i],
	    'PERM before TEMP');

	$live->policy('TLS_Clt:client.example.com HOLD+ENCR:112',
	    'TLS_From:bank.example PERM+VERIFY') or return;
	$live->reply_is($client, $client->mail('a@bank.example'),
	    [@$refused, qr/TLS_From:bank\.example/i],
	    'a HOLD does not free from a PERM');
	$client->quit;
}

sub warn_only
{
	my ($live) = @_;
	$live->policy('TLS_Clt:client.example.com WARN+ENCR:112') or return;
	my $client = $live->client;
	$live->reply_is($client, $client->mail('a@example.com'), 'accept',
	    'MAIL');
	$live->reply_is($client, $client->rcpt('rcpt@example.org'), 'accept',
	    'RCPT');
	$live->reply_is($client, $client->data, 'accept', 'message');
	$live->record_is($live->record, { verdict => 'accept',
	    waiver => 'warn', reason => 'plaintext',
	    'rules.0.requirement' => 'WARN+ENCR:112' },
	    'WARN');
	$client->quit;
}

sub hold
{
	my ($live) = @_;
	$live->policy('TLS_Clt:client.example.com HOLD+ENCR:112') or return;
	my @before = $live->{mta}->held;
	my $client = $live->client;
	$live->reply_is($client, $client->mail('a@example.com'), 'accept',
	    'MAIL');
	$client->rcpt('rcpt@example.org');
	$live->reply_is($client, $client->data, 'accept', 'message');
	$client->quit;
	my $record = $live->record;
	$live->record_is($record, { verdict => 'hold', reason => 'plaintext',
	    queue_id => qr/^\w+$/ }, 'HOLD');
	Tlspolicy::Scratch::wait_for(60, sub {
	    (() = $live->{mta}->held) > @before });
	ok(scalar(grep { $_ eq ($record->{queue_id} // '') }
	    $live->{mta}->held), 'the message is held') or
	    diag(join ' ', $live->{mta}->held, $live->{mta}->log);

	$client = $live->client(tls => {});
	$client->mail('a@example.com');
	$client->rcpt('rcpt@example.org');
	$live->reply_is($client, $client->data, 'accept', 'with TLS');
	$client->quit;
	is(scalar(() = $live->{mta}->held), @before + 1, 'is not held');
}

1;
