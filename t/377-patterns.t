#!/usr/bin/perl
#
# Regular expressions of an access table, each beside the rules made of it, for
# addresses and hosts that nearly match: of equal force,
# or named.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Test::More;
use Tlspolicy::Scratch;

my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
plan skip_all => "$tlspolicy is not built" unless -x $tlspolicy;
my $scratch = Tlspolicy::Scratch->new;
my $json = JSON::PP->new->canonical;

my @starts = ('', '^', '(^|\.)', '(.*\.)?', '^(.*\.)?', '^(.+\.)?', '[@.]', '[.@]',
    '(@|\.)', '(\.|@)', '@(.*\.)?', '@(.+\.)?', '^.*@', '^.+@', '.*@', '@', '\.',
    '^.*\.', '^a@', '^a\+b@', '^@', 'a@', '^[ab]@');
my @names = ('x\.example$', 'x.example$', 'x\.example', 'x\.exa_mple$', '\.$', '$',
    'x\$', 'x\.example\$');
my @patterns = ((map { my $s = $_; map { "$s$_" } @names } @starts),
    '.', '^', '.*', '^.*', '^.*$', '^.', '^.+$', '.*$');

my @domains = qw(x.example sub.x.example ax.example xyexample x.example.org
    y.example x.exa_mple xx);
my @mailboxes = map { my $d = $_; map { "$_\@$d" } qw(a ab b x) } @domains;

# Which of the subjects the rules refuse in clear.
sub refused
{
	my ($rules, $fact, @subjects) = @_;
	my $r = Tlspolicy::Scratch::run({ in => $scratch->write('in', join '',
	    map { $json->encode({ v => '8.18.1', j => 'mx.example.net',
	    client_name => 'other.test', client_addr => '192.0.2.1',
	    mail_addr => 'q@other.test', $fact => $_ }) . "\n" } @subjects) },
	    $tlspolicy, 'check', '--batch', '-r', $rules);
	my @verdicts = map { $json->decode($_)->{verdict} } split /\n/, $r->{out};
	return map { $subjects[$_] => $verdicts[$_] eq 'tempfail' } 0 .. $#subjects;
}

my %row = (From => ['mail_addr', @mailboxes], Clt => ['client_name', @domains]);
my ($taken, %wrong) = (0);
for my $tag (sort keys %row) {
	my ($fact, @subjects) = @{$row{$tag}};
	for my $pattern (@patterns) {
		my $table = $scratch->write('table',
		    "/$pattern/ reject_plaintext_session\n");
		my $r = Tlspolicy::Scratch::run($tlspolicy, 'import', 'postfix',
		    '--as', "TLS_$tag", $table);
		if ($r->{out} eq '') {
			push @{$wrong{'not named'}}, "$tag /$pattern/"
			    if $r->{status} != 65 || $r->{err} !~ /table:1: /;
			next;
		}
		$taken++;
		my %refused = refused($scratch->write('rules', $r->{out}), $fact,
		    @subjects);
		for (@subjects) {
			my $match = /$pattern/i;
			push @{$wrong{'weaker, and not named'}},
			    "$tag /$pattern/ $_"
			    if $match && !$refused{$_} && $r->{status} == 0;
			push @{$wrong{'stricter, and not named'}},
			    "$tag /$pattern/ $_"
			    if !$match && $refused{$_} && $r->{status} == 0;
		}
	}
}
is_deeply($wrong{$_} // [], [], "none is $_")
    for 'weaker, and not named', 'stricter, and not named', 'not named';
cmp_ok($taken, '>', 25, "$taken have rules");
done_testing;
