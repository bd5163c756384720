#!/bin/sh
# scripts/nals and scripts/record do what their --help says; make check runs this in the build
# folder, and record's other end is the real nalcastd.
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
data=$top/tests/data
command -v bash > /dev/null || { echo "1..0 # SKIP no bash"; exit 0; }
command -v curl > /dev/null || { echo "1..0 # SKIP no curl"; exit 0; }
dir=$(mktemp -d /tmp/nalcast-test-XXXXXX) || exit 99
daemon=
count=0
# shellcheck disable=SC2317 # by the trap
clean_up() {
    [ -z "$daemon" ] || kill "$daemon" 2> /dev/null
    wait
    rm -rf "$dir"
}
trap clean_up EXIT

check() { # DESCRIPTION COMMAND...
    count=$((count + 1))
    what=$1
    shift
    if "$@" > "$dir/out" 2>&1; then
        echo "ok $count - $what"
    else
        echo "not ok $count - $what"
        sed 's/^/# /' "$dir/out"
    fi
}

until_true() { # COMMAND...: for at most 20 s
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ "$tries" -lt 400 ] || return 1
        sleep 0.05
    done
}

says() { # PATTERN COMMAND...
    pattern=$1
    shift
    "$@" 2>&1 | grep -E "$pattern"
}

start_daemon() { # OPTION...
    ./streamer/nalcastd --name=test --stream-socket="$dir/s" --control-socket="$dir/c" \
        --state-dir="$dir" "$@" > "$dir/log" 2>&1 &
    daemon=$!
    until_true test -S "$dir/s"
}

stop_daemon() {
    kill "$daemon"
    wait "$daemon"
    daemon=
}

# How many units of a type nals finds.
units() { # FILE TYPE
    ./tests/tools/nals "$1" | awk -v type="$2" '$3 == type { n++ } END { print n + 0 }'
}

# Some of the recording came, from an IDR on, in slices of four.
recorded_whole() {
    [ "$(units "$dir/out.h264" 5)" -gt 0 ] && [ "$(units "$dir/out.h264" 7)" -gt 0 ] &&
        ./tests/tools/nals "$dir/out.h264" | sed -n 2p | grep -q SPS
}

for script in nals record; do
    check "$script tells how it is used" says '^Usage: ' "$top/scripts/$script" --help
done
check "nals tells what the SPS says" says ' 7 SPS .*Constrained Baseline.*96x64.*POC type 2' \
    ./tests/tools/nals "$data/slices.h264"
check "nals tells slices" says ' 1 slice .*P, first_mb 6, frame_num 1' \
    ./tests/tools/nals "$data/slices.h264"
check "nals finds them all" test "$(units "$data/slices.h264" 1)" = 36
check "nals reads garbage" says '^0 NAL units' ./tests/tools/nals "$0"
check "nals names what it cannot read" says '/nowhere' ./tests/tools/nals /nowhere
check "record names what it cannot reach" says 'neither a URL nor a socket' \
    "$top/scripts/record" /nowhere "$dir/x"

check "nalcastd starts" start_daemon --source=file:"$data/slices.h264"
check "record saves for a time" "$top/scripts/record" "$dir/s" "$dir/out.h264" 2
check "what was recorded begins with parameter sets and an IDR" recorded_whole
check "nalcastd ends" stop_daemon

# A feed: whatever is written, again and again, until somebody has recorded enough.
mkfifo "$dir/fifo"
# shellcheck disable=SC2016 # expanded there
timeout 60 sh -c 'trap "" PIPE; while [ -e "$1" ]; do cat "$2" > "$1"; done' sh "$dir/fifo" \
    "$data/slices.h264" 2> /dev/null &
check "nalcastd starts with a FIFO" start_daemon --source=file:"$dir/fifo"
check "record saves what is written to it" "$top/scripts/record" "$dir/s" "$dir/out.h264" 2
check "that begins with parameter sets and an IDR, too" recorded_whole

mv "$dir/fifo" "$dir/gone"
# The writer, if it waits for a reader; where it does not, nobody comes, and cat would wait for ever.
timeout 5 cat "$dir/gone" > /dev/null &
check "nalcastd ends then" stop_daemon

check "nalcastd starts with a Main recording" start_daemon --source=file:"$data/bframes.h264"
(curl -sN --max-time 5 --unix-socket "$dir/s" http://localhost/stream.h264 > /dev/null) &
check "it is refused by the name of its profile" \
    until_true grep -q 'is of Main profile.*--profiles=any' "$dir/log"
stop_daemon
check "nalcastd starts with any profile" start_daemon --source=file:"$data/bframes.h264" \
    --profiles=any
check "then it is let through" "$top/scripts/record" "$dir/s" "$dir/out.h264" 2
check "with its own SPS" says ' 7 SPS .*Main.*decoder delay 2' ./tests/tools/nals "$dir/out.h264"
stop_daemon
echo "1..$count"
