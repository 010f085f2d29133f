#!/usr/bin/perl
# What a real sendmail logged of its sessions, beside what the daemon recorded of them.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Tlspolicy::FromLog;

Tlspolicy::FromLog::run('sendmail');
