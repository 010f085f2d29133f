#!/usr/bin/perl
#
# tlspolicy doctor and a live sendmail: what is wrong is found by its name, the
# lines mend it, and nothing is said of what is right.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Setups;

my $setups = Tlspolicy::Setups->new('sendmail');
my ($tcp) = Tlspolicy::Scratch::free_port();

# Lines of the .mc changed.
sub changed {
	my ($from, $to) = @_;
	return sub { $_[0] =~ s/$from/$to/mr };
}

sub pair {
	my ($kind) = @_;
	my ($cert, $key) = $setups->{certs}->pair($kind);
	return sub { $_[0] =~ s/(confSERVER_CERT', `)[^']*/$1$cert/r
	    =~ s/(confSERVER_KEY', `)[^']*/$1$key/r };
}

sub shown {
	my ($kind) = @_;
	my ($cert, $key) = $setups->{certs}->pair($kind);
	return sub { $_[0] =~ s/^(define.`confSERVER_KEY'.*)$/$1\ndefine(`confCLIENT_CERT', `$cert')dnl\ndefine(`confCLIENT_KEY', `$key')dnl/mr };
}

my $map = "unix:$setups->{daemon}{dir}/map.sock";
my $on = { socketmap => $map };

# The lines of mail that leaves, each part changed by a sub: the features before
# the mailers, the rulesets behind.
my ($features, $rulesets) = split /(?=^dnl Second part)/m,
    Tlspolicy::Scratch::slurp("$FindBin::Bin/../scripts/sendmail-outbound.mc");

sub outbound {
	my ($first, $second) = @_;
	return sub {
		my ($text) = @_;
		my ($f, $r) = ($features =~ s{unix:/run\S+}{$map}r
		    =~ s{/etc/mail/access}{$setups->access}er, $rulesets);
		$f = $first->($f) if $first;
		$r = $second->($r) if $second;
		return ($text =~ s/^(?=MAILER\()/$f/mr) . $r;
	};
}

my @rows = (
	'mail that leaves' => { conf => $on, mc => outbound(), finds => '' },
	'the map on, and nobody asks' => { conf => $on,
	    finds => 'sendmail-no-map sendmail-no-question' },
	'rules for mail that leaves, and no socketmap' => {
	    rules => "TLS_Rcpt:a.example ENCR:1\n",
	    finds => 'socketmap-off sendmail-no-map sendmail-no-question' },
	'a map that is asked, and the setting is off' => {
	    mc => outbound(), finds => 'socketmap-off' },
	'a map at another socket' => { conf => $on,
	    mc => outbound(sub { $_[0] =~ s/\Q$map\E/unix:\/nonexistent\/map.sock/r }),
	    finds => 'sendmail-no-map' },
	'a map of another class' => { conf => $on,
	    mc => outbound(sub { $_[0] =~ s/^(Ktlspolicy_access) socket/$1 null/mr }),
	    finds => 'sendmail-no-map' },
	'a map behind the file' => { conf => $on,
	    mc => outbound(sub { $_[0] =~
		s/sequence (\w+) (\w+)/sequence $2 $1/r }),
	    finds => 'sendmail-no-map' },
	'no rulesets' => { conf => $on, mc => outbound(undef, sub { '' }),
	    finds => 'sendmail-no-question' },
	'rulesets of before' => { conf => $on, mc => outbound(undef,
	    sub { join '', map { "LOCAL_TLS_$_\nR\$*\t\t\$: \$1 \$| "
		. "\$(tlspolicy_access tlspolicy:alive \$: DOWN \$)\n"
		. "R\$* \$| ALIVE\t\$@ \$1\nR\$*\t\t\$#error \$@ 4.7.0 \$: "
		. "\"403 TLS policy cannot be consulted\"\n" }
		qw(SERVER RCPT) }),
	    says => qr/no ruleset asks for the whole policy of a server or recipient, but whether the daemon is there/,
	    finds => 'sendmail-no-question' },
	'a ruleset for servers alone' => { conf => $on,
	    mc => outbound(undef, sub { $_[0] =~ s/^LOCAL_TLS_RCPT.*//msr }),
	    finds => 'sendmail-no-question' },
	'right' => { finds => '' },
	'no filter' => { mc => changed('^INPUT_MAIL_FILTER.*\n', ''),
	    finds => 'sendmail-no-filter' },
	'a filter that is only defined' => {
	    mc => changed('^INPUT_MAIL_FILTER', 'MAIL_FILTER'),
	    finds => 'sendmail-filter-unused' },
	'without F=T' => { mc => changed(' F=T,', ''),
	    finds => 'sendmail-flag' },
	'a daemon without filters' => {
	    mc => sub { $_[0] =~ s/(Name=MTA, .*?)'/$1, InputMailFilters='/r },
	    finds => 'sendmail-daemon-without' },
	'no certificate' => {
	    mc => changed('^define.`confSERVER_(?:CERT|KEY).*\n', ''),
	    finds => 'sendmail-no-tls' },
	'a certificate that has ended' => { mc => pair('endedserver'),
	    finds => 'certificate-expired' },
	'a certificate that is not for clients, shown to servers' => { mc => shown('server'),
	    says => qr/ClientCertFile: /, finds => 'certificate-weak' },
	'one that has ended, shown to servers' => { mc => shown('expired'),
	    finds => 'certificate-expired' },
	'the CA first, in both' => { mc => sub {
		my $file = $setups->{certs}->ca_first('server');
		shown('server')->($_[0]) =~ s/((?:SERVER|CLIENT)_CERT', `)[^']*/$1$file/gr },
	    finds => 'certificate-weak certificate-unusable certificate-unusable' },
	'metrics, and a certificate of which they say nothing' => {
	    conf => { metrics => 'inet:' . Tlspolicy::Scratch::free_port()
		. '@127.0.0.1' }, finds => 'certificate-unwatched' },
	'CAs that are not there' => {
	    mc => sub { $_[0] =~ s/(confCACERT', `)[^']*/$1\/nonexistent/r },
	    finds => 'ca-unusable' },
	'a key for everybody' => {
	    key => 0644, finds => 'key-open' },
	'by TCP, and localhost is its name' => {
	    conf => { socket => "inet:$tcp\@127.0.0.1" },
	    mc => sub { $_[0] =~ s/S=inet:\d+.127.0.0.1/S=inet:$tcp\@localhost/r },
	    finds => '' },
	'a daemon that wants AUTH first' => {
	    mc => sub { $_[0] =~ s/^(?=MAILER\()/DAEMON_OPTIONS(`Name=MSP, Port=$tcp, Addr=127.0.0.1, M=Ea')dnl\n/mr },
	    finds => '' },
	'settings that are not in force' => {
	    mc => changed('^INPUT_MAIL_FILTER.*\n', ''),
	    before => sub { $_[0]->make_cf(sub { $_[0] .
		"INPUT_MAIL_FILTER(`tlspolicy', `S=$_[1]{milter}, F=T, "
		. "T=C:10s;S:10s;R:10s;E:30s')dnl\n" }) },
	    finds => 'not-judged not-judged' },
	'a sendmail that does not run' => {
	    before => sub { $_[0]{mta}->stop },
	    finds => 'not-tried not-tried' },
);

while (my ($name, $row) = splice @rows, 0, 2) {
	next if $ENV{TLSPOLICY_ROW} && $name !~ $ENV{TLSPOLICY_ROW};
	subtest $name => sub { $setups->try($row) };
}
# What is proposed is what the file has.
my $code = Tlspolicy::Scratch::slurp("$FindBin::Bin/../policy/doctor/sendmail-map.c");
my ($lines) = $code =~ /^static const char rulesets\[\] =\n(.*?);\n/ms;
is(join('', map { eval $_ } map { s/[\$\@]/\\$&/gr } $lines =~ /^\s+(".*")/mg) . "\n",
    $rulesets =~ s/^dnl.*\n//mgr, 'the rulesets are those of the file');
done_testing;
