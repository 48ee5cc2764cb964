"""The configuration: one TOML file and the fragments beside it in conf.d/."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from agent.camera.config import Camera, Pictures
from agent.config_words import LOOPBACK, HostPort, Listen, Name, Secret, Size, SocketPath, split_broker_url
from agent.judge.config import ChannelLimits, Judgement, Offset, Report, Windows
from firmware_profiles.declared import Guarded, Limits, Strict, entry
from firmware_profiles.points import Channel, LineSettings, Scale
from firmware_profiles.schema import RegisterPoint, Rs485, UnitId

_HTTPS = re.compile(r"https://(\[[0-9A-Fa-f:.]+\]|[^\s/@:?#\[\]]+)(:\d{1,5})?(/[^\s?#]*)?")


def _is_https(url: str) -> bool:
    try:
        _ = urlsplit(url).port
    except ValueError:  # beyond 65535, or no IPv6 address
        return False
    return _HTTPS.fullmatch(url) is not None


def _only_places(keys: object, *secret: str) -> None:
    """Whether no secret stands in the table itself."""
    for key in secret:
        if isinstance(keys, dict) and isinstance(keys.get(key), str):
            raise ValueError(  # noqa: TRY004  a table is refused by ValueErrors only
                f'{key}: expected {{ file = "/path" }} or {{ credential = "name" }}, not the secret'
            )


class Station(Strict):
    """Which station this gateway is; site and gateway become levels of every topic."""

    site: Name
    gateway: Name
    kind: str = entry(default="", description="What is expected of it; see polegate profiles list")
    board: str = "generic"
    title: str = ""
    latitude: float | None = entry(default=None, ge=-90, le=90, description="WGS 84, degrees")
    longitude: float | None = entry(default=None, ge=-180, le=180, description="WGS 84, degrees")
    utc_offset: Offset = entry(
        default="+08:00", description="The station's time: hours of the day, rain days"
    )


FLEET_SPREAD_S = 10.0
"""1,000 gateways of a broker that was restarted come back at 100 a second (docs/platform/scale.md)."""


class Uplink(Guarded):
    """The platform's MQTT broker. TLS with verification unless the broker is on this machine."""

    url: str = entry(description="mqtts://host[:8883], or mqtt://host[:1883] without TLS")
    version: Literal["3.1.1", "5"] = "5"
    client_id: str | None = entry(default=None, description="Default: polegate-{gateway}")
    username: str | None = None
    password: Secret | None = None
    ca: Path | None = entry(default=None, description="CA certificates; default: the system's")
    certificate: Path | None = entry(default=None, description="Client certificate (PEM)")
    key: Secret | None = entry(default=None, description="Client certificate's private key (PEM)")
    plaintext: bool = entry(default=False, description="Allow mqtt:// to another machine: readable by anyone")
    window: int = entry(default=20, ge=1, le=100, description="Messages sent and not yet acknowledged")
    keepalive_s: Annotated[int, Limits(ge=5, le=3600)] = 30
    timeout_s: float = entry(default=20.0, gt=0, le=300, description="Longest wait for a PUBACK")
    spread_s: float | None = entry(
        default=None,
        ge=0,
        le=600,
        description="After a lost connection the next is made anywhere within it, so that a fleet does not"
        " come back at once; default: 10, with a broker on this machine 0",
    )

    @classmethod
    def guard(cls, keys: object) -> None:
        """Said of the whole table, so that the secret itself is not repeated."""
        _only_places(keys, "password", "key")

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            scheme, host, _ = split_broker_url(self.url)
        except ValueError as error:
            raise ValueError(f"url: {error}") from None
        if scheme == "mqtt" and host not in LOOPBACK and not self.plaintext:
            raise ValueError("url: mqtt:// is readable on the way; use mqtts://, or set plaintext = true")
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key go together; one of them is missing")

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted."""
        return split_broker_url(self.url)[0] == "mqtts"

    @property
    def host(self) -> str:
        """Host name or address, IPv6 without brackets."""
        return split_broker_url(self.url)[1]

    @property
    def port(self) -> int:
        """TCP port, 8883 or 1883 by default."""
        return split_broker_url(self.url)[2]

    @property
    def most_spread_s(self) -> float:
        """`spread_s`, or its default."""
        if self.spread_s is not None:
            return self.spread_s
        return 0.0 if self.host in LOOPBACK else FLEET_SPREAD_S

    def known_as(self, gateway: str) -> str:
        """The client id that the broker knows this gateway by."""
        return self.client_id or f"polegate-{gateway}"


class Enrolment(Guarded):
    """Where the client certificate comes from, for polegate certs; the daemon does not look at it."""

    by: Literal["request", "est", "step"] = entry(
        default="request", description="By hand, or from a server: EST (RFC 7030) or step-ca"
    )
    url: str | None = entry(default=None, description="The server, https://host[:port][/path]")
    ca: Path | None = entry(default=None, description="Its CA certificates; default: the system's")
    code: Secret | None = entry(default=None, description="Its claim code or token, good once")
    key_type: Literal["ec", "rsa"] = entry(default="ec", description="ECDSA P-256 or RSA 3072")

    @classmethod
    def guard(cls, keys: object) -> None:
        """Said of the whole table, so that the secret itself is not repeated."""
        _only_places(keys, "code")

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.url is None) != (self.by == "request"):
            raise ValueError('url is for by = "est" and by = "step", which need it')
        if self.url is not None and not _is_https(self.url):
            raise ValueError("url: expected https://host[:port][/path]")


class Outbox(Strict):
    """Where readings wait for the platform, and how much may wait."""

    path: Path = Path("/var/lib/polegate/outbox.db")
    max_size: Size = 512 * 2**20


class Clock(Strict):
    """When the clock is trusted: once the kernel says it is synchronised (ntp), or always (system)."""

    source: Literal["ntp", "system"] = "ntp"
    hold_s: float = entry(default=300.0, ge=0, description="Readings wait this long for a trusted clock")


class Control(Strict):
    """The socket the command line talks to the daemon through."""

    socket: SocketPath = Path("/run/polegate/control.sock")


class Health(Strict):
    """How often the agent reports on itself."""

    every_s: Annotated[float, Limits(ge=1)] = 60.0


class Metrics(Strict):
    """The same for programs on this machine, in Prometheus' text format."""

    listen: Listen | None = entry(
        default=None, description="127.0.0.1:9464, [::1]:9464 or unix:/run/polegate/metrics.sock"
    )


class Port(Strict):
    """A serial port this file names or re-settles: the board's other facts stand."""

    path: Path | None = None
    line: LineSettings | None = None
    echoes: bool | None = None
    rs485: Rs485 | None = None


class ChannelOverride(Strict):
    """What one channel of this device differs in from its profile.

    `rename` gives it another channel name; `offset` is added after the profile's own conversion, as the
    datum of a level gauge is; `factor` is multiplied before that.
    """

    rename: Channel | None = None
    factor: Scale = 1.0
    offset: float = 0.0
    skip: bool = False
    report: Report | None = None
    aggregate: Windows | None = None


class ModbusOverride(Strict):
    """What differs from the profile in how the device wants to be read; see its [modbus]."""

    unit: UnitId | None = None
    max_registers: int | None = entry(default=None, ge=1, le=125)
    max_bits: int | None = entry(default=None, ge=1, le=2000)
    hole: int | None = entry(default=None, ge=0, le=124)


class Device(Strict):
    """One gauge: which instrument, on which port or address, and what is different about this one."""

    instrument: str | None = None
    port: str | None = entry(
        default=None, description="Serial port: a name of the board or of [ports], or a path"
    )
    tcp: HostPort | None = entry(default=None, description="Modbus TCP device or serial converter")
    framing: Literal["tcp", "rtu"] | None = entry(
        default=None, description="Modbus over tcp: rtu for a converter"
    )
    unit: UnitId | None = entry(default=None, description="Modbus unit id; default: the factory's")
    line: LineSettings | None = None
    every_s: Annotated[float, Limits(gt=0, le=86400)] | None = None
    timeout_s: Annotated[float, Limits(gt=0, le=60)] | None = None
    gap_ms: Annotated[int, Limits(ge=0, le=1000)] | None = None
    channels: dict[str, ChannelOverride] = entry(default_factory=dict)
    modbus: ModbusOverride | None = None
    points: tuple[RegisterPoint, ...] = entry(
        default=(), description="Register map of a device without a profile"
    )
    title: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.port is None) == (self.tcp is None):
            raise ValueError('expected either port = "rs485-1" or tcp = "host:port"')
        if (self.instrument is None) == (not self.points):
            raise ValueError('expected either instrument = "..." or its own points, and not both')
        if self.framing and self.port:
            raise ValueError("framing is for tcp; a serial port is always rtu")
        if self.line and self.tcp:
            raise ValueError("line is for port; over tcp the line is set in the converter itself")


class Config(Strict):
    """The whole configuration."""

    station: Station
    uplink: Uplink
    enrolment: Enrolment = Enrolment()
    outbox: Outbox = Outbox()
    clock: Clock = Clock()
    control: Control = Control()
    health: Health = Health()
    metrics: Metrics = Metrics()
    ports: dict[Name, Port] = entry(default_factory=dict)
    devices: dict[Name, Device] = entry(default_factory=dict)
    pictures: Pictures = Pictures()
    cameras: dict[Name, Camera] = entry(default_factory=dict)
    judgement: Judgement = Judgement()
    limits: dict[str, dict[str, ChannelLimits]] = entry(default_factory=dict)
    rules: dict[Name, dict[str, Any]] = entry(default_factory=dict)
