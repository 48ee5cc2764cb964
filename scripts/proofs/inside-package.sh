#!/bin/bash
# What scripts/package-check does in its root, as the last unit of a boot; writes to /root/result.
exec >/root/result 2>&1
# shellcheck source=scripts/proofs/inside-common.sh
source /root/inside-common.sh
config=/etc/polegate/polegate.toml

mosquitto -p 21883 -d
python3 /root/gauge.py /run/gauge &
until_true 5 test -e /run/gauge

subscribe() { # the first readings that the broker hands on, into /root/readings
    mosquitto_sub -h 127.0.0.1 -p 21883 -q 1 -C 1 -t 'polegate/1/package-check/gateway-1/readings' >/root/readings &
}
told_the_meter() { grep -q '"meter".*230.5' /root/readings; }

echo "== install"
began=$(date +%s.%N)
see "the bundle says that it could" sh /root/polegate.sh check
see "and has changed nothing" test ! -e /opt/polegate
see "it installs without a network" offline sh /root/polegate.sh
echo "installed after $(seconds_since "$began") s"
see "the unit is enabled" systemctl is-enabled --quiet polegate
see "and waits for a configuration" is ActiveState inactive
see "the manual page is there" test -e /usr/share/man/man1/polegate.1.gz
see "as dpkg knows it" test -z "$(dpkg --verify polegate)"
cp /root/polegate.toml $config
see "the configuration holds" polegate config check
subscribe
see "it starts" systemctl start polegate
see "readings of a gauge on a serial line reach a subscriber" until_true 30 told_the_meter
see "and are acknowledged" until_true 30 serves
echo "first acknowledged readings $(seconds_since "$began") s after the bundle was called"
see "runs unprivileged" test "$(stat -c %U "/proc/$(unit MainPID)")" = polegate
see "sees no process of others" in_its_place "[ -e /proc/self/status ] && [ ! -e /proc/1/status ]"
see "nor the machine" in_its_place "[ ! -e /proc/meminfo ]"
see "nor writes but where it may" in_its_place "! touch /opt/polegate/x /etc/polegate/x /run/x 2>/dev/null && touch /var/lib/polegate/x && rm /var/lib/polegate/x"
see "reads no secret of the machine" in_its_place "! cat /etc/shadow 2>/dev/null"
see "rss: $(awk '/VmRSS/ { print $2 }' "/proc/$(unit MainPID)/status") KiB" true
see "reads the meter" polegate status
systemd-analyze security --no-pager polegate.service | tail -1

echo "== a damaged file"
head -c -1000 /root/polegate.sh >/root/short.sh
! sh /root/short.sh
see "is refused" test $? -eq 0

echo "== upgrade"
pid=$(unit MainPID)
subscribe
see "the next release installs" offline sh /root/polegate-99.1-amd64.sh
see "and runs" until_true 30 runs_version 99.1
see "restarted once" test "$(unit MainPID)" != "$pid" -a "$(unit NRestarts)" = 0
see "reads and sends" until_true 30 serves
see "readings come after the upgrade" until_true 30 told_the_meter
see "the release before is gone" test "$(find /opt/polegate/releases -mindepth 1 -maxdepth 1 | wc -l)" = 1
see "the outbox went on" test -s /var/lib/polegate/outbox.db

echo "== an upgrade that does not start"
! offline sh /root/polegate-99.2-amd64.sh
see "dpkg says so" test $? -eq 0
see "the release before runs again" until_true 30 runs_version 99.1
see "and reads and sends" until_true 30 serves
see "installed anew, dpkg is content" offline sh /root/polegate-99.1-amd64.sh
see "and 99.1 runs" until_true 30 runs_version 99.1

echo "== a configuration that the other release refuses"
pid=$(unit MainPID)
echo 'nonsense = 1' | cat - $config >$config.new
cp $config $config.good
cp $config.new $config
! offline sh /root/polegate.sh
see "the bundle refuses before it changes anything" test $? -eq 0
see "the station runs on undisturbed" test "$(unit MainPID)" = "$pid"
sh /root/polegate.sh extract /root
! dpkg --install /root/polegate_*_amd64.deb
see "dpkg alone refuses, too" test $? -eq 0
see "the same process runs on" test "$(unit MainPID)" = "$pid"
see "with its release in place" runs_version 99.1
see "and its own program files" polegate --version
cp $config.good $config
see "mended, dpkg --configure takes the other release" dpkg --configure polegate
see "which runs" until_true 30 serves
see "the older one" test "$(readlink /opt/polegate/venv)" = "$(cd /opt/polegate && echo releases/*)"

echo "== stopped by an operator"
systemctl stop polegate
see "an upgrade" offline sh /root/polegate-99.1-amd64.sh
see "leaves it stopped" is ActiveState inactive
see "the upgrade is there" test "$(polegate --version)" = "polegate, version 99.1"

echo "== an outbox of a newer release"
schema() { python3 -c 'import sqlite3, sys; print(sqlite3.connect("/var/lib/polegate/outbox.db").execute(sys.argv[1]).fetchone())' "$1"; }
was=$(schema 'PRAGMA user_version' | tr -dc 0-9)
schema 'PRAGMA user_version = 99' >/dev/null 2>&1
! systemctl start polegate 2>/dev/null
see "is refused" test $? -eq 0
see "with a clear word" grep -q 'has schema 99.*install the polegate that wrote it' <(journalctl -u polegate -o cat)
systemctl stop polegate
schema "PRAGMA user_version = $was" >/dev/null 2>&1
systemctl reset-failed polegate
see "its own is taken" systemctl start polegate

echo "== remove, install, purge"
see "remove" sh /root/polegate.sh remove
see "it is stopped" is ActiveState inactive
see "no program is left" test ! -e /opt/polegate -a ! -e /usr/bin/polegate
see "the configuration stays" test -e $config
see "and the data" test -s /var/lib/polegate/outbox.db
see "installed again" offline sh /root/polegate.sh
see "it starts with what it had" until_true 30 serves
see "purge" sh /root/polegate.sh purge
see "nothing is left" test -z "$(ls -d /opt/polegate /etc/polegate /var/lib/polegate /usr/lib/systemd/system/polegate.service 2>/dev/null)"
echo that was all
systemctl poweroff --force --force
