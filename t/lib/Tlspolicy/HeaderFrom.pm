package Tlspolicy::HeaderFrom;

# TLS_Header through a real MTA, which folds, strips and hands on header fields
# in its own way.  Shared by sendmail (527) and Postfix (627).

use strict;
use warnings;
use Test::More;
use Tlspolicy::Live;

my @rules = ('TLS_Header:bank.example PERM+VERIFY:128',
    'TLS_Header:held.example HOLD+VERIFY', 'TLS_From:held.example HOLD+VERIFY');
my $refused = [550, '5.7.10', qr/rule TLS_Header:bank\.example/];
my $unread = [451, '4.3.0', qr/From field/];

# Lines of a header.
my @refused = (['From: ceo@bank.example'], ['From:ceo@bank.example'],
    ['FROM:   Ceo <ceo@bank.example>  '], ["From:\tCeo <ceo\@bank.example>"],
    ['From: Ceo', ' <ceo@bank.example>'], ['From:', "\tceo\@bank.example"],
    ['From: Ceo', "\t(a comment", "\t over lines)", ' <ceo@bank.example>'],
    ['From: "Ceo, the', ' Boss" <ceo@bank.example>'],
    ['Subject: x', 'From : ceo@bank.example'], ["From\t: ceo\@bank.example"],
    ['From: x@y.example', 'From: ceo@bank.example'],
    ['From: ceo@bank.example', 'From: x@y.example'],
    ['From: x@y.example,', ' ceo@bank.example'],
    ['From: us: x@y.example, ceo@bank.example;'],
    ['From: =?utf-8?q?Ceo?= <ceo@bank.example>'],
    ['From: "open <ceo@bank.example>'], ['From: ceo@bank.example x@y.example'],
    ['From: <x@y.example> <ceo@bank.example>'],
    ['Received: from x by y; Mon, 2 Feb 2026 12:00:00 +0000',
	'From: ceo@bank.example', 'Sender: x@y.example']);
my @accepted = (['From: x@y.example'], ['From: "ceo@bank.example" <x@y.example>'],
    ['From: x@y.example (ceo@bank.example)'],
    ['Sender: ceo@bank.example', 'From: x@y.example'],
    ['Resent-From: ceo@bank.example', 'From: x@y.example'],
    ['X-From: ceo@bank.example', 'From: x@y.example'],
    ['From: x@y.example', 'Subject: From: ceo@bank.example'],
    ['From: x@y.example', 'Subject: x', '', 'From: ceo@bank.example']);
# As a first line "From " is no field to both MTAs, but that of a mailbox file.
my @unread = (['Subject: nobody'], ['From : ceo@bank.example', 'Subject: x'], ['From: us:;'], ['From:'],
    ["From: J\xf6rg <x\@y.example>"], ['From: =?utf-8?q?ceo=40bank.example?='],
    ['From: "open x@y.example'], ['From: <>']);

sub start
{
	my ($mta, %arg) = @_;
	return Tlspolicy::Live->start($mta, daemon => { settings => {
	    'header-from' => 'judge' } }, %arg);
}

sub message
{
	my ($client, $lines, %arg) = @_;
	$client->mail($arg{from} // 'a@example.com');
	$client->rcpt($_) for @{$arg{to} // ['b@example.org']};
	return $client->data(join "\r\n", @$lines,
	    (grep { /^$/ } @$lines) ? () : '', 'test');
}

sub name
{
	return join('\n', @{$_[0]}) =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ger;
}

sub run
{
	my ($mta) = @_;
	my $live = start($mta);
	$live->policy(@rules) or return done_testing;
	my $client = $live->client;
	for ([refused => $refused, \@refused], [accepted => 'accept', \@accepted],
	    [unread => $unread, \@unread]) {
		my ($what, $want, $headers) = @$_;
		subtest $what => sub {
			$live->reply_is($client, message($client, $_), $want,
			    name($_)) for @$headers;
		};
	}
	$client->quit;
	subtest 'the record' => sub {
		my $client = $live->client;
		$live->forget_records;
		$live->reply_is($client, message($client,
		    ['From: Ceo', " <ceo\@bank.example>,\tx\@y.example"],
		    to => ['b@example.org', 'c@example.org']), $refused,
		    'for all recipients');
		$live->record_is($live->record, { event => 'refused-header',
		    verdict => 'reject', reason => 'plaintext',
		    'header_from.0' => 'ceo@bank.example',
		    'header_from.1' => 'x@y.example',
		    'rcpts.1' => 'c@example.org', queue_id => qr/^\w+$/ },
		    'what was judged');
		$live->reply_is($client, message($client, ['From: x@y.example']),
		    'accept', 'the next message');
		$client->quit;
	};
	subtest 'TLS with a certificate' => sub {
		my $client = $live->client(tls => { cert => 'trusted' });
		$live->reply_is($client, message($client,
		    ['From: ceo@bank.example']), 'accept', 'is let in');
		$client->quit;
	};
	subtest 'held' => sub {
		my %before = map { $_ => 1 } $live->{mta}->held;
		my $client = $live->client;
		$live->reply_is($client, message($client,
		    ['From: x@held.example']), 'accept', 'HOLD');
		is(scalar(grep { !$before{$_} } $live->{mta}->held), 1,
		    'is in the quarantine');
		$live->reply_is($client, message($client,
		    ['From: ceo@bank.example'], from => 'a@held.example'),
		    $refused, 'HOLD at MAIL, PERM by the header');
		is(scalar(grep { !$before{$_} } $live->{mta}->held), 1,
		    'is not in the quarantine');
		$client->quit;
	};
	long($live);
	nul($live);
	noon($live);
	done_testing;
}

# Cut by nobody, or not let in.
sub long
{
	my ($live) = @_;
	subtest 'long fields' => sub {
		for my $n (900, 1100, 3000, 9000) {
			my $client = $live->client;
			my $r = message($client, [ "From: x0\@y.example,",
			    (map { " x$_\@y.example," } 1 .. $n),
			    ' ceo@bank.example' ]);
			like($r->{code}, qr/^[45]/, "$n mailboxes: $r->{text}");
			$r = message($live->client, [ 'From: x@y.example',
			    (map { " (x$_ x x x x x)" } 1 .. $n),
			    ' , ceo@bank.example' ]);
			like($r->{code}, qr/^[45]/, "$n comments: $r->{text}");
		}
	};
}

# sendmail takes a NUL away.  Postfix shows a field up to there, and can be told
# to refuse such mail.
sub nul
{
	my ($live) = @_;
	my $hidden = ["From: x\@y.example\0, ceo\@bank.example"];
	subtest 'NUL' => sub {
		my $client = $live->client;
		$live->reply_is($client, message($client,
		    ["From: ceo\@bank.example\0, x\@y.example"]), $refused,
		    'behind the address');
		$live->reply_is($client, message($client, $hidden),
		    $live->{kind} eq 'postfix' ? 'accept' : $refused,
		    'before it');
		$client->quit;
		return if $live->{kind} ne 'postfix';
		my $other = start('postfix', start => { main => {
		    message_reject_characters => '\0' } });
		$other->policy(@rules) or return;
		$client = $other->client;
		$other->reply_is($client, message($client, $hidden),
		    [550, '5.7.1', qr/disallowed character/],
		    'message_reject_characters');
		$client->quit;
	};
}

# Rules that come while a connection is open.
sub noon
{
	my ($live) = @_;
	subtest 'a connection that is older than the rules' => sub {
		$live->policy('TLS_From:x.example PERM+VERIFY') or return;
		my $old = $live->client;
		$live->reply_is($old, message($old, ['From: ceo@bank.example']),
		    'accept', 'without rules');
		$live->policy(@rules) or return;
		$live->reply_is($old, message($old, ['From: x@y.example']),
		    [451, '4.3.0', qr/older than these rules/],
		    'with rules: its header was not shown');
		$old->quit;
		my $new = $live->client;
		$live->reply_is($new, message($new, ['From: x@y.example']),
		    'accept', 'a new one');
		$live->reply_is($new, message($new, ['From: ceo@bank.example']),
		    $refused, 'and its rules');
		$new->quit;
	};
}

1;
