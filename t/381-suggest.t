#!/usr/bin/perl
#
# tlspolicy suggest: what it proposes, that it builds, and that it refuses
# nothing that was let through.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Sample;
use Tlspolicy::Scratch;

my $bin = Tlspolicy::Scratch::builddir();
plan skip_all => "$bin/t/sample-audit is not built"
    unless -x "$bin/t/sample-audit";
my $scratch = Tlspolicy::Scratch->new;
my $log = Tlspolicy::Sample::log_of($scratch, 'audit',
    @{Tlspolicy::Sample::sessions()});

sub tlspolicy {
	return Tlspolicy::Scratch::run("$bin/tlspolicy", @_);
}

# The rules that are proposed, without BY.
sub suggested {
	my $r = tlspolicy('suggest', @_);
	is($r->{status}, 0, "suggest @_: exit code") or diag $r->{err};
	return [map { s/\+{1,2}BY:\S+//r =~ s/\t/ /r }
	    grep { /^[^#]/ } split /\n/, $r->{out}];
}

my @all = (
    'TLS_From:bigmail.example WARN+ENCR:128+VER:1.2',
    'TLS_From:moved.example WARN+VERIFY+VER:1.2',
    'TLS_From:new.example WARN+VERIFY+VER:1.2',
    'TLS_From:trusted.example WARN+VERIFY+VER:1.2',
    'TLS_From:steady.example TEMP+VERIFY+CN:mx.steady.example',
    'TLS_From:tested.example PERM+VERIFY+CN:mx.tested.example');
my @ever = ('--window', 0);
is_deeply(suggested(@ever, $log), \@all, 'proposals, in the order of their steps');
is_deeply(suggested(@ever, '--cn', $log), [$all[0],
    map({ "TLS_From:$_->[0] WARN+VERIFY+CN:$_->[1]++VER:1.2" }
    ['moved.example', 'mx.moved.example'], ['new.example', 'mx.new.example'],
    ['trusted.example', 'out.trusted.example']), @all[4, 5]], '--cn');
is_deeply(suggested(@ever, '--mails', 300, $log), [@all[0 .. 2, 4, 5]],
    '--mails');
is_deeply(suggested(@ever, '--days', 91, $log), [@all[4, 5]], '--days');
is_deeply(suggested(@ever, '--tempfail-after', 91, $log), [@all[0 .. 3, 5]],
    '--tempfail-after');
is_deeply(suggested(@ever, '--reject-after', 91, $log), [@all[0 .. 4]],
    '--reject-after');

# A month: what was bad before is forgotten.
is_deeply(suggested($log), [@all[0 .. 4],
    'TLS_From:legacy.example PERM+ENCR:128+VER:1.2', $all[5]], 'a window');
is_deeply(suggested('--days', 85, $log), suggested(@ever, '--days', 85, $log),
    'who asks for more days gets a longer window');
is_deeply(suggested('--since', '2026-08-01', $log), \@all, '--since');
is_deeply(suggested('--until', '2026-08-28', $log), [], '--until');
is_deeply(suggested('--domain', 'new.example', $log), [$all[2]], '--domain');
is_deeply(suggested('--client', '198.51.100.0/24', $log), [$all[0]],
    '--client: a network');
is_deeply(suggested('--client', 'moved.example', $log), [$all[1]],
    '--client: a name');

my $out = tlspolicy('suggest', @ever, '--why-not', $log)->{out};
my $rules = $scratch->write('suggested', $out);
like($out, qr/^TLS_From:new\.example\t\S+\+\+BY:341\+20of\+20341\+20mails,\+202026-08-24\+20to\+202026-11-21$/m,
    'evidence');
like($out, qr/^# in place of \S+audit\.rules:2: WARN\+VERIFY\+CN:mx\.steady\.example\n(?:#.*\n)+TLS_From:steady/m,
    'which rule it replaces');
like($out, qr/^# news\.example: not every mail came over TLS \(1450 mails, 989 over TLS\)$/m,
    '--why-not: clear');
like($out, qr/^# insurer\.example: its rule was not satisfied each time/m,
    '--why-not: rule that failed');
like($out, qr/^# courier\.example: has a rule that is final, dated/m,
    '--why-not: dated');

like($out, qr/^# satisfied by 341 of 341: with 95 % confidence not more than 0\.9 % of such mail fails it\nTLS_From:new/m,
    'how sure that is');
my ($mails) = $out =~ /^TLS_From:bigmail\.example\t\S+BY:[\d,]+\+20of\+20([\d,]+)/m;
$mails =~ tr/,//d;
like($out, qr/^# not obeyed, as it never satisfied it: 203\.0\.113\.67, \d+ mails, last 2026-11-2\d\nTLS_From:bigmail/m,
    'a stranger is named');
my ($stranger) = $out =~ /203\.0\.113\.67, (\d+) mails/;
my $other = () = Tlspolicy::Scratch::slurp($log) =~
    /^(?=.*bigmail)(?=.*203\.0\.113\.67)/gm;
is($stranger, $other, 'with each of his mails');
cmp_ok($mails, '>', 20 * $stranger, 'who are few');
unlike($out, qr/198\.51\.100\.7,/, 'and the partner is not');

# A rule file like any other.
my $build = tlspolicy('build', '-d', $scratch->path('new.mdb'), $rules);
is($build->{status}, 0, 'it builds') or diag $build->{err};
my $lint = tlspolicy('lint', '--mta', 'postfix', $rules);
is("$lint->{status} $lint->{out}$lint->{err}", '0 ', 'lint has nothing to say');

# The proposed rules with PERM in place of WARN refuse no mail of the log but that
# of the clients that suggest names.
my $enforced = $scratch->write('enforced', $out =~ s/\tWARN\+/\tPERM+/gr);
my $replay = tlspolicy('replay', '-r', $enforced, $log);
like($replay->{out}, qr/^newly refused: $stranger\n  bigmail\.example: $stranger,/m,
    'replay: nothing newly refused but of the stranger');
my $others = $scratch->write('others', $out =~ s/\tWARN\+/\tPERM+/gr =~
    s/^TLS_From:bigmail.*//mr);
is(tlspolicy('replay', '-r', $others, $log)->{status}, 0,
    'replay: nothing newly refused of others');
my $strict = $scratch->write('strict', "TLS_From:news.example\tPERM+ENCR:1\n");
is(tlspolicy('replay', '-r', $strict, $log)->{status}, 1,
    'replay: a rule that would refuse is found');

# One mail in clear, from the partner's own host or from a stranger's.
my @sessions = map { [Tlspolicy::Sample::time_of($_),
    Tlspolicy::Sample::sendmail_session($_[0] // 'good.example',
    tls_version => 'TLSv1.2', cipher => 'AES128-SHA', cipher_bits => 128)] }
    0 .. 29;
my $good = Tlspolicy::Sample::log_of($scratch, 'good', @sessions);
is_deeply(suggested($good), ['TLS_From:good.example WARN+ENCR:128+VER:1.2'],
    'without certificates');
my $clear = [Tlspolicy::Sample::time_of(5.5),
    Tlspolicy::Sample::sendmail_session('good.example')];
is_deeply(suggested(Tlspolicy::Sample::log_of($scratch, 'forged',
    @sessions[0 .. 5], $clear, @sessions[6 .. 29])), [], 'one mail in clear');
my %forger = (client_name => '[203.0.113.66]', client_addr => '203.0.113.66',
    client_resolve => 'FAIL');
my @forged = ([$clear->[0], { %{$clear->[1]}, %forger }],
    [$clear->[0] + 1, { %{$clear->[1]}, %forger }]);
is_deeply(suggested(Tlspolicy::Sample::log_of($scratch, 'stranger',
    @sessions[0 .. 5], $forged[0], @sessions[6 .. 29])),
    ['TLS_From:good.example WARN+ENCR:128+VER:1.2'], 'one of a stranger');
is_deeply(suggested(Tlspolicy::Sample::log_of($scratch, 'strangers',
    @sessions[0 .. 5], @forged, @sessions[6 .. 29])), [],
    'more than one in twenty');
my $exempt = [$clear->[0], { %{$clear->[1]}, exempt => 1 }];
is_deeply(suggested(Tlspolicy::Sample::log_of($scratch, 'exempt',
    @sessions[0 .. 5], $exempt, @sessions[6 .. 29])),
    ['TLS_From:good.example WARN+ENCR:128+VER:1.2'],
    'an exempt client is no evidence');
my @hostile = map { my $day = $_; map { [Tlspolicy::Sample::time_of($day),
    Tlspolicy::Sample::sendmail_session('x.example', tls_version => 'TLSv1.3',
    cipher => 'TLS_AES_256_GCM_SHA384', cipher_bits => 256,
    Tlspolicy::Sample::verified($_, $_, ''), mail_addr => "<a\@$_>")] }
    Tlspolicy::Sample::hostile(9), 'com' } 0 .. 29;
is_deeply(suggested(Tlspolicy::Sample::log_of($scratch, 'hostile', @hostile)),
    [], 'hostile names and public suffixes');

# A CN that is hostile, under a domain that is none.
my @cn = map { my $day = $_; [Tlspolicy::Sample::time_of($day),
    Tlspolicy::Sample::sendmail_session('cn.example', tls_version => 'TLSv1.3',
    cipher => 'TLS_AES_256_GCM_SHA384', cipher_bits => 256,
    Tlspolicy::Sample::verified('a+20b\x0a+0aTLS_From:', 'x', ''))] } 0 .. 29;
my $cn = tlspolicy('suggest', Tlspolicy::Sample::log_of($scratch, 'cn', @cn));
unlike($cn->{out}, qr/^TLS_From:\s/m, 'a CN with a newline makes no rule');

# --- profiles ---------------------------------------------------------------

my @tls13 = (tls_version => 'TLSv1.3', cipher => 'TLS_AES_256_GCM_SHA384',
    cipher_bits => 256);

# A mail a day for a month: of each domain, by the macros that are given.
sub month {
	my ($name, %domains) = @_;
	my @all = map { my $day = $_; map { my @how = @{$domains{$_}};
	    [Tlspolicy::Sample::time_of($day), Tlspolicy::Sample::sendmail_session(
	    $_, @tls13, %{$how[$day % @how]})] } sort keys %domains } 0 .. 29;
	return Tlspolicy::Sample::log_of($scratch, $name, @all);
}
sub cert {
	return { Tlspolicy::Sample::verified("mx.$_[0]", 'Root', '') };
}

my @alike = map { "$_.example" } 'a' .. 'f';
my $month = month('alike', (map { $_ => [cert($_)] } @alike),
    'g.example' => [{}], 'h.example' => [{}]);
my $profiles = $scratch->write('profiles', <<'END');
Profile:plain	WARN+ENCR:128+VER:1.2++BY:jane
Profile:strong	WARN+VERIFY+VER:1.2++PFS
Profile:strict	PERM+VERIFY+VER:1.2
Profile:suggested-1	WARN+VERIFY+VER:1.2++ICN:Nobody
TLS_From:z.example	AS:plain
TLS_From:y.example	AS:strong
TLS_From:x.example	AS:strict
TLS_From:w.example	AS:suggested-1
END
is_deeply(suggested('-r', $profiles, $month),
    [(map { "TLS_From:$_ WARN+VERIFY+VER:1.2" } @alike),
    map { "TLS_From:$_ AS:plain" } 'g.example', 'h.example'],
    '-r: the profile that says the same, and none that says more or less');
my $hint = tlspolicy('suggest', $month)->{out};
like($hint, qr/^# 6 domains ask for the same, WARN\+VERIFY\+VER:1\.2: with --profiles they name one profile$/m,
    'many that are alike are told of');
unlike($hint, qr/^# 2 domains|Profile:/m, 'and not few');
is_deeply(suggested('--profiles', '-r', $profiles, $month),
    ['Profile:suggested-2 WARN+VERIFY+VER:1.2',
    (map { "TLS_From:$_ AS:suggested-2" } @alike),
    map { "TLS_From:$_ AS:plain" } 'g.example', 'h.example'],
    '--profiles: one for them, whose name is free');
is_deeply(suggested('--profiles', '--cn', $month)->[1],
    'TLS_From:a.example AS:suggested-1++CN:mx.a.example',
    'names are the line\'s own');

# Rules with profiles ask for the same as those proposed without.
sub means {
	my ($name, @args) = @_;
	my $file = $scratch->write($name, tlspolicy('suggest', @args,
	    $month)->{out} =~ s/WARN\+/PERM+/gr);
	my @rules = ($file, map { $scratch->write('p', Tlspolicy::Scratch::slurp(
	    $_) =~ s/WARN\+/PERM+/gr) } grep { $_ eq $profiles } @args);
	my $r = tlspolicy('build', '-d', $scratch->path("$name.mdb"), @rules);
	is($r->{status}, 0, "$name: it builds") or diag($r->{err});
	my @said;
	for my $domain (@alike, 'g.example') {
		for my $how (['verify=NO'], ['verify=OK', "cn_subject=mx.$domain"],
		    ['verify=OK', 'cn_subject=mx.other.example'],
		    ['verify=OK', "cn_subject=mx.$domain", 'tls_version=TLSv1.1',
		    'cipher=AES128-SHA', 'cipher_bits=128']) {
			my %m = (@tls13, map { split /=/, $_, 2 } @$how);
			push @said, "$domain @$how: " . tlspolicy('check', '-d',
			    $scratch->path("$name.mdb"), '-t', 'TLS_From',
			    "mail_addr=a\@$domain", map { "$_=$m{$_}" }
			    sort keys %m)->{out} =~ s{ / rule.*}{}sr;
		}
	}
	return \@said;
}
my $plain = means('without', '--cn');
is(scalar(grep { /: accept/ } @$plain), 9, 'some are accepted');
is_deeply(means('with', '--cn', '--profiles'), $plain,
    'a profile makes no difference');
is_deeply(means('with-rules', '--cn', '-r', $profiles), $plain,
    'nor does one that was there');
is(tlspolicy('suggest', '-r', $scratch->path('none'), $month)->{status}, 66,
    '-r: rules that are not there');
is(tlspolicy('suggest', '-r', $scratch->write('bad', "TLS_Clt: FOO\n"),
    $month)->{status}, 65, '-r: rules that are bad');

# --- bound to hosts ---------------------------------------------------------

sub host {
	my ($name, $addr, %more) = @_;
	return { client_name => $name, client_addr => $addr, %more };
}
my $hosts = month('hosts',
    'one.example' => [host('mx.one.example', '192.0.2.1')],
    'itself.example' => [host('itself.example', '192.0.2.2'),
	host('mx.itself.example', '192.0.2.3')],
    'other.example' => [host('out1.mailer.example', '198.51.100.1'),
	host('out2.mailer.example', '198.51.100.2')],
    'nameless.example' => [host('[203.0.113.5]', '203.0.113.5',
	client_resolve => 'FAIL'), host('[IPv6:2001:db8:0:0:0:0:0:7]',
	'IPv6:2001:db8:0:0:0:0:0:7', client_resolve => 'FAIL')],
    'forged.example' => [host('mx.one.example', '192.0.2.9',
	client_resolve => 'FORGED')],
    'many.example' => [map { host("mx.h$_.example", "192.0.2.$_") } 11 .. 15],
    'stranger.example' => [(host('mx.stranger.example', '192.0.2.20')) x 29,
	host('[203.0.113.66]', '203.0.113.66', client_resolve => 'FAIL')],
    'two.example' => [(host('mx.two.example', '192.0.2.21')) x 13,
	(host('[203.0.113.67]', '203.0.113.67', client_resolve => 'FAIL')) x 2]);
my $any = 'WARN+ENCR:128+VER:1.2';
my %bound = ('one.example' => '++CLIENT:.one.example',
    'itself.example' => '++CLIENT:.itself.example++CLIENT:itself.example',
    'other.example' => '++CLIENT:.mailer.example',
    'nameless.example' => '++CLIENT:203.0.113.5++CLIENT:2001:db8::7',
    'forged.example' => '++CLIENT:192.0.2.9', 'many.example' => '',
    'stranger.example' => '++CLIENT:.stranger.example',
    'two.example' => '++CLIENT:.two.example++CLIENT:203.0.113.67');
is_deeply(suggested('--bind', $hosts),
    [map { "TLS_From:$_ $any$bound{$_}" } sort keys %bound], '--bind');
is_deeply(suggested($hosts), [map { "TLS_From:$_ $any" } sort keys %bound],
    'and not without');
$out = tlspolicy('suggest', '--bind', $hosts)->{out};
like($out, qr/^# satisfied by 29 of 30: .*\n# not obeyed, as it never satisfied it: 203\.0\.113\.66, 1 mail, .*\nTLS_From:stranger\.example/m,
    'one of thirty is named, and not bound to');
my $bind = $scratch->write('bound', $out =~ s/\tWARN/\tPERM/gr);
like(tlspolicy('replay', '-r', $bind, $hosts)->{out},
    qr/^newly refused: 1\n  stranger\.example: 1,/m,
    'enforced, nobody else is refused');
is(tlspolicy('suggest', '--left', '--bind', $hosts)->{status}, 64,
    'mail that left has no clients');

# A filter that nothing meets is told; a value that can be none is a usage error.
for (['--domain', 'bnak.example'], ['--client', '10.9.8.0/24'],
    ['--until', '2020-01-01']) {
	my $r = tlspolicy('suggest', @$_, $log);
	is($r->{status}, 0, "@$_: exit code");
	like($r->{err}, qr/none of \d+ records/, "@$_: told");
	like($r->{out}, qr/nothing to propose/, "@$_: and nothing else");
}
for (['--domain', 'a@b'], ['--client', '1.2.3.4/33'], ['--since', 'x'],
    ['--until', '2026-13-01'], ['--window', 'x'], ['--since', '2026-02-02',
    '--until', '2026-02-01']) {
	is(tlspolicy('suggest', @$_, $log)->{status}, 64, "@$_: a usage error");
}

my $stdin = tlspolicy('suggest', '-');
is($stdin->{status}, 64, 'standard input cannot be read twice');
like($stdin->{err}, qr/cannot be read twice/, 'and says so');
is(tlspolicy('suggest', '--mails', 'x', $log)->{status}, 64, 'not a number');

done_testing;
