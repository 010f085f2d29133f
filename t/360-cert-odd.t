#!/usr/bin/perl
#
# tlspolicy cert: files of PEM as programs write them and as nobody should, and
# what --ca and --host are given.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP qw(decode_json);
use POSIX ();
use Test::More;
use Tlspolicy::Scratch;

my $bin = Tlspolicy::Scratch::builddir() . '/tlspolicy';
plan skip_all => "$bin is not built" unless -x $bin;
my $scratch = Tlspolicy::Scratch->new;
sub must { return Tlspolicy::Scratch::must(@_) }
sub path { return $scratch->path(@_) }
my $n = 0;
sub file { return $scratch->write('file' . $n++ . '.pem', join('', @_), 0600) }
sub cert { return Tlspolicy::Scratch::run($bin, 'cert', @_) }
my @key = ('-nodes', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-config', '/dev/null', '-days', 90);
must('openssl', 'req', '-x509', @key, '-subj', '/O=X/CN=CA', '-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign',
    '-keyout', path('ca.key'), '-out', path('ca.pem'));
for (['leaf', '/CN=mx.a.test', '-addext', 'subjectAltName=DNS:mx.a.test'], ['nameless', '/O=Nobody']) {
	my ($name, $subject, @names) = @$_;
	must('openssl', 'req', '-x509', @key, '-CA', path('ca.pem'), '-CAkey', path('ca.key'), '-subj', $subject, @names, '-addext', 'extendedKeyUsage=serverAuth,clientAuth',
	    '-addext', 'basicConstraints=critical,CA:FALSE', '-keyout', path("$name.key"), '-out', path("$name.pem"));
}
my ($leaf, $key, $ca, $nameless) = map { Tlspolicy::Scratch::slurp(path($_)) } qw(leaf.pem leaf.key ca.pem nameless.pem);
sub found { my $r = cert('--json', @_); return (join(' ', map { $_->{finding} } @{(eval { decode_json($r->{out}) } // {})->{findings} // []}), $r) }
my ($plain) = found(file($leaf));

# The same certificate, as others write it.
for (['trusted', must('openssl', 'x509', '-in', path('leaf.pem'), '-trustout')], ['the old label', $leaf =~ s/(BEGIN|END) CERT/$1 X509 CERT/gr],
    ['words around it', "subject=x\n\n$leaf\nmore\n"], ['parameters before it', must('openssl', 'ecparam', '-name', 'prime256v1') . $leaf], ['CRLF', $leaf =~ s/\n/\r\n/gr]) {
	my ($name, $text) = @$_;
	my ($found, $r) = found(file($text));
	is($found, $plain, "$name: the same is found") or diag $r->{err};
	is(scalar @{decode_json($r->{out})->{files}[0]{certificates} // []}, 1, "$name: one certificate") if decode_json($r->{out})->{files};
}
# Files that are no certificate and no key.
for (['no PEM', "x\n", qr/no certificate and no private key in PEM form/], ['nothing', '', qr/no certificate and no private key/],
    ['parameters alone', must('openssl', 'ecparam', '-name', 'prime256v1'), qr/no certificate and no private key/],
    ['a certificate that is none', "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", qr/certificate/],
    ['a key that is none', "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", qr/private key/],
    ['no end', $leaf =~ s/-----END.*//sr, qr/PEM block/], ['another end', $leaf =~ s/END CERTIFICATE/END X/r, qr/PEM block/], ['no base64', $leaf =~ s/\nM/\n*/r, qr/PEM block/],
    ['too many certificates', $leaf x 4097, qr/more than 4096 certificates$/], ['too many keys', $key x 17, qr/more than 16 private keys$/], ['too large', 'x' x (8 * 1024 * 1024 + 1), qr/is larger than 8 MB$/]) {
	my ($name, $text, $says) = @$_;
	my $file = file($text);
	my $r = cert($file);
	is($r->{status}, 65, "$name: exit code");
	like($r->{err}, qr/^\Q$file\E: /, "$name: which file");
	like($r->{err}, $says, "$name: why");
}
is(cert(file($key x 16))->{status} == 65 ? 1 : 0, 0, 'as many keys as may be');
for (['a folder', $scratch->dir, qr/is not a regular file/], ['no file', path('none'), qr/cannot be opened: No such file/]) {
	my ($name, $path, $says) = @$_;
	my $r = cert($path);
	is($r->{status}, 66, "$name: exit code");
	like($r->{err}, $says, "$name: why");
}
POSIX::mkfifo(path('fifo'), 0600);
like(cert(path('fifo'))->{err}, qr/is not a regular file/, 'a FIFO is not waited for');
# Of a key with a password cert tells that it has one, and asks for none.
for (['PKCS 8', must('openssl', 'pkcs8', '-topk8', '-v2', 'aes128', '-passout', 'pass:x', '-in', path('leaf.key'))],
    ['the older form', must('openssl', 'ec', '-aes128', '-passout', 'pass:x', '-in', path('leaf.key'))]) {
	my ($name, $text) = @$_;
	my ($found, $r) = found(file($text), path('leaf.pem'));
	like($found, qr/key-encrypted/, "an encrypted key, $name") or diag $r->{out}, $r->{err};
}
# Names.
for (['its name', 'leaf.pem', 'mx.a.test', ''], ['another', 'leaf.pem', 'mx.b.test', qr/not for mx\.b\.test but for DNS:mx\.a\.test/], ['none at all', 'nameless.pem', 'mx.a.test', qr/not for mx\.a\.test but for no name at all/]) {
	my ($name, $file, $host, $says) = @$_;
	my $r = cert('--host', $host, path($file));
	ref $says ? like($r->{out}, $says, "--host: $name") : unlike($r->{out}, qr/not for/, "--host: $name");
}
# CAs.
mkdir path('cas');
my $hash = must('openssl', 'x509', '-hash', '-noout', '-in', path('ca.pem')) =~ s/\n//r;
$scratch->write("cas/$hash.0", $ca);
mkdir path('empty');
for (['a file', path('ca.pem'), 0], ['a folder', path('cas'), 0], ['a folder without it', path('empty'), 1]) {
	my ($name, $bundle, $bad) = @$_;
	my ($found, $r) = found('--ca', $bundle, path('leaf.pem'));
	is($found =~ /ca-not-in-bundle/ ? 1 : 0, $bad, "--ca: $name") or diag "$found\n$r->{err}";
}
for (['none', path('none'), qr/none: cannot be opened/], ['no PEM', file("x\n"), qr/no CA certificate in it/], ['nothing', file(''), qr/no CA certificate in it/]) {
	my ($name, $bundle, $says) = @$_;
	my $r = cert('--ca', $bundle, path('leaf.pem'));
	is($r->{status}, 66, "--ca: $name: exit code");
	like($r->{err}, $says, "--ca: $name: why");
}
is(cert('--use', 'both', path('leaf.pem'))->{status} == 64 ? 1 : 0, 0, '--use both');
is(cert($_->[0], $_->[1], path('leaf.pem'))->{status}, 64, "@$_") for ['--use', 'mail'], ['--days', '-1'], ['--days', 'x'];
is(cert()->{status}, 64, 'no file');
done_testing;
