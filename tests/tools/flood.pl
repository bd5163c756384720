#!/usr/bin/perl
# flood.pl SOCKET ONCE AGAIN: connects, writes ONCE, then AGAIN for ever, as fast as it goes; both
# in hexadecimal digits. Reads nothing. Ends when the peer has closed.
use strict;
use warnings;
use IO::Socket::UNIX;

my ($path, $once, $again) = @ARGV;
my $socket = IO::Socket::UNIX->new(Peer => $path) or die "$path: $!\n";
my $block = pack 'H*', $again;
$block x= 1 + int(262144 / length $block);
$SIG{PIPE} = 'IGNORE';
syswrite $socket, pack('H*', $once) or exit;
my $from = 0;
while (1) {
    my $written = syswrite($socket, $block, length($block) - $from, $from) or exit;
    $from = ($from + $written) % length $block;
}
