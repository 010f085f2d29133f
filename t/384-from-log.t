#!/usr/bin/perl
#
# tlspolicy audit from-log: what lines of a mail log become, what they cannot
# tell, and that nobody outside can write records into it.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP;
use Test::More;
use Time::Local qw(timegm);
use Tlspolicy::Scratch;

$ENV{TZ} = 'UTC';
my $bin = Tlspolicy::Scratch::builddir();
plan skip_all => "$bin/tlspolicy is not built" unless -x "$bin/tlspolicy";
my $scratch = Tlspolicy::Scratch->new;
my $cases = Tlspolicy::Scratch::topdir() . '/t/data/cases';
my $conf = $scratch->write('conf', 'audit-file = ' .
    $scratch->path('audit.log') . "\n");

sub tlspolicy {
	my $opt = ref $_[0] ? shift : {};
	my ($command, @args) = @_;
	return Tlspolicy::Scratch::run($opt, "$bin/tlspolicy",
	    $command, ($command eq 'audit' ? shift @args : ()), '-c', $conf,
	    @args);
}

# The records of a log that is given as text, last written in that year.
my $files = 0;
sub log_file {
	my ($text, $when) = @_;
	my $path = $scratch->write('maillog' . $files++, $text);
	$when //= timegm(0, 0, 0, 1, 11, 2026);
	utime $when, $when, $path;
	return $path;
}

sub records {
	my ($text, %how) = @_;
	my $r = tlspolicy('audit', 'from-log', @{$how{args} // []},
	    log_file($text, $how{when}));
	my $ok = $r->{status} == ($how{status} // 0);
	ok($ok, ($how{name} // 'from-log') . ': exit code') or
	    diag("$r->{status}\n$r->{err}");
	like($r->{err}, $how{err}, "$how{name}: what is said") if $how{err};
	return map { decode_json($_) } split /\n/, $r->{out};
}

# "from client: version" for short.
sub short {
	return map { my $tls = $_->{tls}; join ' ', $_->{from} // '?',
	    $_->{client}{name}, !exists $_->{tls} ? 'untold' :
	    defined $tls ? "$tls->{version} $tls->{verify}" : 'clear' } @_;
}

sub gives {
	my ($name, $text, $want, %how) = @_;
	is_deeply([short(records($text, name => $name, %how))], $want, $name);
}

# A Postfix session: who, TLS in smtpd's words or nothing, and its messages.
my $pid = 1000;
sub postfix {
	my ($client, $tls, @messages) = @_;
	my ($p, $out) = ($pid++, '');
	my $say = sub { $out .= "Nov 20 08:00:00 mx postfix/$_[0]\n" };
	$say->("smtpd[$p]: connect from $client");
	$say->("smtpd[$p]: $tls TLS connection established from $client: "
	    . 'TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)')
	    if $tls;
	for (@messages) {
		my $id = sprintf '4XyZ%08dz1', $files * 1000 + $pid++;
		$say->("smtpd[$p]: $id: client=$client");
		$say->("qmgr[900]: $id: from=<$_>, size=1200, nrcpt=1 "
		    . '(queue active)');
	}
	$say->("smtpd[$p]: disconnect from $client");
	return $out;
}

# --- the case that the command was made for ---------------------------------

my $case = log_file(Tlspolicy::Scratch::slurp("$cases/24-maillog.in"));
my $run = tlspolicy('audit', 'from-log', $case);
is($run->{status}, 0, 'a log of both MTAs') or diag($run->{err});
my @two = map { decode_json($_) } split /\n/, $run->{out};
is_deeply([short(@two)], ['a@bank.example mail.bank.example TLSv1.3 OK',
    'b@clinic.example mail.clinic.example TLSv1.2 NO'], 'two records');
is_deeply([map { "@{$_}{qw(source queue_id mta time)} "
    . "$_->{client}{addr} $_->{tls}{cipher} $_->{tls}{bits}" } @two], [
    'maillog 4XyZ1a2b3cz1 Postfix 2026-11-20T08:00:02.000000Z 192.0.2.10 '
    . 'TLS_AES_256_GCM_SHA384 256',
    'maillog 5AK8110A000077 sendmail 2026-11-20T08:01:02.000000Z 192.0.2.11 '
    . 'ECDHE-RSA-AES256-GCM-SHA384 256'], 'all that is told');
my @never = qw(chain seq generation session rcpts rules helo);
is_deeply([grep { my $m = $_; grep { exists $_->{$m} } @two } @never], [],
    'nothing that was not told');
is_deeply([grep { exists $_->{tls}{cn} || exists $_->{tls}{issuer} ||
    exists $_->{tls}{fingerprint} } @two], [], 'nor names of certificates');

my $log = $scratch->write('records', $run->{out});
my $report = tlspolicy('report', '--json', $log);
my $sums = decode_json($report->{out});
is_deeply([@$sums{qw(records maillog)}, @{$sums->{total}}{qw(mails tls
    verified untold)}], [2, 2, 2, 2, 1, 0], 'report counts them');
like($report->{err}, qr/2 records were made of a mail log, which is no evidence: recipients, HELO and names/,
    'report says what they cannot tell');
like(tlspolicy('report', $log)->{out}, qr/^TLS report.*, 2 records, 2 made of a mail log: no evidence$/m,
    'in its head, too');
like(tlspolicy('report', '--html', $log)->{out},
    qr/made of a mail log: no evidence/, 'and on the page');
my $suggest = tlspolicy('suggest', '--mails', 1, '--days', 0, $log);
like($suggest->{out}, qr/^TLS_From:bank\.example\tWARN\+VERIFY/m,
    'suggest proposes');
like($suggest->{out}, qr/^# 2 of them were made of a mail log\.$/m,
    'and writes down of what');
my $rules = $scratch->write('rules', "TLS_From:bank.example VERIFY:128\n"
    . "TLS_From:clinic.example PERM+VERIFY\nTLS_To:example.org VERIFY\n");
my $replay = tlspolicy('replay', '--json', '-r', $rules, $log);
is($replay->{status}, 1, 'replay judges');
is(decode_json($replay->{out})->{refused}, 1, 'one would be refused');
like($replay->{err}, qr/rules of TLS_To were not judged/,
    'replay says what it could not judge');
my $verify = tlspolicy('audit', 'verify', $log);
is($verify->{status}, 65, 'verify refuses them');
like($verify->{err}, qr/:1: added: a record made of a mail log, which is never evidence/,
    'and says why');
like(tlspolicy('audit', 'show', $log)->{out}, qr/^\S+ maillog accept id=4XyZ/m,
    'show marks them');
my $why = tlspolicy('audit', 'why', '4XyZ1a2b3cz1', $log);
like($why->{out}, qr/^made of a mail log: .*nothing here judged it$/m,
    'why does not explain a verdict that was never given');
unlike($why->{out}, qr/^(?:verdict|keys tried)/m, 'nor tries');

# A rule that asks for names in certificates, which a mail log does not tell:
# "cannot tell", counted as a refusal.
$scratch->write('names', "TLS_From:bank.example PERM+VERIFY+CN:mail.bank.example\n");
$replay = tlspolicy('replay', '--json', '-r', $scratch->path('names'), $log);
is_deeply([$replay->{status}, map { "$_->{change} $_->{would_be}" }
    @{decode_json($replay->{out})->{groups}}], [1, 'refused tempfailed'],
    'a rule on names that are not told') or diag($replay->{out});

# Records of a mail log that somebody sealed (without a key) are still no evidence.
my $sealed = '{"v":1,"event":"message","time":"2026-11-20T08:00:02.000000Z",'
    . '"source":"maillog","node":"mx","verdict":"accept","seq":2';
use Digest::SHA qw(sha256_hex);
my $link = '{"v":1,"event":"link","time":"2026-11-20T08:00:00.000000Z",'
    . '"previous":"' . '0' x 64 . '","torn":0,"seq":1';
my $c1 = sha256_hex('0' x 64 . "$link}");
my $c2 = sha256_hex("$c1$sealed}");
my $chain = $scratch->write('sealed', "$link,\"chain\":\"$c1\"}\n");
is(tlspolicy('audit', 'verify', $chain)->{status}, 0, 'a chain of one link');
$scratch->write('sealed', "$link,\"chain\":\"$c1\"}\n$sealed,\"chain\":\"$c2\"}\n");
is(tlspolicy('audit', 'verify', $chain)->{status}, 65,
    'with a sealed record out of a log');

# --- times ------------------------------------------------------------------

my @forms = (
	['syslog', 'Nov 20 08:00:02', '2026-11-20T08:00:02.000000Z'],
	['one digit', 'Nov  2 08:00:02', '2026-11-02T08:00:02.000000Z'],
	['short-precise', 'Nov 20 08:00:02.123456', '2026-11-20T08:00:02.123456Z'],
	['RFC 3339', '2026-11-20T08:00:02.123456+01:00', '2026-11-20T07:00:02.123456Z'],
	['RFC 3339, Z', '2026-11-20T08:00:02Z', '2026-11-20T08:00:02.000000Z'],
	['short-iso', '2026-11-20T08:00:02-0330', '2026-11-20T11:30:02.000000Z'],
	['no zone', '2026-11-20 08:00:02', '2026-11-20T08:00:02.000000Z'],
	['short-unix', '1795161602.000001', '2026-11-20T08:00:02.000001Z'],
	['priority', '<22>Nov 20 08:00:02', '2026-11-20T08:00:02.000000Z'],
);
my $session = postfix('mail.bank.example[192.0.2.10]', 'Trusted',
    'a@bank.example');
for (@forms) {
	my ($name, $stamp, $want) = @$_;
	my ($record) = records($session =~ s/^Nov 20 08:00:00/$stamp/mgr,
	    name => $name);
	is($record->{time}, $want, $name);
}
{
	local $ENV{TZ} = 'America/New_York';
	is((records($session))[0]{time}, '2026-11-20T13:00:00.000000Z',
	    'what has no zone is local time');
	is((records($session =~ s/^Nov 20 08/Jul 20 08/mgr))[0]{time},
	    '2026-07-20T12:00:00.000000Z', 'also in summer');
}

# The journal's JSON, also with other members and in any order.
my $json = join '', map { my ($tag, $p, $message) =
    /^\S+ +\S+ \S+ \S+ ([^\[]+)\[(\d+)\]: (.*)/;
    encode_json({ __REALTIME_TIMESTAMP => '1795161602000000', _PID => '4',
	SYSLOG_PID => $p, SYSLOG_IDENTIFIER => $tag, _HOSTNAME => 'mx',
	MESSAGE => $message, PRIORITY => '6', __CURSOR => 's=1;i=2' }) . "\n"
    } split /\n/, $session;
gives('journalctl -o json', "$json\n", ['a@bank.example mail.bank.example TLSv1.3 OK']);
my @bytes = split /^/, $json;
$bytes[3] =~ s/"MESSAGE":"([^"]*)"/'"MESSAGE":[' . join(',', unpack 'C*',
    $1 =~ s{a\@}{a\xff\@}r) . ']'/e;
is((records(join '', @bytes))[0]{from}, "a\x{fffd}\@bank.example",
    'journalctl -o json, bytes that are not UTF-8');
gives('marks of the journal', "-- Logs begin at Fri --\n$session-- Boot 1 --\n\n"
    . "    a line that goes on\n", ['a@bank.example mail.bank.example TLSv1.3 OK']);

my $new_year = timegm(0, 0, 0, 3, 0, 2026);
is_deeply([map { $_->{time} } records(($session =~ s/^Nov 20/Dec 31/mgr)
    . ($session =~ s/^Nov 20/Jan  1/mgr =~ s/4XyZ/5XyZ/gr)
    . ($session =~ s/^Nov 20/Dec 31/mgr =~ s/4XyZ/6XyZ/gr)
    . ($session =~ s/^Nov 20/Jan  2/mgr =~ s/4XyZ/7XyZ/gr), when => $new_year)],
    [map { "${_}T08:00:00.000000Z" } qw(2025-12-31 2026-01-01 2025-12-31
    2026-01-02)], 'over New Year, a straggler too');
is((records($session, when => timegm(0, 0, 0, 5, 4, 2026)))[0]{time},
    '2025-11-20T08:00:00.000000Z', 'November in a file of May');
is((records($session, args => ['--year', 2019]))[0]{time},
    '2019-11-20T08:00:00.000000Z', '--year');

# --- Postfix ----------------------------------------------------------------

my $bank = 'a@bank.example mail.bank.example TLSv1.3';
for (['postfix/smtpd', 'postfix/qmgr'], ['postfix/submission/smtpd',
    'postfix/qmgr'], ['postfix/smtps/smtpd', 'postfix/qmgr'],
    ['postfix-in/smtpd', 'postfix-in/qmgr'], ['mta/mx1/smtpd', 'mta/nqmgr']) {
	my ($smtpd, $qmgr) = @$_;
	gives("service $smtpd", $session =~ s{postfix/smtpd}{$smtpd}gr =~
	    s{postfix/qmgr}{$qmgr}gr, ["$bank OK"]);
}
gives('a short queue id', $session =~ s/4XyZ\w+/3F2A81B0C9/gr, ["$bank OK"]);
gives('a port behind the client',
    $session =~ s/\[192\.0\.2\.10\]/[192.0.2.10]:54321/gr, ["$bank OK"]);
gives('what TLS 1.3 has behind', $session =~
    s/ bits\)/ bits) key-exchange X25519 server-signature RSA-PSS (2048 bits)/r,
    ["$bank OK"]);
gives('a name asked for', $session =~ s/\]: TLSv1/] to mx.example.org: TLSv1/r,
    ["$bank OK"]);
for (['Anonymous', 'NO-OR-FAIL'], ['Untrusted', 'NO-OR-FAIL'],
    ['Trusted', 'OK'], ['Verified', 'OK']) {
	gives("$_->[0]", postfix('mail.bank.example[192.0.2.10]', $_->[0],
	    'a@bank.example'), ["$bank $_->[1]"]);
}
gives('IPv6, no name', postfix('unknown[2001:db8::1]', 'Trusted', ''),
    ['<> [2001:db8::1] TLSv1.3 OK']);

my ($login) = records($session =~ s/(client=.*)/$1, sasl_method=PLAIN, sasl_username=joe, x\@bank.example/r);
is_deeply($login->{auth}, { id => 'joe, x@bank.example', type => 'PLAIN' },
    'a login');

my $tls = postfix('mx.other.example[192.0.2.99]', 'Untrusted',
    'o@other.example');
my $other = 'o@other.example mx.other.example TLSv1.3 NO-OR-FAIL';
my $clear = postfix('mail.bank.example[192.0.2.10]', '', 'a@bank.example');
my $in_clear = 'a@bank.example mail.bank.example clear';
my $untold = 'a@bank.example mail.bank.example untold';
gives('in clear, beside lines about TLS', $tls . $clear, [$other, $in_clear]);
gives('nothing about TLS in the log', $clear, [$untold],
    err => qr/^1 record cannot tell whether there was TLS/m);
gives('nothing about TLS before', $clear . $tls, [$untold, $other]);
gives('only of another service',
    ($tls =~ s{/smtpd}{/submission/smtpd}gr) . $clear, [$other, $untold]);
gives('only of another host', ($tls =~ s/ mx / mx2 /gr) . $clear,
    [$other, $untold]);
gives('a session that began before the log',
    $tls . ($clear =~ s/.*: connect .*\n//r), [$other, $untold]);
gives('the next session of a process',
    ($tls . $clear) =~ s/smtpd\[\d+\]/smtpd[1]/gr, [$other, $in_clear]);
gives('of which no end was logged', ($tls =~ s/.*disconnect.*\n//r . $clear)
    =~ s/smtpd\[\d+\]/smtpd[1]/gr, [$other, $in_clear]);
gives('nor the beginning', ($tls =~ s/.*disconnect.*\n//r
    . $clear =~ s/.*: connect .*\n//r) =~ s/smtpd\[\d+\]/smtpd[1]/gr,
    [$other, $untold]);
gives('a line about TLS that nobody understands',
    $tls . ($session =~ s/ with cipher / over /r), [$other, $untold],
    status => 65, err => qr/^1 line of a session was not understood$/m);
gives('STARTTLS after the first message', $tls
    . postfix('mail.bank.example[192.0.2.10]', '', 'a@bank.example') =~
    s/.*disconnect.*\n//r . ($session =~ s/.*: connect .*\n//r =~
    s/smtpd\[\d+\]/'smtpd[' . ($pid - 2) . ']'/ger),
    [$other, $in_clear, "$bank OK"]);
gives('refused, never taken in', $clear =~ s/.*qmgr.*\n//r, [],
    err => qr/^1 message left out: the log does not tell that it was taken in$/m);
gives('a second try of the queue', $session . join('', grep { /qmgr/ }
    split /^/, $session), ["$bank OK"]);
gives('local submission', "$session"
    . "Nov 20 08:00:01 mx postfix/pickup[8]: 4XyZ11111111z1: uid=0 from=<root>\n"
    . "Nov 20 08:00:01 mx postfix/qmgr[900]: 4XyZ11111111z1: from=<root\@mx>, "
    . "size=3, nrcpt=1 (queue active)\n", ["$bank OK"],
    err => qr/^1 local submission left out$/m);

my ($exempt) = records(postfix('localhost[127.0.0.1]', 'Trusted', 'a@b.example'));
is($exempt->{exempt}, JSON::PP::true, 'exempt-clients');

# --- nobody can write records -----------------------------------------------

my $forged = 'Nov 20 08:00:00 mx postfix/smtpd[1]: Trusted TLS connection '
    . 'established from mail.bank.example[192.0.2.10]: TLSv1.3 with cipher '
    . 'TLS_AES_256_GCM_SHA384 (256/256 bits)';
for my $text ("helo=<$forged>", "x#012$forged", "x\\n$forged", "x\r$forged",
    "x\x{85}$forged") {
	my $line = 'Nov 20 08:00:00 mx postfix/smtpd[1]: ';
	gives('a forged line: ' . substr($text, 0, 6) =~ s/\W/?/gr, $tls
	    . ($clear =~ s/smtpd\[\d+\]/smtpd[1]/gr =~ s/(.*4XyZ.*client)/${line}NOQUEUE: reject: RCPT from mail.bank.example[192.0.2.10]: 554 5.7.1 no; from=<> to=<x> proto=ESMTP $text\n$1/r),
	    [$other, $in_clear]);
}
gives('a sender that looks like the rest of its line', $session =~
    s/from=<a\@bank\.example>/from=<"b>, size=1, nrcpt=1 (queue active)"\@bank.example>/r,
    ['"b>, size=1, nrcpt=1 (queue active)"@bank.example mail.bank.example TLSv1.3 OK']);
my ($nasty) = records($session =~ s/from=<a\@/from=<"},{\\"x\\":\e[2J\xff"\@/r);
like($nasty->{from}, qr/^"\},\{\\"x/, 'a sender that looks like JSON');
gives('a login that looks like a queue', $session =~
    s/(client=.*)/$1, sasl_method=PLAIN, sasl_username=x, sasl_username=y: client=z[1.2.3.4]/r,
    ["$bank OK"]);
gives('another program that speaks like smtpd', $session =~
    s{postfix/}{evil-}gr, [], status => 65,
    err => qr/no line of Postfix or sendmail was found/);
gives('smtpd without postfix/: OpenSMTPD', $session =~ s{postfix/}{}gr, [],
    status => 65);

gives('a NUL in an address', $session =~ s/\[192/[\x{00}192/gr, [],
    status => 65);
gives('a NUL in a host, by the journal',
    $json =~ s/"_HOSTNAME":"mx"/"_HOSTNAME":"mx\\u0000x"/gr, [], status => 65);

# --- sendmail ---------------------------------------------------------------

my $relay = 'mail.clinic.example [192.0.2.11]';
sub sm { join '', map { "Nov 20 08:01:0$_[0] mx sm-mta[$_[1]]: $_\n" } @_[2 .. $#_] }
sub sm_tls { sm(1, $_[0], "STARTTLS=server, relay=$_[1], version=TLSv1.2, verify=NO, "
    . 'cipher=ECDHE-RSA-AES256-GCM-SHA384, bits=256/256') }
sub sm_mail { my ($p, $id, $r, $proto, $from) = @_; sm(2, $p, "$id: from="
    . ($from // '<b@clinic.example>') . ", size=900, class=0, nrcpts=1, "
    . "msgid=<x\@y>, proto=$proto, daemon=MTA, relay=$r") }
my $done = ': to=<bob@example.org>, delay=00:00:01, mailer=local, pri=1, stat=Sent';
my $clinic = 'b@clinic.example mail.clinic.example';
my $q = '5AK8110A00';
gives('sendmail', sm_tls(77, $relay) . sm_mail(77, "${q}01", $relay, 'ESMTPS')
    . sm(3, 77, "${q}01$done"), ["$clinic TLSv1.2 NO"]);
gives('in clear', sm_tls(77, 'x.example [192.0.2.1]')
    . sm_mail(78, "${q}01", $relay, 'ESMTP'), ["$clinic clear"]);
gives('nothing about TLS in the log', sm_mail(78, "${q}01", $relay, 'ESMTP'),
    ["$clinic untold"]);
gives('over TLS, but its line is missing', sm_tls(77, 'x.example [192.0.2.1]')
    . sm_mail(78, "${q}01", $relay, 'ESMTPS'), ["$clinic untold"]);
gives('a process id that came again, in clear', sm_tls(77, $relay)
    . sm_mail(77, "${q}01", $relay, 'ESMTP'), ["$clinic untold"]);
gives('and from another client', sm_tls(77, 'x.example [192.0.2.1]')
    . sm_mail(77, "${q}01", $relay, 'ESMTPS'), ["$clinic untold"]);
gives('refused by a milter at the end', sm_tls(77, $relay)
    . sm_mail(77, "${q}01", $relay, 'ESMTPS')
    . sm(3, 77, "${q}01: Milter: data, reject=550 5.7.1 Command rejected"), []);
gives('refused by a milter at DATA', sm_tls(77, $relay)
    . sm(2, 77, "${q}01: Milter: cmd=data, reject=550 5.7.1 Command rejected")
    . sm_mail(77, "${q}01", $relay, 'ESMTPS'), []);
gives('a recipient refused by a milter', sm_tls(77, $relay)
    . sm(2, 77, "${q}01: Milter: to=<x>, reject=550 5.7.1 Command rejected")
    . sm_mail(77, "${q}01", $relay, 'ESMTPS'), ["$clinic TLSv1.2 NO"]);
gives('no recipient', sm_tls(77, $relay) . sm_mail(77, "${q}01", $relay,
    'ESMTPS') =~ s/nrcpts=1/nrcpts=0/r, []);
gives('local', sm_tls(77, $relay) . sm_mail(78, "${q}01", 'root@localhost',
    'ESMTP'), [], err => qr/^1 local submission left out$/m);
gives('a name that does not lead back', sm_tls(77, "$relay (may be forged)")
    . sm_mail(77, "${q}01", "$relay (may be forged)", 'ESMTPS'),
    ['b@clinic.example [192.0.2.11] TLSv1.2 NO']);
gives('no name', sm_tls(77, '[192.0.2.11]') . sm_mail(77, "${q}01",
    '[192.0.2.11]', 'ESMTPS'), ['b@clinic.example [192.0.2.11] TLSv1.2 NO']);
gives('what the client says of itself (ident)', sm_tls(77, "a, relay=mail.bank.example [192.0.2.10]\@$relay")
    . sm_mail(77, "${q}01", "a, relay=mail.bank.example [192.0.2.10]\@$relay", 'ESMTPS'),
    ["$clinic TLSv1.2 NO"]);
gives('a sender that looks like the rest of its line', sm_tls(77, $relay)
    . sm_mail(78, "${q}01", 'x.example [192.0.2.1]', 'ESMTP',
    "<\"b>, size=1, proto=ESMTPS, relay=$relay\"\@x.example>"),
    ["\"b>, size=1, proto=ESMTPS, relay=$relay\"\@x.example x.example clear"]);
gives('a sender that was cut', sm_tls(77, $relay) . sm_mail(77, "${q}01",
    $relay, 'ESMTPS', '<' . 'x' x 199), ['? mail.clinic.example TLSv1.2 NO']);
($login) = records(sm_tls(77, $relay) . sm(1, 77, "AUTH=server, relay=$relay, "
    . 'authid=joe, mech=PLAIN, mech=PLAIN, bits=0')
    . sm_mail(77, "${q}01", $relay, 'ESMTPSA'));
is_deeply($login->{auth}, { id => 'joe, mech=PLAIN', type => 'PLAIN' }, 'a login');
($login) = records(sm_mail(77, "${q}01", $relay, 'ESMTPA'));
is_deeply($login->{raw}{auth_authen}, JSON::PP::false,
    'somebody logged in, and who is not told');
my $solaris = sm_tls(77, $relay) . sm_mail(77, "${q}01", $relay, 'ESMTPS');
gives('another name, with --mta sendmail', $solaris =~ s/sm-mta/out/gr =~
    s/\]: /]: [ID 702911 mail.info] /gr, ["$clinic TLSv1.2 NO"],
    args => ['--mta', 'sendmail']);
gives('--mta postfix', $solaris . $session, ["$bank OK"],
    args => ['--mta', 'postfix']);
gives('--mta sendmail', $solaris . $session, ["$clinic TLSv1.2 NO"],
    args => ['--mta', 'sendmail']);

# --- what is not told is never good news ------------------------------------

my $blind = $scratch->write('blind', tlspolicy('audit', 'from-log',
    log_file($tls . $session . ($clear =~ s{/smtpd}{/submission/smtpd}gr)))->{out});
is(Tlspolicy::Scratch::slurp($blind) =~ tr/\n//, 3, 'one without a word of TLS');
my $seen = decode_json(tlspolicy('report', '--json', '--domain',
    'bank.example', $blind)->{out});
is_deeply([@{$seen->{total}}{qw(mails tls untold verified)}], [2, 1, 1, 1],
    'report counts it apart');
my $page = tlspolicy('report', '--html', '--domain', 'bank.example', $blind)->{out};
unlike($page, qr/Each of the/, 'and states nothing of each');
like($page, qr/the mail log does not tell/, 'but that the log does not tell');
unlike(tlspolicy('suggest', '--mails', 1, '--days', 0, $blind)->{out},
    qr/^TLS_From:bank/m, 'suggest proposes nothing');
like(tlspolicy('suggest', '--mails', 1, '--days', 0, '--why-not', $blind)->{out},
    qr/^# bank\.example: not every mail came over TLS/m, 'and why');
like(tlspolicy('audit', 'show', $blind)->{out},
    qr/from=a\@bank\.example tls not told$/m, 'show says it');
for ('VERIFY', 'ENCR:128', 'ENCR:1+VER:1.2', 'ENCR:1+PFS') {
	my $file = $scratch->write('told', "TLS_From:bank.example PERM+$_\n");
	my $r = tlspolicy('replay', '--json', '-r', $file, $blind);
	is_deeply([$r->{status}, map { "$_->{count} $_->{would_be}" }
	    @{decode_json($r->{out})->{groups}}], [1, '1 tempfailed'],
	    "$_: cannot tell");
	like($r->{out}, qr/found a log that does not tell/, "$_: why");
	like($r->{err}, qr/^1 of them cannot tell whether there was TLS$/m,
	    "$_: said");
}

# --- mail that left ---------------------------------------------------------

sub out { join '', map { "Nov 20 08:00:0$_[0] mx $_[1]: $_\n" } @_[2 .. $#_] }
my $to_mx = 'mx.x.example[192.0.2.5]:25';
sub out_tls { out(1, "postfix/smtp[$_[0]]", "$_[1] TLS connection established to "
    . "$to_mx: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)") }
my $ok = 'delay=0.3, delays=0.2/0/0/0.1, dsn=2.0.0, status=sent (250 2.0.0 Ok)';
sub out_mail { my ($p, $id, $to, $more) = @_; out(2, "postfix/smtp[$p]",
    "4XyZ$id: to=<$to>, relay=$to_mx, " . ($more // '') . $ok) }
my $show = sub { map { my $t = $_->{tls}; "$_->{rcpts}[0] $_->{server}{name} "
    . (!exists $_->{tls} ? 'untold' : $t ? "$t->{version} $t->{verify}" .
    ($_->{server}{matched} ? ' matched' : '') : 'clear') } @_ };
for (
    ['TLS', [out_tls(7, 'Verified'), out_mail(7, 1, 'a@x.example')],
	['a@x.example mx.x.example TLSv1.3 OK matched']],
    ['a chain alone', [out_tls(7, 'Trusted'), out_mail(7, 1, 'a@x.example')],
	['a@x.example mx.x.example TLSv1.3 OK']],
    ['two recipients', [out_tls(7, 'Untrusted'), out_mail(7, 1, 'a@x.example'),
	out_mail(7, 1, 'b@x.example')],
	[map { "$_\@x.example mx.x.example TLSv1.3 NO-OR-FAIL" } qw(a b)]],
    ['the next one in clear', [out_tls(7, 'Trusted'), out_mail(7, 1,
	'a@x.example'), out_mail(7, 2, 'b@x.example')],
	['a@x.example mx.x.example TLSv1.3 OK',
	'b@x.example mx.x.example clear']],
    ['nothing about TLS', [out_mail(7, 1, 'a@x.example')],
	['a@x.example mx.x.example untold']],
    ['a connection of another process', [out_tls(7, 'Trusted'),
	out_mail(8, 1, 'a@x.example', 'conn_use=2, ')],
	['a@x.example mx.x.example untold']],
    ['deferred', [out_tls(7, 'Trusted'), out_mail(7, 1, 'a@x.example') =~
	s/status=sent/status=deferred/r], []],
    ['an answer that looks like a delivery', [out_tls(7, 'Trusted'),
	out_mail(7, 1, 'a@x.example') =~ s/sent \(.*/deferred (x, status=sent (y))/r],
	[]],
    ['a recipient that looks like one', [out_tls(7, 'Trusted'),
	out_mail(7, 1, "\"b>, relay=evil[192.0.2.6]:25, $ok\"\@x.example")],
	["\"b>, relay=evil[192.0.2.6]:25, $ok\"\@x.example mx.x.example TLSv1.3 OK"]],
    ['a socket', [out(1, 'postfix/smtp[7]', "4XyZ1: to=<a\@x>, relay=none, $ok")],
	[]],
    ['sendmail', [out(1, 'sm-mta[7]', 'STARTTLS=client, relay=mx.x.example., '
	. 'version=TLSv1.2, verify=OK, cipher=X, bits=256/256',
	'5AK1: to=<a@x.example>,<"b,"@x.example>, ctladdr=<c@x> (1/1), '
	. 'delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=1, relay='
	. 'mx.x.example. [192.0.2.5], dsn=2.0.0, stat=Sent (ok, relay=z [1.2.3.4])')],
	[map { "$_\@x.example mx.x.example TLSv1.2 OK" } 'a', '"b,"']],
    ['sendmail, in clear', [out(1, 'sm-mta[6]', 'STARTTLS=client, '
	. 'relay=mx.y., version=TLSv1.2, verify=OK, cipher=X, bits=256/256'),
	out(1, 'sm-mta[7]', '5AK1: to=<a@x.example>, delay=00:00:01, '
	. 'mailer=esmtp, pri=1, relay=mx.x.example. [192.0.2.5], dsn=2.0.0, '
	. 'stat=Sent (ok)')], ['a@x.example mx.x.example clear']],
    ['sendmail, deferred', [out(1, 'sm-mta[7]', '5AK1: to=<a@x.example>, '
	. 'delay=00:00:01, mailer=esmtp, pri=1, relay=mx.x.example. [192.0.2.5], '
	. 'dsn=4.0.0, stat=Deferred: x, stat=Sent')], []],
) {
	my ($name, $lines, $want) = @$_;
	is_deeply([$show->(records(join('', @$lines), name => $name))], $want,
	    "mail that left: $name");
}
my $left = $scratch->write('left', tlspolicy('audit', 'from-log', log_file(
    out_tls(7, 'Trusted') . out_mail(7, 1, 'a@x.example')))->{out});
is(tlspolicy('audit', 'show', $left)->{out}, '2026-11-20T08:00:02Z maillog '
    . 'delivered id=4XyZ1 server=mx.x.example addr=192.0.2.5 to=a@x.example '
    . "tls=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 verify=OK\n",
    'show prints mail that left');
is(tlspolicy('audit', 'show', '--domain', $_->[0], $left)->{out} =~ tr/\n//,
    $_->[1], "of domain $_->[0]") for ['x.example', 1], ['y.example', 0];
is(tlspolicy('audit', 'show', '--json', $left)->{out},
    "[\n" . Tlspolicy::Scratch::slurp($left) . "]\n", 'or as it is');
for (['report'], ['suggest'], ['replay', '-r', $rules]) {
	like(tlspolicy(@$_, $left)->{err}, qr/^1 of mail that left, out of a mail log, left out/m,
	    "$_->[0] leaves it out, and says so");
}
is(tlspolicy('audit', 'verify', $left)->{status}, 65, 'verify refuses it');

# --- mail that was kept, for want of TLS ------------------------------------

my $status = 'delay=0.3, delays=0.2/0/0/0.1, dsn=4.7.5, status=';
sub out_kept { my ($p, $id, $to, $why, $relay) = @_; out(2, "postfix/smtp[$p]",
    "4XyZ$id: to=<$to>, relay=" . ($relay // $to_mx) . ", $status$why") }
my $host = 'host mx.x.example[192.0.2.5]';
sub sm_kept { out(1, 'sm-mta[7]', map { "5AK1: $_" } @_) }
my $sm = 'delay=00:00:01, mailer=esmtp, pri=1, relay=mx.x.example. [192.0.2.5], dsn=4.7.0, stat=';
my $kept = sub { map { my $f = $_->{failures}[0]; join ' ', $_->{event}, $_->{outcome}, "@{$_->{rcpts}}", $_->{domain},
    $f->{server}{name} // '-', $f->{result_type} } @_ };
for (
    ['no STARTTLS', [out_kept(7, 1, 'a@x.example', "deferred (TLS is required, but was not offered by $host)")],
	'mx.x.example starttls-not-supported'],
    ['STARTTLS refused', [out_kept(7, 1, 'a@x.example', "deferred (TLS is required, but $host refused to start TLS: 454 no)")],
	'mx.x.example starttls-not-supported'],
    ['a handshake', [out_kept(7, 1, 'a@x.example', 'deferred (Cannot start TLS: handshake failure)')],
	'mx.x.example validation-failure'],
    ['a name', [out_tls(7, 'Trusted'), out_kept(7, 1, 'a@x.example', 'deferred (Server certificate not verified)')],
	'mx.x.example certificate-host-mismatch'],
    ['a chain', [out_tls(7, 'Untrusted'), out_kept(7, 1, 'a@x.example', 'deferred (Server certificate not verified)')],
	'mx.x.example certificate-not-trusted'],
    ['a chain, as said before 3.10', [out_tls(7, 'Untrusted'), out_kept(7, 1, 'a@x.example',
	'deferred (Server certificate not trusted)')], 'mx.x.example certificate-not-trusted'],
    ['no TLSA records', [out_kept(7, 1, 'a@x.example', 'deferred (no TLSA records found)')], 'mx.x.example dane-required'],
    ['an answer of ours', [out_kept(7, 1, 'a@x.example', 'deferred (client TLS configuration problem)', 'none')],
	'- validation-failure'],
    ['bounced in the end', [out_kept(7, 1, 'a@x.example', 'bounced (Server certificate not verified)')],
	'mx.x.example certificate-host-mismatch'],
    ['sendmail, the server', [sm_kept("to=<a\@x.example>, ${sm}Deferred: 403 4.7.0 authentication failed")],
	'mx.x.example certificate-not-trusted'],
    ['sendmail, in clear', [sm_kept("to=<a\@x.example>, ${sm}Deferred: 403 4.7.0 encryption too weak 0 less than 112")],
	'mx.x.example starttls-not-supported'],
    ['sendmail, the recipient', [sm_kept('ruleset=tls_rcpt, arg1=a@x.example, relay=mx.x.example., reject=403 4.7.0 CN '
	. 'x does not match y', "to=<a\@x.example>, ${sm}Deferred")], 'mx.x.example certificate-host-mismatch'],
    ['what a server said', [out_kept(7, 1, 'a@x.example', "deferred ($host said: 451 TLS is required, but was not offered)")], undef],
    ['a recipient that says it', [out_kept(7, 1, "\"b>, $status" . 'deferred (no TLSA records found)"@x.example',
	"deferred (connect to $host: Connection refused)")], undef],
    ['of the queue, not of a try', [out(2, 'postfix/error[7]', "4XyZ1: to=<a\@x.example>, relay=none, $status"
	. 'deferred (delivery temporarily suspended: Server certificate not verified)')], undef],
    ['sendmail, of the server itself', [sm_kept("to=<a\@x.example>, ${sm}Deferred: 451 4.7.1 authentication fails here")], undef],
    ['sendmail, a recipient that says it', [sm_kept('ruleset=tls_rcpt, arg1="a, relay=z, reject=403 4.7.0 CN "@x.example, '
	. 'relay=mx.x.example., reject=550 5.7.1 other words')], undef],
) {
	my ($name, $lines, $want) = @$_;
	is_deeply([$kept->(records(join('', @$lines), name => $name))],
	    [defined $want ? 'handshake failure a@x.example x.example ' . $want : ()], "mail that was kept: $name");
}
my $waits = $scratch->write('waits', tlspolicy('audit', 'from-log', log_file(out_kept(7, 1, 'a@x.example',
    "deferred (TLS is required, but was not offered by $host)")))->{out});
is(tlspolicy('audit', 'show', $waits)->{out}, '2026-11-20T08:00:02Z maillog handshake failure id=4XyZ1 domain=x.example '
    . 'server=mx.x.example addr=192.0.2.5 why=starttls-not-supported reason=TLS is required, but was not offered '
    . "to=a\@x.example\n", 'show prints it');
is(tlspolicy('audit', 'show', @{$_->[0]}, $waits)->{out} =~ tr/\n//, $_->[1], "of @{$_->[0]}")
    for [['--domain', 'x.example'], 1], [['--domain', 'y.example'], 0], [['--to', 'a@x.example'], 1], [['--to', 'b@x.example'], 0];
is(tlspolicy('audit', 'verify', $waits)->{status}, 65, 'verify refuses it');

# --- files ------------------------------------------------------------------

my @lines = split /^/, $session;
my $old = log_file(join '', @lines[0 .. 2]);
my $new = log_file(join('', @lines[3 .. $#lines]) =~ s/08:00:00/08:00:01/gr);
$run = tlspolicy('audit', 'from-log', $old, $new);
is_deeply([short(map { decode_json($_) } split /\n/, $run->{out})],
    ["$bank OK"], 'a session goes on in the next file');
$run = tlspolicy('audit', 'from-log', $new, $old);
is_deeply([short(map { decode_json($_) } split /\n/, $run->{out})],
    ["$bank OK"], 'in whatever order they are named');
$run = Tlspolicy::Scratch::run('sh', '-c', "cat '$old' '$new' '$old' | "
    . "'$bin/tlspolicy' audit from-log -c '$conf' - '$old' '$new'");
is($run->{out} =~ tr/\n//, 2, 'a pipe stays where it is');
for ([gzip => '-c'], [zstd => '-qc']) {
	my ($tool, @args) = @$_;
	SKIP: {
	skip "no $tool", 1 if system("command -v $tool >/dev/null") != 0;
	my $packed = $scratch->path("packed.$tool");
	Tlspolicy::Scratch::must('sh', '-c', "$tool @args '$case' > '$packed'");
	utime((stat $case)[9], (stat _)[9], $packed);
	is(tlspolicy('audit', 'from-log', '--year', 2026, $packed)->{out},
	    tlspolicy('audit', 'from-log', '--year', 2026, $case)->{out}, $tool);
	}
}
$run = tlspolicy({ in => $case }, 'audit', 'from-log', '--year', 2026);
is($run->{out} =~ tr/\n//, 2, 'standard input');

my $many = join '', map { postfix("h$_.example[192.0.2.1]", 'Trusted',
    "a\@d$_.example") =~ s/^Nov 20/Nov $_/mgr } 18 .. 22;
is_deeply([map { $_->{from} } records($many, args => ['--since', '2026-11-19',
    '--until', '2026-11-20'])], ['a@d19.example', 'a@d20.example'],
    '--since and --until');

# --- what is wrong ----------------------------------------------------------

for (['--mta', 'exim', qr/"exim" is not an MTA; expected one of: postfix, sendmail/],
    ['--since', 'yesterday', qr/"yesterday" is not a time/],
    ['--until', 'x', qr/"x" is not a time/], ['--year', '26', qr/26/]) {
	my ($option, $value, $want) = @$_;
	$run = tlspolicy('audit', 'from-log', $option, $value, $case);
	is($run->{status}, 64, "$option $value: exit code");
	like($run->{err}, $want, "$option $value: why");
}
is(tlspolicy('audit', 'from-log', '/no/such/file')->{status}, 66, 'no file');
gives('lines that are none', "$session# a comment\nx\n", ["$bank OK"],
    status => 65, err => qr/maillog\d+:6:1: expected a time as syslog, journalctl or Postfix write it; 2 such lines left out/);
gives('an empty file', '', [], status => 65);
gives('an audit log', $run->{out} = Tlspolicy::Scratch::slurp($log), [],
    status => 65);
$scratch->write('audit.log', '');
$run = Tlspolicy::Scratch::run('sh', '-c', "exec '$bin/tlspolicy' audit "
    . "from-log -c '$conf' '$case' >> '" . $scratch->path('audit.log') . "'");
is($run->{status}, 64, 'never into the audit log');
is($scratch->read('audit.log'), '', 'of which nothing was touched');

# A file of such records is no torn log that a daemon may go on with.
my $begun = $scratch->write('begun.log', tlspolicy('audit', 'from-log', $case)->{out});
my $was = Tlspolicy::Scratch::slurp($begun);
my $port = $scratch->path('milter.sock');
$run = Tlspolicy::Scratch::run("$bin/tlspolicy-milter", '-c', $scratch->write('begun.conf',
    Tlspolicy::Scratch::slurp($conf) =~ s/^(?:socket|audit-file) .*\n//mgr .
    "socket = unix:$port\naudit-file = $begun\n"));
isnt($run->{status}, 0, 'a daemon does not begin behind them');
like($run->{err}, qr/this is not an audit log: no line has a chain/, 'and says why');
is(Tlspolicy::Scratch::slurp($begun), $was, 'which are as they were');

# report's words about records of a mail log count those only.
my $mixed = $scratch->write('mixed', Tlspolicy::Scratch::slurp($blind) =~ s/,"source":"maillog"//gr);
$run = tlspolicy('report', $mixed);
unlike($run->{err}, qr/of them|maillog/, 'records of no mail log are not "of them"');

# The commands of README.
my ($shell) = Tlspolicy::Scratch::slurp(Tlspolicy::Scratch::topdir() .
    '/README') =~ /^((?:    tlspolicy .*\n)*    tlspolicy audit from-log.*\n(?:    tlspolicy .*\n)*)/m;
$scratch->write('mail.log', $session);
$scratch->write('mail.log.1', $clear =~ s/^Nov 20/Nov 19/mgr);
$shell =~ s{/var/log/}{}g;
$shell =~ s{\btlspolicy (audit from-log|report|suggest)}{$bin/tlspolicy $1 -c $conf}g;
$run = Tlspolicy::Scratch::run('sh', '-ec', "cd '" . $scratch->dir .
    "'; $shell");
is($run->{status}, 0, 'README: the commands work') or diag($shell, $run->{err});
like($run->{out}, qr/^  mails let through +2 /m, 'README: both files are read');

# Memory does not grow with what never ends.
my $flood = join '', map { my $c = "h$_.example[192.0.2.1]";
    "Nov 20 08:00:00 mx postfix/smtpd[$_]: connect from $c\n"
    . "Nov 20 08:00:00 mx postfix/smtpd[$_]: 4XyZ${_}z1: client=$c\n" } 1 .. 150000;
$run = Tlspolicy::Scratch::run('sh', '-c', "ulimit -v 250000; exec '$bin/tlspolicy' "
    . "audit from-log -c '$conf' '" . log_file($flood) . "'");
like($run->{err}, qr/^150000 messages left out/m,
    'sessions without end: told, and memory is bounded') or diag($run->{err})
    unless ($ENV{ASAN_OPTIONS} // '') ne '' || $bin =~ /-[at]san/;

done_testing;
