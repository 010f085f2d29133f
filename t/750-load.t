#!/usr/bin/perl
#
# The daemon under load, in both dialects, while policy and settings change and
# the socketmap and the metrics are asked: nothing breaks, and a sanitizer that
# it was built with has nothing to tell.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HTTP::Tiny;
use IO::Socket::UNIX;
use JSON::PP qw(decode_json);
use Test::More;
use Time::HiRes qw(sleep);
use Tlspolicy::Talk;
use Tlspolicy::Traffic;

my $seconds = $ENV{TLSPOLICY_LOAD} // 4;
my $rules = 3000;
my ($load, $mkrules) = map { Tlspolicy::Daemon::program("t/bench/$_") }
    qw(load mkrules);
plan skip_all => "$load is not built: make bench" unless -x $load && -x $mkrules;

my $map = scratch()->path('map.sock');
my $port = Tlspolicy::Scratch::free_port();
my %settings = (socketmap => "unix:$map", 'audit-sync' => 'batch',
    metrics => "inet:$port\@127.0.0.1");
my $text = Tlspolicy::Scratch::must($mkrules, $rules);
my $daemon = daemon($text . "TLS_Srv:dest.test ENCR:1\n",
    settings => \%settings);
Tlspolicy::Scratch::wait_for(60, sub { -S $map });

# One question to the socketmap and one to the metrics, as words.
sub ask
{
	my $sock = IO::Socket::UNIX->new(Peer => $map, Timeout => 60)
	    or return 'map: closed';
	my @words;
	for my $asked ('tlspolicy dest.test', 'access TLS_Rcpt:a@other.test') {
		print $sock length($asked) . ":$asked,";
		sysread $sock, my $answer, 4096;
		push @words, 'map: ' . ($answer // '') =~ s/^\d+:(\w*).*/$1/r;
	}
	my $page = HTTP::Tiny->new(timeout => 20)
	    ->get("http://127.0.0.1:$port/metrics");
	return @words, "metrics: $page->{status}";
}

sub start_load
{
	my ($dialect) = @_;
	my $out = scratch()->path("$dialect.json");
	my $pid = Tlspolicy::Scratch::start_child($load, '--dialect', $dialect,
	    '--seconds', $seconds, '--parallel', 6, '--idle', 20, '--data',
	    '--messages', 3, '--rules', $rules, '--timeout', 60,
	    '--refused', 500, # of 1000 that meet a rule: few are held by tsan
	    $daemon->socket, { out => $out, err => "$out.err" });
	return { name => $dialect, pid => $pid, out => $out };
}

my $changes = 0;
my $audit = "$daemon->{dir}/audit.log";
my @rotated;

# A new policy, other settings, and a new audit file as logrotate makes it.
sub change
{
	$changes++;
	my $r = $daemon->rules($text . "TLS_Srv:dest.test ENCR:1\n"
	    . "TLS_Clt:change$changes.test ENCR:1\n");
	die "build: $r->{err}" if $r->{status};
	$daemon->configure(%settings,
	    'add-header' => $changes % 2 ? 'yes' : 'no',
	    mode => $changes % 3 ? 'enforce' : 'monitor');
	push @rotated, "$audit.$changes" if rename $audit, "$audit.$changes";
	$daemon->hup;
	sleep 0.1;
}

my $asking = Tlspolicy::Traffic->start(scratch(), 1, \&ask);
for my $l (map { start_load($_) } qw(sendmail postfix)) {
	my $ended;
	change() until defined($ended = Tlspolicy::Scratch::wait_pid($l->{pid},
	    0.1));
	my $report = eval { decode_json(Tlspolicy::Scratch::slurp($l->{out})) };
	is($ended, 0, "$l->{name}: the load ended well")
	    or diag(Tlspolicy::Scratch::slurp("$l->{out}.err"));
	is($report->{broken}, 0, '... no session broke');
	cmp_ok($report->{messages}, '>', 10, '... there were messages');
	cmp_ok($report->{verdicts}{mail}{continue}, '>', 10, '... accepted');
	cmp_ok($report->{verdicts}{mail}{replycode}, '>', 0, '... and refused');
}
my $words = $asking->finish;
cmp_ok($changes, '>', 1, 'policy and settings changed meanwhile');
is_deeply([sort keys %$words],
    ['map: NOTFOUND', 'map: OK', 'metrics: 200'], 'all were answered');
ok($daemon->alive, 'the daemon is there');
is($daemon->stop, 0, '... ends well');
unlike($daemon->log, qr/Sanitizer|runtime error/, '... with no report');
my $r = $daemon->tlspolicy('audit', 'verify', @rotated, $audit);
is($r->{status}, 0, 'the audit log is whole') or diag $r->{out}, $r->{err};
done_testing;
