#!/usr/bin/perl
# What the MTA is asked for: steps, actions, macros.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Talk;

my %step = (connect => 0x1, helo => 0x2, mail => 0x4, rcpt => 0x8, body => 0x10,
    header => 0x20, eoh => 0x40, unknown => 0x100, data => 0x200);
my ($quarantine, $setsymlist, $silent_helo) = (0x20, 0x100, 0x2000);

my $daemon = daemon('TLS_Clt:example.com PERM+ENCR:112');

sub negotiate
{
	my ($on, %arg) = @_;
	my $m = Tlspolicy::Milter->connect($on->socket);
	return ($m->negotiate(%arg), $m);
}

sub steps_are
{
	my ($got, $wanted, $name) = @_;
	my @taken = grep { !($got->{protocol} & $step{$_}) } sort keys %step;
	is("@taken", $wanted, $name);
}

subtest 'a unix socket' => sub {
	my ($got) = negotiate($daemon);
	is($got->{version}, 6, 'protocol version');
	steps_are($got, 'helo mail rcpt', 'steps that are taken');
	ok($got->{protocol} & $silent_helo, 'HELO gets no answer');
	is($got->{actions}, $setsymlist | $quarantine, 'actions');
};

subtest 'macros' => sub {
	my ($got) = negotiate($daemon);
	my %mail = map { $_ => 1 } split / /, $got->{macros}{mail};
	for (qw(v j i {client_name} {client_addr} {client_resolve}
	    {daemon_name} {daemon_port} {tls_version} {cipher} {cipher_bits}
	    {verify} {cn_subject} {cn_issuer} {cert_subject} {cert_issuer}
	    {cert_fp} {cert_md5} {auth_type} {auth_authen} {auth_ssf})) {
		ok($mail{$_}, "$_ is asked for at MAIL");
	}
	ok(keys %mail <= 50, 'no more than sendmail takes');
	ok($mail{'{mail_addr}'}, 'what the MTA made of the sender');
	is($got->{macros}{rcpt}, 'i {rcpt_addr}',
	    'at RCPT the queue id and what the MTA made of the recipient');
	is($got->{macros}{eom}, 'i', 'at the end the queue id');
	is($got->{macros}{$_}, '', "nothing at $_") for qw(connect helo data eoh);
};

subtest 'an MTA that cannot be asked for macros' => sub {
	my ($got) = negotiate($daemon, actions => 0x3f);
	is($got, undef, 'is turned away');
	Tlspolicy::Milter->connect($daemon->socket)->negotiate(
	    actions => 0x1ff & ~0x100) for 1 .. 20;
	logged($daemon, qr/that cannot be asked for macros/, 'the log says so');
	is(scalar(() = $daemon->log =~ /that cannot be asked for macros/g), 1,
	    'and tells of it once in a minute');
};

subtest 'an MTA without quarantine and silent HELO' => sub {
	my ($got, $m) = negotiate($daemon, actions => $setsymlist,
	    protocol => 0x3ff);
	is($got->{actions}, $setsymlist, 'actions');
	is($got->{protocol} & $silent_helo, 0, 'HELO gets an answer');
	$m->set(%sendmail);
	answer_is($m->helo, 'continue', 'namely this one');
	answer_is($m->mail('a@example.com'), [550, '5.7.10'], 'MAIL is judged');
};

subtest 'a TCP socket' => sub {
	my $tcp = daemon('TLS_Clt:example.com PERM+ENCR:112',
	    name => 'tcp', socket => 'inet');
	my ($got, $m) = negotiate($tcp);
	steps_are($got, 'data helo mail rcpt', 'DATA is taken, too');
	$m->set(%sendmail, %tls);
	$m->helo;
	answer_is($m->mail('a@example.com'), 'continue', 'MAIL');
	answer_is($m->rcpt('b@example.org'), 'continue', 'RCPT');
	answer_is($m->data, 'continue', 'DATA');
	answer_is($m->message, 'continue', 'end');
	is($tcp->stop, 0, 'stops');
};

done_testing;
