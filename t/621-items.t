#!/usr/bin/perl
# Items of requirements through a real Postfix.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Tlspolicy::Items;

Tlspolicy::Items::run('postfix');
