#!/usr/bin/perl
#
# What clients, rule files and other people's files say never steers a
# terminal: each command is given escape sequences, C1, marks for writing from
# right to left, line separators and bytes that are no text, and neither its
# output nor its messages hold them, as lines or as JSON.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Daemon;
use Tlspolicy::Milter;
use Tlspolicy::Scratch;

my $scratch = Tlspolicy::Scratch->new;
my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
my $evil = "\x1b]0;x\x07\x9b2J\xc2\x9b2J\xe2\x80\xae\xe2\x81\xa6\xd8\x9c" .
    "\xe2\x80\xa8\xff\xc3";
my $daemon = Tlspolicy::Daemon->start(scratch => $scratch,
    rules => "TLS_Clt: WARN+VERIFY+CN\nTLS_To: WARN+ENCR:1\n");
my $audit = "$daemon->{dir}/audit.log";

for my $who (1 .. 30) {
	my $mta = Tlspolicy::Milter->connect($daemon->{socket});
	$mta->negotiate;
	$mta->set(v => '8.17.1', j => 'mx.example.org', daemon_name => 'MTA',
	    i => "Q$who", client_name => "c$evil.example",
	    client_addr => '192.0.2.1', cipher_bits => 256, verify => 'OK',
	    tls_version => "TLSv1.3$evil", cipher => "X$evil",
	    cn_subject => "cn$evil", cn_issuer => "ca$evil",
	    cert_subject => "/CN=$evil", cert_issuer => "/CN=$evil");
	$mta->conn("c$evil.example", '192.0.2.1');
	$mta->helo("h$evil");
	$mta->mail("a$evil\@b$evil.example");
	$mta->rcpt("to$evil\@c$evil.example");
	$mta->data;
	$mta->message;
	$mta->quit;
}
$daemon->stop;

# tame(NAME, STATUS, ARGUMENT...): what comes out, with nothing wild in it.
sub tame {
	my ($name, $status, @argv) = @_;
	my $r = Tlspolicy::Scratch::run($tlspolicy, shift @argv, '-c',
	    $daemon->{conf}, @argv);
	my $all = ($r->{out} . $r->{err}) =~ s/\r\n/\n/gr; # RFC 4180
	like($r->{status}, $status, "$name: status") or diag $all;
	ok(length $all, "$name: says something");
	unlike($all, qr/[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|
	    \xe2\x80[\x8b-\x8f\xa8-\xae]|\xe2\x81[\xa0-\xaf]|\xd8\x9c/x,
	    "$name: nothing that steers a terminal");
	ok(utf8::decode(my $copy = $all), "$name: UTF-8") or diag $all;
	return $r;
}

like(tame('audit show', qr/^0$/, 'audit', 'show', $audit)->{out}, qr/from=a/,
    'audit show: who wrote it');
tame('audit show --json', qr/^0$/, 'audit', 'show', '--json', $audit);
tame('audit why', qr/^0$/, 'audit', 'why', 'Q1', $audit);
tame('audit verify', qr/^0$/, 'audit', 'verify', $audit);
tame('report', qr/^0$/, 'report', $audit);
tame("report --$_", qr/^0$/, 'report', "--$_", $audit) for qw(csv json);
tame('report --html', qr/^0$/, 'report', '--html', $audit);
tame('suggest', qr/^0$/, 'suggest', $audit);
$scratch->write('new', "TLS_From:example PERM+VERIFY+CN:x\n");
tame('replay', qr/^(?:0|1)$/, 'replay', '-r', $scratch->path('new'), $audit);
tame('replay --json', qr/^(?:0|1)$/, 'replay', '--json', '-r',
    $scratch->path('new'), $audit);
tame('check', qr/^77$/, 'check', '-r', $scratch->path('new'), '-v',
    "mail_addr=a$evil\@b.example", "cn_subject=$evil", 'verify=OK',
    "client_name=c$evil", 'client_addr=192.0.2.1', "cipher=$evil");

# Files of rules, and of other programs.
my $n = 0;
for my $line ("TLS_Clt:a$evil ENCR:1", "TLS_Auth:a$evil ENCR:1",
    "TLS_Clt:a VERIFY+CN:$evil", "TLS_Clt:a ENCR:1+MSG:$evil",
    "$evil:a OK", "TLS_Clt:a $evil", $evil) {
	my $file = $scratch->write('hostile' . ++$n, "$line\n");
	tame("$_ line $n", qr/^65$/, $_, $file) for qw(build lint diff);
	tame("check line $n", qr/^65$/, 'check', '-r', $file, 'verify=OK');
	my ($key, $need) = split / /, $line, 2;
	tame("set line $n", qr/^65$/, 'set', $key, $need // 'OK');
	tame("del line $n", qr/^(?:1|6\d)$/, 'del', $key);
	tame("show line $n", qr/^(?:1|6\d)$/, 'show', $key);
}
for my $format (qw(sendmail postfix csv starttls-everywhere)) {
	my $file = $scratch->write("import.$format", "TLS_Clt:a$evil ENCR:1\n" .
	    "b$evil\tsecure match=$evil\n\"c$evil\",PERM,VERIFY,$evil\n");
	tame("import $format", qr/^\d+$/, 'import', $format, $file);
}
my $cert = $scratch->write('cert', "-----BEGIN CERTIFICATE-----\n$evil\n");
tame('cert', qr/^\d+$/, 'cert', $cert);
tame('settings', qr/^\d+$/, 'settings', $evil);
tame('an option', qr/^64$/, 'build', "--$evil");
tame('a file', qr/^66$/, 'build', "/nonexistent/$evil");
my $conf = $scratch->write('conf', "mode = $evil\n$evil = 1\n");
$daemon->{conf} = $conf;
tame('settings of a file', qr/^78$/, 'settings');

done_testing;
