#!/usr/bin/perl
#
# Each cell of both tables of tlspolicy-outbound(7), live: what becomes of mail
# for a server whose STARTTLS was stripped, one that signed its certificate
# itself, and one with a good certificate, by a rule of each kind beside each
# level of Postfix, and beside a real resolver of MTA-STS.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Nexthop;
use Tlspolicy::Outbound;
use Tlspolicy::Sts;
use Tlspolicy::Tree;

my %servers = (
	'stripped.pairs.test' => { at => '127.0.0.21' },
	'self.pairs.test' => { at => '127.0.0.22',
	    cert => ['/CN=pairs.test', '*.pairs.test', undef] },
	'mx.pairs.test' => { at => '127.0.0.23',
	    cert => ['/CN=pairs.test', '*.pairs.test', 'ca'] },
);
my %mx = (p => 'stripped.pairs.test', s => 'self.pairs.test', g => 'mx.pairs.test');
my %rules = (
	'no rule' => '', 'WARN+VERIFY' => 'TLS_Rcpt:%s WARN+VERIFY',
	'OK' => 'TLS_Rcpt:%s OK', 'ENCR:0' => 'TLS_Rcpt:%s ENCR:0+BY:me',
	'Try_TLS NO' => 'Try_TLS:%s NO', 'Try_TLS OK' => 'Try_TLS:%s OK',
	'ENCR:128' => 'TLS_Rcpt:%s ENCR:128', 'DANE:may' => 'TLS_Rcpt:%s DANE:may',
	'DANE' => 'TLS_Rcpt:%s PERM+DANE', 'VERIFY' => 'TLS_Rcpt:%s HOLD+VERIFY',
	'VERIFY+CN' => 'TLS_Srv:%s VERIFY+CN',
	'VERIFY+CN:name' => 'TLS_Rcpt:%s VERIFY+CN:mx.name.test',
	'ENCR:1+FP:hex' => 'TLS_Rcpt:%s ENCR:1+FP:{fp}',
);
my ($names, $cells, @columns) = Tlspolicy::Tree::pairs(0, 1);
my (undef, $resolved, @answers) = Tlspolicy::Tree::pairs(2, 3);

my $sts = !Tlspolicy::Sts::missing();
my (@domains, %policies);
for my $row (0 .. $#$names) {
	for my $kind (sort keys %mx) {
		push @domains, { name => "$kind$row.pairs.test", kind => $kind, row => $names->[$row] };
		# A domain with the same MX and a policy of MTA-STS that names it.
		$policies{"${kind}m$row.pairs.test"} = 'mx.pairs.test';
	}
}

sub zone
{
	my ($outbound, $zone) = @_;
	$zone->{"$_ A"} = [$servers{$_}{at}] for keys %servers;
	for (@domains) {
		my $with = $_->{name} =~ s/^(.)/${1}m/r;
		$zone->{"$_->{name} MX"} = $zone->{"$with MX"} = ["10 $mx{$_->{kind}}"];
	}
	Tlspolicy::Sts::zone($zone, \%policies);
}

# What a level comes to: in clear, over TLS, or in the queue.
my %comes = (none => { map { $_ => 'clear' } keys %mx }, may => { p => 'clear', s => 'tls', g => 'tls' },
    dane => { p => 'clear', s => 'tls', g => 'tls' }, encrypt => { p => 'stays', s => 'tls', g => 'tls' },
    (map { $_ => { p => 'stays', s => 'stays', g => 'tls' } } qw(verify secure fingerprint sts)),
    (map { $_ => { map { $_ => 'stays' } keys %mx } } qw(dane-only TEMP)));

sub wanted
{
	my ($row, $cell, $site, $kind) = @_;
	$cell = { '-' => $site, FP => 'fingerprint' }->{$cell} // $cell;
	return 'stays' if $row eq 'VERIFY+CN:name' && $cell eq 'secure';
	return $comes{$cell}{$kind} // die "$row: $cell";
}

Tlspolicy::Sts::names(\%policies) if $sts;
# Nothing is signed where a policy of MTA-STS is to be looked at.
my $out = Tlspolicy::Outbound->start('postfix', servers => \%servers, zone => \&zone, insecure => qr/^$/);
is(join(' ', sort @$names), join(' ', sort keys %rules), 'each line of the table has a rule');
my $fp = $out->fingerprint('mx.pairs.test', 'sha256');
$out->policy(map { my $d = $_; map { $rules{$d->{row}} eq '' ? () :
    sprintf($rules{$d->{row}} =~ s/\{fp\}/$fp =~ s{:}{}gr/er, $_) } $d->{name}, $d->{name} =~ s/^(.)/${1}m/r } @domains);

my $sent = 0;
# One message to all; what each server got is in its log, "TLS " in front.
sub all_are
{
	my ($name, $with, $want) = @_;
	my $user = 'u' . ++$sent;
	my @to = map { "$user\@" . ($with ? $_->{name} =~ s/^(.)/${1}m/r : $_->{name}) } @domains;
	my $in = $out->{scratch}->write('submission', "Subject: x\n\nx\n");
	Tlspolicy::Scratch::must({ in => $in }, 'sendmail', '-C', "$out->{mta}{dir}/etc", '-i',
	    '-f', 'a@mx.example.org', @to);
	my %status;
	Tlspolicy::Scratch::wait_for(120, sub {
		my $log = $out->{mta}->log;
		$status{$1} //= $2 while $log =~ /to=<($user\@[^>]+)>.* (status=.*)$/mg;
		keys %status == @to }) or diag('not all were tried: ' . join ' ', grep { !$status{$_} } @to);
	my $log = join '', map { $out->{scratch}->read("$_.log") } values %mx;
	subtest $name => sub {
		for my $i (0 .. $#to) {
			my $got = ($status{$to[$i]} // '') !~ /^status=sent/ ? 'stays' :
			    $log =~ /^TLS RCPT TO:<\Q$to[$i]\E>/m ? 'tls' :
			    $log =~ /^RCPT TO:<\Q$to[$i]\E>/m ? 'clear' : 'sent elsewhere';
			is($got, $want->($domains[$i]), "$domains[$i]{row}, $mx{$domains[$i]{kind}}") or
			    diag($status{$to[$i]});
		}
	};
	$out->forget;
}

for my $n (0 .. $#columns) {
	for my $site (map { s/^FP$/fingerprint/r } split /, /, $columns[$n]) {
		$out->{mta}->configure(smtp_tls_security_level => $site, smtp_tls_fingerprint_cert_match => $fp);
		$out->configure('outbound-default' => $site);
		all_are("smtp_tls_security_level = $site", 0, sub {
			wanted($_[0]{row}, $cells->{$_[0]{row}}[$n], $site, $_[0]{kind}) });
	}
}

SKIP: {
	skip 'no mta-sts-daemon', 3 unless $sts;
	$out->{mta}->configure(smtp_tls_security_level => 'may');
	my $socket = $out->{scratch}->path('mta-sts.sock');
	$out->{resolver} = "unix:$socket postfix";
	is($out->{daemon}->stop, 0, 'settings that need a restart');
	$out->{daemon}->configure($out->settings);
	$out->{daemon}->run;
	Tlspolicy::Sts::serve($out, \%policies);
	my $pid = Tlspolicy::Sts::resolver($out, $socket);
	my %column = map { $answers[$_] => $_ } 0 .. $#answers;
	my $by = sub { my ($n) = @_; sub { wanted($_[0]{row}, $resolved->{$_[0]{row}}[$n], 'may', $_[0]{kind}) } };
	all_are('the resolver has no policy', 0, $by->($column{'not found'}));
	# A policy takes it a while, and it keeps what it has fetched.
	my $asked = Tlspolicy::Nexthop->connect($socket, 'postfix');
	for my $domain (sort keys %policies) {
		Tlspolicy::Scratch::wait_for(60, sub { $asked->ask($domain) =~ /^OK secure/ }) or
		    diag("no policy: $domain\n", $out->{scratch}->read('mta-sts.log'));
	}
	all_are('the resolver has one', 1, $by->($column{secure}));
	# Debian 13's does not end at SIGTERM while it is asked.
	Tlspolicy::Scratch::end_pid($pid);
	ok(!kill(0, $pid), 'the resolver is gone');
	all_are('the resolver has failed', 1, $by->($column{failed}));
}
done_testing;
