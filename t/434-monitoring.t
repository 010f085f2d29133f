#!/usr/bin/perl
#
# The alerts and the dashboard of scripts/monitoring, on pages of a daemon that
# is well and of one that is not: each alert fires when it should, no other one
# does, and each query of the dashboard finds something.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HTTP::Tiny;
use IO::Socket::UNIX;
use JSON::PP;
use Test::More;
use Tlspolicy::Certs;
use Tlspolicy::Talk;

use constant { BEFORE => 180, AFTER => 90 }; # minutes

my $folder = Tlspolicy::Scratch::topdir() . '/scripts/monitoring';
my ($promtool) = grep { -x } map { "$_/promtool" }
    Tlspolicy::Scratch::topdir() . '/build/promtool/usr/bin',
    split /:/, $ENV{PATH};
plan skip_all => 'no promtool (Debian: prometheus)' unless $promtool;

my $rules = "TLS_Clt:example.com PERM+ENCR:112\nTLS_Srv:dest.test ENCR:1\n" .
    "TLS_Srv:mute.test ENCR:1+CS:/CN=x\n";
my $port = Tlspolicy::Scratch::free_port();
my $map = scratch()->path('map.sock');
my ($pem) = Tlspolicy::Certs->new(scratch())->pair('server');
my $watched = scratch()->write('server.pem', Tlspolicy::Scratch::slurp($pem));
my %settings = ('watch-certificates' => $watched, metrics => "inet:$port\@127.0.0.1", socketmap => "unix:$map");
my $daemon = daemon($rules, settings => \%settings);
my $http = HTTP::Tiny->new(timeout => 60);
my $zero = time; # minute 0 of all series
my $alerts = Tlspolicy::Scratch::slurp("$folder/tlspolicy-alerts.yml");
my %fired;

# name with labels => value; dates count from minute 0.
sub page
{
	my $r = $http->get("http://127.0.0.1:$port/metrics");
	die "$r->{status}\n" if $r->{status} != 200;
	my %page = $r->{content} =~ /^([a-z]\S*) (\S+)$/mg;
	/^(?:tlspolicy|process)_\w*(?:timestamp|start_time)_seconds(?:\{|$)/ and
	    $page{$_} -= $zero for keys %page;
	return { up => 1, %page };
}

sub page_when
{
	my ($name, $good) = @_;
	my $page;
	ok(Tlspolicy::Scratch::wait_for(60, sub { $good->($page = page()) }),
	    "$name is on the page");
	return $page;
}

# A page with other values, of what is on it; undef: without the line.
sub changed
{
	my ($page, %other) = @_;
	my %new = %$page;
	for (keys %other) {
		exists $new{$_} or die "$_ is not on the page\n";
		defined $other{$_} ? ($new{$_} = $other{$_}) : delete $new{$_};
	}
	return \%new;
}

# Pages with the minutes that each of them stays, as series of promtool's.
sub series
{
	my @pages = @_;
	my %names = map { map { $_ => 1 } keys %{$_->[0]} } @pages;
	my @series;
	for my $name (sort keys %names) {
		my $there = 0;
		my @values = map {
			my ($value, $more) = ($_->[0]{$name}, $_->[1] - 1);
			my $was = $there;
			$there = defined $value;
			$there ? "$value+0x$more" : $was ? "stale _x$more" :
			    "_x$_->[1]";
		} @pages;
		my $own = 'job="tlspolicy",instance="mx:9125"';
		push @series, { series => $name =~ s/\}$/,$own}/r =~
		    s/^(\w+)$/$1\{$own}/r, values => "@values" };
	}
	return \@series;
}

# Values of expressions, each of them of a vector with one element, and bare.
sub promtool_finds
{
	my ($name, $pages, $minute, $rules, %want) = @_;
	my $file = scratch()->write('promtool.yml', encode_json({
	    rule_files => [$rules ? "$folder/tlspolicy-alerts.yml" : ()],
	    evaluation_interval => '1m', tests => [{ interval => '1m',
	    input_series => series(@$pages), promql_expr_test => [ map { {
		expr => $_, eval_time => "${minute}m",
		exp_samples => [ map { {
		    labels => $_->[0], value => $_->[1] } } @{$want{$_}} ] } }
		sort keys %want ] }] }));
	my $r = Tlspolicy::Scratch::run({ timeout => 300 }, $promtool, 'test',
	    'rules', $file);
	is($r->{status}, 0, $name) or diag($r->{out}, $r->{err});
}

# Which alerts fire at some time when the first page becomes the others.
sub fires
{
	my ($name, $first, $others, @want) = @_;
	my @others = ref $others eq 'ARRAY' ? @$others :
	    ([$others, AFTER]);
	my $end = BEFORE;
	$end += $_->[1] for @others;
	promtool_finds("$name: " . (@want ? "@want" : 'no alert'),
	    [[$first, BEFORE], @others], $end - 1, 1,
	    'count by (alertname) (max_over_time(' .
	    'ALERTS{alertstate="firing"}[6h]) > 0) > bool 0' =>
	    [map { ["{alertname=\"Tlspolicy$_\"}", 1] } sort @want]);
	@fired{@want} = ();
}

sub restart
{
	is($daemon->stop, 0, 'the daemon stops');
	$daemon->run;
}

sub reload_with
{
	my (%other) = @_;
	$daemon->configure(%settings, %other);
	$daemon->hup;
}

sub ask_map
{
	my ($domain) = @_;
	my $sock = IO::Socket::UNIX->new(Peer => $map) or die "$map: $!\n";
	my $question = "tlspolicy $domain";
	print $sock length($question) . ":$question,";
	$sock->flush;
	sysread $sock, my $answer, 4096;
	return $answer;
}

sub mail
{
	my ($count, %macros) = @_;
	my $m = session($daemon, %sendmail, %macros);
	$m->mail('a@example.com') for 1 .. $count;
	return $m;
}

subtest 'files' => sub {
	for (['check', 'rules', "$folder/tlspolicy-alerts.yml"],
	    ['check', 'config', "$folder/prometheus.yml"]) {
		my $r = Tlspolicy::Scratch::run($promtool, @$_);
		is($r->{status}, 0, "@$_[0, 1]") or diag($r->{out}, $r->{err});
	}
};

mail(5, %tls);
ask_map('dest.test');
my $good = page();

subtest 'well' => sub {
	fires('nothing happens', $good, $good);
	mail(3, %tls);
	my $m = mail(1, %tls);
	$m->rcpt('b@example.org');
	answer_is($m->message, 'continue', 'a message');
	ask_map($_) for 'dest.test', 'other.test';
	fires('mail as ever', $good, page());
	is($daemon->hup, 1, 'a reload');
	fires('a good reload', $good, page_when('the reload',
	    sub { $_[0]{tlspolicy_reloads_total} == 1 }));
};

subtest 'the daemon' => sub {
	fires('it is down', $good, { up => 0 }, 'Down');
	fires('nobody asks it', $good, {}, 'Down');
	my @pages;
	for (1 .. 3) {
		restart();
		push @pages, [page(), 3];
	}
	fires('it starts once', $good, $pages[0][0]);
	fires('it starts again and again', $good, \@pages, 'Restarts');
	my $was = page();
	reload_with('log-level' => 'nonsense');
	fires('bad settings', $was, page_when('that', sub {
	    $_[0]{tlspolicy_last_reload_successful} == 0 }), 'ReloadFailed');
	reload_with(mode => 'monitor');
	my $now = sub {
		my ($mode) = @_;
		return page_when($mode, sub {
		    $_[0]{"tlspolicy_mode{mode=\"$mode\"}"} == 1 &&
		    $_[0]{tlspolicy_last_reload_successful} == 1 });
	};
	my $monitor = $now->('monitor');
	fires('mode = monitor', $was, $monitor, 'NoLongerEnforces');
	fires('monitor from the beginning', $monitor, $monitor);
	reload_with();
	$was = $now->('enforce');
	fires('enforce again', $monitor, $was);
	rename $map, "$map.away" or die;
	fires('a socket without its name', $was, page_when('that', sub {
	    $_[0]{tlspolicy_sockets_up} == 0 }), 'SocketLost');
	rename "$map.away", $map or die;
	$was = page_when('its name', sub { $_[0]{tlspolicy_sockets_up} == 1 });
	for ('no_memory_total', 'accept_failures_total') {
		fires($_, $was, changed($was, "tlspolicy_$_" => 1),
		    'OutOfResources');
	}
	fires('files', $was, changed($was, process_open_fds =>
	    $was->{process_max_fds} * 0.9), 'OutOfResources');
	my $all = 'tlspolicy_callback_seconds_bucket{callback="mail",le="+Inf"}';
	fires('slow', $was, [map { my $n = $_; [changed($was,
	    $all => 50 * $n), 1] } 1 .. 30], 'Slow');
};

subtest 'the policy' => sub {
	my $was = page();
	fires('half a year', $was, changed($was,
	    tlspolicy_store_built_timestamp_seconds => -181 * 86400),
	    'StoreOld');
	$daemon->rules("NONSENSE\n");
	fires('a build that failed', $was, page_when('that', sub {
	    $_[0]{tlspolicy_last_build_successful} == 0 }), 'BuildFailed');
	$daemon->rules($rules);
	$was = page_when('a good one', sub {
	    $_[0]{tlspolicy_last_build_successful} == 1 });
	fires('nobody has built it here', $was, changed($was, map {
	    $_ => undef } grep { /_last_build_/ } keys %$was));
	my @day = gmtime(time + 5 * 86400);
	$daemon->rules($rules . sprintf "TLS_Clt:a.example.com " .
	    "ENCR:0+UNTIL:%04d-%02d-%02d\n", $day[5] + 1900, $day[4] + 1, $day[3]);
	fires('an exception that ends', $was, page_when('it', sub {
	    ($_[0]{tlspolicy_store_rules_ending} // 0) == 1 }), 'RulesEnd');
	$daemon->rules($rules);
	$was = page_when('its end', sub {
	    ($_[0]{tlspolicy_store_rules_ending} // 1) == 0 });
	fires('nobody knows which end', $was, changed($was,
	    tlspolicy_store_rules_ending => undef), 'NotKnownWhenRulesEnd');
	rename $daemon->{store}, "$daemon->{store}.away" or die;
	my $away = page_when('that', sub { $_[0]{tlspolicy_store_up} == 0 });
	ok(!exists $away->{tlspolicy_store_rules_ending},
	    'nothing is told of rules that nobody sees');
	fires('the store is gone', $was, $away, 'StoreDown');
	mail(1);
	fires('and there is mail', $was, page(), 'StoreDown', 'StoreErrors');
	ask_map('dest.test');
	fires('in both directions', $was, page(), 'StoreDown', 'StoreErrors',
	    'OutboundFails');
	rename "$daemon->{store}.away", $daemon->{store} or die;
	page_when('the store', sub { $_[0]{tlspolicy_store_up} == 1 &&
	    exists $_[0]{tlspolicy_store_rules_ending} });
	$was = page();
	my $n = 'tlspolicy_resolver_failures_total';
	fires('the resolver failed once', $was, changed($was, $n => 1));
	fires('it is away', $was, [map { [changed($was, $n => $_), 1] } 1 .. 30],
	    'ResolverFails');
	fires('fingerprints that nobody told', $was, changed($was,
	    tlspolicy_facts_missed_total => 1), 'FactsMissed');
	like(ask_map('mute.test'), qr/TEMP|PERM/, 'a rule without words');
	fires('a rule without words', $was, page(), 'OutboundWithoutWords');
};

subtest 'the audit log' => sub {
	my $was = page();
	fires('its disk is nearly full', $was, changed($was,
	    tlspolicy_audit_scarce => 1), 'AuditScarce');
	fires('it was cut', $was, changed($was,
	    tlspolicy_audit_lost_lines => 3), 'AuditCut');
	fires('a checkpoint waits', $was, changed($was,
	    tlspolicy_audit_checkpoint_waits => 1), 'CheckpointWaits');
	fires('its key stays', $was, changed($was,
	    tlspolicy_audit_key_stuck => 1), 'AuditKeyStuck');
	my $limits = '/usr/bin/prlimit';
	ok(-x $limits, $limits);
	my $m = mail(1, %tls);
	$m->rcpt('b@example.org');
	# The daemon's own log is limited, too: make it the smaller one.
	mail(30, %tls);
	my $size = -s "$daemon->{dir}/audit.log";
	system $limits, '--pid', $daemon->{pid}, "--fsize=$size:unlimited";
	answer_is($m->message, [451, '4.3.0'], 'it cannot be written');
	my $bad = page_when('how long', sub {
	    $_[0]{tlspolicy_audit_unwritten_seconds} > 5 });
	fires('it cannot be written', $was, $bad, 'AuditDown', 'AuditLags',
	    'Unrecorded');
	system $limits, '--pid', $daemon->{pid}, '--fsize=unlimited:unlimited';
	$was = page_when('its end', sub { $_[0]{tlspolicy_audit_up} == 1 &&
	    $_[0]{tlspolicy_audit_unwritten_seconds} == 0 });
	unlink "$daemon->{dir}/audit.log" or die;
	fires('it was removed', $was, page_when('that', sub {
	    $_[0]{tlspolicy_audit_astray} == 1 }), 'AuditAstray');
	$daemon->hup;
	my $known = page_when('the signal', sub {
	    $_[0]{tlspolicy_audit_up} == 1 });
	fires('that is known', $known, $known);
};

subtest 'partners' => sub {
	my $was = page();
	mail(1);
	fires('one in clear', $was, page(), 'PartnerInClear');
	mail(30);
	# After three hours of mail with TLS.
	my $tls = 'tlspolicy_mail_tls_total{version="TLSv1.3"}';
	my @before = map { [changed($was, $tls => $was->{$tls} + $_), 10] }
	    1 .. 20;
	fires('thirty in clear', $was, [@before,
	    [changed(page(), $tls => $was->{$tls} + 21), AFTER]], 'PartnerInClear',
	    'RefusalsRise', 'MoreInClear');
	# As many each hour as ever.
	my $n = 'tlspolicy_reasons_total{reason="plaintext"}';
	my @hours = map { [changed($was, $n => $was->{$n} + 10 * $_), 30] }
	    1 .. 60;
	fires('as many as ever', $hours[0][0], \@hours);
};

subtest 'certificates of the MTA' => sub {
	my $was = page();
	my $end = "tlspolicy_certificate_not_after_timestamp_seconds" .
	    "{file=\"$watched\"}";
	fires('20 days', $was, changed($was, $end => 20 * 86400));
	fires('13 days', $was, changed($was, $end => 13 * 86400),
	    'CertificateEnds');
	fires('it has ended', $was, changed($was, $end => -86400),
	    'CertificateEnds');
	unlink $watched or die;
	$daemon->hup;
	my $bad = page_when('that it is gone', sub { !exists $_[0]{$end} });
	fires('it is gone', $was, $bad, 'CertificateUnread');
	scratch()->write('server.pem', Tlspolicy::Scratch::slurp($pem));
	$daemon->hup;
	$was = page_when('it', sub { exists $_[0]{$end} });
	fires('there again', $bad, $was, 'CertificateUnread');
	fires('well', $was, $was);
};

# On from here: without it the page has nothing of it.
subtest 'privacy' => sub {
	my $privacy = sub {
		my ($up, $overdue) = @_;
		return page_when("privacy_up $up, privacy_overdue $overdue", sub {
		    ($_[0]{tlspolicy_privacy_up} // '') eq $up &&
		    ($_[0]{tlspolicy_privacy_overdue} // '') eq $overdue });
	};
	my $without = page();
	reload_with(privacy => 'days:2');
	my $was = $privacy->(1, 0);
	fires('it is turned on', $without, $was);
	my $salts = "$daemon->{dir}/salts";
	# A day that cannot be erased: a folder, and something in it.
	for my $folder ("$salts/2026-01-01", "$salts/2026-01-01/x") {
		mkdir $folder or die;
	}
	$daemon->hup;
	fires('a day stays', $was, $privacy->(0, 1), 'PrivacyDown',
	    'PrivacyOverdue');
	for my $folder ("$salts/2026-01-01/x", "$salts/2026-01-01") {
		rmdir $folder or die;
	}
	$was = $privacy->(1, 0);
	fires('it is gone', $was, $was);
	reload_with();
	page_when('that it is off', sub {
	    !exists $_[0]{tlspolicy_privacy_up} });
	rename $salts, "$salts.away" or die;
	scratch()->write("$daemon->{name}/salts", '');
	reload_with(privacy => 'days:2');
	fires('neither written nor looked through', $was, $privacy->(0, 1),
	    'PrivacyDown', 'PrivacyOverdue');
	unlink $salts or die;
	rename "$salts.away", $salts or die;
	$daemon->hup;
	$was = $privacy->(1, 0);
	fires('that is mended', $was, $was);
	fires('none, and nothing overdue', $was, changed($was,
	    tlspolicy_privacy_up => 0), 'PrivacyDown');
};

# Its note beside the store, as t/346 has it from a directory.  From here on it
# stays: the dashboard asks for it.
subtest 'a directory' => sub {
	my $without = page();
	my $noted = sub {
		my ($note, $followed) = @_;
		scratch()->write("$daemon->{name}/policy.mdb-sync", "$note\n");
		return page_when($note, sub {
		    ($_[0]{tlspolicy_directory_followed} // '') eq $followed });
	};
	my $at = sub {
		my ($page, $minute) = @_;
		my $n = 'tlspolicy_directory_answered_timestamp_seconds';
		return changed($page, $n => 60 * $minute);
	};
	my $now = time;
	my ($good, $bad) = ($noted->("good $now", 1),
	    $noted->("failed $now an entry that is no rule", 0));
	my ($was, $end) = ($at->($good, BEFORE), BEFORE + AFTER);
	fires('it is followed', $without, $at->($good, $end));
	fires('an entry that is no rule', $was, $at->($bad, $end),
	    'DirectoryNotFollowed');
	fires('it is away', $was, $at->($bad, BEFORE), 'DirectoryNotFollowed',
	    'DirectoryOld');
	fires('nobody asks it', $was, $was, 'DirectoryOld');
	fires('it has never answered', $without, $at->($bad, -$zero / 60),
	    'DirectoryNotFollowed', 'DirectoryOld');
	$noted->("good $now", 1);
};

subtest 'each alert' => sub {
	my @all = $alerts =~ /^ *- alert: Tlspolicy(\w+)$/mg;
	is_deeply([sort keys %fired], [sort @all], 'has been seen');
};

# Grafana itself cannot be asked here: what it would show wrongly without a word.
subtest 'the dashboard is laid out' => sub {
	my $dashboard = decode_json(Tlspolicy::Scratch::slurp(
	    "$folder/tlspolicy-dashboard.json"));
	my (%place, %known);
	$known{"\$$_->{name}"} = 1 for @{$dashboard->{templating}{list}};
	for my $panel (@{$dashboard->{panels}}) {
		my ($title, $pos) = @$panel{qw(title gridPos)};
		cmp_ok($pos->{x} + $pos->{w}, '<=', 24, "$title: its width");
		for my $x ($pos->{x} .. $pos->{x} + $pos->{w} - 1) {
			for my $y ($pos->{y} .. $pos->{y} + $pos->{h} - 1) {
				fail("$title covers $place{$x, $y}")
				    if $place{$x, $y};
				$place{$x, $y} = $title;
			}
		}
		my %refs;
		for my $target (@{$panel->{targets} // []}) {
			fail("$title: $target->{refId} twice")
			    if $refs{$target->{refId}}++;
			is($target->{datasource}{uid}, '${datasource}',
			    "$title: whatever Prometheus there is");
			for ($target->{expr} =~ /(\$\w+)/g) {
				fail("$title: $_ is no variable")
				    unless $known{$_} || /^\$__/;
			}
		}
	}
};

# A misspelt name would never be found, and so be no alert.
sub names_are_there
{
	my ($name, $text, $page) = @_;
	my (@bad, $n);
	while ($text =~ /\b((?:tlspolicy|process)_\w+)(?:\{([^}]*)\})?/g) {
		my ($metric, $labels) = ($1, $2 // '');
		my @lines = grep { /^$metric(?:\{|$)/ } keys %$page;
		push @bad, $metric unless @lines;
		while ($labels =~ /(\w+)=(~?)"([^"]*)"/g) {
			my ($label, $value) = ($1, $3);
			next if $label =~ /^(?:job|instance)$/;
			for my $word (split /\|/, $value) {
				push @bad, "$metric $label=$word" unless
				    grep { /\b$label="\Q$word\E"/ } @lines;
			}
		}
		$n++;
	}
	ok($n, "$name: $n names");
	is_deeply(\@bad, [], "$name: all of them are on the page");
}

subtest 'names' => sub {
	$daemon->rules($rules . "TLS_Clt:x.test ENCR:0+UNTIL:2999-01-01\n");
	my $page = page_when('the rule', sub { defined
	    $_[0]{tlspolicy_store_next_end_timestamp_seconds} });
	names_are_there('alerts', $alerts =~ s/^#.*//mgr, $page);
	my $dashboard = decode_json(Tlspolicy::Scratch::slurp(
	    "$folder/tlspolicy-dashboard.json"));
	my (%queries, %ids, @alone);
	for my $panel (@{$dashboard->{panels}}) {
		fail("panel $panel->{id} twice") if $ids{$panel->{id}}++;
		push @alone, $panel->{title} if $panel->{type} ne 'row' &&
		    !@{$panel->{targets}};
		for (@{$panel->{targets} // []}) {
			names_are_there($panel->{title}, $_->{expr}, $page)
			    unless $_->{expr} =~ /^up\{/;
			my $query = $_->{expr} =~ s/\$job/tlspolicy/gr =~
			    s/\$instance/.*/gr =~ s/\$__rate_interval/5m/gr;
			$queries{$query} = $panel->{title};
		}
	}
	is_deeply(\@alone, [], 'no panel without a query');
	cmp_ok(scalar keys %queries, '>', 30, 'queries');
	my @later = map { my $n = $_; [changed($page, map {
	    $_ => $page->{$_} + $n } grep { /_(?:total|bucket)\b/ }
	    keys %$page), 1] } 1 .. 20;
	promtool_finds('each query finds something', [[$page, 20], @later], 39,
	    0, map { ("count($_) > bool 0" => [['{}', 1]]) } keys %queries);
};

done_testing;
