#!/usr/bin/perl
#
# The disk with the daemon's other files is full: the key of the chain, which
# goes with its epoch, checkpoints, the note of where the log ends; and the salts
# of people.  The log itself has room.  Mail goes on as the manual says, the
# daemon is killed meanwhile, and when there is room nothing is missing.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HTTP::Tiny;
use Test::More;
use Tlspolicy::Talk;

plan skip_all => 'not root' if $> != 0;
my $program = Tlspolicy::Daemon::program('tlspolicy');
my $names = 0;

# A folder with a disk of its own, of so many bytes.
sub folder
{
	my ($size) = @_;
	my $dir = scratch()->path('small' . ++$names);
	mkdir $dir or die "$dir: $!\n";
	system("mount -t tmpfs -o size=$size,mode=755 none $dir 2>/dev/null") == 0 or
	    plan skip_all => 'no tmpfs here';
	scratch()->at_end(sub { system('umount', '-l', $dir) });
	return $dir;
}

sub fill
{
	my ($dir) = @_;
	open my $fh, '>', "$dir/ballast" or die;
	1 while syswrite $fh, 'x' x 4096;
	close $fh;
	return 1;
}

sub message
{
	my ($daemon) = @_;
	my $m = session($daemon, %sendmail, %tls);
	my $r = $m->mail('a@example.com');
	$r = $m->rcpt('b@loc.test') if $r->{action} eq 'continue';
	$r = $m->message if $r->{action} eq 'continue';
	$m->quit;
	return $r;
}

sub health
{
	my ($daemon) = @_;
	my ($port) = $daemon->{settings}{metrics} =~ /(\d+)/;
	return HTTP::Tiny->new(timeout => 60)->get(
	    "http://127.0.0.1:$port/healthz");
}

sub healthy
{
	my ($daemon, $want, $name) = @_;
	my $r;
	ok(Tlspolicy::Scratch::wait_for(60, sub {
		($r = health($daemon))->{status} == $want }), $name) or
	    diag($r->{content}, $daemon->log);
	return $r->{content};
}

sub metrics { 'inet:' . Tlspolicy::Scratch::free_port() . '@127.0.0.1' }

subtest 'keys, checkpoints, the end of the log' => sub {
	my $dir = folder('128k');
	mkdir "$dir/state", 0700 or die;
	my ($start, $signer) = map { scratch()->path($_) } 'start', 'signer';
	Tlspolicy::Scratch::must($program, 'audit', 'key', '-r', $start);
	my $verifier = scratch()->write('verifier', Tlspolicy::Scratch::must(
	    $program, 'audit', 'key', '-n', 'mx', $signer));
	my $key = "$dir/key";
	system('cp', $start, $key) == 0 or die;
	my $daemon = daemon("TLS_Clt:example.com PERM+ENCR:112\n", name => 'key',
	    settings => { 'audit-key-file' => $key, metrics => metrics(),
	    'checkpoint-key-file' => $signer, 'checkpoint-interval' => '1s',
	    'checkpoint-file' => "$dir/checkpoints",
	    'state-folder' => "$dir/state" });
	answer_is(message($daemon), 'continue', 'mail, with room');
	healthy($daemon, 200, 'healthy');
	fill($dir);
	answer_is(message($daemon), 'continue', 'mail, without');
	# The next key takes the room of this one's file.
	for my $n (1 .. 3) {
		my $before = Tlspolicy::Scratch::slurp($key);
		$daemon->hup;
		ok(Tlspolicy::Scratch::wait_for(60, sub {
			Tlspolicy::Scratch::slurp($key) ne $before }),
		    "HUP $n: the key goes all the same");
		answer_is(message($daemon), 'continue', 'mail goes on');
	}
	healthy($daemon, 200, 'healthy');
	logged($daemon, qr/where the log ends is not noted/, 'the note is not');
	sleep 2;
	$daemon->kill_hard;
	unlink "$dir/ballast" or die;
	$daemon->run;
	answer_is(message($daemon), 'continue', 'killed, room again, and started');
	healthy($daemon, 200, 'healthy');
	fill($dir);
	$daemon->kill_hard;
	$daemon->run;
	answer_is(message($daemon), 'continue', 'killed, and started without room');
	unlink "$dir/ballast" or die;
	answer_is(message($daemon), 'continue', 'mail');
	is($daemon->stop, 0, 'the daemon stops');
	my $r = $daemon->tlspolicy('audit', 'verify', '-k', $start,
	    '--checkpoints', "$dir/checkpoints", '--verifier', $verifier);
	is($r->{status}, 0, 'the log is whole, and what was signed') or
	    diag($r->{out}, $r->{err});
	is(scalar(grep { $_->{event} eq 'message' } $daemon->audit), 8,
	    'all of it is there');
};

subtest 'people' => sub {
	my $dir = folder('128k');
	mkdir "$dir/state", 0700 or die;
	my $daemon = daemon("TLS_Clt:example.com PERM+ENCR:112\n",
	    name => 'people', settings => { privacy => 'days:2',
	    metrics => metrics(), 'state-folder' => "$dir/state" });
	answer_is(message($daemon), 'continue', 'mail, with room');
	fill($dir);
	# What is written already has its salts; somebody new has none.
	my $r;
	for my $n (1 .. 200) {
		my $m = session($daemon, %sendmail, %tls,
		    client_addr => "198.51.100.$n");
		$m->mail("new$n\@example.com");
		$m->rcpt("newer$n\@loc.test");
		$r = $m->message;
		$m->quit;
		last if $r->{action} ne 'continue';
	}
	answer_is($r, [451, '4.3.0'], 'mail of somebody new, without');
	like(healthy($daemon, 503, 'not healthy'), qr/people cannot be hidden/,
	    'says what of');
	my $m = session($daemon);
	answer_is($m->mail('a@example.com'), [550, '5.7.10'],
	    'refusals are given');
	$m->quit;
	$daemon->kill_hard;
	unlink "$dir/ballast" or die;
	$daemon->run;
	answer_is(message($daemon), 'continue', 'room again, started again');
	healthy($daemon, 200, 'healthy');
	is($daemon->stop, 0, 'the daemon stops');
	is($daemon->tlspolicy('audit', 'verify')->{status}, 0, 'whole');
	unlike(join("\n", $daemon->all_audit_lines), qr/new\d|198\.51/,
	    'and nobody is named');
};

# tlspolicy.conf(5), privacy: refusals leave an eighth of the disk of the salts.
subtest 'people, and a disk that is nearly full' => sub {
	my $dir = folder('1m');
	mkdir "$dir/state", 0700 or die;
	my $daemon = daemon("TLS_Clt:example.com PERM+ENCR:112\n",
	    name => 'scarce', settings => { privacy => 'days:2',
	    'state-folder' => "$dir/state" });
	answer_is(message($daemon), 'continue', 'mail, with room');
	open my $fh, '>', "$dir/ballast" or die;
	print $fh 'x' x (950 * 1024);
	close $fh;
	logged($daemon, qr/privacy: the disk of the salts is nearly full/,
	    'the log says so');
	my $refused = sub { grep { $_->{event} eq 'refused-mail' } $daemon->audit };
	my $before = $refused->();
	for (1 .. 5) {
		my $m = session($daemon);
		answer_is($m->mail('a@example.com'), [550, '5.7.10'], 'refused');
		$m->quit;
	}
	answer_is(message($daemon), 'continue', 'mail is accepted');
	is($refused->(), $before, 'no refusal is recorded');
	unlink "$dir/ballast" or die;
	ok(Tlspolicy::Scratch::wait_for(60, sub {
		my $m = session($daemon);
		$m->mail('a@example.com');
		$m->quit;
		return $refused->() > $before }), 'with room again one is');
	my $gap = 0;
	$gap += $_->{refusals} for grep { $_->{event} eq 'unrecorded' }
	    $daemon->audit;
	cmp_ok($gap, '>=', 5, 'the log says how many were not');
	is($daemon->stop, 0, 'the daemon stops');
	is($daemon->tlspolicy('audit', 'verify')->{status}, 0, 'whole');
};
done_testing;
