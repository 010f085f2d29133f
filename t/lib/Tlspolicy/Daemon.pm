package Tlspolicy::Daemon;

# tlspolicy-milter under test, with a settings file, rules, a store and an audit
# file of its own in the scratch folder.

use strict;
use warnings;
use JSON::PP ();
use POSIX ();
use Tlspolicy::Milter;
use Tlspolicy::Scratch;

sub program
{
	my ($name) = @_;
	return Tlspolicy::Scratch::builddir() . "/$name";
}

# Why tests of the programs cannot run here, or undef.
sub missing
{
	for (qw(tlspolicy tlspolicy-milter)) {
		return "$_ is not built in " . Tlspolicy::Scratch::builddir()
		    unless -x program($_);
	}
	return undef;
}

# scratch, rules (text), socket => unix | inet, settings => { name => value },
# build => 0 for a daemon that finds no store, name (a folder of its own), env
# (of the daemon alone), under => [a program that runs it, and its options].
sub new
{
	my ($class, %arg) = @_;
	my $name = $arg{name} // 'milter';
	my $self = bless { %arg, name => $name,
	    dir => $arg{scratch}->path($name), runs => 0 }, $class;
	mkdir $self->{dir} or die "$self->{dir}: $!\n";
	chmod 0755, $self->{dir};
	$self->{socket} = ($arg{socket} // 'unix') eq 'inet' ?
	    'inet:' . Tlspolicy::Scratch::free_port() . '@127.0.0.1' :
	    "unix:$self->{dir}/milter.sock";
	$self->{conf} = "$self->{dir}/tlspolicy.conf";
	$self->{store} = "$self->{dir}/policy.mdb";
	$self->configure(%{$arg{settings} // {}});
	if ($arg{build} // 1) {
		my $r = $self->rules($arg{rules} // '');
		die "tlspolicy build: $r->{err}" if $r->{status};
	}
	return $self;
}

sub start
{
	my ($class, %arg) = @_;
	my $self = $class->new(%arg);
	$self->run;
	return $self;
}

sub socket
{
	return $_[0]{socket};
}

# The value of that setting, as daemons of this run have it.
sub engine
{
	my ($self) = @_;
	return ($self->{settings} // {})->{engine} // $ENV{TLSPOLICY_ENGINE} //
	    'libmilter';
}

# Write the settings file: what every test needs, and what this one says.
# Test clients live in 127.0.0.0/8, which is exempt by default.  TLSPOLICY_ENGINE
# in the environment is the setting engine of every daemon.
sub configure
{
	my ($self, %settings) = @_;
	my %all = (
		socket => $self->{socket},
		'socket-mode' => '0666',
		user => $> == 0 ? 'root' : '',
		store => $self->{store},
		rules => "$self->{dir}/rules",
		'exempt-clients' => '::1',
		'audit-file' => "$self->{dir}/audit.log",
		'audit-sync' => 'each', # an answer means that it is recorded
		defined $ENV{TLSPOLICY_ENGINE} ?
		    (engine => $ENV{TLSPOLICY_ENGINE}) : (),
		%settings);
	$self->{scratch}->write("$self->{name}/tlspolicy.conf",
	    join '', map { "$_ = $all{$_}\n" } sort keys %all);
}

# Run tlspolicy with this daemon's settings: { status, out, err }.
sub tlspolicy
{
	my ($self, $command, @args) = @_;
	return Tlspolicy::Scratch::run(program('tlspolicy'), $command,
	    '-c', $self->{conf}, @args);
}

# Make this text the policy: the commit is the reload.
sub rules
{
	my ($self, $text) = @_;
	$self->{scratch}->write("$self->{name}/rules", $text);
	return $self->tlspolicy('build');
}

sub run
{
	my ($self) = @_;
	my $log = $self->{log} = "$self->{name}/log." . ++$self->{runs};
	$self->{pid} = $self->{scratch}->spawn($log, $self->{env} // {},
	    @{$self->{under} // []},
	    program('tlspolicy-milter'), '-c', $self->{conf});
	my $path = $self->{scratch}->path($log);
	# Handlers of at_end() run in reverse: this one ends the daemon and reads
	# its log before spawn()'s.
	my $pid = $self->{pid};
	$self->{scratch}->at_end(sub {
		Tlspolicy::Scratch::end_pid($pid)
		    if waitpid($pid, POSIX::WNOHANG) == 0;
		$self->{scratch}->fail("a sanitizer's finding in $path")
		    if Tlspolicy::Scratch::slurp($path) =~
		    /Sanitizer|runtime error:/;
	});
	Tlspolicy::Scratch::wait_for(60, sub { $self->accepts ||
	    Tlspolicy::Scratch::ended($self->{pid}) });
	die "tlspolicy-milter does not accept on $self->{socket}:\n"
	    . $self->log unless $self->accepts;
	# The first line of a log is a link; tests count what comes behind it.
	Tlspolicy::Scratch::wait_for(60, sub { $self->audit_lines ||
	    Tlspolicy::Scratch::ended($self->{pid}) })
	    if -e "$self->{dir}/audit.log";
}

# Whether the daemon listens at its socket and, with metrics, at their port, which
# it opens later.
sub accepts
{
	my ($self) = @_;
	my $metrics = ($self->{settings} // {})->{metrics} // 'off';
	for ($self->{socket}, $metrics eq 'off' ? () : $metrics) {
		my $sock = Tlspolicy::Milter::open_socket($_) or return 0;
		close $sock;
	}
	return 1;
}

sub log
{
	my ($self) = @_;
	return $self->{scratch}->read($self->{log});
}

sub alive
{
	return !Tlspolicy::Scratch::ended($_[0]{pid});
}

sub hup
{
	return kill 'HUP', $_[0]{pid};
}

# The audit file goes on in a new one, which has a line when this returns true.
sub rotate
{
	my ($self, $to) = @_;
	my $log = "$self->{dir}/audit.log";
	rename $log, $to or die "$log: $!\n";
	$self->hup;
	return Tlspolicy::Scratch::wait_for(60, sub { -s $log });
}

# TERM, and the wait status.
sub stop
{
	return Tlspolicy::Scratch::end_pid($_[0]{pid});
}

sub kill_hard
{
	my ($self) = @_;
	kill 'KILL', $self->{pid};
	waitpid $self->{pid}, 0;
}

# The lines of the audit file so far, without one that is still being written.
sub all_audit_lines
{
	my ($self) = @_;
	return $self->{scratch}->read("$self->{name}/audit.log") =~ /^(.+)\n/gm;
}

# Lines of the audit file without those about policy, settings and plans.
sub audit_lines
{
	my ($self) = @_;
	return grep { !/^\{"v":1,"event":"(?:policy|settings|plan)"/ }
	    $self->all_audit_lines;
}

# Those lines decoded, oldest first.
sub audit
{
	my ($self) = @_;
	return map { JSON::PP::decode_json($_) } $self->audit_lines;
}

# The records beyond the first $seen, once there are $count of them (the writer
# may be a moment behind the verdict); after 5 s, what there is.
sub audit_after
{
	my ($self, $seen, $count) = @_;
	my @lines;
	Tlspolicy::Scratch::wait_for(60, sub {
		@lines = $self->audit_lines;
		return @lines >= $seen + ($count // 1);
	});
	return map { JSON::PP::decode_json($_) } @lines[$seen .. $#lines];
}

1;
