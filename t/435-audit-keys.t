#!/usr/bin/perl
#
# Keys of the chain change, files are in another order, from several nodes, or
# gone: what was sealed with a key that is not given is named, and nobody without
# the key passes anything off as whole.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA qw(hmac_sha256_hex sha256_hex);
use JSON::PP qw(decode_json);
use Test::More;
use Tlspolicy::Talk;

my $scratch = scratch();
my $rules = "TLS_Clt:example.com PERM+ENCR:112\n";
my %key = (a => 'the first key, long enough', b => 'another key, as long',
    x => 'nobody has this one');
my %path = map { $_ => $scratch->write("key-$_", "$key{$_}\n", 0600) } keys %key;
my %id = map { $_ => substr hmac_sha256_hex('tlspolicy key id', $key{$_}), 0, 16 }
    keys %key;
my $conf = $scratch->write('empty.conf', '');
my $case = $scratch->path('case');

sub slurp
{
	return Tlspolicy::Scratch::slurp($_[0]);
}

sub spew
{
	return Tlspolicy::Scratch::spew(@_);
}

sub verify
{
	my (@args) = @_;
	return Tlspolicy::Scratch::run(
	    Tlspolicy::Scratch::builddir() . '/tlspolicy', 'audit', 'verify',
	    '-c', $conf, @args);
}

sub verifies
{
	my ($args, $status, $like, $name) = @_;
	my $r = verify(@$args);
	is($r->{status}, $status, "$name: exit $status");
	like($r->{out} . $r->{err}, $like, $name) or diag($r->{out}, $r->{err});
	return $r;
}

sub keys_of
{
	return map { (-k => $path{$_}) } @_;
}

# Seals lines as somebody would who has this key, or none.
sub seal
{
	my ($key, $before, $seq, @bodies) = @_;
	my @lines;
	for (@bodies) {
		my $body = s/\}$/,"seq":$seq/r;
		$before = defined $key ?
		    hmac_sha256_hex("$before$body}", $key) :
		    sha256_hex("$before$body}");
		push @lines, qq($body,"chain":"$before"}\n);
		$seq++;
	}
	return wantarray ? @lines : $lines[-1];
}

# Lines as they were before they were sealed.
sub bodies
{
	return map { s/,"seq":\d+,"chain":"\w+"\}\n?$/}/r } @_;
}

my $zeros = '0' x 64;
my $time = '"time":"2026-03-01T12:00:00.000000Z"';
my $runs = 0;

# Some records of a daemon with this key.
sub log_with
{
	my ($letter, $name, $n) = @_;
	my $d = daemon($rules, name => $name, settings => {
	    defined $letter ? ('audit-key-file' => $path{$letter}) : () });
	records($d, $n // 3);
	return $d;
}

sub records
{
	my ($d, $n) = @_;
	my $m = session($d);
	$m->mail("a\@example.com") for 1 .. $n;
	$m->quit;
}

sub restart
{
	my ($d, %settings) = @_;
	is($d->stop, 0, 'the daemon ends');
	$d->configure(%settings);
	$d->run;
	records($d, 2);
}

subtest 'another key begins another file' => sub {
	my $d = log_with('a', 'change');
	my $log = "$d->{dir}/audit.log";
	restart($d, 'audit-key-file' => $path{b});
	my ($old) = glob "$log-*";
	like($old, qr/^\Q$log\E-\d{8}-\d+$/, 'the old file is renamed');
	logged($d, qr/the file that was there is renamed/, 'and the log says so');
	like((split /\n/, slurp($old))[0], qr/"torn":0,"key":"$id{a}","seq":1,/,
	    'its link has the id of its key');
	like((split /\n/, slurp($log))[0],
	    qr/"why":"key","key":"$id{b}","seq":7,/, 'and the new one that of its');
	verifies([keys_of('a', 'b'), $log, $old], 0, qr/^whole: 11 lines in 2/,
	    'both keys');
	verifies([keys_of('b', 'x', 'a'), $old, $log], 0, qr/^whole: 11 lines/,
	    'in any order, among others');
	my $r = verifies([keys_of('b'), $old, $log], 65, qr/^not verified$/m,
	    'the new key alone');
	like($r->{err}, qr/^\Q$old\E: not verified: .* the key $id{a}, which was not/m,
	    'names the other file and its key');
	unlike($r->{out} . $r->{err}, qr/broken|changed|added|dropped|cut/,
	    'and cries no tampering');
	verifies([keys_of('b'), $log], 0, qr/^missing: lines 1 to 6, older/m,
	    'its file alone is whole, from there on');
	verifies([keys_of('a'), $old, $log], 65,
	    qr/^\Q$log\E: not verified: .* $id{b},/m, 'the old key alone');
	verifies([$old, $log], 65, qr/^not verified$/m, 'no key');
	my @lines = slurp($old) =~ /(.*\n)/g;
	$lines[4] =~ s/example/Example/;
	spew($case, @lines);
	verifies([keys_of('a', 'b'), $case, $log], 65,
	    qr/^broken: changed\n\Q$case\E:5:/, 'a line changed is found');
	is($d->stop, 0, 'ends');
};

subtest 'the id tells nothing of the key' => sub {
	my $d = log_with('a', 'id');
	unlike(slurp("$d->{dir}/audit.log"), qr/\Q$key{a}\E/, 'not the key');
	isnt($id{a}, substr(sha256_hex($key{a}), 0, 16), 'nor its hash');
	unlike(slurp("$d->{dir}/audit.log"),
	    qr/@{[hmac_sha256_hex('tlspolicy key id', $key{a})]}/, 'nor all of it');
};

subtest 'a torn end, and then another key' => sub {
	my $d = log_with('a', 'torn');
	my $log = "$d->{dir}/audit.log";
	is($d->stop, 0, 'ends');
	unlink "$d->{dir}/state.audit.log"; # else it is a loss: 436
	spew($log, substr slurp($log), 0, -30);
	$d->configure('audit-key-file' => $path{b});
	$d->run;
	logged($d, qr/the file that was there is renamed/, 'renamed');
	my ($old) = glob "$log-*";
	verifies([keys_of('a', 'b'), $old, $log], 0, qr/^whole: .*, 1 torn/, 'whole');
	spew($case, slurp($old) =~ s/.\z//sr);
	verifies([keys_of('a', 'b'), $case, $log], 65,
	    qr/^broken: changed\n\Q$case\E:6: changed: there are not as many/,
	    'as many bytes as the link says');
};

subtest 'logs without ids' => sub {
	my @bodies = (qq({"v":1,"event":"link",$time,"previous":"$zeros","torn":0}),
	    qq({"v":1,"event":"x",$time}), qq({"v":1,"event":"y",$time}));
	my @lines = seal($key{a}, $zeros, 1, @bodies);
	spew($case, @lines);
	verifies([keys_of('a'), $case], 0, qr/^whole: 3 lines/, 'with its key');
	verifies([keys_of('b', 'a'), $case], 0, qr/^whole: 3/, 'among others');
	verifies([keys_of('b'), $case], 65, qr/^broken: changed/, 'without it');
	spew($case, seal(undef, $zeros, 1, @bodies));
	verifies([$case], 0, qr/^whole: 3 lines/, 'without any key');
	my $d = log_with('a', 'old', 1);
	my $log = "$d->{dir}/audit.log";
	is($d->stop, 0, 'ends');
	unlink "$d->{dir}/state.audit.log";
	spew($log, @lines);
	$d->run;
	logged($d, qr/the file that was there is renamed/, 'renamed');
	my ($old) = glob "$log-*";
	verifies([keys_of('a'), $old, $log], 0, qr/^whole: 4 lines in 2 files/,
	    'the daemon goes on in a file with an id');
};

subtest 'the superuser without the key' => sub {
	my $d = log_with('a', 'forger', 6);
	my $log = "$d->{dir}/audit.log";
	is($d->stop, 0, 'ends');
	my @lines = slurp($log) =~ /(.*\n)/g;
	my @bodies = bodies(@lines);
	my @forged = @bodies;
	splice @forged, 5, 1;
	spew($case, seal(undef, $zeros, 1, @forged));
	verifies([keys_of('a'), $case], 65, qr/^broken: changed/,
	    'all computed anew, under the id of the key');
	(my $link = $forged[0]) =~ s/,"key":"\w+"//;
	spew($case, seal(undef, $zeros, 1, $link, @forged[1 .. $#forged]));
	verifies([keys_of('a'), $case], 65, qr/^not verified$/m,
	    'as a log without a key');
	($link = $forged[0]) =~ s/"key":"\w+"/"key":"$id{x}"/;
	spew($case, seal($key{x}, $zeros, 1, $link, @forged[1 .. $#forged]));
	verifies([keys_of('a'), $case], 65, qr/ the key $id{x}, which was not/,
	    'under a key of his own');
	spew($case, $link =~ s/\}$/,"seq":1,"chain":"$zeros"}\n/r, @lines[1 .. $#lines]);
	verifies([keys_of('a'), $case], 65, qr/^not verified$/m,
	    'another id in front of true lines');
	spew($case, @lines, seal(undef, $lines[-1] =~ /"chain":"(\w+)"/, 10,
	    $bodies[4]));
	verifies([keys_of('a'), $case], 65, qr/^broken: changed\n\Q$case\E:10:/,
	    'a line at the end, without the key');
	my $end = ($lines[-1] =~ /"chain":"(\w+)"/)[0];
	my $more = spew("$case.2", seal(undef, $end, 10, qq({"v":1,"event":"link",$time,)
	    . qq("previous":"$end","torn":0}), $bodies[4]));
	verifies([keys_of('a'), $log, $more], 65, qr/^not verified$/m,
	    'a file more, without a key');
	my $other = spew("$case.3", seal(undef, $end, 10, qq({"v":1,"event":"link",$time,)
	    . qq("previous":"$end","torn":0,"key":"$id{a}"}), $bodies[4]));
	verifies([keys_of('a'), $log, $other], 65, qr/^broken: changed/,
	    'the same with an id');
};

subtest 'no key at first' => sub {
	my $d = log_with(undef, 'begin');
	my $log = "$d->{dir}/audit.log";
	restart($d, 'audit-key-file' => $path{a});
	is($d->stop, 0, 'ends');
	my ($old) = glob "$log-*";
	verifies([keys_of('a'), $old, $log], 0, qr/^whole: 11 lines in 2 files/,
	    'vouched for by the file with a key');
	verifies([keys_of('a'), $old], 65, qr/^not verified$/m, 'not by itself');
	my @bodies = bodies(slurp($old) =~ /(.*\n)/g);
	$bodies[3] =~ s/example/Example/;
	spew($case, seal(undef, $zeros, 1, @bodies));
	verifies([keys_of('a'), $case, $log], 65, qr/^broken: changed/,
	    'changed since, and computed anew');
};

subtest 'several nodes' => sub {
	my (@files, @keep);
	for my $node ('mx1.example.org', 'mx2.example.org') {
		my $d = daemon($rules, name => $node, settings => {
		    'audit-key-file' => $path{$node =~ /1/ ? 'a' : 'b'} });
		push @keep, $d;
		my $log = "$d->{dir}/audit.log";
		for my $n (1 .. 3) {
			my $m = session($d, j => $node);
			$m->mail("a\@example.com") for 1 .. 3;
			$m->quit;
			next if $n == 3;
			ok($d->rotate("$log.$n"), 'another file');
		}
		push @files, "$log.1", "$log.2", $log;
	}
	my $r = verifies([keys_of('a', 'b'), reverse @files], 0,
	    qr/^whole: 14 lines in 3 files\n.*\nlines: 1 to 14 of mx1.*\nwhole: 14 lines in 3 files\n.*\nlines: 1 to 14 of mx2|mx2.*mx1/s,
	    'each whole');
	$r = verify('--json', keys_of('a', 'b'), @files);
	my $json = decode_json($r->{out});
	is($json->{result}, 'whole', 'JSON');
	is_deeply([sort map { "@{$_->{nodes}} $_->{first} $_->{last}" } @{$json->{chains}}],
	    ['mx1.example.org 1 14', 'mx2.example.org 1 14'], 'JSON: chains');
	my ($head) = $json->{chains}[1]{head};
	verifies(['--head', $head, keys_of('a', 'b'), @files], 0, qr/^whole/,
	    'a head of one of them');
	verifies(['--head', 'a' x 64, keys_of('a', 'b'), @files], 65, qr/^broken: cut/m,
	    'a head of none');
	$r = verify('--json', keys_of('a', 'b'), @files[0, 2 .. 5]);
	is($r->{status}, 65, 'a file in the middle is gone');
	$json = decode_json($r->{out});
	is($json->{result}, 'broken', '... broken');
	is_deeply([sort map { ($_->{break} // {})->{kind} // 'none' } @{$json->{chains}}],
	    ['cut', 'none'], '... the one, and the other is whole');
	$r = verify('--json', keys_of('a', 'b'), @files[1 .. 5]);
	$json = decode_json($r->{out});
	is_deeply([sort map { $_->{missing_before} } @{$json->{chains}}], [0, 6],
	    'the oldest is gone, and that is said');
	verifies(['--from', 1, keys_of('a', 'b'), @files[1 .. 5]], 65,
	    qr/lines 1 to 6 are missing/, '... and insisted on');
	verifies(['--from', 0], 64, qr/from/, 'from 0');
	verifies([map({ (-k => $path{a}) } 1 .. 65)], 64, qr/64/, 'too many keys');
};

done_testing;
