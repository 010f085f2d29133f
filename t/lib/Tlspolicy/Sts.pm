package Tlspolicy::Sts;

# Domains with a policy of MTA-STS, and Debian's mta-sts-daemon, which resolves
# it: the records go into a zone of Dns.pm, the policies are served by HTTPS.
#
#   Tlspolicy::Sts::zone(\%zone, \%policies);	before the MTA is started
#   Tlspolicy::Sts::serve($outbound, \%policies);
#   my $pid = Tlspolicy::Sts::resolver($outbound, $socket);
#
# policies: domain => mx.  Outbound.pm has the certificates and the namespace.

use strict;
use warnings;
use Test::More;
use Tlspolicy::Names;
use Tlspolicy::Scratch;

my $program = '/usr/bin/mta-sts-daemon';
my $web = '127.0.0.31';

sub missing
{
	return -x $program ? undef :
	    'no mta-sts-daemon (scripts/install-packages test)';
}

sub zone
{
	my ($zone, $policies) = @_;
	$zone->{"_mta-sts.$_ TXT"} = ['v=STSv1; id=20261129;']
	    for keys %$policies;
}

# The resolver looks these names up in files: before the MTA is started.
sub names
{
	my ($policies) = @_;
	$Tlspolicy::Names::hosts{$web} = join ' ', map { "mta-sts.$_" }
	    sort keys %$policies;
}

sub serve
{
	my ($outbound, $policies) = @_;
	my $certs = $outbound->{scratch}->path('certs');
	# One for all: each connection reads it anew.
	$outbound->certify('mta-sts', '/CN=x', join(',DNS:', map { "mta-sts.$_" } sort keys %$policies), 'ca');
	Tlspolicy::Server::start($outbound->{scratch}, address => $web,
	    port => 443, talk => sub {
		my ($socket) = @_;
		IO::Socket::SSL->start_SSL($socket, SSL_server => 1,
		    SSL_cert_file => "$certs/mta-sts.pem", SSL_key_file => "$certs/mta-sts.key") or return;
		my $host = '';
		while (defined(my $line = readline $socket)) {
			$host = $1 if $line =~ /^Host: mta-sts\.(\S+?)\r?\n/i;
			last if $line =~ /^\r?\n/;
		}
		my $text = "version: STSv1\r\nmode: enforce\r\nmx: "
		    . ($policies->{$host} // 'none') . "\r\nmax_age: 86400\r\n";
		print $socket "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
		    . 'Content-Length: ' . length($text)
		    . "\r\nConnection: close\r\n\r\n$text";
		close $socket;
	});
}

# Its cache lives as long as the process.
sub resolver
{
	my ($outbound, $socket) = @_;
	my $scratch = $outbound->{scratch};
	my $conf = $scratch->write('mta-sts.yml', "path: $socket\nmode: 0666\n"
	    . "shutdown_timeout: 1\ncache:\n  type: internal\n  options:\n"
	    . "    cache_size: 100\ndefault_zone:\n  strict_testing: false\n"
	    . "  timeout: 15\ncache_grace: 3600\n");
	my $script = $scratch->write('with-dns', join "\n", 'set -e',
	    (map { "mount --bind '" . $scratch->path($_) . "' /etc/$_" }
	    qw(resolv.conf hosts nsswitch.conf)), 'exec "$@"', '');
	unlink $socket;
	my $pid = $scratch->spawn('mta-sts.log',
	    { SSL_CERT_FILE => $outbound->{certs}->ca },
	    qw(unshare --mount sh), $script, $program, '-c', $conf);
	Tlspolicy::Scratch::wait_for(60, sub { -S $socket }) or
	    diag($scratch->read('mta-sts.log'));
	return $pid;
}

1;
