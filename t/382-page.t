#!/usr/bin/perl
#
# The page of tlspolicy report --html, in a browser: it renders, fetches
# nothing, and what came from outside stays text.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use POSIX ();
use Test::More;
use Tlspolicy::Browser;
use Tlspolicy::Sample;
use Tlspolicy::Scratch;

my $bin = Tlspolicy::Scratch::builddir();
plan skip_all => "$bin/t/sample-audit is not built"
    unless -x "$bin/t/sample-audit";
my $scratch = Tlspolicy::Scratch->new;

# Whatever the page would fetch comes here, and is noted.
my $listener = IO::Socket::INET->new(Listen => 20, LocalAddr => '127.0.0.1')
    or die "cannot listen: $!\n";
my $port = $listener->sockport;
my $notes = $scratch->write('fetched', '');
my $server = fork // die "cannot fork: $!\n";
if ($server == 0) {
	while (my $client = $listener->accept) {
		my $request = <$client> // '';
		open my $fh, '>>', $notes or POSIX::_exit(1);
		syswrite $fh, $request;
		syswrite $client, "HTTP/1.0 404 Not Found\r\n\r\n";
	}
	POSIX::_exit(0);
}
$scratch->at_end(sub { local $?; Tlspolicy::Scratch::end_pid($server) });

sub fetched {
	my $seen = Tlspolicy::Scratch::slurp($notes);
	truncate $notes, 0;
	return $seen;
}

sub page {
	my ($name, @arguments) = @_;
	my $r = Tlspolicy::Scratch::run("$bin/tlspolicy", 'report', '--html',
	    @arguments);
	is($r->{status}, 0, "$name: made") or diag $r->{err};
	return $scratch->write("$name.html", $r->{out});
}

my $log = Tlspolicy::Sample::log_of($scratch, 'hostile', sort {
    $a->[0] <=> $b->[0] } @{Tlspolicy::Sample::sessions()},
    @{Tlspolicy::Sample::hostile_sessions($port)});
my %page = (report => page('report', $log), hostile => page('hostile',
    '--domain', 'a,"b"', $log), statement => page('statement', '--domain',
    'insurer.example', $log));

# What can be seen without a browser.
for my $name (sort keys %page) {
	my $html = Tlspolicy::Scratch::slurp($page{$name});
	my @tags = $html =~ /<([a-z1-6]+)/gi;
	my %tags = map { $_ => 1 } @tags;
	is_deeply([grep { !/^(?:html|head|meta|title|style|body|main|header|
	    section|details|summary|div|h1|h2|h3|p|span|b|br|small|strong|code|figure|figcaption|
	    svg|g|rect|ul|li|dl|dt|dd|table|thead|tbody|tr|th|td)$/x }
	    sort keys %tags], [], "$name: only tags that show");
	my %attributes = map { $_ => 1 } map { /\s([\w:-]+)=/g }
	    map { s/"[^"]*"/""/gr } $html =~ /<[a-z][^<>]*>/gi;
	is_deeply([grep { /^(?:on|style$|src|href|xlink)/i }
	    keys %attributes], [], "$name: no attribute that acts");
	like($html, qr/^<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-[\w+\/=]+'; base-uri 'none'; form-action 'none'">$/m,
	    "$name: policy");
	unlike($html, qr/[\x00-\x08\x0b-\x1f\x7f]|\xe2\x80[\xaa-\xae]/,
	    "$name: no control characters");
}

# 120 findings of a kind are one block, which unfolds; what is open comes first.
my @many;
for my $i (1 .. 120) {
	my $t = Tlspolicy::Sample::time_of(1) + $i;
	my $mail = sub { [$t + $_[0] * 86400,
	    Tlspolicy::Sample::sendmail_session("p$i.example", $_[1] ?
	    (tls_version => 'TLSv1.3', cipher => 'TLS_AES_256_GCM_SHA384',
	    cipher_bits => 256) : ())] };
	push @many, map({ $mail->($_, 1) } 1 .. 10), $mail->(20, 0);
	push @many, $mail->(21, 1) if $i % 4 == 0;
}
$page{many} = page('many', Tlspolicy::Sample::log_of($scratch, 'findings',
    sort { $a->[0] <=> $b->[0] } @many));
my $many = Tlspolicy::Scratch::slurp($page{many});
my @blocks = $many =~ m{<details class="(\w+)"><summary><b>(\d+)</b>}g;
is("@blocks", 'fallback 90 done 30', 'a block of each, what is open first');
like($many, qr{<h2>To look at</h2>\n<details.*?</details>\n<h3>Resolved</h3>}s,
    'what is resolved stands apart');
my ($above) = $many =~ m{^(.*?)<h2>Day by day}s;
is(scalar(() = $above =~ /<li /g), 80, 'each block has so many as --top says');
like($many, qr{And 40 more: --top 90\.}, 'and says what is left out');
like($many, qr{<p class="lead">120 of 1,350 mails came in clear, .* To be looked at: 90 clients came in clear after TLS, and TLS has not come back: p\d+\.example, [^<]* \.\.\.\.</p>},
    'for who reads nothing else');
like(Tlspolicy::Scratch::slurp($page{report}), qr{<details class="\w+" open>},
    'few are unfolded from the start');
for my $name (qw(report statement)) {
	like(Tlspolicy::Scratch::slurp($page{$name}), qr{<h2>What this rests on</h2>.*<dt>Chain</dt><dd>not verified here}s,
	    "$name: what it rests on");
}
like(Tlspolicy::Scratch::slurp($page{statement}), qr{<h1>TLS statement on mail that left</h1><p class="lead">No records of mail that left\.},
    'statement: the other direction is not passed over in silence');

my $browser = Tlspolicy::Browser::find();
SKIP: {
	skip 'no Chromium: scripts/install-packages test', 1 unless $browser;

	# A page that does what ours must not is seen to do it.
	my $control = $scratch->write('control.html', join '',
	    '<!DOCTYPE html><title>x</title>',
	    Tlspolicy::Sample::hostile($port));
	my $seen = $browser->dom($control);
	like(fetched(), qr{GET /x\.js}, 'control: a fetch would be seen');
	like($seen->{out}, qr/<title>owned/, 'control: a script would run');

	for my $name (sort keys %page) {
		my $r = $browser->dom($page{$name});
		is($r->{status}, 0, "$name: loaded");
		is($r->{console}, '', "$name: nothing on the console");
		is(fetched(), '', "$name: nothing was fetched");
		my ($title) = $r->{out} =~ m{<title>([^<]*)</title>};
		like($title, qr/^TLS (?:report|statement: )/, "$name: title");
		unlike($r->{out}, qr/<(?:script|img|link)|\son\w+="/i,
		    "$name: nothing came to life");
		my $bars = () = $r->{out} =~ /<rect /g;
		cmp_ok($bars, '>', 3, "$name: charts");
		like($r->{out}, qr{</main>\s*</body></html>\s*\z}, "$name: whole");
	}

	# The one style is the one that the policy lets in.
	my $html = Tlspolicy::Scratch::slurp($page{report});
	my $changed = $scratch->write('changed.html',
	    $html =~ s/<style>/<style>p{color:red}/r);
	like($browser->dom($changed)->{console}, qr/inline style/,
	    'another style would be refused');

	# On paper nothing is folded; on the screen a click does it.
	my $pdf = $browser->pdf($page{many}, $scratch->path('many.pdf'),
	    'dark');
	my $paper = qx(pdftotext $pdf - 2>/dev/null);
	SKIP: {
		skip 'no pdftotext', 1 if $paper eq '';
		cmp_ok(scalar(() = $paper =~ /first 2026-09-14/g), '>=', 80,
		    'paper shows what is folded');
	}

	# Nothing sticks out of a telephone's screen.
	my $probe = $scratch->write('probe.html', $html =~
	    s/<meta http-equiv="Content-Security-Policy"[^>]*>//r .
	    '<script>parent.postMessage(document.documentElement.scrollWidth,' .
	    "'*')</script>");
	my $frame = $scratch->write('frame.html', '<!DOCTYPE html><title>none' .
	    '</title><script>onmessage=e=>document.title="width "+e.data' .
	    '</script><iframe width=360 height=640 style="border:0" ' .
	    "src=\"file://$probe\"></iframe>");
	my ($width) = $browser->dom($frame)->{out} =~ /<title>width (\d+)/;
	is($width, 360, 'as wide as a telephone');

	my %shot = map { $_ => Tlspolicy::Scratch::slurp($browser->shot(
	    $page{report}, $scratch->path("$_.png"), $_, 900, 1200)) }
	    qw(light dark);
	like($shot{$_}, qr/\A\x89PNG/, "a picture, $_") for sort keys %shot;
	ok($shot{light} ne $shot{dark}, 'light and dark differ');
}

# On paper: nothing is cut off, rows and lists stay whole, colours are those
# of paper even when the screen is dark.
sub pages_of {
	my ($scheme) = @_;
	my $pdf = $browser->pdf($page{report}, $scratch->path("$scheme.pdf"),
	    $scheme);
	my $text = Tlspolicy::Scratch::run('pdftotext', '-layout', $pdf,
	    '-')->{out};
	my $picture = Tlspolicy::Scratch::run('pdftoppm', '-r', 20, '-f', 1,
	    '-l', 1, $pdf)->{out};
	return ([split /\f/, $text], $picture);
}

SKIP: {
	skip 'no Chromium and pdftotext: scripts/install-packages test', 1
	    unless $browser && -x '/usr/bin/pdftotext';
	my ($pages, $light) = pages_of('light');
	my $n = @$pages;
	cmp_ok($n, '<=', 6, 'printed on few pages');
	is(join(' ', map { m{(\d+) ?/ ?(\d+)\s*\z} ? "$1/$2" : '?' } @$pages),
	    join(' ', map { "$_/$n" } 1 .. $n), 'each with its number');
	like($pages->[0], qr/attempts.*would have/s, 'all tiles on the first');
	my ($last) = grep { /How to read this/ } @$pages;
	like($last, qr/How to read this.*Mails.*Evidence.*see below/s,
	    'a list stays on its page');
	my @rows = grep { /^ *insurer\.example .*\d +\d+ *$/m } @$pages;
	is(scalar @rows, 1, 'a row stays on its page, with its last column');
	my ($width, $height, $dots) = $light =~ /\AP6\n(\d+) (\d+)\n255\n(.*)/s;
	is(length $dots, 3 * $width * $height, 'a picture of it');
	is(substr($dots, 0, 3), "\xff" x 3, 'on white');
	cmp_ok(scalar(grep { my ($r, $g, $b) = unpack 'C3', $_;
	    $r > 150 && $g < 110 && $b < 60 } $dots =~ /.../gs), '>', 3,
	    'bars and signs keep their colours');
	is((pages_of('dark'))[1], $light, 'the same from a dark screen');
}

done_testing;
