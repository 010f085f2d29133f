#!/usr/bin/perl
#
# scripts/tlspolicy.logrotate, run by the real logrotate under a daemon that
# judges: every record is in one of the files, some of them packed, and all of
# them are one chain.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HTTP::Tiny;
use Test::More;
use Time::HiRes qw(sleep time);
use Tlspolicy::Talk;
use Tlspolicy::Tree;

my ($logrotate) = grep { -x } '/usr/sbin/logrotate', '/sbin/logrotate';
plan skip_all => 'no logrotate' unless $logrotate;
plan skip_all => 'needs root' if $> != 0;

my $port = Tlspolicy::Scratch::free_port();
my $daemon = daemon("TLS_Clt:example.com PERM+ENCR:112\n",
    settings => { metrics => "inet:$port\@127.0.0.1" });
my $log = "$daemon->{dir}/audit.log";
my $state = scratch()->path('logrotate.state');

# As it is installed, but for the file's name and the way to the daemon.
sub snippet
{
	my ($edit) = @_;
	my $text = Tlspolicy::Tree::text('scripts/tlspolicy.logrotate');
	ok($text =~ s{^/var/log/tlspolicy/audit\.jsonl}{$log}m, 'names the log');
	ok($text =~ s{\bsystemctl kill .*--signal=(\w+)\s.*}
	    {kill -$1 $daemon->{pid}}, 'signals the daemon');
	is($1, 'HUP', 'by HUP');
	ok($text =~ s{^\tsu tlspolicy tlspolicy$}{\tsu root root}m,
	    'works in the folder as its owner');
	$text = $edit->($text) if $edit;
	return scratch()->write('logrotate.conf', $text);
}

sub rotate
{
	my ($conf, $name) = @_;
	my $inode = (stat $log)[1];
	my $r = Tlspolicy::Scratch::run($logrotate, '--force', '--state', $state,
	    $conf);
	is("$r->{status} $r->{err}", '0 ', "$name: logrotate");
	ok(Tlspolicy::Scratch::wait_for(60, sub {
		my $now = (stat $log)[1];
		return defined $now && $now != $inode && -s $log }),
	    "$name: the daemon writes to a new file");
	sleep 1.1; # names have seconds in them
}

my $judged = 0;

sub judge
{
	my ($count) = @_;
	my $m = session($daemon);
	for (1 .. $count) {
		my $r = $m->mail('a@example.com');
		$judged++ if ($r->{code} // 0) == 550;
	}
	$m->quit;
}

# Oldest first: by their dates, and the one in use last.
sub files
{
	return ((sort glob "$log-*"), $log);
}

sub whole
{
	my ($name) = @_;
	my $r = $daemon->tlspolicy('audit', 'verify', files());
	is($r->{status}, 0, "$name: all files are one chain") or
	    diag($r->{out}, $r->{err});
}

subtest 'rotated twice, while sessions are judged' => sub {
	my $conf = snippet();
	my $enough = scratch()->path('enough');
	judge(50);
	defined(my $pid = fork) or die "fork: $!\n";
	if (!$pid) {
		$judged = 0;
		judge(20), sleep 0.01 until -e $enough;
		scratch()->write('judged', $judged);
		POSIX::_exit(0);
	}
	rotate($conf, 'first');
	whole('first');
	rotate($conf, 'second');
	rotate($conf, 'third');
	scratch()->write('enough', '');
	waitpid $pid, 0;
	$judged += scratch()->read('judged');
	judge(10);
	my @packed = grep { /\.gz$/ } files();
	is(scalar @packed, 2, 'all but the last one are packed') or
	    diag(join "\n", files());
	is(scalar(my @all = files()), 4, 'four files');
	whole('third');
	my $mine = 0;
	for my $file (files()) {
		my $text = $file =~ /\.gz$/ ? `gzip -dc $file` :
		    Tlspolicy::Scratch::slurp($file);
		$mine += () = $text =~ /"event":"refused-mail"/g;
	}
	is($mine, $judged, "each of $judged refusals is recorded once");
};

# The daemon looks at the name in between, more than once.
subtest 'the signal is late' => sub {
	my $warnings = sub {
		return scalar(() = $daemon->log =~ /without a signal|healthz/g);
	};
	my $before = $warnings->();
	my $conf = snippet(sub { $_[0] =~ s/^(\s*)(?=kill -)/$1sleep 1.2; /mr });
	like(Tlspolicy::Scratch::slurp($conf), qr/sleep 1.2; kill/, 'it is');
	judge(5);
	rotate($conf, 'late');
	judge(5);
	my $http = HTTP::Tiny->new(timeout => 60);
	is($http->get("http://127.0.0.1:$port/healthz")->{status}, 200, 'well');
	like($http->get("http://127.0.0.1:$port/metrics")->{content},
	    qr/^tlspolicy_audit_astray 0$/m, 'nothing is astray');
	is($warnings->(), $before, 'and no warning');
	unlike(Tlspolicy::Scratch::slurp($log), qr/"why"/, 'no reason is linked');
	whole('late');
};

# What an admin may do to it.
subtest 'packed at once' => sub {
	my $conf = snippet(sub { $_[0] =~ s/^\s*delaycompress\n//mr });
	judge(5);
	rotate($conf, 'packed');
	judge(5);
	like((files())[-2], qr/\.gz$/, 'the last one, too');
	whole('packed');
};

subtest 'copytruncate' => sub {
	my $conf = snippet(sub { $_[0] =~ s/^\s*nocreate\n/\tcopytruncate\n/mr
	    =~ s/^\s*delaycompress\n//mr });
	judge(5);
	my $r = Tlspolicy::Scratch::run($logrotate, '--force', '--state', $state,
	    $conf);
	is("$r->{status} $r->{err}", '0 ', 'logrotate');
	judge(5);
	whole('copied');
};

subtest 'a file that was taken away is missed' => sub {
	my @files = files();
	my $r = $daemon->tlspolicy('audit', 'verify', @files[0, 2 .. $#files]);
	isnt($r->{status}, 0, 'verify');
	like($r->{out} . $r->{err}, qr/dropped|missing/, 'and says so');
};

is($daemon->stop, 0, 'the daemon ends');
whole('after the end');
done_testing;
