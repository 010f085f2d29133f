#!/usr/bin/perl
#
# Peers of the daemon's other sockets that are broken, silent, many or
# malicious: facts feed, TLSRPT, socketmap, HTTP.  Whatever they do the milter's
# sessions are served and judged as before, memory, descriptors and lines of the
# log are bounded, and the audit log stays whole.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HTTP::Tiny;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use Socket qw(SOCK_DGRAM);
use Test::More;
use Time::HiRes qw(sleep time);
use Tlspolicy::Feed;
use Tlspolicy::Talk;

my %path = map { $_ => scratch()->path("$_.sock") } qw(facts map tlsrpt);
my $port = Tlspolicy::Scratch::free_port();
my %settings = ('facts-socket' => "unix:$path{facts}",
    socketmap => "unix:$path{map}", 'tlsrpt-socket' => "unix:$path{tlsrpt}",
    metrics => "inet:$port\@127.0.0.1");
my $fp = join ':', ('AB') x 32;
my $daemon = daemon(<<"END", settings => \%settings);
TLS_Clt:example.com PERM+ENCR:112
TLS_From:fp.test PERM+ENCR:1+FP:$fp
TLS_Srv:dest.test ENCR:1
TLS_Srv:other.test VERIFY:128+CITag:MyCA
MyCA:/CN=x OK
END
$SIG{PIPE} = 'IGNORE';
my $whole = Tlspolicy::Feed::request(sender => 'a', recipient => 'b');
my $question = '19:tlspolicy dest.test,';
my $report = Tlspolicy::Scratch::slurp(
    "$FindBin::Bin/fuzz/corpus/tlsrpt/success");
my $sanitized = Tlspolicy::Scratch::slurp("/proc/$daemon->{pid}/maps") =~
    /lib[atu](?:san|bsan)\b/;

sub stream
{
	my ($which) = @_;
	return $which eq 'http' ? IO::Socket::INET->new(PeerAddr => '127.0.0.1',
	    PeerPort => $port, Timeout => 60) :
	    IO::Socket::UNIX->new(Peer => $path{$which}, Timeout => 60);
}

sub open_all
{
	return Tlspolicy::Scratch::wait_for(60, sub {
		my @all = map { stream($_) // return 0 } qw(facts map http);
		return IO::Socket::UNIX->new(Type => SOCK_DGRAM,
		    Peer => $path{tlsrpt}) });
}

# What was not taken is not sent: nobody waits for the daemon here.
sub throw
{
	my ($which, $bytes) = @_;
	my $peer = stream($which) // return fail("$which: no connection");
	$peer->blocking(0);
	syswrite $peer, $bytes;
	return $peer;
}

sub memory
{
	return Tlspolicy::Scratch::slurp("/proc/$daemon->{pid}/status") =~
	    /^VmRSS:\s+(\d+)/m ? $1 : 0;
}

sub open_files
{
	return scalar(() = glob "/proc/$daemon->{pid}/fd/*");
}

sub page
{
	my ($name) = @_;
	return HTTP::Tiny->new(timeout => 60)->get(
	    "http://127.0.0.1:$port$name");
}

sub answer_to
{
	my ($peer, $bytes, $length) = @_;
	syswrite $peer, $bytes;
	my $all = '';
	while (length $all < $length) {
		IO::Select->new($peer)->can_read(60) or last;
		sysread($peer, $all, $length - length $all, length $all) or last;
	}
	return $all;
}

# All sockets still serve their peers, and what the policy refuses is refused.
sub unharmed
{
	my ($what) = @_;
	subtest $what => sub {
		ok($daemon->alive, 'the daemon is up') or diag $daemon->log;
		my $m = session($daemon);
		answer_is($m->mail('a@example.com'), [550, '5.7.10'],
		    'a session in clear is refused');
		$m->set(%tls);
		answer_is($m->mail('a@example.com'), 'continue', 'one with TLS not');
		answer_is($m->rcpt('b@loc.test'), 'continue', 'RCPT');
		answer_is($m->message, 'continue', 'the end');
		is(answer_to(stream('map'), $question, 14), '10:OK encrypt,',
		    'the socketmap answers');
		is(answer_to(stream('facts'), $whole, 14), "action=DUNNO\n\n",
		    'so does the feed');
		is(page('/healthz')->{status}, 200, 'healthy');
	};
}

ok(open_all(), 'all sockets are there');
unharmed('before any attack');

subtest 'cut at each byte, hung up, of another protocol' => sub {
	my $http = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
	my $milter = pack('N a NNN', 13, 'O', 6, 0x1ff, 0x1fffff);
	for my $which (qw(facts map http)) {
		my $own = { facts => $whole, map => $question,
		    http => $http }->{$which};
		throw($which, substr $own, 0, $_) for 0 .. length $own;
		for my $bytes ($whole, $question, $http, $milter, $report,
		    "EHLO x\r\n", "\0" x 5000, "\xff" x 5000, "\r\n" x 5000,
		    'x' x 100000, "=\n" x 10000, join '', map { chr } 0 .. 255) {
			throw($which, $bytes);
			throw($which, $own . $bytes);
			throw($which, $bytes . $own);
		}
		my $peer = stream($which);
		syswrite $peer, $_ for split //, $own;
		ok(IO::Select->new($peer)->can_read(60), "$which: byte by byte");
	}
	unharmed('afterwards');
};

subtest 'bytes that nobody asked for' => sub {
	my $before = memory();
	for my $head ("GET /metrics HTTP/1.1\r\nContent-Length: 999999999\r\n\r\n",
	    "GET /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
	    "POST /metrics HTTP/1.1\r\nContent-Length: 999999999\r\n\r\n",
	    "POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
	    'GET /' . 'x' x 8000, "GET /healthz HTTP/1.1\r\nX: ") {
		my @peers = map { throw('http', $head) } 1 .. 10;
		for (1 .. 50) {
			syswrite $_, "ffff\r\n" . 'x' x 65535 . "\r\n" for @peers;
		}
		cmp_ok(memory() - $before, '<', 16384,
		    substr($head, 0, 20) . '...: is not kept') unless $sanitized;
	}
	# Questions without end, and no answer is read.
	my @deaf = map { throw('http', '') } 1 .. 30;
	for (1 .. 20) {
		syswrite $_, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" x 500
		    for @deaf;
	}
	cmp_ok(memory() - $before, '<', 16384, 'answers that nobody reads')
	    unless $sanitized;
	unharmed('beside them');
};

# 10,000 of them would be 300 MB.
subtest 'told much, and asked for nothing' => sub {
	my $before = memory();
	my $peer = Tlspolicy::Feed->connect($path{facts});
	my $dunno = "action=DUNNO\n\n";
	for my $i (1 .. 100) {
		$peer->send(join '', map { Tlspolicy::Feed::request(
		    client_addr => "10.0.$i.$_", client_port => 1000 + $_,
		    sender => 'x' x 15000, recipient => 'y' x 15000) } 1 .. 30);
		$peer->receive(30 * length $dunno);
	}
	cmp_ok(memory() - $before, '<', 40 * 1024, 'is bounded')
	    unless $sanitized;
	unharmed('afterwards');
};

subtest 'lines of the log' => sub {
	my $lines = sub { scalar(() = $daemon->log =~ /\n/g) };
	my %attack = (
		'feed: no requests' => sub { throw('facts', "x\n") },
		'socketmap: no requests' => sub { throw('map', 'x') },
		'socketmap: another map' => sub { answer_to($_[0]{map} //=
		    stream('map'), '11:nomap x.org,', 3) },
		'TLSRPT: bad and good' => sub {
			my $to = $_[0]{tlsrpt} //= IO::Socket::UNIX->new(
			    Type => SOCK_DGRAM, Peer => $path{tlsrpt});
			$to->send('x');
			$to->send($report) },
		'HTTP: no requests' => sub { throw('http', "\0\r\n\r\n") },
	);
	for my $name (sort keys %attack) {
		my $before = $lines->();
		my %kept;
		$attack{$name}->(\%kept) for 1 .. 200;
		unharmed($name);
		cmp_ok($lines->() - $before, '<=', 4, "$name: a few lines") or
		    diag(substr $daemon->log, -1000);
	}
	logged($daemon, qr/: connection ended: the peer/, 'the first is told');
	# A minute is a long time for a test: how many were not told is known.
	like(page('/metrics')->{content},
	    qr/^tlspolicy_$_ (?:[2-9]\d\d|\d{4,})$/m, "$_: all are counted")
	    for qw(facts_dropped_total socketmap_dropped_total
	    handshakes_unread_total);
};

subtest 'the bounds of a request' => sub {
	my $map = sub {
		my ($n) = @_;
		my $peer = stream('map');
		my $request = 'tlspolicy ' . 'a' x ($n - 10);
		return answer_to($peer, length($request) . ":$request,", 3);
	};
	is($map->(4096), '9:N', 'socketmap: 4096 bytes');
	is($map->(4097), '', 'socketmap: not one more');
	my $feed = sub {
		my ($n) = @_;
		my $pad = $n - length($whole) - length "pad=\n";
		return answer_to(stream('facts'), 'pad=' . 'x' x $pad .
		    "\n$whole", 14);
	};
	is($feed->(32768), "action=DUNNO\n\n", 'feed: 32768 bytes');
	is($feed->(32769), '', 'feed: not one more');
	my ($half, $began) = (throw('facts', substr $whole, 0, 20), time);
	my ($rest, $gone) = (throw('facts', $whole), 0);
	while (!$gone && time < $began + 60) {
		syswrite $half, "a=b\n" if time < $began + 9;
		$gone = IO::Select->new($half)->can_read(0.5);
	}
	my $took = time - $began;
	ok($gone && $took > 8 && $took < 20,
	    "feed: 10 seconds for a request, were $took");
	is(answer_to($rest, $whole, 28), "action=DUNNO\n\n" x 2,
	    'feed: one at rest stays');
};
is($daemon->tlspolicy('audit', 'verify')->{status}, 0, 'the log is whole');
is($daemon->stop, 0, 'the daemon stops');

# Two services have half of the descriptors between them, and none of those that
# are spared.
subtest 'few descriptors' => sub {
	my $files = 128;
	$daemon = Tlspolicy::Daemon->start(scratch => scratch(), name => 'few',
	    settings => \%settings, rules => "TLS_Clt:example.com PERM+ENCR:112\n",
	    under => ['sh', '-c', "ulimit -n $files && exec \"\$@\"", 'sh']);
	ok(open_all(), 'all sockets are there');
	my @idle;
	for my $which (qw(facts map)) {
		push @idle, map { stream($which) } 1 .. $files;
		sleep 0.3;
	}
	my $m = session($daemon);
	ok($m, 'beside idle peers of both a session negotiates') or return;
	answer_is($m->mail('a@example.com'), [550, '5.7.10'], 'and is judged');
	cmp_ok(open_files(), '<=', $files / 2 + 45, 'half of the files are left');
	my @sessions = grep { defined } map {
	    Tlspolicy::Milter->connect($daemon->socket) } 1 .. $files;
	Tlspolicy::Scratch::wait_for(60, sub {
		$daemon->log =~ /cannot accept connections/ });
	for my $which (qw(facts map)) {
		push @idle, map { stream($which) } 1 .. $files;
		sleep 0.3;
	}
	cmp_ok(open_files(), "<=", $files - 14, "some are spared");
	my $log = "$daemon->{dir}/audit.log";
	rename $log, "$log.1" or die "$log: $!\n";
	$daemon->hup;
	ok(Tlspolicy::Scratch::wait_for(60, sub { -s $log }),
	    'for another audit file');
	answer_is($m->mail('a@example.com'), [550, '5.7.10'],
	    'the session goes on');
	close $_ for @idle, map { $_->{sock} } @sessions;
	$m->quit;
	is($daemon->stop, 0, 'the daemon stops');
};

subtest 'a socket removed' => sub {
	$daemon = Tlspolicy::Daemon->start(scratch => scratch(), name => 'gone',
	    settings => \%settings, rules => "TLS_Clt:example.com PERM+ENCR:112\n");
	ok(open_all(), 'all sockets are there');
	is(page('/healthz')->{status}, 200, 'healthy');
	for my $name ($path{facts}, $path{map}, $path{tlsrpt},
	    $daemon->socket =~ s/^unix://r) {
		rename $name, "$name.away" or die "$name: $!\n";
		my $r;
		ok(Tlspolicy::Scratch::wait_for(60, sub {
			($r = page('/healthz'))->{status} == 503 }), "$name: seen");
		like($r->{content}, qr/^unix:\Q$name\E was removed or replaced$/,
		    'and named');
		like(page('/metrics')->{content}, qr/^tlspolicy_sockets_up 0$/m,
		    'counted');
		rename "$name.away", $name or die "$name: $!\n";
		ok(Tlspolicy::Scratch::wait_for(60, sub {
			page('/healthz')->{status} == 200 }), 'put back');
	}
	# Nobody else comes to listen there, nor takes the name away; and no two of
	# the daemon's own are at one.
	my %one = (socket => $daemon->socket =~ s/^unix://r,
	    'facts-socket' => $path{facts}, socketmap => $path{map},
	    'tlsrpt-socket' => $path{tlsrpt});
	my $start = sub {
		my ($name, %other) = @_;
		my $second = Tlspolicy::Daemon->new(scratch => scratch(),
		    build => 0, name => $name, settings => \%other);
		my $r = Tlspolicy::Scratch::run({ timeout => 60 },
		    Tlspolicy::Daemon::program('tlspolicy-milter'), '-c',
		    $second->{conf});
		is($r->{status}, 69, "$name: does not start") or diag($r->{err});
		return $r->{err};
	};
	for my $setting (sort keys %one) {
		my $path = $one{$setting};
		like($start->("second-$setting", $setting => "unix:$path"),
		    qr/\Q$path\E: another process listens there/, 'and says why');
		ok(-S $path, 'the name stays');
	}
	$start->('same', map { $_ => 'unix:' . scratch()->path('one.sock') }
	    sort keys %one);
	ok(open_all(), 'who was there goes on');
	is(page('/healthz')->{status}, 200, 'healthy');
	is($daemon->stop, 0, 'the daemon stops');
};
done_testing;
