#!/usr/bin/perl
# Packets arrive as they like: many in one write, one in many, behind the end of
# their session; each session is judged by its own and by all of them.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Talk;

my $daemon = daemon("TLS_From:example.com PERM+VERIFY\n");
my $refused = [550, '5.7.10'];

my $other_poll = $daemon->engine ne 'own' && Tlspolicy::Scratch::slurp(
    Tlspolicy::Daemon::program('tlspolicy-milter')) =~ /__tsan_init/;

# What the daemon would be sent, as bytes, instead of sending it.
sub bytes_of
{
	my ($m, $do) = @_;
	my $bytes = '';
	no warnings 'redefine';
	local *Tlspolicy::Milter::raw = sub { $bytes .= $_[1]; return 1; };
	local *Tlspolicy::Milter::reply = sub { return { action => 'continue' }; };
	$do->($m);
	return $bytes;
}

sub message
{
	my ($m, $from, $to) = @_;
	$m->mail($from);
	$m->rcpt($_) for @$to;
	$m->message;
}

# A first message, so that the log has its lines about policy and settings.
message(session($daemon, %sendmail, %verified), 'first@example.com',
    ['r@example.org']);

sub last_record
{
	return ($daemon->audit)[-1];
}

subtest 'a whole message in one write' => sub {
	my $m = session($daemon, %sendmail, %verified);
	# 50 recipients, as the unread answers have to fit into the socket.
	my @to = map { "r$_\@example.org" } 1 .. 50;
	my $seen = () = $daemon->audit;
	$m->raw(bytes_of($m, sub { message($m, 'a@example.com', \@to) }));
	my ($record) = $daemon->audit_after($seen, 1);
	is($record->{verdict}, 'accept', 'accepted');
	is_deeply($record->{rcpts}, \@to, 'every recipient');
};

subtest 'twenty messages in one write' => sub {
	my $m = session($daemon, %sendmail, %verified);
	my $seen = () = $daemon->audit;
	$m->raw(join '', map { my $n = $_; bytes_of($m, sub {
		message($m, "a$n\@example.com", ["r$n\@example.org"]) }) }
	    1 .. 20);
	my @records = $daemon->audit_after($seen, 20);
	is_deeply([map { $_->{from} } @records],
	    [map { "a$_\@example.com" } 1 .. 20], 'each, in order');
};

subtest 'byte by byte' => sub {
	my $m = session($daemon, %sendmail, %verified);
	my $bytes = bytes_of($m, sub { $m->mail('a@example.com') });
	$m->raw($_) for split //, $bytes;
	answer_is($m->reply, 'continue', 'a byte at a time');
	$m->abort;
	$m->set(map { $_ => undef } keys %verified);
	$bytes = bytes_of($m, sub { $m->mail('a@example.com') });
	# A pause in each place: behind the length, in the macros, before the end.
	for my $at (1, 4, 5, 20, length($bytes) - 1) {
		$m->raw(substr $bytes, 0, $at);
		select undef, undef, undef, 0.1;
		$m->raw(substr $bytes, $at);
		answer_is($m->reply, $refused, "cut at $at");
		$m->abort;
	}
};

subtest 'larger than what is read at once' => sub {
	my $m = session($daemon, %sendmail, %verified,
	    cert_subject => '/CN=' . 'x' x 30000);
	answer_is($m->mail('a@example.com'), 'continue', 'macros of 30 kB');
	answer_is($m->rcpt('b@example.org'), 'continue', 'RCPT');
	$m->message;
	is(last_record()->{from}, 'a@example.com', 'recorded');
};

# The next session gets the lowest descriptor, which is that of the one before.
subtest 'left over by a session that ended' => sub {
	my $seen = () = $daemon->audit;
	for my $n (1 .. 300) {
		my $m = session($daemon, %sendmail, %verified);
		my $behind = bytes_of($m, sub {
			message($m, "ghost$n\@example.net", ['g@example.org']) });
		$m->raw(pack('N a', 1, 'Q') . $behind . substr $behind, 0, 7);
		close $m->{sock};
		my $next = session($daemon, %sendmail);
		$next->mail("real$n\@example.net");
		$next->rcpt('r@example.org');
		$next->message;
		$next->quit;
	}
	my @records = $daemon->audit_after($seen, 300);
	is(scalar(grep { $_->{from} =~ /^ghost/ } @records), 0,
	    'nothing behind QUIT is anybody\'s');
	is_deeply([map { $_->{from} } @records],
	    [map { "real$_\@example.net" } 1 .. 300], 'and the others are whole');
};

subtest 'closed in the middle' => sub {
	plan skip_all => "ThreadSanitizer's poll(2) is before ours; libmilter "
	    . 'alone may drop what came with the end of a connection'
	    if $other_poll;
	my $m = session($daemon, %sendmail, %verified);
	my $bytes = bytes_of($m, sub {
		message($m, 'cut@example.com', ['r@example.org']) });
	my $seen = () = $daemon->audit;
	$m->raw(substr $bytes, 0, length($bytes) - 3);
	close $m->{sock};
	my ($record) = $daemon->audit_after($seen, 1);
	is($record->{event}, 'aborted', 'not a message');
	is($record->{from}, 'cut@example.com', 'whose it was');
	$m = session($daemon, %sendmail, %verified);
	$seen = () = $daemon->audit;
	$m->raw(bytes_of($m, sub {
		message($m, 'end@example.com', ['r@example.org']) }));
	close $m->{sock};
	($record) = $daemon->audit_after($seen, 1);
	is($record->{from}, 'end@example.com', 'closed at once behind the end');
};

# 200 silent sessions, more than workers wait with: none keeps another session
# waiting.
subtest 'many that say nothing' => sub {
	my @silent = map { session($daemon, %sendmail, %verified) } 1 .. 200;
	for my $n (1 .. 50) {
		my $m = session($daemon, %sendmail, %verified);
		answer_is($m->mail("a$n\@example.com"), 'continue', "beside, $n");
	}
	answer_is($silent[$_]->mail("s$_\@example.com"), 'continue',
	    "silent $_ speaks") for 0 .. $#silent;
};

# Each takes a worker that waits for the rest.  libmilter gives several sessions
# to the same idle one: a new one among them has nobody left, and would wait for
# the 300 s that half a packet may take.  On a busy machine a worker may take
# seconds to begin.
subtest 'half a packet of many at once' => sub {
	plan skip_all => "ThreadSanitizer's poll(2) is before ours, by which "
	    . 'one gets a worker that all have left' if $other_poll;
	my $unanswered = 0;
	for (1 .. 10) {
		my @half = map { session($daemon, %sendmail) } 1 .. 60;
		my @new;
		# Time for the workers to leave the silent sessions.
		select undef, undef, undef, 0.1;
		for my $n (0 .. $#half) {
			$half[$n]->raw("\0\0\0");
			next unless $n % 20 == 10;
			push @new, Tlspolicy::Milter->connect($daemon->socket);
			$new[-1]->packet('O', pack 'NNN', 6, 0x1ff, 0x1fffff);
		}
		my $end = time + 60;
		for my $m (@new) {
			my $left = $end - time;
			$m->{timeout} = $left > 1 ? $left : 1;
			my ($code) = $m->read_packet;
			$unanswered++ unless defined $code;
			$m->quit;
		}
		close $_->{sock} for @half;
		last if $unanswered;
	}
	is($unanswered, 0, 'new sessions negotiate') or diag($daemon->log);
};

is($daemon->stop, 0, 'it ends cleanly');
done_testing;
