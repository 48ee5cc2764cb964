"""What `polegate doctor` says to people: what was found, why it matters, what to do next."""

from __future__ import annotations

NO_CONFIG = "cannot be told before the configuration is right"
NO_DAEMON = "cannot be told while no daemon answers"
LATE = "no answer within {seconds:g} s"
LATE_WHY = "What it looks at hangs: a disk, a name server, a driver."
LATE_DO = "Run it alone, polegate doctor --only {check}, and look at dmesg."
BROKEN = "the check itself failed"
BROKEN_WHY = "It says nothing about the gateway; the other checks are not touched."
BROKEN_DO = "Tell the makers, with what stands on standard error and polegate support."
ALL_WELL = "Nothing is wrong."
SUMMARY = "{fails} wrong, {warns} to look at, {unknowns} cannot be told."

# config
CONFIG_WHY = "The daemon does not start with it, or runs on with the one before it."
CONFIG_DO = "Mend it, look with polegate config check, then polegate reload."
WARNING_WHY = "It is allowed, and seldom meant."
WARNING_DO = "Mend it or let it be; then polegate config check."

# daemon
DAEMON_UP = "version {version}, pid {pid}, up {up}, {memory} of memory"
DAEMON_WHY = "Nothing is read, stored or sent."
DAEMON_DO = "sudo systemctl start polegate; why it does not run: polegate logs -n 50"
DAEMON_FORBIDDEN_DO = (
    "Run this with sudo, or join the group: sudo usermod -aG polegate $USER, then log in again."
)
HUNG_DO = "polegate logs -n 50; if it goes on: sudo systemctl restart polegate"
OTHER_VERSION = "it runs version {running}, and {installed} is installed"
OTHER_VERSION_WHY = "An upgrade counts from the next start."
OTHER_VERSION_DO = "sudo systemctl restart polegate"
OTHER_CONFIG = "it runs with {running}, and this looks at {asked}"
OTHER_CONFIG_WHY = "What is said here of the configuration is not said of the daemon's."
OTHER_CONFIG_DO = "polegate --config {running} doctor"
FAULT = "{kind} {subject}, {since}{message}"
FAULT_WHY = "It is told to the platform as an open fault."
PART = "{name} is {state}: {error}"
PART_WHY = "What it serves stands still; the other parts go on."
PART_DO = "It is tried again by itself, at once with polegate reload; why: polegate logs"
REFUSED = "the last reload was refused: {problem}"

# unit
NO_SYSTEMD = "this gateway was not booted by systemd"
NO_SYSTEMD_DO = "See to it that something else starts the daemon at boot and after a crash."
UNIT_SILENT = "systemctl does not answer"
UNIT_ABSENT = "no unit polegate.service"
UNIT_ABSENT_WHY = "Nobody starts the daemon at boot, and nobody restarts it."
UNIT_ABSENT_DO = "Install the package: docs/operator/installing.md"
UNIT_UP = "{state}, started at boot{restarts}"
UNIT_DOWN = "the unit is {state}{result}"
UNIT_CONFIG_DO = "The configuration is wrong: polegate config check, then sudo systemctl start polegate"
UNIT_DISABLED = "the unit is {state}: it is not started at boot"
UNIT_DISABLED_WHY = "After the next power cut the station stays dark."
UNIT_DISABLED_DO = "sudo systemctl enable polegate"
UNIT_STALE = "the unit's files have changed since systemd read them"
UNIT_STALE_WHY = "The old settings are in force."
UNIT_STALE_DO = "sudo systemctl daemon-reload, then sudo systemctl restart polegate"
UNIT_RESTARTED = "systemd has restarted it {count} since it was started"
UNIT_RESTARTED_WHY = "It crashes or hangs now and then; readings are not taken for so long."
UNIT_RESTARTED_DO = (
    "sudo journalctl -u polegate | grep -B20 'Scheduled restart'; tell the makers: polegate support"
)
CLOCK_UNIT_DOWN = "polegate-clock.service does not run"
CLOCK_UNIT_WHY = "The daemon may not ask the kernel itself, and takes the clock for unsynchronised."
CLOCK_UNIT_DO = (
    "sudo systemctl unmask polegate-clock; sudo systemctl start polegate-clock; "
    "why: sudo journalctl -u polegate-clock"
)

# secrets
NO_SECRETS = "none configured"
SECRET_OK = "{key}: {path} can be read by {who}, {mode}"  # noqa: S105  no secret
SECRET_ABSENT = "{key}: {path}: no such file"  # noqa: S105  no secret
SECRET_ABSENT_WHY = "There is no connection without it."  # noqa: S105  no secret
SECRET_ABSENT_DO = "Write it, or mend its path in the configuration."  # noqa: S105  no secret
SECRET_UNSEEN = "{key}: {path} cannot be looked at by this user"  # noqa: S105  no secret
SECRET_UNREADABLE = "{key}: {path} cannot be read by {who}: {mode}, owner {uid}, group {group}"  # noqa: S105
SECRET_UNREADABLE_DO = "sudo chown root:polegate {path}; sudo chmod 640 {path}"  # noqa: S105  no secret
SECRET_OPEN = "{key}: {path} can be {how} by every user of this gateway, {mode}"  # noqa: S105  no secret
SECRET_OPEN_WHY = "Who has it can speak for this station."  # noqa: S105  no secret
CREDENTIAL_GIVEN = "{key}: the unit passes the credential {name}"
CREDENTIAL_ABSENT = "{key}: the unit passes no credential {name}"
CREDENTIAL_ABSENT_DO = (
    "sudo systemctl edit polegate: [Service] LoadCredential={name}:/etc/polegate/credentials/{name}"
)
CREDENTIAL_UNKNOWN = "{key}: whether the credential {name} is passed is known to the service alone"
SUDO = "Run this with sudo."

# ports
NO_PORTS = "no serial port is configured"
PORT_OK = "{path}: {who} may use it{holder}"
HELD_BY_DAEMON = ", the daemon holds it"
HELD_BY_NOBODY = ", nobody holds it"
HELD_UNSEEN = "; who holds it is told with sudo"
PORT_ABSENT = "{path} is not there"
PORT_WHY = "Not read without it: {devices}."
PORT_ABSENT_DO = "Plug the adapter in and look at dmesg; what is there: ls /dev/polegate /dev/serial/by-path"
PORT_NO_DEVICE = "{path} is no serial port, but a file"
PORT_NO_DEVICE_DO = (
    "Something wrote to it while the adapter was out: remove the file, plug the adapter in again."
)
PORT_FORBIDDEN = "{path} is not for {who}: {mode}, group {group}"
PORT_FORBIDDEN_DO = "sudo usermod -aG {group} {who}, then sudo systemctl restart polegate"
PORT_TAKEN = "{path} is held by {names}"
PORT_TAKEN_WHY = "A line has one master only; two garble each other. Not read well: {devices}."
PORT_TAKEN_DO = "End that program; what starts it at boot: systemctl status PID"
PORT_LOGIN_DO = "sudo systemctl disable --now serial-getty@{name}, and no console on it (/proc/cmdline)"
PORT_CONSOLE = "{path} is the kernel's console"
PORT_CONSOLE_WHY = "Boot messages go out to the gauges, and a login may listen to them."
PORT_CONSOLE_DO = "Take console={name} out of the kernel's command line, then restart the gateway."

# buses and cameras
NO_DEVICES = "no device is configured"
BUS_OK = "{bus}: {count} ok{starting}"
BUS_STARTING = ", {count} not read yet"
BUS_FAILING = "{bus}: {ok} ok, {failing} failing{starting}"
BUS_SILENT = "{bus}: none of {count} can be read"
BUS_DEVICE = "{device}: {error}"
BUS_WHY = "Their readings go to the platform as missing."
BUS_SILENT_DO = "All at once: the adapter, the cable, the line's supply. Then: polegate bus scan PORT"
NO_CAMERAS = "none is configured"
CAMERA_PART = "the camera part of polegate is not installed (no {packages})"
CAMERA_PART_WHY = "Cameras are configured and not served; the gauges are."
CAMERA_PART_DO = "Install it: docs/operator/installing.md"
CAMERA_OK = "{camera}: pictures come and change{score}"
CAMERA_STARTING = "{camera}: nothing is known yet"
CAMERA_FAILING = "{camera}: {step}, {reason}{message}"
CAMERA_WHY = "No picture of it can be trusted now."
CAMERA_DO = "Step by step: polegate camera probe {camera}"
CAMERA_STEPS = {
    "unreachable": "Its power, its cable, its address: polegate camera find, polegate camera probe {camera}",
    "reachable": "User, password, its clock, a lock after too many tries: polegate camera probe {camera}",
    "authorised": "Too many viewers, a stream that does not start: polegate camera probe {camera}",
    "streaming": "The same picture comes again and again: reboot it, polegate camera reboot {camera}",
}
CAMERA_FAULTY = "{camera}: {faults}"
CAMERA_FAULTY_WHY = "Pictures come, and what they show is doubted."
CAMERA_FAULTY_DO = "Look at it: polegate camera aim {camera}"
CAMERA_UNSEEN = "{camera}: configured, and the daemon does not know it"
CAMERA_UNSEEN_WHY = "It is not served before the configuration counts."
CAMERA_UNSEEN_DO = "polegate reload"

# clock
CLOCK_OK = "{now}, synchronised{source}"
CLOCK_SYSTEM = "{now}, taken for true because of clock.source{source}"
CLOCK_BY = ", by {names}"
CLOCK_NOBODY = ", and no time service is seen"
CLOCK_UNSYNCED = "{now}, not synchronised{source}"
CLOCK_UNSYNCED_WHY = "Readings wait up to clock.hold_s for the true time, then they go out marked unsynced."
CLOCK_UNSYNCED_DO = "polegate clock: which server, is it reached (UDP port 123)?"
CLOCK_NO_SERVICE_DO = "Install and start one: apt install systemd-timesyncd; timedatectl set-ntp true"
CLOCK_EARLY = "{now}, before polegate was built ({built})"
CLOCK_EARLY_WHY = "No certificate is valid yet and no reading can be dated: nothing is sent by TLS."
CLOCK_LATE = "{now}, more than {years} years after polegate was built"
CLOCK_LATE_WHY = "Certificates have expired by it, and readings get dates that the platform refuses."
CLOCK_SET_DO = "Get it a time server, or set it by hand: timedatectl set-ntp false; timedatectl set-time ..."
RTC_OK = "real-time clock {name}{apart}"
RTC_APART = ", {apart} from the system's"
RTC_OFF = "the real-time clock {name} is {apart} off"
RTC_OFF_WHY = "After a power cut without a network the station begins with the wrong time."
RTC_OFF_DO = "sudo hwclock --systohc; if it comes back, change its battery."
RTC_EMPTY = "the real-time clock {name} says {now}: its battery is empty, or it was never set"
RTC_EMPTY_DO = (
    "Once the system's clock is right: sudo hwclock --systohc; if it comes back, change its battery."
)
RTC_LOCAL = "the real-time clock is kept in local time"
RTC_LOCAL_WHY = "A start without a network begins hours off."
RTC_LOCAL_DO = "sudo timedatectl set-local-rtc 0"
RTC_NONE = "no real-time clock"
RTC_NONE_WHY = "After a power cut the time is unknown until a server is reached; readings wait for it."
RTC_NONE_SYSTEM_WHY = (
    "After a power cut the time is wrong until a server is reached; readings carry it all the same,"
    " because of clock.source."
)
RTC_NONE_DO = "Fit one where the network is often away; otherwise nothing."

# disk
DISK_OK = "{what}: {path}: {free} free of {total} ({share:.0%}){inodes}"
DISK_INODES = ", {count:,} files more"
DISK_PENDING = "; made at the first start"
DISK_UNSEEN = "{what}: {path} cannot be looked at by this user"
DISK_READ_ONLY = "{what}: {path} lies on a read-only file system"
DISK_READ_ONLY_WHY = "Readings are kept in memory only and lost when the power goes."
DISK_READ_ONLY_DO = (
    "dmesg: did the kernel find errors? Then fsck it from a rescue system and change the card."
)
DISK_FULL = "{what}: {path}: {free} free of {total}"
DISK_NO_INODES = "{what}: {path}: room for {count} files more"
DISK_FULL_WHY = "Nothing can be stored; the newest readings are kept in memory and lost when the power goes."
DISK_FULL_DO = "sudo du -xh / | sort -h | tail; sudo journalctl --vacuum-size=100M; sudo apt clean"
DISK_TIGHT = "{what}: {path}: {free} free, and it may grow by {growth}"
DISK_TIGHT_WHY = "A long outage fills the disk before {key} is reached."
DISK_TIGHT_DO = "Free some, or lower {key} to {fits} or less."
DISK_FORBIDDEN = "{what}: {path} is not for {who}: {mode}, owner {uid}, group {group}"
DISK_FORBIDDEN_DO = "chown -R polegate:polegate {path}"
REMOUNTED = "{mount} ({device}) is read-only now, and was meant to be writable (errors=remount-ro)"
FS_ERRORS = "{device}: the file system has counted {count} since it was made or checked"
FS_ERRORS_WHY = "The card or its power is failing; files are damaged or soon will be."
FS_ERRORS_DO = "Keep a copy elsewhere (polegate backup), fsck from a rescue system, change the card."

# wear
WEAR_NONE = "no disk is seen here"
WEAR_OK = "{disk} ({name}): {used} of its life used{reserve}"
WEAR_RESERVE = ", reserve blocks {reserve}"
WEAR_WORN = "{disk} ({name}): {used} of its life used{reserve}"
WEAR_WHY = "Worn flash loses data without a word and then turns read-only."
WEAR_PLAN = "Plan its replacement with the next visit; what writes much: iotop -ao"
WEAR_NOW = "Replace it now, but first polegate backup, and on the new one polegate restore."
WEAR_UNKNOWN = "{disk} ({name}): wear cannot be told, {why}"
WEAR_SD = "SD cards do not say"
WEAR_SMART = "only by its own tool"
WEAR_SMART_DO = "sudo smartctl -a /dev/{disk} (package smartmontools)"
RESERVES = {1: "normal", 2: "80% used", 3: "nearly used up"}

# heat, memory, power
HEAT_NONE = "the kernel knows no temperature"
HEAT_OK = "{zone} {celsius:.0f} °C"
HEAT_HIGH = "{zone} {celsius:.0f} °C{limit}"
HEAT_LIMIT = ", switched off at {celsius:.0f} °C"
HEAT_WHY = "A hot processor slows down, then switches off; flash ages faster, too."
HEAT_DO = "Shade, vents, dust in the cabinet; what is busy: top"
MEMORY_OK = "{free} of {total} available"
MEMORY_LOW = "only {free} of {total} available"
MEMORY_WHY = "The kernel ends processes when it runs out; the daemon may be one of them."
MEMORY_DO = "What uses it: ps aux --sort=-rss | head; fewer cameras or a longer every_s help."
MEMORY_KILLED = "the kernel has ended {count} since the start because memory ran out"
MEMORY_KILLED_DO = "Which: sudo journalctl -k | grep -i oom"
MEMORY_UNKNOWN = "the kernel does not say"
POWER_UNKNOWN = "this board does not say whether its supply sags"
POWER_OK = "no under-voltage since the start"
POWER_NOW = "under-voltage now"
POWER_BEFORE = "under-voltage since the start of the gateway"
POWER_WHY = "A sagging supply damages files on the card, and USB adapters drop out."
POWER_DO = "A stronger supply, a thicker or shorter cable; on a battery: its charge."
THROTTLED_NOW = "the processor is slowed down now"
THROTTLED_BEFORE = "the processor was slowed down since the start"

# broker
BROKER_WHY = "Nothing reaches the platform; readings wait in the outbox."
BROKER_DO = "sudo journalctl -u polegate --grep event=uplink"
DNS_LITERAL = "{host} is an address, no name server is needed"
DNS_OK = "{host}: {four} by IPv4, {six} by IPv6, in {took}"
NO_ADDRESS = "no address"
TCP_OK = "{address}: connected by {family} in {took}"
TCP_ONE_DOWN = "{address}: no connection by {family}: {why}"
TCP_ONE_DOWN_WHY = "The other way works; each new connection may first wait up to 10 s for this one."
TCP_ONE_DOWN_DO = "Mend {family} on the way (ip -{digit} route), or have the address taken out of the DNS."
NO_TLS_LOCAL = "no TLS: the broker is on this machine"
NO_TLS = "no TLS: all can be read on the way, the password too"
NO_TLS_WHY = "Who sits on the way can read and speak for this station."
NO_TLS_DO = "Use mqtts:// in uplink.url as soon as the broker can."
TLS_OK = "{version}, the broker's certificate is trusted"
TLS_NO_CREDENTIAL = "shown without our client certificate: its key is a credential of the service"
TLS_NO_CREDENTIAL_DO = (
    "polegate certs shows the certificate; polegate status, once the service runs, whether it is taken."
)
TLS_NO_KEY = "shown without our client certificate, whose key this user cannot read"
CERT_OK = "{whose}: {name}, {left} left, until {until}"
CERT_SOON = "{whose}: {name} ends in {left}, on {until}"
CERT_ENDED = "{whose}: {name} ended {left} ago, on {until}"
CERT_EARLY = "{whose}: {name} is valid from {since} only"
CERT_WHY = "From that day on the broker cannot be connected to."
CERT_ENDED_WHY = "The broker cannot be connected to."
CERT_THEIRS_DO = "Ask the broker's operator to renew it."
CERT_OURS_DO = (
    "By hand: polegate certs request, then certs install FILE. From a server: polegate certs renew."
)
CERT_OURS_ABSENT_DO = (
    "By hand: polegate certs request, then certs install FILE. From a server: polegate certs enrol."
)
CERT_CA_DO = "Get the new CA certificate from the broker's operator and put it at {path}."
CERT_EARLY_DO = "The clock is the likely reason: polegate doctor --only clock"
CERT_GARBLED = "{whose}: {path} holds no certificate in PEM form"
CERT_UNREADABLE = "{whose}: {path} cannot be read by this user"
MQTT_DAEMON = "the daemon is connected for {since}, {acknowledged:,} of {published:,} acknowledged"
MQTT_DOUBT = "the daemon is connected, and: {error}"
MQTT_DOUBT_WHY = "Something does not pass, though the connection stands."
MQTT_OK = "the broker takes us in as {client_id}, in {took}; the daemon is not connected"
MQTT_OK_WHY = "The way is free, and the daemon does not use it (yet): it tries each 1 to 60 s."
MQTT_OK_NO_DAEMON = "the broker takes us in as {client_id}, in {took}"
MQTT_SAID = "the daemon says: {error}"
MQTT_UNKNOWN = "the broker's answer cannot be asked for by this user: {why}"
