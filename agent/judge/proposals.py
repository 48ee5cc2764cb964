"""What was learned of a channel, in the keys of [limits.DEVICE.CHANNEL]."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from pipelines.quality.limits import Limits
from pipelines.quality.verdicts import Name

HOUR_MS, DAY_MS = 3_600_000, 86_400_000

KEYS: dict[str, str] = {
    "gap_ms": "gap_s", "site": "site", "spike_suspect": "spike", "rate_suspect_per_s": "rate_per_min",
    "rate_least": "rate_least", "flat_suspect_ms": "flat_h", "flat_eps": "resolution",
    "not_flat_at": "not_flat_at", "attenuated_suspect": "attenuated",
}  # fmt: skip
"""The key of each limit that can be learned, in their order."""

TESTS: dict[str, str] = {
    "gap_s": Name.GAP, "site": Name.GROSS_RANGE, "spike": Name.SPIKE, "rate_per_min": Name.RATE_OF_CHANGE,
    "flat_h": Name.FLAT_LINE, "attenuated": Name.ATTENUATED_SIGNAL,
}  # fmt: skip
"""The test that counts the values beyond a limit."""


def in_keys(shown: Mapping[str, Any], now: Limits | None) -> dict[str, Any]:
    """A proposal as agent.judge.learning.shown gives it, its limits in the configuration's keys.

    `limits` becomes a table with what is new; `now` has the same keys as they are, none where nobody knows;
    `reasons` and `flagged` are by key, too; `quantiles` are pairs of a share and a value.
    """
    before = dict(table({} if now is None else asdict(now)))
    learned = dict(table(shown["limits"]))
    flagged = shown["flagged"]
    return {
        **{name: shown[name] for name in ("unit", "decimals", "n", "refused", "first_ms", "last_ms")},
        "channel": shown["source"],
        "quantiles": [[float(share), value] for share, value in shown["quantiles"].items()],
        "limits": {key: value for key, value in learned.items() if before.get(key) != value},
        "now": before,
        "reasons": {KEYS.get(name, name): why for name, why in shown["reasons"].items()},
        "flagged": {key: flagged[test] for key, test in TESTS.items() if test in flagged},
    }


def table(limits: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Of these limits, by the names of Limits, those that can be learned; what is not there is left out."""
    get = limits.get
    if gap_ms := get("gap_ms"):
        yield "gap_s", _plain(gap_ms / 1000)
    if site := get("site"):
        yield "site", [_plain(end) for end in site]
    if spike := get("spike_suspect"):
        yield "spike", _one_or_two(spike, get("spike_fail"))
    if rate := get("rate_suspect_per_s"):
        yield "rate_per_min", _plain(60 * rate)
    if least := get("rate_least"):
        yield "rate_least", _plain(least)
    if flat_ms := get("flat_suspect_ms"):
        fail_ms = get("flat_fail_ms")
        yield "flat_h", _one_or_two(flat_ms / HOUR_MS, fail_ms and fail_ms / HOUR_MS)
    if eps := get("flat_eps"):
        yield "resolution", _plain(eps)
    if get("not_flat_at") is not None:
        yield "not_flat_at", _plain(limits["not_flat_at"])
    if get("attenuated_suspect") or get("attenuated_fail"):
        ends = {"suspect": get("attenuated_suspect"), "fail": get("attenuated_fail")}
        hours = (get("attenuated_window_ms") or DAY_MS) / HOUR_MS  # what is learned is learned by the day
        found = {"hours": hours, **ends}
        yield "attenuated", {key: _plain(value) for key, value in found.items() if value is not None}


def _one_or_two(suspect: float, fail: float | None) -> float | list[float]:
    """The suspect limit alone where nothing is bad by it."""
    return _plain(suspect) if fail is None else [_plain(suspect), _plain(fail)]


def _plain(number: float) -> float:
    """Without the noise of binary fractions; whole numbers as such."""
    rounded = float(f"{number:.6g}")
    return int(rounded) if rounded.is_integer() else rounded
