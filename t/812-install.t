#!/usr/bin/perl
#
# `make install' puts things where it is told, in words too; `make uninstall'
# leaves nothing.

use strict;
use warnings;
use File::Find ();
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Tree;

my $build = Tlspolicy::Scratch::builddir();
plan skip_all => "no makefile in $build" unless -e "$build/Makefile";
my $scratch = Tlspolicy::Scratch->new;
delete @ENV{qw(MAKEFLAGS MAKELEVEL MFLAGS MAKEOVERRIDES DESTDIR)};

sub make
{
	my ($to, @args) = @_;
	my $r = Tlspolicy::Scratch::run({ timeout => 300 }, 'make', '-C',
	    $build, '-s', 'DESTDIR=' . $scratch->path($to), @args);
	is($r->{status}, 0, "make @args") or diag $r->{err};
}

# Files and links below a folder, their names from there.
sub below
{
	my ($to) = @_;
	my @files;
	File::Find::find({ no_chdir => 1, wanted => sub {
		push @files, substr $_, length $scratch->path($to)
		    if -l || !-d _;
	} }, $scratch->path($to));
	return sort @files;
}

my @dirs = qw(prefix=/opt/tp sysconfdir=/opt/etc localstatedir=/opt/state);
make('there', 'install', @dirs);
my @there = below('there');
cmp_ok(scalar @there, '>', 25, 'files were installed');
is_deeply([grep { !m{^/opt/tp/} } @there], [], 'each is below the prefix');
my @named;
for my $file (grep { !m{/s?bin/tlspolicy(?:-milter)?$} } @there) {
	my $text = Tlspolicy::Scratch::slurp($scratch->path('there') . $file);
	push @named, "$file: $_" for
	    $text =~ m{(?<![\w/])(/etc/tlspolicy|/var/l(?:ib|og)/tlspolicy)}g;
}
is_deeply(\@named, [], 'none names the folders of another build');
my $unit = Tlspolicy::Scratch::slurp($scratch->path('there')
    . '/opt/tp/share/doc/tlspolicy/examples/tlspolicy-milter.service');
like($unit, qr{^ExecStart=/opt/tp/sbin/tlspolicy-milter$}m,
    'the unit starts this program');
like($unit, qr{^ReadWritePaths=/opt/state/lib/tlspolicy$}m,
    'and lets it write there');
like(Tlspolicy::Scratch::slurp($scratch->path('there')
    . '/opt/tp/sbin/tlspolicy-ca'), qr{^dir=/opt/etc/tlspolicy/ca$}m,
    'so does the CA');
make('there', 'uninstall', @dirs);
is_deeply([below('there')], [], 'uninstall leaves no file');
ok(!-e $scratch->path('there') . '/opt/tp/share/doc/tlspolicy',
    'nor its folder of documents');

# The programs have their folders from the makefile only.
my @literal = grep { Tlspolicy::Tree::code($_) =~
    m{"(?:unix:)?/(?:etc|var/lib|var/log)/tlspolicy} }
    Tlspolicy::Tree::files(qr{^(?:policy|milter)/.*\.[ch]$});
is_deeply(\@literal, [], 'no program names a folder by itself');

done_testing;
