#!/usr/bin/perl
#
# What tlspolicy-rules(5) says that stops a build does, with the message that
# stands there; each row of the table has its paragraph; and set, diff, check
# and import stop at the same.

use strict;
use warnings;
no warnings 'qw'; # commas are meant
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Scratch;
use Tlspolicy::Tree;

my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
plan skip_all => "$tlspolicy is not built" unless -x $tlspolicy;

my $scratch = Tlspolicy::Scratch->new;
chdir $scratch->path('') or die $!;
my %manual = Tlspolicy::Tree::manual('tlspolicy-rules.5');
my $section = $manual{'WHAT STOPS A BUILD'};
my $compat = $scratch->write('compat.conf', "compat = sendmail\n");

sub run { return Tlspolicy::Scratch::run($tlspolicy, @_) }

# The displays of a text: its rules, and the message that goes on in lines
# with blanks in front.
sub examples {
	my ($text) = @_;
	my @examples;
	for my $display ($text =~ /^\.Bd -literal.*?\n(.*?)^\.Ed/msg) {
		my ($rules, $message) = $display =~ /\A(.*?)^(rules:.*)\z/ms;
		$message =~ s/\n +/ /g;
		chomp $message;
		push @examples, [$rules, $message];
	}
	return @examples;
}

my %row = map { /^"([\w-]+)",/ ? ("$1" => /sendmail_takes_it = true/ ? 'true' : '') : () }
    split /^\t\{ \.name = /m, Tlspolicy::Tree::code('policy/rules/never.c');
my ($list) = $section =~ /^(\.Bl -tag.*?^\.El)/ms;
my %paragraph = map { /\A\.It Li ([\w-]+)\n/ ? ($1 => $_) : () }
    split /^(?=\.It )/m, $list;
cmp_ok(scalar keys %row, '>', 20, 'rows of the table');
is_deeply([grep { !exists $paragraph{$_} } sort keys %row], [],
    'a paragraph for each row');

my ($taken) = $section =~ /tells of it:\n\.Li (.*?)\.Bl/s;
is_deeply([sort $taken =~ /[a-z]+(?:-[a-z]+)*/g],
    [sort grep({ $row{$_} eq 'true' } keys %row), 'and', 'i'],
    'the rows that compat = sendmail lets pass') or diag $taken;

my $store = $scratch->path('policy.mdb');
for my $name (sort keys %paragraph) {
	my ($example, @more) = examples($paragraph{$name});
	ok($example && !@more, "$name: an example") or next;
	my ($rules, $message) = @$example;
	$scratch->write('rules', $rules);
	my $built = run(qw(build -c /dev/null -d), $store, 'rules');
	is($built->{status}, 65, "$name: build stops") or diag $built->{err};
	is((split /\n/, $built->{err})[0], $message, "$name: the message");
	ok(!-e $store, "$name: no store is made");
	for my $command (['check', '-r', 'rules', 'client_addr=192.0.2.1'],
	    ['lint', 'rules'], ['diff', '-d', $store, 'rules']) {
		my @argv = @$command;
		my $got = run(shift @argv, '-c', '/dev/null', @argv);
		is($got->{status}, 65, "$name: $command->[0] stops") or
		    diag "$got->{out}$got->{err}";
	}
	next unless exists $row{$name};
	my ($last) = $rules =~ /(\S+ .*)\n\z/;
	my ($what) = $message =~ /^rules:\d+:\d+: (.*)/;
	my $set = run(qw(set -c /dev/null -d), $store, split(/ /, $last, 2));
	is($set->{status}, 65, "$name: set stops") or diag $set->{err};
	like($set->{err}, qr/\Q$what\E/, "$name: set says the same");
	$built = run('build', '-n', '-c', $compat, '-d', $store, 'rules');
	is($built->{status}, $row{$name} eq 'true' ? 0 : 65,
	    "$name: with compat = sendmail") or diag $built->{err};
	next if $row{$name} ne 'true';
	my $lint = run('lint', '-c', $compat, 'rules');
	like($lint->{out}, qr/^    never-(?:matches|holds): /m,
	    "$name: lint tells of it");
}

# The warning is one.
my ($unused) = (examples($section))[-1];
$scratch->write('rules', $unused->[0]);
for my $command (qw(build lint)) {
	my $got = run($command, '-c', '/dev/null', '-d', $store, 'rules');
	is($got->{status}, 0, "an issuer without use: $command goes on");
	like($got->{err}, qr/^\Q$unused->[1]\E$/m, "$command says so");
}

# stops(RULE...): each alone stops a build; passes(RULE...): all together pass.
sub stops {
	my ($name, @rules) = @_;
	for my $rule (@rules) {
		$scratch->write('rules', "$rule\n");
		my $got = run(qw(build -n -c /dev/null -d), $store, 'rules');
		is($got->{status}, 65, "$name: $rule");
		like($got->{err}, qr/^rules:1:\d+: "[^\n]* can never /,
		    "$name: $rule: why");
	}
}

stops('hosts', map { "TLS_Clt:$_ ENCR:1" } '?', 'mail?.a.example', '/re/',
    'mail[0-9]', 'a|b', '^a$', '*', 'a.*', '192.0.2.*', '192.0.2.1-9',
    '192.0.2.x', '2001:db8::1-2001:db8::9', '2001:db8::g',
    'a.example;b.example', '192.0.2.1,192.0.2.2',
    '192.0.2.0/24,198.51.100.0/24', '192.0.2.1:25', '[a.example]:25',
    '[192.0.2.1', '192.0.2.1]', '192.0.2.1.5', 'fe80::1%1', '[fe80::1%eth0]',
    '255.255.255.255', '0.0.0.0', '::', 'ff02::1', '239.0.0.0/8', '.', '..a',
    'a..', '"a"', 'a+20b', 'a(b)', 'a' x 64 . '.example',
    join('.', ('a' x 60) x 5), '<a.example>', '@a.example', 'unknown');
stops('servers', map { "$_:*.a.example OK" } qw(TLS_Srv Try_TLS));
stops('without a tag', map { "$_ ENCR:1" } '*.a.example', '192.0.2.1-9',
    'unknown', 'joe@a.example');
stops('addresses', map { "TLS_From:$_ ENCR:1" } '*@a.example', 'joe*@a.example',
    '*@', '*', '@', 'a@b@c', 'a@x.example;b@x.example', 'joe@a.example:25',
    'joe@[192.0.2]', 'joe@[a.example]', 'joe@[192.0.2.1', 'joe@a_+b.example',
    'joe@a.example,b.example', 'joe(c)@a.example', '"a"b"@a.example',
    'joe@192.0.2.1', '*.a.example', '/.*@a/', 'joe@fe80::1%1');
# A slash is a network's, and mail has none; an @ between quotes is no domain's.
stops('slashes', map { "TLS_From:$_ ENCR:1" } 'a/b', 'a.example/24',
    '192.0.2.0/24', '2001:db8::1', '2001:db8::/32', '"a/@".example', '"a@b".c/d',
    'a@b/c');
# U+3002, U+FF0E and U+FF61 are dots; U+FF11, U+FF0A and U+FF1A are 1, * and :.
my @converted = ("a.\xe3\x80\x82com", "a\xef\xbc\x8e\xef\xbd\xa1com",
    "a.com.\xe3\x80\x82", ".\xe3\x80\x82a.com", "\xe3\x80\x82", "4\xe3\x80\x82",
    "\xef\xbc\x9192.0.2.1", "\xef\xbc\x9192.0.2.256", "\xef\xbc\x8a.x.test",
    "x.test\xef\xbc\x9a25");
stops('converted', (map { ("TLS_Clt:$_ ENCR:1", "TLS_From:$_ ENCR:1",
    "TLS_To:user\@$_ ENCR:1", "TLS_Rcpt:$_ ENCR:1",
    "TLS_From:a.example VERIFY+CLIENT:$_") } @converted[0, 1, 2, 4 .. 9]),
    map { "$_:$converted[3] ENCR:1" } qw(TLS_Clt TLS_From));
stops('words', map { "$_ ENCR:1" } 'TLS_Auth:*', 'TLS_Auth:/.*/',
    'TLS_Auth:<joe>', 'TLS_Auth:@a.example', 'TLS_Daemon:*', 'TLS_Daemon:25,587',
    'TLS_Daemon:*:25', 'TLS_Daemon:[::]:25', 'TLS_Daemon:localhost:25',
    'TLS_Daemon:65536', 'TLS_Daemon:0587');
stops('requirements', map { "TLS_Clt:a.example $_" } 'VERIFY+CN:x++PSF',
    'VERIFY+ICN:x++AED', 'VERIFY+CS:/CN=x++CITga', 'VERIFY+CN:a+PFS',
    'VERIFY+CS:/CN=a+AEAD', 'ENCR:0+BY:x+UNTILL:2099-01-01',
    'ENCR:0+BY:x+FROM:2020-01-01++PFS', 'ENCR:1+PFS++CIPHER:AES128-SHA',
    'ENCR:1+AEAD++CIPHER:AES128-SHA', 'ENCR:1+VER:1.3++CIPHER:HIGH',
    'ENCR:1+CIPHER:AES128-SHA++CIPHER:AES256-SHA',
    'VERIFY+CN:badcertificateUnknown');

$scratch->write('rules', join '', map { "$_\n" }
    "TLS_Clt:b\xc3\xbccher.example ENCR:1", (map { "TLS_Clt:$_ ENCR:1" }
    qw(a_b.example. .b.example [192.0.2] [IPv6:2001:db8::1] IPv6:2001:db9 10
    1.example localhost 0.0.0.0/0 ::/0 [0.0.0.0/0] -a.example com
    1.2.3.example 224.example unknown.example)),
    (map { "TLS_From:$_ ENCR:1" } qw(joe+*@a.example joe@ joe+x@ <> .d.example
    joe@[192.0.2.1] joe@[IPv6:2001:db8::1] "a@b"@c.example "*"@a.example
    "a,b"@a.example "j+20d"@a.example "j+20d+*"@a.example a%b@c.example
    o'hara@a.example a!b@c.example a=b/c?d{e}@x.example joe@e.example.),
    "j\xc3\xbcrgen\@a.example"),
    (map { "TLS_Auth:$_ ENCR:1" } qw(joe "*" cn=a,dc=b joe@a.example "a+20b")),
    (map { "TLS_Daemon:$_ ENCR:1" } qw(MTA-v4 587 0 mx.example "0587" "a:25")),
    map({ "TLS_Clt:r" . $_->[0] . ".example $_->[1]" } [1,
    'VERIFY+CN:a+2B+2Bb'], [2, 'VERIFY+CN:*.a++CN:b.a'], [3,
    'VERIFY+CN:a+b'], [4, 'ENCR:1+BY:ticket+2017'], [5,
    'ENCR:1+MSG:a+UNTIL:2020-01-01 ++PSF'], [6, 'ENCR:0+UNTIL:2020-01-01'],
    [7, 'ENCR:1+VER:1.3++CIPHER:TLS_AES_128_GCM_SHA256'], [8,
    'ENCR:1+PFS++CIPHER:HIGH'], [9, 'VERIFY+CN:a++CN:A'], [10,
    'VERIFY+CN:+50FS'], [11, 'ENCR:1024'], [12,
    'ENCR:1+CIPHER:ECDHE+AESGCM:AES128-SHA'], [13,
    'VERIFY+ICN:a++ICN:b'], [14, 'VERIFY+CI:/CN=a++CI:/CN=b']));
my $passes = run(qw(build -c /dev/null -d), $store, 'rules');
is($passes->{status}, 0, 'what may match passes') or diag $passes->{err};

# What show prints builds the same policy.
my $shown = run(qw(show -c /dev/null -d), $store);
$scratch->write('again', $shown->{out});
my $diff = run(qw(diff -c /dev/null -d), $store, 'again');
is($diff->{out}, '', 'show and diff: nothing differs') or diag $diff->{err};

# sendmail's and Postfix's files: named, not taken, exit code 65.
$scratch->write('access', "TLS_Clt:a.example\tVERIFY+CN:x++PSF\n" .
    "TLS_Clt:b.example\tENCR:1\nTLS_Clt:*.c.example\tENCR:1\n");
my $import = run(qw(import sendmail access));
is($import->{status}, 65, 'import stops');
is($import->{out} =~ s/^#.*\n//mgr,
    "TLS_Clt:b.example\tENCR:1+BY:sendmail:access\n", 'and takes the rest') or diag $import->{err};
like($import->{err}, qr/^access:1:.*"PSF" can never hold.*\n.*^access:3:.*"\*\.c\.example" can never match/ms,
    'and names both');

chdir '/';
done_testing;
