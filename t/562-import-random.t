#!/usr/bin/perl
#
# Access maps put together by chance, asked by sendmail's own rulesets and as
# rules by import: where import says that all is of equal force the verdict is
# the same; where the rules let pass what sendmail refuses, a line that says so
# is among those that import names.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP qw(decode_json encode_json);
use Test::More;
use Tlspolicy::Certs;
use Tlspolicy::Scratch;
use Tlspolicy::Sendmail;

my $why = Tlspolicy::Sendmail::missing();
plan skip_all => $why if $why;
# So many maps, from that number on.
my $wanted = $ENV{TLSPOLICY_CONFIGURATIONS} // 25;
my $first = $ENV{TLSPOLICY_CONFIGURATION} // 1;

my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
my $scratch = Tlspolicy::Scratch->new;
my $map = $scratch->path('access');
my $store = $scratch->path('store.mdb');
my $sendmail = Tlspolicy::Sendmail->start(scratch => $scratch,
    certs => Tlspolicy::Certs->new($scratch),
    features => "FEATURE(`access_db', `hash -T<TMPF> -o $map')dnl\n",
    # "$|" cannot be typed in test mode.
    mc => "Sbt\nR\$* \$\$| \$*\t\$: \$1 \$| \$2\n");
my $makemap_cf = $scratch->write('makemap.cf', "V10/Berkeley\n" .
    "O DontBlameSendmail=TrustStickyBit,GroupWritableDirPathSafe\n");

sub one { return $_[int rand @_] }
sub chance { return rand() < $_[0] }

# --- a map ------------------------------------------------------------------

my $six = 'IPv6:2001:db8:0:0:0:0:0:1';
my $root = '/C=DE/O=Bank+20CA/CN=Root';
my @hosts = (qw(gw.partner.example partner.example GW.Partner.Example example
    a.gw.partner.example mx.other.example other.example .partner.example
    192.0.2.1 192.0.2 192 198.51.100.7 192.0.2.0/24 IPv6:2001:db8 IPv6:2001
    2001:db8::1 IPv6:2001:db8::1 [203.0.113.8] [203.0.113] 203.0.113.8
    partner.example. *.partner.example), $six, '', '');
my %keys = (TLS_Clt => \@hosts, TLS_Srv => \@hosts, Try_TLS => \@hosts,
    TLS_Rcpt => [qw(city.example mayor@city.example mayor@ Mayor@City.Example
    mayor+press@city.example mayor+*@city.example mayor+press@ mayor+*@ example
    .city.example sub.city.example @city.example), '']);
my @needs = qw(ENCR:112 ENCR:256 ENCR:1 VERIFY VERIFY:128 VERIFY:256 verify
    ENCR:0200 ENCR:0x80 VERIFY:0400 encr:128 ENCR:0);
my @items = ('CN', 'CN:mx.partner.example', 'CN:MX.Partner.Example', "CI:$root",
    'CS:/O=Two/CN=mx.partner.example', 'CITag:MyCA', 'CITag:MyCA', 'FOO',
    'PFS', 'CN:gw.partner.example', "CI:/CN=Other", 'UNTIL:2030-01-01');
my @odd = ('ENCR', 'VERIFY:', 'REJECT', 'PERM+OK', 'RELAY', 'VERIFY+', '550 no',
    'PERM+', 'ENCR:112 more', 'ENCR:-1', 'ENCR:99999', 'DISCARD', 'NO', 'Ok',
    'WARN+VERIFY', 'HOLD+ENCR:112', 'PERM+ENCR:112+', 'ENCR:112++PFS');

sub value
{
	my ($tag) = @_;
	return one('NO', 'NO', 'NO', 'OK', 'no', 'REJECT', 'ENCR:112')
	    if $tag eq 'Try_TLS';
	return one('OK', 'OK', 'ok') if chance(0.25);
	return one(@odd) if chance(0.06);
	return one('', '', 'PERM+', 'TEMP+', 'perm+') . one(@needs) .
	    (chance(0.4) ? '+' . join '++', map { one(@items) }
	    1 .. 1 + int rand 1.4 : '');
}

sub access_map
{
	my ($number) = @_;
	my (%used, @lines);
	srand $number;
	for my $tag (qw(TLS_Clt TLS_Srv TLS_Rcpt Try_TLS)) {
		for (1 .. 1 + int rand 5) {
			my $key = ($tag, lc $tag)[chance(0.1)] . ':' .
			    one(@{$keys{$tag}});
			next if $used{lc $key}++ && chance(0.7);
			push @lines, (chance(0.03) ? ' ' : '') . "$key" .
			    one("\t", '  ', "\t") . value($tag) .
			    (chance(0.05) ? "\r" : chance(0.05) ? ' ' : '');
		}
	}
	push @lines, "MyCA:$root\t" . one('OK', 'OK', 'OK', 'REJECT', 'ok')
	    if chance(0.7);
	push @lines, one("Connect:partner.example\tOK", '# TLS_Clt: OK',
	    "partner.example\tENCR:112", "From:a\@b.example\tREJECT", '');
	return join '', map { "$_\n" } @lines;
}

# --- sessions ---------------------------------------------------------------

my @states = map { { verify => $_->[0], cipher_bits => $_->[1],
    $_->[2] ? (cn_subject => $_->[2], cert_issuer => $_->[3], cn_issuer => 'Root',
    cert_subject => "/O=Two/CN=$_->[2]") : () } } ['NONE', 0], ['NO', 128],
    ['NO', 256], ['NOT', 56], ['SOFTWARE', 0],
    map { my $verify = $_; ([$verify, 256, 'mx.partner.example', $root],
    [$verify, 128, 'gw.partner.example', $root],
    [$verify, 256, 'gw.partner.example', '/CN=Other']) } qw(OK FAIL);
my @peers = (['gw.partner.example', '192.0.2.1'], ['partner.example', $six],
    ['a.gw.partner.example', '198.51.100.7'], ['mx.other.example', '192.0.2.9'],
    ['[203.0.113.8]', '203.0.113.8'], ['free.net', '192.0.2.1'],
    ['free.net', $six], ['free.net', '198.51.100.7'], ['x.example', '10.0.0.1']);
my @recipients = qw(mayor@city.example mayor+press@city.example joe@city.example
    mayor+x@city.example a@sub.city.example mayor@other.net joe@other.net
    mayor+press@other.net);

sub side
{
	my ($side, $peer, $state) = @_;
	return { %$state, "${side}_name" => $peer->[0],
	    "${side}_addr" => $peer->[1] };
}

# In clear a server has no {verify}, a client NONE.
my %sessions = (
	TLS_Clt => [map { my $p = $_; map { side('client', $p,
	    $_->{verify} eq 'NONE' ? { cipher_bits => 0 } : $_) }
	    @states } @peers],
	TLS_Srv => [map { my $p = $_; map { side('server', $p, $_) }
	    @states } @peers],
	TLS_Rcpt => [map { my $r = $_; map { { %{side('server',
	    ['mx.city.example', '203.0.113.20'], $_)}, rcpt_addr => $r } }
	    @states } @recipients],
	Try_TLS => [map { side('server', $_, {}) } @peers]);
my @tags = sort keys %sessions;
my @macros = qw(verify cipher_bits cn_subject cn_issuer cert_subject
    cert_issuer client_name client_addr server_name server_addr);
my %call = (TLS_Clt => sub { join ' ', 'bt,tls_client',
    $_[0]{verify} // (), '$| MAIL' },
    TLS_Srv => sub { "tls_server $_[0]{verify}" },
    TLS_Rcpt => sub { "tls_rcpt $_[0]{rcpt_addr}" },
    Try_TLS => sub { 'try_tls x' });
my %ruleset = (TLS_Clt => 'tls_client', TLS_Srv => 'tls_server',
    TLS_Rcpt => 'tls_rcpt', Try_TLS => 'try_tls');

# All tags' sessions, in their order: "accept", "tempfail", "reject".
my $questions = '';
for my $tag (@tags) {
	for my $session (@{$sessions{$tag}}) {
		$questions .= join '', (map { ".D{$_}" . ($session->{$_} // '') .
		    "\n" } @macros), $call{$tag}->($session), "\n";
	}
}
$questions = $scratch->write('bt', $questions);

sub ask_rulesets
{
	my $out = Tlspolicy::Scratch::must({ timeout => 60, in => $questions },
	    @{$sendmail->{prefix}}, '-bt');
	return map { my $tag = $_; [map { !/^\$# error/ ? 'accept' :
	    /\$: "?"?4/ ? 'tempfail' : 'reject' }
	    $out =~ /^$ruleset{$tag} +returns: (.*)$/gm] } @tags;
}

sub ask_rules
{
	my (@options) = @_;
	return map { my $tag = $_;
		my $in = join '', map {
			my %macros = %$_;
			@macros{qw(tls_version cipher)} = qw(TLSv1.2 AES256-SHA)
			    if $macros{cipher_bits};
			encode_json(\%macros) . "\n" } @{$sessions{$tag}};
		my $r = Tlspolicy::Scratch::run({ in =>
		    $scratch->write('in', $in) }, $tlspolicy, 'check', '-d',
		    $store, @options, '-t', $tag, '--batch');
		[map { decode_json($_)->{verdict} } split /\n/, $r->{out}]
	} @tags;
}

# --- compared ---------------------------------------------------------------

my %rank = (accept => 0, tempfail => 1, reject => 2);
my (%wrong, %seen);
sub compare
{
	my ($number, $compat, @by_rulesets) = @_;
	my $conf = $scratch->write('conf', "compat = $compat\n");
	my $r = Tlspolicy::Scratch::run($tlspolicy, 'import', '-c', $conf,
	    'sendmail', $map);
	$seen{"$compat exit $r->{status}"}++;
	push @{$wrong{'another exit status'}}, "$number: $r->{status} $r->{err}"
	    if $r->{status} != 0 && $r->{status} != 65;
	unlink $store;
	my $build = Tlspolicy::Scratch::run($tlspolicy, 'build', '-d', $store,
	    $scratch->write('rules', $r->{out}));
	if ($build->{status}) {
		push @{$wrong{'rules that do not build'}}, "$number: $build->{err}";
		return;
	}
	my @by_rules = ask_rules('-o', "compat=$compat");
	my $named = $r->{err} =~ /^\S+:\d+\t(?:weaker|not taken)\t/m;
	for my $t (0 .. $#tags) {
		for my $i (0 .. $#{$sessions{$tags[$t]}}) {
			my ($mta, $rules) = map { $_->[$t][$i] // 'none' }
			    \@by_rulesets, \@by_rules;
			$seen{"$r->{status} $mta"}++;
			next if $mta eq $rules;
			my $kind = ($rank{$rules} // 3) < ($rank{$mta} // 3) ?
			    ($named ? next : 'more lenient') :
			    $r->{status} ? next : 'stricter';
			push @{$wrong{$kind}}, "$number $compat $tags[$t] " .
			    encode_json($sessions{$tags[$t]}[$i]) .
			    ": sendmail $mta, rules $rules, exit $r->{status}"
			    unless $seen{"$number $kind $tags[$t]"}++;
		}
	}
	return $r->{err} =~ /^\S+:(\d+)\t(?!equal)/mg;
}

# Returns the numbers of lines that are not of equal force.
sub try_map
{
	my ($number, $text) = @_;
	# A key that is there twice makemap names, and keeps the first.
	Tlspolicy::Scratch::run({ in => $scratch->write('access', $text) },
	    Tlspolicy::Sendmail::root() . '/usr/libexec/sendmail/makemap',
	    '-C', $makemap_cf, 'hash', $map);
	my @by_rulesets = ask_rulesets();
	return map { compare($number, $_, @by_rulesets) } qw(none sendmail);
}

for my $number ($first .. $first + $wanted - 1) {
	my @lines = split /^/, access_map($number);
	# Then without those that it names.
	for (my @named = try_map($number, join '', @lines); @named; ) {
		$lines[$_ - 1] = "# $lines[$_ - 1]" for @named;
		@named = try_map($number, join '', @lines);
	}
}
is(join("\n", grep { defined } @{$wrong{$_} // []}[0 .. 9]), '', "none is $_")
    for 'another exit status', 'rules that do not build', 'more lenient',
    'stricter';
note join "\n", map { "$_: $seen{$_}" } grep { /^\D*\d+ (?:accept|tempfail|reject)$|exit/ } sort keys %seen;
cmp_ok($seen{"0 $_"} // 0, '>', $wanted, "many where all is equal: $_")
    for qw(accept tempfail reject);
done_testing;
