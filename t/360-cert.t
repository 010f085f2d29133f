#!/usr/bin/perl
#
# tlspolicy cert: what it shows, and each kind of finding made by openssl.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP qw(decode_json);
use Test::More;
use Tlspolicy::Certs;
use Tlspolicy::Scratch;

my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
plan skip_all => "$tlspolicy is not built" unless -x $tlspolicy;

my $scratch = Tlspolicy::Scratch->new;
my $dir = $scratch->path('private');
mkdir $dir, 0700;

sub must {
	return Tlspolicy::Scratch::must(@_);
}

my $ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
my @both = ('basicConstraints=critical,CA:FALSE',
    'extendedKeyUsage=serverAuth,clientAuth');

# make(NAME, subject =>, ext => [], issuer =>, days =>, newkey => [], digest =>)
sub make {
	my ($name, %arg) = @_;
	my @newkey = @{$arg{newkey} // $ec};
	must('openssl', 'req', '-new', '-nodes', '-utf8', '-config', '/dev/null',
	    @newkey, '-keyout', "$dir/$name.key", '-out', "$dir/$name.csr",
	    '-subj', $arg{subject} // "/CN=$name.example.com",
	    map { ('-addext', $_) } @{$arg{ext} // [@both,
	    "subjectAltName=DNS:$name.example.com"]});
	my @sign = defined $arg{issuer} ? ('-CA', "$dir/$arg{issuer}.pem", '-CAkey',
	    "$dir/$arg{issuer}.key") : ('-key', "$dir/$name.key");
	must('openssl', 'x509', '-req', '-copy_extensions', 'copyall',
	    '-' . ($arg{digest} // 'sha256'), Tlspolicy::Certs::life($arg{days} // 90),
	    '-in', "$dir/$name.csr", '-out', "$dir/$name.pem", @sign);
	unlink "$dir/$name.csr";
	chmod 0600, "$dir/$name.key";
}

sub cert {
	return Tlspolicy::Scratch::run($tlspolicy, 'cert', @_);
}

sub findings {
	my $r = cert('--json', @_);
	return map { $_->{finding} } @{decode_json($r->{out})->{findings}};
}

# The findings for these arguments are exactly these, and the exit code says so.
sub findings_are {
	my ($name, $want, @arguments) = @_;
	is_deeply([sort(findings(@arguments))], [sort @$want], $name);
	my $r = cert(@arguments);
	is($r->{status}, @$want ? 1 : 0, '... exit code');
	is($r->{err}, '', '... nothing on standard error');
	for my $finding (@$want) {
		like($r->{out}, qr/: \Q$finding\E: \S.*\n    way out: \S/,
		    "... $finding with a way out");
	}
}

make('ca', subject => '/C=DE/O=Example Trust/OU=Test',
    ext => ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign'],
    days => 900);
make('other', subject => '/O=Elsewhere', ext => ['basicConstraints=critical,CA:TRUE',
    'keyUsage=critical,keyCertSign']);
make('good', issuer => 'ca', subject => '/C=US/O=endmail.org/CN=Darth Mail (Cert)',
    ext => [@both, 'subjectAltName=DNS:mail.example.com,DNS:*.in.example.com,'
    . 'IP:192.0.2.1,IP:2001:db8::1,email:a@example.com']);

# What is shown.
my $r = cert("$dir/good.pem", "$dir/good.key");
is($r->{status}, 0, 'a good certificate: exit 0') or diag $r->{out}, $r->{err};
for my $line ('CS:/C=US/O=endmail.org/CN=Darth+20Mail+20+28Cert+29',
    'CI:/C=DE/O=Example+20Trust/OU=Test', 'CN:Darth+20Mail+20+28Cert+29',
    'CN:Darth+20Mail+20+28Cert+29  (Darth Mail (Cert))',
    'ICN:Example+20Trust  (Example Trust)',
    'DNS:mail.example.com, DNS:*.in.example.com, IP:192.0.2.1, IP:2001:db8::1, '
    . 'email:a@example.com  (wildcard)',
    'EC P-256, 128 bits of strength', 'ecdsa-with-SHA256, 128 bits of strength') {
	like($r->{out}, qr/^ {4}[a-zA-Z ]{14}\Q$line\E$/m, "shows $line");
}
for my $digest (qw(md5 sha1 sha256)) {
	my ($want) = must(qw(openssl x509 -noout -fingerprint), "-$digest", '-in',
	    "$dir/good.pem") =~ /=(\S+)/;
	like($r->{out}, qr/ FP:$want  /, "fingerprint by $digest");
}
like($r->{out}, qr/^    days left +(?:89|90)$/m, 'days left');
my $shown = $r->{out};
for my $row (split /\n/, must(qw(openssl x509 -noout -purpose -in), "$dir/good.pem")) {
	next unless $row =~ /^(.*?)( CA)? : (Yes|No)/;
	my ($purpose, $ca, $answer) = ($1, $2, lc $3);
	my $column = $ca ? '(?:yes|no) +' : '';
	like($shown, qr/^ +\Q$purpose\E +$column$answer\b/m, "purpose $row");
}

my $json = decode_json(cert('--json', "$dir/good.pem", "$dir/good.key")->{out});
my $certificate = $json->{files}[0]{certificates}[0];
is($certificate->{sendmail}{cert_subject},
    '/C=US/O=endmail.org/CN=Darth+20Mail+20+28Cert+29', 'JSON: sendmail spelling');
is($certificate->{postfix}{cert_subject}, 'Darth Mail (Cert)', 'JSON: Postfix spelling');
is($certificate->{sendmail}{cn_issuer}, 'BadCertificateUnknown', 'JSON: no issuer CN');
is(scalar @{$certificate->{names}}, 5, 'JSON: names');
is($json->{files}[1]{keys}[0]{kind}, 'EC P-256', 'JSON: key');

# sendmail's word for word: a + and a slash in a CN, UTF-8.
make('odd', issuer => 'ca', subject => "/CN=J\xc3\xbcrgen/emailAddress=darth\\+cert\@endmail.org");
like(cert("$dir/odd.pem")->{out},
    qr{CS:/CN=J\+5CxC3\+5CxBCrgen/emailAddress=darth\+5C\+2Bcert\@endmail\.org$}m,
    "sendmail's spelling of UTF-8 and +");
like(cert("$dir/odd.pem")->{out}, qr{ CN:J\+C3\+BCrgen$}m, '... of a UTF-8 CN');

# Postfix takes U+009B, which a terminal obeys; it is only shown encoded.
make('control', subject => "/CN=a\xc2\x9b2Jb");
like(cert("$dir/control.pem")->{out}, qr{for Postfix +CN:a\+C2\+9B2Jb$}m,
    'a control character of ISO 8859 in a CN');

make('bidi', subject => "/CN=a\xe2\x80\xaemoc.b");
$r = cert("$dir/bidi.pem");
like($r->{out}, qr{for Postfix +CN:a\+E2\+80\+AEmoc\.b$}m, 'what turns the direction of writing');
unlike($r->{out}, qr/\xe2\x80\xae/, '... is only shown encoded');

# Flaws, one by one.
findings_are('good with its CA and host', [], '--ca', "$dir/ca.pem", '--host',
    'mail.example.com', "$dir/good.pem", "$dir/good.key");
findings_are('a wildcard matches', [], '--host', 'x.in.example.com', "$dir/good.pem");
findings_are('an address matches', [], '--host', '2001:db8::1', "$dir/good.pem");
findings_are('a CA', [], "$dir/ca.pem", "$dir/ca.key");
findings_are('a key alone', [], "$dir/good.key");
findings_are('wrong name', ['name-mismatch'], '--host', 'x.example.com', "$dir/good.pem");
findings_are('another CA', ['ca-not-in-bundle'], '--ca', "$dir/other.pem", "$dir/good.pem");
findings_are('another key', ['key-mismatch'], "$dir/good.pem", "$dir/other.key");

make('server', issuer => 'ca', ext => ['extendedKeyUsage=serverAuth',
    'subjectAltName=DNS:server.example.com']);
findings_are('serverAuth only', ['no-client-purpose'], "$dir/server.pem");
findings_are('... as a server', [], '--use', 'server', "$dir/server.pem");
make('client', issuer => 'ca', ext => ['extendedKeyUsage=clientAuth',
    'subjectAltName=DNS:client.example.com']);
findings_are('clientAuth only', ['no-server-purpose'], "$dir/client.pem");
findings_are('... as a client', [], '--use', 'client', "$dir/client.pem");
make('self');
findings_are('self-signed', ['self-signed'], "$dir/self.pem", "$dir/self.key");
must(qw(openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -days 90
    -subj /CN=quick.example.com -addext subjectAltName=DNS:quick.example.com -keyout),
    "$dir/quick.key", '-out', "$dir/quick.pem");
findings_are('openssl req -x509', ['ca-true', 'self-signed'], "$dir/quick.pem");
make('cnca', subject => '/CN=same.example.com', ext => ['basicConstraints=critical,CA:TRUE',
    'keyUsage=critical,keyCertSign']);
make('same', issuer => 'cnca', subject => '/O=Host/CN=same.example.com');
findings_are('issuer CN is subject CN', ['issuer-cn-is-subject-cn'], "$dir/same.pem");
make('nonames', issuer => 'ca', ext => \@both);
findings_are('no subject alternative name', ['no-names'], "$dir/nonames.pem");
make('nocn', issuer => 'ca', subject => '/O=Nobody');
findings_are('no CN', ['no-cn'], "$dir/nocn.pem");
make('weak', issuer => 'ca', newkey => ['-newkey', 'rsa:1024']);
findings_are('RSA 1024', ['weak-key'], "$dir/weak.pem");
must(qw(openssl dsaparam -out), $scratch->path('dsa.param'), '2048');
make('dsa', issuer => 'ca', newkey => ['-newkey', 'dsa:' . $scratch->path('dsa.param')]);
findings_are('DSA of any size', ['weak-key'], "$dir/dsa.pem");
make('powerful', issuer => 'ca', ext => ['basicConstraints=critical,CA:TRUE',
    'keyUsage=critical,digitalSignature,keyCertSign', 'extendedKeyUsage=serverAuth,clientAuth',
    'subjectAltName=DNS:powerful.example.com']);
findings_are('a host that is a CA', ['ca-true'], "$dir/powerful.pem", "$dir/powerful.key");
make('sha1', issuer => 'ca', digest => 'sha1');
findings_are('SHA-1', ['weak-digest'], "$dir/sha1.pem");
make('soon', issuer => 'ca', days => 5);
findings_are('expires soon', ['expires-soon'], "$dir/soon.pem");
findings_are('... not by 3 days', [], '--days', '3', "$dir/soon.pem");
make('expired', issuer => 'ca', days => -1);
findings_are('expired', ['expired'], "$dir/expired.pem");
findings_are('... which verification says no second time', ['expired'], '--ca', "$dir/ca.pem",
    "$dir/expired.pem");
make('inter', issuer => 'ca', subject => '/O=Intermediate', ext => [
    'basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign']);
make('leaf', issuer => 'inter');
sub join_files {
	my ($to, @from) = @_;
	$scratch->write("private/$to", join('', map { $scratch->read("private/$_") } @from),
	    0600);
}
join_files('chain.pem', 'leaf.pem', 'inter.pem');
join_files('broken.pem', 'leaf.pem', 'other.pem', 'inter.pem');
findings_are('a chain', [], '--ca', "$dir/ca.pem", "$dir/chain.pem");
findings_are('intermediate missing', ['ca-not-in-bundle'], '--ca', "$dir/ca.pem",
    "$dir/leaf.pem");
findings_are('chain in disorder', ['chain-broken'], '--ca', "$dir/ca.pem", "$dir/broken.pem");
join_files('cafirst.pem', 'ca.pem', 'good.pem');
findings_are('the CA first', ['ca-first'], '--ca', "$dir/ca.pem", "$dir/cafirst.pem");
join_files('interfirst.pem', 'inter.pem', 'leaf.pem', 'ca.pem');
findings_are('the intermediate first', ['ca-first'], "$dir/interfirst.pem", "$dir/leaf.key");
join_files('bundle.pem', 'ca.pem', 'other.pem', 'inter.pem');
findings_are('a bundle of CAs', [], "$dir/bundle.pem");
make('strayca', issuer => 'good', subject => '/CN=stray.example.com');
join_files('stray.pem', 'strayca.pem', 'good.pem');
findings_are('signed by what is no CA', ['not-verified'], '--ca',
    "$dir/ca.pem", "$dir/stray.pem");

# Files.
chmod 0640, "$dir/good.key";
findings_are('key open to the group', ['key-readable'], "$dir/good.pem", "$dir/good.key");
chmod 0600, "$dir/good.key";
chmod 0755, $dir;
findings_are('directory open to others', ['directory-readable'], "$dir/good.pem",
    "$dir/good.key");
chmod 0700, $dir;
must(qw(openssl pkey -aes128 -passout pass:x -in), "$dir/good.key", '-out', "$dir/locked.key");
findings_are('encrypted PKCS#8 key', ['key-encrypted'], "$dir/good.pem", "$dir/locked.key");
must(qw(openssl pkey -traditional -aes128 -passout pass:x -in), "$dir/good.key", '-out',
    "$dir/locked2.key");
findings_are('encrypted traditional key', ['key-encrypted'], "$dir/good.pem",
    "$dir/locked2.key");
must(qw(openssl pkey -traditional -in), "$dir/good.key", '-out', "$dir/old.key");
findings_are('traditional key', [], "$dir/good.pem", "$dir/old.key");
join_files('all.pem', 'good.key', 'good.pem', 'ca.pem');
findings_are('key and chain in one file', [], "$dir/all.pem");

# A CN that would break a line or a terminal.
make('escape', issuer => 'ca', subject => "/CN=a\nb\x1b[31m", ext => [@both,
    'subjectAltName=DNS:escape.example.com']);
$r = cert("$dir/escape.pem");
unlike($r->{out}, qr/\x1b/, 'no escape sequence comes through');
like($r->{out}, qr/ CN:a\+0Ab\+1B\[31m$/m, '... but its encoding does');

# What cannot be read.
sub fails {
	my ($status, $text, @arguments) = @_;
	my $f = cert(@arguments);
	is($f->{status}, $status, "exit $status: @arguments");
	like($f->{err}, $text, '... and says why');
}
my $pem = $scratch->read('private/good.pem');
$scratch->write('cut.pem', substr $pem, 0, length($pem) / 2);
$scratch->write('bad.pem', $pem =~ s/\nMII/\nAAA/r);
$scratch->write('none.pem', "nothing\n");
$scratch->write('bad.key', "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
must(qw(openssl x509 -outform DER -in), "$dir/good.pem", '-out', $scratch->path('der.pem'));
fails(64, qr/operands are missing: .* FILE\.\.\./);
fails(64, qr/"x" is not a use; expected one of: both, server, client/, '--use', 'x', "$dir/good.pem");
fails(64, qr/--days: a number/, '--days', '-1', "$dir/good.pem");
fails(65, qr/cut\.pem: a damaged PEM block/, $scratch->path('cut.pem'));
fails(65, qr/bad\.pem: a damaged certificate/, $scratch->path('bad.pem'));
fails(65, qr/bad\.key: a damaged private key/, $scratch->path('bad.key'));
fails(65, qr/no certificate and no private key.*if it is DER/, $scratch->path('der.pem'));
fails(65, qr/none\.pem: no certificate/, $scratch->path('none.pem'));
fails(66, qr/absent\.pem: cannot be opened: No such file/, $scratch->path('absent.pem'));
fails(66, qr/is not a regular file/, $dir);
fails(66, qr/absent: cannot be opened/, '--ca', $scratch->path('absent'), "$dir/good.pem");
fails(66, qr/no CA certificate in it/, '--ca', $scratch->path('none.pem'), "$dir/good.pem");

# A file that somebody sent has a name of his.
my $named = $scratch->write("a\xe2\x80\xaeb\e[31m\xc2\x9bc.pem", $pem . $scratch->read('private/good.key'));
$r = cert($named);
unlike($r->{out} . $r->{err}, qr/\e|\xe2\x80\xae|\xc2\x9b/, 'the name of a file does not reach the terminal as it is');
like($r->{out}, qr/a\\x\{202E\}b\?\[31m\\x\{9B\}c\.pem: $_/, "... it is shown: $_") for 'certificate 1 of 1', 'private key 1 of 1';

done_testing();
