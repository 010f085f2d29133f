#!/usr/bin/perl
#
# One record is proved to somebody who has only a public key and the script of
# tlspolicy-audit(5); nothing that was not signed is.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA qw(sha256_hex);
use Test::More;
use Tlspolicy::Talk;

my $scratch = scratch();
my $signer = $scratch->path('signer');
my $conf = $scratch->write('empty.conf', '');

sub slurp
{
	return Tlspolicy::Scratch::slurp($_[0]);
}

sub tlspolicy
{
	my ($command, $what, @args) = @_;
	return Tlspolicy::Scratch::run(Tlspolicy::Scratch::builddir() .
	    '/tlspolicy', $command, $what, '-c', $conf, @args);
}

my $key = tlspolicy('audit', 'key', '-n', 'mx1.example.org', $signer)->{out};
my $verifier = $scratch->write('verifier', $key);
my $pem = $scratch->write('public.pem', $key =~ s/\A.*\n//r);
my $page = slurp(Tlspolicy::Scratch::topdir() . '/man/tlspolicy-audit.5');
my ($script) = $page =~ /^\.Sh PROOFS\n.*?^(#!\/bin\/sh\n.*?)^\.Ed/ms;
$script =~ s/\\e/\\/g;
my $recipe = $scratch->write('verify-proof', $script);

my $notes = $scratch->path('notes');
my $d = daemon("TLS_From:bank.example PERM+ENCR:112\n", settings => {
    'checkpoint-key-file' => $signer, 'checkpoint-interval' => '1h',
    'checkpoint-file' => $notes });
my $log = "$d->{dir}/audit.log";

sub message
{
	my ($id, $from) = @_;
	my $m = session($d, %sendmail, i => $id);
	my $r = $m->mail($from // 'a@example.com');
	return if $r->{action} eq 'reply';
	$m->rcpt('b@example.org');
	$m->message;
	$m->quit;
}

message("Q$_") for 1 .. 12;
message('QREFUSED', 'x@bank.example');
message('QTWICE') for 1 .. 2;
is($d->stop, 0, 'the daemon ends');
$d->configure('checkpoint-key-file' => $signer, 'checkpoint-interval' => '1h',
    'checkpoint-file' => $notes);
$d->run;
message('QNEW');
my @known = ('--checkpoints', $notes, '--verifier', $verifier);

sub prove
{
	return tlspolicy('audit', 'prove', @known, @_);
}

sub check
{
	my ($proof, $pub) = @_;
	return Tlspolicy::Scratch::run('sh', $recipe,
	    $scratch->write('proof', $proof), $pub // $pem);
}

my @lines = slurp($log) =~ /(.*)\n/g;
for my $id ((map { "Q$_" } 1 .. 12), 'QREFUSED') {
	my $r = prove($id, $log);
	is($r->{status}, 0, "$id: proved") or diag($r->{err});
	my ($line) = grep { /"queue_id":"$id"/ } @lines;
	my $c = check($r->{out});
	is($c->{status}, 0, "$id: the recipe agrees") or diag($c->{out}, $c->{err});
	like($c->{out}, qr/\Aproved: mx1\.example\.org, time 20\S+Z\n\Q$line\E\n\z/,
	    "$id: and tells what was proved");
	my $others = join '|', map { quotemeta } grep { $_ ne $id }
	    map { /"queue_id":"(\w+)"/ } @lines;
	unlike($r->{out}, qr/"(?:$others)"/, "$id: no other record is in it");
	cmp_ok(scalar(() = $r->{out} =~ /^(?:left|right) \w{64}$/mg), '<=', 5,
	    "$id: short");
}

my $proof = prove('Q5', $log)->{out};
for (['the record', sub { s/a\@example/b\@example/ }],
    ['its number', sub { s/"seq":8,/"seq":9,/ }],
    ['a hash', sub { s/^(left|right) (\w)/"$1 " . ($2 eq '0' ? '1' : '0')/em }],
    ['a side', sub { s/^left/right/m or s/^right/left/m }],
    ['a step less', sub { s/^(?:left|right) \w+\n//m }],
    ['a step more', sub { s/^((?:left|right) \w+\n)/$1$1/m }],
    ['the root', sub { s/^root (\w)/'root ' . ($1 eq '0' ? '1' : '0')/em }],
    ['the time', sub { s/^time 20/time 21/m }],
    ['the name', sub { s/^mx1/mx2/m }],
    ['the signature', sub { s/(\S{20})\n\z/('A' x 20) . "\n"/e }],
    ['no signature', sub { s/\n\n\S+ \S+ \S+\n\z/\n/ }]) {
	my ($name, $how) = @$_;
	local $_ = $proof;
	$how->();
	isnt($_, $proof, "$name: forged");
	isnt(check($_)->{status}, 0, "$name: the recipe refuses it");
}
# A node is no record: what its two sides say is not a line.
my ($note) = $proof =~ /\n(\n.*)\z/s;
my @leaves = map { sha256_hex("$_\n") } @lines[0, 1];
my ($first) = $proof =~ /^(?:left|right) (\w+)$/m;
isnt(check("tlspolicy proof 1\n$leaves[0]$leaves[1]\n$note")->{status}, 0,
    'a node in place of a record');
isnt(check("tlspolicy proof 1\n{\"v\":1,\"event\":\"x\"}\nroot x\n$note")->{status}, 0,
    'what is no step');
tlspolicy('audit', 'key', '-n', 'mx1.example.org', "$signer.2");
my $other = $scratch->write('other.pem',
    tlspolicy('audit', 'key', "$signer.2")->{out} =~ s/\A.*\n//r);
isnt(check($proof, $other)->{status}, 0, 'another key of that name');

my $r = prove('QTWICE', $log);
is($r->{status}, 65, 'two records of a message');
like($r->{err}, qr/^\Q$log\E: line 17: message\n\Q$log\E: line 18: message\n.*say which by --seq/m, 'are told');
is(check(prove('--seq', 18, 'QTWICE', $log)->{out})->{status}, 0, 'one is chosen');
$r = prove('QNEW', $log);
is($r->{status}, 65, 'not signed yet');
like($r->{err}, qr/no checkpoint has its line yet/, '... and that is said');
is(prove('QNONE', $log)->{status}, 66, 'no such record');
is(prove()->{status}, 64, 'no message');
is(tlspolicy('audit', 'prove', 'Q5', $log)->{status}, 64, 'no checkpoints');
my @forged = @lines;
$forged[10] =~ s/a\@example/b\@example/;
my $forged = $scratch->write('forged', join '', map { "$_\n" } @forged);
$r = prove('Q5', $forged);
is($r->{status}, 65, 'a log that was altered proves nothing');
like($r->{err}, qr/not what the checkpoint has signed/, '... and that is said');
splice @forged, 10, 1;
$r = prove('Q5', $scratch->write('less', join '', map { "$_\n" } @forged));
like($r->{err}, qr/lines that were signed with it are not here/, 'nor one that lacks lines');
my $odd = $scratch->write('odd', $lines[10] =~ s/a\@example/b\@example/r . "\n");
$r = prove('Q5', $log, $odd);
like($r->{err}, qr/lines of that number are in several files/, 'nor two');

my ($seq) = $lines[7] =~ /"queue_id":"Q5".*"seq":(\d+)/;
my $withdrawn = $scratch->write('withdrawn', join '', map { "$_\n" } @lines,
    qq({"v":1,"event":"withdrawn","time":"2026-03-01T12:00:00.000000Z","of":$seq,)
    . '"seq":99,"chain":"' . '0' x 64 . '"}');
$r = prove('Q5', $withdrawn);
is($r->{status}, 65, 'a record that was withdrawn');
like($r->{err}, qr/the record was withdrawn/, '... and that is said');
done_testing;
