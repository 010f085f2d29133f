#!/usr/bin/perl
#
# The command with its n-th malloc, write, open, mmap, read, call of LMDB, of
# OpenSSL or for a descriptor, lock or process failing, once and from then on: never
# a signal, never success with other output than without the fault, never a verdict
# that frees, never a store that is neither the old nor the new one, nothing left
# behind.
#
# From every place in the program that makes such a call, by every way that led
# there: the last that came from it fails, then the first and all behind it.
# TLSPOLICY_FAULTS=all takes every n.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Errno ();
use Test::More;
use Time::HiRes qw(time);
use Tlspolicy::Daemon;
use Tlspolicy::Fault;
use Tlspolicy::NthCheck;
use Tlspolicy::NthRun;
use Tlspolicy::Scratch;

my $builddir = Tlspolicy::Scratch::builddir();
my $tlspolicy = "$builddir/tlspolicy";
my $missing = Tlspolicy::NthRun::missing($tlspolicy);
plan skip_all => $missing if defined $missing;

my $scratch = Tlspolicy::NthRun::scratch();
my $nth = Tlspolicy::NthRun->new($scratch);
my $all = ($ENV{TLSPOLICY_FAULTS} // '') eq 'all';
mkdir $scratch->path('store') or die "store: $!\n";
my $store = $scratch->path('store/policy.mdb');
my $check = Tlspolicy::NthCheck->new(nth => $nth, all => $all,
    store => $scratch->path('store'));

my $old = "TLS_Clt:example.com PERM+ENCR:112\n" .
    "TLS_From:bank.example PERM+VERIFY+CIPHER:HIGH\n";
my $new = $old . "TLS_Clt:new.example PERM+VERIFY:128\n";
my $beyond = $scratch->write('beyond', "TLS_From:b\xc3\xbccher.example " .
    "PERM+ENCR:1\nTLS_To:j\xc3\xbcrgen\@ PERM+ENCR:1\nTLS_Auth:" .
    "j\xc3\xbcrgen PERM+ENCR:1\n");
my $old_rules = $scratch->write('old', $old);
my $new_rules = $scratch->write('new', $new);
my $conf = $scratch->write('conf', "rules = $old_rules\nstore = $store\n");
my @nobody = qw(client_name=other.example client_addr=198.51.100.1 v=8.18.1
    j=mx.example.net);
my @clear = qw(client_name=mail.example.com client_addr=192.0.2.1
    mail_addr=a@bank.example v=8.18.1 j=mx.example.net);
my $batch = $scratch->write('batch', '{"client_name":"mail.example.com",' .
    '"client_addr":"192.0.2.1","mail_addr":"a@x.example"}' . "\n" .
    '{"client_name":"other.example","client_addr":"192.0.2.1",' .
    '"mail_addr":"a@bank.example"}' . "\n");
my $access = $scratch->write('access', "TLS_Clt:a.example\tVERIFY:112\n" .
    "TLS_Rcpt:b.example\tENCR:128\nFrom:c.example\tREJECT\n");

sub run
{
	return $nth->run(@_);
}

# The store as it is before each run: two generations, so that pages are free.
my (%saved);
sub save_store
{
	for ('', '-lock') {
		$saved{$_} = Tlspolicy::Scratch::slurp("$store$_");
	}
}
for my $rules ($new_rules, $old_rules) {
	Tlspolicy::Scratch::must($tlspolicy, 'build', '-c', $conf, $rules);
}
save_store();

# A plan beside it, for the commands that are about one.
my (%plan, $planned);
sub restore
{
	my ($with) = @_;
	unlink glob "$store.plan*";
	for (sort keys %plan) {
		last if !$planned;
		open my $fh, '>', "$store.plan$_" or die "$store.plan: $!\n";
		print $fh $plan{$_};
		close $fh or die "$store.plan: $!\n";
	}
	for ('', '-lock') {
		unlink "$store$_";
		next if !$with;
		open my $fh, '>', "$store$_" or die "$store: $!\n";
		print $fh $saved{$_};
		close $fh or die "$store: $!\n";
	}
}

sub shown
{
	my $r = run({}, undef, $tlspolicy, 'show', '-c', $conf);
	return $r->{status} == 0 ? $r->{out} : "exit $r->{status}: $r->{err}";
}

# An audit log, of real records.
my $start = 1_790_000_000_000_000;
my $sessions = $scratch->write('sessions', join '', map { join("\t",
    $start + $_ * 1_000_000, 'message', "i=Q$_", 'v=8.18.1',
    'j=mx.example.net', 'client_name=mail.example.com',
    'client_addr=192.0.2.1', 'mail_addr=a@x' . $_ % 5 . '.example',
    $_ % 2 ? ('tls_version=TLSv1.3', 'cipher_bits=256', 'verify=OK',
    'cipher=TLS_AES_256_GCM_SHA384', 'cn_subject=mail.example.com') : ()) .
    "\n" } 1 .. 40);
my $log = $scratch->write('audit.log', Tlspolicy::Scratch::must(
    { in => $sessions }, "$builddir/t/sample-audit", $store));
# Planned a thousand seconds before it, and judged by the plan all along.
my $planned_log = do {
	my $clock = Tlspolicy::Fault::Clock->new($scratch);
	$clock->ahead(int($start / 1e6) - 1000 - time);
	Tlspolicy::Scratch::must({ env => $clock->env }, $tlspolicy, 'plan',
	    '-c', $conf, '--days', 1, $new_rules);
	my $id = decode_id();
	$plan{$_} = Tlspolicy::Scratch::slurp("$store.plan$_") for '', '-lock';
	my @lines = split /\n/, Tlspolicy::Scratch::slurp($log);
	s/,"seq":/,"plan":{"id":"$id","result":"same"},"seq":/ for @lines;
	$scratch->write('planned.log', join '', map { "$_\n" } @lines);
};
sub decode_id
{
	my $status = run({}, undef, $tlspolicy, 'plan', '-c', $conf, 'status',
	    $log)->{out};
	return $status =~ /^plan ([0-9a-f]{16})/ ? $1 : die "no plan: $status\n";
}
my $first = Tlspolicy::Scratch::slurp($log) =~ /"queue_id":"([^"]+)"/ ? $1 :
    'NONE';
my $certificate = $scratch->path('cert.pem');
my $private = $scratch->path('key.pem');
system("openssl req -x509 -newkey rsa:2048 -nodes -keyout $private " .
    "-subj /CN=mail.example.com -days 3650 -out $certificate 2>/dev/null");

# A log of a daemon: its key is a ratchet, and it is signed.
my ($ratchet, $signer, $notes, $claims) = map { $scratch->path($_) }
    qw(ratchet signer notes claims);
Tlspolicy::Scratch::must($tlspolicy, 'audit', 'key', '-r', $ratchet);
my $verifier = $scratch->write('verifier', Tlspolicy::Scratch::must($tlspolicy,
    'audit', 'key', '-n', 'mx.example.net', $signer));
mkdir $scratch->path('keys') or die "keys: $!\n";
my $daemon = Tlspolicy::Daemon->start(scratch => $scratch, rules => $old,
    settings => { 'audit-key-file' => $scratch->write('keys/now',
    Tlspolicy::Scratch::slurp($ratchet), 0600),
    'checkpoint-key-file' => $signer, 'checkpoint-file' => $notes });
for my $id (1 .. 6) {
	my $m = Tlspolicy::Milter->connect($daemon->socket);
	$m->negotiate;
	$m->set(v => '8.18.1', j => 'mx.example.net', i => "R$id",
	    client_name => 'mail.example.com', client_addr => '192.0.2.1');
	$m->conn('mail.example.com', '192.0.2.1');
	$m->helo('mail.example.com');
	$m->mail('a@x.example');
	$daemon->hup if $id == 3;
}
is($daemon->stop, 0, 'a daemon ends');
my ($ratcheted, $proved) = ("$daemon->{dir}/audit.log", 'R2');
$scratch->write('claims', "from bank.example in clear is never accepted\n" .
    "client .example.com is never refused\n");

my $bad_rules = $scratch->write('bad', "TLS_Clt:a.example ENCR\n" .
    "TLS_Clt:*.b.example ENCR:1\nTLS_From:c.example VERIFY+CN:x++PSF\n");
my $strict_rules = $scratch->write('strict', $old . "TLS_Clt: HOLD+VERIFY\n" .
    "TLS_From:x1.example PERM+ENCR:256\nTLS_From:x2.example WARN+VERIFY\n");
my $map = $scratch->write('policy', "a.example\tsecure match=.a.example:a.net\n" .
    "b.example\tencrypt protocols=>=TLSv1.2 ciphers=high\n");
my $csv = $scratch->write('csv', "domain,level\na.example,verify\n" .
    "b.example,encrypt\n");
my $everywhere = $scratch->write('everywhere', '{"version":"0.1","timestamp":' .
    '"2026-01-01T00:00:00Z","policies":{"a.example":{"mode":"enforce",' .
    '"mxs":[".a.example","mx.b.example"]}}}' . "\n");

my $maillog = $scratch->write('maillog', join '', map {
    Tlspolicy::Scratch::slurp(Tlspolicy::Scratch::topdir() . "/t/data/$_")
    } 'tour.maillog', 'cases/24-maillog.in');
my $config = $scratch->path('config');
mkdir $config or die "$config: $!\n";
$scratch->write('config/main.cf', "smtpd_restriction_classes = one\n" .
    "one = reject_plaintext_session\nsmtpd_sender_restrictions =\n" .
    "  check_sender_access texthash:\$config_directory/access,\n" .
    "  check_client_access inline:{a.example=one, b.example=OK}, one\n" .
    "smtp_tls_policy_maps = texthash:\$config_directory/outbound\n" .
    "smtp_tls_security_level = may\n");
$scratch->write('config/master.cf', "smtp inet n - y - - smtpd\n" .
    "  -o smtpd_sender_restrictions=permit\n");
my $actions = $scratch->write('config/access', "a.example\tone\n" .
    "b.example\twarn_if_reject reject_plaintext_session\n.c.example OK\n");
$scratch->write('config/outbound', "a.example encrypt\n.b.example secure " .
    "match=.b.example\n[c.example]:25 dane-only\n");

# Rules in a folder, of all kinds of lines; and what is claimed of them.
my $folder = $scratch->path('rules.d');
mkdir $folder or die "$folder: $!\n";
$scratch->write('rules.d/10-old.rules', $old);
$scratch->write('rules.d/20-more.rules', join "\n",
    'Profile:bank PERM+VERIFY:128+VER:1.2++CN:.bank.example++PFS',
    'TLS_From:a.bank.example AS:bank++CLIENT:192.0.2.0/24++BY:ann',
    'TLS_From:b.bank.example TEMP+ENCR:128+WHEN:192.0.2.0/24++UNTIL:2090-01-01',
    'TLS_From:b.bank.example AS:bank++MSG:of the bank',
    'TLS_To:pay@example.org HOLD+VERIFY+CITag:MyCA++FP:' .
    '00112233445566778899aabbccddeeff', 'MyCA:/CN=ca OK',
    'TLS_Clt:192.0.2.0/24 WARN+ENCR:1', "TLS_Clt:b\xc3\xbccher.example ENCR:1",
    'TLS_Rcpt:left.example VERIFY', 'TLS_Srv:.left.example ENCR:128', '');
my $true_claims = $scratch->write('true.claims', "# ours\n" .
    "from bank.example in clear is never accepted\n" .
    "client example.com in clear is always refused\n");
my $false_claims = $scratch->write('false.claims',
    "client 192.0.2.0/24 is always refused\n" .
    "from c.bank.example and verified is never accepted\n");
my $kept = $scratch->write('kept-conf', Tlspolicy::Scratch::slurp($conf) .
    "claims = $true_claims\n");

my $exported = $scratch->write('exported-conf', Tlspolicy::Scratch::slurp($conf)
    . "directory-base = ou=tlspolicy,dc=example,dc=org\n");

# Mail that left, by an MTA's own log, and what the MTA had been told.
my $deliveries = $scratch->write('deliveries', join '', (map {
    "2026-11-1${_}T10:00:00Z mx postfix/smtp[1]: Verified TLS connection " .
    "established to mx.left.example[192.0.2.25]:25: TLSv1.3 with cipher " .
    "TLS_AES_256_GCM_SHA384 (256/256 bits)\n2026-11-1${_}T10:00:01Z mx " .
    "postfix/smtp[1]: 4Y$_: to=<a\@left.example>, relay=mx.left.example" .
    "[192.0.2.25]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (ok)\n"
    } 1 .. 6), "2026-11-17T10:00:01Z mx postfix/smtp[2]: 4Y9: to=<a\@kept.example>, " .
    "relay=mx.kept.example[192.0.2.26]:25, delay=1, delays=0/0/0/1, dsn=4.7.4, " .
    "status=deferred (TLS is required, but was not offered by host mx.kept.example)\n");
my $left = $scratch->write('left', Tlspolicy::Scratch::must($tlspolicy, 'audit',
    'from-log', '-c', $conf, $deliveries) . join '', map {
    '{"v":1,"event":"outbound","time":"2026-11-0' . $_ . 'T09:59:00.000000Z",' .
    '"seq":1,"map":"tlspolicy","query":"left.example","answer":"encrypt",' .
    '"result":"told","generation":1,"rules":[]}' . "\n" } 1 .. 2);

# name, arguments; stdin; writes: the store may become `becomes`; verdict: the
# first line says one.
my @commands = (
	{ name => 'check', args => [ 'check', @clear ], verdict => 1 },
	{ name => 'check -v', args => [ 'check', '-v', @clear ], verdict => 1 },
	{ name => 'check -r', args => [ 'check', '-r', $old_rules, @clear ],
	    verdict => 1 },
	{ name => 'check --batch', args => [ 'check', '--batch' ],
	    stdin => $batch, batch => 1 },
	(map { { name => "check, beyond ASCII, $_->[0]", verdict => 1, args =>
	    [ 'check', '-r', $beyond, @nobody, @$_[1 .. $#$_] ] } }
	    [ 'local part', 'mail_addr=x@y.example',
	    "rcpt_addr=J\xc3\x9cRGEN\@c.example" ],
	    [ 'login', 'mail_addr=x@y.example', 'auth_type=PLAIN',
	    "auth_authen=ju\xcc\x88rgen" ],
	    [ 'domain', "mail_addr=x\@B\xc3\x9cCHER.example" ]),
	{ name => 'build', args => [ 'build', $new_rules ], becomes => $new },
	{ name => 'build, no store yet', args => [ 'build', $new_rules ],
	    becomes => $new, none => 1 },
	{ name => 'build -n', args => [ 'build', '-n', $new_rules ] },
	{ name => 'set', args => [ 'set', 'TLS_Clt:new.example',
	    'PERM+VERIFY:128' ], becomes => 'set' },
	{ name => 'del', args => [ 'del', 'TLS_Clt:example.com' ],
	    becomes => 'del' },
	{ name => 'show', args => [ 'show' ] },
	{ name => 'show KEY', args => [ 'show', 'TLS_Clt:example.com' ] },
	{ name => 'diff', args => [ 'diff', $new_rules ] },
	{ name => 'lint', args => [ 'lint', $new_rules ] },
	{ name => 'import', args => [ 'import', 'sendmail', $access ] },
	{ name => 'cert', args => [ 'cert', $certificate ] },
	{ name => 'replay', args => [ 'replay', '-r', $new_rules, $log ] },
	{ name => 'report', args => [ 'report', $log ] },
	{ name => 'suggest', args => [ 'suggest', $log ] },
	{ name => 'check --json', args => [ 'check', '--json', @clear ],
	    batch => 1 },
	{ name => 'build, bad rules', args => [ 'build', $bad_rules ] },
	{ name => 'show --json', args => [ 'show', '--json' ] },
	{ name => 'lint --mta', args => [ 'lint', '--json', '--mta', 'postfix',
	    $new_rules ] },
	{ name => 'import postfix', args => [ 'import', 'postfix', '--level',
	    'may', $map ] },
	{ name => 'import csv', args => [ 'import', 'csv', $csv ] },
	{ name => 'import starttls-everywhere', args => [ 'import',
	    'starttls-everywhere', $everywhere ] },
	{ name => 'cert --json', args => [ 'cert', '--json', '--host',
	    'mail.example.com', $certificate ] },
	{ name => 'replay -v', args => [ 'replay', '-v', '-r', $strict_rules,
	    $log ] },
	{ name => 'replay --json', args => [ 'replay', '--json', '-r',
	    $strict_rules, $log ] },
	{ name => 'report --json', args => [ 'report', '--json', $log ] },
	{ name => 'report --csv', args => [ 'report', '--csv', $log ] },
	{ name => 'report --html', args => [ 'report', '--html', $log ] },
	{ name => 'suggest --why-not', args => [ 'suggest', '--why-not',
	    '--mails', 1, '--days', 1, $log ] },
	{ name => 'settings', args => [ 'settings', '-v' ] },
	{ name => 'settings --json', args => [ 'settings', '--json' ] },
	{ name => 'audit show', args => [ 'audit', 'show', '--domain',
	    'x1.example', $log ] },
	{ name => 'audit show --json', args => [ 'audit', 'show', '--json',
	    $log ] },
	{ name => 'audit head', args => [ 'audit', 'head', $log ] },
	{ name => 'audit verify', args => [ 'audit', 'verify', $log ] },
	{ name => 'audit verify, a ratchet', args => [ 'audit', 'verify',
	    '-k', $ratchet, $ratcheted ] },
	{ name => 'audit verify, checkpoints', args => [ 'audit', 'verify',
	    '-k', $ratchet, '--checkpoints', $notes, '--verifier', $verifier,
	    $ratcheted ] },
	{ name => 'audit verify, one has a key', args => [ 'audit', 'verify', $log,
	    $ratcheted ] },
	{ name => 'audit show, two nodes', args => [ 'audit', 'show', $log,
	    $ratcheted ] },
	{ name => 'report, two nodes', args => [ 'report', $log, $ratcheted ] },
	{ name => 'audit show, outbound', args => [ 'audit', 'show', $left ] },
	{ name => 'export', args => [ 'export', 'ldif', $folder ],
	    conf => $exported },
	{ name => 'export --store', args => [ 'export', '--store', 'ldif' ],
	    conf => $exported },
	{ name => 'audit key', args => [ 'audit', 'key', $ratchet ] },
	{ name => 'audit prove', args => [ 'audit', 'prove', '--checkpoints',
	    $notes, '--verifier', $verifier, $proved, $ratcheted ] },
	{ name => 'prove', args => [ 'prove', '-f', $claims ] },
	{ name => 'prove --json', args => [ 'prove', '--json', '-r', $new_rules,
	    'from bank.example in clear is never accepted' ] },
	{ name => 'audit why', args => [ 'audit', 'why', $first, $log ] },
	{ name => 'audit from-log', args => [ 'audit', 'from-log', $maillog ] },
	{ name => 'import --config', args => [ 'import', 'postfix', '--config',
	    $config ] },
	{ name => 'import --as', args => [ 'import', 'postfix', '--as',
	    'TLS_From', $actions ] },
	{ name => 'outbound', args => [ 'outbound', '--mta', 'sendmail',
	    'bank.example' ] },
	{ name => 'outbound --json', args => [ 'outbound', '--mta', 'sendmail',
	    '--json', 'bank.example', 'mx.bank.example' ] },
	{ name => 'plan', args => [ 'plan', $new_rules ], plans => 1 },
	{ name => 'plan status', args => [ 'plan', 'status', $planned_log ],
	    planned => 1 },
	{ name => 'plan status --json', args => [ 'plan', 'status', '--json',
	    $planned_log ], planned => 1 },
	{ name => 'apply', args => [ 'apply', $planned_log ], planned => 1,
	    becomes => $new },
	{ name => 'build DIR', args => [ 'build', $folder ], becomes => $new },
	{ name => 'build, kept claims', args => [ 'build', $new_rules ],
	    conf => $kept, becomes => $new },
	{ name => 'set, kept claims', args => [ 'set', 'TLS_Clt:new.example',
	    'PERM+VERIFY:128' ], conf => $kept, becomes => 'set' },
	{ name => 'set, a claim is broken', args => [ 'set',
	    'TLS_Clt:example.com', 'OK' ], conf => $kept },
	{ name => 'check, a folder', args => [ 'check', '-v', '-r', $folder,
	    @nobody, 'rcpt_addr=pay@example.org', 'mail_addr=a@b.bank.example' ],
	    verdict => 1 },
	{ name => 'check --json, a folder', args => [ 'check', '--json', '-r',
	    $folder, @nobody, 'client_resolve=OK', 'mail_addr=a@a.bank.example' ],
	    batch => 1 },
	{ name => 'show --unbuilt', args => [ 'show', '--unbuilt' ] },
	{ name => 'show --at', args => [ 'show', '--at', '2090-01-01' ] },
	{ name => 'diff --json', args => [ 'diff', '--json', $folder ] },
	{ name => 'plan cancel', args => [ 'plan', 'cancel' ], planned => 1 },
	{ name => 'apply --canary', args => [ 'apply', '--canary', '10%',
	    $planned_log ], planned => 1 },
	{ name => 'lint DIR', args => [ 'lint', '--mta', 'sendmail', $folder ] },
	{ name => 'prove', args => [ 'prove', '-r', $folder, '-f',
	    $true_claims ] },
	{ name => 'prove, false', args => [ 'prove', '-r', $folder, '-f',
	    $false_claims ] },
	{ name => 'prove --json', args => [ 'prove', '--json',
	    'from bank.example is never accepted' ] },
	{ name => 'log', args => [ 'log', '-v' ] },
	{ name => 'log KEY', args => [ 'log', '--json',
	    'TLS_Clt:new.example' ] },
	{ name => 'show --generation', args => [ 'show', '--generation', 1 ] },
	{ name => 'diff --generation', args => [ 'diff', '--generation',
	    '1..2' ] },
	{ name => 'rollback', args => [ 'rollback', 1 ], becomes => $new },
	{ name => 'replay --as-then', args => [ 'replay', '--as-then', $log ] },
	{ name => 'replay --left', args => [ 'replay', '--left', '-r', $folder,
	    $left ] },
	{ name => 'report --left', args => [ 'report', '--left', $left ] },
	{ name => 'report, a statement', args => [ 'report', '--domain',
	    'x1.example', '--json', $log, $left ] },
	{ name => 'suggest --left', args => [ 'suggest', '--left', '--why-not',
	    '--mails', 1, '--days', 1, $left ] },
	{ name => 'outbound --unasked', args => [ 'outbound', '--unasked',
	    $left ] },
	{ name => 'cert --ca', args => [ 'cert', '--ca', $certificate, '--host',
	    'mail.example.com', $certificate, $private ] },
);
my @errors = ([ 'malloc' ], [ 'write' ], [ 'open' ], [ 'mmap' ],
    [ 'mdb', Errno::EIO ], [ 'mdb', -30796 ], # MDB_CORRUPTED
    [ 'look' ], [ 'crypto' ], [ 'system' ]);
push @errors, [ 'write', Errno::EIO ], [ 'open', Errno::EACCES ],
    [ 'mdb', Errno::ENOMEM ],
    [ 'mdb', -30792 ] if $all; # MDB_MAP_FULL

# One verdict a line; which of them free: none of the sessions here may.
sub frees
{
	my ($command, $r) = @_;
	return $r->{out} =~ /^(?:accept|warn)/m if $command->{verdict};
	return $r->{out} =~ /"verdict":"(?:accept|continue)/
	    if $command->{batch};
	return 0;
}

# An answer that says that it could not be had is no wrong one.
sub same_output
{
	my ($command, $r) = @_;
	my ($got, $want) = ($r->{out}, $command->{clean}{out});
	if ($command->{batch}) {
		my (@got, @want);
		@got = split /\n/, $got;
		@want = split /\n/, $want;
		return @got == @want && !grep { $got[$_] ne $want[$_] &&
		    $got[$_] !~ /"tempfail".*"reason":"policy-error"/ } 0 .. $#got;
	}
	return 1 if $command->{name} eq 'import --config' &&
	    $r->{err} =~ m{main\.cf:\d+: (?:texthash:\S+: )?cannot (?:open|read) \S+: };
	s/^keys tried[:,].*//ms for $command->{name} eq 'audit why' &&
	    $got =~ /^keys tried: cannot tell, the store cannot be read$/m ?
	    ($got, $want) : ();
	return 1 if $command->{name} eq 'audit why' &&
	    $got =~ /^    out of memory: not all was judged$/m;
	# The plan has an id and a time of its own.
	s/\b[0-9a-f]{16}\b|\d{4}-\d\d-\d\dT[\d:]+Z//g for
	    $command->{plans} ? ($got, $want) : ();
	# The certificate is a second older.
	s/days[_ ]left[": ]+\d+// for $got, $want;
	return $got eq $want;
}

sub judge_store
{
	my ($command, $fault, $r) = @_;
	my $is = -s $store ? shown() : '';
	my $before = $command->{none} ? '' : $command->{before};
	my $good = $r->{status} == 0 ? $is eq $command->{after} :
	    $is eq $before || $is eq $command->{after};
	# What a first build leaves may be a store without rules: none.
	$good ||= $command->{none} && $r->{status} != 0 &&
	    $is =~ /not a tlspolicy store|damaged/ &&
	    run({}, undef, $tlspolicy, 'build', '-c', $conf,
	    $new_rules)->{status} == 0;
	$check->wrong($command, $fault, $r, "the store is neither: $is")
	    if !$good;
	restore(!$command->{none});
}

sub judge
{
	my ($command, $fault, $r) = @_;
	my $plan = qr/^policy\.mdb\.plan(?:-lock)?$/;

	$check->judge_end($command, $fault, $r, \&same_output);
	$check->wrong($command, $fault, $r, 'it frees') if frees($command, $r);
	my @left = $check->left_behind(qr/^policy\.mdb(?:-lock|-build)?$/);
	@left = grep { !/$plan/ } @left if $planned || $command->{plans};
	# What a library that ran out of memory has left the next plan removes.
	@left = grep { !/^policy\.mdb\.plan\.new(?:-lock)?$/ } @left
	    if $command->{plans} && $r->{status} == 69 && run({}, undef,
	    @{$command->{line}})->{status} == 0 && !-e "$store.plan.new";
	$check->wrong($command, $fault, $r, "left behind: @left") if @left;
	judge_store($command, $fault, $r) if defined $command->{becomes};
	restore(1) if $planned || $command->{plans};
}

sub undo
{
	my ($command) = @_;
	restore(!$command->{none}) if defined $command->{becomes} ||
	    $command->{plans};
}

my ($only, $kinds) = @ENV{qw(TLSPOLICY_FAULT_COMMAND TLSPOLICY_FAULT_KINDS)};
@errors = grep { !defined $kinds || $_->[0] =~ /^(?:$kinds)$/ } @errors;
for my $command (@commands) {
	next if defined $only && $command->{name} !~ /^(?:$only)$/;
	my $began = time;
	my ($word, @rest) = @{$command->{args}};
	my @sub = $word =~ /^(?:audit|import)$/ || "@rest" =~ /^status/ ?
	    shift @rest : ();
	$planned = $command->{planned};
	$command->{line} = [ $tlspolicy, $word, @sub, '-c',
	    $command->{conf} // $conf, @rest ];
	restore(!$command->{none});
	$command->{before} = shown();
	$command->{clean} = run({}, $command->{stdin}, @{$command->{line}});
	$command->{after} = shown();
	isnt($command->{clean}{status}, 64, "$command->{name} is a command");
	if (defined $command->{becomes}) {
		isnt($command->{after}, $command->{before},
		    "$command->{name} changes the store");
	}
	restore(!$command->{none});
	my $before = $check->problems;
	# What OpenSSL tells of suites and certificates is an answer there.
	my $answers = $command->{name} =~
	    /^(?:lint|cert|replay|prove|import|suggest)/;
	$check->attack($command, error => $_, undo => \&undo, judge => \&judge)
	    for grep { !$answers || $_->[0] ne 'crypto' } @errors;
	ok($check->problems == $before, "$command->{name}: exit " .
	    "$command->{clean}{status} when all is well");
	diag(sprintf "%s: %.1f s", $command->{name}, time - $began)
	    if $ENV{TLSPOLICY_FAULTS};
	restore(1);
}
$check->all_hit;
done_testing;
