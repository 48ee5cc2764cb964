"""What `polegate provision` says to people."""

from __future__ import annotations

# questions
INTRO = "Enter takes what stands in brackets; Ctrl-C ends, and nothing is changed."
KIND = "Kind of station"
SITE = "Site, a level of every topic: lower-case letters, digits, - and _"
GATEWAY = "This gateway's name at the platform and in its certificate"
TITLE = "What people call the station"
POSITION = "Position: latitude, longitude in degrees, or -"
BOARD = "Board"
URL = "The platform's broker: mqtts://host[:8883]"
CA = "File with the CA certificates to trust it by, or - for the system's"
ACCESS = "How does the broker know this station"
ACCESS_KINDS = {
    "request": "by a certificate, which your CA signs by hand",
    "est": "by a certificate from an EST server (RFC 7030)",
    "step": "by a certificate from step-ca",
    "password": "by user name and password",
    "none": "not at all",
}
USERNAME = "User name"
PASSWORD = "Its password (not shown; empty keeps the present one)"  # noqa: S105  no secret
AGAIN = "The same once more"
DIFFER = "These two are not the same; from the beginning."
SERVER = "The enrolment server: https://host[:port]"
SERVER_CA = "File with the CA certificates to trust it by, or - for the system's"
CODE = "Claim code or token, good once (not shown; empty: later, with polegate certs enrol --code)"
POSITION_FORM = 'expected two numbers such as "23.74, 114.70"'
NO_FILE = "{path}: no such file"
NOBODY_TO_ASK = (
    "there is no terminal to ask on, and nothing was changed; name a seed: polegate provision SEED"
)
NEEDS_SEED = "--json asks no questions: name a seed, and --yes or --dry-run"

# plan
BAD_SEED = "{count} in {file}; nothing was changed:"
EDITED = (
    "{path} is not as polegate provision wrote it: a person has.\n"
    "Move what you want to keep into a file of conf.d/, or lose it: --over-edits shows the change, and asks."
)
WORDS = {"new": "new", "changed": "changed", "removed": "removed"}
NOTHING = "Nothing to do: all is as it should be."
ASK = "Write this?"
DRY = "Nothing was written."
NOT_WRITTEN = "{path}: {why}; nothing of the configuration was changed."
HALF = (
    "{path}: {why}. The configuration is whole, the old or the new one; when that is mended, run this again."
)
FORBIDDEN = "{path}: no permission; run this with sudo"
WRITTEN = "Written: {count}."
KEPT = "{file} still holds secrets ({keys}) and cannot be written: take them out, or destroy it."

# afterwards
EXPECTED = "A {kind} has, and this one has not yet:"
MAY_HAVE = "A {kind} may have:"
EXPECTED_ONE = "{name}: {title} ({measures})"
EXPECTED_DO = (
    "Find them, put them into the configuration:\n"
    "  sudo {polegate} bus scan PORT --out scan.json\n"
    "  sudo {polegate} device add NAME --from-scan 1\n"
    "With them come rules of this kind of station: sudo {polegate} provision, once more."
)
SYSTEM = "The system's, and not written here:"
SYSTEM_CLOCK = "time: {found}"
SYSTEM_NETWORK = "network: {found}"
SYSTEM_DO = (
    "Addresses, name servers and time servers are set by its own means: nmcli or netplan, timedatectl."
)
NEXT = "Next:"
OFFLINE_KEY = (
    "on the gateway itself, for its key is made there: sudo {polegate} provision, with the seed or without"
)
NEXT_SECRET = "write the secret into {path}, sudo chmod 600 {path}, then sudo {polegate} provision once more"  # noqa: S105
NEXT_RELOAD = "sudo systemctl daemon-reload"
NEXT_REQUEST = "send {path} to the people of the CA; then sudo {polegate} certs install FILE"
NEXT_ENROL = "sudo {polegate} certs enrol"
NEXT_RENEW = "sudo systemctl enable --now polegate-renew.timer"
NEXT_RENEW_OWN = "see to it that this runs once a day: {polegate} certs renew"
NEXT_START = "sudo systemctl restart polegate"
NEXT_START_OWN = "start it with this configuration, which is not that of the unit: {polegate} run"
NEXT_LOOK = "{polegate} doctor"
ENROL_FAILED = (
    "The configuration is written. The certificate is not there yet: sudo {polegate} certs enrol, "
    "once this is mended."
)
