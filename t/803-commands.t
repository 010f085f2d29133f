#!/usr/bin/perl
#
# Commands and options: --help and the manual have the same ones.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Tree;

my $bin = Tlspolicy::Scratch::builddir();
plan skip_all => "$bin/tlspolicy is not built" unless -x "$bin/tlspolicy";

sub help {
	my ($program, @args) = @_;
	my $r = Tlspolicy::Scratch::run("$bin/$program", @args);
	is($r->{status}, 0, "$program @args") or diag $r->{err};
	return $r->{out};
}

# Each option by itself, and whether it takes an argument:
#     "    -n, --dry-run        only check"
#     ".It Fl n , -dry-run", ".It Fl -cert Ar file , Fl -key Ar file"
sub help_options {
	my ($text) = @_;
	my %options;
	while ($text =~ /^ +(-[^ ,]+(?:, --[\w-]+)?)(?: ([\w=|]+))? +/mg) {
		my ($words, $argument) = ($1, $2);
		$options{$_} = defined $argument ? 'argument' : ''
		    for split /, /, $words;
	}
	return %options;
}

sub manual_options {
	my ($text) = @_;
	my %options;
	while ($text =~ /^\.It Fl (.+)$/mg) {
		my $line = $1;
		my $argument = $line =~ / (?:Ar|Cm) / ? 'argument' : '';
		$options{"-$1"} = $argument
		    while $line =~ /(?:^|, )(?:Fl )?([\w-]+)/g;
	}
	return %options;
}

# A command has its options in its section, or in a page of its own.
sub documentation {
	my ($command, $section) = @_;
	my $page = "man/tlspolicy-$command.1";
	return $section unless -e Tlspolicy::Scratch::topdir() . "/$page";
	like($section, qr/^\.Xr tlspolicy-\Q$command\E 1/m,
	    "$command: its section names its page");
	my $text = Tlspolicy::Tree::text($page);
	my ($synopsis) = $text =~ /^\.Nm tlspolicy Cm \Q$command\E\n(.*?)^\.Sh/ms;
	return ($synopsis // '') . ".Pp\n$text";
}

my @parts = Tlspolicy::Tree::manual('tlspolicy.1');
my %manual = @parts;
my @sections = map { $parts[2 * $_] } 0 .. $#parts / 2;
my ($after) = grep { $sections[$_] eq 'DESCRIPTION' } 0 .. $#sections;
my @documented;
for (@sections[$after + 1 .. $#sections]) {
	last if /^[A-Z]/;
	push @documented, $_;
}

my @commands = help('tlspolicy', '--help') =~ /^    (\w[\w-]*) +\w/mg;
is_deeply(\@documented, \@commands,
    'tlspolicy(1) has a section for each command, in the order of --help');

is(help('tlspolicy', @$_), help('tlspolicy', '--help'), "@$_: --help")
    for ['help'], ['help', 'help'];
for my $command (@commands, 'audit show', 'audit from-log') {
	my @words = split ' ', $command;
	is(help('tlspolicy', 'help', @words), help('tlspolicy', @words, '--help'),
	    "help $command: $command --help");
}
is(Tlspolicy::Scratch::run("$bin/tlspolicy", 'help', 'biuld')->{status}, 64,
    'help of no command');

my ($all, $common) = split /Every command takes/, $manual{DESCRIPTION};
my %common = manual_options($common);
is_deeply({ manual_options($all) }, { map { $_ => '' } qw(-h --help -V
    --version --table) }, 'the options without a command');
is_deeply(\%common, { -c => 'argument', -d => 'argument', -h => '',
    '--help' => '' }, 'the options of every command');

for my $command (@commands) {
	my %help = help_options(help('tlspolicy', $command, '--help'));
	my $section = documentation($command, $manual{$command} // '');
	is_deeply({ %common, manual_options($section) }, \%help,
	    "$command: options in the manual and in --help");
	# Of -n, --dry-run a synopsis has the letter.
	my ($synopsis) = $section =~ /\A(.*?)^\.Pp/ms;
	my @missing = grep { my ($word) = /^-(.+)/;
	    !exists $common{$_} && $synopsis !~ /Fl \Q$word\E\b/ &&
	    $section !~ /^\.It Fl \w , -?\Q$word\E\b/m } keys %help;
	is("@missing", '', "$command: options in its synopsis");
}

SKIP: {
	skip 'tlspolicy-milter is not built', 3 unless -x "$bin/tlspolicy-milter";
	my $help = help('tlspolicy-milter', '-h');
	my $page = Tlspolicy::Tree::text('man/tlspolicy-milter.8');
	my %manual = manual_options($page);
	is_deeply(\%manual, { help_options($help) },
	    'tlspolicy-milter: options in the manual and in -h');
	my ($letters) = $page =~ /^\.Op Fl (\w+)$/m;
	is_deeply([sort split //, $letters],
	    [sort map { /^-(\w)/ } grep { $manual{$_} eq '' } keys %manual],
	    'tlspolicy-milter: options in the synopsis');
}

# Exit codes: the manual's list has those that the code can return.
my %codes = map { $_ => 1 } Tlspolicy::Tree::code('policy/base/fault.h') =~
    /\bFAULT_[A-Z]+ = (\d\d)\b/g;
cmp_ok(scalar keys %codes, '>', 5, 'exit codes were found');
my %listed = map { $_ => 1 } $manual{'EXIT STATUS'} =~ /^\.It (\d+)$/mg;
is_deeply([grep { $_ > 1 } sort keys %listed], [sort keys %codes],
    'tlspolicy(1) has the exit codes of the code');

done_testing;
