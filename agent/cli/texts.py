"""What the command line says to people, in one place, so that another language can follow."""

from __future__ import annotations

from typing import Literal

Medium = Literal["serial", "tcp", "pushes"]

UNKNOWN_VERB = "no such command: {name}. {hint}"
NOBODY_TO_ASK = "there is no terminal to ask on, and nothing was changed; look with --dry-run, then add --yes"

# The daemon
NOT_RUNNING = (
    "no polegate is running (nobody answers on {path}).\n"
    "Start it: sudo systemctl start polegate — or name its socket with --socket."
)
NO_PERMISSION = "no permission to talk to {path}; use sudo, or join the group polegate."
HUNG_UP = "the daemon hung up on {path} without an answer; see: polegate logs"
NO_ANSWER = "no answer on {path} within {seconds:g} s; the daemon may hang; see: polegate logs"

# status
NO_DEVICES = "No devices are configured: add [devices.NAME] tables (docs/field-engineer/configuration.md)."
CLOCK_TRUSTED = {
    "ntp": "trusted: synchronised by NTP",
    "system": "trusted because the configuration says so (clock.source)",
}
CLOCK_UNTRUSTED = "not trusted: readings wait for the true time, then they go out"
CONFIG_REFUSED = "the last reload was refused; the configuration before it runs on"
QUALITY = {1: "good", 2: "unchecked", 3: "suspect", 4: "bad", 9: "missing"}

FAULT_ADVICE = {
    "store_evicted": "How full it is, and what was lost so far: polegate outbox",
    "store_unwritable": "See df -h and dmesg. What is new is kept in memory as long as that lasts.",
    "store_recovered": "Nothing to do now; a disk that damages files will do it again.",
    "clock_unsynced": "Whether a time server is reached: timedatectl timesync-status",
    "clock_stepped": "Find out who sets the clock beside NTP.",
    "part_failed": "It is started again without your doing. Why it fails: polegate logs",
    "camera_failing": "Step by step, what it does and what not: polegate camera probe {subject}",
    "camera_tampered": "Look at its picture: polegate camera snapshot {subject} -o look.jpg",
    "picture_faulty": "Look at it, and at its meters while you mend it: polegate camera aim {subject}",
    "config_refused": "Mend it, look with polegate config check, then polegate reload.",
}
DEVICE_ADVICE = {
    "timeout": "Is it powered? Are A and B swapped? Do unit id, baud and parity agree with the device?",
    "garbled": "Do baud and parity agree? Is there another device with this unit id? Terminated, grounded?",
    "closed": "Is the adapter plugged in, the device on, the address right?",
    "refused": "Compare the device's firmware and manual with: polegate profiles show",
    "config": "Mend the configuration or the profile; it is not tried again before.",
}

ELSE = "See: polegate logs"


def advice(kind: str, reason: str, subject: str) -> str:
    """What to do about an open fault of this subject."""
    told = FAULT_ADVICE.get(kind)
    return told.format(subject=subject) if told else DEVICE_ADVICE.get(reason, ELSE)


# tail
NOT_YET = "no sample yet"
TAIL_CUT = "{lines} more; name devices, or --channel"
TAIL_ENDED = "the daemon hung up; it stops or restarts. See: polegate status"

# read
READ_FAILED = "cannot be read: {error}"
READ_TOOK = "read in {took}"
READ_WAITS = "It may take {wait}: Ctrl-C ends."
READ_SUMMARY = "{tries}, {failed} failed; {between} each"
DIRECTION = {"sent": "->", "received": "<-"}
PORT_IN_USE_BY_DAEMON = (
    "The running daemon holds {endpoint}. See its readings with: polegate tail {device}\n"
    "or stop it first: sudo systemctl stop polegate"
)
TCP_SHARED_WITH_DAEMON = (
    "The running daemon talks to {endpoint} too, and many devices serve only one client.\n"
    "See its readings with: polegate tail {device} — or stop it first: sudo systemctl stop polegate"
)
_READ_ADVICE: dict[tuple[str, Medium], str] = {
    ("timeout", "serial"): (
        "Not a byte came back. Look in this order:\n"
        "  1. power at the device; a common ground\n"
        "  2. A and B: swap them, makers name them both ways round\n"
        "  3. what must agree with the device: {settings}\n"
        "  4. the port: is this the socket the cable is in?"
    ),
    ("timeout", "tcp"): (
        "The connection stands, and nobody answered. Look in this order:\n"
        "  1. what must agree with the device: {settings}\n"
        '  2. behind a serial converter in transparent mode: framing = "rtu"\n'
        "  3. the serial side of the converter: power, A and B, baud, parity"
    ),
    ("timeout", "pushes"): (
        "Not a byte came, and this gauge should talk by itself. Look in this order:\n"
        "  1. its power, and that its TX goes to the port's RX\n"
        "  2. its mode: it may be set to wait for a request, or to send less often than timeout_s\n"
        "  3. the line: {settings}"
    ),
    ("garbled", "serial"): (
        "Something answers, and not in these words. Look in this order:\n"
        "  1. what must agree with the device: {settings}\n"
        "  2. A and B swapped, or a second device with the same unit id\n"
        "  3. termination at both ends, a common ground, the cable's neighbours\n"
        "--raw shows the bytes."
    ),
    ("garbled", "tcp"): (
        'Something answers, and not in these words: try the other framing, "tcp" or "rtu"\n'
        "(now: {settings}). --raw shows the bytes."
    ),
    ("garbled", "pushes"): (
        "Bytes come, but not this instrument's frames. Look in this order:\n"
        "  1. the line: {settings}\n"
        "  2. its output format, and that the profile is this model's\n"
        "--raw shows the bytes."
    ),
}
_REFUSED = (
    "The device is there, the line is good, and it says no. The exception code says why:\n"
    "  1, 2, 3   the register map is not this device's: its firmware, its manual, the profile\n"
    "  4, 5, 6   it is busy or broken: try again, then restart it\n"
    "  10, 11    a gateway answers and does not reach the device behind it ({settings})"
)


def read_advice(reason: str, medium: Medium) -> str:
    """What to look at when a device could not be read, with a place for the settings that matter."""
    return _REFUSED if reason == "refused" else _READ_ADVICE.get((reason, medium), "")


# outbox
EMPTY = "Nothing waits: everything has been acknowledged by the platform."
NO_OUTBOX = "{path}: no outbox there yet; it is made at the first start of the daemon."
OLDEST_UNSETTLED = "from before the clock was trusted"
LOSSES = {
    "evicted": "readings given up for newer ones because the outbox was full",
    "expired": "too old to be of use to anybody before they could be sent",
    "rejected": "the platform or its broker will never take them; the latest are kept as dead letters",
    "damaged": "in rows that the disk gave back damaged",
    "dropped": "the disk refused them and the memory for them was full",
}
DEAD_LETTERS = "{messages} kept as dead letters"

# config
CONFIG_OK = "{files}: good. {devices} on {buses}{cameras}."
CONFIG_BAD = "{count} in the configuration:"
CONFIG_WARN = "warning: {text}"
SAME_UNIT = "{first} and {second} both ask unit {unit} on {endpoint}: right only if they are one device"
PORT_ABSENT = "{path} ({device}) is not there now; plug the adapter in, or mend the port"
SECRET_ABSENT = "{key}: {path} cannot be read; there is no connection until it can"  # noqa: S105  no secret
NO_CAMERA_PART = (
    "cameras need the camera part of polegate, which is not installed (no {packages}): "
    "see docs/operator/installing.md"
)
CAMERA_ID = "{id} is no usual id of a camera: {doubts}"
CAMERA_UNVERIFIED = "the certificate of camera {camera} is not checked; give its own as ca instead"
SECRET_OPEN = "{key}: {path} can be read by every user: chown root:polegate, chmod 640"  # noqa: S105  no secret
CREDENTIAL_UNSEEN = "{key}: the systemd credential {name} can only be seen by the service itself"
FILE_ABSENT = "{key}: {path}: no such file"
LINE_FULL = (
    "{endpoint}: its devices take {load:.0%} of the line's time; above {full:.0%} polls are missed:"
    " raise every_s"
)
PLAINTEXT = "uplink.plaintext: all can be read on the way, the password too; use mqtts:// when you can"
SINGLE_SOURCE = "{device}: the map of {profile} has a single source; compare its values with its display"
LINE_LOAD = ", {load:.0%} of the line in use"
LOAD_NOTE = "line: share of the serial line's time, with 10 ms for the device to answer."
CANNOT_WRITE = "{path} cannot be written: {why}"
CANNOT_READ = "{path} cannot be read: {why}"

# profiles
CONFIRMED = {
    "captured": "frames from the field or a published log decode to plausible values",
    "documented": "the maker's manual gives the map",
    "single-source": "one source gives the map; check it against the device's display",
}
DIRECTION_BY = {"auto": "by the hardware", "kernel": "by the kernel", "none": "RS-232"}
PROFILE_OK = "{file}: good. {points}, {vectors} pass."
PROFILE_FAILED = "{file}: {failed} of {vectors} failed; mend the points, or the vector if it is wrong."
PROFILE_NO_VECTORS = "{file}: good. {points}, but no test vectors: add some frames from the field."
BOARD_OK = "{file}: good."

# reload
RELOAD_CHANGED = "Started again, with new settings: {parts}."
RELOAD_STARTED = "Started: {parts}."
RELOAD_STOPPED = "Stopped: {parts}."
RELOAD_JUDGED = (
    "Limits and rules have changed: readings are judged by the new ones. See: polegate rules check"
)
RELOAD_SAME = "Reloaded: nothing has changed."
RELOAD_REFUSED = "The new configuration is refused; the old one keeps running."
RELOAD_TURNED_AWAY = "Not reloaded: {why}, or starts anew. Once polegate status answers: polegate reload"
RESTARTING = "Reloaded: {changed} changed, so everything starts anew."

# events
EVENTS = "{open} open, the gravest: {worst}; which: polegate events"
NONE_OPEN = "Nothing is going on: no event is open."
NONE_RECENT = "none is over lately"
NATURES = {
    "fault": "fault: a sensor, its line, its supply",
    "happening": "happening: the river, the air, the street",
}
NO_EVENT = 'no event "{prefix}"; see: polegate events --recent'
SEVERAL_EVENTS = 'several events begin with "{prefix}":\n{events}'
ACKNOWLEDGED = "{kind} {subject}: seen by {by}. The platform is told."
SHELF_TIME = "expected 1 min to 1 d, got {got}"
NO_MORE = "no more"
SHELVED = "{rule}: put aside until {until}, with {events}. What is critical alarms all the same."
UNSHELVED = "{rule}: taken up again, with {events}."

# qc
NOTHING_LEARNED = "Nothing is proposed."
LEARNS_NOT = (
    "the daemon does not learn. Begin with polegate qc start and come back after some weeks,\n"
    "or learn from recordings: polegate qc learn --from FILE (polegate tail --json writes one)."
)
LEARNED_NOTHING = "nothing was learned yet: no reading has come since polegate qc start"
LEARNING = "The daemon learns from now on, over restarts, too. After some weeks: polegate qc learn"
NOT_LEARNING = "The daemon learns no more; what it had learned is forgotten."
NO_NUMBERS = "{files}: no channel of numbers that is a known property"
ACCEPT = "accept? [y/N/e(dit)]"
NOT_TAKEN = "not taken: {why}"
NO_TABLE = "expected the table [limits.{device}.{channel}]"
NONE_ACCEPTED = "No limits are written."
FRAGMENT_HEAD = "# Limits accepted in polegate qc learn."
LIMITS_WRITTEN = "{path}: limits of {channels}."
LIMITS_CLASH = (
    "{path} was not kept: the configuration would be refused with it. Take these keys out there, or put the\n"
    "proposed ones in by hand, then try again:\n{problems}"
)
LIMITS_NEXT = "Look with polegate config check, then make them count: polegate reload"
EDITED = "{path} was edited by hand and is left alone; move it away, or lay the limits in yourself"
OVER_EDITS = "{path} was edited by hand. Lay the accepted limits over it? Its comments are lost."
SVG_NEEDS_FILES = "--svg needs --from: the daemon keeps no values over time"

# rules
RULES_ONLY = "a file of rules has [rules.NAME] tables, and nothing else"
RULES_GOOD = "{file}: good. {rules}."
NO_RULES = "Without rules only the sensors themselves are watched; see docs/field-engineer/configuration.md."
NO_STORY = (
    'no story follows from {rule}, of kind {kind}; tell one with --play "CHANNEL=VALUE, TIME VALUE, ..."\n'
    "for one of its channels: {channels}"
)
NO_SAMPLES = "The recording has no sample."
BACKWARDS = "{samples} left out: more than 10 min before what came already"
NOT_RECORDED = "not in the recording: {channels}"
NOTHING_FIRED = "Nothing would have fired."
SUPPRESSED = "{messages} more left out: the rule had said too much"
MORE_FIRED = "and {events} more: --json has all"
MORE_PLOTS = "and {plots} more: name a --rule, or draw all with --svg"

# simulate
SIMULATE_WHERE = "{name}: {title}\nserving on {where}, {known}; Ctrl-C ends it"
SIMULATE_END = "Ended: {counts}."
SIMULATE_SILENT = ", silent now"
SIMULATE_EITHER = "either --tcp or a pty: --pty, --link and --strict do not go with --tcp"
SIMULATE_FRAMING = "--framing goes with --tcp; on a pty Modbus is always rtu"
SIMULATE_NO_UNIT = "--unit: this instrument speaks frames of its own, which have no unit id"
SIMULATE_VALUE = "--value: expected CHANNEL=VALUE, got {got}"
SIMULATE_NOWHERE = "cannot serve on {where}: {why}"

# bus scan
SCAN_WHERE = "name a port (polegate profiles show BOARD lists them), or --tcp HOST:PORT; one of the two"
SCAN_TCP_LINE = "--baud and --parity are set in the converter; over --tcp only unit ids are tried"
SCAN_BAUD = "--baud: expected 300 to 4000000, usually one of {usual}; got {got}"
SCAN_UNITS = "--units: expected unit ids from 1 to 247 such as 1-16,33, got {got}"
SCAN_HELD = (
    "The running daemon talks on {endpoint}, and a line has one master only.\n"
    "Stop it first: sudo systemctl stop polegate"
)
SCAN_PLAN = "{endpoint}: {listens}asks, reading only; {takes} if nobody answers. Ctrl-C ends it."
SCAN_LISTENS = "listens, then "
SCAN_UNKNOWN = "no profile fits"
SCAN_PUSHES = "; it pushes, and needs the line for itself"
SCAN_MORE = "and {count} more that are possible"
SCAN_ALSO = "answers at {lines}, too: it is the same device, which does not mind"
SCAN_OR = "or {profile}, {verdict}: {shown}"
SCAN_NOISE = (
    "Bytes came at {lines} that nobody understood: a gauge of another make, another master, or a bad line."
)
SCAN_UNTRIED = "The port does not take {lines}."
SCAN_SUMMARY = "{count} found; {sent} sent in {took}{ended}."
SCAN_CUT = ", ended before it was through"
SCAN_NEXT = (
    "Next: sudo {polegate} device add NAME --instrument PROFILE --port PORT --unit N; or scan with --out"
)
SCAN_NEXT_SAVED = "Next: sudo {polegate} device add NAME --from-scan 1 --scan {out}"
SCAN_NOTHING = (
    "Nobody answered. Look in this order:\n"
    "  1. power at the devices; a common ground\n"
    "  2. A and B: swap them, makers name them both ways round\n"
    "  3. the port: is this the socket the cable is in?\n"
    "  4. settings that are rare: --thorough; a device that is slow: --timeout 1"
)
SCAN_ONLY_NOISE = (
    "Something talks, and nobody is understood. Look in this order:\n"
    "  1. A and B swapped, termination at both ends, a common ground\n"
    "  2. another master on the line, such as a display or a logger\n"
    "  3. a gauge that pushes and has no profile: polegate read --raw shows its bytes"
)
NO_SCAN = "{path} is no scan that polegate bus scan --out has saved"
NOT_IN_SCAN = "{path} has no number {number}; there is {there}"

# device add
DEVICE_HEAD = "# Written by polegate device add."
DEVICE_WHERE = "where is it? --port PORT, --tcp HOST:PORT, or --from-scan N; one of them"
DEVICE_WHAT = "what is it? --instrument PROFILE (see polegate profiles list), or --from-scan N"
DEVICE_NO_UNIT = "--unit: {name} speaks frames of its own, which have no unit id"
DEVICE_TCP_LINE = "--baud and --parity go with --port; over --tcp the line is set in the converter itself"
DEVICE_EXISTS = "{path} is there already; --replace overwrites it"
DEVICE_REFUSED = "Nothing is written: the configuration would not hold together with"
DEVICE_LIKELY = "{profile} is likely, not certain. It may be {others}, too: choose with --instrument."
DEVICE_CHOOSE = "number {number} is not known for sure: choose with --instrument; possible: {possible}"
DEVICE_NO_MATCH = "none that is known; write a profile (docs/driver-author/profiles.md)"
DEVICE_DRY = "A dry run: nothing is written."
DEVICE_NEXT = "Next: polegate config check, polegate read {name}, and when it is right: polegate reload"
