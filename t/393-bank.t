#!/usr/bin/perl
#
# The made-up bank of scripts/bank: it is what its README says, it builds, lint
# finds nothing, its claims hold, and each session in a comment comes out as it
# says there.  5xx and 6xx have the same sessions through the MTAs.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP qw(decode_json encode_json);
use POSIX ();
use Test::More;
use Time::Local qw(timegm);
use Tlspolicy::Bank;
use Tlspolicy::Fault;

my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
plan skip_all => "$tlspolicy is not built" unless -x $tlspolicy;
my $scratch = Tlspolicy::Scratch->new;
my $dir = Tlspolicy::Bank::folder();
my $bank = "$dir/..";
# Its settings, for files that are here.
my $conf = $scratch->write('conf', Tlspolicy::Scratch::slurp(
    "$bank/tlspolicy.conf") =~ s{/etc/tlspolicy/rules\.d}{$dir}gr .
    'store = ' . $scratch->path('policy.mdb') . "\n");

sub run_it {
	my $opt = ref $_[0] ? shift : {};
	my ($command, @args) = @_;
	return Tlspolicy::Scratch::run({ timeout => 300, %$opt }, $tlspolicy,
	    $command, '-c', $conf, @args);
}

# --- what it consists of ----------------------------------------------------

my @rules = Tlspolicy::Bank::rules();
my (%partner, %profile, @exceptions);
for (@rules) {
	my ($file, $key, $requirement) = @$_;
	$profile{$1} = 1 if $key =~ /^Profile:(.*)/;
	push @exceptions, $_ if $requirement =~ /UNTIL:/ &&
	    $requirement =~ /BY:\w+\.\w+,CHG-\d+/;
	$partner{$1} = 1 if $key =~ /^TLS_From:([^@]+)$/ &&
	    $key !~ /ourbank\.example$/;
}
is(scalar keys %partner, 300, 'partners');
is(scalar keys %profile, 12, 'profiles');
is(scalar @exceptions, 40, 'exceptions with an owner and an end');
is_deeply([grep { $_->[0] =~ /exceptions/ && $_->[2] !~ /BY:.*CHG/ } @rules],
    [], 'and there are no others');
my $names = join "\n", map { Tlspolicy::Scratch::slurp($_) }
    glob("$dir/*"), "$bank/README", "$bank/tlspolicy.conf";
is_deeply([grep { !/\.example$|^(?:[\w-]+\.(?:rules|claims|conf|sock)|rules\.d)$/ }
    $names =~ s/BY:\w+\.\w+,CHG//gr =~ /\b((?:[\w-]+\.)+[a-z]+)\b/g], [],
    'names are of example');
is_deeply([grep { !/^(?:192\.0\.2|198\.51\.100|203\.0\.113)\./ }
    $names =~ /\b(\d+\.\d+\.\d+\.\d+)\b/g], [],
    'addresses are those of documentation');

# --- built, linted, proved --------------------------------------------------

my $r = run_it('build');
is($r->{status}, 0, 'it builds, and its claims are kept') or diag($r->{err});
like($r->{err} . $r->{out}, qr/generation 1, \d+ rules/, 'and is in force');
is(join('', map { my $r = run_it('lint', '--mta', $_, '--at', '2027-01-15');
    "$_: $r->{status} $r->{out}$r->{err}" } qw(sendmail postfix)),
    'sendmail: 0 postfix: 0 ', 'lint finds nothing, for either MTA');
my $due = run_it('lint', '--at', '2027-03-01');
is($due->{status}, 1, 'lint --at: something is due');
is_deeply([grep { !/expires at the end of 2027-03-31/ }
    $due->{out} =~ /^    dates: (.*)$/mg], [], 'and it is what ends in March');
my $march = grep { $_->[2] =~ /UNTIL:2027-03-31/ } @rules;
is(scalar(() = $due->{out} =~ /^    dates:/mg), $march, 'all of that');

my $proved = run_it('prove', '-f', $dir, '--json');
is($proved->{status}, 0, 'its claims hold') or diag($proved->{out});
my $claims = decode_json($proved->{out})->{claims};
cmp_ok(scalar @$claims, '>=', 25, 'claims: ' . @$claims);

# Claims for each of the 300, by what its line says it is.
my %never = (bank => 'in clear', association => 'in clear',
    'association-2027' => 'in clear', insurer => 'in clear',
    payments => 'in clear', mailer => 'in clear', pinned => 'in clear',
    supplier => 'in clear', authority => 'in clear');
my @each;
for (@rules) {
	my ($domain, $profile) = map { @$_ } [$_->[1] =~ /^TLS_From:(.*\.example)$/,
	    $_->[2] =~ /^AS:([\w-]+)/];
	next unless $domain && $profile && $never{$profile} &&
	    $_->[2] !~ /UNTIL/;
	push @each, "from $domain not exempt in clear since 2028-01-01 is "
	    . "never accepted\n";
}
cmp_ok(scalar @each, '>=', 250, 'partners with a demand: ' . @each);
$r = run_it('prove', '-f', $scratch->write('each.claims', join '', @each));
is($r->{status}, 0, 'each of them, in clear, is never accepted') or
    diag(grep { !/: holds: / } map { "$_\n" } split /\n/, $r->{out});

# Its dates do not rot: the same three years later.
SKIP: {
	my $why = Tlspolicy::Fault::missing('clock');
	skip $why, 3 if $why;
	my $clock = Tlspolicy::Fault::Clock->new($scratch);
	$clock->ahead(timegm(0, 0, 12, 1, 5, 2030) - time);
	my %later = (env => $clock->env);
	$r = run_it(\%later, 'build', '-n');
	is($r->{status}, 0, 'in 2030 it builds') or diag($r->{err});
	$r = run_it(\%later, 'prove', '-f', $dir);
	is($r->{status}, 0, 'and its claims hold') or diag($r->{out});
	$r = run_it(\%later, 'lint');
	is(scalar(() = $r->{out} =~ /expired at the end of/g),
	    scalar(grep { $_->[2] =~ /UNTIL:/ } @rules),
	    'and lint tells that all exceptions are over');
}

# --- its sessions -----------------------------------------------------------

my @sessions = Tlspolicy::Bank::sessions();
cmp_ok(scalar @sessions, '>=', 50, 'sessions: ' . @sessions);
for my $mta (qw(sendmail postfix)) {
	for my $s (@sessions) {
		my $m = Tlspolicy::Bank::macros($mta, $s);
		my @args = ('--at', $s->{day}, map { "$_=$m->{$_}" } sort keys %$m);
		my $r = run_it('check', @args);
		my ($line) = split /\n/, $r->{out};
		is(Tlspolicy::Bank::answer($line // $r->{err}), $s->{want},
		    "$mta: $s->{title}") or diag($r->{out}, $r->{err});
	}
}
my %wants = map { $_->{want} => 1 } @sessions;
ok($wants{$_}, "some session: $_") for 'accept', 'hold', '451 4.7.1',
    '451 4.7.10', '550 5.7.1', '550 5.7.10', '550 5.7.11', '554 5.7.1',
    '554 5.7.10';

# --- what Postfix is told ---------------------------------------------------

SKIP: {
skip 'Postfix is not installed', 6
    if system('command -v postconf >/dev/null 2>&1') != 0;
my $postfix = $scratch->path('postfix');
mkdir $postfix;
$scratch->write('postfix/main.cf', "compatibility_level = 3.6\n" .
    'smtp_tls_policy_maps = socketmap:unix:/var/spool/postfix/tlspolicy/' .
    "map.sock:tlspolicy\n");
$scratch->write('postfix/master.cf', "smtp unix - - n - - smtp\n");
my $told = 0;
while ($names =~ /^# Postfix is told for (\S+): (.*)$/mg) {
	my ($domain, $want) = ($1, $2);
	my $r = run_it('outbound', '--json', '--postfix', $postfix, $domain);
	my $hop = (eval { decode_json($r->{out}) } // {})->{next_hops}[0];
	is($hop->{asked}[0]{answer}, "OK $want", "Postfix is told for $domain")
	    or diag($r->{out}, $r->{err});
	$told++;
}
cmp_ok($told, '>=', 5, "told: $told");
}
done_testing;
