#!/usr/bin/perl
#
# The pages of the manual: clean, installed, and pointing to pages that exist.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Tree;

my $top = Tlspolicy::Scratch::topdir();
my @pages = Tlspolicy::Tree::files(qr{^man/[^/]+\.\d$});
my %here = map { $_ => 1 } @pages;

cmp_ok(scalar @pages, '>=', 6, 'pages were found');

SKIP: {
	skip 'no mandoc', scalar @pages
	    if system('mandoc -T lint /dev/null >/dev/null 2>&1') >> 8 > 6;
	for my $page (@pages) {
		my $r = Tlspolicy::Scratch::run('mandoc', '-T', 'lint',
		    '-W', 'warning', "$top/$page");
		is("$r->{out}$r->{err}", '', "$page is clean");
	}
}

# On most systems groff sets them, in 80 columns.
SKIP: {
	skip 'no groff', scalar @pages
	    if system('groff -mandoc -Tutf8 /dev/null >/dev/null 2>&1') != 0;
	for my $page (@pages) {
		my $r = Tlspolicy::Scratch::run('groff', '-mandoc', '-Tutf8',
		    '-t', '-ww', '-rLL=78n', "$top/$page");
		# A line that is short is no mistake; newer releases say so.
		is($r->{err} =~ s/^.*: cannot adjust line\n//gmr, '',
		    "$page: groff sets it");
	}
}

my ($make) = Tlspolicy::Tree::text('Makefile.am') =~ s/\\\n//gr;
my %installed = map { $_ => 1 } map { split ' ' }
    $make =~ /^dist_man_MANS\s*\+?=(.*)/mg;
is_deeply([sort keys %installed], \@pages, 'Makefile.am installs each page');

for my $page (@pages) {
	my $text = Tlspolicy::Tree::text($page);
	my ($name, $section) = $page =~ m{([^/]+)\.(\d)$};
	like($text, qr/^\.Dt \U\Q$name\E \Q$section\E$/m, "$page: title");
	my %seen;
	my @missing = grep { !$here{"man/$_"} && !$seen{$_}++ } map { s/ /./r }
	    $text =~ /^\.(?:It )?Xr (tlspolicy[\w.-]* \d)/mg;
	is("@missing", '', "$page: the pages that it names exist");
}

# tlspolicy(1) is where a reader begins.
my ($also) = Tlspolicy::Tree::text('man/tlspolicy.1') =~ /^\.Sh SEE ALSO\n(.*)/ms;
my %also = map { s/ /./r => 1 } $also =~ /^\.Xr (\S+ \d)/mg;
is_deeply([grep { $_ ne 'tlspolicy.1' && !$also{$_} } map { s{^man/}{}r }
    @pages], [], 'tlspolicy(1) names every page');

# What a page cites the others by is its name; so is what NAME says.
for my $page (@pages) {
	my ($name) = $page =~ m{([^/]+)\.\d$};
	like(Tlspolicy::Tree::text($page), qr/^\.Nm \Q$name\E$/m,
	    "$page: NAME");
}

done_testing;
