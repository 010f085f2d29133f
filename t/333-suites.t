#!/usr/bin/perl
#
# Items about the cipher suite that no suite meets together stop a build, and
# no others do: every set of them, beside what openssl(1) says of its suites.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Scratch;

my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
plan skip_all => "$tlspolicy is not built" unless -x $tlspolicy;
my $scratch = Tlspolicy::Scratch->new;

# Of one line of openssl ciphers -v.
sub suite
{
	my ($name, $version, @rest) = split ' ', $_[0];
	my %has = map { /^(\w+)=(\S+)$/ } @rest;
	return { name => $name, tls13 => $version eq 'TLSv1.3',
		pfs => scalar($has{Kx} =~ /^(?:any|ECDH|DH|ECDHEPSK|DHEPSK)$/),
		aead => $has{Mac} eq 'AEAD', auth => $has{Au} ne 'None' };
}

sub suites
{
	my ($list) = @_;
	return map { suite($_) } split /\n/,
	    Tlspolicy::Scratch::must('openssl', 'ciphers', '-v', $list);
}

my $tls13 = 'TLS_AES_128_GCM_SHA256';
my %list = (
	'AES128-SHA' => [], 'AES128-GCM-SHA256' => [], 'ADH-AES128-SHA' => [],
	'ECDHE-RSA-AES128-SHA' => [], 'ADH-AES128-GCM-SHA256' => [],
	'ECDHE-RSA-AES128-GCM-SHA256' => [], 'ECDHE+AESGCM' => [],
	'AES128-SHA:ADH-AES128-GCM-SHA256' => [],
);
$list{$_} = [grep { !$_->{tls13} } suites("$_:\@SECLEVEL=0")] for keys %list;
$list{$tls13} = [grep { $_->{name} eq $tls13 } suites('ALL')];
$list{"AES128-SHA:$tls13"} = [@{$list{'AES128-SHA'}}, @{$list{$tls13}}];

my @items = (
	['VER:1.2', sub { 1 }],
	['VER:1.3', sub { $_[0]{tls13} }],
	['AUTHENTICATED', sub { $_[0]{auth} }],
	['PFS', sub { $_[0]{pfs} && $_[0]{auth} }],
	['AEAD', sub { $_[0]{aead} && $_[0]{auth} }],
);

my (@lines, @want);
for my $list (sort keys %list) {
	for my $set (0 .. 2 ** @items - 1) {
		my @asked = map { $items[$_] } grep { $set >> $_ & 1 } 0 .. $#items;
		my $met = grep { my $s = $_; !grep { !$_->[1]->($s) } @asked }
		    @{$list{$list}};
		push @lines, join '++', "TLS_Clt:h" . @lines .
		    '.example ENCR:1+BY:x', (map { $_->[0] } @asked),
		    "CIPHER:$list";
		push @want, scalar @lines
		    unless $met || !@asked;
	}
}
my $r = Tlspolicy::Scratch::run($tlspolicy, 'build', '-n', '-d',
    $scratch->path('policy.mdb'),
    $scratch->write('rules', join '', map { "$_\n" } @lines));
is($r->{status}, 65, 'some can never hold');
my @stopped = $r->{err} =~ /^\S+rules:(\d+):\d+: "CIPHER:\S+" can never hold: no cipher suite meets all/mg;
is_deeply(\@stopped, \@want, 'these, and no others') or diag(
    map { my $n = $_; "$n: $lines[$n - 1]\n" } grep { my $n = $_;
    (grep { $_ == $n } @stopped) != (grep { $_ == $n } @want) } 1 .. @lines);
cmp_ok(scalar @want, '>', 50, 'many');
cmp_ok(@lines - @want, '>', 50, 'of many');
done_testing;
