package Tlspolicy::Plans;

# A plan behind a real MTA: mail goes on as before, its records say what would
# come; then the plan decides about all clients.  Shared by sendmail (527) and
# Postfix (627).

use strict;
use warnings;
use Test::More;
use Tlspolicy::Fault;
use Tlspolicy::Live;
use Tlspolicy::Scratch;

my $new = <<'END';
TLS_Clt:client.example.com PERM+ENCR:112
TLS_To:secret@example.org TEMP+VERIFY
END

sub run
{
	my ($mta) = @_;
	plan skip_all => missing() if missing();
	my $live = Tlspolicy::Live->start($mta);
	$live->policy('TLS_Clt:other.example.net OK') or return done_testing;
	my $daemon = $live->{daemon};
	$live->{scratch}->write("$daemon->{name}/new", $new);
	my $r = $daemon->tlspolicy('plan', '--days', 1, '--budget', 9,
	    "$daemon->{dir}/new");
	is($r->{status}, 0, 'planned') or diag $r->{err};
	ok(Tlspolicy::Scratch::wait_for(60, sub {
		$daemon->log =~ /\.plan: generation 1/ }), 'the daemon sees it');
	$live->forget_records;
	mail($live, 'in clear', {}, 'b@example.org', 'accept',
	    'differs', 'reject');
	mail($live, 'with TLS', { tls => {} }, 'b@example.org', 'accept',
	    'same', undef);
	mail($live, 'a recipient', { tls => {} }, 'secret@example.org',
	    'accept', 'differs', 'tempfail');
	my $clock = Tlspolicy::Fault::Clock->new($live->{scratch});
	$clock->ahead(86400 + 60);
	$r = apply($live, $clock, '--canary', '100%');
	is($r->{status}, 0, 'decides about all') or diag $r->{err};
	mail($live, 'canary, with TLS', { tls => {} }, 'b@example.org',
	    'accept', 'same', undef);
	my $client = $live->client;
	$live->reply_is($client, $client->mail('a@example.com'),
	    [550, '5.7.10'], 'canary, in clear');
	my $record = $live->record;
	is("$record->{verdict} $record->{plan}{verdict} " .
	    "$record->{plan}{answered}", 'reject accept 1', 'recorded');
	$r = apply($live, $clock);
	is($r->{status}, 0, 'applied') or diag $r->{err};
	$client = $live->client;
	$live->reply_is($client, $client->mail('a@example.com'),
	    [550, '5.7.10'], 'in force');
	is($daemon->tlspolicy('audit', 'verify')->{status}, 0, 'whole');
	done_testing;
}

sub missing
{
	return Tlspolicy::Fault::missing('clock');
}

# Runs tlspolicy with a clock that is a day ahead; the daemon's clock need not be.
sub apply
{
	my ($live, $clock, @args) = @_;
	return Tlspolicy::Scratch::run({ env => $clock->env },
	    Tlspolicy::Daemon::program('tlspolicy'), 'apply', '-c',
	    $live->{daemon}{conf}, @args);
}

sub mail
{
	my ($live, $name, $how, $rcpt, $verdict, $result, $other) = @_;
	my $client = $live->client(%$how);
	$client->mail('a@example.com');
	$client->rcpt($rcpt);
	$live->reply_is($client, $client->data("Subject: test\r\n\r\ntest"),
	    'accept', "$name: let in");
	$client->quit;
	my $record = $live->record;
	is($record->{verdict}, $verdict, "$name: recorded so");
	is($record->{plan}{result}, $result, "$name: beside");
	is($record->{plan}{verdict}, $other, "$name: what it would do");
}

1;
