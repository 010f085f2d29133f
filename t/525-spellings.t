#!/usr/bin/perl
# Addresses in every spelling through a real sendmail.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Tlspolicy::Spellings;

Tlspolicy::Spellings::run('sendmail');
