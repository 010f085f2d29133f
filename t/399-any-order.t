#!/usr/bin/perl
#
# Files of three nodes and two days, in every order: each command says the same, to
# the byte.  TLSPOLICY_ORDERS of them, by chance.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use List::Util qw(shuffle);
use Test::More;
use Tlspolicy::Talk;

my $seed = $ENV{TLSPOLICY_SEED} // time;
srand $seed;
note "TLSPOLICY_SEED=$seed";
my $bin = Tlspolicy::Scratch::builddir() . '/tlspolicy';
my $conf = scratch()->write('empty.conf', '');
my $rules = "TLS_Clt:example.com WARN+ENCR:112\n";
my $stricter = scratch()->write('stricter', "TLS_Clt:example.com PERM+VERIFY\n");
my $signer = scratch()->path('signer');
my $verifier = scratch()->write('verifier', Tlspolicy::Scratch::must($bin,
    'audit', 'key', '-c', $conf, '-n', 'n1/audit', $signer));
my $notes = scratch()->path('notes');
my @files;

for my $name (qw(n1 n2 n3)) {
	my $daemon = daemon($rules, name => $name, settings => $name ne 'n1' ? {} :
	    { 'checkpoint-key-file' => $signer, 'checkpoint-file' => $notes });
	my $log = "$daemon->{dir}/audit.log";
	for my $day (1, 2) {
		for my $n (1 .. 12) {
			my $m = session($daemon, %sendmail, $n % 2 ? %tls : (),
			    j => "$name.example.org", i => "$name-$day-$n");
			$m->mail("a\@d$n.example");
			$m->rcpt('b@example.org');
			$m->message;
			$m->quit;
		}
		next if $day == 2;
		$daemon->rotate("$log.1");
		$daemon->tlspolicy('set', 'TLS_Clt:z', 'OK');
	}
	$daemon->stop;
	push @files, "$log.1", $log;
}

my @commands = (['audit', 'verify', '--json'], ['audit', 'verify'],
    ['report', '--json'], ['report', '--csv'], ['report', '--html'], ['report'],
    ['report', '--nodes', '--csv'], ['suggest'],
    ['replay', '-r', $stricter], ['replay', '--json', '-r', $stricter],
    ['doctor', '--fleet', '--json'], ['audit', 'show'],
    ['audit', 'prove', '--checkpoints', $notes, '--verifier', $verifier,
    'n1-1-3']);

sub say_of
{
	my ($command, @files) = @_;
	my @words = @$command;
	my @c = splice @words, 0, $words[0] eq 'audit' ? 2 : 1;
	my $r = Tlspolicy::Scratch::run($bin, @c, '-c', $conf, @words, @files);
	return ($r->{status}, $r->{out}, $r->{err});
}

for my $command (@commands) {
	# A proof is of one node's log.
	my @files = grep { "@$command" !~ /^audit prove/ || m{/n1/} } @files;
	my ($status, $out, $err) = say_of($command, @files);
	my $what = join ' ', map { s{.*/}{}r } @$command;
	ok(length $out, "$what: prints") or diag $err;
	my @wrong;
	for (1 .. $ENV{TLSPOLICY_ORDERS} // 6) {
		my @order = shuffle @files;
		my @again = say_of($command, @order);
		push @wrong, "@order\n$again[0]\n$again[1]$again[2]" if
		    $again[0] != $status || $again[1] ne $out;
	}
	is(scalar @wrong, 0, "$what: in any order") or diag $wrong[0], $out;
}

done_testing;
