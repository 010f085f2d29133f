#!/usr/bin/perl
#
# tlspolicy doctor --fleet: nodes that judge otherwise than the many, are silent,
# or have a log that is not whole, by their logs.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP qw(decode_json);
use Test::More;
use Tlspolicy::Talk;

my $rules = "TLS_Clt:example.com PERM+ENCR:112\n";
my $bin = Tlspolicy::Scratch::builddir() . '/tlspolicy';
my $conf = scratch()->write('empty.conf', '');
my $file = 0;

sub mail
{
	my ($daemon, $name) = @_;
	my $before = $daemon->audit;
	my $m = session($daemon, %sendmail, j => "$name.example.org");
	$m->mail('a@example.com');
	$m->quit;
	$daemon->audit_after($before, 1);
}

sub doctor
{
	my $r = Tlspolicy::Scratch::run($bin, 'doctor', '-c', $conf, '--fleet',
	    '--json', @_);
	my $all = eval { decode_json($r->{out}) } // {};
	return ($r, $all);
}

# The log of a node with a change: a file.
sub changed
{
	my ($path, $change) = @_;
	local $_ = Tlspolicy::Scratch::slurp($path);
	$change->();
	return scratch()->write('log.' . $file++, $_);
}

# Three nodes with one policy; n3 then has another one, n2 has other settings.
my %daemon = map { $_ => daemon($rules, name => $_, settings => {
    mode => 'enforce' }) } qw(n1 n2 n3 n4);
my %log = map { $_ => "$daemon{$_}{dir}/audit.log" } keys %daemon;
mail($daemon{$_}, $_) for sort keys %daemon;
my @same = map { scratch()->write("same.$_", Tlspolicy::Scratch::slurp(
    $log{$_})) } qw(n1 n2 n3);

my ($r, $all) = doctor(@same);
is($r->{status}, 0, 'all are the same') or diag $r->{out}, $r->{err};
is_deeply($all->{findings}, [], 'nothing is found');
is(join(' ', map { $_->{node} } @{$all->{nodes}}),
    'n1.example.org n2.example.org n3.example.org', 'each node is there');
like($all->{nodes}[0]{policy}, qr/^[0-9a-f]{64}$/, 'with its policy');
$r = Tlspolicy::Scratch::run($bin, 'doctor', '-c', $conf, '--fleet', @same);
is($r->{out}, '', 'in words: nothing');
like($r->{err}, qr/^tlspolicy doctor: 3 nodes compared: policy, settings and version are the same$/m,
    'but what was looked at');

my $old = scratch()->write('old.n3', Tlspolicy::Scratch::slurp($log{n3}));
for my $name (qw(n1 n2)) {
	is($daemon{$name}->tlspolicy('set', 'TLS_Clt:z', 'OK')->{status}, 0,
	    "set at $name");
	mail($daemon{$name}, $name);
}
my @two = map { scratch()->write("two.$_", Tlspolicy::Scratch::slurp(
    $log{$_})) } qw(n1 n2);
mail($daemon{n3}, 'n3');
my $newer = sub { s/"version":"\K[^"]*/9.9/g };
my $cut = sub { my @l = split /^/; splice @l, 2, 1; $_ = join '', @l };
my $long_ago = sub { s/"time":"\K20\d\d/2001/g };

for my $row (
    { finds => 'fleet-policy', logs => [@two, $log{n3}], like =>
	qr/^n3\.example\.org: policy [0-9a-f]{16} since \S+Z, which n1\.example\.org had until \S+Z; 2 of 3 have [0-9a-f]{16} since \S+Z$/ },
    { finds => 'fleet-unseen', logs => [@two, $old], like =>
	qr/^n3\.example\.org: its last record, of \S+Z, is of before the others changed: policy / },
    { finds => 'fleet-settings', logs => [@same, changed($log{n4}, sub {
	s/"mode":"enforce"(?=,"default-class)/"mode":"monitor"/;
	s/"sha256":"\K[0-9a-f]{16}/0123456789abcdef/ })], like =>
	qr/^n4\.example\.org: settings 0123456789abcdef since \S+Z; 3 of 4 have [0-9a-f]{16} since \S+Z; mode = monitor, not enforce$/ },
    { finds => 'fleet-version', logs => [@same, changed($log{n4}, $newer)],
	like => qr/^n4\.example\.org: version 9\.9 since \S+Z; 3 of 4 have \d/ },
    { finds => 'fleet-untold', logs => [@same, changed($log{n4}, sub {
	s/^.*"event":"settings".*\n//m; s/"settings":"[0-9a-f]{16}",//g;
	s/"seq":(\d+)/'"seq":' . ($1 > 2 ? $1 - 1 : $1)/ge })], like =>
	qr/^n4\.example\.org: no line of its log tells its settings$/ },
    { finds => 'fleet-silent', logs => [@same, changed($log{n4}, sub {
	s/"time":"20\d\d-\d\d-\d\d(?=T.*"event":"refused)/"time":"2001-01-01/;
	s/("event":"refused-mail","time":")20\d\d-\d\d-\d\d/${1}2001-01-01/g })],
	like => qr/^n4\.example\.org: its last record is of 2001-01-01T\S+Z, \d+ hours ago$/ },
    { finds => 'fleet-gap', logs => [@same, changed($log{n4}, $cut)], like =>
	qr/^n4\.example\.org: lines 1 to \d+; missing 1, the first from 3 to 3 between \S+Z and \S+Z$/ },
    { finds => 'fleet-alone', logs => [$same[0]], like =>
	qr/^1 node is in these files$/ }) {
	my ($r, $all) = doctor(@{$row->{logs}});
	is(join(' ', map { $_->{finding} } @{$all->{findings}}), $row->{finds},
	    "$row->{finds} is found") or diag $r->{out}, $r->{err};
	is($r->{status}, 1, 'exit code');
	my $found = $all->{findings}[0];
	like($found->{what}, $row->{like}, 'what');
	ok(@{$found->{lines}}, 'with what to do');
	like($found->{severity}, qr/^(?:weak|unknown)$/, 'how bad');
	my ($again, $other) = doctor(reverse @{$row->{logs}});
	# An hour may have ended in between.
	s/\d+(?= hours ago)/N/ for map { $_->{findings}[0]{what} } $all, $other;
	is_deeply($other, $all, 'in any order of the files');
}

# Of two nodes that differ the one that changed last is taken as right.
($r, $all) = doctor($two[0], $log{n3});
like($all->{findings}[0]{what}, qr/^n3\.example\.org: .* 1 of 2 have /,
    'two that differ');
($r, $all) = doctor('--silent', 100 * 365 * 24, $same[0], $same[1], changed($log{n4},
    $long_ago));
is($r->{status}, 0, '--silent') or diag $r->{out};

my $bad = scratch()->write('bad', Tlspolicy::Scratch::slurp($log{n4}) . "{\"v\":1}\n");
($r, $all) = doctor(@same, $bad);
is($r->{status}, 65, 'a line that cannot be read');
is(scalar @{$all->{nodes}}, 4, 'is no reason to compare nothing');
($r, $all) = doctor(@same, scratch()->path('none'));
is($r->{status}, 66, 'nor is a file that is not there');
is(scalar @{$all->{nodes}}, 3, 'for the others');

$r = Tlspolicy::Scratch::run($bin, 'doctor', '-c', $conf, '--fleet');
is($r->{status}, 64, 'no files');
$r = Tlspolicy::Scratch::run($bin, 'doctor', '-c', $conf, $same[0]);
is($r->{status}, 64, 'files without --fleet');
$r = Tlspolicy::Scratch::run($bin, 'doctor', '-c', $conf, '--fleet', '--postfix',
    '/etc/postfix', $same[0]);
is($r->{status}, 64, 'nor together with an MTA');
is(system("cat $same[0] | $bin doctor -c $conf --fleet - 2>/dev/null") >> 8, 64,
    'a pipe has no node of its own');
my $quiet = scratch()->write('quiet.conf', "silence = fleet-alone\n");
$r = Tlspolicy::Scratch::run($bin, 'doctor', '-c', $quiet, '--fleet', $same[0]);
is($r->{status}, 0, 'silenced');
like($r->{err}, qr/silenced: fleet-alone/, 'and said');

done_testing;
