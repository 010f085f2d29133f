#!/usr/bin/perl
#
# replay and suggest of mail that left: by the MTA's own log, what it was told
# then, and what it would be told.  What a log cannot tell is no good news.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP qw(decode_json);
use Test::More;
use Tlspolicy::Scratch;

my $bin = Tlspolicy::Scratch::builddir();
plan skip_all => "$bin/tlspolicy is not built" unless -x "$bin/tlspolicy";
my $scratch = Tlspolicy::Scratch->new;
my $conf = $scratch->write('conf', 'audit-file = ' . $scratch->path('audit.log') . "\n");

sub tlspolicy {
	my ($command, @args) = @_;
	return Tlspolicy::Scratch::run("$bin/tlspolicy", $command,
	    $command eq 'audit' ? shift @args : (), '-c', $conf, @args);
}

my $id = 0;
my %suite = ('TLSv1.3' => 'TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)',
    'TLSv1.2' => 'TLSv1.2 with cipher ECDHE-RSA-AES128-GCM-SHA256 (128/128 bits)',
    weak => 'TLSv1.2 with cipher DES-CBC3-SHA (112/168 bits)');

# A delivery of Postfix: "Trusted TLSv1.3", or "" for one in clear.
sub postfix {
	my ($day, $rcpt, $tls) = @_;
	my $queue = sprintf '4Y%06d', ++$id;
	my $stamp = sprintf '2026-11-%02dT10:00:%02dZ mx postfix/smtp[%d]: ', $day, $id % 60, 100 + $id;
	my ($trust, $version) = split ' ', $tls;
	my $peer = 'mx.x.example[192.0.2.25]:25';
	return ($tls ne '' ? "$stamp$trust TLS connection established to $peer: $suite{$version}\n" : '')
	    . "$stamp$queue: to=<$rcpt>, relay=$peer, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)\n";
}

# The same of sendmail: "OK 256".
sub sendmail {
	my ($day, $rcpt, $tls) = @_;
	my $queue = sprintf '5AT%011d', ++$id;
	my $stamp = sprintf '2026-11-%02dT10:00:%02dZ mx sm-mta[%d]: ', $day, $id % 60, 100 + $id;
	my ($verify, $bits) = split ' ', $tls;
	return ($tls ne '' ? "${stamp}STARTTLS=client, relay=mx.x.example., version=TLSv1.3, verify=$verify, "
	    . "cipher=TLS_AES_256_GCM_SHA384, bits=$bits/$bits\n" : '') . "$stamp$queue: to=<$rcpt>, "
	    . 'delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=30000, relay=mx.x.example. [192.0.2.25], '
	    . "dsn=2.0.0, stat=Sent (ok)\n";
}

# What smtp(8) and sendmail say of mail that they keep.
sub kept {
	my ($day, $rcpt, $reason) = @_;
	return sprintf "2026-11-%02dT11:00:%02dZ mx postfix/smtp[%d]: 4Z%06d: to=<%s>, relay=mx.x.example[192.0.2.25]:25, "
	    . "delay=1, delays=0/0/0/1, dsn=4.7.4, status=deferred (%s)\n", $day, ++$id % 60, 100 + $id, $id, $rcpt, $reason;
}

sub kept_by_sendmail {
	my ($day, $rcpt, $reason) = @_;
	return sprintf "2026-11-%02dT11:00:%02dZ mx sm-mta[%d]: 5AU%011d: to=<%s>, delay=00:00:01, xdelay=00:00:01, "
	    . "mailer=esmtp, pri=30000, relay=mx.x.example. [192.0.2.25], dsn=4.0.0, stat=Deferred: 403 4.7.0 %s\n",
	    $day, ++$id % 60, 100 + $id, $id, $rcpt, $reason;
}

# A log without a word of TLS would not tell that mail left in clear.
my $known = postfix(1, 'z@known.example', 'Untrusted TLSv1.3') . sendmail(1, 'z@known.example', 'NO 256');

sub told {
	my ($day, $query, $answer, %more) = @_;
	return sprintf('{"v":1,"event":"outbound","time":"2026-11-%02dT09:59:00.000000Z","seq":1,'
	    . '"map":"%s","query":"%s","answer":"%s","result":"%s","generation":1,"mode":"%s","warned":%s,'
	    . '"rules":[%s]}', $day, $more{map} // 'tlspolicy', $query, $answer, $more{result} // 'told',
	    $more{mode} // 'enforce', $more{warned} // 'null', $more{rules} // '') . "\n";
}

my $files = 0;
sub log_of {
	my ($text, @told) = @_;
	my $r = tlspolicy('audit', 'from-log', $scratch->write('mail.log', $text));
	return $scratch->write('audit' . ++$files, join '', @told, $r->{out});
}

sub replay {
	my ($rules, $log, @more) = @_;
	my $r = tlspolicy('replay', '--left', '--json', '-r',
	    $scratch->write('rules', $rules), @more, $log);
	return { %$r, all => eval { decode_json($r->{out}) } // {} };
}

# name, rules, the delivery, what becomes of it, why, what it was told then
for (['no rule', '', postfix(2, 'a@x.example', ''), 'leaves'],
    ['clear, and TLS is demanded', 'TLS_Rcpt:x.example ENCR:128', postfix(2, 'a@X.example', ''), 'kept',
	'in clear'],
    ['TLS, and TLS is demanded', 'TLS_Rcpt:x.example ENCR:128', postfix(2, 'a@x.example', 'Anonymous TLSv1.3'),
	'leaves'],
    ['a parent', 'TLS_Rcpt:.x.example ENCR:1', postfix(2, 'a@b.x.example', ''), 'kept', 'in clear'],
    ['all', 'TLS_Rcpt: ENCR:1', postfix(2, 'a@b.x.example', ''), 'kept', 'in clear'],
    ['another domain', 'TLS_Rcpt:y.example ENCR:1', postfix(2, 'a@x.example', ''), 'leaves'],
    ['WARN records', 'TLS_Rcpt:x.example WARN+VERIFY', postfix(2, 'a@x.example', ''), 'leaves'],
    ['an exception', 'TLS_Rcpt:x.example OK', postfix(2, 'a@x.example', ''), 'leaves'],
    ['the site asks for more', 'TLS_Rcpt:x.example DANE:may', postfix(2, 'a@x.example', ''), 'unknown',
	'with or without TLSA records, the log does not tell'],
    ['an older version', 'TLS_Rcpt:x.example ENCR:1+VER:1.3', postfix(2, 'a@x.example', 'Trusted TLSv1.2'),
	'kept', 'by an older protocol'],
    ['the version', 'TLS_Rcpt:x.example ENCR:1+VER:1.2', postfix(2, 'a@x.example', 'Trusted TLSv1.2'), 'leaves'],
    ['few bits', 'TLS_Rcpt:x.example ENCR:128', postfix(2, 'a@x.example', 'Trusted weak'), 'kept',
	'by a weaker cipher'],
    ['suites', 'TLS_Rcpt:x.example ENCR:1+PFS', postfix(2, 'a@x.example', 'Trusted TLSv1.2'), 'unknown',
	'by a suite that may be excluded'],
    ['suites of 1.3 are all good', 'TLS_Rcpt:x.example ENCR:1+PFS', postfix(2, 'a@x.example',
	'Trusted TLSv1.3'), 'leaves'],
    ['a certificate that does not verify', 'TLS_Rcpt:x.example VERIFY', postfix(2, 'a@x.example',
	'Untrusted TLSv1.3'), 'kept', 'with a certificate that does not verify'],
    ['one whose name is not told', 'TLS_Rcpt:x.example VERIFY', postfix(2, 'a@x.example', 'Trusted TLSv1.3'),
	'unknown', 'with a certificate whose names are not told'],
    # Deliveries that another policy than this one matched.
    ['one that another policy matched', 'TLS_Rcpt:x.example VERIFY', postfix(2, 'a@x.example',
	'Verified TLSv1.3'), 'unknown', 'with a certificate whose names are not told'],
    ['one that this policy matched', 'TLS_Rcpt:x.example VERIFY', postfix(2, 'a@x.example',
	'Verified TLSv1.3'), 'leaves', '', told(1, 'x.example', 'secure match=nexthop:dot-nexthop servername=hostname')],
    ['a fingerprint', 'TLS_Rcpt:x.example ENCR:1+FP:' . '11' x 32, postfix(2, 'a@x.example', 'Trusted TLSv1.3'),
	'unknown', 'with a certificate whose key is not told'],
    ['a fingerprint, in clear', 'TLS_Rcpt:x.example ENCR:1+FP:' . '11' x 32, postfix(2, 'a@x.example', ''),
	'kept', 'in clear'],
    ['what cannot be said', 'TLS_Rcpt:x.example ENCR:256', postfix(2, 'a@x.example', 'Trusted TLSv1.3'),
	'kept', 'whatever its session'],
    ['sendmail: in clear', 'TLS_Rcpt:a@x.example ENCR:128', sendmail(2, 'a@x.example', ''), 'kept', 'in clear'],
    ['sendmail: another mailbox', 'TLS_Rcpt:b@x.example ENCR:128', sendmail(2, 'a@x.example', ''), 'leaves'],
    ['sendmail: by address', 'TLS_Srv:192.0.2 VERIFY', sendmail(2, 'a@x.example', 'NO 256'), 'kept',
	'with a certificate that does not verify'],
    ['sendmail: by name, met', 'TLS_Srv:mx.x.example VERIFY:256', sendmail(2, 'a@x.example', 'OK 256'), 'leaves'],
    ['sendmail: bits', 'TLS_Srv:mx.x.example VERIFY:256', sendmail(2, 'a@x.example', 'OK 128'), 'kept',
	'by a weaker cipher'],
    ['sendmail: both count', "TLS_Srv:mx.x.example ENCR:128\nTLS_Rcpt:x.example VERIFY", sendmail(2,
	'a@x.example', 'NO 256'), 'kept', 'with a certificate that does not verify'],
    ['sendmail: names', 'TLS_Srv:mx.x.example VERIFY+CN:mx.x.example', sendmail(2, 'a@x.example', 'OK 256'),
	'unknown', 'with a certificate or suite of which too little is told']) {
	my ($name, $rules, $text, $outcome, $why, @told) = @$_;
	my $r = replay("$rules\n", log_of($known . $text, @told));
	my ($g) = grep { $_->{domain} ne 'known.example' } @{$r->{all}{groups}};
	is("$g->{outcome}: $g->{example}{why}", "$outcome: " . ($why // ''), $name) or diag $r->{out}, $r->{err};
	is($r->{status}, (grep { $_->{outcome} ne 'leaves' } @{$r->{all}{groups}}) ? 1 : 0, "$name: exit code");
}

# What did not leave, as it would be told: rules, the reason, outcome, why, told then.
my $stripped = 'TLS is required, but was not offered by host mx.x.example[192.0.2.25]';
my $untrusted = 'Server certificate not trusted';
my $mismatch = 'Server certificate not verified';
my $handshake = 'Cannot start TLS: handshake failure';
for (['the same answer', 'TLS_Rcpt:x.example ENCR:128', kept(2, 'a@x.example', $stripped), 'kept', 'by the same answer',
	told(1, 'x.example', 'encrypt ciphers=high')],
    ['no rule any more', '', kept(2, 'a@x.example', $stripped), 'leaves', '', told(1, 'x.example', 'encrypt')],
    ['no rule, nor then', '', kept(2, 'a@x.example', $stripped), 'unknown', 'what it was told then is not recorded'],
    ['an exception', 'TLS_Rcpt:x.example OK', kept(2, 'a@x.example', $stripped), 'leaves', ''],
    ['WARN alone', 'TLS_Rcpt:x.example WARN+ENCR:1', kept(2, 'a@x.example', $stripped), 'leaves', '',
	told(1, 'x.example', 'encrypt')],
    ['stripped, and TLS is demanded', 'TLS_Rcpt:x.example VERIFY', kept(2, 'a@X.example', $stripped), 'kept', 'in clear'],
    ['not trusted, and encryption is enough', 'TLS_Rcpt:x.example ENCR:1', kept(2, 'a@x.example', $untrusted), 'leaves', ''],
    ['... and it is not', 'TLS_Rcpt:x.example VERIFY', kept(2, 'a@x.example', $untrusted), 'kept',
	'with a certificate that does not verify'],
    ['... the suite is not told', 'TLS_Rcpt:x.example ENCR:128', kept(2, 'a@x.example', $untrusted), 'unknown',
	'by a cipher that is not told'],
    ['... nor the version', 'TLS_Rcpt:x.example ENCR:1+VER:1.2', kept(2, 'a@x.example', $untrusted), 'unknown',
	'by a protocol that cannot be compared'],
    ['another name', 'TLS_Rcpt:x.example VERIFY+CN:mx.x.example', kept(2, 'a@x.example', $mismatch), 'unknown',
	'with a certificate whose names are not told'],
    ['a broken handshake, and TLS is demanded', 'TLS_Rcpt:x.example ENCR:1', kept(2, 'a@x.example', $handshake), 'unknown',
	'TLS failed, and for what does not tell'],
    ['... and it is not', 'TLS_Rcpt:x.example ENCR:0', kept(2, 'a@x.example', $handshake), 'leaves', ''],
    ['no TLSA records, and DANE is demanded', 'TLS_Rcpt:x.example DANE', kept(2, 'a@x.example', 'no TLSA records found'),
	'unknown', 'TLS failed, and for what does not tell'],
    ['what cannot be said', 'TLS_Rcpt:x.example ENCR:256', kept(2, 'a@x.example', $stripped), 'kept', 'whatever its session'],
    ['another domain', 'TLS_Rcpt:y.example OK', kept(2, 'a@x.example', $stripped), 'unknown',
	'what it was told then is not recorded'],
    ['sendmail: the same', 'TLS_Rcpt:a@x.example ENCR:1', kept_by_sendmail(2, 'a@x.example', 'other side does not support STARTTLS'),
	'kept', 'in clear'],
    ['sendmail: an exception', 'TLS_Rcpt:a@x.example OK', kept_by_sendmail(2, 'a@x.example', 'other side does not support STARTTLS'),
	'leaves', ''],
    ['sendmail: by server', 'TLS_Srv:mx.x.example VERIFY', kept_by_sendmail(2, 'a@x.example', 'authentication failed'),
	'kept', 'with a certificate that does not verify'],
    ['sendmail: bits', 'TLS_Srv:192.0.2 ENCR:256', kept_by_sendmail(2, 'a@x.example', 'authentication failed'),
	'unknown', 'by a cipher that is not told'],
    ['sendmail: one bit', 'TLS_Srv:192.0.2 ENCR:1', kept_by_sendmail(2, 'a@x.example', 'authentication failed'), 'leaves', ''],
    ['sendmail: no rule, nor then', '', kept_by_sendmail(2, 'a@x.example', 'authentication failed'), 'unknown',
	'what it was told then is not recorded'],
    ['sendmail: no rule any more', '', kept_by_sendmail(2, 'a@x.example', 'authentication failed'), 'leaves', '',
	told(1, 'tlspolicy:tls_rcpt/a@x.example', 'TEMP+VERIFY', map => 'access')],
    ['the site demands it', '', kept(2, 'a@x.example', $stripped), 'kept', 'in clear', '-o', 'outbound-default=encrypt']) {
	my ($name, $rules, $text, $outcome, $why, @told) = @$_;
	my @more = @told > 1 ? splice(@told) : ();
	my $r = replay("$rules\n", log_of($known . $text, @told), @more);
	my ($g, @others) = @{$r->{all}{not_left}{groups} // []};
	is("$g->{domain} $g->{outcome}: $g->{example}{why}", "x.example $outcome: $why", "not left: $name")
	    or diag $r->{out}, $r->{err};
	is_deeply([scalar @others, @{$r->{all}{not_left}}{'failures', $outcome}, $r->{all}{mails}], [0, 1, 1, 2],
	    '... apart from what left');
	is($r->{status}, (grep { $_->{outcome} ne 'leaves' } @{$r->{all}{groups}}) ? 1 : 0, "$name: exit code");
}
# Records by the socket of TLSRPT: they name no recipient, and tell of successes,
# too.
{
	my $socket = sub { sprintf '{"v":1,"event":"handshake","time":"2026-11-02T10:00:00.000000Z","seq":%d,'
	    . '"domain":"x.example","policy_type":"no-policy-found","policy_domain":"x.example","outcome":"%s","failures":[%s]}'
	    . "\n", @_ };
	my $log = $scratch->write('socket', $socket->(1, 'success', '') . $socket->(2, 'failure',
	    '{"result_type":"starttls-not-supported","server":{"name":"mx.x.example","addr":"192.0.2.25"}}'));
	my $r = replay("TLS_Rcpt:x.example OK\n", $log);
	is(join(' ', @{$r->{all}{not_left}}{qw(failures leaves)}), '1 1', 'by the socket') or diag $r->{out};
	like(tlspolicy('replay', '--left', '-r', $scratch->path('rules'), $log)->{out}, qr/\Adid not leave, and would:
  x\.example: 1 of 1 times
    then told: nothing that is recorded
    would be told: may
    rule: TLS_Rcpt:x\.example OK \(\S+rules:1\)
    example: \S+ server=mx\.x\.example: starttls-not-supported
0 mails that left: 0 would stay in the queue, of 0 it is not known
1 times that mail did not leave for want of TLS: 1 would leave, of 0 it is not known\n\z/, '... as text');
}
my $untold = replay("TLS_Rcpt: ENCR:1\n", log_of(postfix(2, 'a@x.example', '')));
is("$untold->{status} $untold->{all}{unknown} $untold->{all}{kept}", '1 1 0', 'a log without TLS does not tell');
my $none = tlspolicy('replay', '--left', '-r', $scratch->path('rules'), $scratch->write('none', ''));
is($none->{status}, 1, 'nor does one without a record');
like($none->{err}, qr/^there is no record to look at$/m, '... which is said');

my $log = log_of($known . join('', map { postfix($_, 'ann@bank.example', $_ == 5 ? '' : 'Trusted TLSv1.3') } 2 .. 9) .
    postfix(9, 'bob@small.example', 'Trusted TLSv1.3'), told(4, 'bank.example', 'may', result => 'exception'));
my $r = replay("TLS_Rcpt:bank.example ENCR:128+BY:jane\n", $log);
my ($bank) = grep { $_->{domain} eq 'bank.example' } @{$r->{all}{groups}};
is(join(' ', @{$bank}{qw(mails clear tls kept leaves told_otherwise)}, @{$bank->{example}}{qw(left then told key)}),
    '8 1 7 1 7 8 clear may encrypt ciphers=high TLS_Rcpt:bank.example', 'a domain') or diag explain $bank;
is(join(' ', @{$r->{all}}{qw(mails kept unknown leaves answers)}), '11 1 0 10 1', 'all of it');
$r = tlspolicy('replay', '--left', '-r', $scratch->write('rules', "TLS_Rcpt:bank.example ENCR:128\n"), $log);
like($r->{out}, qr/\Awould stay in the queue:\n  bank\.example: 1 of 8 mails \(1 in clear, 7 over TLS\)
    then told: may\n    would be told: encrypt ciphers=high\n    rule: TLS_Rcpt:bank\.example ENCR:128 \(\S+rules:1\)
    example: 2026-11-05\S+ id=4Y\d+ to=ann\@bank\.example server=mx\.x\.example: in clear
11 mails that left: 1 would stay in the queue, of 0 it is not known\n\z/, 'as text') or diag $r->{out};
# A setting that holds mail back, and one that is only recorded.
is(replay('', $log, '-o', 'outbound-default=encrypt')->{all}{kept}, 0, 'without a rule the level is the MTA\'s own');
is(replay("TLS_Rcpt:bank.example DANE\n", $log, '-o', 'mode=monitor')->{all}{kept}, 0, 'mode monitor tells nothing');
is(tlspolicy('replay', '--left', '-r', $scratch->path('rules'), '-')->{status}, 64, 'standard input is read but once');
{
	my $r = Tlspolicy::Scratch::run('sh', '-c', 'cat "$1" | "$2" replay '
	    . '--left -c "$3" -r "$4" /dev/stdin', 'sh', $log,
	    "$bin/tlspolicy", $conf, $scratch->path('rules'));
	is($r->{status}, 64, 'a pipe by its name, too');
	like($r->{err}, qr/cannot be read twice/, 'and says so');
}
is(tlspolicy('replay', '--left', '-r', $scratch->path('rules'), '/nonexistent')->{status}, 66, 'no file');

# --- suggest ----------------------------------------------------------------

sub suggest {
	my ($log, @more) = @_;
	my $r = tlspolicy('suggest', '--left', '--why-not', '--mails', 5, '--days', 7, @more, $log);
	is($r->{status}, 0, 'suggest: exit code') or diag $r->{err};
	is(tlspolicy('build', '-n', '-d', $scratch->path('none.mdb'), $scratch->write('suggested', $r->{out}))->{status}, 0,
	    '... a rule file') if $r->{out} =~ /^TLS_/m;
	return { %$r, rules => join(' ', map { s/\t/=/r =~ s/\+\+?BY:\S+//r } grep { /^TLS_/ } split /\n/, $r->{out}),
	    why => join('; ', $r->{out} =~ /^# (\S+: [^(\n]+) \(\d+ mails, /mg) };
}
my $with = sub { my ($how, $rcpt, $tls, @days) = @_; join '', map { $how->($_, $rcpt, $tls) } @days };
my @days = 2 .. 11;
$r = suggest(log_of($known . $with->(\&postfix, 'a@tls.example', 'Verified TLSv1.3', @days)
    . $with->(\&postfix, 'a@Once.example', 'Trusted TLSv1.3', @days) . postfix(12, 'b@once.example', '')
    . $with->(\&postfix, 'a@few.example', 'Trusted TLSv1.3', 2 .. 4)
    . $with->(\&postfix, 'a@short.example', 'Trusted TLSv1.3', (2) x 8)
    . $with->(\&sendmail, 'a@chain.example', 'OK 256', @days)
    . $with->(\&sendmail, 'a@both.example', 'OK 256', 2 .. 6) . $with->(\&postfix, 'a@both.example', 'Trusted TLSv1.3', 7 .. 11)
    . $with->(\&postfix, 'a@weak.example', 'Trusted weak', @days)
    . $with->(\&postfix, 'a@b_d.example', 'Trusted TLSv1.3', @days)
    . $with->(\&postfix, 'a@sub.ruled.example', 'Trusted TLSv1.3', @days),
    told(1, 'sub.ruled.example', 'encrypt', rules => '{"tag":"TLS_Rcpt","key":"TLS_Rcpt:ruled.example",'
    . '"requirement":"ENCR:1","file":"r","line":1}')));
is($r->{rules}, 'TLS_Rcpt:both.example=WARN+ENCR:128 TLS_Rcpt:chain.example=WARN+VERIFY '
    . 'TLS_Rcpt:tls.example=WARN+ENCR:128+VER:1.2 TLS_Rcpt:weak.example=WARN+ENCR:1+VER:1.2', 'suggest') or diag $r->{out};
is($r->{why}, 'few.example: too few mails or days; known.example: too few mails or days; '
    . 'once.example: not every mail is known to have left over TLS; ruled.example: has a rule that is final, dated or an exception; '
    . 'short.example: too few mails or days; sub.ruled.example: rules with other keys refuse for it already',
    '... and why not') or diag $r->{out};
like($r->{out}, qr/^# Judged again, each mail to these domains that left would leave\.$/m, '... is said');
is(suggest(log_of($with->(\&postfix, 'a@x.example', '', @days)))->{rules}, '', 'a log without TLS proposes nothing');
# The next step, by what MTAs were told.
my $warn = '{"tag":"TLS_Rcpt","key":"TLS_Rcpt:x.example","requirement":"WARN+ENCR:128+BY:jane","file":"/etc/r","line":7}';
for (['long enough', 1, 'TLS_Rcpt:x.example=TEMP+ENCR:128', $warn, ''],
    ['since yesterday', 10, '', $warn, ''],
    ['and once it was not met', 1, '', $warn, postfix(6, 'a@x.example', 'Trusted weak')],
    ['a rule that keeps mail is the last step', 1, '', $warn =~ s/WARN.//r, ''],
    ['a rule with dates', 1, '', $warn =~ s/BY/UNTIL:2027-01-01++BY/r, '']) {
	my ($name, $since, $rules, $rule, $more) = @$_;
	my $log = log_of($known . $with->(\&postfix, 'a@x.example', 'Trusted TLSv1.3', 2 .. 20) . $more,
	    told($since, 'x.example', '', result => 'warned', warned => '"encrypt"', rules => $rule));
	$r = suggest($log);
	is($r->{rules}, $rules, "a WARN rule: $name") or diag $r->{out};
	like($r->{out}, qr{^# in place of /etc/r:7: WARN\+ENCR:128\+BY:jane$}m, '... in place of it') if $rules ne '';
}

# Mail that was kept counts: a log of deliveries alone does not show it.
my $good = $with->(\&postfix, 'a@x.example', 'Trusted TLSv1.3', @days);
for (['kept once', kept(5, 'c@X.example', $stripped), '', 'x.example: TLS was wanted of its servers and was not to be had: '
	. '1 time, last 2026-11-05: starttls-not-supported'],
    ['kept by sendmail', kept_by_sendmail(5, 'c@x.example', 'authentication failed') . kept(4, 'c@x.example', $stripped), '',
	'x.example: TLS was wanted of its servers and was not to be had: 2 times, last 2026-11-05: certificate-not-trusted'],
    ['below it, where the rule would count', kept(5, 'c@sub.x.example', $stripped), '',
	'x.example: TLS was wanted of its servers and was not to be had: 1 time, last 2026-11-05: starttls-not-supported'],
    ['in clear below it', postfix(5, 'c@sub.x.example', ''), '', 'x.example: judged again, a mail would have been refused'],
    ['long before', kept(1, 'c@x.example', $stripped), 'TLS_Rcpt:x.example=WARN+ENCR:128+VER:1.2', '', '--since', '2026-11-02'],
    ['of another one', kept(5, 'c@notx.example', $stripped), 'TLS_Rcpt:x.example=WARN+ENCR:128+VER:1.2',
	'notx.example: TLS was wanted of its servers and was not to be had: 1 time, last 2026-11-05: starttls-not-supported']) {
	my ($name, $text, $rules, $why, @more) = @$_;
	$r = suggest(log_of($known . $good . $text), @more);
	is($r->{rules}, $rules, "not left: $name") or diag $r->{out};
	like($r->{why}, $why eq '' ? qr/^(?!.*\bx\.example: TLS)/ : qr/(?:^|; )\Q$why\E/, '... and why not');
}
$r = suggest(log_of($known . $good . postfix(5, 'c@sub.x.example', ''), told(1, 'sub.x.example', 'may', result => 'exception',
    rules => '{"tag":"TLS_Rcpt","key":"TLS_Rcpt:sub.x.example","requirement":"OK","file":"r","line":1}')));
is($r->{rules}, 'TLS_Rcpt:x.example=WARN+ENCR:128+VER:1.2', 'what is below has its exception');

done_testing;
