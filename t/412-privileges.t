#!/usr/bin/perl
# From root to a user, for good.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Talk;

plan skip_all => 'needs root' if $> != 0;

# What is given away needs a folder of its own.
my $scratch = scratch();
my ($uid, $gid) = (getpwnam('nobody'))[2, 3];
my $own = $scratch->path('own');
mkdir $own;
chown $uid, $gid, $own;

my $daemon = Tlspolicy::Daemon->new(scratch => $scratch,
    rules => "TLS_Clt: PERM+ENCR:112\n");
$daemon->configure(user => 'nobody', 'audit-file' => "$own/audit.log",
    store => "$own/policy.mdb");
$daemon->{store} = "$own/policy.mdb";
is($daemon->rules("TLS_Clt: PERM+ENCR:112\n")->{status}, 0, 'build');
chown $uid, $gid, glob "$own/policy.mdb*";
$daemon->run;

# The daemon's /proc/PID/status once it is no longer root: its socket exists a
# moment before that.
sub status
{
	my %status;
	Tlspolicy::Scratch::wait_for(60, sub {
		%status = map { /^(\w+):\s*(.*)/ } split /\n/,
		    Tlspolicy::Scratch::slurp("/proc/$daemon->{pid}/status");
		return $status{Uid} !~ /^0/ && $status{NoNewPrivs};
	});
	return %status;
}

my %status = status();
is($status{Uid}, join("\t", ($uid) x 4), 'user');
is($status{Gid}, join("\t", ($gid) x 4), 'group');
unlike(" $status{Groups} ", qr/ 0 /, 'not in the group of root');
is($status{CapEff}, '0' x 16, 'no capability');
is($status{NoNewPrivs}, 1, 'and no way to any');

my $m = session($daemon);
answer_is($m->mail('a@example.com'), [550, '5.7.10'], 'judges');
my @stat = stat "$own/audit.log";
is($stat[4], $uid, 'owner of the audit log');
is(sprintf('%o', $stat[2] & 07777), '640', 'its mode');

# The audit file is opened anew by the user, too.
rename "$own/audit.log", "$own/audit.log.1";
$daemon->hup;
ok(Tlspolicy::Scratch::wait_for(60, sub { -e "$own/audit.log" }),
    'HUP opens the audit log');
is((stat "$own/audit.log")[4], $uid, 'as the user');

is($daemon->stop, 0, 'stops');

$daemon->configure(user => $uid, 'socket-group' => $gid,
    'audit-file' => "$own/audit.log", store => "$own/policy.mdb");
$daemon->run;
%status = status();
is($status{Uid}, join("\t", ($uid) x 4), 'a user by number');
is((stat "$daemon->{dir}/milter.sock")[5], $gid, 'a group by number');
done_testing;
