#!/usr/bin/perl
#
# Postfix with smtpd and cleanup in their chroot, as Debian's master.cf has
# them, and a socket below the queue directory that the test hands over.
use strict;
use warnings;
use Fcntl qw(F_SETFD);
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::UNIX;
use Test::More;
use Tlspolicy::Certs;
use Tlspolicy::Daemon;
use Tlspolicy::Postfix;
use Tlspolicy::Scratch;
use Tlspolicy::Smtp;

my $missing = Tlspolicy::Postfix->missing // Tlspolicy::Daemon::missing();
plan skip_all => $missing if $missing;
my $scratch = Tlspolicy::Scratch->new;
my $daemon = Tlspolicy::Daemon->new(scratch => $scratch,
    rules => 'TLS_Clt: PERM+ENCR:112');

# The services that speak to the milter are chrooted, all else is as elsewhere.
package Tlspolicy::Chrooted {
	our @ISA = ('Tlspolicy::Postfix');

	sub write_master
	{
		my ($self) = @_;
		$self->SUPER::write_master;
		my $text = $self->{scratch}->read('postfix/etc/master.cf');
		$text =~ s/^(\S+ inet n -) n/$1 y/mg;
		$text =~ s/^(cleanup unix n -) n/$1 y/mg;
		$self->{scratch}->write('postfix/etc/master.cf', $text);
	}
}

my $mta = Tlspolicy::Chrooted->start(scratch => $scratch,
    certs => Tlspolicy::Certs->new($scratch),
    milter => 'unix:tlspolicy/milter.sock');
my $folder = "$mta->{dir}/queue/tlspolicy";
mkdir $folder or die "$folder: $!\n";
my $path = "$folder/milter.sock";
my $socket = IO::Socket::UNIX->new(Local => $path, Listen => 1000) // die $!;
chown 0, scalar(getgrnam 'postfix'), $path;
chmod 0660, $path;
my $inode = (stat $path)[1];
fcntl $socket, F_SETFD, 0;
my $fd = fileno $socket;
$daemon->{socket} = "unix:$path";
$daemon->{under} = [$^X, '-MPOSIX', '-e', "POSIX::dup2($fd, 3); " .
    '$ENV{LISTEN_FDS} = 1; $ENV{LISTEN_PID} = $$; exec @ARGV or die'];
$daemon->run;

# The code that MAIL gets from a client of this address, in clear or by TLS.
sub mail
{
	my ($tls) = @_;
	my $client = Tlspolicy::Smtp->connect(port => $mta->port,
	    from => '127.0.0.2');
	$client->ehlo;
	if ($tls) {
		$client->starttls;
		$client->ehlo;
	}
	my $code = $client->mail('a@example.com')->{code};
	if ($code == 250) {
		$client->rcpt('b@example.org');
		$code = $client->data->{code};
	}
	$client->quit;
	return $code;
}

is(mail(0), 550, 'SMTP in clear is refused') or diag $mta->log, $daemon->log;
is(mail(1), 250, 'and by TLS is let in') or diag $mta->log, $daemon->log;
is($mta->submit('local@example.com', 'rcpt@example.org'), 'sent',
    'local mail passes');
my @records = grep { $_->{verdict} } $daemon->audit;
ok((grep { ($_->{from} // '') =~ /local\@example\.com/ } @records),
    'and is recorded') or diag explain \@records;

subtest 'restarts under load' => sub {
	my $rounds = 40;
	my $out = $scratch->write('codes', '');
	defined(my $load = fork) or die "fork: $!\n";
	if (!$load) {
		open my $codes, '>>', $out or POSIX::_exit(1);
		$codes->autoflush(1);
		print $codes mail(1), "\n" for 1 .. $rounds;
		POSIX::_exit(0);
	}
	my $have = sub { scalar(() = $scratch->read('codes') =~ /\n/g) };
	for my $n (1 .. 4) {
		Tlspolicy::Scratch::wait_for(60, sub { $have->() >= 6 * $n });
		is($daemon->stop, 0, "stop $n");
		is((stat $path)[1] // 'none', $inode, 'the socket is there');
		$daemon->run;
	}
	Tlspolicy::Scratch::wait_pid($load, 120);
	my %n;
	$n{$_}++ for split /\n/, $scratch->read('codes');
	is($have->(), $rounds, 'each message got an answer');
	# A session at work when its daemon goes is deferred, one per restart.
	is(join(' ', grep { !/^(?:250|451)$/ } keys %n), '',
	    'let in or deferred');
	cmp_ok($n{451} // 0, '<=', 4, 'deferred: what was under way');
	diag(join ', ', map { "$n{$_} x $_" } sort keys %n);
};

done_testing;
