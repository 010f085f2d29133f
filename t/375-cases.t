#!/usr/bin/perl
#
# Every case in t/data/cases: see its README.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Scratch;

my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
plan skip_all => "$tlspolicy is not built" unless -x $tlspolicy;
my $scratch = Tlspolicy::Scratch->new;
my $cases = "$FindBin::Bin/data/cases";

sub slurp {
	my ($path) = @_;

	open my $fh, '<', $path or die "$path: $!";
	local $/;
	return scalar <$fh>;
}

sub run_block {
	my ($name, $in, $tmp, $block) = @_;
	my @lines = map { /^([a-z-]+): (.*)$/ ? [$1, $2] : die "$name: $_" }
	    split /\n/, $block;
	my ($run) = map { $_->[1] } grep { $_->[0] eq 'run' } @lines;
	my $r = Tlspolicy::Scratch::run($tlspolicy, map { s/\{in\}/$in/gr =~
	    s/\{tmp\}/$tmp/gr } split / /, $run);

	for (@lines) {
		my ($what, $want) = @$_;
		my ($no, $stream) = $what =~ /^(no-)?(out|err)$/;

		is($r->{status}, $want, "$name: $run: status")
		    if $what eq 'status';
		next unless $stream;
		$no ? unlike($r->{$stream}, qr/$want/m, "$name: $run: $what") :
		    like($r->{$stream}, qr/$want/m, "$name: $run: $what");
	}
}

for my $case (glob "$cases/*.case") {
	my ($name) = $case =~ m{([^/]+)\.case$};
	my $tmp = $scratch->path($name);

	mkdir $tmp;
	run_block($name, "$cases/$name.in", $tmp, $_)
	    for split /\n\n+/, slurp($case);
}
# An .expect has a test of its own, which README names.
is_deeply([map { s/in$//r } glob "$cases/*.in"],
    [sort map { s/(?:case|expect)$//r } glob "$cases/*.{case,expect}"],
    'an input for each case');
done_testing;
