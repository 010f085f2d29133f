package Tlspolicy::Demo;

# scripts/demo: what a policy does to real messages, and why; an exception that
# ends by itself; what a stricter policy would have refused; the evidence.

use strict;
use warnings;
use POSIX ();
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

# Why it cannot run here, or undef.
sub missing
{
	my ($kind) = @_;
	return $mtas{$kind}->missing // Tlspolicy::Daemon::missing();
}

sub run
{
	my ($kind) = @_;
	my $class = $mtas{$kind};
	my $missing = missing($kind);
	die "demo: $missing\n" if $missing;

	$| = 1;
	my $scratch = Tlspolicy::Scratch->new(failed => sub { $? || $failed });
	my $certs = Tlspolicy::Certs->new($scratch);
	# Without namespaces the client has no name, but its address always.
	my $host = Tlspolicy::Names::missing() ? $address :
	    $Tlspolicy::Names::hosts{$address};
	my @bank = ('TLS_From:bank.example',
	    'PERM+VERIFY:128+CN:client.example.com');
	my $daemon = Tlspolicy::Daemon->start(scratch => $scratch,
	    rules => rules(\@bank));
	my $mta = $class->start(scratch => $scratch, certs => $certs,
	    milter => $class->milter_address($daemon->socket));
	my $demo = bless { certs => $certs, daemon => $daemon, mta => $mta,
	    kind => $kind, host => $host, n => 0 };

	print paint('bold', "A throw-away $kind and tlspolicy-milter on "
	    . "loopback"), ", in ", $scratch->dir,
	    "\nThe client is $host [$address].\n";
	$demo->tell('Five messages follow.  Of each: what client and server '
	    . 'said, which rule decided, and how each of its tests came out.');
	$demo->chapter("Mail from the bank comes with the bank's certificate");
	$demo->tell('One rule, for a domain of senders:');
	print_rules(\@bank);
	$demo->message('forged, in clear', 'bank.example', undef, 550);
	$demo->message("forged, with somebody else's certificate",
	    'bank.example', { cert => 'stranger' }, 554);
	$demo->message('the bank itself', 'bank.example',
	    { cert => 'trusted' }, 250);

	my $end = POSIX::strftime('%Y-%m-%d', gmtime(time + 30 * 86400));
	my @courier = ('TLS_From:courier.example',
	    "ENCR:0+UNTIL:$end++BY:ticket-7");
	$demo->chapter('TLS for everybody, an exception that ends by itself');
	$demo->tell('Two more rules: everybody has to use TLS and may try '
	    . "again (TEMP); but for the courier, to the end of $end:");
	$demo->change(\@bank, ['TLS_From:', 'TEMP+ENCR:128'], \@courier);
	$demo->message('anybody, in clear', 'anybody.example', undef, 451);
	$demo->message('the courier, in clear', 'courier.example', undef, 250);

	$demo->chapter('What a stricter policy would have done to this mail');
	$demo->tell('Everybody is to show a certificate.  Whom would that have '
	    . 'hit?  The mail above is judged again, by rules that are not in '
	    . 'force:');
	$demo->replay(\@bank, ['TLS_From:', 'TEMP+VERIFY:128']);
	$demo->chapter('The evidence');
	$demo->tell('All of it is in the audit log, each line chained to the '
	    . 'one before:');
	$demo->evidence;
	print "\n", $failed ? paint('red', "$failed of the steps did not come "
	    . "out as expected, or not as explained.") : paint('green',
	    'Each came out as expected, and was explained as it was judged.'),
	    $failed ? "\n" : "\nAll but the page is cleaned up.  What next: man -l man/tlspolicy.7\n";
	exit($failed ? 1 : 0);
}

# On a terminal only, and not when the user wants none (no-color.org).
my %colors = (bold => 1, red => 31, green => 32, yellow => 33, dim => 2);

sub paint
{
	my ($color, $text) = @_;
	return $text if !-t STDOUT || ($ENV{NO_COLOR} // '') ne '' ||
	    ($ENV{TERM} // 'dumb') eq 'dumb';
	return "\e[$colors{$color}m$text\e[0m";
}

sub rules
{
	return join '', map { "$_->[0]\t$_->[1]\n" } @_;
}

sub print_rules
{
	print "\n";
	printf "    %s\n", paint('bold', sprintf '%-25s %s', @$_) for @_;
}

sub chapter
{
	my ($self, $title) = @_;
	printf "\n%s\n%s\n", '-' x 72, paint('bold', $title);
}

sub tell
{
	my ($self, $text) = @_;
	local $Text::Wrap::columns = 74;
	local $Text::Wrap::unexpand = 0;
	print "\n", Text::Wrap::wrap('', '', $text), "\n";
}

# The policy changes while the milter runs: the build's commit is the reload.
sub change
{
	my ($self, @rules) = @_;
	my $r = $self->{daemon}->rules(rules(@rules));
	die "tlspolicy build: $r->{err}" if $r->{status};
	print_rules(@rules);
	print "\n    \$ tlspolicy build\n", map { "    $_\n" }
	    map { $self->short($_) } split /\n/, $r->{out} . $r->{err};
	print "    Nothing was restarted: that commit is the reload.\n";
}

# Names of files without the scratch folder's.
sub short
{
	my ($self, $line) = @_;
	my $dir = $self->{daemon}{scratch}->dir;
	return $line =~ s/\Q$dir\E\/(?:milter\/)?//r;
}

sub message
{
	my ($self, $what, $domain, $tls, $expected) = @_;

	# The record is found by the sender, whom no other message has.
	my $sender = sprintf 'ceo.%d@%s', ++$self->{n}, $domain;
	my ($client, $reply) = $self->send($tls, $sender);
	my $record = own_record($self->{daemon}, $sender, $reply);
	my ($command, $verdict, @trace) = $self->explain($record);

	printf "\n%s\n", paint('bold', "$self->{n}. $what");
	print_line($_ =~ s/\n//r) for $client->dialogue;
	print "  why:\n";
	print_line($command) if $self->{n} == 1;
	print_line($_) for @trace;
	$self->complain("message $self->{n}, $what", grep { defined }
	    unexpected($expected, $reply),
	    disagreement($reply, $record, $verdict));
}

sub complain
{
	my ($self, $what, @wrong) = @_;
	$failed++ if @wrong;
	print "\n  ", paint('red', "!! $what: $_"), "\n" for @wrong;
}

# What would be refused, held or let through by these rules.
sub replay
{
	my ($self, @rules) = @_;
	my $file = $self->{daemon}{scratch}->write('stricter', rules(@rules));
	my $r = $self->{daemon}->tlspolicy('replay', '-r', $file);
	print_rules(@rules);
	print "\n    \$ tlspolicy replay -r stricter\n";
	print_line($self->short($_) =~ s/^  //r)
	    for grep { !/^    example/ } split /\n/, $r->{out};
	$self->complain('replay', 'the courier was expected to be refused, '
	    . "exit $r->{status}") if $r->{status} != 1 ||
	    $r->{out} !~ /^newly refused: 1\n +courier\.example/m;
}

# The log is whole, and what the page of a report says of it.
sub evidence
{
	my ($self) = @_;
	my $r = $self->{daemon}->tlspolicy('audit', 'verify');
	my $page = Tlspolicy::Scratch::builddir() . '/demo-report.html';
	print "\n    \$ tlspolicy audit verify\n";
	print_line($self->short($_)) for split /\n/, $r->{out} . $r->{err};
	$self->complain('audit verify', "exit $r->{status}") if $r->{status};
	$r = $self->{daemon}->tlspolicy('report');
	my @parts = split /\n\n/, $r->{out};
	print "\n    \$ tlspolicy report\n";
	for my $part (@parts[0, 1, $#parts]) {
		print "\n";
		print_line($_) for split /\n/, $part;
	}
	$r = $self->{daemon}->tlspolicy('report', '--html');
	open my $fh, '>', $page or die "$page: $!\n";
	print $fh $r->{out};
	close $fh or die "$page: $!\n";
	print "\n    \$ tlspolicy report --html >$page\n";
	print "    The same as a page for people: open it in a browser.\n";
	$self->complain('report', "exit $r->{status}") if $r->{status} ||
	    $r->{out} !~ /courier\.example/;
}

# The record of the message with this sender: what the client was told names it
# by its queue id, too, once the message is in the queue.
sub own_record
{
	my ($daemon, $sender, $reply, $seconds) = @_;
	my $record;
	Tlspolicy::Scratch::wait_for($seconds // 60, sub {
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

# Judge the recorded facts once more, by hand: the command, its first line, and
# of the trace the rules that were found and how each test came out.
sub explain
{
	my ($self, $record) = @_;
	return 'no record in the audit file' unless $record;
	my @macros = $self->macros($record);
	my $r = $self->{daemon}->tlspolicy('check', '-v', @macros);
	my ($verdict, @trace) = split /\n/, $r->{out} . $r->{err};
	return ('$ tlspolicy check -v ' . join(' ', map {
	    /[^\w=.:@\/+-]/ ? "'$_'" : $_ } @macros), $verdict,
	    grep { !/^(?:try |no rule|TLS_\w+: the )/ }
	    map { $self->short(s/^\s+//r) } @trace);
}

sub macros
{
	my ($self, $record) = @_;
	my $tls = $record->{tls} // {};
	my %macros = (
		mail_addr => $record->{from},
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

# Prints a line wrapped at 80 columns, its rest indented.
sub print_line
{
	my ($line) = @_;
	local $Text::Wrap::columns = 80;
	local $Text::Wrap::huge = 'overflow';
	local $Text::Wrap::unexpand = 0;
	my ($indent, $text) = $line =~ /^( *)(.*)/;
	my $color = $text =~ /^S: [45]/ ? 'red' : $text =~ /^S: 2/ ? 'green' :
	    $text =~ /^(?:C:|S:|--)/ ? 'dim' : undef;
	my $page = Text::Wrap::wrap("    $indent", "    $indent    ", $text);
	print $color ? paint($color, $page) : $page, "\n";
}

1;
