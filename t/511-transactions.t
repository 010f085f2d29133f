#!/usr/bin/perl
# Several transactions in one connection to a real sendmail.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Tlspolicy::Transactions;

Tlspolicy::Transactions::run('sendmail');
