#!/usr/bin/perl
# The numbers of tlspolicy-milter(8), Metrics and health, that 430-metrics.t does
# not look at: mail that leaves, the facts feed, the audit log, the process.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HTTP::Tiny;
use IO::Socket::UNIX;
use Test::More;
use Tlspolicy::Feed;
use Tlspolicy::Nexthop;
use Tlspolicy::Talk;

my ($map, $facts, $resolver) = map { scratch()->path("$_.sock") }
    qw(map facts resolver);
my $port = Tlspolicy::Scratch::free_port();
my $signer = scratch()->path('signer');
my $missing = Tlspolicy::Daemon::missing();
plan skip_all => $missing if $missing;
Tlspolicy::Scratch::must(Tlspolicy::Daemon::program('tlspolicy'), 'audit',
    'key', '-n', 'mx.test', $signer);
my %settings = (metrics => "inet:$port\@127.0.0.1", socketmap => "unix:$map",
    'facts-socket' => "unix:$facts", 'outbound-resolver' =>
    "unix:$resolver sts", 'checkpoint-key-file' => $signer,
    'checkpoint-interval' => '1h');

# A resolver that has a policy for passed.test only.
my $listener = IO::Socket::UNIX->new(Local => $resolver, Listen => 9) or
    die "$resolver: $!\n";
my $pid = fork // die "fork: $!\n";
if ($pid == 0) {
	$SIG{TERM} = 'DEFAULT';
	while (my $peer = $listener->accept) {
		my $in = '';
		while (sysread $peer, $in, 4096, length $in) {
			while ($in =~ s/^\d+:\S+ ([^,]*),//) {
				my $reply = $1 eq 'passed.test' ?
				    'OK secure match=mx.passed.test' : 'NOTFOUND ';
				syswrite $peer, length($reply) . ":$reply,";
			}
		}
	}
	POSIX::_exit(0);
}
close $listener;
scratch()->at_end(sub { Tlspolicy::Scratch::end_pid($pid) });

my $rules = <<'END';
TLS_Clt:example.com PERM+ENCR:112
TLS_From:fp.test PERM+ENCR:1+FP:00112233445566778899AABBCCDDEEFF
TLS_Rcpt:told.test ENCR:1
TLS_Rcpt:warned.test WARN+ENCR:1
TLS_Rcpt:exception.test OK
TLS_Rcpt:ca.test VERIFY+CITag:Ours
Ours:/CN=Ours OK
END
my $daemon = daemon($rules, settings => \%settings);

sub metrics
{
	my $page = HTTP::Tiny->new(timeout => 60)->get(
	    "http://127.0.0.1:$port/metrics")->{content};
	return map { /^(?:tlspolicy_)?(\w+) (\S+)$/ ? ($1 => $2) : () }
	    split /\n/, $page;
}

# Of the counters that match, those that have grown since %$before, and by how much.
sub grown
{
	my ($before, $which) = @_;
	my %now = metrics();
	return join ' ', map { "$_=" . ($now{$_} - $before->{$_}) }
	    sort grep { /$which/ && $now{$_} != $before->{$_} } keys %now;
}

my $asked = Tlspolicy::Scratch::wait_for(60, sub {
	-S $map && eval { Tlspolicy::Nexthop->connect($map) } }) or
    die "no connection\n" . $daemon->log;
sub counts
{
	my ($domain, $answer, $counter, %more) = @_;
	my %before = metrics();
	like($asked->ask($domain), $answer, "$domain: the answer");
	is(grown(\%before, qr/^(?:outbound_|resolver_)/),
	    "outbound_${counter}_total=1", "$domain: $counter, and no other");
}

counts('none.test', qr/^NOTFOUND $/, 'none');
counts('told.test', qr/^OK encrypt$/, 'told');
counts('warned.test', qr/^OK may$|^NOTFOUND $/, 'warned');
counts('exception.test', qr/^OK may$/, 'exception');
counts('passed.test', qr/^OK secure match=mx\.passed\.test/, 'passed_on');
counts('ca.test', qr/^TEMP /, 'refused');
$daemon->configure(%settings, inexpressible => 'weaken');
$daemon->hup;
logged($daemon, qr/settings were read again/, 'inexpressible = weaken');
counts('ca.test', qr/^OK secure /, 'weakened');
rename $daemon->{store}, "$daemon->{store}.away" or die;
ok(Tlspolicy::Scratch::wait_for(60, sub {
	my %now = metrics(); $now{store_up} == 0 }), 'the store is away');
counts('told.test', qr/^TEMP /, 'failed');
rename "$daemon->{store}.away", $daemon->{store} or die;
ok(Tlspolicy::Scratch::wait_for(60, sub {
	my %now = metrics(); $now{store_up} == 1 }), 'the store is back');

subtest 'connections, and what the feed was told' => sub {
	my %before = metrics();
	my @maps = map { Tlspolicy::Nexthop->connect($map) } 1 .. 3;
	$_->ask('none.test') for @maps;
	my @feeds = map { Tlspolicy::Feed->connect($facts) } 1 .. 2;
	my $port = 20000;
	for (@feeds, $feeds[0]) {
		is($_->tell(%postfix, client_port => ++$port,
		    tls_version => 'TLSv1.2', cipher => 'AES128-SHA',
		    cipher_bits => 128, sender => 'a@fp.test',
		    recipient => 'b@own.test', fp => 'AA:BB', pkfp => 'CC:DD'),
		    "action=DUNNO\n\n", 'a request');
	}
	is(grown(\%before, qr/^(?:socketmap|facts)_/),
	    'facts_connections_total=2 facts_told_total=3 '
	    . 'socketmap_connections_total=3', 'counted');
};

sub message
{
	my $m = session($daemon, %sendmail, %tls);
	$m->mail('a@x.test');
	$m->rcpt('b@own.test');
	my $answer = $m->message;
	$m->quit;
	return $answer;
}

subtest 'the audit log' => sub {
	answer_is(message(), 'continue', 'a message');
	ok(Tlspolicy::Scratch::wait_for(60, sub {
		my %now = metrics(); $now{audit_end_noted} == 1 }),
	    'audit_end_noted: 1, its end is noted');
	my %before = metrics();
	is($before{audit_replaced_total}, 0, 'no file was replaced');
	ok(exists $before{audit_unsynced_seconds}, 'audit-sync = each: unsynced');
	# A file that is rotated is signed at its end.
	ok($daemon->rotate("$daemon->{dir}/audit.log.1"), 'rotated');
	ok(Tlspolicy::Scratch::wait_for(60, sub {
		grown(\%before, qr/^audit_checkpoints_total/) eq
		'audit_checkpoints_total=1' }), 'one checkpoint');
	is(grown(\%before, qr/^audit_replaced/), '', 'not replaced by that');
	unlink "$daemon->{dir}/audit.log" or die;
	ok(Tlspolicy::Scratch::wait_for(60, sub {
		grown(\%before, qr/^audit_replaced/) eq
		'audit_replaced_total=1' }), 'removed: one file was replaced');
};

subtest 'a full log' => sub {
	my $limits = '/usr/bin/prlimit';
	plan skip_all => "no $limits here" unless -x $limits;
	# More bytes than the daemon's own log, which is limited, too.
	message() for 1 .. 20;
	my %before = metrics();
	my $size = -s "$daemon->{dir}/audit.log";
	system($limits, '--pid', $daemon->{pid}, "--fsize=$size:unlimited") == 0
	    or die "$limits: $?\n";
	ok(Tlspolicy::Scratch::wait_for(60, sub {
		(message()->{code} // 0) == 451 }), 'it takes nothing');
	message() for 1 .. 3;
	my %now = metrics();
	cmp_ok($now{audit_refused_total} - $before{audit_refused_total}, '>=', 3,
	    'audit_refused_total');
	system($limits, '--pid', $daemon->{pid}, '--fsize=unlimited:unlimited');
};

subtest 'the process' => sub {
	my %now = metrics();
	ok(abs($now{start_timestamp_seconds} - time) < 600, 'its start');
	is($now{process_max_fds}, Tlspolicy::Scratch::slurp(
	    "/proc/$daemon->{pid}/limits") =~ /^Max open files +(\d+)/m ? $1 :
	    'none', 'its limit of descriptors');
	cmp_ok($now{process_virtual_memory_bytes}, '>',
	    $now{process_resident_memory_bytes}, 'its memory');
	cmp_ok($now{process_cpu_seconds_total}, '<', 600, 'its time');
};

is($daemon->stop, 0, 'the daemon stops');
$daemon->configure(%settings, 'audit-sync' => 'none');
$daemon->run;
my %now = metrics();
ok(!exists $now{audit_unsynced_seconds}, 'audit-sync = none: no unsynced');
is($daemon->stop, 0, 'the daemon stops');
done_testing;
