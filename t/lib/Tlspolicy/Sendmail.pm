package Tlspolicy::Sendmail;

# A real sendmail, unpacked beside Postfix (scripts/install-packages sendmail),
# with a sendmail.cf made by m4, STARTTLS, smtps, optionally AUTH, one milter.
#
# It runs in namespaces of its own: without a host name that has a dot and
# resolves it would sleep for a minute at start.  Mail is queued, not delivered.

use strict;
use warnings;
use File::Path qw(make_path);
use IPC::Open2 qw(open2);
use Tlspolicy::Fault;
use Tlspolicy::Names;
use Tlspolicy::Postfix;
use Tlspolicy::Scratch;
use Tlspolicy::Smtp;

sub root
{
	return $ENV{TLSPOLICY_SENDMAIL} //
	    Tlspolicy::Scratch::topdir() . '/build/sendmail';
}

sub binary
{
	return root() . '/usr/libexec/sendmail/sendmail';
}

# Why these tests cannot run here, or undef.
sub missing
{
	return 'not root: sendmail needs namespaces of its own' if $> != 0;
	return 'no sendmail in ' . root() . ' (scripts/install-packages test)'
	    unless -x binary();
	return Tlspolicy::Names::missing() || undef;
}

# scratch, certs, milter (as sendmail spells it), sasl => { user => password },
# features, mc => lines for the .mc, before and behind those of MAILER; options => { name => value } of sendmail.cf.
sub start
{
	my ($class, %arg) = @_;
	my $self = bless { %arg, dir => $arg{scratch}->path('sendmail') }, $class;
	$self->{$_} = Tlspolicy::Scratch::free_port() for qw(smtp smtps);

	make_path("$self->{dir}/queue", "$self->{dir}/mail");
	chmod 0700, "$self->{dir}/queue";
	$self->write_sasl if $self->{sasl};
	$self->write_cf;
	# Debian's libsasl2 looks for Sendmail.conf there.
	my %bind = $self->{sasl} ? ('/usr/lib/sasl2' => "$self->{dir}/sasl") : ();
	$self->{prefix} = [Tlspolicy::Names::prefix($arg{scratch}, %bind),
	    $self->with_syslog, binary(), '-C', "$self->{dir}/sendmail.cf",
	    map { ('-O', "$_=$self->{options}{$_}") }
		sort keys %{$self->{options} // {}}];
	$self->again;
	return $self;
}

# A daemon, the first one or the next after stop().
sub again
{
	my ($self) = @_;
	$self->{stopped} = 0;
	# -bD: in the foreground, so that our child is the daemon itself.
	$self->{pid} = $self->{scratch}->spawn('sendmail/log',
	    @{$self->{prefix}}, '-bD');
	Tlspolicy::Scratch::wait_for(60, sub {
	    $self->answers || Tlspolicy::Scratch::ended($self->{pid}) });
	$self->answers or
	    die "sendmail does not answer:\n" . $self->log;
}

# There is no syslog daemon: what sendmail tells it goes to a file.
sub with_syslog
{
	my ($self) = @_;
	return () if Tlspolicy::Fault::missing('syslog');
	return ('env', 'LD_PRELOAD=' . Tlspolicy::Fault::library('syslog'),
	    'SYSLOG_FILE=' . $self->maillog,
	    # A sanitizer wants to be the first library.
	    'ASAN_OPTIONS=verify_asan_link_order=0');
}

sub maillog
{
	return $_[0]{scratch}->path('sendmail/maillog');
}

sub name
{
	return 'sendmail';
}

sub port
{
	return $_[0]{smtp};
}

sub smtps_port
{
	return $_[0]{smtps};
}

sub anonymous_port
{
	return $_[0]{smtp};
}

sub milter_address
{
	my ($class, $socket) = @_;
	return $socket =~ s/^unix:/local:/r;
}

sub mc
{
	my ($self) = @_;
	my $dir = $self->{dir};
	my $cf = root() . '/usr/share/sendmail/cf';
	my ($cert, $key) = $self->{certs}->pair('server');
	my $ca = $self->{certs}->ca;
	my $mc = <<"END";
divert(-1)
include(`$cf/m4/cf.m4')
divert(0)dnl
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `mx.example.org')dnl
define(`confDONT_PROBE_INTERFACES', `True')dnl
define(`confDONT_BLAME_SENDMAIL', `TrustStickyBit,GroupWritableDirPathSafe')dnl
define(`QUEUE_DIR', `$dir/queue')dnl
define(`STATUS_FILE', `$dir/mail/statistics')dnl
define(`ALIAS_FILE', `')dnl
define(`HELP_FILE', `$dir/mail/helpfile')dnl
define(`confPID_FILE', `$dir/mail/pid')dnl
define(`confHOST_STATUS_DIRECTORY', `')dnl
define(`confSERVICE_SWITCH_FILE', `$dir/mail/service.switch')dnl
define(`confHOSTS_FILE', `/etc/hosts')dnl
define(`confTRUSTED_USER', `root')dnl
define(`confDELIVERY_MODE', `queueonly')dnl
define(`confTO_IDENT', `0')dnl
define(`confREFUSE_LA', `1000')dnl
define(`confQUEUE_LA', `1000')dnl
define(`confDELAY_LA', `0')dnl
define(`confMIN_FREE_BLOCKS', `0')dnl
define(`confLOG_LEVEL', `14')dnl
define(`confCACERT', `$ca')dnl
define(`confCACERT_PATH', `$dir')dnl
define(`confSERVER_CERT', `$cert')dnl
define(`confSERVER_KEY', `$key')dnl
define(`confCIPHER_LIST', `ALL:\@SECLEVEL=0')dnl
define(`confDH_PARAMETERS', `i')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`nocanonify')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`accept_unqualified_senders')dnl
FEATURE(`promiscuous_relay')dnl
DAEMON_OPTIONS(`Name=MTA, Family=inet, Addr=127.0.0.1, Port=$self->{smtp}')dnl
DAEMON_OPTIONS(`Name=TLSMTA, Family=inet, Addr=127.0.0.1, Port=$self->{smtps}, M=s')dnl
END
	$mc .= "define(`confAUTH_MECHANISMS', `PLAIN LOGIN')dnl\n"
	    . "TRUST_AUTH_MECH(`PLAIN LOGIN')dnl\n" if $self->{sasl};
	$mc .= "INPUT_MAIL_FILTER(`tlspolicy', `S=$self->{milter}, F=T, "
	    . "T=C:10s;S:10s;R:10s;E:30s')dnl\n" if $self->{milter};
	# What a test adds may hold rulesets, so it comes last.
	return $mc . ($self->{features} // '') . <<'END' . ($self->{mc} // '');
MAILER(`local')dnl
MAILER(`smtp')dnl
LOCAL_RULESETS
SLocal_check_rcpt
R$*	$: $>CanonAddr $1
Runknown < @ example.org. > $*	$#error $@ 5.7.1 $: "550 Access denied"
Runknown < @ example.org > $*	$#error $@ 5.7.1 $: "550 Access denied"
END
}

sub write_cf
{
	my ($self) = @_;
	my $scratch = $self->{scratch};
	my $mc = $scratch->write('sendmail/sendmail.mc', $self->mc);
	$scratch->write('sendmail/mail/service.switch', "hosts files\naliases files\n");
	$scratch->write('sendmail/mail/helpfile', "#vers 2\n");
	$scratch->write('sendmail/sendmail.cf', Tlspolicy::Scratch::must('m4',
	    '-D_CF_DIR_=' . root() . '/usr/share/sendmail/cf/', $mc));
}

sub write_sasl
{
	my ($self) = @_;
	make_path("$self->{dir}/sasl");
	Tlspolicy::Postfix::write_sasl_conf($self->{scratch},
	    'sendmail/sasl/Sendmail.conf', "$self->{dir}/sasl/sasldb2",
	    'mx.example.org', $self->{sasl});
}

sub answers
{
	return Tlspolicy::Postfix::answers(@_);
}

sub log
{
	my ($self) = @_;
	return $self->{scratch}->read('sendmail/log');
}

# Submission by "sendmail -bs", an SMTP dialogue which no network client holds.
# Returns "sent", or the whole dialogue.
sub submit
{
	my ($self, $from, $to) = @_;
	my $pid = open2(my $out, my $in, @{$self->{prefix}}, '-bs');
	my $client = Tlspolicy::Smtp->over($out, $in);
	$client->ehlo('localhost');
	$client->mail($from);
	$client->rcpt($to);
	my $r = $client->data;
	$client->quit;
	waitpid $pid, 0;
	return $r->{code} == 250 ? 'sent' : join '', $client->dialogue;
}

# The queue ids of the messages that the MTA holds.
sub held
{
	my ($self) = @_;
	return map { /\/hf(\w+)$/ } glob "$self->{dir}/queue/hf*";
}

# The header of a message in the queue, without sendmail's own marks.
sub head
{
	my ($self, $id) = @_;
	my ($file) = glob "$self->{dir}/queue/[qh]f$id";
	return join '', map { s/^H(?:\?[^?]*\?)?//r } grep { /^(?:H|[ \t])/ }
	    split /^/, Tlspolicy::Scratch::slurp($file // '');
}

sub stop
{
	my ($self) = @_;
	return if $self->{stopped}++;
	Tlspolicy::Scratch::end_pid($self->{pid});
}

1;
