#!/usr/bin/perl
#
# What a report tells of each node: by which policy, settings and version it has
# judged, since when, and what is missing of its log.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Compress::Gzip qw(gzip);
use JSON::PP qw(decode_json);
use Test::More;
use Tlspolicy::Talk;

my $rules = "TLS_Clt:example.com PERM+ENCR:112\n";
my $bin = Tlspolicy::Scratch::builddir() . '/tlspolicy';
my $conf = scratch()->write('empty.conf', '');

sub mail
{
	my ($daemon, $node, $count) = @_;
	my $before = $daemon->audit;
	for (1 .. $count // 1) {
		my $m = session($daemon, %sendmail, j => $node);
		$m->mail('a@example.com');
		$m->quit;
	}
	$daemon->audit_after($before, $count // 1);
}

sub report
{
	return Tlspolicy::Scratch::run($bin, 'report', '-c', $conf, @_);
}

sub nodes
{
	my $r = report('--nodes', '--json', @_);
	is($r->{status}, 0, 'report') or diag $r->{err};
	return @{decode_json($r->{out})->{basis}{nodes}};
}

sub generations
{
	return reverse @{decode_json($_[0]->tlspolicy('log', '--json')->{out})};
}

my %daemon = map { $_ => daemon($rules, name => $_, settings => {
    mode => 'enforce' }) } qw(n1 n2);
my %log = map { $_ => "$daemon{$_}{dir}/audit.log" } qw(n1 n2);
mail($daemon{$_}, "$_.example.org") for qw(n1 n2);
is($daemon{n1}->tlspolicy('set', 'TLS_Clt:z', 'OK')->{status}, 0, 'set');
mail($daemon{n1}, 'n1.example.org', 2);
$daemon{n1}->stop;
$daemon{n1}->run;
mail($daemon{n1}, 'n1.example.org', 2);
my ($old, $new) = generations($daemon{n1});
my ($version) = $daemon{n1}->tlspolicy('--version')->{out} =~ /(\S+)$/;

my ($n1, $n2) = nodes(@log{qw(n1 n2)});
is($n1->{node}, 'n1.example.org', 'by name');
is($n1->{policy}, $new->{rules_sha256}, 'its policy');
is($n2->{policy}, $old->{rules_sha256}, 'the other one has the old one');
my @lines = map { decode_json($_) } split /^/, Tlspolicy::Scratch::slurp($log{n1});
my ($told) = grep { $_->{event} eq 'policy' && $_->{generation} == 2 } @lines;
is($n1->{policy_since}, $told->{time} =~ s/\.\d+Z/Z/r,
    'since when: no start of the daemon makes it younger');
is_deeply([map { $_->{what} } @{$n1->{policies_before}}],
    [$old->{rules_sha256}], 'what it had before');
is($_->{version}, $version, "$_->{node}: the version") for $n1, $n2;
is($n1->{settings}, $n2->{settings}, 'the same settings');
is($n1->{records}, 5, 'records');
is($n1->{first}, (grep { $_->{verdict} } @lines)[0]{time} =~ s/\.\d+Z/Z/r, 'the first');
is($n1->{last}, $lines[-1]{time} =~ s/\.\d+Z/Z/r, 'and the last of them');
is_deeply([@$n1{qw(first_line last_line missing_lines breaks out_of_order)}],
    [1, scalar @lines, 0, 0, 0], 'all lines are there');

my $text = report('--nodes', @log{qw(n1 n2)})->{out};
like($text, qr/^  node n1\.example\.org: 5 records, generations 1 to 2\n    from \S+Z to \S+Z\n    policy @{[substr $new->{rules_sha256}, 0, 16]} since \S+Z, before that @{[substr $old->{rules_sha256}, 0, 16]} since \S+Z\n    version \Q$version\E since \S+Z\n    settings [0-9a-f]{16} since \S+Z\n    lines 1 to \d+, missing none\n  node n2/m, 'in words');
unlike($text, qr/mails/, 'of the nodes alone');
like(report(@log{qw(n1 n2)})->{out}, qr/\Q$text\E\z/, 'at the end of each report');
my @csv = split /\r\n/, report('--nodes', '--csv', @log{qw(n1 n2)})->{out};
is($csv[0], join(',', qw(node records generations first last policy policy_since
    policies_before version version_since versions_before settings
    settings_since settings_before first_line last_line missing_lines missing
    breaks out_of_order days_without_records)), 'CSV');
like($csv[1], qr/^"n1\.example\.org",5,"1 to 2","\S+Z","\S+Z","$new->{rules_sha256}",/,
    'a row for each');
is(scalar @csv, 3, 'and no more');
my $page = report('--nodes', '--html', @log{qw(n1 n2)})->{out};
like($page, qr{<dt>n1\.example\.org</dt><dd>5 records[^<]*<br>from [^<]*<br>policy },
    'a page');
unlike($page, qr/Protocol versions/, 'of them alone');

subtest 'missing lines' => sub {
	my @raw = split /^/, Tlspolicy::Scratch::slurp($log{n1});
	my $cut = scratch()->write('cut', join '', @raw[0 .. 2], @raw[5 .. $#raw]);
	my ($n) = nodes($cut, $log{n2});
	is($n->{missing_lines}, 2, 'are counted');
	is_deeply([@{$n->{missing}[0]}{qw(from to)}], [4, 5], 'and named');
	is($n->{missing}[0]{after}, $lines[2]{time} =~ s/\.\d+Z/Z/r, 'with the time');
	like(report('--nodes', $cut)->{out}, qr/^    lines 1 to \d+, missing 2: 4 to 5 between \S+Z and \S+Z$/m,
	    'in words');
	my $twice = scratch()->write('twice', join '', @raw[0 .. 4], @raw[3 .. $#raw]);
	($n) = nodes($twice);
	is($n->{out_of_order}, 2, 'lines that are there twice');
	($n) = nodes(scratch()->write('behind', join '', @raw[3 .. $#raw]));
	is_deeply([@$n{qw(first_line breaks)}], [4, 1],
	    'a file that does not begin with a link');
	my $torn = scratch()->write('torn', join '', @raw, '{"v":1,"ev');
	($n) = nodes($torn);
	is_deeply([@$n{qw(missing_lines breaks)}], [0, 0], 'torn bytes are none');
};

subtest 'missing files' => sub {
	my $d = daemon($rules, name => 'files');
	for (1 .. 3) {
		mail($d, 'n3.example.org', 3);
		rename "$d->{dir}/audit.log", "$d->{dir}/audit.log.$_" or die $!;
		$d->hup;
		Tlspolicy::Scratch::wait_for(60, sub { -s "$d->{dir}/audit.log" });
	}
	my @file = map { "$d->{dir}/audit.log.$_" } 1 .. 3;
	my ($n) = nodes(@file[2, 0, 1]);
	is_deeply([@$n{qw(first_line missing_lines breaks)}], [1, 0, 0],
	    'in any order they are whole');
	($n) = nodes(@file[0, 2]);
	is($n->{missing}[0]{from}, 7, 'the one between is missing');
	($n) = nodes(@file[1, 2]);
	my $whole = (generations($d))[0]{rules_sha256};
	is_deeply([@$n{qw(missing_lines policy)}], [0, substr $whole, 0, 16],
	    'the first is: its policy is told by its beginning, in records');
	cmp_ok($n->{first_line}, '>', 1, 'and where they begin is');
	my $words = report('--nodes', @file[1, 2])->{out};
	like($words, qr/^    $_ [0-9a-f]{16} since \S+Z or before$/m, "$_, in words")
	    for qw(policy settings);
	like($words, qr/^    version not told$/m, 'what is told by no line');
	gzip($file[1] => "$file[1].gz") or die;
	is_deeply([nodes($file[0], "$file[1].gz", $file[2])], [nodes(@file)],
	    'packed ones count');
};

subtest 'whose policy it is' => sub {
	my $older = scratch()->write('older', Tlspolicy::Scratch::slurp($log{n1}) =~
	    s/("event":"policy","time":"[^"]*"),"node":"[^"]*","version":"[^"]*"/$1/gr);
	my ($n) = nodes($older);
	is($n->{policy}, $new->{rules_sha256}, 'that of the records behind it');
	is($n->{version}, undef, 'an older daemon tells no version');
	like(report('--nodes', $older)->{out}, qr/^    version not told$/m, 'in words');
	($n) = nodes(scratch()->write('untold', join '', grep {
	    !/"event":"policy".*"generation":2/ } split /^/,
	    Tlspolicy::Scratch::slurp($log{n1})));
	is($n->{policy}, substr($new->{rules_sha256}, 0, 16),
	    'where its line is missing, that of the records');
	my @raw = split /^/, Tlspolicy::Scratch::slurp($log{n2});
	# As a daemon of before the record named its policy.
	my $rest = scratch()->write('rest', join '', map {
	    s/"policy":"[0-9a-f]*",//r } grep {
	    !/"event":"(?:policy|settings)"/ } @raw);
	my $out = `cat $log{n1} $rest | $bin report -c $conf --nodes --json -`;
	my ($a, $b) = @{decode_json($out)->{basis}{nodes}};
	is($a->{policy}, $new->{rules_sha256}, 'through a pipe');
	is($b->{policy}, undef, 'not that of another node');
	is($a->{missing_lines}, undef, 'lines are not looked for there');
	like(`cat $log{n1} | $bin report -c $conf --nodes -`,
	    qr/^    lines not looked for, as they came through a pipe$/m, 'in words');
	my $two = daemon($rules, name => 'two');
	mail($two, $_) for qw(a.example.org b.example.org);
	($a, $b) = nodes("$two->{dir}/audit.log");
	is($_->{policy}, (generations($two))[0]{rules_sha256},
	    "$_->{node}: two MTAs have one daemon") for $a, $b;
};

subtest 'of a time' => sub {
	my ($n) = nodes('--since', '2020-01-01', '--until', '2020-01-02', $log{n1});
	is($n, undef, 'no node has a record');
	($n) = nodes('--since', $lines[-1]{time}, $log{n1});
	is($n->{records}, 1, 'one has');
	is($n->{policy}, $new->{rules_sha256}, 'by the policy from before that time');
};

# A file that was cut to nothing looks as if it were new: it is named.
{
	my $verify = sub { Tlspolicy::Scratch::run($bin, 'audit', 'verify', '-c', $conf, @_) };
	my $cut = scratch()->write('cut.log', '');
	my $whole = $verify->($log{n1});
	for (['last', $log{n1}, $cut], ['first', $cut, $log{n1}]) {
		my ($where, @files) = @$_;
		my $r = $verify->(@files);
		is $r->{status}, 0, "an empty file beside a good one, $where: exit 0";
		is $r->{err}, "$cut: has no line: it is new, or what was in it is " .
		    "gone, which --head or checkpoints would tell\n", '... is named';
	}
	is_deeply(decode_json($verify->('--json', $log{n1}, $cut)->{out})->{empty},
	    [$cut], '... in JSON');
	is_deeply(decode_json($verify->('--json', $log{n1})->{out})->{empty}, [],
	    'none of good ones');
	is $whole->{err}, '', 'which are not spoken of';
	my ($head) = $whole->{out} =~ /^head: (.*)$/m;
	is $verify->('--head', $head, $log{n1}, $cut)->{status}, 0, 'the head is there';
	is $verify->('--head', 'a' x 64, $log{n1}, $cut)->{status}, 65,
	    'a head that stood in it is not';
	is $verify->($cut)->{status}, 65, 'nothing but it: not verified';
}
done_testing;
