#!/usr/bin/perl
# The socketmap's protocol, and what hostile or careless peers can do to it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use IO::Socket::UNIX;
use Test::More;
use Time::HiRes qw(time);
use Tlspolicy::Talk;

my $path = scratch()->path('map.sock');
my $daemon = daemon("TLS_Srv:dest.test ENCR:1\n", settings => {
    socketmap => "unix:$path", 'socketmap-mode' => '0600' });

sub open_map
{
	return IO::Socket::UNIX->new(Peer => $path, Timeout => 60);
}

# What comes until the length is reached, the peer closes, or time is up.
sub receive
{
	my ($sock, $length) = @_;
	my ($all, $end) = ('', time + 60);
	while (length $all < $length && time < $end) {
		IO::Select->new($sock)->can_read(0.2) or next;
		sysread($sock, $all, 65536, length $all) or last;
	}
	return $all;
}

sub closed
{
	my ($sock, $timeout) = @_;
	return 0 unless IO::Select->new($sock)->can_read($timeout);
	return !sysread($sock, my $byte, 1);
}

sub netstring
{
	return join '', map { length($_) . ":$_," } @_;
}

Tlspolicy::Scratch::wait_for(60, sub { -S $path }); # behind the milter's
is((stat $path)[2] & 0777, 0600, 'socketmap-mode');
my $s = Tlspolicy::Scratch::wait_for(60, \&open_map) or die("no connection: $!");
my $yes = netstring('OK encrypt');
print $s netstring('tlspolicy dest.test');
is(receive($s, length $yes), $yes, 'an answer');
my $no = netstring('NOTFOUND ');
print $s netstring('tlspolicy other.test');
is(receive($s, length $no), $no, 'not found, with its blank');
print $s $_ for split //, netstring('tlspolicy dest.test');
is(receive($s, length $yes), $yes, 'byte by byte');
print $s netstring(('tlspolicy dest.test') x 500);
is(receive($s, 500 * length $yes), $yes x 500, 'many without waiting');
my $perm = netstring('PERM there is no such map');
print $s netstring('nomap dest.test', 'tlspolicy', '', ' ');
is(receive($s, 3 * length($perm) + length($no)),
    $perm . netstring('NOTFOUND ') . $perm x 2, 'no such map, no key');
my $never = netstring('OK TEMP+VERIFY:65535');
print $s netstring('nomap tls_srv:x.test', 'tlspolicy tls_rcpt:x.test');
is(receive($s, 2 * length($never)), $never x 2,
    'sendmail by a wrong name: nothing leaves');
print $s netstring('access tlspolicy:alive', 'tlspolicy_access tls_srv:a');
is(receive($s, 23), netstring('OK ALIVE', 'NOTFOUND '), 'alive');
print $s netstring('tlspolicy_access tlspolicy:tls_srv/a.none.test/192.0.2.9',
    'access tlspolicy:tls_rcpt/a@none.test');
is(receive($s, 20), netstring('OK NONE', 'OK NONE'), 'no rule has a word');
print $s netstring('tlspolicy ' . "\0\r\n\xff" x 100);
is(receive($s, length $no), $no, 'binary keys');
print $s netstring('tlspolicy ' . 'a.' x 1200);
is(receive($s, length $no), $no, 'a long key');

for my $bad ('x', '05:hello,', '-1:', '5 :hello,', '5:hellox', ':', '4097:',
    '99999999999999999999:', '18446744073709551621:hello,', "GET / HTTP/1.0") {
	my $peer = open_map();
	print $peer $bad;
	ok(closed($peer, 5), "\"$bad\" ends the connection");
}
print $s netstring('tlspolicy dest.test');
is(receive($s, length $yes), $yes, 'the others do not notice');

# Changed live, on a connection that stays.
is($daemon->rules("TLS_Srv:dest.test VERIFY\n")->{status}, 0, 'new rules');
my $verify = netstring('OK secure match=nexthop:dot-nexthop '
    . 'servername=hostname');
print $s netstring('tlspolicy dest.test');
is(receive($s, length $verify), $verify, 'the commit is the reload');

# A peer that never reads gets no more than a bounded part of the answers.
my $deaf = open_map();
$deaf->blocking(0);
my ($sent, $block) = (0, netstring(('tlspolicy dest.test') x 1000));
my $until = time + 3;
while (time < $until) {
	my $n = syswrite $deaf, $block;
	$sent += $n if $n;
	select undef, undef, undef, 0.01 unless $n;
}
cmp_ok($sent, '<', 4_000_000, "a peer that does not read: $sent bytes taken");
# A request that never ends, a byte now and then: no time is gained by it.
my $slow = open_map();
my ($began, $gone) = (time, 0);
print $slow '30:';
until ($gone || time > $began + 60) {
	syswrite $slow, 'a' or last if time < $began + 9;
	$gone = closed($slow, 0.5);
}
ok($gone, 'half a request ends the connection') or diag($daemon->log);
cmp_ok(time - $began, '<', 19, 'within its 10 seconds, not 10 s after the last');
print $s netstring('tlspolicy dest.test');
is(receive($s, length $verify), $verify, 'a connection at rest stays');

# A thousand connections, all of them alive.
my @many = grep { defined } map { open_map() } 1 .. 1000;
is(scalar @many, 1000, '1000 connections');
print $_ netstring('tlspolicy dest.test') for @many;
is(scalar(grep { receive($_, length $verify) ne $verify } @many), 0,
    'all are answered');
close $_ for @many;
ok($daemon->alive, 'the daemon is there');
is($daemon->stop, 0, 'and stops');
ok(!-e $path, 'its socket is removed');
close $s;

# Few descriptors: who has rested longest makes room.
my $port = Tlspolicy::Scratch::free_port();
$daemon->configure(socketmap => "inet:$port\@127.0.0.1");
my $milter = Tlspolicy::Daemon::program('tlspolicy-milter');
my $pid = scratch()->spawn('few.log', 'sh', '-c',
    'ulimit -n 100 && exec "$0" -c "$1"', $milter, $daemon->{conf});
sub open_tcp
{
	return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
	    PeerPort => $port, Timeout => 5);
}
my $first = Tlspolicy::Scratch::wait_for(60, sub { open_tcp() }) or
    die('inet: ' . scratch()->read('few.log'));
print $first netstring('tlspolicy dest.test');
is(receive($first, length $verify), $verify, 'on TCP');
my @crowd = grep { defined } map { open_tcp() } 1 .. 120;
my $last = $crowd[-1];
print $last netstring('tlspolicy dest.test');
is(receive($last, length $verify), $verify, 'the newest is served');
ok(closed($first, 5), 'the oldest made room');
is(Tlspolicy::Scratch::end_pid($pid), 0, 'it stops with all these open');

done_testing;
