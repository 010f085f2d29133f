#!/usr/bin/perl
#
# outbound-resolver: what Postfix is told by a rule beside another resolver's
# answer (the table of tlspolicy-outbound(7), each cell), and a resolver that
# lies, dawdles, talks too much or is not there: never less than was asked for,
# and the others are served meanwhile.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Select;
use IO::Socket::UNIX;
use Test::More;
use Tlspolicy::Nexthop;
use Tlspolicy::Talk;
use Tlspolicy::Tree;

my ($names, $cells, @columns) = Tlspolicy::Tree::pairs(2, 3);

# What the resolver says of a name, by its first label; code gets the socket.
my $sts = 'match=mx1.sts.test:.sts.test servername=hostname policy_type=sts '
    . '{ policy_string = version: STSv1 } mx_host_pattern=.sts.test';
my %says = (
	'not found' => 'NOTFOUND ', may => 'OK may', encrypt => 'OK encrypt',
	'dane-only' => 'OK dane-only', secure => "OK secure $sts",
	failed => 'TEMP later',
);
my $fp = join ':', ('AB') x 32;
my %rules = Tlspolicy::Nexthop::rules_of_rows($fp);
my %replies;
my (@cases, @policy);
for my $name (@$names) {
	my @cells = @{$cells->{$name}};
	my $rule = delete $rules{$name};
	ok($rule, "$name: a rule") or next;
	is(scalar @cells, scalar @columns, "$name: a cell for each column");
	for my $i (0 .. $#cells) {
		my $domain = 'c' . @cases . '.test';
		push @policy, sprintf "$rule->[0]\n", $domain if $rule->[0];
		$replies{$domain} = $says{$columns[$i]} // die $columns[$i];
		push @cases, { name => "$name, $columns[$i]", row => $name,
		    match => $rule->[1], domain => $domain,
		    cell => $cells[$i], column => $columns[$i] };
	}
}
is(join(' ', sort keys %rules), '', 'each kind of rule has its row');

# Hostile ones; each gets the socket and says what it likes.
my $huge = 'OK secure match=' . join ':', map { "mx$_.test" } 1 .. 1000;
my %hostile = (
	garbage => sub { syswrite $_[0], "\0\xff\x80 garbage" x 100 },
	http => sub { syswrite $_[0], "HTTP/1.0 200 OK\r\n\r\n" },
	huge => sub { syswrite $_[0], length($huge) . ":$huge," },
	endless => sub { $SIG{PIPE} = 'DEFAULT';
	    1 while syswrite $_[0], '4096:' . 'x' x 4096 },
	length => sub { syswrite $_[0], '99999999999999999999:OK may,' },
	closes => sub { close $_[0] },
	half => sub { syswrite $_[0], '10:OK enc'; close $_[0] },
	twice => sub { syswrite $_[0], '6:OK may,6:OK may,' },
	nocomma => sub { syswrite $_[0], '6:OK mayx' },
	empty => sub { syswrite $_[0], '0:,' },
	slow => sub { sleep 300 },
	drip => sub { syswrite $_[0], '10' ; for (1 .. 300) { sleep 1 } },
);
my %wrong = (
	level => 'OK strict', nothing => 'OK ', bare => 'OK', yes => 'YES',
	perm => 'PERM no', timeout => 'TIMEOUT no', temp => 'TEMP no',
	notfound => 'NOTFOUND', brace => 'OK secure { match=x',
	attribute => 'OK secure match', value => 'OK secure match=',
	binary => "OK secure match=a\x01b", newline => "OK may\n",
	many => 'OK secure' . ' a=b' x 33,
);
my @others = (
	# name, rule, what the resolver says, what Postfix is told
	['x1', 'ENCR:128', 'OK may ciphers=low protocols=!TLSv1',
	    'OK encrypt ciphers=high'],
	['x2', 'ENCR:1', 'OK may ciphers=low protocols=!TLSv1 exclude=RC4',
	    'OK encrypt'],
	['x3', 'ENCR:1+VER:1.2', 'OK secure match=a protocols=>=TLSv1.3',
	    'OK secure match=a protocols=>=TLSv1.3'],
	['x4', 'ENCR:1+VER:1.3', 'OK secure match=a protocols=>=TLSv1.2',
	    'OK secure match=a protocols=>=TLSv1.3'],
	['x5', 'ENCR:1+VER:1.3', 'OK secure match=a protocols=!TLSv1',
	    'TEMP TLS policy cannot be expressed: VER beside protocols of the '
	    . 'resolver'],
	['x6', 'ENCR:1+AUTHENTICATED', 'OK secure match=a exclude=MD5,ciphers=x',
	    'OK secure match=a exclude=aNULL:MD5 ciphers=x'],
	['x7', "ENCR:1+FP:$fp", 'OK secure match=a tafile=/x policy_type=sts',
	    "OK fingerprint match=$fp policy_type=sts"],
	['x8', 'VERIFY+CN++CN:.b.test', 'OK secure match=a',
	    'OK secure match=.b.test'],
	['x9', 'VERIFY', "OK fingerprint match=$fp match=$fp",
	    "OK fingerprint match=$fp match=$fp"],
	['x10', 'ENCR:1', 'OK verify', 'OK verify'],
	['x11', 'VERIFY', 'OK verify', 'OK secure match=nexthop:dot-nexthop'],
	['x12', 'ENCR:1', 'OK dane', 'OK dane-only'],
	['x13', '', "OK secure $sts", "OK secure match=mx1.sts.test:.sts.test "
	    . 'servername=hostname policy_type=sts { policy_string = version: '
	    . 'STSv1 } mx_host_pattern=.sts.test'],
	# Postfix would take the patterns in place of names that are not theirs.
	['x19', 'VERIFY+CN:mx.pin.test', "OK secure $sts", 'OK secure match=mx.pin.test servername=hostname '
	    . 'policy_type=sts { policy_string = version: STSv1 }'],
	['x20', "ENCR:1+FP:$fp", "OK secure $sts", "OK fingerprint match=$fp servername=hostname policy_type=sts "
	    . '{ policy_string = version: STSv1 }'],
	['x21', 'VERIFY', 'OK may policy_type=sts mx_host_pattern=.sts.test',
	    'OK secure match=nexthop:dot-nexthop policy_type=sts'],
	['x22', 'ENCR:1', 'OK may policy_type=sts mx_host_pattern=.sts.test',
	    'OK encrypt policy_type=sts mx_host_pattern=.sts.test'],
	['x23', 'VERIFY', "OK secure $sts", "OK secure $sts"],
	# A resolver that believes DNS, too, does not make VERIFY do so.
	['x16', 'VERIFY', 'OK secure match=a:hostname',
	    'OK secure match=nexthop:dot-nexthop'],
	['x17', 'ENCR:1', 'OK secure match=a:hostname',
	    'OK verify match=a:hostname'],
	['x18', 'VERIFY+CN', 'OK secure match=hostname',
	    'OK secure match=hostname'],
	['x14', 'ENCR:1', 'OK none', 'OK encrypt'],
	['x15', '', 'OK SECURE match=a', 'OK secure match=a'],
);
$replies{"$_.test"} = $wrong{$_} for keys %wrong;
$replies{"$_->[0].test"} = $_->[2] for @others;
push @policy, map { "TLS_Rcpt:$_->[0].test $_->[1]\n" }
    grep { $_->[1] } @others;
push @policy, "TLS_Rcpt:closes.test VERIFY+CN:pinned.test\n";
# The rule of the domain above counts beside what is resolved below it.
push @policy, "TLS_Rcpt:up.test VERIFY+CN:mx.up.test\n";
$replies{'sub.up.test'} = 'OK secure match=elsewhere.test';
$replies{'xn--bcher-kva.test'} = 'OK encrypt';

# A resolver; `once` ends each connection after an answer.
sub resolver
{
	my ($path, $once) = @_;
	unlink $path;
	my $listener = IO::Socket::UNIX->new(Local => $path, Listen => 50) or
	    die "$path: $!\n";
	my $pid = fork // die "fork: $!\n";
	if ($pid) {
		setpgrp $pid, $pid;
		return $pid;
	}
	setpgrp;
	$SIG{CHLD} = 'IGNORE';
	$SIG{TERM} = 'DEFAULT';
	while (my $peer = $listener->accept) {
		my $child = fork // next;
		next if $child;
		alarm 400;
		$SIG{PIPE} = 'IGNORE';
		my $in = '';
		while (sysread $peer, $in, 4096, length $in) {
			while ($in =~ s/^\d+:(\S+) ([^,]*),//) {
				my ($map, $key) = ($1, $2);
				my ($label) = $key =~ /^\.?([^.]+)\.test$/;
				if ($hostile{$label // ''}) {
					$hostile{$label}->($peer);
					sleep 1 if $label eq 'twice';
					POSIX::_exit(0) unless defined
					    fileno $peer;
					next;
				}
				my $reply = $map ne 'sts' ? 'PERM no such map' :
				    $replies{$key} // 'NOTFOUND ';
				syswrite $peer, length($reply) . ":$reply,";
				POSIX::_exit(0) if $once;
			}
		}
		POSIX::_exit(0);
	}
	POSIX::_exit(0);
}

# With whoever still serves a connection.
sub end_resolver
{
	my ($pid) = @_;
	local $?;
	kill TERM => -$pid;
	waitpid $pid, 0;
}

my $path = scratch()->path('map.sock');
my $there = scratch()->path('resolver.sock');
my $resolver = resolver($there);
scratch()->at_end(sub { end_resolver($resolver) });
my %settings = (socketmap => "unix:$path", 'outbound-servername' => 'none',
    'outbound-resolver' => "unix:$there sts");
my $daemon = daemon(join('', @policy), settings => { %settings });
my %open;

sub connected
{
	return IO::Socket::UNIX->new(Peer => $path, Timeout => 60);
}

sub send_question
{
	my ($sock, $key, $map) = @_;
	my $query = ($map // 'tlspolicy') . " $key";
	print $sock length($query) . ":$query,";
}

sub answer
{
	my ($sock) = @_;
	my $all = \($open{$sock} //= '');
	while (1) {
		if ($$all =~ /^(\d+):/ && length $$all > length("$1:") + $1) {
			my $n = $1;
			$$all =~ s/^\d+://;
			my $got = substr $$all, 0, $n;
			substr($$all, 0, $n + 1) = '';
			return $got;
		}
		IO::Select->new($sock)->can_read(60) or return "none: $$all";
		sysread($sock, $$all, 65536, length $$all) or
		    return "end: $$all";
	}
}

my $sock = Tlspolicy::Scratch::wait_for(60, \&connected) or die("no connection: $!");
sub ask
{
	send_question($sock, @_);
	return answer($sock);
}

for my $case (@cases) {
	my ($cell, $match) = @$case{qw(cell match)};
	my $told = ask($case->{domain});
	if ($cell eq 'TEMP') {
		like($told, $case->{row} eq 'VERIFY+CN' &&
		    $case->{column} ne 'failed' ?
		    qr/^TEMP TLS policy cannot be expressed: CN/ :
		    qr/^TEMP TLS policy cannot be resolved: it cannot tell/,
		    $case->{name});
		next;
	}
	my $want = $cell eq '-' ? 'NOTFOUND ' : $cell eq 'sts' ?
	    'OK secure match=mx1.sts.test:.sts.test' : $cell eq 'FP' ?
	    "OK fingerprint match=$match" : $cell eq 'secure' ?
	    "OK secure match=$match" : "OK $cell";
	$want .= $case->{row} eq 'ENCR:128' ? ' ciphers=high' : '';
	$want .= ' ' . $sts =~ s/^match=\S+ //r if $case->{column} eq 'secure'
	    && $case->{row} !~ /^(?:OK|ENCR:0|Try_TLS NO)$/;
	# The patterns are for names of the resolver's own, or for none.
	$want =~ s/ mx_host_pattern=\S+// if $cell =~ /^(?:secure|FP)$/;
	is($told, $want, $case->{name});
}
is(ask("$_->[0].test"), $_->[3], "beside $_->[2]: $_->[1]") for @others;
is(ask('sub.up.test'), 'OK secure match=mx.up.test',
    'the rule of the domain above');
is(ask("b\xc3\xbccher.test"), 'OK encrypt', 'it is asked for A-labels');
like(ask("a b\xff.test"), qr/^TEMP .*cannot be asked for that name/,
    'a name that is none');
like(ask($_ . '.test'), qr/^TEMP TLS policy cannot be resolved: /, "it says "
    . $wrong{$_} =~ s/[^ -~]/?/gr =~ s/(.{30}).*/$1.../r)
    for sort keys %wrong;
for (sort grep { !/slow|drip|closes/ } keys %hostile) {
	like(ask("$_.test"), qr/^TEMP TLS policy cannot be resolved: /,
	    "hostile: $_");
	is(ask('x10.test'), 'OK verify', '... and then it is asked again');
}
is(ask('closes.test'), 'OK secure match=pinned.test',
    'a pinned name needs no resolver');

# While two do not answer, others are served; a connection that ends does not
# matter, and its own questions stay in their order.
my @stuck = map { connected() } 1 .. 2;
send_question($stuck[0], 'slow.test');
send_question($stuck[0], 'x10.test');
send_question($stuck[1], 'drip.test');
my $gone = connected();
send_question($gone, 'slow.test');
is(ask('x10.test'), 'OK verify', 'others are served meanwhile');
close $gone;
is(ask('x12.test'), 'OK dane-only', 'one who asked goes away');
# More questions than connections: all but the last wait behind.
my @crowd = map { connected() } 1 .. 40;
send_question($_, 'slow.test') for @crowd[0 .. 19];
send_question($_, 'x10.test') for @crowd[20 .. 39];
like(answer($stuck[0]), qr/^TEMP .*did not answer in time/, 'slow');
is(answer($stuck[0]), 'OK verify', 'and the next one of that connection');
like(answer($stuck[1]), qr/^TEMP .*did not answer in time/, 'drip');
my @late = map { answer($_) } @crowd;
is(scalar(grep { /^TEMP .*did not answer in time/ } @late[0 .. 19]), 20,
    'a crowd of slow ones: each has its end') or diag(explain(\@late));
is(scalar(grep { /^(?:OK verify|TEMP .*in time)$/ } @late[20 .. 39]), 20,
    'those behind them as well') or diag(explain(\@late));
is(ask('x10.test'), 'OK verify', 'and then it is asked again');
close $_ for @crowd, @stuck;

# Gone, back, and one that ends each connection.
end_resolver($resolver);
like(ask('x10.test'), qr/^TEMP .*there is no connection|^TEMP .*closed/,
    'not there');
is(ask('closes.test'), 'OK secure match=pinned.test', 'the rule suffices');
logged($daemon, qr/the resolver unix:\S+ sts gave no answer: /, 'the log');
$resolver = resolver($there, 1);
is(ask('x10.test'), 'OK verify', "once each: $_") for 1 .. 20;
logged($daemon, qr/the resolver unix:\S+ sts answers again/, 'back');
end_resolver($resolver);
$resolver = resolver($there);

# In monitor mode there are no rules, and it is heard all the same.
sub configure
{
	my (%more) = @_;
	my $times = () = $daemon->log =~ /settings were read again/g;
	$daemon->configure(%settings, %more);
	$daemon->hup;
	Tlspolicy::Scratch::wait_for(60, sub {
	    (() = $daemon->log =~ /settings were read again/g) > $times });
}
configure(mode => 'monitor');
is(ask('x11.test'), 'OK verify', 'monitor: what it says');
is(ask('closes.test') =~ s/:.*//r, 'TEMP TLS policy cannot be resolved',
    'monitor: nor a failure is hidden');
is(ask('up.test'), 'NOTFOUND ', 'monitor: not the rule');
configure('outbound-default' => 'secure');
is(ask('x10.test'), 'OK secure', "beside the site's level");
is(ask('x2.test'), 'OK secure', 'and not below it');

my %seen = map { $_->{query} => $_ } grep { $_->{event} eq 'outbound' }
    $daemon->audit;
is($seen{'x13.test'}{result}, 'passed-on', 'recorded: passed on');
is($seen{'x13.test'}{resolver}, "OK secure $sts", 'what it said');
is($seen{'slow.test'}{result}, 'failed', 'recorded: failed');
is($seen{'slow.test'}{resolver}, 'it did not answer in time', 'and why');
is($seen{'c6.test'}{result}, 'warned', 'WARN beside no policy');
my $r = $daemon->tlspolicy('audit', 'show', '--domain', 'x13.test',
    "$daemon->{dir}/audit.log");
like($r->{out}, qr/ outbound passed-on .*resolver=OK secure .*answer=secure /,
    'audit show');
is($daemon->stop, 0, 'it stops');
done_testing;
