#!/usr/bin/perl
#
# A record whose client was told 451 in its place is no mail: replay, report and
# suggest leave it out, wherever the note stands; audit show and why say so.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Compress::Gzip qw(gzip $GzipError);
use JSON::PP qw(decode_json);
use Test::More;
use Tlspolicy::Sample;
use Tlspolicy::Scratch;

my $bin = Tlspolicy::Scratch::builddir();
plan skip_all => "$bin/t/sample-audit is not built"
    unless -x "$bin/t/sample-audit";
my $scratch = Tlspolicy::Scratch->new;
my @sessions = @{Tlspolicy::Sample::sessions()}[0 .. 199];
$sessions[$_][1]{i} = "QUEUED$_" for 0 .. $#sessions;
my $log = Tlspolicy::Sample::log_of($scratch, 'audit', @sessions);
my $store = $log =~ s/log$/mdb/r;
my @lines = split /^/, Tlspolicy::Scratch::slurp($log);
my @record = grep { $lines[$_] =~ /"event":"message"/ } 0 .. $#lines;
my $all = grep { /"verdict":/ } @lines;
cmp_ok($all, '>', 100, 'there are records');

sub seq
{
	return $_[0] =~ /"seq":(\d+),"chain"/ ? $1 : die "no number: $_[0]";
}

sub withdrawal
{
	my ($of, $seq) = @_;
	return qq({"v":1,"event":"withdrawn","time":) .
	    qq("2026-11-21T12:00:00.000000Z","of":$of,"seq":$seq,"chain":") .
	    '0' x 64 . qq("}\n);
}

sub run
{
	return Tlspolicy::Scratch::run("$bin/tlspolicy", @_);
}

# So many records, by both readers: the threads of replay, and the others'.
sub counts
{
	my ($want, $left_out, $name, @files) = @_;
	for (['replay', '-d', $store, '--json'], ['report', '--json']) {
		my $r = run(@$_, @files);
		is(decode_json($r->{out})->{records}, $want,
		    "$name: $_->[0]") or diag($r->{err});
		my ($told) = $r->{err} =~
		    /^(\d+) withdrawn records? left out$/m;
		is($told // 0, $left_out, "$name: $_->[0] says so");
	}
}

# The log with lines put behind the one with index $at.
sub with
{
	my ($at, @more) = @_;
	return join '', @lines[0 .. $at], @more, @lines[$at + 1 .. $#lines];
}

my $at = $record[50];
my $seq = seq($lines[$at]);
my $end = seq($lines[-1]);
counts($all, 0, 'no note', $log);
my $text = with($at, withdrawal($seq, $end + 1));
my $near = $scratch->write('near.log', $text);
counts($all - 1, 1, 'right behind', $near);
gzip(\$text => $scratch->path('near.gz')) or die $GzipError;
counts($all - 1, 1, 'packed', $scratch->path('near.gz'));
counts($all, 0, 'of no record', $scratch->write('none.log',
    with($at, withdrawal($end + 100, $end + 1))));

my $blank = (' ' x 999 . "\n") x 2500;
counts($all - 1, 1, 'megabytes behind', $scratch->write('far.log',
    with($at, $blank, withdrawal($seq, $end + 1))));
# A note further behind its record than the readers look ahead; the writer writes
# none.
counts($all, 0, 'behind all that is read ahead', $scratch->write('away.log',
    with($at, $blank x 4, withdrawal($seq, $end + 1))));
my @ten = map { seq($lines[$_]) } @record[41 .. 50];
counts($all - 10, 10, 'ten, backwards', $scratch->write('ten.log',
    with($at, map { withdrawal($_, $end + 1) } reverse @ten)));

# Rotated between the record and its note.
my $old = $scratch->write('split.log.1', join '', @lines[0 .. $at]);
my $new = $scratch->write('split.log', join '', $lines[$at + 1],
    withdrawal($seq, $end + 1), @lines[$at + 2 .. $#lines]);
counts($all - 1, 1, 'in the next file', $old, $new);
counts($all - 1, 1, 'named in a shell\'s order', $new, $old);

# Logs of two machines have the same sequence numbers.
counts(2 * $all - 1, 1, 'two machines', $log, $near);

# Standard input, in pieces as small as a pipe's.
for (['replay', '-d', $store, '--json', '-'], ['report', '--json', '-']) {
	my $out = `cat $near | $bin/tlspolicy @$_ 2>$log.err`;
	is(decode_json($out)->{records}, $all - 1, "$_->[0]: standard input");
}

my $why = run('suggest', '--mails', 1, '--days', 0, '--why-not', $near);
like($why->{err}, qr/^1 withdrawn record left out$/m, 'suggest');

# What people see.
my $id = decode_json($lines[$at])->{queue_id};
my @shown = split /\n/, run('audit', 'show', $near)->{out};
is(scalar @shown, $all, 'show: all records');
is_deeply([map { / id=(\S+)/ } grep { /^\S+ withdrawn \w+ / } @shown], [$id],
    'one of them withdrawn');
my @json = grep { /"withdrawn"/ } split /\n/,
    run('audit', 'show', '--json', $near)->{out};
is(scalar @json, 1, 'show --json has the note');
like(`$bin/tlspolicy audit show - <$near`,
    qr/ id=\Q$id\E .*^2026-11-21T12:00:00Z withdrawn of=$seq$/ms,
    'standard input: the record, and its note behind it');
like(run('audit', 'why', $id, $near)->{out}, qr/^withdrawn: .* 451 /m, 'why');
unlike(run('audit', 'why', $id, $log)->{out}, qr/^withdrawn/m, 'why not');

done_testing;
