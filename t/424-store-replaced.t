#!/usr/bin/perl
#
# Another store is moved over the one that is open: while the daemon looks at
# its million rules, sessions are judged by the old one; then by the new one.
# What was said and in which order counts, not how long it took.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Copy qw(copy);
use Test::More;
use Tlspolicy::Talk;

my $perm = "TLS_Clt:example.com PERM+ENCR:112\n";
my $daemon = daemon($perm);
my $store = $daemon->{store};
my ($old, $new) = ([550, '5.7.10'], [451, '4.7.10']);
$daemon->configure('log-level' => 'debug');
$daemon->hup;

# $daemon->rules() would build in place.
my $text = "TLS_Clt:example.com TEMP+ENCR:112\n" . join '', map {
    "TLS_Clt:h$_.example.net ENCR:112\n" } 1 .. 1_000_000;
my $rules = scratch()->write('many', $text);
my $r = Tlspolicy::Scratch::run({ timeout => 600 },
    Tlspolicy::Daemon::program('tlspolicy'), 'build', '-c', $daemon->{conf},
    '-d', "$store.many", $rules); # slow with a sanitizer
is($r->{status}, 0, 'a store of a million rules') or diag($r->{err});
copy($store, "$store.few") or die "$store.few: $!\n";

sub mail
{
	my $m = session($daemon);
	my $r = $m->mail('a@example.com');
	$m->quit;
	return $r;
}

# Moves it there; what was answered between "looking" and "opened".  It is in
# force before the log says so: the last of these may be judged by it.
sub replace
{
	my ($with) = @_;
	copy("$store.$with", "$store.new") or die "$store.new: $!\n";
	my $length = length $daemon->log;
	rename "$store.new", $store or die "$store: $!\n";
	Tlspolicy::Scratch::wait_for(60, sub { substr($daemon->log, $length)
	    =~ /looking at the file that is there now/ });
	my @meanwhile;
	for (1 .. 100_000) {
		my $answer = mail();
		last if substr($daemon->log, $length) =~ /: generation \d+, /;
		push @meanwhile, $answer;
	}
	return @meanwhile;
}

my @meanwhile;
for (1 .. 5) {
	@meanwhile = replace('many');
	last if @meanwhile;
	replace('few');
}
cmp_ok(scalar @meanwhile, '>', 0, 'MAIL is answered while it is looked at');
my $codes = join ' ', map { $_->{code} // 0 } @meanwhile;
like($codes, qr/^$old->[0](?: $old->[0])*(?: $new->[0])*$/,
    'by the old policy, until the new one is in force');
answer_is(mail(), $new, 'then by the new one');
unlike($daemon->log, qr/4\.3\.0|cannot|damaged/, 'without a word of trouble');

# One bit of a rule that nobody asks for: found all the same, within the time
# of a walk, and all sessions are policy errors until it is mended.
open my $fh, '+<', $store or die "$store: $!\n";
binmode $fh;
my $data = do { local $/; <$fh> };
my $at = index $data, 'TLS_Clt:h777777.example.net';
seek $fh, $at + 9, 0;
print $fh chr(ord('7') ^ 1);
close $fh;
Tlspolicy::Scratch::wait_for(60, sub { mail()->{dsn} eq '4.3.0' });
answer_is(mail(), [451, '4.3.0'], 'a flipped bit: policy error');
logged($daemon, qr/damaged \(its contents are not what was written\)/,
    'and the log says why');
copy("$store.few", "$store.new");
rename "$store.new", $store;
Tlspolicy::Scratch::wait_for(60, sub { mail()->{dsn} eq '5.7.10' });
answer_is(mail(), $old, 'another one in its place: in force');
is($daemon->stop, 0, 'the daemon ends');

done_testing;
