#!/usr/bin/perl
#
# tlspolicy outbound --unasked: rules for mail that leaves that no MTA ever asked
# for, by what a real daemon has answered and recorded.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP qw(decode_json);
use Test::More;
use Tlspolicy::Nexthop;
use Tlspolicy::Talk;

my $map = scratch()->path('map.sock');
my $daemon = daemon(<<'END', settings => { socketmap => "unix:$map", 'socketmap-mode' => '0600', 'audit-sync' => 'each' });
TLS_Rcpt:asked.test	ENCR:128
TLS_Rcpt:dotted.test	WARN+VERIFY
TLS_Rcpt:silent.test	VERIFY
TLS_Rcpt:joe@asked.test	VERIFY
TLS_Srv:mx.silent.test	VERIFY
TLS_Srv:192.0.2.7	ENCR:128
TLS_Srv:hub.test	ENCR:128+UNTIL:2020-01-01
TLS_Srv:hub.test	ENCR:256
Try_TLS:none.test	NO
TLS_Clt:inbound.test	ENCR:128
END

sub unasked {
	my (@args) = @_;
	my $r = $daemon->tlspolicy('outbound', '--unasked', '--json', @args);
	my $all = eval { decode_json($r->{out}) } // {};
	return { %$r, all => $all, keys => join(' ', map { $_->{key} } @{$all->{unasked}}),
	    why => { map { $_->{key} => $_->{why} } @{$all->{unasked}} } };
}
sub settle {
	my ($n) = @_;
	Tlspolicy::Scratch::wait_for(60, sub { (() = scratch()->read('milter/audit.log') =~ /"event":"outbound"/g) >= $n })
	    or die 'no records';
}

my $r = unasked();
is($r->{status}, 1, 'nobody asked: exit code') or diag $r->{err};
is($r->{all}{answers}, 0, '... answers');
is($r->{keys}, 'TLS_Rcpt:asked.test TLS_Rcpt:dotted.test TLS_Rcpt:joe@asked.test TLS_Rcpt:silent.test '
    . 'TLS_Srv:192.0.2.7 TLS_Srv:hub.test TLS_Srv:hub.test TLS_Srv:mx.silent.test Try_TLS:none.test',
    '... all but those of mail that comes in');
like($r->{why}{'TLS_Rcpt:asked.test'}, qr/^no MTA was told anything/, '... and says so');

# As Postfix asks: next hops.
my $postfix = Tlspolicy::Nexthop->connect($map);
$postfix->ask($_) for qw(asked.test x.dotted.test .dotted.test none.test other.test [hub.test]:587);
settle(4);
$r = unasked();
is($r->{keys}, 'TLS_Rcpt:joe@asked.test TLS_Rcpt:silent.test TLS_Srv:192.0.2.7 TLS_Srv:mx.silent.test',
    'Postfix asked: one that only records counts, and all lines of a key') or diag $r->{out};
like($r->{why}{'TLS_Rcpt:joe@asked.test'}, qr/^Postfix asks for a domain, never for a mailbox$/, '... a mailbox');
like($r->{why}{'TLS_Srv:mx.silent.test'}, qr/never for an MX host: TLS_Rcpt:DOMAIN$/, '... an MX host');
like($r->{why}{'TLS_Srv:192.0.2.7'}, qr/only where its next hop is \[ADDRESS\]$/, '... an address');
like($r->{why}{'TLS_Rcpt:silent.test'}, qr/^no mail to it, or its next hop is another one/, '... a domain');
is("$r->{all}{postfix} $r->{all}{sendmail} $r->{all}{rules}", '4 0 9', '... who asked');

# As sendmail does: all of a server, all of a recipient.
my $sendmail = Tlspolicy::Nexthop->connect($map, 'tlspolicy_access');
$sendmail->ask($_) for 'tlspolicy:tls_srv/mx.silent.test/192.0.2.7', 'tlspolicy:tls_rcpt/joe@asked.test';
settle(6);
$r = unasked();
is($r->{keys}, 'TLS_Rcpt:silent.test TLS_Srv:192.0.2.7', 'sendmail asked: the more special rule counts');
like($r->{why}{'TLS_Srv:192.0.2.7'}, qr/^no connection to it, or a more special rule counts$/, '... and says so');
$sendmail->ask($_) for 'tlspolicy:tls_srv/other.test/192.0.2.7', 'tlspolicy:tls_rcpt/x@silent.test';
settle(8);
$r = unasked();
is("$r->{status} $r->{keys}", '0 ', 'all were asked for');
$r = $daemon->tlspolicy('outbound', '--unasked');
like($r->{out}, qr/\A8 answers, \S+Z? to \S+; 0 of 9 rules were never asked for\n\z/, 'as text') or diag $r->{out};

# Another file is another time.
my $empty = scratch()->write('none.jsonl', '');
$r = $daemon->tlspolicy('outbound', '--unasked', $empty);
like($r->{out}, qr/^TLS_Rcpt:joe\@asked\.test VERIFY \(\S+rules:4\)\n    never asked for: no MTA was told/m, 'an empty log');
like($r->{out}, qr/^0 answers; 9 of 9 rules were never asked for$/m, '... the sum');
is(unasked($_)->{status}, 66, "$_: no such file") for '/nonexistent';
is($daemon->tlspolicy('outbound', '--unasked', @$_)->{status}, 64, "@$_: usage")
    for ['--mta', 'sendmail'], ['--postfix', '/etc/postfix'];
is(unasked('-d', '/nonexistent/x.mdb')->{status}, 66, 'no store');
is(unasked(scratch()->write('bad.jsonl', "{\"v\":1}\n"))->{status}, 65, 'a line that is none');
done_testing;
