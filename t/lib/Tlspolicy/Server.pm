package Tlspolicy::Server;

# Small SMTP servers with STARTTLS for tests, each good or bad in its own way.
#
#   my $port = Tlspolicy::Server::start($scratch, %behaviour);
#
#   cert, key	files; without them STARTTLS is not offered
#   anonymous	1: STARTTLS without a certificate; ssl has to allow such suites
#   ssl		more arguments for IO::Socket::SSL's start_SSL
#   offer	1: the EHLO reply offers STARTTLS (default: when there is a cert)
#   starttls	the reply to STARTTLS (default "220 go ahead"; "502 no" without
#		a cert)
#   greeting, ehlo, mail, rcpt	replies, as lists of lines or one string
#   talk	code that takes the socket over instead of all of the above
#   log		a file that gets each command received
#   port	a port to listen on (default: any free one)

use strict;
use warnings;
use IO::Socket::INET;
use IO::Socket::SSL;
use Tlspolicy::Scratch;

sub start
{
	my ($scratch, %arg) = @_;
	my $listener = IO::Socket::INET->new(Listen => 20, Proto => 'tcp',
	    LocalAddr => $arg{address} // '127.0.0.1',
	    LocalPort => $arg{port} // 0, ReuseAddr => 1) or die "listen: $!\n";
	my $pid = fork // die "fork: $!\n";
	if ($pid == 0) {
		$SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
		$SIG{CHLD} = 'IGNORE';
		serve($listener, \%arg);
		POSIX::_exit(0);
	}
	$scratch->at_end(sub {
		local $?;
		Tlspolicy::Scratch::end_pid($pid);
	});
	my $port = $listener->sockport;
	close $listener;
	return $port;
}

sub serve
{
	my ($listener, $arg) = @_;
	while (my $socket = $listener->accept) {
		my $pid = fork // next;
		if ($pid == 0) {
			close $listener;
			# A session that hangs must not outlive its test for long.
			alarm 60;
			$SIG{PIPE} = 'IGNORE';
			$socket->autoflush(1);
			($arg->{talk} // \&talk)->($socket, $arg);
			POSIX::_exit(0);
		}
		close $socket;
	}
}

sub lines
{
	my ($reply) = @_;
	return join '', map { "$_\r\n" } ref $reply ? @$reply : $reply;
}

sub talk
{
	my ($socket, $arg) = @_;
	my $can = defined $arg->{cert} || $arg->{anonymous};
	my $offer = $arg->{offer} // $can;
	my $tls = 0;

	print $socket lines($arg->{greeting} // '220 mx.example.com ESMTP');
	while (defined(my $line = readline $socket)) {
		note($arg, ($tls ? 'TLS ' : '') . $line);
		if ($line =~ /^EHLO/i) {
			print $socket lines($arg->{ehlo} // ['250-mx.example.com',
			    '250-PIPELINING', $offer && !$tls ?
			    '250-STARTTLS' : (), '250 8BITMIME']);
		} elsif ($line =~ /^STARTTLS/i) {
			my $reply = $arg->{starttls} //
			    ($can ? '220 go ahead' : '502 no');
			print $socket lines($reply);
			next unless $reply =~ /^220/ && $can;
			start_tls($socket, $arg) or return;
			$tls = 1;
		} elsif ($line =~ /^MAIL/i) {
			print $socket lines($arg->{mail} // '250 ok');
		} elsif ($line =~ /^RCPT/i) {
			print $socket lines($arg->{rcpt} // '250 ok');
		} elsif ($line =~ /^DATA/i) {
			print $socket "354 go ahead\r\n";
			while (defined($line = readline $socket)) {
				last if $line =~ /^\.\r?\n/;
			}
			return unless defined $line;
			note($arg, ($tls ? 'TLS ' : '') . "message\n");
			print $socket "250 2.0.0 taken\r\n";
		} elsif ($line =~ /^(?:RSET|NOOP)/i) {
			print $socket "250 ok\r\n";
		} elsif ($line =~ /^QUIT/i) {
			print $socket "221 bye\r\n";
			return;
		} else {
			print $socket "502 no\r\n";
		}
	}
}

sub start_tls
{
	my ($socket, $arg) = @_;
	return IO::Socket::SSL->start_SSL($socket, SSL_server => 1,
	    (defined $arg->{cert} ? (SSL_cert_file => $arg->{cert},
	    SSL_key_file => $arg->{key}) : ()),
	    %{$arg->{ssl} // {}});
}

sub note
{
	my ($arg, $line) = @_;
	return unless defined $arg->{log};
	open my $log, '>>', $arg->{log} or die "$arg->{log}: $!\n";
	print $log $line =~ s/\r?\n/\n/r;
}

1;
