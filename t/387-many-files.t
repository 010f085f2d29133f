#!/usr/bin/perl
#
# Several files of several nodes, in any order, say what one file says; and one
# that cannot be read does not silence the others.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Compress::Gzip qw(gzip $GzipError);
use JSON::PP qw(decode_json);
use List::Util qw(shuffle);
use Test::More;
use Tlspolicy::Sample;
use Tlspolicy::Scratch;

my $bin = Tlspolicy::Scratch::builddir();
plan skip_all => "$bin/t/sample-audit is not built"
    unless -x "$bin/t/sample-audit";
my $scratch = Tlspolicy::Scratch->new;
my $seed = $ENV{TLSPOLICY_SEED} // time;
diag "TLSPOLICY_SEED=$seed";

sub tlspolicy {
	return Tlspolicy::Scratch::run("$bin/tlspolicy", @_);
}

# Each session went through one of three nodes; the time is never the same.
my $sessions = Tlspolicy::Sample::sessions();
srand $seed;
my (%node, @all);
for (0 .. $#$sessions) {
	my ($time, $session) = @{$sessions->[$_]};
	my $node = ('mx1', 'mx2', 'other.example')[rand 3];
	push @all, [int($time) + $_ / 1e5, { %$session, j => $node }];
	push @{$node{$node}}, $all[-1];
}
@all = sort { $a->[0] <=> $b->[0] } @all;
my $one = Tlspolicy::Sample::log_of($scratch, 'all', @all);

# Each node's log was rotated where it happened to be.
my @parts;
for my $node (sort keys %node) {
	my @lines = split /^/, Tlspolicy::Scratch::slurp(
	    Tlspolicy::Sample::log_of($scratch, $node,
	    sort { $a->[0] <=> $b->[0] } @{$node{$node}}));
	my $n = 0;
	while (@lines) {
		push @parts, $scratch->write(int(rand 1e9) . "-$node." . $n++,
		    join '', splice @lines, 0, 500 + rand 2000);
	}
}
cmp_ok(scalar @parts, '>', 5, 'files');

# What names lines and generations is not what is compared.
sub answer {
	my ($what, @files) = @_;
	my $r = tlspolicy(@$what, @files);
	is("$r->{status} $r->{err}", '0 ', "@$what: nothing to complain of");
	# Numbers of lines are those of a log, and here it is others.
	$r->{out} =~ s/"(?:files|lines)":\d+//g;
	$r->{out} =~ s/"(?:(?:first|last)_line|missing_lines|breaks)":\w+//g;
	$r->{out} =~ s/"out_of_order":\w+//g;
	return $r->{out} =~ s/all\.rules|(?:mx\d|other\.example)\.rules/RULES/gr;
}

my $strict = $scratch->write('strict',
    "TLS_From:fallen.example\tWARN+ENCR:1\nTLS_From:\tWARN+VERIFY\n");
for my $what (['report', '--json'], ['report', '--csv'],
    ['report', '--domain', 'moved.example', '--json'],
    ['suggest', '--why-not'], ['replay', '-r', $strict]) {
	my $want = answer($what, $one);
	for (1 .. 3) {
		my $got = answer($what, shuffle @parts);
		is($got, $want, "@$what: as of one file");
	}
}
my @times = map { (split / /)[0] } split /\n/, answer(['audit', 'show'],
    shuffle @parts);
is_deeply(\@times, [sort @times], 'audit show: in order of time');
is(scalar @times, scalar @all, 'audit show: all');

# A shell's pipes can be read once, and are read whole.
my $show = qx(bash -c '$bin/tlspolicy audit show <(cat $parts[0]) <(cat $parts[1])');
my $lines = () = (Tlspolicy::Scratch::slurp($parts[0]) .
    Tlspolicy::Scratch::slurp($parts[1])) =~ /^(?!.*"event":"link")./gm;
is(lines($show), $lines, 'two pipes: each record');
my $twice = qx(bash -c '$bin/tlspolicy suggest <(cat $one) 2>&1; echo \$?');
like($twice, qr/cannot be read twice.*\n64\n\z/s,
    'suggest: a pipe cannot be read twice');

sub lines {
	return scalar(() = $_[0] =~ /\n/g);
}

# One of them cannot be read.
my $packed = $scratch->path('packed');
my $whole = join '', map { Tlspolicy::Scratch::slurp($_) } @parts[0, 1];
gzip(\$whole => \my $gz) or die $GzipError;
my ($cut, $flipped) = ($scratch->write('cut.gz',
    substr $gz, 0, length($gz) * 0.7), $scratch->write('flipped.gz',
    substr($gz, 0, length($gz) / 2) . ("\xff" x 64) .
    substr $gz, length($gz) / 2 + 64));
my ($zst, $zst_cut) = map { $scratch->path($_) } 'whole.zst', 'cut.zst';
$scratch->write('whole', $whole);
system('zstd', '-q', $scratch->path('whole'), '-o', $zst) == 0 or die 'zstd';
$scratch->write('cut.zst', substr Tlspolicy::Scratch::slurp($zst), 0,
    (-s $zst) * 0.7);
my $folder = $scratch->path('folder');
mkdir $folder or die $!;
symlink $scratch->path('nowhere'), $scratch->path('broken') or die $!;
system('mkfifo', $scratch->path('fifo')) == 0 or die 'mkfifo';

my $good = $parts[-1];
my $store = $scratch->path('store');
is(tlspolicy('build', '-d', $store, $strict)->{status}, 0, 'a store');
my $records = () = Tlspolicy::Scratch::slurp($good) =~
    /^(?!.*"event":"link")./gm;
for ([$scratch->path('none'), 66], [$folder, 66], [$scratch->path('broken'),
    66], [$scratch->path('fifo'), 66], [$cut, 65], [$flipped, 65],
    [$zst_cut, 65]) {
	my ($bad, $status) = @$_;
	my $name = $bad =~ s{.*/}{}r;

	for my $what (['report', '--json'], ['suggest'],
	    ['replay', '-r', $strict, '--json'], ['audit', 'show']) {
		my $alone = tlspolicy(@$what, $good)->{out};
		my $r = tlspolicy(@$what, $bad, $good);
		is($r->{status}, $status, "@$what, $name: exit code");
		like($r->{err}, qr/\Q$bad\E/, "@$what, $name: named");
		# What is damaged may unpack to lines that are none: each by number.
		is(scalar(() = $r->{err} =~ /\Q$bad\E(?!:\d)/g), 1,
		    "@$what, $name: once");
		like($r->{err}, qr/^1 file could not be read to the end/m,
		    "@$what, $name: and that the rest is missing");
		next if $what->[0] eq 'suggest';
		is(decode_json($r->{out})->{basis}{unread}, 1,
		    "@$what, $name: and the report says so")
		    if $what->[0] eq 'report';
		my $n = $what->[0] eq 'audit' ? lines($r->{out}) :
		    decode_json($r->{out})->{records};
		cmp_ok($n, $status == 66 ? '==' : '>', $records,
		    "@$what, $name: the others count") if $name ne
		    'flipped.gz';
		cmp_ok($n, '>=', $records, "@$what, $name: none is lost");
		s/"(?:files|lines|unread)":\d+//g for $r->{out}, $alone;
		is($r->{out}, $alone, "@$what, $name: nothing else changes")
		    if $status == 66;
		my $only = tlspolicy(@$what, $bad, $bad);
		is($only->{status}, $status, "@$what, $name alone: exit code");
		is($only->{out}, '',
		    "@$what, $name alone: no answer") if $status == 66;
	}
	for my $what (['replay', '--as-then'], ['replay', '--left'],
	    ['outbound', '--unasked']) {
		my $r = tlspolicy(@$what, '-d', $store, $bad, $good);
		is($r->{status}, $status, "@$what, $name: exit code");
		like($r->{err}, qr/\Q$bad\E.*^1 file could not be read to the end/ms,
		    "@$what, $name: named, and that the rest is missing");
	}
	my ($id) = Tlspolicy::Scratch::slurp($good) =~ /"session":"([^"]+)"/;
	my $verify = tlspolicy('audit', 'verify', $bad, $good);
	isnt($verify->{status}, 0, "verify, $name: not whole");
	unlike($verify->{out}, qr/^whole/m, "verify, $name: and does not say so");
	like($verify->{err}, qr/\Q$bad\E/, "verify, $name: named");
	my $why = tlspolicy('audit', 'why', 'nobody', $bad, $good);
	is($why->{status}, $status, "why, $name: exit code");
	like($why->{err}, qr/\Q$bad\E.*no record of nobody/s,
	    "why, $name: named");
}

# Nobody needs more than the right to read the file: no store, no folder, no
# user of ours.
SKIP: {
	skip 'not root', 1 if $> != 0;
	chmod 0711, $scratch->dir or die $!;
	chmod 0444, $good or die $!;
	my @as = ('setpriv', '--reuid=65534', '--regid=65534',
	    '--clear-groups', "$bin/tlspolicy");
	skip 'the programs are not for others', 1
	    if Tlspolicy::Scratch::run(@as, '--version')->{status} != 0;
	for my $what (['audit', 'show'], ['report'], ['report', '--html'],
	    ['suggest']) {
		my @store = ('-d', '/nonexistent/policy.mdb');
		my $r = Tlspolicy::Scratch::run(@as, @$what, @store, $good);
		is("$r->{status} $r->{err}", '0 ', "@$what, as nobody");
		is($r->{out}, tlspolicy(@$what, @store, $good)->{out},
		    "@$what, as nobody: no less than root is told");
	}
	chmod 0400, $good or die $!;
	my $r = Tlspolicy::Scratch::run(@as, 'report', $good);
	is("$r->{status} $r->{out}", '66 ', 'and without that right none does');
}

# The same of an MTA's own log.
my @log = map { "2026-11-0" . $_ . "T10:00:0${_}.000000+00:00 mx " } 1 .. 3;
my $in = sub { my ($id, $from) = @_; return <<"END" };
${from}postfix/smtpd[1]: connect from mx.a.example[192.0.2.1]
${from}postfix/smtpd[1]: $id: client=mx.a.example[192.0.2.1]
${from}postfix/qmgr[2]: $id: from=<a\@a.example>, size=1, nrcpt=1 (queue active)
END
my ($older, $newer) = ($scratch->write('older', $in->('A1', $log[0])),
    $scratch->write('newer', $in->('A3', $log[2])));
my $text = $in->('A2', $log[1]);
$text .= $in->(sprintf('B%05X', $_), $log[1]) for 1 .. 3000;
gzip(\$text => \$gz) or die $GzipError;
my $log_cut = $scratch->write('maillog.gz', substr $gz, 0,
    length($gz) * 0.7);
my $want = tlspolicy('audit', 'from-log', $newer, $older);
is($want->{status}, 0, 'from-log: two files') or diag $want->{err};
for ([$scratch->path('none'), 66], [$folder, 66],
    [$scratch->path('fifo'), 66], [$log_cut, 65]) {
	my ($bad, $status) = @$_;
	my $name = $bad =~ s{.*/}{}r;
	my $r = tlspolicy('audit', 'from-log', $newer, $bad, $older);

	is($r->{status}, $status, "from-log, $name: exit code");
	is(scalar(() = $r->{err} =~ /\Q$bad\E/g), 1, "from-log, $name: named");
	like($r->{err}, qr/^1 file could not be read to the end/m,
	    "from-log, $name: and that the rest is missing");
	is($r->{out}, $want->{out}, "from-log, $name: the others, in order")
	    if $status == 66;
	my @ids = $r->{out} =~ /"queue_id":"(\w+)"/g;
	is("@ids[0, -1]", 'A1 A3', "from-log, $name: none is lost");
	cmp_ok(scalar @ids, '>', 100, "from-log, $name: what can be read")
	    if $status == 65;
	is(tlspolicy('audit', 'from-log', $bad)->{status}, $status,
	    "from-log, $name alone: exit code");
}

done_testing;
