#!/usr/bin/perl
#
# Options of each command: what excludes each other, too many of them, numbers
# and times that are none, and what is said with one thing and with several.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP qw(decode_json);
use Test::More;
use Tlspolicy::Scratch;

my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
plan skip_all => "$tlspolicy is not built" unless -x $tlspolicy;
my $scratch = Tlspolicy::Scratch->new;
my $store = $scratch->path('policy.mdb');
my $rules = $scratch->write('rules', "TLS_Clt:a.test ENCR:1\nTLS_Clt:b.test OK\n");
my $conf = $scratch->write('conf', "rules = $rules\n");

sub tlspolicy {
	my ($command, @args) = @_;
	my $opt = ref $command ? $command : {};
	$command = shift @args if ref $command;
	my @words = split ' ', $command;
	my @where = ('-c', $opt->{conf} // $conf, '-d', $opt->{store} // $store);
	my $n = $words[0] =~ /^(?:audit|plan)$/ ? 1 : 0;
	$n = 0 if $words[0] eq 'plan' && ($words[1] // '') !~ /^(?:status|cancel)$/;
	return Tlspolicy::Scratch::run({ %$opt, timeout => 60 }, $tlspolicy, @words[0 .. $n], @where, @words[$n + 1 .. $#words], @args);
}
sub is_run {
	my ($command, $args, $status, $err, $out) = @_;
	my $r = tlspolicy($command, @$args);
	my $label = join ' ', $command, map { s{.*/}{}r } @$args[0 .. ($#$args > 6 ? 6 : $#$args)];
	is($r->{status}, $status, "$label: exit $status") or diag("$r->{out}$r->{err}");
	ref $err ? like($r->{err}, $err, "$label: message") : is($r->{err}, $err, "$label: message");
	return $r unless defined $out;
	ref $out ? like($r->{out}, $out, "$label: output") : is($r->{out}, $out, "$label: output");
	return $r;
}
Tlspolicy::Scratch::must($tlspolicy, 'build', '-c', $conf, '-d', $store);

# What is no option, or one too many.
is_run('build', ['-Q'], 64, qr/^tlspolicy build: unknown option -Q$/m);
is_run('settings', ['--json=x'], 64, qr/unknown option --json=x, did you mean --json\?/);
is_run('settings', ['--xyzzy'], 64, qr/unknown option --xyzzy$/m);
is_run('log', ['--since'], 64, qr/option --since wants an argument/);
is_run('audit show', [('--salts', $scratch->dir) x 33], 64, qr/more than 32 options --salts/);
is_run('sync', ['x'], 64, qr/too many operands: usage: tlspolicy sync \[OPTIONS\]/);
is_run('plan cancel', ['x'], 64, qr/too many operands/);
is_run('log', ['TLS_Clt:a.test', 'x'], 64, qr/too many operands/);
is_run('audit head', ['x', 'y'], 64, qr/too many operands/);
is_run('audit key', [], 64, qr/operands are missing/);
is_run('lint', ['-d', '', $rules], 64, qr/-c and -d want a path/);
is_run('check', [('-r', $rules) x 1025, 'x=y'], 64, qr/too many options -r/);
is_run('check', [('-o', 'mode=enforce') x 65, 'x=y'], 64, qr/too many options -o/);
is_run('check', ['client_name=a', map { "x$_=y" } 1 .. 64], 64, qr/there is no macro|too many macros/);
is_run('check', [('client_name=a') x 65], 64, qr/too many macros|twice/);
is_run('replay', [('-r', $rules) x 1025, 'x'], 64, qr/too many options -r/);
is_run('replay', [('-o', 'mode=enforce') x 65, 'x'], 64, qr/too many options -o/);
is_run('replay', ['-o', 'mode=odd', 'x'], 78, qr/setting mode: /);
is_run('suggest', [('-r', $rules) x 1025, 'x'], 64, qr/too many options -r/);
is_run('prove', [('-r', $rules) x 1025], 64, qr/too many options -r/);
is_run('prove', [('-f', $rules) x 65], 64, qr/too many options -f/);
is_run('prove', [$_], 65, qr/expected a claim, found/) for '', '# none', ' ';
is_run('doctor', [('--sendmail', 'x') x 17], 64, qr/more than 16 MTAs/);
is_run('doctor', [$_->[0], $_->[1]], 64, qr/$_->[0]: a number from 1/) for ['--records', '0'], ['--silent', '0'], ['--silent', 'x'];
is_run('audit erase', [map { ('--day', sprintf '2020-%02d-%02d', 1 + int $_ / 28, 1 + $_ % 28) } 0 .. 64], 64, qr/more than 64 days/);
is_run('audit erase', ['--expired'], 64, qr/the setting privacy is off/);
is_run('audit from-log', ['--mta', 'exim', '-'], 64, qr/"exim" is not an MTA/);
is_run('audit from-log', [$_, 'noon', '-'], 64, qr/"noon" is not a time/) for '--since', '--until';
is_run('report', [$_, 'x', '-'], 64, qr/$_: a number from 0/) for '--top', '--soon';
is_run('suggest', ['--client', 'a@b', '-'], 64, qr/not a client: want/);
is_run('suggest', ['--domain', 'a@b', '-'], 64, qr/not a domain: want/);
is_run('suggest', [$_, 'noon', '-'], 64, qr/not a time: want/) for '--since', '--until';
is_run('suggest', ['--since', '2026-11-02', '--until', '2026-11-01', '-'], 64, qr/--since is not before --until/);
is_run('suggest', ['--left', $_->[0], @$_[1 .. $#$_], '-'], 64, qr/--left has no clients: $_->[0] is for mail that came/) for ['--client', 'a.test'], ['--bind'];
is_run('suggest', ['-'], 64, qr/cannot be read twice/);

# What goes with what.
is_run('build', ['--ldap', '-m', 'why', $rules], 64, qr/\S/);
is_run('build', ['--ldap', '--json', $rules], 64, qr/--ldap takes --json beside -n only/);
is_run('build', ['--upgrade', @$_], 64, qr/--upgrade goes with -n only/) for ['--json'], ['--ldap'], ['-m', 'x'], [$rules];
is_run('set', ['--ldap', '-m', 'x', 'TLS_Clt:c.test', 'OK'], 64, qr/\S/);
is_run('diff', ['--ldap', '--generation', '1'], 64, qr/\S/);
is_run('diff', ['--generation', '1..'], 0, '', '');
is_run('show', ['--unbuilt', @$_], 64, qr/--unbuilt is about what is in force/) for ['--at', '1d'], ['--generation', '1'], ['--canonical'];
is_run('show', ['--unbuilt', 'x'], 64, qr/too many operands/);
is_run('show', ['--unbuilt'], 0, '', '');
is_run('settings', ['--json', 'mode'], 64, qr/--json prints all settings/);
is_run('export', [], 64, qr/expected what as: ldif/);
is_run('export', ['xml'], 64, qr/expected what as: ldif/);
is_run('export', ['--store', 'ldif', $rules], 64, qr/--store takes no rule files/);
is_run('export', ['--store', 'ldif'], 78, qr/setting directory-base: expected below what entry/);
is_run('apply', [$_->[0], $_->[1]], 64, $_->[2]) for ['--canary', '', qr/a number from 0 to 100 was expected, not ""/],
    ['--canary', '101%', qr/not "101%"/], ['--canary', '%', qr/not "%"/], ['--at', 'noon', qr/"noon" is not a time/],
    ['--at', '2020-01-01', qr/2020-01-01 is over/];
is_run('apply', ['--due', '--canary', '5'], 64, qr/--due takes neither --at nor --canary/);
is_run('apply', ['--due', '--at', '2999-01-01'], 64, qr/--due takes neither --at nor --canary/);
is_run('apply', ['--due'], 0, '', '');
is_run('apply', [], 66, qr/there is no plan/);
is_run('apply', ['-m', '', '--canary', '5%'], 64, qr/-m: a message was expected/);
is_run('plan', ['-m', '', $rules], 64, qr/-m: a message was expected/);
is_run('plan', ['--days', '0', $rules], 64, qr/--days: a number from 1/);
is_run('plan', ['--budget', '-1', $rules], 64, qr/--budget: a number from 0/);
is_run('plan', [], 64, qr/which rules\?/);
is_run('plan', [$rules], 0, qr/these are the rules in force: nothing to plan/, '');
is_run('plan', ['--json', $rules], 0, qr/nothing to plan/, "{\"plan\":null}\n");
is_run('probe', [$_->[0], $_->[1], 'a.test'], 64, $_->[2]) for ['--helo', 'a b', qr/--helo takes a host name/],
    ['--helo', "a\x7f", qr/--helo takes a host name/], ['--digest', 'sha3', qr/"sha3" is not a digest/];
is_run('probe', ['--from', $_, 'a.test'], 64, qr/--from and --to take an address without blanks and <>/) for '<a@b>', 'a@b>', "a\x7f\@b", 'a b';
is_run('probe', ['--from', '', '--to', 'a>b', 'a.test'], 64, qr/--from and --to take an address/);
is_run('probe', ['--key', 'x', 'a.test'], 64, qr/--key without --cert/);
is_run('probe', ['--to', 'x', 'a.test'], 64, qr/--to without --from/);
for my $bad ('-a.test', '.a.test', '[', '[a', '[]', '[a.test]x', '[a.test]:', '[a.test]:0', '[a.test]:65536', '[-a]', 'a.test:', 'a.test:0', ':25',
    'a:b:c', 'a/b', 'a b', '', 'a.test:x', join('.', ('a' x 63) x 5)) {
	is_run('probe', ['--', $bad], 65, qr/was expected$/m);
}
my $long = $scratch->write('targets', "# none\n\n" . 'a' x 1100 . "\n");
is_run('probe', ['--file', $long], 65, qr/^\Q$long\E:3: a line longer than \d+ bytes/);
is_run('probe', ['--file', $scratch->path('none')], 66, qr/none: cannot be opened/);

# A path that is too long.
for my $command ('plan', 'apply', 'plan status', 'plan cancel') {
	my $r = tlspolicy({ store => $scratch->path('x' x 4090) }, $command, $command eq 'plan' ? $rules : ());
	is($r->{status}, 66, "$command: a path that is too long") or diag $r->{err};
}

# One line and several.
is_run('rollback', ['7'], 66, qr/generation 7 is not kept/);
my $claims = $scratch->write('claims', "nonsense\n");
for (['nonsense', '1 bad line in the claims'], ["nonsense\nmore", '2 bad lines in the claims']) {
	$scratch->write('claims', "$_->[0]\n");
	my $with = $scratch->write('with', "rules = $rules\nclaims = $claims\n");
	for my $command (['build'], ['set', 'TLS_Clt:c.test', 'OK'], ['plan', $rules], ['apply'], ['rollback', '1'], ['del', 'TLS_Clt:a.test']) {
		my $r = tlspolicy({ conf => $with }, @$command);
		is($r->{status}, 65, "$command->[0]: $_->[1]");
		like($r->{err}, qr/\Q$_->[1]\E/, '... is told') or diag $r->{err};
	}
	my $r = tlspolicy({ conf => $with }, 'prove');
	is($r->{status}, 65, "prove: $_->[1]");
	like($r->{err}, qr/\Q$_->[1]\E/, '... is told');
}
done_testing;
