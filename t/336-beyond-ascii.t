#!/usr/bin/perl
#
# Local parts and logins beyond ASCII: one form for every spelling, as Perl's own
# Unicode has it, in rules, sessions, an imported table, the audit log.

use strict;
use warnings;
use feature qw(fc);
use utf8;
use Encode qw(encode_utf8);
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP;
use Test::More;
use Tlspolicy::Scratch;
use Unicode::Normalize qw(NFC NFD);

my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
plan skip_all => "$tlspolicy is not built" unless -x $tlspolicy;
my $scratch = Tlspolicy::Scratch->new;
my $store = $scratch->path('policy.mdb');
my $json = JSON::PP->new->utf8;

sub tlspolicy {
	my @args = @_;
	return Tlspolicy::Scratch::run($tlspolicy, @args);
}

sub built {
	my (@lines) = @_;
	my $rules = $scratch->write('rules',
	    encode_utf8(join '', map { "$_\n" } @lines));
	return tlspolicy('build', '-d', $store, $rules);
}

# The key of the rule that each session meets, '' for none.
sub met {
	my ($tag, $macro, @words) = @_;
	my $in = $scratch->write('in', join '', map { $json->encode({
	    $macro => $_, client_name => 'c.example', mail_addr => 'x@y.example',
	    client_addr => '192.0.2.1', auth_type => 'PLAIN',
	    $macro eq 'mail_addr' ? ($macro => $_) : () }) . "\n" } @words);
	my $r = Tlspolicy::Scratch::run({ in => $in }, $tlspolicy, 'check',
	    '-d', $store, '--batch', '-t', $tag);
	return map { my $v = $json->decode($_);
	    $v->{rules}[0]{key} // '' }
	    split /\n/, $r->{out};
}

# The same numbers in each run.
my $seed = 20261130;
sub any {
	my ($n) = @_;
	$seed = ($seed * 1103515245 + 12345) & 0x7fffffff;
	return ($seed >> 8) % $n;
}

sub form { return NFC(fc NFD $_[0]) }

# Letters by their form: all that fold or compose, and some that only look alike.
my @letters = map { chr } (0x61 .. 0x7a, 0x41 .. 0x5a, 0xc0 .. 0xd6,
    0xd8 .. 0xf6, 0xf8 .. 0x17f, 0x1c4 .. 0x1cc, 0x345, 0x370 .. 0x373,
    0x386, 0x388 .. 0x38a, 0x38e .. 0x3a1, 0x3a3 .. 0x3d6, 0x400 .. 0x45f,
    0x531 .. 0x556, 0x561 .. 0x587, 0x10a0 .. 0x10c5, 0x13a0 .. 0x13f5,
    0x1e00 .. 0x1e9b, 0x1e9e, 0x1ea0 .. 0x1ef9, 0x1f00 .. 0x1f15, 0x1f80 .. 0x1faf,
    0x2126, 0x212a, 0x212b, 0x2160 .. 0x217f, 0x24b6 .. 0x24e9, 0xac00 .. 0xac20,
    0xfb00 .. 0xfb06, 0xfb13 .. 0xfb17, 0xff21 .. 0xff3a, 0xff41 .. 0xff5a,
    0x10400 .. 0x1044f, 0x1e900 .. 0x1e943);
my %alike;
push @{$alike{form($_)}}, $_ for @letters;

# Another spelling of the word: other letters of the same form, some of it
# decomposed.
sub spelling {
	my ($word) = @_;
	my $s = join '', map { my @all = @{$alike{form($_)} // [$_]};
	    $all[any(scalar @all)] } split //, $word;
	return (NFD($s), NFC($s), $s, uc $s, lc $s, fc $s)[any(6)];
}

my @words = map { join '', map { $letters[any(scalar @letters)] }
    0 .. 3 + any(6) } 1 .. 40;
@words = values %{{ map { form($_) => $_ } @words }};
for my $of (['TLS_From', 'mail_addr', '@bank.example'], ['TLS_Auth',
    'auth_authen', ''], ['TLS_To', 'rcpt_addr', '@']) {
	my ($tag, $macro, $domain) = @$of;
	my $r = built(map { "$tag:" . spelling($_) . $domain . ' PERM+ENCR:128' }
	    @words);
	is($r->{status}, 0, "$tag: forty keys") or diag($r->{err});
	my %key;
	for (split /\n/, Encode::decode('UTF-8', tlspolicy('show', '-d',
	    $store)->{out})) {
		my ($key) = /^\Q$tag\E:(.*?)\Q$domain\E\t/ or next;
		$key{form($key)} = "$tag:$key$domain";
	}
	my $behind = $domain eq '@' ? '@bank.example' : $domain;
	my (@asked, @want);
	for (1 .. 700) {
		my $word = spelling($words[any(scalar @words)]);
		# In one word of three a letter is replaced by any other.
		substr($word, any(length $word), 1) =
		    $letters[any(scalar @letters)] if any(3) == 0;
		push @asked, "$word$behind";
		push @want, $key{form($word)} // '';
	}
	my @got = met($tag, $macro, @asked);
	my @wrong = grep { $got[$_] ne $want[$_] } 0 .. $#asked;
	is(scalar @wrong, 0, "$tag: 700 spellings, as Perl folds and composes");
	diag(encode_utf8("$asked[$_]: wanted '$want[$_]', got '$got[$_]'"))
	    for @wrong[0 .. ($#wrong < 4 ? $#wrong : 4)];
	cmp_ok(scalar(grep { $_ ne '' } @got), '>', 400, 'most are met');
}

# An exception is one for all spellings; the domain's rule stands for all others.
is(built('TLS_From:bank.example PERM+ENCR:128',
    'TLS_From:weiß@bank.example OK', 'TLS_From:Σίσυφος@bank.example OK')
    ->{status}, 0, 'exceptions');
is(join(',', met('TLS_From', 'mail_addr', map { "$_\@bank.example" }
    'weiß', 'WEISS', 'WEIẞ', 'σίσυφος', 'ΣΊΣΥΦΟΣ', 'ςίςυφοσ')), join(',',
    ('TLS_From:weiß@bank.example') x 3, ('TLS_From:Σίσυφος@bank.example') x 3),
    'are met');
is(join(',', met('TLS_From', 'mail_addr', map { "$_\@bank.example" }
    'weis', 'σίσυφο')), join(',', ('TLS_From:bank.example') x 2), 'by no others');

# One mailbox in two lines.
my @two = ('TLS_To:jürgen@a.example PERM+ENCR:128', 'TLS_To:JÜRGEN@a.example ');
my $r = built($two[0], "$two[1]PERM+ENCR:128",
    NFD('TLS_To:jürgen@a.example PERM+ENCR:128'), 'TLS_To:joe@ OK');
is($r->{status}, 0, 'the same twice is taken') or diag($r->{err});
like($r->{err}, qr/rules:$_:1: warning: "[^"]*" is another spelling of "[^"]*" in line 1 of \S+, so this line does nothing/,
    "line $_ is told of") for 2, 3;
is(() = tlspolicy('show', '-d', $store)->{out} =~ /^/mg, 2, 'and counts once');
$r = built($two[0], "$two[1]OK");
is($r->{status}, 65, 'two requirements are not');
like($r->{err}, qr/rules:2:1: found "[^"]*" a second time/, 'told as any other');
$r = built($two[0], $two[0]);
is($r->{status}, 65, 'nor is a line a second time');
built($two[0]);
is(tlspolicy('set', '-d', $store, encode_utf8('TLS_To:JÜRGEN@a.example'),
    'TEMP+ENCR:256')->{status}, 0, 'set by another spelling');
is(tlspolicy('show', '-d', $store)->{out}, encode_utf8(
    "TLS_To:JÜRGEN\@a.example\tTEMP+ENCR:256\n"), 'is the same line');
is(tlspolicy('del', '-d', $store, encode_utf8(NFD 'TLS_To:jürgen@a.example'))
    ->{status}, 0, 'del by a third');
is(tlspolicy('show', '-d', $store)->{out}, '', 'and it is gone');

# diff, show, log, prove and others know a key in every spelling.
my @mine = ('TLS_From:jürgen@bank.example PERM+ENCR:128',
    'TLS_From:bank.example ENCR:0', 'TLS_To:weiß@ PERM+ENCR:1',
    'TLS_From:JÖRG+*@bank.example PERM+ENCR:1');
built(@mine);
my $again = $scratch->write('again', encode_utf8(join '', map {
    NFD(s/ß/SS/r =~ s/JÖRG/jörg/r) . "\n" } @mine));
is(tlspolicy('diff', '-d', $store, $again)->{out}, '',
    'diff: another spelling is no change');
is(tlspolicy('show', '-d', $store, encode_utf8('TLS_To:WEIẞ@'))->{out},
    encode_utf8("TLS_To:weiß@\tPERM+ENCR:1\n"), 'show KEY');
like(tlspolicy('log', '-d', $store, encode_utf8(NFD('TLS_From:JÜRGEN@BANK.example')))
    ->{out}, qr/^    \+ TLS_From:j\S+rgen\@bank/m, 'log KEY');
for (['from JÜRGEN@bank.example in clear is never accepted', 0],
    [NFD('from jürgen@bank.example in clear is never accepted'), 0],
    ['to WEISS@example.org in clear is never accepted', 0],
    ['from jörg+x@bank.example in clear is never accepted', 0],
    ['from jörg@bank.example in clear is never accepted', 1],
    ['from jurgen@bank.example in clear is never accepted', 1]) {
	is(tlspolicy('prove', '-d', $store, encode_utf8($_->[0]))->{status},
	    $_->[1], encode_utf8("prove: $_->[0]"));
}

# A table of Postfix: its lines are folded as Postfix folds them.
$r = tlspolicy('import', '-a', 'TLS_From', 'postfix', $scratch->write('access',
    encode_utf8("JÜRGEN\@bank.example reject_plaintext_session\n" .
    "jürgen\@bank.example reject_plaintext_session\n" .
    "boss\@b.example reject_plaintext_session\nboſs\@b.example OK\n")));
is($r->{out}, encode_utf8("TLS_From:JÜRGEN\@bank.example\tTEMP+ENCR:1+" .
    "BY:postfix:access\nTLS_From:boss\@b.example\tTEMP+ENCR:1+" .
    "BY:postfix:access\n"), 'import: a rule for each mailbox');
like($r->{err}, qr/access:4: TLS_From:bo\S+s\@b\.example was given before \(line 3\) with another requirement/,
    'and the line that differs is told of');

# Records of the audit log are found by every spelling, too.
SKIP: {
	my $sample = Tlspolicy::Scratch::builddir() . '/t/sample-audit';
	skip("$sample is not built", 1) unless -x $sample;
	is(built('TLS_From:jürgen@bank.example PERM+ENCR:128',
	    'TLS_From:Bücher.example WARN+ENCR:128')->{status}, 0, 'rules');
	my $time = 1_790_000_000_000_000;
	my $sessions = join '', map { encode_utf8(join("\t",
	    $time += 3_600_000_000, 'message', "i=Q$time", 'v=8.18.1',
	    'j=mx.example.net', 'client_name=mail.example.com',
	    'client_addr=192.0.2.1', "mail_addr=$_", 'rcpt_addr=JÜRGEN@here.example',
	    'tls_version=TLSv1.3', 'cipher=TLS_AES_256_GCM_SHA384',
	    'cipher_bits=256', 'verify=OK', 'cn_subject=mail.example.com')
	    . "\n") } 'JÜRGEN@bank.example', NFD('jürgen@bank.example'),
	    'jurgen@bank.example', ('joe@xn--bcher-kva.example') x 2000;
	my $log = $scratch->write('log', Tlspolicy::Scratch::must({ in =>
	    $scratch->write('sessions', $sessions) }, $sample, $store));
	for (['--rule', 'TLS_From:Jürgen@bank.example', 2],
	    ['--rule', NFD('TLS_From:JÜRGEN@BANK.example'), 2],
	    ['--rule', 'TLS_From:jurgen@bank.example', 0],
	    ['--rule', 'TLS_From:xn--bcher-kva.example', 2000],
	    ['--rule', 'TLS_From:BÜCHER.example', 2000]) {
		my ($option, $word, $n) = @$_;
		my $shown = tlspolicy('audit', 'show', $option,
		    encode_utf8($word), $log);
		is(() = $shown->{out} =~ /^\d{4}-/mg, $n, encode_utf8("$option $word"))
		    or diag($shown->{err});
	}
	my $changed = tlspolicy('replay', '-r', $scratch->write('stricter',
	    encode_utf8('TLS_From:' . NFD('JÜRGEN@bank.example') .
	    " PERM+ENCR:512\n")), $log);
	like($changed->{out}, qr/^2003 records, 2 would be judged differently$/m, 'replay: both')
	    or diag($changed->{out});
	like(tlspolicy('suggest', '--window', 0, $log)->{out},
	    qr/^# in place of \S+:2: WARN\+ENCR:128\n(?:#.*\n)+TLS_From:xn--bcher/m,
	    'suggest knows the rule that is there');
}
done_testing;
