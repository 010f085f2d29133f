#!/usr/bin/perl
# The store comes and goes under the daemon, which says so once and recovers.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Copy qw(copy move);
use Test::More;
use Time::HiRes qw(sleep);
use Tlspolicy::Talk;

my $perm = "TLS_Clt:example.com PERM+ENCR:112\n";
my $refused = [550, '5.7.10'];
my $error = [451, '4.3.0'];
my $daemon = daemon('', build => 0);
my $store = $daemon->{store};

sub mail
{
	my $m = session($daemon);
	my $r = $m->mail('a@example.com');
	$m->quit;
	return $r;
}

# The answer becomes this one, soon and without a restart.
sub becomes
{
	my ($want, $name) = @_;
	my $r;
	Tlspolicy::Scratch::wait_for(60, sub {
		$r = mail();
		return ref $want ? ($r->{code} // 0) == $want->[0] :
		    $r->{action} eq $want;
	});
	answer_is($r, $want, $name);
}

sub said
{
	my ($what) = @_;
	return scalar(() = $daemon->log =~ /$what/g);
}

sub build
{
	my ($rules) = @_;
	my $r = $daemon->rules($rules);
	is($r->{status}, 0, 'build') or diag($r->{err});
}

subtest 'no store yet' => sub {
	my $r = mail();
	answer_is($r, $error, '451 4.3.0');
	my ($record) = ($daemon->audit)[-1];
	is($record->{reason}, 'policy-error', 'in the record, too');
	is($record->{generation}, 0, 'without a generation');
	sleep 2.2;
	is(said(qr/no such store|No such file/), 1, 'is said once') or
	    diag($daemon->log);
	build($perm);
	becomes($refused, 'then there is one');
	logged($daemon, qr/generation 1, 1 rules/, 'which is said');
};

subtest 'a new generation' => sub {
	my $m = session($daemon);
	answer_is($m->mail('a@example.com'), $refused, 'by the old rules');
	build("TLS_Clt:example.com OK\n");
	answer_is($m->mail('a@example.com'), 'continue',
	    'by the new ones in the same session');
	is($m->abort, 1, 'abort');
	build($perm);
	answer_is($m->mail('a@example.com'), $refused, 'at once');
};

subtest 'removed' => sub {
	unlink $store, "$store-lock";
	becomes($error, '451 4.3.0');
	build($perm);
	becomes($refused, 'made again');
};

subtest 'replaced by another one' => sub {
	my $other = "$store.other";
	$daemon->{scratch}->write('milter/rules.other',
	    "TLS_Clt:example.com TEMP+ENCR:112\n");
	my $r = $daemon->tlspolicy('build', '-d', $other,
	    "$daemon->{dir}/rules.other");
	is($r->{status}, 0, 'build') or diag($r->{err});
	move($other, $store);
	becomes([451, '4.7.10'], 'is the one in force');
	build($perm);
	becomes($refused, 'and can be written');
};

subtest 'replaced by something else' => sub {
	for (['rubbish', 'x' x 100_000], ['an empty file', '']) {
		my ($name, $content) = @$_;
		$daemon->{scratch}->write('milter/policy.mdb', $content);
		becomes($error, "$name: 451 4.3.0");
		unlink $store, "$store-lock";
		build($perm);
		becomes($refused, 'made again');
	}
};

subtest 'on-error = accept' => sub {
	$daemon->configure('on-error' => 'accept');
	$daemon->hup;
	unlink $store, "$store-lock";
	becomes('continue', 'accepts');
	is(($daemon->audit)[-1]{waiver}, 'on-error', 'and records why');
	build($perm);
	becomes($refused, 'until there is a store again');
};

is($daemon->stop, 0, 'the daemon stops as always');
done_testing;
