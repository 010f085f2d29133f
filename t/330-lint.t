#!/usr/bin/perl
# tlspolicy lint: what each check finds, and what it leaves alone.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX qw(strftime);
use Test::More;
use Tlspolicy::Scratch;

my $scratch = Tlspolicy::Scratch->new;
my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
my $soon = strftime '%Y-%m-%d', gmtime(time + 10 * 86400);
my $sooner = strftime '%Y-%m-%d', gmtime(time + 9 * 86400);
my $late = strftime '%Y-%m-%d', gmtime(time + 90 * 86400);

# lint(OPTIONS, RULES): exit code and "LINE CHECK" of each finding.
sub lint {
	my ($options, $rules) = @_;
	my $file = $scratch->write('rules', $rules);
	my $out = `$tlspolicy lint $options $file 2>&1`;
	my $status = $? >> 8;
	my ($line, @found) = (0);
	for (split /\n/, $out) {
		$line = $1 if /^\Q$file\E:(\d+): /;
		push @found, "$line $1" if /^    ([a-z-]+): /;
	}
	return ($status, "@found", $out);
}

sub finds {
	my ($name, $options, $rules, $want) = @_;
	my ($status, $found, $out) = lint($options, $rules);
	is $found, $want, "$name: findings" or diag $out;
	is $status, $want eq '' ? 0 : 1, "$name: exit code";
}

finds 'nothing to say', '', "TLS_Clt:example.com\tPERM+VERIFY\n", '';
finds 'names that cannot be', '',
    "TLS_Clt:192.0.2.\tENCR:1\nTLS_Clt:joe\@a.example\tENCR:1\n" .
    "TLS_Clt:[192.0\tENCR:1\nTLS_To:<>\tENCR:1\n",
    '1 never-matches 2 never-matches 3 never-matches 4 never-matches';
finds 'stand-ins and cut names', '',
    "TLS_Clt:a.example\tVERIFY+CN:BadCertificateUnknown\n" .
    "TLS_Clt:b.example\tVERIFY+CN:a++b\n",
    '1 never-matches 2 never-matches';
finds 'shadowed by dates', '',
    "TLS_Clt:a.example\tENCR:1+UNTIL:$late\n" .
    "TLS_Clt:a.example\tENCR:2+FROM:$soon++UNTIL:$late\n",
    '2 shadowed';
finds 'dates', '', "TLS_Clt:a.example\tENCR:1+UNTIL:2026-01-01\n" .
    "TLS_Clt:b.example\tENCR:1+UNTIL:$soon\n" .
    "TLS_Clt:c.example\tENCR:1+UNTIL:$late\n", '1 dates 2 dates';
finds 'weaker than a parent name', '',
    "TLS_Clt:a.example\tVERIFY:256+VER:1.2\n" .
    "TLS_Clt:1.a.example\tENCR:256+VER:1.2\n" .
    "TLS_Clt:2.a.example\tVERIFY:128+VER:1.2\n" .
    "TLS_Clt:3.a.example\tVERIFY:256\n" .
    "TLS_Clt:4.a.example\tWARN+VERIFY:256+VER:1.2\n" .
    "TLS_Clt:5.a.example\tOK\n" .
    "TLS_Clt:6.a.example\tVERIFY:256+VER:1.3\n" .
    "TLS_Clt:7.a.example\tENCR:0+UNTIL:$late++BY:ticket-7\n" .
    "TLS_Clt:.8.a.example\tVERIFY:256+VER:1.1\n",
    '2 weaker 3 weaker 4 weaker 5 weaker 6 weaker 9 weaker';
finds 'weaker than a network, a domain, the bare tag', '',
    "TLS_Clt:\tENCR:112\nTLS_Clt:10.0.0.0/8\tENCR:256\n" .
    "TLS_Clt:10.9\tENCR:128\nTLS_From:a.example\tVERIFY\n" .
    "TLS_From:joe\@a.example\tENCR:1\nTLS_Clt:b.example\tENCR:64\n",
    '3 weaker 5 weaker 6 weaker';
finds 'a public server', '', "TLS_Clt:\tPERM+ENCR:112\n", '1 public-mx';
finds 'a public server that only warns', '', "TLS_Clt:\tWARN+ENCR:112\n", '';
finds 'a public suffix', '', "TLS_From:co.uk\tENCR:1\n" .
    "TLS_Clt:.com\tENCR:1\nTLS_From:example.co.uk\tENCR:1\n" .
    "TLS_Clt:host.internal\tENCR:1\n", '1 public-suffix 2 public-suffix';
finds 'bounces', '', "TLS_From:\tENCR:1\n", '1 null-sender';
finds 'bounces let through', '', "TLS_From:\tENCR:1\nTLS_From:<>\tOK\n", '';
finds 'role addresses', '', "TLS_To:a.example\tENCR:1\n" .
    "TLS_To:postmaster\@a.example\tOK\nTLS_To:abuse\@b.example\tENCR:1\n",
    '1 role-address 3 role-address';
finds 'role addresses let through', '', "TLS_To:\tENCR:1\n" .
    "TLS_To:postmaster@\tOK\nTLS_To:abuse@\tOK\n", '';
my $told = "TLS_Clt:a.example\tVERIFY+CS:/CN=a\n" .
    "TLS_Clt:b.example\tENCR:1+FP:00112233445566778899aabbccddeeff\n" .
    "TLS_Clt:c.example\tVERIFY+CN:c++ICN:ca\n";
finds 'facts that Postfix does not tell', '--mta postfix', $told,
    '1 not-told 2 not-told';
finds 'sendmail tells them', '--mta sendmail', $told, '';
my $outbound = "TLS_Srv:a.example\tPERM+VERIFY:128+CN:a\n" .
    "TLS_Srv:b.example\tENCR:256\nTLS_Rcpt:joe\@c.example\tVERIFY\n" .
    "TLS_Rcpt:d.example\tENCR:128+PFS++VER:1.2\n" .
    "TLS_Srv:e.example\tVERIFY\nTry_TLS:f.example\tNO\n";
finds 'what Postfix cannot be told', '--mta postfix', $outbound,
    '1 inexpressible 2 inexpressible 3 inexpressible';
finds 'what sendmail cannot be told', '--mta sendmail', $outbound,
    '4 inexpressible';
finds 'no MTA, no question of words', '', $outbound, '';

my ($status, undef, $out) = lint('--mta exim', '');
is $status, 64, 'an unknown MTA is a usage error';
like $out, qr/expected sendmail or postfix/, 'and says what was expected';
($status) = lint('', "TLS_Clt:a.example\tENCR\n");
is $status, 65, 'bad rules are bad rules, not findings';

done_testing;
