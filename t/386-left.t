#!/usr/bin/perl
#
# report of mail that left: by the MTA's own log, held against what the MTA was
# told before, and beside what came from the same partner.

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

# smtp(8) of Postfix: the TLS of each connection, then who was served.
my $id = 0;
sub left {
	my ($day, $rcpt, $server, $tls) = @_;
	my $queue = sprintf '4Y%06d', ++$id;
	my $stamp = sprintf '2026-11-%02dT10:00:%02dZ mx postfix/smtp[%d]: ', $day, $id % 60, 100 + $id;
	my $peer = "$server\[192.0.2.25]:25";
	return ($tls ? "$stamp$tls TLS connection established to $peer: TLSv1.3 with cipher " .
	    "TLS_AES_256_GCM_SHA384 (256/256 bits)\n" : '') . "$stamp$queue: to=<$rcpt>, " .
	    "relay=$peer, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)\n";
}

sub told {
	my ($day, $query, $answer, %more) = @_;
	my $map = $more{map} // 'tlspolicy';
	my $result = $more{result} // 'told';
	return sprintf('{"v":1,"event":"outbound","time":"2026-11-%02dT09:59:00.000000Z","seq":1,'
	    . '"map":"%s","query":"%s","answer":"%s","result":"%s","generation":1,"rules":[]}', $day,
	    $map, $query, $answer, $result) . "\n";
}

my $maillog = $scratch->write('mail.log', join '',
    (map { left($_, 'ann@Bank.example', 'mx.bank.example', 'Verified') } 1 .. 12),
    left(13, 'ann@bank.example', 'mx.bank.example', 'Untrusted'),
    left(14, 'ann@bank.example', 'mx.bank.example'),
    left(15, 'bob@old.example', 'mx.old.example'),
    left(16, 'carol@sub.parent.example', 'mx.parent.example'),
    left(17, 'dora@first.example', 'mx.first.example'),
    left(19, 'dora@first.example', 'mx.first.example'),
    left(20, 'eve@smail.example', 'mx.smail.example', 'Untrusted'));
my $r = tlspolicy('audit', 'from-log', $maillog);
is(() = $r->{out} =~ /"event":"delivered"/g, 19, 'the mail log') or diag $r->{err};
my $left = $scratch->write('left.jsonl', $r->{out});
my $answers = $scratch->write('answers.jsonl', join '', told(18, 'first.example', 'encrypt'),
    told(1, 'BANK.example', 'secure match=nexthop:dot-nexthop'), told(2, 'old.example', 'may'),
    told(3, '.parent.example', 'encrypt'), told(4, '[mx.old.example]', 'encrypt'),
    told(5, 'tls_rcpt:eve@smail.example', 'TEMP+VERIFY:128', map => 'access'));

sub json {
	my $got = tlspolicy('report', '--json', @_);
	is($got->{status}, 0, "report --json @_: exit code") or diag $got->{err};
	return decode_json($got->{out});
}

# In whatever order the files come.
for my $files ([$left, $answers], [$answers, $left]) {
	my $all = json('--left', @$files);
	is($all->{records}, 19, 'records');
	is_deeply([@{$all->{total}}{qw(mails tls verified clear against)}], [19, 14, 12, undef, 5],
	    'the whole') or diag explain $all->{total};
	my %domain = map { $_->{domain} => $_ } @{$all->{domains}};
	is_deeply({ map { $_ => $domain{$_}{against} } keys %domain }, { 'bank.example' => 2,
	    'old.example' => 0, 'parent.example' => 1, 'first.example' => 1, 'smail.example' => 1 },
	    'against what was told: in clear, not verified, below a domain, after the answer only');
	is_deeply([map { "$_->{alarm} $_->{domain}" } @{$all->{alarms}}],
	    ['fallback bank.example', 'unverified bank.example'], 'what to look at');
	is_deeply([map { $_->{client} } @{$domain{'bank.example'}{clients}}], ['bank.example'],
	    'by the server');
}
is(json('--left', $left)->{total}{against}, 0, 'without answers nothing is against one');
is(json('--left', $left)->{answers}, 0, '... and that is said');
like(tlspolicy('report', '--left', $left)->{err}, qr/^what MTAs were told is not in these files/m, '... in words');
unlike(tlspolicy('report', '--left', '--html', $left)->{out}, qr/against what the MTA was told/, '... not as good news');

# An answer that failed or was refused frees nobody, one of mode monitor was not told.
my $case = 0;
for (['failed', 1, told(1, 'x.example', 'encrypt') . told(2, 'x.example', 'TEMP no store', result => 'failed')],
    ['refused', 1, told(2, 'x.example', '', result => 'refused')],
    ['monitor', 0, told(2, 'x.example', 'encrypt') =~ s/}$/,"mode":"monitor"}/r],
    # Postfix at these levels delivers to nobody whom it has not matched.
    (map { ["a chain, and not the name: $_", 1, told(2, 'x.example', $_), 'Trusted'],
	["the name as well: $_", 0, told(2, 'x.example', $_), 'Verified'] }
	'secure match=.x.example', 'verify', 'dane-only', 'fingerprint match=AA'),
    ['a chain is enough of encrypt', 0, told(2, 'x.example', 'encrypt'), 'Trusted'],
    ['the domain alone', 1, told(2, 'tls_rcpt:x.example', 'TEMP+ENCR:128', map => 'access')],
    ['all at once', 1, told(2, 'tlspolicy:tls_rcpt/joe@x.example', 'TEMP+ENCR:128', map => 'access')],
    ['a server', 0, told(2, 'tlspolicy:tls_srv/x.example/192.0.2.1', 'TEMP+ENCR:128', map => 'access')]) {
	my ($name, $against, $told, $trust) = @$_;
	my $one = $scratch->write('one' . ++$case, tlspolicy('audit', 'from-log',
	    # A log without a word of TLS would not tell.
	    $scratch->write('one.log', left(3, 'z@z.example', 'mx.z.example', 'Untrusted') .
	    left(3, 'y@x.example', 'mx.x.example', $trust)))->{out});
	is(json('--left', $one, $scratch->write('told' . $case, $told))->{total}{against}, $against,
	    "against: $name");
}
# audit show and the like find such records by their domain.
my $asked = $scratch->write('asked', told(1, 'tlspolicy:tls_srv/mx.x.example/192.0.2.1', 'TEMP+ENCR:128',
    map => 'access') . told(1, 'tlspolicy:tls_rcpt/joe@x.example', 'TEMP+ENCR:128', map => 'access'));
is(() = tlspolicy('audit', 'show', '--domain', 'x.example', $asked)->{out} =~ /\n/g, 2, 'show --domain');

# Mail from and to one partner, in one report.
my $came = $scratch->write('came.jsonl', join '', map { sprintf '{"v":1,"event":"message","time":'
    . '"2026-11-%02dT08:00:00.000000Z","seq":1,"node":"mx","mta":"Postfix 3.7.11","queue_id":"Q%d",'
    . '"helo":"h","from":"x@%s","generation":1,"session":"1","client":{"name":"mx.%s","addr":"192.0.2.9"},'
    . '"daemon":{"name":"smtpd"},"auth":null,"tls":null,"rcpts":["a@here.example"],"rules":[],'
    . '"verdict":"accept","reply":null,"reason":null}' . "\n", $_, $_, ('bank.example') x 2 } 1 .. 3);
my $both = json('--domain', 'bank.example', $came, $left, $answers);
is("$both->{total}{mails} $both->{left}{total}{mails}", '3 14', 'a statement covers both directions');
is($both->{left}{total}{against}, 2, '... held against what was told');
$r = tlspolicy('report', '--domain', 'bank.example', $came, $left, $answers);
like($r->{out}, qr/^TLS report, .*senders of bank\.example.*^TLS report of mail that left, .*recipients of bank\.example/ms,
    '... as text');
like($r->{out}, qr/^  against what the MTA was told +2$/m, '... the number');
unlike($r->{err}, qr/left out/, '... nothing is left out');
$r = tlspolicy('report', '--html', '--domain', 'bank.example', $came, $left, $answers);
like($r->{out}, qr/TLS statement for bank\.example.*TLS statement on mail that left for bank\.example/s, '... as a page');
like($r->{out}, qr/1 of 14 mails left in clear, the others over TLS; 12 with a certificate that verified/,
    '... a sentence');
like($r->{out}, qr/Who sent it.*Who took it/s, '... both peers');

# Without --left a report counts nothing of mail that left.
$r = tlspolicy('report', $came, $left, $answers);
like($r->{err}, qr/^19 of mail that left, out of a mail log, left out/m, 'mail that came, alone');
unlike($r->{out}, qr/that left/, '... nothing of the rest');
$r = tlspolicy('report', '--left', $came, $left);
like($r->{err}, qr/^3 records of mail that came in left out$/m, 'mail that left, alone');
like(tlspolicy('report', '--left', $came)->{out}, qr/^No records of mail that left\.$/m, 'none is said');
$r = tlspolicy('report', '--left', '--csv', $left, $answers);
is((() = $r->{out} =~ /^2026-11-\d\d,"/mg), 19, '--csv: a row for each day of each domain');
$r = Tlspolicy::Scratch::run({ in => $left }, "$bin/tlspolicy", 'report', '-c', $conf,
    '--json', '--left', '-');
is(decode_json($r->{out})->{total}{mails}, 19, 'standard input is read once');

done_testing;
