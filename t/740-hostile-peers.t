#!/usr/bin/perl
#
# Peers of the milter socket that are broken, silent or malicious: the daemon
# stays up, takes no more memory than it should, and serves everyone else.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX ();
use Socket qw(SOL_SOCKET SO_LINGER);
use Test::More;
use Tlspolicy::Daemon;
use Tlspolicy::Fault;
use Tlspolicy::Milter;
use Tlspolicy::Scratch;

my $missing = Tlspolicy::Daemon::missing();
plan skip_all => $missing if defined $missing;

my $scratch = Tlspolicy::Scratch->new;
my $daemon = Tlspolicy::Daemon->start(scratch => $scratch,
    rules => "TLS_From:strict.example\tPERM+ENCR:128\n");

# What each packet of a whole session is, without the answers.
my $connect = pack 'Z*a n Z*', 'mx.example.com', '4', 4711, '192.0.2.7';
my @session = (
	[ O => pack 'NNN', 6, 0x1ff, 0x1fffff ],
	[ C => $connect ],
	[ H => "mx.example.com\0" ],
	[ M => "<someone\@lax.example>\0" ],
	[ R => "<user\@example.org>\0" ],
	[ T => '' ],
	[ L => "Subject\0test\0" ],
	[ N => '' ],
	[ B => "text\r\n" ],
	[ E => '' ],
	[ A => '' ],
	[ Q => '' ],
);

sub bytes
{
	my ($code, $data) = @{$_[0]};
	return pack 'N a a*', 1 + length $data, $code, $data;
}

sub peer
{
	my $m = Tlspolicy::Milter->connect($daemon->socket, timeout => 60)
	    or die 'cannot connect: ' . $daemon->log;
	return $m;
}

# Send these bytes, let the daemon take them in, hang up.
sub throw
{
	my ($bytes) = @_;
	my $m = peer();
	$m->raw($bytes);
	shutdown $m->{sock}, 1;
	$m->{timeout} = 1;
	1 while defined $m->read_bytes(1);
	close $m->{sock};
}

# The reply to a proper client's MAIL.
sub proper_mail
{
	my ($sender) = @_;
	my $m = peer();
	$m->negotiate or return 'no negotiation';
	$m->set(v => '8.17.1.9', j => 'mx.example.org',
	    client_name => 'mx.example.com',
	    client_addr => '192.0.2.7', daemon_name => 'MTA');
	$m->conn('mx.example.com', '192.0.2.7');
	$m->helo('mx.example.com');
	$m->set(mail_addr => $sender);
	my $r = $m->mail($sender);
	$m->quit;
	return $r->{action} . ($r->{code} ? " $r->{code}" : '');
}

sub memory
{
	my ($kb) = Tlspolicy::Scratch::slurp("/proc/$daemon->{pid}/status") =~
	    /^VmRSS:\s+(\d+)/m;
	return $kb;
}

my $sanitized = Tlspolicy::Scratch::slurp("/proc/$daemon->{pid}/maps") =~
    /lib[atu](?:san|bsan)\b/;

# After each attack: up, others served with the right verdict, memory bounded.
sub unharmed
{
	my ($what, $before, $kb) = @_;
	subtest $what => sub {
		ok $daemon->alive, 'the daemon is up' or diag $daemon->log;
		is proper_mail('someone@lax.example'), 'continue',
		    'a proper client is served';
		is proper_mail('someone@strict.example'), 'reply 550',
		    'and still refused where the policy says so';
		return if $sanitized || !defined $before;
		cmp_ok memory() - $before, '<', $kb, "grown by less than $kb kB"
		    or diag "$before kB before";
	};
}

unharmed('before any attack');
# Fifty sessions first: what the daemon allocates for them once is no growth.
throw(join '', map { bytes($_) } @session) for 1 .. 50;

my $before = memory();
for my $n (0 .. $#session) {
	my $whole = join '', map { bytes($_) } @session[0 .. $n - 1];
	my $last = bytes($session[$n]);
	throw($whole . substr $last, 0, $_) for 0 .. 5, length($last) - 1;
}
unharmed('half a packet of each kind', $before, 8192);

$before = memory();
for my $size (0, 0x10000, 0x100000, 0x100001, 0x7fffffff, 0x80000000, 0xffffffff) {
	my $lie = pack 'N a a*', $size, 'M', 'x' x 4096;
	throw($lie);
	throw(bytes($session[0]) . $lie);
	throw(bytes($session[0]) . pack('N a a*', $size, 'D', 'M' . 'x' x 4096));
}
unharmed('lengths that lie', $before, 8192);

$before = memory();
{
	# Every packet first, twice, and after every other one.
	for my $first (@session) {
		throw(bytes($first));
		throw(bytes($session[0]) . join '', map { bytes($first) } 1 .. 20);
		for my $second (@session) {
			throw(join '', map { bytes($_) } $session[0],
			    $first, $second, $session[3], $session[4]);
		}
	}
	throw(join '', map { bytes($_) } reverse @session);
	throw(bytes($session[0]) . bytes([ chr($_), 'x' ])) for 0 .. 255;
}
unharmed('wrong order and unknown commands', $before, 8192);

# One kind is not among them: a macro packet that ends with a name and has no
# value for it.  smfi_getsymval(3) of libmilter 1.0.1 then reads past the end of
# its own list, before this daemon sees anything, and the process may crash.
# Only who may write to the socket can do that; tlspolicy-milter(8) says so.
$before = memory();
for my $bad ([ C => '' ], [ C => "\0" ], [ C => "name\0" ], [ C => "name\0004" ],
    [ C => "name\0004\0\x19" ], [ C => "name\0004\0\x19999.1.1.1\0" ],
    [ C => "name\0006\0\x19:::::\0" ], [ C => "name\0Z\0\x19x\0" ],
    [ C => "name\0004\0\x19192.0.2.1" ], [ C => 'x' x 60000 . "\0U" ],
    [ H => '' ], [ H => 'x' ], [ M => '' ], [ M => "\0" ], [ M => '<a@b>' ],
    [ M => '<' . 'x' x 60000 . ">\0" ], [ M => "<a\@b>\0" x 5000 ],
    [ M => "<\x00\x01\xff\n\r\"\\>\0" ], [ M => "<a\@" . 'b.' x 20000 . ">\0" ],
    [ R => '' ], [ R => "\0\0\0" ], [ R => "<\r\n{\"verdict\":1}>\0" ],
    [ D => '' ], [ D => 'M' ], [ D => "Mi" ], [ D => "M\0\0\0\0" ],
    [ D => "Z{x}\0y\0" ],
    [ D => "M{cipher_bits}\0" . '9' x 60000 . "\0" ],
    [ D => "M{cn_subject}\0" . '+' x 60000 . "\0{verify}\0OK\0" ],
    [ D => "M{client_addr}\0" . ':' x 60000 . "\0" ],
    [ D => "M{mail_addr}\0" . '@' x 60000 . "\0v\0\xff\xfe\0" ]) {
	throw(join '', map { bytes($_) } @session[0, 1, 2], $bad,
	    @session[3, 4, 9]);
	throw(join '', map { bytes($_) } $session[0], $bad, @session[1 .. 11]);
}
unharmed('values that are none', $before, 8192);

$before = memory();
for my $same (0, 1) {
	my $m = peer();
	$m->negotiate;
	for my $n (1 .. 20000) {
		my $name = $same ? '{cn_subject}' : "{macro$n}";
		last unless $m->raw(bytes([ D => "M$name\0" . 'x' x 500 . "\0" ]));
	}
	my $kb = memory() - $before;
	cmp_ok $kb, '<', 8192, 'macros without end: bounded while they come'
	    unless $sanitized;
	close $m->{sock};
}
unharmed('macros without end', $before, 8192);

# A silent peer costs libmilter a context, and with half a packet a thread, too,
# which waits for the rest: 14 kB of it are touched, 17 when built with -O0.
# Both ends live under this process's limit of open files.
my $files = POSIX::sysconf(POSIX::_SC_OPEN_MAX());
my $many = $files > 2200 ? 2000 : $files - 200;
$before = memory();
my @silent = map { peer() } 1 .. $many;
unharmed("$many connections that say nothing", $before, $many * 8);
$_->raw(bytes($session[0])) for @silent;
unharmed("$many that negotiate and then say nothing", $before, $many * 8);
$_->raw("\0\0\0") for @silent;
unharmed("$many with half a packet", $before, $many * 24);
close $_->{sock} for @silent;
@silent = ();
unharmed("$many hung up at once");

$before = memory();
for my $n (0 .. $#session) {
	for (1 .. 30) {
		my $m = peer();
		$m->raw(join '', map { bytes($_) } @session[0 .. $n]);
		close $m->{sock};
	}
}
unharmed('hung up after each step', $before, 8192);

# Over TCP an end may come without notice, as a reset.
{
	my $unix = $daemon;
	$daemon = Tlspolicy::Daemon->start(scratch => $scratch, name => 'tcp',
	    socket => 'inet', rules => "TLS_From:strict.example\tPERM+ENCR:128\n");
	proper_mail('someone@lax.example') for 1 .. 10;
	$before = memory();
	for my $n (0 .. $#session) {
		my $whole = join '', map { bytes($_) } @session[0 .. $n];
		for my $cut (0, 1, length(bytes($session[$n])) - 1) {
			my $m = peer();
			$m->raw(substr $whole, 0, length($whole) - $cut);
			select undef, undef, undef, 0.01 if $cut == 1;
			setsockopt $m->{sock}, SOL_SOCKET, SO_LINGER,
			    pack 'ii', 1, 0;
			close $m->{sock};
		}
	}
	unharmed('reset at each step', $before, 8192);
	is $daemon->stop, 0, 'the daemon ends';
	$daemon = $unix;
}

is $daemon->stop, 0, 'SIGTERM ends it cleanly after all that';

# Five minutes are three seconds for this one, and a minute is with our engine.
# A sanitizer's poll(2) stands in front of the daemon's.
subtest 'who stops in the middle keeps no thread' => sub {
	plan skip_all => 'a sanitizer' if $sanitized;
	my $missing = Tlspolicy::Fault::missing('clock');
	plan skip_all => $missing if $missing;
	my $clock = Tlspolicy::Fault::Clock->new($scratch);
	$daemon = Tlspolicy::Daemon->start(scratch => $scratch, name => 'haste',
	    rules => "TLS_From:strict.example\tPERM+ENCR:128\n",
	    env => { %{$clock->env}, FAULT_HASTE => 1 });
	my @unread = map { peer() } 1 .. 5;
	for (@unread) {
		$_->negotiate;
		$_->set(v => '8.17.1.9', client_name => 'mx.example.com',
		    client_addr => '192.0.2.7');
		$_->{sock}->blocking(0);
		my $mail = bytes([ D => 'M' . $_->macros_for('mail') ]) .
		    bytes([ M => "<someone\@strict.example>\0" ]);
		# The daemon may be slow: it counts as full when nothing was taken
		# for half a second.
		my $rest = $mail;
		for (my $full = 0; $full < 100; ) {
			my $n = syswrite $_->{sock}, $rest;
			if (defined $n) {
				$rest = substr($rest, $n) || $mail;
				$full = 0;
				next;
			}
			$full++;
			select undef, undef, undef, 0.005;
		}
	}
	my @half = map { peer() } 1 .. 30;
	$_->raw(bytes($session[0]) . "\0\0\0") for @half;
	my $own = $daemon->engine eq 'own';
	my ($what, @said) = $own ? ('fd',
	    qr/closed: nothing came for a minute within a packet or an answer/) :
	    ('task', qr/half a command of a session has come in 300 s/,
	    qr/the answers of a session were not read in 300 s/);
	my $n = sub { scalar(() = glob "/proc/$daemon->{pid}/$what/*") };
	ok Tlspolicy::Scratch::wait_for(60, sub { $n->() > 30 }),
	    'each has one' or diag $n->();
	unharmed('while they wait');
	ok Tlspolicy::Scratch::wait_for(60, sub { $n->() < ($own ? 30 : 20) }),
	    'and no longer than an MTA would' or diag $n->();
	# Our engine's minute lasts for 3 s here.
	for my $said (@said) {
		Tlspolicy::Scratch::wait_for(60, sub { $daemon->log =~ $said });
		my $lines = () = $daemon->log =~ /$said/g;
		ok $lines > 0 && $lines <= ($own ? 5 : 1),
		    'the log says so, not for each' or diag $lines;
	}
	unharmed('afterwards');
	is $daemon->stop, 0, 'it ends cleanly';
};
done_testing;
