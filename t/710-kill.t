#!/usr/bin/perl
#
# kill -9 at random moments under load: in every mode of audit-sync what was
# accepted is in the log, with each also what was refused, and it is whole.  TLSPOLICY_KILLS: how often.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);
use Tlspolicy::Talk;

my $clients = 4;
my $kills = $ENV{TLSPOLICY_KILLS} // 12;

# One after another: a message from a sender of its own, and what was told.
sub client
{
	my ($daemon, $number, $path, $end) = @_;
	my $sent = 0;
	open my $told, '>>', $path or POSIX::_exit(1);
	$told->autoflush(1);
	while (time < $end && !-e "$path.stop") {
		my $m = Tlspolicy::Milter->connect($daemon->socket);
		if (!$m || !eval { $m->negotiate }) {
			sleep 0.01;
			next;
		}
		eval { one_session($m, $number, \$sent, $told) };
	}
	POSIX::_exit(0);
}

sub one_session
{
	my ($m, $number, $sent, $told) = @_;
	$m->set(%sendmail, %tls);
	$m->conn('mail.example.com', '192.0.2.1');
	$m->helo('client.example.com');
	for (1 .. 20) {
		my $id = 'c' . $number . 'n' . $$sent++;
		my $refuse = $$sent % 5 == 0;
		my $answer = $m->mail("$id\@" . ($refuse ? 'refused' : 'good')
		    . '.example');
		if ($refuse) {
			return unless $answer->{action} eq 'reply';
			# Only a code that the policy gives, not one for want
			# of a log.
			printf $told "%s refused %.6f\n", $id, time
			    if $answer->{code} == 550;
			next;
		}
		return unless $answer->{action} eq 'continue';
		return unless $m->rcpt('b@example.org')->{action} eq 'continue';
		$answer = $m->message;
		return unless $answer->{action} eq 'continue';
		printf $told "%s accepted %.6f\n", $id, time;
	}
}

# { id => [what, time] } of all clients.
sub told
{
	my ($dir) = @_;
	my %told;
	for (1 .. $clients) {
		open my $fh, '<', "$dir/told.$_" or next;
		while (<$fh>) {
			$told{$1} = [$2, $3] if /^(\S+) (\S+) ([\d.]+)$/;
		}
	}
	return \%told;
}

# { id => event } of the log.
sub logged_records
{
	my ($daemon) = @_;
	my %found;
	open my $fh, '<', "$daemon->{dir}/audit.log" or die "audit.log: $!\n";
	while (<$fh>) {
		$found{$2} = $1
		    if /^\{"v":1,"event":"(message|refused-mail)".*?"from":"(\w+)\@.*"chain":"\w+"\}$/;
	}
	return \%found;
}

sub run
{
	my ($sync) = @_;
	my $daemon = daemon("TLS_From:refused.example PERM+ENCR:512\n",
	    name => $sync, settings => { 'audit-sync' => $sync });
	my $dir = $daemon->{dir};
	my @pids;
	for my $number (1 .. $clients) {
		defined(my $pid = fork) or die "fork: $!\n";
		client($daemon, $number, "$dir/told.$number", time + 5 + 2 * $kills)
		    if !$pid;
		push @pids, $pid;
	}
	for (1 .. $kills) {
		sleep 0.05 + rand 0.25;
		$daemon->kill_hard;
		$daemon->run;
	}
	sleep 0.2;
	for (1 .. $clients) {
		open my $stop, '>', "$dir/told.$_.stop" or die;
	}
	waitpid $_, 0 for @pids;
	is($daemon->stop, 0, 'the daemon ends');

	my ($told, $found) = (told($dir), logged_records($daemon));
	my @lost = grep { !$found->{$_} } keys %$told;
	my $wrong = grep { $found->{$_} && ($told->{$_}[0] eq 'refused') !=
	    ($found->{$_} eq 'refused-mail') } keys %$told;
	cmp_ok(scalar keys %$told, '>', 10 * $kills / 4, 'there was load');
	@lost = grep { $told->{$_}[0] eq 'accepted' } @lost if $sync ne 'each';
	is_deeply(\@lost, [], 'nothing that was told is lost');
	is($wrong, 0, 'what was told is what was recorded');
	my $r = $daemon->tlspolicy('audit', 'verify');
	is($r->{status}, 0, 'the log is whole') or diag($r->{out} . $r->{err});
	like($r->{out}, qr/^whole: \d+ lines/, 'says verify');
	diag(sprintf '%s: %d kills, %d records promised, %d found, %d lost; '
	    . '%s', $sync, $kills, scalar keys %$told,
	    scalar(grep { $found->{$_} } keys %$told), scalar @lost, $r->{out} =~ /(.*)/);
}

for my $sync (qw(each batch none)) {
	subtest "audit-sync = $sync" => sub { run($sync) };
}

done_testing;
