#!/usr/bin/perl
#
# A fleet under mail: two providers, three nodes with an MTA each, in network
# namespaces.  A provider is killed, another one cut off together with a node, both
# sides change the same rule, and then there are a hundred changes a second.
# TLSPOLICY_STORM: for how many seconds (scripts/soak-fleet).

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Fleet;
use Tlspolicy::Scratch;

plan skip_all => Tlspolicy::Fleet::missing() if Tlspolicy::Fleet::missing();
Tlspolicy::Fleet::enter();

my $storm = $ENV{TLSPOLICY_STORM} // 5;
my $scratch = Tlspolicy::Scratch->new;
my $fleet = Tlspolicy::Fleet->new($scratch);
my @nodes = qw(n1 n2 n3);
my $rules = $scratch->write('first', "TLS_From:refused.example PERM+ENCR:1000\n"
    . join '', map { "TLS_Clt:k$_.example PERM+ENCR:1000\n" } 1 .. 20);
my %written = (1000 => 1);

sub change
{
	my ($provider, $n) = @_;
	$written{$n} = 1;
	my $r = $fleet->change($provider, 'set', 'TLS_From:refused.example',
	    "PERM+ENCR:$n");
	is($r->{status}, 0, "$n at $provider") or diag $r->{err};
}

sub arrives
{
	my ($n, @names) = @_;
	ok($fleet->all_show(qr/refused\.example\tPERM\+ENCR:$n$/m, @names),
	    "$n is in force on @names");
}

$fleet->provide($_) for qw(p1 p2);
my $r;
Tlspolicy::Scratch::wait_for(60, sub {
	$r = $fleet->change('p1', 'build', $rules);
	$r->{status} == 0 });
is($r->{status}, 0, 'the rules are in the directory') or diag $r->{err};
Tlspolicy::Scratch::wait_for(60, sub {
	$fleet->change('p2', 'diff', $rules)->{status} == 0 });
$fleet->node('n1', 'Postfix', 'p1', 'p2');
$fleet->node('n2', 'Sendmail', 'p2', 'p1');
$fleet->node('n3', 'Postfix', 'p1', 'p2');
my $traffic = $fleet->traffic('a@refused.example', @nodes);

change('p1', 1001);
arrives(1001, @nodes);
change('p2', 1002);
arrives(1002, @nodes);

$fleet->end_provider('p1', 'KILL');
change('p2', 1003);
arrives(1003, @nodes);
$fleet->provide('p1');

# One side has p1 and nobody, the other one p2, n1 and n2.
my $answered = $fleet->metric('n3', 'directory_answered_timestamp_seconds');
$fleet->cut('p1', 'n3');
$written{1004} = 1;
$fleet->change_inside('p1', 'TLS_From:refused.example', 'PERM+ENCR:1004');
change('p2', 1005);
arrives(1005, 'n1', 'n2');
ok(Tlspolicy::Scratch::wait_for(120, sub {
    $fleet->metric('n3', 'directory_followed') == 0 }),
    'n3 says that it follows nobody');
my $age = $fleet->metric('n3', 'directory_answered_timestamp_seconds');
ok($age >= $answered && $age < time, 'and since when');
like($fleet->shown('n3'), qr/PERM\+ENCR:100[34]$/m, 'its policy stays');
$written{1006} = 1;
$fleet->change_inside('p1', 'TLS_From:refused.example', 'PERM+ENCR:1006');
$fleet->heal('p1', 'n3');
# The last one of both sides.
arrives(1006, @nodes);
ok(Tlspolicy::Scratch::wait_for(60, sub {
    $fleet->metric('n3', 'directory_followed') == 1 }), 'n3 follows again');
is($fleet->policies(@nodes), 1, 'all have one policy');

my $took = $fleet->storm($storm, 2000, 'TLS_From:refused.example', map {
    "TLS_Clt:k$_.example" } 1 .. 20);
note sprintf '%d changes in %.1f s', 100 * $storm, $took;
$written{$_} = 1 for map { 2000 + $_ } 0 .. 100 * $storm - 1;
is($fleet->policies(@nodes), 1, 'and after a storm');

my %words = %{$traffic->finish};
my (%codes, @never);
for (keys %words) {
	my ($name, $code, $bits) = split /:/;
	$codes{$name}{$code // $_} += $words{$_};
	push @never, $_ if ($bits // 'none') ne 'none' && !$written{$bits};
}
is_deeply(\@never, [], 'no verdict by a rule that never was');
for my $name (@nodes) {
	is(join(' ', keys %{$codes{$name}}), '550', "$name: each mail was "
	    . 'answered, and refused') or diag explain $codes{$name};
	my %seen = $fleet->records($name);
	cmp_ok($seen{records}, '>', 10, "$name: is recorded");
	is($seen{unknown}, 0, "$name: by policies that the store has had");
	my $v = $fleet->{nodes}{$name}->tlspolicy('audit', 'verify',
	    "$fleet->{dir}/$name/audit.log");
	is($v->{status}, 0, "$name: its audit log verifies") or diag $v->{err};
}

done_testing;
