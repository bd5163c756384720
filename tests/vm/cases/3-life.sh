# What happens to cameras in their life, while somebody watches. Before what takes longer: where time
# is short, this is what counts.
# shellcheck shell=sh disable=SC2154,SC2317 # lib.sh has them; check calls them

replug_elsewhere() {
    unplug_once life $((round % 8))
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

is_sanitized() {
    grep -qa libasan "$build/streamer/nalcastd"
}

nothing_has_leaked() { # FILES KBYTES, before
    files=$(daemon_files) kbytes=$(daemon_kbytes)
    say "after all that: descriptors $1 -> $files, memory $2 -> $kbytes kB"
    [ "$files" -le "$1" ] || { echo "descriptors: $1 -> $files"; return 1; }
    # A sanitizer keeps what was freed for a while; and it says at the end what was not freed at all.
    # What a camera costs while it is open would be 100 MB by now.
    is_sanitized || [ "$kbytes" -le $(($2 + 8192)) ]
}

viewers_end() {
    watch_lives && [ -d "/proc/$other_pid" ] || return
    kill "$watch_pid" "$other_pid" && wait "$watch_pid" && wait "$other_pid"
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
    watch_start other
    other_pid=$watch_pid
    watch_start life
    check 'who watches is told that it is missing, and sees it when it comes' comes_later
    check 'a camera is unplugged and plugged in' unplug_once life 0
    files=$(daemon_files) kbytes=$(daemon_kbytes)
    check 'unplugged and plugged into other ports, again and again' \
        again_and_again 4 survived 60 life replug_elsewhere
    tell_recoveries plugged 'plugging in'
    check 'stalled and recovered' again_and_again 3 survived 60 life stall_once life
    tell_recoveries resumed 'a stall'
    check 'its driver unbound and bound' again_and_again 2 survived 60 life unbind_once life
    tell_recoveries now 'binding the driver'
    check 'nothing has leaked' nothing_has_leaked "$files" "$kbytes"
    check 'its viewers have seen all of it' viewers_end
    expect_pictures life 320 240 "$(daemon_dropped)" 'a viewer of all that misses no picture else'
    sed -i '/ now$/d' "$out/recoveries"
    check 'held by another program and let go' again_and_again 1 busy_once
    tell_recoveries now 'another program let go'
    check 'nalcastd ends in order after all that' daemon_stop
    unplug
}

if "$build/streamer/nalcastd" --help | grep -q v4l2; then
    usbcam_start
    v4l2_life
else
    skip 'nalcastd shows V4L2 cameras' 'this nalcastd has no source v4l2'
fi
