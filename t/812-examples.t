#!/usr/bin/perl
#
# The section EXAMPLES of each page of the manual: every command in it is run,
# pipelines too, below a folder that stands for /; every rule and setting in it
# is read.  What nobody can run here has a row that says what stands for it.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Sample;
use Tlspolicy::Scratch;
use Tlspolicy::Server;
use Tlspolicy::Tree;

my $build = Tlspolicy::Scratch::builddir();
for ("$build/tlspolicy", "$build/tlspolicy-milter", "$build/t/sample-audit") {
	plan skip_all => "$_ is not built" unless -x;
}
my $top = Tlspolicy::Scratch::topdir();
my $scratch = Tlspolicy::Scratch->new;
my $root = $scratch->dir;
my @folders = qw(bin etc etc/tlspolicy etc/mail etc/postfix var home);
mkdir "$root/$_" for @folders;

# Programs that find their files below the folder.
my $conf = "$root/etc/tlspolicy/tlspolicy.conf";
my $ca = "$root/etc/tlspolicy/ca";
$scratch->write("bin/$_->[0]", "#!/bin/sh\n$_->[1]", 0755) for
    ['tlspolicy', <<"END"], ['tlspolicy-milter', <<"END"],
command=\$1
shift
case \$command in audit) sub=\$1; shift ;; esac
exec '$build/tlspolicy' "\$command" \$sub -c '$conf' "\$@"
END
# In a terminal it stays there until it is interrupted.
case \$* in *-t*) exec '$build/tlspolicy-milter' -c '$conf' "\$@" ;; esac
'$build/tlspolicy-milter' -c '$conf' "\$@" 2>'$root/log' &
until grep -q listening '$root/log' || ! kill -0 \$!; do sleep 0.1; done
kill -INT \$!
wait \$!
status=\$?
cat '$root/log'
exit \$status
END
    ['tlspolicy-ca', "exec '$top/scripts/tlspolicy-ca' -d '$ca' \"\$@\"\n"],
    ['postfix', "echo \"\$@\" >>'$root/postfix-was-told'\n"];

$scratch->write('etc/tlspolicy/rules',
    "TLS_Clt:mail.example.com\tPERM+ENCR:128\n");
$scratch->write('etc/tlspolicy/tlspolicy.conf', join '', map { "$_\n" }
    "store = $root/var/policy.mdb", "rules = $root/etc/tlspolicy/rules",
    "audit-file = $root/home/audit.jsonl", "socket = unix:$root/milter.sock",
    'user = ' . ($> == 0 ? 'root' : ''));
$scratch->write('etc/mail/access', "TLS_Clt:a.example\tVERIFY:112\n");
$scratch->write('etc/postfix/main.cf', "compatibility_level = 3.6\n" .
    "smtpd_milters = unix:$root/milter.sock\nsmtpd_tls_ask_ccert = no\n" .
    "smtpd_tls_security_level = may\n");
$scratch->write('etc/postfix/master.cf', "smtp inet n - n - - smtpd\n");

# What the examples work on.
my $log = Tlspolicy::Sample::log_of($scratch, 'sample',
    @{Tlspolicy::Sample::sessions()});
rename $log, "$root/home/audit.jsonl" or die;
for ('audit.log', 'audit.log.1') {
	link "$root/home/audit.jsonl", "$root/home/$_" or die;
}
$scratch->write("home/$_.jsonl",
    Tlspolicy::Scratch::slurp("$root/home/audit.jsonl") =~
    s/"mx\.here\.example"/"$_.example.org"/gr) for qw(mx1 mx2 mx3);
$scratch->write('home/new', "TLS_Clt:mail.example.com PERM+VERIFY:128\n");
sub make_certificate
{
	my ($file, @more) = @_;
	Tlspolicy::Scratch::must('openssl', 'req', '-x509', '-newkey', 'ec',
	    '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout',
	    "$root/home/$file.key", '-out', "$root/home/$file.pem", '-days',
	    '90', '-subj', '/CN=mail.example.com', '-addext',
	    'subjectAltName=DNS:mail.example.com', @more);
}
make_certificate($_) for 'mail', 'p';
link "$root/home/mail.pem", "$root/home/ca.pem" or die;
my $port = Tlspolicy::Server::start($scratch, cert => "$root/home/mail.pem",
    key => "$root/home/mail.key");
$scratch->write('home/partners', "127.0.0.1:$port\n");

# Commands for people who have seen the page: without a row a command has to end
# with 0.  exit: else; out, err: what it prints; file: what it leaves; instead:
# parts of the command that are others here; before, after: for it alone.
my @rows = (
	[qr/^tlspolicy check -v/, exit => 77, out => qr/^reject 550/],
	[qr/^tlspolicy prove from/, instead => [qr/prove/ => 'prove -r new'],
	    exit => 1, out => qr/^false from .*\n +tlspolicy check /],
	[qr/^tlspolicy check -r new/, exit => 77, out => qr/^reject 554/],
	# Too early: its fortnight has just begun.
	[qr/^tlspolicy plan --days/, before => sub {
		run_command('tlspolicy build');
		$scratch->write('home/stricter',
		    "TLS_Clt:mail.example.com PERM+VERIFY:128\n") },
	    err => qr/judged beside generation 1/, out => qr/agreed in spring/],
	[qr/^tlspolicy plan status/, exit => 75, out => qr/not before 20/],
	[qr/^tlspolicy apply --canary/, exit => 75, err => qr/not applied/],
	[qr/^tlspolicy apply -m/, exit => 75, err => qr/not applied/,
	    after => sub { unlink glob "$root/var/policy.mdb*" }],
	[qr/^tlspolicy lint && tlspolicy build -n/, err => qr/rules are good/],
	[qr/^tlspolicy set /, instead => [qr/2027-03-31/ => '2999-03-31'],
	    err => qr/generation/],
	[qr/^tlspolicy build$/, err => qr/generation 1, 1 rule\b/],
	[qr/^tlspolicy import sendmail/, file => ['home/rules',
	    qr/^TLS_Clt:a\.example\t/]],
	[qr/^tlspolicy show > /, file => ['etc/tlspolicy/rules',
	    qr/^TLS_Clt:mail\.example\.com\tENCR:0\+UNTIL/]],
	[qr/^tlspolicy report --html > /, file => ['home/report.html',
	    qr/<html/]],
	[qr/^tlspolicy report --nodes --csv/, file => ['home/nodes.csv',
	    qr/^"mx2\.example\.org",\d+,1,/m]],
	[qr/^tlspolicy report --html --domain/, file => ['home/bank.html',
	    qr/bank\.example/]],
	[qr/^tlspolicy report --json \| jq/, out => qr/"fallback"/],
	[qr/^tlspolicy audit from-log/, instead => [qr{/var/log/mail.log} =>
	    "$top/t/data/tour.maillog"], file => ['home/left.jsonl', qr/"maillog"/]],
	[qr/^tlspolicy report --left/, instead => [qr{/var/log/tlspolicy/} => ''],
	    out => qr/mail that left/],
	[qr/^tlspolicy suggest .*> suggested/, file => ['home/suggested',
	    qr/^TLS_/m]],
	[qr/^tlspolicy replay -r suggested/, exit => [0, 1], out => qr/records/],
	[qr/^tlspolicy cert --host/, exit => [0, 1], out => qr/mail\.example/],
	[qr/^tlspolicy cert --json/, out => qr/^[0-9A-F:]{64,}$/im],
	# The logs of this page are of an older version, whose records name no
	# policy.
	[qr/^tlspolicy doctor --fleet/, exit => 1,
	    out => qr/^fleet-untold: mx1\.example\.org: /m],
	[qr/^tlspolicy doctor --postfix/, exit => 1, needs => 'postconf'],
	[qr/^tlspolicy doctor --json/, out => qr/^daemon-down$/m],
	[qr/^tlspolicy probe example/, instead => [qr/example\.com/ =>
	    "127.0.0.1:$port"], exit => [0, 75, 77], out => qr/TLSv1/],
	[qr/^tlspolicy probe --cert/, instead => [qr/\[.*\]/ =>
	    "127.0.0.1:$port"], exit => [0, 75, 77], out => qr/MAIL +250/],
	[qr/^tlspolicy probe --json/, out => qr/^127\.0\.0\.1:\d+$/m],
	[qr/^tlspolicy-milter -t$/, out => qr/milter\.sock/],
	[qr/^echo 'log-level/, file => ['etc/tlspolicy/tlspolicy.conf',
	    qr/^log-level = debug$/m]],
	[qr/^tlspolicy-milter$/, out => qr/listening on .*stopped/s],
	[qr/^tlspolicy-ca init/, out => qr/confCACERT_PATH/],
	[qr/^tlspolicy-ca client/, file => ['etc/tlspolicy/ca/' .
	    'ann@example.com-client.pem', qr/BEGIN CERTIFICATE/]],
	[qr/^tlspolicy-ca pkcs12/, instead => [qr/$/ =>
	    " -p '$root/home/password'"], before => sub {
		$scratch->write('home/password', "secret\n") }],
	[qr/^tlspolicy-ca renew .*grep -q/, before => \&certificates_that_end,
	    after => \&all_were_renewed],
	[qr/^jq -r 'select\(\.verdict/, out => qr/^2026.*\t/],
	[qr/^jq -s /, out => qr/^0\.\d+$/],
	[qr/^jq -c .*waiver/, before => sub {
		my $text = Tlspolicy::Scratch::slurp("$root/home/audit.jsonl");
		$scratch->write('home/audit.jsonl', $text =~
		    s/"waiver":"warn"/"waiver":"monitor"/r) },
	    out => qr/^\{"from":.*"would":/],
	[qr/^jq -r '\.rules/, out => qr/^ *\d+ TLS_From:/],
);

# Three that end soon, and one that does not.
sub certificates_that_end
{
	Tlspolicy::Scratch::must("$root/bin/tlspolicy-ca", '--days', '10',
	    'mta', "mx$_.example.com") for 1 .. 3;
}

sub all_were_renewed
{
	my @old = glob "$ca/old/*";
	is(scalar @old, 3, '... all that end were renewed') or diag("@old");
	is($scratch->read('postfix-was-told'), "reload\n",
	    '... and Postfix is told once');
	my $r = run_command('tlspolicy-ca renew --within 30 | grep -q . && ' .
	    'postfix reload');
	is($r->{status}, 1, '... and not when there is nothing to renew');
	is($scratch->read('postfix-was-told'), "reload\n", '... which is so');
}

sub run_command
{
	my ($command) = @_;
	$command =~ s{/etc/(?=tlspolicy|mail|postfix)}{$root/etc/}g;
	return Tlspolicy::Scratch::run('sh', '-c',
	    "cd '$root/home' && PATH='$root/bin':\$PATH && $command");
}

# Commands, and what the page shows of their output.
sub commands
{
	my ($text) = @_;
	my @found;
	$text =~ s/\\\(dq/"/g;
	return ([$text, '']) if $text =~ /^jq /;
	return ([$1, '']) if $text =~ /^\@\w+ +(.*)$/s;
	return ([$text, '']) if $text =~ /^tlspolicy\S* /;
	while ($text =~ /^[\$#] ((?:.*\\\n)*.*)\n?((?:(?![\$#] ).*\n)*)/mg) {
		push @found, [$1, $2];
	}
	return @found;
}

my %used;

sub try_command
{
	my ($page, $command, $shown) = @_;
	my ($n) = grep { $command =~ $rows[$_][0] } 0 .. $#rows;
	my %row = defined $n ? @{$rows[$n]}[1 .. $#{$rows[$n]}] : ();
	my $label = "$page: $command";
	$used{$n} = 1 if defined $n;
	SKIP: {
		skip "$label: no $row{needs}", 1 if $row{needs} &&
		    !grep { -x "$_/$row{needs}" } split(/:/, $ENV{PATH}),
		    '/usr/sbin';
		$row{before}->() if $row{before};
		my ($from, $to) = @{$row{instead} // [qr/$^/, '']};
		my $r = run_command($command =~ s/$from/$to/r);
		my $exit = $row{exit} // 0;
		ok((grep { $_ == $r->{status} } ref $exit ? @$exit : $exit),
		    $label) or diag($r->{status}, "\n", $r->{out}, $r->{err});
		like($r->{$_}, $row{$_}, "$label: $_")
		    for grep { $row{$_} } 'out', 'err';
		like($scratch->read($row{file}[0]), $row{file}[1],
		    "$label: $row{file}[0]") if $row{file};
		# The page's Postfix is the one that needs no -c.
		my $out = $r->{out} =~ s/\Q$root\E//gr =~
		    s{postfix -c /etc/postfix }{postfix }gr;
		is((grep { index($out, $_) < 0 } split /^/, $shown)[0], undef,
		    "$label: prints what is shown") or diag($out);
		$row{after}->() if $row{after};
	}
}

# Neither commands nor their output: rules, settings, lines for sendmail.
sub try_text
{
	my ($page, $text) = @_;
	my $r;
	if ($page eq 'tlspolicy.conf.5') {
		$r = Tlspolicy::Scratch::run("$build/tlspolicy", 'settings',
		    '-c', $scratch->write('text', $text));
	} elsif ($text =~ /^(?:# .*\n)?(?:TLS_\w+|Profile):/) {
		$r = Tlspolicy::Scratch::run("$build/tlspolicy", 'build', '-n',
		    '-c', '/dev/null', '-d', "$root/none.mdb",
		    $scratch->write('text', $text));
	} elsif ($page eq 'tlspolicy-ca.8') {
		my $lines = run_command('tlspolicy-ca show-mta-config sendmail ' .
		    'mail.example.com')->{out} =~ s/\Q$root\E//gr;
		is((grep { index($lines, $_) < 0 } split /^/, $text)[0], undef,
		    "$page: lines for sendmail") or diag($lines);
		return;
	} else {
		fail("$page: what is this? $text");
		return;
	}
	is($r->{status}, 0, "$page: " . ($text =~ /(.*)/)[0]) or
	    diag($r->{err});
}

my $pages = 0;
for my $page (map { s{.*/}{}r } Tlspolicy::Tree::files(qr{^man/.*\.\d$})) {
	my ($section) = Tlspolicy::Tree::text("man/$page") =~
	    /^\.Sh EXAMPLES\n(.*?)(?=^\.Sh )/ms or next;
	$pages++;
	while ($section =~ /^\.Dl (.*)\n|^\.Bd -literal.*\n((?s).*?)^\.Ed/mg) {
		my $text = Tlspolicy::Tree::plain(defined $1 ? "$1\n" : $2);
		my @commands = $text =~ /^# .*\nTLS_/ ? () : commands($text);
		try_command($page, $_->[0] =~ s/\n\z//r, $_->[1])
		    for @commands;
		try_text($page, $text) unless @commands;
	}
}
cmp_ok($pages, '>=', 11, 'pages with examples');
is_deeply([map { "$rows[$_][0]" } grep { !$used{$_} } 0 .. $#rows], [],
    'each row was of use');
done_testing;
