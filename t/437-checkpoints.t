#!/usr/bin/perl
#
# Checkpoints: who had the machine and all its keys cannot alter unseen what was
# signed before, and who keeps the checkpoints cannot either.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA qw(hmac_sha256_hex sha256 sha256_hex);
use JSON::PP qw(decode_json);
use MIME::Base64 qw(decode_base64 encode_base64);
use POSIX ();
use Test::More;
use Tlspolicy::Talk;

my $scratch = scratch();
my $rules = "TLS_Clt:example.com PERM+ENCR:112\n";
my $secret = 'the key of the chain, all of it';
my $keyfile = $scratch->write('chain-key', "$secret\n", 0600);
my $conf = $scratch->write('empty.conf', '');
my $signer = $scratch->path('signer');
my $origin = 'mx1.example.org/audit';
my ($d, $log, $notes);

sub slurp
{
	return Tlspolicy::Scratch::slurp($_[0]);
}

sub spew
{
	return Tlspolicy::Scratch::spew(@_);
}

sub tlspolicy
{
	my ($command, $what, @args) = @_;
	return Tlspolicy::Scratch::run(Tlspolicy::Scratch::builddir() .
	    '/tlspolicy', $command, $what, '-c', $conf, @args);
}

my $r = tlspolicy('audit', 'key', '-n', $origin, $signer);
is($r->{status}, 0, 'a key is made') or diag($r->{err});
is((stat $signer)[2] & 07777, 0600, 'for nobody else');
my ($vkey, $pem) = $r->{out} =~ /^(.*?)\n(.*)/s;
my $verifier = $scratch->write('verifier', $r->{out});
my $pub = $scratch->write('pub.pem', $pem);
my ($hash, $raw) = $vkey =~ /^\Q$origin\E\+([0-9a-f]{8})\+(\S+)$/;
$raw = decode_base64($raw);
is(length $raw, 33, 'a verifier key as C2SP has it');
is(unpack('H8', sha256("$origin\n$raw")), $hash, 'its hash, too');
is(Tlspolicy::Scratch::run('openssl', 'pkey', '-in', $signer, '-pubout')->{out},
    $pem, 'openssl reads the key');
is(tlspolicy('audit', 'key', $signer)->{out}, $r->{out}, 'printed again');
isnt(tlspolicy('audit', 'key', '-n', $origin, $signer)->{status}, 0,
    'what is there is not written over');
for ('a b', "a\nb", 'a+b', '') {
	is(tlspolicy('audit', 'key', '-n', $_, "$signer.x")->{status}, 64,
	    'no origin');
}

sub begin
{
	my ($name, %settings) = @_;
	my $dir = $scratch->path("notes-$name");
	mkdir $dir or die "$dir: $!\n";
	$notes = "$dir/notes";
	$d = daemon($rules, name => $name, settings => {
	    'audit-key-file' => $keyfile, 'checkpoint-key-file' => $signer,
	    'checkpoint-interval' => '1s', 'checkpoint-file' => $notes,
	    %settings });
	$log = "$d->{dir}/audit.log";
}

sub records
{
	my ($n) = @_;
	my $m = session($d);
	$m->mail("a\@example.com") for 1 .. $n;
	$m->quit;
}

sub notes
{
	return -e $notes ? slurp($notes) =~ /(.*?\n\n.*?\n\n)/gs : ();
}

# Waits for a checkpoint of the line $seq; returns what it says.
sub signed
{
	my ($seq) = @_;
	my ($note) = (undef);
	ok(Tlspolicy::Scratch::wait_for(60, sub {
		($note) = grep { /\A.*\n$seq\n/ } notes();
		return $note;
	}), "line $seq is signed") or diag(join '', notes());
	return $note // '';
}

sub verify
{
	return tlspolicy('audit', 'verify', '-k', $keyfile, @_);
}

sub agrees
{
	my ($args, $status, $like, $name) = @_;
	my $r = verify('--checkpoints', $notes, '--verifier', $verifier, @$args);
	is($r->{status}, $status, "$name: exit $status");
	like($r->{out} . $r->{err}, $like, $name) or diag($r->{out}, $r->{err});
	return $r;
}

sub lines
{
	return slurp($log) =~ /(.*\n)/g;
}

# All computed anew, by who has the key.
sub forge
{
	my ($change, @lines) = @_;
	my ($before, $seq, @forged) = ('0' x 64, 0);
	my @bodies = map { s/,"seq":\d+,"chain":"\w+"\}\n//r } @lines;
	$change->(\@bodies);
	for (@bodies) {
		$seq++;
		$before = hmac_sha256_hex("$before$_,\"seq\":$seq}", $secret);
		push @forged, qq($_,"seq":$seq,"chain":"$before"}\n);
	}
	return spew("$log.forged", @forged);
}

subtest 'what is signed' => sub {
	begin('format');
	records(3);
	my $note = signed(6);
	my ($text, $sig) = $note =~ /\A(.*\n)\n\xe2\x80\x94 \Q$origin\E (\S+)\n\n\z/s;
	ok($sig, 'a signed note') or diag($note);
	my @l = lines();
	my ($head) = $l[5] =~ /"chain":"(\w+)"/;
	like($text, qr/\A\Q$origin\E\n6\n$head\ntime 20\S+Z\nlines \d to 6\nroot \w{64}\n\z/,
	    'origin, number, head, time and tree');
	my $bytes = decode_base64($sig);
	is(unpack('H8', $bytes), $hash, 'signed by that key');
	my $r = Tlspolicy::Scratch::run('openssl', 'pkeyutl', '-verify', '-pubin',
	    '-inkey', $pub, '-rawin', '-in', $scratch->write('text', $text),
	    '-sigfile', $scratch->write('sig', substr $bytes, 4));
	is($r->{status}, 0, 'as openssl says, too') or diag($r->{out}, $r->{err});
	agrees([$log], 0, qr/^checkpoints: \d+ agree, up to line 6, signed 20\S+Z; 0 lines are newer$/m,
	    'the log agrees');
	logged($d, qr/^\S+ checkpoint: \Q$origin\E\|6\|$head\|/m, 'the log has it, too');
	my $there = verify('--checkpoints', $scratch->path($d->{log}), '--verifier',
	    $verifier, $log);
	is($there->{status}, 0, 'and can be used in its place');
	like($there->{out}, qr/^checkpoints: \d+ agree, up to line 6,/m, '... as well');
	my $json = decode_json(verify('--json', '--checkpoints', $notes,
	    '--verifier', $verifier, $log)->{out});
	is($json->{checkpoints}{last}, 6, 'in JSON');
	ok($d->rotate("$log.1"), 'rotated');
	records(2);
	is($d->stop, 0, 'ends');
	like((notes())[-1], qr/\A.*\n9\n(?s:.*)^lines 7 to 9$/m,
	    'the last line is signed at the end; no tree spans two files');
	agrees([$log, "$log.1"], 0, qr/; 0 lines are newer$/m, 'all of it');
	agrees([$log], 0, qr/agree.*up to line 9/, 'the newer file');
	records_after_kill();
};

sub records_after_kill
{
	$d->run;
	records(2);
	$d->kill_hard;
	$d->run;
	records(1);
	signed(16);
	is($d->stop, 0, 'ends');
	my %covered;
	for (notes()) {
		my ($first, $last) = /^lines (\d+) to (\d+)$/m;
		$covered{$_}++ for $first .. $last;
	}
	is_deeply([grep { !$covered{$_} } 1 .. 16], [],
	    'each line is in a tree, whatever ended the daemon');
	agrees([$log, "$log.1"], 0, qr/^checkpoints: \d+ agree, up to line 16/m,
	    'and all agree');
}

subtest 'root with all of today\'s keys' => sub {
	begin('root', 'checkpoint-interval' => '1h');
	records(5);
	is($d->stop, 0, 'ends');
	my @l = lines();
	agrees([$log], 0, qr/up to line 8/, 'as it was');
	for (['a line changed', sub { $_[0][4] =~ s/example/Example/ },
	    qr/^broken: changed\n.*line 8 is not what .* another head/m],
	    ['a line taken out', sub { splice @{$_[0]}, 4, 1 },
	    qr/^broken: cut\n.*lines 8 to 8 are missing at the end/m],
	    ['one more put in', sub { splice @{$_[0]}, 4, 0, $_[0][3] },
	    qr/^broken: changed\n.*:8: .*another head/m],
	    ['the newest gone', sub { splice @{$_[0]}, 5 },
	    qr/^broken: cut\n.*lines 6 to 8 are missing/m],
	    ['another log', sub { @{$_[0]} = ($_[0][0], ($_[0][3]) x 9) },
	    qr/^broken: changed/m]) {
		my ($name, $how, $says) = @$_;
		my $forged = forge($how, @l);
		is(verify($forged)->{status}, 0, "$name: the chain alone is whole");
		agrees([$forged], 65, $says, $name);
	}
	spew("$log.first", @l);
	agrees(["$log.first"], 0, qr/0 lines are newer/, 'the true one agrees');
	my $more = forge(sub { push @{$_[0]}, $_[0][3] =~ s/example/Example/r }, @l);
	agrees([$more], 0, qr/; 1 lines are newer$/m,
	    'what came later is not proved, and that is said');
};

subtest 'who has no key of the chain' => sub {
	begin('keyless', 'checkpoint-interval' => '1h');
	records(3);
	is($d->stop, 0, 'ends');
	my @l = lines();
	$l[4] =~ s/example/Example/;
	spew("$log.forged", @l);
	my @args = ('-c', $conf, '--checkpoints', $notes, '--verifier', $verifier);
	my $r = tlspolicy('audit', 'verify', @args, "$log.forged");
	is($r->{status}, 65, 'still finds a changed line');
	like($r->{out} . $r->{err}, qr/^broken: changed\n.*one of the lines up to it was/ms,
	    'by the tree') or diag($r->{out}, $r->{err});
	is(tlspolicy('audit', 'verify', @args, $log)->{out}, "not verified\n",
	    'and knows what it cannot know');
};

subtest 'who keeps the checkpoints' => sub {
	begin('keeper');
	records(3);
	my $note = signed(6);
	is($d->stop, 0, 'ends');
	my $kept = $notes;
	my @all = notes();
	my $say = sub {
		my ($name, $text, $status, $like) = @_;
		$notes = $scratch->write('kept', $text);
		agrees([$log], $status, $like, $name);
	};
	$say->('none', '', 65, qr/kept: there is no checkpoint that a key/);
	$say->('noise', "hello\n\nworld\n\n" . ('x' x 5000) . "\n\0\n\n", 65,
	    qr/there is no checkpoint/);
	$say->('noise around', "hello\n\nworld\n$kept\n\n$note", 0, qr/: 1 agree/);
	$say->('another number', $note =~ s/^6$/7/mr, 65, qr/kept:\d+: the signature is not/);
	$say->('another head', $note =~ s/^(\w)(\w{63})$/($1 eq 'a' ? 'b' : 'a') . $2/emr,
	    65, qr/the signature is not/);
	$say->('another time', $note =~ s/^time 20/time 21/mr, 65, qr/the signature is not/);
	$say->('another signature', $note =~ s/(\S{4})(\S\S)==$/$1AA==/mr, 65,
	    qr/the signature is not/) if $note =~ /==$/m;
	$say->('half a note', "$note" . substr($note, 0, 40) . "\n$note", 65,
	    qr/signature|expected/);
	$say->('half a note at the end', $note . substr($note, 0, 40), 0, qr/: 1 agree/);
	$say->('twice', "$note$note", 0, qr/: 2 agree/);
	$say->('another origin', $note . $note =~ s/mx1/mx2/gr, 0,
	    qr/1 agree.*; 1 notes are of others/);
	$say->('only others', $note =~ s/mx1/mx2/gr, 65, qr/there is no checkpoint/);
	$say->('signed by others, too', $note =~ s/\n\n\z/\n\xe2\x80\x94 witness.example AAAA\n\n/r,
	    0, qr/: 1 agree/);
	my $theirs = $scratch->path('theirs');
	tlspolicy('audit', 'key', '-n', $origin, $theirs);
	my ($text) = $note =~ /\A(.*?\n)\n/s;
	$text =~ s/^6$/9/m;
	my $out = $scratch->path('theirs.sig');
	Tlspolicy::Scratch::run('openssl', 'pkeyutl', '-sign', '-inkey', $theirs,
	    '-rawin', '-in', $scratch->write('theirs.text', $text), '-out', $out);
	for my $id (pack('H8', $hash), 'xxxx') {
		my $sig = encode_base64($id . slurp($out), '');
		$say->('a key of their own, by that name',
		    "$note$text\n\xe2\x80\x94 $origin $sig\n\n", 65,
		    qr/the signature is not one of the key's/);
	}
	my $wrong = $scratch->write('no-verifier', "nothing\n");
	my $r = verify('--checkpoints', $kept, '--verifier', $wrong, $log);
	is($r->{status}, 65, 'a file without a verifier key');
	like($r->{err}, qr/expected a verifier key/, '... and that is said');
	is(verify('--checkpoints', $kept, $log)->{status}, 64, 'no verifier key');
	$r = verify('--checkpoints', $kept, '--verifier',
	    $scratch->write('vkey2', $vkey =~ s/\+([0-9a-f])/'+' . ($1 eq '0' ? '1' : '0')/er . "\n"), $log);
	is($r->{status}, 65, 'a verifier key that was mistyped');
};

subtest 'the oldest files are gone' => sub {
	begin('retention', 'checkpoint-interval' => '1h');
	records(2);
	for my $n (1, 2) {
		ok($d->rotate("$log.$n"), 'rotated');
		records(2);
	}
	is($d->stop, 0, 'ends');
	agrees(["$log.1", "$log.2", $log], 0, qr/: 3 agree, up to line 11/, 'all');
	agrees(["$log.2", $log], 0, qr/: 3 agree/, 'the link leads to the first');
	agrees([$log], 0, qr/: 2 agree.*; 1 are of older lines/, 'one is older');
};

subtest 'nowhere to go' => sub {
	begin('stuck', 'checkpoint-file' => '/nonexistent/notes');
	records(2);
	logged($d, qr{cannot open /nonexistent/notes.*; the checkpoint waits}, 'said');
	records(2);
	is(scalar(() = lines()), 7, 'mail goes on');
	is($d->stop, 0, 'ends');
	begin('freed');
	my $canary = $scratch->write('canary', "leave me\n");
	unlink $notes;
	symlink $canary, $notes;
	records(2);
	logged($d, qr/; the checkpoint waits/, 'a link is not written through');
	unlink $notes;
	signed(5);
	POSIX::mkfifo("$notes.new", 0666);
	rename "$notes.new", $notes;
	records(1);
	logged($d, qr/; the checkpoint waits.*; the checkpoint waits/s, 'nor a FIFO waited for');
	unlink $notes;
	signed(6);
	is(slurp($canary), "leave me\n", 'what the link led to is as before');
	is($d->stop, 0, 'ends');
};

for (['others can read it', sub { chmod 0644, $_[0] }, qr/others can read or write it/],
    ['no key', sub { spew($_[0], "origin a\nnothing\n") }, qr/expected an Ed25519 key/],
    ['no origin', sub { spew($_[0], slurp($signer) =~ s/^origin.*\n//r) },
	qr/expected "origin NAME"/],
    ['empty', sub { spew($_[0], '') }, qr/it is empty/]) {
	my ($name, $how, $says) = @$_;
	my $key = spew($scratch->path('bad'), slurp($signer));
	chmod 0600, $key;
	$how->($key);
	my $bad = Tlspolicy::Daemon->new(scratch => $scratch, rules => $rules,
	    name => "bad $name" =~ s/ /-/gr, settings => {
	    'checkpoint-key-file' => $key });
	eval { $bad->run };
	ok(Tlspolicy::Scratch::wait_for(60, sub {
		Tlspolicy::Scratch::ended($bad->{pid}) }),
	    "$name: the daemon does not start");
	like($bad->log, $says, "$name: and says why");
}

done_testing;
