package Tlspolicy::Setups;

# Set-ups of an MTA that tlspolicy doctor is shown: each is broken, or right, in
# its way.  What doctor finds is compared by name, its lines are put where it
# says, to the letter, and after them it has nothing more to say, and sessions
# were judged.
#
# A row: name => { main => { parameter => value }, master => sub of its text,
# mc => sub of its text, conf => { setting => value }, rules => 'text', before => sub that breaks
# something, after => sub that undoes that, finds => 'words in order', left => 1 where the lines are not put in,
# services => how many are judged in the end (2), unasked => 1 where the test
# cannot have a session of its own }.

use strict;
use warnings;
use JSON::PP qw(decode_json);
use Test::More;
use Tlspolicy::Certs;
use Tlspolicy::Daemon;
use Tlspolicy::Postfix;
use Tlspolicy::Scratch;
use Tlspolicy::Sendmail;
use Tlspolicy::Smtp;

# Two services that smtpd serves, and what those need.
package Tlspolicy::Setups::Postfix {
	our @ISA = ('Tlspolicy::Postfix');

	sub main_cf
	{
		my ($self) = @_;
		my %main = $self->SUPER::main_cf;
		return (%main, smtpd_tls_received_header => 'yes',
		    Tlspolicy::Setups::is_310() ? (tls_required_enable => 'no') : (),
		    %{$self->{main} // {}});
	}

	sub write_master
	{
		my ($self) = @_;
		$self->SUPER::write_master;
		my $text = $self->{scratch}->read('postfix/etc/master.cf');
		$text =~ s/^$self->{$_} inet .*\n(?:[ \t].*\n)*//m
		    for qw(anonymous proxy);
		$text = $self->{edit}->($text, $self) if $self->{edit};
		$self->{scratch}->write('postfix/etc/master.cf', $text);
	}
}

# The .mc as a row has it, and as lines change it.
package Tlspolicy::Setups::Sendmail {
	our @ISA = ('Tlspolicy::Sendmail');

	sub mc
	{
		my ($self) = @_;
		return $self->{text} if defined $self->{text};
		my $text = $self->SUPER::mc;
		return $self->{edit} ? $self->{edit}->($text, $self) : $text;
	}
}

my $default_rules = "TLS_Clt:example.com WARN+ENCR:1\n";

# mta => postfix | sendmail.  Skips the test file when a part is missing.
sub new
{
	my ($class, $mta) = @_;
	my $package = $mta eq 'postfix' ? 'Tlspolicy::Setups::Postfix' :
	    'Tlspolicy::Setups::Sendmail';
	my $missing = $package->missing // Tlspolicy::Daemon::missing();
	plan skip_all => $missing if $missing;
	my $scratch = Tlspolicy::Scratch->new;
	my $self = bless { scratch => $scratch, package => $package,
	    kind => $mta, certs => Tlspolicy::Certs->new($scratch) }, $class;
	$self->{conf} = { 'socket-mode' => '0660', 'socket-group' => 'postfix' };
	$self->{daemon} = Tlspolicy::Daemon->start(scratch => $scratch,
	    rules => $default_rules,
	    settings => $self->{conf});
	$self->write_programs;
	# One session is judged first, so that no row has the finding no-records.
	my $m = Tlspolicy::Milter->connect($self->{daemon}->socket);
	$m->negotiate;
	$m->set(v => '8.17.1', j => 'mx.example.org',
	    client_addr => '192.0.2.1');
	$m->helo('client.example.com');
	$m->mail('a@example.com');
	$m->quit;
	$self->{daemon}->audit_after(0, 2);
	return $self;
}

# What the lines call: ours, and a systemctl that only writes down what it is
# told, since the test is the service manager here.
sub write_programs
{
	my ($self) = @_;
	my $scratch = $self->{scratch};
	mkdir $scratch->path('bin');
	my $told = $scratch->path('systemctl.told');
	my $shown = $scratch->path('systemctl.shown');
	$scratch->write('bin/systemctl', "#!/bin/sh\n"
	    . "if [ \"\$1\" = show ]; then for unit; do :; done\n"
	    . "(cat $shown.\$unit || cat $shown) 2>/dev/null; exit; fi\n"
	    . "echo \"\$*\" >> $told\n", 0755);
	symlink Tlspolicy::Daemon::program('tlspolicy'),
	    $scratch->path('bin/tlspolicy');
	# Parameters of Postfix 3.10, which an older one does not show.
	$scratch->write('bin/postconf', "#!/bin/sh\n"
	    . "/usr/sbin/postconf \"\$\@\" || exit\n"
	    . "[ \"\$1\" != -x ] || grep -E '^(tls_required_enable|smtp_tlsrpt_)' \"\$3/main.cf\" "
	    . "|| :\n", 0755) unless is_310();
	symlink Tlspolicy::Scratch::topdir() . '/scripts/tlspolicy-ca',
	    $scratch->path('bin/tlspolicy-ca');
	$ENV{PATH} = $scratch->path('bin') . ":$ENV{PATH}";
}

# Postfix 3.10 knows TLS-Required and TLSRPT by itself.
sub is_310
{
	return `/usr/sbin/postconf -d -h tls_required_enable 2>/dev/null` =~ /^yes/;
}

sub setting
{
	my ($self, %conf) = @_;
	my $daemon = $self->{daemon};
	$self->{conf} = { %conf };
	$daemon->configure(%conf);
}

sub restart_daemon
{
	my ($self) = @_;
	my $daemon = $self->{daemon};
	my ($socket) = Tlspolicy::Scratch::slurp($daemon->{conf}) =~
	    /^socket = (\S+)/m;
	$daemon->stop if $daemon->alive;
	$daemon->{socket} = $socket;
	$daemon->run;
}

# The MTA as this row has it, running.
sub start
{
	my ($self, $row) = @_;
	my $daemon = $self->{daemon};
	my $rules = $row->{rules} // $default_rules;
	$daemon->rules($rules) if $rules ne ($self->{rules} // '');
	$self->{rules} = $rules;
	my $first = "unix:$daemon->{dir}/milter.sock";
	$self->setting('socket-mode' => '0660', 'socket-group' => 'postfix',
	    socket => $first, %{$row->{conf} // {}});
	$self->restart_daemon;
	my $milter = $self->{package}->milter_address($daemon->socket);
	my $sub = "start_$self->{kind}";
	$self->$sub($row, $milter);
	$row->{before}->($self) if $row->{before};
	return;
}

sub start_postfix
{
	my ($self, $row, $milter) = @_;
	my $mta = $self->{mta} //= Tlspolicy::Setups::Postfix->start(
	    scratch => $self->{scratch}, certs => $self->{certs},
	    milter => $milter);
	my %main = %{$row->{main} // {}};
	$mta->{main} = { map { my $value = $main{$_};
	    ($_ => ref $value ? $value->($self, $milter) : $value) }
	    keys %main };
	$mta->{milter} = $milter;
	$mta->{edit} = $row->{master};
	$mta->write_main;
	$mta->write_master;
	$self->reload;
}

sub start_sendmail
{
	my ($self, $row, $milter) = @_;
	$self->{mta}->stop if $self->{mta};
	my ($cert, $key) = $self->{certs}->pair('server');
	chmod $row->{key} // 0600, $key;
	$self->{mta} = Tlspolicy::Setups::Sendmail->start(
	    scratch => $self->{scratch}, certs => $self->{certs},
	    milter => $milter, edit => $row->{mc});
}

# sendmail.cf anew from the .mc, with another change to that.
sub make_cf
{
	my ($self, $change) = @_;
	my $mta = $self->{mta};
	$mta->{text} = $mta->mc;
	$mta->{text} = $change->($mta->{text}, $mta) if $change;
	$mta->write_cf;
}

# A macro that is there for the same thing is replaced.
sub put_mc
{
	my ($self, @lines) = @_;
	my $mta = $self->{mta};
	my $text = $mta->mc;
	for my $line (@lines) {
		my ($what) = $line =~ /^(\w+\(`[\w=]+)/ or die "what: $line\n";
		my ($name) = $line =~ /^(?:INPUT_MAIL_FILTER)\((`\w+')/;
		$text =~ s/^(?:INPUT_)?MAIL_FILTER\(\Q$name\E.*\n//m if $name;
		$text =~ s/^\Q$what\E\b.*\n//m;
		# The line goes before the first MAILER(), as the manual says.
		$text =~ s/^(?=MAILER\()/$line\n/m;
	}
	$mta->{text} = $text;
}

# Lines in their order; what was there of the same macro is replaced, and so are
# maps of these names and what was in these rulesets.
sub put_block
{
	my ($self, $where, @lines) = @_;
	my $mta = $self->{mta};
	my $text = $mta->mc;
	for (@lines) {
		my ($what) = /^(K\w+ |FEATURE\(`\w+'|LOCAL_\w+$)/ or next;
		$what =~ /^LOCAL_TLS/ ? $text =~ s/^$what\n(?:R.*\n)*//mg :
		    $what =~ /^LOCAL/ ? 1 : $text =~ s/^\Q$what\E.*\n//mg;
	}
	my $block = join '', map { "$_\n" } @lines;
	$where eq 'behind' ? $text .= $block :
	    $text =~ s/^(?=MAILER\()/$block/m;
	$mta->{text} = $text =~ s{/etc/mail/access}{$self->access}er;
}

# An access file for this machine's, with nothing in it.
sub access
{
	my ($self) = @_;
	my $scratch = $self->{scratch};
	my $access = $scratch->path('sendmail/access');
	return $access if -e "$access.db";
	mkdir $scratch->path('sendmail');
	my $cf = $scratch->write('sendmail/makemap.cf', "V10/Berkeley\n"
	    . "O DontBlameSendmail=TrustStickyBit,GroupWritableDirPathSafe\n");
	Tlspolicy::Scratch::must({ in => $scratch->write('sendmail/access.txt',
	    '') }, Tlspolicy::Sendmail::root() .
	    '/usr/libexec/sendmail/makemap', '-C', $cf, 'hash', $access);
	return $access;
}

sub restart_sendmail
{
	my ($self) = @_;
	$self->{mta}->stop;
	$self->{mta}->again;
}

# Postfix waits for a file to be some seconds old.
sub age
{
	my ($self) = @_;
	my $etc = "$self->{mta}{dir}/etc";
	utime time - 10, time - 10, "$etc/main.cf", "$etc/master.cf";
}

# New processes serve from then on: the old ones were idle, and are gone.
sub reload
{
	my ($self) = @_;
	$self->age;
	Tlspolicy::Scratch::must({ timeout => 60 }, 'postfix', '-c',
	    "$self->{mta}{dir}/etc", 'reload');
	$self->settle;
}

sub settle
{
	my ($self) = @_;
	my $log = () = $self->{mta}->log =~ /: reload -- version/g;
	my $want = $self->{reloads} = ($self->{reloads} // 0) + 1;
	Tlspolicy::Scratch::wait_for(60, sub {
		(() = $self->{mta}->log =~ /: reload -- version/g) >= $want &&
		    $self->{mta}->answers }) or
		    diag('no reload in the log');
}

# { status, out, err, findings, sessions, silenced }
sub doctor
{
	my ($self, @options) = @_;
	my @mta = $self->{kind} eq 'postfix' ?
	    ('--postfix', "$self->{mta}{dir}/etc") :
	    ('--sendmail', "$self->{mta}{dir}/sendmail.cf");
	$self->age if $self->{kind} eq 'postfix';
	my $r = Tlspolicy::Scratch::run({ timeout => 600 },
	    Tlspolicy::Daemon::program('tlspolicy'), 'doctor', '-c',
	    $self->{daemon}{conf}, '--json', @mta, @options);
	my $json = eval { decode_json($r->{out}) } // {};
	is($r->{signal}, 0, 'doctor ends by itself');
	return { %$r, %$json };
}

sub names
{
	my ($r) = @_;
	return join ' ', map { $_->{finding} } @{$r->{findings}};
}

# The lines, as somebody would put them in.
sub mend
{
	my ($self, @findings) = @_;
	for my $f (@findings) {
		my @then = @{$f->{then}};
		if ($f->{place} eq 'run') {
			unshift @then, @{$f->{lines}};
		} elsif ($f->{place} =~ m{/main\.cf$}) {
			$self->postconf($_) for @{$f->{lines}};
		} elsif ($f->{place} =~ m{/tlspolicy\.conf$}) {
			$self->put_settings(@{$f->{lines}});
		} elsif ($f->{place} eq $self->{scratch}->path(
		    "$self->{daemon}{name}/rules")) {
			$self->{scratch}->write("$self->{daemon}{name}/rules",
			    Tlspolicy::Scratch::slurp($f->{place}) .
			    join '', map { "$_\n" } @{$f->{lines}});
		} elsif ($f->{place} =~ /^sendmail\.mc, (before|behind) MAILER$/) {
			$self->put_block($1, @{$f->{lines}});
		} elsif ($f->{place} eq 'sendmail.mc') {
			$self->put_mc(@{$f->{lines}});
		} elsif ($f->{line}) {
			$self->put_line($f);
		} elsif (@{$f->{lines}}) {
			fail("$f->{finding}: no place is known as $f->{place}");
		}
		$self->command($_) for @then;
	}
}

# What stood there for the parameter is replaced.
sub postconf
{
	my ($self, $line) = @_;
	$self->age;
	Tlspolicy::Scratch::must('postconf', '-c', "$self->{mta}{dir}/etc",
	    '-e', $line);
}

sub put_settings
{
	my ($self, @lines) = @_;
	my $path = $self->{daemon}{conf};
	my $text = Tlspolicy::Scratch::slurp($path);
	for (@lines) {
		# What begins with a blank goes on with a list.
		if (!/^ /) {
			my ($name) = /^([\w-]+) = / or die "no setting: $_\n";
			$text =~ s/^\Q$name\E = .*\n(?: .*\n)*//m;
		}
		$text .= "$_\n";
	}
	$self->{scratch}->write("$self->{daemon}{name}/tlspolicy.conf", $text);
}

sub put_line
{
	my ($self, $f) = @_;
	my @text = split /^/, Tlspolicy::Scratch::slurp($f->{place});
	$text[$f->{line} - 1] = join '', map { "$_\n" } @{$f->{lines}};
	open my $out, '>', $f->{place} or die "$f->{place}: $!\n";
	print $out @text;
	close $out;
}

# A command; of systemctl, and of what makes sendmail.cf, the test does what
# they would.
sub command
{
	my ($self, $line) = @_;
	my $told = 'systemctl.told';
	$self->{scratch}->write($told, '');
	$self->age if $self->{kind} eq 'postfix';
	if ($line =~ /^(?:sendmailconfig|make -C \S+)$/) {
		$self->make_cf;
		return;
	}
	$line .= " -c $self->{daemon}{conf}" if $line eq 'tlspolicy build';
	delete $self->{rules} if $line =~ /^tlspolicy build/;
	my $r = Tlspolicy::Scratch::run({ timeout => 60 }, 'sh', '-c', $line);
	is($r->{status}, 0, "runs: $line") or diag($r->{out}, $r->{err});
	$self->settle if $line =~ /^postfix (?:-c \S+ )?reload$/;
	for (split /\n/, $self->{scratch}->read($told)) {
		$self->restart_daemon if / tlspolicy-milter$/;
		$self->restart_sendmail if / sendmail$/;
	}
}

# One row, from the broken set-up to the mended one.
sub try
{
	my ($self, $row) = @_;
	$self->start($row);
	my $r = $self->doctor;
	is(names($r), $row->{finds}, 'found') or
	    diag($r->{out}, $r->{err}, $self->{daemon}->log);
	is($r->{status}, $row->{finds} eq '' ? 0 : 1, 'exit code');
	like($r->{out}, $row->{says}, 'what is said') if $row->{says};
	if ($row->{finds} ne '' && !$row->{left}) {
		isnt(scalar(@{$_->{lines}}), 0, "$_->{finding}: has lines")
		    for @{$r->{findings}};
		$self->mend(@{$r->{findings}});
		$r = $self->doctor;
		is(names($r), '', 'mended') or
		    diag($r->{out}, $r->{err}, $self->{daemon}->log);
		is($r->{status}, 0, 'mended: exit code');
	}
	my $want = $row->{services} // 2;
	is(scalar(grep { $_->{result} eq 'judged' } @{$r->{sessions}}), $want,
	    'judged sessions') or diag($r->{out});
	$self->is_judged unless $row->{unasked};
	$row->{after}->($self) if $row->{after};
}

# Whether a session of the test's own comes into the audit log.
sub is_judged
{
	my ($self) = @_;
	my $seen = () = $self->{daemon}->audit_lines;
	my $helo = 'h' . int(rand 1e9) . '.example.com';
	my $client = Tlspolicy::Smtp->connect(port => $self->{mta}->port,
	    from => '127.0.0.2');
	$client->ehlo($helo);
	my $tls = $client->starttls;
	is($tls->{code}, 220, 'TLS works') or diag($client->dialogue);
	$client->ehlo($helo);
	$client->mail('a@example.com');
	$client->quit;
	my $found = Tlspolicy::Scratch::wait_for(60, sub {
		grep { ($_->{helo} // '') eq $helo && $_->{tls} }
		    $self->{daemon}->audit_after($seen) });
	ok($found, 'a session is judged') or diag($client->dialogue);
}

1;
