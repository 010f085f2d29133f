#!/usr/bin/perl
#
# What doctor concludes from the end of the audit log, and of the tries that it
# cannot make: a log of a kind that no daemon writes here.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP qw(decode_json);
use Test::More;
use Tlspolicy::Scratch;

my $bin = Tlspolicy::Scratch::builddir() . '/tlspolicy';
plan skip_all => "$bin is not built" unless -x $bin;
my $scratch = Tlspolicy::Scratch->new;
my $log = $scratch->path('audit.log');
my $store = $scratch->path('policy.mdb');
my $conf = $scratch->write('conf', "audit-file = $log\nsocket = unix:" . $scratch->path('milter.sock') . "\nstore = $store\n"
    . 'rules = ' . $scratch->write('rules', "TLS_Clt:a.test ENCR:1\n") . "\n");
Tlspolicy::Scratch::must($bin, 'build', '-c', $conf);
my $json = JSON::PP->new->canonical;
my $mc = $scratch->write('ours.mc', "INPUT_MAIL_FILTER(`tlspolicy', `S=local:" . $scratch->path('milter.sock') . ", F=T, T=C:10s;S:10s;R:10s;E:30s')dnl\n");

sub doctor { my $r = Tlspolicy::Scratch::run($bin, 'doctor', '-c', $conf, '--json', '--sendmail', $mc, @_); return ($r, @{decode_json($r->{out})->{findings}}) }
my $n = 0;
sub record {
	my ($mta, $tls, %with) = @_;
	$n++;
	return $json->encode({ v => 1, event => 'message', seq => $n, time => '2026-11-30T08:00:00.000000Z', mta => $mta, helo => "h$n.test",
	    client => { name => 'c.test', addr => '192.0.2.1' }, tls => $tls, verdict => 'accept', rules => [], %with }) . "\n";
}
my %ours = map { $_ => 1 } qw(no-tls-seen tls-proxy macros-missing no-certificate-seen no-records audit-unreadable);
sub found_is {
	my ($name, $text, $want, @args) = @_;
	$scratch->write('audit.log', $text) if defined $text;
	my ($r, @found) = doctor(@args);
	my @seen = grep { $ours{$_->{finding}} } @found;
	is(join(' ', map { $_->{finding} } @seen), $want, $name) or diag($r->{out}, $r->{err});
	return @seen;
}
sub tls { return { version => 'TLSv1.3', cipher => 'TLS_AES_256_GCM_SHA384', bits => 256, verify => shift, @_ } }
my %refused = (verdict => 'reject', reason => 'not-verified', event => 'refused-mail');

found_is('no log', undef, 'no-records');
found_is('an empty one', '', 'no-records');
found_is('no line of it is a record', "torn\n{\"v\":1,\"event\":\"link\"}\n[]\n", 'no-records');
found_is('a session or two', record('8.17.1', undef), '');
found_is('twenty in clear, one name', join('', map { record('8.17.1', undef, helo => 'h.test') } 1 .. 20), 'no-tls-seen');
my @found = found_is('twenty in clear, many names', join('', map { record('8.17.1', undef) } 1 .. 20), 'no-tls-seen tls-proxy');
like($found[0]{what}, qr/^none of the last 20 messages came over TLS$/, 'how many');
like("@{$found[0]{lines}}", qr/confSERVER_CERT/, 'the lines are for sendmail');
like($found[1]{what}, qr/^all 20 sessions from 192\.0\.2\.1 were in clear, and began with 8 or more different HELO names$/, 'a proxy');
@found = found_is('of Postfix', join('', map { record('Postfix 3.7.11', undef, helo => 'h.test') } 1 .. 20), 'no-tls-seen');
like("@{$found[0]{lines}}", qr/smtpd_tls_security_level = may/, 'the lines are for Postfix');
found_is('nineteen', join('', map { record('8.17.1', undef) } 1 .. 19), '');
found_is('one of them with TLS', join('', (map { record('8.17.1', undef) } 1 .. 20), record('8.17.1', tls('NO'))), '');
found_is('many clients', join('', map { record('8.17.1', $_ % 2 ? tls('OK') : undef, client => { addr => "192.0.2.$_" }) } 1 .. 60), '');
@found = found_is('no addresses', join('', map { record('8.17.1', tls('OK'), client => { name => 'c.test' }) } 1 .. 3), 'macros-missing');
like($found[0]{what}, qr/^none of 3 records has the client's address/, 'how many');
found_is('one address', join('', record('8.17.1', tls('OK')), map { record('8.17.1', tls('OK'), client => { name => 'c.test' }) } 1 .. 3), '');
@found = found_is('no {verify}', join('', map { record('8.17.1', { version => 'TLSv1.3' }) } 1 .. 3), 'macros-missing');
like($found[0]{what}, qr/^3 of 3 sessions with TLS came without \{verify\}/, 'how many');
for (['OK', ''], ['TRUSTED', ''], ['NOT', 'no-certificate-seen'], ['NO', ''], ['FAIL', '']) {
	my ($verify, $want) = @$_;
	found_is("verify=$verify", join('', map { record('8.17.1', tls($verify)) } 1 .. 20), $want);
}
@found = found_is('refused, and no certificate', join('', map { record('Postfix 3.7.11', tls('NO'), %refused) } 1 .. 20), 'no-certificate-seen');
like($found[0]{what}, qr/^of 20 sessions with TLS none had a verified certificate, 20 times a rule asked for one$/, 'how often');
like("@{$found[0]{lines}}", qr/smtpd_tls_ask_ccert = yes/, 'the lines are for Postfix');
@found = found_is('the same of sendmail', join('', map { record('8.17.1', tls('NO'), %refused) } 1 .. 20), 'no-certificate-seen');
like("@{$found[0]{lines}}", qr/confTLS_SRV_OPTIONS/, 'the lines are for sendmail');
found_is('one of them verified', join('', record('8.17.1', tls('OK')), map { record('8.17.1', tls('NO'), %refused) } 1 .. 20), '');
found_is('no MTA is named', join('', map { record(undef, tls('NO'), %refused) } 1 .. 20), 'no-certificate-seen');
found_is('only the end is read', join('', (map { record('8.17.1', tls('OK'), pad => 'x' x 4000) } 1 .. 40),
    map { record('8.17.1', undef, helo => "h.test") } 1 .. 300), "no-tls-seen", "--records", "20");
found_is('what cannot be read', undef, 'audit-unreadable', '-c', $scratch->write('odd', "audit-file = $scratch->{dir}\nstore = $store\n"));
done_testing;
