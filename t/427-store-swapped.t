#!/usr/bin/perl
#
# Whoever owns the store's folder puts something else in the place of the store
# or its lock file just when LMDB opens it: neither the command nor the daemon waits for ever, nothing is written
# elsewhere, and it is said what is wrong.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::UNIX;
use POSIX ();
use Test::More;
use Tlspolicy::Fault;
use Tlspolicy::Talk;

use constant { DEADLINE => 60, OWNER => 65534 }; # no user that has files

plan skip_all => $_ for grep { defined } Tlspolicy::Fault::missing('swap');

my $perm = "TLS_Clt:example.com PERM+ENCR:112\n";
my $others = "somebody else's bytes, to the end\n" x 3000;
my (@kept, $runs);

# What is put in the place of a name, and what the command says then.
my @kinds = (
	['a FIFO', sub { POSIX::mkfifo($_[0], 0600) or die "mkfifo: $!\n" }],
	['a socket', sub { push @kept, IO::Socket::UNIX->new(Local => $_[0],
	    Listen => 1) // die "socket: $!\n" }],
	['a folder', sub { mkdir $_[0] or die "mkdir: $!\n" }],
	['a device', sub { system('mknod', $_[0], 'c', 1, 5) == 0 or
	    die "mknod: $?\n" }],
	["another's file", sub {
		open my $fh, '>', $_[0] or die "$_[0]: $!\n";
		print $fh $others;
		close $fh;
		chmod 0600, $_[0];
	}],
	['nothing', sub {
		symlink scratch()->path('nowhere'), $_[0] or
		    die "symlink: $!\n";
	}],
);

# A folder with a store, and what waits beside it.
sub planted
{
	my ($make, $what) = @_;
	my $dir = scratch()->path('swap' . ++$runs);
	mkdir $dir or die "$dir: $!\n";
	my $store = "$dir/policy.mdb";
	scratch()->write('rules', $perm);
	Tlspolicy::Scratch::must(Tlspolicy::Daemon::program('tlspolicy'),
	    'build', '-d', $store, scratch()->path('rules'));
	if ($> == 0) {
		chown OWNER, -1, $dir, $store, "$store-lock" or die;
	}
	$make->("$dir/planted");
	return ($dir, $store, { SWAP_WITH => "$dir/planted",
	    SWAP_NAME => $what eq 'store' ? $store : "$store-lock",
	    LD_PRELOAD => Tlspolicy::Fault::library('swap'),
	    ASAN_OPTIONS => join(':', 'verify_asan_link_order=0',
	    grep { defined } $ENV{ASAN_OPTIONS}) });
}

# Files of root's in the folder are what they were.
sub untouched
{
	my ($dir, $name) = @_;
	my @files = grep { -f && (stat _)[4] == 0 } glob "$dir/*";
	ok(Tlspolicy::Scratch::slurp($_) eq $others,
	    "$name: another's file is what it was") for @files;
	# Only root must not follow links: in a user's own folder they are that
	# user's.
	ok($> != 0 || !-e scratch()->path('nowhere'),
	    "$name: no file is made behind a link");
}

my @commands = (['show'], ['check', 'client_addr=192.0.2.1'],
    ['set', 'TLS_Clt:other.test', 'ENCR:1'], ['build']);

for my $kind ($> == 0 ? @kinds : grep { $_->[0] !~ /device|another/ } @kinds) {
	my ($thing, $make) = @$kind;
	for my $what ('store', 'lock') {
		subtest "the command: $thing for the $what" => sub {
			for my $command (@commands) {
				my ($dir, $store, $env) = planted($make,
				    $what);
				my ($word, @args) = @$command;
				push @args, scratch()->path('rules')
				    if $word eq 'build';
				my $r = eval { Tlspolicy::Scratch::run({
				    env => $env, timeout => DEADLINE },
				    Tlspolicy::Daemon::program('tlspolicy'),
				    $word, '-d', $store, @args) };
				ok($r, "$word: comes to an end") or next;
				is($r->{signal}, 0, "$word: by itself");
				ok(!-e "$dir/planted", "$word: was swapped");
				like($r->{err}, qr/^tlspolicy: .*\Q$store\E/m,
				    "$word: says what is wrong")
				    if $r->{out} eq '' && $r->{status};
				unlike($r->{err}, qr/Sanitizer/, $word);
				isnt($r->{status}, 0, "$word: fails")
				    if $what eq 'store' && $thing ne 'nothing';
				untouched($dir, $word);
			}
		};
	}
	subtest "the daemon: $thing" => sub {
		my ($dir, undef, $env) = planted($make, 'store');
		my $daemon = Tlspolicy::Daemon->new(scratch => scratch(),
		    rules => $perm, name => "daemon-$runs", env => $env);
		$env->{SWAP_NAME} = $daemon->{store};
		$daemon->run;
		ok(Tlspolicy::Scratch::wait_for(DEADLINE,
		    sub { !-e "$dir/planted" }), 'was swapped at the start');
		answer_is(session($daemon)->mail('a@example.com'),
		    [451, '4.3.0'], 'without a store nothing is accepted');
		system 'rm', '-rf', $daemon->{store};
		is($daemon->rules($perm)->{status}, 0, 'a store again');
		logged($daemon, qr/generation 1, 1 rules/, 'is opened');
		$make->("$dir/planted");
		my $other = "$daemon->{dir}/other";
		is($daemon->tlspolicy('build', '-d', $other)->{status}, 0,
		    'another store');
		rename $other, $daemon->{store} or die "$other: $!\n";
		ok(Tlspolicy::Scratch::wait_for(DEADLINE,
		    sub { !-e "$dir/planted" }), 'was swapped at work');
		ok(Tlspolicy::Scratch::wait_for(DEADLINE, sub {
			my $m = session($daemon) or return 0;
			my $code = $m->mail('a@example.com')->{code} // 0;
			return $code == 550 || $code == 451;
		}), 'sessions are answered');
		untouched($dir, 'the daemon');
		is(Tlspolicy::Scratch::end_pid($daemon->{pid}, DEADLINE), 0,
		    'TERM ends it');
	};
}

done_testing;
