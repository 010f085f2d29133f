#!/usr/bin/perl
#
# check --batch: a line in, a line out, whatever the line holds.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IPC::Open2;
use JSON::PP qw(decode_json);
use Test::More;
use Time::HiRes qw(time);
use Tlspolicy::Scratch;

my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
plan skip_all => "$tlspolicy is not built" unless -x $tlspolicy;
my $scratch = Tlspolicy::Scratch->new;
my $store = $scratch->path('policy.mdb');
my $rules = $scratch->write('rules', "TLS_Clt:perm.example PERM+ENCR:128\n" .
    "TLS_Clt:hold.example HOLD+ENCR:128\n");
Tlspolicy::Scratch::must($tlspolicy, 'build', '-d', $store, $rules);

sub batch {
	my ($text, @args) = @_;
	my $r = Tlspolicy::Scratch::run({ in => $scratch->write('in', $text) },
	    $tlspolicy, 'check', '-d', $store, '--batch', @args);
	return ($r, split /\n/, $r->{out});
}

my $perm = '{"client_name":"perm.example"}';
my ($r, @out) = batch(qq($perm\n{"client_name":"other.example"}\n) .
    qq({"{client_name}":"hold.example","verify":null}\n) .
    qq({"client_name":"perm.example","cipher_bits":256,"cipher":"x"}));
is($r->{status}, 0, 'good lines: exit 0');
is(join(' ', map { decode_json($_)->{verdict} } @out),
    'reject accept hold accept', 'a verdict a line, the last without newline');
my $json = decode_json($out[0]);
is("@$json{qw(code dsn reason)}", '550 5.7.10 plaintext', 'code and reason');
ok(!exists $json->{trace}, 'no trace');
($r, @out) = batch("$perm\n", '-v');
ok((grep { /rule TLS_Clt:perm\.example/ } @{decode_json($out[0])->{trace}}),
    '-v: the trace as a list');
($r, @out) = batch("$perm\n", '-t', 'TLS_From', '-o', 'mode=monitor');
is(decode_json($out[0])->{verdict}, 'accept', '-t and -o count');

# Bad lines: told with their number, and the run goes on.
my @bad = (
	['{"client_name":', qr/^not JSON: /],
	['', qr/^not JSON: /],
	['["client_name"]', qr/^not a JSON object of macros/],
	['"x"', qr/^not/],
	['{"clent_name":"x"}', qr/^there is no macro "clent_name", did you mean client_name\?/],
	['{"verify":["OK"]}', qr/^macro verify is neither a string nor a whole number/],
	['{"verify":true}', qr/^macro verify is neither/],
	['{"cipher_bits":1.5}', qr/^macro cipher_bits is neither/],
	['{"verify":"OK","verify":"NO"}', qr/^not JSON: duplicate/],
	['{"verify":"OK","{verify}":"NO"}', qr/is given twice/],
	["{\"verify\":\"\xff\"}", qr/^not JSON: /],
	['{"verify":"a\u0000b"}', qr/^not JSON: /],
	['{"client_name":"' . 'x' x 300_000 . '"}', qr/^line is too long/],
	['{' . join(',', map { "\"m$_\":\"\"" } 1 .. 70) . '}', qr/^more than 64 macros/],
	['[' x 100_000, qr/^not JSON: /],
);
($r, @out) = batch(join '', map { "$_->[0]\n$perm\n" } @bad);
is($r->{status}, 65, 'bad lines: exit 65');
is(scalar @out, 2 * @bad, 'bad lines: as many lines out as in');
is($r->{err}, 'tlspolicy: ' . @bad . ' of ' . 2 * @bad .
    " sessions could not be judged\n", 'bad lines: how many');
for my $i (0 .. $#bad) {
	my $error = decode_json($out[2 * $i]);
	my $label = substr $bad[$i][0] =~ s/[^ -~]/?/gr, 0, 40;

	is($error->{line}, 2 * $i + 1, "line number: $label");
	like($error->{error}, $bad[$i][1], "error: $label");
	is(decode_json($out[2 * $i + 1])->{verdict}, 'reject',
	    "the next line is judged: $label");
}

# Lines about as long as one may be, and much longer, each get one answer.
my @long = map { 'x' x $_ } 262_143 .. 262_146, 524_287 .. 524_289, 1_000_000;
($r, @out) = batch(join '', map { "$_\n$perm\n" } @long);
is(join(' ', map { my $v = decode_json($_); $v->{verdict} //
    "$v->{line} " . $v->{error} =~ s/:.*//r } @out),
    join(' ', map { (2 * $_ + 1, $_ ? 'line is too long' : 'not JSON', 'reject') }
    0 .. $#long), 'long lines: as many answers as lines');

# What comes from a client stays in its line.
($r, @out) = batch('{"client_name":"a\nb\u2028\"c.perm.example"}' . "\n");
is(scalar @out, 1, 'a newline in a value makes no line');
is(decode_json($out[0])->{verdict}, 'reject', 'and is judged');

# Answers come in order, whichever thread gave them, and bad lines keep their
# numbers.  A line with a CR is not read by the scanner that reads the others: it
# has to say the same of each.
my @many = map {
	$_ % 7 == 0 ? qq({"verify":"OK","verify":"$_"}) :
	$_ % 11 == 0 ? qq({"client_name":"h$_.hold.example","no_$_":1}) :
	sprintf('{"client_name":"h%d.%s.example","client_addr":"192.0.2.%d",' .
	    '"mail_addr":"B\\u00fcro%d@\u00fc.example","cipher_bits": %d,' .
	    '"header_from":null}', $_, ('perm', 'hold')[$_ % 2], $_ % 256, $_,
	    $_ % 3 ? 0 : 256)
} 1 .. 5000;
($r, @out) = batch(join '', map { "$_\n" } @many);
is(scalar @out, @many, 'as many answers as lines');
my @want = map { /"no_(\d+)"/ || /"(\d+)"\}$/ ? "line $1" :
    /"cipher_bits": 256/ ? 'accept' :
    /perm/ ? 'reject' : 'hold' } @many;
is_deeply([map { my $v = decode_json($_); exists $v->{error} ?
    "line $v->{line}" : $v->{verdict} } @out], \@want, 'answers in order');
my $other = (batch(join '', map { "$_\r\n" } @many))[0];
is($other->{out}, $r->{out}, 'lines with CR LF: the same');
like($other->{err}, qr/ \d+ of 5000 sessions could not be judged$/,
    'and as many');
is((batch(join '', map { "$_\n" } @many))[0]{out}, $r->{out},
    'once more: the same') for 1 .. 3;

# A program at the other end: answers come at once, and by the new rules.
my $pid = open2(my $from, my $to, $tlspolicy, 'check', '-d', $store,
    '--batch');
$to->autoflush(1);
print $to "$perm\n";
is(decode_json(scalar <$from>)->{generation}, 1, 'an answer before the end');
Tlspolicy::Scratch::must($tlspolicy, 'del', '-d', $store,
    'TLS_Clt:perm.example');
print $to "$perm\n";
$json = decode_json(scalar <$from>);
is("$json->{verdict} $json->{generation}", 'accept 2', 'by the new rules');
close $to;
waitpid $pid, 0;
is($?, 0, 'the end of input is the end');

is(Tlspolicy::Scratch::run($tlspolicy, 'check', '-d', $store, '--batch',
    'verify=OK')->{status}, 64, '--batch with macros: exit 64');
is(Tlspolicy::Scratch::run('/bin/sh', '-c', "echo '{}' | $tlspolicy check " .
    "-d $store --batch > /dev/full")->{status}, 74,
    'output that cannot be written: exit 74');

# The rate is told; only a collapse is a failure, machines differ.
my $n = 50_000;
my $in = $scratch->write('many', join '', map {
    qq({"client_name":"h$_.perm.example","client_addr":"192.0.2.1",) .
    qq("tls_version":"TLSv1.3","cipher":"TLS_AES_256_GCM_SHA384",) .
    qq("cipher_bits":256,"verify":"NO","mail_addr":"a\@example.com"}\n)
    } 1 .. $n);
my $start = time;
$r = Tlspolicy::Scratch::run({ in => $in }, $tlspolicy, 'check', '-d', $store,
    '--batch');
my $rate = int($n / (time - $start));
is($r->{status}, 0, "$n sessions");
cmp_ok($rate, '>', 2000, "$rate sessions a second");
done_testing;
