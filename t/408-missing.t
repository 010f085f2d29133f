#!/usr/bin/perl
# Macros that do not arrive, each by itself or with a whole command: no later
# key decides in their stead, and nothing that was refused is let in.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Talk;

my $daemon = daemon(<<'END');
TLS_Clt:evil.example     PERM+VERIFY
TLS_Clt:203.0.113.0/24   PERM+VERIFY
TLS_Clt:                 OK
TLS_From:tenant.example  PERM+VERIFY:128
TLS_To:pay@home.example  PERM+VERIFY:128
END

sub told
{
	my ($name, $want, %macros) = @_;
	my $m = session($daemon, %sendmail, %macros);
	my $seen = () = $daemon->audit;
	answer_is($m->mail('a@free.example'), $want, $name);
	$m->quit;
	my ($record) = $daemon->audit_after($seen);
	is($record->{waiver}, undef, "$name: nobody is exempt");
	return $record;
}
sub lacks { return [451, '4.3.0', qr/found (?:no macro )?\{$_[0]\}/] }

my %evil = (client_name => 'mx.evil.example', client_addr => '203.0.113.9');
for my $mta ({ %sendmail }, { %postfix }) {
	my ($name) = $mta->{v} =~ /Postfix/ ? 'Postfix' : 'sendmail';
	told("$name: all is told", [550, '5.7.10'], %$mta, %evil);
	my $r = told("$name: no name", lacks('client_name'), %$mta, %evil,
	    client_name => undef);
	is($r->{reason}, 'policy-error', 'so says the record');
	told("$name: no address", lacks('client_addr'), %$mta,
	    client_name => 'mx.other.example', client_addr => undef);
	told("$name: no address that can be read", lacks('client_addr'), %$mta,
	    client_name => 'mx.other.example', client_addr => '203.0.113.');
	told("$name: neither", lacks('client_name'), %$mta,
	    client_name => undef, client_addr => undef);
	told("$name: the name decides without an address", [550, '5.7.10'],
	    %$mta, %evil, client_addr => undef);
}
told('Postfix: a client of whom it says that he is unknown',
    lacks('client_name'), %postfix, client_name => 'unknown',
    client_addr => 'unknown');

# A Postfix whose mail_name is another speaks as Postfix does, and an MTA that
# nobody knows as nobody knows.  Read as sendmail's, a client without a name is
# called unknown, which is a name, and no certificate ever verifies.
subtest 'another name of the MTA' => sub {
	is($daemon->rules("TLS_Clt:[0.0.0.0/0] PERM+ENCR:112\n" .
	    "TLS_Clt:good.example PERM+VERIFY\n")->{status}, 0, 'a policy');
	my %unnamed = (%postfix, client_name => 'unknown');
	told('Postfix by its name: a client without one', [550, '5.7.10'],
	    %unnamed);
	for my $v ('MyMail 3.7.11', 'mail', 'ESMTP', ' 8.17.1', "\xff\xfe",
	    'x' x 3000, '') {
		my $name = substr $v, 0, 20;
		my $found = $v eq '' ? qr/found no macro v/ :
		    qr/neither sendmail nor Postfix/;
		told("$name: a client without a name", [451, '4.3.0', $found],
		    %unnamed, v => $v);
		my $r = told("$name: a good certificate is not refused for good",
		    [451, '4.3.0', $found], %postfix, %verified,
		    client_name => 'mx.good.example', v => $v);
		is($r->{reason}, 'policy-error', 'so says the record');
		told("$name: nobody is local", [451, '4.3.0', $found], %postfix,
		    client_addr => '127.0.0.1', daemon_port => '0', v => $v);
		next if $v eq '' || $v =~ /\xff/;
		my $check = $daemon->tlspolicy('check', '-v', "v=$v",
		    'client_name=unknown', 'client_addr=192.0.2.1',
		    'mail_addr=a@b.example');
		is($check->{status}, 75, 'check answers the same');
		like($check->{out}, $found, 'and says why');
	}
	told("sendmail's: $_", 'continue', %sendmail, v => $_)
	    for '8.17.1.9', '8.17.1/Debian-8.17.1.9-2+deb12u2', '8.14.4+Sun';
	is($daemon->rules("TLS_Clt:evil.example PERM+VERIFY\n" .
	    "TLS_To:pay\@home.example  PERM+VERIFY:128\n")->{status}, 0,
	    'the policy as before');
};

subtest 'a recipient, and a message, without macros' => sub {
	my $m = session($daemon, %sendmail);
	answer_is($m->mail('a@free.example'), 'continue', 'MAIL');
	$m->set(map { $_ => undef } keys %sendmail, keys %tls);
	answer_is($m->rcpt('pay@home.example'), [550, '5.7.10'],
	    'a recipient that is refused');
	answer_is($m->rcpt('joe@home.example'), 'continue', 'another one');
	answer_is($m->message, 'continue', 'the end');
	my $record = ($daemon->audit)[-1];
	is($record->{queue_id}, 'QUEUEID', 'the queue id of MAIL');
	is_deeply($record->{rcpts}, ['joe@home.example'], 'its recipient');
};

# Rules by address cannot be applied; the rule of a sender needs none, and the
# strictest of both counts.
subtest 'TLS without a client, by miltertest' => sub {
	my $r = Tlspolicy::Scratch::run('sh', '-c', 'command -v miltertest');
	plan skip_all => 'no miltertest' if $r->{status};
	my ($path) = $daemon->socket =~ /^unix:(.*)/;
	for (["TLS_Clt:203.0.113.0/24 PERM+VERIFY\nTLS_Clt: OK\n", '451',
	    'policy-error'],
	    ["TLS_Clt:203.0.113.0/24 OK\n", '451', 'policy-error'],
	    ["TLS_Clt:evil.example OK\n", '451', 'policy-error'],
	    ["TLS_From:tenant.example PERM+VERIFY:128\n", '554',
	    'not-verified']) {
		my ($rules, $code, $reason) = @$_;
		is($daemon->rules($rules)->{status}, 0, 'a policy') or next;
		my $seen = () = $daemon->audit;
		$r = Tlspolicy::Scratch::run('miltertest', '-D',
		    "socket=unix:$path", '-s', "$FindBin::Bin/data/cases/"
		    . '22-tls-without-client.lua');
		is($r->{out}, "MAIL y\n", "$rules: a reply, not \"continue\"")
		    or diag($r->{err});
		my ($record) = $daemon->audit_after($seen);
		is(substr($record->{reply}, 0, 3), $code, 'its code');
		is($record->{reason}, $reason, 'its reason');
		is($record->{waiver}, undef, 'and nobody is exempt');
	}
};

done_testing;
