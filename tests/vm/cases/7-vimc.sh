# nalcast-capture on a pipeline that is no USB camera: vimc, whose driver libcamera does not survive
# losing. Pictures are RGB, slow, and of no test pattern.
# shellcheck shell=sh disable=SC2154,SC2317 # lib.sh has them; check calls them

capture=$build/capture/nalcast-capture
vimc_id='platform/vimc.0 Sensor B'

vimc_is_listed() {
    modprobe vimc && wait_for 20 node_there 'RGB/YUV Capture' || return
    "$capture" --list > "$out/vimc-list.log" 2>&1
    cat "$out/vimc-list.log"
    grep -qxF "$vimc_id" "$out/vimc-list.log"
}

# The smallest that it offers.
vimc_size() {
    sed -n 's/^    \([0-9]*x[0-9]*\).*/\1/p' "$out/vimc-list.log" |
        sort -t x -k 1n -k 2n | awk -F x '$1 >= 320 && $2 >= 180' | head -n 1
}

vimc_is_served() {
    size=$(vimc_size)
    [ -n "$size" ] || return
    NALCAST_CAPTURE=$capture
    export NALCAST_CAPTURE
    daemon_start vimc-daemon --source="libcamera:$vimc_id" --size="$size" --fps=5 --idle-stop-s=0 ||
        return
    watch_start vimc
    wait_for 120 watched_more vimc 10
}

vimc_unbound_once() {
    lines=$(lines_of vimc) before=$(watched vimc)
    echo vimc.0 > /sys/bus/platform/drivers/vimc/unbind
    wait_for 90 heard vimc "$lines" '"online": *false' || return
    echo vimc.0 > /sys/bus/platform/drivers/vimc/bind
    wait_for 120 has_recovered vimc "$lines" &&
        wait_for 120 watched_more vimc $((before + 3)) && watch_lives && daemon_lives
}

vimc_rounds() {
    round=0
    while [ "$round" -lt "$rounds" ]; do
        round=$((round + 1))
        vimc_unbound_once || { echo "in round $round"; return 1; }
        ! time_is_up || break
    done
    say "$round of $rounds rounds; $(grep -c 'was ended by SIGABRT' "$out/vimc-daemon.log") ended in abort()"
}

vimc_is_shown() {
    check 'vimc: its RGB reaches a viewer' vimc_is_served
    files=$(daemon_files)
    check 'vimc: its driver unbound, again and again, loses no viewer' vimc_rounds
    check 'vimc: no descriptor has leaked' test "$(daemon_files)" -le "$files"
    check 'vimc: the viewer has seen all of it' watch_stop
    check 'vimc: nalcastd ends in order' daemon_stop
}

# libcamera has a module for it in a package of its own.
if [ ! -x "$capture" ]; then
    skip 'nalcast-capture on vimc' 'it was not built'
elif ! has_module vimc; then
    skip 'nalcast-capture on vimc' 'only with VM_MODULES=yes, which builds it'
elif ! ls /usr/lib/*/libcamera/ipa_vimc.so > "$out/check.log" 2>&1; then
    skip 'nalcast-capture on vimc' 'no ipa_vimc.so (libcamera-ipa)'
else
    check 'vimc: libcamera sees a camera' vimc_is_listed
    ! grep -qxF "$vimc_id" "$out/vimc-list.log" || vimc_is_shown
fi
