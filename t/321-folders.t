#!/usr/bin/perl
#
# A policy in several files and folders: one order, one generation, each line by
# its file; folders with what does not belong there, and folders without rules.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX qw(mkfifo);
use Test::More;
use Tlspolicy::Scratch;

my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
plan skip_all => "$tlspolicy is not built" unless -x $tlspolicy;
my $scratch = Tlspolicy::Scratch->new;
my $store = $scratch->path('policy.mdb');
my $folder = $scratch->path('rules.d');
my $conf = $scratch->path('conf');

mkdir $folder or die $!;

sub tlspolicy {
	my ($command, @args) = @_;
	return Tlspolicy::Scratch::run($tlspolicy, $command, '-c', $conf, '-d',
	    $store, @args);
}

sub rules {
	my (@paths) = @_;
	$scratch->write('conf', "rules = @paths\n");
}

sub file {
	my ($name, $text) = @_;
	return $scratch->write("rules.d/$name", $text);
}

# The build stops, says why, and the old rules stay.
sub stops {
	my ($status, $why, $name) = @_;
	my $before = tlspolicy('show')->{out};
	my $r = tlspolicy('build');
	is($r->{status}, $status, "$name: exit $status") or diag $r->{err};
	like($r->{err}, $why, "$name: why");
	is(tlspolicy('show')->{out}, $before, "$name: the rules stay");
}

# The order is that of the setting, in a folder that of the names, as bytes.
my $main = $scratch->write('main', "TLS_Clt:main.example\tENCR:1\n");
file('20-b.rules', "TLS_Clt:b.example\tENCR:2\n\nProfile:p\tENCR:128\n");
file('10-a.rules', "# first\nTLS_Clt:a.example\tAS:p\nTLS_From:x.example\t" .
    "ENCR:0+WHEN:192.0.2.1\n");
file('Z.rules', "TLS_From:x.example\tPERM+ENCR:128\n");
file('a.rules', "TLS_Clt:last.example\tOK\n");
rules("$folder, $main");
my $r = tlspolicy('build');
is("$r->{status} $r->{err}", "0 $store: generation 1, 7 rules\n",
    'one generation, and nothing else to say');
is(tlspolicy('show')->{out}, <<'END', 'show: files in their order');
TLS_Clt:a.example	AS:p
TLS_From:x.example	ENCR:0+WHEN:192.0.2.1
TLS_Clt:b.example	ENCR:2
Profile:p	ENCR:128
TLS_From:x.example	PERM+ENCR:128
TLS_Clt:last.example	OK
TLS_Clt:main.example	ENCR:1
END
like(tlspolicy('check', '-v', '-t', 'TLS_Clt', 'client_name=a.example',
    'client_addr=192.0.2.1')->{out},
    qr{rule TLS_Clt:a\.example AS:p \(\Q$folder\E/10-a\.rules:2, .*\n\s+with Profile:p ENCR:128 \(\Q$folder\E/20-b\.rules:3, },
    'the trace tells file and line of both');
like(tlspolicy('check', '-v', '-t', 'TLS_From', 'mail_addr=a@x.example',
    'client_addr=192.0.2.2')->{out}, qr{\(\Q$folder\E/Z\.rules:1, },
    'a later file goes on where the first has a condition');
like(tlspolicy('build')->{err}, qr/unchanged/, 'the same again');
is(tlspolicy('lint')->{status}, 0, 'lint reads them, too');
# Several settings lines, and the command line.
$scratch->write('conf', "rules = $main\n    $folder\n");
like(tlspolicy('build')->{err}, qr/generation 2, 7 rules/,
    'the same lines in another order');
is(Tlspolicy::Scratch::run($tlspolicy, 'build', '-n', '-d', $store, $folder,
    $main)->{status}, 0, 'a folder as an operand');
like(tlspolicy('settings', 'rules')->{out},
    qr/^rules = \Q$main\E, \Q$folder\E$/m, 'the setting is printed');

# Rules made by set are in no file, and show --unbuilt prints them.
is(tlspolicy('show', '--unbuilt')->{out}, '', 'nothing is unbuilt');
tlspolicy('set', 'TLS_To:set.example', 'ENCR:1');
tlspolicy('del', 'TLS_Clt:b.example');
$r = tlspolicy('show', '-u');
is("$r->{status}\n$r->{out}", "1\n+ TLS_Clt:b.example\tENCR:2\n" .
    "- TLS_To:set.example\tENCR:1\n", 'show --unbuilt: both ways');
like(tlspolicy('show', '-u', '--json')->{out}, qr/"removed".*set\.example/,
    'show --unbuilt --json');
is(tlspolicy('show', '-u', 'TLS_To:x')->{status}, 64, 'and no KEY');

# Two lines for one key, in two files: both places.
file('30-twice.rules', "\n\nTLS_Clt:MAIN.example\tENCR:2\n");
stops(65, qr{^\Q$folder\E/30-twice\.rules:3:1: found "TLS_Clt:MAIN\.example" a second time \(first in line 1 of \Q$main\E\)}m,
    'twice');
file('30-twice.rules', "TLS_Clt:c.example ENCR\nTLS_Clt:d.example AS:q\n");
stops(65, qr{^\Q$folder\E/30-twice\.rules:1:19: .*\n\Q$folder\E/30-twice\.rules:2:19: }m,
    'bad lines of a file in a folder');
unlink "$folder/30-twice.rules";

# What an editor or a package leaves is no rule; what may be meant is told.
my $bad = "TLS_Clt:evil.example OK\nnonsense\n";
file($_, $bad) for 
    ('.hidden.rules', '.#10-a.rules', '10-a.rules~', 'README', 'x.claims');
$r = tlspolicy('build');
is("$r->{status} " . ($r->{err} =~ s/generation \d+/generation N/r),
    "0 $store: generation N, 7 rules\n", 'passed over in silence');
file('10-a.rules.dpkg-old', $bad);
file('partner.rule', $bad);
file('rules', $bad);
$r = tlspolicy('build');
is($r->{status}, 0, 'other names: built');
like($r->{err}, qr/^\Q$folder\E: warning: \Q$_\E is passed over, as its name does not end in \.rules$/m,
    "$_: told") for qw(10-a.rules.dpkg-old partner.rule rules);
unlink map { "$folder/$_" } qw(10-a.rules.dpkg-old partner.rule rules);

# No folder, no files, no rules: never a policy without them.
rules($main, "$folder.gone");
stops(66, qr{cannot open \Q$folder\E\.gone: No such file}, 'a folder that is gone');
mkdir "$folder.empty" or die $!;
rules($main, "$folder.empty");
stops(66, qr{cannot read \Q$folder\E\.empty: it has no file \*\.rules; expected one at least},
    'an empty folder');
file('../rules.d.empty/x.rules~', $bad);
stops(66, qr{has no file \*\.rules}, 'a folder of what does not count');
rules($main, $folder);

# Names in the folder that are no file or cannot be read stop the build.
symlink 'nowhere', "$folder/40.rules" or die $!;
stops(66, qr{cannot open \Q$folder\E/40\.rules: No such file}, 'a dangling link');
unlink "$folder/40.rules";
symlink '40.rules', "$folder/40.rules" or die $!;
stops(66, qr{cannot open \Q$folder\E/40\.rules: }, 'a link to itself');
unlink "$folder/40.rules";
mkfifo("$folder/40.rules", 0600) or die $!;
stops(65, qr{\Q$folder\E/40\.rules is no file}, 'a FIFO does not hang it');
unlink "$folder/40.rules";
symlink '/dev/zero', "$folder/40.rules" or die $!;
stops(65, qr{\Q$folder\E/40\.rules is no file}, 'a device');
unlink "$folder/40.rules";
mkdir "$folder/40.rules" or die $!;
stops(65, qr{\Q$folder\E/40\.rules is no file}, 'a folder in it');
rmdir "$folder/40.rules";
file("40\e[2J.rules", $bad);
stops(65, qr{has a file whose name is no text}, 'a name that is no text');
unlink "$folder/40\e[2J.rules";
symlink '../main', "$folder/40.rules" or die $!;
rules($folder);
is(tlspolicy('build', '-n')->{status}, 0, 'a link to a file is one');
unlink "$folder/40.rules";
rules($main, $folder);

# A file that was cut off shows in no number: its rules are gone.
file('50.rules', '');
$r = tlspolicy('build', '-n');
is($r->{status}, 0, 'an empty file among others');
like($r->{err}, qr{^\Q$folder\E/50\.rules:1:1: warning: not a byte of rules: }m,
    'is named');
file('50.rules', "\n");
unlike(tlspolicy('build', '-n')->{err}, qr/warning/, 'one that has a byte is not');

# Files and folders that others may write to stop the build.
my $file = file('50.rules', "TLS_Clt:e.example ENCR:1\n");
chmod 0666, $file;
stops(65, qr{\Q$file\E can be written by everybody}, 'a file for everybody');
chmod 0644, $file;
chmod 0777, $folder;
stops(65, qr{\Q$folder\E can be written by everybody}, 'a folder for everybody');
chmod 01777, $folder;
stops(65, qr{\Q$folder\E can be written by everybody}, 'and with a sticky bit');
chmod 0755, $folder;
SKIP: {
	skip 'not root', 9 if $> != 0;
	chown 12345, -1, $file;
	stops(65, qr{\Q$file\E belongs to user 12345; expected the owner},
	    "another's file");
	chown 0, -1, $file;
	symlink '../main', "$folder/40.rules" or die $!;
	Tlspolicy::Scratch::must('chown', '-h', '12345', "$folder/40.rules");
	stops(65, qr{\Q$folder\E/40\.rules belongs to user 12345},
	    "another's link");
	unlink "$folder/40.rules";
	my $others = $scratch->write('others', "TLS_Clt:f.example OK\n");
	chown 12345, -1, $others;
	symlink '../others', "$folder/40.rules" or die $!;
	stops(65, qr{\Q$folder\E/40\.rules belongs to user 12345},
	    "a link to another's file");
	unlink "$folder/40.rules";
}
is(tlspolicy('build')->{status}, 0, 'and all is well again');

# More files than a policy should have.
for my $n (1 .. 1019) {
	file(sprintf('x%04d.rules', $n), "TLS_Clt:x$n.example ENCR:1\n");
}
stops(64, qr/too many rule files; expected at most 1024/, '1,025 files');
unlink "$folder/x1019.rules";
is(tlspolicy('build')->{status}, 0, '1,024 files');
like(tlspolicy('check', '-v', '-t', 'TLS_Clt', 'client_name=x1018.example',
    'client_addr=192.0.2.1')->{out}, qr{/x1018\.rules:1, }, 'the last of them');

# The setting itself.
for (['', 'an absolute'], ['rules', 'relative'], ["$main, x", 'one of them'],
    [',', 'a comma']) {
	$scratch->write('conf', "rules = $_->[0]\n");
	is(tlspolicy('build')->{status}, 78, "rules = $_->[0]: $_->[1]");
}
done_testing;
