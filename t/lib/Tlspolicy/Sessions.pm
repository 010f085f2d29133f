package Tlspolicy::Sessions;

# Every kind of SMTP session that the MTAs tell apart, each with a rule that
# fits or fails it.  One table for sendmail (510) and for Postfix (610).
#
# Where the two MTAs differ a column is { sendmail => ..., postfix => ... }.

use strict;
use warnings;
use Test::More;
use Tlspolicy::Live;

my $verify = 'TLS_Clt:client.example.com PERM+VERIFY:128';
my $encr = 'TLS_Clt:client.example.com PERM+ENCR:112';

my $plaintext = [550, '5.7.10'];
my $unverified = [554, '5.7.1'];
my $weak = [554, '5.7.10'];

# What an MTA says of a client certificate that it did not verify.
my $no = { sendmail => 'NO', postfix => 'NO-OR-FAIL' };
my $fail = { sendmail => 'FAIL', postfix => 'NO-OR-FAIL' };

# name, rule, how the client comes, reply, reason, {verify}
my @table = (
	['plain, no rule', '', {}, 'accept', undef],
	['plain, VERIFY', $verify, {}, $plaintext, 'plaintext'],
	['plain, ENCR', $encr, {}, $plaintext, 'plaintext'],
	['plain, TEMP', 'TLS_Clt:client.example.com TEMP+ENCR:112', {},
	    [451, '4.7.10'], 'plaintext'],
	['plain, OK', 'TLS_Clt:client.example.com OK', {}, 'accept', undef],

	['no certificate, ENCR', $encr, { tls => {} }, 'accept', undef, $no],
	['no certificate, VERIFY', $verify, { tls => {} }, $unverified,
	    'not-verified', $no],
	['trusted', $verify, { tls => { cert => 'trusted' } }, 'accept',
	    undef, 'OK'],
	(map { [$_, $verify, { tls => { cert => $_ } }, $unverified,
	    'not-verified', $fail] }
	    qw(selfsigned expired wrongpurpose unknownca)),

	['no EHLO after STARTTLS, ENCR', $encr, { tls => {}, helo => 0 },
	    'accept', undef, $no],
	['no EHLO after STARTTLS, trusted', $verify,
	    { tls => { cert => 'trusted' }, helo => 0 }, 'accept', undef, 'OK'],
	['no EHLO after STARTTLS, self-signed', $verify,
	    { tls => { cert => 'selfsigned' }, helo => 0 }, $unverified,
	    'not-verified', $fail],

	['smtps, trusted', $verify,
	    { tls => { cert => 'trusted' }, port => 'smtps' }, 'accept',
	    undef, 'OK'],
	['smtps, no certificate', $verify, { tls => {}, port => 'smtps' },
	    $unverified, 'not-verified', $no],

	['anonymous suite, ENCR', $encr, { port => 'anonymous',
	    tls => { version => 'TLSv1_2', ciphers => 'ADH-AES256-GCM-SHA384' } },
	    'accept', undef, $no],
	['anonymous suite, VERIFY', $verify, { port => 'anonymous',
	    tls => { version => 'TLSv1_2', ciphers => 'ADH-AES256-GCM-SHA384' } },
	    $unverified, 'not-verified', $no],

	['TLS 1.2, trusted', $verify,
	    { tls => { cert => 'trusted', version => 'TLSv1_2' } }, 'accept',
	    undef, 'OK'],
	['TLS 1.3, trusted', $verify,
	    { tls => { cert => 'trusted', version => 'TLSv1_3' } }, 'accept',
	    undef, 'OK'],
	['TLS 1.2, 128 bits of 256',
	    'TLS_Clt:client.example.com PERM+ENCR:256',
	    { tls => { version => 'TLSv1_2',
		ciphers => 'ECDHE-ECDSA-AES128-GCM-SHA256' } },
	    $weak, 'too-weak', $no],
	['resumed TLS 1.2, trusted', $verify, { resume => 1,
	    tls => { cert => 'trusted', version => 'TLSv1_2' } }, 'accept',
	    undef, 'OK'],
	['resumed TLS 1.3, trusted', $verify, { resume => 1,
	    tls => { cert => 'trusted', version => 'TLSv1_3' } }, 'accept',
	    undef, 'OK'],

	['parent domain', 'TLS_Clt:example.com PERM+ENCR:112',
	    { from => '127.0.0.3' }, $plaintext, 'plaintext'],
	['name beats address',
	    "TLS_Clt:com OK\nTLS_Clt:127.0.0.3 PERM+ENCR:112",
	    { from => '127.0.0.3' }, 'accept', undef],
	['address', 'TLS_Clt:127.0.0.9 PERM+ENCR:112',
	    { from => '127.0.0.9' }, $plaintext, 'plaintext'],
	['octet prefix', 'TLS_Clt:127.0.0 PERM+ENCR:112',
	    { from => '127.0.0.9' }, $plaintext, 'plaintext'],
	['bare tag', 'TLS_Clt: PERM+ENCR:112',
	    { from => '127.0.0.9' }, $plaintext, 'plaintext'],
);

sub run
{
	my ($mta) = @_;
	run_table(Tlspolicy::Live->start($mta), @table);
}

# A few of them with the milter's socket on TCP.
sub run_inet
{
	my ($mta) = @_;
	run_table(Tlspolicy::Live->start($mta, daemon => { socket => 'inet' }),
	    grep { $_->[0] =~ /^(plain, ENCR|trusted|expired|smtps, trusted)$/ }
	    @table);
}

sub run_table
{
	my ($live, @rows) = @_;
	for my $row (@rows) {
		my ($name, @columns) =
		    map { ref $_ eq 'HASH' && exists $_->{$live->{kind}} ?
			$_->{$live->{kind}} : $_ } @$row;
		subtest $name => sub { session($live, $name, @columns) };
	}
	done_testing;
}

sub session
{
	my ($live, $name, $rules, $how, $want, $reason, $verify) = @_;
	$live->policy(split /\n/, $rules) or return;
	$live->forget_records;
	my $tls = $how->{tls} && { %{$how->{tls}},
	    $how->{resume} ? (session => {}) : () };
	$live->client(%$how, tls => $tls)->quit if $how->{resume};
	my $client = $live->client(%$how, tls => $tls);
	ok($client->resumed, 'the session was resumed') if $how->{resume};

	my $refused = ref $want;
	my ($first, @more) = split /\n/, $rules;
	my ($key, $requirement) = split / /, $first // '', 2;
	my $reply = $client->mail('sender@example.com');
	# A refusal names the rule that asked for it.
	$live->reply_is($client, $reply,
	    $refused ? [@$want, qr/\Q$key\E/i] : $want, $name);

	my %facts = (
		verdict => $refused ? ($want->[0] < 500 ? 'tempfail' : 'reject')
		    : 'accept',
		reason => $reason,
		from => 'sender@example.com',
		# A session in the clear has no TLS facts at all.
		$tls ? ('tls.verify' => $verify) : (tls => undef),
		$refused || $key && !@more ? ('rules.0.key' => qr/^\Q$key\E$/i,
		    'rules.0.requirement' => $requirement) : (),
	);
	if ($tls) {
		$facts{'tls.version'} = $client->tls_version;
		$facts{'tls.cipher'} = $client->tls_cipher;
		$facts{'tls.bits'} = $client->tls_cipher =~ /AES_?128/ ? 128 : 256;
	}
	# What names a verified certificate has, the record has.
	$facts{'tls.cn'} = qr/\.example\./ if ($verify // '') eq 'OK';
	if (!$refused) {
		$live->reply_is($client, $client->rcpt('rcpt@example.org'),
		    'accept', 'RCPT');
		my $end = $client->data;
		$live->reply_is($client, $end, 'accept', 'message');
		# Both MTAs name the queue id in their reply to the dot.
		($facts{queue_id}) = $end->{text} =~
		    /queued as (\w+)|^(\w+) Message/ ? $1 // $2 : 'none';
	}
	$live->record_is($live->record, \%facts, $name);
	$client->quit;
}

1;
