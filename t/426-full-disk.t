#!/usr/bin/perl
#
# The disk of the audit log fills up under load, and then the daemon is ended,
# killed, or its log rotated: in every mode of audit-sync what was told to be
# accepted is recorded, what got 451 is not, and the log goes on whole when
# there is room again.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep);
use Tlspolicy::Talk;

use constant { CLIENTS => 3, SIZE => 8 << 20, KEPT_FREE => 48 << 10,
    DEADLINE => 60 };

plan skip_all => 'needs root' if $> != 0;

my ($daemon, $disk, $runs);

sub full_disk
{
	my ($sync, $full) = @_;
	my $name = "disk-" . ++$runs;
	$disk = scratch()->path($name);
	mkdir $disk or die "$disk: $!\n";
	my $r = Tlspolicy::Scratch::run('mount', '-t', 'tmpfs', '-o',
	    'size=' . SIZE . ',mode=755', 'tlspolicy-test', $disk);
	plan skip_all => "no tmpfs here: $r->{err}" if $r->{status};
	my $mounted = $disk;
	scratch()->at_end(sub { system 'umount', $mounted });
	ballast(SIZE - KEPT_FREE);
	$daemon = daemon("TLS_From:refused.example PERM+ENCR:512\n",
	    name => "milter-$runs", settings => { 'audit-sync' => $sync,
	    'audit-full' => $full, 'audit-file' => "$disk/audit.log" });
}

# Fills the disk with a file of so many bytes.
sub ballast
{
	my ($bytes) = @_;
	open my $fh, '>', "$disk/ballast" or die "ballast: $!\n";
	print $fh 'x' x $bytes;
	close $fh or die "ballast: $!\n";
}

# One after another: a message from a sender of its own, and what was told.
sub client
{
	my ($number) = @_;
	my ($sent, $path) = (0, told_path($number));
	open my $told, '>>', $path or POSIX::_exit(1);
	$told->autoflush(1);
	until (-e "$path.stop") {
		my $m = Tlspolicy::Milter->connect($daemon->socket);
		if (!$m || !eval { $m->negotiate }) {
			sleep 0.02;
			next;
		}
		eval { one_session($m, $number, \$sent, $told) };
	}
	POSIX::_exit(0);
}

sub one_session
{
	my ($m, $number, $sent, $told) = @_;
	$m->set(%sendmail, %tls);
	$m->conn('mail.example.com', '192.0.2.1');
	$m->helo('client.example.com');
	for (1 .. 10) {
		my $id = 'c' . $number . 'n' . $$sent++;
		my $domain = $$sent % 5 ? 'good' : 'refused';
		my $answer = $m->mail("$id\@$domain.example");
		if ($answer->{action} eq 'continue') {
			$m->rcpt('b@example.org');
			$answer = $m->message;
		}
		last if $answer->{action} eq 'closed';
		sleep 0.02 if $answer->{action} ne 'continue';
		my $word = $answer->{action} eq 'reply' ?
		    "$answer->{code} $answer->{dsn}" : $answer->{action};
		print $told "$id $domain $word\n";
	}
}

sub told_path
{
	return scratch()->path("told-$runs.$_[0]");
}

# [id, domain, what was told] of all clients.
sub told
{
	return map { [/^(\S+) (\S+) (.+)$/] } map {
	    Tlspolicy::Scratch::slurp(told_path($_)) =~ /^(.+)\n/gm
	    } 1 .. CLIENTS;
}

sub told_how_often
{
	my ($what) = @_;
	return scalar grep { $_->[2] eq $what } told();
}

# Waits until $more more clients have been told $what.
sub told_more
{
	my ($what, $more, $name) = @_;
	my $before = told_how_often($what);
	ok(Tlspolicy::Scratch::wait_for(DEADLINE, sub {
		told_how_often($what) >= $before + $more }), $name) or
	    diag($daemon->log);
}

my @load;

sub start_load
{
	@load = ();
	for my $number (1 .. CLIENTS) {
		defined(my $pid = fork) or die "fork: $!\n";
		client($number) if !$pid;
		push @load, $pid;
	}
}

sub stop_load
{
	for (1 .. CLIENTS) {
		open my $stop, '>', told_path($_) . '.stop' or die "stop: $!\n";
	}
	waitpid $_, 0 for @load;
}

sub files
{
	return grep { -e } (sort glob "$disk/audit.log-*"), "$disk/audit.log";
}

# { id => how often } of messages that the log has as accepted.
sub accepted_by_the_log
{
	my @lines = map { JSON::PP::decode_json($_) } map {
	    grep { /"chain":"\w{64}"\}$/ }
	    Tlspolicy::Scratch::slurp($_) =~ /^(\{.+)\n/gm } files();
	my %withdrawn = map { $_->{of} => 1 }
	    grep { $_->{event} eq 'withdrawn' } @lines;
	my %kept;
	$kept{$_->{from} =~ s/\@.*//r}++ for grep { $_->{event} eq 'message' &&
	    !$withdrawn{$_->{seq}} } @lines;
	return \%kept;
}

sub balance
{
	my ($name) = @_;
	my $kept = accepted_by_the_log();
	my @told = told();
	my @accepted = map { $_->[0] } grep { $_->[2] eq 'continue' } @told;
	my %other = map { $_->[2] => 1 } @told;
	# A daemon that ends says tempfail, without a text.
	delete @other{'continue', '451 4.3.0', '554 5.7.10', 'tempfail'};
	is(join(' ', sort keys %other), '', "$name: nothing else was told");
	is(join(' ', map { "$_->[0] $_->[2]" } grep {
	    ($_->[1] eq 'refused') != ($_->[2] eq '554 5.7.10') &&
	    $_->[2] ne 'tempfail' } @told), '',
	    "$name: refused is what the policy refuses");
	is(join(' ', grep { !$kept->{$_} } @accepted), '',
	    "$name: each of " . @accepted . ' accepted is recorded');
	is(join(' ', grep { $kept->{$_} > 1 } keys %$kept), '',
	    "$name: once");
	is(join(' ', map { $_->[0] } grep { $_->[2] ne 'continue' &&
	    $kept->{$_->[0]} } @told), '',
	    "$name: what got 4xx is not recorded as accepted");
	my $r = $daemon->tlspolicy('audit', 'verify', files());
	is($r->{status}, 0, "$name: the log is whole") or
	    diag($r->{out}, $r->{err});
}

sub fill
{
	full_disk(@_);
	start_load();
	told_more('continue', 5, 'accepted while there is room');
	told_more('451 4.3.0', 3, 'full: nothing is accepted unrecorded');
	told_more('554 5.7.10', 1, 'a refusal is given all the same');
}

# Makes room by removing that file: lines of the log are never deleted.
sub room_again
{
	my ($so) = @_;
	ballast(0);
	$daemon->run if !$daemon->alive;
	told_more('continue', 5, 'with room it is accepted again');
	stop_load();
	ok(Tlspolicy::Scratch::wait_for(DEADLINE, $so), 'in a new file') if $so;
	is($daemon->stop, 0, 'the daemon ends');
}

sub rotate
{
	my ($n) = @_;
	rename "$disk/audit.log", "$disk/audit.log-$n" or
	    die "audit.log: $!\n";
	$daemon->hup;
	ok(Tlspolicy::Scratch::wait_for(DEADLINE, sub { -e "$disk/audit.log" ||
	    $daemon->log =~ /the old audit file stays in use/ }),
	    "rotation $n: a new file, or the old one");
}

for (['none', 'tempfail'], ['batch', 'tempfail'], ['each', 'tempfail'],
    ['batch', 'block']) {
	my ($sync, $full) = @$_;
	subtest "$sync, $full: ended" => sub {
		fill($sync, $full);
		is(Tlspolicy::Scratch::end_pid($daemon->{pid}, DEADLINE), 0,
		    'TERM ends the daemon');
		room_again();
		balance('TERM');
	};
	subtest "$sync, $full: killed" => sub {
		fill($sync, $full);
		for (1 .. 3) {
			$daemon->kill_hard;
			$daemon->run;
			told_more('451 4.3.0', 1, 'started anew: still full');
		}
		$daemon->kill_hard;
		room_again();
		balance('KILL');
	};
	subtest "$sync, $full: rotated" => sub {
		fill($sync, $full);
		rotate(1);
		told_more('451 4.3.0', 1, 'rotated: still full');
		rotate(2);
		told_more('451 4.3.0', 1, 'rotated again: still full');
		room_again(sub { -s "$disk/audit.log" });
		balance('HUP');
	};
	subtest "$sync, $full: rotated and killed" => sub {
		fill($sync, $full);
		rotate(1);
		told_more('451 4.3.0', 1, 'rotated: still full');
		$daemon->kill_hard;
		room_again();
		balance('HUP and KILL');
	};
}

done_testing;
