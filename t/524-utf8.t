#!/usr/bin/perl
# Replies beyond ASCII through a real sendmail.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Tlspolicy::Utf8;

Tlspolicy::Utf8::run('sendmail');
