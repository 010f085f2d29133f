#!/usr/bin/perl
# The command line, the settings, -t, and what keeps the daemon from starting.
use strict;
use warnings;
use FindBin;
use POSIX ();
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Talk;

my $daemon = daemon("TLS_Clt:example.com PERM+ENCR:112\n");
$daemon->stop;
my $program = Tlspolicy::Daemon::program('tlspolicy-milter');
my $dir = scratch()->dir;

sub run
{
	return Tlspolicy::Scratch::run({ timeout => 10 }, $program, @_);
}

# Settings that keep the daemon from starting: exit code and words.
sub fails
{
	my ($settings, $code, $words, $name) = @_;
	$daemon->configure(%$settings);
	my $r = run('-c', $daemon->{conf});
	is($r->{status}, $code, "$name: exit code") or diag($r->{err});
	like($r->{err}, $words, "$name: words");
}

subtest 'the command line' => sub {
	my $r = run('-V');
	is($r->{status}, 0, '-V');
	like($r->{out}, qr/^tlspolicy-milter \d+\.\d+\S*$/m, 'the version');
	$r = run('-h');
	is($r->{status}, 0, '-h');
	like($r->{out}, qr/^usage: tlspolicy-milter .*-c CONF/, 'usage');
	like($r->{out}, qr/^  -t /m, 'options');
	is(run('--version')->{out}, run('-V')->{out}, '--version');
	is(run('--help')->{out}, run('-h')->{out}, '--help');
	for (['-x'], ['--no-such'], ['--help=x'], ['-c'], ['-t', 'file']) {
		$r = run(@$_);
		is($r->{status}, 64, "@$_");
		like($r->{err}, qr/^usage:/m, 'says how');
	}
};

subtest '-t' => sub {
	$daemon->configure('socket-mode' => '0620', 'socket-group' => 'daemon',
	    user => $> == 0 ? 'nobody' : '');
	my $as = $> == 0 ? 'user nobody' : 'the user who starts it';
	my $r = run('-t', '-c', $daemon->{conf});
	is($r->{status}, 0, 'good settings') or diag($r->{err});
	like($r->{out}, $_, "says $_") for
	    qr/^settings \Q$daemon->{conf}\E: good$/m,
	    qr{^listens on unix:\S+/milter\.sock, mode 0620, group daemon$}m,
	    qr/^runs as $as$/m, qr/^mode: enforce$/m,
	    $> != 0 ? () : (qr/^store: .*policy\.mdb/m, qr/451 4\.3\.0/);
	$daemon->configure;
	$r = run('-t', '-c', $daemon->{conf});
	like($r->{out}, qr/^store \S+: generation 1, 1 rules$/m,
	    'a store that can be read');
	unlike($r->{out}, qr/TLS_Header/, 'without rules about the header');
	$daemon->tlspolicy('set', 'TLS_Header:a.example', 'TEMP+VERIFY');
	like(run('-t', '-c', $daemon->{conf})->{out},
	    qr/^  its rules of TLS_Header have no say: header-from = no$/m,
	    'with one that nobody asks');
	$daemon->configure('header-from' => 'judge');
	unlike(run('-t', '-c', $daemon->{conf})->{out}, qr/TLS_Header/,
	    'with one that is asked');
	$daemon->tlspolicy('del', 'TLS_Header:a.example');
	$daemon->configure;
	ok(!-e "$daemon->{dir}/milter.sock", 'nothing listens');
	$daemon->configure('exempt-clients' => '10.0.0.0/8, 0.0.0.0/0, ::/0');
	my @exempt = run('-t', '-c', $daemon->{conf})->{out} =~
	    /^exempt-clients: every (\S+) client, none is refused$/mg;
	is("@exempt", 'IPv4 IPv6', 'that everybody is exempt');
	$daemon->configure(mode => 'on', 'socket-mode' => '999');
	$r = run('-t', '-c', $daemon->{conf});
	is($r->{status}, 78, 'bad settings');
	like($r->{err}, qr/setting mode: /, 'the first one');
	like($r->{err}, qr/setting socket-mode: /, 'and the second');
};

# What -t finds beside the settings does not change its exit status.
subtest '-t: what it would do' => sub {
	my $full = scratch()->write('nolog', 'x' x 7);
	my $as = $> == 0 ? 'root' : 'the user who starts it';
	for ([{}, qr/^metrics: off$/m, qr/^audit log \S+: \d+ bytes$/m,
		qr/^runs as $as$/m],
	    [{ mode => 'monitor' }, qr/^mode: monitor, nothing is refused$/m],
	    [{ 'on-error' => 'accept', store => "$dir/no.mdb" },
		qr{^store: .*no\.mdb.*\n  until there is one, mail is accepted$}m],
	    [{ store => "$dir/no.mdb" },
		qr{^store: .*no\.mdb.*\n  .*answered with 451 4\.3\.0$}m],
	    [{ store => $full }, qr/^store: .*nolog/m, qr/451 4\.3\.0$/m],
	    [{ 'audit-file' => '/dev/null' }, qr/^audit log: off$/m],
	    [{ 'audit-file' => "$dir/new.log" },
		qr{^audit log \S+/new\.log: will be made$}m],
	    [{ 'audit-file' => $full }, qr/^audit log \S+: 7 bytes$/m],
	    [{ 'audit-file' => "$full/log" },
		qr{^audit log \S+: Not a directory$}m],
	    [{ socket => 'inet:2525@127.0.0.1' },
		qr/^listens on inet:2525\@\[127\.0\.0\.1\]$/m],
	    [{ socketmap => 'inet6:2526@::1', metrics => 'inet:9@127.0.0.1' },
		qr/^serves the socketmap on inet6:2526\@\[::1\]$/m,
		qr/^metrics: inet:9\@127\.0\.0\.1$/m],
	    [{ socketmap => "unix:$dir/map", 'socketmap-mode' => '0640',
		'socketmap-group' => 1 },
		qr/^serves the socketmap on \S+map, mode 0640, group 1$/m]) {
		my ($settings, @words) = @$_;
		$daemon->configure(%$settings);
		my $r = run('-t', '-c', $daemon->{conf});
		my $name = join ' ', %$settings;
		is($r->{status}, 0, "$name: exit code") or diag($r->{err});
		like($r->{out}, $_, "$name: words") for @words;
	}
	ok(!-e "$dir/$_", "$_ was not made") for 'new.log', 'map', 'no.mdb';
	$daemon->configure;
	my $r = Tlspolicy::Scratch::run('sh', '-c',
	    "$program -t -c $daemon->{conf} >/dev/full");
	is($r->{status}, 74, 'what nobody can read is no success');
};

subtest 'settings' => sub {
	my $r = run('-c', "$dir/none.conf");
	is($r->{status}, 66, 'a file that is not there');
	like($r->{err}, qr/none\.conf/, 'is named');
	fails({ 'no-such-setting' => 1 }, 78, qr/no-such-setting/, 'a name');
	fails({ user => 'no-such-user' }, 78,
	    qr/setting user: there is no user "no-such-user"/, 'a user');
	fails({ 'socket-group' => 'no-such-group' }, 78,
	    qr/setting socket-group: there is no group "no-such-group"/,
	    'a group');
};

subtest 'sockets' => sub {
	my $n = 0;
	for ('foo:bar', 'foo', 'unix:', 'unix:relative/path', 'inet:25',
	    'inet:0@127.0.0.1', 'inet:65536@127.0.0.1', 'inet:x@127.0.0.1',
	    'inet:2500@', 'inet:2500@no such host',
	    'unix:/' . 'x' x 120) {
		fails({ socket => $_ }, 78, qr/setting socket: /, "'$_'");
	}
	fails({ socket => "unix:$dir/no/such/dir/sock" }, 69,
	    qr{setting socket: there is no folder $dir/no/such/dir for the socket; .*: install -d -o \S+ -m 755 $dir/no/such/dir$}m,
	    'a folder that is not there, and how it is made');
	fails({ socket => "unix:$dir/ok.sock",
	    socketmap => "unix:$dir/no/map" }, 69,
	    qr{setting socketmap: there is no folder $dir/no for the socket; },
	    "the socketmap's folder");
};

subtest 'the audit log' => sub {
	my $me = getpwuid $>;
	fails({ 'audit-file' => "$dir/no/audit.log" }, 74,
	    qr{setting audit-file: there is no folder $dir/no for the audit log; .*: install -d -o $me -m 750 $dir/no$}m, 'no folder');
	ok(!-e "$daemon->{dir}/milter.sock", 'the socket is removed again');
};

# The store or the log must not become what messages are printed into.
subtest 'descriptors 0 to 2 closed' => sub {
	$daemon->configure;
	my $pid = fork // die "fork: $!\n";
	if ($pid == 0) {
		POSIX::close($_) for 0 .. 2;
		exec $program, '-c', $daemon->{conf} or POSIX::_exit(127);
	}
	ok(Tlspolicy::Scratch::wait_for(60,
	    sub { -S "$daemon->{dir}/milter.sock" }), 'it starts');
	is(readlink "/proc/$pid/fd/$_", '/dev/null', "$_ is taken") for 0 .. 2;
	kill 'TERM', $pid;
	waitpid $pid, 0;
	is($?, 0, 'it stops');
	is($daemon->tlspolicy('audit', 'verify')->{status}, 0,
	    'nothing was printed into the log');
};

done_testing;
