#!/usr/bin/perl
# What only Postfix does, or tells otherwise than sendmail.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Live;

my $live = Tlspolicy::Live->start('postfix',
    # An administrator can make Postfix send a constant {verify}.
    start => { main => { milter_macro_defaults => '{verify}=OK' } });
my $verify = 'TLS_Clt:client.example.com PERM+VERIFY:128';

sub mail_is
{
	my ($how, $want, $name) = @_;
	my $client = $live->client(%$how);
	$live->reply_is($client, $client->mail('a@example.com'), $want, $name);
	$client->quit;
}

subtest 'a {verify} that Postfix sends is not believed' => sub {
	$live->policy($verify) or return;
	mail_is({ tls => {} }, [554, '5.7.1'], 'no certificate');
	mail_is({ tls => { cert => 'selfsigned' } }, [554, '5.7.1'],
	    'self-signed');
	mail_is({ tls => { cert => 'trusted' } }, 'accept', 'trusted');
};

subtest 'a trusted certificate without CN' => sub {
	$live->policy($verify) or return;
	mail_is({ tls => { cert => 'nocn' } }, 'accept', 'is verified');
	$live->policy("$verify+CN") or return;
	mail_is({ tls => { cert => 'nocn' } }, [554, '5.7.1'], 'has no name');
};

subtest 'a listener that does not ask for certificates' => sub {
	$live->policy($verify) or return;
	mail_is({ tls => { cert => 'trusted' }, port => 'anonymous' },
	    [554, '5.7.1'], 'looks like no certificate');
};

subtest 'XCLIENT: the claimed address is judged' => sub {
	$live->policy('TLS_Clt:192.0.2 PERM+ENCR:112') or return;
	my $client = $live->client;
	$live->reply_is($client, $client->mail('a@example.com'), 'accept',
	    'before');
	$client->rset;
	my $r = $client->cmd('XCLIENT NAME=[UNAVAILABLE] ADDR=192.0.2.7');
	is($r->{code}, 220, 'XCLIENT') or diag($client->dialogue);
	$client->ehlo;
	$live->reply_is($client, $client->mail('a@example.com'),
	    [550, '5.7.10', qr/TLS_Clt:192\.0\.2/i], 'after');
	$client->quit;
};

subtest 'PROXY protocol: the claimed address is judged' => sub {
	$live->policy('TLS_Clt:192.0.2.8 PERM+ENCR:112') or return;
	$live->forget_records;
	my %how = (port => 'proxy', first =>
	    "PROXY TCP4 192.0.2.8 127.0.0.1 40000 25\r\n");
	mail_is(\%how, [550, '5.7.10'], 'plain');
	$live->record_is($live->record, { 'client.addr' => '192.0.2.8' },
	    'plain');
	mail_is({ %how, tls => {} }, 'accept', 'TLS');
};

subtest 'compat = sendmail' => sub {
	$live->{daemon}->configure(compat => 'sendmail');
	$live->{daemon}->stop;
	$live->{daemon}->run;
	$live->policy($verify) or return;
	mail_is({}, [503, '5.7.0'], 'plain');
	$live->policy('TLS_Clt:client.example.com TEMP+ENCR:112') or return;
	mail_is({}, [403, '4.7.0', qr/^encryption too weak 0 less than 112$/],
	    'TEMP');
	$live->policy('TLS_Clt:client.example.com VERIFY') or return;
	mail_is({ tls => {} }, [454, '4.7.0', qr/^not authenticated$/],
	    'no class');
};

done_testing;
