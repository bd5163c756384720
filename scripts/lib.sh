# Functions that scripts/demo, check, fuzz and pre-commit share. Sourced by bash, never run.
# shellcheck shell=bash disable=SC2034

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PATH=$PATH:/usr/sbin:/sbin
started_at=${EPOCHREALTIME/./}

# Seconds since the script began, as 12.3.
elapsed() {
    local tenths=$(((${EPOCHREALTIME/./} - started_at) / 100000))
    printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

step() {
    printf '[%6s s] %s\n' "$(elapsed)" "$*"
}

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# --- packages

# What is missing of "command:package" and ":package" words, as package names.
missing_packages() {
    local word
    for word in "$@"; do
        if [[ $word == :* ]]; then
            dpkg-query -W -f '${db:Status-Status}\n' "${word#:}" 2>/dev/null \
                | grep -qx installed || echo "${word#:}"
        else
            command -v "${word%%:*}" >/dev/null || echo "${word#*:}"
        fi
    done | sort -u
}

build_packages=(autoconf:autoconf automake:automake make:make gcc:gcc g++:g++ pkg-config:pkg-config
    node:nodejs npm:npm :libc6-dev :libjansson-dev :libsystemd-dev :nettle-dev :libinih-dev
    :libfcgi-dev :libx264-dev :libyuv-dev :libturbojpeg0-dev :libavcodec-dev
    :libcamera-dev)
run_packages=(nginx:nginx openssl:openssl curl:curl setpriv:util-linux)

complain() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    return 1
}

# $apt: apt-get as root; $in_time before what needs a network, which may hang.
find_apt() {
    local sudo=()
    if ! command -v apt-get >/dev/null; then
        complain 'this is no Debian'
        return
    fi
    if ((EUID != 0)); then
        sudo=(sudo)
        if ! command -v sudo >/dev/null; then
            complain 'only root can install packages'
            return
        fi
    fi
    apt=("${sudo[@]}" env DEBIAN_FRONTEND=noninteractive
        apt-get -o DPkg::Lock::Timeout=300 -qq)
    in_time=(timeout -k 10 "${packages_seconds_max:-900}")
}

update_packages() {
    local apt in_time
    find_apt && "${in_time[@]}" "${apt[@]}" update
}

# Installs what is missing of the words above; install=no makes it an error instead.
need_packages() {
    local missing apt in_time
    mapfile -t missing < <(missing_packages "$@")
    ((${#missing[@]})) || return 0
    if [[ ${install:-yes} != yes ]] || ! find_apt; then
        complain "missing packages, install them: ${missing[*]}"
        return
    fi
    step "installing ${missing[*]}"
    apt+=(-y --no-install-recommends)
    if ! { update_packages &&
        "${in_time[@]}" "${apt[@]}" --download-only install "${missing[@]}" &&
        "${apt[@]}" install "${missing[@]}"; } >"${log:=/dev/null}" 2>&1; then
        tail -n 20 "$log" >&2
        complain "apt-get could not install ${missing[*]}"
    fi
}

# --- building

# configure_in DIR OPTION...: makes configure when there is none, and runs it where it has not run
# with these options. Without options, what somebody has configured by hand is taken as it is.
configure_in() {
    local dir=$1 before
    shift
    if [[ ! -x $top/configure || $top/configure.ac -nt $top/configure ]]; then
        (cd "$top" && autoreconf -fi) || return
    fi
    mkdir -p "$dir"
    before=$(cat "$dir/configured-with" 2>/dev/null)
    if [[ -f $dir/config.status ]]; then
        [[ $before != "$*" ]] || return 0
        # Objects do not depend on options; those of others must go.
        [[ ! -f $dir/Makefile ]] || make -C "$dir" clean || return
    fi
    (cd "$dir" && "$top/configure" "$@") && printf '%s' "$*" >"$dir/configured-with"
}

# The page's files as they would be installed, in DIR/stage/www.
stage_page() {
    rm -rf "$1/stage"
    make -C "$1" install-page wwwdir="$1/stage/www"
}

# --- the user who runs things

# "${as_nobody[@]}" COMMAND...: unprivileged whoever we are, and ended with us. An array, not a
# function: in the background a function would leave a shell between us and the command.
as_nobody=(setpriv --pdeathsig=TERM)
if ((EUID == 0)); then
    # video, so that --source=auto finds a camera.
    as_nobody+=(--reuid=nobody "--regid=$(id -g nobody)" --groups=video)
fi
as_nobody+=(--)

# --- house rules

# The files that git knows, or in a tarball all there are, that end in one of the words given.
tracked() {
    local pattern
    pattern="\\.($(IFS='|'; echo "$*"))\$"
    if [[ -e $top/.git ]]; then
        git -C "$top" ls-files -c -o --exclude-standard
    else
        (cd "$top" && find . -type f -not -path './build*' -not -path '*/node_modules/*' \
            -printf '%P\n')
    fi | grep -E "$pattern" | sort
}

banned_words='atoi|atol|atoll|atof|strtol|strtoul|strtoll|strtoull|sprintf|vsprintf|strcpy|strcat'
banned_words+='|strncpy|strncat|usleep|gets|rand|srand|localtime|gmtime|alloca'

# house_rules FILE...: prints what is against CONTRIBUTING.md in C files; nothing when all is well.
house_rules() {
    local file
    (($#)) || return 0
    (
        cd "$top" || exit
        # What strings say is not code. util.c is the one place that may call libc's parsers.
        for file in "$@"; do
            sed -E 's/"([^"\\]|\\.)*"/""/g' "$file" | grep -nHE --label="$file" \
                "(^|[^a-zA-Z0-9_>.])($banned_words) ?\\(|(^|[^:/])//"
        done | grep -vE '^common/util\.c:[0-9]+:.*strto' | sed 's/$/   <- banned, or a comment by two slashes/'
        grep -nEH '#include ["<]config\.h' "$@" | sed 's/$/   <- the build includes config.h/'
        awk 'function columns(line,   i, n) {
                for (i = 1; i <= length(line); i++)
                    n = substr(line, i, 1) == "\t" ? n + 8 - n % 8 : n + 1
                return n
            }
            FNR == 1 { brace = 0 }
            /^\{/ { brace = FNR }
            /^\}/ && brace {
                if (FNR - brace > 80)
                    printf "%s:%d: function of %d lines (80)\n", FILENAME, brace, FNR - brace
                brace = 0
            }
            FNR == 601 { print FILENAME ": over 600 lines" }
            length($0) > 55 && columns($0) > 100 { printf "%s:%d: over 100 columns\n", FILENAME, FNR }
        ' "$@"
    )
    return 0
}

# Words that no file of ours may hold, each in a form that does not find itself.
forbidden_words='\b(TO[D]O|FIX[M]E|X[X]X|HA[C]K)\b|registry\.(npm[j]s|yarn[p]kg)'
