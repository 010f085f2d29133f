#!/usr/bin/perl
# Counters and health by HTTP.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HTTP::Tiny;
use IO::Socket::INET;
use Test::More;
use Tlspolicy::Certs;
use Tlspolicy::Talk;

my $port = Tlspolicy::Scratch::free_port();
my @watched = map { scratch()->path("$_.pem") } 'one', 'two';
scratch()->write('one.pem', ''); # neither has a certificate at the start
my %settings = (metrics => "inet:$port\@127.0.0.1",
    'watch-certificates' => join(', ', @watched));
my $daemon = daemon(<<'END', settings => \%settings);
TLS_Clt:example.com	PERM+ENCR:112
TLS_From:held.example	HOLD+VERIFY
TLS_From:warned.example	WARN+VERIFY
END
my $http = HTTP::Tiny->new(timeout => 60);
my $url = "http://127.0.0.1:$port";

# name with labels => value
sub metrics
{
	my $r = $http->get("$url/metrics");
	is($r->{status}, 200, '/metrics') or diag($r->{content});
	return (map { /^(tlspolicy_\S+) (\S+)$/ ? ($1 => $2) : () }
	    split /\n/, $r->{content});
}

subtest 'counters' => sub {
	my %before = metrics();
	my $m = session($daemon);
	$m->mail('a@example.com');
	$m->set(%tls);
	for my $from ('a@example.com', 'a@held.example', 'a@warned.example') {
		$m->mail($from);
		$m->rcpt('b@example.org');
		$m->message;
	}
	$m->quit;
	$daemon->audit_after(0, 4);
	my %after = metrics();
	my %want = (
		'sessions_total' => 1, 'messages_total' => 3,
		'audit_records_total' => 4, 'audit_unrecorded_total' => 0,
		'verdicts_total{verdict="reject"}' => 1,
		'verdicts_total{verdict="hold"}' => 1,
		'verdicts_total{verdict="tempfail"}' => 0,
		'waived_total{waiver="warn"}' => 1,
		'reasons_total{reason="plaintext"}' => 1,
		'reasons_total{reason="not-verified"}' => 2,
		'rule_matches_total{tag="TLS_Clt",class="TLS_Clt"}' => 4,
		'rule_failures_total{tag="TLS_Clt",class="TLS_Clt"}' => 1,
		'rule_failures_total{tag="TLS_From",class="TLS_From"}' => 2,
		'callback_seconds_count{callback="mail"}' => 4,
		'callback_seconds_count{callback="eom"}' => 3,
		'callback_seconds_bucket{callback="mail",le="+Inf"}' => 4,
		'store_errors_total' => 0,
		'mail_tls_total{version="none"}' => 1,
		'mail_tls_total{version="TLSv1.3"}' => 3,
		'mail_tls_total{version="other"}' => 0,
		'mail_verify_total{verify="NO"}' => 3,
	);
	for (sort keys %want) {
		is($after{"tlspolicy_$_"} - $before{"tlspolicy_$_"}, $want{$_},
		    $_);
	}
	ok($after{'tlspolicy_callback_seconds_sum{callback="mail"}'} > 0,
	    'time goes by');
};

subtest 'words that nobody knows make no labels' => sub {
	my %before = metrics();
	my $m = session($daemon);
	$m->set(%tls, tls_version => "TLSv9\"} 1\nx", verify => "x\"\n");
	$m->mail('a@example.com');
	$m->quit;
	my %after = metrics();
	is_deeply([sort keys %after], [sort keys %before], 'the same lines');
	for ('mail_tls_total{version="other"}', 'mail_verify_total{verify="other"}') {
		is($after{"tlspolicy_$_"} - $before{"tlspolicy_$_"}, 1, $_);
	}
};

subtest 'mode and reloads' => sub {
	my $state = sub {
		my %now = metrics();
		return join ' ', @now{map { "tlspolicy_$_" } 'mode{mode="enforce"}',
		    'mode{mode="monitor"}', 'last_reload_successful',
		    'reloads_total', 'reload_failures_total'};
	};
	my $becomes = sub {
		my ($want, $name) = @_;
		kill 'HUP', $daemon->{pid};
		Tlspolicy::Scratch::wait_for(60, sub { $state->() eq $want });
		is($state->(), $want, $name);
	};
	is($state->(), '1 0 1 0 0', 'at the start');
	my $old = Tlspolicy::Scratch::slurp($daemon->{conf});
	my $conf = sub {
		open my $fh, '>', $daemon->{conf} or die;
		print $fh $old, @_;
		close $fh or die;
	};
	$conf->("mode = monitor\n");
	$becomes->('0 1 1 1 0', 'monitor');
	$conf->("mode = nonsense\n");
	$becomes->('0 1 0 2 1', 'bad settings');
	$conf->('');
	$becomes->('1 0 1 3 1', 'enforce, and the last one was good');
};

subtest 'the process' => sub {
	my $page = $http->get("$url/metrics")->{content};
	my %now = map { /^(process_\w+) (\S+)$/ } split /\n/, $page;
	ok(abs($now{process_start_time_seconds} - time) < 600, 'its start');
	ok($now{process_resident_memory_bytes} > 100_000, 'its memory');
	my @fds = glob "/proc/$daemon->{pid}/fd/*";
	ok(abs($now{process_open_fds} - @fds) < 4, 'its files') or
	    diag("$now{process_open_fds} of " . @fds);
	like($page, qr/^tlspolicy_build_info\{version="[^"]+"\} 1$/m, 'its version');
};

subtest 'the store' => sub {
	my %now = metrics();
	is($now{tlspolicy_store_up}, 1, 'is up');
	is($now{tlspolicy_store_generation}, 1, 'generation');
	is($now{tlspolicy_store_rules}, 3, 'rules');
	ok(abs($now{tlspolicy_store_built_timestamp_seconds} - time) < 600,
	    'built just now');
	$daemon->rules("TLS_Clt:example.com OK\n");
	%now = metrics();
	is($now{tlspolicy_store_generation}, 2, 'the next generation');
};

# The last day of a rule ends with the day, UTC: 13 days from now is soon.
subtest 'rules that end' => sub {
	my $ends = sub {
		my %now = metrics();
		return join ' ', map { $_ // '-' } @now{map { "tlspolicy_$_" }
		    'store_rules_ended', 'store_rules_ending',
		    'store_next_end_timestamp_seconds'};
	};
	my $becomes = sub {
		my ($want, $name) = @_;
		Tlspolicy::Scratch::wait_for(60, sub { $ends->() eq $want });
		is($ends->(), $want, $name);
	};
	# Waits for midnight (UTC) when that is less than a minute away.
	my $today = int(time / 86400);
	($today += 1, sleep 61) if time % 86400 > 86400 - 60;
	my $rule = sub {
		my ($name, $days) = @_;
		my @d = gmtime(($today + $days) * 86400);
		return sprintf "%s.example.com ENCR:112+UNTIL:%04d-%02d-%02d\n",
		    $name, $d[5] + 1900, $d[4] + 1, $d[3];
	};
	$becomes->('0 0 -', 'none');
	$daemon->rules('TLS_Clt:' . $rule->('old', -1));
	$becomes->('1 0 -', 'one that has ended');
	$daemon->rules('TLS_Clt:' . $rule->('late', 14));
	$becomes->('0 0 ' . ($today + 15) * 86400, 'one that has time');
	$daemon->rules(join '', map { "TLS_From:$_" } $rule->('old', -1),
	    $rule->('c', 300), $rule->('b', 13), $rule->('a', 0));
	$becomes->('1 2 ' . ($today + 1) * 86400, 'some of each');
	$daemon->rules("TLS_Clt:example.com ENCR:0+FROM:2020-01-01\n" .
	    $rule->('untagged', 2));
	$becomes->('0 2 ' . ($today + 3) * 86400, 'a line that is two rules');
	# Another file, with as many generations.
	my $second = Tlspolicy::Daemon->new(scratch => scratch(),
	    name => 'other-store', rules => 'TLS_Clt:' . $rule->('x', 4));
	my %now = metrics();
	for (2 .. $now{tlspolicy_store_generation}) {
		$second->rules('TLS_Clt:' . $rule->("x$_", 4));
	}
	rename $second->{store}, $daemon->{store} or die;
	$becomes->('0 1 ' . ($today + 5) * 86400, 'another file');
	$daemon->rules("TLS_Clt:example.com OK\n");
	$becomes->('0 0 -', 'none again');
};

# In seconds since 1970, by openssl.
sub end_of
{
	my ($path) = @_;
	my ($end) = Tlspolicy::Scratch::must(qw(openssl x509 -noout -dateopt
	    iso_8601 -enddate -in), $path) =~ /=(\S+ \S+)Z$/ or die;
	return Tlspolicy::Scratch::must('date', '-u', '-d', $end, '+%s') + 0;
}

subtest 'certificates of the MTA' => sub {
	my $certs = Tlspolicy::Certs->new(scratch());
	my %pem = map { $_ => Tlspolicy::Scratch::slurp(($certs->pair($_))[0]) }
	    qw(server endingserver endedserver ca);
	my $key = Tlspolicy::Scratch::slurp(($certs->pair('server'))[1]);
	my %end = map { $_ => end_of(($certs->pair($_))[0]) } keys %pem;
	# Of both files: read or not, and the end.
	my $state = sub {
		my %now = metrics();
		return join ' ', map { my $file = "{file=\"$_\"}";
		    $now{"tlspolicy_certificate_readable$file"} //  '-',
		    $now{"tlspolicy_certificate_not_after_timestamp_seconds$file"}
		    // '-' } @watched;
	};
	is($state->(), '0 - 0 -', 'an empty file and none: no end is known');
	logged($daemon, qr/: setting watch-certificates: \Q$watched[1]\E: cannot be opened: No such file/i,
	    'the log says so');
	my $becomes = sub {
		my ($text, $want, $name) = @_;
		scratch()->write('one.pem', $text);
		$daemon->hup;
		Tlspolicy::Scratch::wait_for(60, sub { $state->() eq $want });
		is($state->(), $want, $name);
	};
	scratch()->write('two.pem', $pem{server});
	my $two = "1 $end{server}";
	for (['a certificate', $pem{server}, 'server'],
	    ['it ends soon', $pem{endingserver}, 'endingserver'],
	    ['it has ended', $pem{endedserver}, 'endedserver'],
	    ['behind its key', "$key$pem{server}", 'server'],
	    ['before a CA that ends first', "$pem{server}$pem{ca}", 'ca'],
	    ['behind others', "$pem{server}$pem{endingserver}$pem{endedserver}",
	    'endedserver']) {
		my ($name, $text, $which) = @$_;
		$becomes->($text, "1 $end{$which} $two", $name);
	}
	for (['only a key', $key], ['no PEM', 'x' x 100],
	    ['half of one', substr $pem{server}, 0, 200],
	    ['a good one and a damaged one', $pem{server} .
	    $pem{server} =~ s/\n(?!-)\S{20}/\n/r]) {
		$becomes->($pem{server}, "1 $end{server} $two", 'good again');
		$becomes->($_->[1], "0 - $two", "$_->[0]: its end is not known");
	}
	unlink $watched[0] or die;
	mkdir $watched[0] or die;
	my $before = () = $daemon->log =~ /is not a regular file/g;
	$daemon->hup;
	Tlspolicy::Scratch::wait_for(60, sub { $before < (() =
	    $daemon->log =~ /is not a regular file/g) });
	is($state->(), "0 - $two", 'a folder');
	rmdir $watched[0] or die;
	scratch()->write('one.pem', $pem{server});
	$daemon->configure(%settings, 'watch-certificates' => $watched[1]);
	$daemon->hup;
	Tlspolicy::Scratch::wait_for(60, sub { $state->() eq "- - $two" });
	is($state->(), "- - $two", 'one is no longer named');
	scratch()->write('two.pem', $pem{endingserver});
	$daemon->configure(%settings, mode => 'nonsense');
	$daemon->hup;
	Tlspolicy::Scratch::wait_for(60, sub {
		$state->() eq "- - 1 $end{endingserver}" });
	is($state->(), "- - 1 $end{endingserver}",
	    'bad settings: the old ones, and the files are read again');
	logged($daemon, qr/\Q$watched[1]\E: a certificate ends at 20\d\d-/,
	    'the log says that it ends');
	$daemon->configure(%settings);
	$daemon->hup;
	Tlspolicy::Scratch::wait_for(60, sub {
		$state->() eq "1 $end{server} 1 $end{endingserver}" });
	is($state->(), "1 $end{server} 1 $end{endingserver}", 'both again');
};

subtest 'the last build' => sub {
	my $note = "$daemon->{store}-build";
	my $state = sub {
		my %now = metrics();
		return join ' ', map { $_ // '-' } @now{map { "tlspolicy_$_" }
		    'last_build_successful', 'last_build_timestamp_seconds'};
	};
	like($state->(), qr/^1 \d+$/, 'was good');
	my $was = time - 1;
	my $old = Tlspolicy::Scratch::slurp("$daemon->{dir}/rules");
	is($daemon->rules("TLS_Clt:x ENCR:1\nTLS_Clt:y NONSENSE\n")->{status},
	    65, 'bad rules');
	my ($good, $at) = split / /, $state->();
	is($good, 0, 'failed');
	cmp_ok($at, '>=', $was, 'now');
	like(Tlspolicy::Scratch::slurp($note), qr/^failed $at 1 bad line in the rules$/,
	    'why stands in the note');
	is(sprintf('%o', (stat $note)[2] & 07777), '640', 'its mode');
	is($daemon->tlspolicy('build', '-n')->{status}, 65, 'a dry run');
	is($daemon->tlspolicy('set', 'TLS_Clt:z', 'ENCR:1')->{status}, 0, 'set');
	is($daemon->tlspolicy('build', '-d', scratch()->path('other.mdb'),
	    scratch()->write('good', "TLS_Clt:x ENCR:1\n"))->{status}, 0,
	    'a build of another store');
	ok(!-e scratch()->path('other.mdb-build'), 'of which nothing is noted');
	is($state->(), "0 $at", 'all that does not make it good');
	is($daemon->rules($old)->{status}, 0, 'good rules');
	like($state->(), qr/^1 \d+$/, 'do');
	$daemon->rules("NONSENSE\n");
	is((split / /, $state->())[0], 0, 'bad ones');
	is($daemon->rules($old)->{status}, 0, 'the same as in force');
	like($state->(), qr/^1 \d+$/, 'is a good build, too');
	my $rules = "$daemon->{dir}/rules";
	unlink $rules or die;
	is($daemon->tlspolicy('build')->{status}, 66, 'no rules at all');
	is((split / /, $state->())[0], 0, 'is a failed one');
	scratch()->write("$daemon->{name}/rules", $old);
	for my $text ('', "\n", "good\n", "good 1", "good x\n", "best 1\n",
	    "good -1\n", "good 1\nx", "\0" x 4096) {
		open my $fh, '>', $note or die;
		print $fh $text;
		close $fh or die;
		is($state->(), '0 -', 'not good: ' . $text =~
		    s/[\n\0]+/ /gr);
	}
	unlink $note or die;
	is($state->(), '- -', 'without a note nothing is told');
	mkdir $note or die;
	is($state->(), '0 -', 'what is no file is not good');
	my $r = $daemon->tlspolicy('build');
	is($r->{status}, 0, 'a build that cannot note it');
	like($r->{err}, qr/cannot write \Q$note\E: /, 'says so');
	rmdir $note or die;
	symlink scratch()->write('victim', "victim\n"), $note or die;
	# A temporary name that a killed build left.
	symlink scratch()->path('victim'), "$note.new" or die;
	is($daemon->tlspolicy('build')->{status}, 0, 'over links');
	is(scratch()->read('victim'), "victim\n", 'which it does not follow');
	like($state->(), qr/^1 \d+$/, 'and noted');
	is_deeply([glob "$note?*"], [], 'nothing is left of it');
};

# The same of the directory that `tlspolicy sync` follows, t/346.
subtest 'the note of a directory' => sub {
	my $note = "$daemon->{dir}/policy.mdb-sync";
	my $state = sub {
		my %now = metrics();
		return join ' ', map { $_ // '-' } @now{map { "tlspolicy_$_" }
		    'directory_followed', 'directory_answered_timestamp_seconds'};
	};
	is($state->(), '- -', 'nothing is told where there is none');
	for (["good\n", '0 -'], ["good x\n", '0 -'], ['good 17', '0 -'],
	    ["failed 0 away\n", '0 0'], ["failed 1700000000 away\n",
	    '0 1700000000'], ["good 1700000001\n", '1 1700000001']) {
		open my $fh, '>', $note or die;
		print $fh $_->[0];
		close $fh or die;
		is($state->(), $_->[1], $_->[0] =~ s/\n//r);
	}
};

subtest 'the form of the page' => sub {
	my $r = $http->get("$url/metrics");
	like($r->{headers}{'content-type'}, qr{^text/plain; version=0\.0\.4},
	    'content type');
	my (%help, %type, @bad);
	for (split /\n/, $r->{content}) {
		if (/^# HELP (\w+) \S.*\.$/) {
			push @bad, "twice: $_" if $help{$1}++;
		} elsif (/^# TYPE (\w+) (counter|gauge|histogram)$/) {
			push @bad, "no help: $_" unless $help{$1};
			$type{$1} = $2;
		} elsif (/^(\w+)(?:\{[^}]*\})? [0-9.e+-]+$/) {
			my $name = $1;
			push @bad, "no type: $_" unless $type{$name} ||
			    $type{$name =~ s/_(?:bucket|sum|count)$//r};
		} else {
			push @bad, "what: $_";
		}
	}
	is_deeply(\@bad, [], 'every line');
};

# Every family is in the manual, and nothing else is.
subtest 'the manual' => sub {
	my $page = $http->get("$url/metrics")->{content};
	my %there = map { s/^tlspolicy_//r => 1 } $page =~ /^# TYPE (\w+)/mg;
	my $manual = Tlspolicy::Scratch::slurp(Tlspolicy::Scratch::topdir() .
	    '/man/tlspolicy-milter.8');
	my ($table) = $manual =~
	    /^\.Ss Metrics and health\n(.*?)^\.El/ms;
	my %told = map { $_ => 1 } map { /\b([a-z]+_[a-z_]+|mode)\b/g }
	    $table =~ /^\.It (.*)$/mg;
	# The manual names this family in a sentence, not in its list.
	delete $_->{store_next_end_timestamp_seconds} for \%there, \%told;
	# Of the setting privacy: t/447.
	delete @$_{qw(privacy_up privacy_overdue privacy_values)}
	    for \%there, \%told;
	is_deeply([sort keys %told], [sort keys %there], 'has each of them');
};

subtest 'promtool' => sub {
	my ($promtool) = grep { -x } map { "$_/promtool" }
	    Tlspolicy::Scratch::topdir() . '/build/promtool/usr/bin',
	    split /:/, $ENV{PATH};
	plan skip_all => 'no promtool (Debian: prometheus)' unless $promtool;
	my $page = scratch()->write('page',
	    $http->get("$url/metrics")->{content});
	my $r = Tlspolicy::Scratch::run({ in => $page },
	    $promtool, 'check', 'metrics');
	is($r->{status}, 0, 'has nothing to say') or diag($r->{out}, $r->{err});
};

subtest 'health' => sub {
	my $r = $http->get("$url/healthz");
	is($r->{status}, 200, 'is well');
	is($r->{content}, "ok\n", 'and says so');
	unlink $daemon->{store}, "$daemon->{store}-lock";
	ok(Tlspolicy::Scratch::wait_for(60, sub {
	    ($r = $http->get("$url/healthz"))->{status} == 503 }),
	    'without a store it is not');
	like($r->{content}, qr/no such store/, 'and says why');
	my %now = metrics();
	is($now{tlspolicy_store_up}, 0, 'nor is the store up');
	$daemon->rules("TLS_Clt:example.com OK\n");
	ok(Tlspolicy::Scratch::wait_for(60, sub {
	    $http->get("$url/healthz")->{status} == 200 }), 'well again');
};

subtest 'the audit log' => sub {
	my $limits = '/usr/bin/prlimit';
	plan skip_all => "no $limits here" unless -x $limits;
	my %before = metrics();
	is($before{tlspolicy_audit_up}, 1, 'is up');
	is($before{tlspolicy_audit_queue_bytes}, 0, 'nothing waits');
	my ($last) = map { $_->{seq} } ($daemon->audit)[-1];
	is($before{tlspolicy_audit_sequence}, $last, 'its last line');
	my $message = sub {
		my $m = session($daemon, %sendmail, %tls);
		$m->mail('a@example.com');
		$m->rcpt('b@example.org');
		return $m->message;
	};
	# The daemon's own log is limited, too: make it the smaller one.
	$message->() for 1 .. 20;
	my $size = -s "$daemon->{dir}/audit.log";
	system($limits, '--pid', $daemon->{pid}, "--fsize=$size:unlimited");
	answer_is($message->(), [451, '4.3.0'], 'is full');
	my $r = $http->get("$url/healthz");
	is($r->{status}, 503, 'so the daemon is not well');
	like($r->{content}, qr/audit log/, 'and says why');
	my %after = metrics();
	is($after{tlspolicy_audit_up}, 0, 'not up');
	ok($after{tlspolicy_audit_errors_total} >
	    $before{tlspolicy_audit_errors_total}, 'errors');
	system($limits, '--pid', $daemon->{pid},
	    '--fsize=unlimited:unlimited');
	ok(Tlspolicy::Scratch::wait_for(60, sub {
	    $http->get("$url/healthz")->{status} == 200 }), 'well again');
	answer_is($message->(), 'continue', 'mail is accepted');
	%after = metrics();
	# 23 records, the refused one among them, and the line that withdraws one.
	is($after{tlspolicy_audit_withdrawn_total}, 1, 'one withdrawn');
	is($after{tlspolicy_audit_written_total} -
	    $before{tlspolicy_audit_written_total}, 23 + 2, 'records written') or
	    diag(explain(\%before), explain(\%after));
};

subtest 'other requests' => sub {
	is($http->get("$url/")->{status}, 404, 'another page');
	is($http->head("$url/metrics")->{status}, 200, 'HEAD');
	ok($http->post("$url/metrics")->{status} >= 400, 'POST');
	ok($http->get("$url/metrics", { headers =>
	    { 'x-long' => 'x' x 100_000 } })->{status} >= 400, 'long headers');
};

sub silent
{
	my ($count) = @_;
	return map { IO::Socket::INET->new(PeerAddr => '127.0.0.1',
	    PeerPort => $port) } 1 .. $count;
}

sub open_files
{
	my @open = glob "/proc/$daemon->{pid}/fd/*";
	return scalar @open;
}

# HTTP clients that say nothing, or never end their request, keep no other away and
# take no descriptors of sessions.
subtest 'many connections' => sub {
	my $before = open_files();
	my @silent = silent(50);
	is($http->get("$url/healthz")->{status}, 200,
	    'beside 50 that say nothing');
	push @silent, silent(250);
	for (@silent[250 .. $#silent]) {
		print {$_} "GET /metrics HTTP/1.1\r\nX-Slow: ";
		$_->flush;
	}
	is(HTTP::Tiny->new(timeout => 10)->get("$url/healthz")->{status}, 200,
	    'beside 300, 50 of them amid a request');
	cmp_ok(open_files(), '<=', $before + 64, 'at most 64 are open');
	# Those without a request, in the order in which they came.
	my @closed = map { IO::Select->new($_)->can_read(0) &&
	    !sysread($_, my $byte, 1) ? 1 : 0 } @silent[0 .. 249];
	like(join('', @closed), qr/\A1+0*\z/, 'the oldest were closed');
	is($http->get("$url/metrics")->{status}, 200, 'again');
	close $_ for @silent;
	ok(Tlspolicy::Scratch::wait_for(60, sub {
		open_files() <= $before + 1 }), 'all are closed') or
	    diag("before: $before, now: " . open_files());
	is($http->get("$url/healthz")->{status}, 200, 'and afterwards');
};

subtest 'the port' => sub {
	my $r = Tlspolicy::Scratch::run({ timeout => 10 },
	    Tlspolicy::Daemon::program('tlspolicy-milter'), '-c',
	    Tlspolicy::Daemon->new(scratch => scratch(), name => 'second',
	    build => 0, settings =>
	    { metrics => "inet:$port\@127.0.0.1" })->{conf});
	is($r->{status}, 69, 'in use');
	like($r->{err}, qr/setting metrics: cannot listen/, 'is named');
	ok(!-e scratch()->path('second/milter.sock'), 'no socket is left');
};

is($daemon->stop, 0, 'the daemon stops');
done_testing;
