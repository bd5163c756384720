# capture.sh BUILD PICTURES: what capture.mjs has the laboratory's guest measure. A line a camera in
# /run/lab/out/capture: CAMERA FORMAT WIDTH HEIGHT FPS PICTURES CPU_US P50_MS P99_MS
# shellcheck shell=sh disable=SC2034,SC2154 # lib.sh uses them and has them
set -eu
build=$1 pictures=$2 usbcam_pid='' daemon_pid='' watch_pid=''
out=/run/lab/out
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"

# Of all of nalcastd's threads, in ns.
cpu_ns() {
    cat /proc/"$daemon_pid"/task/*/schedstat | awk '{ ns += $1 } END { printf "%.0f\n", ns }'
}

# After a second or two: what is done once is not what is asked for.
measure() { # CAMERA FORMAT DEVICE WIDTH HEIGHT
    daemon_start daemon --source="v4l2:$3" --size="$4x$5" --fps=15
    watch_start viewer
    wait_for 120 watched_more viewer 30
    cpu_begin=$(cpu_ns) begin=$(watched viewer)
    wait_for 600 watched_more viewer $((begin + pictures - 1))
    cpu_end=$(cpu_ns) end=$(watched viewer)
    grep -qF "'$2'" "$out/daemon.log"
    state=$(ask state)
    watch_stop
    daemon_stop
    echo "$state" | sed -n 's/.*"capture_to_publish":{"p50":\([0-9.]*\),"p99":\([0-9.]*\)}.*/\1 \2/p' |
        sed "s/^/$1 $2 $4 $5 15 $((end - begin)) $(((cpu_end - cpu_begin) / (end - begin) / 1000)) /" \
        >> "$out/capture"
}

measure_usb() { # OFFER FORMAT
    usbcam offer "$1"
    plug 0
    measure usb "$2" "$camera" 320 240
    unplug
}

say_to capture
usbcam_start
measure_usb yuyv YUYV
if ldd "$build/tests/vm/usbcam" | grep -q turbojpeg; then measure_usb mjpeg MJPG; fi
measure_usb h264 H264
usbcam_stop
modprobe vivid n_devs=1 node_types=0x1 num_inputs=1 input_types=0
wait_for 20 node_there vivid-000-vid-cap
measure vivid YU12 "$(node_named vivid-000-vid-cap)" 320 180
