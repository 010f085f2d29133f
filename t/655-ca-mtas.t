#!/usr/bin/perl
#
# verify=OK between a real Postfix and a real sendmail, both ways, with the
# certificates and the very configuration lines of tlspolicy-ca.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Tlspolicy::Scratch;

for my $module (qw(Tlspolicy::Postfix Tlspolicy::Sendmail)) {
	plan skip_all => "$module: $@" unless eval "require $module; 1";
	my $missing = $module->missing;
	plan skip_all => $missing if defined $missing;
}

my $scratch = Tlspolicy::Scratch->new;
my $dir = $scratch->path('ca');
my @ca = ("$FindBin::Bin/../scripts/tlspolicy-ca", '-d', $dir);
Tlspolicy::Scratch::must(@ca, @$_) for ['-O', 'Example CA', 'init'],
    ['mta', 'mx.example.org', 'localhost', '127.0.0.1'];

# What the two helpers ask for in place of their throw-away certificates.
package OurCertificates {
	sub pair { return map { "$dir/mx.example.org-mta.$_" } qw(pem key) }
	sub ca { return "$dir/ca.pem" }
}
my $certificates = bless {}, 'OurCertificates';

# The throw-away Postfix with smtp(8), which other tests do not need.
package SendingPostfix {
	our @ISA = ('Tlspolicy::Postfix');
	sub write_master {
		my ($self) = @_;
		$self->SUPER::write_master;
		$scratch->write('postfix/etc/master.cf',
		    $scratch->read('postfix/etc/master.cf') . "smtp unix - - n - - smtp\n");
	}
}

my $sendmail = Tlspolicy::Sendmail->start(scratch => $scratch, certs => $certificates,
    mc => Tlspolicy::Scratch::must(@ca, 'show-mta-config', 'sendmail') .
    "define(`SMART_HOST', `esmtp:[127.0.0.1]')dnl\n");
my %lines = map { /^(\S+) = (.*)$/ } split /\n/,
    Tlspolicy::Scratch::must(@ca, 'show-mta-config', 'postfix');
my $postfix = SendingPostfix->start(scratch => $scratch, certs => $certificates,
    main => { %lines, smtp_tls_loglevel => 1,
	myhostname => 'postfix.example.org',
	transport_maps => 'inline:{sendmail.example=smtp:[127.0.0.1]:' .
	    $sendmail->port . '}' });

# Postfix is the client.
is($postfix->submit('a@example.org', 'b@sendmail.example'), 'sent',
    'Postfix delivers to sendmail');
like($postfix->log, qr{smtp\[\d+\]: Trusted TLS connection established to 127\.0\.0\.1},
    "... and trusts sendmail's certificate");
# The queued message carries sendmail's own words.
my ($queued) = glob "$sendmail->{dir}/queue/qf*";
like(defined $queued ? Tlspolicy::Scratch::slurp($queued) : 'nothing is queued',
    qr/\(version=TLSv1\.3 cipher=\S+ bits=256 verify=OK\)/,
    "... and sendmail says of Postfix's: verify=OK");

# sendmail is the client; its mailers are pointed at Postfix's port.
my $cf = $scratch->read('sendmail/sendmail.cf');
my $port = $postfix->port;
cmp_ok($cf =~ s/^(\s*A=TCP \$h)$/$1 $port/mg, '>', 0, "sendmail's mailers get a port");
my $message = $scratch->write('message', "Subject: x\n\nx\n");
my $sent = Tlspolicy::Scratch::run({ in => $message, timeout => 60 },
    Tlspolicy::Names::prefix($scratch), Tlspolicy::Sendmail::binary(),
    '-C', $scratch->write('sendmail/client.cf', $cf), '-O', 'DeliveryMode=interactive',
    '-X', $scratch->path('transcript'), '-v', '-i', '-f', 'a@example.org', 'c@postfix.example');
like($sent->{out} . $sent->{err}, qr/Sent \(/, 'sendmail delivers to Postfix')
    or diag $sent->{out}, $sent->{err};
like($postfix->log,
    qr{smtpd\[\d+\]: Trusted TLS connection established from \S+127\.0\.0\.1\]},
    "... and Postfix trusts its certificate");
like($scratch->read('transcript'), qr/STARTTLS/, '... over TLS');

done_testing();
