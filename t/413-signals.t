#!/usr/bin/perl
# HUP reads the settings and never ends the daemon; TERM ends it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep);
use Tlspolicy::Talk;

my $daemon = daemon("TLS_Clt: ENCR:112\n");
my $temp = [451, '4.7.10'];
my $perm = [550, '5.7.10'];

sub hup
{
	my ($what, $name) = @_;
	my $had = () = $daemon->log =~ /$what/g;
	$daemon->hup;
	ok(Tlspolicy::Scratch::wait_for(60,
	    sub { $had < (() = $daemon->log =~ /$what/g) }), $name) or
	    diag($daemon->log);
}

sub mail_is
{
	my ($want, $name) = @_;
	my $m = session($daemon);
	answer_is($m->mail('a@example.com'), $want, $name);
	$m->quit;
}

subtest 'HUP a hundred times, with sessions' => sub {
	my $wrong = 0;
	for (1 .. 100) {
		$daemon->hup;
		my $m = session($daemon);
		$daemon->hup if $_ % 2;
		$wrong++ if $m->mail('a@example.com')->{action} ne 'reply';
		$m->quit;
	}
	is($wrong, 0, 'all are judged');
	ok($daemon->alive, 'the daemon is still there');
};

# TERM while the daemon starts; 414 does the same with HUP.
subtest 'TERM at the start' => sub {
	my $program = Tlspolicy::Daemon::program('tlspolicy-milter');
	my $other = Tlspolicy::Daemon->new(scratch => scratch(),
	    name => 'other', rules => '');
	my @bad;
	for my $n (1 .. 30) {
		my $pid = scratch()->spawn("other/log.$n", $program, '-c',
		    $other->{conf});
		Tlspolicy::Scratch::wait_for(60, sub { $other->accepts });
		sleep $n / 20_000;
		kill 'TERM', $pid;
		my $status = Tlspolicy::Scratch::wait_pid($pid, 4);
		push @bad, "$n: " . ($status // 'not within 4 s')
		    if !defined $status || $status != 0;
	}
	is_deeply(\@bad, [], 'ends the daemon at once, with 0');
};

subtest 'a setting that can change' => sub {
	mail_is($temp, 'before');
	$daemon->configure('default-class' => 'perm');
	mail_is($temp, 'not without HUP');
	hup(qr/settings were read again/, 'HUP');
	mail_is($perm, 'after');
};

# A message keeps the settings that it began with.
subtest 'a message that is under way' => sub {
	my $m = session($daemon, %sendmail, %tls);
	$m->mail('a@example.com');
	$m->rcpt('b@example.org');
	$daemon->configure('default-class' => 'perm', mode => 'monitor');
	hup(qr/settings were read again/, 'HUP');
	$m->message;
	is(($daemon->audit)[-1]{mode}, 'enforce', 'keeps its mode');
	$m->mail('a@example.com');
	$m->rcpt('b@example.org');
	$m->message;
	is(($daemon->audit)[-1]{mode}, 'monitor', 'the next has the new one');
};

subtest 'a setting that can not' => sub {
	$daemon->configure('default-class' => 'perm',
	    socket => "unix:$daemon->{dir}/other.sock");
	hup(qr/setting socket: cannot change while the daemon runs/,
	    'is refused by name');
	mail_is($perm, 'the others are taken over');
	ok(!-e "$daemon->{dir}/other.sock", 'the socket stays');
};

subtest 'a bad file' => sub {
	$daemon->configure('default-class' => 'temp', mode => 'perhaps',
	    'log-level' => 'loud');
	hup(qr/the old settings stay in force/, 'is refused');
	logged($daemon, qr/setting mode: .*perhaps/, 'with its first fault');
	logged($daemon, qr/setting log-level: .*loud/, 'and its second');
	mail_is($perm, 'nothing of it is in force');
	unlink $daemon->{conf};
	hup(qr/the old settings stay in force/, 'a missing one, too');
	mail_is($perm, 'nothing changes');
	# A settings file that would be waited for, or has no end, is refused.
	my %no_file = (
		'a FIFO' => sub { POSIX::mkfifo($_[0], 0666) },
		'a device' => sub { symlink '/dev/zero', $_[0] },
		'a folder' => sub { mkdir $_[0] });
	for my $what (sort keys %no_file) {
		$no_file{$what}->($daemon->{conf}) or die "$what: $!\n";
		hup(qr/the old settings stay in force/, "$what, too");
		mail_is($perm, 'nothing changes');
		rmdir $daemon->{conf} or unlink $daemon->{conf};
	}
	$daemon->configure;
	hup(qr/settings were read again/, 'a good one again');
	# A settings file cut off anywhere is refused: a missing setting must not
	# become its default.
	$daemon->configure('default-class' => 'perm', mode => 'enforce');
	hup(qr/settings were read again/, 'whole');
	my $whole = Tlspolicy::Scratch::slurp($daemon->{conf});
	my @cuts = (0, (map { length($whole) - $_ } 1 .. 7),
	    index($whole, "default-class") + 5,
	    index($whole, "\n", index $whole, "default-class"));
	for my $cut (@cuts) {
		scratch()->write("$daemon->{name}/tlspolicy.conf",
		    substr $whole, 0, $cut);
		hup(qr/the old settings stay in force/, "cut at $cut");
		mail_is($perm, 'nothing changes');
	}
	unlink $daemon->{conf};
	symlink '/dev/null', $daemon->{conf};
	hup(qr/settings were read again/, 'nothing, and meant so');
	unlink $daemon->{conf};
	$daemon->configure;
	hup(qr/settings were read again/, 'whole again');
};

subtest 'the audit log' => sub {
	my $audit = "$daemon->{dir}/audit.log";
	rename $audit, "$audit.1";
	$daemon->hup;
	ok(Tlspolicy::Scratch::wait_for(60, sub { -e $audit }), 'is opened anew');
	my $before = -s "$audit.1";
	mail_is($temp, 'a refusal');
	is(scalar(() = $daemon->audit_after(0)), 2,
	    'is in the new file, behind the link to the old one');
	is(-s "$audit.1", $before, 'and not in the old one');
};

subtest 'other signals' => sub {
	for my $signal (qw(USR1 USR2 PIPE)) {
		kill $signal, $daemon->{pid};
		mail_is($temp, "$signal does no harm");
	}
};

subtest 'log-level = debug' => sub {
	$daemon->configure('log-level' => 'debug');
	hup(qr/settings were read again/, 'HUP');
	mail_is($temp, 'a refusal');
	logged($daemon, qr/session [0-9a-f]+: .*TLS_Clt/i, 'is explained');
};

for my $signal (qw(TERM INT)) {
	subtest $signal => sub {
		my $idle = session($daemon);
		my $m = session($daemon, %sendmail, %tls);
		$m->mail('a@example.com');
		kill $signal, $daemon->{pid};
		my $status =
		    Tlspolicy::Scratch::wait_pid($daemon->{pid}, 60);
		is($status, 0, 'ends it with exit code 0');
		ok(!-e "$daemon->{dir}/milter.sock", 'the socket is gone');
		answer_is($m->rcpt('b@example.org'), 'closed',
		    'a session is cut off, nothing is accepted');
		$daemon->run;
	};
}

done_testing;
