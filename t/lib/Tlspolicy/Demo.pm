package Tlspolicy::Demo;

# scripts/demo: a handful of messages, each with the rule that judged it, the
# client's view of the reply, and tlspolicy's explanation.

use strict;
use warnings;
use Text::Wrap ();
use Tlspolicy::Certs;
use Tlspolicy::Daemon;
use Tlspolicy::Postfix;
use Tlspolicy::Scratch;
use Tlspolicy::Sendmail;
use Tlspolicy::Smtp;

my %mtas = (postfix => 'Tlspolicy::Postfix', sendmail => 'Tlspolicy::Sendmail');
my $address = '127.0.0.2';
my $failed = 0;

sub run
{
	my ($kind) = @_;
	my $class = $mtas{$kind};
	my $missing = $class->missing // Tlspolicy::Daemon::missing();
	die "demo: $missing\n" if $missing;

	my $scratch = Tlspolicy::Scratch->new(failed => sub { $? || $failed });
	my $certs = Tlspolicy::Certs->new($scratch);
	# Without namespaces the client has no name, but its address always.
	my $host = Tlspolicy::Names::missing() ? $address :
	    $Tlspolicy::Names::hosts{$address};
	my $rule = "TLS_Clt:$host\tPERM+VERIFY:128";
	my $daemon = Tlspolicy::Daemon->start(scratch => $scratch,
	    rules => "$rule\n");
	my $mta = $class->start(scratch => $scratch, certs => $certs,
	    milter => $class->milter_address($daemon->socket));
	my $demo = bless { certs => $certs, daemon => $daemon, mta => $mta,
	    kind => $kind, rule => $rule, host => $host, n => 0 };

	print "A throw-away $kind and tlspolicy-milter on loopback, in ",
	    $scratch->dir, "\nThe client is $host [$address].\n";
	$demo->message('no TLS', undef, 550);
	$demo->message('TLS, no certificate', {}, 554);
	$demo->message('TLS, a certificate that our CA signed',
	    { cert => 'trusted' }, 250);
	$demo->message('TLS, a self-signed certificate',
	    { cert => 'selfsigned' }, 554);
	$demo->change("TLS_Clt:$host\tENCR:112");
	$demo->message('no TLS, after the change', undef, 451);
	$demo->message('TLS, no certificate, after the change', {}, 250);
	print "\n", $failed ? "$failed message(s) were not judged as expected, or not\n"
	    . "explained as they were judged.\n" :
	    "Every message was judged as expected; all is cleaned up.\n";
	exit($failed ? 1 : 0);
}

# The policy changes while the milter runs: the build's commit is the reload.
sub change
{
	my ($self, $rule) = @_;
	my $r = $self->{daemon}->rules("$rule\n");
	die "tlspolicy build: $r->{err}" if $r->{status};
	$self->{rule} = $rule;
	print "\n$_\n" for '-' x 72;
	print 'The rule is changed, nothing is restarted: tlspolicy build',
	    "\n", map { "    $_\n" } split /\n/, $r->{out} . $r->{err};
}

sub message
{
	my ($self, $what, $tls, $expected) = @_;

	# The record is found by the sender, whom no other message has.
	my $sender = sprintf 'alice.%d@example.com', ++$self->{n};
	my ($client, $reply) = $self->send($tls, $sender);
	my $record = own_record($self->{daemon}, $sender, $reply);
	my @explanation = $self->explain($record);

	printf "\n%s\n%d. %s\n", '-' x 72, $self->{n}, $what;
	section('rule', $self->{rule} =~ s/\t/  /r);
	section('the client sees', map { s/\n//r } $client->dialogue);
	section('the explanation', @explanation);
	my @wrong = grep { defined } unexpected($expected, $reply),
	    disagreement($reply, $record, $explanation[1]);
	$failed++ if @wrong;
	print "\n  !! message $self->{n}, $what: $_\n" for @wrong;
}

# The record of the message with this sender: what the client was told names it
# by its queue id, too, once the message is in the queue.
sub own_record
{
	my ($daemon, $sender, $reply, $seconds) = @_;
	my $record;
	Tlspolicy::Scratch::wait_for($seconds // 10, sub {
		($record) = grep { is_own($_, $sender, $reply) } $daemon->audit;
		return $record;
	});
	return $record;
}

sub is_own
{
	my ($record, $sender, $reply) = @_;
	return 0 if ($record->{event} // '') !~ /^(message|refused-)/ ||
	    ($record->{from} // '') ne $sender;
	return $record->{event} ne 'message' if $reply->{code} != 250;
	return $record->{event} eq 'message' &&
	    $reply->{text} =~ /\b\Q$record->{queue_id}\E\b/;
}

sub unexpected
{
	my ($expected, $reply) = @_;
	return $reply->{code} == $expected ? undef :
	    "expected $expected, got $reply->{code}";
}

# How reply, record and explanation differ; undef: they agree.
sub disagreement
{
	my ($reply, $record, $verdict) = @_;
	my $told = "$reply->{code} $reply->{dsn}";

	return 'there is no record of it in the audit file' unless $record;
	my ($recorded) = ($record->{reply} // '') =~ /^(\d+ [\d.]+)/;
	my ($explained) = ($verdict // '') =~ /^(?:tempfail|reject) (\S+ \S+)/;
	return "told $told, the record says $record->{verdict} "
	    . ($recorded // '') unless agrees($reply, $told,
	    $record->{verdict}, $recorded);
	return undef if agrees($reply, $told, $verdict, $explained);
	return "told $told, the explanation says " . ($verdict // 'nothing');
}

sub agrees
{
	my ($reply, $told, $word, $refusal) = @_;
	return defined $refusal ? $told eq $refusal :
	    ($word // '') eq 'accept' && $reply->{code} == 250;
}

# One message; of the dialogue only what follows the greetings is kept.
sub send
{
	my ($self, $tls, $sender) = @_;
	my $client = Tlspolicy::Smtp->connect(port => $self->{mta}->port,
	    from => $address);
	$client->ehlo;
	if ($tls) {
		my %tls = %$tls;
		@tls{qw(cert key)} = $self->{certs}->pair($tls{cert})
		    if $tls{cert};
		my $r = $client->starttls(%tls);
		die "STARTTLS: $r->{text}\n" if $r->{code} != 220;
		$client->ehlo;
	}
	my $connected = $client->{dialogue};
	$client->{dialogue} = [grep { /^-- TLS/ } @$connected];
	my $reply = $client->mail($sender);
	if ($reply->{code} == 250) {
		$client->rcpt('bob@example.org');
		$reply = $client->data("Subject: hello\r\n\r\nHello, Bob.");
	}
	my $dialogue = [grep { !/^C: (Subject|Hello|$)/ }
	    @{$client->{dialogue}}];
	$client->quit;
	$client->{dialogue} = $dialogue;
	return ($client, $reply);
}

# Judge the recorded facts once more, by hand and with the trace.
sub explain
{
	my ($self, $record) = @_;
	return 'no record in the audit file' unless $record;
	my @macros = $self->macros($record);
	my $r = $self->{daemon}->tlspolicy('check', '-v', '-t', 'TLS_Clt',
	    @macros);
	my $dir = $self->{daemon}{dir};
	return ('$ tlspolicy check -v -t TLS_Clt ' . join(' ', map {
	    /[^\w=.:@\/+-]/ ? "'$_'" : $_ } @macros),
	    map { s/\t/    /gr =~ s/\Q$dir\E\///r }
	    split /\n/, $r->{out} . $r->{err});
}

sub macros
{
	my ($self, $record) = @_;
	my $tls = $record->{tls} // {};
	my %macros = (
		client_name => $self->{host} eq $address ?
		    "[$address]" : $self->{host},
		client_addr => $address,
		tls_version => $tls->{version},
		cipher => $tls->{cipher},
		cipher_bits => $tls->{bits},
	);
	if ($self->{kind} eq 'postfix') {
		$macros{v} = 'Postfix ' . $self->{mta}->version;
		@macros{qw(cert_subject cert_issuer)} =
		    @$tls{qw(cn issuer_cn)};
	} else {
		# The record has names as they are, sendmail writes +20 for " ".
		@macros{qw(verify cn_subject cert_subject cert_issuer)} =
		    map { defined && s/([^!-~]|[<>()"+])/
			sprintf '+%02X', ord $1/gerx }
		    @$tls{qw(verify cn subject issuer)};
	}
	return map { "$_=$macros{$_}" } grep { ($macros{$_} // '') ne '' }
	    sort keys %macros;
}

# What continues a line too long for the page stands further in.
sub section
{
	my ($title, @lines) = @_;
	local $Text::Wrap::columns = 80;
	local $Text::Wrap::huge = 'overflow';
	local $Text::Wrap::unexpand = 0;
	print "\n  $title:\n";
	for (@lines) {
		my ($indent, $text) = /^( *)(.*)/;
		print Text::Wrap::wrap("    $indent", "    $indent    ",
		    $text), "\n";
	}
}

1;
