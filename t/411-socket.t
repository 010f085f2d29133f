#!/usr/bin/perl
# The socket: who may connect, what is in its place, what is left behind.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HTTP::Tiny;
use IO::Socket::UNIX;
use POSIX ();
use Test::More;
use Tlspolicy::Fault;
use Tlspolicy::Talk;

my $daemon = daemon('', settings => { 'socket-mode' => '0600' });
my $program = Tlspolicy::Daemon::program('tlspolicy-milter');
my $path = $daemon->socket =~ s/^unix://r;

sub start_fails
{
	my ($words, $name) = @_;
	my $r = eval { Tlspolicy::Scratch::run({ timeout => 10 }, $program,
	    '-c', $daemon->{conf}) } // { status => 'none', err => $@ };
	is($r->{status}, 69, "$name: does not start");
	like($r->{err}, $words, "$name: says why");
}

subtest 'mode and group' => sub {
	my @stat = stat $path;
	is(sprintf('%o', $stat[2] & 07777), '600', 'mode');
	plan skip_all => 'needs root' if $> != 0;
	$daemon->stop;
	$daemon->configure('socket-mode' => '0660',
	    'socket-group' => 'daemon', user => 'nobody',
	    'audit-file' => '/dev/null');
	$daemon->run;
	# The socket exists a moment before its owner is set.
	Tlspolicy::Scratch::wait_for(60, sub { $daemon->log =~ /listening/ });
	@stat = stat $path;
	is(sprintf('%o', $stat[2] & 07777), '660', 'another mode');
	is($stat[4], getpwnam('nobody'), 'owner');
	is($stat[5], getgrnam('daemon'), 'group');
	$daemon->stop;
	$daemon->configure;
	$daemon->run;
};

subtest 'a daemon that runs already' => sub {
	start_fails(qr/another process listens there/, 'the second');
	ok($daemon->accepts, 'the first goes on');
};

subtest 'TERM' => sub {
	is($daemon->stop, 0, 'ends it');
	ok(!-e $path, 'and removes the socket');
	like($daemon->log, qr/stopped$/, 'and is logged');
};

subtest 'a stale socket' => sub {
	$daemon->run;
	$daemon->kill_hard;
	ok(-S $path, 'is left behind by a killed daemon');
	$daemon->run;
	ok($daemon->accepts, 'the next one listens in its place');
	logged($daemon, qr/removed the socket that a dead process left/,
	    'and says so');
	$daemon->stop;
};

subtest 'anything else in its place' => sub {
	scratch()->write('milter/milter.sock', "precious\n");
	start_fails(qr/in the way: it is not a socket/, 'a file');
	is(scratch()->read('milter/milter.sock'), "precious\n", 'is kept');
	unlink $path;
	my $target = scratch()->write('precious', "precious\n");
	symlink $target, $path;
	start_fails(qr/in the way: it is not a socket/, 'a symbolic link');
	is(readlink $path, $target, 'is kept');
	unlink $path;
	mkdir $path;
	start_fails(qr/in the way: it is not a socket/, 'a folder');
	ok(-d $path, 'is kept');
	rmdir $path;
};

# In a folder of the user's something else gets the socket's name between bind(2)
# and root's chown(2) and chmod(2).
subtest 'something else, just when the socket is made' => sub {
	plan skip_all => 'needs root' if $> != 0;
	plan skip_all => $_
	    for grep { defined } Tlspolicy::Fault::missing('swap');
	my ($uid, $gid) = (getpwnam('nobody'))[2, 3];
	my $own = scratch()->path('own');
	mkdir $own or die "$own: $!\n";
	chown $uid, $gid, $own;
	my $canary = scratch()->write('canary', "canary\n", 0600);
	my $looks = sub {
		join ' ', map { sprintf '%o %d %d', @$_[2, 4, 5] }
		    [lstat $canary], [lstat "$own/milter.sock"];
	};
	my %made = (
		'a link to a file' => sub { symlink $canary, $_[0] },
		'a link to nothing' => sub { symlink "$own/none", $_[0] },
		'a second name' => sub { link $canary, $_[0] },
		'a FIFO' => sub { POSIX::mkfifo($_[0], 0600) },
		'another\'s socket' => sub {
			IO::Socket::UNIX->new(Local => $_[0], Listen => 1);
			chown $uid, $gid, $_[0];
			chmod 0600, $_[0];
		},
	);
	for my $map (0, 1) {
		my $other = scratch()->path('other.sock');
		$daemon->configure(user => 'nobody', 'socket-mode' => '0666',
		    'audit-file' => '/dev/null', $map ?
		    (socket => "unix:$other", 'socketmap-mode' => '0666',
			socketmap => "unix:$own/milter.sock") :
		    (socket => "unix:$own/milter.sock"));
		for my $what (sort keys %made) {
			unlink "$own/milter.sock", "$own/with", $other;
			$made{$what}->("$own/with");
			chown $uid, $gid, "$own/with" if $what =~ /FIFO/;
			rename "$own/with", "$own/milter.sock";
			my $before = $looks->();
			rename "$own/milter.sock", "$own/with";
			local $ENV{SWAP_WITH} = "$own/with";
			local $ENV{SWAP_NAME} = "$own/milter.sock";
			local $ENV{LD_PRELOAD} =
			    Tlspolicy::Fault::library('swap');
			start_fails(qr/is not the socket that was made/,
			    "map $map: $what");
			is($looks->(), $before, 'is as it was, unowned');
		}
	}
	$daemon->configure;
};

subtest "somebody else's socket at the end" => sub {
	$daemon->run;
	unlink $path;
	my $other = IO::Socket::UNIX->new(Local => $path, Listen => 1);
	$daemon->stop;
	ok(-S $path, 'is not removed');
	unlink $path;
};

subtest 'TCP' => sub {
	my $tcp = daemon('TLS_Clt: PERM+ENCR:112', name => 'tcp',
	    socket => 'inet');
	my $m = session($tcp);
	answer_is($m->mail('a@example.com'), [550, '5.7.10'], 'is judged');
	my $r = Tlspolicy::Scratch::run({ timeout => 10 }, $program, '-c',
	    $tcp->{conf});
	is($r->{status}, 69, 'a port in use');
	like($r->{err}, qr/setting socket: cannot listen on inet:\d+/,
	    'is named');
	$tcp->stop;
	$tcp->run;
	ok($tcp->accepts, 'a restart can listen again at once');
};

subtest 'IPv6' => sub {
	my $port = Tlspolicy::Scratch::free_port();
	$daemon->configure(socket => "inet6:$port\@::1");
	my $r = Tlspolicy::Scratch::run($program, '-t', '-c',
	    $daemon->{conf});
	like($r->{out}, qr/^listens on inet6:$port\@\[::1\]$/m, 'is understood');
};

# A daemon whose socket has lost its name gets no sessions: /healthz must say so.
subtest 'removed, renamed and replaced under a running daemon' => sub {
	my $port = Tlspolicy::Scratch::free_port();
	my $http = HTTP::Tiny->new(timeout => 60);
	my $dir = scratch()->path('names');
	mkdir $dir, 0755;
	my $d = Tlspolicy::Daemon->start(scratch => scratch(), name => 'lost',
	    rules => '', settings => { metrics => "inet:$port\@127.0.0.1",
	    socketmap => "unix:$dir/map", 'facts-socket' => "unix:$dir/facts",
	    'tlsrpt-socket' => "unix:$dir/tlsrpt" });
	my $health = sub {
		my ($want) = @_;
		return Tlspolicy::Scratch::wait_for(60, sub {
			$http->get("http://127.0.0.1:$port/healthz")->{status}
			    == $want });
	};
	my $up = sub { $http->get("http://127.0.0.1:$port/metrics")->{content} =~
	    /^tlspolicy_sockets_up (\d)$/m ? $1 : 'none' };
	my $open = session($d);
	ok($health->(200), 'well');
	is($up->(), 1, 'so says the metric');
	for my $name ($d->socket =~ s/^unix://r, map { "$dir/$_" }
	    qw(map facts tlsrpt)) {
		rename $name, "$name.away";
		ok($health->(503), "$name is gone") or diag($d->log);
		like($http->get("http://127.0.0.1:$port/healthz")->{content},
		    qr/^unix:\Q$name\E was removed or replaced/, 'and named');
		is($up->(), 0, 'so says the metric');
		logged($d, qr/\Q$name\E was removed or replaced: no MTA comes there any more/,
		    'and the log');
		my $other = IO::Socket::UNIX->new(Local => $name, Listen => 1);
		sleep 2;
		ok($health->(503), 'another one in its place is not it');
		close $other;
		unlink $name;
		rename "$name.away", $name;
		ok($health->(200), 'back');
		logged($d, qr/\Q$name\E is there again/, 'and told so');
	}
	answer_is($open->mail('a@example.com'), 'continue',
	    'who was connected goes on');
	is($d->stop, 0, 'it ends');
};

done_testing;
