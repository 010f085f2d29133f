#!/usr/bin/perl
# Each socket of the daemon has the mode and the group of its own settings, and
# the metrics are served by IPv6, too.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HTTP::Tiny;
use IO::Socket::IP;
use Socket qw(SOCK_STREAM);
use Test::More;
use Tlspolicy::Talk;

my %socket = (socket => '0606', socketmap => '0646', 'facts-socket' => '0624',
    'tlsrpt-socket' => '0622');
my %path = map { $_ => scratch()->path("$_.sock") } keys %socket;
# Root may give a socket to any group, somebody else to a group of their own.
my ($own, @groups) = split ' ', $);
my @group = $> == 0 ? 1 .. 4 : ($groups[-1] // $own) x 4;
my %group = map { $_ => shift @group } sort keys %socket;
my $v6 = IO::Socket::IP->new(LocalHost => '::1', Listen => 1,
    Type => SOCK_STREAM);
my $port = $v6 ? $v6->sockport : Tlspolicy::Scratch::free_port();
close $v6 if $v6;
my $daemon = daemon("TLS_Clt: ENCR:112\n", settings => {
    metrics => $v6 ? "inet6:$port\@::1" : "inet:$port\@127.0.0.1",
    map { ("$_-mode" => $socket{$_}, "$_-group" => $group{$_},
	$_ eq 'socket' ? () : ($_ => "unix:$path{$_}")) } keys %socket });
$path{socket} = $daemon->socket =~ s/^unix://r;

for (sort keys %socket) {
	my @stat;
	Tlspolicy::Scratch::wait_for(60, sub { @stat = stat $path{$_};
	    @stat && sprintf('%04o', $stat[2] & 07777) eq $socket{$_} &&
	    $stat[5] == $group{$_} });
	is(sprintf('%04o', ($stat[2] // 0) & 07777), $socket{$_}, "$_: mode");
	is($stat[5], $group{$_}, "$_: group");
}
SKIP: {
	skip('no IPv6 here', 2) unless $v6;
	my $url = "http://[::1]:$port";
	my $page;
	Tlspolicy::Scratch::wait_for(60, sub {
		($page = HTTP::Tiny->new->get("$url/metrics"))->{status} == 200 });
	like($page->{content}, qr/^tlspolicy_store_up 1$/m, 'metrics by IPv6');
	is(HTTP::Tiny->new->get("$url/healthz")->{status}, 200,
	    '/healthz by IPv6');
}
is($daemon->stop, 0, 'the daemon stops');
ok(!-e $path{$_}, "$_: removed at the end") for sort keys %socket;
done_testing;
