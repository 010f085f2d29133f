#!/usr/bin/perl
#
# What is asked of audit show and report: a value that can be none is a usage
# error, one that nothing has is told.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP qw(decode_json);
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
# --to and --clear, counted in another way.
my @records = map { decode_json($_) } grep { !/"event":"link"/ }
    split /\n/, Tlspolicy::Scratch::slurp($log);
sub shown {
	my $r = tlspolicy(@show, '--json', @_);
	is($r->{status}, 0, "show @_: exit code");
	return decode_json($r->{out});
}
my @clear = grep { !defined $_->{tls} } @records;
cmp_ok(scalar @clear, '>', 100, 'some in clear');
is_deeply([map { $_->{seq} } @{shown('--clear')}],
    [map { $_->{seq} } @clear], '--clear');
is_deeply(shown('--clear', '--domain', 'new.example'), [],
    '--clear of a partner who never was');
told("of all that: none of $all records\n", @show, '--clear', '--domain',
    'new.example');
refused('not a recipient: want user', @show, '--to', $_)
    for '', 'a b@c.example', '<a@c.example>', 'a@', '@c.example', 'a@*.example',
    '.c.example', '192.0.2.1', 'a@192.0.2.1', 'a@b@';

# Recipients in every spelling, as typed and as they were understood.
my @rcpts = ([['perm@bar.test']], [['x@bar.test', 'PERM@Bar.Test']],
    [['@foo.test:perm%bar.test@here.example']], [['bar.test!perm']],
    [['perm']], [['other@bar.test'], ['perm@bar.test']],
    [['perm@sub.bar.test']], [['perm@notbar.test']], [[]]);
my $to = $scratch->write('to', join '', map {
	my %r = (%{$records[0]}, queue_id => "Q$_", rcpts => $rcpts[$_][0]);
	delete @r{qw(seq chain)};
	$r{rcpts_resolved} = $rcpts[$_][1] if $rcpts[$_][1];
	JSON::PP->new->canonical->encode(\%r) . "\n" } 0 .. $#rcpts);
for (['perm@bar.test', '0 1 2 3 5'], ['PERM@BAR.TEST', '0 1 2 3 5'],
    ['bar.test', '0 1 2 3 5 6'], ['perm@sub.bar.test', '6'],
    ['perm@here.example', '4'], ['here.example', '2 4'],
    ['other@bar.test', '5'], ['foo.test', ''], ['er@bar.test', '']) {
	my ($word, $want) = @$_;
	my $r = Tlspolicy::Scratch::run("$bin/tlspolicy", @show, '--json',
	    '--to', $word, $to);
	is(join(' ', map { substr $_->{queue_id}, 1 }
	    @{decode_json($r->{out})}), $want, "--to $word");
	is($r->{err} =~ /^--to \Q$word\E: none of 9 records$/m ? 1 : 0,
	    $want eq '' ? 1 : 0, "--to $word: told when there is none");
}
done_testing;
