#!/usr/bin/perl
# Macros of a command that do not arrive: libmilter has those of an earlier
# message, recipient or login.  None of them frees anybody.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Talk;

my $daemon = daemon(<<'RULES');
TLS_Clt:evil.example     PERM+VERIFY
TLS_Auth:alice           PERM+VERIFY
TLS_From:perm.test       PERM+ENCR:128
TLS_To:perm@example.org  PERM+ENCR:128
RULES
my $no_macros = [451, '4.3.0', qr/found no macro v/];
my @all = (keys %sendmail, keys %verified, qw(auth_authen auth_type auth_ssf
    mail_addr rcpt_addr));

sub none { return map { $_ => undef } @all }

# What is said first, how the client goes on, what would then be true.
my %verified_tls = (%sendmail, %verified);
my @stories = (
	['a login since', { %sendmail }, [], 'joe@free.test',
	    { auth_type => 'PLAIN', auth_authen => 'alice',
	    want => [550, '5.7.11'] }],
	['another login', { %sendmail, auth_type => 'PLAIN',
	    auth_authen => 'bob' }, [], 'joe@free.test',
	    { auth_authen => 'alice', want => [550, '5.7.11'] }],
	['another sender', { %sendmail }, [], 'boss%perm.test', {}],
	['a certificate that is not this one', \%verified_tls, [],
	    'a@perm.test', { verify => 'FAIL' }],
	['another client', \%verified_tls, [], 'joe@free.test',
	    { client_name => 'mx.evil.example' }],
	['RSET', \%verified_tls, ['abort'], 'a@perm.test', {}],
	['HELO again', \%verified_tls, ['abort', 'helo'], 'a@perm.test', {}],
	['STARTTLS and no HELO', { %sendmail }, ['abort'], 'joe@free.test',
	    { %tls }],
	['exempt before', { %sendmail, client_addr => '::1' }, [],
	    'a@perm.test', {}],
	['submission before', { %sendmail, client_addr => '0' }, [],
	    'a@perm.test', {}],
);

for my $mta (\%sendmail, \%postfix) {
	for (@stories) {
		my ($name, $first, $steps, $sender, $then) = @$_;
		my %first = (%$first, v => $mta->{v});
		my $m = session($daemon, %first);
		answer_is($m->mail('joe@free.test'), 'continue',
		    "$name: the first MAIL");
		$m->rcpt('joe@example.org');
		$m->message if !@$steps;
		$m->$_ for @$steps;
		$m->set(none());
		answer_is($m->mail($sender), $no_macros,
		    "$name: no macros at the second");
		$m->set(%first, %$then);
		delete @{$m->{said}}{qw(mail_addr rcpt_addr)};
		answer_is($m->mail('joe@free.test'), $then->{want} //
		    'continue', "$name: all is told again");
	}
}

subtest 'recipients' => sub {
	my $m = session($daemon, %sendmail, %tls);
	answer_is($m->mail('joe@free.test'), 'continue', 'MAIL');
	answer_is($m->rcpt('joe@example.org'), 'continue', 'RCPT');
	$m->set(rcpt_addr => undef, i => undef);
	answer_is($m->rcpt('info@example.org'),
	    [451, '4.3.0', qr/no macro \{rcpt_addr\}/],
	    'the macros are those of another recipient');
	$m->set(rcpt_addr => 'joe@example.org', i => 'QUEUEID');
	answer_is($m->rcpt('info@example.org'), 'continue', 'told');
	answer_is($m->message, 'continue', 'the end');
	my ($last) = ($daemon->audit)[-1];
	is_deeply($last->{rcpts}, ['joe@example.org', 'info@example.org'],
	    'who was accepted is recorded');
};

subtest 'senders: {mail_addr} alone is missing' => sub {
	my $m = session($daemon, %sendmail, mail_addr => undef);
	answer_is($m->mail('joe@free.test'),
	    [451, '4.3.0', qr/no macro \{mail_addr\}/], 'never told');
};

# The macros of each stage are lost in the second message.
subtest 'stage by stage' => sub {
	for my $lost (qw(connect helo mail rcpt eom)) {
		my $m = session($daemon, %sendmail, i => 'FIRST');
		$m->mail('joe@free.test');
		$m->rcpt('joe@example.org');
		answer_is($m->message, 'continue', "$lost: first message");
		$m->set(i => 'SECOND');
		$m->{wanted}{$lost} = '';
		$m->helo('other.example.com') if $lost eq 'helo';
		my $mail = $m->mail('a@free.test');
		answer_is($mail, $lost eq 'mail' ? $no_macros : 'continue',
		    "$lost: MAIL");
		next if $lost eq 'mail';
		answer_is($m->rcpt('b@example.org'), $lost eq 'rcpt' ?
		    [451, '4.3.0'] : 'continue', "$lost: RCPT");
		next if $lost eq 'rcpt';
		answer_is($m->message, 'continue', "$lost: the end");
		my ($last) = ($daemon->audit)[-1];
		is($last->{queue_id}, 'SECOND', 'its own queue id');
		is($last->{from}, 'a@free.test', 'its own sender');
	}
};

# Macros that are the same in each message are not taken for left over.
subtest 'many messages that are alike' => sub {
	my $m = session($daemon, %sendmail, %tls);
	my %seen;
	for (1 .. 300) {
		$seen{$m->mail('a@perm.test')->{action}}++;
		$seen{$m->rcpt('perm@example.org')->{action}}++ for 1 .. 3;
		$_ % 3 ? $m->message : $m->abort;
		$m->helo('client.example.com') if $_ % 7 == 0;
	}
	is_deeply(\%seen, { continue => 1200 }, 'all are judged');
};

done_testing;
