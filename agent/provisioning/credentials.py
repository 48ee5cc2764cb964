"""Secrets as systemd's credentials: files that root keeps, and the drop-in by which the unit passes them on.

A secret that changes gets a new name, NAME.2: at every moment the configuration, old or new, names the one
that belongs to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

HEAD = "# Written by polegate provision."
DROP_IN = Path("/etc/systemd/system/polegate.service.d/10-credentials.conf")
_PASSED = re.compile(r"^(?:Load|Set|Import)Credential(?:Encrypted)?=([^:\n]+)", re.MULTILINE)
_VERSION = re.compile(r"\.\d+$")
_MOST = 99
_NONE: Mapping[str, bytes] = MappingProxyType({})


def name_for(base: str, content: bytes, folder: Path, taken: Mapping[str, bytes] = _NONE) -> str:
    """The name of the file that holds this already, else the first that is free; `taken` will be there, too.

    Raises:
        OSError: one cannot be read.
    """
    free = ""
    for number in range(1, _MOST + 1):
        name = base if number == 1 else f"{Path(base).stem}.{number}{Path(base).suffix}"
        file = folder / name
        there = taken.get(name) or (file.read_bytes() if file.exists() else None)
        if there is None:
            free = free or name
        elif there == content:
            return name
    return free or base


def stale(named: Iterable[str], folder: Path) -> list[Path]:
    """Files of secrets that were replaced: other versions of those that are named."""
    wanted = set(named)
    bases = {_VERSION.sub("", name) for name in wanted}
    if not folder.is_dir():
        return []
    return [
        file
        for file in sorted(folder.iterdir())
        if file.name not in wanted and _VERSION.sub("", file.name) in bases and not file.name.startswith(".")
    ]


def drop_in(names: Iterable[str], folder: Path) -> str:
    """The drop-in that passes these from `folder`, "" for none."""
    lines = [f"LoadCredential={name}:{folder}/{name}\n" for name in sorted(names)]
    return f"{HEAD}\n[Service]\n{''.join(lines)}" if lines else ""


def passed_by(text: str) -> set[str]:
    """Names that a unit's text passes, systemd.exec(5)."""
    return set(_PASSED.findall(text))


def passed_elsewhere(file: Path) -> set[str]:
    """Names that other drop-ins beside this one pass already."""
    others = (other for other in sorted(file.parent.glob("*.conf")) if other != file)
    return {
        name for other in others for name in passed_by(other.read_text(encoding="utf-8", errors="replace"))
    }
