package Bench::Part::Disk;

# What the disk of the audit log, and who reads the log, cost a verdict: nothing
# beyond what audit-sync and audit-full allow.  The disk is a preloaded library
# that keeps write(2) and fdatasync(2) waiting for as long as it is told to.

use v5.36;
use Bench::Contest;
use Bench::Figures qw(table);
use POSIX ();
use Time::HiRes qw(sleep);

my $BOUND = 5;	# seconds, the most that audit-full allows

sub child ($code) {
	my $pid = fork // die "fork: $!\n";
	return $pid if $pid;
	$code->();
	POSIX::_exit(0);
}

sub end_child ($pid) {
	kill 'TERM', $pid;
	waitpid $pid, 0;
}

# The third number of the file: see struct control of the library.
sub hold ($control, $on) {
	open my $f, '+<', $control or die "$control: $!\n";
	sysseek $f, 16, 0;
	syswrite $f, pack 'q', $on;
	close $f;
}

# From the first second on the disk does not answer, for longer than the bound.
sub blocked ($bench, $files) {
	return child(sub {
		sleep 1;
		hold($files->{control}, 1);
		sleep $BOUND + 2;
		hold($files->{control}, 0);
	});
}

# A pipe that is full nearly all the time: a hundred bytes a second are read.
sub slow_reader ($bench, $files) {
	return child(sub {
		my $pid = open my $tail, '-|', 'tail', '-n', '+1', '-f',
		    $files->{audit} or POSIX::_exit(1);
		local $SIG{TERM} = sub { kill 'TERM', $pid; POSIX::_exit(0) };
		sleep 0.01 while sysread $tail, my $byte, 1;
	});
}

my @meanwhile = (
	{ name => 'quiet', seconds => 2, begin => undef },
	{ name => 'a slow reader', seconds => 3, begin => \&slow_reader },
	{ name => 'the disk blocked', seconds => $BOUND + 4,
		begin => \&blocked },
);

sub launch ($bench, $name, $files, $sync, $full) {
	open my $f, '>', $files->{control} or die "$files->{control}: $!\n";
	print $f pack 'q*', (0) x 5;
	close $f;
	return Bench::Contest::ours($bench, $name, clock => 1,
		store => $bench->store($bench->{rules}),
		preload => [ $files->{library} ],
		env => { FAULT_DISK => $files->{control},
			FAULT_DISK_FILE => $files->{audit} },
		settings => { 'audit-sync' => $sync, 'audit-full' => $full });
}

sub phase ($bench, $sync, $full, $what) {
	state $number = 0;
	my $name = 'disk-' . ++$number;
	my %files = (library => $bench->program('../fault/disk.so'),
		control => "$bench->{scratch}/$name.control",
		audit => "$bench->{scratch}/$name.audit");
	my $who = launch($bench, $name, \%files, $sync, $full);
	my $pid = $what->{begin} ? $what->{begin}->($bench, \%files) : 0;
	my $report = Bench::Contest::load($bench, $who, '--rules',
		$bench->{rules}, '--data', '--parallel', 4, '--think', 1,
		'--seconds', $what->{seconds}, '--timeout', 3 * $BOUND);
	end_child($pid) if $pid;
	my $clock = Bench::Contest::clock($bench, $who);
	my $end = $report->{verdicts}{eom};
	my %row = ('sync, full' => "$sync, $full", meanwhile => $what->{name},
		n => $clock->{eom}{n}, unrecorded => $end->{replycode}
		    + $end->{tempfail});
	for my $at (qw(mail eom)) {
		$row{"$at $_"} = $clock->{$at}{$_} / 1000 for qw(p50 p99 max);
	}
	$who->{process}->stop;
	return \%row;
}

sub run ($bench) {
	my @rows;
	if ($bench->has_ours) {
		-e $bench->program('../fault/disk.so')
		    or die "t/fault/disk.so is not built: make bench\n";
		for my $sync (qw(batch each)) {
			for my $full (qw(tempfail block)) {
				push @rows, map { phase($bench, $sync, $full,
					$_) } @meanwhile;
			}
		}
	}
	return { data => { rows => \@rows }, notes => [ $bench->note_missing,
		    "a verdict may wait for $BOUND s" ],
		text => table('callbacks in ms while the audit log is read '
			    . "slowly, or its disk is blocked for "
			    . ($BOUND + 2) . ' s',
			[ 'sync, full', 'meanwhile', 'n', 'unrecorded',
			    map { my $at = $_; map { "$at $_" }
				qw(p50 p99 max) } qw(mail eom) ], @rows) };
}

1;
