#!/usr/bin/perl
#
# Commands that change what is no policy, or look at what is elsewhere, with their
# n-th malloc, write, open, mmap, read and so on failing, once and from then on (730
# has the others): people are erased, or there as they were, and never
# anybody else; a key is whole or not there; the policy of an older version is
# taken over or still what it was; a server is what it is, or not told.
# TLSPOLICY_FAULTS=all takes every n.
use strict;
use warnings;
use Config;
use Errno ();
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Uncompress::Gunzip qw(gunzip);
use Test::More;
use Tlspolicy::Daemon;
use Tlspolicy::NthCheck;
use Tlspolicy::NthRun;
use Tlspolicy::Scratch;

my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
my $missing = Tlspolicy::NthRun::missing($tlspolicy) // Tlspolicy::Daemon::missing();
plan skip_all => $missing if defined $missing;

my $scratch = Tlspolicy::NthRun::scratch();
my $nth = Tlspolicy::NthRun->new($scratch);
my $all = ($ENV{TLSPOLICY_FAULTS} // '') eq 'all';

# What a daemon with privacy leaves: a day of people, of whom one was refused by a
# rule that names her; and two old days.
my $daemon = Tlspolicy::Daemon->start(scratch => $scratch, settings => {
    privacy => 'days:2' }, rules => "TLS_To:perm\@bar.net PERM+VERIFY:128\n");
my ($dir, $conf) = @$daemon{qw(dir conf)};
my $id = 0;
for my $to (qw(bobby@bar.net perm@bar.net perm@bar.net.example dora@bar.net)) {
	my $m = Tlspolicy::Milter->connect($daemon->socket);
	$m->negotiate;
	$m->set(v => '8.18.1', j => 'mx.example.net', client_addr => '192.0.2.1',
	    client_name => 'mail.example.com');
	$m->conn('mail.example.com', '192.0.2.1');
	$m->helo('mail.example.com');
	$m->set(i => 'P' . ++$id);
	$m->mail('alice@example.com');
	$m->message if $m->rcpt($to)->{action} eq 'continue';
}
is($daemon->stop, 0, 'a daemon ends');
my ($today) = map { s{.*/}{}r } glob "$dir/salts/*";
my @old = qw(2020-01-01 2020-01-03);
$scratch->write("$daemon->{name}/salts/$_", Tlspolicy::Scratch::slurp(
    "$dir/salts/$today"), 0600) for @old;
my $check = Tlspolicy::NthCheck->new(nth => $nth, all => $all, store => $dir);

# All that a command here may change, as it is before each run.
sub state_now
{
	return { map { $_ => Tlspolicy::Scratch::slurp($_) }
	    grep { -f } glob "$dir/salts/* $dir/policy.mdb* $dir/new*" };
}

my $kept = state_now();
sub restore
{
	my $now = state_now();
	for (keys %$now) {
		unlink $_ if !defined $kept->{$_};
	}
	for (keys %$kept) {
		next if ($now->{$_} // '') eq $kept->{$_};
		unlink $_;
		open my $fh, '>', $_ or die "$_: $!\n";
		chmod 0600, $fh;
		print $fh $kept->{$_};
		close $fh or die "$_: $!\n";
	}
}

sub again
{
	my ($command) = @_;
	return $nth->run({}, undef, @{$command->{line}});
}

# Line by line as it was, or written over behind its salt.
sub is_day_of
{
	my ($is, $was) = @_;
	my @is = split /\n/, $is;
	my @was = split /\n/, $was;
	return 0 if length $is != length $was || @is != @was;
	for (0 .. $#is) {
		return 0 if $is[$_] ne $was[$_] && ($was[$_] !~ /perm/i ||
		    $is[$_] !~ /^\Q@{[substr $was[$_], 0, 33]}\E-+$/);
	}
	return 1;
}

sub days
{
	my ($now) = @_;
	return map { s{.*/}{}r => $now->{$_} } grep { m{/salts/} } keys %$now;
}

sub judge_person
{
	my ($command, $fault, $r) = @_;
	my %now = days(state_now());
	my %was = days($kept);
	my $wrong = sub { $check->wrong($command, $fault, @_) };
	is_day_of($now{$_} // '', $was{$_}) or $wrong->($r, "$_ is harmed")
	    for keys %was;
	my $left = sub { join ' ', grep { /perm\@bar\.net(?!\.)/i }
	    map { split /\n/ } @_ };
	$wrong->($r, 'she is still there') if $r->{status} == 0 &&
	    $left->(values %now) ne '';
	my $second = again($command);
	%now = days(state_now());
	$wrong->($second, 'she is not erased without the fault') if
	    $second->{status} !~ /^(?:0|66)$/ || $left->(values %now) ne '';
}

sub judge_days
{
	my ($command, $fault, $r) = @_;
	my %now = days(state_now());
	my %was = days($kept);
	my $wrong = sub { $check->wrong($command, $fault, @_) };
	$wrong->($r, 'today is harmed') if $now{$today} ne $was{$today};
	for (grep { exists $now{$_} } @old) {
		my $over = $now{$_} =~ /^\0*/ ? $+[0] : 0;
		$wrong->($r, "$_ is harmed") if substr($now{$_}, $over) ne
		    substr($was{$_}, $over);
		$wrong->($r, "$_ is still there") if $r->{status} == 0;
	}
	my $second = again($command);
	%now = days(state_now());
	$wrong->($second, 'they are not erased without the fault') if
	    $second->{status} != 0 || grep { exists $now{$_} } @old;
}

# Hidden people are shown as without the fault, or the command says why not.
sub told
{
	my ($command, $r) = @_;
	return 1 if $r->{out} eq $command->{clean}{out};
	return 1 if $r->{out} =~ s/^keys tried: cannot tell.*//mrs eq
	    $command->{clean}{out} =~ s/^keys tried[:,].*//mrs &&
	    $r->{out} =~ /cannot tell, the store cannot be read/;
	return 1 if $r->{out} =~ /^    out of memory: not all was judged$/m;
	return "$r->{out}$r->{err}" =~
	    /(?:hides? people|hidden: people).*: .*(?:read|not here)/ &&
	    $r->{out} =~ /~[0-9a-f]{32}/;
}

sub judge_key
{
	my ($command, $fault, $r) = @_;
	my $key = "$dir/new";
	return if $r->{status} != 0 && !-e $key;
	my $wrong = sub { $check->wrong($command, $fault, @_) };
	return $wrong->($r, 'no key') if !-e $key;
	$wrong->($r, 'others may read it') if ((stat $key)[2] & 077) != 0;
	my $read = $nth->run({}, undef, $tlspolicy, 'audit', 'key', $key);
	$wrong->($read, 'half a key') if $read->{status} != 0;
}

sub judge_upgrade
{
	my ($command, $fault, $r) = @_;
	my $show = sub { $nth->run({}, undef, $tlspolicy, 'show', '-c', $conf,
	    '-d', "$dir/policy.mdb.old") };
	my $is = $show->();
	my $old = $is->{status} == 65 && $is->{err} =~ /format version 4,/;
	my $new = $is->{status} == 0 && $is->{out} =~
	    /^TLS_Clt:192\.0\.2\tOK\n.*^TLS_From:set\.example\tPERM\+ENCR:256\n\z/ms;
	$check->wrong($command, $fault, $is, 'the store is neither') if
	    !$old && !$new || !$new && $r->{status} == 0;
	my $second = again($command);
	$check->wrong($command, $fault, $second, 'not without the fault')
	    if $old && ($second->{status} != 0 || $show->()->{status} != 0);
}

# What a server is told to be is true, or it is not told.
sub probed
{
	my ($command, $r) = @_;
	return $r->{out} eq $command->{clean}{out} ||
	    $r->{out} =~ /^    rules +none judged: |"unjudged":"/m ||
	    $r->{status} != 0 && $r->{err} ne '';
}

my @commands = (
	{ name => 'audit erase PERSON', line => [ 'erase', 'perm@bar.net' ],
	    judge => \&judge_person },
	{ name => 'audit erase -n PERSON', line => [ 'erase', '-n',
	    'perm@bar.net' ], judge => \&judge_untouched },
	{ name => 'audit erase --expired', line => [ 'erase', '--expired' ],
	    judge => \&judge_days },
	{ name => 'audit show, hidden people', line => [ 'show' ],
	    same => \&told, judge => \&judge_untouched },
	{ name => 'audit why, hidden people', line => [ 'why', 'P3' ],
	    same => \&told, judge => \&judge_untouched },
	{ name => 'audit key -r', line => [ 'key', '-r', "$dir/new" ],
	    judge => \&judge_key, same => sub {
	    $_[1]{out} =~ /^ratchet [0-9a-f]{16}, epoch 1$/ } },
	{ name => 'audit key -n', line => [ 'key', '-n', 'mx.example.net',
	    "$dir/new" ], judge => \&judge_key, same => sub {
	    $_[1]{out} =~ m{^mx\.example\.net\+[0-9a-f]{8}\+\S+\n-----BEGIN P} } },
);
if ($Config::Config{byteorder} eq '12345678') {
	push @commands, { name => 'build --upgrade', judge => \&judge_upgrade,
	    line => [ $tlspolicy, 'build', '-c', $conf, '-d',
	    "$dir/policy.mdb.old", '--upgrade' ], before => sub {
	    gunzip(Tlspolicy::Scratch::topdir() . '/t/data/store-4.gz' =>
		\$kept->{"$dir/policy.mdb.old"}) or die "store-4.gz: no\n" } };
}

sub judge_untouched
{
	my ($command, $fault, $r) = @_;
	my %now = days(state_now());
	my %was = days($kept);
	$check->wrong($command, $fault, $r, "$_ is changed")
	    for grep { ($now{$_} // '') ne $was{$_} } keys %was;
}

# A server that is well, one without TLS, and nobody.
if (eval { require Tlspolicy::Server; 1 }) {
	my $ca = $scratch->path('ca');
	my @maker = ("$FindBin::Bin/../scripts/tlspolicy-ca", '-d', $ca);
	Tlspolicy::Scratch::must(@maker, '-O', 'Example CA', 'init');
	Tlspolicy::Scratch::must(@maker, 'server', 'localhost', '127.0.0.1');
	my $port = Tlspolicy::Server::start($scratch,
	    cert => "$ca/localhost-server.pem", key => "$ca/localhost-server.key");
	my $clear = Tlspolicy::Server::start($scratch);
	my @probe = ($tlspolicy, 'probe', '-c', $conf, '--ca', "$ca/ca.pem",
	    '--timeout', 1);
	push @commands,
	    { name => 'probe', line => [ @probe, "127.0.0.1:$port" ],
		same => \&probed, judge => \&judge_untouched,
		says => qr/^    why  /m },
	    { name => 'probe --json, in clear', line => [ @probe, '--json',
		"127.0.0.1:$clear" ], same => sub {
		$_[1]{out} !~ /"outcome":"tls"|"verify":"OK"/ },
		judge => \&judge_untouched, exit => 69 };
}

my @errors = ([ 'malloc' ], [ 'write' ], [ 'open' ], [ 'mmap' ],
    [ 'mdb', Errno::EIO ], [ 'look' ], [ 'crypto' ], [ 'system' ]);
my ($only, $kinds) = @ENV{qw(TLSPOLICY_FAULT_COMMAND TLSPOLICY_FAULT_KINDS)};
@errors = grep { !defined $kinds || $_->[0] =~ /^(?:$kinds)$/ } @errors;
for my $command (@commands) {
	next if defined $only && $command->{name} !~ /^(?:$only)$/;
	my $began = time;
	my ($word, @rest) = @{$command->{line}};
	$command->{line} = [ $tlspolicy, 'audit', $word, '-c', $conf, @rest ]
	    if $word ne $tlspolicy;
	$command->{before}->() if $command->{before};
	restore();
	my %there = map { s{.*/}{}r => 1 } glob "$dir/*";
	my $may = join '|', map { quotemeta } keys %there;
	$command->{clean} = again($command);
	is($command->{clean}{status}, $command->{exit} // 0,
	    "$command->{name}: exit code") or diag $command->{clean}{err};
	my $before = $check->problems;
	for my $error (@errors) {
		# What OpenSSL tells of a server is an answer there.
		next if $error->[0] eq 'crypto' && $command->{name} =~ /^probe/;
		$check->attack($command, error => $error, undo => \&restore,
		    judge => sub {
			my ($c, $fault, $r) = @_;
			$check->judge_end(@_, $c->{same});
			$c->{judge}->(@_);
			my @left = $check->left_behind(
			    qr/^(?:$may|new|policy\.mdb(?:\.old)?-(?:lock|build))$/);
			$check->wrong(@_, "left behind: @left") if @left;
			restore();
		});
	}
	restore();
	ok($check->problems == $before, "$command->{name}: with each call failing");
	diag(sprintf "%s: %d s, %s runs", $command->{name}, time - $began,
	    join '+', %{$check->{ran}}) if $ENV{TLSPOLICY_FAULTS} || $ENV{V};
}
$check->all_hit;
done_testing;
