package Bench::Setup;

# What all parts share: where the programs are, rule files and stores (made
# once for each size), and the words about the machine.

use v5.36;
use Cwd qw(abs_path getcwd);
use File::Basename qw(dirname);

sub new ($class, %option) {
	my $self = bless { label => '', %option }, $class;
	my $quick = $self->{quick};
	$self->{rounds} ||= $quick ? 3 : 7;
	$self->{seconds} ||= $quick ? 1 : 4;
	$self->{rules} ||= $quick ? 10_000 : 1_000_000;
	$self->{dialects} = defined $self->{dialect} ? [ $self->{dialect} ]
	    : [ 'sendmail', 'postfix' ];
	$self->{dialect} //= 'sendmail';
	my $here = dirname(abs_path(__FILE__));
	my @dirs = defined $self->{bin} ? (abs_path($self->{bin}))
	    : (getcwd() . '/t/bench', "$here/..");
	($self->{bin}) = grep { -x "$_/load" } map { $_ // () } @dirs;
	die "the programs are not built: make bench\n"
	    if !defined $self->{bin};
	for my $name (qw(milter tlspolicy)) {
		my $file = $name eq 'milter' ? 'tlspolicy-milter' : $name;
		my ($found) = grep { defined && -x } $self->{$name},
		    "$self->{bin}/../../$file";
		$self->{$name} = defined $found ? abs_path($found) : undef;
	}
	return $self;
}

# The same with the programs of another build's folder; undef: none was named.
sub other ($self) {
	return undef if !defined $self->{other};
	return $self->{beside} //= bless { %$self, label => 'other-',
		milter => abs_path("$self->{other}/tlspolicy-milter"),
		tlspolicy => abs_path("$self->{other}/tlspolicy") }, ref $self;
}

sub program ($self, $name) {
	return "$self->{bin}/$name";
}

# Is there a daemon to measure, or only null and bare?
sub has_ours ($self) {
	return defined $self->{milter} && defined $self->{tlspolicy};
}

sub note_missing ($self) {
	return map { defined $self->{$_} ? ()
		: ($_ eq 'milter' ? "tlspolicy-$_" : $_) . ' is not built: left out'
	} qw(milter tlspolicy);
}

sub run_or_die ($self, $log, @command) {
	open my $save_out, '>&', \*STDOUT or die "dup: $!\n";
	open my $save_err, '>&', \*STDERR or die "dup: $!\n";
	open STDOUT, '>', "$self->{scratch}/$log" or die "$log: $!\n";
	open STDERR, '>&', \*STDOUT;
	my $status = system { $command[0] } @command;
	open STDOUT, '>&', $save_out;
	open STDERR, '>&', $save_err;
	die "@command: exit ", $status >> 8, ", see $self->{scratch}/$log\n"
	    if $status != 0;
}

# @how: -p for senders that name profiles.
sub rule_file ($self, $count, @how) {
	my $name = join '', "rules-$count", @how;
	$self->run_or_die($name, $self->program('mkrules'), @how, '-s',
		$self->{seed}, $count) if !-e "$self->{scratch}/$name";
	return "$self->{scratch}/$name";
}

# Settings under which the command finds nothing of this machine's own.
sub build_conf ($self) {
	my $file = "$self->{scratch}/build.conf";
	open my $f, '>', $file or die "$file: $!\n";
	print $f "rules = $self->{scratch}/rules\n";
	close $f or die "$file: $!\n";
	return $file;
}

sub build_command ($self, $count, $store, @how) {
	return ($self->{tlspolicy}, 'build', '-c', $self->build_conf, '-d',
		$store, $self->rule_file($count, @how));
}

sub store ($self, $count) {
	my $store = "$self->{scratch}/$self->{label}store-$count.mdb";
	$self->run_or_die("build-$count.log",
		$self->build_command($count, $store)) if !-e $store;
	return $store;
}

sub machine ($self) {
	open my $cpu, '<', '/proc/cpuinfo' or return 'unknown machine';
	my $cores = grep { /^processor/ } <$cpu>;
	open my $mem, '<', '/proc/meminfo' or return "$cores cores";
	my ($kb) = <$mem> =~ /(\d+)/;
	return sprintf '%d cores, %.0f GB', $cores, $kb / 1048576;
}

1;
