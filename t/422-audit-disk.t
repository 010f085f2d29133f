#!/usr/bin/perl
#
# No mail is accepted unrecorded: the disk of the audit log returns errors from
# write(2) and from fdatasync(2), loses what a failed sync was for, or does not
# answer at all.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HTTP::Tiny;
use IO::Select;
use IO::Socket::UNIX;
use Test::More;
use Time::HiRes qw(sleep time);
use Tlspolicy::Fault;
use Tlspolicy::Talk;

plan skip_all => $_ for grep { defined } Tlspolicy::Fault::missing('disk');

use constant BOUND => 5;

my $unrecorded = [451, '4.3.0', qr/recorded/];
my %words = (EIO => 'Input/output error', EROFS => 'Read-only file system',
    ENOSPC => 'No space left on device', EDQUOT => 'Disk quota exceeded');
my $http = HTTP::Tiny->new(timeout => 60);
my ($daemon, $disk, $url, @sent);

sub run_daemon
{
	my (%settings) = @_;
	my $name = "disk-$settings{'audit-sync'}-$settings{'audit-full'}";
	$name .= '+' while -e scratch()->path($name);
	$disk = Tlspolicy::Fault::Disk->new(scratch(),
	    scratch()->path("$name/audit.log"));
	my $port = Tlspolicy::Scratch::free_port();
	$url = "http://127.0.0.1:$port";
	$daemon = daemon("TLS_Clt:example.com PERM+ENCR:112\n", name => $name,
	    env => $disk->env, settings => { %settings,
	    metrics => "inet:$port\@127.0.0.1" });
	@sent = ();
}

# Sends a message and returns the answer to its end; an accepted one is remembered.
sub message
{
	my ($m, $id) = @_;
	$m->set(%tls, i => $id);
	$m->mail('a@example.com');
	$m->rcpt('b@example.org');
	my $start = time;
	my $answer = $m->message;
	$answer->{took} = time - $start;
	push @sent, $id if $answer->{action} eq 'continue';
	return $answer;
}

sub healthy
{
	my ($want, $name) = @_;
	my ($r, $page);
	ok(Tlspolicy::Scratch::wait_for(60, sub {
		$r = $http->get("$url/healthz");
		return $r->{status} == $want;
	}), $name) or diag("$r->{status} $r->{content}");
	like($r->{content}, $want == 200 ? qr/^ok$/ : qr/audit log/,
	    "$name: healthz says so");
	$page = $http->get("$url/metrics")->{content};
	my $up = $want == 200 ? 1 : 0;
	like($page, qr/^tlspolicy_audit_up $up$/m, "$name: audit_up $up");
}

# Age in seconds of the oldest record that is not where it should be.
sub lag
{
	my ($which) = @_;
	return $http->get("$url/metrics")->{content} =~
	    /^tlspolicy_audit_${which}_seconds (\S+)$/m ? $1 : undef;
}

# Waits until /healthz says that something is wrong, and returns that.
sub health
{
	my $r;
	Tlspolicy::Scratch::wait_for(60, sub {
		$r = $http->get("$url/healthz");
		return $r->{status} == 503;
	});
	return $r->{content};
}

# Every message that was accepted is in the log, and the log is whole.
sub settled
{
	my ($name) = @_;
	is($daemon->stop, 0, "$name: the daemon ends");
	my %withdrawn = map { $_->{of} => 1 }
	    grep { $_->{event} eq 'withdrawn' } $daemon->audit;
	my @kept = map { $_->{queue_id} } grep { $_->{event} eq 'message' &&
	    !$withdrawn{$_->{seq}} } $daemon->audit;
	is_deeply(\@kept, \@sent, "$name: recorded is what was accepted");
	my ($behind, @late) = (0);
	for (reverse $daemon->audit) {
		$behind = $_->{of} if $_->{event} eq 'withdrawn';
		push @late, $_->{seq} if $_->{seq} > $behind && $behind &&
		    $_->{event} ne 'withdrawn' && !$withdrawn{$_->{seq}};
		$behind = 0 if $_->{seq} == $behind;
	}
	is("@late", '', "$name: nothing between a record and its withdrawal");
	my $r = $daemon->tlspolicy('audit', 'verify');
	is($r->{status}, 0, "$name: the log is whole") or
	    diag($r->{out}, $r->{err});
}

sub fails_with_tempfail
{
	my ($call, $error) = @_;
	my $name = "$call: $error, tempfail";
	my $m = session($daemon);
	my $length = length $daemon->log;
	$disk->set($call => $error);
	answer_is(message($m, 'lost'), $unrecorded, "$name: not accepted");
	$m->set(map { $_ => undef } keys %tls);
	answer_is($m->mail('a@example.com'), [550, '5.7.10'],
	    "$name: a refusal needs no record");
	my $said = $call eq 'write' ? 'cannot write' : 'cannot bring to disk';
	logged($daemon, qr/audit log: $said: $words{$error};/,
	    "$name: the log says why");
	healthy(503, $name);
	sleep 0.5;
	my $new = substr $daemon->log, $length;
	is(() = $new =~ /\n/g, 1, "$name: in one line") or diag($new);
	my $lag = $call eq 'write' ? 'unwritten' : 'unsynced';
	cmp_ok(lag($lag), '>', 0.3, "$name: $lag for a while");
	$disk->set($call => 0);
	ok(Tlspolicy::Scratch::wait_for(60, sub { substr($daemon->log, $length)
	    =~ /audit log: writing again/ }), "$name: writing again");
	healthy(200, "$name, and over");
	ok(Tlspolicy::Scratch::wait_for(60, sub { lag($lag) eq '0.000' }),
	    "$name: not $lag any more");
	answer_is(message($m, "$call-$error"), 'continue',
	    "$name: accepted again");
}

subtest 'audit-full = tempfail' => sub {
	run_daemon('audit-sync' => 'each', 'audit-full' => 'tempfail');
	answer_is(message(session($daemon), 'first'), 'continue', 'well');
	fails_with_tempfail('write', $_) for sort keys %words;
	fails_with_tempfail('sync', $_) for sort keys %words;
	settled('tempfail');
};

subtest 'audit-full = block' => sub {
	run_daemon('audit-sync' => 'each', 'audit-full' => 'block');
	for my $call ('write', 'sync') {
		my $m = session($daemon);
		$disk->set($call => 'EIO');
		my $r = message($m, "$call-lost");
		answer_is($r, $unrecorded, "$call: not accepted");
		ok($r->{took} > BOUND - 0.5 && $r->{took} < BOUND + 4,
		    "$call: after the bounded time") or diag($r->{took});
		healthy(503, $call);
		defined(my $pid = fork) or die "fork: $!\n";
		if (!$pid) {
			sleep 1;
			$disk->set($call => 0);
			POSIX::_exit(0);
		}
		$r = message($m, "$call-late");
		waitpid $pid, 0;
		answer_is($r, 'continue', "$call: accepted when it is over");
		cmp_ok($r->{took}, '>', 0.9, "$call: and not before");
		healthy(200, "$call, and over");
	}
	settled('block');
};

# What was handed over before the sync failed is on the disk in the end.
subtest 'a failed sync loses what it was for' => sub {
	for my $sync ('batch', 'each') {
		run_daemon('audit-sync' => $sync, 'audit-full' => 'block');
		my $m = session($daemon);
		message($m, "before-$_") for 1 .. 3;
		$disk->set(sync => 'EIO', lose => 1);
		defined(my $pid = fork) or die "fork: $!\n";
		if (!$pid) {
			sleep 1;
			$disk->set(sync => 0, lose => 0);
			POSIX::_exit(0);
		}
		message($m, "meanwhile-$_") for 1 .. 3;
		waitpid $pid, 0;
		message($m, "after-$_") for 1 .. 3;
		is(scalar @sent, 9, "$sync: all were accepted");
		settled($sync);
	}
};

# Sessions that each send one message while the disk does not answer.
sub in_parallel
{
	my ($count, $name) = @_;
	my @children;
	for my $n (1 .. $count) {
		defined(my $pid = open my $pipe, '-|') or die "fork: $!\n";
		if (!$pid) {
			my $m = session($daemon);
			my $r = message($m, "$name-$n");
			print "$r->{action} $r->{took}\n";
			close STDOUT;
			POSIX::_exit(0);
		}
		push @children, [$n, $pipe];
	}
	my (@answers, $longest);
	$longest = 0;
	for (@children) {
		my ($n, $pipe) = @$_;
		my ($action, $took) = split ' ', <$pipe> // '';
		close $pipe;
		push @answers, $action // 'none';
		push @sent, "$name-$n" if ($action // '') eq 'continue';
		$longest = $took if ($took // 99) > $longest;
	}
	return ($longest, @answers);
}

sub held
{
	my ($sync, $full) = @_;
	run_daemon('audit-sync' => $sync, 'audit-full' => $full);
	message(session($daemon), 'before');
	$disk->set(hold => 1);
	my $m = session($daemon);
	$m->mail('filler@example.com'); # something to write
	ok(Tlspolicy::Scratch::wait_for(60, sub { $disk->holds }),
	    'the disk does not answer');
	my ($longest, @answers) = in_parallel(4, 'at-first');
	cmp_ok($longest, '<', 3 * BOUND, 'no verdict waits for ever');
	is_deeply(\@answers, [('reply') x 4], 'nothing is accepted');
	ok(Tlspolicy::Scratch::wait_for(60, sub { $daemon->log =~
	    /audit log: the disk has not answered for \d+ s;/ }),
	    'the log says why') or diag($daemon->log);
	healthy(503, 'held');
	my $r = message($m, 'stalled');
	answer_is($r, $unrecorded, 'from now on nothing is accepted');
	$full eq 'block' ?
	    ok($r->{took} > BOUND - 1 && $r->{took} < 3 * BOUND, 'in 5 s') :
	    cmp_ok($r->{took}, '<', BOUND - 1, 'at once');
	return $m;
}

for (['batch', 'tempfail'], ['each', 'tempfail'], ['batch', 'block'],
    ['each', 'block']) {
	my ($sync, $full) = @$_;
	subtest "a disk that does not answer: $sync, $full" => sub {
		my $m = held($sync, $full);
		$disk->set(hold => 0);
		logged($daemon, qr/audit log: the disk answers again/,
		    'the log says when');
		healthy(200, 'over');
		answer_is(message($m, 'after'), 'continue', 'accepted again');
		@sent = sort @sent;
		is($daemon->stop, 0, 'the daemon ends');
		my %withdrawn = map { $_->{of} => 1 }
		    grep { $_->{event} eq 'withdrawn' } $daemon->audit;
		is_deeply([sort map { $_->{queue_id} } grep {
		    $_->{event} eq 'message' && !$withdrawn{$_->{seq}} }
		    $daemon->audit], \@sent, 'recorded is what was accepted');
		is($daemon->tlspolicy('audit', 'verify')->{status}, 0,
		    'the log is whole');
	};
}

# One thread answers all questions to the socketmap: while the disk does not answer
# they must not wait one behind the other.
subtest 'mail that leaves' => sub {
	my $map = scratch()->path('map.sock');
	run_daemon('audit-sync' => 'each', 'audit-full' => 'block',
	    socketmap => "unix:$map");
	$daemon->rules("TLS_Srv:dest.test ENCR:1\n");
	my $ask = sub {
		my $sock = IO::Socket::UNIX->new(Peer => $map) or return;
		print $sock '19:tlspolicy dest.test,';
		return $sock;
	};
	my $answer = sub {
		my ($sock) = @_;
		IO::Select->new($sock)->can_read(20);
		sysread $sock, my $text, 100;
		return $text;
	};
	like($answer->($ask->()), qr/:OK /, 'told');
	$disk->set(hold => 1);
	my $start = time;
	my @asked = map { $ask->() } 1 .. 10;
	my @answers = map { $answer->($_) } @asked;
	is(scalar(grep { /^\d+:TEMP / } @answers), 10, 'nothing leaves') or
	    diag(explain(\@answers));
	cmp_ok(time - $start, '<', 5 * BOUND, 'ten do not take ten times as long');
	$disk->set(hold => 0);
	healthy(200, 'over');
	like($answer->($ask->()), qr/:OK /, 'told again');
	is($daemon->stop, 0, 'the daemon ends');
	is($daemon->tlspolicy('audit', 'verify')->{status}, 0,
	    'the log is whole');
};

subtest 'a new file that cannot be opened' => sub {
	run_daemon('audit-sync' => 'each', 'audit-full' => 'tempfail');
	my $m = session($daemon);
	my $log = "$daemon->{dir}/audit.log";
	message($m, 'before');
	rename $log, "$log.1" or die "$log: $!\n";
	mkdir $log or die "$log: $!\n";
	$daemon->hup;
	logged($daemon, qr/the old audit file stays in use/, 'the log says so');
	answer_is(message($m, 'meanwhile'), 'continue', 'accepted');
	like(Tlspolicy::Scratch::slurp("$log.1"), qr/"meanwhile"/,
	    'and recorded in the old one');
	like(health(), qr/removed or renamed/, 'healthz says so');
	rmdir $log or die "$log: $!\n";
	$daemon->hup;
	ok(Tlspolicy::Scratch::wait_for(60, sub { -s $log }), 'opened at last');
	answer_is(message($m, 'after'), 'continue', 'accepted');
	is($daemon->stop, 0, 'the daemon ends');
	is($daemon->tlspolicy('audit', 'verify', "$log.1", $log)->{status}, 0,
	    'both are whole');
};

# Neither HUP nor TERM waits for the disk for ever, and the store is looked at.
subtest 'signals meanwhile' => sub {
	my $m = held('batch', 'tempfail');
	my $log = "$daemon->{dir}/audit.log";
	rename $log, "$log.1" or die "$log: $!\n";
	$daemon->hup;
	logged($daemon, qr/audit log: the disk does not answer: .* opened as soon/,
	    'HUP: the log says that the file is opened later');
	unlink $daemon->{store}, "$daemon->{store}-lock";
	logged($daemon, qr/no such store/, 'the store is still looked at');
	$daemon->rules("TLS_Clt:example.com PERM+ENCR:112\n");
	logged($daemon, qr/generation 1, 1 rules.*generation 1, 1 rules/s,
	    'and opened anew');
	$disk->set(hold => 0);
	ok(Tlspolicy::Scratch::wait_for(60, sub { -e $log }), 'opened anew');
	logged($daemon, qr/the disk answers again/, 'it answers');
	healthy(200, 'over');
	answer_is(message($m, 'after'), 'continue', 'accepted again');
	$disk->set(hold => 1);
	my $other = session($daemon);
	$other->mail('filler@example.com');
	ok(Tlspolicy::Scratch::wait_for(60, sub { $disk->holds }),
	    'the disk does not answer again');
	kill 'TERM', $daemon->{pid};
	my $status = Tlspolicy::Scratch::wait_pid($daemon->{pid}, 60);
	is($status, 0, 'TERM ends the daemon') or return;
	like($daemon->log, qr/audit log: .* lost/, 'and the log says so');
	my $r = $daemon->tlspolicy('audit', 'verify', "$log.1", $log);
	is($r->{status}, 0, 'what is there is whole') or diag($r->{err});
};

done_testing;
