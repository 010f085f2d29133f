package Tlspolicy::Scratch;

# A scratch folder, free ports, and child processes that end with the test.
#
# The folder goes away when the test passed and is kept, and named, when it
# failed.  Processes are only ever ended by a pid that this process started.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Path qw(remove_tree);
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX qw(WNOHANG);
use Time::HiRes qw(sleep time);

my $owner = $$;
my @live;	# scratch folders, oldest first
my %reserved;	# port => the socket that keeps other test runs off it

# Where the programs under test are: $TLSPOLICY_BUILDDIR, else the place from
# which the test runs if it holds them, else the source tree.
sub builddir
{
	my $top = abs_path(dirname(__FILE__) . '/../../..');
	for ($ENV{TLSPOLICY_BUILDDIR}, '.', $top, "$top/build") {
		return abs_path($_) if defined && -x "$_/tlspolicy";
	}
	return abs_path($ENV{TLSPOLICY_BUILDDIR} // $top);
}

sub topdir
{
	return abs_path(dirname(__FILE__) . '/../../..');
}

# A copy that any user can run: the build folder may be closed to others.
sub for_all
{
	my ($self, $program) = @_;
	must('cp', builddir() . "/$program", $self->path($program));
	chmod 0755, $self->path($program);
	return $self->path($program);
}

# Each folder above must be open to Postfix's and sendmail's own users.
sub new
{
	my ($class, %arg) = @_;
	my $self = bless {
		dir => tempdir('tlspolicy-XXXXXX', TMPDIR => 1),
		keep => $ENV{TLSPOLICY_KEEP} ? 1 : 0,
		failed => $arg{failed} // \&test_failed,
		stop => [],
	}, $class;
	chmod 0755, $self->{dir};
	push @live, $self;
	return $self;
}

sub dir
{
	return $_[0]{dir};
}

sub path
{
	my ($self, $name) = @_;
	return "$self->{dir}/$name";
}

sub write
{
	my ($self, $name, $text, $mode) = @_;
	my $path = $self->path($name);
	# A reader sees the old text or the new one.
	open my $fh, '>', "$path.new" or die "$path.new: $!\n";
	print $fh $text;
	close $fh or die "$path.new: $!\n";
	chmod $mode // 0644, "$path.new";
	rename "$path.new", $path or die "$path: $!\n";
	return $path;
}

sub read
{
	my ($self, $name) = @_;
	return slurp($self->path($name));
}

sub slurp
{
	my ($path) = @_;
	open my $fh, '<', $path or return '';
	local $/;
	return scalar(<$fh>) // '';
}

# Writes the lines in place of what is there; returns the path.
sub spew
{
	my ($path, @lines) = @_;
	open my $fh, '>', $path or die "$path: $!\n";
	print $fh @lines;
	close $fh or die "$path: $!\n";
	return $path;
}

# A port of 127.0.0.1 that nobody uses, outside the range from which the kernel
# serves outgoing connections.  The abstract socket reserves it until this
# process ends, so that test runs side by side never choose the same one.
sub free_port
{
	for (1 .. 1000) {
		my $port = 20000 + int rand 12000;
		next if $reserved{$port};
		my $lock = IO::Socket::UNIX->new(
		    Local => "\0tlspolicy-test-port-$port", Listen => 1) or next;
		my $probe = IO::Socket::INET->new(Listen => 1,
		    LocalAddr => '127.0.0.1', LocalPort => $port,
		    ReuseAddr => 1) or next;
		close $probe;
		$reserved{$port} = $lock;
		return $port;
	}
	die "no free port\n";
}

# Run a command to its end: { status, signal, out, err }.
sub run
{
	my ($opt, @cmd) = ref $_[0] ? @_ : ({}, @_);
	my ($out, $err) = (File::Temp->new, File::Temp->new);
	my $pid = start_child(@cmd, { in => $opt->{in}, out => $out->filename,
	    err => $err->filename, env => $opt->{env} });
	my $ended = wait_pid($pid, $opt->{timeout} // 60);
	if (!defined $ended) {
		kill 'KILL', $pid;
		waitpid $pid, 0;
		die "no end after " . ($opt->{timeout} // 60) . " s: @cmd\n";
	}
	return { status => $ended >> 8, signal => $ended & 127,
	    out => slurp($out->filename), err => slurp($err->filename) };
}

# The same, for what must work: dies with the command's own words.
sub must
{
	my @cmd = @_;
	my $r = run(@cmd);
	shift @cmd if ref $cmd[0];
	die "@cmd: exit $r->{status}, signal $r->{signal}\n$r->{out}$r->{err}"
	    if $r->{status} || $r->{signal};
	return $r->{out};
}

# Start a command that runs on; its output goes to the file named by log.
sub spawn
{
	my ($self, $log, @cmd) = @_;
	my $env = ref $cmd[0] ? shift @cmd : undef;
	my $path = $self->path($log);
	my $pid = start_child(@cmd, { out => $path, err => $path, env => $env });
	# A process that was waited for is not killed: its number may be another
	# process's by now.
	$self->at_end(sub { end_pid($pid) if waitpid($pid, WNOHANG) == 0 });
	return $pid;
}

# A child that runs CODE; at the end it is killed, if it still runs.
sub fork_child
{
	my ($self, $code) = @_;
	my $pid = fork // die "fork: $!\n";
	if ($pid == 0) {
		$code->();
		POSIX::_exit(127);
	}
	$self->at_end(sub {
		return if waitpid($pid, WNOHANG) != 0;
		kill 'KILL', $pid;
		waitpid $pid, 0;
	});
	return $pid;
}

sub start_child
{
	my $opt = pop;
	my @cmd = @_;
	my $pid = fork // die "fork: $!\n";
	return $pid if $pid;

	open STDIN, '<', $opt->{in} // '/dev/null' or POSIX::_exit(126);
	open STDOUT, '>>', $opt->{out} or POSIX::_exit(126);
	open STDERR, '>>', $opt->{err} or POSIX::_exit(126);
	$ENV{$_} = $opt->{env}{$_} for keys %{$opt->{env} // {}};
	{ no warnings 'exec'; exec { $cmd[0] } @cmd; }
	print STDERR "$cmd[0]: $!\n";
	POSIX::_exit(127);
}

# The wait status of a child, or undef when it still runs after the timeout.
sub wait_pid
{
	my ($pid, $timeout) = @_;
	my $end = time + $timeout;
	my $step = 0.002;
	while (1) {
		my $got = waitpid $pid, WNOHANG;
		return $? if $got == $pid;
		return 0 if $got == -1;
		return undef if time > $end;
		sleep $step;
		$step = 0.05 if ($step *= 1.5) > 0.05;
	}
}

# Whether a child that we started is gone; leaves it to be waited for.
sub ended
{
	my ($pid) = @_;
	my $stat = slurp("/proc/$pid/stat");
	return $stat eq '' || $stat =~ /\) Z /;
}

# End a child: TERM, and KILL when that did not do.  Returns its wait status.
sub end_pid
{
	my ($pid, $timeout) = @_;
	kill 'TERM', $pid or return 0;
	my $status = wait_pid($pid, $timeout // 60);
	return $status if defined $status;
	kill 'KILL', $pid;
	waitpid $pid, 0;
	return $?;
}

# Wait until CODE gives something true, and return that; after SECONDS undef.  A
# machine that stood still meanwhile gave nobody time: there is a nap for each
# second at least.
sub wait_for
{
	my ($timeout, $code) = @_;
	my ($end, $naps) = (time + $timeout, 0);
	while (1) {
		my $got = $code->();
		return $got if $got;
		return undef if time > $end && $naps >= $timeout;
		sleep 0.03;
		$naps++;
	}
}

sub at_end
{
	my ($self, $code) = @_;
	push @{$self->{stop}}, $code;
}

# A failure found when the test has ended: prints $why and makes the exit status 1.
sub fail
{
	my ($self, $why) = @_;
	print STDERR "# $why\n";
	$self->{late} = 1;
}

sub test_failed
{
	return $? != 0 unless $INC{'Test/More.pm'};
	my $tb = Test::More->builder;
	return $? != 0 || !$tb->is_passing;
}

sub finish
{
	my ($self) = @_;
	while (my $code = pop @{$self->{stop}}) {
		local $?;
		eval { $code->(); 1 } or warn $@;
	}
	if ($self->{keep} || $self->{late} || $self->{failed}->()) {
		print STDERR "# kept: $self->{dir}\n";
	} else {
		remove_tree($self->{dir}, { safe => 0 });
	}
}

END {
	if ($$ == $owner) {
		my $status = $?;
		while (my $s = pop @live) {
			local $? = $status;
			$s->finish;
			$status ||= 1 if $s->{late};
		}
		$? = $status;
	}
}

# An interrupted test cleans up like one that ends.
$SIG{INT} = $SIG{TERM} = $SIG{HUP} = sub { exit 130 };

1;
