"""Links in the tree of another system lead where they would lead there."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from agent.rooted import below, check_within


@pytest.mark.parametrize(
    ("link", "target", "path", "leads_to"),
    [
        ("etc/polegate", "/data/etc", "/etc/polegate/conf.d/a.toml", "data/etc/conf.d/a.toml"),
        ("etc/polegate", "../data/etc", "/etc/polegate/a.toml", "data/etc/a.toml"),
        ("etc/polegate", "../../../../data", "/etc/polegate/a.toml", "data/a.toml"),
        ("etc/polegate", "/", "/etc/polegate/a.toml", "a.toml"),
        ("etc", "/data", "/etc/../a.toml", "a.toml"),
        ("etc/a.toml", "/data/a.toml", "/etc/a.toml", "data/a.toml"),
        ("etc/other", "/data", "/etc/polegate/a.toml", "etc/polegate/a.toml"),
    ],
)
def test_as_that_system_follows_them(
    tmp_path: Path, link: str, target: str, path: str, leads_to: str
) -> None:
    (tmp_path / link).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / link).symlink_to(target)
    assert below(tmp_path, Path(path)) == tmp_path / leads_to


def test_a_link_to_a_link(tmp_path: Path) -> None:
    (tmp_path / "etc").symlink_to("/private/etc")
    (tmp_path / "private").symlink_to("data")
    assert below(tmp_path, Path("/etc/a")) == tmp_path / "data/etc/a"


def test_links_that_lead_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("/b")
    (tmp_path / "b").symlink_to("/a")
    with pytest.raises(OSError, match=os.strerror(errno.ELOOP)) as caught:
        below(tmp_path, Path("/a/c"))
    assert caught.value.filename == str(tmp_path / "a/c")


def test_our_own_paths_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/none")
    assert below(Path("/"), tmp_path / "link") == tmp_path / "link"
    assert below(tmp_path, Path("a/b")) == Path("a/b")


def test_links_that_lead_out_of_it(tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    (folder / "conf.d").mkdir(parents=True)
    (folder / "conf.d/a.toml").symlink_to("../a.toml")
    check_within(tmp_path, folder)
    (folder / "conf.d/b.toml").symlink_to("/data/b.toml")
    with pytest.raises(OSError, match=f"leads to /data/b.toml, out of {tmp_path}") as caught:
        check_within(tmp_path, folder)
    assert caught.value.filename == str(folder / "conf.d/b.toml")
    with pytest.raises(OSError, match="out of"):
        check_within(tmp_path, folder / "conf.d/b.toml")
