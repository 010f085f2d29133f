package Tlspolicy::Sample;

# A quarter of mail of a company, the same on each run: partners that behave,
# one that fell back to clear, one whose certificate verifies no more, one that
# changed its issuer, old senders, forgers, and names that want to be markup.

use strict;
use warnings;
use Time::Local qw(timegm);
use Tlspolicy::Scratch;

my $first = timegm(0, 0, 0, 24, 7, 2026);	# 2026-08-24, a Monday
my $days = 90;					# to 2026-11-21

my $rules = <<'END';
TLS_From:bank.example	PERM+VERIFY:128+VER:1.2
TLS_From:steady.example	WARN+VERIFY+CN:mx.steady.example
TLS_From:tested.example	TEMP+VERIFY+CN:mx.tested.example
TLS_From:legacy.example	TEMP+ENCR:128+VER:1.2
TLS_From:courier.example	ENCR:0+UNTIL:2026-12-05++BY:ticket-7
TLS_From:insurer.example	WARN+VERIFY+ICN:R11
TLS_From:fallen.example	WARN+ENCR:128
END

# Names that are markup or script: shown as such they would fetch from that port, or
# change the title.
sub hostile
{
	my ($port) = @_;
	my $url = "http://127.0.0.1:$port";
	return (qq{"><script src=$url/x.js></script>},
	    q{<img src=x onerror=document.title='owned'>},
	    qq{<img src=$url/i.png>}, q{' onmouseover='document.title=1},
	    qq{</style><style>*{background:url($url/bg)}</style>},
	    qq{</title><link rel=stylesheet href=$url/s.css>},
	    qq{=HYPERLINK("$url/")}, '=cmd', '&lt;b&gt;', ']]><!--',
	    '\xe2\x80\xaegnp.exe', '\x1b[31mred', 'a,"b"',
	    '\x0d\x0aTLS_From: OK');
}

sub rules
{
	return $rules;
}

my %tls13 = (tls_version => 'TLSv1.3', cipher => 'TLS_AES_256_GCM_SHA384',
    cipher_bits => 256);
my %tls12 = (tls_version => 'TLSv1.2',
    cipher => 'ECDHE-RSA-AES256-GCM-SHA384', cipher_bits => 256);
my %tls10 = (tls_version => 'TLSv1', cipher => 'AES128-SHA',
    cipher_bits => 128);

# As sendmail tells it.
sub sendmail_session
{
	my ($domain, %more) = @_;
	$more{verify} //= 'NO' if $more{tls_version};
	return { v => '8.17.1.9', j => 'mx.here.example',
	    client_name => "mx.$domain", client_addr => '192.0.2.10',
	    client_resolve => 'OK', daemon_name => 'MTA', daemon_port => 25,
	    mail_addr => "<info\@$domain>", %more };
}

sub postfix_session
{
	my ($domain, %more) = @_;
	my $session = sendmail_session($domain, v => 'Postfix 3.7.11', %more);
	delete @$session{qw(verify client_resolve)};
	return $session;
}

sub verified
{
	my ($cn, $issuer, $fingerprint) = @_;
	return (verify => 'OK', cn_subject => $cn,
	    cert_subject => "/O=Partner/CN=$cn", cn_issuer => $issuer,
	    cert_issuer => "/C=US/O=" . ($issuer =~ /^R\d/ ? "Let's+20Encrypt" :
	    'Partner') . "/CN=$issuer", cert_fp => $fingerprint);
}

my $fp = join ':', ('AB') x 32;
my $fp2 = join ':', ('CD') x 32;

# domain => [mails a day, sub (day) { session }]
my @senders = (
	['bank.example', 30, sub { sendmail_session('bank.example', %tls13,
	    verified('mx.bank.example', 'Bank+20CA', $_[0] < 60 ? $fp : $fp2)) }],
	['steady.example', 14, sub { sendmail_session('steady.example', %tls12,
	    verified('mx.steady.example', 'Partner+20CA', $fp)) }],
	['tested.example', 9, sub { sendmail_session('tested.example', %tls13,
	    verified('mx.tested.example', 'Partner+20CA', $fp)) }],
	['new.example', 5, sub { sendmail_session('new.example', %tls12,
	    verified('mx.new.example', 'Partner+20CA', $fp)) }],
	['insurer.example', 11, sub { sendmail_session('insurer.example',
	    %tls13, verified('mx.insurer.example', 'R11', $fp),
	    $_[0] < 70 ? () : (verify => 'FAIL')) }],
	['moved.example', 6, sub { sendmail_session('moved.example', %tls13,
	    verified('mx.moved.example', $_[0] < 45 ? 'R11' :
	    'Moved+20Private+20CA', $fp)) }],
	['fallen.example', 8, sub { sendmail_session('fallen.example',
	    $_[0] < 80 || $_[0] > 85 ? %tls12 : ()) }],
	['legacy.example', 4, sub { sendmail_session('legacy.example',
	    $_[0] < 50 ? %tls10 : %tls12) }],
	['courier.example', 2, sub { sendmail_session('courier.example') }],
	['bigmail.example', 80, sub { postfix_session('bigmail.example',
	    %tls13, client_addr => '198.51.100.7') }],
	['news.example', 20, sub { postfix_session('news.example',
	    rand() < 0.3 ? () : %tls12) }],
	['trusted.example', 3, sub { postfix_session('trusted.example',
	    %tls13, cert_subject => 'out.trusted.example',
	    cert_issuer => 'Trusted CA') }],
	# A stranger under a known name.
	['bank.example', 1, sub { sendmail_session('bank.example',
	    client_name => '[203.0.113.66]', client_addr => '203.0.113.66',
	    client_resolve => 'FAIL') }],
	['bigmail.example', 1, sub { postfix_session('bigmail.example',
	    client_name => 'unknown', client_addr => '203.0.113.67') }],
	['', 3, sub { postfix_session('bigmail.example', %tls13,
	    mail_addr => '<>') }],
);

sub line
{
	my ($time, $session, $event) = @_;
	return join("\t", int($time * 1e6), $event // 'message',
	    map { "$_=$session->{$_}" } 'v', grep { $_ ne 'v' }
	    sort keys %$session) . "\n";
}

sub sessions
{
	my @lines;
	srand 1;
	for my $day (0 .. $days - 1) {
		my $weekend = ($day % 7) >= 5;
		for (@senders) {
			my ($domain, $mails, $session) = @$_;
			my $n = int($mails * ($weekend ? 0.25 : 1) *
			    (0.6 + rand 0.8) + rand);
			push @lines, [$first + $day * 86400 + 21600 +
			    rand 50000, $session->($day)] for 1 .. $n;
		}
	}
	return [sort { $a->[0] <=> $b->[0] } @lines];
}

sub hostile_sessions
{
	my ($port) = @_;
	my $time = $first + 40 * 86400;
	my @lines;
	for my $name (hostile($port)) {
		push @lines, [$time++, sendmail_session('x.example', %tls12,
		    verified($name, $name, $name), mail_addr => "<a\@$name>",
		    client_name => $name, s => $name, cipher => $name)] for 1, 2;
		push @lines, [$time++, sendmail_session('x.example',
		    mail_addr => "<a\@$name>", client_name => $name)];
	}
	return \@lines;
}

# Writes the log of these sessions; returns its path.
sub log_of
{
	my ($scratch, $name, @sessions) = @_;
	my $bin = Tlspolicy::Scratch::builddir();
	my $rules = $scratch->write("$name.rules", rules());
	my $store = $scratch->path("$name.mdb");
	my $input = $scratch->write("$name.sessions", join '', map {
	    line($_->[0], $_->[1], $_->[2]) } @sessions);
	my $log = $scratch->path("$name.log");
	system("$bin/tlspolicy build -d $store $rules 2>$log.err") == 0 &&
	    system("$bin/t/sample-audit $store <$input >$log") == 0 or
	    die "cannot make $log\n" . Tlspolicy::Scratch::slurp("$log.err");
	return $log;
}

sub time_of
{
	my ($day) = @_;
	return $first + 86400 * $day;
}

1;
