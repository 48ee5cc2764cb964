"""polegate camera find: what cameras there are in the network."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import asdict, dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from agent.amounts import many
from agent.camera.config import ONVIF_PORT, ONVIF_TLS_PORT, Camera
from agent.cli import screen
from agent.cli.cameras import texts as camera_texts
from agent.cli.cameras.known import json_option
from agent.cli.exits import Exit, Failed, load_config
from drivers.errors import BadConfig, DriverError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from drivers.cameras.discovery import Announced


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One device: where, how it was found, what it says of itself, and its name in the configuration."""

    host: str
    port: int
    https: bool = False
    kind: str = "onvif"
    how: str
    model: str = ""
    location: str = ""
    endpoint: str = ""
    configured: str = ""

    @property
    def address(self) -> str:
        """As `camera probe` and `camera add` take it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        if self.kind == "rtsp":
            return f"rtsp://{host}:{self.port}/"
        return host if self.port == (ONVIF_TLS_PORT if self.https else ONVIF_PORT) else f"{host}:{self.port}"


@click.command("find")
@click.option("--network", "networks", multiple=True, metavar="CIDR",
              help="Ask each address of it, too, such as 10.0.0.0/24; may be given again.")  # fmt: skip
@click.option("--port", "ports", type=click.IntRange(1, 0xFFFF), multiple=True,
              help="With --network: only this port; may be given again.")  # fmt: skip
@click.option("--interface", "interfaces", multiple=True, help="Default: all but the loopback.")
@click.option("--within", "within_s", type=click.FloatRange(0.2, 60), default=4.0, show_default=True,
              metavar="S", help="Wait so many seconds for those that announce themselves.")  # fmt: skip
@json_option
@click.pass_obj
def find(
    paths: Mapping[str, Path], /, *, networks: tuple[str, ...], ports: tuple[int, ...],
    interfaces: tuple[str, ...], within_s: float, as_json: bool,
) -> None:  # fmt: skip
    """Find cameras: those that announce themselves (WS-Discovery), and on --network all that answer.

    No password is sent. Ends with 0 when something was found, 1 when not, 130 after Ctrl-C.
    """
    from agent.cli.cameras.eye import check_libraries

    check_libraries()
    search = _Search(_names(paths["config"]))
    with _progress(quiet=as_json) as progress:
        whole = asyncio.run(search.run(networks, ports, interfaces, within_s, progress))
    found = search.found
    if as_json:
        screen.machine(
            {"complete": whole, "found": [asdict(each) for each in found], "problems": search.problems}
        )
    else:
        _show(found, search.problems)
    sys.exit(130 if not whole else Exit.OK if found else Exit.PROBLEM)


def _show(found: Sequence[Sighting], problems: Sequence[str]) -> None:
    for each in found:
        screen.line(_line(each))
    if found:
        unknown = sum(not each.configured for each in found)
        screen.line(camera_texts.FOUND.format(count=many(len(found), "camera"), unknown=unknown))
    for problem in problems:
        click.echo(problem, err=True)
    screen.line(next_step(found))


class _Search:
    """What has been found so far; each device once, however often it answers."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.problems: list[str] = []
        self._names = names
        self._by_place: dict[tuple[str, int], Sighting] = {}

    @property
    def found(self) -> list[Sighting]:
        """By address; a bare stream of a camera that has ONVIF is that camera's."""
        onvif = {each.host for each in self._by_place.values() if each.kind == "onvif"}
        known = [each for each in self._by_place.values() if each.kind == "onvif" or each.host not in onvif]
        return sorted(known, key=in_order)

    def add(self, one: Sighting) -> None:
        """A device that answers both ways is one."""
        before = self._by_place.get((one.host, one.port))
        if before is not None:
            said = one if one.how == "announced" else before
            self._by_place[one.host, one.port] = replace(said, how="both", configured=before.configured)
            return
        self._by_place[one.host, one.port] = replace(one, configured=self._names.get(one.host, ""))

    async def run(
        self, networks: Sequence[str], ports: Sequence[int], interfaces: Sequence[str], within_s: float,
        progress: Callable[[int, int], None],
    ) -> bool:  # fmt: skip
        """Both ways at once; False after Ctrl-C, with what was found until then."""
        from drivers.cameras.sweep import addresses

        try:
            addresses(networks)  # before anything is sent
            works = [self._hear(interfaces, within_s)]
            works += [self._sweep(networks, ports, progress)] if networks else []
            return await _until_interrupted(works)
        except BadConfig as error:
            raise Failed(str(error), Exit.USAGE) from None
        finally:
            await asyncio.sleep(0)  # sockets that were closed let go of theirs

    async def _hear(self, interfaces: Sequence[str], within_s: float) -> None:
        from drivers.cameras.discovery import discover, usable_interfaces

        try:
            hearing = cast(
                "AsyncGenerator[Announced, None]",
                discover(interfaces or usable_interfaces(), within_s=within_s),
            )
            async with aclosing(hearing) as announced:
                async for one in announced:
                    self.add(_sighting(one))
        except BadConfig:
            raise
        except DriverError as error:
            self.problems.append(str(error))

    async def _sweep(
        self, networks: Sequence[str], ports: Sequence[int], progress: Callable[[int, int], None]
    ) -> None:
        from drivers.cameras.sweep import HTTPS_PORTS, PORTS, Found, sweep

        def tell(one: Found) -> None:
            https = one.port in HTTPS_PORTS
            self.add(Sighting(host=one.host, port=one.port, https=https, kind=one.kind, how="swept"))

        await sweep(networks, ports=ports or PORTS, tell=tell, progress=progress)


async def _until_interrupted(works: Sequence[Coroutine[Any, Any, None]]) -> bool:
    """All of them at once; False when Ctrl-C ended them."""
    both = asyncio.gather(*works)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, both.cancel)
    try:
        await both
    except asyncio.CancelledError:
        return False
    finally:
        loop.remove_signal_handler(signal.SIGINT)
    return True


def _sighting(one: Announced) -> Sighting:
    host, port, https = one.at
    model = " ".join(dict.fromkeys(filter(None, (one.name, one.hardware))))
    return Sighting(
        host=host, port=port, https=https, how="announced", model=model, location=one.location,
        endpoint=one.endpoint,
    )  # fmt: skip


def in_order(one: Sighting) -> tuple[int, bytes, str, int]:
    """By address and port as numbers: 10.0.0.7 before 10.0.0.64, and before any of IPv6."""
    address = ip_address(one.host)
    return address.version, address.packed, getattr(address, "scope_id", None) or "", one.port


def next_step(found: Sequence[Sighting]) -> str:
    """What to do about the first that is not configured, if there is one."""
    if not found:
        return camera_texts.FOUND_NONE
    one = next((each for each in found if not each.configured), None)
    if one is None:
        return camera_texts.FIND_KNOWN
    by_https = " --https" if one.https and one.kind == "onvif" else ""
    return camera_texts.FIND_NEXT.format(address=one.address, https=by_https)


def _line(one: Sighting) -> str:
    said = one.model or ("only a stream" if one.kind == "rtsp" else "")
    words = [one.address, "HTTPS" if one.https else "", said, one.location]
    known = f"[cameras.{one.configured}]" if one.configured else "not configured"
    return "  ".join([*filter(None, words), known])


def _names(config: Path) -> dict[str, str]:
    """Configured cameras by host; none where the configuration cannot be read."""
    try:
        cameras = load_config(config).config.cameras
    except Failed:
        return {}
    return {_host(camera): name for name, camera in cameras.items()}


def _host(camera: Camera) -> str:
    from urllib.parse import urlsplit

    from agent.config_words import split_host_port

    if camera.host is not None:
        return split_host_port(camera.host, ONVIF_PORT)[0]
    return urlsplit(camera.snapshot or camera.stream or "").hostname or ""


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error of how many addresses have been asked, on a terminal only."""
    if quiet or not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True, highlight=False), transient=True) as bars:
        task = bars.add_task("asking", total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)
