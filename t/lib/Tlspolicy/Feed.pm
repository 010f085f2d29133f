package Tlspolicy::Feed;

# The side of an smtpd(8) that asks its policy service.

use strict;
use warnings;
use IO::Select;
use IO::Socket::UNIX;
use Time::HiRes qw(time);

sub connect
{
	my ($class, $path) = @_;
	my $sock = IO::Socket::UNIX->new(Peer => $path, Timeout => 60) or
	    return undef;
	return bless { sock => $sock }, $class;
}

# A request about the session with these macros.
sub request
{
	my (%m) = @_;
	my %name = (protocol_state => 'RCPT', client_address => 'client_addr',
	    client_port => 'client_port', server_address => 'daemon_addr',
	    server_port => 'daemon_port', encryption_protocol => 'tls_version',
	    encryption_cipher => 'cipher', encryption_keysize => 'cipher_bits',
	    ccert_subject => 'cert_subject', ccert_issuer => 'cert_issuer',
	    ccert_fingerprint => 'fp', ccert_pubkey_fingerprint => 'pkfp',
	    sender => 'sender', recipient => 'recipient');
	my $text = "request=smtpd_access_policy\n"
	    . 'protocol_state=' . ($m{state} // 'RCPT') . "\n"
	    . "protocol_name=ESMTP\nhelo_name=client.example.com\n"
	    . "queue_id=\ninstance=1234.5678.0\n";
	delete $name{protocol_state};
	$text .= "$_=" . ($m{$name{$_}} // '') . "\n" for sort keys %name;
	return "$text\n";
}

sub send
{
	my ($self, $bytes) = @_;
	local $SIG{PIPE} = 'IGNORE';
	return print { $self->{sock} } $bytes;
}

# What comes until as many bytes are there, the peer closes, or time is up.
sub receive
{
	my ($self, $length) = @_;
	my ($all, $end) = ('', time + 60);
	while (length $all < $length && time < $end) {
		IO::Select->new($self->{sock})->can_read(0.2) or next;
		sysread($self->{sock}, $all, 65536, length $all) or last;
	}
	return $all;
}

# Tells of the session and waits for the answer.
sub tell
{
	my ($self, %macros) = @_;
	$self->send(request(%macros));
	return $self->receive(length "action=DUNNO\n\n");
}

sub closed
{
	my ($self, $timeout) = @_;
	return 0 unless IO::Select->new($self->{sock})->can_read($timeout);
	return !sysread($self->{sock}, my $byte, 1);
}

1;
