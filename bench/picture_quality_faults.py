"""What is done to a camera, which label is right for it, and fixed thresholds to compare with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from bench.picture_quality_scenes import HEIGHT, WIDTH, Image, Spoiling
from pipelines.vision.quality.faults import PictureFault as Fault

Make = Callable[[np.random.Generator], Spoiling]
"""Drawn at random for one run."""


@dataclass(frozen=True, slots=True)
class Case:
    """One fault, and the labels that are right for it."""

    name: str
    right: tuple[Fault, ...]
    make: Make
    by: str = ""
    """`day`, `infrared` or `colour`: the only time at which it is one."""
    held: bool = False
    """The picture stands still."""


def _sized(random: np.random.Generator, least: float, most: float) -> float:
    return float(random.uniform(least, most)) * (1 if random.random() < 0.5 else -1)


def _moved(random: np.random.Generator, least: float, most: float) -> Spoiling:
    """By so much of the width, to a side, mostly; the world has no more to show above and below."""
    return Spoiling(shift=(_sized(random, least, most), float(random.uniform(-0.04, 0.04))))


def _cover(random: np.random.Generator, share: float) -> Callable[[Image], Image]:
    """A side or a corner of the view is hidden by something dull, with or without a pattern."""
    kind = int(random.integers(0, 3))
    tone = random.uniform(20, 160, 3).astype(np.float32)
    rough = float(random.choice([0.0, 6.0, 20.0]))
    pattern = cv2.GaussianBlur(random.standard_normal((HEIGHT, WIDTH)).astype(np.float32), (0, 0), 5)
    body = tone + (pattern / pattern.std() * rough)[:, :, None]
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    if kind == 0:
        mask[:, : int(WIDTH * share)] = 1
    elif kind == 1:
        mask[int(HEIGHT * (1 - share)) :] = 1
    else:
        side = share**0.5
        mask[int(HEIGHT * (1 - side)) :, int(WIDTH * (1 - side)) :] = 1
    if random.random() < 0.5:
        mask = mask[:, ::-1].copy()
    soft = cv2.GaussianBlur(mask, (0, 0), 4)[:, :, None]
    return lambda view: view * (1 - soft) + body * soft


def _stripes(random: np.random.Generator) -> Image:
    """Bars across or upright, of 20 to 30 grey levels: even waves, square ones, or single bands."""
    across = random.random() < 0.5
    length = HEIGHT if across else WIDTH
    place = np.arange(length)
    wave = np.sin(2 * np.pi * place / random.uniform(5, 30) + random.uniform(0, 6))
    kind = int(random.integers(0, 3))
    if kind == 1:
        wave = np.sign(wave)
    elif kind == 2:
        wave = np.zeros(length)
        for start in random.integers(0, length - 12, 12):
            wave[start : start + int(random.integers(3, 12))] = 1 if random.random() < 0.5 else -1
    line = (wave * random.uniform(20, 30)).astype(np.float32)
    return np.repeat(line[:, None], WIDTH, axis=1) if across else np.repeat(line[None], HEIGHT, axis=0)


def _gains(random: np.random.Generator) -> tuple[float, float, float]:
    return ((0.7, 0.95, 1.5), (1.45, 0.9, 0.75), (0.75, 1.3, 0.8))[int(random.integers(0, 3))]


def _full(random: np.random.Generator) -> Spoiling:
    return Spoiling(cover=_cover(random, 1.0))


DARK_BY = (Fault.BLACK, Fault.NIGHT_VISION)
CASES = (
    Case("black", (Fault.BLACK,), lambda r: Spoiling(gain=0.0, lift=float(r.uniform(0, 12)))),
    Case("dark, x 0.22", DARK_BY, lambda _: Spoiling(gain=0.22)),
    Case("over-bright, x 2.2 + 40", (Fault.OVER_BRIGHT,), lambda _: Spoiling(gain=2.2, lift=40)),
    Case("colour cast", (Fault.COLOUR_CAST,), lambda r: Spoiling(channels=_gains(r)), by="colour"),
    Case("noise, sigma 25", (Fault.NOISE,), lambda _: Spoiling(noise=25)),
    Case("snow, 10 %", (Fault.NOISE,), lambda _: Spoiling(snow=0.1)),
    Case("stripes, 20 to 30 grey", (Fault.STRIPES,), lambda r: Spoiling(stripes=_stripes(r))),
    Case("defocus, sigma 2", (Fault.DEFOCUS,), lambda _: Spoiling(blur=2.0)),
    Case("defocus, sigma 3 to 8", (Fault.DEFOCUS,), lambda r: Spoiling(blur=float(r.uniform(3, 8)))),
    Case("moved, 5 to 7 %", (Fault.MOVED,), lambda r: _moved(r, 0.052, 0.07)),
    Case("moved, 7 to 12 %", (Fault.MOVED,), lambda r: _moved(r, 0.07, 0.12)),
    Case("occluded, 50 to 75 %", (Fault.OCCLUDED,),
         lambda r: Spoiling(cover=_cover(r, float(r.uniform(0.5, 0.75))))),
    Case("occluded, all", (Fault.OCCLUDED, Fault.MOVED), _full),
    Case("frozen, clock ticks", (Fault.FROZEN,), lambda _: Spoiling(), held=True),
    Case("grey by day", (Fault.NIGHT_VISION,), lambda _: Spoiling(infrared=True), by="day"),
    Case("infrared lamp out", DARK_BY, lambda _: Spoiling(lamp=0.06), by="infrared"),
    Case("colour by night", (Fault.NIGHT_VISION, Fault.BLACK), lambda _: Spoiling(infrared=False),
         by="infrared"),
)  # fmt: skip


TOLD_BY = {Fault.DEFOCUS: "focus_told", Fault.OCCLUDED: "view_told", Fault.MOVED: "shift_told"}
"""The figure that is 0 where such a fault cannot be told."""


def fixed(picture: Image, before: Image | None) -> Fault | None:
    """A vendor's published rule: one threshold each, the same for every camera; and a Laplacian below 100."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    mean, spread = float(grey.mean()), float(grey.std())
    alike = 0.0 if before is None else float((np.abs(picture.astype(np.int16) - before) <= 1).mean())
    fine = float((np.abs(grey.astype(np.float32) - cv2.blur(grey.astype(np.float32), (3, 3))) > 25).mean())
    lab = cv2.cvtColor(picture, cv2.COLOR_BGR2LAB).reshape(-1, 3).astype(np.float32)[:, 1:] - 128
    tint, scatter = (float(np.linalg.norm(each)) for each in (lab.mean(axis=0), lab.std(axis=0)))
    rules = (
        (Fault.BLACK, mean < 30),
        (Fault.OVER_BRIGHT, mean > 220),
        (Fault.FROZEN, alike > 0.95),
        (Fault.NOISE, fine > 0.15),
        (Fault.COLOUR_CAST, tint > 1.5 * scatter + 1),
        (Fault.DEFOCUS, spread < 25 or float(cv2.Laplacian(grey, cv2.CV_64F).var()) < 100),
    )
    return next((fault for fault, broken in rules if broken), None)
