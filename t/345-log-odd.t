#!/usr/bin/perl
#
# log, show, set, del, export and rollback: who did it, keys of every kind, what
# is not kept any more, and what profiles change.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP qw(decode_json);
use MIME::Base64 qw(decode_base64);
use POSIX qw(strftime);
use Test::More;
use Tlspolicy::Fault;
use Tlspolicy::Scratch;

my $bin = Tlspolicy::Scratch::builddir() . '/tlspolicy';
plan skip_all => "$bin is not built" unless -x $bin;
plan skip_all => $_ for grep { defined } Tlspolicy::Fault::missing('clock');
my $scratch = Tlspolicy::Scratch->new;
my $clock = Tlspolicy::Fault::Clock->new($scratch);
$clock->ahead(0);
my ($store, $conf) = ($scratch->path('policy.mdb'), $scratch->write('conf', "history = 1d\n"));
my %env;
sub tlspolicy { Tlspolicy::Scratch::run({ env => { %{$clock->env}, %env } }, $bin, shift, '-c', $conf, '-d', $store, @_) }
sub is_run {
	my ($args, $status, $out, $err, $name) = @_;
	my $r = tlspolicy(@$args);
	$name //= "@$args";
	is($r->{status}, $status, "$name: exit $status") or diag $r->{err};
	ref $out ? like($r->{out}, $out, "$name: output") : is($r->{out}, $out, "$name: output");
	ref $err ? like($r->{err}, $err, "$name: messages") : is($r->{err}, $err, "$name: messages");
	return $r;
}
sub json { return decode_json(tlspolicy(@_, '--json')->{out} || 'null') }
sub rules { return $scratch->write('rules', join '', map { "$_\n" } @_) }

# No store yet.
is_run(['log'], 66, '', qr/policy\.mdb/);
is_run(['show'], 66, '', qr/policy\.mdb/);
is_run(['set', 'TLS_Clt:a.test', 'AS:p'], 66, '', qr/policy\.mdb|no such|No such/, 'a profile of no store');
is_run(['set', 'MyCA:/CN=x', 'OK'], 0, '', qr/no rule names CITag:MyCA yet\n.*generation 1, 1 rule/, 'the first rule, an issuer');
unlink glob "$store*";
is_run(['set', 'Profile:p', 'ENCR:1'], 0, '', qr/generation 1, 1 rule/, 'the first rule, a profile');
is_run(['set', 'TLS_Clt:a.test', 'AS:p'], 0, '', qr/generation 2, 2 rules/, 'who is as that');
is_run(['set', 'TLS_Clt:b.test', 'AS:q'], 65, '', qr/^set:1:\d+: .*q/, 'a profile that is none');
is_run(['set', 'Profile:p', 'ENCR:2'], 0, '', qr/generation 3, 2 rules/, 'another profile');
is_run(['del', 'Profile:p'], 65, '', qr/TLS_Clt:a\.test/, 'one that is used');
is_run(['log', 'TLS_Clt:a.test'], 0, qr/^    > TLS_Clt:a\.test.*ENCR:1.*ENCR:2/m, '', 'what the profile changed');
my ($touched) = @{json('log', 'TLS_Clt:a.test')};
is("$touched->{generation} $touched->{changes}[0]{change}", '3 touched', '... as JSON');
is(json('log', 'TLS_Clt:a.test')->[1]{changes}[0]{change}, 'added', 'when it came');
is(json('log', 'Profile:p')->[0]{changes}[0]{change}, 'changed', 'a change');
is(json('log', 'Profile:p')->[1]{changes}[0]{change}, 'added', 'with the first generation');
is_run(['log', 'Profile:p'], 0, qr/^    ~ Profile:p\tENCR:1 -> ENCR:2\n\ngeneration 1 .*\n    1 rule\n    \+ Profile:p\tENCR:1\n\z/m, '', 'the same for people');
is_run(['log', 'TLS_Clt:z.test', '--since', '1d'], 1, '', qr/changed TLS_Clt:z\.test in that time$/, 'nothing, of a time');
is_run(['log', 'TLS_Clt:z.test', '--until', '2099-01-01'], 1, '', qr/changed TLS_Clt:z\.test in that time$/);
is_run(['log', '--since', '2099-01-01'], 1, '', qr/no generation from 1 to 3 is of that time/);
is_run(['log', 'TLS_Clt:a.test', '--until', '2020-01-01'], 1, '', qr/in that time/);
is_run(['log', '-v', '--json'], 0, qr/"touched"/, '', 'all of it');
is_run(['log', 'a.test'], 0, qr/TLS_Clt:a\.test/, '', 'a key without its tag');
is_run(['del', 'TLS_Clt:a.test'], 0, '', qr/1 line of TLS_Clt:a\.test removed\n.*generation 4, 1 rule/);
is(json('log', 'TLS_Clt:a.test')->[0]{changes}[0]{change}, 'removed', 'a removal');
is_run(['del', 'no.test'], 1, '', qr/no\.test/, 'a key that is not there, without its tag');
is_run(['del', '300.1.1.1/99'], 65, '', qr/\S/, 'no key');

# After a day and more the first are not kept.
$clock->ahead(3 * 86400);
is_run(['set', 'TLS_Clt:new.test', 'OK'], 0, '', qr/generation 5/, 'days later');
is_run(['set', 'TLS_Clt:newer.test', 'OK'], 0, '', qr/generation 6/, 'and again');
is_run(['log', 'Profile:p'], 1, '', qr/the key had rules before generation \d, the oldest that is kept\n.*no generation from \d to 6 changed Profile:p$/,
    'what nobody knows any more');
is_run(['show', '--at', '2020-01-01'], 66, '', qr/no generation is kept of that time; the oldest is generation \d of/);
is_run(['rollback', 1], 66, '', qr/generation 1 is not kept/);
my ($newest) = @{json('log')};
is($newest->{time}, strftime('%Y-%m-%d', gmtime(time + 3 * 86400)) . substr($newest->{time}, 10), 'by the clock of then');

# The user who made a generation, as log tells.
SKIP: {
	skip 'needs root, without a login', 8 if $> != 0 || Tlspolicy::Scratch::slurp('/proc/self/loginuid') !~ /^4294967295/;
	my $n = 0;
	for (['nobody', 'nobody'], ['no-such-user', 'root'], [undef, 'root']) {
		my ($sudo, $login) = @$_;
		delete $ENV{SUDO_USER};
		%env = defined $sudo ? (SUDO_USER => $sudo) : ();
		is(tlspolicy('set', 'TLS_Clt:w' . $n++ . '.test', 'OK')->{status}, 0, 'set');
		is(json('log')->[0]{login}, $login, 'by ' . ($sudo // 'nobody with sudo'));
	}
	%env = ();
	# A user without a name.
	my $program = $scratch->for_all('tlspolicy');
	my $folder = $scratch->path('theirs');
	mkdir $folder;
	chown 54321, 54321, $folder;
	chmod 0644, $conf;
	my $r = Tlspolicy::Scratch::run('setpriv', '--reuid', 54321, '--regid', 54321, '--clear-groups', $program, 'set', '-c', $conf, '-d',
	    "$folder/policy.mdb", 'TLS_Clt:a.test', 'OK');
	is($r->{status}, 0, 'set by a user without a name') or diag $r->{err};
	$r = Tlspolicy::Scratch::run($bin, 'log', '-c', $conf, '-d', "$folder/policy.mdb");
	like($r->{out}, qr/ set by uid 54321 at /, 'is told by the number');
	like($r->{err}, qr/policy\.mdb is in a folder of user without a name: going on as that user/, 'root becomes that user');
}

# Values for a directory: what is no safe string is base64.
my $ldif = $scratch->write('ldif.conf', "directory-base = ou=rules,dc=x\n");
sub export { Tlspolicy::Scratch::run($bin, 'export', '-c', $ldif, '-d', $store, 'ldif', @_) }
my $r = export(rules('TLS_Clt:a.test PERM+ENCR:1+MSG:ask us ', "TLS_From:ann\@b.test ENCR:1+MSG:gr\xc3\xbc\xc3\x9fe", 'TLS_Clt:c.test ENCR:1+UNTIL:2030-01-01',
    'TLS_Clt:c.test OK'));
is($r->{status}, 0, 'export') or diag $r->{err};
is(scalar(() = $r->{out} =~ /^dn:/mg), 4, 'an entry for each');
ok((grep { decode_base64($_) =~ /gr\xc3\xbc\xc3\x9fe/ } $r->{out} =~ /^\S+:: (\S+)$/mg), 'what is not ASCII');
is($r->{out} =~ /[^\x00-\x7f]/ ? 1 : 0, 0, '... is not there as it is');
is(join(' ', sort $r->{out} =~ /: (000\d)$/mg), '0001 0002', 'lines of one key are numbered');
is(Tlspolicy::Scratch::run($bin, 'export', '-c', $ldif, '-d', $scratch->path('none.mdb'), '--store', 'ldif')->{status}, 66, 'of no store');
is(export($scratch->write('bad', "nonsense\n"))->{status}, 65, 'of bad rules');

# Lines in the order of their files, and the days of those that end.
my $today = int(time / 86400) * 86400;
sub day { return strftime('%Y-%m-%d', gmtime($today + 86400 * shift)) }
$clock->ahead(0);
unlink glob "$store*";
my ($one, $two) = ($scratch->write('one', 'TLS_Clt:e.test ENCR:1+UNTIL:' . day(0) . "\nTLS_Clt:f.test ENCR:1+UNTIL:" . day(1) . "\nTLS_Clt:h.test OK\n"),
    $scratch->write('two', "TLS_Clt:d.test ENCR:0+UNTIL:" . day(400) . "\nTLS_Clt:a.test OK\n"));
is_run(['build', $one, $two], 0, '', qr/generation 1, 5 rules/);
$r = tlspolicy('show');
is(join(' ', $r->{out} =~ /^TLS_Clt:(\w)/mg), 'e f h d a', 'in their order');
like($r->{err}, qr/^\Q$one\E:1: TLS_Clt:e\.test expires at the end of @{[day(0)]}, in 1 day$/m, 'today');
like($r->{err}, qr/^\Q$one\E:2: TLS_Clt:f\.test expires at the end of @{[day(1)]}, in 2 days$/m, 'tomorrow');
unlike($r->{err}, qr/TLS_Clt:[dha]/, 'others are not told of');
is(join(' ', tlspolicy('show', '--canonical')->{out} =~ /^TLS_Clt:(\w)/mg), 'a d e f h', 'by key');
my %left = map { $_->{key} => $_ } @{json('show')};
is("$left{'TLS_Clt:e.test'}{days_left} $left{'TLS_Clt:f.test'}{days_left} $left{'TLS_Clt:d.test'}{days_left}", '1 2 401', 'as JSON');
$clock->ahead(2 * 86400);
like(tlspolicy('show', 'TLS_Clt:e.test')->{err}, qr/has expired, its last day was @{[day(0)]}$/m, 'over');
is(json('show', 'TLS_Clt:e.test')->[0]{days_left}, 0, 'none is left');
is(json('show', 'TLS_Clt:e.test')->[0]{expired} ? 1 : 0, 1, '... and that is said');
$clock->ahead(0);
is_run(['show', 'TLS_Clt:'], 1, '', qr/there is no rule for TLS_Clt:$/m, 'the rule for everybody');
is_run(['show', ''], 65, '', qr/expected a key, found none/);
is_run(['show', 'TLS_Clt:192.0.2.1/24'], 65, '', qr/\S/);
is_run(['show', '--generation', 1, 'TLS_Clt:a.test'], 0, "TLS_Clt:a.test\tOK\n", '');
$scratch->write('conf', 'rules = ' . $scratch->write('three', "TLS_Clt:a.test OK\nTLS_Clt:d.test ENCR:1\nTLS_Clt:i.test OK\n") . "\n");
is_run(['show', '--unbuilt'], 1, qr/^\+ TLS_Clt:i\.test\tOK$/m, '', 'what was not built');
is_run(['show', '--unbuilt', '--json'], 1, qr/"change":"removed"/, '', '... as JSON');
$scratch->write('three', "nonsense\n");
is_run(['show', '--unbuilt'], 65, '', qr/three:1:/, 'bad files');

done_testing;
