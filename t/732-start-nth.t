#!/usr/bin/perl
#
# The start of the daemon with its n-th call of memory, disk, store, descriptor
# or thread failing, once and from then on: it ends with a message and a code of
# sysexits.h, or it serves; never by a signal, never half started, never telling
# the service manager that it is ready when it is not.
#
# A sample of n; TLSPOLICY_FAULTS=all takes every one (scripts/soak-faults).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Select;
use IO::Socket::UNIX;
use POSIX qw(WNOHANG);
use Socket qw(SOCK_DGRAM);
use Test::More;
use Time::HiRes qw(time);
use Tlspolicy::Fault;
use Tlspolicy::Talk;

my $program = Tlspolicy::Daemon::program('tlspolicy-milter');
my $missing = Tlspolicy::Daemon::missing() //
    Tlspolicy::Fault::Nth::missing($program);
plan skip_all => $missing if defined $missing;

my $all = ($ENV{TLSPOLICY_FAULTS} // '') eq 'all';
my $fault = Tlspolicy::Fault::Nth->new(scratch());
my $map = scratch()->path('map.sock');
mkdir scratch()->path('keys') or die "keys: $!\n";
my $key = scratch()->path('keys/now');
Tlspolicy::Scratch::must(Tlspolicy::Daemon::program('tlspolicy'), 'audit', 'key',
    '-r', $key);
my $signer = scratch()->path('signer');
Tlspolicy::Scratch::must(Tlspolicy::Daemon::program('tlspolicy'), 'audit', 'key',
    '-n', 'mx.example.org', $signer);
my $port = Tlspolicy::Scratch::free_port();
# A daemon with every service that it can have beside the milter's socket.
my %services = map { $_->[0] => 'unix:' . scratch()->path($_->[1]) }
    ['facts-socket', 'facts.sock'], ['tlsrpt-socket', 'tlsrpt.sock'];
my $daemon = Tlspolicy::Daemon->new(scratch => scratch(),
    rules => "TLS_Clt:example.com PERM+ENCR:112\n", settings => {
    'audit-key-file' => $key, socketmap => "unix:$map", %services,
    metrics => "inet:$port\@127.0.0.1", privacy => 'days:2',
    'checkpoint-key-file' => $signer,
    'checkpoint-file' => scratch()->path('checkpoints') });
# A plan that would let in whom the policy refuses.
scratch()->write("$daemon->{name}/to-come", "TLS_Clt:example.com OK\n");
Tlspolicy::Scratch::must(Tlspolicy::Daemon::program('tlspolicy'), 'plan', '-c',
    $daemon->{conf}, "$daemon->{dir}/to-come");
my $manager = IO::Socket::UNIX->new(Type => SOCK_DGRAM,
    Local => scratch()->path('notify.sock')) or die "notify.sock: $!\n";
my $log = scratch()->path('start.log');
# gcov writes its counts at the end, and dies when it has no memory for that.
my $counted = `nm $program` =~ / T __gcov_dump/;

sub told_ready
{
	my $told = 0;
	while (IO::Select->new($manager)->can_read(0)) {
		$manager->recv(my $text, 1000);
		$told = 1 if $text =~ /^READY=1/m;
	}
	return $told;
}

sub start
{
	unlink $log, $map, $daemon->{dir} . '/milter.sock',
	    map { s/^unix://r } values %services;
	told_ready();
	return Tlspolicy::Scratch::start_child($program, '-c',
	    $daemon->{conf}, { out => $log, err => $log, env => {
	    %{$fault->env}, NOTIFY_SOCKET => scratch()->path('notify.sock') } });
}

sub refuses
{
	my $m = Tlspolicy::Milter->connect($daemon->socket, timeout => 10);
	return 0 unless $m && eval { $m->negotiate };
	$m->set(%sendmail);
	$m->conn('mail.example.com', '192.0.2.1');
	$m->helo('client.example.com');
	return ($m->mail('a@x.example')->{code} // 0) == 550;
}

# Why an end is none that a service manager and an operator can use.
sub bad_end
{
	my ($status, $ready) = @_;
	my $said = Tlspolicy::Scratch::slurp($log);
	return 'signal ' . ($status & 127) if $status & 127;
	return 'exit ' . ($status >> 8) unless $status >> 8 >= 64 &&
	    $status >> 8 <= 78;
	return 'no message' unless $said =~ /^tlspolicy-milter: .+\n/m;
	return '';
}

# OpenSSL 3.5 whose memory ends while it starts itself waits for itself for ever,
# before anything is served; a service manager's time for starts ends that.
sub waits_in_openssl
{
	my ($pid) = @_;
	my ($call, $at) = split ' ',
	    eval { Tlspolicy::Scratch::slurp("/proc/$pid/syscall") } // '';
	return 0 unless ($call // '') eq '202'; # futex(2)
	no warnings 'portable'; # addresses of 64 bits
	my $last = '';
	for (split /\n/, Tlspolicy::Scratch::slurp("/proc/$pid/maps")) {
		my ($from, $to, $path) =
		    /^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \S+ *(\S*)/;
		# What is zero at first has no file, and lies behind.
		$last = $path if $path ne '';
		return $last =~ /libcrypto/ ? 1 : 0
		    if hex $at >= hex $from && hex $at < hex $to;
	}
	return 0;
}

# One start: whether a call was hit, and what is wrong with it.
sub once
{
	my (%how) = @_;
	$fault->arm(%how);
	my $pid = start();
	my ($ready, $ended, $status) = (0, 0);
	Tlspolicy::Scratch::wait_for(5, sub {
		$ended = waitpid($pid, WNOHANG) == $pid;
		$status = $?;
		return $ended || ($ready ||= told_ready());
	});
	my $hit = $fault->disarm;
	$ready ||= told_ready();
	return ($hit, bad_end($status)) if $ended;
	# The store is looked for once a second.
	my $served = Tlspolicy::Scratch::wait_for(60, sub {
		$ended = waitpid($pid, WNOHANG) == $pid;
		$status = $?;
		return $ended || refuses() || waits_in_openssl($pid);
	}) && !waits_in_openssl($pid);
	return ($hit, bad_end($status)) if $ended;
	my $stuck = !$served && waits_in_openssl($pid);
	$status = Tlspolicy::Scratch::end_pid($pid);
	return ($hit, '') if $stuck;
	return ($hit, 'neither ended nor served') unless $served;
	return ($hit, "ended with $status") if $status;
	return ($hit, $ready ? '' : 'served, and not said to be ready')
	    unless $how{onward} || $how{kinds} =~ /write|memory/;
	return ($hit, '');
}

sub following
{
	my ($n) = @_;
	return $all || $n < 6 ? $n + 1 : $n + 1 + int($n / 4);
}

sub loop
{
	my ($kinds, $from) = @_;
	for my $onward ($kinds eq 'memory' && $counted ? 0 : (0, 1)) {
		my ($n, $hits, $missed, @wrong) = (1, 0, 0);
		while ($missed < 2 && @wrong < 6) {
			my ($hit, $why) = once(kinds => $kinds, nth => $n,
			    onward => $onward, from => $from);
			push @wrong, "n = $n: $why" if $why ne '';
			$hits++ if $hit;
			$missed = $hit ? 0 : $missed + 1;
			$n = following($n);
		}
		is("@wrong", '', "$kinds of $from" .
		    ($onward ? ' from n on' : ', the n-th') . ", $hits hit")
		    or diag(Tlspolicy::Scratch::slurp($log));
		note(sprintf '%.1f s', time - $^T);
	}
}

my ($hit, $why) = once(kinds => 'mdb', nth => 0);
is($why, '', 'without a fault');
# libc's own look for a user dies of an assertion, or worse, without memory.
loop('memory', $_) for 'program', 'not libc';
loop($_, 'anybody') for 'mdb', 'open', 'write+sync', 'thread', 'map', 'poll';

done_testing;
