#!/usr/bin/perl
#
# tlspolicy report: sums, alarms, and the same numbers in every form.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Compress::Gzip qw(gzip $GzipError);
use JSON::PP qw(decode_json);
use Test::More;
use Tlspolicy::Sample;
use Tlspolicy::Scratch;
use Tlspolicy::Tree;

my $bin = Tlspolicy::Scratch::builddir();
plan skip_all => "$bin/t/sample-audit is not built"
    unless -x "$bin/t/sample-audit";
my $scratch = Tlspolicy::Scratch->new;
my $sessions = Tlspolicy::Sample::sessions();
my $log = Tlspolicy::Sample::log_of($scratch, 'audit', @$sessions);

sub report {
	return Tlspolicy::Scratch::run("$bin/tlspolicy", 'report', @_);
}

sub json {
	my $r = report('--json', @_);
	is($r->{status}, 0, "report --json @_: exit code") or diag $r->{err};
	return decode_json($r->{out});
}

# What the log should give, counted in another way.
my (%want, %day);
for (@$sessions) {
	my ($time, $s) = @$_;
	my ($domain) = $s->{mail_addr} =~ /@(.*)>/;
	$domain //= '<>';
	my $clear = !$s->{tls_version};
	my $refused = ($domain eq 'bank.example' && $clear) ||
	    ($domain eq 'legacy.example' && $s->{tls_version} eq 'TLSv1');
	my $verified = ($s->{verify} // '') eq 'OK' ||
	    ($s->{v} =~ /^Postfix/ && exists $s->{cert_issuer});
	my @date = gmtime $time;
	my $day = sprintf '%04d-%02d-%02d', $date[5] + 1900, $date[4] + 1,
	    $date[3];
	for my $sum ($want{$domain} //= {}, $want{total} //= {},
	    $day{$day}{$domain} //= {}) {
		$sum->{$_} += 0 for qw(mails tls verified refused);
		$sum->{refused}++, next if $refused;
		$sum->{mails}++;
		$sum->{tls}++ unless $clear;
		$sum->{verified}++ if $verified;
	}
}

sub sums {
	my ($got) = @_;
	return { map { $_ => $got->{$_} } qw(mails tls verified refused) };
}

my $all = json($log);
is($all->{records}, scalar @$sessions, 'records');
is_deeply(sums($all->{total}), $want{total}, 'the whole');
my %domain = map { $_->{domain} => $_ } @{$all->{domains}};
is_deeply([sort keys %domain], [sort grep { $_ ne 'total' } keys %want],
    'domains');
is_deeply(sums($domain{$_}), $want{$_}, "$_: sums") for sort keys %domain;
is("$all->{from} $all->{to}", '2026-08-24 2026-11-21', 'the span');

for my $name ('bank.example', 'news.example') {
	my %got = map { $_->{day} => sums($_) } @{$domain{$name}{days}};
	my %days = map { $_ => $day{$_}{$name} } grep { $day{$_}{$name} }
	    keys %day;
	is_deeply(\%got, \%days, "$name: each day");
}
is_deeply($domain{'legacy.example'}{refused_for},
    { 'too-weak' => $want{'legacy.example'}{refused} }, 'reasons');
is($domain{'legacy.example'}{versions}{'TLS 1.2'},
    $want{'legacy.example'}{mails}, 'versions');
is_deeply([map { $_->{suite} } @{$all->{suites}}],
    ['TLS_AES_256_GCM_SHA384', 'ECDHE-RSA-AES256-GCM-SHA384'], 'suites');

my ($rule) = grep { $_->{key} eq 'TLS_From:fallen.example' } @{$all->{rules}};
is_deeply($rule->{would_for}, { plaintext => 35 }, 'would-be refusals by rule');
is($rule->{judged} - $rule->{satisfied}, 35, 'a rule: judged and satisfied');

is_deeply([map { "$_->{alarm} " . ($_->{domain} // '-') } @{$all->{alarms}}],
    ['fallback fallen.example', 'unverified insurer.example', 'ends -',
    'issuer moved.example', 'renewed bank.example'], 'alarms');
my %alarm = map { $_->{alarm} => $_ } @{$all->{alarms}};
is_deeply([map { $_->{alarm} } grep { $_->{resolved} } @{$all->{alarms}}],
    ['fallback'], 'what is resolved');
like($alarm{fallback}{text}, qr/^its hosts came in clear after TLS: 35 times, first 2026-11-12, last 2026-11-17\. Back to TLS since\.$/,
    'fallback: text');
like($alarm{unverified}{text}, qr/until 2026-11-01; since 2026-11-02 .* does not verify .* clientAuth purpose in 2026/,
    'a public authority is named');
ok($alarm{unverified}{public_authority}, 'and marked');
like($alarm{ends}{text}, qr/^TLS_From:courier\.example .*: ends at the end of 2026-12-05\.$/, 'an exception ends');
is_deeply([map { $_->{alarm} } @{json('--soon', 3, $log)->{alarms}}],
    [qw(fallback unverified issuer renewed)], '--soon');
is_deeply([map { $_->{alarm} } @{json('--steady', 1000, $log)->{alarms}}],
    [qw(ends issuer renewed)], '--steady');

# Forms.
my $csv = report('--csv', $log)->{out};
my ($head, @rows) = map { s/\r$//r } split /\n/, $csv;
my @names = split /,/, $head;
my %sum;
for (@rows) {
	my %row;
	@row{@names} = split /,/;
	my @columns = split /,/, $_, -1;
	$sum{columns}++ if @columns != @names;
	$sum{$_} += $row{$_} for qw(mails tls verified refused);
}
is_deeply(\%sum, $want{total}, 'the sum of --csv, and its columns');
is(scalar @rows, scalar(map { keys %{$day{$_}} } keys %day),
    '--csv: a row for each day of each domain');


# Each column has its place in the manual.
my $manual = Tlspolicy::Tree::text('man/tlspolicy-report.1');
my %described = map { $_ => 1 } qw(day domain), map { /(\w+)/g }
    $manual =~ /^\.It Li ([a-z].*)$/mg;
is_deeply([grep { !$described{s/^(refused|would)_.*/$1_/r} } @names], [],
    'every column of --csv is in tlspolicy-report(1)');

my $text = report($log)->{out};
like($text, qr/^  mails let through +13,780 /m, 'text: mails');
like($text, qr/^To look at\n  unverified: insurer\.example: (?:.*\n)+\nResolved\n  fallback: fallen\.example: its hosts/m,
    'text: alarms, resolved ones apart');
# A kind of which there are many hides none of another.
my @fallen = map { my $i = $_; map { [Tlspolicy::Sample::time_of($_->[0]) + $i,
    Tlspolicy::Sample::sendmail_session("p$i.example", $_->[1] ?
    (tls_version => 'TLSv1.3', cipher => 'TLS_AES_256_GCM_SHA384',
    cipher_bits => 256) : ())] } map({ [$_, 1] } 1 .. 10), [20, 0] } 1 .. 5;
push @fallen, map { [Tlspolicy::Sample::time_of($_->[0]),
    Tlspolicy::Sample::sendmail_session('moved.example',
    tls_version => 'TLSv1.3', cipher => 'TLS_AES_256_GCM_SHA384',
    cipher_bits => 256, Tlspolicy::Sample::verified('mx.moved.example',
    $_->[1], 'AB'))] } [1, 'R11'], [20, 'Other'];
like(report('--top', 2, Tlspolicy::Sample::log_of($scratch, 'fallen',
    sort { $a->[0] <=> $b->[0] } @fallen))->{out},
    qr/^To look at\n(?:  fallback: p\d\.example: .*\n){2}  fallback: and 3 more: --top 5\n  issuer: moved\.example: .*\n\nRefusals/m,
    'text: so many of each kind as --top says');
like($text, qr/^  refused +73  plaintext +TLS_From:bank\.example PERM/m,
    'text: reasons');

# report --domain and the other options for a part of the log.
my $one = json('--domain', 'BANK.example', $log);
is_deeply(sums($one->{total}), $want{'bank.example'}, '--domain');
my %shown;
$shown{$_->{cert_fp}}++ for grep { $_->{cert_fp} &&
    $_->{client_name} eq 'mx.bank.example' } map { $_->[1] } @$sessions;
is_deeply({ map { $_->{fingerprint} => $_->{mails} }
    @{$one->{domains}[0]{certificates}} }, \%shown, 'certificates');
is_deeply([map { "$_->{cn} $_->{first} $_->{last}" }
    @{$one->{domains}[0]{certificates}}],
    ['mx.bank.example 2026-08-24 2026-10-22',
    'mx.bank.example 2026-10-23 2026-11-21'], 'certificates, in their order');
is_deeply([sort map { $_->{client} } @{$one->{domains}[0]{clients}}],
    ['203.0.113.66', 'bank.example'], 'clients, the forger by his address');
is(json('--domain', 'mail.bank.example', $log)->{records}, 0,
    '--domain: not what is above it');
my $part = json('--since', '2026-09-01', '--until', '2026-09-02T00:00:00Z',
    $log);
is_deeply([map { $_->{day} } @{$part->{days}}], ['2026-09-01'],
    '--since, --until');
is_deeply(json('--since', '2026-09-01', '--until', '2026-09-01', $log), $part,
    '--until: the day is included');
my @shown = split /\n/, Tlspolicy::Scratch::run("$bin/tlspolicy", 'audit',
    'show', '--since', '2026-09-01', '--until', '2026-09-01', $log)->{out};
is(scalar @shown, $part->{records}, 'to audit show as well');
like(report('--domain', 'none.example', '--html', $log)->{out},
    qr/No records/, 'a page of nothing');
like(report('--domain', 'none.example', $log)->{out}, qr/^No records\.\n\nNo records of mail that left\.\n\nWhat this rests on\n  [\d,]+ lines in 1 file\n/,
    'nothing, in words, either way');

# A list that is cut says so.
like(report('--top', 2, $log)->{out}, qr/and 11 more: --top 13, or --csv/,
    '--top');

# The basis of a report: files, lines, days.
my $basis = $all->{basis};
is_deeply([@$basis{qw(files lines torn bad unread verified)}],
    [1, scalar @$sessions, 0, 0, 0, JSON::PP::false], 'basis: all was read');
is_deeply($basis->{days_without_records}, [], 'basis: no day is missing');
my %node = %{$basis->{nodes}[0]};
is_deeply([@node{qw(node records generations days_without_records)}],
    ['mx.here.example', scalar @$sessions, [1], []],
    'basis: the node and its generation');
my @holes = grep { my @t = gmtime $_->[0]; my $day = sprintf '%02d-%02d',
    $t[4] + 1, $t[3]; $day !~ /^09-0[3-5]$/ && $day ne '10-10' } @$sessions;
my @two = map { [$_->[0], { %{$_->[1]}, j => $_->[0] <
    Tlspolicy::Sample::time_of(60) ? 'mx1' : 'mx2' }] } @holes;
my $holed = Tlspolicy::Sample::log_of($scratch, 'holes', @two);
my $asked = json('--since', '2026-08-20', '--until', '2026-11-21', '--domain',
    'bank.example', $holed);
my @gaps = (['2026-08-20', '2026-08-23'], ['2026-09-03', '2026-09-05'],
    ['2026-10-10', '2026-10-10']);
sub gaps {
	return [map { [$_->{from}, $_->{to}] } @{$_[0]{days_without_records}}];
}
is_deeply(gaps($asked->{basis}), \@gaps, 'basis: days without records');
is_deeply([map { $_->{node} } @{$asked->{basis}{nodes}}], ['mx1', 'mx2'],
    'basis: both nodes');
is_deeply(gaps($asked->{basis}{nodes}[0]), [@gaps,
    ['2026-10-23', '2026-11-21']], 'basis: the days of the first');
is_deeply(gaps($asked->{basis}{nodes}[1]), [['2026-08-20', '2026-10-22']],
    'basis: of the second');
is($asked->{basis}{nodes}[0]{records} + $asked->{basis}{nodes}[1]{records},
    scalar @holes, 'basis: of all domains');
like(report('--since', '2026-08-20', $holed)->{out}, qr/^  node mx1: [\d,]+ records, generation 1; none on 2026-08-20 to 2026-08-23, .* and |^  days without records: 2026-08-20 to 2026-08-23, 2026-09-03 to 2026-09-05, 2026-10-10\n  chain: not verified here/m,
    'basis: in words');
is_deeply(gaps(json('--since', '2026-11-20', '--until', '2099-12-31', $holed)
    ->{basis})->[0][0], '2026-11-22', 'basis: days to come are none')
    if time > Tlspolicy::Sample::time_of(91);
unlike(report('--json', '--until', '2099-12-31', $holed)->{out},
    qr/"to":"2099/, 'basis: nor are they without records');

# Input.
my $gz = $scratch->path('audit.log.gz');
gzip($log => $gz) or die $GzipError;
is_deeply(json($gz), $all, 'a packed log');
my @lines = split /^/, Tlspolicy::Scratch::slurp($log);
my $first = $scratch->write('part.2', join '', @lines[0 .. 4999]);
my $second = $scratch->write('part.1', join '', @lines[5000 .. $#lines]);
my $halves = json($second, $first);
is(delete $halves->{basis}{files}, 2, 'both files are counted');
is(delete $all->{basis}{files}, 1, 'as one is');
is_deeply($halves, $all, 'files in any order');
my $bad = $scratch->write('bad', $lines[0] . "{\"v\":1}\n" . $lines[1]);
my $r = report($bad);
is($r->{status}, 65, 'a bad line: exit code');
like($r->{err}, qr/^\Q$bad\E:2:\d+: expected/m, 'a bad line: which');
like($r->{out}, qr/, 2 records$/m, 'a bad line: the others count');
is(report($scratch->path('none'))->{status}, 66, 'no such file');
is(report('--top', 'x', $log)->{status}, 64, 'not a number');
is(report('--since', 'x', $log)->{status}, 64, 'not a time');

# Exempt clients and aborted messages are counted apart.
my $time = Tlspolicy::Sample::time_of(3);
my $apart = json(Tlspolicy::Sample::log_of($scratch, 'apart',
    [$time, Tlspolicy::Sample::sendmail_session('a.example', exempt => 1)],
    [$time, Tlspolicy::Sample::sendmail_session('a.example',
	client_addr => '')],
    [$time, Tlspolicy::Sample::sendmail_session('a.example'), 'aborted'],
    [$time, Tlspolicy::Sample::sendmail_session('a.example')]))->{total};
is_deeply([@$apart{qw(mails exempt aborted tls)}], [1, 2, 1, 0],
    'exempt, local, aborted');

# More domains than there is room for: nothing is lost, and who proved who
# they are is still there.
my @many = map { [Tlspolicy::Sample::time_of(1) + $_,
    Tlspolicy::Sample::sendmail_session("d$_.example")] } 1 .. 20500;
unshift @many, [Tlspolicy::Sample::time_of(1),
    Tlspolicy::Sample::postfix_session('few.example', tls_version => 'TLSv1.3',
    cipher => 'TLS_AES_256_GCM_SHA384', cipher_bits => 256,
    cert_subject => 'mx.few.example', cert_issuer => 'CA')];
my $many = json(Tlspolicy::Sample::log_of($scratch, 'many', @many));
is($many->{total}{mails}, 20501, 'many domains: the whole');
cmp_ok($many->{other_domains}, '>', 9000, 'many domains: some together');
my $sum = 0;
$sum += $_->{mails} for @{$many->{domains}};
is($sum, 20501, 'many domains: the sum of all');
is($many->{domains}[-1]{domain}, '(other)', 'many domains: (other) is last');
is((grep { $_->{domain} eq 'few.example' } @{$many->{domains}}), 1,
    'many domains: a verified one stays');

done_testing;
