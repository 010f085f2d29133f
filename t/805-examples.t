#!/usr/bin/perl
#
# README and the examples do and print what they say.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP;
use Test::More;
use Tlspolicy::Tree;

my $top = Tlspolicy::Scratch::topdir();
my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
plan skip_all => "$tlspolicy is not built" unless -x $tlspolicy;
my $scratch = Tlspolicy::Scratch->new;

sub tlspolicy {
	my ($status, @args) = @_;
	my $r = Tlspolicy::Scratch::run('sh', '-c', 'cd "$0" && exec "$@"',
	    $scratch->dir, $tlspolicy, @args);
	is($r->{status}, $status, "tlspolicy @args") or diag $r->{err};
	return $r->{out};
}

my $readme = Tlspolicy::Tree::text('README');
my @lines = split /\n/, $readme;
cmp_ok(scalar @lines, '<=', 120, 'README has at most 120 lines');

# A rule, a session and its explanation.
my ($rules) = $readme =~ /^    \$ cat rules\n((?:    \S.*\n)+)/m;
my ($command, $explanation) =
    $readme =~ /^    \$ tlspolicy (check .*)\n((?:    .*\n)+)/m;
my @session = $readme =~ /^    S: (.*)$/mg;
$scratch->write('rules', $rules =~ s/^    //mgr);

is(tlspolicy(77, split ' ', $command), $explanation =~ s/^    //mgr,
    'README: the explanation');
my $verdict = decode_json(tlspolicy(77, split(' ', $command =~ s/ -v / /r),
    '--json'));
my @text = split m{ / }, $verdict->{text};
is_deeply(\@session, [map { $verdict->{code} . ($_ < $#text ? '-' : ' ') .
    "$verdict->{dsn} $text[$_]" } 0 .. $#text], 'README: the session');

# What README says of the MTAs, the examples and the manual say as well.
my ($main_cf) = $readme =~ /^Postfix, in main.cf:\n\n((?:    .*\n)+)/m;
my ($mc) = $readme =~ /^sendmail, in the .mc file:\n\n    (.*\n)/m;
my $page = Tlspolicy::Tree::text('man/tlspolicy-milter.8');
my $snippet = Tlspolicy::Tree::text('scripts/postfix-main.cf');
ok(length($main_cf // '') && length($mc // ''), 'README has lines for both MTAs');
for (split /\n/, $main_cf =~ s/^    //mgr) {
	like($snippet, qr/^\Q$_\E$/m, "postfix-main.cf: $_");
	like($page, qr/^\Q$_\E$/m, "tlspolicy-milter(8): $_");
}
like(Tlspolicy::Tree::text('scripts/sendmail.mc'), qr/^\Q$mc\E/m,
    'sendmail.mc: the line of README');
like($page, qr/^\Q$mc\E/m, 'tlspolicy-milter(8): the line of README');

# Every file that README names is there.
my @named = $readme =~ m{\b((?:scripts|man|policy|milter|t)/[\w.-]*\w)}g;
is_deeply([grep { !-e "$top/$_" } @named], [],
    'README: the files that it names are there');

# The maps of policy/ and milter/: their folders are those that are there; each
# file that they name is there, and each that is there is named: by itself, or
# as a part (-parse of reader-parse) or private header of one that is.
for my $top ('policy', 'milter') {
	my $map = Tlspolicy::Tree::text("$top/README") =~
	    s/^(?:What holds everywhere|Threads).*//msr;
	my (undef, @sections) = split m{^    ([\w-]+)/  .*\n}m, $map;
	my %section = @sections;
	my %folder;
	for (Tlspolicy::Tree::files(qr{^$top/\w+/[^/]+\.[ch]$})) {
		my ($folder, $name) = m{^$top/(\w+)/([\w-]+)\.[ch]$};
		$folder{$folder}{$name} = 1;
	}
	is_deeply([sort keys %section], [sort keys %folder],
	    "$top/README: its folders");
	for my $folder (sort keys %section) {
		my @names = map { split /, / } $section{$folder} =~
		    /^      (\w[\w-]*(?:, [\w-]+)*),?(?:  |$)/mg;
		is_deeply([grep { !$folder{$folder}{$_} } @names], [],
		    "$top/README: the files of $folder/ that it names");
		my %named = map { $_ => 1 } $section{$folder} =~ /([\w-]+)/g;
		is_deeply([grep { !$named{$_} && !/^cmd-|-internal$/ &&
		    !(/^(\w+)(-[\w-]+)$/ && $named{$1} && $named{$2}) }
		    sort keys %{$folder{$folder}}], [],
		    "$top/README: the files of $folder/ are all named");
	}
}

# The rules build, and judge as their comments say.
$scratch->write('rules', Tlspolicy::Tree::text('scripts/rules.example'));
tlspolicy(0, qw(build -c /dev/null -d p.mdb rules));
is(tlspolicy(0, qw(lint -c /dev/null --mta sendmail rules)), '',
    'rules.example: lint finds nothing');
my @told = qw(client_addr=203.0.113.5 daemon_name=MTA daemon_port=25
    mail_addr=a@anybody.example);
my @tls = qw(tls_version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384
    cipher_bits=256);
for my $case (
    ['anybody in clear', qr/^accept\nwarn tempfail/, 0,
	'client_name=mx.anybody.example', 'client_addr=203.0.113.5'],
    ['login in clear', qr/^reject 550 5\.7\.11 .*Switch on/, 77,
	'client_name=mx.anybody.example', 'auth_authen=joe'],
    ['partner without certificate', qr/^reject 554 5\.7\.1 /, 77,
	'client_name=mx.partner.example', 'verify=NO', @tls],
    ['partner with one', qr/^accept$/, 0, 'client_name=mx.partner.example',
	'verify=OK', 'cn_subject=mx.partner.example', @tls],
    ['device by address', qr/^accept$/, 0, 'client_name=[192.0.2.77]',
	'client_addr=192.0.2.77'],
    ['its neighbour', qr/^reject 550 5\.7\.10 /, 77, 'client_name=[192.0.2.78]',
	'client_addr=192.0.2.78'],
    ['bank', qr/^hold /, 79, 'client_name=x.example', 'verify=NO',
	'mail_addr=<a@bank.example>', @tls],
    ['outbound', qr/^reject 550 5\.7\.1 do not try TLS/, 77, '-t', 'Try_TLS',
	'server_name=broken.example.net'],
) {
	my ($name, $want, $status, @args) = @$case;
	my @rest = grep { my ($macro) = /^(\w+=)/;
	    !grep { index($_, $macro) == 0 } @args } @told;
	like(tlspolicy($status, qw(check -c /dev/null -d p.mdb), @args, @rest),
	    $want,
	    "rules.example: $name");
}

# The commands of tlspolicy-migration(7), on files of which they speak.
my %etc = (
	'/etc/mail/access' => "Connect:192.0.2 OK\nTLS_Clt:a.example\tVERIFY:112\n"
	    . "tls_srv:b.example PERM+ENCR:128\n"
	    . "TLS_Clt:c.example VERIFY+CITag:MyCA\nMyCA:/C=DE/CN=x OK\n",
	'/etc/postfix' => { 'master.cf' => '', 'main.cf' =>
	    "smtpd_restriction_classes = need_tls\nneed_tls = "
	    . "reject_plaintext_session\nsmtpd_sender_restrictions = "
	    . "check_sender_access texthash:/etc/postfix/tls_senders\n",
	    tls_senders => "bank.example need_tls\nshop.example OK\n" },
);
my %rules = (
	'/etc/mail/access' => [qw(TLS_Clt:a.example tls_srv:b.example
	    TLS_Clt:c.example MyCA:/C=DE/CN=x)],
	'/etc/postfix' => [qw(Profile:need_tls TLS_From:bank.example
	    TLS_From:shop.example)],
);
for my $file (sort keys %etc) {
	my ($shell) = grep { /^\$ .*\Q$file\E/ && /tlspolicy import/ }
	    Tlspolicy::Tree::displays('tlspolicy-migration.7');
	my $here;
	if (ref $etc{$file}) {
		mkdir($here = $scratch->path('postfix'));
		$scratch->write("postfix/$_", $etc{$file}{$_})
		    for keys %{$etc{$file}};
	} else {
		$here = $scratch->write('imported', $etc{$file});
	}
	$shell =~ s/^\$ //mg;
	$shell =~ s/\Q$file\E/$here/g;
	$shell =~ s{\btlspolicy (import|build)}{$tlspolicy $1 -c /dev/null -d none.mdb}g;
	my $r = Tlspolicy::Scratch::run('sh', '-ec', "cd '" . $scratch->dir .
	    "'; $shell");
	is($r->{status}, 0, "$file: the commands work") or diag $r->{err};
	is_deeply([map { (split)[0] } split /\n/, $scratch->read('rules')],
	    $rules{$file}, "$file: its rules");
	tlspolicy(0, qw(build -n -c /dev/null -d none.mdb rules));
}

SKIP: {
	skip 'Postfix is not installed', 1 unless -x '/usr/sbin/postconf';
	mkdir $scratch->path('etc');
	$scratch->write('etc/main.cf', "compatibility_level = 3.6\n$snippet");
	$scratch->write('etc/master.cf', "smtp inet n - n - - smtpd\n");
	my $r = Tlspolicy::Scratch::run('/usr/sbin/postconf', '-c',
	    $scratch->path('etc'), '-n');
	is("$r->{status} $r->{err}", '0 ', 'postfix-main.cf: postconf takes it');
}

SKIP: {
	my $cf = ($ENV{TLSPOLICY_SENDMAIL} // "$top/build/sendmail") .
	    '/usr/share/sendmail/cf';
	skip 'sendmail is not unpacked', 2 unless -e "$cf/m4/cf.m4";
	my $in = $scratch->write('x.mc', "divert(-1)\ninclude(`$cf/m4/cf.m4')\n"
	    . "OSTYPE(`linux')dnl\n"
	    . Tlspolicy::Tree::text('scripts/sendmail.mc')
	    . "MAILER(`smtp')dnl\n");
	my $r = Tlspolicy::Scratch::run('m4', "-D_CF_DIR_=$cf/", $in);
	is("$r->{status} $r->{err}", '0 ', 'sendmail.mc: m4 takes it');
	like($r->{out}, qr{^Xtlspolicy, S=local:/run/tlspolicy/milter\.sock, F=T,}m,
	    'sendmail.cf has the milter');
}

done_testing;
