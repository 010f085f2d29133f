#!/usr/bin/perl
# Replies beyond ASCII through a real postfix.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Tlspolicy::Utf8;

Tlspolicy::Utf8::run('postfix');
