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
use Tlspolicy::Node;
use Tlspolicy::Scratch;

plan skip_all => Tlspolicy::Ldap::missing() if Tlspolicy::Ldap::missing();
plan skip_all => 'not root' if $> != 0;

my $scratch = Tlspolicy::Scratch->new;
my $dir = $scratch->dir;
my $base = $Tlspolicy::Ldap::BASE;
my $ldap = Tlspolicy::Ldap->start(scratch => $scratch, name => 'slapd');
my $node = Tlspolicy::Node->new(scratch => $scratch, settings => {
    directory => $ldap->{uri}, 'directory-base' => $base,
    'directory-bind' => 'external' });
my $store = $node->{store};

subtest 'settings' => sub {
	for (['directory', { directory => undef }], ['directory-base',
	    { 'directory-base' => undef }], ['directory-password-file',
	    { 'directory-bind' => 'cn=a' }], ['directory-password-file',
	    { 'directory-password-file' => "$dir/none" }]) {
		$node->conf(%{$_->[1]});
		like($node->once(78, $_->[0]), qr/setting \Q$_->[0]\E: /, 'named');
	}
	$node->conf(directory => 'http://x');
	like($node->once(78, 'no LDAP'), qr/ldaps:/, 'what is expected');
	my $file = $scratch->write('password', "\n");
	chmod 0600, $file;
	$node->conf('directory-bind' => 'cn=admin,dc=example,dc=org',
	    'directory-password-file' => $file);
	like($node->once(78, 'no password'), qr/no password/, 'it is nobody');
	$scratch->write('password', "secret\n");
	chmod 0644, $file;
	like($node->once(78, 'for all to read'), qr/others cannot read/, 'said');
	ok(!-e $store, 'and nothing was made');
};

subtest 'the first time' => sub {
	$node->conf();
	like($node->once(65, 'no rule there'), qr/--allow-empty/, 'is not taken');
	ok(!-e $store, 'no store');
	$ldap->add('TLS_Clt:a.example' => 'PERM+VERIFY',
	    'TLS_From:b.example' => 'TEMP+ENCR:128',
	    'TLS_To:+20x@c.example' => 'ENCR:128');
	$node->once(0, 'three rules');
	is($node->shown(), 'TLS_Clt:a.example=PERM+VERIFY TLS_From:b.example='
	    . 'TEMP+ENCR:128 TLS_To:+20x@c.example=ENCR:128', 'are in force');
	like($node->tlspolicy('check', '-v', '-t', 'TLS_From', 'mail_addr=x@b.example')
	    ->{out}, qr/\(directory:1, generation 1\)/,
	    'a line is a number among those of its key');
	like($node->once(0, 'again'), qr/unchanged, generation 1/, 'nothing to do');
	like($node->tlspolicy('log')->{out},
	    qr/sync by .*TLS_Clt:a\.example,\Q$base\E by cn=admin/s,
	    'the log has who changed what');
};

subtest 'followed' => sub {
	$node->follow();
	$ldap->change('TLS_Clt:a.example', 'PERM+VERIFY:256');
	$node->becomes('TLS_Clt:a.example=PERM+VERIFY:256 TLS_From:b.example='
	    . 'TEMP+ENCR:128 TLS_To:+20x@c.example=ENCR:128', 'a change');
	$ldap->delete('TLS_To:+20x@c.example');
	$ldap->add('TLS_To:d.example' => 'WARN+VERIFY');
	$node->becomes('TLS_Clt:a.example=PERM+VERIFY:256 TLS_From:b.example='
	    . 'TEMP+ENCR:128 TLS_To:d.example=WARN+VERIFY',
	    'one gone, one new');
	my $before = $node->generation();
	$ldap->modify(join('', map { Tlspolicy::Ldap::entry("TLS_Clt:n$_.test",
	    "TLS_Clt:n$_.test", 'ENCR:128') } 1 .. 200), '-a');
	Tlspolicy::Scratch::wait_for(60, sub {
		(() = $node->shown() =~ /n\d+\.test/g) == 200 });
	is(scalar(() = $node->shown() =~ /n\d+\.test/g), 200, '200 new ones');
	cmp_ok($node->generation() - $before, '<', 30, 'in bursts');
	$ldap->modify(join '', map { "dn: sendmailMTAKey=TLS_Clt:n$_.test,"
	    . "$base\nchangetype: delete\n\n" } 1 .. 200);
	$node->becomes('TLS_Clt:a.example=PERM+VERIFY:256 TLS_From:b.example='
	    . 'TEMP+ENCR:128 TLS_To:d.example=WARN+VERIFY', 'all gone');
};

my $known = $node->shown();

subtest 'what cannot be taken' => sub {
	$ldap->change('TLS_From:b.example', 'TEMP+NONSENSE');
	Tlspolicy::Scratch::wait_for(60, sub {
		$node->says =~ /NONSENSE/ });
	is($node->shown(), $known, 'the last good rule stays');
	like($node->says,
	    qr/b\.example,\Q$base\E: found "NONSENSE".*last good rule stays/,
	    'the entry is named');
	# Another entry for a key that has one.
	$ldap->modify("dn: ou=sub,$base\nobjectClass: organizationalUnit\n"
	    . "ou: sub\n\n" . Tlspolicy::Ldap::entry('TLS_Clt:a.example',
	    'TLS_Clt:a.example', 'OK', 'ou=sub,'), '-a');
	Tlspolicy::Scratch::wait_for(60, sub {
		$node->says =~
		    /ou=sub,\S+ .*left out/ });
	is($node->shown(), $known, 'a key is not taken from the one who has it');
	# Keys that would become another line of rules, and an entry with two keys.
	my @none = ('TLS_Clt:x TLS_Clt:', '\#x', 'TLS_Clt:y.example');
	$ldap->modify(join('', map { Tlspolicy::Ldap::entry($none[$_], $_ == 2 ?
	    'TLS_Clt:z.example' : $none[$_] =~ s/^\\//r, 'OK') } 0 .. 2), '-a');
	$ldap->change('TLS_To:d.example', 'WARN+ENCR:1');
	$known =~ s/WARN\+VERIFY/WARN+ENCR:1/;
	$node->becomes($known, 'neither a blank nor a comment in a key');
	my $log = $node->says;
	like($log, qr/^tlspolicy: sendmailMTAKey=\Q$_\E,.*left out$/m,
	    "$_: named") for @none[0, 2];
	like($log, qr/^tlspolicy: sendmailMTAKey=\\(?:23|#)x,.*left out$/m,
	    'and the comment');
	$node->unfollow;
	like($node->once(0, 'after a start'), qr/NONSENSE/, 'it is told again');
	is($node->shown(), $known, 'and stays');
	# The entry that now has the key has no rule as its value.
	$ldap->modify("dn: sendmailMTAKey=TLS_Clt:a.example,$base\n"
	    . "changetype: delete\n\n"
	    . "dn: sendmailMTAKey=TLS_Clt:a.example,ou=sub,$base\n"
	    . "changetype: modify\nreplace: sendmailMTAMapValue\n"
	    . "sendmailMTAMapValue: NONE\n\n");
	like($node->once(0, 'another entry in its place'),
	    qr/ou=sub,.*last good rule stays/, 'is told');
	is($node->shown(), $known, 'the rule of its key stays');
	$node->once(0, 'after a start');
	is($node->shown(), $known, 'still');
	$ldap->modify("dn: $_\nchangetype: delete\n\n") for
	    "sendmailMTAKey=TLS_Clt:a.example,ou=sub,$base", "ou=sub,$base",
	    map { "sendmailMTAKey=$_,$base" } @none;
	$ldap->add('TLS_Clt:a.example' => 'PERM+VERIFY:256');
	$ldap->change('TLS_From:b.example', 'TEMP+ENCR:256');
	$known =~ s/TEMP\+ENCR:128/TEMP+ENCR:256/;
	$node->once(0, 'mended');
	is($node->shown(), $known, 'and in force');
};

subtest 'what others need' => sub {
	$ldap->add('Profile:p' => 'PERM+VERIFY', 'TLS_From:p.example' => 'AS:p');
	$node->once(0, 'a profile');
	my $with = $node->shown();
	like($with, qr/Profile:p/, 'is there');
	$ldap->delete('Profile:p');
	$ldap->change('TLS_To:d.example', 'OK');
	like($node->once(65, 'its end'), qr/left as it was/, 'is not taken');
	is($node->shown(), $with, 'nor anything beside it');
	$ldap->delete('TLS_From:p.example');
	$node->once(0, 'without who needs it');
	$known =~ s/WARN\+ENCR:1/OK/;
	is($node->shown(), $known, 'all is taken');
};

subtest 'claims' => sub {
	my $claims = $scratch->write('x.claims',
	    "client a.example in clear is never accepted\n");
	$node->conf(claims => $claims);
	$ldap->change('TLS_Clt:a.example', 'OK');
	like($node->once(65, 'not held'), qr/would not hold/, 'said');
	is($node->shown(), $known, 'kept out');
	$node->conf();
	$ldap->change('TLS_Clt:a.example', 'PERM+VERIFY:256');
	$node->once(0, 'as it was');
	is($node->shown(), $known, 'and is');
};

subtest 'a directory that is away' => sub {
	$node->follow();
	Tlspolicy::Scratch::wait_for(60, sub { -e "$store-sync" &&
	    Tlspolicy::Scratch::slurp("$store-sync") =~ /^good/ });
	$ldap->stop;
	Tlspolicy::Scratch::wait_for(60, sub { -e "$store-sync" &&
	    Tlspolicy::Scratch::slurp("$store-sync") =~ /^failed/ });
	like(Tlspolicy::Scratch::slurp("$store-sync"), qr/^failed \d{10} ./,
	    'is noted');
	is($node->shown(), $known, 'the policy stays');
	is($node->tlspolicy('sync', '--once')->{status}, 69, 'at a start, too');
	$ldap->run;
	$ldap->change('TLS_To:d.example', 'WARN+VERIFY');
	$known =~ s/=OK/=WARN+VERIFY/;
	$node->becomes($known, 'caught up');
	$node->unfollow;
	$ldap->delete('TLS_To:d.example');
	$known =~ s/ TLS_To:d\S+//;
	$node->once(0, 'what went while nobody looked');
	is($node->shown(), $known, 'is gone');
};

subtest 'killed at any moment' => sub {
	for my $n (1 .. 15) {
		$node->follow();
		$ldap->change('TLS_From:b.example', 'TEMP+ENCR:' . (100 + $n));
		sleep rand 0.3;
		$node->unfollow('KILL');
		like($node->shown(), qr/^TLS_Clt:a\.example=PERM\+VERIFY:256
		    \ TLS_From:b\.example=TEMP\+ENCR:\d+$/x, "whole, $n");
	}
	$node->once(0, 'at last');
	is($node->shown(), $known =~ s/ENCR:256/ENCR:115/r, 'up to date');
};

subtest 'rules by hand' => sub {
	my $r = $node->tlspolicy('set', 'TLS_Clt:hand.example', 'PERM+VERIFY');
	is($r->{status}, 0, 'set');
	like($r->{err}, qr/follows a directory/, 'says whose policy it is');
	$node->once(0, 'sync');
	unlike($node->shown(), qr/hand/, 'takes it away');
	like($node->tlspolicy('log', 'TLS_Clt:hand.example')->{out}, qr/sync by/,
	    'and the log has it');
};

# The store of a running sync is removed, replaced, or followed by a second sync:
# after the next change it has all rules.
subtest 'another store' => sub {
	my $all = $node->shown();
	my $rules = $scratch->write('own', "TLS_Clt:own.example PERM+VERIFY\n");
	my $other = Tlspolicy::Node->new(scratch => $scratch, name => 'other');
	my $second = Tlspolicy::Node->new(scratch => $scratch, name => 'second',
	    settings => { %{$node->{settings}} });
	$_->conf for $other, $second;
	$_->follow for $node, $second;
	for my $n (1 .. 3) {
		unlink $store, "$store-lock" if $n == 1;
		is($other->tlspolicy('build', $rules)->{status}, 0, 'a store');
		rename $other->{store}, $store or die if $n == 2;
		$ldap->add("TLS_Clt:s$n.example" => 'ENCR:128');
		$all = join ' ', sort split(/ /, $all),
		    "TLS_Clt:s$n.example=ENCR:128";
		Tlspolicy::Scratch::wait_for(60, sub {
			join(' ', sort split / /, $node->shown()) eq $all });
		is(join(' ', sort split / /, $node->shown()), $all, ('', 'removed',
		    'another one in its place', 'two follow')[$n] . ': all rules');
	}
	$_->unfollow for $node, $second;
	$ldap->delete("TLS_Clt:s$_.example") for 1 .. 3;
	$node->once(0, 'as before');
};

# A new data base at the same address, which knows nothing of the cookie.
subtest 'wiped and restored' => sub {
	$ldap->stop;
	unlink glob "$dir/slapd/data/*";
	$ldap->run;
	my $before = $node->shown();
	# slapd 2.6 answers as if there were no entries: 65, as below.
	like($node->tlspolicy('sync', '--once')->{status}, qr/^(?:65|69)$/,
	    'without its base');
	is($node->shown(), $before, 'the policy stays');
	$ldap->fill;
	$node->once(65, 'without a rule');
	is($node->shown(), $before, 'the policy stays again');
	$ldap->add('TLS_Clt:new.example' => 'PERM+VERIFY');
	$node->once(0, 'other entries');
	is($node->shown(), 'TLS_Clt:new.example=PERM+VERIFY', 'and only those');
	$ldap->delete('TLS_Clt:new.example');
	$node->once(0, 'no entry, and meant so', '--allow-empty');
	is($node->shown(), '', 'is no rule');
};

$ldap->stop;
done_testing;
