"""Archives: what is written is read again, and what none of ours holds is refused."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import tarfile
from hashlib import sha256
from pathlib import Path

import pytest

from agent.keeping import archive
from agent.keeping.archive import Entry, Manifest, Refused
from firmware_profiles.declared import checked

FACTS = {
    "format": archive.FORMAT, "kind": "backup", "polegate": "0.1.0", "made": "2026-11-24T10:00:00.000Z",
    "clock_trusted": True, "site": "river", "gateway": "gw-1",
}  # fmt: skip


def packed(path: Path, *entries: Entry, **facts: object) -> Path:
    held = [entry.held() for entry in entries]
    with path.open("wb") as out:
        archive.write(out, checked(Manifest, {**FACTS, "files": held, **facts}), entries)
    return path


def read(path: Path) -> dict[str, bytes]:
    with archive.opened(path) as opened:
        return {held.name: b"".join(chunks) for held, chunks in opened}


def forged(path: Path, members: list[tuple[tarfile.TarInfo, bytes]], files: list[dict] | None = None) -> Path:
    """A tar by the standard library, with a manifest that says what a forger likes."""
    if files is None:
        files = [
            {"name": head.name, "size": len(body), "sha256": sha256(body).hexdigest()}
            for head, body in members
        ]
    manifest = json.dumps({**FACTS, "files": files}).encode()
    with tarfile.open(path, "w:gz", format=tarfile.USTAR_FORMAT) as tar:
        for head, body in [(tarfile.TarInfo("manifest.json"), manifest), *members]:
            head.size = len(body)
            tar.addfile(head, io.BytesIO(body))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    head = tarfile.TarInfo(name)
    head.type, head.linkname = kind, target
    return head


def test_what_is_put_in_comes_out(tmp_path):
    (tmp_path / "big").write_bytes(bytes(200_000))
    path = packed(
        tmp_path / "a.tar.gz", Entry("a/x", b"hello"), Entry("big", tmp_path / "big"), Entry("e", b"")
    )
    assert read(path) == {"a/x": b"hello", "big": bytes(200_000), "e": b""}


def test_everybodys_tar_reads_it(tmp_path):
    path = packed(tmp_path / "a.tar.gz", Entry("a/x", b"hello"))
    listed = subprocess.run(["tar", "-tzf", path], capture_output=True, text=True, check=True).stdout
    assert listed.split() == ["manifest.json", "a/x"]
    subprocess.run(["tar", "-xzf", path, "-C", tmp_path], check=True)
    assert (tmp_path / "a" / "x").read_bytes() == b"hello"


def test_a_file_that_changes_while_it_is_copied_is_noticed(tmp_path):
    growing = tmp_path / "growing"
    growing.write_bytes(b"one")
    entry = Entry("growing", growing)
    manifest = checked(Manifest, {**FACTS, "files": [entry.held()]})
    growing.write_bytes(b"one and more")
    with pytest.raises(OSError, match="changed while it was copied"):
        archive.write(io.BytesIO(), manifest, [entry])


def test_each_byte_that_is_flipped_and_each_end_cut_off_is_noticed(tmp_path):
    whole = packed(tmp_path / "a.tar.gz", Entry("a", b"some words" * 20), Entry("b", b"more")).read_bytes()
    tar = gzip.decompress(whole)
    broken = tmp_path / "broken.tar.gz"
    used = len(tar) - 1024
    for place in [*range(0, 512, 7), *range(512, used, 11)]:
        flipped = bytearray(tar)
        flipped[place] ^= 0x01
        broken.write_bytes(gzip.compress(bytes(flipped), 1))
        try:
            assert read(broken) == {"a": b"some words" * 20, "b": b"more"}, (
                "padding, or words of the manifest"
            )
        except Refused:
            continue
    for length in range(0, len(whole), 13):
        broken.write_bytes(whole[:length])
        with pytest.raises(Refused):
            read(broken)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (member("a", tarfile.SYMTYPE, "/etc/passwd"), "no plain file"),
        (member("a", tarfile.LNKTYPE, "/etc/passwd"), "no plain file"),
        (member("a", tarfile.CHRTYPE), "no plain file"),
        (member("a", tarfile.FIFOTYPE), "no plain file"),
        (member("a", tarfile.DIRTYPE), "no plain file"),
        (member("a", tarfile.XHDTYPE), "no plain file"),
        (member("a", tarfile.GNUTYPE_SPARSE), "no plain file"),
        (member("../a"), "leads out"),
        (member("a/../../b"), "leads out"),
        (member("/etc/passwd"), "leads out"),
        (member("a//b"), "leads out"),
        (member("./a"), "leads out"),
        (member("a\\b"), "leads out"),
        (member("a\x1b[2J"), "leads out"),
    ],
)  # fmt: skip
def test_what_no_archive_of_ours_holds_is_refused(tmp_path, head: tarfile.TarInfo, said: str):
    with pytest.raises(Refused, match=said):
        read(forged(tmp_path / "evil.tar.gz", [(head, b"")]))


def test_members_that_the_manifest_does_not_name_are_refused(tmp_path):
    with pytest.raises(Refused, match="more than its manifest"):
        read(forged(tmp_path / "evil.tar.gz", [(member("a"), b"x")], []))
    with pytest.raises(Refused, match="not whole"):
        read(forged(tmp_path / "evil.tar.gz", [], [{"name": "a", "size": 1, "sha256": "0"}]))
    with pytest.raises(Refused, match="not what was put in"):
        read(
            forged(tmp_path / "evil.tar.gz", [(member("a"), b"x")], [{"name": "a", "size": 1, "sha256": "0"}])
        )
    twice = {"name": "a", "size": 0, "sha256": sha256(b"").hexdigest()}
    with pytest.raises(Refused, match="twice"):
        read(forged(tmp_path / "evil.tar.gz", [(member("a"), b""), (member("a"), b"")], [twice, twice]))


def test_a_header_that_promises_gigabytes_costs_no_memory(tmp_path):
    """A bomb: 3 GiB of nothing in 3 MB. What is read is never more than the manifest says, in small pieces."""
    head = member("manifest.json")
    head.size = 3 * 2**30
    with gzip.open(tmp_path / "bomb.tar.gz", "wb", compresslevel=1) as out:
        out.write(head.tobuf(tarfile.USTAR_FORMAT))
        for _ in range(8):
            out.write(bytes(2**20))
    with pytest.raises(Refused, match="no archive of polegate"):
        read(tmp_path / "bomb.tar.gz")


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", gzip.compress(b"", mtime=0), gzip.compress(b"x" * 2000, mtime=0)],
    ids=["nothing", "words", "nothing packed", "no tar"],
)
def test_something_else_is_no_archive(tmp_path, content: bytes):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(Refused):
        read(tmp_path / "x")


def test_one_of_a_later_format_says_who_can_read_it(tmp_path):
    with pytest.raises(Refused, match="knows up to 1; install polegate 9"):
        read(packed(tmp_path / "a.tar.gz", format=2, polegate="9.0"))


def test_a_manifest_that_says_too_little_is_refused(tmp_path):
    body = json.dumps({"format": 1, "kind": "backup"}).encode()
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz", format=tarfile.USTAR_FORMAT) as tar:
        head = member("manifest.json")
        head.size = len(body)
        tar.addfile(head, io.BytesIO(body))
    with pytest.raises(Refused, match=r"manifest\.json: polegate: Field required"):
        read(tmp_path / "a.tar.gz")
