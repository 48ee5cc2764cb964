"""What a decoder makes of the packets of a stream, here of a file in memory."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest

from drivers.cameras.streams import reading
from drivers.cameras.streams.reading import Reader


@pytest.fixture
def clip() -> io.BytesIO:
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(2):
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    file.seek(0)
    return file


@pytest.mark.parametrize(("most", "decoded"), [(64 * 48 * 4, True), (64 * 40, False)])
def test_a_picture_of_too_many_pixels_is_not_decoded(clip, monkeypatch, most, decoded):
    monkeypatch.setattr(reading, "MOST_PIXELS", most)
    with av.open(clip) as container:
        reader = Reader(container, [])
        keys = [key for _ in reader.packets() if (key := reader.key)]
        frame = reader.decode(keys[0])
        assert (frame is not None, reader.meter.damaged) == (decoded, 0 if decoded else 1)
