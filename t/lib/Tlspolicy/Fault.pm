package Tlspolicy::Fault;

# Faults that a machine cannot be talked into: libraries of t/fault, preloaded
# into a daemon, and the files by which a test steers them while it runs.

use strict;
use warnings;
use Errno ();
use File::Copy ();
use Tlspolicy::Scratch;

sub library
{
	my ($name) = @_;
	return Tlspolicy::Scratch::builddir() . "/t/fault/$name.so";
}

# Why there can be no such fault here, or undef.
sub missing
{
	my ($name) = @_;
	my $library = library($name);
	return -e $library ? undef : "$library is not built (make check TESTS=)";
}

sub new
{
	my ($class, $scratch, $library, $variable, $numbers) = @_;
	my $path = $scratch->write("$library.control", pack 'q*',
	    (0) x $numbers);
	open my $control, '+<', $path or die "$path: $!\n";
	return bless { control => $control, env => {
		LD_PRELOAD => library($library), $variable => $path,
		# AddressSanitizer refuses to start behind another preloaded
		# library.
		ASAN_OPTIONS => join(':', 'verify_asan_link_order=0',
		    grep { defined } $ENV{ASAN_OPTIONS}),
	} }, $class;
}

# What a daemon is started with: env => { ... }.
sub env
{
	return $_[0]{env};
}

sub put
{
	my ($self, $index, $number) = @_;
	sysseek $self->{control}, 8 * $index, 0 or die "seek: $!\n";
	syswrite $self->{control}, pack 'q', $number or die "write: $!\n";
}

# The clock on the wall is so many seconds ahead of the true one.
package Tlspolicy::Fault::Clock {
	our @ISA = ('Tlspolicy::Fault');

	sub new
	{
		my ($class, $scratch) = @_;
		return Tlspolicy::Fault::new($class, $scratch, 'clock',
		    'FAULT_CLOCK', 1);
	}

	sub ahead
	{
		my ($self, $seconds) = @_;
		$self->put(0, int($seconds * 1e6));
	}
}

# The disk under one file: write and sync (names of errors), hold (calls do not
# return), lose (what a failed sync was for is lost).
package Tlspolicy::Fault::Disk {
	our @ISA = ('Tlspolicy::Fault');
	my %index = (write => 0, sync => 1, hold => 2, lose => 3, held => 4);

	sub new
	{
		my ($class, $scratch, $file) = @_;
		my $self = Tlspolicy::Fault::new($class, $scratch, 'disk',
		    'FAULT_DISK', scalar keys %index);
		$self->{env}{FAULT_DISK_FILE} = $file;
		return $self;
	}

	sub set
	{
		my ($self, %want) = @_;
		for (keys %want) {
			my $value = $want{$_};
			$value = Errno->can($value)->() if $value =~ /^E/;
			$self->put($index{$_}, $value);
		}
	}

	# Whether a call waits for the disk now.
	sub holds
	{
		my ($self) = @_;
		sysseek $self->{control}, 8 * $index{held}, 0;
		sysread $self->{control}, my $number, 8;
		return unpack 'q', $number;
	}
}

# The disk under a folder, and what it has when the power fails.
package Tlspolicy::Fault::Power {
	our @ISA = ('Tlspolicy::Fault');
	my %index = (die_at => 0, calls => 1, hold => 2, written => 3, safe => 4);

	# What is in the folder now is on the disk.
	sub new
	{
		my ($class, $scratch, $folder) = @_;
		my $self = Tlspolicy::Fault::new($class, $scratch, 'power',
		    'FAULT_POWER', scalar keys %index);
		$self->{folder} = $folder;
		$self->{disk} = "$folder.disk";
		mkdir $self->{disk} or die "$self->{disk}: $!\n";
		my %now = $self->names_now;
		open my $fh, '>', "$self->{disk}/names" or die;
		print $fh map { "$now{$_} $_\n" } sort keys %now;
		close $fh;
		File::Copy::copy("$folder/$_", "$self->{disk}/$now{$_}") or
		    die "$folder/$_: $!\n" for keys %now;
		@{$self->{env}}{qw(FAULT_POWER_FOLDER FAULT_POWER_DISK)} =
		    ($folder, $self->{disk});
		return $self;
	}

	sub number
	{
		my ($self, $name) = @_;
		sysseek $self->{control}, 8 * $index{$name}, 0;
		sysread $self->{control}, my $number, 8;
		return unpack 'q', $number;
	}

	sub set
	{
		my ($self, %want) = @_;
		$self->put($index{$_}, $want{$_}) for keys %want;
	}

	# All that was written is on the disk.
	sub is_synced
	{
		my ($self) = @_;
		return $self->number('safe') == $self->number('written');
	}

	# name => inode
	sub names_now
	{
		my ($self) = @_;
		return map { (s{.*/}{}r => (stat $_)[1]) }
		    grep { -f } glob "$self->{folder}/*";
	}

	sub names_synced
	{
		my ($self) = @_;
		return reverse Tlspolicy::Scratch::slurp("$self->{disk}/names")
		    =~ /^(\d+) ([^.\n].*)$/gm;
	}

	# The power has failed: { name => bytes } by what a machine may find,
	# names and bytes each as of the last sync or as of the last moment.
	# Bytes may also be zeros where they never came to the disk, or end in
	# the midst.
	sub found
	{
		my ($self, $names, $bytes) = @_;
		my %now = $self->names_now;
		my %inode = $names eq 'now' ? %now : $self->names_synced;
		my %path = map { $now{$_} => "$self->{folder}/$_" } keys %now;
		my %found;
		for my $name (keys %inode) {
			my $inode = $inode{$name};
			my $old = Tlspolicy::Scratch::slurp(
			    "$self->{disk}/$inode");
			my $new = defined $path{$inode} ?
			    Tlspolicy::Scratch::slurp($path{$inode}) : $old;
			my $more = length($new) - length $old;
			$more = 0 if $more < 0;
			$found{$name} = $bytes eq 'synced' ? $old :
			    $bytes eq 'zeros' ? $old . "\0" x $more :
			    $bytes eq 'torn' ? $old . substr($new, length $old,
			    ($more + 1) / 2) : $new;
		}
		return \%found;
	}
}

# The n-th call fails: of memory, write, sync, open, accept, thread, poll, mdb,
# map, epoll (several with a + between): whoever makes it, the program's own code, or
# anybody but libc.
package Tlspolicy::Fault::Nth {
	our @ISA = ('Tlspolicy::Fault');
	my %kind = (memory => 0, write => 1, sync => 2, open => 3, accept => 4,
	    thread => 5, poll => 6, mdb => 7, map => 8,
	    epoll => 9);
	my %index = (kinds => 0, nth => 1, onward => 2, from => 3, calls => 4,
	    failed => 5);

	# Why this daemon cannot have it, or undef.
	sub missing
	{
		my ($program) = @_;
		return Tlspolicy::Fault::missing('alloc') //
		    (`nm -D $program` =~ /__(?:a|t)san_init/ ?
		    'a sanitizer has a malloc of its own' : undef);
	}

	sub new
	{
		my ($class, $scratch) = @_;
		return Tlspolicy::Fault::new($class, $scratch, 'alloc',
		    'FAULT_ALLOC', scalar keys %index);
	}

	my %from = (anybody => 0, program => 1, 'not libc' => 2);

	# kinds => 'memory+mdb', nth => 3, onward => 0 | 1, from => 'program'
	sub arm
	{
		my ($self, %want) = @_;
		$self->put($index{$_}, 0) for qw(calls failed);
		$self->put($index{$_}, $want{$_} // 0) for qw(nth onward);
		$self->put($index{from}, $from{$want{from} // 'anybody'});
		my $bits = 0;
		$bits |= 1 << $kind{$_} for split /\+/, $want{kinds};
		$self->put($index{kinds}, $bits);
	}

	# No call fails any more; returns how many did.
	sub disarm
	{
		my ($self) = @_;
		$self->put($index{kinds}, 0);
		sysseek $self->{control}, 8 * $index{failed}, 0;
		sysread $self->{control}, my $number, 8;
		return unpack 'q', $number;
	}
}

1;
