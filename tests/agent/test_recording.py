"""Recordings: what tail writes comes back, CSV too, plain or gzipped; mistakes have a file and a line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.recording import EMPTY, BadRecording, Channel, Recording
from drivers.readings import Quality, Reading, Sample

AT_MS = 1_795_420_800_000
HEAD = {"channels": {"level": {"water_level": {"unit": "m", "decimals": 3}}}}
GOOD = {"device": "level", "at_ms": AT_MS, "seq": 1, "readings": [["water_level", 1.25, 1, ""]]}
CSV = """\
time,level.water_level,rain.rainfall_total,level.state
2026-11-23T08:00:00Z,1.5,0,true
2026-11-23T16:00:01.250+08:00,,0.2,false
1795420802000,1.75,nan,
"""


def written(path: Path, *items: Any) -> Path:
    path.write_text("".join(f"{json.dumps(item)}\n" for item in items))
    return path


def read(path: Path) -> list[Sample]:
    with Recording(path) as recording:
        return list(recording.samples())


values = (
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False, allow_infinity=False)
)
readings = st.builds(
    Reading, st.sampled_from(["water_level", "air_temperature"]), values | st.text(max_size=5),
    st.sampled_from(list(Quality)), st.sampled_from(["", "spike"]),
)  # fmt: skip
samples = st.builds(
    Sample, st.sampled_from(["level", "wind"]), st.integers(0, 2**43), st.just(True), st.integers(1, 2**40),
    st.lists(readings, max_size=4).map(tuple),
)  # fmt: skip


@given(st.lists(samples, max_size=20), st.booleans())
def test_what_tail_writes_comes_back(tmp_path_factory: Any, sent: list[Sample], zipped: bool) -> None:
    path = tmp_path_factory.mktemp("day") / "day.jsonl"
    lines = [
        HEAD,
        *({"device": s.device, "at_ms": s.at_ms, "seq": s.seq, "readings": s.readings} for s in sent),
    ]
    written(path, *lines)
    if zipped:
        path.write_bytes(gzip.compress(path.read_bytes()))
    assert read(path) == sent


def test_channels_are_known_from_the_first_line_and_from_recordings_put_behind(tmp_path: Path) -> None:
    more = {"channels": {"rain": {"rainfall_total": {"unit": "mm", "decimals": 1}}}}
    path = written(tmp_path / "both.jsonl", HEAD, GOOD, more, GOOD)
    with Recording(path) as recording:
        assert recording.channels == {"level": {"water_level": Channel("m", 3)}}
        assert len(list(recording.samples())) == 2
        assert recording.channels["rain"] == {"rainfall_total": Channel("mm", 1)}


def test_it_is_read_a_line_at_a_time(tmp_path: Path) -> None:
    path = written(tmp_path / "day.jsonl", HEAD, *[GOOD] * 20_000)
    with Recording(path) as recording:
        stream = recording.samples()
        next(stream)
        assert recording.share < 0.5
        assert sum(1 for _ in stream) == 19_999
        assert recording.share == 1.0


@pytest.mark.parametrize("zipped", [False, True])
def test_csv(tmp_path: Path, zipped: bool) -> None:
    raw = f"\ufeff{CSV}".encode()
    path = tmp_path / "day.csv"
    path.write_bytes(gzip.compress(raw) if zipped else raw)
    with Recording(path) as recording:
        assert recording.channels == {
            "level": {"water_level": Channel("m", 3), "state": Channel()},
            "rain": {"rainfall_total": Channel("mm", 1)},
        }
        found = list(recording.samples())
    missing = Reading("water_level", None, Quality.MISSING, EMPTY)
    assert found == [
        Sample("level", AT_MS, True, 1, (Reading("water_level", 1.5), Reading("state", True))),
        Sample("rain", AT_MS, True, 1, (Reading("rainfall_total", 0.0),)),
        Sample("level", AT_MS + 1250, True, 2, (missing, Reading("state", False))),
        Sample("rain", AT_MS + 1250, True, 2, (Reading("rainfall_total", 0.2),)),
        Sample("level", AT_MS + 2000, True, 3, (Reading("water_level", 1.75), Reading("state", None, Quality.MISSING, EMPTY))),
        Sample("rain", AT_MS + 2000, True, 3, (Reading("rainfall_total", None, Quality.MISSING, EMPTY),)),
    ]  # fmt: skip


SAMPLE = (
    'expected a sample {"device", "at_ms", "seq", "readings"} with readings [channel, value, quality, test]'
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1: expected channels or a heading, got an empty file"),
        ('{"device": "a"}\n', '1: expected {"channels": ...} first, as polegate tail --json writes it, got {"device": "a"}'),
        ('{"channels": [1]}\n', '1: expected {"channels": {device: {channel: {"unit", "decimals"}}}}, got [1]'),
        (f"{json.dumps(HEAD)}\n\n{{oops\n", "3: expected a line of JSON, got {oops"),
        (f"{json.dumps(HEAD)}\n[]\n", "2: expected a JSON object, got []"),
        (f'{json.dumps(HEAD)}\n{{"device": "a"}}\n', f'2: {SAMPLE}, got {{"device": "a"}}'),
        (json.dumps(HEAD) + '\n{"device":"a","at_ms":1,"seq":1,"readings":[["c",1,7,""]]}', f"2: {SAMPLE}, got"),
        (json.dumps(HEAD) + '\n{"device":"a","at_ms":1,"seq":1,"readings":[["c",[],1,""]]}', "2: expected a number, a text, true, false or null for c, got []"),
        ("hello\n", "1: expected JSON lines, or a heading time,device.channel,..., got hello"),
        ("time,level\n", '1: expected a column device.channel, got "level"'),
        ("time,a.b,a.b\n", "1: expected each channel once, got a.b twice"),
        ("time,a.b\n1,2,3\n", "2: expected 2 cells, got 3"),
        ("time,a.b\n\n2026-11-23T08:00:00,2\n", '3: expected a time such as 2026-11-23T08:00:00Z, or ms since 1970, got "2026-11-23T08:00:00"'),
        ("time,a.b\nnoon,2\n", 'got "noon"'),
        ("time,a.b\n1,two\n", '2: expected a number, true, false or nothing for b, got "two"'),
        ("time,a.b\n1,inf\n", '2: expected a number, true, false or nothing for b, got "inf"'),
        ('time,a.b\n1,"2"x\n', "2: expected CSV, got"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_file_and_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "day"
    path.write_text(text)
    with pytest.raises(BadRecording) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}:")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "damage", [lambda raw: raw[: len(raw) // 2], lambda raw: raw[:40] + b"\xff" * 40 + raw[80:]]
)
def test_a_damaged_archive_is_told_with_its_line(tmp_path: Path, damage: Any) -> None:
    path = written(tmp_path / "day.gz", HEAD, *({**GOOD, "seq": n} for n in range(2000)))
    path.write_bytes(damage(gzip.compress(path.read_bytes())))
    with pytest.raises(BadRecording, match=r"day\.gz:\d+: expected a whole file"):
        read(path)


def test_what_is_no_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    path.write_bytes(b"time,a.b\n1,\xff\n")
    with pytest.raises(BadRecording, match="2: expected UTF-8"):
        read(path)
