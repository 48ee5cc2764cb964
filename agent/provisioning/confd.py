"""Files of conf.d/ as programs write them: whole or not at all, and told apart from a person's."""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

from agent.writing import put
from firmware_profiles.problems import path_text

_MARK = "# as written: "
"""Before the digest of the lines below; where it fits no more, a person has edited them."""


def write(file: Path, text: str) -> None:
    """Whole or not at all, as readable as the file before, a new one by everybody: secrets lie elsewhere.

    Raises:
        OSError: it cannot be written; the file before stands.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    mode = stat.S_IMODE(file.stat().st_mode) if file.exists() else 0o644
    put(file, text.encode(), mode)


def marked(head: str, body: str) -> str:
    """A file's text that tells later whether somebody has edited it."""
    return f"{head}\n{_MARK}{_digest(body)}\n\n{body}"


def is_as_written(text: str, head: str) -> bool:
    """Whether this is what `marked` made with this head."""
    found, mark, rest = text.partition(_MARK)
    digest, _, body = rest.partition("\n")
    return bool(mark) and found == f"{head}\n" and digest == _digest(body.removeprefix("\n"))


def toml(value: Any, digits: int | None = None) -> str:  # noqa: ANN401  anything TOML can say
    """On one line; floats to so many digits, or as they are."""
    if isinstance(value, Mapping):
        pairs = (f"{path_text((key,))} = {toml(each, digits)}" for key, each in value.items())
        return "{ " + ", ".join(pairs) + " }"
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml(each, digits) for each in value)}]"
    if isinstance(value, float):
        return repr(value if digits is None else round(value, digits))
    return json.dumps(value, ensure_ascii=False)


def _digest(body: str) -> str:
    return blake2b(body.encode(), digest_size=8).hexdigest()
