#!/usr/bin/perl
# Items of requirements through a real sendmail.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Tlspolicy::Items;

Tlspolicy::Items::run('sendmail');
