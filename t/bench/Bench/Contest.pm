package Bench::Contest;

# The milters that are measured side by side, each started once on a socket of
# its own, and the rounds in which the load goes to one after the other.

use v5.36;
use Bench::Process;
use JSON::PP ();

# A contestant: name, socket, process, clock (file, if it has the clock).

sub socket_for ($bench, $name, $transport) {
	return $transport eq 'tcp'
	    ? 'inet:' . Bench::Process::free_port() . '@127.0.0.1'
	    : "unix:$bench->{scratch}/$name.sock";
}

# how: transport => unix|tcp, clock => 1, preload => [libraries], env => {..}
sub launch ($bench, $name, $how, $command) {
	$name .= '-tcp' if ($how->{transport} // 'unix') eq 'tcp';
	my $socket = $how->{socket}
	    // socket_for($bench, $name, $how->{transport} // 'unix');
	my %env = %{ $how->{env} // {} };
	my @preload = @{ $how->{preload} // [] };
	my $clock;
	if ($how->{clock}) {
		$clock = "$bench->{scratch}/$name.clock";
		unlink $clock;
		push @preload, $bench->program('callback-clock.so');
		$env{CALLBACK_CLOCK} = $clock;
	}
	$env{LD_PRELOAD} = join ':', @preload if @preload;
	my $process = Bench::Process->start(name => $name, env => \%env,
		log => "$bench->{scratch}/$name.log",
		command => [ $command->($socket) ]);
	$process->await_socket($socket);
	return { name => $name, socket => $socket, process => $process,
		clock => $clock };
}

sub null ($bench, %how) {
	return launch($bench, 'null', \%how,
		sub ($socket) { $bench->program('null'), $socket });
}

# The cheapest milter there is: MAIL alone.
sub bare ($bench, %how) {
	return launch($bench, 'bare', \%how,
		sub ($socket) { $bench->program('bare'), $socket });
}

# What a milter that judges TLS needs to know, each asked for and read.
our $MACROS = '{verify} {cipher_bits} {tls_version} {cipher} {cn_subject} '
    . '{cert_subject} {cert_issuer} {client_name} {client_addr} v';

sub bare_macros ($bench, %how) {
	return launch($bench, 'bare+macros', \%how, sub ($socket) {
		$bench->program('bare'), '-g', '-m', "mail=$MACROS", $socket });
}

# A bare milter with the callbacks and macros that another one negotiates.
sub bare_like ($bench, $other, %how) {
	my $terms = probe($bench, $other);
	my @macros = map { ('-m', "$_=$terms->{macros}{$_}") }
	    sort keys %{ $terms->{macros} };
	return launch($bench, 'bare-alike', \%how, sub ($socket) {
		$bench->program('bare'), '-c', join(',', @{ $terms->{steps} }),
		    '-n', join(',', @{ $terms->{silent} }), '-g', @macros,
		    $socket });
}

# settings: lines of tlspolicy.conf beside those that every run needs.
sub ours ($bench, $name, %how) {
	my $settings = delete $how{settings} // {};
	my $store = delete $how{store};
	return launch($bench, $name, \%how, sub ($socket) {
		my $conf = "$bench->{scratch}/$name.conf" =~ tr/, //dr;
		my %set = (socket => $socket, store => $store,
			'socket-mode' => '0666',
			'audit-file' => "$bench->{scratch}/$name.audit",
			'log-level' => 'warning', %$settings);
		open my $f, '>', $conf or die "$conf: $!\n";
		print $f map { "$_ = $set{$_}\n" } sort keys %set;
		close $f or die "$conf: $!\n";
		return ($bench->{milter}, '-c', $conf);
	});
}

sub has_opendkim () {
	return -x '/usr/sbin/opendkim';
}

# A milter that many MTAs have: it verifies signatures, here of mail without any.
sub opendkim ($bench, %how) {
	return launch($bench, 'opendkim', \%how, sub ($socket) {
		my $conf = "$bench->{scratch}/opendkim.conf";
		open my $f, '>', $conf or die "$conf: $!\n";
		print $f "Mode v\nSyslog no\nUMask 000\n";
		close $f or die "$conf: $!\n";
		return ('/usr/sbin/opendkim', '-f', '-x', $conf, '-p',
		    $socket =~ s/^unix:/local:/r);
	});
}

# One run of the load generator against one contestant: its report.
sub load ($bench, $who, @options) {
	my @command = ($bench->program('load'), '--seed', $bench->{seed},
		'--dialect', $bench->{dialect}, @options, $who->{socket});
	open my $out, '-|', @command or die "load: $!\n";
	my $text = do { local $/; <$out> };
	close $out;
	my $report = eval { JSON::PP::decode_json($text // '') }
	    // $who->{process}->fail("load failed: @command");
	$who->{process}->fail("broke $report->{broken} sessions")
	    if $report->{broken};
	return $report;
}

# One session, which shows what the milter negotiates; nothing is measured.
sub probe ($bench, $who) {
	return load($bench, $who, '--sessions', 1);
}

# Processor seconds of the load generators that have ended.
sub load_cpu () {
	my (undef, undef, $user, $system) = times;
	return $user + $system;
}

# Runs in rounds, each round beginning with another contestant.  Returns for
# each name its reports in the order of the rounds, with cpu_us per session, and
# in all_cpu_us the load generator's, too: what a session takes of the machine.
sub rounds ($bench, $contestants, @options) {
	my %reports;
	load($bench, $_, @options, '--seconds', 1) for @$contestants;
	one_round($bench, $_, $contestants, \%reports, @options)
	    for 0 .. $bench->{rounds} - 1;
	return \%reports;
}

# The round of this number, added to the reports.
sub one_round ($bench, $round, $contestants, $reports, @options) {
	my @order = @$contestants;
	push @order, splice @order, 0, $round % @order;
	for my $who (@order) {
		my $before = $who->{process}->cpu;
		my $load_before = load_cpu();
		my $report = load($bench, $who, @options,
			'--seconds', $bench->{seconds});
		$report->{cpu_us} = 1e6 * ($who->{process}->cpu - $before)
		    / ($report->{sessions} || 1);
		$report->{all_cpu_us} = $report->{cpu_us} + 1e6
		    * (load_cpu() - $load_before)
		    / ($report->{sessions} || 1);
		push @{ $reports->{ $who->{name} } }, $report;
	}
}

# Sessions per second of processor time of all processes that take part, round by
# round: other work on the machine does not change them.
sub cpu_rates ($reports) {
	return { map { my $n = $_;
		$n => [ map { 1e6 / ($_->{all_cpu_us} || 1) }
		    @{ $reports->{$n} } ]
	} keys %$reports };
}

# The callback histograms so far; with since, a copy made by mark().
sub clock ($bench, $who, $since = undef) {
	my @since = defined $since ? ('-s', $since) : ();
	open my $out, '-|', $bench->program('clock-read'), @since, $who->{clock}
	    or die "clock-read: $!\n";
	my $text = do { local $/; <$out> };
	close $out or die "clock-read failed\n";
	return JSON::PP::decode_json($text);
}

sub mark ($bench, $who) {
	my $copy = "$who->{clock}.mark";
	system('cp', $who->{clock}, $copy) == 0 or die "cp failed\n";
	return $copy;
}

1;
