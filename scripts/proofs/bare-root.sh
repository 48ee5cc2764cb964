# Sourced by scripts/prove-clean-install, boot-check, first-reading, package-check, provision-check and systemd-check: a
# bare Debian root in a directory of its own, $root, removed at exit. The machine's own network, certificates, pip and apt
# settings are used there as they are; none of them goes into the project.
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
leftover_mark=BARE_ROOT=$root
finish() {
    local mount
    for mount in "${mounts[@]}"; do umount --lazy "$root/$mount"; done
    rm -rf --one-file-system "$root"
}
trap finish EXIT

mapfile -t environment < <(env | grep -iE '^(pip_|(https?|no|all)_proxy=|ssl_cert)' || true)

head=$(git rev-parse HEAD)  # whatever is committed meanwhile
options=(--without-cameras) # of python -m scripts.packaging

build() { # build ARCH FOLDER [VERSION [EDIT...]]: the packages and bundles of the committed HEAD, with $options
    local checkout=$2.checkout
    git clone --quiet --no-hardlinks --no-checkout . "$checkout"
    git -C "$checkout" checkout --quiet --detach "$head"
    if [[ ${3-} ]]; then sed -i "s/^version = .*/version = \"$3\"/" "$checkout/pyproject.toml"; fi
    if (($# > 3)); then (cd "$checkout" && "${@:4}"); fi
    SOURCE_DATE_EPOCH=$(git log -1 --format=%ct "$head") env --chdir="$checkout" "$PWD/.venv/bin/python" -m scripts.packaging \
        --arch "$1" --out "$2" --wheels "$PWD/build/wheels" "${options[@]}"
    rm -rf "$checkout"
}

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
    # pivot_root and not chroot, in which the kernel refuses what programs in a real / may do, such as user namespaces.
    # Ctrl-C means what it means, though this script runs in the background. $leftover_mark finds what was started here.
    # shellcheck disable=SC2016
    unshare --mount /bin/sh -c 'cd "$1" && pivot_root . . && umount --lazy . && shift && exec "$@"' sh "$root" \
        /usr/bin/env -i --default-signal=INT,QUIT HOME="$home" LC_ALL=C.UTF-8 "$leftover_mark" \
        PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin "${environment[@]}" \
        /sbin/runuser -u "$1" -- /bin/bash -c "cd $home/polegate && $2"
}

left_running() { # the processes that something inside has left behind
    local each
    for each in /proc/[0-9]*; do
        if tr '\0' '\n' 2>/dev/null <"$each/environ" | grep -qxF "$leftover_mark"; then
            printf '%s %s\n' "${each#/proc/}" "$(tr '\0' ' ' <"$each/cmdline")"
        fi
    done
}

boot() { # boot SCRIPT SECONDS: run scripts/proofs/SCRIPT as the last unit of the root, and see what it says
    cp "scripts/proofs/$1" "$root/root/check"
    cp scripts/proofs/inside-common.sh "$root/root"
    cat >"$root/etc/systemd/system/check.service" <<'UNIT'
[Unit]
After=multi-user.target
[Service]
Type=oneshot
Environment=HOME=/root
ExecStart=/bin/bash /root/check
[Install]
WantedBy=graphical.target
UNIT
    chroot "$root" systemctl enable --quiet check.service
    chroot "$root" systemctl disable --quiet mosquitto.service
    umount "${mounts[@]/#/$root/}"
    mounts=()

    step "boot"
    # CAP_SYS_TIME: without it the container refuses even to be asked whether the clock is synchronized.
    timeout "$2" systemd-nspawn --quiet --register=no --keep-unit --capability=CAP_SYS_TIME --directory="$root" \
        --boot </dev/null >"$root/root/console" 2>&1 || true
    cat "$root/root/result"
    expect grep -qx "that was all" "$root/root/result"
    expect test "$(grep -c '^FAILED' "$root/root/result")" -eq 0
}
