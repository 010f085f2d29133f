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

# "    -n, --dry-run        only check" and ".It Fl n , -dry-run" alike become
# "-n --dry-run"; what an option takes follows.
sub help_options {
	my ($text) = @_;
	my %options;
	while ($text =~ /^ +(-[^ ,]+(?:, --[\w-]+)?)(?: ([\w=|]+))? +/mg) {
		my ($option, $argument) = ($1, $2);
		$options{$option =~ s/,//r} = $argument // '';
	}
	return %options;
}

sub manual_options {
	my ($text) = @_;
	my %options;
	while ($text =~
	    /^\.It Fl ([\w-]+)(?: , (?:Fl )?(-[\w-]+))?(?: (?:Ar|Cm) (.+))?$/mg) {
		my ($option, $argument) = ("-$1" . ($2 ? " -$2" : ''), $3);
		$options{$option} = ($argument // '') =~ s/ \| /|/gr;
	}
	return %options;
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

my ($all, $common) = split /Every command takes/, $manual{DESCRIPTION};
my %common = manual_options($common);
is_deeply({ manual_options($all) }, { '-h --help' => '', '-V --version' => '' },
    'the options without a command');
is_deeply(\%common, { '-c' => 'CONF', '-d' => 'STORE', '-h --help' => '' },
    'the options of every command');

for my $command (@commands) {
	my %help = help_options(help('tlspolicy', $command, '--help'));
	my $section = $manual{$command} // '';
	is_deeply({ %common, manual_options($section) }, \%help,
	    "$command: options in the manual and in --help");
	my ($synopsis) = $section =~ /\A(.*?)^\.Pp/ms;
	my @missing = grep { my ($first) = /^-(\S+)/;
	    !exists $common{$_} && $synopsis !~ /Fl \Q$first\E\b/ } keys %help;
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
