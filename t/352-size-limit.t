#!/usr/bin/perl
#
# tlspolicy-fleet(7): a node that binds with a password meets slapd's size limit of
# 500 entries, and has no half of a policy then; with the line of the page it has all.
# Nor has it half of one when access rules hide the other half: tlspolicy(1), sync.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Ldap;
use Tlspolicy::Scratch;
use Tlspolicy::Tree;

plan skip_all => Tlspolicy::Ldap::missing() if Tlspolicy::Ldap::missing();
plan skip_all => 'not root' if $> != 0;

my $scratch = Tlspolicy::Scratch->new;
my $dir = $scratch->dir;
my $node = 'cn=mx1,ou=machines,dc=example,dc=org';
my $ldap = Tlspolicy::Ldap->start(scratch => $scratch, name => 'slapd');
$ldap->modify(<<"END", '-a');
dn: ou=machines,dc=example,dc=org
objectClass: organizationalUnit
ou: machines

dn: $node
objectClass: person
cn: mx1
sn: mx1
userPassword: secret

END
my %rules = map { ("TLS_From:d$_.example" => 'PERM+VERIFY') } 1 .. 600;
$ldap->add(%rules);
chmod 0600, $scratch->write('password', 'secret');
$scratch->write('conf', join '', map { "$_\n" } "store = $dir/policy.mdb",
    'claims =', "audit-file = $dir/log", "directory = $ldap->{uri}",
    "directory-base = $Tlspolicy::Ldap::BASE", "directory-bind = $node",
    "directory-password-file = $dir/password");

sub tlspolicy
{
	my ($command, @args) = @_;
	return Tlspolicy::Scratch::run(Tlspolicy::Scratch::builddir() .
	    '/tlspolicy', $command, '-c', "$dir/conf", @args);
}

my $r = tlspolicy('sync', '--once');
isnt($r->{status}, 0, 'by its own limit slapd does not tell all') or
    diag $r->{err};
like($r->{err}, qr/size limit/i, 'which is said') or diag $r->{err};
isnt(tlspolicy('show')->{status}, 0, 'and no half of a policy is in force');

my ($line) = Tlspolicy::Tree::text('man/tlspolicy-fleet.7') =~
    /^(limits \S+ .*size=.*)$/m;
ok($line, 'the line of the page');
$ldap->stop;
my $conf = Tlspolicy::Scratch::slurp("$ldap->{dir}/slapd.conf");
$line =~ s/^limits \K\S+/dn.children="ou=machines,dc=example,dc=org"/;
$scratch->write('slapd/slapd.conf', $conf =~ s/^(maxsize .*\n)/$1$line\n/mr);
$ldap->run;
$r = tlspolicy('sync', '--once');
is($r->{status}, 0, 'with it slapd tells') or diag $r->{err};
is(scalar(() = tlspolicy('show')->{out} =~ /^TLS_From:/mg), 600, 'all of them');

my $shown = tlspolicy('show', '--canonical')->{out};
$conf = Tlspolicy::Scratch::slurp("$ldap->{dir}/slapd.conf");
sub hide
{
	my ($names) = @_;
	my $rule = "access to dn.regex=\"^sendmailMTAKey=TLS_From:$names\" by "
	    . "dn.exact=\"$node\" none by * break\n";
	$ldap->stop;
	$scratch->write('slapd/slapd.conf', $conf =~ s/^(?=access to)/$rule/mr);
	$ldap->run;
}

sub all_of
{
	my ($status, $what, @args) = @_;
	$r = tlspolicy('sync', '--once', '--all', @args);
	is($r->{status}, $status, $what) or diag $r->{err};
}

hide('d[1-4]');
for my $what ('hidden', 'hidden, and another one has changed') {
	all_of(65, "half of the entries and more are $what");
	like($r->{err}, qr/nobody told that they were deleted.*--allow-empty/,
	    'which is told');
	is(tlspolicy('show', '--canonical')->{out}, $shown, 'nothing is weaker');
	$ldap->change('TLS_From:d60.example', 'PERM+ENCR:128');
}
hide('d1');
all_of(0, '111 of 600');
like(tlspolicy('log')->{out}, qr/gone: sendmailMTAKey=TLS_From:d1/, 'are named');
is(scalar(() = tlspolicy('show')->{out} =~ /^TLS_From:/mg), 489, 'all others');
hide('d[1-4]');
all_of(0, 'meant so', '--allow-empty');
is(scalar(() = tlspolicy('show')->{out} =~ /^TLS_From:/mg), 156, 'fewer');
hide('none');
is(tlspolicy('sync', '--once')->{status}, 0, 'that it is seen is no change');
is(scalar(() = tlspolicy('show')->{out} =~ /^TLS_From:/mg), 156, 'as before');
all_of(0, 'all');
is(scalar(() = tlspolicy('show')->{out} =~ /^TLS_From:/mg), 600, 'all of them');

done_testing;
