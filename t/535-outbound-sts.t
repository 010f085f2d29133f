#!/usr/bin/perl
#
# Mail that leaves sendmail with FEATURE(`sts') beside our map, as
# tlspolicy-outbound(7) has it: both are enforced.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Outbound;
use Tlspolicy::Sts;
use Tlspolicy::Tree;

plan skip_all => Tlspolicy::Sts::missing() if Tlspolicy::Sts::missing();

# Without DNS a domain is its own server.
my %servers = (
	'sts.test' => { at => '127.0.0.25',
	    cert => ['/CN=sts.test', 'sts.test', 'ca'] },
	'forged.test' => { at => '127.0.0.26',
	    cert => ['/CN=forged.test', 'forged.test', 'ca'] },
	'stripped.test' => { at => '127.0.0.27' },
);
my %policies = (
	'sts.test' => 'sts.test', 'forged.test' => 'mx.forged.test',
	'stripped.test' => 'stripped.test',
);
my $stays = qr/authentication|does not support STARTTLS|not found in/;
my @rows = (
	[[], 'sts.test', 'tls', 'no rule, the server of the policy'],
	[[], 'forged.test', $stays, 'no rule, another server'],
	[[], 'stripped.test', $stays, 'no rule, STARTTLS is stripped'],
	[[], 'plain.test', 'clear', 'no rule, no policy'],
	[['TLS_Rcpt:sts.test VERIFY'], 'sts.test', 'tls', 'a rule, met'],
	[['TLS_Rcpt:sts.test VERIFY+CN:x.test'], 'sts.test',
	    qr/does not match/, 'a rule, not met, and a policy that is'],
	[['TLS_Srv:stripped.test WARN+VERIFY'], 'stripped.test', $stays,
	    'WARN beside a policy'],
	[['TLS_Rcpt:forged.test OK', 'TLS_Srv:forged.test OK'], 'forged.test',
	    $stays, 'an exception beside a policy'],
	[['TLS_Rcpt:plain.test ENCR:1'], 'plain.test',
	    qr/encryption too weak/, 'a rule, and no policy'],
);
# Each line of the tables of tlspolicy-outbound(7), beside a policy that is met:
# what sendmail has no words for is refused.  Beside one that is not nothing
# leaves, whatever the rule.
my @lines = (
	['no rule', '', 'tls'], ['WARN+VERIFY', 'TLS_Rcpt:%s WARN+VERIFY', 'tls'],
	['OK', 'TLS_Rcpt:%s OK', 'tls'], ['ENCR:0', 'TLS_Rcpt:%s ENCR:0', 'tls'],
	['Try_TLS NO', 'Try_TLS:%s NO', qr/./], ['Try_TLS OK', 'Try_TLS:%s OK', 'tls'],
	['ENCR:128', 'TLS_Rcpt:%s ENCR:128', 'tls'],
	['DANE:may', 'TLS_Rcpt:%s DANE:may', qr/./], ['DANE', 'TLS_Rcpt:%s DANE', qr/./],
	['VERIFY', 'TLS_Rcpt:%s VERIFY', 'tls'], ['VERIFY+CN', 'TLS_Srv:%s VERIFY+CN', 'tls'],
	['VERIFY+CN:name', 'TLS_Rcpt:%s VERIFY+CN:mx.name.test', qr/does not match/],
	['ENCR:1+FP:hex', 'TLS_Rcpt:%s ENCR:1+FP:' . 'AB' x 32, qr/./],
);
my ($names) = Tlspolicy::Tree::pairs(0, 1);
for (@lines) {
	my ($name, $rule, $want) = @$_;
	push @rows, map { [[$rule eq '' ? () : sprintf $rule, $_], $_, $_ eq 'sts.test' ? $want :
	    qr/./, "$name, $_"] } qw(sts.test stripped.test forged.test);
}

Tlspolicy::Sts::names(\%policies);
my $out = Tlspolicy::Outbound->start('sendmail', servers => \%servers,
    zone => sub { Tlspolicy::Sts::zone($_[1], \%policies) }, sts => 1);
is(join(' ', sort @$names), join(' ', sort map { $_->[0] } @lines), 'each line of the table');
my $socket = $out->{scratch}->path('mta-sts.sock');
Tlspolicy::Sts::serve($out, \%policies);
my $pid = Tlspolicy::Sts::resolver($out, $socket);
for (@rows) {
	my ($rules, $domain, $want, $name) = @$_;
	$out->policy(@$rules) or next;
	$out->delivery_is($domain, $want, $name) or
	    diag($out->{scratch}->read('mta-sts.log'));
	$out->forget;
}
Tlspolicy::Scratch::end_pid($pid);
$out->policy;
# A newer resolver takes its socket along.
$out->delivery_is('plain.test',
    qr/STS lookup temp fail|sts map: lookup|socket map "sts": .* unsafe: No such/,
    'the resolver is gone');
done_testing;
