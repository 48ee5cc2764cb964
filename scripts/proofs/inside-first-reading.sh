#!/bin/bash
# What scripts/first-reading does in its root, as the last unit of a boot; writes to /root/result.
exec >/root/result 2>&1
# shellcheck source=scripts/proofs/inside-common.sh
source /root/inside-common.sh
cd /root || exit

# What is there before the field engineer comes: a broker with TLS and passwords, the seed that was written at the desk.
mkdir -p seed broker
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=street" -addext "subjectAltName=DNS:broker" \
    -keyout broker/key -out seed/ca.pem 2>/dev/null
mosquitto_passwd -b -c broker/passwords river-3 Xo8-long-and-random
mosquitto_passwd -b broker/passwords platform platform
cat >broker/conf <<'CONF'
listener 8883 127.0.0.1
certfile /root/seed/ca.pem
keyfile /root/broker/key
password_file /root/broker/passwords
user root
CONF
echo 127.0.0.1 broker >>/etc/hosts
mosquitto -c broker/conf -d
until_true 10 mosquitto_pub --cafile seed/ca.pem -h broker -p 8883 -u platform -P platform -t up -n
mosquitto_sub --cafile seed/ca.pem -h broker -p 8883 -u platform -P platform -q 1 -t 'polegate/1/+/+/readings' >readings &
cat >seed/polegate-seed.toml <<'TOML'
[station]
kind = "river"
site = "heyuan-dongjiang"
gateway = "river-3"
[uplink]
url = "mqtts://broker"
ca = "ca.pem"
username = "river-3"
password = "Xo8-long-and-random"
[clock]
source = "system"
TOML
reading_is_told() { grep -q '"level".*0.3521' readings; }

steps=0 spent=0
person() { # person COMMAND: what is typed, and how long it takes
    local began took
    began=$(date +%s.%N)
    if ! eval "$1" >said 2>&1; then
        echo "FAILED: $1"
        cat said
    fi
    took=$(seconds_since "$began")
    steps=$((steps + 1))
    spent=$(awk -v a="$spent" -v b="$took" 'BEGIN { print a + b }')
    printf '%2d %6.1f s  %s\n' "$steps" "$took" "$1"
}

person 'sh polegate-*-amd64.sh'

# A gauge is wired to the line.
polegate simulate keller-36x --link /run/gauge --strict --delay 20 --value water_pressure=0.3521 >/dev/null &
until_true 30 test -e /run/gauge
chgrp dialout "$(readlink -f /run/gauge)"
chmod 660 "$(readlink -f /run/gauge)"

person 'polegate provision seed/polegate-seed.toml --yes'
person 'polegate bus scan /run/gauge --quick --out scan.json'
person 'polegate device add level --from-scan 1'
person 'polegate read level'
person 'polegate provision seed/polegate-seed.toml --yes'
person 'systemctl daemon-reload'
person 'systemctl restart polegate'
person 'until_true 60 serves && until_true 60 reading_is_told'
steps=$((steps - 1)) # the last one was to wait
echo "$steps commands, $spent s until the first reading was acknowledged"
see "polegate status" polegate status
echo that was all
systemctl poweroff --force --force
