package Bench::Part::Plan;

# MAIL and RCPT while a plan is judged beside: the same daemon twice, by turns,
# with a plan of as many rules and without; and another build's, which knows of
# no plans.

use v5.36;
use Bench::Contest;
use Bench::Figures qw(spread ratios table);

# The store of its own for the daemon that has a plan, all rules in both.
sub planned ($bench, $count) {
	my $store = "$bench->{scratch}/planned-$count.mdb";
	my $rules = "$bench->{scratch}/rules-to-come";
	my @command = ($bench->{tlspolicy}, 'plan', '-c', $bench->build_conf,
	    '-d', $store, $rules);
	return $store if -e $store;
	$bench->run_or_die('planned.log', $bench->build_command($count,
		$store));
	$bench->run_or_die('to-come.log', 'sh', '-c',
		'cp "$1" "$2" && echo "TLS_Clt:to.come.example PERM+VERIFY" >>"$2"',
		'sh', $bench->rule_file($count), $rules);
	$bench->run_or_die('plan.log', @command);
	return $store;
}

sub contestants ($bench) {
	my @who = (Bench::Contest::null($bench, clock => 1));
	return @who if !$bench->has_ours;
	for my $build ($bench, $bench->other // ()) {
		push @who, Bench::Contest::ours($build,
			"$build->{label}without", clock => 1,
			store => $build->store($bench->{rules}));
	}
	push @who, Bench::Contest::ours($bench, 'with-plan', clock => 1,
		store => planned($bench, $bench->{rules}));
	return @who;
}

sub run ($bench) {
	my @who = contestants($bench);
	my $reports = Bench::Contest::rounds($bench, \@who,
		'--rules', $bench->{rules});
	my %cpu = map { my $n = $_; $n => [ map { $_->{cpu_us} }
		@{ $reports->{$n} } ] } keys %$reports;
	my (@rows, %clocks);
	for my $who (@who) {
		my $name = $who->{name};
		my $clock = $clocks{$name} = Bench::Contest::clock($bench, $who);
		my %row = (milter => $name, 'cpu us' =>
			spread(@{$cpu{$name}})->{median});
		$row{$_} = $clock->{mail}{$_} for qw(mean p50 p99);
		$row{"rcpt $_"} = $clock->{rcpt}{n} ? $clock->{rcpt}{$_} : undef
		    for qw(mean p50);
		$row{'cpu to without'} = ratios($cpu{$name}, $cpu{without})
		    if $cpu{without};
		push @rows, \%row;
	}
	return { data => { rows => \@rows, clocks => \%clocks,
			runs => $reports },
		notes => [ $bench->note_missing ],
		text => table("a plan judged beside: callbacks in us "
			    . "($bench->{rules} rules in each)",
			[ 'milter', 'cpu us', 'cpu to without', qw(mean p50 p99),
			    'rcpt mean', 'rcpt p50' ], @rows) };
}

1;
