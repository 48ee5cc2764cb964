#!/bin/sh
# polegate @VERSION@@WITH@ for @ARCH@, one file: installs without a network.
#
#     sudo sh @NAME@ [install]    install, or upgrade; configuration and data stay
#     sudo sh @NAME@ check        see whether this gateway could take it; change nothing
#     sudo sh @NAME@ remove       remove the programs; configuration and data stay
#     sudo sh @NAME@ purge        remove configuration and data, too
#     sh @NAME@ extract [DIR]     write what is inside, one .deb or two, to DIR, by default here
set -eu
packages='@PACKAGES@' # name, bytes, SHA-256; they lie one after the other behind this script
base=polegate_@VERSION@_@ARCH@.deb
room_kib=@ROOM_KIB@
config=/etc/polegate/polegate.toml

say() { echo "polegate: $*"; }
fail() {
    echo "polegate: $*" >&2
    exit 1
}
usage() { sed -n '2,8s/^# \{0,1\}//p' "$0"; }
as_root() { [ "$(id -u)" = 0 ] || fail "needs root: sudo sh $0 $verb"; }

extract() { # extract DIR: checked
    rest=$(echo "$packages" | awk '{ total += $2 } END { print total }')
    echo "$packages" | while read -r name size sha256; do
        tail -c "$rest" "$0" 2>/dev/null | head -c "$size" >"$1/$name" || fail "cannot write $1/$name"
        [ "$(sha256sum <"$1/$name" | cut -d' ' -f1)" = "$sha256" ] || {
            rm -f "$1/$name"
            fail "this file is damaged or cut short: copy it again"
        }
        rest=$((rest - size))
    done
}

version_of() { # version_of PACKAGE: empty when it is not installed
    dpkg-query -W -f='${db:Status-Status} ${Version}' "$1" 2>/dev/null | sed -n 's/^installed //p'
}

known() { # which of the two packages dpkg has something to $verb of
    for package in polegate-camera polegate; do
        case "$verb $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" in
        *" " | *" not-installed" | "remove config-files") ;;
        *) echo "$package" ;;
        esac
    done
}

check() { # check DIR: what dpkg would find too late, and what it does not look for
    [ "$(dpkg --print-architecture)" = @ARCH@ ] || fail "is for @ARCH@; this gateway is $(dpkg --print-architecture)"
    python=$(version_of python3)
    { [ -n "$python" ] && dpkg --compare-versions "$python" ge 3.11 && dpkg --compare-versions "$python" lt 3.12; } ||
        fail "needs the Debian package python3, version 3.11 (Debian 12); this gateway has ${python:-none}"
    for package in systemd init-system-helpers @NEEDS@; do
        [ -n "$(version_of "$package")" ] || fail "needs the Debian package $package"
    done
    cameras=$(dpkg-query -W -f='${db:Status-Status} ${Version}\n' polegate-camera 2>/dev/null |
        sed -n '/^not-installed/d; /^config-files/d; s/.* //p') # a part that waits to be configured counts, too
    [ -z "$cameras" ] || [ "$cameras" = "@VERSION@" ] || [ "$packages" != "${packages#polegate-camera_}" ] ||
        fail "this gateway has the camera part, polegate-camera $cameras: take polegate-cameras-@VERSION@-@ARCH@.sh," \
            "or first remove that part: dpkg --remove polegate-camera"
    mkdir -p /opt
    free=$(df -kP /opt | awk 'NR == 2 { print $4 }')
    [ "$free" -ge "$room_kib" ] || fail "needs $((room_kib / 1024)) MiB free for /opt; there are $((free / 1024))"
    [ -e "$config" ] || return 0
    dpkg-deb --extract "$1/$base" "$1/root"
    site=$(echo "$1"/root/opt/polegate/releases/*/lib/python3.11/site-packages)
    # Its warnings are for later: here it sees neither credentials nor the camera part.
    PYTHONPATH=$site /usr/bin/python3.11 -s -B -m agent.cli.main --config "$config" config check >/dev/null 2>"$1/said" || {
        cat "$1/said" >&2
        fail "this release refuses $config (above); nothing was changed"
    }
    rm -rf "$1/root" "$1/said"
}

verb=${1:-install}
case "$verb" in
install | check)
    as_root
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    extract "$work"
    check "$work"
    if [ "$verb" = check ]; then
        say "@VERSION@@WITH@ can be installed; now there is $(version_of polegate | grep . || echo none)"
    else
        cd "$work"
        # shellcheck disable=SC2046  # names without blanks, in their order
        dpkg --install $(echo "$packages" | cut -d' ' -f1)
    fi
    ;;
remove | purge)
    as_root
    # shellcheck disable=SC2046  # names without blanks
    set -- $(known)
    if [ "$#" = 2 ] && [ -d /run/systemd/system ]; then deb-systemd-invoke stop polegate.service; fi # else it is restarted first
    if [ "$#" = 0 ]; then say "is not installed"; else dpkg "--$verb" "$@"; fi
    ;;
extract)
    extract "${2:-.}"
    echo "$packages" | while read -r name _; do say "wrote ${2:-.}/$name"; done
    ;;
-h | --help) usage ;;
*)
    usage >&2
    exit 2
    ;;
esac
exit 0
