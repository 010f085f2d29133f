#!/usr/bin/perl
# add-header: the field, and what becomes of forged ones.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Talk;

my $name = 'TLSPolicy-Result';
my $daemon = daemon(<<'END', settings => { 'add-header' => 'yes' });
TLS_Clt:example.com	WARN+VERIFY
TLS_From:held.example	HOLD+VERIFY
END

# The changes that a message gets which has these header fields.
sub changes
{
	my ($m, $from, @fields) = @_;
	answer_is($m->mail($from), 'continue', 'MAIL');
	answer_is($m->rcpt('b@example.org'), 'continue', 'RCPT');
	for (['Subject', 'x'], @fields) {
		$m->command('header', "$_->[0]\0$_->[1]\0");
	}
	my $end = $m->eom;
	answer_is($end, 'continue', 'end');
	return $end->{modifications};
}

# [index, name, value] of an inserted field, as milters send it.
sub inserted
{
	my ($change) = @_;
	my ($what, @parts) = @$change;
	is($what, 'insert-header', 'is inserted');
	my $all = join "\0", @parts;
	my ($index, $field, $value) = unpack 'N Z* Z*', $all . "\0";
	is($index, 0, 'in front of all others');
	is($field, $name, 'under its name');
	return $value;
}

subtest 'negotiation' => sub {
	my $m = Tlspolicy::Milter->connect($daemon->socket);
	my $got = $m->negotiate;
	is($got->{actions} & 0x11, 0x11, 'header fields may be changed');
	is($got->{protocol} & 0x20, 0, 'and are wanted');
	is($got->{protocol} & 0x80, 0x80, 'without an answer to each');
};

subtest 'in clear' => sub {
	my $m = session($daemon);
	my $changes = changes($m, 'a@example.com');
	is(@$changes, 1, 'one change');
	is(inserted($changes->[0]), "mx.example.org; verdict=accept; "
	    . "waiver=warn; reason=plaintext;\n\ttls=none;\n\t"
	    . 'rule="TLS_Clt:example.com"', 'value');
};

subtest 'TLS' => sub {
	my $m = session($daemon, %sendmail, %verified,
	    cn_subject => 'a+22b+5Cc+0D+0Ad');
	my $changes = changes($m, 'a@example.com');
	is(inserted($changes->[0]), "mx.example.org; verdict=accept;\n\t"
	    . "version=TLSv1.3; cipher=TLS_AES_256_GCM_SHA384; bits=256;\n\t"
	    . qq(verify=OK; cn="a\\"b\\\\c??d";\n\trule="TLS_Clt:example.com"),
	    'value, with what came from outside made harmless');
};

subtest 'forged fields' => sub {
	my $m = session($daemon, %sendmail, %verified);
	my @forged = ([$name, 'x'], ['tlspolicy-RESULT', 'y'],
	    ['X-Other', 'z'], [$name, 'z']);
	my $changes = changes($m, 'a@example.com', @forged);
	is(@$changes, 4, 'four changes');
	for my $i (0 .. 2) {
		my ($what, @parts) = @{$changes->[$i]};
		my ($index, $field, $value) =
		    unpack 'N Z* Z*', join("\0", @parts) . "\0\0";
		is_deeply([$what, $index, $field, $value],
		    ['change-header', 3 - $i, $name, ''],
		    'number ' . (3 - $i) . ' is removed');
	}
	inserted($changes->[3]);
	$changes = changes($m, 'a@example.com');
	is(@$changes, 1, 'the next message has none');
};

subtest 'a message that is held' => sub {
	my $m = session($daemon, %sendmail, client_name => 'x.example');
	my $changes = changes($m, 'a@held.example');
	is($changes->[0][0], 'quarantine', 'is held');
	like(inserted($changes->[1]), qr/; verdict=hold;/, 'and says so');
};

subtest 'an MTA that does not let header fields be changed' => sub {
	my $m = Tlspolicy::Milter->connect($daemon->socket);
	$m->negotiate(actions => 0x120);
	$m->set(%sendmail, %verified);
	$m->helo;
	$m->mail('a@example.com');
	$m->rcpt('b@example.org');
	answer_is($m->message, [451, '4.3.0', qr/header/], 'is not trusted');
};

subtest 'HUP' => sub {
	my $old = session($daemon, %sendmail, %verified);
	$daemon->configure('add-header' => 'no');
	$daemon->hup;
	logged($daemon, qr/settings were read again/, 'no more');
	is_deeply(changes($old, 'a@example.com', [$name, 'x']), [],
	    'on an old connection');
	my $new = session($daemon, %sendmail, %verified);
	is($new->{protocol} & 0x20, 0x20, 'a new one does not ask for fields');
	is_deeply(changes($new, 'a@example.com'), [], 'nor add any');
};

done_testing;
