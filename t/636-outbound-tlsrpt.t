#!/usr/bin/perl
#
# What Postfix 3.10 tells the daemon of mail that leaves by rules and beside a
# resolver, by its TLSRPT socket: servers good, stripped, forged and with TLSA
# records of another; and that it takes the answers put together from a rule and
# a policy of MTA-STS with all that this says for reports.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::UNIX;
use Test::More;
use Tlspolicy::Outbound;

my $value = `postconf -d -h smtp_tlsrpt_enable 2>/dev/null`;
plan skip_all => 'this Postfix has no TLSRPT (3.10 has)' unless $value =~ /^no/;

my %servers = (
	'mx.sts.test' => { at => '127.0.0.25', cert => ['/CN=mx.sts.test', 'mx.sts.test', 'ca'] },
	'mx.evil.test' => { at => '127.0.0.26', cert => ['/CN=mx.evil.test', 'mx.evil.test', 'ca'] },
	'mx.stripped.test' => { at => '127.0.0.27' },
	'mx.mismatch.test' => { at => '127.0.0.22', cert => ['/CN=mismatch.test', 'mismatch.test', 'ca'] },
);

sub zone
{
	my ($outbound, $zone) = @_;
	my %at = ('good.test' => '127.0.0.11', 'self.test' => '127.0.0.12', 'plain.test' => '127.0.0.14',
	    'old.test' => '127.0.0.15', map { $_ => $servers{$_}{at} } keys %servers);
	$zone->{"$_ A"} = [$at{$_}] for keys %at;
	$zone->{"$_ MX"} = ["10 mx.$_"] for qw(sts.test stripped.test mismatch.test);
	$zone->{'forged.test MX'} = ['10 mx.evil.test'];
	$zone->{"_smtp._tls.$_ TXT"} = ['v=TLSRPTv1; rua=mailto:tlsrpt@example.org']
	    for qw(good.test self.test stripped.test mismatch.test sts.test forged.test old.test);
	my $key = Tlspolicy::Scratch::must('sh', '-c', 'openssl x509 -noout -pubkey -in "$0" | openssl pkey -pubin '
	    . '-outform DER | sha256sum', $outbound->{scratch}->path('certs/good.test.pem'));
	$zone->{'_25._tcp.mx.mismatch.test TLSA'} = ['3 1 1 ' . substr $key, 0, 64];
}

my $attributes = 'servername=hostname policy_type=sts policy_domain=sts.test { policy_string = version: STSv1 } '
    . '{ policy_string = mode: enforce } mx_host_pattern=*.sts.test';
my %resolved = ('sts.test' => "OK secure match=.sts.test $attributes",
    'forged.test' => 'OK secure match=.forged.test ' . $attributes =~ s/sts\.test/forged.test/gr);

# A resolver that says what postfix-mta-sts-resolver 1.5 says with tlsrpt: true.
sub resolver
{
	my ($path) = @_;
	my $listen = IO::Socket::UNIX->new(Local => $path, Listen => 50) or die "$path: $!\n";
	chmod 0666, $path;
	my $pid = fork // die "fork: $!\n";
	return $pid if $pid;
	$SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
	$SIG{CHLD} = 'IGNORE';
	while (my $sock = $listen->accept) {
		next if fork;
		my $all = '';
		while (sysread $sock, $all, 4096, length $all) {
			while ($all =~ s/^(\d+):postfix ([^,]*),//) {
				my $reply = $resolved{$2} // 'NOTFOUND ';
				syswrite $sock, length($reply) . ":$reply,";
			}
		}
		POSIX::_exit(0);
	}
	POSIX::_exit(0);
}

my $out = Tlspolicy::Outbound->start('postfix', servers => \%servers, zone => \&zone, insecure => qr/^forged\.test$|evil/);
my $scratch = $out->{scratch};
my ($socket, $told) = ($scratch->path('sts.sock'), $scratch->path('milter/tlsrpt.sock'));
my $pid = resolver($socket);
$scratch->at_end(sub { local $?; Tlspolicy::Scratch::end_pid($pid) });
$out->{resolver} = "unix:$socket postfix";
is($out->{daemon}->stop, 0, 'settings that need a restart');
$out->{daemon}->configure($out->settings, 'tlsrpt-socket' => "unix:$told", 'tlsrpt-socket-mode' => '0666');
$out->{daemon}->run;
$out->{mta}->configure(smtp_tlsrpt_enable => 'yes', smtp_tlsrpt_socket_name => $told,
    smtp_tlsrpt_skip_reused_handshakes => 'no');
$out->{server_of} = { 'forged.test' => 'mx.evil.test', map { $_ => "mx.$_" } qw(sts.test stripped.test mismatch.test) };

my $fp = $out->fingerprint('mx.sts.test', 'sha256') =~ s/://gr;
my $no = qr/not verified|not trusted|mismatch|untrusted|TLSA/i;
my $plain = qr/TLS is required/;
my @rows = (
	[['TLS_Rcpt:good.test VERIFY'], 'good.test', 'tls', 'success no-policy-found', 'VERIFY, met'],
	[['TLS_Rcpt:self.test VERIFY'], 'self.test', $no, 'failure no-policy-found validation-failure', 'VERIFY, self-signed'],
	[['TLS_Rcpt:stripped.test ENCR:1'], 'stripped.test', $plain,
	    'failure no-policy-found starttls-not-supported', 'STARTTLS is stripped'],
	[['TLS_Rcpt:old.test ENCR:1+VER:1.3'], 'old.test', qr/handshake failure/,
	    'failure no-policy-found validation-failure', 'an old protocol'],
	[['TLS_Rcpt:mismatch.test DANE'], 'mismatch.test', $no, qr/^failure tlsa (?:validation-failure|certificate-\S+)$/,
	    'TLSA of another'],
	[[], 'plain.test', 'clear', undef, 'a domain that wants no reports'],
	[[], 'sts.test', 'tls', 'success sts', 'no rule, a policy of MTA-STS'],
	[['TLS_Rcpt:sts.test ENCR:128+VER:1.2'], 'sts.test', 'tls', 'success sts', 'a rule beside it'],
	[['TLS_Rcpt:sts.test VERIFY'], 'sts.test', 'tls', 'success sts', 'VERIFY beside it'],
	[["TLS_Rcpt:sts.test ENCR:1+FP:$fp"], 'sts.test', 'tls', 'success sts', 'a fingerprint beside it'],
	[['TLS_Rcpt:sts.test VERIFY+CN:mx.sts.test'], 'sts.test', 'tls', 'success sts', 'a name beside it'],
	[['TLS_Rcpt:sts.test VERIFY+CN:mx.pin.test'], 'sts.test', $no, 'failure sts certificate-host-mismatch',
	    'a name that the server does not have'],
	[['TLS_Rcpt:sts.test OK'], 'sts.test', 'tls', 'success no-policy-found', 'an exception'],
	# Where its patterns are enforced no MX is left to be asked.
	[[], 'forged.test', qr/server unavailable|$no/, undef, 'a forged MX, no rule'],
);
my %known;
for (@rows) {
	my ($rules, $domain, $want, $record, $name) = @$_;
	$out->policy(@$rules) or next;
	$out->delivery_is($domain, $want, $name) or diag($out->{mta}->log =~ s/^.*\n(?=(?:.*\n){25}\z)//sr);
	$out->forget;
	unless (defined $record) {
		next if $domain eq 'forged.test';
		is(scalar(grep { $_->{event} eq 'handshake' && $_->{domain} eq $domain } $out->{daemon}->audit), 0,
		    "$name: nothing is told");
		next;
	}
	my @got;
	Tlspolicy::Scratch::wait_for(60, sub {
		@got = grep { $_->{event} eq 'handshake' && $_->{domain} eq $domain } $out->{daemon}->audit;
		@got = @got[($known{$domain} // 0) .. $#got];
		@got > 0 });
	$known{$domain} += @got;
	my $got = @got ? join ' ', @{$got[0]}{qw(outcome policy_type)}, map { $_->{result_type} } @{$got[0]{failures}} : 'nothing';
	ref $record ? like($got, $record, "$name: told") : is($got, $record, "$name: told");
	my ($failure) = @got ? @{$got[0]{failures}} : ();
	my $mx = $out->{server_of}{$domain} // $domain;
	is($failure->{server}{name}, $mx, "$name: by which server") if $failure;
}
my $log = "$out->{daemon}{dir}/audit.log";
is($out->{daemon}->tlspolicy('audit', 'verify', $log)->{status}, 0, 'the chain holds');
like($out->{daemon}->tlspolicy('report', '--left', $log)->{out}, qr/failing: stripped\.test: .*starttls-not-supported/,
    'the report says which partners do not work');

# A header field of the sender's does without all of it (RFC 8689), which
# tlspolicy-outbound(7) warns of; the line that doctor proposes ends that.
sub with_header
{
	my ($to) = @_;
	my $in = $scratch->write('submission', "TLS-Required: no\nSubject: x\n\nx\n");
	Tlspolicy::Scratch::must({ in => $in }, 'sendmail', '-C', "$out->{mta}{dir}/etc", '-i', '-f', 'a@mx.example.org', $to);
	return Tlspolicy::Scratch::wait_for(60, sub { $out->{mta}->log =~ /to=<\Q$to\E>.* (status=.*)$/m && $1 }) // 'nothing';
}
$out->policy('TLS_Rcpt:stripped.test ENCR:1');
like(with_header('h1@stripped.test'), qr/^status=sent/, 'TLS-Required: no');
$out->{mta}->configure(tls_required_enable => 'no');
like(with_header('h2@stripped.test'), $plain, 'without tls_required_enable');
$out->forget;

# The same by the log.
my $r = $out->{daemon}->tlspolicy('audit', 'from-log', $out->{mta}->maillog);
for (['stripped.test', 'starttls-not-supported'], ['self.test', 'certificate-not-trusted'],
    ['old.test', 'validation-failure']) {
	like($r->{out}, qr/"event":"handshake".*"domain":"\Q$_->[0]\E".*"result_type":"$_->[1]"/, "from the log: $_->[0]");
}
like($r->{out}, qr/"event":"delivered".*"name":"good\.test"/, 'and what left');
done_testing;
