"""The way to a real broker: names, families, TLS, certificates, CONNACK."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.certificates import Authority
from fakes.mosquitto import Mosquitto
from fakes.ports import free_port, listen
from fakes.waiting import wait_until

from agent.certificates import Certificate
from agent.cli.checks import broker, certificates, network
from agent.clock import Clock
from agent.config import Uplink
from agent.uplink.diagnosis import Circumstances

from .conftest import NOW_MS

DAY_MS = certificates.DAY_MS


def config(url: str, more: str = "") -> str:
    return f'[station]\nsite = "riverside"\ngateway = "pole-7"\n[uplink]\nurl = "{url}"\n{more}'


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def secure(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with Mosquitto(
        tmp_path_factory.mktemp("secure"), certificate=authority.server(), ca=authority.ca,
        require_client_certificate=True,
    ) as running:  # fmt: skip
        yield running


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (-335, 30, "ok: ours: pole-7, 30 days left, until 2026-12-23"),
        (-335, 29, "warn: ours: pole-7 ends in 29 days, on 2026-12-22"),
        (-20, 10, "ok: ours: pole-7, 10 days left, until 2026-12-03"),
        (-21, 9, "warn: ours: pole-7 ends in 9 days, on 2026-12-02"),
        (-9, 1, "warn: ours: pole-7 ends in 1 day, on 2026-11-24"),
        (-9, -2, "fail: ours: pole-7 ended 2 days ago, on 2026-11-21"),
        (1, 99, "fail: ours: pole-7 is valid from 2026-11-24 only"),
    ],
)
def test_days_left(told, since: int, until: int, expected: str) -> None:
    certificate = Certificate("pole-7", NOW_MS + since * DAY_MS, NOW_MS + until * DAY_MS)
    assert told([certificates.judge("ours", certificate, NOW_MS, "renew it")]) == [expected]


def test_without_tls_or_daemon_the_broker_takes_us_in(gateway, told, tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "broker") as running:
        found = told(broker.check(gateway.case(config(f"mqtt://127.0.0.1:{running.port}"))))
        wait_until(lambda: "Received DISCONNECT from polegate-pole-7" in running.log())
        log = running.log()
    assert found[0] == "ok: 127.0.0.1 is an address, no name server is needed"
    assert found[1].startswith(f"ok: 127.0.0.1:{running.port}: connected by IPv4 in ")
    assert found[2] == "ok: no TLS: the broker is on this machine"
    assert found[3].startswith("ok: the broker takes us in as polegate-pole-7, in ")
    assert len(found) == 4
    assert "as polegate-pole-7" in log
    assert "PUBLISH" not in log
    assert "Will message specified" not in log


def test_tls_with_our_certificate(gateway, told, authority: Authority, secure: Mosquitto) -> None:
    ours = authority.client("pole-7")
    for path in (ours.certificate, authority.ca):
        gateway.write({str(path): path.read_text()})
    more = f'ca = "{authority.ca}"\ncertificate = "{ours.certificate}"\nkey = {{ file = "{ours.key}" }}\n'
    case = gateway.case(config(f"mqtts://localhost:{secure.port}", more), now_ms=Clock().now()[0])
    found = told(broker.check(case))
    assert found[0].startswith("ok: localhost: ")
    assert any("connected by IPv4" in line for line in found)
    text = "\n".join(found)
    assert "\nok: our certificate: pole-7, " in text
    assert "\nok: uplink.ca: polegate test authority, " in text
    assert "\nok: TLSv1.3, the broker's certificate is trusted\n" in text
    assert "the broker's certificate: localhost, " in text
    assert "its CA: polegate test authority, " in text
    assert found[-1].startswith("ok: the broker takes us in as polegate-pole-7, in ")


def test_a_certificate_that_is_not_there_yet(gateway, told) -> None:
    more = 'certificate = "/etc/polegate/mqtt-client.pem"\nkey = { credential = "mqtt-client-key" }\n'
    case = gateway.case(config(f"mqtts://127.0.0.1:{free_port('127.0.0.1')}", more))
    (absent,) = [each for each in broker.check(case) if "mqtt-client.pem" in each.found]
    assert absent.verdict == "fail"
    assert "polegate certs request" in absent.do
    assert "polegate certs enrol" in absent.do


def test_a_key_of_the_service_alone_is_no_matter_of_rights(
    gateway, told, authority: Authority, secure: Mosquitto
) -> None:
    ours = authority.client("pole-8")
    for path in (ours.certificate, authority.ca):
        gateway.write({str(path): path.read_text()})
    more = f'ca = "{authority.ca}"\ncertificate = "{ours.certificate}"\nkey = {{ credential = "mqtt-key" }}\n'
    case = gateway.case(config(f"mqtts://localhost:{secure.port}", more), now_ms=Clock().now()[0])
    (key,) = [each for each in broker.check(case) if "without our client certificate" in each.found]
    assert key.verdict == "?"
    assert "a credential of the service" in key.found
    assert "sudo" not in key.do
    assert "polegate status" in key.do


def test_a_broker_that_wants_a_certificate_says_so(
    gateway, told, authority: Authority, secure: Mosquitto
) -> None:
    more = f'ca = "{authority.ca}"\n'
    last = list(broker.check(gateway.case(config(f"mqtts://127.0.0.1:{secure.port}", more))))[-1]
    assert last.verdict == "fail"
    assert "certificate" in last.found + last.do


def test_an_expired_broker_is_shown_with_its_dates(
    gateway, told, authority: Authority, tmp_path: Path
) -> None:
    with Mosquitto(tmp_path / "b", certificate=authority.server(expired=True)) as running:
        more = f'ca = "{authority.ca}"\n'
        found = told(broker.check(gateway.case(config(f"mqtts://127.0.0.1:{running.port}", more))))
    assert any(
        line.startswith(f"fail: the certificate of 127.0.0.1:{running.port} has expired") for line in found
    )
    assert any("the broker's certificate: localhost" in line for line in found)


def test_nobody_listens(gateway, told) -> None:
    found = told(broker.check(gateway.case(config(f"mqtt://127.0.0.1:{free_port('127.0.0.1')}"))))
    assert "refuses connections: nothing listens on that port" in found[1]
    assert len(found) == 3, "no MQTT without TCP"


def test_what_the_daemon_says_too_is_said_once(gateway, told, healthy) -> None:
    url = f"mqtt://127.0.0.1:{free_port('127.0.0.1')}"
    alone = told(broker.check(gateway.case(config(url))))
    healthy["uplink"] |= {
        "state": "disconnected",
        "error": f"{alone[1].removeprefix('fail: ')}; check the port",
    }
    assert told(broker.check(gateway.case(config(url), status=healthy))) == alone


def test_a_name_nobody_knows(gateway) -> None:
    around = Circumstances(Uplink(url="mqtts://broker.invalid"), "polegate-pole-7", NOW_MS)
    rows, finding = network.addresses(around)
    assert (rows, finding.verdict) == ([], "fail")
    assert finding.found.startswith("no address is known for broker.invalid")
    assert "DNS server" in finding.do


FOUR, SIX = (socket.AF_INET, "192.0.2.1", 8883), (socket.AF_INET6, "2001:db8::1", 8883)


def test_one_family_that_fails_is_a_delay_two_are_the_end(told) -> None:
    around = Circumstances(Uplink(url="mqtts://broker.example"), "polegate-pole-7", NOW_MS)
    good, bad = network.Try(FOUR, 0.02), network.Try(SIX, 10.0, TimeoutError())
    assert told(network.judge_tcp([good, bad], around)) == [
        "ok: 192.0.2.1:8883: connected by IPv4 in 20 ms",
        "warn: [2001:db8::1]:8883: no connection by IPv6: no answer",
    ]
    (worse,) = network.judge_tcp([bad], around)
    assert worse.found == "broker.example:8883 did not answer in time"
    assert worse.do.startswith("check the network (SIM")


def test_both_families_are_tried(told) -> None:
    with listen("127.0.0.1") as four, listen("::1") as six:
        rows = [
            (socket.AF_INET6, "::1", six.getsockname()[1]),
            (socket.AF_INET, "127.0.0.1", four.getsockname()[1]),
        ]
        assert [(each.family, each.failure) for each in network.connect(rows)] == [
            ("IPv4", None),
            ("IPv6", None),
        ]


def test_a_connected_daemon_is_believed_and_not_disturbed(gateway, told, healthy, tmp_path: Path) -> None:
    healthy["uplink"]["since_ms"] = NOW_MS - 7_800_000
    with Mosquitto(tmp_path / "broker") as running:
        found = told(broker.check(gateway.case(config(f"mqtt://127.0.0.1:{running.port}"), status=healthy)))
        assert "polegate-pole-7" not in running.log()
    assert found[-1] == "ok: the daemon is connected for 2 h 10 min, 274,118 of 274,119 acknowledged"
    healthy["uplink"]["error"] = "the broker lets no commands through; ask its operator"
    doubt = broker.connected(healthy["uplink"], NOW_MS)
    assert (doubt.verdict, doubt.do) == ("warn", "ask its operator")


def test_a_daemon_that_is_not_connected_is_quoted_then_checked(
    gateway, told, healthy, tmp_path: Path
) -> None:
    healthy["uplink"] |= {"state": "disconnected", "error": "the line is dead; wait"}
    with Mosquitto(tmp_path / "broker") as running:
        found = told(broker.check(gateway.case(config(f"mqtt://127.0.0.1:{running.port}"), status=healthy)))
    assert found[-2] == "fail: the daemon says: the line is dead"
    assert found[-1].startswith("warn: the broker takes us in as polegate-pole-7")


def test_a_secret_of_the_service_alone_cannot_be_tried(gateway, told, tmp_path: Path) -> None:
    more = 'username = "p"\npassword = { credential = "mqtt-password" }\n'
    with Mosquitto(tmp_path / "broker") as running:
        found = told(broker.check(gateway.case(config(f"mqtt://127.0.0.1:{running.port}", more))))
    assert found[-1].startswith("?: the broker's answer cannot be asked for by this user: uplink.password")


def test_a_broker_that_refuses_us(gateway, told, tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "broker", users={"p": "q"}) as running:
        last = list(broker.check(gateway.case(config(f"mqtt://127.0.0.1:{running.port}"))))[-1]
    assert last.verdict == "fail"
    assert "does not let clients without a user name in" in last.found


@pytest.mark.parametrize(
    ("text", "expected"),
    [(None, "cannot be read (No such file or directory)"), ("nothing", "holds no certificate in PEM form")],
)
def test_a_ca_that_is_not_there_or_none(gateway, text: str | None, expected: str) -> None:
    if text is not None:
        gateway.write({"/etc/ca.pem": text})
    uplink = Uplink(url="mqtts://localhost", ca=Path("/etc/ca.pem"))
    (finding,) = broker._ours(gateway.case(), uplink)
    assert finding.verdict == "fail"
    assert expected in finding.found
