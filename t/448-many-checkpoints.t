#!/usr/bin/perl
#
# Logs of several nodes with all their checkpoints in one run, files and notes in
# any order: what is missing of one, or of which there are no notes, is named.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP qw(decode_json);
use List::Util qw(shuffle);
use Test::More;
use Tlspolicy::Talk;

my $bin = Tlspolicy::Scratch::builddir() . '/tlspolicy';
my $conf = scratch()->write('empty.conf', '');
# The origin of n3 says nothing of its node.
my %origin = (n1 => 'n1.example.org/audit', n2 => 'n2.example.org', n3 => 'third');
my (%log, %verifier, %notes, %signer);

sub signer
{
	my ($name, $origin) = @_;
	$signer{$name} = scratch()->path("$name.signer");
	$verifier{$name} = scratch()->write("$name.verifier",
	    Tlspolicy::Scratch::must($bin, 'audit', 'key', '-c', $conf, '-n',
	    $origin, $signer{$name}));
	$notes{$name} = scratch()->path("$name.notes");
}

sub node
{
	my ($name, $file) = @_;
	my $daemon = daemon("TLS_Clt:example.com PERM+ENCR:112\n", name =>
	    "$name-$file", settings => { 'checkpoint-key-file' => $signer{$file},
	    'checkpoint-file' => $notes{$file}, 'checkpoint-interval' => '1h' });
	my $log = "$daemon->{dir}/audit.log";
	for my $day (1, 2) {
		my $m = session($daemon, %sendmail, %tls, j => "$name.example.org");
		for my $n (1 .. 5 * substr $name, 1) {
			$m->set(i => "Q$name$day$n");
			$m->mail('a@example.com');
			$m->rcpt('b@example.org');
			$m->message;
		}
		$m->quit;
		next if $day == 2;
		$daemon->rotate("$log.1");
	}
	$daemon->stop;
	return ("$log.1", $log);
}

sub ask
{
	my ($command, $names, @args) = @_;
	return Tlspolicy::Scratch::run($bin, 'audit', $command, '-c', $conf,
	    (map { ('--checkpoints', $notes{$_}, '--verifier', $verifier{$_}) }
	    shuffle @$names), @args);
}

sub says
{
	my ($what, $r, $status, @like) = @_;
	is($r->{status}, $status, "$what: exit $status") or diag $r->{out}, $r->{err};
	like($r->{out} . $r->{err}, $_, $what) for @like;
}

sub lines_of
{
	my ($path, $change) = @_;
	my @lines = split /^/, Tlspolicy::Scratch::slurp($path);
	$change->(\@lines);
	return scratch()->write('changed.' . ++$log{n}, join '', @lines);
}

my @names = qw(n1 n2 n3);
signer($_, $origin{$_}) for @names;
$log{$_} = [node($_, $_)] for @names;
my @all = map { @{$log{$_}} } @names;

for (1 .. 6) {
	my $r = ask('verify', \@names, '--json', shuffle @all);
	is($r->{status}, 0, 'three nodes are whole') or diag $r->{out}, $r->{err};
	my $all = decode_json($r->{out});
	is_deeply([map { "$_->{nodes}[0] @{$_->{checkpoints}{origins}}" }
	    sort { $a->{nodes}[0] cmp $b->{nodes}[0] } @{$all->{chains}}],
	    [map { "$_.example.org $origin{$_}" } @names],
	    'each with its own checkpoints');
	is_deeply([map { $_->{checkpoints}{last} - $_->{last} }
	    @{$all->{chains}}], [0, 0, 0], 'to its last line');
	is_deeply($all->{checkpoints}{absent}, [], 'no log is missing');
}
says('in words', ask('verify', \@names, @all), 0,
    qr/(?:^checkpoints: \d+ agree, up to line \d+, .*\n[^!]*){3}/m);

# One node's log is damaged, the others' are good.
for my $name (@names) {
	my @others = map { @{$log{$_}} } grep { $_ ne $name } @names;
	my ($old, $new) = @{$log{$name}};
	my $cut = lines_of($new, sub { splice @{$_[0]}, -2 });
	is(ask('verify', [], $old, $cut)->{status}, 0, 'by itself it is whole');
	says("$name is cut off", ask('verify', \@names, shuffle @others, $old, $cut),
	    65, qr/lines \d+ to \d+ are missing at the end: the checkpoint/);
	says("$name has lost a line", ask('verify', \@names, shuffle @others, $old,
	    lines_of($new, sub { splice @{$_[0]}, 2, 1 })), 65,
	    qr/changed\.\d+:3: dropped: 1 line/);
	says("$name is not there", ask('verify', \@names, shuffle @others), 65,
	    qr/^\Q$origin{$name}\E: no log here is the one that its checkpoints have signed, up to line \d+ of /m,
	    qr/^broken: missing$/m);
	my $r = ask('verify', [grep { $_ ne $name } @names], shuffle @all);
	says("no checkpoints of $name", $r, 65,
	    qr/of $name\.example\.org, .*\ncheckpoints: none of them is of this log$/m);
	is(() = $r->{out} =~ /^checkpoints: \d+ agree/mg, 2, 'the others are told');
	$r = decode_json(ask('verify', [grep { $_ ne $name } @names], '--json',
	    shuffle @all)->{out});
	is($r->{result}, 'not verified', 'in JSON');
	is_deeply([map { $_->{result} } grep { $_->{nodes}[0] =~ /^$name/ }
	    @{$r->{chains}}], ['not verified'], 'of that node');
}

# A log that was made anew, by the rules of the chain.
signer('again', 'again');
my @forged = node('n1', 'again');
says('written anew', ask('verify', \@names, @forged, map { @{$log{$_}} }
    qw(n2 n3)), 65, qr/line \d+ is not what the checkpoint of \S+ has signed/);
@forged = node('n3', 'again');
says('written anew, under another name', ask('verify', \@names, @forged, map {
    @{$log{$_}} } qw(n1 n2)), 65, qr/^third: no log here/m,
    qr/of n3\.example\.org, .*\ncheckpoints: none of them/m);

says('the same notes twice', ask('verify', [@names, 'n1'], @all), 0,
    qr/checkpoints: \d+ agree/);

# audit prove of a record of one node, with all logs and checkpoints given.
for my $name (@names) {
	my $alone = ask('prove', [$name], "Q${name}12", @{$log{$name}});
	is($alone->{status}, 0, "a record of $name is proved") or diag $alone->{err};
	for (1 .. 3) {
		my $r = ask('prove', \@names, "Q${name}12", shuffle @all);
		is($r->{status}, 0, '... among those of all') or diag $r->{err};
		is($r->{out}, $alone->{out}, '... by the same proof');
	}
}
says('signed by others only', ask('prove', [qw(n1 n2)], 'Qn311', @all), 65,
    qr/has signed/);

done_testing;
