#!/usr/bin/perl
#
# check and lint about TLS_Header: by its setting, with what was judged before,
# each spelling, and what cannot be read.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP qw(decode_json encode_json);
use Test::More;
use Tlspolicy::Scratch;

my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
plan skip_all => "$tlspolicy is not built" unless -x $tlspolicy;
my $scratch = Tlspolicy::Scratch->new;
my $rules = $scratch->write('rules', <<'END');
TLS_Header:bank.example PERM+VERIFY
TLS_Header:user+tag@ok.example PERM+ENCR:128
TLS_Header:user+*@ok.example TEMP+ENCR:128
TLS_Header:user@ok.example HOLD+ENCR:128
TLS_Header:boss@ PERM+ENCR:256
TLS_Header:jürgen@ PERM+ENCR:256
TLS_Header:köln.example PERM+ENCR:256
TLS_Header:.ok.example WARN+ENCR:128
TLS_Header:dated.example PERM+ENCR:128+UNTIL:2020-01-01++BY:x
TLS_Header:dated.example OK
TLS_Header:local.example PERM+ENCR:128
TLS_Header:[192.0.2.1] PERM+ENCR:128
TLS_Header: ENCR:0
TLS_From:held.example HOLD+VERIFY
TLS_To:no@example.org TEMP+VERIFY
END

sub check
{
	my ($header, @args) = @_;
	return Tlspolicy::Scratch::run($tlspolicy, 'check', '-c', '/dev/null',
	    '-r', $rules, '-o', 'header-from=judge', '-o',
	    'local-domains=local.example', @args, 'client_name=x.example',
	    'client_addr=192.0.2.9', 'daemon_name=MTA', 'daemon_port=25',
	    (grep { /^mail_addr=/ } @args) ? () : 'mail_addr=<x@y.example>',
	    defined $header ? "header_from=$header" : ());
}

sub is_judged
{
	my ($header, $want, @args) = @_;
	my $r = check($header, @args);
	my $name = ($header // 'none') =~ s/[\n]/\\n/gr;
	like($r->{out}, qr/\A\Q$want\E/, "$name @args: $want") or
	    diag($r->{out}, $r->{err});
	return $r;
}

# The order of keys is that of TLS_From.
is_judged('user+tag@ok.example', 'reject 550 5.7.10');
is_judged('user+other@ok.example', 'tempfail 451 4.7.10');
is_judged('user@ok.example', 'hold ');
is_judged('other@ok.example', 'accept');
like(is_judged('x@sub.ok.example', 'accept')->{out}, qr/^warn tempfail/m,
    'WARN');
is_judged('boss@anywhere.example', 'reject');
# Letters beyond ASCII, in every form that a local part has.
is_judged($_, 'reject') for "BO\xc5\xbf\xc5\xbf\@anywhere.example",
    "Chef <bo\xc5\xbfs+x\@anywhere.example>", "\"bo\xc5\xbfs\"\@y.example",
    "J\xc3\x9cRGEN\@y.example", "x <ju\xcc\x88rgen\@y.example>",
    "x\@KO\xcc\x88LN.example", "x\@a\xe3\x80\x82k\xc3\xb6ln\xef\xbc\x8eexample",
    "j\xc3\xbcrgen\xff\@y.example";
is_judged("jurgen\@y.example", 'accept');
is_judged('=?utf-8?q?J=C3=9CRGEN?=@y.example', 'tempfail 451 4.3.0');
is_judged('x@dated.example', 'accept');
is_judged('root', 'reject');
is_judged('x@[192.0.2.1]', 'reject');
is_judged('x@elsewhere.example', 'accept');
# The strictest of several, whatever their order.
for ('user@ok.example, user+t@ok.example, x@bank.example',
    'x@bank.example, user+t@ok.example, user@ok.example',
    "user\@ok.example\nx\@bank.example", "x\@bank.example\nuser\@ok.example",
    'all: user@ok.example, x@bank.example;') {
	is_judged($_, 'reject 550 5.7.10');
}
is_judged('', 'tempfail 451 4.3.0');
is_judged('nobody:;', 'tempfail 451 4.3.0');
is_judged('nobody:;', 'accept', '-o', 'on-error=accept');
is_judged('"open x@bank.example', 'reject', '-o', 'on-error=accept');
is_judged('"open user@ok.example', 'tempfail 451 4.3.0');
# What was said before.
is_judged('user@ok.example', 'tempfail', 'rcpt_addr=<no@example.org>');
is_judged('x@bank.example', 'reject', 'mail_addr=<a@held.example>');
is_judged('x@y.example', 'hold', 'mail_addr=<a@held.example>');
is_judged('x@sub.ok.example', 'hold', 'mail_addr=<a@held.example>');
is_judged('x@bank.example', 'accept', '-o', 'exempt-clients=192.0.2.0/24');
is_judged('x@bank.example', 'accept', '-o', 'mode=monitor');
# With header-from = no, and without a field, TLS_Header is not judged; -t
# TLS_Header without a field cannot be told.
like(is_judged('x@bank.example', 'accept', '-v', '-o', 'header-from=no')->{out},
    qr/^    TLS_Header: not judged, header-from = no$/m, 'which is said');
is_judged(undef, 'accept');
is_judged(undef, 'tempfail 451 4.3.0', '-t', 'TLS_Header');
is_judged('x@bank.example', 'reject', '-t', 'tls_header:', '-o',
    'header-from=no');
# sendmail has no such tag: its codes, our words.
like(is_judged('x@bank.example', 'reject 503 5.7.0', '-o',
    'compat=sendmail')->{out}, qr/wanted a verified certificate, found /,
    'words of our own');
like(is_judged("x\@bank.example", 'reject', '-v')->{out},
    qr/^      from x\@bank\.example$/m, 'the trace names the mailbox');

# A batch says the same; a field may have any byte that JSON has.
my @lines = map { encode_json({ client_name => 'x', client_addr => '192.0.2.9',
    daemon_name => 'MTA', daemon_port => '25', mail_addr => 'x@y.example',
    header_from => $_ }) . "\n" } 'x@bank.example', 'x@y.example',
    "Joe\r\n\t<x\@bank.example>", "x\@y.example\x01", "x\@b\x{fc}cher.example";
my $r = Tlspolicy::Scratch::run({ in => $scratch->write('in', join '', @lines) },
    $tlspolicy, 'check', '-c', '/dev/null', '-r', $rules, '-o',
    'header-from=judge', '--batch');
my @out = map { decode_json($_) } split /\n/, $r->{out};
is(join(' ', map { $_->{verdict} } @out), 'reject accept reject tempfail accept',
    'batch');
is($out[0]{rules}[0]{tag}, 'TLS_Header', 'batch: the tag of the rule');

# A rule that nobody asks about has a finding of its own.
for ([no => 'header-from'], [judge => '']) {
	my ($setting, $want) = @$_;
	my $conf = $scratch->write('conf', "header-from = $setting\n");
	my $one = $scratch->write('one', "TLS_Header:a.example TEMP+VERIFY\n");
	$r = Tlspolicy::Scratch::run($tlspolicy, 'lint', '-c', $conf, $one);
	is(join(' ', $r->{out} =~ /^    ([a-z-]+): /mg), $want,
	    "lint, header-from = $setting") or diag($r->{out}, $r->{err});
}

for ([no => qr/1 rule of TLS_Header has no say: header-from = no/],
    [judge => qr/\A(?!.*header-from)/s]) {
	my ($setting, $want) = @$_;
	my $conf = $scratch->write('conf', "header-from = $setting\n");
	$r = Tlspolicy::Scratch::run($tlspolicy, 'build', '-n', '-c', $conf,
	    '-d', $scratch->path('none.mdb'), $scratch->write('one',
	    "TLS_Header:a.example TEMP+VERIFY\n"));
	like($r->{err}, $want, "build, header-from = $setting");
}

# What no mailbox can be meant by, and a slip of the pen.
for (['TLS_Header:<> OK', qr/<>/], ['TLS_Header:@a.example OK', qr/a\.example/],
    ['TLS_Heder:a.example PERM+VERIFY', qr/TLS_Header/],
    ['TLS_Header:Joe <a@b.example> OK', qr/expected/]) {
	my ($line, $hint) = @$_;
	$r = Tlspolicy::Scratch::run($tlspolicy, 'build', '-n', '-c',
	    '/dev/null', '-d', $scratch->path('none.mdb'),
	    $scratch->write('bad', "$line\n"));
	is($r->{status}, 65, "$line: is no rule");
	like($r->{err}, $hint, "$line: what was meant") or diag($r->{err});
}
$r = Tlspolicy::Scratch::run($tlspolicy, 'check', '-c', '/dev/null', '-r', $rules,
    'header_form=x');
is($r->{status}, 64, 'header_form=');
like($r->{err}, qr/header_from/, 'header_from= was meant');
done_testing;
