#!/usr/bin/perl
#
# Mail that leaves a Postfix whose smtp(8) is chrooted, as in Debian's master.cf:
# by the line of scripts/postfix-main.cf, and by one that does not do there.

use strict;
use warnings;
use File::Copy qw(copy);
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Outbound;

# What smtp(8) looks up for itself lies in its chroot, too, as Debian has it.
my $write_master = \&Tlspolicy::Postfix::write_master;
{
	no warnings 'redefine';
	*Tlspolicy::Postfix::write_master = sub {
		my ($self) = @_;
		$write_master->($self);
		my $text = $self->{scratch}->read('postfix/etc/master.cf');
		$text =~ s/^(smtp unix - -) n/$1 y/m or die "no smtp unix\n";
		$self->{scratch}->write('postfix/etc/master.cf', $text);
	};
}

my $out = Tlspolicy::Outbound->start('postfix');
my $etc = "$out->{mta}{dir}/queue/etc";
-d $etc or mkdir $etc or die "$etc: $!\n"; # Postfix 3.10 makes it
for (qw(hosts nsswitch.conf)) {
	copy($out->{scratch}->path($_), "$etc/$_") or die "$_: $!\n";
}
copy('/etc/services', "$etc/services") or die "services: $!\n";

$out->policy('TLS_Srv:good.test VERIFY');
$out->delivery_is('good.test', qr/TLS configuration problem/,
    'the socket itself is not seen');
like($out->{mta}->log, qr/connect to \Q$out->{map}\E: No such file/,
    'for the chroot') or diag($out->{mta}->log);
$out->forget;

my ($line) = Tlspolicy::Scratch::slurp(Tlspolicy::Scratch::topdir()
    . '/scripts/postfix-main.cf') =~ /^smtp_tls_policy_maps = (.*)$/m;
$line =~ s{/run/tlspolicy/map\.sock}{$out->{map}} or die $line;
$out->{mta}->configure(smtp_tls_policy_maps => $line);
$out->policy('TLS_Srv:plain.test ENCR:1');
$out->delivery_is('plain.test', qr/TLS is required/, 'a rule, not met');
$out->forget;
$out->policy('TLS_Srv:wrong.test VERIFY+CN:elsewhere.test');
$out->delivery_is('wrong.test', 'tls', 'attributes of an answer');
$out->policy('TLS_Rcpt:test ENCR:1');
$out->delivery_is('plain.test', qr/TLS is required/, 'a rule of the parent');
$out->forget;
$out->policy;
$out->delivery_is('plain.test', 'clear', 'no rule');
is($out->{daemon}->stop, 0, 'the daemon is stopped');
$out->delivery_is('plain.test', qr/TLS configuration problem/,
    'without the daemon');
$out->forget;
$out->{daemon}->run;
$out->delivery_is('plain.test', 'clear', 'the daemon is back');
done_testing;
