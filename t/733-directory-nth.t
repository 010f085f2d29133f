#!/usr/bin/perl
#
# Who follows a directory, and who writes into it, with the n-th malloc, write,
# open, mmap, read, call of LMDB or of libldap failing, once and from then on,
# beside a real slapd: never a signal, never success with another policy than the
# directory's, never a policy that it did not have; and what failed comes the
# next time.  As 730 has it, from each place by each way that led there;
# TLSPOLICY_FAULTS=all takes every n.
#
# And a process that follows on, which goes on after each fault, or ends and is
# started again.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);
use Tlspolicy::Fault;
use Tlspolicy::Ldap;
use Tlspolicy::NthCheck;
use Tlspolicy::NthRun;
use Tlspolicy::Scratch;

my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
my $missing = Tlspolicy::NthRun::missing($tlspolicy) // Tlspolicy::Ldap::missing();
plan skip_all => $missing if defined $missing;
plan skip_all => 'not root' if $> != 0;

my $scratch = Tlspolicy::NthRun::scratch();
my $nth = Tlspolicy::NthRun->new($scratch);
my $all = ($ENV{TLSPOLICY_FAULTS} // '') eq 'all';
my $base = $Tlspolicy::Ldap::BASE;
my $ldap = Tlspolicy::Ldap->start(scratch => $scratch, name => 'slapd');
mkdir $scratch->path('store') or die "store: $!\n";
my $store = $scratch->path('store/policy.mdb');
my $check = Tlspolicy::NthCheck->new(nth => $nth, all => $all,
    store => $scratch->path('store'));
my $password = $scratch->write('password', "secret\n", 0600);
my %conf;
sub conf
{
	my ($name, %s) = @_;
	%s = (store => $store, claims => '', 'audit-file' => $scratch->path('log'),
	    rules => $scratch->path('rules'), directory => $ldap->{uri},
	    'directory-base' => $base, 'directory-bind' => 'external', %s);
	$conf{$name} = $scratch->write("$name.conf", join '',
	    map { "$_ = $s{$_}\n" } sort keys %s);
}
conf('plain');
for (qw(c1 a)) {
	conf($_, 'directory-bind' => 'cn=admin,dc=example,dc=org',
	    'directory-password-file' => $password, claims => $scratch->write(
	    "$_.claims", "client $_.example in clear is never accepted\n"));
}

sub run
{
	my ($command, @args) = @_;
	return $nth->run({}, undef, $tlspolicy, $command, '-c', $conf{plain},
	    @args);
}

sub shown
{
	my $r = run('show');
	return $r->{status} == 0 ? $r->{out} : "exit $r->{status}: $r->{err}";
}

# What the directory has: the rules' key, blank, requirement, a line each.
sub has
{
	my $search = "ldapsearch -Q -LLL -o ldif-wrap=no -H '$ldap->{uri}'"
	    . " -Y EXTERNAL -b '$base' '(sendmailMTAKey=*)'";
	my $text = join '', qx($search sendmailMTAKey sendmailMTAMapValue);
	return join '', sort map { /^sendmailMTAKey:[ ](\S+)\n.*
	    ^sendmailMTAMapValue:[ ]([^\n]+)$/msx ? "$1\t$2\n" : () }
	    split /\n\n/, $text;
}

my %saved;
sub save
{
	%saved = map { $_ => Tlspolicy::Scratch::slurp("$store$_") }
	    grep { -e "$store$_" } '', '-lock', '-sync';
}

sub restore
{
	my ($with) = @_;
	unlink glob "$store*";
	for (sort keys %saved) {
		next if !$with;
		open my $fh, '>', "$store$_" or die "$store: $!\n";
		print $fh $saved{$_};
		close $fh or die "$store: $!\n";
	}
}

# The policy of before, or the directory's; and this without the fault.
sub judge_store
{
	my ($command, $fault, $r) = @_;
	my $is = -s $store ? shown() : '';
	my $good = $r->{status} == $command->{clean}{status} ?
	    $is eq $command->{after} :
	    $is eq $command->{before} || $is eq $command->{after};
	# What a first commit leaves may be a store without rules: none.
	$good ||= $command->{none} && $r->{status} != 0 &&
	    $is =~ /not a tlspolicy store|damaged/;
	$check->wrong($command, $fault, $r, "the store is neither: $is") if !$good;
	return if $r->{status} == $command->{clean}{status};
	my $again = $nth->run({}, undef, @{$command->{line}});
	$check->wrong($command, $fault, $again, 'it does not come without the fault')
	    if $again->{status} != $command->{clean}{status} ||
	    shown() ne $command->{after};
}

# An entry is as it was, or as it was to be.
sub judge_directory
{
	my ($command, $fault, $r) = @_;
	my $is = has();
	return if $r->{status} != 0 && $is eq $command->{before};
	my %may = map { $_ => 1 } map { split /\n/ } @$command{qw(before after)};
	my @none = grep { !$may{$_} } split /\n/, $is;
	$check->wrong($command, $fault, $r, "the directory has @none") if @none;
	my %is = map { $_ => 1 } split /\n/, $is;
	my @lost = grep { !$is{$_} && $command->{after} =~ /^\Q$_\E$/m }
	    split /\n/, $command->{before};
	$check->wrong($command, $fault, $r, "what stays is gone: @lost") if @lost;
	$check->wrong($command, $fault, $r, 'it was not written') if $is ne
	    $command->{after} && $r->{status} == 0;
	my $again = $nth->run({}, undef, $tlspolicy, 'build', '--ldap', '-c',
	    $conf{plain}, $command->{restore});
	$check->wrong($command, $fault, $again, 'it cannot be undone') if
	    $again->{status} != 0 || has() ne $command->{before};
}

sub judge
{
	my ($command, $fault, $r) = @_;

	$check->judge_end($command, $fault, $r);
	my @left = $check->left_behind(qr/^policy\.mdb(?:-lock|-build|-sync)?$/);
	$check->wrong($command, $fault, $r, "left behind: @left") if @left;
	if ($command->{restore}) {
		judge_directory($command, $fault, $r);
	} else {
		judge_store($command, $fault, $r);
		restore(!$command->{none});
	}
}

my @errors = ([ 'malloc' ], [ 'write' ], [ 'open' ],
    [ 'mdb', POSIX::EIO() ], [ 'look' ], [ 'ldap' ]);
push @errors, [ 'mmap' ], [ 'mdb', -30796 ] if $all; # MDB_CORRUPTED

# Judged, as it undoes that.
sub undo
{
	my ($command) = @_;
	judge($command, 'none', $command->{clean});
}

sub attack_all
{
	my ($command) = @_;
	return if defined $ENV{TLSPOLICY_FAULT_COMMAND} &&
	    $command->{name} ne $ENV{TLSPOLICY_FAULT_COMMAND};
	my $began = time;
	my $look = $command->{restore} ? \&has : sub { -s $store ? shown() : '' };
	my ($word, @rest) = @{$command->{args}};
	$command->{line} = [ $tlspolicy, $word, '-c',
	    $conf{$command->{conf} // 'plain'}, @rest ];
	restore(!$command->{none}) if !$command->{restore};
	$command->{before} = $look->();
	$command->{clean} = $nth->run({}, undef, @{$command->{line}});
	$command->{after} = $look->();
	is($command->{clean}{status}, $command->{exit} // 0,
	    "$command->{name}: exit code") or diag $command->{clean}{err};
	isnt($command->{after}, $command->{before}, "$command->{name}: has effect")
	    if !$command->{idle};
	my $before = $check->problems;
	for my $error (@errors) {
		next if !$all && $command->{errors} &&
		    $error->[0] !~ $command->{errors};
		$check->attack($command, error => $error, undo => \&undo,
		    judge => \&judge);
	}
	ok($check->problems == $before, "$command->{name}: with each call failing");
	diag(sprintf "%s: %.1f s, %s runs", $command->{name}, time - $began,
	    join '+', %{$check->{ran}})
	    if $ENV{TLSPOLICY_FAULTS} || $ENV{V};
}

# What is in force, and what has changed since.
my @first = map { ("TLS_Clt:c$_.example" => 'PERM+ENCR:128') } 1 .. 6;
$ldap->add(@first, 'Profile:bank' => 'PERM+VERIFY:128',
    'TLS_From:a.example' => 'AS:bank', 'TLS_From:b.example' => 'AS:bank',
    'TLS_Clt:gone.example' => 'OK', 'untagged' => 'OK');
is(run('sync', '--once')->{status}, 0, 'what is in force');
save();
$ldap->change('TLS_Clt:c2.example', 'PERM+VERIFY');
$ldap->change('TLS_Clt:c3.example', 'NONSENSE'); # the last good rule stays
$ldap->change('Profile:bank', 'PERM+VERIFY:256');
$ldap->delete('TLS_Clt:gone.example');
$ldap->add('TLS_Clt:new.example' => 'ENCR:128', 'TLS_Clt:bad.example' => 'BAD',
    'TLS_Clt:c1.example' . $_ => 'ENCR:256') for '0';
attack_all({ name => 'sync of changes', args => [ 'sync', '--once' ] });
attack_all({ name => 'sync of all', args => [ 'sync', '--once' ], none => 1,
    errors => qr/^(?:mdb|ldap|look|write)$/ });

# A change that claims forbid.
$ldap->change('TLS_Clt:c1.example', 'OK');
attack_all({ name => 'sync that claims forbid', args => [ 'sync', '--once' ],
    conf => 'c1', exit => 65, idle => 1, errors => qr/^(?:open|ldap)$/ });

# Into the directory.
my @lines = ('TLS_Clt:a.example PERM+VERIFY', 'Profile:bank PERM+VERIFY:256',
    'TLS_From:b.example ENCR:0+WHEN:192.0.2.0/24++BY:x',
    'TLS_From:b.example TEMP+ENCR:128', 'TLS_To:+20x@c.example ENCR:128',
    'TLS_From:d.example AS:bank', 'TLS_From:x@d.example AS:bank');
my $now = $scratch->write('now', join '', map { "$_\n" } @lines);
my $then = $scratch->write('then', join '', map { "$_\n" }
    'TLS_From:b.example WARN+ENCR:64+WHEN:192.0.3.0/24++BY:x', # before both
    (grep { !/^TLS_To/ } @lines), 'TLS_Rcpt:e.example VERIFY');
is(run('build', '--ldap', $now)->{status}, 0, 'what the directory has');
attack_all({ name => 'build --ldap', args => [ 'build', '--ldap', $then ],
    restore => $now, errors => qr/^(?:malloc|write|ldap|look)$/ });
attack_all({ name => 'set --ldap', args => [ 'set', '--ldap',
    'TLS_Clt:a.example', 'ENCR:256' ], restore => $now, conf => 'a',
    errors => qr/^(?:open|ldap)$/ });
attack_all({ name => 'del --ldap', args => [ 'del', '--ldap',
    'TLS_To:+20x@c.example' ], restore => $now, errors => qr/^(?:malloc|ldap)$/ });
attack_all({ name => 'diff --ldap', args => [ 'diff', '--ldap', $then ],
    restore => $now, exit => 1, idle => 1, errors => qr/^(?:malloc|open)$/ });

$check->all_hit;

# And one that follows on: the n-th call of it, while changes come.
my $fault = Tlspolicy::Fault::Nth->new($scratch);
my ($follower, $version) = (0, 100);
END {
	local $?;
	kill 'KILL', $follower if $follower;
	waitpid $follower, 0 if $follower;
}

sub follow
{
	$follower = Tlspolicy::Scratch::start_child($tlspolicy, 'sync', '-c',
	    $conf{plain}, { map({ $_ => $scratch->path('follower.log') }
	    qw(out err)), env => $fault->env });
}

# undef: it goes on; else how it ended, and it is started again.
sub ended
{
	return undef if waitpid($follower, POSIX::WNOHANG()) != $follower;
	my $status = $?;
	follow();
	return $status & 127 ? 'signal ' . ($status & 127) :
	    $status >> 8 == 69 ? undef : 'exit ' . ($status >> 8);
}

# A change of lines, of a profile and of who is there; what is in force then.
my @people = map { "TLS_From:p$_.example" } 1 .. 3;
sub change
{
	$version++;
	my ($gone, $comes) = @people[$version % 3, ($version + 2) % 3];
	my $dn = sub { "dn: sendmailMTAKey=$_[0],$base\nchangetype: " };
	$ldap->modify(join '', map({ $dn->($_->[0]) . "modify\nreplace: "
	    . "sendmailMTAMapValue\nsendmailMTAMapValue: $_->[1]\n\n" }
	    [ 'TLS_Clt:f.example', "ENCR:$version" ],
	    [ 'Profile:follow', "PERM+VERIFY:$version" ]),
	    $dn->($gone) . "delete\n\n",
	    Tlspolicy::Ldap::entry($comes, $comes, 'AS:follow') =~
	    s/^(dn:.*\n)/$1changetype: add\n/r);
	return $version;
}

sub is_version
{
	my ($n) = @_;
	my $is = shown();
	return $is =~ /^TLS_Clt:f\.example\tENCR:$n\n/m &&
	    $is =~ /^Profile:follow\tPERM\+VERIFY:$n\n/m &&
	    $is =~ /^\Q$people[($n + 2) % 3]\E\t/m &&
	    $is !~ /^\Q$people[$n % 3]\E\t/m;
}

sub arrives
{
	my ($n) = @_;
	return Tlspolicy::Scratch::wait_for(60, sub {
		my $end = ended();
		die "$end\n" if defined $end;
		return is_version($n);
	});
}

sub once
{
	my ($kinds, $n, $onward) = @_;
	my $before = $version;
	$fault->arm(kinds => $kinds, nth => $n, onward => $onward,
	    from => $kinds eq 'memory' ? 'program' : 'anybody');
	change();
	Tlspolicy::Scratch::wait_for(0.6, sub { is_version($version) });
	my $hit = $fault->disarm;
	my $end = ended();
	return ($hit, $end) if defined $end;
	return ($hit, 'half a policy: ' . shown()) if !is_version($before) &&
	    !is_version($version);
	# What failed waits for the next change.
	change();
	return ($hit, arrives($version) ? '' : 'the next change does not come');
}

subtest 'who follows on' => sub {
	restore(0);
	$ldap->add('TLS_Clt:f.example' => 'ENCR:100', $people[0] => 'AS:follow',
	    $people[2] => 'AS:follow', 'Profile:follow' => 'PERM+VERIFY:100');
	follow();
	change();
	ok(arrives($version), 'a change arrives');
	for my $kinds ('memory', 'mdb', 'write+sync', 'open+map') {
		for my $onward (0, 1) {
			my ($n, $hits, @wrong) = (1, 0);
			for (;;) {
				my ($hit, $why) = eval {
					once($kinds, $n, $onward) };
				$why = $@ if $@;
				push @wrong, "n = $n: $why" if $why;
				last if !$hit || @wrong > 2;
				$hits++;
				$n += $all ? 1 : $n < 4 ? 1 : int($n / 2);
			}
			is("@wrong", '', "$kinds" . ($onward ? ' from n on' :
			    ', the n-th') . ", $hits hit");
		}
	}
	change();
	ok(arrives($version), 'a change arrives');
};

$ldap->stop;
done_testing;
