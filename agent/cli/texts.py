"""What the command line says to people, in one place, so that another language can follow."""

from __future__ import annotations

NOT_RUNNING = (
    "no polegate is running (nobody answers on {path}).\n"
    "Start it with: systemctl start polegate — or name its socket with --socket."
)
NO_PERMISSION = "no permission to talk to {path}; use sudo, or join the group polegate."
HUNG_UP = "the daemon hung up on {path} without an answer; see: journalctl -u polegate"
NO_ANSWER = "no answer on {path} within {seconds:g} s; the daemon may hang; see: journalctl -u polegate"
CONFIG_OK = "{files}: good. {devices} on {buses}."
CONFIG_BAD = "{count} in the configuration:"
CONFIG_WARN = "warning: {text}"
PORT_ABSENT = "{path} ({device}) is not there now; plug the adapter in, or mend the port"
SECRET_ABSENT = "{key}: {path} cannot be read; the uplink will not connect until it can"  # noqa: S105
SECRET_OPEN = "{key}: {path} can be read by every user; chmod 600 it"  # noqa: S105
CREDENTIAL_UNSEEN = "{key}: the systemd credential {name} can only be seen by the service itself"
FILE_ABSENT = "{key}: {path}: no such file"
RELOADED = "Reloaded. Started: {started}. Stopped: {stopped}."
RELOAD_SAME = "Reloaded: nothing has changed."
RELOAD_REFUSED = "The new configuration is refused; the old one keeps running."
RESTARTING = "Reloaded: {changed} changed, so everything starts anew."
NO_SUCH_DEVICE = 'no device "{device}" in {path}; {hint}'
READ_FAILED = "{device} on {endpoint}: {error}"
PORT_IN_USE_BY_DAEMON = (
    "The running daemon holds {endpoint}. See its readings with: polegate tail {device}\n"
    "or stop it first: systemctl stop polegate"
)
WAITING = "Waiting for readings; every {every} s at the latest. Ctrl-C ends."
EMPTY = "Nothing waits: everything has been acknowledged by the platform."
NO_OUTBOX = "{path}: no outbox there yet; it is made at the first start of the daemon."
PROFILE_OK = "{file}: good. {points}, {vectors} pass."
PROFILE_NO_VECTORS = "{file}: good. {points}, but no test vectors: add some frames from the field."
UNKNOWN_VERB = "no such command: {name}. {hint}"
