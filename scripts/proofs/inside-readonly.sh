#!/bin/bash
# What scripts/systemd-check does in the last boot of its root, which is read-only but for /var/lib/polegate; writes to
# /mnt/result.
exec >/mnt/result 2>&1
# shellcheck source=scripts/proofs/inside-common.sh
source /root/inside-common.sh

restarted_thrice() { (($(unit NRestarts) >= 3)); }
mosquitto -p 21883 -d
python3 /root/gauge.py /run/gauge &

echo "== a root that is read-only, the state elsewhere"
see "the root is read-only" grep -q 'Read-only' <(touch /root/x 2>&1)
see "READY" until_true 60 is ActiveState active
see "serves" until_true 60 serves
sleep 2
echo "    systemctl status: $(unit StatusText)"

echo "== a root that is read-only, the state in it"
systemctl stop polegate
umount /var/lib/polegate
systemctl start --no-block polegate
until_true 60 restarted_thrice
sleep 1
echo "    state: $(unit ActiveState) ($(unit SubState)), restarted $(unit NRestarts) times, result $(unit Result), status $(unit ExecMainStatus)"
echo "    systemctl status: $(unit StatusText)"
journalctl -u polegate -o cat | grep -E 'cannot|[Ff]ailed|ead-only' | tail -3 | sed 's/^/    log: /'
see "it waits" is ActiveState activating
echo that was all
systemctl poweroff --force --force
