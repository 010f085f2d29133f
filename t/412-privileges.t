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
# tlspolicy.conf(5), store: commands that read need to write the lock file, the
# daemon does not.
subtest 'a lock file that the user cannot write' => sub {
	my $dir = $scratch->path('rooted');
	mkdir $dir, 0755;
	my $other = Tlspolicy::Daemon->new(scratch => $scratch, name => 'reader',
	    build => 0);
	$other->configure(user => 'nobody', 'audit-file' => '/dev/null',
	    store => "$dir/policy.mdb");
	$other->{store} = "$dir/policy.mdb";
	is($other->rules("TLS_Clt: PERM+ENCR:112\n")->{status}, 0, 'built by root');
	chown 0, 0, glob "$dir/policy.mdb*";
	chmod 0644, "$dir/policy.mdb";
	chmod 0600, "$dir/policy.mdb-lock";
	$other->run;
	my $answer = sub {
		my $m = session($other);
		my $got = $m->mail('a@example.com');
		$m->quit;
		return $got;
	};
	answer_is($answer->(), [550, '5.7.10'], 'the daemon judges');
	$other->rules("TLS_Clt: TEMP+ENCR:112\n");
	ok(Tlspolicy::Scratch::wait_for(60, sub { ($answer->()->{code} // 0) ==
	    451 }), 'and by the next policy');
	my $show = sub { Tlspolicy::Scratch::run('setpriv', "--reuid=$uid",
	    "--regid=$gid", '--clear-groups', $scratch->for_all('tlspolicy'),
	    'show', '-d', "$dir/policy.mdb", '-c', '/dev/null') };
	my $r = $show->();
	isnt($r->{status}, 0, 'a command of that user cannot read');
	like($r->{err}, qr/to write \S+-lock/, 'and says what it needs');
	chmod 0666, "$dir/policy.mdb-lock";
	is($show->()->{out}, "TLS_Clt:\tTEMP+ENCR:112\n",
	    'with the lock file it can');
	is($other->stop, 0, 'the daemon stops');
};

done_testing;
