"""polegate support: everything in it, no secret in it, whatever state the gateway is in."""

from __future__ import annotations

import io
import json
import os
import stat
import subprocess
import sys
import tarfile
from hashlib import sha256
from pathlib import Path

import pytest

from agent.cli import support, support_parts
from agent.cli.checks.case import gather
from agent.keeping import archive
from firmware_profiles.declared import plain

PLANTED = {
    "file": "S3cr3t-mqtt-file", "credential": "S3cr3t-credential", "inline": "S3cr3t-inline",
    "comment": "S3cr3t-comment", "url": "S3cr3t-url", "query": "S3cr3t-query", "log": "S3cr3t-log",
    "unlabelled": "S3cr3t-mqtt-file", "environment": "S3cr3t-environment", "set": "S3cr3t-setcredential",
    "status": "S3cr3t-status", "cmdline": "S3cr3t-cmdline", "key": "UzNjcjN0LWtleQ",
}  # fmt: skip

CONFIG = """
[station]
site = "riverside"
gateway = "pole-7"
title = "serial number S3cr3t-mqtt-file"
[uplink]
url = "mqtt://localhost:1"
username = "gw"  # its password is S3cr3t-comment
password = {{ file = "{etc}/secrets/mqtt" }}
[outbox]
path = "{etc}/outbox.db"
[cameras.gate]
stream = "rtsp://10.0.0.5/live?user=admin&password=S3cr3t-query"
"""

LOG = """\
2026-11-24T11:00:01+0000 gw polegate[1]: event=starting version=0.1.0
2026-11-24T11:00:02+0000 gw polegate[1]: event=x url=rtsp://admin:S3cr3t-url@10.0.0.5/live
2026-11-24T11:00:03+0000 gw polegate[1]: event=x message="password=\\"S3cr3t-log\\" refused" said=S3cr3t-mqtt-file
2026-11-24T11:00:04+0000 gw systemd[1]: polegate.service: Main process exited, code=killed, status=6/ABRT
2026-11-24T11:00:05+0000 gw polegate[2]: event=serving devices=1
"""

UNIT = """\
[Service]
Environment="MQTT_PASSWORD=S3cr3t-environment" PLAIN=S3cr3t-environment
SetCredential=mqtt:S3cr3t-setcredential
LoadCredential=mqtt-password:/etc/polegate/credentials/mqtt-password
ExecStart=/opt/polegate --password S3cr3t-cmdline
"""

STUB = """#!/bin/sh
cat "{folder}/$(basename "$0").out" 2>/dev/null
"""


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, daemon, healthy) -> Path:
    """A station with a secret in every place there is; what the system's commands say lies in files."""
    for name in ("secrets", "credentials", "conf.d", "bin"):
        (tmp_path / name).mkdir()
    (tmp_path / "polegate.toml").write_text(CONFIG.format(etc=tmp_path))
    (tmp_path / "conf.d" / "broken.toml.old").write_text("not read")
    (tmp_path / "secrets" / "mqtt").write_text(f"{PLANTED['file']}\n")
    key = f"-----BEGIN EC PRIVATE KEY-----\n{PLANTED['key']}\n-----END EC PRIVATE KEY-----\n"
    (tmp_path / "secrets" / "key.pem").write_text(key)
    (tmp_path / "credentials" / "other").write_text(PLANTED["credential"])
    for command in ("journalctl", "systemctl", "ip", "ss", "timedatectl", "chronyc", "ntpq", "hwclock"):
        stub = tmp_path / "bin" / command
        stub.write_text(STUB.format(folder=tmp_path / "bin"))
        stub.chmod(stub.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "bin" / "journalctl.out").write_text(LOG)
    (tmp_path / "bin" / "systemctl.out").write_text(UNIT)
    (tmp_path / "bin" / "ip.out").write_text(
        f"psk={PLANTED['url']} {PLANTED['key']} {PLANTED['credential']}\n"
    )
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("MQTT_PASSWORD", PLANTED["environment"])
    monkeypatch.setattr(support_parts, "DOCTOR_S", 2.0)
    healthy["uplink"] |= {"state": "disconnected", "error": f"refused: token={PLANTED['status']}"}
    healthy["station"]["title"] = f"https://u:{PLANTED['url']}@x"
    daemon.answers["status"] = healthy
    daemon.answers["outbox"] = healthy["outbox"]
    return tmp_path


def unpacked(data: bytes) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {each.name: tar.extractfile(each).read().decode() for each in tar}


@pytest.fixture
def bundle(gateway, polegate) -> dict[str, str]:
    result = polegate("support", gateway / "s.tar.gz")
    assert result.exit_code == 0, result.output
    return unpacked((gateway / "s.tar.gz").read_bytes())


def test_no_secret_is_in_it_wherever_it_was(bundle):
    for name, text in bundle.items():
        for where, planted in PLANTED.items():
            assert planted not in text, f"that of {where}, in {name}"
    assert "[redacted]" in bundle["log.txt"]
    assert "redacted" in bundle["unit.txt"]
    assert "LoadCredential=mqtt-password:/etc/polegate/credentials/mqtt-password" in bundle["unit.txt"]


def test_everything_else_is_in_it(gateway, bundle):
    assert next(iter(bundle)) == "manifest.json"
    assert {"doctor.jsonl", "status.json", "outbox.json", "unit.txt", "system.txt", "log.txt"} < bundle.keys()
    assert {"versions.txt", "files.txt", "crashes.txt", "config/polegate.toml", "network.txt"} < bundle.keys()
    checks = {json.loads(line)["check"] for line in bundle["doctor.jsonl"].splitlines()}
    assert {"config", "daemon", "clock", "disk", "broker"} < checks
    assert json.loads(bundle["status.json"])["pid"] == 4242
    assert "10.0.0.5/live" in bundle["log.txt"]
    assert "status=6/ABRT" in bundle["crashes.txt"]
    assert "event=starting" in bundle["crashes.txt"]
    assert "pydantic " in bundle["versions.txt"]
    assert f"{gateway}/secrets/mqtt" in bundle["files.txt"], "its name, not its content"
    assert "[station]" in bundle["config/polegate.toml"]


def test_the_manifest_has_the_sum_of_each_file(bundle):
    manifest = json.loads(bundle["manifest.json"])
    assert (manifest["kind"], manifest["site"], manifest["gateway"]) == ("support", "riverside", "pole-7")
    for held in manifest["files"]:
        assert sha256(bundle[held["name"]].encode()).hexdigest() == held["sha256"]
    assert {each["what"] for each in manifest["left_out"]} >= {"secrets", "readings"}


def test_a_secret_written_into_a_configuration_that_is_refused_for_it(gateway, polegate):
    (gateway / "conf.d" / "bad.toml").write_text(f'[uplink]\npassword = "{PLANTED["inline"]}"\n')
    polegate("support", gateway / "s.tar.gz")
    bundle = unpacked((gateway / "s.tar.gz").read_bytes())
    assert "password" in bundle["config/problems.txt"]
    assert 'password = "[redacted]"' in bundle["config/conf.d/bad.toml"]
    assert not any(PLANTED["inline"] in text for text in bundle.values())


def test_it_works_without_a_daemon_a_configuration_and_commands(tmp_path, polegate, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    monkeypatch.setattr(support_parts, "DOCTOR_S", 2.0)
    result = polegate("support", tmp_path / "s.tar.gz")
    assert result.exit_code == 0
    assert "log.txt: nothing there, or not for this user" in result.stdout
    bundle = unpacked((tmp_path / "s.tar.gz").read_bytes())
    assert "no polegate is running" in bundle["status.json"]
    assert "no such file" in bundle["config/problems.txt"]


def test_it_goes_to_standard_output_where_the_disk_is_full(gateway, polegate):
    full = polegate("support", "/dev/full/x")
    assert full.exit_code == 1
    assert "polegate support - > bundle.tar.gz" in full.stderr
    words = [sys.executable, "-m", "agent.cli.main", "--config", gateway / "polegate.toml", "support"]
    environment = os.environ | {"POLEGATE_SOCKET": str(gateway / "control.sock")}
    streamed = subprocess.run([*words, "-"], capture_output=True, env=environment, check=True)
    assert "log.txt" in unpacked(streamed.stdout)
    assert b"Look into it before you send it" in streamed.stderr


def test_without_a_name_it_is_called_by_gateway_and_time(gateway, polegate, monkeypatch):
    monkeypatch.chdir(gateway)
    assert polegate("support").exit_code == 0
    (made,) = gateway.glob("polegate-support-pole-7-20*T*.tar.gz")
    assert made.stat().st_mode & 0o777 == 0o600


def test_json_is_the_manifest(gateway, polegate):
    manifest = json.loads(polegate("support", gateway / "s.tar.gz", "--json").stdout)
    with archive.opened(gateway / "s.tar.gz") as opened:
        assert plain(opened.manifest) == manifest


def test_each_file_and_the_whole_are_bounded(gateway, monkeypatch):
    monkeypatch.setattr(support, "MOST_BYTES", 3000)
    monkeypatch.setattr(support, "MOST_ALL_BYTES", 9000)
    (gateway / "bin" / "journalctl.out").write_text("".join(f"line {n}\n" for n in range(1000)))
    case = gather(gateway / "polegate.toml", gateway / "control.sock")
    monkeypatch.setattr(
        support_parts, "PARTS", {"kernel.txt": support_parts.kernel, "system.txt": support_parts.system}
    )
    entries, left_out = support.collect(case, set())
    kept = {entry.name: entry.content for entry in entries}
    assert kept["log.txt"].endswith(b"line 999\n"), "of the log the end is kept"
    assert len(kept["log.txt"]) == 3000
    assert kept["system.txt"].startswith(b"Linux ")
    assert sum(map(len, kept.values())) <= 9000
    cut = next(each.why for each in left_out if each.what == "log.txt")
    assert cut == "2.9 KiB kept, 5.8 KiB cut off"


def test_bytes_that_are_no_text_keep_no_other_out(gateway, polegate):
    """A driver of the kernel names what is plugged in as that names itself."""
    (gateway / "bin" / "journalctl.out").write_bytes(b"event=one\nusb 1-1: \xff\xfe\nevent=two\n")
    assert polegate("support", gateway / "s.tar.gz").exit_code == 0
    log = unpacked((gateway / "s.tar.gz").read_bytes())["log.txt"]
    assert log == "event=one\nusb 1-1: \ufffd\ufffd\nevent=two\n"


def test_secrets_that_this_user_cannot_read_are_named(gateway, monkeypatch):
    def closed(self: Path, *args: object, **named: object) -> str:
        if self.parent.name == "secrets":
            raise PermissionError(13, "Permission denied")
        return read_text(self, *args, **named)

    read_text = Path.read_text
    monkeypatch.setattr(Path, "read_text", closed)
    words, unread = support.known_secrets(gather(gateway / "polegate.toml", gateway / "control.sock"))
    assert words == {PLANTED["credential"]}
    assert {path.name for path in unread} == {"mqtt", "key.pem"}
