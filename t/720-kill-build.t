#!/usr/bin/perl
#
# tlspolicy build is killed at random moments while sessions are judged: each
# verdict is one whole generation's, the store opens every time, and what dead
# readers held is given back.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HTTP::Tiny;
use JSON::PP ();
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);
use Tlspolicy::Talk;
use Tlspolicy::Traffic;

my $kills = $ENV{TLSPOLICY_KILLS} // 25;
my $hosts = 2000;

# All rules of policy $n ask for the same number of bits.
sub policy
{
	my ($n) = @_;
	return join '', map { "TLS_Clt:h$_.example PERM+ENCR:$n\n" }
	    1 .. $hosts + $n % 7 * 300;
}

# The policies that a text speaks of.
sub policies
{
	my ($text) = @_;
	my %seen = map { $_ => 1 } $text =~ /(?:ENCR:|at least )(\d+)/g;
	return sort { $a <=> $b } keys %seen;
}

my $daemon = daemon(policy(1000));
my $scratch = scratch();
my $number = 1000;

# Each refusal as the one policy that it speaks of.
sub judged
{
	my $m = Tlspolicy::Milter->connect($daemon->socket) or return 'closed';
	$m->negotiate or return 'closed';
	my $host = 'h' . (1 + int rand $hosts) . '.example';
	$m->set(%sendmail, client_name => $host);
	$m->conn($host, '192.0.2.1');
	$m->helo($host);
	my @words;
	for (1 .. 10) {
		my $r = $m->mail('a@example.com');
		my @n = policies($r->{text} // '');
		push @words, $r->{action} eq 'reply' && @n == 1 ?
		    "policy:$n[0]" : "wrong:$r->{action} " . ($r->{text} // '');
	}
	$m->quit;
	return @words;
}

# Starts a build of the next policy: the pid of a child to be waited for.
sub start_build
{
	my $log = $scratch->path('build.log');
	$number++;
	$scratch->write('milter/rules', policy($number));
	return Tlspolicy::Scratch::start_child(
	    Tlspolicy::Daemon::program('tlspolicy'), 'build', '-c',
	    $daemon->{conf}, { out => $log, err => $log });
}

sub time_of_build
{
	my $start = time;
	Tlspolicy::Scratch::wait_pid(start_build(), 60);
	return time - $start;
}

# Why the store that a killed build left is not whole, or undef.
sub broken
{
	my $r = $daemon->tlspolicy('show');
	return "exit $r->{status}: $r->{err}" if $r->{status};
	my @n = policies($r->{out});
	return "policies @n side by side" if @n != 1;
	my $rules = () = $r->{out} =~ /\n/g;
	my $want = $hosts + $n[0] % 7 * 300;
	return "$rules rules, want: $want" if $rules != $want;
	return undef;
}

subtest "$kills builds killed" => sub {
	my $longest = 1.1 * (sort { $a <=> $b } map { time_of_build() }
	    1 .. 5)[2];
	my $traffic = Tlspolicy::Traffic->start($scratch, 2, \&judged);
	my ($killed, @broken) = (0);
	for (1 .. $kills) {
		my $pid = start_build();
		sleep rand $longest;
		kill 'KILL', $pid;
		waitpid $pid, 0;
		$killed++ if ($? & 127) == 9;
		my $why = broken();
		push @broken, $why if defined $why;
	}
	Tlspolicy::Scratch::wait_pid(start_build(), 60);
	my $start = $traffic->count;
	Tlspolicy::Scratch::wait_for(60, sub { $traffic->count > $start + 100 });
	my $words = $traffic->finish;
	my @wrong = grep { !/^policy:\d+$/ } keys %$words;
	my $sessions = 0;
	$sessions += $_ for values %$words;

	cmp_ok($killed, '>', $kills / 5, 'many of them before their end');
	is_deeply(\@broken, [], 'the store opens every time and is whole');
	is_deeply([splice @wrong, 0, 5], [], 'each verdict is one policy\'s');
	cmp_ok($words->{"policy:$number"} // 0, '>', 0,
	    'a build that lives is in force');
	ok($daemon->alive, 'the daemon is up');
	reconcile($words);
	diag(sprintf '%d builds killed of %d, %d verdicts by %d policies',
	    $killed, $kills, $sessions, scalar keys %$words);
};

# The records tell generations: to each belongs one policy, a later one to a
# later generation, and the records are those that clients were told.
sub reconcile
{
	my ($words) = @_;
	my (%policy, %recorded, @mixed, @back);
	for my $line ($daemon->audit_lines) {
		next unless $line =~ /"event":"refused-mail"/;
		my $record = JSON::PP::decode_json($line);
		my @n = policies($line);
		my $g = $record->{generation};
		push @mixed, $line if @n != 1 ||
		    ($policy{$g} //= $n[0]) != $n[0];
		$recorded{"policy:$n[0]"}++;
	}
	my @ordered = map { $policy{$_} } sort { $a <=> $b } keys %policy;
	for (1 .. $#ordered) {
		push @back, $ordered[$_] if $ordered[$_] <= $ordered[$_ - 1];
	}
	is_deeply(\@mixed, [], 'each generation has one policy');
	is_deeply(\@back, [], 'and the next a later one');
	is_deeply(\%recorded, $words, 'the records are what clients were told');
	my $r = $daemon->tlspolicy('audit', 'verify');
	is($r->{status}, 0, 'the log is whole') or diag($r->{err});
}

# Commands that read have slots in the lock file, 64 bytes each with their
# process id behind the number of the snapshot; a daemon has none.
subtest 'readers killed' => sub {
	my $watched = daemon(policy(1000), name => 'watched');
	my @readers;
	my $used = sub {
		my %reader = map { $_ => 1 } @readers, @_;
		my $lock = Tlspolicy::Scratch::slurp("$watched->{store}-lock");
		my ($head, undef, @slots) = unpack '(a64)*', $lock;
		my $n = unpack 'x56 L', $head;
		return scalar grep { $reader{unpack 'x8 L', $_} }
		    @slots[0 .. $n - 1];
	};
	my $pipe = $scratch->path('pipe');
	POSIX::mkfifo($pipe, 0600) or die "mkfifo: $!\n";
	# The pipe is not read, so that the commands stop in the middle of their
	# transaction.
	open my $end, '+<', $pipe or die "$pipe: $!\n";
	@readers = map { Tlspolicy::Scratch::start_child(
	    Tlspolicy::Daemon::program('tlspolicy'), 'show', '-c',
	    $watched->{conf}, { out => $pipe, err => '/dev/null' }) }
	    1 .. 20;
	ok(Tlspolicy::Scratch::wait_for(60, sub { $used->() == 20 }),
	    'each reader holds a slot') or diag($used->());
	is($used->($watched->{pid}), 20, 'the daemon has none');
	kill 'KILL', @readers;
	waitpid $_, 0 for @readers;
	is($used->(), 20, 'and holds it when dead');
	is($watched->rules(policy(1001))->{status}, 0, 'the next build');
	is($used->(), 0, 'gives them back');
	my $size = -s $watched->{store};
	$watched->rules(policy(1002)) for 1 .. 12;
	cmp_ok(-s $watched->{store}, '<=', 3 * $size,
	    'dead readers keep no old generations');
	is($watched->stop, 0, 'the daemon ends');
};

is($daemon->stop, 0, 'the daemon ends');
done_testing;
