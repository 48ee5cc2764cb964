#!/bin/bash
# What scripts/first-reading does in its root, as the last unit of a boot; writes to /root/result.
exec >/root/result 2>&1
# shellcheck source=scripts/packaging/inside-common.sh
source /root/inside-common.sh
cd /root || exit
steps=0

person() { # person COMMAND: what a field engineer types, and how long it takes
    local began took
    began=$(date +%s.%N)
    if eval "$1" >/root/said 2>&1; then took=$(seconds_since "$began"); else
        echo "FAILED: $1"
        cat /root/said
    fi
    steps=$((steps + 1))
    printf '%2d  %6.1f s  %s\n' "$steps" "${took:-0}" "$1"
}
reading_is_told() { grep -q '"level".*0.3521' /root/readings; }

# The street outside: a broker, and a gauge on a line.
mosquitto -p 21883 -d
mosquitto_sub -h 127.0.0.1 -p 21883 -q 1 -t 'polegate/1/heyuan/river-3/readings' >/root/readings &
play_the_gauge() {
    polegate simulate keller-36x --link /run/gauge --strict --delay 20 --value water_pressure=0.3521 &
    until_true 30 test -e /run/gauge
    chgrp dialout "$(readlink -f /run/gauge)"
    chmod 660 "$(readlink -f /run/gauge)"
}

whole=$(date +%s.%N)
person 'sh polegate-*-amd64.sh'
paused=$(date +%s.%N)
play_the_gauge
paused=$(seconds_since "$paused")
cat >/root/polegate.toml <<'TOML'
[station]
site = "heyuan"
gateway = "river-3"
[uplink]
url = "mqtt://127.0.0.1:21883"
[clock]
source = "system"
TOML
person 'cp polegate.toml /etc/polegate/polegate.toml'
person 'polegate bus scan /run/gauge --quick --out scan.json'
person 'polegate device add level --from-scan 1'
person 'polegate config check'
person 'systemctl start polegate'
person 'polegate tail --count 1'
person 'until_true 60 serves && until_true 60 reading_is_told'
echo "$steps commands, $(awk -v a="$(seconds_since "$whole")" -v b="$paused" 'BEGIN { printf "%.1f", a - b }') s"
polegate status
echo that was all
systemctl poweroff --force --force
