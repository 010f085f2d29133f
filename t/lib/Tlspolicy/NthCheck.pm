package Tlspolicy::NthCheck;

# What is true of a command whatever call of it failed (NthRun), counted and told
# in one place: never a signal, never success with other output, an exit code of
# sysexits.h that is no lie, a word of the reason, nothing left behind.
#
# A command is { name, line => [what is run], stdin, clean => its run without a
# fault }; says => what its output has that is a word of the reason; unread => what
# it says of input that it went on without, and that 65 is for then.

use strict;
use warnings;
use Test::More;
use Tlspolicy::NthRun;

# nth => a NthRun, all => 1: every n instead of a sample, store => a store's folder
sub new
{
	my ($class, %arg) = @_;
	return bless { %arg, ran => {}, hits => {}, problems => {} }, $class;
}

# Notes a problem, of one command at most three times the same.
sub wrong
{
	my ($self, $command, $fault, $r, $what) = @_;
	return if $self->{problems}{"$command->{name}: $what"}++ > 2;
	fail("$command->{name}, $fault: $what");
	diag("exit $r->{status}, signal $r->{signal}\n" .
	    substr($r->{out}, 0, 2000) . substr($r->{err}, 0, 900));
}

sub problems
{
	my ($self) = @_;
	return scalar keys %{$self->{problems}};
}

# same: is the output what it may be, when the exit code is the clean run's?
sub judge_end
{
	my ($self, $command, $fault, $r, $same) = @_;
	my $wrong = sub { $self->wrong($command, $fault, $r, @_) };
	my $as_clean = $r->{status} == $command->{clean}{status};
	$wrong->('a signal') if $r->{signal};
	$wrong->('success with other output') if $as_clean &&
	    !($same ? $same->($command, $r) :
	    $r->{out} eq $command->{clean}{out});
	return if $as_clean;
	$wrong->('an exit code without a meaning')
	    if $r->{status} !~ /^(?:65|66|69|70|74|75|78)$/;
	$wrong->('65 for what is no bad data')
	    if $r->{status} == 65 && $fault !~ /mdb.*-|^crypto/ &&
	    !($command->{unread} && $r->{err} =~ $command->{unread});
	$wrong->('no word of the reason') if $r->{err} eq '' &&
	    $r->{status} != 75 && $fault !~ /^(?:write|malloc)/ &&
	    !($command->{says} && $r->{out} =~ $command->{says});
}

# What is in TMPDIR and in the store's folder that may not be there; it is removed
# from the first.
sub left_behind
{
	my ($self, $may) = @_;
	my $tmp = $self->{nth}{tmp};
	my @left = grep { !/$may/ } map { s{.*/}{}r }
	    glob "$tmp/* $self->{store}/*";
	unlink glob "$tmp/*/*";
	rmdir $_ for glob "$tmp/*";
	return @left;
}

# Each call of a kind fails once, and the first of each place with all behind it.
# error => [KIND, ERRNO], undo => what the run that counted has to undo,
# judge => sub { my ($command, $fault, $r) = @_; ... }
sub attack
{
	my ($self, $command, %how) = @_;
	my ($kind, $error) = @{$how{error}};
	my @run = ($command->{stdin}, @{$command->{line}});
	for my $ever (0, 1) {
		my $fault = join ' ', $kind, $error // (), $ever ? 'from' : 'at';
		my @numbers = $self->{nth}->numbers($kind, ever => $ever,
		    all => $self->{all}, stdin => $command->{stdin},
		    line => $command->{line});
		$how{undo}->($command);
		for my $n (@numbers) {
			my $r = $self->{nth}->run({ error => $error,
			    fault => "$kind:$n" . ($ever ? '+' : '') }, @run);
			$self->{ran}{$kind}++;
			$self->{hits}{$kind}++ if $self->{nth}->hit;
			$how{judge}->($command, "$fault $n", $r);
		}
	}
}

# Fails for each loop in which no call was made to fail: it shows nothing.
sub all_hit
{
	my ($self) = @_;
	for (sort keys %{$self->{ran}}) {
		note("$_: $self->{ran}{$_} runs");
		cmp_ok($self->{hits}{$_} // 0, '>', $self->{ran}{$_} * 0.9,
		    "$_: almost each run hits one");
	}
}

1;
