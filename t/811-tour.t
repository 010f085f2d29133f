#!/usr/bin/perl
#
# tlspolicy(7): its commands, run in order, print what the page shows.  Only
# times, digests and the day that an exception ends are others.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX qw(strftime);
use Test::More;
use Time::Local qw(timegm);
use Tlspolicy::Fault;
use Tlspolicy::Talk;
use Tlspolicy::Tree;

my $rules = "TLS_Clt:partner.example\tPERM+ENCR:128\n";
my $missing = Tlspolicy::Fault::missing('clock');
plan skip_all => $missing if defined $missing;
my $signer = scratch()->path('signer');
my $verifier = Tlspolicy::Scratch::must(Tlspolicy::Scratch::builddir() .
    '/tlspolicy', 'audit', 'key', '-c', scratch()->write('empty.conf', ''),
    '-n', 'mx1.example.org/audit', $signer);
my $daemon = daemon($rules, settings => { 'checkpoint-key-file' => $signer,
    'checkpoint-file' => scratch()->path('notes') });
my $end = strftime('%Y-%m-%d', gmtime(time + 90 * 86400));

# The mail that audit.log tells of: two of the partner's hosts.
my %from = (client_name => 'mail.partner.example', client_addr => '192.0.2.10');
for ([{ %tls, %from, i => 'Q1' }], [{ %from }]) {
	my $m = session($daemon, %sendmail, %{$_->[0]});
	my $told = $m->mail('ann@partner.example');
	next if $told->{action} eq 'reply';
	$m->rcpt('bob@example.org');
	$m->message;
}
$daemon->audit_after(0, 2);
$daemon->stop;

# private.log, of a daemon that hides people.
my $private = daemon('', name => 'private', settings => { privacy => 'days:30' });
my $m = session($private, %sendmail, %tls, %from, i => 'Q1');
$m->mail('ann@partner.example');
$m->rcpt('bob@example.org');
$m->message;
$m->quit;
$private->stop;

# quarter.log, of a partner who has a certificate from 19 July on.
my $clock = Tlspolicy::Fault::Clock->new(scratch());
my $at = sub { $clock->ahead(timegm(0, 0, 9, 1, 6, 2026) + $_[0] * 86400 -
    time) };
$at->(0);
my $quarter = daemon('', name => 'quarter', env => $clock->env);
for my $n (0 .. 91) {
	$at->($n);
	my $m = session($quarter, %sendmail, $n < 18 ? %tls : %verified,
	    client_name => 'mx.broker.example', i => "K$n");
	$m->mail('jo@broker.example');
	$m->rcpt('bob@example.org');
	$m->message;
	$m->quit;
}
$quarter->stop;
my ($script) = Tlspolicy::Tree::text('man/tlspolicy-audit.5') =~
    /^\.Sh PROOFS\n.*?^(#!\/bin\/sh\n.*?)^\.Ed/ms;

# Where the page's commands run: with `tlspolicy' of the build folder.
my $scratch = scratch();
my $dir = $scratch->path('tour');
my $program = Tlspolicy::Scratch::builddir() . '/tlspolicy';
mkdir $dir or die;
$scratch->write("tour/$_->[0]", $_->[1], 0755) for
    ['rules', $rules],
    ['stricter', "TLS_Clt:partner.example\tPERM+VERIFY:128\n"],
    ['mail.log', Tlspolicy::Tree::text('t/data/tour.maillog')],
    ['broker-verified', "TLS_From:broker.example\tPERM+VERIFY\n"],
    ['quarter.log', Tlspolicy::Scratch::slurp("$quarter->{dir}/audit.log")],
    ['notes', scratch()->read('notes')], ['verifier', $verifier],
    ['public.pem', $verifier =~ s/\A.*\n//r],
    ['verify-proof', $script =~ s/\\e/\\/gr],
    ['audit.log', Tlspolicy::Scratch::slurp("$daemon->{dir}/audit.log")],
    ['private.log', Tlspolicy::Scratch::slurp("$private->{dir}/audit.log")],
    ['conf', "rules = $dir/rules\naudit-file = $dir/audit.log\n" .
        "state-folder = $dir\n"],
    ['tlspolicy', <<"END"];
#!/bin/sh
command=\$1
shift
exec '$program' "\$command" -c '$dir/conf' -d '$dir/policy.mdb' "\$@"
END

Tlspolicy::Scratch::must('cp', '-rp', "$private->{dir}/salts", $dir);

# Of the test's own times; those of quarter.log stand on the page as they are.
sub days {
	return join '|', map { strftime('%Y-%m-%d', gmtime(time + $_ * 86400)) } @_;
}
my ($day, $later) = (days(0, 1), days(14, 15));

sub as_on_the_page {
	my ($text) = @_;
	$text =~ s{\Q$dir\E/policy\.mdb}{/var/lib/tlspolicy/policy.mdb}g;
	$text =~ s{\Q$dir\E/}{}g;
	$text =~ s/\Q$end\E/2027-03-31/g;
	$text =~ s/(?:$day)T\d\d:\d\d:\d\d(?:\.\d+)?Z/2026-11-29T08:00:01Z/g;
	$text =~ s/\b[0-9a-f]{64}\b/DIGEST/g;
	$text =~ s/\bplan [0-9a-f]{16}\b/plan 5e0b41d2a7c9f386/g;
	$text =~ s/~[0-9a-f]{32}/~COMMITMENT/g;
	$text =~ s/by \S+ \(uid \d+\) at \S+/by alice (uid 1000) at mx1/g;
	$text =~ s/ -c conf -d \S+policy\.mdb//g;
	$text =~ s/(?:$later)T\d\d:\d\d:\d\dZ/2026-12-13T08:00:01Z/g;
	$text =~ s/(?:$day)(?!T)/2026-11-29/g;
	$text =~ s/(2026-0[789]-\d\d)T09:\d\d:\d\d(?:\.\d+)?Z/$1T09:00:00Z/g;
	return $text;
}

my $page = Tlspolicy::Tree::text('man/tlspolicy.7');
my @steps;
while ($page =~ /^\.Bd -literal\n(.*?)^\.Ed/msg) {
	my $block = $1;
	push @steps, [$1, $2] while $block =~ /^\$ (.*)\n((?:(?!\$ ).*\n)*)/mg;
}
cmp_ok(scalar @steps, '>=', 15, 'commands were found');
for (@steps) {
	my ($command, $want) = @$_;
	my $now = strftime('%Y-%m-%dT%H:%M:%SZ', gmtime);
	my $run = $command =~ s/2027-03-31/$end/gr =~
	    s/2026-11-29T08:00:01Z/$now/gr =~
	    s/2026-11-29/substr $now, 0, 10/ger;
	my $r = Tlspolicy::Scratch::run('sh', '-c',
	    "cd '$dir' && PATH='$dir':\$PATH && exec 2>&1; $run");
	is(as_on_the_page($r->{out}), $want, $command);
}
is(scalar(() = $page =~ /^\.Sh [A-Z ]+$/mg) - 3, 7, 'the seven tasks');

# What is asked at its head is answered by a command that is shown.
my ($questions) = $page =~ /^\.Bl -column (.*?)^\.El/ms;
my @answers = map { s/\bFl -?(?=\w)/(length $& > 3 ? '--' : '-')/ger }
    map { split / ; Ic / } $questions =~ / Ta Ic (.*)/g;
cmp_ok(scalar @answers, '>=', 12, 'questions were found');
for (@answers) {
	my ($words) = /^((?:(?!Ar )\S+ ?)+)/;
	my $all = join '.*', map { quotemeta } split ' ', $words;
	ok((grep { $_->[0] =~ /^tlspolicy $all\b/ } @steps), "shown: $words");
}
done_testing;
