"""The door for plug-ins: what a model says of a picture, in numbers. One: an ONNX model by its path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.frames import Pixels


class Watching(Protocol):
    """Looks at pictures one after the other."""

    def feed(self, at_ms: int, pixels: Pixels) -> Mapping[str, float]:
        """Suffix of a channel (`model_score.SUFFIX`) to number; empty where there is nothing to tell."""
        ...


class Output(StrEnum):
    """What the model's first output is."""

    SCORES = "scores"
    """One number for each label."""

    BOXES = "boxes"
    """Rows of x, y, width, height (middle first), perhaps objectness, and a score for each label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxSettings:
    """How a model wants its pictures: (pixel - mean) x scale, as blobFromImage of OpenCV has it."""

    path: Path
    labels: tuple[str, ...]
    """In the model's order; each is the suffix of a channel."""
    width: int
    height: int
    scale: float = 1 / 255
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """In the model's order of colours."""
    swap_rgb: bool = True
    """The model wants red first."""
    output: Output = Output.SCORES
    threshold: float = 0.5
    """From 0 to 1: boxes below it are not counted."""
    overlap: float = 0.45
    """Share of two boxes' union from which they are one."""

    def __post_init__(self) -> None:
        if not self.labels or len(set(self.labels)) != len(self.labels):
            raise ValueError("a model wants labels, each of them once")
        if self.width < 1 or self.height < 1:
            raise ValueError(f"a model's picture is not {self.width} x {self.height}")
        if not 0 < self.threshold < 1 or not 0 < self.overlap < 1:
            raise ValueError("threshold and overlap are above 0 and below 1")


def labels_of(path: Path) -> tuple[str, ...]:
    """The labels of a file, one a line, as suffixes: small letters, digits and _.

    Raises:
        ValueError: it cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"the labels {path} cannot be read: {error}") from None
    plain = (
        "".join(c if c.isascii() and c.isalnum() else "_" for c in line.strip().lower()) for line in lines
    )
    return tuple(each for each in plain if each)


class OnnxModel:
    """Scores, or how many there are, of each label. It remembers nothing.

    Raises:
        ValueError: the file is missing or no model that OpenCV reads, or its output does not fit the labels.
    """

    def __init__(self, settings: OnnxSettings) -> None:
        self.settings = settings
        if not settings.path.is_file():
            raise ValueError(f"there is no model {settings.path}")
        try:
            self._net = cv2.dnn.readNetFromONNX(str(settings.path))
        except cv2.error as error:
            raise ValueError(f"{settings.path} is no ONNX model that OpenCV reads: {_line(error)}") from None
        self.feed(0, np.zeros((settings.height, settings.width, 3), np.uint8))

    def feed(self, at_ms: int, pixels: Pixels) -> Mapping[str, float]:  # noqa: ARG002  Watching's
        """Label to score, or to the number of boxes.

        Raises:
            ValueError: the model cannot work on pictures of this size, or its output does not fit the labels.
        """
        wanted = self.settings
        size = wanted.width, wanted.height
        blob = cv2.dnn.blobFromImage(
            pixels, wanted.scale, size, wanted.mean, swapRB=wanted.swap_rgb, crop=False
        )
        try:
            self._net.setInput(blob)
            out = np.asarray(self._net.forward(), np.float32)
        except cv2.error as error:
            raise ValueError(f"{wanted.path} does not run at {size[0]} x {size[1]}: {_line(error)}") from None
        return self._scores(out) if wanted.output is Output.SCORES else self._counts(out)

    def _scores(self, out: NDArray[np.float32]) -> dict[str, float]:
        if out.size != len(self.settings.labels):
            raise ValueError(
                f"{self.settings.path} gives {out.size} scores for {len(self.settings.labels)} labels"
            )
        return dict(zip(self.settings.labels, map(float, out.ravel()), strict=True))

    def _counts(self, out: NDArray[np.float32]) -> dict[str, float]:
        labels = self.settings.labels
        fields = (4 + len(labels), 5 + len(labels))
        rows = (
            out.reshape(out.shape[-2:])
            if out.ndim >= 2 and out.size == out.shape[-1] * out.shape[-2]
            else out
        )
        if rows.ndim == 2 and rows.shape[1] not in fields and rows.shape[0] in fields:
            rows = rows.T
        if rows.ndim != 2 or rows.shape[1] not in fields:
            raise ValueError(
                f"{self.settings.path} gives {out.shape}, no boxes of {fields[0]} or {fields[1]} numbers"
            )
        scores = rows[:, -len(labels) :]
        if rows.shape[1] == fields[1]:
            scores = scores * rows[:, 4:5]
        return {label: float(self._count(rows[:, :4], scores[:, n])) for n, label in enumerate(labels)}

    def _count(self, boxes: NDArray[np.float32], scores: NDArray[np.float32]) -> int:
        good = scores >= self.settings.threshold
        corners = np.hstack((boxes[good, :2] - boxes[good, 2:] / 2, boxes[good, 2:]))
        kept: Any = cv2.dnn.NMSBoxes(
            corners.tolist(), scores[good].tolist(), self.settings.threshold, self.settings.overlap
        )
        return len(kept)


def _line(error: cv2.error) -> str:
    return " ".join(str(error).split())[:200]
