#!/usr/bin/perl
#
# tlspolicy-ca: what it makes is judged by openssl verify, not by itself.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use Test::More;

my $script = abs_path(dirname(__FILE__) . '/../scripts/tlspolicy-ca');
my $scratch = tempdir('tlspolicy-ca.XXXXXXXX', TMPDIR => 1);
my $dir = "$scratch/etc/ca";

END {
	if (defined $scratch) {
		if ($? == 0 && Test::More->builder->is_passing) {
			system 'rm', '-rf', $scratch;
		} else {
			diag "kept: $scratch";
		}
	}
}

plan skip_all => 'no openssl command' if system('openssl version >/dev/null 2>&1');

# The command with its status, standard output and standard error.
sub run {
	my @command = @_;
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		open STDIN, '<', '/dev/null' or die;
		open STDOUT, '>', "$scratch/stdout" or die;
		open STDERR, '>', "$scratch/stderr" or die;
		exec { $command[0] } @command or exit 127;
	}
	waitpid $pid, 0;
	return ($? >> 8, slurp("$scratch/stdout"), slurp("$scratch/stderr"));
}

sub slurp {
	my ($file) = @_;
	open my $handle, '<', $file or die "$file: $!";
	local $/;
	return <$handle> // '';
}

sub ca {
	return run($script, '-d', $dir, @_);
}

sub ca_ok {
	my ($what, @arguments) = @_;
	my ($status, $out, $err) = ca(@arguments);
	is($status, 0, $what) or diag $err;
	return $out;
}

sub ca_fails {
	my ($want, $text, @arguments) = @_;
	my ($status, $out, $err) = ca(@arguments);
	my $name = "exit $want: " . (join(' ', @arguments) || '(nothing)');
	is($status, $want, $name);
	like($err, $text, "... and says why");
}

sub x509 {
	my ($file, @arguments) = @_;
	my ($status, $out) = run('openssl', 'x509', '-in', "$dir/$file",
	    '-noout', @arguments);
	return $out;
}

sub verifies {
	my ($file, @arguments) = @_;
	my ($status) = run('openssl', 'verify', '-x509_strict', @arguments,
	    "$dir/$file");
	return $status == 0;
}

sub mode {
	return sprintf '%04o', (stat $_[0])[2] & 07777;
}

sub public_key {
	my ($file) = @_;
	my ($status, $out) = run('openssl', 'pkey', '-in', "$dir/$file",
	    '-pubout');
	return $out;
}

# A new CA with an MTA's certificate, in one command.
umask 022;
my $out = ca_ok('init with a name', 'init', '-O', 'Smith/Sons + Co, Ltd',
    'mail.example.com', '192.0.2.1', '2001:db8::1', '*.in.example.com');
like($out, qr{^define\(`confSERVER_KEY', `CERT_DIR/mail\.example\.com-mta\.key'\)dnl$}m,
    'init prints the sendmail defines');
like($out, qr{^smtp_tls_CAfile = \Q$dir\E/ca\.pem$}m, '... and the Postfix lines');
is(mode("$scratch/etc"), '0755', 'the parent directory is like any other');
is(mode($dir), '0700', 'the directory is 0700');
for my $file (qw(ca.key ca.pem mail.example.com-mta.key mail.example.com-mta.pem)) {
	is(mode("$dir/$file"), '0600', "$file is 0600");
}
is(x509('ca.pem', '-subject', '-nameopt', 'RFC2253'),
    "subject=O=Smith/Sons \\+ Co\\, Ltd\n", 'the CA has an O and no CN');
like(x509('ca.pem', '-ext', 'basicConstraints'), qr/CA:TRUE, pathlen:0/,
    'the CA signs no other CAs');
like(x509('mail.example.com-mta.pem', '-text'), qr/ASN1 OID: prime256v1/,
    'keys are EC P-256');
like(x509('mail.example.com-mta.pem', '-ext', 'subjectAltName'),
    qr/DNS:mail\.example\.com, IP Address:192\.0\.2\.1, IP Address:2001:DB8:0:0:0:0:0:1, DNS:\*\.in\.example\.com/,
    'all names are in the SAN');

# Purposes.
ca_ok('a server certificate, RSA', '-t', 'rsa', '-b', '2048', 'server',
    'mx.example.com');
ca_ok('a client certificate for a mail address', 'client', 'ann@example.com');
my @ca = ('-CAfile', "$dir/ca.pem");
for my $case (
    ['mail.example.com-mta.pem', 1, 1],
    ['mx.example.com-server.pem', 1, 0],
    ['ann@example.com-client.pem', 0, 1]) {
	my ($file, $server, $client) = @$case;
	is(verifies($file, @ca, '-purpose', 'sslserver') ? 1 : 0, $server,
	    "$file as a server's: $server");
	is(verifies($file, @ca, '-purpose', 'sslclient') ? 1 : 0, $client,
	    "$file as a client's: $client");
}
like(x509('mx.example.com-server.pem', '-text'), qr/Public-Key: \(2048 bit\)/,
    'RSA on demand');
ok(verifies('mail.example.com-mta.pem', @ca, '-verify_hostname', 'a.in.example.com'),
    'openssl finds the wildcard');
ok(verifies('ann@example.com-client.pem', @ca, '-verify_email', 'ann@example.com'),
    'openssl finds the mail address');
ok(verifies('mail.example.com-mta.pem', '-CApath', "$dir/cacerts"),
    'the hashed directory holds the CA');

my $long = ('a' x 63) . '.example.com';
ca_ok('a name longer than a CN may be', 'mta', $long);
like(x509("$long-mta.pem", '-subject', '-ext', 'subjectAltName'),
    qr/subject=\n.*critical\n\s+DNS:\Q$long\E/s, '... is in the SAN only, critical');
ok(verifies("$long-mta.pem", @ca), '... and verifies');

# Nothing is overwritten.
my $key = slurp("$dir/mail.example.com-mta.key");
my $ca_key = slurp("$dir/ca.key");
ca_fails(73, qr/ca\.pem: is already there/, 'init');
ca_fails(73, qr/mail\.example\.com-mta\.key: is already there/, 'mta',
    'mail.example.com');
is(slurp("$dir/mail.example.com-mta.key"), $key, 'the key is as it was');
is(slurp("$dir/ca.key"), $ca_key, 'the CA key is as it was');

# Renewal keeps key and names and puts the old certificate aside.
my $old = slurp("$dir/mail.example.com-mta.pem");
my $names = x509('mail.example.com-mta.pem', '-subject', '-ext', 'subjectAltName');
my $public = x509('mail.example.com-mta.pem', '-pubkey');
$out = ca_ok('renew', 'renew', 'mta', 'mail.example.com');
isnt(slurp("$dir/mail.example.com-mta.pem"), $old, '... gives another certificate');
is(x509('mail.example.com-mta.pem', '-pubkey'), $public, '... for the same key');
is(x509('mail.example.com-mta.pem', '-subject', '-ext', 'subjectAltName'), $names,
    '... with the same names');
my ($kept) = $out =~ /\(before: (.*)\)/;
is(slurp($kept), $old, '... and keeps the old one');
ok(verifies('mail.example.com-mta.pem', @ca, '-purpose', 'sslclient'),
    '... for the same purposes');

$public = x509('ca.pem', '-pubkey');
ca_ok('renew ca', '-n', '4000', 'renew', 'ca');
is(x509('ca.pem', '-pubkey'), $public, '... keeps its key');
ok(verifies($_, @ca), "... and $_ still verifies")
    for qw(mail.example.com-mta.pem mx.example.com-server.pem);
ok(verifies('mail.example.com-mta.pem', '-CApath', "$dir/cacerts"),
    '... by the hashed directory too');

ca_ok('reissue with other names', 'reissue', 'mta', 'mail.example.com',
    'mail2.example.com');
is(x509('mail.example.com-mta.pem', '-ext', 'subjectAltName'),
    "X509v3 Subject Alternative Name: \n    DNS:mail.example.com, DNS:mail2.example.com\n",
    '... has just those');
is(x509('mail.example.com-mta.pem', '-pubkey'), public_key('mail.example.com-mta.key'),
    '... for the existing key');

run('openssl', 'genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048',
    '-out', "$scratch/own.key");
ca_ok('a certificate for a key from elsewhere', '--key', "$scratch/own.key", 'server',
    'own.example.com');
is(public_key('own.example.com-server.key'),
    x509('own.example.com-server.pem', '-pubkey'), '... which is copied');
is(mode("$dir/own.example.com-server.key"), '0600', '... 0600');
like(x509('own.example.com-server.pem', '-ext', 'keyUsage'), qr/Key Encipherment/,
    '... and seen to be RSA');

ca_ok('short-lived', '--days', '3', 'client', 'short.example.com');
like(ca_ok('list', 'list'), qr/^expires-soon +\S.*GMT  short\.example\.com-client\.pem$/m,
    '... shows it');
is(scalar(() = ca_ok('renew --within', 'renew', '--within', '30') =~ /before/g), 1,
    '... renews that one alone');
unlike(ca_ok('list again', 'list'), qr/expires-soon/, '... shows nothing due');

# The crontab line of the manual, with three to renew: its reader leaves at the
# first, and one that cannot be renewed stands in front of the others.
{
	open my $page, '<', dirname($script) . '/../man/tlspolicy-ca.8' or die;
	my ($line) = join('', <$page>) =~ /^\@weekly +(.*)$/m;
	like($line, qr/renew.*&&/, 'the manual has a line for crontab');
	$line =~ s/tlspolicy-ca/$script -d $dir/;
	$line =~ s/postfix reload/echo reloaded/;
	my @names = map { "cron$_.example.com" } 1 .. 3;
	ca_ok("short: $_", '--days', '3', 'client', $_) for @names;
	ca_ok('short: one without its key', '--days', '3', 'client', 'a.example.com');
	rename "$dir/a.example.com-client.key", "$scratch/elsewhere-ca" or die;
	my @before = map { x509("$_-client.pem", '-serial') } @names;
	my ($status, $out, $err) = run('/bin/sh', '-c', $line);
	is($out, "reloaded\n", "crontab's line reloads") or diag $err;
	unlike($err, qr/pipe/i, '... without complaint of a pipe');
	like($err, qr{a\.example\.com-client\.key}, '... names what it could not renew');
	my @now = map { x509("$_-client.pem", '-serial') } @names;
	is(scalar(grep { $now[$_] ne $before[$_] } 0 .. 2), 3,
	    '... and all three are renewed');
	unlink "$dir/a.example.com-client.pem" or die;
}

# Keys of others that no MTA can use, or that others have.
for my $key (['RSA 1024', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:1024'],
    ['RSA 2047', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2047'],
    ['EC P-192', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-192'],
    ['EC secp256k1', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:secp256k1'],
    ['X25519', '-algorithm', 'X25519']) {
	my ($name, @how) = @$key;
	run('openssl', 'genpkey', @how, '-out', "$scratch/bad.key");
	ca_fails(65, qr/bad\.key: (?:RSA with \d+ bits|a key of a kind)/, '--key', "$scratch/bad.key",
	    'server', 'bad.example.com');
	ok(!-e "$dir/bad.example.com-server.key", "$name: nothing was made of it");
}
run('openssl', 'dsaparam', '-genkey', '-out', "$scratch/dsa.key", '2048');
ca_fails(65, qr/dsa\.key: a key of a kind that MTAs refuse/, '--key', "$scratch/dsa.key", 'mta',
    'bad.example.com');
for my $mode (0640, 0604, 0660, 0622) {
	chmod $mode, "$scratch/own.key";
	ca_fails(65, qr/own\.key: others can read it/, '--key', "$scratch/own.key", 'mta',
	    'bad.example.com');
}
chmod 0600, "$scratch/own.key";
symlink "$scratch/own.key", "$scratch/link.key";
ca_ok('a key by a link', '--key', "$scratch/link.key", 'server', 'link.example.com');
for my $how (['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'], ['-algorithm', 'ED25519']) {
	run('openssl', 'genpkey', @$how, '-out', "$scratch/fine.key");
	ca_ok("a key of kind $how->[1]", '--key', "$scratch/fine.key", 'server', lc "$how->[1].example.com");
}

# PKCS#12 and the hashed directory with a CA of others.
open my $handle, '>', "$scratch/password" or die;
print $handle "secret\n";
close $handle;
ca_ok('pkcs12', '-p', "$scratch/password", 'pkcs12', 'client', 'ann@example.com');
is(mode("$dir/ann\@example.com-client.p12"), '0600', '... is 0600');
my ($status, $inside) = run('openssl', 'pkcs12', '-nodes', '-passin', 'pass:secret',
    '-in', "$dir/ann\@example.com-client.p12");
is(scalar(() = $inside =~ /BEGIN CERTIFICATE/g), 2, '... holds certificate and CA');
is(scalar(() = $inside =~ /BEGIN PRIVATE KEY/g), 1, '... and the key');
ca_fails(73, qr/p12: is already there/, '-p', "$scratch/password", 'pkcs12',
    'client', 'ann@example.com');

run($script, '-d', "$scratch/other", '-O', 'Partner', 'init', 'mx.partner.example');
system 'cp', "$scratch/other/ca.pem", "$scratch/partner.crt";
ca_ok('hash with a partner\'s CA', 'hash', "$scratch/partner.crt");
is((run('openssl', 'verify', '-CApath', "$dir/cacerts",
    "$scratch/other/mx.partner.example-mta.pem"))[0], 0, '... finds its certificates');
ca_fails(73, qr{cacerts/partner\.pem: is already there}, 'hash', "$scratch/partner.crt");
# All that a file has, or nothing of it.
{
	my @files = map { "$scratch/$_" } 'two.pem', 'mixed.pem', 'one.der';
	my @ca = ("$scratch/partner.crt", "$dir/ca.pem");
	run('sh', '-c', 'cat "$1" "$2" >"$3"', 'sh', @ca, $files[0]);
	run('sh', '-c', 'cat "$1" "$2" >"$3"', 'sh', $ca[0], "$dir/mail.example.com-mta.pem", $files[1]);
	run('openssl', 'x509', '-in', $ca[0], '-outform', 'DER', '-out', $files[2]);
	ca_ok('hash with two CAs in a file', 'hash', $files[0]);
	is_deeply([map { my ($status, $out) = run('openssl', 'x509', '-noout', '-fingerprint', '-in', $_); $out }
	    map { "$dir/cacerts/$_" } 'two.pem', 'two-2.pem'],
	    [map { my ($status, $out) = run('openssl', 'x509', '-noout', '-fingerprint', '-in', $_); $out } @ca],
	    '... both are there');
	ca_fails(65, qr/mixed\.pem: no CA's certificate but a host's/, 'hash', $files[1]);
	ok(!-e "$dir/cacerts/mixed.pem", '... and nothing of it is taken');
	ca_ok('hash with a CA in DER', 'hash', $files[2]);
	unlink map { "$dir/cacerts/$_.pem" } 'two', 'two-2', 'one';
}
# What somebody sent as a name does not reach the terminal.
for my $name ("a\e[31m.example", "a\nb", "a\xe2\x80\xaeb", "a\x9b31mb") {
	my ($status, $out, $err) = run($script, '-d', $dir, 'mta', $name);
	is($status, 65, 'a name to deceive: exit code');
	unlike($err =~ s/\n\z//r, qr/[^ -~]/, '... is shown in ASCII');
}
ca_fails(65, qr/mta\.pem: no CA's certificate but a host's/, 'hash',
    "$scratch/other/mx.partner.example-mta.pem");
ok(!-e "$dir/cacerts/mx.partner.example-mta.pem", '... which does not get there');

# The lines for the MTAs.
is(ca_ok('show-mta-config sendmail', 'show-mta-config', 'sendmail', 'mail.example.com'),
    <<"EOT", '... has the nine defines');
define(`CERT_DIR', `$dir')dnl
define(`confCACERT_PATH', `CERT_DIR/cacerts')dnl
define(`confCACERT', `CERT_DIR/ca.pem')dnl
define(`confSERVER_CERT', `CERT_DIR/mail.example.com-mta.pem')dnl
define(`confSERVER_KEY', `CERT_DIR/mail.example.com-mta.key')dnl
define(`confCLIENT_CERT', `CERT_DIR/mail.example.com-mta.pem')dnl
define(`confCLIENT_KEY', `CERT_DIR/mail.example.com-mta.key')dnl
dnl Empty: clients are asked for a certificate. V would not ask.
define(`confTLS_SRV_OPTIONS', `')dnl
dnl p: no password in clear; AUTH is offered after STARTTLS only.
define(`confAUTH_OPTIONS', `p')dnl
EOT
$out = ca_ok('show-mta-config postfix', 'show-mta-config', 'postfix', 'mail.example.com');
like($out, qr{^smtpd_tls_auth_only = yes$}m, '... offers AUTH by TLS only');
like($out, qr{^smtpd_tls_cert_file = \Q$dir\E/mail\.example\.com-mta\.pem$}m,
    '... names the server certificate');
for my $file ($out =~ m{= (/.*)$}mg) {
	ok(-f $file, "... and $file is there");
}
ca_fails(64, qr/several server certificates here, say which NAME/, 'show-mta-config');

# What cannot be done is said, with the exit code for its kind.
ca_fails(@$_) for (
    [64, qr/a command was expected/],
    [64, qr/frobnicate: no such command/, 'frobnicate'],
    [64, qr/--frob: no such option/, '--frob', '1', 'list'],
    [64, qr/--days: a value was expected/, 'list', '--days'],
    [64, qr/--days: must be 1 to 36500, is 0/, '-n', '0', 'server', 'a.example'],
    [64, qr/--days: a number was expected/, '-n', '1y', 'server', 'a.example'],
    [64, qr/--type: ec or rsa was expected/, '-t', 'dsa', 'server', 'a.example'],
    [64, qr/--bits: must be 2048 to 8192/, '-t', 'rsa', '-b', '1024', 'server', 'a.example'],
    [64, qr/--country: two letters/, '-C', 'USA', 'server', 'a.example'],
    [64, qr/server: a NAME was expected/, 'server'],
    [64, qr/KIND NAME, ca or --within/, 'renew', 'mail.example.com'],
    [64, qr/no terminal to ask/, 'pkcs12', 'mta', 'mail.example.com'],
    [65, qr/its A-label/, 'server', "m\xc3\xbcnchen.example"],
    [65, qr/not a host name/, 'server', '../escape'],
    [65, qr/not a host name/, 'server', 'a..example'],
    [65, qr/longer than 63/, 'server', ('b' x 64) . '.example'],
    [65, qr/host name first/, 'server', '192.0.2.1'],
    [65, qr/a mail address names a client/, 'server', 'ann@example.com'],
    [65, qr/not a mail address/, 'client', 'a b@example.com'],
    [65, qr/bad ip address/, 'server', 'ip.example', '300.0.0.1'],
    [65, qr/ends in less than 9999 days/, '-n', '9999', 'server', 'a.example'],
    [65, qr/no private key/, '-k', "$dir/ca.pem", 'server', 'a.example'],
    [65, qr/no certificate in PEM/, 'hash', $script],
    [66, qr/no such certificate/, 'renew', 'mta', 'nobody.example'],
    [66, qr/no such certificate/, 'reissue', 'mta', 'nobody.example'],
    [66, qr/cannot be read/, '-k', "$scratch/none", 'server', 'a.example'],
);
run('openssl', 'genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256',
    '-aes128', '-pass', 'pass:secret', '-out', "$scratch/locked.key");
ca_fails(65, qr/is encrypted, which no MTA can use/, '-k', "$scratch/locked.key",
    'server', 'a.example');
ok(!-e "$dir/a.example-server.key" && !-e "$dir/a.example-server.pem",
    'a failure leaves no file');
is_deeply([glob "$dir/.new.*"], [], '... and no scratch folder');

($status, $out, my $err) = run($script, '-d', "$scratch/nothing", 'list');
is($status, 66, 'no CA: exit 66');
like($err, qr{nothing init$}, '... and how to make one');
mkdir "$scratch/open";
($status, $out, $err) = run($script, '-d', "$scratch/open", 'init');
is($status, 73, 'a directory open to others is refused');
is(mode("$scratch/open"), '0755', '... and left as it is');
($status, $out) = run($script, '--help');
is($status, 0, '--help');
for my $command (qw(init mta server client reissue renew list pkcs12 hash show-mta-config)) {
	like($out, qr/^  (?:\S.* )?\Q$command\E\b/m, "... tells of $command");
}

# Names that openssl's own configuration would cut or take for more.
for my $name ('a#b@example.com', 'a,DNS:evil.example', 'a\\b@example.com',
    'a$b@example.com', "a\nb\@example.com", 'a;b@example.com', 'a#b.example',
    "z.example\nsubjectAltName=DNS:evil.example", 'a b@example.com') {
	ca_fails(65, qr/not a /, 'client', 'cut.example', $name);
}
ok(!-e "$dir/cut.example-client.pem", '... and nothing is made');

# A folder that others own or can write to, or a part of the way to it.
SKIP: {
	skip 'needs root', 14 if $> != 0;
	my $uid = (getpwnam('nobody'))[2];
	my $count = 0;
	my $good = $dir;
	for my $case ([0777, 0], [01777, 0], [0755, $uid]) {
		for my $below ('', '/ca') {
			next if $case->[0] == 01777 && $below;
			my $open = "$scratch/open" . $count++;
			mkdir $open;
			chmod $case->[0], $open;
			chown $case->[1], 0, $open;
			$dir = $open . $below;
			ca_fails(73, qr/others own it or can write/, 'init');
			ok(!-e "$dir/ca.key", '... and makes no key');
		}
	}
	my $link = "$scratch/link";
	symlink $good, $link;
	system 'chown', '-h', $uid, $link;
	$dir = $link;
	ca_fails(73, qr/others own it or can write/, 'list');
	system 'chown', '-h', '0', $link;
	ca_ok("a link of root's is followed", 'list');
	$dir = $good;
}

# The same for the folders in it: what others planted there before.
SKIP: {
	skip 'needs root', 1 if $> != 0;
	my $uid = (getpwnam('nobody'))[2];
	$dir = "$scratch/planted";
	ca_ok('a CA', 'init', 'p.example.com');
	for my $case (['old', 'renew', 'mta', 'p.example.com'],
	    ['cacerts', 'hash']) {
		my ($name, @command) = @$case;
		system 'rm', '-rf', "$dir/$name";
		mkdir "$scratch/behind" or die;
		symlink "$scratch/behind", "$dir/$name" or die;
		ca_fails(73, qr/$name: a link; a folder was expected/,
		    @command);
		is(join(' ', glob "$scratch/behind/*"), '',
		    "... and puts nothing behind it");
		unlink "$dir/$name";
		rename "$scratch/behind", "$dir/$name" or die;
		chown $uid, -1, "$dir/$name";
		ca_fails(73, qr/$name: others own it or can write/, @command);
		chown 0, -1, "$dir/$name";
		chmod 0777, "$dir/$name";
		ca_fails(73, qr/$name: others own it or can write/, @command);
		chmod 0755, "$dir/$name";
		ca_ok("$name: ours", @command);
	}
}

done_testing();
