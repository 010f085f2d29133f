#!/usr/bin/perl
#
# The audit log's folder is the daemon's user's, who has been taken over: what
# root's commands find under the log's name is a link, a FIFO, a device, a
# socket.  They read no file that this user could not, and end by themselves.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::UNIX;
use POSIX ();
use Test::More;
use Tlspolicy::Scratch;

my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
plan skip_all => "$tlspolicy is not built" unless -x $tlspolicy;
plan skip_all => 'needs root' if $> != 0;

my $rounds = $ENV{TLSPOLICY_ROUNDS} // 60;
my ($uid, $gid) = (getpwnam('nobody'))[2, 3];
my $scratch = Tlspolicy::Scratch->new;
my $rules = $scratch->write('rules', "TLS_Clt:a.example PERM+ENCR:112\n",
    0600);
my $key = $scratch->write('key', "only root reads this\n", 0600);
my $canary = $scratch->write('canary', "{\"canary\":1}\n" x 1000, 0600);
my $store = $scratch->path('policy.mdb');
my $number = 0;

sub run
{
	return Tlspolicy::Scratch::run({ timeout => 20 }, $tlspolicy, @_);
}

is(run('build', '-d', $store, $rules)->{status}, 0, 'a store');

# A log of the user's, with one record, and the settings that name it.
sub folder
{
	my $dir = $scratch->path('own' . ++$number);
	mkdir $dir, 0755;
	chown $uid, $gid, $dir;
	my $conf = $scratch->write("conf$number",
	    "audit-file = $dir/log\nstore = $store\nrules = $rules\n");
	return ($dir, $conf);
}

# What a process of the user does in the folder.
sub as_user
{
	my ($code) = @_;
	defined(my $pid = fork) or die "fork: $!\n";
	if (!$pid) {
		$( = $gid;
		$) = "$gid $gid";
		POSIX::setuid($uid);
		umask 022;
		$code->();
		POSIX::_exit(0);
	}
	return $pid;
}

my @commands = (['audit show'], ['audit show', '--json'],
    ['audit why', 'session'], ['audit verify'], ['audit verify', '-k', $key],
    ['audit head'], ['report'], ['suggest'], ['replay'],
    ['replay', '-r', $rules], ['doctor', '--postfix', '/nonexistent']);

sub command
{
	my ($conf, $command) = @_;
	my ($words, @rest) = @$command;
	my ($first, @more) = split ' ', $words;
	return run($first, @more, '-c', $conf, @rest);
}

sub unseen
{
	my ($r, $name) = @_;
	is($r->{signal}, 0, "$name ends by itself");
	unlike($r->{out} . $r->{err}, qr/canary/, "$name shows nothing");
	unlike($r->{out} . $r->{err}, qr/\(column|:\d+:\d+: expected/,
	    "$name has read nothing");
}

my %trap = (
	'a link' => [qr/Permission denied/,
	    sub { symlink $canary, "$_[0]/log" }],
	'a FIFO' => [qr/is a stream: name the files that hold/,
	    sub { POSIX::mkfifo("$_[0]/log", 0666) }],
	'a link to a device' => [qr/no regular file/,
	    sub { symlink '/dev/zero', "$_[0]/log" }],
	'a link to a terminal' => [qr/no regular file|cannot open/,
	    sub { symlink '/dev/tty', "$_[0]/log" }],
	'a link to standard input' => [qr/no regular file|cannot open/,
	    sub { symlink '/proc/self/fd/0', "$_[0]/log" }],
	'a socket' => [qr/No such device or address/, sub {
		IO::Socket::UNIX->new(Local => "$_[0]/log", Listen => 1) }],
	'a folder' => [qr/Is a directory/, sub { mkdir "$_[0]/log" }],
	'a FIFO that looks rotated' => [qr/no regular file/, sub {
		open my $fh, '>', "$_[0]/log";
		POSIX::mkfifo("$_[0]/log.1", 0666) }],
);

for my $name (sort keys %trap) {
	subtest $name => sub {
		my ($says, $set) = @{$trap{$name}};
		for my $command (@commands) {
			my ($dir, $conf) = folder();
			waitpid as_user(sub { $set->($dir) }), 0;
			my $r = command($conf, $command);
			my $word = join ' ', @$command;
			unseen($r, $word);
			next if $name =~ /rotated/ &&
			    $word =~ /^(?:audit head|doctor)/;
			isnt($r->{status}, 0, "$word fails");
			# The daemon may write there, so doctor has nothing to say.
			next if $name eq 'a FIFO' && $word =~ /^doctor/;
			like($r->{out} . $r->{err}, $says, "$word says why");
			next if $name eq 'a FIFO'; # nobody reads it
			like($r->{err}, qr/log(?:\.1)? is in the hands of user nobody: going on/,
			    "$word says who reads");
		}
	};
}

subtest 'named by hand' => sub {
	my ($dir) = folder();
	waitpid as_user(sub { symlink $canary, "$dir/x" }), 0;
	for my $command ('show', 'verify', 'head') {
		my $r = run('audit', $command, "$dir/x");
		unseen($r, $command);
		is($r->{status}, 66, "$command: exit 66");
	}
	POSIX::mkfifo($scratch->path('fifo'), 0600);
	is(run('audit', 'show', $scratch->path('fifo'))->{status}, 66,
	    'a FIFO of root\'s own');
};

subtest 'what the caller has opened' => sub {
	my ($dir, $conf) = folder();
	my $r = Tlspolicy::Scratch::run({ timeout => 20 }, 'bash', '-c',
	    '"$1" audit show <(printf x) && "$1" audit show - </dev/null && ' .
	    'printf y | "$1" audit show /dev/stdin', 'bash', $tlspolicy);
	is($r->{signal}, 0, 'pipes are read');
	unlike($r->{err}, qr/no regular file/, 'as they are');
	my $link = $scratch->path('link');
	symlink $scratch->write('empty', ''), $link;
	is(run('audit', 'show', $link)->{status}, 0, 'a link of root\'s own');
};

# In a folder that a group may write to a log of root's is not read; a user's is,
# with that user's rights.
subtest 'a folder of root\'s that a group may write to' => sub {
	my $dir = $scratch->path('group');
	mkdir $dir;
	chown 0, $gid, $dir;
	chmod 0775, $dir;
	open my $fh, '>', "$dir/log" or die;
	close $fh;
	my $r = run('audit', 'show', "$dir/log");
	is($r->{status}, 78, 'root\'s file there is not read');
	like($r->{err}, qr/others may write to it/, 'and it says why');
	chown $uid, $gid, "$dir/log";
	$r = run('audit', 'show', "$dir/log");
	is($r->{status}, 0, 'a user\'s is');
	like($r->{err}, qr/going on as that user/, 'by that user');
};

# The daemon makes no core file and cannot be traced: either would give the key
# away.
subtest 'a daemon with a key' => sub {
	my $dir = $scratch->path('daemon');
	mkdir $dir, 0755;
	chown $uid, $gid, $dir;
	chmod 0711, $scratch->path('');
	my $program = $scratch->for_all('tlspolicy-milter');
	my $secret = $scratch->write('daemon/key', "some words that seal\n", 0600);
	chown $uid, $gid, $secret;
	for my $keyed (0, 1) {
		my $conf = $scratch->write("daemon/conf$keyed",
		    "store = $dir/none.mdb\nsocket = unix:$dir/sock$keyed\n" .
		    "audit-file = $dir/log$keyed\n" .
		    ($keyed ? "audit-key-file = $secret\n" : ''), 0644);
		my $pid = as_user(sub {
			open STDERR, '>', "$dir/err$keyed";
			exec $program, '-c', $conf;
		});
		ok(Tlspolicy::Scratch::wait_for(60, sub {
			-S "$dir/sock$keyed" }), 'it starts') or
			diag(Tlspolicy::Scratch::slurp("$dir/err$keyed"));
		is((stat "/proc/$pid/mem")[4], $keyed ? 0 : $uid, $keyed ?
		    'its memory is not the user\'s to read' :
		    'without a key it is like any other');
		kill 'TERM', $pid;
		waitpid $pid, 0;
	}
};

subtest "$rounds rounds against a racing process" => sub {
	my ($dir, $conf) = folder();
	my $racer = as_user(sub {
		my ($parent, $end) = (getppid, 0);
		$SIG{TERM} = sub { $end = 1 };
		open my $fh, '>', "$dir/kept";
		close $fh;
		while (!$end && getppid == $parent) {
			symlink $canary, "$dir/l";
			rename "$dir/l", "$dir/log";
			POSIX::mkfifo("$dir/f", 0666);
			rename "$dir/f", "$dir/log";
			link "$dir/kept", "$dir/h";
			rename "$dir/h", "$dir/log";
		}
	});
	my %ends;
	for my $round (1 .. $rounds) {
		my $r = command($conf, $commands[$round % @commands]);
		$ends{$r->{signal} ? "signal $r->{signal}" : $r->{status}}++;
		$ends{seen}++ if "$r->{out}$r->{err}" =~ /canary/;
	}
	kill 'TERM', $racer;
	waitpid $racer, 0;
	my @odd = grep { !/^(?:0|1|65|66|69|74|75|77|78)$/ } keys %ends;
	is("@odd", '', 'commands work or fail with a code that is told');
	diag(join ', ', map { "$ends{$_} x exit $_" } sort keys %ends);
};

done_testing;
