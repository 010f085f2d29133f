#!/usr/bin/perl
# The policy of mail that leaves postfix, and another map behind it: Outbound.pm.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Outbound;

Tlspolicy::Outbound->start('postfix', behind => 1)->another_behind;
done_testing;
