"""Short H.264 and H.265 clips of a moving test picture, one access unit a piece, to be played in a loop."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

import av
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

Codec = Literal["h264", "h265"]
_ENCODERS = {"h264": "libx264", "h265": "libx265"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """What to encode; `hue` (0 to 255) is the share of blue, `noise` the grain that costs bits.

    `gop_s` is the distance of the key frames, `bit_rate` in bit/s, 0 for what the quality takes.
    """

    codec: Codec = "h264"
    width: int = 640
    height: int = 360
    fps: int = 25
    seconds: int = 2
    gop_s: float = 1.0
    hue: int = 40
    noise: int = 0
    bit_rate: int = 0
    slices: int = 1

    def file(self, folder: Path) -> Path:
        """The clip in `folder`, made now if it is not there: a line of JSON, then the access units.

        The line is {"codec", "fps", "sizes"}: the bytes of each access unit, Annex B, with parameter sets
        before every key frame.
        """
        name = "-".join(str(value) for value in asdict(self).values())
        file = folder / f"{name}.clip"
        if not file.exists():
            units = self._encode()
            head = {"codec": self.codec, "fps": self.fps, "sizes": [len(unit) for unit in units]}
            folder.mkdir(parents=True, exist_ok=True)
            half = file.with_suffix(".half")
            half.write_bytes(b"\n".join([json.dumps(head).encode(), b"".join(units)]))
            half.rename(file)
        return file

    def _encode(self) -> list[bytes]:
        encoder = av.CodecContext.create(_ENCODERS[self.codec], "w")
        assert isinstance(encoder, av.VideoCodecContext)
        encoder.width, encoder.height, encoder.pix_fmt = self.width, self.height, "yuv420p"
        encoder.time_base, encoder.framerate = Fraction(1, self.fps), Fraction(self.fps)
        gop = round(self.gop_s * self.fps)
        encoder.gop_size, encoder.max_b_frames = gop, 0
        if self.bit_rate:
            encoder.bit_rate = self.bit_rate
        encoder.options = self._options(gop)
        units = []
        for index in range(self.fps * self.seconds):
            frame = av.VideoFrame.from_ndarray(self.picture(index), format="bgr24")
            frame.pts = index
            units += [bytes(packet) for packet in encoder.encode(frame)]
        return units + [bytes(packet) for packet in encoder.encode(None)]

    def _options(self, gop: int) -> dict[str, str]:
        if self.codec == "h264":
            options = {
                "preset": "veryfast",
                "profile": "main",
                "sc_threshold": "0",
                "tune": "zerolatency",
                "x264-params": f"sliced-threads=0:slices={self.slices}",
            }
            if self.bit_rate:
                options |= {"maxrate": str(self.bit_rate), "bufsize": str(self.bit_rate)}
            return options
        return {
            "preset": "ultrafast",
            "x265-params": f"log-level=none:keyint={gop}:min-keyint={gop}:scenecut=0:bframes=0:repeat-headers=1"
            ":pools=none:frame-threads=1",
        }

    def picture(self, index: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        """A slope of light with a white block that moves; blue is `hue` everywhere."""
        across = np.linspace(20, 220, self.width, dtype=np.uint8)
        picture = np.empty((self.height, self.width, 3), np.uint8)
        picture[:, :, 0], picture[:, :, 1], picture[:, :, 2] = self.hue, across, across[::-1]
        side = self.height // 4
        left = (index * 7) % (self.width - side)
        picture[side : 2 * side, left : left + side] = 235
        if self.noise:
            grain = np.random.default_rng(index).integers(0, self.noise, picture.shape, np.uint8)
            picture = np.clip(picture.astype(np.int16) + grain - self.noise // 2, 0, 255).astype(np.uint8)
        return picture
