"""What a check says: what was found, why it matters, what to do next."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How grave a finding is; the words stand in the output, so that it can be read without colour."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "?"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact. `why` it matters and what to `do` are said of what is not well."""

    verdict: Verdict
    found: str
    why: str = ""
    do: str = ""

    def facts(self, check: str) -> dict[str, str]:
        """For programs."""
        verdict = "unknown" if self.verdict is Verdict.UNKNOWN else str(self.verdict)
        return {"check": check, **asdict(self), "verdict": verdict}


def ok(found: str) -> Finding:
    """Nothing to do."""
    return Finding(Verdict.OK, found)


def warn(found: str, why: str, do: str) -> Finding:
    """It works, and somebody should look at it before it does not."""
    return Finding(Verdict.WARN, found, why, do)


def fail(found: str, why: str, do: str) -> Finding:
    """Something does not work."""
    return Finding(Verdict.FAIL, found, why, do)


def unknown(found: str, do: str = "") -> Finding:
    """It cannot be told from here, which is nobody's fault."""
    return Finding(Verdict.UNKNOWN, found, "", do)


def advised(message: str) -> tuple[str, str]:
    """The uplink's messages say what happened and, behind a semicolon, what to do next."""
    found, _, do = message.partition("; ")
    return found, do
