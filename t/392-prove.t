#!/usr/bin/perl
#
# prove: the known traps, each counterexample as `check` judges it, and that no
# rules come into force, by whatever command, of which a claim does not hold.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Fcntl qw(:flock);
use JSON::PP qw(decode_json);
use POSIX ();
use Test::More;
use Tlspolicy::Tree;

my $bin = Tlspolicy::Scratch::builddir();
my $tlspolicy = "$bin/tlspolicy";
plan skip_all => "$tlspolicy is not built" unless -x $tlspolicy;
my $scratch = Tlspolicy::Scratch->new;
my $tmp = $scratch->path('tmp');
mkdir $tmp;
$ENV{PATH} = "$bin:$ENV{PATH}";
my ($store, $rules, $claims, $conf) = map { $scratch->path($_) }
    qw(policy.mdb rules claims conf);

sub run_it {
	return Tlspolicy::Scratch::run({ env => { TMPDIR => $tmp } },
	    $tlspolicy, @_);
}

# Settings of a run: rules, store and claims are always there.
sub settings {
	my (@lines) = @_;
	$scratch->write('conf', join '', map { "$_\n" } "store = $store",
	    "rules = $rules", "claims = $claims", @lines);
}

my $bank = "TLS_From:bank.example PERM+VERIFY\n";
my $fp = join ':', ('ab') x 32;

# [name, rules, claim, holds or the day from which not, what the session has;
#  settings]
my @traps = (
	['a rule', $bank, 'from bank.example in clear is never accepted',
	    'holds'],
	['nobody else', $bank, 'from other.example in clear is never accepted',
	    'today', qr/mail_addr=\S+\@other\.example /],
	['HOLD disarms no PERM', $bank . "TLS_Clt:192.0.2.0/24 HOLD+ENCR:128\n",
	    'client 192.0.2.0/24 from bank.example unverified always refused',
	    'holds'],
	['HOLD is neither accepted', "TLS_From:bank.example HOLD+VERIFY\n",
	    'from bank.example always verified', 'holds'],
	['HOLD ... nor refused', "TLS_From:bank.example HOLD+VERIFY\n",
	    'from bank.example client a.example daemon x without auth never ' .
	    'refused', 'holds'],
	['HOLD is held', "TLS_From:bank.example HOLD+VERIFY\n",
	    'from bank.example unverified always held', 'holds'],
	['WARN is accepted', "TLS_From:bank.example WARN+VERIFY\n",
	    'from bank.example always verified', 'today',
	    qr/mail_addr=\S+\@bank\.example /],
	['an exception with dates', 'TLS_From:bank.example ENCR:0+' .
	    "FROM:2099-01-10++UNTIL:2099-01-20\n$bank",
	    'from bank.example always verified', '2099-01-10'],
	['... and before', 'TLS_From:bank.example ENCR:0+' .
	    "FROM:2099-01-10++UNTIL:2099-01-20\n$bank",
	    'from bank.example until 2099-01-09 always verified', 'holds'],
	['... and behind', 'TLS_From:bank.example ENCR:0+' .
	    "FROM:2099-01-10++UNTIL:2099-01-20\n$bank",
	    'from bank.example since 2099-01-21 always verified', 'holds'],
	['... its last day', 'TLS_From:bank.example ENCR:0+' .
	    "FROM:2099-01-10++UNTIL:2099-01-20\n$bank",
	    'from bank.example on 2099-01-20 always verified', '2099-01-20'],
	['a rule that ends', 'TLS_From:bank.example PERM+VERIFY+' .
	    "UNTIL:2099-03-31\n", 'from bank.example always verified',
	    '2099-04-01'],
	['a rule that begins', 'TLS_From:bank.example PERM+VERIFY+' .
	    "FROM:2099-03-31\n", 'from bank.example never refused',
	    '2099-03-31'],
	['OK below a domain', "${bank}TLS_From:news.bank.example OK\n",
	    'from bank.example always verified', 'today',
	    qr/mail_addr=\S+\@(\w+\.)?news\.bank\.example /],
	['... beside it', "${bank}TLS_From:news.bank.example OK\n",
	    'from www.bank.example always verified', 'holds'],
	['only below', "TLS_From:.bank.example PERM+VERIFY\n",
	    'from bank.example always verified', 'today',
	    qr/mail_addr=\w+\@bank\.example /],
	['only below is meant', "TLS_From:.bank.example PERM+VERIFY\n",
	    'from .bank.example always verified', 'holds'],
	['a name beats an address', "TLS_Clt:192.0.2.0/24 PERM+ENCR:128\n" .
	    "TLS_Clt:friend.example OK\n",
	    'client 192.0.2.0/24 always encrypted', 'today',
	    qr/client_name=(\w+\.)?friend\.example client_addr=192\.0\.2\.\d+ /],
	['a network in a network', "TLS_Clt:192.0.2.0/24 PERM+ENCR:128\n" .
	    "TLS_Clt:192.0.2.64/26 ENCR:0\n",
	    'client 192.0.2.0/24 always encrypted', 'today',
	    qr/client_addr=192\.0\.2\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7]) /],
	['... and the rest of it', "TLS_Clt:192.0.2.0/24 PERM+ENCR:128\n" .
	    "TLS_Clt:192.0.2.64/26 ENCR:0\n",
	    'client 192.0.2.128/25 always encrypted', 'holds'],
	['IPv6', "TLS_Clt:2001:db8::/32 PERM+ENCR:128\n",
	    'client IPv6:2001:db8:1::/48 always encrypted 128', 'holds'],
	['a local part of any domain', "${bank}TLS_From:alerts@ OK\n",
	    'from bank.example always verified', 'today',
	    qr/mail_addr=alerts(\+\w+)?\@bank\.example /],
	['a mailbox', "${bank}TLS_From:alerts\@bank.example OK\n",
	    'from bank.example always verified', 'today',
	    qr/mail_addr=alerts(\+\w+)?\@bank\.example /],
	['details of a mailbox', "${bank}TLS_From:alerts+*\@bank.example OK\n",
	    'from bank.example always verified', 'today',
	    qr/mail_addr=alerts\+\w+\@bank\.example /],
	['a blank in it', qq(${bank}TLS_From:"a+20b"\@bank.example OK\n),
	    'from bank.example always verified', 'today',
	    qr/mail_addr='"a b"\@bank\.example' /],
	['a quote in it', qq(${bank}TLS_From:"a+22b"\@bank.example OK\n),
	    'from bank.example always verified', 'today',
	    qr/mail_addr='"a\\"b"\@bank\.example' /],
	['a backslash in it', qq(${bank}TLS_From:"a+5Cb"\@bank.example OK\n),
	    'from bank.example always verified', 'today',
	    qr/mail_addr='"a\\\\b"\@bank\.example' /],
	['an @ in it', qq(${bank}TLS_From:"a+40b"\@bank.example OK\n),
	    'from "a+40b"@bank.example always verified', 'today',
	    qr/mail_addr='"a\@b"\@bank\.example' /],
	['... of any domain', qq(${bank}TLS_From:"a+20b"\@ OK\n),
	    'from bank.example always verified', 'today',
	    qr/mail_addr='"a b"\@bank\.example' /],
	['... and its details', qq(${bank}TLS_From:"a+20b+*"\@bank.example OK\n),
	    'from bank.example always verified', 'today',
	    qr/mail_addr='"a b\+\w+"\@bank\.example' /],
	['the null sender', "TLS_From: PERM+VERIFY\nTLS_From:<> OK\n",
	    'mail in clear never accepted', 'today', qr/mail_addr='<>'/],
	['... alone', "TLS_From: PERM+VERIFY\nTLS_From:<> OK\n",
	    'from bank.example in clear never accepted', 'holds'],
	['bare tags', "TLS_Clt: PERM+ENCR:128\n", 'mail always encrypted 128',
	    'holds'],
	['... and bits', "TLS_Clt: PERM+ENCR:128\n",
	    'mail always encrypted 129', 'today', qr/cipher_bits=128 /],
	['exempt clients', "TLS_Clt: PERM+ENCR:128\n", 'mail always encrypted',
	    'today', qr/client_addr=10\.\d+\.\d+\.\d+ /,
	    'exempt-clients = 10.0.0.0/8'],
	['... left out', "TLS_Clt: PERM+ENCR:128\n",
	    'not exempt always encrypted', 'holds', undef,
	    'exempt-clients = 10.0.0.0/8'],
	['... are never refused', "TLS_Clt: PERM+ENCR:128\n",
	    'client 10.1.0.0/16 never refused', 'holds', undef,
	    'exempt-clients = 10.0.0.0/8'],
	['logins', "TLS_Auth: PERM+VERIFY\n", 'auth joe always verified',
	    'holds'],
	['... one of them', "TLS_Auth: PERM+VERIFY\nTLS_Auth:ann OK\n",
	    'mail without auth always verified', 'today'],
	['a layer of AUTH has bits', "TLS_Clt: PERM+ENCR:128\n",
	    'bits at least 128 unverified with AEAD always accepted', 'holds'],
	['listeners', "TLS_Daemon:587 PERM+VERIFY\n",
	    'daemon 587 always verified', 'today', qr/daemon_port=587 /,
	    'exempt-clients = 10.0.0.0/8'],
	['... of the network', "TLS_Daemon:587 PERM+VERIFY\n",
	    'daemon 587 and not exempt always verified', 'holds', undef,
	    'exempt-clients = 10.0.0.0/8'],
	['WHEN frees a client', "TLS_From:bank.example ENCR:0+" .
	    "WHEN:192.0.2.17\n$bank", 'from bank.example in clear never accepted',
	    'today', qr/client_addr=192\.0\.2\.17 /],
	['... and no other', "TLS_From:bank.example ENCR:0+" .
	    "WHEN:192.0.2.17\n$bank", 'from bank.example client 198.51.100.0/24 ' .
	    'in clear never accepted', 'holds'],
	['... nor of another network', "TLS_From:bank.example ENCR:0+" .
	    "WHEN:192.0.2.16/28\n$bank", 'from bank.example client ' .
	    '192.0.2.32/27 in clear never accepted', 'holds'],
	['... by a name that is so', "TLS_From:bank.example ENCR:0+" .
	    "WHEN:.scan.example\n$bank",
	    'from bank.example in clear under sendmail never accepted', 'today',
	    qr/client_name=\S+\.scan\.example .*client_resolve=OK /],
	['... with dates', "TLS_From:bank.example ENCR:0+WHEN:192.0.2.17++" .
	    "FROM:2099-01-10\n$bank",
	    'from bank.example in clear never accepted', '2099-01-10',
	    qr/client_addr=192\.0\.2\.17 /],
	['... by a profile', "Profile:p ENCR:0\nTLS_From:bank.example " .
	    "AS:p++WHEN:192.0.2.17\n$bank",
	    'from bank.example in clear never accepted', 'today',
	    qr/client_addr=192\.0\.2\.17 /],
	['... and what stands behind it counts', "TLS_From:bank.example ENCR:0+" .
	    "WHEN:192.0.2.17\nTLS_From:bank.example PERM+ENCR:128\n",
	    'from bank.example encrypted never refused', 'today',
	    qr/cipher_bits=127 /],
	['... behind a name that has its own rule', "TLS_Clt:a.example ENCR:0\n" .
	    "TLS_From:bank.example ENCR:0+WHEN:192.0.2.17\n$bank",
	    'from bank.example client a.example in clear never accepted',
	    'today', qr/client_addr=192\.0\.2\.17 /],
	['WHEN binds one client', "TLS_From:bank.example PERM+VERIFY+" .
	    "WHEN:192.0.2.0/24\n", 'from bank.example always verified',
	    'today'],
	['... and that one always', "TLS_From:bank.example PERM+VERIFY+" .
	    "WHEN:192.0.2.0/24\n",
	    'from bank.example client 192.0.2.0/24 always verified', 'holds'],
	['... a name that cannot be told', "TLS_From:bank.example PERM+VERIFY+" .
	    "WHEN:mx.example\n", 'from bank.example client mx.example ' .
	    'verified never refused', 'today', qr/client_resolve=TEMP/],
	['... a forged one is no name', "TLS_From:bank.example PERM+VERIFY+" .
	    "WHEN:mx.example++WHEN:.mx.example\n", 'from bank.example client ' .
	    'mx.example always verified', 'today', qr/client_resolve=FORGED/],
	['... which Postfix never has', "TLS_From:bank.example PERM+VERIFY+" .
	    "WHEN:mx.example++WHEN:.mx.example\n", 'from bank.example client ' .
	    'mx.example under Postfix always verified', 'holds'],
	['CLIENT', "TLS_From:bank.example PERM+ENCR:1+CLIENT:192.0.2.0/24\n",
	    'from bank.example client 198.51.100.1 never accepted', 'holds'],
	['... is one of them', "TLS_From:bank.example PERM+ENCR:1+" .
	    "CLIENT:192.0.2.0/24\n", 'from bank.example client 192.0.2.0/25 ' .
	    'bits at least 1 never refused', 'holds'],
	['... or not', "TLS_From:bank.example PERM+ENCR:1+" .
	    "CLIENT:192.0.2.0/25\n", 'from bank.example client 192.0.2.0/24 ' .
	    'bits at least 1 never refused', 'today',
	    qr/client_addr=192\.0\.2\.(12[89]|1[3-9]\d|2\d\d) /],
	['CLIENT by name', "TLS_From:bank.example PERM+ENCR:1+" .
	    "CLIENT:mx.example\n", 'from bank.example client mx.example ' .
	    'bits at least 1 under Postfix never refused', 'today',
	    qr/client_name=\w+\.mx\.example /],
	['PKFP under sendmail', "TLS_From:bank.example PERM+ENCR:1+PKFP:$fp\n",
	    'from bank.example under sendmail never accepted', 'holds'],
	['... told by the feed', "TLS_From:bank.example PERM+ENCR:1+PKFP:$fp\n",
	    'from bank.example under Postfix never accepted', 'today',
	    qr/ccert_pubkey_fingerprint=ab/],
	['... of one that is not verified', "TLS_From:bank.example PERM+ENCR:1" .
	    "+PKFP:$fp\n", 'from bank.example unverified under Postfix never ' .
	    'accepted', 'today', qr/ccert_pubkey_fingerprint=ab/],
	['... or not told', "TLS_From:bank.example PERM+ENCR:1+PKFP:$fp\n",
	    'from bank.example encrypted under Postfix always accepted',
	    'today'],
	['FP told by the feed', "TLS_From:bank.example PERM+ENCR:1+FP:$fp\n",
	    'from bank.example under Postfix never accepted', 'today',
	    qr/ccert_fingerprint=ab/],
	['... and in clear', "TLS_From:bank.example PERM+ENCR:1+PKFP:$fp\n",
	    'from bank.example in clear without auth never accepted', 'holds'],
	['what Postfix does not tell', "TLS_Clt: PERM+VERIFY+FP:$fp\n",
	    'client a.example verified never refused', 'today'],
	['cannot tell, and on-error', "TLS_From:bank.example PERM+ENCR:1+" .
	    "CS:/CN=x\n", 'from bank.example unverified never accepted',
	    'today', qr/v='Postfix /, 'on-error = accept'],
	['... of one MTA', "TLS_From:bank.example PERM+ENCR:1+" .
	    "CS:/CN=x\n", 'from bank.example unverified under sendmail ' .
	    'never accepted', 'holds', undef, 'on-error = accept'],
	['names that nobody verified', "TLS_From:bank.example PERM+ENCR:1+" .
	    "CN:x.example\n", 'from bank.example always verified', 'today',
	    qr/verify=NO cn_subject=x\.example /, 'compat = sendmail'],
	['suites', "TLS_From: PERM+ENCR:1+CIPHER:AES128-SHA\n",
	    'mail without PFS never accepted', 'today',
	    qr/cipher=AES128-SHA /],
	['PFS is not anonymous', "TLS_From: PERM+ENCR:1+PFS\n",
	    'mail anonymous never accepted', 'holds'],
	['versions', "TLS_From: PERM+ENCR:1+VER:1.2\n",
	    'mail below TLS 1.3 never accepted', 'today',
	    qr/tls_version=TLSv1\.2 /],
	['issuers', "TLS_From: PERM+VERIFY+CITag:MyCA\nMyCA:/CN=i OK\n",
	    'mail always verified', 'holds'],
	['a handshake that failed', "TLS_Clt:a.example HOLD+ENCR:0\n",
	    'client a.example never held', 'today', qr/verify=SOFTWARE/],
	['two names that cannot both be', "TLS_From:bank.example PERM+VERIFY" .
	    "+CN:a.example\nTLS_Clt:a.example PERM+VERIFY+CN:b.example\n",
	    'from bank.example client a.example never accepted', 'holds'],
	['the client has the name', "TLS_From:bank.example PERM+VERIFY" .
	    "+CN:a.example\nTLS_Clt: PERM+VERIFY+CN\n",
	    'from bank.example never accepted', 'today',
	    qr/client_name=a\.example .*cn_subject=a\.example/],
	['... and the claim another', "TLS_From:bank.example PERM+VERIFY" .
	    "+CN:a.example\nTLS_Clt: PERM+VERIFY+CN\n",
	    'client b.example from bank.example never accepted', 'holds'],
	['a wildcard', "TLS_From:bank.example PERM+VERIFY+CN:*.a.example\n" .
	    "TLS_Clt: PERM+VERIFY+CN:mx.a.example\n",
	    'from bank.example never accepted', 'today',
	    qr/cn_subject=mx\.a\.example/],
	['nothing is meant', $bank, 'in clear and verified never accepted',
	    'about nothing'],
	['nobody is meant', $bank, 'client 127.0.0.1 never accepted',
	    'about nothing'],
);

# The day of today may change between two commands.
my @today = map { my @t = gmtime(time + $_); sprintf '%04d-%02d-%02d',
    $t[5] + 1900, $t[4] + 1, $t[3] } 0, 86400;

my %exit = (accept => 0, tempfail => 75, reject => 77, hold => 79);

for my $trap (@traps) {
	my ($name, $text, $claim, $want, $session, @settings) = @$trap;
	settings(@settings);
	$scratch->write('rules', $text);
	my $r = run_it('prove', '-c', $conf, '-r', $rules, $claim);
	my @lines = split /\n/, $r->{out};
	if ($want eq 'holds' || $want eq 'about nothing') {
		is($lines[0], "$want: $claim", "$name: $want") or
		    diag("$r->{out}$r->{err}");
		is($r->{status}, $want eq 'holds' ? 0 : 1, "$name: exit");
		next;
	}
	my ($day) = $lines[0] =~ /^false from (\S+): \Q$claim\E$/;
	$want = $today[1] if $want eq 'today' && ($day // '') eq $today[1];
	is($day, $want eq 'today' ? $today[0] : $want, "$name: false") or
	    diag("$r->{out}$r->{err}");
	is($r->{status}, 1, "$name: exit 1");
	like($lines[1], $session, "$name: the session") if $session;
	# What is printed is what `check` says, word for word.
	my ($command, $verdict) = map { s/^ {4}//r } @lines[1, 2];
	my $check = Tlspolicy::Scratch::run('sh', '-c', $command);
	is((split /\n/, $check->{out})[0], $verdict, "$name: check") or
	    diag("$command\n$check->{err}");
	is($check->{status}, $exit{$verdict =~ /^(\w+)/ ? $1 : ''},
	    "$name: its exit");
}

# With more clients in rules than there is room for a claim that meets such a rule
# is not decided; other claims are.
settings();
for my $many ([64, 1, qr/^false from .*client_addr=192\.0\.2\.63 /s],
    [65, 69, qr/^not decided: .*CLIENT or WHEN.*more than 64 clients/s]) {
	my ($n, $status, $said) = @$many;
	my $free = join '++', map { "WHEN:192.0.2.$_" } $n - 2, $n - 1;
	$scratch->write('rules', join('', map {
	    "TLS_From:x$_.example PERM+ENCR:1+CLIENT:192.0.2.$_\n" }
	    0 .. $n - 3) . "TLS_From:bank.example ENCR:0+$free\n$bank" .
	    "TLS_To:safe.example PERM+VERIFY\n");
	my $r = run_it('prove', '-c', $conf, '-r', $rules, 'from bank.example ' .
	    "client 192.0.2.@{[$n - 1]} in clear never accepted");
	is($r->{status}, $status, "$n clients: exit $status");
	like($r->{out}, $said, "$n clients: what is said");
	$r = run_it('prove', '-c', $conf, '-r', $rules,
	    'from x1.example bits at least 1 never accepted');
	is($r->{status}, $status, "$n clients, CLIENT: exit $status");
	$r = run_it('prove', '-c', $conf, '-r', $rules, 'from a.example to ' .
	    'safe.example in clear never accepted');
	is($r->{status}, 0, "$n clients: who meets no such rule") or
	    diag($r->{out});
}

# The same with more cipher lists or names in one session than there is room for.
my @suites = grep { $_ } split /[:\n]/, `openssl ciphers 'ALL:\@SECLEVEL=0'`;
for my $many (
    ['cipher lists', 41, sub { "ENCR:1+CIPHER:$suites[$_[0]]" }],
    ['thresholds', 35, sub { "VERIFY+CN:a$_[0].example++CN:.b$_[0].example" }]) {
	my ($what, $n, $need) = @$many;
	$scratch->write('rules', join '', map { "TLS_From:bank.example PERM+" .
	    $need->($_) . "++WHEN:192.0.2.$_\n" } 1 .. $n);
	my $r = run_it('prove', '-c', $conf, '-r', $rules,
	    'from bank.example always encrypted');
	is($r->{status}, 69, "$n $what: exit 69") or diag($r->{err});
	like($r->{out}, qr/^not decided: .*\n {4}too many $what meet in one session/,
	    "$n $what: is not decided");
}

# What is never accepted is so in every spelling.
settings('local-domains = bank.example, home.example');
$scratch->write('rules', $bank);
is(run_it('prove', '-c', $conf, '-r', $rules,
    'from bank.example always verified')->{status}, 0, 'it holds');
for my $spelt ('a@bank.example', '<a@Bank.Example.>', 'bank.example!a',
    'a%bank.example@home.example', '@x.example:a@bank.example', 'a',
    'Joe <a@bank.example>', 'a(c)@bank.example', '"a"@bank.example',
    '"a@bank.example"@home.example') {
	isnt(run_it('check', '-c', $conf, '-r', $rules, "mail_addr=$spelt",
	    'client_name=x.example', 'client_addr=192.0.2.1', 'daemon_name=x',
	    'daemon_port=25')->{status}, 0, "$spelt is not accepted");
}

# Claims about the store's rules, as JSON, from files.
settings();
$scratch->write('rules', $bank);
$scratch->write('some.claims', "# of the bank\nfrom bank.example in clear " .
    "is never accepted\nfrom bank.example never refused\n" .
    "in clear verified never held\n");
is(run_it('build', '-c', $conf)->{status}, 66, 'claims that are not there');
$scratch->write('claims', '');
my $r = run_it('build', '-c', $conf);
is($r->{status}, 0, 'a store');
is($r->{err} =~ s/^.*generation.*\n//mr, $scratch->path('claims') .
    ":1:1: warning: not a byte of claims: was the file cut off?\n", 'claims that are cut off are named');
mkdir $scratch->path('no-claims');
$scratch->write('conf-folder', "store = $store\nrules = $rules\nclaims = " .
    $scratch->path('no-claims') . "\n");
$r = run_it('build', '-n', '-c', $scratch->path('conf-folder'));
is("$r->{status} $r->{err}", '0 tlspolicy: warning: ' .
    $scratch->path('no-claims') . " has no file *.claims: nothing is claimed\n" .
    ($r->{err} =~ /^(1 rules? .*\n)/m ? $1 : ''),
    'a folder without claims is named');
# A folder in which nothing is kept: what stands beside is named.
mkdir $scratch->path('kept') or die;
$scratch->write('folder.conf', do { open my $in, '<', $conf or die; local $/;
    <$in> =~ s/^claims = .*/claims = @{[$scratch->path('kept')]}/mr });
my $kept = $scratch->path('kept');
my $folder_says = sub {
	my ($name, $status, $want) = @_;
	my $got = run_it('build', '-c', $scratch->path('folder.conf'));
	is("$got->{status} " . ($got->{err} =~ s/^.*generation.*\n//mr),
	    "$status $want", "a folder: $name");
};
my $none = "tlspolicy: warning: $kept has no file *.claims: nothing is claimed\n";
$folder_says->('empty', 0, $none);
$scratch->write("kept/$_", "never accepted\n")
    for 'README', 'a.rules', 'b.claims~', 'b.claims.old', '.c.claims', "d\e.claim";
$folder_says->('others', 0, "$kept: warning: d?.claim is passed over, " .
    "as its name does not end in .claims\n$none");
unlink "$kept/d\e.claim";
$scratch->write('kept/d.claims', "# none yet\n");
$folder_says->('a file', 0, '');
$r = run_it('prove', '-c', $conf, '-f', $scratch->write('hidden', "# bank\r" .
    "from bank.example never refused\nin clear never held\n"));
is("$r->{status} $r->{err}", '65 ' . $scratch->path('hidden') . ":1:7: found a " .
    "character in a comment that ends a line in other programs; expected a " .
    "newline, or text\ntlspolicy: 1 bad line in the claims\n",
    'a claim that a comment hides');
$r = run_it('prove', '-c', $conf, '--json', '-f',
    $scratch->path('some.claims'));
is($r->{status}, 1, 'one is false');
my $json = eval { decode_json($r->{out}) } // {};
is_deeply([@$json{qw(holds false about_nothing not_decided)}], [1, 1, 1, 0],
    'they are counted');
is_deeply([map { [$_->{line}, $_->{result}] } @{$json->{claims}}],
    [[2, 'holds'], [3, 'false'], [4, 'about nothing']], 'one by one');
my $false = $json->{claims}[1];
like($false->{since}, qr/^\d{4}-\d\d-\d\d$/, 'since when');
like($false->{session}{mail_addr}, qr/\@bank\.example$/, 'the session');
my $check = Tlspolicy::Scratch::run('sh', '-c', $false->{check});
is($check->{out}, "$false->{verdict}\n", 'check says the same');
is($check->{status}, 77, 'and refuses');

# The words of the command line; what is no claim.
is(run_it('prove', '-c', $conf, qw(from bank.example in clear is never
    accepted))->{out}, "holds: from bank.example in clear is never accepted\n",
    'several words are one claim');
for my $row ([65, qr/expected a claim/, ''], [65, qr/did you mean from/,
    'form bank.example never held'], [64, qr/exclude each other/, '-d',
    $store, '-r', $rules, 'never held'], [66, qr/cannot open/, '-f',
    "$tmp/none"], [66, qr/there are no claims/], [66, qr/cannot open/, '-r',
    "$tmp/none", 'never held'], [65, qr{claims:2:6: }, '-f',
    $scratch->write('bad.claims', "never held\nfrom \@x never held\n")]) {
	my ($status, $said, @args) = @$row;
	my $r = run_it('prove', '-c', $conf, @args);
	is($r->{status}, $status, "prove @args: exit $status");
	like($r->{err}, $said, "prove @args: what is wrong");
	is($r->{out}, '', "prove @args: no answer");
}

# In monitor mode claims are tried as if it were not.
settings('mode = monitor');
$r = run_it('prove', '-c', $conf, 'from bank.example is never refused');
is($r->{status}, 1, 'monitor: it would be refused');
like($r->{err}, qr/mode = monitor/, 'monitor: that is said');
my ($command, $verdict) = (split /\n/, $r->{out})[1, 2];
is('    ' . Tlspolicy::Scratch::run('sh', '-c', $command)->{out}, "$verdict\n",
    'monitor: check says the same');

# Claims are kept: by build, set and del, in files and folders.
settings();
my $clear = 'client_name=x.example client_addr=192.0.2.1 daemon_name=x ' .
    'daemon_port=25 mail_addr=a@bank.example';

sub in_force {
	my ($what) = @_;
	my $r = run_it('check', '-c', $conf, split ' ', $clear);
	is($r->{status}, 77, "$what: the old rules are in force");
}

# @args are refused, with this in the message, and nothing changes.
sub refused {
	my ($what, $status, $said, @args) = @_;
	my $before = run_it('show', '-c', $conf)->{out};
	my $r = run_it($args[0], '-c', $conf, @args[1 .. $#args]);
	is($r->{status}, $status, "$what: exit $status") or diag($r->{err});
	like($r->{err}, $said, "$what: why");
	is(run_it('show', '-c', $conf)->{out}, $before, "$what: the same rules");
	in_force($what);
}

$scratch->write('claims', "# kept\n\n  from bank.example in clear is never " .
    "accepted\n");
my $said = quotemeta "$claims:3:3: the claim \"from bank.example in clear is " .
    'never accepted"';
my $why = qr{^$said is false from \d{4}-\d\d-\d\d: accept for .*mail_addr=\S+\@(\w+\.)?bank\.}m;
is(run_it('build', '-c', $conf)->{status}, 0, 'rules that keep it');
$scratch->write('rules', "TLS_From:bank.example WARN+VERIFY\n");
refused('build', 65, $why, 'build');
refused('build -n', 65, $why, 'build', '-n');
$scratch->write('rules', $bank . "TLS_From:x.bank.example OK\n");
refused('build of an exception', 65, $why, 'build');
refused('set', 65, $why, 'set', 'TLS_From:bank.example', 'OK');
refused('set below', 65, $why, 'set', 'TLS_From:a@bank.example', 'ENCR:0');
refused('del', 65, $why, 'del', 'TLS_From:bank.example');
is(run_it('set', '-c', $conf, 'TLS_From:bank.example',
    'PERM+VERIFY:128')->{status}, 0, 'set: one that keeps it');
is(run_it('set', '-c', $conf, 'TLS_From:b.example', 'ENCR:128')->{status}, 0,
    'set: another');
is(run_it('del', '-c', $conf, 'TLS_From:b.example')->{status}, 0,
    'del: another');
is(run_it('del', '-c', $conf, 'TLS_From:none.example')->{status}, 1,
    'del: none');
my $fresh = $scratch->path('fresh.mdb');
is(run_it('set', '-c', $conf, '-d', $fresh, 'TLS_From:bank.example',
    'WARN+VERIFY')->{status}, 65, 'set: a new store');
ok(!-e $fresh, 'which is not made');
is(run_it('set', '-c', $conf, '-d', $fresh, 'TLS_From:bank.example',
    'PERM+VERIFY')->{status}, 0, 'set: a new store that keeps it');

# What cannot be read, or is about nothing, does not hold.
$scratch->write('rules', $bank);
$scratch->write('claims', "from bank.example never\n");
refused('a bad claim', 65, qr{^\Q$claims\E:1:24: found}m, 'build');
refused('a bad claim, set', 65, qr{^\Q$claims\E:1:24: found}m, 'set',
    'TLS_From:b.example', 'OK');
refused('a bad claim, del', 65, qr{^\Q$claims\E:1:24: found}m, 'del',
    'TLS_From:b.example');
$scratch->write('claims', "in clear verified never held\n");
refused('about nothing', 65, qr{:1:1: .*there is no such session}, 'build');
unlink $claims;
refused('no claims', 66, qr/cannot open \Q$claims\E/, 'build');
mkdir $claims;
is(run_it('build', '-c', $conf)->{status}, 0, 'a folder without claims');
POSIX::mkfifo("$claims/a.claims", 0600) or die "mkfifo: $!\n";
refused('a FIFO', 66, qr{cannot read \Q$claims\E/a\.claims: not a regular file},
    'build');
unlink "$claims/a.claims";
symlink '/dev/zero', "$claims/a.claims" or die "symlink: $!\n";
refused('a device', 66, qr{cannot read \Q$claims\E/a\.claims: not a regular},
    'build');
unlink "$claims/a.claims";
$scratch->write('claims/b.claims.old', "nonsense\n");
$scratch->write('claims/a.claims', "from bank.example always verified\n");
$scratch->write('claims/b.claims', "from bank.example never refused\n");
refused('a folder', 65, qr{^\Q$claims\E/b\.claims:1:1: }m, 'build');
unlink "$claims/b.claims";
is(run_it('build', '-c', $conf)->{status}, 0, 'the others hold');

# Commands that keep claims wait for one another, so that what was proved is what is
# committed.
open my $folder, '<', $scratch->dir or die;
flock $folder, LOCK_EX or die;
my $pid = fork;
if ($pid == 0) {
	open STDERR, '>', $scratch->path("waits.err") or die;
	exec $tlspolicy, 'set', '-c', $conf, 'TLS_From:c.example', 'ENCR:128';
	die;
}
$said = undef;
Tlspolicy::Scratch::wait_for(60, sub {
	$said = $scratch->read("waits.err");
	return $said =~ /\n/ });
like($said, qr{/: waiting for another process, which has locked this folder$}m,
    'set waits while another one holds the folder, and says so');
is(waitpid($pid, 1), 0, '... without an end so far');
unlike(run_it('show', '-c', $conf)->{out}, qr/c\.example/, '... changes nothing');
flock $folder, LOCK_UN;
waitpid $pid, 0;
is($?, 0, '... and then goes on');
like(run_it('show', '-c', $conf)->{out}, qr/c\.example/, '... with its rule');

# As many rules and claims as a large site has.
my @many = map { ("TLS_Clt:mail.p$_.example PERM+VERIFY+CN:mail.p$_.example",
    "TLS_From:p$_.example PERM+VERIFY:128+CN:mx.p$_.example",
    "TLS_Clt:10." . int($_ / 250) . '.' . $_ % 250 . ".0/24 ENCR:128",
    "TLS_To:p$_.example ENCR:128+UNTIL:2099-05-15\nTLS_To:p$_.example ENCR:256",
    "TLS_From:user$_\@q.example ENCR:128+VER:1.2++PFS") } 1 .. 2000;
$scratch->write('rules', join "\n", @many, '');
$scratch->write('many.claims', join '', map { "$_\n" }
    (map { ("from p$_.example in clear is never accepted",
	"client mail.p$_.example always verified",
	"to p$_.example bits below 256 since 2099-05-16 never accepted",
	"from user$_\@q.example below TLS 1.2 never accepted") } 1 .. 24),
    'mail in clear never accepted', 'client 10.0.0.0/16 never refused',
    'from q.example never refused', 'verified never refused');
$r = run_it('prove', '-c', $conf, '-r', $rules, '-f',
    $scratch->path('many.claims'), '--json');
$json = eval { decode_json($r->{out}) } // {};
is_deeply([@$json{qw(holds false not_decided)}], [96, 4, 0],
    '10,000 rules, 100 claims');

# The manual has the grammar, phrase by phrase.
my $page = Tlspolicy::Tree::text('man/tlspolicy-claims.5');
my $source = Tlspolicy::Tree::text('policy/prove/claim.c');
my @phrases = $source =~ /^\t\{ \.words = "([^"]+)"/mg;
cmp_ok(scalar @phrases, '>', 30, 'phrases were found');
for my $phrase (@phrases) {
	like($page, qr/^\.It Li (?:.* , )?\Q$phrase\E(?: ,|$)/m,
	    "the manual has '$phrase'");
}

done_testing;
