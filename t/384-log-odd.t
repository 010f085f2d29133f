#!/usr/bin/perl
#
# audit from-log: lines of a mail log in odd spellings.  What is not understood is
# no record, and what a line does not tell no record tells.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP qw(decode_json);
use Test::More;
use Tlspolicy::Scratch;

$ENV{TZ} = 'UTC';
my $bin = Tlspolicy::Scratch::builddir() . '/tlspolicy';
plan skip_all => "$bin is not built" unless -x $bin;
my $scratch = Tlspolicy::Scratch->new;
my $conf = $scratch->write('conf', '');
sub from_log { Tlspolicy::Scratch::run($bin, 'audit', 'from-log', '-c', $conf, $scratch->write('log', join '', @_)) }

# One line in short: "delivered x@a.test mx.a.test TLSv1.3 OK", "kept a.test mx.a.test TYPE".
sub short {
	my ($r) = @_;
	return "kept $r->{domain} " . ($r->{failures}[0]{server}{name} // '-') . " $r->{failures}[0]{result_type}" if $r->{event} eq 'handshake';
	my $tls = !exists $r->{tls} ? 'untold' : defined $r->{tls} ? "$r->{tls}{version} $r->{tls}{verify}" : 'clear';
	return "left $r->{rcpts}[0] " . ($r->{server}{name} // '-') . ' ' . ($r->{server}{addr} // '-') . " $tls" if $r->{event} eq 'delivered';
	return join ' ', 'came', $r->{from} // '?', $r->{client}{name} // '-', $tls;
}
sub gives {
	my ($name, $text, $want, $status) = @_;
	my $r = from_log($text);
	is(join('; ', map { short(decode_json($_)) } split /\n/, $r->{out}), $want, $name) or diag $r->{err};
	is($r->{status}, $status // 0, "$name: exit code") or diag $r->{err};
	return $r;
}

# sendmail: what left, and what was kept.
my $at = '2026-11-20T08:00:00Z mx sm-mta[77]: ';
my $tls = "${at}STARTTLS=client, relay=mx.a.test., version=TLSv1.3, verify=OK, cipher=TLS_AES_256_GCM_SHA384, bits=256/256\n";
sub sent { return "${at}5AK0001: to=$_[0], delay=00:00:01, mailer=esmtp, pri=30000, relay=" . ($_[1] // 'mx.a.test. [192.0.2.25]') . ', dsn=2.0.0, stat=' . ($_[2] // 'Sent (ok)') . "\n" }
gives('a delivery', $tls . sent('<x@a.test>'), 'left x@a.test mx.a.test 192.0.2.25 TLSv1.3 OK');
gives('a relay without a dot', $tls =~ s/mx\.a\.test\./mx.a.test/r . sent('<x@a.test>', 'mx.a.test [192.0.2.25]'), 'left x@a.test mx.a.test 192.0.2.25 TLSv1.3 OK');
gives('another relay', $tls . sent('<x@a.test>', 'mx.b.test. [192.0.2.25]'), 'left x@a.test mx.b.test 192.0.2.25 clear');
gives('two recipients', $tls . sent('<x@a.test>,<y@a.test>'), 'left x@a.test mx.a.test 192.0.2.25 TLSv1.3 OK; left y@a.test mx.a.test 192.0.2.25 TLSv1.3 OK');
gives('no relay', $tls . "${at}5AK0001: to=<x\@a.test>, delay=1, dsn=2.0.0, stat=Sent\n", '');
gives("kept: $_->[0]", $tls . sent('<x@a.test>', undef, "Deferred: 403 4.7.0 $_->[0]"), $_->[1] eq '' ? '' : "kept a.test mx.a.test $_->[1]") for
    ['encryption too weak 0 less than 128', 'starttls-not-supported'], ['encryption too weak 56 less than 128', 'validation-failure'],
    ['authentication required', 'validation-failure'], ['not authenticated', 'certificate-not-trusted'], ['CN mx.b.test does not match', 'certificate-host-mismatch'],
    ['other side does not support STARTTLS', 'starttls-not-supported'], ['Connection refused', ''], ['', ''];
sub ruleset { return "${at}5AK0001: ruleset=tls_rcpt, arg1=$_[0]\n" }
gives("ruleset: $_->[0]", $tls . ruleset($_->[0]), $_->[1]) for
    ['x@a.test, relay=mx.a.test., reject=403 4.7.0 authentication failed', 'kept a.test mx.a.test certificate-not-trusted'],
    ['<x@a.test>, relay=mx.a.test, reject=403 4.7.0 authentication failed', 'kept a.test mx.a.test certificate-not-trusted'],
    ['<x@a.test, relay=mx.a.test [192.0.2.1], reject=403 4.7.0 not authenticated', 'kept a.test mx.a.test certificate-not-trusted'],
    ['x@a.test, relay=., reject=403 4.7.0 not authenticated', 'kept a.test . certificate-not-trusted'],
    ['x, relay=mx.a.test., reject=403 4.7.0 not authenticated', ''], ['x@, relay=mx.a.test., reject=403 4.7.0 not authenticated', ''],
    ['x@a.test, relay=mx.a.test.', ''], ['x@a.test, reject=403 4.7.0 not authenticated', ''], ['x@a.test, relay=mx.a.test., reject=403', ''],
    ['x@a.test, relay=mx.a.test., reject=550 5.7.1 go away', ''];
for my $bad ('relay=mx.a.test., version=, verify=OK, cipher=X, bits=256/256', 'relay=mx.a.test., version=TLSv1.3, verify=OK',
    'relay=., version=TLSv1.3, verify=OK, cipher=X, bits=256/256', 'relay=, version=TLSv1.3, verify=OK, cipher=X, bits=256/256',
    'relay=' . 'm' x 400 . ', version=TLSv1.3, verify=OK, cipher=X, bits=256/256', 'relay=mx.a.test., version=' . 'T' x 300 . ', verify=OK, cipher=X, bits=1/1',
    'relay=mx.a.test., version=T, verify=' . 'T' x 300 . ', cipher=X, bits=1/1', 'relay=mx.a.test., version=T, verify=OK, cipher=' . 'T' x 300 . ', bits=1/1',
    'relay=mx.a.test., version=T, verify=OK, cipher=X, bits=' . '1' x 300 . '/1') {
	my $r = from_log("${at}STARTTLS=client, $bad\n", sent('<x@a.test>'));
	unlike($r->{out}, qr/"verify":"OK"/, 'a line of TLS that is none: ' . substr $bad, 0, 60);
}

# Postfix: levels, peers, what is cut.
my $px = '2026-11-20T08:00:00Z mx postfix/smtp[9]: ';
my $suite = 'TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)';
sub px_tls { return "${px}$_[0] TLS connection established to " . ($_[1] // 'mx.a.test[192.0.2.25]:25') . ': ' . ($_[2] // $suite) . "\n" }
sub px_sent { return "${px}4Y000001: to=<x\@a.test>, relay=" . ($_[0] // 'mx.a.test[192.0.2.25]:25') . ', delay=1, delays=0/0/0/1, dsn=2.0.0, status=' . ($_[1] // 'sent (250 ok)') . "\n" }
gives("Postfix: $_->[0]", px_tls($_->[0]) . px_sent(), "left x\@a.test mx.a.test 192.0.2.25 TLSv1.3 $_->[1]") for
    ['Verified', 'OK'], ['Trusted', 'OK'], ['Untrusted', 'NO-OR-FAIL'], ['Anonymous', 'NO-OR-FAIL'];
for my $bad (px_tls('Trusted', 'mx.a.test'), px_tls('Trusted', 'mx.a.test[192.0.2.25'), px_tls('Trusted', undef, 'TLSv1.3'), px_tls('Trusted', undef, 'TLSv1.3 with cipher X (256 bits)'),
    px_tls('Trusted', undef, 'T' x 300 . ' with cipher X (256/256 bits)'), px_tls('Trusted', undef, 'TLSv1.3 with cipher ' . 'X' x 300 . ' (256/256 bits)'),
    px_tls('Trusted', undef, 'TLSv1.3 with cipher X (' . '1' x 300 . '/256 bits)')) {
	my $r = from_log($bad, px_sent());
	unlike($r->{out}, qr/"verify":"OK"/, 'a line of Postfix that is none: ' . substr($bad, 40, 70) =~ s/\n.*//sr);
}
gives("Postfix keeps: $_->[0]", px_tls('Untrusted') . px_sent(undef, "deferred ($_->[0])"), $_->[1] eq '' ? '' : "kept a.test mx.a.test $_->[1]") for
    ['TLS is required, but was not offered by host mx.a.test[192.0.2.25]', 'starttls-not-supported'], ['Server certificate not verified', 'certificate-not-trusted'],
    ['Server certificate not trusted', 'certificate-not-trusted'], ['TLSA lookup error for mx', 'dnssec-invalid'], ['connect to mx: refused', ''];
gives('Postfix keeps, and the chain was good', px_tls('Trusted') . px_sent(undef, 'deferred (Server certificate not verified)'), 'kept a.test mx.a.test certificate-host-mismatch');

# How a line begins, and ends.
for (['a priority', "<22>$px"], ['one of three digits', "<191>$px"], ['what Solaris puts', "$px\[ID 702911 mail.info] "],
    ['a fraction', $px =~ s/00Z/00.5Z/r], ['a comma', $px =~ s/00Z/00,123456Z/r], ['a zone', $px =~ s/Z/+01:00/r], ['a zone without a colon', $px =~ s/Z/-0130/r],
    ['a blank for T', $px =~ s/T08/ 08/r], ['no zone', $px =~ s/Z//r], ['as syslog has it', 'Nov 20 08:00:00 mx postfix/smtp[9]: '], ['a short day', 'Nov  2 08:00:00 mx postfix/smtp[9]: '],
    ['seconds', '1795161600.123456 mx postfix/smtp[9]: ']) {
	my ($name, $start) = @$_;
	gives($name, join('', map { s/^\Q$px\E/$start/r } px_tls('Trusted'), px_sent()), 'left x@a.test mx.a.test 192.0.2.25 TLSv1.3 OK');
	gives("$name, CR at the end", join('', map { s/^\Q$px\E/$start/r =~ s/\n/\r\n/r } px_tls('Trusted'), px_sent()), 'left x@a.test mx.a.test 192.0.2.25 TLSv1.3 OK');
}
my $good = px_tls('Trusted') . px_sent();
for (['a mark of the journal', "-- Logs begin at x --\n"], ['an empty line', "\n"], ['one that goes on', "\tmore\n"], ['no program', "2026-11-20T08:00:00Z mx\n"],
    ['no message', "2026-11-20T08:00:00Z mx postfix/smtp[9]:\n"], ['no tag', "2026-11-20T08:00:00Z mx : x\n"], ['a tag that is not closed', "2026-11-20T08:00:00Z mx postfix/smtp[9: x\n"],
    ['a NUL', "2026-11-20T08:00:00Z m\0x postfix/smtp[9]: x\n"]) {
	gives($_->[0], $_->[1] . $good, 'left x@a.test mx.a.test 192.0.2.25 TLSv1.3 OK');
}
for my $bad ('<22', '<>', '<12345>', 'x', '--', '2026-11-20', '2026-13-20T08:00:00Z mx a: b', '2026-11-20T25:00:00Z mx a: b', '2026-11-20T08:61:00Z mx a: b', '2026-11-20T08:00:00+1 mx a: b',
    '2026-11-20T08:00:00+25:00 mx a: b', '2026-11-20T08:00:00+01:61 mx a: b', '2026-11-20T08:00:00+01:0', 'Nov 32 08:00:00 mx a: b', 'Nov 0 08:00:00 mx a: b', 'Nox 20 08:00:00 mx a: b', 'Nov',
    'Nov 20', 'Nov 20 08', '1795161600 mx a: b', '1795161600.12 mx a: b', '1795161600.12345x mx a: b', '2026-11-20T08:00:00.', '{', '{"a"', '[]', '{}', '{"__REALTIME_TIMESTAMP":"x"}',
    '{"__REALTIME_TIMESTAMP":"1","MESSAGE":[300]}', '{"__REALTIME_TIMESTAMP":"1","MESSAGE":["a"]}', '{"__REALTIME_TIMESTAMP":"1","MESSAGE":[1}', '{"__REALTIME_TIMESTAMP":"1"} x') {
	my $r = gives("no line: $bad", "$bad\n$good", 'left x@a.test mx.a.test 192.0.2.25 TLSv1.3 OK', 65);
	like($r->{err}, qr/log:1:1: expected a time as syslog, journalctl or Postfix write it; 1 such line left out/, '... is told');
}
like(from_log("x\ny\n$good")->{err}, qr/2 such lines left out/, 'two');

# journalctl -o json
sub journal { my %with = @_; return JSON::PP->new->canonical->encode({ __REALTIME_TIMESTAMP => '1795161600000000', _HOSTNAME => 'mx', SYSLOG_IDENTIFIER => 'postfix/smtp', SYSLOG_PID => '9', %with }) . "\n" }
my @said = map { s/^\Q$px\E//r =~ s/\n//r } px_tls('Trusted'), px_sent();
gives('the journal', join('', map { journal(MESSAGE => $_) } @said), 'left x@a.test mx.a.test 192.0.2.25 TLSv1.3 OK');
gives('... in bytes', join('', map { journal(MESSAGE => [unpack 'C*', $_]) } @said), 'left x@a.test mx.a.test 192.0.2.25 TLSv1.3 OK');
gives('... by its own pid', join('', map { journal(MESSAGE => $_, SYSLOG_PID => undef, _PID => '9') =~ s/"SYSLOG_PID":null,//r } @said), 'left x@a.test mx.a.test 192.0.2.25 TLSv1.3 OK');
gives('... of others', join('', (map { journal(MESSAGE => $_) } @said), journal(MESSAGE => undef), journal(), journal(MESSAGE => 'x', X => [1, { a => 'b' }])), 'left x@a.test mx.a.test 192.0.2.25 TLSv1.3 OK');
done_testing;
