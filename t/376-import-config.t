#!/usr/bin/perl
#
# import --config: main.cf and master.cf as postconf reads them, every table by
# its role, and what is not of equal force named.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX ();
use Test::More;
use Tlspolicy::Scratch;

my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
plan skip_all => "$tlspolicy is not built" unless -x $tlspolicy;
my $scratch = Tlspolicy::Scratch->new;
my $n = 0;

# Rules without their BY, in one line.
sub import_dir {
	my ($main, %files) = @_;
	my $dir = $scratch->path('c' . ++$n);

	mkdir $dir;
	$scratch->write("c$n/$_", $files{$_}) for keys %files;
	$scratch->write("c$n/main.cf", $main);
	my $r = Tlspolicy::Scratch::run($tlspolicy, 'import', '--config',
	    $dir, 'postfix');
	$r->{dir} = $dir;
	$r->{rules} = join ' ; ', map { s/\+?\+BY:.*//r =~ s/\t/ /r }
	    split /\n/, $r->{out};
	return $r;
}

sub gives {
	my ($name, $status, $rules, $said, $main, %files) = @_;
	my $r = import_dir($main, %files);

	is($r->{status}, $status, "$name: exit $status") or diag $r->{err};
	is($r->{rules}, $rules, "$name: rules");
	like($r->{err}, $said, "$name: said") if defined $said;
	return $r;
}

my $demand = 'reject_plaintext_session';
my $sender = "smtpd_sender_restrictions = check_sender_access inline:{a.example=$demand}\n";
gives('inline', 0, 'TLS_From:a.example TEMP+ENCR:1', undef, $sender);
gives('code', 0, 'TLS_From:a.example PERM+ENCR:1', undef,
    "${sender}plaintext_reject_code = 550\n");
gives('braces', 0, 'TLS_From:a.example TEMP+ENCR:1 ; TLS_From:b.example WARN+ENCR:1',
    undef, "smtpd_sender_restrictions = check_sender_access inline:{ { a.example = $demand },\n" .
    "   # a comment\n\n  { b.example = warn_if_reject, $demand } }\n");
my $lines = gives('lines', 65,
    'TLS_From:a.example TEMP+ENCR:1 ; Try_TLS:c.example NO ; Try_TLS:.c.example OK', undef,
    "x = 1\nsmtpd_sender_restrictions =\n  reject_unlisted_sender,\n" .
    "  check_sender_access inline:{ { a.example = $demand },\n" .
    "    { b.example = reject_nothing_known, $demand } }\n" .
    "smtp_tls_policy_maps = inline:{ { c.example = none },\n  { d.example = strange } }\n");
is(join(' ', map { /main\.cf:(\d+)/ } split /\n/, $lines->{err}),
    '2 6 2 2 6 6 6',
    'each entry of a table in main.cf by the line that its parameter begins on');
gives('the last one', 0, 'TLS_To:a.example TEMP+ENCR:1', undef,
    "smtpd_recipient_restrictions = reject\nx = a\nsmtpd_recipient_restrictions =\n" .
    "  check_recipient_access inline:{\$x.example=$demand}\n");
gives('names', 0, 'TLS_Clt:b.example TEMP+ENCR:1', undef,
    "y=b\nset=1\nsmtpd_client_restrictions = \${set?{check_client_access}:{no}}\n" .
    " \${none:inline:{\$(y).example=$demand}}\n");
gives('a comparison', 65, '', qr/main\.cf: a \$\{\.\.\.\} in it is more than/,
    "smtpd_client_restrictions = \${{\$x} == {y} ? {reject} : {permit}}\n");
gives('classes', 0, 'Profile:one TEMP+ENCR:1 ; TLS_From:a.example AS:one ; TLS_From:b.example WARN+ENCR:1 ; ' .
    'TLS_From:sub.a.example ENCR:0', undef,
    "smtpd_restriction_classes = one, two\none = two\ntwo = $demand\n" .
    "three = $demand\nsmtpd_sender_restrictions = check_sender_access texthash:\$config_directory/t\n",
    t => "a.example one\nb.example warn_if_reject $demand\nsub.a.example permit\n");
# A demand on all that comes before an exception holds for it, too.
gives('a demand, then an exception', 65, 'TLS_Clt: TEMP+ENCR:1 ; TLS_Clt:b.example TEMP+ENCR:1',
    qr{/t:1: a\.example: as a rule this exception would free},
    "smtpd_client_restrictions = $demand, check_client_access texthash:\$config_directory/t\n",
    t => "a.example OK\nb.example $demand\n");
# Keys that Postfix never looks for: as rules they would let somebody pass.
for my $row (['Clt', 'texthash', '10.0.0.0/8', 'cidr: tables only'],
    (map { ['Clt', 'texthash', $_, 'never looks for that spelling'] }
    '2001:0db8::1', '2001:db8:0:0:0:0:0:1', 'IPv6:2001:db8::1', '::ffff:192.0.2.1',
    '2001:db8:0', '2001:0:0:1', '2001:0db8'),
    (map { ['Clt', 'cidr', $_, 'skips such a line of a cidr: table'] } '192.0.2', '10', '2001:db8'),
    ['Clt', 'texthash', '[192.0.2.1]', 'without brackets'],
    (map { ['Clt', 'regexp', $_, 'no plain name'] } '/^192\.0\.2$/', '/(^|\.)2\.1$/', '/\.1$/'),
    ['From', 'regexp', '/bank\.example$/', 'no plain name'], # tlspolicy-migration(7)
    (map { [$_, 'texthash', 'a.example.', 'a dot at its end'] } qw(Clt From To)),
    ['From', 'texthash', 'u+*@a.example', 'the star for itself']) {
	my ($tag, $type, $key, $why) = @$row;
	my $list = { Clt => 'client', From => 'sender', To => 'recipient' }->{$tag};
	gives("$type $key of TLS_$tag", 65, "TLS_$tag: TEMP+ENCR:1", qr{/t:1: .*\Q$why\E},
	    "smtpd_${list}_restrictions = check_${list}_access $type:\$config_directory/t, $demand\n",
	    t => "$key OK\n");
}
gives("next hop $_", 65, '', qr/would count without the dot at its end/,
    "smtp_tls_security_level = encrypt\nsmtp_tls_policy_maps = inline:{ {$_ = may} }\n")
    for 'a.example.', '[a.example.]';
gives('such keys spare nobody', 0, 'TLS_From:a.example ENCR:0+WHEN:192.0.2.1 ; ' .
    'TLS_From:a.example TEMP+ENCR:1', undef, "smtpd_sender_restrictions = check_sender_access inline:{ " .
    "{a.example = check_client_access texthash:\$config_directory/t, $demand} }\n",
    t => "192.0.2.1 OK\n2001:0db8::1 OK\n[192.0.2.2] OK\nb.example. OK\n");
gives('keys as Postfix looks for them', 0, 'TLS_Clt:2001:DB8::1 ENCR:0 ; TLS_Clt:2001:db8 ENCR:0 ; ' .
    'TLS_Clt:2001:db8:0:1 ENCR:0 ; ' .
    'TLS_Clt:192.0.2 ENCR:0 ; TLS_Clt:192.0.2.1 ENCR:0 ; TLS_Clt: TEMP+ENCR:1', undef,
    "smtpd_client_restrictions = check_client_access texthash:\$config_directory/t, $demand\n",
    t => "2001:DB8::1 OK\n2001:db8 OK\n2001:db8:0:1 OK\n192.0.2 OK\n192.0.2.1 OK\n");
# Only blanks part an action from its text; what is no action defers all mail.
gives("actions: $_", 65, 'TLS_From:z.example ENCR:0 ; TLS_From: TEMP+ENCR:1', qr{/t:1: "\w+" is no restriction},
    "smtpd_sender_restrictions = check_sender_access texthash:\$config_directory/t, $demand\n",
    t => "a.example $_\nz.example OK\n") for 'OK, x', "DUNNO,$demand", '250 fine', 'HOLD,';
gives('actions with texts', 0, 'TLS_From:a.example ENCR:0 ; TLS_From:b.example ENCR:0 ; ' .
    'TLS_From:d.example TEMP+ENCR:1 ; TLS_From: TEMP+ENCR:1', undef,
    "smtpd_sender_restrictions = check_sender_access texthash:\$config_directory/t, $demand\n",
    t => "a.example OK fine\nb.example 1234567\nc.example 450 no\nd.example DUNNO not seen\n");
# A class is a profile of its name where it stands alone; else what it asks for.
gives('classes as profiles', 0, 'Profile:tls TEMP+ENCR:1 ; TLS_From:a.example AS:tls ; ' .
    'TLS_From:b.example AS:tls ; Profile:see WARN+ENCR:1 ; TLS_From:c.example AS:see ; ' .
    'TLS_From:d.example TEMP+ENCR:1 ; TLS_From:e.example TEMP+ENCR:1 ; ' .
    'TLS_From:f.example TEMP+ENCR:1', undef,
    "smtpd_restriction_classes = tls, see, my.class, SEE\ntls = $demand\n" .
    "see = warn_if_reject $demand\nmy.class = $demand\nSEE = $demand\n" .
    "smtpd_sender_restrictions = check_sender_access texthash:\$config_directory/t\n",
    t => "a.example tls\nb.example tls\nc.example see\nd.example my.class\n" .
    "e.example SEE\nf.example tls, reject_unknown_client_hostname\n");
gives('of two tags, one profile', 0, 'Profile:tls TEMP+ENCR:1 ; TLS_Clt:192.0.2.1 AS:tls ; ' .
    'TLS_From:a.example AS:tls', undef,
    "smtpd_restriction_classes = tls\ntls = $demand\n" .
    "smtpd_client_restrictions = check_client_access inline:{192.0.2.1=tls}\n" .
    "smtpd_sender_restrictions = check_sender_access inline:{a.example=tls}\n");
gives('no profile of patterns', 0, 'TLS_Clt:192.0.2.0/24 TEMP+ENCR:1', undef,
    "smtpd_restriction_classes = tls\ntls = $demand\n" .
    "smtpd_client_restrictions = check_client_access cidr:\$config_directory/n\n",
    n => "192.0.2.0/24 tls\n192.0.2.7 tls\n");
gives('what is below a domain of a class', 0, 'Profile:tls TEMP+ENCR:1 ; ' .
    'TLS_From:a.example AS:tls ; TLS_From:.a.example ENCR:0', undef,
    "parent_domain_matches_subdomains =\nsmtpd_restriction_classes = tls\ntls = $demand\n" .
    "smtpd_sender_restrictions = check_sender_access inline:{a.example=tls}\n");
gives('below a domain of a class, another', 0, 'Profile:tls TEMP+ENCR:1 ; ' .
    'TLS_From:.a.example AS:tls ; TLS_From:b.a.example ENCR:0 ; TLS_From:.b.a.example AS:tls', undef,
    "parent_domain_matches_subdomains =\nsmtpd_restriction_classes = tls\ntls = $demand\n" .
    "smtpd_sender_restrictions = check_sender_access texthash:\$config_directory/t\n",
    t => ".a.example tls\nb.a.example OK\n");
# A table of clients behind a sender binds it to them.
gives('bound to clients', 0, 'TLS_From:a.example PERM+ENCR:0+CLIENT:192.0.2++CLIENT:b.example++CLIENT:.b.example',
    undef, "smtpd_sender_restrictions = check_sender_access inline:{ {a.example = " .
    "check_client_access inline:{ {192.0.2 = OK}, {b.example = OK}, {.c.example = OK} }, reject} }\n");
gives('bound, names as they stand', 0, 'TLS_To:u@a.example PERM+ENCR:0+CLIENT:b.example++CLIENT:.c.example',
    undef, "recipient_delimiter = +\nparent_domain_matches_subdomains =\n" .
    "smtpd_recipient_restrictions = check_recipient_access inline:{ {u\@a.example = " .
    "check_client_access inline:{ {b.example = OK}, {.c.example = OK} } reject} }\n");
gives('classes that bind', 0, 'Profile:bank PERM+ENCR:0+CLIENT:192.0.2.0/24++CLIENT:2001:db8::/32 ; ' .
    'TLS_From:a.example AS:bank ; TLS_From:b.example AS:bank ; TLS_From:sub.b.example ENCR:0', undef,
    "smtpd_restriction_classes = bank, hosts\nbank = hosts, reject\n" .
    "hosts = check_client_access cidr:\$config_directory/nets\n" .
    "smtpd_sender_restrictions = check_sender_access texthash:\$config_directory/t\n",
    nets => "192.0.2.0/24 OK\n2001:db8::/32 OK\n", t => "a.example bank\nb.example bank\nsub.b.example DUNNO\n");
gives('bound and in clear', 0, 'TLS_From:a.example PERM+ENCR:1+CLIENT:192.0.2.1', undef,
    "plaintext_reject_code = 550\nsmtpd_sender_restrictions = check_sender_access inline:{ {a.example = " .
    "$demand, check_client_access inline:{192.0.2.1=OK}, reject} }\n");
gives('bound and in clear, for now', 65, 'TLS_From:a.example PERM+ENCR:1+CLIENT:192.0.2.1',
    qr/refused for good, too/, "smtpd_sender_restrictions = check_sender_access inline:{ {a.example = " .
    "$demand, check_client_access inline:{192.0.2.1=OK}, reject} }\n");
gives('bound, only a warning', 0, 'TLS_From:a.example WARN+ENCR:0+CLIENT:192.0.2.1', undef,
    "smtpd_sender_restrictions = warn_if_reject check_sender_access inline:{ {a.example = " .
    "check_client_access inline:{192.0.2.1=OK}, reject} }\n");
# Whom a list lets pass before it asks for TLS is an exception from that rule.
gives('whom a table spares', 0, 'TLS_From:a.example ENCR:0+WHEN:192.0.2.1++WHEN:b.example++WHEN:.b.example ; ' .
    'TLS_From:a.example TEMP+ENCR:1', undef, "smtpd_sender_restrictions = check_sender_access inline:{ {a.example = " .
    "check_client_access inline:{ {192.0.2.1=OK}, {b.example=OK} }, $demand} }\n");
gives('whom two tables spare', 0, 'TLS_From:a.example ENCR:0+WHEN:192.0.2.1++WHEN:192.0.2.2 ; ' .
    'TLS_From:a.example TEMP+ENCR:1', undef, "smtpd_sender_restrictions = check_client_access inline:{192.0.2.1=OK}\n" .
    " check_sender_access inline:{ {a.example = check_client_access inline:{ {192.0.2.1=OK}, " .
    "{192.0.2.2=OK} }, $demand} }\n");
gives('mynetworks in a class', 0, 'Profile:tls TEMP+ENCR:1 ; TLS_To:a.example ENCR:0+WHEN:10.0.0.0/8 ; ' .
    'TLS_To:a.example AS:tls', undef, "mynetworks = 10.0.0.0/8\nsmtpd_restriction_classes = tls\n" .
    "tls = permit_mynetworks, $demand\n" .
    "smtpd_recipient_restrictions = check_recipient_access inline:{a.example=tls}\n");
gives('whom nothing spares in time', 0, 'TLS_From:a.example WARN+ENCR:1', undef,
    "mynetworks = 10.0.0.0/8\nsmtpd_sender_restrictions = check_sender_access inline:{ {a.example = " .
    "warn_if_reject $demand, permit_mynetworks} }\n");
gives('everybody but a network', 0, 'TLS_Clt: ENCR:0+WHEN:10.0.0.0/8++WHEN:2001:db8::/32 ; TLS_Clt: TEMP+ENCR:1',
    undef, "mynetworks = 127.0.0.1, 10.0.0.0/8 [2001:db8::]/32\n" .
    "smtpd_client_restrictions = permit_mynetworks, $demand\n");
gives('below what a table spares', 0, 'TLS_From:.a.example ENCR:0+WHEN:192.0.2.1 ; TLS_From:.a.example TEMP+ENCR:1 ; ' .
    'TLS_From:b.a.example ENCR:0 ; TLS_From:.b.a.example ENCR:0+WHEN:192.0.2.1 ; TLS_From:.b.a.example TEMP+ENCR:1',
    undef, "parent_domain_matches_subdomains =\n" .
    "smtpd_sender_restrictions = check_client_access inline:{192.0.2.1=OK},\n" .
    "  check_sender_access inline:{.a.example=$demand, b.a.example=OK}\n");
gives("who cannot be named: $_->[0]", 65, 'TLS_From:a.example TEMP+ENCR:1', qr/Postfix spares $_->[1]/,
    "mynetworks = $_->[2]\nsmtpd_sender_restrictions = check_sender_access inline:{ {a.example = " .
    "$_->[3], $demand} }\n") for
    ['DUNNO', 'whom a table in', '', 'check_client_access inline:{ {192.0.2.1 = DUNNO}, {192.0.2 = OK} }'],
    ['without a name', 'whom a table in', '', 'check_client_access inline:{unknown=OK}'],
    ['a sender', 'whom a table in', '', 'check_sender_access inline:{b@a.example=OK}'],
    ['too many', 'whom a table in', '', 'check_client_access inline:{ ' .
    join(', ', map { "{192.0.2.$_ = OK}" } 1 .. 24) . ' }'],
    ['a login', 'authenticated', '', 'permit_sasl_authenticated'],
    ['no networks', 'mynetworks', '', 'permit_mynetworks'],
    ['not these', 'mynetworks', '!10.1.0.0/16 10.0.0.0/8', 'permit_mynetworks'],
    ['a file', 'mynetworks', '/etc/networks', 'permit_mynetworks'],
    ['host bits', 'mynetworks', '10.0.0.1/8', 'permit_mynetworks'],
    ['octets', 'mynetworks', '10', 'permit_mynetworks'];
# A key that Postfix never looks for in a table of that type.
gives('networks of a hash', 65, 'TLS_Clt:192.0.3 TEMP+ENCR:1 ; ' .
    'TLS_From:a.example ENCR:0+WHEN:192.0.3 ; TLS_From:a.example TEMP+ENCR:1',
    qr/192\.0\.2\.0\/24: a network is looked for in cidr: tables only/,
    "smtpd_client_restrictions = check_client_access inline:{192.0.2.0/24=$demand, 192.0.3=$demand}\n" .
    "smtpd_sender_restrictions = check_sender_access inline:{ {a.example = check_client_access " .
    "inline:{192.0.2.0/24=OK, 192.0.3=OK}, $demand} }\n");
gives('octets of a cidr', 65, 'TLS_Clt:192.0.2.0/24 TEMP+ENCR:1 ; ' .
    'TLS_From:a.example ENCR:0+WHEN:192.0.2.0/24 ; TLS_From:a.example TEMP+ENCR:1',
    qr/t:2: 192\.0\.3: Postfix skips such a line of a cidr: table/,
    "smtpd_client_restrictions = check_client_access cidr:\$config_directory/t\n" .
    "smtpd_sender_restrictions = check_sender_access inline:{ {a.example = check_client_access " .
    "cidr:\$config_directory/ok, $demand} }\n",
    t => "192.0.2.0/24 $demand\n192.0.3 $demand\n", ok => "192.0.2.0/24 OK\n192.0.3 OK\n");
gives('spared, and another table asks for TLS', 65, 'TLS_From:a.example TEMP+ENCR:1 ; TLS_From:example TEMP+ENCR:1',
    qr/Postfix spares whom a table in the list lets pass/,
    "smtpd_sender_restrictions = check_sender_access inline:{ {a.example = " .
    "check_client_access inline:{192.0.2.1=OK}, $demand} }\n" .
    "smtpd_recipient_restrictions = check_sender_access inline:{example=$demand}\n");
gives('OK frees from what is behind', 65, 'TLS_From:a.example ENCR:0+WHEN:192.0.2.1 ; TLS_From:a.example TEMP+ENCR:1 ; ' .
    'TLS_To:x.example TEMP+ENCR:1', qr/spares whom a table in the list lets pass what asks for TLS behind it, too/,
    "smtpd_recipient_restrictions = check_sender_access inline:{ {a.example = " .
    "check_client_access inline:{192.0.2.1=OK}, $demand} },\n check_recipient_access inline:{x.example=$demand}\n");
gives("no list of clients: $_->[0]", 65, '', qr/a\.example: a table within a list of actions/,
    "smtpd_sender_restrictions = check_sender_access inline:{ {a.example = " .
    "$_->[1], reject} }\n") for
    ['DUNNO', 'check_client_access inline:{ {192.0.2.1 = DUNNO}, {192.0.2 = OK} }'],
    ['REJECT', 'check_client_access inline:{ {192.0.2.1 = REJECT}, {192.0.2 = OK} }'],
    ['without a name', 'check_client_access inline:{unknown=OK}'],
    ['nobody', 'check_client_access inline:{ }'],
    ['another', 'check_client_access inline:{192.0.2.1=OK}, check_helo_access inline:{x=OK}'],
    ['too many', 'check_client_access inline:{ ' . join(', ', map { "{192.0.2.$_ = OK}" } 1 .. 24) . ' }'];
gives('bound, and another table asks for TLS', 65, 'TLS_From:a.example TEMP+ENCR:1',
    qr/would be free from what another table demands/,
    "smtpd_sender_restrictions = check_sender_access inline:{ {a.example = " .
    "check_client_access inline:{192.0.2.1=OK}, reject} }\n" .
    "smtpd_recipient_restrictions = check_sender_access inline:{a.example=$demand}\n");
gives('not a class', 65, 'TLS_From:b.example TEMP+ENCR:1', qr/t:1: "three" is no restriction/,
    "smtpd_restriction_classes = one\nthree = $demand\nsmtpd_sender_restrictions = " .
    "check_sender_access texthash:\$config_directory/t\n", t => "a.example three\nb.example $demand\n");
gives('a warning for a class', 0, 'TLS_From:a.example WARN+ENCR:1', undef,
    "smtpd_restriction_classes = one, two\none = two\ntwo = $demand\nsmtpd_sender_restrictions = " .
    "check_sender_access inline:{ { a.example = warn_if_reject one } }\n");
gives('a warning for a class in a list', 0, 'TLS_Clt: WARN+ENCR:1', undef,
    "smtpd_restriction_classes = one\none = $demand\nsmtpd_client_restrictions = warn_if_reject one\n");
gives('a warning for a table', 0, 'TLS_From:a.example WARN+ENCR:1 ; TLS_From:b.a.example ENCR:0 ; ' .
    'TLS_From:c.a.example ENCR:0', undef, "smtpd_sender_restrictions = warn_if_reject check_sender_access " .
    "inline:{a.example=$demand, b.a.example=OK, c.a.example=REJECT}\n");
gives('a class that ends the list', 0, '', undef, "smtpd_restriction_classes = one\none = permit\n" .
    "smtpd_client_restrictions = one, $demand\n");
gives('everybody', 0, 'TLS_Clt: TEMP+ENCR:1', undef, "smtpd_client_restrictions = $demand\n");
gives('everybody but', 0, 'TLS_From:a.example ENCR:0 ; TLS_From:b.example TEMP+ENCR:1 ; TLS_From: TEMP+ENCR:1', undef,
    "smtpd_sender_restrictions = check_sender_access inline:{a.example=OK, b.example=DUNNO}, $demand\n");
# DUNNO ends the search of its table: what is behind it asks.
gives('DUNNO within an OK', 0, 'TLS_From:example ENCR:0 ; TLS_From:b.example TEMP+ENCR:1 ; TLS_From: TEMP+ENCR:1', undef,
    "smtpd_sender_restrictions = check_sender_access inline:{example=OK, b.example=DUNNO}, $demand\n");
gives('a name with DUNNO, its address with OK', 0, 'TLS_Clt:192.0.2 ENCR:0 ; TLS_Clt:a.example TEMP+ENCR:1 ; ' .
    'TLS_Clt: TEMP+ENCR:1', undef,
    "smtpd_client_restrictions = check_client_access inline:{192.0.2=OK, a.example=PREPEND X: y}, $demand\n");
gives('DUNNO before a wider OK', 65, 'TLS_Clt:192.0.2.0/24 TEMP+ENCR:1 ; TLS_Clt:192.0.0.0/16 ENCR:0 ; ' .
    'TLS_Clt: TEMP+ENCR:1', qr{/t:2: never reached: line 1 comes before it},
    "smtpd_client_restrictions = check_client_access cidr:\$config_directory/t, $demand\n",
    t => "192.0.2.0/24 DUNNO\n192.0.2.1 OK\n192.0.0.0/16 OK\n");
gives('DUNNO, and who does not get to what is behind', 0, 'TLS_Clt:example ENCR:0 ; ' .
    'TLS_Clt:b.example ENCR:0+WHEN:10.0.0.0/8 ; TLS_Clt:b.example TEMP+ENCR:1 ; ' .
    'TLS_Clt: ENCR:0+WHEN:10.0.0.0/8 ; TLS_Clt: TEMP+ENCR:1', undef, "mynetworks = 10.0.0.0/8\n" .
    "smtpd_client_restrictions = check_client_access inline:{example=OK, b.example=DUNNO},\n" .
    " permit_mynetworks, $demand\n");
gives('DUNNO before a warning', 0, 'TLS_Clt:example ENCR:0 ; TLS_Clt:b.example WARN+ENCR:1 ; ' .
    'TLS_Clt: WARN+ENCR:1', undef, "smtpd_client_restrictions = check_client_access " .
    "inline:{example=OK, b.example=DUNNO}, warn_if_reject $demand\n");
gives('a line that lets some pass', 0, 'TLS_Clt:example ENCR:0+WHEN:10.0.0.0/8 ; TLS_Clt:example TEMP+ENCR:1 ; ' .
    'TLS_Clt:b.example TEMP+ENCR:1 ; TLS_Clt: TEMP+ENCR:1', undef, "mynetworks = 10.0.0.0/8\n" .
    "smtpd_client_restrictions = check_client_access inline:{example=permit_mynetworks, b.example=DUNNO}, $demand\n");
gives('a line that asks all but some', 0, 'TLS_Clt:example ENCR:0+WHEN:10.0.0.0/8 ; TLS_Clt:example TEMP+ENCR:1 ; ' .
    'TLS_Clt:b.example TEMP+ENCR:1 ; TLS_Clt: TEMP+ENCR:1', undef, "mynetworks = 10.0.0.0/8\n" .
    "smtpd_client_restrictions = check_client_access inline:{ {example = permit_mynetworks, $demand}, " .
    "{b.example = DUNNO} }, $demand\n");
gives('a warning for all, then a demand on all', 0, 'TLS_Clt: TEMP+ENCR:1', undef,
    "smtpd_client_restrictions = warn_if_reject $demand\nsmtpd_recipient_restrictions = $demand\n");
# Names below a name that counts alone are looked up by their address.
my $exact = "parent_domain_matches_subdomains =\n";
gives('a name alone, and addresses', 0, 'TLS_Clt:a.example ENCR:0+WHEN:a.example ; TLS_Clt:192.0.2 TEMP+ENCR:1',
    undef, "${exact}smtpd_client_restrictions = check_client_access inline:{a.example=OK, 192.0.2=$demand}\n");
gives('a name alone, all below it, and addresses', 0, 'TLS_Clt:a.example ENCR:0 ; TLS_Clt:.a.example TEMP+ENCR:1 ; ' .
    'TLS_Clt:192.0.2 TEMP+ENCR:1', undef, "${exact}smtpd_client_restrictions = check_client_access " .
    "inline:{a.example=OK, .a.example=$demand, 192.0.2=$demand}\n");
gives('a class for a name alone, and addresses', 0, 'Profile:tls TEMP+ENCR:1 ; ' .
    'TLS_Clt:a.example AS:tls++WHEN:a.example ; TLS_Clt:192.0.2 AS:tls', undef,
    "${exact}smtpd_restriction_classes = tls\ntls = $demand\n" .
    "smtpd_client_restrictions = check_client_access inline:{a.example=tls, 192.0.2=tls}\n");
gives('spared, a name alone, and addresses', 65, 'TLS_Clt:a.example TEMP+ENCR:1+WHEN:a.example ; ' .
    'TLS_Clt:192.0.2 TEMP+ENCR:1', qr{/t:1: clients that Postfix spares are not, for below this},
    "${exact}mynetworks = 10.0.0.0/8\nsmtpd_client_restrictions = check_client_access texthash:\$config_directory/t\n",
    t => "a.example permit_mynetworks, $demand\n192.0.2 $demand\n");
gives('everybody but, by another tag', 65, 'TLS_Clt:a.example ENCR:0 ; TLS_Clt:b.example TEMP+ENCR:1 ; ' .
    'TLS_From:c.example TEMP+ENCR:1', qr/OK frees from what asks for TLS behind it/,
    "smtpd_sender_restrictions = check_client_access inline:{a.example=OK, b.example=$demand},\n" .
    " check_sender_access inline:{c.example=$demand}\n");
gives('a whitelist in front', 0, 'TLS_From:c.example ENCR:0+WHEN:a.example++WHEN:.a.example ; ' .
    'TLS_From:c.example TEMP+ENCR:1', undef, "smtpd_sender_restrictions = check_client_access inline:{a.example=OK},\n" .
    " check_sender_access inline:{c.example=$demand}\n");
gives('a whitelist of senders in front', 65, 'TLS_Clt:c.example TEMP+ENCR:1',
    qr/Postfix spares whom OK in a table before it/,
    "smtpd_sender_restrictions = check_sender_access inline:{a.example=OK},\n" .
    " check_client_access inline:{c.example=$demand}\n");
gives('a whitelist in front of both', 0, 'TLS_Clt:a.example ENCR:0 ; ' .
    'TLS_From:c.example ENCR:0+WHEN:a.example++WHEN:.a.example ; TLS_From:c.example TEMP+ENCR:1 ; ' .
    'TLS_Clt: TEMP+ENCR:1', undef, "smtpd_sender_restrictions = check_client_access inline:{a.example=OK},\n" .
    " check_sender_access inline:{c.example=$demand}, check_client_access inline:{b.example=REJECT}, $demand\n");
gives('mynetworks', 65, 'TLS_From:a.example TEMP+ENCR:1', qr/Postfix spares mynetworks/,
    $sender =~ s/= check/= permit_mynetworks, check/r);
gives('mynetworks that are told', 0, 'TLS_From:a.example ENCR:0+WHEN:10.0.0.0/8++WHEN:2001:db8::1 ; ' .
    'TLS_From:a.example TEMP+ENCR:1', undef, "mynetworks = 127.0.0.0/8 10.0.0.0/8 [2001:db8::1]\n" . $sender =~ s/= check/= permit_mynetworks, check/r);
gives('mynetworks of ours', 0, 'TLS_From:a.example TEMP+ENCR:1', undef,
    "mynetworks = 127.0.0.0/8 [::1]/128\n" . $sender =~ s/= check/= permit_mynetworks, check/r);
gives('authenticated', 65, 'TLS_From:a.example TEMP+ENCR:1', qr/spares authenticated clients/,
    "smtpd_sasl_auth_enable = yes\n" . $sender =~ s/= check/= permit_sasl_authenticated, check/r);
gives('authenticated by TLS', 0, 'TLS_From:a.example TEMP+ENCR:1', undef,
    "smtpd_sasl_auth_enable = yes\nsmtpd_tls_auth_only = yes\n" .
    $sender =~ s/= check/= permit_sasl_authenticated, check/r);
gives('permit ends it', 0, '', undef, $sender =~ s/= check/= permit, check/r);
gives('two tables of one tag', 65, 'TLS_From:example TEMP+ENCR:1 ; TLS_From:b.example TEMP+ENCR:1',
    qr/as a rule this exception would free from what another table demands/,
    "smtpd_sender_restrictions = check_sender_access inline:{example=$demand},\n" .
    "  check_sender_access inline:{a.example=DUNNO,b.example=$demand}\n");
gives('HELO', 65, '', qr/asks for TLS by what no tag looks at/,
    "smtpd_helo_restrictions = check_helo_access inline:{a.example=$demand}\n");
gives('a table in a device', 65, '', qr{cannot read /dev/zero: not a regular file},
    "smtpd_sender_restrictions = check_sender_access texthash:/dev/zero\n");
{
	my $pipe = $scratch->path('pipe');
	POSIX::mkfifo($pipe, 0600) or die "mkfifo: $!\n";
	gives('a table in a FIFO', 65, '', qr/cannot read \Q$pipe\E: not a regular file/,
	    "smtpd_sender_restrictions = check_sender_access texthash:$pipe\n");
}
gives('no table', 65, '', qr/check_sender_access without a table: Postfix defers/,
    "smtpd_sender_restrictions = check_sender_access\n");
gives('a policy service', 0, 'TLS_From:a.example TEMP+ENCR:1', undef,
    $sender =~ s/= check/= check_policy_service { unix:p, timeout=1 } check/r);
gives('a policy service that is none', 0, '', undef,
    "smtpd_sender_restrictions = check_policy_service\n");
gives("defer ends it, $_", 0, '', undef,
    "smtpd_sender_restrictions = $_, $demand\n") for qw(defer reject PERMIT);
gives('a warning does not', 0, 'TLS_Clt: TEMP+ENCR:1', undef,
    "smtpd_sender_restrictions = warn_if_reject reject, warn_if_reject defer, $demand\n");
gives('warned twice', 0, 'TLS_Clt: WARN+ENCR:1', undef,
    "smtpd_sender_restrictions = warn_if_reject, warn_if_reject\n $demand\n");
gives('patterns before everybody', 65, 'TLS_From:a.example TEMP+ENCR:1 ; TLS_From: TEMP+ENCR:1',
    qr{re:2: /\^b/: no plain name}, "smtpd_sender_restrictions = check_sender_access regexp:\$config_directory/re, $demand\n",
    re => "a.example $demand\n/^b/ OK\n");
gives('everybody behind what cannot be read', 65, 'TLS_Clt: TEMP+ENCR:1',
    qr/Postfix spares whom a table before it lets pass that cannot be read/,
    "smtpd_sender_restrictions = check_sender_access mysql:x, $demand\n");
gives('everybody behind tables of two tags', 65, 'TLS_Clt:a.example ENCR:0 ; TLS_Clt: TEMP+ENCR:1',
    qr/Postfix spares whom OK in a table before it lets pass/,
    "smtpd_sender_restrictions = check_client_access inline:{a.example=OK}\n" .
    " check_sender_access inline:{b.example=OK}, $demand\n");
gives('everybody but by HELO', 65, 'TLS_Clt: TEMP+ENCR:1', qr/Postfix spares whom OK/,
    "smtpd_sender_restrictions = check_helo_access inline:{a.example=OK}, $demand\n");
gives('words that look like checks', 65, '',
    qr/"check_" in smtpd_sender_restrictions is no restriction.*"check_x_access" in/s,
    "smtpd_sender_restrictions = check_ inline:{a.example=$demand}, check_x_access inline:{c.example=$demand}\n");
gives('a class in itself', 65, '', qr/a: classes within classes, more than 8 deep/,
    "smtpd_restriction_classes = a\na = a\nsmtpd_sender_restrictions = a\n");
gives('a class within its table', 0, 'Profile:a TEMP+ENCR:1 ; TLS_From:a.example AS:a ; TLS_From: TEMP+ENCR:1', undef,
    "smtpd_restriction_classes = a\na = check_sender_access inline:{a.example=a}, $demand\n" .
    "smtpd_sender_restrictions = a\n");
gives('a class of nothing', 65, 'TLS_Clt: TEMP+ENCR:1', qr/"a" in smtpd_sender_restrictions is no restriction/,
    "smtpd_restriction_classes = a\na =\nsmtpd_sender_restrictions = a $demand\n");
my $long = 'a' x 300;
gives('a class with a long name', 0, 'TLS_Clt: TEMP+ENCR:1', undef,
    "smtpd_restriction_classes = $long\n$long = $demand\nsmtpd_sender_restrictions = $long\n");
my $many = import_dir(join '', map { "smtpd_${_}_restrictions = " .
    "check_sender_access inline:{a.example=$demand} " x 60 . "\n" }
    qw(client sender relay recipient data));
is($many->{status}, 65, 'more tables than there is room for: exit 65');
like($many->{err}, qr/more than 256 tables/, '... said');
is(scalar(() = $many->{out} =~ /^TLS_From:a\.example/mg), 1, '... the others are taken');
gives('SQL', 65, '', qr/main\.cf:2: mysql:.* cannot be read here/,
    "# SQL\nsmtpd_sender_restrictions = check_sender_access mysql:/etc/x.cf\n");
gives('no file', 65, '', qr/main\.cf:1: hash:.*: cannot open/,
    "smtpd_sender_restrictions = check_sender_access hash:\$config_directory/none\n");
gives('a service of its own', 65, 'TLS_From:a.example TEMP+ENCR:1',
    qr/master\.cf:2: service submission has its own smtpd_sender_restrictions: the rules/,
    $sender, 'master.cf' => "smtp inet n - n - - smtpd\nsubmission inet n - n - - smtpd\n" .
    "  -o syslog_name=x -o smtpd_sender_restrictions=permit\n");
gives('a service that asks', 65, '', qr/has its own smtpd_client_restrictions, which asks for TLS/,
    "x = $demand\n", 'master.cf' => "26 inet n - n - - smtpd\n  -o { smtpd_client_restrictions = \$x }\n");
gives('a service that does not matter', 0, 'TLS_From:a.example TEMP+ENCR:1', undef,
    $sender, 'master.cf' => "26 inet n - n - - smtpd\n -o smtpd_client_restrictions=permit\n");
gives('exact domains', 0, 'TLS_From:a.example TEMP+ENCR:1 ; TLS_From:.b.example TEMP+ENCR:1 ; ' .
    'TLS_From:.a.example ENCR:0', undef, "parent_domain_matches_subdomains = debug_peer_list\n" .
    "smtpd_sender_restrictions = check_sender_access inline:{a.example=$demand,.b.example=$demand}\n");
gives('a dot that is never asked for', 65, 'TLS_From:b.example TEMP+ENCR:1',
    qr/Postfix never looks for it/, "smtpd_sender_restrictions = " .
    "check_sender_access inline:{.a.example=$demand,b.example=$demand}\n");
gives('cidr', 65, 'TLS_Clt:192.0.2.64/26 ENCR:0 ; TLS_Clt:192.0.2.0/24 TEMP+ENCR:1',
    qr/t:3: never reached: line 2 comes before it/,
    "smtpd_client_restrictions = check_client_access cidr:\$config_directory/t\n",
    t => "192.0.2.64/26 OK\n192.0.2.0/24 $demand\n192.0.2.1 DUNNO\n192.0.2.2 $demand\n");
gives('levels', 0, 'TLS_Rcpt:a.example VERIFY+CN:nexthop.example ; TLS_Rcpt:b.example ENCR:1+FP:' .
    'AA' x 32 . ' ; TLS_Rcpt:.a.example DANE:may ; TLS_Rcpt:.b.example DANE:may', undef,
    "smtp_tls_security_level = dane\nsmtp_tls_secure_cert_match = nexthop.example\n" .
    "smtp_tls_fingerprint_cert_match = " . 'AA' x 32 . "\n" .
    "smtp_tls_policy_maps = inline:{ {a.example = secure}, {b.example = fingerprint} }\n");
gives('the first map counts', 0, 'TLS_Rcpt:a.example ENCR:1 ; TLS_Rcpt:.a.example ENCR:0', undef,
    "smtp_tls_policy_maps = inline:{a.example=encrypt}, inline:{a.example=may}\n");
gives('per site', 65, 'TLS_Rcpt:a.example VERIFY+CN ; TLS_Rcpt:.a.example ENCR:0', qr/MX host/,
    "smtp_tls_per_site = inline:{a.example=MUST}\n");
# Postfix does not look at it any more.
gives('per site beside the newer one', 0, 'TLS_Rcpt:a.example ENCR:1 ; TLS_Rcpt:.a.example DANE:may',
    qr/main\.cf:3: smtp_tls_per_site counts for nothing beside smtp_tls_policy_maps/,
    "smtp_tls_security_level = dane\nsmtp_tls_policy_maps = inline:{a.example=encrypt}\n" .
    "smtp_tls_per_site = inline:{a.example=NONE, b.example=NONE}\n");
# An exception for one port is none for all, and a socket is no domain.
gives('of a port', 65, 'TLS_Rcpt:c.example ENCR:1 ; TLS_Rcpt:.c.example DANE:may',
    qr/exception would count for every port, not only for 587.*not only for smtps.*unix:\/x is no port.*not only for 2525/s,
    "smtp_tls_security_level = dane\nsmtp_tls_policy_maps = texthash:\$config_directory/t\n",
    t => "a.example:587 none\n[b.example]:smtps may\nlmtp:unix:/x encrypt\nc.example:2525 encrypt\n");
# Lines between if and endif count for some only.
gives('between if and endif', 65, 'TLS_Clt:192.0.2.0/24 TEMP+ENCR:1',
    qr/t:2: 0\.0\.0\.0\/0: counts between if and endif only.*t:4: 198\.51\.100\.0\/24: counts between/s,
    "smtpd_client_restrictions = check_client_access cidr:\$config_directory/t\n",
    t => "if !10.0.0.0/8\n0.0.0.0/0 OK\nif 198.51.0.0/16\n198.51.100.0/24 $demand\nendif\nendif\n192.0.2.0/24 $demand\n");
gives('patterns between if and endif', 65, 'TLS_Clt:.b.example TEMP+ENCR:1',
    qr/t:2: \/\^a\$\/: counts between if and endif only/,
    "smtpd_client_restrictions = check_client_access pcre:\$config_directory/t\n",
    t => "if /x/\n/^a\$/ $demand\nendif\n/\\.b\\.example\$/ $demand\n");

gives('what came before the levels', 0, 'TLS_Rcpt:a.example ENCR:0 ; TLS_Rcpt:.a.example VERIFY', undef,
    "smtp_enforce_tls = yes\nsmtp_tls_policy_maps = inline:{a.example=may}\n");
gives('and without names', 0, 'TLS_Rcpt:a.example ENCR:0 ; TLS_Rcpt:.a.example ENCR:1', undef,
    "smtp_enforce_tls = yes\nsmtp_tls_enforce_peername = no\nsmtp_tls_policy_maps = inline:{a.example=may}\n");
gives('but a level counts first', 0, 'TLS_Rcpt:a.example ENCR:1 ; TLS_Rcpt:.a.example ENCR:0', undef,
    "smtp_enforce_tls = yes\nsmtp_tls_security_level = may\nsmtp_tls_policy_maps = inline:{a.example=encrypt}\n");
gives("a level is for mail that leaves", 0, 'TLS_From:a.example TEMP+ENCR:1 ; TLS_From:.a.example ENCR:0', undef,
    "smtp_tls_security_level = encrypt\nparent_domain_matches_subdomains =\n$sender");
for my $own ('smtp_tls_security_level=secure', 'smtp_enforce_tls=yes') {
	my ($name) = $own =~ /(\w+)/;
	gives("a service with $own", 65, 'TLS_Rcpt:a.example ENCR:1 ; TLS_Rcpt:.a.example ENCR:0',
	    qr/master\.cf:1: service bank has its own $name: the rules below the tables' domains/,
	    "smtp_tls_policy_maps = inline:{a.example=encrypt}\n",
	    'master.cf' => "bank unix - - n - - smtp -o $own\n");
}
gives('where no table is, it matters to nobody', 0, '', undef, "x = y\n",
    'master.cf' => "bank unix - - n - - smtp -o smtp_tls_security_level=secure\n");

# What a service has of its own, in whatever it is asked for; each row: the name,
# its -o, main.cf beside a class that a table of senders names.
my $class = "smtpd_restriction_classes = need_tls\nneed_tls = %s\n" .
    "smtpd_sender_restrictions = check_sender_access inline:{a.example=need_tls}\n";
my $of_class = 'Profile:need_tls TEMP+ENCR:1 ; TLS_From:a.example AS:need_tls';
for my $row (['need_tls', "need_tls=$demand", '', 'permit_mynetworks', ', which asks for TLS'],
    ['need_tls', "{ need_tls = reject_unauth_pipelining, $demand }", '', '', ', which asks for TLS'],
    ['need_tls', 'need_tls=permit', '', $demand],
    ['need_tls', "need_tls=warn_if_reject,$demand", '', $demand, ', which asks for TLS'],
    ['want', "want=$demand", "want = permit\n", '$want', ', which asks for TLS'],
    ['want', 'want=', "want = $demand\n", '${want}'],
    ['smtpd_restriction_classes', 'smtpd_restriction_classes=other', '', $demand],
    ['plaintext_reject_code', 'plaintext_reject_code=550', '', $demand, ', which asks for TLS'],
    ['soft_bounce', 'soft_bounce=yes', "plaintext_reject_code = 550\n", $demand, ', which asks for TLS'],
    ['parent_domain_matches_subdomains', 'parent_domain_matches_subdomains=', '', $demand, ', which asks for TLS'],
    ['mynetworks', 'mynetworks=192.0.2.0/24', "mynetworks = 127.0.0.0/8\n", "permit_mynetworks, $demand"],
    ['smtpd_sasl_auth_enable', 'smtpd_sasl_auth_enable=yes', '', "permit_mynetworks, $demand",
    undef, 'permit_sasl_authenticated, '],
    ['smtpd_sender_restrictions', 'smtpd_sender_restrictions=texthash:$config_directory/t', '', $demand, ', which asks for TLS'],
    ['smtpd_sender_restrictions', 'smtpd_sender_restrictions=permit', '', $demand],
    ['smtpd_client_restrictions', "smtpd_client_restrictions=texthash:\$config_directory/t", '', 'permit', ', which asks for TLS']) {
	my ($name, $o, $more, $is, $asks, $first) = @$row;
	my $own = "service submission has its own $name" . ($asks // '');
	my $main = sprintf("mynetworks = 127.0.0.0/8\n$class$more", $is);
	$main =~ s/= check_/= $first check_/ if $first;
	my $r = gives("a service with -o $o", 65, import_dir($main)->{rules},
	    qr/master\.cf:2: \Q$own\E: the rules count there/,
	    $main, 'master.cf' => "smtp inet n - n - - smtpd\nsubmission inet n - n - - smtpd -v\n -vo $o -o x=y\n",
	    t => "b.example $demand\n");
}
# Overrides in master.cf that change nothing, and those of other programs, are not
# told.
gives("a service with $_->[0]", 0, $of_class, undef, sprintf($class, '$want') . "want = $demand\n",
    'master.cf' => "submission inet n - n - - $_->[1] -o $_->[0]\n") for
    ["need_tls=$demand", 'smtpd'], ['other=permit', 'smtpd'], ['need_tls=permit', 'pickup'],
    ['plaintext_reject_code=451', 'smtpd'], ['soft_bounce=yes', 'smtpd'], ['need_tls=permit', 'smtp'],
    ['mynetworks=10.0.0.0/8', 'smtpd'], ['smtpd_client_restrictions=permit_mynetworks,reject', 'smtpd'];
gives("a service with a \${...} in its class", 65, $of_class, qr/master\.cf:1: a \$\{\.\.\.\} in service submission is more/,
    sprintf($class, $demand), 'master.cf' => "submission inet n - n - - smtpd\n" .
    "  -o { need_tls = \${{\$x} == {y} ? {reject} : {permit}} }\n");
for my $row (['smtp_tls_secure_cert_match', 'hostname', 'secure'], ['smtp_tls_verify_cert_match', 'nexthop', 'verify'],
    ['smtp_tls_fingerprint_cert_match', 'BB' x 32, 'fingerprint'], ['smtp_tls_mandatory_ciphers', 'high', 'encrypt ciphers=medium'],
    ['maps', 'inline:{b.example=may}', 'encrypt']) {
	my $main = "smtp_tls_fingerprint_cert_match = " . 'AA' x 32 . "\nmaps = inline:{ {a.example = $row->[2]} }\n" .
	    "smtp_tls_policy_maps = \$maps\n";
	gives("a service with its own $row->[0]", 65, import_dir($main)->{rules},
	    qr/master\.cf:1: service bank has its own $row->[0]: leave it there/, $main,
	    'master.cf' => "bank unix - - n - - smtp -o $row->[0]=$row->[1]\n");
}
gives('what is of LMTP alone', 65, '', qr/master\.cf:1: service lmtp has its own lmtp_tls_per_site.*main\.cf:1: lmtp_tls_policy_maps is of LMTP alone/s,
    "lmtp_tls_policy_maps = inline:{a.example=encrypt}\n",
    'master.cf' => "lmtp unix - - n - - lmtp -o lmtp_tls_per_site=hash:/x\n");
gives('what asks every session is left to Postfix', 0, '',
    qr/master\.cf:1: smtpd_tls_security_level = encrypt is of all sessions there.*main\.cf:1: smtpd_tls_req_ccert = yes is of all/s,
    "smtpd_tls_req_ccert = yes\nlevel = encrypt\n",
    'master.cf' => "submission inet n - n - - smtpd -o smtpd_tls_security_level=\$level\n");
gives('authenticated, where all have TLS', 0, 'TLS_From:a.example TEMP+ENCR:1', undef,
    $sender =~ s/= check/= permit_sasl_authenticated, check/r, 'master.cf' => "submission inet n - n - - smtpd\n" .
    " -o smtpd_tls_security_level=encrypt -o smtpd_sasl_auth_enable=yes\n");

# What Postfix goes through before it knows what a rule does.
gives("smtpd_delay_reject = no, $_->[0]", $_->[1], $_->[2], $_->[3],
    "smtpd_delay_reject = no\n$_->[4]\n") for
    ['clients', 65, '', qr/smtpd_client_restrictions is gone through before there can be TLS/, "smtpd_client_restrictions = $demand"],
    ['HELO', 65, '', qr/smtpd_helo_restrictions is gone through before there can/,
    "smtpd_helo_restrictions = check_sender_access inline:{a.example=$demand}"],
    ['senders', 0, 'TLS_From:a.example TEMP+ENCR:1', undef, $sender],
    ['an exception that is none', 0, 'TLS_Clt: TEMP+ENCR:1', undef,
    "smtpd_sender_restrictions = check_recipient_access inline:{a.example=OK}, $demand"],
    ['recipients', 65, '', qr/smtpd_sender_restrictions looks for a recipient before there is one/,
    "smtpd_sender_restrictions = check_recipient_access inline:{a.example=$demand}"],
    ['no demand', 0, '', undef, 'smtpd_client_restrictions = check_client_access inline:{a.example=OK}'];
gives('recipients at DATA', 65, 'TLS_Clt: TEMP+ENCR:1', qr/smtpd_data_restrictions looks for a recipient only of a message/,
    "smtpd_data_restrictions = check_recipient_access inline:{a.example=OK}, $demand\n");
# A table without its check is looked into by the list's own.
gives("a table alone in smtpd_$_->[0]_restrictions", $_->[1], $_->[2], $_->[3],
    "smtpd_$_->[0]_restrictions = inline:{a.example=$demand}\n") for
    ['client', 0, 'TLS_Clt:a.example TEMP+ENCR:1'], ['sender', 0, 'TLS_From:a.example TEMP+ENCR:1'],
    ['relay', 0, 'TLS_To:a.example TEMP+ENCR:1'], ['recipient', 0, 'TLS_To:a.example TEMP+ENCR:1'],
    ['helo', 65, '', qr/asks for TLS by what no tag looks at/],
    ['data', 65, '', qr/is no restriction without a check_..._access: Postfix defers all mail/];
gives("no restriction: $_", 65, 'TLS_Clt: TEMP+ENCR:1', qr/main\.cf:1: "\w+" in smtpd_client_restrictions is no restriction/,
    "smtpd_client_restrictions = $_, $demand\n") for 'reject_plaintext_sesion', 'need_tls', 'check_mail x', 'permit_x';
gives('words behind words', 0, 'TLS_Clt: TEMP+ENCR:1', undef, "smtpd_client_restrictions = sleep 1, " .
    "reject_rbl_client x.example, check_policy_service unix:p, reject_rhsbl_sender y.example, $demand\n");
gives('no class has the name of a restriction', 0, 'TLS_Clt: TEMP+ENCR:1', undef,
    "smtpd_restriction_classes = $demand\n$demand = permit\nsmtpd_client_restrictions = $demand\n");
# Actions of a table's line: with a word too many, classes too deep, checks of other
# tables.
gives('check_relay_domains takes no table', 0, 'TLS_From:a.example TEMP+ENCR:1', undef,
    "smtpd_sender_restrictions = check_sender_access inline:{ {a.example = check_relay_domains $demand} }\n");
gives('classes too deep in a line', 65, '', qr/a\.example: classes within classes, too many/,
    'smtpd_restriction_classes = ' . join(' ', map { "c$_" } 0 .. 12) . "\n" .
    join('', map { "c$_ = c" . ($_ + 1) . "\n" } 0 .. 11) . "c12 = $demand\n" .
    "smtpd_sender_restrictions = check_sender_access inline:{a.example=c0}\n");
gives("a table within a table that asks, $_->[0]", 65, '', qr/a\.example: a table within a list of actions/,
    "smtpd_restriction_classes = tls, more\ntls = $demand\nmore = check_recipient_access inline:{c\@d=tls}\n" .
    "smtpd_sender_restrictions = check_sender_access inline:{ {a.example = $_->[1]}, {b.example = OK} }\n") for
    ['alone', "check_recipient_access inline:{c\@d=$demand}"], ['by a class', 'more'],
    ['deeper', "check_client_access inline:{ {x = check_helo_access inline:{ {y = $demand} } } }"],
    ['or cannot be read', 'check_recipient_access mysql:x'];
gives('a table within a table that does not ask', 0, '', undef, 'smtpd_sender_restrictions = ' .
    "check_sender_access inline:{ {a.example = check_recipient_access inline:{c\@d=REJECT}} }\n");
my $itself = 'check_sender_access texthash:' . $scratch->path('itself');
$scratch->write('itself', "a.example $itself\nb.example REJECT\n");
gives('a table within itself', 0, '', undef, "smtpd_sender_restrictions = $itself\n");
gives('a class within its own table', 65, 'TLS_From:b.example TEMP+ENCR:1', qr/a\.example: a table within a list of actions/,
    "smtpd_restriction_classes = a\na = check_sender_access inline:{a.example=a, b.example=$demand}\n" .
    "smtpd_sender_restrictions = a\n");
# Other parameters that a line's meaning goes by.
gives('for now', 0, 'TLS_From:a.example TEMP+ENCR:1', undef, "${sender}plaintext_reject_code = 550\nsoft_bounce = yes\n");
gives("bound for now, by $_", 0, 'TLS_From:a.example TEMP+ENCR:0+CLIENT:192.0.2.1', undef, "$_\nsmtpd_sender_restrictions = " .
    "check_sender_access inline:{ {a.example = check_client_access inline:{192.0.2.1=OK}, reject} }\n")
    for 'reject_code = 450', 'soft_bounce = yes';
gives('bound and in clear for now, by soft_bounce', 0, 'TLS_From:a.example TEMP+ENCR:1+CLIENT:192.0.2.1', undef,
    "soft_bounce = yes\nsmtpd_sender_restrictions = check_sender_access inline:{ {a.example = " .
    "$demand, check_client_access inline:{192.0.2.1=OK}, reject} }\n");
gives("the null sender, $_", 65, 'TLS_From: TEMP+ENCR:1', qr/goes by smtpd_null_access_lookup_key/,
    "smtpd_null_access_lookup_key = null\nsmtpd_sender_restrictions = check_sender_access inline:{$_=OK}, $demand\n")
    for '<>', 'null';
gives('another delimiter', 65, 'TLS_From:u@a.example TEMP+ENCR:1', qr/by recipient_delimiter the line counts for other extensions/,
    "recipient_delimiter = $_\nsmtpd_sender_restrictions = check_sender_access inline:{u\@a.example=$demand}\n") for '-', '+-';
gives('not of access tables', 65, 'TLS_From:a.example TEMP+ENCR:1 ; TLS_From:.a.example ENCR:0',
    qr/!smtpd_access_maps in parent_domain_matches_subdomains is more/,
    "parent_domain_matches_subdomains = !smtpd_access_maps\n$sender");
# A line for a [host] is asked for on port 25 alone, a rule on every one.
gives("[host] $_->[1], all others $_->[0]", $_->[2], $_->[3], $_->[2] ? qr/where Postfix asks for more on those but 25/ : undef,
    "smtp_tls_security_level = $_->[0]\nsmtp_tls_policy_maps = inline:{ {[h.example] = $_->[1]} }\n") for
    ['encrypt', 'may', 65, ''], ['encrypt', 'none', 65, ''], ['dane', 'may', 65, ''], ['secure', 'encrypt', 65, ''],
    ['encrypt', 'dane', 65, ''], ['may', 'may', 0, 'TLS_Srv:h.example ENCR:0'], ['encrypt', 'encrypt', 0, 'TLS_Srv:h.example ENCR:1'],
    ['encrypt', 'secure', 0, 'TLS_Srv:h.example VERIFY ; TLS_Srv:.h.example ENCR:1'];
gives("[host]:25, too", 65, '', qr/where Postfix asks for more/,
    "smtp_tls_security_level = encrypt\nsmtp_tls_policy_maps = inline:{ {[h.example]:25 = may} }\n");
gives('per site, too', 65, '', qr/where Postfix asks for more/,
    "smtp_tls_security_level = encrypt\nsmtp_tls_per_site = inline:{ {[h.example] = MAY} }\n");
gives('a port that asks for more than another', 65, 'TLS_Srv:h.example ENCR:0',
    qr/TLS_Srv:h\.example was given before \(line 1\) with another requirement/,
    "smtp_tls_policy_maps = texthash:\$config_directory/t\n", t => "[h.example] may\n[h.example]:587 encrypt\n");

# Commas part the words of a list, not those of master.cf.
for my $word ("-o smtpd_client_restrictions=permit_sasl_authenticated,$demand",
    "-osmtpd_client_restrictions=permit_sasl_authenticated,$demand",
    "-o { smtpd_client_restrictions = permit_sasl_authenticated, $demand }") {
	gives($word, 65, '', qr/has its own smtpd_client_restrictions, which asks for TLS/, "x = y\n",
	    'master.cf' => "submission inet n - n - - smtpd\n  -o syslog_name=a,b $word -o x=y\n");
}
gives('classes that never end', 65, '', qr/c: classes within classes, more than 8 deep/,
    "smtpd_restriction_classes = c\nc = c\nsmtpd_client_restrictions = c\n");

# A compiled table that is older than its text is what Postfix asks.
my $r = gives('no compiled one', 0, 'TLS_From:a.example TEMP+ENCR:1', qr/there is no .*t\.db/,
    "smtpd_sender_restrictions = check_sender_access hash:\$config_directory/t\n",
    t => "a.example $demand\n");
$scratch->write("c$n/t.db", '');
utime 1, 1, "$r->{dir}/t.db";
$r = Tlspolicy::Scratch::run($tlspolicy, 'import', '--config', $r->{dir}, 'postfix');
is($r->{status}, 65, 'an old compiled one: exit 65');
like($r->{err}, qr/t\.db is older than .*which was read/, 'an old compiled one: said');

# The same reading as postconf's, where there is one.
SKIP: {
	skip 'Postfix is not installed', 1 unless -x '/usr/sbin/postconf';
	my $text = "compatibility_level = 3.6\na = one\nb = \$a two\nc = \${a?{x}:{y}}\${zz?no}\${zz:yes}\n" .
	    "# in\nd = \$(b),\n  \$\$c,\n# between\n\n  \${c}\na = last\ne=\${zz?{n}:{\$a}}\n" .
	    "smtpd_client_restrictions = check_client_access\n  inline:{\$a.\$c.example=$demand,\$e.x=$demand}\n";
	$r = import_dir($text, 'master.cf' => '');
	my $want = Tlspolicy::Scratch::must('postconf', '-c', $r->{dir}, '-xh',
	    'smtpd_client_restrictions');
	is(join(' ', map { /^TLS_Clt:(\S+)/ ? $1 : () } split /\n/, $r->{out}),
	    join(' ', $want =~ /([\w.]+)=/g), 'as postconf reads it');
}
done_testing;
