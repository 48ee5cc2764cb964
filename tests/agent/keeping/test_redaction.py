"""Secrets in text: each form they come in, and words that only look like one."""

from __future__ import annotations

import json
import tomllib

import pytest

from agent.keeping.redaction import GONE, LONGEST_LINE, Redactor, words_of

PLANTED = "hunter2"


@pytest.mark.parametrize(
    "text",
    [
        'password = "hunter2"',
        '"password": "hunter2", "a": 1',
        '{"userPassword":"hunter2"}',
        "rtsp://admin:hunter2@10.0.0.5/live",
        "rtsp://admin:hun/hunter2@10.0.0.5:554/live?x=1",
        "rtsp://admin:p@hunter2@10.0.0.5/live",
        "https://hunter2@10.0.0.5/live",
        "http://h/cgi?user=a&pwd=hunter2&z=1",
        "http://h/cgi?access_token=hunter2",
        'Environment="MQTT_PASSWORD=hunter2" FOO=hunter2',
        'Environment=A=hunter2 "B=two hunter2"',
        "SetCredential=mqtt:hunter2",
        'Authorization: Digest username="a", response="hunter2"',
        "Proxy-Authorization: Basic hunter2",
        "Cookie: session=hunter2; x=hunter2",
        "sent Basic aHVudGVyMjpodW50ZXIyaHVudGVyMg==hunter2",
        'event=x message="password=\\"hunter2\\" was refused"',
        "event=x password=hunter2 reason=refused",
        '<wsse:Password Type="x">hunter2</wsse:Password>',
        "token: hunter2 (the old one)",
        "mqttsub --password hunter2 -v",
        "mosquitto_sub -u gw -P hunter2 -v",
        "remote_password hunter2",
        "MQTT_TOKEN=hunter2",
        "api-key: hunter2",
        "psk='hunter2'",
        "wifi.psk=hunter2",
        "snmp community: hunter2",
        "camera_password_2=hunter2",
        "# password of the camera is hunter2",
        "the password is hunter2",
        "-----BEGIN EC PRIVATE KEY-----\nhunter2\n-----END EC PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nhunter2 and no end",
        "eyJhbGciOiJIUzI1NiJ9.hunter2hunter2.hunter2",
    ],
)
def test_what_is_labelled_as_a_secret_goes(text: str) -> None:
    assert PLANTED not in Redactor()(text)
    assert "redacted" in Redactor()(text)


@pytest.mark.parametrize(
    "text",
    [
        'password = { file = "/etc/polegate/secrets/mqtt" }',
        'password = { credential = "mqtt-password" }',
        "uplink.password: /etc/polegate/secrets/mqtt: no such file",
        'password: expected { file = "/path" } or { credential = "name" }, not the secret',
        "mqtts://broker.example:8883",
        "http://10.0.0.5/a?b=c",
        "LoadCredential=mqtt-password:/etc/polegate/credentials/mqtt-password",
        "spinning=5 pinned=3 opinion: bypass=1",
        "user and password were refused",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "colour = '#aabbcc'",
        "key=cameras.gate",
    ],
)
def test_what_is_none_stays(text: str) -> None:
    assert Redactor()(text) == text


@pytest.mark.parametrize("secret", ['pä$$ w0rd"x\\', "top/secret?&", "4711x", "line one\nline two"])
def test_a_known_secret_goes_in_every_form(secret: str) -> None:
    import base64
    import html
    from urllib.parse import quote, quote_plus

    encoded = base64.b64encode(secret.encode()).decode()
    forms = [secret, quote(secret, safe=""), quote_plus(secret), encoded, html.escape(secret)]
    forms += [
        each[1:-1] for each in (json.dumps(secret), json.dumps(secret, ensure_ascii=False), repr(secret))
    ]
    for form in forms:
        assert Redactor([secret])(f"serial number x{form}y") == f"serial number x{GONE}y"
    assert secret not in Redactor([secret])(json.dumps({"a": secret}, ensure_ascii=False))


def test_json_and_toml_stay_what_they_are() -> None:
    kept = Redactor()(json.dumps({"password": "a b", "token": "c", "url": "http://u:p@h/x", "n": 1}))
    assert json.loads(kept) == {"password": GONE, "token": GONE, "url": f"http://{GONE}@h/x", "n": 1}
    kept = Redactor()("password = 'a b'\n[x]\nsecret = \"c\"\n")
    assert tomllib.loads(kept) == {"password": GONE, "x": {"secret": GONE}}


def test_the_words_of_a_file_of_secrets() -> None:
    assert words_of("geheim-4711\n") == {"geheim-4711"}
    assert words_of("abc\n") == set(), "too short: it would take ordinary words with it"
    pem = "-----BEGIN PRIVATE KEY-----\nMIGHAgEA\nBggqhkjO\n-----END PRIVATE KEY-----\n"
    assert words_of(pem) == {"MIGHAgEA", "BggqhkjO"}


@pytest.mark.parametrize("unit", ["A", "a-b.", "://", "http://a:", '"\\', " #", "password=", "<a", "@", ":@"])
def test_no_text_takes_for_ever(unit: str) -> None:
    """Lines without end are cut: a rule may need the square of a line's length."""
    text = unit * 40_000
    assert len(Redactor()(text)) <= LONGEST_LINE * 6
