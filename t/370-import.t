#!/usr/bin/perl
#
# import: each format to rules that build, and nothing dropped in silence.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Scratch;

my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
plan skip_all => "$tlspolicy is not built" unless -x $tlspolicy;
my $scratch = Tlspolicy::Scratch->new;

# What each format makes of a file, and what is said of the rest of it.
sub import_is {
	my ($format, $file, $text, $status, $rules, @said) = @_;
	my $path = $scratch->write($file, $text);
	my @level = $format eq 'sendmail' ? () : qw(--level may);
	my $r = Tlspolicy::Scratch::run($tlspolicy, 'import', @level, $format, $path);
	my $name = "$format $file";

	is($r->{status}, $status, "$name: exit $status");
	is($r->{out}, $rules, "$name: rules");
	is(join('', grep { !/: \d+ rules?, |outbound|\t/ } split /^/, $r->{err}),
	    join('', map { "$path$_\n" } @said), "$name: messages");
	my $out = $scratch->write('rules', $r->{out});
	my $store = $scratch->path("$file.mdb");
	is(Tlspolicy::Scratch::run($tlspolicy, 'build', '-d', $store,
	    $out)->{status}, 0, "$name: the rules build");
	my $again = Tlspolicy::Scratch::run($tlspolicy, 'import', @level,
	    $format, $path);
	is(Tlspolicy::Scratch::run($tlspolicy, 'diff', '-d', $store,
	    $scratch->write('rules', $again->{out}))->{status}, 0,
	    "$name: the same again");
	return $r;
}

# Keys that sendmail never looks for would as rules let somebody pass.
import_is('sendmail', 'unasked', <<'IN', 65, <<'OUT', split /\n/, <<'SAID');
TLS_Clt:	PERM+ENCR:112
TLS_Clt:10.0.0.0/8	OK
TLS_Srv:2001:db8::1	OK
TLS_Clt:::ffff:192.0.2.1	OK
TLS_Clt:IPv6:2001:db8::2	OK
TLS_Clt:IPv6:2001:0db8	OK
TLS_Clt:x.example.	OK
TLS_Rcpt:y.example.	OK
 TLS_Clt:z.example	OK
TLS_Clt:.sub.example	OK
TLS_Clt:IPv6:2001:db8:0:0:0:0:0:3	OK
TLS_Clt:192.0.2	OK
TLS_Clt:[192.0.2.1]	OK
IN
TLS_Clt:	PERM+ENCR:112+BY:sendmail:unasked
TLS_Clt:.sub.example	ENCR:0+BY:sendmail:unasked
TLS_Clt:IPv6:2001:db8:0:0:0:0:0:3	ENCR:0+BY:sendmail:unasked
TLS_Clt:192.0.2	ENCR:0+BY:sendmail:unasked
TLS_Clt:[192.0.2.1]	ENCR:0+BY:sendmail:unasked
OUT
:2:1: "10.0.0.0/8": sendmail looks for no network of that spelling
:3:1: "2001:db8::1": sendmail looks for it behind IPv6: only
:4:1: "::ffff:192.0.2.1": sendmail looks for it behind IPv6: only
:5:1: "IPv6:2001:db8::2": sendmail looks for an address with each group written out, unless it has the option UseCompressedIPv6Addresses
:6:1: "IPv6:2001:0db8": sendmail looks for an address with each group written out, unless it has the option UseCompressedIPv6Addresses
:7:1: "x.example.": sendmail never looks for a name with a dot at its end
:8:1: "y.example.": sendmail never looks for a name with a dot at its end
:9:2: "z.example": makemap(8) takes no line that begins with a blank
:10: ".sub.example" counts in sendmail by FEATURE(`lookupdotdomain') only, else what a wider line or that of the address says
SAID
my $r = import_is('sendmail', 'access', <<'IN', 65, <<'OUT',
# local
Connect:spam.example	REJECT
From:joe@example.com	REJECT
192.0.2.66	REJECT
TLS_Clt:mx.partner.example	PERM+VERIFY:128+CN++CITag:PartnerCA
PartnerCA:/C=DE/O=My+20CA/CN=Root	OK
TLS_Clt:old.example	ENCR:0200
TLS_Clt:ok.example	OK
TLS_Clt:typo.example	ENCR
TLS_Srv:out.example	TEMP+ENCR:128
TLS_Rcpt:user@out.example	VERIFY
Try_TLS:broken.example	NO
Srv_Features:192.0.2	S
TLS_Clt:ok.example	OK
TLS_Clt:OK.example	VERIFY
Try_TLS:part.broken.example	YES
part.example	PERM+ENCR:112
TLS_Clt:believes.example	ENCR:112+CN:b
TLS_Clt:two.example	VERIFY+CN:a++CN:b
TLS_Clt:warn.example	WARN+ENCR:112
IN
TLS_Clt:mx.partner.example	PERM+VERIFY:128+CN++CITag:PartnerCA++BY:sendmail:access
PartnerCA:/C=DE/O=My+20CA/CN=Root	OK
TLS_Clt:old.example	ENCR:128+BY:sendmail:access
TLS_Clt:ok.example	ENCR:0+BY:sendmail:access
TLS_Srv:out.example	TEMP+ENCR:128+BY:sendmail:access
TLS_Rcpt:user@out.example	VERIFY+BY:sendmail:access
Try_TLS:broken.example	NO
Try_TLS:part.broken.example	OK
TLS_Clt:believes.example	ENCR:112+CN:b++BY:sendmail:access
TLS_Clt:two.example	VERIFY+CN:a++CN:b++BY:sendmail:access
TLS_Clt:warn.example	WARN+ENCR:112+BY:sendmail:access
OUT
    ':7: sendmail reads 0200 as 128',
    ':9:1: not taken, sendmail enforces nothing here: found "ENCR"; ' .
    'expected ENCR:bits, as in ENCR:128',
    ':17:1: "part.example" has no tag: sendmail enforces nothing here; as ' .
    'rules it would be TLS_Clt:part.example and TLS_Srv:part.example',
    ':18: sendmail believes names in certificates that did not verify; so ' .
    'does a rule by compat = sendmail only',
    ':19: sendmail wants each CN to hold, a rule any one; compat = sendmail ' .
    'wants each',
    ':20: sendmail does not know WARN and enforces nothing here',
    ': not about TLS: 4 lines (1 Connect, 1 From, 1 without a ' .
    'tag, 1 Srv_Features)',
    ':15: TLS_Clt:OK.example was given before (line 8) with another ' .
    'requirement');
like($r->{err}, qr/: 11 rules, 6 lines not of equal force\n.*4 of them are outbound/,
    'sendmail: the sum');

# What looks like a pattern is a name to sendmail; profiles and DANE are unknown
# there, and a line behind a byte order mark is never found.
import_is('sendmail', 'names', <<'IN', 65, <<'OUT',
TLS_Clt:a.example	VERIFY+CN:*.a.example++CI:/CN=x
TLS_Clt:b.example	PERM+VERIFY:0200+CI:/CN=x++CN:.b.example
TLS_Clt:c.example	AS:x
TLS_Srv:d.example	DANE
IN
TLS_Clt:a.example	VERIFY+CN:+2A.a.example++CI:/CN=x++BY:sendmail:names
TLS_Clt:b.example	PERM+VERIFY:128+CI:/CN=x++CN:+2Eb.example++BY:sendmail:names
TLS_Srv:d.example	DANE+BY:sendmail:names
OUT
    ':1: *.a.example is a name to sendmail, as a rule CN:*.a.example were a pattern',
    ':2: sendmail reads 0200 as 128',
    ':2: .b.example is a name to sendmail, as a rule CN:.b.example were a pattern',
    ':3:1: not taken, sendmail enforces nothing here: it has no profiles',
    ':4: sendmail does not know DANE and enforces nothing here');
import_is('sendmail', 'mark', "\xef\xbb\xbfTLS_Clt:a.example OK\n" .
    "TLS_Clt:example VERIFY\n", 65, <<'OUT',
TLS_Clt:example	VERIFY+BY:sendmail:mark
OUT
    ':1:1: a byte order mark is part of the key to makemap(8), and sendmail looks for no such key');
import_is('sendmail', 'comment', "\xef\xbb\xbf# one\nTLS_Clt:example VERIFY\n", 0,
    "TLS_Clt:example\tVERIFY+BY:sendmail:comment\n");
import_is('postfix', 'marked', "\xef\xbb\xbfa.example none\n" .
    "b.example secure\n", 65, <<'OUT',
TLS_Rcpt:b.example	VERIFY+BY:postfix:marked
TLS_Rcpt:.b.example	ENCR:0+BY:postfix:marked
OUT
    ':1: "Try_TLS:\x{FEFF}a.example" is not the key of a rule');

my $fp = join ':', ('AA') x 20;
my $fp2 = 'BB' . substr $fp, 2;
import_is('postfix', 'tls_policy', <<"IN", 65, <<"OUT",
# comment
example.com	encrypt ciphers=high protocols=>=TLSv1.2
.example.net  may
[mx.example.org]:25 secure match=mx.example.org
one.example verify
two.example secure
   match=a.example:.b.example
fp.example fingerprint
 match=$fp|$fp2
[none.example] none
.one.example secure
d.example dane-only
old.example encrypt protocols=!SSLv2:!SSLv3:!TLSv1 exclude=3DES
nh.example secure match=nexthop
IN
TLS_Rcpt:example.com	ENCR:128+VER:1.2++BY:postfix:tls_policy
TLS_Rcpt:.example.net	ENCR:0+BY:postfix:tls_policy
TLS_Srv:mx.example.org	VERIFY+CN:mx.example.org++BY:postfix:tls_policy
TLS_Rcpt:one.example	VERIFY+CN++BY:postfix:tls_policy
TLS_Rcpt:two.example	VERIFY+CN:a.example++CN:.b.example++BY:postfix:tls_policy
TLS_Rcpt:fp.example	ENCR:1+FP:$fp++FP:$fp2++BY:postfix:tls_policy
Try_TLS:none.example	NO
TLS_Rcpt:.one.example	VERIFY+BY:postfix:tls_policy
TLS_Rcpt:d.example	DANE+BY:postfix:tls_policy
TLS_Rcpt:old.example	ENCR:1+VER:1.1++BY:postfix:tls_policy
TLS_Rcpt:nh.example	VERIFY+CN:nh.example++BY:postfix:tls_policy
TLS_Rcpt:.example.com	ENCR:0+BY:postfix:tls_policy
TLS_Srv:.mx.example.org	ENCR:0+BY:postfix:tls_policy
TLS_Rcpt:.two.example	ENCR:0+BY:postfix:tls_policy
TLS_Rcpt:.fp.example	ENCR:0+BY:postfix:tls_policy
Try_TLS:.none.example	OK
TLS_Rcpt:.d.example	ENCR:0+BY:postfix:tls_policy
TLS_Rcpt:.old.example	ENCR:0+BY:postfix:tls_policy
TLS_Rcpt:.nh.example	ENCR:0+BY:postfix:tls_policy
OUT
    ':10: the rule is about the mail domain of that name, too',
    ':13: exclude=3DES: a rule cannot name the suites that Postfix is to ' .
    'leave out, but by PFS and AEAD');

# Nobody said whose table it is; an address is a client's.
import_is('postfix', 'sender_access', <<'IN', 65, <<'OUT',
partner.example reject_plaintext_session
192.0.2 reject_plaintext_session
spam.example REJECT
IN
TLS_Clt:192.0.2	TEMP+ENCR:1+BY:postfix:sender_access
OUT
    ':1: partner.example may be a client, a sender or a recipient: say ' .
    'which by --as TLS_Clt, TLS_From or TLS_To, or let --config find it',
    ': not about TLS: 1 line');

# A key without a level, among lines that have levels.
import_is('postfix', 'lonely', "a.example may\nb.example\n[c.example\n", 65,
    "TLS_Rcpt:a.example\tENCR:0+BY:postfix:lonely\n",
    ':2: "" begins with no level of smtp_tls_policy_maps: Postfix defers such mail',
    ':3: "" begins with no level of smtp_tls_policy_maps: Postfix defers such mail');

# Each attribute, and whether what a rule can say of it is as strict.
my $fp3 = join ':', ('CC') x 20;
my $n = 0;
for my $row (
    ['x may protocols=>=TLSv1.2', 'weaker', 'ENCR:0'],
    ['x may ciphers=high', 'weaker', 'ENCR:0'],
    ['x encrypt ciphers=low', 'stricter', 'ENCR:1'],
    ['x encrypt ciphers=export', 'stricter', 'ENCR:1'],
    ['x encrypt ciphers=null', 'stricter', 'ENCR:1'],
    ['x encrypt ciphers=medium', 'equal', 'ENCR:1'],
    ['x dane-only ciphers=high', 'weaker', 'DANE'],
    ['x half-dane', 'weaker', 'DANE:may'],
    ['x encrypt tafile=/etc/ssl/a.pem', 'weaker', 'ENCR:1'],
    ['x encrypt connection_reuse=yes', 'equal', 'ENCR:1'],
    ['x encrypt servername=hostname', 'stricter', 'ENCR:1'],
    ['x encrypt enable_rpk=yes', 'stricter', 'ENCR:1'],
    ['x encrypt protocols=TLSv1.2', 'weaker', 'ENCR:1'],
    ['x encrypt protocols=<=TLSv1.2', 'weaker', 'ENCR:1'],
    ['x encrypt protocols=>=SSLv3', 'equal', 'ENCR:1+VER:1.0'],
    ['x secure match=hostname', 'equal', 'VERIFY+CN'],
    ['x secure match=a.example:hostname', 'equal', 'VERIFY+CN:a.example++CN'],
    ['x secure match=nexthop', 'equal', 'VERIFY+CN:x.example'],
    ['x secure match=dot-nexthop', 'equal', 'VERIFY+CN:.x.example'],
    ['x secure match=*.a.example', 'weaker', 'VERIFY+CN:*.a.example'],
    ['x verify match=b.example:*.a.example', 'weaker', 'VERIFY+CN:b.example++CN:*.a.example'],
    ['x secure match=mail*.a.example', 'weaker', 'VERIFY+CN:mail*.a.example'],
    ['x secure match=*', 'weaker', 'VERIFY+CN:*'],
    ['x secure match=[192.0.2.1]', 'weaker', 'VERIFY+CN:[192.0.2.1]'],
    ['x secure match=.', 'weaker', 'VERIFY+CN:.'],
    ['x secure match=MX.A.example', 'equal', 'VERIFY+CN:MX.A.example'],
    ['x secure match=.A.Example', 'equal', 'VERIFY+CN:.A.Example'],
    ['x secure match=mx.a.example.', 'equal', 'VERIFY+CN:mx.a.example.'],
    ['x secure match=mx_1.a.example', 'equal', 'VERIFY+CN:mx_1.a.example'],
    ['x secure match=:a.example:', 'equal', 'VERIFY+CN:a.example'],
    ['x secure match=a.example match=b.example', 'equal',
	'VERIFY+CN:a.example++CN:b.example'],
    ["x fingerprint match=$fp|$fp2 match=$fp3", 'equal',
	"ENCR:1+FP:$fp++FP:$fp2++FP:$fp3"],
    ['.x secure match=nexthop', 'weaker', 'VERIFY'],
    ['.x secure match=dot-nexthop', 'weaker', 'VERIFY'],
    ['x:25 encrypt', 'stricter', 'ENCR:1'],
    ['[x]:smtp encrypt', 'equal', 'ENCR:1'],
    ['[x]:587 encrypt', 'stricter', 'ENCR:1'],
    map { [$_, 'not taken'] } '[x encrypt', '[x none', '[x]587 encrypt',
	'[x]:587 none', '[x]:587:1 encrypt', 'x:25/tcp encrypt', 'x none match=y',
	'x fingerprint match=aa', 'x fingerprint match=', 'x fingerprint',
	'x encrypt exclude=', 'x encrypt match', 'x dane match=y', 'x such',
	'x encrypt such=1', 'x encrypt protocols=!SSLv2,!TLSv1') {
	my ($line, $grade, $need) = @$row;
	my $path = $scratch->write('row' . $n++, $line =~ s/x/x.example/r . "\n");
	my $r = Tlspolicy::Scratch::run($tlspolicy, 'import', '--level', 'may',
	    'postfix', $path);
	my ($first) = $r->{err} =~ /^\Q$path\E:1\t(.*)$/m;
	is($first =~ s/\tTLS_\w+:\S+ (.*?)\+?\+BY:.*/\t$1/r, "$grade\t" .
	    ($need // '-'), $line);
	is($r->{status}, $grade eq 'equal' ? 0 : 65, "$line: exit");
}

# import names what a rule file would not take, so that the build does not.
import_is('csv', 'unseen', "exa\xef\xbb\xbfmple.com,encrypt\n" .
    "a.example,encrypt+BY:x\xe2\x80\xae\nb\xff.example,encrypt\n" .
    "c.example,encrypt\n", 65, "TLS_From:c.example\tENCR:1+BY:csv:unseen\n",
    ':1: "TLS_From:exa\x{FEFF}mple.com" is not the key of a rule',
    ':2: the requirement is too long or not printable',
    ':3: "TLS_From:b?.example" is not the key of a rule');

# A class that is not known here might ask for TLS.
$r = Tlspolicy::Scratch::run($tlspolicy, 'import', '--as', 'TLS_From',
    'postfix', $scratch->write('class', "a.example need_tls\n"));
is($r->{status}, 65, 'a class: exit 65');
like($r->{err}, qr/:1: "need_tls" is no restriction: /, 'a class: why');

# Whatever it begins with: taken for a restriction that is not about TLS it would
# free.  Those of Postfix itself are known.
my $demand = 'reject_plaintext_session';
for my $row (map({ [$_, 'not taken'] } 'reject_cleartext', 'permit_us, ' . $demand,
    'check_ours', 'defer_clear', 'warn_clear', 'sleepy', "reject_rbl, $demand",
    'reject_rbl_client x.example, reject_ours'),
    map({ ["$_, $demand", 'TEMP+ENCR:1'] } 'reject_unknown_client_hostname',
    'reject_rbl_client x.example', 'check_policy_service unix:p', 'sleep 5',
    'DEFER_UNAUTH_DESTINATION', 'warn_if_reject reject_unverified_sender'),
    map { [$_, 'ENCR:0'] } 'reject_unauth_pipelining', "permit, $demand",
    'warn_if_reject reject', '12345', '0', 'HOLD') {
	my ($actions, $want) = @$row;
	my $r = Tlspolicy::Scratch::run($tlspolicy, 'import', '--as', 'TLS_From',
	    'postfix', $scratch->write('actions', "a.example $actions\n" .
	    "b.example $demand\n"));
	my ($got) = $r->{out} =~ /^TLS_From:a\.example\t(\S+?)\+BY:/m;
	is($got // 'not taken', $want, "actions $actions");
	like($r->{err}, qr/:1: "\w+" is no restriction: /, "$actions: why")
	    if $want eq 'not taken';
}

$r = Tlspolicy::Scratch::run($tlspolicy, 'import', '--as', 'TLS_From', 'postfix',
    $scratch->write('nested', "a.example check_client_access cidr:/x, $demand\n"));
is($r->{status}, 65, 'a table within: exit 65');
like($r->{err}, qr/:1: Postfix spares whom a table in the list lets pass/, '... and why');
like($r->{err}, qr/:1\tstricter\tTLS_From:a\.example TEMP\+ENCR:1/, '... stricter');

# Connectors become profiles, and hosts CLIENT.
my $connectors = "domain,policy,connector,clients\n" .
    "a.example,PERM+VERIFY:128+VER:1.2++PFS,Partner TLS,192.0.2.1\n" .
    "b.example,PERM+VERIFY:128+VER:1.2++PFS,Partner TLS,\"198.51.100.0/24; .b.example\"\n" .
    "c.example,PERM+VERIFY:128,partner tls,\nd.example,encrypt,Basic,\n" .
    "e.example,yes,Basic,2001:db8::/32|192.0.2.4\nf.example,OK,Free/Mail,192.0.2.9\n" .
    "g.example,PERM+VERIFY+CLIENT:192.0.2.3,Bound,192.0.2.4\n" .
    "h.example,encrypt,Basic,192.0.2.1-192.0.2.9\n" .
    "i.example,encrypt,Basic,192.0.2.1+UNTIL:2020-01-01\n" .
    "j.example,ENCR:1+MSG:hello you,Talk,192.0.2.1\n" .
    "k.example,ENCR:1+UNTIL:2030-01-01,Dated,\nl.example,OK,,\n";
import_is('csv', 'connectors', $connectors, 65, join('', map { "$_\n" }
    "Profile:Partner-TLS\tPERM+VERIFY:128+VER:1.2++PFS++BY:csv:connectors",
    "TLS_From:a.example\tAS:Partner-TLS++CLIENT:192.0.2.1++BY:csv:connectors",
    "TLS_From:b.example\tAS:Partner-TLS++CLIENT:198.51.100.0/24++CLIENT:.b.example++BY:csv:connectors",
    "TLS_From:c.example\tPERM+VERIFY:128+BY:csv:connectors",
    "Profile:Basic\tENCR:1+BY:csv:connectors",
    "TLS_From:d.example\tAS:Basic++BY:csv:connectors",
    "TLS_From:e.example\tAS:Basic++CLIENT:2001:db8::/32++CLIENT:192.0.2.4++BY:csv:connectors",
    "TLS_From:f.example\tENCR:0+CLIENT:192.0.2.9++BY:csv:connectors",
    "TLS_From:g.example\tPERM+VERIFY+CLIENT:192.0.2.4++CLIENT:192.0.2.3++BY:csv:connectors",
    "TLS_From:j.example\tENCR:1+CLIENT:192.0.2.1++MSG:hello you++BY:csv:connectors",
    "TLS_From:k.example\tENCR:1+UNTIL:2030-01-01++BY:csv:connectors",
    "TLS_From:l.example\tENCR:0+BY:csv:connectors"),
    ':4: partner tls does not stand for "PERM+VERIFY:128": the line says it itself',
    ':7: Free/Mail does not stand for "OK": the line says it itself',
    ':8: Bound does not stand for "PERM+VERIFY+CLIENT:192.0.2.3": the line says it itself',
    ':9: "192.0.2.1-192.0.2.9" can never hold: it names no client; addresses ' .
    'are grouped by prefix, not from one to another; the smallest network ' .
    'around them is CLIENT:192.0.2.0/28',
    ':10: "192.0.2.1+UNTIL:2020-01-01" is no host',
    ':11: Talk does not stand for "ENCR:1+MSG:hello you": the line says it itself',
    ':12: Dated does not stand for "ENCR:1+UNTIL:2030-01-01": the line says it itself');
$r = Tlspolicy::Scratch::run($tlspolicy, 'import', '--as', 'TLS_Rcpt', 'csv',
    $scratch->write('out', "domain,policy,clients\na.example,encrypt,192.0.2.1\n" .
    "b.example,encrypt,\n"));
is($r->{status}, 65, 'mail that leaves has no client: exit 65');
like($r->{err}, qr/^\S+out:2: .*CLIENT.*\n/, 'and is named') or diag($r->{err});
# Values that only the build looks at are named by import, too.
for ('ENCR:1+CLIENT:998.51.100.0/24', 'ENCR:1+WHEN:1.2.3.4/33', 'ENCR:1+CIPHER:NOSUCH') {
	$r = Tlspolicy::Scratch::run($tlspolicy, 'import', 'csv',
	    $scratch->write('built', "a.example,$_\n"));
	is("$r->{status} $r->{out}", '65 ', "not taken: $_");
	like($r->{err}, qr/built:1: "?[\d.A-Z\/]+"? (?:is n|has no valid)/, 'and named') or diag($r->{err});
}
for ("TLS_Rcpt:a.example,VERIFY+CLIENT:192.0.2.1,P\n", "a.example,DANE,P\n",
    "a.example,FOO,P\n", "TLS_Auth:a,PERM+NONE,P\n") {
	$r = Tlspolicy::Scratch::run($tlspolicy, 'import', 'csv',
	    $scratch->write('unfit', "key,policy,connector\n$_"));
	is("$r->{status} $r->{out}", '65 ', 'no profile of what fits no such key: ' .
	    s/\n//r) or diag($r->{err});
}
$r = Tlspolicy::Scratch::run('sh', '-c', "'$tlspolicy' import csv '" .
    $scratch->write('connectors', $connectors) . "' | '$tlspolicy' build -d '" .
    $scratch->path('connectors.mdb') . "' -");
is($r->{status}, 0, 'they build') or diag($r->{err});
# Lines of one key that count for some only, and the one for all others.
# Whether a line is in use: what is no answer is none.
import_is('csv', 'used', "domain,policy,active\n" . join('', map { "$_->[0].example,encrypt,$_->[1]\n" }
    ['a', 'Enabled'], ['b', 'disabled'], ['c', 'inactive'], ['d', 'f'], ['e', 't'], ['f', 'perhaps'],
    ['g', ''], ['h', '2']) . "i.example,encrypt\n", 65, join('', map { "TLS_From:$_.example\tENCR:1+BY:csv:used\n" } qw(a e)),
    (map { ":$_: not active" } 3 .. 5), map { ":$_ does not say whether the line is active" }
    '7: "perhaps"', '8: ""', '9: "2"', '10: ""');
import_is('csv', 'unused', "domain,policy,disabled,status\na.example,encrypt,yes,active\nb.example,encrypt,no,active\n" .
    "c.example,encrypt,no,suspended\n", 0, "TLS_From:b.example\tENCR:1+BY:csv:unused\n", ':2: not active', ':4: not active');
import_is('csv', 'fifth', "a.example,encrypt,,TLS_From,disabled\nb.example,encrypt,,TLS_From,\n", 65,
    "TLS_From:b.example\tENCR:1+BY:csv:fifth\n", ':1: more columns than four: a heading says what they are');
# What asks for more may stand in a column that nobody knows, or in one said twice.
import_is('csv', 'columns', "id,domain,policy,min_tls,comment,policy,pin\n1,a.example,encrypt,1.3,new,,\n" .
    "2,b.example,encrypt,,,secure,x\n3,c.example,encrypt,,old\n4,d.example,encrypt,,,,,more\n", 65,
    join('', map { "TLS_From:$_.example\tENCR:1+BY:csv:columns\n" } qw(a b c d)),
    ':2: column 4, "min_tls", is not known: what it asks for was left out',
    ':3: column 6, "policy", is not known: what it asks for was left out',
    ':5: column 8, "", is not known: what it asks for was left out');
import_is('csv', 'remarks', "ID,Domain,Policy,Created,Owner\n1,a.example,encrypt,2026-01-02,ann\n", 0,
    "TLS_From:a.example\tENCR:1+BY:csv:remarks\n");
import_is('csv', 'exceptions', "a.example,ENCR:0+WHEN:192.0.2.1\na.example,ENCR:0+UNTIL:2027-01-01\n" .
    "a.example,PERM+ENCR:128\na.example,ENCR:0+WHEN:192.0.2.1\nb.example,OK\n" .
    "b.example,ENCR:1+WHEN:192.0.2.1\nc.example,ENCR:1+WHEN:192.0.2\nc.example,ENCR:1+WHEN:192.0.2\n", 65,
    join('', map { "TLS_From:$_+BY:csv:exceptions\n" } "a.example\tENCR:0+WHEN:192.0.2.1+",
    "a.example\tENCR:0+UNTIL:2027-01-01+", "a.example\tPERM+ENCR:128", "b.example\tENCR:0",
    "c.example\tENCR:1+WHEN:192.0.2+"),
    map { ":$_ with another requirement" } '4: TLS_From:a.example was given before (line 3)',
    '6: TLS_From:b.example was given before (line 5)');
my %session = (verify => 'OK', tls_version => 'TLSv1.3', cipher =>
    'TLS_AES_256_GCM_SHA384', cipher_bits => 256, client_resolve => 'OK');
for (['a.example', '192.0.2.1', 'accept'], ['a.example', '192.0.2.2', 'reject 550 5.7.1'],
    ['b.example', '198.51.100.9', 'accept'], ['e.example', '192.0.2.4', 'accept'],
    ['e.example', '192.0.2.5', 'tempfail 451 4.7.1'], ['f.example', '192.0.2.1', 'tempfail 451 4.7.1'],
    ['d.example', '203.0.113.1', 'accept']) {
	my ($domain, $addr, $want) = @$_;
	$r = Tlspolicy::Scratch::run($tlspolicy, 'check', '-d',
	    $scratch->path('connectors.mdb'), '-t', 'TLS_From',
	    "mail_addr=a\@$domain", "client_addr=$addr",
	    'client_name=mx.elsewhere.example', map { "$_=$session{$_}" } sort keys %session);
	like($r->{out}, qr/^\Q$want\E\b/, "$domain from $addr: $want") or diag($r->{err});
}

import_is('csv', 'my partners+.csv', "Domain,Policy\r\n" .
    "\"partner.example\",encrypt\r\nb\xc3\xbccher.example;VERIFY:128+PFS\r\n" .
    "TLS_Clt:mx.example,PERM+ENCR:128\r\na.example\r\nb.example,foo\r\n" .
    "\"c.example,OK\r\n\"d.example\ne\",OK\nf g.example,OK\n#x,OK\n", 65,
    "TLS_From:partner.example\tENCR:1+BY:csv:my+20partners+2B.csv\n" .
    "TLS_From:b\xc3\xbccher.example\tVERIFY:128+PFS++BY:csv:my+20partners+2B.csv\n" .
    "TLS_Clt:mx.example\tPERM+ENCR:128+BY:csv:my+20partners+2B.csv\n",
    ':5: expected two columns',
    ':6: found "foo"; expected OK, VERIFY, VERIFY:bits or ENCR:bits, or one ' .
    'of PERM+, TEMP+, WARN+, HOLD+ before it',
    ':7: expected two columns', ':8: expected two columns',
    ':9: expected two columns',
    ':10: "TLS_From:f g.example" is not the key of a rule');

import_is('starttls-everywhere', 'policy.json', <<'IN', 65, <<'OUT',
{"expires": "2027-05-06T00:00:00-07:00", "version": "0.1",
 "policy-aliases": {"g": {"mode": "testing", "mxs": [".mail.example"]}},
 "policies": {
  "a.example": {"mode": "enforce", "mxs": ["mx.a.example"]},
  "b.example": {"policy-alias": "g"},
  "c.example": {"mode": "enforce", "mxs": ["x.example", ".y.example"]},
  "d.example": {"mode": "none"},
  "e.example": {"policy-alias": "absent"},
  "f\nTLS_Clt: OK": {"mode": "enforce", "mxs": ["f.example"]},
  "g.example": {"mode": "enforce"},
  "h.example": {"mode": "enforce", "mxs": ["x\nTLS_Clt: OK"]}}}
IN
TLS_Rcpt:a.example	VERIFY+CN:mx.a.example++UNTIL:2027-05-06++BY:starttls-everywhere:policy.json
TLS_Rcpt:b.example	WARN+VERIFY+CN:.mail.example++UNTIL:2027-05-06++BY:starttls-everywhere:policy.json
TLS_Rcpt:c.example	VERIFY+CN:x.example++CN:.y.example++UNTIL:2027-05-06++BY:starttls-everywhere:policy.json
TLS_Rcpt:h.example	VERIFY+CN:x+0ATLS_Clt:+20OK++UNTIL:2027-05-06++BY:starttls-everywhere:policy.json
TLS_Rcpt:.a.example	ENCR:0+BY:starttls-everywhere:policy.json
TLS_Rcpt:.b.example	ENCR:0+BY:starttls-everywhere:policy.json
TLS_Rcpt:.c.example	ENCR:0+BY:starttls-everywhere:policy.json
TLS_Rcpt:.h.example	ENCR:0+BY:starttls-everywhere:policy.json
OUT
    ': e.example: no mode enforce, testing or none',
    ': "TLS_Rcpt:f?TLS_Clt: OK" is not the key of a rule',
    ': g.example: no names of its servers');

# With compat = sendmail several CNs are of equal force, as it judges them as
# sendmail does; --partial accepts what is not of equal force.
my $access = $scratch->write('two', "TLS_Clt:a.example\tENCR:1+CN:b++CN:c\n");
my $conf = $scratch->write('conf', "compat = sendmail\n");
for ([65], [0, '-c', $conf], [0, '--partial']) {
	my ($status, @options) = @$_;
	is(Tlspolicy::Scratch::run($tlspolicy, 'import', @options, 'sendmail',
	    $access)->{status}, $status, "names of sendmail: @options");
}
# A level that nobody said is none: what is below is not made weaker, and it is
# named.  Next hops whose parents have a line need no level.
sub levels {
	my (@args) = @_;
	my $r = Tlspolicy::Scratch::run($tlspolicy, 'import', @args);
	return "$r->{status}: " . join ' ', map { s/\+BY:\S+//r =~ s/\t/=/r }
	    split /\n/, $r->{out};
}
my $levels = $scratch->write('levels', "a.example encrypt\nb.example secure\n" .
    "c.example may\nn.example none\n[h.example]:25 secure\n");
my $alone = 'TLS_Rcpt:a.example=ENCR:1 TLS_Rcpt:b.example=VERIFY ' .
    'TLS_Rcpt:c.example=ENCR:0 Try_TLS:n.example=NO TLS_Srv:h.example=VERIFY';
is(levels('postfix', $levels), "65: $alone Try_TLS:.n.example=OK", 'no level');
is(levels('--partial', 'postfix', $levels), "0: $alone Try_TLS:.n.example=OK",
    'no level, and that is known');
$r = Tlspolicy::Scratch::run($tlspolicy, 'import', 'postfix', $levels);
is(join(' ', $r->{err} =~ /levels:(\d\t\w+)/g), "1\tstricter 2\tstricter " .
    "3\tweaker 4\tequal 5\tstricter 4\tequal", 'each line is named');
like($r->{err}, qr/levels: 4 of these rules count for what is below .*--level/, 'and why');
is(levels('--level', $_->[0], 'postfix', $levels), "0: $alone $_->[1]", "level $_->[0]")
    for ['may', 'TLS_Rcpt:.a.example=ENCR:0 TLS_Rcpt:.b.example=ENCR:0 Try_TLS:.n.example=OK ' .
    'TLS_Srv:.h.example=ENCR:0'], ['secure', 'TLS_Rcpt:n.example=ENCR:0 TLS_Rcpt:.a.example=VERIFY ' .
    'TLS_Rcpt:.c.example=VERIFY Try_TLS:.n.example=OK TLS_Rcpt:.n.example=VERIFY'];
is(levels('postfix', $scratch->write('parents', ".example may\na.example encrypt\n")),
    '0: TLS_Rcpt:.example=ENCR:0 TLS_Rcpt:a.example=ENCR:1 TLS_Rcpt:.a.example=ENCR:0',
    'no level, and none is needed');
like(levels('csv', $scratch->write('l.csv', "domain,policy,params\na.example,encrypt,\n")),
    qr/^65: TLS_Rcpt:a.example=ENCR:1$/, 'no level: csv');
like(levels('starttls-everywhere', $scratch->write('l.json', '{"policies":{"a.example":' .
    '{"mode":"enforce","mxs":["mx.a.example"]}}}')),
    qr/^65: TLS_Rcpt:a.example=\S+$/, 'no level: starttls-everywhere');

# A CITag is told once, however often and behind whatever number of bits it is
# named.
$r = Tlspolicy::Scratch::run($tlspolicy, 'import', 'sendmail',
    $scratch->write('issuers', join('', map { "TLS_Clt:h$_.example\tVERIFY+CITag:" .
    ($_ < 100 ? 'One' : "Ca$_") . "\n" } 1 .. 200) .
    "TLS_Clt:octal.example\tPERM+VERIFY:0200+CITag:Last\n" .
    join '', map { "$_:/CN=$_\tOK\n" } 'One', (map { "Ca$_" } 100 .. 200), 'Last'));
is($r->{status}, 0, 'issuers of 200 rules: exit code') or diag $r->{err};
is(scalar(() = $r->{out} =~ m{^\w+:/CN=\w+\tOK$}mg), 103, 'all of them are there');
unlike($r->{err}, qr/not about TLS/, 'none was passed over');

# What a foreign file holds does not reach a terminal as it is.
$r = Tlspolicy::Scratch::run($tlspolicy, 'import', 'sendmail',
    my $odd = $scratch->write('odd', "TLS_Clt:\xc2\x9b31m\xe2\x80\xaex.example\tENCR\n"));
$r->{err} .= Tlspolicy::Scratch::run($tlspolicy, 'import', '--json', 'sendmail', $odd)->{$_} for 'out', 'err';
unlike($r->{err}, qr/\xc2\x9b|\xe2\x80\xae/, 'C1 and bidi are written otherwise');

$r = Tlspolicy::Scratch::run($tlspolicy, 'import', '--json', 'sendmail',
    $access);
like($r->{out}, qr/"line":1,"force":"(?:weaker|stricter)","rule":"TLS_Clt:a/,
    'the table as JSON');

# Where there is nothing to import.
sub import_fails {
	my ($status, $why, @args) = @_;
	my $r = Tlspolicy::Scratch::run($tlspolicy, 'import', @args);
	is($r->{status}, $status, "exit $status: @args");
	like($r->{err}, $why, "why: @args");
	is($r->{out}, '', "no rules: @args");
}
my $text = $scratch->write('text', "no JSON\n");
import_fails(65, qr/^\Q$text\E:1:\d+: /, 'starttls-everywhere', $text);
import_fails(65, qr/no object "policies"/, 'starttls-everywhere',
    $scratch->write('json', '{}'));
import_fails(66, qr/cannot open .*none/, 'csv', $scratch->path('none'));
import_fails(66, qr/cannot read/, 'csv', $scratch->dir);
import_fails(64, qr/"senmail" is not a format, did you mean sendmail\?/, 'senmail',
    $text);
import_fails(64, qr/operands are missing/, 'sendmail');
import_fails(64, qr/--as is for postfix and csv/, '--as', 'TLS_Clt', 'sendmail', $text);
import_fails(64, qr/"TLS_Srv" is not a tag for --as/, '--as', 'TLS_Srv', 'postfix', $text);
import_fails(64, qr/--config is for postfix/, '--config', '/', 'csv');
import_fails(64, qr/--level is for tables of next hops/, '--level', 'may', @$_)
    for ['sendmail', $text], ['--config', '/', 'postfix'];
import_fails(64, qr/"encrypted" is not a level, did you mean encrypt\?/, '--level', 'encrypted',
    'postfix', $text);
import_fails(66, qr/cannot open .*main\.cf/, '--config', $scratch->path('no'), 'postfix');
done_testing;
