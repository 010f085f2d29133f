#!/usr/bin/perl
# Values from outside: percent signs, control characters, no UTF-8, very long
# ones, very many recipients.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Talk;

my $daemon = daemon(<<'END');
TLS_Clt:example.com	PERM+VERIFY
TLS_Clt:named.example	PERM+VERIFY+CN:other.example
TLS_Clt:exotic.example	PERM+VERIFY+CN:mail.example++MSG:100% of you %s %n
TLS_From:sender.example	PERM+ENCR:112
END

sub mail
{
	my ($from, %macros) = @_;
	my $m = session($daemon, %sendmail, %macros);
	return ($m->mail($from), $m);
}

subtest 'percent signs' => sub {
	my ($got) = mail('a@example.com', client_name => 'a.named.example',
	    %verified, cn_subject => '100%s%n%');
	answer_is($got, [554, '5.7.1', qr/100%s%n%/], 'in a certificate');
	like($got->{raw}, qr/100%%s%%n%%/, 'are doubled on the wire');
	($got) = mail('a@example.com', client_name => 'exotic.example');
	answer_is($got, [550, '5.7.10', qr/100% of you %s %n/], 'in a rule');
	($got) = mail('%s%d@sender.example', client_name => 'x.example');
	answer_is($got, [550, '5.7.10'], 'in a sender');
};

subtest 'control characters' => sub {
	my $seen = () = $daemon->audit;
	my ($got) = mail("a\r\n250 ok\@example.com", %verified,
	    client_name => 'a.named.example',
	    cn_subject => 'a+0D+0A250+20ok+1B[31m', helo => "x\nx");
	answer_is($got, [554, '5.7.1'], 'reply');
	unlike($got->{raw}, qr/[^\x20-\x7e\r\n]/, 'has none');
	is(scalar(() = $got->{raw} =~ /\r\n/g), $#{$got->{lines}},
	    'and no line of theirs');
	my ($record) = $daemon->audit_after($seen);
	is($record->{from}, "a\r\n250 ok\@example.com", 'sender');
	is($record->{tls}{cn}, "a\r\n250 ok\e[31m", 'name');
	is(scalar(() = $daemon->audit), $seen + 1, 'one line');
};

subtest 'no UTF-8' => sub {
	my $seen = () = $daemon->audit;
	my ($got) = mail("a\xff\xfe\@example.com");
	answer_is($got, [550, '5.7.10'], 'sender');
	my ($record) = $daemon->audit_after($seen);
	like($record->{from}, qr/^a\x{fffd}/, 'record');
};

subtest 'very long values' => sub {
	my $long = 'x' x 20_000;
	my $seen = () = $daemon->audit;
	my ($got, $m) = mail("$long\@example.com", i => 'long',
	    cn_subject => $long, cert_subject => "/CN=$long");
	answer_is($got, [550, '5.7.10'], 'are judged');
	my ($record) = $daemon->audit_after($seen);
	is(length $record->{from}, 20_000 + length '@example.com',
	    'are recorded whole');
	($got) = mail('a@example.com', %verified,
	    client_name => 'a.named.example', cn_subject => $long);
	answer_is($got, [554, '5.7.1'], 'a name of 20,000 characters');
	ok(length $_ <= 980, 'a line that SMTP allows')
	    for split /\r\n/, $got->{raw};
};

subtest 'empty values' => sub {
	my ($got) = mail('', map { $_ => '' } grep { $_ ne 'client_addr' &&
	    $_ ne 'client_name' && $_ ne 'v' } keys %sendmail, %tls);
	answer_is($got, [550, '5.7.10'], 'are in clear');
};

subtest '5,000 recipients' => sub {
	my $seen = () = $daemon->audit;
	my ($got, $m) = mail('a@example.com', %verified);
	my $bad = 0;
	for (1 .. 5000) {
		$bad++ if $m->rcpt("recipient$_\@example.org")->{action} ne
		    'continue';
	}
	is($bad, 0, 'all are accepted');
	answer_is($m->message, 'continue', 'end');
	my ($record) = $daemon->audit_after($seen);
	is(scalar @{$record->{rcpts}}, 5000, 'all are recorded');
	is($record->{rcpts}[4999], 'recipient5000@example.org', 'the last, too');
};

ok($daemon->alive, 'the daemon is still there');
done_testing;
