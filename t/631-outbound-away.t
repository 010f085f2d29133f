#!/usr/bin/perl
# Mail that leaves postfix while daemon and store come and go: Outbound.pm.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Outbound;

Tlspolicy::Outbound->start('postfix')->comes_and_goes;
done_testing;
