#!/usr/bin/perl
# TLS_Header through a real postfix.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Tlspolicy::HeaderFrom;

Tlspolicy::HeaderFrom::run('postfix');
