"""Files written whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from agent.writing import anew, check, put


def test_the_new_takes_the_place_of_the_old_with_its_rights_whatever_the_umask(tmp_path: Path) -> None:
    file = tmp_path / "file"
    umask = os.umask(0o077)
    try:
        put(file, b"old", 0o644)
        assert stat.S_IMODE(file.stat().st_mode) == 0o644
        put(file, b"new", 0o400)
    finally:
        os.umask(umask)
    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o400
    assert list(tmp_path.iterdir()) == [file]


def test_what_breaks_off_leaves_the_old(tmp_path: Path) -> None:
    file = tmp_path / "file"
    put(file, b"old", 0o600)
    with pytest.raises(TypeError), anew(file, 0o600) as new:
        new.write("no bytes")
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_beside_is_not_written_through(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / ".file.new").symlink_to(elsewhere)
    put(tmp_path / "file", b"content", 0o600)
    assert (tmp_path / "file").read_bytes() == b"content"
    assert not elsewhere.exists()


def test_no_file_takes_the_place_of_a_pipe_or_a_device(tmp_path: Path) -> None:
    """As root, `polegate support /dev/null` would else leave a file there."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="no plain file"):
        put(tmp_path / "pipe", b"content", 0o600)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_trying_leaves_all_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "file"
    check(file, 10)
    assert list(tmp_path.iterdir()) == []
    put(file, b"old", 0o600)
    check(file, 10)
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]
    with pytest.raises(NotADirectoryError):
        check(file / "within", 10)
