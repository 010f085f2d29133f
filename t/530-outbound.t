#!/usr/bin/perl
# Mail that leaves sendmail, under rules of each kind: Outbound.pm.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Outbound;

Tlspolicy::Outbound->start('sendmail')->every_rule;
done_testing;
