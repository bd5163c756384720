#!/bin/sh
# Every header compiles alone; arrows between modules point downwards only; banned functions are
# not used; every option is documented in --help, manual page and completion.
set -u
build=$(pwd)
cd "${srcdir:-.}" || exit 99
count=0

check() { # DESCRIPTION COMMAND...
    count=$((count + 1))
    what=$1
    shift
    if "$@"; then echo "ok $count - $what"; else echo "not ok $count - $what"; fi
}

alone() {
    printf '#include "%s"\n' "$1" |
        ${CC:-cc} -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -I. -fsyntax-only -x c -
}

# none_of FILES... -- PATTERN: no line of these matches.
includes_none_of() {
    pattern=$1
    shift
    ! grep -nE "^#include \"($pattern)" "$@"
}

for header in common/*.h streamer/*.h fcgi/*.h; do
    check "$header stands alone" alone "$header"
done

# libcamera's headers are C++17. Without them, or without g++, capture/ is not built either.
cflags=$(pkg-config --cflags libcamera 2> /dev/null) && command -v "${CXX:-g++}" > /dev/null &&
    has_libcamera=yes || has_libcamera=no
alone_as_cxx() {
    # shellcheck disable=SC2086 # words
    printf '#include "%s"\n' "$1" |
        ${CXX:-g++} -std=c++17 -D_GNU_SOURCE -Wall -Wextra -Werror -I. $cflags -fsyntax-only -x c++ -
}
for header in capture/*.h; do
    if [ "$has_libcamera" = yes ]; then
        check "$header stands alone" alone_as_cxx "$header"
    else
        count=$((count + 1))
        echo "ok $count - $header stands alone # SKIP no libcamera, or no C++"
    fi
done

check "common includes no program" includes_none_of 'streamer/|fcgi/|capture/' common/*.[ch]
check "streamer includes no other program" includes_none_of 'fcgi/|capture/' streamer/*.[ch]
check "fcgi includes no other program" includes_none_of 'streamer/|capture/' fcgi/*.[ch]
capture_may='common/[a-z]+|streamer/(capproto|frame|source)|capture/[a-z]+'
check "capture includes of streamer what the two share" sh -c \
    "! grep -nE '^#include \"' capture/*.cpp capture/*.h | grep -vE '\"($capture_may)\\.h\"'"
check "C++ is in capture alone, and in its test" sh -c \
    '! ls common/*.cpp streamer/*.cpp fcgi/*.cpp tests/*/*.cpp 2> /dev/null | grep -v /test_capture'

# Bytes: no I/O, no threads, no clock, no log. They see each other, and how errors are told.
bytes='adapt attention au bits capproto carry framegate h264level http hub hub_slot inflight jfif jsonread jsontext metrics mjpeg nal paramsets pattern percentile photo ration slice splitter sps utf8 viewmsg ws'
# source.h and frame.h only say what things are: nalcast-capture, which links neither, sees them.
allowed='common/(error|origin|util)\.h|streamer/(frame|source|'$(echo "$bytes" | tr ' ' '|')')\.h'
for module in $bytes; do
    for file in "streamer/$module.h" "streamer/$module.c"; do
        test -f "$file" || continue
        others=$(grep -E '^#include "' "$file" | grep -vE "\"($allowed)\"")
        check "$file includes only bytes" test -z "$others"
    done
done
calls='\b(read|write|recv|send|open|poll|clock_gettime|time|pthread_[a-z_]+|log_[a-z]+)\('
for module in $bytes; do
    test -f "streamer/$module.c" || continue
    check "$module.c does no I/O" sh -c "! grep -nE '$calls' streamer/$module.c"
done

check "hub does not know ws" includes_none_of 'streamer/(ws|viewer|server|viewmsg)' streamer/hub.[ch]
check "pipeline does not know hub and viewers" \
    includes_none_of 'streamer/(hub|viewer|server|ws)' streamer/pipeline.[ch] \
    streamer/producer.[ch] streamer/camera.[ch] streamer/chain.[ch]
check "backends are named by backends.c alone" sh -c \
    '! grep -lE "&(source|encoder)_(test|file|x264|v4l2|libcamera|v4l2m2m)_ops" streamer/*.c |
        grep -vE "streamer/(backends|(source|encoder)_[a-z0-9]+)\.c"'

# Options: the one table is --help's.
options() { # PROGRAM
    "$build/$1" --help | grep -oE '^  --[a-z0-9-]+' | sed 's/^  //'
}
if [ -x "$build/capture/nalcast-capture" ]; then
    for option in $(options capture/nalcast-capture); do
        name=${option#--}
        check "nalcast-capture.8 documents $option" grep -qE "Fl -$name" man/nalcast-capture.8
    done
fi
for option in $(options streamer/nalcastd); do
    name=${option#--}
    check "nalcastd.8 documents $option" grep -qE "(Fl Fl|Ic) $name" man/nalcastd.8
    case $name in
    config | name | doctor | help | version) ;;
    *) check "nalcast.conf.5 documents $name" grep -q "^\.It Ic $name" man/nalcast.conf.5 ;;
    esac
    check "completion knows $option" grep -qwF -- "$option" completions/nalcastd
done
echo "1..$count"
