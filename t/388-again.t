#!/usr/bin/perl
#
# replay remembers what sessions came to.  Each of these differs from another in
# one thing; in one log, again and again and in every order, each has to come to
# what it comes to alone.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP qw(decode_json);
use List::Util qw(shuffle);
use Test::More;
use Tlspolicy::Scratch;

my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
plan skip_all => "$tlspolicy is not built" unless -x $tlspolicy;
my $scratch = Tlspolicy::Scratch->new;
my $conf = $scratch->write('conf', "header-from = judge\n");
my @counts = qw(records refused partly held warned allowed passed otherwise);

my %domains = (
	'TLS_From:p.example' => 'PERM+VERIFY:128',
	'TLS_From:.q.example' => 'ENCR:256+UNTIL:2026-03-10',
	'TLS_Clt:c.example' => 'ENCR:128+VER:1.3',
	'TLS_Clt:192.0.2.0/24' => 'PERM+VERIFY+CN:mx.c.example',
	'TLS_To:r.example' => 'HOLD+ENCR:256',
	'TLS_Header:h.example' => 'PERM+ENCR:256',
);
my %addresses = (%domains,
	'TLS_From:u1@p.example' => 'OK',
	'TLS_From:u2@' => 'WARN+ENCR:512',
	'TLS_From:<>' => 'ENCR:512',
	'TLS_To:a1@s.example' => 'PERM+ENCR:512',
);

# What a session is, and what is different about the others.
my $tls = '{"version":"TLSv1.3","cipher":"TLS_AES_256_GCM_SHA384",' .
    '"bits":256,"verify":"OK","cn":"mx.c.example"}';
my %model = (v => 1, event => '"message"', time => '"2026-03-10T23:59:59.9Z"',
	mta => '"8.17.1.9"', node => '"mx.example.org"', from => '"u1@p.example"',
	client => '{"name":"mx.c.example","addr":"192.0.2.1","resolve":"OK"}',
	tls => $tls, rcpts => '["a1@r.example"]', verdict => '"accept"',
	mode => '"enforce"', rules => '[]', waiver => 'null', reply => 'null',
	reason => 'null');
my %others = (
	from => [map { s/(["\\])/\\$1/gr =~ s/.*/"$&"/r } 'u2@p.example',
	    'u1@P.Example', '<u1@p.example>', 'u3@p.example', 'u3@p.example.',
	    '@p.example', 'p.example', 'u1', '', 'u1@q.example',
	    'u1@x.q.example', 'u2@x.q.example', 'u1%p.example@z.example',
	    '"u1@p.example"@z.example', 'p.example!u1', 'u2+x@p.example',
	    '@a,@b:u3@p.example', 'u1@[192.0.2.1]', 'u1@', 'u1@p.example@z',
	    'u' x 64 . '@p.example', 'u' x 65 . '@p.example',
	    'u1@' . 'z' x 3000 . '.example'],
	time => ['"2026-03-11T00:00:00Z"', '"2026-03-10T00:00:00Z"'],
	tls => ['null', map { my ($old, $new) = @$_; $tls =~ s/$old/$new/r }
	    ['OK', 'NO'], ['1\.3', '1.2'], ['bits":256', 'bits":128'],
	    ['mx\.c', 'mx.d'], ['"bits":256,', '']],
	client => ['{"name":"mx.d.example","addr":"192.0.2.1","resolve":"OK"}',
	    '{"name":"mx.d.example","addr":"192.0.3.1","resolve":"OK"}',
	    '{"name":"mx.c.example","addr":"192.0.3.1","resolve":"OK"}',
	    '{"name":"mx.c.example","addr":"192.0.3.1","resolve":"FAIL"}',
	    '{"name":null,"addr":"192.0.2.1","resolve":"FAIL"}', 'null'],
	rcpts => ['[]', '["a1@s.example"]', '["a2@s.example"]',
	    '["a2@r.example","a1@s.example"]', '["a1@s.example","a2@r.example"]',
	    '["a2@s.example","a2@r.example"]', '["a1%r.example@s.example"]'],
	event => ['"refused-mail"', '"refused-rcpt"'],
	verdict => ['"tempfail"', '"reject"', '"hold"'],
	mode => ['"monitor"'],
	exempt => ['true'],
	waiver => ['"warn"'],
	mta => ['"Postfix 3.7.11"', 'null'],
	header_from => ['["x@h.example"]', '["x@i.example"]', '[]'],
	queue_id => ['"A1"', '"A2"'],
	helo => ['"one"'],
	daemon => ['{"name":"MSA","port":587}'],
	auth => ['{"type":"PLAIN","authen":"u1"}'],
);

sub record {
	my %r = (%model, @_);
	return join(',', map { qq("$_":$r{$_}) } 'v', 'event',
	    sort grep { !/^(?:v|event)$/ } keys %r) =~ s/.*/{$&}\n/sr;
}

sub replay {
	my ($rules, @lines) = @_;
	my $r = Tlspolicy::Scratch::run($tlspolicy, 'replay', '-c', $conf,
	    '--json', '-r', $rules, $scratch->write('log', join '', @lines));
	my $json = eval { decode_json($r->{out}) } // {};

	return map { $json->{$_} // "no $_: $r->{err}" } @counts;
}

my @lines = (record(), map { my $name = $_; map { record($name => $_),
    record($name => $_, tls => 'null'),
    $name eq 'from' ? () : record($name => $_, from => '"u9@x.q.example"'),
    $name =~ /from|tls/ ? () : record($name => $_, tls => 'null', from =>
    '"u9@n.example"', $name eq 'rcpts' ? () : (rcpts =>
    '["a1@t.example"]')) } @{$others{$name}} } sort keys %others);
@lines = do { my %seen; grep { !$seen{$_}++ } @lines };

for (['domains', %domains], ['addresses', %addresses]) {
	my ($name, %rules) = @$_;
	my $rules = $scratch->write($name, join '', map { "$_ $rules{$_}\n" }
	    sort keys %rules);
	my (@sum, %came_to);

	for my $line (@lines) {
		my @alone = replay($rules, $line);

		$came_to{"@alone"}++;
		$sum[$_] += $alone[$_] for 0 .. $#counts;
	}
	is($sum[0], @lines, "$name: each of them is a record");
	cmp_ok(scalar keys %came_to, '>', 5, "$name: they differ");
	is_deeply([replay($rules, (@lines) x 2)], [map { 2 * $_ } @sum],
	    "$name: twice, in order");
	for (1 .. 3) {
		srand $_;
		is_deeply([replay($rules, shuffle((@lines) x 3))],
		    [map { 3 * $_ } @sum], "$name: shuffled with seed $_");
	}
	# So many that the threads share them, and the first ones are forgotten.
	my @more = map { record(from => qq("u$_\@n$_.example")) } 1 .. 60000;

	is_deeply([(replay($rules, (@lines) x 8, @more, (@lines) x 8))[1]],
	    [16 * $sum[1] + (replay($rules, @more))[1]], "$name: among others");
}
done_testing;
