package Tlspolicy::Nexthop;

# What a table of smtp_tls_policy_maps comes to for a next hop, as Postfix looks
# it up; and the daemon's socketmap, asked for keys.

use strict;
use warnings;
use IO::Select;
use IO::Socket::UNIX;

# Postfix asks for the domain, then for each parent with a dot.
sub keys_of
{
	my ($hop) = @_;
	return $hop if $hop =~ /[\[:]/;
	my @keys = $hop;
	push @keys, $hop while $hop =~ s/^\.?[^.]+(?=\.)//;
	return @keys;
}

# A level and its attributes, in one spelling for each policy.
sub plain
{
	my ($hop, $policy) = @_;
	my ($level, @attributes) = split ' ', $policy;
	my %is;
	return $policy if $level !~ /^[a-z-]+$/; # TEMP, PERM
	for (map { [split /=/, $_, 2] } @attributes) {
		push @{$is{$_->[0]}}, $level eq 'fingerprint' ?
		    split(/\|/, $_->[1]) : split /:/, $_->[1];
	}
	$is{match} //= [$level eq 'verify' ? 'hostname' :
	    ('nexthop', 'dot-nexthop')] if $level =~ /^(?:verify|secure)$/;
	$level =~ s/^verify$/secure/;
	for (@{$is{match} // []}) {
		$_ = $1 ? ".$hop" : $hop if /^(dot-)?nexthop$/;
	}
	return join ' ', $level, map { "$_=" . join ':', sort @{$is{$_}} }
	    sort keys %is;
}

# What is found first counts; else the site's own level.
sub policy_of
{
	my ($hop, $level, $found) = @_;
	my ($first) = grep { defined } map { $found->{$_} } keys_of($hop);
	return plain($hop, $first // $level);
}

# For a row of the tables of tlspolicy-outbound(7), by its rule's name: how the
# rule is written, and the names of secure and of fingerprint.
sub rules_of_rows
{
	my ($fp) = @_;
	return (
	    'no rule' => [''],
	    'WARN+VERIFY' => ['TLS_Rcpt:%s WARN+VERIFY'],
	    'OK' => ['TLS_Rcpt:%s OK'],
	    'ENCR:0' => ['TLS_Rcpt:%s ENCR:0+BY:me++UNTIL:2999-12-31'],
	    'Try_TLS NO' => ['Try_TLS:%s NO'],
	    'Try_TLS OK' => ['Try_TLS:%s OK'],
	    'ENCR:128' => ['TLS_Rcpt:%s ENCR:128'],
	    'DANE:may' => ['TLS_Rcpt:%s DANE:may'],
	    'DANE' => ['TLS_Rcpt:%s PERM+DANE'],
	    'VERIFY' => ['TLS_Rcpt:%s HOLD+VERIFY', 'nexthop:dot-nexthop'],
	    'VERIFY+CN' => ['TLS_Srv:%s VERIFY+CN', 'hostname'],
	    'VERIFY+CN:name' => ['TLS_Rcpt:%s VERIFY+CN:mx.name.test',
		'mx.name.test'],
	    'ENCR:1+FP:hex' => ["TLS_Rcpt:%s ENCR:1+FP:$fp", $fp],
	);
}

sub connect
{
	my ($class, $path, $map) = @_;
	my $sock = IO::Socket::UNIX->new(Peer => $path, Timeout => 60) or
	    die "$path: $!\n";
	return bless { sock => $sock, map => $map // 'tlspolicy' }, $class;
}

# "OK encrypt", "NOTFOUND ", ...
sub ask
{
	my ($self, $key) = @_;
	my $sock = $self->{sock};
	my $query = "$self->{map} $key";
	my $all = '';

	print $sock length($query) . ":$query,";
	while (1) {
		return substr $all, length("$1:"), $1
		    if $all =~ /^(\d+):/ && length $all > length("$1:") + $1;
		IO::Select->new($sock)->can_read(60) or return "none: $all";
		sysread($sock, $all, 65536, length $all) or return "end: $all";
	}
}

1;
