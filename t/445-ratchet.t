#!/usr/bin/perl
#
# The key of the chain is a ratchet: who has taken all keys of the machine at T
# forges nothing of an epoch before; a crash between any two steps leaves a log
# that verifies; and a key that cannot be replaced is told, not kept in silence.
use strict;
use warnings;
no warnings 'portable'; # addresses
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA qw(hmac_sha256_hex sha256);
use HTTP::Tiny;
use JSON::PP qw(decode_json);
use Test::More;
use Time::HiRes qw(sleep);
use Tlspolicy::Talk;

my $scratch = scratch();
my $conf = $scratch->write('empty.conf', '');
my $case = $scratch->path('case');
my $rules = "TLS_Clt:example.com PERM+ENCR:112\n";
my $time = '"time":"2026-03-01T12:00:00.000000Z"';

sub slurp
{
	return Tlspolicy::Scratch::slurp($_[0]);
}

sub spew
{
	my $path = Tlspolicy::Scratch::spew(@_);
	chmod 0600, $path;
	return $path;
}

sub tlspolicy
{
	return Tlspolicy::Scratch::run(Tlspolicy::Scratch::builddir() .
	    '/tlspolicy', @_);
}

sub verifies
{
	my ($args, $status, $like, $name) = @_;
	my $r = tlspolicy('audit', 'verify', '-c', $conf, @$args);
	is($r->{status}, $status, "$name: exit $status");
	like($r->{out} . $r->{err}, $like, $name) or diag($r->{out}, $r->{err});
	return $r;
}

# A daemon whose key is a ratchet: [daemon, start key, key file].
sub ratcheted
{
	my ($name, %settings) = @_;
	my $start = $scratch->path("start-$name");
	my $r = tlspolicy('audit', 'key', '-c', $conf, '-r', $start);
	is($r->{status}, 0, "$name: a key is made") or diag($r->{err});
	like($r->{out}, qr/\Aratchet [0-9a-f]{16}, epoch 1\n\z/, 'its id');
	mkdir $scratch->path("keys-$name") or die;
	my $file = spew($scratch->path("keys-$name/audit-key"), slurp($start));
	my $d = daemon($rules, name => $name, settings => {
	    'audit-key-file' => $file, %settings });
	return ($d, $start, $file);
}

sub records
{
	my ($d, $n) = @_;
	my $m = session($d);
	$m->mail("a\@example.com") for 1 .. $n // 3;
	$m->quit;
}

# What its key file says: (epoch, 32 bytes).
sub key_of
{
	my ($file) = @_;
	slurp($file) =~ /\Atlspolicy ratchet 1\nid [0-9a-f]{16}\nepoch (\d+)\nkey ([0-9a-f]{64})\n\z/
	    or die "$file: no ratchet\n";
	return ($1, pack 'H*', $2);
}

# An epoch ends at SIGHUP, if it has lines.
sub turn
{
	my ($d, $file) = @_;
	my ($before) = key_of($file);
	$d->hup;
	return Tlspolicy::Scratch::wait_for(60,
	    sub { (key_of($file))[0] > $before });
}

sub seal
{
	my ($key, $before, $seq, @bodies) = @_;
	my @lines;
	for (@bodies) {
		my $body = s/\}$/,"seq":$seq/r;
		$before = hmac_sha256_hex("$before$body}", $key);
		push @lines, qq($body,"chain":"$before"}\n);
		$seq++;
	}
	return @lines;
}

sub body_of
{
	return $_[0] =~ s/,"seq":\d+,"chain":"\w+"\}\n?$/}/r;
}

sub chain_of
{
	return $_[0] =~ /"chain":"(\w{64})"\}\n\z/ ? $1 : die;
}

my ($d, $start, $file) = ratcheted('forger');
my $log = "$d->{dir}/audit.log";
my %copy;
records($d);
for my $epoch (2 .. 5) {
	ok(turn($d, $file), "epoch $epoch comes");
	is((key_of($file))[0], $epoch, 'one after the other');
	$copy{$epoch} = spew($scratch->path("copy-$epoch"), slurp($file));
	records($d);
}
my @lines = slurp($log) =~ /(.*\n)/g;
my ($id) = $lines[0] =~ /"key":"(\w{16})","epoch":1,"seq":1,/;
ok($id, 'the link tells key and epoch');
my @ends = grep { $lines[$_] =~ /^\{"v":1,"event":"epoch"/ } 0 .. $#lines;
is(join(' ', map { $lines[$_] =~ /,"ends":(\d+),"seq"/ } @ends), '1 2 3 4',
    'each epoch ends with a line that says so');

subtest 'the auditor, with the start key' => sub {
	my $n = @lines;
	verifies([-k => $start, $log], 0, qr/^whole: $n lines in 1 file\n.*^epochs: 1 to 5 of the key $id$/ms,
	    'all epochs');
	my $r = tlspolicy('audit', 'verify', '--json', '-c', $conf, -k => $start, $log);
	my $c = decode_json($r->{out})->{chains}[0];
	is("$c->{result} $c->{verified_from} $c->{key} $c->{first_epoch} $c->{last_epoch}",
	    "whole 1 $id 1 5", 'JSON');
	my ($first, $key) = key_of($start);
	for (1 .. 4) {
		$key = sha256($key);
	}
	is($key, (key_of($copy{5}))[1], 'a key is the hash of the one before');
	is($id, substr(hmac_sha256_hex('tlspolicy key id',
	    (key_of($start))[1]), 0, 16), 'the id is that of the start key');
	verifies(['-c', $d->{conf}, $log], 65, qr/only/, 'the machine itself');
};

subtest 'with a later key' => sub {
	my $from = $ends[1] + 2;
	my $r = verifies([-k => $copy{3}, $log], 65,
	    qr/^not verified\nverified: from line $from on only$/m, 'from there');
	my $older = $from - 1;
	like($r->{err}, qr/the first $older of \d+ lines were not verified: the key given is of epoch 3/,
	    'and why');
	like($r->{err}, qr/where it begins: the key $id was given from epoch 3 on only/,
	    'of which file');
	spew($case, @lines[0 .. $from], $lines[$from + 1] =~ s/example/Example/r,
	    @lines[$from + 2 .. $#lines]);
	verifies([-k => $copy{3}, $case], 65, qr/^broken: changed/m, 'a change there');
	spew($case, @lines[0 .. 2], $lines[3] =~ s/example/Example/r, @lines[4 .. $#lines]);
	verifies([-k => $copy{3}, $case], 65, qr/^not verified$/m,
	    'a change before is not seen, and nobody says so');
	verifies([-k => $copy{3}, -k => $start, $case], 65, qr/^broken: changed/m,
	    'with both keys it is');
};

# All keys of the machine at T, and the log.
my ($now, $key) = key_of($file);
my $last = $ends[-1]; # the line that ended the epoch before

sub forged
{
	my ($name, $like, @forged) = @_;
	spew($case, @forged);
	verifies([-k => $start, $case], 65, $like, $name);
}

subtest 'who takes the machine at T' => sub {
	my @bodies = map { body_of($_) } @lines;
	my $link = qq({"v":1,"event":"link",$time,"previous":"%s","torn":0,)
	    . qq("why":"cut","key":"$id","epoch":$now});
	for my $at (1 .. $last) {
		my @b = @bodies;
		my $before = chain_of($lines[$at - 1]);
		next unless $b[$at] =~ s/"time":"2026/"time":"2025/;
		forged("line @{[$at + 1]} changed, all behind it sealed anew",
		    qr/^broken: \w+/m, @lines[0 .. $at - 1],
		    seal($key, $before, $at + 1, @b[$at .. $#b]));
		forged("lines @{[$at + 1]} to $last cut out",
		    qr/^broken: \w+/m, @lines[0 .. $at - 1],
		    seal($key, $before, $at + 1, @bodies[$last + 1 .. $#b]));
		forged("cut back to line $at, and a link behind it",
		    qr/^broken: dropped/m, @lines[0 .. $at - 1],
		    seal($key, $before, $at + 1, sprintf($link, $before),
		    $b[1]));
		my $other = spew("$case.2", seal($key, $before, $at + 1,
		    sprintf($link, $before), $b[1]));
		spew($case, @lines[0 .. $at - 1]);
		verifies([-k => $start, $case, $other], 65, qr/^broken: \w+/m,
		    '... in another file');
	}
	my $zeros = '0' x 64;
	forged('all gone, and begun anew', qr/^broken: dropped.*begins in epoch $now/ms,
	    seal($key, $zeros, 1, sprintf($link =~ s/"why":"cut",//r, $zeros),
	    $bodies[1]));
	forged('the same in the name of epoch 1', qr/^broken: changed/m,
	    seal($key, $zeros, 1, sprintf($link =~ s/"epoch":\d+/"epoch":1/r,
	    $zeros), $bodies[1]));
	spew($case, seal($key, $zeros, 900, sprintf($link =~ s/"why":"cut",//r,
	    $zeros), $bodies[1]));
	verifies([-k => $start, $case], 0,
	    qr/^epochs: $now to $now of.*^missing: lines 1 to 899/ms,
	    'all gone, as if old files were: told from where on there is a log');
	verifies([-k => $start, '--from', 1, $case], 65,
	    qr/^broken: dropped.*lines 1 to 899 are missing/ms, '--from insists on more');
	forged('an end of an epoch that does not end', qr/^broken: \w+/m,
	    @lines[0 .. $ends[0] - 1], seal($key, chain_of($lines[$ends[0] - 1]),
	    $ends[0] + 1, @bodies[$ends[0] .. $#bodies]));
	forged('without the line that ends one', qr/^broken: dropped/m,
	    @lines[0 .. $ends[1] - 1, $ends[1] + 1 .. $#lines]);
	spew($case, @lines[0 .. $last], seal($key, chain_of($lines[$last]),
	    $last + 2, $bodies[1]));
	verifies([-k => $start, $case], 0, qr/^whole/,
	    'lines of his own epoch, he can');
};

subtest 'what is left of a key' => sub {
	my (undef, $old) = key_of($copy{4});
	my $folder = $file =~ s{/[^/]*\z}{}r;
	for my $name (glob "$folder/*") {
		unlike(slurp($name), qr/@{[unpack 'H*', $old]}/, "not in $name");
	}
	is((stat $file)[2] & 07777, 0600, 'only its owner reads the file');
	plan skip_all => 'memory needs root' if $> != 0;
	my %found;
	open my $maps, '<', "/proc/$d->{pid}/maps" or die "maps: $!\n";
	open my $mem, '<:raw', "/proc/$d->{pid}/mem" or die "mem: $!\n";
	my %half = (now => substr($key, 4, 20), old => substr($old, 4, 20),
	    hex => substr(unpack('H*', $old), 8, 40));
	while (<$maps>) {
		my ($from, $to) = /^(\w+)-(\w+) rw/ or next;
		next if hex($to) - hex($from) > 1 << 28;
		sysseek $mem, hex $from, 0 or next;
		sysread $mem, my $bytes, hex($to) - hex $from or next;
		for my $what (keys %half) {
			$found{$what}++ while $bytes =~ /\Q$half{$what}\E/g;
		}
	}
	ok($found{now}, 'the key of this epoch is in memory');
	ok(!$found{old}, 'the one before is not');
	ok(!$found{hex}, 'nor as text');
};

subtest 'stop and start' => sub {
	is($d->stop, 0, 'ends');
	is((key_of($file))[0], 6, 'the end ends the epoch');
	like((slurp($log) =~ /(.*\n)/g)[-1], qr/"event":"epoch".*"ends":5,/,
	    'by the last line');
	$d->run;
	records($d);
	my $old = "$log.1";
	rename $log, $old or die;
	$d->hup;
	ok(Tlspolicy::Scratch::wait_for(60, sub { -s $log }), 'another file');
	like(slurp($old), qr/"event":"epoch"[^\n]*"ends":6,[^\n]*\n\z/,
	    'a rotated file ends with its epoch');
	like(slurp($log), qr/\A[^\n]*"key":"$id","epoch":7,/, 'and its next one');
	records($d);
	is($d->stop, 0, 'ends');
	verifies([-k => $start, $old, $log], 0,
	    qr/^whole: \d+ lines in 2 files\n.*^epochs: 1 to 7 of/ms, 'whole');
	verifies([-k => $start, $log], 0, qr/^epochs: 7 to 7 .*^missing: lines 1 to/ms,
	    'the newer file alone');
	for (['audit', 'show'], ['report'], ['replay', '-r', "$d->{dir}/rules"],
	    ['suggest'], ['audit', 'head']) {
		my $r = tlspolicy($_->[0], @$_[1 .. $#$_], '-c', $conf, $log);
		is($r->{status}, 0, "@$_") or diag($r->{err});
	}
	unlink $old;
};

subtest 'a log whose end was cut, and its note' => sub {
	my ($d, $start, $file) = ratcheted('cut');
	my $log = "$d->{dir}/audit.log";
	records($d);
	ok(turn($d, $file), 'an epoch ends');
	records($d);
	is($d->stop, 0, 'ends');
	my @l = slurp($log) =~ /(.*\n)/g;
	spew($log, @l[0 .. 3]);
	unlink "$d->{dir}/state.audit.log" or die;
	$d->run;
	logged($d, qr/the last lines of an epoch before that of the key are missing/,
	    'the daemon says so');
	records($d);
	is($d->stop, 0, 'ends');
	verifies([-k => $start, $log], 65, qr/^broken: dropped.*epoch 1 has no end/ms,
	    'and verify');
	unlink $log;
	unlink "$d->{dir}/state.audit.log" or die;
	$d->run;
	records($d);
	is($d->stop, 0, 'ends');
	verifies([-k => $start, $log], 65, qr/^broken: dropped.*begins in epoch 4/ms,
	    'all of it gone');
};

subtest 'an older key, out of a backup' => sub {
	my ($d, $start, $file) = ratcheted('backup');
	records($d);
	ok(turn($d, $file), 'an epoch ends');
	records($d);
	is($d->stop, 0, 'ends');
	spew($file, slurp($start));
	$d->run;
	records($d);
	is((key_of($file))[0], 3, 'the log says which it has to be');
	is($d->stop, 0, 'ends');
	verifies([-k => $start, "$d->{dir}/audit.log"], 0, qr/^whole.*^epochs: 1 to 3/ms,
	    'whole');
};

subtest 'killed at any moment' => sub {
	my ($d, $start, $file) = ratcheted('kill', 'audit-sync' => 'none');
	my $log = "$d->{dir}/audit.log";
	my $kills = $ENV{TLSPOLICY_KILLS} // 12;
	for my $n (1 .. $kills) {
		defined(my $pid = fork) or die "fork: $!\n";
		if (!$pid) {
			# Lines and ends of epochs until it is gone.
			while (kill 0, $d->{pid}) {
				my $m = eval { session($d) } or last;
				eval { $m->mail('a@example.com') } or last;
				kill 'HUP', $d->{pid};
			}
			POSIX::_exit(0);
		}
		sleep 0.02 + rand 0.2;
		$d->kill_hard;
		waitpid $pid, 0;
		rename $log, "$log.$n" if $n % 5 == 0;
		$d->run;
	}
	is($d->stop, 0, 'ends');
	my $epoch = (key_of($file))[0] - 1;
	cmp_ok($epoch, '>', $kills, "$epoch epochs");
	verifies([-k => $start, $log, glob "$log.*"], 0,
	    qr/^epochs: 1 to $epoch of/m, 'whole, and none skipped');
};

subtest 'several nodes, each with its own' => sub {
	my (@files, @keys);
	for my $node ('mx1.example.org', 'mx2.example.org') {
		my ($d, $start) = ratcheted($node);
		my $log = "$d->{dir}/audit.log";
		for my $n (1 .. 3) {
			my $m = session($d, %sendmail, j => $node);
			$m->mail('a@example.com') for 1 .. 2;
			$m->quit;
			next if $n == 3;
			rename $log, "$log.$n" or die;
			$d->hup;
			ok(Tlspolicy::Scratch::wait_for(60, sub { -s $log }),
			    'another file');
		}
		is($d->stop, 0, 'ends');
		push @files, "$log.1", "$log.2", $log;
		push @keys, -k => $start;
	}
	my $r = verifies([@keys, reverse @files], 0,
	    qr/^epochs: 1 to 3 of.*^epochs: 1 to 3 of/ms, 'in any order');
	is(() = $r->{out} =~ /^whole: /mg, 2, 'two chains');
	verifies([@keys[0, 1], @files], 65, qr/not verified.*^whole: |^whole: .*not verified/ms,
	    'one key alone: the one is whole, the other not verified');
	# The newest file of a node is lost: what follows in another cannot tell.
	verifies([@keys, @files[0, 2 .. 5]], 65, qr/^broken: cut$/m,
	    'a file in the middle gone');
};

subtest 'a key that cannot be replaced' => sub {
	my $http = HTTP::Tiny->new(timeout => 10);
	my $metrics = Tlspolicy::Scratch::free_port();
	my ($d, $start, $file) = ratcheted('stuck', metrics => "inet:$metrics\@127.0.0.1");
	records($d);
	unlink "$file.next";
	mkdir "$file.next" or die; # where the next one would be
	mkdir "$file.next/full" or die;
	spew("$file.other", slurp($file));
	rename "$file.other", $file or die;
	my ($before) = key_of($file);
	$d->hup;
	logged($d, qr/was removed or replaced.*who takes the key can forge all lines since/,
	    'the log says so');
	records($d);
	is((key_of($file))[0], $before, 'the epoch goes on');
	my $page = $http->get("http://127.0.0.1:$metrics/metrics");
	like($page->{content}, qr/^tlspolicy_audit_key_stuck 1$/m, 'metrics');
	like($page->{content}, qr/^tlspolicy_audit_epoch $before$/m, 'its epoch');
	my $health = $http->get("http://127.0.0.1:$metrics/healthz");
	like($health->{content}, qr/key of the audit log cannot be replaced/, 'health');
	is($d->stop, 0, 'ends');
	verifies([-k => $start, "$d->{dir}/audit.log"], 0, qr/^epochs: 1 to 1 of/m,
	    'the log is whole, of one epoch');
	my $r = Tlspolicy::Scratch::run(Tlspolicy::Scratch::builddir() .
	    '/tlspolicy-milter', '-c', $d->{conf});
	is($r->{status}, 74, 'nor does a daemon start where it cannot be');
	like($r->{err}, qr/setting audit-key-file: \Q$file\E: the key of the next epoch cannot be written beside it/m,
	    'for this reason') or diag($r->{err});
};

# The next try is up to a second away, and the end does not wait for it.
subtest 'a key that can be replaced again when the daemon ends' => sub {
	my ($d, $start, $file) = ratcheted('mended');
	records($d);
	spew("$file.other", slurp($file));
	link $file, "$file.kept" or die "link: $!\n";
	rename "$file.other", $file or die "rename: $!\n";
	$d->hup;
	logged($d, qr/was removed or replaced/, 'it cannot be at first');
	records($d);
	rename "$file.kept", $file or die "rename: $!\n";
	is($d->stop, 0, 'ends');
	is((key_of($file))[0], 2, 'its epoch with it');
	verifies([-k => $start, "$d->{dir}/audit.log"], 0, qr/^epochs: 1 to 1 of/m,
	    'the log is whole');
};

subtest 'a daemon of another user, and root' => sub {
	plan skip_all => 'needs root' if $> != 0;
	my ($uid, $gid) = (getpwnam 'nobody')[2, 3];
	my $own = $scratch->path('own');
	mkdir $own or die "$own: $!\n";
	my $d = Tlspolicy::Daemon->new(scratch => $scratch, name => 'user',
	    rules => $rules);
	my $file = spew("$own/audit-key", slurp($start));
	chown $uid, $gid, $own, $file;
	chmod 0644, glob "$d->{dir}/policy.mdb*";
	$d->configure(user => 'nobody', 'audit-key-file' => $file,
	    'audit-file' => "$own/audit.log", 'state-folder' => $own);
	$d->run;
	records($d);
	is($d->stop, 0, 'the daemon ends');
	is((key_of($file))[0], 2, 'and its epoch');
	is((stat $file)[4], $uid, 'the key is its own');
	my $r = tlspolicy('audit', 'verify', '-c', $d->{conf});
	is($r->{status}, 65, 'root takes the key from there');
	like($r->{out}, qr/^not verified$/m, 'of which there are no lines yet');
	verifies([-k => $start, "$own/audit.log"], 0, qr/^whole/, 'the start key');
	chown 1, 1, $file;
	$r = tlspolicy('audit', 'verify', '-c', $d->{conf});
	is($r->{status}, 78, 'but not that of a third');
	chown $uid, $gid, spew($file, "the bytes of a key that stays\n");
	$r = tlspolicy('audit', 'verify', '-c', $d->{conf});
	is($r->{status}, 78, 'nor one that stays');
	chown 0, 0, spew($file, slurp($start));
	my $root = Tlspolicy::Daemon->new(scratch => $scratch, name => 'root',
	    rules => $rules, settings => { 'audit-key-file' => $file });
	$r = Tlspolicy::Scratch::run(Tlspolicy::Scratch::builddir() .
	    '/tlspolicy-milter', '-c', $root->{conf});
	is($r->{status}, 78, "root's daemon keeps none in another's folder");
	like($r->{err}, qr/root keeps no ratchet there/, 'and says so');
};

subtest 'key files' => sub {
	my @good = slurp($start) =~ /(.*\n)/g;
	for ([join('', @good[0 .. 2]), 'a line short'],
	    [join('', @good, "more\n"), 'a line more'],
	    [join('', @good) =~ s/epoch 1/epoch 0/r, 'epoch 0'],
	    [join('', @good) =~ s/epoch 1/epoch 10000001/r, 'too late an epoch'],
	    [join('', @good) =~ s/id ./id g/r, 'no id'],
	    [join('', @good) =~ s/ratchet 1/ratchet 2/r, 'another version'],
	    [join('', @good) =~ s/key .*/key 00/r, 'no key']) {
		my ($text, $name) = @$_;
		spew($case, $text);
		verifies([-k => $case, $log], 78, qr/expected the lines/, $name);
		my $r = tlspolicy('audit', 'key', '-c', $conf, $case);
		like("$r->{status} $r->{err}", qr/^78 .*expected the lines/,
		    '... audit key says so, too');
	}
	spew($case, join('', @good) =~ s/id ..../id 0000/r);
	verifies([-k => $case, $log], 78, qr/id is not that of its key/, 'another id');
	my $r = tlspolicy('audit', 'key', '-c', $conf, '-r', $start);
	is($r->{status}, 74, 'what is there is not written over');
	$r = tlspolicy('audit', 'key', '-c', $conf, $copy{3});
	is($r->{out}, "ratchet $id, epoch 3\n", 'which one it is');
	$r = tlspolicy('audit', 'key', '-c', $conf, '-r', '-n', 'x', $case);
	is($r->{status}, 64, 'one key at a time');
};

done_testing;
