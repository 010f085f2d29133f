#!/usr/bin/perl
# A message is judged by what was told at its MAIL, and by nothing older.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Talk;

my $daemon = daemon("TLS_Clt:example.com PERM+VERIFY\n");
my $refused = [550, '5.7.10'];

sub forget_tls
{
	my ($m) = @_;
	$m->set(map { $_ => undef } keys %verified);
}

subtest 'MAIL after MAIL' => sub {
	my $m = session($daemon, %sendmail, %verified);
	answer_is($m->mail('a@example.com'), 'continue', 'verified');
	$m->abort;
	forget_tls($m);
	answer_is($m->mail('b@example.com'), $refused, 'in clear');
	$m->set(%verified);
	answer_is($m->mail('c@example.com'), 'continue', 'verified again');
};

subtest 'a whole message in between' => sub {
	my $m = session($daemon, %sendmail, %verified);
	for my $n (1 .. 3) {
		answer_is($m->mail("a$n\@example.com"), 'continue', "MAIL $n");
		answer_is($m->rcpt('b@example.org'), 'continue', "RCPT $n");
		answer_is($m->message, 'continue', "end $n");
	}
	forget_tls($m);
	answer_is($m->mail('b@example.com'), $refused, 'then in clear');
	my ($last) = ($daemon->audit)[-1];
	is_deeply($last->{rcpts}, [], 'no recipient of before');
	is($last->{tls}, undef, 'no TLS of before');
};

subtest 'STARTTLS with EHLO and without' => sub {
	for my $helo (1, 0) {
		my $m = session($daemon);
		answer_is($m->mail('a@example.com'), $refused, 'in clear');
		$m->abort;
		$m->set(%verified);
		$m->helo('again.example.com') if $helo;
		answer_is($m->mail('a@example.com'), 'continue', 'TLS');
		$m->rcpt('b@example.org');
		$m->message;
		is(($daemon->audit)[-1]{helo}, $helo ? 'again.example.com' :
		    'client.example.com', 'HELO in the record');
	}
};

# sendmail tells the client's side again with each MAIL.
subtest 'EHLO in the middle of a message' => sub {
	my $m = session($daemon, %sendmail, %verified);
	$m->mail('a@example.com');
	$m->rcpt('b@example.org');
	my $seen = () = $daemon->audit;
	$m->abort;
	$m->helo('again.example.com');
	forget_tls($m);
	answer_is($m->mail('b@example.com'), $refused, 'in clear');
	my @new = $daemon->audit_after($seen, 2);
	is($new[0]{event}, 'aborted', 'the unfinished message is recorded');
	is_deeply($new[0]{rcpts}, ['b@example.org'], 'with its recipient');
	is($new[1]{event}, 'refused-mail', 'before the refusal');
};

subtest 'a message that is never ended' => sub {
	for my $how ('QUIT', 'a broken connection') {
		my $m = session($daemon, %sendmail, %verified);
		$m->mail('a@example.com');
		my $seen = () = $daemon->audit;
		$how eq 'QUIT' ? $m->quit : close $m->{sock};
		my ($record) = $daemon->audit_after($seen);
		is($record->{event}, 'aborted', $how);
	}
};

subtest 'a session is recorded by one id' => sub {
	my $seen = () = $daemon->audit;
	for (1, 2) {
		my $m = session($daemon);
		$m->mail('a@example.com') for 1, 2;
		$m->quit;
	}
	my @id = map { $_->{session} } $daemon->audit_after($seen, 4);
	is($id[0], $id[1], 'the same in a session');
	is($id[2], $id[3], 'and in the next');
	isnt($id[0], $id[2], 'another one');
};

# Postfix has no queue id before the first recipient.
subtest 'the queue id' => sub {
	my $m = session($daemon, %postfix);
	answer_is($m->mail('a@example.com'), $refused, 'refused');
	is(($daemon->audit)[-1]{queue_id}, undef, 'not known at MAIL');
	$m->set(%tls, cert_subject => 'mail.example.com',
	    cert_issuer => 'Example CA');
	answer_is($m->mail('a@example.com'), 'continue', 'verified');
	answer_is($m->rcpt('b@example.org'), 'continue', 'RCPT');
	$m->set(i => '4XyZ1234');
	answer_is($m->message, 'continue', 'end');
	is(($daemon->audit)[-1]{queue_id}, '4XyZ1234', 'known at the end');
};

subtest 'QUIT and a new session on the same connection' => sub {
	my $m = session($daemon, %sendmail, %verified);
	answer_is($m->mail('a@example.com'), 'continue', 'first');
	$m->packet('K', '');
	forget_tls($m);
	$m->conn('mail.example.com', '192.0.2.1');
	answer_is($m->helo, 'continue', 'HELO');
	answer_is($m->mail('a@example.com'), $refused, 'second');
	unlike($daemon->log, qr/private data/, 'nothing is left behind');
};

subtest 'RCPT without a message' => sub {
	my $m = session($daemon);
	answer_is($m->mail('a@example.com'), $refused, 'MAIL is refused');
	$m->{timeout} = 0.3;
	answer_is($m->rcpt('b@example.org'), 'closed',
	    'libmilter does not let it through');
	$m->{timeout} = 10;
	$m->set(%verified);
	answer_is($m->mail('a@example.com'), 'continue', 'MAIL goes on');
};

done_testing;
