#!/usr/bin/perl
#
# scripts/demo finds the record of the message that it sent and no other, and
# says so when reply, record and explanation disagree.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Demo;

# An audit file that has one record more each time it is looked at.
package Late {
	sub audit
	{
		my ($self) = @_;
		$self->{n}++ if $self->{n} < @{$self->{records}};
		return @{$self->{records}}[0 .. $self->{n} - 1];
	}
}

my $from = 'alice.2@example.com';
my %accepted = (code => 250, dsn => '2.0.0', text => 'Ok: queued as Q2');
my %refused = (code => 554, dsn => '5.7.1', text => 'certificate');
my %message = (event => 'message', from => $from, queue_id => 'Q2',
    verdict => 'accept');
my %refusal = (event => 'refused-mail', from => $from, verdict => 'reject',
    reply => '554 5.7.1 certificate');
my @others = ({ event => 'link' }, { %refusal, from => 'alice.1@example.com' },
    { %message, event => 'aborted' }, { %message, queue_id => 'Q' });

sub found
{
	my ($seconds, $reply, @records) = @_;
	return Tlspolicy::Demo::own_record(bless({ n => 0,
	    records => \@records }, 'Late'), $from, $reply, $seconds);
}

is_deeply(found(60, \%accepted, @others, \%message), \%message,
    'the record of a message that comes late, behind those of others');
is_deeply(found(60, \%refused, @others, \%refusal), \%refusal,
    'and of a refusal');
is(found(0.3, \%accepted, @others, \%refusal), undef,
    'a refusal does not explain an acceptance');
is(found(0.3, \%refused, @others, \%message), undef, 'nor the other way round');
is(found(0.3, \%refused, @others), undef, 'the records of others are not taken');

# reply, record, first line of the explanation, pattern of the complaint
my $reject = 'reject 554 5.7.1 certificate not verified';
my @rows = (
	'agreed: accepted' => [\%accepted, \%message, 'accept', undef],
	'agreed: refused' => [\%refused, \%refusal, $reject, undef],
	'no record' => [\%refused, undef, $reject, qr/no record/],
	'accepted, explained by a reject' =>
	    [\%accepted, \%message, $reject, qr/explanation says reject/],
	'refused, explained by an accept' =>
	    [\%refused, \%refusal, 'accept', qr/explanation says accept/],
	'another code' => [\%refused, \%refusal, $reject =~ s/554/550/r,
	    qr/explanation says reject 550/],
	'another DSN' => [\%refused, \%refusal, $reject =~ s/7\.1/7.10/r,
	    qr/explanation says/],
	'no explanation' => [\%refused, \%refusal, undef, qr/says nothing/],
	'the record of an acceptance for a refusal' =>
	    [\%refused, \%message, $reject, qr/the record says accept/],
);
while (my ($name, $row) = splice @rows, 0, 2) {
	my ($reply, $record, $explanation, $want) = @$row;
	my $got = Tlspolicy::Demo::disagreement($reply, $record, $explanation);
	ok(defined $want ? ($got // '') =~ $want : !defined $got, $name) or
	    diag('got: ', $got // '(none)');
}
like(Tlspolicy::Demo::unexpected(250, \%refused), qr/expected 250, got 554/,
    'a reply that was not expected');
is(Tlspolicy::Demo::unexpected(554, \%refused), undef, 'one that was');

done_testing;
