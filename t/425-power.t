#!/usr/bin/perl
#
# The power fails at each write and each sync of the audit log, from the first
# start on, through messages, a rotation and a change of the day: what a machine
# may find then holds what audit-sync promises of the messages that were
# accepted, the log is whole but for a torn end, and a daemon goes on with it.
#
# One of the states that a machine may find is gone on with for each n;
# TLSPOLICY_FAULTS=all: every one.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Path qw(remove_tree);
use Test::More;
use Tlspolicy::Fault;
use Tlspolicy::Talk;

plan skip_all => $_ for grep { defined } Tlspolicy::Daemon::missing(),
    Tlspolicy::Fault::missing('power');

my $all = ($ENV{TLSPOLICY_FAULTS} // '') eq 'all';
my @states = map { my $names = $_; map { [$names, $_] }
    qw(now synced zeros torn) } qw(now synced);
my ($runs, $daemon, $power, $folder, $log, @told, %promised) = (0);

sub ended
{
	return Tlspolicy::Scratch::ended($daemon->{pid});
}

# Waits until CODE gives true or the power has failed.
sub wait_for
{
	my ($code) = @_;
	Tlspolicy::Scratch::wait_for(60, sub { $code->() || ended() }) or
	    die "waited in vain\n" . $daemon->log;
	return !ended();
}

# Sends a message; an accepted one goes into @told, and into @promised once
# audit-sync says that it is on the disk.
sub message
{
	my ($m, $sync) = @_;
	my $id = 'Q' . (@told + 1) . 'X';
	$m->set(%tls, i => $id);
	for (sub { $m->mail('a@example.com') }, sub { $m->rcpt('b@example.org') },
	    sub { $m->message }) {
		my $r = eval { $_->() } or return 0;
		return 0 if $r->{action} ne 'continue';
	}
	push @told, $id;
	wait_for(sub { $power->is_synced }) if $sync eq 'batch' && @told % 2 == 0;
	$promised{$id} = 1 if $sync eq 'each' || $power->is_synced;
	return 1;
}

sub rotate
{
	my ($name) = @_;
	rename $log, "$log$name" or die "$log: $!\n";
	$daemon->hup;
	return wait_for(sub { -s $log });
}

sub prepare
{
	my ($sync, %control) = @_;
	@told = %promised = ();
	my $name = 'power-' . ++$runs;
	$folder = scratch()->path("log-$runs");
	mkdir $folder or die "$folder: $!\n";
	$log = "$folder/audit.log";
	$power = Tlspolicy::Fault::Power->new(scratch(), $folder);
	$power->set(%control);
	$daemon = Tlspolicy::Daemon->new(scratch => scratch(), name => $name,
	    rules => "TLS_Clt:example.com PERM+ENCR:112\n", env => $power->env,
	    settings => { 'audit-sync' => $sync, 'audit-file' => $log });
}

# All of the daemon's work in this test; false: the power failed meanwhile.
sub work
{
	my ($sync) = @_;
	eval { $daemon->run; 1 } or ended() or die;
	my $m = eval { session($daemon) } or return 0;
	for my $next ('.1', '-20261129', undef) {
		message($m, $sync) && message($m, $sync) or return 0;
		rotate($next) or return 0 if defined $next;
	}
	return 1;
}

sub put
{
	my ($found) = @_;
	unlink glob "$folder/*";
	my $age = keys %$found;
	for my $name (sort { ($a =~ /log$/) <=> ($b =~ /log$/) } sort {
	    ($a =~ /-/) <=> ($b =~ /-/) } keys %$found) {
		open my $fh, '>', "$folder/$name" or die "$name: $!\n";
		print $fh $found->{$name};
		close $fh;
		utime time, time - 10 * $age--, "$folder/$name";
	}
}

sub verify
{
	my @files = glob "$folder/*";
	return @files ? $daemon->tlspolicy('audit', 'verify', @files) :
	    { status => 0, out => 'no file', err => '' };
}

# What verify says of the log: whole, torn at the end, that nothing is there, or
# else.
sub says
{
	my $r = verify();
	return 'whole' if $r->{status} == 0;
	return 'torn' if $r->{status} == 65 &&
	    $r->{err} =~ /: cut: the last line is not whole$/m;
	return 'nothing' if $r->{status} == 65 &&
	    $r->{out} eq "not verified: there is no line\n" &&
	    !grep { -s } glob "$folder/*";
	return "exit $r->{status}: $r->{out}$r->{err}";
}

sub goes_on
{
	my ($found, $torn) = @_;
	put($found);
	delete $daemon->{env};
	eval { $daemon->run; 1 } or return "no start: $@";
	my $answer = session($daemon)->mail('a@example.com');
	my $status = $daemon->stop;
	return "the daemon ends with $status" if $status;
	# A file of which nothing is left is no part of the chain.
	my @nothing = grep { Tlspolicy::Scratch::slurp($_) =~ /^\0+$/ }
	    glob "$folder/*";
	$torn = 0 if @nothing;
	unlink @nothing;
	my $r = verify();
	return "exit $r->{status}: $r->{out}$r->{err}" if $r->{status};
	return "nothing of what is torn: $r->{out}"
	    if ($r->{out} =~ /, 1 torn/) != $torn;
	my $text = join '', map { Tlspolicy::Scratch::slurp($_) }
	    glob "$folder/*";
	my @missing = grep { $text !~ /"queue_id":"$_"/ } kept($found);
	return "gone: @missing" if @missing;
	return $text =~ /"event":"refused-mail"/ ? '' : 'nothing was written';
}

# The messages whose records are whole.
sub kept
{
	my ($found) = @_;
	my $text = join '', values %$found;
	return grep { $text =~ /"queue_id":"$_".*"chain":"\w+"\}$/m } @told;
}

sub lost
{
	my ($found) = @_;
	my %kept = map { $_ => 1 } kept($found);
	return grep { !$kept{$_} } @told;
}

# Problems of one state.
sub problems
{
	my ($names, $bytes, $found, $going_on) = @_;
	my @lost = lost($found);
	my @broken = grep { $promised{$_} } @lost;
	my @wrong;
	push @wrong, "lost though promised: @broken" if @broken;
	# A kill loses nothing that was written; a power failure loses the last
	# records first.
	push @wrong, "a kill has lost: @lost"
	    if $names eq 'now' && $bytes eq 'now' && @lost;
	push @wrong, "lost from the midst: @lost"
	    if "@lost" ne "@told[@told - @lost .. $#told]";
	put($found);
	my $says = says();
	push @wrong, $says if $says !~ /^(?:whole|torn|nothing)$/;
	my $after = $going_on ? goes_on($found, $says eq 'torn') : '';
	push @wrong, "going on: $after" if $after ne '';
	return map { "$names, $bytes: $_" } @wrong;
}

sub all_states
{
	my ($n) = @_;
	my %found = map { ("@$_" => $power->found(@$_)) } @states;
	my $chosen = $all ? undef : $states[$n % @states];
	return map { problems(@$_, $found{"@$_"}, $all || $_ == $chosen) }
	    @states;
}

sub clean
{
	my ($wrong) = @_;
	$daemon->kill_hard if !ended();
	waitpid $daemon->{pid}, 0;
	remove_tree($folder, "$folder.disk", $daemon->{dir}) if !$wrong;
}

for my $sync (qw(each batch none)) {
	subtest "audit-sync = $sync" => sub {
		my ($n, $end, $lost) = (0, 0, 0);
		while (!$end && $n < 200) {
			prepare($sync, die_at => ++$n);
			$end = work($sync);
			$daemon->kill_hard;
			my @wrong = all_states($n);
			is("@wrong", '', $end ? 'at the end' :
			    "at call $n, " . @told . ' told');
			$lost += lost($power->found('synced', 'synced'));
			clean(scalar @wrong);
		}
		cmp_ok($n, '>', 10, "$n moments");
		$sync eq 'each' ? is($lost, 0, 'not one was lost') :
		    cmp_ok($lost, '>', 0, "$lost not promised were lost");
	};
}

# A slow disk with audit-sync batch: no answer waits for it, and records since the
# last sync may be lost.
subtest 'while the disk is busy' => sub {
	prepare('batch');
	$daemon->run;
	my $m = session($daemon);
	message($m, 'batch') for 1 .. 4;
	is(keys %promised >= 2, 1, 'on the disk');
	$power->set(hold => 1);
	message($m, 'batch') for 5;
	my $answer = eval { message($m, 'each') };
	delete $promised{$told[-1]};
	is(scalar @told, 6, 'accepted meanwhile');
	$daemon->kill_hard;
	my @lost = lost($power->found('synced', 'synced'));
	is("@lost", "@told[4, 5]", 'these are lost');
	my @wrong = all_states(0);
	is("@wrong", '', 'and no other');
	clean(scalar @wrong);
};

subtest 'the first build of all' => sub {
	my $store = scratch()->path('store');
	mkdir $store or die;
	my $disk = Tlspolicy::Fault::Power->new(scratch(), $store);
	my $rules = scratch()->write('first.rules', "TLS_Clt:a.example OK\n");
	my $r = Tlspolicy::Scratch::run({ env => $disk->env },
	    Tlspolicy::Daemon::program('tlspolicy'), 'build', '-d',
	    "$store/policy.mdb", $rules);
	is($r->{status}, 0, 'built') or diag($r->{err});
	my %names = $disk->names_synced;
	ok($names{'policy.mdb'}, 'its name is on the disk');
};

done_testing;
