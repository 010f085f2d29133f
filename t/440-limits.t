#!/usr/bin/perl
# tlspolicy-milter(8), Limits: a connection of the socketmap or the facts feed may
# rest for an hour, and a request has ten seconds to come whole; and what the
# socketmap logs in a minute of rules that an MTA's words cannot express.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Select;
use IO::Socket::UNIX;
use Test::More;
use Time::HiRes qw(time);
use Tlspolicy::Fault;
use Tlspolicy::Nexthop;
use Tlspolicy::Talk;

my $missing = Tlspolicy::Daemon::missing() // Tlspolicy::Fault::missing('clock');
plan skip_all => $missing if $missing;
my $clock = Tlspolicy::Fault::Clock->new(scratch());
my %path = map { $_ => scratch()->path("$_.sock") } qw(map facts);

# A daemon whose clock of connections runs so many times as fast.
sub hurried
{
	my ($times) = @_;
	return daemon("TLS_Rcpt:ca.test VERIFY+CITag:Ours\nOurs:/CN=Ours OK\n",
	    name => "hurried-$times", env => { %{$clock->env},
	    $times > 1 ? (FAULT_HASTE => $times) : () },
	    settings => { socketmap => "unix:$path{map}",
	    'facts-socket' => "unix:$path{facts}" });
}

sub peer
{
	my ($which) = @_;
	return Tlspolicy::Scratch::wait_for(60, sub {
		IO::Socket::UNIX->new(Peer => $path{$which}) }) //
	    die "$path{$which}: $!\n";
}

# Seconds until the daemon has closed the connection, -1 if it does not.
sub closes_after
{
	my ($sock, $began) = @_;
	return -1 unless IO::Select->new($sock)->can_read(120);
	return sysread($sock, my $byte, 1) ? -1 : time - $began;
}

# The daemon's clock is faster only: a busy machine makes each wait longer, and
# the lower bound still holds.
for (['a connection that rests', 3600, 1200, '', qr/no request for an hour/],
    ['half a request', 10, 20, '3', qr/neither completed a request nor/]) {
	my ($what, $seconds, $times, $bytes, $why) = @$_;
	my $daemon = hurried($times);
	for my $which (sort keys %path) {
		my $began = time;
		my $sock = peer($which);
		print $sock $bytes if $bytes ne '';
		$sock->flush;
		my $after = closes_after($sock, $began);
		cmp_ok($after * $times, '>=', 0.9 * $seconds,
		    "$what, $which: not before $seconds s") or diag($daemon->log);
		cmp_ok($after, '<', 120, "$what, $which: is closed");
	}
	logged($daemon, $why, "$what: the log says why");
	is($daemon->stop, 0, 'the daemon stops');
}

# Twenty lines at once, and with the next one how many there were.
my $daemon = hurried(1);
peer('map');
my $map = Tlspolicy::Nexthop->connect($path{map});
my $began = time;
like($map->ask('ca.test'), qr/^TEMP /, 'a rule that Postfix has no words for')
    for 1 .. 60;
my $took = time - $began;
SKIP: {
	skip("60 questions took $took s", 1) if $took > 50;
	my $lines = sub { scalar(() = $daemon->log =~ /cannot be expressed/g) };
	Tlspolicy::Scratch::wait_for(60, sub { $lines->() >= 20 });
	is($lines->(), 20, 'twenty lines of 60');
}
is($daemon->stop, 0, 'the daemon stops');
done_testing;
