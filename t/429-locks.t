#!/usr/bin/perl
#
# Who may read the policy may write the store's lock file, and so hold all that
# LMDB locks in it, for ever: the daemon judges all the same, by what is built,
# put in the place of the store, and after its own start.  The command says who
# it is and ends.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Fcntl qw(F_SETLK F_RDLCK F_WRLCK F_UNLCK O_RDWR SEEK_SET);
use File::Copy qw(copy);
use Test::More;
use Tlspolicy::Talk;

# In LMDB's lock file: two mutexes, whose first word names who has them.
use constant { READERS => 8, WRITERS => 64 };

my ($perm, $temp) = ([550, '5.7.10'], [451, '4.7.10']);
my $daemon = daemon("TLS_Clt:example.com PERM+ENCR:112\n");
my $store = $daemon->{store};
my $other = scratch()->path('other.mdb');
my $rules = scratch()->write('other', "TLS_Clt:example.com TEMP+ENCR:112\n");
Tlspolicy::Scratch::must(Tlspolicy::Daemon::program('tlspolicy'), 'build',
    '-d', $other, $rules);

sysopen my $lock, "$store-lock", O_RDWR or die "$store-lock: $!\n";

sub lock_byte
{
	my ($type) = @_;
	fcntl $lock, F_SETLK, pack 's s x4 q q l x4', $type, SEEK_SET, 0, 1, 0
	    or die "fcntl: $!\n";
}

sub put_word
{
	my ($at, $word) = @_;
	sysseek $lock, $at, SEEK_SET and
	    syswrite $lock, pack 'L', $word or die "$store-lock: $!\n";
}

sub hold
{
	lock_byte(F_RDLCK); # as any reader; the mutexes are not made anew then
	put_word($_, 1) for READERS, WRITERS;
	lock_byte(F_WRLCK);
}

# Sessions at once, more than the daemon has cached transactions for.
sub answers
{
	my ($want, $name) = @_;
	my @sessions = map { session($daemon) } 1 .. 20;
	my $wrong = grep { my $r = $_->mail('a@example.com');
	    ($r->{code} // '') ne $want->[0] ||
	    ($r->{dsn} // '') ne $want->[1] } @sessions;
	is($wrong, 0, $name);
	$_->quit for @sessions;
}

$SIG{ALRM} = sub { print "Bail out! hangs\n"; kill 'KILL', $daemon->{pid};
    exit 1 };
alarm 240;

answers($perm, 'before');
hold();
answers($perm, 'all is held');

subtest 'the command' => sub {
	for (['show'], ['set', 'TLS_Clt:a.example', 'OK'],
	    ['check', 'client_name=a.example'])
	{
		my $r = $daemon->tlspolicy(@$_);
		is($r->{status}, 69, "$_->[0]: exit code");
		like($r->{err}, qr/^tlspolicy: \Q$store\E: process $$ has locked the store and did not let go/m, 'and who it is');
	}
	answers($perm, 'nothing has changed');
};

# The locks of the old store stay held; the new store's lock file is another one.
subtest 'another store' => sub {
	copy($other, "$store.new") or die "$store.new: $!\n";
	rename "$store.new", $store or die "$store: $!\n";
	Tlspolicy::Scratch::wait_for(60, sub {
		my $m = session($daemon);
		my $r = $m->mail('a@example.com');
		$m->quit;
		return $r->{code} eq $temp->[0];
	});
	answers($temp, 'judges');
};

subtest 'a start' => sub {
	$daemon->kill_hard;
	$daemon->run;
	answers($temp, 'serves');
	is($daemon->stop, 0, 'and ends');
	$daemon->run;
};

put_word($_, 0) for READERS, WRITERS;
lock_byte(F_UNLCK);
is($daemon->rules("TLS_Clt:example.com PERM+ENCR:112\n")->{status}, 0,
    'who lets go is forgotten');
answers($perm, 'the next policy');
is($daemon->stop, 0, 'the daemon ends');
done_testing;
