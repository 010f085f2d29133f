#!/usr/bin/perl
# The audit log tells of a policy, and of settings, before it tells of anything
# that they brought about: who changed it, when and why.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA qw(sha256_hex);
use JSON::PP qw(decode_json);
use Test::More;
use POSIX ();
use Time::HiRes qw(sleep);
use Tlspolicy::Talk;

my $perm = "TLS_Clt:example.com PERM+ENCR:112\n";

# With $count: once there are so many.  The writer may be a moment behind what
# refuses or ends a session.
sub lines
{
	my ($daemon, $event, $count) = @_;
	my @lines;
	Tlspolicy::Scratch::wait_for(60, sub {
		@lines = grep { !defined $event || $_->{event} eq $event }
		    map { decode_json($_) } $daemon->all_audit_lines;
		return @lines >= ($count // 0);
	});
	return @lines;
}

sub set
{
	my ($daemon, @args) = @_;
	my $r = $daemon->tlspolicy('set', @args);
	is($r->{status}, 0, "set @args") or diag $r->{err};
}

# What is wrong with the order of the lines, or ''.
sub disorder
{
	my (@lines) = @_;
	my (%policy, %settings);
	for my $i (0 .. $#lines) {
		my $l = $lines[$i];
		my @need = grep { $_ } ($l->{generation} // 0),
		    @{$l->{rcpts_generation} // []};
		if ($l->{event} eq 'policy') {
			$policy{$l->{generation}} =
			    substr $l->{policy}{rules_sha256}, 0, 16;
		} elsif ($l->{event} eq 'settings') {
			$settings{substr $l->{settings}{sha256}, 0, 16}++;
		} elsif (my @missing = grep { !$policy{$_} } @need) {
			return "line $i, $l->{event}: generation @missing";
		} elsif ($l->{generation} &&
		    $l->{policy} ne $policy{$l->{generation}}) {
			return "line $i, $l->{event}: policy $l->{policy}";
		} elsif ($l->{settings} && !$settings{$l->{settings}}) {
			return "line $i, $l->{event}: settings";
		}
	}
	return '';
}

subtest 'who, when and why' => sub {
	my $daemon = daemon($perm, name => 'who');
	is(scalar lines($daemon, 'policy'), 0, 'nothing before there is a verdict');
	my $m = session($daemon);
	$m->mail('a@example.com');
	my ($record) = lines($daemon, 'refused-mail', 1);
	my ($policy) = lines($daemon, 'policy');
	my ($log) = @{decode_json($daemon->tlspolicy('log', '--json')->{out})};
	is_deeply([@{$policy->{policy}}{qw(uid login host how message rules
	    rules_sha256 settings_sha256)}], [@$log{qw(uid login host how
	    message rules rules_sha256 settings_sha256)}], 'as log has it');
	is($policy->{policy}{made} =~ s/\.0+Z/Z/r, $log->{time}, 'when');
	is($policy->{node}, 'mx.example.org', 'on which node');
	my ($version) = $daemon->tlspolicy('--version')->{out} =~ /(\S+)$/;
	is($policy->{version}, $version, 'and by which version');
	my ($settings) = lines($daemon, 'settings');
	is($settings->{settings}{sha256}, $log->{settings_sha256},
	    'the settings of the daemon are those of the build');
	my %values = %{$settings->{settings}{values}};
	is($values{mode}, 'enforce', 'with their values');
	is($settings->{settings}{changed}, undef, 'of a start nothing is known');
	is($record->{settings}, substr($settings->{settings}{sha256}, 0, 16),
	    'which a record names');
	set($daemon, 'TLS_Clt:example.com', 'OK', '-m',
	    "they said \"so\"\e[31m\x{e2}\x{80}\x{ae}");
	answer_is($m->mail('a@example.com'), 'continue', 'by the new one');
	$m->abort;
	$m->mail('a@example.com');
	$m->abort;
	is(scalar lines($daemon, 'policy', 2), 2, 'one line each');
	is((lines($daemon, 'policy'))[1]{policy}{how}, 'set', 'how');
	is(scalar lines($daemon, 'settings'), 1, 'settings are the same');
	unlike($_, qr/[\x00-\x1f\x7f]|\xe2\x80\xae/, 'fit for a terminal')
	    for $daemon->all_audit_lines;
	is(disorder(lines($daemon)), '', 'in order');
	$m->quit;
	is($daemon->tlspolicy('audit', 'verify')->{status}, 0, 'part of the chain');
};

subtest 'settings' => sub {
	my $daemon = daemon($perm, name => 'settings');
	my $m = session($daemon);
	$m->mail('a@example.com');
	$daemon->configure('log-level' => 'debug');
	$daemon->hup;
	Tlspolicy::Scratch::wait_for(60, sub {
		$daemon->log =~ /settings were read again/ });
	$m->mail('a@example.com');
	lines($daemon, 'refused-mail', 2);
	is(scalar lines($daemon, 'settings'), 1, 'log-level bears on no verdict');
	$daemon->configure(mode => 'monitor', 'on-error' => 'accept');
	$daemon->hup;
	Tlspolicy::Scratch::wait_for(60, sub {
		$m->mail('a@example.com')->{action} eq 'continue' });
	$m->abort;
	my ($first, $second, @more) = lines($daemon, 'settings', 2);
	is(scalar @more, 0, 'a mode does');
	is_deeply($second->{settings}{changed}, ['mode', 'on-error'], 'which');
	is($second->{settings}{values}{mode}, 'monitor', 'and how');
	my $text = join '', map { "$_->[0] = $_->[1]\n" }
	    $daemon->tlspolicy('settings', '-c', $daemon->{conf})->{out} =~
	    /^(\S+) = ?(.*)$/mg ? map { [$_, $second->{settings}{values}{$_}] }
	    grep { exists $second->{settings}{values}{$_} }
	    $daemon->tlspolicy('settings')->{out} =~ /^(\S+) =/mg : ();
	is(sha256_hex($text), $second->{settings}{sha256},
	    'the digest is of "name = value" lines in the order of the table');
	$m->quit;
	is(disorder(lines($daemon)), '', 'in order');
};

# A policy that comes between two recipients is the second one's alone.
subtest 'recipients' => sub {
	my $daemon = daemon("TLS_To:b\@example.org OK\n", name => 'rcpts');
	my $m = session($daemon);
	$m->mail('a@example.com');
	$m->rcpt('b@example.org');
	set($daemon, 'TLS_To:c@example.org', 'OK');
	$m->rcpt('c@example.org');
	$m->message;
	my ($record) = lines($daemon, 'message');
	is($record->{generation}, 1, 'MAIL');
	is_deeply($record->{rcpts_generation}, [1, 2], 'each recipient');
	$m->mail('a@example.com');
	$m->rcpt('b@example.org');
	$m->message;
	$m->quit;
	is((lines($daemon, 'message', 2))[1]{rcpts_generation}, undef,
	    'not told when it is the same');
	is(disorder(lines($daemon)), '', 'in order');
};

# Whether there are policies and mail enough in the log to tell an order.
sub seen
{
	my ($daemon) = @_;
	my %seen;
	$seen{$_}++ for map { /^\{"v":1,"event":"(policy|message|refused)/ }
	    $daemon->all_audit_lines;
	return ($seen{policy} // 0) > 10 &&
	    ($seen{message} // 0) + ($seen{refused} // 0) > 200;
}

# Many sessions against many commits.  Refusals are not waited for, messages
# are; neither may overtake the line about its policy.
for my $sync (qw(none batch each)) {
	subtest "sessions race against commits, audit-sync = $sync" => sub {
		my $daemon = daemon($perm, name => "race-$sync",
		    settings => { 'audit-sync' => $sync });
		my @pids;
		for my $child (1 .. 6) {
			my $pid = fork // die "fork: $!\n";
			if ($pid) {
				push @pids, $pid;
				next;
			}
			my $m = session($daemon);
			$m->set(%tls) if $child % 2;
			my $stop = "$daemon->{dir}/stop";
			until (-e $stop) {
				$m->mail("a\@example.com")->{action} eq
				    'continue' or next;
				$m->rcpt('b@example.org');
				$m->message;
			}
			POSIX::_exit(0);
		}
		# Twenty-four commits, or as many as a busy machine needs.
		for (my $n = 1; $n <= 24 || ($n < 400 && !seen($daemon)); $n++) {
			$daemon->tlspolicy('set', 'TLS_Clt:other.example',
			    "ENCR:$n", '-m', "number $n");
			if ($n % 6 == 0) {
				$daemon->configure('audit-sync' => $sync,
				    'help-url' => '', mode => $n % 12 ?
				    'monitor' : 'enforce');
				$daemon->hup;
			}
		}
		open my $stop, '>', "$daemon->{dir}/stop";
		waitpid $_, 0 for @pids;
		$daemon->stop;
		my @lines = lines($daemon);
		is(disorder(@lines), '', 'each line stands behind its policy');
		my %policy;
		$policy{$_->{generation}}++ for grep { $_->{event} eq 'policy' }
		    @lines;
		cmp_ok(scalar keys %policy, '>', 10, 'policies were seen');
		is_deeply([grep { $policy{$_} > 1 } keys %policy], [],
		    'once each');
		cmp_ok(scalar(grep { $_->{event} =~ /^(?:message|refused)/ }
		    @lines), '>', 200, 'mail was judged');
		is($daemon->tlspolicy('audit', 'verify')->{status}, 0, 'whole');
	};
}

# While the log has no room for the line about a policy a message judged by it is
# not recorded either.
subtest 'no room for it' => sub {
	my $limits = '/usr/bin/prlimit';
	plan skip_all => "no $limits here" unless -x $limits;
	my $daemon = daemon($perm, name => 'full');
	my $m = session($daemon);
	$m->mail('a@example.com') for 1 .. 20;
	lines($daemon, 'refused-mail', 20);
	my $size = -s "$daemon->{dir}/audit.log";
	set($daemon, 'TLS_Clt:example.com', 'OK', '-m', 'x' x 900);
	system($limits, '--pid', $daemon->{pid}, '--fsize=' . ($size + 100) .
	    ':unlimited') == 0 or die "$limits: $?\n";
	answer_is($m->mail('a@example.com'), 'continue', 'MAIL is judged');
	$m->rcpt('b@example.org');
	answer_is($m->message, [451, '4.3.0'], 'but nothing is accepted on it');
	system($limits, '--pid', $daemon->{pid}, '--fsize=unlimited:unlimited');
	Tlspolicy::Scratch::wait_for(60, sub {
		$m->mail('a@example.com');
		$m->rcpt('b@example.org');
		return $m->message->{action} eq 'continue';
	});
	# A record that was withdrawn has a line behind it that says so.
	my %back = map { $_->{of} => 1 } lines($daemon, 'withdrawn');
	is(scalar(grep { !$back{$_->{seq}} } lines($daemon, 'message')), 1,
	    'until it is there');
	is(disorder(lines($daemon)), '', 'in order');
	$m->quit;
};

# show, for people and scripts.
subtest 'audit show' => sub {
	my $daemon = daemon($perm, name => 'show');
	my $m = session($daemon);
	set($daemon, 'TLS_Clt:z', 'OK', '-m', "evil\e[2J");
	$m->mail('a@example.com');
	$m->quit;
	lines($daemon, 'refused-mail', 1);
	my $r = $daemon->tlspolicy('audit', 'show');
	like($r->{out}, qr/Z\ policy\ generation=2\ how=set\ made=\S+Z\ uid=\d+\ .*
	    rules_sha256=[0-9a-f]{64}\ message=evil\?\[2J$/mx, 'a policy');
	like($r->{out}, qr/Z settings sha256=[0-9a-f]{64} mode = enforce; /,
	    'settings');
	my @json = @{decode_json($daemon->tlspolicy('audit', 'show', '--json')
	    ->{out})};
	is(join(' ', map { $_->{event} } @json), 'policy settings refused-mail',
	    'as JSON');
	unlike($daemon->tlspolicy('audit', 'show', '--domain', 'example.com')
	    ->{out}, qr/policy|settings/, 'not among the mail of a domain');
	like($daemon->tlspolicy('audit', 'show', '--until', '2020-01-01')->{out},
	    qr/\A\z/, 'nor of another time');
	for my $command (['report'], ['suggest'], ['replay'], ['audit', 'verify']) {
		my $r = $daemon->tlspolicy(@$command,
		    $command->[0] eq 'audit' ? () : "$daemon->{dir}/audit.log");
		is($r->{status}, 0, "@$command reads past them") or
		    diag $r->{err};
	}
};

done_testing;
