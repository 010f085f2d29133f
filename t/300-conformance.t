#!/usr/bin/perl
#
# sendmail's own verdicts: each row of data/sendmail-verdicts.tsv must come out
# the same with compat = sendmail (data/README).

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Scratch;

my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
plan skip_all => "$tlspolicy is not built" unless -x $tlspolicy;

my %status = (accept => 0, tempfail => 75, reject => 77, malformed => 65);
my $scratch = Tlspolicy::Scratch->new;

sub rows {
	open my $fh, '<', "$FindBin::Bin/data/sendmail-verdicts.tsv" or die $!;
	my @names = split /\t/, substr(<$fh>, 1) =~ s/\n//r;
	my @rows;
	while (my $line = <$fh>) {
		chomp $line;
		my %row;
		@row{@names} = split /\t/, $line, -1;
		push @rows, \%row;
	}
	return @rows;
}

sub check {
	my ($row, $rules) = @_;
	my @macros = split / ;; /, $row->{macros};
	push @macros, "rcpt_addr=$row->{rcpt}" if $row->{rcpt} ne '';
	return Tlspolicy::Scratch::run($tlspolicy, 'check', '-r', $rules,
	    '-t', $row->{tag}, '-o', 'compat=sendmail',
	    '-o', "default-class=$row->{default_class}", @macros);
}

# What is wrong, or undef.
sub verdict_differs {
	my ($row, $rules) = @_;
	my $got = check($row, $rules);
	my ($first) = split /\n/, $got->{out};
	my $want = join ' ', grep { $_ ne '' } @$row{qw(expect code dsn text)};

	$first //= '';
	my $same = $row->{text} eq '*' ?
	    index($first, substr($want, 0, -1)) == 0 : $first eq $want;
	return undef if $same && $got->{status} == $status{$row->{expect}};
	return "want: $want (exit $status{$row->{expect}})\n" .
	    "got:  $first (exit $got->{status})\n$got->{err}";
}

sub malformed_passes {
	my ($row, $rules) = @_;
	my $store = $scratch->path('malformed.mdb');
	my $built = Tlspolicy::Scratch::run($tlspolicy, 'build', '-d', $store,
	    $rules);
	my $checked = check($row, $rules);

	for my $run ($built, $checked) {
		return "want: exit 65\ngot:  exit $run->{status}\n$run->{out}" .
		    $run->{err} if $run->{status} != 65;
		return "want: FILE:LINE:COLUMN:\ngot:  $run->{err}"
		    if $run->{err} !~ /^\Q$rules\E:\d+:\d+: /m;
	}
	return -e $store ? "want: no store\ngot:  $store" : undef;
}

my @rows = rows();
cmp_ok(scalar @rows, '>', 500, 'rows are there');
my $agree = 0;
for my $row (@rows) {
	my $text = $row->{rules} =~ s/ ;; /\n/gr =~ s/\\t/\t/gr;
	my $rules = $scratch->write('rules', "$text\n");
	my $differs = $row->{expect} eq 'malformed' ?
	    malformed_passes($row, $rules) : verdict_differs($row, $rules);

	$agree++ unless defined $differs;
	ok(!defined $differs, "$row->{id}: $row->{expect}") or
	    diag("rules:\n$text\nmacros: $row->{macros} $row->{rcpt}\n$differs");
}
print "# $agree of ", scalar(@rows), " verdicts agree\n";
done_testing;
