#!/usr/bin/perl
# No spelling of an address goes past its rule; what the MTA made of it counts.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Talk;

my $daemon = daemon("TLS_From:perm.test PERM+ENCR:128\n" .
    "TLS_To:perm\@example.org PERM+ENCR:128\n");


for my $from ('a@perm.test', 'perm.test!a', 'a%perm.test', '"a"%perm.test',
    'a@perm.test(c)', 'x <a@perm.test>', '@bar.test:a%perm.test') {
	my $m = session($daemon, %sendmail);
	answer_is($m->mail($from), [550, '5.7.10'], "MAIL $from");
}

{
	my $m = session($daemon, %sendmail, mail_addr => 'a@perm.test');
	answer_is($m->mail('a@x.test'), [550, '5.7.10'], 'as the MTA reads it');
	my ($last) = ($daemon->audit)[-1];
	is($last->{from}, 'a@x.test', 'the typed address is recorded');
	is($last->{from_resolved}, 'a@perm.test', 'and what became of it');
}

{
	my $m = session($daemon, %sendmail, rcpt_addr => 'perm@example.org');
	answer_is($m->mail('a@x.test'), 'continue', 'MAIL');
	answer_is($m->rcpt('b@x.test'), [550, '5.7.10'], 'RCPT as read');
	my ($last) = ($daemon->audit)[-1];
	is_deeply($last->{rcpts_resolved}, ['perm@example.org'],
	    'both are recorded');
}

done_testing();
