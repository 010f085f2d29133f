#!/usr/bin/perl
# No mail is accepted unrecorded.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Talk;

plan skip_all => 'no /dev/full here' unless -c '/dev/full';

my $scratch = scratch();
my $audit = $scratch->path('audit.link');
symlink '/dev/full', $audit;
my $daemon = daemon("TLS_Clt:example.com PERM+ENCR:112\n",
    settings => { 'audit-file' => $audit });

my $m = session($daemon);
answer_is($m->mail('a@example.com'), [550, '5.7.10'],
    'a refusal needs no record to be given');
$m->set(%tls);
answer_is($m->mail('a@example.com'), 'continue', 'MAIL');
answer_is($m->rcpt('b@example.org'), 'continue', 'RCPT');
answer_is($m->message, [451, '4.3.0', qr/recorded/], 'the end is not accepted');
logged($daemon, qr/audit log: cannot write: No space left/, 'the log says why');

unlink $audit;
symlink "$daemon->{dir}/audit.log", $audit;
$daemon->hup;
Tlspolicy::Scratch::wait_for(5, sub { -e "$daemon->{dir}/audit.log" });
$m->mail('a@example.com');
$m->rcpt('b@example.org');
answer_is($m->message, 'continue', 'with room again it is');
is(($daemon->audit_after(0))[0]{event}, 'message', 'and recorded');
logged($daemon, qr/audit log: writing again/, 'the log says so');

done_testing;
