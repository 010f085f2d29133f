#!/usr/bin/perl
#
# What a directory can do to those who follow it: cut a refresh at any byte, be
# restored from a backup or be another one, move entries.  At each moment what is
# in force is a whole policy that the directory had.  And what the service
# manager is told.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Select;
use IO::Socket::UNIX;
use POSIX ();
use Socket qw(SOCK_DGRAM);
use Test::More;
use Time::HiRes qw(sleep);
use Tlspolicy::Ldap;
use Tlspolicy::Node;
use Tlspolicy::Scratch;

plan skip_all => Tlspolicy::Ldap::missing() if Tlspolicy::Ldap::missing();
plan skip_all => 'not root' if $> != 0;

my $bin = Tlspolicy::Scratch::builddir();
my $scratch = Tlspolicy::Scratch->new;
my $dir = $scratch->dir;
my $base = $Tlspolicy::Ldap::BASE;
my $ldap = Tlspolicy::Ldap->start(scratch => $scratch, name => 'slapd');

my $node = Tlspolicy::Node->new(scratch => $scratch, settings => {
    'directory-base' => $base, 'directory-bind' => 'external' });

sub end_child
{
	my ($pid) = @_;
	kill 'KILL', $pid;
	waitpid $pid, 0;
}

# What the directory has now, in the order of the names.
sub has
{
	my $search = "ldapsearch -Q -LLL -o ldif-wrap=no -H '$ldap->{uri}'"
	    . " -Y EXTERNAL -b '$base' '(sendmailMTAKey=*)'";
	my $text = join '', qx($search sendmailMTAKey sendmailMTAMapValue);
	my %rule = $text =~ /^sendmailMTAKey:\ (\S+)\n
	    sendmailMTAMapValue:\ (.+)\n/mxg;
	return join ' ', map { "$_=$rule{$_}" } sort keys %rule;
}

# The policy in force is $want and nothing else; only the differences are shown.
sub in_force
{
	my ($want, $what) = @_;
	my (%want, %got);
	@want{split ' ', $want} = ();
	@got{split ' ', $node->shown()} = ();
	is(join(' ', (map { "-$_" } grep { !exists $got{$_} } sort keys %want),
	    map { "+$_" } grep { !exists $want{$_} } sort keys %got), '', $what);
}

# From the server at most so many bytes, then both ends are closed, or silent.
sub relay
{
	my ($client, $most, $silent) = @_;
	my $server = IO::Socket::UNIX->new(Peer => "$dir/slapd/socket") or return;
	my $both = IO::Select->new($client, $server);
	my $n = 0;
	for (;;) {
		for my $from ($both->can_read) {
			my $room = $from == $server && $most - $n < 65536 ?
			    $most - $n : 65536;
			my $got = sysread $from, (my $bytes), $room;
			return if !$got;
			$n += $got if $from == $server;
			syswrite +($from == $server ? $client : $server), $bytes;
			sleep 1 while $n >= $most && $silent;
			return if $n >= $most;
		}
	}
}

# The address of a server that says so much on each connection and no more.
sub cut_after
{
	my ($most, $silent) = @_;
	my $path = "$dir/cut";
	unlink $path;
	my $listener = IO::Socket::UNIX->new(Local => $path, Listen => 5)
	    or die "$path: $!\n";
	my $pid = $scratch->fork_child(sub {
		while (my $client = $listener->accept) {
			relay($client, $most, $silent);
			close $client;
		}
	});
	return ($pid, "ldapi://$path" =~ s{(?<=ldapi://)(.*)}{$1 =~
	    s{/}{%2F}gr}er);
}

my %rules = map { ("TLS_Clt:n$_.example" => 'PERM+VERIFY:' . (100 + $_)) }
    1 .. 300;
$ldap->add(%rules);
my $all = has();
is(scalar(() = $all =~ /=/g), 300, 'the directory has 300 rules');

subtest 'the first refresh, cut at any byte' => sub {
	my $cuts = 0;
	for my $most (1, 14, 15, 100, 1000, 5000, 20_000, 40_000, 60_000,
	    80_000, map { 1 + int rand 90_000 } 1 .. 10) {
		my ($pid, $uri) = cut_after($most);
		$node->conf(directory => $uri);
		my $r = $node->tlspolicy('sync', '--once');
		end_child($pid);
		if ($r->{status} == 69) {
			$cuts++;
			ok(!-e "$dir/policy.mdb", "after $most bytes: no store");
		} else {
			is($r->{status}, 0, "$most bytes are enough");
			in_force($all, 'for all of it');
			unlink glob "$dir/policy.mdb*";
		}
	}
	cmp_ok($cuts, '>=', 8, 'most were cut');
	$node->conf(directory => $ldap->{uri});
	$node->once(0, 'not cut');
	in_force($all, 'all rules');
};

subtest 'a refresh of changes, cut at any byte' => sub {
	$ldap->modify(join '', map { "dn: sendmailMTAKey=TLS_Clt:n$_.example,"
	    . "$base\nchangetype: " . ($_ % 2 ? "delete\n\n" :
	    "modify\nreplace: sendmailMTAMapValue\nsendmailMTAMapValue: OK\n\n")
	    } 1 .. 200);
	my $new = has();
	for my $most (100, 1000, 5000, 12_000, map { 1 + int rand 40_000 }
	    1 .. 8) {
		my ($pid, $uri) = cut_after($most);
		$node->conf(directory => $uri);
		$node->tlspolicy('sync', '--once');
		end_child($pid);
		my $now = $node->shown();
		ok($now eq $all || $now eq $new,
		    "after $most bytes: the old ones or the new ones");
	}
	$node->conf(directory => $ldap->{uri});
	$node->once(0, 'not cut');
	in_force($all = $new, 'the new ones');
};

# The next server of the setting counts then.
subtest 'a server that says nothing any more' => sub {
	for my $most (0, 200) {
		my ($pid, $uri) = cut_after($most || 1, 1);
		$ldap->change('TLS_Clt:n2.example', 'PERM+VERIFY:30' . $most % 7);
		$node->conf(directory => "$uri $ldap->{uri}");
		$node->once(0, "after $most bytes");
		end_child($pid);
		in_force(has(), 'is not waited for');
	}
	$node->conf(directory => $ldap->{uri});
	$all = has();
};

sub backup
{
	my ($from, $to) = @_;
	$ldap->stop;
	unlink glob "$dir/$to/*";
	mkdir "$dir/$to";
	system("cp $dir/$from/* $dir/$to/") == 0 or die;
	$ldap->run;
}

subtest 'restored from a backup' => sub {
	backup('slapd/data', 'backup');
	$ldap->change('TLS_Clt:n2.example', 'PERM+VERIFY:222');
	$ldap->delete('TLS_Clt:n4.example');
	$ldap->add('TLS_Clt:lost.example' => 'ENCR:128');
	$node->once(0, 'what the backup does not have');
	in_force(has(), 'is in force');
	backup('backup', 'slapd/data');
	ok(has() eq $all, 'restored');
	$node->once(0, 'that');
	in_force($all, 'is in force: changed back, lost, and there again');
};

# The clock has gone on: the provider knows more than the cookie, and less.
subtest 'restored from a backup, and changed since' => sub {
	backup('slapd/data', 'backup');
	$ldap->change('TLS_Clt:n6.example', 'PERM+VERIFY:222');
	$ldap->delete('TLS_Clt:n8.example');
	$ldap->add('TLS_Clt:lost2.example' => 'ENCR:128');
	$node->once(0, 'what the backup does not have');
	backup('backup', 'slapd/data');
	$ldap->add('TLS_Clt:later.example' => 'ENCR:128');
	$node->once(0, 'that');
	in_force(has(), 'what is there now is in force, and nothing else');
};

subtest 'moved' => sub {
	$ldap->modify("dn: ou=old,$base\nobjectClass: organizationalUnit\n"
	    . "ou: old\n\ndn: ou=elsewhere,dc=example,dc=org\nobjectClass: "
	    . "organizationalUnit\nou: elsewhere\n\n", '-a');
	my $move = sub {
		my ($name, $from, $to) = @_;
		$ldap->modify("dn: sendmailMTAKey=$name,$from\nchangetype: "
		    . "modrdn\nnewrdn: sendmailMTAKey=$name\ndeleteoldrdn: 0\n"
		    . "newsuperior: $to\n\n");
	};
	my $before = $node->shown();
	$move->('TLS_Clt:n10.example', $base, "ou=old,$base");
	$node->once(0, 'below the base');
	in_force($before, 'all are in force as before');
	$move->('TLS_Clt:n12.example', $base, 'ou=elsewhere,dc=example,dc=org');
	$node->once(0, 'out of it');
	in_force($before =~ s/TLS_Clt:n12\.example=\S+ //r, 'one less');
	$move->('TLS_Clt:n12.example', 'ou=elsewhere,dc=example,dc=org',
	    "ou=old,$base");
	$node->once(0, 'in again');
	in_force($before, 'all again');
};

subtest 'another directory behind the address' => sub {
	my $other = Tlspolicy::Ldap->start(scratch => $scratch, name => 'other',
	    id => 7);
	$other->add('TLS_Clt:other.example' => 'PERM+VERIFY',
	    'TLS_Clt:n14.example' => 'OK');
	$node->conf(directory => $other->{uri});
	my $before = $node->shown();
	like($node->once(65, 'that has two of hundreds'), qr/half of the entries/,
	    'is not taken unseen');
	is($node->shown(), $before, 'nothing is in force of it');
	$node->once(0, 'that does not know the cookie', '--allow-empty');
	in_force('TLS_Clt:n14.example=OK TLS_Clt:other.example=PERM+VERIFY',
	    'only its rules');
	$other->stop;
	$node->conf(directory => $ldap->{uri});
	$node->once(0, 'the first one again');
	in_force(has(), 'only its rules');
};

subtest 'the service manager' => sub {
	plan skip_all => 'built without libsystemd' if qx(ldd $bin/tlspolicy) !~
	    /libsystemd/;
	unlink "$dir/notify";
	my $manager = IO::Socket::UNIX->new(Local => "$dir/notify",
	    Type => SOCK_DGRAM) or die "notify: $!\n";
	my $told = sub {
		my ($pattern, $what) = @_;
		my $all = '';
		my $end = time + 60;
		while ($all !~ $pattern && time < $end &&
		    IO::Select->new($manager)->can_read(60)) {
			$manager->recv(my $word, 4096);
			$all .= "$word\n";
		}
		like($all, $pattern, $what);
		return $all;
	};
	my $follow = sub {
		return $scratch->fork_child(sub {
			local $ENV{NOTIFY_SOCKET} = "$dir/notify";
			open STDERR, '>>', "$dir/sync.log";
			exec "$bin/tlspolicy", 'sync', '-c', "$dir/conf";
		});
	};
	unlink glob "$dir/policy.mdb*";
	$ldap->stop;
	my $pid = $follow->();
	my $all = $told->(qr/^STATUS=.*cannot|^STATUS=.*server/mi,
	    'that it is away');
	unlike($all, qr/READY/, 'without a policy it is not ready');
	$ldap->run;
	$told->(qr/^READY=1$/m, 'with one it is');
	$told->(qr/^STATUS=follows/m, 'and follows');
	end_child($pid);
	$ldap->stop;
	$pid = $follow->();
	$all = $told->(qr/^READY=1$/m, 'with an old one it is');
	unlike($all, qr/^STATUS=follows/m, 'though it follows nobody');
	end_child($pid);
};

$ldap->stop;
done_testing;
