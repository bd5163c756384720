# What the guest's cases are written with. Sourced by guest. $build: the build folder; $out: the
# folder that the host sees; $rounds: how often what is done again and again is done; $count: of the
# checks so far.
# shellcheck shell=sh disable=SC2154

say() { # what people may want to know
    echo "# $*" >> "$out/tap"
}

check() { # DESCRIPTION COMMAND...
    count=$((count + 1))
    what=$1
    shift
    if "$@" > "$out/check.log" 2>&1; then
        echo "ok - $what" >> "$out/tap"
    else
        echo "not ok - $what" >> "$out/tap"
        tail -n 30 "$out/check.log" | sed 's/^/# /' >> "$out/tap"
    fi
}

skip() { # DESCRIPTION REASON
    count=$((count + 1))
    echo "ok - $1 # SKIP $2" >> "$out/tap"
}

# For at most so many seconds: generous, for this machine is slow and may be in company.
wait_for() { # SECONDS COMMAND...
    tries=$(($1 * 10))
    shift
    until "$@"; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || { echo "waited in vain for: $*"; return 1; }
        sleep 0.1
    done
}

gone() { # PATH
    ! [ -e "$1" ]
}

# ends_with STATUS COMMAND...
ends_with() {
    status=$1
    shift
    "$@"
    set -- "$?" "$@"
    [ "$1" -eq "$status" ] || { echo "ended with $1, not with $status"; return 1; }
}

# In microseconds of CLOCK_MONOTONIC, as the programs' logs have them; as good as 10 ms.
now_us() {
    awk '{ printf "%d\n", $1 * 1000000 }' /proc/uptime
}

# --- the USB camera; it is tests/vm/usbcam, and what it says is in usbcam.log

usbcam_start() {
    modprobe vhci-hcd && modprobe uvcvideo && mkfifo /run/lab/usbcam || return
    "$build/tests/vm/usbcam" /run/lab/usbcam >> "$out/usbcam.log" 2>&1 &
    usbcam_pid=$!
}

usbcam_stop() {
    usbcam quit
    wait "$usbcam_pid"
}

usbcam() { # COMMAND...
    echo "$*" > /run/lab/usbcam
}

# The name that udev gives it, in whatever port it is; and what that stands for.
camera=/dev/v4l/by-id/usb-nalcast_nalcast_test_camera_vm0001-video-index0

# When udev is done with it: what was there before may be there still.
camera_there() {
    udevadm settle --timeout=20 && [ -c "$camera" ]
}

plug() { # [PORT]
    usbcam plug "${1:-0}"
    wait_for 20 camera_there
}

unplug() {
    usbcam unplug
    wait_for 20 gone "$camera"
}

# What the kernel's USB drivers call it: 1-1:1.0
camera_interface() {
    node=$(readlink -f "$camera")
    basename "$(readlink -f "/sys/class/video4linux/${node##*/}/device")"
}

driver() { # bind|unbind INTERFACE
    echo "$2" > "/sys/bus/usb/drivers/uvcvideo/$1"
}

# The newest number of that event, and its time.
usbcam_time_of() { # EVENT
    awk -v event="$1" '$2 == event { time = $1 } END { print time }' "$out/usbcam.log"
}

# --- grab

grab() { # NAME OPTION... DEVICE FOURCC WIDTH HEIGHT: what it says is in NAME.log
    grab_name=$1
    shift
    "$build/tests/vm/grab" "$@" > "$out/$grab_name.log"
    grabbed=$?
    cat "$out/$grab_name.log"
    return "$grabbed"
}

# The same beside us, once it is under way; grab_end gives its status.
grab_start() { # NAME ...
    grab_name=$1
    shift
    rm -f "$out/$grab_name.log"
    "$build/tests/vm/grab" "$@" > "$out/$grab_name.log" &
    grab_pid=$!
    wait_for 20 pictures_are "$grab_name" 3
}

grab_end() {
    wait "$grab_pid"
}

pictures_in() { # NAME
    grep -c '^picture' "$out/$1.log" 2> /dev/null
}

pictures_are() { # NAME COUNT
    [ -e "$out/$1.log" ] && [ "$(pictures_in "$1")" -ge "$2" ]
}

# Every picture is whole, and the one after that before it.
consecutive() { # NAME
    awk '/^picture/ {
            if ($4 != "ok" || $5 == "-" || (count > 0 && $5 != last + 1)) {
                print "after " last ": " $0
                bad = 1
            }
            last = $5
            count++
        }
        END { exit bad || count == 0 }' "$out/$1.log"
}

# --- what the host looks at afterwards: NAME.h264 shows pictures of the test pattern, as many as
# NAME.log says, in order, none missing but those that usbcam.log calls damaged, those before a
# discontinuity, and at most MISSING others.

expect_pictures() { # NAME WIDTH HEIGHT MISSING DESCRIPTION
    printf '%s\t%s\t%s\t%s\t%s\n' "$@" >> "$out/expected"
}

# --- nalcastd, and its viewers

daemon_start() { # NAME OPTION...: what it says is in NAME.log
    daemon_name=$1
    shift
    rm -rf /run/lab/daemon
    mkdir -p /run/lab/daemon
    "$build/streamer/nalcastd" --name=vm --stream-socket=/run/lab/daemon/stream \
        --control-socket=/run/lab/daemon/control --state-dir=/run/lab/daemon "$@" \
        > "$out/$daemon_name.log" 2>&1 &
    daemon_pid=$!
    wait_for 30 test -S /run/lab/daemon/control
}

daemon_lives() {
    [ -d "/proc/$daemon_pid" ]
}

daemon_stop() { # 0: it has ended in order
    kill "$daemon_pid"
    wait "$daemon_pid"
}

# The reply to an operation, as one line of JSON.
ask() { # OPERATION [ARGUMENTS]
    perl -MSocket -e '
        socket my $s, PF_UNIX, SOCK_SEQPACKET, 0 or die "socket: $!";
        connect $s, pack_sockaddr_un($ARGV[0]) or die "connect: $!";
        send $s, $ARGV[1], 0;
        recv $s, my $reply, 1 << 20, 0;
        print "$reply\n"' \
        /run/lab/daemon/control "{\"v\":1,\"id\":1,\"op\":\"$1\",\"args\":${2:-{\}}}"
}

# A number of a reply.
number_of() { # KEY
    sed -n "s/.*\"$1\": *\([0-9]*\).*/\1/p"
}

daemon_dropped() {
    ask state | number_of dropped_total
}

daemon_files() {
    find "/proc/$daemon_pid/fd" -mindepth 1 | wc -l
}

daemon_kbytes() {
    awk '/^VmRSS/ { print $2 }' "/proc/$daemon_pid/status"
}

watch_start() { # NAME OPTION...: NAME.log, NAME.h264
    watch_name=$1
    shift
    "$build/tests/vm/watch" --output="$out/$watch_name.h264" "$@" /run/lab/daemon/stream \
        > "$out/$watch_name.log" 2>&1 &
    watch_pid=$!
}

watch_lives() {
    [ -d "/proc/$watch_pid" ]
}

watch_stop() {
    kill "$watch_pid" 2> /dev/null
    wait "$watch_pid" 2> /dev/null
    true
}

watched() { # NAME: how many pictures it has
    grep -c ' au ' "$out/$1.log"
}

watched_more() { # NAME COUNT
    [ "$(watched "$1")" -gt "$2" ]
}

# A text of the viewer's after so many lines.
heard() { # NAME LINES PATTERN
    tail -n "+$(($2 + 1))" "$out/$1.log" | grep -E " text .*$3"
}

lines_of() { # NAME
    wc -l < "$out/$1.log"
}
