#!/usr/bin/perl
# Stands in for systemd's notification socket: notified.pl PATH COMMAND...
# Runs the command with NOTIFY_SOCKET; each datagram goes to stderr as "notified: TEXT".
use strict;
use warnings;
use Socket;

my $path = shift;
socket(my $s, PF_UNIX, SOCK_DGRAM, 0) or die "socket: $!";
bind($s, pack_sockaddr_un($path)) or die "$path: $!";
$ENV{NOTIFY_SOCKET} = $path;
my $parent = $$;
$ENV{WATCHDOG_PID} = $parent if $ENV{WATCHDOG_USEC};
# The child listens, so that the command has the process id that is known.
defined(my $child = fork) or die "fork: $!";
if ($child) {
	close $s;
	exec @ARGV or die "$ARGV[0]: $!";
}
while (defined recv $s, my $text, 4096, 0) {
	print STDERR map { "notified: $_\n" } split /\n/, $text;
	last if $text =~ /^STOPPING=1/m;
}
