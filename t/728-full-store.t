#!/usr/bin/perl
#
# The disk of the store is full, at every size: no command ends by a signal, each
# that fails says why by exit 74, leaves nothing behind, and the policy in force
# stays.  LMDB writes to its lock file by a map.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Scratch;

plan skip_all => 'not root' if $> != 0;

my $scratch = Tlspolicy::Scratch->new;
my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
my $rules = $scratch->write('rules', "TLS_Clt:a.example\tPERM+VERIFY\n");
my $other = $scratch->write('other', join '', map {
	"TLS_Clt:host$_.example\tPERM+VERIFY+BY:" . 'x' x 80 . "\n" } 1 .. 100);
my $log = $scratch->write('audit.log', '');
my $disk = $scratch->path('disk');
my $store = "$disk/policy.mdb";
my $conf = $scratch->write('conf', "store = $store\nrules = $rules\n" .
    "audit-file = $log\n");
my $mounted;

sub room
{
	my ($size) = @_;
	unmount();
	mkdir $disk;
	system("mount -t tmpfs -o size=$size,mode=755 none $disk 2>/dev/null") == 0 or
	    plan skip_all => 'no tmpfs here';
	$mounted = 1;
}

sub unmount
{
	system 'umount', '-l', $disk if $mounted;
	$mounted = 0;
}

$scratch->at_end(\&unmount);

sub files
{
	return join ' ', sort map { s/.*\///r } grep { !/ballast|-build$/ } glob "$disk/*";
}

# Leaves so many pages of 4096 bytes.
sub fill
{
	my ($pages) = @_;
	open my $fh, '>', "$disk/ballast" or die;
	my $n = 0;
	$n++ while (syswrite($fh, 'x' x 4096) // 0) == 4096;
	truncate $fh, 4096 * ($n - $pages) if $n >= $pages;
	close $fh;
}

sub tlspolicy
{
	my @words = splice @_, 0, "@_" =~ /^plan (?:cancel|status)/ ? 2 : 1;
	return Tlspolicy::Scratch::run($tlspolicy, @words, '-c', $conf, @_);
}

# What is wrong with an end: "" for success and for exit 74 that says why.
sub wrong
{
	my ($r, $fine) = @_;
	return "signal $r->{signal}" if $r->{signal};
	return '' if $r->{status} == 0 || $r->{status} == ($fine // 0);
	return "exit $r->{status}: $r->{err}" if $r->{status} != 74;
	return $r->{err} =~ /\Q$disk\E\S*: .*No space left on device/ ? '' :
	    "not told: $r->{err}";
}

# On an empty disk of each size, 4 to 512 kB.
for my $size (map { 4096 * $_ } 1 .. 30, 40, 60, 80, 128) {
	room($size);
	my $r = tlspolicy('build', $rules);
	my $wrong = wrong($r);
	# A first writer whose disk ends behind the headers leaves an empty store,
	# as one that is killed: no obstacle.
	$wrong ||= 'left behind: ' . files() if $r->{status} &&
	    files() !~ /^(?:policy\.mdb policy\.mdb-lock)?$/;
	system "mount -o remount,size=1m $disk";
	$wrong ||= 'the next one: ' . $_->{err} for grep { $_->{status} }
	    tlspolicy('build', $rules);
	is $wrong, '', "build, a disk of $size bytes";
}

# What opens a store, each with so many pages left.  A store whose lock file is
# gone has one made by its first reader.
my @commands = (['set', 'TLS_Clt:b.example', 'PERM+VERIFY'],
    ['del', 'TLS_Clt:a.example'], ['build', $other], ['plan', $other],
    ['rollback', 1], ['show'], ['check', 'client_name=a.example',
    'client_addr=192.0.2.1'], ['log'], ['diff', $rules], ['doctor'], ['prove',
    'client a.example in clear is never accepted'], ['plan', 'status'],
    ['plan', 'cancel'], ['build', '-n', $other]);
my %fine = (check => 77, doctor => 1, prove => 1, 'plan status' => 66, 'plan cancel' => 66);

for my $command (@commands) {
	for my $lock (1, 0) {
		my @wrong;
		for my $pages (0 .. 26) {
			room(1 << 20);
			tlspolicy('build', $rules)->{status} == 0 or die;
			my $before = tlspolicy('show')->{out};
			unlink "$store-lock" if !$lock;
			my $files = files();
			fill($pages);
			my $r = tlspolicy(@$command);
			my $wrong = wrong($r, $fine{"@$command"} //
			    $fine{$command->[0]});
			$wrong ||= 'left: ' . files() if $r->{status} == 74 &&
			    files() ne $files && files() ne "$files policy.mdb-lock";
			unlink "$disk/ballast";
			my $now = tlspolicy('show')->{out};
			$wrong ||= "now: $now" if $r->{status} == 74 && $now ne $before;
			push @wrong, "$pages pages: $wrong" if $wrong;
		}
		is "@wrong", '', "@$command[0, -1]" . ($lock ? '' : ', no lock file');
	}
}
done_testing;
