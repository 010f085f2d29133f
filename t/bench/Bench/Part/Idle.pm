package Bench::Part::Idle;

# Resident memory with no and with thousands of connections that say nothing.

use v5.36;
use Bench::Contest;
use Bench::Figures qw(table);
use Bench::Process;
use POSIX ();

sub idle_count ($bench) {
	return $bench->{quick} ? 1_000 : 5_000;
}

# Starts the load with idle sessions only, and waits until they are at rest.
sub rest ($bench, $who, $count) {
	pipe my $read, my $write or die "pipe: $!\n";
	my $pid = fork // die "fork: $!\n";
	if ($pid == 0) {
		open STDERR, '>&', $write;
		open STDOUT, '>', '/dev/null';
		exec($bench->program('load'), '--idle', $count, '--parallel',
			0, '--seconds', 3600, '--dialect', $bench->{dialect},
			$who->{socket}) or POSIX::_exit(127);
	}
	close $write;
	my $line = <$read> // '';
	if ($line ne "ready\n") {
		waitpid $pid, 0;
		die "$who->{name}: idle connections: $line\n";
	}
	return $pid;
}

sub measure ($bench, $who, $count) {
	Bench::Contest::load($bench, $who, '--seconds', 1);
	my ($before, $own_before) = $who->{process}->memory;
	my $pid = rest($bench, $who, $count);
	my ($after, $own_after) = $who->{process}->memory;
	my $beside = Bench::Contest::load($bench, $who, '--seconds', 1);
	kill 'TERM', $pid;
	waitpid $pid, 0;
	return { milter => $who->{name}, 'RSS kB' => $before,
		"with $count" => $after,
		'bytes each' => 1024 * ($own_after - $own_before) / $count,
		'sessions/s beside' => $beside->{sessions_per_s} };
}

sub run ($bench) {
	my $count = idle_count($bench);
	my @who = (Bench::Contest::null($bench), Bench::Contest::bare($bench));
	push @who, map { Bench::Contest::ours($bench, $_->[0],
		store => $bench->store($bench->{rules}), settings => $_->[1])
	} ['ours', {}], ['ours-own', { engine => 'own' }] if $bench->has_ours;
	my @rows = map { measure($bench, $_, $count) } @who;
	return { data => { rows => \@rows }, notes => [ $bench->note_missing ],
		text => table("$count idle connections",
			[ 'milter', 'RSS kB', "with $count", 'bytes each',
			    'sessions/s beside' ], @rows) };
}

1;
