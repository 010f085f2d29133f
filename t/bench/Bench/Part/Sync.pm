package Bench::Part::Sync;

# The first refresh of a directory's entries beside a client of libldap that only
# counts them; and how long a change there takes to three nodes.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Bench::Figures qw(ratios spread table);
use Time::HiRes qw(sleep time);
use Tlspolicy::Ldap;

sub write_conf ($bench, $ldap, $name) {
	my $path = "$bench->{scratch}/$name.conf";
	open my $f, '>', $path or die "$path: $!\n";
	print $f "store = $bench->{scratch}/$name.mdb\nclaims =\n"
	    . "audit-file = $bench->{scratch}/$name.log\n"
	    . "directory = $ldap->{uri}\ndirectory-bind = external\n"
	    . "directory-base = $Tlspolicy::Ldap::BASE\n";
	close $f or die "$path: $!\n";
	return $path;
}

# The rules of the other parts, as entries, without a server.
sub fill ($bench, $ldap) {
	my $ldif = "$bench->{scratch}/entries.ldif";
	my $n = 0;
	open my $rules, '-|', $bench->program('mkrules'), '-s', $bench->{seed},
	    $bench->{rules} > 200_000 ? 200_000 : $bench->{rules}
	    or die "mkrules: $!\n";
	open my $f, '>', $ldif or die "$ldif: $!\n";
	while (<$rules>) {
		my ($key, $value) = /^(\S+)\s+(.*)$/ or next;
		next if /^#/;
		print $f Tlspolicy::Ldap::entry($key =~ s/[,+"\\<>;=]/\\$&/gr,
		    $key, $value);
		$n++;
	}
	close $f or die "$ldif: $!\n";
	$ldap->stop;
	$bench->run_or_die('slapadd.log', '/usr/sbin/slapadd', '-q', '-f',
	    "$ldap->{dir}/slapd.conf", '-l', $ldif);
	$ldap->run;
	return $n;
}

# Seconds, and those of a processor.
sub timed ($bench, @command) {
	my ($start, $cpu) = (time, (times)[2] + (times)[3]);
	$bench->run_or_die('sync.log', @command);
	return (time - $start, (times)[2] + (times)[3] - $cpu);
}

# Seconds until each of the nodes has a new generation with the change in it.
sub change ($bench, $ldap, $confs, $n) {
	my $key = "TLS_Clt:bench$n.example";
	my $start = time;
	$ldap->add($key => 'PERM+VERIFY');
	my @waiting = @$confs;
	while (@waiting) {
		@waiting = grep { system('sh', '-c', '"$@" >/dev/null 2>&1', 'sh',
		    $bench->{tlspolicy}, 'show', '-c', $_, $key) != 0 } @waiting;
		die "the change does not come\n" if time - $start > 60;
	}
	return time - $start;
}

sub changes ($bench, $ldap) {
	my @confs = map { write_conf($bench, $ldap, "node$_") } 1 .. 3;
	my (@pids, @took);
	for my $conf (@confs) {
		timed($bench, $bench->{tlspolicy}, 'sync', '--once', '-c', $conf);
		my $pid = fork // die "fork: $!\n";
		if ($pid == 0) {
			open STDERR, '>', "$conf.log";
			exec $bench->{tlspolicy}, 'sync', '-c', $conf;
			die;
		}
		push @pids, $pid;
	}
	sleep 2;
	my $good = eval {
		push @took, change($bench, $ldap, \@confs, $_)
		    for 1 .. $bench->{rounds};
		1;
	};
	kill 'TERM', @pids;
	waitpid $_, 0 for @pids;
	die $@ if !$good;
	return spread(@took);
}

sub run ($bench) {
	die "no tlspolicy\n" if !defined $bench->{tlspolicy};
	my $missing = Tlspolicy::Ldap::missing();
	die "$missing\n" if $missing;
	die "not root\n" if $> != 0;
	my $ldap = Tlspolicy::Ldap->start(name => 'slapd',
	    scratch => Bench::Part::Sync::Folder->new($bench->{scratch}));
	my $n = fill($bench, $ldap);
	my $conf = write_conf($bench, $ldap, 'first');
	my (%took, %cpu);
	my @tools = (
		[ 'sync-bare', $bench->program('sync-bare'), $ldap->{uri},
			$Tlspolicy::Ldap::BASE ],
		[ 'tlspolicy sync', $bench->{tlspolicy}, 'sync', '--once', '-c',
			$conf ],
		[ 'the same, nothing new', $bench->{tlspolicy}, 'sync', '--once',
			'-c', $conf ] );
	# One run that is not measured fills the server's caches.
	timed($bench, @{ $tools[0] }[1 .. $#{ $tools[0] }]);
	for my $round (1 .. $bench->{rounds}) {
		unlink glob "$bench->{scratch}/first.mdb*";
		for my $tool (@tools) {
			my ($name, @command) = @$tool;
			my ($took, $cpu) = timed($bench, @command);
			push @{ $took{$name} }, $took;
			push @{ $cpu{$name} }, $cpu;
		}
	}
	my $change = changes($bench, $ldap);
	$ldap->stop;
	my @rows = map { { client => $_->[0], seconds => spread(@{ $took{$_->[0]} }),
	    'to bare' => ratios($took{$_->[0]}, $took{'sync-bare'}),
	    'cpu s' => spread(@{ $cpu{$_->[0]} }) } } @tools;
	return { data => { rows => \@rows, entries => $n, change => $change },
		text => table("the first refresh of $n entries",
			[ 'client', 'seconds', 'to bare', 'cpu s' ], @rows)
		    . table("a change of $n entries, on three nodes",
			[ 'until', 'seconds' ], { until => 'in force on all',
			    seconds => $change }) };
}

# What Tlspolicy::Ldap wants of a scratch folder.
package Bench::Part::Sync::Folder;

sub new ($class, $dir) {
	return bless { dir => $dir }, $class;
}

sub path ($self, $name) {
	return "$self->{dir}/$name";
}

sub write ($self, $name, $text) {
	my $path = $self->path($name);
	open my $f, '>', $path or die "$path: $!\n";
	print $f $text;
	close $f or die "$path: $!\n";
	return $path;
}

1;
