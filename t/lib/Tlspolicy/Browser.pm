package Tlspolicy::Browser;

# Chromium without a screen, each time as if installed just now.

use strict;
use warnings;
use File::Temp qw(tempdir);
use Tlspolicy::Scratch;

my @options = qw(--headless --no-sandbox --disable-gpu --disable-quic
    --no-first-run --disable-background-networking --disable-component-update
    --disable-sync --hide-scrollbars --enable-logging=stderr);

# undef: there is none.
sub find
{
	for my $name (qw(chromium chromium-browser google-chrome)) {
		my ($path) = grep { -x } map { "$_/$name" } split /:/,
		    $ENV{PATH};
		return bless { program => $path } if defined $path;
	}
	return undef;
}

sub run
{
	my ($self, $file, @more) = @_;
	my $profile = tempdir('tlspolicy-browser-XXXXXX', TMPDIR => 1,
	    CLEANUP => 1);
	return Tlspolicy::Scratch::run({ timeout => 90,
	    env => { HOME => $profile } }, $self->{program}, @options,
	    "--user-data-dir=$profile", @more, "file://$file");
}

# The document as it is after loading, and what the console said.
sub dom
{
	my ($self, $file, @more) = @_;
	my $r = $self->run($file, '--virtual-time-budget=3000', @more,
	    '--dump-dom');
	$r->{console} = join "\n", grep { /CONSOLE/ } split /\n/, $r->{err};
	return $r;
}

# As it is printed; scheme as below.
sub pdf
{
	my ($self, $file, $pdf, $scheme) = @_;
	$self->run($file, '--blink-settings=preferredColorScheme=' .
	    ($scheme eq 'dark' ? 0 : 1), '--no-pdf-header-footer',
	    "--print-to-pdf=$pdf");
	return $pdf;
}

# The path of a PNG; scheme: light, dark.
sub shot
{
	my ($self, $file, $png, $scheme, $width, $height) = @_;
	$self->run($file, "--window-size=$width,$height",
	    '--blink-settings=preferredColorScheme=' .
	    ($scheme eq 'dark' ? 0 : 1), "--screenshot=$png");
	return $png;
}

1;
