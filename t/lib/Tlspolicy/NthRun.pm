package Tlspolicy::NthRun;

# A command whose n-th call of a kind fails, for one n after the other
# (t/fault/nth.c).  For each command line a server is started once, of which the
# last few are kept.

use strict;
use warnings;
use Errno qw(EINTR);
use IPC::Open2 ();
use Tlspolicy::Fault;
use Tlspolicy::Scratch;

# Why there can be no such runs of that program, or undef.
sub missing
{
	my ($program) = @_;
	return "$program is not built" unless -x $program;
	return Tlspolicy::Fault::missing('nth') //
	    (`nm -D $program` =~ /__(?:asan|tsan|ubsan)_/ ?
	    'a sanitizer has a malloc of its own' : undef);
}

# A scratch folder, in /dev/shm where there is one: no sync waits for a disk.
sub scratch
{
	local $ENV{TMPDIR} = -w '/dev/shm' ? '/dev/shm' : $ENV{TMPDIR};
	delete $ENV{TMPDIR} unless defined $ENV{TMPDIR};
	return Tlspolicy::Scratch->new;
}

sub new
{
	my ($class, $scratch) = @_;
	my $self = bless { servers => [], server => {}, seen => {},
	    map { $_ => $scratch->path("nth.$_") } qw(tmp hit out err sites) },
	    $class;
	mkdir $self->{tmp} or die "$self->{tmp}: $!\n";
	return $self;
}

sub server
{
	my ($self, $stdin, @cmd) = @_;
	my $key = join "\0", $stdin // '/dev/null', @cmd;
	return $self->{server}{$key} if $self->{server}{$key};
	while (@{$self->{servers}} > 4) {
		my $old = delete $self->{server}{shift @{$self->{servers}}};
		close $old->{in};
		waitpid $old->{pid}, 0;
	}
	local %ENV = (%ENV, NTH_SERVER => 1, NTH_IN => $stdin // '/dev/null',
	    NTH_OUT => $self->{out}, NTH_ERR => $self->{err},
	    NTH_HIT => $self->{hit}, TMPDIR => $self->{tmp},
	    LD_PRELOAD => Tlspolicy::Fault::library('nth'));
	my $pid = IPC::Open2::open2(my $from, my $to, @cmd);
	push @{$self->{servers}}, $key;
	return $self->{server}{$key} =
	    { pid => $pid, in => $to, out => $from };
}

sub told
{
	my ($server) = @_;
	my $bytes = '';
	while (length $bytes < 8) {
		my $n = sysread $server->{out}, $bytes, 8 - length $bytes,
		    length $bytes;
		next if !defined $n && $!{EINTR};
		die "no word of a run: $!\n" unless $n;
	}
	return unpack 'q', $bytes;
}

# fault: KIND:N; error; sites: a file.  { status, signal, out, err }
sub run
{
	my ($self, $fault, $stdin, @cmd) = @_;
	my $server = $self->server($stdin, @cmd);
	unlink $self->{hit};
	syswrite $server->{in}, join(' ', map { $fault->{$_} // '-' }
	    qw(fault error sites)) . "\n";
	my $pid = told($server);
	local $SIG{ALRM} = sub { kill 'KILL', $pid };
	alarm 30;
	my $status = told($server);
	alarm 0;
	return { status => $status >> 8, signal => $status & 127,
	    out => Tlspolicy::Scratch::slurp($self->{out}),
	    err => Tlspolicy::Scratch::slurp($self->{err}) };
}

# Was a call made to fail in the last run?
sub hit
{
	return -e $_[0]{hit};
}

# The numbers of the calls that are to fail.  A place is a call and the calls that
# led to it: of each place the last call; with onward the first one, of places that
# no earlier command has tried. all: every n.
sub numbers
{
	my ($self, $kind, %how) = @_;
	unlink $self->{sites};
	$self->run({ fault => "$kind:0", sites => $self->{sites} },
	    $how{stdin}, @{$how{line}});
	my @calls = -e $self->{sites} ? unpack '(a8)*',
	    Tlspolicy::Scratch::slurp($self->{sites}) : ();
	# One number more, as threads may make one call more than in the run that
	# counted.
	return 1 .. @calls + 1 if $how{all};
	my (%first, %last);
	for my $n (1 .. @calls) {
		$first{$calls[$n - 1]} //= $n;
		$last{$calls[$n - 1]} = $n;
	}
	return sort { $a <=> $b } values %last unless $how{ever};
	return sort { $a <=> $b } map { $first{$_} }
	    grep { !$self->{seen}{"$kind $_"}++ } keys %first;
}

1;
