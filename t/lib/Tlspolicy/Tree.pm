package Tlspolicy::Tree;

# The project's own files, and what the tests of the project (8xx) read in them.

use strict;
use warnings;
use File::Find ();
use Tlspolicy::Scratch;

# Paths below the top, those that git knows; without it all but
# what a build makes.  A pattern picks some.
sub files
{
	my ($pattern) = @_;
	my $top = Tlspolicy::Scratch::topdir();
	my @files;
	if (-e "$top/.git" && grep { -x "$_/git" } split /:/, $ENV{PATH}) {
		open my $git, '-|', 'git', '-C', $top, 'ls-files', '-co',
		    '--exclude-standard' or die "git: $!\n";
		chomp(@files = <$git>);
		@files = grep { -f "$top/$_" } @files;
	} else {
		File::Find::find({ no_chdir => 1, wanted => sub {
			my $path = $File::Find::name =~ s{^\Q$top\E/?}{}r;
			push @files, $path if -f && $path =~
			    m{^(?:policy|milter|scripts|man|t)/|^README$} &&
			    $path !~ m{\.(?:o|a|log|trs|Po)$};
		} }, $top);
	}
	return sort grep { !defined $pattern || /$pattern/ } @files;
}

sub text
{
	my ($path) = @_;
	my $file = Tlspolicy::Scratch::topdir() . "/$path";
	open my $fh, '<', $file or die "$file: $!\n";
	local $/;
	return scalar <$fh>;
}

# C without its comments; strings stay.
sub code
{
	my $text = text(@_);
	$text =~ s{/\*.*?\*/}{ (my $c = $&) =~ s/[^\n]//g; $c }gse;
	return $text;
}

# A page of the manual: { name of a section or subsection => its source }.
sub manual
{
	my ($page) = @_;
	my @parts = split /^\.S[hs] (.*)\n/m, text("man/$page");
	shift @parts;
	return @parts;
}

# mdoc as a reader sees it, without the markup that the tests meet.
sub plain
{
	my ($s) = @_;
	$s =~ s/\\&//g;
	$s =~ s/\\e/\\/g;
	$s =~ s/ Ns / /g;
	return $s;
}

# The tables of tlspolicy-outbound(7) of these numbers, which are one with more
# columns than a page is wide: names of the rows, their cells, the columns.
sub pairs
{
	my @lists = text('man/tlspolicy-outbound.7') =~
	    /^\.Bl -column "VERIFY\+CN:name"[^\n]*\n(.*?)^\.El/msg;
	my (@names, %cells, @columns);
	for (@lists[@_]) {
		my (undef, $head, @lines) = split /^\.It /m;
		my (undef, @more) = map { /"(.*)"/ ? $1 : die }
		    split /\s*\bTa\b\s*/, $head;
		push @columns, @more;
		for (@lines) {
			chomp(my ($name, @row) = split / Ta /);
			push @names, $name unless $cells{$name};
			push @{$cells{$name}}, @row;
		}
	}
	return (\@names, \%cells, @columns);
}

# The rows of the table of tlspolicy-outbound(7) that has this column.
sub rows
{
	my ($column) = @_;
	my ($list) = grep { /^\.It Sy .*"\Q$column\E"/ } text('man/tlspolicy-outbound.7') =~
	    /^\.Bl -column [^\n]*\n(.*?)^\.El/msg;
	my (undef, undef, @rows) = split /^\.It /m, $list // die "no $column";
	return map { [split /\s*\bTa\b\s*|\n/] } @rows;
}

# The examples: each .Dl line, and each literal display as a whole.
sub displays
{
	my ($page) = @_;
	my $text = text("man/$page");
	my @found = map { plain($_) } $text =~ /^\.Dl (.*)\n/mg;
	push @found, plain($_) for $text =~ /^\.Bd -literal[^\n]*\n(.*?)^\.Ed/msg;
	return @found;
}

1;
