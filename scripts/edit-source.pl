#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0
#
# edit-source.pl TREE <EDITS - changes a few places in files that are not ours
# and differ from kernel to kernel. A place is found by what stands there, never
# by line numbers; what is found not exactly once is an error, so that nothing
# goes to a wrong place in silence. Prints the files that changed.
#
#	file PATH		the commands below are about this file
#	file? PATH		... and are left out if it is not there
#	if REGEX		... or if nothing in it matches
#	in REGEX		the function that begins so, up to its closing brace
#	before REGEX		the +lines that follow go before the match's first line,
#	after REGEX		or after it,
#	replace REGEX		or in its place
#	before? REGEX ...	the same, where it need not be there
#	expect REGEX		one of those must have been
#	+text			a line
#
# Expressions are Perl's, with /m: they may span lines.

use strict;
use warnings;

my $tree = shift // die "usage: edit-source.pl TREE <EDITS\n";
my ($path, $text, $skip, $scope, $pending);

sub fail { die "edit-source.pl: line $.: " . join('', @_) . "\n"; }

sub save {
	return unless defined $path;
	open my $out, '>', "$tree/$path" or fail "$path: $!";
	print $out $text;
	close $out or fail "$path: $!";
	print "$path\n";
	undef $path;
}

# Offset and length of what commands are about.
sub area {
	return (0, length $text) unless defined $scope;
	$text =~ /$scope/m or fail "$path: no function /$scope/";
	my $from = $-[0];
	my $to = index($text, "\n}", $from);
	$to < 0 and fail "$path: /$scope/ has no end";
	return ($from, $to + 3 - $from);
}

sub apply {
	return unless $pending;
	my ($verb, $regex, $lines) = @$pending;
	my $optional = $verb =~ s/\?$//;
	undef $pending;
	return if $skip;
	my ($from, $length) = area();
	my $part = substr($text, $from, $length);
	my @starts;
	push @starts, $-[0] while $part =~ /$regex/mg;
	return if !@starts && $optional;
	@starts == 1 or fail "$path: /$regex/ is there ", scalar @starts, " times, not once";
	my $start = rindex($part, "\n", $starts[0] - 1) + 1;
	$start = 0 if $starts[0] == 0;
	my $end = index($part, "\n", $starts[0]) + 1;
	if ($verb eq 'before') {
		substr($part, $start, 0) = $lines;
	} elsif ($verb eq 'after') {
		substr($part, $end, 0) = $lines;
	} else {
		substr($part, $start, $end - $start) = $lines;
	}
	substr($text, $from, $length) = $part;
}

while (my $line = <STDIN>) {
	chomp $line;
	if ($line =~ /^\+(.*)/) {
		$pending or fail "no place is known for this line";
		$pending->[2] .= "$1\n";
		next;
	}
	apply();
	next if $line =~ /^\s*(#|$)/;
	my ($verb, $rest) = $line =~ /^(\S+)\s+(.*)$/ or fail "what is '$line'?";
	if ($verb =~ /^file\??$/) {
		save();
		undef $scope;
		$skip = !-e "$tree/$rest";
		if ($skip) {
			fail "$rest is not there" unless $verb eq 'file?';
			next;
		}
		open my $in, '<', "$tree/$rest" or fail "$rest: $!";
		local $/;
		($path, $text) = ($rest, <$in>);
	} elsif ($verb eq 'if') {
		if (!$skip && $text !~ /$rest/m) {
			$skip = 1;
			undef $path;
		}
	} elsif ($verb eq 'in') {
		$scope = $rest;
	} elsif ($verb eq 'expect') {
		next if $skip;
		my ($from, $length) = area();
		substr($text, $from, $length) =~ /$rest/m or
			fail "$path: none of the known places is there for /$rest/; this kernel needs an edit of its own";
	} elsif ($verb =~ /^(before|after|replace)\??$/) {
		$pending = [$verb, $rest, ''];
	} else {
		fail "what is '$verb'?";
	}
}
apply();
save();
