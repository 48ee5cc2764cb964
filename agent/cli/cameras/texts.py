"""What `polegate camera` says to people."""

from __future__ import annotations

NONE = (
    "No cameras are configured. What is in the network: polegate camera find\n"
    "Put one into the configuration: polegate camera add NAME HOST"
)
NO_DAEMON = "No daemon answers on {path}: this is from the configuration alone."
LIBRARIES = (
    "the camera part of polegate is not installed (no {name}); how to install it: docs/operator/installing.md"
)

STEPS = {
    "starting": "nothing is known yet",
    "unreachable": "it does not answer on its address",
    "reachable": "it answers, and does not take our credentials or is no camera of this kind",
    "authorised": "it takes our credentials, and no picture comes",
    "streaming": "pictures come, and they are always the same one or were not compared yet",
    "changing": "pictures come and change: all is well",
}

ADVICE = {
    "timeout": "Which cameras there are in the network: polegate camera find",
    "closed": "Many have ONVIF on port 80, 8000, 8080 or 8899; some have it switched off.",
    "garbled": "Something answers there, and not as a camera does: is it the camera's address?",
}
"""Of an ONVIF service, by reason; what is not here is said by the message."""

USER_REFUSED = (
    "Is {user} one of its users, and the password right? Many makers keep ONVIF users apart from others;\n"
    "some lock out after a few wrong tries: wait five minutes before the next."
)
NO_USER_OPTIONS = "Name the user with --username and --password-file."
NO_USER_KEYS = "Name the user: username and password of [cameras.{name}]."
UNTRUSTED_OPTIONS = "On the command line: --ca PEM names its certificate; --no-verify does without the check."
UNTRUSTED_KEYS = "Both are keys of [cameras.{name}]."
HTTPS_OPTION = "It may be for HTTPS: try --https."
HTTPS_KEY = "It may be for HTTPS: try https = true in [cameras.{name}]."
PROFILE = "Name one of these, or none: then it is the least of 640 pixels."
NO_CAMERA = "no camera {host} in the configuration; there is {known}"

# add, probe
REFUSED = "not written, for the configuration would not hold together:"
ADD = "\nAdd it: polegate camera add NAME {words}\nThat would write conf.d/NAME.toml:\n\n{table}"
ADD_OFFLINE = "\nTo add it before it gives pictures: polegate camera add NAME {words} --offline"
EXISTS = "{path} exists; change it by hand, or use --replace"
ADDED = "Look at a picture: polegate camera snapshot {name} -o {name}.jpg — then: polegate reload"
DRY = "Nothing was written."
PASSWORD_FILE = "--username and --password-file go together"  # noqa: S105  no secret
SKEWED = "Signing copes with it; its pictures' own captions do not: polegate camera set-time {name}"

# find
FOUND = "{count}, {unknown} of them not configured."
FOUND_NONE = (
    "No camera answered. Look at: the same network and VLAN? powered (PoE)? ONVIF switched on in its pages?\n"
    "Multicast does not pass routers: name its network with --network 192.168.1.0/24"
)
FIND_NEXT = "Look closer: polegate camera probe {address}{https} --username USER --password-file FILE"
FIND_KNOWN = "How they are doing: polegate camera list"

# snapshot, mask
FILE_EXISTS = "{path} exists; --force overwrites it"
NOT_OURS = (
    "{file} was written by a person; it is left alone. Put this there, then polegate reload:\n\n{lines}"
)
NO_VIEW = "there: no masks and no zones of {name} any more"
MASKED = "{file}: {masks}. The daemon takes them over with: polegate reload"
POINTS = 'expected points such as "0.1,0.1 0.4,0.1 0.4,0.3": x and y from 0 to 1, three or more; got {got!r}'
NO_MASK = "{name} has {masks}; there is no number {number}"
UNMASKED = "masks of the configuration are not burnt in: this picture shows what they hide"
NO_MASKS = "{name} has no masks. Draw them with the mouse: polegate camera aim {name}"

# ptz, set-time, reboot, imaging
GOTO_WHICH = "goto needs a preset: its name or token, see polegate camera ptz {name} presets"
MOVE_WHERE = "move needs --pan, --tilt or --zoom, each from -1 to 1"
NO_PRESETS = "It remembers no positions."
MOVED = "moved for {took}, and stopped"
GONE_TO = "on its way to {preset}"
STOPPED_MOVING = "stopped"
REBOOT_SURE = "it is away for a minute or two, and its recorder, too; say --yes to reboot {name}"
REBOOTING = "{name} reboots; it is back in a minute or two: polegate camera list"
CLOCK_UNTRUSTED = "this gateway's own clock is not synchronised (timedatectl); --anyway gives it all the same"
CLOCK_SET = "{name} was {before} and is {after} now"
SETTING = "expected key=value such as brightness=50 or ir_cut=auto, got {got!r}; keys: {keys}"
DIFFERS = "{key}: the camera made {got} of {wanted}"

# export
EXPORTED = "{out}: {files}, {pictures}; checksums in SHA256SUMS"
OUT_NOT_EMPTY = "{path} is not empty; name another directory, or use --force"
PHOTO_ABSENT = "cameras.{name}.file.photo: {path} cannot be read: {why}"

NO_ONVIF = "{name} has no host in the configuration, only addresses of pictures: it has no ONVIF to ask"
NO_POSITION = "It does not tell where it points."
NOT_ADDED = "{name} was not added, for no picture came; --offline adds it all the same"
WAY_FAILS = (
    "not added: {way} gives no picture: {why}\n"
    "--offline adds it all the same; without --way it is the cheapest that works"
)
NO_PERMISSION = "You may not read it; run this with sudo, or as the user polegate."

# accept
ACCEPTED = (
    "{name}: the next picture counts as right, the water zones in it as dry.\n"
    "Until enough pictures have been seen again, only gross faults are told."
)
