#!/bin/bash
# What scripts/systemd-check does in its root, as the last unit of a boot; writes to /root/result.
exec >/root/result 2>&1
# shellcheck source=scripts/proofs/inside-common.sh
source /root/inside-common.sh
config=/etc/polegate/polegate.toml
state=/var/lib/polegate
faketime=$(echo /usr/lib/*/faketime/libfaketime.so.1)

now() { date +%s.%N; }
status_text() { unit StatusText; }
quote() { printf '    %s: %s\n' "$1" "$2"; }
says() { [[ $(status_text) == *"$1"* ]]; }                 # says TEXT: in systemctl status
last_log() { journalctl -u polegate -o cat --since "@$mark" | grep -E "$1" | tail -1; }
logs_it() { [[ $(last_log "$1") ]]; }                      # since the last mark
mark() { sleep 1 && mark=$(date +%s); }
ready_as_another() { [[ $(unit MainPID) != "$1" && $(unit MainPID) != 0 ]] && is ActiveState active; }
process_cpu() { awk -v hz="$(getconf CLK_TCK)" '{ printf "%.2f", ($14 + $15) / hz }' "/proc/$1/stat"; }
trial() { # trial NAME: begin with a station that has just been started by hand
    echo "== $1"
    mark
}
drop_in() { # drop_in [LINE...]: of [Service], for this trial alone
    rm -f /etc/systemd/system/polegate.service.d/trial.conf
    mkdir -p /etc/systemd/system/polegate.service.d
    if (($#)); then printf '%s\n' '[Service]' "$@" >/etc/systemd/system/polegate.service.d/trial.conf; fi
    systemctl daemon-reload
}
told() { # told TEXT: in systemctl status and in the log
    quote "systemctl status" "$(status_text)"
    quote "log" "$(last_log "$1" | cut -c1-300)"
}
ready_or_resting_after() { [[ $(unit MainPID) != "$1" && $(unit MainPID) != 0 ]] && { is ActiveState active || says resting; }; }
is_clock() { [[ $(systemctl show -P ActiveState polegate-clock) == "$1" ]]; }
clock_runs_as_another() { is_clock active && [[ $(systemctl show -P MainPID polegate-clock) != "$1" ]]; }
fill() { # the state directory, to its last byte
    dd if=/dev/zero of=$state/filler bs=64k 2>/dev/null
    dd if=/dev/zero of=$state/filler bs=1 oflag=append conv=notrunc 2>/dev/null
    quote "free" "$(df --output=avail -B1 $state | tail -1) bytes"
}
full_disk_is_told() { says "full" || says "No space" || says "disk"; }
reads_the_meter() { [[ $(polegate status) =~ meter\ +ok ]]; }
vouch() { # that the clock is right
    while true; do
        echo "synchronised $(cut -d' ' -f1 /proc/uptime)" >/run/polegate-clock/kernel.new
        mv /run/polegate-clock/kernel.new /run/polegate-clock/kernel
        sleep 1
    done
}
serial_port_is_tried() { [[ $(last_log 'subject=port') =~ "Input/output error"|"No such device" ]]; }
asked_kernel() { cat /run/polegate-clock/kernel; }

mosquitto -p 21883 -d
python3 /root/gauge.py /run/gauge &
until_true 5 test -e /run/gauge
sh /root/polegate.sh >/dev/null || exit
cp /root/polegate.toml $config
systemctl start polegate

trial "confined"
see "serves" until_true 30 serves
see "the clock's own unit runs" systemctl is-active --quiet polegate-clock
see "what the kernel says is written" grep -qE '^(not )?synchronised [0-9.]+$' /run/polegate-clock/kernel
quote "/run/polegate-clock/kernel" "$(asked_kernel)"
see "by a user of its own, who is nobody else's" test "$(stat -c %U /run/polegate-clock/kernel)" != polegate -a "$(stat -c %U /run/polegate-clock/kernel)" != root
for each in polegate polegate-clock; do
    see "$each.service: $(systemd-analyze security --no-pager $each.service | grep -o 'level.*: [0-9.]*' | grep -o '[0-9.]*$')" true
done
pid=$(systemctl show -P MainPID polegate-clock)
quote "memory of the clock's unit, KiB" "$(awk '/^(Rss|Pss):/ { printf "%s %s ", $1, $2 }' "/proc/$pid/smaps_rollup"), CPU s $(process_cpu "$pid")"
quote "memory of the daemon, KiB" "$(awk '/^(Rss|Pss):/ { printf "%s %s ", $1, $2 }' "/proc/$(unit MainPID)/smaps_rollup")"

# A serial port of the kernel's, without a driver behind it: refused by the hardware, not by the unit.
mknod -m 660 /dev/ttyS9 c 4 73 && chgrp dialout /dev/ttyS9
printf '[devices.port]\ninstrument = "eastron-sdm120"\nport = "/dev/ttyS9"\n' | cat /root/polegate.toml - >$config
systemctl reload polegate
see "it opens serial ports" until_true 30 serial_port_is_tried
quote "log" "$(last_log 'subject=port')"
cp /root/polegate.toml $config
systemctl reload polegate

trial "hang"
pid=$(unit MainPID)
began=$(now)
kill -STOP "$pid"
see "a hang: another process is READY" until_true 60 ready_as_another "$pid"
after=$(seconds_since "$began")
see "READY again $after s after it began to hang (WatchdogSec=$(($(unit WatchdogUSec | tr -dc 0-9)))), at most 45" awk "BEGIN { exit !($after <= 45) }"
see "and reads and sends" until_true 30 serves
see "the log says where it hung" logs_it 'File ".*line'
told 'Watchdog timeout'

trial "crash loop"
# As shipped: 5 s between tries, then the daemon's own rest. Each is killed as soon as it is READY.
systemctl restart polegate
began=$(now) cpu=0 deaths=0
while ((deaths < 5)); do
    until_true 60 is ActiveState active || break
    pid=$(unit MainPID)
    cpu=$(awk "BEGIN { print $cpu + $(process_cpu "$pid") }")
    kill -SEGV "$pid"
    deaths=$((deaths + 1))
    until_true 10 ready_or_resting_after "$pid"
    if says resting; then quote "after $deaths deaths, $(seconds_since "$began") s" "$(status_text)"; fi
done
see "it rests" says "resting 60 s, the last 5 starts came to nothing"
see "and systemd has patience with that" is SubState start
resting=$(unit MainPID)
quote "CPU s of $deaths starts" "$cpu, each $(awk "BEGIN { printf \"%.2f\", $cpu / $deaths }")"
quote "CPU s of one that rests" "$(process_cpu "$resting")"
began=$(now)
see "systemctl restart ends the rest" systemctl restart polegate
see "READY $(seconds_since "$began") s later" is ActiveState active
told 'event=resting'
see "what has served for half a minute starts without a rest" until_true 60 test ! -e /run/polegate/starts

trial "stop under load"
python3 /root/silent.py 21885 /run/silent &
silent=$!
until_true 5 test -e /run/silent
{
    sed 's/:21883/:21885/; s|"/run/gauge"|"/run/gauge"\nevery_s = 0.2|' /root/polegate.toml
    for each in $(seq 20); do printf '[devices.far%s]\ninstrument = "eastron-sdm120"\ntcp = "127.0.0.1:21885"\nunit = %s\nevery_s = 1\n' "$each" "$each"; done
    printf '[devices.deaf]\ninstrument = "eastron-sdm120"\nport = "/run/silent"\nevery_s = 1\n'
} >$config
systemctl restart polegate
see "a silent broker, a silent bus and 20 silent devices are told" until_true 60 says "21 timeout, 1 ok; uplink disconnected: 127.0.0.1:21885 took the connection and did not answer"
sleep 10
quote "systemctl status" "$(status_text)"
began=$(now)
systemctl stop polegate
after=$(seconds_since "$began")
see "stopped in $after s, at most 10" awk "BEGIN { exit !($after <= 10) }"
see "by itself" is Result success
see "and with 0" is ExecMainStatus 0
see "the clock's unit with it" is_clock inactive
see "nothing left of them in /run" test ! -e /run/polegate -a ! -e /run/polegate-clock
quote "log" "$(last_log 'event=stopped')"
kill $silent
cp /root/polegate.toml $config

trial "full disk, from the first start"
systemctl stop polegate
mv $state $state.kept
mkdir $state
mount -t tmpfs -o size=4M tmpfs $state
fill
systemctl start --no-block polegate
sleep 20
quote "state" "$(unit ActiveState) ($(unit SubState)), restarted $(unit NRestarts) times"
told 'cannot run|fault'
see "it says so" full_disk_is_told
rm $state/filler
see "serves when there is room" until_true 60 serves

trial "full disk, while it serves and the broker is away"
sed 's|"/run/gauge"|"/run/gauge"\nevery_s = 0.1|; s/:21883/:21884/' /root/polegate.toml >$config
systemctl reload polegate
fill
see "it goes on, and says so" until_true 120 says "full"
see "is alive" is ActiveState active
told 'event=fault kind=store'
sleep 10
see "the gauge is still read" reads_the_meter
cp /root/polegate.toml $config
systemctl reload polegate
see "what it holds is sent when the broker is there again" until_true 30 serves

trial "full disk, a start with an outbox in it"
systemctl restart --no-block polegate
sleep 20
quote "state" "$(unit ActiveState) ($(unit SubState)), restarted $(unit NRestarts) times"
told 'cannot run|fault'
see "it says so" full_disk_is_told
rm -f $state/filler
see "serves when there is room" until_true 90 serves
systemctl stop polegate

trial "a state directory that is read-only"
mount -o remount,ro $state
systemctl start --no-block polegate
until_true 60 says "resting"
quote "state" "$(unit ActiveState) ($(unit SubState)), restarted $(unit NRestarts) times"
told 'cannot run'
see "it waits, and says why" says "Read-only file system"
mount -o remount,rw $state
see "serves when it can be written, at the latest after the rest" until_true 60 serves
systemctl stop polegate
umount $state
rmdir $state
mv $state.kept $state

trial "the clock stands at 1971"
sed 's/source = "system"/source = "ntp"/' /root/polegate.toml >$config
echo '@1971-01-01 00:00:00' >/run/faketime
drop_in "Environment=LD_PRELOAD=$faketime FAKETIME_TIMESTAMP_FILE=/run/faketime FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1"
systemctl mask --quiet --runtime --now polegate-clock
mkdir -p /run/polegate-clock
vouch & # as the clock's unit would
vouching=$!
systemctl start polegate
see "the daemon lives in 1971" grep -q '"now_ms": 315' <(polegate status --json)
see "the gauge is read" until_true 30 reads_the_meter
see "it says so, whatever the kernel says" says "the clock is not synchronised"
told 'clock_unsynced'
echo '+0' >/run/faketime
see "the true time is taken as soon as it is there" until_true 20 logs_it 'event=recovered kind=clock_unsynced'
see "and sent" until_true 30 serves
quote "systemctl status" "$(status_text)"

trial "nobody says any more that the clock is right"
kill $vouching
see "it says so within half a minute" until_true 30 says "the clock was synchronised and is no more"
told 'clock_unsynced'
see "and goes on" serves
rm -r /run/polegate-clock
drop_in
systemctl unmask --quiet --runtime polegate-clock
systemctl start polegate-clock
until_true 10 test -e /run/polegate-clock/kernel
pid=$(systemctl show -P MainPID polegate-clock)
kill -KILL "$pid"
see "the clock's unit comes again by itself" until_true 20 clock_runs_as_another "$pid"

# For the next boot: no network, a broker known by name.
systemctl stop polegate
sed 's|^url = .*|url = "mqtt://broker.example:1883"\nplaintext = true|' /root/polegate.toml >$config
echo that was all
systemctl poweroff --force --force
