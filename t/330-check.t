#!/usr/bin/perl
#
# check: first line and exit code for each kind of verdict, the options, the
# trace, and what is said of a mistake on the command line.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP qw(decode_json);
use Test::More;
use Tlspolicy::Scratch;

my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
plan skip_all => "$tlspolicy is not built" unless -x $tlspolicy;
my $scratch = Tlspolicy::Scratch->new;
my $tmp = $scratch->path('tmp');
mkdir $tmp;

my $rules = $scratch->write('rules', <<'END');
TLS_Clt:temp.example	ENCR:128
TLS_Clt:perm.example	PERM+ENCR:128
TLS_Clt:warn.example	WARN+ENCR:128
TLS_Clt:hold.example	HOLD+ENCR:128
TLS_Clt:mine.example	PERM+VERIFY+BY:ticket+2017
TLS_Srv:out.example	PERM+VERIFY
TLS_Srv:dane.example	PERM+DANE
TLS_Srv:maydane.example	DANE:may
TLS_Clt:two.example	PERM+VERIFY+CN:a++CN:b
TLS_To:payroll@home.example	PERM+ENCR:256
TLS_To:held@home.example	HOLD+ENCR:256
TLS_To:warned@home.example	WARN+ENCR:256
TLS_Clt:dn.example	PERM+VERIFY+CS:/CN=dn.example
TLS_Clt:dated.example	PERM+ENCR:128+FROM:2030-03-01++UNTIL:2030-03-31
END
my $none = 'encryption required: wanted at least 128 bits, found a session ' .
    'in clear / rule';

sub check {
	my @args = @_;
	return Tlspolicy::Scratch::run({ env => { TMPDIR => $tmp } },
	    $tlspolicy, 'check', @args);
}

sub judged {
	my ($args, $status, $out, $name) = @_;
	my $r = check('-r', $rules, @$args);
	is($r->{status}, $status, "$name: exit $status");
	ref $out ? like($r->{out}, $out, "$name: output") :
	    is($r->{out}, $out, "$name: output");
	is($r->{err}, '', "$name: nothing on standard error");
	return $r;
}

judged([], 75, 'tempfail 451 4.3.0 cannot tell whether TLS policy is met: ' .
    "wanted what the MTA tells of the session, found no macro {client_name}\n",
    'no macro at all');
judged(['client_name=other.example'], 0, "accept\n", 'no rule');
for my $day (['2030-02-28', 0], ['2030-03-01', 77], ['2030-03-31', 77],
    ['2030-04-01', 0]) {
	judged(['--at', $day->[0], 'client_name=dated.example'], $day->[1],
	    $day->[1] == 0 ? "accept\n" : qr/^reject 550 /, "on $day->[0]");
}
for my $no ('2030-02-29', 'tomorrow', '', '2030-3-1') {
	my $r = check('-r', $rules, '--at', $no, 'client_name=dated.example');
	is($r->{status}, 64, "--at '$no': exit 64");
	like($r->{err}, qr/--at: a date was expected, YYYY-MM-DD/,
	    "--at '$no': what was expected");
}
judged(['client_name=temp.example'], 75, "tempfail 451 4.7.10 $none " .
    "TLS_Clt:temp.example ENCR:128\n", 'temp');
judged(['client_name=mx.perm.example'], 77, "reject 550 5.7.10 $none " .
    "TLS_Clt:perm.example PERM+ENCR:128\n", 'perm');
judged(['{client_name}=perm.example'], 77, qr/^reject 550/, 'with braces');
judged(['client_name=hold.example'], 79, "hold $none TLS_Clt:hold.example " .
    "HOLD+ENCR:128\n", 'hold');
judged(['client_name=warn.example'], 0, qr/^accept\nwarn tempfail 451 4\.7\.10 \Q$none\E.*\n\z/,
    'warn');
judged(['client_name=perm.example', 'cipher_bits=256', 'verify=NO',
    'cipher=TLS_AES_256_GCM_SHA384'], 0, "accept\n", 'a good session');
judged(['client_name=perm.example', 'tls_version=TLSv1.2', 'verify=NO',
    'cipher=DES-CBC3-SHA', 'cipher_bits=112'], 77, qr/^reject 554 5\.7\.10 /,
    'too weak');

# A macro that is missed is named; local submission is the daemon's.
my $missed = check('-r', $rules, '-v', 'client_addr=192.0.2.1');
like($missed->{out}, qr/found no macro \{client_name\}: cannot tell/,
    'the trace names a macro that is missed');
$missed = decode_json(check('-r', $rules, '--json',
    'client_addr=192.0.2.1')->{out});
is($missed->{rules}[0]{missing}, 'client_name', 'and so does JSON');
is($missed->{rules}[0]{result}, 'cannot-tell', 'with its result');
my $bare = $scratch->write('bare', "TLS_Clt: PERM+VERIFY\n");
my @postfix = ('v=Postfix 3.7.11', 'client_addr=127.0.0.1', '-o',
    'exempt-clients=192.0.2.1');
for (['an address 0 of sendmail', 0, 'client_addr=0'],
    ['an address 0 of Postfix', 77, 'v=Postfix 3.7.11', 'client_addr=0'],
    ['no address', 77],
    ['sendmail(1) of Postfix', 0, @postfix, 'daemon_port=0'],
    ['a client on loopback of Postfix', 77, @postfix, 'daemon_port=25'],
    ['an exempt client', 0, '-o', 'exempt-clients=192.0.2.1',
    'client_addr=192.0.2.1']) {
	my ($name, $status, @args) = @$_;
	is(check('-r', $bare, @args)->{status}, $status, $name);
}
like(check('-r', $bare, '-v', 'client_addr=0')->{out}, qr/local submission/,
    'the trace says why');

# Settings for one run.
judged(['-o', 'default-class=perm', 'client_name=temp.example'], 77,
    qr/^reject 550 5\.7\.10 /, '-o default-class');
judged(['-o', 'mode=monitor', 'client_name=perm.example'], 0,
    qr/^accept\nwarn reject 550 5\.7\.10 /, '-o mode=monitor');
judged(['-o', 'compat=sendmail', '-o', 'default-class=perm',
    'client_name=temp.example'], 77,
    "reject 554 5.7.0 encryption too weak 0 less than 128\n", 'two -o');
judged(['-o', 'help-url=https://example.com/tls', 'client_name=temp.example'],
    75, qr{^tempfail 451 .* / \S*.*https://example\.com/tls$}, '-o help-url');

# Exempt clients: told by their address, never for outbound rules.
judged(['client_name=perm.example', 'client_addr=127.0.0.9'], 0,
    qr/^accept\nwarn reject 550 5\.7\.10 /, 'an exempt client');
judged(['-o', 'exempt-clients=', 'client_name=perm.example',
    'client_addr=127.0.0.9'], 77, qr/^reject 550/, 'no client is exempt');
# TRUSTED is sendmail's word for a server verified by its TLSA records.
my @tls = qw(tls_version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 cipher_bits=256);
for (['dane', 'TRUSTED', 0, qr/^accept/], ['dane', 'OK', 77,
    qr/^reject 554 5\.7\.1 .* by DANE, found verify=OK/],
    ['dane', 'NONE', 77, qr/^reject/], ['dane', 'DANE_FAIL', 77, qr/^reject/],
    ['maydane', 'NO', 0, qr/^accept/],
    ['maydane', 'DANE_FAIL', 75, qr/^tempfail/]) {
	my ($host, $verify, $status, $out) = @$_;
	judged(['-t', 'TLS_Srv', "server_name=mx.$host.example",
	    "verify=$verify", $verify eq 'NONE' ? () : @tls], $status, $out,
	    "$host $verify");
}
# sendmail has no words for a DANE that was not met by OK.
judged(['-o', 'compat=sendmail', '-t', 'TLS_Srv',
    'server_name=mx.dane.example', "verify=$_->[0]", @tls], @$_[1, 2],
    "compat: dane $_->[0]") for ['OK', 77,
    qr/^reject 503 5\.7\.0 .* by DANE, found verify=OK/],
    ['TRUSTED', 0, qr/^accept/], ['NO', 77, qr/^reject 503 5\.7\.0 not auth/];
# Of several names any will do, but by sendmail's rules.
for (['a', 0, 77], ['b', 0, 77], ['c', 77, 77]) {
	my ($cn, $here, $there) = @$_;
	my @session = ('client_name=two.example', 'verify=OK',
	    "cn_subject=$cn", @tls);
	judged([@session], $here, qr/./, "one of two names: $cn");
	judged(['-o', 'compat=sendmail', @session], $there, qr/./,
	    "both names: $cn");
}

judged(['-t', 'TLS_Srv', 'server_name=mx.out.example',
    'client_addr=127.0.0.1'], 77, qr/^reject 550/, 'outbound: not exempt');
judged(['-v', 'client_name=perm.example', 'client_addr=IPv6:0:0:0:0:0:0:0:1'],
    0, qr/^    client_addr IPv6:0:0:0:0:0:0:0:1 is in exempt-clients/m,
    'the trace tells of it');

# One class, MAIL and RCPT.
judged(['-t', 'tls_clt:', 'client_name=perm.example',
    'rcpt_addr=payroll@home.example'], 77, qr/TLS_Clt:perm/, '-t TLS_Clt');
judged(['-t', 'TLS_To', 'client_name=perm.example',
    'rcpt_addr=payroll@home.example'], 77, qr/TLS_To:payroll/, '-t TLS_To');
judged(['client_name=other.example', 'rcpt_addr=payroll@home.example'], 77, qr/^reject 550.*TLS_To:payroll/,
    'a recipient');
judged(['client_name=temp.example', 'rcpt_addr=payroll@home.example'], 75,
    qr/^tempfail .*TLS_Clt:temp.*\n\z/, 'MAIL is refused first');
judged(['client_name=hold.example', 'rcpt_addr=payroll@home.example'], 77,
    qr/^reject .*TLS_To:payroll/, 'a refusal is graver than a hold');
judged(['client_name=hold.example', 'rcpt_addr=other@home.example'], 79,
    qr/^hold .*TLS_Clt:hold/, 'a hold stays');
judged(['client_name=warn.example', 'rcpt_addr=held@home.example'], 79,
    qr/^hold .*TLS_To:held.*\nwarn .*TLS_Clt:warn/, 'hold and warn');
judged(['client_name=warn.example', 'rcpt_addr=warned@home.example'], 0,
    qr/^accept\nwarn .*TLS_Clt:warn.*\nwarn .*TLS_To:warned.*\n\z/,
    'warned twice');

# Postfix does not tell the subject: no answer, so never a 5xx.
judged(['v=Postfix 3.7.11', 'client_name=dn.example', 'cipher_bits=256',
    'cipher=TLS_AES_256_GCM_SHA384', 'cert_subject=dn.example',
    'cert_issuer=Root'], 75, qr/^tempfail 451 4\.3\.0 /, 'cannot tell');
judged(['v=Postfix 3.7.11', 'client_name=mine.example', 'verify=OK',
    'cipher=TLS_AES_256_GCM_SHA384', 'cipher_bits=256'], 77,
    qr/^reject 554 5\.7\.1 /, 'a made-up {verify} is not believed');

# The trace.
my $r = judged(['-v', 'client_name=mx.perm.example', 'client_addr=192.0.2.1'],
    77, qr/^reject 550.*\n(    .*\n)+\z/, '-v');
like($r->{out}, qr/^ +try .*mx\.perm\.example/m, '-v: a key that was tried');
like($r->{out}, qr/rule TLS_Clt:perm\.example PERM\+ENCR:128 \(\Q$rules\E:2, generation 1\)/,
    '-v: the rule and where it stands');
like($r->{out}, qr/bits: wanted at least 128 bits, found a session in clear: no/,
    '-v: the test');

# JSON.
my $json = decode_json(judged(['--json', '-v', 'client_name=warn.example',
    'rcpt_addr=payroll@home.example'], 77, qr/^\{.*\}\n\z/, '--json')->{out});
is("@$json{qw(verdict code dsn reason generation)}",
    'reject 550 5.7.10 plaintext 1', 'JSON: the verdict');
like($json->{text}, qr/^encryption required: .* \/ rule TLS_To:/, 'JSON: text');
is(join(' ', map { $_->{key} } @{$json->{rules}}),
    'TLS_Clt:warn.example TLS_To:payroll@home.example', 'JSON: rules');
is_deeply([@{$json->{rules}[0]}{qw(tag requirement result reason file line)}],
    ['TLS_Clt', 'WARN+ENCR:128', 'no', 'plaintext', $rules, 3], 'JSON: a rule');
is("@{$json->{warn}[0]}{qw(verdict code waiver)}", 'tempfail 451 warn',
    'JSON: warning');
cmp_ok(scalar @{$json->{trace}}, '>', 5, 'JSON: trace');

# The store in place of rules.
my $store = $scratch->path('policy.mdb');
Tlspolicy::Scratch::must($tlspolicy, 'build', '-d', $store, $rules);
is(check('-d', $store, 'client_name=perm.example')->{status}, 77, '-d STORE');
$r = check('-d', "$store.none", 'client_name=perm.example');
is($r->{status}, 66, 'no store: exit 66');
like($r->{err}, qr/\Q$store\E\.none: no such store/, 'no store: why');
is($r->{out}, '', 'no store: no verdict');

# Mistakes.
for (
	[64, qr/there is no macro "clent_name", did you mean client_name\?/,
	    '-r', $rules, 'clent_name=x'],
	[64, qr/there is no macro "xyzzy"$/m, '-r', $rules, 'xyzzy=1'],
	[64, qr/macro verify is given twice/, '-r', $rules, 'verify=OK',
	    'verify=NO'],
	[64, qr/"verify" is not MACRO=VALUE/, '-r', $rules, 'verify'],
	[64, qr/-d and -r exclude each other/, '-r', $rules, '-d', $store],
	[64, qr/"TLS_Cli" is not a tag/, '-r', $rules, '-t', 'TLS_Cli'],
	[64, qr/unknown option -x/, '-x'],
	[64, qr/unknown option --bach/, '--bach'],
	[64, qr/option -r wants an argument/, '-r'],
	[78, qr/setting mode: "off" is not enforce or monitor/, '-r', $rules,
	    '-o', 'mode=off'],
	[78, qr/there is no setting "mod", did you mean mode\?/, '-r', $rules,
	    '-o', 'mod=monitor'],
	[78, qr/"mode" is not SETTING=VALUE/, '-r', $rules, '-o', 'mode'],
	[66, qr/cannot open .*none/, '-r', $scratch->path('none')],
	[65, qr/^\Q$rules\E\.bad:1:\d+: /m, '-r', "$rules.bad"],
) {
	my ($status, $why, @args) = @$_;
	$scratch->write('rules.bad', "TLS_Clt:x ENCR\n");
	$r = check(@args);
	is($r->{status}, $status, "exit $status: @args");
	like($r->{err}, $why, "why: @args");
	is($r->{out}, '', "no verdict: @args");
}

opendir my $dh, $tmp or die $!;
is(join(' ', grep { !/^\./ } readdir $dh), '', '-r leaves nothing behind');

# The command as a whole.
sub tlspolicy { return Tlspolicy::Scratch::run($tlspolicy, @_) }
is(tlspolicy()->{status}, 64, 'no command: exit 64');
like(tlspolicy('chekc')->{err}, qr/no command "chekc", did you mean check\?/,
    'the nearest command');
like(tlspolicy('--version')->{out}, qr/^tlspolicy \d+\.\d+/, '--version');
my $help = tlspolicy('--help');
is($help->{status}, 0, '--help: exit 0');
for my $command ($help->{out} =~ /^    (\S+)/mg) {
	$r = tlspolicy($command, '--help');
	is($r->{status}, 0, "$command --help: exit 0");
	like($r->{out}, qr/^usage: tlspolicy $command /, "$command --help");
}
is(Tlspolicy::Scratch::run('/bin/sh', '-c',
    "$tlspolicy settings -c /dev/null > /dev/full")->{status}, 74,
    'output that cannot be written: exit 74');
done_testing;
