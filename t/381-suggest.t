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
    'TLS_From:moved.example WARN+VERIFY+CN:mx.moved.example++VER:1.2',
    'TLS_From:new.example WARN+VERIFY+CN:mx.new.example++VER:1.2',
    'TLS_From:trusted.example WARN+VERIFY+CN:out.trusted.example++VER:1.2',
    'TLS_From:steady.example TEMP+VERIFY+CN:mx.steady.example',
    'TLS_From:tested.example PERM+VERIFY+CN:mx.tested.example');
is_deeply(suggested($log), \@all, 'proposals, in the order of their steps');
is_deeply(suggested('--mails', 300, $log), [@all[0, 1, 3, 4]], '--mails');
is_deeply(suggested('--days', 91, $log), [@all[3, 4]], '--days');
is_deeply(suggested('--tempfail-after', 91, $log), [@all[0 .. 2, 4]],
    '--tempfail-after');
is_deeply(suggested('--reject-after', 91, $log), [@all[0 .. 3]],
    '--reject-after');

my $out = tlspolicy('suggest', '--why-not', $log)->{out};
my $rules = $scratch->write('suggested', $out);
like($out, qr/^TLS_From:new\.example\t\S+\+\+BY:341\+20of\+20341\+20mails,\+202026-08-24\+20to\+202026-11-21$/m,
    'evidence');
like($out, qr/^# in place of \S+audit\.rules:2: WARN\+VERIFY\+CN:mx\.steady\.example\nTLS_From:steady/m,
    'which rule it replaces');
like($out, qr/^# news\.example: not every mail came over TLS \(1450 mails, 989 over TLS\)$/m,
    '--why-not: clear');
like($out, qr/^# insurer\.example: its rule was not satisfied each time/m,
    '--why-not: rule that failed');
like($out, qr/^# courier\.example: has a rule that is final, dated/m,
    '--why-not: dated');

# A rule file like any other.
my $build = tlspolicy('build', '-d', $scratch->path('new.mdb'), $rules);
is($build->{status}, 0, 'it builds') or diag $build->{err};
my $lint = tlspolicy('lint', '--mta', 'postfix', $rules);
is("$lint->{status} $lint->{out}$lint->{err}", '0 ', 'lint has nothing to say');

# Enforced at once it still refuses nothing of what was let through.
my $enforced = $scratch->write('enforced', $out =~ s/\tWARN\+/\tPERM+/gr);
my $replay = tlspolicy('replay', '-r', $enforced, $log);
is($replay->{status}, 0, 'replay: nothing newly refused') or
    diag $replay->{out};
my $strict = $scratch->write('strict', "TLS_From:news.example\tPERM+ENCR:1\n");
is(tlspolicy('replay', '-r', $strict, $log)->{status}, 1,
    'replay: a rule that would refuse is found');

# One forged mail in clear, and nothing is proposed; names that cannot be keys.
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

my $stdin = tlspolicy('suggest', '-');
is($stdin->{status}, 64, 'standard input cannot be read twice');
like($stdin->{err}, qr/cannot be read twice/, 'and says so');
is(tlspolicy('suggest', '--mails', 'x', $log)->{status}, 64, 'not a number');

done_testing;
