package Tlspolicy::RandomSite;

# A configuration of Postfix made at random: main.cf, master.cf with a service
# that has something of its own, tables.  The same number gives the same one.

use strict;
use warnings;

my $demand = 'reject_plaintext_session';
my @classes = qw(need_tls bank other);
my %keys = (
	client => [qw(gw.partner.example partner.example .partner.example
	    a.gw.partner.example mx.other.example other.example 192.0.2 192.0.2.1
	    192.0.2.9 198.51.100.7 10.1 10 2001:db8 2001:db8::1 unknown
	    .other.example .gw.partner.example GW.Partner.Example example
	    2001:DB8:0:0:0:0:0:1 192.0.2.0/24 [192.0.2.1] 192.0.2.)],
	sender => ['<>', qw(bank.example .bank.example x.bank.example
	    a@bank.example a+x@bank.example a-x@bank.example a@ city.example
	    b@city.example example a@x.bank.example A@Bank.Example .example
	    a+x@ bank.example. @bank.example b@)],
	recipient => [qw(example.org sub.example.org .example.org r@example.org
	    r+x@example.org s@sub.example.org r@ s@ org)],
	cidr => [qw(192.0.2.0/28 192.0.2.0/24 192.0.2.1 198.51.100.0/24
	    10.0.0.0/8 10.1.2.3 2001:db8::/32 0.0.0.0/0 192.0.2.8/29 ::/0
	    !192.0.2.0/24 192.0.2 2001:db8::1 10.1.0.0/16)],
	# Each for clients, senders and recipients.
	regexp => [qw(/^gw\\.partner\\.example$/ /\\.partner\\.example$/
	    /(^|\\.)other\\.example$/ /^192\\.0\\.2\\.1$/ /^10\\./ /./ /^unknown$/
	    /@bank\\.example$/ /[@.]bank\\.example$/ /^a@bank\\.example$/
	    /^b@city\\.example$/ /.*/ /bank/ /@example\\.org$/ /^r@example\\.org$/
	    /\\.example$/ !/bank/ /^$/ /^a\\+x@bank\\.example$/i /\\.org$/
	    /^A@BANK\\.EXAMPLE$/ /x.bank.example/)],
);

# Of these most lines of a table are about the same ones.
my %near = (
	client => [qw(a.gw.partner.example gw.partner.example partner.example
	    .partner.example 192.0.2 192.0.2.9 192.0.2.1)],
	sender => [qw(bank.example .bank.example x.bank.example example
	    a@bank.example a+x@bank.example)],
	recipient => [qw(example.org sub.example.org r@example.org org
	    .example.org)],
);

sub new
{
	my ($class, $scratch, $number) = @_;
	my $self = bless { number => $number, scratch => $scratch, tables => 0,
	    dir => $scratch->path("site$number") }, $class;

	srand $number;
	mkdir $self->{dir};
	$self->make_main;
	$self->make_own;
	$scratch->write("site$number/main.cf", join '', map { "$_->[0] = $_->[1]\n" }
	    @{$self->{main}});
	$scratch->write("site$number/master.cf", "smtp inet n - n - - smtpd\n" .
	    "submission inet n - n - - smtpd\n" . join '',
	    map { "  -o { $_->[0] = $_->[1] }\n" } @{$self->{own}});
	return $self;
}

sub one
{
	return $_[int rand @_];
}

sub chance
{
	return rand() < $_[0];
}

# An action of a table's line.  Postfix takes a check of a table there only by way of
# a class.
sub action
{
	my ($self) = @_;
	my @plain = ('OK', 'OK', 'OK', 'DUNNO', 'DUNNO', $demand, $demand, one(@classes),
	    one(@classes), "warn_if_reject $demand", 'REJECT', 'HOLD',
	    'permit', "permit_mynetworks, $demand", 'WARN seen', '450 later',
	    "permit_tls_clientcerts, $demand", 'DEFER_IF_PERMIT later',
	    "defer_if_reject, $demand", 'permit_mynetworks',
	    one(@classes) . ' ' . one(@classes), "$demand, permit",
	    "permit_sasl_authenticated, $demand", 'DEFER_IF_REJECT later',
	    "warn_if_reject " . one(@classes), 'PREPEND X-Seen: yes');
	my $class = one(@classes);
	return one(@plain) if chance(0.8);
	return one("$class, $demand", "$class, reject", "$demand, $class, reject",
	    "warn_if_reject $class, $demand", "permit_mynetworks $class");
}

sub table
{
	my ($self, $kind, $depth) = @_;
	my $type = $kind eq 'client' && chance(0.3) ? 'cidr' :
	    chance(0.15) ? 'regexp' : chance(0.2) ? 'inline' : 'texthash';
	my $of_hosts = $depth > 0 && $kind eq 'client' && chance(0.7);
	my (%used, @lines);
	my $pool = $keys{$type} // (chance(0.5) ? $near{$kind} : $keys{$kind});

	for (1 .. 1 + int rand 4) {
		my $key = one(@$pool);
		push @lines, [$key, $of_hosts ? 'OK' : $depth > 1 ?
		    one('OK', $demand, 'DUNNO', 'REJECT') : $self->action]
		    unless $used{$key}++ && chance(0.9);
	}
	# Some lines count for some only.
	if ($keys{$type} && chance(0.1)) {
		unshift @lines, ['if', one(@{$keys{$type}})];
		push @lines, ['endif', ''];
	}
	return 'inline:{ ' . join(', ', map { "{ $_->[0] = $_->[1] }" } @lines) .
	    ' }' if $type eq 'inline';
	my $name = 't' . ++$self->{tables};
	$self->{scratch}->write("site$self->{number}/$name",
	    join '', map { "$_->[0]\t$_->[1]\n" } @lines);
	return "$type:$self->{dir}/$name";
}

sub check
{
	my ($self, $depth, $kind) = @_;
	$kind //= one(qw(client sender recipient));
	return "check_${kind}_access " . $self->table($kind, $depth);
}

sub word
{
	my ($self, $list) = @_;
	return $self->check(0) if chance(0.45);
	return $self->check(0, $list) if chance(0.2) && $list ne '';
	return $self->table($list, 0) if chance(0.1) && $list ne '';
	return one($demand, $demand, one(@classes), 'permit_mynetworks',
	    'permit_mynetworks', 'permit_tls_clientcerts', '$mine',
	    'permit_sasl_authenticated', 'defer_if_permit', 'defer_if_reject',
	    'reject_unlisted_sender', 'permit_auth_destination',
	    'permit_inet_interfaces');
}

sub words
{
	my ($self, $list, $most) = @_;
	return join ', ', map { (chance(0.1) ? 'warn_if_reject ' : '') .
	    $self->word($list) } 1 .. 1 + int rand $most;
}

# The restrictions of a class, which may not name itself.
sub class_words
{
	my ($self) = @_;
	return one($demand, $demand, "permit_mynetworks, $demand", 'permit',
	    $self->check(2, 'client') . ", $demand", "warn_if_reject $demand",
	    $self->check(2, 'client') . ', reject', 'reject_unlisted_sender',
	    $self->check(2), "$demand, permit", $self->check(2) . ", $demand");
}

sub networks
{
	return '127.0.0.0/8' . one('', '', ' 10.0.0.0/8', ' 192.0.2.0/24',
	    ' [2001:db8::]/32', ' 192.0.2.1 10.1.2.0/24');
}

sub make_main
{
	my ($self) = @_;
	my @lists = grep { chance(0.45) } qw(client sender recipient);
	@lists = one(qw(client sender recipient)) unless @lists;

	$self->{main} = [
		[mynetworks => networks()],
		[parent_domain_matches_subdomains =>
		    one('smtpd_access_maps', '')],
		[recipient_delimiter => one('+', '+', '', '-')],
		[plaintext_reject_code => one(450, 450, 550)],
		[smtpd_delay_reject => chance(0.1) ? 'no' : 'yes'],
		[smtpd_restriction_classes => join ', ', @classes],
		(map { [$_ => $self->class_words] } @classes),
		[mine => one('permit_mynetworks', $demand, 'reject_unlisted_sender')],
		[smtpd_relay_restrictions => 'reject_unauth_destination'],
		[smtpd_recipient_restrictions => 'reject_unauth_destination'],
		map { ["smtpd_${_}_restrictions" => $self->words($_, 3)] } @lists ];
}

# Overrides of the second service in master.cf: most of them change no verdict.
sub make_own
{
	my ($self) = @_;
	my $list = one(qw(client sender recipient));

	$self->{own} = [['syslog_name' => 'own'], chance(0.4) ? () : one(
	    [one(@classes) => $self->class_words],
	    [one(@classes) => $self->class_words],
	    [mynetworks => networks()],
	    [plaintext_reject_code => one(450, 550)],
	    [parent_domain_matches_subdomains => one('', 'smtpd_access_maps')],
	    [recipient_delimiter => one('', '+')],
	    [mine => one('permit', $demand, 'reject_unlisted_sender')],
	    [smtpd_delay_reject => 'no'],
	    ["smtpd_${list}_restrictions" => $self->words($list, 2)])];
}

1;
