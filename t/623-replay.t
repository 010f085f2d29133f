#!/usr/bin/perl
# Replay of what a real Postfix's sessions left in the audit log.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Tlspolicy::Replay;

Tlspolicy::Replay::run('postfix');
