#!/usr/bin/perl
#
# What happens to the files of a store under a running daemon: cut off, written
# over, without a lock file, not to be read.  It answers as on-error says, logs
# one line, and goes on without a restart when the cause is gone.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Copy qw(copy);
use Test::More;
use Time::HiRes qw(sleep);
use Tlspolicy::Talk;

my $perm = "TLS_Clt:example.com PERM+ENCR:112\n";
my $temp = "TLS_Clt:example.com TEMP+ENCR:112\n";
my %refused = ($perm => [550, '5.7.10'], $temp => [451, '4.7.10']);
my $error = [451, '4.3.0'];
my ($daemon, $store);

sub mail
{
	my $m = session($daemon) or return { action => 'closed' };
	my $r = $m->mail('a@example.com');
	$m->quit;
	return $r;
}

sub becomes
{
	my ($want, $name) = @_;
	my $r;
	Tlspolicy::Scratch::wait_for(60, sub {
		$r = mail();
		return ref $want ? ($r->{code} // 0) == $want->[0] &&
		    $r->{dsn} eq $want->[1] : $r->{action} eq $want;
	});
	return answer_is($r, $want, $name);
}

sub build
{
	my ($rules) = @_;
	my $r = $daemon->rules($rules);
	is($r->{status}, 0, 'build') or diag($r->{err});
	becomes($refused{$rules}, 'its rules are in force');
}

# Waits for two looks of the daemon at its store: the log has one line about it.
sub said_once
{
	my ($what, $length) = @_;
	logged($daemon, $what, 'the log says why');
	sleep 2.2;
	my $new = substr $daemon->log, $length;
	# What else lies in the folder has its own line, and one only as well.
	my %said;
	$said{/(state\.audit)/ || /(policy\.mdb|audit log)/ ? $1 : $_}++
	    for split /\n/, $new;
	is(join(', ', map { "$_ $said{$_}" } grep { $said{$_} != 1 ||
	    !/^(?:policy\.mdb|audit log|state\.audit)$/ } sort keys %said), '',
	    'in one line') or diag($new);
	is($said{'policy.mdb'}, 1, 'of the store');
}

# The store is open again, and the log has its line, which may come after the
# first answer: it is none of those that are counted next.
sub opened
{
	my ($length) = @_;
	ok(Tlspolicy::Scratch::wait_for(60, sub {
		substr($daemon->log, $length) =~ /^.*store .*: generation \d+, /m }),
	    'the log says that it is open') or diag($daemon->log);
}

sub clobber
{
	my ($text) = @_;
	open my $fh, '+<', $store or die "$store: $!\n";
	print $fh $text;
	close $fh or die "$store: $!\n";
}

# The file stays, its contents are spoilt, and restored.
sub spoilt
{
	my ($name, $how, $why) = @_;
	subtest $name => sub {
		copy($store, "$store.good") or die "$store.good: $!\n";
		my $m = session($daemon);
		my $length = length $daemon->log;
		$how->();
		answer_is($m->mail('a@example.com'), $error,
		    'an open session: 451 4.3.0 at once');
		answer_is(mail(), $error, 'a new one: 451 4.3.0');
		said_once($why, $length);
		copy("$store.good", $store) or die "$store: $!\n";
		becomes($refused{$perm}, 'put back: in force again');
		opened($length);
		answer_is($m->mail('a@example.com'), $refused{$perm},
		    'in the old session, too');
		build($temp);
		build($perm);
	};
}

sub in_place
{
	spoilt('cut off to nothing', sub { truncate $store, 0 },
	    qr/not a tlspolicy store \(0 bytes\)/);
	spoilt('cut off', sub { truncate $store, 8192 },
	    qr/cut off \(2 of \d+ pages\)/);
	spoilt('written over', sub { clobber('x' x 100_000) },
	    qr/not a tlspolicy store/);
	subtest 'empty, and built again' => sub {
		my $length = length $daemon->log;
		truncate $store, 0;
		becomes($error, '451 4.3.0');
		build($perm);
		opened($length);
	};
}

# Builders and a daemon that do not share a lock file know nothing of each
# other's transactions.
sub no_lock
{
	for my $rules ($temp, $perm, $perm, $temp, $perm) {
		unlink "$store-lock" or die "$store-lock: $!\n";
		build($rules);
	}
	build($temp);
	build($perm);
}

# Another program's LMDB file, and a store of another version.
sub foreign
{
	my ($name, $change, $why) = @_;
	subtest $name => sub {
		my $length = length $daemon->log;
		my $data = Tlspolicy::Scratch::slurp($store);
		$change->(\$data);
		scratch()->write('milter/policy.mdb', $data);
		becomes($error, '451 4.3.0');
		said_once($why, $length);
		my $r = $daemon->tlspolicy('build');
		is($r->{status}, 65, 'is not built over: 65');
		like($r->{err}, $why, 'and says why');
		unlink $store or die "$store: $!\n";
		build($perm);
		opened($length);
	};
}

subtest 'the same file' => sub {
	$daemon = daemon($perm);
	$store = $daemon->{store};
	in_place();
};

subtest 'removed, and built again at once' => sub {
	for my $rules ($temp, $perm, $temp, $perm) {
		unlink $store or die "$store: $!\n";
		build($rules);
	}
};

subtest 'the lock file removed' => \&no_lock;

subtest 'another file' => sub {
	foreign('of another program',
	    sub { ${$_[0]} =~ s/tlspolcy/whatever/g },
	    qr/an LMDB file, but not a tlspolicy store/);
	foreign('of another version',
	    sub { ${$_[0]} =~ s/tlspolcy\K..../pack 'L', 77/gse },
	    qr/format version 77 of another program/);
	foreign('cut short', sub { substr(${$_[0]}, 2 * 4096) = '' },
	    qr/cut off/);
};

subtest 'on-error = accept' => sub {
	$daemon->configure('on-error' => 'accept');
	$daemon->hup;
	copy($store, "$store.good");
	truncate $store, 0;
	becomes('continue', 'cut off: accepted');
	is(($daemon->audit)[-1]{waiver}, 'on-error', 'and recorded as that');
	copy("$store.good", $store);
	becomes($refused{$perm}, 'put back: refused');
	is($daemon->stop, 0, 'the daemon ends');
};

subtest 'not to be read' => sub {
	plan skip_all => 'needs root' if $> != 0;
	my ($uid, $gid) = (getpwnam 'nobody')[2, 3];
	$daemon = Tlspolicy::Daemon->new(scratch => scratch(),
	    name => 'nobody', rules => $perm);
	my $own = "$daemon->{dir}/own";
	mkdir $own or die "$own: $!\n";
	chown $uid, $gid, $own;
	$daemon->{store} = $store = "$own/policy.mdb";
	$daemon->configure(user => 'nobody', store => $store,
	    'audit-file' => "$own/audit.log");
	is($daemon->rules($perm)->{status}, 0, 'build by root');
	$daemon->run;
	becomes($refused{$perm}, 'the group of the folder reads it');

	my $length = length $daemon->log;
	chown 0, 0, $own;
	chmod 0700, $own;
	becomes($error, 'the folder is closed: 451 4.3.0');
	logged($daemon, qr/audit log: .*: the file cannot be looked at/,
	    'the audit log in it cannot be looked at');
	said_once(qr/Permission denied/, $length);
	chmod 0755, $own;
	becomes($refused{$perm}, 'open again');
	opened($length);

	$length = length $daemon->log;
	chmod 0600, $store;
	answer_is(mail(), $refused{$perm}, 'what is open stays open');
	is(length $daemon->log, $length, 'without a word');
	my $r = $daemon->tlspolicy('build', '-d', "$store.new");
	is($r->{status}, 0, 'build') or diag($r->{err});
	chmod 0600, "$store.new";
	rename "$store.new", $store or die "$store: $!\n";
	becomes($error, 'replaced by one of root alone: 451 4.3.0');
	said_once(qr/Permission denied/, $length);
	chmod 0644, $store;
	becomes($refused{$perm}, 'readable again');
	is($daemon->stop, 0, 'the daemon ends');
};

done_testing;
