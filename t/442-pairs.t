#!/usr/bin/perl
#
# What Postfix is told by a rule and beside its own level: the table of
# tlspolicy-outbound(7), each cell asked for; and that nothing but an exception
# goes below that level.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Select;
use IO::Socket::UNIX;
use Test::More;
use Tlspolicy::Nexthop;
use Tlspolicy::Talk;
use Tlspolicy::Tree;

my ($names, $cells, @columns) = Tlspolicy::Tree::pairs(0, 1);
my @levels = qw(none may encrypt dane dane-only fingerprint verify secure);
is(join(' ', map { s/FP/fingerprint/r } map { split /, / } @columns),
    "@levels", 'a column for each level');

my $fp = join ':', ('AB') x 32;
my %rules = Tlspolicy::Nexthop::rules_of_rows($fp);
my %rank = (none => 0, may => 1, encrypt => 2, verify => 3, secure => 4,
    'dane-only' => 5, fingerprint => 6);
my @cases;
for my $name (@$names) {
	my @cells = @{$cells->{$name}};
	my $rule = delete $rules{$name};
	ok($rule, "$name: a rule") or next;
	is(scalar @cells, scalar @columns, "$name: a cell for each column");
	push @cases, { name => $name, rule => $rule->[0], match => $rule->[1],
	    domain => 'd' . @cases . '.test', cells => \@cells };
}
is(join(' ', sort keys %rules), '', 'each kind of rule has its row');

my $path = scratch()->path('map.sock');
my %settings = (socketmap => "unix:$path", 'outbound-servername' => 'none');
my $daemon = daemon(join('', map { sprintf("$_->{rule}\n", $_->{domain}) }
    grep { $_->{rule} } @cases), settings => { %settings });
my $map = Tlspolicy::Scratch::wait_for(60, sub {
    eval { Tlspolicy::Nexthop->connect($path) } }) or die($@);

sub ask
{
	return $map->ask(@_);
}

sub configure
{
	my (%more) = @_;
	my $times = () = $daemon->log =~ /settings were read again/g;
	$daemon->configure(%settings, %more);
	$daemon->hup;
	Tlspolicy::Scratch::wait_for(60, sub {
	    (() = $daemon->log =~ /settings were read again/g) > $times });
}

# The whole answer that a cell stands for.
sub answer
{
	my ($case, $cell, $site) = @_;
	my $level = $cell eq 'FP' ? 'fingerprint' : $cell;
	my $match = $case->{match};

	return 'NOTFOUND ' if $cell eq '-';
	return qr/^TEMP TLS policy cannot be expressed: CN/ if $cell eq 'TEMP';
	return 'OK secure match=nexthop:dot-nexthop'
	    if $case->{name} eq 'VERIFY' && $level eq 'secure';
	return "OK $level match=$match" if defined $match &&
	    ($level eq 'secure' || ($level eq 'fingerprint' && $match eq $fp));
	return "OK $level" . ($case->{name} eq 'ENCR:128' ?
	    ' ciphers=high' : '');
}

# Does the answer demand at least what Postfix does by itself?
sub covers
{
	my ($told, $site) = @_;
	return 1 if $told =~ /^(?:NOTFOUND|TEMP)/;
	my ($level) = $told =~ /^OK (\S+)/;
	# A pinned name is kept, whatever else authenticates.
	return 1 if $told =~ / match=mx\.name\.test$/;
	return $level =~ /^(?:dane|dane-only|verify|secure|fingerprint)$/
	    if $site eq 'dane';
	return $level ne 'dane' && $rank{$level} >= $rank{$site}
	    unless $level eq 'dane';
	return $rank{$site} <= $rank{may};
}

for my $site (@levels) {
	configure('outbound-default' => $site);
	my ($column) = grep { $columns[$_] =~ /\b\Q$site\E(?:,|$)/ ||
	    ($site eq 'fingerprint' && $columns[$_] eq 'FP') } 0 .. $#columns;
	for my $case (@cases) {
		my $want = answer($case, $case->{cells}[$column]);
		my $told = ask($case->{domain});
		my $name = "$case->{name}, outbound-default = $site";
		ref $want ? like($told, $want, $name) : is($told, $want, $name);
		ok(covers($told, $site), "$name: not below it: $told")
		    unless $case->{name} =~ /^(?:OK|ENCR:0|Try_TLS NO)$/;
	}
}

# Only an exception goes down, and only when no other rule speaks.
my $built = $daemon->rules(<<'END');
TLS_Rcpt:both.test OK
TLS_Srv:both.test ENCR:1
TLS_Rcpt:two.test ENCR:0
Try_TLS:two.test NO
TLS_Rcpt:warned.test WARN+VERIFY
TLS_Srv:warned.test ENCR:1
TLS_Rcpt:sub.up.test WARN+ENCR:1
TLS_Rcpt:up.test VERIFY
TLS_Rcpt:day.test WARN+VERIFY+UNTIL:2999-12-31
TLS_Rcpt:day.test ENCR:1
TLS_Srv:[192.0.2.1] WARN+VERIFY
TLS_Srv:[192.0.2.0/24] ENCR:1
TLS_Rcpt:names.test VERIFY+CN++CN:.name.test
TLS_Rcpt:sni.test VERIFY
TLS_Rcpt:bare.test ENCR:1
END
is($built->{status}, 0, 'other rules') or diag($built->{err});
configure('outbound-default' => 'secure');
is(ask('both.test'), 'OK secure', 'an exception and a demand');
is(ask('two.test'), 'OK none', 'two exceptions');
is(ask('names.test'), 'OK secure match=.name.test',
    'the name of the host is left out');
configure('outbound-default' => 'encrypt');
is(ask('warned.test'), 'OK encrypt', 'WARN is passed over');
is(ask('sub.up.test'), 'NOTFOUND ', 'nor does it answer its own level');
is(ask('.up.test'), 'OK secure match=nexthop:dot-nexthop',
    'so that the level above does');
is(ask('sub.up.test:25'), 'OK secure match=nexthop:dot-nexthop',
    'or it where Postfix asks but once');
is(ask('day.test'), 'OK encrypt', 'the next line of the key');
is(ask('[192.0.2.1]'), 'OK encrypt', 'the network around it');
configure('outbound-default' => 'dane', inexpressible => 'weaken');
is(ask('bare.test'), 'OK encrypt', 'dane and encrypt, weakened');
configure('outbound-servername' => 'hostname');
is(ask('sni.test'), 'OK secure match=nexthop:dot-nexthop '
    . 'servername=hostname', 'outbound-servername');
is(ask('bare.test'), 'OK encrypt', 'no certificate, no name');

# What sendmail is told of WARN: to go on looking.
sub ask_sendmail
{
	my ($key) = @_;
	my ($query, $sock) = ("access $key", $map->{sock});
	print $sock length($query) . ":$query,";
	IO::Select->new($sock)->can_read(60) or return 'none';
	sysread $sock, my $all, 65536;
	return $all;
}
is(ask_sendmail('tls_rcpt:day.test'), '14:OK TEMP+ENCR:1,', 'sendmail: the '
    . 'next line of the key');
is(ask_sendmail('tls_rcpt:sub.up.test'), '9:NOTFOUND ,', 'sendmail: WARN');
is(ask_sendmail('tls_rcpt:two.test'), '14:OK TEMP+ENCR:0,', 'sendmail: an '
    . 'exception');
is(ask_sendmail('try_tls:two.test'), '5:OK NO,', 'sendmail: Try_TLS');

# What main.cf has of protocols and suites is never taken back: asked for by a
# rule, the later version and both lists are told; where nothing of the kind is
# told main.cf's own counts.
$daemon->rules(<<'END');
TLS_Rcpt:ver12.limit.test ENCR:1+VER:1.2
TLS_Rcpt:ver13.limit.test ENCR:1+VER:1.3
TLS_Rcpt:pfs.limit.test ENCR:1+PFS
TLS_Rcpt:encr.limit.test ENCR:128
TLS_Rcpt:verify.limit.test VERIFY+CN:a++AEAD++VER:1.1
END
my $suites = 'kRSA:kPSK:kRSAPSK:kSRP:aNULL';
for (['1.0', '', ver12 => 'encrypt protocols=>=TLSv1.2', ver13 => 'encrypt protocols=>=TLSv1.3',
	pfs => "encrypt exclude=$suites", encr => 'encrypt ciphers=high',
	verify => 'secure match=a protocols=>=TLSv1.1 exclude=SHA1:SHA256:SHA384:MD5:aNULL'],
    ['1.2', 'RC4', ver12 => 'encrypt protocols=>=TLSv1.2', ver13 => 'encrypt protocols=>=TLSv1.3',
	pfs => "encrypt exclude=$suites:RC4", encr => 'encrypt ciphers=high',
	verify => 'secure match=a protocols=>=TLSv1.2 exclude=SHA1:SHA256:SHA384:MD5:aNULL:RC4'],
    ['1.3', 'RC4, 3DES aDSS', ver12 => 'encrypt protocols=>=TLSv1.3', ver13 => 'encrypt protocols=>=TLSv1.3',
	pfs => "encrypt exclude=$suites:RC4:3DES:aDSS", encr => 'encrypt ciphers=high',
	verify => 'secure match=a protocols=>=TLSv1.3 exclude=SHA1:SHA256:SHA384:MD5:aNULL:RC4:3DES:aDSS']) {
	my ($version, $exclude, %told) = @$_;
	configure('outbound-version' => $version, 'outbound-exclude' => $exclude);
	is(ask("$_.limit.test"), "OK $told{$_}", "from TLS $version on, without \"$exclude\": $_")
	    for sort keys %told;
}

# The names of VERIFY, as far as main.cf has them, whatever the level.
$daemon->rules(<<'END');
TLS_Rcpt:name.test VERIFY
TLS_Rcpt:pin.test VERIFY+CN:mx.pin.test
TLS_Rcpt:dane.test DANE
END
for my $row (Tlspolicy::Tree::rows('outbound-match')) {
	my (undef, $match, $told) = @$row;
	my $names = $told =~ /both/ ? 'nexthop:dot-nexthop' : $told =~ /secure, (\S+)/ ? $1 : undef;
	for my $site (qw(may secure verify)) {
		configure('outbound-match' => $match, 'outbound-default' => $site);
		my $name = "outbound-match = $match, $site";
		$names ? is(ask('name.test'), "OK secure match=$names", "$name: VERIFY")
		    : like(ask('name.test'), qr/^TEMP .*VERIFY beside outbound-match/, "$name: VERIFY");
		is(ask('pin.test'), 'OK secure match=mx.pin.test', "$name: a pinned name");
		is(ask('dane.test'), 'OK dane-only', "$name: DANE");
	}
}
configure('outbound-match' => 'none', 'outbound-default' => 'may', inexpressible => 'weaken');
is(ask('name.test'), 'OK secure match=nexthop:dot-nexthop', 'weakened');
configure('outbound-default' => 'may');

my %seen = map { ($_->{map} eq 'access' ? "$_->{map} " : '') . $_->{query} =>
    $_ } grep { $_->{event} eq 'outbound' } $daemon->audit;
is($seen{'two.test'}{result}, 'exception', 'recorded as an exception');
is($seen{"access $_"}{result}, 'exception', "$_, too")
    for 'tls_rcpt:two.test', 'try_tls:two.test';
is($seen{'both.test'}{result}, 'told', 'not when another rule demands');
is($seen{'sub.up.test'}{result}, 'warned', 'WARN alone');
is($seen{'sub.up.test'}{warned}, 'encrypt', 'what it would have said');
is($seen{'sub.up.test'}{answer}, '', 'and did not');
is($seen{'warned.test'}{warned}, 'secure match=nexthop:dot-nexthop',
    'WARN beside another');
is(join(' ', map { $_->{requirement} } @{$seen{'warned.test'}{rules}}),
    'ENCR:1 WARN+VERIFY', 'both are named');
is($seen{'access tls_rcpt:sub.up.test'}{warned}, 'TEMP+ENCR:1',
    'sendmail: what WARN would have said');
my $r = $daemon->tlspolicy('audit', 'show', '--domain', 'warned.test',
    "$daemon->{dir}/audit.log");
like($r->{out}, qr/ outbound told .*warned=secure match=\S+ answer=encrypt$/m,
    'audit show');
done_testing;
