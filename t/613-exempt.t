#!/usr/bin/perl
# Who is never refused, at a real Postfix.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Tlspolicy::Exempt;

Tlspolicy::Exempt::run('postfix');
