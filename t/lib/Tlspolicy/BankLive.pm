package Tlspolicy::BankLive;

# The sessions of scripts/bank through a real MTA, each on its own day.
#
# All of it runs in a network namespace, where the documentation's addresses are
# this machine's, so that clients come from where the comments say.  Certificates
# are of tlspolicy-ca, but for those of the association, which has two CAs of its
# own, and for those that a printer made itself.

use strict;
use warnings;
use Test::More;
use Time::Local qw(timegm);
use Tlspolicy::Bank;
use Tlspolicy::Daemon;
use Tlspolicy::Fault;
use Tlspolicy::Names;
use Tlspolicy::Outbound;
use Tlspolicy::Postfix;
use Tlspolicy::Scratch;
use Tlspolicy::Sendmail;
use Tlspolicy::Smtp;

my %mtas = (postfix => 'Tlspolicy::Postfix', sendmail => 'Tlspolicy::Sendmail');
my @networks = qw(192.0.2.0/24 198.51.100.0/24 203.0.113.0/24);

# The certificates; what an MTA's helper asks of Tlspolicy::Certs.
package Tlspolicy::BankLive::Certs {
	sub new
	{
		my ($class, $scratch) = @_;
		my $dir = $scratch->path('certs');
		my $self = bless { dir => $dir, ca => "$dir/all.pem", tool =>
		    [Tlspolicy::Scratch::topdir() . '/scripts/tlspolicy-ca',
		    '-d', "$dir/ca"] }, $class;
		mkdir $dir or die "$dir: $!\n";
		# RSA: some sessions have suites that want it.
		$self->tool(@$_) for ['-O', 'Example CA', 'init'],
		    ['-t', 'rsa', 'mta', 'mx.ourbank.example'];
		$self->{pair}{server} = "$dir/ca/mx.ourbank.example-mta";
		$scratch->write('certs/all.pem', join '',
		    map { Tlspolicy::Scratch::slurp($_) } "$dir/ca/ca.pem",
		    map { ($self->own("Association CA $_"))[0] } 2019, 2027);
		return $self;
	}

	sub tool
	{
		my ($self, @args) = @_;
		Tlspolicy::Scratch::must(@{$self->{tool}}, @args);
	}

	sub ca
	{
		return $_[0]{ca};
	}

	sub pair
	{
		my ($self, $name) = @_;
		return map { "$self->{pair}{$name}.$_" } qw(pem key);
	}

	# A certificate by openssl; without an issuer, of itself.
	sub own
	{
		my ($self, $cn, $issuer) = @_;
		my $base = "$self->{dir}/" . "$cn of " . ($issuer // 'itself');
		if (!-e "$base.pem") {
			my ($ca, $key) = $issuer ? $self->own($issuer) : ();
			Tlspolicy::Scratch::must(qw(openssl req -new -nodes
			    -newkey ec -pkeyopt ec_paramgen_curve:P-256 -config
			    /dev/null -keyout), "$base.key", '-out', "$base.csr",
			    '-subj', "/CN=$cn", '-addext', $cn =~ / / ?
			    'basicConstraints=critical,CA:TRUE' :
			    'extendedKeyUsage=clientAuth');
			Tlspolicy::Scratch::must(qw(openssl x509 -req -days 3
			    -copy_extensions copyall -in), "$base.csr", '-out',
			    "$base.pem", $ca ? ('-CA', $ca, '-CAkey', $key) :
			    ('-key', "$base.key"));
		}
		return ("$base.pem", "$base.key");
	}

	# What the client of a session shows.
	sub of_session
	{
		my ($self, $s) = @_;
		return $self->own((qw(first second))[$s->{pinned}]
		    . ".$s->{name}") if defined $s->{pinned};
		return () unless $s->{cn};
		return $self->own($s->{cn}, $s->{issuer}) if $s->{issuer};
		$self->tool('client', $s->{cn}) unless $self->{made}{$s->{cn}}++;
		return map { "$self->{dir}/ca/$s->{cn}-client.$_" }
		    qw(pem key);
	}

	sub fingerprint
	{
		my ($self, $cert) = @_;
		return Tlspolicy::Scratch::must('openssl', 'x509', '-noout',
		    '-fingerprint', '-sha256', '-in', $cert) =~ s/.*=|\s//gr;
	}
}

# The rules as they are, but for the fingerprints, which nobody knows beforehand.
sub rules
{
	my ($certs, @sessions) = @_;
	my %real;
	for my $s (grep { defined $_->{pinned} } @sessions) {
		my $stated = (Tlspolicy::Bank::pinned($s->{from}))[$s->{pinned}];
		$real{$stated} = $certs->fingerprint(($certs->of_session($s))[0]);
	}
	my $text = join '', map { Tlspolicy::Scratch::slurp($_) }
	    Tlspolicy::Bank::files();
	$text =~ s/$_/$real{$_}/g for keys %real;
	return $text;
}

# Parameters of Postfix beside the milter: the facts feed, and domains that it takes
# mail for.
sub extra
{
	my ($mta, $facts) = @_;
	return $mta eq 'sendmail' ?
	    (options => { CertFingerprintAlgorithm => 'sha256' }) :
	    (main => { smtpd_tls_fingerprint_digest => 'sha256',
	    mydestination => 'ourbank.example',
	    smtpd_recipient_restrictions => 'check_policy_service '
	    . "{ unix:$facts, default_action=DUNNO, timeout=60s }, "
	    . 'permit_auth_destination, reject' });
}

sub client
{
	my ($port, $certs, $s) = @_;
	my %tls;
	@tls{qw(cert key)} = $certs->of_session($s);
	delete @tls{qw(cert key)} unless $tls{cert};
	$tls{version} = "TLSv$s->{version}" =~ tr/./_/r if $s->{version};
	$tls{ciphers} = $s->{suite} if $s->{suite};
	my $c = Tlspolicy::Smtp->connect(port => $port, from => $s->{addr},
	    timeout => 60);
	$c->ehlo($s->{name});
	if (!$s->{clear}) {
		$c->starttls(%tls);
		$c->ehlo($s->{name});
	}
	is($c->auth_plain($s->{login}, 'secret')->{code}, 235,
	    "$s->{title}: login") if $s->{login};
	return $c;
}

# "accept", "hold", "550 5.7.10": what the client and the audit log are told.
sub session
{
	my ($port, $certs, $daemon, $seen, $s) = @_;
	my $c = client($port, $certs, $s);
	my $r;
	for (sub { $c->mail($s->{from}) }, sub { $c->rcpt($s->{to}) },
	    sub { $c->data }) {
		$r = $_->();
		last if $r->{code} != 250;
	}
	$c->quit;
	my ($record) = grep { $_->{event} ne 'aborted' }
	    $daemon->audit_after($seen);
	my $verdict = $record->{verdict} // 'no record';
	my $told = $r->{code} == 250 ? $verdict : "$r->{code} $r->{dsn}";
	is($told, $s->{want}, $s->{title}) or diag($c->dialogue, "record: ",
	    JSON::PP->new->canonical->encode($record // {}), "\n");
	is(substr($record->{time} // '', 0, 10), $s->{day},
	    "$s->{title}: on that day");
	is($record->{client}{name}, $s->{name}, "$s->{title}: by that host");
}

sub run
{
	my ($mta) = @_;
	my $missing = $mtas{$mta}->missing // Tlspolicy::Daemon::missing() //
	    (Tlspolicy::Names::missing() || undef) //
	    Tlspolicy::Fault::missing('clock');
	plan skip_all => $missing if $missing;
	Tlspolicy::Outbound::isolate();
	Tlspolicy::Scratch::must(qw(ip route add local), $_, qw(dev lo))
	    for @networks;
	my $scratch = Tlspolicy::Scratch->new;
	my $certs = Tlspolicy::BankLive::Certs->new($scratch);
	my @sessions = sort { $a->{day} cmp $b->{day} }
	    Tlspolicy::Bank::sessions();
	for (@sessions) {
		my $name = $Tlspolicy::Names::hosts{$_->{addr}} //= $_->{name};
		is($name, $_->{name}, "$_->{addr} has one name")
		    if $name ne $_->{name};
	}
	my $clock = Tlspolicy::Fault::Clock->new($scratch);
	my $facts = $scratch->path('milter/facts.sock');
	my $daemon = Tlspolicy::Daemon->start(scratch => $scratch,
	    rules => rules($certs, @sessions), env => $clock->env,
	    settings => { 'facts-socket' => "unix:$facts",
		'facts-socket-mode' => '0666' });
	my $server = $mtas{$mta}->start(scratch => $scratch, certs => $certs,
	    sasl => { joe => 'secret' }, extra($mta, $facts),
	    milter => $mtas{$mta}->milter_address($daemon->socket));
	for my $s (@sessions) {
		my ($year, $month, $day) = split /-/, $s->{day};
		$clock->ahead(timegm(0, 0, 12, $day, $month - 1, $year) - time);
		session($server->port, $certs, $daemon,
		    scalar(my @all = $daemon->audit_lines), $s);
	}
	cmp_ok(scalar @sessions, '>=', 50, 'sessions: ' . @sessions);
	$server->stop;
	$daemon->stop;
	my $r = $daemon->tlspolicy('audit', 'verify',
	    "$daemon->{dir}/audit.log");
	is($r->{status}, 0, 'the log is whole') or diag($r->{out}, $r->{err});
	done_testing;
}

1;
