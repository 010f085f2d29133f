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

Tlspolicy::Sts::names(\%policies);
my $out = Tlspolicy::Outbound->start('sendmail', servers => \%servers,
    zone => sub { Tlspolicy::Sts::zone($_[1], \%policies) }, sts => 1);
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
$out->delivery_is('plain.test', qr/STS lookup temp fail|sts map: lookup/,
    'the resolver is gone');
done_testing;
