# nalcastd in here, on its own test source.
# shellcheck shell=sh disable=SC2154,SC2317 # lib.sh has them; check calls them

begin_us=$(now_us)
check 'nalcastd starts' daemon_start test --source=test --size=320x240 --fps=15
say "nalcastd listens after $((($(now_us) - begin_us) / 1000)) ms"

viewer_sees() { # PICTURES
    watch_start test-viewer --pictures="$1"
    wait_for 60 watched_more test-viewer $(($1 - 1)) && wait "$watch_pid"
}
check 'a viewer is served' viewer_sees 45
say "$(awk '$2 == "au" { if (!first) first = $1; last = $1; n++ }
    END { printf "a viewer of 320x240 at 15 fps had %.1f a second", (n - 1) / (last - first) * 1e6 }' \
    "$out/test-viewer.log")"
dropped=$(daemon_dropped)
check 'nalcastd ends in order' daemon_stop
expect_pictures test-viewer 320 240 $((dropped + $(daemon_skipped test))) \
    'a viewer sees picture after picture'
