package Tlspolicy::FakeLdap;

# A directory that says what a test wants, right or wrong: LDAP (RFC 4511) with
# the messages of RFC 4533, over a socket of its own.

use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();
use Time::HiRes qw(time);

our $BASE = 'ou=tlspolicy,dc=example,dc=org';

my $SYNC = '1.3.6.1.4.1.4203.1.9.1';

# Each connection is one call of `code`, with the connection as its argument.
# `port`: of 127.0.0.1, in place of a socket of that name.
sub start
{
	my ($class, %arg) = @_;
	my $path = $arg{scratch}->path($arg{name});
	unlink $path;
	my $listener = $arg{port} ? IO::Socket::INET->new(Listen => 5,
	    LocalAddr => '127.0.0.1', LocalPort => $arg{port}, ReuseAddr => 1) :
	    IO::Socket::UNIX->new(Local => $path, Listen => 5);
	die "$arg{name}: $!\n" if !$listener;
	my $pid = fork // die "fork: $!\n";
	if ($pid == 0) {
		$SIG{PIPE} = 'IGNORE';
		my $n = 0;
		while (my $socket = $listener->accept) {
			my $self = bless { socket => $socket, buffer => '',
			    number => ++$n }, 'Tlspolicy::FakeLdap::Connection';
			eval { $arg{code}->($self); 1 } or print STDERR
			    $@ =~ /^gone/ ? '' : "fake directory: $@";
			close $socket;
		}
		POSIX::_exit(0);
	}
	return bless { pid => $pid, uri => $arg{port} ?
	    "ldap://127.0.0.1:$arg{port}" : 'ldapi://' . $path =~ s{/}{%2F}gr },
	    $class;
}

sub DESTROY
{
	my ($self) = @_;
	local ($?, $!);
	return if !$self->{pid};
	kill 'KILL', $self->{pid};
	waitpid $self->{pid}, 0;
}

# BER

sub tlv
{
	my ($tag, $value) = @_;
	my $n = length $value;
	return chr($tag) . ($n < 128 ? chr $n : "\x84" . pack 'N', $n) . $value;
}

sub integer { return tlv($_[1] // 2, $_[0] < 128 ? chr $_[0] : pack 'n', $_[0]) }
sub octets { return tlv(4, $_[0]) }
sub boolean { return tlv(1, $_[0] ? "\xff" : "\0") }
sub message { return tlv(0x30, integer($_[0]) . $_[1] . ($_[2] // '')) }
sub cookie { return defined $_[0] ? octets($_[0]) : '' }

# The first element of what is left: tag and value.
sub take
{
	my ($bytes) = @_;
	return if length $$bytes < 2;
	my ($n, $head) = (ord substr($$bytes, 1, 1), 2);
	if ($n >= 128) {
		$head += $n - 128;
		return if length $$bytes < $head;
		$n = 0;
		$n = $n * 256 + ord for split //, substr $$bytes, 2, $head - 2;
	}
	return if length $$bytes < $head + $n;
	my $tag = ord substr $$bytes, 0, 1;
	my $value = substr $$bytes, $head, $n;
	substr($$bytes, 0, $head + $n) = '';
	return ($tag, $value);
}

# code, diagnostic message, operation (default: a search's)
sub result
{
	my ($code, $text, $tag) = @_;
	return tlv($tag // 0x65, integer($code, 10) . octets('') .
	    octets($text // ''));
}

sub uuid { return $_[0] . "\0" x (16 - length $_[0]) }

sub control
{
	my ($kind, $value) = @_;
	return tlv(0xa0, tlv(0x30, octets("$SYNC.$kind") . octets($value)));
}

my %STATE = (present => 0, add => 1, modify => 2, delete => 3);

# state, uuid (short ones are filled up), key => requirement; cookie,
# attributes => { name => [values] } in place of those
sub entry
{
	my ($id, $state, $uuid, $key, $value, %arg) = @_;
	my $name = $arg{name} // 'sendmailMTAKey=' . ($key // $uuid) . ",$BASE";
	my $all = $arg{attributes} // (defined $key ? { sendmailMTAKey => [$key],
	    sendmailMTAMapValue => [$value] } : {});
	my $entry = tlv(0x64, octets($name) . tlv(0x30, join '', map {
	    tlv(0x30, octets($_) . tlv(0x31, join '', map { octets($_) }
	    @{$all->{$_}})) } sort keys %$all));
	return message($id, $entry, $state eq 'none' ? '' : control(2, tlv(0x30,
	    integer($STATE{$state} // 9, 10) . octets(length $uuid > 16 ? $uuid :
	    uuid($uuid)) . cookie($arg{cookie}))));
}

sub info
{
	my ($id, $value) = @_;
	return message($id, tlv(0x79, tlv(0x80, "$SYNC.4") . tlv(0x81, $value)));
}

# how: present or delete; done: the refresh, too (the default)
sub phase_end
{
	my ($id, $how, $cookie, $done) = @_;
	return info($id, tlv($how eq 'present' ? 0xa2 : 0xa1, cookie($cookie) .
	    (defined $done ? boolean($done) : '')));
}

# deletes: those are gone; else they are there
sub set
{
	my ($id, $deletes, @uuids) = @_;
	return info($id, tlv(0xa3, ($deletes ? boolean(1) : '') . tlv(0x31,
	    join '', map { octets(length $_ > 16 ? $_ : uuid($_)) } @uuids)));
}

sub new_cookie { return info($_[0], tlv(0x80, $_[1])) }

package Tlspolicy::FakeLdap::Connection;

# The next request: its number, its tag, its bytes; nothing: there is none.
sub request
{
	my ($self, $seconds) = @_;
	my ($tag, $value);
	my $end = Time::HiRes::time() + ($seconds // 60);
	until (($tag, $value) = Tlspolicy::FakeLdap::take(\$self->{buffer})) {
		my $left = $end - Time::HiRes::time();
		return if $left <= 0 ||
		    !IO::Select->new($self->{socket})->can_read($left);
		sysread($self->{socket}, $self->{buffer}, 65536,
		    length $self->{buffer}) or die "gone\n";
	}
	my (undef, $id) = Tlspolicy::FakeLdap::take(\$value);
	# What is no LDAP message, as the beginning of TLS, ends the connection.
	die "gone\n" if $tag != 0x30 || !defined $id || length $id > 4;
	$id = unpack 'N', "\0" x (4 - length $id) . $id;
	return ($id, ord($value), $value);
}

sub say
{
	my ($self, @bytes) = @_;
	my $bytes = join '', @bytes;
	while (length $bytes) {
		my $n = syswrite $self->{socket}, $bytes;
		die "gone\n" if !defined $n;
		substr($bytes, 0, $n) = '';
	}
}

# Bound by anybody; other searches than the one of RFC 4533 find `found` entries
# (default: as many as they ask for).  The number of that one, and its cookie.
sub asked
{
	my ($self, %arg) = @_;
	while (my ($id, $op, $bytes) = $self->request) {
		if ($op == 0x60) {
			$self->say(Tlspolicy::FakeLdap::message($id,
			    Tlspolicy::FakeLdap::result(0, '', 0x61)));
		} elsif ($op == 0x63) {
			return ($id, cookie_of($bytes)) if index($bytes,
			    "$SYNC.1") >= 0;
			my $n = $arg{found} // (() = $bytes =~ /entryCSN/g);
			$self->say(map({ Tlspolicy::FakeLdap::entry($id, 'none',
			    "e$_") } 1 .. $n), Tlspolicy::FakeLdap::message($id,
			    Tlspolicy::FakeLdap::result(0)));
		} elsif ($op == 0x42) {
			die "gone\n";
		}
	}
	die "gone\n";
}

# The cookie in the request's control, which comes last; undef: it has none.
sub cookie_of
{
	my ($bytes) = @_;
	my $rest = substr $bytes, index($bytes, "$SYNC.1") + length "$SYNC.1";
	my ($tag, $value) = Tlspolicy::FakeLdap::take(\$rest);
	($tag, $value) = Tlspolicy::FakeLdap::take(\$rest) if $tag == 1;
	(undef, $value) = Tlspolicy::FakeLdap::take(\$value);
	Tlspolicy::FakeLdap::take(\$value);
	($tag, $value) = Tlspolicy::FakeLdap::take(\$value);
	return defined $tag && $tag == 4 ? $value : undef;
}

# Answers the client's questions whether it is still there, until that hangs up.
sub stay
{
	my ($self) = @_;
	eval { $self->asked; 1 } or return;
}

1;
