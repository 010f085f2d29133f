#!/usr/bin/perl
#
# The daemon with its n-th call of memory, disk, store, descriptor or thread
# failing, once and from then on, n = 1 until none is hit any more, around one
# step of its work: it never crashes, never accepts what the policy refuses or
# what is not recorded, never refuses for good for want of memory, and is well
# again when the fault is over.  The key of its log is a ratchet, which turns at
# each SIGHUP: a log that verifies by the start key has lost no epoch.
# A plan is judged beside, which refuses what the policy accepts and lets in what
# that refuses.
#
# A sample of n; TLSPOLICY_FAULTS=all takes every one (scripts/soak-faults).
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

my $missing = Tlspolicy::Daemon::missing() //
    Tlspolicy::Fault::Nth::missing(
    Tlspolicy::Daemon::program('tlspolicy-milter'));
plan skip_all => $missing if defined $missing;

my $all = ($ENV{TLSPOLICY_FAULTS} // '') eq 'all';
my $policy = <<'END';
TLS_Clt:example.com PERM+ENCR:112
TLS_Clt:class.test ENCR:112
TLS_From:bank.example PERM+VERIFY:128
TLS_To:perm@bar.test PERM+VERIFY:128
TLS_To:hold@bar.test HOLD+VERIFY:128
TLS_Srv:dest.test ENCR:112
END
my $fault = Tlspolicy::Fault::Nth->new(scratch());
my $start_key = scratch()->path('start-key');
Tlspolicy::Scratch::must(Tlspolicy::Daemon::program('tlspolicy'), 'audit', 'key',
    '-r', $start_key);
mkdir scratch()->path('keys') or die "keys: $!\n";
my $key = scratch()->write('keys/now', Tlspolicy::Scratch::slurp($start_key),
    0600);
my $map = scratch()->path('map.sock');
my $port = Tlspolicy::Scratch::free_port();
my $signer = scratch()->path('signer');
Tlspolicy::Scratch::must(Tlspolicy::Daemon::program('tlspolicy'), 'audit', 'key',
    '-n', 'mx.example.org', $signer);
# default-class: what a reload that loses a setting would change.
my $daemon = daemon($policy, env => $fault->env, settings => {
    'default-class' => 'perm', 'add-header' => 'yes',
    'audit-key-file' => $key, privacy => 'days:2',
    'checkpoint-key-file' => $signer,
    'checkpoint-file' => scratch()->path('checkpoints'),
    socketmap => "unix:$map", metrics => "inet:$port\@127.0.0.1" });
scratch()->write("$daemon->{name}/to-come", <<'END');
TLS_From:good.example PERM+VERIFY:256
TLS_To:hold@bar.test PERM+VERIFY:128
TLS_Srv:dest.test OK
END
Tlspolicy::Scratch::must(Tlspolicy::Daemon::program('tlspolicy'), 'plan', '-c',
    $daemon->{conf}, "$daemon->{dir}/to-come");
my $http = HTTP::Tiny->new(timeout => 0.4);
$SIG{PIPE} = 'IGNORE'; # peers that close are a part of it
my ($number, $rotated, @accepted) = (0, 0);

# One word for what the MTA makes of an answer.
sub word
{
	my ($r) = @_;
	return 'temp' if $r->{action} eq 'tempfail' ||
	    $r->{action} eq 'reply' && $r->{code} =~ /^4/;
	return 'perm' if $r->{action} eq 'reject' || $r->{action} eq 'reply';
	return $r->{action};
}

sub verified_mail
{
	my ($m, @rcpt) = @_;
	$m->set(i => 'Q' . ++$number);
	word($m->mail('a@good.example')) eq 'continue' or return 0;
	word($m->rcpt($_)) eq 'continue' or return 0 for @rcpt;
	return 1;
}

# An acceptance is remembered by the queue id under which its record must be.
sub end_of_message
{
	my ($m) = @_;
	my $r = $m->message;
	push @accepted, "Q$number" if $r->{action} eq 'continue';
	return $r;
}

sub held
{
	my ($m) = @_;
	my $r = end_of_message($m);
	return $r unless $r->{action} eq 'continue';
	return { action => grep({ $_->[0] eq 'quarantine' }
	    @{$r->{modifications}}) ? 'continue' : 'not held' };
}

sub asked
{
	my $sock = IO::Socket::UNIX->new(Peer => $map) or
	    return { action => 'closed' };
	print $sock '19:tlspolicy dest.test,';
	IO::Select->new($sock)->can_read(0.4) or return { action => 'closed' };
	sysread $sock, my $text, 200 or return { action => 'closed' };
	return { action => $text =~ /^\d+:OK encrypt/ ? 'continue' :
	    $text =~ /^\d+:TEMP / ? 'tempfail' : "answer $text" };
}

sub scraped
{
	my $r = $http->get("http://127.0.0.1:$port/metrics");
	return { action => $r->{status} == 200 ?
	    $r->{content} =~ /^tlspolicy_store_up [01]$/m ? 'continue' :
	    'half a page' : 'tempfail' };
}

my $reloaded = qr/settings were read again|stay in force/;
sub hup
{
	my $length = length $daemon->log;
	$daemon->hup;
	Tlspolicy::Scratch::wait_for(1.2, sub {
		substr($daemon->log, $length) =~ $reloaded });
	sleep 0.1;
	return refused();
}

# A MAIL that the policy refuses by default-class.  Under a fault the answer may not
# come.
sub refused
{
	my $m = Tlspolicy::Milter->connect($daemon->socket, timeout => 0.5);
	return { action => 'closed' } unless $m && $m->negotiate;
	$m->set(%sendmail, client_name => 'relay.class.test');
	$m->conn('relay.class.test', '192.0.2.1');
	$m->helo('client.example.com');
	return $m->mail('a@good.example');
}

sub rotate
{
	my $log = "$daemon->{dir}/audit.log";
	rename $log, "$log." . ++$rotated if -s $log;
	return hup();
}

sub replace_store
{
	my $length = length $daemon->log;
	my $r = $daemon->tlspolicy('build', '-d', "$daemon->{store}.new");
	die "build: $r->{err}" if $r->{status};
	rename "$daemon->{store}.new", $daemon->{store} or die "rename: $!\n";
	Tlspolicy::Scratch::wait_for(2.5, sub {
		substr($daemon->log, $length) =~ /store/ });
	return refused();
}

my @clear = %sendmail;
my @tls = (%sendmail, %tls);
my %step = (
	# name => [what is to come without a fault, its macros, what is done
	# before and what under the fault]
	mail => ['continue', \@tls, undef, sub { $_[0]->mail('a@x.example') }],
	'mail in clear' => ['perm', \@clear, undef,
	    sub { $_[0]->mail('a@x.example') }],
	'mail of the bank' => ['perm', \@tls, undef,
	    sub { $_[0]->mail('a@bank.example') }],
	rcpt => ['continue', \@tls, sub { verified_mail($_[0]) },
	    sub { $_[0]->rcpt('ok@bar.test') }],
	'rcpt refused' => ['perm', \@tls, sub { verified_mail($_[0]) },
	    sub { $_[0]->rcpt('perm@bar.test') }],
	'end of message' => ['continue', \@tls,
	    sub { verified_mail($_[0], 'ok@bar.test') }, \&end_of_message],
	'end of a held message' => ['continue', \@tls,
	    sub { verified_mail($_[0], 'hold@bar.test') }, \&held],
	'a whole session' => ['perm', undef, undef, \&refused],
	'socketmap question' => ['continue', undef, undef, \&asked],
	'metrics scrape' => ['continue', undef, undef, \&scraped],
	'HUP' => ['perm', undef, undef, \&hup],
	'audit reopen' => ['perm', undef, undef, \&rotate],
	'store replaced' => ['perm', undef, undef, \&replace_store],
);

# Without a fault, the daemon does all of its work; the first is why not.
sub trouble
{
	for my $name ('mail in clear', 'rcpt refused', 'end of message',
	    'socketmap question', 'metrics scrape') {
		my ($want, $macros, $before, $act) = @{$step{$name}};
		my $m = $macros && eval { session($daemon, @$macros) };
		return "$name: no session" if $macros && !$m;
		return "$name: not so far" if $before && !$before->($m);
		my $got = word($act->($m));
		return "$name: $got, not $want" if $got ne $want;
	}
	return '';
}

sub well
{
	my ($name) = @_;
	my $why = 'it has ended';
	my $good = Tlspolicy::Scratch::wait_for(60, sub {
		return 0 unless $daemon->alive;
		$why = trouble();
		return $why eq '';
	});
	die("$name: $why\n" . substr $daemon->log, -2000) unless $good;
}

# The session as far as the step, or undef while the daemon recovers.
sub prepared
{
	my ($macros, $before) = @_;
	return Tlspolicy::Scratch::wait_for(60, sub {
		my $m = eval { session($daemon, @$macros) } or return 0;
		return 0 if $before && !$before->($m);
		return $m;
	});
}

sub recorded
{
	Tlspolicy::Scratch::wait_for(60, sub {
		my $m = prepared(@{$step{'end of message'}}[1, 2]);
		return word(end_of_message($m)) eq 'continue';
	});
}

# One n: whether a call was hit, and what is wrong with what came of it.
sub once
{
	my ($name, %how) = @_;
	my ($want, $macros, $before, $act) = @{$step{$name}};
	my $m;
	# The audit log is written again a moment after it could not be.
	recorded() if $name =~ /^end of/;
	if ($macros) {
		$m = prepared($macros, $before) or return (0, 'no session');
	}
	# Under a fault of poll(2) the daemon may not answer: the test waits less.
	$m->{timeout} = $how{kinds} =~ /poll/ ? 0.3 : 2 if $m;
	$fault->arm(%how);
	my $got = word($act->($m));
	my $hit = $fault->disarm;
	return ($hit, 'it has ended') unless $daemon->alive;
	my %good = map { $_ => 1 } $want, $hit ? qw(temp closed) : ();
	return ($hit, '') if $good{$got};
	return ($hit, "got $got, want $want");
}

# The fault of the time before may be felt, but not for long.
sub again
{
	my ($name) = @_;
	well($name);
	return once($name, kinds => '', nth => 0);
}

# Every n at first, then fewer and fewer of them.
sub following
{
	my ($n, $most) = @_;
	return $n + 1 if $all || $n < $most;
	return $n + 1 + int($n / 3);
}

sub loop
{
	my ($name, $kinds, %arg) = @_;
	for my $onward (0, 1) {
		my ($n, $hits, $missed, @wrong) = (1, 0, 0);
		while ($missed < 2 && $n < ($arg{last} // 2000)) {
			my ($hit, $why) = once($name, kinds => $kinds,
			    nth => $n, onward => $onward,
			    from => $arg{from});
			# libmilter pauses when it had no memory for a session.
			($hit, $why) = again($name) if !$hit && $why ne '';
			push @wrong, "n = $n: $why" if $why ne '';
			$hits++ if $hit;
			$missed = $hit ? 0 : $missed + 1;
			last if !$daemon->alive || @wrong > 5;
			$n = following($n, $arg{each} // 12);
		}
		my $what = "$name: $kinds" . ($arg{from} ? " of the $arg{from}" : '') .
		    ($onward ? ' from n on' : ', the n-th') . ", $hits hit";
		is("@wrong", '', $what);
		well($what);
		note(sprintf '%.1f s', time - $^T) if $ENV{V};
	}
}

sub status
{
	my ($field) = @_;
	return Tlspolicy::Scratch::slurp("/proc/$daemon->{pid}/status") =~
	    /^$field:\s+(\d+)/m ? $1 : 0;
}

sub descriptors
{
	return scalar(() = glob "/proc/$daemon->{pid}/fd/*");
}

well('at first');
my $descriptors = descriptors();
my @sessions = ('mail', 'mail in clear', 'mail of the bank', 'rcpt',
    'rcpt refused', 'end of message', 'end of a held message',
    'a whole session');
for my $name (@sessions) {
	loop($name, 'memory', from => 'program');
	loop($name, 'memory');
	loop($name, 'mdb');
	loop($name, 'poll+accept+thread+open', last => 9)
	    if $all || $name =~ /^(?:mail in clear|end of|a whole)/;
}
loop($_, 'write+sync', each => 6) for 'rcpt refused', 'end of message';
for my $name ('socketmap question', 'metrics scrape') {
	loop($name, 'memory', each => 8);
	loop($name, 'mdb+write+open+accept');
}
loop('metrics scrape', 'poll', last => 9);
# accept(2) fails, the listener pauses, and epoll_ctl(2) fails when it goes on.
loop('socketmap question', $_, each => 4) for 'epoll', 'accept+epoll';
for my $name ('HUP', 'audit reopen', 'store replaced') {
	my $each = $name eq 'HUP' ? 6 : 2;
	# Each takes as long as the daemon needs to look at its store.
	my $last = $name eq 'store replaced' && !$all ? 5 : 2000;
	loop($name, $_, each => $each, last => $last) for 'memory', 'open+map+mdb';
}
loop('audit reopen', 'write+sync+thread', each => 2);

my $before = status('VmRSS');
loop('mail', 'memory', each => 40) for 1 .. 3;
cmp_ok(status('VmRSS') - $before, '<', 1024, 'no memory is lost, in kB');
ok(Tlspolicy::Scratch::wait_for(60, sub { descriptors() <= $descriptors + 2 }),
    'nor descriptors') or
    diag(descriptors(), " are open, $descriptors were");
is($daemon->stop, 0, 'the daemon ends');

my $log = "$daemon->{dir}/audit.log";
my @files = ((map { "$log.$_" } 1 .. $rotated), $log);
my $r = $daemon->tlspolicy('audit', 'verify', '-k', $start_key,
    grep { -e } @files);
is($r->{status}, 0, 'the log is whole') or diag($r->{out}, $r->{err});
my ($epochs) = $r->{out} =~ /^epochs: 1 to (\d+) /m;
cmp_ok($epochs // 0, '>', 20, 'the ratchet has turned');
is(Tlspolicy::Scratch::slurp($key) =~ /^epoch (\d+)$/m ? $1 : 0,
    ($epochs // 0) + 1, 'and its file says so') or
    diag($r->{out}, substr $daemon->log, -2000);
my (%withdrawn, %recorded, %beside);
for my $line (map { split /\n/, Tlspolicy::Scratch::slurp($_) } @files) {
	my $record = JSON::PP::decode_json($line);
	$withdrawn{$record->{of}} = 1 if $record->{event} eq 'withdrawn';
	$recorded{$record->{queue_id}} = $record->{seq}
	    if $record->{event} eq 'message';
	next unless $record->{event} =~ /^(?:message|refused)/;
	my $result = $record->{plan} ? $record->{plan}{result} : 'no plan';
	$result .= ' and answered' if $record->{plan}{answered};
	$beside{$result}++;
}
my @unrecorded = grep { !$recorded{$_} || $withdrawn{$recorded{$_}} } @accepted;
is("@unrecorded", '', scalar(@accepted) . ' accepted, all recorded');


# Which policy answers is never a matter of what failed.
note(join ', ', map { "$beside{$_} $_" } sort keys %beside);
cmp_ok($beside{differs} // 0, '>', 20, 'the plan was judged beside');
delete @beside{'same', 'differs', 'not-judged', 'no plan'};
is(join(' ', keys %beside), '', 'and has answered nothing');
done_testing;
