#!/usr/bin/perl
# scripts/demo with a real postfix: what it shows, and that it says so when a
# step goes wrong.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Tlspolicy::DemoRun;

Tlspolicy::DemoRun::run('postfix');
