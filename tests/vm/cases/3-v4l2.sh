# nalcastd on V4L2 cameras: every format, broken pictures, and what happens to cameras in their life.
# shellcheck shell=sh disable=SC2154,SC2317 # lib.sh has them; check calls them

# Every picture that the camera took, as far as nalcastd does not say that it had to drop it.
camera_shown() { # FORMAT
    usbcam offer "$1"
    plug || return
    daemon_start "v4l2-$1" --source="v4l2:$camera" --size=320x240 --fps=15 || return
    watch_start "$1-viewer" --pictures=40
    wait_for 90 watched_more "$1-viewer" 39 && wait "$watch_pid" || return
    expect_pictures "$1-viewer" 320 240 "$(daemon_dropped)" \
        "$1: a viewer sees picture after picture"
}

# The others come as before, to who watches; damage of an H.264 picture lasts until the next IDR,
# so that only who comes later can be asked.
broken_pictures() { # FORMAT
    watch_start "$1-broken"
    wait_for 60 watched_more "$1-broken" 5 || return
    for damage in short oversized garbage; do
        before=$(watched "$1-broken")
        usbcam "$damage" 2
        wait_for 60 watched_more "$1-broken" $((before + 35)) || return
    done
    watch_lives && daemon_lives || return
    ! grep -q '"online": *false' "$out/$1-broken.log" || return
    watch_stop
    if [ "$1" != h264 ]; then
        expect_pictures "$1-broken" 320 240 "$(daemon_dropped)" \
            "$1: broken pictures cost those pictures only"
        return
    fi
    watch_start "$1-after" --pictures=40
    wait_for 90 watched_more "$1-after" 39 && wait "$watch_pid" || return
    expect_pictures "$1-after" 320 240 "$(daemon_dropped)" \
        "$1: after broken pictures and an IDR all is well"
}

snapshot() { # NAME [QUERY]
    curl -sSf --unix-socket /run/lab/daemon/stream -o "$out/$1.jpg" "http://vm/snapshot.jpg$2"
}

# usbcam says in each of its pictures that it made it, and leaves the Huffman tables out.
own_jpeg_is_passed_on() {
    snapshot own '' && grep -qa "nalcast's test camera" "$out/own.jpg" &&
        LC_ALL=C grep -qaP '\xFF\xC4\x01\xA2' "$out/own.jpg" &&
        ffmpeg -v error -xerror -nostdin -i "$out/own.jpg" -f null - || return
    snapshot made '?quality=80' && ! grep -qa "nalcast's test camera" "$out/made.jpg" || return
    curl -sS --max-time 4 --unix-socket /run/lab/daemon/stream -o "$out/own.mjpg" http://vm/stream.mjpg
    [ "$(grep -ao "nalcast's test camera" "$out/own.mjpg" | wc -l)" -gt 2 ]
}

formats='yuyv h264'
! ldd "$build/tests/vm/usbcam" | grep -q turbojpeg || formats="$formats mjpeg"
v4l2_formats() {
    for format in $formats; do
        check "$format: a viewer is served" camera_shown "$format"
        [ "$format" != mjpeg ] ||
            check 'mjpeg: pictures in JPEG are those that the camera made' own_jpeg_is_passed_on
        check "$format: broken pictures lose no viewer" broken_pictures "$format"
        check "$format: nalcastd ends in order" daemon_stop
        unplug
    done
}

# --- a camera's life, while somebody watches

unplug_once() { # PORT
    lines=$(lines_of life)
    unplug
    lose_and_recover life "$lines" '' plugged plug "$1"
}

stall_once() {
    lines=$(lines_of life)
    usbcam stall
    lose_and_recover life "$lines" '' resumed usbcam resume
}

unbind_once() {
    lines=$(lines_of life)
    interface=$(camera_interface)
    driver unbind "$interface"
    lose_and_recover life "$lines" '' now driver bind "$interface"
}

again_and_again() { # COMMAND...
    round=0
    while [ "$round" -lt "$rounds" ]; do
        round=$((round + 1))
        before=$(watched life)
        if ! { "$@" "$((round % 8))" && wait_for 60 watched_more life $((before + 5)) &&
            watch_lives && daemon_lives; }; then
            echo "in round $round"
            return 1
        fi
    done
}

camera_closed() {
    ! find "/proc/$daemon_pid/fd" -lname '/dev/video*' | grep -q .
}

# Another program has it when the first viewer comes, and lets it go.
busy_once() {
    wait_for 60 camera_closed || return
    grab_start holder --pictures=100000 "$camera" YUYV 320 240 || return
    watch_start busy
    wait_for 30 test -s "$out/busy.log" || return
    lose_and_recover busy 0 'in use by grab' now kill "$grab_pid" || return
    wait_for 60 watched_more busy 5 && watch_lives && daemon_lives || return
    watch_stop
}

busy_again_and_again() {
    round=0
    while [ "$round" -lt "$rounds" ]; do
        round=$((round + 1))
        busy_once || { echo "in round $round"; return 1; }
    done
}

is_sanitized() {
    grep -qa libasan "$build/streamer/nalcastd"
}

nothing_has_leaked() { # FILES KBYTES, before
    files=$(daemon_files) kbytes=$(daemon_kbytes)
    say "$rounds rounds of each: descriptors $1 -> $files, memory $2 -> $kbytes kB"
    [ "$files" -le "$1" ] || { echo "descriptors: $1 -> $files"; return 1; }
    # A sanitizer keeps what was freed for a while.
    is_sanitized || [ "$kbytes" -le $(($2 + 2048)) ]
}

comes_later() {
    wait_for 60 heard life 0 '"online": *false' || return
    plug || return
    wait_for 120 watched_more life 5
}

v4l2_life() {
    usbcam offer yuyv
    check 'nalcastd starts without its camera' daemon_start life-daemon \
        --source="v4l2:$camera" --size=320x240 --fps=15 --idle-stop-s=0
    watch_start life
    check 'who watches is told that it is missing, and sees it when it comes' comes_later
    check 'a camera is unplugged and plugged in' unplug_once 0
    files=$(daemon_files) kbytes=$(daemon_kbytes)
    check 'unplugged and plugged into other ports, again and again' again_and_again unplug_once
    tell_recoveries plugged 'plugging in'
    check 'stalled and recovered' again_and_again stall_once
    tell_recoveries resumed 'a stall'
    check 'its driver unbound and bound' again_and_again unbind_once
    tell_recoveries now 'binding the driver'
    check 'nothing has leaked' nothing_has_leaked "$files" "$kbytes"
    check 'the viewer has seen all of it' watch_lives
    watch_stop
    expect_pictures life 320 240 "$(daemon_dropped)" 'a viewer of all that misses no picture else'
    sed -i '/ now$/d' "$out/recoveries"
    check 'held by another program and let go' busy_again_and_again
    tell_recoveries now 'another program let go'
    check 'nalcastd ends in order after all that' daemon_stop
    unplug
}

if "$build/streamer/nalcastd" --help | grep -q v4l2; then
    usbcam_start
    v4l2_formats
    v4l2_life
else
    skip 'nalcastd shows V4L2 cameras' 'this nalcastd has no source v4l2'
fi
