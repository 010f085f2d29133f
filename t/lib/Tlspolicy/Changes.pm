package Tlspolicy::Changes;

# The policy, the settings and the daemon change under live sessions.  Shared by
# sendmail (512) and Postfix (612).

use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);
use Tlspolicy::Live;
use Tlspolicy::Traffic;

my $perm = 'PERM+ENCR:112';
my $temp = 'TEMP+ENCR:112';
my $key = 'TLS_Clt:client.example.com';
my $key_at = qr/TLS_Clt:client\.example\.com/i;

sub run
{
	my ($mta) = @_;
	my $live = Tlspolicy::Live->start($mta);
	my @tests = (
		'a rule changed in the middle of a connection' => \&between_mails,
		'a policy that does not build' => \&broken_build,
		'policies that alternate under traffic' => \&alternate,
		'a hundred SIGHUPs under traffic' => \&hups,
		'SIGHUP reads the settings again' => \&hup_settings,
		'the milter killed and started again' => \&killed,
		'no store' => \&no_store,
	);
	while (my ($name, $code) = splice @tests, 0, 2) {
		subtest $name => sub { $code->($live) };
	}
	done_testing;
}

sub between_mails
{
	my ($live) = @_;
	my $client = $live->client;
	$live->policy("$key $perm") or return;
	$live->forget_records;
	$live->reply_is($client, $client->mail('a@example.com'),
	    [550, '5.7.10', $key_at], 'by the first policy');
	my $before = $live->record;

	$live->policy("$key $temp") or return;
	$live->reply_is($client, $client->mail('a@example.com'),
	    [451, '4.7.10', $key_at], 'by the second');
	my $after = $live->record;
	ok(($after->{generation} // 0) > ($before->{generation} // 0),
	    'the generation has grown');
	$live->record_is($after, { 'rules.0.requirement' => $temp }, 'second');

	$live->policy("$key OK") or return;
	$live->reply_is($client, $client->mail('a@example.com'), 'accept',
	    'by the third');
	$client->quit;
}

sub broken_build
{
	my ($live) = @_;
	$live->policy("$key $perm") or return;
	my $r = $live->{daemon}->rules("$key $temp\n$key.net ENCR\n");
	is($r->{status}, 65, 'the build refuses the line');
	my $client = $live->client;
	$live->reply_is($client, $client->mail('a@example.com'),
	    [550, '5.7.10', $key_at], 'the old policy stays in force');
	$client->quit;
}

# One policy has the rule under the host's name, the other under the domain's.
# A walk from name to domain that saw both generations would find no rule in
# either and let the mail in.
sub alternate
{
	my ($live) = @_;
	my @policies = ("$key $temp", "TLS_Clt:example.com $perm");
	$live->policy($policies[0]) or return;
	$live->forget_records;
	my $traffic = Tlspolicy::Traffic->start($live->{scratch}, 2, sub {
		my $client = $live->client;
		my @words;
		for (1 .. 5) {
			my $r = $client->mail('a@example.com');
			my ($rule) = $r->{text} =~ /(TLS_Clt:[\w.]+)/i;
			push @words, lc "$r->{code} " . ($rule // $r->{text});
		}
		$client->quit;
		return @words;
	});
	my $failed = 0;
	for my $n (1 .. 60) {
		my $r = $live->{daemon}->rules("$policies[$n % 2]\n");
		$failed++ if $r->{status};
		sleep 0.05;
	}
	Tlspolicy::Scratch::wait_for(60, sub { $traffic->count >= 100 });
	my $words = $traffic->finish;
	is($failed, 0, 'every build succeeds');

	note("$_: $words->{$_}") for sort keys %$words;
	is_deeply([sort keys %$words],
	    ['451 tls_clt:client.example.com', '550 tls_clt:example.com'],
	    'each verdict is of one generation or of the other');

	# Thousands of lines: decoding them all would take longer than the test.
	my (%of, @mixed);
	my @lines = $live->{daemon}->audit_lines;
	for (@lines[$live->{seen} .. $#lines]) {
		my ($generation) = /"generation":(\d+)/;
		my ($rules) = /"rules":\[(.*?)\]/;
		$of{$generation} //= $rules;
		push @mixed, $_ if $of{$generation} ne $rules;
	}
	is(scalar @mixed, 0, 'every record of a generation has its one rule') or
	    diag(join "\n", @mixed);
	cmp_ok(scalar keys %of, '>', 5, 'many generations judged');
}

sub hups
{
	my ($live) = @_;
	$live->policy("$key $perm") or return;
	my $traffic = Tlspolicy::Traffic->start($live->{scratch}, 2, sub {
		my $client = $live->client;
		my $plain = $client->mail('a@example.com');
		$client->starttls;
		$client->ehlo;
		my $tls = $client->mail('b@example.com');
		$client->quit;
		return "$plain->{code} $tls->{code}";
	});
	for (1 .. 100) {
		$live->{daemon}->hup;
		sleep 0.02;
	}
	Tlspolicy::Scratch::wait_for(60, sub { $traffic->count >= 20 });
	is_deeply([keys %{$traffic->finish}], ['550 250'],
	    'every session got its verdicts');
	ok($live->{daemon}->alive, 'the milter runs') or
	    diag($live->{daemon}->log);
}

sub hup_settings
{
	my ($live) = @_;
	my $daemon = $live->{daemon};
	$live->policy("$key $perm") or return;
	my $client = $live->client;
	$live->reply_is($client, $client->mail('a@example.com'),
	    [550, '5.7.10'], 'mode = enforce');

	$daemon->configure(mode => 'monitor');
	$daemon->hup;
	my $r = Tlspolicy::Scratch::wait_for(60, sub {
		my $r = $client->mail('a@example.com');
		$r->{code} == 250 && $r;
	});
	ok($r, 'mode = monitor refuses nothing, in the same connection') or
	    diag($client->dialogue, $daemon->log);

	# Settings that are wrong leave the ones in force.
	$daemon->configure(mode => 'nonsense');
	$daemon->hup;
	sleep 0.3;
	ok($daemon->alive, 'the milter survives wrong settings');
	$client->rset;
	$live->reply_is($client, $client->mail('a@example.com'), 'accept',
	    'the old settings stay');
	$client->quit;
	$daemon->configure;
	$daemon->hup;
	$client = $live->client;
	Tlspolicy::Scratch::wait_for(60, sub {
		$client->rset;
		$client->mail('a@example.com')->{code} == 550 }) or
	    fail('mode = enforce again');
	$client->quit;
}

sub killed
{
	my ($live) = @_;
	my $daemon = $live->{daemon};
	$live->policy("$key $perm") or return;
	my $held = $live->client;
	$live->reply_is($held, $held->mail('a@example.com'), [550, '5.7.10'],
	    'before');

	$daemon->kill_hard;
	like($held->mail('a@example.com')->{code}, qr/^4/,
	    'a held session is not let in') or diag($held->dialogue);
	my $client = eval { $live->client };
	my $r = $client ? $client->mail('a@example.com') : { code => 451 };
	like($r->{code}, qr/^4/, 'nor a new one') or diag($client->dialogue);

	# The dead process left its socket file and a reader slot.
	$daemon->run;
	$client = $live->client;
	$live->reply_is($client, $client->mail('a@example.com'),
	    [550, '5.7.10', $key_at], 'after the restart');
	$client->quit;
	my $status = $daemon->stop;
	is($status, 0, 'TERM ends it with status 0') or diag($daemon->log);
	my ($path) = $daemon->socket =~ /^unix:(.*)/;
	ok(!-e $path, 'and the socket is gone');
	$daemon->run;
}

sub no_store
{
	my ($live) = @_;
	my $daemon = $live->{daemon};
	$daemon->stop;
	unlink glob "$daemon->{store}*";
	$daemon->run;
	my $client = $live->client(tls => {});
	$live->reply_is($client, $client->mail('a@example.com'),
	    [451, '4.3.0'], 'without a store');
	$live->policy("$key $perm") or return;
	my $r = Tlspolicy::Scratch::wait_for(60, sub {
		$client->rset;
		$client->mail('a@example.com')->{code} == 250 });
	ok($r, 'the first build takes effect without a restart') or
	    diag($client->dialogue, $daemon->log);
	$client->quit;
}

1;
