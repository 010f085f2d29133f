#!/usr/bin/perl
# add-header through a real postfix.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Tlspolicy::Header;

Tlspolicy::Header::run('postfix');
