#!/usr/bin/perl
#
# Values of settings at the edge of what each takes, and what is said of others.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Scratch;

my $bin = Tlspolicy::Scratch::builddir() . '/tlspolicy';
plan skip_all => "$bin is not built" unless -x $bin;
my $scratch = Tlspolicy::Scratch->new;
sub settings { my ($text, @args) = @_; return Tlspolicy::Scratch::run($bin, 'settings', '-c', $scratch->write('conf', $text), @args) }
sub takes {
	my ($name, $value, $want) = @_;
	my $r = settings("$name = $value\n", $name);
	is($r->{out}, "$name = " . ($want // $value) =~ s/\s+$//r . "\n", "$name = " . substr $value, 0, 60) or diag $r->{err};
	is($r->{status}, 0, '... is taken');
}
sub refuses {
	my ($name, $value, $says) = @_;
	my $r = settings("$name = $value\n", $name);
	is($r->{status}, 78, "$name = " . substr($value, 0, 60) . ': is refused');
	like($r->{err}, $says // qr/setting \Q$name\E: /, '... and says why');
}
takes('privacy', 'off');
takes('privacy', 'days:30');
refuses('privacy', $_) for 'days:0', 'days:x', 'days:', '30', 'days:99999999', 'on';
takes('history', '400d');
takes('history', '1', '1d');
refuses('history', $_) for '0', '36501', 'd', '1h';
takes('directory', 'ldap://a.test ldaps://b.test  ldapi://%2frun%2fldapi');
refuses('directory', $_) for 'a.test', 'http://a.test', 'ldap://a.test x';
takes('directory-base', 'ou=rules,dc=x');
refuses('directory-base', "ou=x\x7f", qr/control character/);
refuses('exempt-clients', $_->[0], $_->[1]) for ['192.0.2.0/33', qr/no prefix length that fits its address/], ['192.0.2.1/24', qr/bits set to the right of its prefix/],
    ['mx.test', qr/is no network address or prefix/];
takes('exempt-clients', '192.0.2.0/24, 2001:db8::/32');
takes('watch-certificates', '/a, /b');
refuses('watch-certificates', $_->[0], $_->[1]) for ['/a /a', qr/stands there twice/], ['a', qr/watch-certificates/], [join("\n ", map { "/c$_" } 1 .. 99), qr/more than \d+ paths, or more than \d+ bytes of them/],
    ['/' . 'x' x 5000, qr/\S/];
# A list goes on in lines that begin with a blank.
is(settings("watch-certificates = /a\n  /b\n", 'watch-certificates')->{out}, "watch-certificates = /a, /b\n", 'two lines of one list');
like(settings("watch-certificates = /a\n\t/a\n", 'watch-certificates')->{err}, qr/stands there twice/, 'the same path in two lines');
like(settings("watch-certificates = /a\nwatch-certificates = /b\n", 'watch-certificates')->{err}, qr/given twice, first in line 1/, 'the setting twice');
# Lines of the file: blanks, comments, line ends, and what is no setting.
for (["# none\n; none\n\n \t\n", 0], ["mode = enforce", 0], ["mode = enforce\r\n", 0], ["mode=enforce\n", 0], [" mode\t=  enforce  \n", 0], ["mode\n", 78], ["= enforce\n", 78],
    ["mode = enforce\nmode = monitor\n", 78], ["mode = \x01enforce\n", 78], ["mode = enf\0orce\n", 78], ["mode = enforce\x7f\n", 78], ['mode = ' . 'x' x 100_000 . "\n", 78], ["mdoe = enforce\n", 78]) {
	my ($text, $status) = @$_;
	my $r = settings($text, 'mode');
	is($r->{status}, $status, 'lines: ' . (substr($text, 0, 40) =~ s/[^ -~]/?/gr)) or diag $r->{err};
	$status ? like($r->{err}, qr/^\S*conf:\d|setting |^tlspolicy: /m, '... says where') : is($r->{out}, "mode = enforce\n", '... taken');
}
takes('store', '/policy.mdb');
refuses('store', 'policy.mdb', qr/is not an absolute path without blanks/);
like(Tlspolicy::Scratch::run($bin, 'settings', '-c', $scratch->path('none'))->{err}, qr/none: No such file/, 'no file');
SKIP: {
	my ($default) = Tlspolicy::Scratch::run($bin, 'settings')->{err} =~ /there is no (\S+),/;
	skip 'this system has settings', 2 unless defined $default;
	my $r = Tlspolicy::Scratch::run($bin, 'settings', 'mode');
	is($r->{status}, 0, 'without a file the defaults');
	like($r->{err}, qr/^tlspolicy: there is no \S+tlspolicy\.conf, these are the /m, '... and that is said');
}
done_testing;
