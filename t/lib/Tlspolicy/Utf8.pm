package Tlspolicy::Utf8;

# What a client gets of a reply beyond ASCII through a real MTA, with SMTPUTF8
# and without.  Shared by sendmail (524) and Postfix (624).

use strict;
use warnings;
use Test::More;
use Tlspolicy::Live;

sub run
{
	my ($mta) = @_;
	my $live = Tlspolicy::Live->start($mta);
	$live->policy("TLS_From:a.example PERM+ENCR:1024+MSG:Frag J\xc3\xbcrgen",
	    "TLS_To:b.example PERM+ENCR:1024+MSG:Frag B\xc3\xb6ll") or
	    return done_testing;
	my $client = $live->client;
	my $offered = $client->ehlo->{text} =~ /\bSMTPUTF8\b/;
	diag("$mta ", $offered ? 'offers' : 'does not offer', ' SMTPUTF8');

	my $got = $client->mail('x@a.example');
	$got = $client->rcpt('y@c.example') if $got->{code} == 250;
	$live->reply_is($client, $got, [550, '', qr/Frag J\\x\{FC\}rgen/],
	    'without SMTPUTF8');
	unlike($got->{text}, qr/[^\x20-\x7e\s]/, 'ASCII');
	$client->rset;
	if ($offered) {
		$got = $client->mail('x@a.example', 'SMTPUTF8');
		$got = $client->rcpt('y@c.example') if $got->{code} == 250;
		$live->reply_is($client, $got, [550, '',
		    qr/Frag J\xc3\xbcrgen/], 'with SMTPUTF8');
		$client->rset;
		$client->mail('x@c.example', 'SMTPUTF8');
		$live->reply_is($client, $client->rcpt('y@b.example'), [550, '',
		    qr/Frag B\xc3\xb6ll/], 'RCPT with SMTPUTF8');
		$client->rset;
	}
	$client->mail('x@c.example');
	$live->reply_is($client, $client->rcpt('y@b.example'), [550, '',
	    qr/Frag B\\x\{F6\}ll/], 'RCPT after it, without');
	$client->quit;
	done_testing;
}

1;
