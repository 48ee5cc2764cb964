"""Reading one RTSP stream with FFmpeg: connect, packets, a key frame decoded. In a decoder process only."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import av
from av.logging import Capture

from drivers.cameras.jpeg import MOST_PIXELS
from drivers.cameras.streams.wire import Trouble

_OPTIONS = {
    "rtsp_transport": "tcp",
    "allowed_media_types": "video",
    "protocol_whitelist": "rtsp,rtp,tcp",
    # Hand on the first packet at once: what we need to know of the stream is in the SDP and the key frame.
    "probesize": "32",
    "analyzeduration": "0",
    "fpsprobesize": "0",
}
_STATUS = re.compile(r"failed: (\d{3})")
_MISSED = re.compile(r"missed (\d+) packets")
_JUMP_S = 5.0
_SHORTEST_SPAN_S = 0.2

Packet: TypeAlias = "av.Packet[av.VideoStream]"  # generic for the type checker only
Said = list[tuple[int, str, str]]


class StreamTrouble(Exception):
    """No picture, and why; never a text of FFmpeg's, which repeats the URL and the password in it."""

    def __init__(self, trouble: Trouble, code: int = 0) -> None:
        super().__init__(trouble)
        self.trouble = trouble
        self.code = code


class Meter:
    """Frames per second by the packets' time stamps, and how many packets were damaged, since `reset`."""

    def __init__(self) -> None:
        self._stamp: float | None = None
        self.reset()

    def reset(self) -> None:
        """Begin anew; the last stamp stays the mark for the next one."""
        self.span_s = 0.0
        self._steps = 0
        self.damaged = 0

    def feed(self, packet: Packet) -> None:
        """Count a packet; stamps that jump are not believed, nor those that go back a little (B frames)."""
        self.damaged += packet.is_corrupt
        stamp = packet.pts if packet.dts is None else packet.dts
        if stamp is None or packet.time_base is None:
            return
        now_s = float(stamp * packet.time_base)
        if self._stamp is not None and 0 < now_s - self._stamp < _JUMP_S:
            self.span_s += now_s - self._stamp
            self._steps += 1
        self._stamp = now_s

    @property
    def fps(self) -> float:
        """0 where too little was seen."""
        return self._steps / self.span_s if self.span_s >= _SHORTEST_SPAN_S else 0.0


@dataclass(frozen=True, slots=True)
class KeyFrame:
    """Encoded; `at` is when it came, seconds of time.monotonic()."""

    data: bytes
    pts: int | None
    at: float


class Reader:
    """The packets of a connected stream."""

    def __init__(self, container: av.container.InputContainer, said: Said) -> None:
        if not container.streams.video:
            raise StreamTrouble(Trouble.UNDECODABLE)
        self._container = container
        self._stream = container.streams.video[0]
        self._said = said
        self.meter = Meter()
        self.heard_at = time.monotonic()
        """When the last packet came."""
        self.key: KeyFrame | None = None
        """The newest that is whole; whoever decodes it sets it back."""
        self._coming: KeyFrame | None = None

    @property
    def codec(self) -> str:
        """`h264`, `h265`, or FFmpeg's name of another."""
        return self._stream.codec_context.name.replace("hevc", "h265")

    def packets(self) -> Iterator[Packet]:
        """Every packet as it comes, metered."""
        for packet in self._container.demux(self._stream):
            self.heard_at = time.monotonic()
            if not packet.size:  # PyAV's sign that the stream has ended
                return
            self.meter.feed(packet)
            self._count_complaints()
            self._gather(packet)
            yield packet

    def _gather(self, packet: Packet) -> None:
        """A key frame is whole when a packet with another stamp comes.

        FFmpeg cuts one up where a camera repeats the parameter sets before each slice (GStreamer's does).
        """
        coming = self._coming
        if coming is not None and (packet.pts is None or packet.pts != coming.pts):
            self.key, coming = coming, None
        if packet.is_keyframe:
            before = coming.data if coming else b""
            at = coming.at if coming else self.heard_at
            coming = KeyFrame(before + bytes(packet), packet.pts, at)
        self._coming = coming

    def decode(self, key: KeyFrame) -> av.VideoFrame | None:
        """The picture of a key frame, None if it cannot be decoded; what is wrong in it counts as damaged.

        The decoder is made for this one picture: it holds tens of megabytes.
        """
        decoder = av.CodecContext.create(self._stream.codec_context.name, "r")
        assert isinstance(decoder, av.VideoCodecContext)  # noqa: S101  for the type checker
        decoder.extradata = self._stream.codec_context.extradata
        decoder.thread_count = 1
        decoder.options = {"max_pixels": str(MOST_PIXELS)}
        try:
            frames = decoder.decode(av.Packet(key.data)) + decoder.decode(None)
        except av.FFmpegError:
            frames = []
        self._count_complaints()
        if not frames:
            self.meter.damaged += 1
            return None
        return frames[0]

    def _count_complaints(self) -> None:
        """What FFmpeg says of lost RTP packets, and of macroblocks that it had to make up."""
        for _, _, text in self._said:
            if missed := _MISSED.search(text):
                self.meter.damaged += int(missed[1])
            elif "concealing" in text:
                self.meter.damaged += 1
        self._said.clear()


@contextmanager
def connected(url: str, timeout_s: float) -> Iterator[Reader]:
    """An RTSP session over TCP, ended with TEARDOWN; `timeout_s` for the connection, then for each packet.

    Raises:
        StreamTrouble: on the way in, or while packets are read.
    """
    reader: Reader | None = None
    began = time.monotonic()
    with Capture(local=True) as said:
        try:
            with av.open(url, options=_OPTIONS, timeout=timeout_s) as container:
                reader = Reader(container, said)
                yield reader
        except av.FFmpegError as error:
            quiet_s = time.monotonic() - (reader.heard_at if reader else began)
            raise _trouble(error, said, late=quiet_s >= timeout_s) from None
        except UnicodeError:  # of a text in the SDP
            raise StreamTrouble(Trouble.UNDECODABLE) from None


def _status(error: av.FFmpegError) -> int:
    """Where FFmpeg did not log it."""
    known: dict[type, int] = {
        av.error.HTTPUnauthorizedError: 401,
        av.error.HTTPForbiddenError: 403,
        av.error.HTTPNotFoundError: 404,
    }
    return known.get(type(error), 400)


def _trouble(error: av.FFmpegError, said: Said, *, late: bool) -> StreamTrouble:
    """PyAV interrupts FFmpeg at the deadline, which then reports whatever it was doing."""
    statuses = [found[1] for _, _, text in said if (found := _STATUS.search(text))]
    if isinstance(error, av.error.HTTPError | av.error.HTTPClientError | av.error.HTTPServerError):
        return StreamTrouble(Trouble.REFUSED, int(statuses[-1]) if statuses else _status(error))
    if late or isinstance(error, av.error.TimeoutError | av.error.ExitError):
        return StreamTrouble(Trouble.TIMEOUT)
    if isinstance(error, OSError | EOFError):
        return StreamTrouble(Trouble.CLOSED, max(error.errno or 0, 0) if isinstance(error, OSError) else 0)
    return StreamTrouble(Trouble.UNDECODABLE)
