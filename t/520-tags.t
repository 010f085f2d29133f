#!/usr/bin/perl
# Tags and classes of rules through a real sendmail.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Tlspolicy::Tags;

Tlspolicy::Tags::run('sendmail');
