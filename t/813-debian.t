#!/usr/bin/perl
#
# The Debian package's prerm says what Postfix still asks of us, in whatever
# parameter and spelling; and nothing that only looks like it.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Scratch;

my $top = Tlspolicy::Scratch::topdir();
plan skip_all => 'no postconf' unless grep { -x "$_/postconf" }
    split(/:/, $ENV{PATH}), '/usr/sbin';
plan skip_all => 'it would stop services' if -d '/run/systemd/system';

my $scratch = Tlspolicy::Scratch->new;
my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
$scratch->write('tlspolicy.conf', <<'END');
socket = inet:8891@127.0.0.1
facts-socket = unix:/var/spool/postfix/private/facts
socketmap = unix:/srv/map.sock
END
# The machine's own settings are not those of this test.
$scratch->write('tlspolicy', "#!/bin/sh\ncommand=\$1; shift\n"
    . "exec $tlspolicy \$command -c " . $scratch->path('tlspolicy.conf')
    . " \"\$@\"\n");
chmod 0755, $scratch->path('tlspolicy') or die;

sub says
{
	my ($main, $master, @want) = @_;
	$scratch->write('main.cf', "compatibility_level = 3.6\n$main");
	$scratch->write('master.cf', $master);
	local $ENV{MAIL_CONFIG} = $scratch->path('.');
	local $ENV{PATH} = $scratch->path('.') . ":$ENV{PATH}:/usr/sbin";
	my $r = Tlspolicy::Scratch::run('sh', "$top/debian/tlspolicy.prerm",
	    'remove');
	is($r->{status}, 0, 'it never stops a removal');
	is_deeply([$r->{err} =~ /^    (\S.*)$/mg], \@want,
	    @want ? "it names @want" : "nothing of: $main$master")
	    or diag $r->{err};
	is($r->{err} =~ /WARNING/ ? 1 : 0, @want ? 1 : 0, 'a warning');
}

my $smtp = "smtp inet n - y - - smtpd\n";
says('', $smtp);
says("smtpd_milters = inet:localhost:11332\n"
    . "smtpd_tls_CAfile = /etc/tlspolicy/ca/ca.pem\n"
    . "smtpd_recipient_restrictions = reject_unauth_destination,\n"
    . "  check_policy_service unix:private/greylist\n", $smtp);
says("smtpd_milters = unix:tlspolicy/milter.sock\n"
    . "non_smtpd_milters = \$smtpd_milters\n", $smtp,
    'main.cf: smtpd_milters');
says("smtpd_milters = { inet:127.0.0.1:8891, default_action=accept },\n"
    . "    inet:localhost:11332\n", $smtp, 'main.cf: smtpd_milters');
says("smtpd_milter_maps = inline:{ 192.0.2.1=inet:localhost:8891 }\n", $smtp,
    'main.cf: smtpd_milter_maps');
# The facts feed: as the manual has it, bare, in a class of restrictions, in any
# list of them, and where the settings put it.
says("smtpd_recipient_restrictions =\n"
    . "    check_policy_service { unix:tlspolicy/facts.sock,\n"
    . "        timeout=5s, default_action=DUNNO },\n"
    . "    permit_mynetworks, reject_unauth_destination\n", $smtp,
    'main.cf: smtpd_recipient_restrictions');
says("smtpd_restriction_classes = told\n"
    . "told = check_policy_service unix:tlspolicy/facts.sock\n", $smtp,
    'main.cf: told');
says("smtpd_data_restrictions = check_policy_service unix:private/facts\n",
    $smtp, 'main.cf: smtpd_data_restrictions');
says('', "$smtp  -o { smtpd_relay_restrictions = check_policy_service"
    . " unix:tlspolicy/facts.sock, reject }\n",
    'master.cf: smtp/inet/smtpd_relay_restrictions');
# And mail that leaves.
says("smtp_tls_policy_maps = hash:/etc/postfix/tls,"
    . " proxy:socketmap:unix:/run/tlspolicy/map.sock:tlspolicy\n", $smtp,
    'main.cf: smtp_tls_policy_maps');
says("smtp_tls_policy_maps = socketmap:unix:/srv/map.sock:x\n", $smtp,
    'main.cf: smtp_tls_policy_maps');
done_testing;
