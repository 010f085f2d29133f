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
my @layers = qw(base facts rules store eval conf outbound lint audit fleet report
    suggest evidence replay maillog import cert probe doctor check prove sync
    commands);
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

my %has_libmilter = map { ("milter/$_" => 1) }
    qw(engine/engine.h activation.c listen.c signals.c);
none("libmilter's header is where milter/README says", grep {
    !$has_libmilter{$_} && grep { m{^libmilter/} } includes($_) } @milter);

# What milter/README says of settings and of transactions.
my %of_the_moment = map { ("milter/session/$_.c" => 1) }
    qw(session callbacks author);
none('a session takes settings for its message, or when it connects',
    grep { m{^milter/session/} && !$of_the_moment{$_} }
    naming(qr/\bsettings_holder_take\(/, @milter));
none('a transaction of the store ends in the function that began it', map {
    my $path = $_;
    map { "$path: " . (/^(\w+)\(/m ? $1 : '?') }
	grep { /\bstore_(holder_)?begin\(/ &&
	    !/\bstore_@{[$1 \/\/ '']}end\(/ && !/^store_(?:holder_)?begin\(/m }
	split /^\}\n/m, Tlspolicy::Tree::code($path) } grep { /\.c$/ } @milter);

none('only policy/store speaks LMDB', grep { !m{^policy/store/} }
    naming(qr/\bMDB_|\bmdb_|\blmdb\.h/, @policy, @milter));
none('only eval/ turns what cannot be told into a verdict', grep {
    !m{^policy/(?:eval|conf|commands)/} }
    naming(qr/\bon_error_accept\b/, @policy));

# Time, randomness and threads are handed in, but for what talks to the world
# outside, for the rooms of one command, and for many lines of rules.
none('only replay, cert, probe, doctor, check and commands have a clock or ' .
    'threads', grep { !m{^policy/(?:replay|cert|probe|doctor|check|commands)/} &&
    !m{^policy/rules/rulefile-piece\.c} }
    naming(
    qr/\b(?:time|clock_\w+|gettimeofday|pthread_create|rand|random)\s*\(|
	\bbase\/clock\.h\b/x, grep { !m{^policy/(?:base/clock|policy)\.h$} } @policy));

# Within a folder: what one file calls never calls it back, over however many
# files.  Objects tell; a table and its rows name each other.
my %table = map { $_ => 1 } qw(policy/commands/command
    policy/import/import policy/lint/lint policy/rules/item);

my %defined_in;	# symbol => file
my %wants;	# file => { symbol => 1 }
my $build = Tlspolicy::Scratch::builddir();
my %file_of;	# object => file
for my $path (grep { /\.c$/ } @policy, @milter) {
	my ($folder, $name) = $path =~ m{^(.*)/([^/]+)\.c$};
	$file_of{$_} = "$folder/$name" for grep { -e }
	    map { "$build/$folder/$_$name.o" } '', 'libdaemon_a-';
}
open my $nm, '-|', 'nm', '-A', '-P', sort keys %file_of or die "nm: $!\n";
while (<$nm>) {
	my ($object, $symbol, $type) = /^(.*?): (\S+) (\S)/ or next;
	my $file = $file_of{$object};
	$defined_in{$symbol} = $file if $type =~ /^[A-TV-Z]$/;
	$wants{$file}{$symbol} = 1 if $type eq 'U';
}
cmp_ok(scalar keys %wants, '>', 0.9 * grep({ /\.c$/ } @policy, @milter),
    'objects were found');

# Those of the names that objects ask for in vain, as "file: name".
sub wanting {
	my ($symbol, @files) = @_;
	return map { my $file = $_; map { "$file: $_" }
	    grep { /^(?:$symbol)$/ } sort keys %{$wants{$file}} } @files;
}
none('eval/ neither allocates nor locks', wanting(
    qr/[mc]alloc|realloc|strn?dup|free|(?:arena|pool|pthread)_\w+/,
    grep { m{^policy/eval/} } sort keys %wants));
my %speaks = map { ("policy/$_" => 1) }
    qw(check/batch replay/workers store/env store/wait);
none('what is printed is handed out, but where policy/README says', wanting(
    qr/stdout|stderr|v?printf|puts|putchar|perror|exit|abort/,
    grep { m{^policy/} && !m{^policy/commands/} && !$speaks{$_} }
    sort keys %wants));

my %calls;	# file => files of its folder that it calls
for my $file (keys %wants) {
	my %called = map { $_ => 1 } grep { defined && $_ ne $file &&
	    s{[^/]+$}{}r eq $file =~ s{[^/]+$}{}r && !$table{$_} }
	    map { $defined_in{$_} } keys %{$wants{$file}};
	$calls{$file} = [sort keys %called];
}

# The way from `$at` back to `$goal`, or nothing.
sub way_back {
	my ($at, $goal, $seen) = @_;
	return $at if $at eq $goal && %$seen;
	return if $seen->{$at}++;
	for my $next (@{$calls{$at} // []}) {
		my @way = way_back($next, $goal, $seen);
		return ($at, @way) if @way;
	}
	return;
}
none('the files of a folder call each other one way only', map {
    my @way = way_back($_, $_, {}); @way ? join(' -> ', @way) : ()
    } sort keys %calls);

my ($way) = Tlspolicy::Tree::text('policy/README') =~
    /^One message.*?\n(.*?)^What holds/ms;
my @on_the_way = $way =~ m{^    (\S+\.c) }mg;
cmp_ok(scalar @on_the_way, '>', 15, 'the way of a message is in the README');
my $headers = join '', map { Tlspolicy::Tree::code($_) }
    grep { /\.h$/ } @policy, @milter;
my @handed_on = $way =~ m{; struct (\w+)$}mg;
cmp_ok(scalar @handed_on, '>', 5, 'with the structs that are handed on');
none('and names structs that there are',
    grep { $headers !~ /^struct \Q$_\E \{/m } @handed_on);
none('and names files that there are', grep { my $path = $_;
    !grep { $_ eq $path } @policy, @milter } @on_the_way);

done_testing;
