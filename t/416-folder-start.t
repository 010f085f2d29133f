#!/usr/bin/perl
#
# The daemon is started by root, its socket, store and audit log are in a folder
# of its user's, who has been taken over.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX ();
use Test::More;
use Tlspolicy::Talk;

plan skip_all => 'needs root' if $> != 0;
my $rounds = $ENV{TLSPOLICY_ROUNDS} // 60;
my ($uid, $gid) = (getpwnam('nobody'))[2, 3];
my $scratch = scratch();
my $own = $scratch->path('own');
mkdir $own;
chown $uid, $gid, $own;
my $root = $scratch->path('root');
mkdir $root;
my $canary = $scratch->write('root/canary', "canary\n", 0600);
my $program = Tlspolicy::Daemon::program('tlspolicy-milter');
my $daemon = Tlspolicy::Daemon->new(scratch => $scratch,
    rules => "TLS_Clt: PERM+ENCR:112\n");
$daemon->configure(user => 'nobody', socket => "unix:$own/milter.sock",
    'audit-file' => "$own/audit.log", store => "$own/policy.mdb");

sub canary
{
	my @st = lstat $canary;
	return join ' ', sprintf('%o', $st[2]), @st[3, 4, 5],
	    Tlspolicy::Scratch::slurp($canary), glob "$root/*";
}

my $before = canary();

sub start
{
	return Tlspolicy::Scratch::start_child($program, '-c', $daemon->{conf},
	    { out => $scratch->path('out'), err => $scratch->path('err') });
}

# Its exit status once it has listened for a moment, or failed by itself.
sub started
{
	my $pid = start();
	my $ended = Tlspolicy::Scratch::wait_pid($pid, 0.3);
	return $ended >> 8 if defined $ended;
	kill 'TERM', $pid;
	return Tlspolicy::Scratch::wait_pid($pid, 20) >> 8;
}

is(started(), 0, 'in peace it starts');
is((lstat "$own/audit.log")[4], $uid, 'the log is the user\'s');

# The service manager may set the user: nothing in the settings then.
$daemon->configure(socket => "unix:$own/milter.sock",
    'audit-file' => "$own/audit.log", store => "$own/policy.mdb");
my $built = Tlspolicy::Scratch::run(Tlspolicy::Daemon::program('tlspolicy'),
    'build', '-c', $daemon->{conf});
is($built->{status}, 0, 'a store of the user\'s') or diag($built->{err});
my $told = Tlspolicy::Scratch::run($program, '-t', '-c', $daemon->{conf});
like($told->{out}, qr/^store \S+: generation \d+, 1 rules$/m,
    'root\'s test of the settings reads it') or diag($told->{err});
is(join(' ', grep { (lstat)[4] == 0 } glob "$own/*"), '',
    'and leaves nothing of root\'s');
isnt(started(), 0, 'a daemon that stays root does not use that folder');
$daemon->configure(user => 'nobody', socket => "unix:$own/milter.sock",
    'audit-file' => "$own/audit.log", store => "$own/policy.mdb");

my %trap = (
	'a link' => sub { symlink $canary, $_[0] },
	'a link to no file' => sub { symlink "$root/made", $_[0] },
	'a second name' => sub { link $canary, $_[0] },
	'a FIFO' => sub { POSIX::mkfifo($_[0], 0666) },
);
for my $name ('audit.log', 'milter.sock') {
	for my $what (sort keys %trap) {
		unlink "$own/$name";
		# The link is the user's; a second name may be root's doing.
		$trap{$what}->("$own/$name");
		my $count = (lstat $canary)[3];
		isnt(started(), 0, "$name as $what: it does not start") or
		    diag(Tlspolicy::Scratch::slurp($scratch->path('err')));
		is((lstat $canary)[3], $count, 'no name has gone');
		unlink "$own/$name";
		is(canary(), $before, 'root\'s file is as it was');
	}
}

subtest "$rounds starts against a racing process" => sub {
	defined(my $racer = fork) or die "fork: $!\n";
	if (!$racer) {
		my ($parent, $end) = (getppid, 0);
		$SIG{TERM} = sub { $end = 1 };
		$) = "$gid $gid";
		$( = $gid;
		POSIX::setuid($uid);
		while (!$end && getppid == $parent) {
			symlink $canary, "$own/l";
			rename "$own/l", "$own/milter.sock"
			    if -S "$own/milter.sock";
			unlink "$own/milter.sock", "$own/l";
		}
		POSIX::_exit(0);
	}
	my %ends;
	$ends{started()}++ for 1 .. $rounds;
	kill 'TERM', $racer;
	waitpid $racer, 0;
	is(canary(), $before, 'root\'s file is as it was');
	my @odd = grep { !/^(?:0|69)$/ } keys %ends;
	is("@odd", '', 'the daemon starts or says why not');
	diag(join ', ', map { "$ends{$_} x exit $_" } sort keys %ends);
};
done_testing;
