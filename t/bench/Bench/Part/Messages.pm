package Bench::Part::Messages;

# Whole messages, MAIL to the end, each accepted after its record was written:
# in each mode of audit-sync, and beside another build's.

use v5.36;
use Bench::Contest;
use Bench::Figures qw(spread ratios table);

my @modes = qw(none batch each);

sub contestants ($bench) {
	my @who = (Bench::Contest::null($bench));
	for my $build ($bench, $bench->other // ()) {
		next if !$build->has_ours;
		my $store = $build->store($bench->{rules});
		push @who, map { Bench::Contest::ours($build,
			"$build->{label}$_", store => $store,
			settings => { 'audit-sync' => $_ }) } @modes;
	}
	return @who;
}

# Messages that got another answer at their end than "accept".
sub not_taken (@runs) {
	my $n = 0;
	$n += $_->{verdicts}{eom}{replycode} + $_->{verdicts}{eom}{tempfail}
	    for @runs;
	return $n;
}

sub run ($bench) {
	my @who = contestants($bench);
	my $reports = Bench::Contest::rounds($bench, \@who,
		'--rules', $bench->{rules}, '--data', '--messages', 10);
	my %rate = map { my $n = $_; $n => [ map {
		$_->{messages} / $_->{seconds} } @{ $reports->{$n} } ]
	} keys %$reports;
	my @rows;
	for my $name (map { $_->{name} } @who) {
		my @runs = @{ $reports->{$name} };
		my %row = (milter => $name,
			'messages/s' => spread(@{ $rate{$name} })->{median},
			'to null' => ratios($rate{$name}, $rate{null}),
			'451' => not_taken(@runs));
		my $theirs = "other-$name";
		$row{'to the other build'} = ratios($rate{$name},
			$rate{$theirs}) if $rate{$theirs};
		for my $figure (qw(mean p50 p99)) {
			$row{"end $figure"} = spread(map {
				$_->{eom_us}{$figure} } @runs)->{median};
		}
		push @rows, \%row;
	}
	return { data => { rows => \@rows, runs => $reports },
		notes => [ $bench->note_missing ],
		text => table("messages, recorded before they are accepted "
			    . "($bench->{rules} rules, 10 a session, 8 at a "
			    . 'time); end: its answer, us',
			[ 'milter', 'messages/s', 'to null',
			    'to the other build', 'end mean', 'end p50',
			    'end p99', '451' ], @rows) };
}

1;
