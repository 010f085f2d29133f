package Tlspolicy::Traffic;

# Clients that hold one session after another until told to stop, each in a
# process of its own: what happens to them while policy and settings change?

use strict;
use warnings;
use POSIX ();
use Tlspolicy::Scratch;

# session: code that holds one session and returns a word for each thing that
# came of it.
sub start
{
	my ($class, $scratch, $clients, $session) = @_;
	my $stop = $scratch->path('traffic.stop');
	unlink $stop;
	my $self = bless { stop => $stop, pids => [], files => [] }, $class;
	for my $n (1 .. $clients) {
		my $file = $scratch->path("traffic.$n");
		my $pid = fork // die "fork: $!\n";
		if (!$pid) {
			eval { client($file, $stop, $session, $n); 1 } or
			    warn $@;
			POSIX::_exit(0);
		}
		push @{$self->{pids}}, $pid;
		push @{$self->{files}}, $file;
	}
	$scratch->at_end(sub { $self->finish });
	return $self;
}

sub client
{
	my ($file, $stop, $session, $n) = @_;
	$SIG{TERM} = 'DEFAULT';
	open my $out, '>', $file or die "$file: $!\n";
	$out->autoflush;
	while (!-e $stop) {
		my @words = eval { $session->($n) };
		@words = ("died: $@") if $@;
		print $out map { s/\s+/ /gr . "\n" } @words;
	}
}

# How many words there are so far.
sub count
{
	my ($self) = @_;
	return scalar map { Tlspolicy::Scratch::slurp($_) =~ /\n/g }
	    @{$self->{files}};
}

# Stop the clients: { word => how often }.
sub finish
{
	my ($self) = @_;
	open my $fh, '>', $self->{stop} or die "$self->{stop}: $!\n";
	close $fh;
	for my $pid (splice @{$self->{pids}}) {
		next if defined Tlspolicy::Scratch::wait_pid($pid, 60);
		kill 'KILL', $pid;
		waitpid $pid, 0;
	}
	my %words;
	$words{$_}++ for map { split /\n/, Tlspolicy::Scratch::slurp($_) }
	    @{$self->{files}};
	return \%words;
}

1;
