#!/usr/bin/perl
# Hands over listening sockets as systemd does: activate.pl STREAM-PATH CONTROL-PATH COMMAND...
use strict;
use warnings;
use Socket;

my ($stream, $control, @command) = @ARGV;
$^F = 10; # no close-on-exec
my @sockets;
for ([$stream, SOCK_STREAM], [$control, SOCK_SEQPACKET]) {
	my ($path, $type) = @$_;
	socket(my $s, PF_UNIX, $type, 0) or die "socket: $!";
	bind($s, pack_sockaddr_un($path)) or die "$path: $!";
	listen($s, 64) or die "$path: $!";
	push @sockets, $s;
}
die "descriptors are not 3 and 4\n" unless fileno($sockets[0]) == 3 && fileno($sockets[1]) == 4;
@ENV{qw(LISTEN_PID LISTEN_FDS LISTEN_FDNAMES)} = ($$, 2, 'stream:control');
exec @command or die "$command[0]: $!";
