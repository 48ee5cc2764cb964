"""polegate.1: the manual page, in roff, from the commands' own help."""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterator

import click

from scripts.packaging.commands import Verb, verbs

INTRODUCTION = """\
polegate reads the gauges of a smart light pole or a river station, keeps every reading on disk until the
platform has acknowledged it over MQTT, and says what is wrong when something is.
It runs as the service
.BR polegate.service ;
most of these commands talk to it over its control socket.
"""

FILES = (
    ("/etc/polegate/polegate.toml", "The configuration, with what lies in /etc/polegate/conf.d/."),
    ("/etc/polegate/profiles/", "Instrument and board profiles of the site."),
    ("/etc/polegate/credentials/", "Secrets that systemd hands to the service, kept by root."),
    ("/var/lib/polegate/", "The outbox, and what was learned."),
    (
        "/run/polegate/control.sock",
        "What the commands talk to: all may ask, root and the group polegate may change.",
    ),
)

EXITS = (
    ("0", "All is well."),
    ("1", "Something is wrong."),
    ("2", "The command line is not understood."),
    ("3", "No daemon runs."),
    ("78", "The configuration is wrong."),
)


def page(version: str, epoch: int) -> str:
    """The whole page, dated by `epoch`, s UTC."""
    day = time.strftime("%Y-%m-%d", time.gmtime(epoch))
    tree = list(verbs())
    title = _sentences(tree[0].command)
    parts = [
        f'.TH POLEGATE 1 "{day}" "polegate {version}" "User Commands"',
        ".SH NAME", f"polegate \\- {_text(title[0].lower() + title[1:])}",
        ".SH SYNOPSIS", _synopsis(tree[0]),
        ".SH DESCRIPTION", INTRODUCTION.rstrip(),
        ".SH OPTIONS", *_options(tree[0]),
        ".SH COMMANDS", *(line for verb in tree[1:] for line in _verb(verb)),
        ".SH FILES", *(line for item in FILES for line in _item(*item)),
        ".SH EXIT STATUS", *(line for item in EXITS for line in _item(*item)),
    ]  # fmt: skip
    return "\n".join(part for part in parts if part) + "\n"


def _sentences(command: click.Command) -> str:
    return inspect.cleandoc(command.help or command.short_help or "").split("\f")[0]


def _verb(verb: Verb) -> Iterator[str]:
    yield f".SS {_text(' '.join(verb.words[1:]))}"
    yield _synopsis(verb)
    for paragraph in _sentences(verb.command).split("\n\n"):
        yield ".PP"
        yield _text(paragraph.removeprefix("\b\n"))
    if not verb.verbs():
        yield from _options(verb)


def _synopsis(verb: Verb) -> str:
    usage = " ".join(verb.command.collect_usage_pieces(verb.context))
    return f".B {_text(' '.join(verb.words))}\n{_text(usage)}"


def _options(verb: Verb) -> Iterator[str]:
    for option in verb.options():
        if record := option.get_help_record(verb.context):
            yield from _item(*record)


def _item(term: str, meaning: str) -> Iterator[str]:
    yield ".TP"
    yield f".B {_text(term)}"
    yield _text(meaning or "")


def _text(text: str) -> str:
    """Text that roff prints as it is: no escape, no request by a dot or quote that begins a line."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join(
        f"\\&{line}" if line.startswith((".", "'")) else line
        for line in (row.strip() for row in escaped.split("\n"))
    )
