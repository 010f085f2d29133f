#!/usr/bin/perl
# A plan behind a real sendmail.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Tlspolicy::Plans;

Tlspolicy::Plans::run('sendmail');
