#!/usr/bin/perl
#
# What the setting privacy promises when something fails: salts that cannot be
# written, or lie where somebody else says what is there; a kill at any moment;
# two daemons; the clock over midnight, back and far ahead.  Nobody is ever in the
# log because of it, and whoever is hidden there has a salt until the day is old.
use strict;
use warnings;
use Errno qw(EIO ENOSPC);
use FindBin;
use lib "$FindBin::Bin/lib";
use HTTP::Tiny;
use POSIX qw(strftime);
use Test::More;
use Time::HiRes qw(sleep time);
use Tlspolicy::Fault;
use Tlspolicy::Talk;

use constant DAY => 86400;

plan skip_all => $_ for grep { defined } map { Tlspolicy::Fault::missing($_) }
    qw(clock disk);

my $rules = "TLS_From:refused.com PERM+ENCR:128\n";
my $http = HTTP::Tiny->new(timeout => 60);
my ($port, $runs) = (undef, 0);

sub start
{
	my (%arg) = @_;
	$port = Tlspolicy::Scratch::free_port();
	return daemon($rules, name => 'milter-' . ++$runs, %arg, settings => {
	    privacy => 'days:2', metrics => "inet:$port\@127.0.0.1",
	    %{$arg{settings} // {}} });
}

sub message
{
	my ($d, $from, @to) = @_;
	my $m = session($d, %sendmail, %tls);
	my $r = $m->mail($from);
	for (@to ? @to : 'bobby@bar.net') {
		$r = $m->rcpt($_) if $r->{action} eq 'continue';
	}
	return $r->{action} eq 'continue' ? $m->message : $r;
}

sub refused_mail
{
	my ($d, $from) = @_;
	my $m = session($d, %sendmail);
	return $m->mail($from);
}

my $unrecorded = [451, '4.3.0', qr/cannot be recorded/];

sub health
{
	my ($status, $like, $name) = @_;
	my $r;
	my $good = Tlspolicy::Scratch::wait_for(60, sub {
		$r = $http->get("http://127.0.0.1:$port/healthz");
		$r->{status} == $status && $r->{content} =~ $like });
	ok($good, $name) or diag("$r->{status} $r->{content}");
}

sub days
{
	my ($d) = @_;
	return map { s{.*/}{}r } sort glob "$d->{dir}/salts/*";
}

sub salts
{
	my ($d) = @_;
	return map { /^([0-9a-f]{32}) (.*)/mg }
	    map { Tlspolicy::Scratch::slurp($_) } glob "$d->{dir}/salts/*";
}

# Each commitment in the log has a salt, and nobody stands in it unhidden.
sub all_have_salts
{
	my ($d, $name) = @_;
	my %salts = salts($d);
	my @lines = $d->all_audit_lines;
	my %withdrawn = map { /"event":"withdrawn".*"of":(\d+)/ ? ($1 => 1) :
	    () } @lines;
	my $log = join "\n", grep { !/"seq":(\d+),"chain"/ || !$withdrawn{$1} }
	    @lines;
	my @lost = grep { !$salts{$_} } $log =~ /~([0-9a-f]{32})/g;
	is("@lost", '', "$name: all in the log have a salt");
	unlike($log, qr/bobby|alice|refused\@|person\d/, "$name: and no name");
	my $verify = $d->tlspolicy('audit', 'verify');
	is($verify->{status}, 0, "$name: whole") or diag($verify->{out});
	is($d->tlspolicy('audit', 'show')->{err}, '', "$name: all are told")
	    unless %withdrawn;
}

sub today
{
	return strftime('%Y-%m-%d', gmtime(time + ($_[0] // 0)));
}

for my $fault ([ write => 'ENOSPC' ], [ sync => 'EIO' ]) {
	my ($call, $error) = @$fault;
	subtest "$call fails" => sub {
		my $folder = scratch()->path('milter-' . ($runs + 1)) .
		    '/salts/';
		my $disk = Tlspolicy::Fault::Disk->new(scratch(), $folder);
		my $d = start(env => $disk->env);
		answer_is(message($d, 'alice@example.com'), 'continue', 'well');
		$disk->set($call => $error, lose => 1);
		answer_is(message($d, 'person1@example.com'), $unrecorded,
		    'no mail is accepted unrecorded');
		health(503, qr/people cannot be hidden|audit log cannot be/,
		    'healthz says so');
		answer_is(message($d, 'person2@example.com'), $unrecorded,
		    'nor the next one');
		answer_is(refused_mail($d, 'person3@refused.com'),
		    [550, '5.7.10'], 'refusals are given all the same');
		logged($d, qr/salts/, 'the log says why');
		unlike(join('', $d->all_audit_lines), qr/person/,
		    'nobody is in the log');
		$disk->set($call => 0);
		health(200, qr/ok/, 'well again');
		answer_is(message($d, 'person1@example.com'), 'continue',
		    'accepted');
		answer_is(message($d, 'alice@example.com'), 'continue',
		    'who was known, too');
		all_have_salts($d, $call);
		is($d->stop, 0, 'the daemon ends');
	};
}

# Each sub makes a folder of salts, or a file in it, that is not the daemon's alone.
my %unsafe = (
	'a file' => sub { scratch()->write("$_[1]/salts", '') },
	'a link' => sub { mkdir "$_[0]/other", 0700;
	    symlink "$_[0]/other", "$_[0]/salts" },
	'open to others' => sub { mkdir "$_[0]/salts"; chmod 0755,
	    "$_[0]/salts" },
	'a link for a day' => sub { mkdir "$_[0]/salts", 0700;
	    scratch()->write("$_[1]/other", "precious\n", 0600);
	    symlink "$_[0]/other", "$_[0]/salts/" . today($_) for 0, DAY },
	'a second name' => sub { mkdir "$_[0]/salts", 0700;
	    scratch()->write("$_[1]/other", "precious\n", 0600);
	    link "$_[0]/other", "$_[0]/salts/" . today() },
	'a FIFO' => sub { mkdir "$_[0]/salts", 0700;
	    POSIX::mkfifo("$_[0]/salts/" . today(), 0600) },
	'a file that others read' => sub { mkdir "$_[0]/salts", 0700;
	    scratch()->write("$_[1]/salts/" . today(), '', 0644) },
);
for my $what (sort keys %unsafe) {
	subtest "salts: $what" => sub {
		my $d = start(settings => { privacy => 'off' });
		$unsafe{$what}->($d->{dir}, $d->{name});
		$d->configure(privacy => 'days:2',
		    metrics => "inet:$port\@127.0.0.1");
		$d->hup;
		logged($d, qr/privacy/, 'HUP: the log says it');
		health(503, qr/people cannot be hidden/, 'healthz');
		answer_is(message($d, 'alice@example.com'), $unrecorded,
		    'fails closed');
		unlike(join('', $d->all_audit_lines), qr/alice/,
		    'not as it was before');
		is($d->stop, 0, 'ends');
		my $r = Tlspolicy::Scratch::run(Tlspolicy::Daemon::program(
		    'tlspolicy-milter'), '-c', $d->{conf});
		isnt($r->{status}, 0, 'nor does it start');
		like($r->{err}, qr/salts/, 'and says why');
		is(scratch()->read("$d->{name}/other"), "precious\n",
		    "nobody's file is written") if -f "$d->{dir}/other";
	};
}

# One message after another, each of other people.
sub client
{
	my ($d) = @_;
	my $pid = fork // die "fork: $!\n";
	return $pid if $pid;
	for my $n (1 .. 10000) {
		eval { message($d, "person$n\@example.com",
		    "person$n\@bar.net") } or last;
	}
	POSIX::_exit(0);
}

subtest 'killed under load' => sub {
	my $d = start();
	for my $round (1 .. 3) {
		my @clients = map { client($d) } 1 .. 3;
		my $seen = () = $d->all_audit_lines;
		Tlspolicy::Scratch::wait_for(60, sub {
		    my @now = $d->all_audit_lines;
		    return @now > $seen + 20 });
		$d->kill_hard;
		Tlspolicy::Scratch::end_pid($_) for @clients;
		$d->run;
		all_have_salts($d, "kill $round");
	}
	is($d->stop, 0, 'ends');
};

subtest 'a line that was torn' => sub {
	my $d = start();
	answer_is(message($d, 'alice@example.com'), 'continue', 'one');
	is($d->stop, 0, 'ends');
	my ($file) = glob "$d->{dir}/salts/*";
	open my $fh, '>>', $file or die;
	print $fh '0123456789abcdef0123456789abcdef 01234';
	close $fh;
	$d->run;
	answer_is(message($d, 'person7@example.com'), 'continue', 'two');
	all_have_salts($d, 'torn');
};

# After the salts are removed under the daemon new ones are written.
subtest 'removed under the daemon' => sub {
	my $d = start();
	my @take = (sub { unlink glob "$d->{dir}/salts/*" },
	    sub { rename "$d->{dir}/salts", "$d->{dir}/away" },
	    sub { my ($file) = glob "$d->{dir}/salts/*"; unlink $file;
		scratch()->write("$d->{name}/salts/" . $file =~ s{.*/}{}r, '',
		    0600) });
	for my $n (1 .. @take) {
		answer_is(message($d, "person$n\@example.com"), 'continue',
		    "before $n");
		my $said = () = $d->log =~ /salts of today were removed/g;
		$take[$n - 1]->();
		ok(Tlspolicy::Scratch::wait_for(60, sub { $said < (() =
		    $d->log =~ /salts of today were removed/g) }),
		    "the log says so, $n");
		answer_is(message($d, "later$n\@example.com"), 'continue',
		    "after $n");
		like($d->tlspolicy('audit', 'show')->{out},
		    qr/from=later$n\@example\.com to=bobby\@bar\.net/,
		    "and who came later is told, $n");
	}
	health(200, qr/ok/, 'all is well');
	is($d->tlspolicy('audit', 'verify')->{status}, 0, 'whole');
	is($d->stop, 0, 'ends');
};

subtest 'metrics' => sub {
	my $d = start();
	answer_is(message($d, 'alice@example.com'), 'continue', 'one');
	my $page = $http->get("http://127.0.0.1:$port/metrics")->{content};
	my $manual = Tlspolicy::Scratch::slurp(Tlspolicy::Scratch::topdir() .
	    '/man/tlspolicy-milter.8');
	my %want = (privacy_up => 1, privacy_overdue => 0, privacy_values => 5);
	for (sort keys %want) {
		like($page, qr/^tlspolicy_$_ $want{$_}$/m, $_);
		like($manual, qr/^\.It Li .*\b$_\b/m, 'in the manual');
	}
};

subtest 'two daemons with one folder' => sub {
	my $one = start();
	my $other = start(settings => { 'state-folder' => $one->{dir} });
	for my $n (1 .. 5) {
		answer_is(message($_, "person$n\@example.com"), 'continue',
		    "person $n") for $one, $other;
	}
	all_have_salts($one, 'one');
	my $r = $other->tlspolicy('audit', 'show');
	is($r->{err}, '', 'the other has all, too');
};

# tlspolicy.conf(5), privacy: a daemon with `off' erases nothing.
subtest 'turned off' => sub {
	my $d = start();
	answer_is(message($d, 'alice@example.com'), 'continue', 'hidden');
	my ($today) = days($d);
	is($d->stop, 0, 'ends');
	my $old = "$d->{dir}/salts/2020-01-02";
	rename "$d->{dir}/salts/$today", $old or die "$old: $!\n";
	my @metrics = (metrics => "inet:$port\@127.0.0.1");
	$d->configure(@metrics, privacy => 'off');
	$d->run;
	answer_is(message($d, 'alice@example.com'), 'continue', 'not hidden');
	like(($d->all_audit_lines)[-1], qr/alice\@example\.com/, 'as she is');
	$d->hup;
	logged($d, qr/settings were read again/, 'read again');
	is($d->stop, 0, 'ends');
	ok(-e $old, 'an old day is still there');
	$d->configure(@metrics, privacy => 'days:1');
	$d->run;
	ok(Tlspolicy::Scratch::wait_for(60, sub { !-e $old }),
	    'which a daemon that hides people erases');
	is($d->stop, 0, 'ends');
};

subtest 'a thousand recipients' => sub {
	my $d = start();
	answer_is(message($d, 'alice@example.com', map { "person$_\@bar.net" }
	    1 .. 1000), 'continue', 'accepted');
	all_have_salts($d, 'many');
	is(scalar(keys %{{ map { $_ => 1 } @{($d->audit)[-1]{rcpts}} }}), 1000,
	    'each by one of its own');
};

subtest 'the clock' => sub {
	my $clock = Tlspolicy::Fault::Clock->new(scratch());
	my $first = (int(time / DAY) + 10) * DAY + 43200;
	my $at = sub { $clock->ahead($first + $_[0] * DAY - time) };
	my $name = sub { strftime('%Y-%m-%d', gmtime($first + $_[0] * DAY)) };
	$at->(0);
	my $d = start(env => $clock->env);
	answer_is(message($d, 'alice@example.com'), 'continue', 'the first day');
	my $today = ($d->audit)[-1]{from};
	is_deeply([days($d)], [$name->(0)], 'has its file');
	$at->(1);
	answer_is(message($d, 'alice@example.com'), 'continue', 'the next');
	is_deeply([days($d)], [map { $name->($_) } 0, 1], 'has its own');
	my ($second) = ($d->audit)[-1];
	is($second->{privacy}, $name->(1), 'which the record names');
	isnt($second->{from}, $today, 'with other commitments');
	$at->(0);
	answer_is(message($d, 'alice@example.com'), 'continue', 'back');
	is(($d->audit)[-1]{from}, $today, 'and those of that day');
	all_have_salts($d, 'over midnight and back');
	open my $old, '<', "$d->{dir}/salts/" . $name->(0) or die;
	link "$d->{dir}/salts/" . $name->(0), "$d->{dir}/copy" or die;
	$at->(3);
	answer_is(message($d, 'alice@example.com'), 'continue', 'days later');
	health(503, qr/people of old days cannot be erased/,
	    'one that has another name is not erased');
	like($http->get("http://127.0.0.1:$port/metrics")->{content},
	    qr/^tlspolicy_privacy_overdue 1$/m, 'which a metric tells');
	ok(-e "$d->{dir}/salts/" . $name->(0), 'it is there');
	unlink "$d->{dir}/copy";
	logged($d, qr/the people of \S+ are erased/, 'then it is');
	health(200, qr/ok/, 'and all is well');
	is_deeply([days($d)], [map { $name->($_) } 1, 3],
	    'those of two days before stay');
	seek $old, 0, 0;
	local $/;
	like(scalar <$old>, qr/\A\0+\z/, 'it was written over');
	my $show = $d->tlspolicy('audit', 'show');
	like($show->{err}, qr/^2 records hide people: the salts of their day are not here, or were erased$/m,
	    'its people are not told');
	is(scalar(() = $show->{out} =~ /alice/g), 2, 'the others are');
	is($d->tlspolicy('audit', 'verify')->{status}, 0, 'the log is whole');
	is($d->stop, 0, 'ends');
	mkdir "$d->{dir}/salts", 0700;
	mkdir "$d->{dir}/salts/2020-01-01" or die;
	for (['--day', '2020-01-01'], ['--expired'], ['bob@bar.net']) {
		my $r = $d->tlspolicy('audit', 'erase', @$_);
		isnt($r->{status}, 0, "a folder in a day's place: @$_");
		like($r->{err}, qr/salts of 2020-01-01: Is a directory/,
		    'is no day that is gone');
	}
	$d->run;
	health(503, qr/people of old days cannot be erased/, 'nor to the daemon');
	is($d->stop, 0, 'ends');
	rmdir "$d->{dir}/salts/2020-01-01" or die;
	scratch()->write("$d->{name}/salts/$_", "x\n", 0600)
	    for '2020-01-01', '2020-01-02', '2020-01-03', 'notes';
	is($d->tlspolicy('audit', 'erase', '--day', '2020-01-02')->{out},
	    "2020-01-02: all people erased\n", 'by hand');
	is($d->tlspolicy('audit', 'erase', '-n', '--expired')->{out},
	    "2020-01-01: all people would be erased\n" .
	    "2020-01-03: all people would be erased\n", '-n');
	is($d->tlspolicy('audit', 'erase', '--expired')->{status}, 0,
	    '--expired');
	is_deeply([days($d)], [(map { $name->($_) } 1, 3), 'notes'],
	    'nothing else is touched');
	is($d->tlspolicy('audit', 'erase', '--expired')->{status}, 0,
	    'nothing to do is well');
};

done_testing;
