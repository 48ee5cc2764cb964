"""What the log keeps of the verbs that change something."""

from __future__ import annotations

import os

import pytest

from agent.audit import LONGEST, SELDOM_S, Audit
from agent.rights import NOBODY, Peer

ROOT = Peer(7, 0, frozenset({0}))
HIDDEN = Peer(8, NOBODY, frozenset({NOBODY}))


class Log:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.now_s = 1000.0
        self.audit = Audit(self.lines.append, lambda: self.now_s)


@pytest.fixture
def log() -> Log:
    return Log()


def test_what_is_done_is_told_with_who_and_why(log):
    request = {"verb": "shelve", "rule": "flood", "source": "", "for_s": 60, "by": "w.li", "reason": "works"}
    log.audit.carried_out(ROOT, request, {"ok": True, "changed": []})
    assert log.lines == [
        'event=command verb=shelve uid=0 user=root pid=7 by=w.li about="flood for_s=60" why=works outcome=done'
    ]


def test_what_could_not_be_done_is_told_with_the_reason(log):
    log.audit.carried_out(ROOT, {"verb": "reload"}, {"ok": False, "error": "polegate.toml:3: site: missing"})
    (entry,) = log.lines
    assert entry.endswith('pid=7 outcome=refused message="polegate.toml:3: site: missing"')


def test_a_user_whom_the_namespace_hides_has_no_name_but_its_own(log):
    log.audit.carried_out(HIDDEN, {"verb": "learn", "on": True, "by": "w.li"}, {"ok": True})
    (entry,) = log.lines
    assert entry == f'event=command verb=learn uid={NOBODY} pid=8 by=w.li about="on=True" outcome=done'


def test_what_a_client_says_makes_no_line_and_no_field_of_its_own(log):
    said = "x outcome=done\nevent=command by=root"
    log.audit.carried_out(ROOT, {"verb": "accept", "camera": said, "by": said, "reason": said}, {"ok": False})
    (entry,) = log.lines
    assert entry.isprintable()
    assert entry.count(" outcome=refused") == 1
    assert entry.count('"x outcome=done\\nevent=command by=root"') == 3


def test_long_words_are_cut(log):
    log.audit.carried_out(ROOT, {"verb": "accept", "by": "b" * 60_000, "camera": "c" * 60_000}, {"ok": True})
    assert len(log.lines[0]) < 2 * LONGEST + 100


def test_who_may_not_does_not_fill_the_log(log):
    for _ in range(500):
        log.audit.kept_out(Peer(9, os.geteuid(), frozenset()), {"verb": "reload"})
    assert [each.count("outcome=forbidden") for each in log.lines] == [1]
    log.now_s += SELDOM_S
    log.audit.kept_out(HIDDEN, {"verb": "reload"})
    log.audit.kept_out(HIDDEN, {"verb": "reload"})
    assert len(log.lines) == 2
    assert "and 499 before it that are not told" in log.lines[1]
    log.now_s += SELDOM_S
    log.audit.kept_out(HIDDEN, {"verb": "reload"})
    assert "and 1 before it" in log.lines[2]
