package Tlspolicy::DemoRun;

# The demo as scripts/demo runs it: into a pipe, on a terminal, and with a
# tlspolicy that does not tell the truth.

use strict;
use warnings;
use File::Path qw(remove_tree);
use Test::More;
use Tlspolicy::Demo;
use Tlspolicy::Scratch;

my @perl = ($^X, map({ "-I$_" } @INC), '-MTlspolicy::Demo', '-e',
    'Tlspolicy::Demo::run(@ARGV)');

sub run
{
	my ($kind) = @_;
	my $why = Tlspolicy::Demo::missing($kind);
	plan skip_all => $why if $why;
	my $scratch = Tlspolicy::Scratch->new;
	subtest 'into a pipe' => sub { plain($kind) };
	subtest 'on a terminal' => sub { coloured($kind, $scratch) };
	subtest 'a step that fails' => sub { honest($kind, $scratch) };
	done_testing;
}

sub demo
{
	my ($kind, @before) = @_;
	return Tlspolicy::Scratch::run({ timeout => 300 }, @before, @perl, $kind);
}

sub plain
{
	my ($kind) = @_;
	my $r = demo($kind);
	my ($folder) = $r->{out} =~ /^A throw-away $kind .*, in (\/\S+)$/m;
	is($r->{status}, 0, 'all is as expected') or
	    diag($r->{out}, $r->{err});
	is($r->{err}, '', 'nothing else to say');
	ok($folder && !-e $folder, 'the scratch folder is gone');
	unlike($r->{out}, qr/[^\x20-\x7e\n]/, 'no colour, no tab');
	is_deeply([grep { length > 80 && !/demo-report/ } split /\n/,
	    $r->{out}], [], 'no line is too long');
	my @parts = (
	    'a rule for a domain of senders' =>
		qr/^    TLS_From:bank\.example +PERM\+VERIFY/m,
	    'a refusal, its rule and its reason' =>
		qr/^    S: 550 5\.7\.10 rule TLS_From:bank.*^  why:\n.*: no\n/ms,
	    'an exception with an end' =>
		qr/^    TLS_From:courier\.example +ENCR:0\+UNTIL:\d{4}-/m,
	    'what a stricter policy would have done' =>
		qr/^    newly refused: 1\n    courier\.example: 1/m,
	    'the log is whole' => qr/^    whole: 9 lines in 1 file$/m,
	    'the report' => qr/^      attempts refused +3$/m,
	);
	while (my ($name, $like) = splice @parts, 0, 2) {
		like($r->{out}, $like, $name);
	}
	my @told = $r->{out} =~ /^    S: (\d{3}) /mg;
	is(join(' ', grep { !/^250|354/ } @told), '550 554 451',
	    'three refusals');
	my ($page) = $r->{out} =~ /^    \$ tlspolicy report --html >(\S+)$/m;
	like(-e ($page // '') ? Tlspolicy::Scratch::slurp($page) : '',
	    qr/courier\.example/, 'the page lies where it says');
}

sub coloured
{
	my ($kind, $scratch) = @_;
	my $log = $scratch->path('typescript');
	local $ENV{TERM} = 'xterm';
	delete local $ENV{NO_COLOR};
	my $words = join ' ', map { s/'/'\\''/gr =~ s/(.*)/'$1'/sr } @perl,
	    $kind;
	my $r = Tlspolicy::Scratch::run({ timeout => 300 }, 'script', '-qec',
	    $words, $log);
	is($r->{status}, 0, 'all is as expected');
	my $out = Tlspolicy::Scratch::slurp($log);
	like($out, qr/\e\[31m    S: 550/, 'refusals are red');
	like($out, qr/\e\[32m    S: 250/, 'acceptances are green');
	is(scalar(() = $out =~ /\e\[\d+m/g) / 2, scalar(() = $out =~ /\e\[0m/g),
	    'each colour ends');
}

# One that explains each message as accepted.
sub honest
{
	my ($kind, $scratch) = @_;
	my $real = Tlspolicy::Scratch::builddir();
	mkdir $scratch->path('liar');
	symlink $_, $scratch->path('liar/' . s{.*/}{}r)
	    for grep { !m{/tlspolicy$} } glob "$real/*";
	$scratch->write('liar/tlspolicy', "#!/bin/sh\n[ \"\$1\" != check ] || " .
	    "{ echo accept; exit 0; }\nexec '$real/tlspolicy' \"\$@\"\n", 0755);
	my $r = demo($kind, 'env', 'TLSPOLICY_BUILDDIR=' .
	    $scratch->path('liar'));
	is($r->{status}, 1, 'the exit status says so') or diag($r->{err});
	is(scalar(() = $r->{out} =~ /^  !! message \d, .*explanation says accept/mg),
	    3, 'each of the refusals is complained of') or diag($r->{out});
	like($r->{out}, qr/^3 of the steps did not come out/m, 'and the end');
	my ($folder) = $r->{out} =~ m{, in (/tmp/tlspolicy-\w+)$}m;
	ok($folder && -d $folder, 'what there is to see is kept');
	remove_tree($folder) if $folder;
}

1;
