package Tlspolicy::Fleet;

# Two providers and some nodes, each in a network namespace of its own at one
# bridge, all of it in a namespace of the test's own.  Providers are those of
# scripts/fleet/slapd-setup; a node is a sync, a daemon and an MTA.

use strict;
use warnings;
use HTTP::Tiny;
use IO::Handle;
use JSON::PP ();
use POSIX ();
use Time::HiRes qw(sleep time);
use Tlspolicy::Certs;
use Tlspolicy::Daemon;
use Tlspolicy::Ldap;
use Tlspolicy::Postfix;
use Tlspolicy::Scratch;
use Tlspolicy::Sendmail;
use Tlspolicy::Smtp;
use Tlspolicy::Traffic;

use constant CLONE_NEWNET => 0x40000000;
my $BASE = 'ou=tlspolicy,dc=example,dc=org';
my %address = (p1 => 1, p2 => 2, n1 => 11, n2 => 12, n3 => 13);

sub missing
{
	return 'not root' if $> != 0;
	for (Tlspolicy::Ldap::missing(), Tlspolicy::Daemon::missing(),
	    Tlspolicy::Postfix::missing(), Tlspolicy::Sendmail::missing()) {
		return $_ if $_;
	}
	return 'no ip(8)' if system('ip -V >/dev/null 2>&1') != 0;
	return 'no setns(2) known here' if !defined setns_number();
	return 'no network namespaces here'
	    if system('unshare --net --mount true 2>/dev/null') != 0;
	return undef;
}

sub setns_number
{
	return { x86_64 => 308, aarch64 => 268 }->{(POSIX::uname())[4]};
}

# The program begins anew in a namespace of its own.
sub enter
{
	return if $ENV{TLSPOLICY_FLEET};
	$ENV{TLSPOLICY_FLEET} = 1;
	exec qw(unshare --net --mount --propagation private), $^X, $0, @ARGV
	    or die "unshare: $!\n";
}

sub ip
{
	system('ip', @_) == 0 or die "ip @_: failed\n";
}

sub new
{
	my ($class, $scratch) = @_;
	my $self = bless { scratch => $scratch, dir => $scratch->dir,
	    certs => Tlspolicy::Certs->new($scratch), nodes => {} }, $class;
	mkdir '/run/netns';
	system('mount', '-t', 'tmpfs', 'tmpfs', '/run/netns') == 0 or die;
	ip(qw(link set lo up));
	ip(qw(link add br0 type bridge));
	ip(qw(address add 10.77.0.254/24 dev br0));
	ip(qw(link set br0 up));
	$self->place($_) for sort keys %address;
	Tlspolicy::Scratch::must("$ENV{TLSPOLICY_TOP}/scripts/tlspolicy-ca", '-d',
	    "$self->{dir}/ca", @$_) for ['init'], (map { ['mta',
	    "$_.example.org", "10.77.0.$address{$_}"] } qw(p1 p2)), map {
	    ['client', "$_.example.org"] } qw(policy n1 n2 n3);
	return $self;
}

BEGIN { $ENV{TLSPOLICY_TOP} //= Tlspolicy::Scratch::topdir() }

sub place
{
	my ($self, $name) = @_;
	ip('netns', 'add', $name);
	ip('link', 'add', "v$name", 'type', 'veth', 'peer', 'name', 'eth0',
	    'netns', $name);
	ip('link', 'set', "v$name", 'master', 'br0', 'up');
	ip('-n', $name, 'link', 'set', 'lo', 'up');
	ip('-n', $name, 'address', 'add', "10.77.0.$address{$name}/24", 'dev',
	    'eth0');
	ip('-n', $name, 'link', 'set', 'eth0', 'up');
}

# Runs CODE in the network namespace of this provider or node, with all that it
# starts.
sub in
{
	my ($self, $name, $code) = @_;
	open my $here, '<', '/proc/self/ns/net' or die "ns: $!\n";
	move($name);
	my @result = eval { $code->() };
	my $error = $@;
	syscall(setns_number(), fileno $here, CLONE_NEWNET) == 0 or die "$!\n";
	die $error if $error;
	return wantarray ? @result : $result[0];
}

sub move
{
	my ($name) = @_;
	open my $there, '<', "/run/netns/$name" or die "$name: $!\n";
	syscall(setns_number(), fileno $there, CLONE_NEWNET) == 0
	    or die "setns: $!\n";
}

sub cut
{
	my ($self, @names) = @_;
	ip('link', 'set', "v$_", 'down') for @names;
}

sub heal
{
	my ($self, @names) = @_;
	ip('link', 'set', "v$_", 'up') for @names;
}

sub certificate
{
	my ($self, $name) = @_;
	my $kind = $name =~ /^p\d/ ? 'mta' : 'client';
	return map { "$self->{dir}/ca/$name.example.org-$kind.$_" } qw(pem key);
}

sub socket_of
{
	my ($self, $name) = @_;
	return 'ldapi://' . "$self->{dir}/$name/socket" =~ s{/}{%2F}gr;
}

# A provider, set up at the first time.
sub provide
{
	my ($self, $name) = @_;
	my $n = $address{$name};
	if (!-e "$self->{dir}/$name/slapd.conf") {
		local $ENV{DATA} = "$self->{dir}/$name/data";
		local $ENV{SCHEMA} = Tlspolicy::Ldap::schema();
		Tlspolicy::Scratch::must(
		    "$ENV{TLSPOLICY_TOP}/scripts/fleet/slapd-setup",
		    "$self->{dir}/$name", 'dc=example,dc=org', $n,
		    $self->certificate($name), "$self->{dir}/ca/ca.pem",
		    'policy.example.org', 'ldap://10.77.0.' . (3 - $n));
	}
	$self->{slapd}{$name} = $self->in($name, sub {
		return $self->{scratch}->spawn("$name/log", '/usr/sbin/slapd',
		    '-d', '0', '-f', "$self->{dir}/$name/slapd.conf", '-h',
		    "ldap://10.77.0.$n " . $self->socket_of($name));
	});
	my $search = 'ldapsearch -Q -LLL -Y EXTERNAL -s base -b ' . $BASE
	    . " -H '" . $self->socket_of($name) . "' >/dev/null 2>&1";
	Tlspolicy::Scratch::wait_for(60, sub { system($search) == 0 })
	    or die "$name: slapd does not serve\n";
}

sub end_provider
{
	my ($self, $name, $signal) = @_;
	kill $signal, $self->{slapd}{$name};
	Tlspolicy::Scratch::wait_for(60, sub {
	    Tlspolicy::Scratch::ended($self->{slapd}{$name}) });
}

sub directory_settings
{
	my ($self, $who, @providers) = @_;
	my ($cert, $key) = $self->certificate($who);
	return (directory => join(' ', map { "ldap://10.77.0.$address{$_}" }
	    @providers), 'directory-base' => $BASE, 'directory-bind' =>
	    'external', 'directory-ca-file' => "$self->{dir}/ca/ca.pem",
	    'directory-certificate-file' => $cert, 'directory-key-file' => $key);
}

# One who may change, at this provider: { status, out, err }.
sub change
{
	my ($self, $provider, @command) = @_;
	my %s = ($self->directory_settings('policy', $provider), claims => '');
	my $conf = $self->{scratch}->write("admin-$provider.conf", join '', map {
	    "$_ = $s{$_}\n" } sort keys %s);
	my ($command, @args) = @command;
	return Tlspolicy::Scratch::run(Tlspolicy::Scratch::builddir()
	    . '/tlspolicy', $command, '--ldap', '-c', $conf, @args);
}

# A change by the socket of the provider's own machine, for one that the network
# does not reach.
sub change_inside
{
	my ($self, $provider, $key, $value) = @_;
	my $ldif = $self->{scratch}->write("inside-$provider", "dn: sendmailMTAKey="
	    . "$key,$BASE\nchangetype: modify\nreplace: sendmailMTAMapValue\n"
	    . "sendmailMTAMapValue: $value\n\n");
	Tlspolicy::Scratch::must('ldapmodify', '-Q', '-Y', 'EXTERNAL', '-H',
	    $self->socket_of($provider), '-f', $ldif);
}

# A store by the first refresh, the sync, the daemon, the MTA in front of it.
sub node
{
	my ($self, $name, $mta, @providers) = @_;
	my $daemon = Tlspolicy::Daemon->new(scratch => $self->{scratch},
	    name => $name, build => 0, settings => { metrics =>
	    'inet:9099@127.0.0.1', claims => '',
	    $self->directory_settings($name, @providers) });
	my $sync = Tlspolicy::Scratch::builddir() . '/tlspolicy';
	$self->in($name, sub {
		Tlspolicy::Scratch::must($sync, 'sync', '--once', '-c',
		    $daemon->{conf});
		$self->{sync}{$name} = $self->{scratch}->spawn("$name/sync.log",
		    $sync, 'sync', '-c', $daemon->{conf});
		$daemon->run;
		# The MTA's folder name is fixed: it gets a scratch folder below the
		# node's.
		mkdir "$self->{dir}/$name/mta";
		my %arg = (scratch => bless({ %{$self->{scratch}}, dir =>
		    "$self->{dir}/$name/mta" }, 'Tlspolicy::Scratch'),
		    certs => $self->{certs},
		    milter => "Tlspolicy::$mta"->milter_address(
		    $daemon->socket));
		$self->{mta}{$name} = "Tlspolicy::$mta"->start(%arg);
	});
	return $self->{nodes}{$name} = $daemon;
}

# Clients in the node's namespace: a word for each mail, in clear, that is said to
# be from that address: the code, and the bits that it asked for.
sub traffic
{
	my ($self, $from, @names) = @_;
	my %port = map { $_ => $self->{mta}{$_}->port } @names;
	return Tlspolicy::Traffic->start($self->{scratch}, scalar @names, sub {
		my $name = $names[$_[0] - 1];
		move($name) if !$self->{moved}++;
		my $smtp = Tlspolicy::Smtp->connect(port => $port{$name});
		$smtp->ehlo;
		my $answer = $smtp->mail($from);
		$answer = $smtp->rcpt('postmaster@mx.example.org')
		    if $answer->{code} == 250;
		$smtp->quit;
		sleep 0.02;
		my ($bits) = ($answer->{text} // '') =~ /(\d{3,})/;
		return "$name:$answer->{code}:" . ($bits // 'none');
	});
}

sub metric
{
	my ($self, $name, $metric) = @_;
	my $r = $self->in($name, sub {
	    HTTP::Tiny->new->get('http://127.0.0.1:9099/metrics') });
	return $r->{content} =~ /^tlspolicy_\Q$metric\E (\S+)$/m ? $1 : undef;
}

# A hundred changes a second, half of them at each provider, each of one entry:
# the numbers that were written.
sub storm
{
	my ($self, $seconds, $first, @keys) = @_;
	my @ways = map {
		my $uri = $self->socket_of($_);
		open my $f, '|-', "ldapmodify -Q -c -Y EXTERNAL -H '$uri' "
		    . ">$self->{dir}/storm.$_ 2>&1" or die "ldapmodify: $!\n";
		$f->autoflush;
		$f;
	} qw(p1 p2);
	my $start = time;
	my $n = 0;
	while ($n < 100 * $seconds) {
		sleep 0.01 while $n >= 100 * (time - $start);
		my $key = $keys[$n % @keys];
		print {$ways[$n % 2]} "dn: sendmailMTAKey=$key,$BASE\n"
		    . "changetype: modify\nreplace: sendmailMTAMapValue\n"
		    . 'sendmailMTAMapValue: PERM+ENCR:' . ($first + $n++)
		    . "\n\n";
	}
	close $_ or die "a change was not taken: " . Tlspolicy::Scratch::slurp(
	    "$self->{dir}/storm.p1") for @ways;
	return time - $start;
}

# Compares the policies that a node's records name with its store.
sub records
{
	my ($self, $name) = @_;
	my $daemon = $self->{nodes}{$name};
	my %digest = map { $_->{generation} => $_->{rules_sha256} }
	    @{JSON::PP::decode_json($daemon->tlspolicy('log', '--json')->{out})};
	my %count = (records => 0, unknown => 0);
	for (map { JSON::PP::decode_json($_) } $daemon->all_audit_lines) {
		my $known = $digest{$_->{generation} // 0} // '';
		$count{records}++ if defined $_->{verdict};
		$count{unknown}++ if (defined $_->{verdict} && $known eq '') ||
		    ($_->{event} eq 'policy' &&
		    $_->{policy}{rules_sha256} ne $known);
	}
	return %count;
}

sub shown
{
	my ($self, $name, @args) = @_;
	return $self->{nodes}{$name}->tlspolicy('show', @args)->{out};
}

# Waits until the policies of all these nodes match the pattern: 1 or 0.
sub all_show
{
	my ($self, $pattern, @names) = @_;
	return Tlspolicy::Scratch::wait_for(120, sub { !grep {
	    $self->shown($_) !~ $pattern } @names }) ? 1 : 0;
}

# Waits until all nodes have the same policy; returns how many different ones there
# are.
sub policies
{
	my ($self, @names) = @_;
	my %seen;
	Tlspolicy::Scratch::wait_for(120, sub {
		%seen = map { $self->shown($_, '--canonical') => 1 } @names;
		return keys %seen == 1;
	});
	return scalar keys %seen;
}

1;
