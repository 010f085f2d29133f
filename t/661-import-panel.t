#!/usr/bin/perl
#
# A mail panel's Postfix, its tables in SQL, against what import makes of it by
# tlspolicy-migration(7): sessions in clear judged by Postfix and by the rules,
# next hops looked up in the panel's table and asked of the daemon.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Daemon;
use Tlspolicy::Nexthop;
use Tlspolicy::Site;

for (['/usr/bin/sqlite3', 'sqlite3'],
    ['/usr/lib/postfix/postfix-sqlite.so', 'postfix-sqlite']) {
	plan skip_all => "$_->[1] is not installed" unless -e $_->[0];
}
my $site = Tlspolicy::Site->start('panel');
my $scratch = $site->{scratch};
my $etc = $site->{etc};
my $db = $scratch->path('panel.db');

sub sql {
	return Tlspolicy::Scratch::must('sqlite3', @_);
}
sql($db, '.read ' . $site->{dir} . '/panel.sql');
chmod 0644, $db;
mkdir "$etc/sql";
for (glob "$site->{dir}/sql/*") {
	my ($name) = m{([^/]+)$};
	$scratch->write("postfix/etc/sql/$name",
	    Tlspolicy::Scratch::slurp($_) =~ s/^dbpath = .*/dbpath = $db/mr);
}
my @conf = ('-c', $etc);
Tlspolicy::Scratch::must('postmap', @conf, "hash:$etc/clients");
$site->reload;

# --- from the files to the rules, as the manual has it ----------------------

my $import = $site->tlspolicy('import', '--config', $etc, 'postfix');
is($import->{status}, 65, 'tables in SQL: exit 65');
my ($main) = map { s/\s+$//r } "$etc/main.cf";
is(join(' ', $import->{err} =~ m{^\Q$main\E:\d+: sqlite:\S+/(\w+)\.cf cannot be read}mg),
    'senders recipients tls_policy', 'each is named') or diag($import->{err});

# A copy of the folder, with what the SQL client prints in place of each table.
my $copy = $scratch->path('copy');
mkdir $copy;
for ('main.cf', 'master.cf', 'clients') {
	$scratch->write("copy/$_", Tlspolicy::Scratch::slurp("$etc/$_") =~
	    s{proxy:sqlite:\S+/(\w+)\.cf}{texthash:\$config_directory/$1}gr);
}
my %query = (senders => 'SELECT domain, action FROM partner WHERE active = 1',
    recipients => 'SELECT key, action FROM tls_in',
    tls_policy => "SELECT dest, policy || ' ' || parameters FROM tls_policy "
    . 'WHERE active = 1');
$scratch->write("copy/$_", sql('-separator', "\t", $db, $query{$_}))
    for keys %query;
$import = $site->tlspolicy('import', '--config', $copy, 'postfix');
is($import->{status}, 0, 'each line of equal force') or diag($import->{err});
my $daemon = Tlspolicy::Daemon->start(scratch => $scratch,
    settings => { 'outbound-servername' => 'none',
	socketmap => 'unix:' . $scratch->path('map.sock'),
    'socketmap-mode' => '0666' }, rules => $import->{out});

# One table alone, by its role or as the panel exports it, says the same.
sub rules_of {
	my ($text, $tag) = @_;
	return join '', sort map { s/\+\+?BY:\S+//r }
	    grep { /^(?:$tag)/ && !/DANE:may|ENCR:0$/ } split /^/,
	    $text =~ s/\+\+?BY:\S+//gr;
}
my $outbound = 'TLS_Rcpt|TLS_Srv|Try_TLS';
my $alone = $site->tlspolicy('import', '--as', 'TLS_Rcpt', 'postfix',
    "$copy/tls_policy");
is(rules_of($alone->{out}, $outbound), rules_of($import->{out}, $outbound),
    'the table of next hops by --as');
my $csv = $scratch->write('tls_policy.csv', sql('-csv', '-header', $db,
    'SELECT * FROM tls_policy'));
$alone = $site->tlspolicy('import', 'csv', $csv);
is(rules_of($alone->{out}, $outbound), rules_of($import->{out}, $outbound),
    'and as CSV');
like($alone->{err}, qr/^\Q$csv\E:16: not active$/m, 'a row that is off is named');

# --- mail that comes --------------------------------------------------------

my @clients = (['gw.partner.example', '192.0.2.1'],
    ['a.gw.partner.example', '192.0.2.2'],
    ['old.gw.partner.example', '192.0.2.3'],
    ['x.old.gw.partner.example', '192.0.2.3'],
    ['partner.example', '192.0.2.4'], ['[UNAVAILABLE]', '198.51.100.9'],
    ['free.example', '198.51.100.77'], ['gw.partner.example', '198.51.100.77'],
    ['free.example', '198.51.100.78'], ['mx.example.com', '192.0.2.9']);
my @senders = ('', 'a@bank.example', 'a@x.bank.example', 'other@bank.example',
    'other+x@bank.example', 'a@news.bank.example', 'A@Bank.Example',
    'a@clinic.example', 'pay@shop.example', 'pay+x@shop.example',
    'a@shop.example', 'a@left.example', 'a@free.example');
my @recipients = qw(payroll@example.org payroll+x@example.org
    Payroll@EXAMPLE.org joe@example.org other@example.org joe@sub.example.org
    printer@sub.example.org printer+x@sub.example.org);
my @asked = $site->ask_postfix(\@clients, \@senders, \@recipients);
$site->verdicts_are('panel', \@asked, '-c', $daemon->{conf});

# --- mail that leaves -------------------------------------------------------

# What a map says of many keys.
sub look_up {
	my ($map, @keys) = @_;
	my $r = Tlspolicy::Scratch::run({ timeout => 60, in =>
	    $scratch->write('keys', join '', map { "$_\n" } @keys) },
	    'postmap', @conf, '-q', '-', $map);
	return map { /^(\S+)\t(.*)/ ? ($1 => $2) : () } split /\n/, $r->{out};
}

my @named = map { (split /\t/)[0] } split /\n/,
    Tlspolicy::Scratch::slurp("$copy/tls_policy");
my @hops = ('off.example', 'example', 'free.net', '[192.0.2.1]', map { /^\[/ ? $_ : map { ($_, "mx.$_", "a.b.$_", "x$_") }
    s/^\.//r } @named);
my %all = map { $_ => 1 } map { Tlspolicy::Nexthop::keys_of($_) } @hops;
my %sql = look_up("sqlite:$etc/sql/tls_policy.cf", keys %all);
my %ours = look_up('socketmap:unix:' . $scratch->path('map.sock') .
    ':tlspolicy', keys %all);
cmp_ok(scalar keys %sql, '==', @named, 'next hops: ' . @hops);
sub policy_of {
	my ($hop, $found) = @_;
	return Tlspolicy::Nexthop::policy_of($hop, 'dane', $found);
}
is(join("\n", map { policy_of($_, \%ours) eq policy_of($_, \%sql) ? () :
    "$_: panel " . policy_of($_, \%sql) . ', daemon ' .
    policy_of($_, \%ours) } @hops), '', 'the same policy for each');
done_testing;
