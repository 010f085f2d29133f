package Bench::Part::Callback;

# MAIL, from inside (the preloaded clock) and as the MTA sees it.

use v5.36;
use Bench::Contest;
use Bench::Figures qw(spread table);

sub contestants ($bench) {
	my @who = (Bench::Contest::null($bench, clock => 1),
		Bench::Contest::bare_macros($bench, clock => 1));
	return @who if !$bench->has_ours;
	my $store = $bench->store($bench->{rules});
	push @who, Bench::Contest::ours($bench, 'ours-nodisk', clock => 1,
		store => $store, settings => { 'audit-file' => '/dev/null' });
	push @who, Bench::Contest::ours($bench, 'ours', clock => 1,
		store => $store);
	return @who;
}

sub run ($bench) {
	my @who = contestants($bench);
	my $reports = Bench::Contest::rounds($bench, \@who,
		'--rules', $bench->{rules});
	my (@rows, %clocks);
	for my $who (@who) {
		my $clock = Bench::Contest::clock($bench, $who);
		$clocks{ $who->{name} } = $clock;
		my %row = (milter => $who->{name});
		$row{$_} = $clock->{mail}{$_} for qw(mean p50 p99 p99.9);
		$row{'rcpt mean'} = $clock->{rcpt}{n}
		    ? $clock->{rcpt}{mean} : undef;
		for my $figure (qw(mean p50 p99 p99.9)) {
			$row{"MTA $figure"} = spread(map { $_->{mail_us}{$figure} }
				    @{ $reports->{ $who->{name} } })->{median};
		}
		push @rows, \%row;
	}
	return { data => { rows => \@rows, clocks => \%clocks,
			runs => $reports },
		notes => [ $bench->note_missing ],
		text => table("MAIL in us: the callback alone, and the round "
			    . "trip of the MTA ($bench->{rules} rules)",
			[ 'milter', qw(mean p50 p99 p99.9), 'rcpt mean',
			    map { "MTA $_" } qw(mean p50 p99 p99.9) ], @rows) };
}

1;
