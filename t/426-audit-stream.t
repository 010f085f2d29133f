#!/usr/bin/perl
#
# The audit log on standard output or a pipe, as in a container: nothing is
# accepted that nobody takes, the chain goes on, and a restart begins a new one
# which verify tells of.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Handle;
use POSIX ();
use Test::More;
use Tlspolicy::Talk;

my $n = 0;
my ($daemon, $got);

# under: a shell that sets up standard output, and then is the daemon.
sub start
{
	my ($audit, $redirect) = @_;
	my $name = 'd' . ++$n;
	$got = scratch()->path("$name.jsonl");
	my $to = ref $redirect ? $redirect->($got) : $redirect // '';
	$daemon = daemon("TLS_Clt:example.com PERM+ENCR:112\n", name => $name,
	    settings => { 'audit-file' => $audit },
	    under => ['sh', '-c', "exec \"\$@\" $to", 'sh']);
}

sub message
{
	my ($m, $id) = @_;
	$m->set(%tls, i => $id);
	$m->mail('a@example.com');
	$m->rcpt('b@example.org');
	return $m->message;
}

sub accept_is
{
	my ($id, $want) = @_;
	my $m = session($daemon);
	answer_is(message($m, $id), $want // 'continue', $id);
	$m->quit;
}

sub verify
{
	my ($file, @options) = @_;
	return $daemon->tlspolicy('audit', 'verify', @options, $file);
}

my $unrecorded = [451, '4.3.0'];

# A reader of a pipe that appends to a file; ended by its pid.
sub reader
{
	my ($fifo, $file) = @_;
	my $pid = fork // die "fork: $!\n";
	if (!$pid) {
		open my $in, '<', $fifo or POSIX::_exit(1);
		open my $out, '>>', $file or POSIX::_exit(1);
		$out->autoflush;
		while (sysread $in, my $bytes, 65536) {
			print $out $bytes;
		}
		POSIX::_exit(0);
	}
	scratch()->at_end(sub { Tlspolicy::Scratch::end_pid($pid)
	    if waitpid($pid, POSIX::WNOHANG) == 0 });
	return $pid;
}

sub fifo
{
	my $path = scratch()->path('fifo' . ++$n);
	POSIX::mkfifo($path, 0600) or die "$path: $!\n";
	return $path;
}

subtest 'standard output, started twice' => sub {
	start('/dev/stdout', sub { ">> $_[0]" });
	logged($daemon, qr{audit log /dev/stdout: .*; a stream: nothing is rotated}, 'said');
	accept_is('first');
	$daemon->hup;
	accept_is('after HUP');
	is($daemon->stop, 0, 'stopped');
	my $r = verify($got);
	is($r->{status}, 0, 'one chain is whole') or diag($r->{out}, $r->{err});
	like($r->{out}, qr/^whole: \d+ lines in 1 file\nhead: /, 'and is one');
	my ($head) = $r->{out} =~ /^head: (\w+)/m;
	my $first = Tlspolicy::Scratch::slurp($got);
	like($first, qr/\A\{[^\n]*"event":"link"[^\n]*"previous":"0{64}","torn":0,"why":"stream"/, 'its link');

	$daemon->run;
	accept_is('second');
	accept_is('third');
	is($daemon->stop, 0, 'stopped again');
	my $all = Tlspolicy::Scratch::slurp($got);
	my $at = 1 + ($first =~ tr/\n//);
	$r = verify($got);
	is($r->{status}, 0, 'two chains are whole') or diag($r->{out}, $r->{err});
	like($r->{out}, qr/^whole: \d+ lines in 1 file, 2 chains$/m, 'counted');
	like($r->{err}, qr/^\Q$got\E:$at: a new chain begins, .*cannot be told$/m, 'and where');
	is(verify($got, '--head', $head)->{status}, 0, 'a head of the first one');

	my $breaks = sub {
		my ($name, $text, $word, @options) = @_;
		my $file = scratch()->write('changed', $text);
		my $r = verify($file, @options);
		is($r->{status}, 65, "$name: exit 65") or diag($r->{out}, $r->{err});
		like($r->{out}, qr/^broken: $word$/m, "$name: $word");
	};
	my @lines = split /^/, $all;
	$breaks->('a line of the first chain', $all =~ s/"queue_id":"first"/"queue_id":"f"/r, 'changed');
	$breaks->('a line of the second chain', $all =~ s/"queue_id":"second"/"queue_id":"f"/r, 'changed');
	$breaks->('a line left out', join('', @lines[0 .. $at - 1], @lines[$at + 1 .. $#lines]), 'dropped');
	$breaks->('the end of the first, with its head', join('', @lines[0 .. $at - 3], @lines[$at - 1 .. $#lines]),
	    'cut', '--head', $head);
	$breaks->('a link of no stream', $all =~ s/(?<=\n)(.*"event":"link".*),"why":"stream"/$1/r, 'added');
	$breaks->('half a line before the second', join('', @lines[0 .. $at - 2], '{"v":1,', @lines[$at - 1 .. $#lines]), '\w+');

	for (['audit', 'show'], ['audit', 'verify'], ['audit', 'head'], ['report']) {
		$r = $daemon->tlspolicy(@$_);
		is($r->{status}, 66, "@$_ without a file: exit 66");
		like($r->{err}, qr{setting audit-file: /dev/stdout is a stream: name the files}, 'and why');
	}
	$r = Tlspolicy::Scratch::run(Tlspolicy::Daemon::program('tlspolicy-milter'), '-t', '-c', $daemon->{conf});
	like($r->{out}, qr{^audit log /dev/stdout: a stream, with a new chain from each start$}m, 'the test of settings');
	$r = $daemon->tlspolicy('audit', 'show', $got);
	like($r->{out}, qr/id=first.*id=second/s, 'the file is read by its name');
};

subtest 'a pipe whose reader goes and comes' => sub {
	my $pipe = fifo();
	my $file = scratch()->path("collected$n");
	my $reader = reader($pipe, $file);
	start($pipe);
	accept_is('one');
	Tlspolicy::Scratch::wait_for(60, sub { Tlspolicy::Scratch::slurp($file) =~ /"one"/ });
	kill 'TERM', $reader;
	waitpid $reader, 0;
	accept_is('nobody reads', $unrecorded);
	ok($daemon->alive, 'the daemon stays');
	$reader = reader($pipe, $file);
	my $m = session($daemon);
	ok(Tlspolicy::Scratch::wait_for(60, sub { message($m, 'again')->{action} eq 'continue' }),
	    'somebody reads again');
	$m->quit;
	is($daemon->stop, 0, 'stopped');
	waitpid $reader, 0;
	my $r = verify($file);
	is($r->{status}, 0, 'one chain, whole') or diag($r->{out}, $r->{err});
	unlike($r->{out}, qr/chains/, 'and one only');
	like(Tlspolicy::Scratch::slurp($file), qr/"one".*"again"/s, 'both are in it');
	like($daemon->tlspolicy('audit', 'show', $file)->{out},
	    qr/ withdrawn accept id=nobody reads /, 'what was refused is withdrawn');
};

subtest 'a reader that does not read' => sub {
	my $pipe = fifo();
	open my $in, '+<', $pipe or die "$pipe: $!\n";
	start($pipe);
	my $m = session($daemon);
	my ($told, $reply) = (0);
	while (($reply = message($m, 'm' . $told))->{action} eq 'continue') {
		last if ++$told > 5000;
	}
	answer_is($reply, $unrecorded, "full after $told");
	my $read = '';
	my $reader = sub {
		my $bits = '';
		vec($bits, fileno $in, 1) = 1;
		sysread $in, $read, 65536, length $read
		    while select my $ready = $bits, undef, undef, 0.2;
	};
	ok(Tlspolicy::Scratch::wait_for(60, sub { $reader->();
	    message($m, 'later')->{action} eq 'continue' }), 'taken again');
	$m->quit;
	is($daemon->stop, 0, 'stopped');
	$reader->();
	my $file = scratch()->write("read$n", $read);
	is(verify($file)->{status}, 0, 'what was read is whole');
	my @missing = grep { $read !~ /"queue_id":"m$_"/ } 0 .. $told - 1;
	is("@missing", '', 'all that were accepted are there');
};

subtest 'no log at all' => sub {
	my $refused = sub {
		my ($audit, $redirect, $why, $name) = @_;
		# Its socket is there before it looks at the log.
		eval {
			start($audit, $redirect);
			Tlspolicy::Scratch::wait_for(60, sub {
				!$daemon->alive });
			die $daemon->log;
		};
		like($@, $why, $name);
	};
	$refused->(fifo(), undef, qr{setting audit-file: nobody reads /}, 'a pipe that nobody reads');
	$refused->('/dev/stdout', '> /dev/null', qr{setting audit-file: standard output is a device, which keeps nothing}, 'a device');
	$refused->('/dev/stdout', '> /dev/full', qr{setting audit-file: standard output is a device, which keeps nothing}, 'one that is always full');
	$refused->('/dev/stdout', '>&-', qr{setting audit-file: }, 'closed');
	$refused->('/dev/full', '', qr{is not a regular file, nor a pipe}, 'another device');
	$refused->('/dev/fd/1', '', qr{cannot append to /dev/fd/1}, 'a link to it');
};

done_testing;
