#!/usr/bin/perl
#
# Our engine's own limits: what ends libmilter or costs it a thread costs this
# one a connection, or nothing; and sessions that wait for the audit log keep
# nobody else waiting.  740 is what both have to stand.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);
use Tlspolicy::Talk;

my $limits = '/usr/bin/prlimit';
my $rules = "TLS_From:strict.example PERM+VERIFY\n";
my $refused = [550, '5.7.10'];

sub own
{
	my ($name, %settings) = @_;
	return daemon($rules, name => $name,
	    settings => { %settings, engine => 'own' });
}

my $daemon = own('own');

sub status
{
	my ($what) = @_;
	return Tlspolicy::Scratch::slurp("/proc/$daemon->{pid}/status") =~
	    /^$what:\s+(\d+)/m ? $1 : die "no $what\n";
}

my $sanitized = Tlspolicy::Scratch::slurp("/proc/$daemon->{pid}/maps") =~
    /lib[atu](?:san|bsan)\b/;

sub cpu
{
	my @field = split ' ', Tlspolicy::Scratch::slurp(
	    "/proc/$daemon->{pid}/stat") =~ s/^.*\) //r;
	return ($field[11] + $field[12]) / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

sub served
{
	my ($name) = @_;
	my $start = time;
	my $m = session($daemon, %sendmail);
	answer_is($m->mail('a@strict.example'), $refused, "$name: refused");
	answer_is($m->mail('a@lax.example'), 'continue', "$name: served");
	cmp_ok(time - $start, '<', 4, "$name: at once");
	$m->quit;
}

sub packet
{
	my ($code, $data) = @_;
	return pack 'N a a*', 1 + length $data, $code, $data;
}

my $offer = packet('O', pack 'NNN', 6, 0x1ff, 0x1fffff);

sub peer
{
	return Tlspolicy::Milter->connect($daemon->socket, timeout => 60) //
	    die "no connection\n";
}

served('before');
my $threads = status('Threads');

subtest 'a macro without a value' => sub {
	for my $bad ("M{mail_addr}\0", "M{verify}\0OK\0v\0", 'Mv', "Mv\0x") {
		my $m = peer();
		$m->raw($offer . packet('D', $bad) .
		    packet('M', "<a\@lax.example>\0"));
		my $end = time + 60;
		1 while time < $end && defined $m->read_bytes(1);
		cmp_ok(time, '<', $end, 'the connection is closed');
	}
	served('afterwards');
	logged($daemon,
	    qr/a connection from an MTA was closed: macros that are not names and values/,
	    'the log says so');
	my @lines = $daemon->log =~ /(an MTA was closed)/g;
	is(scalar @lines, 1, 'once a minute');
};

subtest 'half a packet' => sub {
	my @half = map { my $m = peer(); $m->raw($offer . "\0\0\0\x40M"); $m }
	    1 .. 500;
	served('beside 500');
	is(status('Threads'), $threads, 'no thread for any of them');
	$half[0]->read_packet;
	$half[0]->raw("<a\@strict.example>\0" . "x\0" x 22);
	$half[0]->{timeout} = 60;
	# Judged, of a client whose MTA tells nothing.
	answer_is($half[0]->reply, [451, '4.3.0'], 'the other half comes');
};

subtest 'who does not read' => sub {
	my $before = status('VmRSS');
	my $mail = packet('M', "<a\@strict.example>\0") x 200;
	my @deaf;
	for (1 .. 20) {
		my $m = peer();
		$m->raw($offer);
		$m->read_packet;
		$m->{sock}->blocking(0);
		my $sent = 0;
		for (1 .. 500) {
			my $n = syswrite $m->{sock}, $mail or last;
			$sent += $n;
			last if $n < length $mail;
			sleep 0.001;
		}
		push @deaf, $m;
	}
	served('beside them');
	my $grown = status('VmRSS') - $before;
	cmp_ok($grown, '<', 20 * 300, "a bounded part of memory: $grown kB")
	    unless $sanitized;
	my $cpu = cpu();
	sleep 1;
	cmp_ok(cpu() - $cpu, '<', 0.3, 'and no processor');
	$deaf[0]{timeout} = 5;
	my $n = 0;
	$n++ while $deaf[0]->reply->{action} eq 'reply';
	cmp_ok($n, '>', 100, "who begins to read gets all: $n answers");
	close $_->{sock} for @deaf;
	served('afterwards');
};

# The bounds of tlspolicy-milter(8), each just inside and just outside.
subtest 'at its bounds' => sub {
	my $mail = packet('M', "<a\@lax.example>\0");
	my $rest = sub { return "<a\@lax.example>\0" .
	    'x' x ($_[0] - 1 - 17) . "\0" };
	my $macros = sub { return packet('D', 'M' . join '', map {
	    "{m$_}\0x\0" } 1 .. $_[0]) };
	my $bytes = sub { return packet('D', "M{x}\0" . 'x' x ($_[0] - 5) .
	    "\0") };
	my @rows = (
		[1, 'a packet of 262144 bytes', packet('M', $rest->(262144))],
		[0, 'of 262145', packet('M', $rest->(262145))],
		[0, 'of none', "\0\0\0\0"],
		[0, 'of as many as there can be', "\xff\xff\xff\xffM"],
		[1, 'macros of 65536 bytes', $bytes->(65536) . $mail],
		[0, 'of 65537', $bytes->(65537) . $mail],
		[1, '1024 macros', $macros->(1024) . $mail],
		[0, '1025', $macros->(1025) . $mail],
		[0, 'macros of no command', packet('D', "Z{x}\0y\0") . $mail],
		[1, 'a command that we have no use for', packet('U', "X\0") .
		    $mail],
		[0, 'one that is unknown', packet('Z', '') . $mail],
		[0, 'a second negotiation', $offer . $mail],
		[0, 'a negotiation cut off', packet('O', "\0\0\0\6"), 1],
		[0, 'an MTA of long ago', packet('O', pack 'NNN', 1, 0x1ff,
		    0x1fffff), 1],
		[0, 'before the negotiation', $mail . $offer, 1]);
	for my $i (0 .. $#rows) {
		my ($goes_on, $name, $bytes, $first) = @{$rows[$i]};
		my $m = $first ? peer() : session($daemon, %sendmail);
		answer_is($m->mail("before$i\@lax.example"), 'continue',
		    "$name: before") unless $first;
		$m->raw($bytes);
		if ($goes_on) {
			$m->reply if $bytes =~ /^.{4}U/s;
			isnt($m->reply->{action}, 'closed', $name);
			$m->quit;
			next;
		}
		my $end = time + 30;
		1 while time < $end && defined $m->read_bytes(1);
		cmp_ok(time, '<', $end, "$name: closed");
		next if $first;
		ok(Tlspolicy::Scratch::wait_for(30, sub { grep {
		    /"event":"aborted".*"before$i\@lax/ } $daemon->audit_lines }),
		    "$name: recorded as aborted");
	}
	served('afterwards');
};

# Each may hold a quarter of a megabyte, all of them no more than 64.
subtest 'half of what is long, many times' => sub {
	my $before = status('VmRSS');
	my $half = $offer . substr packet('M', 'x' x 262143), 0, 260000;
	my @all = map { my $m = peer(); $m->raw($half); $m } 1 .. 500;
	served('beside them');
	my $grown = status('VmRSS') - $before;
	cmp_ok($grown, '<', 90 * 1024, "a bounded part of memory: $grown kB")
	    unless $sanitized;
	my $closed = grep { $_->read_packet; my $r = '';
	    vec($r, fileno $_->{sock}, 1) = 1;
	    select($r, undef, undef, 0) > 0 } @all;
	cmp_ok($closed, '>', 200, "$closed of them are closed");
	cmp_ok($closed, '<', 450, 'and the others are not');
	close $_->{sock} for @all;
	served('afterwards');
};

# Clients that read answers and send commands without end.
subtest 'who asks without end' => sub {
	my @children;
	for (1 .. 3) {
		my $pid = fork // die "fork: $!\n";
		if ($pid == 0) {
			my $m = peer();
			my $block = packet('M', "<a\@lax.example>\0") x 2800;
			my ($in, $out) = ('', '');
			$m->raw($offer);
			$m->{sock}->blocking(0);
			vec($in, fileno $m->{sock}, 1) = 1;
			my $left = $block;
			for (my $end = time + 30; time < $end;) {
				my ($r, $w) = ($in, $in);
				select($r, $w, undef, 1);
				sysread $m->{sock}, my $answers, 65536 or
				    $!{EAGAIN} or last;
				my $n = syswrite($m->{sock}, $left) // 0;
				$left = substr $left, $n;
				$left = $block if $left eq '';
			}
			POSIX::_exit(0);
		}
		push @children, $pid;
	}
	sleep 0.5;
	my @took;
	for (1 .. 3) {
		my $start = time;
		my $m = session($daemon, %sendmail);
		answer_is($m->mail('a@strict.example'), $refused, 'served');
		$m->quit;
		push @took, sprintf '%.2f', time - $start;
	}
	kill 'TERM', @children;
	waitpid $_, 0 for @children;
	cmp_ok((sort { $a <=> $b } @took)[1], '<', $sanitized ? 5 : 1,
	    "others have their turn: @took s");
};

# tlspolicy-security(7): whatever it sends costs it its own connection.
subtest 'anything at all' => sub {
	my $whole = $offer . packet('D', "Mv\0008.17\0i\0Q\0") .
	    packet('M', "<a\@lax.example>\0") . packet('R', "<b\@x.test>\0") .
	    packet('L', "From\0x\0") . packet('N', '') . packet('E', '') .
	    packet('Q', '');
	my $seed = 4711;
	my $next = sub { $seed = ($seed * 1103515245 + 12345) & 0x7fffffff;
	    return ($seed >> 8) % $_[0] };
	for (1 .. 1500) {
		my $bytes = $whole;
		substr($bytes, $next->(length $bytes), 1) = chr $next->(256)
		    for 0 .. $next->(4);
		substr($bytes, $next->(length $bytes), 1) = '' if $_ % 3 == 0;
		my $m = peer();
		$m->raw($bytes);
		close $m->{sock};
	}
	served('afterwards');
	ok($daemon->alive, 'the daemon is up');
};

# Each thread serves many: none may wait for the disk.
subtest 'records that cannot be written yet' => sub {
	plan skip_all => "no $limits here" unless -x $limits;
	my $first = $daemon;
	$daemon = own('block', 'audit-full' => 'block', 'audit-sync' => 'batch');
	my $fsize = sub { system($limits, '--pid', $daemon->{pid},
	    "--fsize=$_[0]:unlimited") == 0 or die "$limits: $?\n" };
	# The limit is the log's size, as the daemon's messages have to fit into a
	# file of their own.
	my $full = sub { $fsize->(-s "$daemon->{dir}/audit.log") };
	served('before');
	my @waiting = map { session($daemon, %sendmail) } 1 .. 40;
	for (@waiting) {
		$_->mail('a@lax.example');
		$_->rcpt('b@example.org');
	}
	my $seen = () = $daemon->audit;
	$full->();
	my $command = packet('E', '');
	$_->raw($command) for @waiting;
	sleep 0.5;
	my $m = session($daemon, %sendmail);
	my $start = time;
	answer_is($m->mail('a@lax.example'), 'continue', 'another is judged');
	cmp_ok(time - $start, '<', 4, 'and not after their 5 s');
	$fsize->('unlimited');
	my %answers;
	$answers{$_->reply->{action}}++ for @waiting;
	is_deeply(\%answers, { continue => 40 }, 'all are accepted then');
	my @records = grep { $_->{event} eq 'message' }
	    $daemon->audit_after($seen, 40);
	is(scalar @records, 40, 'and recorded');

	# When time is up: refused for now, and taken back.
	$full->();
	for (@waiting) {
		$_->mail('a@lax.example');
		$_->rcpt('b@example.org');
		$_->raw($command);
	}
	$start = time;
	%answers = ();
	for (@waiting) {
		my $r = $_->reply;
		$answers{$r->{action} . ' ' . ($r->{code} // '')}++;
	}
	is_deeply(\%answers, { 'reply 451' => 40 }, 'none is accepted');
	cmp_ok(time - $start, '<', 30, 'in time');
	$fsize->('unlimited');
	Tlspolicy::Scratch::wait_for(60, sub {
		$m->mail('end@lax.example');
		$m->rcpt('b@example.org');
		return $m->message->{action} eq 'continue' });
	my @all = $daemon->audit;
	my $kept = (grep { $_->{event} eq 'message' } @all) -
	    grep { $_->{event} eq 'withdrawn' } @all;
	is($kept, 41, 'and none of those is in the log');
	is($daemon->tlspolicy('audit', 'verify', "$daemon->{dir}/audit.log")
	    ->{status}, 0, 'which is whole');

	# Ended while they wait: all are told, and nobody what is not recorded.
	$_->mail('c@lax.example'), $_->rcpt('b@example.org') for @waiting;
	$full->();
	$_->raw($command) for @waiting;
	sleep 0.3;
	$start = time;
	is($daemon->stop, 0, 'the daemon ends');
	cmp_ok(time - $start, '<', 40, 'in time');
	unlike($daemon->log, qr/does not answer/, 'the log waits for nobody');
	%answers = ();
	$answers{$_->reply->{action}}++ for @waiting;
	my $accepted = delete $answers{continue} // 0;
	is($accepted + ($answers{reply} // 0), 40, 'each has an answer');
	my $recorded = () = grep { $_->{event} eq 'message' &&
	    $_->{from} eq 'c@lax.example' } $daemon->audit;
	cmp_ok($accepted, '<=', $recorded, 'what was accepted is recorded');
	$daemon = $first;
};

subtest 'a limit below what is open' => sub {
	plan skip_all => "no $limits here" unless -x $limits;
	my ($soft) = Tlspolicy::Scratch::slurp(
	    "/proc/$daemon->{pid}/limits") =~ /^Max open files\s+(\d+)/m;
	my @open = map { session($daemon, %sendmail) } 1 .. 40;
	system($limits, '--pid', $daemon->{pid}, '--nofile=20:') == 0 or die;
	answer_is($_->mail('a@strict.example'), $refused, 'it goes on')
	    for @open;
	my $late = Tlspolicy::Milter->connect($daemon->socket, timeout => 60);
	logged($daemon, qr/cannot accept connections; they wait/, 'others wait');
	system($limits, '--pid', $daemon->{pid}, "--nofile=$soft:") == 0 or die;
	ok($late->negotiate, 'and are served then');
	served('afterwards');
	$_->quit for @open;
};

subtest 'HUP' => sub {
	my $m = session($daemon, %sendmail);
	$daemon->configure(engine => 'libmilter', 'log-level' => 'debug');
	$daemon->hup;
	logged($daemon, qr/setting engine: cannot change while the daemon runs/,
	    'the engine stays');
	answer_is($m->mail('a@strict.example'), $refused, 'the session too');
	served('afterwards');
};

is(status('Threads'), $threads, 'as many threads as before');
is($daemon->stop, 0, 'SIGTERM ends it');
done_testing;
