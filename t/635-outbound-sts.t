#!/usr/bin/perl
#
# Mail that leaves Postfix with a real resolver of MTA-STS behind the daemon,
# Debian's mta-sts-daemon: domains with and without a rule, whose MX is the one
# of their policy and whose MX was forged, and the resolver gone.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Outbound;
use Tlspolicy::Sts;

plan skip_all => Tlspolicy::Sts::missing() if Tlspolicy::Sts::missing();

my %servers = (
	'mx.sts.test' => { at => '127.0.0.25',
	    cert => ['/CN=mx.sts.test', 'mx.sts.test', 'ca'] },
	'mx.evil.test' => { at => '127.0.0.26',
	    cert => ['/CN=mx.evil.test', 'mx.evil.test', 'ca'] },
	'mx.stripped.test' => { at => '127.0.0.27' },
);
my %policies = (
	'sts.test' => 'mx.sts.test', 'forged.test' => 'mx.forged.test',
	'stripped.test' => '*.stripped.test',
);

sub zone
{
	my ($outbound, $zone) = @_;
	$zone->{"$_ A"} = [$servers{$_}{at}] for keys %servers;
	$zone->{'plain.test A'} = ['127.0.0.14'];
	$zone->{"$_ MX"} = ["10 mx.$_"] for qw(sts.test stripped.test);
	$zone->{'forged.test MX'} = ['10 mx.evil.test'];
	Tlspolicy::Sts::zone($zone, \%policies);
}

my $no = qr/not verified|not trusted|mismatch|untrusted/i;
my $plain = qr/TLS is required/;
my @rows = (
	[[], 'sts.test', 'tls', 'no rule, the MX of the policy'],
	[[], 'forged.test', $no, 'no rule, a forged MX'],
	[[], 'stripped.test', $plain, 'no rule, STARTTLS is stripped'],
	[[], 'plain.test', 'clear', 'no rule, no policy'],
	[['TLS_Rcpt:forged.test WARN+VERIFY'], 'forged.test', $no,
	    'WARN switches nothing off'],
	[['TLS_Rcpt:stripped.test WARN+VERIFY'], 'stripped.test', $plain,
	    'nor here'],
	[['TLS_Rcpt:forged.test ENCR:128'], 'forged.test', $no, 'ENCR'],
	[['TLS_Rcpt:stripped.test DANE:may'], 'stripped.test', $plain,
	    'DANE:may'],
	[['TLS_Rcpt:sts.test ENCR:128+VER:1.2'], 'sts.test', 'tls',
	    'ENCR, met'],
	# The certificate has the MX's name, which only the policy of MTA-STS
	# allows.
	[['TLS_Rcpt:sts.test VERIFY'], 'sts.test', 'tls',
	    'VERIFY, by the names of the policy'],
	[['TLS_Rcpt:sts.test VERIFY+CN:mx.other.test'], 'sts.test', $no,
	    'a pinned name is kept'],
	[['TLS_Rcpt:test VERIFY+CN:mx.other.test'], 'sts.test', $no,
	    'of the domain above as well'],
	[['TLS_Rcpt:plain.test ENCR:1'], 'plain.test', $plain,
	    'ENCR, no policy'],
	[['TLS_Rcpt:forged.test OK'], 'forged.test', 'tls', 'OK goes below'],
);

Tlspolicy::Sts::names(\%policies);
my $out = Tlspolicy::Outbound->start('postfix', servers => \%servers,
    zone => \&zone, insecure => qr/./);
my $socket = $out->{scratch}->path('mta-sts.sock');
$out->{resolver} = "unix:$socket postfix";
is($out->{daemon}->stop, 0, 'settings that need a restart');
$out->{daemon}->configure($out->settings);
$out->{daemon}->run;
Tlspolicy::Sts::serve($out, \%policies);
my $pid = Tlspolicy::Sts::resolver($out, $socket);
$out->{server_of} = { 'forged.test' => 'mx.evil.test',
    map { $_ => "mx.$_" } qw(sts.test stripped.test) };
for (@rows) {
	my ($rules, $domain, $want, $name) = @$_;
	$out->policy(@$rules) or next;
	$out->delivery_is($domain, $want, $name) or
	    diag($out->{scratch}->read('mta-sts.log'));
	$out->forget;
}
my ($record) = grep { ($_->{query} // '') eq 'sts.test' }
    $out->{daemon}->audit;
is($record->{result}, 'passed-on', 'recorded: passed on');
is($record->{resolver}, 'OK secure match=mx.sts.test servername=hostname',
    'what it said');

# The resolver of Debian 13 waits for its connections to end: end_pid() kills it
# then.
Tlspolicy::Scratch::end_pid($pid);
ok(!kill(0, $pid), 'the resolver is gone');
$out->policy('TLS_Rcpt:stripped.test OK');
$out->delivery_is('plain.test', qr/TLS configuration problem|4\.7\.5/,
    'without it nothing leaves');
$out->forget;
$out->delivery_is('stripped.test', 'clear', 'but by an exception');
$pid = Tlspolicy::Sts::resolver($out, $socket);
$out->delivery_is('plain.test', 'clear', 'it is back');
done_testing;
