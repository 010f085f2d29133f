package Tlspolicy::Node;

# A machine that takes its policy from a directory: settings, a store, and a
# tlspolicy sync that runs once or stays.

use strict;
use warnings;
use POSIX ();
use Test::More;
use Tlspolicy::Scratch;

# scratch => , name => of its files (default: none), settings => { }
sub new
{
	my ($class, %arg) = @_;
	my $name = defined $arg{name} ? "$arg{name}." : '';
	my $dir = $arg{scratch}->dir;
	return bless { scratch => $arg{scratch}, file => "${name}conf",
	    conf => "$dir/${name}conf", store => "$dir/${name}policy.mdb",
	    log => "$dir/${name}sync.log", settings => { store =>
	    "$dir/${name}policy.mdb", claims => '', 'audit-file' =>
	    "$dir/${name}log", %{$arg{settings} // {}} } }, $class;
}

# Written with these changes for now; undef: without that one.
sub conf
{
	my ($self, %changes) = @_;
	my %s = (%{$self->{settings}}, %changes);
	return $self->{scratch}->write($self->{file}, join '',
	    map { "$_ = $s{$_}\n" } grep { defined $s{$_} } sort keys %s);
}

sub tlspolicy
{
	my ($self, $command, @args) = @_;
	return Tlspolicy::Scratch::run(Tlspolicy::Scratch::builddir() .
	    '/tlspolicy', $command, '-c', $self->{conf}, @args);
}

# Runs sync --once, checks its exit status, returns what it says.
sub once
{
	my ($self, $status, $what, @args) = @_;
	my $r = $self->tlspolicy('sync', '--once', @args);
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($r->{status}, $status, "$what: exit code") or diag $r->{err};
	return $r->{err};
}

# "KEY=REQUIREMENT ..."
sub shown
{
	my ($self) = @_;
	return join ' ', map { s/\t/=/r } split /\n/,
	    $self->tlspolicy('show')->{out};
}

sub generation
{
	my ($self) = @_;
	my ($n) = $self->tlspolicy('log')->{out} =~ /^generation (\d+)/;
	return $n;
}

# Starts sync, which follows the directory; returns its pid.  Its log begins anew.
sub follow
{
	my ($self, @args) = @_;
	my $pid = fork // die "fork: $!\n";
	if ($pid == 0) {
		open STDERR, '>', $self->{log} or POSIX::_exit(126);
		exec Tlspolicy::Scratch::builddir() . '/tlspolicy', 'sync', '-c',
		    $self->{conf}, @args or POSIX::_exit(127);
	}
	return $self->{sync} = $pid;
}

sub unfollow
{
	my ($self, $signal) = @_;
	return if !$self->{sync};
	kill $signal // 'TERM', $self->{sync};
	waitpid $self->{sync}, 0;
	delete $self->{sync};
}

sub DESTROY
{
	my ($self) = @_;
	local ($?, $!);
	$self->unfollow('KILL');
}

sub becomes
{
	my ($self, $want, $what) = @_;
	Tlspolicy::Scratch::wait_for(60, sub { $self->shown eq $want });
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($self->shown, $want, $what);
}

sub says
{
	my ($self) = @_;
	return -e $self->{log} ? Tlspolicy::Scratch::slurp($self->{log}) : '';
}

sub said
{
	my ($self, $pattern, $what) = @_;
	Tlspolicy::Scratch::wait_for(60, sub { $self->says =~ $pattern });
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	like($self->says, $pattern, $what);
}

1;
