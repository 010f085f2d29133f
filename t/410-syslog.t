#!/usr/bin/perl
# tlspolicy-milter -s: messages go to syslog(3), facility mail, and not to
# standard error.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Fault;
use Tlspolicy::Talk;

my $missing = Tlspolicy::Daemon::missing() // Tlspolicy::Fault::missing('syslog');
plan skip_all => $missing if $missing;
my $log = scratch()->write('syslog', '');
my $daemon = Tlspolicy::Daemon->new(scratch => scratch(),
    rules => "TLS_Clt: ENCR:112\n");
my $pid = scratch()->spawn('stderr', { SYSLOG_FILE => $log,
    SYSLOG_NUMBERS => 1, LD_PRELOAD => Tlspolicy::Fault::library('syslog'),
    ASAN_OPTIONS => join(':', 'verify_asan_link_order=0',
	grep { defined } $ENV{ASAN_OPTIONS}) },
    Tlspolicy::Daemon::program('tlspolicy-milter'), '-s', '-c',
    $daemon->{conf});
my $lines = sub { Tlspolicy::Scratch::slurp($log) };
ok(Tlspolicy::Scratch::wait_for(60, sub { $lines->() =~ /listening/ }),
    'it says that it listens') or diag($lines->());
$daemon->configure(mode => 'nonsense');
kill 'HUP', $pid;
ok(Tlspolicy::Scratch::wait_for(60, sub {
	$lines->() =~ /the old settings stay in force/ }), 'an error is told');
is(Tlspolicy::Scratch::end_pid($pid), 0, 'it stops');
# Facility mail is 2 << 3: 16 to 23.
my @other = grep { !/^<(?:1[6-9]|2[0-3])>/ } split /\n/, $lines->();
is("@other", '', 'each line is of facility mail');
like($lines->(), qr/^<22>.* tlspolicy-milter\[\d+\]: .*listening/m,
    'an info is told as such');
like($lines->(), qr/^<19>.*setting mode: /m, 'and an error as such');
is(scratch()->read('stderr'), '', 'nothing goes to standard error');
done_testing;
