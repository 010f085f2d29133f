package Bench::Part::Think;

# SMTP clients that take three milliseconds before each command, 32 at a time,
# as they do across a network; alone, and with many beside that say nothing.

use v5.36;
use Bench::Contest;
use Bench::Figures qw(spread ratios table);
use Bench::Part::Idle;

sub contestants ($bench) {
	my @who = (Bench::Contest::null($bench));
	for my $build ($bench, $bench->other // ()) {
		next if !$build->has_ours;
		push @who, Bench::Contest::ours($build, "$build->{label}ours",
			store => $build->store($bench->{rules}));
	}
	push @who, Bench::Contest::ours($bench, 'ours-own',
		store => $bench->store($bench->{rules}),
		settings => { engine => 'own' }) if $bench->has_ours;
	return @who;
}

sub compare ($bench, $idle, @who) {
	my @resting = $idle ? map {
		Bench::Part::Idle::rest($bench, $_, $idle) } @who : ();
	my $reports = Bench::Contest::rounds($bench, \@who, '--rules',
		$bench->{rules}, '--data', '--parallel', 32, '--think', 3,
		'--each');
	kill 'TERM', @resting;
	waitpid $_, 0 for @resting;
	my %rate = map { my $n = $_;
		$n => [ map { $_->{sessions_per_s} } @{ $reports->{$n} } ]
	} keys %$reports;
	my $cpu_rate = Bench::Contest::cpu_rates($reports);
	my @rows;
	for my $name (map { $_->{name} } @who) {
		my @runs = @{ $reports->{$name} };
		my %row = (milter => $name, idle => $idle,
			'sessions/s' => spread(@{ $rate{$name} })->{median},
			'to null' => ratios($rate{$name}, $rate{null}),
			'cpu-rate' => ratios($cpu_rate->{$name},
			    $cpu_rate->{null}),
			'cpu us' => spread(map { $_->{cpu_us} } @runs)->{median});
		for my $figure (qw(p50 p99)) {
			$row{"MAIL $figure"} = spread(map {
				$_->{mail_us}{$figure} } @runs)->{median};
		}
		push @rows, \%row;
	}
	return { rows => \@rows, runs => $reports };
}

sub run ($bench) {
	my @who = contestants($bench);
	my %data = map { $_ => compare($bench, $_, @who) }
	    (0, 1_000, $bench->{quick} ? () : 5_000);
	return { data => \%data, notes => [ $bench->note_missing ],
		text => table("clients that think 3 ms before each command "
			    . "($bench->{rules} rules, 32 at a time, unix)",
			[ 'milter', 'idle', 'sessions/s', 'to null', 'cpu-rate',
			    'cpu us', 'MAIL p50', 'MAIL p99' ],
			map { @{ $data{$_}{rows} } }
			    sort { $a <=> $b } keys %data) };
}

1;
