#!/usr/bin/perl
#
# tlspolicy probe DOMAIN: MX records from a DNS server of our own, in network
# and mount namespaces where port 25 and /etc/resolv.conf are ours.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use JSON::PP qw(decode_json);
use Test::More;
use Tlspolicy::Scratch;

my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
plan skip_all => "$tlspolicy is not built" unless -x $tlspolicy;
plan skip_all => 'IO::Socket::SSL is not installed'
    unless eval { require Tlspolicy::Server; 1 };
my @namespaces = qw(unshare --net --mount);
my $inside = 'TLSPOLICY_TEST_INSIDE';

if (!$ENV{$inside}) {
	my $try = Tlspolicy::Scratch::run(@namespaces, 'ip', 'link', 'set', 'lo', 'up');
	plan skip_all => "no private network namespace: $try->{err}" if $try->{status};
	$ENV{$inside} = 1;
	exec @namespaces, $^X, $0, @ARGV or die "unshare: $!";
}

my $scratch = Tlspolicy::Scratch->new;
sub must { return Tlspolicy::Scratch::must(@_) }

must(qw(ip link set lo up));
my %files = ('/etc/resolv.conf' => "nameserver 127.0.0.53\noptions timeout:1 attempts:1\n",
    '/etc/nsswitch.conf' => "hosts: dns\n");
for my $file (sort keys %files) {
	my $name = $file =~ s{.*/}{}r;
	must(qw(mount --bind), $scratch->write($name, $files{$file}), $file);
}

# name => type => data; a name that is not here does not exist, an empty type
# has no data.
my %zone = (
    'example.com' => { MX => [[20, 'mx2.example.com'], [10, 'mx1.example.com'],
	[30, 'gone.example.com']] },
    'mx1.example.com' => { A => ['127.0.0.11'] },
    'mx2.example.com' => { A => ['127.0.0.12'] },
    'implicit.example' => { A => ['127.0.0.11'] },
    'null.example' => { MX => [[0, '']] },
    'odd.example' => { MX => [[5, "a b\nc"]] },
    'whole.example' => { MX => [[10, 'mx1.example.com'], [20, 'mx3.example.com']] },
    'mx3.example.com' => { A => ['127.0.0.13'] },
    'two.example' => { A => ['127.0.0.11', '127.0.0.12'] },
    'odder.example' => { MX => [[10, 'mx1.example.com'], [20, 'mx4.example.com']] },
    'mx4.example.com' => { A => ['127.0.0.14'] },
    'silent.example' => 'silent',
    'broken.example' => 'broken',
    'many.example' => { MX => [map { [$_, 'mx1.example.com'] } 1 .. 60] },
    'xn--mnchen-3ya.example' => { MX => [[1, 'mx1.example.com']] },
);

sub wire_name {
	my ($name) = @_;
	return join('', map { pack 'C/a', $_ } split /\./, $name) . "\0";
}

sub answer {
	my ($query) = @_;
	my ($id) = unpack 'n', $query;
	my ($offset, @labels) = (12);
	while ((my $n = ord substr $query, $offset, 1) > 0) {
		push @labels, lc substr $query, $offset + 1, $n;
		$offset += $n + 1;
	}
	my $type = unpack 'n', substr $query, $offset + 1, 2;
	my $question = substr $query, 12, $offset + 5 - 12;
	my $entry = $zone{join '.', @labels};

	return undef if ($entry // '') eq 'silent';
	return pack('n6', $id, 0x8180, 1, 9, 0, 0) . $question . 'rubbish'
	    if ($entry // '') eq 'broken';
	return pack('n6', $id, 0x8183, 1, 0, 0, 0) . $question unless $entry;
	my @data = $type == 15 ? map { pack('n', $_->[0]) . ($_->[1] =~ /[ \n]/ ?
	    pack('C/a', $_->[1]) . "\0" : wire_name($_->[1])) } @{$entry->{MX} // []} :
	    $type == 1 ? map { pack 'C4', split /\./ } @{$entry->{A} // []} : ();
	return pack('n6', $id, 0x8180, 1, scalar @data, 0, 0) . $question . join '',
	    map { pack('n n n N n/a', 0xc00c, $type, 1, 60, $_) } @data;
}

sub serve_dns {
	my ($socket) = @_;
	while (defined(my $peer = recv $socket, my $query, 4096, 0)) {
		my $reply = answer($query) // next;
		send $socket, $reply, 0, $peer;
	}
}

my $socket = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.53', LocalPort => 53)
    or die "127.0.0.53:53: $!";
my $pid = fork // die "fork: $!";
if ($pid == 0) {
	$SIG{TERM} = 'DEFAULT';
	serve_dns($socket);
	POSIX::_exit(0);
}
$scratch->at_end(sub { local $?; Tlspolicy::Scratch::end_pid($pid) });

my $ca = $scratch->path('ca');
my $maker = "$FindBin::Bin/../scripts/tlspolicy-ca";
must($maker, '-d', $ca, @$_) for ['-O', 'Example CA', 'init'],
    ['server', 'mx1.example.com', 'implicit.example'];
Tlspolicy::Server::start($scratch, address => '127.0.0.11', port => 25,
    cert => "$ca/mx1.example.com-server.pem", key => "$ca/mx1.example.com-server.key");
Tlspolicy::Server::start($scratch, address => '127.0.0.12', port => 25);
must($maker, '-d', $ca, 'server', 'mx3.example.com');
Tlspolicy::Server::start($scratch, address => '127.0.0.13', port => 25,
    cert => "$ca/mx3.example.com-server.pem", key => "$ca/mx3.example.com-server.key");

my $store = $scratch->path('policy.mdb');
my $rules = $scratch->write('rules', <<'EOT');
TLS_Srv:mx1.example.com	PERM+VERIFY:128+CN
TLS_Srv:mx2.example.com	TEMP+ENCR:128
TLS_Rcpt:example.com	VERIFY
Try_TLS:implicit.example	NO
EOT
must($tlspolicy, 'build', '-d', $store, $rules);

sub probe {
	my $r = Tlspolicy::Scratch::run($tlspolicy, 'probe', '-d', $store, '--json', '--ca',
	    "$ca/ca.pem", '--timeout', '4', @_);
	return ($r->{status}, @{decode_json($r->{out})});
}

my ($status, @results) = probe('example.com');
is_deeply([map { "$_->{host} $_->{outcome}" } @results], ['mx1.example.com tls',
    'mx2.example.com not-offered', 'gone.example.com no-address'],
    'the MX hosts of a domain, best first');
is($status, 69, '... not all of them with TLS: exit 69');
is($results[0]{verify}, 'OK', '... the first is fine');
is_deeply($results[0]{verdicts}, { Try_TLS => 'accept', TLS_Srv => 'accept',
    TLS_Rcpt => 'accept' }, '... and satisfies the rules');
like($results[1]{verdicts}{TLS_Srv}, qr/^tempfail 451 4\.7\.10 /, '... the second does not');
like($results[1]{verdicts}{TLS_Rcpt}, qr/^tempfail 451 4\.7\.10? /, '... nor its recipients');
is_deeply($results[2]{verdicts}, {}, '... nothing is judged without a session');

($status, @results) = probe('implicit.example');
is("$results[0]{host} $results[0]{outcome}", 'implicit.example tls',
    'no MX: the domain itself');
like($results[0]{verdicts}{Try_TLS}, qr/^(?:reject|tempfail) /, '... its Try_TLS rule');
like($results[0]{verdicts}{Try_TLS} =~ /^(\w+)/ ? { reject => 77, tempfail => 75 }->{$1} : 0,
    qr/^$status$/, '... gives the exit code');

($status, @results) = probe('[mx1.example.com]');
is($status, 0, 'all is well: exit 0');
is($results[0]{outcome}, 'tls', '... [HOST] asks for no MX');
($status, @results) = probe("m\xc3\xbcnchen.example");
is($results[0]{host}, 'mx1.example.com', 'an internationalised domain');

for my $case (['null.example', qr/takes no mail \(null MX, RFC 7505\)/],
    ['absent.example', qr/no such domain/], ['odd.example', qr/name no host/],
    ['broken.example', qr/MX records: /], ['silent.example', qr/MX records: /]) {
	my ($domain, $why) = @$case;
	my ($exit, $result) = probe($domain);
	is($exit, 69, "$domain: exit 69");
	like($result->{fault}, $why, '... and says why');
}
($status, @results) = probe('absent.example:25');
is($results[0]{outcome}, 'no-address', 'HOST:PORT that does not exist');
($status, @results) = probe('many.example');
cmp_ok(scalar @results, '<=', 32, 'a bounded number of MX hosts');
is($results[0]{outcome}, 'tls', '... which are probed');

my $text = Tlspolicy::Scratch::run($tlspolicy, 'probe', '-d', $store, '--ca', "$ca/ca.pem",
    'example.com')->{out};
like($text, qr/^example\.com: mx1\.example\.com \[127\.0\.0\.11\]:25\n    outcome       tls$/m,
    'as text: target, host, address');
like($text, qr/^    TLS_Srv       accept\n    TLS_Rcpt      accept$/m, '... verdicts');

# The suggested rule builds, and the server that it came from satisfies it.
($status, @results) = probe('mx1.example.com:25');
my $suggested = $scratch->write('suggested', "$results[0]{suggestion}\n");
must($tlspolicy, 'build', '-d', $store, $suggested);
($status, @results) = probe('mx1.example.com:25');
is($results[0]{verdicts}{TLS_Srv}, 'accept', 'the suggested rule accepts its server');

# Each address by itself; a rule only where all of them are known.
($status, @results) = probe('[two.example]');
is_deeply([map { "$_->{address} $_->{outcome}" } @results], ['127.0.0.11 tls'], 'the first address that answers');
($status, @results) = probe('--each-address', '[two.example]');
is_deeply([sort map { "$_->{address} $_->{outcome}" } @results],
    ['127.0.0.11 tls', '127.0.0.12 not-offered'], 'each address');
is($status, 69, '... one of them without TLS');
is_deeply([map { $_->{suggestion} } @results], [undef, undef], '... and no rule');

# A CN that Postfix does not look at is no name for a rule, and VERIFY alone
# would be a demand for the domain's own name.
must(qw(openssl req -new -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -config /dev/null
    -subj /CN=marketing.example -addext subjectAltName=DNS:mx4.example.com -keyout),
    $scratch->path('mx4.key'), '-out', $scratch->path('mx4.csr'));
must(qw(openssl x509 -req -copy_extensions copyall -days 9 -CA), "$ca/ca.pem", '-CAkey', "$ca/ca.key", '-in',
    $scratch->path('mx4.csr'), '-out', $scratch->path('mx4.pem'));
Tlspolicy::Server::start($scratch, address => '127.0.0.14', port => 25,
    cert => $scratch->path('mx4.pem'), key => $scratch->path('mx4.key'));
($status, @results) = probe('odder.example');
is_deeply([map { "$_->{verify} $_->{suggestion}" } @results],
    [('OK TLS_Rcpt:odder.example TEMP+ENCR:128') x 2], 'no more than each host satisfies, under both MTAs');
($status, @results) = probe('[mx4.example.com]');
is($results[0]{suggestion}, 'TLS_Srv:mx4.example.com TEMP+VERIFY:128', '... of the host by its own name');

# For a domain probe suggests a rule that all of its hosts satisfy, by the name that
# MTAs ask for.
($status, @results) = probe('whole.example');
is_deeply([map { $_->{suggestion} } @results], [('TLS_Rcpt:whole.example TEMP+VERIFY:128'
    . '+CN:mx1.example.com++CN:mx3.example.com') x 2], 'a rule for a domain');
must($tlspolicy, 'build', '-d', $store, $scratch->write('suggested', "$results[0]{suggestion}\n"));
($status, @results) = probe('whole.example');
is_deeply([map { $_->{verdicts}{TLS_Rcpt} } @results], ['accept', 'accept'], '... each host satisfies it');
($status, @results) = probe('example.com');
is_deeply([map { $_->{suggestion} } @results], [undef, undef, undef], '... none where one host is in clear');
like(Tlspolicy::Scratch::run($tlspolicy, 'probe', '-d', $store, '--ca', "$ca/ca.pem", 'example.com')->{out},
    qr/^    suggestion    none, as not each host was seen with TLS$/m, '... and says so');
($status, @results) = probe('-d', $scratch->path('none.mdb'), 'mx1.example.com:25');
is($status, 0, 'no store: nothing is judged, and that is no failure');

done_testing();
