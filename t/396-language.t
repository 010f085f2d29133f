#!/usr/bin/perl
#
# Each form of the language's second part by every command that knows rules: a
# table of a rule, a session that meets it and one that does not, for both MTAs;
# check, check --batch, check -v, lint, prove, diff, replay, report and suggest
# agree on it.  Live: 521, 621 (CLIENT, WHEN), 626 (FP, PKFP), 634 (DANE), 570
# and 670 (all of it in one policy).

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP qw(decode_json encode_json);
use Test::More;
use Tlspolicy::Sample;
use Tlspolicy::Scratch;

my $bin = Tlspolicy::Scratch::builddir();
plan skip_all => "$bin/t/sample-audit is not built"
    unless -x "$bin/t/sample-audit";
my $scratch = Tlspolicy::Scratch->new;
my ($a, $b) = map { join ':', ($_) x 32 } 'AA', 'BB';

# A session: cn, icn, fp, pkfp of its certificate, from, host; suite.
my %default = (host => 'mx.elsewhere.example', from => '203.0.113.9',
    version => 'TLSv1.3', suite => 'TLS_AES_256_GCM_SHA384', bits => 256);
my $wrong = '554 5.7.1';
my $unknown = '451 4.3.0';

# name, lines (the sender is %), meets, fails; what both get where that is not
# accept and $wrong: { mta => [meets, fails] }
my @rows = (
	['several CN', '% PERM+VERIFY+CN:gw1.%++CN:gw2.%', { cn => 'gw2.%' },
	    { cn => 'gw3.%' }],
	['CN:.name', '% PERM+VERIFY+CN:.%', { cn => 'a.b.%' }, { cn => '%' }],
	['several ICN', '% PERM+VERIFY+ICN:Old++ICN:New', { cn => 'x',
	    icn => 'New' }, { cn => 'x', icn => 'Other' }],
	['several CS', '% PERM+VERIFY+CS:/CN=a++CS:/CN=b', { cn => 'b' },
	    { cn => 'c' }, { postfix => [$unknown, $unknown] }],
	['several CI', '% PERM+VERIFY+CI:/CN=Old++CI:/CN=New', { cn => 'x',
	    icn => 'Old' }, { cn => 'x', icn => 'Other' },
	    { postfix => [$unknown, $unknown] }],
	['several CITag', '% PERM+VERIFY+CITag:OldCA++CITag:NewCA',
	    { cn => 'x', icn => 'New' }, { cn => 'x', icn => 'Other' },
	    { postfix => [$unknown, $unknown] }],
	['several FP', "% PERM+ENCR:1+FP:$a++FP:$b", { fp => $b },
	    { fp => join ':', ('CC') x 32 }],
	['several PKFP', "% PERM+ENCR:1+PKFP:$a++PKFP:$b", { pkfp => $a },
	    { pkfp => join ':', ('CC') x 32 },
	    { sendmail => [$unknown, $unknown] }],
	['several CLIENT', '% PERM+ENCR:1+CLIENT:192.0.2.0/24++CLIENT:.%',
	    { host => 'mx.%' }, {}, { map { $_ => ['accept', '550 5.7.1'] }
	    qw(sendmail postfix) }],
	['WHEN', '% ENCR:0+WHEN:192.0.2.1++WHEN:2001:db8::/32++BY:x',
	    '% PERM+VERIFY', { from => '192.0.2.1' }, { from => '192.0.2.2' }],
	['AS', '% AS:strong++CN:.%', { cn => 'mx.%' }, { cn => 'mx.other' }],
	['AS, WHEN and dates', '% ENCR:0+WHEN:192.0.2.1++UNTIL:2000-01-01',
	    '% AS:strong++ICN:New', { cn => 'x', icn => 'New' },
	    { from => '192.0.2.1' }],
	['AUTHENTICATED', '% PERM+ENCR:1+AUTHENTICATED', {}, { suite =>
	    'ADH-AES256-GCM-SHA384', version => 'TLSv1.2' },
	    { map { $_ => ['accept', '554 5.7.10'] } qw(sendmail postfix) }],
);

sub macros {
	my ($mta, $domain, $session) = @_;
	my %s = (%default, map { $_ => $session->{$_} =~ s/%/$domain/r }
	    keys %$session);
	my %m = (client_name => $s{host}, client_addr => $s{from},
	    daemon_name => 'MTA', daemon_port => 25, j => 'mx.here.example',
	    mail_addr => "<a\@$domain>", rcpt_addr => '<b@here.example>',
	    tls_version => $s{version}, cipher => $s{suite},
	    cipher_bits => $s{bits});
	if ($mta eq 'postfix') {
		@m{qw(v ccert_fingerprint ccert_pubkey_fingerprint)} =
		    ('Postfix 3.7.11', $s{fp} // '', $s{pkfp} // '');
		@m{qw(cert_subject cert_issuer)} = ($s{cn}, $s{icn} // 'Root')
		    if $s{cn};
		return \%m;
	}
	@m{qw(v client_resolve verify)} = ('8.17.1.9', 'OK',
	    $s{cn} ? 'OK' : 'NO');
	$m{cert_fp} = $s{fp} if $s{fp};
	@m{qw(cn_subject cert_subject cn_issuer cert_issuer)} = ($s{cn},
	    "/CN=$s{cn}", map { $_, "/CN=$_" } $s{icn} // 'Root') if $s{cn};
	return \%m;
}

# Two files of one folder: profiles behind the lines that name them.
mkdir $scratch->path('rules.d') or die;
my $n = 0;
my (@lines, @sessions, @claims);
for (@rows) {
	my ($name, @rest) = @$_;
	my $domain = 'r' . ++$n . '.example';
	while (!ref $rest[0]) {
		push @lines, 'TLS_From:' . (shift(@rest) =~ s/%/$domain/gr);
	}
	my ($meets, $fails, $other) = @rest;
	push @claims, "from $domain not exempt in clear is never accepted\n"
	    unless $name eq 'WHEN';
	for my $mta (qw(sendmail postfix)) {
		my $want = ($other // {})->{$mta} // ['accept', $wrong];
		push @sessions, map { { name => "$mta: $name, " .
		    ('met', 'not met')[$_], domain => $domain,
		    line => scalar @lines, want => $want->[$_],
		    macros => macros($mta, $domain, ($meets, $fails)[$_]) } }
		    0, 1;
	}
}
$scratch->write('rules.d/10.rules', join '', map { "$_\n" } @lines);
my $profile = "Profile:strong PERM+VERIFY:128+VER:1.2++PFS\n";
my $rest = "OldCA:/CN=Old OK\nNewCA:/CN=New OK\n" .
    "TLS_Rcpt:dane.example PERM+DANE\nTLS_Rcpt:may.example PERM+DANE:may\n";
$scratch->write('rules.d/20.rules', $profile . $rest);
my $dir = $scratch->path('rules.d');
my $store = $scratch->path('policy.mdb');

sub tlspolicy {
	my $opt = ref $_[0] ? shift : {};
	return Tlspolicy::Scratch::run({ timeout => 300, %$opt },
	    "$bin/tlspolicy", @_);
}
is(tlspolicy('build', '-d', $store, $dir)->{status}, 0, 'it builds');

# check, and check -v: the line is named, and the profile beside it.
sub said {
	my ($line) = @_;
	return $line =~ /^(?:tempfail|reject) (\d+ [\d.]+) / ? $1 :
	    $line =~ /^(\w+)/ ? $1 : $line;
}
for my $s (@sessions) {
	my @args = map { "$_=$s->{macros}{$_}" } sort keys %{$s->{macros}};
	my $r = tlspolicy('check', '-v', '-d', $store, @args);
	is(said($r->{out}), $s->{want}, $s->{name}) or diag($r->{out}, $r->{err});
	my ($rule) = $r->{out} =~ m{rule TLS_From:\Q$s->{domain}\E .*?10\.rules:(\d+)};
	ok(defined $rule && $rule <= $s->{line}, "$s->{name}: its line") or
	    diag($r->{out});
	like($r->{out}, qr{Profile:strong .*20\.rules:1}, "$s->{name}: both lines")
	    if $lines[($rule // 1) - 1] =~ /AS:/;
	$s->{verdict} = said($r->{out});
}

# check --batch says the same of each.
my $batch = tlspolicy({ in => $scratch->write('in', join '', map {
    encode_json($_->{macros}) . "\n" } @sessions) }, 'check', '-d', $store,
    '--batch');
is_deeply([map { my $v = decode_json($_); $v->{verdict} eq 'accept' ? 'accept' :
    "$v->{code} $v->{dsn}" } split /\n/, $batch->{out}],
    [map { $_->{verdict} } @sessions], 'check --batch: the same');

# Mail that leaves: DANE by check.
for (['dane.example', 'TRUSTED', 'accept'], ['dane.example', 'OK', $wrong],
    ['may.example', 'TRUSTED', 'accept'], ['may.example', 'DANE_FAIL', '']) {
	my ($domain, $verify, $want) = @$_;
	my $r = tlspolicy('check', '-d', $store, '-t', 'TLS_Rcpt',
	    "rcpt_addr=a\@$domain", 'server_name=mx.example',
	    'server_addr=192.0.2.1', "verify=$verify", 'cipher_bits=256',
	    'tls_version=TLSv1.3', 'cipher=TLS_AES_256_GCM_SHA384');
	$want eq '' ? unlike($r->{out}, qr/^accept/, "$domain, $verify") :
	    is(said($r->{out}), $want, "$domain, $verify") or diag($r->{out});
}

# lint: nothing, but what an MTA does not tell or cannot be told.
my $lint = tlspolicy('lint', $dir);
is($lint->{out} =~ s/^.*UNTIL:2000-01-01.*\n.*\n.*\n//mgr, '', 'lint');
for my $mta (qw(sendmail postfix)) {
	my @found = tlspolicy('lint', '--mta', $mta, $dir)->{out} =~
	    /^    ([\w-]+): /mg;
	is_deeply([grep { !/^(?:not-told|inexpressible|dates)$/ } @found], [],
	    "lint --mta $mta");
}

# prove: in clear nobody gets past them.
my $proved = tlspolicy('prove', '-r', $dir, '-f',
    $scratch->write('claims', join '', @claims));
is($proved->{status}, 0, 'prove: ' . @claims . ' claims') or
    diag($proved->{out});

# diff: whom a change of the profile touches.
$scratch->write('rules.d/20.rules', $profile =~ s/128/256/r . $rest);
my $diff = tlspolicy('diff', '-d', $store, $dir);
is(scalar(() = $diff->{out} =~ /^> TLS_From:r\d+\.example/mg), 2,
    'diff: both lines of the profile') or diag($diff->{out});
$scratch->write('rules.d/20.rules', $profile . $rest);

# replay: by these rules nothing is otherwise, without them those that failed
# pass.  report and suggest read the same log.
my $log = $scratch->path('audit.log');
my $in = $scratch->write('sessions', join '', map { Tlspolicy::Sample::line(
    Tlspolicy::Sample::time_of($_ / 100), $sessions[$_]{macros}) }
    0 .. $#sessions);
Tlspolicy::Scratch::must({ timeout => 60 }, 'sh', '-c',
    "'$bin/t/sample-audit' '$store' <'$in' >'$log'");
my $same = tlspolicy('replay', '-r', $dir, '--json', $log);
is($same->{status}, 0, 'replay: nothing newly refused') or diag($same->{out});
my $json = decode_json($same->{out});
is($json->{records}, scalar @sessions, 'replay: each record');
is_deeply([grep { $json->{$_} } qw(refused partly held warned allowed passed
    otherwise)], [], 'replay: nothing is otherwise') or diag($same->{out});
my $strict = $scratch->write('strict', join '', map {
    "TLS_From:r$_.example PERM+ENCR:256+PFS++CN:nobody\n" } 1 .. $n);
my $newly = tlspolicy('replay', '-r', $strict, $log);
is($newly->{status}, 1, 'replay: other rules refuse') or diag($newly->{out});
my $accepted = grep { $_->{want} eq 'accept' } @sessions;
like($newly->{out}, qr/^newly refused: $accepted$/m,
    'all that these accepted') or diag($newly->{out});
for my $command ('report', 'suggest') {
	my $r = tlspolicy($command, $log);
	is($r->{status}, 0, "$command reads it") or diag($r->{err});
}
done_testing;
