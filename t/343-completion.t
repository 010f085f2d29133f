#!/usr/bin/perl
#
# The completion for bash completes what the table of commands and the store
# have; that for zsh does the same in a zsh on a terminal.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Tree;

my $bin = Tlspolicy::Scratch::builddir();
plan skip_all => "$bin/tlspolicy is not built" unless -x "$bin/tlspolicy";
my $top = Tlspolicy::Scratch::topdir();
my $scratch = Tlspolicy::Scratch->new;
my $store = $scratch->path('policy.mdb');
my $rules = $scratch->write('rules', <<'END');
TLS_Clt:mail.example.com	PERM+VERIFY:128
TLS_Clt:192.0.2.1	PERM+ENCR:128
TLS_From:example.net	TEMP+ENCR:128
TLS_Auth:$(id)	TEMP+ENCR:128
END
$ENV{PATH} = "$bin:$ENV{PATH}";
my $given = "-c /dev/null -d $store";
is(Tlspolicy::Scratch::run("$bin/tlspolicy", 'build', split(' ', $given),
    $rules)->{status}, 0, 'a store');

my $r = Tlspolicy::Scratch::run("$bin/tlspolicy", '--table');
my @table = map { [split /\t/, $_, -1] } split /\n/, $r->{out};
is_deeply([grep { @$_ != 5 } @table], [], 'five columns');
is_deeply([grep { "@$_[0]" eq 'audit show' && $_->[2] eq '--since' } @table],
    [['audit show', '', '--since', 'TIME',
    'from this day or time on, UTC; 7d: ago']], 'a row of a sub-command');

# What readline would be offered for this line, the cursor at its end.
sub completed {
	my ($line) = @_;
	my $breaks = " \t\n\"'><=;|&(:";
	my $bash = 'source "$1"; COMP_LINE=$2 COMP_POINT=${#2} '
	    . 'COMP_WORDBREAKS=$3; _tlspolicy; '
	    . 'for w in "${COMPREPLY[@]}"; do printf "%s\n" "$w"; done';
	my $r = Tlspolicy::Scratch::run('bash', '-u', '-c', $bash, 'bash',
	    "$top/scripts/completion/tlspolicy", $line, $breaks);
	is($r->{err}, '', "<$line>: no message");
	return [sort split /\n/, $r->{out}];
}

my @commands = map { $_->[0] } grep { "$_->[1]$_->[2]" eq '' &&
    $_->[0] !~ / / } @table;
cmp_ok(scalar @commands, '>', 10, 'commands were found');
is_deeply(completed('tlspolicy '), [sort 'help', @commands], 'every command');
is_deeply(completed('tlspolicy he'), ['help'], 'help');
is_deeply(completed('tlspolicy help re'), ['replay', 'report'], 'after help');
is_deeply(completed('tlspolicy bu'), ['build'], 'one command');
is_deeply(completed('tlspolicy audit '), [sort map { $_->[0] =~ /^audit (.+)/ ?
    $1 : () } grep { "$_->[1]$_->[2]" eq '' } @table], 'every part of audit');
is_deeply([grep { /^(?:cancel|status)$/ } @{completed('tlspolicy plan ')}],
    ['cancel', 'status'], 'parts of plan, besides files');
for my $command (grep { $_ ne 'audit' } @commands, 'audit show',
    'plan status') {
	is_deeply(completed("tlspolicy $command -"), [sort map { $_->[2] ne '' ?
	    $_->[2] : $_->[1] } grep { $_->[0] eq $command &&
	    "$_->[1]$_->[2]" ne '' } @table], "$command: every option");
}
is_deeply(completed('tlspolicy lint --mta '), ['postfix', 'sendmail'],
    'words that an option takes');
is_deeply(completed("tlspolicy show $given TLS_F"), ['TLS_From:example.net'],
    'a key');
is_deeply(completed("tlspolicy del $given TLS_Clt:m"), ['mail.example.com'],
    'a key behind its colon');
is_deeply(completed("tlspolicy set $given TLS_Clt:"),
    ['192.0.2.1', 'mail.example.com'], 'keys of a tag');
is_deeply(completed("tlspolicy set $given TLS_Auth:"),
    ['$(id)'], 'a key is never run');
is_deeply(completed("tlspolicy set -c /dev/null -d /nonexistent/x T"), [],
    'no store: nothing, and no noise');
is_deeply(completed("tlspolicy log $given TLS_F"), ['TLS_From:example.net'],
    'a key whose history is asked for');
is_deeply(completed("tlspolicy rollback $given "), ['1'], 'a generation');
is_deeply(completed('tlspolicy build ' . $scratch->path('ru')), [$rules],
    'a file');

# Each line and a tab typed into a zsh on a terminal of its own; what zle has
# then is written into a file by a key.
my $typist = <<'END';
zmodload zsh/zpty
out=$2
zpty z 'zsh -f -i'
zpty -w z "fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -D; PS1="
zpty -w z "tell() { print -r -- \"\$BUFFER\" >>$out; BUFFER= }
    zle -N tell; bindkey '^X' tell; print ready >>$out"
n=1
told() {
	integer i
	for ((i = 0; i < 6000; i++)); do
		[[ $(wc -l <$out) -ge $n ]] && return
		zpty -r -t z drained
		sleep 0.01
	done
	exit 1
}
: >>$out
told
for line in $@[3,-1]; do
	zpty -w -n z "$line"$'\t\x18'
	((n++))
	told
done
zpty -d z
END

SKIP: {
	skip 'no zsh', 1 if system('command -v zsh >/dev/null') != 0;
	my @lines = (
		'tlspolicy bu' => 'tlspolicy build ',
		'tlspolicy he' => 'tlspolicy help ',
		'tlspolicy help bu' => 'tlspolicy help build ',
		'tlspolicy audit sh' => 'tlspolicy audit show ',
		'tlspolicy report --sin' => 'tlspolicy report --since ',
		'tlspolicy lint --mta po' => 'tlspolicy lint --mta postfix ',
		"tlspolicy show $given TLS_F" =>
		    "tlspolicy show $given TLS_From:example.net ",
		"tlspolicy del $given TLS_Clt:m" =>
		    "tlspolicy del $given TLS_Clt:mail.example.com ",
		"tlspolicy set $given TLS_A" =>
		    "tlspolicy set $given TLS_Auth:\\\$\\(id\\) ",
		'tlspolicy set -c /dev/null -d /nonexistent/x T' =>
		    'tlspolicy set -c /dev/null -d /nonexistent/x T',
		'tlspolicy build ' . $scratch->path('ru') =>
		    "tlspolicy build $rules ",
	);
	my @typed = map { $lines[2 * $_] } 0 .. $#lines / 2;
	my $out = $scratch->path('zle');
	my $r = Tlspolicy::Scratch::run({ timeout => 600 }, 'zsh', '-f',
	    $scratch->write('typist', $typist), "$top/scripts/completion",
	    $out, @typed);
	is(Tlspolicy::Scratch::slurp($out), join('', map { "$_\n" } 'ready',
	    map { $lines[2 * $_ + 1] } 0 .. $#lines / 2), 'in zsh') or
	    diag("exit $r->{status}\n$r->{out}$r->{err}");
}
done_testing;
