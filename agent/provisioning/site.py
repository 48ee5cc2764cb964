"""Where the files of a station lie: on this machine, or in the tree of another one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from agent.enrolment.ours import CREDENTIALS
from agent.provisioning.credentials import DROP_IN
from agent.rooted import HERE, below

SYSTEM_CONFIG = Path("/etc/polegate/polegate.toml")


@dataclass(frozen=True, slots=True)
class Site:
    """Where the configuration lies: below `root`, as the gateway itself will see it."""

    config: Path
    root: Path = HERE

    @property
    def here(self) -> Path:
        """The configuration's file as it is reached from here."""
        return self.folder / self.config.name

    @property
    def folder(self) -> Path:
        """Where its files lie, whatever links of that tree lead there."""
        return below(self.root, self.config.parent)

    @property
    def secrets(self) -> Path:
        return self.folder / CREDENTIALS

    @property
    def offline(self) -> bool:
        """Whether this is the tree of another machine: keys are made on that machine only."""
        return self.root != HERE

    @property
    def unit_file(self) -> Path | None:
        """The drop-in; None where the packaged unit does not use this configuration."""
        return below(self.root, DROP_IN.parent) / DROP_IN.name if self.config == SYSTEM_CONFIG else None
