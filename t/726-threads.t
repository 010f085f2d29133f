#!/usr/bin/perl
#
# No thread can be started: sessions that have one go on; libmilter forgets those
# that it needs one for, whom nobody answers, and /metrics tells how many; our
# engine needs none.  Nothing is accepted unjudged, and new sessions are served
# when it is over.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HTTP::Tiny;
use Test::More;
use Tlspolicy::Fault;
use Tlspolicy::Talk;

my $missing = Tlspolicy::Daemon::missing() //
    Tlspolicy::Fault::Nth::missing(
    Tlspolicy::Daemon::program('tlspolicy-milter'));
plan skip_all => $missing if defined $missing;

my $fault = Tlspolicy::Fault::Nth->new(scratch());
my $port = Tlspolicy::Scratch::free_port();
my $daemon = daemon("TLS_Clt:example.com PERM+ENCR:112\n", env => $fault->env,
    settings => { metrics => "inet:$port\@127.0.0.1" });
my $own = $daemon->engine eq 'own';

sub waiting
{
	my $page = HTTP::Tiny->new(timeout => 60)->get(
	    "http://127.0.0.1:$port/metrics")->{content};
	return $page =~ /^tlspolicy_sessions_waiting (\d+)$/m ? $1 : 'none';
}

sub connect_raw
{
	return Tlspolicy::Milter->connect($daemon->socket, timeout => 2);
}

# The daemon connects to itself at its start: waits until that connection has been
# served.
ok(Tlspolicy::Scratch::wait_for(60, sub { waiting() eq '0' }), 'nobody waits');
my $old = session($daemon);
$fault->arm(kinds => 'thread', nth => 1, onward => 1);
# With libmilter each half packet keeps a thread.
my @half = map { connect_raw() } 1 .. 12;
$_->raw("\0\0\0") for @half;
my @new = map { connect_raw() } 1 .. 4;
my $served = grep { $_->negotiate } @new;
if ($own) {
	is($served, 4, 'all are served');
	is(waiting(), 0, 'nobody waits');
} else {
	cmp_ok($served, '<', 4, 'not all are served');
	ok(Tlspolicy::Scratch::wait_for(60, sub { waiting() > 0 }),
	    'those who wait are counted');
}
ok($fault->disarm > 0 || $own, 'no thread could be started');
for my $n (1 .. 5) {
	my $m = session($daemon);
	answer_is($m->mail('a@example.com'), [550, '5.7.10'],
	    "afterwards: session $n is judged");
}
ok($daemon->alive, 'the daemon is up');
is(scalar(grep { $_->{event} eq 'message' } $daemon->audit), 0,
    'nothing was accepted');
close $_->{sock} for @half, @new;
is($daemon->stop, 0, 'the daemon stops');
done_testing;
