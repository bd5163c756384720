#!/usr/bin/perl
# Connections to a SOCK_SEQPACKET socket, for node, which has none: seqpacket.pl PATH
#
# On stdin, a line each: "N open", "N send TEXT", "N fill BYTES" (a packet of that many spaces),
# "N shut" (no more will be said), "N close". On stdout: "N packet TEXT", "N closed",
# "N error TEXT".
use strict;
use warnings;
use IO::Select;
use Socket;

my ($path) = @ARGV;
my (%socket, %number);
my $ready = IO::Select->new(\*STDIN);
$| = 1;

sub forget {
	my ($n) = @_;
	my $s = delete $socket{$n} or return;
	delete $number{$s};
	$ready->remove($s);
	close $s;
}

sub obey {
	my ($n, $verb, $rest) = @_;
	if ($verb eq 'open') {
		socket(my $s, PF_UNIX, SOCK_SEQPACKET, 0) or die "socket: $!";
		connect($s, pack_sockaddr_un($path)) or return print "$n error $!\n";
		($socket{$n}, $number{$s}) = ($s, $n);
		$ready->add($s);
		return;
	}
	my $s = $socket{$n} or return;
	my $packet = $verb eq 'fill' ? ' ' x $rest : $rest;
	if ($verb eq 'close') { forget($n) }
	elsif ($verb eq 'shut') { shutdown $s, 1 }
	else { defined send($s, $packet, 0) or print "$n error $!\n" }
}

my $pending = '';
for (;;) {
	for my $s ($ready->can_read) {
		if ($s == \*STDIN) {
			sysread(STDIN, $pending, 65536, length $pending) or exit;
			obey(split / /, $1, 3) while $pending =~ s/^(.*)\n//;
			next;
		}
		my $n = $number{$s} // next;
		my $came = recv $s, my $packet, 1 << 20, 0;
		if (defined $came && length $packet) { print "$n packet $packet\n" }
		else { print "$n closed\n"; forget($n) }
	}
}
