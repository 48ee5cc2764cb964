#!/bin/bash
# What scripts/package-check does with the camera part in its root, as the last unit of a boot; writes to /root/result.
# The cameras are outside, on the loopback that the root shares.
exec >/root/result 2>&1
# shellcheck source=scripts/proofs/inside-common.sh
source /root/inside-common.sh
config=/etc/polegate/polegate.toml
part=/opt/polegate/cameras

from_status() { # from_status EXPRESSION: of the answer `s`, with its cameras by name in `c`
    polegate status --json | python3 -c '
import json, sys
s = json.load(sys.stdin)
c = {each["camera"]: each for each in s.get("cameras", [])}
try:
    print(eval(sys.argv[1]))
except (KeyError, TypeError):
    print(None)' "$1" 2>/dev/null
}
holds() { [[ $(from_status "$1") == True ]]; }
both_change() { holds 'all(c[name]["step"] == "changing" for name in ("street", "road"))'; }
graded() { holds 'c["street"]["score"] > 50 and c["road"]["score"] is not None'; }
family() { # the pids of the unit
    local group
    group=$(unit ControlGroup)
    cat "/sys/fs/cgroup/systemd$group/cgroup.procs" "/sys/fs/cgroup$group/cgroup.procs" 2>/dev/null | sort -un
}
children() { family | grep -vx "$(unit MainPID)"; }
each_is_confined() {
    for pid in $(family); do
        grep -qx $'Seccomp:\t2' "/proc/$pid/status" && grep -qx $'NoNewPrivs:\t1' "/proc/$pid/status" &&
            grep -qx $'CapEff:\t0000000000000000' "/proc/$pid/status" && [[ $(stat -c %U "/proc/$pid") == polegate ]] || return 1
    done
}
pss_kib() { # of the worker and its decoders, as root sees it
    for pid in $(children); do awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup"; done | awk '{ total += $1 } END { print total }'
}
pss_is_told() { # what the worker reads of itself and its decoders is what root reads
    local told root
    told=$(from_status 's["worker"]["pss_bytes"] // 1024')
    root=$(pss_kib)
    echo "pss: the worker says $told KiB, root $root KiB"
    ((told > root * 8 / 10 && told < root * 12 / 10))
}
all_gone() { # all_gone WORKER: another one is there, with decoders of its own
    [[ ! -e /proc/$1 && $(children | wc -l) -ge 2 ]] && ! children | xargs -I{} cat /proc/{}/status | grep -qx $'PPid:\t1'
}
parts() { find $part -mindepth 1 -maxdepth 1 | wc -l; }
announced() { # a picture, on its way to the platform
    mosquitto_sub -h 127.0.0.1 -p 21883 -q 1 -C 1 -W 60 -t 'polegate/1/package-check/gateway-1/frames' | grep -q '"camera":"street"'
}
files_of() { dpkg -L "$1" | while read -r each; do [[ -d $each ]] || echo "$each"; done | sort; }

mosquitto -p 21883 -d
python3 /root/gauge.py /run/gauge &
until_true 5 test -e /run/gauge

echo "== the base alone, cameras configured"
see "it installs" offline sh /root/polegate.sh
cp /root/polegate.toml $config
cp /root/cameras.toml /etc/polegate/conf.d/
install -m 600 /root/camera-password /etc/polegate/credentials/camera
mkdir -p /etc/systemd/system/polegate.service.d
printf '[Service]\nLoadCredential=camera:/etc/polegate/credentials/camera\n' >/etc/systemd/system/polegate.service.d/camera.conf
systemctl daemon-reload
see "the check of the configuration names the part that is missing" grep -q 'need the camera part.*aiohttp, av, cv2, lxml, numpy' <(polegate config check 2>&1)
see "it starts" systemctl start polegate
see "the gauge is served" until_true 30 serves
see "the log says what is missing" until_true 30 grep -q 'part that serves them is not installed' <(journalctl -u polegate -o cat)

echo "== the camera part"
pid=$(unit MainPID)
began=$(date +%s.%N)
see "the bundle with cameras says that it could" sh /root/polegate-cameras.sh check
see "it installs without a network" offline sh /root/polegate-cameras.sh
echo "installed after $(seconds_since "$began") s"
see "restarted once" test "$(unit MainPID)" != "$pid" -a "$(unit NRestarts)" = 0
see "one start, not two" test "$(journalctl -u polegate -o cat | grep -c '^event=starting')" = 2
see "as dpkg knows both" test -z "$(dpkg --verify polegate polegate-camera)"
see "no file belongs to both" test -z "$(comm -12 <(files_of polegate) <(files_of polegate-camera))"
see "nothing of it was compiled here" test -z "$(comm -13 <(files_of polegate-camera) <(find $part -type f | sort))"
see "nothing is left of the installation" test "$(ls /opt/polegate)" = "$(printf 'cameras\nreleases\nvenv')"
see "the configuration has no more to say" test -z "$(polegate config check 2>&1 | grep 'camera part')"
see "a snapshot and a stream change before its eyes" until_true 90 both_change
see "both are graded" until_true 60 graded
echo "first pictures graded $(seconds_since "$began") s after the bundle was called"
from_status '{name: {key: each[key] for key in ("step", "way", "score")} for name, each in c.items()}'
see "the gauge is served as before" serves
polegate status >/root/status
see "polegate status shows them" grep -q '^road' /root/status
see "a picture is announced to the platform" announced

echo "== confined"
sleep 6 # until the worker has told its memory
see "worker and decoders" test "$(children | wc -l)" -ge 2
for each in $(family); do
    echo "pid $each nice $(awk '{ print $19 }' "/proc/$each/stat") threads $(awk '/^Threads/ { print $2 }' "/proc/$each/status") $(tr '\0' ' ' <"/proc/$each/cmdline" | cut -c1-110)"
done
see "each without privileges, behind the filter of system calls" each_is_confined
see "memory of the decoders is read from /proc" pss_is_told
echo "tasks: $(for each in $(family); do ls "/proc/$each/task"; done | wc -l) of $(unit TasksMax)"
see "nothing was refused that the log would tell" test -z "$(journalctl -u polegate -o cat | grep -iE 'permission|not permitted|EPERM|denied')"
systemd-analyze security --no-pager polegate.service | tail -1

echo "== a worker that is killed"
pid=$(unit MainPID)
worker=$(children | head -1)
kill -KILL "$worker"
see "is gone with its decoders" until_true 10 all_gone "$worker"
see "comes again" until_true 90 both_change
see "under the same daemon" test "$(unit MainPID)" = "$pid"

echo "== not without its other half"
! offline sh /root/polegate-99.1-amd64.sh
see "the next base alone is refused" test $? -eq 0
see "and changed nothing" test "$(polegate --version)" != "polegate, version 99.1" -a "$(unit MainPID)" = "$pid"

echo "== upgrade"
offline sh /root/polegate-cameras-99.1-amd64.sh
see "both go together" test $? -eq 0
see "and run" until_true 30 runs_version 99.1
see "restarted once" test "$(unit MainPID)" != "$pid" -a "$(journalctl -u polegate -o cat | grep -c '^event=starting')" = 3
see "the cameras go on" until_true 90 both_change
see "the part before is gone" test "$(parts)" = 1

echo "== an upgrade that does not start"
! offline sh /root/polegate-cameras-99.2-amd64.sh
see "dpkg says so" test $? -eq 0
see "the release before runs again" until_true 30 runs_version 99.1
see "with its own cameras" until_true 90 both_change
see "installed anew, dpkg is content" offline sh /root/polegate-cameras-99.1-amd64.sh
see "with one part" test "$(parts)" = 1
see "the cameras go on" until_true 90 both_change

echo "== removal"
pid=$(unit MainPID)
cp $config $config.good
echo 'nonsense = 1' | cat - $config.good >$config
! dpkg --remove polegate-camera
see "is refused where the station would not come back" test $? -eq 0
see "the same process runs on" test "$(unit MainPID)" = "$pid"
cp $config.good $config
dpkg --remove polegate-camera
see "mended, it goes" test $? -eq 0
see "restarted once" test "$(unit MainPID)" != "$pid" -a "$(unit NRestarts)" = 0
see "the gauge is served" until_true 30 serves
see "nothing of it is left" test ! -e $part -a "$(ls /opt/polegate)" = "$(printf 'releases\nvenv')"
see "the base alone goes on" offline sh /root/polegate-99.1-amd64.sh

echo "== stopped by an operator"
systemctl stop polegate
see "the part installs" offline sh /root/polegate-cameras-99.1-amd64.sh
see "it stays stopped" is ActiveState inactive
see "started, cameras are served" systemctl start polegate
see "indeed" until_true 90 both_change
see "purge takes both" sh /root/polegate-cameras.sh purge
see "nothing is left" test -z "$(ls -d /opt/polegate /etc/polegate /var/lib/polegate /usr/share/doc/polegate-camera 2>/dev/null)"
see "dpkg knows neither" test -z "$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' 'polegate*' 2>/dev/null | grep -v not-installed)"
echo that was all
systemctl poweroff --force --force
