#!/usr/bin/perl
# What Postfix 3.10 tells by its TLSRPT socket: datagrams that libtlsrpt 0.5.0
# made (t/fuzz/corpus/tlsrpt), recorded in the chain, counted, passed on, shown
# and summed up; and what else may be written there.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP qw(decode_json encode_json);
use Socket qw(SOCK_DGRAM SOCK_STREAM);
use Test::More;
use Tlspolicy::Talk;

my ($path, $to) = map { scratch()->path($_) } 'tlsrpt.sock', 'collector.sock';
my $http = Tlspolicy::Scratch::free_port();
my %settings = ('tlsrpt-socket' => "unix:$path", 'tlsrpt-socket-mode' => '0600',
    'tlsrpt-forward' => "unix:$to", metrics => "inet:$http\@127.0.0.1");
my $daemon = daemon("TLS_Clt:a.test ENCR:1\n", settings => \%settings);
Tlspolicy::Scratch::wait_for(60, sub { -S $path }) or die 'no socket';
is((stat $path)[2] & 0777, 0600, 'tlsrpt-socket-mode');
logged($daemon, qr/told of TLS with servers on unix:\Q$path\E/, 'said');

sub seed { Tlspolicy::Scratch::slurp("$FindBin::Bin/fuzz/corpus/tlsrpt/$_[0]") }
# What a dead process left is there until the daemon has removed it.
sub open_socket { Tlspolicy::Scratch::wait_for(60, sub { IO::Socket::UNIX->new(Type => SOCK_DGRAM, Peer => $path) }) //
    die "$path: $!" }
my $out = open_socket();
sub put { my ($datagram) = @_; defined $out->send($datagram) or die "send: $!" }
sub told { grep { $_->{event} eq 'handshake' } $daemon->audit }
# Sends one datagram more and waits for its record: those before it are recorded
# then.
my $marks = 0;
sub until_read {
	my $mark = 'mark' . ++$marks . '.test';
	put(seed('success') =~ s/partner\.example/$mark/gr);
	return Tlspolicy::Scratch::wait_for(60, sub { grep { $_->{domain} eq $mark } told() });
}
sub metric {
	my ($name) = @_;
	my $sock = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $http, Timeout => 60) // die "metrics: $!";
	print $sock "GET /metrics HTTP/1.0\r\n\r\n";
	local $/;
	return (<$sock> =~ /^tlspolicy_\Q$name\E (\d+)$/m)[0];
}

# Each datagram of the library, and what it becomes.
my %server = (name => 'mx.partner.example', addr => '192.0.2.25');
sub failed { my ($type, %more) = @_; return { result_type => $type, server => \%server, helo => 'mx.partner.example',
    sender_addr => '192.0.2.1', %more } }
my %sts = (domain => 'partner.example', policy_type => 'sts', policy_domain => 'partner.example');
my %tlsa = (%sts, policy_type => 'tlsa');
my %none = (%sts, policy_type => 'no-policy-found');
my @seeds = (
	[success => { %none, outcome => 'success', failures => [] }],
	['success-sts' => { %sts, outcome => 'success', failures => [] }],
	['success-tlsa' => { %tlsa, policy_domain => 'mx.partner.example', outcome => 'success', failures => [] }],
	(map { ["failure-$_->[0]" => { %sts, outcome => 'failure', failures => [failed($_->[1])] }] }
	    ['starttls', 'starttls-not-supported'], ['mismatch', 'certificate-host-mismatch'],
	    ['untrusted', 'certificate-not-trusted'], ['expired', 'certificate-expired'],
	    ['validation', 'validation-failure'], ['fetch', 'sts-policy-fetch-error']),
	(map { ["failure-$_->[0]" => { %tlsa, outcome => 'failure', failures => [failed($_->[1])] }] }
	    ['tlsa', 'tlsa-invalid'], ['dnssec', 'dnssec-invalid'], ['dane', 'dane-required']),
	['failure-reason' => { %none, outcome => 'failure', failures => [failed('validation-failure',
	    reason => 'self-signed_certificate', more => "more: \"quoted\" \\ \x01")] }],
	['failure-untold' => { domain => 'partner.example', policy_type => 'no-policy-found', outcome => 'failure',
	    failures => [{ result_type => 'validation-failure' }] }],
	['two-policies' => { %sts, outcome => 'failure', failures => [failed('sts-policy-invalid'),
	    failed('sts-webpki-invalid')] }, { %tlsa, outcome => 'success', failures => [] }],
	[utf8 => { domain => 'xn--jrgen-kva.example', policy_type => 'no-policy-found',
	    policy_domain => 'xn--jrgen-kva.example', outcome => 'failure', failures => [{ result_type =>
	    'validation-failure', server => { name => "mx.j\xfcrgen.example", addr => '192.0.2.25' },
	    sender_addr => '192.0.2.1', helo => "hi \x{fffd}\x{fffd}", more => "\x{202e}evil", reason => "\x{fffd}2J" }] }],
);
my %file = map { (/([^\/]+)$/)[0] => 1 } glob "$FindBin::Bin/fuzz/corpus/tlsrpt/*";
is(join(' ', sort map { $_->[0] } @seeds), join(' ', sort keys %file), 'each that was recorded is looked at');
for (@seeds) {
	my ($name, @want) = @$_;
	my $before = told();
	put(seed($name));
	ok(until_read(), "$name: read");
	my @got = told();
	@got = @got[$before .. $#got - 1];
	delete @{$_}{qw(v event time seq chain)} for @got;
	is_deeply(\@got, \@want, "$name: recorded") or diag(map { encode_json($_) . "\n" } @got);
}
my $failures = grep { $_->{outcome} eq 'failure' } map { @$_[1 .. $#$_] } @seeds;
is(metric('handshakes_failed_total'), $failures, 'counted: those that failed');
is(metric('handshakes_total'), scalar told(), '... and all');
is(metric('handshakes_unread_total'), 0, '... and none that was not read');
like($daemon->tlspolicy('audit', 'verify', "$daemon->{dir}/audit.log")->{out}, qr/whole|no line/i, 'in the chain')
    or diag($daemon->tlspolicy('audit', 'verify', "$daemon->{dir}/audit.log")->{err});

# Datagrams are passed on byte for byte to the collector, which is started here.
logged($daemon, qr/TLSRPT: \Q$to\E: what comes is not passed on: No such file/, 'nobody there is said');
is(() = $daemon->log =~ /not passed on/g, 1, 'once');
my $collector = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $to) // die;
put(seed('failure-reason'));
ok(IO::Select->new($collector)->can_read(60), 'passed on');
$collector->recv(my $passed, 70000);
is($passed, seed('failure-reason'), 'as it came');
logged($daemon, qr/what comes is passed on again/, 'said');
# A collector that does not read: the daemon does not wait for it.
put(seed('success')) for 1 .. 50;
ok(until_read(), 'a collector that does not read keeps nobody waiting');
close $collector;
unlink $to;

# Datagrams that are none of libtlsrpt's are not recorded.
my $good = seed('failure-starttls');
my @bad = (['nothing', ''], ['no JSON', 'hello'], ['an array', '[1]'], ['cut', substr $good, 0, -1],
    ['more behind it', "$good {}"], ['another version', $good =~ s/^\{/{"dpv":"2",/r],
    ['no domain', $good =~ s/"d"/"D"/r], ['an empty domain', $good =~ s/"d": "[^"]*"/"d": ""/r],
    ['no policy', $good =~ s/"policies":.*/"policies":[]}/r], ['five policies', do {
	my ($p) = $good =~ /"policies":\[(.*)\]\}$/; $good =~ s/"policies":.*/'"policies":[' . join(',', ($p) x 5) . ']}'/er }],
    ['five failures', do { my ($f) = $good =~ /"failure-details":\[(\{.*?\})\]/; $good =~ s/\Q$f\E/join ',', ($f) x 5/er }],
    ['an unknown code', $good =~ s/"c":201/"c":999/r], ['a negative one', $good =~ s/"c":201/"c":-1/r],
    ['an unknown type', $good =~ s/"policy-type":2/"policy-type":3/r], ['a result that is none', $good =~ s/"f":1\}/"f":2}/r],
    ['no result', $good =~ s/,"f":1\}/}/r], ['a long name', $good =~ s/"n": "[^"]*"/'"n": "' . 'x' x 385 . '"'/er],
    ['a bare control character', $good =~ s/mx\.partner/mx\n/r], ['a NUL', $good =~ s/mx\.partner/mx\0/r],
    ['nested without end', '{"x":' . '[' x 60000], ['a broken escape', $good =~ s/\\r/\\x/r],
    ['too long', $good =~ s/\}$/' ' x 66000 . '}'/er]);
my ($before, $unread) = (scalar told(), metric('handshakes_unread_total'));
put($_->[1]) for @bad;
ok(until_read(), 'what is none of it is read');
is(told() - $before, 1, 'and not recorded') or diag(map { encode_json($_) . "\n" } (told())[-3 .. -1]);
is(metric('handshakes_unread_total') - $unread, @bad, 'but counted');
logged($daemon, qr/TLSRPT: a datagram cannot be read: byte 1: expected an object$/m, 'said');
unlike($daemon->log, qr/hello/, 'without what a stranger wrote');
logged($daemon, qr/datagrams can be read again/, 'and when it is over');
is(() = $daemon->log =~ /TLSRPT: a datagram cannot/g, 1, 'once for all');

# The worst that fits: every string as long as may be, and all of it escaped.
my $worst = "\x7f" x 384;
put('{"d":"' . $worst . '","policies":[' . join(',', ('{"policy-type":1,"policy-domain":"' . $worst . '","failure-details":['
    . join(',', ('{"c":201,' . join(',', map { "\"$_\":\"$worst\"" } qw(s n h r a f)) . '}') x 4) . '],"f":1}') x 4) . ']}');
ok(until_read(), 'the longest');
is(scalar(grep { length $_->{domain} == 384 } told()), 4, 'is recorded');

# More datagrams than are read in a second: only those are lost that the full socket
# refuses.
my $sent = 0;
$out->blocking(0);
for (1 .. 5000) { $sent++ if defined $out->send(seed('success') =~ s/partner\.example/flood.test/gr) }
$out->blocking(1);
ok(until_read(), "$sent of 5000 at once");
is(scalar(grep { $_->{domain} eq 'flood.test' } told()), $sent, 'each that was taken is recorded');
answer_is(session($daemon, %sendmail, client_name => 'x.a.test')->mail('a@example.com'), [451, '4.7.10'],
    'and the milter goes on');

# A stream socket cannot connect.
ok(!IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $path), 'no stream socket');

# For people, and in sums.
my $log = "$daemon->{dir}/audit.log";
my $r = $daemon->tlspolicy('audit', 'show', '--domain', 'partner.example', $log);
like($r->{out}, qr/^\S+ handshake failure domain=partner\.example policy=sts server=mx\.partner\.example addr=192\.0\.2\.25 why=certificate-expired$/m, 'show');
like($r->{out}, qr/ handshake success domain=partner\.example policy=tlsa$/m, 'show: a success');
unlike($daemon->tlspolicy('audit', 'show', $log)->{out}, qr/[^\x20-\x7e\n]/, 'nothing for a terminal but ASCII');
unlike($daemon->tlspolicy('audit', 'show', '--domain', 'other.test', $log)->{out}, qr/handshake/, 'of another domain');
like($daemon->tlspolicy('audit', 'show', '--to', 'joe@partner.example', $log)->{out}, qr/handshake/, 'of an address there');
is($daemon->tlspolicy('audit', 'show', '--client', 'partner.example', $log)->{out}, '', 'it has no client');
my $report = decode_json($daemon->tlspolicy('report', '--left', '--json', $log)->{out});
my ($domain) = grep { $_->{domain} eq 'partner.example' } @{$report->{domains}};
is($domain->{sum}{failed} // $domain->{failed}, $failures, 'report --left') or diag(encode_json($domain));
my ($alarm) = grep { ($_->{domain} // '') eq 'partner.example' } @{$report->{alarms}};
is("$alarm->{alarm} $alarm->{resolved}", 'failing 1', 'to be looked at, and over') or diag(encode_json($report->{alarms}));
like($alarm->{text}, qr/^TLS with its servers was wanted and not to be had: \d+ times, first \S+, last \S+ \(\S+\)\. It works since\.$/, 'in words');
my ($open) = grep { ($_->{domain} // '') eq 'xn--jrgen-kva.example' } @{$report->{alarms}};
ok($open && !$open->{resolved}, 'one that is not over');
is(decode_json($daemon->tlspolicy('report', '--json', $log)->{out})->{total}{mails}, 0, 'no mail that came in');

# A dead process's socket is removed, a living one's is not.
is($daemon->stop, 0, 'the end');
ok(!-e $path, 'the socket is gone');
my $live = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $path) // die;
$r = Tlspolicy::Scratch::run(Tlspolicy::Scratch::builddir() . '/tlspolicy-milter', '-c', $daemon->{conf});
is($r->{status}, 69, 'somebody else is told there');
like($r->{err}, qr/\Q$path\E: another process listens there/, 'said');
close $live;
$daemon->run;
put_anew();
sub put_anew { $out = open_socket(); ok(until_read(), 'what a dead process left is removed') }
logged($daemon, qr/removed the socket that a dead process left: \Q$path\E/, 'said');
is($daemon->stop, 0, 'the end again');
for (['tlsrpt-socket' => 'inet:1@127.0.0.1'], ['tlsrpt-socket' => 'unix:x'], ['tlsrpt-forward' => 'x']) {
	$daemon->configure(%settings, @$_);
	is(Tlspolicy::Scratch::run(Tlspolicy::Scratch::builddir() . '/tlspolicy-milter', '-t', '-c', $daemon->{conf})->{status},
	    78, "not @$_");
}
$daemon->configure(%settings);
like(Tlspolicy::Scratch::run(Tlspolicy::Scratch::builddir() . '/tlspolicy-milter', '-t', '-c', $daemon->{conf})->{out},
    qr/^told of TLS with servers on unix:\Q$path\E/m, '-t');
done_testing;
