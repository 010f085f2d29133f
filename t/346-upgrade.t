#!/usr/bin/perl
#
# A store of format 4, which a program of that time wrote (t/data/README): nobody
# believes it, nobody overwrites it, and build --upgrade takes its rules over.

use strict;
use warnings;
use Config;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Uncompress::Gunzip qw(gunzip);
use Test::More;
use Tlspolicy::Talk;

plan skip_all => 'the store is one of a 64-bit machine with low bytes first'
    unless $Config{byteorder} eq '12345678';

my $shown = <<'END';
TLS_Clt:192.0.2	OK
TLS_Clt:two.example	TEMP+VERIFY:112
TLS_Srv:two.example	TEMP+VERIFY:112
TLS_From:three.example	PERM+VERIFY:112+CITag:bank++UNTIL:2030-01-01
bank:/CN=Bank+20CA	OK
TLS_To:joe@four.example	PERM+ENCR:256
TLS_Clt:	WARN+ENCR:112
TLS_From:set.example	PERM+ENCR:256
END
my $old = qr/policy\.mdb: format version 4, of an older version of this program; `tlspolicy build --upgrade' takes its rules over/;

# What it was built of, before set and del.
my $daemon = daemon("TLS_Clt:one.example PERM+ENCR:128\n");
my $store = "$daemon->{dir}/policy.mdb";

sub put_old
{
	unlink $store, "$store-lock";
	gunzip(Tlspolicy::Scratch::topdir() . '/t/data/store-4.gz' =>
	    "$store.new") or die "store-4.gz: no\n";
	rename "$store.new", $store or die "$store: $!\n";
}

sub tlspolicy
{
	my ($command, @args) = @_;
	return Tlspolicy::Scratch::run(Tlspolicy::Scratch::builddir()
	    . '/tlspolicy', $command, '-c', $daemon->{conf}, @args);
}

sub mail
{
	my ($from) = @_;
	my $m = session($daemon);
	my $r = $m->mail($from);
	$m->quit;
	return $r;
}

is($daemon->stop, 0, 'the daemon stops');
put_old();
my $bytes = Tlspolicy::Scratch::slurp($store);
for (['show'], ['build'], ['build', '-n'], ['set', 'TLS_Clt:x.example', 'OK'],
    ['del', 'TLS_Clt:192.0.2'], ['log'], ['diff']) {
	my $r = tlspolicy(@$_);
	is($r->{status}, 65, "@$_ refuses it");
	like($r->{err}, $old, "@$_ says what to do");
}
my $r = tlspolicy('build', '--upgrade', '-n');
is($r->{status}, 0, 'it can be taken over');
like($r->{err}, qr/of an older version; its 8 rules can be taken over$/,
    'which is said');
ok(Tlspolicy::Scratch::slurp($store) eq $bytes, 'it is as it was');

$daemon->run;
logged($daemon, $old, 'the daemon says it');
answer_is(mail('a@other.example'), [451, '4.3.0'], 'on-error decides');

$r = tlspolicy('build', '--upgrade');
is($r->{status}, 0, 'it is taken over');
is($r->{err}, "$store: generation 4, 8 rules\n", 'as the next generation');
is(tlspolicy('show')->{out}, $shown, 'with what was set and without what was '
    . 'deleted');
ok(Tlspolicy::Scratch::wait_for(60, sub {
	(mail('a@other.example')->{action} // '') eq 'continue'
}), 'the daemon judges by it');
answer_is(mail('a@set.example'), [550, '5.7.10'], 'by what was set');
like(tlspolicy('log')->{out},
    qr/^generation 4 .* build by .*\n +8 rules of an older version's store\n/,
    'its history begins with that');

$bytes = Tlspolicy::Scratch::slurp($store);
$r = tlspolicy('build', '--upgrade');
is("$r->{status}$r->{out}$r->{err}", '0', 'once more: nothing to do');
ok(Tlspolicy::Scratch::slurp($store) eq $bytes, 'nothing done');
is(tlspolicy('build')->{status}, 0, 'it is built as ever');

# A store of format 4 that is cut off, changed, or not there.
put_old();
truncate $store, 16384;
like(tlspolicy('build', '--upgrade')->{err}, qr/: cut off \(/, 'cut off');
put_old();
my $changed = Tlspolicy::Scratch::slurp($store) =~ s/set\.example/get.example/gr;
open my $fh, '>:raw', $store or die;
print $fh $changed;
close $fh or die;
$r = tlspolicy('build', '--upgrade');
is($r->{status}, 65, 'a changed byte');
like($r->{err}, qr/: damaged \(its contents are not what was written\)/,
    'is found');
unlink $store;
$r = tlspolicy('build', '--upgrade');
is($r->{status}, 66, 'no store');
ok(!-e $store, 'none is made');
for (['--json'], ['-m', 'why'], ['rules']) {
	is(tlspolicy('build', '--upgrade', @$_)->{status}, 64,
	    "--upgrade @$_");
}
done_testing;
