package Tlspolicy::Outbound;

# Mail that leaves: a real MTA with the socketmap as its policy, and a server
# for each domain, good or bad in its own way.
#
# Everything runs in a network namespace of its own, where servers have
# addresses of 127.0.0.0/8 and port 25, as the MTA wants it for a bare domain.

use strict;
use warnings;
use File::Path qw(make_path);
use Test::More;
use Tlspolicy::Certs;
use Tlspolicy::Daemon;
use Tlspolicy::Dns;
use Tlspolicy::Names;
use Tlspolicy::Postfix;
use Tlspolicy::Scratch;
use Tlspolicy::Sendmail;

my $no_server = eval { require Tlspolicy::Server; 1 } ? undef :
    'no IO::Socket::SSL (scripts/install-packages test)';

# domain => address, certificate: subject, DNS name, issuer; ssl: what the
# server allows.  Names are those of its certificate, not of rules.
my %servers = (
	'good.test' => { at => '127.0.0.11',
	    cert => ['/CN=good.test', 'good.test', 'ca'] },
	'self.test' => { at => '127.0.0.12',
	    cert => ['/CN=self.test', 'self.test', undef] },
	'wrong.test' => { at => '127.0.0.13',
	    cert => ['/CN=elsewhere.test', 'elsewhere.test', 'ca'] },
	'plain.test' => { at => '127.0.0.14' },
	'old.test' => { at => '127.0.0.15', ssl => { SSL_version => 'TLSv1_2' },
	    cert => ['/CN=old.test', 'old.test', 'ca'] },
	# TLS 1.2 with CBC and without forward secrecy.
	'weak.test' => { at => '127.0.0.16', rsa => 1,
	    ssl => { SSL_version => 'TLSv1_2',
		SSL_cipher_list => 'AES256-SHA:@SECLEVEL=0' },
	    cert => ['/CN=weak.test', 'weak.test', 'ca'] },
	# No certificate at all: anonymous key exchange.
	'anon.test' => { at => '127.0.0.17', anonymous => 1,
	    ssl => { SSL_version => 'TLSv1_2',
		SSL_cipher_list => 'aNULL:@SECLEVEL=0' } },
	# The certificate of its name for who asks for it by SNI, else another.
	'many.test' => { at => '127.0.0.19', sni => 'many.test',
	    cert => ['/CN=elsewhere.test', 'elsewhere.test', 'ca'] },
	'sub.good.test' => { at => '127.0.0.18',
	    cert => ['/CN=sub.good.test', 'sub.good.test', 'ca'] },
);

my %mtas = (postfix => 'Tlspolicy::Postfix', sendmail => 'Tlspolicy::Sendmail');

# Starts the test file anew in a namespace, unless it is in one.
sub isolate
{
	return if $ENV{TLSPOLICY_ISOLATED};
	my $r = Tlspolicy::Scratch::run(qw(unshare --net true));
	plan skip_all => 'no private network namespace: '
	    . $r->{err} =~ s/\s+\z//r if $r->{status};
	$ENV{TLSPOLICY_ISOLATED} = 1;
	exec 'unshare', '--net', $^X, '-e', <<'END', $^X, $0 or die "$!\n";
# Loopback up: SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP.
use Socket;
socket my $s, AF_INET, SOCK_DGRAM, 0 or die "socket: $!\n";
my $ifreq = pack 'a16 s x22', 'lo', 0;
ioctl $s, 0x8913, $ifreq or die "SIOCGIFFLAGS: $!\n";
my (undef, $flags) = unpack 'a16 s', $ifreq;
$ifreq = pack 'a16 s x22', 'lo', $flags | 1;
ioctl $s, 0x8914, $ifreq or die "SIOCSIFFLAGS: $!\n";
exec @ARGV or die "$ARGV[0]: $!\n";
END
}

# mta => postfix | sendmail; behind => 1: another map, which wants TLS for
# plain.test, after ours; daemon => { what Daemon->new takes }; servers => { more
# of them }; main => { of main.cf }; zone => { of Dns.pm, in place of hosts },
# insecure => qr/names/; sts => 1: FEATURE(`sts'), resolver on mta-sts.sock;
# through => socket that sendmail asks in place of the daemon's; mc => text in
# place of scripts/sendmail-outbound.mc.
sub start
{
	my ($class, $mta, %arg) = @_;
	my $missing = $mtas{$mta}->missing // Tlspolicy::Daemon::missing() //
	    $no_server;
	plan skip_all => $missing if $missing;
	isolate();

	my $scratch = Tlspolicy::Scratch->new;
	my $self = bless { scratch => $scratch, kind => $mta, sent => 0,
	    certs => Tlspolicy::Certs->new($scratch) }, $class;
	$self->{map} = $scratch->path('milter/map.sock');
	$self->{daemon} = Tlspolicy::Daemon->start(scratch => $scratch,
	    settings => { $self->settings }, %{$arg{daemon} // {}});
	%servers = (%servers, %{$arg{servers} // {}});
	for my $domain (sort keys %servers) {
		$Tlspolicy::Names::hosts{$servers{$domain}{at}} = $domain;
		$self->serve($domain);
	}
	my %bind;
	if ($arg{zone}) {
		$arg{zone}->($self, my $zone = {});
		Tlspolicy::Dns::start($scratch, $zone,
		    insecure => $arg{insecure});
		$bind{'/etc/resolv.conf'} = $scratch->write('resolv.conf',
		    "nameserver 127.0.0.1\noptions trust-ad\n");
	}
	$self->{mta} = $mtas{$mta}->start(bind => \%bind, scratch => $scratch,
	    certs => $self->{certs},
	    $mta eq 'postfix' ? $self->postfix(%arg) : $self->sendmail(%arg));
	return $self;
}

sub settings
{
	my ($self, %more) = @_;
	return (socketmap => "unix:$self->{map}", 'socketmap-mode' => '0666',
	    'audit-sync' => 'none', $self->{resolver} ?
	    ('outbound-resolver' => $self->{resolver}) : (), %more);
}

# Bring other settings into force.
sub configure
{
	my ($self, %more) = @_;
	my $times = () = $self->{daemon}->log =~ /settings were read again/g;
	$self->{daemon}->configure($self->settings(%more));
	$self->{daemon}->hup;
	Tlspolicy::Scratch::wait_for(60, sub { (() = $self->{daemon}->log =~
	    /settings were read again/g) > $times });
}

sub postfix
{
	my ($self, %arg) = @_;
	return (main => {
		default_transport => 'smtp:',
		smtp_tls_security_level => 'may',
		smtp_tls_policy_maps => "socketmap:unix:$self->{map}:tlspolicy"
		    . ($arg{behind} ? ' inline:{plain.test=encrypt}' : ''),
		smtp_tls_CAfile => $self->{certs}->ca,
		smtp_tls_fingerprint_digest => 'sha256',
		smtp_tls_loglevel => 1,
		# A destination that failed is tried again at once.
		default_destination_concurrency_failed_cohort_limit => 0,
		minimal_backoff_time => '1s',
		maximal_backoff_time => '2s',
		$arg{zone} ? (smtp_dns_support_level => 'dnssec',
		    smtp_host_lookup => 'dns') : (),
		%{$arg{main} // {}},
	});
}

# As scripts/sendmail-outbound.mc has it, with an access file behind ours.
sub sendmail
{
	my ($self, %arg) = @_;
	make_path($self->{scratch}->path('sendmail'));
	my $access = $self->{scratch}->path('sendmail/access');
	my $in = $self->{scratch}->write('sendmail/access.txt',
	    $arg{behind} ? "TLS_Srv:plain.test\tTEMP+ENCR:1\n"
	    . "TLS_Srv:self.test\tOK\n" : '');
	my $cf = $self->{scratch}->write('sendmail/makemap.cf', "V10/Berkeley\n"
	    . "O DontBlameSendmail=TrustStickyBit,GroupWritableDirPathSafe\n");
	Tlspolicy::Scratch::must({ in => $in }, Tlspolicy::Sendmail::root()
	    . '/usr/libexec/sendmail/makemap', '-C', $cf, 'hash', $access);
	my $mc = $arg{mc} // Tlspolicy::Scratch::slurp(
	    Tlspolicy::Scratch::topdir() . '/scripts/sendmail-outbound.mc');
	my $map = $arg{through} ? $self->{scratch}->path($arg{through}) :
	    $self->{map};
	$mc =~ s{/run/tlspolicy/map\.sock}{$map};
	$mc =~ s{/etc/mail/access}{$access};
	my ($features, $rulesets) = split /(?=^dnl Second part)/m, $mc;
	# As tlspolicy-outbound(7) has it.
	$features .= "FEATURE(`sts', `socket -d5 -T<TMPF> unix:"
	    . $self->{scratch}->path('mta-sts.sock') . "')dnl\n"
	    if $arg{sts};
	return (features => $features, mc => $rulesets);
}

# A certificate of the row; the paths of it and its key.
sub pair
{
	my ($self, $domain) = @_;
	return $self->certify($domain, @{$servers{$domain}{cert}});
}

sub certify
{
	my ($self, $domain, $subject, $name, $issuer, $file) = @_;
	my $base = $self->{scratch}->path('certs/' . ($file // $domain));
	my @kind = $servers{$domain}{rsa} ? 'rsa:2048' :
	    qw(ec -pkeyopt ec_paramgen_curve:P-256);
	Tlspolicy::Scratch::must(qw(openssl req -new -nodes -newkey), @kind,
	    qw(-config /dev/null -keyout), "$base.key", '-out', "$base.csr",
	    '-subj', $subject, '-addext', "subjectAltName=DNS:$name",
	    '-addext', 'extendedKeyUsage=serverAuth');
	my ($ca, $key) = $issuer ? $self->{certs}->pair($issuer) : ();
	Tlspolicy::Scratch::must(qw(openssl x509 -req -copy_extensions copyall
	    -days 3 -in), "$base.csr", '-out', "$base.pem", $issuer ?
	    ('-CA', $ca, '-CAkey', $key) : ('-key', "$base.key"));
	return ("$base.pem", "$base.key");
}

sub fingerprint
{
	my ($self, $domain, $digest) = @_;
	my $out = Tlspolicy::Scratch::must('openssl', 'x509', '-noout',
	    '-fingerprint', "-$digest", '-in',
	    $self->{scratch}->path("certs/$domain.pem"));
	return $out =~ /=([0-9A-F:]+)/ ? $1 : die "no fingerprint: $out";
}

sub serve
{
	my ($self, $domain) = @_;
	my $server = $servers{$domain};
	my ($cert, $key) = $server->{cert} ? $self->pair($domain) : ();
	my $ssl = $server->{ssl};
	if ($server->{sni}) {
		my ($c, $k) = $self->certify($domain, "/CN=$server->{sni}",
		    $server->{sni}, 'ca', "$domain.sni");
		$ssl = { SSL_cert_file => { '' => $cert, $server->{sni} => $c },
		    SSL_key_file => { '' => $key, $server->{sni} => $k } };
	}
	Tlspolicy::Server::start($self->{scratch}, address => $server->{at},
	    port => 25, log => $self->{scratch}->path("$domain.log"),
	    greeting => "220 $domain ESMTP", ssl => $ssl,
	    $cert ? (cert => $cert, key => $key) : (),
	    $server->{anonymous} ? (anonymous => 1) : ());
}

sub policy
{
	my ($self, @rules) = @_;
	my $r = $self->{daemon}->rules(join '', map { "$_\n" } @rules);
	return 1 if $r->{status} == 0;
	fail("the policy builds: @rules");
	diag("exit $r->{status}\n$r->{err}");
	return 0;
}

# Send a message to the domain: "sent", or why the MTA still has it.
sub deliver
{
	my ($self, $domain) = @_;
	my $to = 'u' . ++$self->{sent} . "\@$domain";
	my $what = $self->{kind} eq 'postfix' ? $self->deliver_postfix($to) :
	    $self->deliver_sendmail($to);
	$self->{last} = $to;
	return $what;
}

sub deliver_postfix
{
	my ($self, $to) = @_;
	my $scratch = $self->{scratch};
	my $in = $scratch->write('submission', "Subject: x\n\nx\n");
	Tlspolicy::Scratch::must({ in => $in }, 'sendmail', '-C',
	    "$self->{mta}{dir}/etc", '-i', '-f', 'a@mx.example.org', $to);
	my $line = Tlspolicy::Scratch::wait_for(60, sub {
	    $self->{mta}->log =~ /to=<\Q$to\E>.* (status=.*)$/m && $1 }) //
	    'no word of it in the log';
	return $line =~ /^status=sent/ ? 'sent' : $line;
}

# Queued, then a run of the queue; what is left in it has its reason with it.
sub deliver_sendmail
{
	my ($self, $to) = @_;
	my $r = $self->{mta}->submit('a@mx.example.org', $to);
	return "submission: $r" if $r ne 'sent';
	$self->run_queue;
	return $self->queued($to) // 'sent';
}

sub run_queue
{
	my ($self) = @_;
	if (delete $self->{held}) {
		Tlspolicy::Scratch::must('postconf', '-c',
		    "$self->{mta}{dir}/etc", '-e', 'defer_transports=');
		Tlspolicy::Scratch::must('postfix', '-c',
		    "$self->{mta}{dir}/etc", 'reload');
	}
	if ($self->{kind} eq 'postfix') {
		Tlspolicy::Scratch::must('postqueue', '-c',
		    "$self->{mta}{dir}/etc", '-f');
		return;
	}
	Tlspolicy::Scratch::run({ timeout => 60 }, @{$self->{mta}{prefix}},
	    '-qf');
}

# Why sendmail still has the message for this recipient; undef: it has not.
sub queued
{
	my ($self, $to) = @_;
	for my $path (glob "$self->{mta}{dir}/queue/qf*") {
		my $text = Tlspolicy::Scratch::slurp($path);
		next unless $text =~ /^R.*\Q$to\E/m;
		return $text =~ /^M(.*)/m ? $1 : 'no reason is given';
	}
	return undef;
}

# How many messages the domain's server has got, over TLS or in clear.
sub taken
{
	my ($self, $domain, $tls) = @_;
	my $server = $self->{server_of}{$domain} // $domain;
	my $log = $self->{scratch}->read("$server.log");
	my $line = $tls ? 'TLS message' : 'message';
	return scalar(() = $log =~ /^$line$/mg);
}

# want: "tls", "clear" (taken by the server in that way), or a pattern of why
# the mail stays.
sub delivery_is
{
	my ($self, $domain, $want, $name) = @_;
	my %before = map { $_ => $self->taken($domain, $_) } 0, 1;
	my $got = $self->deliver($domain);
	my $tls = $self->taken($domain, 1) - $before{1};
	my $clear = $self->taken($domain, 0) - $before{0};
	my $good = $want eq 'tls' ? $got eq 'sent' && $tls == 1 && !$clear :
	    $want eq 'clear' ? $got eq 'sent' && $clear == 1 && !$tls :
	    $got =~ $want && !$tls && !$clear;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok($good, $name) or diag("want: $want\ngot:  $got, $tls over TLS, "
	    . "$clear in clear\nserver:\n",
	    $self->{scratch}->read(($self->{server_of}{$domain} // $domain)
	    . '.log'), "milter:\n",
	    $self->{daemon}->log);
	return $good;
}

# Rules, domain, and what becomes of the mail: "tls", "clear", or why it stays.
# Where the MTAs differ: [Postfix, sendmail].  FP:DOMAIN is filled in.
my @rows = (
	['no rule', [], 'plain.test', 'clear'],
	['no rule, TLS offered', [], 'self.test', 'tls'],
	['OK', ['TLS_Srv:plain.test OK', 'TLS_Srv: ENCR:1'], 'plain.test',
	    'clear'],
	['WARN demands nothing', ['TLS_Srv:plain.test WARN+VERIFY'],
	    'plain.test', 'clear'],
	['ENCR, and no STARTTLS', ['TLS_Srv:plain.test ENCR:128'],
	    'plain.test', qr/TLS is required|encryption too weak 0/],
	['ENCR, of any certificate', ['TLS_Srv:self.test ENCR:128'],
	    'self.test', 'tls'],
	['ENCR, of no certificate', ['TLS_Srv:anon.test ENCR:128'],
	    'anon.test', 'tls'],
	['VERIFY', ['TLS_Srv:good.test VERIFY:128'], 'good.test', 'tls'],
	['VERIFY, TLS 1.2', ['TLS_Srv:old.test VERIFY:128'], 'old.test',
	    'tls'],
	['VERIFY, self-signed', ['TLS_Srv:self.test VERIFY'], 'self.test',
	    qr/not trusted|not verified|self.signed|authentication failed/],
	['VERIFY, no certificate', ['TLS_Srv:anon.test VERIFY'], 'anon.test',
	    qr/TLS|not authenticated|authentication/],
	['VERIFY, plain', ['TLS_Srv:plain.test VERIFY'], 'plain.test',
	    qr/TLS is required|does not support STARTTLS/],
	# sendmail asks for a trusted certificate, Postfix for a name, too.
	['VERIFY, another name', ['TLS_Srv:wrong.test VERIFY'], 'wrong.test',
	    [qr/not verified|mismatch/, 'tls']],
	['CN, another name', ['TLS_Srv:wrong.test VERIFY+CN'], 'wrong.test',
	    qr/not verified|mismatch|does not match/],
	['CN', ['TLS_Srv:good.test VERIFY+CN', 'TLS_Rcpt:good.test VERIFY+CN'],
	    'good.test', 'tls'],
	['CN:name', ['TLS_Srv:wrong.test VERIFY+CN:elsewhere.test'],
	    'wrong.test', 'tls'],
	['TLS_Rcpt, met', ['TLS_Rcpt:good.test VERIFY'], 'good.test', 'tls'],
	['TLS_Rcpt, not met', ['TLS_Rcpt:self.test VERIFY'], 'self.test',
	    qr/not trusted|not verified|self.signed|authentication failed/],
	['TLS_Rcpt of a parent', ['TLS_Rcpt:test ENCR:1'], 'plain.test',
	    qr/TLS is required|encryption too weak 0/],
	['.domain is not the domain',
	    ['TLS_Rcpt:.good.test VERIFY+CN:x.test'], 'good.test', 'tls'],
	['.domain is what is below it',
	    ['TLS_Rcpt:.good.test VERIFY+CN:x.test'], 'sub.good.test',
	    qr/not verified|mismatch|does not match/],
	['the bare tag', ['TLS_Rcpt: ENCR:1'], 'plain.test',
	    qr/TLS is required|encryption too weak 0/],
	['both classes', ['TLS_Rcpt:old.test ENCR:1', 'TLS_Srv:old.test '
	    . 'VERIFY+CN:x.test'], 'old.test',
	    qr/not verified|mismatch|does not match/],
	['Try_TLS', ['Try_TLS:good.test NO'], 'good.test', 'clear'],
	['Try_TLS against a rule', ['Try_TLS:good.test NO',
	    'TLS_Srv:good.test ENCR:1'], 'good.test',
	    qr/TLS configuration problem|encryption too weak 0/],
	# What sendmail has no word for is refused.
	['VER', ['TLS_Srv:old.test ENCR:1+VER:1.2'], 'old.test',
	    ['tls', qr/encryption too weak/]],
	['VER, too old', ['TLS_Srv:old.test ENCR:1+VER:1.3'], 'old.test',
	    qr/Cannot start TLS|TLS|authentication|encryption too weak/],
	['PFS', ['TLS_Srv:good.test ENCR:1+PFS++AEAD'], 'good.test',
	    ['tls', qr/encryption too weak/]],
	['PFS, without it', ['TLS_Srv:weak.test ENCR:1+PFS'], 'weak.test',
	    qr/Cannot start TLS|TLS|encryption too weak/],
	['AEAD, without it', ['TLS_Srv:weak.test ENCR:1+AEAD'], 'weak.test',
	    qr/Cannot start TLS|TLS|encryption too weak/],
	['FP', ['TLS_Srv:self.test ENCR:1+FP:self.test'], 'self.test',
	    ['tls', qr/authentication failed/]],
	['FP of another', ['TLS_Srv:self.test ENCR:1+FP:good.test'],
	    'self.test', qr/not verified|authentication failed/],
	['PERM, met', ['TLS_Srv:good.test PERM+VERIFY'], 'good.test', 'tls'],
	['PERM, not met', ['TLS_Srv:self.test TEMP+VERIFY',
	    'TLS_Rcpt:self.test PERM+ENCR:1'], 'self.test',
	    qr/not trusted|not verified|self.signed|authentication failed/],
	['HOLD, met', ['TLS_Srv:good.test HOLD+VERIFY'], 'good.test', 'tls'],
	['HOLD, not met', ['TLS_Srv:plain.test HOLD+ENCR:1'], 'plain.test',
	    qr/TLS is required|encryption too weak 0/],
	['WARN, and the rule of the domain above', ['TLS_Srv:plain.test '
	    . 'WARN+VERIFY', 'TLS_Srv:test ENCR:1'], 'plain.test',
	    qr/TLS is required|encryption too weak 0/],
	# sendmail has no word for a domain and all below it.
	['CN:.name', ['TLS_Srv:sub.good.test VERIFY+CN:.good.test'],
	    'sub.good.test', ['tls', qr/encryption too weak|authentication/]],
	['CN:.name of another', ['TLS_Srv:wrong.test VERIFY+CN:.good.test'],
	    'wrong.test', qr/not verified|mismatch|encryption too weak/],
	# Postfix sends SNI: the server of many names shows the right one.
	['SNI', ['TLS_Srv:many.test VERIFY'], 'many.test',
	    ['tls', 'tls']],
	# What Postfix has no word for is refused.
	['CITag', ['TLS_Srv:good.test VERIFY+CITag:MyCA',
	    'MyCA:/C=DE/O=Example+20Trust/CN=Example+20Root OK'], 'good.test',
	    [qr/TLS configuration problem/, 'tls']],
	['CITag of another', ['TLS_Srv:good.test VERIFY+CITag:MyCA',
	    'MyCA:/C=DE/CN=Other OK'], 'good.test',
	    qr/TLS configuration problem|not acceptable/],
	['CI', ['TLS_Srv:good.test VERIFY+CI:/C=DE/O=Example+20Trust/'
	    . 'CN=Example+20Root'], 'good.test',
	    [qr/TLS configuration problem/, 'tls']],
	['a date that is over', ['TLS_Srv:plain.test VERIFY+UNTIL:2020-01-01'],
	    'plain.test', 'clear'],
	['a note', ['TLS_Srv:good.test VERIFY+BY:me++MSG:call us'],
	    'good.test', 'tls'],
);

sub rules_of
{
	my ($self, @rules) = @_;
	return map { s/FP:([a-z.]+)/'FP:' . $self->fingerprint($1,
	    'sha256')/er } @rules;
}

# Every kind of rule, changed live under a running MTA.
sub every_rule
{
	my ($self) = @_;
	for my $row (@rows) {
		my ($name, $rules, $domain, $want) = @$row;
		$want = $want->[$self->{kind} eq 'postfix' ? 0 : 1]
		    if ref $want eq 'ARRAY';
		$self->policy($self->rules_of(@$rules)) or next;
		$self->delivery_is($domain, $want, $name);
		$self->forget;
	}
}

# Daemon, store and policy come and go; what is queued meanwhile leaves when
# it may, and not before.
sub comes_and_goes
{
	my ($self) = @_;
	my $daemon = $self->{daemon};
	$self->policy('TLS_Srv:good.test VERIFY', 'TLS_Srv:plain.test ENCR:1');
	my %to = map { $_ => $self->submit($_) } qw(good.test plain.test);

	is($daemon->stop, 0, 'the daemon is stopped');
	$self->run_queue;
	$self->stays($_, $to{$_}, 'without the daemon') for sort keys %to;
	$daemon->run;
	$self->run_queue;
	ok(Tlspolicy::Scratch::wait_for(60,
	    sub { $self->taken('good.test', 1) == 1 }),
	    'back: good.test, which meets its rule') or
	    diag($daemon->log, $self->{mta}->log);
	$self->stays('plain.test', $to{'plain.test'}, 'back: by its rule');
	$self->policy('TLS_Srv:good.test VERIFY');
	$self->run_queue;
	ok(Tlspolicy::Scratch::wait_for(60,
	    sub { $self->taken('plain.test', 0) == 1 }),
	    'the rule is gone: plain.test') or
	    diag($daemon->log, $self->{mta}->log);

	rename $daemon->{store}, "$daemon->{store}.away" or die "rename: $!\n";
	ok(Tlspolicy::Scratch::wait_for(60,
	    sub { $daemon->log =~ /policy\.mdb: no such store/ }),
	    'the store is gone') or diag($daemon->log);
	$self->delivery_is('good.test',
	    qr/TLS configuration problem|encryption too weak/,
	    'without a store');
	$self->forget;
	my $length = length $daemon->log;
	rename "$daemon->{store}.away", $daemon->{store} or die "rename: $!\n";
	ok(Tlspolicy::Scratch::wait_for(60, sub {
		substr($daemon->log, $length) =~ /generation \d+, 1 rules/ }),
	    'the store is seen again') or diag($daemon->log);
	$self->delivery_is('good.test', 'tls', 'the store is back');
	my ($record) = grep { $_->{event} eq 'outbound' &&
	    $_->{result} eq 'told' } reverse $daemon->audit;
	is($record->{rules}[0]{key}, 'TLS_Srv:good.test',
	    'the answer is in the audit log') or diag(explain($record));

	$self->configure(mode => 'monitor');
	$self->policy('TLS_Srv:plain.test VERIFY');
	$self->delivery_is('plain.test', 'clear', 'mode = monitor');
	$self->configure(inexpressible => 'weaken');
	$self->policy('TLS_Srv:good.test ENCR:256+ICN:x++CIPHER:HIGH');
	$self->delivery_is('good.test', 'tls', 'inexpressible = weaken');
	ok(Tlspolicy::Scratch::wait_for(60, sub { $daemon->log =~
	    /good\.test: weakened: .*ICN:x.*rules:1\)/ }),
	    'and the log names the rule') or diag($daemon->log);
}

# The admin's own map behind ours: its turn where no rule of ours speaks.
sub another_behind
{
	my ($self) = @_;
	$self->policy;
	$self->delivery_is('plain.test',
	    qr/TLS is required|encryption too weak 0/, 'by the map behind');
	$self->forget;
	$self->policy('TLS_Srv:plain.test OK');
	$self->delivery_is('plain.test', 'clear', 'ours comes first');
	$self->policy('TLS_Srv:test OK');
	$self->delivery_is('plain.test',
	    qr/TLS is required|encryption too weak 0/,
	    'the more special one first');
	$self->forget;
	return if $self->{kind} eq 'postfix';
	$self->policy('TLS_Srv:test VERIFY');
	$self->delivery_is('self.test', qr/authentication failed/,
	    'which is no way around ours');
	$self->forget;
}

# Puts a message to the domain into the queue; Postfix tries to send it at once.
sub submit
{
	my ($self, $domain) = @_;
	my $to = 'q' . ++$self->{sent} . "\@$domain";
	if ($self->{kind} eq 'sendmail') {
		is($self->{mta}->submit('a@mx.example.org', $to), 'sent',
		    "$to is queued");
		return $to;
	}
	# Held until the queue is run.
	$self->{held} = 1;
	Tlspolicy::Scratch::must('postconf', '-c', "$self->{mta}{dir}/etc",
	    '-e', 'defer_transports=smtp');
	Tlspolicy::Scratch::must('postfix', '-c', "$self->{mta}{dir}/etc",
	    'reload');
	my $got = $self->deliver_postfix($to);
	like($got, qr/deferred transport/, "$to is queued");
	return $to;
}

sub stays
{
	my ($self, $domain, $to, $name) = @_;
	my $why = $self->{kind} eq 'sendmail' ? $self->queued($to) :
	    Tlspolicy::Scratch::wait_for(60, sub {
	    (grep { !/deferred transport/ } $self->{mta}->log =~
	    /to=<\Q$to\E>.* (status=deferred.*)$/mg)[-1] });
	my $n = $self->taken($domain, 0) + $self->taken($domain, 1);
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok(defined $why && $n == 0, "$name: $domain stays") or
	    diag('why: ', $why // '(nothing)', "\ntaken: $n\n",
	    $self->{mta}->log);
	return $why;
}

# Removes what is left in the queue, for the next test.
sub forget
{
	my ($self) = @_;
	if ($self->{kind} eq 'sendmail') {
		unlink glob "$self->{mta}{dir}/queue/[qd]f*";
	} else {
		Tlspolicy::Scratch::run('postsuper', '-c',
		    "$self->{mta}{dir}/etc", '-d', 'ALL');
	}
}

1;
