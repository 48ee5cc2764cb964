"""What backup, restore, support, logs and clock say to people, in one place."""

from __future__ import annotations

# backup
BACKUP_DONE = "{file}: {size}, {files}{store}."
BACKUP_STORE = ", with {items} in {messages} that wait"
LEFT_OUT = "left out:"
UNREAD = "could not be read:"
UNREAD_DO = "Without sudo only what this user may read is taken along. Run it with sudo for all of it."
BACKUP_UNSOUND = (
    "The configuration does not hold, and polegate restore refuses it until it is mended:\n{problems}\n"
    "Which of it is secret cannot be told: look for passwords in it before it leaves your hands."
)
BACKUP_INSIDE = (
    "outbox.path {store} lies in the configuration's own folder {folder}, which a restore replaces\n"
    "as a whole: restore will refuse it; name a place of its own, such as /var/lib/polegate/outbox.db"
)
BACKUP_KEEP = "Keep it like the configuration: who can change it decides what the station does."
TO_TERMINAL = "- is for a pipe or a file, not for a terminal: polegate ... - > FILE"
NO_COPY_ROOM = (
    "{why}\nA copy of the outbox needs room in {folder}: TMPDIR=/PATH polegate backup ..., or --config-only"
)
DROP_IN = "made by systemctl edit polegate: bring it by hand"

# restore
RESTORE_OF = "{file}: backup of {site}/{gateway}, {made}{doubt}, by polegate {version}"
MADE_UNSURE = " (its clock was not trusted)"
OTHER_GATEWAY = (
    "{file} is of {there}, and this is {here}.\n"
    "Two gateways with one name take each other's connection away and mix their readings.\n"
    "If this one takes the place of that one, which stays off: --replace"
)
UNKNOWN_GATEWAY = (
    "which gateway this is cannot be told from {config}, so that {file} may be another's.\n"
    "If it takes the place of {there}: --replace"
)
STORE_WAITS = (
    "{items} in {messages} still wait in {store}; they would be kept aside, and not be sent.\n"
    "Let the daemon send them first, leave the outbox alone (--config-only), or give them up: --replace"
)
STORE_UNSEEN = "{error}\nTo keep it aside and lay in that of the backup: --replace"
DAEMON_RUNS = "a daemon is running. Stop it first: sudo systemctl stop polegate"
IN_USE = "{error}\nStop it: sudo systemctl stop polegate"
STORE_INSIDE = (
    "outbox.path {store} lies in the configuration's own folder, which is replaced as a whole;\n"
    "name a place of its own, such as /var/lib/polegate/outbox.db"
)
STORE_NOWHERE = (
    "the outbox's folder {folder} is not there; make it: install -d -o polegate -g polegate -m 750 {folder}"
)
STORE_FOREIGN = (
    "the outbox's folder {folder} does not belong to {who}, whom the daemon runs as: nothing is put there.\n"
    "Is outbox.path right? Then: chown {who} {folder}; or leave the outbox alone: --config-only"
)
PLAN_SAME = "{files} unchanged"
PLAN_WORDS = {"new": "new", "changed": "changed", "gone": "removed"}
PLAN_STORE = "{store}: {items} in {messages} will be sent, judgement goes on from {states}"
PLAN_STORE_BEFORE = "; the one there now is kept aside"
PLAN_STORE_WAITS = ", and {items} in it are not sent"
PLAN_NO_STORE = "stays as it is"
PLAN_LEFT = "{what}: {why}"
PLAN_IGNORED = "{name}: no part of the configuration, not used"
NEWER = "made by polegate {theirs}, newer than this one, {ours}: it holds all the same, look twice"
ASK = "Restore?"
DRY = "A dry run: nothing is changed."
NOT_DONE = "Nothing is changed."
RESTORED = "Restored. What was there before: {kept}"
RESTORED_FRESH = "Restored."
RESTORED_STORE = "{items} in {messages} and {states} of judgement went over{lost}."
STORE_LOST = "; not {what}"
RESTORE_NEXT = "Next: polegate config check, sudo systemctl start polegate, polegate status"
RIGHTS = "{why}. Run it with sudo."
NOT_WRITABLE = "{folder} is not for this user to write"

# logs
LOG_UNREADABLE = "{path} cannot be read: {why}"
NO_JOURNALCTL = "no journalctl on this gateway; name a file of the log: polegate logs FILE, or - for a pipe"
NO_JOURNAL = (
    "there is no journal on this gateway: is systemd-journald running? A log elsewhere: polegate logs FILE"
)
NO_JOURNAL_RIGHTS = (
    "this user may not read the journal. Use sudo, or join the group: "
    "sudo usermod -aG systemd-journal $USER, then log in again"
)
JOURNAL_FAILED = "journalctl: {why}"
NO_LINES = "No such line in the log."
FOLLOW_FILE = "--follow goes with the journal; for a file: tail -f FILE | polegate logs -"
SINCE = "expected 2h, 30min, today, yesterday, 2026-11-24 or '2026-11-24 10:00', got {got}"

# support
SUPPORT_DONE = "{file}: {size}, {files}, {all} unpacked."
SUPPORT_SECRETS = "passwords, keys and tokens are taken out wherever they were found"
SUPPORT_READINGS = "no reading, message or picture is in it but the last values in the status"
SUPPORT_NOTHING = "nothing there, or not for this user"
SUPPORT_NAME = "its name is too long or odd"
SUPPORT_CUT = "{kept} kept, {cut} cut off"
SUPPORT_UNSEEN = "this user cannot read this secret, so it was taken out by its label only"
SUPPORT_ELSEWHERE = (
    "\nFrom another machine, without a byte on this disk: ssh GATEWAY sudo polegate support - > bundle.tar.gz"
)
SUPPORT_LOOK = "Look into it before you send it: tar -xzf. Addresses, names and users are in it."

# clock
CLOCK_HERE = ", {here} at the station"
CLOCK_ZONE = ", system in {zone}"
CLOCK_SYNCED = "synchronised"
CLOCK_UNSYNCED = "not synchronised"
CLOCK_ERROR = ", off by {error} at most"
CLOCK_SILENT = "{service}: runs, and does not say what it follows, or follows nothing yet"
CLOCK_NOBODY = "nobody: no time service is seen"
CLOCK_NTP_OFF = "synchronising is switched off: timedatectl set-ntp true"
CLOCK_STRATUM = ", stratum {stratum}"
CLOCK_OFFSET = ", {offset} apart"
CLOCK_RTC_SILENT = "does not say"
CLOCK_NO_DAEMON = "does not run, or does not answer this user"
