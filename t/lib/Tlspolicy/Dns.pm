package Tlspolicy::Dns;

# A name server for tests that says of every answer that it was validated
# (DNSSEC), as an MTA's own resolver does: for DANE.  It listens on port 53 of
# 127.0.0.1, so it needs a network namespace (Outbound.pm has one).
#
#   Tlspolicy::Dns::start($scratch, \%zone, insecure => qr/\.evil\.test$/);
#   zone: 'dest.test MX' => ['10 mx.dest.test'], 'mx.dest.test A' => [...],
#         '_25._tcp.mx.dest.test TLSA' => ['3 1 1 HEX']
#   insecure: names of which it does not say that

use strict;
use warnings;
use IO::Socket::INET;
use Tlspolicy::Scratch;

my %types = (1 => 'A', 2 => 'NS', 5 => 'CNAME', 15 => 'MX', 16 => 'TXT',
    28 => 'AAAA', 52 => 'TLSA');
my %numbers = reverse %types;

sub start
{
	my ($scratch, $zone, %arg) = @_;
	my $socket = IO::Socket::INET->new(Proto => 'udp',
	    LocalAddr => '127.0.0.1', LocalPort => 53) or die "port 53: $!\n";
	my $pid = fork // die "fork: $!\n";
	if ($pid == 0) {
		$SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
		while ($socket->recv(my $query, 4096)) {
			my $reply = reply($query, $zone, $arg{insecure});
			$socket->send($reply) if defined $reply;
		}
		POSIX::_exit(0);
	}
	$scratch->at_end(sub { local $?; Tlspolicy::Scratch::end_pid($pid) });
	return $pid;
}

sub name
{
	return join('', map { pack 'C/a*', $_ } split /\./, $_[0]) . "\0";
}

sub data
{
	my ($type, $text) = @_;
	return join '', map { pack 'C', $_ } split /\./, $text if $type eq 'A';
	return name($text) if $type eq 'NS' || $type eq 'CNAME';
	return pack('C/a*', $text) if $type eq 'TXT';
	my @words = split ' ', $text;
	return pack('n', $words[0]) . name($words[1]) if $type eq 'MX';
	return pack('CCC', @words) . pack('H*', $words[3]);
}

sub reply
{
	my ($query, $zone, $insecure) = @_;
	return undef if length $query < 12;
	my ($id, $flags) = unpack 'n n', $query;
	my ($at, @labels) = (12);
	while ($at < length $query && (my $n = ord substr $query, $at++, 1)) {
		push @labels, lc substr $query, $at, $n;
		$at += $n;
	}
	my $name = join '.', @labels;
	my $question = substr $query, 12, $at + 4 - 12;
	my $type = $types{unpack 'n', substr $query, $at, 2} // '';
	my $known = $name eq '' || grep { /^(?:.*\.)?\Q$name\E / } keys %$zone;
	my @answers = @{$zone->{"$name $type"} //
	    ($name eq '' && $type eq 'NS' ? ['ns.test'] : [])};

	# QR, RD, RA, AD; NXDOMAIN where there is nothing of that name.
	my $bits = 0x8180 | (defined $insecure && $name =~ $insecure ? 0 :
	    0x20) | ($known ? 0 : 3);
	return pack('n6', $id, $bits, 1, scalar @answers, 0, 0) . $question
	    . join '', map { my $d = data($type, $_); name($name)
	    . pack('n n N n/a*', $numbers{$type}, 1, 60, $d) } @answers;
}

1;
