package Bench::Process;

# A program under measurement: started with its output in a log, watched by
# /proc, ended by the pid that it was started with.

use v5.36;
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();
use Time::HiRes qw(sleep time);

# name, log, command => [..], env => {..}
sub start ($class, %arg) {
	my $pid = fork // die "fork: $!\n";
	if ($pid == 0) {
		open STDIN, '<', '/dev/null';
		open STDOUT, '>>', $arg{log};
		open STDERR, '>&', \*STDOUT;
		%ENV = (%ENV, %{ $arg{env} // {} });
		exec { $arg{command}[0] } @{ $arg{command} }
		    or POSIX::_exit(127);
	}
	return bless { %arg, pid => $pid }, $class;
}

sub alive ($self) {
	return 0 if !$self->{pid};
	return 1 if waitpid($self->{pid}, POSIX::WNOHANG()) == 0;
	$self->{pid} = 0;
	return 0;
}

sub fail ($self, $why) {
	open my $f, '<', $self->{log};
	my @last = $f ? (reverse((reverse <$f>)[0 .. 4])) : ();
	die "$self->{name}: $why\n", map { "  $_" } grep { defined } @last;
}

# Until it listens on a socket spelt as milters spell it.
sub await_socket ($self, $socket) {
	for (1 .. 400) {
		$self->alive or $self->fail('ended at once');
		return $self if connects($socket);
		sleep 0.025;
	}
	$self->fail("does not listen on $socket");
}

sub connects ($socket) {
	return IO::Socket::UNIX->new(Peer => $1) if $socket =~ /^unix:(.*)/;
	my ($port, $host) = $socket =~ /^inet:(\d+)\@(.*)/ or return;
	return IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port);
}

# Processor seconds used so far, of it alone.
sub cpu ($self) {
	open my $f, '<', "/proc/$self->{pid}/stat" or $self->fail('is gone');
	my $line = <$f>;
	$line =~ s/^.*\) //;
	my @field = split ' ', $line;
	return ($field[11] + $field[12]) / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

# kB: resident, and the anonymous part of it (not backed by any file).
sub memory ($self) {
	open my $f, '<', "/proc/$self->{pid}/status" or $self->fail('is gone');
	my %value = map { /^(\w+):\s+(\d+) kB/ ? ($1, $2) : () } <$f>;
	return ($value{VmRSS}, $value{RssAnon});
}

# libmilter takes up to five seconds to notice SIGTERM.
sub stop ($self) {
	return if !$self->alive;
	kill 'TERM', $self->{pid};
	for (1 .. 320) {
		return if !$self->alive;
		sleep 0.025;
	}
	kill 'KILL', $self->{pid};
	waitpid $self->{pid}, 0;
	$self->{pid} = 0;
}

sub DESTROY ($self) {
	local ($?, $!);
	return if !$self->{pid} || !$self->alive;
	kill 'KILL', $self->{pid};
	waitpid $self->{pid}, 0;
}

sub free_port () {
	my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1)
	    or die "no free port: $!\n";
	return $s->sockport;
}

1;
