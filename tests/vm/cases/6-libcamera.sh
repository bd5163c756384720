# nalcast-capture, and nalcastd with it, on libcamera's handler of USB cameras.
# shellcheck shell=sh disable=SC2154,SC2317 # lib.sh has them; check calls them

# It takes no camera whose bus nobody has described; where there is no ACPI, a folder with the
# description is put over the bus' own. It sees no H.264.
describe_bus() {
    over=/run/lab/platform
    mkdir -p "$over/vhci_hcd.0" "$over/firmware_node" &&
        echo '\_SB_.VHCI' > "$over/firmware_node/path" &&
        mount --bind /sys/devices/platform/vhci_hcd.0 "$over/vhci_hcd.0" &&
        mount --rbind "$over" /sys/devices/platform
}

forget_bus() {
    umount -l /sys/devices/platform && umount -l "$over/vhci_hcd.0"
}

capture=$build/capture/nalcast-capture
# As the camera is called in port 0.
libcamera_id='\_SB_.VHCI-1:1.0-1d6b:0102'

capture_lists_it() {
    usbcam offer yuyv
    plug && "$capture" --list > "$out/capture-list.log" 2>&1
    cat "$out/capture-list.log"
    grep -qxF "$libcamera_id" "$out/capture-list.log" && grep -q 320x240 "$out/capture-list.log"
}

lend() { # NAME OPTION...: what it says is in NAME.log
    lend_name=$1
    shift
    "$build/tests/libcamera/lend" "$@" "$capture" "$libcamera_id" 320 240 \
        > "$out/$lend_name.log" 2>&1
    lent=$?
    tail -n 20 "$out/$lend_name.log"
    return "$lent"
}

# The brightness turns the camera, and its pictures are whole.
pictures_are_lent() {
    lend lent --pictures=40 --change=brightness=0.5 --change=brightness=0 || return
    awk '/^picture/ {
            if ($4 == "-") { print "unreadable: " $0; bad = 1 }
            if (n && $4 <= last) { print "after " last ": " $0; bad = 1 }
            last = $4; n++
            if ($3 > most) most = $3
            if (n == 1) first = $3
        }
        END { exit bad || n != 40 || most < first + 30 }' "$out/lent.log"
}

lent_are() { # COUNT
    [ "$(grep -c '^picture' "$out/lending.log" 2> /dev/null)" -ge "$1" ]
}

while_lending() { # COMMAND...: lend's status; nalcast-capture ends in order
    rm -f "$out/lending.log"
    lend lending --pictures=100000 &
    lend_pid=$!
    wait_for 90 lent_are 3 && "$@" && wait "$lend_pid"
    lent=$?
    cat "$out/lending.log"
    grep -qx 'ended with 0' "$out/lending.log" || return
    return "$lent"
}

unplugged_and_plugged() {
    ends_with 3 while_lending unplug && plug
}

unbound_and_bound() {
    interface=$(camera_interface)
    ends_with 3 while_lending driver unbind "$interface"
    unbound=$?
    driver bind "$interface"
    wait_for 30 camera_there && return "$unbound"
}

stalled() {
    ends_with 4 while_lending usbcam stall
    stalled=$?
    usbcam resume
    return "$stalled"
}

capture_alone() {
    check 'nalcast-capture lists the camera' capture_lists_it
    check 'its pictures are lent, its brightness turned' pictures_are_lent
    check 'unplugged it is lost, and comes again' again_and_again 10 unplugged_and_plugged
    check 'its driver unbound it is lost, and comes again' again_and_again 9 unbound_and_bound
    check 'stalled it is stopped in order' stalled
    unplug
}

# --- nalcastd, whose viewers stay

# The one that lends: nalcastd starts others, too, to see what there is.
capture_pid() {
    for process in /proc/[0-9]*; do
        grep -qx nalcast-capture "$process/comm" 2> /dev/null || continue
        if find "$process/fd" -lname '*dmabuf*' 2> /dev/null | grep -q .; then
            echo "${process#/proc/}"
            return
        fi
    done
    return 1
}

kill_once() { # VIEWER
    lines=$(lines_of "$1")
    kill -KILL "$(capture_pid)" || return
    lose_and_recover "$1" "$lines" '' now true
}

libcamera_viewer_is_served() {
    plug
    NALCAST_CAPTURE=$capture
    export NALCAST_CAPTURE
    daemon_start libcamera-daemon --source="libcamera:$libcamera_id" --size=320x240 --fps=15 \
        --idle-stop-s=0 || return
    watch_start libcamera
    wait_for 120 watched_more libcamera 40 && ! grep -q '"online": *false' "$out/libcamera.log"
}

no_more_descriptors() { # BEFORE
    files=$(daemon_files)
    say "descriptors of nalcastd: $1 -> $files"
    [ "$files" -le "$1" ]
}

nalcastd_on_libcamera() {
    check 'libcamera: a viewer is served' libcamera_viewer_is_served
    check 'libcamera: a camera is unplugged and plugged in' survived 90 libcamera \
        unplug_once libcamera
    files=$(daemon_files)
    kinds=5
    for what in unplug stall unbind kill; do
        check "libcamera: $what, again and again, loses no viewer" \
            again_and_again "$kinds" survived 90 libcamera "${what}_once" libcamera
        kinds=$((kinds - 1))
    done
    check 'libcamera: no descriptor has leaked' no_more_descriptors "$files"
    check 'libcamera: the viewer has seen all of it' watch_stop
    check 'libcamera: nalcastd ends in order' daemon_stop
    expect_pictures libcamera 320 240 1000 'libcamera: a viewer of all that sees whole pictures'
    unplug
}

if [ -x "$capture" ] && [ -x "$build/tests/libcamera/lend" ]; then
    usbcam_start
    check 'the bus of the camera is described' describe_bus
    capture_alone
    if strings "$build/streamer/nalcastd" | grep -q 'source libcamera'; then
        nalcastd_on_libcamera
    else
        skip 'nalcastd shows cameras of libcamera' 'this nalcastd has no source libcamera'
    fi
    check 'the bus is as it was' forget_bus
else
    skip 'nalcast-capture lends pictures' 'it was not built'
fi
