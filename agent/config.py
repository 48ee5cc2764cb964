"""The configuration: one TOML file and the fragments beside it in conf.d/."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from agent.camera.config import Camera, Pictures
from agent.config_words import LOOPBACK, HostPort, Listen, Name, Secret, Size, SocketPath, split_broker_url
from agent.judge.config import ChannelLimits, Judgement, Offset, Report, Windows
from agent.judge.rule_schema import rules_schema
from firmware_profiles.points import Channel, LineSettings, Scale, Strict
from firmware_profiles.schema import ModbusSettings, RegisterPoint, Rs485, UnitId

_HTTPS = re.compile(r"https://(\[[0-9A-Fa-f:.]+\]|[^\s/@:?#\[\]]+)(:\d{1,5})?(/[^\s?#]*)?")


def _is_https(url: str) -> bool:
    try:
        _ = urlsplit(url).port
    except ValueError:  # beyond 65535, or no IPv6 address
        return False
    return _HTTPS.fullmatch(url) is not None


def _only_places(keys: object, *secret: str) -> object:
    """The table as it is, unless a secret stands in it itself."""
    for key in secret:
        if isinstance(keys, dict) and isinstance(keys.get(key), str):
            raise ValueError(  # noqa: TRY004  pydantic takes ValueErrors only
                f'{key}: expected {{ file = "/path" }} or {{ credential = "name" }}, not the secret'
            )
    return keys


class Station(Strict):
    """Which station this gateway is; site and gateway become levels of every topic."""

    site: Name
    gateway: Name
    kind: str = Field(default="", description="What is expected of it; see polegate profiles list")
    board: str = "generic"
    title: str = ""
    latitude: Annotated[float, Field(ge=-90, le=90, description="WGS 84, degrees")] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180, description="WGS 84, degrees")] | None = None
    utc_offset: Offset = Field(
        default="+08:00", description="The station's time: hours of the day, rain days"
    )


FLEET_SPREAD_S = 10.0
"""1,000 gateways of a broker that was restarted come back at 100 a second (docs/platform/scale.md)."""


class Uplink(Strict):
    """The platform's MQTT broker. TLS with verification unless the broker is on this machine."""

    url: str = Field(description="mqtts://host[:8883], or mqtt://host[:1883] without TLS")
    version: Literal["3.1.1", "5"] = "5"
    client_id: str | None = Field(default=None, description="Default: polegate-{gateway}")
    username: str | None = None
    password: Secret | None = None
    ca: Path | None = Field(default=None, description="CA certificates; default: the system's")
    certificate: Path | None = Field(default=None, description="Client certificate (PEM)")
    key: Secret | None = Field(default=None, description="Client certificate's private key (PEM)")
    plaintext: bool = Field(default=False, description="Allow mqtt:// to another machine: readable by anyone")
    window: Annotated[int, Field(ge=1, le=100, description="Messages sent and not yet acknowledged")] = 20
    keepalive_s: Annotated[int, Field(ge=5, le=3600)] = 30
    timeout_s: Annotated[float, Field(gt=0, le=300, description="Longest wait for a PUBACK")] = 20.0
    spread_s: Annotated[float, Field(ge=0, le=600)] | None = Field(
        default=None,
        description="After a lost connection the next is made anywhere within it, so that a fleet does not"
        " come back at once; default: 10, with a broker on this machine 0",
    )

    @model_validator(mode="before")
    @classmethod
    def _no_secret_in_the_open(cls, keys: object) -> object:
        """Said of the whole table, so that the secret itself is not repeated."""
        return _only_places(keys, "password", "key")

    @model_validator(mode="after")
    def _consistent(self) -> Uplink:
        try:
            scheme, host, _ = split_broker_url(self.url)
        except ValueError as error:
            raise ValueError(f"url: {error}") from None
        if scheme == "mqtt" and host not in LOOPBACK and not self.plaintext:
            raise ValueError("url: mqtt:// is readable on the way; use mqtts://, or set plaintext = true")
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key go together; one of them is missing")
        return self

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


class Enrolment(Strict):
    """Where the client certificate comes from, for polegate certs; the daemon does not look at it."""

    by: Literal["request", "est", "step"] = Field(
        default="request", description="By hand, or from a server: EST (RFC 7030) or step-ca"
    )
    url: str | None = Field(default=None, description="The server, https://host[:port][/path]")
    ca: Path | None = Field(default=None, description="Its CA certificates; default: the system's")
    code: Secret | None = Field(default=None, description="Its claim code or token, good once")
    key_type: Literal["ec", "rsa"] = Field(default="ec", description="ECDSA P-256 or RSA 3072")

    @model_validator(mode="before")
    @classmethod
    def _no_secret_in_the_open(cls, keys: object) -> object:
        """Said of the whole table, so that the secret itself is not repeated."""
        return _only_places(keys, "code")

    @model_validator(mode="after")
    def _consistent(self) -> Enrolment:
        if (self.url is None) != (self.by == "request"):
            raise ValueError('url is for by = "est" and by = "step", which need it')
        if self.url is not None and not _is_https(self.url):
            raise ValueError("url: expected https://host[:port][/path]")
        return self


class Outbox(Strict):
    """Where readings wait for the platform, and how much may wait."""

    path: Path = Path("/var/lib/polegate/outbox.db")
    max_size: Size = 512 * 2**20


class Clock(Strict):
    """When the clock is trusted: once the kernel says it is synchronised (ntp), or always (system)."""

    source: Literal["ntp", "system"] = "ntp"
    hold_s: Annotated[float, Field(ge=0, description="Readings wait this long for a trusted clock")] = 300.0


class Control(Strict):
    """The socket the command line talks to the daemon through."""

    socket: SocketPath = Path("/run/polegate/control.sock")


class Health(Strict):
    """How often the agent reports on itself."""

    every_s: Annotated[float, Field(ge=1)] = 60.0


class Metrics(Strict):
    """The same for programs on this machine, in Prometheus' text format."""

    listen: Listen | None = Field(
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


class Device(Strict):
    """One gauge: which instrument, on which port or address, and what is different about this one."""

    instrument: str | None = None
    port: str | None = Field(
        default=None, description="Serial port: a name of the board or of [ports], or a path"
    )
    tcp: HostPort | None = Field(default=None, description="Modbus TCP device or serial converter")
    framing: Literal["tcp", "rtu"] | None = Field(
        default=None, description="Modbus over tcp: rtu for a converter"
    )
    unit: UnitId | None = Field(default=None, description="Modbus unit id; default: the factory's")
    line: LineSettings | None = None
    every_s: Annotated[float, Field(gt=0, le=86400)] | None = None
    timeout_s: Annotated[float, Field(gt=0, le=60)] | None = None
    gap_ms: Annotated[int, Field(ge=0, le=1000)] | None = None
    channels: dict[str, ChannelOverride] = Field(default={})
    modbus: ModbusSettings | None = None
    points: tuple[RegisterPoint, ...] = Field(
        default=(), description="Register map of a device without a profile"
    )
    title: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Device:
        if (self.port is None) == (self.tcp is None):
            raise ValueError('expected either port = "rs485-1" or tcp = "host:port"')
        if (self.instrument is None) == (not self.points):
            raise ValueError('expected either instrument = "..." or its own points, and not both')
        if self.framing and self.port:
            raise ValueError("framing is for tcp; a serial port is always rtu")
        if self.line and self.tcp:
            raise ValueError("line is for port; over tcp the line is set in the converter itself")
        return self


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
    ports: dict[Name, Port] = Field(default={})
    devices: dict[Name, Device] = Field(default={})
    pictures: Pictures = Pictures()
    cameras: dict[Name, Camera] = Field(default={})
    judgement: Judgement = Judgement()
    limits: dict[str, dict[str, ChannelLimits]] = Field(default={})
    rules: dict[Name, dict[str, Any]] = Field(default={})


def json_schema() -> dict[str, Any]:
    """JSON Schema of the configuration file, for editors."""
    schema = Config.model_json_schema()
    schema["properties"]["rules"], definitions = rules_schema()
    schema["$defs"] |= definitions
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "polegate configuration",
        **schema,
    }
