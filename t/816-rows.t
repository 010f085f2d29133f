#!/usr/bin/perl
#
# A table that is indexed by an enum has a row for each enumerator: one that was
# forgotten would be a NULL where a name is printed, or a zero where something is
# decided.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Tree;

# "TABLE of FILE" => enumerators without a row, for which the code asks before it
# looks there.
my %without = (
	'group_names of policy/audit/field.c' => 'FIELD_TOP',
	'texts of policy/audit/salts.c' => 'SALTS_FOUND',
	'reasons of policy/commands/replay-then.c' => 'UNTOLD_NONE',
	'reasons of policy/eval/verdict.c' => 'REASON_NONE',
	'sendmail_verify_texts of policy/eval/verdict.c' =>
	    'VERIFY_OK VERIFY_TRUSTED',
	'verify_words of policy/facts/facts.c' => 'VERIFY_OTHER',
	'outcome of policy/probe/probe.c' => 'SMTP_OK',
	'headings of policy/suggest/print.c' => 'SUGGEST_NONE',
	'reasons of policy/suggest/print.c' => 'WHY_PROPOSED',
	'classes of policy/suggest/profile.c' => 'SUGGEST_NONE',
);

my @files = Tlspolicy::Tree::files(qr{^(?:policy|milter)/.*\.[ch]$});
my %enum;	# enumerator => all of its enum, in order
for my $path (@files) {
	my $code = Tlspolicy::Tree::code($path);
	for my $body ($code =~ /\benum(?:\s+\w+)?\s*\{([^{}]*)\}/g) {
		my @all = map { /([A-Z][A-Z0-9_]+)/ ? "$1" : () }
		    split /,/, $body;
		$enum{$_} //= \@all for @all;
	}
}

# The enumerators that index a table: those before the one that counts them.
sub indices {
	my ($count, $first) = @_;
	my @all;
	for (@{$enum{$first} // []}) {
		last if $_ eq $count || /_(?:COUNT|KINDS)$/;
		push @all, $_;
	}
	return @all;
}

my $tables = 0;
for my $path (@files) {
	my $code = Tlspolicy::Tree::code($path);
	while ($code =~ /(\w+)\[(\w*)\] = \{\n(.*?)^\t*\};/msg) {
		my ($name, $count, $body) = ($1, $2, $3);
		my @rows = $body =~ /\[([A-Z]\w+)\] =/g or next;
		my %named = map { $_ => 1 } @rows,
		    split / /, $without{"$name of $path"} // '';
		my @indices = indices($count, $rows[0]) or next;
		is(join(' ', grep { !$named{$_} } @indices), '',
		    "$name of $path has all rows");
		delete $without{"$name of $path"};
		$tables++;
	}
}
cmp_ok($tables, '>', 50, 'tables were found');
is(join(', ', sort keys %without), '', 'the exceptions are tables that there are');
done_testing;
