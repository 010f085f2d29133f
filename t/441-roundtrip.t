#!/usr/bin/perl
#
# smtp_tls_policy_maps to rules, and back to what Postfix is told: the same
# policy, for each line of equal force and for what is below its domain.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Nexthop;
use Tlspolicy::Talk;

my $fp = join ':', map { sprintf '%02X', $_ } 1 .. 32;
my $fp2 = join ':', ('AB') x 32;
# key, value, what Postfix must be told (undef: the value itself)
my @lines = (
	['a.example', 'may'], ['b.example', 'encrypt'],
	['c.example', 'encrypt ciphers=high'],
	['c2.example', 'encrypt ciphers=medium', 'encrypt'],
	['d.example', 'encrypt protocols=>=TLSv1.2'],
	['d1.example', 'encrypt protocols=!SSLv2:!SSLv3', 'encrypt protocols=>=TLSv1'],
	['d2.example', 'encrypt protocols=!SSLv2:!SSLv3:!TLSv1:!TLSv1.1',
	    'encrypt protocols=>=TLSv1.2'],
	['d3.example', 'encrypt, ciphers=high, protocols=>=TLSv1.3',
	    'encrypt ciphers=high protocols=>=TLSv1.3'],
	['e.example', 'secure', 'secure match=nexthop:dot-nexthop'],
	['e1.example', 'secure match=nexthop', 'secure match=e1.example'],
	['e2.example', 'secure match=dot-nexthop', 'secure match=.e2.example'],
	['e3.example', 'secure match=nexthop:dot-nexthop'],
	['e4.example', 'secure match=mx1.e4.example:mx2.e4.example:.cloud.example'],
	['e5.example', 'secure match=mx1.e5.example match=.cloud.example',
	    'secure match=mx1.e5.example:.cloud.example'],
	['e6.example', 'secure match=a.example:hostname', 'secure match=a.example:hostname'],
	['e7.example', 'secure ciphers=high match=a.example', 'secure match=a.example ciphers=high'],
	['f.example', 'verify', 'secure match=hostname'],
	['f1.example', 'verify match=hostname:nexthop', 'secure match=hostname:f1.example'],
	['f2.example', 'verify match=a.example', 'secure match=a.example'],
	['g.example', "fingerprint match=$fp"],
	['g1.example', "fingerprint match=$fp|$fp2", "fingerprint match=$fp match=$fp2"],
	['h.example', 'dane'], ['h1.example', 'dane-only'],
	['h2.example', 'dane-only protocols=>=TLSv1.2'],
	['i.example', 'none'], ['.j.example', 'encrypt'],
	['.k.example', 'secure', 'secure match=nexthop:dot-nexthop'],
	['sub.k.example', 'may'], ['[mx.l.example]', 'encrypt'],
	['[192.0.2.1]', 'encrypt'], ['[mx.m.example]:25', 'secure match=mx.m.example'],
	['n.example', 'encrypt connection_reuse=yes', 'encrypt'],
	['B\xc3\xbccher.example' =~ s/\\x(..)/chr hex $1/ger, 'may'],
);
# What is asked for names below; "" for what no line names.
my @below = (['.a.example', 'may'], ['.b.example', 'may'],
    ['.e4.example', 'may'], ['.h1.example', 'may'], ['.i.example', 'may'],
    ['.j.example', 'encrypt'], ['j.example', ''], ['k.example', ''],
    ['.sub.k.example', 'secure match=nexthop:dot-nexthop'],
    ['.l.example', ''], ['other.example', ''], ['.other.example', '']);

my $table = scratch()->write('table', join '', map { "$_->[0]\t$_->[1]\n" } @lines);
my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
my $r = Tlspolicy::Scratch::run($tlspolicy, 'import', '--level', 'may', 'postfix', $table);
is($r->{status}, 0, 'all lines are of equal force') or diag $r->{err};
my $path = scratch()->path('map.sock');
my $daemon = daemon($r->{out}, settings => { socketmap => "unix:$path",
    'outbound-servername' => 'none',
    'socketmap-mode' => '0600' });
my $map = Tlspolicy::Scratch::wait_for(60, sub {
    eval { Tlspolicy::Nexthop->connect($path) } }) or die($@);

sub ask
{
	return $map->ask(@_);
}

is(ask($_->[0]), 'OK ' . ($_->[2] // $_->[1]), "$_->[0] $_->[1]") for @lines;
is(ask($_->[0]), $_->[1] eq '' ? 'NOTFOUND ' : "OK $_->[1]",
    "below: $_->[0]") for @below;

# Policies that no rule is equal to, or that are none: import names them and exits
# 65.
for ('may protocols=>=TLSv1.2', 'may ciphers=high', 'encrypt exclude=aNULL',
    'encrypt protocols=TLSv1.2', 'encrypt protocols=!TLSv1.2',
    'encrypt protocols=>=TLSv1.2:<=TLSv1.2', 'encrypt ciphers=low',
    'encrypt match=a.example', 'encrypt foo=bar', 'encrypt protocols=',
    'secure tafile=/x', 'secure servername=x.example', 'half-dane',
    'fingerprint', 'none ciphers=high', 'dane protocols=>=TLSv1.2',
    'dane-only match=a.example', 'dane-only ciphers=high', 'encrypted',
    'fingerprint match=XYZ', 'secure match=' . 'a.example:' x 300 . 'b') {
	my $file = scratch()->write('one', "x.example $_\n.y.example may\n");
	$r = Tlspolicy::Scratch::run($tlspolicy, 'import', '--level', 'may', 'postfix', $file);
	my $short = substr $_, 0, 60;
	is($r->{status}, 65, "$short: exit 65");
	like($r->{err}, qr/^\Q$file\E:1: /m, "$short: named");
	like($r->{err}, qr/^\Q$file\E:1\t(?:stricter|weaker|not taken)\t/m,
	    "$short: in the table");
}
for ('[x.example]:587', 'x.example:26', '.x.example secure match=nexthop') {
	my $file = scratch()->write('one', "$_ " .
	    (/secure/ ? '' : 'encrypt') . "\n");
	is(Tlspolicy::Scratch::run($tlspolicy, 'import', '--level', 'may',
	    'postfix', $file)->{status}, 65, "$_: exit 65");
}
done_testing;
