#!/usr/bin/perl
# tlspolicy.conf(5): SIGHUP brings each setting into force that does not say
# "Restart.", and each that does keeps its value and is named in the log.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HTTP::Tiny;
use JSON::PP;
use Test::More;
use Tlspolicy::Nexthop;
use Tlspolicy::Talk;

my $map = scratch()->path('map.sock');
my $port = Tlspolicy::Scratch::free_port();
my %first = (socketmap => "unix:$map", 'socketmap-mode' => '0600',
    metrics => "inet:$port\@127.0.0.1");
my $daemon = daemon(<<'END', settings => \%first);
TLS_Clt:class.example ENCR:112
TLS_Clt:cn.example ENCR:1+CN:other.example
TLS_From:local@bank.example PERM+ENCR:112
TLS_Rcpt:encrypt.test ENCR:1
TLS_Rcpt:verify.test VERIFY
TLS_Rcpt:named.test VERIFY+CN:mx.named.test
TLS_Rcpt:version.test ENCR:1+VER:1.1
TLS_Rcpt:pfs.test ENCR:1+PFS
TLS_Rcpt:ca.test VERIFY+CITag:Ours
Ours:/CN=Ours OK
END

sub reloads
{
	my $page = HTTP::Tiny->new->get("http://127.0.0.1:$port/metrics")
	    ->{content};
	return $page =~ /^tlspolicy_reloads_total (\d+)/m ? $1 : -1;
}

# SIGHUP with these settings beside %first; returns what the daemon logs of it.
sub reload
{
	my (%settings) = @_;
	$daemon->configure(%first, %settings);
	my ($length, $before) = (length $daemon->log, reloads());
	$daemon->hup;
	Tlspolicy::Scratch::wait_for(60, sub { reloads() > $before }) or
	    die "the settings were not read again\n" . $daemon->log;
	return substr $daemon->log, $length;
}

# A value for each setting that is neither its default nor what the daemon has.
my %other = (socket => 'unix:/run/other.sock', 'socket-mode' => '0600',
    'socket-group' => '0', engine => $daemon->engine eq 'own' ? 'libmilter' :
    'own', user => 'nobody', store => '/var/lib/other.mdb',
    'audit-file' => '/var/log/other', 'audit-key-file' => '/etc/other',
    'checkpoint-key-file' => '/etc/other', 'checkpoint-interval' => '7s',
    'checkpoint-file' => '/var/log/other', 'state-folder' => '/var/lib/other',
    socketmap => 'unix:/run/other.sock', 'socketmap-mode' => '0666',
    'socketmap-group' => '0', 'facts-socket' => 'unix:/run/other',
    'facts-socket-mode' => '0600', 'facts-socket-group' => '0',
    'tlsrpt-socket' => 'unix:/run/other', 'tlsrpt-socket-mode' => '0600',
    'tlsrpt-socket-group' => '0', 'tlsrpt-forward' => 'unix:/run/other',
    'outbound-resolver' => 'unix:/run/other map',
    metrics => 'off', directory => 'ldap://other.example',
    map { ("directory$_" => $_ =~ /file/ ? '/etc/other' : 'cn=other') }
    qw(-base -bind -password-file -ca-file -certificate-file -key-file));

subtest 'settings that need a restart' => sub {
	my $settings = decode_json($daemon->tlspolicy('settings', '--json')
	    ->{out});
	my @fixed = sort grep { !$settings->{$_}{reloadable} } keys %$settings;
	is(join(' ', @fixed), join(' ', sort keys %other),
	    'each has another value here');
	for (@fixed) {
		my $said = reload($_ => $other{$_});
		my @named = $said =~ /setting (\S+): cannot change while/g;
		is("@named", $_, "$_ is named, and no other") or diag($said);
	}
	is(answer_of('encrypt.test'), 'OK encrypt', 'the socketmap still answers');
};

# The daemon's answer about mail that leaves for this domain.
sub answer_of
{
	my ($domain) = @_;
	return Tlspolicy::Nexthop->connect($map)->ask($domain);
}

# setting, value, its client's macros and sender, the answer without it, with it
for (['default-class', 'perm', 'class', 'a@x.test', [451, '4.7.10'],
	[550, '5.7.10']],
    ['mode', 'monitor', 'class', 'a@x.test', [451, '4.7.10'], 'continue'],
    ['exempt-clients', '192.0.2.0/24', 'class', 'a@x.test', [451, '4.7.10'],
	'continue'],
    ['help-url', 'https://a.test/tls', 'class', 'a@x.test', [451, '4.7.10'],
	[451, '4.7.10', qr{ / see https://a\.test/tls$}]],
    ['compat', 'sendmail', 'cn', 'a@x.test', [451, '4.7.1'], 'continue'],
    ['on-error', 'accept', 'lost', 'a@x.test', [451, '4.3.0'], 'continue'],
    ['local-domains', 'bank.example', 'other', 'local', 'continue',
	[550, '5.7.10']]) {
	my ($name, $value, $client, $sender, $without, $with) = @$_;
	my %macros = (%sendmail, $client eq 'cn' ? (%tls, verify => 'FAIL',
	    cn_subject => 'other.example') : (),
	    client_name => $client eq 'lost' ? undef : "$client.example");
	my $answer = sub {
		my $m = session($daemon, %macros);
		my $got = $m->mail($sender);
		$m->quit;
		return $got;
	};
	reload();
	answer_is($answer->(), $without, "without $name = $value");
	reload($name => $value);
	answer_is($answer->(), $with, "$name = $value");
}

# setting, value, domain, the answer without it, with it
for (['outbound-default', 'dane-only', 'encrypt', qr/^OK encrypt$/,
	qr/^OK dane-only$/],
    ['outbound-match', 'nexthop', 'verify',
	qr/^OK secure match=nexthop:dot-nexthop /, qr/^OK secure match=nexthop /],
    ['outbound-servername', 'none', 'verify', qr/ servername=hostname$/,
	qr/^OK secure match=nexthop:dot-nexthop$/],
    ['outbound-version', '1.2', 'version', qr/ protocols=>=TLSv1\.1$/,
	qr/ protocols=>=TLSv1\.2$/],
    ['outbound-exclude', 'CAMELLIA256-SHA', 'pfs', qr/exclude=(?!.*CAMELLIA256-SHA\b)/,
	qr/exclude=.*\bCAMELLIA256-SHA\b/],
    ['inexpressible', 'weaken', 'ca', qr/^TEMP /, qr/^OK secure match=/],
    ['mode', 'monitor', 'encrypt', qr/^OK encrypt$/, qr/^NOTFOUND $/]) {
	my ($name, $value, $domain, $without, $with) = @$_;
	reload();
	like(answer_of("$domain.test"), $without, "$domain without $name = $value");
	reload($name => $value);
	like(answer_of("$domain.test"), $with, "$domain with $name = $value");
}

# What the daemon logs of a HUP with another socket (a warning, and that the
# settings were read), and of one with bad settings (an error and a warning).
for (['error', 0, 0, 1], ['warning', 0, 1, 1], ['info', 1, 1, 1],
    ['debug', 1, 1, 1]) {
	my ($level, $info, $warning, $error) = @$_;
	my @said = map { reload('log-level' => $level, @$_) } [],
	    [socket => 'unix:/run/other.sock'], [mode => 'nonsense'];
	is(() = $said[1] =~ /settings were read again/g, $info, "$level: infos");
	is(() = $said[1] =~ /cannot change while/g, $warning, "$level: warnings");
	is(() = $said[2] =~ /setting mode: /g, $error, "$level: errors") or
	    diag(@said);
	reload();
}

# Only doctor knows names of findings.
like(reload(silence => 'no-such-finding'), qr/settings were read again/,
    'silence: the daemon takes any name');
is($daemon->tlspolicy('settings', 'silence')->{out},
    "silence = no-such-finding\n", 'silence: other commands take any name');

is($daemon->stop, 0, 'the daemon stops');
done_testing;
