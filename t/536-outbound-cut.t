#!/usr/bin/perl
#
# Mail that leaves sendmail while the connection to the daemon is lost before,
# in and behind any one question of a delivery: with a rule that the server does
# not meet nothing leaves, whatever question it was.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Select;
use IO::Socket::UNIX;
use POSIX qw(_exit);
use Test::More;
use Tlspolicy::Outbound;

my $out = Tlspolicy::Outbound->start('sendmail', through => 'between.sock');
my $scratch = $out->{scratch};
my $log = $scratch->path('between.log');

# Every question, answered by the daemon, except for what `how` says:
#   cut N	at the Nth question the connection ends
#   half N	after half of the Nth answer
#   gone N	from the Nth question on, and so does each new one
#   silent N	from the Nth question on nothing is answered
# Each question is a line of the log.
sub between
{
	my ($how, $n) = @_;
	my $path = $scratch->path('between.sock');
	unlink $path;
	open my $fh, '>', $log or die "$log: $!\n";
	$fh->autoflush;
	my $listener = IO::Socket::UNIX->new(Local => $path, Listen => 100) or
	    die "$path: $!\n";
	chmod 0666, $path;
	my $pid = fork // die "fork: $!\n";
	return $pid if $pid;
	my ($select, %daemon, @silent) = IO::Select->new($listener);
	my $asked = 0;
	for (;;) {
		for my $s ($select->can_read) {
			if ($s == $listener) {
				my $new = $listener->accept // next;
				$daemon{$new} = IO::Socket::UNIX->new(
				    Peer => $out->{map});
				$select->add($new);
				next;
			}
			my $question = netstring($s);
			my $d = $daemon{$s};
			if (!defined $question || !$d) {
				$select->remove($s);
				close $s;
				next;
			}
			print $fh "$question\n";
			my $here = ++$asked == $n;
			my $behind = $asked >= $n;
			if (($how eq 'cut' && $here) ||
			    ($how eq 'gone' && $behind)) {
				$select->remove($s);
				close $s;
				next;
			}
			if ($how eq 'silent' && $behind) {
				$select->remove($s);
				push @silent, $s;
				next;
			}
			print $d length($question), ":$question,";
			$d->flush;
			my $answer = netstring($d) // '';
			$answer = length($answer) . ":$answer,";
			if ($how eq 'half' && $here) {
				syswrite $s, substr $answer, 0,
				    length($answer) / 2;
				$select->remove($s);
				close $s;
				next;
			}
			syswrite $s, $answer;
		}
	}
	_exit(0);
}

sub netstring
{
	my ($s) = @_;
	my ($length, $c, $text) = ('', '', '');
	while (sysread $s, $c, 1) {
		last if $c eq ':';
		$length .= $c;
	}
	return undef if $length !~ /^\d+\z/;
	while (length $text <= $length) {
		sysread $s, $text, $length + 1 - length $text, length $text or
		    return undef;
	}
	return substr $text, 0, $length;
}

# What became of a message, and the questions that were asked.
sub deliver
{
	my ($how, $n, $domain) = @_;
	my $pid = between($how, $n);
	my $before = $out->taken($domain, 0);
	my $got = $out->deliver($domain);
	my $clear = $out->taken($domain, 0) - $before;
	Tlspolicy::Scratch::end_pid($pid);
	$out->forget;
	return ($clear ? 'clear' : $got, split /\n/,
	    Tlspolicy::Scratch::slurp($log));
}

my ($got, @asked) = deliver('cut', 0, 'plain.test');
is($got, 'clear', 'no rule, and nothing is lost');
is(grep({ m{ tlspolicy:tls_srv/plain\.test/127\.0\.0\.14$} } @asked), 1,
    'the whole policy of the server is asked for, once') or diag("@asked");
is(grep({ m{ tlspolicy:tls_rcpt/u\d+\@plain\.test$} } @asked), 1,
    'and that of the recipient') or diag("@asked");

for (['TLS_Srv:plain.test ENCR:1', qw(cut half gone)],
    ['TLS_Srv:127.0.0.0/8 VERIFY', 'cut'],
    ['TLS_Rcpt:plain.test ENCR:1', qw(cut gone)], ['TLS_Rcpt: VERIFY', 'cut']) {
	my ($rule, @ways) = @$_;
	$out->policy($rule);
	for my $how (@ways) {
		my ($n, @open) = 0;
		do {
			($got, @asked) = deliver($how, ++$n, 'plain.test');
			push @open, "$n: $asked[$n - 1]" if $got eq 'clear';
		} while @asked >= $n;
		is("@open", '', "$rule, $how: in clear by none of "
		    . ($n - 1) . ' questions');
		cmp_ok($n, '>', 3, 'which are some');
		like($got, qr/encryption too weak|STARTTLS/,
		    'and the rule is why it stays when nothing is lost');
	}
}

# The daemon hangs: nothing leaves, and no question takes sendmail's 30 seconds.
$out->policy('TLS_Srv:plain.test ENCR:1');
for my $question (qr/clt_features|try_tls/, qr{tlspolicy:tls_srv}) {
	my ($n) = grep { $asked[$_] =~ $question } 0 .. $#asked;
	($got) = deliver('silent', $n + 1, 'plain.test');
	like($got, qr/cannot be consulted|timed? ?out|unsafe/i,
	    "a daemon that hangs, from $question on: deferred");
}
done_testing;
