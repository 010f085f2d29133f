package Tlspolicy::Site;

# A Postfix with a site's own files (t/data/sites), and sessions in clear that
# it and the rules made of these files judge.

use strict;
use warnings;
use File::Copy qw(copy);
use JSON::PP qw(decode_json encode_json);
use Test::More;
use Tlspolicy::Certs;
use Tlspolicy::Postfix;
use Tlspolicy::Scratch;
use Tlspolicy::Smtp;

# Skips the test file where there is no Postfix.
sub start
{
	my ($class, $name) = @_;
	my $why = Tlspolicy::Postfix::missing();
	plan skip_all => $why if $why;
	my $scratch = Tlspolicy::Scratch->new;
	my $dir = "$FindBin::Bin/data/sites/$name";
	# By postconf, which reads main.cf without us.
	my %main = map { /^(\S+) = ?(.*)$/ ? ($1 => $2) : () } split /\n/,
	    Tlspolicy::Scratch::must('postconf', '-c', $dir, '-n');
	delete $main{config_directory}; # postconf tells where it read
	my $postfix = Tlspolicy::Postfix->start(scratch => $scratch,
	    certs => Tlspolicy::Certs->new($scratch),
	    main => { %main, smtpd_error_sleep_time => 0,
	    smtpd_hard_error_limit => 100000, smtpd_soft_error_limit => 100000,
	    smtpd_junk_command_limit => 100000 });
	my $self = bless { scratch => $scratch, postfix => $postfix,
	    dir => $dir, etc => "$postfix->{dir}/etc" }, $class;
	for (glob "$dir/*") {
		copy($_, $self->{etc}) unless /\.cf$/ || -d;
	}
	return $self;
}

sub tlspolicy
{
	my ($self, @args) = @_;
	my $opt = ref $args[0] ? shift @args : {};
	return Tlspolicy::Scratch::run($opt,
	    Tlspolicy::Scratch::builddir() . '/tlspolicy', @args);
}

# The tables as they are now.
sub reload
{
	my ($self) = @_;
	Tlspolicy::Scratch::must({ timeout => 60 }, 'postfix', '-c',
	    $self->{etc}, 'reload');
}

# What Postfix tells a client in clear: [name, address] by XCLIENT, each sender
# and recipient.  Rows of [what for people, verdict, macros].
sub ask_postfix
{
	my ($self, $clients, $senders, $recipients) = @_;
	my @asked;
	for my $client (@$clients) {
		my $smtp = Tlspolicy::Smtp->connect(
		    port => $self->{postfix}->port);
		$smtp->ehlo('client.example');
		$smtp->cmd("XCLIENT NAME=$client->[0] ADDR=$client->[1]");
		$smtp->ehlo('client.example');
		for my $sender (@$senders) {
			# All at once, as by PIPELINING.
			$smtp->send(join '', map { "$_\r\n" }
			    "MAIL FROM:<$sender>",
			    (map { "RCPT TO:<$_>" } @$recipients), 'RSET');
			$smtp->reply;
			push @asked, map { row($client, $sender, $_,
			    $smtp->reply) } @$recipients;
			$smtp->reply;
		}
		$smtp->quit;
	}
	return @asked;
}

sub row
{
	my ($client, $sender, $recipient, $reply) = @_;
	return ["$client->[0] [$client->[1]] <$sender> <$recipient>",
	    $reply->{code} == 250 ? 'accept' :
	    $reply->{text} =~ /encryption/i ? 'tempfail' :
	    $reply->{text} =~ /address rejected: Access denied/ ? 'reject' :
	    "$reply->{code} $reply->{text}",
	    { v => 'Postfix 3.7.11', client_addr => $client->[1] =~ s/^IPV6://r,
	    client_name => $client->[0] eq '[UNAVAILABLE]' ? 'unknown' :
	    $client->[0], mail_addr => $sender, rcpt_addr => $recipient }];
}

# The same by `tlspolicy check` with these options.
sub verdicts_are
{
	my ($self, $name, $asked, @options) = @_;
	my $in = $self->{scratch}->write('in', join '', map {
	    encode_json($_->[2]) . "\n" } @$asked);
	my $judged = $self->tlspolicy({ in => $in }, 'check', @options,
	    '--batch');
	my @verdicts = map { decode_json($_)->{verdict} } split /\n/,
	    $judged->{out};
	cmp_ok(scalar @$asked, '>=', 1000, "$name: sessions: " . @$asked);
	is(scalar @verdicts, scalar @$asked, "$name: each is judged") or
	    diag($judged->{err});
	my @differ = grep { ($verdicts[$_] // '') ne $asked->[$_][1] }
	    0 .. $#$asked;
	is(join("\n", map { "$asked->[$_][0]: Postfix $asked->[$_][1], rules " .
	    ($verdicts[$_] // 'none') } grep { defined } @differ[0 .. 9]), '',
	    "$name: the same verdicts");
	my %seen;
	$seen{$_->[1]}++ for @$asked;
	cmp_ok($seen{$_} // 0, '>', 100, "$name: many: $_")
	    for qw(tempfail accept);
}

1;
