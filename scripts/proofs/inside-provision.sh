#!/bin/bash
# What scripts/provision-check does in its root, as the last unit of a boot; writes to /root/result.
exec >/root/result 2>&1
# shellcheck source=scripts/proofs/inside-common.sh
source /root/inside-common.sh
secrets=/etc/polegate/credentials
seed=/boot/firmware/polegate-seed.toml

python3 /root/gauge.py /run/gauge &
until_true 5 test -e /run/gauge

serial() { openssl x509 -in /etc/polegate/mqtt-client.pem -noout -serial; }

echo "== from a clean root to the first acknowledged reading"
began=$(date +%s.%N)
see "1. sh polegate.sh, without a network" offline sh /root/polegate.sh
echo "after $(seconds_since "$began") s"
see "2. polegate provision $seed" polegate provision "$seed" --yes
echo "after $(seconds_since "$began") s"
see "3. systemctl daemon-reload" systemctl daemon-reload
see "4. systemctl restart polegate" systemctl restart polegate
see "readings of a gauge on a serial line are acknowledged" until_true 30 serves
echo "first acknowledged reading $(seconds_since "$began") s after the bundle was called, 4 commands"

echo "== what was made"
see "the key is root's alone" test "$(stat -c '%U %a' $secrets/mqtt-client-key)" = "root 400"
see "in a folder that is root's alone" test "$(stat -c '%U %a' $secrets)" = "root 700"
see "the daemon's user cannot look into it" in_its_place "! ls $secrets 2>/dev/null"
see "systemd hands it the key" in_its_place "test -r /run/credentials/polegate.service/mqtt-client-key"
see "the claim code is gone" test "$(grep -rl once-4711 /etc /boot)" = ""
see "a second run has nothing to do" grep -q "Nothing to do" <(polegate provision "$seed" --yes)
see "the certificate is the gateway's" grep -q '"subject": "gateway-1"' <(polegate certs show --json)

echo "== renewal"
before=$(serial)
pid=$(unit MainPID)
see "the timer is enabled" systemctl enable --now --quiet polegate-renew.timer
see "and waits for its hour" test "$(systemctl show --property=ActiveState --value polegate-renew.timer)" = active
see "a certificate that is due is renewed, within the unit's confinement" systemctl start polegate-renew
see "by another" test "$(serial)" != "$before"
journalctl --unit polegate-renew --output cat | grep -v "^polegate-renew\|^Start\|^Finish" || true
see "the daemon was not disturbed" test "$(unit MainPID)" = "$pid"
see "and serves" serves
see "it starts with the new one" systemctl restart polegate
see "and serves with it" until_true 30 serves

echo "== another broker password"
sed -i '0,/^ca = "ca.pem"$/s//ca = "ca.pem"\nusername = "gateway-1"\npassword = "first"/' "$seed"
see "a password is provisioned" polegate provision "$seed" --yes
systemctl daemon-reload
see "it starts" systemctl restart polegate
see "and serves" until_true 30 serves
sed -i 's|^password = .*|password = "second"|' "$seed"
see "another one takes another name" polegate provision "$seed" --yes
see "and the old one goes" test "$(ls $secrets)" = "mqtt-client-key
mqtt-password.2"
systemctl daemon-reload
see "it starts with it" systemctl restart polegate
see "and serves" until_true 30 serves
see "the doctor has nothing against the broker" polegate doctor --only broker --only secrets

echo "== purge"
see "nothing is left" dpkg --purge polegate
see "of the configuration" test ! -e /etc/polegate
see "of the drop-in" test ! -e /etc/systemd/system/polegate.service.d
see "of the timer" test ! -e /etc/systemd/system/timers.target.wants/polegate-renew.timer
echo "that was all"
systemctl poweroff --force --force
