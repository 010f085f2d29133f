#!/usr/bin/perl
#
# The store's folder is the daemon's user's, who has been taken over: links,
# FIFOs and files of others under the store's names, and a process that changes
# them all the time.  Root's commands work or fail, change nothing of root's,
# and leave nothing of root's there.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Fcntl qw(:mode);
use POSIX ();
use Test::More;
use Time::HiRes qw(time);
use Tlspolicy::Scratch;

my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
plan skip_all => "$tlspolicy is not built" unless -x $tlspolicy;
plan skip_all => 'needs root' if $> != 0;

my $rounds = $ENV{TLSPOLICY_ROUNDS} // 200;
my ($uid, $gid) = (getpwnam('nobody'))[2, 3];
my $scratch = Tlspolicy::Scratch->new;
my $rules = $scratch->write('rules', "TLS_Clt:a.example PERM+ENCR:112\n", 0600);
my $secret = "canary " x 20_000;
my $root = $scratch->path('root');
mkdir $root, 0755;
my $canary = $scratch->write('root/canary', $secret, 0600);
my $number = 0;

sub folder
{
	my $dir = $scratch->path('own' . ++$number);
	mkdir $dir, 0755;
	chown $uid, $gid, $dir;
	return $dir;
}

sub tlspolicy
{
	my ($dir, $command, @args) = @_;
	return Tlspolicy::Scratch::run({ timeout => 20 }, $tlspolicy, $command,
	    '-d', "$dir/policy.mdb", @args);
}

# What a process of the user does in the folder.
sub as_user
{
	my ($code) = @_;
	defined(my $pid = fork) or die "fork: $!\n";
	if (!$pid) {
		POSIX::setgid($gid);
		$( = $gid;
		$) = "$gid $gid";
		POSIX::setuid($uid);
		$code->();
		POSIX::_exit(0);
	}
	return $pid;
}

sub do_as_user
{
	waitpid as_user(@_), 0;
}

sub canary
{
	my @st = lstat $canary;
	return join ' ', sprintf('%o', $st[2]), @st[3, 4, 5, 7],
	    Tlspolicy::Scratch::slurp($canary) eq $secret ? 'same' : 'CHANGED';
}

my $before = canary();
my $names = join ' ', sort glob "$root/*";

sub nothing_happened
{
	my ($name, $dir) = @_;
	is(canary(), $before, "$name: root's file is as it was");
	is(join(' ', sort glob "$root/*"), $names, "$name: no file was made");
	my @roots = grep { (lstat)[4] == 0 } glob "$dir/* $dir/.[a-z]*";
	is("@roots", '', "$name: nothing of root's in the folder");
}

my @commands = ([show => 66], [build => 0, $rules],
    [set => 0, 'TLS_Clt:b.example', 'OK'], [del => 66, 'TLS_Clt:a.example'],
    [check => 66, 'client_name=a.example'], [diff => 66, $rules],
    [outbound => 66, '--mta', 'sendmail', 'a.example']);

subtest 'a folder in peace' => sub {
	my $dir = folder();
	my $r = tlspolicy($dir, 'build', $rules);
	is($r->{status}, 0, 'rules that only root can read are built') or
	    diag($r->{err});
	like($r->{err}, "/^tlspolicy: \Q$dir\E.policy\.mdb is in a folder " .
	    'of user nobody: going on as that user$/m', 'and it says who');
	for my $name ('policy.mdb', 'policy.mdb-lock') {
		my @st = stat "$dir/$name";
		is("@st[4, 5]", "$uid $gid", "$name is the user's");
	}
	for (['show'], ['set', 'TLS_Clt:b.example', 'OK'],
	    ['del', 'TLS_Clt:b.example'], ['diff', $rules],
	    ['check', 'client_name=a.example', 'client_addr=192.0.2.1']) {
		my $said = () = tlspolicy($dir, @$_)->{err} =~ /going on/g;
		is($said, 1, "$_->[0] says so once");
	}
	$r = tlspolicy($dir, 'show', '--json');
	is("$r->{status} " . ($r->{out} =~ /\A\[\n\{.*\}\n\]\n\z/), '0 1',
	    'the output has rules only');
	nothing_happened('peace', $dir);
};

my %trap = (
	'a lock file that is a link' =>
	    sub { symlink $canary, "$_[0]/policy.mdb-lock" },
	'a store that is a link' =>
	    sub { symlink $canary, "$_[0]/policy.mdb" },
	'a store that is a link to no file' =>
	    sub { symlink "$root/made", "$_[0]/policy.mdb" },
	'a lock file that is a link to no file' =>
	    sub { symlink "$root/made", "$_[0]/policy.mdb-lock" },
	'a FIFO' => sub { POSIX::mkfifo("$_[0]/policy.mdb", 0666) },
	'a FIFO for a lock' =>
	    sub { POSIX::mkfifo("$_[0]/policy.mdb-lock", 0666) },
	'a device' => sub { symlink '/dev/zero', "$_[0]/policy.mdb" },
	'a folder' => sub { mkdir "$_[0]/policy.mdb" },
	'a huge file' => sub {
		open my $fh, '>', "$_[0]/policy.mdb";
		truncate $fh, 1 << 40;
	},
);

for my $name (sort keys %trap) {
	subtest $name => sub {
		for my $command (@commands) {
			my $dir = folder();
			do_as_user(sub { $trap{$name}->($dir) });
			my ($word, undef, @args) = @$command;
			my $r = tlspolicy($dir, $word, @args);
			is($r->{signal}, 0, "$word ends by itself");
			unlike($r->{out} . $r->{err}, qr/canary canary/,
			    "$word shows nothing of root's");
			nothing_happened($word, $dir);
		}
	};
}

subtest 'a lock file that is there beside a good store' => sub {
	my $dir = folder();
	tlspolicy($dir, 'build', $rules);
	do_as_user(sub {
		unlink "$dir/policy.mdb-lock";
		symlink $canary, "$dir/policy.mdb-lock";
	});
	for my $command (@commands) {
		my ($word, undef, @args) = @$command;
		my $r = tlspolicy($dir, $word, @args);
		isnt($r->{status}, 0, "$word fails") unless $word eq 'build';
		like($r->{err}, qr/Permission denied/, "$word says why")
		    unless $word eq 'build';
		nothing_happened($word, $dir);
	}
};

# The racing process also exchanges a folder of the way for a link.
subtest "$rounds rounds against a racing process" => sub {
	my $dir = folder();
	tlspolicy($dir, 'build', $rules);
	do_as_user(sub { mkdir "$dir/deep" });
	tlspolicy("$dir/deep", 'build', $rules);
	my $racer = as_user(sub {
		my ($parent, $end) = (getppid, 0);
		$SIG{TERM} = sub { $end = 1 };
		while (!$end && getppid == $parent) {
			for my $name ('policy.mdb', 'policy.mdb-lock') {
				symlink $canary, "$dir/l";
				rename "$dir/$name", "$dir/kept-$name";
				rename "$dir/l", "$dir/$name";
				symlink "$root/made", "$dir/l";
				rename "$dir/l", "$dir/$name";
				rename "$dir/kept-$name", "$dir/$name";
			}
			rename "$dir/deep", "$dir/deeper";
			symlink $root, "$dir/deep";
			unlink "$dir/deep";
			rename "$dir/deeper", "$dir/deep";
		}
	});
	my %ends;
	for my $round (1 .. $rounds) {
		my ($word, undef, @args) = @{$commands[$round % @commands]};
		my $r = tlspolicy($round % 3 ? $dir : "$dir/deep", $word,
		    @args);
		$ends{$r->{signal} ? "signal $r->{signal}" : $r->{status}}++;
	}
	# The racing process restores all names at the end of a round.
	kill 'TERM', $racer;
	waitpid $racer, 0;
	nothing_happened('the race', $dir);
	nothing_happened('the race below', "$dir/deep");
	my @odd = grep { !/^(?:0|1|65|66|69|74|75|77|78|79)$/ } keys %ends;
	is("@odd", '', 'commands work or fail with a code that is told');
	diag(join ', ', map { "$ends{$_} x exit $_" } sort keys %ends);
};

subtest 'where root does not go' => sub {
	my $open = $scratch->path('open');
	mkdir $open;
	for my $mode (0777, 01777, 0775) {
		chown 0, $mode == 0775 ? $gid : 0, $open;
		chmod $mode, $open;
		my $r = tlspolicy($open, 'build', $rules);
		is($r->{status}, 78, sprintf 'a folder of mode %o', $mode);
		like($r->{err}, qr/others may write to it/, 'which it says');
		is(join(' ', glob "$open/*"), '', 'and makes nothing');
	}
	my $dir = folder();
	my $other = "$dir/other";
	mkdir $other;
	chown $uid - 1, $gid, $other;
	my $r = tlspolicy($other, 'build', $rules);
	is($r->{status}, 78, 'a folder of one user in one of another\'s');
	like($r->{err}, qr/both user \d+ and user \d+/, 'which it says');
	my $link = $scratch->path('link');
	symlink $dir, $link;
	is(tlspolicy($link, 'build', $rules)->{status}, 0,
	    'a link of root\'s is followed');
	is((stat "$dir/policy.mdb")[4], $uid, 'to its owner');
	nothing_happened('a link', $dir);
};

done_testing;
