package Tlspolicy::Ldap;

# A slapd of the test's own: its folder, sockets and data in a scratch folder,
# a provider of RFC 4533, with the entries that sendmail's schema has.

use strict;
use warnings;
use POSIX ();
use Tlspolicy::Scratch;
use Tlspolicy::Sendmail;

our $BASE = 'ou=tlspolicy,dc=example,dc=org';
my $SCHEMA = '/usr/share/sendmail/examples/ldap/sendmail.schema.v2';

sub schema
{
	my ($found) = grep { -r } Tlspolicy::Sendmail::root() . $SCHEMA,
	    $SCHEMA;
	return $found;
}

# Why no slapd can be had here; undef: one can.
sub missing
{
	return 'slapd is not installed' if !-x '/usr/sbin/slapd';
	return 'ldapmodify is not installed' if system(
	    'command -v ldapmodify >/dev/null 2>&1') != 0;
	return 'there is no schema of sendmail' if !defined schema();
	return undef;
}

# scratch, name, tls => { ca, cert, key }, port, ldaps => port, id, peers => [URI]
sub start
{
	my ($class, %arg) = @_;
	my $dir = $arg{scratch}->path($arg{name});
	mkdir $dir or die "$dir: $!\n" if !-d $dir;
	mkdir "$dir/data" if !-d "$dir/data";
	my $self = bless { %arg, dir => $dir,
	    uri => 'ldapi://' . "$dir/socket" =~ s{/}{%2F}gr }, $class;
	$self->{uris} = $self->{uri} . ($arg{port} ?
	    " ldap://127.0.0.1:$arg{port}" : '') . ($arg{ldaps} ?
	    " ldaps://127.0.0.1:$arg{ldaps}" : '');
	$self->configure;
	$self->run;
	$self->fill if !$arg{peers} || $arg{id} == 1;
	return $self;
}

sub configure
{
	my ($self) = @_;
	my $tls = $self->{tls};
	my $text = join '', map { "$_\n" } (
	    'include /etc/ldap/schema/core.schema',
	    'include ' . schema(),
	    "pidfile $self->{dir}/pid", 'modulepath /usr/lib/ldap',
	    'moduleload back_mdb', 'moduleload syncprov',
	    ($tls ? ("TLSCACertificateFile $tls->{ca}",
		"TLSCertificateFile $tls->{cert}",
		"TLSCertificateKeyFile $tls->{key}", 'TLSVerifyClient try') : ()),
	    ($self->{id} ? "serverID $self->{id}" : ()),
	    'authz-regexp "gidNumber=0.uidNumber=0,cn=peercred,cn=external,cn=auth"'
		. ' "cn=admin,dc=example,dc=org"',
	    'authz-regexp "cn=([^,]*)" "cn=$1,dc=example,dc=org"',
	    'access to * by dn.exact="cn=admin,dc=example,dc=org" manage'
		. ' by users read by anonymous auth',
	    'database mdb', 'suffix "dc=example,dc=org"',
	    'rootdn "cn=admin,dc=example,dc=org"', 'rootpw secret',
	    "directory $self->{dir}/data", 'maxsize 1073741824',
	    'dbnosync', 'index objectClass,entryCSN,entryUUID eq');
	my $rid = 0;
	for my $peer (@{$self->{peers} // []}) {
		$rid++;
		$text .= "syncrepl rid=00$rid provider=$peer type=refreshAndPersist"
		    . " retry=\"1 +\" searchbase=\"dc=example,dc=org\""
		    . " bindmethod=simple binddn=\"cn=admin,dc=example,dc=org\""
		    . " credentials=secret\n";
	}
	$text .= "multiprovider on\n" if $self->{peers};
	$text .= "overlay syncprov\nsyncprov-checkpoint 100 10\n";
	$self->{scratch}->write("$self->{name}/slapd.conf", $text);
}

sub run
{
	my ($self) = @_;
	my $pid = fork // die "fork: $!\n";
	if ($pid == 0) {
		open STDIN, '<', '/dev/null';
		open STDOUT, '>>', "$self->{dir}/log";
		open STDERR, '>&', \*STDOUT;
		exec '/usr/sbin/slapd', '-d', ($ENV{SLAPD_DEBUG} // '0'), '-f',
		    "$self->{dir}/slapd.conf", '-h', $self->{uris}
		    or POSIX::_exit(127);
	}
	$self->{pid} = $pid;
	Tlspolicy::Scratch::wait_for(60, sub {
		return 1 if waitpid($pid, POSIX::WNOHANG()) == $pid;
		return system("ldapsearch -Q -LLL -H '$self->{uri}' -Y EXTERNAL"
		    . " -s base -b '' >/dev/null 2>&1") == 0;
	});
	die "slapd does not serve: " . Tlspolicy::Scratch::slurp(
	    "$self->{dir}/log") if !-S "$self->{dir}/socket";
}

sub stop
{
	my ($self, $signal) = @_;
	return if !$self->{pid};
	kill $signal // 'TERM', $self->{pid};
	waitpid $self->{pid}, 0;
	$self->{pid} = 0;
}

sub DESTROY
{
	my ($self) = @_;
	local ($?, $!);
	$self->stop('KILL');
}

# LDIF, as the one who may change everything.
sub modify
{
	my ($self, $ldif, @how) = @_;
	my $file = $self->{scratch}->write('ldif', $ldif);
	my $out = qx(ldapmodify -Q @how -H '$self->{uri}' -Y EXTERNAL -f '$file' 2>&1);
	die "ldapmodify: $out" if $? != 0;
}

sub fill
{
	my ($self) = @_;
	$self->modify(<<"END", '-a');
dn: dc=example,dc=org
objectClass: dcObject
objectClass: organization
dc: example
o: example

dn: $BASE
objectClass: organizationalUnit
ou: tlspolicy

END
}

# `name` is the key in the entry's name, and one of its keys; `below`: "ou=x,".
sub entry
{
	my ($name, $key, $value, $below) = @_;
	$below //= '';
	return <<"END";
dn: sendmailMTAKey=$name,$below$BASE
objectClass: sendmailMTA
objectClass: sendmailMTAMap
objectClass: sendmailMTAMapObject
sendmailMTAMapName: tlspolicy
sendmailMTAKey: $key
sendmailMTAMapValue: $value

END
}

# key => requirement
sub add
{
	my ($self, %rules) = @_;
	$self->modify(join('', map { entry(s/[,+]/\\$&/gr, $_, $rules{$_}) }
	    sort keys %rules), '-a');
}

sub change
{
	my ($self, $key, $value) = @_;
	$self->modify("dn: sendmailMTAKey=" . ($key =~ s/[,+]/\\$&/gr) .
	    ",$BASE\nchangetype: modify\nreplace: sendmailMTAMapValue\n" .
	    "sendmailMTAMapValue: $value\n\n");
}

sub delete
{
	my ($self, $key) = @_;
	$self->modify("dn: sendmailMTAKey=" . ($key =~ s/[,+]/\\$&/gr) .
	    ",$BASE\nchangetype: delete\n\n");
}

1;
