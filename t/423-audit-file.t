#!/usr/bin/perl
#
# The audit log is taken away under a daemon that runs: removed, renamed
# without a signal, its folder gone, a link in its place; and its disk is
# nearly full.  What is accepted is recorded in a file that has a name.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HTTP::Tiny;
use JSON::PP ();
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);
use Tlspolicy::Talk;

my $http = HTTP::Tiny->new(timeout => 60);
my ($daemon, $url, $folder, $log);

sub run_daemon
{
	my ($name, $in) = @_;
	my $port = Tlspolicy::Scratch::free_port();
	$url = "http://127.0.0.1:$port";
	$folder = $in // scratch()->path("log-$name");
	$in or mkdir $folder or die "$folder: $!\n";
	$log = "$folder/audit.log";
	$daemon = daemon("TLS_Clt:example.com PERM+ENCR:112\n",
	    name => $name, settings => { 'audit-sync' => 'batch',
	    'audit-file' => $log, metrics => "inet:$port\@127.0.0.1" });
}

sub message
{
	my ($m, $id) = @_;
	$m->set(%tls, i => $id);
	$m->mail('a@example.com');
	$m->rcpt('b@example.org');
	return $m->message;
}

sub health
{
	my ($want, $like, $name) = @_;
	my $r;
	ok(Tlspolicy::Scratch::wait_for(60, sub {
		$r = $http->get("$url/healthz");
		return $r->{status} == $want;
	}), "$name: $want") or diag("$r->{status} $r->{content}");
	like($r->{content}, $like, "$name: healthz says why");
	my ($up) = $http->get("$url/metrics")->{content} =~
	    /^tlspolicy_audit_up (\d)$/m;
	is($up, $want == 200 ? 1 : 0, "$name: audit_up");
}

sub whole
{
	my @files = @_;
	is($daemon->stop, 0, 'the daemon ends');
	my $r = $daemon->tlspolicy('audit', 'verify', @files);
	is($r->{status}, 0, 'the log is whole') or diag($r->{out}, $r->{err});
}

my $astray = qr/removed or renamed/;

subtest 'removed' => sub {
	run_daemon('removed');
	my $m = session($daemon);
	answer_is(message($m, 'before'), 'continue', 'well');
	unlink $log or die "$log: $!\n";
	answer_is(message($m, 'after'), 'continue', 'accepted at once');
	like(Tlspolicy::Scratch::slurp($log), qr/"event":"link".*"why":"removed".*"after"/s,
	    'in a new file, whose link says why');
	logged($daemon, qr{the file was removed; /healthz says so until SIGHUP},
	    'the log says so');
	health(503, $astray, 'removed');
	$daemon->hup;
	health(200, qr/^ok$/, 'after HUP');
	whole($log);
};

subtest 'renamed without a signal' => sub {
	run_daemon('renamed');
	my $m = session($daemon);
	message($m, 'before');
	rename $log, "$log.1" or die "$log: $!\n";
	logged($daemon, qr{the file was renamed without a signal; /healthz says so until SIGHUP},
	    'the log says so');
	health(503, $astray, 'renamed');
	answer_is(message($m, 'after'), 'continue', 'accepted');
	like(Tlspolicy::Scratch::slurp($log), qr/"why":"renamed".*"after"/s,
	    'in the new file');
	whole("$log.1", $log);
};

subtest 'another file has its name' => sub {
	run_daemon('other');
	my $m = session($daemon);
	message($m, 'before');
	rename $log, "$log.1" or die "$log: $!\n";
	symlink "$folder/nowhere/x", $log or die "$log: $!\n";
	health(503, $astray, 'a link to nowhere');
	answer_is(message($m, 'meanwhile'), 'continue', 'accepted');
	like(Tlspolicy::Scratch::slurp("$log.1"), qr/"meanwhile"/,
	    'in the old file, which has a name');
	logged($daemon, qr/the old audit file stays in use/,
	    'the log says so');
	unlink $log or die "$log: $!\n";
	ok(Tlspolicy::Scratch::wait_for(60, sub { -s $log }), 'made anew');
	whole("$log.1", $log);
};

subtest 'its folder is gone' => sub {
	run_daemon('folder');
	my $m = session($daemon);
	message($m, 'before');
	unlink $log or die "$log: $!\n";
	rmdir $folder or die "$folder: $!\n";
	answer_is(message($m, 'lost'), [451, '4.3.0'], 'nothing is accepted');
	health(503, qr/audit log/, 'gone');
	mkdir $folder or die "$folder: $!\n";
	ok(Tlspolicy::Scratch::wait_for(60, sub { -s $log }), 'made anew');
	my $answer;
	ok(Tlspolicy::Scratch::wait_for(60, sub {
		$answer = message($m, 'after');
		return $answer->{action} eq 'continue' }), 'accepted again');
	# The line about the removed log may come behind that of the next message.
	ok(Tlspolicy::Scratch::wait_for(60, sub {
		my $text = Tlspolicy::Scratch::slurp($log);
		return $text =~ /"why":"removed"/ && ($text !~ /"lost"/ ||
		    $text =~ /"lost".*\n.*"event":"withdrawn"/s) }),
	    'what was not accepted is not there, or withdrawn') or
	    diag(Tlspolicy::Scratch::slurp($log));
	whole($log);
};

subtest 'refusals leave room' => sub {
	plan skip_all => 'needs root' if $> != 0;
	my $disk = scratch()->path('disk');
	mkdir $disk or die "$disk: $!\n";
	my $mount = Tlspolicy::Scratch::run('mount', '-t', 'tmpfs', '-o',
	    'size=1m', 'tlspolicy-test', $disk);
	plan skip_all => "no tmpfs here: $mount->{err}" if $mount->{status};
	scratch()->at_end(sub { system 'umount', $disk });
	run_daemon('scarce', $disk);
	my $m = session($daemon);
	open my $fh, '>', "$disk/filler" or die;
	print $fh 'x' x (950 * 1024);
	close $fh;
	logged($daemon, qr/audit log: its disk is nearly full; /,
	    'the log says so');
	my $size = -s $log;
	$m->set(map { $_ => undef } keys %tls);
	answer_is($m->mail('a@example.com'), [550, '5.7.10'], 'refused')
	    for 1 .. 50;
	is(-s $log, $size, 'and not recorded');
	answer_is(message($m, 'kept'), 'continue', 'mail is accepted');
	like(Tlspolicy::Scratch::slurp($log), qr/"kept"/, 'and recorded');
	like($http->get("$url/metrics")->{content},
	    qr/^tlspolicy_audit_scarce 1$/m, 'the metric');
	unlink "$disk/filler" or die;
	logged($daemon,
	    qr/audit log: its disk has room again, refusals are recorded/,
	    'and when it is over');
	ok(Tlspolicy::Scratch::wait_for(60, sub { Tlspolicy::Scratch::slurp(
	    $log) =~ /"event":"unrecorded"/ }), 'the log itself says so');
	my ($gap) = map { JSON::PP::decode_json($_) }
	    grep { /"event":"unrecorded"/ }
	    split /\n/, Tlspolicy::Scratch::slurp($log);
	is($gap->{refusals}, 50, 'and how many');
	ok($gap->{since} le $gap->{until} && $gap->{until} le $gap->{time},
	    'and when');
	whole($log);
	my $r = $daemon->tlspolicy('audit', 'verify', $log);
	like($r->{out}, qr/^whole: .*, 50 refusals unrecorded$/m,
	    'verify counts them');
	$r = $daemon->tlspolicy('audit', 'show', $log);
	like($r->{out}, qr/ unrecorded refusals=50$/m, 'show shows them');
	$r = $daemon->tlspolicy('report', $log);
	like($r->{err}, qr/^50 refusals could not be recorded$/m,
	    'report says so');
};

# The log is cut off in the middle of a line, as no rotation does.
subtest 'a part was cut off' => sub {
	run_daemon('cut');
	my $m = session($daemon);
	message($m, "before-$_") for 1 .. 5;
	my $size = -s $log;
	truncate $log, $size - 1500 or die "$log: $!\n";
	answer_is(message($m, "after-$_"), 'continue', 'accepted') for 1 .. 3;
	my $text = Tlspolicy::Scratch::slurp($log);
	like($text, qr/"event":"link".*"why":"cut".*\n.*"after-1"/,
	    'the log goes on in a line of its own, which says so');
	like($text, qr/"$_"/, "$_ is there") for 'after-2', 'after-3';
	logged($daemon, qr/audit log: .*: a part of the file was cut off/,
	    'the daemon says so');
	health(503, qr/audit log/, 'cut');
	is($daemon->stop, 0, 'the daemon ends');
	my $r = $daemon->tlspolicy('audit', 'verify', $log);
	is($r->{status}, 65, 'verify sees it') or diag($r->{out}, $r->{err});
	like($r->{err}, qr/dropped/, 'lines are missing');
	is(scalar(grep { $_ eq 'message' } map { $_->{event} // '' }
	    map { /^\{.*\}$/ ? JSON::PP::decode_json($_) : () }
	    split /\n/, $text) >= 3, 1, 'the rest can be read');
};

subtest 'a FIFO and a file of others in its place' => sub {
	run_daemon('fifo');
	my $m = session($daemon);
	message($m, 'before');
	rename $log, "$log.1" or die "$log: $!\n";
	POSIX::mkfifo($log, 0600);
	health(503, $astray, 'a FIFO');
	answer_is(message($m, 'meanwhile'), 'continue', 'accepted');
	unlink $log;
	my $other = "$folder/other";
	open my $fh, '>', $other or die;
	print $fh "not a log\n";
	close $fh;
	link $other, $log or die;
	sleep 1.5;
	is(Tlspolicy::Scratch::slurp($other), "not a log\n",
	    'a file that has another name is not written to');
	unlink $log;
	ok(Tlspolicy::Scratch::wait_for(60, sub { -s $log }), 'made anew');
	answer_is(message($m, 'after'), 'continue', 'accepted');
	whole("$log.1", $log);
};

# /dev/full under the log's name: each write to it would fail.
subtest 'a device that is always full in its place' => sub {
	plan skip_all => 'needs root' if $> != 0;
	run_daemon('full');
	my $m = session($daemon);
	answer_is(message($m, 'before'), 'continue', 'well');
	rename $log, "$log.1" or die "$log: $!\n";
	system('mknod', $log, 'c', 1, 7) == 0 or plan skip_all =>
	    'no devices here';
	open my $try, '>', $log or plan skip_all => 'devices are of no use here';
	close $try;
	health(503, $astray, 'a device');
	answer_is(message($m, 'meanwhile'), 'continue', 'accepted');
	like(Tlspolicy::Scratch::slurp("$log.1"), qr/"meanwhile"/,
	    'in the old file, which has a name');
	$daemon->hup;
	logged($daemon, qr{\Q$log\E is not a regular file, nor a pipe},
	    'HUP: the log says why');
	answer_is(message($m, 'stays'), 'continue', 'the old file stays in use');
	unlink "$log.1" or die "$log.1: $!\n";
	answer_is(message($m, 'lost'), [451, '4.3.0'], 'no name, no room');
	is($m->mail('a@example.com')->{action}, 'continue', 'MAIL is judged');
	answer_is(message($m, 'lost-too'), [451, '4.3.0'],
	    'nothing is accepted unrecorded');
	unlink $log or die "$log: $!\n";
	ok(Tlspolicy::Scratch::wait_for(60, sub {
		message($m, 'after')->{action} eq 'continue' }),
	    'accepted again when it is gone');
	my $text = Tlspolicy::Scratch::slurp($log);
	like($text, qr/"after"/, 'in a file of that name');
	is(scalar(() = $text =~ /"queue_id":"lost/g),
	    scalar(() = $text =~ /"event":"withdrawn"/g),
	    'what was not accepted counts for nothing');
	whole($log);
};

# The owner of the folder around the log's folder puts a link in its place.
subtest 'a link in its folder\'s place' => sub {
	plan skip_all => 'needs root' if $> != 0;
	my $around = scratch()->path('around');
	my $elsewhere = scratch()->path('elsewhere');
	mkdir $_ or die "$_: $!\n" for $around, $elsewhere, "$around/log";
	run_daemon('way', "$around/log");
	my $m = session($daemon);
	message($m, 'before');
	chown 65534, 65534, $around or die "$around: $!\n";
	rename "$around/log", "$around/was" or die "$around/log: $!\n";
	symlink $elsewhere, "$around/log" or die "$around/log: $!\n";
	health(503, $astray, 'a link');
	answer_is(message($m, 'meanwhile'), 'continue', 'accepted');
	like(Tlspolicy::Scratch::slurp("$around/was/audit.log"),
	    qr/"meanwhile"/, 'in the old file, which has a name');
	$daemon->hup;
	logged($daemon, qr/root does not write there/, 'the log says why');
	ok(!-e "$elsewhere/audit.log", 'nothing is written behind the link');
	unlink "$around/was/audit.log" or die;
	answer_is(message($m, 'lost'), [451, '4.3.0'], 'no name, no room');
	ok(!-e "$elsewhere/audit.log", 'nor then');
	unlink "$around/log" or die;
	rename "$around/was", "$around/log" or die;
	chown 0, 0, $around;
	ok(Tlspolicy::Scratch::wait_for(60, sub { -s $log }), 'made anew');
	ok(Tlspolicy::Scratch::wait_for(60, sub {
		message($m, 'after')->{action} eq 'continue' }),
	    'accepted again');
	whole($log);
};

subtest 'a second daemon' => sub {
	run_daemon('first');
	message(session($daemon), 'first');
	my $r = Tlspolicy::Scratch::run({ timeout => 20 },
	    Tlspolicy::Scratch::builddir() . '/tlspolicy-milter', '-c',
	    scratch()->write('second.conf', "audit-file = $log\n" .
	    'socket = unix:' . scratch()->path('second.sock') . "\n"));
	isnt($r->{status}, 0, 'does not start on the same log');
	like($r->{err}, qr/another process writes to \Q$log\E/, 'says why');
	whole($log);
};

done_testing;
