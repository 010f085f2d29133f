#!/usr/bin/perl
#
# What tlspolicy-security(7) says of clients, of processes at the socket, of the
# MTA's user and of the daemon itself, and that no other test tries to break.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Find ();
use Test::More;
use Tlspolicy::Talk;

my $old = 'AA' x 32;
my $new = 'BB' x 32;
my $daemon = daemon(<<"RULES", settings => { 'log-level' => 'debug' });
TLS_Clt:strict.example  PERM+ENCR:128
TLS_Clt:gw.example      PERM+ENCR:128+FP:$old
TLS_From:bank.example   PERM+ENCR:128
RULES

# Every name below a folder, and what a command says of the policy.
sub names
{
	my @found;
	File::Find::find(sub { push @found, $File::Find::name }, $_[0]);
	return join "\n", sort @found;
}

subtest 'no rule, file name or format is made of what a client sends' => sub {
	my $dir = scratch()->dir;
	# The file that the daemon makes by itself a moment after its start.
	Tlspolicy::Scratch::wait_for(60, sub {
		-e "$daemon->{dir}/state.audit.log" }) or
		die "no state: " . $daemon->log;
	my ($names, $policy) = (names($dir), $daemon->tlspolicy('show')->{out});
	for my $evil ('%n%n%s%s%d', '%1$n', '%%%', '../../made', "$dir/made",
	    '|touch made', '`touch made`', '$(touch made)', "x\r\nTLS_Clt: OK",
	    "x\nTLS_From:bank.example OK", 'TLS_Clt:strict.example OK',
	    '{"v":1,"event":"message"}', 'a' x 3000, '\\', '"', '\'; --') {
		my $m = session($daemon, %sendmail, %tls, auth_authen => $evil,
		    auth_type => $evil, cn_subject => $evil, cn_issuer => $evil,
		    cert_subject => $evil, cert_issuer => $evil,
		    cert_md5 => $evil, client_name => $evil, verify => $evil,
		    daemon_name => $evil, i => $evil);
		my $name = substr $evil =~ s/[\r\n]+/ /gr, 0, 30;
		my $seen = () = $daemon->audit_lines;
		$m->helo($evil);
		$m->mail($evil, "SIZE=$evil");
		$m->rcpt($evil);
		$m->message;
		$m->quit;
		my ($record) = $daemon->audit_after($seen);
		is($record->{from}, $evil, "$name: recorded as it was");
		my $s = session($daemon, %sendmail, cipher_bits => undef,
		    client_name => "x.strict.example", mail_addr => $evil);
		my $r = $s->mail($evil);
		answer_is($r, [550, '5.7.10'], "$name: refused as any other");
		unlike($r->{text}, qr/[^ -~]/, "$name: a reply that is printable");
	}
	is(names($dir), $names, 'no file was made');
	is($daemon->tlspolicy('show')->{out}, $policy, 'the policy is the same');
	unlike($daemon->log =~ s/\n/ /gr, qr/[^ -~\t]/, 'no byte of theirs in the log');
	unlike($daemon->log, qr/^(?:TLS_|\{"v")/m, 'nor a line');
	ok($daemon->alive, 'it goes on');
};

subtest 'a client makes itself be refused, not others' => sub {
	my $good = session($daemon, %sendmail, %tls);
	my $bad = session($daemon, %sendmail, client_name => 'strict.example');
	for (1 .. 20) {
		answer_is($bad->mail('a@strict.example'), [550, '5.7.10'],
		    'refused');
		answer_is($good->mail('a@strict.example'), 'continue',
		    'another one is not');
		$good->abort;
	}
};

subtest 'who may write to the socket cannot change the policy' => sub {
	my $policy = $daemon->tlspolicy('show')->{out};
	for my $code ('A' .. 'Z', 'a' .. 'z', map { chr } 0 .. 31) {
		my $m = Tlspolicy::Milter->connect($daemon->socket);
		$m->negotiate;
		$m->packet($code, "TLS_Clt:strict.example OK\0" x 3);
		$m->quit;
	}
	is($daemon->tlspolicy('show')->{out}, $policy, 'it is the same');
};

subtest 'the envelope\'s sender is meant, not the header field' => sub {
	my $m = session($daemon, %sendmail);
	$m->mail('a@free.test');
	$m->rcpt('b@example.org');
	$m->command('header', "From\0a\@bank.example\0");
	answer_is($m->message, 'continue', 'From: says a@bank.example');
	answer_is($m->mail('a@bank.example'), [550, '5.7.10'], 'MAIL does');
};

subtest 'another FP shuts the old certificate out at once' => sub {
	my %gw = (%sendmail, %tls, client_name => 'gw.example');
	my $m = session($daemon, %gw, cert_md5 => $old);
	answer_is($m->mail('a@gw.example'), 'continue', 'the old one');
	is($daemon->tlspolicy('set', 'TLS_Clt:gw.example',
	    "PERM+ENCR:128+FP:$new")->{status}, 0, 'set');
	$m->abort;
	answer_is($m->mail('a@gw.example'), [554, '5.7.1'],
	    'in the same connection');
	answer_is(session($daemon, %gw, cert_md5 => $new)->mail('a@gw.example'),
	    'continue', 'the new one');
};

subtest 'the MTA\'s user cannot write what is the daemon\'s' => sub {
	plan skip_all => 'needs root' if $> != 0;
	my $dir = $daemon->{dir};
	my $r = Tlspolicy::Scratch::run('setpriv', '--reuid=nobody',
	    '--regid=nogroup', '--clear-groups', 'sh', '-c',
	    'for f; do { : >>"$f"; } 2>/dev/null && echo "$f"; done', 'sh',
	    "$dir/policy.mdb", "$dir/audit.log", "$dir/tlspolicy.conf",
	    "$dir/made");
	is($r->{out}, '', 'store, settings, audit log, their folder');
	is(sprintf('%o', (stat "$dir/audit.log")[2] & 07777), '640',
	    'the log has mode 0640');
};

subtest 'no program is started, no privilege is kept' => sub {
	plan skip_all => 'needs root' if $> != 0;
	my $own = scratch()->path('own');
	mkdir $own, 0755;
	chown((getpwnam 'nobody')[2, 3], $own);
	chmod 0711, scratch()->dir;
	my $d = Tlspolicy::Daemon->new(scratch => scratch(), name => 'user');
	$d->configure(user => 'nobody', socket => "unix:$own/sock",
	    'audit-file' => "$own/log");
	$d->{socket} = "unix:$own/sock";
	chmod 0644, glob "$d->{dir}/policy.mdb*";
	$d->run;
	my $m = session($d, %sendmail);
	$m->mail('a@x.test');
	$m->rcpt('b@x.test');
	$m->message;
	my $status = Tlspolicy::Scratch::slurp("/proc/$d->{pid}/status");
	like($status, qr/^Cap$_:\t0+$/m, "no capability: $_") for qw(Prm Eff);
	like($status, qr/^Uid:\t(\d+)\t\1\t\1\t\1$/m, 'one user');
	unlike($status, qr/^Uid:\t0\t/m, 'who is not root');
	is(join('', map { Tlspolicy::Scratch::slurp($_) }
	    glob "/proc/$d->{pid}/task/*/children"), '', 'no children');
	$d->stop;
};

done_testing;
