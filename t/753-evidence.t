#!/usr/bin/perl
#
# scripts/fleet/rsyslog-*.conf with real rsyslogds in namespaces: two nodes' audit
# logs at one collector, whole and in order in the end, whoever was killed, cut off
# or rotated meanwhile.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Fleet;
use Tlspolicy::Milter;
use Tlspolicy::Scratch;

plan skip_all => Tlspolicy::Fleet::missing() if Tlspolicy::Fleet::missing();
plan skip_all => 'rsyslog with RELP is not installed' if
    !-x '/usr/sbin/rsyslogd' || !glob '/usr/lib/*/rsyslog/omrelp.so';
Tlspolicy::Fleet::enter();

my $top = Tlspolicy::Scratch::topdir();
my $scratch = Tlspolicy::Scratch->new;
my $dir = $scratch->dir;
my $fleet = Tlspolicy::Fleet->new($scratch);
my $bin = Tlspolicy::Scratch::builddir() . '/tlspolicy';
my %verifier = map { $_ => $scratch->write("$_.verifier",
    Tlspolicy::Scratch::must($bin, 'audit', 'key', '-c', $scratch->write(
    'empty.conf', ''), '-n', "$_.example.org/audit", "$dir/$_.signer")) }
    qw(n1 n2);
my %daemon = map { $_ => Tlspolicy::Daemon->start(scratch => $scratch,
    name => $_, settings => { 'audit-file' => "$dir/$_/audit.jsonl",
    'checkpoint-key-file' => "$dir/$_.signer", 'checkpoint-interval' => '1s',
    'checkpoint-file' => "$dir/$_/checkpoints" },
    rules => "TLS_From:refused.example PERM+VERIFY\n") } qw(n1 n2);
my (%pid, %lines);

# The snippet of scripts/fleet, with our paths and names.
sub conf
{
	my ($name, $snippet) = @_;
	my $text = Tlspolicy::Scratch::slurp("$top/scripts/fleet/$snippet");
	my ($cert, $key) = $fleet->certificate($name);
	my %ours = ('/etc/tlspolicy/fleet/ca.pem' => "$dir/ca/ca.pem",
	    (map { ("/etc/tlspolicy/fleet/$_.pem" => $cert,
	    "/etc/tlspolicy/fleet/$_.key" => $key) } qw(mx1 collector)),
	    '/var/log/tlspolicy-fleet' => "$dir/collected",
	    '/var/log/tlspolicy/' => "$dir/$name/",
	    'target="collector.example.org"' => 'target="10.77.0.1"',
	    '"collector.example.org"' => '"p1.example.org"',
	    'resumeInterval="5"' => 'resumeInterval="1"');
	$text =~ s/\Q$_\E/$ours{$_}/g for sort { length $b <=> length $a }
	    keys %ours;
	mkdir "$dir/$name-spool";
	$scratch->write("$name-rsyslog.conf", 'global(workDirectory="'
	    . "$dir/$name-spool\" localHostname=\"$name.example.org\" "
	    . "maxMessageSize=\"256k\")\n$text");
}

sub run
{
	my ($name) = @_;
	unlink "$dir/$name-rsyslog.pid";
	Tlspolicy::Scratch::must("$top/scripts/fleet/rsyslog-again", 'start',
	    "$dir/$name-spool") if $name ne 'p1';
	$pid{$name} = $fleet->in($name, sub {
		$scratch->spawn("$name-rsyslog.log", 'rsyslogd', '-n', '-f',
		    "$dir/$name-rsyslog.conf", '-i', "$dir/$name-rsyslog.pid");
	});
}

sub kill_hard
{
	my ($name) = @_;
	kill 'KILL', $pid{$name};
	Tlspolicy::Scratch::wait_for(60, sub {
	    Tlspolicy::Scratch::ended($pid{$name}) });
}

# Mail that is refused, a record each.
sub mail
{
	my ($count, @names) = @_;
	for my $name (map { (@names) } 1 .. $count) {
		my $m = Tlspolicy::Milter->connect($daemon{$name}->socket);
		$m->negotiate;
		$m->set(v => '8.17.1', j => "$name.example.org",
		    client_name => 'mx.example.com', client_addr => '192.0.2.1');
		$m->conn('mx.example.com', '192.0.2.1');
		$m->helo('mx.example.com');
		$m->mail("a\xc3\xa4$count\@refused.example");
		$m->quit;
	}
}

# All files of a node, the oldest first.
sub written
{
	my ($name) = @_;
	return join '', map { Tlspolicy::Scratch::slurp($_) } reverse(sort glob
	    "$dir/$name/audit.jsonl.*"), "$dir/$name/audit.jsonl";
}

sub ordered
{
	my ($name) = @_;
	return Tlspolicy::Scratch::run("$top/scripts/fleet/evidence-order",
	    "$dir/collected/$name.example.org.jsonl")->{out};
}

sub arrives
{
	my ($what, @names) = @_;
	for my $name (@names) {
		my $is;
		Tlspolicy::Scratch::wait_for(90, sub {
			-e "$dir/collected/$name.example.org.jsonl" or return 0;
			$is = ordered($name) eq written($name) });
		ok($is, "$what: $name is whole, to the byte");
	}
}

# The notes of a node, if there is one of its last line: their lines each.
sub notes
{
	my ($name) = @_;
	my @notes = sort { $a->[1] <=> $b->[1] } map { [split /\n/] }
	    map { /(.*?\n\n.*?\n)\n/gs }
	    map { Tlspolicy::Scratch::slurp($_) } glob "$dir/$name/checkpoints*";
	my $lines = () = written($name) =~ /\n/g;
	return @notes && $notes[-1][1] == $lines ? @notes : ();
}

# All notes of a node are at the collector; the last one's line.
sub signed
{
	my ($what, $name) = @_;
	my ($last, $there);
	Tlspolicy::Scratch::wait_for(90, sub {
		my @written = notes($name);
		my $path = "$dir/collected/$name.example.org.checkpoints";
		return 0 if !@written || !-e $path;
		my %have = map { $_ => 1 } Tlspolicy::Scratch::slurp($path) =~
		    /^(.*)\n/mg;
		$last = $written[-1][1];
		return $there = !grep { !$have{'checkpoint: ' .
		    join('', map { "$_|" } @$_[0 .. 5]) . (split / /,
		    $_->[-1])[-1]} } @written;
	});
	ok($there, "$what: each checkpoint of $name is there");
	return $last;
}

sub proved
{
	my ($name, $file) = @_;
	return $daemon{n1}->tlspolicy('audit', 'verify', '--checkpoints',
	    "$dir/collected/$name.example.org.checkpoints", '--verifier',
	    $verifier{$name}, $file);
}

conf('p1', 'rsyslog-collector.conf');
conf($_, 'rsyslog-node.conf') for qw(n1 n2);
run($_) for qw(p1 n1 n2);
mail(20, qw(n1 n2));
arrives('in peace', qw(n1 n2));
signed('in peace', $_) for qw(n1 n2);

for (1 .. 3) {
	mail(10, 'n1');
	kill_hard('n1');
	mail(10, 'n1');
	run('n1');
}
arrives('the sender is killed', 'n1');
signed('the sender is killed', 'n1');

mail(10, qw(n1 n2));
kill_hard('p1');
mail(10, qw(n1 n2));
run('p1');
mail(10, qw(n1 n2));
arrives('the collector is killed', qw(n1 n2));
# What was under way is sent again with the next one.
for my $name (qw(n1 n2)) {
	Tlspolicy::Scratch::wait_for(60, sub { notes($name) });
	mail(1, $name);
	signed('the collector is killed', $name);
}

$fleet->cut('n1');
mail(20, qw(n1 n2));
arrives('one is cut off', 'n2');
rename "$dir/n1/audit.jsonl", "$dir/n1/audit.jsonl.1" or die;
rename "$dir/n1/checkpoints", "$dir/n1/checkpoints.1" or die;
$daemon{n1}->hup;
Tlspolicy::Scratch::wait_for(60, sub { -s "$dir/n1/audit.jsonl" });
mail(20, 'n1');
kill_hard('n1');
run('n1');
$fleet->heal('n1');
mail(10, 'n1');
arrives('cut off, rotated and killed', 'n1');
signed('cut off, rotated and killed', 'n1');

# An end as it should be reads nothing again.
kill 'TERM', $pid{n2};
Tlspolicy::Scratch::wait_for(60, sub {
    Tlspolicy::Scratch::ended($pid{n2}) });
{
	local $ENV{SERVICE_RESULT} = 'success';
	Tlspolicy::Scratch::must("$top/scripts/fleet/rsyslog-again", 'stop',
	    "$dir/n2-spool");
}
mail(10, 'n2');
my $size = -s "$dir/collected/n2.example.org.jsonl";
run('n2');
arrives('an end and a start', 'n2');
is(-s "$dir/collected/n2.example.org.jsonl", $size + length(join '',
    (split /^/, written('n2'))[-10 .. -1]), 'by the new lines alone');

$daemon{n2}->kill_hard;
$daemon{n2}->run;
mail(10, 'n2');
arrives('the daemon is killed', 'n2');
signed('the daemon is killed', 'n2');

my @all = map { $scratch->write("$_.jsonl", ordered($_)) } qw(n1 n2);
my $r = $daemon{n1}->tlspolicy('audit', 'verify', @all);
is($r->{status}, 0, 'both nodes verify in one run') or diag $r->{out}, $r->{err};
$r = $daemon{n1}->tlspolicy('audit', 'verify', (map { ('--checkpoints',
    "$dir/collected/$_.example.org.checkpoints", '--verifier', $verifier{$_}) }
    qw(n1 n2)), @all);
is($r->{status}, 0, 'with the checkpoints of both') or diag $r->{out}, $r->{err};
is(() = $r->{out} =~ /^checkpoints: \d+ agree, up to line/mg, 2, 'of each');
for my $name (qw(n1 n2)) {
	my $log = "$dir/$name.jsonl";
	my $last = signed('in the end', $name);
	$r = proved($name, $log);
	is($r->{status}, 0, "$name agrees with its checkpoints") or
	    diag $r->{out}, $r->{err};
	like($r->{out}, qr/^checkpoints: \d+ agree, up to line $last\b/m,
	    'to the last line');
	# Somebody cuts its end off, where only the chain could tell.
	my @lines = split /^/, Tlspolicy::Scratch::slurp($log);
	my $cut = $scratch->write("$name.cut", join '', @lines[0 .. $#lines - 3]);
	is($daemon{n1}->tlspolicy('audit', 'verify', $cut)->{status}, 0,
	    'a log that is cut off is whole in itself');
	$r = proved($name, $cut);
	is($r->{status}, 65, 'and is not, with the checkpoints');
	like("$r->{out}$r->{err}", qr/lines @{[$last - 2]} to $last are missing at the end/,
	    'which tell how much');
}
$r = $daemon{n1}->tlspolicy('audit', 'verify', '--checkpoints',
    "$dir/collected/n2.example.org.checkpoints", '--verifier', $verifier{n1},
    "$dir/n1.jsonl");
is($r->{status}, 65, 'those of another node are none');
my @some = split /^/, ordered('n1');
splice @some, 30, 1;
$scratch->write('n1.jsonl', join '', @some);
$r = $daemon{n1}->tlspolicy('audit', 'verify', @all);
is($r->{status}, 65, 'a line that is missing') or diag $r->{err};
like("$r->{out}$r->{err}", qr/n1\.jsonl:31: dropped: 1 line/, 'is named');
is(ordered('n1'), Tlspolicy::Scratch::run("$top/scripts/fleet/evidence-order",
    ("$dir/collected/n1.example.org.jsonl") x 2)->{out},
    'what is there twice is printed once');

done_testing;
