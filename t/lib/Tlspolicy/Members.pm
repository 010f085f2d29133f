package Tlspolicy::Members;

# Members of JSON: what tlspolicy-json(5) says of them, what a document has, and
# which names stand in the code.
#
# A scope is a place of the manual against which a value is held: a section of
# that page and a path in it, or the words of another page.  A text that says
# "as in" and a section or page leads from one to the other.

use strict;
use warnings;
use JSON::PP ();
use Tlspolicy::Tree;

my $page = 'tlspolicy-json.5';
my %section;	# name => { intro => text, rows => { path => { text, seen } } }
my %words;	# page and section => { word => 1 }

# The names of an .It line.  "*" is a name in another type, which is data.
sub names
{
	my ($line) = @_;
	$line =~ s/\\&//g;
	$line =~ s/\bAr [A-Z]+/*/g;
	$line =~ s/ Ns //g;
	$line =~ s/\bVa //g;
	return split / , /, $line;
}

# The rows of a section's lists; those without a text share that of the next.
sub rows
{
	my ($text) = @_;
	my (%row, @open);
	for (split /^(?=\.(?:It |Bl |El$))/m, $text) {
		next unless s/\A\.It (.*)\n//;
		push @open, names($1);
		next if $_ eq '';
		$row{$_} = { text => '', seen => 0 } for @open;
		for my $path (splice @open) {
			$row{$path}{text} = $_;
		}
	}
	return \%row;
}

sub read_page
{
	my %text = Tlspolicy::Tree::manual($page);
	for my $name (keys %text) {
		my ($intro) = $text{$name} =~ /\A(.*?)(?:^\.Bl |\z)/ms;
		$section{$name} = { intro => $intro, rows => rows($text{$name}) };
	}
	return sort keys %section;
}

sub section
{
	return $section{$_[0]};
}

# Names that are marked up in another page; of tlspolicy(1) in one section.
sub words_of
{
	my ($other, $part) = @_;
	return $words{"$other $part"} //= do {
		my %text = Tlspolicy::Tree::manual($other);
		my $text = $part ne '' ? $text{$part} // '' :
		    Tlspolicy::Tree::text("man/$other");
		+{ map { $_ => 1 } map { /(\w+)/g }
		    $text =~ /^\.(?:It |Pq )?(?:Va|Li) (.*)$/mg };
	};
}

# Where "as in" of a text leads.
sub leads_to
{
	my ($text) = @_;
	my @scopes;
	while ($text =~ /\bas in\n\.(?:Sx (.+?)|Xr (\S+) (\d))(?: [.,;:])?\n(?:\.Cm (\w+))?/g) {
		push @scopes, defined $1 ? start_of($1) :
		    { words => words_of("$2.$3", $4 // '') };
	}
	return @scopes;
}

sub start_of
{
	my ($name) = @_;
	my $of = $section{$name} or die "$page has no section $name\n";
	return ({ section => $name, path => '' }, leads_to($of->{intro}));
}

sub row_of
{
	my ($name, $path) = @_;
	my $rows = $section{$name}{rows};
	return $rows->{$path} if $rows->{$path};
	for my $key (grep { /\*/ } keys %$rows) {
		my $pattern = join '[^.\[]+', map { quotemeta } split /\*/, $key, -1;
		return $rows->{$key} if $path =~ /\A$pattern\z/;
	}
	return undef;
}

sub type_in_page
{
	my ($row, $path) = @_;
	my ($name) = $path =~ /(\w+)\z/;
	for my $text ($row->{text}, ($section{'What is common'}{rows}{$name // ''} //
	    { text => '' })->{text}) {
		return lc $1 if $text =~ /\A(Number|Boolean|List|Object)\b/;
	}
	return 'string';
}

sub type_of
{
	my ($value) = @_;
	return 'list' if ref $value eq 'ARRAY';
	return 'object' if ref $value eq 'HASH';
	return 'boolean' if JSON::PP::is_bool($value);
	return JSON::PP->new->allow_nonref->encode($value) =~ /^"/ ?
	    'string' : 'number';
}

# Holds a document against a section; what is wrong.  `part`: it is one of those
# that need not have all members.
sub compare
{
	my ($name, $value, %how) = @_;
	my %wrong;
	walk($value, '', \%wrong, \%how, start_of($name));
	return sort keys %wrong;
}

sub walk
{
	my ($value, $path, $wrong, $how, @scopes) = @_;
	if (ref $value eq 'ARRAY') {
		my @in = map { $_->{words} || $_->{path} eq '' ? $_ :
		    { %$_, path => "$_->{path}\[]" } } @scopes;
		walk($_, "$path\[]", $wrong, $how, @in) for @$value;
	} elsif (ref $value eq 'HASH') {
		member($_, $value->{$_}, $path, $wrong, $how, @scopes)
		    for keys %$value;
		missing($value, $path, $wrong, @scopes) unless $how->{part};
	}
}

sub member
{
	my ($name, $value, $path, $wrong, $how, @scopes) = @_;
	my $step = $name =~ tr/./_/r;
	my $below = $path =~ s/\A\[\]//r;
	$below = $below eq '' ? $step : "$below.$step";
	my (@in, @known);
	for my $scope (@scopes) {
		if ($scope->{words}) {
			next unless $scope->{words}{$name};
			push @known, $scope;
			push @in, $scope;
			next;
		}
		my $at = $scope->{path} eq '' ? $step : "$scope->{path}.$step";
		my $row = row_of($scope->{section}, $at) or next;
		push @known, { row => $row, at => $at };
		push @in, { %$scope, path => $at }, leads_to($row->{text});
		$row->{seen}++;
	}
	$wrong->{"$below is not in the manual"} = 1 unless @known;
	check_type($_->{row}, $_->{at}, $value, $below, $wrong)
	    for grep { $_->{row} } @known;
	walk($value, $path eq '' ? $step : "$path.$step", $wrong, $how, @in)
	    if @known;
}

# A text that begins with words has all that a value can be.
sub words_in
{
	my ($text) = @_;
	my ($list) = $text =~ /\A((?:\.Li .*\n|or\n|and\n)+)/ or return ();
	return () if $' =~ /\Aand the like/;
	return map { s/ *[.,;:]*\z//r } map { split / , /, $_ }
	    $list =~ /^\.Li (.*)$/mg;
}

sub check_type
{
	my ($row, $at, $value, $below, $wrong) = @_;
	if (!defined $value) {
		$wrong->{"$below: null, and the manual does not say so"} = 1
		    unless $row->{text} =~ /\bnull\b/;
		return;
	}
	my ($want, $got) = (type_in_page($row, $at), type_of($value));
	$wrong->{"$below: a $got, and the manual says $want"} = 1
	    if $want ne $got;
	my %word = map { $_ => 1 } words_in($row->{text});
	$wrong->{"$below: the manual does not have the word $value"} = 1
	    if %word && !$word{$value};
	$wrong->{"$below: a time to the microsecond, or to the second"} = 1
	    if $value =~ /\A\d{4}-\d\d-\d\dT[\d:]+(\.\d+)?Z\z/ &&
	    (defined $1) != ($row->{text} =~ /\bmicrosecond\b/);
}

# Rows that are children of this object and not there, without an "only".
sub missing
{
	my ($value, $path, $wrong, @scopes) = @_;
	my %has = map { tr/./_/r => 1 } keys %$value;
	for my $scope (grep { $_->{section} } @scopes) {
		my $rows = $section{$scope->{section}}{rows};
		my $before = $scope->{path} eq '' ? '' :
		    quotemeta "$scope->{path}.";
		for my $row (keys %$rows) {
			next unless $row =~ /\A$before(\w+)\z/;
			next if $has{$1} || $rows->{$row}{text} =~ /^Only\b/m;
			my $below = ($path eq '' ? '' : "$path.") . $1;
			$wrong->{$below =~ s/\A\[\]\.?//r . ' is missing, and ' .
			    'the manual does not say when'} = 1;
		}
	}
}

# Whether a name is one of a section's, wherever it stands there.
sub is_named
{
	my ($name, @sections) = @_;
	my %done;
	while (defined(my $of = shift @sections)) {
		next if $done{$of}++;
		my $rows = $section{$of}{rows};
		return 1 if grep { /(?:\A|\.)\Q$name\E\z/ } keys %$rows;
		for (map { leads_to($_) } $section{$of}{intro},
		    map { $_->{text} } values %$rows) {
			return 1 if $_->{words} && $_->{words}{$name};
			push @sections, $_->{section} if $_->{section};
		}
	}
	return 0;
}

# From behind an opening parenthesis to the closing one: the arguments.
sub arguments
{
	my ($code, $at) = @_;
	my ($depth, @all) = (0, '');
	pos($code) = $at;
	while ($code =~ /\G("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|.)/gs) {
		my $c = $1;
		return map { s/\A\s+|\s+\z//gr } @all if $depth == 0 && $c eq ')';
		$depth++ if $c eq '(' || $c eq '{' || $c eq '[';
		$depth-- if $c eq ')' || $c eq '}' || $c eq ']';
		if ($depth == 0 && $c eq ',') {
			push @all, '';
		} else {
			$all[-1] .= $c;
		}
	}
	return ();
}

# The arguments of json_pack() that are names: in braces each other one.
sub packed
{
	my ($format, @rest) = @_;
	my @names;
	my @in;	# open braces: whether a name comes next; brackets: undef
	for ($format =~ /[{}\[\]:,]|[a-zA-Z][?#%*]*/g) {
		if (/\{/) {
			push @in, 1;
		} elsif (/\[/) {
			push @in, undef;
		} elsif (/[\}\]]/) {
			pop @in;
		} elsif (/:/) {
			$in[-1] = 0 if @in;
		} elsif (/,/) {
			$in[-1] = 1 if @in && defined $in[-1];
		} elsif (@in && $in[-1]) {
			push @names, shift @rest;
		} else {
			shift @rest for 1 .. (/^n/ ? 0 : 1) + tr/#%//;
		}
	}
	return @names;
}

# The names that a file puts into JSON, as they stand in its code, and the
# expressions of those that do not.  `helpers`: its functions whose arguments of
# these numbers are names.
sub in_code
{
	my ($path, %helpers) = @_;
	my $code = Tlspolicy::Tree::code($path);
	my (%literal, %computed, @expressions);
	while ($code =~ /\b(json_pack\w*|json_object_set\w*|json_sprintf|\w+)\(/g) {
		my ($function, $at) = ($1, pos $code);
		my @which = @{$helpers{$function} // []};
		next unless @which || $function =~ /\Ajson_(?:pack|object_set)/;
		my @all = arguments($code, $at);
		if (@which) {
			push @expressions, grep { /^"/ } @all[@which];
		} elsif ($function =~ /pack/) {
			my ($format, @rest) = @all;
			push @expressions, packed(join('', $format =~ /"([^"]*)"/g),
			    @rest);
		} else {
			push @expressions, $all[1];
		}
	}
	for (@expressions) {
		my @literals = /"(\w+)"/g;
		$literal{$_} = 1 for @literals;
		$computed{s/\s+/ /gr} = 1 unless @literals;
	}
	$literal{$_} = 1 for $code =~ /[,\{]?\\"(\w+)\\":/g;
	return (\%literal, \%computed);
}

1;
