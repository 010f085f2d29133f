#!/usr/bin/perl
#
# tlspolicy-json(5) and what commands print with --json: each member of each
# document is in the manual, of the type that it says, and null or missing where
# it says so; each member of the manual is printed here or stands in the code of
# its command; each name that the code puts into JSON is in the manual.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP;
use Test::More;
use Tlspolicy::Members;
use Tlspolicy::Scratch;

my $bin = Tlspolicy::Scratch::builddir();
plan skip_all => "$bin/tlspolicy is not built" unless -x "$bin/tlspolicy";
my $scratch = Tlspolicy::Scratch->new;
my $store = $scratch->path('policy.mdb');
my $rules = $scratch->path('rules');
my $socket = 'unix:' . $scratch->path('map.sock');

sub settings
{
	return $scratch->write('conf', join '', map { "$_\n" } "store = $store", "rules = $rules",
	    'audit-file = ' . $scratch->path('audit.log'), "socketmap = $socket",
	    'socket = unix:' . $scratch->path('milter.sock'), 'local-domains = here.test', @_);
}
my $conf = settings();

sub tlspolicy
{
	my $opt = ref $_[0] ? shift : {};
	my ($command, @args) = @_;
	return Tlspolicy::Scratch::run($opt, "$bin/tlspolicy", split(/ /, $command), '-c', $conf, @args);
}

sub decode
{
	return eval { JSON::PP->new->utf8->decode($_[0]) };
}

# A command's document is that of a section of the manual.  `part`: there only
# is a part of the members; `in`: standard input; `each`: one a line.
my %ran;
sub prints
{
	my ($section, $command, @args) = @_;
	my $how = ref $args[-1] ? pop @args : {};
	my $r = tlspolicy($how, $command, '--json', @args);
	my @documents = map { decode($_) } $how->{each} ? split /\n/, $r->{out} : $r->{out};
	$ran{$command}++;
	my $words = join ' ', $command, map { s{\A/.*/}{}r } @args;
	ok(@documents > 0 && !grep({ !ref } @documents), "$words: prints JSON") or
	    diag("$r->{status}: $r->{out}$r->{err}");
	is(join("\n", map { Tlspolicy::Members::compare($section, $_, %$how) } @documents), '',
	    "$words: its members are in tlspolicy-json(5), $section");
	return @documents;
}

my @sections = Tlspolicy::Members::read_page();

subtest 'each command has its section' => sub {
	my @takers = map { /^([^\t]+)\t\t--json\t/ ? $1 : () } split /\n/,
	    Tlspolicy::Scratch::must("$bin/tlspolicy", '--table');
	cmp_ok(scalar @takers, '>', 15, 'commands take --json');
	for my $command (@takers) {
		ok(scalar(grep { $_ eq $command } @sections), $command);
	}
};

# The policy: what was built, what would be, what it was.
$scratch->write('rules', <<'END');
Profile:p ENCR:256
TLS_Clt:a.test AS:p
TLS_Clt:b.test ENCR:1+UNTIL:2020-01-01
TLS_Clt:c.test ENCR:1+UNTIL:2099-01-01++BY:ticket-1
TLS_From:w.test WARN+VERIFY
TLS_To:x@here.test HOLD+VERIFY
TLS_Rcpt:out.test VERIFY
END
prints('build', 'build');
prints('show', 'show');
prints('lint', 'lint');
$scratch->write('rules', <<'END');
Profile:p ENCR:128
TLS_Clt:a.test AS:p
TLS_Clt:b.test ENCR:2
TLS_From:w.test WARN+VERIFY
TLS_From:new.test VERIFY
TLS_Rcpt:out.test VERIFY+CN:mx.out.test
TLS_Rcpt:dane.test DANE
TLS_Rcpt:warned.test WARN+VERIFY
TLS_Rcpt:words.test ENCR:1+VER:1.3++CN:mx.words.test++CI:/CN=x
END
for (['diff'], ['build', '-n'], ['show', '--unbuilt']) {
	my ($command, @args) = @$_;
	my ($changes) = prints('diff', $command, @args);
	is(join(' ', do { my %is = map { $_->{change} => 1 } @$changes; sort keys %is }),
	    'added changed removed touched', "$command: of each kind");
	like(Tlspolicy::Members::section($command)->{intro}, qr/^the list of\n\.Sx diff \.$/m,
	    "$command: the manual says so") unless $command eq 'diff';
}
settings('mode = monitor');
prints('build', 'build', '-m', 'why');
tlspolicy('rollback', '1');
prints('diff', 'diff', '--generation', '1..2');
prints('log', 'log', '-v');
prints('log', 'log');
prints('log', 'log', 'TLS_Clt:b.test');
settings();
tlspolicy('build');
prints('settings', 'settings');

# Sessions.
my @mail = ('v=8.17.1', 'client_addr=192.0.2.1', 'client_name=n.test');
prints('check', 'check', '-v', @mail, 'mail_addr=j@new.test', 'rcpt_addr=x@here.test');
prints('check', 'check', @mail, 'mail_addr=j@w.test');
prints('check', 'check', '-o', 'mode=monitor', @mail, 'mail_addr=j@new.test');
my $held = $scratch->write('held', "TLS_Clt:c.test HOLD+ENCR:1+UNTIL:2099-01-01++BY:t\n");
prints('check', 'check', '-r', $held, 'v=8.17.1', 'client_name=c.test', 'client_addr=192.0.2.1',
    'mail_addr=j@x.test');
my ($missing) = prints('check', 'check', @mail[0, 2]);
ok(scalar(grep { $_->{missing} } @{$missing->{rules}}), 'check: a macro is missing');
$scratch->write('sessions', qq({"client_name":"a.test"}\n{}\n));
prints('check', 'check', '--batch', { in => $scratch->path('sessions'), each => 1 });
$scratch->write('sessions', "none\n");
my ($error) = prints('check', 'check', '--batch',
    { in => $scratch->path('sessions'), each => 1, part => 1 });
is(join(' ', sort keys %$error), 'error line', 'check --batch: of a bad line nothing else');

# Claims.
prints('prove', 'prove', 'from a.test in clear is never refused');
prints('prove', 'prove', '-f', $scratch->write('c.claims', <<'END'));
from new.test in clear is always refused
from a.test in clear is never refused
END

# More clients than are told apart: not decided.
my $many = $scratch->write('many', join '',
    map { "TLS_From:x$_.test PERM+ENCR:1+CLIENT:192.0.2.$_\n" } 0 .. 64);
prints('prove', 'prove', '-r', $many, 'from x1.test bits at least 1 never accepted');

# Other people's policy.
my $access = $scratch->write('access', "TLS_Clt:a.test\tVERIFY\nTLS_Srv:x BOGUS\n");
prints('import', 'import', 'sendmail', $access);

# What was recorded.
my %tls = (version => 'TLSv1.3', cipher => 'TLS_AES_256_GCM_SHA384', bits => 256, verify => 'OK',
    cn => 'mail.client.test', issuer => 'CN=CA', fingerprint => 'AA:BB');
sub line
{
	my ($n, $event, %with) = @_;
	return JSON::PP->new->canonical->encode({ v => 1, event => $event, seq => $n,
	    time => sprintf('2026-11-%02dT10:00:00.000000Z', $n), %with }) . "\n";
}
sub message
{
	my ($n, %with) = @_;
	return line($n, delete $with{event} // 'message', node => 'mx.here.test', mta => '8.17.1',
	    helo => 'h', from => 'a@from.test', generation => 1, session => "s.$n",
	    client => { name => 'mail.client.test', addr => '192.0.2.1', resolve => 'OK' },
	    auth => undef, tls => undef, rcpts => ['b@here.test'], rules => [],
	    verdict => 'accept', waiver => undef, reply => undef, reason => undef,
	    mode => 'enforce', %with);
}
my %rule = (tag => 'TLS_From', key => 'TLS_From:from.test', file => 'r', line => 3);
my $log = $scratch->write('log.jsonl', join '',
    message(1, tls => \%tls), message(2),
    message(3, verdict => 'reject', event => 'refused-mail', reply => '550 5.7.10 no',
	reason => 'plaintext', rules => [{ %rule, result => 'fails',
	requirement => 'PERM+ENCR:1+UNTIL:2026-12-01' }]),
    message(4, waiver => 'warn', reason => 'plaintext', rules => [{ %rule,
	result => 'would-fail', requirement => 'WARN+ENCR:1' }],
	would => { verdict => 'reject', reply => '550 5.7.10 no' }),
    message(8, tls => { version => 'TLSv1.2', cipher => 'AES128-SHA', bits => 128 },
	from => '<>', node => 'mx2.here.test'));
my $told = $scratch->write('told.jsonl', join '', map { line($_, 'outbound', map => 'tlspolicy',
    query => 'x.test', answer => 'encrypt', result => 'told', generation => 1, mode => 'enforce',
    warned => undef, rules => []) } 1, 2);
my $maillog = $scratch->write('mail.log', join '', map { s/^/2026-11-0/r . "\n" }
    '3T10:00:00Z mx postfix/smtp[1]: Untrusted TLS connection established to mx.x.test[192.0.2.25]:25: '
    . 'TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)',
    (map { "${_}T10:00:00Z mx postfix/smtp[1]: 4Y00000$_: to=<a\@x.test>, relay=mx.x.test[192.0.2.25]:25, "
    . 'delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)' } 3, 4),
    '5T11:00:05Z mx postfix/smtp[5]: 4Z000005: to=<a@y.test>, relay=mx.y.test[192.0.2.25]:25, delay=1, '
    . 'delays=0/0/0/1, dsn=4.7.4, status=deferred (TLS is required, but was not offered by host '
    . 'mx.y.test[192.0.2.25])');
my $left = $scratch->write('left.jsonl', tlspolicy('audit from-log', $maillog)->{out});
prints('audit show', 'audit show', $log, $told, $left);
prints('audit verify', 'audit verify', $log);
my $new = $scratch->write('new', "TLS_From:from.test ENCR:1\nTLS_Header: ENCR:1\n");
prints('replay', 'replay', '-r', $new, $log);
prints('replay', 'replay', '-o', 'header-from=judge', '-r', $new, $log);
prints('replay', 'replay', '--as-then', $log);
my ($leaving) = prints('replay --left', 'replay', '--left', '-r',
    $scratch->write('leave', "TLS_Rcpt:x.test VERIFY\nTLS_Rcpt:y.test OK\n"), $told, $left);
ok(@{$leaving->{groups}} && @{$leaving->{not_left}{groups}}, 'replay --left: mail of both kinds');
prints('report', 'report', $log);
prints('report', 'report', '--left', $told, $left);
my ($partner) = prints('report', 'report', '--domain', 'x.test', $log, $told, $left);
ok($partner->{left}, 'report --domain: mail that left');
my ($nodes) = prints('report', 'report', '--nodes', $log, { part => 1 });
is(join(' ', keys %$nodes), 'basis', 'report --nodes: that alone');
prints('outbound --unasked', 'outbound', '--unasked', $told);
prints('outbound --unasked', 'outbound', '--unasked', $scratch->write('none.jsonl', ''));

# A plan: what is said of it before there is mail, and when the log has some.
my $made = $scratch->write('planned', "TLS_From:from.test PERM+ENCR:1\n");
prints('plan', 'plan', $made);
tlspolicy('plan cancel');
$scratch->write('audit.log', Tlspolicy::Scratch::slurp($log));
my ($plan) = prints('plan', 'plan', $made);
is(ref $plan->{history}, 'HASH', 'plan: a history');
my $verdict = { id => $plan->{plan}, result => 'differs', verdict => 'reject', waiver => undef,
    reason => 'plaintext', key => 'TLS_From:from.test', requirement => 'PERM+ENCR:1',
    refused_rcpts => 0 };
my $soon = $plan->{made} =~ s/\dZ\z/9.500000Z/r;
$scratch->write('audit.log', Tlspolicy::Scratch::slurp($log) .
    message(9, time => $soon, plan => $verdict));
my ($status) = prints('plan status', 'plan status');
is_deeply([map { scalar @{$status->{$_}} > 0 } qw(breaks nodes in_the_way)], [1, 1, 1],
    'plan status: what it is about') or diag explain $status;
tlspolicy('plan cancel');
my ($none) = prints('plan', 'plan status', { part => 1 });
is(join(' ', keys %$none), 'plan', 'plan status: without a plan nothing else');

# Certificates, and a server with one.
my @pem = map { $scratch->path($_) } qw(c.pem c.key secret.key);
Tlspolicy::Scratch::must(qw(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes
    -days 30 -subj /CN=localhost -addext subjectAltName=DNS:localhost), '-keyout', $pem[1],
    '-out', $pem[0]);
Tlspolicy::Scratch::must(qw(openssl pkcs8 -topk8 -passout pass:x -in), $pem[1], '-out', $pem[2]);
prints('cert', 'cert', @pem);
my $reachable = eval { require Tlspolicy::Server; 1 };
my @servers = ('127.0.0.1:1', 'nobody.invalid');
unshift @servers, map { "localhost:$_" } Tlspolicy::Server::start($scratch, cert => $pem[0],
    key => $pem[1]) if $reachable;
# Where there is no DNS the last one is not waited for.
prints('probe', 'probe', '--timeout', '5', @servers,
    { env => { RES_OPTIONS => 'timeout:1 attempts:1' } });
prints('probe', 'probe', '-d', $scratch->path('no.mdb'), $servers[0]);

# Names that are not UTF-8 take nothing away.
my $odd = $scratch->path("odd\xff");
mkdir $odd;
Tlspolicy::Scratch::must('cp', @pem[0, 1], $odd);
my ($cert) = prints('cert', 'cert', map { "$odd/c.$_" } qw(pem key));
is(scalar @{$cert->{files}}, 2, 'cert: files whose names are not UTF-8');
is($cert->{files}[0]{file}, $odd =~ s/\xff/?/r . '/c.pem', '... by name');
ok(scalar(grep { $_->{file} eq $cert->{files}[1]{file} } @{$cert->{findings}}), '... and their findings');
my ($unjudged) = prints('probe', 'probe', '-d', "$odd/no.mdb", '127.0.0.1:1');
ok($unjudged->[0]{unjudged}, 'probe: why there is no such store');

# Mail that leaves.
my @sendmail = ('outbound', '--mta', 'sendmail');
prints('outbound', @sendmail, 'a@out.test', 'mx.out.test', '192.0.2.1');
prints('outbound', @sendmail, $_) for qw(warned.test words.test);
settings('mode = monitor');
prints('outbound', @sendmail, 'out.test');
settings();
SKIP: {
	skip 'no postconf', 16 unless -x '/usr/sbin/postconf';
	my $etc = $scratch->path('etc');
	mkdir $etc;
	my $main_cf = sub {
		$scratch->write('etc/main.cf', join '', map { "$_\n" } 'compatibility_level = 3.6',
		    'myhostname = mx.here.test', 'queue_directory = /var/spool/postfix',
		    'smtp_tls_security_level = may', @_);
		# Postfix waits for a main.cf to be some seconds old.
		utime time - 10, time - 10, "$etc/main.cf", "$etc/master.cf";
	};
	$scratch->write('etc/master.cf', "smtp\tunix - - n - - smtp\nerror\tunix - - n - - error\n");
	my $ours = "socketmap:$socket:tlspolicy";
	$main_cf->("smtp_tls_policy_maps = inline:{ other.test=encrypt }, $ours");
	prints('outbound', 'outbound', '--postfix', $etc, $_)
	    for qw(out.test other.test warned.test words.test);
	settings('mode = monitor');
	prints('outbound', 'outbound', '--postfix', $etc, 'out.test');
	settings('outbound-resolver = inet:1@127.0.0.1 map');
	prints('outbound', 'outbound', '--postfix', $etc, 'dane.test');
	settings();
	my $nothing = 'socketmap:unix:' . $scratch->path('nobody.sock') . ':name';
	$main_cf->("smtp_tls_policy_maps = $nothing, $ours");
	prints('outbound', 'outbound', '--postfix', $etc, 'out.test');
	$main_cf->("transport_maps = $nothing");
	prints('outbound', 'outbound', '--postfix', $etc, 'out.test');
}

# The daemon, and nodes.
prints('doctor', 'doctor', '--postfix', $scratch->path('nothing'));
prints('doctor', 'doctor', '--fleet', $log);

subtest 'each command was run' => sub {
	for (map { /^([^\t]+)\t\t--json\t/ ? $1 : () } split /\n/,
	    Tlspolicy::Scratch::must("$bin/tlspolicy", '--table')) {
		ok($ran{$_}, $_);
	}
};

# Which files print what a section has; what in them is no literal, is data or a
# row of a table; whose functions take names.
my %sections_of = (
	'check/batch-line.c' => ['check'],
	'check/json.c' => ['check'],
	'cert/describe.c' => ['A certificate', 'cert'],
	'commands/cmd-audit-verify.c' => ['audit verify'],
	'commands/cmd-build.c' => ['build'],
	'commands/cmd-cert.c' => ['cert'],
	'commands/cmd-doctor.c' => ['doctor'],
	'commands/cmd-lint.c' => ['lint'],
	'commands/cmd-log.c' => ['log'],
	'commands/cmd-outbound.c' => ['outbound'],
	'commands/cmd-plan.c' => ['plan'],
	'commands/cmd-plan-status.c' => ['plan'],
	'commands/cmd-probe.c' => ['probe'],
	'commands/cmd-prove.c' => ['prove'],
	'commands/cmd-show.c' => ['show'],
	'commands/compare.c' => ['doctor'],
	'commands/difference.c' => ['diff'],
	'commands/outbound-answer.c' => ['outbound'],
	'commands/outbound-postfix.c' => ['outbound'],
	'commands/outbound-sendmail.c' => ['outbound'],
	'commands/outbound-unasked.c' => ['outbound --unasked'],
	'commands/planning.c' => ['plan'],
	'commands/replay-left.c' => ['replay --left'],
	'commands/replay-left-print.c' => ['replay --left'],
	'conf/settings-print.c' => ['settings'],
	'evidence/print.c' => ['plan status'],
	'import/table.c' => ['import'],
	'probe/report.c' => ['probe'],
	'prove/report.c' => ['prove'],
	'replay/print.c' => ['replay'],
	'report/basis-print.c' => ['report'],
	'report/count.c' => ['Counters of a report'],
	'report/json.c' => ['report', 'Counters of a report'],
	'report/node.c' => ['report'],
);
my %helpers = (
	'cert/describe.c' => { member => [1] },
	'commands/compare.c' => { put_state => [1, 2] },
	'commands/planning.c' => { json_string => [0], json_time => [0] },
	'commands/replay-left-print.c' => { sum_json => [1] },
	'evidence/print.c' => { json_string => [0], json_time => [0], json_list => [1] },
	'replay/print.c' => { json_field => [1] },
);
my %computed = (
	'cert/describe.c' => ['fields[i].name', 'name'],	# rows
	'commands/cmd-probe.c' => ['probe_tag_name(i)'],	# data: TAG
	'commands/compare.c' => ['name', 'since'],		# put_state()
	'commands/replay-left-print.c' => ['what'],		# sum_json()
	'conf/settings-print.c' => ['row->name'],		# data: SETTING
	'prove/report.c' => ['name'],				# data: MACRO
	'report/json.c' => ['reason_name((enum reason)i)',	# data: REASON
	    'row->name', 'member'],				# rows
	'report/node.c' => ['row->name'],			# rows
);
# Rows of a table: member names without a call.
my %table = (
	'cert/describe.c' => qr/^\t\{ (?:NULL|"[^"]*"), (?:NULL|"(\w+)"), "(\w+)", put_/m,
	'replay/print.c' => qr/^\t\[CHANGE_\w+\] = "(\w+)",$/m,
	'report/count.c' => qr/\.name = "(\w+)"/,
	'report/node.c' => qr/^\t\{ \.name = "(\w+)"/m,
);

# Records are held against tlspolicy-audit(5) by 810-promises.t.
my (%stands, @unnamed, @strange);
for my $path (Tlspolicy::Tree::files(qr{^policy/(?!audit/|base/).*\.c$})) {
	my $file = $path =~ s{^policy/}{}r;
	my ($literal, $other) = Tlspolicy::Members::in_code($path, %{$helpers{$file} // {}});
	$literal->{$_} = 1 for grep { defined }
	    $table{$file} ? Tlspolicy::Tree::code($path) =~ /$table{$file}/g : ();
	next unless %$literal || %$other;
	my @of = @{$sections_of{$file} // []};
	my %known = map { $_ => 1 } @{$computed{$file} // []};
	push @strange, map { "$path: the name $_ of a member is no literal" }
	    grep { !$known{$_} } sort keys %$other;
	for my $name (sort keys %$literal) {
		push @unnamed, "$path: $name" unless @of && Tlspolicy::Members::is_named($name, @of);
		$stands{$_}{$name} = 1 for @of;
	}
}
cmp_ok(scalar keys %stands, '>', 20, 'names were found in the code');
is(join("\n", @unnamed), '', 'tlspolicy-json(5) has each name that the code puts into JSON');
is(join("\n", @strange), '', 'names that are no literals are known here');

my @gone;
for my $name (@sections) {
	my $rows = Tlspolicy::Members::section($name)->{rows};
	for my $path (sort keys %$rows) {
		my ($last) = $path =~ /(\w+)\z/;
		push @gone, "$name: $path" unless $rows->{$path}{seen} ||
		    $stands{$name}{$last // ''} || $name eq 'What is common';
	}
}
is(join("\n", @gone), '', 'the code has each member of tlspolicy-json(5)');

done_testing;
