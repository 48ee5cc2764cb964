# Sourced by what scripts/package-check does in its root.
# shellcheck shell=bash
unit() { systemctl show --property="$1" --value polegate; }
is() { [[ $(unit "$1") == "$2" ]]; }
until_true() { # until_true SECONDS COMMAND: try until it holds
    local deadline=$((SECONDS + $1))
    until "${@:2}"; do
        ((SECONDS < deadline)) || return 1
        sleep 0.1
    done
}
see() { # see WHAT COMMAND...
    if "${@:2}"; then echo "ok: $1"; else echo "FAILED: $1"; systemctl status --no-pager --lines=30 polegate; fi
}
offline() { unshare --net "$@"; }
acknowledged() { # how many messages this process has had acknowledged
    polegate status --json 2>/dev/null |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["uplink"].get("acknowledged", 0))' 2>/dev/null || echo 0
}
serves() { is ActiveState active && (($(acknowledged) > 0)); }
runs_version() { [[ $(polegate status --json) == *"\"version\": \"$1\""* ]]; }
in_its_place() { # in_its_place SHELL-COMMAND: as the daemon's user, among the daemon's mounts
    nsenter --mount --target "$(unit MainPID)" runuser -u polegate -- sh -c "$1"
}
seconds_since() { awk -v a="$1" -v b="$(date +%s.%N)" 'BEGIN { printf "%.1f", b - a }'; }
