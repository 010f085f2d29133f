#!/usr/bin/perl
#
# Mail that leaves Postfix by a rule and beside the level that Postfix has by
# itself: servers with a good certificate, with TLSA records that fit and that
# do not, whose MX was forged, whose STARTTLS was stripped.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Outbound;

# Those of Outbound.pm are their own MX.
my %servers = (
	'mx.dane.test' => { at => '127.0.0.21',
	    cert => ['/CN=self.test', 'self.test', undef] },
	'mx.mismatch.test' => { at => '127.0.0.22',
	    cert => ['/CN=mismatch.test', 'mismatch.test', 'ca'] },
	'mx.evil.test' => { at => '127.0.0.23',
	    cert => ['/CN=mx.evil.test', 'mx.evil.test', 'ca'] },
	'mx.stripped.test' => { at => '127.0.0.24' },
);

sub zone
{
	my ($outbound, $zone) = @_;
	my %at = ('good.test' => '127.0.0.11', 'self.test' => '127.0.0.12',
	    'many.test' => '127.0.0.19', 'plain.test' => '127.0.0.14',
	    map { $_ => $servers{$_}{at} } keys %servers);
	$zone->{"$_ A"} = [$at{$_}] for keys %at;
	$zone->{"$_.test MX"} = ["10 mx.$_.test"]
	    for qw(dane mismatch stripped);
	# What the attacker answers, without a signature.
	$zone->{'forged.test MX'} = ['10 mx.evil.test'];
	for (['dane', 'mx.dane.test'], ['mismatch', 'good.test']) {
		my $key = Tlspolicy::Scratch::must('sh', '-c', 'openssl x509 '
		    . '-noout -pubkey -in "$0" | openssl pkey -pubin '
		    . '-outform DER | sha256sum',
		    $outbound->{scratch}->path("certs/$_->[1].pem"));
		$zone->{"_25._tcp.mx.$_->[0].test TLSA"} =
		    ["3 1 1 " . substr $key, 0, 64];
	}
}

my $no = qr/not verified|not trusted|mismatch|untrusted|no TLSA|TLSA/i;
my $plain = qr/TLS is required|no TLSA/;
# level of main.cf => rules, domain, what becomes of the mail
my @rows = (
	[encrypt => [], 'plain.test', $plain, 'no rule'],
	[encrypt => ['TLS_Rcpt:plain.test WARN+VERIFY'], 'plain.test', $plain,
	    'WARN is no way out'],
	[encrypt => ['TLS_Rcpt:plain.test DANE:may'], 'plain.test', $plain,
	    'nor is DANE:may'],
	[encrypt => ['Try_TLS:plain.test OK'], 'plain.test', $plain,
	    'nor is Try_TLS OK'],
	[encrypt => ['TLS_Rcpt:plain.test OK'], 'plain.test', 'clear', 'OK is'],
	[encrypt => ['TLS_Rcpt:plain.test ENCR:0+BY:me++UNTIL:2999-12-31'],
	    'plain.test', 'clear', 'ENCR:0 is'],
	[encrypt => ['Try_TLS:good.test NO'], 'good.test', 'clear',
	    'Try_TLS NO is'],
	[encrypt => ['TLS_Rcpt:self.test ENCR:128'], 'self.test', 'tls',
	    'ENCR'],
	[encrypt => ['TLS_Rcpt:self.test VERIFY'], 'self.test', $no, 'VERIFY'],
	[encrypt => ['TLS_Rcpt:stripped.test WARN+VERIFY'], 'stripped.test',
	    $plain, 'STARTTLS is stripped'],
	[dane => [], 'dane.test', 'tls', 'no rule, TLSA'],
	[dane => [], 'mismatch.test', $no, 'no rule, TLSA of another'],
	[dane => [], 'plain.test', 'clear', 'no rule, no TLSA'],
	[dane => ['TLS_Rcpt:mismatch.test WARN+ENCR:1'], 'mismatch.test', $no,
	    'WARN does not switch DANE off'],
	[dane => ['TLS_Rcpt:mismatch.test ENCR:128'], 'mismatch.test', $no,
	    'nor does ENCR'],
	[dane => ['TLS_Rcpt:mismatch.test OK'], 'mismatch.test', 'tls',
	    'OK does'],
	[dane => ['TLS_Rcpt:dane.test ENCR:128'], 'dane.test', 'tls',
	    'ENCR, met by TLSA'],
	[dane => ['TLS_Rcpt:plain.test ENCR:128'], 'plain.test', $plain,
	    'ENCR, no TLSA'],
	[dane => ['TLS_Rcpt:stripped.test ENCR:128'], 'stripped.test', $plain,
	    'ENCR, STARTTLS is stripped'],
	[dane => ['TLS_Rcpt:dane.test PERM+DANE'], 'dane.test', 'tls', 'DANE'],
	[may => ['TLS_Rcpt:mismatch.test DANE'], 'mismatch.test', $no,
	    'DANE, TLSA of another'],
	[may => ['TLS_Rcpt:mismatch.test DANE:may'], 'mismatch.test', $no,
	    'DANE:may, TLSA of another'],
	[may => ['TLS_Rcpt:plain.test DANE:may'], 'plain.test', 'clear',
	    'DANE:may, no TLSA'],
	[may => ['TLS_Rcpt:good.test DANE'], 'good.test', $no,
	    'DANE, no TLSA'],
	[may => ['TLS_Rcpt:forged.test VERIFY'], 'forged.test', $no,
	    'VERIFY, a forged MX'],
	[may => ['TLS_Rcpt:forged.test VERIFY+CN'], 'forged.test', 'tls',
	    'CN believes it'],
	[may => ['TLS_Rcpt:forged.test VERIFY+CN:.forged.test'],
	    'forged.test', $no, 'CN:.name does not'],
	[secure => [], 'forged.test', $no, 'no rule, a forged MX'],
	[secure => ['TLS_Rcpt:forged.test WARN+VERIFY+CN'], 'forged.test', $no,
	    'WARN, a forged MX'],
	[secure => ['TLS_Rcpt:forged.test ENCR:128'], 'forged.test', $no,
	    'ENCR, a forged MX'],
	[secure => ['TLS_Rcpt:forged.test VERIFY+CN'], 'forged.test',
	    qr/TLS configuration problem/, 'CN is no way out'],
	[secure => ['TLS_Rcpt:good.test ENCR:128'], 'good.test', 'tls',
	    'ENCR, met'],
	[secure => ['TLS_Rcpt:forged.test OK'], 'forged.test', 'tls',
	    'OK is'],
	[verify => ['TLS_Rcpt:self.test ENCR:128'], 'self.test', $no,
	    'ENCR, self-signed'],
	[verify => ['TLS_Rcpt:good.test ENCR:128'], 'good.test', 'tls',
	    'ENCR, met'],
	['dane-only' => ['TLS_Rcpt:good.test VERIFY'], 'good.test', $no,
	    'VERIFY, no TLSA'],
	['dane-only' => ['TLS_Rcpt:good.test VERIFY+CN:good.test'],
	    'good.test', 'tls', 'a pinned name is kept'],
	['dane-only' => ['TLS_Rcpt:plain.test DANE:may'], 'plain.test', $plain,
	    'DANE:may, no TLSA'],
);

my $out = Tlspolicy::Outbound->start('postfix', servers => \%servers,
    zone => \&zone, insecure => qr/^forged\.test$|\bevil\.test$/);
$out->{server_of} = { 'forged.test' => 'mx.evil.test',
    map { $_ => "mx.$_" } qw(dane.test mismatch.test stripped.test) };
my $level = '';
for (@rows) {
	my ($site, $rules, $domain, $want, $name) = @$_;
	if ($site ne $level) {
		$level = $site;
		$out->{mta}->configure(smtp_tls_security_level => $level);
		$out->configure('outbound-default' => $level);
	}
	$out->policy(@$rules) or next;
	$out->delivery_is($domain, $want, "$level: $name");
	$out->forget;
}

$out->{mta}->configure(smtp_tls_security_level => 'may');
$out->policy('TLS_Rcpt:many.test VERIFY');
$out->configure('outbound-servername' => 'none');
$out->delivery_is('many.test', $no, 'without SNI: another certificate');
$out->forget;
$out->configure('outbound-servername' => 'hostname');
$out->delivery_is('many.test', 'tls', 'with SNI: its own');
done_testing;
