#!/usr/bin/perl
#
# What policy/README and milter/README promise, where a machine can see it:
# members of the audit log are in the manual, variables are where they are said
# to be, no file stands twice in a list, files that READMEs name are there.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Tree;

sub none {
	my ($what, @wrong) = @_;
	is(join("\n", @wrong), '', $what);
}

# The audit log: what the code writes against tlspolicy-audit(5).
my %manual = Tlspolicy::Tree::manual('tlspolicy-audit.5');
my %said;
for my $section ('Every line', 'Records',
    'RECORDS OF A MAIL LOG', 'THE CHAIN', 'RATCHET', 'POLICY AND SETTINGS',
    'PLANS') {
	for ($manual{$section} =~ /^\.(?:It )?Va (.*)$/mg) {
		$said{$_} = 1 for grep { !/^-|[^\w-]/ } split / /;
	}
}
# Settings and macros are marked up alike; no member has a hyphen.
delete @said{grep { /-/ } keys %said};
delete @said{grep { /_/ && !/^(?:queue_id|header_from\w*)$/ } Tlspolicy::Tree::code(
    'policy/facts/facts.c') =~ /\[FACT_\w+\] = "(\w+)"/g};

my @facts = Tlspolicy::Tree::code('policy/audit/field.c') =~
    /^\tROW\("(\w+)", FIELD_(\w+),/mg;
my @groups = Tlspolicy::Tree::code('policy/audit/field.c') =~
    /\[FIELD_\w+\] = "(\w+)"/g;
cmp_ok(scalar @facts, '>', 40, 'rows of policy/audit/field.c');
my %written = map { $_ => 1 } @groups;
for my $path (Tlspolicy::Tree::files(
    qr{^(?:policy/audit/(?:record|chain|field)|milter/auditlog/).*\.[ch]$})) {
	$written{$_} = 1
	    for Tlspolicy::Tree::code($path) =~ /[,{]\\"(\w+)\\":/g,
	    Tlspolicy::Tree::code($path) =~ /\bfinish_line\(&\w+, "(\w+)"/g;
}
my %paragraph;
for (split /^(?=\.It Va |\.Ss |\.Sh )/m,
    $manual{Records} =~ s/^\.Bl [^\n]*-compact\n(.*?)^\.El\n/$1 =~
	s{^\.It }{.}mgr/msger) {
	$paragraph{$1} = $_ if /\A\.It Va (\w+)/;
}
my @unsaid;
while (my ($name, $group) = splice @facts, 0, 2) {
	$written{$name} = 1;
	next if $group eq 'TOP';
	my $of = $paragraph{lc $group} // '';
	push @unsaid, lc($group) . ".$name"
	    unless $of =~ /^\.Va (?:\w+ , )*\Q$name\E(?: |$)/m;
}
none('tlspolicy-audit(5) has each fact in its object', @unsaid);
none('tlspolicy-audit(5) has each member that is written',
    grep { !$said{$_} } sort keys %written);
none('tlspolicy-audit(5) has no member that nobody writes',
    grep { !$written{$_} } sort keys %said);

# Tables whose rows have a place in the manual each, and an enumerator.
sub enumerators {
	my ($path, $prefix) = @_;
	my ($body) = Tlspolicy::Tree::code($path) =~
	    /^enum \w+ \{([^{}]*?)\b${prefix}_(?:COUNT|KINDS)\b/ms;
	return ($body // '') =~ /\b(${prefix}_\w+)/g;
}
sub rows_are_documented {
	my ($path, $header, $prefix, $page, $mark) = @_;
	my %row = Tlspolicy::Tree::code($path) =~
	    /^\t\[(${prefix}_\w+)\] = \{ (?:\.name = |\w+, \{ )?"([\w-]+)"/mg;
	my %in_manual = map { $_ => 1 } map { split /[ ,]+/ }
	    Tlspolicy::Tree::text("man/$page") =~ /^\.It $mark (.*)$/mg;
	cmp_ok(scalar keys %row, '>', 5, "rows of $path");
	none("$path has a row for each of $header",
	    grep { !exists $row{$_} } enumerators($header, $prefix));
	none("$page has each row of $path",
	    grep { !$in_manual{$_} } sort values %row);
}
rows_are_documented('milter/metrics/metrics.c', 'milter/metrics/metrics.h',
    'COUNTER', 'tlspolicy-milter.8', 'Li');
rows_are_documented('policy/cert/inspect-kind.c', 'policy/cert/inspect.h',
    'INSPECT', 'tlspolicy-cert.1', 'Cm');
rows_are_documented('policy/doctor/kind.c', 'policy/doctor/doctor.h',
    'DOCTOR', 'tlspolicy-doctor.1', 'Li');
my ($counters) = Tlspolicy::Tree::code('policy/report/count.h') =~
    /^enum report_counter \{(.*?)\bREPORT_COUNTERS\n/ms;
my $count_c = Tlspolicy::Tree::code('policy/report/count.c');
my $report_c = Tlspolicy::Tree::code('policy/report/report.c');
for my $id ($counters =~ /^\t(COUNT_\w+)/mg) {
	like($count_c, qr/^\t\[$id\] = \{ \./m, "$id: a row in report/count.c");
	like($report_c, qr/\bnote\(c, $id\b/, "$id: counted in report/report.c");
}
my %report_1 = map { $_ => 1 } map { split /[ ,]+/ }
    Tlspolicy::Tree::text('man/tlspolicy-report.1') =~
	/^\.It Li (.*)$/mg;
none('tlspolicy-report(1) has each counter of report/count.c',
    grep { !$report_1{$_} } map { /\.group = / ? () : /\.name = "(\w+)"/ }
    $count_c =~ /^\t\[COUNT_\w+\] = (\{.*?\})/msg);
my ($nodes) = Tlspolicy::Tree::text('man/tlspolicy-report.1') =~
    /^(\.It Li nodes\n.*?)^\.It /ms;
$report_1{$_} = 1 for $nodes =~ /^\.Li (\w+)/mg;
none('tlspolicy-report(1) has each value of report/node.c',
    grep { !$report_1{$_} } Tlspolicy::Tree::code('policy/report/node.c') =~
	/^\t\{ \.name = "(\w+)"/mg);
my %in_manual = map { $_ => 1 } map { split /[ ,]+/ }
    Tlspolicy::Tree::text('man/tlspolicy-milter.8') =~ /^\.It Li (.*)$/mg;
none('tlspolicy-milter(8) has each metric of the page', grep { !$in_manual{$_} }
    map { Tlspolicy::Tree::code($_) =~
	/\b(?:head|total|gauge)\(out, "(?:tlspolicy_)?(\w+)"/g }
    map { "milter/metrics/$_.c" } qw(page process));
my %tlspolicy_1 = Tlspolicy::Tree::manual('tlspolicy.1');
my @formats = Tlspolicy::Tree::code('policy/import/import.c') =~
    /^\t\{ "([\w-]+)", "/mg;
my ($synopsis) = $tlspolicy_1{import} =~ /^\.Cm (\S+ \| .*)$/m;
is($synopsis, join(' | ', @formats), 'tlspolicy(1), import: each format');
none('and a paragraph of each', grep {
    $tlspolicy_1{import} !~ /^\.It Cm \Q$_\E\n/m } @formats);

# Variables: the objects that READMEs name have some, and no other.
sub variables {
	my ($archive, $readme) = @_;
	my $path = Tlspolicy::Scratch::builddir() . "/$archive";
	my ($list) = Tlspolicy::Tree::text($readme) =~
	    /^Variables that outlive a call:\n\n(.*?)\n\n(?!    )/ms;
	my %allowed = map { $_ => 1 } ($list // '') =~ /^    (\S+\.c)/mg;
	cmp_ok(scalar keys %allowed, '>', 0, "$readme has a list of variables");
	SKIP: {
		skip "$path is not built", 2 unless -e $path;
		my $symbols = `objdump -t '$path' 2>/dev/null`;
		skip "$path is instrumented, which adds variables", 2
		    if $symbols =~ /\b__(?:[atu]?b?san|gcov|sanitizer)/;
		cmp_ok(length $symbols, '>', 10000, "objdump reads $archive");
		my (%seen, $object);
		for (split /\n/, $symbols) {
			$object = $1 if /^(\S+)\.o: +file format/;
			$seen{$object =~ s/^lib\w+_a-//r . '.c'} = 1
			    if / O (?:\*COM\*|\.t?(?:bss|data)\b)/ &&
			    !/ O \.data\.rel\.ro/;
		}
		is_deeply([sort keys %seen],
		    [sort map { s{.*/}{}r } keys %allowed],
		    "$archive has variables where $readme says, only there");
	}
}
variables('libpolicy.a', 'policy/README');
variables('libdaemon.a', 'milter/README');

# A list of the makefile has each file once.
my $makefile = Tlspolicy::Tree::text('Makefile.am') =~ s/\\\n/ /gr;
my @twice;
for ($makefile =~ /^(\w+ \+?=.*)$/mg) {
	my ($list, $files) = /^(\w+) \+?=(.*)/;
	my %n;
	push @twice, map { "$list: $_" }
	    grep { m{/} && $n{$_}++ == 1 } split ' ', $files;
}
none('no list of Makefile.am has a file twice', @twice);
my %library;
for ($makefile =~ /^lib\w+_a_SOURCES \+?=(.*)$/mg) {
	$library{$_}++ for grep { /\.c$/ } split;
}
none('no file is in both libraries', grep { $library{$_} > 1 }
    sort keys %library);
none('a source of the libraries is compiled by them alone', map {
    my ($program, $files) = /^(\w+?)_SOURCES \+?=(.*)$/;
    map { "$program: $_" } grep { $library{$_} } split ' ', $files // '' }
    grep { !/^lib/ } $makefile =~ /^(\w+_SOURCES \+?=.*)$/mg);

my %listed = map { $_ => 1 } map { split } $makefile =~
    /^\w+(?:SOURCES|_HEADERS|DATA|EXTRA_DIST) \+?=(.*)$/mg;
none('Makefile.am has each file of policy/ and milter/', grep {
    !$listed{$_} } Tlspolicy::Tree::files(qr{^(?:policy|milter)/.*\.[ch]$}));

# Where to add something: the files are there.
my $top = Tlspolicy::Scratch::topdir();
for my $part ('policy', 'milter') {
	my ($to_add) = Tlspolicy::Tree::text("$part/README") =~
	    /^To add \.\.\.\n-+\n(.*)/ms;
	my @named = $to_add =~ m{\b([\w-]+(?:/[\w-]+)*\.(?:[ch]|dict|t))\b}g;
	cmp_ok(scalar @named, '>', 1, "$part/README says where to add");
	none("files that $part/README says to add to", grep {
	    !/NAME/ && !grep { -e } "$top/$_", "$top/$part/$_",
		glob("$top/$part/*/$_") } @named);
}

done_testing;
