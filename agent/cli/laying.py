"""A file of conf.d/ that a verb lays: only what holds together with the rest, whole or not at all."""

from __future__ import annotations

from pathlib import Path

from agent.cli.exits import Exit, Failed, unwritten
from agent.provisioning import confd


def check_whole(config: Path, file: Path, text: str, refused: str) -> None:
    """The configuration as it would be with this file.

    Raises:
        Failed: CONFIG, `refused`, then the text, with every problem on a line.
    """
    from agent.errors import ConfigError
    from agent.loading import load

    try:
        load(config, {file: text})
    except ConfigError as error:
        raise Failed(f"{refused}\n{text}\n{error}", Exit.CONFIG) from None


def lay(file: Path, text: str) -> None:
    """Write it, as readable as the file before or as its folder's others.

    Raises:
        Failed: PROBLEM, it cannot be written.
    """
    try:
        confd.write(file, text)
    except OSError as error:
        raise unwritten(file, error) from None
