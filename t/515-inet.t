#!/usr/bin/perl
# Sessions through a real sendmail that reaches the milter by TCP.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Tlspolicy::Sessions;

Tlspolicy::Sessions::run_inet('sendmail');
