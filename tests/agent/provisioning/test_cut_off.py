"""Killed at every step, provisioning leaves the old configuration or the new one, and the next run finishes it."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes.certificates import Authority

from agent.loaded import Loaded
from agent.loading import load
from agent.provisioning.changes import make
from agent.provisioning.credentials import passed_by
from agent.provisioning.plan import plan
from agent.provisioning.seed import read_seed
from agent.provisioning.site import SYSTEM_CONFIG, Site

OLD = """
[station]
kind = "river"
site = "riverside"
gateway = "river-3"
[uplink]
url = "mqtts://old.example"
ca = "ca.pem"
username = "river-3"
password = "the old one"
[cameras.bridge]
host = "192.168.1.9"
username = "polegate"
password = "for the camera"
"""
NEW = (
    OLD.replace("old.example", "new.example").replace("the old one", "the new one")
    + """
[devices.level]
instrument = "keller-36x"
port = "rs485-1"
[cameras.gate]
host = "192.168.1.10"
username = "polegate"
password = "for another"
[enrolment]
by = "request"
"""
)
SECRETS = {"old.example": "the old one", "new.example": "the new one"}
CHANGING = ("os.rename", "os.remove", "os.mkdir", "os.chmod", "os.link", "subprocess.Popen")


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    places = (tmp_path_factory.mktemp(name) for name in ("one", "two"))
    one, two = (Authority(place, name=place.name).ca.read_text() for place in places)
    return one, two


def boot(folder: Path, seed: str, ca: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "ca.pem").write_text(ca)
    (folder / "polegate-seed.toml").write_text(seed)
    return folder / "polegate-seed.toml"


def provision(seed: Path, root: Path) -> int:
    """All of it; returns how many changes there were. The key is made as on the gateway itself."""
    made = plan(read_seed(seed.read_text(), seed), Here(SYSTEM_CONFIG, root))
    return sum(1 for _ in make(made.changes))


class Here(Site):
    """A root that is not the machine's own, and is provisioned as if it were."""

    @property
    def offline(self) -> bool:
        return False


def killed_at(step: int, work: Callable[[], object], root: Path) -> bool:
    """Do the work in a child that is killed before its nth change to files; whether it was."""
    child = os.fork()
    if child == 0:
        left = step

        def count(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal left
            writes = (
                event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
            )
            if event in CHANGING or (writes and str(arguments[0]).startswith(str(root))):
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        try:
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def assert_whole(root: Path, *, before: bool) -> None:
    """The configuration is the old one or the new one, and has the secrets and files that belong to it."""
    config = root / str(SYSTEM_CONFIG).lstrip("/")
    if not config.exists():
        assert not before
        return
    loaded = load(config)
    uplink = loaded.config.uplink
    assert secret(loaded, root, "mqtt-password") == SECRETS[uplink.host]
    assert uplink.ca is not None
    assert (root / str(uplink.ca).lstrip("/")).read_text().startswith("-----BEGIN CERTIFICATE")
    unit = (root / "etc/systemd/system/polegate.service.d/10-credentials.conf").read_text()
    for name in passed_by(unit):  # systemd does not start a service whose credential is not there
        assert (config.parent / "credentials" / name).exists()
    assert {name for name in named(loaded) if name != "mqtt-client-key"} <= passed_by(unit)
    assert not loaded.config.devices or uplink.host == "new.example"


def named(loaded: Loaded) -> set[str]:
    config = loaded.config
    secrets = [
        config.uplink.password,
        config.uplink.key,
        *(each.password for each in config.cameras.values()),
    ]
    return {each.credential for each in secrets if each and each.credential}


def secret(loaded: Loaded, root: Path, base: str) -> str:
    (name,) = (name for name in named(loaded) if name.startswith(base))
    return (root / "etc/polegate/credentials" / name).read_text().rstrip("\n")


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder whose writes wait for no disk: there are thousands."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


@pytest.mark.parametrize("before", [False, True], ids=["bare", "provisioned"])
def test_old_or_new_at_every_step(memory: Path, authorities: tuple[str, str], before: bool) -> None:
    pristine = memory / "pristine"
    pristine.mkdir()
    if before:
        provision(boot(memory / "old", OLD, authorities[0]), pristine)
    step, states = 1, set()
    while True:
        root, seed = memory / f"root-{step}", boot(memory / f"boot-{step}", NEW, authorities[1])
        shutil.copytree(pristine, root)
        was_killed = killed_at(step, lambda seed=seed, root=root: provision(seed, root), memory)
        assert_whole(root, before=before)
        config = root / "etc/polegate/polegate.toml"
        states.add(load(config).config.uplink.host if config.exists() else "bare")
        provision(seed, root)  # the next run finishes
        assert_whole(root, before=True)
        assert load(config).config.uplink.host == "new.example"
        assert not [file for file in root.rglob("*") if file.name.endswith(".new")]
        credentials = root / "etc/polegate/credentials"
        assert {file.name for file in credentials.iterdir()} == named(load(config))
        assert all(stat.S_IMODE(file.stat().st_mode) in (0o400, 0o600) for file in credentials.iterdir())
        assert "the new one" not in seed.read_text()
        if not was_killed:
            assert provision(seed, root) == 0
            break
        shutil.rmtree(root)
        step += 1
    assert step > 25
    assert states == {"old.example" if before else "bare", "new.example"}
