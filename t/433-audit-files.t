#!/usr/bin/perl
# Which files are the audit log when none is named, and what if nobody can tell.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX ();
use Test::More;
use Tlspolicy::Talk;

my $daemon = daemon("TLS_Clt: PERM+ENCR:112\n",
    settings => { 'audit-sync' => 'each' });
my $log = "$daemon->{dir}/audit.log";

sub judge
{
	my $m = session($daemon);
	$m->mail('a@example.com');
	$m->quit;
}

judge();
ok($daemon->rotate("$log-1"), 'rotated');
judge();
is($daemon->stop, 0, 'the daemon ends');
is($daemon->tlspolicy('audit', 'verify')->{status}, 0, 'both are one chain');
my $records = $daemon->tlspolicy('audit', 'show')->{out};
isnt($records, '', 'with records');

for my $end ('gz', 'zst') {
	my $text = Tlspolicy::Scratch::slurp("$log-1");
	$text =~ s/example\.com/forged.test/g;
	Tlspolicy::Scratch::must('sh', '-c',
	    "printf %s \"\$1\" | gzip >\"\$2\"", 'sh', $text, "$log-1.$end");
	my $r = $daemon->tlspolicy('audit', 'verify');
	is($r->{status}, 65, "$end beside the file: verify refuses");
	like($r->{err}, qr/both there and may differ/, 'and says why');
	is($r->{out}, '', 'and calls nothing whole');
	$r = $daemon->tlspolicy('audit', 'show');
	is($r->{out}, $records, 'show reads the file, once');
	like($r->{err}, qr/\Q$log-1.$end\E is left out/, 'and says so');
	isnt($daemon->tlspolicy('audit', 'verify', "$log-1.$end", $log)
	    ->{status}, 0, 'what is named is verified');
	unlink "$log-1.$end";
}

subtest 'a folder that cannot be read' => sub {
	plan skip_all => 'needs root' if $> != 0;
	my ($uid, $gid) = (getpwnam('nobody'))[2, 3];
	chmod 0644, glob("$log*"), $daemon->{conf};
	chmod 0711, $daemon->{dir};
	my $program = scratch()->for_all('tlspolicy');
	defined(my $pid = fork) or die "fork: $!\n";
	if (!$pid) {
		$) = "$gid $gid";
		$( = $gid;
		POSIX::setuid($uid);
		exec 'sh', '-c', '"$@" 2>&1 | grep -q "cannot be read"', 'sh',
		    $program, 'audit', 'verify', '-c', $daemon->{conf} or POSIX::_exit(127);
	}
	waitpid $pid, 0;
	is($?, 0, 'is no folder without rotated files');
	chmod 0755, $daemon->{dir};
};

subtest 'a name that is a pattern' => sub {
	my $odd = "$daemon->{dir}/a[b]*.log";
	rename $log, $odd;
	rename "$log-1", "$odd-1";
	$daemon->configure('audit-file' => $odd, 'audit-sync' => 'each');
	my $r = $daemon->tlspolicy('audit', 'verify');
	is($r->{status}, 0, 'its files are found') or diag($r->{err});
	like($r->{out}, qr/in 2 files/, 'both');
};
done_testing;
