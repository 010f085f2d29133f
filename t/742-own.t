#!/usr/bin/perl
#
# The tests that speak the milter protocol, once more with `engine = own'.  All
# the others of 4xx to 7xx take it, too: TLSPOLICY_ENGINE=own scripts/check.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Daemon;
use Tlspolicy::Scratch;

my @tests = qw(400-negotiation 401-verdicts 402-state 403-values 405-header
    409-hold 413-signals 415-few-files 417-activation 417-packets 418-security
    421-unrecorded 422-audit-disk 423-audit-file 430-audit 435-announce
    444-facts-feed 446-header-from 446-privacy 511-transactions
    611-transactions 615-inet 710-kill 723-store-faults 724-files 725-clock
    740-hostile-peers);

my $missing = Tlspolicy::Daemon::missing();
plan skip_all => $missing if $missing;
plan skip_all => 'every test has it' if ($ENV{TLSPOLICY_ENGINE} // '') eq 'own';

$ENV{TLSPOLICY_ENGINE} = 'own';
# Few kills are enough: each has thousands of records under way.
$ENV{TLSPOLICY_KILLS} //= 3;
$ENV{TLSPOLICY_IDLE} //= 2000;
for my $test (@tests) {
	my ($file) = glob "$FindBin::Bin/$test*.t";
	ok(defined $file, "$test is there") or next;
	my $r = Tlspolicy::Scratch::run({ timeout => 600 }, $^X, $file);
	my ($why) = $r->{out} =~ /^1\.\.0 # SKIP (.*)/mi;
	if (defined $why) {
		SKIP: { skip "$test: $why", 1; }
		next;
	}
	ok($r->{status} == 0, $test) or diag(substr $r->{out} . $r->{err}, -6000);
}
done_testing;
