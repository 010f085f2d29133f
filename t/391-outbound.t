#!/usr/bin/perl
#
# tlspolicy outbound: the way of mail through a real Postfix configuration, the
# questions, the daemon's own answers, and what comes of them.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP qw(decode_json);
use Test::More;
use Tlspolicy::Nexthop;
use Tlspolicy::Talk;

plan skip_all => 'no postconf' unless -x '/usr/sbin/postconf';
my $map = scratch()->path('map.sock');
my %settings = (socketmap => "unix:$map", 'socketmap-mode' => '0600');
my $daemon = daemon(<<'END', settings => \%settings);
TLS_Rcpt:pinned.test	VERIFY+CN:mx.pinned.test
TLS_Rcpt:verify.test	VERIFY
TLS_Rcpt:.below.test	ENCR:256
TLS_Rcpt:warned.test	WARN+VERIFY
TLS_Rcpt:plain.test	OK
TLS_Rcpt:dane.test	DANE
TLS_Rcpt:print.test	ENCR:1+FP:1111111111111111111111111111111111111111111111111111111111111111
TLS_Rcpt:bits.test	ENCR:256
TLS_Srv:hub.test	ENCR:128
Try_TLS:none.test	NO
TLS_Srv:192.0.2	ENCR:112
TLS_Srv:2001:db8::/32	ENCR:256
TLS_Rcpt:joe@x.test	VERIFY:128
Try_TLS:198.51.100	NO
END
my $dir = scratch()->path('etc');
mkdir $dir;
my $ours = "socketmap:unix:$map:tlspolicy";

sub main_cf {
	my (%with) = @_;
	my $chroot = delete $with{chroot} // 'n';
	my %main = (compatibility_level => '3.6', myhostname => 'mx.own.test',
	    queue_directory => '/var/spool/postfix',
	    data_directory => scratch()->path('data'),
	    daemon_directory => '/usr/lib/postfix/sbin',
	    mydestination => 'own.test', smtp_tls_security_level => 'may',
	    smtp_tls_CAfile => '/etc/ssl/certs/ca-certificates.crt',
	    smtp_tls_policy_maps => $ours, %with);
	scratch()->write('etc/main.cf',
	    join '', map { "$_ = $main{$_}\n" } sort keys %main);
	scratch()->write('etc/master.cf', <<"END");
smtp	unix - - $chroot - - smtp
relay	unix - - n - - smtp
	-o smtp_tls_security_level=encrypt
local	unix - n n - - local
error	unix - - n - - error
END
	# Postfix waits for a main.cf to be some seconds old.
	utime time - 10, time - 10, "$dir/main.cf", "$dir/master.cf";
}

sub outbound {
	my @args = @_;
	my $r = $daemon->tlspolicy('outbound', '--json', '--postfix', $dir,
	    @args);
	return { %$r, all => eval { decode_json($r->{out}) } // {} };
}

# "KEY=ANSWER ..." of our map, with the daemon beside: it has to say the same.
sub questions {
	my ($hop) = @_;
	my @said;
	for (@{$hop->{asked}}) {
		push @said, "$_->{key}=$_->{answer}";
		next unless $_->{table} eq $ours;
		my $r = Tlspolicy::Scratch::run('postmap', '-c', $dir, '-q',
		    $_->{key}, $ours);
		my $live = $r->{status} == 0 ? "OK $r->{out}" : 'not found';
		is($_->{answer}, $live =~ s/\n//r, "as the daemon: $_->{key}");
	}
	return join '; ', @said;
}

sub goes {
	my ($name, $with, $domain, $want) = @_;
	subtest $name => sub {
		main_cf(%$with);
		my $r = outbound($domain);
		is($r->{status}, $want->{status} // 0, 'exit code') or
		    diag($r->{err}, $r->{out});
		my $hop = $r->{all}{next_hops}[$want->{hop} // 0];
		is($r->{all}{transport}, $want->{transport} // 'smtp',
		    'transport');
		is($hop->{next_hop}, $want->{next}, 'next hop');
		is($hop->{by}, $want->{by}, 'by') if $want->{by};
		is(questions($hop), $want->{asked}, 'questions')
		    if defined $want->{asked};
		is($hop->{ours}, $want->{ours}, 'our map') if $want->{ours};
		is($hop->{result}, $want->{result}, 'result')
		    if $want->{result};
		like($hop->{outcome} // $r->{all}{outcome}, $want->{outcome},
		    'outcome');
	};
}

my ($clear, $tls) = (qr/if the server offers it.*in clear/,
    qr/^mail leaves only over TLS, with any certificate$/);
my $verified = qr/only over TLS .*trusted CA signed for verify\.test or a name below verify\.test$/;
my $secure = 'OK secure match=nexthop:dot-nexthop servername=hostname';

goes('a domain of its own', {}, 'Verify.Test.', { next => 'verify.test',
    by => 'the domain', asked => "verify.test=$secure", ours => 'yes',
    result => 'told', outcome => qr/only over TLS .*trusted CA signed for verify\.test or a name below verify\.test$/ });
goes('parents, to the last', {}, 'a.b.test', { next => 'a.b.test',
    asked => 'a.b.test=not found; .b.test=not found; .test=not found',
    result => 'not-found', outcome => $clear });
goes('WARN tells nothing', {}, 'warned.test', { next => 'warned.test',
    result => 'not-found', outcome => $clear });
goes('the level counts then', { smtp_tls_security_level => 'encrypt' },
    'warned.test', { next => 'warned.test', outcome => $tls });
goes('no level', { smtp_tls_security_level => '' }, 'other.test',
    { next => 'other.test', outcome => qr/^mail leaves in clear/ });
goes('the old parameter', { smtp_tls_security_level => '',
    smtp_use_tls => 'yes' }, 'other.test',
    { next => 'other.test', outcome => $clear });
goes('an exception', {}, 'plain.test', { next => 'plain.test',
    result => 'exception', outcome => $clear });
goes('no TLS', {}, 'none.test', { next => 'none.test',
    result => 'exception', outcome => qr/^mail leaves in clear, without/ });
goes('a name', {}, 'pinned.test', { next => 'pinned.test',
    outcome => qr/signed for mx\.pinned\.test$/ });
goes('a fingerprint', {}, 'print.test', { next => 'print.test',
    outcome => qr/a certificate of the fingerprint (?:11:?){32}/ });
goes('a fingerprint of another digest', { compatibility_level => 2 }, 'print.test', { next => 'print.test',
    result => 'told', outcome => qr/^mail does not leave: smtp_tls_fingerprint_digest is md5, and/ });
goes('a digest that is nearly it', { smtp_tls_fingerprint_digest => 'sha512' }, 'print.test', { next => 'print.test',
    outcome => qr/^mail does not leave: smtp_tls_fingerprint_digest is sha512, and/ });
# The daemon is there, and answers who is not chrooted, as postmap(1) is.
goes('a socket outside of the chroot', { chroot => 'y' }, 'verify.test', { status => 69, next => 'verify.test',
    ours => 'no: it is hidden from smtp(8)', result => 'unasked', outcome => qr/^mail stays in the queue/ });
goes('... by proxymap', { chroot => 'y', smtp_tls_policy_maps => "proxy:$ours" }, 'verify.test',
    { next => 'verify.test', ours => 'yes', result => 'told', outcome => $verified });
goes('... that may not read it', { chroot => 'y', smtp_tls_policy_maps => "proxy:$ours", proxy_read_maps => '$mynetworks' },
    'verify.test', { status => 69, next => 'verify.test', ours => 'no: it is hidden from smtp(8)', result => 'unasked',
    outcome => qr/^mail stays in the queue/ });
goes('... of another service', { chroot => 'y', relay_domains => 'verify.test' }, 'verify.test', { transport => 'relay',
    next => 'verify.test', ours => 'yes', outcome => $verified });
goes('what cannot be said', {}, 'bits.test', { next => 'bits.test',
    result => 'refused', outcome => qr/^mail stays in the queue: .*ENCR:256/ });
goes('DANE without DNSSEC', {}, 'dane.test', { next => 'dane.test',
    outcome => qr/^mail does not leave: smtp_dns_support_level/ });
goes('DANE', { smtp_dns_support_level => 'dnssec' }, 'dane.test',
    { next => 'dane.test', outcome => qr/only over TLS.*TLSA/ });
goes('no CA', { smtp_tls_CAfile => '' }, 'verify.test',
    { next => 'verify.test', outcome => qr/^mail does not leave: smtp_tls_CA/ });

goes('relayhost', { relayhost => '[hub.test]:587' }, 'verify.test',
    { next => '[hub.test]:587', by => 'relayhost', outcome => qr/any certificate; ciphers=high/,
    asked => '[hub.test]:587=OK encrypt ciphers=high' });
goes('relay_domains, and its service', { relay_domains => 'in.test' },
    'x.in.test', { transport => 'relay', next => 'x.in.test',
    outcome => $tls });
goes('transport_maps over relayhost', { relayhost => '[hub.test]',
    transport_maps => 'inline:{ verify.test=smtp: }' }, 'verify.test',
    { next => 'verify.test', by => 'the domain', result => 'told',
    outcome => qr/trusted CA/ });
goes('transport_maps, a parent and several hops', {
    transport_maps => 'inline:{ { .up.test = relay:[a.test] verify.test } }' },
    'x.up.test', { transport => 'relay', hop => 1, next => 'verify.test',
    by => 'transport_maps', outcome => qr/trusted CA/ });
goes('transport_maps, a hop alone', {
    transport_maps => 'inline:{ verify.test=:[hub.test] }' }, 'verify.test',
    { next => '[hub.test]', outcome => qr/any certificate; ciphers/ });
goes('nothing of both', { relayhost => 'hub.test',
    transport_maps => 'inline:{ verify.test=: }' }, 'verify.test',
    { next => 'hub.test', by => 'relayhost',
    outcome => qr/any certificate; ciphers/ });
goes('a fallback relay', { smtp_fallback_relay => 'verify.test' }, 'a.test',
    { hop => 1, next => 'verify.test', by => 'smtp_fallback_relay',
    outcome => qr/trusted CA/ });
goes('delivered here', {}, 'own.test', { transport => 'local',
    next => undef, outcome => qr/not smtp\(8\)/ });
scratch()->write('domains', "# ours\nfile.test\n");
goes('delivered here, by a file', { mydestination =>
    '!not.test, ' . scratch()->path('domains') }, 'file.test',
    { transport => 'local', next => undef, outcome => qr/not smtp\(8\)/ });
goes('a file that is not there', { mydestination => '/nonexistent/x' },
    'a.test', { status => 69, next => undef, outcome => qr/not known/ });
goes('a transport that is not there', { default_transport => 'smtps' },
    'a.test', { transport => 'smtps', next => undef,
    outcome => qr/^the transport is not smtp\(8\)/ });
like(outbound('a.test')->{all}{notes}[0],
    qr/^master\.cf has no service of that name: mail stays in the queue/, 'said');
is_deeply(outbound('own.test')->{all}{notes}, [], 'local is there');
subtest 'services that are not there, or too many' => sub {
	my $many = sub {
		main_cf(transport_maps => "inline:{ a.test=$_[0]: }");
		open my $file, '>>', "$dir/master.cf" or die;
		print $file "s$_ unix - - n - - smtp\n" for 1 .. 300;
		close $file or die;
		utime time - 10, time - 10, "$dir/master.cf";
		return outbound('a.test');
	};
	my $r = $many->('s1');
	is($r->{status}, 0, 'looked at');
	$r = $many->('s299');
	is($r->{status}, 69, 'not looked at');
	like($r->{all}{outcome}, qr/more services than are looked at/, 'said');
	like($daemon->tlspolicy('doctor', '--postfix', $dir)->{out},
	    qr/not-tried: .*more than 256 services .*last 4\d are/, 'doctor');
	$r = $many->('local');
	is($r->{status}, 69, 'nor is what comes behind them');
	scratch()->write('etc/master.cf', '');
	$r = outbound('verify.test');
	is($r->{status}, 66, 'an empty master.cf');
	like($r->{err}, qr/master\.cf: there is no service/, 'which is said');
};
goes('a transport table that fails', { transport_maps => 'hash:/nonexistent/t' },
    'a.test', { status => 69, next => undef, outcome => qr/not known/ });

goes('behind a table that has it', { smtp_tls_policy_maps =>
    "inline:{ verify.test=encrypt } $ours" }, 'verify.test',
    { next => 'verify.test', ours => 'yes, behind other tables',
    asked => 'verify.test=encrypt', result => 'another-table',
    outcome => $tls });
goes('behind a table that has a parent only', { smtp_tls_policy_maps =>
    "inline:{ .verify.test=none, .test=none } $ours" }, 'verify.test',
    { next => 'verify.test', asked => 'verify.test=not found; verify.test='
    . $secure, result => 'told', outcome => qr/trusted CA/ });
goes('before it', { smtp_tls_policy_maps =>
    "$ours, inline:{ verify.test=none }" }, 'verify.test',
    { next => 'verify.test', result => 'told', outcome => qr/trusted CA/ });
goes('a table that fails first', { smtp_tls_policy_maps =>
    "hash:/nonexistent/t, $ours" }, 'verify.test', { status => 69,
    next => 'verify.test', result => 'unasked',
    outcome => qr/^mail stays in the queue/ });
goes('one that is not reached', { smtp_tls_policy_maps =>
    "$ours, hash:/nonexistent/t" }, 'verify.test', { next => 'verify.test',
    result => 'told', outcome => qr/trusted CA/ });
goes('a policy that is none', { smtp_tls_policy_maps =>
    'inline:{ a.test=secret }' }, 'a.test', { next => 'a.test',
    ours => 'no: smtp_tls_policy_maps does not have it',
    outcome => qr/what Postfix makes of "secret" is not known/ });
goes('nobody asks', { smtp_tls_policy_maps => '' }, 'verify.test',
    { next => 'verify.test', asked => '', result => 'not-found',
    ours => 'no: smtp_tls_policy_maps does not have it', outcome => $clear });

my $patterns = 'inline:{ { a.test = secure match=.a.test policy_type=sts mx_host_pattern=*.a.test mx_host_pattern=b.test } }';
SKIP: {
	skip 'this Postfix does not enforce the patterns of MTA-STS', 1
	    unless `postconf -d -h smtp_tls_enforce_sts_mx_patterns 2>/dev/null` =~ /^yes/;
	goes('patterns of MTA-STS', { smtp_tls_policy_maps => $patterns }, 'a.test', { next => 'a.test',
	    outcome => qr/signed for the server's own name, which has to be \*\.a\.test or b\.test$/ });
}
goes('... that are not enforced', { smtp_tls_policy_maps => $patterns, smtp_tls_enforce_sts_mx_patterns => 'no' },
    'a.test', { next => 'a.test', outcome => qr/signed for a name below a\.test$/ });

# Tables by sender, and by addresses of a domain.
my %by_sender = (sender_dependent_relayhost_maps =>
    'inline:{ { jane@a.test = [hub.test]:587 } { @b.test = pinned.test } { joe@a.test = DUNNO } {<> = dane.test} { kim = none.test} }',
    relayhost => 'plain.test', recipient_delimiter => '+');
sub goes_from {
	my ($from, $to, $with, $next, %want) = @_;
	main_cf(%$with);
	my $r = outbound(defined $from ? ('--from', $from) : (), $to);
	my $name = ($from // 'no sender') . " to $to";
	is($r->{status}, $want{status} // 0, "$name: exit code") or diag($r->{err}, $r->{out});
	is($r->{all}{next_hops}[0]{next_hop}, $next, "$name: next hop");
	is("@{$r->{all}{depends} // []}", $want{depends} // '', "$name: what it depends on");
	is($r->{all}{transport}, $want{transport}, "$name: transport") if $want{transport};
}
goes_from(undef, 'verify.test', \%by_sender, 'plain.test', status => 69,
    depends => 'sender_dependent_relayhost_maps');
goes_from('Jane@A.test', 'verify.test', \%by_sender, '[hub.test]:587');
goes_from('jane+x@a.test', 'verify.test', \%by_sender, '[hub.test]:587');
goes_from('any@b.test', 'verify.test', \%by_sender, 'pinned.test');
goes_from('joe@a.test', 'verify.test', \%by_sender, 'plain.test');
goes_from('other@a.test', 'verify.test', \%by_sender, 'plain.test');
goes_from('kim@own.test', 'verify.test', \%by_sender, 'none.test');
goes_from('<>', 'verify.test', \%by_sender, 'dane.test');
goes_from('<>', 'verify.test', { %by_sender,
    empty_address_relayhost_maps_lookup_key => 'jane@a.test' }, '[hub.test]:587');
goes_from(undef, 'own.test', \%by_sender, undef, transport => 'local');
goes_from(undef, 'verify.test', { %by_sender, transport_maps => 'inline:{ verify.test=relay: }' },
    'verify.test', transport => 'relay');
goes_from(undef, 'verify.test', { sender_dependent_default_transport_maps => 'inline:{ @a.test=relay:[hub.test] }' },
    'verify.test', status => 69, depends => 'sender_dependent_default_transport_maps');
goes_from('jane@a.test', 'verify.test', { sender_dependent_default_transport_maps =>
    'inline:{ @a.test=relay:[hub.test] }' }, '[hub.test]', transport => 'relay');
goes_from('jane@a.test', 'x.in.test', { relay_domains => 'in.test', sender_dependent_default_transport_maps =>
    'inline:{ @a.test=smtp:[hub.test] }' }, 'x.in.test', transport => 'relay');
goes_from('jane@a.test', 'verify.test', { sender_dependent_relayhost_maps => 'hash:/nonexistent/t' },
    undef, status => 69);
scratch()->write('patterns', '/^joe@verify\.test$/ smtp:[hub.test]' . "\n" . '/^verify\.test$/ smtp:none.test' . "\n");
my %patterns = (transport_maps => 'regexp:' . scratch()->path('patterns'));
goes_from(undef, 'verify.test', \%patterns, 'verify.test', status => 69, depends => 'transport_maps');
goes_from(undef, 'joe@verify.test', \%patterns, '[hub.test]');
goes_from(undef, 'ann@verify.test', \%patterns, 'verify.test');
goes_from(undef, 'joe+x@verify.test', { transport_maps => 'inline:{ joe@verify.test=smtp:[hub.test] }',
    recipient_delimiter => '+' }, '[hub.test]');
main_cf(%by_sender);
like($daemon->tlspolicy('outbound', '--postfix', $dir, 'verify.test')->{out},
    qr/^depends: sender_dependent_relayhost_maps: other mail for this domain may go another way; --from SENDER tells$/m,
    'as text');
is(outbound('--from', $_, 'a.test')->{status}, 65, "a sender: $_") for 'jane', 'a b@c', '@a.test', "a\e\@b.test", 'x' x 999 . '@a';
is(outbound('--from', 'a@b.test', '--unasked')->{status}, 64, '--from and --unasked');
is($daemon->tlspolicy(qw(outbound --mta sendmail --from a@b.test a.test))->{status}, 64, '--from, sendmail');

main_cf();
my $r = $daemon->tlspolicy('outbound', '--postfix', $dir, 'verify.test');
like($r->{out}, qr/^mail to verify\.test, by postfix
transport: smtp \(default_transport\)
next hop: verify\.test \(the domain\)
    level: may \(smtp_tls_security_level\)
    tables: \Q$ours\E
    our map is asked: yes
    asks \Q$ours\E for "verify\.test": \Q$secure\E
        TLS_Rcpt:verify\.test VERIFY \(\S+rules:2\)
    told: mail leaves only over TLS /, 'as text');

# sendmail: the questions that its rulesets ask, and no others; each is what the
# daemon says to the same question.
my $wire = Tlspolicy::Nexthop->connect($map, 'tlspolicy_access');
sub sendmail_is {
	my ($name, $args, $asked, $outcome) = @_;
	my $r = $daemon->tlspolicy(qw(outbound --json --mta sendmail), @$args);
	# There are rules for addresses, and one for a mailbox of x.test.
	is($r->{status}, @$args < 3 && "@$args" !~ /\[/ || "@$args" =~ /^x\.test/ ? 69 : 0, "exit code: $name");
	my $all = eval { decode_json($r->{out}) } // {};
	is(join('; ', map { "$_->{key}=$_->{answer}" } @{$all->{asked}}), $asked,
	    "sendmail: $name") or diag($r->{err});
	for (@{$all->{asked}}) {
		my $live = $wire->ask($_->{key});
		is($_->{answer}, $live =~ /^NOTFOUND/ ? 'not found' : $live,
		    "as the daemon: $_->{key}");
	}
	like($all->{outcome}, $outcome, '... and does');
	return $all;
}
sub try_of { return join '', map { "try_tls:$_=not found; " } @_, '' }
sendmail_is('a rule above the server and one above the domain', [qw(a.verify.test mx.hub.test)],
    try_of(qw(mx.hub.test hub.test test)) . 'tlspolicy:tls_srv/mx.hub.test/=OK TEMP+ENCR:128; '
    . 'tlspolicy:tls_rcpt/@a.verify.test=OK TEMP+VERIFY',
    qr/^mail leaves only if the session meets TEMP\+ENCR:128 and TEMP\+VERIFY$/);
sendmail_is('no TLS', ['none.test'], 'try_tls:none.test=OK NO; tlspolicy:tls_srv/none.test/=OK NONE; '
    . 'tlspolicy:tls_rcpt/@none.test=OK NONE', qr/^mail leaves in clear, without TLS$/);
my $all = sendmail_is('nothing', ['x.test'], try_of(qw(x.test test)) .
    'tlspolicy:tls_srv/x.test/=OK NONE; tlspolicy:tls_rcpt/@x.test=OK NONE',
    qr/^mail leaves over TLS if the server offers it/);
is_deeply($all->{notes}, ["without the server's address rules for addresses are not looked at",
    'without a recipient rules for single mailboxes are not looked at'], '... what was not looked at');
$all = sendmail_is('rules for the address and the mailbox', [qw(joe@x.test mx.x.test 192.0.2.7)],
    try_of(qw(mx.x.test x.test test 192.0.2.7 192.0.2 192.0 192)) .
    'tlspolicy:tls_srv/mx.x.test/192.0.2.7=OK TEMP+ENCR:112; tlspolicy:tls_rcpt/joe@x.test=OK TEMP+VERIFY:128',
    qr/only if the session meets TEMP\+ENCR:112 and TEMP\+VERIFY:128$/);
is_deeply($all->{notes}, [], '... all was looked at');
sendmail_is('TLS is not tried by address', [qw(joe+box@x.test mx.x.test 198.51.100.9)],
    try_of(qw(mx.x.test x.test test 198.51.100.9)) =~ s/try_tls:=.*//r . 'try_tls:198.51.100=OK NO; '
    . 'tlspolicy:tls_srv/mx.x.test/198.51.100.9=OK NONE; tlspolicy:tls_rcpt/joe+box@x.test=OK TEMP+VERIFY:128',
    qr/^STARTTLS is not tried, and mail leaves only if a session in clear meets TEMP\+VERIFY:128$/);
sendmail_is('a server without a name', [qw(x.test [192.0.2.7])],
    try_of(qw([192.0.2.7] [192.0.2] [192.0] [192] 192.0.2.7 192.0.2 192.0 192)) .
    'tlspolicy:tls_srv/[192.0.2.7]/192.0.2.7=OK TEMP+ENCR:112; tlspolicy:tls_rcpt/@x.test=OK NONE',
    qr/ENCR:112$/);
sendmail_is('IPv6', [qw(x.test mx.x.test 2001:db8::7)], try_of(qw(mx.x.test x.test test IPv6:2001:db8::7
    IPv6:2001:db8: IPv6:2001:db8 IPv6:2001 IPv6)) . 'tlspolicy:tls_srv/mx.x.test/IPv6:2001:db8::7='
    . 'OK TEMP+ENCR:256; tlspolicy:tls_rcpt/@x.test=OK NONE', qr/ENCR:256$/);
$r = $daemon->tlspolicy(qw(outbound --mta sendmail joe@x.test mx.x.test 192.0.2.7));
like($r->{out}, qr/^mail to x\.test, by sendmail\nserver: mx\.x\.test, 192\.0\.2\.7$/m, 'sendmail: as text');
# The names that are shown are those that the lines ask by.
my $lines = Tlspolicy::Scratch::slurp("$FindBin::Bin/../scripts/sendmail-outbound.mc");
like($lines, qr/\$\(tlspolicy_access \Q$_\E/, "the ruleset asks $_")
    for 'tlspolicy:tls_srv/$&{server_name}/$&{server_addr} ', 'tlspolicy:tls_rcpt/$1 ';

$daemon->configure(%settings, mode => 'monitor');
$r = outbound('verify.test');
is($r->{all}{next_hops}[0]{asked}[0]{answer}, 'not found', 'monitor');
like($r->{all}{next_hops}[0]{asked}[0]{monitored}, qr/^secure/, 'and what else');
$daemon->configure(socketmap => 'off');
main_cf(smtp_tls_policy_maps => '');
is(outbound('verify.test')->{all}{next_hops}[0]{ours},
    'no: the setting socketmap is off', 'no socketmap');
$daemon->configure(%settings, 'outbound-resolver' =>
    'unix:' . scratch()->path('nobody.sock') . ' sts');
main_cf();
$r = outbound('other.test');
is($r->{status}, 69, 'a resolver that is not there');
like($r->{all}{next_hops}[0]{outcome}, qr/^mail stays in the queue/,
    'keeps mail back');
is(outbound('dane.test')->{status}, 0, 'but not what a rule decides alone');
$daemon->configure(%settings);

for ([64], [64, 'a.test', 'b.test'], [64, '--mta', 'exim', 'a.test'],
    [64, '--mta', 'sendmail', 'a.test'], [64, 'a.test', 'mx.a.test', '192.0.2.1'], [64, '--postfixx', 'a.test'],
    (map { [65, $_] } '', '.', 'a b@b.test', 'a..test', '.a.test', 'a b',
    '[192.0.2.1]', 'a:25', "a\e[2J.test", 'a' x 254, '*')) {
	my ($status, @args) = @$_;
	is(outbound(@args)->{status}, $status, "bad: @args");
}
is($daemon->tlspolicy(qw(outbound --mta sendmail), @$_)->{status}, 65, "sendmail, bad: @$_")
    for ['@a.test'], ["a b\@a.test"], ['<a@a.test'], ['a/b@a.test'], ['a@b@a.test'], ['a@'], ['a.test', '[a]'],
    ['a.test', 'mx.a.test', 'mx.a.test'], ['a.test', 'mx.a.test', '192.0.2'], ['x' x 254 . '@a.test'];
$r = $daemon->tlspolicy('outbound', "a\e[2J\@b.test");
like($r->{err}, qr/a mailbox was expected/, 'what was expected');
unlike($r->{err}, qr/\e/, 'fit for a terminal');
$r = $daemon->tlspolicy(qw(outbound --postfix /nonexistent a.test));
is($r->{status}, 66, 'no Postfix there');
like($r->{err}, qr{/nonexistent/main\.cf: No such file}, 'is named');
is(outbound('-d', '/nonexistent/x.mdb', 'a.test')->{status}, 66, 'no store');
main_cf(smtp_tls_policy_maps => '');
is(outbound('-d', '/nonexistent/x.mdb', 'a.test')->{status}, 0,
    'which nobody would ask');
done_testing;
