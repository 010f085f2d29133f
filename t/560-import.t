#!/usr/bin/perl
#
# A relay's access map of twenty years against what import makes of it: the
# same sessions judged by sendmail's own rulesets and by the rules, then the way
# of tlspolicy-migration(7) from its file to the milter.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP qw(decode_json encode_json);
use Test::More;
use Tlspolicy::Live;
use Tlspolicy::Nexthop;

my $scratch = Tlspolicy::Scratch->new;
my $map = $scratch->path('access');
my $rules = $scratch->path('rules');
my $socket = $scratch->path('map.sock');
my %enforced = (compat => 'sendmail', rules => $rules,
    socketmap => "unix:$socket", 'socketmap-mode' => '0600');
my $live = Tlspolicy::Live->start('sendmail',
    daemon => { settings => { %enforced, mode => 'monitor' }, build => 0 },
    start => {
	features => "FEATURE(`access_db', `hash -T<TMPF> $map')dnl\n",
	# "$|" cannot be typed in test mode.
	mc => "Sbt\nR\$* \$\$| \$*\t\$: \$1 \$| \$2\n" });
my $daemon = $live->{daemon};
my $site = Tlspolicy::Scratch::slurp("$FindBin::Bin/data/sites/hub/access");

sub make_map {
	my $text = $scratch->write('access', $_[0]);
	my $cf = $scratch->write('makemap.cf', "V10/Berkeley\n" .
	    "O DontBlameSendmail=TrustStickyBit,GroupWritableDirPathSafe\n");
	Tlspolicy::Scratch::must({ in => $text }, Tlspolicy::Sendmail::root() .
	    '/usr/libexec/sendmail/makemap', '-C', $cf, 'hash', $map);
}

sub import_map {
	my $r = $daemon->tlspolicy('import', 'sendmail', $map);
	$scratch->write('rules', $r->{out});
	return $r;
}

# --- sessions ---------------------------------------------------------------

my @issuers = ('/C=DE/O=Bank+20CA/CN=Root', '/C=DE/O=Clinic+20CA/CN=Root',
    '/C=DE/O=Clinic+20CA+20+282019+29/CN=Root+202');

# TLS with a peer of that name; `cns` are names that its certificate may have.
sub states {
	my @cns = @_;
	my @states = ({ verify => 'NONE', cipher_bits => 0 },
	    map { { verify => $_->[0], cipher_bits => $_->[1] } } ['NO', 256],
	    ['NO', 128], ['NO', 56], ['NOT', 128]);
	for my $verify (qw(OK FAIL)) {
		for my $cn (@cns, 'mx.evil.example') {
			push @states, map { { verify => $verify,
			    cipher_bits => $verify eq 'OK' && $_ eq $issuers[2] ?
			    128 : 256, cn_subject => $cn, cert_issuer => $_,
			    cert_subject => "/O=Two/CN=$cn",
			    cn_issuer => s/.*=//r } } @issuers;
		}
	}
	return @states;
}

my %cn = ('m.bank.example' => 'mx.bank.example', 'two.example' => 'a.two.example',
    'x.either.example' => 'two.either.example',
    'believes.example' => 'mail.believes.example');
my $six = 'IPv6:2001:db8:0';
my @clients = (['gw.partner.example', '192.0.2.1'],
    ['a.gw.partner.example', '203.0.113.1'], ['partner.example', '203.0.113.2'],
    ['old.partner.example', '203.0.113.3'], ['x.old.partner.example', '203.0.113.3'],
    ['m.bank.example', '203.0.113.4'], ['BANK.example', '192.0.2.4'],
    ['mx.clinic.example', '203.0.113.5'], ['two.example', '203.0.113.6'],
    ['x.either.example', '203.0.113.7'], ['believes.example', '203.0.113.9'],
    ['free.net', '192.0.2.9'], ['free.net', '192.0.2.25'],
    ['free.net', '198.51.100.7'], ['free.net', '198.51.100.70'],
    ['free.net', "$six:1:0:0:0:9"], ['free.net', "$six:1:0:0:0:5"],
    ['free.net', "$six:11:0:0:0:5"], ['[203.0.113.8]', '203.0.113.8'],
    ['[192.0.2.8]', '192.0.2.8'], ['free.example', '192.0.2.25'],
    ['cyberspammer.example', '203.0.113.10'], ['hub.example.org', '10.1.1.1'],
    ['client.example.com', '127.0.0.2'], ['sub.example.com', '203.0.113.14'], ['x.sub.example.com', '203.0.113.13'],
    ['x.y.two.example', '192.0.2.6'], ['partner.example.net', '203.0.113.11']);
# What the map has mistakes for.
my %mistaken = map { $_ => 1 } qw(typo.example x.half.example perm.example
    reject.example starttls.example mx.starttls.example);
push @clients, map { [$_, '203.0.113.12'] } sort keys %mistaken;
my @servers = (['mx.city.example', '203.0.113.20'], ['mx.bank.example', '192.0.2.2'],
    ['legacy.bank.example', '192.0.2.2'], ['[203.0.113.30]', '203.0.113.30'],
    ['x.octal.example', '192.0.2.3'], ['clinic.example', '192.0.2.4'],
    ['a.legacy.bank.example', '203.0.113.2'], ['bank.example', '198.51.100.9'],
    ['octal.example', "$six:1:0:0:0:9"], ['city.example', '203.0.113.8'],
    ['other.example', '203.0.113.31'], ['other.example', '198.51.100.7'],
    ['mx.starttls.example', '192.0.2.5'], ['other.example', "$six:1:0:0:0:9"]);
my @recipients = qw(joe@city.example mayor@city.example Mayor@CITY.example
    mayor+press@city.example mayor+x@city.example a@sub.city.example
    payroll@other.example payroll@city.example x@other.example);
my @tried = (['broken.example', '192.0.2.2'], ['mx.broken.example', '192.0.2.2'],
    ['mended.broken.example', '192.0.2.2'], ['x.mended.broken.example', '192.0.2.2'],
    ['free.example', '203.0.113.20'], ['shared.example', '203.0.113.20'],
    ['free.example', '203.0.113.21'], ['free.example', "$six:1:0:0:0:9"]);

sub side {
	my ($side, $peer, $state) = @_;
	return { %$state, "${side}_name" => $peer->[0],
	    "${side}_addr" => $peer->[1] };
}

my %sessions = (
	# In clear a server has no {verify}, a client NONE.
	TLS_Clt => [map { my $c = $_; map { side('client', $c,
	    $_->{verify} eq 'NONE' ? { cipher_bits => 0 } : $_) }
	    states($c->[0], $cn{$c->[0]} // ()) } @clients],
	TLS_Srv => [map { my $s = $_; map { side('server', $s, $_) }
	    states($s->[0]) } @servers],
	TLS_Rcpt => [map { my $r = $_; map { { %{side('server',
	    ['mx.city.example', '203.0.113.20'], $_)}, rcpt_addr => $r } }
	    states('mx.city.example') } @recipients],
	Try_TLS => [map { side('server', $_, {}) } @tried]);
my @tags = sort keys %sessions;
my $count = 0;
$count += @{$sessions{$_}} for @tags;
cmp_ok($count, '>=', 1000, "sessions: $count");

# --- by sendmail's rulesets -------------------------------------------------

my @macros = qw(verify cipher_bits cn_subject cn_issuer cert_subject
    cert_issuer client_name client_addr server_name server_addr);

sub ask_rulesets {
	my ($tag) = @_;
	my %call = (TLS_Clt => sub { join ' ', 'bt,tls_client',
	    $_->{verify} // (), '$| MAIL' },
	    TLS_Srv => sub { "tls_server $_->{verify}" },
	    TLS_Rcpt => sub { "tls_rcpt $_->{rcpt_addr}" },
	    Try_TLS => sub { 'try_tls x' });
	my $in = '';
	for (@{$sessions{$tag}}) {
		for my $macro (@macros) {
			$in .= ".D{$macro}" . ($_->{$macro} // '') . "\n";
		}
		$in .= $call{$tag}->() . "\n";
	}
	my $out = Tlspolicy::Scratch::must({ timeout => 60,
	    in => $scratch->write('bt', $in) }, @{$live->{mta}{prefix}}, '-bt');
	my $ruleset = $tag eq 'TLS_Clt' ? 'tls_client' : $tag eq 'TLS_Srv' ?
	    'tls_server' : lc $tag;
	# A number of bits is told in the map's own spelling.
	return map { said($_) =~ s/lessthan0200$/lessthan128/r }
	    $out =~ /^$ruleset +returns: (.*)$/gm;
}

# Words of a ruleset's answer are parted by blanks.
sub said {
	my ($answer) = @_;
	return 'accept' if $answer !~ s/^\$# error \$@ ([\d. ]+)\$: "?//;
	my $dsn = $1 =~ s/ //gr;
	my ($code, $text) = $answer =~ /^"?(\d{3})"? ?(.*)/;
	return lc(($code =~ /^4/ ? 'tempfail' : 'reject') . "$code$dsn$text") =~
	    s/[ "]//gr;
}

# --- by the rules -----------------------------------------------------------

sub ask_rules {
	my ($tag) = @_;
	my $in = join '', map {
		my %macros = %$_;
		@macros{qw(tls_version cipher)} = qw(TLSv1.2 AES256-SHA)
		    if $macros{cipher_bits};
		encode_json(\%macros) . "\n" } @{$sessions{$tag}};
	my $r = Tlspolicy::Scratch::run({ in => $scratch->write('in', $in) },
	    Tlspolicy::Daemon::program('tlspolicy'), 'check', '-c',
	    $daemon->{conf}, '-o', 'mode=enforce', '-t', $tag, '--batch');
	my @said = map { my $v = decode_json($_); $v->{verdict} eq 'accept' ?
	    'accept' : lc(join '', $v->{verdict}, @$v{qw(code dsn text)}) =~ s/[ "]//gr } split /\n/, $r->{out};
	diag($r->{err}) if @said != @{$sessions{$tag}};
	return @said;
}

# The names of clients that are judged otherwise.
sub compare {
	my ($name) = @_;
	my (%other, %seen);
	for my $tag (@tags) {
		my @wanted = ask_rulesets($tag);
		my @got = ask_rules($tag);
		my $n = @{$sessions{$tag}};
		is(@wanted . ' ' . @got, "$n $n", "$name: $tag: all answered");
		for (0 .. $n - 1) {
			my ($want, $got) = map { $_ // 'none' } $wanted[$_],
			    $got[$_];
			$seen{$want =~ /^(accept|tempfail|reject)/ ? $1 : $want}++;
			next if $want eq $got;
			my $session = $sessions{$tag}[$_];
			push @{$other{"$tag " . ($session->{client_name} // '')}},
			    encode_json($session) . "\n  sendmail $want\n  rules    $got\n";
		}
	}
	cmp_ok($seen{$_} // 0, '>', 100, "$name: $_: $seen{$_}")
	    for qw(accept tempfail reject);
	return \%other;
}

# --- from the file to the milter, as the manual has it ----------------------

make_map($site);
my $r = import_map();
is($r->{status}, 65, 'mistakes: exit 65');
my @named = sort { $a <=> $b } $r->{err} =~ /:(\d+)\tnot taken\t-$/mg;
my @lines = split /\n/, $site;
is_deeply([map { $lines[$_ - 1] =~ s/\t+/ /r } @named],
    ['TLS_Clt:typo.example ENCR', 'TLS_Clt:half.example VERIFY:',
    'TLS_Clt:perm.example PERM+OK', 'TLS_Clt:reject.example REJECT',
    'starttls.example ENCR:112'], 'they are named, and nothing else is');
is($daemon->tlspolicy('build', '-n', $rules)->{status}, 0, 'build -n');
is($daemon->tlspolicy('build', $rules)->{status}, 0, 'build');
my $other = compare('as it is');
is_deeply([grep { !$mistaken{s/TLS_Clt //r} } sort keys %$other], [],
    'other verdicts at named lines only') or
    diag(map { $other->{$_}[0] } sort keys %$other);
cmp_ok(scalar keys %$other, '>', 0, 'and there they are');

# What was meant, as the manual's table says.
my %meant = ('typo.example' => 'ENCR:112', 'half.example' => 'VERIFY',
    'perm.example' => 'OK', 'reject.example' => 'PERM+VERIFY');
my $mended = $site =~ s{^(TLS_Clt:(\S+)\t+).*}{$1 . ($meant{$2} // substr $&,
    length $1)}gemr =~ s/^(starttls.example\t+ENCR:112)$/TLS_Clt:$1\nTLS_Srv:$1/mr;
make_map($mended);
$r = import_map();
is($r->{status}, 0, 'mended: each line of equal force') or diag($r->{err});
is($daemon->tlspolicy('build')->{status}, 0, 'build');
is(join('', map { @$_ } values %{compare('mended')}), '', 'the same verdicts');

# Beside the old rules, in monitor mode; then instead of them.
sub told {
	my @told;
	for ({}, { tls => {} }, { tls => { cert => 'selfsigned' } },
	    { tls => { cert => 'trusted' } }, { from => '127.0.0.3' },
	    { from => '127.0.0.3', tls => {} }, { from => '127.0.0.4' }) {
		my $client = $live->client(%$_);
		my $reply = $client->mail('a@example.net');
		push @told, $reply->{code} == 250 ? '250' :
		    "$reply->{code} $reply->{dsn} $reply->{text}";
		$client->quit;
	}
	return @told;
}
my @old = told();
cmp_ok(scalar(grep { !/^250/ } @old), '>=', 3, 'sendmail refuses some') or
    diag(@old);
$daemon->configure(%enforced);
$daemon->hup;
make_map($mended =~ s/^TLS_Clt:.*\n//gmr);
Tlspolicy::Scratch::wait_for(60, sub { join("\n", told()) eq join "\n", @old });
is_deeply([told()], \@old, 'the milter tells clients the same');
my %recorded = map { $_->{reply} => 1 } grep { $_->{reply} } $daemon->audit;
is_deeply([grep { !$recorded{$_} } grep { !/^250/ } @old], [],
    'and has recorded it') or diag(join "\n", %recorded);

# sendmail's own questions for mail that leaves, answered by the daemon.
my $asked = Tlspolicy::Nexthop->connect($socket, 'access');
my %map = map { /^((?:TLS_Srv|TLS_Rcpt|Try_TLS):\S*)\s+(\S+)/ ? (lc $1, $2) : () }
    split /\n/, $mended;
$map{'tls_srv:octal.example'} = 'ENCR:128';
$map{'try_tls:mended.broken.example'} = 'OK'; # any value but NO
cmp_ok(scalar keys %map, '>', 12, 'lines for mail that leaves');
for (sort keys %map) {
	# The daemon writes the class out: a rule without one gets default-class.
	my $said = $asked->ask($_) =~ s/\+\+?BY:\S+//r =~
	    s/(?:TEMP\+)?ENCR:0$/OK/r;
	$said =~ s/^OK TEMP\+/OK / if $map{$_} !~ /^TEMP/;
	is($said, "OK $map{$_}", "asked for $_");
}
like($asked->ask($_), qr/^NOTFOUND/, "asked for $_") for
    'tls_srv:nobody.net', 'tls_rcpt:a@nobody.net', 'try_tls:nobody.net';
done_testing;
