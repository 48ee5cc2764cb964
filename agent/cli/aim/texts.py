"""What the server of the page says to people; the page's own words stand in page/texts.js."""

from __future__ import annotations

# the command
WHERE = (
    "On your computer:  {ssh}\n"
    "Then open there:   {url}\n"
    "It shows camera {camera} until Ctrl-C, or half an hour without a touch. Pictures are not masked there,"
    " and not kept."
)
IDLE = "Ended: nobody has touched the page for half an hour."
PORT_TAKEN = "port {port} cannot be used: {why}. Name another: --port 8091; or any that is free: --port 0"

# after Save
THEIRS = (
    "Nothing is written: {file} gives this camera masks or zones, and a person wrote it."
    " Put these lines there in their place, then: polegate reload"
)
THEIRS_EMPTY = (
    "Nothing is written: {file} gives this camera masks or zones, and a person wrote it."
    " Take them out there, then: polegate reload"
)
CAMERA_GONE = "Nothing is written: the configuration has no [cameras.{camera}] any more."

# beside the shape
NAME_MISSING = "give it a name"
NAME_TWICE = "another zone has this name"
MARKS_COUNT = "a staff needs two to four marks: press Add mark, then touch a line of the staff"
MARK_LEVEL = "type the level of every mark, in m"
TOO_MANY = "at most {zones} zones and {masks} masks"

# when there is no picture
ADVICE = {
    "timeout": "Is it powered, and its cable in? Does it answer: ping {host}",
    "closed": "Its address answers, and not its service. Still starting? Wrong port? Wrong camera?",
    "link": "Is it powered, and its cable in? Does it answer: ping {host}",
    "unauthorised": "Mend username or password of [cameras.{name}]. A camera locks out after a few wrong"
    " ones: wait some minutes.",
    "refused": "It is there and says no: another user or a web page may hold it; or its snapshots are off.",
    "garbled": "What it sends is no picture. Is the address in snapshot that of a JPEG?",
    "config": "Mend [cameras.{name}] in the configuration, then start polegate camera aim again.",
}
OTHER_ADVICE = "See: polegate camera probe {name}"
LOOK_TIMEOUT = "no picture within {seconds:g} s"

# answers to what is not ours
NO_TOKEN = "the address lacks the part behind #, or it is that of an earlier run"  # noqa: S105  no secret
OTHER_HOST = "only loopback names are served here: localhost, 127.0.0.1, [::1]"
OTHER_ORIGIN = "a request from another page"
NO_MOTORS = "this camera cannot be turned"
CONFIGURATION = "the configuration"
NOT_JSON = "not the JSON that was expected: {why}"


def advice(reason: str, name: str, host: str) -> str:
    """What to do about a camera that gives no picture."""
    return ADVICE.get(reason, OTHER_ADVICE).format(name=name, host=host or "ADDRESS")
