package Bench::Part::Rules;

# The same sessions against policies of different size.

use v5.36;
use Bench::Contest;
use Bench::Figures qw(spread ratios table);

sub sizes ($bench) {
	return $bench->{quick} ? (1_000, 10_000, 100_000)
	    : (10_000, 1_000_000, 10_000_000);
}

# One round over all sizes, so that the ratios stand side by side.
sub round ($bench, $who, $rates, $cpu) {
	for my $size (sort { $a <=> $b } keys %$who) {
		my $before = $who->{$size}{process}->cpu;
		my $report = Bench::Contest::load($bench, $who->{$size},
			'--rules', $size, '--seconds', $bench->{seconds});
		push @{ $rates->{$size} }, $report->{sessions_per_s};
		push @{ $cpu->{$size} }, 1e6
		    * ($who->{$size}{process}->cpu - $before)
		    / ($report->{sessions} || 1);
	}
}

sub run ($bench) {
	my (%who, %rates, %cpu, @rows);
	if ($bench->has_ours) {
		for my $size (sizes($bench)) {
			$who{$size} = Bench::Contest::ours($bench,
				"ours-$size", clock => 1,
				store => $bench->store($size));
			Bench::Contest::load($bench, $who{$size}, '--rules',
				$size, '--seconds', 2);
		}
		round($bench, \%who, \%rates, \%cpu) for 1 .. $bench->{rounds};
	}
	my ($least) = sort { $a <=> $b } keys %who;
	for my $size (sort { $a <=> $b } keys %who) {
		my $mail = Bench::Contest::clock($bench, $who{$size})->{mail};
		my ($rss, $own) = $who{$size}{process}->memory;
		push @rows, { rules => $size,
			'sessions/s' => spread(@{ $rates{$size} })->{median},
			"to $least" => ratios($rates{$size}, $rates{$least}),
			'cpu us' => spread(@{ $cpu{$size} })->{median},
			'MAIL mean us' => $mail->{mean},
			'p99 us' => $mail->{p99},
			'store MB' => (-s $bench->store($size)) / 1e6,
			'own memory MB' => $own / 1e3 };
	}
	return { data => { rows => \@rows, rates => \%rates },
		notes => [ $bench->note_missing ],
		text => table('number of rules (audit on)',
			[ 'rules', 'sessions/s', 'to ' . ($least // '-'),
			    'cpu us', 'MAIL mean us', 'p99 us', 'store MB',
			    'own memory MB' ], @rows) };
}

1;
