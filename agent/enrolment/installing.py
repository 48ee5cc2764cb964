"""A new certificate: looked at, tried with the broker, put in place of the old one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from agent.certificates import Certificate
from agent.clock import BUILT_MS
from agent.config import Uplink
from agent.enrolment import openssl
from agent.enrolment.errors import EnrolmentFailed
from agent.enrolment.ours import Fitting, Ours, fit, stage, swap
from agent.enrolment.trial import Trial, ask_broker
from agent.wire import rfc3339


@dataclass(frozen=True, slots=True)
class Installed:
    """What was put in place; `rekeyed` where the key is another one, `trial` what the broker said of it."""

    certificate: Certificate
    rekeyed: bool
    first: bool
    trial: Trial


def install(ours: Ours, text: str, *, now_ms: int, ca: Path | None, settings: Uplink | None) -> Installed:
    """Install the certificate of `text` that fits our key; `settings` are those of a broker to ask first.

    Raises:
        EnrolmentFailed: it is not good, or the broker refuses it; what was there before stands.
        OSError: a file cannot be read or written.
    """
    fitting = fit(ours, text)
    check_time(fitting.certificate, now_ms)
    first, rekeyed = not ours.certificate.exists(), fitting.key != ours.key
    staged = stage(ours, fitting)
    try:
        trial = _proved(fitting, staged, ca, settings, now_ms)
    except EnrolmentFailed:
        staged.unlink(missing_ok=True)
        raise
    swap(ours, fitting, staged)
    return Installed(fitting.certificate, rekeyed, first, trial)


def check_time(certificate: Certificate, now_ms: int) -> None:
    """Whether it is valid now, by a clock that may be wrong.

    Raises:
        EnrolmentFailed: it is not, or nobody can tell.
    """
    now, name = rfc3339(now_ms), certificate.name
    since, until = rfc3339(certificate.since_ms), rfc3339(certificate.until_ms)
    if now_ms < BUILT_MS:
        raise EnrolmentFailed(
            f"this gateway's clock says {now}, which cannot be: no certificate is valid by it; "
            "get it the time first (polegate doctor --only clock), or: timedatectl set-time"
        )
    if now_ms < certificate.since_ms:
        raise EnrolmentFailed(
            f"{name} is valid from {since} on, and this gateway's clock says {now}; "
            "is the clock right (polegate doctor --only clock)? Else wait, or ask the CA"
        )
    if now_ms > certificate.until_ms:
        raise EnrolmentFailed(
            f"{name} ended on {until}, and this gateway's clock says {now}; "
            "is the clock right (polegate doctor --only clock)? Else ask the CA for a new one"
        )


def _proved(fitting: Fitting, staged: Path, ca: Path | None, settings: Uplink | None, now_ms: int) -> Trial:
    if ca is not None and (fault := openssl.chain_fault(staged, ca)):
        raise EnrolmentFailed(
            f"{fitting.certificate.name} does not lead to {ca}: {fault}; "
            "ask the CA for the whole chain, or name the CA that signed it"
        )
    if settings is None or not settings.tls:
        return Trial()
    trial = ask_broker(settings, staged, fitting.key, now_ms)
    if trial.refused:
        raise EnrolmentFailed(
            f"{trial.message}; ask which CA it trusts. To install it all the same: --untried"
        )
    return trial
