#!/usr/bin/perl
#
# What every command says to input that is none, and to output that fails.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Scratch;

my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
plan skip_all => "$tlspolicy is not built" unless -x $tlspolicy;
my $scratch = Tlspolicy::Scratch->new;
my $store = $scratch->path('policy.mdb');

# The files that the table below names.
my %file = (
	empty => '',
	binary => join('', map { chr($_ * 37 % 256) } 0 .. 4000),
	nul => "TLS_Clt:a ENCR:1\0\nTLS_Clt:b OK\n",
	crlf => "TLS_Clt:a ENCR:1\r\nTLS_Clt:b OK\r\n",
	nonl => "TLS_Clt:a ENCR:1\nTLS_Clt:b OK",
	huge => 'TLS_Clt:' . 'a' x 100_000 . " OK\n",
	latin => "TLS_Clt:\xe4\xff OK\n",
	torn => "{\"v\":1,\"event\":\"mess",
	good => "TLS_Clt:a ENCR:1\nTLS_Clt:b OK\n",
);
my %path = (dir => $scratch->path('dir'), missing => $scratch->path('missing'),
    map { $_ => $scratch->write($_, $file{$_}) } keys %file);
mkdir $path{dir} or die "mkdir: $!\n";
Tlspolicy::Scratch::must($tlspolicy, 'build', '-d', $store, $path{good});
my %as_good = map { $_ => 1 } qw(crlf nonl good);

sub run {
	my ($command, @args) = @_;
	my @words = split ' ', $command;
	my @where = $command =~ /^check .*-r/ ? ('-c', '/dev/null') :
	    ('-c', '/dev/null', '-d', $store);
	return Tlspolicy::Scratch::run({ timeout => 30 }, $tlspolicy,
	    @words[0 .. ($words[0] eq 'audit' ? 1 : 0)], @where,
	    @words[($words[0] eq 'audit' ? 2 : 1) .. $#words], @args);
}

sub is_run {
	my ($command, $args, $status, $err) = @_;
	my $r = run($command, @$args);
	my $label = "$command " . join(' ', map { s{.*/}{}r } @$args);
	is($r->{status}, $status, "$label: exit $status") or
	    diag("$r->{out}$r->{err}");
	like($r->{err}, $err, "$label: message");
	unlike($r->{err}, qr/[\x00-\x08\x0b-\x1f\x7f]/, "$label: printable");
	return $r;
}

# Rules: in a bad file each fault has its place.
for my $command ('build -n', 'lint', 'diff', 'check client_name=a -r') {
	for my $name (qw(binary nul huge latin torn)) {
		is_run($command, [$path{$name}], 65,
		    qr/^\Q$path{$name}\E:1:\d+: .*(?:expected|found)/m);
	}
	is_run($command, [$path{$_}], 66, qr/^tlspolicy: cannot \w+ \Q$path{$_}\E: /)
	    for qw(dir missing);
	my %result = map { $_ => run($command, $path{$_}) } keys %as_good;
	is($result{$_}{out} . $result{$_}{status},
	    $result{good}{out} . $result{good}{status}, "$command: $_")
	    for qw(crlf nonl);
}

# Audit logs.
for my $command ('audit show', 'audit why Q', 'replay', 'report', 'suggest') {
	is_run($command, [$path{$_}], $command eq 'audit why Q' ? 66 : 65,
	    qr/^\Q$path{$_}\E:1:\d+: expected an object$/m)
	    for qw(binary nul huge latin);
	is_run($command, [$path{$_}], 66, qr/^tlspolicy: cannot open \Q$path{$_}\E: /)
	    for qw(dir missing);
	is_run($command, [$path{torn}], $command eq 'audit why Q' ? 66 : $command eq 'replay' ? 1 : 0,
	    qr/^1 torn line left out$/m);
}
is_run("audit $_", [$path{dir}], 66, qr/Is a directory/) for qw(verify head);
is(run('suggest', $path{empty})->{out} =~ s/\n.*//sr,
    '# Suggested by tlspolicy from 0 records.', 'suggest: no record, no span');
is(() = run('suggest', $path{latin})->{err} =~ /:1:1:/g, 1,
    'suggest: a bad line is told once');

# The rest, a row each.
is_run(@$_) for (
	['import sendmail', [$path{nul}], 65, qr/is no text file; expected what makemap/],
	['import postfix', [$path{binary}], 65, qr/is no text file/],
	['import csv', [$path{latin}], 65, qr/^\Q$path{latin}\E:1: /],
	['import starttls-everywhere', [$path{empty}], 65, qr/:1:1: /],
	['import sendmail', [$path{dir}], 66, qr/Is a directory/],
	['import exim', [$path{good}], 64, qr/"exim" is not a format; expected one of: sendmail/],
	['cert', [$path{binary}], 65, qr/no certificate and no private key/],
	['cert', [$path{missing}], 66, qr/cannot be opened/],
	['probe --file', [$path{dir}], 66, qr/Is a directory/],
	['probe --file', [$path{latin}], 65, qr/^\Q$path{latin}\E:1: /],
	['doctor --sendmail', [$path{dir}], 66, qr/Is a directory/],
	['doctor', ['x'], 64, qr/too many operands: usage: tlspolicy doctor \[OPTIONS\] \[--fleet/],
	['check', ['-o', 'mode'], 78, qr/"mode" is not SETTING=VALUE/],
	['check', ['-o', 'mode=x'], 78, qr/^setting mode: /],
	['check', ['=a'], 64, qr/there is no macro ""$/],
	['report --csv --html', [$path{empty}], 64, qr/exclude each other/],
	['suggest --mails', ['x'], 64, qr/--mails: a number from 0 to \d+ was expected, not "x"/],
	['report --top', ['-1'], 64, qr/--top: a number from 0/],
	['doctor -n', ['0'], 64, qr/--records: a number from 1/],
	['cert --days', ['', 'x'], 64, qr/--days: a number from 0/],
	['probe --jobs', ['0', 'a'], 64, qr/--jobs: a number from 1 to/],
	['doctor', [('--postfix', 'x') x 17], 64, qr/more than 16 MTAs/],
	['audit why', [''], 64, qr/which message/],
	['show', [''], 65, qr/expected a key/],
	['del', [''], 65, qr/expected a key/],
	['set', ['', 'OK'], 65, qr/^set:1:/],
	['build', ['-d', '', $path{good}], 64, qr/want a path/],
	['settings', ['-c', $path{dir}], 66, qr/Is a directory/],
	['settings', ['-c', $path{latin}], 78, qr/^\Q$path{latin}\E:1: /],
);
for my $command (split ' ', 'build check show set del diff import lint replay '
    . 'suggest report cert probe doctor settings') {
	is_run($command, ['--no-such-option'], 64,
	    qr/unknown option --no-such-option\nTry `tlspolicy $command --help'/);
}

# A word misspelt is offered as it should be; one far from all is not.
is_run('check', ['--bach', '--batcj=x', '--bacth'], 64,
    qr/unknown option --bac?t?.*, did you mean --batch\?\n/);
is_run('audit show', ['--sicne', '--sinec=7d'], 64,
    qr/did you mean --since\?\n/);
is_run('build', ['--hepl'], 64, qr/did you mean --help\?\n/);
is_run('check -o', ['mode=enforec', 'mode=enforcee'], 78,
    qr/is not enforce or monitor, did you mean enforce\?$/m);
for (['check -t', 'TLS_Clnt', 'TLS_Clt', 'v=x'],
    ['import', 'sendmial', 'sendmail', '/dev/null'],
    ['import --as', 'tls_fom', 'TLS_From', 'csv', '/dev/null'],
    ['lint --mta', 'postfx', 'postfix'],
    ['audit show --verdict', 'rejct', 'reject'],
    ['audit show --verdict', 'HOLD', 'hold'],
    ['audit show --reason', 'plaintxt', 'plaintext'],
    ['audit from-log --mta', 'sendmal', 'sendmail', '/dev/null'],
    ['cert --use', 'sever', 'server', '/dev/null'],
    ['probe --digest', 'sha265', 'sha256', '127.0.0.1:1']) {
	my ($command, $word, $meant, @more) = @$_;
	for ([$word, qr/"$word" is not an? [^"]*, did you mean $meant\?\n/],
	    ['zzzzzzzz', qr/"zzzzzzzz" is not an? .*expected one of: .*$meant/]) {
		my $r = run($command, $_->[0], @more);
		is($r->{status}, 64, "$command $_->[0]: exit") or
		    diag($r->{out});
		like($r->{err}, $_->[1], "$command $_->[0]");
	}
}
is_run('audit shwo', [], 64, qr/"shwo" is not a command of audit, did you mean show\?\n/);
is_run('check -o', ['mode=zzzzzzzz'], 78, qr/is not enforce or monitor$/m);

# Output that cannot be written is an error, whatever there is to say.
my $in = '-c /dev/null -d ' . $store;
for my $command ("show $in", "check $in client_name=a", "diff $in $path{empty}",
    "settings $in", "report $in $path{empty}", "replay $in $path{empty}",
    "suggest $in $path{empty}", "audit verify $path{empty}",
    "import sendmail $path{good}", '--help', 'build --help', '--version') {
	is(system("$tlspolicy $command >/dev/full 2>/dev/null") >> 8, 74,
	    "$command: a full device");
	is(system("$tlspolicy $command >&- 2>/dev/null") >> 8, 74,
	    "$command: no output");
}

# Nothing is printed into a file that took the place of standard error.
my $old = $scratch->write('old', "TLS_Clt:a ENCR:1+UNTIL:2020-01-01\n");
Tlspolicy::Scratch::must($tlspolicy, 'build', '-d', $store, $old);
like(run('show')->{err}, qr/has expired/, 'show has a message');
system("$tlspolicy show $in >&- 2>&-");
unlike(Tlspolicy::Scratch::slurp("$store-lock"), qr/expired/,
    'the lock file does not get it');
is(run('show')->{status}, 0, 'and the store is whole');
done_testing;
