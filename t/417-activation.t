#!/usr/bin/perl
#
# A listening socket that is handed over: the test plays the service manager.
use strict;
use warnings;
use Fcntl qw(F_SETFD);
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use IO::Socket::UNIX;
use Socket;
use Test::More;
use Tlspolicy::Feed;
use Tlspolicy::Talk;

my $missing = Tlspolicy::Daemon::missing();
plan skip_all => $missing if $missing;
my $program = Tlspolicy::Daemon::program('tlspolicy-milter');
my $scratch = scratch();
my $daemon = Tlspolicy::Daemon->new(scratch => $scratch,
    rules => 'TLS_Clt: PERM+ENCR:112');
my $own = "$daemon->{dir}/milter.sock";
my $path = $scratch->path('manager.sock');

# What hands FD over as descriptor 3 and becomes the daemon; the variables may
# be others than a service manager sets, undef for none.
sub manager
{
	my ($fh, %var) = @_;
	my $fd = defined $fh ? fileno $fh : -1;
	fcntl $fh, F_SETFD, 0 if defined $fh;
	%var = (LISTEN_FDS => 1, LISTEN_PID => '$$', %var);
	my $set = join ' ', map { defined $var{$_} ?
	    "\$ENV{$_} = \"$var{$_}\";" : "delete \$ENV{$_};" } sort keys %var;
	return ($^X, '-MPOSIX', '-e', "$set if ($fd == -1) { POSIX::close(3) }"
	    . " elsif ($fd != 3) { POSIX::dup2($fd, 3); POSIX::close($fd) }"
	    . ' exec @ARGV or die');
}

sub listening
{
	my ($where) = @_;
	return IO::Socket::UNIX->new(Local => $where, Listen => 100) // die $!;
}

sub run_under
{
	my ($fh, %var) = @_;
	$daemon->{under} = [manager($fh, %var)];
	$daemon->run;
}

my $socket = listening($path);
my $inode = (stat $path)[1];
my @before = glob '/tmp/tlspolicy-*/socket';
# With a handed socket the settings socket and socket-group are not used: these
# could not be.
$daemon->configure(socket => "unix:$daemon->{dir}/none/x",
    'socket-group' => 'no-such-group');
$daemon->{socket} = "unix:$path";

subtest 'the socket is used' => sub {
	run_under($socket);
	answer_is(session($daemon)->mail('a@example.com'), [550, '5.7.10'],
	    'judged');
	logged($daemon, qr/listening on unix:\Q$path\E, the service manager's/,
	    'said');
	is_deeply([glob '/tmp/tlspolicy-*/socket'], \@before,
	    'libmilter\'s own is gone');
	$daemon->hup;
	logged($daemon, qr/socket|settings/, 'HUP is taken');
	ok($daemon->alive && (stat $path)[1] == $inode, 'and leaves it');
	answer_is(session($daemon)->mail('a@example.com'), [550, '5.7.10'],
	    'judged after HUP');
};

subtest 'its name is taken away, and is there again' => sub {
	rename $path, "$path.away";
	logged($daemon, qr/\Q$path\E was removed or replaced/, 'said');
	rename "$path.away", $path;
	logged($daemon, qr/\Q$path\E is there again/, 'so is this');
};

subtest 'it outlives the daemon' => sub {
	is($daemon->stop, 0, 'TERM');
	is((stat $path)[1] // 'none', $inode, 'the file is there');
	my $waits = Tlspolicy::Milter->connect("unix:$path");
	ok($waits, 'who connects now waits');
	run_under($socket);
	ok($waits->negotiate, 'and is served by the next one');
	$waits->set(%sendmail);
	$waits->conn('mail.example.com', '192.0.2.1');
	$waits->helo('client.example.com');
	answer_is($waits->mail('a@example.com'), [550, '5.7.10'], 'judged');
	$daemon->kill_hard;
	is((stat $path)[1] // 'none', $inode, 'KILL leaves the file, too');
	run_under($socket);
	answer_is(session($daemon)->mail('a@example.com'), [550, '5.7.10'],
	    'the next one after KILL');
	$daemon->stop;
};

subtest 'TCP' => sub {
	my $tcp = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
	    Listen => 100) // die;
	local $daemon->{socket} = 'inet:' . $tcp->sockport . '@127.0.0.1';
	run_under($tcp);
	answer_is(session($daemon)->mail('a@example.com'), [550, '5.7.10'],
	    'judged');
	logged($daemon, qr/listening on inet:\d+\@\[127\.0\.0\.1\], the/, 'said');
	$daemon->stop;
};

subtest 'started by hand it opens its own' => sub {
	$daemon->configure(socket => "unix:$own");
	local $daemon->{socket} = "unix:$own";
	for ([{ LISTEN_PID => undef }, 'no LISTEN_PID'],
	    [{ LISTEN_PID => 1 }, 'that of another process'],
	    [{ LISTEN_PID => 1, LISTEN_FDS => 'x' }, 'whatever is with it']) {
		run_under($socket, %{$_->[0]});
		answer_is(session($daemon)->mail('a@example.com'),
		    [550, '5.7.10'], "$_->[1]: judged");
		unlike($daemon->log, qr/service manager/, "$_->[1]: its own");
		$daemon->stop;
		ok(!-e $own && (stat $path)[1] == $inode,
		    "$_->[1]: only its own is removed");
	}
};

sub refused
{
	my ($words, $name, $fh, %var) = @_;
	my $r = Tlspolicy::Scratch::run(manager($fh, %var), $program, '-c',
	    $daemon->{conf});
	is($r->{status}, 69, "$name: exit code");
	like($r->{err}, $words, "$name: says so");
	ok(!-e $own, "$name: no socket of its own instead");
}

subtest 'what cannot be used' => sub {
	my $what = qr/the service manager's socket, descriptor 3: expected/;
	refused(qr/LISTEN_FDS: expected one socket .*, found "4"/, 'four',
	    $socket, LISTEN_FDS => 4);
	refused(qr/descriptor 4: expected a socket, found/, 'two, of which '
	    . 'one is not there', $socket, LISTEN_FDS => 2);
	refused(qr/LISTEN_FDS: .* found "$_->[1]"/, "LISTEN_FDS=$_->[1]",
	    $socket, LISTEN_FDS => $_->[0])
	    for [undef, ''], ['', ''], [0, 0], ['1x', '1x'], [-1, -1];
	refused(qr/LISTEN_PID: expected a process id, found "x"/, 'LISTEN_PID',
	    $socket, LISTEN_PID => 'x');
	refused(qr/$what a socket, found no open file/, 'nothing', undef);
	open my $file, '<', $0 or die;
	refused(qr/$what a socket, found another kind/, 'a file', $file);
	socketpair my $left, my $right, AF_UNIX, SOCK_STREAM, 0 or die;
	refused(qr/$what a listening socket/, 'a connection', $left);
	my $gram = IO::Socket::UNIX->new(Type => SOCK_DGRAM,
	    Local => $scratch->path('gram')) // die;
	refused(qr/$what a stream socket/, 'datagrams', $gram);
	my $packets = IO::Socket::UNIX->new(Type => SOCK_SEQPACKET,
	    Local => $scratch->path('packets'), Listen => 5) // die;
	refused(qr/$what a stream socket/, 'packets', $packets);
	# Netlink: there is no other family that every machine has.
	socket my $other, 16, SOCK_RAW, 0 or die;
	refused(qr/$what a unix or TCP socket, found another family/,
	    'another family', $other);
};

# Two sockets: the second one is what the test leaves at descriptor 4.
sub two
{
	my ($first, $second, $names, @more) = @_;
	my ($one, $two) = map { fileno $_ } $first, $second;
	fcntl $_, F_SETFD, 0 for $first, $second;
	return ($^X, '-MPOSIX', '-e', "my (\$a, \$b) = (POSIX::dup($one), "
	    . "POSIX::dup($two)); POSIX::dup2(\$a, 3); POSIX::dup2(\$b, 4);"
	    . "POSIX::close(\$_) for 5 .. 40; \$ENV{LISTEN_FDS} = 2;"
	    . "\$ENV{LISTEN_PID} = \$\$; \$ENV{LISTEN_FDNAMES} = '$names';"
	    . 'exec @ARGV or die', @more);
}

subtest 'the facts feed, too' => sub {
	my $feed = $scratch->path('facts.sock');
	my $facts = listening($feed);
	my $tcp = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
	    Listen => 100) // die;
	for (['tlspolicy-milter.socket:facts', $socket, $facts],
	    ['facts:x', $facts, $socket]) {
		$daemon->{under} = [two(@$_[1, 2, 0])];
		$daemon->run;
		logged($daemon, qr/told of sessions on unix:\Q$feed\E/,
		    "$_->[0]: said");
		is(Tlspolicy::Feed->connect($feed)->tell, "action=DUNNO\n\n",
		    'served');
		answer_is(session($daemon)->mail('a@example.com'),
		    [550, '5.7.10'], 'the milter, too');
		is($daemon->stop, 0, 'the end');
		ok(-S $feed && -S $path, 'both are left alone');
	}
	my @bad = (['a:b', $socket, $facts, qr/of several, expected all .* facts or tlsrpt/],
	    ['facts:facts', $socket, $facts, qr/of several, expected all/],
	    ['', $socket, $facts, qr/of several, expected all/],
	    ['a:tlsrpt', $socket, $facts, qr/expected a unix datagram socket for tlsrpt/],
	    ['a:facts', $socket, $tcp, qr/expected a unix socket for facts/]);
	for (@bad) {
		my $r = Tlspolicy::Scratch::run(two(@$_[1, 2, 0]), $program,
		    '-c', $daemon->{conf});
		is($r->{status}, 69, "\"$_->[0]\": exit code");
		like($r->{err}, $_->[3], 'says so');
	}
};

subtest 'the socket of TLSRPT, too' => sub {
	my $results = $scratch->path('tlsrpt.sock');
	my $gram = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $results) // die;
	$daemon->{under} = [two($socket, $gram, 'x:tlsrpt')];
	$daemon->run;
	logged($daemon, qr/told of TLS with servers on unix:\Q$results\E/, 'said');
	IO::Socket::UNIX->new(Type => SOCK_DGRAM, Peer => $results)->send(
	    Tlspolicy::Scratch::slurp("$FindBin::Bin/fuzz/corpus/tlsrpt/success")) or die;
	ok(Tlspolicy::Scratch::wait_for(60, sub {
	    grep { $_->{event} eq 'handshake' } $daemon->audit }), 'recorded');
	answer_is(session($daemon)->mail('a@example.com'), [550, '5.7.10'], 'the milter, too');
	is($daemon->stop, 0, 'the end');
	ok(-S $results && -S $path, 'both are left alone');
};

subtest '-t' => sub {
	my $r = Tlspolicy::Scratch::run(manager($socket), $program, '-t', '-c',
	    $daemon->{conf});
	is($r->{status}, 0, 'exit code');
	like($r->{out}, qr/^listens on unix:\Q$path\E, the service manager's$/m,
	    'says which');
};

done_testing;
