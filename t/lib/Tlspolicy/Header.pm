package Tlspolicy::Header;

# The header field of add-header, and what becomes of forged ones.  Shared by
# sendmail (522) and Postfix (622).  Messages are held, so that the MTA's queue
# shows what it made of them.

use strict;
use warnings;
use Test::More;
use Tlspolicy::Live;

my $name = 'TLSPolicy-Result';

sub run
{
	my ($mta) = @_;
	my $live = Tlspolicy::Live->start($mta,
	    daemon => { settings => { 'add-header' => 'yes' } });
	$live->policy('TLS_From:held.example HOLD+VERIFY:1024') or
	    return done_testing;
	my ($verify) = $mta eq 'postfix' ? 'NO-OR-FAIL' : 'NO';
	subtest 'in clear' => sub {
		my @fields = fields($live, {});
		is(@fields, 1, 'one field') or diag(@fields);
		like($fields[0], qr/verdict=hold; tls=none; rule="TLS_From:/i,
		    'value');
	};
	subtest 'TLS, with forged fields' => sub {
		my @fields = fields($live, { tls => {} },
		    "$name: forged, first", "X-Other: kept",
		    "tlspolicy-result: forged, second",
		    "$name:\r\n forged, third", "$name : forged, fourth",
		    "$name\t: forged, fifth");
		is(@fields, 1, 'one field') or diag(@fields);
		like($fields[0], qr/version=TLSv1\.\d; cipher=\S+; bits=\d+; /,
		    'session');
		like($fields[0], qr/verify=$verify;/, 'verify');
		unlike("@fields", qr/forged/, 'nothing is forged');
	};
	done_testing;
}

# The fields of our name in a message that the MTA holds, unfolded.
sub fields
{
	my ($live, $how, @more) = @_;
	my %before = map { $_ => 1 } $live->{mta}->held;
	my $client = $live->client(%$how);
	$client->mail('a@held.example');
	$client->rcpt('b@example.org');
	$live->reply_is($client, $client->data(join("\r\n",
	    'From: a@held.example', @more, 'Subject: test', '', 'test')),
	    'accept', 'message');
	$client->quit;
	my ($id) = grep { !$before{$_} } $live->{mta}->held;
	ok(defined $id, 'is held') or return;
	my $head = $live->{mta}->head($id) =~ s/\n[ \t]+/ /gr;
	like($head, qr/^Subject: test$/m, 'other fields are there') or
	    diag($head);
	like($head, qr/^X-Other: kept$/m, 'as they were') if @more;
	return $head =~ /^$name: *(.*)/gim;
}

1;
