"""Frames described by data: how a serial gauge's bytes become fields."""

from __future__ import annotations

from firmware_profiles.points import Point, Strict


class FrameSpec(Strict):
    """Placeholder until the frame description lands."""


class FramePoint(Point):
    """Placeholder until the frame description lands."""
