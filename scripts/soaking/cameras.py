"""The cameras of the soak: what each is, how it is configured, and what can be wrong with it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakes.onvif_camera import PASSWORD, USER
from fakes.rtsp_camera import RtspCamera

if TYPE_CHECKING:
    from contextlib import ExitStack

    from scripts.soaking.fleet import Fleet

Clips = Mapping[str, Path]
"""Of each scene."""

AWAY = frozenset({"closed", "timeout"})
PATH = "/main"
SHORTEST_S = 0.5
"""Between two pictures of a camera, by its configuration."""

SEND_EVERY_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """`low_s` to `high_s` long; one of `reasons` is to be told where it lasts `must_s`, if that is given."""

    name: str
    low_s: float
    high_s: float
    begin: Callable[[], object]
    end: Callable[[], object]
    reasons: frozenset[str] = frozenset()
    must_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A picture each `every_s`; `onvif` or a stream alone; `stream`: by ONVIF, with one that works."""

    every_s: float
    onvif: bool = True
    stream: bool = False
    auth: str = "token"
    media: tuple[int, ...] = (1, 2)
    snapshot: str = "digest"
    events: bool = False
    slots: int = 4
    parameters: bool = False
    about: str = ""


KINDS = {
    "bridge": Kind(every_s=5, events=True, about="ONVIF, snapshots, PullPoint"),
    "lock": Kind(every_s=2, onvif=False, about="RTSP held open"),
    "weir": Kind(every_s=5, auth="digest", about="ONVIF by HTTP digest, snapshots"),
    "quay": Kind(every_s=10, onvif=False, about="RTSP, connected on demand"),
    "pole": Kind(every_s=4, media=(2,), snapshot="open", about="ONVIF Media2 only, snapshots for all"),
    "bank": Kind(every_s=5, stream=True, about="ONVIF, snapshots, a stream besides"),
    "square": Kind(every_s=6, auth="both", events=True, slots=1, parameters=True,
                   about="ONVIF, snapshots, PullPoint with one place"),
    "gate": Kind(every_s=5, about="ONVIF, snapshots"),
}  # fmt: skip


class Server(RtspCamera):
    """One that can hang."""

    def __init__(self, clips: Clips) -> None:
        super().__init__({PATH: clips["live"]}, users={USER: PASSWORD})
        self._scenes = clips

    def show(self, scene: str) -> None:
        """From now on."""
        self.play(PATH, self._scenes[scene])

    def hang(self) -> None:
        """Connections open, nothing answered."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """As if nothing had been."""
        self._process.send_signal(signal.SIGCONT)


class Subject:
    """One camera."""

    def __init__(
        self,
        name: str,
        kind: Kind,
        fleet: Fleet,
        stack: ExitStack,
        *,
        clips: Clips,
        folder: Path,
        pace: float,
    ) -> None:
        self.name, self.kind, self._pace = name, kind, pace
        self._fleet = fleet
        self._file = folder / f"{name}.password"
        self._passwords = 0
        self._password = PASSWORD
        self._file.write_text(PASSWORD, "utf-8")
        self.server: Server | None = None
        self.port = 0
        if kind.stream or not kind.onvif:
            self.server = stack.enter_context(Server(clips))
        if kind.onvif:
            wanted: dict[str, Any] = {
                "auth": kind.auth, "media": kind.media, "snapshot": kind.snapshot, "events": kind.events,
                "slots": kind.slots, "parameters": kind.parameters,
                "stream": self.server.url(PATH) if self.server else "",
            }  # fmt: skip
            self.port = fleet.do("add", name, wanted)

    def toml(self) -> str:
        """Its part of the configuration."""
        where = f'host = "127.0.0.1:{self.port}"' if self.port else f'stream = "{self._url}"'
        return f"""
[cameras.{self.name}]
{where}
username = "{USER}"
password = {{ file = "{self._file}" }}
every_s = {max(SHORTEST_S, self.kind.every_s / self._pace)}
send = {{ every_s = {SEND_EVERY_S / self._pace} }}
masks = [[[0.0, 0.0], [0.2, 0.0], [0.2, 0.1]]]
[cameras.{self.name}.budget]
frames_per_hour = 10000
frames_per_day = 100000
bytes_per_hour = 4294967296
bytes_per_day = 4294967296
[cameras.{self.name}.zones.street]
kind = "motion"
polygon = [[0.1, 0.4], [0.9, 0.4], [0.9, 0.95], [0.1, 0.95]]
"""

    def troubles(self) -> list[Trouble]:
        """Those that it can have."""
        found = [
            Trouble(name="switched off", low_s=20, high_s=60, must_s=40, reasons=AWAY,
                    begin=self._off, end=self._on),
            Trouble(name="picture frozen", low_s=95, high_s=130, must_s=60, reasons=frozenset({"frozen"}),
                    begin=lambda: self._show("frozen"), end=lambda: self._show("live")),
            Trouble(name="picture black", low_s=45, high_s=80, must_s=45, reasons=frozenset({"black"}),
                    begin=lambda: self._show("black"), end=lambda: self._show("live")),
        ]  # fmt: skip
        if self.server or self.kind.snapshot == "digest":
            found.append(
                Trouble(name="password changed", low_s=35, high_s=60, must_s=35,
                        reasons=frozenset({"unauthorised"}), begin=self._rotate, end=self._tell_password)
            )  # fmt: skip
        found += self._of_onvif() if self.port else self._of_stream()
        return found

    def _of_onvif(self) -> list[Trouble]:
        def quirks(**values: object) -> Callable[[], object]:
            return lambda: self._fleet.do("quirks", self.name, values)

        well = quirks(slow_s=0.0, snapshot=self.kind.snapshot)
        slow = quirks(slow_s=4.0, snapshot="slow", snapshot_slow_s=4.0)
        slower = quirks(slow_s=8.0, snapshot="slow", snapshot_slow_s=8.0)
        must_s = None if self.server else 40.0  # a camera with a stream goes on by that
        found = [
            Trouble(name="rebooted, clock lost", low_s=5, high_s=10, reasons=AWAY, end=lambda: None,
                    begin=lambda: self._fleet.do("reboot", self.name, 5.0)),
            Trouble(name="answers in 4 s", low_s=40, high_s=60, begin=slow, end=well),
            Trouble(name="answers in 8 s", low_s=45, high_s=70, must_s=must_s, reasons=AWAY,
                    begin=slower, end=well),
            *(
                Trouble(name=f"snapshot: {words}", low_s=40, high_s=60, must_s=must_s,
                        reasons=frozenset({"garbled"}), begin=quirks(snapshot=fault), end=well)
                for fault, words in (("login", "login page"), ("empty", "empty"), ("truncated", "cut off"))
            ),
        ]  # fmt: skip
        if self.kind.events:
            found += [
                Trouble(name="places for subscribers taken", low_s=60, high_s=90, end=lambda: None,
                        begin=lambda: self._fleet.do("take_places", self.name, 45.0)),
                Trouble(name="network cable out", low_s=20, high_s=60, must_s=40, reasons=AWAY,
                        begin=lambda: self._fleet.do("unplug", self.name), end=self._on),
            ]  # fmt: skip
        return found

    def _of_stream(self) -> list[Trouble]:
        server = self.server
        assert server is not None

        def refuse() -> None:
            server.refuse(453)
            server.drop()

        timeout = frozenset({"timeout"})
        return [
            Trouble(name="RTSP server hangs", low_s=75, high_s=100, must_s=75, reasons=timeout,
                    begin=server.hang, end=server.go_on),
            Trouble(name="RTSP session without pictures", low_s=75, high_s=100, must_s=75, reasons=timeout,
                    begin=lambda: server.freeze(PATH), end=lambda: server.thaw(PATH)),
            Trouble(name="RTSP session dropped", low_s=1, high_s=2, begin=server.drop, end=lambda: None),
            Trouble(name="RTSP 453", low_s=45, high_s=70, must_s=45, reasons=frozenset({"refused"}),
                    begin=refuse, end=lambda: server.refuse(0)),
        ]  # fmt: skip

    @property
    def _url(self) -> str:
        assert self.server is not None
        return self.server.url(PATH)

    def _off(self) -> None:
        if self.port:
            self._fleet.do("off", self.name)
        if self.server:
            self.server.stop()

    def _on(self) -> None:
        if self.port:
            self._fleet.do("on", self.name)
        if self.server:
            self.server.start()

    def _show(self, scene: str) -> None:
        if self.port:
            self._fleet.do("show", self.name, scene)
        if self.server:
            self.server.show(scene)

    def _rotate(self) -> None:
        self._passwords += 1
        self._password = f"{PASSWORD}-{self._passwords}"
        if self.port:
            self._fleet.do("password", self.name, self._password)
        if self.server:
            self.server.set_users({USER: self._password})
            self.server.drop()

    def _tell_password(self) -> None:
        half = self._file.with_suffix(".half")
        half.write_text(self._password, "utf-8")
        half.rename(self._file)


def subjects(
    count: int, fleet: Fleet, stack: ExitStack, *, clips: Clips, folder: Path, pace: float
) -> list[Subject]:
    """So many, of each kind in turn; pictures come `pace` times as often as they say."""
    names = list(KINDS)
    return [
        Subject(
            f"{names[n % len(names)]}{n // len(names) + 1 if n >= len(names) else ''}",
            KINDS[names[n % len(names)]], fleet, stack, clips=clips, folder=folder, pace=pace,
        )
        for n in range(count)
    ]  # fmt: skip
