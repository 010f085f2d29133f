#!/usr/bin/perl
# Who is never refused.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Talk;

my $daemon = daemon("TLS_Clt: PERM+VERIFY\n", settings =>
    { 'exempt-clients' => '192.0.2.0/25, 2001:db8::/32' });
my $refused = [550, '5.7.10'];

# name => [macros, exempt]
my @clients = (
	'an exempt client' => [{ client_addr => '192.0.2.1' }, 1],
	'the last of its prefix' => [{ client_addr => '192.0.2.127' }, 1],
	'the next one' => [{ client_addr => '192.0.2.128' }, 0],
	'IPv6 as sendmail writes it' =>
	    [{ client_addr => 'IPv6:2001:db8:0:0:0:0:0:1' }, 1],
	'IPv6 outside' => [{ client_addr => 'IPv6:2001:db9:0:0:0:0:0:1' }, 0],
	'an IPv4-mapped address' => [{ client_addr => '::ffff:192.0.2.1' }, 1],
	'loopback, which is not in the setting' =>
	    [{ client_addr => '127.0.0.1' }, 0],
	'sendmail -bs' => [{ client_addr => '0', client_name => undef,
	    daemon_name => undef, daemon_port => undef,
	    daemon_addr => undef }, 1],
	'no client at all' => [{ client_addr => undef, client_name => undef }, 1],
	'Postfix, sendmail(1)' => [{ %postfix, client_addr => '127.0.0.1',
	    client_name => 'localhost', daemon_port => '0',
	    daemon_addr => '127.0.0.1' }, 1],
	'Postfix, a client of the loopback network' =>
	    [{ %postfix, client_addr => '127.0.0.1' }, 0],
	'Postfix, a network client without a listener' =>
	    [{ %postfix, client_addr => '198.51.100.1',
	    daemon_port => '0' }, 0],
	'Postfix, an address that is not known' =>
	    [{ %postfix, client_addr => 'unknown' }, 0],
	'an address "0" of Postfix' => [{ %postfix, client_addr => '0' }, 0],
	'rubbish' => [{ client_addr => '192.0.2.1, 198.51.100.1' }, 0],
);

while (my ($name, $client) = splice @clients, 0, 2) {
	my ($macros, $exempt) = @$client;
	my $m = session($daemon, %sendmail, %$macros);
	my $seen = () = $daemon->audit;
	answer_is($m->mail('a@example.com'), $exempt ? 'continue' : $refused,
	    "$name is " . ($exempt ? 'exempt' : 'judged'));
	$m->quit;
	my ($record) = $daemon->audit_after($seen);
	is($record->{waiver}, $exempt ? 'exempt' : undef, 'so says the record');
}

done_testing;
