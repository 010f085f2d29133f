#!/usr/bin/perl
#
# Where the audit log ends is noted in another folder: newest lines that are cut
# off before a restart, a log that is gone or another one are found, said, and
# stand in the chain.  Whatever becomes of the note, mail goes on.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA qw(sha256_hex);
use HTTP::Tiny;
use POSIX ();
use Test::More;
use Tlspolicy::Talk;

my $scratch = scratch();
my $rules = "TLS_Clt:example.com PERM+ENCR:112\n";
my $http = HTTP::Tiny->new(timeout => 60);
my ($d, $log, $state, $url);

sub slurp
{
	return Tlspolicy::Scratch::slurp($_[0]);
}

sub spew
{
	return Tlspolicy::Scratch::spew(@_);
}

sub lines
{
	return slurp($log) =~ /(.*\n)/g;
}

my @settings;

sub begin
{
	my ($name, %settings) = @_;
	my $port = Tlspolicy::Scratch::free_port();
	$url = "http://127.0.0.1:$port";
	@settings = (metrics => "inet:$port\@127.0.0.1", %settings);
	$d = daemon($rules, name => $name, settings => { @settings });
	$log = "$d->{dir}/audit.log";
	$state = ($settings{'state-folder'} // $d->{dir}) . '/state.audit.log';
}

# Makes $n more records; the answers have to be what they should.
sub records
{
	my ($n) = @_;
	my $m = session($d);
	my @codes = map { $m->mail("a\@example.com")->{code} } 1 .. $n;
	$m->quit;
	is("@codes", join(' ', (550) x $n), 'judged');
}

sub noted
{
	my ($seq) = @_;
	ok(Tlspolicy::Scratch::wait_for(60, sub {
		return -s $state && slurp($state) =~ /^head \w{64} $seq$/m;
	}), "line $seq is noted") or diag(slurp($state));
}

# Ends the daemon, does something to the log, and starts it again.
sub meanwhile
{
	my ($what, $hard) = @_;
	$hard ? $d->kill_hard : is($d->stop, 0, 'the daemon ends');
	$what->();
	$d->run;
}

sub metric
{
	my ($name) = @_;
	return $http->get("$url/metrics")->{content} =~
	    /^tlspolicy_audit_$name (\d+)$/m ? $1 : undef;
}

sub is_missed
{
	my ($says, $n, $name) = @_;
	logged($d, $says, "$name: the log says so");
	is(metric('lost_lines'), $n, "$name: the metrics say how many");
	my $r = $http->get("$url/healthz");
	is($r->{status}, 503, "$name: healthz is red");
	like($r->{content}, qr/lacks lines that it had/, "$name: and says why");
	$d->hup;
	ok(Tlspolicy::Scratch::wait_for(60, sub {
		$http->get("$url/healthz")->{status} == 200;
	}), "$name: until HUP");
}

sub is_quiet
{
	my ($name) = @_;
	is(metric('lost_lines'), 0, "$name: nothing is missing");
	is($http->get("$url/healthz")->{status}, 200, "$name: healthz is well");
	unlike($d->log, qr/is missing|are missing|is gone|not what it was|is not known/,
	    "$name: nothing is said");
}

sub verify
{
	return $d->tlspolicy('audit', 'verify', @_);
}

for my $sync ('none', 'batch', 'each') {
	subtest "newest lines cut off, $sync" => sub {
		begin("cut-$sync", 'audit-sync' => $sync);
		is_quiet('a new log');
		records(4);
		noted(7);
		is((stat $state)[2] & 07777, 0600, 'for nobody else');
		meanwhile(sub { my @l = lines(); spew($log, @l[0 .. 4]) });
		is_missed(qr/audit\.log: lines 6 to 7 are missing at the end/, 2,
		    'cut');
		like((lines())[5], qr/"event":"link".*"why":"cut","seq":8,/,
		    'the chain goes on behind them');
		my $r = verify();
		is($r->{status}, 65, 'verify fails');
		like($r->{err}, qr/audit\.log:6: dropped: 2 line\(s\) before/,
		    'and tells how many are missing');
	};
}

subtest 'half of the last line is left' => sub {
	begin('half');
	records(3);
	noted(6);
	meanwhile(sub { spew($log, substr slurp($log), 0, -20) });
	is_missed(qr/audit\.log: lines 6 to 6 are missing/, 1, 'half');
	like(slurp($log), qr/"event":"link".*"torn":\d{3,},"why":"cut","seq":7,/,
	    'and the torn bytes are counted');
};

subtest 'the whole log is gone' => sub {
	begin('gone');
	records(4);
	noted(7);
	my @kept = lines();
	meanwhile(sub { unlink $log or die "$log: $!\n" });
	is_missed(qr/audit\.log: the log is gone, up to line 7/, 7, 'gone');
	my $head = ($kept[-1] =~ /"chain":"(\w+)"/)[0];
	like((lines())[0], qr/"previous":"$head",.*"why":"lost","seq":8,/,
	    'the new one says so');
	my $r = verify();
	like($r->{out}, qr/^missing: lines 1 to 7, older than these$/m,
	    'verify tells what is missing');
	is(verify('--from', 1)->{status}, 65, 'and fails when asked for all');
	spew("$log.1", @kept);
	like(verify()->{out}, qr/^whole: 8 lines in 2 files$/m,
	    'with the old file it is whole');
};

subtest 'emptied, and a rotated file cut' => sub {
	begin('rotated');
	records(4);
	noted(7);
	meanwhile(sub {
		my @l = lines();
		spew("$log.1", @l[0 .. 4]);
		unlink $log;
	});
	is_missed(qr/lines 6 to 7 are missing at the end/, 2, 'rotated');
};

subtest 'as many lines, and others' => sub {
	begin('other');
	records(3);
	noted(6);
	meanwhile(sub {
		my @l = lines();
		my $before = '0' x 64;
		for (@l) {
			my ($body) = /^(.*),"chain":"\w+"\}$/;
			$body =~ s/a\@example/b\@example/;
			$before = sha256_hex("$before$body}");
			$_ = qq($body,"chain":"$before"}\n);
		}
		spew($log, @l);
		is(verify()->{status}, 0, 'computed anew: whole');
	});
	is_missed(qr/audit\.log: line 6 is not what it was/, 1, 'other');
	is(verify()->{status}, 65, 'verify fails from then on');
};

subtest 'killed' => sub {
	begin('killed');
	records(3);
	noted(6);
	meanwhile(sub { my @l = lines(); spew($log, @l[0 .. 3]) }, 1);
	is_missed(qr/lines 5 to 6 are missing/, 2, 'killed');
};

subtest 'what is no loss' => sub {
	begin('well');
	records(2);
	noted(5);
	meanwhile(sub {});
	is_quiet('a restart');
	records(1);
	meanwhile(sub {}, 1);
	is_quiet('a kill');
	records(1);
	noted(11);
	meanwhile(sub { rename $log, "$log.1" or die "$log: $!\n" });
	is_quiet('rotated meanwhile');
	records(1);
	ok($d->rotate("$log.2"), 'rotated');
	noted(16);
	meanwhile(sub { unlink "$log.1" });
	is_quiet('the oldest removed');
	like(verify()->{out}, qr/^whole: .*\n.*\n.*\nmissing: lines 1 to 11,/, 'whole');
};

subtest 'killed soon after it was rotated' => sub {
	for my $how ('', 'packed', 'twice', 'forged') {
		begin("soon-$how");
		records(2);
		noted(5);
		records(2);
		for my $n ($how eq 'twice' ? (2, 1) : 1) {
			ok($d->rotate("$log.$n"), "$how: rotated");
			records(1);
		}
		# What was noted is as old as it may be.
		my ($five) = map { slurp($_) =~ /"seq":5,"chain":"(\w+)"/ }
		    glob "$log.*";
		meanwhile(sub {
			spew($state, slurp($state) =~ s/^head .*/head $five 5/mr);
			system('gzip', "$log.1") if $how eq 'packed';
			spew("$log.1", slurp("$log.1") =~ s/"seq":5,"chain":"./"seq":5,"chain":"x/r)
			    if $how eq 'forged';
		}, 1);
		if ($how eq 'forged') {
			is_missed(qr/line 5 is not what it was/, 1, 'forged');
			next;
		}
		is_quiet("$how: killed");
		records(1);
		is(verify()->{status}, 0, "$how: whole");
	}
};

subtest 'a log of before, and notes that are none' => sub {
	begin('notes');
	records(2);
	noted(5);
	for (['', qr/this is no state of a log/], ["tlspolicy audit state 1\nfile $log\n",
	    qr/no head is in it/], ["tlspolicy audit state 1\nfile $log\nhead " .
	    ('a' x 64) . " -1\n", qr/no head is in it/],
	    ["tlspolicy audit state 1\nfile $log\nhead " . ('a' x 64),
	    qr/no head is in it/],
	    ["tlspolicy audit state 1\nfile /other\nhead x\n",
	    qr/it is of another log/], ["\0" x 5000, qr/this is no state of a log/]) {
		my ($text, $says) = @$_;
		meanwhile(sub { spew($state, $text) });
		logged($d, qr/state\.audit\.log: $says; where it ended before is not known/,
		    'not believed, and said');
		is(metric('lost_lines'), 0, 'no cry of a loss');
		noted(5);
	}
	meanwhile(sub { unlink $state });
	logged($d, qr/audit\.log: nothing is noted of it in \S+; where it ended/,
	    'no note, and that is said');
	my $canary = $scratch->write('canary', "leave me\n");
	meanwhile(sub {
		unlink $state;
		symlink $canary, $state;
		symlink $canary, "$state.new";
	});
	logged($d, qr/cannot open.*; where it ended before is not known/,
	    'a link is not read');
	records(1);
	noted(8);
	ok(!-l $state, 'nor written to: it is replaced');
	is(slurp($canary), "leave me\n", 'what it led to is as before');
	meanwhile(sub { unlink $state; POSIX::mkfifo($state, 0600) });
	logged($d, qr/where it ended before is not known/, 'a FIFO is not waited for');
	noted(8);
	meanwhile(sub { chmod 0666, $state });
	logged($d, qr/others can write it/, 'nor is believed what others can write');
};

subtest 'no place for notes' => sub {
	begin('no-folder', 'state-folder' => $scratch->path('nowhere'));
	logged($d, qr{cannot open the folder \S+/nowhere.*; where the log ends is not noted},
	    'no folder, and that is said');
	records(2);
	is(metric('end_noted'), 0, 'in the metrics, too');
	SKIP: {
		skip 'needs root', 1 if $> != 0;
		my $dir = $scratch->path('nobodys');
		mkdir $dir or die "$dir: $!\n";
		chown +(getpwnam 'nobody')[2, 3], $dir or die "$dir: $!\n";
		begin('others', 'state-folder' => $dir);
		logged($d, qr/root keeps nothing there/, 'nor root in others\' folders');
		records(1);
	}
};

subtest 'its disk is full' => sub {
	my $dir = $scratch->path('full');
	mkdir $dir or die "$dir: $!\n";
	$> == 0 && system('mount -t tmpfs -o size=64k none ' . $dir .
	    ' 2> /dev/null') == 0 or plan skip_all => 'cannot mount';
	$scratch->at_end(sub { system('umount', $dir) });
	begin('no-room', 'state-folder' => $dir);
	records(1);
	noted(4);
	open my $fh, '>', "$dir/fill" or die "fill: $!\n";
	1 while syswrite $fh, 'x' x 4096;
	close $fh;
	records(2);
	logged($d, qr/No space left on device; where the log ends is not noted/,
	    'it is said');
	is(metric('end_noted'), 0, 'in the metrics, too');
	records(2);
	like(slurp($state), qr/^head \w+ 4$/m, 'the old note is as it was');
	unlink "$dir/fill";
	noted(8);
	logged($d, qr/where it ends is noted again/, 'and when it is well again');
	is($d->stop, 0, 'ends');
};

done_testing;
