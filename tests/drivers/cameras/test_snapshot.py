"""Snapshots from an HTTP server that answers like cameras do, good and bad."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time

import cv2
import numpy as np
import pytest
from aiohttp import web
from fakes.ports import listen

from drivers.cameras.access import Credentials, Trust
from drivers.cameras.snapshot import Snapshot, decode
from drivers.errors import BadConfig, Garbled, LinkClosed, LinkTimeout, Refused, Unauthorised

ADMIN = Credentials("admin", "s3cret pass")
PICTURE = np.full((90, 160, 3), (200, 60, 20), np.uint8)
JPEG = cv2.imencode(".jpg", PICTURE)[1].tobytes()


@pytest.fixture
async def serve():
    """Serves one handler at every path; gives its address."""
    runners = []

    async def start(handler):
        async def answer(request):
            return await handler(request)

        runner = web.ServerRunner(web.Server(answer), shutdown_timeout=0.1)
        runners.append(runner)
        await runner.setup()
        socket = listen("127.0.0.1")
        await web.SockSite(runner, socket).start()
        return f"http://127.0.0.1:{socket.getsockname()[1]}/snap.jpg"

    yield start
    for runner in runners:
        await runner.cleanup()


async def taken(uri, credentials=ADMIN, timeout_s=3.0, **options):
    async with Snapshot(uri, credentials, Trust(), timeout_s=timeout_s, **options) as snapshot:
        return await snapshot.take()


def body(data, status=200, **headers):
    async def handler(_request):
        return web.Response(body=data, status=status, headers=headers)

    return handler


def digest_user(request, nonce, realm="cam"):
    """Whether the request is signed rightly for ADMIN (RFC 2617, qop=auth)."""
    fields = dict(re.findall(r'(\w+)="?([^",]*)"?', request.headers.get("Authorization", "")))
    if fields.get("nonce") != nonce:
        return False
    first = hashlib.md5(f"admin:{realm}:{ADMIN.password}".encode()).hexdigest()
    second = hashlib.md5(f"GET:{request.path_qs}".encode()).hexdigest()
    text = f"{first}:{nonce}:{fields['nc']}:{fields['cnonce']}:auth:{second}"
    return fields["response"] == hashlib.md5(text.encode()).hexdigest()


async def test_a_jpeg_is_taken_whatever_it_is_called_and_what_follows_it_is_cut(serve):
    uri = await serve(body(JPEG + b"\0\0\r\n", **{"Content-Type": "text/html"}))
    jpeg = await taken(uri)
    assert jpeg == JPEG
    assert decode(jpeg).shape == PICTURE.shape
    assert np.abs(decode(jpeg).astype(int) - PICTURE).max() < 8


async def test_digest_is_chosen_over_basic_and_asked_for_once(serve):
    asked = []

    async def handler(request):
        asked.append(request.headers.get("Authorization", "")[:6])
        if digest_user(request, "n1"):
            return web.Response(body=JPEG)
        response = web.Response(status=401)
        response.headers.add("WWW-Authenticate", 'Basic realm="cam"')
        response.headers.add("WWW-Authenticate", 'Digest realm="cam", nonce="n1", qop="auth"')
        return response

    uri = await serve(handler)
    async with Snapshot(f"{uri}?channel=1&x=%2F", ADMIN, Trust(), timeout_s=3.0) as snapshot:
        assert [await snapshot.take() for _ in range(3)] == [JPEG] * 3
    assert asked == ["", "Digest", "Digest", "Digest"]


async def test_a_new_nonce_is_taken_up(serve):
    nonces = iter("abcdefgh")
    now = next(nonces)

    async def handler(request):
        nonlocal now
        good, now = digest_user(request, now), next(nonces)
        if good:
            return web.Response(body=JPEG)
        challenge = f'Digest realm="cam", nonce="{now}", qop="auth", stale=true'
        return web.Response(status=401, headers={"WWW-Authenticate": challenge})

    uri = await serve(handler)
    async with Snapshot(uri, ADMIN, Trust(), timeout_s=3.0) as snapshot:
        assert [await snapshot.take() for _ in range(2)] == [JPEG] * 2


async def test_basic_is_tried_once_where_nothing_else_is_offered(serve):
    tried = []

    async def handler(request):
        if request.headers.get("Authorization") == "Basic YWRtaW46czNjcmV0IHBhc3M=":
            return web.Response(body=JPEG)
        tried.append(request.headers.get("Authorization"))
        return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="cam"'})

    uri = await serve(handler)
    assert await taken(uri) == JPEG
    tried.clear()
    with pytest.raises(Unauthorised, match="does not accept"):
        await taken(uri, Credentials("admin", "wrong"))
    assert len(tried) == 2
    with pytest.raises(Unauthorised, match="wants a user"):
        await taken(uri, None)


@pytest.mark.parametrize(
    ("status", "error"), [(403, Unauthorised), (404, Refused), (500, Refused), (503, Refused), (418, Refused)]
)
async def test_a_refusal_tells_its_status(serve, status, error):
    with pytest.raises(error) as caught:
        await taken(await serve(body(b"", status)))
    assert caught.value.code == status


NOISE = np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)
THUMBNAIL = cv2.imencode(".jpg", NOISE)[1].tobytes()
# A cut picture whose EXIF segment holds a whole small one.
WITH_THUMBNAIL = JPEG[:2] + b"\xff\xe1" + (len(THUMBNAIL) + 2).to_bytes(2, "big") + THUMBNAIL + JPEG[2:-2]
HUGE = JPEG.replace((90).to_bytes(2, "big") + (160).to_bytes(2, "big"), b"\xff\xff\xff\xff")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "nothing"),
        (b"\r\n<!DOCTYPE html><title>login</title>", "web page"),
        (JPEG[: len(JPEG) // 2], "cut off"),
        (JPEG[:-2], "cut off"),
        (JPEG[:3], "cut off"),
        (WITH_THUMBNAIL, "cut off"),
        (b"\x89PNG\r\n\x1a\n", "no JPEG"),
        (b"\xff\xd8 and then nothing of the kind", "no JPEG"),
        (HUGE, "65535 x 65535"),
    ],
)
async def test_what_is_no_whole_picture_is_garbled(serve, data, says):
    with pytest.raises(Garbled, match=says):
        await taken(await serve(body(data, **{"Content-Type": "image/jpeg"})))


async def test_a_body_without_end_is_not_read(serve):
    async def handler(request):
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(JPEG[:-2])
        while True:
            await response.write(b"\0" * 65536)

    with pytest.raises(Garbled, match="more than 1000000 bytes"):
        await taken(await serve(handler), most_bytes=1_000_000)


async def test_a_redirect_is_followed_on_the_same_host_only(serve):
    async def handler(request):
        if request.path == "/snap.jpg":
            raise web.HTTPFound("/new.jpg")
        if request.path == "/far.jpg":
            raise web.HTTPFound("http://user:hidden@192.0.2.1/")
        if request.path == "/round.jpg":
            raise web.HTTPFound("/round.jpg")
        return web.Response(body=JPEG)

    uri = await serve(handler)
    assert await taken(uri) == JPEG
    with pytest.raises(Refused, match=r"192\.0\.2\.1") as caught:
        await taken(uri.replace("snap", "far"))
    assert "hidden" not in str(caught.value)
    with pytest.raises(Refused, match="from one address to the next"):
        await taken(uri.replace("snap", "round"))


async def test_silence_hanging_up_and_nobody_there(serve):
    async def silent(_request):
        await asyncio.sleep(30)

    async def hangs_up(request):
        response = web.StreamResponse(headers={"Content-Length": "9999"})
        await response.prepare(request)
        await response.write(JPEG[:100])
        request.transport.abort()
        return response

    began = time.monotonic()
    with pytest.raises(LinkTimeout):
        await taken(await serve(silent), timeout_s=0.3)
    assert time.monotonic() - began < 1.0
    with pytest.raises(LinkClosed, match="hung up"):
        await taken(await serve(hangs_up))
    with pytest.raises(LinkClosed, match="refused"):
        await taken("http://127.0.0.1:9/")
    for uri in ("rtsp://host/", "/snap.jpg", "http://"):
        with pytest.raises(BadConfig):
            Snapshot(uri, ADMIN, Trust(), timeout_s=1.0)


async def test_no_message_holds_the_password(serve):
    uri = (await serve(body(b"", 404))).replace("127", "admin:s3cret@127") + "?user=admin&password=s3cret"
    with pytest.raises(Refused) as caught:
        await taken(uri)
    assert "s3cret" not in str(caught.value)


def test_what_opencv_cannot_decode_is_garbled():
    with pytest.raises(Garbled):
        decode(JPEG[:40])
    with pytest.raises(Garbled):
        decode(b"")
