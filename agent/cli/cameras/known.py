"""What is known of the cameras without asking them: the configuration, and the running daemon's status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from agent.camera.config import Camera
from agent.camera.file import CameraRecord, build
from agent.cli.exits import Failed, ask, load_config, no_such
from agent.loaded import Loaded

json_option = click.option("--json", "as_json", is_flag=True, help="A line of JSON.")
"""As every verb has it."""


@dataclass(frozen=True, slots=True)
class Known:
    """`status` are the cameras of the running daemon by name; None when none runs."""

    loaded: Loaded
    status: Mapping[str, Mapping[str, Any]] | None
    now_ms: int

    @property
    def cameras(self) -> Mapping[str, Camera]:
        """As configured."""
        return self.loaded.config.cameras

    def of(self, name: str) -> Mapping[str, Any]:
        """The daemon's word on one camera; empty where there is none."""
        return (self.status or {}).get(name, {})

    def file(self, name: str, status: Mapping[str, Any] | None = None) -> CameraRecord:
        """The camera's file, from the daemon's word or that of `status`."""
        given = self.of(name) if status is None else status
        return build(self.loaded.config.station, name, self.cameras[name], given, self.now_ms)


def known(paths: Mapping[str, Path]) -> Known:
    """Raises Failed CONFIG; a daemon that does not answer is no error."""
    loaded = load_config(paths["config"])
    try:
        answer = ask(paths["socket"], "status")
    except Failed:
        return Known(loaded, None, now_ms())
    cameras = {each["camera"]: each for each in answer.get("cameras") or ()}
    return Known(loaded, cameras, answer["now_ms"])


def configured(paths: Mapping[str, Path], name: str) -> tuple[Loaded, Camera]:
    """One camera of the configuration.

    Raises:
        Failed: CONFIG.
        click.UsageError: no such camera.
    """
    loaded = load_config(paths["config"])
    check_name(loaded, name)
    return loaded, loaded.config.cameras[name]


def check_name(loaded: Loaded, name: str) -> None:
    """Raises click.UsageError: no such camera; with the nearest names."""
    if name not in loaded.config.cameras:
        raise no_such("camera", name, sorted(loaded.config.cameras))


def now_ms() -> int:
    """The gateway's time, ms UTC."""
    from agent.clock import Clock

    return Clock().now()[0]
