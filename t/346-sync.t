#!/usr/bin/perl
#
# The policy follows a real slapd: what is changed there, what cannot be taken,
# and what happens when it is away, wiped, or somebody else.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes qw(sleep time);
use Tlspolicy::Ldap;
use Tlspolicy::Scratch;

plan skip_all => Tlspolicy::Ldap::missing() if Tlspolicy::Ldap::missing();
plan skip_all => 'not root' if $> != 0;

my $bin = Tlspolicy::Scratch::builddir();
my $scratch = Tlspolicy::Scratch->new;
my $dir = $scratch->dir;
my $base = $Tlspolicy::Ldap::BASE;
my $store = "$dir/policy.mdb";
my $ldap = Tlspolicy::Ldap->start(scratch => $scratch, name => 'slapd');
my %settings = (store => $store, claims => '', 'audit-file' => "$dir/log",
    directory => $ldap->{uri}, 'directory-base' => $base,
    'directory-bind' => 'external');

sub conf
{
	my %s = (%settings, @_);
	return $scratch->write('conf', join '', map { "$_ = $s{$_}\n" }
	    grep { defined $s{$_} } sort keys %s);
}

sub tlspolicy
{
	my ($command, @args) = @_;
	return Tlspolicy::Scratch::run("$bin/tlspolicy", $command, '-c',
	    "$dir/conf", @args);
}

sub once
{
	my ($status, $what, @args) = @_;
	my $r = tlspolicy('sync', '--once', @args);
	is($r->{status}, $status, "$what: exit code") or diag $r->{err};
	return $r->{err};
}

sub shown
{
	return join ' ', map { s/\t/=/r } split /\n/, tlspolicy('show')->{out};
}

sub generation
{
	my ($n) = tlspolicy('log')->{out} =~ /^generation (\d+)/;
	return $n;
}

# A sync that stays; its log is a file.
my $sync;

sub follow
{
	my $pid = fork // die "fork: $!\n";
	if ($pid == 0) {
		open STDERR, '>>', "$dir/sync.log" or die;
		exec "$bin/tlspolicy", 'sync', '-c', "$dir/conf"
		    or POSIX::_exit(127);
	}
	return $sync = $pid;
}

sub unfollow
{
	my ($signal) = @_;
	return if !$sync;
	kill $signal // 'TERM', $sync;
	waitpid $sync, 0;
	undef $sync;
}

END { local $?; unfollow('KILL') }

sub becomes
{
	my ($want, $what) = @_;
	Tlspolicy::Scratch::wait_for(60, sub { shown() eq $want });
	is(shown(), $want, $what);
}

subtest 'settings' => sub {
	for (['directory', { directory => undef }], ['directory-base',
	    { 'directory-base' => undef }], ['directory-password-file',
	    { 'directory-bind' => 'cn=a' }], ['directory-password-file',
	    { 'directory-password-file' => "$dir/none" }]) {
		conf(%{$_->[1]});
		like(once(78, $_->[0]), qr/setting \Q$_->[0]\E: /, 'named');
	}
	conf(directory => 'http://x');
	like(once(78, 'no LDAP'), qr/ldaps:/, 'what is expected');
	my $file = $scratch->write('password', "\n");
	chmod 0600, $file;
	conf('directory-bind' => 'cn=admin,dc=example,dc=org',
	    'directory-password-file' => $file);
	like(once(78, 'no password'), qr/no password/, 'it is nobody');
	$scratch->write('password', "secret\n");
	chmod 0644, $file;
	like(once(78, 'for all to read'), qr/others cannot read/, 'said');
	ok(!-e $store, 'and nothing was made');
};

subtest 'the first time' => sub {
	conf();
	like(once(65, 'no rule there'), qr/--allow-empty/, 'is not taken');
	ok(!-e $store, 'no store');
	$ldap->add('TLS_Clt:a.example' => 'PERM+VERIFY',
	    'TLS_From:b.example' => 'TEMP+ENCR:128',
	    'TLS_To:+20x@c.example' => 'ENCR:128');
	once(0, 'three rules');
	is(shown(), 'TLS_Clt:a.example=PERM+VERIFY TLS_From:b.example='
	    . 'TEMP+ENCR:128 TLS_To:+20x@c.example=ENCR:128', 'are in force');
	like(tlspolicy('check', '-v', '-t', 'TLS_From', 'mail_addr=x@b.example')
	    ->{out}, qr/\(directory:1, generation 1\)/,
	    'a line is a number among those of its key');
	like(once(0, 'again'), qr/unchanged, generation 1/, 'nothing to do');
	like(tlspolicy('log')->{out},
	    qr/sync by .*TLS_Clt:a\.example,\Q$base\E by cn=admin/s,
	    'the log has who changed what');
};

subtest 'followed' => sub {
	follow();
	$ldap->change('TLS_Clt:a.example', 'PERM+VERIFY:256');
	becomes('TLS_Clt:a.example=PERM+VERIFY:256 TLS_From:b.example='
	    . 'TEMP+ENCR:128 TLS_To:+20x@c.example=ENCR:128', 'a change');
	$ldap->delete('TLS_To:+20x@c.example');
	$ldap->add('TLS_To:d.example' => 'WARN+VERIFY');
	becomes('TLS_Clt:a.example=PERM+VERIFY:256 TLS_From:b.example='
	    . 'TEMP+ENCR:128 TLS_To:d.example=WARN+VERIFY',
	    'one gone, one new');
	my $before = generation();
	$ldap->modify(join('', map { Tlspolicy::Ldap::entry("TLS_Clt:n$_.test",
	    "TLS_Clt:n$_.test", 'ENCR:128') } 1 .. 200), '-a');
	Tlspolicy::Scratch::wait_for(60, sub {
		(() = shown() =~ /n\d+\.test/g) == 200 });
	is(scalar(() = shown() =~ /n\d+\.test/g), 200, '200 new ones');
	cmp_ok(generation() - $before, '<', 30, 'in bursts');
	$ldap->modify(join '', map { "dn: sendmailMTAKey=TLS_Clt:n$_.test,"
	    . "$base\nchangetype: delete\n\n" } 1 .. 200);
	becomes('TLS_Clt:a.example=PERM+VERIFY:256 TLS_From:b.example='
	    . 'TEMP+ENCR:128 TLS_To:d.example=WARN+VERIFY', 'all gone');
};

my $known = shown();

subtest 'what cannot be taken' => sub {
	$ldap->change('TLS_From:b.example', 'TEMP+NONSENSE');
	Tlspolicy::Scratch::wait_for(60, sub {
		Tlspolicy::Scratch::slurp("$dir/sync.log") =~ /NONSENSE/ });
	is(shown(), $known, 'the last good rule stays');
	like(Tlspolicy::Scratch::slurp("$dir/sync.log"),
	    qr/b\.example,\Q$base\E: found "NONSENSE".*last good rule stays/,
	    'the entry is named');
	# Another entry for a key that has one.
	$ldap->modify("dn: ou=sub,$base\nobjectClass: organizationalUnit\n"
	    . "ou: sub\n\n" . Tlspolicy::Ldap::entry('TLS_Clt:a.example',
	    'TLS_Clt:a.example', 'OK', 'ou=sub,'), '-a');
	Tlspolicy::Scratch::wait_for(60, sub {
		Tlspolicy::Scratch::slurp("$dir/sync.log") =~
		    /ou=sub,\S+ .*left out/ });
	is(shown(), $known, 'a key is not taken from the one who has it');
	# Would be another line; two keys.
	my @none = ('TLS_Clt:x TLS_Clt:', '\#x', 'TLS_Clt:y.example');
	$ldap->modify(join('', map { Tlspolicy::Ldap::entry($none[$_], $_ == 2 ?
	    'TLS_Clt:z.example' : $none[$_] =~ s/^\\//r, 'OK') } 0 .. 2), '-a');
	$ldap->change('TLS_To:d.example', 'WARN+ENCR:1');
	$known =~ s/WARN\+VERIFY/WARN+ENCR:1/;
	becomes($known, 'neither a blank nor a comment in a key');
	my $log = Tlspolicy::Scratch::slurp("$dir/sync.log");
	like($log, qr/^tlspolicy: sendmailMTAKey=\Q$_\E,.*left out$/m,
	    "$_: named") for @none[0, 2];
	like($log, qr/^tlspolicy: sendmailMTAKey=\\(?:23|#)x,.*left out$/m,
	    'and the comment');
	unfollow();
	like(once(0, 'after a start'), qr/NONSENSE/, 'it is told again');
	is(shown(), $known, 'and stays');
	# Another entry for the key, and that is no rule.
	$ldap->modify("dn: sendmailMTAKey=TLS_Clt:a.example,$base\n"
	    . "changetype: delete\n\n"
	    . "dn: sendmailMTAKey=TLS_Clt:a.example,ou=sub,$base\n"
	    . "changetype: modify\nreplace: sendmailMTAMapValue\n"
	    . "sendmailMTAMapValue: NONE\n\n");
	like(once(0, 'another entry in its place'),
	    qr/ou=sub,.*last good rule stays/, 'is told');
	is(shown(), $known, 'the rule of its key stays');
	once(0, 'after a start');
	is(shown(), $known, 'still');
	$ldap->modify("dn: $_\nchangetype: delete\n\n") for
	    "sendmailMTAKey=TLS_Clt:a.example,ou=sub,$base", "ou=sub,$base",
	    map { "sendmailMTAKey=$_,$base" } @none;
	$ldap->add('TLS_Clt:a.example' => 'PERM+VERIFY:256');
	$ldap->change('TLS_From:b.example', 'TEMP+ENCR:256');
	$known =~ s/TEMP\+ENCR:128/TEMP+ENCR:256/;
	once(0, 'mended');
	is(shown(), $known, 'and in force');
};

subtest 'what others need' => sub {
	$ldap->add('Profile:p' => 'PERM+VERIFY', 'TLS_From:p.example' => 'AS:p');
	once(0, 'a profile');
	my $with = shown();
	like($with, qr/Profile:p/, 'is there');
	$ldap->delete('Profile:p');
	$ldap->change('TLS_To:d.example', 'OK');
	like(once(65, 'its end'), qr/left as it was/, 'is not taken');
	is(shown(), $with, 'nor anything beside it');
	$ldap->delete('TLS_From:p.example');
	once(0, 'without who needs it');
	$known =~ s/WARN\+ENCR:1/OK/;
	is(shown(), $known, 'all is taken');
};

subtest 'claims' => sub {
	my $claims = $scratch->write('x.claims',
	    "client a.example in clear is never accepted\n");
	conf(claims => $claims);
	$ldap->change('TLS_Clt:a.example', 'OK');
	like(once(65, 'not held'), qr/would not hold/, 'said');
	is(shown(), $known, 'kept out');
	conf();
	$ldap->change('TLS_Clt:a.example', 'PERM+VERIFY:256');
	once(0, 'as it was');
	is(shown(), $known, 'and is');
};

subtest 'a directory that is away' => sub {
	follow();
	Tlspolicy::Scratch::wait_for(60, sub { -e "$store-sync" &&
	    Tlspolicy::Scratch::slurp("$store-sync") =~ /^good/ });
	$ldap->stop;
	Tlspolicy::Scratch::wait_for(60, sub { -e "$store-sync" &&
	    Tlspolicy::Scratch::slurp("$store-sync") =~ /^failed/ });
	like(Tlspolicy::Scratch::slurp("$store-sync"), qr/^failed \d{10} ./,
	    'is noted');
	is(shown(), $known, 'the policy stays');
	is(tlspolicy('sync', '--once')->{status}, 69, 'at a start, too');
	$ldap->run;
	$ldap->change('TLS_To:d.example', 'WARN+VERIFY');
	$known =~ s/=OK/=WARN+VERIFY/;
	becomes($known, 'caught up');
	unfollow();
	$ldap->delete('TLS_To:d.example');
	$known =~ s/ TLS_To:d\S+//;
	once(0, 'what went while nobody looked');
	is(shown(), $known, 'is gone');
};

subtest 'killed at any moment' => sub {
	for my $n (1 .. 15) {
		follow();
		$ldap->change('TLS_From:b.example', 'TEMP+ENCR:' . (100 + $n));
		sleep rand 0.3;
		unfollow('KILL');
		like(shown(), qr/^TLS_Clt:a\.example=PERM\+VERIFY:256
		    \ TLS_From:b\.example=TEMP\+ENCR:\d+$/x, "whole, $n");
	}
	once(0, 'at last');
	is(shown(), $known =~ s/ENCR:256/ENCR:115/r, 'up to date');
};

subtest 'rules by hand' => sub {
	my $r = tlspolicy('set', 'TLS_Clt:hand.example', 'PERM+VERIFY');
	is($r->{status}, 0, 'set');
	like($r->{err}, qr/follows a directory/, 'says whose policy it is');
	once(0, 'sync');
	unlike(shown(), qr/hand/, 'takes it away');
	like(tlspolicy('log', 'TLS_Clt:hand.example')->{out}, qr/sync by/,
	    'and the log has it');
};

# Another data base under the same address: nothing of it fits the cookie.
subtest 'wiped and restored' => sub {
	$ldap->stop;
	unlink glob "$dir/slapd/data/*";
	$ldap->run;
	my $before = shown();
	# To a slapd 2.6 it has no entry then: 65, as below.
	like(tlspolicy('sync', '--once')->{status}, qr/^(?:65|69)$/,
	    'without its base');
	is(shown(), $before, 'the policy stays');
	$ldap->fill;
	once(65, 'without a rule');
	is(shown(), $before, 'the policy stays again');
	$ldap->add('TLS_Clt:new.example' => 'PERM+VERIFY');
	once(0, 'other entries');
	is(shown(), 'TLS_Clt:new.example=PERM+VERIFY', 'and only those');
	$ldap->delete('TLS_Clt:new.example');
	once(0, 'no entry, and meant so', '--allow-empty');
	is(shown(), '', 'is no rule');
};

$ldap->stop;
done_testing;
