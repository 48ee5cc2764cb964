"""Our own command, as a person must type it."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

from agent.provisioning.site import SYSTEM_CONFIG


def polegate(config: Path) -> str:
    """With the configuration where it is not the one it looks for by itself."""
    return "polegate" if config == SYSTEM_CONFIG else f"polegate -c {quote(str(config))}"
