#!/bin/bash
# What scripts/systemd-check does in the next boot of its root: there is no network but the loopback, no name server
# answers, and polegate was started as at any boot. Writes to /root/result.
exec >/root/result 2>&1
# shellcheck source=scripts/proofs/inside-common.sh
source /root/inside-common.sh
config=/etc/polegate/polegate.toml
names_the_broker() { [[ $(unit StatusText) == *"disconnected: "*broker.example* ]]; }
reads_the_meter() { [[ $(polegate status) =~ meter\ +ok ]]; }
python3 /root/gauge.py /run/gauge &

echo "== no network at boot"
see "READY" until_true 60 is ActiveState active
echo "    READY $(systemctl show -P ActiveEnterTimestampMonotonic polegate | awk -v b="$(systemctl show -P UserspaceTimestampMonotonic)" '{ printf "%.1f", ($1 - b) / 1e6 }') s after systemd began"
see "says what is missing" until_true 60 names_the_broker
echo "    systemctl status: $(unit StatusText)"
journalctl -u polegate -o cat | grep event=uplink | tail -1 | sed 's/^/    log: /'
see "the gauge is read" until_true 60 reads_the_meter
see "no restart was needed" is NRestarts 0

echo "== a name server that swallows what it is asked"
swallow='import signal, socket; s = socket.socket(type=socket.SOCK_DGRAM); s.bind(("127.0.0.1", 53)); signal.pause()'
python3 -c "$swallow" &
echo 'nameserver 127.0.0.1' >/etc/resolv.conf
systemctl restart polegate
see "READY" is ActiveState active
see "the gauge is read meanwhile" until_true 60 reads_the_meter
began=$(date +%s.%N)
systemctl stop polegate
after=$(seconds_since "$began")
see "stopped in $after s, at most 10" awk "BEGIN { exit !($after <= 10) }"
see "by itself" is Result success
systemctl start polegate
see "says what is missing" until_true 90 names_the_broker
echo "    systemctl status: $(unit StatusText)"

echo "== IPv6 alone"
ip address del 127.0.0.1/8 dev lo
printf 'listener 21883 ::1\nallow_anonymous true\n' >/root/mosquitto.conf
mosquitto -c /root/mosquitto.conf -d
sed -i 's|mqtt://broker.example:1883|mqtt://[::1]:21883|' $config
see "reload" systemctl reload polegate
see "readings are acknowledged" until_true 60 serves
sleep 2
echo "    systemctl status: $(unit StatusText)"
echo that was all
systemctl poweroff --force --force
