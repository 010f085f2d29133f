package Bench::Part::History;

# A store with many generations beside one that has a single one, of the same
# rules: what the past costs those who build and those who are judged.

use v5.36;
use Bench::Contest;
use Bench::Figures qw(spread ratios table);
use File::Copy qw(copy);
use Time::HiRes qw(time);

sub generations ($bench) {
	return $bench->{quick} ? 300 : 10_000;
}

# Changed again and again while the store is small, since a change of one rule
# in a million takes half a second; then come the rules that are measured.
sub age ($bench, $store, $times) {
	for my $n (1 .. $times) {
		$bench->run_or_die('history-set.log', $bench->{tlspolicy},
			'set', '-c', $bench->build_conf, '-d', $store,
			"TLS_Clt:h@{[$n % 100]}.bench.example",
			'PERM+ENCR:' . (112 + int($n / 100) % 2));
	}
	$bench->run_or_die('history-build.log',
		$bench->build_command($bench->{rules}, $store));
}

# The same rules but for one line, so that each build is a commit.
sub rule_files ($bench) {
	my $rules = $bench->rule_file($bench->{rules});
	return map {
		my $file = "$rules-$_";
		copy($rules, $file) or die "$file: $!\n";
		open my $f, '>>', $file or die "$file: $!\n";
		print $f "TLS_Clt:bench.example PERM+ENCR:12$_\n";
		close $f or die "$file: $!\n";
		$file;
	} 0, 1;
}

sub build ($bench, $store, $rules) {
	my $cpu = (times)[2] + (times)[3];
	my $start = time;
	$bench->run_or_die('history-build.log', $bench->{tlspolicy}, 'build',
		'-c', $bench->build_conf, '-d', $store, $rules);
	return (time - $start, (times)[2] + (times)[3] - $cpu);
}

sub builds ($bench, $stores) {
	my @rules = rule_files($bench);
	my (%seconds, %cpu);
	for my $round (0 .. $bench->{rounds}) {
		for my $name ($round % 2 ? sort keys %$stores :
		    reverse sort keys %$stores) {
			my ($seconds, $cpu) = build($bench, $stores->{$name},
				$rules[$round % 2]);
			next if $round == 0; # brings the file into memory
			push @{ $seconds{$name} }, $seconds;
			push @{ $cpu{$name} }, $cpu;
		}
	}
	return (\%seconds, \%cpu);
}

sub run ($bench) {
	die "tlspolicy and its daemon are not built\n" if !$bench->has_ours;
	my %stores = (one => "$bench->{scratch}/history-one.mdb",
		many => "$bench->{scratch}/history-many.mdb");
	my $start = time;
	age($bench, $stores{one}, 1);
	age($bench, $stores{many}, generations($bench));
	my $took = time - $start;
	my ($seconds, $cpu) = builds($bench, \%stores);
	my @who = map { Bench::Contest::ours($bench, "history-$_", clock => 1,
		store => $stores{$_}, settings => { 'audit-file' => '/dev/null' })
	    } sort keys %stores;
	my $reports = Bench::Contest::rounds($bench, \@who,
		'--rules', $bench->{rules});
	my @rows;
	for my $name ('one', 'many') {
		my ($who) = grep { $_->{name} eq "history-$name" } @who;
		my @mine = map { $_->{cpu_us} } @{ $reports->{ $who->{name} } };
		my @one = map { $_->{cpu_us} } @{ $reports->{'history-one'} };
		push @rows, { generations => $name eq 'one' ? 1 :
			    generations($bench),
			'build s' => spread(@{ $seconds->{$name} })->{median},
			'to one' => ratios($seconds->{$name}, $seconds->{one}),
			'cpu to one' => ratios($cpu->{$name}, $cpu->{one}),
			'MAIL mean us' => Bench::Contest::clock($bench,
				$who)->{mail}{mean},
			'session cpu us' => spread(@mine)->{median},
			'to one ' => ratios(\@mine, \@one),
			'file MB' => (-s $stores{$name}) / 1e6 };
	}
	return { data => { rows => \@rows, seconds => $seconds, cpu => $cpu,
			runs => $reports, aged_s => $took },
		notes => [ sprintf('making them took %.0f s', $took) ],
		text => table("generations: building $bench->{rules} rules, and "
			    . 'judging by them', [ 'generations', 'build s',
			    'to one', 'cpu to one', 'MAIL mean us',
			    'session cpu us', 'to one ', 'file MB' ], @rows) };
}

1;
