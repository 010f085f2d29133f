package Bench::Figures;

# Medians, ratios of runs that stood side by side, and tables.

use v5.36;
use Exporter 'import';
our @EXPORT_OK = qw(spread ratios table);

# { min, median, max } of numbers.
sub spread (@numbers) {
	my @n = sort { $a <=> $b } @numbers;
	return undef if !@n;
	my $middle = @n % 2 ? $n[$#n / 2] : ($n[@n / 2 - 1] + $n[@n / 2]) / 2;
	return { min => $n[0], median => $middle, max => $n[-1] };
}

# Of the quotients round by round: rounds are comparable, runs are not.
sub ratios ($ours, $theirs) {
	return spread(map { $theirs->[$_] ? $ours->[$_] / $theirs->[$_] : () }
		    0 .. $#$ours);
}

sub cell ($value) {
	return '-' if !defined $value;
	return sprintf('%.2f (%.2f-%.2f)', @{$value}{qw(median min max)})
	    if ref $value eq 'HASH';
	return $value if $value !~ /^-?[\d.]+(?:e[-+]?\d+)?$/;
	return $value >= 1000 || $value == int $value
	    ? sprintf('%.0f', $value) : sprintf('%.2f', $value);
}

# Rows are hashes; columns name their keys, in order.
sub table ($title, $columns, @rows) {
	my @cells = ($columns, map { my $r = $_; [ map { cell($r->{$_}) } @$columns ] } @rows);
	my @width;
	for my $row (@cells) {
		for my $n (0 .. $#$row) {
			my $w = length $row->[$n];
			$width[$n] = $w if $w > ($width[$n] // 0);
		}
	}
	my $text = "$title\n";
	for my $row (@cells) {
		$text .= '  ' . join('  ', map {
			$_ == 0 ? sprintf('%-*s', $width[$_], $row->[$_])
			    : sprintf('%*s', $width[$_], $row->[$_])
		} 0 .. $#$row) . "\n";
	}
	return $text;
}

1;
