"""A configuration that holds together, as whoever runs by it has it: nothing here reads or checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from agent.config import Config
from agent.plan import StationPlan


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration as written, as resolved, and the text of each of its files, in the order of reading."""

    config: Config
    plan: StationPlan
    texts: Mapping[str, str]

    @property
    def files(self) -> tuple[Path, ...]:
        """The file and its fragments, in the order they were read."""
        return tuple(map(Path, self.texts))

    @property
    def revision(self) -> str:
        """Tells this configuration from any other; 8 hex digits of its text."""
        text = "\0".join(self.texts.values())
        return blake2b(text.encode(), digest_size=4).hexdigest()
