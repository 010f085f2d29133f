package Bench::Part::Transport;

# The same milters on a unix socket and on TCP.

use v5.36;
use Bench::Contest;
use Bench::Figures qw(spread ratios table);

sub run ($bench) {
	my @who;
	for my $transport (qw(unix tcp)) {
		push @who, Bench::Contest::null($bench, transport => $transport),
		    Bench::Contest::bare($bench, transport => $transport);
		push @who, Bench::Contest::ours($bench,
			$transport eq 'tcp' ? 'ours-on' : 'ours',
			transport => $transport,
			store => $bench->store($bench->{rules}))
		    if $bench->has_ours;
	}
	my $reports = Bench::Contest::rounds($bench, \@who,
		'--rules', $bench->{rules});
	my %rate = map { my $n = $_;
		$n => [ map { $_->{sessions_per_s} } @{ $reports->{$n} } ]
	} keys %$reports;
	my @rows = map {
		my $name = $_->{name};
		my $null = $name =~ /-tcp$/ ? 'null-tcp' : 'null';
		{ milter => $name,
			'sessions/s' => spread(@{ $rate{$name} })->{median},
			'to null' => ratios($rate{$name}, $rate{$null}),
			'MTA MAIL p50 us' => spread(map { $_->{mail_us}{p50} }
				@{ $reports->{$name} })->{median} }
	} @who;
	return { data => { rows => \@rows, runs => $reports },
		notes => [ $bench->note_missing ],
		text => table("unix and TCP ($bench->{rules} rules; to null "
			    . 'of the same kind)',
			[ 'milter', 'sessions/s', 'to null',
			    'MTA MAIL p50 us' ], @rows) };
}

1;
