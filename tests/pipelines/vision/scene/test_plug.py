"""A model of others says numbers of a picture; a file that is none is told at the start."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.vision.scene.plug import OnnxModel, OnnxSettings, Output, labels_of


def varint(number: int) -> bytes:
    return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + varint(number >> 7)


def field(number: int, value: int | str | bytes) -> bytes:
    """Of protocol buffers: a varint, or bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    raw = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def tensor(name: str, *shape: int) -> bytes:
    dims = b"".join(field(1, field(1, size)) for size in shape)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, dims)))


def node(kind: str, source: str, target: str, attributes: bytes = b"") -> bytes:
    return field(1, field(1, source) + field(2, target) + field(3, target) + field(4, kind) + attributes)


def model(nodes: bytes, given: bytes, said: bytes) -> bytes:
    graph = nodes + field(2, "g") + field(11, given) + field(12, said)
    return field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 13))


MEANS = model(
    node("GlobalAveragePool", "x", "p") + node("Flatten", "p", "y"),
    tensor("x", 1, 3, 4, 6),
    tensor("y", 1, 3),
)
"""The mean of each colour."""
ITSELF = model(node("Relu", "x", "y"), tensor("x", 1, 3, 4, 6), tensor("y", 1, 3, 4, 6))


@pytest.fixture
def file(tmp_path):
    def made(raw: bytes):
        path = tmp_path / "model.onnx"
        path.write_bytes(raw)
        return path

    return made


def settings(path, **more) -> OnnxSettings:
    return OnnxSettings(
        **({"path": path, "labels": ("red", "green", "blue"), "width": 6, "height": 4} | more)
    )


def test_scores_come_by_label_with_red_first_scaled_and_resized(file):
    picture = np.full((480, 720, 3), (0, 51, 255), np.uint8)
    got = OnnxModel(settings(file(MEANS))).feed(0, picture)
    assert got == pytest.approx({"red": 1.0, "green": 0.2, "blue": 0.0}, abs=1e-5)


def test_mean_scale_and_order_of_colours_are_the_models(file):
    picture = np.full((48, 72, 3), (10, 60, 250), np.uint8)
    got = OnnxModel(settings(file(MEANS), swap_rgb=False, scale=0.1, mean=(10, 20, 50))).feed(0, picture)
    assert list(got.values()) == pytest.approx([0, 4, 20], abs=1e-4)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"no model at all", "no ONNX model"),
        (b"", "no ONNX model"),
        (MEANS[:40], "no ONNX model|does not run|gives"),
    ],
)
def test_a_file_that_is_no_model_is_told_at_the_start(file, raw, why):
    with pytest.raises(ValueError, match=why):
        OnnxModel(settings(file(raw)))


def test_a_missing_file_and_labels_that_do_not_fit_are_told(file, tmp_path):
    with pytest.raises(ValueError, match="there is no model"):
        OnnxModel(settings(tmp_path / "none.onnx"))
    with pytest.raises(ValueError, match="gives 3 scores for 2 labels"):
        OnnxModel(settings(file(MEANS), labels=("smoke", "none")))
    with pytest.raises(ValueError, match="no boxes of 7 or 8 numbers"):
        OnnxModel(settings(file(ITSELF), output=Output.BOXES))
    with pytest.raises(ValueError, match="each of them once"):
        settings(file(MEANS), labels=("a", "a"))


def test_boxes_above_the_threshold_are_counted_once_each(file):
    """The model hands its picture on: a grey row is a box of x, y, width, height and the score of a person."""
    path = file(model(node("Relu", "x", "y"), tensor("x", 1, 1, 4, 5), tensor("y", 1, 1, 4, 5)))
    rows = np.array(
        [[100, 100, 40, 80, 230], [104, 100, 40, 80, 200], [20, 200, 40, 80, 180], [220, 20, 10, 10, 90]],
        np.uint8,
    )
    it = OnnxModel.__new__(OnnxModel)
    it.settings = settings(path, labels=("person",), output=Output.BOXES)
    plain = rows.astype(np.float32)
    plain[:, 4] /= 255
    assert it._counts(plain[None]) == {"person": 2.0}
    assert it._counts(plain.T[None]) == {"person": 2.0}
    doubted = np.insert(plain, 4, 0.6, axis=1)
    assert it._counts(doubted[None]) == {"person": 1.0}


def test_labels_become_suffixes(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_text("Person\ntraffic light\n\nsmoke\n")
    assert labels_of(path) == ("person", "traffic_light", "smoke")
    with pytest.raises(ValueError, match="cannot be read"):
        labels_of(tmp_path / "none.txt")
