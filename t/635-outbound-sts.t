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

my $program = '/usr/bin/mta-sts-daemon';
plan skip_all => 'no mta-sts-daemon (scripts/install-packages test)'
    unless -x $program;

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
my $web = '127.0.0.31';

sub zone
{
	my ($outbound, $zone) = @_;
	$zone->{"$_ A"} = [$servers{$_}{at}] for keys %servers;
	$zone->{'plain.test A'} = ['127.0.0.14'];
	$zone->{"$_ MX"} = ["10 mx.$_"] for qw(sts.test stripped.test);
	$zone->{'forged.test MX'} = ['10 mx.evil.test'];
	for (keys %policies) {
		$zone->{"_mta-sts.$_ TXT"} = ['v=STSv1; id=20261129;'];
	}
}

# What a policy's host has to say, to any number of visitors.
sub serve_policies
{
	my ($outbound) = @_;
	for my $domain (keys %policies) {
		$outbound->certify("mta-sts.$domain", '/CN=x',
		    "mta-sts.$domain", 'ca');
	}
	my $certs = $outbound->{scratch}->path('certs');
	my $names = sub {
		my ($what) = @_;
		return { map { ("mta-sts.$_" => "$certs/mta-sts.$_.$what") }
		    keys %policies };
	};
	Tlspolicy::Server::start($outbound->{scratch}, address => $web,
	    port => 443, talk => sub {
		my ($socket) = @_;
		IO::Socket::SSL->start_SSL($socket, SSL_server => 1,
		    SSL_cert_file => $names->('pem'),
		    SSL_key_file => $names->('key')) or return;
		my $host = '';
		while (defined(my $line = readline $socket)) {
			$host = $1 if $line =~ /^Host: mta-sts\.(\S+?)\r?\n/i;
			last if $line =~ /^\r?\n/;
		}
		my $text = "version: STSv1\r\nmode: enforce\r\nmx: "
		    . ($policies{$host} // 'none') . "\r\nmax_age: 86400\r\n";
		print $socket "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
		    . 'Content-Length: ' . length($text)
		    . "\r\nConnection: close\r\n\r\n$text";
		close $socket;
	});
}

# The cache lives as long as the process, so that each run asks anew.
sub resolver
{
	my ($outbound, $socket) = @_;
	my $scratch = $outbound->{scratch};
	my $conf = $scratch->write('mta-sts.yml', "path: $socket\nmode: 0666\n"
	    . "shutdown_timeout: 1\ncache:\n  type: internal\n  options:\n"
	    . "    cache_size: 100\ndefault_zone:\n  strict_testing: false\n"
	    . "  timeout: 4\n");
	unlink $socket;
	my $pid = $scratch->spawn('mta-sts.log',
	    { SSL_CERT_FILE => $outbound->{certs}->ca },
	    @{$outbound->{mta}{names}}, $program, '-c', $conf);
	Tlspolicy::Scratch::wait_for(60, sub { -S $socket }) or
	    diag($scratch->read('mta-sts.log'));
	return $pid;
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
	# By the rule alone the certificate would be of a wrong name.
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

# The resolver looks this up in files.
$Tlspolicy::Names::hosts{$web} = join ' ', map { "mta-sts.$_" }
    sort keys %policies;
my $out = Tlspolicy::Outbound->start('postfix', servers => \%servers,
    zone => \&zone, insecure => qr/./);
my $socket = $out->{scratch}->path('mta-sts.sock');
$out->{resolver} = "unix:$socket postfix";
is($out->{daemon}->stop, 0, 'settings that need a restart');
$out->{daemon}->configure($out->settings);
$out->{daemon}->run;
serve_policies($out);
my $pid = resolver($out, $socket);
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

is(Tlspolicy::Scratch::end_pid($pid) // 0, 0, 'the resolver is gone');
$out->policy('TLS_Rcpt:stripped.test OK');
$out->delivery_is('plain.test', qr/TLS configuration problem|4\.7\.5/,
    'without it nothing leaves');
$out->forget;
$out->delivery_is('stripped.test', 'clear', 'but by an exception');
$pid = resolver($out, $socket);
$out->delivery_is('plain.test', 'clear', 'it is back');
done_testing;
