#!/usr/bin/perl
#
# Each sentence of tlspolicy-security(7) is a promise with a test that tries to
# break it, or a limit that it admits: t/data/security has a line for each, and
# none for a sentence that is gone.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Tree;

my %skip = map { $_ => 1 } 'NAME', 'DESCRIPTION', 'PERMISSIONS', 'SEE ALSO',
    'STANDARDS';

# A sentence ends where a line does; the head of a list item belongs to it.
sub sentences
{
	my ($source) = @_;
	my ($text, @found) = '';
	for (split /\n/, $source) {
		if (/^\.(?:Bl|El|It|Pp|Bd|Ed|Dl|D1|Ss)\b(.*)/) {
			push @found, $text if $text =~ /\S/;
			$text = /^\.It (.+)/ ? "$1: " : '';
			next;
		}
		s/^\.(?:Po|Pc)\b//;
		s/^\.[A-Z][a-z] //;
		s/\b(?:Ic|Cm|Li|Xr|Pa) //g;
		s/ ([.,;:])$/$1/;
		$text .= ($text =~ /\S$/ ? ' ' : '') . $_;
		if (/\.$/) {
			push @found, $text;
			$text = '';
		}
	}
	return map { Tlspolicy::Tree::plain($_) =~ s/\s+/ /gr =~ s/ $//r }
	    grep { /\S/ } @found, $text;
}

my @parts = Tlspolicy::Tree::manual('tlspolicy-security.7');
my @said;
while (my ($name, $source) = splice @parts, 0, 2) {
	push @said, sentences($source) unless $skip{$name};
}
cmp_ok(scalar @said, '>', 60, 'sentences were found');

my (%row, @order);
for (split /\n/, Tlspolicy::Tree::text('t/data/security')) {
	next if /^#|^$/;
	my ($words, $test, $what) = split /\t+/;
	ok(!$row{$words}, "$words: one line") or next;
	$row{$words} = [$test // '', $what // ''];
	push @order, $words;
}

my %used;
for my $sentence (@said) {
	my @rows = grep { index($sentence, $_) == 0 } @order;
	is(scalar @rows, 1, "a test for: $sentence") or next;
	$used{$rows[0]}++;
}
is_deeply([grep { !$used{$_} } @order], [], 'no line for what is not said');
is_deeply([grep { ($used{$_} // 0) > 1 } @order], [],
    'no line for two sentences');

for (@order) {
	my ($test, $what) = @{$row{$_}};
	next if $test eq 'admits';
	my $text = -e Tlspolicy::Scratch::topdir() . "/t/$test" ?
	    Tlspolicy::Tree::text("t/$test") : '';
	ok($what ne '' && index($text, $what) >= 0,
	    "t/$test tries to break it: $_") or diag("looked for: $what");
}

done_testing;
