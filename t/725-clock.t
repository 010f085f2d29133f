#!/usr/bin/perl
#
# The clock jumps while sessions are judged: forward by a day and by years, back
# by hours, over the midnight at which a rule ends.  Verdicts follow the date of
# the moment, records tell the time as it was told, nothing waits longer or
# shorter for it, and the log stays whole.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HTTP::Tiny;
use POSIX qw(strftime);
use Test::More;
use Time::HiRes qw(time);
use Time::Local qw(timegm);
use Tlspolicy::Fault;
use Tlspolicy::Talk;

plan skip_all => $_ for grep { defined } Tlspolicy::Fault::missing('clock');

use constant { HOUR => 3600, DAY => 86400, YEAR => 365 * 86400 };

# Time begins ten days ahead: there is nothing else that could be the true one.
my $start = 10 * DAY;
my $midnight = (int(time / DAY) + 30) * DAY;
my $until = strftime('%Y-%m-%d', gmtime $midnight - DAY);
my $rules = <<"END";
TLS_Clt:example.com	PERM+ENCR:112+UNTIL:$until
TLS_Clt:example.com	TEMP+ENCR:112
END
my %refused = (before => [550, '5.7.10'], after => [451, '4.7.10']);

my $clock = Tlspolicy::Fault::Clock->new(scratch());
$clock->ahead(my $ahead = $start);
my $port = Tlspolicy::Scratch::free_port();
my $http = HTTP::Tiny->new(timeout => 60);
my $daemon;

sub run_daemon
{
	my ($name, %settings) = @_;
	$daemon = daemon($rules, name => $name, env => $clock->env,
	    settings => { metrics => "inet:$port\@127.0.0.1", %settings });
}

sub jump_to
{
	my ($ahead_now) = @_;
	$clock->ahead($ahead = $ahead_now);
}

# So many seconds from the midnight at which the first rule ends.
sub jump_near_midnight
{
	my ($seconds) = @_;
	jump_to($midnight + $seconds - time);
}

sub seconds_of
{
	my ($record) = @_;
	my ($y, $m, $d, $h, $min, $s) = $record->{time} =~
	    /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):([\d.]+)Z$/ or return 0;
	return timegm(0, $min, $h, $d, $m - 1, $y) + $s;
}

# The verdict, in time, and its record, at the time that the clock told.
sub judged
{
	my ($m, $want, $name) = @_;
	my $seen = () = $daemon->audit_lines;
	my $from = time;
	answer_is($m->mail('a@example.com'), $want, "$name: verdict");
	my $took = time - $from;
	cmp_ok($took, '<', 60, "$name: without a wait of years");
	my ($record) = $daemon->audit_after($seen);
	my $off = seconds_of($record) - ($from + $ahead);
	ok($off > -1 && $off < $took + 1, "$name: the time in the record") or
	    diag("$record->{time} is off by $off s");
}

sub well
{
	my ($name) = @_;
	my $r = $http->get("http://127.0.0.1:$port/healthz");
	is($r->{status}, 200, "$name: healthy") or diag($r->{content});
	$r = $http->get("http://127.0.0.1:$port/metrics");
	like($r->{content}, qr/^tlspolicy_store_up 1$/m, "$name: metrics");
	my ($sum) = $r->{content} =~ /_seconds_sum\{callback="mail"\} (\S+)/;
	cmp_ok($sum, '<', 60, "$name: no callback took years");
}

sub whole
{
	my $r = $daemon->tlspolicy('audit', 'verify');
	is($r->{status}, 0, 'the log is whole') or diag($r->{out}, $r->{err});
}

my @jumps = (
	[ 'a day forward', sub { jump_to($start + DAY) }, 'before' ],
	[ 'three hours back', sub { jump_to($ahead - 3 * HOUR) }, 'before' ],
	[ 'just before midnight', sub { jump_near_midnight(-2) }, 'before' ],
	[ 'just after midnight', sub { jump_near_midnight(1) }, 'after' ],
	[ 'back over midnight', sub { jump_near_midnight(-5 * HOUR) },
		'before' ],
	[ 'years forward', sub { jump_to(7 * YEAR) }, 'after' ],
	[ 'years back', sub { jump_to($start) }, 'before' ],
);

subtest 'verdicts, records, health' => sub {
	run_daemon('verdicts');
	my $open = session($daemon);
	judged($open, $refused{before}, 'before any jump');
	for (@jumps) {
		my ($name, $jump, $want) = @$_;
		$jump->();
		my $m = session($daemon);
		judged($m, $refused{$want}, $name);
		well($name);
		$m->quit;
		# libmilter may have ended the session $open: see below.
		my $r = $open->mail('a@example.com');
		if ($r->{action} eq 'closed') {
			$open = session($daemon);
			$r = $open->mail('a@example.com');
		}
		answer_is($r, $refused{$want}, "$name: in an older session");
	}
	$open->quit;
	whole();
	is($daemon->stop, 0, 'the daemon ends');
};

# libmilter takes a jump of more than two hours for two hours of silence, and
# ends the session; the MTA then defers.  Our engine's clock does not jump.
subtest 'a session that is silent meanwhile' => sub {
	run_daemon('silent');
	jump_to($start);
	my $m = session($daemon, %sendmail, %tls);
	answer_is($m->mail('a@example.com'), 'continue', 'MAIL');
	answer_is(session($daemon)->mail('a@example.com'), $refused{before},
	    'another one');
	# Time for libmilter's worker to leave the session.
	select undef, undef, undef, 0.5;
	jump_to($start + DAY);
	if ($daemon->engine eq 'own') {
		answer_is($m->rcpt('b@example.org'), 'continue', 'it goes on');
		answer_is($m->message, 'continue', 'to its end');
		is($daemon->stop, 0, 'the daemon ends');
		return;
	}
	ok(Tlspolicy::Scratch::wait_for(60, sub {
		session($daemon)->mail('b@example.com');
		return grep { $_->{event} eq 'aborted' } $daemon->audit }),
	    'what was judged is recorded as given up');
	is($m->rcpt('b@example.org')->{action}, 'closed', 'the MTA sees it');
	is($daemon->stop, 0, 'the daemon ends');
};

# The very second of midnight passes while sessions are judged.
subtest 'midnight' => sub {
	run_daemon('midnight');
	my $m = session($daemon);
	my ($before, $after, @wrong) = (0, 0);
	# A machine that stands still for a second sees one side only.
	for (1 .. 5) {
		jump_near_midnight(-1);
		Tlspolicy::Scratch::wait_for(4, sub {
			my $r = $m->mail('a@example.com');
			$r->{code} == 550 ? $before++ : $after++;
			return time + $ahead > $midnight + 0.5;
		});
		last if $before && $after;
	}
	ok($before && $after, 'judged on both sides') or
	    diag("before: $before, after: $after");
	for ($daemon->audit) {
		next if $_->{event} ne 'refused-mail';
		my $want = seconds_of($_) < $midnight ? 'reject' : 'tempfail';
		push @wrong, "$_->{time} $_->{verdict}"
		    if $_->{verdict} ne $want;
	}
	is_deeply(\@wrong, [], 'each by the date of its own time');
	whole();
	is($daemon->stop, 0, 'the daemon ends');
};

# Waits in seconds: 0.1 for a batch to be synced, 5 for a full disk.
sub bounds
{
	my ($name, $jump, $back) = @_;
	subtest "what is bounded in time: $name" => sub {
		my $limits = '/usr/bin/prlimit';
		plan skip_all => "no $limits here" unless -x $limits;
		jump_to($start);
		run_daemon($name =~ tr/ /-/r, 'audit-sync' => 'batch',
		    'audit-full' => 'block');
		my $m = session($daemon);
		$m->mail('filler@example.com') for 1 .. 20;
		my $syncs = sub { $http->get("http://127.0.0.1:$port/metrics")
		    ->{content} =~ /^tlspolicy_audit_syncs_total (\d+)/m };
		my ($before) = $syncs->();
		$jump->();
		$m->mail('a@example.com');
		ok(Tlspolicy::Scratch::wait_for(60, sub {
		    ($syncs->())[0] > $before }), 'a batch is synced');
		my $size = -s "$daemon->{dir}/audit.log";
		system($limits, '--pid', $daemon->{pid},
		    "--fsize=$size:unlimited");
		$m->mail('a@example.com');
		logged($daemon, qr/audit log: cannot write/, 'no room');
		$m->set(%tls);
		$m->mail('a@example.com');
		$m->rcpt('b@example.org');
		my $from = time;
		defined(my $pid = fork) or die "fork: $!\n";
		if (!$pid) {
			select undef, undef, undef, 2;
			$back->();
			POSIX::_exit(0);
		}
		answer_is($m->message, [451, '4.3.0'], 'not accepted');
		my $took = time - $from;
		ok($took > 4.5 && $took < 8, 'after the bounded time') or
		    diag("got: $took s, want: about 5");
		waitpid $pid, 0;
		system($limits, '--pid', $daemon->{pid},
		    '--fsize=unlimited:unlimited');
		logged($daemon, qr/audit log: writing again/, 'it goes on');
		whole();
		is($daemon->stop, 0, 'the daemon ends');
	};
}

bounds('forward', sub { jump_to(7 * YEAR) }, sub { jump_to(9 * YEAR) });
bounds('back', sub { jump_to($start - 5 * HOUR) }, sub { jump_to(HOUR) });

# What is written while the clock goes back and forth is one chain.
subtest 'rotation and restart' => sub {
	jump_to(5 * YEAR);
	run_daemon('rotation');
	session($daemon)->mail('a@example.com');
	my $log = "$daemon->{dir}/audit.log";
	rename $log, "$log.1" or die "$log: $!\n";
	jump_to($start);
	$daemon->hup;
	logged($daemon, qr/audit log \S+: line \d+.*audit log \S+: line/s,
	    'a new file');
	session($daemon)->mail('a@example.com');
	is($daemon->stop, 0, 'the daemon ends');
	jump_to($start - DAY);
	$daemon->run;
	session($daemon)->mail('a@example.com');
	is($daemon->stop, 0, 'and again');
	my $r = $daemon->tlspolicy('audit', 'verify', "$log.1", $log);
	is($r->{status}, 0, 'both files are whole') or
	    diag($r->{out}, $r->{err});
};

done_testing;
