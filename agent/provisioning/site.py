"""Where the files of a station lie: on this machine, or in the tree of another one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from agent.enrolment.ours import CREDENTIALS
from agent.provisioning.credentials import DROP_IN

SYSTEM_CONFIG = Path("/etc/polegate/polegate.toml")


@dataclass(frozen=True, slots=True)
class Site:
    """Where the configuration lies: below `root`, as the gateway itself will see it."""

    config: Path
    root: Path = Path("/")

    @property
    def here(self) -> Path:
        """The configuration's file as it is reached from here."""
        return self.root / self.config.relative_to("/")

    @property
    def folder(self) -> Path:
        return self.here.parent

    @property
    def secrets(self) -> Path:
        return self.folder / CREDENTIALS

    @property
    def offline(self) -> bool:
        """Whether this is the tree of another machine: keys are made on that machine only."""
        return self.root != Path("/")

    @property
    def unit_file(self) -> Path | None:
        """The drop-in; None where the packaged unit does not use this configuration."""
        return self.root / DROP_IN if self.config == SYSTEM_CONFIG else None
