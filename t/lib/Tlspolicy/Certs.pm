package Tlspolicy::Certs;

# A throw-away CA and the certificates of a test, made when first asked for.

use strict;
use warnings;
use POSIX ();
use Tlspolicy::Scratch;

my $client = "extendedKeyUsage=clientAuth";
my $server = "extendedKeyUsage=serverAuth";

# subject, extension, issuer (another row, or itself), days of life
my %kinds = (
	ca	=> ['/C=DE/O=Example Trust/CN=Example Root',
		    'basicConstraints=critical,CA:TRUE', 'ca', 90],
	otherca	=> ['/C=XX/O=Elsewhere/CN=Unknown Root',
		    'basicConstraints=critical,CA:TRUE', 'otherca', 3],
	server	=> ['/CN=mx.example.org', $server, 'ca', 90],
	secondserver => ['/CN=mx.example.org', $server, 'ca', 90],
	endedserver => ['/CN=mx.example.org', $server, 'ca', -1],
	clientserver => ['/CN=mx.example.org', $client, 'ca', 90],
	client90 => ['/CN=mx.example.org', $client, 'ca', 90],
	endingserver => ['/CN=mx.example.org', $server, 'ca', 3],
	localserver => ['/CN=localhost', 'subjectAltName=IP:127.0.0.1', 'ca',
		    90],
	endedlocal => ['/CN=localhost', 'subjectAltName=IP:127.0.0.1', 'ca',
		    -1],
	trusted	=> ['/C=DE/O=Example/CN=client.example.com', $client, 'ca', 3],
	# Same names and issuer as trusted, another key: another fingerprint.
	rollover => ['/C=DE/O=Example/CN=client.example.com', $client, 'ca', 3],
	stranger => ['/C=DE/O=Example/CN=other.example.net', $client, 'ca', 3],
	selfsigned => ['/C=DE/O=Example/CN=client.example.com', $client,
		    'selfsigned', 3],
	expired	=> ['/C=DE/O=Example/CN=client.example.com', $client, 'ca', -1],
	wrongpurpose => ['/C=DE/O=Example/CN=client.example.com', $server,
		    'ca', 3],
	unknownca => ['/C=DE/O=Example/CN=client.example.com', $client,
		    'otherca', 3],
	# What sendmail writes as Darth+20Mail+20+28Cert+29.
	special	=> ['/C=US/O=endmail.org/CN=Darth Mail (Cert)', $client, 'ca',
		    3],
	nocn	=> ['/C=DE/O=Example/OU=No Name', $client, 'ca', 3],
);

sub new
{
	my ($class, $scratch) = @_;
	my $dir = $scratch->path('certs');
	mkdir $dir or die "$dir: $!\n";
	return bless { dir => $dir }, $class;
}

# The paths of a certificate and of its key.
sub pair
{
	my ($self, $name) = @_;
	$self->make($name) unless $self->{made}{$name};
	return map { "$self->{dir}/$name.$_" } qw(pem key);
}

# The path of a file with the CA's certificate before this one.
sub ca_first
{
	my ($self, $name) = @_;
	my ($cert) = $self->pair($name);
	my $path = "$self->{dir}/$name-behind.pem";
	open my $out, '>', $path or die "$path: $!\n";
	print $out map { Tlspolicy::Scratch::slurp($_) } $self->ca, $cert;
	close $out or die "$path: $!\n";
	return $path;
}

sub ca
{
	return ($_[0]->pair('ca'))[0];
}

# The fingerprint, upper-case hex with colons, as sendmail writes it.
sub fingerprint
{
	my ($self, $name, $digest) = @_;
	my ($cert) = $self->pair($name);
	my $out = Tlspolicy::Scratch::must('openssl', 'x509', '-noout',
	    '-fingerprint', "-$digest", '-in', $cert);
	return $out =~ /=([0-9A-F:]+)/ ? $1 : die "no fingerprint: $out";
}

# A negative number of days is a certificate that has ended; from 3.4 on openssl
# takes only dates for that.
sub life
{
	my ($days) = @_;
	return ('-days', $days) if $days > 0 ||
	    `openssl x509 -help 2>&1` !~ /^ -not_after/m;
	return map { my $at = $_; ($at->[0], POSIX::strftime('%Y%m%d%H%M%SZ',
	    gmtime(time + $at->[1] * 86400))) } ['-not_before', $days - 1],
	    ['-not_after', $days];
}

sub make
{
	my ($self, $name) = @_;
	my $kind = $kinds{$name} or die "no certificate '$name'\n";
	my ($subject, $extension, $issuer, $days) = @$kind;
	my $base = "$self->{dir}/$name";

	Tlspolicy::Scratch::must(qw(openssl req -new -nodes -newkey ec
	    -pkeyopt ec_paramgen_curve:P-256 -config /dev/null -keyout), "$base.key",
	    '-out', "$base.csr", '-subj', $subject, '-addext', $extension,
	    # Python 3.13 verifies by a CA only when that has keyUsage.
	    $extension =~ /CA:TRUE/ ? ('-addext',
	    'keyUsage=critical,keyCertSign,cRLSign') : ());
	my @sign = $issuer eq $name ? ('-key', "$base.key") :
	    do { my ($cert, $key) = $self->pair($issuer);
		('-CA', $cert, '-CAkey', $key) };
	Tlspolicy::Scratch::must(qw(openssl x509 -req -copy_extensions copyall),
	    life($days), '-in', "$base.csr", '-out', "$base.pem", @sign);
	chmod 0600, "$base.key";
	$self->{made}{$name} = 1;
}

1;
