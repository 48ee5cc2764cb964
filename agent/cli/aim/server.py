"""The web server of the page: loopback only, one camera, nothing kept on disk, over when nobody touches it.

Whoever has the token of the printed address may use it. The token stands behind the #, which no browser sends
or logs; the page gives it in a header of its own with every request, so that no other page's form, picture
or name that resolves to us (DNS rebinding) can.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from aiohttp import web
from pydantic import ValidationError

from agent.cli.aim import drawing, requests, texts
from agent.cli.aim.drawing import Drawing, Mistaken
from agent.cli.aim.looking import Looking
from agent.cli.aim.pictures import make
from agent.cli.aim.sight import Sight, Turning
from agent.cli.exits import unwritten
from drivers.errors import DriverError
from drivers.frames import Frame
from firmware_profiles.declared import Strict, checked_json

IDLE_S = 1800.0
NUDGE_S = 0.4
TOKEN_HEADER = "X-Polegate-Token"  # noqa: S105  its name
METERS_HEADER = "X-Polegate-Meters"
MOST_BODY = 256 * 1024
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

PAGE = Path(__file__).parent / "page"
FILES = {"/": "index.html", **{f"/{name}": name for name in (
    "aim.css", "aim.js", "draw.js", "focus.js", "icon.svg", "shapes.js", "talk.js", "texts.js",
)}}  # fmt: skip
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}

GUARD = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; object-src 'none'"
    "; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

Asked = TypeVar("Asked", bound=Strict)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Subject:
    """The camera that is aimed; `host` is for advice."""

    name: str
    title: str = ""
    host: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a drawing: `file` it was written to, or "" and the `toml` to paste where `note` says."""

    file: str = ""
    toml: str = ""
    note: str = ""


class Keeper(Protocol):
    """Where drawings stay."""

    def __call__(self, drawn: Drawing, /) -> Kept:
        """Write it into the configuration, or say what to paste.

        Raises:
            OSError: it cannot be written.
            ConfigError: the configuration would not hold together with it.
        """
        ...


class Aim:
    """One run of the page for one camera."""

    def __init__(
        self,
        subject: Subject,
        sight: Sight,
        drawn: Drawing,
        keep: Keeper,
        *,
        token: str,
        idle_s: float = IDLE_S,
    ) -> None:
        self._subject = subject
        self._sight = sight
        self._looking = Looking(sight, subject.name)
        self._drawn = drawn
        self._keep = keep
        self._token = token
        self._idle_s = idle_s
        self._touched_s = time.monotonic()

    @property
    def left_s(self) -> float:
        """Until it ends by itself."""
        return max(0.0, self._touched_s + self._idle_s - time.monotonic())

    def app(self) -> web.Application:
        """All that is served."""
        app = web.Application(middlewares=[self._guard], client_max_size=MOST_BODY)
        for path in FILES:
            app.router.add_get(path, self._file)
        app.router.add_post("/api/camera", self._camera)
        app.router.add_post("/api/presets", self._presets)
        app.router.add_post("/api/picture", self._picture)
        app.router.add_post("/api/save", self._save)
        app.router.add_post("/api/move", self._move)
        app.router.add_post("/api/goto", self._goto)
        return app

    async def serve(self, listeners: Sequence[socket.socket]) -> None:
        """Serve on these sockets until nobody has touched the page for `idle_s`; closes them."""
        runner = web.AppRunner(self.app(), access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await runner.setup()
        try:
            for listener in listeners:
                await web.SockSite(runner, listener).start()
            while (left_s := self.left_s) > 0:
                await asyncio.sleep(left_s)
        finally:
            await runner.cleanup()

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            response = self._refusal(request) or await handler(request)
        except web.HTTPException as error:
            response = _problem(error.status, error.text or error.reason)
        response.headers.update(GUARD)
        return response

    def _refusal(self, request: web.Request) -> web.Response | None:
        """403 for what does not come from our own page; None if it may pass."""
        if _name(f"//{request.host}") not in LOOPBACK:
            return _problem(403, texts.OTHER_HOST)
        if not request.path.startswith("/api/"):
            return None
        origin = request.headers.get("Origin")
        elsewhere = origin is not None and urlsplit(origin).netloc != request.host
        if elsewhere or request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            return _problem(403, texts.OTHER_ORIGIN)
        given = request.headers.get(TOKEN_HEADER, "")
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            return _problem(403, texts.NO_TOKEN)
        return None

    async def _file(self, request: web.Request) -> web.Response:
        file = PAGE / FILES[request.path]
        return web.Response(body=file.read_bytes(), content_type=TYPES[file.suffix], charset="utf-8")

    async def _camera(self, request: web.Request) -> web.Response:  # noqa: ARG002  aiohttp's signature
        """What the page shows at its start."""
        self._touch()
        return web.json_response(
            {
                "name": self._subject.name,
                "title": self._subject.title,
                "shapes": drawing.shapes_of(self._drawn),
                "idle_s": self._idle_s,
            }
        )

    async def _picture(self, request: web.Request) -> web.Response:
        """A JPEG with its meters in a header; 503 with reason and advice where there is none."""
        asked = await _body(request, requests.Picture)
        if asked.touched:
            self._touch()
        began_s = time.monotonic()
        try:
            frame = await self._looking.look()
        except DriverError as error:
            advice = texts.advice(error.reason, self._subject.name, self._subject.host)
            return _problem(503, str(error), reason=error.reason, advice=advice, left_s=round(self.left_s))
        return await self._pictured(frame, asked, began_s)

    async def _pictured(self, frame: Frame, asked: requests.Picture, began_s: float) -> web.Response:
        seen = await asyncio.to_thread(make, frame, asked)
        meters = {**seen.meters, "left_s": round(self.left_s), "took_s": round(time.monotonic() - began_s, 3)}
        headers = {METERS_HEADER: json.dumps(meters, separators=(",", ":"))}
        return web.Response(body=seen.jpeg, content_type="image/jpeg", headers=headers)

    async def _save(self, request: web.Request) -> web.Response:
        """200 with where it went; 422 with the mistakes."""
        asked = await _body(request, requests.Save)
        self._touch()
        try:
            drawn = drawing.check(asked.shapes)
        except Mistaken as error:
            return _problem(422, str(error), mistakes=[asdict(each) for each in error.mistakes])
        from agent.errors import ConfigError

        try:
            kept = await asyncio.to_thread(self._keep, drawn)
        except OSError as error:
            return _problem(409, unwritten(Path(error.filename or texts.CONFIGURATION), error).message)
        except ConfigError as error:
            return _problem(409, str(error))
        self._drawn = drawn
        return web.json_response(asdict(kept))

    async def _move(self, request: web.Request) -> web.Response:
        asked = await _body(request, requests.Move)
        nudge = {"pan": asked.pan, "tilt": asked.tilt, "zoom": asked.zoom, "for_s": NUDGE_S}
        return await self._turn(lambda turning: turning.move(**nudge))

    async def _goto(self, request: web.Request) -> web.Response:
        asked = await _body(request, requests.Goto)
        return await self._turn(lambda turning: turning.goto(asked.token))

    async def _turn(self, act: Callable[[Turning], Awaitable[None]]) -> web.Response:
        self._touch()
        if not isinstance(self._sight, Turning):
            return _problem(409, texts.NO_MOTORS)
        try:
            await act(self._sight)
        except DriverError as error:
            return _problem(503, str(error))
        return web.json_response({})

    async def _presets(self, request: web.Request) -> web.Response:  # noqa: ARG002  aiohttp's signature
        """{"presets": [...]}; null where the camera cannot be turned."""
        if not isinstance(self._sight, Turning):
            return web.json_response({"presets": None})
        try:
            found = await self._sight.presets()
        except DriverError:
            return web.json_response({"presets": None})
        return web.json_response({"presets": [{"token": p.token, "name": p.name or p.token} for p in found]})

    def _touch(self) -> None:
        self._touched_s = time.monotonic()


async def _body(request: web.Request, kind: type[Asked]) -> Asked:
    try:
        return checked_json(kind, await request.read())
    except ValidationError as error:
        why = error.errors(include_url=False)[0]["msg"]
        raise web.HTTPBadRequest(text=texts.NOT_JSON.format(why=why)) from None


def _problem(status: int, message: str, **more: Any) -> web.Response:  # noqa: ANN401  anything JSON can say
    return web.json_response({"message": message, **more}, status=status)


def _name(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
