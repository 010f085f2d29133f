#!/usr/bin/perl
# What Postfix tells by its policy delegation: rules on fingerprints hold, fail
# and cannot be judged by it; who lies, is late or talks nonsense frees nobody.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HTTP::Tiny;
use IO::Socket::INET;
use Test::More;
use Tlspolicy::Feed;
use Tlspolicy::Talk;

my $fp = join ':', ('AB') x 32;
my $pkfp = join ':', ('CD') x 32;
my $other = join ':', ('11') x 32;
my $path = scratch()->path('facts.sock');
my $http = Tlspolicy::Scratch::free_port();
my $daemon = daemon(<<"END", settings => { 'facts-socket' => "unix:$path",
TLS_From:fp.test PERM+ENCR:1+FP:$fp++FP:$other
TLS_From:key.test PERM+ENCR:1+PKFP:$pkfp
TLS_From:both.test PERM+VERIFY+FP:$fp
TLS_From:hold.test HOLD+ENCR:1+FP:$fp
TLS_From:warn.test WARN+ENCR:1+FP:$fp
TLS_From:perm.test PERM+ENCR:1+VER:1.3
TLS_To:bound\@own.test PERM+ENCR:1+FP:$fp
TLS_To:strict\@own.test PERM+ENCR:1+VER:1.3
END
    metrics => "inet:$http\@127.0.0.1", 'facts-socket-mode' => '0600' });

my $cannot = [451, '4.3.0', qr/nor has the facts feed/];
my $wrong = [554, '5.7.1'];
my $port = 20000;
my $dunno = "action=DUNNO\n\n";

# The socket exists a moment before the daemon listens.
my $feed = Tlspolicy::Scratch::wait_for(60,
    sub { Tlspolicy::Feed->connect($path) }) or die "no connection: $!";
is((stat $path)[2] & 0777, 0600, 'facts-socket-mode');

# A Postfix session with TLS and a certificate that it could not verify.
sub client
{
	my (%more) = @_;
	my %m = (%postfix, client_port => ++$port, tls_version => 'TLSv1.2',
	    cipher => 'ECDHE-RSA-AES256-GCM-SHA384', cipher_bits => '256',
	    %more);
	return (session($daemon, %m), %m);
}

sub told
{
	my ($m, $sender, $recipient, %more) = @_;
	return $feed->tell(%$m, sender => $sender, recipient => $recipient,
	    fp => $fp, pkfp => $pkfp, %more);
}

# How often the feed was needed for a recipient and had nothing.
sub missed
{
	my $sock = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
	    PeerPort => $http, Timeout => 60) or die "no page: $!";
	print $sock "GET /metrics HTTP/1.0\r\n\r\n";
	local $/;
	return <$sock> =~ /^tlspolicy_facts_missed_total (\d+)/m ? $1 : 'none';
}

sub last_record
{
	my ($seen) = @_;
	return ($daemon->audit_after($seen))[-1];
}

subtest 'told' => sub {
	for my $from (qw(a@fp.test a@key.test)) {
		my ($s, %m) = client();
		my $seen = () = $daemon->audit;
		answer_is($s->mail($from), 'continue', "MAIL $from waits");
		is(told(\%m, $from, 'b@own.test'), $dunno, 'DUNNO');
		answer_is($s->rcpt('b@own.test'), 'continue', 'its RCPT');
		answer_is($s->rcpt('c@own.test'), 'continue',
		    'the next one needs no other');
		answer_is($s->message, 'continue', 'its end');
		my $r = last_record($seen);
		is($r->{tls}{fingerprint}, $fp, 'in the record');
		is($r->{tls}{key_fingerprint}, $pkfp, 'that of the key, too');
		is($r->{client}{port}, $port, 'and the port');
		is($r->{verdict}, 'accept', 'accepted');
		is_deeply([map { $_->{result} } @{$r->{rules}}], ['holds'],
		    'by its rule');
	}
};

subtest 'another certificate, or none' => sub {
	for my $shown ($pkfp, '') {
		my ($s, %m) = client();
		my $seen = () = $daemon->audit;
		$s->mail('a@fp.test');
		told(\%m, 'a@fp.test', 'b@own.test', fp => $shown);
		answer_is($s->rcpt('b@own.test'), $wrong, 'refused for good');
		my $r = last_record($seen);
		is($r->{event}, 'refused-rcpt', 'recorded');
		is($r->{reason}, 'wrong-certificate', 'with the reason');
		told(\%m, 'a@fp.test', 'c@own.test', fp => $shown);
		answer_is($s->rcpt('c@own.test'), $wrong, 'the next one, too');
	}
};

subtest 'what else is judged' => sub {
	my ($s, %m) = client();
	answer_is($s->mail('a@perm.test'), [554, '5.7.10'],
	    'no fingerprint: at MAIL');
	answer_is($s->mail('a@both.test'), [554, '5.7.1'],
	    'another test of its rule fails: at MAIL');
	($s, %m) = client();
	$s->mail('a@warn.test');
	told(\%m, 'a@warn.test', 'b@own.test', fp => $other);
	answer_is($s->rcpt('b@own.test'), 'continue', 'WARN');
	answer_is($s->message, 'continue', 'to its end');
	($s, %m) = client();
	$s->mail('a@hold.test');
	told(\%m, 'a@hold.test', 'b@own.test', fp => $other);
	answer_is($s->rcpt('b@own.test'), 'continue', 'HOLD at RCPT');
	my $seen = () = $daemon->audit;
	$s->message;
	is(last_record($seen)->{verdict}, 'hold', 'is held at the end');
	($s, %m) = client();
	answer_is($s->mail('a@none.test'), 'continue', 'no rule at MAIL');
	told(\%m, 'a@none.test', 'bound@own.test');
	answer_is($s->rcpt('bound@own.test'), 'continue', 'TLS_To, told');
	told(\%m, 'a@none.test', 'strict@own.test');
	answer_is($s->rcpt('strict@own.test'), [554, '5.7.10'],
	    'TLS_To, another rule');
	($s, %m) = client();
	$s->mail('a@none.test');
	answer_is($s->rcpt('bound@own.test'), $cannot, 'TLS_To, not told');
};

subtest 'what is missed is counted' => sub {
	my $before = missed();
	my ($s, %m) = client();
	$s->mail('a@none.test');
	$s->rcpt('c@own.test');
	is(missed(), $before, 'no rule needs it');
	$s->rcpt('bound@own.test');
	is(missed(), $before + 1, 'a rule for the recipient');
	($s, %m) = client();
	$s->mail('a@fp.test');
	$s->rcpt('c@own.test');
	is(missed(), $before + 2, 'a rule for the sender');
	told(\%m, 'a@fp.test', 'bound@own.test');
	$s->rcpt('bound@own.test');
	is(missed(), $before + 2, 'not what was told');
};

subtest 'in clear there is no certificate' => sub {
	my %m = (%postfix, client_port => ++$port);
	my $s = session($daemon, %m);
	answer_is($s->mail('a@fp.test'), [550, '5.7.10'], 'no need to wait');
};

subtest 'nothing told, or of somebody else' => sub {
	my @others = ([client_port => 1], [client_addr => '192.0.2.2'],
	    [daemon_port => 587], [daemon_addr => '192.0.2.26'],
	    [tls_version => 'TLSv1.3'], [cipher => 'AES128-SHA'],
	    [cipher_bits => 128], [cert_subject => 'x'], [cert_issuer => 'x'],
	    [sender => 'z@fp.test'], [recipient => 'z@own.test'],
	    [state => 'MAIL'], [state => 'DATA'], [tls_version => ''],
	    [client_addr => ''], [client_addr => 'unknown'],
	    [client_port => ''], [client_port => '0'], [client_port => '-1'],
	    [client_port => '99999'], [sender => ''], [recipient => '']);
	for my $o ([], @others) {
		my ($s, %m) = client();
		answer_is($s->mail('a@fp.test'), 'continue', 'MAIL');
		is(told(\%m, 'a@fp.test', 'b@own.test', @$o), $dunno,
		    'told of another') if @$o;
		answer_is($s->rcpt('b@own.test'), $cannot, @$o ?
		    "$o->[0] $o->[1]: cannot tell" : 'nothing: cannot tell');
		told(\%m, 'a@fp.test', 'c@own.test');
		answer_is($s->rcpt('c@own.test'), 'continue',
		    'told of the next recipient');
	}
};

subtest 'an entry is for one recipient' => sub {
	my ($s, %m) = client();
	$s->mail('a@fp.test');
	told(\%m, 'a@fp.test', 'b@own.test');
	answer_is($s->rcpt('b@own.test'), 'continue', 'the first');
	$s->message;
	answer_is($s->mail('a@fp.test'), 'continue', 'the next message');
	answer_is($s->rcpt('b@own.test'), $cannot, 'is told of anew');
	$s->abort;
	my $next = session($daemon, %m);
	$next->mail('a@fp.test');
	answer_is($next->rcpt('b@own.test'), $cannot,
	    'and so is the next client from that port');
	# A request of another stage on the connection ends it.
	$next->abort;
	$next->mail('a@fp.test');
	told(\%m, 'a@fp.test', 'b@own.test');
	told(\%m, 'a@fp.test', 'b@own.test', state => 'DATA');
	answer_is($next->rcpt('b@own.test'), $cannot, 'after DATA');
};

# Postfix asked, and refused the recipient by itself: the milter was not told of
# it.  The next client from that port looks the same, and its request is lost.
subtest 'what was told before MAIL is of another client' => sub {
	my ($s, %m) = client();
	$s->mail('a@fp.test');
	told(\%m, 'a@fp.test', 'b@own.test');
	my $next = session($daemon, %m);
	$next->mail('a@fp.test');
	answer_is($next->rcpt('b@own.test'), $cannot, 'not told of itself');
	told(\%m, 'a@fp.test', 'c@own.test');
	told(\%m, 'a@fp.test', 'c@own.test');
	answer_is($next->rcpt('c@own.test'), 'continue', 'told, and again');
	for my $lie ($other =~ s/11/22/r, '') {
		$next->abort;
		told(\%m, 'a@fp.test', 'b@own.test');
		$next->mail('a@fp.test');
		told(\%m, 'a@fp.test', 'b@own.test', fp => $lie);
		answer_is($next->rcpt('b@own.test'), $wrong,
		    'what it shows itself counts');
	}
};

subtest 'two things told of one session' => sub {
	for my $lie ($other, '') {
		my ($s, %m) = client();
		$s->mail('a@fp.test');
		my @told = ([fp => $lie], []);
		for (@told, reverse @told) {
			told(\%m, 'a@fp.test', 'b@own.test', @$_);
		}
		answer_is($s->rcpt('b@own.test'), $cannot, 'neither counts');
		told(\%m, 'a@fp.test', 'c@own.test');
		answer_is($s->rcpt('c@own.test'), 'continue', 'one does');
	}
};

subtest 'spellings' => sub {
	for my $n (['"a b"@fp.test', 'a b@fp.test'], ['', ''],
	    ['a@fp.test', 'a@fp.test'], ['"a\"b"@fp.test', 'a"b@fp.test'],
	    ['@x.test:a@fp.test', 'a@fp.test', 'a@fp.test']) {
		my ($s, %m) = client(defined $n->[2] ?
		    (mail_addr => $n->[2]) : ());
		$s->mail($n->[0]);
		told(\%m, $n->[1], 'bound@own.test');
		answer_is($s->rcpt('bound@own.test'), 'continue', $n->[0]);
	}
	my ($s, %m) = client(client_addr => 'IPv6:2001:db8::1',
	    daemon_addr => 'IPv6:2001:db8::2');
	$s->mail('a@fp.test');
	told({ %m, client_addr => '2001:DB8:0::1',
	    daemon_addr => '2001:db8:0:0::2' }, 'a@fp.test', 'b@own.test');
	answer_is($s->rcpt('b@own.test'), 'continue', 'IPv6');
	($s, %m) = client(cert_subject => 'Mail of Example',
	    cert_issuer => 'CA + Co');
	$s->mail('a@both.test');
	told({ %m, cert_subject => 'Mail+20of+20Example',
	    cert_issuer => 'CA+20+2B+20Co' }, 'a@both.test', 'b@own.test');
	answer_is($s->rcpt('b@own.test'), 'continue', 'names in xtext');
};

subtest 'no requests' => sub {
	my $whole = Tlspolicy::Feed::request(sender => 'a', recipient => 'b');
	my $is = 'ends the connection';
	for my $bad ("\n", "x\n", "=x\n", "GET / HTTP/1.0\r\n\r\n",
	    "request=other\n\n", "sender=a\n\n", "a=\0\n",
	    "request=smtpd_access_policy\nrequest=smtpd_access_policy\n\n",
	    $whole =~ s/\n\n/\nsender=c\n\n/r, 'x' x 32768,
	    "a=b\n" x 8192) {
		my $peer = Tlspolicy::Feed->connect($path);
		$peer->send($bad);
		ok($peer->closed(60), substr($bad =~ s/[^ -~]/./gr, 0, 30)
		    . " $is");
	}
	my $peer = Tlspolicy::Feed->connect($path);
	$peer->send($_) for split //, $whole;
	is($peer->receive(length $dunno), $dunno, 'byte by byte');
	$peer->send($whole x 100);
	is($peer->receive(100 * length $dunno), $dunno x 100,
	    'many without waiting');
	$peer->send("unknown=1\n" . 'long=' . 'x' x 20000 . "\n" . $whole);
	is($peer->receive(length $dunno), $dunno, 'names of others');
	is(told({}, 'a', 'b'), $dunno, 'the first one is still there');
};

subtest 'a flood' => sub {
	my ($s, %m) = client();
	$s->mail('a@fp.test');
	told(\%m, 'a@fp.test', 'b@own.test');
	my $flood = '';
	$flood .= Tlspolicy::Feed::request(%m, client_port => 1 + $_ % 65000,
	    client_addr => '10.' . join('.', $_ >> 16, $_ >> 8 & 255, $_ & 255),
	    sender => 'x', recipient => 'y') for 1 .. 20500;
	my $peer = Tlspolicy::Feed->connect($path);
	my $pid = fork // die;
	if ($pid == 0) {
		$peer->send($flood);
		require POSIX;
		POSIX::_exit(0);
	}
	is(length $peer->receive(20500 * length $dunno),
	    20500 * length $dunno, 'is answered');
	waitpid $pid, 0;
	answer_is($s->rcpt('b@own.test'), $cannot,
	    'what it pushed out is not told');
	told(\%m, 'a@fp.test', 'c@own.test');
	answer_is($s->rcpt('c@own.test'), 'continue', 'the next one is');
};

# Postfix itself refused every recipient: nobody was told of a verdict.
subtest 'a MAIL that waits, and no recipient' => sub {
	my $page = sub {
		HTTP::Tiny->new->get("http://127.0.0.1:$http/metrics")->{content}
		    =~ /^(tlspolicy_verdicts_total\{[^}]*tempfail[^}]*\} \d+)/m;
		return $1 // 'none';
	};
	my $before = $page->();
	for my $told (0, 1) {
		my ($s, %m) = client();
		my $seen = () = $daemon->audit;
		$s->mail('a@fp.test');
		told(\%m, 'a@fp.test', 'b@own.test') if $told;
		$s->abort;
		$s->mail('a@none.test');
		my ($r) = $daemon->audit_after($seen);
		is("$r->{event} $r->{verdict} $r->{reason}",
		    'aborted tempfail policy-error', 'what it would have been');
		is($r->{rules}[0]{result}, 'cannot-tell', 'by its rule');
	}
	is($page->(), $before, 'is not counted');
};

# An end of message without a recipient, as no MTA sends it: it is not accepted, and
# is recorded.
subtest 'the end of a MAIL that waits, with no recipient let in' => sub {
	for my $end ('message', 'eom') {
		my ($s, %m) = client();
		my $seen = () = $daemon->audit;
		answer_is($s->mail('a@fp.test'), 'continue', "$end: MAIL waits");
		answer_is($s->rcpt('b@own.test'), $cannot, "$end: nothing told");
		answer_is($s->$end, [451, '4.3.0', qr/has not been judged/],
		    "$end: not accepted");
		my @r = $daemon->audit_after($seen, 2);
		is_deeply([map { "$_->{event} $_->{from} $_->{verdict}" } @r],
		    ['refused-rcpt a@fp.test tempfail',
		    'aborted a@fp.test tempfail'], "$end: recorded");
		$seen = () = $daemon->audit;
		$s->quit;
		$s = session($daemon, %m);
		$s->mail('a@perm.test');
		is(join(' ', map { $_->{event} } $daemon->audit_after($seen)),
		    'refused-mail', "$end: once");
	}
};

# By the record alone the same verdicts come out.
my $r = $daemon->tlspolicy('replay', "$daemon->{dir}/audit.log");
is($r->{status}, 0, 'replay: nothing differs') or diag($r->{out}, $r->{err});

is($daemon->stop, 0, 'the daemon stops');
ok(!-e $path, 'its socket is removed');
$daemon->configure('facts-socket' => 'inet:1234@127.0.0.1');
$r = Tlspolicy::Scratch::run({ timeout => 60 },
    Tlspolicy::Daemon::program('tlspolicy-milter'), '-t', '-c',
    $daemon->{conf});
is($r->{status}, 78, 'no TCP');
like($r->{err}, qr{is not off or unix:/PATH}, 'says what is expected');
done_testing;
