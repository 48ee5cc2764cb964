"""The camera part as a package beside the base: what it holds, and what its scripts do to a station that runs."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from fakes.children import program
from fakes.clips import Clip

from scripts.packaging import archive, bill, camera_part, deb, one_ffmpeg, release, vendored, wheels
from scripts.packaging.wheels import Pin, Wheel

CHECKOUT = Path(__file__).parents[2]
LOCKS = CHECKOUT / "scripts/locks"
SCRIPTS = CHECKOUT / "scripts/packaging/debian/camera"
ELF = b"\x7fELF\x02\x01".ljust(32, b"\0") + struct.pack("<QQIHHHHHH", 64, 0, 0, 64, 56, 0, 64, 0, 0)
"""A file header that says: no segments, no sections."""

EPOCH = 1_795_392_000
PART = "1.0-0123456789ab"


def run(*command: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)  # type: ignore[call-overload, no-any-return]


def wheel(folder: Path, name: str, entries: dict[str, bytes]) -> Wheel:
    folder.mkdir(exist_ok=True)
    file = folder / f"{name}-1.0-py3-none-any.whl"
    papers = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nLicense-Expression: MIT\n".encode()
    with zipfile.ZipFile(file, "w") as target:
        for entry, content in {**entries, f"{name}-1.0.dist-info/METADATA": papers}.items():
            target.writestr(entry, content)
    return Wheel(file, hashlib.sha256(file.read_bytes()).hexdigest())


# What belongs to the part.


def test_the_part_has_what_the_base_has_not() -> None:
    pins = camera_part.pins_beside(LOCKS / "run.txt", LOCKS / "camera.txt", "arm64")
    names = [pin.name for pin in pins]
    assert {"numpy", "opencv-python-headless", "av", "lxml", "aiohttp"} <= set(names)
    assert len(names) == len(set(names))  # of two numpys the one for this Python
    assert not set(names) & {pin.name for pin in wheels.read_lock(LOCKS / "run.txt", "aarch64")}


def test_locks_that_differ_are_refused(tmp_path: Path) -> None:
    for name, version in (("run", "1.0"), ("camera", "1.1")):
        (tmp_path / f"{name}.txt").write_text(f"orjson=={version} \\\n    --hash=sha256:{'a' * 64}\n")
    with pytest.raises(RuntimeError, match=r"camera.txt and run.txt differ in orjson: run scripts/lock"):
        camera_part.pins_beside(tmp_path / "run.txt", tmp_path / "camera.txt", "amd64")


def test_another_library_is_another_part() -> None:
    one, other = Pin("av", "18.1.0", frozenset("a")), Pin("av", "18.1.0", frozenset("b"))
    assert camera_part.name_of("1.0", [one]) == camera_part.name_of("1.0", [one])
    assert camera_part.name_of("1.0", [one]) != camera_part.name_of("1.0", [other])
    assert re.fullmatch(r"1\.0-[0-9a-f]{12}", camera_part.name_of("1.0", [one]))


@pytest.mark.parametrize(
    ("entry", "kept"),
    [
        ("numpy/_core/tests/data/big.csv", False),
        ("numpy/tests/test_all.py", False),
        ("numpy/f2py/crackfortran.py", False),
        ("numpy/random/lib/libnpyrandom.a", False),
        ("numpy/__init__.pyi", False),
        ("cv2/data/haarcascade_eye.xml", False),
        ("lxml/parser.pxi", False),
        ("lxml/objectify.cpython-311-x86_64-linux-gnu.so", False),
        ("lxml/etree.cpython-311-x86_64-linux-gnu.so", True),
        ("lxml/html/diff.py", False),
        ("numpy/f2py/LICENSE.txt", True),
        ("numpy/testing/__init__.py", True),
        ("cv2/data/__init__.py", True),
        ("cv2/LICENSE-3RD-PARTY.txt", True),
        ("other/tests/data.csv", True),
    ],
)
def test_what_no_worker_reads_is_left_out_but_never_a_licence(tmp_path: Path, entry: str, kept: bool) -> None:
    wheels.unpack({"thing": wheel(tmp_path / "wheels", "thing", {entry: b""})}, tmp_path / "site")
    assert (tmp_path / "site" / entry).exists() == kept


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A base and a part, of little wheels, as both packages unpack them."""
    folder = tmp_path_factory.mktemp("roots")
    libraries = {
        "eye": wheel(
            folder / "wheels", "eye",
            {"eye/__init__.py": b"", "eye/_fast.so": ELF, "eye.libs/libx264-d6533a8d.so.165": ELF},
        )
    }  # fmt: skip
    part, base = folder / "part", folder / "base"
    site = part / camera_part.HOME[1:] / PART
    release.lay_out(libraries, site)
    release.compile_all(part, site)
    (base / release.HOME[1:] / "releases/1.0-x" / release.SITE / "agent").mkdir(parents=True)
    papers = deb.Papers(
        bill.materials("polegate-camera", "1.0", "amd64", libraries, EPOCH), bill.licences(libraries)
    )
    deb.describe(part, deb.CAMERAS, papers, {"version": "1.0", "arch": "amd64", "name": PART})
    return base, part


def test_no_file_is_owned_by_both_and_none_hides_another(roots: tuple[Path, Path]) -> None:
    base, part = roots
    assert camera_part.shared(base, part) == []
    both = (
        base / "opt/polegate/releases/1.0-x" / release.SITE / "eye",  # the base's would be imported
        base / "usr/share/doc/polegate-camera/copyright",
    )
    for each in both:
        each.parent.mkdir(parents=True, exist_ok=True)
        each.touch()
    assert camera_part.shared(base, part) == ["eye", "usr/share/doc/polegate-camera/copyright"]
    for each in both:
        each.unlink()


def test_dpkg_reads_it_and_wants_the_base_of_the_same_version(
    roots: tuple[Path, Path], tmp_path: Path
) -> None:
    for arch, code in archive.FILTERS.items():
        file = tmp_path / f"{arch}.deb"
        archive.pack(roots[1], file, arch, EPOCH, level=1)
        assert run("dpkg-deb", "--field", file, "Depends").stdout.startswith("polegate (= 1.0), ")
        assert run("dpkg-deb", "--raw-extract", file, tmp_path / arch).returncode == 0, code
        unpacked = tmp_path / arch / "opt/polegate/cameras" / PART
        assert (unpacked / "eye/_fast.so").read_bytes() == ELF
        assert list(unpacked.glob("eye/__pycache__/*.pyc"))
        assert f"part={PART}\n" in (tmp_path / arch / "DEBIAN/postinst").read_text()


def test_the_bundle_gives_back_each_package(roots: tuple[Path, Path], tmp_path: Path) -> None:
    packages = []
    for kind in (deb.CAMERAS, deb.POLEGATE):
        file = tmp_path / f"{kind.name}_1.0_amd64.deb"
        file.write_bytes(kind.name.encode() * 1000)
        packages.append(deb.Package(kind, file, 1))
    made = deb.bundle(packages, tmp_path, "1.0", "amd64")
    assert made.name == "polegate-cameras-1.0-amd64.sh"
    out = tmp_path / "out"
    out.mkdir()
    done = run("sh", made, "extract", out)
    assert (done.returncode, done.stderr) == (0, "")
    for package in packages:
        assert (out / package.file.name).read_bytes() == package.file.read_bytes()
    damaged = bytearray(made.read_bytes())
    damaged[-1] ^= 1
    made.write_bytes(damaged)
    done = run("sh", made, "extract", out)
    assert (done.returncode, "copy it again" in done.stderr) == (1, True)
    assert not (out / packages[1].file.name).exists()


# Papers.


def test_shared_objects_stand_in_the_bill_with_their_licence(roots: tuple[Path, Path]) -> None:
    documents = roots[1] / deb.CAMERA_DOCUMENTS
    (eye,) = json.loads((documents / "sbom.cdx.json").read_text())["components"]
    assert eye["components"] == [
        {
            "type": "file", "name": "eye.libs/libx264-d6533a8d.so.165",
            "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(ELF).hexdigest()}],
            "licenses": [{"expression": "GPL-2.0-or-later"}],
        }
    ]  # fmt: skip
    text = (documents / "THIRD-PARTY-LICENSES.txt").read_text()
    assert "owes its receivers their sources" in text
    assert re.search(r"eye.libs/libx264-d6533a8d.so.165 +GPL-2.0-or-later", text)


def test_a_shared_object_nobody_has_read_stops_the_build(tmp_path: Path) -> None:
    eye = wheel(tmp_path, "eye", {"eye.libs/libnew-0123abcd.so.1": ELF})
    with pytest.raises(RuntimeError, match=r"libnew-0123abcd.so.1: nobody has read its licence yet"):
        list(vendored.objects(eye))


@pytest.mark.parametrize(
    ("said", "licence"),
    [
        (b"libavcodec license: LGPL version 3 or later\0", "LGPL-3.0-or-later"),
        (b"libswscale license: LGPL version 2.1 or later\0", "LGPL-2.1-or-later"),
        (b"libavutil license: GPL version 2 or later\0", "GPL-2.0-or-later"),
    ],
)
def test_ffmpeg_says_itself_how_it_was_configured(tmp_path: Path, said: bytes, licence: str) -> None:
    eye = wheel(tmp_path, "eye", {"eye.libs/libavcodec-0123abcd.so.62": ELF + said})
    assert [each.licence for each in vendored.objects(eye)] == [licence]


def test_the_licence_of_every_shared_object_of_the_lock_was_read(tmp_path: Path) -> None:
    """As far as it is installed here: the lock's wheels for this machine."""
    site = Path(sysconfig.get_paths()["platlib"])
    names = [file.name for folder in ("av.libs", "numpy.libs", "opencv_python_headless.libs") for file in (site / folder).iterdir()]  # fmt: skip
    others = [name for name in names if not re.match(r"lib(av(?!if)|sw)", name)]
    assert len(others) > 30
    eye = wheel(tmp_path, "eye", {f"eye.libs/{name}": b"" for name in others if ".so" in name})
    assert all(each.licence for each in vendored.objects(eye))


# Its maintainer scripts, in a folder instead of /, with stand-ins for systemd's programs.

SYSTEMCTL = '#!/bin/sh\ncat "$ROOT/state"\n'
INVOKE = '#!/bin/sh\necho "$1" >>"$ROOT/orders"\nset -- $(cat "$ROOT/fails")\n[ "$#" = 0 ] || { shift; echo "$*" >"$ROOT/fails"; exit 1; }\n'
POLEGATE = '#!/bin/sh\n[ ! -e "$ROOT/refused" ] || { echo "nonsense: unknown" >&2; exit 1; }\n'


@dataclass
class Gateway:
    """`fails`: as many orders to start or restart are not followed."""

    root: Path
    home: Path = field(init=False)

    def __post_init__(self) -> None:
        self.home = self.root / "opt/polegate"
        programs = {"bin/systemctl": SYSTEMCTL, "bin/deb-systemd-invoke": INVOKE, "opt/polegate/venv/bin/polegate": POLEGATE}  # fmt: skip
        for name, text in programs.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(text)
            (self.root / name).chmod(0o755)
        (self.root / "run/systemd/system").mkdir(parents=True)
        self.set("orders", "")
        self.set("fails", "")
        self.set("state", "active")

    def set(self, name: str, text: str) -> None:
        (self.root / name).write_text(text)

    def script(self, name: str, *words: str) -> subprocess.CompletedProcess[str]:
        text = (SCRIPTS / name).read_text().replace("@NAME@", PART)
        for place in ("/opt/", "/run/", "/etc/"):
            text = text.replace(place, f"{self.root}{place}")
        return run("sh", "-c", text, name, *words, env={"ROOT": str(self.root), "PATH": f"{self.root}/bin:/usr/bin:/bin"})  # fmt: skip

    def unpack(self, content: str = "new") -> None:
        """What dpkg does between preinst and postinst; files are replaced, not written over."""
        (self.home / "cameras" / PART).mkdir(parents=True, exist_ok=True)
        (self.home / "cameras" / PART / "new").write_text(content)
        (self.home / "cameras" / PART / "new").rename(self.part)

    @property
    def part(self) -> Path:
        return self.home / "cameras" / PART / "libraries"

    @property
    def orders(self) -> list[str]:
        return (self.root / "orders").read_text().split()

    def left(self) -> Iterable[str]:
        return sorted(each.name for each in self.home.iterdir() if each.name != "venv")


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    return Gateway(tmp_path / "root")


@pytest.fixture
def unpacked(gateway: Gateway) -> Gateway:
    """With the files of the part, before it is configured."""
    assert gateway.script("preinst", "install").returncode == 0
    gateway.unpack()
    return gateway


@pytest.mark.parametrize("name", ["preinst", "postinst", "prerm", "postrm"])
def test_scripts_are_clean_and_ignore_what_they_do_not_know(gateway: Gateway, name: str) -> None:
    assert run(shutil.which("dash") or "sh", "-n", SCRIPTS / name).returncode == 0
    done = run(program("shellcheck", "shellcheck"), SCRIPTS / name)
    assert (done.returncode, done.stdout) == (0, "")
    done = gateway.script(name, "something-new")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_running_station_is_restarted_once(unpacked: Gateway) -> None:
    assert unpacked.script("postinst", "configure").returncode == 0
    assert unpacked.orders == ["restart"]
    assert unpacked.script("postinst", "configure", "1.0").returncode == 0
    assert unpacked.orders == ["restart"]
    assert unpacked.left() == ["cameras"]


@pytest.mark.parametrize("state", ["inactive", "failed", "deactivating"])
def test_a_station_that_does_not_run_is_left_alone(unpacked: Gateway, state: str) -> None:
    unpacked.set("state", state)
    assert unpacked.script("postinst", "configure").returncode == 0
    assert unpacked.script("prerm", "remove").returncode == 0
    assert unpacked.orders == []


def test_the_base_that_was_started_with_the_part_is_not_started_again(unpacked: Gateway) -> None:
    (unpacked.home / "cameras-pending").unlink()  # as the postinst of polegate does, once the daemon is ready
    assert unpacked.script("postinst", "configure").returncode == 0
    assert unpacked.orders == []


def test_a_refused_configuration_leaves_it_running_without_the_part(unpacked: Gateway) -> None:
    unpacked.set("refused", "")
    done = unpacked.script("postinst", "configure")
    assert done.returncode == 1
    assert "mend it, then: dpkg --configure polegate-camera" in done.stderr
    assert (unpacked.orders, unpacked.part.exists()) == ([], False)
    (unpacked.root / "refused").unlink()
    assert unpacked.script("postinst", "configure").returncode == 0
    assert (unpacked.orders, unpacked.part.read_text()) == (["restart"], "new")
    assert unpacked.left() == ["cameras"]


def test_a_part_with_which_it_does_not_start_is_put_aside(unpacked: Gateway) -> None:
    unpacked.set("fails", "restart")
    done = unpacked.script("postinst", "configure")
    assert (done.returncode, "did not become ready" in done.stderr) == (1, True)
    assert (unpacked.orders, unpacked.part.exists()) == (["restart", "restart"], False)


def test_an_upgrade_that_does_not_start_gives_back_the_part_before(unpacked: Gateway) -> None:
    assert unpacked.script("postinst", "configure").returncode == 0
    assert unpacked.script("preinst", "upgrade", "1.0").returncode == 0
    unpacked.unpack("newer")
    unpacked.set("fails", "restart")
    assert unpacked.script("postinst", "configure", "1.0").returncode == 1
    assert unpacked.part.read_text() == "new"
    assert unpacked.script("postinst", "configure", "1.0").returncode == 0
    assert unpacked.part.read_text() == "newer"
    assert [each.name for each in (unpacked.home / "cameras").iterdir()] == [PART]


def test_a_fresh_unpacking_wins_over_what_was_put_aside(unpacked: Gateway) -> None:
    unpacked.set("fails", "restart")
    assert unpacked.script("postinst", "configure").returncode == 1
    assert unpacked.script("preinst", "install").returncode == 0
    unpacked.unpack("mended")
    assert unpacked.script("postinst", "configure").returncode == 0
    assert unpacked.part.read_text() == "mended"


@pytest.fixture
def configured(unpacked: Gateway) -> Gateway:
    assert unpacked.script("postinst", "configure").returncode == 0
    unpacked.set("orders", "")
    return unpacked


def test_a_running_station_goes_on_without_a_part_that_is_removed(configured: Gateway) -> None:
    seen: Callable[[], bool] = configured.part.exists
    assert configured.script("prerm", "remove").returncode == 0
    assert (configured.orders, seen()) == (["restart"], False)
    assert configured.script("postrm", "remove").returncode == 0
    assert configured.left() == []


def test_a_part_is_not_removed_where_the_station_would_not_come_back(configured: Gateway) -> None:
    configured.set("refused", "")
    done = configured.script("prerm", "remove")
    assert (done.returncode, "Mend it first" in done.stderr) == (1, True)
    assert (configured.orders, configured.part.exists()) == ([], True)


def test_a_part_stays_when_the_station_does_not_start_without_it(configured: Gateway) -> None:
    configured.set("fails", "restart")
    done = configured.script("prerm", "remove")
    assert (done.returncode, "did not become ready without it" in done.stderr) == (1, True)
    assert (configured.orders, configured.part.read_text()) == (["restart", "restart"], "new")


@pytest.mark.parametrize("how", ["abort-upgrade", "abort-install"])
def test_an_aborted_unpacking_leaves_nothing(unpacked: Gateway, how: str) -> None:
    assert unpacked.script("postrm", how).returncode == 0
    assert unpacked.left() == ["cameras"]


# One FFmpeg for OpenCV and PyAV, as they are installed here: the lock's wheels for this machine.

DECODE = """
import sys
sys.path.insert(0, sys.argv[1])
import av, cv2, hashlib
assert cv2.__file__.startswith(sys.argv[1]) and av.__file__.startswith(sys.argv[1])
seen = hashlib.sha256()
for file, codec in zip(sys.argv[2::2], sys.argv[3::2]):
    with av.open(file, format=codec) as clip:
        for frame in clip.decode(video=0):
            seen.update(cv2.cvtColor(frame.to_ndarray(format="bgr24"), cv2.COLOR_BGR2GRAY).tobytes())
print(seen.hexdigest())
print(*sorted({line.split()[-1].rpartition("/")[2] for line in open("/proc/self/maps") if ".libs/" in line}))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Modules and shared objects of both, for a test to change."""
    here, site = Path(sysconfig.get_paths()["platlib"]), tmp_path_factory.mktemp("site")
    for name in ("av", "cv2", one_ffmpeg.PYAV, one_ffmpeg.OPENCV):
        shutil.copytree(here / name, site / name, symlinks=True)
    return site


def test_opencv_and_pyav_share_one_ffmpeg_and_see_the_same_pictures(site: Path, tmp_path: Path) -> None:
    clips: list[str | Path] = []
    for codec, form in (("h264", "h264"), ("h265", "hevc")):
        stream = Clip(codec=codec, width=160, height=96, seconds=1, noise=8).file(tmp_path)
        (tmp_path / form).write_bytes(stream.read_bytes().split(b"\n", 1)[1])
        clips += [tmp_path / form, form]
    before = run(sys.executable, "-c", DECODE, site, *clips)
    assert (before.returncode, before.stderr) == (0, "")
    left_out = one_ffmpeg.unite(site)
    bound_at_once = {**os.environ, "LD_BIND_NOW": "1"}  # no function is missing that is called one day
    after = run(sys.executable, "-c", DECODE, site, *clips, env=bound_at_once)
    assert (after.returncode, after.stderr) == (0, "")
    pixels, loaded = after.stdout.splitlines()
    assert pixels == before.stdout.splitlines()[0]
    for name in one_ffmpeg.TAKEN_OF:
        assert len(re.findall(rf"\b{name}-", before.stdout)) == 2
        assert len(re.findall(rf"\b{name}-", loaded)) == 1
    assert {"libx264", "libx265", "libgnutls"} < {re.split(r"[-/]", name)[1] for name in left_out}
    assert not [name for name in left_out if (site / name).exists() or name.rpartition("/")[2] in loaded]
    assert not [link for folder in site.iterdir() for link in folder.iterdir() if not link.exists()]


def test_two_versions_of_ffmpeg_stay_two(tmp_path: Path) -> None:
    for folder, version in ((one_ffmpeg.PYAV, "62.28.102"), (one_ffmpeg.OPENCV, "62.28.101")):
        (tmp_path / folder).mkdir()
        for name in one_ffmpeg.TAKEN_OF:
            (tmp_path / folder / f"{name}-0123abcd.so.{version}").write_bytes(ELF)
    assert one_ffmpeg.unite(tmp_path) == []
    assert not [file for folder in tmp_path.iterdir() for file in folder.iterdir() if file.is_symlink()]


def test_what_is_left_out_stands_in_no_paper(tmp_path: Path) -> None:
    names = ("eye.libs/libx264-d6533a8d.so.165", "eye.libs/libdrm-b0291a67.so.2.4.0")
    eye = replace(wheel(tmp_path, "eye", dict.fromkeys(names, ELF)), left_out=frozenset(names[:1]))
    assert [each.name for each in vendored.objects(eye)] == [names[1]]
    assert "GPL" not in bill.licences({"eye": eye})
