#!/usr/bin/perl
#
# What a newcomer asks first is answered by a file's name, in two steps from
# README: it names the map of a folder, one entry of the map has the words of
# the question, and the file that the entry names holds the answer.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Tree;

# The question, its words as the map has them, the one file that they lead to,
# and what that file holds.
my @asked = (
	['in which order are keys looked for?', qr/order of keys/,
	    'policy/eval/match.c', qr/^match_next_key\(/m],
	['what is the item PFS?', qr/CN, VER, FP/,
	    'policy/rules/item.c', qr/\.name = "PFS"/],
	['which settings are there?', qr/table of them: name, type, default/,
	    'policy/conf/settings.c', qr/\.name = "on-error"/],
	['what is done at RCPT?', qr/done at each step: MAIL, RCPT/,
	    'milter/session/step.c', qr/^step_rcpt\(/m],
	['how is the policy opened in LMDB?', qr/^open; -begin: read transactions/,
	    'policy/store/store.c', qr/\bmdb_\w+\(/],
	['which records were withdrawn?', qr/which records in them were withdrawn/,
	    'policy/audit/blocks.c', qr/CHAIN_WITHDRAWN|withdrawn/],
	['where does the text of a reply come from?',
	    qr/codes and texts of a refusal/, 'policy/eval/verdict.c',
	    qr/^verdict_reply\(/m],
	['is the file of a store trusted?', qr/looked at before it is believed/,
	    'policy/store/check.c', qr/^store_check\w*\(/m],
	['what does an MTA tell?', qr/an MTA each.*what it tells/,
	    'policy/facts/macro.c', qr/dialect_postfix/],
	['which columns has the report?', qr/the counters, a row each/,
	    'policy/report/count.c', qr/^report_column\(/m],
);

# Entries of the maps: [file without its ending, text].
sub entries {
	my (%text) = @_;
	my @entries;
	for my $top (sort keys %text) {
		my $map = $text{$top} =~ s/^(?:One message|Threads).*//msr;
		my $folder = '';
		for (split /^(?=    {1,2}\S|      \S)/m, $map) {
			$folder = "$1/" if /\A    ([\w-]+)\/  /;
			my ($name, $what) = /\A +([\w-]+) {2,}(\S.*)/s or next;
			$what =~ s/\s+/ /g;
			push @entries, ["$top/$folder$name", $what];
		}
	}
	return @entries;
}

sub answers {
	my ($words, @entries) = @_;
	return map { $_->[0] } grep { $_->[1] =~ $words } @entries;
}

my $readme = Tlspolicy::Tree::text('README');
my ($policy, $milter) = map { Tlspolicy::Tree::text("$_/README") }
    qw(policy milter);
like($readme, qr/^    policy\/ .*policy\/README$/m, 'README: the map of policy/');
like($readme, qr/^    milter\/ /m, 'README: milter/');
my @entries = entries(policy => $policy, milter => $milter);
cmp_ok(scalar @entries, '>', 150, 'entries of the maps');

for (@asked) {
	my ($question, $words, $file, $holds) = @$_;
	my ($entry) = $file =~ /^(.*)\.c$/;
	is_deeply([answers($words, @entries)], [$entry],
	    "$question $file, and no other");
	like(Tlspolicy::Tree::code($file), $holds, "$file holds it");
	my @without = grep { $_->[0] ne $entry } @entries;
	is_deeply([answers($words, @without)], [],
	    'without that entry nothing answers');
}

done_testing;
