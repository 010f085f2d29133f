#!/usr/bin/perl
#
# tlspolicy doctor: each thing that can be missing, and that the lines it prints
# mend it.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP qw(decode_json);
use Test::More;
use Tlspolicy::Certs;
use Tlspolicy::Postfix;
use Tlspolicy::Sendmail;
use Tlspolicy::Talk;
use Tlspolicy::Tree;

my $scratch = scratch();
# doctor's trials of live MTAs are tested by 550 and 650.
my %settings = ('socket-mode' => '0660', silence => 'not-tried');
$settings{'socket-group'} = 'postfix' if $> == 0 && getgrnam 'postfix';
my $daemon = daemon('TLS_Clt:example.com WARN+VERIFY', settings => \%settings);
my $dir = $daemon->{dir};
my $top = Tlspolicy::Scratch::topdir();
my %seen;

my $certs;
sub certs {
	return $certs //= Tlspolicy::Certs->new($scratch);
}

# { status, findings => [...] }; each finding has its reason and its lines.
sub doctor {
	my $r = $daemon->tlspolicy('doctor', '--json', @_);
	my $found = eval { decode_json($r->{out})->{findings} } // [];
	for (@$found) {
		fail("$_->{finding}: incomplete") unless length $_->{what} &&
		    length $_->{why} && @{$_->{lines}} &&
		    $_->{severity} =~ /^(?:unjudged|weak|unknown)$/;
		$seen{$_->{finding}} = 1;
	}
	return { %$r, findings => $found };
}

sub found_is {
	my ($r, $want, $name) = @_;
	my $ok = is(join(' ', map { $_->{finding} } @{$r->{findings}}), $want,
	    $name);
	$ok &= is($r->{status}, $want eq '' ? 0 : 1, "$name: exit code");
	diag($r->{out}, $r->{err}) unless $ok;
}

# Messages for the records: [client's address, HELO, macros ...].
sub judged {
	for (@_) {
		my ($address, $helo, %macros) = @$_;
		my $m = Tlspolicy::Milter->connect($daemon->socket);
		$m->negotiate;
		$m->set(%sendmail, client_addr => $address, %macros);
		$m->helo($helo);
		$m->mail('a@example.net');
		$m->rcpt('b@example.org');
		$m->message;
		$m->quit;
	}
}

my ($cert, $key) = certs()->pair('server');
my $good_mc = $scratch->write('good.mc', <<"END");
dnl INPUT_MAIL_FILTER(`commented', `S=local:/nowhere')
INPUT_MAIL_FILTER(`tlspolicy', `S=local:$dir/milter.sock, F=T, T=C:10s;S:10s;R:10s;E:30s')dnl
define(`confSERVER_CERT', `$cert')dnl
define(`confSERVER_KEY', `$key')dnl
define(`confCACERT', `/etc/ssl/certs/ca-certificates.crt')dnl
END
my @mta = ('--sendmail', $good_mc);

subtest 'no mail yet' => sub {
	found_is(doctor(@mta), 'no-records', 'found');
	judged(['192.0.2.1', 'client.example.com', %verified]);
	$daemon->audit_after(0, 2);
	found_is(doctor(@mta), '', 'not after the first message');
	my $r = $daemon->tlspolicy('doctor', @mta);
	is($r->{out}, '', 'as text');
	like($r->{err}, qr/nothing was found, and no session was judged/,
	    'and that is said');
	like($r->{err}, qr/silenced: not-tried: \S+good\.mc is made into/,
	    'and what was silenced');
	$daemon->configure(%settings, silence => 'no-reccords');
	$r = doctor(@mta);
	is($r->{status}, 78, 'silence: a word that is no finding');
	like($r->{err}, qr/setting silence: "no-reccords" is no finding of doctor's, did you mean no-records\?/,
	    'is named');
	is(scalar @{$r->{findings}}, 1, 'and silences nothing');
	$daemon->configure(%settings, silence => '');
	$r = doctor(@mta);
	found_is($r, 'not-tried', 'not silenced');
	$daemon->configure(%settings);
};

subtest 'as text' => sub {
	my $r = $daemon->tlspolicy('doctor', '--sendmail',
	    $scratch->write('empty.mc', ''));
	like($r->{out}, qr/^sendmail-no-filter: \S+empty\.mc has no .*
    why: .*
    \S+empty\.mc:
        INPUT_MAIL_FILTER\(`tlspolicy', `S=local:\Q$dir\E.milter\.sock, F=T,/m,
	    'what, why, where, line');
};

subtest 'usage' => sub {
	is(doctor(@mta, 'word')->{status}, 64, 'an operand');
	is(doctor(@mta, '-n', '0')->{status}, 64, 'no records');
	my $r = doctor('--sendmail', '/nonexistent.cf');
	is($r->{status}, 66, 'a file that is not there');
	like($r->{err}, qr{/nonexistent\.cf: No such file}, 'is named');
};

subtest 'a disk' => sub {
	my $disk = $scratch->path('disk');
	mkdir $disk or die;
	my $mount = Tlspolicy::Scratch::run('mount', '-t', 'tmpfs', '-o',
	    'size=2m,mode=755', 'tmpfs', $disk);
	plan skip_all => "no tmpfs here: $mount->{err}" if $mount->{status};
	$scratch->at_end(sub { system 'umount', $disk });
	Tlspolicy::Scratch::must('cp', '-a', "$dir/audit.log", $disk);
	$daemon->configure(%settings, 'audit-file' => "$disk/audit.log");
	found_is(doctor(@mta), '', 'with room');
	$scratch->write('disk/filler', 'x' x (1536 * 1024));
	found_is(doctor(@mta), 'disk-full', 'half a megabyte is left');
	unlink "$disk/filler";
	found_is(doctor(@mta), '', 'room again');
	Tlspolicy::Scratch::must('mount', '-o', 'remount,ro', $disk);
	my $r = doctor(@mta);
	found_is($r, 'disk-read-only', 'cannot be written');
	Tlspolicy::Scratch::must('sh', '-c', $r->{findings}[0]{lines}[0]);
	found_is(doctor(@mta), '', 'mended by its line');
	$daemon->configure(%settings);
};

subtest 'certificates that nobody watches' => sub {
	my $alone = $scratch->write('alone.pem', Tlspolicy::Scratch::slurp($cert));
	my $both = $scratch->write('both.pem', Tlspolicy::Scratch::slurp($cert)
	    . Tlspolicy::Scratch::slurp($key));
	my $lines = sub {
		my ($settings, $path, $mode) = @_;
		chmod $mode, $path or die;
		$daemon->configure(%settings, metrics => 'inet:9@127.0.0.1',
		    %$settings);
		my $r = doctor('--sendmail', $scratch->write('watched.mc',
		    Tlspolicy::Scratch::slurp($good_mc) =~
		    s/\Q$cert\E/$path/r));
		return join ' ', map { @{$_->{lines}} }
		    grep { $_->{finding} eq 'certificate-unwatched' }
		    @{$r->{findings}};
	};
	is($lines->({}, $alone, 0644), "watch-certificates = $alone", 'one');
	is($lines->({ 'watch-certificates' => '/b, /a' }, $alone, 0644),
	    "watch-certificates = /b     /a     $alone", 'behind others');
	is($lines->({ 'watch-certificates' => "/b, $alone" }, $alone, 0644), '',
	    'one that is there');
	is($lines->({ metrics => 'off' }, $alone, 0644), '', 'no metrics');
	SKIP: {
		my $user = 'nobody';
		skip 'not root, or nobody is nobody', 4 if $> != 0 ||
		    !getpwnam $user;
		is($lines->({ user => $user }, $alone, 0600),
		    "chmod o+r $alone", 'closed');
		is($lines->({ user => $user, 'watch-certificates' => $alone },
		    $alone, 0600), "chmod o+r $alone", 'watched and closed');
		is($lines->({ user => $user }, $both, 0600),
		    "tlspolicy cert --days 14 $both", 'closed, with a key');
		chmod 0700, $scratch->dir;
		is($lines->({ user => $user }, $alone, 0644),
		    'chmod o+x ' . $scratch->dir, 'behind a closed folder');
		chmod 0755, $scratch->dir;
	}
	$daemon->configure(%settings);
};

# Break a .mc by a substitution, then put in the line that the doctor prints.
sub mc_is {
	my ($break, $want) = @_;
	my $text = Tlspolicy::Scratch::slurp($good_mc);
	$text = $break->($text);
	my $bad = $scratch->write('bad.mc', $text);
	my $r = doctor('--sendmail', $bad);
	found_is($r, $want, $want);
	for my $line (map { @{$_->{lines}} } @{$r->{findings}}) {
		my ($what) = $line =~ /^(\w+\(`\w+')/ or next;
		$text =~ s/^\Q$what\E.*\n//mg;
		$text .= "$line\n";
	}
	Tlspolicy::Scratch::must('sh', '-c', $_) for
	    map { s{^}{$top/scripts/}r } grep { /^tlspolicy-ca / }
	    map { @{$_->{then}} } @{$r->{findings}};
	found_is(doctor('--sendmail', $scratch->write('bad.mc', $text)), '',
	    "$want: mended");
}

subtest 'sendmail.mc' => sub {
	mc_is(sub { $_[0] =~ s/^INPUT.*\n//mr }, 'sendmail-no-filter');
	mc_is(sub { $_[0] =~ s/milter\.sock/other.sock/r }, 'sendmail-no-filter');
	mc_is(sub { $_[0] =~ s/ F=T,//r }, 'sendmail-flag');
	mc_is(sub { $_[0] =~ s/F=T/F=R/r }, 'sendmail-flag');
	mc_is(sub { $_[0] =~ s/, T=[^']*//r }, 'sendmail-timeouts');
	mc_is(sub { $_[0] =~ s/E:30s/E:5m/r }, 'sendmail-timeouts');
	mc_is(sub { $_[0] =~ s/^INPUT_//mr }, 'sendmail-filter-unused');
	mc_is(sub { $_[0] . "define(`confINPUT_MAIL_FILTERS', `other')\n" },
	    'sendmail-filter-unused');
	mc_is(sub { $_[0] =~ s/^.*SERVER_CERT.*\n//mr }, 'sendmail-no-tls');
	mc_is(sub { $_[0] =~ s/^.*CACERT.*\n//mr }, 'sendmail-no-ca');
	mc_is(sub { $_[0] . "define(`confTLS_SRV_OPTIONS', `V')dnl\n" },
	    'sendmail-no-ccert');
};

subtest 'sendmail.cf' => sub {
	my $missing = Tlspolicy::Sendmail::missing();
	plan skip_all => $missing if $missing;
	my $certs = certs();
	mkdir $scratch->path('sendmail');
	my $make = sub {
		my $mta = bless { scratch => $scratch, certs => $certs, @_,
		    dir => $scratch->path('sendmail'), smtp => 1, smtps => 2 },
		    'Tlspolicy::Sendmail';
		mkdir "$mta->{dir}/mail";
		$mta->write_cf;
		return ('--sendmail', "$mta->{dir}/sendmail.cf");
	};
	found_is(doctor($make->(milter => "local:$dir/milter.sock")), '',
	    'as m4 makes it');
	found_is(doctor($make->(milter => "unix:$dir/milter.sock")), '',
	    'the socket in its other spelling');
	found_is(doctor($make->()), 'sendmail-no-filter', 'without');
	found_is(doctor($make->(mc => "MAIL_FILTER(`t', "
	    . "`S=local:$dir/milter.sock, T=C:1m;E:1m')dnl\n")),
	    'sendmail-filter-unused sendmail-flag', 'only defined');
	found_is(doctor($make->(milter => "local:$dir/milter.sock",
	    mc => "define(`confTLS_SRV_OPTIONS', `V')\n")),
	    'sendmail-no-ccert', 'no certificate is asked for');
	found_is(doctor($make->(milter => "local:$dir/milter.sock",
	    mc => "define(`confRUN_AS_USER', `nobody')\n")),
	    'socket-closed-to-mta', 'a user who may not connect');
};

subtest 'Postfix' => sub {
	my $missing = Tlspolicy::Postfix::missing();
	plan skip_all => $missing if $missing;
	my $postfix = Tlspolicy::Postfix->start(scratch => $scratch,
	    certs => certs(),
	    milter => $daemon->socket,
	    main => { smtpd_tls_received_header => 'yes' });
	my $etc = "$postfix->{dir}/etc";
	my @conf = ('postconf', '-c', $etc);
	my @postfix = ('--postfix', $etc);
	# Postfix waits for a main.cf to be some seconds old.
	my $look = sub {
		utime time - 10, time - 10, "$etc/main.cf", "$etc/master.cf";
		return doctor(@postfix);
	};
	my $edit = sub {
		utime time - 10, time - 10, "$etc/main.cf", "$etc/master.cf";
		Tlspolicy::Scratch::must(@_);
	};
	# This Postfix does not run: findings of a running one are tested by 650.
	$daemon->configure(%settings, silence =>
	    'not-tried, not-judged, not-in-force, tls-dead');
	$scratch->write('postfix/etc/master.cf',
	    $scratch->read('postfix/etc/master.cf')
	    =~ s/^$postfix->{anonymous} inet .*\n(?:[ \t].*\n)*//mr);
	my ($main, $master) = map { Tlspolicy::Scratch::slurp("$etc/$_") }
	    qw(main.cf master.cf);
	found_is($look->(), '', 'a good one');

	my $try = sub {
		my ($break, $want) = @_;
		$edit->(@conf, @$break);
		my $r = $look->();
		found_is($r, $want, "@$break");
		for (@{$r->{findings}}) {
			if ($_->{place} eq 'run') {
				$edit->('sh', '-c', $_) for @{$_->{lines}};
			} else {
				is($_->{place}, "$etc/main.cf", 'place');
				$edit->(@conf, '-e', $_) for @{$_->{lines}};
			}
		}
		found_is($look->(), '', "$want: mended");
		$scratch->write('postfix/etc/main.cf', $main);
		$scratch->write('postfix/etc/master.cf', $master);
	};
	my $ours = $daemon->socket;
	$try->(['-e', 'smtpd_milters='], 'postfix-no-milter');
	$try->(['-e', 'smtpd_milters=unix:/other'], 'postfix-no-milter');
	$try->(['-e', 'non_smtpd_milters=inet:localhost:1'],
	    'postfix-local-without');
	$try->(['-P', "$postfix->{smtps}/inet/smtpd_milters=unix:/other"],
	    'postfix-service-without');
	$try->(['-e', "milter_default_action=$_"], 'postfix-default-action')
	    for qw(accept reject quarantine);
	$try->(['-e', "smtpd_milters={ $ours, default_action=accept }"],
	    'postfix-default-action');
	$try->(['-e', 'milter_protocol=2'], 'postfix-protocol');
	$try->(['-e', 'smtpd_tls_security_level=none'], 'postfix-no-tls');
	$try->(['-e', 'smtpd_tls_ask_ccert=no'], 'postfix-no-ccert');
	$try->(['-e', 'smtpd_tls_CAfile='], 'postfix-no-ca');
	$try->(['-e', 'smtpd_tls_received_header=no'], 'postfix-received');
	$try->(['-e', 'milter_macro_defaults={verify}=OK'],
	    'postfix-fake-macros');

	$edit->(@conf, '-e',
	    "smtpd_milters={ $ours, connect_timeout=10s }, unix:/other",
	    'non_smtpd_milters=$smtpd_milters');
	found_is($look->(), '', 'among others, with options');
	$edit->(@conf, '-e', "smtpd_milter_maps=texthash:$etc");
	like($daemon->tlspolicy('doctor', @postfix)->{err},
	    qr/not-tried: .*\Q$etc\E: Is a directory/,
	    'a table that cannot be read is not an empty one');
	$edit->(@conf, '-X', 'smtpd_milter_maps');

	# Where a filter hands mail back, and what only looks like it.
	my $filter = Tlspolicy::Scratch::slurp("$FindBin::Bin/data/cases/" .
	    '16-doctor-reinjection.in') =~ s/^smtp .*\n//mr;
	my ($asks) = $filter =~ /(-o \S*restrictions\S*)/;
	for ([$asks, ''], ['-o smtpd_recipient_restrictions=permit_mynetworks,reject', ''],
	    ['', 'postfix-service-without'],
	    [$asks =~ s/,reject//r, 'postfix-service-without'],
	    [$asks =~ s/reject/permit_sasl_authenticated,reject/r, 'postfix-service-without'],
	    ["$asks\n  -o smtpd_milters=unix:/other", 'postfix-service-without']) {
		my ($with, $want) = @$_;
		$scratch->write('postfix/etc/master.cf', $master .
		    $filter =~ s/\Q$asks\E/$with/r =~ s/(=unix.*)\n.*/$1/r);
		my $r = $look->();
		found_is($r, $want, "a filter's port: $with");
	}
	$scratch->write('postfix/etc/master.cf', $master);

	# A socket unit is active whose socket the setting socket does not name.
	my $queue = "$postfix->{dir}/queue";
	mkdir "$queue/tlspolicy";
	symlink "$dir/milter.sock", "$queue/tlspolicy/milter.sock";
	mkdir $scratch->path('bin');
	my $unit = sub {
		$scratch->write('bin/systemctl', "#!/bin/sh\ncat <<END\n"
		    . "Listen=$queue/tlspolicy/milter.sock (Stream)\n"
		    . "ActiveState=$_[0]\nEND\n", 0755);
		return $look->();
	};
	local $ENV{PATH} = $scratch->path('bin') . ":$ENV{PATH}";
	my @silence = (silence =>
	    'not-tried, not-judged, not-in-force, tls-dead');
	$daemon->configure(%settings, @silence, socket => 'unix:/nowhere/x');
	$edit->(@conf, '-e', 'smtpd_milters=unix:tlspolicy/milter.sock',
	    'non_smtpd_milters=$smtpd_milters');
	$edit->(@conf, '-F', "$postfix->{smtp}/inet/chroot=y",
	    'cleanup/unix/chroot=y');
	found_is($unit->('active'), '', 'a socket unit, chrooted services');
	$edit->(@conf, '-e', 'smtpd_milters=');
	my $without = $unit->('active');
	found_is($without, 'postfix-no-milter postfix-local-without',
	    'not named');
	is("@{$without->{findings}[0]{lines}}",
	    'smtpd_milters = unix:tlspolicy/milter.sock',
	    'the line that a chroot understands');
	like(($unit->('inactive')->{findings}[0] // {})->{finding} // '',
	    qr/^daemon-down$/, 'not active: the setting counts');
	$daemon->configure(%settings, @silence);
	unlink $scratch->path('bin/systemctl');
	$scratch->write('postfix/etc/main.cf', $main);
	$scratch->write('postfix/etc/master.cf', $master);

	chmod 0600, "$dir/milter.sock";
	found_is($look->(), 'socket-closed-to-mta', 'closed socket');
	chmod 0660, "$dir/milter.sock";
	chmod 0700, $dir;
	my $r = $look->();
	found_is($r, 'socket-closed-to-mta', 'closed folder');
	is("@{$r->{findings}[0]{lines}}", "chmod o+x $dir", 'is named');
	chmod 0755, $dir;
	my $none = doctor('--postfix', '/nonexistent');
	is($none->{status}, 69, 'a folder without Postfix');
	like($none->{err}, qr/postconf failed/, 'is told');
	$daemon->configure(%settings);
};

subtest 'rules about the header' => sub {
	my $rules = Tlspolicy::Scratch::slurp("$dir/rules");
	my $more = "$rules\nTLS_Header:a.example TEMP+VERIFY\n" .
	    "TLS_Header:b.example TEMP+VERIFY\n";
	my $r = $daemon->tlspolicy('set', 'TLS_Header:a.example',
	    'TEMP+VERIFY');
	like($r->{err}, qr/: 1 rule of TLS_Header has no say: header-from = no$/m,
	    'set says it');
	$scratch->write('milter/rules', $more);
	like($daemon->tlspolicy('build')->{err},
	    qr/: 2 rules of TLS_Header have no say/m, 'so does build');
	$r = doctor(@mta);
	found_is($r, 'header-unasked', 'rules that nobody asks');
	like($r->{findings}[0]{what}, qr/^2 rules of TLS_Header have no say/,
	    'how many');
	is_deeply($r->{findings}[0]{lines}, ['header-from = judge'],
	    'header-unasked: lines');
	$daemon->configure(%settings, 'header-from' => 'judge');
	found_is(doctor(@mta), '', 'with that line');
	$daemon->configure(%settings);
	found_is(doctor(@mta), 'header-unasked', 'and without it');
	$scratch->write('milter/rules', $rules);
	$daemon->tlspolicy('build');
	$r = $daemon->tlspolicy('rollback', '3');
	like($r->{err}, qr/: 2 rules of TLS_Header have no say/m,
	    'rollback says it') or diag($r->{err});
	$daemon->tlspolicy('build');
	found_is(doctor(@mta), '', 'the old rules');
};

subtest 'store and rules' => sub {
	my $rules = Tlspolicy::Scratch::slurp("$dir/rules");
	$scratch->write('milter/rules', "# comment\n$rules");
	found_is(doctor(@mta), '', 'a comment is no difference');
	$scratch->write('milter/rules', "TLS_Clt:example.com WARN+ENCR:1");
	found_is(doctor(@mta), 'store-old', 'a changed rule');
	$scratch->write('milter/rules', "$rules\nTLS_Clt: OK");
	my $r = doctor(@mta);
	found_is($r, 'store-old', 'one more rule');
	is_deeply($r->{findings}[0]{lines}, ['tlspolicy diff',
	    'tlspolicy build'], 'lines');
	$scratch->write('milter/rules', "nonsense");
	found_is(doctor(@mta), 'rules-bad', 'bad rules');
	$scratch->write('milter/rules', $rules);
	found_is(doctor(@mta, '-d', "$dir/none"), 'store-missing', 'no store');
	found_is(doctor(@mta, '-d', "$dir/rules"), 'store-unusable',
	    'something else');
};

subtest 'files of the daemon' => sub {
	my $with = sub {
		$daemon->configure(%settings, @_);
		my $r = doctor(@mta);
		$daemon->configure(%settings);
		return $r;
	};
	found_is($with->(user => 'nobody'),
	    'store-closed-to-daemon audit-not-writable', 'another user');
	found_is($with->(user => 'no-such-user'), 'daemon-down', 'no such user');
	my $log = $scratch->path('milter/audit.log');
	chmod 0644, $log;
	found_is(doctor(@mta), 'audit-readable-by-all', 'mode of the log');
	if ($> != 0) {
		chmod 0200, $log;
		found_is(doctor(@mta), 'audit-unreadable', 'nor by us');
	}
	chmod 0640, $log;
	mkdir $scratch->path('keys') or die;
	my $key = $scratch->path('keys/ratchet');
	Tlspolicy::Scratch::must(Tlspolicy::Daemon::program('tlspolicy'),
	    'audit', 'key', '-r', $key);
	found_is($with->('audit-key-file' => $key), '', 'a ratchet');
	found_is($with->('audit-key-file' => $key, user => 'nobody'),
	    'store-closed-to-daemon audit-not-writable audit-key',
	    'in a folder of another user');
	my $text = Tlspolicy::Scratch::slurp($key);
	$scratch->write('keys/ratchet', $text =~ s/^key .*/key 0/mr, 0600);
	found_is($with->('audit-key-file' => $key), 'audit-key', 'none any more');
	# A log that can be opened and not read.
	my ($it) = grep { $_->{finding} eq 'audit-unreadable' }
	    @{$with->('audit-file' => '/proc/self/mem')->{findings}};
	like($it->{what}, qr{^/proc/self/mem: Input/output error},
	    'a log that cannot be read is not a quiet server');
};

subtest 'the socket' => sub {
	chmod 0666, "$dir/milter.sock";
	found_is(doctor(@mta), 'socket-open-to-all', 'mode');
	chmod 0660, "$dir/milter.sock";
	my $silent = IO::Socket::INET->new(Listen => 5,
	    LocalAddr => '127.0.0.1') or die;
	my $port = $silent->sockport;
	my $tcp = sub {
		my $spec = "inet:$_[0]\@127.0.0.1";
		$daemon->configure(%settings, socket => $spec);
		my $r = doctor('--sendmail', $scratch->write('tcp.mc',
		    Tlspolicy::Scratch::slurp($good_mc) =~ s{S=local:/[^n][^,]+}{S=$spec}r));
		$daemon->configure(%settings);
		return $r;
	};
	my $declining = fork // die;
	if (!$declining) {
		my $peer = $silent->accept;
		sysread $peer, my $offer, 100;
		print $peer pack 'N a N N N', 13, 'O', 6, 0, 0x200;
		$peer->flush;
		sysread $peer, $offer, 100;
		POSIX::_exit(0);
	}
	found_is($tcp->($port), 'slow-tcp', 'a milter that declines DATA');
	waitpid $declining, 0;
	close $silent;
	found_is($tcp->($port), 'daemon-down', 'nobody listens');
	my $deaf = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1');
	found_is($tcp->($deaf->sockport), 'daemon-silent', 'somebody who is silent');

	my $own = daemon('TLS_Clt: OK', name => 'tcp', socket => 'inet');
	my ($at) = $own->socket =~ /(\d+)/;
	found_is($tcp->($at), '', 'our daemon on TCP');
	$daemon->configure(%settings, socket => "inet:$at\@0.0.0.0");
	found_is(doctor('--sendmail', $scratch->write('tcp.mc',
	    Tlspolicy::Scratch::slurp($good_mc) =~
	    s{S=local:/[^n][^,]+}{S=inet:$at\@0.0.0.0}r)), 'socket-on-network',
	    'every address');
	$daemon->configure(%settings);
};

subtest 'the unit and its groups' => sub {
	my @group = getgrent;
	@group = getgrent while @group && $group[0] !~ /^(?:postfix|mail)$/;
	plan skip_all => 'neither group postfix nor mail' unless @group;
	mkdir $scratch->path('bin');
	local $ENV{PATH} = $scratch->path('bin') . ":$ENV{PATH}";
	my $user = $> == 0 ? 'nobody' : getpwuid $>;
	my $unit = sub {
		$scratch->write('bin/systemctl', "#!/bin/sh\ncat <<END\n"
		    . "LoadState=loaded\nActiveState=inactive\nUser=$user\n"
		    . "Group=nogroup\nSupplementaryGroups=$_[0]\nEND\n",
		    0755);
		return doctor(@mta);
	};
	$daemon->configure(%settings, 'socket-group' => $group[0]);
	my $r = $unit->('');
	found_is($r, 'socket-group-refused', 'not in it');
	like($r->{findings}[0]{lines}[1], qr/^printf '\[Service\]\\nSupplementaryGroups=$group[0]\\n' > \S+milter\.service\.d\S+$/,
	    'the drop-in');
	# The line run by a shell, with another path to write to.
	my $path = $scratch->path('drop-in');
	Tlspolicy::Scratch::must('sh', '-c',
	    $r->{findings}[0]{lines}[1] =~ s/> .*/> $path/r);
	my ($groups) = Tlspolicy::Scratch::slurp($path) =~
	    /\A\[Service\]\nSupplementaryGroups=(\w+)\n\z/;
	found_is($unit->($groups // ''), '', 'with it');
	$daemon->configure(%settings);
	unlink $scratch->path('bin/systemctl');
};

subtest 'what cannot be seen' => sub {
	$daemon->configure(%settings, 'audit-file' => '/dev/null');
	found_is(doctor(@mta), '', 'no log, and nothing tried');
	my $none = $daemon->tlspolicy('doctor');
	if (-e '/etc/postfix/main.cf' || -e '/etc/mail/sendmail.cf') {
		pass('there is an MTA here');
		$seen{'no-mta'} = 1;
	} else {
		is($none->{status}, 1, 'no MTA is no good news');
		found_is(doctor(), 'no-mta', 'no MTA');
	}
	$daemon->configure(%settings);
};

subtest 'as somebody who may not read the key' => sub {
	plan skip_all => 'not root' if $> != 0;
	$daemon->configure(%settings, silence => 'not-tried, no-records, '
	    . 'audit-unreadable, store-unusable, rules-bad, socket-closed-to-mta');
	# Run as nobody: findings about the daemon's own files are silenced, the
	# MTA's are looked at.
	my $r = Tlspolicy::Scratch::run('setpriv', '--reuid=65534',
	    '--regid=65534', '--clear-groups',
	    $scratch->for_all('tlspolicy'), 'doctor', '--json', '-c',
	    $daemon->{conf}, @mta);
	my $found = eval { decode_json($r->{out})->{findings} } // [];
	my @names = map { $_->{finding} } @$found;
	is(scalar(grep { $_ eq 'certificate-unseen' } @names), 1,
	    'that is what it says') or diag($r->{out}, $r->{err});
	is(scalar(grep { $_ eq 'certificate-unusable' } @names), 0,
	    'and nothing about the key');
	$seen{'certificate-unseen'} = 1;
	$daemon->configure(%settings);
};

# Makes an audit log of these sessions alone and compares the findings.
sub records_are {
	my ($want, $name, @sessions) = @_;
	my $log = $scratch->path('milter/audit.log');
	rename $log, "$log.old";
	$daemon->hup;
	Tlspolicy::Scratch::wait_for(60, sub { -s $log }) or die $daemon->log;
	judged(@sessions);
	$daemon->audit_after(0, 1 + @sessions);
	my $r = doctor(@mta);
	found_is($r, $want, $name);
	return $r;
}

subtest 'records' => sub {
	my @tls = ['192.0.2.1', 'a.example.com', %verified];
	records_are('', 'a few in clear',
	    map { ["192.0.2.$_", "c$_.example.com"] } 1 .. 19);
	records_are('no-tls-seen', 'many in clear',
	    map { ["192.0.2.$_", "c$_.example.com"] } 1 .. 25);
	my $r = records_are('tls-proxy', 'one address, many names', @tls,
	    map { ['192.0.2.9', "c$_.example.com"] } 1 .. 25);
	like($r->{findings}[0]{what}, qr/25 sessions from 192\.0\.2\.9/,
	    'is named');
	records_are('tls-proxy', 'an address that steers terminals', @tls,
	    map { ["\e[2J\r192.0.2.9", "c$_.example.com"] } 1 .. 25);
	$r = $daemon->tlspolicy('doctor', @mta);
	like($r->{out}, qr/sessions from \?\[2J\?192\.0\.2\.9 were/,
	    'does not');
	records_are('', 'one address, one name', @tls,
	    map { ['192.0.2.9', 'old.example.com'] } 1 .. 25);
	records_are('no-certificate-seen', 'never asked for', map {
	    ['192.0.2.1', 'a.example.com', %tls, verify => 'NOT'] } 1 .. 25);
	records_are('no-certificate-seen', 'asked for by a rule',
	    map { ['192.0.2.1', 'a.example.com', %tls,
		client_name => 'example.com'] } 1 .. 25);
	records_are('', 'no rule wants one', map { ['192.0.2.1',
	    'a.example.com', %tls, client_name => 'example.net'] } 1 .. 25);
	records_are('macros-missing', 'TLS without {verify}', @tls,
	    map { ['192.0.2.1', 'a.example.com', %tls, verify => undef] } 1 .. 25);
	records_are('macros-missing', 'no address', map { [undef, 'x',
	    %verified] } 1 .. 25);
};

# Every kind is found by one of the tests above, and in the manual.
my %kinds = map { $_ => 1 } Tlspolicy::Tree::code('policy/doctor/kind.c') =~
    /\[DOCTOR_\w+\] = \{ DOCTOR_\w+, \{ "([\w-]+)"/g;
my %manual = map { $_ => 1 } map { split / , / }
    Tlspolicy::Tree::text('man/tlspolicy-doctor.1') =~ /^\.It Li (.*)$/mg;
is_deeply(\%manual, \%kinds, 'the manual has each kind');
delete $kinds{'audit-unreadable'} if $> == 0;
delete @kinds{qw(certificate-unseen disk-full disk-read-only)} if $> != 0;
delete @kinds{grep { /^(?:postfix|socket-closed-to-mta)/ } keys %kinds}
    if Tlspolicy::Postfix::missing();
# Kinds of findings of live MTAs.
delete @kinds{map { split ' ' } map {
    Tlspolicy::Tree::text($_) =~ /\bfinds => '([^']+)'/g }
    't/398-doctor-fleet.t', 't/550-doctor.t', 't/650-doctor.t'};
is_deeply([grep { !$seen{$_} } sort keys %kinds], [], 'each kind was found');

done_testing;
