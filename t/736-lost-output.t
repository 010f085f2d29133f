#!/usr/bin/perl
#
# What a command prints is lost: on a full device, without an output, half of it
# on a disk that fills up, with a reader that is gone.  Each then says so by its
# exit status, whatever it would have been.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Certs;
use Tlspolicy::Talk;

my ($limits, $n) = ('/usr/bin/prlimit', 0);
plan skip_all => "no $limits here" unless -x $limits;

my $daemon = daemon(<<'END', settings => { 'audit-key-file' => '' });
TLS_Clt:example.com PERM+ENCR:112+UNTIL:2099-01-01
TLS_From:bank.test PERM+VERIFY:128
TLS_Srv:dest.test ENCR:112
END
for my $n (1 .. 40) {
	my $m = session($daemon, %sendmail, i => "Q$n", $n % 2 ? %tls : ());
	next if $m->mail("a\@s$n.test")->{action} ne 'continue';
	$m->rcpt('b@loc.test');
	$m->message;
	$m->quit;
}
is($daemon->stop, 0, 'a log of forty sessions');
my $program = Tlspolicy::Daemon::program('tlspolicy');
my $log = "$daemon->{dir}/audit.log";
my $other = scratch()->write('other', "TLS_Clt:example.com PERM+VERIFY:128\n" .
    join '', map { "TLS_From:s$_.test PERM+ENCR:112\n" } 1 .. 300);
Tlspolicy::Scratch::must($program, 'set', '-c', $daemon->{conf}, '-m', 'again',
    'TLS_Clt:more.test', 'ENCR:112');
Tlspolicy::Scratch::must($program, 'plan', '-c', $daemon->{conf}, '--days', 1,
    $other);
my $access = scratch()->write('access', join '', map {
    "TLS_Clt:h$_.test PERM+VERIFY\n" } 1 .. 300);
my $csv = scratch()->write('csv', "domain,requirement\n");
my $maillog = scratch()->write('maillog', join '', map { <<"END" } 10 .. 59);
Nov 30 09:00:$_ mx postfix/smtpd[$_]: connect from mail.example.com[192.0.2.1]
Nov 30 09:00:$_ mx postfix/smtpd[$_]: Anonymous TLS connection established from mail.example.com[192.0.2.1]: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)
Nov 30 09:00:$_ mx postfix/smtpd[$_]: 4Dx$_: client=mail.example.com[192.0.2.1]
Nov 30 09:00:$_ mx postfix/cleanup[1]: 4Dx$_: message-id=<x>
Nov 30 09:00:$_ mx postfix/qmgr[1]: 4Dx$_: from=<a\@example.com>, size=1, nrcpt=1 (queue active)
END
my ($pem) = Tlspolicy::Certs->new(scratch())->pair('server');
my $lines = scratch()->write('sessions', qq({"client_name":"a.example.com"}\n)
    x 500);
my $claims = scratch()->write('a.claims', join '', map {
    "from s$_.test is never refused\n" } 1 .. 50);
my $in = "-c $daemon->{conf}";
my $directory = scratch()->write('directory.conf',
    Tlspolicy::Scratch::slurp($daemon->{conf}) .
    "directory-base = dc=example,dc=org\n");

my @commands = ("show $in", "show $in --json", "show $in TLS_Clt:example.com",
    "show $in --generation 1", "check $in client_name=a.example.com",
    "check $in -v client_name=a.example.com",
    "check $in --json client_name=a.example.com",
    "check $in --batch < $lines", "diff $in $other", "diff $in --json $other",
    "build -n $in $other", "build -n --json $in $other", "log $in",
    "log $in --json", "log $in TLS_Clt:example.com", "plan status $in",
    "plan status $in --json", "prove $in -f $claims",
    "prove $in --json -f $claims", "prove $in 'from x.test is never refused'",
    "import sendmail $access", "import sendmail --json $access",
    "export ldif -c $directory", "lint $in --json $other", "audit show $in", "audit show $in --json",
    "audit why Q1 $in", "audit verify $in", "audit verify $in --json",
    "audit head $in", "audit from-log $maillog", "replay $in -r $other",
    "replay $in --json -r $other", "replay $in --as-then",
    "suggest $in", map({ "report $in $_" } '', '--json', '--csv', '--html',
    '--left', '--left --json'), "cert $pem", "cert --json $pem",
    map({ "outbound $in --mta sendmail $_ dest.test mx.dest.test" } '', '--json'),
    "outbound $in --unasked", "doctor $in",
    "doctor $in --json", "doctor $in --fleet $log", "settings $in",
    "settings $in -v", "settings $in --json", 'help', 'help check', '--table',
    '--version');

sub ended
{
	my ($command) = @_;
	my $status = system('bash', '-c', "$command 2>/dev/null");
	return ($status & 127) != 0 ? 'signal' : $status >> 8;
}

my $printed = scratch()->path('printed');
for my $command (@commands) {
	my ($words, $from) = $command =~ /^(.*?)( < \S+)?$/;
	$from //= '';
	my $run = "$program $words$from";
	my $status = ended("$run > $printed");
	my $size = -s $printed;
	ok($size > 0, "$command: prints something ($status)") or
	    diag(substr `$run 2>&1`, 0, 300);
	is(ended("$run > /dev/full"), 74, 'a full device');
	is(ended("$run >&-"), 74, 'no output');
	# Half of it, and all but the last byte: whatever the command is killed by.
	for my $room (int($size / 2), $size - 1) {
		my $got = ended("trap '' XFSZ; exec $limits --fsize=$room " .
		    "$run > $printed");
		is($got, 74, "room for $room of $size bytes");
	}
	# A reader that is gone before anything is written.
	is(ended("trap '' PIPE; { sleep 0.02; exec $run; } > >(exec true)"),
	    74, 'nobody reads');
	like(ended("exec > >(exec true); sleep 0.02; exec $run"), qr/^(?:signal|74)$/,
	    'nobody reads, and the signal comes');
}

# The daemon says what it does to nobody; it does it all the same.
for (['a full device', 'exec "$@" 2>/dev/full'],
    ['nobody reads', 'exec "$@" 2> >(exec true)'],
    ['no standard error', 'exec "$@" 2>&-'],
    ['none of the three', 'exec "$@" <&- >&- 2>&-']) {
	my ($name, $words) = @$_;
	my $mute = Tlspolicy::Daemon->start(scratch => scratch(),
	    name => "mute" . ++$n, rules => "TLS_Clt:example.com PERM+ENCR:112\n",
	    under => ['bash', '-c', "sleep 0.02; $words", 'bash']);
	$mute->hup for 1 .. 3;
	my $m = session($mute);
	answer_is($m->mail('a@example.com'), [550, '5.7.10'],
	    "the daemon's log: $name: refused");
	$m->set(%tls);
	$m->mail('a@example.com');
	$m->rcpt('b@loc.test');
	answer_is($m->message, 'continue', 'accepted');
	is(join(' ', map { $_->{event} } ($mute->audit)[-2, -1]),
	    'refused-mail message', 'recorded');
	$m->quit;
	is($mute->stop, 0, 'it stops');
	is($mute->tlspolicy('audit', 'verify')->{status}, 0,
	    'and its log is whole');
}
done_testing;
