#!/usr/bin/perl
#
# show, set, del, diff: the store rule by rule, and back to text.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP qw(decode_json);
use POSIX qw(strftime);
use Test::More;
use Tlspolicy::Scratch;

my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
plan skip_all => "$tlspolicy is not built" unless -x $tlspolicy;
my $scratch = Tlspolicy::Scratch->new;
my $store = $scratch->path('policy.mdb');

sub tlspolicy {
	my ($command, @args) = @_;
	return Tlspolicy::Scratch::run($tlspolicy, $command, '-d', $store,
	    @args);
}

sub is_run {
	my ($args, $status, $out, $err, $name) = @_;
	my $r = tlspolicy(@$args);
	is($r->{status}, $status, "$name: exit $status");
	is($r->{out}, $out, "$name: output");
	ref $err ? like($r->{err}, $err, "$name: messages") :
	    is($r->{err}, $err, "$name: messages");
	return $r;
}

# A day so and so many days from now.
sub day {
	return strftime('%Y-%m-%d', gmtime(time + 86400 * $_[0]));
}

# Every kind of rule: file order is not key order.
my ($soon, $gone, $later) = (day(9), day(-3), day(90));
my $text = <<"END";
TLS_To:payroll\@example.com	PERM+VERIFY:128+BY:ticket+2017++MSG:call us first
TLS_Clt:zebra.example	ENCR:128
TLS_Clt:.example.com	VERIFY+CN:*.example.com++FP:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD
TLS_Clt:192.0.2.0/24	TEMP+VERIFY+CITag:MyCA
TLS_Clt:2001:db8::/32	WARN+ENCR:256+PFS++AEAD++VER:1.2
MyCA:/C=DE/O=My+20CA/CN=Root	OK
TLS_From:<>	OK
TLS_Clt:dated.example	ENCR:0+UNTIL:$gone
TLS_Clt:dated.example	ENCR:0+UNTIL:$soon
TLS_Clt:dated.example	PERM+VERIFY
TLS_Clt:far.example	VERIFY+UNTIL:$later
TLS_Auth:	HOLD+ENCR:128
TLS_Daemon:MTA	ENCR:112+CIPHER:ECDHE+AESGCM
Try_TLS:broken.example	NO
END
my $rules = $scratch->write('rules', $text);
Tlspolicy::Scratch::must($tlspolicy, 'build', '-d', $store, $rules);
is_run(['show'], 0, $text, "$rules:8: TLS_Clt:dated.example has expired, " .
    "its last day was $gone\n$rules:9: TLS_Clt:dated.example expires at the " .
    "end of $soon, in 10 days\n", 'show');
is_run(['diff', $rules], 0, '', '', 'diff of the same');
my $back = $scratch->write('back', tlspolicy('show')->{out});
Tlspolicy::Scratch::must($tlspolicy, 'build', '-d', $store, $back);
is_run(['diff', $rules], 0, '', '', 'show > rules brings them back');

# One key, in any spelling.
is_run(['show', 'tls_clt:ZEBRA.example'], 0,
    "TLS_Clt:zebra.example\tENCR:128\n", '', 'show KEY');
is_run(['show', 'TLS_Clt:dated.example'], 0, join('', grep { /dated/ }
    split /^/, $text), qr/has expired/, 'show KEY with dates');
is_run(['show', 'TLS_Clt:zebra.examples'], 1, '',
    "tlspolicy: there is no rule for TLS_Clt:zebra.examples\n",
    'show of an absent key');
is_run(['show', 'TLS_Clt:192.0.2.1/24'], 65, '', qr/\S/, 'show of a bad key');
my @json = @{decode_json(tlspolicy('show', '--json')->{out})};
is(scalar @json, 14, 'show --json: an object a rule');
is_deeply([@{$json[7]}{qw(key requirement source line until)}],
    ['TLS_Clt:dated.example', "ENCR:0+UNTIL:$gone", $back, 8, $gone],
    'show --json: a rule');
ok($json[7]{expired} && $json[7]{days_left} == 0, 'show --json: expired');
ok(!$json[8]{expired} && $json[8]{days_left} == 10, 'show --json: expires');
ok(!exists $json[0]{until}, 'show --json: no date');

# diff: what matters and what does not.
my $new = $text =~ s/^TLS_Clt:zebra.*$/# zebra\ntls_clt:Zebra.Example  encr:0128/mr;
is_run(['diff', $scratch->write('new', $new =~ s/0128/128/r)], 0, '', '',
    'diff: case, blanks and comments are no difference');
$new = $text =~ s/^TLS_From:<>.*\n//mr =~ s/zebra\.example\tENCR:128/zebra.example\tENCR:256/r;
$new =~ s/UNTIL:\Q$gone\E/UNTIL:$later/;
$new .= "TLS_Clt:added.example OK\n";
my $r = is_run(['diff', $scratch->write('new', $new)], 1, <<"END", '', 'diff');
+ TLS_Clt:added.example	OK
~ TLS_Clt:dated.example	ENCR:0+UNTIL:$gone | ENCR:0+UNTIL:$soon | PERM+VERIFY -> ENCR:0+UNTIL:$later | ENCR:0+UNTIL:$soon | PERM+VERIFY
~ TLS_Clt:zebra.example	ENCR:128 -> ENCR:256
- TLS_From:<>	OK
END
@json = @{decode_json(tlspolicy('diff', '--json', $scratch->path('new'))->{out})};
is(join(' ', map { $_->{change} } @json),
    join(' ', map { { '~' => 'changed', '+' => 'added', '-' => 'removed' }->{substr $_, 0, 1} }
    split /^/, $r->{out}), 'diff --json: the same changes');
is(tlspolicy('diff', "$rules.none")->{status}, 66, 'diff: no file');
is(tlspolicy('diff', $scratch->write('bad', "x\n"))->{status}, 65,
    'diff: bad rules');

# set and del: one generation each.
is_run(['set', 'TLS_Clt:zebra.example', 'PERM+VERIFY+BY:me'], 0, '',
    "$store: generation 3, 14 rules\n", 'set of a key that is there');
is_run(['show', 'TLS_Clt:zebra.example'], 0,
    "TLS_Clt:zebra.example\tPERM+VERIFY+BY:me\n", '', 'set: the rule');
is_run(['set', 'TLS_Clt:zebra.example', 'PERM+VERIFY+BY:me'], 0, '',
    "$store: unchanged, generation 3, 14 rules\n", 'set of the same');
is_run(['set', 'TLS_Cilt:zebra.example', 'OK'], 65, '',
    qr/^set:1:1: found the tag "TLS_Cilt"; .*, did you mean TLS_Clt\?$/,
    'set of a misspelt tag');
is_run(['set', 'host.example', 'ENCR:128'], 0, '',
    "$store: generation 4, 16 rules\n", 'set without a tag');
is_run(['show', 'host.example'], 0, "TLS_Clt:host.example\tENCR:128\n" .
    "TLS_Srv:host.example\tENCR:128\n", '', 'set without a tag: both');
is_run(['diff', $rules], 1,
    "- TLS_Clt:host.example\tENCR:128\n" .
    "~ TLS_Clt:zebra.example\tPERM+VERIFY+BY:me -> ENCR:128\n" .
    "- TLS_Srv:host.example\tENCR:128\n", '', 'diff shows what was set');
is_run(['del', 'HOST.example'], 0, '', "tlspolicy: 2 lines of HOST.example " .
    "removed\n$store: generation 5, 14 rules\n",
    'del without a tag');
is_run(['del', 'TLS_Clt:dated.example'], 0, '', "tlspolicy: 3 lines of " .
    "TLS_Clt:dated.example removed\n$store: generation 6, 11 rules\n",
    'del of three lines');
is_run(['del', 'TLS_Clt:dated.example'], 1, '',
    "tlspolicy: there is no rule for TLS_Clt:dated.example\n",
    'del of an absent key');
is_run(['del', $_, 'TLS_Clt:dated.example'], 0, '', '', "del $_")
    for qw(-i --if-exists);
# Of what no rule can have none was looked for: -i does not hide a slip.
for (['TLS_Cltt:zebra.example', qr/"TLS_Cltt"; .*did you mean TLS_Clt\?$/],
    ['TLS_Clt:*.example', qr/"\*\.example" can never match: /],
    ['TLS_Clt:300.1.2.3', qr/"300\.1\.2\.3" can never match: /],
    ['zebra..example', qr/"zebra\.\.example" can never match: /]) {
	my ($absent, $words) = @$_;
	is_run(['del', @$_, $absent], 65, '', qr/^tlspolicy: .*$words/,
	    "del @$_ $absent") for [], ['-i'];
}
is_run(['del', '-i', 'mycB:/CN=None'], 0, '', '',
    'del -i of an issuer that has no row');
is(Tlspolicy::Scratch::run($tlspolicy, 'check', '-d', $store, '-v',
    'client_name=zebra.example')->{out} =~ /\(set:1, generation 6\)/, 1,
    'the trace tells a rule that was set');

is_run(['set', 'mycA:/CN=Second', 'OK'], 0, '',
    "$store: generation 7, 12 rules\n", 'set of a row that a rule names');
is_run(['set', 'NewCA:/CN=New', 'OK'], 0, '', "tlspolicy: no rule names " .
    "CITag:NewCA yet\n$store: generation 8, 13 rules\n",
    'set of a row before its rule');

# Several lines of a key: set takes the place of the one with its conditions.
my $key = 'TLS_From:many.example';
my $stay = sub { "tlspolicy: $_[0] of $key with other conditions $_[1]\n" };
for (
	['PERM+ENCR:128', '', "PERM+ENCR:128"],
	['ENCR:0+WHEN:192.0.2.7', $stay->('1 line', 'stays'),
	    "ENCR:0+WHEN:192.0.2.7", "PERM+ENCR:128"],
	["OK", $stay->('1 line', 'stays'), "ENCR:0+WHEN:192.0.2.7", "OK"],
	["PERM+VERIFY", $stay->('1 line', 'stays'), "ENCR:0+WHEN:192.0.2.7",
	    "PERM+VERIFY"],
	["ENCR:0+UNTIL:$later", $stay->('2 lines', 'stay'),
	    "ENCR:0+UNTIL:$later", "ENCR:0+WHEN:192.0.2.7", "PERM+VERIFY"],
	# The same clients, written in another way and order.
	["ENCR:1+WHEN:.A.example++WHEN:10", $stay->('3 lines', 'stay'),
	    "ENCR:1+WHEN:.A.example++WHEN:10", "ENCR:0+UNTIL:$later",
	    "ENCR:0+WHEN:192.0.2.7", "PERM+VERIFY"],
	["ENCR:2+WHEN:10.0.0.0/8++WHEN:.a.example", $stay->('3 lines', 'stay'),
	    "ENCR:2+WHEN:10.0.0.0/8++WHEN:.a.example", "ENCR:0+UNTIL:$later",
	    "ENCR:0+WHEN:192.0.2.7", "PERM+VERIFY"],
	["ENCR:1+WHEN:192.0.2.7", $stay->('3 lines', 'stay'),
	    "ENCR:2+WHEN:10.0.0.0/8++WHEN:.a.example", "ENCR:0+UNTIL:$later",
	    "ENCR:1+WHEN:192.0.2.7", "PERM+VERIFY"],
) {
	my ($rule, $said, @lines) = @$_;
	my $was = tlspolicy('set', $key, $rule);
	is($was->{err} =~ s/^\Q$store\E: generation.*\n//mr, $said,
	    "set $rule: what is said");
	is(tlspolicy('show', $key)->{out}, join('', map { "$key\t$_\n" }
	    @lines), "set $rule: the lines");
	like(tlspolicy('set', $key, $rule)->{err}, qr/: unchanged, /,
	    "set $rule again");
}
# What was set stands in front of lines of the file, and so it is shown.
my $both = "$key\tPERM+VERIFY\n";
Tlspolicy::Scratch::must($tlspolicy, 'build', '-d', $store,
    $scratch->write('two', "TLS_To:a.example\tOK\n$both"));
tlspolicy('set', $key, 'ENCR:0+WHEN:192.0.2.7');
is(tlspolicy('show')->{out},
    "TLS_To:a.example\tOK\n$key\tENCR:0+WHEN:192.0.2.7\n$both",
    'show keeps the order of a key');
is_run(['build', $scratch->write('again', tlspolicy('show')->{out})], 0, '',
    qr/generation/, 'show > rules builds');
is(tlspolicy('check', '-t', 'TLS_From', 'mail_addr=x@many.example',
    'client_addr=192.0.2.7')->{out}, "accept\n", 'and counts as before');
# Lines are compared one by one, however many there are.
my $line = sub { "$key\tENCR:1+WHEN:10.0.0.$_[0]++BY:" . 'x' x 900 . "\n" };
my $many = join('', map { $line->($_) } 1 .. 40);
Tlspolicy::Scratch::must($tlspolicy, 'build', '-d', $store,
    $scratch->write('two', $many));
is(tlspolicy('diff', $scratch->path('two'))->{status}, 0, 'diff of 40 lines');
$r = tlspolicy('diff', $scratch->write('two', $many =~ s/10\.0\.0\.40/10.0.0.41/r));
is($r->{status}, 1, 'diff: the last of 40 lines differs');
like($r->{out}, qr/^~ .* -> .*WHEN:10\.0\.0\.41\+\+BY:x{900}\n\z/,
    'diff: and is printed');
is_run(['del', $key], 0, '', qr/^tlspolicy: 40 lines of \Q$key\E removed\n/,
    'del of many lines');
Tlspolicy::Scratch::must($tlspolicy, 'build', '-d', $store, $rules);

# Profiles: one line is changed, and whom that touches is shown.
my $bank = $scratch->write('bank', <<'END');
Profile:bank	PERM+VERIFY:128+PFS
Profile:other	PERM+VERIFY:128
TLS_From:a.example	AS:bank++CN:.a.example
TLS_From:b.example	ENCR:0+WHEN:192.0.2.7
TLS_From:b.example	AS:Bank
TLS_From:c.example	AS:other++ICN:X
TLS_From:d.example	PERM+VERIFY:128+PFS
END
is_run(['build', $bank], 0, '', qr/generation/, 'profiles');
my $profiles = tlspolicy('show')->{out};
is_run(['diff', $bank], 0, '', '', 'diff of profiles: none');
is_run(['set', 'Profile:bank', 'TEMP+ENCR:128'], 0, '', qr/generation/,
    'set of a profile');
is(tlspolicy('show', 'TLS_From:b.example')->{out},
    "TLS_From:b.example\tENCR:0+WHEN:192.0.2.7\n" .
    "TLS_From:b.example\tAS:Bank\n", 'lines stay as they are written');
for my $who ('a', 'b') {
	like(tlspolicy('check', '-t', 'TLS_From', "mail_addr=x\@$who.example",
	    'client_addr=192.0.2.1')->{out}, qr/^tempfail 451 4\.7\.10 .*ENCR:128/,
	    "$who.example: the new profile counts");
}
is(tlspolicy('check', '-t', 'TLS_From', 'mail_addr=x@b.example',
    'client_addr=192.0.2.7')->{out}, "accept\n", 'and the exception as before');
my $touched = <<'END';
> TLS_From:a.example	TEMP+ENCR:128+CN:.a.example -> PERM+VERIFY:128+PFS++CN:.a.example
> TLS_From:b.example	ENCR:0+WHEN:192.0.2.7 | TEMP+ENCR:128 -> ENCR:0+WHEN:192.0.2.7 | PERM+VERIFY:128+PFS
~ Profile:bank	TEMP+ENCR:128 -> PERM+VERIFY:128+PFS
END
is_run(['diff', $bank], 1, $touched, '', 'diff tells whom a profile touches');
is_run(['build', '-n', $bank], 0, $touched, qr/ change 1, and by their profiles 2 more\n/,
    'so does build -n');
@json = grep { $_->{change} eq 'touched' }
    @{decode_json(tlspolicy('diff', '--json', $bank)->{out})};
is_deeply([map { [$_->{key}, $_->{old}[-1], $_->{new}[-1]] } @json],
    [['TLS_From:a.example', 'TEMP+ENCR:128+CN:.a.example',
	'PERM+VERIFY:128+PFS++CN:.a.example'],
    ['TLS_From:b.example', 'TEMP+ENCR:128', 'PERM+VERIFY:128+PFS']],
    'and diff --json');
is_run(['set', 'Profile:bank', 'PERM+VERIFY:128+PFS'], 0, '', qr/generation/,
    'set back');
is(tlspolicy('show')->{out} =~ s/^Profile:bank.*\n//mr,
    $profiles =~ s/^Profile:bank.*\n//mr, 'no other line was changed');
# log tells it of each of its generations, and of a key that one of them touched.
my $log = tlspolicy('log', '-v')->{out};
my $changes = join '', map { "    $_\n" } $touched =~ /^(~.*)/m, $touched =~ /^(>.*)/mg;
like($log, qr/; of keys 0 added, 0 removed, 1 changed\n\Q$changes\E    rules/,
    'log -v tells whom a profile touches') or diag($log);
$log = tlspolicy('log', 'TLS_From:b.example')->{out};
is(scalar(() = $log =~ /^generation/mg), 3, 'log of a key: by its profile, too');
is(join(' ', $log =~ /^    ([>+~]) TLS_From:b/mg), '> > +', 'and how') or diag($log);
unlike($log, qr/TLS_From:a|Profile/, 'of no other');
is(scalar(() = tlspolicy('log', 'TLS_From:c.example')->{out} =~ /^generation/mg), 1,
    'log of a line of another profile');
@json = @{decode_json(tlspolicy('log', '--json', 'TLS_From:a.example')->{out})};
is_deeply([map { $_->{changes}[0]{change} } @json], [qw(touched touched added)],
    'log --json');
is_deeply($json[0]{changes}[0], { change => 'touched', key => 'TLS_From:a.example',
    old => ['TEMP+ENCR:128+CN:.a.example'], new => ['PERM+VERIFY:128+PFS++CN:.a.example'] },
    'as diff --json has it');
# Written out or not is a difference, though not of what is asked for.
is_run(['diff', $scratch->write('out', $profiles =~
    s/AS:Bank/PERM+VERIFY:128+PFS/r)], 1,
    "~ TLS_From:b.example\tENCR:0+WHEN:192.0.2.7 | AS:Bank -> " .
    "ENCR:0+WHEN:192.0.2.7 | PERM+VERIFY:128+PFS\n", '', 'a line written out');
my $trace = tlspolicy('check', '-v', '-t', 'TLS_From',
    'mail_addr=x@a.example')->{out};
like($trace, qr/^\s+rule TLS_From:a\.example AS:bank\+\+CN:\.a\.example \(\Q$bank\E:3, /m,
    'check -v: the line');
like($trace, qr/^\s+with Profile:bank PERM\+VERIFY:128\+PFS \(set:1, /m,
    'check -v: its profile');
for (
	['TLS_To:x.example', 'AS:bnak', qr/^set:1:18: there is no line Profile:bnak, did you mean bank\?$/m],
	['TLS_To:x.example', 'AS:bank++', qr/^set:1:27: /m],
	['TLS_To:x.example', 'ENCR:1+AS:bank', qr/^set:1:25: .*at the beginning/m],
	['Profile:bank', 'ENCR:1+CN:b', qr/^set:1:1: TLS_From:a\.example AS:bank\+\+CN:\.a\.example \(\Q$bank\E:3\) does not go with it: found CN /m],
	['Profile:bank', 'OK', qr/^set:1:14: /m],
	['Profile:bank', 'DANE', qr/^set:1:1: TLS_From:[ab]\.example .*asks for DANE/m],
) {
	my ($of, $rule, $why) = @$_;
	$r = tlspolicy('set', $of, $rule);
	is($r->{status}, 65, "set $of $rule: exit 65");
	like($r->{err}, $why, "set $of $rule: why");
}
is_run(['del', 'Profile:BANK'], 65, '', "tlspolicy: Profile:bank stays: " .
    "TLS_From:a.example ($bank:3) names it, and it is not the only one\n",
    'del of a profile that is named');
is_run(['set', 'TLS_From:c.example', 'PERM+VERIFY'], 0, '', qr/generation/,
    'its last line is set');
is_run(['del', 'Profile:other'], 0, '', qr/1 line of Profile:other removed/,
    'del of one that is not');
is_run(['build', $scratch->write('none', $profiles =~ s/^Profile:bank.*\n//mr)],
    65, '', qr/:2:20: found "AS:bank"; expected the name of a profile/,
    'a build without it');
Tlspolicy::Scratch::must($tlspolicy, 'build', '-d', $store, $rules);

# Mistakes change nothing.
my $before = tlspolicy('show')->{out};
for (
	[65, qr/^set:1:\d+: .*expected/m, 'set', 'TLS_Clt:x.example', 'ENCR'],
	[65, qr/^set:1:\d+: /m, 'set', 'TSL_Clt:x.example', 'ENCR:1'],
	[65, qr/^set:1:\d+: /m, 'set', 'TLS_Clt:192.0.2.0/33', 'OK'],
	[65, qr/expected one rule/, 'set', "TLS_Clt:a OK\nTLS_Clt:b", 'OK'],
	[65, qr/expected one rule/, 'set', '# TLS_Clt:a', 'OK'],
	[65, qr/^set:1:\d+: /m, 'set', 'TLS_Clt:a', ''],
	[65, qr/expected one rule/, 'set', 'TLS_Clt:a', 'OK' x 2000],
	[64, qr/operands are missing: usage: tlspolicy set/, 'set', 'TLS_Clt:a'],
	[64, qr/too many operands/, 'set', 'TLS_Clt:a', 'OK', 'OK'],
	[65, qr/\S/, 'del', 'TLS_Clt:192.0.2.0/33'],
	[64, qr/operands are missing/, 'del'],
	[64, qr/too many operands/, 'show', 'a', 'b'],
) {
	my ($status, $why, @args) = @$_;
	my $label = substr "@args" =~ s/\n/ /gr, 0, 50;
	$r = tlspolicy(@args);
	is($r->{status}, $status, "exit $status: $label");
	like($r->{err}, $why, "why: $label");
}
is(tlspolicy('show')->{out}, $before, 'nothing was changed');

# No store.
my $none = $scratch->path('none.mdb');
for my $command (['show'], ['del', 'TLS_Clt:a'], ['diff', $rules]) {
	$r = Tlspolicy::Scratch::run($tlspolicy, $command->[0], '-d', $none,
	    @$command[1 .. $#$command]);
	is($r->{status}, 66, "@$command without a store: exit 66");
	ok(!-e $none, "@$command makes none");
}
done_testing;
