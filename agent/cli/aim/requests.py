"""What the page asks for, as JSON."""

from __future__ import annotations

from typing import Annotated

from agent.camera.config import Fraction
from agent.cli.aim.drawing import Shape
from firmware_profiles.declared import Limits, Strict

Rectangle = tuple[Fraction, Fraction, Fraction, Fraction]
Speed = Annotated[float, Limits(ge=-1, le=1)]
Corners = Annotated[tuple[tuple[Fraction, Fraction], ...], Limits(min_length=3, max_length=64)]


class Picture(Strict):
    """A picture of at most `side` pixels and `most_bytes`; `view` is the part of it that is sent.

    `region` is what sharpness is measured in; `masks` are burnt in; `touched` says that somebody is there.
    """

    side: Annotated[int, Limits(ge=160, le=4096)] = 960
    most_bytes: Annotated[int, Limits(ge=4096, le=2**20)] = 90 * 1024
    region: Rectangle = (0.0, 0.0, 1.0, 1.0)
    view: Rectangle = (0.0, 0.0, 1.0, 1.0)
    masks: Annotated[tuple[Corners, ...], Limits(max_length=32)] = ()
    touched: bool = False


class Save(Strict):
    """The whole drawing."""

    shapes: Annotated[tuple[Shape, ...], Limits(max_length=64)]


class Move(Strict):
    """A short turn at these speeds."""

    pan: Speed = 0.0
    tilt: Speed = 0.0
    zoom: Speed = 0.0


class Goto(Strict):
    """A turn to a preset."""

    token: Annotated[str, Limits(max_length=64)]
