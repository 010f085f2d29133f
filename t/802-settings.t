#!/usr/bin/perl
#
# tlspolicy.conf(5) and the example have what `tlspolicy settings` has.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP;
use Test::More;
use Tlspolicy::Tree;

my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
plan skip_all => "$tlspolicy is not built" unless -x $tlspolicy;

sub tlspolicy {
	my $r = Tlspolicy::Scratch::run($tlspolicy, @_);
	is($r->{status}, 0, "tlspolicy @_") or diag $r->{err};
	return $r->{out};
}

my $settings = decode_json(tlspolicy('settings', '--json', '-c', '/dev/null'));

# The table's order, which JSON objects do not keep.
my @names = tlspolicy('settings', '-c', '/dev/null') =~ /^([\w-]+) =/mg;
is(scalar @names, scalar keys %$settings, 'both forms have all settings');

my (%paragraph, @documented);
for my $item (split /^(?=\.It Ic )/m,
    Tlspolicy::Tree::text('man/tlspolicy.conf.5') =~ s/^\.Sh FILES.*//msr) {
	my ($name, $value) = $item =~ /^\.It Ic ([\w-]+) = (.*)\n/ or next;
	push @documented, $name;
	$paragraph{$name} = { text => $item =~ s/^\.(?:El|S[hs]).*//msr,
		value => $value };
}
is_deeply(\@documented, \@names, 'the manual has all settings, in order');

for my $name (@names) {
	my $s = $settings->{$name};
	my $p = $paragraph{$name} or next;
	my ($default) = $p->{text} =~ /^Default:\n\.Li (.*) \.$/m;
	$default = '' if $p->{text} =~ /^Default: empty[,.]/m;
	is($default, $s->{default}, "$name: default");
	is($p->{text} =~ /^Restart\.$/m ? 0 : 1, $s->{reloadable} ? 1 : 0,
	    "$name: whether it needs a restart");
}

# The words of an enumeration, from its own description.
my $verbose = tlspolicy('settings', '-v', '-c', '/dev/null');
while ($verbose =~ /^# ([\w]+(?: \| \w+)+); default.*\n([\w-]+) =/mg) {
	is($paragraph{$2}{value}, "Cm $1", "$2: words");
}

my $example = Tlspolicy::Tree::text('scripts/tlspolicy.conf.example');
my @in_example = $example =~ /^#?([\w-]+) =/mg;
is_deeply(\@in_example, \@names, 'the example has all settings, in order');
is($example =~ s/\A(?:#.*\n)+\n//r =~ s/^#([\w-]+ =)/$1/mgr, $verbose,
    'it is what `tlspolicy settings -v` prints');
is(tlspolicy('settings', '-c', Tlspolicy::Scratch::topdir() .
    '/scripts/tlspolicy.conf.example'),
    tlspolicy('settings', '-c', '/dev/null'), 'and changes nothing');

my ($fields) = Tlspolicy::Tree::text('policy/conf/settings.h') =~
    /^struct settings \{\n(.*?)^\};/ms;
my $rows = Tlspolicy::Tree::code('policy/conf/settings.c');
my @fields = map { s/\[.*?\]//gr =~ /^\t(?:struct )?\w+ (.*);/ ? split /,\s*/, $1 :
    () } map { s{ */\*.*}{}r } grep { !m{/\* no setting: } } split /\n/, $fields;
is(scalar @fields, scalar @names, 'as many fields as settings');
for (@fields) {
	like($rows, qr/\bFIELD\($_\)|\bTEXT\("[\w-]+", \w+, $_,/,
	    "settings.$_: a row in settings.c");
}

done_testing;
