#!/usr/bin/perl
#
# Configurations made at random, each as two services of a real Postfix and as
# rules by import: where import says that all is of equal force a session is
# judged the same by both; where the rules let pass what Postfix asks TLS of, a
# line that says so is among those that import names.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP qw(decode_json encode_json);
use IO::Socket::IP;
use Test::More;
use Tlspolicy::Certs;
use Tlspolicy::Postfix;
use Tlspolicy::RandomSite;
use Tlspolicy::Scratch;
use Tlspolicy::Site;
use Tlspolicy::Smtp;

my $why = Tlspolicy::Postfix::missing();
plan skip_all => $why if $why;
# So many configurations, from that number on.
my $wanted = $ENV{TLSPOLICY_CONFIGURATIONS} // 80;
my $first = $ENV{TLSPOLICY_CONFIGURATION} // 200;
my $at_once = 40;

my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
my $scratch = Tlspolicy::Scratch->new;
my $postfix = Tlspolicy::Postfix->start(scratch => $scratch,
    certs => Tlspolicy::Certs->new($scratch),
    main => { mydestination => 'example.org, sub.example.org',
    smtpd_error_sleep_time => 0, smtpd_hard_error_limit => 100000,
    smtpd_soft_error_limit => 100000, smtpd_junk_command_limit => 100000,
    default_process_limit => 500, max_idle => 2, inet_protocols => 'all',
    smtpd_tls_security_level => 'none',
    # XCLIENT from an address that XCLIENT itself has set.
    smtpd_authorized_xclient_hosts => '0.0.0.0/0 [::]/0',
    # Recipients that all lists let pass are refused as unknown, so that no mail is
    # delivered.
    local_recipient_maps => 'inline:{nobody=x}',
    smtpd_client_connection_rate_limit => 0 });
my $etc = "$postfix->{dir}/etc";
my $master = Tlspolicy::Scratch::slurp("$etc/master.cf");

my @clients = (['gw.partner.example', '192.0.2.1'],
    ['a.gw.partner.example', '192.0.2.9'], ['mx.other.example', '198.51.100.7'],
    ['[UNAVAILABLE]', '10.1.2.3'], ['[UNAVAILABLE]', 'IPV6:2001:db8::1']);
my @senders = ('', 'a@bank.example', 'a+x@bank.example', 'a-x@bank.example',
    'a@x.bank.example', 'b@city.example');
my @recipients = qw(r@example.org r+x@example.org s@sub.example.org);

# The two services: as main.cf has it, and with what master.cf has on top.
sub service
{
	my ($address, @params) = @_;
	return "$address:$postfix->{smtp} inet n - n - - smtpd\n" .
	    join '', map { "  -o { $_->[0] = $_->[1] }\n" } @params;
}

sub address
{
	my ($n, $service) = @_;
	return sprintf '127.77.%d.%d', $n, $service;
}

# Rows of [client, sender, recipient, reply], one client after another.
sub ask
{
	my ($address) = @_;
	my ($smtp, @asked);
	for my $client (@clients) {
		$smtp //= Tlspolicy::Smtp->connect(host => $address,
		    port => $postfix->{smtp}, timeout => 120);
		$smtp->ehlo('client.example');
		my $greeting = $smtp->cmd("XCLIENT NAME=$client->[0] " .
		    "ADDR=$client->[1]");
		# Postfix may refuse the client at XCLIENT's new greeting.
		$greeting = $smtp->ehlo('client.example')
		    if $greeting->{code} == 220;
		$smtp->send(join '', map { "$_\r\n" } map { my $s = $_;
		    ("MAIL FROM:<$s>", (map { "RCPT TO:<$_>" } @recipients),
		    'RSET') } @senders);
		for my $sender (@senders) {
			my $mail = $smtp->reply;
			for (@recipients) {
				my $rcpt = $smtp->reply;
				push @asked, [$client, $sender, $_,
				    $greeting->{code} != 250 ? $greeting :
				    $mail->{code} != 250 ? $mail : $rcpt];
			}
			$smtp->reply;
		}
		# Refused before there is a MAIL, a client stays so.
		next if $greeting->{code} == 250;
		$smtp->close;
		$smtp = undef;
	}
	$smtp->quit if $smtp;
	return @asked;
}

# accept, tempfail or reject for want of TLS; anything else is no matter here.
sub verdict_of
{
	my ($reply) = @_;
	return $reply->{code} == 250 || $reply->{text} =~ /User unknown/ ? 'accept' :
	    $reply->{text} !~ /encryption is required/ ? 'other' :
	    $reply->{code} =~ /^5/ ? 'reject' : 'tempfail';
}

sub macros
{
	my ($client, $sender, $recipient) = @_;
	return { v => 'Postfix 3.7.11',
	    client_addr => $client->[1] =~ s/^IPV6://r,
	    client_name => $client->[0] eq '[UNAVAILABLE]' ? 'unknown' :
	    $client->[0], mail_addr => $sender, rcpt_addr => $recipient };
}

sub judge
{
	my ($rules, @asked) = @_;
	my $store = $scratch->path('store.mdb');
	unlink $store;
	my $r = Tlspolicy::Scratch::run($tlspolicy, 'build', '-d', $store,
	    $scratch->write('rules', $rules));
	return [$r->{err}] if $r->{status};
	$r = Tlspolicy::Scratch::run({ in => $scratch->write('in', join '',
	    map { encode_json(macros(@$_[0 .. 2])) . "\n" } @asked) },
	    $tlspolicy, 'check', '-d', $store, '--batch');
	return ['', map { decode_json($_)->{verdict} } split /\n/, $r->{out}];
}

my %wrong;
my (%seen, %reported);
sub compare
{
	my ($site, $import, $service, @asked) = @_;
	my $judged = judge($import->{out}, @asked);
	if ($judged->[0] ne '') {
		push @{$wrong{'rules that do not build'}}, "$site->{number}: $judged->[0]";
		return;
	}
	my @named = $import->{err} =~ /^(\S+):\d+\t(?:weaker|not taken)\t/mg;
	@named = grep { !/master\.cf$/ } @named if $service eq 'main';
	for my $i (0 .. $#asked) {
		my $postfix = verdict_of($asked[$i][3]);
		my $rules = $judged->[$i + 1] // 'none';
		$seen{"$import->{status} $postfix"}++;
		next if $postfix eq 'other' || $rules eq $postfix;
		my $kind = $rules eq 'accept' ? ($import->{status} == 0 ||
		    !@named ? 'more lenient' : next) : $import->{status} ? next :
		    $postfix eq 'accept' ? 'stricter' : 'another code';
		# Differences are grouped by kind; one of each is shown.
		push @{$wrong{$kind}}, "$site->{number} $service " .
		    "$asked[$i][0][0] [$asked[$i][0][1]] <$asked[$i][1]> " .
		    "<$asked[$i][2]>: Postfix $postfix, rules $rules, exit " .
		    $import->{status}
		    unless $reported{"$site->{number} $service $kind"}++;
	}
}

sub import_site
{
	my ($site) = @_;
	return Tlspolicy::Scratch::run($tlspolicy, 'import', '--config',
	    $site->{dir}, 'postfix');
}

# The lines of its tables that import names are taken out: what it does not name
# is of equal force.
sub mend
{
	my ($site) = @_;
	for (1 .. 3) {
		my ($err, %named) = import_site($site)->{err};
		push @{$named{$1}}, $2 while $err =~
		    m{^\S+/(t\d+):(\d+)\t(?:weaker|stricter|not taken)\t}mg;
		for my $table (keys %named) {
			my @lines = split /^/, Tlspolicy::Scratch::slurp(
			    "$site->{dir}/$table");
			$lines[$_ - 1] = "#\n" for @{$named{$table}};
			$scratch->write("site$site->{number}/$table",
			    join '', @lines);
		}
	}
}

sub round
{
	my (@numbers) = @_;
	my @sites = map { Tlspolicy::RandomSite->new($scratch, $_) } @numbers;
	my $n = 0;
	my $text = $master;
	mend($_) for grep { $_->{number} % 2 } @sites;
	for (@sites) {
		$text .= service(address($n, 1), @{$_->{main}}) .
		    service(address($n, 2), @{$_->{main}}, @{$_->{own}});
		$n++;
	}
	$scratch->write('postfix/etc/master.cf', $text);
	Tlspolicy::Scratch::must({ timeout => 60 }, @{$postfix->{names}},
	    'postfix', '-c', $etc, 'reload');
	Tlspolicy::Scratch::wait_for(60, sub { IO::Socket::IP->new(
	    PeerAddr => address($#sites, 2), PeerPort => $postfix->{smtp}) }) or
	    die "Postfix does not listen\n";
	$n = 0;
	for my $site (@sites) {
		my $import = import_site($site);
		$seen{"exit $import->{status}"}++;
		like($import->{status}, qr/^(?:0|65)$/, "$site->{number}: exit") or
		    diag($import->{err});
		for (1, 2) {
			next if $_ == 2 && @{$site->{own}} == 1;
			compare($site, $import, $_ == 1 ? 'main' : 'own',
			    ask(address($n, $_)));
		}
		$n++;
	}
}

for (my $n = $first; $n < $first + $wanted; $n += $at_once) {
	my $last = $n + $at_once - 1;
	$last = $first + $wanted - 1 if $last > $first + $wanted - 1;
	round($n .. $last);
}
is(join("\n", grep { defined } @{$wrong{$_} // []}[0 .. 9]), '', "none is $_")
    for 'rules that do not build', 'more lenient', 'stricter', 'another code';
note join "\n", map { "$_: $seen{$_}" } sort keys %seen;
cmp_ok($seen{"0 $_"} // 0, '>', $wanted, "many where all is equal: $_") for qw(accept tempfail);
cmp_ok($seen{"65 $_"} // 0, '>', $wanted, "many where some is not: $_") for qw(accept tempfail);
done_testing;
