"""Which signs a person's terminal is said to know."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def given() -> Mapping[str, str]:
    """The environment as this process was given it: Python sets LC_CTYPE where it finds C (PEP 538)."""
    try:
        text = os.fsdecode(Path("/proc/self/environ").read_bytes())
    except OSError:
        return os.environ
    return dict(each.partition("=")[::2] for each in text.split("\0") if each)


def utf8(environment: Mapping[str, str] | None = None) -> bool:
    """Whether the locale has UTF-8; C and POSIX have not, even where Python itself writes it (PEP 540).

    The first of the three that is set and not empty counts: POSIX.1-2017, XBD 8.2.
    """
    known = given() if environment is None else environment
    name = next(filter(None, map(known.get, ("LC_ALL", "LC_CTYPE", "LANG"))), "C")
    return name.lower().replace("-", "").partition("@")[0].endswith("utf8")
