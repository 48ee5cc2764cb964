"""A gateway as a folder: what /proc, /sys and /etc hold, written file by file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent.cli.checks.case import Case
from agent.cli.checks.findings import Finding
from agent.cli.checks.machine import Machine
from agent.clock import BUILT_MS
from agent.loading import load

NOW_MS = BUILT_MS + 3_600_000

PASSWD = "root:x:0:0::/root:/bin/sh\npolegate:x:990:990::/var/lib/polegate:/usr/sbin/nologin\n"
GROUP = "root:x:0:\ndialout:x:20:polegate,anna\npolegate:x:990:\n"

CONFIG = """
[station]
site = "riverside"
gateway = "pole-7"
[uplink]
url = "mqtt://localhost:1"
"""


class Gateway:
    """Files under `root`, what commands answer, and how full its disk is."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.answers: dict[str, str] = {}
        self.synced = True
        self.disk: dict[str, int] = {}
        self.write({"/etc/passwd": PASSWD, "/etc/group": GROUP, "/proc/self/mounts": ""})

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            file = self.root / name.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    def hold(self, pid: int, comm: str, real: str, *arguments: str) -> None:
        """A process that has a device open."""
        command = "".join(f"{word}\0" for word in (comm, *arguments))
        self.write({f"/proc/{pid}/comm": f"{comm}\n", f"/proc/{pid}/cmdline": command})
        (self.root / f"proc/{pid}/fd").mkdir()
        (self.root / f"proc/{pid}/fd/3").symlink_to(real)

    @property
    def machine(self) -> Machine:
        return Machine(root=self.root, run=self._run, synced=lambda: self.synced, statvfs=self._statvfs)

    def _run(self, words: Sequence[str]) -> str:
        return self.answers.get(" ".join(words[:2]), "")

    def _statvfs(self, _: Path) -> Any:
        roomy = {
            "f_bavail": 4 << 18,
            "f_frsize": 4096,
            "f_blocks": 8 << 18,
            "f_favail": 100_000,
            "f_files": 1,
            "f_flag": 0,
        }
        return SimpleNamespace(**(roomy | self.disk))

    def case(self, config: str = CONFIG, status: Mapping[str, Any] | None = None, **facts: Any) -> Case:
        file = self.root / "etc/polegate/polegate.toml"
        self.write({"/etc/polegate/polegate.toml": config})
        facts = {"now_ms": NOW_MS, "loaded": load(file), "status": status or {}, **facts}
        return Case(machine=self.machine, config=file, socket=self.root / "control.sock", **facts)


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    return Gateway(tmp_path / "root")


Told = Callable[[Any], list[str]]


@pytest.fixture
def told() -> Told:
    """`verdict: found` of each finding; what is wrong also says why and what to do."""

    def words(findings: Any) -> list[str]:
        each: list[Finding] = list(findings)
        assert all(f.do for f in each if f.verdict in ("warn", "fail"))
        return [f"{f.verdict}: {f.found}" for f in each]

    return words
