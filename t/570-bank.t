#!/usr/bin/perl
# The sessions that scripts/bank tells of, through sendmail.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Tlspolicy::BankLive;

Tlspolicy::BankLive::run('sendmail');
