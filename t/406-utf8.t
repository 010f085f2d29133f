#!/usr/bin/perl
#
# Replies beyond ASCII: UTF-8 for a message with SMTPUTF8, else readable ASCII,
# never a question mark for a letter; and nothing that steers a terminal comes
# out of the daemon, whatever a client sends.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Daemon;
use Tlspolicy::Milter;
use Tlspolicy::Scratch;

my $scratch = Tlspolicy::Scratch->new;
my $umlaut = "M\xc3\xbcller & S\xc3\xb6hne";
my $evil = "\x1b[2J\x9b2J\xc2\x9b2J\xe2\x80\xae\xe2\x81\xa6\xe2\x80\xa8\xff";
my $escaped = '?[2J?2J\x{9B}2J\x{202E}\x{2066}\x{2028}?';
my $daemon = Tlspolicy::Daemon->start(scratch => $scratch, settings => {
    'log-level' => 'debug' }, rules =>
    "TLS_Clt: PERM+VERIFY+CN:$umlaut++MSG:Frag J\xc3\xbcrgen\n"
    =~ s/ & S/+20&+20S/r);

# reply(CN, ARGUMENT...): code and text of the answer to MAIL.
sub reply {
	my ($cn, @args) = @_;
	my $mta = Tlspolicy::Milter->connect($daemon->{socket});
	$mta->negotiate;
	$mta->set(v => '8.17.1', j => 'mx.example.org', daemon_name => 'MTA',
	    daemon_port => 25, client_name => 'c.example', verify => 'OK',
	    client_addr => '192.0.2.1', cipher_bits => 256,
	    tls_version => 'TLSv1.3', cipher => 'TLS_AES_256_GCM_SHA384',
	    cn_subject => $cn);
	$mta->conn('c.example', '192.0.2.1');
	$mta->helo;
	my $got = $mta->mail('a@b.example', @args);
	$mta->quit;
	return $got->{text} // '';
}

my $ascii = reply("Caf\xc3\xa9");
unlike($ascii, qr/[^\x20-\x7e\r\n]/, 'ASCII without SMTPUTF8');
like($ascii, qr/Frag J\\x\{FC\}rgen/, 'MSG');
like($ascii, qr/found Caf\\x\{E9\}/, 'a name in a certificate');
like($ascii, qr/CN:M\\x\{FC\}ller/, 'the rule');
unlike($ascii, qr/\?/, 'no question mark');
is(reply("Caf\xc3\xa9", 'BODY=8BITMIME', 'SIZE=1'), $ascii,
    'other arguments are none');
is(reply("Caf\xc3\xa9", 'SMTPUTF8=1'), $ascii, 'nor is one like it');

for my $args (['SMTPUTF8'], ['SIZE=1', 'smtputf8']) {
	my $utf8 = reply("Caf\xc3\xa9", @$args);
	like($utf8, qr/Frag J\xc3\xbcrgen/, "@$args: MSG as it is");
	like($utf8, qr/found Caf\xc3\xa9/, 'a name as it is');
	like($utf8, qr/CN:M\xc3\xbcller/, 'the rule as it is');
}
for my $args ([], ['SMTPUTF8']) {
	my $text = reply("x$evil", @$args);
	like($text, qr/found x\Q$escaped\E/, "hostile name: @$args");
	unlike($text, qr/[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]/, 'no controls');
}

# What a client says stands in the log of level debug, and in the record.
{
	my $mta = Tlspolicy::Milter->connect($daemon->{socket});
	$mta->negotiate;
	$mta->set(v => '8.17.1', j => 'mx', client_name => "c$evil.example",
	    client_addr => '192.0.2.1', daemon_name => 'MTA');
	$mta->conn("c$evil.example", '192.0.2.1');
	$mta->helo("h$evil");
	$mta->mail("a$evil\@b$evil.example", 'SMTPUTF8');
	$mta->quit;
}
$daemon->stop;
for (['log', $daemon->log], ['record', Tlspolicy::Scratch::slurp(
    "$daemon->{dir}/audit.log")]) {
	my ($name, $text) = @$_;
	like($text, qr/x\?\[2J|h\\u001b/, "$name: what the client said");
	unlike($text, qr/[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|
	    \xe2\x80[\x8b-\x8f\xa8-\xae]|\xe2\x81[\xa0-\xaf]|\xd8\x9c/x,
	    "$name: nothing that steers a terminal");
	my $copy = $text;
	ok(utf8::decode($copy), "$name: UTF-8");
}

done_testing;
