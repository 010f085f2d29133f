#!/usr/bin/perl
# No mail is accepted unrecorded: the disk is full, and has room again.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use POSIX ();
use Time::HiRes qw(time);
use Tlspolicy::Talk;

my $limits = '/usr/bin/prlimit';
plan skip_all => "no $limits here" unless -x $limits;

# The daemon's files may not grow beyond this many bytes: as a full disk does,
# it takes a part of a line.
sub limit
{
	my ($daemon, $bytes) = @_;
	system($limits, '--pid', $daemon->{pid}, "--fsize=$bytes:unlimited") == 0
	    or die "$limits: $?\n";
}

# The daemon's own log is limited, too: make the audit file the larger one.
sub fill
{
	my ($m) = @_;
	for (1 .. 8) {
		my $answer = $m->mail('filler@example.com');
		next if $answer->{action} ne 'continue';
		$m->rcpt('b@example.org');
		$m->message;
	}
}

sub message
{
	my ($m) = @_;
	$m->mail('a@example.com');
	$m->rcpt('b@example.org');
	return $m->message;
}

sub whole
{
	my ($daemon, $name) = @_;
	my $r = $daemon->tlspolicy('audit', 'verify');
	is($r->{status}, 0, $name) or diag($r->{out} . $r->{err});
}

sub tempfails
{
	my ($sync) = @_;
	my $daemon = daemon("TLS_Clt:example.com PERM+ENCR:112\n",
	    name => "tempfail-$sync", settings => { 'audit-sync' => $sync });
	my $m = session($daemon);
	fill($m);
	# Waits until the daemon writes nothing more into the log.
	my $size = -1;
	Tlspolicy::Scratch::wait_for(60, sub {
		sleep 1;
		my $had = $size;
		return $had == ($size = -s "$daemon->{dir}/audit.log");
	});
	limit($daemon, 1 + $size);
	answer_is($m->mail('a@example.com'), [550, '5.7.10'],
	    'a refusal needs no record to be given');
	$m->set(%tls);
	answer_is($m->mail('a@example.com'), 'continue', 'MAIL');
	answer_is($m->rcpt('b@example.org'), 'continue', 'RCPT');
	answer_is($m->message, [451, '4.3.0', qr/recorded/],
	    'the end is not accepted');
	logged($daemon, qr/audit log: cannot write: File too large/,
	    'the log says why');
	limit($daemon, 'unlimited');
	logged($daemon, qr/audit log: writing again/, 'and when it is over');
	answer_is(message($m), 'continue', 'with room again it is accepted');
	# Lines of the events unrecorded and withdrawn may stand anywhere at the
	# end.
	my @records = $daemon->audit;
	my ($last) = (grep { $_->{event} !~ /^(?:unrecorded|withdrawn)$/ }
	    @records)[-1];
	is($last->{event}, 'message', 'and recorded');
	is(scalar(grep { ($_->{withdraws} // $_->{of} // 0) == $last->{seq} }
	    @records), 0, 'and that stays so');
	whole($daemon, 'the log is whole');
}

# In each mode of audit-sync no message is accepted before its record is written.
for my $sync ('none', 'batch', 'each') {
	subtest "audit-full = tempfail, audit-sync = $sync" =>
	    sub { tempfails($sync) };
}

subtest 'audit-full = block' => sub {
	my $daemon = daemon('', name => 'block', settings =>
	    { 'audit-sync' => 'each', 'audit-full' => 'block' });
	my $m = session($daemon);
	fill($m);
	limit($daemon, 100 + -s "$daemon->{dir}/audit.log");
	my $start = time;
	defined(my $pid = fork) or die "fork: $!\n";
	if (!$pid) {
		select undef, undef, undef, 0.7;
		limit($daemon, 'unlimited');
		POSIX::_exit(0);
	}
	answer_is(message($m), 'continue', 'accepted when there is room');
	cmp_ok(time - $start, '>', 0.6, 'and not before');
	waitpid $pid, 0;
	limit($daemon, 100 + -s "$daemon->{dir}/audit.log");
	$start = time;
	answer_is(message($m), [451, '4.3.0', qr/recorded/],
	    'no room: not accepted');
	my $took = time - $start;
	ok($took > 4 && $took < 9, 'after the bounded time') or
	    diag("got: $took s, want: about 5");
	limit($daemon, 'unlimited');
	logged($daemon, qr/audit log: writing again/, 'it goes on');
	Tlspolicy::Scratch::wait_for(60, sub {
		grep { /"withdrawn"/ } $daemon->{scratch}->read(
		    'block/audit.log') });
	whole($daemon, 'the log is whole');
};

done_testing;
