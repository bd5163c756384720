# What the guest's cases are written with. Sourced by guest. $build: the build folder; $out: the
# folder that the host sees; $rounds: how often what is done again and again is done, and $seconds:
# while there is time.
# shellcheck shell=sh disable=SC2154

say_to() { # CASE: what follows is told of it
    tap=$out/$1.tap
    expected=$out/$1.expected
}

say() { # what people may want to know
    echo "# $*" >> "$tap"
}

check() { # DESCRIPTION COMMAND...
    what=$1
    shift
    if "$@" > "$out/check.log" 2>&1; then
        echo "ok - $what" >> "$tap"
    else
        echo "not ok - $what" >> "$tap"
        tail -n 30 "$out/check.log" | sed 's/^/# /' >> "$tap"
    fi
}

skip() { # DESCRIPTION REASON
    echo "ok - $1 # SKIP $2" >> "$tap"
}

uptime_s() {
    read -r uptime _ < /proc/uptime
    uptime=${uptime%.*}
}

time_is_up() {
    uptime_s
    [ "$uptime" -ge "$seconds" ]
}

# For at most so many seconds: generous, for this machine is slow and may be in company.
wait_for() { # SECONDS COMMAND...
    uptime_s
    deadline=$((uptime + $1))
    shift
    until "$@"; do
        uptime_s
        [ "$uptime" -lt "$deadline" ] || { echo "waited in vain for: $*"; return 1; }
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

# Debian's kernel lacks vimc and vicodec: they are there where VM_MODULES=yes had them built.
has_module() { # NAME
    grep -q "\b$1\.ko:" /lib/modules/*/modules.dep
}

# The device that a driver calls so: "vivid-000-vid-cap", "stateful-encoder".
node_named() { # NAME
    for node in /sys/class/video4linux/*; do
        if [ "$(cat "$node/name" 2> /dev/null)" = "$1" ]; then
            echo "/dev/${node##*/}"
            return
        fi
    done
    return 1
}

node_there() { # NAME
    udevadm settle --timeout=20 && [ -c "$(node_named "$1")" ]
}

# In microseconds of CLOCK_MONOTONIC, as the programs' logs have them; as good as 10 ms.
now_us() {
    awk '{ printf "%d\n", $1 * 1000000 }' /proc/uptime
}

# --- the USB camera; it is tests/vm/usbcam, and what it says is in usbcam.log

usbcam_start() { # unless it runs
    [ -z "$usbcam_pid" ] || return 0
    modprobe vhci-hcd && modprobe uvcvideo && mkfifo /run/lab/usbcam || return
    # Open here, too, nobody waits for a reader that has died.
    exec 9<> /run/lab/usbcam
    "$build/tests/vm/usbcam" /run/lab/usbcam >> "$out/usbcam.log" 2>&1 9>&- &
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

# Every picture is whole, and none is missing but those that the kernel says it had to drop, because
# grab was not there in time.
consecutive() { # NAME
    awk '/^picture/ {
            if ($4 != "ok" || $5 == "-" || (count > 0 && $5 - number != $2 - sequence)) {
                print "after " number ": " $0
                bad = 1
            }
            sequence = $2
            number = $5
            count++
        }
        END { exit bad || count == 0 }' "$out/$1.log"
}

# --- what the host looks at afterwards: NAME.h264 shows pictures of the test pattern, as many as
# NAME.log says, in order, none missing but those that usbcam.log calls damaged, those before a
# discontinuity, MISSING others that are accounted for, and a tenth on a machine that is too busy.

expect_pictures() { # NAME WIDTH HEIGHT MISSING DESCRIPTION
    printf '%s\t%s\t%s\t%s\t%s\n' "$@" >> "$expected"
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
    [ -n "$daemon_pid" ] && [ -d "/proc/$daemon_pid" ]
}

daemon_stop() { # 0: it has ended in order
    kill "$daemon_pid" && wait "$daemon_pid"
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

# Pictures that the test source did not draw, because nalcastd was not there in time.
daemon_skipped() { # NAME
    sed -n 's/.* \([0-9]*\) frames skipped.*/\1/p' "$out/$1.log" | grep . || echo 0
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
    kill "$watch_pid" && wait "$watch_pid"
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

# After so many lines: the first access unit since the viewer was told that the source is away, as
# "TIME FLAGS"; nothing as long as there is none.
recovered() { # NAME LINES
    tail -n "+$(($2 + 1))" "$out/$1.log" | awk '
        / text .*"type": *"source"/ { away = /"online": *false/ || away }
        away && $2 == "au" { print $1, $4; exit }'
}

has_recovered() { # NAME LINES
    [ -n "$(recovered "$1" "$2")" ]
}

# Who watches is told that the source is away, for that reason; COMMAND then brings it back, of which
# EVENT of usbcam.log tells the time, or "now"; and the first picture is an IDR after a discontinuity.
lose_and_recover() { # NAME LINES REASON EVENT COMMAND...
    name=$1 lines=$2 reason=$3 event=$4
    shift 4
    wait_for 60 heard "$name" "$lines" "\"online\": *false.*$reason" || return
    since=$(now_us)
    "$@" || return
    wait_for 120 has_recovered "$name" "$lines" || return
    [ "$event" = now ] || since=$(usbcam_time_of "$event")
    recovered "$name" "$lines" | {
        read -r time flags
        echo "$(((time - since) / 1000)) $event" >> "$out/recoveries"
        [ "$flags" -eq 3 ] || { echo "the first picture has flags $flags"; return 1; }
    }
}

# Of those times, in ms: how many, and their spread.
tell_recoveries() { # EVENT WHAT
    sort -n "$out/recoveries" | awk -v event="$1" -v what="$2" '
        $2 == event { ms[++n] = $1 }
        END {
            if (n > 0)
                printf "pictures again after %s: %d times, %d to %d ms, median %d ms\n", what, n,
                    ms[1], ms[n], ms[int((n + 1) / 2)]
        }' >> "$out/told"
    say "$(tail -n 1 "$out/told")"
}

# --- a camera in trouble, while nalcastd has it and VIEWER watches

unplug_once() { # VIEWER [PORT]
    lines=$(lines_of "$1")
    unplug
    lose_and_recover "$1" "$lines" '' plugged plug ${2+"$2"}
}

stall_once() { # VIEWER
    lines=$(lines_of "$1")
    usbcam stall
    lose_and_recover "$1" "$lines" '' resumed usbcam resume
}

unbind_once() { # VIEWER
    lines=$(lines_of "$1")
    interface=$(camera_interface)
    driver unbind "$interface"
    lose_and_recover "$1" "$lines" '' now driver bind "$interface"
}

survived() { # SECONDS VIEWER COMMAND...: pictures come again in time, nobody is lost
    patience=$1 viewer=$2
    before=$(watched "$viewer")
    shift 2
    "$@" && wait_for "$patience" watched_more "$viewer" $((before + 5)) && watch_lives &&
        daemon_lives
}

# As often as is asked for, but once at least and not beyond its share of the time: so many kinds of
# trouble are still to come, this one with them.
again_and_again() { # KINDS COMMAND...
    uptime_s
    share_end=$((uptime + (seconds - uptime) / $1))
    shift
    round=0
    while [ "$round" -lt "$rounds" ]; do
        round=$((round + 1))
        "$@" || { echo "in round $round"; return 1; }
        uptime_s
        [ "$uptime" -lt "$share_end" ] || break
    done
    [ "$round" -eq "$rounds" ] || say "$round of $rounds rounds: no more time"
}
