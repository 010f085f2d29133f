#!/usr/bin/perl
# A record is explained, and judged again, by the policy of its day: rules and
# settings; and what cannot be has its own word.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP qw(decode_json);
use Test::More;
use Tlspolicy::Talk;

my $perm = "TLS_Clt:example.com PERM+ENCR:112\n";
my $daemon = daemon($perm);
my $log = "$daemon->{dir}/audit.log";
my $m = session($daemon);

sub set
{
	my (@args) = @_;
	my $r = $daemon->tlspolicy('set', @args);
	is($r->{status}, 0, "set @args") or diag $r->{err};
}

sub message
{
	my ($id, @rcpts) = @_;
	$m->set(i => $id);
	return $_ for grep { $_->{action} ne 'continue' }
	    $m->mail('a@example.com');
	$m->rcpt($_) for @rcpts;
	return $m->message;
}

# The day: refused, let through, held, refused at RCPT, in monitor mode, and a
# policy that comes between two recipients.
message('refused', 'b@example.org');
set('TLS_Clt:example.com', 'OK', '-m', 'let them');
message('through', 'b@example.org');
set('TLS_To:b@example.org', 'HOLD+VERIFY');
message('held', 'b@example.org');
set('TLS_To:c@example.org', 'PERM+VERIFY');
message('one', 'c@example.org', 'd@example.org');
$m->set(i => 'between');
$m->mail('a@example.com');
$m->rcpt('d@example.org');
set('TLS_To:e@example.org', 'OK');
$m->rcpt('e@example.org');
$m->message;
$daemon->configure(mode => 'monitor');
$daemon->hup;
Tlspolicy::Scratch::wait_for(60, sub {
	$daemon->log =~ /settings were read again/ });
set('TLS_Clt:example.com', 'PERM+VERIFY', '-m', 'they were lying');
message('monitor', 'b@example.org');
$m->quit;
undef $m;
$daemon->tlspolicy('rollback', 1);

sub then
{
	my (@args) = @_;
	return $daemon->tlspolicy('replay', '--as-then', @args);
}

my $r = then();
is($r->{status}, 0, 'as then: the same') or diag("$r->{out}$r->{err}");
like($r->{out}, qr/^\d+ records; by the policy of its day 0 come out differently, 0 not judged again$/m, 'which is said');
is($r->{err}, '', 'and nothing else');
my $now = $daemon->tlspolicy('replay');
is($now->{status}, 1, 'by the rules of now much is not');
my $json = decode_json(then('--json')->{out});
is($json->{not_judged}, 0, 'JSON');
is_deeply($json->{groups}, [], 'nothing differs');

# --since and --until: policies and settings told before that time count, a forgery
# behind it does not.
my ($first) = Tlspolicy::Scratch::slurp($log) =~
    /"refused-mail","time":"([^"]+)"/;
$r = then('--until', $first, '--json');
is($r->{status}, 1, 'before the first record: nothing was judged');
like($r->{err}, qr/^of that time: none of 7 records$/m, 'which is said');
$r = then('--since', substr($first, 0, 10), '--until', substr $first, 0, 10);
is($r->{status}, 0, 'its day');
like($r->{out}, qr/^7 records; by the policy/m, 'all of it');
my ($second) = Tlspolicy::Scratch::slurp($log) =~
    /"event":"message","time":"([^"]+)"/;
$r = then('--since', $second, '--json');
is($r->{status}, 0, 'from the second record on');
is(decode_json($r->{out})->{records}, 6, 'the others, and policies told before');
is(then(@$_)->{status}, 64, "@$_") for ['--since', 'noon'], ['--left'],
    ['--since', '2026-03-04', '--until', '2026-03-03'];

# A forger who can write the log and its chain makes records say "accepted".
my $text = Tlspolicy::Scratch::slurp($log);
sub forged
{
	my ($name, $change, $status, $out, $err) = @_;
	local $_ = $text;
	$change->();
	isnt($_, $text, "$name: is a change");
	my $path = scratch()->write('forged', $_);
	my $r = then($path);
	is($r->{status}, $status, "$name: exit $status");
	like($r->{out}, $out, "$name: is told");
	like($r->{err}, $err, "$name: and why");
}
forged('an acceptance', sub { s/"refused-mail"/"message"/;
    s/"verdict":"reject"/"verdict":"accept"/ }, 1,
    qr/^newly refused: 1\n.*\b1 COME OUT DIFFERENTLY, 0 not judged/ms,
    qr/\A\z/);
forged('a failure that was spared', sub {
    s/("verdict":"accept","waiver":)"monitor"/$1null/ }, 1, qr/1 COME OUT DIFFERENTLY/,
    qr/\A\z/);
forged('no policy', sub { s/("event":"refused-mail".*?"generation":)1/${1}0/ },
    1, qr/0 come out differently, 1 not judged/, qr/1 record not judged again: no policy judged/);
forged('a generation to come', sub {
    s/("event":"refused-mail".*?"generation":)1,/${1}99,/ },
    1, qr/0 come out differently, 1 not judged/, qr/the generation is not kept/);
forged('settings that nobody told', sub {
    s/("event":"refused-mail".*?"settings":")..../$1ffff/ },
    1, qr/0 come out differently, 1 not judged/, qr/nobody told the settings/);
forged('a policy of another store', sub {
    s/("event":"refused-mail".*?"policy":")..../$1ffff/ },
    1, qr/not judged/, qr/the store's generation of that number is another/);
forged('too little of its digest', sub {
    s/("event":"refused-mail".*?"policy":"\w)\w+/$1/ },
    1, qr/not judged/, qr/the store's generation of that number is another/);
forged('too little of the settings', sub {
    s/("event":"refused-mail".*?"settings":"\w)\w+/$1/ },
    1, qr/1 not judged/, qr/nobody told the settings/);
# An older version's records name no policy: the line in front of them does.
forged('a policy of another store, told once', sub { s/,"policy":"\w{16}"//g;
    s/("generation":1,"policy".*?"rules_sha256":")..../$1ffff/ },
    1, qr/not judged/, qr/the store's generation of that number is another/);

# Each node counts for itself: what one calls its first is not the other's.
my ($told) = $text =~ /^(.*"event":"policy".*"generation":1,.*)$/m;
$told =~ s/("rules_sha256":")..../$1ffff/ or die $told;
my $other = scratch()->write('other-node', "$told\n");
my ($head, $rest) = $text =~ /^(.*?\n)([^\n]*"refused-mail".*)/s;
my @parts = map { scratch()->write("part.$_->[0]", $_->[1]) } [1, $head],
    [2, $rest];
$r = then($parts[0], $other, $parts[1]);
is($r->{status}, 0, 'beside the log of another node') or diag $r->{err};
like($r->{out}, qr/ 0 come out differently, 0 not judged again$/m,
    'each by its own');
is(then('-r', "$daemon->{dir}/rules")->{status}, 64, 'not with other rules');
is(then('-o', 'mode=enforce')->{status}, 64, 'nor other settings');

# why, by the rules and settings of the day.
sub why
{
	return $daemon->tlspolicy('audit', 'why', @_)->{out};
}
like(why('refused'), qr/^keys tried, generation 1:\n.*PERM\+ENCR:112 \(\S+:1, generation 1\)/ms, 'why of the first');
like(why('through'), qr/^keys tried, generation 2:\n.*rule TLS_Clt:example\.com OK \(set:1, generation 2\)/ms, 'why of the second');
like(why('monitor'), qr/^keys tried, generation 6:\n.*PERM\+VERIFY/ms,
    'why of the last');
like(why('between'), qr/^keys tried, generation 4:\n.*TLS_To:e\@example\.org OK \(set:1, generation 5\)/ms,
    'each recipient by its own');

# The store is gone and built anew: its generation 1 is another one.
unlink $daemon->{store}, "$daemon->{store}-lock";
$daemon->rules("TLS_Clt:other.example OK\n");
like(why('refused'), qr/^keys tried: cannot tell any more, it was judged by generation 1: \S+: generation 1 is another one there$/m,
    'another store counts from 1, too');
like(why('held'), qr/^keys tried: cannot tell any more, it was judged by generation 3: \S+: generation 3 is not kept; it holds 1 to 1$/m,
    'and has not all of them');
$r = then();
is($r->{status}, 1, 'what cannot be judged is no good news');
like($r->{out}, qr/ 0 come out differently, \d+ not judged again/, 'counted');

done_testing;
