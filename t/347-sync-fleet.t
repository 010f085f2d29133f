#!/usr/bin/perl
#
# Two slapds that are each other's mirror, under TLS, and three nodes: changes at
# either, one that is killed, one that comes back, many changes at both.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep);
use Tlspolicy::Certs;
use Tlspolicy::Ldap;
use Tlspolicy::Scratch;

plan skip_all => Tlspolicy::Ldap::missing() if Tlspolicy::Ldap::missing();
plan skip_all => 'not root' if $> != 0;

my $bin = Tlspolicy::Scratch::builddir();
my $scratch = Tlspolicy::Scratch->new;
my $dir = $scratch->dir;
my $certs = Tlspolicy::Certs->new($scratch);
my ($cert, $key) = $certs->pair('localserver');
my %tls = (ca => $certs->ca, cert => $cert, key => $key);
my @port = map { Tlspolicy::Scratch::free_port() } 1 .. 4;
my @uri = map { 'ldapi://' . "$dir/p$_/socket" =~ s{/}{%2F}gr } 1 .. 2;
my @provider = map { Tlspolicy::Ldap->start(scratch => $scratch,
    name => "p$_", id => $_, port => $port[$_ - 1], ldaps => $port[$_ + 1],
    tls => \%tls,
    peers => [$uri[2 - $_]]) } 1, 2;
Tlspolicy::Scratch::wait_for(60, sub { system('ldapsearch -Q -LLL -Y EXTERNAL '
    . "-H '$uri[1]' -s base -b '$Tlspolicy::Ldap::BASE' >$dir/seen 2>&1") == 0
    }) or die Tlspolicy::Scratch::slurp("$dir/seen");

my $password = $scratch->write('password', 'secret');
chmod 0600, $password;
my ($mine, $my_key) = $certs->pair('trusted');
my @by_name = ('directory-bind' => 'cn=admin,dc=example,dc=org',
    'directory-password-file' => $password);
my @by_certificate = ('directory-bind' => 'external',
    'directory-certificate-file' => $mine, 'directory-key-file' => $my_key);
my @servers = map { "ldap://127.0.0.1:$_" } @port[0, 1];
my @ldaps = map { "ldaps://127.0.0.1:$_" } @port[2, 3];

sub conf
{
	my ($node, %s) = @_;
	mkdir "$dir/$node";
	%s = (store => "$dir/$node/policy.mdb", claims => '',
	    'audit-file' => "$dir/$node/log", directory => "@servers",
	    'directory-base' => $Tlspolicy::Ldap::BASE,
	    'directory-ca-file' => $certs->ca, %s);
	$scratch->write("$node/conf", join '', map { "$_ = $s{$_}\n" }
	    sort keys %s);
}

sub tlspolicy
{
	my ($node, $command, @args) = @_;
	return Tlspolicy::Scratch::run("$bin/tlspolicy", $command, '-c',
	    "$dir/$node/conf", @args);
}

$provider[0]->add('TLS_Clt:one.example' => 'PERM+VERIFY');

subtest 'who is believed' => sub {
	for (['another CA', 69, qr/STARTTLS/, @by_name, 'directory-ca-file' =>
	    ($certs->pair('otherca'))[0]], ['another password', 69,
	    qr/Invalid credentials/, 'directory-bind' =>
	    'cn=admin,dc=example,dc=org', 'directory-password-file' => do {
	    my $f = $scratch->write('wrong', 'x'); chmod 0600, $f; $f }],
	    ['a certificate of nobody', 69, qr/bind|STARTTLS/,
	    'directory-bind' => 'external'], ['no CA',
	    # Debian 13's libldap does not get so far as to ask.
	    qr/^(?:69|78)$/, qr/STARTTLS|the files of its TLS/, @by_name,
	    'directory-ca-file' => '/dev/null'], ['ldaps, another CA',
	    69, qr/bind/, @by_name, directory => "@ldaps", 'directory-ca-file' =>
	    ($certs->pair('otherca'))[0]]) {
		my ($what, $status, $text, %s) = @$_;
		conf('none', %s);
		my $r = tlspolicy('none', 'sync', '--once');
		like($r->{status}, qr/^$status$/, "$what: exit code");
		like($r->{err}, $text, "$what: is told");
		ok(!-e "$dir/none/policy.mdb", "$what: no store");
	}
	# What the user's own settings of OpenLDAP say counts for nothing.
	$scratch->write('ldaprc', "TLS_REQCERT never\n");
	conf('none', @by_name, 'directory-ca-file' =>
	    ($certs->pair('otherca'))[0]);
	local $ENV{LDAPCONF} = "$dir/ldaprc";
	local $ENV{LDAPTLS_REQCERT} = 'never';
	is(tlspolicy('none', 'sync', '--once')->{status}, 69,
	    'TLS_REQCERT never: not here');
};

conf('n1', @by_name);
conf('n2', @by_certificate, directory => join ' ', reverse @servers);
conf('n3', @by_certificate, directory => "@ldaps");
my @nodes = qw(n1 n2 n3);
my @pids = map { my $node = $_; my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
	    open STDERR, '>>', "$dir/$node/sync.log" or die;
	    exec "$bin/tlspolicy", 'sync', '-c', "$dir/$node/conf"
		or POSIX::_exit(127);
    }
    $pid } @nodes;

END {
	local $?;
	kill 'KILL', @pids if @pids;
	waitpid $_, 0 for @pids;
}

sub everywhere
{
	my ($pattern, $what) = @_;
	Tlspolicy::Scratch::wait_for(90, sub { !grep {
	    tlspolicy($_, 'show')->{out} !~ $pattern } @nodes });
	like(tlspolicy($_, 'show')->{out}, $pattern, "$what: $_") for @nodes;
}

everywhere(qr/one\.example\tPERM\+VERIFY$/m, 'from nothing');
$provider[0]->add('TLS_Clt:two.example' => 'ENCR:128');
everywhere(qr/two\.example/, 'a change at the first');
$provider[1]->add('TLS_Clt:three.example' => 'ENCR:128');
everywhere(qr/three\.example/, 'a change at the second');

$provider[0]->stop('KILL');
$provider[1]->change('TLS_Clt:two.example', 'ENCR:256');
everywhere(qr/two\.example\tENCR:256/, 'while the first is dead');
$provider[0]->run;
$provider[0]->delete('TLS_Clt:three.example');
everywhere(qr/\A(?!.*three)/s, 'from the first, alive again');
$provider[1]->stop;
$provider[0]->add('TLS_Clt:four.example' => 'ENCR:128');
everywhere(qr/four\.example/, 'while the second is away');
$provider[1]->run;

# Changes at both, of the same entry, too: the nodes agree on one of them.
for my $n (1 .. 15) {
	$provider[$_]->change('TLS_Clt:four.example', 'ENCR:' . (100 * ($_ + 1)
	    + $n)) for 0, 1;
	$provider[$n % 2]->add("TLS_From:s$n.example" => 'PERM+VERIFY');
}
everywhere(qr/s15\.example/, 'many');
everywhere(qr/(?:TLS_From:s\d+\.example.*){15}/s, 'all of many');
my %digest;
Tlspolicy::Scratch::wait_for(60, sub {
	%digest = map { $_ => 1 } map { tlspolicy($_, 'show', '--canonical')
	    ->{out} } @nodes;
	return keys %digest == 1;
});
is(scalar keys %digest, 1, 'all nodes have the same policy in the end');
for my $node (@nodes) {
	my @rules = tlspolicy($node, 'log')->{out} =~ /^ +(\d+) rules?/mg;
	cmp_ok((sort { $a <=> $b } @rules)[0], '>=', 1,
	    "$node: and never had none");
}
$_->stop for @provider;
done_testing;
