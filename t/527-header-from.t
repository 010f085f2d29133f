#!/usr/bin/perl
# TLS_Header through a real sendmail.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Tlspolicy::HeaderFrom;

Tlspolicy::HeaderFrom::run('sendmail');
