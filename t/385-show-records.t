#!/usr/bin/perl
#
# audit show and audit why of each kind of record: the line that is printed of
# it, and which of what can be asked for chooses it.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP qw(decode_json);
use Test::More;
use Tlspolicy::Scratch;

my $bin = Tlspolicy::Scratch::builddir();
plan skip_all => "$bin/tlspolicy is not built" unless -x "$bin/tlspolicy";
my $scratch = Tlspolicy::Scratch->new;
my $conf = $scratch->write('conf', 'local-domains = here.test' . "\n");
my $store = $scratch->path('policy.mdb');

sub tlspolicy {
	my ($command, @args) = @_;
	return Tlspolicy::Scratch::run("$bin/tlspolicy", 'audit', $command, '-c', $conf, '-d', $store, @args);
}

my $n = 0;
sub record {
	my ($event, %with) = @_;
	my $day = delete $with{day} // 1;
	my %all = (v => 1, event => $event, seq => ++$n, time => sprintf('2026-11-%02dT10:00:00.000000Z', $day), %with);
	return JSON::PP->new->canonical->encode(\%all);
}
sub message {
	my (%with) = @_;
	return record('message', node => 'mx.here.test', mta => '8.17.1', helo => 'h.test', from => 'a@from.test', generation => 1,
	    session => 's.1', client => { name => 'mail.client.test', addr => '192.0.2.1', resolve => 'OK' }, auth => undef,
	    tls => undef, rcpts => ['b@here.test'], rules => [], verdict => 'accept', waiver => undef, reply => undef,
	    reason => undef, result_type => undef, mode => 'enforce', %with);
}
my %tls = (version => 'TLSv1.3', cipher => 'TLS_AES_256_GCM_SHA384', bits => 256, verify => 'OK', cn => 'mail.client.test');
my $rule = { tag => 'TLS_From', key => 'TLS_From:from.test', requirement => 'PERM+VERIFY', result => 'fails', file => 'r', line => 3 };
sub outbound {
	my (%with) = @_;
	return record('outbound', map => 'tlspolicy', query => 'out.test', answer => 'encrypt', result => 'told', generation => 1,
	    mode => 'enforce', rules => [{ %$rule, tag => 'TLS_Rcpt', key => 'TLS_Rcpt:out.test', result => 'holds' }], %with);
}
sub delivered {
	return record('delivered', source => 'maillog', node => 'mx', mta => 'Postfix', queue_id => '4Y1',
	    server => { name => 'mx.out.test', addr => '192.0.2.25' }, tls => undef, rcpts => ['x@out.test'], @_);
}
sub handshake {
	return record('handshake', node => 'mx', domain => 'out.test', policy_type => 'no-policy-found', policy_domain => 'out.test',
	    outcome => 'success', failures => [], @_);
}
my @failure = (outcome => 'failure', failures => [{ result_type => 'starttls-not-supported',
    server => { name => 'mx.out.test', addr => '192.0.2.25' }, reason => 'no TLS' }]);
my $digest = '0123456789abcdef' x 4;
my %plan = (id => '0be347dee29278a9', verdict => 'reject', waiver => undef, reason => 'plaintext',
    key => 'TLS_Clt:client.test', requirement => 'PERM+ENCR:112', refused_rcpts => 0, result => 'differs');
my %made = (made => '2026-11-01T09:00:00.000000Z', how => 'build', uid => 0, login => 'root', host => 'vm', rules => 1,
    rules_sha256 => $digest, message => undef);
my $came = 'client=mail.client.test addr=192.0.2.1 from=a@from.test';
my $no_tls = [{ %$rule, key => '', requirement => 'ENCR:1', tag => 'TLS_From', result => 'fails', file => '' }];

# name, the record, its line behind the time
my @records = (
    [clear => message(queue_id => 'Q1'), " accept id=Q1 $came to=b\@here.test in clear"],
    [tls => message(tls => \%tls), " accept $came to=b\@here.test tls=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 verify=OK cn=mail.client.test"],
    [reject => message(verdict => 'reject', reason => 'plaintext', reply => '550 5.7.10 no', rules => [$rule], day => 2),
	" reject plaintext $came to=b\@here.test in clear"],
    [warned => message(waiver => 'warn', reason => 'plaintext', rules => [$rule],
	would => { verdict => 'reject', reply => '550 5.7.10 no' }), " accept (warn) plaintext $came to=b\@here.test in clear"],
    [many => message(rcpts => [map { "$_\@box.test" } 1 .. 5], from => ''), ' accept client=mail.client.test addr=192.0.2.1 '
	. 'to=1@box.test to=2@box.test to=3@box.test and 2 more in clear'],
    [resolved => message(rcpts => ['odd'], rcpts_resolved => ['c@solved.test'], client => { name => undef, addr => undef }),
	' accept from=a@from.test to=odd in clear'],
    [header => message(header_from => ['boss@header.test']), " accept $came header=boss\@header.test to=b\@here.test in clear"],
    [spelt => message(from => '@via.test:joe%spelt.test@here.test'),
	' accept client=mail.client.test addr=192.0.2.1 from=@via.test:joe%spelt.test@here.test to=b@here.test in clear'],
    [percent => message(rcpts => ['joe%percent.test@here.test']), " accept $came to=joe%percent.test\@here.test in clear"],
    [maillog => message(source => 'maillog', seq => 0, rcpts => []), " maillog accept $came in clear"],
    [untold => message(source => 'maillog', tls => {}, rcpts => []), " maillog accept $came tls not told"],
    [held => message(verdict => 'hold', reason => 'too-weak', reply => 'held'), " hold too-weak $came to=b\@here.test in clear"],
    [same => message(plan => { %plan, result => 'same' }), " accept $came to=b\@here.test in clear plan 0be347dee29278a9: both say the same"],
    [differs => message(plan => { %plan, refused_rcpts => 1 }), " accept $came to=b\@here.test in clear plan 0be347dee29278a9: "
	. 'it would reject, plaintext: TLS_Clt:client.test PERM+ENCR:112, 1 recipient'],
    [answered => message(plan => { %plan, answered => \1, refused_rcpts => 2, reason => undef }), " accept $came to=b\@here.test "
	. 'in clear plan 0be347dee29278a9: its policy answered; the one in force would reject: TLS_Clt:client.test PERM+ENCR:112, 2 recipients'],
    [plan_warns => message(plan => { %plan, id => undef, verdict => 'accept', waiver => 'warn', would => 'tempfail' }),
	" accept $came to=b\@here.test in clear plan unknown: it would warn of tempfail, plaintext: TLS_Clt:client.test PERM+ENCR:112"],
    [not_judged => message(plan => { %plan, result => 'not-judged' }), " accept $came to=b\@here.test in clear plan 0be347dee29278a9: not judged by it"],
    [outbound => outbound(), ' outbound told map=tlspolicy query=out.test rule=TLS_Rcpt:out.test answer=encrypt'],
    [monitor => outbound(mode => 'monitor', warned => 'secure', query => '[mx.out.test]:25', result => 'not-found', answer => 'none',
	inexpressible => 'CN', rules => []), ' outbound not-found (monitor) map=tlspolicy query=[mx.out.test]:25 without=CN warned=secure answer=none'],
    [delivered => delivered(), ' maillog delivered id=4Y1 server=mx.out.test addr=192.0.2.25 to=x@out.test in clear'],
    [delivered_tls => delivered(tls => { %tls, cn => undef }, rcpts => ['x@third.test']), ' maillog delivered id=4Y1 server=mx.out.test '
	. 'addr=192.0.2.25 to=x@third.test tls=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 verify=OK'],
    [success => handshake(), ' handshake success domain=out.test policy=no-policy-found'],
    [failure => handshake(@failure), ' handshake failure domain=out.test policy=no-policy-found server=mx.out.test addr=192.0.2.25 '
	. 'why=starttls-not-supported reason=no TLS'],
    [failed_mail => handshake(@failure, source => 'maillog', queue_id => '4Y2', rcpts => ['x@out.test']), ' maillog handshake failure '
	. 'id=4Y2 domain=out.test policy=no-policy-found server=mx.out.test addr=192.0.2.25 why=starttls-not-supported '
	. 'reason=no TLS to=x@out.test'],
    [policy => record('policy', generation => 3, node => 'mx', version => '0.1.0', policy => { %made, how => 'rollback', back_to => 2,
	message => 'why not' }), ' policy generation=3 how=rollback back_to=2 made=2026-11-01T09:00:00Z uid=0 login=root host=vm node=mx '
	. "version=0.1.0 rules_sha256=$digest message=why not"],
    [planned => record('policy', generation => 4, node => 'mx', version => '0.1.0', policy => { %made, how => 'apply',
	plan => '0be347dee29278a9' }), ' policy generation=4 how=apply plan=0be347dee29278a9 made=2026-11-01T09:00:00Z uid=0 login=root '
	. "host=vm node=mx version=0.1.0 rules_sha256=$digest"],
    [policy_untold => record('policy', generation => 5, policy => undef), ' policy generation=5 not told'],
    [settings => record('settings', settings => { sha256 => $digest, values => { mode => 'enforce' }, odd => 1 }),
	" settings sha256=$digest mode = enforce"],
    [settings2 => record('settings', settings => { sha256 => $digest, values => { compat => 'off', mode => 'enforce' } }),
	" settings sha256=$digest compat = off; mode = enforce"],
    [plan => record('plan', plan => { id => '0be347dee29278a9', result => 'ended' }), ' plan id=0be347dee29278a9 ended'],
    [lost => record('unrecorded', refusals => 3), ' unrecorded refusals=3'],
);
my (%line, @names);
for my $r (@records) {
	my ($name, $line, $want) = @$r;
	my $got = tlspolicy('show', $scratch->write('one', "$line\n"));
	is($got->{out} =~ s/^2026-11-\d\dT10:00:00Z//r, "$want\n", "$name: its line");
	is("$got->{status} $got->{err}", '0 ', "$name: and no more");
	$line{$line} = $name;
	push @names, $name;
}
my $link = record('link', previous => '0' x 64, torn => 0);
is(tlspolicy('show', $scratch->write('one', "$link\n"))->{out}, '', 'a line of the chain is no record');

# All of them in one log, and what is asked for.
my $log = $scratch->write('all', join '', "$link\n", map { "$_->[1]\n" } @records);
sub seqs { return join ' ', map { $line{JSON::PP->new->canonical->encode($_)} // '?' } @{decode_json($_[0])} }
my ($in) = grep { $names[$_] eq 'outbound' } 0 .. $#names;
my @mail = @names[0 .. $in - 1];
sub without { my %not = map { $_ => 1 } @_; return join ' ', grep { !$not{$_} } @mail }
for ([[], "@names"],
    [['--since', '2026-11-02'], 'reject'],
    [['--until', '2026-11-01T12:00:00Z'], join ' ', grep { $_ ne 'reject' } @names],
    [['--until', '2026-11-02'], "@names"],
    [['--domain', 'client.test'], without('resolved')],
    [['--domain', 'from.test'], without('many', 'spelt')],
    [['--domain', 'via.test'], ''],
    [['--domain', 'spelt.test'], 'spelt'],
    [['--domain', 'percent.test'], 'percent'],
    [['--domain', 'solved.test'], 'resolved'],
    [['--domain', 'header.test'], 'header'],
    [['--domain', 'box.test'], 'many'],
    [['--domain', 'third.test'], 'delivered_tls'],
    [['--domain', 'out.test'], 'outbound monitor delivered delivered_tls success failure failed_mail'],
    [['--to', 'b@here.test'], without('many', 'resolved', 'percent', 'maillog', 'untold')],
    [['--to', 'c@solved.test'], 'resolved'],
    [['--to', 'x@out.test'], 'outbound delivered success failure failed_mail'],
    [['--to', 'y@out.test'], 'outbound success failure'],
    [['--to', 'out.test'], 'outbound delivered success failure failed_mail'],
    [['--client', '192.0.2.0/24'], without('resolved')],
    [['--client', 'mail.client.test'], without('resolved')],
    [['--client', '198.51.100.1'], ''],
    [['--clear'], without('tls', 'untold') . ' delivered'],
    [['--verdict', 'reject'], 'reject'],
    [['--verdict', 'warn'], 'warned'],
    [['--verdict', 'hold'], 'held'],
    [['--reason', 'plaintext'], 'reject warned'],
    [['--rule', 'tls_from:FROM.test'], 'reject warned'],
    [['--rule', 'TLS_Rcpt:out.test'], 'outbound'],
    [['--rule', 'TLS_Rcpt:out.test', '--domain', 'out.test'], 'outbound'],
    [['--verdict', 'accept', '--reason', 'plaintext'], 'warned']) {
	my ($args, $want) = @$_;
	# Whom refusals that are not recorded were about nobody knows.
	$want =~ s/ ?$/ lost/ if @$args && "@$args" !~ /since/ && $want !~ /lost/;
	$want =~ s/^ //;
	my $r = tlspolicy('show', '--json', @$args, $log);
	is(seqs($r->{out}), $want, "show @$args");
	is($r->{status}, 0, '... exit code');
	my @lines = split /^/, tlspolicy('show', @$args, $log)->{out};
	is(scalar @lines, scalar split(' ', $want), '... and for people as many');
}
my $r = tlspolicy('show', '--clear', $log);
like($r->{err}, qr/^1 of \d+ records cannot tell whether there was TLS$/m, 'which cannot tell is told');
my ($untold) = map { $_->[1] } grep { $_->[0] eq 'untold' } @records;
$r = tlspolicy('show', '--clear', $scratch->write('one', "$untold\n"));
is($r->{err}, "--clear: none of 1 record\n1 of 1 record cannot tell whether there was TLS\n", 'of one alone');
is("$r->{status} $r->{out}", '0 ', '... which is not shown');
is(tlspolicy('show', '--rule', 'MyCA:x', $log)->{status}, 64, 'no rule of that tag is ever hit');
is(tlspolicy('show', '--since', '2026-11-02', '--until', '2026-11-03', $log)->{status}, 0, 'a day');
is(tlspolicy('show', $_->[0], $_->[1], $log)->{status}, 64, "show @$_") for ['--until', 'noon'], ['--since', 'noon'], ['--to', 'x@'];

# Standard input is shown as it comes: a withdrawal cannot reach back.
my $withdrawn = join '', map { "$_\n" } $records[0][1], record('withdrawn', of => 1);
sub show_input {
	return Tlspolicy::Scratch::run({ in => $scratch->write('in', shift) }, "$bin/tlspolicy", 'audit', 'show', '-c', $conf, @_, '-');
}
my $of = record('withdrawn', of => 1) . "\n";
is(show_input($of)->{out} =~ s/^\S+//r, " withdrawn of=1\n", 'withdrawn, at once');
is(show_input($of, '--since', '2026-11-20')->{out}, '', '... of another time');
is(decode_json(show_input($of, '--json')->{out})->[0]{of}, 1, '... as JSON');
$r = tlspolicy('show', $scratch->write('one', $withdrawn));
is($r->{out} =~ s/^\S+//r, " withdrawn$records[0][2]\n", 'withdrawn, in a file');
$r = tlspolicy('show', $scratch->write('one', join '', map { "$_\n" } outbound(seq => 7), record('withdrawn', of => 7)));
like($r->{out}, qr/^\S+ withdrawn outbound told /, 'an answer that was withdrawn');
$r = tlspolicy('show', '--since', '2026-11-20', $scratch->write('one', $withdrawn));
is("$r->{status} $r->{out}", '0 ', 'of another time');

# why
Tlspolicy::Scratch::must("$bin/tlspolicy", 'build', '-c', $conf, '-d', $store, $scratch->write('rules', "TLS_From:from.test PERM+VERIFY\n"));
sub why {
	my (%with) = @_;
	my $got = tlspolicy('why', 'QW', $scratch->write('one', message(queue_id => 'QW', %with) . "\n"));
	is($got->{status}, 0, 'why: exit code') or diag $got->{err};
	return $got->{out};
}
my $said = why(tls => {}, rcpts => ['b@here.test', 'c@here.test']);
like($said, qr/^asked: client mail\.client\.test at 192\.0\.2\.1, HELO h\.test, mail from a\@from\.test to b\@here\.test, c\@here\.test$/m,
    'all who were asked about');
like($said, qr/^seen: not told$/m, 'TLS that is not told');
like($said, qr/^rules: none spoke of it$/m, 'no rule');
like($said, qr/^told: go on$/m, 'no reply');
$said = why(verdict => 'hold', reply => 'held for you', rules => $no_tls, reason => 'plaintext');
like($said, qr/^rule: fails: TLS_From ENCR:1$/m, 'a rule without key and file');
like($said, qr/^verdict: hold, plaintext\ntold: accepted, and kept in quarantine: held for you$/m, 'held');
$said = why(waiver => 'warn', reason => 'plaintext', would => { verdict => 'reject', reply => '550 5.7.10 no' },
    rules => [{ %$rule, rcpt => 'b@here.test' }], plan => { %plan });
like($said, qr/^rule: fails for b\@here\.test: TLS_From:from\.test PERM\+VERIFY \(r:3, generation 1\)$/m, 'a rule of a recipient');
like($said, qr/^verdict: accept, plaintext, spared by warn; else reject 550 5\.7\.10 no$/m, 'spared');
like($said, qr/^plan 0be347dee29278a9: it would reject/m, 'a plan');
$said = why(plan => { %plan, answered => \1 });
like($said, qr/^keys tried: cannot tell, the policy of a plan gave the verdict$/m, 'a plan that answered');
like(why(generation => 9), qr/^keys tried: cannot tell any more, it was judged by generation 9: /m, 'a generation that is not kept');
like(why(time => '2099-11-01T10:00:00.000000Z', tls => \%tls, rcpts => ['b@here.test', 'c@here.test'], rcpts_generation => [1, 9]),
    qr/^    \(a recipient was judged by generation 9: .*\)$/m, 'a recipient of another generation');
$r = Tlspolicy::Scratch::run("$bin/tlspolicy", 'audit', 'why', '-c', $conf, '-d', $scratch->path('none.mdb'), 'QW', $scratch->path('one'));
like($r->{out}, qr/^keys tried: cannot tell, the store cannot be read$/m, 'no store');
is($r->{status}, 0, '... which is no failure of it');
is(tlspolicy('why', 'QX', $scratch->path('one'))->{status}, 66, 'no such message');
done_testing;
