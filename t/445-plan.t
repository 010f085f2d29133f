#!/usr/bin/perl
#
# A plan: a policy judged beside the one in force.  It is recorded, and never
# changes an answer; what it was not asked about is never taken for agreement;
# apply goes by that, by its budget and by its days.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HTTP::Tiny;
use POSIX ();
use JSON::PP qw(decode_json);
use Test::More;
use Tlspolicy::Fault;
use Tlspolicy::Talk;

plan skip_all => $_ for grep { defined } Tlspolicy::Fault::missing('clock');

use constant DAY => 86400;

my $clock = Tlspolicy::Fault::Clock->new(scratch());
my $live = "TLS_Clt:other.example OK\nTLS_From:bad.test PERM+ENCR:112\n";
my $new = <<'END';
TLS_Clt:other.example OK
TLS_Clt:example.com PERM+ENCR:112
TLS_To:secret@loc.test TEMP+ENCR:112
TLS_From:held.test HOLD+ENCR:112
TLS_From:past.test PERM+ENCR:112+UNTIL:2099-01-01
TLS_From:when.test PERM+ENCR:112+WHEN:203.0.113.0/24
TLS_Srv:out.test PERM+VERIFY
END
my %other = (%sendmail, client_name => 'mx.other.example');

my $names = 0;
sub start
{
	my (%arg) = @_;
	$clock->ahead(0);
	return daemon($arg{live} // $live, name => 'plan' . $names++,
	    env => $clock->env, settings => $arg{settings} // {});
}

# A command by the daemon's clock.
sub command
{
	my ($daemon, @args) = @_;
	my @words = $args[0] eq 'plan' && ($args[1] // '') =~ /^(?:status|cancel)$/
	    ? splice @args, 0, 2 : shift @args;
	return Tlspolicy::Scratch::run({ env => $clock->env },
	    Tlspolicy::Daemon::program('tlspolicy'), @words, '-c',
	    $daemon->{conf}, @args);
}

sub command_is
{
	my ($daemon, $want, $text, @args) = @_;
	my $r = command($daemon, @args);
	is($r->{status}, $want, "@args: $want") or diag "$r->{out}$r->{err}";
	like("$r->{out}$r->{err}", $text, "@args: says it") if $text;
	return $r;
}

sub make_plan
{
	my ($daemon, $rules, @args) = @_;
	scratch()->write("$daemon->{name}/new", $rules);
	my $times = () = $daemon->log =~ /judged beside/g;
	my $r = command_is($daemon, 0, undef, 'plan', @args,
	    "$daemon->{dir}/new");
	ok(Tlspolicy::Scratch::wait_for(60, sub {
		my $now = () = $daemon->log =~
		    /\.plan: generation \d+, \d+ rule/g;
		return $now > $times }), 'the daemon judges by it')
	    or diag $daemon->log;
	return $r;
}

sub over
{
	my ($daemon) = @_;
	return Tlspolicy::Scratch::wait_for(60, sub {
		$daemon->log =~ /\.plan: it is over/ });
}

sub lines
{
	my ($daemon) = @_;
	return map { decode_json($_) } $daemon->all_audit_lines;
}

# The record of one message: from, recipients, macros.
sub mail
{
	my ($daemon, $from, $rcpts, %macros) = @_;
	my $seen = () = $daemon->all_audit_lines;
	my $m = session($daemon, %macros ? %macros : %sendmail);
	my $answer = $m->mail($from);
	my @answers = $answer;
	if ($answer->{action} eq 'continue') {
		push @answers, $m->rcpt($_) for @$rcpts;
		push @answers, $m->eom
		    if grep { $_->{action} eq 'continue' } @answers[1 .. $#answers];
	}
	$m->quit;
	my @all = lines($daemon);
	my @new = grep { $_->{event} =~ /^(?:message|refused)/ }
	    @all[$seen .. $#all];
	return wantarray ? ($new[-1], $answer, @new) : $new[-1];
}

sub status
{
	my ($daemon, @files) = @_;
	my $r = command($daemon, 'plan', 'status', '--json', @files);
	return (eval { decode_json($r->{out}) } // {}, $r->{status});
}

subtest 'judged beside' => sub {
	my $port = Tlspolicy::Scratch::free_port();
	my $daemon = start(settings => { metrics => "inet:$port\@127.0.0.1" });
	my $r = mail($daemon, 'a@example.com', ['b@loc.test']);
	ok(!exists $r->{plan}, 'without a plan a record says nothing of one');
	$clock->ahead(5);
	make_plan($daemon, $new, '--budget', 10, '--days', 1, '-m', 'why not');
	my ($id) = command($daemon, 'plan', 'status')->{out} =~
	    /^plan ([0-9a-f]{16}), made/;
	ok($id, 'it has an id');
	my $answer;
	($r, $answer) = mail($daemon, 'a@sender.test', ['b@loc.test']);
	answer_is($answer, 'continue', 'in clear: let in, as before');
	is($r->{verdict}, 'accept', 'and recorded so');
	is_deeply($r->{plan}, { id => $id, result => 'differs',
	    verdict => 'reject', waiver => undef, reason => 'plaintext',
	    key => 'TLS_Clt:example.com', requirement => 'PERM+ENCR:112',
	    refused_rcpts => 0 }, 'and what the plan would do') or
	    diag explain $r->{plan};
	$r = mail($daemon, 'a@sender.test', ['b@loc.test'], %sendmail, %tls);
	is_deeply($r->{plan}, { id => $id, result => 'same' }, 'with TLS: same');
	$r = mail($daemon, 'a@sender.test', ['b@loc.test', 'secret@loc.test'],
	    %other);
	is("$r->{plan}{result} $r->{plan}{verdict} $r->{plan}{refused_rcpts}",
	    'differs tempfail 1', 'a recipient of two');
	is(scalar @{$r->{rcpts}}, 2, 'both of whom got it');
	$r = mail($daemon, 'a@held.test', ['b@loc.test'], %other);
	is("$r->{verdict} $r->{plan}{verdict}", 'accept hold', 'held');
	($r, $answer) = mail($daemon, 'a@bad.test', ['b@loc.test'], %other);
	answer_is($answer, [550, '5.7.10'], 'refused as before');
	is("$r->{verdict} $r->{plan}{result} $r->{plan}{verdict}",
	    'reject differs accept', 'and that it would not be');
	$r = mail($daemon, 'a@past.test', ['b@loc.test'], %other);
	is($r->{plan}{verdict}, 'reject', 'a rule with an end');
	$r = mail($daemon, 'a@when.test', ['b@loc.test'], %other);
	is($r->{plan}{result}, 'same', 'WHEN: for others only');
	$r = mail($daemon, 'a@when.test', ['b@loc.test'], %other,
	    client_addr => '203.0.113.9');
	is($r->{plan}{verdict}, 'reject', 'WHEN: for these');

	my @all = lines($daemon);
	my ($begun) = grep { $all[$_]{event} eq 'plan' } 0 .. $#all;
	is(scalar(grep { $_->{event} eq 'plan' } @all), 1, 'one line about it');
	is("@{$all[$begun]{plan}}{qw(id result message days budget)}",
	    "$id begun why not 1 10", 'what, why, how long, how much');
	ok(!(grep { $_->{plan} } @all[0 .. $begun - 1]),
	    'which stands before the first that knows of it');
	is($daemon->tlspolicy('audit', 'verify')->{status}, 0, 'in the chain');

	my ($s, $code) = status($daemon);
	is($code, 75, 'too early');
	is_deeply([@$s{qw(judged broken partly held freed not_judged missed)}],
	    [8, 5, 1, 1, 1, 0, 0], 'counted');
	is_deeply($s->{in_the_way}, ['early'], 'nothing else in the way');
	my ($sender) = grep { $_->{domain} eq 'sender.test' } @{$s->{breaks}};
	is("$sender->{judged} $sender->{broken} $sender->{at_most}",
	    '3 2 98.4', 'of whom, and how sure that is');
	is_deeply([map { $_->{domain} } @{$s->{unseen}}], ['example.com'],
	    'who sent mail before, and not since');
	my $page = HTTP::Tiny->new->get("http://127.0.0.1:$port/metrics");
	my %metric = $page->{content} =~ /^tlspolicy_(plan_\w+) (\d+)$/mg;
	is_deeply(\%metric, { plan_judged_total => 8, plan_differs_total => 6,
	    plan_not_judged_total => 0, plan_answered_total => 0 }, 'metrics');

	# report, replay and show tell what was answered, not what the plan would
	# have answered.
	my $report = decode_json(command($daemon, 'report', '--json')->{out});
	my ($refused) = grep { $_->{domain} eq 'sender.test' }
	    @{$report->{domains}};
	is($refused->{rejected} // 0, 0, 'report: not refused')
	    or diag explain $refused;
	my $replay = decode_json(command($daemon, 'replay', '--json',
	    '-r', "$daemon->{dir}/new")->{out});
	is("$replay->{refused} $replay->{partly} $replay->{held} " .
	    "$replay->{allowed} $replay->{passed}", '4 1 1 0 1',
	    'replay finds the same, and the one before the plan');
	is(command($daemon, 'replay', '--as-then')->{status}, 0, 'as then');
	my ($q) = map { $_->{queue_id} } grep { $_->{plan} } @all;
	like(command($daemon, 'audit', 'show')->{out},
	    qr/accept id=QUEUEID .*plan $id: it would reject, plaintext: TLS_Clt:example\.com/,
	    'audit show');
	like(command($daemon, 'audit', 'why', 'QUEUEID')->{out},
	    qr/^plan $id: it would tempfail.*1 recipient$/m, 'audit why');

	command_is($daemon, 0, qr/cancelled/, 'plan', 'cancel');
	ok(over($daemon), 'the daemon sees it');
	$r = mail($daemon, 'a@sender.test', ['b@loc.test']);
	ok(!exists $r->{plan}, 'no word of it any more');
	my @notes = grep { $_->{event} eq 'plan' } lines($daemon);
	is("$notes[-1]{plan}{id} $notes[-1]{plan}{result}", "$id ended",
	    'but of its end');
	command_is($daemon, 66, qr/no plan/, 'plan', 'status');
	command_is($daemon, 66, qr/no plan/, 'apply');
	command_is($daemon, 66, qr/no plan/, 'plan', 'cancel');
	command_is($daemon, 0, qr/^$/, 'apply', '--due');
	is($daemon->tlspolicy('audit', 'verify')->{status}, 0, 'whole');
};

subtest 'its time, its budget' => sub {
	my $daemon = start();
	make_plan($daemon, $new, '--days', 3, '--budget', 1);
	mail($daemon, 'a@sender.test', ['b@loc.test']);
	command_is($daemon, 75, qr/not before/, 'apply');
	$clock->ahead(3 * DAY - 120);
	command_is($daemon, 75, qr/not before/, 'apply');
	command_is($daemon, 75, qr/not before/, 'apply', '--canary', '10%');
	mail($daemon, 'a@sender.test', ['b@loc.test']);
	$clock->ahead(3 * DAY + 1);
	command_is($daemon, 1, qr/2 messages would break, 1 may/, 'apply');
	is($daemon->tlspolicy('show')->{out} =~ /PERM\+ENCR:112\+UNTIL/, '',
	    'nothing was changed');
	command_is($daemon, 0, undef, 'plan', 'cancel');
	over($daemon);
	$clock->ahead(4 * DAY);
	make_plan($daemon, $new, '--days', 3, '--budget', 1);
	command_is($daemon, 75, qr/no message has been judged/, 'apply');
	mail($daemon, 'a@sender.test', ['b@loc.test']);
	$clock->ahead(7 * DAY + 1);
	my ($s, $code) = status($daemon);
	is($code, 0, 'nothing is in the way');
	my $r = command_is($daemon, 0, qr/generation 2/, 'apply', '-m',
	    'nobody needs it');
	like($r->{err}, qr/new: the next build of \S+rules takes them back/,
	    'says where the rules are');
	ok(!-e "$daemon->{store}.plan", 'the plan is gone');
	my ($g) = @{decode_json(command($daemon, 'log', '--json')->{out})};
	is("@$g{qw(generation how plan message)}",
	    "2 apply $s->{plan} nobody needs it", 'a generation of its own');
	like(command($daemon, 'log')->{out}, qr/apply by.*\n.*nobody.*\n.*by plan $s->{plan}/,
	    'in the log');
	my (undef, $answer) = mail($daemon, 'a@sender.test', ['b@loc.test']);
	answer_is($answer, [550, '5.7.10'], 'in force');
	my ($policy) = reverse grep { $_->{event} eq 'policy' } lines($daemon);
	is("$policy->{policy}{how} $policy->{policy}{plan}",
	    "apply $s->{plan}", 'and so the log says');
	is($daemon->tlspolicy('audit', 'verify')->{status}, 0, 'whole');
};

subtest 'not the policy that it was planned against' => sub {
	my $daemon = start();
	make_plan($daemon, $new, '--days', 1, '--budget', 100);
	mail($daemon, 'a@sender.test', ['b@loc.test']);
	my $set = $daemon->tlspolicy('set', 'TLS_Clt:urgent.example', 'OK');
	is($set->{status}, 0, 'somebody sets a rule');
	like($set->{err}, qr/plan: there is a plan, made before these rules/,
	    'and is told of the plan');
	$clock->ahead(DAY + 1);
	command_is($daemon, 65, qr/not the one/, 'apply');
	my ($s, $code) = status($daemon);
	is_deeply([$code, $s->{in_the_way}], [65, ['stale']], 'status');
	like(command($daemon, 'show', 'TLS_Clt:urgent.example')->{out}, qr/OK/,
	    'which is not lost');
	is($daemon->tlspolicy('del', 'TLS_Clt:urgent.example')->{status}, 0,
	    'and takes it back');
	($s, $code) = status($daemon);
	is_deeply([$code, $s->{in_the_way}], [0, []], 'then it is the one again');
	command_is($daemon, 0, qr/generation 4/, 'build', "$daemon->{dir}/new");
	($s, $code) = status($daemon);
	is_deeply([$code, $s->{in_the_way}, $s->{stale}, $s->{applied}],
	    [0, [], JSON::PP::false, JSON::PP::true], 'its rules came by a build');
	command_is($daemon, 0, qr/in force already/, 'apply');
	ok(!-e "$daemon->{store}.plan", 'and it is gone');
};

# However the plan's file is harmed, no answer changes, and no record agrees.
subtest 'harmed' => sub {
	my $daemon = start();
	make_plan($daemon, $new, '--days', 1, '--budget', 1000000);
	my $path = "$daemon->{store}.plan";
	my $good = Tlspolicy::Scratch::slurp($path);
	my $elsewhere = scratch()->write('elsewhere.plan', $good);
	mail($daemon, 'a@sender.test', ['b@loc.test']);
	my %harm = (
		'cut off' => sub { put($path, substr $good, 0, 4096) },
		'cut off while open' => sub { put($path, $good); sleep 2;
		    truncate $path, 4096 },
		'noise' => sub { put($path, join '', map { chr rand 256 }
		    1 .. length $good) },
		'bits' => sub { my $bad = $good;
		    substr($bad, $_, 1) ^= "\x10" for map { $_ * 97 }
			1 .. int((length($good) - 1) / 97);
		    put($path, $bad) },
		'a FIFO' => sub { POSIX::mkfifo($path, 0600) },
		'a dangling link' => sub { symlink '/nowhere/x', $path },
		'a folder' => sub { mkdir $path },
		'empty' => sub { put($path, '') },
		'text' => sub { put($path, "TLS_Clt: OK\n" x 1000) },
		'sparse and huge' => sub { put($path, ''); truncate $path,
		    1 << 40 },
		'a store without a plan' => sub { put($path,
		    Tlspolicy::Scratch::slurp($daemon->{store})) },
	);
	my $n = 0;
	for my $name (sort keys %harm) {
		unlink $path;
		rmdir $path;
		$harm{$name}->();
		my $r;
		Tlspolicy::Scratch::wait_for(60, sub {
			my $answer;
			($r, $answer) = mail($daemon, 'a@sender.test',
			    ['b@loc.test']);
			$n++ if ($r->{plan}{result} // '') eq 'not-judged';
			fail("$name: an answer changed")
			    if $answer->{action} ne 'continue';
			return ($r->{plan}{result} // '') eq 'not-judged' });
		is("$r->{verdict} " . join(' ', sort keys %{$r->{plan}}),
		    'accept id result',
		    "$name: let in, and not judged by the plan");
		unlink $path;
		rmdir $path;
		put($path, $good);
		ok(Tlspolicy::Scratch::wait_for(60, sub {
			(mail($daemon, 'a@sender.test', ['b@loc.test'])
			    ->{plan}{result} // '') eq 'differs' }), "$name: mended");
	}
	$clock->ahead(DAY + 1);
	my ($s, $code) = status($daemon);
	is($code, 65, 'which is no evidence');
	cmp_ok($s->{not_judged}, '>=', scalar keys %harm, 'counted');
	is_deeply([grep { !/missed/ } @{$s->{in_the_way}}], ['not-judged'],
	    'in the way');
	command_is($daemon, 65, qr/could not be judged/, 'apply');
	is($daemon->tlspolicy('audit', 'verify')->{status}, 0, 'whole');
};

sub put
{
	my ($path, $bytes) = @_;
	open my $file, '>:raw', $path or die "$path: $!\n";
	print $file $bytes;
	close $file or die "$path: $!\n";
}

subtest 'not asked' => sub {
	my $daemon = start();
	make_plan($daemon, $new, '--days', 1, '--budget', 100);
	mail($daemon, 'a@sender.test', ['b@loc.test']);
	$daemon->kill_hard;
	rename "$daemon->{store}.plan", "$daemon->{store}.hidden" or die;
	$clock->ahead(600);
	$daemon->run;
	my $r = mail($daemon, 'a@sender.test', ['b@loc.test']);
	ok(!exists $r->{plan}, 'somebody hid it');
	$daemon->kill_hard;
	rename "$daemon->{store}.hidden", "$daemon->{store}.plan" or die;
	$daemon->run;
	$r = mail($daemon, 'a@sender.test', ['b@loc.test']);
	is($r->{plan}{result}, 'differs', 'and put it back');
	$clock->ahead(DAY + 700);
	command_is($daemon, 65, qr/1 record does not know of the plan/, 'apply');
	my ($s) = status($daemon);
	is($s->{missed}, 1, 'one was missed');
};

# Files that are gone since the plan was made may have told whom it breaks.
subtest 'lines that are gone' => sub {
	my $daemon = start();
	my $log = "$daemon->{dir}/audit.log";
	my $rotate = sub {
		rename $log, $_[0] or die "$log: $!\n";
		kill 'HUP', $daemon->{pid};
		Tlspolicy::Scratch::wait_for(60, sub { -s $log })
		    or die "no new file\n";
	};
	mail($daemon, 'a@sender.test', ['b@loc.test'], %other);
	$rotate->("$log.old");
	unlink "$log.old";
	make_plan($daemon, $new, '--days', 1, '--budget', 0);
	mail($daemon, 'a@sender.test', ['b@loc.test'], %other);
	$rotate->("$log.1");
	mail($daemon, 'a@sender.test', ['b@loc.test']);
	$rotate->("$log.2");
	mail($daemon, 'a@sender.test', ['b@loc.test'], %other);
	$clock->ahead(DAY + 1);
	my $is = sub {
		my ($name, $want, $code, @files) = @_;
		my ($s, $status) = status($daemon, @files);
		is("@{$s->{in_the_way}} $status", "$want $code", $name);
	};
	$is->('those before the plan do not matter', 'budget', 1);
	$is->('without the middle', 'gap', 65, "$log.1", $log);
	$is->('without the first ones', 'gap', 65, $log);
	command_is($daemon, 65, qr/mx\.example\.org are missing, 1 to /, 'apply',
	    $log);
	rename "$log.2", "$daemon->{dir}/elsewhere" or die;
	command_is($daemon, 65, qr/are missing, \d+ to \d+: name the files/,
	    'apply');
	$is->('brought back', 'budget', 1, "$log.1", $log,
	    "$daemon->{dir}/elsewhere");
};

subtest 'killed' => sub {
	my $daemon = start();
	make_plan($daemon, $new, '--days', 1, '--budget', 100);
	for (1 .. 3) {
		my $r = mail($daemon, 'a@sender.test', ['b@loc.test']);
		is($r->{plan}{result}, 'differs', 'judged from the start on');
		$daemon->kill_hard;
		$daemon->run;
	}
	$clock->ahead(DAY + 1);
	my ($s, $code) = status($daemon);
	is("$code $s->{judged} $s->{missed}", '0 3 0', 'nothing is missing');
};

# A plan with TLS_Header rules, of which the policy in force has none.
subtest 'the header' => sub {
	my $daemon = start(settings => { 'header-from' => 'judge' });
	my $older = session($daemon);
	make_plan($daemon, "TLS_Clt:other.example OK\n"
	    . "TLS_Header:bank.example PERM+ENCR:112\n", '--days', 1,
	    '--budget', 5);
	my $message = sub {
		my ($m, $author) = @_;
		answer_is($m->mail('a@x.example'), 'continue', "$author: MAIL");
		answer_is($m->rcpt('b@loc.test'), 'continue', "$author: RCPT");
		$m->command('header', "From\0$author\0");
		like($m->command('eoh', '')->{action}, qr/^(?:continue|skipped)$/,
		    "$author: header");
		answer_is($m->eom, 'continue', "$author: the end");
		my ($record) = grep { $_->{event} eq 'message' }
		    reverse lines($daemon);
		return $record->{plan};
	};
	my $plan = $message->(session($daemon), '<ceo@bank.example>');
	is("$plan->{result} $plan->{verdict}", 'differs reject',
	    'it would be refused');
	like($plan->{key}, qr/^TLS_Header:bank/, 'by that rule');
	is($message->(session($daemon), '<x@y.example>')->{result}, 'same',
	    'another one would not');
	is($message->($older, '<ceo@bank.example>')->{result}, 'not-judged',
	    'a connection that is older than the plan was not asked for it');
	is($daemon->stop, 0, 'the daemon ends');
};

subtest 'people' => sub {
	my $daemon = start(settings => { privacy => 'days:7',
	    'state-folder' => scratch()->dir });
	make_plan($daemon, "TLS_Clt:other.example OK\n"
	    . "TLS_From:alice\@person.example PERM+ENCR:112\n", '--days', 1,
	    '--budget', 5);
	my $plan = mail($daemon, 'alice@person.example',
	    ['b@loc.test'])->{plan};
	is($plan->{result}, 'differs', 'it would be refused');
	like($plan->{key}, qr/^TLS_From:~[0-9a-f]{32}\@person\.example$/,
	    'by a rule about somebody, who is not named');
	unlike(join("\n", grep { /"event":"message"/ }
	    $daemon->all_audit_lines), qr/alice/, 'anywhere');
	is($daemon->stop, 0, 'the daemon ends');
};

subtest 'canary' => sub {
	my $daemon = start();
	make_plan($daemon, $new, '--days', 1, '--budget', 1000);
	my $mail = sub {
		my ($i) = @_;
		return mail($daemon, 'a@sender.test', ['b@loc.test'], %sendmail,
		    client_addr => "192.0.2.$i");
	};
	my $r = $mail->(1);
	$clock->ahead(DAY + 1);
	command_is($daemon, 64, qr/0 to 100/, 'apply', '--canary', $_)
	    for '101', 'x', '-1', '10%%';
	my $changed = sub {
		my $n = () = $daemon->log =~ /plan/g;
		my ($percent) = @_;
		command_is($daemon, 0, undef, 'apply', '--canary', "$percent%");
	};
	$changed->(50);
	like(command($daemon, 'plan', 'status')->{out},
	    qr/changed .*by.*\n\s+decides about 50 %/, 'status tells');
	my (%first, %second);
	for my $i (1 .. 60) {
		my ($r, $answer) = $mail->($i);
		$first{$i} = $r->{plan}{answered} ? 1 : 0;
		is_deeply([$r->{verdict}, $r->{plan}{verdict},
		    $answer->{action}], $first{$i} ?
		    ['reject', 'accept', 'reply'] :
		    ['accept', 'reject', 'continue'],
		    "192.0.2.$i: recorded as answered");
		is($r->{generation}, 1, 'generation: that in force')
		    if $i == 1;
	}
	my $share = grep { $_ } values %first;
	cmp_ok($share, '>', 10, 'not none');
	cmp_ok($share, '<', 50, 'not all');
	$daemon->kill_hard;
	$daemon->run;
	for my $i (1 .. 60) {
		my ($r) = $mail->($i);
		$second{$i} = $r->{plan}{answered} ? 1 : 0;
	}
	is_deeply(\%second, \%first, 'the same ones after a kill');
	my ($s) = status($daemon);
	is($s->{for_real}, 2 * $share, 'refused for real');
	is($s->{broken}, 121, 'all of them would break');
	is(command($daemon, 'replay', '--as-then')->{err} =~
	    /^(\d+) records not judged again: the policy of a plan/m ? $1 : 0,
	    2 * $share, 'as-then does not ask the policy of the day');
	my ($client) = grep { $first{$_} } 1 .. 60;
	$changed->(0);
	my (undef, $answer) = $mail->($client);
	answer_is($answer, 'continue', 'taken back');
	my (undef, $none) = mail($daemon, 'a@sender.test', ['b@loc.test'],
	    map { $_ => $sendmail{$_} } grep { $_ ne 'client_addr' }
	    keys %sendmail);
	is($daemon->tlspolicy('audit', 'verify')->{status}, 0, 'whole');
};

# Beyond the budget the canary may not grow, but it may always shrink.
subtest 'a canary that died' => sub {
	my $daemon = start();
	make_plan($daemon, $new, '--days', 1, '--budget', 1);
	mail($daemon, 'a@sender.test', ['b@loc.test']);
	$clock->ahead(DAY + 1);
	command_is($daemon, 0, undef, 'apply', '--canary', '100');
	my ($r, $answer) = mail($daemon, 'a@sender.test', ['b@loc.test']);
	answer_is($answer, [550, '5.7.10'], 'all clients');
	command_is($daemon, 1, qr/2 messages would break, 1 may/, 'apply');
	command_is($daemon, 0, undef, 'apply', '--canary', '10');
	command_is($daemon, 1, qr/would break/, 'apply', '--canary', '11');
	command_is($daemon, 0, undef, 'apply', '--canary', '0');
	(undef, $answer) = mail($daemon, 'a@sender.test', ['b@loc.test']);
	answer_is($answer, 'continue', 'none');
};

# A plan that was agreed upon and is lost is not the same as none.
subtest 'a link that leads nowhere' => sub {
	my $daemon = start();
	my $path = "$daemon->{store}.plan";
	symlink '/nonexistent/x', $path or die;
	command_is($daemon, 65, qr/leads to no plan/, 'apply', '--due');
	command_is($daemon, 65, qr/leads to no plan/, 'plan', 'status');
	command_is($daemon, 65, qr/there is a plan already/, 'plan',
	    scratch()->write("$daemon->{name}/new", $new));
	command_is($daemon, 0, qr/cancelled/, 'plan', 'cancel');
	ok(!-l $path, 'which removes it');
	command_is($daemon, 66, qr/no plan/, 'plan', 'cancel');
};

# A plan that ends in the middle of a message: the record says which answers were
# the plan's.
subtest 'over in the middle of a message' => sub {
	my $daemon = start();
	make_plan($daemon, "TLS_Clt:nobody.example OK\n", '--days', 1,
	    '--budget', 1);
	mail($daemon, 'a@sender.test', ['b@loc.test']);
	$clock->ahead(DAY + 1);
	command_is($daemon, 0, undef, 'apply', '--canary', '100');
	my ($id) = command($daemon, 'plan', 'status')->{out} =~
	    /^plan ([0-9a-f]{16})/;
	my $m = session($daemon, %sendmail);
	answer_is($m->mail('a@bad.test'), 'continue', 'MAIL, by the plan');
	command_is($daemon, 0, qr/cancelled/, 'plan', 'cancel');
	ok(over($daemon), 'which is given up');
	answer_is($m->rcpt('b@loc.test'), 'continue', 'RCPT, without it');
	answer_is($m->eom, 'continue', 'the end');
	my ($r) = reverse grep { $_->{event} eq 'message' } lines($daemon);
	is_deeply($r->{plan}, { id => $id, result => 'not-judged',
	    answered => JSON::PP::true }, 'the record says who answered');
	my $then = command($daemon, 'replay', '--as-then');
	like($then->{out}, qr/ 0 come out differently, 1 not judged again$/m,
	    'as-then does not take it for the policy in force');
	$r = mail($daemon, 'a@sender.test', ['b@loc.test']);
	ok(!exists $r->{plan}, 'the next one knows of none');
};

# While the policy in force cannot be read on-error decides, with a canary, too.
subtest 'a canary alone' => sub {
	my $daemon = start();
	make_plan($daemon, "TLS_Clt:nobody.example OK\n", '--days', 1,
	    '--budget', 1);
	mail($daemon, 'a@sender.test', ['b@loc.test']);
	$clock->ahead(DAY + 1);
	command_is($daemon, 0, undef, 'apply', '--canary', '100');
	my ($r, $answer) = mail($daemon, 'a@bad.test', ['b@loc.test']);
	answer_is($answer, 'continue', 'decided by the plan');
	is("$r->{plan}{answered} $r->{plan}{verdict}", '1 reject', 'recorded');
	rename $daemon->{store}, "$daemon->{store}.away" or die;
	Tlspolicy::Scratch::wait_for(60, sub {
		$daemon->log =~ /no such|does not exist|there is no store/i ||
		mail($daemon, 'a@x.test', ['b@loc.test'])->{verdict} ne
		    'accept' });
	($r, $answer) = mail($daemon, 'a@x.test', ['b@loc.test']);
	answer_is($answer, [451, '4.3.0'], 'a policy error');
	is($r->{plan}{result}, 'not-judged', 'in which it has no word');
};

subtest 'when its time has come' => sub {
	my $daemon = start();
	make_plan($daemon, $new, '--days', 2, '--budget', 5);
	mail($daemon, 'a@sender.test', ['b@loc.test']);
	my $at = sub { POSIX::strftime('%Y-%m-%dT%H:%M:%SZ',
	    gmtime(time + $_[0])) };
	command_is($daemon, 64, qr/not a time/, 'apply', '--at', 'soon');
	command_is($daemon, 64, qr/is over/, 'apply', '--at', '2020-01-01');
	command_is($daemon, 75, qr/not before/, 'apply', '--at', $at->(DAY));
	my $when = $at->(2 * DAY + 3600);
	command_is($daemon, 0, qr/--due/, 'apply', '--at', $when, '-m',
	    'as agreed');
	like(command($daemon, 'plan', 'status')->{out},
	    qr/to come into force at \Q$when\E/, 'status tells');
	command_is($daemon, 64, qr/neither/, 'apply', '--due', '--canary', 1);
	command_is($daemon, 0, qr/^$/, 'apply', '--due');
	$clock->ahead(2 * DAY + 3500);
	command_is($daemon, 0, qr/^$/, 'apply', '--due');
	ok(-e "$daemon->{store}.plan", 'not yet');
	$clock->ahead(2 * DAY + 3700);
	command_is($daemon, 0, qr/generation 2/, 'apply', '--due');
	my ($g) = @{decode_json(command($daemon, 'log', '--json')->{out})};
	is("$g->{how} $g->{message}", 'apply as agreed',
	    'in the words of who decided it');
	command_is($daemon, 0, qr/^$/, 'apply', '--due');
	my (undef, $answer) = mail($daemon, 'a@sender.test', ['b@loc.test']);
	answer_is($answer, [550, '5.7.10'], 'in force');
};

# What begins or ends on a day to come was judged by nobody.
subtest 'days to come' => sub {
	my $daemon = start();
	my ($from, $until) = map { POSIX::strftime('%Y-%m-%d',
	    gmtime(time + $_ * DAY)) } 9, 4;
	my $after = POSIX::strftime('%Y-%m-%d', gmtime(time + 5 * DAY));
	my $first = qr/: 2 lines of these rules begin or end on a day to come, of which no record tells; the first is TLS_From:soon\.test on $after$/m;
	my $made = make_plan($daemon, <<"END", '--days', 1, '--budget', 0);
TLS_Clt:example.com	PERM+ENCR:112+FROM:$from
TLS_From:soon.test	ENCR:0+UNTIL:$until
TLS_From:soon.test	PERM+ENCR:112
TLS_From:past.test	ENCR:0+UNTIL:2020-01-01
TLS_From:old.test	OK
TLS_Rcpt:out.test	VERIFY+FROM:$from
END
	like($made->{err}, $first, 'plan says so');
	mail($daemon, 'a@soon.test', ['b@loc.test']);
	$clock->ahead(DAY + 1);
	my ($s, $code) = status($daemon);
	is("@{$s->{in_the_way}} $code", ' 0', 'nothing is in the way');
	like(command($daemon, 'plan', 'status')->{err}, $first, 'status does');
	like(command($daemon, 'replay', '-r', "$daemon->{dir}/new")->{err},
	    $first, 'replay does');
	like(command($daemon, 'replay', '--left', '-r', "$daemon->{dir}/new")
	    ->{err}, qr/: 1 line of these rules begins or ends .*TLS_Rcpt:out\.test on $from$/m,
	    'of mail that leaves');
	like(command_is($daemon, 0, undef, 'apply')->{err}, $first, 'apply does');
};

# Records between `apply --at` and its time count, too.
subtest 'too much until then' => sub {
	my $daemon = start();
	make_plan($daemon, $new, '--days', 1, '--budget', 1);
	mail($daemon, 'a@sender.test', ['b@loc.test']);
	command_is($daemon, 0, undef, 'apply', '--at',
	    POSIX::strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time + DAY + 60)));
	mail($daemon, 'a@sender.test', ['b@loc.test']) for 1 .. 2;
	$clock->ahead(DAY + 120);
	command_is($daemon, 1, qr/3 messages would break, 1 may/, 'apply',
	    '--due');
	ok(-e "$daemon->{store}.plan", 'still a plan');
};

subtest 'mode = monitor' => sub {
	my $daemon = start(settings => { mode => 'monitor' });
	make_plan($daemon, $new, '--days', 1, '--budget', 100);
	my $r = mail($daemon, 'a@sender.test', ['b@loc.test']);
	is("$r->{verdict} $r->{plan}{result} $r->{plan}{verdict} " .
	    "$r->{plan}{waiver} $r->{plan}{would}",
	    'accept differs accept monitor reject', 'recorded');
	my ($s) = status($daemon);
	is($s->{broken}, 1, 'counted as if nothing was spared');
};

subtest 'exempt' => sub {
	my $daemon = start(settings => { 'exempt-clients' => '192.0.2.0/24' });
	make_plan($daemon, $new, '--days', 1, '--budget', 100);
	my $r = mail($daemon, 'a@sender.test', ['b@loc.test']);
	is("$r->{plan}{result} $r->{plan}{waiver}", 'differs exempt',
	    'it would be warned of');
	my ($s) = status($daemon);
	is($s->{broken}, 0, 'and breaks nothing');
};

subtest 'claims' => sub {
	my $claims = scratch()->write('the.claims',
	    "from bad.test in clear is never accepted\n");
	my $daemon = start(settings => { claims => $claims });
	scratch()->write("$daemon->{name}/new", "TLS_Clt:x.example OK\n");
	command_is($daemon, 65, qr/would not hold/, 'plan',
	    "$daemon->{dir}/new");
	ok(!-e "$daemon->{store}.plan", 'no plan');
	scratch()->write('the.claims', '');
	make_plan($daemon, "TLS_Clt:x.example OK\n", '--days', 1);
	mail($daemon, 'a@x.test', ['b@loc.test']);
	$clock->ahead(DAY + 1);
	scratch()->write('the.claims',
	    "from bad.test in clear is never accepted\n");
	command_is($daemon, 65, qr/would not hold/, 'apply');
	is($daemon->tlspolicy('show', 'TLS_Clt:x.example')->{status} == 0, '',
	    'left as it was');
};

subtest 'no plan comes of it' => sub {
	my $daemon = start();
	command_is($daemon, 64, qr/which rules/, 'plan');
	command_is($daemon, 64, qr/--days/, 'plan', '--days', '0', 'x');
	command_is($daemon, 64, qr/--budget/, 'plan', '--budget', 'x', 'x');
	command_is($daemon, 66, undef, 'plan', '/nowhere/rules');
	scratch()->write("$daemon->{name}/new", "TLS_Clt:a ENCR\n");
	command_is($daemon, 65, qr/new:1:/, 'plan', "$daemon->{dir}/new");
	scratch()->write("$daemon->{name}/new", $live);
	command_is($daemon, 0, qr/nothing to plan/, 'plan',
	    "$daemon->{dir}/new");
	ok(!-e "$daemon->{store}.plan", 'none');
	make_plan($daemon, $new);
	scratch()->write("$daemon->{name}/new", "$new# other\n");
	command_is($daemon, 65, qr/a plan already/, 'plan',
	    "$daemon->{dir}/new");
	ok(!-e "$daemon->{store}.plan.new", 'nothing is left');
	unlink $daemon->{store};
	command_is($daemon, 66, undef, 'apply');
	command_is($daemon, 0, undef, 'plan', 'cancel');
	command_is($daemon, 66, undef, 'plan', "$daemon->{dir}/new");
};

done_testing;
