"""What the daemon holds while it runs, for those who look at it: status, health, the control socket."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from agent.build import Served
from agent.camera.watching import Watching
from agent.clock import Clock
from agent.faults import Faults
from agent.heart import Heart
from agent.judge.judging import Judging
from agent.loaded import Loaded
from agent.router import Router
from agent.store import Store
from agent.supervisor import Supervisor
from agent.uplink.mqtt import MqttUplink
from drivers.bus import DeviceHealth


@dataclass(slots=True, kw_only=True)
class Running:
    """The live objects of one run. Buses and uplink come and go with their parts; devices' health stays, so
    that their samples are counted on through a reload. `step_ms` is the last of the clock's `steps`, since it
    can be trusted.
    """

    path: Path
    loaded: Loaded
    loaded_ms: int
    store: Store
    clock: Clock
    router: Router
    faults: Faults
    judging: Judging
    supervisor: Supervisor
    watching: Watching
    heart: Heart
    buses: dict[str, Served] = field(default_factory=dict)
    devices: dict[str, DeviceHealth] = field(default_factory=dict)
    uplink: MqttUplink | None = None
    refused: str = ""
    steps: int = 0
    step_ms: int = 0
    began_s: float = field(default_factory=time.monotonic)
