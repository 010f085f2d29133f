#!/usr/bin/perl
#
# What is asked of audit show and report: a value that can be none is a usage
# error, one that nothing has is told.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Sample;
use Tlspolicy::Scratch;

my $bin = Tlspolicy::Scratch::builddir();
plan skip_all => "$bin/t/sample-audit is not built"
    unless -x "$bin/t/sample-audit";
my $scratch = Tlspolicy::Scratch->new;
my $log = Tlspolicy::Sample::log_of($scratch, 'audit',
    @{Tlspolicy::Sample::sessions()});
my @show = ('audit', 'show');

sub tlspolicy {
	return Tlspolicy::Scratch::run("$bin/tlspolicy", @_, $log);
}

# Nothing is printed but why.
sub refused {
	my ($said, @args) = @_;
	my $r = tlspolicy(@args);
	is("$r->{status} $r->{out}", '64 ', "@args: a usage error");
	like($r->{err}, qr/$said/, "@args: what was expected");
}

for my $command (\@show, ['report']) {
	refused('not a domain.*example\.com', @$command, '--domain', $_)
	    for '', 'a@b.example', '.a.example', '192.0.2.1', '192.0.2.0/24',
	    'a b.example', '*.example', 'TLS_From:a.example';
	refused('not a time.*2026', @$command, '--since', $_)
	    for 'yesterday', '2026-02-30', '7x', '';
	refused('--since is not before --until', @$command, '--since',
	    '2026-11-02', '--until', '2026-11-01');
}
refused('not a client: want mail\.example\.com', @show, '--client', $_)
    for '', '192.0.2.0/33', '192.0.2.1/24', 'a@b', 'mx a';
refused('not a verdict(?:; expected one of: accept, tempfail|, did you mean accept)', @show, '--verdict', $_)
    for 'refused', 'ACCEPT', '';
refused('not a reason; expected one of: plaintext', @show, '--reason', $_)
    for 'clear', '';
refused('not the key of a rule', @show, '--rule', $_)
    for 'bank.example', 'TLS_Form:bank.example', '';

# What is there says nothing; what is not, how many were looked at.
sub told {
	my ($said, @args) = @_;
	my $r = tlspolicy(@args);
	is($r->{status}, 0, "@args: exit 0");
	is(join('', grep { /none of/ } split /^/, $r->{err}), $said,
	    "@args: told") or diag $r->{err};
}

my $all = () = Tlspolicy::Scratch::slurp($log) =~ /^(?!.*"event":"link")./gm;
cmp_ok($all, '>', 100, 'records');
for my $command (\@show, ['report']) {
	told('', @$command);
	told('', @$command, '--domain', 'bank.example');
	told('', @$command, '--domain', 'BANK.example');
	told("--domain bnak.example: none of $all records\n", @$command,
	    '--domain', 'bnak.example');
	told("of that time: none of $all records\n", @$command, '--since',
	    '2027-01-01');
}
told('', @show, '--client', '192.0.2.0/24');
told("--client 10.9.8.0/24: none of $all records\n", @show, '--client',
    '10.9.8.0/24');
told("--rule TLS_To:x.example: none of $all records\n", @show, '--rule',
    'TLS_To:x.example');
told("--verdict hold: none of $all records\n", @show, '--verdict', 'hold',
    '--domain', 'bank.example');
told("--domain bnak.example: none of $all records\n" .
    "--reason wrong-certificate: none of $all records\n", @show, '--reason',
    'wrong-certificate', '--domain', 'bnak.example')
    if Tlspolicy::Scratch::slurp($log) !~ /"reason":"wrong-certificate"/;
told("of all that: none of $all records\n", @show, '--domain', 'bank.example',
    '--rule', 'TLS_From:legacy.example');
done_testing;
