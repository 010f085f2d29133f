#!/usr/bin/perl
# Policy, settings and daemon change under a real Postfix's sessions.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Tlspolicy::Changes;

Tlspolicy::Changes::run('postfix');
