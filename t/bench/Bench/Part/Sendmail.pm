package Bench::Part::Sendmail;

# Messages a second through sendmail: an instance for each milter, which queues what
# it accepts and forks for each connection.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Bench::Part::Postfix;
use Bench::Postfix;
use Tlspolicy::Certs;
use Tlspolicy::Scratch;
use Tlspolicy::Sendmail;

sub run ($bench) {
	my $missing = Bench::Postfix::available() ?
	    Tlspolicy::Sendmail::missing() : 'no smtp-source (Postfix has it)';
	return { data => {}, text => "messages/s through sendmail\n",
		notes => ["$missing: left out"] } if $missing;
	my @who = Bench::Part::Postfix::contestants($bench);
	my @scratch = map { Tlspolicy::Scratch->new } @who;
	my $certs = Tlspolicy::Certs->new($scratch[0]);
	my @mta = map { Tlspolicy::Sendmail->start(scratch => $scratch[$_],
	    certs => $certs, milter => $who[$_]{socket} &&
	    Tlspolicy::Sendmail->milter_address($who[$_]{socket})) } 0 .. $#who;
	my $result = Bench::Part::Postfix::compare($bench, 'sendmail',
	    [map { $_->port } @mta], @who);
	$_->stop for @mta;
	return $result;
}

1;
