"""A loopback ONVIF camera, strict where real ones are and with their faults at will."""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

from aiohttp import web
from lxml import etree  # type: ignore[import-untyped]

from fakes.onvif_answers import PATHS, SOAP, TDS, TEV, TIMG, TPTZ, TR2, TRT, Fault, answer, fault, wrapped
from fakes.onvif_mount import Mount
from fakes.onvif_security import Gatekeeper, Rejected
from fakes.ports import listen

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fakes.certificates import Certificate

USER, PASSWORD = "operator", "Pa55 & <word>"
GREY = bytes.fromhex(
    "ffd8ffe000104a46494600010100000100010000ffdb004300080606070605080707070909080a0c140d0c0b0b0c1912130f14"
    "1d1a1f1e1d1a1c1c20242e2720222c231c1c2837292c30313434341f27393d38323c2e333432ffc0000b080001000101011100"
    "ffc4001f0000010501010101010100000000000000000102030405060708090a0bffc400b5100002010303020403050504040000"
    "017d01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a"
    "3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a9293949596"
    "9798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2"
    "f3f4f5f6f7f8f9faffda0008010100003f00fbfea28a2803ffd9"
)
"""A JPEG of one grey pixel, where a test has no use for a picture."""

UNSIGNED = ("GetSystemDateAndTime",)
LOGIN_PAGE = b"<html><head><title>Login</title></head><body><form action='/login'>...</form></body></html>"


class Events(Protocol):
    """What answers POSTs to the event service and its subscriptions (see fakes.onvif_events).

    `path` is that of the request. It returns a whole envelope, or raises Fault. `forget` is called at a reboot.
    """

    async def handle(self, path: str, envelope: Any) -> bytes: ...

    def forget(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Profile:
    """`codec` as in Media2: H264, H265 or JPEG."""

    token: str = "main"
    name: str = "Main stream"
    codec: str = "H264"
    width: int = 1920
    height: int = 1080
    fps: float = 25.0


@dataclass(slots=True, kw_only=True)
class Quirks:
    """What is wrong with the camera; each may be changed at any time.

    Clock: `clock_s` ahead of the true time; `zone_s` local time ahead of UTC; `local_as_utc` it tells local time
    as UTC but checks by UTC; `checks_local` it checks signatures by local time; `no_utc` it tells local time only;
    `clock_lost` a reboot puts the clock to 1970; `window_s` how far Created may be off.
    Who: `auth` which way to sign is accepted; `bare_401` it refuses with HTTP 401 and no SOAP;
    `time_signed` even the clock is told only when asked with a signature.
    Services: `media` versions; `without` any of ptz, imaging, events; `unsupported` operations; `refuses_zone` in setting time.
    Answers: `fault_status` HTTP status of faults; `slow_s`; `huge` octets of filling; `truncated`;
    `web_page` instead of SOAP; `unquoted` attributes; `hangs_up` that many requests unanswered.
    `xaddr` host and port in the addresses it tells. `snapshot`: what is wrong with the picture's address.
    """

    clock_s: float = 0.0
    zone_s: float = 0.0
    local_as_utc: bool = False
    checks_local: bool = False
    no_utc: bool = False
    clock_lost: bool = False
    window_s: float = 5.0
    auth: Literal["token", "digest", "both", "none"] = "token"
    bare_401: bool = False
    time_signed: bool = False
    media: tuple[int, ...] = (1, 2)
    without: frozenset[str] = frozenset()
    unsupported: frozenset[str] = frozenset()
    refuses_zone: bool = False
    fault_status: int = 400
    slow_s: float = 0.0
    huge: int = 0
    truncated: bool = False
    web_page: bool = False
    unquoted: bool = False
    hangs_up: int = 0
    xaddr: str = ""
    snapshot: Literal[
        "open", "digest", "none", "slow", "empty", "login", "wrong_type", "truncated", "cut", "moved"
    ] = "open"
    snapshot_slow_s: float = 30.0
    reboot_s: float = 0.2


@dataclass(slots=True, kw_only=True)
class Setup:
    """What the camera is, as delivered."""

    profiles: tuple[Profile, ...] = (Profile(), Profile("sub", "Sub stream", "H264", 640, 360, 15.0))
    stream: str = "rtsp://{host}:554/{token}"
    imaging: dict[str, str] = field(
        default_factory=lambda: {
            "Brightness": "50",
            "ColorSaturation": "50",
            "Contrast": "50",
            "IrCutFilter": "AUTO",
            "Sharpness": "50",
        }
    )


class FakeCamera:
    """An ONVIF device on `host`, at a free port, as an async context manager in the test's own loop.

    `pictures` are the snapshots: a list played once, its last repeated, or a callable that is asked each
    time. It may be set at any time. `requests` counts operations by name, and "snapshot". `refusals` are the
    reasons why requests were not let in.
    """

    def __init__(
        self,
        *,
        pictures: Sequence[bytes] | Callable[[], bytes] = (GREY,),
        events: Events | None = None,
        tls: Certificate | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        setup: Setup | None = None,
        quirks: Quirks | None = None,
    ) -> None:
        setup = setup or Setup()
        self.quirks = quirks or Quirks()
        self.pictures = pictures
        self.events = events
        self.profiles = setup.profiles
        self.stream = setup.stream
        self.imaging = dict(setup.imaging)
        self.mount = Mount()
        self.host, self.port = host, port
        self.serial, self.mac, self.zone, self.by_ntp = "LB0001", "02:00:00:00:00:31", "CST-8", False
        self.requests: Counter[str] = Counter()
        self.reboots = 0
        self.rebooting = asyncio.Event()
        self._gate = Gatekeeper(USER, PASSWORD)
        self._tls = tls
        self._shown = 0
        self._clock_s = time.time() - time.monotonic()
        self._runner: web.AppRunner | None = None
        self._power: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.switch_on()
        self._power = asyncio.create_task(self._reboot_on_request())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._power is not None:
            self._power.cancel()
            await asyncio.wait([self._power])
        await self.switch_off()

    @property
    def refusals(self) -> list[str]:
        return self._gate.refusals

    @property
    def connections(self) -> int:
        """Open at this moment."""
        server = self._runner.server if self._runner else None
        return len(server.connections) if server else 0

    @property
    def is_on(self) -> bool:
        """Whether it listens."""
        return self._runner is not None and bool(self._runner.sites)

    @property
    def password(self) -> str:
        return self._gate.password

    @password.setter
    def password(self, value: str) -> None:
        self._gate.password = value

    async def switch_on(self) -> None:
        """Listen, again on the same port after the first time."""
        app = web.Application(client_max_size=4 << 20)
        app.router.add_post("/onvif/{tail:.*}", self._soap)
        app.router.add_get("/snapshot.jpg", self._snapshot)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.05)
        await self._runner.setup()
        listener = listen(self.host, self.port)
        self.port = listener.getsockname()[1]
        await web.SockSite(self._runner, listener, ssl_context=self._context()).start()

    async def switch_off(self) -> None:
        """Refuse connections and cut those that are open."""
        if self._runner is not None:
            runner, self._runner = self._runner, None
            if runner.server is not None:
                for connection in runner.server.connections:
                    if connection.transport is not None:
                        connection.transport.abort()
            await runner.cleanup()

    async def reboot(self) -> None:
        """Be away for `quirks.reboot_s`; forget subscriptions, nonces, and the time where `clock_lost`."""
        await self.switch_off()
        self.reboots += 1
        self._gate.forget()
        if self.events is not None:
            self.events.forget()
        if self.quirks.clock_lost:
            self._clock_s = -time.monotonic()
        await asyncio.sleep(self.quirks.reboot_s)
        await self.switch_on()

    def clock_ms(self) -> int:
        """Its UTC."""
        return round((time.monotonic() + self._clock_s + self.quirks.clock_s) * 1000)

    def set_clock(self, at_ms: int) -> None:
        self._clock_s = at_ms / 1000 - time.monotonic() - self.quirks.clock_s

    def services(self) -> tuple[str, ...]:
        """Namespaces, Media2 before Media as some have it."""
        media = [{1: TRT, 2: TR2}[version] for version in sorted(self.quirks.media, reverse=True)]
        named = {"ptz": TPTZ, "imaging": TIMG, "events": TEV}
        others = [uri for name, uri in named.items() if name not in self.quirks.without]
        return (TDS, *media, *others)

    def xaddr(self, path: str) -> str:
        """The address it tells for this path, which may be one it is not reached at."""
        return f"{self._scheme}://{self.quirks.xaddr or self._netloc}{path}"

    def stream_uri(self, profile: Profile) -> str:
        return self.stream.format(host=self._bracketed, token=profile.token)

    def snapshot_uri(self) -> str:
        host = self.quirks.xaddr.partition(":")[0] or self._bracketed
        return f"{self._scheme}://{host}:{self.port}/snapshot.jpg"

    @property
    def _scheme(self) -> str:
        return "https" if self._tls else "http"

    @property
    def _bracketed(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def _netloc(self) -> str:
        return f"{self._bracketed}:{self.port}"

    def _context(self) -> ssl.SSLContext | None:
        if self._tls is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._tls.certificate, self._tls.key)
        return context

    async def _reboot_on_request(self) -> None:
        while True:
            await self.rebooting.wait()
            self.rebooting.clear()
            await asyncio.sleep(0.05)  # the answer leaves first
            await self.reboot()

    async def _soap(self, request: web.Request) -> web.StreamResponse:
        if self.quirks.hangs_up > 0:
            self.quirks.hangs_up -= 1
            _cut(request)
            return web.Response()
        data = await request.read()
        if self.quirks.slow_s:
            await asyncio.sleep(self.quirks.slow_s)
        if self.quirks.web_page:
            return web.Response(body=LOGIN_PAGE, content_type="text/html")
        status, body, challenges = await self._answered(request, data)
        if self.quirks.unquoted:
            body = re.sub(rb'(\s(?!xmlns|version|encoding)[\w:]+)="([^"\s>]*)"', rb"\1=\2", body)
        body += b" " * self.quirks.huge
        if self.quirks.truncated:
            body = body[: len(body) * 2 // 3]
        response = web.Response(
            status=status, body=body, content_type="application/soap+xml", charset="utf-8"
        )
        for challenge in challenges:
            response.headers.add("WWW-Authenticate", challenge)
        return response

    async def _answered(self, request: web.Request, data: bytes) -> tuple[int, bytes, list[str]]:
        try:
            envelope = etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True))
        except etree.XMLSyntaxError as error:
            return 400, fault("WellFormed", str(error)), []
        body = envelope.find(f"{{{SOAP}}}Body")
        if envelope.tag != f"{{{SOAP}}}Envelope" or body is None or len(body) != 1:
            return 400, fault("WellFormed", "no SOAP 1.2 envelope with one element"), []
        operation = etree.QName(body[0])
        self.requests[operation.localname] += 1
        try:
            if operation.localname not in UNSIGNED or self.quirks.time_signed:
                self._check(request, envelope.find(f"{{{SOAP}}}Header"))
            return 200, await self._dispatched(request.path, operation, envelope, body[0]), []
        except Rejected as rejected:
            self.refusals.append(str(rejected))
            return self._refused()
        except Fault as wrong:
            return self.quirks.fault_status, fault(wrong.subcode, wrong.reason), []

    async def _dispatched(self, path: str, operation: Any, envelope: Any, element: Any) -> bytes:
        if path.startswith(("/onvif/events", "/onvif/subscription")):
            if self.events is None:
                raise Fault("ActionNotSupported", "No event service")
            return await self.events.handle(path, envelope)
        if PATHS.get(operation.namespace) != path:
            raise Fault("ActionNotSupported", f"{operation.namespace} is not served at {path}")
        return wrapped(answer(self, operation.namespace, operation.localname, element))

    def _check(self, request: web.Request, header: Any) -> None:
        auth = self.quirks.auth
        authorization = request.headers.get("Authorization", "")
        if auth == "digest" or (auth == "both" and authorization):
            self._gate.check_digest(request.method, request.path_qs, authorization)
        elif auth != "none":
            ahead_s = self.quirks.zone_s if self.quirks.checks_local else 0.0
            self._gate.check_token(header, round(self.clock_ms() + ahead_s * 1000), self.quirks.window_s)

    def _refused(self) -> tuple[int, bytes, list[str]]:
        challenges = self._gate.challenges() if self.quirks.auth in ("digest", "both") else []
        if self.quirks.bare_401 or self.quirks.auth == "digest":
            return 401, b"", challenges
        body = fault("NotAuthorized", "Sender not Authorized")
        return 401 if challenges else self.quirks.fault_status, body, challenges

    async def _snapshot(self, request: web.Request) -> web.StreamResponse:
        self.requests["snapshot"] += 1
        quirk = self.quirks.snapshot
        if quirk == "digest":
            try:
                self._gate.check_digest("GET", request.path_qs, request.headers.get("Authorization", ""))
            except Rejected as rejected:
                self.refusals.append(str(rejected))
                response = web.Response(status=401)
                for challenge in self._gate.challenges():
                    response.headers.add("WWW-Authenticate", challenge)
                return response
        if quirk == "none":
            return web.Response(status=404)
        if quirk == "moved":
            return web.Response(status=302, headers={"Location": "http://192.0.2.1/login"})
        if quirk == "login":
            return web.Response(body=LOGIN_PAGE, content_type="text/html")
        if quirk == "slow":
            await asyncio.sleep(self.quirks.snapshot_slow_s)
        picture = b"" if quirk == "empty" else self._picture()
        if quirk == "cut":
            return await _cut_short(request, picture)
        kind = "application/octet-stream" if quirk == "wrong_type" else "image/jpeg"
        return web.Response(
            body=picture[: len(picture) // 2] if quirk == "truncated" else picture, content_type=kind
        )

    def _picture(self) -> bytes:
        if callable(self.pictures):
            return self.pictures()
        picture = self.pictures[min(self._shown, len(self.pictures) - 1)]
        self._shown += 1
        return picture


async def _cut_short(request: web.Request, body: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": str(len(body)), "Content-Type": "image/jpeg"})
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    _cut(request)
    return response


def _cut(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.close()
