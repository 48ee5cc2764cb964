"""What polegate signoff and its sheet say to people."""

TITLE = "Commissioning sheet"
PASSED = "Accepted by the checks: nothing failed."
PASSED_WARN = "Accepted by the checks; {warns} to look at."
FAILED = "Not accepted: {fails} failed."
ABOUT = "Written by polegate {version} from the running station at {made}."
DIGEST = "SHA-256 of the content: {digest}"
DIGEST_HOW = (
    "The same content is in the HTML file, on one line: grep '^{{\"' FILE.html | tr -d '\\n' | sha256sum"
)
PAGE = "page {page} of {pages}"

STATION, INSTRUMENTS, READINGS, PLOTS = "Station", "Instruments", "Readings", "Readings over time"
CAMERAS, CONNECTION, CHECKLIST = "Cameras", "Clock and connection", "Checklist"
FAULTS, REMARKS, SIGNED = "Open faults and events", "Remarks", "Signed"

KEYS = {
    "title": "name", "site": "site", "gateway": "gateway", "kind": "kind", "position": "position (WGS 84)",
    "utc_offset": "station time", "board": "board", "hardware": "hardware", "system": "system",
    "kernel": "kernel", "polegate": "polegate", "uptime": "running for", "clock": "clock", "signal": "line",
    "broker": "broker", "tls": "encryption", "connected": "connection", "puback": "broker round trip",
    "outbox": "waiting to be sent",
}  # fmt: skip
UNKNOWN = "-"
PUBACK = "{median} (median of {count}; {least} to {most})"
PUBACK_NONE = "not measured: the broker has acknowledged nothing in this time"
TLS = {True: "TLS, the broker's certificate verified", False: "none (plaintext)"}
VERDICTS = {"ok": "pass", "warn": "look", "fail": "fail", "?": "unknown"}
NONE_OPEN = "No fault and no event is open."
NO_REMARKS = "None."
NO_SAMPLES = "no sample came in this time"
WINDOW = "{samples} a reading at most, {begin} to {end} UTC. Quality is QARTOD's."
ROLES = ("Commissioned by", "Accepted by")
SIGN_LINES = ("Name", "Date", "Signature")

# Signal
WIRED = "{interface}: cable, {speed} Mbit/s"
WIRED_DUMB = "{interface}: cable, its speed is not told"
WIFI = "{interface}: Wi-Fi, {level} dBm"
MODEM = "{interface}: {operator} {technology}, {quality} % of full signal"
NO_ROUTE = "no default route"

# Checks
CONFIG_OK, CONFIG_DO = "The configuration is good", "polegate config check"
DAEMON_OK = "The daemon runs without a part that rests"
FAULTS_OK, FAULTS_BAD = "No fault is open", "{faults} open"
DEVICE_OK = "{device} gave {samples}, none missing"
DEVICE_BAD = "{device}: {missing} of {samples} with something missing: {why}"
DEVICE_NONE = "{device} gave no sample in this time"
QUALITY_OK = "{device}: no value suspect or bad"
QUALITY_BAD = "{device}: {channels}"
EXPECTED_OK = "Everything that a {kind} needs is there"
EXPECTED_BAD = "A {kind} needs a {title}, and nothing measures it"
EXPECTED_NO_KIND = "station.kind is not set: what is expected cannot be told"
POSITION_OK, POSITION_BAD = "The position is known", "station.latitude and longitude are not set"
CLOCK_OK, CLOCK_BAD = "The clock is trusted", "The clock is not trusted"
UPLINK_OK = "The broker is connected"
UPLINK_BAD = "The broker is not connected: {error}"
PUBACK_OK = "The broker acknowledges: {took}"
PUBACK_BAD = "The broker has acknowledged nothing in this time"
PUBACK_SLOW_S = 2.0
PUBACK_SLOW = "The broker is slow to acknowledge: {took}"
OUTBOX_OK, OUTBOX_BAD = "Nothing waits for long", "The oldest reading waits for {age}"
CAMERA_OK, CAMERA_BAD = "{camera} gives a sound picture, score {score}", "{camera}: {why}"
SIGNAL_OK, SIGNAL_WEAK, SIGNAL_UNKNOWN = "The line: {text}", "The line is weak: {text}", "The line: {text}"
DOCTOR_OK, DOCTOR_BAD = "polegate doctor finds nothing wrong", "polegate doctor: {found}"

# The verb
COLLECTING = "collecting readings"
ENDED = "ended early: the sheet has what came until now"
CAMERA_NO_PICTURE = "no picture: {why}"
BAD_PAIR = '{option}: expected {form}, got "{got}"'
NO_DEVICE = "--serial: no such device or camera {name}"
ELSEWHERE = "; --out takes another folder"
REPLACE = "{path} is there already; --replace overwrites it"
