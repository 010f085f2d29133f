#!/usr/bin/perl
#
# tlspolicy outbound: what each policy of a table makes of the site's parameters,
# and what is printed for people.  No daemon: tables of the site's own are asked,
# and a map of ours that nobody answers for is read from the store.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP qw(decode_json);
use Test::More;
use Tlspolicy::Scratch;

plan skip_all => 'no postconf' unless -x '/usr/sbin/postconf';
my $scratch = Tlspolicy::Scratch->new;
my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
my ($conf, $store, $dir) = map { $scratch->path($_) } qw(conf policy.mdb etc);
my $socket = $scratch->path('map.sock');
mkdir $dir;
sub settings { $scratch->write('conf', join '', "rules = " . $scratch->path('rules') . "\n", map { "$_\n" } @_) }
sub tlspolicy { Tlspolicy::Scratch::run($tlspolicy, shift, '-c', $conf, '-d', $store, @_) }
sub rules {
	$scratch->write('rules', join '', map { "$_\n" } @_);
	Tlspolicy::Scratch::must($tlspolicy, 'build', '-c', $conf, '-d', $store);
}
settings("socketmap = unix:$socket");
rules("TLS_Rcpt:verify.test VERIFY", "TLS_Rcpt:joe\@box.test ENCR:128");

sub main_cf {
	my %with = @_;
	my %main = (compatibility_level => '3.6', myhostname => 'mx.own.test',
	    queue_directory => '/var/spool/postfix', data_directory => $scratch->path('data'),
	    daemon_directory => '/usr/lib/postfix/sbin', mydestination => 'own.test',
	    smtp_tls_security_level => 'may', smtp_tls_CAfile => '/etc/ssl/certs/ca-certificates.crt', %with);
	$scratch->write('etc/main.cf', join '', map { "$_ = $main{$_}\n" } sort keys %main);
	$scratch->write('etc/master.cf', "smtp\tunix - - n - - smtp\nrelay\tunix - - n - - smtp\n");
	# Postfix waits for a main.cf to be some seconds old.
	utime time - 10, time - 10, "$dir/main.cf", "$dir/master.cf";
}
sub outbound {
	my $r = tlspolicy('outbound', '--json', '--postfix', $dir, @_);
	return { %$r, all => eval { decode_json($r->{out}) } // {} };
}
sub table { return (smtp_tls_policy_maps => "inline:{ { $_[0] = $_[1] } }") }

# A policy of a table for a.test, beside parameters: the outcome, whole.
my $signed = 'mail leaves only over TLS with a certificate that a trusted CA signed for ';
my $clear = 'mail leaves over TLS if the server offers it, with any certificate, and else in clear';
my $no_cas = 'mail does not leave: smtp_tls_CAfile and smtp_tls_CApath are empty, and no certificate is trusted';
my $fp = 'mail leaves only over TLS with a certificate of the fingerprint ';
my $tlsa = 'over TLS with a certificate that the server\'s TLSA records name';
my %no_cas = (smtp_tls_CAfile => '');
my %old = (smtp_tls_enforce_sts_mx_patterns => 'no');
for (
    ['none', {}, 'mail leaves in clear, without TLS'],
    ['none protocols=TLSv1.3', {}, 'mail leaves in clear, without TLS'],
    ['may ciphers=high', {}, "$clear; ciphers=high"],
    ['encrypt protocols=>=TLSv1.2 ciphers=high exclude=aNULL', {},
    'mail leaves only over TLS, with any certificate; protocols=>=TLSv1.2; ciphers=high; exclude=aNULL'],
    ['secure', {}, "${signed}a.test or a name below a.test"],
    ['verify', {}, "${signed}the name that the DNS gives the server"],
    ['verify', { smtp_tls_verify_cert_match => 'hostname, nexthop, dot-nexthop' },
    "${signed}the name that the DNS gives the server or a.test or a name below a.test"],
    ['secure', { smtp_tls_secure_cert_match => 'mx.b.test, .c.test' }, "${signed}mx.b.test or a name below c.test"],
    ['secure match=mx.b.test:.c.test', {}, "${signed}mx.b.test or a name below c.test"],
    ['secure match=mx.b.test match=nexthop', {}, "${signed}mx.b.test or a.test"],
    ['secure match=nexthop::hostname', {}, "${signed}a.test or the name that the DNS gives the server"],
    ['secure', { smtp_tls_secure_cert_match => '' }, "${signed}nothing"],
    ['secure', \%no_cas, $no_cas],
    ['verify', \%no_cas, $no_cas],
    ['secure', { %no_cas, smtp_tls_CApath => '/etc/ssl/certs' }, "${signed}a.test or a name below a.test"],
    ['secure', { %no_cas, tls_append_default_CA => 'yes' }, "${signed}a.test or a name below a.test"],
    ['secure tafile=/etc/ssl/ta.pem', \%no_cas, "${signed}a.test or a name below a.test"],
    ['secure match=.a.test policy_type=sts mx_host_pattern=b.test', \%old, "${signed}a name below a.test"],
    ['fingerprint match=aa:bb', {}, 'mail does not leave: smtp_tls_fingerprint_digest is sha256, and that is another one than FP is of'],
    ['fingerprint match=aa:bb match=cc:dd', { smtp_tls_fingerprint_digest => 'sm3' }, "${fp}aa:bb or cc:dd"],
    ['fingerprint protocols=TLSv1.3', { smtp_tls_fingerprint_cert_match => 'ee:ff' }, "${fp}ee:ff; protocols=TLSv1.3"],
    ['fingerprint', {}, "${fp}nothing"],
    ['fingerprint match=' . join(':', ('aa') x 20) . ' match=' . join(':', ('bb') x 32), { smtp_tls_fingerprint_digest => 'sha1' },
    $fp . join(':', ('aa') x 20) . ' or ' . join(':', ('bb') x 32)],
    ['fingerprint match=' . join(':', ('aa') x 20), { smtp_tls_fingerprint_digest => 'sha256' },
    'mail does not leave: smtp_tls_fingerprint_digest is sha256, and that is another one than FP is of'],
    ['dane', {}, "$clear: smtp_dns_support_level is not dnssec"],
    ['dane-only', {}, 'mail does not leave: smtp_dns_support_level is not dnssec'],
    ['dane', { smtp_dns_support_level => 'dnssec' }, "where there are TLSA records mail leaves only $tlsa; "
    . 'elsewhere over TLS if the server offers it, and else in clear'],
    ['dane-only', { smtp_dns_support_level => 'dnssec' }, "mail leaves only $tlsa"],
    ['secret', {}, 'what Postfix makes of "secret" is not known'],
    ['encrypt nothing', {}, 'what Postfix makes of "encrypt nothing" is not known'],
    ['encrypt =x', {}, 'what Postfix makes of "encrypt =x" is not known'],
) {
	my ($policy, $with, $outcome) = @$_;
	main_cf(table('a.test', $policy), %$with);
	my $r = outbound('a.test');
	my $name = join ' ', $policy, map { "$_=$with->{$_}" } sort keys %$with;
	is($r->{all}{next_hops}[0]{outcome}, $outcome, $name) or diag($r->{err});
	is($r->{all}{next_hops}[0]{result}, 'another-table', '... of that table');
	is($r->{status}, 0, '... exit code');
}

# The next hop in brackets, its port left out of what is matched.
for (['[hub.test]:587', 'hub.test'], ['[hub.test]', 'hub.test'], ['hub.test:25', 'hub.test'], ['hub.test', 'hub.test']) {
	my ($hop, $match) = @$_;
	main_cf(relayhost => $hop, table($hop, 'secure'));
	is(outbound('a.test')->{all}{next_hops}[0]{outcome}, "${signed}$match or a name below $match", "relayhost $hop");
}

# Of what is no host's name Postfix asks no parents.
for (['[192.0.2.1]', 1], ['192.0.2.1', 1], ['hub.test:25', 1], ['h+b.test', 1], ['1.a.b', 3], ['h_b.test', 2]) {
	my ($hop, $n) = @$_;
	main_cf(relayhost => $hop, smtp_tls_policy_maps => "socketmap:unix:$socket:tlspolicy");
	my $r = outbound('a.test');
	is(scalar @{$r->{all}{next_hops}[0]{asked}}, $n, "questions about $hop") or diag($r->{out});
}

# As many next hops as there are, and no more than are looked at.
main_cf(relayhost => join(', ', map { "[h$_.test]" } 1 .. 20), smtp_fallback_relay => ',, [f.test] ,');
my $r = outbound('a.test');
is(scalar @{$r->{all}{next_hops}}, 16, 'next hops');
main_cf(relayhost => '[h1.test],, [h2.test]', smtp_fallback_relay => ',, [f.test] ,');
is(join(' ', map { $_->{next_hop} } @{outbound('a.test')->{all}{next_hops}}), '[h1.test] [h2.test] [f.test]', 'in their order');

# For people.
main_cf(smtp_tls_policy_maps => '', content_filter => 'scan:[127.0.0.1]:10024', transport_maps => 'inline:{ b.test=smtp:[hub.test] }');
$r = tlspolicy('outbound', '--postfix', $dir, 'a.test');
is($r->{out}, <<"END", 'notes, and no tables');
mail to a.test, by postfix
transport: smtp (default_transport)
note: content_filter: mail goes to the filter first
note: transport_maps: without a recipient entries for single addresses are not looked at
next hop: a.test (the domain)
    level: may (smtp_tls_security_level)
    tables: none
    our map is asked: no: smtp_tls_policy_maps does not have it
    not-found: $clear
END
$scratch->write('patterns', "/^joe\@a\\.test\$/ smtp:[hub.test]\n");
main_cf(transport_maps => 'regexp:' . $scratch->path('patterns'), sender_dependent_relayhost_maps => 'inline:{ x@a.test=hub.test }');
$r = tlspolicy('outbound', '--postfix', $dir, 'a.test');
is($r->{status}, 69, 'it depends: exit code');
like($r->{out}, qr/^depends: sender_dependent_relayhost_maps: other mail for this domain may go another way; --from SENDER tells
depends: transport_maps: other mail for this domain may go another way; the recipient's whole address tells$/m, 'on what');
main_cf(mydestination => '/nonexistent/x');
$r = tlspolicy('outbound', '--postfix', $dir, 'a.test');
is($r->{status}, 69, 'a file that is not there');
like($r->{out}, qr/^not known: .*nonexistent.*\nnote|^not known: .*nonexistent/m, 'is told');
like($r->{out}, qr/^which way mail takes is not known$/m, '... and what follows');
main_cf(mydestination => 'a.test');
like(tlspolicy('outbound', '--postfix', $dir, 'a.test')->{out}, qr/^the transport is not smtp\(8\): no rule is asked for$/m,
    'mail that stays');

# Our map is not answered for: the store tells, and a resolver beside it cannot.
settings("socketmap = unix:$socket", "outbound-resolver = unix:" . $scratch->path('none') . " sts");
main_cf(smtp_tls_policy_maps => "socketmap:unix:$socket:tlspolicy");
$r = tlspolicy('outbound', '--postfix', $dir, 'verify.test');
like($r->{out}, qr/^        resolver: /m, 'the resolver is told of');
settings("socketmap = unix:$socket", 'mode = monitor');
rules('TLS_Rcpt:verify.test VERIFY', 'TLS_Rcpt:warn.test WARN+VERIFY', 'TLS_Rcpt:bits.test ENCR:256');
$r = tlspolicy('outbound', '--postfix', $dir, 'verify.test');
like($r->{out}, qr/^        monitored: secure /m, 'what mode = monitor keeps back');
$r = tlspolicy('outbound', '--postfix', $dir, 'warn.test');
like($r->{out}, qr/^        warned: /m, 'what WARN keeps back');

# sendmail: what it does not know it says, and that is no good news.
settings('socketmap = off');
rules('TLS_Rcpt:joe@box.test ENCR:128', 'TLS_Rcpt:joe@ VERIFY');
for (['box.test', 69], ['other.test', 69], ['joe@box.test', 0]) {
	my ($to, $status) = @$_;
	is(tlspolicy(qw(outbound --mta sendmail), $to, 'mx.a.test', '192.0.2.1')->{status}, $status, "sendmail: $to");
}
rules('TLS_Rcpt:joe@box.test ENCR:128');
is(tlspolicy(qw(outbound --mta sendmail other.test mx.a.test 192.0.2.1))->{status}, 0, 'a mailbox of another domain');
is(tlspolicy(qw(outbound --mta sendmail box.test mx.a.test 192.0.2.1))->{status}, 69, 'a mailbox of this one');
rules('Try_TLS:192.0.2 NO');
is(tlspolicy(qw(outbound --mta sendmail a@box.test mx.a.test))->{status}, 69, 'Try_TLS by an address that is not told');
is(tlspolicy(qw(outbound --mta sendmail a@box.test mx.a.test 192.0.3.1))->{status}, 0, '... that is told');
rules('TLS_Srv:mx.a.test PERM+VERIFY', 'Try_TLS:mx.a.test NO');
like(tlspolicy(qw(outbound --mta sendmail a@box.test mx.a.test 192.0.2.1))->{out},
    qr/^STARTTLS is not tried, and mail leaves only if a session in clear meets PERM\+VERIFY$/m, 'no TLS, and VERIFY');
rules('TLS_Srv:mx.a.test OK', 'TLS_Rcpt:box.test OK');
like(tlspolicy(qw(outbound --mta sendmail a@box.test mx.a.test 192.0.2.1))->{out}, qr/^\Q$clear\E$/m, 'OK demands nothing');

# What is no domain, no sender, no way.
is(outbound($_)->{status}, 65, "bad: $_") for "a\x7f.test", 'a..test', 'a.test..', join('.', ('a' x 60) x 5), "a\x7f\@a.test", 'a"b@a.test';
is(outbound('--from', $_, 'a.test')->{status}, 65, "bad sender: $_") for "a\x7f\@a.test", 'a@', 'a@a..test', 'a@b@c.test';
is(tlspolicy('outbound', '--unasked', @$_)->{status}, 64, "--unasked @$_")
    for ['--mta', 'postfix'], ['--postfix', $dir], ['--from', 'a@a.test'];
is(tlspolicy('outbound', '--mta', 'sendmail', '--postfix', $dir, 'a.test')->{status}, 64, 'both MTAs');
done_testing;
