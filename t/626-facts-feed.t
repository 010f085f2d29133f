#!/usr/bin/perl
# Fingerprints under a real Postfix, which tells them to its policy service only:
# certificates that are trusted, self-signed, of another CA, renewed; the feed
# away, and a client that is somebody else than it was.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Live;

my $live = Tlspolicy::Live->start('postfix', daemon => {
    settings => { 'facts-socket' => 'off' } });
my ($certs, $daemon) = @$live{qw(certs daemon)};
my $path = "$live->{mta}{dir}/queue/facts.sock";

my %settings = (mynetworks => '127.0.0.0/8 192.0.2.0/24',
    smtpd_tls_fingerprint_digest => 'sha256',
    smtpd_recipient_restrictions => 'check_policy_service '
    . "{ unix:$path, default_action=DUNNO, timeout=5s }, "
    . 'permit_mynetworks, reject');

sub feed
{
	my ($value) = @_;
	$daemon->stop;
	$daemon->configure('facts-socket' => $value,
	    'facts-socket-mode' => '0666');
	$daemon->run;
}

$live->{mta}->configure(%settings);
chmod 0755, "$live->{mta}{dir}/queue";
feed("unix:$path");

sub key_fingerprint
{
	my ($name) = @_;
	my ($cert) = $certs->pair($name);
	my $hex = `openssl x509 -in '$cert' -noout -pubkey |
	    openssl pkey -pubin -outform DER | sha256sum`;
	return $hex =~ s/ .*//sr;
}

my %fp = map { $_ => $certs->fingerprint($_, 'sha256') }
    qw(trusted selfsigned rollover);
my %pkfp = map { $_ => key_fingerprint($_) } qw(trusted selfsigned rollover);

# One message by a client with this certificate; want is RCPT's answer.
sub try
{
	my ($name, $rules, $cert, $want, $reason) = @_;
	$live->policy(@$rules) or return;
	$live->forget_records;
	my $c = $live->client(from => '127.0.0.2', tls =>
	    $cert ? { cert => $cert } : {});
	my $r = $c->mail('a@bank.test');
	is($r->{code}, 250, "$name: MAIL waits");
	$live->reply_is($c, $c->rcpt('b@example.org'),
	    $want eq 'accept' ? ['250'] : $want, $name);
	is($c->data->{code}, 250, "$name: its end") if $want eq 'accept';
	$c->quit;
	$live->record_is($live->record, { verdict => $want eq 'accept' ?
	    'accept' : qr/^(reject|tempfail)$/, reason => $reason,
	    'tls.fingerprint' => $cert && ($reason // '') ne 'policy-error' ?
	    qr/^\Q$fp{$cert}\E$/i : undef }, $name);
}

my $wrong = [554, '5.7.1'];
for my $tag ('TLS_From:bank.test', 'TLS_Clt:127.0.0', 'TLS_To:example.org') {
	my $rule = "$tag PERM+ENCR:112";
	try("$tag FP, trusted", ["$rule+FP:$fp{trusted}"], 'trusted', 'accept');
	try("$tag FP, self-signed", ["$rule+FP:$fp{selfsigned}"], 'selfsigned',
	    'accept');
	try("$tag FP, another", ["$rule+FP:$fp{selfsigned}"], 'rollover',
	    $wrong, 'wrong-certificate');
	try("$tag FP, none", ["$rule+FP:$fp{selfsigned}"], undef, $wrong,
	    'wrong-certificate');
	try("$tag FP, old and new", ["$rule+FP:$fp{trusted}++FP:$fp{rollover}"],
	    'rollover', 'accept');
	try("$tag PKFP", ["$rule+PKFP:$pkfp{selfsigned}"], 'selfsigned',
	    'accept');
	try("$tag PKFP, another", ["$rule+PKFP:$pkfp{trusted}"], 'selfsigned',
	    $wrong, 'wrong-certificate');
}
try('both', ["TLS_From:bank.test PERM+VERIFY+FP:$fp{trusted}"
    . "++PKFP:$pkfp{trusted}"], 'trusted', 'accept');

# Names of a certificate that did not verify count for nothing, told or not.
$live->policy("TLS_From:bank.test PERM+ENCR:1+FP:$fp{selfsigned}"
    . '++CN:client.example.com');
my $c = $live->client(tls => { cert => 'selfsigned' });
$c->mail('a@bank.test');
$live->reply_is($c, $c->rcpt('b@example.org'),
    [554, '5.7.1', qr/no verified certificate/], 'the name beside it');
$c->quit;

# Behind a proxy, and by XCLIENT, the client is who they say.  One of which they
# do not tell the port cannot be told from others there.
sub rcpt_is
{
	my ($client, $want, $name) = @_;
	$client->mail('a@bank.test');
	$live->reply_is($client, $client->rcpt('b@example.org'), $want, $name);
	$client->quit;
}

my $selfsigned = { cert => 'selfsigned' };
$live->policy("TLS_Clt:192.0.2.9 PERM+ENCR:1+FP:$fp{selfsigned}",
    'TLS_Clt:127.0.0.2 PERM+ENCR:1+FP:' . '11' x 32);
for my $to ("$live->{mta}{proxy}", 0) {
	my $c = $live->client(port => 'proxy', tls => $selfsigned,
	    first => "PROXY TCP4 192.0.2.9 127.0.0.1 4711 $to\r\n");
	rcpt_is($c, ['250'], "a proxy, to port $to");
}
$c = $live->client(port => 'proxy', tls => { cert => 'rollover' },
    first => "PROXY TCP4 192.0.2.9 127.0.0.1 4711 25\r\n");
rcpt_is($c, $wrong, 'a proxy, another certificate from the same port');
for my $port (['4712', ['250']], ['[UNAVAILABLE]', [451, '4.3.0']]) {
	my $c = $live->client(tls => $selfsigned);
	$c->cmd("XCLIENT ADDR=192.0.2.9 NAME=[UNAVAILABLE] PORT=$port->[0]");
	$c->ehlo;
	rcpt_is($c, $port->[1], "XCLIENT, port $port->[0]");
}

# Two instances with one daemon, many clients at once: each verdict is its own.
# TLSPOLICY_SESSIONS=10000 for a soak.
sub sessions
{
	my ($n, @ports) = @_;
	my $bad = 0;
	for my $i (1 .. $n) {
		my $cert = ('selfsigned', 'rollover', undef)[$i % 3];
		my %tls = ();
		@tls{qw(cert key)} = $certs->pair($cert) if $cert;
		my $c = Tlspolicy::Smtp->connect(port => $ports[$i % @ports],
		    from => '127.0.0.3');
		$c->ehlo;
		$c->starttls(%tls);
		$c->ehlo;
		$c->mail('a@bank.test');
		my $code = $c->rcpt('b@example.org')->{code};
		$bad++ if $code !=
		    ($cert && $cert eq 'selfsigned' ? 250 : 554);
		$c->quit;
	}
	return $bad;
}

{
	my $scratch = Tlspolicy::Scratch->new;
	my $second = Tlspolicy::Postfix->start(scratch => $scratch,
	    certs => $certs, main => { %settings },
	    milter => Tlspolicy::Postfix->milter_address($daemon->socket));
	my @ports = ($live->{mta}->port, $second->port);
	my $each = int(($ENV{TLSPOLICY_SESSIONS} // 120) / 4);
	$live->policy("TLS_From:bank.test PERM+ENCR:1+FP:$fp{selfsigned}");
	my @pids = map {
		my $n = $_;
		my $pid = fork // die "fork: $!";
		if ($pid == 0) {
			my $bad = eval { sessions($each, $n % 2 ? @ports :
			    reverse @ports) } // 255;
			require POSIX;
			POSIX::_exit($bad > 255 ? 255 : $bad);
		}
		$pid;
	} 1 .. 4;
	my $bad = 0;
	for (@pids) {
		waitpid $_, 0;
		$bad += $? >> 8;
	}
	is($bad, 0, 4 * $each . ' sessions of two instances');
	$second->stop;
}

# The feed away: nobody is freed, and nobody is refused for good.
feed('off');
$live->policy("TLS_From:bank.test PERM+ENCR:1+FP:$fp{trusted}");
$c = $live->client(tls => { cert => 'trusted' });
$live->reply_is($c, $c->mail('a@bank.test'), [451, '4.3.0'],
    'no facts-socket: at MAIL');
$c->quit;
feed("unix:$path");
$live->{mta}->configure(smtpd_recipient_restrictions =>
    'permit_mynetworks, reject');
$c = $live->client(tls => { cert => 'trusted' });
is($c->mail('a@bank.test')->{code}, 250, 'not asked: MAIL');
$live->reply_is($c, $c->rcpt('b@example.org'), [451, '4.3.0'],
    'not asked: RCPT');
$c->quit;
done_testing;
