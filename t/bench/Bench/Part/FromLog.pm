package Bench::Part::FromLog;

# Records made of a mail log, beside what only counts the lines of it.

use v5.36;
use Bench::Figures qw(spread table);
use Time::HiRes qw(time);

# A Postfix's log: eight lines a message, every tenth one in clear.
sub write_log ($path, $messages) {
	open my $f, '>', $path or die "$path: $!\n";
	for my $i (1 .. $messages) {
		my ($d, $p) = ('d' . $i % 500 . '.example', 1000 + $i % 200);
		my $host = "mail.$d\[192.0.2." . $i % 250 . ']';
		my $id = sprintf '4X%09Xz1', $i * 7919;
		my $at = sprintf 'Nov 20 %02d:%02d:%02d mx postfix/',
		    $i / 180000 % 24, $i / 3000 % 60, $i / 50 % 60;
		print $f map { "$at$_\n" } "smtpd[$p]: connect from $host",
		    ($i % 10 ? "smtpd[$p]: Anonymous TLS connection established "
		    . "from $host: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 "
		    . '(256/256 bits) key-exchange X25519' : ()),
		    "smtpd[$p]: $id: client=$host",
		    "cleanup[$p]: $id: message-id=<$i\@$d>",
		    "qmgr[900]: $id: from=<u$i\@$d>, size=1200, nrcpt=1 "
		    . '(queue active)',
		    "smtpd[$p]: disconnect from $host ehlo=2 mail=1 quit=1",
		    "lmtp[$p]: $id: to=<b\@example.org>, relay=mx[private/lmtp], "
		    . 'delay=0.1, dsn=2.0.0, status=sent (250 2.0.0 Saved)',
		    "qmgr[900]: $id: removed";
	}
	close $f or die "$path: $!\n";
}

sub run ($bench) {
	die "no tlspolicy\n" if !defined $bench->{tlspolicy};
	my $log = "$bench->{scratch}/maillog";
	write_log($log, $bench->{rules} >= 1_000_000 ? 150_000 : 30_000);
	my $lines = () = qx(cat $log) =~ /\n/g;
	my @tools = ([ 'from-log', $bench->{tlspolicy}, 'audit', 'from-log',
		'-c', '/dev/null', $log ], [ 'grep -c', 'grep', '-c',
		'TLS connection established', $log ], [ 'wc -l', 'wc', '-l', $log ]);
	my (%took, %cpu, @rows);
	for my $round (1 .. $bench->{rounds}) {
		for my $tool (@tools) {
			my ($name, @command) = @$tool;
			my ($cpu, $start) = ((times)[2] + (times)[3], time);
			$bench->run_or_die('from-log.log', 'sh', '-c',
				'exec "$@" >/dev/null', 'sh', @command);
			push @{ $took{$name} }, time - $start;
			push @{ $cpu{$name} }, (times)[2] + (times)[3] - $cpu;
		}
	}
	for my $tool (@tools) {
		my $cpu = spread(@{ $cpu{ $tool->[0] } })->{median};
		push @rows, { tool => $tool->[0],
			seconds => spread(@{ $took{ $tool->[0] } }),
			'cpu s' => $cpu,
			'lines/cpu s' => $cpu > 0 ? $lines / $cpu : 0 };
	}
	return { data => { rows => \@rows, lines => $lines },
		text => table("reading a mail log of $lines lines",
			[ 'tool', 'seconds', 'cpu s', 'lines/cpu s' ], @rows) };
}

1;
