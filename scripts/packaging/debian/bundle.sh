#!/bin/sh
# polegate @VERSION@ for @ARCH@, one file: installs without a network.
#
#     sudo sh @NAME@ [install]    install, or upgrade; configuration and data stay
#     sudo sh @NAME@ check        see whether this gateway could take it; change nothing
#     sudo sh @NAME@ remove       remove the programs; configuration and data stay
#     sudo sh @NAME@ purge        remove configuration and data, too
#     sh @NAME@ extract [DIR]     write the .deb to DIR, by default here
set -eu
deb=polegate_@VERSION@_@ARCH@.deb
size=@SIZE@
sha256=@SHA256@
unpacked_kib=@UNPACKED_KIB@
config=/etc/polegate/polegate.toml

say() { echo "polegate: $*"; }
fail() {
    echo "polegate: $*" >&2
    exit 1
}
usage() { sed -n '2,8s/^# \{0,1\}//p' "$0"; }
as_root() { [ "$(id -u)" = 0 ] || fail "needs root: sudo sh $0 $verb"; }

extract() { # extract DIR: checked
    tail -c "$size" "$0" >"$1/$deb" || fail "cannot write $1/$deb"
    [ "$(sha256sum <"$1/$deb" | cut -d' ' -f1)" = "$sha256" ] || {
        rm -f "$1/$deb"
        fail "this file is damaged or cut short: copy it again"
    }
}

version_of() { # version_of PACKAGE: empty when it is not installed
    dpkg-query -W -f='${db:Status-Status} ${Version}' "$1" 2>/dev/null | sed -n 's/^installed //p'
}

check() { # check DIR: what dpkg would find too late, and what it does not look for
    [ "$(dpkg --print-architecture)" = @ARCH@ ] || fail "is for @ARCH@; this gateway is $(dpkg --print-architecture)"
    python=$(version_of python3)
    { [ -n "$python" ] && dpkg --compare-versions "$python" ge 3.11 && dpkg --compare-versions "$python" lt 3.12; } ||
        fail "needs the Debian package python3, version 3.11 (Debian 12); this gateway has ${python:-none}"
    for package in systemd init-system-helpers; do
        [ -n "$(version_of $package)" ] || fail "needs the Debian package $package"
    done
    mkdir -p /opt
    free=$(df -kP /opt | awk 'NR == 2 { print $4 }')
    [ "$free" -ge $((unpacked_kib * 2)) ] ||
        fail "needs $((unpacked_kib * 2 / 1024)) MiB free for /opt; there are $((free / 1024))"
    [ -e "$config" ] || return 0
    dpkg-deb --extract "$1/$deb" "$1/root"
    site=$(echo "$1"/root/opt/polegate/releases/*/lib/python3.11/site-packages)
    PYTHONPATH=$site /usr/bin/python3.11 -s -B -m agent.cli.main --config "$config" config check >/dev/null ||
        fail "this release refuses $config (above); nothing was changed"
    rm -rf "$1/root"
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
        say "@VERSION@ can be installed; now there is $(version_of polegate | grep . || echo none)"
    else
        dpkg --install "$work/$deb"
    fi
    ;;
remove | purge)
    as_root
    dpkg "--$verb" polegate
    ;;
extract)
    extract "${2:-.}"
    say "wrote ${2:-.}/$deb"
    ;;
-h | --help) usage ;;
*)
    usage >&2
    exit 2
    ;;
esac
exit 0
