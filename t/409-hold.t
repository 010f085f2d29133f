#!/usr/bin/perl
# HOLD at MAIL, at RCPT and at both, beside what other recipients come to.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP qw(decode_json);
use Test::More;
use Tlspolicy::Talk;

my $daemon = daemon(<<'END');
TLS_From:held.example     HOLD+VERIFY
TLS_From:warned.example   WARN+VERIFY
TLS_To:hold@home.example  HOLD+ENCR:128
TLS_To:temp@home.example  TEMP+ENCR:128
TLS_To:perm@home.example  PERM+ENCR:128
TLS_To:warn@home.example  WARN+ENCR:128
END
my %want = (hold => 'continue', warn => 'continue', other => 'continue',
    temp => [451, '4.7.10'], perm => [550, '5.7.10']);

# A message to these; its last record, and whether the MTA was told to hold it.
sub message
{
	my ($sender, @to) = @_;
	my $m = session($daemon);
	my $name = "$sender to @to";
	answer_is($m->mail("a\@$sender.example"), 'continue', "$name: MAIL");
	for my $to (@to) {
		answer_is($m->rcpt("$to\@home.example"), $want{$to},
		    "$name: $to");
		next unless ref $want{$to};
		my $r = ($daemon->audit)[-1];
		is($r->{event}, 'refused-rcpt', "$name: $to is recorded");
		is_deeply($r->{rcpts}, ["$to\@home.example"], 'and who it is');
		is($r->{verdict}, $to eq 'perm' ? 'reject' : 'tempfail',
		    'with its verdict');
	}
	my $end = $m->message;
	is($end->{action}, 'continue', "$name: the end");
	$m->quit;
	my $record = ($daemon->audit)[-1];
	my @changes = grep { $_->[0] eq 'quarantine' }
	    @{$end->{modifications}};
	return ($record, scalar @changes, $changes[0] ? $changes[0][1] : '');
}

# sender, recipients => held by the rule of; undef: not held
my @rows = (
	['held', ['other'], 'TLS_From:held.example'],
	['held', ['hold', 'other'], 'TLS_From:held.example'],
	['held', ['temp', 'other'], 'TLS_From:held.example'],
	['held', ['perm', 'other'], 'TLS_From:held.example'],
	['held', ['other', 'perm', 'temp', 'hold'], 'TLS_From:held.example'],
	['warned', ['other'], undef],
	['warned', ['hold'], 'TLS_To:hold@home.example'],
	['warned', ['warn', 'hold', 'perm'], 'TLS_To:hold@home.example'],
	['free', ['hold', 'other'], 'TLS_To:hold@home.example'],
	['free', ['other', 'hold', 'warn'], 'TLS_To:hold@home.example'],
	['free', ['perm', 'temp', 'other'], undef],
);
my $held = 0;
for (@rows) {
	my ($sender, $to, $rule) = @$_;
	my ($record, $quarantined, $why) = message($sender, @$to);
	my $name = "$sender to @$to";
	$held++ if defined $rule;
	is($record->{event}, 'message', "$name: one record of the message");
	is($record->{verdict}, defined $rule ? 'hold' : 'accept',
	    "$name: its verdict");
	is($quarantined, defined $rule ? 1 : 0, "$name: told to hold it once");
	is_deeply($record->{rcpts}, [map { "$_\@home.example" }
	    grep { !ref $want{$_} } @$to], "$name: the recipients that remain");
	next unless defined $rule;
	like($why, qr/\Q$rule\E/, "$name: the reason names the rule");
	is($record->{reason}, 'plaintext',
	    "$name: the reason in the record");
	is($record->{waiver}, undef, "$name: nothing is waived");
}

my $r = $daemon->tlspolicy('report', '--json');
is($r->{status}, 0, 'report') or diag($r->{err});
like($r->{out}, qr/"held":\s*$held\b/, "the report counts $held held");

done_testing;
