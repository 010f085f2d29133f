#!/usr/bin/perl
#
# Every command beside a store, or a plan's store, in which a byte is another
# one: what it reads of it is told as damaged, and never half of it as all.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Scratch;

my $bin = Tlspolicy::Scratch::builddir() . '/tlspolicy';
plan skip_all => "$bin is not built" unless -x $bin;
my $scratch = Tlspolicy::Scratch->new;
my $store = $scratch->path('policy.mdb');
my $conf = $scratch->write('conf', "socketmap = off\ndirectory-base = ou=x\naudit-file = " . $scratch->path('audit.log') . "\nrules = " . $scratch->path('rules') . "\n");
sub tlspolicy {
	my ($command, @args) = @_;
	my @words = split ' ', $command;
	return Tlspolicy::Scratch::run($bin, @words, '-c', $conf, '-d', $store, @args);
}
my $record = $scratch->write('audit.log', '{"v":1,"event":"message","seq":1,"time":"2099-11-01T10:00:00.000000Z","node":"mx.test","mta":"8.17.1",'
    . '"queue_id":"Q1","helo":"h","from":"a@victim.test","generation":3,"client":{"name":"c.victim.test","addr":"192.0.2.1"},"tls":null,'
    . '"rcpts":["b@victim.test"],"rules":[],"verdict":"accept","waiver":null,"reply":null,"reason":null,"mode":"enforce"}' . "\n");
$scratch->write('rules', <<'END');
TLS_Clt:victim.test	ENCR:1+BY:victim-of-clt
TLS_From:victim.test	AS:prof
TLS_To:victim.test	ENCR:1+BY:victim-of-to
TLS_Rcpt:victim.test	ENCR:1+BY:victim-of-rcpt
TLS_Srv:mx.victim.test	ENCR:1+BY:victim-of-srv
Profile:prof	ENCR:1+BY:victim-of-prof
TLS_Clt:other.test	OK
END
my $new = $scratch->write('new', "TLS_Clt:victim.test\tENCR:2\nTLS_Clt:other.test\tOK\n");
sub ok_run { my $r = tlspolicy(@_); die "@_: $r->{err}" if $r->{status}; return $r }
ok_run('build', '-m', 'message-one');
ok_run('set', '-m', 'message-two', 'Profile:prof', 'ENCR:2+BY:victim-of-prof');
ok_run('set', '-m', 'message-three', 'TLS_Clt:third.test', 'ENCR:1+BY:victim-of-third');
ok_run('plan', $scratch->path('new'));
my %good = map { $_ => Tlspolicy::Scratch::slurp("$store$_") } '', '.plan';
my @commands = (['show'], ['show', '--canonical'], ['show', '--json'], ['show', 'TLS_Clt:victim.test'], ['show', 'victim.test'], ['show', '--unbuilt'],
    ['show', '--generation', 1], ['show', '--generation', 2, 'Profile:prof'], ['show', '--at', '2099-01-01'],
    ['log'], ['log', '--json'], ['log', '-v'], ['log', '-v', '--json'], ['log', 'TLS_Clt:victim.test'], ['log', 'TLS_From:victim.test', '--json'], ['log', 'TLS_Clt:third.test'],
    ['diff', $new], ['diff', '--json', $new], ['diff', '--generation', '1..2'], ['diff', '--generation', '1..3', '--json'],
    ['export', '--store', 'ldif'], ['outbound', '--mta', 'sendmail', 'b@victim.test', 'mx.victim.test', '192.0.2.1'],
    ['outbound', '--mta', 'sendmail', 'victim.test', 'mx.victim.test', '192.0.2.1'], ['outbound', '--unasked', $record],
    ['check', '-t', 'TLS_Clt', 'client_name=victim.test'], ['check', 'mail_addr=a@victim.test', 'rcpt_addr=b@victim.test', 'client_name=victim.test'],
    ['replay', $record], ['replay', '--as-then', $record], ['replay', '--json', $record], ['audit why', 'Q1', $record], ['plan status', $record],
    ['plan status', '--json', $record], ['apply', $record], ['lint'],
    ['set', 'TLS_From:new.test', 'AS:prof'], ['set', 'TLS_Clt:victim.test', 'ENCR:1'], ['set', 'Profile:prof', 'ENCR:3'], ['set', 'My:/CN=x', 'OK'],
    ['del', 'TLS_Clt:victim.test'], ['del', 'Profile:prof'], ['rollback', 1], ['rollback', 2], ['build'], ['build', '-n'], ['build', $new], ['plan', $new]);
sub put { my ($end, $bytes) = @_; open my $fh, '+<', "$store$end" or die; binmode $fh; print $fh $bytes; truncate $fh, length $bytes; close $fh }
my %whole;
for my $c (@commands) {
	put($_, $good{$_}) for '', '.plan';
	$whole{"@$c"} = tlspolicy(@$c);
}
# Commands that do not say "damaged": check tells to try later, audit why explains
# without the store.
my %says = ('check' => qr/^tempfail 451 4\.3\.0 TLS policy cannot be consulted at present$/m,
    'audit why' => qr/^keys tried: cannot tell, the store cannot be read$/m);
my (%told, %by);
for my $victim (qw(victim-of-clt victim-of-prof victim-of-third message-two message-three), 'plan') {
	my %bad = %good;
	my $n = $victim eq 'plan' ? $bad{'.plan'} =~ s/victim/VICTIM/g : $bad{''} =~ s/\Q$victim\E/uc $victim/ge;
	cmp_ok($n, '>', 0, "$victim is another one");
	my @wrong;
	for my $c (@commands) {
		put($_, $bad{$_}) for '', '.plan';
		my ($r, $w, $says) = (tlspolicy(@$c), $whole{"@$c"}, $says{$c->[0]} // qr/^(?!)/);
		my $damaged = $r->{err} =~ /damaged/ || $r->{out} =~ $says;
		$told{"@$c"} ||= $damaged;
		$by{$victim} += $damaged ? 1 : 0;
		# No command prints a changed rule, or a part of the store with
		# success.
		push @wrong, "@$c: $r->{status} $r->{signal}\n$r->{out}$r->{err}" if $r->{signal} || $r->{out} =~ /VICTIM|MESSAGE/ ||
		    ($r->{err} =~ /damaged/ ? $r->{status} != 65 : !$damaged && ($r->{out} ne $w->{out} || $r->{status} != $w->{status}));
	}
	is(join("\n", @wrong), '', "$victim: told, or as if it was whole");
	cmp_ok($by{$victim}, '>', 0, '... and told by some');
}
is(join(', ', grep { !$told{$_} } map { "@$_" } @commands), 'lint', 'all that read the store have told of one');
done_testing;
