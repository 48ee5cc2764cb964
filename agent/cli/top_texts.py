"""What polegate top says to people."""

PANES = ("all", "readings", "buses", "cameras", "events", "outbox")
SORTS = {"order": "as configured", "trouble": "trouble first", "name": "by name", "age": "oldest first"}

NO_TERMINAL = (
    "polegate top draws on a terminal, and this is none.\n"
    "For a script: polegate top --once, or --json; for a log: polegate tail"
)
DUMB = (
    'this terminal (TERM="{term}") cannot move its cursor.\n'
    "Set TERM to what it is (xterm, vt100, linux, screen), or take polegate top --once, or polegate tail"
)
NO_BEFORE = (
    "the daemon on {path} does not tell its last samples: it is of another version than this command.\n"
    "Start it anew: sudo systemctl restart polegate"
)
WAITING = "Waiting for it; it will be shown as soon as it is back. q ends."
LAST_SEEN = "Last heard of {since}."
STARTING = "asking the daemon ..."
KEEPS_UP = "keeps up"
PAUSED = " paused: p goes on "
NOTHING = {
    "readings": "no devices are configured",
    "buses": "no buses: no gauge is configured",
    "cameras": "no cameras are configured",
}
ALL_WELL = "no fault, no event"
MORE = "and {count} more: press 5"
LINES = "lines {first}-{last} of {all}"
KEYS = "q quit  ? help  tab pane  arrows  p pause  s sort"
HELP = (
    ("q, Ctrl-C", "end"),
    ("1 ... 6", "all, readings, buses, cameras, events, outbox"),
    ("Tab, left, right", "the next pane, the one before"),
    ("up, down, PgUp, PgDn", "scroll; also k j b Space, g and G: top and end"),
    ("p", "stand still, and go on"),
    ("s", "sort: as configured, trouble first, by name, oldest first"),
    ("?", "this, and back"),
)
MARKS = (
    ("✓", "good: every check passed"),
    ("·", "unchecked: nothing to judge it by"),
    ("?", "suspect, and the check that says so"),
    ("✗", "bad, and the check that says so"),
    ("-", "missing, and why"),
)
"""The mark before a value's quality."""
