#!/usr/bin/perl
#
# log, show --at and --generation, diff --generation, rollback: who changed
# what, when and why, and back again.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA qw(sha256_hex);
use JSON::PP qw(decode_json);
use POSIX qw(strftime);
use Test::More;
use Tlspolicy::Scratch;

my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
plan skip_all => "$tlspolicy is not built" unless -x $tlspolicy;
my $scratch = Tlspolicy::Scratch->new;
my $store = $scratch->path('policy.mdb');
my $conf = $scratch->write('conf', "mode = enforce\n");

sub tlspolicy {
	my ($command, @args) = @_;
	return Tlspolicy::Scratch::run($tlspolicy, $command, '-c', $conf, '-d',
	    $store, @args);
}

sub is_run {
	my ($args, $status, $out, $err, $name) = @_;
	my $r = tlspolicy(@$args);
	is($r->{status}, $status, "$name: exit $status");
	ref $out ? like($r->{out}, $out, "$name: output") :
	    is($r->{out}, $out, "$name: output");
	ref $err ? like($r->{err}, $err, "$name: messages") :
	    is($r->{err}, $err, "$name: messages");
	return $r;
}

sub json {
	my $r = tlspolicy(@_, '--json');
	return decode_json($r->{out} || 'null');
}

my $rules = $scratch->write('rules', <<'END');
TLS_From:bank.example	PERM+VERIFY
TLS_Clt:mail.example.com	ENCR:128
TLS_Clt:192.0.2.0/24	OK
END
is_run(['build', '-m', 'the first', $rules], 0, '',
    "$store: generation 1, 3 rules\n", 'build');
is_run(['del', 'TLS_From:bank.example', '--message', 'they cannot'], 0, '',
    "tlspolicy: 1 line of TLS_From:bank.example removed\n"
    . "$store: generation 2, 2 rules\n", 'del');
is_run(['set', 'TLS_From:bank.example', 'PERM+VERIFY', '-m',
    "they can, ticket 2017"], 0, '', "$store: generation 3, 3 rules\n",
    'set it back');
is_run(['set', 'TLS_From:bank.example', 'PERM+VERIFY', '-m', 'again'], 0, '',
    "$store: unchanged, generation 3, 3 rules\n", 'set of the same');
is_run(['build', $rules], 0, '', "$store: generation 4, 3 rules\n",
    'from other lines');
is_run(['build', '-m', 'nothing', $rules], 0, '',
    "$store: unchanged, generation 4, 3 rules\n", 'build of the same');

# Who, when, why.
my $who = qr/by \S+ \(uid $>\) at \S+/;
my $when = qr/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/;
is_run(['log', 'TLS_From:BANK.example'], 0, qr/\A
    generation\ 3\ \ $when\ \ set\ $who\n\ {4}they\ can,\ ticket\ 2017\n
    \ {4}3\ rules;\ of\ keys\ 1\ added,\ 0\ removed,\ 0\ changed\n
    \ {4}\+\ TLS_From:bank.example\tPERM\+VERIFY\n\n
    generation\ 2\ \ $when\ \ del\ $who\n\ {4}they\ cannot\n
    \ {4}2\ rules;\ of\ keys\ 0\ added,\ 1\ removed,\ 0\ changed\n
    \ {4}-\ TLS_From:bank.example\tPERM\+VERIFY\n\n
    generation\ 1\ \ $when\ \ build\ $who\n\ {4}the\ first\n\ {4}3\ rules\n
    \ {4}\+\ TLS_From:bank.example\tPERM\+VERIFY\n\z/x, '', 'log KEY');
is_run(['log', 'TLS_Clt:no.example'], 1, '', "tlspolicy: no generation from 1 " .
    "to 4 changed TLS_Clt:no.example\n", 'log of a key that never was');
is_run(['log', '--until', '2020-01-01'], 1, '', "tlspolicy: no generation " .
    "from 1 to 4 is of that time\n", 'log of a time without any');
is_run(['log', '--since', 'yesterday'], 64, '', qr/"yesterday" is no time/,
    'log of no time');
is_run(['log', '--sinec', '7d'], 64, '', qr/did you mean --since/,
    'a misspelt option');
is_run(['log', 'TLS_Clt:192.0.2.1/24'], 65, '', qr/\S/, 'log of no key');
my @log = @{json('log')};
is(join(' ', map { "$_->{generation}$_->{how}" } @log),
    '4build 3set 2del 1build', 'newest first');
is($log[0]{message}, undef, 'without a message');
is($log[3]{message}, 'the first', 'with one');
is($log[3]{uid}, $>, 'the uid');
is($log[0]{rules_sha256}, $log[2]{rules_sha256} eq $log[0]{rules_sha256} ? '' :
    $log[1]{rules_sha256}, 'the same rules have the same digest');
is(scalar @{json('log', '-v')->[1]{changes}}, 1, 'changes with -v');

# The digest is of what --canonical prints; for each generation.
for my $g (@log) {
	my $r = tlspolicy('show', '--canonical', '--generation',
	    $g->{generation});
	is(sha256_hex($r->{out}), $g->{rules_sha256},
	    "generation $g->{generation}: digest");
}
isnt($log[2]{rules_sha256}, $log[0]{rules_sha256}, 'others have another');

# What it was then.
is_run(['show', '--generation', 2], 0, "TLS_Clt:mail.example.com\tENCR:128\n" .
    "TLS_Clt:192.0.2.0/24\tOK\n", '', 'show --generation');
is_run(['show', '--generation', 2, 'TLS_From:bank.example'], 1, '',
    "tlspolicy: there is no rule for TLS_From:bank.example\n", 'one key then');
is_run(['show', '--at', $log[0]{time}], 0, qr/bank/,
    qr/^tlspolicy: generation [34] of $when$/m, 'show --at');
is_run(['show', '--at', '2020-03-03T12:00:00Z'], 66, '', qr/\Q$store\E:\ no
    \ generation\ is\ kept\ of\ that\ time;\ the\ oldest\ is\ generation\ 1\ of
    /x, 'show --at before all');
is_run(['show', '--at', 'noon'], 64, '', qr/"noon" is no time/, 'at no time');
is_run(['show', '--generation', $_], 64, '', qr/is not the number/,
    "show --generation <$_>") for '', 'x', '-1', '0', '1x', '99999999999999999999';
is_run(['show', '--generation', 5], 66, '', "tlspolicy: $store: generation 5 " .
    "is not kept; it holds 1 to 4\n", 'show of one that is none yet');
is_run(['show', '--generation', 1, '--at', '7d'], 64, '', qr/two ways/,
    'both at once');

# What changed between two.
is_run(['diff', '--generation', '1..2'], 1, "- TLS_From:bank.example\t" .
    "PERM+VERIFY\n", '', 'diff A..B');
is_run(['diff', '--generation', '2..1'], 1, "+ TLS_From:bank.example\t" .
    "PERM+VERIFY\n", '', 'diff B..A');
is_run(['diff', '--generation', '1'], 0, '', '', 'diff with the newest');
is_run(['diff', '--generation', '1..3', '--json'], 0, "[]\n", '', 'and none');
is_run(['diff', '--generation', $_], 64, '', qr/is not the number/,
    "diff --generation <$_>") for '', '..', '..2', '1...2', '1.2', '1..x';
is_run(['diff', '--generation', '1..9'], 66, '', qr/generation 9 is not kept/,
    'diff with one that is not kept');
is_run(['diff', '--generation', 1, $rules], 64, '', qr/takes no rule files/,
    'diff with a file, too');

# Settings that bear on a verdict are part of it; others are not.
$scratch->write('conf', "mode = monitor\nlog-level = debug\n");
is_run(['build', '-m', 'only looking', $rules], 0, '',
    "$store: generation 5, 3 rules\n", 'another mode');
$scratch->write('conf', "mode = monitor\nlog-level = info\n");
is_run(['build', $rules], 0, '', "$store: unchanged, generation 5, 3 rules\n",
    'another log-level');
is_run(['log', '--since', '1d'], 0, qr/^    setting mode: enforce -> monitor$/m,
    '', 'log of settings');
is_run(['diff', '--generation', '4..5'], 1, "~ setting mode\tenforce -> " .
    "monitor\n", '', 'diff of settings');
is_deeply(json('diff', '--generation', '5..1'), [{ change => 'changed',
    setting => 'mode', old => ['monitor'], new => ['enforce'] }],
    'the same as JSON');

# rollback puts an earlier generation into force.
is_run(['rollback', 2, '-m', 'it was right'], 0, '', "tlspolicy: setting mode " .
    "was enforce in generation 2, and stays monitor\n$store: generation 6, " .
    "2 rules\n", 'rollback');
is_run(['show'], 0, tlspolicy('show', '--generation', 2)->{out}, '',
    'what is in force then');
my $back = json('log')->[0];
is("$back->{how} $back->{back_to} $back->{message}", 'rollback 2 it was right',
    'which is said');
is($back->{rules_sha256}, $log[2]{rules_sha256}, 'by the same digest');
is_run(['rollback', 2], 0, '', qr/unchanged, generation 6/, 'once more');
is_run(['rollback', 77], 66, '', "tlspolicy: $store: generation 77 is not " .
    "kept; it holds 1 to 6\n", 'to one that is none');
is_run(['rollback', 'two'], 64, '', qr/is not the number of a generation/,
    'to no number');
is_run(['rollback'], 64, '', qr/operands are missing/, 'to nothing');
like(tlspolicy('check', '-v', '-t', 'TLS_Clt', 'client_name=mail.example.com')
    ->{out}, qr/\(\Q$rules\E:2, generation 6\)/, 'lines and files come back');

# A message of any bytes.
is_run(['set', 'TLS_Clt:a.example', 'OK', '-m', $_->[0]], 64, '', $_->[1],
    "a message: $_->[2]") for
    ["\xff", qr/byte 1 of the message is not UTF-8/, 'no UTF-8'],
    ["ok \xed\xa0\x80", qr/byte 4 of the message/, 'half a surrogate'],
    ['', qr/found none/, 'empty'], [" \t", qr/found none/, 'blanks'],
    ['x' x 1001, qr/1001 bytes; expected at most 1000/, 'too long'];
my $evil = "a\e[31m\x{e2}\x{80}\x{ae}b\nc\r\x07\x{c3}\x{a9}";
is_run(['set', 'TLS_Clt:a.example', 'OK', '-m', $evil], 0, '',
    "$store: generation 7, 3 rules\n", 'a message: it steers terminals');
for my $out (map { tlspolicy('log', @$_)->{out} } [], ['-v'], ['--json'],
    ['TLS_Clt:a.example'], ['--json', '-v']) {
	unlike($out, qr/[\x00-\x08\x0b-\x1f\x7f]|\xe2\x80\xae/,
	    'which does nothing to a terminal');
}
like(tlspolicy('log')->{out}, qr/^    a\?\[31m\\x\{202E\}b\?c\?\?\x{c3}\x{a9}$/m,
    'and is on one line');
utf8::decode(my $same = $evil);
is(json('log')->[0]{message}, $same, 'but whole as JSON');
is_run(['set', 'TLS_Clt:a.example', 'ENCR:1', '-m', 'x' x 1000], 0, '',
    qr/generation 8/, 'a message: as long as can be');

# The setting history; the times in the store are made older.
$scratch->write('conf', "history = 1d\n");
is(tlspolicy('log', 'TLS_Clt:mail.example.com')->{status}, 0, 'before');
for my $bad ('0', '-1', '1 day', '36501', 'd', '', '1h') {
	$scratch->write('conf', "history = $bad\n");
	is_run(['log'], 78, '', qr/setting history|history/, "history = $bad");
}
$scratch->write('conf', "history = 30\n");
is(tlspolicy('settings', 'history')->{out} // '', "history = 30d\n", 'days');

# Nothing of a store that another program damaged.
open my $fh, '+<', $store or die;
binmode $fh;
my $bytes = do { local $/; <$fh> };
$bytes =~ s/they can, ticket 2017/they can, ticket 2018/g;
seek $fh, 0, 0;
print $fh $bytes;
close $fh;
is_run(['log'], 65, qr/generation 4 /, qr/\Q$store\E:\ damaged\ \(a\ generation\ is
    \ not\ what\ was\ written\)/x, 'log of a store with another message');
is_run(['show', '--generation', 1], 65, '', qr/damaged/, 'show of it');
is_run(['rollback', 1], 65, '', qr/damaged/, 'rollback of it');
is_run(['show'], 0, qr/a\.example/, '', 'the rules in force are whole');

# What is refused now does not come back: with sendmail's grammar it went in.
$store = $scratch->path('old.mdb');
$scratch->write('conf', "compat = sendmail\n");
is_run(['build', $scratch->write('old', "TLS_Clt:b.example OK\n" .
    "TLS_Clt:a.example VERIFY+CS:no.dn\n")], 0, '', qr/generation 1/, 'lax');
is_run(['set', 'TLS_Clt:a.example', 'OK'], 0, '', qr/generation 2/, 'mended');
is_run(['rollback', 1], 0, '', qr/generation 3/, 'back while that holds');
is_run(['set', 'TLS_Clt:a.example', 'OK'], 0, '', qr/generation 4/, 'mended');
$scratch->write('conf', '');
is_run(['rollback', 1], 65, '', qr/^generation\ 1:1:\d+:.*\n.*generation\ 1\ has\ 1\ rule
    \ that\ is\ not\ taken\ any\ more:\ nothing\ is\ changed/mx, 'back when not');
is_run(['show', 'TLS_Clt:a.example'], 0, "TLS_Clt:a.example\tOK\n", '',
    'nothing is changed');
is_run(['show', '--generation', 3, 'TLS_Clt:a.example'], 0, qr/no\.dn/, '',
    'it can still be seen');

done_testing;
