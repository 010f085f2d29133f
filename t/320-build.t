#!/usr/bin/perl
#
# build: one commit or nothing, every bad line told, the difference beforehand.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP qw(decode_json);
use Test::More;
use Time::HiRes qw(sleep time);
use Tlspolicy::Scratch;

my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
plan skip_all => "$tlspolicy is not built" unless -x $tlspolicy;
my $scratch = Tlspolicy::Scratch->new;
my $store = $scratch->path('policy.mdb');
my $conf = $scratch->write('tlspolicy.conf',
    "store = $store\nrules = " . $scratch->path('rules') . "\n");

sub tlspolicy {
	my ($command, @args) = @_;
	return Tlspolicy::Scratch::run($tlspolicy, $command, '-c', $conf,
	    @args);
}

sub result_is {
	my ($r, $status, $out, $err, $name) = @_;
	is($r->{status}, $status, "$name: exit $status");
	is($r->{out}, $out, "$name: output") if defined $out;
	ref $err ? like($r->{err}, $err, "$name: messages") :
	    is($r->{err}, $err, "$name: messages");
}

# build without -d and files: the settings name store and rules.
my $rules = $scratch->write('rules', "# mine\nTLS_Clt:example.com\tENCR:128\n" .
    "host.example.net VERIFY\n\nTLS_From:partner.example PERM+VERIFY+BY:me\n");
my $all = "TLS_Clt:example.com\tENCR:128\nTLS_Clt:host.example.net\tVERIFY\n" .
    "TLS_Srv:host.example.net\tVERIFY\nTLS_From:partner.example\t" .
    "PERM+VERIFY+BY:me\n";
my $r = tlspolicy('build', '-n');
is($r->{status}, 0, '-n before the first build: exit 0');
is(join('', sort split /^/, $r->{out}),
    join('', sort map { "+ $_" } split /^/, $all), '-n: all is new');
is($r->{err}, "4 rules are good; a build of $store would remove 0, add 4 " .
    "and change 0\n1 line without a tag: taken as a TLS_Clt and a TLS_Srv " .
    "rule each\n", '-n: messages');
ok(!-e $store, '-n makes no store');

result_is(tlspolicy('build'), 0, '', "$store: generation 1, 4 rules\n" .
    "1 line without a tag: taken as a TLS_Clt and a TLS_Srv rule each\n",
    'the first build');
is(tlspolicy('show')->{out}, $all, 'what is in the store');
result_is(tlspolicy('build', '-n'), 0, '', qr/remove 0, add 0 and change 0$/m,
    '-n without a difference');

# What changes nothing makes no generation; a line that moved does, as traces
# name it.
for my $n (1 .. 2) {
	result_is(tlspolicy('build'), 0, '', "$store: unchanged, generation 1, " .
	    "4 rules\n1 line without a tag: taken as a TLS_Clt and a TLS_Srv " .
	    "rule each\n", "the same build again, $n");
}
{
	my $other = $scratch->path('same.mdb');
	my $text = "TLS_Clt:a.example\tENCR:1+CIPHER:HIGH\n" .
	    "TLS_Clt:b.example\tENCR:1+UNTIL:2090-01-01\n" .
	    "TLS_Clt:b.example\tPERM+ENCR:1\nTLS_To:\tOK\n";
	my $file = $scratch->write('same', $text);
	my $generation = sub {
		my ($want, $name, @args) = @_;
		my $r = tlspolicy('build', '-d', $other, '--json', @args);
		my $json = decode_json($r->{out});
		is("$json->{generation}$json->{unchanged}", $want, $name);
	};
	$generation->('10', 'same: first', $file);
	$generation->('11', 'same: again', $file);
	$scratch->write('same', "# moved\n$text");
	$generation->('20', 'same: a line moved', $file);
	$scratch->write('same2', "# moved\n$text");
	$generation->('30', 'same: another file', $scratch->path('same2'));
	$scratch->write('same2', "# moved\n$text" =~ s/ENCR:1\n/ENCR:2\n/r);
	$generation->('40', 'same: another rule', $scratch->path('same2'));
	$scratch->write('same2', "# moved\n$text" =~ s/TLS_To.*\n//r);
	$generation->('50', 'same: a rule less', $scratch->path('same2'));
	$scratch->write('same2', '');
	$generation->('60', 'same: none', $scratch->path('same2'));
	$generation->('61', 'same: none again', $scratch->path('same2'));
	open my $fh, '+<', $other or die $!;
	seek $fh, 4096 * 2, 0;
	print $fh "\xff" x 4096 x 2;
	close $fh;
	is(tlspolicy('build', '-d', $other, $file)->{err} =~ /unchanged/, '',
	    'same: a damaged store is not "unchanged"');
}

# Bad lines: all of them, and the old generation stays.
my $bad = $scratch->write('bad', <<'END');
TLS_Clt:a.example ENCR
TLS_Clt:b.example ENCR:128
TLS_Clt:c.example VERIFY+FOO
TSL_Clt:d.example ENCR:128
TLS_Clt:e.example
TLS_Clt:b.example VERIFY
TLS_Clt:192.0.2.0/33 OK
TLS_From:x.example REJECT
END
$r = tlspolicy('build', $bad);
is($r->{status}, 65, 'bad lines: exit 65');
for (1, 3 .. 8) {
	like($r->{err}, qr/^\Q$bad\E:$_:\d+: \S/m, "bad lines: line $_ is told");
}
like($r->{err}, qr/^tlspolicy: 7 bad lines in the rules\n\Q$store\E is left as it was$/m,
    'bad lines: how many');
unlike($r->{err}, qr/^\Q$bad\E:2:/m, 'bad lines: the good one is not told');
is(tlspolicy('show')->{out}, $all, 'bad lines: the old rules stay');
is(tlspolicy('build', '-n', $bad)->{status}, 65, '-n: exit 65 too');

# Files that were cut off: what is left of a line may be a rule, a weaker one; of
# a file, nothing.
{
	my $line = "TLS_Clt:example.com PERM+ENCR:128\n";
	my $cut = $scratch->write('cut', "# one\n\n" . substr $line, 0, -2);
	my $to = $scratch->path('cut.mdb');
	my $warning = 'warning: the file ends without a newline: was it cut off?';
	my $whole = $scratch->write('whole', $line);
	result_is(tlspolicy('build', '-d', $to, $whole), 0, '',
	    "$to: generation 1, 1 rule\n", 'whole');
	result_is(tlspolicy('build', '-n', '-d', $to, $cut), 0, undef,
	    qr/^\Q$cut\E:3:33: \Q$warning\E$/m, 'cut in its last line');
	result_is(tlspolicy('build', '-n', '-d', $to,
	    $scratch->write('cut2', "${line}# a comm")), 0, undef,
	    qr/:2:9: \Q$warning\E$/m, 'cut in a comment');
	result_is(tlspolicy('build', '-n', '-d', $to,
	    $scratch->write('blank', "$line\t ")), 0, undef,
	    qr/^(?!.*warning)/s, 'blanks are no line');
	my $none = $scratch->write('nothing', '');
	mkdir $scratch->path('nothing.d') or die $!;
	$scratch->write("nothing.d/$_.rules", '') for 1, 2;
	my $told = qr/^tlspolicy: warning: no rule, not a byte \(was the file cut off\?\), for \Q$to\E, which has 1$/m;
	for my $empty ($none, '/dev/null', $scratch->path('nothing.d')) {
		result_is(tlspolicy('build', '-n', '-d', $to, $empty), 0, undef,
		    $told, "-n of $empty");
	}
	result_is(tlspolicy('plan', '-d', $to, $none), 0, undef, $told, 'plan');
	my $err = `$tlspolicy build -n -c $conf -d $to - 2>&1 </dev/null`;
	like($err, $told, 'nothing from standard input');
	result_is(tlspolicy('build', '-n', '-d', $to,
	    $scratch->write('meant', "# none\n")), 0, undef,
	    qr/^tlspolicy: warning: no rule, for \Q$to\E, which has 1$/m,
	    'a comment');
	result_is(tlspolicy('build', '-d', $to, $none), 0, '', $told, 'built');
	result_is(tlspolicy('build', '-d', $to, $none), 0, '',
	    qr/unchanged|generation 3, 0 rules/, 'nothing for nothing');
	result_is(tlspolicy('build', '-d', $scratch->path('fresh.mdb'), $none),
	    0, '', qr/generation 1, 0 rules/, 'a first policy');
}

# What ends a line in an editor and not here hides a rule behind a comment.
my $line = "TLS_Clt:example.com PERM+ENCR:128\n";
for ("\r", "\x0b", "\f", "\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9") {
	my $label = unpack 'H*', $_;
	my $file = $scratch->write('hidden', "$line# bank${_}TLS_From:bank." .
	    "example PERM+VERIFY\n");
	result_is(tlspolicy('build', '-n', $file), 65, undef,
	    qr/^\Q$file\E:\d+:7: found a character in a comment that ends a /m,
	    "$label in a comment");
	$file = $scratch->write('shown', "# \xe9 \t bank\r\n# b\r\r\n$line");
	result_is(tlspolicy('build', '-n', $file), 0, undef, qr/^1 rules are/,
	    'a comment of other bytes');
}

# Input without an end is an error before it has filled the memory.
my $limit = 'ulimit -v 4000000;';
# The shadow memory of a sanitizer takes more than the limit.
$limit = '' if `nm -D $tlspolicy` =~ /__[at]san_init/;
sub endless
{
	my ($input, $words) = @_;
	my $err = `($limit $input | $tlspolicy build -c $conf -) 2>&1`;
	is($? >> 8, 65, "$input: exit 65");
	like($err, $words, "$input: why");
}

$r = tlspolicy('build', '/dev/zero');
is($r->{status}, 65, '/dev/zero: exit 65');
like($r->{err}, qr{^/dev/zero:1:1: found a control character}m,
    '/dev/zero: why');
endless('cat /dev/zero', qr/standard input:1:1: found a control character/);
endless("yes | tr -d '\\n'", qr/standard input:1:1: the line has more than/);
endless("(echo; yes '#' | tr -d '\\n')", qr/:2:1: the line has more than/);
endless('yes', qr/standard input: more than \d+ bytes of rules/);
is(tlspolicy('show')->{out}, $all, 'no end: the old rules stay');

# Several files, JSON.
my $more = $scratch->write('more', "TLS_To:payroll\@example.com VERIFY\n");
$r = tlspolicy('build', '--json', $rules, $more);
is($r->{status}, 0, 'two files: exit 0');
my $json = decode_json($r->{out});
is($json->{generation}, 2, 'two files: generation');
is($json->{rules}, 5, 'two files: rules');
is($json->{untagged}, 1, 'two files: untagged lines');
is($json->{store}, $store, 'two files: store');
cmp_ok(abs($json->{built_at} - time), '<', 60, 'two files: when');

# What cannot be opened or written.
result_is(tlspolicy('build', "$rules.none"), 66, '',
    qr/^tlspolicy: cannot open \Q$rules\E\.none: No such file/, 'no rules');
$r = tlspolicy('build', '-d', $scratch->path('none/policy.mdb'));
is($r->{status}, 74, 'no folder for the store: exit 74');
like($r->{err}, qr/^tlspolicy: cannot make .*none\/policy\.mdb: .*No such file/,
    'no folder: why');
my $foreign = $scratch->write('foreign.mdb', 'x' x 20000);
result_is(tlspolicy('build', '-d', $foreign), 65, '',
    qr/foreign\.mdb/, 'a file that is no store');
is(Tlspolicy::Scratch::slurp($foreign), 'x' x 20000, 'is left alone');

# Killed in the middle: the old generation, and the next build works.
my $large = $scratch->write('large', join '',
    map { "TLS_Clt:h$_.example.com ENCR:128\n" } 1 .. 200_000);
my $before = tlspolicy('show')->{out};
my $start = time;
is(tlspolicy('build', '-d', $scratch->path('other.mdb'), $large)->{status}, 0,
    'a large build');
my $took = time - $start;
my ($killed, $torn) = (0, 0);
# Killed behind its commit a build has done its work: all of the new rules.
my $after = Tlspolicy::Scratch::slurp($large) =~ tr/ /\t/r;
for my $part (map { $_ / 12 } 1 .. 11) {
	my $pid = Tlspolicy::Scratch::start_child($tlspolicy, 'build', '-c',
	    $conf, $large, { out => '/dev/null' });
	sleep $took * $part;
	kill 'KILL', $pid;
	waitpid $pid, 0;
	last if ($? & 127) == 0;
	$killed++;
	my $shown = tlspolicy('show')->{out};
	last if $shown eq $after;
	$torn++ if $shown ne $before;
}
cmp_ok($killed, '>', 2, "builds that were killed: $killed");
is($torn, 0, 'after each the old rules are there, or all of the new');
result_is(tlspolicy('build', $large), 0, '',
    qr/^\Q$store\E: (?:unchanged, )?generation \d+, 200000 rules$/m, 'a build after that');
done_testing;
