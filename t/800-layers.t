#!/usr/bin/perl
#
# Layers: who may include whom, and who may speak which library.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Tree;

# From the bottom to the top; policy/README has the same order.
my @layers = qw(base facts rules store eval conf outbound lint audit report
    suggest replay maillog import cert probe doctor check commands);
my %rank = map { $layers[$_] => $_ } 0 .. $#layers;

my @policy = Tlspolicy::Tree::files(qr{^policy/.*\.[ch]$});
my @milter = Tlspolicy::Tree::files(qr{^milter/.*\.[ch]$});

sub includes {
	my ($path) = @_;
	return Tlspolicy::Tree::code($path) =~ /^#\s*include\s+[<"]([^">]+)[>"]/mg;
}

# Fails once for all files, and names each offender.
sub none {
	my ($what, @wrong) = @_;
	is(join("\n", @wrong), '', $what);
}

sub naming {
	my ($pattern, @paths) = @_;
	return grep { Tlspolicy::Tree::code($_) =~ $pattern } @paths;
}

cmp_ok(scalar @policy, '>', 50, 'files of policy/ were found');
none('every folder of policy/ is a layer',
    grep { m{^policy/([^/]+)/} && !exists $rank{$1} } @policy);

my @upwards;
for my $path (@policy) {
	my ($from) = $path =~ m{^policy/([^/]+)/} or next;
	for my $header (includes($path)) {
		my ($to) = $header =~ m{^policy/([^/]+)/} or next;
		push @upwards, "$path includes $header"
		    if ($rank{$to} // 99) > ($rank{$from} // -1);
	}
}
none('policy/ includes only downwards', @upwards);

none('includes are written from the top', grep { my $path = $_;
    grep { !m{/} && -e Tlspolicy::Scratch::topdir() . '/' .
	($path =~ s{[^/]+$}{}r) . $_ } includes($path) } @policy, @milter);

none('policy/ knows neither libmilter nor milter/', grep {
    grep { m{^(?:milter|libmilter)/} } includes($_) } @policy);
none('policy/ does not speak the milter protocol',
    naming(qr/\b(?:SMFI[A-Z]*_|smfi_)/, @policy));

my @headers;
for my $path (@milter) {
	push @headers, map { "$path includes $_" }
	    grep { m{^policy/} && $_ ne 'policy/policy.h' } includes($path);
}
none('milter/ includes policy/policy.h and nothing else of policy/', @headers);

none('only policy/store speaks LMDB', grep { !m{^policy/store/} }
    naming(qr/\bMDB_|\bmdb_|\blmdb\.h/, @policy, @milter));
none('only eval/ turns what cannot be told into a verdict', grep {
    !m{^policy/(?:eval|conf|commands)/} }
    naming(qr/\bon_error_accept\b/, @policy));

# Time, randomness and threads are handed in, but for what talks to the world
# outside and for the rooms of one command.
none('only replay, cert, probe, doctor, check and commands have a clock or ' .
    'threads', grep { !m{^policy/(?:replay|cert|probe|doctor|check|commands)/} }
    naming(
    qr/\b(?:time|clock_gettime|gettimeofday|pthread_create|rand|random)\s*\(/,
    @policy));

done_testing;
