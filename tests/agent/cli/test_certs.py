"""polegate certs with real keys, CAs, servers and a broker: nothing is replaced before the new one is good."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from fakes.certificates import Authority
from fakes.enrolment import EstServer, Reply, StepServer, key_of
from fakes.mosquitto import Mosquitto
from fakes.nobody import by_nobody

from agent.certificates import Certificate, read_pem
from agent.cli import certs_facts
from agent.clock import Clock
from agent.config import Config
from agent.enrolment import openssl
from agent.enrolment.ours import ours_of
from agent.loading import load
from agent.writing import alone

NOBODY_THERE = "mqtts://127.0.0.1:9"
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def broker(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with Mosquitto(
        tmp_path_factory.mktemp("broker"), certificate=authority.server(), ca=authority.ca,
        require_client_certificate=True,
    ) as running:  # fmt: skip
        yield running


@pytest.fixture
def configure(tmp_path: Path) -> Callable[..., None]:
    """Writes a configuration whose certificate and key are where provision would put them."""

    def write(url: str = NOBODY_THERE, *, uplink: str = "", more: str = "") -> None:
        (tmp_path / "polegate.toml").write_text(
            f'[station]\nsite = "riverside"\ngateway = "pole-7"\n[uplink]\nurl = "{url}"\n'
            f'certificate = "{tmp_path}/mqtt-client.pem"\nkey = {{ credential = "mqtt-client-key" }}\n'
            f"{uplink}\n{more}\n"
        )

    write()
    return write


@pytest.fixture
def request_text(polegate, configure, tmp_path: Path) -> str:
    result = polegate("certs", "request", "--json")
    assert result.exit_code == 0
    return str(json.loads(result.stdout)["text"])


def key_file(tmp_path: Path) -> Path:
    return tmp_path / "credentials" / "mqtt-client-key"


def present(tmp_path: Path) -> Certificate:
    return read_pem((tmp_path / "mqtt-client.pem").read_text())[0]


def signed(authority: Authority, request: str, tmp_path: Path, **dates: timedelta) -> Path:
    file = tmp_path / "signed.pem"
    file.write_text(authority.sign(request, **dates))
    return file


def told(result) -> str:
    return " ".join(result.output.split())


def at(monkeypatch: pytest.MonkeyPatch, year: int) -> None:
    """The gateway's clock is in that year."""
    seconds = (year - 1970) * 31_557_600
    monkeypatch.setattr("agent.cli.certs.Clock", lambda: Clock(wall_ns=lambda: seconds * 10**9))


# request


def test_the_key_is_made_here_and_is_for_root_alone(polegate, configure, tmp_path: Path) -> None:
    result = polegate("certs", "request", "--out", tmp_path / "to-the-ca.csr")
    assert result.exit_code == 0
    key = key_file(tmp_path)
    assert stat.S_IMODE(key.stat().st_mode) == 0o400
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
    request = (tmp_path / "to-the-ca.csr").read_text()
    assert request in result.stdout
    assert (tmp_path / "mqtt-client.csr").read_text() == request
    assert "PRIVATE" not in result.output
    assert key_of(request) == openssl.public_of(key)
    said = subprocess.run(
        ["openssl", "req", "-noout", "-text", "-verify"],
        input=request,
        text=True,
        capture_output=True,
        check=True,
    )
    assert "CN = pole-7" in said.stdout
    assert "DNS:pole-7" in said.stdout
    assert "TLS Web Client Authentication" in said.stdout
    assert "NIST CURVE: P-256" in said.stdout
    assert not list(tmp_path.rglob("*.new"))


def test_the_key_stays_and_a_new_one_waits_beside_it(
    polegate, request_text, authority, tmp_path: Path
) -> None:
    polegate("certs", "install", signed(authority, request_text, tmp_path))
    first, before = key_file(tmp_path).read_bytes(), present(tmp_path)
    assert json.loads(polegate("certs", "request", "--json").stdout)["text"] != ""
    assert key_file(tmp_path).read_bytes() == first

    result = polegate("certs", "request", "--new-key")
    assert "taken into use with its certificate" in told(result)
    assert key_file(tmp_path).read_bytes() == first
    waiting = polegate("certs", "show")
    assert waiting.exit_code == 0
    assert "a key waits for its certificate" in told(waiting)
    text = (tmp_path / "mqtt-client.csr").read_text()
    result = polegate("certs", "install", signed(authority, text, tmp_path))
    assert "systemd passes the new key on at the next start" in told(result)
    assert present(tmp_path) != before
    assert key_file(tmp_path).read_bytes() != first
    assert key_file(tmp_path).with_name("mqtt-client-key.previous").read_bytes() == first
    assert openssl.public_of(key_file(tmp_path)) == present(tmp_path).public_key


def test_rsa_where_it_is_asked_for(polegate, configure, tmp_path: Path) -> None:
    configure(more='[enrolment]\nkey_type = "rsa"')
    request = json.loads(polegate("certs", "request", "--json").stdout)["text"]
    said = subprocess.run(
        ["openssl", "req", "-noout", "-text"], input=request, text=True, capture_output=True, check=True
    )
    assert "Public-Key: (3072 bit)" in said.stdout


def test_what_the_configuration_does_not_name_yet_is_said(polegate, tmp_path: Path) -> None:
    (tmp_path / "polegate.toml").write_text(
        '[station]\nsite = "a"\ngateway = "pole-7"\n[uplink]\nurl = "mqtts://broker.example"\n'
    )
    output = polegate("certs", "request").output
    assert f'certificate = "{tmp_path}/mqtt-client.pem"' in output
    assert f"LoadCredential=mqtt-client-key:{key_file(tmp_path)}" in output
    assert polegate("certs", "show").exit_code == 0


def test_without_openssl(polegate, configure, monkeypatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    result = polegate("certs", "request")
    assert result.exit_code == 1
    assert "apt install openssl" in result.output


# install


def test_a_signed_certificate_is_tried_with_the_broker_and_installed(
    polegate, configure, broker, authority, tmp_path: Path
) -> None:
    configure(f"mqtts://localhost:{broker.port}", uplink=f'ca = "{authority.ca}"')
    request = json.loads(polegate("certs", "request", "--json").stdout)["text"]
    result = polegate("certs", "install", signed(authority, request, tmp_path), "--ca", authority.ca)
    assert result.exit_code == 0, result.output
    assert "The broker takes it." in result.output
    assert "systemctl daemon-reload" in result.output
    certificate = tmp_path / "mqtt-client.pem"
    assert stat.S_IMODE(certificate.stat().st_mode) == 0o644
    shown = polegate("certs", "show")
    assert shown.exit_code == 0
    assert "the key of our certificate" in told(shown)
    assert "CONNECT" not in [line.split()[-1] for line in broker.log().splitlines() if "pole-7" in line]


def test_a_certificate_that_is_not_there_is_a_slip_of_the_pen(polegate, tmp_path: Path) -> None:
    result = polegate("certs", "install", tmp_path / "none.pem")
    assert (result.exit_code, "none.pem' does not exist" in told(result)) == (2, True)


def test_a_broker_that_refuses_it_keeps_the_old_one_in_place(
    polegate, configure, broker, authority, tmp_path: Path
) -> None:
    configure(f"mqtts://localhost:{broker.port}", uplink=f'ca = "{authority.ca}"')
    request = json.loads(polegate("certs", "request", "--json").stdout)["text"]
    assert polegate("certs", "install", signed(authority, request, tmp_path)).exit_code == 0
    before = present(tmp_path)
    stranger = Authority(tmp_path / "stranger")
    result = polegate("certs", "install", signed(stranger, request, tmp_path))
    assert result.exit_code == 1
    assert "does not know the CA that signed ours" in told(result)
    assert "What was there before is untouched" in told(result)
    assert present(tmp_path) == before
    assert polegate("certs", "install", tmp_path / "signed.pem", "--untried").exit_code == 0
    assert present(tmp_path).issuer == before.issuer
    assert read_pem((tmp_path / "mqtt-client.pem.previous").read_text()) == [before]


def test_the_chain_comes_along_in_whatever_order(polegate, request_text, authority, tmp_path: Path) -> None:
    file = tmp_path / "bundle.pem"
    file.write_text(authority.ca.read_text() + authority.sign(request_text))
    assert polegate("certs", "install", file).exit_code == 0
    assert [each.name for each in read_pem((tmp_path / "mqtt-client.pem").read_text())] == [
        "pole-7",
        "polegate test authority",
    ]


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda a, r: a.client("pole-7").certificate.read_text(), "none of its certificates (pole-7) was made for the key"),
        (lambda a, r: a.sign(r, since=-9 * DAY, until=-DAY), "pole-7 ended on "),
        (lambda a, r: a.sign(r, since=DAY, until=9 * DAY), "pole-7 is valid from "),
        (lambda a, r: "no certificate at all", "it holds no certificate in PEM form"),
    ],
)  # fmt: skip
def test_what_is_not_installed(
    polegate, request_text, authority, *, tmp_path: Path, make, expected: str
) -> None:
    file = tmp_path / "bad.pem"
    file.write_text(make(authority, request_text))
    result = polegate("certs", "install", file)
    assert result.exit_code == 1
    assert expected in told(result)
    assert "Next: " in result.output
    assert not (tmp_path / "mqtt-client.pem").exists()
    assert not (tmp_path / "mqtt-client.pem.next").exists()


def test_a_certificate_for_servers_is_refused(polegate, request_text, authority, tmp_path: Path) -> None:
    key = key_file(tmp_path)
    settings = "[req]\ndistinguished_name=n\nprompt=no\nreq_extensions=e\n[n]\nCN=pole-7\n[e]\nextendedKeyUsage=serverAuth\n"
    words = ["openssl", "req", "-new", "-config", "/dev/stdin", "-key", str(key)]
    request = subprocess.run(words, input=settings, text=True, capture_output=True, check=True).stdout
    result = polegate("certs", "install", signed(authority, request, tmp_path))
    assert result.exit_code == 1
    assert "pole-7 may be used for serverAuth, and not by a client" in told(result)


def test_another_cas_certificate_does_not_lead_to_ours(
    polegate, request_text, authority, tmp_path: Path
) -> None:
    result = polegate(
        "certs",
        "install",
        signed(authority, request_text, tmp_path),
        "--ca",
        Authority(tmp_path / "other").ca,
    )
    assert result.exit_code == 1
    assert "does not lead to" in told(result)
    assert not (tmp_path / "mqtt-client.pem").exists()


def test_in_1971_the_clock_is_blamed(polegate, request_text, authority, tmp_path: Path, monkeypatch) -> None:
    file = signed(authority, request_text, tmp_path)
    at(monkeypatch, 1971)
    result = polegate("certs", "install", file)
    assert result.exit_code == 1
    assert "this gateway's clock says 1971-01-01" in told(result)
    assert "timedatectl set-time" in told(result)
    assert not (tmp_path / "mqtt-client.pem").exists()


def test_a_power_cut_cannot_leave_the_new_certificate_with_the_old_key(
    polegate, request_text, authority, *, tmp_path: Path, monkeypatch
) -> None:
    """The key's step is on the disk before the certificate's is made, and that one when it is told of."""
    polegate("certs", "install", signed(authority, request_text, tmp_path))
    old = present(tmp_path), key_file(tmp_path).read_bytes()
    polegate("certs", "request", "--new-key")
    file = signed(authority, (tmp_path / "mqtt-client.csr").read_text(), tmp_path)
    synced, fsync = [], os.fsync

    def recorded(handle: int) -> None:
        fsync(handle)
        now = present(tmp_path), key_file(tmp_path).read_bytes()
        synced.append((Path(f"/proc/self/fd/{handle}").readlink(), now[0] != old[0], now[1] != old[1]))

    monkeypatch.setattr(os, "fsync", recorded)
    assert polegate("certs", "install", file).exit_code == 0
    assert (key_file(tmp_path).parent, False, True) in synced
    assert synced[-1] == (tmp_path, True, True)


def test_one_command_at_a_time_changes_the_folder(polegate, request_text, authority, tmp_path: Path) -> None:
    """The timer's renewal does not come between the steps of a person's."""
    file = signed(authority, request_text, tmp_path)
    with alone(tmp_path):
        result = polegate("certs", "install", file)
        assert result.exit_code == 1
        assert "another command of polegate changes it right now" in told(result)
        assert not (tmp_path / "mqtt-client.pem").exists()
    assert polegate("certs", "install", file).exit_code == 0


def test_a_swap_of_both_that_was_cut_off_is_finished_by_hand(
    polegate, request_text, authority, tmp_path: Path
) -> None:
    polegate("certs", "install", signed(authority, request_text, tmp_path))
    polegate("certs", "request", "--new-key")
    text = (tmp_path / "mqtt-client.csr").read_text()
    # As far as the key: the certificate lies beside.
    signed(authority, text, tmp_path).rename(tmp_path / "mqtt-client.pem.next")
    key_file(tmp_path).with_name("mqtt-client-key.next").replace(key_file(tmp_path))
    result = polegate("certs", "show")
    assert result.exit_code == 1
    assert f"polegate certs install {tmp_path}/mqtt-client.pem.next" in result.output
    assert polegate("certs", "install", tmp_path / "mqtt-client.pem.next").exit_code == 0
    assert polegate("certs", "show").exit_code == 0


# show


def test_show_for_people_and_programs(polegate, configure, authority, tmp_path: Path) -> None:
    configure(uplink=f'ca = "{authority.ca}"', more=f'[cameras.bridge]\nhost = "cam"\nca = "{authority.ca}"')
    result = polegate("certs", "show")
    assert result.exit_code == 1
    assert "no certificate there yet" in told(result)
    assert "polegate certs request" in told(result)
    request = json.loads(polegate("certs", "request", "--json").stdout)["text"]
    polegate("certs", "install", signed(authority, request, tmp_path, until=90 * DAY), "--untried")
    result = polegate("certs", "show")
    assert result.exit_code == 0
    assert all(len(line) <= 80 for line in result.stdout.splitlines())
    assert "cameras.bridge.ca" in result.stdout
    assert "by hand from " in told(result)
    facts = json.loads(polegate("certs", "show", "--json").stdout)
    ours = facts["certificates"][0]
    assert facts["ok"]
    assert (ours["whose"], ours["subject"], ours["issuer"]) == ("ours", "pole-7", "polegate test authority")
    assert ours["days_left"] == 89
    assert [each["whose"] for each in facts["certificates"]] == ["ours", "uplink.ca", "cameras.bridge.ca"]
    key_file(tmp_path).chmod(0o444)
    result = polegate("certs", "show")
    assert result.exit_code == 1
    assert "can be read by others: r--r--r--" in told(result)


def test_what_to_do_stands_under_the_certificate_it_is_about(
    polegate, request_text, authority, tmp_path: Path
) -> None:
    ended = authority.sign(request_text, since=-9 * DAY, until=-DAY)
    (tmp_path / "mqtt-client.pem").write_text(ended)
    result = polegate("certs", "show")
    assert result.exit_code == 1
    head, _, rest = told(result).partition("fail ours: pole-7 ended 1 day ago, on ")
    assert "From a server" not in head
    assert rest[len("2026-11-24 ") :].startswith("By hand: polegate certs request, then certs install FILE.")
    assert rest.index("the key of our certificate") > rest.index("From a server: polegate certs renew.")


def test_show_of_a_wrong_key_a_wrong_name_and_files_that_are_not_there(
    polegate, configure, authority, tmp_path: Path
) -> None:
    configure(uplink=f'ca = "{tmp_path}/ca.pem"')
    (tmp_path / "mqtt-client.pem").write_text(authority.client("pole-8").certificate.read_text())
    polegate("certs", "request")
    result = polegate("certs", "show")
    text = told(result)
    assert result.exit_code == 1
    assert "is not the key of our certificate" in text
    assert "our certificate is for pole-8, and this gateway is pole-7" in text
    assert f"uplink.ca:{tmp_path}/ca.pem:nosuchfile" in text.replace(" ", "")
    (tmp_path / "ca.pem").write_text("nothing")
    key_file(tmp_path).chmod(0o600)
    key_file(tmp_path).write_text("nothing")
    text = told(polegate("certs", "show"))
    assert "holds no certificate in PEM form" in text
    assert "holds no private key that can be read" in text


def test_without_rights_the_rest_is_shown(polegate, request_text, authority, *, tmp_path: Path) -> None:
    polegate("certs", "install", signed(authority, request_text, tmp_path))
    place = Path(tempfile.mkdtemp())  # pytest's own folders are closed to others
    try:
        shutil.copytree(tmp_path, place, dirs_exist_ok=True)
        text = (place / "polegate.toml").read_text().replace(str(tmp_path), str(place))
        (place / "polegate.toml").write_text(text)
        place.chmod(0o755)
        look = partial(_found, load(place / "polegate.toml").config, place)
        look()  # nobody may not even be able to import what it takes
        (place / "credentials").chmod(0o700 if os.geteuid() == 0 else 0)
        findings = by_nobody(look)
    finally:
        (place / "credentials").chmod(0o700)
        shutil.rmtree(place)
    assert any("whether it is the key of our certificate is seen with sudo" in each for each in findings)
    assert any("ours: pole-7" in each for each in findings)


def _found(config: Config, folder: Path) -> list[str]:
    store = certs_facts.gather(config, ours_of(config, folder), folder, Clock().now()[0])
    return [each.found for each in store.judged]


# EST and step-ca


@pytest.fixture
def est(authority: Authority) -> Iterator[EstServer]:
    with EstServer(authority) as running:
        yield running


@pytest.fixture
def step(authority: Authority) -> Iterator[StepServer]:
    with StepServer(authority) as running:
        yield running


def enrolment(server: EstServer | StepServer, by: str, ca: Path | None, code: Path) -> str:
    trusted = f'ca = "{ca}"\n' if ca else ""
    return f'[enrolment]\nby = "{by}"\nurl = "{server.url}"\n{trusted}code = {{ file = "{code}" }}\n'


def test_est_from_claim_code_to_renewal(polegate, configure, est, authority, tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.write_text("once-4711\n")
    est.codes.add("once-4711")
    configure(more=enrolment(est, "est", authority.ca, code))
    result = polegate("certs", "enrol")
    assert result.exit_code == 0, result.output
    assert "once-4711" not in result.output
    assert not code.exists()
    first, key = present(tmp_path), key_file(tmp_path).read_bytes()
    assert [call.path for call in est.calls] == ["/.well-known/est/cacerts", "/.well-known/est/simpleenroll"]

    again = polegate("certs", "enrol")
    assert again.exit_code == 1
    assert "there is a certificate until" in told(again)
    early = polegate("certs", "renew")
    assert early.exit_code == 0
    assert "Nothing to do" in early.output
    assert len(est.calls) == 2

    result = polegate("certs", "renew", "--now")
    assert result.exit_code == 0, result.output
    assert "takes it at its next connection" in told(result)
    assert est.calls[-1].path == "/.well-known/est/simplereenroll"
    assert est.calls[-1].client == first
    assert present(tmp_path).serial != first.serial
    assert key_file(tmp_path).read_bytes() == key
    assert present(tmp_path).names == ("DNS:pole-7",)


def test_a_certificate_is_due_after_two_thirds_of_its_life(
    polegate, configure, est, authority, tmp_path: Path
) -> None:
    code = tmp_path / "code"
    code.write_text("once")
    est.codes.add("once")
    configure(more=enrolment(est, "est", authority.ca, code))
    est.since, est.until = -21 * DAY, 9 * DAY
    polegate("certs", "enrol")
    first = present(tmp_path)
    est.override = Reply(500, b"out of\norder")
    failed = polegate("certs", "renew")
    assert failed.exit_code == 1
    assert "answers 500: out of order" in told(failed)
    assert present(tmp_path) == first
    est.override = None
    est.since, est.until = -DAY, 29 * DAY
    assert "Nothing to do" not in polegate("certs", "renew").output
    assert present(tmp_path).until_ms > first.until_ms
    assert "Nothing to do" in polegate("certs", "renew").output


def test_est_that_gives_none_leaves_the_code(polegate, configure, est, authority, *, tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.write_text("wrong")
    configure(more=enrolment(est, "est", authority.ca, code))
    assert "refuses us; is the claim code right" in _said(polegate)
    est.override = Reply(200, b"hello")
    assert "answers, and not with certificates" in _said(polegate)
    assert code.read_text() == "wrong"
    assert not (tmp_path / "mqtt-client.pem").exists()


def test_servers_that_cannot_be_trusted_or_reached(
    polegate, configure, est, authority, *, tmp_path: Path, monkeypatch
) -> None:
    code = tmp_path / "code"
    code.write_text("once")
    configure(more=enrolment(est, "est", None, code))
    assert "is not vouched for by the system's CAs; set enrolment.ca" in _said(polegate)
    assert est.calls == []
    configure(more=enrolment(est, "est", authority.ca, code).replace(str(est.port), "99999"))
    refused = polegate("certs", "enrol")
    assert (refused.exit_code, "url: expected https://host[:port]" in refused.output) == (78, True)
    configure(more=enrolment(est, "est", authority.ca, code))
    at(monkeypatch, 1971)
    assert "no server can be trusted by it" in _said(polegate)
    configure()
    assert "[enrolment] names no server" in _said(polegate)


def _said(polegate) -> str:
    result = polegate("certs", "enrol")
    assert result.exit_code == 1
    return " ".join(result.output.replace(".\nNext: ", "; ").split())


def test_step_by_its_token_alone(polegate, configure, step, authority, tmp_path: Path) -> None:
    code = tmp_path / "token"
    code.write_text(step.token("pole-7", sans=["pole-7", "10.0.0.7"]) + "\n")
    configure(more=enrolment(step, "step", None, code))
    result = polegate("certs", "enrol")
    assert result.exit_code == 0, result.output
    assert present(tmp_path).names == ("DNS:pole-7", "IP:10.0.0.7")
    assert [each.name for each in read_pem((tmp_path / "mqtt-client.pem").read_text())][1:] == [
        "polegate test authority"
    ]
    assert (tmp_path / "enrolment-ca.pem").read_text() == read_pem(authority.ca.read_text())[0].pem
    first = present(tmp_path)
    result = polegate("certs", "renew", "--now", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["subject"] == "pole-7"
    assert step.calls[-1].client == first
    assert present(tmp_path).serial != first.serial


def test_step_tokens_that_are_not_taken(polegate, configure, step, tmp_path: Path) -> None:
    code = tmp_path / "token"
    configure(more=enrolment(step, "step", None, code))
    assert "the claim code cannot be read from" in _said(polegate)
    code.write_text("\n")
    assert "is empty; write the claim code into it" in _said(polegate)
    code.write_text("no token")
    assert "is no token of step-ca" in _said(polegate)
    code.write_text(step.token("pole-8"))
    assert "the token is for pole-8, and this gateway is pole-7" in _said(polegate)
    code.write_text(step.token("pole-7", sha="ab" * 32))
    assert "root certificate was not found" in _said(polegate)
    code.write_text(step.token("pole-7"))
    step.codes.clear()
    assert "a token is good once and for minutes" in _said(polegate)
    assert not (tmp_path / "mqtt-client.pem").exists()


def test_renewing_nothing_and_renewing_too_late(
    polegate, configure, est, authority, *, tmp_path: Path, monkeypatch
) -> None:
    code = tmp_path / "code"
    code.write_text("once")
    est.codes.add("once")
    configure(more=enrolment(est, "est", authority.ca, code))
    result = polegate("certs", "renew")
    assert result.exit_code == 1
    assert "there is no certificate to renew" in told(result)
    polegate("certs", "enrol")
    at(monkeypatch, 2035)
    result = polegate("certs", "renew")
    assert result.exit_code == 1
    assert "a server renews only what is good" in told(result)


def test_the_claim_code_is_on_no_command_line(
    configure, est, authority, tmp_path: Path, *, polegate, monkeypatch
) -> None:
    """What openssl is called with holds neither the code nor a key."""
    code, calls = tmp_path / "code", []
    code.write_text("once-4711")
    est.codes.add("once-4711")
    configure(more=enrolment(est, "est", authority.ca, code))
    run = subprocess.run
    spy = SimpleNamespace(
        **{**vars(subprocess), "run": lambda words, **kw: (calls.append(words), run(words, **kw))[1]}
    )
    monkeypatch.setattr("agent.enrolment.openssl.subprocess", spy)
    assert polegate("certs", "enrol").exit_code == 0
    assert calls
    text = json.dumps(calls)
    assert "once-4711" not in text
    assert "PRIVATE" not in text
