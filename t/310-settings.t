#!/usr/bin/perl
#
# The settings file: what is taken, and that each mistake is told with its
# place and its remedy, all of them in one run.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP qw(decode_json);
use Test::More;
use Tlspolicy::Scratch;

my $tlspolicy = Tlspolicy::Scratch::builddir() . '/tlspolicy';
plan skip_all => "$tlspolicy is not built" unless -x $tlspolicy;
my $scratch = Tlspolicy::Scratch->new;
my $conf = $scratch->path('tlspolicy.conf');

sub settings {
	my ($text, @args) = @_;
	$scratch->write('tlspolicy.conf', $text);
	return Tlspolicy::Scratch::run($tlspolicy, 'settings', '-c', $conf,
	    @args);
}

# Defaults: the contract with manual page and packages.
my $default = <<'END';
socket = unix:/run/tlspolicy/milter.sock
socket-mode = 0660
socket-group =
engine = libmilter
user =
store = /var/lib/tlspolicy/policy.mdb
rules = /etc/tlspolicy/rules
claims = /etc/tlspolicy/rules.d
mode = enforce
default-class = temp
on-error = tempfail
compat = none
exempt-clients = 127.0.0.0/8, ::1
local-domains =
history = 400d
audit-file = /var/log/tlspolicy/audit.jsonl
audit-sync = batch
audit-full = tempfail
audit-key-file =
checkpoint-key-file =
checkpoint-interval = 10m
checkpoint-file =
privacy = off
state-folder =
socketmap = off
socketmap-mode = 0660
socketmap-group =
facts-socket = off
facts-socket-mode = 0660
facts-socket-group =
tlsrpt-socket = off
tlsrpt-socket-mode = 0660
tlsrpt-socket-group =
tlsrpt-forward = off
inexpressible = refuse
outbound-default = may
outbound-match = nexthop:dot-nexthop
outbound-version = 1.0
outbound-exclude =
outbound-resolver = off
outbound-servername = hostname
directory =
directory-base =
directory-bind =
directory-password-file =
directory-ca-file =
directory-certificate-file =
directory-key-file =
help-url =
add-header = no
header-from = no
metrics = off
watch-certificates =
log-level = info
silence =
END
my $r = settings('');
is($r->{status}, 0, 'an empty file is good');
is($r->{out}, $default, 'the defaults');
is($r->{err}, '', 'nothing to say');

$r = settings($default);
is($r->{status}, 0, 'what is printed can be read back');
is($r->{out}, $default, 'and means the same');
$r = settings(settings('', '-v')->{out});
is($r->{out}, $default, 'with -v too');

# Good values: text => what is printed for it.
my @good = (
	['socket = inet:8891@127.0.0.1', 'socket = inet:8891@127.0.0.1'],
	['socket = inet6:8891@::1', 'socket = inet6:8891@::1'],
	['socket=inet:8891@mx.example.com', 'socket = inet:8891@mx.example.com'],
	['socket-mode = 600', 'socket-mode = 0600'],
	['checkpoint-interval = 3600s', 'checkpoint-interval = 1h'],
	['checkpoint-interval = 90m', 'checkpoint-interval = 90m'],
	['checkpoint-interval = 1d', 'checkpoint-interval = 1d'],
	['Mode = MONITOR', 'mode = monitor'],
	["watch-certificates = /a\t/b,/c\n  /d", 'watch-certificates = /a, /b, /c, /d'],
	['watch-certificates = ' . join(' ', map { "/$_" } 1 .. 16), 'watch-certificates = ' . join(', ', map { "/$_" } 1 .. 16)],
	["# a comment\n\n   # another\nmode = monitor", 'mode = monitor'],
	["\xef\xbb\xbfmode = monitor", 'mode = monitor'],
	["mode = monitor\r", 'mode = monitor'],
	['exempt-clients =', 'exempt-clients ='],
	['exempt-clients = 192.0.2.7 2001:DB8::/32,10',
	    'exempt-clients = 192.0.2.7, 2001:db8::/32, 10.0.0.0/8'],
	["exempt-clients = 192.0.2.7,\n  ::ffff:192.0.2.8\n\t192.0.2.9",
	    'exempt-clients = 192.0.2.7, 192.0.2.8, 192.0.2.9'],
	['help-url = https://example.com/tls?a=b',
	    'help-url = https://example.com/tls?a=b'],
	['metrics = inet:9100@127.0.0.1', 'metrics = inet:9100@127.0.0.1'],
	['add-header = yes', 'add-header = yes'],
	['header-from = Judge', 'header-from = judge'],
	['outbound-resolver = inet:8461@127.0.0.1 postfix',
	    'outbound-resolver = inet:8461@127.0.0.1 postfix'],
	['outbound-resolver = Off', 'outbound-resolver = off'],
	['outbound-default = dane-only', 'outbound-default = dane-only'],
	['outbound-match = Nexthop', 'outbound-match = nexthop'],
	['outbound-version = 1.3', 'outbound-version = 1.3'],
	['outbound-exclude = RC4, aNULL:kRSA+SHA1', 'outbound-exclude = RC4, aNULL:kRSA+SHA1'],
	['user = _tlspolicy', 'user = _tlspolicy'],
);
for (@good) {
	my ($text, $want) = @$_;
	my ($name) = $want =~ /^(\S+)/;
	$r = settings($text, $name);
	is("$r->{status} $r->{out}$r->{err}", "0 $want\n", "taken: $text");
}

# Bad ones: text => standard error without its last line.
my @bad = (
	['sokcet = x', "$conf:1: there is no setting \"sokcet\", did you mean socket?"],
	['frobnicate = x', "$conf:1: there is no setting \"frobnicate\""],
	['[daemon]', "$conf:1: there are no sections here, only name = value"],
	['mode', "$conf:1: expected name = value"],
	["mode = monitor\nmode = monitor",
	    "setting mode: given twice, first in line 1 ($conf:2)"],
	['mode = on', "setting mode: \"on\" is not enforce or monitor ($conf:1)"],
	['log-level = loud', "setting log-level: \"loud\" is not error, warning, info or debug ($conf:1)"],
	['outbound-exclude = RC4;3DES', "setting outbound-exclude: \"RC4;3DES\" is not a list of cipher suites, as OpenSSL names them ($conf:1)"],
	['outbound-version = 1.4', "setting outbound-version: \"1.4\" is not 1.0, 1.1, 1.2 or 1.3, did you mean 1.0? ($conf:1)"],
	['socket = milter.sock', "setting socket: \"milter.sock\" is not unix:/PATH, inet:PORT\@HOST or inet6:PORT\@HOST ($conf:1)"],
	['socket = unix:milter.sock', "setting socket: \"unix:milter.sock\" is not unix:/PATH, inet:PORT\@HOST or inet6:PORT\@HOST ($conf:1)"],
	(map { ["socket = $_", "setting socket: \"$_\" is not unix:/PATH, inet:PORT\@HOST or inet6:PORT\@HOST ($conf:1)"] }
	    'inet:0@127.0.0.1', 'inet:65536@127.0.0.1', 'inet:25', 'inet:25@',
	    'inet:x@127.0.0.1', 'inet:25@::1', 'inet6:25@127.0.0.1',
	    'unix:/run/x # comment', 'unix:/run/', ''),
	['socket = unix:/' . 'x' x 110, "setting socket: the path of a unix socket has at most 107 bytes ($conf:1)"],
	(map { ["checkpoint-interval = $_", "setting checkpoint-interval: \"$_\" is not a time as 30s, 10m, 1h, one day at most ($conf:1)"] }
	    qw(10 0s -1s 2d 25h 1w s 1.5h 99999999999999999999s)),
	(map { ["socket-mode = $_", "setting socket-mode: \"$_\" is not permission bits in octal, 0000 to 0777 ($conf:1)"] }
	    '668', '1777', '66', 'rw', ''),
	['store = policy.mdb', "setting store: \"policy.mdb\" is not an absolute path without blanks ($conf:1)"],
	['store =', "setting store: \"\" is not an absolute path without blanks ($conf:1)"],
	['exempt-clients = 192.0.2.0/33', "setting exempt-clients: \"192.0.2.0/33\" has no prefix length that fits its address ($conf:1)"],
	['exempt-clients = 192.0.2.1/24', "setting exempt-clients: \"192.0.2.1/24\" has bits set to the right of its prefix ($conf:1)"],
	['exempt-clients = localhost', "setting exempt-clients: \"localhost\" is no network address or prefix ($conf:1)"],
	["exempt-clients = 192.0.2.1,\n  mail", "setting exempt-clients: \"mail\" is no network address or prefix ($conf:2)"],
	["mode = monitor\n  enforce", "setting mode: the value stands on one line; a line that begins with a blank continues a list ($conf:2)"],
	['help-url = example.com', "setting help-url: \"example.com\" is not an http:, https: or mailto: URL in ASCII ($conf:1)"],
	['user = no body', "setting user: \"no body\" is not a user's or group's name or number ($conf:1)"],
	(map { ["watch-certificates = $_->[0]", "setting watch-certificates: \"$_->[1]\" is not a list of absolute paths without blanks and quotation marks ($conf:1)"] }
	    ['cert.pem', 'cert.pem'], ['/a, b', 'b'], ['/a/', '/a/'],
	    ['/a"b', '/a"b'], ['/a\\b', '/a\\b'], ["/a\xff", '/a?'],
	    ["/a\xe2\x80\x8b", '/a\x{200B}']),
	['watch-certificates = /a /b, /a', "setting watch-certificates: \"/a\" stands there twice ($conf:1)"],
	["watch-certificates = /a\n /b,\n /b", "setting watch-certificates: \"/b\" stands there twice ($conf:3)"],
	['watch-certificates = ' . join(' ', map { "/$_" } 1 .. 17), "setting watch-certificates: more than 16 paths, or more than 2047 bytes of them ($conf:1)"],
	["watch-certificates = /a\n " . join("\n ", map { "/$_" . 'x' x 150 } 1 .. 14), "setting watch-certificates: more than 16 paths, or more than 2047 bytes of them ($conf:15)"],
	['metrics = on', "setting metrics: \"on\" is not off, inet:PORT\@HOST or inet6:PORT\@HOST ($conf:1)"],
	(map { ["outbound-resolver = $_", "setting outbound-resolver: \"$_\" is not off, or unix:/PATH, inet:PORT\@HOST or inet6:PORT\@HOST and the name of a map ($conf:1)"] }
	    'unix:/run/x', 'inet:8461@127.0.0.1', 'unix:/run/x a b', 'on'),
	['outbound-default = half', "setting outbound-default: \"half\" is not none, may, encrypt, dane, dane-only, fingerprint, verify or secure ($conf:1)"],
	["mode = mon\0itor", "$conf:1: control character"],
	(map { ["# mode${_}mode = monitor", "$conf:1: a character that ends a line in other programs"] }
	    "\r", "\xc2\x85", "\xe2\x80\xa8"),
	['store = /' . 'x' x 9000, "$conf:1: the line is too long; a list can go on in lines that begin with a blank"],
	["a = 1\nmode = x\n[s]", "$conf:1: there is no setting \"a\"\nsetting mode: \"x\" is not enforce or monitor ($conf:2)\n$conf:3: there are no sections here, only name = value"],
	["exempt-client = 192.0.2.1,\n  192.0.2.2", "$conf:1: there is no setting \"exempt-client\", did you mean exempt-clients?"],
);
for (@bad) {
	my ($text, $want) = @$_;
	my $n = () = $want =~ /^/mg;
	my $label = substr $text =~ s/[\n\0]/ /gr, 0, 40;

	$r = settings($text);
	is($r->{status}, 78, "exit 78: $label");
	is($r->{err}, "$want\n$conf: $n error" . ($n == 1 ? '' : 's') .
	    " in the settings\n", "why: $label");
	is($r->{out}, '', "nothing is printed: $label");
}

# Where the file itself is the trouble.
$r = Tlspolicy::Scratch::run($tlspolicy, 'settings', '-c',
    $scratch->path('none'));
is($r->{status}, 66, '-c of a missing file: exit 66');
like($r->{err}, qr/^tlspolicy: cannot open .*none: No such file/, 'and why');
$r = Tlspolicy::Scratch::run($tlspolicy, 'settings', '-c', $scratch->dir);
is($r->{status}, 66, '-c of a directory: exit 66');
like($r->{err}, qr/^tlspolicy: cannot read .*: Is a directory/, 'and why');

# One setting, JSON, unknown names.
is(settings('', 'Socket-Mode')->{out}, "socket-mode = 0660\n", 'by name');
$r = settings('', 'sokcet');
is($r->{status}, 78, 'an unknown name: exit 78');
is($r->{err}, "tlspolicy: there is no setting \"sokcet\", " .
    "did you mean socket?\n", 'and the nearest');
my $json = decode_json(settings('mode = monitor', '--json')->{out});
is($json->{mode}{value}, 'monitor', 'JSON: value');
is($json->{mode}{default}, 'enforce', 'JSON: default');
ok($json->{mode}{reloadable} && !$json->{socket}{reloadable},
    'JSON: what SIGHUP changes');
is_deeply([sort keys %$json], [sort $default =~ /^([\w-]+) =/mg],
    'JSON: every setting');
done_testing;
