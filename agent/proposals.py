"""What was learned of a channel, in the keys of the configuration: for the control socket and the CLI."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from firmware_profiles.properties import property_of
from pipelines.events import Source
from pipelines.quality.limits import Limits
from pipelines.quality.proposing import Proposal
from pipelines.quality.verdicts import Name

HOUR_MS = 3_600_000

KEYS: dict[str, str] = {
    "gap_ms": "gap_s", "site": "site", "spike_suspect": "spike", "rate_suspect_per_s": "rate_per_min",
    "rate_least": "rate_least", "flat_suspect_ms": "flat_h", "flat_eps": "resolution",
    "not_flat_at": "not_flat_at", "attenuated_suspect": "attenuated",
}  # fmt: skip
"""The key in [limits.DEVICE.CHANNEL] of each limit that can be learned, in their order."""

TESTS: dict[str, str] = {
    "gap_s": Name.GAP, "site": Name.GROSS_RANGE, "spike": Name.SPIKE, "rate_per_min": Name.RATE_OF_CHANGE,
    "flat_h": Name.FLAT_LINE, "attenuated": Name.ATTENUATED_SIGNAL,
}  # fmt: skip
"""The test that counts the values beyond a limit."""


def told(source: Source, given: Limits, proposal: Proposal) -> dict[str, Any]:
    """One proposal as plain values, times in ms UTC.

    `limits` is a table for [limits.DEVICE.CHANNEL] with what is new against `given`; `now` has the same keys
    as they are; `reasons` is by key, also of what was not learned; `flagged` by key.
    """
    known = property_of(source.channel)
    learned, before = dict(table(proposal.limits)), dict(table(given))
    return {
        "channel": str(source),
        "unit": known.unit,
        "decimals": known.decimals,
        "n": proposal.n,
        "refused": proposal.refused,
        "first_ms": proposal.first_ms,
        "last_ms": proposal.last_ms,
        "quantiles": [[share, value] for share, value in proposal.quantiles.items()],
        "limits": {key: value for key, value in learned.items() if before.get(key) != value},
        "now": before,
        "reasons": {KEYS.get(name, name): why for name, why in proposal.reasons.items()},
        "flagged": {key: proposal.flagged[test] for key, test in TESTS.items() if test in proposal.flagged},
    }


def table(limits: Limits) -> Iterator[tuple[str, Any]]:
    """What can be learned of these limits, as [limits.DEVICE.CHANNEL] writes it; what is None is left out."""
    if limits.gap_ms is not None:
        yield "gap_s", _plain(limits.gap_ms / 1000)
    if limits.site is not None:
        yield "site", [_plain(end) for end in limits.site]
    if limits.spike_suspect is not None:
        yield "spike", _one_or_two(limits.spike_suspect, limits.spike_fail)
    if limits.rate_suspect_per_s is not None:
        yield "rate_per_min", _plain(60 * limits.rate_suspect_per_s)
    if limits.rate_least:
        yield "rate_least", _plain(limits.rate_least)
    if limits.flat_suspect_ms is not None:
        fail_ms = limits.flat_fail_ms
        yield "flat_h", _one_or_two(limits.flat_suspect_ms / HOUR_MS, fail_ms and fail_ms / HOUR_MS)
    if limits.flat_eps is not None:
        yield "resolution", _plain(limits.flat_eps)
    if limits.not_flat_at is not None:
        yield "not_flat_at", _plain(limits.not_flat_at)
    if limits.attenuated_window_ms is not None:
        facts = {
            "hours": limits.attenuated_window_ms / HOUR_MS,
            "suspect": limits.attenuated_suspect,
            "fail": limits.attenuated_fail,
        }
        yield "attenuated", {key: _plain(value) for key, value in facts.items() if value is not None}


def _one_or_two(suspect: float, fail: float | None) -> float | list[float]:
    """The suspect limit alone where nothing is bad by it."""
    return _plain(suspect) if fail is None else [_plain(suspect), _plain(fail)]


def _plain(number: float) -> float:
    """Without the noise of binary fractions; whole numbers as such."""
    rounded = float(f"{number:.6g}")
    return int(rounded) if rounded.is_integer() else rounded
