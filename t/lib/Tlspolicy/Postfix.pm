package Tlspolicy::Postfix;

# A throw-away Postfix in the scratch folder: own directories, high ports on
# 127.0.0.1, STARTTLS, smtps, optionally AUTH from a sasldb, and one milter.

use strict;
use warnings;
use File::Path qw(make_path);
use Tlspolicy::Names;
use Tlspolicy::Scratch;

my $daemons = '/usr/lib/postfix/sbin';

# Why these tests cannot run here, or undef.
sub missing
{
	return 'not root: Postfix needs to be started as root' if $> != 0;
	return 'Postfix is not installed (scripts/install-packages test)'
	    unless -x '/usr/sbin/postfix' && -x "$daemons/master";
	return undef;
}

# scratch, certs, milter (as Postfix spells it: unix:/path, inet:host:port);
# sasl => { user => password }; main => { parameter => value } on top; bind => {
# target => source }: files of the system that are ours, for it.
sub start
{
	my ($class, %arg) = @_;
	my $self = bless { %arg, dir => $arg{scratch}->path('postfix') }, $class;
	$self->{$_} = Tlspolicy::Scratch::free_port() for qw(smtp smtps anonymous proxy);

	make_path(map { "$self->{dir}/$_" } qw(etc queue data log));
	chown scalar(getpwnam 'postfix'), -1, "$self->{dir}/data";
	$self->write_sasldb if $self->{sasl};
	$self->write_main;
	$self->write_master;
	# Rules by host name need names; without namespaces there are none.
	$self->{names} = Tlspolicy::Names::missing() ? [] :
	    [Tlspolicy::Names::prefix($arg{scratch}, %{$arg{bind} // {}})];
	$arg{scratch}->at_end(sub { $self->stop });
	$self->run;
	return $self;
}

sub run
{
	my ($self) = @_;
	Tlspolicy::Scratch::must({ timeout => 60 }, @{$self->{names}},
	    'postfix', '-c', "$self->{dir}/etc", 'start');
	$self->{stopped} = 0;
	Tlspolicy::Scratch::wait_for(60, sub { $self->answers }) or
	    die "Postfix does not answer:\n" . $self->log;
}

# Other parameters, in force for the next delivery.
sub configure
{
	my ($self, %main) = @_;
	$self->stop;
	$self->{main} = { %{$self->{main} // {}}, %main };
	$self->write_main;
	$self->run;
}

sub name
{
	return 'postfix';
}

sub port
{
	return $_[0]{smtp};
}

sub smtps_port
{
	return $_[0]{smtps};
}

# A listener that offers cipher suites without any certificate, which Postfix
# only does where it does not ask for the client's.
sub anonymous_port
{
	return $_[0]{anonymous};
}

# A listener that stands behind a proxy, which says who the client is.
sub proxy_port
{
	return $_[0]{proxy};
}

sub version
{
	return $_[0]{version} //= Tlspolicy::Scratch::must('postconf', '-c',
	    "$_[0]{dir}/etc", '-h', 'mail_version') =~ s/\s+//r;
}

# The socket of a milter, in Postfix's spelling.
sub milter_address
{
	my ($class, $socket) = @_;
	return $socket =~ /^inet:(\d+)\@(.*)/ ? "inet:$2:$1" : $socket;
}

sub main_cf
{
	my ($self) = @_;
	my $dir = $self->{dir};
	my ($cert, $key) = $self->{certs}->pair('server');
	my %main = (
		compatibility_level => '3.6',
		queue_directory => "$dir/queue",
		data_directory => "$dir/data",
		daemon_directory => $daemons,
		command_directory => '/usr/sbin',
		shlib_directory => '/usr/lib/postfix',
		meta_directory => '/etc/postfix',
		multi_instance_enable => 'no',
		maillog_file => "$dir/log/maillog",
		maillog_file_prefixes => $dir,
		myhostname => 'mx.example.org',
		mydestination => '$myhostname, localhost',
		inet_interfaces => '127.0.0.1',
		inet_protocols => 'ipv4',
		mynetworks => '127.0.0.0/8',
		smtp_dns_support_level => 'disabled',
		smtp_host_lookup => 'native',
		alias_maps => '',
		alias_database => '',
		local_recipient_maps => '',
		local_transport => 'discard:',
		default_transport => 'discard:',
		relay_transport => 'discard:',
		notify_classes => '',
		smtpd_authorized_xclient_hosts => '127.0.0.0/8',
		smtpd_client_connection_rate_limit => 0,
		smtpd_client_connection_count_limit => 0,
		smtpd_recipient_restrictions =>
		    'check_recipient_access inline:{unknown@example.org=REJECT},'
		    . ' permit_mynetworks, reject',
		smtpd_tls_cert_file => $cert,
		smtpd_tls_key_file => $key,
		smtpd_tls_CAfile => $self->{certs}->ca,
		smtpd_tls_security_level => 'may',
		smtpd_tls_ask_ccert => 'yes',
		smtpd_tls_loglevel => 1,
		smtpd_tls_session_cache_database =>
		    'btree:${data_directory}/smtpd_scache',
		tls_random_source => 'dev:/dev/urandom',
	);
	if ($self->{milter}) {
		$main{smtpd_milters} = $self->{milter};
		$main{non_smtpd_milters} = $self->{milter};
		$main{milter_default_action} = 'tempfail';
	}
	if ($self->{sasl}) {
		$main{smtpd_sasl_auth_enable} = 'yes';
		$main{smtpd_sasl_type} = 'cyrus';
		$main{cyrus_sasl_config_path} = "$self->{dir}/etc/sasl";
		$main{smtpd_sasl_security_options} = 'noanonymous';
	}
	return (%main, %{$self->{main} // {}});
}

sub write_main
{
	my ($self) = @_;
	my %main = $self->main_cf;
	$self->{scratch}->write('postfix/etc/main.cf',
	    join '', map { "$_ = $main{$_}\n" } sort keys %main);
}

sub write_master
{
	my ($self) = @_;
	my $text = <<"END";
$self->{smtp} inet n - n - - smtpd
$self->{smtps} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
$self->{anonymous} inet n - n - - smtpd -o smtpd_tls_ask_ccert=no
 -o tls_medium_cipherlist=aNULL:ALL:\@SECLEVEL=0
$self->{proxy} inet n - n - - smtpd
 -o smtpd_upstream_proxy_protocol=haproxy
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
smtp unix - - n - - smtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
END
	$self->{scratch}->write('postfix/etc/master.cf', $text);
}

# Debian's Postfix reads sasl/smtpd.conf beside main.cf; the realm of the
# password file is the server's name.
sub write_sasldb
{
	my ($self) = @_;
	my $dir = "$self->{dir}/etc/sasl";
	make_path($dir);
	write_sasl_conf($self->{scratch}, 'postfix/etc/sasl/smtpd.conf',
	    "$dir/sasldb2", 'mx.example.org', $self->{sasl});
	chown 0, scalar(getgrnam 'postfix'), "$dir/sasldb2";
}

sub write_sasl_conf
{
	my ($scratch, $conf, $db, $realm, $users) = @_;
	$scratch->write($conf, "pwcheck_method: auxprop\n"
	    . "auxprop_plugin: sasldb\nmech_list: PLAIN LOGIN\n"
	    . "sasldb_path: $db\n");
	for my $user (sort keys %$users) {
		my $in = $scratch->write('password', $users->{$user}, 0600);
		Tlspolicy::Scratch::must({ in => $in }, 'saslpasswd2', '-p',
		    '-c', '-f', $db, '-u', $realm, $user);
		unlink $in;
	}
}

sub answers
{
	my ($self) = @_;
	my $sock = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
	    PeerPort => $self->{smtp}, Timeout => 60) or return 0;
	my $line = <$sock>;
	print $sock "QUIT\r\n";
	return defined $line && $line =~ /^220 /;
}

sub maillog
{
	return $_[0]{scratch}->path('postfix/log/maillog');
}

sub log
{
	my ($self) = @_;
	return $self->{scratch}->read('postfix/log/maillog');
}

# Submission by sendmail(1), which no network client made.  Returns what became
# of the message: "sent", or the line of the log that says otherwise.
sub submit
{
	my ($self, $from, $to) = @_;
	my $in = $self->{scratch}->write('submission', "Subject: x\n\nx\n");
	Tlspolicy::Scratch::must({ in => $in }, 'sendmail', '-C',
	    "$self->{dir}/etc", '-i', '-f', $from, $to);
	my $seen = Tlspolicy::Scratch::wait_for(60, sub {
	    $self->log =~ /^(.*(?:to=<\Q$to\E>.*status=|cleanup.*milter-reject:).*)$/m
		&& $1 }) // 'no word of it in the log';
	return $seen =~ /status=sent/ ? 'sent' : $seen;
}

# The queue ids of the messages that the MTA holds.
sub held
{
	my ($self) = @_;
	my $out = Tlspolicy::Scratch::must('postqueue', '-c',
	    "$self->{dir}/etc", '-j');
	return $out =~ /"queue_name": "hold", "queue_id": "(\w+)"/g;
}

# The header of a message in the queue.
sub head
{
	my ($self, $id) = @_;
	return Tlspolicy::Scratch::must('postcat', '-c', "$self->{dir}/etc",
	    '-h', '-q', $id);
}

sub stop
{
	my ($self) = @_;
	return if $self->{stopped}++;
	Tlspolicy::Scratch::run({ timeout => 60 }, 'postfix', '-c',
	    "$self->{dir}/etc", 'stop');
}

1;
