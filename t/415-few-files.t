#!/usr/bin/perl
# Too few descriptors to serve anybody: the daemon says so and does not start.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Talk;

my $scratch = scratch();
my $program = Tlspolicy::Daemon::program('tlspolicy-milter');
my $daemon = Tlspolicy::Daemon->new(scratch => $scratch,
    rules => "TLS_Clt: PERM+ENCR:112\n");
$daemon->configure;
my $socket = "$daemon->{dir}/milter.sock";
for my $n (12, 20, 40, 63) {
	my $r = Tlspolicy::Scratch::run({ timeout => 20 }, 'sh', '-c',
	    "ulimit -n $n; exec \"\$@\"", 'sh', $program, '-c',
	    $daemon->{conf});
	is($r->{status}, 69, "$n files: exit 69");
	like($r->{err}, qr/at most $n files may be open.*expected 64 or more/,
	    'and why');
	ok(!-e $socket, 'and leaves no socket');
}

my $pid = Tlspolicy::Scratch::start_child('sh', '-c',
    'ulimit -n 64; exec "$@"', 'sh', $program, '-c', $daemon->{conf},
    { out => $scratch->path('out'), err => $scratch->path('err') });
ok(Tlspolicy::Scratch::wait_for(60, sub { -S $socket }),
    '64 files: it starts') or diag(Tlspolicy::Scratch::slurp(
    $scratch->path('err')));
ok(Tlspolicy::Scratch::wait_for(60, sub { Tlspolicy::Milter->connect(
    $daemon->socket) }), 'takes connections');
my $m = Tlspolicy::Milter->connect($daemon->socket);
ok($m->negotiate, 'and serves');
kill 'TERM', $pid;
waitpid $pid, 0;
is($?, 0, 'and ends');
done_testing;
