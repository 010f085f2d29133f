#!/usr/bin/perl
# tlspolicy lint: what each check finds, and what it leaves alone.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP qw(decode_json);
use POSIX qw(strftime);
use Test::More;
use Tlspolicy::Scratch;

my $scratch = Tlspolicy::Scratch->new;
my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
my $soon = strftime '%Y-%m-%d', gmtime(time + 10 * 86400);
my $sooner = strftime '%Y-%m-%d', gmtime(time + 9 * 86400);
my $late = strftime '%Y-%m-%d', gmtime(time + 90 * 86400);

# lint(OPTIONS, RULES): exit code and "LINE CHECK" of each finding.
sub lint {
	my ($options, $rules) = @_;
	my $file = $scratch->write('rules', $rules);
	my $out = `$tlspolicy lint $options $file 2>&1`;
	my $status = $? >> 8;
	my ($line, @found) = (0);
	for (split /\n/, $out) {
		$line = $1 if /^\Q$file\E:(\d+): /;
		push @found, "$line $1" if /^    ([a-z-]+): /;
	}
	return ($status, "@found", $out);
}

sub finds {
	my ($name, $options, $rules, $want) = @_;
	my ($status, $found, $out) = lint($options, $rules);
	is $found, $want, "$name: findings" or diag $out;
	is $status, $want eq '' ? 0 : 1, "$name: exit code";
}

finds 'nothing to say', '', "TLS_Clt:example.com\tPERM+VERIFY\n", '';
# A key that stops a build is no finding of lint (809-never.t), but compat =
# sendmail takes some of them, as sendmail does.
my $compat = '-c ' . $scratch->write('compat.conf', "compat = sendmail\n");
finds 'names that cannot be', $compat,
    "TLS_Clt:192.0.2.\tENCR:1\nTLS_Clt:2.1]\tENCR:1\n" .
    "TLS_Clt:[192.0\tENCR:1\nTLS_Clt:a..example\tENCR:1\n",
    '1 never-matches 2 never-matches 3 never-matches 4 never-matches';
finds 'stand-ins and cut names', $compat,
    "TLS_Clt:a.example\tVERIFY+CN:BadCertificateUnknown\n" .
    "TLS_Clt:b.example\tVERIFY+CN:a++b\n" .
    "TLS_Clt:c.example\tVERIFY+CI:CN=b\n",
    '1 never-holds 2 never-holds 3 never-holds';
finds 'lines that never count', '',
    "TLS_From:a.example\tENCR:1+WHEN:192.0.2.0/24\n" .
    "TLS_From:a.example\tENCR:1+WHEN:192.0.2.7\n" .
    "TLS_From:a.example\tENCR:1+WHEN:192.0.2.7++WHEN:192.0.3.1\n" .
    "TLS_From:a.example\tENCR:1+WHEN:.b.example\n" .
    "TLS_From:a.example\tENCR:1+WHEN:192.0.2.7++UNTIL:$late\n" .
    "TLS_From:a.example\tENCR:1\n", '2 shadowed 5 shadowed';
finds 'a line for all clients', '',
    "TLS_From:a.example\tENCR:1+WHEN:0.0.0.0/0++WHEN:::/0\n" .
    "TLS_From:a.example\tENCR:1\n", '2 shadowed';
finds 'lines that relieve each other', '',
    "TLS_From:a.example\tENCR:1+UNTIL:$sooner\n" .
    "TLS_From:a.example\tENCR:2+FROM:$soon++WHEN:192.0.2.0/24\n" .
    "TLS_From:a.example\tENCR:3+WHEN:192.0.2.7\n" .
    "TLS_From:a.example\tENCR:4+FROM:$soon++UNTIL:$late\n" .
    "TLS_From:a.example\tENCR:5+UNTIL:$late\n" .
    "TLS_From:a.example\tENCR:6\n", '1 dates 3 shadowed 5 shadowed';
finds 'each of its clients by another line', '',
    "TLS_From:a.example\tENCR:1+WHEN:192.0.2.0/24\n" .
    "TLS_From:a.example\tENCR:2+WHEN:.b.example\n" .
    "TLS_From:a.example\tENCR:3+WHEN:192.0.2.7++WHEN:x.b.example\n" .
    "TLS_From:a.example\tENCR:4+WHEN:192.0.2.7++WHEN:b.example\n" .
    "TLS_From:a.example\tENCR:5\n", '3 shadowed';
finds 'everybody by two lines', '',
    "TLS_From:a.example\tENCR:1+UNTIL:$sooner\n" .
    "TLS_From:a.example\tENCR:2+FROM:$soon\n" .
    "TLS_From:a.example\tENCR:3\n", '1 dates 3 shadowed';
finds 'a day between them', '',
    "TLS_From:a.example\tENCR:1+UNTIL:$sooner\n" .
    "TLS_From:a.example\tENCR:2+FROM:$late\n" .
    "TLS_From:a.example\tENCR:3\n", '1 dates';
finds 'all of a network', '',
    "TLS_Clt:192.0.2.0/25\tENCR:1+WHEN:192.0.2\n" .
    "TLS_Clt:192.0.2.0/25\tENCR:2\n" .
    "TLS_Clt:192.0.2.128/25\tENCR:1+WHEN:192.0.2.129\n" .
    "TLS_Clt:192.0.2.128/25\tENCR:2\n", '2 shadowed';
like((lint('', "TLS_From:a.example\tENCR:1+UNTIL:$sooner\n" .
    "TLS_From:a.example\tENCR:2+FROM:$soon\nTLS_From:a.example\tENCR:3\n"))[2],
    qr/never counts: line 1 and line 2, of the same key, count on each of its days\n/,
    'both are named');
finds 'lines with other dates', '',
    "TLS_From:a.example\tENCR:1+WHEN:192.0.2.0/24++UNTIL:$late\n" .
    "TLS_From:a.example\tENCR:1+WHEN:192.0.2.7\n", '';
finds 'lines for nobody', '',
    "TLS_Clt:192.0.2.0/24\tENCR:1+WHEN:192.0.3.1++WHEN:2001:db8::1\n" .
    "TLS_Clt:192.0.4.0/24\tENCR:1+WHEN:192.0.3.1++WHEN:192.0.4.1\n" .
    "TLS_Clt:192.0.5.0/24\tENCR:1+WHEN:.a.example\n" .
    "TLS_Clt:b.example\tENCR:1+WHEN:mx.b.example\n" .
    "TLS_Clt:.c.example\tENCR:1+WHEN:c.example\n" .
    "TLS_Clt:192.0.7.0/24\tENCR:1+CLIENT:192.0.8.0/24\n" .
    "TLS_Clt:192.0.8.0/24\tENCR:1+CLIENT:192.0.8.7\n" .
    "TLS_From:a.example\tENCR:1+CLIENT:192.0.2.7++WHEN:192.0.3.0/24\n",
    '1 no-client 5 no-client 6 no-client 8 no-client';
finds 'lines with a profile', '',
    "Profile:p\tPERM+VERIFY:512\n" .
    "TLS_From:a.example\tAS:p++AEAD\n" .
    "TLS_From:b.example\tPERM+VERIFY:128\n" .
    "TLS_From:x.b.example\tAS:q\n" .
    "Profile:q\tPERM+ENCR:128\n",
    '1 never-holds 2 never-holds 4 weaker';
# check(NAME, CHECK, RULE, WAY_OUT): the only finding, and what it advises.
sub check {
	my ($check, $rule, $way_out) = @_;
	my ($status, $found, $out) = lint('', "$rule\n");
	is $found, "1 $check", $rule or diag $out;
	like $out, $way_out, "$rule: way out";
}

# OK takes no items: what lint advises is a rule.
for (["TLS_From:<>\tPERM+ENCR:1", qr/make it OK, or begin with WARN\+/],
    ["TLS_From:<>\tPERM+ENCR:1+BY:x", qr/ask for ENCR:0 and keep BY and the dates, or begin/],
    ["TLS_From:<>\tPERM+ENCR:1+UNTIL:$late", qr/ask for ENCR:0 and keep/],
    ["TLS_To:postmaster\@a.example\tPERM+ENCR:1+BY:x++MSG:y", qr/ask for ENCR:0 and keep/]) {
	check($_->[0] =~ /postmaster/ ? 'role-address' : 'null-sender', @$_);
	my ($status, $found) = lint('', ($_->[0] =~ s/PERM\+ENCR:1/ENCR:0/r =~
	    s/ENCR:0$/OK/r) . "\n");
	is $found, '', "$_->[0]: as advised";
}
like((lint('', "TLS_From:a.example\tPERM+VERIFY\nTLS_From:b.a.example\tOK\n"))[2],
    qr/write ENCR:0 with BY: and an UNTIL: in its place, as OK takes no items$/m,
    'an OK that says nothing of itself');
finds 'and what it advises', '', "TLS_From:a.example\tPERM+VERIFY\n" .
    "TLS_From:b.a.example\tENCR:0+BY:ticket++UNTIL:$late\n", '';
like((lint('', "TLS_From:a.example\tPERM+VERIFY\nTLS_From:b.a.example\tPERM+ENCR:1\n"))[2],
    qr/meant, say so with BY: and an UNTIL:$/m, 'another one takes items');

finds 'names in every good spelling', '', join('', map { "$_\tENCR:1\n" }
    ("TLS_Clt:b\xc3\xbccher.example"), qw(TLS_Clt:a_b.example. TLS_Clt:.b.example
    TLS_Clt:[192.0.2] TLS_Clt:[IPv6:2001:db8::1] TLS_Clt:IPv6:2001:db8
    TLS_Clt:10 TLS_Clt:1.example TLS_From:joe+*@a.example TLS_From:joe@
    TLS_From:joe@[192.0.2.1] TLS_From:"a@b"@c.example TLS_From:.d.example
    TLS_Auth:"*" TLS_Daemon:"*")), '';

# Requirements that nothing meets, and items that are none.
check 'never-holds', @$_ for (
	['TLS_Clt:a.example ENCR:2048', qr/at most 256/],
	['TLS_Clt:a.example VERIFY+CITag:My', qr/add My:/]);
finds 'names that are alike', '', "TLS_Clt:a.example	" .
    "VERIFY+CN:a.b++CN:*.b++CN:c++CN:.b++CS:/CN=a+20b++CI:/CN=a
", '';
finds 'issuers', $compat, "TLS_Clt:a.example	VERIFY+CITag:My
" .
    "my:/CN=a\tOK\nMY:CN=b\tOK\n", '3 never-matches';
check 'twice', @$_ for (
	['TLS_Clt:a.example ENCR:1+BY:b++BY:c', qr/BY .* the last one is kept/],
	['TLS_Clt:a.example ENCR:1+VER:1.2++VER:1.3', qr/higher version/],
	['TLS_Clt:a.example ENCR:1+PFS++pfs', qr/one is enough/],
	['TLS_Clt:a.example VERIFY+CN:a++CN:A', qr/one is enough/],
	['TLS_Clt:a.example ENCR:1+FP:00112233445566778899aabbccddeeff++' .
	    'FP:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF', qr/one is/]);
check 'swallowed', @$_ for (
	['TLS_Clt:a.example ENCR:1+MSG:call us++UNTIL:2099-01-01', qr/last/],
	['TLS_Clt:a.example ENCR:1+MSG:a++MSG:b', qr/MSG:b is part/]);
finds 'a + that is one', '', "TLS_Clt:a.example\tVERIFY+CN:a+20b++" .
    "BY:ticket+2017++MSG:Call +49 30 123, or CN: and ++ C++\n", '';
my $tls13 = 'TLS_AES_256_GCM_SHA384';
check 'cipher-list', @$_ for (
	["TLS_Clt:a.example ENCR:1+CIPHER:HIGH:AESgcm:$tls13", qr/mean AESGCM\?/],
	["TLS_Clt:a.example ENCR:1+CIPHER:HIGH:!aNUL:$tls13", qr/mean aNULL\?/],
	["TLS_Clt:a.example ENCR:1+CIPHER:HIGH:FOO:$tls13", qr/no "FOO"/],
	["TLS_Clt:a.example ENCR:1+CIPHER:HIGH:!RC4\@STRENTH:$tls13", qr/\@STRENGTH\?/],
	['TLS_Clt:a.example ENCR:1+CIPHER:TLS_AES_256_GCM_SHA385:HIGH',
	    qr/mean $tls13\?/],
	['TLS_Clt:a.example ENCR:1+CIPHER:HIGH', qr/:$tls13/]);
finds 'cipher lists', '', "TLS_Clt:a.example\tENCR:1+CIPHER:ECDHE+AESGCM:" .
    "$tls13:!RC4:!EXPORT:!DES-CBC3-SHA:!aNULL:\@STRENGTH\n" .
    "TLS_Clt:b.example\tENCR:1+CIPHER:HIGH,$tls13\n" .
    "TLS_Clt:c.example\tENCR:1+CIPHER:$tls13\n", '';

finds 'shadowed by dates', '',
    "TLS_Clt:a.example\tENCR:1+UNTIL:$late\n" .
    "TLS_Clt:a.example\tENCR:2+FROM:$soon++UNTIL:$late\n",
    '2 shadowed';
# Only what is certain, whatever the session: the rest of the list is silent.
finds 'decided by another tag', '', "TLS_Daemon:\tPERM+VERIFY:256\n" .
    "TLS_Clt:a.example\tHOLD+VERIFY\nTLS_Clt:b.example\tPERM+ENCR:256\n" .
    "TLS_Auth:joe\tWARN+ENCR:128\nTLS_From:c.example\tTEMP+VERIFY:128\n" .
    "TLS_Clt:d.example\tOK\nTLS_Clt:e.example\tENCR:0+BY:me\n" .
    "TLS_Clt:f.example\tPERM+VERIFY+CN:f\nTLS_To:g\@h.example\tENCR:128\n",
    '2 decided 3 decided 4 decided 5 decided';
finds 'not decided by another tag', '', join('', map { "$_\n" }
    "TLS_Daemon:\tTEMP+VERIFY:128", "TLS_Auth:\tPERM+VERIFY:128",
    "TLS_Clt:a.example\tTEMP+VERIFY"), '';
finds 'not by a tag with an exception', '', "TLS_Daemon:\tPERM+VERIFY:256\n" .
    "TLS_Daemon:587\tENCR:0+BY:me++UNTIL:$late\n" .
    "TLS_Clt:a.example\tVERIFY\n", '';
finds 'not by one with dates or items', '',
    "TLS_Daemon:\tPERM+VERIFY:256+UNTIL:$late\n" .
    "TLS_Clt:a.example\tVERIFY\n", '';
finds 'not by one that may not be able to tell', '',
    "TLS_Daemon:\tPERM+VERIFY:256+VER:1.2\n" .
    "TLS_Clt:a.example\tVERIFY\n", '';
finds 'not by less', '', "TLS_Daemon:\tPERM+ENCR:128\n" .
    "TLS_Clt:a.example\tENCR:256\nTLS_Clt:b.example\tVERIFY\n", '';
# --at: as of that day, whenever that is.
finds 'dates', "--at $$_[0]", "TLS_Clt:a.example\tENCR:1+UNTIL:2031-03-31\n" .
    "TLS_Clt:a.example\tENCR:2\n", $$_[1]
    for ['2031-02-28', ''], ['2031-03-01', '1 dates'],
	['2031-03-31', '1 dates'], ['2031-04-01', '1 dates'];
like((lint('--at 2031-03-31', "TLS_Clt:a.example\tENCR:1+UNTIL:2031-03-31\n"))
    [2], qr/expires at the end of 2031-03-31/, 'on its last day it counts');
like((lint('--at 2031-04-01', "TLS_Clt:a.example\tENCR:1+UNTIL:2031-03-31\n"))
    [2], qr/expired at the end of 2031-03-31/, 'and not on the next');
for ('2031-02-30', 'tomorrow', '') {
	my ($status, undef, $out) = lint("--at '$_'", "TLS_Clt: OK\n");
	is "$status $out" =~ s/\n.*//sr, '64 tlspolicy lint: --at: a date was ' .
	    qq(expected, YYYY-MM-DD, not "$_"), "no date: '$_'";
}
finds 'dates', '', "TLS_Clt:a.example\tENCR:1+UNTIL:2026-01-01\n" .
    "TLS_Clt:b.example\tENCR:1+UNTIL:$soon\n" .
    "TLS_Clt:c.example\tENCR:1+UNTIL:$late\n", '1 dates 2 dates';
finds 'weaker than a parent name', '',
    "TLS_Clt:a.example\tVERIFY:256+VER:1.2\n" .
    "TLS_Clt:1.a.example\tENCR:256+VER:1.2\n" .
    "TLS_Clt:2.a.example\tVERIFY:128+VER:1.2\n" .
    "TLS_Clt:3.a.example\tVERIFY:256\n" .
    "TLS_Clt:4.a.example\tWARN+VERIFY:256+VER:1.2\n" .
    "TLS_Clt:5.a.example\tOK\n" .
    "TLS_Clt:6.a.example\tVERIFY:256+VER:1.3\n" .
    "TLS_Clt:7.a.example\tENCR:0+UNTIL:$late++BY:ticket-7\n" .
    "TLS_Clt:.8.a.example\tVERIFY:256+VER:1.1\n",
    '2 weaker 3 weaker 4 weaker 5 weaker 6 weaker 9 weaker';
finds 'weaker than a network, a domain, the bare tag', '',
    "TLS_Clt:\tENCR:112\nTLS_Clt:10.0.0.0/8\tENCR:256\n" .
    "TLS_Clt:10.9\tENCR:128\nTLS_From:a.example\tVERIFY\n" .
    "TLS_From:joe\@a.example\tENCR:1\nTLS_Clt:b.example\tENCR:64\n",
    '3 weaker 5 weaker 6 weaker';
finds 'weaker as more names will do, or as mail is let in to be held', '',
    "TLS_From:a.example\tPERM+VERIFY+CN:a\n" .
    "TLS_From:1.a.example\tPERM+VERIFY+CN:a++CN:b\n" .
    "TLS_From:2.a.example\tPERM+VERIFY+CN:b\n" .
    "TLS_From:3.a.example\tHOLD+VERIFY+CN:A\n" .
    "TLS_From:b.example\tENCR:1+CLIENT:192.0.2.0/24\n" .
    "TLS_From:1.b.example\tENCR:1+CLIENT:192.0.2.0/24++CLIENT:.b.example\n" .
    "TLS_From:c.example\tHOLD+ENCR:1\nTLS_From:1.c.example\tHOLD+ENCR:1\n" .
    "TLS_Rcpt:c.example\tTEMP+ENCR:1\nTLS_Rcpt:1.c.example\tHOLD+ENCR:1\n",
    '2 weaker 4 weaker 6 weaker';
finds 'weaker than an address without its detail', '',
    "TLS_From:joe\@a.example\tENCR:128\nTLS_From:joe+*\@a.example\tENCR:1\n" .
    "TLS_From:ann+*\@a.example\tENCR:128\nTLS_From:ann+x\@a.example\tENCR:1\n" .
    "TLS_From:bob\@\tENCR:128\nTLS_From:bob+xyz\@\tENCR:1\n" .
    "TLS_From:b.example\tENCR:128\nTLS_From:eve+x\@b.example\tENCR:1\n" .
    "TLS_From:eve+\@c.example\tENCR:1\n", '2 weaker 4 weaker 6 weaker 8 weaker';
finds 'a public server', '', "TLS_Clt:\tPERM+ENCR:112\n", '1 public-mx';
finds 'a public server that only warns', '', "TLS_Clt:\tWARN+ENCR:112\n", '';
finds 'a public suffix', '', "TLS_From:co.uk\tENCR:1\n" .
    "TLS_Clt:.com\tENCR:1\nTLS_From:example.co.uk\tENCR:1\n" .
    "TLS_Clt:host.internal\tENCR:1\n", '1 public-suffix 2 public-suffix';
finds 'bounces', '', "TLS_From:\tENCR:1\n", '1 null-sender';
finds 'bounces let through', '', "TLS_From:\tENCR:1\nTLS_From:<>\tOK\n", '';
finds 'role addresses', '', "TLS_To:a.example\tENCR:1\n" .
    "TLS_To:postmaster\@a.example\tOK\nTLS_To:abuse\@b.example\tENCR:1\n",
    '1 role-address 3 role-address';
finds 'role addresses let through', '', "TLS_To:\tENCR:1\n" .
    "TLS_To:postmaster@\tOK\nTLS_To:abuse@\tOK\n", '';
my $told = "TLS_Clt:a.example\tVERIFY+CS:/CN=a\n" .
    "TLS_Clt:b.example\tENCR:1+FP:00112233445566778899aabbccddeeff\n" .
    "TLS_Clt:c.example\tVERIFY+CN:c++ICN:ca\n";
finds 'facts that Postfix does not tell', '--mta postfix', $told,
    '1 not-told 2 not-told';
finds 'sendmail tells them', '--mta sendmail', $told, '';
finds 'an old sendmail tells no version', '--mta sendmail',
    "TLS_Clt:a.example\tENCR:1+VER:1.2\n" .
    "TLS_Clt:b.example\tENCR:1+AEAD++VER:1.2\n" .
    "TLS_Clt:c.example\tENCR:1+AEAD++VER:1.3\n", '1 not-told 3 not-told';
my $outbound = "TLS_Srv:a.example\tPERM+VERIFY:128+CN:a\n" .
    "TLS_Srv:b.example\tENCR:256\nTLS_Rcpt:joe\@c.example\tVERIFY\n" .
    "TLS_Rcpt:d.example\tENCR:128+PFS++VER:1.2\n" .
    "TLS_Srv:e.example\tVERIFY\nTry_TLS:f.example\tNO\n";
finds 'what Postfix cannot be told', '--mta postfix', $outbound,
    '2 inexpressible 3 inexpressible';
finds 'what sendmail cannot be told', '--mta sendmail', $outbound,
    '4 inexpressible';
finds 'no MTA, no question of words', '', $outbound, '';
finds 'sendmail\'s word for one can say neither', '', "Try_TLS:f.example\tNO\n", '';
finds 'exceptions, and who wants them', '', "TLS_Srv:a.example\tOK\n" .
    "TLS_Rcpt:b.example\tENCR:0\n" .
    "TLS_Rcpt:c.example\tENCR:0+BY:me\n" .
    "TLS_Rcpt:d.example\tENCR:0+UNTIL:$late\n" .
    "TLS_Rcpt:e.example\tENCR:0+UNTIL:$late++BY:me\n" .
    "TLS_Rcpt:f.example\tENCR:0+PFS\nTLS_Rcpt:g.example\tDANE:may\n" .
    "TLS_Rcpt:h.example\tWARN+ENCR:0\nTLS_Clt:i.example\tENCR:0+BY:me\n" .
    "TLS_Rcpt:j.example\tENCR:1\n",
    '1 exception 2 exception 3 exception 4 exception 8 requires-nothing';
finds 'WARN is told to nobody', '--mta postfix',
    "TLS_Srv:a.example\tWARN+ENCR:256\n", '';

check 'star', @$_ for (
    ['TLS_Clt:a.example VERIFY+CN:mail*.a.example', qr/only CN:\*\.example/],
    ['TLS_Clt:a.example VERIFY+CN:*', qr/CN alone/],
    ['TLS_Clt:a.example VERIFY+CN:*.*.a.example', qr/only CN:/],
    ['TLS_Clt:a.example VERIFY+ICN:*.a.example', qr/only CN:/],
    ['TLS_Clt:a.example VERIFY+CS:/CN=*.a.example', qr/only CN:/]);
check 'escape', @$_ for (
    ['TLS_From:john+20doe@a.example ENCR:1', qr/"john\+20doe"/],
    ['TLS_Auth:john+20doe ENCR:1', qr/"john\+20doe"/]);
finds 'a mailbox and a domain are met in any case', '',
    "TLS_From:j\xc3\xbcrgen\@a.example\tENCR:1\n" .
    "TLS_From:b\xc3\xbccher.example\tENCR:1\n" .
    "TLS_To:joe\@b\xc3\xbccher.example\tENCR:1\n", '';
finds 'details', '', join('', map { "TLS_From:$_\@a.example\tENCR:1\n" }
    qw(joe+2024 joe+ad joe+20 "joe+20doe")), '';
check 'reply-in-ascii', "TLS_Clt:a.example ENCR:1+MSG:J\xc3\xbcrgen",
    qr/told "J\\x\{FC\}rgen"\n +write MSG in ASCII/;
my ($status, undef, $out) = lint('--mta none', '');
is $status, 64, 'an unknown MTA is a usage error';
like $out, qr/expected one of: sendmail, postfix/, 'and says what was expected';
($status) = lint('', "TLS_Clt:a.example\tENCR\n");
is $status, 65, 'bad rules are bad rules, not findings';
(undef, undef, $out) = lint('--json', "TLS_Auth:b\xc3\xbc\tENCR:300\n");
like $out, qr/^\[\n\{.*"TLS_Auth:b\\u00fc".*\n\]$/i, '--json is ASCII';
(undef, undef, $out) = lint('', "TLS_Cilt:a.example\tOK\n");
like $out, qr/^\S+:1:1: found the tag "TLS_Cilt"; .*, did you mean TLS_Clt\?$/m,
    'a misspelt tag';
(undef, undef, $out) = lint('', "TLS_Clt:a.example\tENCR:1+CIPHER:AESgcm\n");
like $out, qr/^\S+:1:26: "AESgcm" .*, did you mean AESGCM\?$/m,
    'a cipher list that means nothing';

# A rule below another asks for less: the finding names what it leaves out.
for (['DANE', 'TLS_Rcpt', 'DANE', 'ENCR:1', 'does not ask for DANE'], ['an item without a value', 'TLS_From', 'PERM+ENCR:1+PFS', 'PERM+ENCR:1', 'does not ask for PFS'],
    ['one with a value', 'TLS_From', 'PERM+VERIFY+CN:mx.b.example', 'PERM+VERIFY', 'does not ask for CN:mx\.b\.example'], ['bits', 'TLS_From', 'PERM+ENCR:128', 'PERM+ENCR:112', 'asks for 112 bits, not 128'],
    ['a need', 'TLS_From', 'PERM+VERIFY', 'PERM+ENCR:256', 'does not ask for VERIFY'], ['a refusal', 'TLS_From', 'PERM+VERIFY', 'WARN+VERIFY', 'only warns'],
    ['all', 'TLS_From', 'PERM+VERIFY', 'OK', 'asks for nothing']) {
	my ($name, $tag, $above, $below, $says) = @$_;
	my ($status, $found, $out) = lint('', "$tag:b.example\t$above\n$tag:a.b.example\t$below\n");
	like $out, qr/$says, unlike $tag:b\.example in /, "weaker: $name";
	is $status, 1, "weaker: $name: exit code";
}
finds 'postmaster and abuse are let through', '', "TLS_To:b.example\tPERM+ENCR:1\nTLS_To:postmaster\@b.example\tOK\n" .
    "TLS_To:abuse\@b.example\tOK\n", '';
finds 'no client that WHEN leaves', '', "TLS_From:a.example\tPERM+ENCR:1+WHEN:198.51.100.0/24++CLIENT:192.0.2.1++CLIENT:192.0.2.2\n" .
    "TLS_From:b.example\tPERM+ENCR:1+WHEN:192.0.2.0/24++CLIENT:192.0.2.1++CLIENT:198.51.100.1\n", '1 no-client';
# What a session in clear meets, whatever class stands in front of it.
my @nothing = ('TLS_Clt: PERM+ENCR:0', 'TLS_Clt:a.example TEMP+ENCR:0',
    'TLS_Clt:b.example WARN+ENCR:0', 'TLS_Clt:c.example HOLD+ENCR:0+BY:me',
    'TLS_Clt:d.example ENCR:0', 'TLS_Auth: PERM+ENCR:0',
    'TLS_Daemon:25 ENCR:0+MSG:x', "TLS_From:<> PERM+ENCR:0+UNTIL:$late",
    'TLS_To:a.example AS:p',
    "TLS_Rcpt:b.example PERM+ENCR:0+BY:me++UNTIL:$late");
finds 'ENCR:0', '', join('', map { "$_\n" } @nothing,
    'Profile:p TEMP+ENCR:0'), join ' ', map { "$_ requires-nothing" } 1 .. 10;
like((lint('', "TLS_Clt: PERM+ENCR:0\n"))[2], qr/in clear meets ENCR:0, so PERM has no effect\n +ask for ENCR:1/,
    'the class is named');
finds 'ENCR:0 that is an exception, or has an item', '', join('', map { "$_\n" }
    'TLS_Clt:a.example ENCR:0+BY:me', "TLS_Clt:b.example ENCR:0+UNTIL:$late",
    'TLS_Clt:c.example ENCR:0+WHEN:192.0.2.7', 'TLS_Clt:d.example PERM+ENCR:0+CN',
    'TLS_From:e.example PERM+ENCR:0+CLIENT:192.0.2.7', 'TLS_Clt:f.example PERM+VERIFY:0',
    'TLS_Clt:g.example PERM+ENCR:0+VER:1.0', 'TLS_Clt:h.example OK'), '';
finds 'a CLIENT that is everybody', '', join('', map { "$_\n" }
    'TLS_From:a.example PERM+ENCR:0+CLIENT:0.0.0.0/0++CLIENT:::/0',
    'TLS_From:b.example ENCR:1+CLIENT:192.0.2.0/24++WHEN:192.0.2.7',
    'TLS_Clt:192.0.2.7 PERM+ENCR:1+CLIENT:192.0.2.0/24',
    'TLS_From:c.example ENCR:1+CLIENT:0.0.0.0/0',
    'TLS_Clt:x.d.example ENCR:1+CLIENT:.d.example',
    'TLS_Clt:192.0.3.7 ENCR:1+CLIENT:[192.0.3.7]'),
    '1 any-client 1 requires-nothing 2 any-client 3 any-client';
done_testing;
