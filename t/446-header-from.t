#!/usr/bin/perl
# header-from = judge: whom a message says it is from, asked at the end of its
# header.  What cannot be read frees nobody, nor does a connection that is older
# than the rules.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HTTP::Tiny;
use Test::More;
use Tlspolicy::Talk;

my ($no_headers, $no_eoh) = (0x20, 0x40);
my $rules = <<'END';
TLS_Header:bank.example	ENCR:0+WHEN:198.51.100.7
TLS_Header:bank.example	PERM+VERIFY:128
TLS_Header:held.example	HOLD+VERIFY
TLS_Header:warned.example	WARN+VERIFY
TLS_Header:temp.example	TEMP+ENCR:128
TLS_Header:bücher.example	PERM+ENCR:128
TLS_Header:boss@	PERM+ENCR:128
TLS_From:held.example	HOLD+VERIFY
TLS_To:held@example.org	HOLD+VERIFY
END
my $port = Tlspolicy::Scratch::free_port();
my $daemon = daemon($rules, settings => { 'header-from' => 'judge',
    'metrics' => "inet:$port\@127.0.0.1" });

# The end of a header with these From fields, then of the message.
sub message
{
	my ($m, %arg) = @_;
	answer_is($m->mail($arg{from} // 'a@example.com'), 'continue', 'MAIL');
	answer_is($m->rcpt($_), 'continue', "RCPT $_")
	    for @{$arg{to} // ['b@example.org']};
	$m->command('header', "$_\0") for @{$arg{fields}};
	my $end = $m->command('eoh', '');
	return $end if $end->{action} !~ /^(?:continue|skipped)$/;
	$m->command('body', "test\r\n");
	return $m->eom;
}

sub from { return (fields => [map { "From\0$_" } @_]) }

sub asked
{
	my ($daemon) = @_;
	my $got = Tlspolicy::Milter->connect($daemon->socket)->negotiate;
	return join ' ', $got->{protocol} & $no_headers ? 'no headers' : 'headers',
	    $got->{protocol} & $no_eoh ? 'no end' : 'end';
}

subtest 'negotiation' => sub {
	is(asked($daemon), 'headers end', 'with rules');
	$daemon->rules("TLS_From:x.example PERM+VERIFY\n");
	is(asked($daemon), 'no headers no end', 'without');
	$daemon->configure('header-from' => 'no');
	$daemon->hup;
	logged($daemon, qr/settings were read again/, 'header-from = no');
	$daemon->rules($rules);
	is(asked($daemon), 'no headers no end', 'rules, and nobody asks');
	my $m = session($daemon);
	answer_is(message($m, from('ceo@bank.example')), 'continue',
	    'they have no say');
	ok(!exists +($daemon->audit)[-1]{header_from}, 'nothing is recorded');
	$daemon->configure('header-from' => 'judge',
	    'metrics' => "inet:$port\@127.0.0.1");
	$daemon->hup;
	is(Tlspolicy::Scratch::wait_for(60, sub { asked($daemon) eq
	    'headers end' }), 1, 'header-from = judge');
};

my @refused = ('ceo@bank.example', 'Ceo <ceo@bank.example>',
    '"Ceo, the" <ceo@sub.bank.example>', 'Ceo <CEO@BANK.EXAMPLE.>',
    "Ceo\n <ceo\@bank.example>", "\n ceo\@bank.example",
    '(a (nested) comment) ceo (c) @ (d) bank . example',
    'Ceo <@x.example,@y.example:ceo@bank.example>',
    'us: a@x.example, ceo@bank.example;', 'a@x.example, ceo@bank.example',
    'bank.example!ceo', 'ceo%bank.example@mx.example.org',
    '=?utf-8?q?Ceo?= <ceo@bank.example>', 'x@bücher.example',
    'x@xn--bcher-kva.example', 'boss@elsewhere.example',
    # Fields that readers read in different ways.
    'ceo@bank.example x@y.example', '"open <ceo@bank.example>',
    'x@y.example <ceo@bank.example', '<x@y.example> <ceo@bank.example>',
    '=?utf-8?q?"?= <ceo@bank.example> =?utf-8?q?"?= <x@y.example>');
subtest 'spellings' => sub {
	my $m = session($daemon);
	for (@refused) {
		answer_is(message($m, from($_)), [550, '5.7.10',
		    qr/rule TLS_Header:\S+ PERM\+/], s/\n/\\n/gr);
	}
	answer_is(message($m, fields => ["From \0ceo\@bank.example"]),
	    [550, '5.7.10'], 'a blank before the colon');
	answer_is(message($m, fields => ["fROM\0ceo\@bank.example"]),
	    [550, '5.7.10'], 'another case');
	answer_is(message($m, from('x@y.example', 'ceo@bank.example')),
	    [550, '5.7.10'], 'the second of two fields');
	answer_is(message($m, from('x@temp.example', 'ceo@bank.example',
	    'x@held.example')), [550, '5.7.10'], 'the strictest of three');
	answer_is(message($m, fields => ["Subject\0x", "From\0x\@temp.example"]),
	    [451, '4.7.10', qr/rule TLS_Header:temp.example/], 'TEMP');
};

subtest 'no other field, and no name' => sub {
	my $m = session($daemon);
	for my $field (qw(Sender Resent-From Reply-To X-From Fromm >From)) {
		answer_is(message($m, fields => ["From\0x\@y.example",
		    "$field\0ceo\@bank.example"]), 'continue', $field);
	}
	for ('"ceo@bank.example" <x@y.example>', 'x@y.example (ceo@bank.example)',
	    '=?utf-8?q?ceo=40bank.example?= <x@y.example>', 'x@notbank.example',
	    '"ceo@bank.example"@y.example') {
		answer_is(message($m, from($_)), 'continue', $_);
	}
};

# Fields that cannot be read whole, and no PERM rule for what can be read.
my %unread = ('' => 'no-mailbox', 'Undisclosed:;' => 'no-mailbox',
    '<>' => 'grammar', '"open x@y.example' => 'unclosed',
    "J\xf6rg <x\@y.example>" => 'bytes', "x\@y.example\x01" => 'bytes',
    '=?utf-8?q?ceo=40bank.example?=' => 'encoded-address',
    'x@y.example' . ' ' x 32768 . 'z' => 'too-long',
    join(',', map { "x$_\@y.example" } 1 .. 1001) => 'too-many');
subtest 'what cannot be read' => sub {
	my $m = session($daemon);
	for (sort keys %unread) {
		my $what = substr $_, 0, 30;
		answer_is(message($m, from($_)), [451, '4.3.0',
		    qr/a From field in the header that can be read/],
		    "cannot be read: $unread{$_}");
		my $record = ($daemon->audit)[-1];
		is_deeply([@$record{qw(event header_from_flaw reason)}],
		    ['refused-header', $unread{$_}, 'policy-error'], 'record');
	}
	answer_is(message($m, fields => ["Subject\0x"]), [451, '4.3.0',
	    qr/found no From field/], 'there is none');
	answer_is(message($m, fields => []), [451, '4.3.0',
	    qr/found no From field/], 'there is no field at all');
	# libmilter reads C strings; what it hands on is judged.
	answer_is(message($m, from("ceo\@bank.example\0, x")),
	    [550, '5.7.10'], 'NUL');
	answer_is(message($m, from(join ',', map { "x$_\@y.example" }
	    1 .. 1000)), 'continue', '1000 mailboxes');
	my $record = ($daemon->audit)[-1];
	is(@{$record->{header_from}}, 1000, 'are all recorded');
	answer_is(message($m, from((map { "x$_\@y.example" } 1 .. 999),
	    'ceo@bank.example')), [550, '5.7.10'], '1000 fields');
	answer_is(message($m, from(map { 'x@y.example' } 1 .. 9000)),
	    [451, '4.3.0'], '9000 fields');
};

subtest 'nothing is left over' => sub {
	my $m = session($daemon);
	answer_is(message($m, from('ceo@bank.example')), [550, '5.7.10'],
	    'refused');
	answer_is(message($m, from('x@y.example')), 'continue', 'the next one');
	answer_is($m->mail('a@example.com'), 'continue', 'MAIL');
	$m->rcpt('b@example.org');
	$m->command('header', "From\0ceo\@bank.example\0");
	$m->abort;
	answer_is(message($m, from('x@y.example')), 'continue',
	    'behind one that was not ended');
	answer_is(message($m, fields => []), [451, '4.3.0'],
	    'nor does it take a From field from there');
};

subtest 'records' => sub {
	my $m = session($daemon, %sendmail, %verified);
	answer_is(message($m, from('Ceo <ceo@bank.example>, x@y.example'),
	    to => ['b@example.org', 'c@example.org']), 'continue', 'TLS');
	my $record = ($daemon->audit)[-1];
	is_deeply([@$record{qw(event queue_id verdict header_from)}],
	    ['message', 'QUEUEID', 'accept',
	    ['ceo@bank.example', 'x@y.example']], 'without names');
	ok(!exists $record->{header_from_flaw}, 'no flaw');
	is_deeply([map { [@$_{qw(tag key result)}] } @{$record->{rules}}],
	    [['TLS_Header', 'TLS_Header:bank.example', 'holds']], 'the rule');
	$m = session($daemon);
	answer_is(message($m, from('ceo@bank.example'),
	    to => ['b@example.org', 'c@example.org']), [550, '5.7.10'],
	    'in clear');
	$record = ($daemon->audit)[-1];
	is_deeply([@$record{qw(event queue_id verdict reason rcpts)}],
	    ['refused-header', 'QUEUEID', 'reject', 'plaintext',
	    ['b@example.org', 'c@example.org']], 'for all recipients');
	like($record->{reply}, qr/^550 5\.7\.10 encryption required/, 'reply');
	$m->set(%sendmail, client_addr => '198.51.100.7');
	answer_is(message($m, from('ceo@bank.example')), 'continue',
	    'WHEN: the list server');
};

subtest 'with what was said before' => sub {
	my $m = session($daemon);
	my $r = message($m, from => 'a@held.example', from('ceo@bank.example'));
	answer_is($r, [550, '5.7.10', qr/TLS_Header/], 'HOLD at MAIL');
	is(($daemon->audit)[-1]{verdict}, 'reject', 'record');
	$r = message($m, to => ['held@example.org'], from('x@temp.example'));
	answer_is($r, [451, '4.7.10', qr/TLS_Header/], 'HOLD at RCPT');
	$r = message($m, from('x@held.example'));
	answer_is($r, 'continue', 'HOLD');
	is_deeply([map { $_->[0] } @{$r->{modifications}}], ['quarantine'],
	    'is carried out at the end');
	is_deeply([@{($daemon->audit)[-1]}{qw(event verdict)}],
	    ['message', 'hold'], 'record');
	$r = message($m, from => 'a@held.example', from('x@warned.example'));
	is_deeply([map { $_->[0] } @{$r->{modifications}}], ['quarantine'],
	    'WARN frees nobody');
	$r = message($m, from('x@warned.example'));
	answer_is($r, 'continue', 'WARN');
	is_deeply([@{($daemon->audit)[-1]}{qw(verdict waiver reason)}],
	    ['accept', 'warn', 'plaintext'], 'record');
};

subtest 'exempt' => sub {
	my $m = session($daemon, %sendmail, client_addr => 'IPv6:0:0:0:0:0:0:0:1');
	answer_is(message($m, from('ceo@bank.example')), 'continue',
	    'is never refused');
	is(($daemon->audit)[-1]{would}{verdict}, 'reject', 'and recorded');
};

subtest 'a policy that comes while a connection is open' => sub {
	$daemon->rules("TLS_From:x.example PERM+VERIFY\n");
	my $old = session($daemon);
	answer_is(message($old, from('ceo@bank.example')), 'continue',
	    'no rule');
	ok(!exists +($daemon->audit)[-1]{header_from}, 'nothing is recorded');
	$daemon->rules($rules);
	answer_is(message($old, from('x@y.example')), [451, '4.3.0',
	    qr/the connection is older than these rules/], 'it saw no header');
	my $record = ($daemon->audit)[-1];
	is_deeply([@$record{qw(event header_from header_from_flaw)}],
	    ['refused-header', [], 'unseen'], 'record');
	my $new = session($daemon);
	answer_is(message($new, from('x@y.example')), 'continue', 'a new one');
	answer_is(message($new, from('ceo@bank.example')), [550, '5.7.10'],
	    'and its rules');
	$new->mail('a@example.com');
	$new->rcpt('b@example.org');
	$daemon->rules("TLS_From:x.example PERM+VERIFY\n");
	$daemon->rules("TLS_Header:y.example PERM+VERIFY\n");
	$new->command('header', "From\0x\@y.example\0");
	answer_is($new->command('eoh', ''), [550, '5.7.10'],
	    'by the generation of the moment');
	$record = ($daemon->audit)[-1];
	cmp_ok($record->{header_generation}, '>', $record->{generation},
	    'which is recorded');
	$daemon->rules($rules);
	my $r = $daemon->tlspolicy('replay', '--as-then',
	    "$daemon->{dir}/audit.log");
	is($r->{status}, 0, 'all by the policy of its day') or
	    diag($r->{out}, $r->{err});
};

subtest 'the log' => sub {
	my $log = "$daemon->{dir}/audit.log";
	my $r = $daemon->tlspolicy('audit', 'verify', $log);
	is($r->{status}, 0, 'is whole') or diag($r->{out}, $r->{err});
	$r = $daemon->tlspolicy('replay', '--json', '-r',
	    "$daemon->{dir}/rules", $log);
	my $replayed = eval { JSON::PP::decode_json($r->{out}) } // {};
	# One message was refused by a rule that is gone, two were judged without
	# rules.
	is_deeply([@$replayed{qw(refused partly held warned allowed
	    header_missing)}], [0, 0, 0, 0, 1, 2], 'is replayed the same')
	    or diag($r->{out}, $r->{err});
	$r = $daemon->tlspolicy('audit', 'why', 'QUEUEID', $log);
	like($r->{out}, qr/refused-header, .*\n.*, header from ceo\@bank\.example/,
	    'is explained');
	like($r->{out}, qr/^    TLS_Header: the header's From field$/m,
	    'with the keys tried');
	$r = $daemon->tlspolicy('audit', 'show', '--domain', 'bank.example',
	    $log);
	like($r->{out}, qr/ header=ceo\@bank\.example/, 'is found by domain');
	$r = $daemon->tlspolicy('suggest', $log);
	unlike($r->{out}, qr/TLS_Header/, 'suggest proposes no such rule');
	$r = $daemon->tlspolicy('report', '--json', $log);
	my $report = JSON::PP::decode_json($r->{out});
	my ($rule) = grep { $_->{key} eq 'TLS_Header:bank.example' &&
	    $_->{requirement} =~ /PERM/ } @{$report->{rules}};
	cmp_ok($rule->{refused}, '>', 20, 'report: what the rule refused') or
	    diag($r->{out});
};

subtest 'metrics' => sub {
	my $page = HTTP::Tiny->new->get("http://127.0.0.1:$port/metrics");
	my ($unread) = $page->{content} =~
	    /^tlspolicy_header_unread_total (\d+)$/m;
	cmp_ok($unread // 0, '>=', keys(%unread) + 2, 'what could not be read');
	like($page->{content}, qr/^tlspolicy_rule_failures_total\{tag="TLS_Header",
	    class="TLS_Header"\}\ [1-9]/mx, 'what the tag decided');
};

subtest 'on-error = accept' => sub {
	$daemon->rules("TLS_From:x.example PERM+VERIFY\n");
	my $old = session($daemon);
	$daemon->configure('header-from' => 'judge', 'on-error' => 'accept');
	$daemon->hup;
	$daemon->rules($rules);
	is(Tlspolicy::Scratch::wait_for(60, sub {
		message($old, from('x@y.example'))->{action} eq 'continue';
	}), 1, 'an old connection');
	is_deeply([@{($daemon->audit)[-1]}{qw(verdict waiver reason)}],
	    ['accept', 'on-error', 'policy-error'], 'is recorded as that');
	my $m = session($daemon);
	answer_is(message($m, from('"open <ceo@bank.example>')),
	    [550, '5.7.10'], 'what can be read of it counts all the same');
	answer_is(message($m, from('"open <x@y.example>')), 'continue',
	    'the rest is let through');
	unlink "$daemon->{store}";
	logged($daemon, qr/policy\.mdb/, 'the store is gone');
};

done_testing;
