"""Rendered scenes whose truth is known: a staff gauge in water, and a road that floods.

All in the plane of the wall, or of the road: mirrored in the water a wall is its own plane turned over, so
that a texture with its reflection, seen through one homography, is right in perspective.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Plane = NDArray[np.float32]

PER_M = 250
"""Texture pixels to a metre."""


def clouds(
    rng: np.random.Generator, height: int, width: int, *, coarsest: int = 6, roughness: float = 0.6
) -> Plane:
    """Noise of all sizes, mean 0 and spread 1."""
    out = np.zeros((height, width), np.float32)
    for octave in range(coarsest + 1):
        size = max(2, width >> octave), max(2, height >> octave)
        fine = rng.normal(0, 1, (size[1], size[0])).astype(np.float32)
        out += cv2.resize(fine, (width, height), interpolation=cv2.INTER_LINEAR) * roughness ** (
            coarsest - octave
        )
    return np.asarray((out - out.mean()) / (out.std() + 1e-6), np.float32)


def finished(
    picture: Plane, rng: np.random.Generator, *, gain: float, noise: float, blur: float, jpeg: int
) -> Pixels:
    """What a camera makes of it: lens, exposure, noise, JPEG."""
    if blur > 0:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), blur), np.float32)
    seen = picture * gain + rng.normal(0, noise, picture.shape)
    raw = cv2.imencode(".jpg", np.clip(seen, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, jpeg])[1]
    return np.asarray(cv2.imdecode(raw, cv2.IMREAD_COLOR), np.uint8)


@dataclass(frozen=True, slots=True)
class Staff:
    """A staff of 3 m on a wall in water, seen by a camera. All but `seed` is drawn where it is not given."""

    seed: int
    level_m: float = 1.2
    width: int = 1280
    height: int = 720
    distance_m: float = 9.0
    above_m: float = 2.5
    aside_m: float = 1.5
    roll_deg: float = 1.0
    focal: float = 1.45
    """In widths of the picture."""
    mirror: float = 0.25
    """Of the light that the water gives back."""
    ripple_m: float = 0.02
    wet_m: float = 0.05
    """Of the wall above the water, darkened by it."""
    shadow: float = 0.0
    gain: float = 1.0
    noise: float = 3.0
    blur: float = 0.7
    jpeg: int = 80
    shift_px: tuple[float, float] = (0.0, 0.0)
    """Of the view, since the marks were set."""
    moment: int = 0
    """Draws waves and noise anew while the wall stays."""

    def homography(self) -> NDArray[np.float64]:
        """Texture pixels to picture pixels."""
        eye = np.array([self.aside_m, self.above_m, self.distance_m])
        ahead = np.array([0.0, 1.5, 0.0]) - eye
        ahead /= np.linalg.norm(ahead)
        right = np.cross(ahead, (0.0, 1.0, 0.0))
        right /= np.linalg.norm(right)
        up = np.cross(right, ahead)
        roll = np.deg2rad(self.roll_deg)
        right, up = right * np.cos(roll) + up * np.sin(roll), up * np.cos(roll) - right * np.sin(roll)
        turn = np.stack([right, -up, ahead])
        f = self.focal * self.width
        lens = np.array(
            [[f, 0, self.width / 2 + self.shift_px[0]], [0, f, self.height / 2 + self.shift_px[1]], [0, 0, 1]]
        )
        wall = np.array([[1 / PER_M, 0, -2.0], [0, -1 / PER_M, 4.0], [0, 0, 0], [0, 0, 1]])
        return np.asarray(lens @ np.hstack([turn, (-turn @ eye)[:, None]]) @ wall)

    def seen_at(self, across_m: float, level_m: float) -> tuple[float, float]:
        """Where in the picture, as fractions, a point of the wall was when the marks were set."""
        there = replace(self, shift_px=(0.0, 0.0)).homography() @ (
            (across_m + 2) * PER_M,
            (4 - level_m) * PER_M,
            1,
        )
        return float((there[0] / there[2] + 0.5) / self.width), float(
            (there[1] / there[2] + 0.5) / self.height
        )

    def render(self) -> Pixels:
        rng = np.random.default_rng((self.seed, self.moment))
        dry = _wall(self.seed)
        plane = _flooded(dry, rng, self)
        if self.shadow:
            edge = np.random.default_rng(self.seed + 7).uniform(0.5, 3.5)
            plane[int(edge * PER_M) :] *= 1 - self.shadow
        seen = cv2.warpPerspective(
            plane, self.homography(), (self.width, self.height), borderMode=cv2.BORDER_REFLECT
        )
        return finished(
            np.asarray(seen, np.float32),
            rng,
            gain=self.gain,
            noise=self.noise,
            blur=self.blur,
            jpeg=self.jpeg,
        )


@lru_cache(maxsize=4)
def _wall(seed: int) -> Plane:
    """4 m x 5 m, from level 4 m at the top to -1 m, the staff in the middle from 3 m down."""
    rng = np.random.default_rng(seed)
    height, width = 5 * PER_M, 4 * PER_M
    tone = rng.uniform(70, 150)
    wall = tone + clouds(rng, height, width) * rng.uniform(6, 14)
    stain = int((4 - rng.uniform(0.5, 2.8)) * PER_M)
    wall[stain:] -= rng.uniform(5, 25)
    coloured = np.stack(
        [wall * tint for tint in (rng.uniform(0.9, 1.05), 1.0, rng.uniform(0.95, 1.1))], axis=2
    )
    half = int(rng.uniform(0.08, 0.15) * PER_M)
    left, right = width // 2 - half, width // 2 + half
    ink = np.array(((30, 30, 160), (140, 60, 30), (40, 40, 40))[rng.integers(3)], np.float32)
    coloured[PER_M:, left:right] = rng.uniform(180, 230)
    for centimetre in range(400):
        top = int(PER_M + centimetre * PER_M / 100)
        block, inside = centimetre // 5 % 2, centimetre % 2 == 0
        wide = half if inside else half // 4
        start = left + (half if block else 0)
        coloured[top : top + PER_M // 100, start : start + wide] = ink
        if centimetre % 10 == 0:
            at = left + (0 if block else half), top + int(0.05 * PER_M)
            cv2.putText(
                coloured, str(30 - centimetre // 10), at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, ink.tolist(), 2
            )
    dirt = np.clip(1 - 0.06 * np.abs(clouds(rng, height, width)), 0.6, 1)
    return np.asarray(np.clip(coloured * dirt[:, :, None], 0, 255), np.float32)


def _flooded(dry: Plane, rng: np.random.Generator, scene: Staff) -> Plane:
    height, width = dry.shape[:2]
    out = dry.copy()
    line = (4 - scene.level_m) * PER_M
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    surge = clouds(rng, 8, width, coarsest=7)[4] * scene.ripple_m * 0.25 * PER_M
    under = rows - line - surge[None, :]
    wet = np.clip(under / (scene.wet_m * PER_M + 1e-6) + 1, 0, 1)
    out *= (1 - 0.25 * wet)[:, :, None]
    waves = clouds(rng, height, width, coarsest=5, roughness=0.8) * scene.ripple_m * PER_M
    depth = np.clip(under / PER_M, 0, 4)
    up = cv2.remap(dry, columns + waves * depth, 2 * line - rows + waves * (0.3 + depth), cv2.INTER_LINEAR,
                   borderMode=cv2.BORDER_REFLECT)  # fmt: skip
    hue = np.array((rng.uniform(50, 95), rng.uniform(65, 105), rng.uniform(55, 110)), np.float32)
    sheen = clouds(rng, height, width, coarsest=6) * (2 + 150 * scene.ripple_m)
    water = hue * (1 - scene.mirror) + up * scene.mirror + sheen[:, :, None]
    share = np.clip(under + 0.5, 0, 1)[:, :, None]
    return np.asarray(np.clip(out * (1 - share) + water * share, 0, 255), np.float32)


@dataclass(frozen=True, slots=True)
class Road:
    """A road that floods from its lowest places; `flooded` is the share of the lower part of the picture."""

    seed: int
    flooded: float = 0.0
    width: int = 1280
    height: int = 720
    gain: float = 1.0
    noise: float = 3.0
    blur: float = 0.7
    jpeg: int = 80
    wet: float = 0.0
    """Of a road wet with rain: darker, more contrast, streaks of light."""
    shadow: float = 0.0
    """Depth of the shadow of a house and of a tree, which go on with `hour`."""
    hour: float = 10.0
    headlights: int = 0
    cars: int = 0
    brown: float = 0.5
    mirror: float = 0.4
    shift_px: tuple[float, float] = (0.0, 0.0)
    moment: int = 0
    ground: Pixels | None = None
    """A photograph taken for the road, in place of the rendered one."""

    def water(self) -> NDArray[np.bool_]:
        """Where it is flooded, height x width."""
        if self.flooded <= 0:
            return np.zeros((self.height, self.width), np.bool_)
        rng = np.random.default_rng(self.seed + 1)
        low = clouds(rng, self.height, self.width, coarsest=9, roughness=0.45)
        low[: self.height // 3] = -9
        return np.asarray(low >= np.quantile(low[self.height // 3 :], 1 - self.flooded))

    def render(self) -> Pixels:
        rng = np.random.default_rng((self.seed, self.moment, 5))
        seen = self._ground()
        if self.wet:
            streaks = clouds(rng, self.height, self.width // 8, coarsest=7)
            streaks = np.asarray(cv2.resize(streaks, (self.width, self.height)), np.float32)
            seen = (seen * (1 - 0.35 * self.wet) - 20 * self.wet) + (np.clip(streaks, 0, 3) * 14 * self.wet)[
                :, :, None
            ]
        seen = seen * self._shade()[:, :, None]
        seen = self._under_water(seen, rng)
        for _ in range(self.cars):
            _car(seen, rng)
        for _ in range(self.headlights):
            _headlight(seen, rng)
        if self.shift_px != (0.0, 0.0):
            move = np.array([[1, 0, self.shift_px[0]], [0, 1, self.shift_px[1]]], np.float32)
            size = self.width, self.height
            seen = np.asarray(cv2.warpAffine(seen, move, size, borderMode=cv2.BORDER_REFLECT), np.float32)
        return finished(
            seen.astype(np.float32), rng, gain=self.gain, noise=self.noise, blur=self.blur, jpeg=self.jpeg
        )

    def _ground(self) -> Plane:
        if self.ground is not None:
            return cv2.resize(self.ground, (self.width, self.height), interpolation=cv2.INTER_AREA).astype(
                np.float32
            )
        rng = np.random.default_rng(self.seed)
        height, width = self.height, self.width
        seen = np.repeat(
            (rng.uniform(85, 130) + 9 * clouds(rng, height, width, roughness=0.85))[:, :, None], 3, axis=2
        )
        middle, horizon = width * rng.uniform(0.4, 0.6), height // 3
        for lane in range(-3, 4):
            end = middle + lane * width * 0.28
            for part in range(12):
                a, b = (part / 12) ** 2, ((part + 0.55) / 12) ** 2
                ends = [
                    (int(middle + (end - middle) * t), int(horizon + (height - horizon) * t)) for t in (a, b)
                ]
                cv2.line(seen, ends[0], ends[1], (215, 215, 215), max(1, int(10 * b)))
        for _ in range(14):
            centre = int(rng.uniform(0, width)), int(rng.uniform(horizon + 20, height))
            cv2.ellipse(
                seen, (centre, (rng.uniform(20, 90), rng.uniform(8, 30)), 0), [rng.uniform(50, 80)] * 3, -1
            )
        for _ in range(25):
            walk = np.cumsum(rng.normal(0, 14, (18, 2)), axis=0)
            walk += np.array((rng.uniform(0, width), rng.uniform(horizon, height)))
            cv2.polylines(seen, [walk.astype(np.int32)], isClosed=False, color=(60, 60, 60), thickness=2)
        seen[:horizon] = 120 + 40 * clouds(rng, horizon, width)[:, :, None]
        for x in range(0, width, 90):
            cv2.rectangle(
                seen, (x, int(rng.uniform(20, 120))), (x + 60, horizon), [rng.uniform(60, 200)] * 3, -1
            )
        return np.asarray(np.clip(seen, 0, 255), np.float32)

    def _shade(self) -> Plane:
        shade = np.ones((self.height, self.width), np.float32)
        if not self.shadow:
            return shade
        edge = self.width * (0.1 + 0.08 * (self.hour - 8))
        house = np.array([(0, 0), (edge, 0), (edge - 200, self.height), (0, self.height)], np.int32)
        cv2.fillPoly(shade, [house], 1 - self.shadow)
        leaves = clouds(
            np.random.default_rng(self.seed + 3), self.height, self.width, coarsest=6, roughness=0.5
        )
        leaves = np.roll(leaves, int(60 * (self.hour - 8)), axis=1)
        right = np.linspace(-1, 1, self.width)[None, :] > 0.1 + 0.05 * (self.hour - 10)
        shade[(leaves > 0.6) & right] = 1 - self.shadow
        return np.asarray(cv2.GaussianBlur(shade, (0, 0), 2))

    def _under_water(self, seen: Plane, rng: np.random.Generator) -> Plane:
        wet = cv2.GaussianBlur(self.water().astype(np.float32), (0, 0), 1.5)[:, :, None]
        if not wet.any():
            return seen
        sky = np.linspace(190, 120, self.height, dtype=np.float32)[:, None, None]
        waves = cv2.resize(clouds(rng, self.height, self.width // 4, coarsest=5), (self.width, self.height))
        rows, columns = np.mgrid[0 : self.height, 0 : self.width].astype(np.float32)
        above = np.abs(2 * self.height / 3 - rows)
        up = cv2.remap(seen, columns + 3 * waves, above + 6 * waves, cv2.INTER_LINEAR,
                       borderMode=cv2.BORDER_REFLECT)  # fmt: skip
        own = np.array((80, 105, 125), np.float32) * self.brown + sky * (1 - self.brown)
        water = own * (1 - self.mirror) + up * self.mirror + 4 * waves[:, :, None]
        return np.asarray(seen * (1 - wet) + water * wet, np.float32)


def _car(seen: Plane, rng: np.random.Generator) -> None:
    height, width = seen.shape[:2]
    x, y = int(rng.uniform(0, width * 0.85)), int(rng.uniform(height * 0.4, height * 0.8))
    w, h = int(rng.uniform(0.08, 0.16) * width), int(rng.uniform(0.08, 0.16) * height)
    paint = rng.uniform(20, 230, 3)
    seen[y : y + h, x : x + w] = paint
    cv2.rectangle(seen, (x + w // 6, y + h // 8), (x + w * 5 // 6, y + h // 2), (50, 50, 50), -1)
    cv2.rectangle(seen, (x, y + h * 3 // 4), (x + w, y + h), (30, 30, 30), -1)


def _headlight(seen: Plane, rng: np.random.Generator) -> None:
    height, width = seen.shape[:2]
    light = np.zeros((height, width), np.float32)
    centre = int(rng.uniform(0, width)), int(rng.uniform(height * 0.4, height))
    cv2.ellipse(light, (centre, (rng.uniform(60, 160), rng.uniform(60, 300)), 0), 1, -1)
    seen += 260 * cv2.GaussianBlur(light, (0, 0), 25)[:, :, None]
