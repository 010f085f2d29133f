#!/usr/bin/perl
#
# Whole tables of smtp_tls_policy_maps, put together by chance from nested
# domains, to rules and back: each next hop gets the policy that Postfix would
# have found.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Nexthop;
use Tlspolicy::Talk;

my $tables = $ENV{TLSPOLICY_TABLES} // 150;
my $fp = join ':', ('AB') x 32;
my @names = qw(example a.example b.a.example c.b.a.example d.c.b.a.example
    test a.test b.a.test);
my @levels = ('none', 'none', 'may', 'encrypt', 'encrypt ciphers=high',
    'encrypt protocols=>=TLSv1.2', 'dane', 'dane-only', 'secure',
    'secure match=mx1.cloud.example:.cloud.example', 'secure match=nexthop',
    'verify', "fingerprint match=$fp");
# For none the daemon says may, which demands nothing either.
my @site = qw(may encrypt dane dane-only secure);
my @hops = (@names, map { ("x.$_", "y.x.$_") } @names);
my %keys = map { $_ => 1 } map { Tlspolicy::Nexthop::keys_of($_) } @hops;

my $path = scratch()->path('map.sock');
my $daemon = daemon('', settings => { 'outbound-servername' => 'none', socketmap => "unix:$path",
    'socketmap-mode' => '0600' });
my $map = Tlspolicy::Nexthop->connect($path);
my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
my $conf = scratch()->path('site');
mkdir $conf;

sub one_of { return $_[rand @_] }

# Names of the next hops that are told otherwise.
sub differing {
	my ($site, %table) = @_;
	scratch()->write('site/main.cf', "smtp_tls_security_level = $site\n" .
	    "smtp_tls_policy_maps = texthash:\$config_directory/table\n");
	scratch()->write('site/table', join '', map { "$_\t$table{$_}\n" }
	    sort keys %table);
	my $r = Tlspolicy::Scratch::run($tlspolicy, 'import', '--config',
	    $conf, 'postfix');
	return "import: $r->{status}\n$r->{err}" if $r->{status};
	my $built = $daemon->rules($r->{out});
	return "build: $built->{err}" if $built->{status};
	my %told = map { my $said = $map->ask($_);
	    $said =~ /^NOTFOUND/ ? () : ($_ => $said =~ s/^OK //r) }
	    keys %keys;
	my @differ = map {
		my $want = Tlspolicy::Nexthop::policy_of($_, $site, \%table);
		my $got = Tlspolicy::Nexthop::policy_of($_, $site, \%told);
		$want eq $got ? () : "$_: Postfix $want, rules $got";
	} @hops;
	return @differ ? join("\n", @differ, $r->{out}) : '';
}

# none below another level, another level below none, and names below both.
my @nested = (['dane', 'a.example' => 'none'],
    ['may', '.example' => 'none', 'a.example' => 'encrypt'],
    ['may', '.example' => 'encrypt', 'a.example' => 'none'],
    ['encrypt', '.example' => 'none', '.a.example' => 'secure',
	'b.a.example' => 'none'],
    ['may', '.example' => 'dane-only', '.a.example' => 'none',
	'b.a.example' => 'encrypt', '.b.a.example' => 'may']);
is(differing(@$_), '', "nested: @$_") for @nested;

my $seed = $ENV{TLSPOLICY_SEED} // 7;
srand $seed;
for my $n (1 .. $tables) {
	my %table;
	for (1 .. 2 + int rand 7) {
		# A name that a dotted key has is not its own.
		my $key = one_of('', '.') . one_of(@names);
		my $level = one_of(@levels);
		# Which of the names below has no word in a rule.
		$level = 'secure' if $key =~ /^\./ && $level =~ /nexthop/;
		$table{$key} = $level;
	}
	my $site = one_of(@site);
	my $differ = differing($site, %table);
	next if $differ eq '';
	fail("table $n of seed $seed: the same policy");
	diag("site $site\n", (map { "$_\t$table{$_}\n" } sort keys %table),
	    $differ);
	last;
}
pass("$tables tables");
done_testing;
