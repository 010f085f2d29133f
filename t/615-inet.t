#!/usr/bin/perl
# Sessions through a real Postfix that reaches the milter by TCP.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Tlspolicy::Sessions;

Tlspolicy::Sessions::run_inet('postfix');
