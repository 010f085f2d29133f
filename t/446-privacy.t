#!/usr/bin/perl
#
# The setting privacy, with the log in the hands of an attacker: nobody stands in
# it, whoever has the salts can tell everybody, whoever has not can tell nobody,
# not even by trying all that there could be; and it stays whole when people are
# erased.
use strict;
use warnings;
use Digest::SHA qw(hmac_sha256_hex sha256_hex);
use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX qw(strftime);
use Test::More;
use Tlspolicy::Scratch;
use Tlspolicy::Talk;

# Salts are of a day, by UTC: none begins while this runs.
my $left = 86400 - time % 86400;
sleep $left + 1 if $left < 90;

my $rules = <<'END';
TLS_To:perm@bar.net	PERM+ENCR:128+MSG:ask postmaster@bar.net
TLS_Clt:198.51.100.7	WARN+ENCR:112
TLS_Clt:host7.dyn.isp.net	WARN+ENCR:112
TLS_Auth:carol	WARN+ENCR:256
TLS_From:partner.com	WARN+ENCR:128
TLS_Header:ingrid@example.com	WARN+ENCR:0
TLS_From:bound.com	WARN+ENCR:128+CLIENT:198.51.100.7
END
my $daemon = daemon($rules, settings => { privacy => 'days:30',
    'header-from' => 'judge' });
my $salts = "$daemon->{dir}/salts";

# Whatever tells of a person, as it was sent; in any spelling of it.
my %secret = map { $_ => 1 } qw(alice bobby perm carol dora erwin frieda gustav ingrid jutta Kurt
    198.51.100.7 host7 dyn desktop-7 2001:db8::77 helga Herzog ABCDEF1234
    ask postmaster);

sub lines { return join "\n", $daemon->all_audit_lines }

sub salts_text { return join '', map { Tlspolicy::Scratch::slurp($_) }
    sort glob "$salts/*" }

# The person in the last record, by the command.
sub show { return $daemon->tlspolicy('audit', 'show', @_) }

sub talk
{
	my ($from, $to, %macros) = @_;
	my $helo = delete $macros{HELO} // 'desktop-7.dyn.isp.net';
	my $m = session($daemon, %sendmail, client_addr => '198.51.100.7',
	    client_name => 'host7.dyn.isp.net', %macros);
	$m->helo($helo);
	my $answer = $m->mail($from);
	for (ref $to ? @$to : $to) {
		$answer = $m->rcpt($_) if $answer->{action} eq 'continue';
	}
	$m->command('header', "From\0Kurt <ingrid\@example.com>, " .
	    "jutta\@bar.net\0");
	$answer = $m->message if $answer->{action} eq 'continue';
	return $answer;
}

subtest 'sessions of people' => sub {
	answer_is(talk('alice@example.com', ['bobby@bar.net', 'frieda@bar.net'],
	    %tls), 'continue', 'accepted');
	answer_is(talk('alice@partner.com', 'perm@bar.net'),
	    [550, '5.7.10', qr/perm\@bar\.net/], 'refused');
	answer_is(talk('alice@example.com', 'perm@bar.net', %tls,
	    auth_type => 'PLAIN', auth_authen => 'carol'), 'continue', 'login');
	answer_is(talk('dora%example.com', '"erwin"@bar.net', %tls,
	    auth_type => 'PLAIN', auth_authen => 'dora+40example.com',
	    client_name => '[IPv6:2001:db8::77]',
	    client_addr => 'IPv6:2001:db8::77'), 'continue', 'spellings');
	answer_is(talk('@bar.net:gustav%example.com', 'gustav', %tls),
	    'continue', 'routes');
	answer_is(talk("gustav\xff\@example.com", 'bobby@bar.net', %tls),
	    'continue', 'bytes that are no UTF-8');
	answer_is(talk('alice@bound.com', 'bobby@bar.net', %verified,
	    cn_subject => 'helga+40example.com',
	    cert_subject => '/C=DE/CN=helga+20Herzog', cert_md5 =>
	    'AB:CD:EF1234'), 'continue', 'a certificate of hers');
	answer_is(talk('', 'bobby@bar.net', %verified, cn_subject =>
	    'Herzog', cn_issuer => 'Herzog', cert_subject => '/CN=Herzog',
	    cert_issuer => '/CN=Herzog', cert_md5 => 'ABCDEF1234'), 'continue',
	    'self-issued');
	answer_is(talk('alice@example.com', 'bobby@bar.net', %tls,
	    cn_subject => 'helga', verify => 'NONE', tls_version => undef,
	    cipher => undef, cipher_bits => undef), 'continue',
	    'a certificate and no TLS');
};

subtest 'nobody is in the log' => sub {
	my $lines = lines();
	for my $who (sort keys %secret) {
		my $hex = unpack 'H*', $who;
		unlike($lines, qr/\Q$who\E/i, "no $who") unless
		    $who eq 'ask' || $who eq 'postmaster';
		unlike($lines, qr/$hex/i, "nor its bytes") if length $who > 4;
	}
	unlike($lines, qr/ask postmaster/, 'nor in a rule');
	like($lines, qr/"privacy":"\d{4}-\d\d-\d\d"/, 'the day of the salts');
	for ('~[0-9a-f]{32}@example\.com"', '~[0-9a-f]{32}@bar\.net"',
	    '"header_from":\["~[0-9a-f]{32}@example\.com","~[0-9a-f]{32}@bar\.net"\]',
	    '"key":"TLS_Header:~[0-9a-f]{32}@example\.com"',
	    '"from":"~[0-9a-f]{32}@partner\.com"', '"from":"<>"',
	    '"name":"~[0-9a-f]{32}\.isp\.net"', '"addr":"~[0-9a-f]{32}"',
	    '"key":"TLS_To:~[0-9a-f]{32}@bar\.net","requirement":"~[0-9a-f]{32}"',
	    '"reply":"550 5\.7\.10 ~[0-9a-f]{32}"', '"key":"TLS_From:partner.com"',
	    '"helo":"~[0-9a-f]{32}\.isp\.net"', '"id":"~[0-9a-f]{32}"',
	    '"id":"~[0-9a-f]{32}@example\.com"') {
		like($lines, qr/$_/, $_);
	}
	unlike($daemon->log, qr/alice|198\.51\.100\.7/, "nor in the daemon's");
};

subtest 'servers are nobody' => sub {
	answer_is(talk('alice@example.com', 'bobby@bar.net', %verified,
	    client_name => 'example.com', HELO => 'localhost'),
	    'continue', 'a certificate with its name');
	my ($r) = ($daemon->audit)[-1];
	is($r->{tls}{cn}, 'mail.example.com', 'its name');
	is($r->{tls}{subject}, '/C=DE/CN=mail.example.com', 'and subject');
	is($r->{client}{name}, 'example.com', 'a registered domain');
	is($r->{helo}, 'localhost', 'localhost');
};

subtest 'the same person' => sub {
	my %seen;
	for my $r ($daemon->audit) {
		my ($name) = ($r->{rcpts} // [])->[0] // '';
		$seen{$name}++ if $name =~ /\@bar\.net$/;
	}
	is(scalar(grep { $seen{$_} > 1 } keys %seen), 2,
	    'has the same commitment, bobby and perm');
	my @keys = map { map { $_->{key} } @{$_->{rules} // []} } $daemon->audit;
	my ($key) = grep { /TLS_To:~/ } @keys;
	ok($key && $seen{substr $key, length 'TLS_To:'},
	    'in the key of a rule, too');
};

subtest 'with the salts all is as before' => sub {
	is((stat $salts)[2] & 07777, 0700, 'the folder is its own');
	is((stat $_)[2] & 07777, 0600, 'and its file') for glob "$salts/*";
	my $r = show();
	is($r->{status}, 0, 'show');
	like($r->{out}, qr/from=alice\@example\.com.* to=bobby\@bar\.net/,
	    'people');
	like($r->{out}, qr/ header=ingrid\@example\.com,jutta\@bar\.net /,
	    'authors');
	is($r->{err}, '', 'all of them');
	unlike($r->{out}, qr/~/, 'nothing is hidden');
	is(scalar(() = show('--to', 'bobby@bar.net')->{out} =~ /\n/g), 6,
	    '--to');
	is(scalar(() = show('--client', '198.51.100.0/24')->{out} =~ /\n/g), 10,
	    '--client');
	is(scalar(() = show('--rule', 'TLS_To:perm@bar.net')->{out} =~
	    /\n/g), 2, '--rule');
	my $why = $daemon->tlspolicy('audit', 'why', 'QUEUEID');
	like($why->{out}, qr/keys tried.*TLS_To:perm\@bar\.net/s, 'why');
	like($why->{out}, qr{rule: .* TLS_To:perm\@bar\.net .*/rules:1,},
	    'and where the rule stands');
	like($why->{out}, qr/told: 550 5\.7\.10 encryption required/, 'reply');
	my $replay = $daemon->tlspolicy('replay');
	is($replay->{status}, 0, 'replay');
	like($replay->{out}, qr/11 records, 0 would/, 'judges all alike');
	is($daemon->tlspolicy('replay', '--as-then')->{status}, 0, '--as-then');
};

# A folder of somebody who has a copy of the log, and of what is given beside it.
sub elsewhere
{
	my ($name) = @_;
	my $dir = "$daemon->{dir}/$name";
	mkdir $dir or die "$dir: $!\n";
	Tlspolicy::Scratch::must('cp', "$daemon->{dir}/audit.log", $dir);
	my $conf = Tlspolicy::Scratch::slurp($daemon->{conf});
	$conf =~ s/^privacy.*\n//m;
	scratch()->write("$daemon->{name}/$name/conf", $conf .
	    "state-folder = $dir\n");
	return sub {
		my ($command, @arg) = @_;
		my @sub = $command eq 'audit' ? (shift @arg) : ();
		my @operand = $sub[0] && $sub[0] eq 'why' ? (shift @arg) : ();
		return Tlspolicy::Scratch::run(
		    Tlspolicy::Daemon::program('tlspolicy'), $command, @sub,
		    '-c', "$dir/conf", @arg, @operand, "$dir/audit.log");
	};
}

sub people_are_hidden
{
	my ($run, $how, $why) = @_;
	my $show = $run->('audit', 'show');
	is($show->{status}, 0, "show $how");
	for my $who (sort keys %secret) {
		unlike($show->{out}, qr/\Q$who\E/i, "no $who");
	}
	like($show->{err}, qr/^11 records hide people: $why$/m, 'says why');
	my $to = $run->('audit', 'show', '--to', 'bobby@bar.net');
	is($to->{out}, '', 'nobody is found');
	like($to->{err}, qr/hide people/, 'and that is said');
	my $replay = $run->('replay', '-r', "$daemon->{dir}/rules");
	is($replay->{status}, 1, 'replay is no good news');
	like($replay->{out}, qr/11 not judged: people in them are not told/,
	    'in its own words');
	like($run->('replay', '-r', "$daemon->{dir}/rules", '--json')->{out},
	    qr/"not_judged":11/, 'for scripts, too');
	my $then = $run->('replay', '--as-then');
	is($then->{status}, 1, '--as-then');
	like($then->{err}, qr/11 records not judged again: people/, 'says why');
	like($run->('audit', 'why', 'QUEUEID')->{out},
	    qr/keys tried: cannot tell, people are hidden/, 'why');
	my $report = $run->('report', '--json');
	is($report->{status}, 0, 'report');
	like($report->{out}, qr/"example\.com"/, 'goes on by domain');
	like($report->{err}, qr/hide people: $why$/m, 'and says so');
	my $verify = $run->('audit', 'verify');
	is($verify->{status}, 0, 'and all of it is whole');
	like($verify->{out}, qr/of mx\.example\.org/, 'of that node');
}

subtest 'without the salts nobody is told' => sub {
	people_are_hidden(elsewhere('none'), 'without any',
	    'the salts of their day are not here, or were erased');
};

subtest 'nor with those of another day' => sub {
	my $run = elsewhere('other');
	Tlspolicy::Scratch::must('cp', '-r', $salts,
	    "$daemon->{dir}/other/salts");
	my ($file) = glob "$daemon->{dir}/other/salts/*";
	rename $file, "$daemon->{dir}/other/salts/2026-01-01";
	people_are_hidden($run, 'with others',
	    'the salts of their day are not here, or were erased');
};

subtest 'nor with those of another daemon' => sub {
	my $run = elsewhere('stranger');
	Tlspolicy::Scratch::must('cp', '-r', $salts,
	    "$daemon->{dir}/stranger/salts");
	my ($file) = glob "$daemon->{dir}/stranger/salts/*";
	my $text = Tlspolicy::Scratch::slurp($file);
	$text =~ s/^[0-9a-f]{32}/0123456789abcdef0123456789abcdef/mg;
	open my $fh, '>', $file or die;
	print $fh $text;
	close $fh;
	people_are_hidden($run, 'with strange ones',
	    'the salts of their day do not have them');
};

subtest 'a right that one has not' => sub {
	plan skip_all => 'needs root, to become another user' if $> != 0;
	my $dir = "$daemon->{dir}/rights";
	elsewhere('rights');
	Tlspolicy::Scratch::must('cp', '-r', $salts, "$dir/salts");
	chmod 0700, "$dir/salts";
	chmod 0644, "$dir/audit.log";
	my $program = scratch()->for_all('tlspolicy');
	my $r = Tlspolicy::Scratch::run('setpriv', '--reuid=65534',
	    '--regid=65534', '--clear-groups', $program, 'report', '-c',
	    "$dir/conf", "$dir/audit.log");
	is($r->{status}, 0, 'report needs no more than the log');
	like($r->{err}, qr/11 records hide people: the salts cannot be read: .*Permission denied/, 'and says what it has not');
	like($r->{out}, qr/example\.com/, 'domains are there');
};

# With the salt names can be tried until one fits; without it no try succeeds.
subtest 'guesses' => sub {
	my ($record) = $daemon->audit_after(0, 2);
	my ($first) = grep { ($_->{event} // '') eq 'message' } $daemon->audit;
	my ($address) = $first->{client}{addr} =~ /^~([0-9a-f]{32})$/;
	my %of = map { (split)[0, 1] } split /\n/, salts_text();
	my $salt = pack 'H*', $of{$address};
	my @network = map { "198.51.100.$_" } 0 .. 255;
	is_deeply([grep { substr(hmac_sha256_hex("address:$_", $salt), 0, 32)
	    eq $address } @network], ['198.51.100.7'],
	    'with its salt an address is found among its neighbours');
	my @others = map { pack 'H*', $_ } grep { length == 64 &&
	    $_ ne $of{$address} } values %of;
	is(scalar(grep { my $s = $_; grep { substr(hmac_sha256_hex(
	    "address:$_", $s), 0, 32) eq $address } @network } @others), 0,
	    'with all other salts of the day it is not');
	is(scalar(grep { index(lines(), substr(sha256_hex($_), 0, 16)) >= 0 }
	    @network, map { "address:$_" } @network), 0,
	    'and no plain digest of it is there');
	my %salts = map { $_ => 1 } values %of;
	is(scalar keys %salts, scalar keys %of, 'no two values share a salt');
};

subtest 'killed and started again' => sub {
	my $before = salts_text();
	$daemon->kill_hard;
	$daemon->run;
	answer_is(talk('alice@example.com', 'bobby@bar.net', %tls),
	    'continue', 'another message');
	is(salts_text(), $before, 'people of before are known');
	is(($daemon->audit)[-1]{from}, (grep { $_->{from} &&
	    $_->{from} =~ /example/ } $daemon->audit)[0]{from},
	    'by the same commitment');
};

subtest 'one person is erased' => sub {
	my $log = Tlspolicy::Scratch::slurp("$daemon->{dir}/audit.log");
	my $would = $daemon->tlspolicy('audit', 'erase', '-n', 'PERM@bar.net');
	like($would->{out}, qr/: \d+ of \d+ values would be erased/, '-n');
	like(salts_text(), qr/perm\@bar\.net/, 'does not');
	my $r = $daemon->tlspolicy('audit', 'erase', 'PERM@bar.net');
	is($r->{status}, 0, 'erase');
	like($r->{out}, qr/^\d{4}-\d\d-\d\d: [3-9] of \d+ values erased$/,
	    'she, her rule, what was told about her');
	unlike(salts_text(), qr/perm/i, 'nothing is left of her');
	is(Tlspolicy::Scratch::slurp("$daemon->{dir}/audit.log"), $log,
	    'not a byte of the log is changed');
	is($daemon->tlspolicy('audit', 'verify')->{status}, 0,
	    'which is whole');
	my $show = show();
	unlike($show->{out}, qr/perm/i, 'she is not told any more');
	like($show->{out}, qr/to=bobby\@bar\.net/, 'others are');
	like($show->{err}, qr/^2 records hide people: they were erased$/m,
	    'which is said');
	my $replay = $daemon->tlspolicy('replay');
	is($replay->{status}, 1, 'replay');
	like($replay->{out}, qr/2 not judged/, 'judges the others');
	is($daemon->tlspolicy('audit', 'erase', 'perm@bar.net')->{status}, 66,
	    'a second time there is nobody');
	is($daemon->tlspolicy('audit', 'erase', '198.51.100.7')->{status}, 0,
	    'an address');
	unlike(salts_text(), qr/198\.51\.100\.7/, 'is gone, with rules of it');
	is($daemon->tlspolicy('audit', 'erase', 'dora@example.com')->{status},
	    0, 'and who wrote her address in another way');
	unlike(salts_text(), qr/dora/, 'is gone');
	answer_is(talk('alice@example.com', 'bobby@bar.net', %tls),
	    'continue', 'the daemon goes on');
	is($daemon->tlspolicy('audit', 'verify')->{status}, 0, 'whole');
};

subtest 'somebody beyond ASCII is erased' => sub {
	my ($lower, $upper, $two) = ("j\xc3\xbcrgen", "J\xc3\x9cRGEN",
	    "ju\xcc\x88rgen");
	$daemon->rules($rules . "TLS_From:$upper\@example.com\tWARN+ENCR:512\n");
	answer_is(talk("$upper\@example.com", "$two\@bar.net", %tls,
	    auth_type => 'PLAIN', auth_authen => "J\xc3\x9crgen"), 'continue',
	    'a message of his');
	like(salts_text(), qr/J\+C3\+9CRGEN\@example.*ju\+CC/s, 'he is known');
	for ("$lower\@example.com", "$lower\@bar.net", $lower) {
		is($daemon->tlspolicy('audit', 'erase', $_)->{status}, 0, $_);
	}
	unlike(salts_text(), qr/j(?:\+C3|u\+CC)/i, 'nothing is left of him');
	is($daemon->tlspolicy('audit', 'verify')->{status}, 0, 'whole');
};

subtest 'what erase does not do' => sub {
	my $today = strftime('%Y-%m-%d', gmtime);
	for ([], ['--day', $today], ['--day', 'monday'], ['@bar.net'], [''],
	    ['--expired', 'a@bar.net']) {
		is($daemon->tlspolicy('audit', 'erase', @$_)->{status}, 64,
		    "usage: @$_");
	}
	is($daemon->tlspolicy('audit', 'erase', '--day', '2020-02-02')
	    ->{status}, 66, 'a day that is not there');
	isnt(salts_text(), '', 'today is as it was');
};

subtest 'salts that were changed are not believed' => sub {
	my $run = elsewhere('forged');
	Tlspolicy::Scratch::must('cp', '-r', $salts,
	    "$daemon->{dir}/forged/salts");
	my ($file) = glob "$daemon->{dir}/forged/salts/*";
	my $text = Tlspolicy::Scratch::slurp($file);
	$text =~ s/mailbox bobby\@/mailbox mallory\@/g;
	open my $fh, '>', $file or die;
	print $fh $text;
	close $fh;
	my $r = $run->('audit', 'show');
	unlike($r->{out}, qr/mallory/, 'nobody else is named');
	like($r->{err}, qr/THE SALTS ARE NOT THOSE/, 'and that is said');
};

subtest 'whom the header names' => sub {
	my $d = daemon("TLS_Header:judged.com WARN+ENCR:512\n" .
	    "TLS_Header:ilse\@other.com WARN+ENCR:512\n", name => 'header',
	    settings => { privacy => 'days:30', 'header-from' => 'judge' });
	my $m = session($d, %sendmail, %tls);
	$m->mail('alice@example.com');
	$m->rcpt('bobby@bar.net');
	$m->command('header', "From\0Ilse <ilse\@other.com>, jack\@judged.com\0");
	$m->command('eoh', '');
	$m->command('body', "test\r\n");
	answer_is($m->eom, 'continue', 'judged');
	my $lines = join "\n", $d->all_audit_lines;
	unlike($lines, qr/ilse|jack/i, 'nobody is in the log');
	like($lines, qr/"header_from":\["~\w{32}\@other\.com","~\w{32}\@judged\.com"\]/,
	    'their domains are');
	my $why = $d->tlspolicy('audit', 'why', 'QUEUEID');
	like($why->{out}, qr/TLS_Header:ilse\@other\.com/, 'with the salts');
	is($d->tlspolicy('replay', '--as-then')->{status}, 0,
	    'the same once more');
	is($d->tlspolicy('audit', 'erase', 'ilse@other.com')->{status}, 0,
	    'one of them is erased');
	like($d->tlspolicy('replay')->{out}, qr/1 not judged/, 'and not judged');
	is($d->tlspolicy('audit', 'verify')->{status}, 0, 'whole');
};

done_testing;
