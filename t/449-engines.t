#!/usr/bin/perl
#
# The same sessions through libmilter and through our engine: the same terms,
# the same answers, and records that are the same but for times and numbers.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA qw(sha256_hex);
use JSON::PP ();
use Test::More;
use Tlspolicy::Talk;

my $json = JSON::PP->new->canonical;
my $rules = <<'END';
TLS_Clt:mail.example.com	PERM+VERIFY:128
TLS_Clt:weak.example	TEMP+ENCR:256
TLS_From:held.example	HOLD+VERIFY
TLS_From:warned.example	WARN+VERIFY
TLS_To:secret.example	PERM+ENCR:128
TLS_Rcpt:friend@secret.example	OK
TLS_Header:author.example	PERM+VERIFY
END

# What each client brings, and how.
my @clients = (
	[clear => %sendmail], [verified => %sendmail, %verified],
	[weak => %sendmail, %tls, client_name => 'weak.example',
	    cipher_bits => 128],
	[postfix => %postfix, %verified],
	[resumed => %postfix, %tls, cert_subject => undef],
	[odd => %sendmail, client_name => 'other.example', %tls,
	    cert_subject => "/CN=\xc3\xa9\x01\"", helo => 'x']);

my @froms = ('a@example.com', 'b@held.example', 'c@warned.example', '',
    'x' x 300 . '@example.net', "odd\x01\x7f\"\@example.net");
my @rcpts = (['r@example.org'], ['r@secret.example', 'friend@secret.example'],
    ['1@example.org', 'r@secret.example', '2@example.org'], []);

# One message as an MTA has it: what is refused is not gone on with.
sub message
{
	my ($m, $say, $from, $to, $end, @fields) = @_;
	my ($r, $taken);
	my $told = sub { $r = $_[1]; $say->(@_); $r->{action} eq 'continue' };
	$told->(mail => $m->mail($from, 'SIZE=100', 'BODY=8BITMIME')) or return;
	$taken += $told->(rcpt => $m->rcpt($_)) for @$to;
	return if $end eq 'again'; # MAIL without RSET
	return $m->abort if $end eq 'abort' || !$taken;
	return $told->(eom => $m->message) unless @fields;
	$m->command('header', "$_->[0]\0$_->[1]\0") for @fields;
	$told->(eoh => $m->command('eoh', '')) || $r->{action} eq 'skipped' or
	    return;
	$told->(eom => $m->eom);
}

sub scripts
{
	my ($m, $say) = @_;
	for my $from (@froms) {
		message($m, $say, $from, $_, 'end') for @rcpts;
	}
	message($m, $say, 'a@example.com', $rcpts[0], $_) for 'abort', 'again',
	    'end', 'abort';
	message($m, $say, 'a@example.com', $rcpts[0], 'end',
	    [From => $_], ['Subject', 'x' x 5000])
	    for 'a@author.example', "b\@x.test\0\@author.example", 'nonsense,',
	    'A <a@x.test>, b@author.example';
	# Forged fields of ours; no field at all.
	message($m, $say, 'a@example.com', $rcpts[0], 'end',
	    ['X-TLS-Policy' => 'forged'], ['Authentication-Results' => 'x']);
	$say->(helo => $m->helo('again.example'));
	message($m, $say, 'a@example.com', $rcpts[2], 'end');
	$m->packet('R', "<b\@example.org>\0"); # no message: no answer
	message($m, $say, 'a@example.com', $rcpts[0], 'end');
	$m->packet('K', '');
	$m->conn('second.example.com', '192.0.2.9');
	$say->(helo => $m->helo('second.example'));
	message($m, $say, 'a@example.com', $rcpts[0], 'end');
	message($m, $say, 'a@example.com', $rcpts[0], 'again');
}

# What differs from one run to the next.
sub plain
{
	my ($line) = @_;
	my $record = JSON::PP::decode_json($line);
	delete @$record{qw(time seq chain session prev since until)};
	delete $record->{policy}{made} if ref $record->{policy};
	return $json->encode($record) =~ s{/(?:libmilter|own)-}{/}gr;
}

sub hold
{
	my ($engine, $how, %settings) = @_;
	my $daemon = daemon($rules, name => "$engine-$how",
	    socket => $how eq 'tcp' ? 'inet' : 'unix',
	    settings => { %settings, engine => $engine });
	my (@said, @terms);
	for (@clients) {
		my ($name, %macros) = @$_;
		my $m = session($daemon, %macros) or die "no session\n";
		push @terms, $json->encode([@$m{qw(actions protocol wanted)}]);
		scripts($m, sub {
			my ($what, $r) = @_;
			push @said, "$name $what: " . $json->encode($r);
		});
		$m->quit;
	}
	is($daemon->stop, 0, "$engine, $how: the daemon ends");
	my $verify = $daemon->tlspolicy('audit', 'verify',
	    "$daemon->{dir}/audit.log");
	like($verify->{out}, qr/^whole:/, "$engine, $how: the log is whole");
	return { terms => \@terms, said => \@said,
	    records => [map { plain($_) } grep { !/"event":"(?:link|start)/ }
	    $daemon->all_audit_lines] };
}

sub same
{
	my ($name, $lib, $own) = @_;
	my ($a, $b) = map { sha256_hex(join "\n", @$_) } $lib, $own;
	is($b, $a, $name . ': ' . @$lib . ' of them') and return;
	for my $i (0 .. ($#$lib > $#$own ? $#$lib : $#$own)) {
		my ($x, $y) = map { $_->[$i] // 'nothing' } $lib, $own;
		next if $x eq $y;
		my ($of, $in) = map { eval { JSON::PP::decode_json($_) } } $x, $y;
		diag($of && ref $of eq 'HASH' ? map { "$_: " . $json->encode(
		    [$of->{$_}, $in->{$_}]) . "\n" } grep { $json->encode(
		    [$of->{$_}]) ne $json->encode([$in->{$_}]) }
		    sort keys %{{%$of, %{$in // {}}}} : ());
		diag("libmilter: $x\nown:       $y");
		return;
	}
}

for (['each'], ['batch', 'audit-sync' => 'batch'],
    ['header', 'add-header' => 'yes'],
    ['tcp'], ['monitor', mode => 'monitor', 'audit-sync' => 'none']) {
	my ($how, %settings) = @$_;
	my @both = map { hold($_, $how, %settings) } 'libmilter', 'own';
	cmp_ok(scalar @{$both[0]{records}}, '>', 200, "$how: records");
	for my $what ('terms', 'said', 'records') {
		same("$how: $what", $both[0]{$what}, $both[1]{$what});
	}
}
done_testing;
