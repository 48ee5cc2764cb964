"""polegate backup and restore: a station taken along while it runs, and brought back whole or not at all."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fakes.station import Station, messages
from fakes.waiting import wait_until

from agent.cli.main import group
from agent.keeping import replacing
from agent.writing import alone
from buffer.envelope import Envelope, Priority
from buffer.outbox import Outbox
from buffer.view import inspect

BASE = "polegate/1/river/gw-1"
HEAD = """
[station]
site = "river"
gateway = "{gateway}"
[uplink]
url = "{url}"
username = "gw-1"
password = {{ file = "{root}/etc/secrets/mqtt" }}
ca = "{root}/etc/ca.pem"
[outbox]
path = "{root}/var/outbox.db"
[clock]
source = "system"
[control]
socket = "{root}/control.sock"
"""


class Gateway(Station):
    """A station laid out as on a gateway: configuration and data in folders of their own."""

    def __init__(self, folder: Path, url: str, devices: str = "", gateway: str = "gw-1") -> None:
        super().__init__(folder, url, "")
        self.config.unlink()
        self.config = folder / "etc" / "polegate.toml"
        self.outbox = folder / "var" / "outbox.db"
        self.lay(url, devices, gateway)

    def lay(self, url: str, devices: str, gateway: str) -> None:
        for name in ("etc/conf.d", "etc/secrets", "etc/profiles/instruments", "var"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.config.write_text(HEAD.format(root=self.folder, url=url, gateway=gateway))
        (self.folder / "etc" / "conf.d" / "gauges.toml").write_text(devices)
        (self.folder / "etc" / "secrets" / "mqtt").write_text("geheim-4711")
        (self.folder / "etc" / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")

    def anonymous(self) -> None:
        """Without a user, a password and a CA."""
        lines = self.config.read_text().splitlines(keepends=True)
        self.config.write_text(
            "".join(each for each in lines if not each.startswith(("user", "password", "ca")))
        )

    def fill(self, count: int = 3) -> None:
        with Outbox.open(self.outbox, max_bytes=10_000_000) as store:
            store.put(
                [
                    Envelope(
                        key=store.next_key(), topic="t", priority=Priority.READINGS, at_ms=1, settled=True,
                        items=2, expires_ms=None, body=b"{}",
                    )
                    for _ in range(count)
                ],
                now_ms=None,
                remember={"judge": b"1"},
            )  # fmt: skip

    def keys(self) -> list[str]:
        with inspect(self.outbox) as inspection:
            return [envelope.key for envelope in inspection.peek(10_000)]


@pytest.fixture
def gateway(tmp_path: Path):
    with Gateway(tmp_path / "gateway", "mqtt://localhost:1") as it:
        yield it


@pytest.fixture
def run(gateway):
    """A verb on this gateway, in this process."""

    def go(*arguments: object, columns: int = 80, answer: str | None = None) -> Result:
        words = ["--config", gateway.config, "--socket", gateway.socket, *arguments]
        environment = {"COLUMNS": str(columns)}
        return CliRunner().invoke(group, [*map(str, words)], answer, environment, catch_exceptions=False)

    return go


@pytest.fixture
def backup(gateway, run, tmp_path) -> Path:
    gateway.fill()
    assert run("backup", tmp_path / "b.tar.gz").exit_code == 0
    return tmp_path / "b.tar.gz"


def names(file: Path) -> list[str]:
    with tarfile.open(file) as tar:
        return tar.getnames()


def test_a_running_station_goes_on_elsewhere_and_nothing_is_lost_or_dropped(
    tmp_path, mosquitto, platform, modbus_tcp_slave
):
    """Backed up in an outage while it writes; the old gateway is gone; the new one sends all that waited."""
    slave = modbus_tcp_slave({1: {"holding": {0: 7}}})
    gauge = (
        f'[devices.gauge]\ntcp = "127.0.0.1:{slave.port}"\nunit = 1\nevery_s = 0.1\n'
        '[[devices.gauge.points]]\nchannel = "raw.r0"\naddress = 0\n'
    )
    mosquitto.stop()
    url = f"mqtt://127.0.0.1:{mosquitto.port}"
    with Gateway(tmp_path / "gateway", url, gauge) as gateway:
        gateway.anonymous()
        gateway.start()
        wait_until(lambda: gateway.ask("outbox")["batches"] >= 3)
        epoch = gateway.ask("status")["epoch"]
        words = [sys.executable, "-m", "agent.cli.main", "--config", str(gateway.config)]
        done = subprocess.run([*words, "backup", "-"], capture_output=True, check=True)
        (tmp_path / "b.tar.gz").write_bytes(done.stdout)
        assert b" that wait." in done.stderr
        gateway.kill()
        shutil.rmtree(gateway.config.parent)
        shutil.rmtree(gateway.outbox.parent)
        gateway.outbox.parent.mkdir()
        subprocess.run([*words, "restore", "--yes", tmp_path / "b.tar.gz"], capture_output=True, check=True)
        with inspect(gateway.outbox) as inspection:
            waited = {each.key for each in inspection.peek(1000) if each.topic == f"{BASE}/readings"}
        assert len(waited) >= 2
        assert {key.rpartition("-")[0] for key in waited} == {epoch}
        mosquitto.start()
        gateway.start()
        new = gateway.ask("status")["epoch"]
        assert new.partition(".")[0] != epoch.partition(".")[0], "no key is used a second time"
        wait_until(lambda: waited < sent(platform).keys(), timeout_s=30)
        assert {key.rpartition("-")[0] for key in sent(platform)} == {epoch, new}
        assert gateway.stop() == 0


def sent(platform) -> dict[str, dict]:
    return messages(message.payload for message in platform.on(f"{BASE}/readings"))


def test_secrets_are_left_out_and_named(gateway, run, tmp_path):
    gateway.fill()
    (gateway.folder / "etc" / "profiles" / "instruments" / "水位计.toml").write_text("# x")
    key = gateway.folder / "etc" / "conf.d" / "key.toml"
    key.write_text("# -----BEGIN PRIVATE KEY-----\n")
    result = run("backup", tmp_path / "b.tar.gz", columns=200)
    assert result.exit_code == 0
    assert (
        f"{gateway.folder}/etc/secrets/mqtt: a secret (uplink.password): bring it separately" in result.stdout
    )
    assert f"{key}: it holds a private key: bring it separately" in result.stdout
    assert "with 6 readings in 3 messages that wait." in result.stdout
    assert names(tmp_path / "b.tar.gz") == [
        "manifest.json", "config/polegate.toml", "config/conf.d/gauges.toml",
        "config/profiles/instruments/水位计.toml", "config/ca.pem", "store/outbox.db",
    ]  # fmt: skip
    assert b"geheim" not in (tmp_path / "b.tar.gz").read_bytes()
    assert (tmp_path / "b.tar.gz").stat().st_mode & 0o777 == 0o600


def test_json_is_the_manifest(gateway, run, tmp_path):
    gateway.fill()
    manifest = json.loads(run("backup", tmp_path / "b.tar.gz", "--json").stdout)
    assert (manifest["kind"], manifest["site"], manifest["gateway"]) == ("backup", "river", "gw-1")
    assert manifest["clock_trusted"] is True
    assert [held["name"] for held in manifest["files"]][-1] == "store/outbox.db"


def test_what_cannot_be_read_is_said_and_ends_with_1(gateway, run, tmp_path):
    (gateway.folder / "etc" / "ca.pem").unlink()
    result = run("backup", tmp_path / "b.tar.gz", columns=200)
    assert result.exit_code == 1
    assert "could not be read:\n" in result.stdout
    assert f"{gateway.folder}/etc/ca.pem: uplink.ca, No such file or directory" in result.stdout
    assert f"{gateway.outbox}: does not exist" in result.stdout
    assert names(tmp_path / "b.tar.gz")[-1] == "config/conf.d/gauges.toml"
    (gateway.folder / "etc" / "ca.pem").write_text("x")
    assert run("backup", tmp_path / "b.tar.gz", "--config-only").exit_code == 0


def test_a_configuration_that_does_not_hold_is_kept_all_the_same_and_said(gateway, run, tmp_path):
    gateway.fill()
    (gateway.folder / "etc" / "conf.d" / "gauges.toml").write_text("[devices.x]\nunit = 'a'\n")
    (gateway.folder / "etc" / "conf.d" / "half.toml").write_text("[dev")
    result = run("backup", tmp_path / "b.tar.gz", columns=200)
    assert result.exit_code == 1
    assert "The configuration does not hold" in result.stdout
    assert f"  {gateway.folder}/etc/conf.d/half.toml: " in result.stdout
    assert "files that the configuration names: not looked for, as it does not hold" in result.stdout
    assert "with 6 readings in 3 messages that wait." in result.stdout
    assert names(tmp_path / "b.tar.gz") == [
        "manifest.json", "config/polegate.toml", "config/conf.d/gauges.toml", "config/conf.d/half.toml",
        "store/outbox.db",
    ]  # fmt: skip
    manifest = json.loads(run("backup", tmp_path / "b.tar.gz", "--json").stdout)
    assert (manifest["site"], manifest["gateway"], len(manifest["problems"])) == ("river", "gw-1", 1)
    refused = run("restore", "--yes", "--replace", tmp_path / "b.tar.gz")
    assert (refused.exit_code, "half.toml: " in refused.stderr) == (78, True)


def test_without_a_configuration_there_is_nothing_to_keep(gateway, run, tmp_path):
    gateway.config.unlink()
    assert run("backup", tmp_path / "b.tar.gz").exit_code == 78
    assert not (tmp_path / "b.tar.gz").exists()


def test_an_outbox_inside_the_configurations_folder_is_warned_of(gateway, run, tmp_path):
    inside = gateway.folder / "etc" / "outbox.db"
    gateway.fill()
    assert "restore will refuse it" not in run("backup", tmp_path / "b.tar.gz").stderr
    gateway.config.write_text(gateway.config.read_text().replace(str(gateway.outbox), str(inside)))
    gateway.outbox.rename(inside)
    result = run("backup", tmp_path / "b.tar.gz")
    assert result.exit_code == 0
    assert f"outbox.path {inside} lies in the configuration's own folder" in result.stderr


def test_nothing_is_half_written(gateway, run, tmp_path):
    gateway.fill()
    (tmp_path / "b.tar.gz").write_text("the one before")
    wrong = run("backup", tmp_path / "none" / "b.tar.gz")
    assert (wrong.exit_code, "cannot be written: No such file or directory" in wrong.stderr) == (1, True)
    full = subprocess.run(
        [sys.executable, "-m", "agent.cli.main", "--config", gateway.config, "backup", tmp_path / "b.tar.gz"],
        capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500)),
    )  # fmt: skip
    assert full.returncode != 0
    assert (tmp_path / "b.tar.gz").read_text() == "the one before"
    assert not list(tmp_path.glob(".*.new"))


def test_an_archive_is_not_thrown_at_a_terminal(terminal, gateway):
    gateway.fill()
    shown = terminal("--config", str(gateway.config), "backup", "-")
    assert shown.wait() == 2
    assert "not for a terminal" in shown.text


def test_the_plan_is_shown_and_nothing_changed(gateway, run, backup):
    (gateway.folder / "etc" / "conf.d" / "more.toml").write_text("")
    (gateway.folder / "etc" / "conf.d" / "gauges.toml").write_text("# changed")
    (gateway.folder / "etc" / "ca.pem").unlink()
    gateway.outbox.unlink()
    before = sorted((file, file.stat().st_ino) for file in gateway.folder.rglob("*"))
    result = run("restore", "--dry-run", backup, columns=300)
    assert result.exit_code == 0
    etc = gateway.folder / "etc"
    assert result.stdout.splitlines()[1:] == [
        f"files   new     {etc}/ca.pem",
        f"        changed {etc}/conf.d/gauges.toml",
        f"        removed {etc}/conf.d/more.toml",
        "        1 file unchanged",
        f"outbox  {gateway.outbox}: 6 readings in 3 messages will be sent, judgement goes on from 1 state",
        "A dry run: nothing is changed.",
    ]
    assert sorted((file, file.stat().st_ino) for file in gateway.folder.rglob("*")) == before


def test_a_file_that_is_not_there(run, gateway):
    missing = run("restore", gateway.folder / "none.tar.gz")
    assert missing.exit_code == 2
    assert f"'{gateway.folder}/none.tar.gz' does not exist" in missing.stderr


def test_it_asks(gateway, run, backup):
    shutil.rmtree(gateway.folder / "etc" / "conf.d")
    gateway.outbox.unlink()
    refused = run("restore", backup, answer="n\n")
    assert "Restore? [y/N]: n\nNothing is changed.\n" in refused.stdout
    nobody = run("restore", backup, answer="")
    assert nobody.exit_code == 2
    assert "no terminal to ask on" in nobody.stderr
    assert not (gateway.folder / "etc" / "conf.d").exists()
    done = run("restore", backup, answer="y\n")
    assert done.exit_code == 0
    assert "6 readings in 3 messages and 1 state of judgement went over." in done.stdout
    assert (gateway.folder / "etc" / "conf.d" / "gauges.toml").exists()


def test_json_is_the_plan_and_what_was_done(gateway, run, backup):
    gateway.outbox.unlink()
    (gateway.folder / "etc" / "ca.pem").unlink()
    plan, done = map(json.loads, run("restore", "--yes", "--json", backup).stdout.splitlines())
    assert plan["store"]["batches"] == done["store"]["batches"] == 3
    assert (plan["new"], plan["changed"], plan["gone"], len(plan["same"])) == (
        [str(gateway.folder / "etc" / "ca.pem")], [], [], 2,
    )  # fmt: skip
    assert [Path(kept).name.partition(".before-")[0] for kept in done["kept"]] == ["etc"]


def test_a_backup_without_an_outbox_leaves_the_one_that_is_here_alone(gateway, run, tmp_path):
    gateway.fill()
    assert run("backup", "--config-only", tmp_path / "b.tar.gz").exit_code == 0
    before = gateway.keys()
    result = run("restore", "--yes", tmp_path / "b.tar.gz")
    assert (result.exit_code, "outbox  stays as it is\n" in result.stdout) == (0, True)
    assert gateway.keys() == before


def test_another_gateways_backup_is_refused_without_replace(gateway, run, backup):
    gateway.outbox.unlink()
    gateway.config.write_text(gateway.config.read_text().replace("gw-1", "gw-2"))
    refused = run("restore", "--yes", backup)
    assert refused.exit_code == 1
    assert "is of river/gw-1, and this is river/gw-2." in refused.stderr
    gateway.config.write_text("[stat")
    assert "which gateway this is cannot be told" in run("restore", "--yes", backup).stderr
    assert run("restore", "--yes", "--replace", backup).exit_code == 0
    assert 'gateway = "gw-1"' in gateway.config.read_text()


def test_messages_that_wait_here_are_not_thrown_away_without_a_word(gateway, run, backup):
    refused = run("restore", "--yes", backup)
    assert refused.exit_code == 1
    assert "6 readings in 3 messages still wait in" in refused.stderr
    assert run("restore", "--yes", "--config-only", backup).exit_code == 0
    before = gateway.keys()
    done = run("restore", "--yes", "--replace", backup)
    assert done.exit_code == 0
    (kept,) = gateway.outbox.parent.glob("outbox.db.before-*")
    with inspect(kept) as inspection:
        assert [envelope.key for envelope in inspection.peek(9)] == before


def test_a_damaged_store_here_is_kept_aside_with_replace(gateway, run, backup):
    gateway.outbox.write_bytes(b"rubbish" * 1000)
    refused = run("restore", "--yes", backup)
    assert (refused.exit_code, "--replace" in refused.stderr) == (1, True)
    assert run("restore", "--yes", "--replace", backup).exit_code == 0
    assert len(gateway.keys()) == 3


def test_a_running_daemon_is_not_restored_under(gateway, run, backup, monkeypatch):
    gateway.config.write_text(gateway.config.read_text().replace("localhost:1", "localhost:2"))
    gateway.anonymous()
    gateway.start()
    refused = run("restore", "--yes", "--replace", backup)
    assert refused.exit_code == 1
    assert "systemctl stop polegate" in refused.stderr
    gateway.config.write_text("")  # its socket is not known any more, and its store is still held
    refused = run("--socket", gateway.folder / "none", "restore", "--yes", "--replace", backup)
    assert f"in use by process {gateway.process.pid}" in refused.stderr
    assert gateway.config.read_text() == ""


def test_a_certificate_is_not_renewed_into_a_folder_that_is_being_replaced(gateway, run, backup):
    with alone(gateway.config.parent):
        result = run("restore", backup, "--yes", "--replace")
        assert (result.exit_code, "another command of polegate changes it" in result.stderr) == (1, True)
    assert run("restore", backup, "--yes", "--replace").exit_code == 0


def test_the_daemon_finishes_a_restore_that_was_killed_behind_its_moment(gateway, run, backup, monkeypatch):
    gateway.anonymous()
    waiting = gateway.keys()
    gateway.outbox.unlink()
    gateway.fill(1)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(replacing, "put_in_place", killed)
        assert run("restore", "--yes", "--replace", backup).exit_code != 0
    assert "password" in gateway.config.read_text(), "the new configuration is there"
    assert len(gateway.keys()) == 1, "and the outbox of before"
    gateway.anonymous()
    gateway.start()
    assert gateway.stop() == 0
    assert set(waiting) <= set(gateway.keys())


def test_owners_and_rights_stay(gateway, run, backup):
    gateway.outbox.unlink()
    other = 4321 if os.geteuid() == 0 else os.geteuid()
    for place, mode in ((gateway.config, 0o640), (gateway.config.parent, 0o750)):
        os.chown(place, other, -1)
        place.chmod(mode)
    (gateway.folder / "etc" / "conf.d" / "gauges.toml").unlink()
    assert run("restore", "--yes", backup).exit_code == 0
    found = {
        name: ((gateway.folder / name).stat().st_uid, (gateway.folder / name).stat().st_mode & 0o777)
        for name in ("etc", "etc/polegate.toml", "etc/conf.d/gauges.toml", "etc/secrets/mqtt")
    }
    secret = (gateway.folder.stat().st_uid, 0o644)
    assert found == {
        "etc": (other, 0o750), "etc/polegate.toml": (other, 0o640), "etc/conf.d/gauges.toml": (other, 0o644),
        "etc/secrets/mqtt": secret,
    }  # fmt: skip
    assert gateway.outbox.stat().st_mode & 0o777 == 0o640


def repacked(backup: Path, **changes: bytes) -> Path:
    """The same backup with other contents, sums and all: what somebody could hand us."""
    from agent.keeping import archive

    with archive.opened(backup) as opened:
        contents = {held.name: b"".join(chunks) for held, chunks in opened}
        manifest = opened.manifest
    contents |= changes
    entries = [archive.Entry(name, content) for name, content in contents.items()]
    forged = backup.with_name("forged.tar.gz")
    with forged.open("wb") as out:
        made = replace(manifest, files=tuple(entry.held() for entry in entries))
        archive.write(out, made, entries)
    return forged


def test_a_configuration_that_does_not_hold_is_refused_with_every_mistake(gateway, run, backup):
    gateway.outbox.unlink()
    bad = repacked(backup, **{"config/conf.d/gauges.toml": b"[devices.x]\nunit = 'a'\n"})
    before = gateway.config.stat().st_ino
    refused = run("restore", "--yes", bad)
    assert refused.exit_code == 78
    assert f"{bad}: config/conf.d/gauges.toml:2: devices.x.unit" in refused.stderr
    assert gateway.config.stat().st_ino == before


def test_files_that_are_no_part_of_the_configuration_are_not_laid_anywhere(gateway, run, backup):
    gateway.outbox.unlink()
    odd = repacked(
        backup, **{"config/secrets/mqtt": b"theirs", "config/evil.sh": b"#!", "etc/cron.d/x": b"* *"}
    )
    result = run("restore", "--yes", odd, columns=200)
    assert result.exit_code == 0
    assert "config/evil.sh: no part of the configuration, not used" in result.stdout
    assert (gateway.folder / "etc" / "secrets" / "mqtt").read_text() == "geheim-4711"
    assert not (gateway.folder / "etc" / "evil.sh").exists()


def test_a_store_is_laid_only_where_the_daemons_user_owns_the_folder(gateway, run, backup, tmp_path):
    """A backup that names /etc/cron.d as the place of its outbox would otherwise write there as root."""
    gateway.outbox.unlink()
    foreign = tmp_path / "foreign" if os.geteuid() == 0 else Path("/usr/lib")
    if os.geteuid() == 0:
        foreign.mkdir()
        os.chown(foreign, 4321, 4321)
    text = gateway.config.read_text()
    moved = text.replace(f"{gateway.folder}/var/", f"{foreign}/").encode()
    refused = run("restore", "--yes", repacked(backup, **{"config/polegate.toml": moved}))
    assert (refused.exit_code, "does not belong to" in refused.stderr) == (1, True)
    inside = text.replace("/var/outbox", "/etc/outbox").encode()
    refused = run("restore", "--yes", repacked(backup, **{"config/polegate.toml": inside}))
    assert "lies in the configuration's own folder" in refused.stderr
    nowhere = text.replace("/var/outbox", "/none/outbox").encode()
    refused = run("restore", "--yes", repacked(backup, **{"config/polegate.toml": nowhere}))
    assert "is not there; make it: install -d" in refused.stderr
    assert not list(foreign.glob("outbox*"))


def test_a_store_that_is_none_of_ours_is_refused(gateway, run, backup):
    gateway.outbox.unlink()
    refused = run("restore", "--yes", repacked(backup, **{"store/outbox.db": b"rubbish" * 1000}))
    assert refused.exit_code == 1
    assert not gateway.outbox.exists()


def test_without_rights_it_says_so_before_anything_is_changed(gateway, run, backup, monkeypatch):
    gateway.outbox.unlink()
    (gateway.folder / "etc" / "ca.pem").unlink()
    writable = os.access
    monkeypatch.setattr(
        os,
        "access",
        lambda path, mode: writable(path, mode) and not (mode == os.W_OK and path == gateway.folder),
    )
    refused = run("restore", "--yes", backup)
    assert refused.exit_code == 1
    assert f"{gateway.folder} is not for this user to write. Run it with sudo." in refused.stderr
    assert not gateway.outbox.exists()


def test_a_bundle_for_the_supplier_is_no_backup(gateway, run, tmp_path):
    run("support", tmp_path / "s.tar.gz")
    refused = run("restore", "--yes", tmp_path / "s.tar.gz")
    assert (refused.exit_code, "is no backup" in refused.stderr) == (1, True)


def test_a_backup_that_does_not_fit_is_refused_before_it_is_unpacked(gateway, run, backup, monkeypatch):
    monkeypatch.setattr(
        shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 16 * 2**20 + 5)
    )
    refused = run("restore", "--yes", backup)
    assert (refused.exit_code, "TMPDIR=" in refused.stderr) == (1, True)


def test_a_newer_polegates_backup_says_so(gateway, run, backup):
    from agent.keeping import archive

    gateway.outbox.unlink()
    with archive.opened(backup) as opened:
        entries = [archive.Entry(held.name, b"".join(chunks)) for held, chunks in opened]
        newer = replace(opened.manifest, polegate="99.0.1")
    with backup.open("wb") as out:
        archive.write(out, newer, entries)
    assert "made by polegate 99.0.1, newer than this one" in run("restore", "--dry-run", backup).stdout
