"""The files of systemd/, laid down by scripts/install in a root of their own and read by systemd's tools."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agent.clock import REPORT
from agent.starts import START_S

CHECKOUT = Path(__file__).resolve().parents[2]
UNITS = Path("/usr/lib/systemd/system")
RULES = "usr/lib/udev/rules.d/60-polegate-serial.rules"
UNIT = "usr/lib/systemd/system/polegate.service"
SHIPPED = sorted(file.name for file in (CHECKOUT / "systemd").glob("*.service"))

# In a namespace of its own a plain user may own files as root, and put rules where udev looks.
AS_ROOT = [] if os.geteuid() == 0 else ["unshare", "--map-root-user"]


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def needs(tool: str) -> str:
    return shutil.which(tool) or pytest.skip(f"{tool} is not installed")


def install(root: Path, *options: str) -> str:
    done = run(*AS_ROOT, CHECKOUT / "scripts/install", "--no-venv", "--root", root, *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    """A root with polegate's files, something at ExecStart, and the targets that units hang on."""
    install(tmp_path)
    daemon = tmp_path / "opt/polegate/venv/bin/polegate"
    daemon.parent.mkdir(parents=True)
    daemon.symlink_to("/bin/true")
    daemon.with_name("python").symlink_to("/bin/true")
    (tmp_path / "bin").mkdir()
    shutil.copy(needs("true"), tmp_path / "bin")
    for unit in [*UNITS.glob("*.target"), *UNITS.glob("*.slice")]:
        shutil.copy(unit, tmp_path / UNIT.rpartition("/")[0], follow_symlinks=False)
    return tmp_path


def verify(root: Path, unit: str = "polegate.service") -> subprocess.CompletedProcess[str]:
    return run(needs("systemd-analyze"), "verify", "--man=no", f"--root={root}", unit)


def settings(root: Path, unit: str = "polegate.service") -> dict[str, str]:
    """The unit's settings; of one given several times, the last."""
    lines = (root / UNIT).with_name(unit).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if re.match(r"[A-Z]\w+=", line))


def test_every_unit_is_installed(staged: Path) -> None:
    assert SHIPPED == ["polegate-clock.service", "polegate-renew.service", "polegate.service"]
    assert (staged / UNIT).with_name("polegate-renew.timer").is_file()
    assert all((staged / UNIT).with_name(name).is_file() for name in SHIPPED)


@pytest.mark.parametrize("unit", SHIPPED)
def test_the_unit_verifies_without_a_word(staged: Path, unit: str) -> None:
    done = verify(staged, unit)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_verify_sees_an_unknown_key_and_a_missing_program(staged: Path) -> None:
    unit = staged / UNIT
    unit.write_text(unit.read_text().replace("KillMode=", "KilMode="))
    assert "Unknown key 'KilMode'" in verify(staged).stderr
    (staged / "opt/polegate/venv/bin/polegate").unlink()
    assert verify(staged).returncode != 0


def test_everybody_reaches_the_control_socket_and_nobody_the_outbox(staged: Path) -> None:
    modes = settings(staged)
    assert (modes["RuntimeDirectoryMode"], modes["StateDirectoryMode"]) == ("0755", "0750")


def exposure(root: Path, unit: str) -> float:
    """Of systemd-analyze security: 0 is none, 10 an ordinary service of root's."""
    words = ["security", "--offline=true", "--no-pager", f"--root={root}", unit]
    done = run(needs("systemd-analyze"), *words)
    found = re.search(rf"Overall exposure level for {unit}: ([0-9.]+)", done.stdout)
    assert found, done.stderr
    return float(found[1])


@pytest.mark.parametrize("unit", SHIPPED)
def test_exposure_is_at_most_1_3(staged: Path, unit: str) -> None:
    # Renewing is root's, for the key is: 0.4 of its exposure. It runs for seconds and listens to nobody.
    assert exposure(staged, unit) <= (1.4 if unit == "polegate-renew.service" else 1.3)


def test_with_the_network_closed_as_docs_security_shows_it_is_1_2(staged: Path) -> None:
    text = (CHECKOUT / "docs/security.md").read_text()
    shown = re.search(r"```\n# systemctl edit polegate\n(\[Service\]\nIPAddressDeny=.*?)```", text, re.DOTALL)
    assert shown
    drop_in = staged / "etc/systemd/system/polegate.service.d/network.conf"
    drop_in.parent.mkdir(parents=True)
    drop_in.write_text(shown[1])
    assert exposure(staged, "polegate.service") <= 1.2
    assert verify(staged).stderr == ""


def polegate(line: str, **replaced: str) -> subprocess.CompletedProcess[str]:
    """Run a command line of the unit with this checkout's polegate, some of its words replaced."""
    program, *words = line.split()
    assert program == "/opt/polegate/venv/bin/polegate"
    return run(Path(sys.executable).with_name("polegate"), *[replaced.get(word, word) for word in words])


def test_the_command_line_knows_exec_start(staged: Path) -> None:
    missing = str(staged / "missing.toml")
    done = polegate(settings(staged)["ExecStart"], **{"/etc/polegate/polegate.toml": missing})
    assert done.returncode == int(settings(staged)["RestartPreventExitStatus"])
    assert missing in done.stderr


def test_the_command_line_knows_exec_reload(staged: Path) -> None:
    done = run("env", f"POLEGATE_SOCKET={staged}/none", Path(sys.executable).with_name("polegate"), "reload")
    assert "usage" not in done.stderr.lower()


def test_a_station_is_never_left_dead(staged: Path) -> None:
    unit = settings(staged)
    assert unit["Type"] == "notify"
    assert unit["Restart"] == "always"
    assert unit["RestartPreventExitStatus"] == "78"
    assert unit["StartLimitIntervalSec"] == "0"
    assert unit["RuntimeDirectoryPreserve"] == "restart"  # where starts that came to nothing are counted
    assert unit["TimeoutStartSec"] == str(START_S)
    assert int(unit["WatchdogSec"]) > 0
    assert "MemoryMax" in unit
    assert "MemoryHigh" not in unit


def test_only_the_clock_s_own_unit_may_ask_the_kernel_of_it(staged: Path) -> None:
    daemon, clock = settings(staged), settings(staged, "polegate-clock.service")
    assert daemon["ProtectClock"] == "yes"  # it answers adjtimex(2) with EPERM, even to readers
    assert "ProtectClock" not in clock
    assert clock["SystemCallFilter"] == "adjtimex clock_adjtime"
    assert clock["CapabilityBoundingSet"] == daemon["CapabilityBoundingSet"] == ""


def test_certificates_are_renewed_by_root_without_a_capability_and_in_one_folder(staged: Path) -> None:
    renew = settings(staged, "polegate-renew.service")
    assert "User" not in renew  # the key is root's
    assert (renew["CapabilityBoundingSet"], renew["ReadWritePaths"]) == ("", "/etc/polegate")
    missing = str(staged / "missing.toml")
    done = polegate(renew["ExecStart"], **{"/etc/polegate/polegate.toml": missing})
    assert done.returncode == 78
    assert missing in done.stderr
    assert verify(staged, "polegate-renew.timer").returncode == 0


def test_the_clock_s_unit_comes_and_goes_with_the_daemon_and_writes_where_it_reads(staged: Path) -> None:
    daemon, clock = settings(staged), settings(staged, "polegate-clock.service")
    assert (daemon["Wants"], clock["PartOf"]) == ("polegate-clock.service", "polegate.service")
    program, *words = clock["ExecStart"].split()
    assert words == ["-I", "-m", "agent.clock_report", "${RUNTIME_DIRECTORY}/kernel"]
    assert program == "/opt/polegate/venv/bin/python"
    assert f"/run/{clock['RuntimeDirectory']}/kernel" == REPORT


def test_every_usb_driver_the_unit_allows_is_loaded_at_boot(staged: Path) -> None:
    text = (staged / "usr/lib/modules-load.d/polegate.conf").read_text()
    modules = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert {"usbserial", "cdc_acm"} <= set(modules)  # they own the device numbers of ttyUSB and ttyACM
    assert {"ftdi_sio", "ch341", "cp210x", "pl2303"} <= set(modules)
    allowed = re.findall(r"^DeviceAllow=char-(\w+) rw$", (staged / UNIT).read_text(), re.MULTILINE)
    assert {"ttyUSB", "ttyACM", "ttyS", "ttyAMA"} <= set(allowed)


def test_sysusers_makes_the_user_and_gives_it_the_serial_ports(staged: Path) -> None:
    (staged / "etc").mkdir()
    done = run(*AS_ROOT, needs("systemd-sysusers"), f"--root={staged}", "polegate.conf")
    assert done.returncode == 0, done.stderr
    user = (staged / "etc/passwd").read_text()
    assert re.search(
        r"^polegate:x:\d+:\d+:polegate edge agent:/var/lib/polegate:/usr/sbin/nologin$", user, re.MULTILINE
    )
    assert re.search(r"^dialout:x:\d+:polegate$", (staged / "etc/group").read_text(), re.MULTILINE)
    assert settings(staged)["User"] == "polegate"


def test_tmpfiles_keeps_credentials_to_root(staged: Path) -> None:
    done = run(*AS_ROOT, needs("systemd-tmpfiles"), f"--root={staged}", "--create", "polegate.conf")
    assert (done.returncode, done.stderr) == (0, "")
    modes = {path.name: path.stat().st_mode & 0o777 for path in (staged / "etc/polegate").iterdir()}
    assert modes == {"conf.d": 0o755, "credentials": 0o700}


def udev_complaints(rules: Path) -> list[str]:
    """What udev says of a rules file, by line."""
    udevadm = needs("udevadm")
    if int(run(udevadm, "--version").stdout) >= 254:
        done = run(udevadm, "verify", "--no-summary", rules)
        return done.stderr.splitlines()
    device = Path("/sys/class/tty/tty")
    if not device.exists():
        pytest.skip("udev tries rules on a device in /sys; there is none")
    script = 'mount --bind "$0" /etc/udev/rules.d && exec "$1" --debug test --action=add "$2" 2>&1'
    done = run("unshare", "--mount", *AS_ROOT[1:], "sh", "-c", script, rules.parent, udevadm, device)
    if said := re.search(r"^(mount|unshare): .*", done.stdout + done.stderr, re.MULTILINE):
        pytest.skip(f"no mount namespace in which to put a rules file where udev looks: {said[0]}")
    assert f"Reading rules file: /etc/udev/rules.d/{rules.name}" in done.stdout
    return [line for line in done.stdout.splitlines() if f"{rules.name}:" in line]


def test_udev_accepts_the_rules(staged: Path) -> None:
    assert udev_complaints(staged / RULES) == []


def test_udev_refuses_a_broken_rule(staged: Path) -> None:
    rules = staged / RULES
    rules.write_text(rules.read_text() + 'SUBSYSTEM=="tty", SYMLNK+="x"\n')
    assert any("SYMLNK" in line for line in udev_complaints(rules))


def test_adapters_keep_a_name_and_modem_manager_keeps_away(staged: Path) -> None:
    text = (staged / RULES).read_text()
    assert 'ENV{ID_PATH}=="?*", SYMLINK+="polegate/$env{ID_PATH}"' in text
    assert 'DRIVER=="ftdi_sio", ATTR{latency_timer}="1"' in text
    assert 'ENV{ID_MM_PORT_IGNORE}="1"' in text


def test_a_dry_run_says_all_and_does_nothing(tmp_path: Path) -> None:
    said = install(tmp_path, "--dry-run")
    for name in (
        "polegate.service",
        "sysusers.d",
        "tmpfiles.d",
        "modules-load.d",
        "60-polegate-serial.rules",
    ):
        assert name in said
    assert list(tmp_path.iterdir()) == []


def test_a_second_install_changes_nothing(staged: Path) -> None:
    assert install(staged) == ""
