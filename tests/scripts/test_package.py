"""The Debian package: what is in it, who owns it, that it runs, and what its papers say."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from email.message import Message
from pathlib import Path

import jsonschema
import pytest
from fakes.children import program
from hypothesis import given
from hypothesis import strategies as st

from scripts.packaging import archive, bill, camera_part, completion, deb, elf, manual, release, wheels
from scripts.packaging.commands import verbs
from scripts.packaging.wheels import Wheel

CHECKOUT = Path(__file__).parents[2]
LOCK = CHECKOUT / "scripts/locks/run.txt"
DEBIAN = CHECKOUT / "scripts/packaging/debian"
EPOCH = 1_795_392_000


def run(*command: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **options)  # type: ignore[call-overload, no-any-return]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the package and the bundle of this checkout, built once."""
    if sys.version_info[:2] != (3, 11):
        pytest.skip("the package is for Debian 12, and built with its Python 3.11")
    out = tmp_path_factory.mktemp("package")
    done = run(
        sys.executable, "-m", "scripts.packaging", "--arch", "amd64", "--out", out, "--without-cameras",
        cwd=CHECKOUT, env={**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="session")
def package(made: Path) -> Path:
    return next(made.glob("*.deb"))


@pytest.fixture(scope="session")
def root(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, unpacked."""
    root = tmp_path_factory.mktemp("root")
    assert run("dpkg-deb", "--raw-extract", package, root).returncode == 0
    return root


@pytest.fixture(scope="session")
def site(root: Path) -> Path:
    (found,) = root.glob("opt/polegate/releases/*/lib/python3.11/site-packages")
    return found


@pytest.fixture(scope="session")
def locked() -> dict[str, Wheel]:
    return wheels.fetch(LOCK, "amd64", CHECKOUT / "build/wheels/amd64")


def test_everything_is_roots_and_only_programs_run(package: Path, tmp_path: Path) -> None:
    data = tmp_path / "data.tar"
    with data.open("wb") as target:
        subprocess.run(["dpkg-deb", "--fsys-tarfile", package], stdout=target, check=True)
    with tarfile.open(data) as tar:
        members = tar.getmembers()
    assert {(member.uname, member.gname, member.mtime) for member in members} == {("root", "root", EPOCH)}
    assert {member.mode for member in members if member.isdir()} == {0o755}
    files = {member.name: member.mode for member in members if member.isfile()}
    assert set(files.values()) == {0o644, 0o755}
    (runs,) = [name for name, mode in files.items() if mode == 0o755]
    assert re.fullmatch(r"\./opt/polegate/releases/[^/]+/bin/polegate", runs)


def test_nothing_of_it_lies_where_a_person_writes(root: Path) -> None:
    assert {path.name for path in root.iterdir()} == {"DEBIAN", "opt", "usr"}
    assert not (root / "usr/local").exists()


def test_every_system_file_is_there(root: Path) -> None:
    for source, target in deb.SYSTEM_FILES.items():
        assert (root / target).read_bytes() == (CHECKOUT / source).read_bytes()


def test_no_file_remembers_where_it_was_built(root: Path) -> None:
    built_at = [str(CHECKOUT).encode(), b"polegate-package-", b"/.venv/"]
    for file in root.rglob("*"):
        if file.is_file() and not file.is_symlink():
            content = file.read_bytes()
            assert not [place for place in built_at if place in content], file


def test_no_file_is_left_that_no_daemon_reads(site: Path) -> None:
    left = {file.suffix for file in site.rglob("*") if file.is_file()}
    assert not left & {".pyx", ".pxd", ".pyi", ".c", ".h"}
    assert not list(site.glob("*.dist-info/RECORD"))
    assert not list(site.glob("pip"))


def test_the_program_runs_from_where_it_is_unpacked(root: Path, site: Path) -> None:
    done = run(
        "/usr/bin/python3.11", "-I", "-B", "-c",
        "import sys; sys.path.insert(0, sys.argv.pop(1)); from agent.cli.main import main; main()",
        site, "--version",
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("polegate, version 0.1.0\n", "")
    libraries = "aiomqtt, click, orjson, paho, pydantic, pymodbus, rich, serial, serial_asyncio_fast, uvloop"
    code = f"import sys; sys.path.insert(0, sys.argv[1]); import {libraries}; print(uvloop.__file__)"
    done = run("/usr/bin/python3.11", "-I", "-B", "-c", code, site)
    assert done.stdout.startswith(str(site)), done.stderr
    assert all(
        file.stat().st_mtime == EPOCH for file in site.rglob("*") if file.is_file()
    )  # nothing was compiled


def test_the_command_names_its_own_release(root: Path, site: Path) -> None:
    home = site.parents[2]
    place = f"/opt/polegate/releases/{home.name}"
    assert (root / "opt/polegate/venv").readlink() == Path("releases") / home.name
    assert (home / "bin/polegate").read_text().startswith(f"#!{place}/bin/python\n")
    assert (home / "bin/python").readlink() == Path("/usr/bin/python3.11")
    assert (root / "usr/bin/polegate").readlink() == Path("/opt/polegate/venv/bin/polegate")
    assert f"release={home.name}\n" in (root / "DEBIAN/postinst").read_text()


def test_the_release_takes_the_camera_part_of_its_own_lock_and_no_other(site: Path) -> None:
    pins = camera_part.pins_beside(LOCK, LOCK.with_name("camera.txt"), "amd64")
    name = camera_part.name_of(site.parents[2].name.rpartition("-")[0], pins)
    assert (site / "polegate-camera.pth").read_text() == f"/opt/polegate/cameras/{name}\n"


def test_the_bytecode_is_used_unchecked_and_names_the_place_on_the_gateway(site: Path) -> None:
    compiled = next(site.glob("agent/__pycache__/app.*.pyc")).read_bytes()
    assert struct.unpack_from("<I", compiled, 4) == (0b01,)  # PEP 552: by hash, not checked
    assert f"/opt/polegate/releases/{site.parents[2].name}/".encode() in compiled


def test_dpkg_is_told_the_sums(root: Path) -> None:
    told = dict(reversed(line.split("  ", 1)) for line in (root / "DEBIAN/md5sums").read_text().splitlines())
    files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    inside = {str(file.relative_to(root)): file for file in files if file.parent.name != "DEBIAN"}
    assert told == {name: hashlib.md5(file.read_bytes()).hexdigest() for name, file in inside.items()}


def test_the_base_stays_small(made: Path) -> None:
    assert next(made.glob("*.sh")).stat().st_size <= 8 * 2**20


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    """The whole build is compared by scripts/package-check; here times, order and rights of a small one differ."""
    archives = []
    for name, order in (("one", "abc"), ("two", "cba")):
        tree = tmp_path / name
        words = {"version": "1", "arch": "amd64", "name": "1-x"}
        deb.describe(_tree(tree, order), deb.POLEGATE, deb.Papers("", ""), words)
        target = tmp_path / f"{name}.deb"
        archive.pack(tree, target, "amd64", EPOCH)
        archives.append(target.read_bytes())
    assert archives[0] == archives[1]


def _tree(root: Path, order: str) -> Path:
    for number, name in enumerate(order):
        (root / "usr" / name).mkdir(parents=True)
        file = root / "usr" / name / "file"
        file.write_text(name)
        file.chmod(0o600 + 0o40 * number)
    return root


# The bundle.


def bundle(made: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run("sh", next(made.glob("*.sh")), *words)


def test_the_bundle_holds_the_package(made: Path, package: Path, tmp_path: Path) -> None:
    done = bundle(made, "extract", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / package.name).read_bytes() == package.read_bytes()


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_bundle_says_so(made: Path, tmp_path: Path, damage: str) -> None:
    content = bytearray(next(made.glob("*.sh")).read_bytes())
    if damage == "cut":
        del content[-1000:]
    else:
        content[-1000] ^= 1
    damaged = tmp_path / "damaged.sh"
    damaged.write_bytes(content)
    done = run("sh", damaged, "extract", tmp_path)
    assert done.returncode == 1
    assert "damaged or cut short: copy it again" in done.stderr
    assert not list(tmp_path.glob("*.deb"))


def test_the_bundle_tells_how_it_is_used(made: Path) -> None:
    said = bundle(made, "--help").stdout
    assert all(verb in said for verb in ("install", "check", "remove", "purge", "extract"))
    assert "@" not in said
    wrong = bundle(made, "instal")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr == said


# Maintainer scripts.

SCRIPTS = [DEBIAN / name for name in ("preinst", "postinst", "prerm", "postrm", "bundle.sh")]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_scripts_are_clean(script: Path) -> None:
    shell = shutil.which("dash") or "sh"
    assert run(shell, "-n", script).returncode == 0
    done = run(program("shellcheck", "shellcheck"), script)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name", ["preinst", "postinst", "prerm", "postrm"])
def test_scripts_ignore_what_they_do_not_know(root: Path, name: str) -> None:
    done = run("sh", root / "DEBIAN" / name, "something-new")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# Wheels and the lock.


def test_a_wheel_that_the_lock_does_not_know_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "run.txt"
    lock.write_text(f"mdurl==0.1.2 \\\n    --hash=sha256:{'0' * 64}\n")
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "mdurl-0.1.2-py3-none-any.whl").write_bytes(b"another")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: None)  # pip finds nothing new
    with pytest.raises(RuntimeError, match=r"no wheel in .* with a hash of run.txt: mdurl"):
        wheels.fetch(lock, "amd64", kept)


def test_the_lock_is_read_for_the_gateway_not_for_this_machine(tmp_path: Path) -> None:
    lock = tmp_path / "run.txt"
    digest = "a" * 64
    lock.write_text(
        "# run: written by scripts/lock\n"
        f"colorama==0.4.6 ; sys_platform == 'win32' \\\n    --hash=sha256:{digest}\n"
        f"PyThing==1.0 ; platform_machine == 'aarch64' \\\n    --hash=sha256:{digest} \\\n    --hash=sha256:{'b' * 64}\n"
    )
    assert wheels.read_lock(lock, "x86_64") == []
    assert wheels.read_lock(lock, "aarch64") == [wheels.Pin("pything", "1.0", frozenset({digest, "b" * 64}))]


@pytest.mark.parametrize("entry", ["../outside.py", "/outside.py", "a/../../outside.py"])
def test_a_wheel_stays_inside(tmp_path: Path, entry: str) -> None:
    file = tmp_path / "evil-1-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(entry, "")
    with pytest.raises(RuntimeError, match="a wheel holds"):
        wheels.unpack({"evil": Wheel(file, "")}, tmp_path / "site")


@pytest.mark.parametrize(
    ("file", "version"),
    [("polegate-1.2.0-py3-none-any.whl", "1.2.0"), ("polegate-1.2.0rc1-py3-none-any.whl", "1.2.0~rc1")],
)
def test_a_pre_release_comes_before_its_release(file: str, version: str) -> None:
    assert release.version_of(Path(file)) == version


def test_a_stripped_library_is_loaded_and_lighter(site: Path, locked: Mapping[str, Wheel]) -> None:
    (library,) = site.glob("uvloop/loop*.so")
    with locked["uvloop"].open() as archive:
        whole = archive.getinfo(str(library.relative_to(site))).file_size
    assert library.stat().st_size < whole / 5
    stripped = library.read_bytes()
    assert elf.strip(stripped) == stripped
    assert b".debug_info" not in stripped


@given(st.binary(max_size=80))
def test_what_is_no_library_is_left_alone(content: bytes) -> None:
    with pytest.raises(ValueError, match="not a little-endian ELF-64 file"):
        elf.strip(b"\x7fELF\x01" + content)


# Papers: bill of materials, licences, manual page, completion.

# Of http://cyclonedx.org/schema/bom-1.6.schema.json what is used here, with its own words for it.
_LICENCE = {
    "oneOf": [
        {
            "required": ["license"],
            "additionalProperties": False,
            "properties": {"license": {"oneOf": [{"required": ["id"]}, {"required": ["name"]}]}},
        },
        {"required": ["expression"], "additionalProperties": False, "properties": {"expression": {}}},
    ]
}
_COMPONENT = {
    "type": "object",
    "required": ["type", "name"],
    "additionalProperties": False,
    "properties": {
        "type": {"enum": ["application", "framework", "library", "operating-system", "file"]},
        "bom-ref": {"type": "string", "minLength": 1},
        "name": {"type": "string"},
        "version": {"type": "string", "maxLength": 1024},
        "purl": {"type": "string", "pattern": "^pkg:[a-z]+/.+"},
        "hashes": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["alg", "content"],
                "properties": {
                    "alg": {"enum": ["SHA-1", "SHA-256", "SHA-512"]},
                    "content": {
                        "pattern": "^([a-fA-F0-9]{32}|[a-fA-F0-9]{40}|[a-fA-F0-9]{64}|[a-fA-F0-9]{96}|[a-fA-F0-9]{128})$"
                    },
                },
            },
        },
        "licenses": {"type": "array", "items": _LICENCE},
        "components": {"type": "array", "items": {"$ref": "#/$defs/component"}},
    },
}
CYCLONEDX = {
    "$defs": {"component": _COMPONENT},
    "type": "object",
    "required": ["bomFormat", "specVersion"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"enum": ["http://cyclonedx.org/schema/bom-1.6.schema.json"]},
        "bomFormat": {"enum": ["CycloneDX"]},
        "specVersion": {"enum": ["1.6"]},
        "serialNumber": {
            "pattern": "^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
        },
        "version": {"type": "integer", "minimum": 1},
        "metadata": {
            "additionalProperties": False,
            "properties": {
                "timestamp": {"pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"},
                "component": {"$ref": "#/$defs/component"},
            },
        },
        "components": {"type": "array", "uniqueItems": True, "items": {"$ref": "#/$defs/component"}},
        "dependencies": {
            "type": "array",
            "uniqueItems": True,
            "items": {
                "required": ["ref"],
                "additionalProperties": False,
                "properties": {
                    "ref": {"type": "string"},
                    "dependsOn": {"type": "array", "uniqueItems": True},
                },
            },
        },
    },
}


@pytest.fixture(scope="session")
def materials(root: Path) -> dict[str, object]:
    return json.loads((root / deb.DOCUMENTS / "sbom.cdx.json").read_text())


def test_the_bill_is_cyclonedx(materials: dict[str, object]) -> None:
    jsonschema.validate(materials, CYCLONEDX)


def test_the_bill_names_every_pin_of_the_lock_and_nothing_else(materials: dict, site: Path) -> None:
    pins = {pin.name: pin for pin in wheels.read_lock(LOCK, "x86_64")}
    parts = {part["purl"].removeprefix("pkg:pypi/").split("@")[0]: part for part in materials["components"]}
    assert parts.keys() == pins.keys()
    for name, pin in pins.items():
        assert parts[name]["version"] == pin.version
        assert parts[name]["hashes"][0]["content"] in pin.hashes
    installed = {path.name.split("-")[0].lower().replace("_", "-") for path in site.glob("*.dist-info")}
    assert installed == {*pins, "polegate"}


def test_the_bill_says_who_needs_whom(materials: dict) -> None:
    needs = {item["ref"]: item["dependsOn"] for item in materials["dependencies"]}
    refs = {part["bom-ref"] for part in materials["components"]}
    assert needs.keys() == {materials["metadata"]["component"]["bom-ref"], *refs}
    (pydantic,) = [ref for ref in refs if ref.startswith("pkg:pypi/pydantic@")]
    assert any(ref.startswith("pkg:pypi/pydantic-core@") for ref in needs[pydantic])
    assert {ref for refs in needs.values() for ref in refs} <= refs


def test_the_bill_looks_into_compiled_wheels(materials: dict) -> None:
    (orjson,) = [part for part in materials["components"] if part["name"] == "orjson"]
    assert any(part["purl"].startswith("pkg:cargo/") for part in orjson["components"])


def test_every_library_has_a_licence_and_its_text(root: Path, locked: Mapping[str, Wheel]) -> None:
    text = (root / deb.DOCUMENTS / "THIRD-PARTY-LICENSES.txt").read_text()
    assert "not declared" not in text
    for wheel in locked.values():
        name = wheel.metadata()["Name"]
        assert re.search(rf"^{re.escape(name)} .*: \S+", text, re.MULTILINE), name
    assert text.count("holds no text of the licence") == 1  # pyserial's


@pytest.mark.parametrize(
    ("fields", "expression"),
    [
        ({"License-Expression": "MIT OR Apache-2.0"}, "MIT OR Apache-2.0"),
        ({"License": "BSD-3-Clause"}, "BSD-3-Clause"),
        ({"License": "MIT License", "Classifier": "License :: OSI Approved :: MIT License"}, "MIT"),
        ({"License": "BSD", "Classifier": "License :: OSI Approved :: BSD License"}, "BSD"),
        ({"Classifier": "License :: OSI Approved :: BSD License"}, "BSD License"),
        ({}, "not declared"),
    ],
)
def test_a_licence_is_told_in_spdx_or_in_its_makers_words(fields: dict[str, str], expression: str) -> None:
    metadata = Message()
    metadata["Name"] = "thing"
    for key, value in fields.items():
        metadata[key] = value
    assert bill.licence_of(metadata) == expression


def test_the_manual_page_has_every_command_and_renders_without_a_word(tmp_path: Path) -> None:
    page = tmp_path / "polegate.1"
    page.write_text(manual.page("0.1.0", EPOCH))
    done = run(program("groff", "groff-base"), "-man", "-Tutf8", "-ww", "-z", "-K", "utf8", page)
    assert (done.returncode, done.stderr) == (0, "")
    for verb in verbs():
        if verb.words[1:]:
            assert f"\n.SS {' '.join(verb.words[1:])}\n".replace("-", "\\-") in page.read_text()


def test_roff_sees_no_request_in_a_text() -> None:
    assert manual._text(".TH 'quoted' -x\n'line\\n") == "\\&.TH 'quoted' \\-x\n\\&'line\\en"


def test_the_package_has_the_manual_page(root: Path) -> None:
    page = gzip.decompress((root / "usr/share/man/man1/polegate.1.gz").read_bytes()).decode()
    assert page.startswith('.TH POLEGATE 1 "2026-11-23" "polegate 0.1.0"')


@pytest.fixture
def complete(tmp_path: Path) -> Callable[[str], list[str]]:
    """What bash offers after a line."""
    script = tmp_path / "polegate"
    script.write_text(completion.bash())
    (tmp_path / "file.toml").touch()

    def offer(line: str) -> list[str]:
        words = line.split(" ")
        code = (
            'compopt() { echo "and files"; }; source "$1"; shift; '
            'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _polegate; printf "%s\\n" "${COMPREPLY[@]}"'
        )
        done = run("bash", "-c", code, "bash", script, *words, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        return [word for word in done.stdout.splitlines() if word]

    return offer


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("polegate st", ["status"]),
        ("polegate status --", ["--help", "--json", "--watch"]),
        ("polegate config c", ["check"]),
        ("polegate --config x.toml config check --j", ["--json"]),
        ("polegate config check ", ["and files", "--help", "--json"]),
        ("polegate --config ", ["and files"]),
        ("polegate tail --count ", []),
        ("polegate nonsense --xyz", []),
    ],
)
def test_bash_completes(complete: Callable[[str], list[str]], line: str, offered: list[str]) -> None:
    assert complete(line) == offered


def test_bash_knows_every_command(complete: Callable[[str], list[str]]) -> None:
    for verb in verbs():
        if verb.words[1:]:
            assert verb.words[-1] in complete(" ".join(verb.words))


def test_the_other_shells_ask_the_program() -> None:
    assert "_POLEGATE_COMPLETE=zsh_complete" in completion.zsh()
    assert "_POLEGATE_COMPLETE=fish_complete" in completion.fish()
    asked = {
        **os.environ,
        "_POLEGATE_COMPLETE": "zsh_complete",
        "COMP_WORDS": "polegate st",
        "COMP_CWORD": "1",
    }
    done = run(Path(sys.executable).with_name("polegate"), env=asked)
    assert done.stdout.splitlines()[1] == "status"
