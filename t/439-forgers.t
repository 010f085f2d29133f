#!/usr/bin/perl
#
# The table of tlspolicy-security(7), forger by forger: each cell is what the
# command says of a log that was forged so.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA qw(hmac_sha256_hex sha256_hex);
use Test::More;
use Tlspolicy::Talk;

my $scratch = scratch();
my $conf = $scratch->write('empty.conf', '');
my $secret = 'the key of the chain, of today';
my $key = $scratch->write('chain-key', "$secret\n", 0600);
my $signer = $scratch->path('signer');

sub slurp
{
	return Tlspolicy::Scratch::slurp($_[0]);
}

sub tlspolicy
{
	my ($command, $what, @args) = @_;
	return Tlspolicy::Scratch::run(Tlspolicy::Scratch::builddir() .
	    '/tlspolicy', $command, $what, '-c', $conf, @args);
}

my $verifier = $scratch->write('verifier',
    tlspolicy('audit', 'key', '-n', 'mx1.example.org', $signer)->{out});

# A log without a key and one with, with a checkpoint of all but the last lines.
my (%log, %kept, %newer);
for my $kind ('plain', 'keyed') {
	my $notes = $scratch->path("notes-$kind");
	my %settings = ('checkpoint-key-file' => $signer,
	    'checkpoint-interval' => '1h', 'checkpoint-file' => $notes,
	    $kind eq 'keyed' ? ('audit-key-file' => $key) : ());
	my $d = daemon("TLS_Clt:example.com PERM+ENCR:112\n", name => $kind,
	    settings => \%settings);
	my $m = session($d, %sendmail, i => 'Q1');
	$m->helo(qq(x\n{"v":1,"event":"message","from":"forged\@example.net"}));
	$m->mail("a\@example.com") for 1 .. 5;
	is($d->stop, 0, 'the daemon ends');
	$kept{$kind} = slurp($notes);
	$log{$kind} = [slurp("$d->{dir}/audit.log") =~ /(.*\n)/g];
	is(join(' ', map { /\A\{"v":1,"event":"([\w-]+)"/ ? $1 : '?' }
	    @{$log{$kind}}), 'link policy settings' . ' refused-mail' x 5,
	    "$kind: a client adds no line of its own");
}

sub anew
{
	my ($how, $secret, @lines) = @_;
	my ($before, $seq, @forged) = ('0' x 64, 0);
	my @bodies = map { s/,"seq":\d+,"chain":"\w+"\}\n//r } @lines;
	in_epoch(\@bodies);
	$how->(\@bodies);
	for (@bodies) {
		my $text = "$before$_,\"seq\":" . ++$seq . '}';
		$before = defined $secret ? hmac_sha256_hex($text, $secret) :
		    sha256_hex($text);
		push @forged, qq($_,"seq":$seq,"chain":"$before"}\n);
	}
	return @forged;
}

# The same log under a ratchet, its daemon stopped: a forger who comes then has the
# key of epoch 2.
my $start = $scratch->path('start');
is(tlspolicy('audit', 'key', '-r', $start)->{status}, 0, 'a ratchet');
mkdir $scratch->path('keys') or die;
my $now = $scratch->write('keys/now', slurp($start), 0600);
my $d = daemon("TLS_Clt:example.com PERM+ENCR:112\n", name => 'ratchet',
    settings => { 'audit-key-file' => $now });
my $m = session($d, %sendmail, i => 'Q1');
$m->mail("a\@example.com") for 1 .. 5;
is($d->stop, 0, 'the daemon ends');
$log{ratchet} = [slurp("$d->{dir}/audit.log") =~ /(.*\n)/g];
my ($epoch, $taken) = slurp($now) =~ /^epoch (\d+)\nkey (\w+)$/m;
is($epoch, 2, 'and the epoch with it');
my %secret = (keyed => $secret, ratchet => pack 'H*', $taken);

# The best that a forger can do under a ratchet: lines of the epoch whose key is
# there.
sub in_epoch
{
	my ($bodies) = @_;
	s/,"epoch":1$/,"epoch":$epoch/ for @$bodies;
	@$bodies = grep { !/"event":"epoch"/ } @$bodies;
}

sub sealed_behind
{
	my ($last, $secret, $body) = @_;
	my ($seq, $chain) = $last =~ /,"seq":(\d+),"chain":"(\w+)"/;
	my $text = "$body,\"seq\":" . ($seq + 1);
	$chain = defined $secret ? hmac_sha256_hex("$chain$text}", $secret) :
	    sha256_hex("$chain$text}");
	return qq($text,"chain":"$chain"}\n);
}

my $change = sub { $_[0][4] =~ s/a\@example/b\@example/ };
my $none = sub { @_ };
# Each makes lines of lines, given the key that the log has; and notes.
my %forger = (
	'client: a line of its own' => [sub { @{$_[0]} }],
	'daemon: a line changed, no key' => [sub { my @l = @{$_[0]};
	    $change->(\@l); @l }],
	'root: all anew, without the key' => [sub {
	    anew($change, undef, @{$_[0]}) }],
	'root: the newest lines gone' => [sub { @{$_[0]}[0 .. 4] }],
	'root: all gone, and begun anew' => [sub {
	    anew(sub { splice @{$_[0]}, 1 }, $_[1], @{$_[0]}) }],
	'keys: all anew, with today\'s keys' => [sub {
	    anew($change, $_[1], @{$_[0]}) }],
	'keys: behind checkpoint and epoch' => [sub { my @l = @{$_[0]};
	    push @l, sealed_behind($l[-1], $_[1], $l[4] =~
	    s/a\@example/b\@example/r =~ s/,"seq":\d+,"chain":"\w+"\}\n//r);
	    @l }],
	'keeper: a checkpoint forged' => [undef,
	    sub { $_[0] =~ s/^8$/7/mr }],
	'keeper: checkpoints left out' => [undef,
	    sub { $_[0] =~ /\A(.*?\n\n.*?\n\n)/s; $1 . $1 }],
);

# The word of a cell for what the command says.
sub word
{
	my ($lines, $kind, $notes) = @_;
	my $file = $scratch->write('forged', join '', @$lines);
	my $r = tlspolicy('audit', 'verify',
	    $kind eq 'keyed' ? ('-k', $key) : $kind eq 'ratchet' ?
	    ('-k', $start) : (), defined $notes ?
	    ('--checkpoints', $scratch->write('notes', $notes), '--verifier',
	    $verifier) : (), $file);
	return 'found' if $r->{status} == 65;
	die "exit $r->{status}: $r->{err}\n" if $r->{status};
	return 'told' if $r->{out} =~ /; [1-9]\d* lines are newer/;
	return $r->{out} =~ /^whole/ && $r->{err} eq '' ? 'no' : 'else';
}

my ($table) = slurp(Tlspolicy::Scratch::topdir() . '/man/tlspolicy-security.7')
    =~ /^\.Sh WHO FORGES.*?\n\.Bl -column.*?\n(.*?)^\.El/ms;
my %seen;
for (split /\n/, $table) {
	next unless /^\.It [a-z]/;
	my ($name, @want) = split / Ta /, s/^\.It //r;
	$seen{$name}++;
	next if $name =~ /^partner/; # 438 runs the script
	my ($forge, $withhold) = @{$forger{$name} // []};
	ok($forge || $withhold, "$name: a forger") or next;
	my @got;
	if ($forge) {
		for (['plain'], ['keyed'], ['keyed', $kept{keyed}],
		    ['ratchet']) {
			my ($kind, $notes) = @$_;
			my @l = $forge->($log{$kind}, $secret{$kind});
			push @got, word(\@l, $kind, $notes);
		}
	} else {
		@got = ('-', '-', word($log{keyed}, 'keyed',
		    $withhold->($kept{keyed})), '-');
	}
	is("@got", "@want", $name);
}
is_deeply([grep { !$seen{$_} } keys %forger], [], 'each forger is in the table');
done_testing;
