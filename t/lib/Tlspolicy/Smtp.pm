package Tlspolicy::Smtp;

# An SMTP client that does what a test says, no more, and records the dialogue.
#
# Each command returns a reply: { code, dsn, lines, text }; text is the lines
# without code and dsn, joined by " / ".  A connection that ends without a
# reply gives code 0.

use strict;
use warnings;
use IO::Select;
use IO::Socket::IP;
use IO::Socket::SSL;
use MIME::Base64 qw(encode_base64);
use Time::HiRes qw(time);

# port, from (the client's own address), host, timeout; tls => {...} for smtps;
# first: bytes to send before the greeting is read.
sub connect
{
	my ($class, %arg) = @_;
	my $self = bless { buf => '', dialogue => [],
	    timeout => $arg{timeout} // 30 }, $class;
	my $host = $arg{host} // '127.0.0.1';
	# Nagle would wait 40 ms between a command and the next.
	$self->{sock} = IO::Socket::IP->new(PeerAddr => $host,
	    PeerPort => $arg{port}, Timeout => $self->{timeout},
	    Sockopts => [[Socket::IPPROTO_TCP(), Socket::TCP_NODELAY(), 1]],
	    ($arg{from} ? (LocalAddr => $arg{from}) : ())) or
	    die "connect to $host port $arg{port}: $@\n";
	$self->send($arg{first}) if defined $arg{first};
	if ($arg{tls}) {
		my $error = $self->handshake(%{$arg{tls}});
		die "smtps handshake: $error\n" if $error;
	}
	$self->{greeting} = $self->reply;
	return $self;
}

# The same over two pipes: to a server that this process started.
sub over
{
	my ($class, $from_server, $to_server) = @_;
	my $self = bless { buf => '', dialogue => [], timeout => 30,
	    sock => $from_server, out => $to_server }, $class;
	$self->{greeting} = $self->reply;
	return $self;
}

sub greeting
{
	return $_[0]{greeting};
}

sub note
{
	my ($self, $line) = @_;
	push @{$self->{dialogue}}, $line;
}

sub dialogue
{
	my ($self) = @_;
	return map { "$_\n" } @{$self->{dialogue}};
}

sub line
{
	my ($self) = @_;
	my $end = time + $self->{timeout};
	my $nl;
	while (($nl = index $self->{buf}, "\n") < 0) {
		my $sock = $self->{sock} or return undef;
		my $pending = $sock->can('pending') ? $sock->pending : 0;
		my $left = $end - time;
		if (!$pending && !($left > 0 &&
		    IO::Select->new($sock)->can_read($left))) {
			$self->note('-- no reply within '
			    . "$self->{timeout} s --");
			return undef;
		}
		my $n = sysread $sock, $self->{buf}, 16384, length $self->{buf};
		next if !defined $n && ($!{EAGAIN} || $!{EINTR});
		if (!$n) {
			$self->note('-- connection closed --');
			$self->{sock} = undef;
			return undef;
		}
	}
	return substr($self->{buf}, 0, $nl + 1, '') =~ s/\r?\n\z//r;
}

sub reply
{
	my ($self) = @_;
	my %r = (code => 0, dsn => '', lines => [], text => '');
	while (defined(my $line = $self->line)) {
		$self->note("S: $line");
		my ($code, $more, $text) = $line =~ /^(\d{3})([ -]?)(.*)$/s or
		    last;
		$r{code} = $code;
		$r{dsn} = $1 if $text =~ s/^([245]\.\d{1,3}\.\d{1,3}) ?//;
		push @{$r{lines}}, $text;
		last if $more ne '-';
	}
	$r{text} = join ' / ', @{$r{lines}};
	return \%r;
}

# The bytes as they are: for pipelining and for what no client should send.
sub send
{
	my ($self, $bytes) = @_;
	my $sock = $self->{out} // $self->{sock} or return 0;
	local $SIG{PIPE} = 'IGNORE';
	$self->note("C: $_") for split /\r\n/, $bytes;
	my $off = 0;
	while ($off < length $bytes) {
		my $n = syswrite $sock, $bytes, length($bytes) - $off, $off;
		return 0 unless $n;
		$off += $n;
	}
	return 1;
}

sub cmd
{
	my ($self, $command) = @_;
	$self->send("$command\r\n");
	return $self->reply;
}

sub ehlo
{
	my ($self, $name) = @_;
	return $self->cmd('EHLO ' . ($name // 'client.example.com'));
}

# "" is the null sender; args such as "SIZE=10" follow the address.
sub mail
{
	my ($self, $from, @args) = @_;
	return $self->cmd(join ' ', "MAIL FROM:<$from>", @args);
}

sub rcpt
{
	my ($self, $to) = @_;
	return $self->cmd("RCPT TO:<$to>");
}

# DATA, a small message and the dot; the reply is the last one given.
sub data
{
	my ($self, $body) = @_;
	my $r = $self->cmd('DATA');
	return $r if $r->{code} != 354;
	$body //= "From: a\@example.com\r\nSubject: test\r\n\r\ntest";
	return $self->cmd("$body\r\n.");
}

sub rset
{
	return $_[0]->cmd('RSET');
}

sub auth_plain
{
	my ($self, $user, $password) = @_;
	return $self->cmd('AUTH PLAIN '
	    . encode_base64("\0$user\0$password", ''));
}

# cert, key; version (TLSv1_2, TLSv1_3); ciphers (OpenSSL's list, TLS 1.2);
# session (a hash: what the first connection leaves there, the next resumes).
sub starttls
{
	my ($self, %arg) = @_;
	my $r = $self->cmd('STARTTLS');
	return $r if $r->{code} != 220;
	my $error = $self->handshake(%arg);
	return { code => 0, dsn => '', lines => [], text => $error } if $error;
	return $r;
}

sub handshake
{
	my ($self, %arg) = @_;
	my $ciphers = $arg{ciphers} // 'DEFAULT';
	# The sessions that a server offered die with their context.
	my $saved = $arg{session} // {};
	$saved->{context} //= IO::Socket::SSL::SSL_Context->new(
	    SSL_verify_mode => SSL_VERIFY_NONE,
	    SSL_version => $arg{version} // 'SSLv23:!SSLv2:!SSLv3',
	    # Debian's level 2 rules out TLS 1.0 and anonymous suites.
	    SSL_cipher_list => "$ciphers:\@SECLEVEL=0",
	    SSL_session_cache_size => 4,
	    ($arg{cert} ? (SSL_cert_file => $arg{cert},
		SSL_key_file => $arg{key}) : ())) or die "$SSL_ERROR\n";
	my $sock = IO::Socket::SSL->start_SSL($self->{sock},
	    SSL_reuse_ctx => $saved->{context}, SSL_session_key => 'test');
	if (!$sock) {
		my $error = $SSL_ERROR || 'failed';
		$self->note("-- TLS handshake: $error --");
		$self->{sock} = undef;
		return $error;
	}
	$self->{sock} = $sock;
	$self->{buf} = '';
	$self->note(sprintf '-- %s %s%s --', $self->tls_version,
	    $self->tls_cipher, $self->resumed ? ', resumed' : '');
	return '';
}

sub tls_version
{
	return $_[0]{sock}->get_sslversion =~ s/_/./r;
}

sub tls_cipher
{
	return $_[0]{sock}->get_cipher;
}

sub resumed
{
	return $_[0]{sock}->get_session_reused ? 1 : 0;
}

sub quit
{
	my ($self) = @_;
	return undef unless $self->{sock};
	my $r = $self->cmd('QUIT');
	$self->close;
	return $r;
}

# Without QUIT, as a client that is gone.
sub close
{
	my ($self) = @_;
	for (qw(sock out)) {
		close $self->{$_} if $self->{$_};
		$self->{$_} = undef;
	}
}

1;
