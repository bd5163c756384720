# Debian's packages, unpacked beside the system and never installed. Sourced by kernel and modules.
# $dir: what they make; $scratch: a folder in it that goes when they end; $what: what they make is for.
# shellcheck shell=sh disable=SC2034,SC2154

none() { # WHY...
    echo "no $what: $*" >&2
    exit 77
}

# shellcheck disable=SC2317 # by the trap
clean_up() {
    [ -z "$scratch" ] || rm -rf "$scratch"
}

check_commands() { # COMMAND...
    [ "$(uname -m)" = x86_64 ] || none "this machine is a $(uname -m), only x86_64 is done"
    for command in "$@"; do
        command -v "$command" > /dev/null || none "no $command"
    done
}

make_scratch() {
    scratch=
    trap clean_up EXIT
    trap 'exit 1' HUP INT TERM
    mkdir -p "$dir" || none "$dir cannot be made"
    scratch=$(mktemp -d "$dir/XXXXXX") || none "$dir cannot be written"
}

# Into scratch/PACKAGE. A network that hangs is one that is not there.
unpack() { # PACKAGE
    [ "${VM_FETCH:-yes}" = yes ] || none "$1 was never downloaded, and is not to be (VM_FETCH)"
    mkdir "$scratch/deb"
    (cd "$scratch/deb" && timeout "${VM_FETCH_SECONDS:-300}" apt-get -qq -o APT::Sandbox::User=root \
        -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30 -o Acquire::Retries=1 \
        download "$1") > "$scratch/log" 2>&1 ||
        none "apt-get download $1: ended with $? $(tail -n 1 "$scratch/log")"
    dpkg -x "$scratch"/deb/*.deb "$scratch/$1" || none "$1 could not be unpacked"
    rm -rf "$scratch/deb"
}
