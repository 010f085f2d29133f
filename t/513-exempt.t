#!/usr/bin/perl
# Who is never refused, at a real sendmail.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Tlspolicy::Exempt;

Tlspolicy::Exempt::run('sendmail');
