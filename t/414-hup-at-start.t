#!/usr/bin/perl
# HUPs that come while libmilter's thread is being started must not end it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Daemon;
use Tlspolicy::Milter;
use Tlspolicy::Scratch;

my $missing = Tlspolicy::Daemon::missing();
plan skip_all => $missing if $missing;

my $daemon = Tlspolicy::Daemon->new(scratch => Tlspolicy::Scratch->new);
my $served = 0;
my $starts = 60;
for (1 .. $starts) {
	$daemon->run;
	# The socket accepts a moment before that thread runs.
	$daemon->hup for 1 .. 3000;
	my $m = Tlspolicy::Milter->connect($daemon->socket, timeout => 30);
	$served++ if $m && $m->negotiate;
	$daemon->stop;
}
is($served, $starts, 'the first session after each start is served') or
    diag($daemon->log);
done_testing;
