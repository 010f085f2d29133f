#!/usr/bin/perl
# Replay of what a real sendmail's sessions left in the audit log.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Tlspolicy::Replay;

Tlspolicy::Replay::run('sendmail');
