package Tlspolicy::Replay;

# What a real MTA's sessions left in the audit log, judged again: under the
# rules of the time nothing differs; under stricter ones it is told what would.
# Shared by sendmail (523) and Postfix (623).

use strict;
use warnings;
use JSON::PP;
use Test::More;
use Tlspolicy::Live;

my @rules = (
	'TLS_Clt:client.example.com ENCR:112',
	'TLS_From:bank.example PERM+VERIFY:128+CN:client.example.com',
	'TLS_From:soft.example WARN+VERIFY',
	'TLS_From:ended.example PERM+VERIFY+UNTIL:2020-12-31',
	'TLS_To:payroll@ PERM+VERIFY',
	'TLS_To:example.org ENCR:112+VER:1.2',
);

my @clients = ({}, { tls => {} }, { from => '127.0.0.3' },
	{ tls => { cert => 'trusted' } }, { tls => { cert => 'selfsigned' } },
	{ tls => { cert => 'trusted', version => 'TLSv1_2' } },
	{ tls => { cert => 'trusted' }, port => 'smtps' },
	{ tls => { cert => 'expired' }, helo => 0 });

# Every client, from every sender, to two recipients: how many MAIL commands.
sub sessions
{
	my ($live) = @_;
	my $mails = 0;
	for my $how (@clients) {
		my $client = $live->client(%$how);
		for my $domain (qw(bank soft ended other)) {
			$client->mail("a\@$domain.example");
			$client->rcpt("$_\@example.org") for qw(bob payroll);
			$client->data("Subject: test\r\n\r\ntext\r\n");
			$client->rset;
			$mails++;
		}
		$client->quit;
	}
	$live->forget_records; # until the log stands still
	return $mails;
}

sub replay
{
	my ($live, $name, @new) = @_;
	my $file = $live->{scratch}->write($name, join '', map { "$_\n" } @new);
	my $r = $live->{daemon}->tlspolicy('replay', '--json', '-r', $file,
	    "$live->{daemon}{dir}/audit.log");
	return ($r, eval { decode_json($r->{out}) } // {});
}

sub run
{
	my ($mta) = @_;
	my $live = Tlspolicy::Live->start($mta);
	$live->policy(@rules) or return;
	cmp_ok(sessions($live), '==', 4 * @clients, 'sessions');
	my @judged = grep { $_->{verdict} } $live->{daemon}->audit;
	my %verdicts;
	$verdicts{$_->{verdict}}++ for @judged;
	ok($verdicts{$_}, "some were: $_") for qw(accept tempfail reject);

	my ($same, $report) = replay($live, 'same', @rules);
	is($same->{status}, 0, 'the rules of the time: exit code') or
	    diag($same->{out}, $same->{err});
	is_deeply($report->{groups}, [], 'nothing is judged differently');
	is($report->{records}, scalar @judged, 'every record was judged');

	my ($strict, $would) = replay($live, 'strict', @rules,
	    'TLS_From:other.example PERM+VERIFY');
	is($strict->{status}, 1, 'stricter rules: exit code');
	cmp_ok($would->{refused}, '>', 0, 'some would be refused');
	my ($group) = grep { $_->{change} eq 'refused' } @{$would->{groups}};
	is($group->{key}, 'TLS_From:other.example', 'by the new rule') or
	    diag($strict->{out}, $strict->{err});
	done_testing;
}

1;
