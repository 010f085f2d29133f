#!/usr/bin/perl
# A plan behind a real postfix.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Tlspolicy::Plans;

Tlspolicy::Plans::run('postfix');
