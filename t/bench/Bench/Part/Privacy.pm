package Bench::Part::Privacy;

# The same daemon with people hidden in its records and without: MAIL and whole
# messages, and what a message takes in the log and in the salts.

use v5.36;
use Bench::Contest;
use Bench::Figures qw(spread ratios table);

# No session of one round is one of another's: each has people of its own.
use constant FAR => 100_000_000;

my %privacy = (off => 'off', on => 'days:30');

sub contestant ($bench, $messages, $name) {
	my $state = "$bench->{scratch}/state-$name-$messages";
	mkdir $state, 0700 or die "$state: $!\n";
	return { %{ Bench::Contest::ours($bench, "$name-$messages", clock => 1,
		store => $bench->store($bench->{rules}), settings => {
		    privacy => $privacy{$name}, 'state-folder' => $state }) },
		word => $name, state => $state };
}

# Bytes of the audit log and of the salts.
sub sizes ($bench, $who) {
	my $salts = 0;
	$salts += -s for glob "$who->{state}/salts/*";
	return (-s "$bench->{scratch}/$who->{name}.audit", $salts);
}

# One row for each contestant, of so many messages in a session.
sub compare ($bench, $messages, $data) {
	my @who = map { contestant($bench, $messages, $_) } qw(off on);
	my @options = ('--rules', $bench->{rules}, '--data', '--messages',
		$messages);
	my (%reports, @rows);
	Bench::Contest::load($bench, $_, @options, '--sessions', 100) for @who;
	my %before = map { $_->{name} => [ sizes($bench, $_),
		($_->{process}->memory)[1] ] } @who;
	Bench::Contest::one_round($bench, $_, \@who, \%reports, @options,
	    '--first', ($_ + 1) * FAR) for 0 .. $bench->{rounds} - 1;
	my %cpu = map { my $n = $_; $n => [ map {
		$_->{cpu_us} * $_->{sessions} / $_->{messages} }
		@{ $reports{$n} } ] } keys %reports;
	for my $who (@who) {
		my $name = $who->{name};
		my $clock = Bench::Contest::clock($bench, $who);
		my ($log, $salts) = sizes($bench, $who);
		my $memory = ($who->{process}->memory)[1];
		my $sent = 0;
		$sent += $_->{messages} for @{ $reports{$name} };
		push @rows, { privacy => $who->{word},
			'messages a session' => $messages,
			'MAIL p50' => $clock->{mail}{p50},
			'MAIL mean' => $clock->{mail}{mean},
			'end p50' => spread(map { $_->{eom_us}{p50} }
			    @{ $reports{$name} })->{median},
			'cpu us' => spread(@{ $cpu{$name} })->{median},
			'cpu to off' => ratios($cpu{$name},
			    $cpu{"off-$messages"}),
			'log bytes' => ($log - $before{$name}[0]) / $sent,
			'salts bytes' => ($salts - $before{$name}[1]) / $sent,
			'memory bytes' =>
			    1024 * ($memory - $before{$name}[2]) / $sent };
	}
	$data->{$messages} = { runs => \%reports };
	$_->{process}->stop for @who;
	return @rows;
}

sub run ($bench) {
	die "tlspolicy and its daemon are not built\n" if !$bench->has_ours;
	my %data;
	my @rows = map { compare($bench, $_, \%data) } 1, 10;
	return { data => { rows => \@rows, %data },
		text => table("people hidden in records ($bench->{rules} rules; "
			    . 'each session brings people of its own); us, and '
			    . 'what a message adds', [ 'privacy',
			    'messages a session', 'MAIL p50', 'MAIL mean',
			    'end p50', 'cpu us', 'cpu to off', 'log bytes',
			    'salts bytes', 'memory bytes' ], @rows) };
}

1;
