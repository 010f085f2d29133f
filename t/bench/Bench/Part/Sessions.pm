package Bench::Part::Sessions;

# Sessions a second: alternated rounds, ratios round by round.

use v5.36;
use Bench::Contest;
use Bench::Figures qw(spread ratios table);

sub contestants ($bench) {
	my @who = (Bench::Contest::null($bench), Bench::Contest::bare($bench),
		Bench::Contest::bare_macros($bench));
	return @who if !$bench->has_ours;
	my $store = $bench->store($bench->{rules});
	push @who, Bench::Contest::ours($bench, 'ours-nodisk',
		store => $store, settings => { 'audit-file' => '/dev/null' });
	push @who, Bench::Contest::ours($bench, 'ours', store => $store);
	push @who, Bench::Contest::bare_like($bench, $who[-1]);
	push @who, Bench::Contest::ours($bench, 'ours-own', store => $store,
		settings => { engine => 'own' });
	return @who;
}

sub run ($bench) {
	my @who = contestants($bench);
	my %data;
	my $text = '';
	for my $dialect ($bench->{dialects}->@*) {
		local $bench->{dialect} = $dialect;
		my $result = compare($bench, @who);
		$data{$dialect} = $result->{data};
		$text .= "\n" if $text ne '';
		$text .= $result->{text};
	}
	my ($ours) = grep { $_->{name} eq 'ours' } @who;
	my @notes = $ours ? steps($bench, $ours) : ();
	return { data => \%data, notes => [ @notes, $bench->note_missing ],
		text => $text };
}

sub steps ($bench, $who) {
	my $terms = Bench::Contest::probe($bench, $who);
	return "$who->{name} negotiates "
	    . join(', ', @{ $terms->{steps} }) . '; without an answer: '
	    . (join(', ', @{ $terms->{silent} }) || 'none');
}

sub compare ($bench, @who) {
	my $reports = Bench::Contest::rounds($bench, \@who,
		'--rules', $bench->{rules});
	my %rate = map { my $n = $_;
		$n => [ map { $_->{sessions_per_s} } @{ $reports->{$n} } ]
	} keys %$reports;
	my $cpu_rate = Bench::Contest::cpu_rates($reports);
	my $alike = $rate{'bare-alike'} // $rate{bare};
	my @rows;
	for my $name (map { $_->{name} } @who) {
		my @runs = @{ $reports->{$name} };
		push @rows, { milter => $name,
			'sessions/s' => spread(@{ $rate{$name} })->{median},
			'to null' => ratios($rate{$name}, $rate{null}),
			'cpu-rate' => ratios($cpu_rate->{$name},
			    $cpu_rate->{null}),
			'to bare-alike' => ratios($rate{$name}, $alike),
			'cpu us' => spread(map { $_->{cpu_us} } @runs)->{median},
			'refused' => refused(@runs) };
	}
	return { data => { rows => \@rows, runs => $reports },
		text => table("sessions as $bench->{dialect} has them "
			    . "($bench->{rules} rules, 8 at a time, unix)",
			[ 'milter', 'sessions/s', 'to null', 'cpu-rate',
			    'to bare-alike', 'cpu us', 'refused' ], @rows) };
}

# Share of messages refused, so that no one looks fast by saying no.
sub refused (@runs) {
	my ($refused, $all) = (0, 0);
	for my $run (@runs) {
		$all += $run->{messages};
		$refused += $run->{verdicts}{$_}{replycode}
		    + $run->{verdicts}{$_}{tempfail}
		    + $run->{verdicts}{$_}{reject} for qw(mail rcpt);
	}
	return sprintf '%.1f%%', $all ? 100 * $refused / $all : 0;
}

1;
