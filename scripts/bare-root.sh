# Sourced by scripts/prove-clean-install and scripts/boot-check: a bare Debian root in a directory of its own, $root,
# removed at exit. The machine's own network, certificates, pip and apt settings are used there as they are; none of
# them goes into the project.
# shellcheck shell=bash

step() { printf '\n== %s\n' "$*"; }
fail() {
    printf '%s: FAILED: %s\n' "${0##*/}" "$*" >&2
    exit 1
}
expect() { "$@" || fail "$*"; }

((EUID == 0)) || fail "needs root for debootstrap and chroot: sudo $0"

root=$(mktemp -d)
chmod 755 "$root" # a plain user inside must be able to enter /
mount --bind "$root" "$root" # a mount point like any other /, so that namespaces can be made inside
mounts=(.)
finish() {
    local mount
    for mount in "${mounts[@]}"; do umount --lazy "$root/$mount"; done
    rm -rf --one-file-system "$root"
}
trap finish EXIT

mapfile -t environment < <(env | grep -iE '^(pip_|(https?|no|all)_proxy=|ssl_cert)' || true)

make_root() { # make_root SUITE PACKAGE,...
    local path name settings=(/etc/resolv.conf /etc/hosts /etc/pip.conf /etc/ssl/certs/ca-certificates.crt)
    command -v debootstrap >/dev/null || fail "debootstrap is missing: sudo apt-get install -y debootstrap"
    for name in PIP_CONFIG_FILE PIP_FIND_LINKS; do [[ ${!name-} == /* ]] && settings+=("${!name}"); done
    step "debootstrap $1: minbase and $2"
    debootstrap --variant=minbase --include="$2" "$1" "$root" >/dev/null
    for path in "${settings[@]}"; do
        if [[ -e $path ]]; then
            mkdir -p "$root$(dirname "$path")"
            cp -aLT "$path" "$root$path"
        fi
    done
    apt-config dump | grep '^Acquire::' >"$root/etc/apt/apt.conf.d/99machine"
    for path in proc sys dev dev/pts; do
        mount --bind "/$path" "$root/$path"
        mounts=("$path" "${mounts[@]}")
    done
}

home_of() { [[ $1 == root ]] && echo /root || echo "/home/$1"; }

give_checkout() { # give_checkout USER: the committed HEAD, as ~/polegate
    git clone --quiet --no-hardlinks . "$root$(home_of "$1")/polegate"
    chroot "$root" chown -R "$1:" "$(home_of "$1")/polegate"
}

inside() { # inside USER COMMAND: a shell command in that user's checkout, with no environment but the machine's settings
    local home
    home=$(home_of "$1")
    chroot "$root" /usr/bin/env -i HOME="$home" LC_ALL=C.UTF-8 \
        PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin "${environment[@]}" \
        /sbin/runuser -u "$1" -- /bin/bash -c "cd $home/polegate && $2"
}
