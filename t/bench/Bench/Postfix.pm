package Bench::Postfix;

# A Postfix of its own directory and ports that discards what it accepts.

use v5.36;
use Bench::Process;
use File::Path qw(make_path);
use IO::Socket::INET;
use Time::HiRes qw(sleep);

sub available () {
	return -x '/usr/sbin/postfix' && -x '/usr/sbin/smtp-source' && $> == 0;
}

my $main = <<'END';
compatibility_level = 3.6
multi_instance_enable = no
queue_directory = DIR/queue
data_directory = DIR/data
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
shlib_directory = /usr/lib/postfix
meta_directory = /etc/postfix
maillog_file = DIR/maillog
maillog_file_prefixes = DIR
myhostname = mail.bench.example
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
default_transport = discard:
relay_transport = discard:
local_transport = discard:
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_peername_lookup = no
milter_default_action = tempfail
END

my $master = <<'END';
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
discard unix - - n - - discard
error unix - - n - - error
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
showq unix n - n - - showq
END

# One smtpd for each of the milter sockets; undef: without a milter.
sub start ($class, $dir, @sockets) {
	my $self = bless { dir => $dir, ports => [] }, $class;
	make_path($dir, "$dir/queue", "$dir/data");
	my $owner = getpwnam 'postfix';
	chown $owner, -1, "$dir/data";
	my $services = $master;
	for my $socket (@sockets) {
		my $port = Bench::Process::free_port();
		push @{ $self->{ports} }, $port;
		$services .= "127.0.0.1:$port inet n - n - 50 smtpd\n"
		    . "  -o smtpd_milters=" . ($socket // '') . "\n";
	}
	write_file("$dir/main.cf", $main =~ s/DIR/$dir/gr);
	write_file("$dir/master.cf", $services);
	$self->control('start');
	$self->{running} = 1;
	for my $port (@{ $self->{ports} }) {
		$self->await($port);
	}
	return $self;
}

sub write_file ($file, $text) {
	open my $f, '>', $file or die "$file: $!\n";
	print $f $text;
	close $f or die "$file: $!\n";
}

sub control ($self, $what) {
	my $log = "$self->{dir}/postfix.log";
	system('timeout', 30, 'sh', '-c', 'exec "$0" "$@" >>"$LOG" 2>&1'
	    =~ s/\$LOG/$log/r, '/usr/sbin/postfix', '-c', $self->{dir}, $what)
	    == 0 or die "postfix $what failed, see $log\n";
}

sub await ($self, $port) {
	for (1 .. 400) {
		my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
			PeerPort => $port, Timeout => 5);
		return if $s && defined(my $line = <$s>);
		sleep 0.05;
	}
	die "Postfix does not answer, see $self->{dir}/maillog\n";
}

sub stop ($self) {
	return if !delete $self->{running};
	$self->control('stop');
}

sub DESTROY ($self) {
	local ($?, $!, $@);
	eval { $self->stop };
}

1;
