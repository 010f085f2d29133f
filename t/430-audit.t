#!/usr/bin/perl
# The audit log of a daemon: shown, explained, verified, replayed, tampered with.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP qw(decode_json);
use Test::More;
use Tlspolicy::Talk;

my $rules = <<'END';
TLS_Clt:192.0.2.9	PERM+ENCR:128
TLS_From:partner.example	TEMP+VERIFY+CN:mail.example.com
TLS_From:watched.example	WARN+VERIFY
TLS_From:quarantined.example	HOLD+VERIFY
TLS_To:payroll@example.org	PERM+ENCR:256
END
my $daemon = daemon($rules, settings => { 'audit-sync' => 'each' });
my $dir = $daemon->{dir};
my $log = "$dir/audit.log";

sub run
{
	my (@args) = @_;
	return $daemon->tlspolicy(@args);
}

sub is_run
{
	my ($args, $status, $out, $name) = @_;
	my $r = run(@$args);
	is($r->{status}, $status, "$name: exit $status") or
	    diag($r->{out} . $r->{err});
	like($r->{out} . $r->{err}, $out, $name);
	return $r;
}

sub slurp
{
	return Tlspolicy::Scratch::slurp($_[0]);
}

sub spew
{
	return Tlspolicy::Scratch::spew(@_);
}

# One message; what the client was told.
sub message
{
	my ($macros, $from, @rcpts) = @_;
	my $m = session($daemon, %$macros);
	my $told = $m->mail($from);
	return $told->{code} if $told->{action} eq 'reply';
	my $code = '';
	for (@rcpts) {
		$told = $m->rcpt($_);
		$code = $told->{code} if $told->{action} eq 'reply';
	}
	$told = $m->message if $told->{action} eq 'continue';
	return $told->{code} // $code;
}

my %postfix_tls = (%postfix, tls_version => 'TLSv1.3',
    cipher => 'TLS_AES_256_GCM_SHA384', cipher_bits => '256');
my @sessions = (
	[{ %sendmail, %verified, i => 'QVERIFIED' }, 'a@partner.example',
	    'b@example.org'],
	[{ %sendmail, %tls, i => 'QUNVERIFIED' }, 'a@partner.example',
	    'b@example.org'],
	[{ %sendmail, i => 'QCLEAR' }, 'a@other.example', 'b@example.org'],
	[{ %sendmail, client_addr => '192.0.2.9', i => 'QREFUSED' },
	    'a@other.example', 'b@example.org'],
	[{ %sendmail, i => 'QWARNED' }, 'a@sub.watched.example',
	    'b@example.org'],
	[{ %sendmail, i => 'QHELD' }, 'a@quarantined.example', 'b@example.org'],
	[{ %sendmail, i => 'QRCPT' }, "\xff\"x\@caf\xc3\xa9.example",
	    'b@example.org', 'payroll@example.org'],
	[{ %postfix_tls, cert_subject => 'mail.example.com',
	    cert_issuer => "CA \xfc" }, 'a@partner.example', 'b@example.org'],
	[{ %postfix_tls }, 'a@partner.example', 'b@example.org'],
	[{ %postfix, client_name => 'unknown' }, '', 'b@example.org'],
);
is(join(' ', map { message(@$_) // '' } @sessions),
    ' 451  550   550  451 ', 'sessions of both MTAs');

subtest 'show' => sub {
	my $r = is_run(['audit', 'show'], 0, qr/./, 'all');
	my @lines = grep { !/^\S+ (?:policy|settings) / } split /\n/, $r->{out};
	is(scalar @lines, @sessions + 1, 'a line for each message and refusal')
	    or diag($r->{out});
	like($lines[1], qr/^20\S+Z tempfail not-verified id=QUNVERIFIED client=mail\.example\.com addr=192\.0\.2\.1/,
	    'for people');
	like($r->{out}, qr/from=\?"x\@caf\\x\{E9\}\.example/, 'nothing unprintable');
	for ([['--verdict', 'hold'], 1], [['--verdict', 'warn'], 1],
	    [['--domain', 'PARTNER.example'], 4], [['--domain', 'artner.example'], 0],
	    [['--client', '192.0.2.8/31'], 1], [['--client', 'example.com'], 10],
	    [['--rule', 'tls_from:partner.example'], 4],
	    [['--reason', 'not-verified'], 2], [['--since', '2100-01-01'], 0],
	    [['--until', '2100-01-01'], 13],
	    [['--since', '1d'], 13], [['--until', '1d'], 0],
	    [['--since', '24h', '--until', '12h'], 0], [['--since', '90m'], 13],
	    [['--domain', 'example.org', '--verdict', 'reject'], 1]) {
		my $n = () = run('audit', 'show', @{$_->[0]})->{out} =~ /\n/g;
		is($n, $_->[1], "@{$_->[0]}");
	}
	$r = run('audit', 'show', '--json', '--verdict', 'hold');
	is(decode_json($r->{out})->[0]{queue_id}, 'QHELD', '--json');
	is_run(['audit', 'show', '--verdict', 'maybe'], 64,
	    qr/"maybe" is not a verdict/, 'a verdict that is none');
	for my $bad (qw(noon d 7 7w -7d 7.5d 7dd 1000001d 99999999999999999999d)) {
		for my $command (['audit', 'show'], ['audit', 'from-log'], ['report']) {
			for my $option ('--since', '--until') {
				is_run([@$command, $option, $bad], 64,
				    qr/"\Q$bad\E" is not a time/,
				    "@$command $option $bad");
			}
		}
	}
};

subtest 'why' => sub {
	my $r = is_run(['audit', 'why', 'QUNVERIFIED'], 0,
	    qr/^asked: client mail\.example\.com at 192\.0\.2\.1/m, 'asked');
	like($r->{out}, qr/^seen: TLSv1\.3 .* verify NO/m, 'seen');
	like($r->{out}, qr/^rule: fails: TLS_From:partner\.example .*rules:2, generation 1/m,
	    'the rule, its place and generation');
	like($r->{out}, qr/^told: 451 4\.7\.1 /m, 'told');
	like($r->{out}, qr/^keys tried, generation 1:\n.*^ +try TLS_Clt:mail\.example\.com/ms,
	    'each key tried');
	is_run(['audit', 'why', 'NOSUCHID'], 66, qr/no record of NOSUCHID/,
	    'unknown');
	is_run(['audit', 'why'], 64, qr/which message/, 'no id');
};

subtest 'replay' => sub {
	is_run(['replay', '-r', "$dir/rules", $log], 0,
	    qr/^11 records, 0 would be judged differently$/m,
	    'the rules of the time: no difference');
	is_run(['replay', $log], 0, qr/, 0 would be/, 'the store: neither');
	spew("$dir/stricter", $rules . "TLS_Clt: PERM+ENCR:112\n");
	my $r = is_run(['replay', '-r', "$dir/stricter", $log], 1,
	    qr/^newly refused: 5$/m, 'stricter rules');
	like($r->{out}, qr/^  other\.example: 1, .*\n    rule: TLS_Clt: PERM\+ENCR:112 .*stricter:6\)\n    reply: reject 550 5\.7\.10 .*\n    example: id=QCLEAR .*was accepted, would be rejected$/m,
	    'grouped by domain and rule') or diag($r->{out});
	like($r->{out}, qr/^  watched\.example: 1, /m,
	    'the organisational domain');
	$r = run('replay', '-v', '-r', "$dir/stricter", $log);
	like($r->{out}, qr/^ +now:\n.*^ +try TLS_Clt:/ms, 'traces');
	$r = run('replay', '--json', '-r', "$dir/stricter", $log);
	is($r->{status}, 1, '--json: exit 1');
	my $json = decode_json($r->{out});
	is($json->{refused}, 5, '--json: counts');
	is(scalar(grep { $_->{example}{v} == 1 } @{$json->{groups}}),
	    scalar @{$json->{groups}}, '--json: whole examples');
	spew("$dir/none", "# nothing\n");
	is_run(['replay', '-r', "$dir/none", $log], 0,
	    qr/^newly allowed: 3$/m, 'no rules at all');
	is_run(['replay', '-r', "$dir/none", $log], 0,
	    qr/^newly past MAIL, recipients not known: 3$/m,
	    'what is not known is not called allowed');

	# Of two recipients replay would refuse one, and names that one.
	my ($clear) = grep { /"queue_id":"QCLEAR"/ } split /^/, slurp($log);
	my $two = decode_json($clear);
	delete $two->{chain};
	$two->{rcpts} = ['b@example.org', 'payroll@example.org'];
	spew("$dir/two.log", JSON::PP->new->canonical->encode($two) . "\n");
	spew("$dir/payroll", "TLS_To:payroll@ PERM+ENCR:128\n");
	$r = is_run(['replay', '-r', "$dir/payroll", "$dir/two.log"], 1,
	    qr/^newly refused for some recipients: 1$/m, 'refused in part');
	like($r->{out}, qr/ to=payroll\@example\.org: was accepted/, '... names whom');
	$json = decode_json(run('replay', '--json', '-r', "$dir/payroll", "$dir/two.log")->{out});
	is_deeply([@$json{qw(refused partly)}, $json->{groups}[0]{rcpt}], [0, 1, 'payroll@example.org'],
	    '... in JSON, too');
	is_run(['replay', '-r', "$dir/stricter", "$dir/two.log"], 1,
	    qr/^newly refused: 1$/m, 'refused for all of them');

	# Who is exempt can be tried, too.
	is_run(['replay', '-o', 'exempt-clients=192.0.2.0/24', '-r', "$dir/stricter", $log], 0,
	    qr/^newly warned: 4$/m, 'other exempt clients');
	is_run(['replay', '-o', ' Mode = monitor', '-r', "$dir/stricter", $log], 0,
	    qr/^newly warned: /m, 'a setting, spelt otherwise');
	is_run(['replay', '-o', 'mode=monitor', '-r', "$dir/stricter", $log], 0,
	    qr/^newly warned: /m, 'a setting');
	spew("$dir/bad", "TLS_Clt: ENCR\n");
	is_run(['replay', '-r', "$dir/bad", $log], 65, qr/bad:1:/, 'bad rules');
	is_run(['replay', '-r', "$dir/none", "$dir/no.log"], 66, qr/no\.log/,
	    'no such log');
	spew("$dir/future", '{"v":2,"event":"message"}' . "\n");
	is_run(['replay', '-r', "$dir/none", "$dir/future"], 65,
	    qr/future:1:6: expected schema 1: a newer tlspolicy wrote/,
	    'a newer schema');
};

# The script of the manual page, as it is printed there.
sub manual_script
{
	my $page = slurp(Tlspolicy::Scratch::topdir() .
	    '/man/tlspolicy-audit.5');
	my ($script) = $page =~ /^(#!\/usr\/bin\/perl\n.*?)^\.Ed/ms;
	$script =~ s/\\e/\\/g;
	spew("$dir/verify.pl", $script);
	return "$dir/verify.pl";
}

subtest 'verify and head' => sub {
	my ($head) = run('audit', 'head')->{out} =~ /^(\w{64}) \d+$/;
	ok($head, 'head');
	is_run(['audit', 'verify'], 0, qr/^whole: .*\nhead: $head /, 'whole');
	is_run(['audit', 'verify', '--head', $head], 0, qr/^whole/, 'noted');
	my $script = manual_script();
	my $r = Tlspolicy::Scratch::run($^X, $script, $log);
	is($r->{out}, "$head\n", 'the script of the manual agrees') or
	    diag($r->{err});

	rename $log, "$log.1";
	$daemon->hup;
	Tlspolicy::Scratch::wait_for(60, sub { -s $log });
	message(@{$sessions[0]});
	is_run(['audit', 'verify'], 0, qr/^whole: 16 lines in 2 files/,
	    'rotated');
	$r = Tlspolicy::Scratch::run($^X, $script, "$log.1", $log);
	is($r->{status}, 0, 'the script: rotated') or diag($r->{err});
	for my $packer (['gzip', 'gz'], ['zstd', 'zst', '-q', '--rm']) {
		my ($name, $ending, @flags) = @$packer;
		SKIP: {
			my $path = (grep { -x } map { "$_/$name" }
			    qw(/bin /usr/bin))[0] or skip "no $name", 2;
			system($path, @flags, "$log.1") == 0 or die "$name\n";
			is_run(['audit', 'verify'], 0,
			    qr/^whole: 16 lines in 2 files/, $name);
			system($path, '-d', @flags, "$log.1.$ending");
		}
	}
	is_run(['audit', 'verify', '--head', $head], 0, qr/^whole/,
	    'the noted head is in the older file');
	my $first = (split /\n/, slurp("$log.1"))[0];
	my ($old) = $first =~ /"chain":"(\w+)"/;
	unlink "$log.1";
	is_run(['audit', 'verify', '--head', $head], 0,
	    qr/^missing: lines 1 to 14, older than these$/m,
	    'without that file the link still names it');
	is_run(['audit', 'verify', '--head', "$old 1"], 65,
	    qr/^broken: missing\n.*the lines before number 15 are not here/,
	    'a head in its middle is missing, not cut');
	is_run(['audit', 'verify', '--from', 15], 0, qr/^whole/, 'from 15 on');
	is_run(['audit', 'verify', '--from', 14], 65,
	    qr/^broken: dropped\n.*:1: dropped: lines 14 to 14 are missing/,
	    'but not from 14 on');
};

subtest 'tampering' => sub {
	message(@$_) for @sessions;
	my $head = run('audit', 'head')->{out};
	my @lines = slurp($log) =~ /(.*\n)/g;
	my $case = "$dir/case";
	my $script = manual_script();
	for (
	    ['changed', 4, sub { $_[0][3] =~ s/example/Example/ }],
	    ['changed', 4, sub { $_[0][3] =~ s/"seq":\d+/"seq":99/ }],
	    ['changed', 4, sub { $_[0][3] =~ s/"chain":"./"chain":"-/ }],
	    ['dropped', 4, sub { splice @{$_[0]}, 3, 1 }],
	    ['dropped', 1, sub { shift @{$_[0]} }],
	    ['added', 4, sub { splice @{$_[0]}, 3, 0,
		qq({"v":1,"event":"x"}\n) }],
	    ['added', 6, sub { splice @{$_[0]}, 5, 0, $_[0][2] }],
	    ['reordered', 4, sub { @{$_[0]}[3, 4] = @{$_[0]}[4, 3] }],
	    ['cut', 12, sub { substr($_[0][11], 50) = '' }],
	) {
		my ($kind, $line, $how) = @$_;
		my @copy = @lines[0 .. 11];
		$how->(\@copy);
		spew($case, join '', @copy);
		is_run(['audit', 'verify', $case], 65,
		    qr/^broken: $kind\n\Q$case\E:$line: $kind:/,
		    "$kind, line $line");
		my $r = Tlspolicy::Scratch::run($^X, $script, $case);
		ok($r->{status} != 0 || $kind eq 'cut',
		    'the script sees it, too');
	}
	spew($case, join '', @lines[0 .. 8]);
	is_run(['audit', 'verify', $case], 0, qr/^whole/,
	    'cut between lines: nothing shows');
	is_run(['audit', 'verify', '--head', $head, $case], 65, qr/cut/,
	    'but with a noted head');
	spew($case, join '', @lines);
	$head =~ s/^(.)/$1 eq '0' ? '1' : '0'/e;
	is_run(['audit', 'verify', '--head', $head, $case], 65,
	    qr/^broken: changed\n.*its head is not the noted one/,
	    'another log with as many lines');
};

subtest 'a key' => sub {
	my $key = "$dir/key";
	spew($key, "a key of some length\n");
	chmod 0644, $key;
	my $r = $daemon->tlspolicy('audit', 'verify', '-k', $key);
	is($r->{status}, 78, 'others can read the key: exit 78');
	like($r->{err}, qr/^setting audit-key-file: .*others can read it/,
	    'and says so');
	chmod 0600, $key;
	for my $mode (0660, 0602, 0666) {
		chmod $mode, $key;
		my $d = eval { daemon($rules, name => "mode$mode", settings =>
		    { 'audit-key-file' => $key }) };
		# The socket may be there before the daemon looks at the key.
		ok(!$d || Tlspolicy::Scratch::wait_for(60, sub { !$d->alive }),
		    sprintf 'mode %o: the daemon does not start', $mode);
	}
	chmod 0600, $key;
	is_run(['audit', 'verify', '-k', $key], 65,
	    qr/^not verified\n.*they are sealed without a key/,
	    'the log has none');
	my $keyed = daemon($rules, name => 'keyed', settings =>
	    { 'audit-sync' => 'each', 'audit-key-file' => $key });
	my $m = session($keyed, %sendmail, %tls);
	$m->mail('a@partner.example');
	chmod 0666, $key;
	$keyed->hup;
	logged($keyed, qr/audit-key-file: .*others can read it: chmod 0640 /,
	    'HUP: a key that others can read is not read');
	$m->mail('a@partner.example');
	chmod 0600, $key;
	is($keyed->tlspolicy('audit', 'verify')->{status}, 0,
	    'a log with a key');
	is(run('audit', 'verify', "$keyed->{dir}/audit.log")->{status}, 65,
	    'without the key it does not fit');
};

done_testing;
