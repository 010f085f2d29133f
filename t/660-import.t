#!/usr/bin/perl
#
# A Postfix's own configuration against what import makes of it: the same
# sessions in clear, judged by Postfix and by the rules.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Copy qw(copy);
use JSON::PP qw(decode_json encode_json);
use Test::More;
use Tlspolicy::Certs;
use Tlspolicy::Postfix;
use Tlspolicy::Scratch;
use Tlspolicy::Smtp;

my $why = Tlspolicy::Postfix::missing();
plan skip_all => $why if $why;
my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
my $scratch = Tlspolicy::Scratch->new;
my $certs = Tlspolicy::Certs->new($scratch);
my $site = "$FindBin::Bin/data/sites/provider";

# By postconf, which reads main.cf without us.
my %main = map { /^(\S+) = ?(.*)$/ ? ($1 => $2) : () } split /\n/,
    Tlspolicy::Scratch::must('postconf', '-c', $site, '-n');
my $postfix = Tlspolicy::Postfix->start(scratch => $scratch, certs => $certs,
    main => { %main, smtpd_error_sleep_time => 0,
    smtpd_hard_error_limit => 100000, smtpd_soft_error_limit => 100000,
    smtpd_junk_command_limit => 100000 });
for (glob "$site/*") {
	copy($_, "$postfix->{dir}/etc") unless /\.cf$/;
}
Tlspolicy::Scratch::must({ timeout => 60 }, 'postfix', '-c',
    "$postfix->{dir}/etc", 'reload');

my $import = Tlspolicy::Scratch::run($tlspolicy, 'import', '--config',
    "$postfix->{dir}/etc", 'postfix');
is($import->{status}, 65, 'not all lines are of equal force');
like($import->{err}, qr/recipients:1: .*extensions, too\n.*recipients:3: /s,
    'and these are named');
my $rules = $scratch->write('rules', $import->{out});

my @clients = (['gw.partner.example', '192.0.2.1'],
    ['a.gw.partner.example', '192.0.2.2'],
    ['test.gw.partner.example', '192.0.2.3'],
    ['clinic.example', '192.0.2.4'], ['free.example', '192.0.2.5'],
    ['[UNAVAILABLE]', '198.51.100.9'], ['free.example', '198.51.100.77'],
    ['clinic.example', '198.51.100.77'], ['old.example', '198.51.100.78'],
    ['mx.example.com', '192.0.2.9'], ['test.gw.partner.example', '198.51.100.1'], ['x.old.example', '192.0.2.6']);
my @senders = ('', 'a@bank.example', 'a@x.bank.example',
    'a@lists.bank.example', 'newsletter@bank.example', 'pay@shop.example',
    'pay+x@shop.example', 'other@shop.example', 'a@city.example',
    'a@quiet.bank.example', 'a@free.example');
my @recipients = qw(payroll@example.org postmaster@example.org
    other@example.org a@sub.example.org payroll@sub.example.org
    Payroll@EXAMPLE.org root@example.org b@example.org);

my $began = time;
my $sessions = '';
my @asked;
for my $client (@clients) {
	my $smtp = Tlspolicy::Smtp->connect(port => $postfix->port);
	$smtp->ehlo('client.example');
	$smtp->cmd("XCLIENT NAME=$client->[0] ADDR=$client->[1]");
	$smtp->ehlo('client.example');
	for my $sender (@senders) {
		# All at once, as by PIPELINING.
		$smtp->send(join '', map { "$_\r\n" } "MAIL FROM:<$sender>",
		    (map { "RCPT TO:<$_>" } @recipients), 'RSET');
		$smtp->reply;
		for my $recipient (@recipients) {
			my $reply = $smtp->reply;
			push @asked, ["$client->[0] [$client->[1]] <$sender> " .
			    "<$recipient>", $reply->{code} == 250 ? 'accept' :
			    $reply->{text} =~ /encryption/i ? 'tempfail' :
			    "$reply->{code} $reply->{text}"];
			$sessions .= encode_json({ v => 'Postfix 3.7.11',
			    client_name => $client->[0] eq '[UNAVAILABLE]' ?
			    'unknown' : $client->[0],
			    client_addr => $client->[1], mail_addr => $sender,
			    rcpt_addr => $recipient }) . "\n";
		}
		$smtp->reply;
	}
	$smtp->quit;
	die "Postfix is too slow here\n" if time - $began > 100;
}
my $judged = Tlspolicy::Scratch::run({ in => $scratch->write('in',
    $sessions) }, $tlspolicy,
    'check', '-r', $rules, '--batch');
my @verdicts = map { decode_json($_)->{verdict} } split /\n/, $judged->{out};
cmp_ok(scalar @asked, '>=', 1000, 'sessions: ' . @asked);
is(scalar @verdicts, scalar @asked, 'each is judged');
my @differ = grep { ($verdicts[$_] // '') ne $asked[$_][1] } 0 .. $#asked;
is(join("\n", map { "$asked[$_][0]: Postfix $asked[$_][1], rules " .
    ($verdicts[$_] // 'none') } @differ[0 .. ($#differ < 9 ? $#differ : 9)]),
    '', 'the same verdicts');
my %seen;
$seen{$_->[1]}++ for @asked;
cmp_ok($seen{tempfail} // 0, '>', 100, 'many are refused');
cmp_ok($seen{accept} // 0, '>', 100, 'many are not');
done_testing;
