"""What is looked at before a certificate takes its place."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fakes.certificates import Authority

from agent.certificates import read_pem
from agent.clock import BUILT_MS, Clock
from agent.enrolment.errors import EnrolmentFailed
from agent.enrolment.installing import check_time, install
from agent.enrolment.ours import Ours

DAY_MS = 86_400_000


def test_the_first_one_without_a_broker_to_ask(ours: Ours, authority: Authority, request_text: str) -> None:
    text, now_ms = authority.sign(request_text), Clock().now()[0]
    done = install(ours, text, now_ms=now_ms, ca=authority.ca, settings=None)
    assert (done.first, done.rekeyed, done.trial.accepted) == (True, False, False)
    assert ours.present() == done.certificate
    again = install(ours, authority.sign(request_text), now_ms=now_ms, ca=authority.ca, settings=None)
    assert not again.first
    assert read_pem(ours.previous.read_text()) == [done.certificate]


def test_another_cas_leaves_nothing_behind(
    ours: Ours, authority: Authority, request_text: str, tmp_path
) -> None:
    other = Authority(tmp_path / "other", name="somebody else")
    with pytest.raises(EnrolmentFailed, match=r"pole-7 does not lead to .*; ask the CA for the whole chain"):
        install(ours, other.sign(request_text), now_ms=Clock().now()[0], ca=authority.ca, settings=None)
    assert not ours.certificate.exists()
    assert not ours.staged.exists()


def test_the_time_it_is_valid(authority: Authority, request_text: str) -> None:
    day = timedelta(days=1)
    (found,) = read_pem(authority.sign(request_text, since=-day, until=day))
    check_time(found, found.since_ms)
    check_time(found, found.until_ms)
    for now_ms, expected in (
        (BUILT_MS - DAY_MS, "which cannot be: no certificate is valid by it"),
        (found.since_ms - 1000, "pole-7 is valid from"),
        (found.until_ms + 1000, "pole-7 ended on"),
    ):
        with pytest.raises(EnrolmentFailed, match=expected):
            check_time(found, now_ms)
