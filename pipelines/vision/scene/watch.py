"""All zones and plug-ins of one camera: a picture in, readings out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from drivers.frames import Pixels
from drivers.readings import Quality, Reading
from pipelines.state import State
from pipelines.vision.scene.motion import Motion
from pipelines.vision.scene.plug import Watching
from pipelines.vision.scene.staff import Staff
from pipelines.vision.scene.water import Water
from pipelines.vision.scene.zones import Kind, Zone


class Scene:
    """Readings: motion_share.ZONE, water_share.ZONE, water_level_seen.ZONE, model_score.SUFFIX.

    Raises:
        ValueError: two zones of one name, or marks of a staff that cannot be read by.
    """

    def __init__(self, zones: Iterable[Zone], plugs: Iterable[Watching] = ()) -> None:
        zones = list(zones)
        if len({each.name for each in zones}) < len(zones):
            raise ValueError("two zones of one camera have the same name")
        self._plugs = tuple(plugs)
        self._motion = {each.name: Motion(each.polygon) for each in zones if each.kind is Kind.MOTION}
        self._water = {each.name: Water(each.polygon) for each in zones if each.kind is Kind.WATER}
        self._staffs = {each.name: Staff(each) for each in zones if each.kind is Kind.STAFF}
        self.uncertainty_m: Mapping[str, float] = {}
        """Of the levels of the last picture, by zone, at a cover factor of 2."""

    def accept(self, at_ms: int, pixels: Pixels, zone: str = "") -> None:
        """In this picture the water zones are dry and the staffs' marks are where they were set; or one's.

        Raises:
            ValueError: there is no such water or staff zone.
        """
        if zone and zone not in self._water and zone not in self._staffs:
            raise ValueError(f"there is no water or staff zone {zone}")
        for name, water in self._water.items():
            if zone in ("", name):
                water.accept(at_ms, pixels)
        for name, staff in self._staffs.items():
            if zone in ("", name):
                staff.accept(pixels)

    def feed(self, at_ms: int, pixels: Pixels, doubt: str = "") -> tuple[Reading, ...]:
        """What is seen. `doubt` is why the picture is not believed: all is BAD then, nothing is learnt."""
        if doubt:
            self.uncertainty_m = {}
            return tuple(Reading(channel, None, Quality.BAD, doubt) for channel in self._channels())
        return (*self._moving(at_ms, pixels), *self._flooded(at_ms, pixels), *self._levels(at_ms, pixels),
                *self._scores(at_ms, pixels))  # fmt: skip

    def _channels(self) -> list[str]:
        kinds = (
            ("motion_share", self._motion),
            ("water_share", self._water),
            ("water_level_seen", self._staffs),
        )
        return [f"{channel}.{name}" for channel, zones in kinds for name in zones]

    def _moving(self, at_ms: int, pixels: Pixels) -> Iterable[Reading]:
        for name, motion in self._motion.items():
            share = motion.feed(at_ms, pixels)
            if share is not None:
                yield Reading(f"motion_share.{name}", share)

    def _flooded(self, at_ms: int, pixels: Pixels) -> Iterable[Reading]:
        for name, water in self._water.items():
            seen = water.feed(at_ms, pixels)
            yield Reading(f"water_share.{name}", seen.share, seen.quality, seen.test)

    def _levels(self, at_ms: int, pixels: Pixels) -> list[Reading]:
        read = {name: staff.feed(at_ms, pixels) for name, staff in self._staffs.items()}
        self.uncertainty_m = {
            name: each.uncertainty_m for name, each in read.items() if each.level_m is not None
        }
        return [
            Reading(f"water_level_seen.{name}", it.level_m, it.quality, it.test) for name, it in read.items()
        ]

    def _scores(self, at_ms: int, pixels: Pixels) -> Iterable[Reading]:
        for plug in self._plugs:
            for suffix, score in plug.feed(at_ms, pixels).items():
                bad = not math.isfinite(score)
                yield (
                    Reading(f"model_score.{suffix}", None, Quality.BAD, "not_a_number")
                    if bad
                    else Reading(f"model_score.{suffix}", score)
                )

    def parts(self) -> dict[str, Motion | Water | Staff]:
        """What remembers, by zone; each one's state is at most 64 KiB."""
        return {**self._motion, **self._water, **self._staffs}

    def state(self) -> State:
        return {name: part.state() for name, part in self.parts().items()}

    def restore(self, state: State) -> None:
        """Zones that are not in the state begin anew."""
        for name, part in self.parts().items():
            if name in state:
                part.restore(state[name])
