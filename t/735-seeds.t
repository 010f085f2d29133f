#!/usr/bin/perl
#
# The fuzz targets without a fuzzer: each seed of t/fuzz/corpus, whole and with
# one thing wrong at each byte, and what must hold then (t/fuzz/README).  The
# same inputs each time.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Scratch;

my $builddir = Tlspolicy::Scratch::builddir();
my $fuzz = Tlspolicy::Scratch::topdir() . '/t/fuzz';
plan skip_all => "$builddir/t/seeds is not built" unless -d "$builddir/t/seeds";

my @targets = map { m{([^/]+)\.c$} } glob "$fuzz/*.c";
cmp_ok(scalar @targets, '>', 10, 'there are targets');
for my $target (@targets) {
	my $scratch = Tlspolicy::Scratch->new;
	local $ENV{TLSPOLICY_FUZZ_DIR} = $scratch->{dir};
	my $input = $scratch->path('input');
	my $r = Tlspolicy::Scratch::run({ timeout => 300 },
	    "$builddir/t/seeds/$target", "$fuzz/corpus/$target", $input);
	my ($seeds, $tried) = $r->{out} =~ /(\d+) seeds, (\d+) inputs$/m;
	ok($r->{status} == 0 && ($tried // 0) > 10 * ($seeds // 0),
	    "$target: " . ($tried // 'an input that does not hold')) or
	    diag("exit $r->{status}; the input: $input\n" .
	    substr $r->{err}, -2000);
}
done_testing;
