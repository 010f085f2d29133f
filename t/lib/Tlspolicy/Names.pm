package Tlspolicy::Names;

# Host names for test clients without DNS: an MTA runs in mount and UTS
# namespaces of its own, where /etc/hosts names some addresses of 127.0.0.0/8.

use strict;
use warnings;
use Tlspolicy::Scratch;

our %hosts = (
	'127.0.0.2' => 'client.example.com',
	'127.0.0.3' => 'mail.sub.example.com',
	'127.0.0.4' => 'other.example.net',
);

my $missing;

# Why there can be no namespaces here, or ''.
sub missing
{
	$missing //= do {
		my $r = Tlspolicy::Scratch::run(
		    qw(unshare --uts --mount hostname mx.example.org));
		$r->{status} == 0 ? '' :
		    'no private mount and UTS namespaces: ' . $r->{err} =~
		    s/\s+\z//r;
	};
	return $missing;
}

# The words to put before a command.  The script binds our files over the
# system's inside the namespace only: unshare makes all mounts private by
# itself.  More of them may be given as target => source.
sub prefix
{
	my ($scratch, %bind) = @_;
	my $hosts = "127.0.0.1 localhost\n127.0.0.1 mx.example.org mx\n";
	$hosts .= "$_ $hosts{$_}\n" for sort keys %hosts;
	$bind{'/etc/hosts'} = $scratch->write('hosts', $hosts);
	$bind{'/etc/nsswitch.conf'} = $scratch->write('nsswitch.conf',
	    "passwd: files\ngroup: files\nshadow: files\nhosts: files\n"
	    . "services: files\nprotocols: files\n");
	my $script = $scratch->write('with-names', join "\n", 'set -e',
	    'hostname mx.example.org',
	    (map { "mount --bind '$bind{$_}' '$_'" } sort keys %bind),
	    'exec "$@"', '');
	return (qw(unshare --uts --mount sh), $script);
}

1;
