#!/usr/bin/perl
#
# No room for a build: exit 74, a message that says so, the old generation
# stays in force; with room again the next build works.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Talk;

my $limits = '/usr/bin/prlimit';
plan skip_all => "no $limits here" unless -x $limits;

my $perm = "TLS_Clt:example.com PERM+ENCR:112\n";
my $large = "TLS_Clt:example.com TEMP+ENCR:112\n" .
    join '', map { "TLS_Clt:h$_.example PERM+ENCR:112\n" } 1 .. 20_000;
# LMDB has the reason of a write that failed at once, not half-way.
my $why = qr/policy\.mdb: (?:.*no room left\b.*|File too large)$/m;
my $daemon = daemon($perm);
my $scratch = scratch();

sub refused
{
	my ($want, $name) = @_;
	my $m = session($daemon);
	answer_is($m->mail('a@example.com'), $want, $name);
	$m->quit;
}

# A build whose files may not grow beyond this many bytes.
sub limited
{
	my ($bytes, $store) = @_;
	return Tlspolicy::Scratch::run($limits, "--fsize=$bytes",
	    Tlspolicy::Daemon::program('tlspolicy'), 'build', '-c',
	    $daemon->{conf}, '-d', $store // $daemon->{store});
}

subtest 'a limit on the size of files' => sub {
	$scratch->write('milter/rules', $large);
	for my $bytes (512, 4096, 20_000, 200_000, 800_000) {
		my $r = limited($bytes);
		is($r->{status}, 74, "$bytes bytes: exit 74");
		is($r->{signal}, 0, 'not by a signal');
		like($r->{err}, $why,
		    'says why');
		refused([550, '5.7.10'], 'the old generation is in force');
	}
	is($daemon->tlspolicy('build')->{status}, 0, 'with room it works');
	refused([451, '4.7.10'], 'and is in force');
};

subtest 'the first build of all' => sub {
	my $store = "$daemon->{dir}/first.mdb";
	for my $bytes (512, 4096, 20_000, 200_000) {
		is(limited($bytes, $store)->{status}, 74,
		    "$bytes bytes: exit 74");
	}
	my $r = $daemon->tlspolicy('build', '-d', $store);
	is($r->{status}, 0, 'with room it works') or diag($r->{err});
};

subtest 'a full file system' => sub {
	plan skip_all => 'needs root' if $> != 0;
	my $disk = $scratch->path('disk');
	mkdir $disk or die "$disk: $!\n";
	my $mount = Tlspolicy::Scratch::run('mount', '-t', 'tmpfs', '-o',
	    'size=1m,mode=755', 'tlspolicy-test', $disk);
	plan skip_all => "no tmpfs here: $mount->{err}" if $mount->{status};
	$scratch->at_end(sub { system 'umount', $disk });
	$daemon->stop;
	$daemon->{store} = "$disk/policy.mdb";
	$daemon->configure(store => $daemon->{store});
	is($daemon->rules($perm)->{status}, 0, 'a small policy');
	$daemon->run;
	refused([550, '5.7.10'], 'is in force');
	$scratch->write('milter/rules', $large);
	for (1 .. 3) {
		my $r = $daemon->tlspolicy('build');
		is($r->{status}, 74, 'a large one: exit 74');
		like($r->{err}, $why,
		    'says why');
		refused([550, '5.7.10'], 'the old generation is in force');
	}
	ok($daemon->alive, 'the daemon is up');
	Tlspolicy::Scratch::must('mount', '-o', 'remount,size=20m,mode=755', $disk);
	my $r = $daemon->tlspolicy('build');
	is($r->{status}, 0, 'with room it works') or diag($r->{err});
	refused([451, '4.7.10'], 'and is in force');
	is($daemon->stop, 0, 'the daemon ends');
};

done_testing;
