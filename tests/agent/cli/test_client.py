"""The command line's side of the control socket."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.cli import client


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("\x1b]0;title\x07\x1b[2J", "?]0;title??[2J"),
        ("\x9b2J\x7f\b\r\f\x00", "?2J?????"),
        ("\\\x1b", "\\?"),
        (r"no escape: \u001b \\r", r"no escape: \u001b \\r"),
        ('two\nlines\t水位 "µS/cm"', 'two\nlines\t水位 "µS/cm"'),
    ],
)
def test_what_a_device_calls_itself_does_not_steer_the_terminal(
    daemon, tmp_path: Path, said: str, shown: str
):
    daemon.answers["status"] = {"error": said}
    assert client.ask(tmp_path / "control.sock", "status") == {"error": shown}
