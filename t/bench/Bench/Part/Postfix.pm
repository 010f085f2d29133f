package Bench::Part::Postfix;

# Messages a second from smtp-source through a throw-away Postfix: one
# instance, one smtpd for each milter, so that all else is the same.  What is its
# own of a milter's processor time is the last column.

use v5.36;
use Bench::Contest;
use Bench::Figures qw(spread ratios table);
use Bench::Postfix;
use Time::HiRes qw(time);

sub contestants ($bench) {
	my @who = ({ name => 'no milter' }, Bench::Contest::null($bench),
		Bench::Contest::bare($bench));
	for my $build ($bench, $bench->other // ()) {
		push @who, Bench::Contest::ours($build, "$build->{label}ours",
			store => $build->store($bench->{rules}),
			settings => { 'exempt-clients' => '' })
		    if $build->has_ours;
	}
	push @who, Bench::Contest::ours($bench, 'ours-own',
		store => $bench->store($bench->{rules}),
		settings => { engine => 'own', 'exempt-clients' => '' })
	    if $bench->has_ours;
	push @who, Bench::Contest::opendkim($bench)
	    if Bench::Contest::has_opendkim();
	return @who;
}

sub send_messages ($bench, $port, $count) {
	my $start = time;
	$bench->run_or_die('smtp-source.log', 'smtp-source', '-s', 8, '-l',
		2000, '-m', $count, '-f', 'sender@nowhere.example', '-t',
		'user@bench.example', "inet:127.0.0.1:$port");
	return $count / (time - $start);
}

# For who sends mail to the ports, one for each: rates and processor time.
sub compare ($bench, $mta, $ports, @who) {
	my $count = $bench->{quick} ? 200 : 2000;
	my (%rate, %cpu);
	send_messages($bench, $_, 50) for @$ports;
	for my $round (1 .. ($bench->{quick} ? 2 : $bench->{rounds})) {
		for my $n (0 .. $#who) {
			my ($name, $process) = @{$who[$n]}{qw(name process)};
			my $before = $process && $process->cpu;
			push @{ $rate{$name} }, send_messages($bench,
				$ports->[$n], $count);
			push @{ $cpu{$name} }, 1e6 * ($process->cpu - $before)
			    / $count if $process;
		}
	}
	my @rows = map { { milter => $_->{name},
		'messages/s' => spread(@{ $rate{ $_->{name} } })->{median},
		'to none' => ratios($rate{ $_->{name} }, $rate{'no milter'}),
		'to null' => ratios($rate{ $_->{name} }, $rate{null}),
		'cpu us' => $cpu{ $_->{name} } && spread(
		    @{ $cpu{ $_->{name} } })->{median} } } @who;
	return { data => { rows => \@rows, rates => \%rate },
		notes => [ $bench->note_missing ],
		text => table("messages/s through $mta (smtp-source, 8 at a "
			    . 'time, unix socket)',
			[ 'milter', 'messages/s', 'to none', 'to null',
			    'cpu us' ],
			@rows) };
}

sub run ($bench) {
	return { data => {}, text => "messages/s through Postfix\n",
		notes => ['postfix or smtp-source is not installed: left out'] }
	    if !Bench::Postfix::available();
	my @who = contestants($bench);
	for my $who (grep { $_->{process} } @who) {
		chmod 0777, $who->{socket} =~ s/^unix://r;
	}
	my $postfix = Bench::Postfix->start("$bench->{scratch}/postfix",
		map { $_->{socket} } @who);
	my $result = compare($bench, 'Postfix', $postfix->{ports}, @who);
	$postfix->stop;
	return $result;
}

1;
