# nalcastd on V4L2 cameras: every format, and broken pictures.
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

if "$build/streamer/nalcastd" --help | grep -q v4l2; then
    usbcam_start
    v4l2_formats
else
    skip 'nalcastd shows V4L2 cameras' 'this nalcastd has no source v4l2'
fi
