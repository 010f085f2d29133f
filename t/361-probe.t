#!/usr/bin/perl
#
# tlspolicy probe against each kind of server: good ones, badly set up ones,
# and ones that mean harm.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP qw(decode_json);
use Test::More;
use Time::HiRes qw(time);
use Tlspolicy::Scratch;

my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
plan skip_all => "$tlspolicy is not built" unless -x $tlspolicy;
plan skip_all => 'IO::Socket::SSL is not installed'
    unless eval { require Tlspolicy::Server; 1 };

my $scratch = Tlspolicy::Scratch->new;
my $ca = $scratch->path('ca');
my $maker = "$FindBin::Bin/../scripts/tlspolicy-ca";

sub certificate {
	Tlspolicy::Scratch::must($maker, '-d', $ca, @_);
}

certificate('-O', 'Example CA', 'init');
certificate('server', 'localhost', '127.0.0.1');
certificate('server', 'other.example.com');
certificate('client', 'client.example.com');
my @localhost = (cert => "$ca/localhost-server.pem", key => "$ca/localhost-server.key");
my @other = (cert => "$ca/other.example.com-server.pem",
    key => "$ca/other.example.com-server.key");
my @client = ('--cert', "$ca/client.example.com-client.pem", '--key',
    "$ca/client.example.com-client.key");
Tlspolicy::Scratch::must(qw(openssl req -x509 -nodes -newkey ec -pkeyopt
    ec_paramgen_curve:P-256 -days 9 -subj /CN=localhost -addext subjectAltName=DNS:localhost
    -keyout), $scratch->path('self.key'), '-out', $scratch->path('self.pem'));
my @self = (cert => $scratch->path('self.pem'), key => $scratch->path('self.key'));
my @asks = (SSL_verify_mode => 1, SSL_ca_file => "$ca/ca.pem");

sub certificate_rsa {
	Tlspolicy::Scratch::must($maker, '-d', $ca, '-t', 'rsa', 'server', 'rsa.example.com');
	symlink "$ca/rsa.example.com-server.$_", $scratch->path("rsa.$_") for qw(pem key);
}

sub probe {
	return Tlspolicy::Scratch::run($tlspolicy, 'probe', '--ca', "$ca/ca.pem", @_);
}

# Starts a server, probes it, compares the fields of the JSON.
sub server_is {
	my ($name, $behaviour, $want, @arguments) = @_;
	my $port = Tlspolicy::Server::start($scratch, @$behaviour);
	my $r = probe('--json', '--timeout', '4', @arguments, "localhost:$port");
	my $got = eval { decode_json($r->{out})->[0] } // {};
	ok($got->{outcome}, $name) or diag $r->{out}, $r->{err};
	for my $field (sort keys %$want) {
		my $value = $want->{$field};
		if (ref $value eq 'Regexp') {
			like($got->{$field}, $value, "... $field");
		} else {
			is($got->{$field}, $value, "... $field is " . ($value // 'absent'));
		}
	}
	is($r->{status}, $want->{outcome} eq 'tls' ? 0 : 69, '... exit code');
	my $text = probe('--timeout', '4', @arguments, "localhost:$port");
	like($text->{out}, qr/^    outcome       $want->{outcome}$/m, '... as text too');
	is($text->{err}, '', '... nothing on standard error');
	return ($got, $text->{out}, $port);
}

my $false = JSON::PP::false;
my $true = JSON::PP::true;

# Servers that do well.
my ($got, $text) = server_is('a good server', [@localhost], { outcome => 'tls',
    verify => 'OK', verify_reason => 'ok', tls_version => 'TLSv1.3',
    cipher => 'TLS_AES_256_GCM_SHA384', cipher_bits => 256, name_matches => $true,
    asked_for_certificate => $false, certificates_sent => 1, detail => '',
    greeting => 'mx.example.com ESMTP',
    suggestion => 'TLS_Srv:localhost TEMP+VERIFY:128+CN' });
is($got->{certificate}{sendmail}{cert_issuer}, '/O=Example+20CA', '... issuer');
like($got->{certificate}{days_left}, qr/^82[45]$/, '... days left');
is($got->{address}, '127.0.0.1', '... the second address answered');
my ($fingerprint) = Tlspolicy::Scratch::must(qw(openssl x509 -noout -fingerprint -sha256 -in),
    "$ca/localhost-server.pem") =~ /=(\S+)/;
is($got->{certificate}{fingerprints}{sha256}, $fingerprint, '... fingerprint');
like($text, qr/^ +SSL server +yes +no$/m, '... purposes');
like($text, qr/^    client        the server asks for none$/m, '... no request');
is_deeply([map { "$_->{command} $_->{code}" } @{$got->{replies}}], ['EHLO 250'],
    '... and EHLO is answered under TLS');

($got, $text) = server_is('TLS 1.2 only', [@localhost, ssl => { SSL_version => 'TLSv1_2' }],
    { outcome => 'tls', verify => 'OK', tls_version => 'TLSv1.2',
    cipher => 'ECDHE-ECDSA-AES256-GCM-SHA384' });
($got, $text) = server_is('asks for a certificate', [@localhost, ssl => {@asks}],
    { outcome => 'tls', asked_for_certificate => $true, presented_certificate => $false });
like($text, qr/^    client        asked for, none presented$/m, '... says so');
server_is('... and gets one', [@localhost, ssl => {@asks}],
    { outcome => 'tls', asked_for_certificate => $true, presented_certificate => $true },
    @client);

like($text, qr/^    key exchange  \S/m, '... how keys were exchanged');
for my $case (['X25519', 'ECDHE', SSL_ecdh_curve => 'X25519'], ['EC P-384', 'ECDHE', SSL_ecdh_curve => 'P-384'],
    ['RSA', 'AES256-GCM-SHA384', SSL_cert_file => $scratch->path('rsa.pem'),
    SSL_key_file => $scratch->path('rsa.key')]) {
	my ($exchange, $suite, @ssl) = @$case;
	certificate_rsa() if $exchange eq 'RSA';
	server_is("key exchange $exchange", [@localhost, ssl => { SSL_version => 'TLSv1_2', @ssl,
	    SSL_cipher_list => $suite eq 'ECDHE' ? 'ECDHE' : $suite }], { outcome => 'tls',
	    key_exchange => $exchange });
}

# A server without a certificate is one; that it could be anybody is said.
($got, $text) = server_is('anonymous', [anonymous => 1, ssl => { SSL_version => 'TLSv1_2',
    SSL_cipher_list => 'aNULL:@SECLEVEL=0', SSL_cert => undef, SSL_use_cert => 0 }],
    { outcome => 'tls', verify => 'NO', anonymous => $true, cipher => qr/^(?:ADH|AECDH)-/,
    suggestion => qr/^TLS_Srv:localhost TEMP\+ENCR:128$/ });
like($text, qr/^    certificate   none: the server agrees to suites without one only$/m, '... in words');
server_is('both', [@localhost, ssl => { SSL_version => 'TLSv1_2',
    SSL_cipher_list => 'aNULL:ALL:@SECLEVEL=0' }], { outcome => 'tls', anonymous => $false, verify => 'OK' });

# What MTAs see is what a server shows that was told no name.
($got, $text) = server_is('many hosts', [@other, ssl => { SSL_cert_file => {
    '' => $other[1], localhost => $localhost[1] }, SSL_key_file => { '' => $other[3],
    localhost => $localhost[3] } }], { outcome => 'tls', verify => 'OK', name_matches => $false });
is_deeply($got->{with_server_name}, { verify => 'OK', name_matches => $true }, '... told the name');
# Postfix tells the name where a rule has one, and then sees another certificate than sendmail.
is($got->{suggestion}, 'TLS_Srv:localhost TEMP+VERIFY:128+CN:other.example.com++CN:localhost', '... and names for both');
($got) = server_is('many hosts, self-signed without a name', [@self, ssl => { SSL_cert_file => { '' => $self[1],
    localhost => $localhost[1] }, SSL_key_file => { '' => $self[3], localhost => $localhost[3] } }],
    { outcome => 'tls', verify => 'FAIL', suggestion => 'TLS_Srv:localhost TEMP+ENCR:128' });
is($got->{with_server_name}{verify}, 'OK', '... told the name');
($got) = server_is('many hosts, self-signed by name', [@other, ssl => { SSL_cert_file => { '' => $other[1],
    localhost => $self[1] }, SSL_key_file => { '' => $other[3], localhost => $self[3] } }],
    { outcome => 'tls', verify => 'OK', suggestion => 'TLS_Srv:localhost TEMP+ENCR:128' });
is($got->{with_server_name}{verify}, 'FAIL', '... told the name');
($got, $text) = server_is('no handshake without a name', [@localhost, ssl => { SSL_cert_file => {
    localhost => $localhost[1] }, SSL_key_file => { localhost => $localhost[3] } }],
    { outcome => 'handshake-failed', verify => 'SOFTWARE', suggestion => undef, anonymous => undef });
is_deeply($got->{with_server_name}, { verify => 'OK', name_matches => $true }, '... told the name');
like($text, qr/^    told the name OK, and stands in the certificate; MTAs do not tell/m, '... in words');
like($text, qr/^    told the name OK, and stands in the certificate; MTAs do not tell/m, '... in words');
($got) = server_is('one host', [@localhost], { outcome => 'tls', with_server_name => undef });

# TLS first.
server_is('implicit TLS', [@localhost, talk => sub {
	my ($socket, $arg) = @_;
	Tlspolicy::Server::start_tls($socket, $arg) or return;
	Tlspolicy::Server::talk($socket, { starttls => '502 no' });
    }], { outcome => 'tls', verify => 'OK', greeting => 'mx.example.com ESMTP' }, '--implicit-tls');
server_is('implicit TLS where there is none', [], { outcome => 'handshake-failed',
    suggestion => undef }, '--implicit-tls');

# Certificates that do not do.
server_is('self-signed', [@self], { outcome => 'tls', verify => 'FAIL',
    verify_reason => qr/^self.signed certificate$/, name_matches => $true,
    suggestion => 'TLS_Srv:localhost TEMP+ENCR:128' });
server_is('wrong name', [@other], { outcome => 'tls', verify => 'OK',
    name_matches => $false,
    suggestion => 'TLS_Srv:localhost TEMP+VERIFY:128+CN:other.example.com' });
my $r = Tlspolicy::Scratch::run($tlspolicy, 'probe', '--json', 'localhost:' .
    Tlspolicy::Server::start($scratch, @localhost));
is(decode_json($r->{out})->[0]{verify}, 'FAIL', 'the system does not know our CA');

# The envelope, never DATA.
my $log = $scratch->path('commands');
($got, $text) = server_is('MAIL and RCPT', [@localhost, log => $log,
    rcpt => '550 5.7.1 not for you'], { outcome => 'tls' }, '--from', 'a@example.com',
    '--to', 'b@example.net', '--helo', 'probe.example.com');
is_deeply([map { "$_->{command} $_->{code} $_->{text}" } @{$got->{replies}}],
    ['EHLO 250 mx.example.com', 'MAIL 250 ok', 'RCPT 550 5.7.1 not for you'],
    '... their replies');
like($text, qr/^    RCPT          550 5\.7\.1 not for you$/m, '... as text');
my @commands = split /\n/, $scratch->read('commands');
is_deeply([@commands[0 .. 5]], ['EHLO probe.example.com', 'STARTTLS',
    'TLS EHLO probe.example.com', 'TLS MAIL FROM:<a@example.com>',
    'TLS RCPT TO:<b@example.net>', 'TLS QUIT'], '... what the server got');
ok(!grep(/DATA/, @commands), '... no DATA');
($got) = server_is('MAIL refused', [@localhost, mail => '451 4.7.1 VERIFY wanted'],
    { outcome => 'tls' }, '--from', 'a@example.com', '--to', 'b@example.net');
is(scalar @{$got->{replies}}, 2, '... RCPT is not sent then');

# Without TLS.
server_is('STARTTLS not offered', [], { outcome => 'not-offered', verify => 'NONE',
    detail => qr/goes in clear/, suggestion => undef });
server_is('STARTTLS refused', [@localhost, starttls => '502 5.5.1 not today'],
    { outcome => 'refused', verify => 'PROTOCOL', detail => qr/502 5\.5\.1 not today/,
    suggestion => undef });
server_is('STARTTLS refused for now', [@localhost, starttls => '454 4.7.0 no certificate'],
    { outcome => 'refused', verify => 'TEMP', detail => qr/454/,
    suggestion => undef });
server_is('offer stripped', [@localhost, offer => 0], { outcome => 'stripped',
    verify => 'NONE', detail => qr/agrees to STARTTLS.*somebody on the way/ });
server_is('offer overwritten', [ehlo => ['250-mx.example.com', '250-XXXXXXXA', '250 SIZE']],
    { outcome => 'stripped', detail => qr/overwritten with X/ });
server_is('command overwritten', [offer => 1, starttls => '500 5.5.1 unrecognized: XXXXXXXX'],
    { outcome => 'stripped' });
server_is('injected bytes', [@localhost, starttls => "220 go\r\n250 evil"],
    { outcome => 'injected', detail => qr/in clear behind its 220/ });
server_is('turned away', [greeting => '554 5.7.1 no'], { outcome => 'turned-away',
    detail => 'greeting: 554 no' =~ s/no/5.7.1 no/r });
server_is('EHLO refused', [ehlo => '502 what'], { outcome => 'turned-away' });

# Handshakes that fail.
server_is('no handshake', [@localhost, talk => sub {
	my ($socket) = @_;
	print $socket "220 hi\r\n";
	readline $socket;
	print $socket "250-hi\r\n250 STARTTLS\r\n";
	readline $socket;
	print $socket "220 go\r\n";
	sysread $socket, my $hello, 100;
	print $socket "not TLS at all\r\n";
    }], { outcome => 'handshake-failed', verify => 'SOFTWARE', detail => qr/wrong version/,
    suggestion => undef });
server_is('handshake cut', [@localhost, talk => sub {
	my ($socket) = @_;
	print $socket "220 hi\r\n";
	readline $socket;
	print $socket "250-hi\r\n250 STARTTLS\r\n";
	readline $socket;
	print $socket "220 go\r\n";
	sysread $socket, my $hello, 4096;
    }], { outcome => 'handshake-failed', detail => 'handshake: connection closed' });
server_is('certificate demanded, TLS 1.2', [@localhost, ssl => { SSL_verify_mode => 3,
    SSL_ca_file => "$ca/ca.pem", SSL_version => 'TLSv1_2' }], { outcome => 'handshake-failed',
    detail => qr/^handshake: .*alert/, asked_for_certificate => undef });
server_is('certificate demanded, TLS 1.3', [@localhost, ssl => { SSL_verify_mode => 3,
    SSL_ca_file => "$ca/ca.pem" }], { outcome => 'handshake-failed',
    detail => qr/^after the handshake: .*asks for a certificate and was shown none/,
    asked_for_certificate => $true });
server_is('... and given', [@localhost, ssl => { SSL_verify_mode => 3,
    SSL_ca_file => "$ca/ca.pem" }], { outcome => 'tls' }, @client);

# Servers that mean harm.
server_is('garbage', [talk => sub { print { $_[0] } "\0\1\2 hello\r\n" x 3; sleep 1 }],
    { outcome => 'not-smtp', detail => qr/no SMTP reply/ });
server_is('binary line', [greeting => "220 \e[31m\0\xff"],
    { outcome => 'not-offered', greeting => '?[31m??' });
server_is('a line without end', [talk => sub {
	my ($socket) = @_;
	print $socket '220 ';
	for (1 .. 100000) {
		print $socket 'x' x 1000 or last;
	}
    }], { outcome => 'not-smtp', detail => qr/line longer than 2048/ });
server_is('a reply without end', [talk => sub {
	my ($socket) = @_;
	for (1 .. 100000) {
		print $socket "220-more\r\n" or last;
	}
    }], { outcome => 'not-smtp', detail => qr/more than 100 lines/ });
server_is('two codes', [greeting => ['220-a', '554 b']], { outcome => 'not-smtp' });
server_is('closes at once', [talk => sub {}], { outcome => 'closed',
    detail => 'greeting: connection closed' });
server_is('under TLS: a reply without end', [@localhost, ehlo => ['250-a', '250 STARTTLS'],
    mail => [('250-more') x 200]], { outcome => 'not-smtp' }, '--from', 'a@example.com');

sub bounded {
	my ($name, $talk, $where) = @_;
	my $port = Tlspolicy::Server::start($scratch, talk => $talk);
	my $start = time;
	my $answer = probe('--json', '--timeout', '1', "127.0.0.1:$port");
	my $took = time - $start;
	is(decode_json($answer->{out})->[0]{outcome}, 'timeout', $name);
	like(decode_json($answer->{out})->[0]{detail}, $where, '... where');
	cmp_ok($took, '<', 9, '... before the server ends it');
}

bounded('silent', sub { sleep 10 }, qr/^greeting: timed out$/);
bounded('a byte now and then', sub {
	$| = 1;
	for (1 .. 100) {
		print { $_[0] } 'x' or last;
		select undef, undef, undef, 0.1;
	}
    }, qr/^greeting: timed out$/);
bounded('silent in the handshake', sub {
	my ($socket) = @_;
	print $socket "220 hi\r\n";
	readline $socket;
	print $socket "250-hi\r\n250 STARTTLS\r\n";
	readline $socket;
	print $socket "220 go\r\n";
	sleep 10;
    }, qr/^handshake: timed out$/);

# No server at all.
my $closed = Tlspolicy::Scratch::free_port();
$r = probe('--json', "127.0.0.1:$closed", "[::1]:$closed");
is($r->{status}, 69, 'no server: exit 69');
my @results = @{decode_json($r->{out})};
is_deeply([map { $_->{outcome} } @results],
    ['no-connection', 'no-connection'], '... what is wrong with each');
is($results[0]{detail}, 'connect: Connection refused', '... why');
is($results[1]{address}, '::1', '... an address in brackets');

# Many targets: in order, at once, from a file.
my @ports = map { Tlspolicy::Server::start($scratch, @localhost) } 1 .. 3;
my $slow = Tlspolicy::Server::start($scratch, talk => sub { sleep 60 });
my @targets = map { $_ <= 3 ? "127.0.0.1:$slow" : "127.0.0.1:$ports[$_ % 3]" } 1 .. 60;
$scratch->write('targets', "# servers\n\n" . join("\n", map { " $_ # one" } @targets) . "\n");
my $start = time;
$r = probe('--json', '--timeout', '12', '--jobs', '20', '--file', $scratch->path('targets'));
@results = @{decode_json($r->{out})};
is_deeply([map { $_->{target} } @results], \@targets, '60 targets, in order');
is(scalar(grep { $_->{outcome} eq 'tls' } @results), 57, '... 57 of them with TLS');
cmp_ok(time - $start, '<', 40, '... at once');
is($r->{err}, '', '... no progress where there is no terminal');

# What cannot be asked.
sub fails {
	my ($status, $why, @arguments) = @_;
	my $answer = probe(@arguments);
	is($answer->{status}, $status, "exit $status: @arguments");
	like($answer->{err}, $why, '... and says why');
}
$scratch->write('bad-targets', "good.example.com\nb\@d\n");
Tlspolicy::Scratch::must(qw(openssl pkey -aes128 -passout pass:x -in),
    "$ca/client.example.com-client.key", '-out', $scratch->path('locked.key'));
fails(64, qr/operands are missing: .* TARGET\.\.\./);
fails(64, qr/--key without --cert/, '--key', 'x', 'a.example');
fails(64, qr/--to without --from/, '--to', 'x', 'a.example');
fails(64, qr/--from and --to take an address/, '--from', "a\r\nDATA", 'a.example');
fails(64, qr/--timeout: a number from 1/, '--timeout', '0', 'a.example');
fails(64, qr/--jobs: a number from 1 to 256/, '--jobs', '999', 'a.example');
fails(64, qr/"crc" is not a digest; expected one of: md5, sha1, sha256/, '--digest', 'crc', 'a.example');
fails(65, qr/"a b": DOMAIN, HOST:PORT/, 'a b');
fails(65, qr/"a:99999"/, 'a:99999');
fails(65, qr/"\[a": a \] after the \[/, '[a');
fails(65, qr/bad-targets:2: "b\@d"/, '--file', $scratch->path('bad-targets'));
fails(65, qr/locked\.key: the private key is encrypted/, '--cert',
    "$ca/client.example.com-client.pem", '--key', $scratch->path('locked.key'), 'a.example');
fails(65, qr/ca\.key: no private key in PEM form that belongs/, '--cert',
    "$ca/client.example.com-client.pem", '--key', "$ca/ca.key", 'a.example');
fails(66, qr/none: No such file/, '--cert', $scratch->path('none'), 'a.example');
fails(66, qr/none: cannot be opened/, '--file', $scratch->path('none'));
fails(65, qr/targets: no CA certificate in it/, '--ca', $scratch->path('targets'), 'a.example');

done_testing();
