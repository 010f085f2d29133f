#!/usr/bin/perl
#
# --json is one document, whatever was found: each command that takes it, over
# input with nothing in it and over some.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP;
use Test::More;
use Tlspolicy::Scratch;

my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
plan skip_all => 'tlspolicy is not built' unless -x $tlspolicy;
my $scratch = Tlspolicy::Scratch->new;
my %file = map { $_ => $scratch->write($_, '') }
    qw(rules log targets access csv lists settings);
my $store = $scratch->path('store.mdb');
my $conf = $scratch->write('conf', "store = $store\nrules = $file{rules}\n" .
    "audit-file = $file{log}\n");
my ($certificate, $key) = map { $scratch->path($_) } 'cert.pem', 'key.pem';
Tlspolicy::Scratch::must('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
    'ec_paramgen_curve:P-256', '-nodes', '-keyout', $key, '-out', $certificate,
    '-days', '30', '-subj', '/CN=mail.example.com');

sub run
{
	return Tlspolicy::Scratch::run($tlspolicy, @_);
}

# One JSON document and the end of a line, no more and no less.
sub document
{
	my ($out) = @_;
	my $value = eval { JSON::PP->new->utf8->decode($out) };
	return $out =~ /[\]\}]\n\z/ ? $value : undef;
}

my %operands = (
	'build' => [['-n'], []],
	'check' => [['v=x']],
	'show' => [[], ['TLS_Clt:nobody.example']],
	'diff' => [[]],
	'log' => [[]],
	'plan' => [[$file{rules}]],
	'plan status' => [[$file{log}]],
	'prove' => [['from nobody.example in clear is never refused']],
	'import' => [['sendmail', $file{access}], ['csv', $file{csv}]],
	'lint' => [[]],
	'audit verify' => [[$file{log}]],
	'audit show' => [[], ['--domain', 'nobody.example']],
	'replay' => [['-r', $file{rules}, $file{log}]],
	'report' => [[$file{log}]],
	'cert' => [[$certificate], [$key]],
	'probe' => [['--file', $file{targets}]],
	'outbound' => [['--mta', 'sendmail', 'nobody.example']],
	'doctor' => [['--postfix', $scratch->path('none')]],
	'settings' => [[]],
);
my %list = map { $_ => 1 } 'show', 'diff', 'import', 'lint', 'audit show',
    'probe';

sub each_command
{
	my ($name, $empty) = @_;
	for my $command ((grep { $_ ne 'build' } sort keys %operands), 'build') {
		for (@{$operands{$command}}) {
			my $words = "$command @$_";
			my $r = run(split(/ /, $command), '-c', $conf,
			    '--json', @$_);
			my $value = document($r->{out});
			ok(ref $value, "$name: $words") or
			    diag($r->{out}, $r->{err}, $r->{status});
			my $most = { check => 75, doctor => 69,
			    prove => 69, 'audit verify' => 65,
				'plan status' => 75 }->{$command};
			cmp_ok($r->{status}, '<=', $most // 1,
			    "$name: $words: exit") or diag($r->{err});
			next unless $list{$command} || "@$_" eq '-n';
			is(ref $value, 'ARRAY', "$name: $words: a list");
			my $is_empty = $empty || $words =~ /nobody/;
			is($r->{out}, "[]\n", "$name: $words: empty")
			    if $is_empty;
			is($r->{out} =~ tr/\n//, @$value + 2,
			    "$name: $words: a line for each") if @$value;
			ok(@$value > 0, "$name: $words: something")
			    unless $is_empty;
		}
	}
}

subtest 'each command is here' => sub {
	my @takers = map { /^([^\t]+)\t\t--json\t/ ? $1 : () }
	    split /\n/, run('--table')->{out};
	is_deeply([sort keys %operands], [sort @takers], 'that takes it');
};

subtest 'nothing' => sub {
	is(run('build', '-c', $conf)->{status}, 0, 'an empty store');
	each_command('nothing', 1);
};

subtest 'something' => sub {
	$scratch->write('rules', "TLS_Clt:a.example ENCR:1+UNTIL:2020-01-01\n" .
	    "TLS_From:b\xc3\xbc.example ENCR:1\n");
	is(run('build', '-c', $conf)->{status}, 0, 'a store');
	$scratch->write('rules', "TLS_Clt:a.example ENCR:1+UNTIL:2020-01-01\n" .
	    "TLS_From:c.example ENCR:1\n");
	$scratch->write('access', "TLS_Clt:a.example\tVERIFY\nx.example\tREJECT\n");
	$scratch->write('csv', "domain,level\na.example,verify\nb.example,encrypt\n");
	$scratch->write('targets', "127.0.0.1:1\n[::1]:1\n");
	$scratch->write('log', run('audit', 'from-log',
	    Tlspolicy::Scratch::topdir() . '/t/data/tour.maillog')->{out});
	$operands{probe} = [];
	each_command('something', 0);
	my $r = run('probe', '-c', $conf, '--json', '--file', $file{targets});
	my $value = document($r->{out});
	is(scalar @{$value // []}, 2, 'probe: one for each') or
	    diag($r->{out}, $r->{err});
	is($r->{status}, 69, 'probe: none of them answers');
};

subtest 'a command that cannot do its work' => sub {
	for (['show', '-d', $scratch->path('no-store')], ['lint', '/none'],
	    ['diff', '/none'], ['import', 'csv', '/none'], ['cert', '/none'],
	    ['report', '/none'], ['replay', '-r', '/none', $file{log}]) {
		my ($command, @operands) = @$_;
		my $r = run($command, '-c', $conf, '--json', @operands);
		cmp_ok($r->{status}, '>', 1, "@$_: says so");
		ok($r->{out} eq '' || document($r->{out}), "@$_: no half one") or
		    diag($r->{out});
	}
};

done_testing;
