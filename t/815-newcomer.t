#!/usr/bin/perl
#
# A newcomer adds an item, a setting, a counter of the report and an MTA to a
# copy of the tree, by "To add ..." of policy/README alone: all is well with all
# places, and with any one of them left out something fails that names it.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Tree;

my $from = Tlspolicy::Scratch::topdir();
for my $program (qw(make automake)) {
	plan skip_all => "no $program" unless grep { -x "$_/$program" }
	    split /:/, $ENV{PATH};
}
plan skip_all => 'no configure' unless -x "$from/configure";
my $scratch = Tlspolicy::Scratch->new;
my $top = $scratch->path('tree');
my $build = "$top/build";

# A place: what it is, its file, behind which text, what comes in (or how the
# file is changed); then who complains when it is left out (a program that is
# built, an object that is compiled, or a test), and in which words.
my %places = (
    'an item' => [
	['the enumerator', 'policy/rules/item.h', qr/\tITEM_PFS,\n/,
	    "\tITEM_SPARE,\n", 'policy/rules/item.o', qr/ITEM_SPARE/],
	['the row', 'policy/rules/item.c', qr/(?=\t\[ITEM_AEAD\] = )/, <<'END',
	[ITEM_SPARE] = {
		.id = ITEM_SPARE,
		.name = "SPARE",
		.value = VALUE_NONE,
		.test = predicate_spare,
		.fact = FACT_CIPHER,
		.expected = "SPARE without a value",
	},
END
	    't/804-language.t', qr/item\.c has the row.*ITEM_SPARE/s],
	['the test', 'policy/rules/predicate.c', qr/(?=^enum answer\npredicate_pfs\()/m,
	    <<'END', 'tlspolicy', qr/predicate_spare/],
enum answer
predicate_spare(struct predicate *p, struct slice value)
{
	return predicate_pfs(p, value);
}

END
	['its declaration', 'policy/rules/predicate.h',
	    qr/(?=^enum answer predicate_aead)/m,
	    "enum answer predicate_spare(struct predicate *, " .
	    "struct slice) NONNULL;\n",
	    'policy/rules/item.o', qr/predicate_spare/],
	['the paragraph', 'man/tlspolicy-rules.5', qr/(?=^\.It Cm AEAD$)/m,
	    ".It Cm SPARE\nAs PFS.\n.Pp\n" .
	    ".Dl TLS_Clt:example.com PERM+ENCR:128+SPARE\n",
	    't/804-language.t', qr/a paragraph for each item.*SPARE/s],
	['the word for the fuzzer', 't/fuzz/rules.dict', qr/(?=^"\+\+AEAD"$)/m,
	    qq("++SPARE"\n), 't/804-language.t', qr/SPARE: in t\/fuzz/],
	['what it looks at', 'policy/prove/threshold.c', qr/(?=\t\[ITEM_PFS\])/,
	    "\t[ITEM_SPARE] = DIMENSION_SUITE,\n", 't/261-claims',
	    qr/SPARE.*prove\/threshold\.c|threshold\.c.*SPARE/s],
	['what Postfix is told', 'policy/outbound/translate-postfix.c',
	    qr/(?=\tcase ITEM_PFS:)/, "\tcase ITEM_SPARE:\n",
	    'policy/outbound/translate-postfix.o', qr/ITEM_SPARE/],
	['is it about suites', 'policy/rules/never-item.c',
	    qr/(?=\tcase ITEM_PFS:)/, "\tcase ITEM_SPARE:\n",
	    'policy/rules/never-item.o', qr/ITEM_SPARE/],
    ],
    'a setting' => [
	['the field', 'policy/conf/settings.h', qr/(?=\tint log_level;)/,
	    "\tchar spare[SETTINGS_STRING_MAX];\n", 'policy/conf/settings.o',
	    qr/\bspare\b/],
	['the row', 'policy/conf/settings.c', qr/(?=\t\{\n\t\t\.name = "log-level")/,
	    <<'END', 't/802-settings.t', qr/settings\.spare: a row/],
	{
		.name = "spare",
		.type = &setting_type_path,
		FIELD(spare),
		.default_text = "/spare",
		.reloadable = true,
		.help = "A spare one.",
	},
END
	['the paragraph', 'man/tlspolicy.conf.5', qr/(?=^\.It Ic log-level)/m,
	    ".It Ic spare = Ar path\nA spare one.\nDefault:\n.Li /spare .\n",
	    't/802-settings.t', qr/the manual has all settings.*spare/s],
	['the example', 'scripts/tlspolicy.conf.example',
	    qr/(?=^# How much the daemon logs\.)/m,
	    "# A spare one.\n# an absolute path without blanks; default /spare; " .
	    "SIGHUP brings it into force\n#spare = /spare\n\n",
	    't/802-settings.t', qr/the example has all settings.*spare/s],
	['the line of the test', 't/310-settings.t', qr/(?=^log-level = info$)/m,
	    "spare = /spare\n", 't/310-settings.t', qr/the defaults.*spare/s],
    ],
    'a counter of the report' => [
	['the enumerator', 'policy/report/count.h', qr/(?=\tCOUNT_ABORTED,)/,
	    "\tCOUNT_SPARE,\n", 'policy/report/count.o', qr/COUNT_SPARE/],
	['the row', 'policy/report/count.c', qr/(?=\t\[COUNT_ABORTED\])/,
	    qq(\t[COUNT_SPARE] = { .name = "spare", .label = "spare" },\n),
	    't/810-promises.t', qr/COUNT_SPARE: a row/],
	['the line that counts', 'policy/report/report.c',
	    qr/(?=\tnote\(c, COUNT_AGAINST,)/,
	    "\tnote(c, COUNT_SPARE, false);\n", 't/810-promises.t',
	    qr/COUNT_SPARE: counted/],
	['the paragraph', 'man/tlspolicy-report.1', qr/(?=^\.It Li aborted$)/m,
	    ".It Li spare\nNone.\n", 't/810-promises.t',
	    qr/each counter.*spare/s],
    ],
    'an MTA' => [
	['the enumerator', 'policy/facts/dialect.h', qr/\tDIALECT_POSTFIX,\n/,
	    "\tDIALECT_SPARE,\n", 'policy/facts/macro.o', qr/DIALECT_SPARE/],
	['its declaration', 'policy/facts/dialect.h', qr/dialect_postfix(?=;)/,
	    ', dialect_spare', 'policy/facts/macro.o', qr/dialect_spare/],
	['the row', 'policy/facts/macro.c', qr/(?=\t\[DIALECT_POSTFIX\])/,
	    "\t[DIALECT_SPARE] = &dialect_spare,\n", 't/804-language.t',
	    qr/spare: a row in macro\.c/],
	['the file', 'policy/facts/dialect-spare.c', undef, <<'END',
/* An MTA of a test. */
#include "policy/facts/macro.h"

static const struct macro macros[] = {
	{ "{daemon_addr}", FACT_DAEMON_ADDR, MACRO_AT_MAIL, MACRO_PLAIN },
	{ NULL, FACT_COUNT, MACRO_AT_MAIL, MACRO_PLAIN }
};

static bool
is_local(const struct facts *f)
{
	(void)f;
	return false;
}

const struct dialect dialect_spare = {
	.name = "spare",
	.title = "Spare",
	.version_prefix = "Spare",
	.macros = macros,
	.is_local = is_local,
};
END
	    't/804-language.t', qr/spare: a row in macro\.c, of policy\/facts|dialect-spare\.c: its name/],
	['the makefile', 'Makefile.am', qr/(?=\tpolicy\/facts\/dialect-postfix\.c )/,
	    "\tpolicy/facts/dialect-spare.c \\\n", 't/810-promises.t',
	    qr/Makefile\.am has each file.*dialect-spare/s],
	['the map', 'policy/README', qr/an MTA each: -sendmail, (?=-postfix: what)/,
	    '-spare, ', 't/805-examples.t', qr/facts\/ are all named.*spare/s],
	['the option', 'policy/commands/cmd-lint.c', qr/"sendmail\|postfix(?=")/,
	    '|spare', 't/804-language.t', qr/cmd-lint\.c names each MTA/],
	['the manual of the option', 'man/tlspolicy.1',
	    qr/^\.Ss lint\n.*?\.It Fl -mta Cm sendmail \| postfix/ms, ' | spare',
	    't/804-language.t', qr/lint: so does --mta/],
	['the column', 'man/tlspolicy-rules.5',
	    qr/^\.It Em Macro Ta Em sendmail Ta Em Postfix/m, ' Ta Em Spare',
	    't/804-language.t', qr/has a column for each/],
	['its cells', 'man/tlspolicy-rules.5',
	    sub { s/^(\.It Li \S+ Ta \w+ Ta (?:yes|no|by feed|derived)) Ta /$1 Ta @{[
		$& =~ m|daemon_addr| ? 'yes' : 'no']} Ta /mg }, undef,
	    't/804-language.t', qr/the table of what each MTA tells/],
	['that somebody looked at its sessions', 'policy/prove/point.h',
	    sub { s/(DIALECT_COUNT == )2/${1}3/ }, undef, 'policy/prove/point.o',
	    qr/the states of each MTA/],
	['its sessions', 'policy/prove/point.c',
	    qr/(?=\tstate\.mta = DIALECT_SENDMAIL;\n)/,
	    "\tif (!add_state(m, &(struct prove_state){ " .
	    ".mta = DIALECT_SPARE }))\n\t\treturn false;\n",
	    't/804-language.t', qr/spare: its sessions in prove\/point\.c/],
	['claims about it', 'policy/prove/claim.c', qr/(?=\t\{ \.words = "under Postfix")/,
	    qq(\t{ .words = "under Spare", .take = take_mta,\n) .
	    "\t    .number = DIALECT_SPARE },\n",
	    't/804-language.t', qr/spare: claims about it/],
	['the words in the manual', 'man/tlspolicy-claims.5',
	    qr/^\.It Li under sendmail , under Postfix/m, ' , under Spare',
	    't/804-language.t', qr/claims\(5\) has each phrase.*under Spare/s],
    ],
);

my %pristine;
sub pristine {
	my ($path) = @_;
	return $pristine{$path} //= Tlspolicy::Scratch::slurp("$from/$path");
}

my $then = time - 3600;	# older than all objects
# A file with all places but one; with `$unseen` make does not look at it again.
sub put {
	my ($path, $out, $unseen) = @_;
	local $_ = pristine($path);
	for my $place (map { @$_ } values %places) {
		my ($name, $its, $where, $text) = @$place;
		next if $its ne $path || $place == $out;
		my $before = $_;
		if (ref $where eq 'CODE') {
			$where->();
		} elsif (defined $where) {
			substr($_, $+[0], 0) = $text if /$where/;
		} else {
			$_ = $text;
		}
		die "$path: $name has another place now\n" if $_ eq $before;
	}
	return unlink "$top/$path" if $_ eq '';
	open my $fh, '>', "$top/$path" or die "$path: $!\n";
	print $fh $_;
	close $fh or die "$path: $!\n";
	utime $then, $then, "$top/$path" if $unseen;
}

sub make {
	return Tlspolicy::Scratch::run({ timeout => 900 }, 'make', '-s', '-C',
	    $build, @_);
}

# What complains, and everything that it says.
sub ask {
	my ($who) = @_;
	my $r;
	if ($who =~ /\.o$/) {
		$r = make('-W', '../' . $who =~ s/o$/c/r, $who,
		    'CFLAGS=-fsyntax-only');
	} elsif ($who =~ /\.t$/) {
		$r = Tlspolicy::Scratch::run({ env => { TLSPOLICY_BUILDDIR =>
		    $build }, timeout => 300 }, $^X, "$top/$who");
	} else {
		$r = make($who);
		$r = Tlspolicy::Scratch::run("$build/$who")
		    if !$r->{status} && $who =~ /^t\//;
	}
	return ($r->{status}, $r->{out} . $r->{err});
}

mkdir $top or die "$top: $!\n";
my @known = Tlspolicy::Tree::files();
my @made = grep { -e "$from/$_" } qw(configure Makefile.in config.h.in aclocal.m4
    build-aux);
Tlspolicy::Scratch::must('sh', '-c',
    'cd "$0" && tar -cf - "$@" | tar -xf - -C "' . $top . '"', $from, @made,
    (grep { -e "$from/$_" } qw(Makefile.am configure.ac README LICENSE)),
    qw(policy milter man scripts t));
put($_->[1], 0) for map { @$_ } values %places;
Tlspolicy::Scratch::must('mkdir', $build);
my ($cc) = Tlspolicy::Scratch::slurp(Tlspolicy::Scratch::builddir() .
    '/Makefile') =~ /^CC = (.*)$/m;
$ENV{CCACHE_BASEDIR} = $top;
$ENV{CCACHE_NOHASHDIR} = 1;
Tlspolicy::Scratch::must({ timeout => 300 }, 'sh', '-c',
    'cd "$0" && ../configure -q --enable-werror CFLAGS="-O0 -Wno-maybe-uninitialized" CC="$1"', $build,
    $cc // 'cc');
my %programs = map { $_->[4] => 1 } map { @$_ } values %places;
my $r = make('-j2', 'tlspolicy', 'tlspolicy-milter',
    grep { m{^t/[\w-]+$} } sort keys %programs);
is($r->{status}, 0, 'all four at once: built') or BAIL_OUT($r->{err});

for my $who (sort keys %programs) {
	my ($status, $text) = ask($who);
	is($status, 0, "all four at once: $who") or diag $text;
}

for my $what (sort keys %places) {
	for my $place (@{$places{$what}}) {
		my ($name, $path, undef, undef, $who, $words) = @$place;
		my $light = $who =~ /\.[ot]$/;
		put($path, $place, $light);
		my ($status, $text) = ask($who);
		isnt($status, 0, "$what without $name: $who fails");
		like($text, $words, 'and names it');
		put($path, 0, $light);
	}
}

done_testing;
