#!/usr/bin/perl
#
# A directory that does not keep to RFC 4533, or does in an odd way: messages that
# cannot be taken, cookies of any kind, results, silence in the middle of one.
# What is in force is always a whole policy that it has told.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);
use Tlspolicy::FakeLdap;
use Tlspolicy::Node;
use Tlspolicy::Scratch;

my $bin = Tlspolicy::Scratch::builddir();
plan skip_all => 'built without libldap' if qx(ldd $bin/tlspolicy) !~ /libldap/;
my $scratch = Tlspolicy::Scratch->new;
my $dir = $scratch->dir;
my $csn = '20261129000000.000000Z#000000#001#000000';
my $later = '20261129000001.000000Z#000000#001#000000';
my $cookie = "rid=000,csn=$csn";
my %three = (a => 'PERM+VERIFY', b => 'ENCR:128', c => 'TEMP+VERIFY');
my $three = 'TLS_Clt:a=PERM+VERIFY TLS_Clt:b=ENCR:128 TLS_Clt:c=TEMP+VERIFY';
my $peer;
my $node = Tlspolicy::Node->new(scratch => $scratch,
    settings => { 'directory-base' => $Tlspolicy::FakeLdap::BASE });

# The directory that the node asks from here on, with other settings for the node.
sub peer
{
	my ($code, %setting) = @_;
	undef $peer;
	$peer = Tlspolicy::FakeLdap->start(scratch => $scratch, name => 'peer',
	    code => $code);
	$node->conf(directory => $peer->{uri}, %setting);
}

# The entries of A, B and C, as a first refresh sends them.
sub all_three
{
	my ($id, $end) = @_;
	return (map({ Tlspolicy::FakeLdap::entry($id, 'add', $_, "TLS_Clt:$_",
	    $three{$_}) } sort keys %three), Tlspolicy::FakeLdap::phase_end($id,
	    'present', $end // $cookie));
}

sub good
{
	my ($c) = @_;
	my ($id) = $c->asked(found => 0);
	$c->say(all_three($id));
	$c->stay;
}

sub anew
{
	unlink glob "$dir/policy.mdb*";
	peer(\&good);
	$node->once(0, 'three rules');
	is($node->shown(), $three, 'are in force');
}

# A directory that sends a change of D, the messages @bad, and the end of the
# refresh.
sub with
{
	my (@bad) = @_;
	return sub {
		my ($c) = @_;
		my ($id) = $c->asked;
		$c->say(Tlspolicy::FakeLdap::entry($id, 'add', 'd', 'TLS_Clt:d',
		    'OK'), map({ $_->($id) } @bad),
		    Tlspolicy::FakeLdap::phase_end($id, 'delete',
		    "rid=000,csn=$later"));
		$c->stay;
	};
}

anew();

subtest 'what cannot be taken ends it' => sub {
	my $odd = 'u' x 17;
	for (['an entry without a state', sub { Tlspolicy::FakeLdap::entry($_[0],
	    'none', 'e', 'TLS_Clt:e', 'OK') }],
	    ['one of another state', sub { Tlspolicy::FakeLdap::entry($_[0],
	    'odd', 'e', 'TLS_Clt:e', 'OK') }],
	    ['a UUID of 17 bytes', sub { Tlspolicy::FakeLdap::entry($_[0], 'add',
	    $odd, 'TLS_Clt:e', 'OK') }],
	    ['one that goes', sub { Tlspolicy::FakeLdap::entry($_[0], 'delete',
	    $odd) }],
	    ['one in a set', sub { Tlspolicy::FakeLdap::set($_[0], 1, $odd) }],
	    ['a message of something else', sub { Tlspolicy::FakeLdap::message(
	    $_[0], Tlspolicy::FakeLdap::tlv(0x79, Tlspolicy::FakeLdap::tlv(0x80,
	    '1.2.3'))) }],
	    ['a reference to another server', sub { Tlspolicy::FakeLdap::message(
	    $_[0], Tlspolicy::FakeLdap::tlv(0x73, Tlspolicy::FakeLdap::octets(
	    'ldap://elsewhere.example/ou=x'))) }, qr/another server/]) {
		my ($what, $bad, $text) = @$_;
		peer(with($bad));
		like($node->once(69, $what), $text // qr/does not keep to RFC 4533/,
		    "$what: is told");
		is($node->shown(), $three, "$what: the policy stays");
	}
	peer(with(sub { Tlspolicy::FakeLdap::set($_[0], 1, 'unknown'),
	    Tlspolicy::FakeLdap::entry($_[0], 'delete', 'unknown2') }));
	$node->once(0, 'who goes and was not there');
	is($node->shown(), "$three TLS_Clt:d=OK", 'is no fault');
	anew();
};

subtest 'results' => sub {
	for ([0, 'before its end'], [4, 'a size limit', qr/[Ss]ize limit/],
	    [3, 'a time limit'], [10, 'a referral'], [11, 'an administrative limit'],
	    [12, 'no RFC 4533', qr/[Cc]ritical extension/], [32, 'no base'],
	    [50, 'no access'], [51, 'busy', qr/busy/], [52, 'unavailable'],
	    [53, 'unwilling, each time'], [80, 'another one'],
	    [4096, 'a refresh required, each time']) {
		my ($code, $what, $text) = @$_;
		peer(sub {
			my ($id) = $_[0]->asked;
			$_[0]->say(Tlspolicy::FakeLdap::entry($id, 'add', 'd',
			    'TLS_Clt:d', 'OK'), Tlspolicy::FakeLdap::message($id,
			    Tlspolicy::FakeLdap::result($code, 'why it is')));
			$_[0]->stay;
		});
		my $err = $node->once(69, $what);
		like($err, $text, "$what: told") if $text;
		is($node->shown(), $three, "$what: the policy stays");
	}
	peer(sub {
		my ($id, $known) = $_[0]->asked;
		return good($_[0]) if !defined $known;
		$_[0]->say(Tlspolicy::FakeLdap::entry($id, 'add', 'd',
		    'TLS_Clt:d', 'OK'), Tlspolicy::FakeLdap::message($id,
		    Tlspolicy::FakeLdap::result(4096)));
		$_[0]->stay;
	});
	# The second connection asks without a cookie.
	peer(sub {
		my ($id, $known) = $_[0]->asked;
		$_[0]->say(defined $known ? Tlspolicy::FakeLdap::message($id,
		    Tlspolicy::FakeLdap::result(4096)) : all_three($id));
		$_[0]->stay;
	});
	like($node->once(0, 'a refresh required, once'), qr/all is read again/,
	    'is done');
	is($node->shown(), $three, 'and nothing is lost');
};

# Cookies of a directory: which one sync sends the next time, and what is in force
# then.
subtest 'cookies' => sub {
	my $second = $csn =~ s/#001#/#002#/r;
	for (['none', undef, undef], ['an empty one', '', undef],
	    ['bytes', "\0\1\xff,\0=", undef], ['64 kB', 'x' x 65536, undef],
	    ['a sentence', 'server:389#cn=x:ou=y#42', undef],
	    ['one that looks like it', "vendor=7,csn=$csn", undef],
	    ['no change in it', 'rid=001,csn=', undef],
	    ['64 kB of changes', 'rid=001,csn=' . join(';', map { $csn =~
	    s/#001#/sprintf '#%03x#', $_/er } 1 .. 1500), undef],
	    ['of another provider', "rid=003,sid=002,csn=$csn;$second",
	    "rid=000,csn=$csn;$second"], ['as it was', $cookie, $cookie]) {
		my ($what, $given, $want) = @$_;
		my $file = $scratch->write('asked', '');
		unlink glob "$dir/policy.mdb*";
		peer(sub {
			my ($id, $known) = $_[0]->asked;
			open my $f, '>>', $file;
			print $f defined $known ? "cookie $known\n" : "none\n";
			close $f;
			# Without a cookie: all of them; else nothing is new.
			$_[0]->say(defined $known ? Tlspolicy::FakeLdap::phase_end(
			    $id, 'delete', $known) : defined $given ?
			    all_three($id, $given) : (map({
			    Tlspolicy::FakeLdap::entry($id, 'add', $_,
			    "TLS_Clt:$_", $three{$_}) } sort keys %three),
			    Tlspolicy::FakeLdap::phase_end($id, 'present')));
			$_[0]->stay;
		});
		$node->once(0, $what) for 1, 2;
		is(Tlspolicy::Scratch::slurp($file), "none\n" .
		    (defined $want ? "cookie $want\n" : "none\n"),
		    "$what: what it is shown");
		is($node->shown(), $three, "$what: all are in force");
	}
	anew();
};

subtest 'entries' => sub {
	my $long = 'PERM+VERIFY+CN:' . 'x' x 70_000;
	my %odd = (
		'no value' => { sendmailMTAKey => ['TLS_Clt:a'] },
		'no key' => { sendmailMTAMapValue => ['OK'] },
		'two values' => { sendmailMTAKey => ['TLS_Clt:a'],
		    sendmailMTAMapValue => ['OK', 'ENCR:1'] },
		'two keys' => { sendmailMTAKey => ['TLS_Clt:a', 'TLS_Clt:z'],
		    sendmailMTAMapValue => ['OK'] },
		'a line feed' => { sendmailMTAKey => ['TLS_Clt:a'],
		    sendmailMTAMapValue => ["OK\nTLS_Clt:z OK"] },
		'a NUL' => { sendmailMTAKey => ['TLS_Clt:a'],
		    sendmailMTAMapValue => ["OK\0"] },
		'an empty value' => { sendmailMTAKey => ['TLS_Clt:a'],
		    sendmailMTAMapValue => [''] },
		'a value in another language' => { sendmailMTAKey =>
		    ['TLS_Clt:a'], 'sendmailMTAMapValue;lang-en' => ['OK'] },
		'a key of 70 kB' => { sendmailMTAKey => ["TLS_Clt:$long"],
		    sendmailMTAMapValue => ['OK'] },
		'70 kB' => { sendmailMTAKey => ['TLS_Clt:a'],
		    sendmailMTAMapValue => [$long] });
	for my $what (sort keys %odd) {
		peer(sub {
			my ($id) = $_[0]->asked;
			$_[0]->say(Tlspolicy::FakeLdap::entry($id, 'modify', 'a',
			    'TLS_Clt:a', '', attributes => $odd{$what}),
			    Tlspolicy::FakeLdap::entry($id, 'add', 'd',
			    'TLS_Clt:d', 'OK'), Tlspolicy::FakeLdap::phase_end(
			    $id, 'delete', "rid=000,csn=$later"));
			$_[0]->stay;
		});
		like($node->once(0, $what), qr/the last good rule stays/, "$what: told");
		is($node->shown(), "$three TLS_Clt:d=OK",
		    "$what: its rule stays, the others are taken");
		anew();
	}
	my $name = 'cn=' . 'n' x 70_000;
	peer(with(sub { Tlspolicy::FakeLdap::entry($_[0], 'add', 'e', 'TLS_Clt:e',
	    'OK', name => $name) }));
	$node->once(0, 'a name of 70 kB');
	is($node->shown(), "$three TLS_Clt:d=OK TLS_Clt:e=OK", 'is a name');
	anew();
};

subtest 'nothing there' => sub {
	my $nothing = sub {
		my ($id) = $_[0]->asked;
		$_[0]->say(Tlspolicy::FakeLdap::phase_end($id, 'present',
		    "rid=000,csn=$later"));
		$_[0]->stay;
	};
	peer($nothing);
	like($node->once(65, 'a phase that mentions nobody'), qr/--allow-empty/, 'told');
	is($node->shown(), $three, 'the policy stays');
	# The same while sync follows the directory.
	peer(sub {
		my ($id) = $_[0]->asked;
		$_[0]->say(Tlspolicy::FakeLdap::phase_end($id, 'delete', $cookie));
		sleep 1.5;
		$_[0]->say(map { Tlspolicy::FakeLdap::entry($id, 'delete', $_,
		    undef, undef, cookie => "rid=000,csn=$later") } qw(a b c));
		$_[0]->stay;
	});
	$node->follow();
	$node->said(qr/--allow-empty/, 'all go: it is told');
	is($node->shown(), $three, 'and not done');
	$node->unfollow;
	# A new entry in the answer of a directory that is there again must not be
	# all of the policy.
	my $new = sub { my ($id) = @_; Tlspolicy::FakeLdap::entry($id, 'add', 'd',
	    'TLS_Clt:d', 'OK', cookie => "rid=000,csn=$later") };
	peer(sub {
		my ($id) = $_[0]->asked;
		return $_[0]->say(Tlspolicy::FakeLdap::phase_end($id, 'present',
		    "rid=000,csn=$later")), $_[0]->stay if $_[0]{number} == 1;
		$_[0]->say(Tlspolicy::FakeLdap::phase_end($id, 'delete', $cookie),
		    $new->($id));
		$_[0]->stay;
	});
	$node->follow();
	$node->becomes("$three TLS_Clt:d=OK", 'seen again, they are all there');
	$node->unfollow;
	anew();
};

# A claim that kept rules out is removed by hand, and nothing changes in the
# directory.
subtest 'what kept it out is gone' => sub {
	my $claims = $scratch->write('x.claims',
	    "client a in clear is never accepted\n");
	my $code = sub {
		my ($id) = $_[0]->asked;
		$_[0]->say(Tlspolicy::FakeLdap::phase_end($id, 'delete', $cookie));
		sleep 1;
		$_[0]->say(Tlspolicy::FakeLdap::entry($id, 'modify', 'a',
		    'TLS_Clt:a', 'OK', cookie => "rid=000,csn=$later"));
		$_[0]->stay;
	};
	peer($code, claims => $claims);
	$node->follow();
	$node->said(qr/would not hold/, 'a claim');
	is($node->shown(), $three, 'keeps it out');
	$scratch->write('x.claims', "\n");
	$node->becomes($three =~ s/a=PERM\+VERIFY/a=OK/r, 'and then it is taken');
	$node->unfollow;
	anew();
};

# A change that was sent, and taken back before it was in force.
subtest 'told and taken back' => sub {
	peer(sub {
		my ($id) = $_[0]->asked;
		$_[0]->say(Tlspolicy::FakeLdap::phase_end($id, 'delete', $cookie));
		if ($_[0]{number} == 1) {
			sleep 1.5;
			$_[0]->say(Tlspolicy::FakeLdap::entry($id, 'delete', 'b'),
			    Tlspolicy::FakeLdap::entry($id, 'modify', 'c',
			    'TLS_Clt:c', 'OK'));
			return;
		}
		$_[0]->say(Tlspolicy::FakeLdap::entry($id, 'add', 'd',
		    'TLS_Clt:d', 'OK', cookie => "rid=000,csn=$later"));
		$_[0]->stay;
	});
	$node->follow();
	$node->becomes("$three TLS_Clt:d=OK", 'only what the second one has');
	$node->unfollow;
	anew();
};

# After ten silent seconds sync asks whether the directory is still there.
subtest 'changes beside another answer' => sub {
	peer(sub {
		my ($id) = $_[0]->asked;
		$_[0]->say(Tlspolicy::FakeLdap::phase_end($id, 'delete', $cookie));
		my ($other) = $_[0]->request or return;
		$_[0]->say(map({ Tlspolicy::FakeLdap::entry($id, 'add', $_,
		    "TLS_Clt:$_", 'OK', cookie => "rid=000,csn=$later") }
		    qw(d e f g)), Tlspolicy::FakeLdap::message($other,
		    Tlspolicy::FakeLdap::result(0)));
		$_[0]->stay;
	});
	$node->follow();
	$node->becomes("$three TLS_Clt:d=OK TLS_Clt:e=OK TLS_Clt:f=OK TLS_Clt:g=OK",
	    'none is lost');
	$node->unfollow;
	anew();
};

# The directory falls silent before or behind the refresh, or before its answer to
# the bind.
subtest 'half a message, and silence' => sub {
	my $second = Tlspolicy::FakeLdap->start(scratch => $scratch,
	    name => 'second', code => sub {
		my ($id) = $_[0]->asked;
		$_[0]->say(Tlspolicy::FakeLdap::entry($id, 'modify', 'a',
		    'TLS_Clt:a', 'OK'), Tlspolicy::FakeLdap::phase_end($id,
		    'delete', "rid=000,csn=$later"));
		$_[0]->stay;
	    });
	my $half = substr Tlspolicy::FakeLdap::entry(2, 'delete', 'a'), 0, 12;
	for my $where ('bind', 'look', 'refresh', 'follow', 'answer') {
		peer(sub {
			my $c = $_[0];
			my ($id) = $where eq 'bind' || $where eq 'look' ?
			    $c->request : $c->asked;
			if ($where eq 'look') {
				$c->say(Tlspolicy::FakeLdap::message($id,
				    Tlspolicy::FakeLdap::result(0, '', 0x61)));
				$c->request;
			}
			$c->say(Tlspolicy::FakeLdap::phase_end($id, 'delete',
			    $cookie)) if $where eq 'follow' || $where eq 'answer';
			$c->request if $where eq 'answer';
			sleep 1 if $where eq 'follow';
			$c->say($half);
			sleep 300;
		}, directory => "$dir/peer $second->{uri}" =~
		    s{^(\S+)}{'ldapi://' . $1 =~ s{/}{%2F}gr}er);
		$node->follow();
		$node->becomes($three =~ s/a=PERM\+VERIFY/a=OK/r,
		    "$where: the next server is asked");
		$node->unfollow;
		anew();
	}
};

done_testing;
