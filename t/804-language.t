#!/usr/bin/perl
#
# tlspolicy-rules(5) has every tag, class, item, macro and reply of the code,
# with an example each, and its examples build.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Tree;

my $page = Tlspolicy::Tree::text('man/tlspolicy-rules.5');
my %manual = Tlspolicy::Tree::manual('tlspolicy-rules.5');

sub rows {
	my ($path, $pattern) = @_;
	my @rows = Tlspolicy::Tree::code($path) =~ /$pattern/g;
	cmp_ok(scalar @rows, '>', 3, "rows of $path");
	return @rows;
}

# The paragraphs of a list: from one .It to the next at the same level.
sub paragraphs {
	my ($text, $pattern) = @_;
	my %paragraph;
	for (split /^(?=\.It )/m, $text) {
		push @{$paragraph{$1}}, $_ if /\A$pattern/;
	}
	return map { $_ => join '', @{$paragraph{$_}} } keys %paragraph;
}

# CITag stands for the tags that rules make up.
my @tags = grep { $_ ne 'CITag' }
    rows('policy/rules/tag.c', qr/\[TAG_\w+\] = \{\s+\.name = "(\w+)"/);
my %key = paragraphs($manual{KEYS}, qr/\.It Ic (\w+) :/);
is_deeply([sort keys %key], [sort @tags], 'a paragraph for each tag');
for (@tags) {
	like($key{$_}, qr/^\.Dl \Q$_\E:/m, "$_: an example");
}

my @items = rows('policy/rules/item.c', qr/\.id = ITEM_\w+,\s+\.name = "(\w+)"/);
my ($item_ids) = Tlspolicy::Tree::code('policy/rules/item.h') =~
    /^enum item_id \{(.*?)\bITEM_COUNT\n/ms;
my @item_rows = Tlspolicy::Tree::code('policy/rules/item.c') =~
    /\[(ITEM_\w+)\] = \{\n\s+\.id = \1,\s+\.name/g;
is_deeply(\@item_rows, [$item_ids =~ /\b(ITEM_\w+)/g],
    'item.c has the row of each item of item.h');
my $dictionary = Tlspolicy::Tree::text('t/fuzz/rules.dict');
for (@items) {
	like($dictionary, qr/^"\+{1,2}\Q$_\E(?:[:"])/m,
	    "$_: in t/fuzz/rules.dict");
}
# What each item means there: the compiler names one that was forgotten.
for my $path ('policy/outbound/translate-postfix.c',
    'policy/rules/never-item.c') {
	my ($switch) = Tlspolicy::Tree::code($path) =~
	    /^\tswitch \(item->row->id\) \{\n(.*?)^\t\}/ms;
	unlike($switch // 'default:', qr/\bdefault:/,
	    "$path decides for each item");
}
my %item = paragraphs($manual{Items}, qr/\.It Cm (\w+)/);
is_deeply([sort keys %item], [sort @items], 'a paragraph for each item');
for (@items) {
	like($item{$_}, qr/^(?:\.Dl )?TLS_\S+ +\S*\+\Q$_\E(?:[:+]|$)/m,
	    "$_: an example");
}

my @classes = rows('policy/rules/requirement.c',
    qr/\[CLASS_\w+\] = "(\w+)"/);
my %class = paragraphs($manual{Classes}, qr/\.It Cm (\w+)/);
is_deeply([sort keys %class], [sort @classes], 'a paragraph for each class');
for (@classes) {
	like($class{$_}, qr/^\.Dl TLS_\S+ \Q$_\E\+/m, "$_: an example");
}

# Each MTA of dialect.h has its file, its row, its word of lint's option, and a
# column of the table of macros, whose cells are the rows of its file.
my ($ids) = Tlspolicy::Tree::code('policy/facts/dialect.h') =~
    /^enum dialect_id \{(.*?)\bDIALECT_COUNT\n/ms;
my @mtas = map { lc } $ids =~ /\bDIALECT_(\w+)/g;
my $macro_c = Tlspolicy::Tree::code('policy/facts/macro.c');
my ($lint_mta) = Tlspolicy::Tree::code('policy/commands/cmd-lint.c') =~
    /OPTION_MTA, "mta", "([\w|]+)"/;
my ($lint_manual) = Tlspolicy::Tree::text('man/tlspolicy.1') =~
    /^\.Ss lint\n.*?^\.It Fl -mta Cm (.*?)\n/ms;
is($lint_mta, join('|', @mtas), 'cmd-lint.c names each MTA of dialect.h');
is($lint_manual, join(' | ', @mtas), 'tlspolicy(1), lint: so does --mta');
my (%told, %derived, @titles);
for my $mta (@mtas) {
	my $path = "policy/facts/dialect-$mta.c";
	my $code = -e Tlspolicy::Scratch::topdir() . "/$path" ?
	    Tlspolicy::Tree::code($path) : '';
	like($macro_c, qr/\[DIALECT_\U$mta\E\] = &dialect_$mta,/,
	    "$mta: a row in macro.c, of $path");
	my ($name) = $code =~ /^\t\.name = "(\w+)",$/m;
	is($name, $mta, "$path: its name");
	push @titles, $code =~ /^\t\.title = "(\w+)",$/m;
	$derived{$mta} = $code =~ /^\t\.verify_from_names = true,$/m;
	my ($table) = $code =~ /\bmacros\[\] = \{(.*?)\n\};/s;
	$told{$1}{$mta} = $2 eq 'FED' ? 'by feed' : 'yes' while
	    ($table // '') =~ /"[^"]+", (FACT_\w+), MACRO_(\w+)/g;
}
# Claims that are decided over all sessions are, over those of each MTA.
my $point_c = Tlspolicy::Tree::code('policy/prove/point.c');
my $claim_c = Tlspolicy::Tree::code('policy/prove/claim.c');
for (@mtas) {
	like($point_c, qr/\.mta = DIALECT_\U$_\E\b/,
	    "$_: its sessions in prove/point.c");
	like($claim_c, qr/"under \w+",\s+\.take = take_mta,\s+\.number = DIALECT_\U$_\E\b/,
	    "$_: claims about it in prove/claim.c");
}
my ($phrases) = $claim_c =~ /\bphrases\[\] = \{(.*?)\n\};/s;
is_deeply([sort map { split / , / } Tlspolicy::Tree::text(
    'man/tlspolicy-claims.5') =~ /^\.It Li (.*)$/mg],
    [sort(($phrases // '') =~ /^\t\{ \.words = "([^"]+)"/mg)],
    'tlspolicy-claims(5) has each phrase of prove/claim.c');
my @names = Tlspolicy::Tree::code('policy/facts/facts.c') =~
    /\[(FACT_\w+)\] = "(\w+)"/g;
my %name_of = @names;
my ($fact_ids) = Tlspolicy::Tree::code('policy/facts/fact.h') =~
    /^enum fact_id \{(.*?)\bFACT_COUNT\n/ms;
is_deeply([$fact_ids =~ /\b(FACT_\w+)/g], [@names[map { 2 * $_ }
    0 .. $#names / 2]], 'facts.c names each fact of fact.h');
my %want;
for my $fact (keys %told) {
	my $name = $name_of{$fact};
	$name = "{$name}" if length $name > 1;
	$want{$name} = join ' ', map { $told{$fact}{$_} // (
	    $fact eq 'FACT_VERIFY' && $derived{$_} ? 'derived' : 'no') } @mtas;
}
my ($columns) = $manual{'WHAT AN MTA TELLS'} =~
    /^\.It Em Macro Ta (.*) Ta Em Used by$/m;
is($columns, join(' Ta ', map { "Em $_" } @titles),
    'the table of what each MTA tells has a column for each');
my %table = map { $_ => join ' ', (split / Ta /,
    ($manual{'WHAT AN MTA TELLS'} =~ /^\.It Li \Q$_\E Ta (.*)$/m)[0])[0 .. $#mtas] }
    $manual{'WHAT AN MTA TELLS'} =~ /^\.It Li (\S+) Ta /mg;
is_deeply(\%table, \%want, 'the table of what each MTA tells');

# The table of replies.
my %reason = Tlspolicy::Tree::code('policy/rules/item.c') =~
    /\[(REASON_\w+)\] = "([\w-]+)"/g;
my ($codes) = Tlspolicy::Tree::code('policy/eval/verdict.c') =~
    /\breasons\[REASON_COUNT\] = \{(.*?)\n\};/s;
%want = ();
for my $reason (keys %reason) {
	my @pairs = ($codes =~ /\[\Q$reason\E\] = \{ (\{.*?\}), (\{.*?\}),/)[0, 1];
	$want{$reason{$reason}} = join ', ', map {
	    ($_ // '') =~ /\{ "(\d+)", "([\d.]+)" \}/ ? "$1 $2" : 'never' }
	    @pairs;
}
%table = map { /^Li (\S+) Ta (.*?) Ta (.*?) Ta / ? ($1 => "$2, $3") : () }
    $manual{REPLIES} =~ /^\.It (.*)$/mg;
is_deeply(\%table, \%want, 'the table of replies');

my @checks = rows('policy/lint/lint.c', qr/^\t\{ "([\w-]+)", \w+ \},/m);
my %check = paragraphs($manual{'WHAT LINT FINDS'}, qr/\.It Li ([\w-]+)/);
is_deeply([sort keys %check], [sort @checks], 'a paragraph for each check');

my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
SKIP: {
	skip "$tlspolicy is not built", 1 unless -x $tlspolicy;
	my $scratch = Tlspolicy::Scratch->new;
	my $n = 0;
	for my $source (qw(tlspolicy-rules.5 tlspolicy-migration.7
	    tlspolicy-security.7)) {
		for my $example (Tlspolicy::Tree::displays($source)) {
			# Not the grammar, nor a shell's or an MTA's lines.
			next if $example !~ /^\S+:\S* +\S|^\S+ ENCR/m ||
			    $example =~ /^[\$#] \w|= / && $source !~ /rules/ ||
			    $example =~ /^rule +=|^rules:\d/m; # 809-never.t
			my $rules = $scratch->write('rules', "$example\n");
			my $r = Tlspolicy::Scratch::run($tlspolicy, 'build',
			    '-n', '-c', '/dev/null', '-d',
			    $scratch->path('none.mdb'), $rules);
			is($r->{status}, 0, "$source: " . (split /\n/,
			    $example)[-1]) or diag $r->{err};
			$n++;
		}
	}
	cmp_ok($n, '>', 40, 'examples were built');
}

done_testing;
