package Tlspolicy::Spellings;

# Addresses in every spelling, through a real MTA: what it takes for a@perm.test
# or perm@bar.test is refused by their rules, and nobody else is.  The MTA itself
# says who is meant: Postfix in its log, sendmail by -bt.  Shared by sendmail
# (525) and Postfix (625).

use strict;
use warnings;
use utf8;
use Encode qw(encode_utf8);
use Test::More;
use Tlspolicy::Live;

my @rules = ('TLS_From:perm.test PERM+ENCR:128',
    'TLS_To:perm@bar.test PERM+ENCR:128');
my $refused = [550, '5.7.10', qr/rule TLS_(?:From|To):perm/];

# U is the user, D the domain; bar.test and mx.example.org are local.
my @both = ('U@D', 'D!U', 'U%D', '"U"%D', '"U"@D', 'U@D(c)', 'U@(c)D',
    'U(c)@D', '(c)U@D', 'U(x(y)z)@D', 'U(x\\)y)@D', 'U@D(c', 'x <U@D>',
    'x y <U@D>', '"x, y" <U@D>', '<U@D>', '<<U@D>>', 'Joe <U%D>', 'U@D.',
    'U @D', 'U@ D', 'U @ D', ' U@D', 'U@D ', "\tU\@D", 'UU@D', '\\U@D',
    'U\\@D', '"U@D"', '"U%D"', '"D!U"', '"U\\@D"', '"U"@"D"', 'U@"D"',
    '@bar.test:U@D', '@bar.test:U%D', '@bar.test:D!U', '@x.test:U@D',
    '@bar.test,@x.test:U@D', 'U%D@bar.test', 'D!U@bar.test',
    '"U@D"@bar.test', '"U%D"@bar.test', '"D!U"@bar.test', 'bar.test!D!U',
    'U%D%bar.test', 'bar.test!U%D', 'U%D@mx.example.org',
    'U%D@localhost', 'U%D@[127.0.0.1]', 'U%D@mx', '@bar.test:U%D@bar.test',
    'U%D@bar.test.', 'g:U@D;', 'g: U@D, b@x.test;', 'U@D,b@x.test',
    'U@D b@x.test', 'b@x.test <U@D>', 'U@D <b@x.test>', '<U@D><b@x.test>',
    'U@D;', 'U@D\\', '\\"U\\"@D', 'U""@D', '""U@D', 'U@D""', 'U."".x@D');
my @local = ('U', '"U"', '\\U', '(c)U', 'U(c)', 'Joe <U>', '@D:U',
    '@x.test:U', 'U@', 'U@localhost', 'U@LOCALHOST', 'U@[127.0.0.1]',
    'U@mx', 'U@mx.example.org', 'U@MX.example.org.', 'U@example.org',
    'mx.example.org!U', 'U%mx.example.org', 'U%localhost', 'mx!U',
    'localhost!U', 'U+x@D', 'U+x', '"U+x"@D', '"U"+x@D', 'U+x%D',
    'D!U+x', 'U+@D', 'U+x+y@D', 'U+x@mx.example.org',
    'U+' . 'd' x 507 . '@D', 'U+' . 'd' x 507);

# Addresses that do not mean a@perm.test (from) or perm@bar.test (to).
my %others = (
	from => ['b@x.test', '@perm.test:b@x.test', 'a%perm.test@x.test',
	    'perm.test!a@x.test', '"a@perm.test"@x.test',
	    'b@x.test(a@perm.test)', '"a@perm.test" <b@x.test>',
	    'a@perm.test.x.test', 'a@xperm.test', 'x.test!perm.test!a',
	    'perm.test@x.test', '"perm.test!a"@x.test', 'a@perm-test.test',
	    'a(@perm.test)@x.test', ''],
	to => ['perm@x.test', 'permit@bar.test', 'xperm@bar.test',
	    'perm.x@bar.test', '"perm x"@bar.test', 'perm-x@bar.test',
	    'perm@bar.test.x.test', 'perm@xbar.test', 'bar.test!perm@x.test',
	    'perm%bar.test@x.test', '@bar.test:perm@x.test',
	    '"perm@bar.test"@x.test', 'perm@x.test(perm@bar.test)',
	    'x+perm@bar.test', 'per(c)m.x@bar.test', '"+perm"@bar.test',
	    'x.test!bar.test!perm', '"perm@bar.test" <b@x.test>'],
);

sub of
{
	my ($user, $domain, @templates) = @_;
	my %done;
	return grep { !$done{$_}++ } map { my $s = $_;
	    ($s =~ s/UU/\U$user/gr =~ s/U/$user/gr =~ s/D/$domain/gr,
	    $s =~ s/UU/\U$user/gr =~ s/U/$user/gr =~ s/D/\U$domain/gr)
	    } @templates;
}

sub start
{
	my ($mta) = @_;
	return Tlspolicy::Live->start($mta,
	    daemon => { settings => { 'local-domains' => 'bar.test' } },
	    start => $mta eq 'postfix' ? { main => {
		mydestination => 'mx.example.org, localhost, bar.test',
		myorigin => 'bar.test', recipient_delimiter => '+',
		local_transport => 'discard:' } } :
	    { mc => "LOCAL_DOMAIN(`bar.test')dnl\n" });
}

# A client, and the answer to the address in question; the other one is harmless.
sub say_it
{
	my ($live, $side, $spelling) = @_;
	my $client = $live->client;
	return ($client, $client->mail($spelling)) if $side eq 'from';
	$client->mail('b@x.test');
	return ($client, $client->rcpt($spelling));
}

# spelling => the mailbox that the MTA acts on, of those that it takes.
sub taken
{
	my ($live, $side, @spellings) = @_;
	my (%queued, @taken);
	for my $spelling (@spellings) {
		my ($client, $r) = say_it($live, $side, $spelling);
		if ($r->{code} == 250) {
			push @taken, $spelling;
			$client->rcpt('b@x.test') if $side eq 'from';
			$r = $client->data if $live->{kind} eq 'postfix';
			$queued{$1} = $spelling
			    if $r->{text} =~ /queued as (\w+)/;
		}
		$client->quit;
	}
	return $live->{kind} eq 'sendmail' ? resolved($live, @taken) :
	    logged($live, $side, \%queued);
}

# sendmail in its test mode: "mailer local, user perm" for each line.
sub resolved
{
	my ($live, @taken) = @_;
	my $in = $live->{scratch}->write('parse',
	    join '', map { "/parse $_\n" } @taken);
	my (undef, @told) = split /^> /m, Tlspolicy::Scratch::run({ in => $in },
	    @{$live->{mta}{prefix}}, '-bt')->{out};
	my %is;
	for my $spelling (@taken) {
		my ($mailer, $user) =
		    shift(@told) =~ /^mailer (\w+), .*?user (.*)/m or next;
		$is{$spelling} = $user . ($mailer eq 'local' ? '@bar.test' : '');
	}
	return %is;
}

# Postfix: what stands in the queue.
sub logged
{
	my ($live, $side, $queued) = @_;
	my %is;
	Tlspolicy::Scratch::wait_for(60, sub {
		my $log = $live->{mta}->log;
		!grep { $log !~ /$_: removed/ } keys %$queued });
	for (split /\n/, $live->{mta}->log) {
		next unless /: (\w+): $side=<([^>]*)>/;
		$is{$queued->{$1}} = $2 if exists $queued->{$1};
	}
	s/\@(?:mx\.example\.org|localhost)$/\@bar.test/ for values %is;
	return %is;
}

sub means
{
	my ($mailbox, $user, $domain) = @_;
	return defined $mailbox && $mailbox =~
	    /^"?\Q$user\E"?(?:\+.*)?"?\@\Q$domain\E\.?$/i;
}

sub answer_is
{
	my ($live, $side, $spelling, $want, $name) = @_;
	my ($client, $got) = say_it($live, $side, $spelling);
	$live->reply_is($client, $got, $want, $name);
	$client->quit;
}

sub refuses_them
{
	my ($live, $side, $user, $domain, @spellings) = @_;
	$live->policy('') or return;
	my %is = taken($live, $side, @spellings);
	my @same = grep { means($is{$_}, $user, $domain) } @spellings;
	cmp_ok(scalar @same, '>', 20, 'the MTA takes many of them');
	$live->policy(@rules) or return;
	for (@same) {
		answer_is($live, $side, $_, $refused, substr($_, 0, 60)
		    . " is $is{$_}" =~ s/(.{70}).*/$1/r);
	}
}

sub spares_others
{
	my ($live, $side, $user, $domain) = @_;
	my @spellings = @{$others{$side}};
	$live->policy('') or return;
	my %is = taken($live, $side, @spellings);
	$live->policy(@rules) or return;
	for (grep { exists $is{$_} } @spellings) {
		ok(!means($is{$_}, $user, $domain),
		    "<$_> is <$is{$_}> for the MTA") or next;
		answer_is($live, $side, $_, 'accept', "<$_>");
	}
}

# Pieces in any order; the same ones each time.
sub composed
{
	my ($user, $domain, $n) = @_;
	my @pieces = ($user, $domain, $user, $domain, '@', '@', '%', '!', '"',
	    '(c)', '<', '>', ':', ' ', '\\', 'bar.test', '@bar.test', '.',
	    'x.test', '@bar.test:', "$user\@$domain", "$domain!$user",
	    "$user%$domain", ',', ';', 'localhost', '+x');
	my ($seed, %made) = (42);
	my $any = sub {
		$seed = ($seed * 1103515245 + 12345) & 0x7fffffff;
		return ($seed >> 8) % $_[0];
	};
	while (keys %made < $n) {
		my $s = join '', map { $pieces[$any->(scalar @pieces)] }
		    0 .. 1 + $any->(5);
		$made{$s} = 1 if $s =~ /$user/;
	}
	return sort keys %made;
}

sub unicode
{
	my ($live) = @_;
	$live->policy(encode_utf8('TLS_From:bücher.test PERM+ENCR:128')) or
	    return;
	for (qw(a@xn--bcher-kva.test a@XN--BCHER-KVA.test
	    a%xn--bcher-kva.test xn--bcher-kva.test!a)) {
		answer_is($live, 'from', $_, [550, '5.7.10'], $_);
	}
	answer_is($live, 'from', 'a@xn--bcher-kvb.test', 'accept',
	    'another name');
	for ('a@bücher.test', 'a@BÜCHER.test', 'a%bücher.test',
	    "a\@bu\x{308}cher.test", 'ä@bücher.test', 'bücher.test!a') {
		my $client = $live->client;
		my $r = $client->mail(encode_utf8($_), 'SMTPUTF8');
		like($r->{code}, qr/^5/, encode_utf8("$_, SMTPUTF8")) or
		    diag($client->dialogue);
		$client->quit;
	}
}

# Letters beyond ASCII in local parts: which rule is met, whether or not the MTA
# takes them for one mailbox.
sub letters
{
	my ($live) = @_;
	my %seen;
	$live->policy(map { encode_utf8($_) } 'TLS_From:jürgen@perm.test ' .
	    'PERM+ENCR:128', 'TLS_From:boss@perm.test PERM+ENCR:128',
	    'TLS_To:jürgen@ PERM+ENCR:128', 'TLS_To:boss@bar.test PERM+ENCR:128')
	    or return;
	my %who = (from => [ 'perm.test', 'TLS_From' ],
	    to => [ 'bar.test', 'TLS_To' ]);
	for my $side (qw(from to)) {
		my ($domain, $tag) = @{$who{$side}};
		for my $user ('jürgen', 'JÜRGEN', "ju\x{308}rgen", 'jürgen+x',
		    "JÜRGEN+\xff", '"JÜRGEN"', "bo\x{17f}\x{17f}",
		    "BO\x{17f}s+x", 'jurgen', "jürgen\xff", 'böss') {
			my $typed = encode_utf8($user) =~ s/\xc3\xbf/\xff/r;
			my $meant = $user =~ /^"?(?:jü|JÜ|ju\x{308}|bo\x{17f}|BO\x{17f})/
			    && $user !~ /^jürgen\xff/;
			for my $utf8 (0, 1) {
				my $client = $live->client;
				my $r = $client->mail($side eq 'from' ?
				    "$typed\@$domain" : 'b@x.test',
				    ('SMTPUTF8') x $utf8);
				$r = $client->rcpt("$typed\@$domain")
				    if $side eq 'to' && $r->{code} == 250;
				my $ours = $r->{text} =~ /rule $tag/;
				my $name = "$side <$user>" . ' SMTPUTF8' x $utf8;
				ok($meant ? $r->{code} =~ /^5/ : !$ours,
				    encode_utf8("$name: $r->{code}" . ($ours ?
				    ', by the rule' : ''))) or
				    diag($client->dialogue);
				$seen{$tag}++ if $ours;
				$client->quit;
			}
		}
		cmp_ok($seen{$tag} // 0, '>=', 4, "$side: the rules were met");
	}
}

sub run
{
	my ($mta) = @_;
	my $live = start($mta);
	my %who = (from => ['a', 'perm.test'], to => ['perm', 'bar.test']);
	my $n = $ENV{TLSPOLICY_SPELLINGS} // 300;

	for my $side (qw(from to)) {
		my @who = @{$who{$side}};
		my @spellings = (of(@who, @both), $side eq 'to' ?
		    of(@who, @local) : (), composed(@who, $n));
		subtest "$side: who is meant is refused" => sub {
			refuses_them($live, $side, @who, @spellings);
		};
		subtest "$side: nobody else is" => sub {
			spares_others($live, $side, @who);
		};
	}
	subtest 'internationalised domains' => sub { unicode($live) };
	subtest 'local parts beyond ASCII' => sub { letters($live) };
	done_testing;
}

1;
