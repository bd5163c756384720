# Cameras of other kinds, which vivid is, and modes that are not to be had.
# shellcheck shell=sh disable=SC2154,SC2317 # lib.sh has them; check calls them

vivid_is() { # NAME OPTION...: such a camera; its node is $vivid
    vivid_name=$1
    shift
    # What failed before may have left one.
    if daemon_lives; then daemon_stop; fi
    modprobe -r vivid 2> /dev/null
    modprobe vivid n_devs=1 node_types=0x1 num_inputs=1 "$@" &&
        wait_for 20 node_there vivid-000-vid-cap || return
    vivid=$(node_named vivid-000-vid-cap)
}

vivid_ends() {
    daemon_stop || return
    # It cannot take along what uvcvideo uses, too, and says so by its status.
    modprobe -r vivid
    wait_for 20 gone "$vivid"
}

# With that size in "sources", and in what a viewer gets.
shows() { # SIZE MODES
    daemon_start "$vivid_name-daemon" --source="v4l2:$vivid" --size="$1" --fps=10 || return
    ask sources | grep -oE '"backend":"v4l2".*' | grep -F "$2" || return
    watch_start "$vivid_name" --pictures=10
    wait_for 60 watched_more "$vivid_name" 9 && wait "$watch_pid" || return
    heard "$vivid_name" 0 "\"width\":${1%x*},\"height\":${1#*x}"
}

discrete_sizes() {
    vivid_is webcam input_types=0 && shows 320x180 '{"width":320,"height":180,"fps_max":' &&
        vivid_ends
}

# Of any even size; but vivid loses a column of colour where half of the width is odd.
stepwise_sizes() {
    vivid_is television input_types=1 &&
        shows 324x236 '"width":{"min":16,"max":8192,"step":2}' && vivid_ends
}

several_planes() {
    vivid_is planes input_types=0 multiplanar=2 &&
        shows 320x180 '{"width":320,"height":180,"fps_max":' && vivid_ends
}

# Every pixel format that nalcastd takes of it, those with planes apart among them.
formats_agree() {
    vivid_is formats input_types=0 multiplanar=2 || return
    v4l2-ctl -d "$vivid" --set-ctrl=osd_text_mode=2 || return
    "$build/tests/vm/formats" "$vivid" 320 180 > "$out/formats" || { cat "$out/formats"; return 1; }
    grep '^RGB3 1' "$out/formats" && grep '^NM12 2' "$out/formats" && grep '^YM12 3' "$out/formats" ||
        return
    say "they agree: $(awk '{ printf "%s ", $1 }' "$out/formats")"
    modprobe -r vivid
    wait_for 20 gone "$vivid"
}

# The viewer hears why there is nothing to see, and stays.
says_why() { # REASON
    daemon_start "$vivid_name-daemon" "--source=v4l2:$vivid" || return
    watch_start "$vivid_name"
    wait_for 60 heard "$vivid_name" 0 "\"online\": *false.*$1" || return
    watch_lives && daemon_lives && watch_stop
}

timings_refused() {
    vivid_is receiver input_types=3 && says_why 'HDMI.*DV timings.*choose another' && vivid_ends
}

# What the camera has not got is answered with the nearest that it has, and that is said.
nearest_serves() {
    usbcam_start && usbcam offer yuyv && plug || return
    daemon_start nearest-daemon --source="v4l2:$camera" --size=330x250 --fps=15 || return
    watch_start nearest
    wait_for 60 watched_more nearest 5 || return
    heard nearest 0 '"width":320,"height":240' || return
    ask state | grep -F 'no 330x250' || return
    watch_lives && daemon_lives && watch_stop
}

# Nothing is closed for a mode that is not there.
mode_refused() {
    watch_start refused
    wait_for 60 watched_more refused 5 || return
    lines=$(lines_of refused)
    ask set-resolution '{"width":1000,"height":700}' | grep -F '"ok":false' || return
    before=$(watched refused)
    wait_for 60 watched_more refused $((before + 5)) || return
    ! heard refused "$lines" '"type": *"(source|format)"' || return
    watch_lives && daemon_lives && watch_stop
}

mode_granted() {
    watch_start granted
    wait_for 60 watched_more granted 5 || return
    ask set-resolution '{"width":640,"height":480}' | grep -F '"ok":true' || return
    wait_for 60 heard granted 0 '"width":640,"height":480' || return
    before=$(watched granted)
    wait_for 60 watched_more granted $((before + 5)) || return
    watch_lives && watch_stop && daemon_stop && unplug
}

if "$build/streamer/nalcastd" --help | grep -q v4l2; then
    check 'a camera of discrete sizes is shown' discrete_sizes
    check 'a camera of stepwise sizes is shown' stepwise_sizes
    check 'a camera with the multi-planar interface is shown' several_planes
    check 'every pixel format shows the same picture' formats_agree
    check 'an input with DV timings is refused with the reason' timings_refused
    check 'a size that a camera has not got is its nearest' nearest_serves
    check 'a mode that is refused while somebody watches changes nothing' mode_refused
    check 'a mode that is granted is shown' mode_granted
else
    skip 'nalcastd shows cameras of other kinds' 'this nalcastd has no source v4l2'
fi
