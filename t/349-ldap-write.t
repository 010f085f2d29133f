#!/usr/bin/perl
#
# Rules into a real directory: build, set, del, diff and export.  Whatever was
# there before, who follows it ends with the very policy that the files make.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Ldap;
use Tlspolicy::Node;
use Tlspolicy::Scratch;

plan skip_all => Tlspolicy::Ldap::missing() if Tlspolicy::Ldap::missing();
plan skip_all => 'not root' if $> != 0;

my $scratch = Tlspolicy::Scratch->new;
my $dir = $scratch->dir;
my $base = $Tlspolicy::Ldap::BASE;
my $ldap = Tlspolicy::Ldap->start(scratch => $scratch, name => 'slapd');
my $rules = $scratch->path('rules');

# The store `files' is built by hand, `node' follows.
my %node;
sub conf
{
	my ($name, %s) = @_;
	$node{$name} = Tlspolicy::Node->new(scratch => $scratch, name => $name,
	    settings => { rules => $rules, directory =>
	    "ldapi://nowhere $ldap->{uri}", 'directory-base' => $base,
	    'directory-bind' => 'external', %s });
	return $node{$name}->conf;
}

sub tlspolicy
{
	my ($name, @command) = @_;
	return $node{$name}->tlspolicy(@command);
}

sub good
{
	my ($name, @command) = @_;
	my $r = tlspolicy($name, @command);
	is($r->{status}, 0, "@command[0 .. ($#command > 1 ? 1 : $#command)]")
	    or diag $r->{err};
	return $r;
}

# Builds from files, writes to the directory, and compares both stores by their
# digest; the next policy may have less than half of the entries of the one before.
sub arrives
{
	my ($what, @how) = @_;
	my $r = good('files', 'build', '--ldap', @how);
	good('files', 'build', @how);
	good('node', 'sync', '--once', '--allow-empty');
	is(tlspolicy('node', 'show', '--canonical')->{out},
	    tlspolicy('files', 'show', '--canonical')->{out}, "$what: arrives");
	return join ' ', $r->{err} =~ /(\d+) entries added, (\d+) changed, (\d+) removed/;
}

sub entries
{
	return join '', qx(ldapsearch -Q -LLL -o ldif-wrap=no -H '$ldap->{uri}' -Y EXTERNAL -b '$base' '(objectClass=sendmailMTAMapObject)' entryCSN);
}

conf('files');
conf('node');
my @lines = ('TLS_Clt:a.example PERM+VERIFY',
    'TLS_From:b.example ENCR:0+WHEN:192.0.2.0/24++BY:x',
    'TLS_From:b.example TEMP+ENCR:128', 'TLS_To:+20x@c.example ENCR:128',
    'TLS_Clt:IPv6:2001:db8::1 PERM+ENCR:128', 'Profile:bank PERM+VERIFY:256',
    'TLS_From:d.example AS:bank', 'TLS_From:x@d.example AS:bank');
$scratch->write('rules', join '', map { "$_\n" } @lines);

subtest 'build' => sub {
	is(arrives('from nothing'), '8 0 0', 'all are added');
	my $before = entries();
	is(arrives('again'), '0 0 0', 'nothing is written');
	is(entries(), $before, 'no entry was touched');
	$scratch->write('rules', join '', map {
	    s/^(TLS_Clt:a.*VERIFY)$/$1:128/r . "\n" } @lines);
	is(arrives('a change'), '0 1 0', 'one is written');
	my @when = map { "TLS_From:b.example ENCR:0+WHEN:192.0.3.$_++BY:x" }
	    1 .. 3;
	$scratch->write('rules', join '', map { "$_\n" } @when, @lines);
	is(arrives('lines before those of a key'), '3 3 0',
	    'as many as need be: the names stand in order');
	$scratch->write('rules', join '', map { "$_\n" } reverse(@when), @lines);
	is(arrives('the order of a key'), '0 2 0', 'is written');
	$scratch->write('rules', join '', map { "$_\n" } @when[1, 2], @lines,
	    'TLS_To:c.example ENCR:128');
	arrives('one less, one key more');
	$scratch->write('rules', join '', map { "$_\n" } @lines[2, 5, 6]);
	arrives('no condition any more');
	$scratch->write('rules', join '', map { "$_\n" } @lines);
	arrives('and again');
	$scratch->write('rules', join '', map { "$_\n" } @lines[0, 1]);
	arrives('fewer');
};

subtest 'what is no rule there' => sub {
	$ldap->add('TLS_Clt:bad.example' => 'NONSENSE', 'untagged.example' =>
	    'PERM+VERIFY');
	my $r = tlspolicy('files', 'diff', '--ldap');
	is($r->{status}, 1, 'diff finds it');
	like($r->{err}, qr/bad\.example,\S+: .*NONSENSE/, 'and names it');
	like($r->{out}, qr/^- TLS_Clt:untagged\.example\t/m, 'and what is gone');
	my $before = entries();
	is(tlspolicy('files', 'build', '--ldap', '-n')->{out}, $r->{out},
	    'a dry build prints the same');
	is(entries(), $before, 'and writes nothing');
	is(arrives('a build'), '0 0 2', 'takes it away');
	is(tlspolicy('files', 'diff', '--ldap')->{status}, 0, 'no difference');
	$ldap->add('TLS_From:d.example' => 'AS:gone');
	is(arrives('rules that cannot stand together'), '0 0 1', 'are mended');
};

subtest 'set and del' => sub {
	$scratch->write('rules', join '', map { "$_\n" } @lines);
	arrives('all');
	like(good('files', 'set', '--ldap', 'TLS_Clt:a.example', 'ENCR:256')
	    ->{err}, qr/0 entries added, 1 changed, 0 removed; 8 rules/, 'one');
	good('files', 'set', '--ldap', 'TLS_From:b.example',
	    'WARN+VERIFY+WHEN:192.0.2.0/24++BY:x');
	good('files', 'set', 'TLS_Clt:a.example', 'ENCR:256');
	good('files', 'set', 'TLS_From:b.example',
	    'WARN+VERIFY+WHEN:192.0.2.0/24++BY:x');
	good('node', 'sync', '--once', '--allow-empty');
	is(tlspolicy('node', 'show', '--canonical')->{out}, tlspolicy('files',
	    'show', '--canonical')->{out}, 'as in a store');
	my $before = entries();
	for (['bad', 65, 'set', 'TLS_Clt:a.example', 'NONSENSE'], ['no profile',
	    65, 'set', 'TLS_Clt:a.example', 'AS:none'], ['a profile in use', 65,
	    'del', 'Profile:bank'], ['no rule', 1, 'del', 'TLS_Clt:none.example'],
	    ['none, and fine', 0, 'del', '-i', 'TLS_Clt:none.example'],
	    ['a message', 64, 'del', '-m', 'x', 'TLS_Clt:a.example']) {
		my ($what, $status, $command, @args) = @$_;
		my $r = tlspolicy('files', $command, '--ldap', @args);
		is($r->{status}, $status, "$what: exit code");
		like($r->{err}, $status ? qr/^(?!.*nowhere)\S/m : qr/^\S+ \S*nowhere.*\n\z/,
		    "$what: said");
	}
	is(entries(), $before, 'and nothing was written');
	like(good('files', 'del', '--ldap', 'TLS_From:b.example')->{err},
	    qr/0 changed, 2 removed; 6 rules/, 'both lines of a key');
};

subtest 'who may not' => sub {
	my $claims = $scratch->write('x.claims',
	    "client a.example in clear is never accepted\n");
	my $before = entries();
	conf('bound', claims => $claims);
	my $r = tlspolicy('bound', 'set', '--ldap', 'TLS_Clt:a.example', 'OK');
	is($r->{status}, 65, 'claims');
	like($r->{err}, qr/would not hold/, 'are asked');
	conf('empty', rules => $scratch->write('empty', ''));
	$r = tlspolicy('empty', 'build', '--ldap', '-n');
	is($r->{status}, 0, 'a file without a byte');
	like($r->{err}, qr/no rule, not a byte .*, for ldapi:/, 'is told');
	conf('reader', 'directory-bind' => '');
	$r = tlspolicy('reader', 'build', '--ldap');
	is($r->{status}, 69, 'nobody');
	like($r->{err}, qr/nsufficient access|No such object|uthentication/,
	    'is told');
	conf('away', directory => 'ldapi://nowhere');
	is(tlspolicy('away', $_ eq 'diff' ? 'diff' : 'build', '--ldap')->{status},
	    69, "$_: nobody is there") for qw(build diff);
	is(entries(), $before, 'and nothing was written');
};

# A directory of one's own way to load it.
subtest 'export' => sub {
	$scratch->write('rules', join '', map { "$_\n" } @lines,
	    "TLS_From:j\xc3\xb6rg\@e.example PERM+VERIFY");
	good('files', 'build');
	for my $how ([], ['--store']) {
		$ldap->stop;
		unlink glob "$dir/slapd/data/*";
		$ldap->run;
		$ldap->fill;
		my $r = good('files', 'export', 'ldif', @$how);
		$ldap->modify($r->{out}, '-a');
		good('node', 'sync', '--once', '--allow-empty');
		is(tlspolicy('node', 'show', '--canonical')->{out}, tlspolicy(
		    'files', 'show', '--canonical')->{out}, "loaded, @$how");
		is(tlspolicy('files', 'build', '--ldap')->{err} =~
		    /unchanged/ ? 1 : 0, 1, 'and it is what build makes');
	}
	is(tlspolicy('files', 'export', $_)->{status}, 64, "$_: no such form")
	    for qw(json ldi);
	conf('nobase', 'directory-base' => '');
	is(tlspolicy('nobase', 'export', 'ldif')->{status}, 78, 'below nothing');
};

# How a node leaves its directory, as tlspolicy-fleet(7) has it.
subtest 'leaving' => sub {
	my $before = tlspolicy('node', 'show', '--canonical')->{out};
	like(tlspolicy('node', 'set', 'TLS_Clt:a.example', 'PERM+VERIFY')->{err},
	    qr/follows a directory/, 'a node says that it follows');
	my $left = $scratch->write('left', tlspolicy('node', 'show')->{out});
	unlink "$node{node}{store}-sync" or die;
	unlike(good('node', 'build', $left)->{err}, qr/directory/, 'no more');
	is(tlspolicy('node', 'show', '--canonical')->{out}, $before,
	    'by the same policy');
	good('node', 'sync', '--once', '--allow-empty');
	is(tlspolicy('node', 'show', '--canonical')->{out}, $before,
	    'and back again');
};

# Keys and requirements of every kind.
subtest 'what is shipped' => sub {
	my $top = Tlspolicy::Scratch::topdir();
	for ('rules.example', 'bank/rules.d') {
		arrives($_, "$top/scripts/$_");
		is(arrives("$_ again", "$top/scripts/$_"), '0 0 0',
		    'nothing is written');
	}
};

# From any policy to any other one.
subtest 'by chance' => sub {
	srand(my $seed = $ENV{TLSPOLICY_SEED} // time);
	note "TLSPOLICY_SEED=$seed";
	my @all = (@lines, (map { my $n = $_; map {
	    "TLS_From:k$n.example PERM+ENCR:1$_+WHEN:192.0.2.$_++BY:x" } 1 .. 4 }
	    1 .. 4), map { "TLS_Clt:k$_.example ENCR:128" } 1 .. 5);
	for (1 .. 8) {
		my @some = grep { rand() < 0.6 } @all;
		@some = ((sort { rand() <=> 0.5 } grep { /WHEN/ } @some),
		    grep { !/WHEN/ } @some);
		push @some, 'Profile:bank PERM+VERIFY:256' if !grep { /^Prof/ }
		    @some;
		push @some, 'TLS_To:p.example AS:bank';
		$scratch->write('rules', join '', map { s/ENCR:1/rand() < 0.5 ?
		    'ENCR:1' : 'ENCR:2'/er . "\n" } @some);
		arrives("seed $seed, $_");
	}
};

$ldap->stop;
done_testing;
