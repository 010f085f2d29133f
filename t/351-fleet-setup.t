#!/usr/bin/perl
#
# scripts/fleet/slapd-setup makes two providers that mirror each other, with
# certificates of tlspolicy-ca: who may do what there, and sendmail itself reads
# the same entries.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX ();
use Test::More;
use Tlspolicy::Ldap;
use Tlspolicy::Names;
use Tlspolicy::Scratch;
use Tlspolicy::Sendmail;

plan skip_all => Tlspolicy::Ldap::missing() if Tlspolicy::Ldap::missing();
plan skip_all => 'not root' if $> != 0;

my $bin = Tlspolicy::Scratch::builddir();
my $top = Tlspolicy::Scratch::topdir();
my $scratch = Tlspolicy::Scratch->new;
my $dir = $scratch->dir;
my $suffix = 'dc=example,dc=org';
my $base = "ou=tlspolicy,$suffix";
my @port = map { Tlspolicy::Scratch::free_port() } 1 .. 4;
my (@slapd, $mine);

END {
	local $?;
	kill 'KILL', @slapd if @slapd;
	waitpid $_, 0 for @slapd;
}

sub ca
{
	my $r = Tlspolicy::Scratch::run("$top/scripts/tlspolicy-ca", '-d',
	    "$dir/ca", @_);
	is($r->{status}, 0, "tlspolicy-ca @_") or diag $r->{err};
}

sub setup
{
	my ($n, @args) = @_;
	local $ENV{DATA} = "$dir/p$n/data";
	local $ENV{SCHEMA} = Tlspolicy::Ldap::schema();
	return Tlspolicy::Scratch::run("$top/scripts/fleet/slapd-setup",
	    "$dir/p$n", @args);
}

sub ldapi
{
	my ($n) = @_;
	return 'ldapi://' . "$dir/p$n/socket" =~ s{/}{%2F}gr;
}

ca('init');
ca('mta', "p$_.example.org", '127.0.0.1') for 1, 2;
ca('client', $_) for 'n1.example.org', 'policy.example.org';
my @files = map { ["$dir/ca/$_.pem", "$dir/ca/$_.key"] } qw(p1.example.org-mta
    p2.example.org-mta n1.example.org-client policy.example.org-client);
my $authority = "$dir/ca/ca.pem";

for my $n (1, 2) {
	my $r = setup($n, $suffix, $n, @{$files[$n - 1]}, $authority,
	    'policy.example.org', "ldap://127.0.0.1:$port[2 - $n]");
	is($r->{status}, 0, "provider $n is set up") or diag $r->{err};
	$mine = setup($n, $suffix, $n, @{$files[$n - 1]}, $authority, 'x');
	is($mine->{status}, 73, 'what is there is left alone');
	my $pid = fork // die "fork: $!\n";
	if ($pid == 0) {
		open STDOUT, '>', "$dir/p$n/log";
		open STDERR, '>&', \*STDOUT;
		exec '/usr/sbin/slapd', '-d', '0', '-f', "$dir/p$n/slapd.conf",
		    '-h', "ldap://127.0.0.1:$port[$n - 1] ldaps://127.0.0.1:"
		    . "$port[$n + 1] " . ldapi($n) or POSIX::_exit(127);
	}
	push @slapd, $pid;
}
for (['x', 64, 'no suffix'], [$suffix, 64, 'number', 'x'],
    [$suffix, 66, 'cannot be read', 3, "$dir/none"]) {
	my ($given, $status, $what, $id, $file) = @$_;
	my $r = setup(3, $given, $id // 3, $file // $files[0][0], $files[0][1],
	    $authority, 'x');
	is($r->{status}, $status, "bad: $what");
	like($r->{err}, qr/^slapd-setup: \S/, 'is said');
}

sub conf
{
	my ($name, $pair, %s) = @_;
	%s = (store => "$dir/$name.mdb", claims => '', 'audit-file' => "$dir/log",
	    directory => "ldap://127.0.0.1:$port[0]", 'directory-base' => $base,
	    'directory-bind' => 'external', 'directory-ca-file' => $authority,
	    'directory-certificate-file' => $pair->[0],
	    'directory-key-file' => $pair->[1], %s);
	$scratch->write("$name.conf", join '', map { "$_ = $s{$_}\n" }
	    sort keys %s);
}

sub tlspolicy
{
	my ($name, $command, @args) = @_;
	return Tlspolicy::Scratch::run("$bin/tlspolicy", $command, '-c',
	    "$dir/$name.conf", @args);
}

conf('admin', $files[3]);
conf('node', $files[2], directory => "ldaps://127.0.0.1:$port[3]");
conf('nobody', ['', '']);
my $rules = $scratch->write('rules', "TLS_Clt:a.example PERM+VERIFY:112\n"
    . "TLS_Srv:b.example ENCR:128\n");
my $r;
Tlspolicy::Scratch::wait_for(60, sub {
	$r = tlspolicy('admin', 'build', '--ldap', $rules);
	$r->{status} == 0 });
is($r->{status}, 0, 'the one who may writes') or diag $r->{err};
Tlspolicy::Scratch::wait_for(60, sub {
	tlspolicy('node', 'sync', '--once')->{status} == 0 });
is(tlspolicy('node', 'show')->{out}, "TLS_Clt:a.example\tPERM+VERIFY:112\n"
    . "TLS_Srv:b.example\tENCR:128\n", 'a node has it, of the other provider');
$r = tlspolicy('node', 'set', '--ldap', 'TLS_Clt:a.example', 'OK');
is($r->{status}, 69, 'a node may not write');
like($r->{err}, qr/nsufficient access|referral/i, 'and is told so');
for (['diff', '--ldap', $rules], ['sync', '--once']) {
	$r = tlspolicy('nobody', @$_);
	is($r->{status}, 69, "$_->[0]: without a certificate one may nothing");
	like($r->{err}, qr/cannot bind/, 'and is told so');
}
my $clear = join '', qx(ldapsearch -x -LLL -H ldap://127.0.0.1:$port[0] -b '$base' 2>&1);
like($clear, qr/onfidentiality required/, 'nor without TLS');

SKIP: {
	skip Tlspolicy::Sendmail::missing(), 1 if Tlspolicy::Sendmail::missing();
	my $root = Tlspolicy::Sendmail::root();
	my $mc = Tlspolicy::Scratch::slurp("$top/scripts/fleet/sendmail-ldap.mc")
	    =~ s{ldapi:///}{ldapi(1)}er;
	$scratch->write('ldap.mc', "OSTYPE(`linux')dnl\n$mc"
	    . "MAILER(`local')dnl\nMAILER(`smtp')dnl\n");
	my $share = "$root/usr/share/sendmail/cf";
	my $cf = Tlspolicy::Scratch::must('m4', "-D_CF_DIR_=$share/",
	    "$share/m4/cf.m4", "$dir/ldap.mc");
	$scratch->write('ldap.cf', $cf);
	$scratch->write('asked', "/map access tls_clt:a.example\n"
	    . "/map access TLS_Srv:b.example\n/map access TLS_Clt:c.example\n");
	my $said = Tlspolicy::Scratch::run(Tlspolicy::Names::prefix($scratch),
	    'sh', '-c', 'exec "$1" -C "$2" -bt <"$3" 2>&1', 'sh',
	    Tlspolicy::Sendmail::binary(), "$dir/ldap.cf", "$dir/asked")->{out};
	like($said, qr/a\.example\) returns PERM\+VERIFY:112/,
	    'sendmail reads a rule');
	like($said, qr/b\.example\) returns ENCR:128/, 'and another');
	like($said, qr/c\.example\) no match/, 'and what is none');
}

done_testing;
