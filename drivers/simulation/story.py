"""What happens to a simulated instrument, and when: values set, probes lost, silence."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated

from drivers.readings import Value
from firmware_profiles.declared import Limits, Strict


class Step(Strict):
    """One thing that happens `at_s` after the beginning.

    `set` holds channels at a value, "none" for no value, reached within `over_s`; `release` lets them walk
    again; `silent` makes the instrument say nothing, or speak again.
    """

    at_s: Annotated[float, Limits(ge=0)]
    set: dict[str, float | bool | str] = field(default_factory=dict)
    over_s: Annotated[float, Limits(ge=0)] = 0.0
    release: tuple[str, ...] = ()
    silent: bool | None = None


class Story(Strict):
    """Steps in any order; told again every `repeat_s`, if given."""

    step: Annotated[tuple[Step, ...], Limits(min_length=1)]
    repeat_s: Annotated[float, Limits(gt=0)] | None = None

    @property
    def channels(self) -> list[str]:
        """Every channel that is spoken of."""
        return [name for step in self.step for name in (*step.set, *step.release)]

    def between(self, before_s: float, now_s: float) -> list[Step]:
        """The steps due after `before_s` and not after `now_s`, in order; each once."""
        if self.repeat_s is None:
            due = [(step.at_s, step) for step in self.step if before_s < step.at_s <= now_s]
        else:
            rounds = range(int(max(0.0, before_s) // self.repeat_s), int(now_s // self.repeat_s) + 1)
            times = ((turn * self.repeat_s + step.at_s, step) for turn in rounds for step in self.step)
            due = [(at, step) for at, step in times if before_s < at <= now_s]
        return [step for _, step in sorted(due, key=lambda each: each[0])]


def meant(value: Value) -> Value | None:
    """A value as it is written: "none" is no value."""
    return None if value == "none" else value
