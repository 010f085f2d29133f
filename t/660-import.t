#!/usr/bin/perl
#
# A Postfix's own configuration against what import makes of it: the same
# sessions in clear, judged by Postfix and by the rules.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Site;

my $site = Tlspolicy::Site->start('provider');
$site->reload;
my $import = $site->tlspolicy('import', '--config', $site->{etc}, 'postfix');
is($import->{status}, 65, 'not all lines are of equal force');
like($import->{err}, qr/recipients:1: .*extensions, too\n.*recipients:3: /s,
    'and these are named');
my $rules = $site->{scratch}->write('rules', $import->{out});

my @clients = (['gw.partner.example', '192.0.2.1'],
    ['a.gw.partner.example', '192.0.2.2'],
    ['test.gw.partner.example', '192.0.2.3'],
    ['clinic.example', '192.0.2.4'], ['free.example', '192.0.2.5'],
    ['[UNAVAILABLE]', '198.51.100.9'], ['free.example', '198.51.100.77'],
    ['clinic.example', '198.51.100.77'], ['old.example', '198.51.100.78'],
    ['mx.example.com', '192.0.2.9'], ['test.gw.partner.example', '198.51.100.1'], ['x.old.example', '192.0.2.6']);
my @senders = ('', 'a@bank.example', 'a@x.bank.example',
    'a@lists.bank.example', 'newsletter@bank.example', 'pay@shop.example',
    'pay+x@shop.example', 'other@shop.example', 'a@city.example',
    'a@quiet.bank.example', 'a@free.example');
my @recipients = qw(payroll@example.org postmaster@example.org
    other@example.org a@sub.example.org payroll@sub.example.org
    Payroll@EXAMPLE.org root@example.org b@example.org);

my @asked = $site->ask_postfix(\@clients, \@senders, \@recipients);
$site->verdicts_are('provider', \@asked, '-r', $rules);

# Senders that are bound to their hosts by tables of clients.
$site = Tlspolicy::Site->start('bound');
$site->reload;
$import = $site->tlspolicy('import', '--config', $site->{etc}, 'postfix');
is($import->{status}, 0, 'bound: all lines are of equal force') or
    diag($import->{err});
like($import->{out}, qr/^Profile:bank\tPERM\+ENCR:0\+CLIENT:192.0.2.0\/28\+\+CLIENT:/m,
    'bound: a class is a profile');
$rules = $site->{scratch}->write('rules', $import->{out});
@clients = (['[UNAVAILABLE]', '192.0.2.1'], ['[UNAVAILABLE]', '192.0.2.15'],
    ['[UNAVAILABLE]', '192.0.2.16'], ['mx.bank.example', '192.0.2.5'],
    ['mx.insurer.example', '203.0.113.1'], ['mx.insurer.example', '192.0.2.3'],
    ['a.mx.insurer.example', '203.0.113.2'], ['MX.Insurer.Example', '203.0.113.3'],
    ['out.insurer.example', '203.0.113.4'], ['a.out.insurer.example', '203.0.113.5'],
    ['a.b.out.insurer.example', '203.0.113.6'], ['[UNAVAILABLE]', '198.51.100.9'],
    ['x.example', '198.51.101.9'], ['[UNAVAILABLE]', 'IPV6:2001:db8:1::9'],
    ['[UNAVAILABLE]', 'IPV6:2001:db9::9'], ['xout.insurer.example', '203.0.113.7']);
@senders = ('', 'a@bank.example', 'a@x.bank.example', 'desk@bank.example',
    'DESK@Bank.Example', 'desk@x.bank.example', 'a@insurer.example',
    'a@x.insurer.example', 'news@insurer.example', 'both@insurer.example',
    'a@city.example', 'b@city.example', 'c@free.example', 'bank@bank.example',
    'a+x@insurer.example', 'd@city.example', 'x@CITY.example');
@recipients = qw(a@example.org b@example.org c@example.org d@example.org);
@asked = $site->ask_postfix(\@clients, \@senders, \@recipients);
$site->verdicts_are('bound', \@asked, '-r', $rules);
cmp_ok(scalar(grep { $_->[1] eq 'reject' } @asked), '>', 100,
    'bound: many: reject');

# Clients that lists let pass before they ask for TLS.
$site = Tlspolicy::Site->start('spared');
$site->reload;
$import = $site->tlspolicy('import', '--config', $site->{etc}, 'postfix');
is($import->{status}, 0, 'spared: all lines are of equal force') or
    diag($import->{err});
$rules = $site->{scratch}->write('rules', $import->{out});
push @clients, ['[UNAVAILABLE]', '10.1.2.3'], ['[UNAVAILABLE]', '10.2.2.3'],
    ['[UNAVAILABLE]', 'IPV6:2001:db8:9::1'], ['scanner.example', '203.0.113.60'],
    ['[UNAVAILABLE]', '203.0.113.61'], ['x.example', '203.0.113.80'],
    ['mx.bank.example', '203.0.113.87'], ['x.example', '203.0.113.88'];
push @senders, 'a@lists.bank.example', 'a@x.lists.bank.example',
    'a@city.example', 'a@x.city.example', 'a@y.x.city.example';
push @recipients, 'c+x@example.org';
@asked = $site->ask_postfix(\@clients, \@senders, \@recipients);
$site->verdicts_are('spared', \@asked, '-r', $rules);
done_testing;
