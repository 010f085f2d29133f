#!/usr/bin/perl
# Each verdict as the MTA gets it, and the record of it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Talk;

my $daemon = daemon(<<'END');
TLS_Clt:perm.example	PERM+ENCR:112
TLS_Clt:temp.example	TEMP+VERIFY
TLS_Clt:none.example	ENCR:256
TLS_Clt:warn.example	WARN+VERIFY
TLS_Clt:hold.example	HOLD+VERIFY
TLS_Clt:ok.example	OK
TLS_To:strict@example.org	PERM+VERIFY
TLS_To:hold@example.org	HOLD+VERIFY
END

sub restart
{
	my (%settings) = @_;
	$daemon->stop;
	$daemon->configure(%settings);
	$daemon->run;
}

# The answer to MAIL of a client from this domain, and the session.
sub mail
{
	my ($domain, %macros) = @_;
	my $m = session($daemon, %sendmail, client_name => "mail.$domain",
	    %macros);
	return ($m->mail('a@example.com'), $m);
}

sub mail_is
{
	my ($domain, $macros, $want, $name) = @_;
	my ($got, $m) = mail($domain, %$macros);
	answer_is($got, $want, $name);
	$m->quit;
}

sub record_is
{
	my ($seen, %want) = @_;
	my ($record) = $daemon->audit_after($seen);
	for (sort keys %want) {
		is($record->{$_}, $want{$_}, "the record's $_");
	}
	return $record;
}

# The chain has begun by then.
sub seen
{
	Tlspolicy::Scratch::wait_for(60, sub { scalar $daemon->audit });
	return scalar(() = $daemon->audit);
}

subtest 'MAIL' => sub {
	my $seen = seen();
	mail_is('perm.example', {}, [550, '5.7.10', qr/PERM\+ENCR:112/],
	    'PERM, in clear');
	record_is($seen, event => 'refused-mail', verdict => 'reject',
	    reason => 'plaintext', queue_id => 'QUEUEID',
	    helo => 'client.example.com', from => 'a@example.com');
	mail_is('temp.example', {}, [451, '4.7.10'], 'TEMP, in clear');
	mail_is('temp.example', \%tls, [451, '4.7.1'], 'TEMP, not verified');
	mail_is('temp.example', \%verified, 'continue', 'TEMP, verified');
	mail_is('none.example', { %tls, cipher_bits => 128 },
	    [451, '4.7.10', qr/256/], 'no class is TEMP');
	mail_is('ok.example', {}, 'continue', 'OK');
	mail_is('other.example', {}, 'continue', 'no rule');
};

subtest 'the message goes on after a refusal of another' => sub {
	my ($got, $m) = mail('perm.example');
	answer_is($got, [550, '5.7.10'], 'in clear');
	my $seen = seen();
	$m->abort;
	$m->set(%tls);
	answer_is($m->mail('b@example.com'), 'continue', 'then TLS');
	answer_is($m->rcpt('b@example.org'), 'continue', 'RCPT');
	answer_is($m->message, 'continue', 'end');
	record_is($seen, event => 'message', verdict => 'accept',
	    from => 'b@example.com');
};

subtest 'RCPT' => sub {
	my $seen = seen();
	my ($got, $m) = mail('ok.example');
	answer_is($m->rcpt('strict@example.org'), [550, '5.7.10'], 'refused');
	my $record = record_is($seen, event => 'refused-rcpt',
	    verdict => 'reject', reason => 'plaintext');
	is_deeply($record->{rcpts}, ['strict@example.org'], 'its recipient');
	answer_is($m->rcpt('other@example.org'), 'continue', 'another one');
	answer_is($m->message, 'continue', 'end');
	(undef, $record) = $daemon->audit_after($seen, 2);
	is($record->{event}, 'message', 'the message is recorded');
	is_deeply($record->{rcpts}, ['other@example.org'],
	    'with the recipient that was accepted');
};

subtest 'HOLD' => sub {
	my $seen = seen();
	my ($got, $m) = mail('hold.example');
	answer_is($got, 'continue', 'MAIL');
	answer_is($m->rcpt('a@example.org'), 'continue', 'RCPT');
	my $end = $m->message;
	answer_is($end, 'continue', 'end');
	is($end->{modifications}[0][0], 'quarantine', 'is quarantined');
	like($end->{modifications}[0][1], qr/HOLD\+VERIFY/, 'with the rule');
	record_is($seen, event => 'message', verdict => 'hold');

	$seen = seen();
	($got, $m) = mail('warn.example');
	$m->rcpt('hold@example.org');
	$end = $m->message;
	is($end->{modifications}[0][0], 'quarantine', 'for a recipient');
	like($end->{modifications}[0][1], qr/hold\@example.org/,
	    'with its rule');
	record_is($seen, event => 'message', verdict => 'hold');
	answer_is($m->mail('a@example.com'), 'continue', 'the next message');
	$m->rcpt('a@example.org');
	is_deeply($m->message->{modifications}, [], 'is not');
};

subtest 'HOLD by an MTA that has no quarantine' => sub {
	my $m = Tlspolicy::Milter->connect($daemon->socket);
	$m->negotiate(actions => 0x100);
	$m->set(%sendmail, client_name => 'hold.example');
	$m->helo;
	$m->mail('a@example.com');
	$m->rcpt('a@example.org');
	my $seen = seen();
	answer_is($m->message, [451, '4.3.0', qr/held/], 'is not accepted');
	record_is($seen, event => 'aborted');
};

subtest 'WARN' => sub {
	my $seen = seen();
	my ($got, $m) = mail('warn.example');
	answer_is($got, 'continue', 'MAIL');
	$m->rcpt('a@example.org');
	answer_is($m->message, 'continue', 'end');
	my $record = record_is($seen, verdict => 'accept', waiver => 'warn');
	is($record->{would}{verdict}, 'tempfail', 'what it would have been');
};

subtest 'default-class, help-url' => sub {
	restart('default-class' => 'perm',
	    'help-url' => 'https://example.org/tls?a=%20');
	my ($got) = mail('none.example');
	answer_is($got, [550, '5.7.10'], 'no class is PERM');
	is($got->{lines}[-1], 'see https://example.org/tls?a=%20',
	    'the last line is the URL');
	like($got->{raw}, qr/^550-5\.7\.10 .*\r\n550 5\.7\.10 [^\r\n]*%%20/s,
	    'several lines, all with codes, percent signs doubled');
};

subtest 'compat = sendmail' => sub {
	restart(compat => 'sendmail');
	mail_is('perm.example', {}, [503, '5.7.0',
	    qr/^encryption too weak 0 less than 112$/], 'PERM');
	mail_is('temp.example', {}, [403, '4.7.0'], 'TEMP');
	mail_is('none.example', {}, [454, '4.7.0'], 'no class');
};

subtest 'mode = monitor' => sub {
	restart(mode => 'monitor');
	my $seen = seen();
	my ($got, $m) = mail('perm.example');
	answer_is($got, 'continue', 'MAIL');
	answer_is($m->rcpt('strict@example.org'), 'continue', 'RCPT');
	answer_is($m->message, 'continue', 'end');
	my $record = record_is($seen, mode => 'monitor', verdict => 'accept',
	    waiver => 'monitor', reason => 'plaintext');
	is($record->{would}{verdict}, 'reject', 'what it would have been');
};

done_testing;
