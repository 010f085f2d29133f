package Bench::Part::Build;

# From the text of the rules to what the daemon reads, beside what the MTAs'
# own tools need for the same lines.

use v5.36;
use Bench::Figures qw(spread table);
use File::Path qw(make_path);
use Time::HiRes qw(time);

# makemap without sendmail's package, which Postfix's would push out.
sub unpack_makemap ($bench) {
	my $dir = "$bench->{scratch}/sendmail";
	make_path($dir);
	eval {
		$bench->run_or_die('download.log', 'sh', '-c',
			'cd "$1" && apt-get -q download sendmail-bin && '
			    . 'dpkg-deb -x sendmail-bin_*.deb .', 'sh', $dir);
	};
	my ($makemap) = grep { -x } map { "$dir/usr/$_/makemap" }
	    qw(sbin bin lib/sm.bin share/sendmail libexec);
	$makemap //= (split /\n/, qx(find $dir -name makemap -type f))[0];
	return $makemap;
}

sub tools ($bench) {
	my $rules = $bench->rule_file($bench->{rules});
	my $out = "$bench->{scratch}/map";
	my @tools;
	push @tools, [ 'tlspolicy build', "$out.mdb",
		$bench->build_command($bench->{rules}, "$out.mdb") ],
	    [ '  senders by profile', "$out-p.mdb",
		$bench->build_command($bench->{rules}, "$out-p.mdb", '-p') ]
	    if defined $bench->{tlspolicy};
	my $makemap = unpack_makemap($bench);
	push @tools, [ 'makemap hash', "$out-hash.db", 'sh', '-c',
		'exec "$1" -C /dev/null hash "$2" <"$3"', 'sh', $makemap,
		"$out-hash", $rules ] if defined $makemap;
	my ($postmap) = grep { -x } '/usr/sbin/postmap', '/usr/local/sbin/postmap';
	push @tools, [ 'postmap lmdb:', "$out-lmdb.lmdb", 'sh', '-c',
		'cp "$2" "$3" && exec "$1" -c "$4" lmdb:"$3"', 'sh', $postmap,
		$rules, "$out-lmdb", postmap_conf($bench) ] if defined $postmap;
	return @tools;
}

sub postmap_conf ($bench) {
	my $dir = "$bench->{scratch}/postmap";
	make_path($dir);
	open my $f, '>', "$dir/main.cf" or die "main.cf: $!\n";
	print $f "compatibility_level = 3.6\nlmdb_map_size = 4294967296\n";
	close $f or die "main.cf: $!\n";
	return $dir;
}

sub run ($bench) {
	my @tools = tools($bench);
	my (%took, %cpu, @rows);
	for my $round (1 .. ($bench->{rounds} > 3 ? 3 : $bench->{rounds})) {
		for my $tool (@tools) {
			my ($name, $file, @command) = @$tool;
			unlink $file if $round == 1;
			my $cpu = (times)[2] + (times)[3];
			my $start = time;
			$bench->run_or_die('build.log', @command);
			push @{ $took{$name} }, time - $start;
			push @{ $cpu{$name} }, (times)[2] + (times)[3] - $cpu;
		}
	}
	for my $tool (@tools) {
		my ($name, $file) = @$tool;
		push @rows, { tool => $name, seconds => spread(@{ $took{$name} }),
			'cpu s' => spread(@{ $cpu{$name} })->{median},
			'file MB' => (-s $file) / 1e6 };
	}
	return { data => { rows => \@rows, seconds => \%took },
		notes => [ missing(@tools) ],
		text => table("building $bench->{rules} rules",
			[ 'tool', 'seconds', 'cpu s', 'file MB' ], @rows) };
}

sub missing (@tools) {
	my %have = map { $_->[0] => 1 } @tools;
	return map { "$_: not found: left out" }
	    grep { !$have{$_} } 'tlspolicy build', 'makemap hash', 'postmap lmdb:';
}

1;
