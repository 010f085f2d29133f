#!/usr/bin/perl
#
# The house rules that a machine can see: lengths, widths, words.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Tree;

use constant { FILE => 500, FUNCTION => 60, HEADER => 120, WIDTH => 100 };

my @files = Tlspolicy::Tree::files();
my @c = grep { m{^(?:policy|milter|t)/.*\.[ch]$} } @files;

sub none {
	my ($what, @wrong) = @_;
	is(join("\n", @wrong), '', $what);
}

# As on a screen: a tab goes to the next multiple of 8, UTF-8 is one column.
sub width {
	my ($line) = @_;
	utf8::decode($line);
	1 while $line =~ s/^([^\t]*)\t/$1 . ' ' x (8 - length($1) % 8)/e;
	return length $line;
}

my (@long_files, @long_functions, @long_headers, @wide, @ends);
for my $path (@c) {
	my @lines = split /\n/, Tlspolicy::Tree::text($path);
	# A unit test is as long as its tables.
	push @long_files, "$path: " . @lines
	    if $path =~ m{^(?:policy|milter)/.*\.c$} && @lines > FILE;
	push @long_headers, "$path: " . @lines
	    if $path =~ /\.h$/ && @lines > HEADER;
	my $start;
	for my $i (0 .. $#lines) {
		my $at = "$path:" . ($i + 1);
		push @wide, $at if width($lines[$i]) > WIDTH;
		push @ends, $at if $lines[$i] =~ /[ \t\r]$/;
		$start = $i if $lines[$i] eq '{';
		next unless $lines[$i] eq '}' && defined $start;
		push @long_functions, "$at: " . ($i - $start + 1)
		    if $i - $start + 1 > FUNCTION;
		undef $start;
	}
}
cmp_ok(scalar @c, '>', 50, 'C files were found');
none('no file of the programs has more than ' . FILE . ' lines', @long_files);
none('no function has more than ' . FUNCTION . ' lines', @long_functions);
none('no header has more than ' . HEADER . ' lines', @long_headers);
none('no line is wider than ' . WIDTH . ' columns', @wide);
none('no line ends in blanks', @ends);

# Put together here, so that this file does not hold them.
my %words = (
	'work that was left' => join('|', map { "\\b$_\\b" }
	    'TO' . 'DO', 'FIX' . 'ME', 'X' . 'XX'),
	'a path of one machine' => '(?<![\w.])/' . 'work/',
	'papers that are not here' => join('|', '\bDESIGN' . '\b', 'MTA-' . 'FACTS',
	    'PERF-' . 'FACTS', 'STYLE' . '\.md'),
);
for my $what (sort keys %words) {
	my @found;
	for my $path (@files) {
		my $n = 0;
		for (split /\n/, Tlspolicy::Tree::text($path)) {
			$n++;
			push @found, "$path:$n" if /$words{$what}/;
		}
	}
	none("no file speaks of $what", @found);
}

my @unguarded;
for my $path (grep { m{^(?:policy|milter)/.*\.h$} && $_ ne 'policy/policy.h' }
    @c) {
	my $code = Tlspolicy::Tree::code($path);
	push @unguarded, $path unless
	    $code =~ /\A\s*#ifndef (TLSPOLICY_\w+_H|\w+_H)\n#define \1\n/;
}
none('each header has its guard', @unguarded);

# An exported name carries its file's, or its folder's; or a word of its own,
# which then belongs to that folder alone.
sub begins_with {
	my ($name, @words) = @_;
	return grep { $name =~ /^\Q$_\E(?:_|$)/ } @words;
}
my (%by_name, %by_word);
for my $path (grep { m{^(?:policy|milter)/.*\.h$} } @c) {
	my ($folder, $file) = $path =~ m{([^/]+)/([^/]+)\.h$} or next;
	my ($stem) = $file =~ /^(.*?)(?:-internal)?$/;
	$stem =~ tr/-/_/;
	for my $name (Tlspolicy::Tree::code($path) =~
	    /^(?!typedef|static|#)\w[\w ]*[ *](\w+)\([^;{}]*\)[^;{}]*;/mg) {
		if (begins_with($name, $stem, $folder, $stem =~ s/s$//r)) {
			$by_name{$stem}{$folder} = 1
			    if begins_with($name, $stem);
		} else {
			my ($word) = $name =~ /^([a-z0-9]+)/ or next;
			$by_word{$word}{$folder} = $name;
		}
	}
}
my @strangers;
for my $word (sort keys %by_word) {
	my %owner = (%{$by_word{$word}}, %{$by_name{$word} // {}});
	push @strangers, map { "$_: $by_word{$word}{$_}()" }
	    sort keys %{$by_word{$word}} if keys %owner > 1;
}
none('a word in front of exported names belongs to one folder', @strangers);

done_testing;
