#!/usr/bin/perl
#
# tlspolicy doctor and a live Postfix: what is wrong is found by its name, the
# lines mend it, and nothing is said of what is right.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Setups;

my $setups = Tlspolicy::Setups->new('postfix');

# "-o NAME=VALUE" for a service, by its port.
sub option {
	my ($port, $text) = @_;
	return sub {
		my ($master, $mta) = @_;
		$master =~ s/^($mta->{$port} inet .*)$/$1\n -o $text/m;
		return $master;
	};
}

my ($tcp, $other_port, $back) = map { Tlspolicy::Scratch::free_port() } 1 .. 3;
# A milter that is not ours, and does well.
my $second = Tlspolicy::Daemon->start(scratch => $setups->{scratch},
    name => 'other', rules => '', settings => { 'socket-mode' => '0666' });
my $other = $second->socket;

my $metrics = 'inet:' . Tlspolicy::Scratch::free_port() . '@127.0.0.1';
my $facts = "unix:$setups->{daemon}{dir}/facts.sock";
my $fp = join ':', ('AB') x 32;
my $map = "unix:$setups->{daemon}{dir}/map.sock";
my $tlsrpt = $setups->{scratch}->path('milter/tlsrpt.sock');

# Parameters for a certificate of this kind.
sub pair {
	my ($kind) = @_;
	return { smtpd_tls_cert_file => sub { ($_[0]{certs}->pair($kind))[0] },
	    smtpd_tls_key_file => sub { ($_[0]{certs}->pair($kind))[1] } };
}

# Parameters of the certificate that smtpd(8) shows; pair() has those of smtp(8).
sub shown {
	my ($main) = pair(@_);
	return { map { s/^smtpd/smtp/r => $main->{$_} } keys %$main };
}

# smtpd_milter_maps with such a table.
sub table {
	my ($setups, $type, $text) = @_;
	my $path = $setups->{scratch}->write("postfix/etc/milters", $text);
	$setups->postconf("smtpd_milter_maps = $type:$path");
	$setups->reload;
}

# The folder of another instance, which does not run.
sub instance {
	my ($enabled, @lines) = @_;
	my $dir = $setups->{scratch}->path('postfix/other');
	Tlspolicy::Scratch::must('rm', '-rf', $dir);
	Tlspolicy::Scratch::must('cp', '-a',
	    $setups->{scratch}->path('postfix/etc'), $dir);
	Tlspolicy::Scratch::must('postconf', '-c', $dir, '-e',
	    "multi_instance_enable = $enabled", @lines);
	my $port = Tlspolicy::Scratch::free_port();
	my $master = Tlspolicy::Scratch::slurp("$dir/master.cf");
	$master =~ s/^\S+ inet .*\n(?:[ \t].*\n)*//mg;
	$setups->{scratch}->write('postfix/other/master.cf',
	    "127.0.0.1:$port inet n - n - - smtpd\n$master");
	return $dir;
}

# Postfix runs with this parameter, while main.cf has another value again.
sub running {
	my ($setups, $name, $value) = @_;
	my $main = $setups->{scratch}->read('postfix/etc/main.cf');
	$setups->postconf("$name = $value");
	$setups->reload;
	$setups->{scratch}->write('postfix/etc/main.cf', $main);
}

my @rows = (
	'right' => { finds => '' },
	'no milter' => { main => { smtpd_milters => '' },
	    finds => 'postfix-no-milter' },
	'no milters for a service' => {
	    master => option('smtp', 'smtpd_milters='),
	    finds => 'postfix-service-without' },
	'another milter for a service, with options' => {
	    master => option('smtp', "smtpd_milters={$other,connect_timeout=10s}"),
	    finds => 'postfix-service-without', keeps_there =>
		qr/\{$other,connect_timeout=10s\},unix:/ },
	'accept without an answer, for the milters of a service' => {
	    master => sub { option('smtp', "{ smtpd_milters = { "
		. "$_[1]{milter}, default_action=accept }, $other }")->(@_) },
	    finds => 'postfix-default-action', keeps_there =>
		qr/default_action=tempfail\},\Q$other\E/ },
	'no_milters for a service' => {
	    master => option('smtps',
		'receive_override_options=no_milters,no_address_mappings'),
	    finds => 'postfix-milters-off' },
	'no_milters for all' => {
	    main => { receive_override_options => 'no_milters' },
	    finds => 'postfix-milters-off' },
	'no TLS for a service' => {
	    master => option('smtp', 'smtpd_tls_security_level=none'),
	    finds => 'postfix-no-tls' },
	'accept without an answer, for a service' => {
	    master => option('smtp', 'milter_default_action=accept'),
	    finds => 'postfix-default-action' },
	'CAs that are not there' => {
	    main => { smtpd_tls_CAfile => '/nonexistent/ca.pem' },
	    finds => 'ca-unusable' },
	'the key of another certificate' => {
	    main => { smtpd_tls_key_file =>
		sub { ($_[0]{certs}->pair('trusted'))[1] } },
	    finds => 'certificate-unusable' },
	'a certificate that has ended' => {
	    main => pair('endedserver'), finds => 'certificate-expired' },
	'a certificate that ends soon' => {
	    main => pair('endingserver'), finds => 'certificate-soon' },
	'metrics, and a certificate of which they say nothing' => {
	    conf => { metrics => $metrics }, finds => 'certificate-unwatched' },
	'metrics, and two of them behind another file' => {
	    conf => { metrics => $metrics, 'watch-certificates' =>
		'/nonexistent.pem' }, main => { map { my $n = $_;
		("smtpd_tls_ec$_->[0]_file" => sub {
		    ($_[0]{certs}->pair('secondserver'))[$n->[1]] }) }
		['cert', 0], ['key', 1] },
	    finds => 'certificate-unwatched' },
	'metrics that say it' => {
	    conf => { metrics => $metrics, 'watch-certificates' =>
		($setups->{certs}->pair('server'))[0] }, finds => '' },
	'a certificate that is not for servers' => {
	    main => pair('clientserver'), finds => 'certificate-weak' },
	'the CA before it in its file' => {
	    main => { smtpd_tls_cert_file => sub { $_[0]{certs}->ca_first('server') } },
	    finds => 'certificate-unusable' },
	'the CA before it in a chain file' => {
	    main => { smtpd_tls_chain_files => sub { join ', ', ($_[0]{certs}->pair('server'))[1],
		$_[0]{certs}->ca_first('server') } },
	    finds => 'certificate-unusable' },
	# What smtp(8) shows.
	'a certificate for servers is shown to servers' => {
	    main => shown('server'), says => qr/smtp_tls_cert_file: \S+server\.pem/, finds => 'certificate-weak' },
	'one for clients' => { main => shown('client90'), finds => '' },
	'one that has ended' => { main => shown('expired'), finds => 'certificate-expired' },
	'the key of another one' => {
	    main => { %{shown('client90')}, smtp_tls_key_file => sub { ($_[0]{certs}->pair('server'))[1] } },
	    finds => 'certificate-unusable' },
	'the CA first, shown to servers' => {
	    main => { %{shown('client90')}, smtp_tls_cert_file => sub { $_[0]{certs}->ca_first('client90') } },
	    finds => 'certificate-unusable' },
	'of one service alone' => {
	    master => sub { my ($cert, $key) = $setups->{certs}->pair('expired');
		"$_[0]other unix - - n - - smtp\n -o smtp_tls_cert_file=$cert\n -o smtp_tls_key_file=$key\n" },
	    finds => 'certificate-expired' },
	'the same key to both, and for everybody' => {
	    before => sub { chmod 0644, ($_[0]{certs}->pair('server'))[1] },
	    main => shown('server'), finds => 'key-open certificate-weak' },
	'no certificate' => {
	    main => { smtpd_tls_cert_file => '', smtpd_tls_key_file => '' },
	    finds => 'postfix-no-certificate' },
	'a chain file that is not there' => {
	    main => { smtpd_tls_chain_files => '/nonexistent/chain.pem' },
	    finds => 'certificate-unusable' },
	'a key for everybody' => {
	    before => sub { chmod 0644, ($_[0]{certs}->pair('server'))[1] },
	    finds => 'key-open' },
	'smtpd in a chroot' => {
	    master => sub { $_[0] =~ s/^(\S+ inet n -) n/$1 y/mgr },
	    finds => 'postfix-chroot postfix-chroot' },
	'smtpd and cleanup in a chroot' => {
	    master => sub { $_[0] =~ s/^(\S+ inet n -) n/$1 y/mgr
		=~ s/^(cleanup unix n -) n/$1 y/mr },
	    finds => 'postfix-chroot postfix-chroot postfix-chroot' },
	'accept without an answer, beside another milter' => {
	    main => { smtpd_milters =>
		sub { "{ $_[1], default_action=accept }, $other" } },
	    finds => 'postfix-default-action', keeps => qr/\Q$other\E/ },
	'accept for all milters, of which ours is one' => {
	    main => { milter_default_action => 'accept',
		smtpd_milters => sub { "$other, $_[1]" } },
	    finds => 'postfix-default-action postfix-default-action',
	    keeps => qr/\Q$other\E/ },
	'tempfail of our own is enough' => {
	    main => { milter_default_action => 'accept', map { $_ =>
		sub { "{ $_[1], default_action=tempfail }" } }
		qw(smtpd_milters non_smtpd_milters) },
	    finds => '' },
	'another daemon before ours' => {
	    main => { smtpd_milters => $other }, finds => 'postfix-no-milter',
	    keeps => qr/\Q$other\E/ },
	'the socket that it had before' => {
	    main => { smtpd_milters => 'unix:/run/tlspolicy/milter.sock' },
	    finds => 'postfix-no-milter' },
	'by TCP, and localhost is its name' => {
	    conf => { socket => "inet:$tcp\@127.0.0.1" },
	    main => { map { $_ => "inet:localhost:$tcp" }
		qw(smtpd_milters non_smtpd_milters) },
	    finds => '' },
	'by TCP, on all addresses' => {
	    conf => { socket => "inet:$tcp\@0.0.0.0",
		silence => 'socket-on-network' },
	    main => { map { $_ => "inet:127.0.0.1:$tcp" }
		qw(smtpd_milters non_smtpd_milters) },
	    finds => '' },
	'by TCP, another port' => {
	    conf => { socket => "inet:$tcp\@127.0.0.1" },
	    main => { smtpd_milters => '', non_smtpd_milters =>
		"inet:[127.0.0.1]:$tcp" },
	    finds => 'postfix-no-milter' },
	'a table that turns milters off' => {
	    before => sub { table($_[0], 'cidr',
		"127.0.0.0/8\tDISABLE\n") },
	    finds => 'postfix-milter-maps' },
	'a table that turns them off for others' => {
	    before => sub { table($_[0], 'texthash',
		"# those of the house\n192.0.2.1 DISABLE\n") },
	    finds => 'postfix-milter-maps' },
	'a table that has us' => {
	    before => sub { table($_[0], 'cidr', "127.0.0.0/8\t"
		. "unix:$_[0]{daemon}{dir}/milter.sock\n") },
	    finds => '' },
	'the way back from a content filter' => {
	    main => { content_filter => "smtp:[127.0.0.1]:$other_port" },
	    master => sub { "$_[0]127.0.0.1:$back inet n - n - - smtpd\n"
		. " -o content_filter= -o smtpd_milters=\n"
		. " -o receive_override_options=no_milters\n"
		. " -o smtpd_tls_security_level=none\n" },
	    finds => '' },
	# The listener of the way back lets others in: by its address, and by
	# mynetworks.
	'such a way back on all addresses' => {
	    main => { mynetworks => '127.0.0.0/8 192.0.2.0/24' },
	    master => sub { "$_[0]$back inet n - n - - smtpd\n"
		. " -o smtpd_client_restrictions=permit_mynetworks,reject\n"
		. " -o smtpd_milters=\n" },
	    finds => 'postfix-service-without', services => 3 },
	'the same, and this machine alone is let in' => {
	    main => { mynetworks =>
		'127.0.0.0/8 [::1]/128 [::ffff:127.0.0.0]/104' },
	    master => sub { "$_[0]$back inet n - n - - smtpd\n"
		. " -o smtpd_client_restrictions=permit_mynetworks,reject\n"
		. " -o smtpd_milters=\n" },
	    finds => '' },
	'submission asks nobody for a certificate' => {
	    master => sub { my ($text, $mta) = @_; $text =~
		s/^($mta->{smtps} inet .*)$/$1 -o smtpd_tls_ask_ccert=no -o smtpd_sasl_auth_enable=yes/mr },
	    finds => '' },
	'a socket for another group' => {
	    conf => { 'socket-group' => 'root', 'socket-mode' => '0600' },
	    finds => 'socket-closed-to-mta' },
	'macros that are made up' => {
	    main => { milter_macro_defaults =>
		'{verify}=OK, {house}=example' },
	    finds => 'postfix-fake-macros' },
	'another name' => {
	    main => { mail_name => 'MyMail' },
	    finds => 'postfix-name' },
	'no milters for local mail' => {
	    main => { non_smtpd_milters => '' },
	    finds => 'postfix-local-without' },
	'an old protocol, for a service' => {
	    master => option('smtp', 'milter_protocol=2'),
	    finds => 'postfix-protocol' },
	'milters of the settings, and of a service that has them off' => {
	    main => { smtpd_milters => '' },
	    master => sub { my ($text, $mta) = @_; $text =~
		s/^(\S+ inet .*)$/$1 -o smtpd_milters=$mta->{milter}/mgr },
	    finds => '' },
	# A process that served already goes on as it began.
	'settings that are not in force' => {
	    before => sub { running($_[0], smtpd_milters => '') },
	    finds => 'not-judged' },
	'TLS that is not in force' => {
	    before => sub { running($_[0],
		smtpd_tls_security_level => 'none') },
	    finds => 'not-in-force', services => 2 },
	'TLS that is dead, as it runs' => {
	    before => sub { running($_[0],
		smtpd_tls_CAfile => '/nonexistent/ca.pem') },
	    finds => 'tls-dead' },
	'nobody is asked for a certificate, as it runs' => {
	    before => sub { running($_[0], smtpd_tls_ask_ccert => 'no') },
	    finds => 'not-in-force' },
	'behind a proxy that says who comes' => {
	    master => sub { "$_[0]$back inet n - n - - smtpd\n"
		. " -o smtpd_upstream_proxy_protocol=haproxy\n" },
	    finds => '', services => 3 },
	'postscreen' => {
	    main => { postscreen_greet_action => 'ignore',
		postscreen_access_list => 'permit_mynetworks' },
	    master => sub { "$_[0]$back inet n - n - 1 postscreen\n"
		. "smtpd pass - - n - - smtpd\ndnsblog unix - - n - 0 dnsblog\n"
		. "tlsproxy unix - - n - 0 tlsproxy\n" },
	    finds => '', services => 3 },
	'postscreen, and no milter behind it' => {
	    main => { postscreen_access_list => 'permit_mynetworks' },
	    master => sub { "$_[0]$back inet n - n - 1 postscreen\n"
		. "smtpd pass - - n - - smtpd -o smtpd_milters=\n"
		. "dnsblog unix - - n - 0 dnsblog\n"
		. "tlsproxy unix - - n - 0 tlsproxy\n" },
	    finds => 'postfix-service-without', services => 3 },
	'who does not log in is turned away later' => {
	    master => option('smtps',
		'smtpd_client_restrictions=permit_sasl_authenticated,reject'),
	    finds => '' },
	'who does not log in is turned away at once' => {
	    master => option('smtps', 'smtpd_delay_reject=no -o '
		. 'smtpd_client_restrictions=permit_sasl_authenticated,reject'),
	    finds => 'not-tried', left => 1, services => 1 },
	'a certificate must be shown' => {
	    master => option('smtps', 'smtpd_tls_req_ccert=yes'),
	    finds => 'not-tried', left => 1, services => 1 },
	'rules for mail that leaves, and nobody asks' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666' },
	    finds => 'postfix-no-map' },
	'by another name' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666' },
	    main => { smtp_tls_policy_maps =>
		"inline:{ a.example=none }, socketmap:$map:policy" },
	    keeps => qr/socketmap:\Q$map\E:tlspolicy, inline/,
	    finds => 'postfix-no-map' },
	'behind another table' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666' },
	    main => { smtp_tls_policy_maps =>
		"inline:{ a.example=none } socketmap:$map:tlspolicy" },
	    keeps => qr/socketmap:\Q$map\E:tlspolicy, inline/,
	    finds => 'postfix-map-behind' },
	'a map that a chroot does not show' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666' },
	    master => sub { $_[0] =~ s/^(smtp unix - -) n/$1 y/mr },
	    main => { smtp_tls_policy_maps =>
		"inline:{ a.example=none } socketmap:$map:tlspolicy" },
	    keeps => qr/= proxy:socketmap:\Q$map\E:tlspolicy, inline/,
	    finds => 'postfix-no-map' },
	'a map that proxymap asks' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666' },
	    master => sub { $_[0] =~ s/^(smtp unix - -) n/$1 y/mr },
	    main => { smtp_tls_policy_maps =>
		"proxy:socketmap:$map:tlspolicy" },
	    finds => '' },
	'a map that proxymap may not open' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666' },
	    main => { smtp_tls_policy_maps => "proxy:socketmap:$map:tlspolicy",
		proxy_read_maps => '$local_recipient_maps, proxy:unix:passwd.byname' },
	    keeps => qr/^proxy_read_maps = \$local_recipient_maps, proxy:unix:passwd\.byname \$smtp_tls_policy_maps$/m,
	    finds => 'postfix-proxy-maps' },
	# proxymap(8) knows main.cf alone.
	'a map that proxymap may not open, of one service' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666' },
	    main => { smtp_tls_policy_maps => "socketmap:$map:tlspolicy" },
	    master => sub { $_[0] =~ s/^(smtp unix .*)$/$1\n -o smtp_tls_policy_maps=proxy:socketmap:$map:tlspolicy/mr },
	    keeps => qr/^proxy_read_maps = .*\$mynetworks.* proxy:socketmap:\Q$map\E:tlspolicy$/m,
	    finds => 'postfix-proxy-maps' },
	'a header field that does without TLS' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666' },
	    main => { smtp_tls_policy_maps => "socketmap:$map:tlspolicy",
		tls_required_enable => 'yes' },
	    finds => 'postfix-tls-required' },
	'TLSRPT that Postfix does not send, and to elsewhere' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666', 'tlsrpt-socket' => "unix:$tlsrpt" },
	    main => { smtp_tls_policy_maps => "socketmap:$map:tlspolicy", smtp_tlsrpt_enable => 'no',
		smtp_tlsrpt_socket_name => 'private/tlsrpt' },
	    finds => 'postfix-tlsrpt postfix-tlsrpt' },
	'TLSRPT as it is wanted' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666', 'tlsrpt-socket' => "unix:$tlsrpt" },
	    main => { smtp_tls_policy_maps => "socketmap:$map:tlspolicy", smtp_tlsrpt_enable => 'yes',
		smtp_tlsrpt_socket_name => $tlsrpt },
	    finds => '' },
	'TLSRPT that a chrooted smtp does not see' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666', 'tlsrpt-socket' => "unix:$tlsrpt" },
	    main => { smtp_tls_policy_maps => "proxy:socketmap:$map:tlspolicy", smtp_tlsrpt_enable => 'yes',
		smtp_tlsrpt_socket_name => $tlsrpt },
	    master => sub { $_[0] =~ s/^(smtp unix - -) n/$1 y/mr },
	    says => qr/service smtp\/unix of \S+ runs chrooted and does not see \Q$tlsrpt\E/,
	    finds => 'postfix-tlsrpt', left => 1 },
	'a map that is asked, and the setting is off' => {
	    main => { smtp_tls_policy_maps => "socketmap:$map:tlspolicy" },
	    finds => 'socketmap-off' },
	'the same, by proxymap, with rules, and another level' => {
	    rules => "TLS_Rcpt:a.example VERIFY\n",
	    main => { smtp_tls_policy_maps => "proxy:socketmap:$map:tlspolicy",
		smtp_tls_security_level => 'encrypt' },
	    finds => 'socketmap-off postfix-level postfix-no-server-ca' },
	'a relay, and rules for domains behind it' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666' },
	    rules => "TLS_Rcpt:a.example VERIFY\nTLS_Rcpt:b.example ENCR:1\n"
		. "TLS_Rcpt:w.example WARN+ENCR:1\nTLS_Rcpt:joe\@c.example ENCR:1\n",
	    main => { smtp_tls_policy_maps => "socketmap:$map:tlspolicy",
		default_transport => 'smtp',
		relayhost => '[hub.example]:587',
		smtp_tls_CAfile => '/etc/ssl/certs/ca-certificates.crt' },
	    says => qr/relayhost of \S+ leads to \[hub\.example\]:587, for which there is no rule: 2 rules of TLS_Rcpt, such as TLS_Rcpt:a\.example/,
	    finds => 'postfix-relay' },
	'a relay that has a rule' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666' },
	    rules => "TLS_Rcpt:a.example ENCR:1\nTLS_Srv:.example ENCR:1\n",
	    main => { smtp_tls_policy_maps => "socketmap:$map:tlspolicy",
		default_transport => 'smtp',
		relayhost => '[hub.example]' },
	    finds => '' },
	'a rule for all recipients counts behind a relay' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666' },
	    rules => "TLS_Rcpt:a.example ENCR:1\nTLS_Rcpt: ENCR:1\n",
	    main => { smtp_tls_policy_maps => "socketmap:$map:tlspolicy",
		default_transport => 'smtp',
		relayhost => '[hub.example]' },
	    finds => '' },
	'a rule that only ends like the relay' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666' },
	    rules => "TLS_Rcpt:a.example ENCR:1\nTLS_Srv:b.example ENCR:1\n",
	    main => { smtp_tls_policy_maps => "socketmap:$map:tlspolicy",
		default_transport => 'smtp',
		relayhost => '[hub.example]' },
	    finds => 'postfix-relay' },
	'a transport of one domain' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666' },
	    rules => "TLS_Rcpt:a.example ENCR:1\nTLS_Rcpt:b.example ENCR:1\n",
	    main => { smtp_tls_policy_maps => "socketmap:$map:tlspolicy",
		transport_maps => 'inline:{ a.example=smtp:[192.0.2.25]:26 }' },
	    says => qr/transport_maps of \S+ leads to \[192\.0\.2\.25\]:26, .* 1 rule of TLS_Rcpt, such as TLS_Rcpt:a\.example, is never/,
	    finds => 'postfix-relay' },
	'a transport for all' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666' },
	    rules => "TLS_Rcpt:a.example ENCR:1\n",
	    main => { smtp_tls_policy_maps => "socketmap:$map:tlspolicy",
		default_transport => 'smtp:hub.example' },
	    finds => 'postfix-relay' },
	'next hops by sender' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666' },
	    rules => "TLS_Rcpt:a.example ENCR:1\n",
	    main => { smtp_tls_policy_maps => "socketmap:$map:tlspolicy", default_transport => 'smtp',
		sender_dependent_relayhost_maps => 'inline:{ \@b.example=[hub.example] \@c.example=DUNNO }' },
	    says => qr/sender_dependent_relayhost_maps of \S+ leads to \[hub\.example\], for which there is no rule/,
	    finds => 'postfix-relay' },
	'transports by sender that lead to hosts with a rule' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666' },
	    rules => "TLS_Rcpt:a.example ENCR:1\nTLS_Srv:hub.example ENCR:1\n",
	    main => { smtp_tls_policy_maps => "socketmap:$map:tlspolicy", default_transport => 'smtp',
		sender_dependent_default_transport_maps => 'inline:{ \@b.example=smtp:[hub.example] \@c.example=smtp: }' },
	    finds => '' },
	'a table by sender that cannot be listed' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666' },
	    rules => "TLS_Rcpt:a.example ENCR:1\n",
	    main => { smtp_tls_policy_maps => "socketmap:$map:tlspolicy", default_transport => 'smtp',
		sender_dependent_relayhost_maps => 'static:[hub.example]' },
	    says => qr/sender_dependent_relayhost_maps of \S+: static:\[hub\.example\]: .*; it may lead past 1 rule of TLS_Rcpt, such as TLS_Rcpt:a\.example/,
	    finds => 'postfix-by-address', left => 1 },
	'tables by sender, and no rule that they could lead past' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666' },
	    rules => "TLS_Srv:hub.example ENCR:1\n",
	    main => { smtp_tls_policy_maps => "socketmap:$map:tlspolicy", default_transport => 'smtp',
		sender_dependent_relayhost_maps => 'static:[hub.example]' },
	    finds => '' },
	'domains that are delivered here' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666' },
	    rules => "TLS_Rcpt:a.example ENCR:1\n",
	    main => { smtp_tls_policy_maps => "socketmap:$map:tlspolicy",
		virtual_mailbox_domains => 'a.example', default_transport => 'smtp',
		relayhost => '[hub.example]' },
	    finds => '' },
	'a map for others alone' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0600' },
	    main => { smtp_tls_policy_maps => "socketmap:$map:tlspolicy" },
	    finds => 'map-closed-to-mta' },
	'a map where the daemon does not listen' => {
	    before => sub { $_[0]->put_settings("socketmap = $map",
		'socketmap-mode = 0666') },
	    main => { smtp_tls_policy_maps => "socketmap:$map:tlspolicy" },
	    finds => 'map-down' },
	'a map first of all' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666' },
	    main => { smtp_tls_policy_maps =>
		"socketmap:$map:tlspolicy inline:{ a.example=none }" },
	    finds => '' },
	'a level that is not the setting' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666' },
	    main => { smtp_tls_policy_maps => "socketmap:$map:tlspolicy",
		smtp_tls_security_level => 'encrypt' },
	    finds => 'postfix-level' },
	'a level of one service alone' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666' },
	    main => { smtp_tls_policy_maps => "socketmap:$map:tlspolicy",
		smtp_tls_security_level => 'may' },
	    master => sub { "$_[0]hard unix - - n - - smtp\n"
		. " -o smtp_tls_security_level=dane-only\n" },
	    finds => 'postfix-level' },
	'protocols and suites that an answer would take the place of' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666' },
	    main => { smtp_tls_policy_maps => "socketmap:$map:tlspolicy",
		smtp_tls_mandatory_protocols => '!SSLv2, !SSLv3, !TLSv1, !TLSv1.1',
		smtp_tls_exclude_ciphers => 'RC4, aNULL',
		smtp_tls_mandatory_exclude_ciphers => 'aNULL:MD5' },
	    finds => 'postfix-limits' },
	'protocols of one service alone' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666',
		'outbound-version' => '1.2' },
	    main => { smtp_tls_policy_maps => "socketmap:$map:tlspolicy",
		smtp_tls_mandatory_protocols => '>=TLSv1.2' },
	    master => sub { "$_[0]hard unix - - n - - smtp\n"
		. " -o smtp_tls_mandatory_protocols=>=TLSv1.3\n" },
	    finds => 'postfix-limits' },
	'names that VERIFY would be told with, and main.cf does not have' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666' },
	    main => { smtp_tls_policy_maps => "socketmap:$map:tlspolicy",
		smtp_tls_secure_cert_match => 'nexthop' },
	    finds => 'postfix-match' },
	'such names of two services, one at the level verify' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666',
		'outbound-match' => 'nexthop', 'outbound-default' => 'verify' },
	    main => { smtp_tls_policy_maps => "socketmap:$map:tlspolicy",
		smtp_tls_secure_cert_match => 'hostname, nexthop' },
	    master => sub { "$_[0]hard unix - - n - - smtp\n"
		. " -o smtp_tls_security_level=verify\n"
		. " -o smtp_tls_verify_cert_match=.hub.example\n" },
	    finds => 'postfix-match' },
	'a setting that has less of them' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666',
		'outbound-match' => 'nexthop' },
	    main => { smtp_tls_policy_maps => "socketmap:$map:tlspolicy" },
	    finds => '' },
	'settings that say the same, and more' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666',
		'outbound-version' => '1.3', 'outbound-exclude' => 'rc4 MD5:3DES' },
	    main => { smtp_tls_policy_maps => "socketmap:$map:tlspolicy",
		smtp_tls_mandatory_protocols => '>=TLSv1.2',
		smtp_tls_mandatory_exclude_ciphers => 'MD5 RC4' },
	    finds => '' },
	'a setting that says more' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666',
		'outbound-default' => 'secure' },
	    main => { smtp_tls_policy_maps => "socketmap:$map:tlspolicy",
		smtp_tls_security_level => 'encrypt' },
	    finds => 'postfix-level' },
	'the same level, by the old parameter, and a lower one' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666',
		'outbound-default' => 'encrypt' },
	    main => { smtp_tls_policy_maps => "socketmap:$map:tlspolicy",
		smtp_tls_security_level => '', smtp_enforce_tls => 'yes',
		smtp_tls_enforce_peername => 'no' },
	    master => sub { "$_[0]soft unix - - n - - smtp\n"
		. " -o smtp_tls_security_level=may\n" },
	    finds => '' },
	'rules for mail that leaves, and no socketmap' => {
	    rules => "TLS_Srv:hub.example ENCR:128\n",
	    main => { smtp_tls_CAfile => '' },
	    finds => 'socketmap-off postfix-no-map' },
	'VERIFY rules, no socketmap and no CA' => {
	    rules => "TLS_Rcpt:a.example VERIFY\n",
	    main => { smtp_tls_CAfile => '' },
	    finds => 'socketmap-off postfix-no-map postfix-no-server-ca' },
	'VERIFY rules, and a service without CA' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666' },
	    rules => "TLS_Rcpt:a.example VERIFY\n",
	    main => { smtp_tls_policy_maps => "socketmap:$map:tlspolicy",
		smtp_tls_CAfile => '/etc/ssl/certs/ca-certificates.crt' },
	    master => sub { "$_[0]bare unix - - n - - smtp\n"
		. " -o smtp_tls_CAfile=\n" },
	    finds => 'postfix-no-server-ca' },
	'DANE rules, and no DNSSEC' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666' },
	    rules => "TLS_Rcpt:a.example DANE:may\n",
	    main => { smtp_tls_policy_maps => "socketmap:$map:tlspolicy" },
	    master => sub { "$_[0]other unix - - n - - smtp\n -o smtp_dns_support_level=enabled\n" },
	    keeps => qr/^smtp_dns_support_level = dnssec$/m,
	    finds => 'postfix-no-dnssec postfix-no-dnssec' },
	'DANE rules, and DNSSEC' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666' },
	    rules => "TLS_Rcpt:a.example DANE\n",
	    main => { smtp_tls_policy_maps => "socketmap:$map:tlspolicy", smtp_dns_support_level => 'dnssec' },
	    finds => '' },
	'DANE that only records, and no DNSSEC' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666' },
	    rules => "TLS_Rcpt:a.example WARN+DANE\n",
	    main => { smtp_tls_policy_maps => "socketmap:$map:tlspolicy" }, finds => '' },
	'VERIFY rules, and CAs in a folder' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666' },
	    rules => "TLS_Rcpt:a.example VERIFY\n",
	    main => { smtp_tls_policy_maps => "socketmap:$map:tlspolicy",
		smtp_tls_CApath => '/etc/ssl/certs' },
	    finds => '' },
	'a VERIFY rule that only records, and no CA' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666' },
	    rules => "TLS_Rcpt:a.example WARN+VERIFY\n",
	    main => { smtp_tls_policy_maps => "socketmap:$map:tlspolicy" },
	    finds => '' },
	'a level where nobody asks' => {
	    main => { smtp_tls_security_level => 'encrypt' },
	    finds => '' },
	'rules on fingerprints, and nobody tells them' => {
	    rules => "TLS_From:a.example PERM+ENCR:1+FP:$fp\n",
	    says => qr/"facts-socket = unix:\S+facts\.sock"/,
	    keeps => qr/^smtpd_recipient_restrictions = check_policy_service \{ unix:\S+facts\.sock, timeout=5s, default_action=DUNNO \}, check_recipient_access inline:\{unknown\@example\.org=REJECT\}, permit_mynetworks, reject$/m,
	    finds => 'feed-off postfix-no-feed' },
	'on those of keys, of a profile, that only warns' => {
	    rules => "Profile:a WARN+ENCR:1+PKFP:$fp\nTLS_To:a.example AS:a\n",
	    finds => 'feed-off postfix-no-feed' },
	'on what leaves alone' => {
	    conf => { socketmap => $map, 'socketmap-mode' => '0666' },
	    main => { smtp_tls_policy_maps => "socketmap:$map:tlspolicy" },
	    rules => "TLS_Srv:a.example PERM+ENCR:1+FP:$fp\n", finds => '' },
	'a feed that is asked first' => {
	    conf => { 'facts-socket' => $facts, 'facts-socket-mode' => '0666' },
	    main => { smtpd_recipient_restrictions => "reject_unauth_pipelining, "
		. "check_policy_service { $facts, default_action=DUNNO }, "
		. 'permit_mynetworks, reject' },
	    rules => "TLS_From:a.example PERM+ENCR:1+FP:$fp\n", finds => '' },
	'a feed without braces, behind a word that only begins like permit' => {
	    conf => { 'facts-socket' => $facts, 'facts-socket-mode' => '0666' },
	    main => { smtpd_recipient_restrictions => 'permits, '
		. "check_policy_service $facts permit_mynetworks, reject",
		smtpd_restriction_classes => 'permits', permits => 'DUNNO' },
	    rules => "TLS_From:a.example PERM+ENCR:1+FP:$fp\n", finds => '' },
	'a feed behind a permit' => {
	    conf => { 'facts-socket' => $facts, 'facts-socket-mode' => '0666' },
	    main => { smtpd_recipient_restrictions => 'permit_mynetworks, '
		. "check_policy_service { $facts, timeout=7s, default_action=DUNNO }"
		. ', reject' },
	    rules => "TLS_From:a.example PERM+ENCR:1+FP:$fp\n",
	    keeps => qr/^smtpd_recipient_restrictions = check_policy_service \{ \S+facts\.sock, timeout=7s, default_action=DUNNO \}, permit_mynetworks, reject$/m,
	    finds => 'postfix-feed-behind' },
	'it behind the same for somebody else' => {
	    conf => { 'facts-socket' => $facts, 'facts-socket-mode' => '0666' },
	    main => { smtpd_recipient_restrictions => 'permit_mynetworks, '
		. "check_policy_service { unix:other, default_action=DUNNO } reject" },
	    rules => "TLS_From:a.example PERM+ENCR:1+FP:$fp\n",
	    keeps => qr/, permit_mynetworks, check_policy_service \{ unix:other, default_action=DUNNO \} reject$/m,
	    finds => 'postfix-no-feed' },
	'no feed for one service' => {
	    conf => { 'facts-socket' => $facts, 'facts-socket-mode' => '0666' },
	    main => { smtpd_recipient_restrictions => "check_policy_service "
		. "{ $facts, default_action=DUNNO }, permit_mynetworks, reject" },
	    master => option('smtps',
		'smtpd_recipient_restrictions=permit_mynetworks,reject'),
	    rules => "TLS_From:a.example PERM+ENCR:1+FP:$fp\n",
	    keeps_there => qr/=check_policy_service,\{unix:\S+,timeout=5s,default_action=DUNNO\},permit_mynetworks,reject/,
	    finds => 'postfix-no-feed' },
	'a feed for others alone' => {
	    conf => { 'facts-socket' => $facts, 'facts-socket-mode' => '0600' },
	    main => { smtpd_recipient_restrictions => "check_policy_service "
		. "{ $facts, default_action=DUNNO }, permit_mynetworks, reject" },
	    rules => "TLS_From:a.example PERM+ENCR:1+FP:$fp\n",
	    finds => 'feed-closed-to-mta' },
	'a feed where the daemon does not listen' => {
	    before => sub { $_[0]->put_settings("facts-socket = $facts",
		'facts-socket-mode = 0666') },
	    main => { smtpd_recipient_restrictions => "check_policy_service "
		. "{ $facts, default_action=DUNNO }, permit_mynetworks, reject" },
	    rules => "TLS_From:a.example PERM+ENCR:1+FP:$fp\n",
	    finds => 'feed-down' },
	'a feed that a chroot does not show' => {
	    conf => { 'facts-socket' => $facts, 'facts-socket-mode' => '0666' },
	    main => { smtpd_recipient_restrictions => "check_policy_service "
		. "{ $facts, default_action=DUNNO }, permit_mynetworks, reject" },
	    master => sub { $_[0] =~ s/^(\S+ inet n -) n/$1 y/mgr },
	    rules => "TLS_From:a.example PERM+ENCR:1+FP:$fp\n",
	    keeps => qr/^smtpd_recipient_restrictions = check_policy_service \{ unix:tlspolicy\/facts\.sock, /m,
	    finds => 'postfix-chroot postfix-chroot postfix-no-feed postfix-no-feed' },
	'silenced' => {
	    conf => { silence => 'feed-off postfix-no-feed' },
	    rules => "TLS_From:a.example PERM+ENCR:1+FP:$fp\n", finds => '' },
	'a socket unit for it, and the setting is off' => {
	    before => sub {
		my ($setups) = @_;
		$setups->put_settings("facts-socket = $facts",
		    'facts-socket-mode = 0666');
		$setups->restart_daemon;
		$setups->put_settings('facts-socket = off');
		$setups->{scratch}->write('systemctl.shown.tlspolicy-facts.socket',
		    "LoadState=loaded\nActiveState=active\nListen="
		    . $facts =~ s/^unix://r . " (Stream)\n");
	    },
	    after => sub { unlink $_[0]{scratch}->path(
		'systemctl.shown.tlspolicy-facts.socket') },
	    main => { smtpd_recipient_restrictions => "check_policy_service "
		. "{ $facts, default_action=DUNNO }, permit_mynetworks, reject" },
	    rules => "TLS_From:a.example PERM+ENCR:1+FP:$fp\n",
	    says => qr/is off, and tlspolicy-facts\.socket listens on \Q$facts\E/,
	    finds => 'feed-off' },
	# The proposed lines are for a machine with systemd.
	'rules on fingerprints, and systemd makes the milter its socket' => {
	    before => sub {
		my ($setups) = @_;
		$setups->{scratch}->write('systemctl.shown.tlspolicy-milter.socket',
		    "LoadState=loaded\nActiveState=active\nListen="
		    . "$setups->{daemon}{dir}/milter.sock (Stream)\n");
	    },
	    after => sub { unlink $_[0]{scratch}->path(
		'systemctl.shown.tlspolicy-milter.socket') },
	    rules => "TLS_From:a.example PERM+ENCR:1+FP:$fp\n",
	    says => qr{"install -m 644 \S+/examples/tlspolicy-facts\.socket .*"systemctl enable tlspolicy-facts\.socket"}s,
	    finds => 'feed-off postfix-no-feed', left => 1 },
	'no audit log' => { conf => { 'audit-file' => '/dev/null' },
	    finds => 'not-seen not-seen', left => 1, services => 0,
	    unasked => 1 },
	'a daemon that has lost the store that doctor can read' => {
	    before => sub {
		my ($setups) = @_;
		my $store = $setups->{daemon}{store};
		rename $_, $_ =~ s/policy(?=\.mdb)/moved/r or die for $store,
		    "$store-lock";
		$setups->setting(%{$setups->{conf}},
		    store => $store =~ s/policy(?=\.mdb)/moved/r);
		Tlspolicy::Scratch::wait_for(60, sub {
			$setups->{daemon}->log =~ /no such store/ });
	    },
	    after => sub {
		my $store = $_[0]{daemon}{store};
		rename $_ =~ s/policy(?=\.mdb)/moved/r, $_ or die for $store,
		    "$store-lock";
	    },
	    finds => 'store-not-asked', left => 1 },
	'an instance beside it, without a milter' => {
	    main => { multi_instance_directories =>
		sub { instance('yes', 'smtpd_milters =') } },
	    finds => 'postfix-no-milter not-tried', left => 1 },
	'an instance beside it that is not enabled' => {
	    main => { multi_instance_directories =>
		sub { instance('no', 'smtpd_milters =') } }, finds => '' },
	'a service that does not run' => {
	    before => sub {
		my ($setups) = @_;
		my $path = "$setups->{mta}{dir}/etc/master.cf";
		open my $out, '>>', $path or die "$path: $!\n";
		print $out "127.0.0.1:$back inet n - n - - smtpd\n";
	    },
	    finds => 'not-tried', services => 3 },
);

while (my ($name, $row) = splice @rows, 0, 2) {
	next if $ENV{TLSPOLICY_ROW} && $name !~ $ENV{TLSPOLICY_ROW};
	subtest $name => sub {
		$setups->try($row);
		like($setups->{scratch}->read('postfix/etc/main.cf'),
		    $row->{keeps}, 'the other milter stays') if $row->{keeps};
		like($setups->{scratch}->read('postfix/etc/master.cf'),
		    $row->{keeps_there}, 'the other milter stays')
		    if $row->{keeps_there};
	};
}
done_testing;
