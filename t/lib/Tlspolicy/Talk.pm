package Tlspolicy::Talk;

# What the 4xx tests share: a daemon, sessions in which the test plays the MTA,
# and checks of what the daemon answers.

use strict;
use warnings;
use Exporter qw(import);
use Test::More;
use Tlspolicy::Daemon;
use Tlspolicy::Milter;
use Tlspolicy::Scratch;

our @EXPORT = qw(daemon scratch session answer_is logged %sendmail %postfix
    %tls %verified);

our %sendmail = (v => '8.17.1', j => 'mx.example.org', i => 'QUEUEID',
    client_name => 'mail.example.com', client_addr => '192.0.2.1',
    client_resolve => 'OK', daemon_name => 'MTA', daemon_port => '25',
    daemon_addr => '192.0.2.25');
our %postfix = (v => 'Postfix 3.7.11', j => 'mx.example.org',
    client_name => 'mail.example.com', client_addr => '192.0.2.1',
    daemon_name => 'mx.example.org', daemon_port => '25',
    daemon_addr => '192.0.2.25');
our %tls = (tls_version => 'TLSv1.3', cipher => 'TLS_AES_256_GCM_SHA384',
    cipher_bits => '256', verify => 'NO', cn_subject => '', cn_issuer => '',
    cert_subject => '', cert_issuer => '', cert_md5 => '');
our %verified = (%tls, verify => 'OK', cn_subject => 'mail.example.com',
    cert_subject => '/C=DE/CN=mail.example.com', cn_issuer => 'Example+20CA',
    cert_issuer => '/C=DE/CN=Example+20CA');

my $scratch;

sub scratch
{
	return $scratch //= Tlspolicy::Scratch->new;
}

# The daemon is done with a session that has ended, and has recorded it.
package Tlspolicy::Talk::Session {
	our @ISA = ('Tlspolicy::Milter');

	sub quit
	{
		my ($self) = @_;
		$self->packet('Q', '');
		$self->read_bytes(1);
		close $self->{sock};
	}

	sub DESTROY
	{
		my ($self) = @_;
		# At the end of the test the socket may have gone before.
		my $sock = $self->{sock} or return;
		$self->quit if defined fileno $sock;
	}
}

# A running daemon with these rules and settings, or the end of the test file.
sub daemon
{
	my ($rules, %arg) = @_;
	my $missing = Tlspolicy::Daemon::missing();
	plan skip_all => $missing if $missing;
	return Tlspolicy::Daemon->start(scratch => scratch(),
	    rules => $rules, %arg);
}

# A session as far as HELO, of a client with these macros (default: sendmail's,
# in clear).  Gives undef when the daemon does not negotiate.
sub session
{
	my ($daemon, @macros) = @_;
	my %macros = @macros ? @macros : %sendmail;
	my $m = Tlspolicy::Talk::Session->connect($daemon->socket) or
	    die "no connection to " . $daemon->socket . "\n" . $daemon->log;
	$m->negotiate or return undef;
	$m->set(%macros);
	$m->conn('mail.example.com', '192.0.2.1');
	$m->helo('client.example.com');
	return $m;
}

# want: an action, or [code, enhanced code, qr/text/].
sub answer_is
{
	my ($got, $want, $name) = @_;
	my $have = $got->{action} eq 'reply' ?
	    "$got->{code} $got->{dsn} $got->{text}" : $got->{action};
	my $good = ref $want ?
	    $have =~ /^\Q$want->[0] $want->[1] \E/ &&
	    (!$want->[2] || $got->{text} =~ $want->[2]) : $have eq $want;
	ok($good, $name) or
	    diag('want: ' . (ref $want ? "@$want" : $want) . "\ngot:  $have");
	return $good;
}

# Waits until the daemon's log matches $what.
sub logged
{
	my ($daemon, $what, $name) = @_;
	my $good = Tlspolicy::Scratch::wait_for(60,
	    sub { $daemon->log =~ $what });
	ok($good, $name) or diag("want: $what\nlog:\n" . $daemon->log);
	return $good;
}

1;
