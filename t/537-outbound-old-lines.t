#!/usr/bin/perl
# Lines of a sendmail.mc from before there was one question: Outbound.pm.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Outbound;

Tlspolicy::Outbound->start('sendmail', mc => <<'MC')->comes_and_goes;
LOCAL_CONFIG
Ktlspolicy_access socket unix:/run/tlspolicy/map.sock
Kaccess_file hash -T<TMPF> /etc/mail/access
FEATURE(`access_db', `sequence tlspolicy_access access_file')dnl
dnl
dnl Second part, behind the MAILER lines.  A sequence passes over a map that it
dnl cannot open, as if it held no policy; so nothing leaves before the daemon
dnl has said that it is there.
LOCAL_TLS_SERVER
R$*		$: $1 $| $(tlspolicy_access tlspolicy:alive $: DOWN $)
R$* $| ALIVE	$@ $1
R$*		$#error $@ 4.7.0 $: "403 TLS policy cannot be consulted"
LOCAL_TLS_RCPT
R$*		$: $1 $| $(tlspolicy_access tlspolicy:alive $: DOWN $)
R$* $| ALIVE	$@ $1
R$*		$#error $@ 4.7.0 $: "403 TLS policy cannot be consulted"
MC
done_testing;
