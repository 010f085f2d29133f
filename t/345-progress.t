#!/usr/bin/perl
#
# Long work shows how far it is: on a terminal, after a second, in a line that
# is wiped when it ends or fails; never in a file or a pipe.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IPC::Open3 qw(open3);
use POSIX ();
use Test::More;
use Tlspolicy::Scratch;

my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
plan skip_all => "$tlspolicy is not built" unless -x $tlspolicy;
plan skip_all => 'no script (Debian: bsdutils)'
    unless grep { -x "$_/script" } split /:/, $ENV{PATH};

my $scratch = Tlspolicy::Scratch->new;
my $pipe = $scratch->path('pipe');
POSIX::mkfifo($pipe, 0600) or die "mkfifo: $!\n";
$SIG{ALRM} = sub { print "Bail out! nothing is shown\n"; exit 1 };

# What the terminal got of a command that reads the pipe: some of the input at
# once, the rest when the line of progress is there.
sub on_terminal
{
	my ($arguments, $first, $rest) = @_;
	my $got = '';
	my $pid = open3(my $in, my $out, undef, 'script', '-qec',
	    "$tlspolicy $arguments; echo status=\$?", '/dev/null');
	alarm 60;
	open my $writer, '>', $pipe or die "$pipe: $!\n";
	$writer->autoflush;
	print $writer $first;
	while ($got !~ /\r\d+ \w/ && sysread $out, my $bytes, 65536) {
		$got .= $bytes;
	}
	print $writer $rest;
	close $writer;
	while (sysread $out, my $bytes, 65536) {
		$got .= $bytes;
	}
	alarm 0;
	waitpid $pid, 0;
	return $got;
}

my $rules = join '', map { "TLS_Clt:h$_.example ENCR:112\n" } 1 .. 12_345;
my $store = $scratch->path('policy.mdb');
my $one = $scratch->write('one', $rules);
my $got = on_terminal("build -d $store $one $pipe", '', "TLS_Clt: OK\n");
like($got, qr/\r12345 rules read/, 'a number of several digits');
like($got, qr/\r\e\[K/, 'the line is wiped');
like($got, qr/\e\[K[^\e]*: generation 1, 12346 rules/s, 'before what is said');
like($got, qr/status=0\r?$/m, 'and all is well');

$got = on_terminal("build -d $store $pipe", '', "TLS_Clt: NONSENSE\n");
like($got, qr/\r0 rules read/, 'nothing yet');
like($got, qr/\r\e\[K\Q$pipe\E:1:/, 'wiped before the fault is told');
like($got, qr/status=65\r?$/m, 'which ends it');

# Into a pipe: nothing but what is meant.
my $r = Tlspolicy::Scratch::run($tlspolicy, 'build', '-d', $store,
    $scratch->write('rules', $rules));
unlike($r->{out} . $r->{err}, qr/[\r\e]/, 'none in a pipe');
done_testing;
