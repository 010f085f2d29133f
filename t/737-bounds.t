#!/usr/bin/perl
#
# The bounds that tlspolicy.conf(5) and tlspolicy-milter(8) name, each just inside
# and just outside: of settings, of key files, of what is read in a second.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::UNIX;
use Socket qw(SOCK_DGRAM);
use Test::More;
use Time::HiRes qw(time);
use Tlspolicy::Talk;

my $tlsrpt = scratch()->path('tlsrpt.sock');
my $daemon = daemon("TLS_Clt:example.com PERM+ENCR:112\n",
    settings => { 'tlsrpt-socket' => "unix:$tlsrpt" });

# What the daemon says of a settings file, and how it ends.
sub config_test
{
	my (%settings) = @_;
	my $conf = scratch()->write('a.conf', join '', map {
	    "$_ = $settings{$_}\n" } sort keys %settings);
	return Tlspolicy::Scratch::run({ timeout => 60 },
	    Tlspolicy::Daemon::program('tlspolicy-milter'), '-t', '-c', $conf);
}

# The folder of a socket has to be there.
my $folder = scratch()->dir;
my $room = 107 - length "$folder/";
my @settings = (
	['exempt-clients', 'more than 64', map { my $n = $_;
	    join "\n ", map { "192.0.2.$_" } 1 .. $n } 64, 65],
	['help-url', 'bytes', map { 'https://a.test/' . 'x' x ($_ - 15) }
	    180, 181],
	['socket', 'at most 107 bytes', map { "unix:$folder/" . 'x' x $_ }
	    $room, $room + 1],
	['history', 'from 1 to 36500', '36500', '36501'],
	['history', 'from 1 to 36500', '36500d', '36501d'],
	['checkpoint-interval', 'one day at most', '86400s', '86401s'],
	['checkpoint-interval', 'one day at most', '1440m', '1441m'],
	['socket-mode', 'octal', '0777', '01000'],
	['metrics', 'is not off', 'inet:65535@127.0.0.1', 'inet:65536@127.0.0.1'],
	['watch-certificates', 'more than 16', map { my $n = $_;
	    join ', ', map { "/$_" } 1 .. $n } 16, 17],
);
for (@settings) {
	my ($name, $words, $inside, $outside) = @$_;
	my $short = "$name = " . substr $outside =~ s/\s+/ /gr, 0, 30;
	my %base = (store => $daemon->{store},
	    'audit-file' => "$folder/a.log");
	my $r = config_test(%base, $name => $inside);
	is($r->{status}, 0, "$short: just inside") or diag($r->{err});
	$r = config_test(%base, $name => $outside);
	is($r->{status}, 78, "$short: just outside") or diag($r->{out});
	like($r->{err}, qr/setting $name: .*\Q$words\E/, "$short: says so");
}

for my $n (199, 200) {
	my $r = config_test('audit-file' => "$folder/a.log", store =>
	    '/' . 'x' x ($n - length 'store = /'));
	is($r->{status}, $n == 199 ? 0 : 78, "a line of $n bytes");
	like($r->{err}, qr/^$/, 'is read') if $n == 199;
	like($r->{err}, qr/the line is too long/, 'is refused') if $n == 200;
}

# A key file that others can read, or of a wrong length, keeps the daemon from
# starting.
my $key = "$folder/key";
sub with_key
{
	my ($bytes, $mode) = @_;
	unlink $key;
	scratch()->write('key', 'k' x $bytes);
	chmod $mode, $key or die;
	my $d = Tlspolicy::Daemon->new(scratch => scratch(), build => 0,
	    name => "key$bytes-$mode", settings =>
	    { 'audit-key-file' => $key });
	return $d->log =~ /audit-key-file/ ? 'refused' : $@ unless
	    eval { $d->run; 1 };
	return $d->stop == 0 ? 'taken' : 'ended';
}
for ([0, 0600, 0], [15, 0600, 0], [16, 0600, 1], [4095, 0600, 1],
    [4096, 0600, 0], [100_000, 0600, 0], [32, 0640, 1], [32, 0440, 1],
    [32, 0660, 0], [32, 0604, 0], [32, 0602, 0], [32, 0644, 0]) {
	my ($bytes, $mode, $good) = @$_;
	my $got = with_key($bytes, $mode);
	my $name = sprintf 'a key of %d bytes, mode %04o', $bytes, $mode;
	is($got, $good ? 'taken' : 'refused', $name);
}

# A thousand in a second, whoever else sends; the others wait in the socket.
subtest 'datagrams of TLSRPT' => sub {
	my $report = Tlspolicy::Scratch::slurp(
	    "$FindBin::Bin/fuzz/corpus/tlsrpt/success");
	my $to = Tlspolicy::Scratch::wait_for(60, sub { IO::Socket::UNIX->new(
	    Type => SOCK_DGRAM, Peer => $tlsrpt) }) or die;
	my $began = time;
	$to->send($report) for 1 .. 2500;
	my $took = time - $began;
	cmp_ok($took, '>', 1, "2500 are not taken in a second: $took s");
	ok(Tlspolicy::Scratch::wait_for(60, sub { 2500 == grep {
	    /"event":"handshake"/ } $daemon->all_audit_lines }),
	    'each of them is recorded');
	my $m = session($daemon);
	answer_is($m->mail('a@example.com'), [550, '5.7.10'],
	    'sessions are judged meanwhile');
	$m->quit;
};
is($daemon->stop, 0, 'the daemon stops');
done_testing;
