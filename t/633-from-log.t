#!/usr/bin/perl
# What a real Postfix logged of mail that left, beside where it went.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Tlspolicy::FromLog;

Tlspolicy::FromLog::run_outbound('postfix');
