#!/usr/bin/perl
#
# From fields put together by chance, read by the daemon's reader and by another
# one: RFC 5322's grammar, section 4 included, written down here as it stands
# there.  Where that holds both find the same mailboxes; where it does not there
# is a flaw, or each @ that is in no quotes and no comment counts.
# TLSPOLICY_FIELDS of them, TLSPOLICY_SEED.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Scratch;

my $reader = Tlspolicy::Scratch::builddir() . '/t/from-fields';
plan skip_all => "$reader is not built" unless -x $reader;
my $seed = $ENV{TLSPOLICY_SEED} // 16;
my $number = $ENV{TLSPOLICY_FIELDS} // 20000;
note "TLSPOLICY_SEED=$seed";
srand $seed;

# --- the other reader -------------------------------------------------------

my $grammar = qr{(?(DEFINE)
    (?<comment>	\( (?: [^()\\]++ | \\. | (?&comment) )*+ \) )
    (?<cfws>	(?: [ \t\r\n]++ | (?&comment) )*+ )
    (?<atext>	[^\x00-\x20\x7f()<>\[\]:;\@\\,."] )
    (?<atom>	(?&cfws) (?&atext)++ (?&cfws) )
    (?<quoted>	(?&cfws) " (?: [^"\\]++ | \\. )*+ " (?&cfws) )
    (?<word>	(?&atom) | (?&quoted) )
    (?<phrase>	(?&word) (?: (?&word) | \. (?&cfws) )*+ )
    (?<local>	(?&word) (?: \. (?&word) )*+ )
    (?<literal>	(?&cfws) \[ (?: [^\[\]\\]++ | \\. )*+ \] (?&cfws) )
    (?<domain>	(?&atom) (?: \. (?&atom) )*+ | (?&literal) )
    (?<spec>	(?&local) \@ (?&domain) )
    (?<route>	(?: (?&cfws) , )*+ (?&cfws) \@ (?&domain)
		(?: , (?&cfws) (?: \@ (?&domain) )? )*+ : )
    (?<end>	(?&cfws) \z )
    )}xs;

# An address without what does not count in it.
sub plain
{
	my ($spec) = @_;
	my $out = '';
	while ($spec =~ /\G(?:((?&quoted))|((?&literal))|
	    ((?:[ \t\r\n]|(?&comment))++)|(.))
	    $grammar/gxs) {
		my $token = $1 // $2;
		if (defined $token) {
			$token =~ s/\A(?&cfws)$grammar//s;
			$token =~ s/(["\]])(?&cfws)\z$grammar/$1/s
			    if $token !~ /["\]]\z/;
			$token =~ s/[\r\n]//g;
		}
		$out .= $token // $4 // '';
	}
	return $out;
}

# The mailboxes, or nothing: not in the grammar.
sub mailboxes
{
	my ($field) = @_;
	my ($group, $some, @found) = (0, 0);
	return if !utf8::decode(my $text = $field) || $field =~ /\r(?!\n)/;
	pos($field) = 0;
	until ($field =~ /\G(?&end)$grammar/gc) {
		if ($field =~ /\G(?&cfws),$grammar/gc) {
			$some = 0;
		} elsif ($group && $field =~ /\G(?&cfws);(?&cfws)$grammar/gc) {
			($group, $some) = (0, 1);
		} elsif ($some) {
			return;
		} elsif ($field =~ /\G(?&phrase)?(?&cfws)<(?&route)?((?&spec))
		    >(?&cfws)$grammar/gcx || $field =~
		    /\G((?&spec))(?=[,;]|\z)$grammar/gcx) {
			push @found, plain($1);
			$some = 1;
		} elsif (!$group && $field =~ /\G(?&phrase):$grammar/gc) {
			$group = 1;
		} else {
			return;
		}
	}
	return $group ? () : @found;
}

# Domains behind each @ that nothing hides.
sub in_sight
{
	my ($field) = @_;
	my ($rest, @domains) = ('');
	while ($field =~ /\G(?:(?&comment)|("(?:[^"\\]|\\.)*+")|(.))$grammar/gs) {
		$rest .= defined $1 ? 'Q' : $2 // ' ';
	}
	$rest =~ s/<[\s,]*\@(?:\[[^\]]*\]|[^<>:"\[])*:/</g; # the way
	push @domains, $1 while $rest =~ /\@\s*([a-z0-9.]*[a-z0-9])/g;
	return @domains;
}

# --- fields -----------------------------------------------------------------

sub one { return $_[rand @_] }

sub blank
{
	return '' if rand() < 0.7;
	return one(' ', "\t", '  ', "\r\n ", "\n\t", '(c)', ' (a (b) c) ',
	    '(\\))', '(ceo@bank.test)', "(\n <x\@evil.test>)", '("', ' ') =~
	    s/\A\("\z/(")/r;
}

sub atom
{
	my $n = int rand 40;
	return one('!#$', qw(a b joe ceo bank x-y 1 + {} J%x ö ~)) . ($n == 0 ?
	    one("'s", '=') : '');
}

sub quoted
{
	return '"' . join('', map { one('a', 'b c', '@', '<x@y.test>', '\\"', '\\\\',
	    ', ', ';', '(', ')', "\r\n ", 'ö', '.') } 1 .. rand 4) . '"';
}

sub word { return blank() . (rand() < 0.75 ? atom() : quoted()) . blank() }
sub local { return join '.', map { word() } 1 .. one(1, 1, 1, 2, 3) }

sub domain
{
	return blank() . one('[192.0.2.1]', '[IPv6:2001:db8::1]', '[a\\]b]')
	    . blank() if rand() < 0.1;
	return join '.', map { blank() . one(qw(bank test evil x y1 co-op)) . blank() }
	    1 .. one(1, 2, 2, 3);
}

sub spec { return main::local() . '@' . domain() }

sub phrase
{
	return word() . join '', map { rand() < 0.2 ? '.' . blank() : ' ' . word() }
	    1 .. rand 3;
}

sub mailbox
{
	return spec() if rand() < 0.4;
	my $route = rand() < 0.15 ? one('', ',', ' ,(c),') . '@' . domain()
	    . one('', ',', ',@' . domain()) . ':' : '';
	return (rand() < 0.7 ? phrase() : '') . blank() . "<$route" . spec() . '>'
	    . blank();
}

sub group
{
	return phrase() . ':' . join(',', map { rand() < 0.1 ? blank() :
	    mailbox() } 1 .. rand 4) . ';' . blank();
}

sub field
{
	return join ',', map { my $n = rand; $n < 0.1 ? blank() : $n < 0.25 ?
	    group() : mailbox() } 1 .. one(1, 1, 1, 2, 3);
}

# One character more, less, or another, a few times.
sub harmed
{
	my ($field) = @_;
	for (1 .. 1 + rand 3) {
		my $at = int rand 1 + length $field;
		my $c = one(qw{< > ( ) " @ . : ; [ ] \\}, ',', ' ', 'a', "\r\n ");
		my $n = int rand 3;
		substr($field, $at, $n == 2 ? 0 : 1) = $n == 0 ? '' : $c
		    if $at < length $field || $n == 2;
	}
	return $field;
}

sub soup
{
	return join '', map { one(qw{< > ( ) " @ @ . : ; [ ] \\ a bank.test joe},
	    ',', ' ', 'ceo@bank.test', '"a b"', '(c)', "\n ", '<x@y.test>') }
	    1 .. 1 + rand 12;
}

# Several fields are one text, and an encoded word is no atom: not here.
sub is_one { return $_[0] !~ /\n(?![ \t])|=\?/ && length $_[0] }

my @fields;
while (@fields < $number) {
	my $n = @fields % 4;
	my $field = $n < 2 ? field() : $n == 2 ? harmed(field()) : soup();
	$field =~ s/\A[ \t\r\n]+|[ \t\r\n]+\z//g; # as the MTA's are
	push @fields, $field if is_one($field);
}

# --- both readers -----------------------------------------------------------

my $scratch = Tlspolicy::Scratch->new;
my $input = $scratch->write('fields', join '', map { "$_\0" } @fields);
my $read = `'$reader' <'$input'`;
is($?, 0, 'the fields are read');
my @read = split /\0/, $read;
is(scalar @read, scalar @fields, 'all of them');

sub unique { my %seen; return grep { !$seen{$_}++ } @_ }

my (%n, @wrong);
for my $i (0 .. $#read) {
	my ($ours, $flaw) = $read[$i] =~ /\A(.*)=(.*)\z/s or die;
	my @ours = split /\n/, $ours;
	my @theirs = unique(mailboxes($fields[$i]));
	my $good;
	if (@theirs) {
		$n{grammar}++;
		$good = $flaw eq '' && "@ours" eq "@theirs";
	} else {
		my $domains = join "\n", '', map { /.*\@(.*)/s ? lc $1 : '' } @ours;
		$n{$flaw eq '' ? 'lenient' : 'flaw'}++;
		$good = !grep { index("$domains\n", "\n" . lc($_)) < 0 }
		    in_sight($fields[$i]);
	}
	push @wrong, ($fields[$i] =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ger)
	    . "\n  ours: " . join(' | ', @ours) . " $flaw\n  RFC 5322: "
	    . join(' | ', @theirs) if !$good;
}
is(scalar @wrong, 0, 'both readers agree') or
    diag(join "\n", splice @wrong, 0, 10);
note join ' ', map { "$_: $n{$_}" } sort keys %n;
cmp_ok($n{grammar}, '>', @fields * 0.45, 'fields of the grammar');
cmp_ok($n{flaw}, '>', @fields * 0.2, 'fields with a flaw');
done_testing;
