package Bench::Part::Readers;

# What a rebuild costs those who read meanwhile.  Building another store beside
# takes the same processor and disk, but no lock that the daemon knows: the
# difference to it is the store's own.

use v5.36;
use Bench::Contest;
use Bench::Figures qw(table);
use Bench::Process;
use POSIX ();

sub build_for_ever ($bench, $store) {
	my $pid = fork // die "fork: $!\n";
	return $pid if $pid;
	open STDOUT, '>', '/dev/null';
	open STDERR, '>', '/dev/null';
	my @command = $bench->build_command($bench->{rules}, $store);
	my $builds = 0;
	my $stop = 0;
	local $SIG{TERM} = sub { $stop = 1 };
	while (!$stop) {
		system(@command) == 0 or POSIX::_exit(255);
		$builds++;
	}
	POSIX::_exit($builds > 254 ? 254 : $builds);
}

# One phase: the callback's and the MTA's figures, and how often it was built.
sub phase ($bench, $who, $name, $store) {
	my $pid = defined $store ? build_for_ever($bench, $store) : 0;
	my $mark = Bench::Contest::mark($bench, $who);
	my $report = Bench::Contest::load($bench, $who, '--rules',
		$bench->{rules}, '--parallel', 2, '--think', 1, '--seconds',
		$bench->{quick} ? 3 : 15);
	my $mail = Bench::Contest::clock($bench, $who, $mark)->{mail};
	my $builds = 0;
	if ($pid) {
		kill 'TERM', $pid;
		waitpid $pid, 0;
		$builds = $? >> 8;
		die "build failed while sessions were judged\n"
		    if $builds == 255;
	}
	return { meanwhile => $name, builds => $builds, n => $mail->{n},
		mean => $mail->{mean}, p50 => $mail->{p50}, p99 => $mail->{p99},
		'p99.9' => $mail->{'p99.9'}, 'MTA p50' => $report->{mail_us}{p50},
		'MTA p99' => $report->{mail_us}{p99} };
}

sub run ($bench) {
	my @rows;
	if ($bench->has_ours) {
		my $store = "$bench->{scratch}/live.mdb";
		my @build = $bench->build_command($bench->{rules}, $store);
		$bench->run_or_die('live-build.log', @build);
		my $who = Bench::Contest::ours($bench, 'live', clock => 1,
			store => $store);
		Bench::Contest::load($bench, $who, '--seconds', 1);
		push @rows, phase($bench, $who, 'nothing', undef),
		    phase($bench, $who, 'another store is built',
			"$bench->{scratch}/other.mdb"),
		    phase($bench, $who, 'this store is built', $store);
	}
	return { data => { rows => \@rows }, notes => [ $bench->note_missing ],
		text => table("MAIL callback in us during rebuilds of "
			    . "$bench->{rules} rules",
			[ qw(meanwhile builds n mean p50 p99 p99.9), 'MTA p50',
			    'MTA p99' ], @rows) };
}

1;
