package Tlspolicy::Items;

# Every item of a requirement with a session that meets it and one that does
# not.  One table for sendmail (521) and for Postfix (621), in the columns of
# Sessions.pm.

use strict;
use warnings;
use Tlspolicy::Live;
use Tlspolicy::Sessions;

my $trusted = { tls => { cert => 'trusted' } };
my $stranger = { tls => { cert => 'stranger' } };
my $suite12 = { tls => { version => 'TLSv1_2',
    ciphers => 'ECDHE-ECDSA-AES256-GCM-SHA384' } };
my $cbc = { tls => { version => 'TLSv1_2',
    ciphers => 'ECDHE-ECDSA-AES256-SHA384' } };
my $suite13 = { tls => { version => 'TLSv1_3' } };

my $wrong = [554, '5.7.1'];
my $weak = [554, '5.7.10'];
my $no = { sendmail => 'NO', postfix => 'NO-OR-FAIL' };

sub rule
{
	my ($need, @items) = @_;
	return "TLS_Clt:client.example.com PERM+$need+" . join '++', @items;
}

# A row for an item that only sendmail can tell of: Postfix's milters are never
# told, and what cannot be told is a policy error.
sub only_sendmail
{
	my ($name, $rules, $how, $want, $reason) = @_;
	return [$name, $rules, $how,
	    { sendmail => $want, postfix => [451, '4.3.0'] },
	    { sendmail => $reason, postfix => 'policy-error' }, 'OK'];
}

sub table
{
	my ($certs) = @_;
	my $subject = '/C=DE/O=Example/CN=client.example.com';
	my $issuer = '/C=DE/O=Example+20Trust/CN=Example+20Root';
	my ($fp, $other) = map { $certs->fingerprint($_, 'sha256') }
	    qw(trusted rollover);

	return (
	['CN: the host name', rule('VERIFY', 'CN'), $trusted, 'accept', undef,
	    'OK'],
	['CN: another name', rule('VERIFY', 'CN'), $stranger, $wrong,
	    'wrong-certificate', 'OK'],
	['CN:name', rule('VERIFY', 'CN:CLIENT.example.com'), $trusted,
	    'accept', undef, 'OK'],
	['CN:name, another name', rule('VERIFY', 'CN:client.example.com'),
	    $stranger, $wrong, 'wrong-certificate', 'OK'],
	['CN:*.name', rule('VERIFY', 'CN:*.example.com'), $trusted, 'accept',
	    undef, 'OK'],
	['CN:*.name, two labels', rule('VERIFY', 'CN:*.com'), $trusted, $wrong,
	    'wrong-certificate', 'OK'],
	['ICN:name', rule('VERIFY', 'ICN:Example+20Root'), $trusted, 'accept',
	    undef, 'OK'],
	['ICN:name, another name', rule('VERIFY', 'ICN:Example'), $trusted,
	    $wrong, 'wrong-certificate', 'OK'],
	['names in a certificate that did not verify',
	    rule('ENCR:112', 'CN:client.example.com'),
	    { tls => { cert => 'selfsigned' } }, $wrong,
	    qr/^(not-verified|wrong-certificate)$/,
	    { sendmail => 'FAIL', postfix => 'NO-OR-FAIL' }],

	only_sendmail('CS:dn', rule('VERIFY', "CS:$subject"), $trusted,
	    'accept', undef),
	only_sendmail('CS:dn, another', rule('VERIFY', "CS:$subject"),
	    $stranger, $wrong, 'wrong-certificate'),
	only_sendmail('CI:dn', rule('VERIFY', "CI:$issuer"), $trusted,
	    'accept', undef),
	only_sendmail('CITag', rule('VERIFY', 'CITag:MyCA')
	    . "\nMyCA:$issuer OK", $trusted, 'accept', undef),
	only_sendmail('CITag, another CA', rule('VERIFY', 'CITag:MyCA')
	    . "\nMyCA:/CN=Other OK", $trusted, $wrong, 'wrong-certificate'),
	only_sendmail('FP:hex', rule('VERIFY', "FP:$fp"), $trusted,
	    'accept', undef),
	only_sendmail('FP: old and new', rule('VERIFY', "FP:$other", "FP:$fp"),
	    $trusted, 'accept', undef),
	only_sendmail('FP: another', rule('VERIFY', "FP:$other"), $trusted,
	    $wrong, 'wrong-certificate'),

	['VER:1.2', rule('ENCR:112', 'VER:1.2'), $suite12, 'accept', undef, $no],
	['VER:1.3 and TLS 1.3', rule('ENCR:112', 'VER:1.3'), $suite13,
	    'accept', undef, $no],
	['VER:1.3 and TLS 1.2', rule('ENCR:112', 'VER:1.3'), $suite12, $weak,
	    'too-weak', $no],
	['PFS', rule('ENCR:112', 'PFS'), $suite12, 'accept', undef, $no],
	['PFS and TLS 1.3', rule('ENCR:112', 'PFS'), $suite13, 'accept', undef,
	    $no],
	['AEAD', rule('ENCR:112', 'AEAD'), $suite12, 'accept', undef, $no],
	['AEAD and CBC', rule('ENCR:112', 'AEAD'), $cbc, $weak, 'too-weak',
	    $no],
	['CIPHER:list', rule('ENCR:112', 'CIPHER:ECDHE+AESGCM'), $suite12,
	    'accept', undef, $no],
	['CIPHER:list, another', rule('ENCR:112', 'CIPHER:ECDHE+AESGCM'), $cbc,
	    $weak, 'too-weak', $no],
	['items left to right', rule('VERIFY', 'VER:1.2', 'CN:none.example'),
	    $trusted, $wrong, 'wrong-certificate', 'OK'],

	['CLIENT:network', rule('ENCR:0', 'CLIENT:127.0.0.0/30'), {},
	    'accept'],
	['CLIENT:name, verified', rule('ENCR:0', 'CLIENT:192.0.2.1',
	    'CLIENT:.example.com'), {}, 'accept'],
	['CLIENT: another', rule('ENCR:0', 'CLIENT:192.0.2.1',
	    'CLIENT:.example.net'), {}, [550, '5.7.1',
	    qr/wanted CLIENT:192\.0\.2\.1 or CLIENT:\.example\.net/],
	    'wrong-client'],
	['WHEN:network', rule('ENCR:0', 'WHEN:127.0.0.2') . "\n"
	    . rule('ENCR:112', 'BY:x'), {}, 'accept'],
	['WHEN: another', "TLS_Clt:example.com PERM+ENCR:112\n"
	    . rule('ENCR:0', 'WHEN:127.0.0.3'), {}, [550, '5.7.10'],
	    'plaintext'],

	['UNTIL in the past', rule('ENCR:112', 'UNTIL:2020-01-01')
	    . "\nTLS_Clt:example.com OK", {}, 'accept'],
	['FROM in the future', rule('ENCR:112', 'FROM:2999-01-01')
	    . "\nTLS_Clt:example.com OK", {}, 'accept'],
	['FROM in the past', rule('ENCR:112', 'FROM:2020-01-01'), {},
	    [550, '5.7.10'], 'plaintext'],
	['MSG:text', rule('ENCR:112', 'BY:ops', 'MSG:ask 100% of them'), {},
	    [550, '5.7.10', qr/ask 100% of them/], 'plaintext'],
	);
}

sub run
{
	my ($mta) = @_;
	my $live = Tlspolicy::Live->start($mta, start => {
	    options => { CertFingerprintAlgorithm => 'sha256' } });
	Tlspolicy::Sessions::run_table($live, table($live->{certs}));
}

1;
