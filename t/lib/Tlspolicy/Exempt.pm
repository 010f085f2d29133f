package Tlspolicy::Exempt;

# Who is never refused: exempt clients and local submission.  Shared by sendmail
# (513) and Postfix (613).

use strict;
use warnings;
use Test::More;
use Tlspolicy::Live;

my $all = 'TLS_Clt: PERM+VERIFY:128';

sub run
{
	my ($mta) = @_;
	my $live = Tlspolicy::Live->start($mta);
	$live->policy($all) or return done_testing;
	my @tests = (
		'a client that is not exempt' => \&other,
		'exempt-clients' => \&exempt,
		'local submission' => \&submission,
		'mode = monitor' => \&monitor,
	);
	while (my ($name, $code) = splice @tests, 0, 2) {
		subtest $name => sub {
			$live->forget_records;
			$code->($live);
		};
	}
	done_testing;
}

sub restart
{
	my ($live, %settings) = @_;
	$live->{daemon}->stop;
	$live->{daemon}->configure(%settings);
	$live->{daemon}->run;
}

sub other
{
	my ($live) = @_;
	my $client = $live->client;
	$live->reply_is($client, $client->mail('a@example.com'),
	    [550, '5.7.10', qr/TLS_Clt:/i], 'refused');
	$client->quit;
}

sub exempt
{
	my ($live) = @_;
	restart($live, 'exempt-clients' => '127.0.0.2, 127.0.0.16/28');
	for ('127.0.0.2', '127.0.0.17', '127.0.0.31') {
		my $client = $live->client(from => $_);
		$live->reply_is($client, $client->mail('a@example.com'),
		    'accept', "$_ is exempt");
		$client->quit;
	}
	for ('127.0.0.3', '127.0.0.32') {
		my $client = $live->client(from => $_);
		$live->reply_is($client, $client->mail('a@example.com'),
		    [550, '5.7.10'], "$_ is not");
		$client->quit;
	}
	restart($live);
}

sub submission
{
	my ($live) = @_;
	is($live->{mta}->submit('local@example.com', 'rcpt@example.org'),
	    'sent', 'a message without network client');
}

sub monitor
{
	my ($live) = @_;
	restart($live, mode => 'monitor');
	my $client = $live->client;
	$live->reply_is($client, $client->mail('a@example.com'), 'accept',
	    'nothing is refused');
	$client->rcpt('rcpt@example.org');
	$live->reply_is($client, $client->data, 'accept', 'message');
	$live->record_is($live->record, { mode => 'monitor',
	    waiver => 'monitor', verdict => 'accept',
	    reason => 'plaintext', 'rules.0.key' => qr/^TLS_Clt:$/i }, 'monitor');
	$client->quit;
	restart($live);
}

1;
