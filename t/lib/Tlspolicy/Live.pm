package Tlspolicy::Live;

# What the live families share: an MTA and tlspolicy-milter side by side, one
# session with a client of a given kind, and checks that print want and got,
# the dialogue and the audit record.

use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);
use Tlspolicy::Certs;
use Tlspolicy::Daemon;
use Tlspolicy::Postfix;
use Tlspolicy::Scratch;
use Tlspolicy::Sendmail;
use Tlspolicy::Smtp;

my %mtas = (postfix => 'Tlspolicy::Postfix', sendmail => 'Tlspolicy::Sendmail');

# mta => postfix | sendmail, daemon => { what Daemon->new takes }, start => {
# what the MTA's start takes }.  Skips the test file when a part is missing.
sub start
{
	my ($class, $mta, %arg) = @_;
	my $missing = $mtas{$mta}->missing // Tlspolicy::Daemon::missing();
	plan skip_all => $missing if $missing;

	my $scratch = Tlspolicy::Scratch->new;
	my $certs = Tlspolicy::Certs->new($scratch);
	my $daemon = Tlspolicy::Daemon->start(scratch => $scratch,
	    %{$arg{daemon} // {}});
	my $self = bless { scratch => $scratch, certs => $certs,
	    daemon => $daemon, kind => $mta, seen => 0 }, $class;
	$self->{mta} = $mtas{$mta}->start(scratch => $scratch,
	    certs => $certs, %{$arg{start} // {}},
	    milter => $mtas{$mta}->milter_address($daemon->socket));
	return $self;
}

# A client that is ready to say MAIL.  from: its address; tls: undef for a plain
# session, else { cert => NAME, version, ciphers, session }; port: smtp, smtps
# anonymous or proxy; helo => 0: no EHLO after STARTTLS; auth => [user,
# password]; first: bytes before the greeting.
sub client
{
	my ($self, %how) = @_;
	my %tls = %{$how{tls} // {}};
	@tls{qw(cert key)} = $self->{certs}->pair($tls{cert}) if $tls{cert};
	my $port = ($how{port} // 'smtp') =~ s/^smtp$/port/r;
	$port .= '_port' if $port ne 'port';

	my $client = Tlspolicy::Smtp->connect(port => $self->{mta}->$port,
	    from => $how{from} // '127.0.0.2', first => $how{first},
	    ($port eq 'smtps_port' ? (tls => \%tls) : ()));
	$client->ehlo;
	if ($how{tls} && $port ne 'smtps_port') {
		my $r = $client->starttls(%tls);
		die("STARTTLS: $r->{text}") if $r->{code} != 220;
		$client->ehlo if $how{helo} // 1;
	}
	if ($how{auth}) {
		my $r = $client->auth_plain(@{$how{auth}});
		is($r->{code}, 235, 'AUTH works') or
		    diag($client->dialogue, $self->{mta}->log);
	}
	return $client;
}

# Make this the policy; a policy that does not build is a failure.
sub policy
{
	my ($self, @rules) = @_;
	my $r = $self->{daemon}->rules(join '', map { "$_\n" } @rules);
	return 1 if $r->{status} == 0;
	fail("the policy builds: @rules");
	diag("exit $r->{status}\n$r->{err}");
	return 0;
}

# want: "accept", or [code, dsn, pattern of the text ...].
sub reply_is
{
	my ($self, $client, $got, $want, $name) = @_;
	my ($code, $dsn, @text) = ref $want ? @$want : ('250');
	my $ok = $got->{code} eq $code && (!$dsn || $got->{dsn} eq $dsn);
	$ok &&= $got->{text} =~ $_ for @text;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok($ok, "$name: reply is $code" . ($dsn ? " $dsn" : '')) or
	    diag('want: ', join(' ', $code, $dsn // '', @text),
	    "\ngot:  $got->{code} $got->{dsn} $got->{text}\n",
	    'dialogue:', "\n", $client->dialogue,
	    "milter:\n", $self->{daemon}->log);
	return $ok;
}

# The next record of the audit file that is of a message or of a refusal: when
# a transaction that came to nothing is recorded depends on when the client
# goes away.
sub record
{
	my ($self) = @_;
	my $record;
	do {
		($record) = $self->{daemon}->audit_after($self->{seen}++);
	} while ($record && $record->{event} eq 'aborted');
	return $record;
}

# Waits until the audit file grows no more; next_record() begins behind it.
sub forget_records
{
	my ($self) = @_;
	my $before = -1;
	while ((my $now = () = $self->{daemon}->audit_lines) != $before) {
		$before = $now;
		sleep 0.05;
	}
	$self->{seen} = $before;
}

# want: { "verdict" => word, "tls.verify" => word or pattern, "rules.0.key" =>
# ... }; undef: absent or null.
sub record_is
{
	my ($self, $record, $want, $name) = @_;
	my @bad;
	for my $path (sort keys %$want) {
		my ($got, $expect) = (member($record, $path), $want->{$path});
		next if !defined $expect && !defined $got;
		next if defined $expect && defined $got && (ref $expect ?
		    $got =~ $expect : $got eq $expect);
		push @bad, "$path\n  want: " . ($expect // '(absent)')
		    . "\n  got:  " . ($got // '(absent)') . "\n";
	}
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok(!@bad, "$name: audit record") or diag(@bad, 'record: ',
	    $record ? JSON::PP->new->canonical->encode($record) : '(none)');
	return !@bad;
}

sub member
{
	my ($value, $path) = @_;
	for (split /\./, $path) {
		return undef unless ref $value;
		$value = ref $value eq 'ARRAY' ? $value->[$_] : $value->{$_};
	}
	return $value;
}

1;
