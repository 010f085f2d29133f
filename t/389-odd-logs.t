#!/usr/bin/perl
#
# report and doctor --fleet of logs as no test daemon writes them: many nodes,
# many policies, holes, what is not told, certificates and rules of every kind.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP qw(decode_json);
use POSIX qw(strftime);
use Test::More;
use Tlspolicy::Scratch;

my $bin = Tlspolicy::Scratch::builddir() . '/tlspolicy';
plan skip_all => "$bin is not built" unless -x $bin;
my $scratch = Tlspolicy::Scratch->new;
my $conf = $scratch->write('conf', '');
my $json = JSON::PP->new->canonical;
my $start = 1_793_491_200;	# 2026-11-01
sub at { return strftime('%Y-%m-%dT%H:%M:%S.000000Z', gmtime($start + shift)) }
sub tlspolicy { Tlspolicy::Scratch::run($bin, shift, '-c', $conf, @_) }

# A line of a log, its number and what the chain has put there.
sub line {
	my ($seq, $event, %with) = @_;
	my $text = $json->encode({ v => 1, event => $event, time => at(60 * $seq), %with });
	return substr($text, 0, -1) . sprintf(',"seq":%d,"chain":"%064x"}', $seq, $seq) . "\n";
}
sub message {
	my ($seq, %with) = @_;
	return line($seq, 'message', node => 'mx1.test', mta => '8.17.1', helo => 'h.test', from => 'a@from.test', generation => 1,
	    session => "s.$seq", client => { name => 'mail.client.test', addr => '192.0.2.1', resolve => 'OK' }, tls => undef,
	    rcpts => ['b@here.test'], rules => [], verdict => 'accept', waiver => undef, reply => undef, reason => undef,
	    result_type => undef, mode => 'enforce', %with);
}
sub policy {
	my ($seq, $n, %with) = @_;
	return line($seq, 'policy', generation => $n, node => 'mx1.test', version => "0.$n", policy => { made => at(0), how => 'build',
	    uid => 0, login => 'root', host => 'vm', rules => 1, rules_sha256 => sprintf('%08x', $n) x 8, message => undef }, %with);
}
sub settings {
	my ($seq, $n, %values) = @_;
	return line($seq, 'settings', settings => { sha256 => sprintf('%08x', $n) x 8, values => \%values });
}
# Members of a link stand in one order.
sub link_of {
	my ($seq, %with) = @_;
	my ($previous, $torn) = ($with{previous} // '0' x 64, $with{torn} // 0);
	return sprintf('{"v":1,"event":"link","time":"%s","previous":"%s","torn":%d,%s"seq":%d,"chain":"%064x"}' . "\n", at(60 * $seq),
	    $previous, $torn, defined $with{why} ? qq("why":"$with{why}",) : '', $seq, $seq + ($with{salt} // 0));
}
my $files = 0;
sub file { return $scratch->write('log' . $files++, join '', @_) }
sub nodes_of {
	my (@args) = @_;
	my $r = tlspolicy('report', '--nodes', @args);
	is("$r->{status} $r->{err}", '0 ', 'report --nodes');
	return $r->{out};
}
sub json_nodes {
	my $r = tlspolicy('report', '--nodes', '--json', @_);
	return @{decode_json($r->{out})->{basis}{nodes}};
}
sub ninth { return sprintf '%08x%08x', $_[0], $_[0] }

# Twenty policies, versions and settings: the last sixteen are known by name.
my $many = file(link_of(1), map { (policy(3 * $_ - 1, $_), settings(3 * $_, $_, mode => 'enforce'), message(3 * $_ + 1, generation => $_)) } 1 .. 20);
my $text = nodes_of($many);
for (['policy', \&ninth], ['version', sub { "0.$_[0]" }], ['settings', \&ninth]) {
	my ($what, $name) = @$_;
	my $before = join ', ', map { $name->($_) . ' since 2026-11-01T\S+Z' } reverse 4 .. 19;
	$before =~ s/, \Q@{[$name->(4)]}\E.*//;
	like($text, qr/^    $what \Q@{[$name->(20)]}\E since \S+Z, before that $before and 4 more$/m, "$what: as many as are known");
}
like($text, qr/^  node mx1\.test: 20 records, generations 1 to 20$/m, 'generations');
my ($node) = json_nodes($many);
is(scalar @{$node->{$_}}, 15, "$_ as JSON") for qw(policies_before versions_before settings_before);
is($node->{versions_before}[14]{what}, '0.5', 'the oldest of them');
like(nodes_of('--csv', $many), qr/^"mx1\.test",20,"1 to 20",.*,"0\.20",/m, 'and as CSV');

# Holes: more than are named.
my $holes = file(link_of(1), policy(2, 1), map { message(3 * $_) } 1 .. 12);
like(nodes_of($holes), qr/^    lines 1 to 36, missing 22: 4 to 5 between \S+Z and \S+Z, 7 to 8 .* 25 to 26 between \S+Z and \S+Z and 3 more$/m, 'holes');
like(nodes_of($holes), qr/^    settings not told$/m, 'settings that no line tells');
($node) = json_nodes($holes);
is(scalar @{$node->{missing}}, 8, 'holes that are named');
like(tlspolicy('doctor', '--fleet', $holes)->{out}, qr/^fleet-gap: mx1\.test: lines 1 to 36; missing 22, the first from 4 to 5 between \S+Z and \S+Z$/m, 'doctor');

# Days and generations with holes; lines out of time's order.
my $days = file(link_of(1), map { message($_ + 1, time => at(86400 * 2 * $_), generation => 2 * $_) } 1 .. 12);
$text = nodes_of($days);
like($text, qr/^  node mx1\.test: 12 records, generations 2, 4, 6, 8, 10, 12, 14, 16 and 4 more; none on 2026-11-04, 2026-11-06, 2026-11-08,/m, 'spans');
like($text, qr/^  days without records: 2026-11-04,.*, 2026-11-18 and 3 days more$/m, 'days');
$text = nodes_of(file(link_of(1), message(2, time => at(500)), message(3, time => at(100)), message(4, time => at(900), generation => 3)));
like($text, qr/^    from 2026-11-01T00:01:40Z to 2026-11-01T00:15:00Z$/m, 'the earliest and the latest');
like($text, qr/generations 1, 3$/m, 'two generations');
$text = nodes_of('--since', '2026-11-02', '--until', '2026-11-05', $days);
like($text, qr/^  days without records: 2026-11-02, 2026-11-04$/m, 'of a time') or diag $text;

# Files that go on, that do not, torn ones, and a stream that begins anew.
my $head = sprintf '%064x', 3;
my $first = file(link_of(1), message(2), message(3));
for (['goes on', file(link_of(4, previous => $head), message(5)), 0, 0, 1],
    ['does not go on', file(link_of(4, previous => 'f' x 64), message(5)), 1, 0, 1],
    ['torn', file(link_of(4, previous => 'f' x 64, torn => 1), message(5)), 0, 0, 1],
    ['lines that are there again', file(link_of(4, previous => $head), message(2), message(5)), 0, 1, 1]) {
	my ($name, $second, $breaks, $disorder, $from) = @$_;
	my ($n) = json_nodes($first, $second);
	is("$n->{breaks} $n->{out_of_order} $n->{first_line} $n->{last_line}", "$breaks $disorder $from 5", $name);
}
# Another node's file that goes on from a file of this one.
my ($apart) = grep { $_->{node} eq 'mx9.test' } json_nodes($first, file(link_of(1, salt => 50), message(2, node => 'mx9.test'),
    link_of(4, previous => $head), message(5, node => 'mx9.test')));
is("$apart->{first_line} $apart->{last_line} $apart->{missing_lines}", '1 5 0', 'lines that go on from elsewhere') if $apart;
($node) = json_nodes(file(link_of(1, why => 'stream'), message(2), message(3), link_of(1, why => 'stream', salt => 9), message(2)));
is("$node->{breaks} $node->{out_of_order} $node->{last_line}", '0 0 2', 'a stream begins anew');

# Without a node's name in any record the file counts as one node.
my $nobody = file(link_of(1, salt => 7), policy(2, 1, node => undef), settings(3, 1, mode => 'enforce'));
unlike(nodes_of($nobody), qr/^  node/m, 'no record, no node');
my @two = map { file(link_of(1, salt => 10 * $_), policy(2, $_, node => "mx$_.test"), settings(3, $_, mode => $_ == 1 ? 'enforce' : 'monitor',
    (odd => 'same') x ($_ - 1)), message(4, node => "mx$_.test")) } 1, 2;
$text = tlspolicy('doctor', '--fleet', $nobody, @two)->{out};
like($text, qr/^fleet-silent: \Q$nobody\E: there is no record that names its node$/m, 'doctor goes by the file') or diag $text;
like($text, qr/^fleet-settings: mx2\.test: settings \S+ since \S+; 2 of 3 have \S+ since \S+; mode = monitor, not enforce; odd = same, not $/m, 'settings that differ');
like($text, qr/^fleet-policy: mx2\.test: policy \S+ since \S+; 2 of 3 have /m, 'policies that differ');
like($text, qr/^fleet-version: mx2\.test: version 0\.2 since \S+; 2 of 3 have 0\.1 since /m, 'versions that differ');
my $nameless = file(link_of(1, salt => 8), message(2, node => undef));
like(nodes_of($nameless), qr/^  node \(other\): 1 record, generation 1$/m, 'a record that names no node');
like(tlspolicy('report', '--nodes', '--html', $nameless)->{out}, qr/<dt>\(other\)/, 'on a page');

# More nodes than are told apart.
my $crowd = file(link_of(1), map { message($_ + 1, node => "n$_.test") } 1 .. 1030);
like(nodes_of($crowd), qr/^  node \(other\): 774 records, generation 1$/m, 'a crowd');
my @crowd = json_nodes($crowd);
is(scalar @crowd, 257, 'so many are named');
is("$crowd[0]{node} $crowd[0]{records}", ' 774', 'the others are counted');
is($crowd[0]{policy}, undef, '... and nothing is known of their policy');
is($crowd[0]{first_line}, undef, '... nor of their lines');
like(tlspolicy('doctor', '--fleet', $crowd)->{out}, qr/^fleet-untold: 6 records are of more than 1024 nodes, and were not looked at$/m, 'doctor has a limit, too');

# Certificates of a partner, and what changed.
my %tls = (version => 'TLSv1.3', cipher => 'TLS_AES_256_GCM_SHA384', bits => 256, verify => 'OK', cn => 'mx.from.test',
    issuer => '/O=X/CN=CA one', issuer_cn => 'CA one', fingerprint => 'AA');
my $seq;
sub cert { return message(++$seq, time => at(86400 * 10 * $seq), tls => { %tls, @_ }) }
sub alarms {
	my ($log, @args) = @_;
	my $r = tlspolicy('report', '--json', @args, $log);
	is($r->{status}, 0, 'report') or diag $r->{err};
	return map { "$_->{alarm}: $_->{text}" } @{decode_json($r->{out})->{alarms}};
}
my $k = 0;
for (['the same', [], {}],
    ['renewed', ['renewed: .* a new certificate for mx\.from\.test, same issuer'], { fingerprint => 'BB' }],
    ['a print of another digest tells nothing', [], { fingerprint => 'BBBB' }],
    ['no print tells nothing', [], { fingerprint => undef }],
    ['another name', ['name: .* a certificate with the name other\.test'], { cn => 'other.test' }],
    ['another issuer', ['issuer: .* is issued by '], { issuer => '/O=X/CN=CA two', issuer_cn => 'CA two' }],
    ['the same by another DN', ['issuer: .* is issued by '], { issuer => '/O=Y/CN=CA one' }],
    ['the issuer by its CN alone', [], { issuer => undef, fingerprint => undef }],
    ['another, by its CN alone', ['issuer: '], { issuer => undef, issuer_cn => 'CA two' }],
    ['by its DN alone', [], { issuer_cn => undef, fingerprint => undef }],
    ['a name with a + of its own', [], { issuer => '/O=X/CN=CA one+OU=y', issuer_cn => undef, fingerprint => 'AA' }, { issuer => '/O=X/CN=CA one+OU=y' }],
    ['escapes of a DN', [], { issuer => undef, fingerprint => undef, issuer_cn => 'A/B C\\xZ' },
    { issuer => '/O=a\\/CN=b/CN=A\\/B\\x20C\\\\\\xZ', issuer_cn => undef }],
    ['no name any more', ['name: .* a certificate without a name, issued by /O=X/CN=CA one; known before: mx\.from\.test\.$'], { cn => 'BadCertificateUnknown', fingerprint => undef }],
    ['a stand-in for an issuer', [], { issuer_cn => 'BadCertificateContainsNUL', fingerprint => undef }],
    ['a name at last', ['name: .* with the name mx\.from\.test, .*; known before: one without a name\.$'], {}, { cn => 'BadCertificateUnknown' }],
    ['another issuer, no name', ['issuer: since \S+ the certificate without a name is issued by /O=Z/CN=Z; before: /O=X/CN=CA one\.$'],
    { cn => 'BadCertificateUnknown', issuer => '/O=Z/CN=Z', issuer_cn => 'Z' }, { cn => 'BadCertificateUnknown' }],
    ['no name told', [], { cn => undef, fingerprint => undef }]) {
	my ($name, $want, $with, $before) = @$_;
	$seq = 0;
	my @got = alarms(file(cert(%{$before // {}}), cert(%$with)));
	is(scalar @got, scalar @$want, "certificates: $name") or diag join "\n", @got;
	like($got[$_], qr/^$want->[$_]/, '... what') for 0 .. $#$want;
}

# A log without a line bears nothing out; one that is named twice counts once; and
# what is bad in it may have been about the message that is asked for.
my $none = $scratch->write('none', '');
my $rule = $scratch->write('rule', "TLS_From:from.test PERM+VERIFY\n");
is(tlspolicy('audit', 'verify', $none)->{out}, "not verified: there is no line\n",
    'nothing is not whole');
for (['audit', 'verify', 65], ['audit', 'verify', '--from', 1, 65],
    ['audit', 'verify', '--json', 65], ['replay', '-r', $rule, 1],
    ['replay', '--as-then', 1]) {
	my @command = @$_;
	my $status = pop @command;
	my @c = splice @command, 0, $command[0] eq 'audit' ? 2 : 1;
	is(Tlspolicy::Scratch::run($bin, @c, '-c', $conf, '-d',
	    $scratch->path('none.mdb'), @command, $none)->{status}, $status,
	    "@c @command of an empty log: exit $status");
}
my $once = file(message(1, queue_id => 'Q1', tls => { %tls }),
    message(2, queue_id => 'Q2', tls => { %tls }));
symlink $once, $scratch->path('again') or die $!;
for my $command (['report', '--csv'], ['suggest', '--mails', 1, '--days', 0]) {
	my ($c, @args) = @$command;
	my $r = tlspolicy($c, @args, $once, $scratch->path('again'), $once);
	is($r->{out}, tlspolicy($c, @args, $once)->{out}, "$c: named thrice, read once");
	is(() = $r->{err} =~ /is named twice, and read once/g, 2, '... which is said');
}
system('cp', $once, $scratch->path('packed')) == 0 &&
    system('gzip', '-kf', $scratch->path('packed')) == 0 or die;
like(tlspolicy('report', $scratch->path('packed'), $scratch->path('packed.gz'))->{err},
    qr/packed\.gz is left out: \S+packed is there, too/, 'a packed copy that is named');
my $bad = file(message(1, queue_id => 'Q1'), line(2, 'another', queue_id => 'Q1'));
for (['Q1', 65], ['Q3', 66]) {
	my $r = Tlspolicy::Scratch::run($bin, 'audit', 'why', '-c', $conf, '-d',
	    $scratch->path('none.mdb'), $_->[0], $bad);
	is($r->{status}, $_->[1], "why $_->[0], and a bad line: exit $_->[1]");
}

# More certificates than are kept: the one not seen for longest goes.
$seq = 0;
my @alarms = alarms(file(cert(fingerprint => 'F1'), cert(fingerprint => 'F0'), cert(fingerprint => 'F1'), map { cert(fingerprint => "C$_") } 10 .. 28));
is(scalar @alarms, 15, 'of so many it is told') or diag join "\n", @alarms;
done_testing;
