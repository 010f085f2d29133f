package Tlspolicy::Milter;

# The MTA's side of the milter protocol, version 6, for tests without an MTA.
#
# set() says which macros the session has; each command sends those of them that
# its stage's list names: the one that the milter asked for when it negotiated,
# else the default list of the MTA that we play.  Each command returns
# { action => continue | accept | reject | tempfail | discard | skip | reply |
# skipped | closed, code, dsn, lines, text, modifications }.

use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::IP;
use IO::Socket::UNIX;
use Time::HiRes qw(time);

my %actions = (a => 'accept', c => 'continue', d => 'discard', r => 'reject',
    s => 'skip', t => 'tempfail', y => 'reply', f => 'connfail', 4 => 'shutdown');
my %modifications = ('+' => 'add-rcpt', 2 => 'add-rcpt-par', '-' => 'del-rcpt',
    b => 'replace-body', e => 'change-from', h => 'add-header',
    i => 'insert-header', m => 'change-header', q => 'quarantine');

# command => its code, the flag by which a milter declines it, the flag by
# which it promises no reply, the number of its macro list
my %stages = (
	connect	=> ['C', 0x1, 0x1000, 0],
	helo	=> ['H', 0x2, 0x2000, 1],
	mail	=> ['M', 0x4, 0x4000, 2],
	rcpt	=> ['R', 0x8, 0x8000, 3],
	data	=> ['T', 0x200, 0x10000, 4],
	header	=> ['L', 0x20, 0x80, undef],
	eoh	=> ['N', 0x40, 0x40000, 6],
	body	=> ['B', 0x10, 0x80000, undef],
	eom	=> ['E', 0, 0, 5],
);

my %default_macros = (
	sendmail => {
		connect => 'j _ {daemon_name} {if_name} {if_addr}',
		helo => '{tls_version} {cipher} {cipher_bits} {cert_subject}'
		    . ' {cert_issuer}',
		mail => 'i {auth_type} {auth_authen} {auth_ssf} {auth_author}'
		    . ' {mail_mailer} {mail_host} {mail_addr}',
		rcpt => '{rcpt_mailer} {rcpt_host} {rcpt_addr}',
		eom => '{msg_id}',
	},
	postfix => {
		connect => 'j {daemon_name} {daemon_addr} v _',
		helo => '{tls_version} {cipher} {cipher_bits} {cert_subject}'
		    . ' {cert_issuer}',
		mail => 'i {auth_type} {auth_authen} {auth_author} {mail_addr}'
		    . ' {mail_host} {mail_mailer}',
		rcpt => 'i {rcpt_addr} {rcpt_host} {rcpt_mailer}',
		data => 'i', eoh => 'i', eom => 'i',
	},
);

# socket: unix:/path, inet:port@host or inet6:port@host, as in tlspolicy.conf.
sub connect
{
	my ($class, $socket, %arg) = @_;
	my $sock = open_socket($socket) or return undef;
	return bless { sock => $sock, macros => {}, wanted => {},
	    protocol => 0, mta => $arg{mta} // 'sendmail',
	    timeout => $arg{timeout} // 10 }, $class;
}

sub open_socket
{
	my ($socket) = @_;
	return IO::Socket::UNIX->new(Peer => $1) if $socket =~ /^unix:(.*)/;
	return IO::Socket::INET->new(PeerAddr => $2, PeerPort => $1)
	    if $socket =~ /^inet:(\d+)\@(.*)/;
	return IO::Socket::IP->new(PeerHost => $2, PeerPort => $1)
	    if $socket =~ /^inet6:(\d+)\@(.*)/;
	die "not a socket: $socket\n";
}

# Offer everything that the MTAs offer; keep what the milter chose.
sub negotiate
{
	my ($self, %arg) = @_;
	$self->packet('O', pack 'NNN', $arg{version} // 6,
	    $arg{actions} // 0x1ff, $arg{protocol} // 0x1fffff);
	my ($code, $data) = $self->read_packet;
	return undef unless defined $code && $code eq 'O';
	(my $version, $self->{actions}, $self->{protocol}, my $lists) =
	    unpack 'NNNa*', $data;
	while (length $lists >= 5) {
		my ($stage, $names) = unpack 'NZ*', $lists;
		substr $lists, 0, 5 + length $names, '';
		my ($command) = grep { defined $stages{$_}[3] &&
		    $stages{$_}[3] == $stage } keys %stages;
		$self->{wanted}{$command} = $names if defined $command;
	}
	return { version => $version, actions => $self->{actions},
	    protocol => $self->{protocol}, macros => $self->{wanted} };
}

# name => value without braces; undef takes a macro away.  {mail_addr} and
# {rcpt_addr} are what each command says, until they are set.
sub set
{
	my ($self, %macros) = @_;
	for (keys %macros) {
		$self->{said}{$_} = 1;
		if (defined $macros{$_}) {
			$self->{macros}{$_} = $macros{$_};
		} else {
			delete $self->{macros}{$_};
		}
	}
	return $self;
}

sub macros_for
{
	my ($self, $command) = @_;
	my $list = $self->{wanted}{$command} //
	    $default_macros{$self->{mta}}{$command} // '';
	my $data = '';
	for my $name (split /[ ,]+/, $list) {
		my $value = $self->{macros}{$name =~ s/^\{(.*)\}$/$1/r};
		$data .= "$name\0$value\0" if defined $value;
	}
	return $data;
}

sub command
{
	my ($self, $command, $data) = @_;
	my ($code, $declined, $silent) = @{$stages{$command}};
	return { action => 'skipped' } if $self->{protocol} & $declined;
	my $macros = $self->macros_for($command);
	$self->packet('D', $code . $macros) if $macros ne '';
	$self->packet($code, $data) or return { action => 'closed' };
	return { action => 'continue' } if $self->{protocol} & $silent;
	return $self->reply;
}

# A host name, and an address in the MTA's spelling; none: local submission.
sub conn
{
	my ($self, $host, $address, $port) = @_;
	return $self->command('connect', "$host\0U") unless defined $address;
	my $family = $address =~ /:/ ? '6' : '4';
	return $self->command('connect',
	    pack 'Z*a n Z*', $host, $family, $port // 40000, $address);
}

sub helo
{
	return $_[0]->command('helo', ($_[1] // 'client.example.com') . "\0");
}

sub mail
{
	my ($self, $from, @args) = @_;
	$self->{macros}{mail_addr} = $from unless $self->{said}{mail_addr};
	return $self->command('mail', join '', map { "$_\0" } "<$from>", @args);
}

sub rcpt
{
	my ($self, $to, @args) = @_;
	$self->{macros}{rcpt_addr} = $to unless $self->{said}{rcpt_addr};
	return $self->command('rcpt', join '', map { "$_\0" } "<$to>", @args);
}

sub data
{
	return $_[0]->command('data', '');
}

# Headers, a body and the dot; the reply is the first that is not "continue".
sub message
{
	my ($self) = @_;
	for (['header', "Subject\0test\0"], ['eoh', ''], ['body', "test\r\n"]) {
		my $r = $self->command(@$_);
		return $r if $r->{action} !~ /^(continue|skipped|skip)$/;
	}
	return $self->eom;
}

sub eom
{
	return $_[0]->command('eom', '');
}

# RSET, or a new EHLO in the middle of a transaction; there is no reply.
sub abort
{
	return $_[0]->packet('A', '');
}

sub quit
{
	my ($self) = @_;
	$self->packet('Q', '');
	close $self->{sock};
}

sub packet
{
	my ($self, $code, $data) = @_;
	return $self->raw(pack 'N a a*', 1 + length $data, $code, $data);
}

# Any bytes: half a packet, a length that lies, garbage.
sub raw
{
	my ($self, $bytes) = @_;
	local $SIG{PIPE} = 'IGNORE';
	my $off = 0;
	while ($off < length $bytes) {
		my $n = syswrite $self->{sock}, $bytes,
		    length($bytes) - $off, $off;
		return 0 unless $n;
		$off += $n;
	}
	return 1;
}

sub read_bytes
{
	my ($self, $want) = @_;
	my $end = time + $self->{timeout};
	my $buf = '';
	while (length $buf < $want) {
		my $left = $end - time;
		return undef unless $left > 0 &&
		    IO::Select->new($self->{sock})->can_read($left);
		my $n = sysread $self->{sock}, $buf, $want - length $buf,
		    length $buf;
		return undef unless $n;
	}
	return $buf;
}

sub read_packet
{
	my ($self) = @_;
	my $head = $self->read_bytes(5) // return;
	my ($length, $code) = unpack 'N a', $head;
	die "a packet of $length bytes from the milter\n"
	    if $length < 1 || $length > 1 << 20;
	return ($code, $length > 1 ? $self->read_bytes($length - 1) : '');
}

sub reply
{
	my ($self) = @_;
	my %r = (modifications => []);
	while (1) {
		my ($code, $data) = $self->read_packet;
		return { %r, action => 'closed' } unless defined $code;
		next if $code eq 'p';
		if (my $what = $modifications{$code}) {
			push @{$r{modifications}}, [$what, split /\0/, $data];
			next;
		}
		$r{action} = $actions{$code} // die "milter reply '$code'\n";
		decode_reply(\%r, $data =~ s/\0.*//sr) if $code eq 'y';
		return \%r;
	}
}

sub decode_reply
{
	my ($r, $data) = @_;
	$r->{raw} = $data;
	for (split /\r\n/, $data) {
		my ($code, $dsn, $text) =
		    /^(\d{3})[ -](?:([245]\.\d+\.\d+) )?(.*)$/s or next;
		# What both MTAs do with the milter's doubled percent signs.
		$text =~ s/%%/%/g;
		@$r{qw(code dsn)} = ($code, $dsn // '');
		push @{$r->{lines}}, $text;
	}
	$r->{text} = join ' / ', @{$r->{lines} // []};
}

1;
