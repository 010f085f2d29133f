#!/usr/bin/perl
# What MTAs were told before they deliver, in the audit log and its readers.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::UNIX;
use JSON::PP qw(decode_json);
use Test::More;
use Tlspolicy::Talk;

my $path = scratch()->path('map.sock');
my $rules = "TLS_Srv:dest.test ENCR:1\nTLS_Rcpt:joe\@away.test VERIFY\n" .
    "TLS_Srv:hard.test ENCR:1+CIPHER:HIGH\nTLS_Clt: ENCR:1\n";
my $daemon = daemon($rules, settings => { socketmap => "unix:$path",
    inexpressible => 'weaken', 'audit-sync' => 'each' });

sub ask
{
	my ($s, $question) = @_;
	print $s length($question) . ":$question,";
	local $/ = ',';
	return scalar <$s>;
}

my $s = Tlspolicy::Scratch::wait_for(60, sub {
    IO::Socket::UNIX->new(Peer => $path, Timeout => 60) }) or
    die("no connection: $!");
like(ask($s, $_), qr/OK /, $_) for ('tlspolicy dest.test',
    'tlspolicy [dest.test]:587', "tlspolicy .hard.test",
    'access tls_rcpt:joe@away.test');
my $m = session($daemon, %sendmail);
is($m->mail('a@other.example')->{code}, 451, 'a session between them');
ok(Tlspolicy::Scratch::wait_for(60, sub { $daemon->audit >= 5 }),
    'all is recorded');

my $policy = substr $daemon->tlspolicy('log', '--json')->{out} =~
    /"rules_sha256": ?"(\w+)/ && $1, 0, 16;
is_deeply([map { $_->{policy} } grep { $_->{generation} } $daemon->audit],
    [($policy) x 5],
    'and by which rules');

my $log = "$daemon->{dir}/audit.log";
sub show
{
	return $daemon->tlspolicy('audit', 'show', @_, $log);
}

my $r = show();
is($r->{status}, 0, 'show') or diag($r->{err});
my @lines = grep { !/^\S+ (?:policy|settings) / } split /\n/, $r->{out};
is(scalar @lines, 5, 'a line for each') or diag($r->{out});
like($lines[0], qr/^20\S+Z outbound told map=tlspolicy query=dest\.test rule=TLS_Srv:dest\.test answer=encrypt\b/,
    'what Postfix was told');
like($r->{out}, qr/ outbound weakened map=tlspolicy query=\.hard\.test rule=TLS_Srv:hard\.test without=CIPHER\S* answer=/,
    'what it was not told') or diag($r->{out});
like($r->{out}, qr/ outbound told map=access query=tls_rcpt:joe\@away\.test rule=\S+ answer=TEMP\+VERIFY$/m,
    'what sendmail was told') or diag($r->{out});
for ([['--domain', 'dest.test'], 2], [['--domain', 'TEST'], 4],
    [['--domain', 'away.test'], 1], [['--domain', 'est.test'], 0],
    [['--rule', 'tls_srv:dest.test'], 2], [['--client', 'mail.example.com'], 1],
    [['--verdict', 'accept'], 0], [['--verdict', 'tempfail'], 1],
    [['--reason', 'plaintext'], 1], [['--since', '2100-01-01'], 0],
    [['--until', '2100-01-01'], 7]) {
	$r = show(@{$_->[0]});
	is(scalar(my @n = $r->{out} =~ /\n/g), $_->[1], "@{$_->[0]}") or
	    diag($r->{out});
}
$r = show('--json', '--domain', 'hard.test');
is($r->{out}, "[\n" . (grep { /hard\.test/ } split /^/,
    Tlspolicy::Scratch::slurp($log))[0] . "]\n", '--json: as it is recorded');
is(decode_json($r->{out})->[0]{event}, 'outbound', 'an object');

my ($by) = grep { $_->{event} eq 'policy' } map { decode_json($_) }
    $daemon->all_audit_lines;
ok(!exists $by->{node}, 'of no session: its policy names no node');
like($by->{version}, qr/^\d/, 'but a version');

# Nothing to judge again, and no mail to count.
$r = $daemon->tlspolicy('replay', '-r', "$daemon->{dir}/rules", $log);
like($r->{out}, qr/^1 records, 0 would/m, 'replay passes over them') or
    diag($r->{out} . $r->{err});
$r = $daemon->tlspolicy('report', '--json', $log);
is($r->{status}, 0, 'so does report') or diag($r->{err});
is($daemon->tlspolicy('audit', 'verify', $log)->{status}, 0,
    'verify counts them in the chain');
done_testing;
