#!/usr/bin/perl
#
# replay, plan status, report and outbound --unasked of records of every kind,
# one line of a log after the other.

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
my ($store, $log) = map { $scratch->path($_) } qw(policy.mdb audit.log);
my $conf = $scratch->write('conf', "audit-file = $log\nlocal-domains = here.test\n");
my $json = JSON::PP->new->canonical;
my $now = time;
sub at { return strftime('%Y-%m-%dT%H:%M:%S.000000Z', gmtime($now + shift)) }
sub tlspolicy { my @w = split ' ', shift; Tlspolicy::Scratch::run($bin, @w, '-c', $conf, '-d', $store, @_) }
my $seq = 0;
sub line { my ($event, %with) = @_; $seq++; return $json->encode({ v => 1, event => $event, seq => $seq, time => at(-3600 + $seq), %with }) . "\n" }
sub message {
	my (%with) = @_;
	return line($with{event} // 'message', node => 'mx.here.test', mta => '8.17.1', helo => 'h.test', from => 'a@from.test', generation => 1,
	    session => 's.1', client => { name => 'mail.client.test', addr => '192.0.2.1', resolve => 'OK' }, auth => undef,
	    tls => undef, rcpts => ['b@here.test'], rules => [], verdict => 'accept', waiver => undef, reply => undef,
	    reason => undef, result_type => undef, mode => 'enforce', %with);
}
my %tls = (version => 'TLSv1.3', cipher => 'TLS_AES_256_GCM_SHA384', bits => 256, verify => 'OK', cn => 'mail.client.test');
my %refused = (verdict => 'reject', reason => 'plaintext', reply => '550 5.7.10 no');
my $files = 0;
sub file { return $scratch->write('log' . $files++, join '', @_) }
sub build { Tlspolicy::Scratch::must($bin, 'build', '-c', $conf, '-d', $store, $scratch->write('rules', join '', map { "$_\n" } @_)) }
build('TLS_Clt:other.test OK');

# replay: what each record was, and would be.
sub replay { return tlspolicy('replay', '-r', $scratch->write('new', join '', map { "$_\n" } @{$_[0]}), @_[1 .. $#_]) }
my $from = 'TLS_From:from.test PERM+ENCR:1';
for (['refused', [$from], message(), 'newly refused', 'accepted', 'rejected'],
    ['for some', ['TLS_To:c@here.test PERM+ENCR:1'], message(rcpts => ['b@here.test', 'c@here.test']), 'newly refused for some recipients', 'accepted', 'rejected'],
    ['otherwise', ['TLS_From:from.test TEMP+ENCR:1'], message(%refused, event => 'refused-mail'), 'refused otherwise', 'rejected', 'tempfailed'],
    ['passed', [], message(%refused, event => 'refused-mail'), 'newly past MAIL, recipients not known', 'rejected', 'accepted'],
    ['allowed', [], message(%refused, event => 'refused-rcpt'), 'newly allowed', 'rejected', 'accepted'],
    ['warned of', ['TLS_From:from.test WARN+ENCR:1'], message(), 'newly warned', 'accepted', 'warned'],
    ['no longer warned of', [], message(waiver => 'warn', reason => 'plaintext', would => { verdict => 'reject', reply => 'x' }), 'newly allowed', 'warned', 'accepted'],
    ['held', ['TLS_From:from.test HOLD+ENCR:1'], message(), 'newly held', 'accepted', 'held'],
    ['no longer held', [], message(verdict => 'hold', reason => 'plaintext'), 'newly allowed', 'held', 'accepted'],
    ['held, and then warned of', ['TLS_From:from.test WARN+ENCR:1'], message(verdict => 'hold', reason => 'plaintext'), 'newly warned', 'held', 'warned'],
    ['no sender, nor a name', ['TLS_Clt: PERM+ENCR:1'], message(from => '', client => { name => undef, addr => '192.0.2.1' }), 'newly refused', 'accepted', 'rejected'],
    ['as the MTA understood it', ['TLS_To:c@solved.test PERM+ENCR:1'], message(rcpts => ['odd'], rcpts_resolved => ['c@solved.test']), 'newly refused', 'accepted', 'rejected'],
    ['the same', [$from], message(tls => \%tls), undef]) {
	my ($name, $rules, $line, $change, $was, $is) = @$_;
	my $r = replay($rules, file($line));
	is($r->{out} =~ /^(.*): 1$/m ? $1 : undef, $change, "replay: $name");
	is($r->{status}, $change && $change =~ /refused$|for some/ ? 1 : 0, '... exit code') or diag $r->{out};
	like($r->{out}, defined $change ? qr/^1 records, 1 would/m : qr/^1 records, 0 would/m, '... counted');
	like($r->{out}, qr/: was $was, would be $is$/m, '... and how') if $is;
	my ($group) = @{decode_json(replay($rules, '--json', file($line))->{out})->{groups}};
	is($group->{was}, $was, '... as JSON');
	is($group->{would_be}, $is, '... and what it would be');
}
my $asked = { tag => 'TLS_From', key => 'TLS_From:from.test', requirement => 'OK', result => 'holds', file => 'r', line => 3 };
my $r = replay([$from], '-v', file(message(rules => [$asked], queue_id => 'Q1')));
like($r->{out}, qr/^    example: id=Q1 client=.*\n      then, generation 1: accepted \n        holds: TLS_From:from\.test OK \(r:3\)\n      now:\n/m, 'replay -v') or diag $r->{err};
like($r->{out}, qr/^ +rule TLS_From:from\.test PERM\+ENCR:1 \(\S+new:1/m, '... and why now');
$r = replay([map { "TLS_From:d$_.test PERM+ENCR:1" } 1 .. 300], file(map { message(from => "a\@d$_.test") } 1 .. 300));
is(scalar(() = $r->{out} =~ /^  d\d+\.test: 1, /mg), 300, 'many groups');
$r = replay(["TLS_From:from.test PERM+ENCR:1", 'TLS_From:a@from.test PERM+ENCR:2'], file(message(), message(from => 'b@from.test'), message()));
is(join(' ', $r->{out} =~ /^  from\.test: (\d)/mg), '2 1', 'by rule');

# A plan, and what stands in its way.
is(tlspolicy('apply')->{status}, 66, 'no plan to apply');
$r = tlspolicy('plan', '--json', '--days', '1', '--budget', '3', '-m', 'why not', $scratch->write('planned', "TLS_From:from.test PERM+ENCR:1\n"));
like($r->{err}, qr/no history was judged: there is no audit log/, 'no log');
my $made = decode_json($r->{out});
is($made->{history}, undef, '... as JSON');
is("$made->{days} $made->{budget} $made->{rules} $made->{message}", '1 3 1 why not', '... and what it is');
like(tlspolicy('plan', $scratch->path('planned'))->{err}, qr/there is a plan already; `tlspolicy plan cancel' gives it up/, 'another one');
is(tlspolicy('apply', '--due')->{status}, 0, 'it is not due');
my %plan = (id => $made->{plan}, result => 'differs', verdict => 'reject', waiver => undef, reason => 'plaintext', key => 'TLS_From:from.test',
    requirement => 'PERM+ENCR:1', refused_rcpts => 0);
my $later = 7200;
sub judged {
	my ($domain, %with) = @_;
	my $plan = delete $with{plan} // {};
	return message(time => at($later++), from => "a\@$domain", plan => { %plan, %$plan }, %with);
}
sub status { $scratch->write('audit.log', join '', @_); return tlspolicy('plan status') }
my @all = (message(), message(from => 'x@before.test'), message(from => 'y@before.test'), judged('from.test'),
    judged('from.test', plan => { refused_rcpts => 1 }, rcpts => ['a@b.test', 'c@b.test']),
    judged('held.test', plan => { verdict => 'hold', key => undef, requirement => undef, reason => undef }),
    judged('freed.test', %refused, plan => { verdict => 'accept', reason => undef }),
    judged('real.test', %refused, rules => [{ %$asked, key => 'TLS_From:real.test', requirement => 'PERM+ENCR:1', result => 'fails' }],
	plan => { answered => \1, verdict => 'accept' }),
    judged('', client => { name => undef, addr => '192.0.2.1' }), judged('same.test', plan => { result => 'same' }),
    judged('not.test', plan => { result => 'not-judged' }), message(time => at($later++)), message(node => 'mx2.here.test', time => at($later++)));
$r = status(@all);
is($r->{status}, 65, 'plan status: exit code');
like($r->{out}, qr/^judged beside: 7 on 1 day, at 1 node
of these decided by the plan: 1
would break: 5, 3 may; 1 for some recipients only; 1 held; 1 for real
  from\.test: 2 of 2, \S+ to \S+
    rule: TLS_From:from\.test PERM\+ENCR:1, plaintext
    with 95 % confidence not more than 100\.0 % of its mail breaks
  \(no domain\): 1 of 1, /m, 'what breaks');
like($r->{out}, qr/^  held\.test: 1 of 1, .*\n    rule: none $/m, 'without a rule');
like($r->{out}, qr/^  real\.test: 1 of 1, \S+ to \S+; 1 of them for real\n    rule: TLS_From:real\.test PERM\+ENCR:1, plaintext$/m, 'what broke');
like($r->{out}, qr/^refused now, and would not be: 1\nsent mail before, and not since, so that nothing is known: 1\n  before\.test: 2 messages before, /m, 'what is not known');
like($r->{out}, qr/^in the way: $_$/m, $_) for 'node mx2\.here\.test has judged nothing by the plan',
    '1 message could not be judged by the plan: plan anew', '1 record does not know of the plan: plan anew', '5 messages would break, 3 may', 'not before \S+';
my $j = decode_json(tlspolicy('plan status --json')->{out});
is(join(' ', map { $_->{node} } @{$j->{nodes}}), 'mx.here.test mx2.here.test', 'nodes as JSON');
is(join(' ', map { $_->{domain} } @{$j->{breaks}}), 'from.test  held.test real.test', 'what breaks as JSON');
is(join(' ', map { $_->{domain} } @{$j->{unseen}}), 'before.test', 'and what is not known');
$r = status((map { judged("d$_.test") } 1 .. 25), (map { message(from => "a\@e$_.test") } 1 .. 2));
is(scalar(() = $r->{out} =~ /^  d\d+\.test: /mg), 20, 'many partners');
like($r->{out}, qr/^  and 5 more \(--json\)$/m, '... some are counted');
is($r->{status}, 1, '... exit code');
is(scalar @{decode_json(tlspolicy('plan status --json')->{out})->{breaks}}, 25, '... all are there');
$r = status((map { judged('big.test') } 1 .. 1100), map { judged('big.test', plan => { result => 'same' }) } 1 .. 1100);
like($r->{out}, qr/^  big\.test: 1100 of 2200, .*\n.*\n    with 95 % confidence not more than 51\.8 % of its mail breaks$/m, 'many of one') or diag $r->{out};
$r = status("{\"v\":1}\n", judged('from.test'));
is($r->{status}, 65, 'a bad line');
like($r->{out}, qr/^in the way: the log could not be read as a whole: 0 files, 1 line$/m, '... is in the way');
$r = status("{\"v\":1}\n", "{\"v\":2}\n");
like($r->{out}, qr/0 files, 2 lines$/m, 'two');
like($r->{out}, qr/^in the way: no message has been judged by the plan$/m, '... and nothing else');
$r = tlspolicy('apply');
is($r->{status}, 65, 'apply refuses');
like($r->{err}, qr/is not applied$/m, '... and says so');
is(tlspolicy('apply', '--canary', '10%')->{status}, 65, 'so does a canary');
is(tlspolicy('apply', '--canary', '0')->{status}, 0, 'fewer clients, or none, is always possible');

# Of more nodes than can be told apart nothing is known.
$scratch->write('audit.log', join '', (map { message(time => at($later++), node => "n$_.test", plan => { %plan, result => 'same' }) } 1 .. 1001),
    map { judged('from.test', node => 'n1001.test') } 1 .. 9);
for my $command ('plan status', 'plan status --json', 'apply') {
	$r = tlspolicy($command);
	is($r->{status}, 65, "$command: too many nodes");
	like($r->{err}, qr/the log is of more than 1000 nodes: name the files of fewer/, '... which is told');
	unlike($r->{out}, qr/judged/, '... and no half of it');
}

$scratch->write('audit.log', judged('from.test'));

# The plan's store is another one, is damaged, is gone.
my $text = Tlspolicy::Scratch::slurp("$store.plan");
Tlspolicy::Scratch::must('cp', $store, "$store.plan");
$r = tlspolicy('plan status');
is($r->{status}, 65, 'a store in place of the plan');
like($r->{err}, qr/a store, but none of a plan/, '... is told');
$scratch->write('policy.mdb.plan', "no store\n");
is(tlspolicy('plan status')->{status}, 65, 'no store in place of the plan');
$scratch->write('policy.mdb.plan', $text);
is(tlspolicy('plan status')->{status}, 75, 'the plan again: it is early');
build('TLS_Clt:other.test ENCR:1');
$r = tlspolicy('plan status');
like($r->{out}, qr/against generation 2: NOT the one it was planned against$/m, 'rules in force that changed');
is(tlspolicy('plan cancel')->{status}, 0, 'cancelled');
is(tlspolicy('plan cancel')->{status}, 66, 'there is none any more');
is(tlspolicy('plan status')->{status}, 66, '... nor anything to tell of it');

# History is judged when a plan is made.
$scratch->write('audit.log', join '', map { message(from => 'a@from.test') } 1 .. 3);
$r = tlspolicy('plan', '--budget', '2', $scratch->path('planned'));
is($r->{status}, 0, 'planned');
like($r->{out}, qr/^newly refused: 3$/m, '... with what it breaks of the log');
like($r->{err}, qr/the log so far has more that would break than the 2 that may/, '... which is more than may');
is(tlspolicy('plan cancel')->{status}, 0, 'cancelled');
$r = tlspolicy('plan', '--budget', '3', '--json', $scratch->path('planned'));
is(decode_json($r->{out})->{history}{refused}, 3, 'as JSON');
unlike($r->{err}, qr/more that would break/, 'as many as may');
is(tlspolicy('plan cancel')->{status}, 0, 'cancelled');
$scratch->write('audit.log', "{\"v\":1\n");
$r = tlspolicy('plan', '--json', $scratch->path('planned'));
is($r->{status}, 0, 'a log that cannot be read is no reason for no plan');

# replay --as-then: each reason why a record cannot be judged by the policy of its
# day has a word.
my $day = $scratch->path('day.mdb');
my $then = $scratch->write('then.conf', "mode = enforce\n");
Tlspolicy::Scratch::must($bin, 'build', '-c', $then, '-d', $day, $scratch->write('day.rules', "TLS_From:from.test PERM+ENCR:1\n"));
my ($of_day) = @{decode_json(Tlspolicy::Scratch::must($bin, 'log', '-c', $then, '-d', $day, '--json'))};
my ($rules_sha, $settings_sha) = ($of_day->{rules_sha256}, 'ab' x 32);
sub as_then { return Tlspolicy::Scratch::run($bin, 'replay', '--as-then', '-c', $then, '-d', $day, @_) }
sub settings_of { my ($sha, %values) = @_; return line('settings', settings => { sha256 => $sha, values => { mode => 'enforce', %values } }) }
sub policy_of { return line('policy', generation => 1, policy => { made => at(-9000), how => 'build', uid => 0, rules => 1, rules_sha256 => $_[0] }) }
sub of_day { return message(time => at(9000 + ++$later), settings => substr($settings_sha, 0, 16), policy => substr($rules_sha, 0, 16), %refused, event => 'refused-mail',
    rules => [{ %$asked, requirement => 'PERM+ENCR:1', result => 'fails' }], @_) }
my @head = (settings_of($settings_sha), policy_of($rules_sha));
for (['as it was', [@head, of_day()], 0, ''],
    ['without the line of the policy', [$head[0], of_day()], 0, ''],
    ['the same settings twice', [$head[0], @head, of_day()], 0, ''],
    ['another policy of that number', [@head, of_day(policy => 'ff' x 8)], 1, qr/^1 record not judged again: /],
    ['by the line of the policy alone', [$head[0], policy_of('ff' x 32), of_day(policy => undef)], 1, qr/^1 record not judged again: /],
    ['... that is not told', [$head[0], line('policy', generation => 1, policy => undef), of_day(policy => undef)], 0, ''],
    ['no settings', [$head[1], of_day()], 1, qr/^1 record not judged again: .*settings/],
    ['settings of another day', [settings_of('cd' x 32), $head[1], of_day()], 1, qr/^1 record not judged again: .*settings/],
    ['a digest that is none', [settings_of('ab'), $head[1], of_day()], 1, qr/^1 record not judged again: .*settings/],
    ['a record with a digest that is none', [@head, of_day(settings => 'ab')], 1, qr/^1 record not judged again: .*settings/],
    ['settings that this program does not know', [settings_of($settings_sha, odd => '1'), $head[1], of_day()], 1, qr/^1 record not judged again: .*settings/],
    ['a generation that is not kept', [@head, of_day(generation => 9, policy => undef)], 1, qr/^1 record not judged again: /],
    ['a generation of none', [@head, of_day(generation => 0, policy => undef)], 1, qr/^1 record not judged again: /],
    ['two of them', [@head, of_day(generation => 9), of_day(generation => 9)], 1, qr/^2 records not judged again: /],
    ['of a mail log', [@head, of_day(source => 'maillog', event => 'message', verdict => 'accept', seq => 0)], 1, qr/^1 record not judged again: .*mail log/],
    ['a plan answered', [@head, of_day(plan => { %plan, answered => \1 })], 1, qr/^1 record not judged again: .*plan/],
    ['otherwise than then', [@head, of_day(event => 'message', verdict => 'accept', reason => undef, reply => undef)], 1, '']) {
	my ($name, $lines, $status, $says) = @$_;
	my $file = file(@$lines);
	for my $json ([], ['--json']) {
		my $r = as_then(@$json, $file);
		is($r->{status}, $status, "as then: $name @$json") or diag($r->{out}, $r->{err});
		ref $says ? like($r->{err}, $says, '... which is told') : is($r->{err}, $says, '... and nothing is said');
	}
}
my $r2 = as_then('--since', '2099-01-01', file(@head, of_day()));
is($r2->{status}, 1, 'as then: nothing of that time is no good news');

# Questions about mail that leaves, and rules that nobody asked for.
build('TLS_Rcpt:a.test ENCR:1', 'TLS_Rcpt:b.test ENCR:1', 'TLS_Srv:[192.0.2.1] ENCR:1', 'TLS_Rcpt:c.test ENCR:1+UNTIL:2020-01-01', 'TLS_Rcpt:c.test ENCR:2');
sub question { my ($map, $key, %with) = @_; return line('outbound', map => $map, query => 'x', answer => 'y', result => 'told', generation => 1, mode => 'enforce',
    rules => [map { { tag => 'TLS_Rcpt', key => $_, requirement => 'ENCR:1', result => 'holds', file => 'r', line => 1 } } @$key], %with) }
for (['none', [], 5, qr/^no MTA was told anything/], ['Postfix', [question('tlspolicy', ['TLS_Rcpt:a.test'])], 4, qr/^Postfix asks|^no mail to it, or its next hop/],
    ['sendmail', [question('tlspolicy_access', ['TLS_Rcpt:a.test'])], 4, qr/^no connection to it|^no mail to it, or a more special rule/],
    ['another map', [question('odd', ['TLS_Rcpt:a.test'])], 4, qr/^no MTA was told anything/],
    ['each line of a key', [question('tlspolicy', ['TLS_Rcpt:c.test'])], 3, qr/./], ['a key that is no rule', [question('tlspolicy', ['TLS_Rcpt:z.test', 'TLS_Rcpt:' . 'x' x 4000])], 5, qr/./],
    ['the later before the earlier', [question('tlspolicy', [], time => at(500)), question('tlspolicy', [], time => at(100))], 5, qr/./]) {
	my ($name, $lines, $n, $why) = @$_;
	my $r = tlspolicy('outbound --unasked --json', file(@$lines, message()));
	my $all = decode_json($r->{out});
	is(scalar @{$all->{unasked}}, $n, "--unasked: $name") or diag $r->{err};
	is($r->{status}, 1, '... exit code');
	is(scalar(grep { $_->{why} !~ $why } @{$all->{unasked}}), 0, '... why');
	cmp_ok($all->{first}, 'le', $all->{last}, '... from when to when');
	like(tlspolicy('outbound --unasked', file(@$lines, message()))->{out}, qr/^\d+ answers.*; $n of 5 rules were never asked for$/m, '... for people');
}
is(tlspolicy('outbound --unasked', file("{\"v\":1}\n"))->{status}, 65, '--unasked: a bad line');
is(tlspolicy('outbound --unasked', $scratch->path('nothing'))->{status}, 66, '--unasked: no file');
build('TLS_Clt:a.test OK');
is(tlspolicy('outbound --unasked', file(message()))->{status}, 0, '--unasked: no rules');
done_testing;
