package Tlspolicy::Transactions;

# Several transactions in one connection: what one leaves behind must not
# colour the next.  Shared by sendmail (511) and Postfix (611).

use strict;
use warnings;
use Test::More;
use Tlspolicy::Live;

my $encr = 'TLS_Clt:client.example.com PERM+ENCR:112';
my $verify = 'TLS_Clt:client.example.com PERM+VERIFY:128';
my $refused = [550, '5.7.10', qr/TLS_Clt:client\.example\.com/i];

sub run
{
	my ($mta) = @_;
	my $live = Tlspolicy::Live->start($mta);
	my @tests = (
		'two messages in one connection' => \&two_messages,
		'RSET between two transactions' => \&rset,
		'STARTTLS after a refusal' => \&starttls_after_refusal,
		'one recipient that the MTA refuses' => \&refused_recipient,
		'the null sender' => \&null_sender,
		'pipelined commands' => \&pipelining,
		'a client that vanishes' => \&vanishes,
		'sender and recipient in the record' => \&envelope,
	);
	while (my ($name, $code) = splice @tests, 0, 2) {
		subtest $name => sub {
			$live->policy($encr) or return;
			$live->forget_records;
			$code->($live);
		};
	}
	done_testing;
}

sub send_message
{
	my ($live, $client, $from, $to) = @_;
	$live->reply_is($client, $client->mail($from), 'accept', "MAIL <$from>");
	$live->reply_is($client, $client->rcpt($to), 'accept', "RCPT <$to>");
	$live->reply_is($client, $client->data, 'accept', 'message');
}

sub two_messages
{
	my ($live) = @_;
	my $client = $live->client(tls => {});
	my %ids;
	for my $from (qw(one@example.com two@example.com)) {
		send_message($live, $client, $from, 'rcpt@example.org');
		my $record = $live->record;
		$live->record_is($record, { verdict => 'accept',
		    from => qr/\Q$from\E/, 'tls.cipher' => $client->tls_cipher,
		    queue_id => qr/^\w+$/ }, $from);
		$ids{$record->{queue_id} // ''}++;
	}
	is(scalar keys %ids, 2, 'each record has its own queue id');
	$client->quit;
}

sub rset
{
	my ($live) = @_;
	my $client = $live->client;
	$live->reply_is($client, $client->mail('one@example.com'), $refused,
	    'first MAIL');
	is($client->rset->{code}, 250, 'RSET');
	$live->reply_is($client, $client->mail('two@example.com'), $refused,
	    'MAIL after RSET');
	$live->record_is($live->record, { verdict => 'reject',
	    from => qr/one\@/ }, 'first');
	$live->record_is($live->record, { verdict => 'reject',
	    from => qr/two\@/ }, 'second');
	$client->quit;

	$client = $live->client(tls => {});
	$live->reply_is($client, $client->mail('three@example.com'), 'accept',
	    'MAIL with TLS');
	$client->rcpt('rcpt@example.org');
	is($client->rset->{code}, 250, 'RSET');
	send_message($live, $client, 'four@example.com', 'rcpt@example.org');
	$live->record_is($live->record, { verdict => 'accept',
	    from => qr/four\@/, 'tls.cipher' => $client->tls_cipher }, 'fourth');
	$client->quit;
}

# The refusal ends the transaction, not the connection.
sub starttls_after_refusal
{
	my ($live) = @_;
	my $client = $live->client;
	$live->reply_is($client, $client->mail('one@example.com'), $refused,
	    'plain');
	is($client->starttls->{code}, 220, 'STARTTLS');
	$client->ehlo;
	send_message($live, $client, 'two@example.com', 'rcpt@example.org');
	$live->record_is($live->record, { verdict => 'reject',
	    from => qr/one\@/, tls => undef }, 'plain');
	$live->record_is($live->record, { verdict => 'accept',
	    from => qr/two\@/, 'tls.cipher' => $client->tls_cipher }, 'with TLS');
	$client->quit;
}

sub refused_recipient
{
	my ($live) = @_;
	my $client = $live->client(tls => {});
	$live->reply_is($client, $client->mail('one@example.com'), 'accept',
	    'MAIL');
	my $r = $client->rcpt('unknown@example.org');
	like($r->{code}, qr/^55/, 'the MTA refuses a recipient') or
	    diag($client->dialogue);
	$live->reply_is($client, $client->rcpt('rcpt@example.org'), 'accept',
	    'the other');
	$live->reply_is($client, $client->data, 'accept', 'message');
	my $record = $live->record;
	$live->record_is($record, { verdict => 'accept',
	    queue_id => qr/^\w+$/ }, 'message');
	like(JSON::PP::encode_json($record->{rcpts} // []),
	    qr/"rcpt\@example\.org"/, 'the recipient is in the record');
	unlike(JSON::PP::encode_json($record->{rcpts} // []), qr/unknown/,
	    'the refused one is not');
	$client->quit;
}

sub null_sender
{
	my ($live) = @_;
	my $client = $live->client;
	$live->reply_is($client, $client->mail(''), $refused, 'MAIL <>');
	$live->record_is($live->record, { verdict => 'reject',
	    from => '<>' }, 'null sender');
	$client->quit;
}

sub pipelining
{
	my ($live) = @_;
	my $client = $live->client;
	$client->send("MAIL FROM:<one\@example.com>\r\n"
	    . "RCPT TO:<rcpt\@example.org>\r\nRSET\r\n"
	    . "MAIL FROM:<two\@example.com>\r\nQUIT\r\n");
	$live->reply_is($client, $client->reply, $refused, 'MAIL');
	like($client->reply->{code}, qr/^5/, 'RCPT without MAIL');
	is($client->reply->{code}, 250, 'RSET');
	$live->reply_is($client, $client->reply, $refused, 'second MAIL');
	is($client->reply->{code}, 221, 'QUIT');
}

# Neither a hang nor a record of an accepted message.
sub vanishes
{
	my ($live) = @_;
	for my $step (qw(greeting mail rcpt data)) {
		my $client = $live->client(tls => {});
		$client->mail('gone@example.com') if $step ne 'greeting';
		$client->rcpt('rcpt@example.org') if $step =~ /rcpt|data/;
		$client->cmd('DATA') if $step eq 'data';
		$client->close;
	}
	my $client = $live->client(tls => {});
	send_message($live, $client, 'last@example.com', 'rcpt@example.org');
	$client->quit;
	ok($live->{daemon}->alive, 'the milter runs');
	# The first record of a message is that of the last client.
	$live->record_is($live->record, { verdict => 'accept',
	    event => 'message', from => 'last@example.com' },
	    'the message after');
}

sub envelope
{
	my ($live) = @_;
	my $client = $live->client(tls => {});
	$live->reply_is($client, $client->mail('one@example.com'), 'accept',
	    'MAIL');
	$client->rcpt("rcpt$_\@example.org") for 1 .. 3;
	$live->reply_is($client, $client->data, 'accept', 'message');
	my $record = $live->record;
	$live->record_is($record, { helo => 'client.example.com',
	    from => 'one@example.com', mta => $live->{kind} eq 'postfix' ?
		qr/^Postfix 3\./ : qr/^8\.\d+/ },
	    'envelope');
	is(JSON::PP::encode_json($record->{rcpts} // []) ,
	    '["rcpt1@example.org","rcpt2@example.org","rcpt3@example.org"]',
	    'all recipients');
	$client->quit;
}

1;
