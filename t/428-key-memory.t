#!/usr/bin/perl
#
# The key of the chain is in the daemon's memory where the chain needs it, and
# nowhere else: not on a stack, nor in what was freed, whatever was read again.
use strict;
use warnings;
no warnings 'portable'; # addresses
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Talk;

plan skip_all => 'needs root' if $> != 0;

# The writer's, to make the file anew, and OpenSSL's.
use constant HOMES => 2;

my $key = join '', map { sprintf '%02x', rand 256 } 1 .. 20;
my $path = scratch()->write('key', "$key\n", 0600);
my $daemon = daemon("TLS_Clt:example.com PERM+ENCR:112\n",
    settings => { 'audit-key-file' => $path });
my $log = "$daemon->{dir}/audit.log";

# Where the key is: the names of the maps, one for each copy.
sub homes
{
	my @found;
	open my $maps, '<', "/proc/$daemon->{pid}/maps" or die "maps: $!\n";
	open my $mem, '<:raw', "/proc/$daemon->{pid}/mem" or die "mem: $!\n";
	while (<$maps>) {
		my ($from, $to, $name) = /^(\w+)-(\w+) r\S+ \S+ \S+ \S+ *(.*)/
		    or next;
		next if $name =~ /^\[v/ || hex($to) - hex($from) > 1 << 32;
		push @found, ($name || 'anonymous') x
		    copies($mem, hex $from, hex $to);
	}
	return @found;
}

sub copies
{
	my ($mem, $at, $to) = @_;
	my ($tail, $n) = ('', 0);
	while ($at < $to) {
		my $want = $to - $at < 1 << 20 ? $to - $at : 1 << 20;
		sysseek $mem, $at, 0 or return $n;
		my $got = sysread($mem, my $bytes, $want);
		return $n unless $got; # a page that cannot be read
		$bytes = $tail . $bytes;
		# Half of it gives as much away.
		$n++ while $bytes =~ /\Q${\substr $key, 8, 20}\E/g;
		$tail = substr $bytes, -19;
		$at += $got;
	}
	return $n;
}

sub only_at_home
{
	my ($name) = @_;
	# Settings that were replaced go with the last who has them.
	my @found;
	Tlspolicy::Scratch::wait_for(10, sub { (@found = homes()) <= HOMES });
	ok(@found > 0, "$name: the key is found where it has to be");
	cmp_ok(scalar @found, '<=', HOMES, "$name: and nowhere else") or
	    diag("@found");
	is(scalar(grep { /stack/ } @found), 0, "$name: not on the stack");
}

sub judge
{
	my $m = session($daemon);
	is($m->mail('a@example.com')->{code}, 550, 'a session is judged');
	$m->quit;
}

judge();
only_at_home('started');
for my $n (1 .. 3) {
	ok($daemon->rotate("$log.$n"), 'another file');
	judge();
}
only_at_home('rotated by HUP');
unlink "$log.3";
rename $log, "$log.4" or die "$log: $!\n";
ok(Tlspolicy::Scratch::wait_for(60, sub { -s $log }), 'made anew');
only_at_home('rotated without a signal');
chmod 0644, $path;
rename $log, "$log.5" or die "$log: $!\n";
$daemon->hup;
logged($daemon, qr/others can read it/, 'a key that is refused');
judge();
only_at_home('the key stays');
chmod 0600, $path;
$daemon->configure('audit-key-file' => $path,
    'audit-file' => scratch()->path('nowhere/audit.log'));
$daemon->hup;
judge();
only_at_home('other settings');
is($daemon->stop, 0, 'the daemon ends');
done_testing;
