#!/usr/bin/perl
# Every kind of session through a real sendmail: the reply and the record.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Tlspolicy::Sessions;

Tlspolicy::Sessions::run('sendmail');
