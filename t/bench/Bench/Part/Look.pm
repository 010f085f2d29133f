package Bench::Part::Look;

# One look-up of a key that is there, with the caches full of something else, as
# between two callbacks of a busy machine; and once more.

use v5.36;
use Bench::Figures qw(spread table);

sub run ($bench) {
	my (@rows, %all);
	for my $size ($bench->has_ours ? ($bench->{quick} ? (10_000) :
		(10_000, 1_000_000)) : ()) {
		my $log = "look-$size.log";
		$bench->run_or_die($log, $bench->program('look'), '-s',
			$bench->{seed}, $bench->store($size), $size,
			$bench->{quick} ? 100 : 500);
		open my $f, '<', "$bench->{scratch}/$log" or die "$log: $!\n";
		my %ns;
		/^(\w+) (\d+)$/ and push @{ $ns{$1} }, $2 / 1000 while <$f>;
		$all{$size} = \%ns;
		push @rows, { rules => $size, map { my $sorted =
			[ sort { $a <=> $b } @{ $ns{$_} } ];
			("$_ p10" => $sorted->[@$sorted / 10],
			"$_ p50" => spread(@$sorted)->{median}) } keys %ns };
	}
	return { data => \%all, notes => [ $bench->note_missing ],
		text => table('one look-up, in us',
			[ 'rules', map { ("$_ p10", "$_ p50") } qw(cold hot) ],
			@rows) };
}

1;
