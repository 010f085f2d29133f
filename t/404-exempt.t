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
	'no client at all' => [{ client_addr => undef, client_name => undef }, 0],
	'no address under Postfix' =>
	    [{ %postfix, client_addr => undef, daemon_port => '0' }, 0],
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

# Nothing, or less than both MTAs always tell: nobody can say what is missing.
my %nothing = map { $_ => undef } keys %sendmail, keys %tls;
my @untold = (
	'no macros at all' => { %nothing },
	'no v and no j' => { v => undef, j => undef },
	'no v' => { v => undef },
	'an address "0" without v' => { client_addr => '0', v => undef },
	'TLS and a certificate, no v' => { %verified, v => undef },
	'sendmail(1) of Postfix, but no v' => { %postfix, v => undef,
	    client_addr => '127.0.0.1', daemon_port => '0' },
);
while (my ($name, $macros) = splice @untold, 0, 2) {
	my $m = session($daemon, %sendmail, client_addr => '203.0.113.9',
	    %$macros);
	my $seen = () = $daemon->audit;
	answer_is($m->mail('a@example.com'), [451, '4.3.0',
	    qr/cannot tell .* found no macro v/], "$name: cannot tell");
	$m->quit;
	my ($record) = $daemon->audit_after($seen);
	is($record->{reason}, 'policy-error', 'so says the record');
}

# Two macros at a time are lost: nobody who was refused is let in by that.
my %other = (client_addr => '203.0.113.9');
my %all = (%sendmail, %tls, %other);
my %all_postfix = (%postfix, %other, tls_version => 'TLSv1.3',
    cipher => 'TLS_AES_256_GCM_SHA384', cipher_bits => '256');
for my $mta (['sendmail', \%all], ['Postfix', \%all_postfix]) {
	my ($mta_name, $macros) = @$mta;
	my @names = sort keys %$macros;
	my @accepted;
	for my $i (0 .. $#names) {
		for my $k ($i .. $#names) {
			my $m = session($daemon, %$macros, $names[$i] => undef,
			    $names[$k] => undef);
			push @accepted, "without $names[$i], $names[$k]"
			    if $m->mail('a@example.com')->{action} ne 'reply';
			$m->quit;
		}
	}
	is(join(', ', @accepted), '', "$mta_name: a macro or two that are lost "
	    . 'let nobody in');
}

done_testing;
