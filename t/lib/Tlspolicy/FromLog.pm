package Tlspolicy::FromLog;

# What a real MTA's own log tells of a run, compared with what the daemon
# recorded of the same run.  Shared by sendmail (524) and Postfix (624).

use strict;
use warnings;
use JSON::PP;
use Test::More;
use Tlspolicy::Fault;
use Tlspolicy::Live;

my @rules = ('TLS_From:refused.example PERM+VERIFY',
    'TLS_From:other.example ENCR:0');

# The first one shows that the log has lines about TLS; before it nothing is
# told of a session in clear.
my @clients = (
	['in clear, before any line about TLS', {}, 'untold'],
	['no certificate', { tls => {} }],
	['in clear', {}],
	['in clear, another client', { from => '127.0.0.3' }],
	['in clear, a client without a name', { from => '127.0.0.9' }],
	['trusted', { tls => { cert => 'trusted' } }],
	['self-signed', { tls => { cert => 'selfsigned' } }],
	['expired', { tls => { cert => 'expired' } }],
	['TLS 1.2', { tls => { cert => 'trusted', version => 'TLSv1_2' } }],
	['smtps', { tls => { cert => 'trusted' }, port => 'smtps' }],
	['no EHLO after STARTTLS', { tls => { cert => 'trusted' }, helo => 0 },
	    'sendmail does not tell'],
	['login', { tls => {}, auth => ['joe', 'secret'] }],
);

# Two messages and a refusal in each session; the senders that were let in.
sub sessions
{
	my ($live) = @_;
	for my $n (0 .. $#clients) {
		my $client = $live->client(%{$clients[$n][1]});
		for my $from ("a$n\@other.example", "b$n\@other.example",
		    "c$n\@refused.example", '') {
			$client->mail($from);
			$client->rcpt('bob@example.org');
			$client->data("Subject: test\r\n\r\ntext\r\n");
			$client->rset;
		}
		# A message whose only recipient is refused.
		$client->mail("d$n\@other.example");
		$client->rcpt('unknown@example.org');
		$client->quit;
	}
	$live->forget_records; # until the log stands still
}

# Of a record: client, sender, TLS, and whether the certificate verified.
sub facts
{
	my ($record) = @_;
	my %tls = %{$record->{tls} // {}};
	return { client => "$record->{client}{name} $record->{client}{addr}",
	    from => $record->{from},
	    tls => exists $record->{tls} ? join(' ', map { $_ // '-' }
		@tls{qw(version cipher bits)}) : 'untold',
	    verify => $tls{verify}, login => $record->{auth} &&
		"$record->{auth}{id} $record->{auth}{type}" };
}

sub from_log
{
	my ($live, @args) = @_;
	my $r = $live->{daemon}->tlspolicy('audit', 'from-log', @args,
	    $live->{mta}->maillog);
	is($r->{status}, 0, "from-log @args: exit code") or diag($r->{err});
	return ($r, map { decode_json($_) } split /\n/, $r->{out});
}

sub compare
{
	my ($live, $mta) = @_;
	my %judged = map { $_->{queue_id} => $_ } grep {
	    $_->{event} eq 'message' } $live->{daemon}->audit;
	Tlspolicy::Scratch::wait_for(60, sub { Tlspolicy::Scratch::slurp(
	    $live->{mta}->maillog) =~ /(?:qmgr.*|: )from=<b$#clients\@/ });
	my ($run, @logged) = from_log($live);
	is(@logged, keys %judged, 'as many records as messages') or
	    diag($run->{err}, $live->{mta}->log);
	for my $record (@logged) {
		my $want = facts($judged{$record->{queue_id}} // {});
		my $got = facts($record);
		my ($n) = $record->{from} =~ /^\w(\d+)@/;
		if (defined $n && ($clients[$n][2] // '') =~ /untold|$mta/) {
			is($got->{tls}, 'untold', "$clients[$n][0]: not told");
			delete @{$_}{qw(tls verify)} for $want, $got;
		} elsif (!defined $n && $got->{tls} eq 'untold') {
			delete @{$_}{qw(tls verify)} for $want, $got;
		}
		is_deeply($got, $want, ($n // '<>') . ': ' .
		    (defined $n ? $clients[$n][0] : 'null sender'));
		is($record->{source}, 'maillog', 'marked as from a log');
	}
	return @logged;
}

# Mail that left, in order: to which server, and how it got there.
my @servers = (
	['good.test', 'TLSv1.3', { postfix => 'OK', sendmail => 'OK' }],
	['self.test', 'TLSv1.3', { postfix => 'NO-OR-FAIL', sendmail => 'FAIL' }],
	['plain.test', undef],
	['old.test', 'TLSv1.2', { postfix => 'OK', sendmail => 'OK' }],
	['plain.test', undef],
	['good.test', 'TLSv1.3', { postfix => 'OK', sendmail => 'OK' }],
);

sub run_outbound
{
	my ($mta) = @_;
	my $missing = $mta eq 'sendmail' && Tlspolicy::Fault::missing('syslog');
	plan skip_all => $missing if $missing;
	require Tlspolicy::Outbound;
	my $live = Tlspolicy::Outbound->start($mta);
	$live->policy('TLS_Srv:good.test ENCR:1') or return;
	for my $server (@servers) {
		is($live->deliver($server->[0]), 'sent', "sent to $server->[0]");
		$server->[3] = $live->{last};
	}
	my ($run, @logged) = from_log($live);
	my %by = map { $_->{rcpts}[0] => $_ } grep {
	    $_->{event} eq 'delivered' } @logged;
	is(keys %by, @servers, 'a record for each') or
	    diag($run->{out}, $run->{err},
	    Tlspolicy::Scratch::slurp($live->{mta}->maillog));
	for my $server (@servers) {
		my ($name, $version, $verify, $to) = @$server;
		my $tls = $by{$to}{tls};
		is_deeply([$by{$to}{server}{name}, exists $by{$to}{tls},
		    @{$tls // {}}{qw(version verify)}],
		    [$name, 1, $version, $verify && $verify->{$mta}],
		    "$name, $to") or diag($run->{out});
	}
	done_testing;
}

sub run
{
	my ($mta) = @_;
	my $missing = $mta eq 'sendmail' && Tlspolicy::Fault::missing('syslog');
	plan skip_all => $missing if $missing;
	my $live = Tlspolicy::Live->start($mta, start => {
	    sasl => { joe => 'secret' } });
	$live->policy(@rules) or return;
	sessions($live);
	my @logged = compare($live, $mta);

	# report and others work on such records, and count none of them as
	# evidence.
	my $file = $live->{scratch}->write('from-log', join '', map {
	    encode_json($_) . "\n" } @logged);
	my $report = $live->{daemon}->tlspolicy('report', '--json', $file);
	my $total = decode_json($report->{out})->{total};
	is($total->{mails}, scalar @logged, 'report counts them');
	is($total->{untold}, scalar(grep { !exists $_->{tls} } @logged),
	    'report counts what is not told');
	my $rules = $live->{scratch}->write('new', join '', map { "$_\n" }
	    $rules[0], 'TLS_From:other.example PERM+VERIFY');
	is($live->{daemon}->tlspolicy('replay', '-r', $rules, $file)->{status},
	    1, 'replay judges them');
	is($live->{daemon}->tlspolicy('audit', 'verify', $file)->{status}, 65,
	    'verify does not take them');
	done_testing;
}

1;
