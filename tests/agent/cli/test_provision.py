"""polegate provision, from a seed and by questions: a plan first, the same result twice, nothing lost."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fakes.certificates import Authority
from fakes.waiting import wait_until

from agent.certificates import requested_name
from agent.cli.main import group
from agent.cli.provision_ask import board_here
from agent.loading import load

SEED = """\
[station]
kind = "river"
site = "riverside"
gateway = "river-3"
title = "Dongjiang bridge"
latitude = 23.74
longitude = 114.7

[uplink]
url = "mqtts://127.0.0.1:9"
ca = "ca.pem"
username = "river-3"
password = "hunter2"
"""
BY_HAND = f'{SEED}\n[enrolment]\nby = "request"\n'
LEVEL = """
[devices.level]
instrument = "keller-36x"
port = "rs485-1"
[devices.level.channels.water_pressure]
rename = "water_level"
factor = 10.1972
"""


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> str:
    return Authority(tmp_path_factory.mktemp("authority"), name="Fleet CA 1").ca.read_text()


@pytest.fixture
def seeded(tmp_path: Path, ca: str) -> Callable[[str], Path]:
    """Writes a seed on a boot partition."""

    def write(text: str) -> Path:
        boot = tmp_path / "boot"
        boot.mkdir(exist_ok=True)
        (boot / "ca.pem").write_text(ca)
        (boot / "seed.toml").write_text(text)
        return boot / "seed.toml"

    return write


def told(result: Result) -> str:
    return " ".join(result.output.split())


def tree(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}


# from a seed


def test_a_dry_run_shows_all_and_writes_nothing(polegate, seeded, tmp_path: Path) -> None:
    seed = seeded(BY_HAND)
    before = tree(tmp_path)
    result = polegate("provision", seed, "--dry-run")
    assert result.exit_code == 0, result.output
    assert tree(tmp_path) == before
    assert '  site = "riverside"' in result.output
    assert "CA certificate: Fleet CA 1" in result.output
    assert "a private key, made on this gateway now" in told(result)
    assert "Nothing was written." in result.output
    assert "hunter2" not in result.output


def test_written_once_and_the_second_time_nothing_to_do(polegate, seeded, tmp_path: Path) -> None:
    seed = seeded(BY_HAND)
    result = polegate("provision", seed, "--yes")
    assert result.exit_code == 0, result.output
    assert "hunter2" not in result.output
    config = load(tmp_path / "polegate.toml").config
    assert (config.station.site, config.station.kind, config.outbox.max_size) == ("riverside", "river", 2**30)
    secrets = tmp_path / "credentials"
    assert (secrets / "mqtt-password").read_text() == "hunter2\n"
    assert stat.S_IMODE((secrets / "mqtt-password").stat().st_mode) == 0o600
    assert stat.S_IMODE((secrets / "mqtt-client-key").stat().st_mode) == 0o400
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    assert requested_name((tmp_path / "mqtt-client.csr").read_text()) == "river-3"
    assert str(config.uplink.ca) == f"{tmp_path}/ca.pem"
    assert seed.read_text() == BY_HAND.replace('"hunter2"', '{ credential = "mqtt-password" }')
    assert f"send {tmp_path}/mqtt-client.csr to the people of the CA" in told(result)
    assert "Addresses, name servers and time servers are set by its own means" in told(result)
    assert "level: Level gauge" in told(result)

    after = tree(tmp_path)
    result = polegate("provision", seed, "--yes")
    assert result.exit_code == 0
    assert "Nothing to do: all is as it should be." in result.output
    assert after == tree(tmp_path)
    result = polegate("provision", seeded(BY_HAND), "--yes")  # with its secret again
    assert "Written: 1 file." in result.output
    assert after == tree(tmp_path)


def test_it_asks_before_it_writes(polegate, seeded, tmp_path: Path) -> None:
    seed = seeded(SEED)
    arguments = ["--config", str(tmp_path / "polegate.toml"), "provision", str(seed)]
    refused = CliRunner().invoke(group, arguments, input="n\n")
    assert refused.exit_code == 0
    assert "Write this? [y/N]: n\nNothing was written.\n" in refused.output
    nobody = CliRunner().invoke(group, arguments, input="")
    assert nobody.exit_code == 2
    assert "no terminal to ask on, and nothing was changed" in nobody.output
    assert not (tmp_path / "polegate.toml").exists()
    assert CliRunner().invoke(group, arguments, input="y\n").exit_code == 0
    assert (tmp_path / "polegate.toml").exists()


def test_a_changed_seed_shows_the_difference(polegate, seeded) -> None:
    polegate("provision", seeded(SEED), "--yes")
    result = polegate("provision", seeded(SEED.replace("Dongjiang bridge", "Long bridge")), "--yes")
    assert '  -title = "Dongjiang bridge"' in result.output
    assert '  +title = "Long bridge"' in result.output


def test_every_mistake_with_its_line_and_nothing_changed(polegate, seeded, tmp_path: Path) -> None:
    seed = seeded(
        SEED.replace('"river"', '"rivr"').replace('"riverside"', '"River Side"').replace("latitude", "lattitude")
        .replace('"ca.pem"', '"none.pem"')
        + '[wifi]\nname = "x"\n[devices.level]\ninstrument = "keller-36"\nport = "rs485-9"\nevery_s = "10 s"\n'
    )  # fmt: skip
    before = tree(tmp_path)
    result = polegate("provision", seed, "--yes")
    assert result.exit_code == 78
    lines = result.output.splitlines()
    assert lines[0] == f"Error: 7 mistakes in {seed}; nothing was changed:"
    found = [line.removeprefix(f"{seed}:").partition("; did")[0][:60] for line in lines[1:]]
    assert [line.partition(": ")[0] for line in found] == ["2", "3", "6", "11", "14", "17", "19"]
    assert 'station: unknown key "lattitude"; did you mean "latitude"?' in result.output
    assert 'no station profile "rivr"' in result.output
    assert 'devices.level.every_s: expected a number above 0 and not above 86400, got "10 s"' in result.output
    assert "wifi: wireless networks are the system's" in result.output
    assert tree(tmp_path) == before
    assert "hunter2" not in result.output


def test_what_conf_d_says_twice_and_what_a_person_has_written(polegate, seeded, tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "own.toml").write_text('[outbox]\nmax_size = "64MiB"\n')
    assert polegate("provision", seeded(SEED), "--yes").exit_code == 0
    assert load(tmp_path / "polegate.toml").config.outbox.max_size == 2**26  # the kind's quota gives way
    (tmp_path / "conf.d" / "own.toml").write_text('[station]\nsite = "elsewhere"\n')
    result = polegate("provision", seeded(SEED), "--yes")
    assert result.exit_code == 78
    assert f"{tmp_path}/conf.d/own.toml:2: station.site: already given in" in result.output
    (tmp_path / "conf.d" / "own.toml").unlink()

    edited = (tmp_path / "polegate.toml").read_text().replace("Dongjiang", "Long")
    (tmp_path / "polegate.toml").write_text(edited)
    result = polegate("provision", seeded(SEED), "--yes")
    assert result.exit_code == 1
    assert "a person has" in told(result)
    assert (tmp_path / "polegate.toml").read_text() == edited
    assert polegate("provision", seeded(SEED), "--yes", "--over-edits").exit_code == 0
    assert "Long" not in (tmp_path / "polegate.toml").read_text()


def test_rules_limits_and_cadence_come_with_the_gauges(polegate, seeded, tmp_path: Path) -> None:
    polegate("provision", seeded(SEED), "--yes")
    assert load(tmp_path / "polegate.toml").config.rules == {}
    added = polegate("device", "add", "rain", "--instrument", "rika-rk400-04-rain", "--port", "rs485-2")
    assert added.exit_code == 0
    seed = seeded(SEED + LEVEL)
    assert polegate("provision", seed, "--yes").exit_code == 0
    loaded = load(tmp_path / "polegate.toml")
    assert set(loaded.config.rules) == {"rising", "rain", "release"}
    assert loaded.config.limits["level"]["water_level"].rate_per_min == 0.5
    assert loaded.plan.devices["level"].every_s == 60.0
    assert "Nothing to do" in polegate("provision", seed, "--yes").output
    own = (
        SEED
        + LEVEL
        + 'every_s = 5\n[rules.rising]\nkind = "rise"\ninput = "level.water_level"\nlimit = "1 m/h"\n'
    )
    assert polegate("provision", seeded(own.replace("every_s = 5\n", "")), "--yes").exit_code == 0
    assert load(tmp_path / "polegate.toml").config.rules["rising"]["limit"] == "1 m/h"


def test_a_new_password_and_a_ca_take_new_names(polegate, seeded, tmp_path: Path) -> None:
    polegate("provision", seeded(SEED), "--yes")
    other = Authority(tmp_path / "other", name="Fleet CA 2").ca.read_text()
    seed = seeded(SEED.replace("hunter2", "hunter3"))
    (seed.parent / "ca.pem").write_text(other)
    assert polegate("provision", seed, "--yes").exit_code == 0
    uplink = load(tmp_path / "polegate.toml").config.uplink
    assert uplink.password is not None
    assert uplink.password.credential == "mqtt-password.2"
    assert [file.name for file in (tmp_path / "credentials").iterdir()] == ["mqtt-password.2"]
    assert uplink.ca is not None
    assert uplink.ca.read_text() == other


def test_cas_of_one_name_and_one_ca_twice(polegate, seeded, ca: str, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other", name="Enrolment CA").ca.read_text()
    seed = seeded(f'{SEED}[enrolment]\nby = "est"\nurl = "https://ca.invalid"\nca = "other/ca.pem"\n')
    (seed.parent / "other").mkdir()
    (seed.parent / "other" / "ca.pem").write_text(other)
    facts = json.loads(polegate("provision", seed, "--json", "--yes").stdout)
    assert [Path(each["path"]).name for each in facts["changes"]][1:3] == ["ca.pem", "ca.2.pem"]
    config = load(tmp_path / "polegate.toml").config
    assert config.uplink.ca is not None
    assert config.enrolment.ca is not None
    assert (config.uplink.ca.read_text(), config.enrolment.ca.read_text()) == (ca, other)
    (seed.parent / "other" / "ca.pem").write_text(ca)
    facts = json.loads(polegate("provision", seed, "--json", "--yes").stdout)
    assert [Path(each["path"]).name for each in facts["changes"]] == ["polegate.toml"]
    assert load(tmp_path / "polegate.toml").config.enrolment.ca == tmp_path / "ca.pem"


def test_a_seed_that_cannot_be_written_is_named(polegate, seeded, tmp_path: Path) -> None:
    seed = seeded(SEED.replace('password = "hunter2"', 'password = """\nhunter2"""'))
    result = polegate("provision", seed, "--yes")
    assert result.exit_code == 0
    assert "still holds secrets (uplink.password)" in told(result)
    assert (tmp_path / "credentials" / "mqtt-password").read_text() == "hunter2\n"


def test_for_programs(polegate, seeded, tmp_path: Path) -> None:
    seed = seeded(BY_HAND)
    assert polegate("provision", seed, "--json").exit_code == 2
    facts = json.loads(polegate("provision", seed, "--json", "--dry-run").stdout)
    assert not facts["written"]
    assert not (tmp_path / "polegate.toml").exists()
    facts = json.loads(polegate("provision", seed, "--json", "--yes").stdout)
    assert facts["written"]
    assert [Path(each["path"]).name for each in facts["changes"]] == [
        "mqtt-password", "ca.pem", "mqtt-client-key", "mqtt-client.csr", "polegate.toml", "seed.toml",
    ]  # fmt: skip
    assert facts["missing"] == ["level", "rain", "flow", "power"]
    assert not facts["certificate"]
    assert "hunter2" not in json.dumps(facts)
    assert facts["next"][-1] == f"polegate -c {tmp_path}/polegate.toml doctor"
    again = json.loads(polegate("provision", seed, "--json", "--yes").stdout)
    assert (again["changes"], again["written"]) == ([], False)


def test_a_link_in_the_tree_of_another_machine_leads_within_it(seeded, tmp_path: Path) -> None:
    root = tmp_path / "image"
    (root / "etc").mkdir(parents=True)
    (root / "etc/polegate").symlink_to(tmp_path / "data")  # here it would be this machine's
    arguments = ["provision", str(seeded(SEED)), "--root", str(root), "--yes"]
    result = CliRunner().invoke(group, arguments)
    assert result.exit_code == 0, result.output
    assert not (tmp_path / "data").exists()
    data = root / tmp_path.relative_to("/") / "data"
    assert sorted(tree(data)) == ["ca.pem", "credentials/mqtt-password", "polegate.toml"]
    assert str(load(data / "polegate.toml").config.uplink.ca) == "/etc/polegate/ca.pem"
    assert "Nothing to do" in told(CliRunner().invoke(group, arguments))


def test_a_file_of_another_machine_that_leads_out_of_its_tree_is_refused(seeded, tmp_path: Path) -> None:
    root = tmp_path / "image"
    (root / "etc/polegate").mkdir(parents=True)
    link = root / "etc/polegate/polegate.toml"
    link.symlink_to(tmp_path / "ours.toml")
    (tmp_path / "ours.toml").write_text("[station]\n")
    result = CliRunner().invoke(group, ["provision", str(seeded(SEED)), "--root", str(root), "--yes"])
    assert result.exit_code == 1
    expected = (
        f"{link}: this link leads to {tmp_path}/ours.toml, out of {root}; make it a relative one; nothing"
    )
    assert expected in told(result)
    assert (tmp_path / "ours.toml").read_text() == "[station]\n"


def test_links_that_are_none_of_ours_are_left_alone(seeded, tmp_path: Path) -> None:
    root = tmp_path / "image"
    (root / "etc").mkdir(parents=True)
    (root / "etc/editor").symlink_to("/usr/bin/vi")
    given = ["-c", "/etc/polegate.toml", "provision", str(seeded(SEED)), "--root", str(root), "--yes"]
    result = CliRunner().invoke(group, given)
    assert result.exit_code == 0, result.output
    assert (root / "etc/polegate.toml").is_file()


def test_the_tree_of_another_machine(seeded, tmp_path: Path) -> None:
    root = tmp_path / "image"
    root.mkdir()
    result = CliRunner().invoke(group, ["provision", str(seeded(BY_HAND)), "--root", str(root), "--yes"])
    assert result.exit_code == 0, result.output
    assert sorted(tree(root)) == [
        "etc/polegate/ca.pem", "etc/polegate/credentials/mqtt-password", "etc/polegate/polegate.toml",
        "etc/systemd/system/polegate.service.d/10-credentials.conf",
    ]  # fmt: skip
    config = load(root / "etc/polegate/polegate.toml").config
    assert str(config.uplink.ca) == "/etc/polegate/ca.pem"
    drop_in = (root / "etc/systemd/system/polegate.service.d/10-credentials.conf").read_text()
    assert drop_in.splitlines()[2:] == [
        "LoadCredential=mqtt-password:/etc/polegate/credentials/mqtt-password"
    ]
    assert "its key is made there" in told(result)


def test_what_another_drop_in_passes_is_left_to_it(seeded, tmp_path: Path) -> None:
    folder = tmp_path / "image/etc/systemd/system/polegate.service.d"
    folder.mkdir(parents=True)
    (folder / "override.conf").write_text("[Service]\nLoadCredentialEncrypted=mqtt-password:/etc/x.cred\n")
    arguments = ["provision", str(seeded(SEED)), "--root", str(tmp_path / "image"), "--yes"]
    assert CliRunner().invoke(group, arguments).exit_code == 0
    assert not (folder / "10-credentials.conf").exists()
    (folder / "override.conf").unlink()
    (folder / "10-credentials.conf").write_text("[Service]\nNice=5\n")
    refused = CliRunner().invoke(group, arguments)
    assert refused.exit_code == 1
    assert "10-credentials.conf is not as polegate provision wrote it" in told(refused)


def test_the_unit_is_never_told_to_pass_what_is_not_there(seeded, tmp_path: Path) -> None:
    """systemd does not start a service whose credential has no file."""
    arguments = ["provision", str(seeded(SEED)), "--root", str(tmp_path / "image"), "--yes"]
    (tmp_path / "image").mkdir()
    assert CliRunner().invoke(group, arguments).exit_code == 0
    folder = tmp_path / "image/etc/polegate/credentials"
    (folder / "mqtt-password").rename(folder / "mqtt-password.3")
    drop_in = tmp_path / "image/etc/systemd/system/polegate.service.d/10-credentials.conf"
    result = CliRunner().invoke(group, arguments)
    assert result.exit_code == 0
    assert not drop_in.exists()
    assert f"write the secret into {folder}/mqtt-password" in told(result)
    seeded(SEED)
    assert CliRunner().invoke(group, arguments).exit_code == 0
    assert [line.rpartition("/")[2] for line in drop_in.read_text().splitlines()[2:]] == ["mqtt-password.3"]


def test_a_disk_that_is_full_or_closed(polegate, seeded, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "credentials").write_text("a file, not a folder")
    result = polegate("provision", seeded(SEED), "--yes")
    assert result.exit_code == 1
    assert "Not a directory" in told(result) or "File exists" in told(result)
    assert not (tmp_path / "polegate.toml").exists()


def test_a_gateway_that_was_renamed_asks_anew(polegate, seeded, tmp_path: Path) -> None:
    polegate("provision", seeded(BY_HAND), "--yes")
    key = (tmp_path / "credentials" / "mqtt-client-key").read_bytes()
    polegate("provision", seeded(BY_HAND.replace('gateway = "river-3"', 'gateway = "river-4"')), "--yes")
    assert requested_name((tmp_path / "mqtt-client.csr").read_text()) == "river-4"
    assert (tmp_path / "credentials" / "mqtt-client-key").read_bytes() == key


# by questions

ANSWERS = [
    "river", "River Side", "riverside", "river-3", "Dongjiang bridge", "north", "23.74, 114.7", "raspberry-pi-4",
    "http://x", "mqtts://broker.invalid", "/none", "-", "password", "", "hunter2", "hunter2", "y",
]  # fmt: skip


def answer(tmp_path: Path, *answers: str) -> Result:
    arguments = ["--config", str(tmp_path / "polegate.toml"), "provision"]
    return CliRunner().invoke(group, arguments, input="".join(f"{each}\n" for each in answers))


def test_questions_with_checks_and_their_answers_again(tmp_path: Path) -> None:
    result = answer(tmp_path, *ANSWERS)
    assert result.exit_code == 0, result.output
    for said in (
        "expected lower-case letters, digits, - and _",
        'expected two numbers such as "23.74, 114.70"',
        'expected mqtts://host[:port], got "http://x"',
        "/none: no such file",
    ):
        assert said in told(result)
    assert "hunter2" not in result.output
    config = load(tmp_path / "polegate.toml").config
    assert (config.station.gateway, config.station.board) == ("river-3", "raspberry-pi-4")
    assert (config.station.latitude, config.uplink.username) == (23.74, "river-3")
    assert (tmp_path / "credentials" / "mqtt-password").read_text() == "hunter2\n"

    again = answer(tmp_path, *[""] * 12)
    assert again.exit_code == 0, again.output
    assert "Nothing to do: all is as it should be." in again.output
    other = answer(tmp_path, "lamp_pole", *[""] * 10, "y")
    assert other.exit_code == 0, other.output
    config = load(tmp_path / "polegate.toml").config
    assert (config.station.kind, config.outbox.max_size) == (
        "lamp_pole",
        2**28,
    )  # nothing of the river is left


def test_a_ca_that_lies_elsewhere_is_copied_to_where_the_service_can_read_it(tmp_path: Path, ca: str) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "fleet.pem").write_text(ca)
    config, given = tmp_path / "etc" / "polegate.toml", str(tmp_path / "home" / "fleet.pem")
    arguments = ["--config", str(config), "provision"]
    answers = ["river", "s", "g", "", "1, 2", "", "mqtts://broker.invalid", given, "none", "y"]
    result = CliRunner().invoke(group, arguments, input="\n".join([*answers, ""]))
    assert result.exit_code == 0, result.output
    assert load(config).config.uplink.ca == config.with_name("fleet.pem")
    assert config.with_name("fleet.pem").read_text() == ca
    answers = ["", "", "", "", "-", "", "", "", "none", "y"]
    assert CliRunner().invoke(group, arguments, input="\n".join([*answers, ""])).exit_code == 0
    assert load(config).config.station.latitude is None
    assert load(config).config.uplink.ca == config.with_name("fleet.pem")


def test_questions_with_nobody_to_answer_them_say_what_to_do(tmp_path: Path) -> None:
    for answered in ((), ("river", "s")):
        result = answer(tmp_path, *answered)
        assert result.exit_code == 2
        assert "no terminal to ask on, and nothing was changed; name a seed" in told(result)
    assert not (tmp_path / "polegate.toml").exists()


def test_a_configuration_that_is_no_text_is_not_taken_for_ours(tmp_path: Path) -> None:
    (tmp_path / "polegate.toml").write_bytes(b"title = 'Br\xfccke'\n")
    result = answer(tmp_path)
    assert result.exit_code == 2
    assert "name a seed" in told(result)


def test_questions_about_a_certificate(tmp_path: Path) -> None:
    result = answer(tmp_path, *ANSWERS[:-4])
    assert result.exit_code == 2
    assert not (tmp_path / "polegate.toml").exists()
    result = answer(tmp_path, *ANSWERS[:-5], "est", "http://no", "https://ca.invalid", "-", "", "y")
    assert result.exit_code == 0, result.output
    config = load(tmp_path / "polegate.toml").config
    assert (config.enrolment.by, config.enrolment.url, config.enrolment.code) == (
        "est",
        "https://ca.invalid",
        None,
    )
    ours = f"polegate -c {tmp_path}/polegate.toml"
    assert f"sudo {ours} certs enrol" in told(result)
    assert told(result).endswith(f"{ours} run 4. {ours} doctor")
    assert (tmp_path / "credentials" / "mqtt-client-key").exists()
    assert answer(tmp_path, *[""] * 8, "none", "y").exit_code == 0
    assert load(tmp_path / "polegate.toml").config.uplink.certificate is None


def test_a_password_is_asked_for_until_it_is_the_same_twice(tmp_path: Path) -> None:
    result = answer(tmp_path, *ANSWERS[:-3], "hunter3", "hunter2", "hunter4", "hunter4", "y")
    assert result.exit_code == 0, result.output
    assert result.output.count("These two are not the same") == 1
    assert (tmp_path / "credentials" / "mqtt-password").read_text() == "hunter4\n"


def test_the_commands_for_its_gauges_are_those_of_this_configuration(
    polegate, seeded, tmp_path: Path
) -> None:
    said = polegate("provision", seeded(SEED), "--yes").output.splitlines()
    ours = f"sudo polegate -c {tmp_path}/polegate.toml"
    first = said.index("Find them, put them into the configuration:") + 1
    assert said[first : first + 3] == [
        f"  {ours} bus scan PORT --out scan.json",
        f"  {ours} device add NAME --from-scan 1",
        f"With them come rules of this kind of station: {ours} provision, once more.",
    ]


def test_on_a_terminal_nothing_of_the_password_is_seen(terminal, tmp_path: Path) -> None:
    asked = terminal("provision")
    for question, given in zip(
        (
            "Kind",
            "Site",
            "name at",
            "call",
            "Position",
            "Board",
            "broker:",
            "CA cert",
            "know",
            "User",
            "password",
            "once more",
        ),
        ("river", "s", "g", "", "", "", "mqtt://localhost", "", "password", "u", "hunter2", "hunter2"),
        strict=True,
    ):
        wait_until(lambda question=question: question in asked.text.rpartition("\n")[2])
        asked.type(f"{given}\n")
    wait_until(lambda: "Write this" in asked.text)
    asked.type("y\n")
    assert asked.wait() == 0
    assert "hunter2" not in asked.text
    assert (tmp_path / "credentials" / "mqtt-password").read_text() == "hunter2\n"


def test_the_board_by_the_device_tree(tmp_path: Path) -> None:
    titles = {"generic": "Any Linux gateway", "raspberry-pi-4": "Raspberry Pi 4 Model B"}
    model = tmp_path / "model"
    assert board_here(titles, model) == "generic"
    model.write_text("Raspberry Pi 4 Model B Rev 1.4\0")
    assert board_here(titles, model) == "raspberry-pi-4"
