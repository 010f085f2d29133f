#!/usr/bin/perl
#
# The daemon runs out of file descriptors: sessions that are open go on, new
# ones are served when there are descriptors again.  And 10,000 connections
# that say nothing: the others are served.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes qw(time);
use Tlspolicy::Talk;

my $limits = '/usr/bin/prlimit';
plan skip_all => "no $limits here" unless -x $limits;
my $idle = $ENV{TLSPOLICY_IDLE} // 10_000;

my $daemon = daemon("TLS_Clt:example.com PERM+ENCR:112\n");
my $refused = [550, '5.7.10'];

sub limit
{
	my ($pid, $files) = @_;
	return system("$limits --pid $pid --nofile=$files 2>/dev/null") == 0;
}

sub open_files
{
	my @open = glob "/proc/$daemon->{pid}/fd/*";
	return scalar @open;
}

sub memory
{
	return Tlspolicy::Scratch::slurp("/proc/$daemon->{pid}/status") =~
	    /^VmRSS:\s+(\d+)/m ? $1 : 0;
}

# A new session's answer at MAIL, however long it waits to be accepted.
sub new_session
{
	my ($name) = @_;
	my $m = session($daemon);
	ok($m, "$name: negotiates") or return;
	answer_is($m->mail('a@example.com'), $refused, "$name: judged");
	$m->quit;
}

sub connect_idle
{
	return Tlspolicy::Milter->connect($daemon->socket);
}

subtest 'no descriptors left' => sub {
	my @old = map { session($daemon) } 1 .. 5;
	my $files = open_files();
	my ($soft) = Tlspolicy::Scratch::slurp(
	    "/proc/$daemon->{pid}/limits") =~ /^Max open files\s+(\d+)/m;
	ok(limit($daemon->{pid}, $files + 10 . ':'), 'ten more files at most');
	my @waiting = map { connect_idle() } 1 .. 40;
	Tlspolicy::Scratch::wait_for(5, sub {
		open_files() >= $files + 10 });
	for (@old) {
		answer_is($_->mail('a@example.com'), $refused,
		    'an open session goes on');
	}
	my $r = $daemon->rules("TLS_Clt:example.com TEMP+ENCR:112\n");
	is($r->{status}, 0, 'build');
	answer_is($old[0]->mail('a@example.com'), [451, '4.7.10'],
	    'by the newest generation');
	$daemon->rules("TLS_Clt:example.com PERM+ENCR:112\n");
	ok($daemon->alive, 'the daemon is up');
	close $_->{sock} for grep { defined } splice @waiting;
	new_session('when others have gone');
	ok(limit($daemon->{pid}, "$soft:"), 'more files');
	new_session('with more files');
	$_->quit for @old;
};

subtest "$idle connections that say nothing" => sub {
	my $need = $idle + 100;
	plan skip_all => "cannot have $need files"
	    unless limit($$, "$need:$need") || limit($$, "$need:");
	plan skip_all => "the daemon cannot have $need files"
	    unless limit($daemon->{pid}, "$need:");
	new_session('before');
	my $before = memory();
	my @idle = grep { defined } map { connect_idle() } 1 .. $idle;
	is(scalar @idle, $idle, 'all are there');
	my $start = time;
	new_session('beside them');
	my $took = time - $start;
	cmp_ok($took, '<', 5, 'within 5 s');
	my $each = (memory() - $before) / $idle;
	cmp_ok($each, '<', 8, 'each costs less than 8 kB') unless
	    Tlspolicy::Scratch::slurp("/proc/$daemon->{pid}/maps") =~
	    /lib[atu](?:san|bsan)\b/;
	diag(sprintf '%d idle connections: %.1f kB each, a session beside '
	    . 'them in %.3f s', $idle, $each, $took);
	close $_->{sock} for @idle;
	ok(Tlspolicy::Scratch::wait_for(20, sub { open_files() < 100 }),
	    'all are given back') or diag(open_files());
	new_session('afterwards');
};

is($daemon->stop, 0, 'the daemon ends');
done_testing;
