#!/usr/bin/perl
#
# FAULTS in tlspolicy-milter(8): each line of the log that it quotes is one that
# the programs print, and that a test waits for.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Tree;

my ($faults) = Tlspolicy::Tree::text('man/tlspolicy-milter.8') =~
    /^\.Sh FAULTS\n(.*?)^\.Sh /ms;
my @said = $faults =~ /^\.Dl (.+)$/mg;
cmp_ok(scalar @said, '>', 10, 'lines of the log');

# All that stands in quotes, joined as the compiler does.
my $printed = join "\n", map { my $code = Tlspolicy::Tree::code($_);
    $code =~ s/"\s*\n\s*"//g; $code =~ /"((?:[^"\\]|\\.)*)"/g }
    Tlspolicy::Tree::files(qr{^(?:policy|milter)/.*\.c$});
my $tests = join "\n", map { Tlspolicy::Tree::text($_) =~ s/\\//gr }
    Tlspolicy::Tree::files(qr{^t/(?:[0-7]\d\d-.*|lib/.*)\.(?:t|pm)$});

# A text of the system, not ours.
my %system = map { $_ => 1 } 'Permission denied', 'Too many open files';

for my $line (@said) {
	my @pieces = grep { /\w/ } split /\.\.\.|: (?=Too many)|^audit log: |; nothing.*/,
	    $line;
	for my $piece (@pieces) {
		my $words = $piece =~ s/^[\s;:]+|[\s;:]+$//gr;
		ok($system{$words} || index($printed, $words) >= 0,
		    "printed: $words") or diag($line);
		ok(index($tests, $words) >= 0 ||
		    index($tests, $words =~ s/\d+ s$/d+ s/r) >= 0,
		    "waited for: $words") or diag($line);
	}
}

done_testing;
