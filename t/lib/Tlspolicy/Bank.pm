package Tlspolicy::Bank;

# The made-up bank of scripts/bank: the sessions that the comments of its rules
# tell of, as macros for `tlspolicy check` and as clients of a real MTA.

use strict;
use warnings;
use Test::More;
use Tlspolicy::Scratch;

sub folder
{
	return Tlspolicy::Scratch::topdir() . '/scripts/bank/rules.d';
}

sub files
{
	return sort glob folder() . '/*.rules';
}

# The lines of the rules, without comments: [file, key, requirement].
sub rules
{
	return map { my $file = $_; map { /^([^#\s]\S*)\s+(.*)$/ ?
	    [$file, $1, $2] : () } split /\n/,
	    Tlspolicy::Scratch::slurp($file) } files();
}

my $session = qr{
    ^\#\ session\ (?<day>\d{4}-\d\d-\d\d)\ (?<from>\S+@\S+)
	\ from\ (?<name>\S+)\ \[(?<addr>[\d.]+)\]\n
    \#\ \ \ (?<how>.+)\n
    \#\ \ \ ->\ (?<want>.+)\n}mx;

my %words = (
	'in clear' => sub { $_[0]{clear} = 1 },
	'TLS (1\.[23])(?: by (\S+))?' => sub { @{$_[0]}{qw(version suite)} =
	    ($_[1], $_[2]) },
	'no certificate' => sub { },
	'certificate (\S+)(?: of (.+))?' => sub { @{$_[0]}{qw(cn issuer)} =
	    ($_[1], $_[2]) },
	'the (first|second) pinned certificate' => sub {
	    $_[0]{pinned} = $_[1] eq 'first' ? 0 : 1 },
	'login (\S+)' => sub { $_[0]{login} = $_[1] },
	'to (\S+@\S+)' => sub { $_[0]{to} = $_[1] },
);

# What stands in the comments; each line that begins like one must be one.
sub sessions
{
	my @all;
	for my $file (files()) {
		my $text = Tlspolicy::Scratch::slurp($file);
		my $begun = () = $text =~ /^# session\b|^#   ->/mg;
		my $found = @all;
		while ($text =~ /$session/g) {
			my %session = (%+, to => 'clerk@ourbank.example');
			push @all, \%session;
			$session{file} = $file =~ s{.*/}{}r;
			take(\%session);
		}
		is($begun, 2 * (@all - $found), $file =~ s{.*/}{}r
		    . ': each session is understood');
	}
	return @all;
}

sub take
{
	my ($s) = @_;
	$s->{title} = "$s->{file}: $s->{day} $s->{from} from $s->{name}, "
	    . "$s->{how}";
	WORD: for my $word (split /, /, $s->{how}) {
		for my $known (keys %words) {
			my @parts = $word =~ /^$known$/ or next;
			$words{$known}->($s, @parts);
			next WORD;
		}
		fail("$s->{title}: \"$word\" is understood");
	}
	$s->{want} =~ /^(?:accept|hold|[45]\d\d [45]\.\d\.\d+)$/ or
	    fail("$s->{title}: \"$s->{want}\" is an answer");
	$s->{clear} xor $s->{version} or fail("$s->{title}: with or in clear");
}

# The fingerprints of a sender's line.
sub pinned
{
	my ($from) = @_;
	my ($domain) = $from =~ /@(.*)/;
	my ($line) = grep { $_->[1] eq "TLS_From:$domain" } rules();
	return $line->[2] =~ /FP:([0-9A-F:]+)/g;
}

# The suite and bits of a session, as OpenSSL names it.
sub suite
{
	my ($s) = @_;
	my $suite = $s->{suite} // ($s->{version} eq '1.3' ?
	    'TLS_AES_256_GCM_SHA384' : 'ECDHE-RSA-AES256-GCM-SHA384');
	return ($suite, $suite =~ /128/ ? 128 : 256);
}

# As the MTA would send it.
sub macros
{
	my ($mta, $s) = @_;
	my %m = (client_name => $s->{name}, client_addr => $s->{addr},
	    daemon_name => 'MTA', daemon_port => 25,
	    mail_addr => "<$s->{from}>", rcpt_addr => "<$s->{to}>");
	my $postfix = $mta eq 'postfix';
	# The feed tells that there is no certificate, too.
	$postfix ? @m{qw(v ccert_fingerprint)} = ('Postfix 3.7.11', '') :
	    ($m{client_resolve} = 'OK');
	@m{qw(auth_type auth_authen)} = ('PLAIN', $s->{login}) if $s->{login};
	return \%m if $s->{clear};
	$m{tls_version} = "TLSv$s->{version}";
	@m{qw(cipher cipher_bits)} = suite($s);
	$m{verify} = defined $s->{pinned} ? 'FAIL' : $s->{cn} ? 'OK' : 'NO'
	    unless $postfix;
	my $fp = defined $s->{pinned} ? (pinned($s->{from}))[$s->{pinned}] :
	    $s->{cn} ? join(':', ('ab') x 32) : undef;
	$m{$postfix ? 'ccert_fingerprint' : 'cert_fp'} = $fp if $fp;
	@m{$postfix ? qw(cert_subject cert_issuer) : qw(cn_subject cn_issuer)}
	    = ($s->{cn}, $s->{issuer} // 'Example Root') if $s->{cn};
	return \%m;
}

# "accept", "hold", "550 5.7.10" of the first line of check.
sub answer
{
	my ($line) = @_;
	return $line =~ /^(?:tempfail|reject) (\d+ [\d.]+) / ? $1 :
	    $line =~ /^(accept|hold)\b/ ? $1 : $line;
}

1;
