#!/usr/bin/perl
#
# Nothing is said or believed before the server has shown who it is: certificates
# of another name, that have ended, of another CA; a server that wants no TLS, or
# breaks off in the middle of it.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep);
use Tlspolicy::Certs;
use Tlspolicy::FakeLdap;
use Tlspolicy::Ldap;
use Tlspolicy::Scratch;

plan skip_all => Tlspolicy::Ldap::missing() if Tlspolicy::Ldap::missing();
plan skip_all => 'not root' if $> != 0;

my $bin = Tlspolicy::Scratch::builddir();
my $scratch = Tlspolicy::Scratch->new;
my $dir = $scratch->dir;
my $certs = Tlspolicy::Certs->new($scratch);
my $password = $scratch->write('password', 'secret');
chmod 0600, $password;

sub conf
{
	my ($uri) = @_;
	$scratch->write('conf', "store = $dir/policy.mdb\nclaims =\n"
	    . "audit-file = $dir/log\ndirectory = $uri\n"
	    . "directory-base = $Tlspolicy::Ldap::BASE\n"
	    . "directory-bind = cn=admin,dc=example,dc=org\n"
	    . "directory-password-file = $password\n"
	    . 'directory-ca-file = ' . $certs->ca . "\n");
}

sub tlspolicy
{
	my ($command, @args) = @_;
	return Tlspolicy::Scratch::run("$bin/tlspolicy", $command, '-c',
	    "$dir/conf", @args);
}

sub server
{
	my ($name, $pair) = @_;
	my ($cert, $key) = $certs->pair($pair);
	my @port = map { Tlspolicy::Scratch::free_port() } 1, 2;
	return (Tlspolicy::Ldap->start(scratch => $scratch, name => $name,
	    port => $port[0], ldaps => $port[1], tls => { ca => $certs->ca,
	    cert => $cert, key => $key }), "ldap://127.0.0.1:$port[0]",
	    "ldaps://127.0.0.1:$port[1]");
}

for (['another name', 'server'], ['one that has ended', 'endedlocal'],
    ['another CA', 'otherca']) {
	my ($what, $pair) = @$_;
	my ($ldap, @uris) = server($pair, $pair);
	$ldap->add('TLS_Clt:a.example' => 'PERM+VERIFY');
	for my $uri (@uris) {
		conf($uri);
		is(tlspolicy('sync', '--once')->{status}, 69, "$what, $uri");
		ok(!-e "$dir/policy.mdb", 'and nothing is believed');
	}
	$ldap->stop;
}

# Before TLS the server is told neither a password nor a search.
for (['not known', 2], ['unavailable', 52], ['agreed to, and then plain', 0],
    ['a reference elsewhere', 10]) {
	my ($what, $code) = @$_;
	my $seen = $scratch->write('seen', '');
	my $fake = Tlspolicy::FakeLdap->start(scratch => $scratch, name => 'x',
	    port => Tlspolicy::Scratch::free_port(), code => sub {
		my ($c) = @_;
		while (my ($id, $op, $bytes) = $c->request(10)) {
			open my $f, '>>', $seen;
			printf $f "%02x%s\n", $op, $bytes =~ /secret/ ?
			    ' secret' : '';
			close $f;
			$c->say(Tlspolicy::FakeLdap::message($id,
			    Tlspolicy::FakeLdap::result($code, '', 0x78)));
			$c->say(Tlspolicy::FakeLdap::message($id + 1,
			    Tlspolicy::FakeLdap::result(0, '', 0x61)))
			    if $code == 0;
		}
	    });
	conf($fake->{uri});
	is(tlspolicy('sync', '--once')->{status}, 69, "STARTTLS: $what");
	my @said = split /\n/, Tlspolicy::Scratch::slurp($seen);
	is(shift @said, '77', 'is what is asked for first');
	is(scalar(grep { /secret|^6/ } @said), 0, 'and nothing else');
	ok(!-e "$dir/policy.mdb", 'nothing is believed');
}

my ($ldap, @uris) = server('slapd', 'localserver');
$ldap->add('TLS_Clt:a.example' => 'PERM+VERIFY');

# A relay that, once the file $stop exists, passes on only $most bytes of what the
# server says.
sub relay
{
	my ($client, $port, $stop, $most) = @_;
	my $server = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or return;
	my $both = IO::Select->new($client, $server);
	for (;;) {
		for my $from ($both->can_read) {
			my $stopping = $from == $server && -e $stop;
			sysread($from, my $bytes, $stopping ? $most : 65536)
			    or return;
			syswrite +($from == $server ? $client : $server), $bytes;
			sleep 300 if $stopping;
		}
	}
}

# A record has a head of five bytes.
for my $uri (@uris) {
	for my $most (3, 40) {
		my $stop = $scratch->path('stop');
		unlink $stop, glob "$dir/policy.mdb*";
		my $port = Tlspolicy::Scratch::free_port();
		my $listener = IO::Socket::INET->new(Listen => 5, ReuseAddr => 1,
		    LocalAddr => '127.0.0.1', LocalPort => $port)
		    or die "listen: $!\n";
		my ($to) = $uri =~ /:(\d+)$/;
		$scratch->fork_child(sub { while (my $c = $listener->accept) {
			relay($c, $to, $stop, $most); close $c } });
		conf(($uri =~ s/\d+$/$port/r) . " $ldap->{uri}");
		my $sync = $scratch->fork_child(sub {
			open STDERR, '>>', "$dir/sync.log" or die;
			exec "$bin/tlspolicy", 'sync', '-c', "$dir/conf";
		});
		Tlspolicy::Scratch::wait_for(60, sub {
			tlspolicy('show')->{out} =~ /a\.example/ });
		like(tlspolicy('show')->{out}, qr/a\.example\tPERM/, 'followed');
		$scratch->write('stop', '');
		$ldap->change('TLS_Clt:a.example', 'TEMP+VERIFY');
		Tlspolicy::Scratch::wait_for(60, sub {
			tlspolicy('show')->{out} =~ /TEMP/ });
		like(tlspolicy('show')->{out}, qr/a\.example\tTEMP/,
		    "$uri: $most bytes of a record and silence: the next one");
		kill 'TERM', $sync;
		waitpid $sync, 0;
		$ldap->change('TLS_Clt:a.example', 'PERM+VERIFY');
	}
}
$ldap->stop;
done_testing;
