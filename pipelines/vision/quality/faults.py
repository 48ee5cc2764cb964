"""What can be wrong with a camera's pictures, and the grade that a picture gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pipelines.state import State


class PictureFault(StrEnum):
    """One root cause, in the order in which they explain each other: the first found is the one told."""

    NO_SIGNAL = "no_signal"
    """No picture came."""

    BLACK = "black"
    """Black, or far too dark for this hour."""

    FROZEN = "frozen"
    """The same picture again, whatever a clock drawn into it says."""

    NIGHT_VISION = "night_vision"
    """By night dark or in colour where grey is usual: the infrared lamp or filter failed; or grey by day."""

    OVER_BRIGHT = "over_bright"
    """Burnt out, or far too bright for this hour."""

    NOISE = "noise"
    """Grain or snow beyond what this hour brings."""

    STRIPES = "stripes"
    """Rows or columns that are too bright or too dark over the whole picture."""

    MOVED = "moved"
    """The camera looks elsewhere."""

    OCCLUDED = "occluded"
    """Something hides a large part of the view."""

    DEFOCUS = "defocus"
    """Details are gone while the view is the same."""

    COLOUR_CAST = "colour_cast"
    """All is tinted."""

    LOW_FRAME_RATE = "low_frame_rate"
    """The stream brings far fewer pictures a second than it used to; told beside any other."""


@dataclass(frozen=True, slots=True)
class Found:
    """One fault of one picture."""

    fault: PictureFault
    strength: float
    """1 at the threshold, 2 where twice as far from the usual; at most 9.9."""
    reason: str
    """What was measured and what is usual, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """What one picture, or a picture that did not come, is worth."""

    at_ms: int
    score: int
    """100 is as usual, 50 stands at the threshold of a fault, 0 is worthless."""
    faults: tuple[Found, ...] = ()
    """Of this picture alone."""
    open: tuple[PictureFault, ...] = ()
    """Those that have lasted: worth an event."""
    learning: bool = False
    """Nothing is known yet of this camera in this light: only what needs no reference was judged."""
    figures: Mapping[str, float] = field(default_factory=dict)
    """What was measured, by name."""
    pictures: int = 0
    """How many healthy pictures taught the reference that it was compared with."""
    days: int = 0
    """On how many days they were taken."""


def record(grade: Grade) -> State:
    """The grade as plain values, for the database of picture quality."""
    return {
        "at_ms": grade.at_ms,
        "score": grade.score,
        "faults": [
            {"fault": str(each.fault), "strength": round(each.strength, 2), "reason": each.reason}
            for each in grade.faults
        ],
        "open": [str(each) for each in grade.open],
        "learning": grade.learning,
        "figures": {name: round(value, 3) for name, value in grade.figures.items()},
        "reference": {"pictures": grade.pictures, "days": grade.days},
    }
