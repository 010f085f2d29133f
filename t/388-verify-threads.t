#!/usr/bin/perl
#
# audit verify says with several threads what it says with one, to the byte,
# whatever was done to the files and however they are sealed and packed.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA qw(hmac_sha256_hex sha256 sha256_hex);
use JSON::PP qw(decode_json);
use Test::More;
use Tlspolicy::Scratch;

my $bin = Tlspolicy::Scratch::builddir();
my ($first, $several) = qx(taskset -cp $$) =~ /: (\d+)(\S)?/;
plan skip_all => 'there is one processor only' if !defined $several;
my $scratch = Tlspolicy::Scratch->new;
my $seed = $ENV{TLSPOLICY_SEED} // time;
diag "TLSPOLICY_SEED=$seed";
srand $seed;

# A chain and what it is sealed with; a ratchet's key changes with its epoch.
sub chain
{
	my (%c) = @_;
	my $key = $c{key};
	$c{id} = substr hmac_sha256_hex('tlspolicy key id', $key), 0, 16
	    if defined $key;
	return { head => '0' x 64, seq => 0, torn => 0, %c };
}

sub digest
{
	my ($c, $text) = @_;
	return defined $c->{key} ? hmac_sha256_hex($text, $c->{key}) :
	    sha256_hex($text);
}

sub seal
{
	my ($c, $body) = @_;
	$body .= ',"seq":' . ++$c->{seq};
	$c->{head} = digest($c, "$c->{head}$body}");
	$c->{torn} = 0;
	return "$body,\"chain\":\"$c->{head}\"}\n";
}

sub event
{
	return sprintf '{"v":1,"event":"%s","time":"2026-03-0%dT%02d:%02d:%02d.%06dZ"',
	    $_[0], 1 + rand 9, rand 24, rand 60, rand 60, rand 1e6;
}

sub link_line
{
	my ($c) = @_;
	return seal($c, event('link') . ",\"previous\":\"$c->{head}\",\"torn\":" .
	    $c->{torn} . (!defined $c->{id} ? '' : ",\"key\":\"$c->{id}\"" .
	    (defined $c->{epoch} ? ",\"epoch\":$c->{epoch}" : '')));
}

sub record
{
	my ($c, $n) = @_;
	return seal($c, event('message') . ',"node":"' . $c->{node} . '","pad":"' .
	    ('x' x $n) . '"');
}

# An epoch ends with the key that is then replaced.
sub end_epoch
{
	my ($c) = @_;
	my $line = seal($c, event('epoch') . ",\"ends\":$c->{epoch}");
	$c->{key} = sha256($c->{key});
	$c->{epoch}++;
	return $line;
}

sub torn
{
	my ($c) = @_;
	my $bytes = '{"v":1,"event":"mess' . 'y' x rand 200;
	$c->{head} = digest($c, "$c->{head}$bytes");
	$c->{torn} = length $bytes;
	return ("$bytes\n", seal($c, event('torn') . ",\"torn\":$c->{torn}"));
}

# Lines of a file; now and then something that is no record.
sub file
{
	my ($c, $lines, $epochs) = @_;
	my @out = link_line($c);
	while (@out < $lines) {
		my $what = int rand 400;
		push @out, $what == 0 ? torn($c) :
		    $what < $epochs && defined $c->{epoch} ? end_epoch($c) :
		    record($c, $what == 399 ? 300_000 : 100 + rand 900);
	}
	return \@out;
}

my $ratchet = sha256('where it starts');
my %chain = (
	plain => chain(node => 'mx1'),
	keyed => chain(node => 'mx2.example', key => 'a key, long enough'),
	ratchet => chain(node => 'mx3', key => $ratchet, epoch => 1),
);
our @keys = ('-k', $scratch->write('key', "a key, long enough\n", 0600),
    '-k', $scratch->write('ratchet', "tlspolicy ratchet 1\nid " .
    "$chain{ratchet}{id}\nepoch 1\nkey " . unpack('H*', $ratchet) . "\n",
    0600));
my $conf = $scratch->write('empty.conf', '');
my %files;
for my $name (sort keys %chain) {
	for my $n (1 .. 3) {
		$files{"$name.$n"} = file($chain{$name}, 1000, $n == 2 ? 40 : 1);
		push @{$files{"$name.$n"}}, record($chain{$name}, 1_500_000)
		    if $n == 2;
	}
}

sub verify
{
	my $r = Tlspolicy::Scratch::run(@_);
	return "$r->{status}\n$r->{err}$r->{out}";
}

# Writes the files %$now; verifies them with one thread and with several, which must
# print the same.
sub compare
{
	my ($name, $now, @options) = @_;
	my @paths = map { $scratch->write($_, join '', @{$now->{$_}}) }
	    sort keys %$now;
	my @verify = ("$bin/tlspolicy", 'audit', 'verify', '-c', $conf, @keys,
	    @options, @paths);
	my $want = verify('taskset', '-c', $first, @verify);
	my $got = verify(@verify);
	is($got, $want, $name);
	return $want;
}

# Logs without a key are verified when no key is given, logs with one when it is
# given.
like(compare('with the keys', \%files), qr/\A65\n.*mx2.*epochs: 1 to/s,
    'with the keys: verified');
compare('with the keys, in JSON', \%files, '--json');
{
	local @keys = ();
	like(compare('without a key', \%files),
	    qr{\A65\n(?=.*^not verified$).*^whole: }ms, 'without a key: verified');
}

my %damage = (
	changed => sub { my ($f, $i) = @_; substr $f->[$i], 60 + rand 30, 1, '~' },
	resealed => sub { my ($f, $i) = @_;
		$f->[$i] =~ s/"chain":"(.)/'"chain":"' . ($1 eq '0' ? 1 : 0)/e },
	dropped => sub { my ($f, $i) = @_; splice @$f, $i, 1 + rand 3 },
	doubled => sub { my ($f, $i) = @_; splice @$f, $i, 0, $f->[$i] },
	swapped => sub { my ($f, $i) = @_; @$f[$i, $i + 1] = @$f[$i + 1, $i] },
	added => sub { my ($f, $i) = @_; splice @$f, $i, 0, "nothing of ours\n" },
	'from a mail log' => sub { my ($f, $i) = @_; splice @$f, $i, 0,
		event('message') . ",\"source\":\"maillog\"}\n" },
	'cut in a line' => sub { my ($f, $i) = @_; $#$f = $i;
		$f->[-1] = substr $f->[-1], 0, 80 },
	'cut behind a line' => sub { my ($f, $i) = @_; $#$f = $i },
	'blank line' => sub { my ($f, $i) = @_; splice @$f, $i, 0, "\n" },
	'renumbered' => sub { my ($f, $i) = @_; $f->[$i] =~ s/"seq":\d+/"seq":7/ },
	'first line gone' => sub { shift @{$_[0]} },
	'empty' => sub { @{$_[0]} = () },
	'anew, as a stream' => sub { my ($f, $i) = @_;
		my $c = chain(node => 'mx9');
		splice @$f, $i, $#$f, seal($c, event('link') . ',"previous":"' .
		    '0' x 64 . '","torn":0,"why":"stream"'),
		    map { record($c, 400) } 1 .. 1500 },
);

# Each kind of damage at a random line, so that it also falls where two threads'
# pieces meet.
for my $what (sort keys %damage) {
	for my $path (map { (sort keys %files)[rand keys %files] } 1 .. 2) {
		my %now = map { $_ => [@{$files{$_}}] } keys %files;
		my $at = 1 + int rand(@{$now{$path}} - 5);
		$damage{$what}->($now{$path}, $at);
		compare("$what: $path, line $at", \%now);
	}
}
for my $path (sort keys %files) {
	my %now = %files;
	delete $now{$path};
	compare("$path is missing", \%now);
}

# Packed, and packed files that end too early or hold something else.
my @tools = grep { !system "command -v $_ >/dev/null 2>&1" } qw(gzip zstd);
my %packed;
for my $path (keys %files) {
	$scratch->write($path, join '', @{$files{$path}});
	my $tool = $tools[rand @tools];
	$packed{$path} = [scalar qx($tool -qc @{[$scratch->path($path)]})];
}
like(compare('packed', \%packed), qr/mx2.*epochs: 1 to/s, 'packed: verified');
for my $how (qw(cut flipped)) {
	my %now = %packed;
	my $path = (sort keys %now)[rand keys %now];
	my $bytes = $now{$path}[0];
	substr $bytes, 0.6 * length $bytes, $how eq 'cut' ? 1e9 : 40,
	    $how eq 'cut' ? '' : "\xff" x 40;
	$now{$path} = [$bytes];
	compare("packed, $how: $path", \%now);
}

# Damage in one node's log hides nothing of another's.
{
	local @keys = ('-k', $scratch->write('key', "a key, long enough\n", 0600));
	my %now = map { $_ => $packed{$_} } grep { /^keyed/ } keys %packed;
	my $path = $scratch->write('whole', join '', @{file(chain(node => 'mx8',
	    key => 'a key, long enough'), 1000, 0)});
	$now{aside} = [substr qx(gzip -c $path), 0, 20_000];
	my $text = compare('one node is whole, another cut', \%now);
	like($text, qr/\A65\n.*aside:\d+: not verified: cannot be read on: /s,
	    'the cut file is named');
	like($text, qr/^whole: \d+ lines in 3 files.*\nhead: .*\nlines: .*mx2/m,
	    'and the other node is whole');
	like($text, qr/^1 file could not be read to the end/m, 'and it is told');
	delete $now{aside};
	my $none = $scratch->path('none');
	my $r = Tlspolicy::Scratch::run("$bin/tlspolicy", 'audit', 'verify', '-c',
	    $conf, @keys, '--json', $none, map { $scratch->path($_) }
	    sort keys %now);
	is($r->{status}, 66, 'a file that is not there: exit code');
	like($r->{err}, qr/\Q$none\E/, 'named');
	my $json = decode_json($r->{out});
	is("$json->{result} $json->{unread} $json->{chains}[0]{result}",
	    'not verified 1 whole', 'and the others are verified');
}

done_testing();
