"""The tests' names, and one verdict out of many flags."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from drivers.readings import Quality


class Name(StrEnum):
    """What is published beside a flag. In the order in which a tie is settled."""

    SYNTAX = "syntax"
    GROSS_RANGE = "gross_range"
    CLIMATOLOGY = "climatology"
    SPIKE = "spike"
    RATE_OF_CHANGE = "rate_of_change"
    FLAT_LINE = "flat_line"
    ATTENUATED_SIGNAL = "attenuated_signal"
    GAP = "gap"
    MULTI_VARIATE = "multi_variate"
    NEIGHBOUR = "neighbour"


Verdict = tuple[Quality, str]
"""A flag, and the name of the test that set it, "" where none had anything against the value."""

_WORST_FIRST = (Quality.BAD, Quality.SUSPECT)


def aggregate(flags: Mapping[str, Quality]) -> Verdict:
    """The worst of BAD, SUSPECT, GOOD, NOT_EVALUATED; on a tie, the first name.

    MISSING by the gap test tells of the time before the value, and counts only where every flag says so.
    """
    for worst in _WORST_FIRST:
        for name, flag in flags.items():
            if flag is worst:
                return worst, name
    for rest in (Quality.GOOD, Quality.NOT_EVALUATED):
        if rest in flags.values():
            return rest, ""
    return (Quality.MISSING if flags else Quality.NOT_EVALUATED), ""
