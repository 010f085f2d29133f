#!/usr/bin/perl
# What only sendmail does, or tells otherwise than Postfix.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Live;

# Srv_Features V for one client: do not ask it for a certificate.
my $live = Tlspolicy::Live->start('sendmail', start => { mc => <<'END' });
LOCAL_SRV_FEATURES
R$*	$: $&{client_addr}
R127.0.0.4	$# V
END
my $verify = 'TLS_Clt: PERM+VERIFY:128';

sub mail_is
{
	my ($how, $want, $name) = @_;
	my $client = $live->client(%$how);
	$live->reply_is($client, $client->mail('a@example.com'), $want, $name);
	$client->quit;
}

subtest 'no certificate was asked for: {verify} is NOT' => sub {
	$live->policy($verify) or return;
	$live->forget_records;
	mail_is({ tls => { cert => 'trusted' }, from => '127.0.0.4' },
	    [554, '5.7.1'], 'NOT');
	$live->record_is($live->record, { 'tls.verify' => 'NOT' }, 'NOT');
	mail_is({ tls => { cert => 'trusted' } }, 'accept', 'asked: OK');
};

subtest 'names in sendmail\'s spelling' => sub {
	$live->policy("$verify+CN:Darth+20Mail+20+28Cert+29") or return;
	$live->forget_records;
	mail_is({ tls => { cert => 'special' } }, 'accept', 'CN:');
	mail_is({ tls => { cert => 'trusted' } }, [554, '5.7.1'], 'another');
	$live->policy("$verify+CS:/C=US/O=endmail.org/"
	    . 'CN=Darth+20Mail+20+28Cert+29') or return;
	mail_is({ tls => { cert => 'special' } }, 'accept', 'CS:');
	mail_is({ tls => { cert => 'trusted' } }, [554, '5.7.1'], 'another');
};

# sendmail puts a word of its own where there is no CN.
subtest 'a certificate without CN' => sub {
	$live->policy($verify) or return;
	mail_is({ tls => { cert => 'nocn' } }, 'accept', 'is verified');
	$live->policy("$verify+CN") or return;
	mail_is({ tls => { cert => 'nocn' } }, [554, '5.7.1'],
	    'does not match CN');
	# The word that stands for a missing CN is nobody's name.
	my $r = $live->{daemon}->rules("$verify+CN:BadCertificateUnknown\n");
	is($r->{status}, 65, 'CN:BadCertificateUnknown is not built');
	mail_is({ tls => { cert => 'nocn' } }, [554, '5.7.1'],
	    'the rule before it is in force');
};

subtest 'compat = sendmail' => sub {
	$live->{daemon}->configure(compat => 'sendmail');
	$live->{daemon}->stop;
	$live->{daemon}->run;
	$live->policy($verify) or return;
	mail_is({}, [503, '5.7.0', qr/^authentication required$/],
	    'plain');
	mail_is({ tls => { cert => 'selfsigned' } },
	    [503, '5.7.0', qr/^authentication failed$/], 'self-signed');
	$live->policy('TLS_Clt: TEMP+ENCR:512') or return;
	mail_is({ tls => {} }, [403, '4.7.0',
	    qr/^encryption too weak 256 less than 512$/], 'TEMP');
	# Names in a certificate that did not verify are believed again.
	$live->policy('TLS_Clt: ENCR:112+CN:client.example.com') or return;
	mail_is({ tls => { cert => 'selfsigned' } }, 'accept', 'CN');
};

done_testing;
