#!/usr/bin/perl
#
# Of the tags that fail the strictest gives the verdict, among equals the first:
# combinations of classes of TLS_Daemon, TLS_Clt, TLS_Auth and TLS_From.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP qw(decode_json encode_json);
use Test::More;
use Tlspolicy::Scratch;

my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
plan skip_all => "$tlspolicy is not built" unless -x $tlspolicy;
my $scratch = Tlspolicy::Scratch->new;
my $input = $scratch->path('sessions');

# word of a key => requirement; "cannot" is not told by Postfix
my %rules = (ok => 'OK', holds => 'PERM+ENCR:0', warn => 'WARN+ENCR:128',
    hold => 'HOLD+ENCR:128', temp => 'TEMP+ENCR:128', perm => 'PERM+ENCR:128',
    plain => 'ENCR:128', cannot => 'PERM+ENCR:0+CS:/CN=x');
my @words = ('none', sort keys %rules);
my $rules = $scratch->write('rules', join '', map { ("TLS_Daemon:$_ $rules{$_}",
    "\nTLS_Clt:$_.example $rules{$_}", "\nTLS_Auth:$_ $rules{$_}",
    "\nTLS_From:$_.example $rules{$_}\n") } sort keys %rules);

my %severity = (reject => 4, tempfail => 3, hold => 2, warn => 1, accept => 0);
my @tags = ('TLS_Daemon', 'TLS_Clt', 'TLS_Auth', 'TLS_From');

sub alone
{
	my ($word, $default, $on_error) = @_;
	return { none => 'accept', ok => 'accept', holds => 'accept',
	    warn => 'warn', hold => 'hold', temp => 'tempfail',
	    perm => 'reject', plain => $default,
	    cannot => $on_error eq 'accept' ? 'warn' : 'tempfail' }->{$word};
}

my @sessions = map { my $d = $_; map { my $c = $_; map { my $a = $_;
    map { [$d, $c, $a, $_] } @words } qw(none hold perm) } @words } @words;
open my $out, ">", $input or die "$input: $!";
print $out encode_json({ v => 'Postfix 3.7.11', j => 'mx.test',
    daemon_name => $_->[0], daemon_port => '25',
    client_name => "$_->[1].example", client_addr => '192.0.2.1',
    tls_version => 'TLSv1', cipher => 'DES-CBC3-SHA', cipher_bits => '112',
    auth_type => 'PLAIN', auth_authen => $_->[2],
    mail_addr => "a\@$_->[3].example" }), "\n" for @sessions;
close $out;

sub wrong
{
	my ($session, $got, $default, $on_error) = @_;
	my ($want, $tag) = ('accept', '');
	for my $i (0 .. 3) {
		my $kind = alone($session->[$i], $default, $on_error);
		($want, $tag) = ($kind, $tags[$i])
		    if $severity{$kind} > $severity{$want};
	}
	my $word = $want eq 'warn' ? 'accept' : $want;
	my $text = $want eq 'warn' ? encode_json($got) : $got->{text} // '';
	return undef if $got->{verdict} eq $word &&
	    ($tag eq '' || $text =~ /rule $tag:/);
	return "@$session: want $want by '$tag', got " . encode_json($got);
}

for my $default (['temp', 'tempfail'], ['perm', 'reject']) {
	for my $on_error ('tempfail', 'accept') {
		my $r = Tlspolicy::Scratch::run(
		    'sh', '-c', '"$@" <' . $input, 'sh', $tlspolicy,
		    'check', '-r', $rules, '-o', "default-class=$default->[0]",
		    '-o', "on-error=$on_error", '--batch');
		my @got = map { decode_json($_) } split /\n/, $r->{out};
		is(scalar @got, scalar @sessions, 'every session is judged') or
		    diag($r->{err});
		my @wrong = grep { defined } map { wrong($sessions[$_], $got[$_],
		    $default->[1], $on_error) } 0 .. $#got;
		is(scalar @wrong, 0, "default-class = $default->[0], "
		    . "on-error = $on_error: the strictest, and the first") or
		    diag(map { "$_\n" } @wrong[0 .. ($#wrong < 9 ? $#wrong : 9)]);
	}
}

# At RCPT as at MAIL: a HOLD of the message frees no recipient.
sub check
{
	return Tlspolicy::Scratch::run($tlspolicy, 'check', '-r', $rules, 'v=8.17',
	    'j=mx.test', 'client_addr=192.0.2.1', @_);
}
$scratch->write('rules', "TLS_Clt:hold.example HOLD+VERIFY\n"
    . "TLS_To:perm\@x.example PERM+VERIFY\nTLS_To:hold\@x.example HOLD+VERIFY\n");
for (['hold', 'perm', 77], ['hold', 'other', 79], ['other', 'hold', 79],
    ['other', 'perm', 77], ['other', 'other', 0]) {
	my ($client, $to, $want) = @$_;
	is(check("client_name=$client.example", 'mail_addr=a@a.example',
	    "rcpt_addr=$to\@x.example")->{status}, $want,
	    "client $client, recipient $to");
}

done_testing;
