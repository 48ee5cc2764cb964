"""The broker: the way to it, its certificates and ours, and whether it takes us in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from agent.amounts import span
from agent.certificates import read_pem
from agent.cli import doctor_texts as say
from agent.cli.checks import network
from agent.cli.checks.case import Case, Facts
from agent.cli.checks.certificates import judge as judge_certificate
from agent.cli.checks.findings import Finding, advised, fail, ok, unknown, warn
from agent.cli.checks.machine import Machine
from agent.config import Uplink
from agent.config_words import LOOPBACK
from agent.uplink import secrets
from agent.uplink.connection import connect
from agent.uplink.diagnosis import Circumstances
from agent.uplink.errors import Unusable, UplinkError

CONNACK_S = 20.0
OURS = "our certificate"
UNSEEN = ("credential_missing", "file_unreadable")
"""Reasons that may be this user's alone."""


def check(case: Case) -> Iterator[Finding]:
    """From the name to CONNACK; a step that fails is the last."""
    if case.loaded is None:
        yield unknown(say.NO_CONFIG)
        return
    config = case.loaded.config
    around = Circumstances(config.uplink, config.uplink.known_as(config.station.gateway), case.now_ms)
    rows, finding = network.addresses(around)
    yield finding
    tries = list(network.connect(rows))
    reached = list(network.judge_tcp(tries, around))
    yield from reached
    up = next((each.address for each in tries if each.failure is None), None)
    if config.uplink.tls:
        yield from _ours(case, config.uplink)
        if up is not None:
            yield from _tls(up, around)
    else:
        yield _plain(config.uplink)
    uplink = case.status.get("uplink", {})
    if uplink.get("state") == "connected":
        yield connected(uplink, case.now_ms)
    else:
        found, do = advised(uplink.get("error", ""))
        if found and found not in {each.found for each in (finding, *reached)}:
            yield fail(say.MQTT_SAID.format(error=found), say.BROKER_WHY, do or say.BROKER_DO)
        if up is not None:
            yield _mqtt(around, daemon=bool(case.status))


def connected(uplink: Facts, now_ms: int) -> Finding:
    """While the daemon is connected nobody else may be by the same name: its word is taken."""
    if uplink["error"]:
        found, do = advised(uplink["error"])
        return warn(say.MQTT_DOUBT.format(error=found), say.MQTT_DOUBT_WHY, do or say.BROKER_DO)
    since = span((now_ms - uplink["since_ms"]) / 1000)
    counts = {key: uplink.get(key, 0) for key in ("published", "acknowledged")}
    return ok(say.MQTT_DAEMON.format(since=since, **counts))


def _plain(settings: Uplink) -> Finding:
    if settings.host in LOOPBACK:
        return ok(say.NO_TLS_LOCAL)
    return warn(say.NO_TLS, say.NO_TLS_WHY, say.NO_TLS_DO)


def _tls(up: network.Address, around: Circumstances) -> Iterator[Finding]:
    settings, unseen = around.settings, ""
    try:
        hands = network.shake_hands(up, settings)
    except Unusable as error:
        if error.reason not in UNSEEN:
            yield network.trouble(error, around)
            return
        unseen = error.reason
        try:
            hands = network.shake_hands(up, replace(settings, certificate=None, key=None))
        except Unusable as worse:
            yield network.trouble(worse, around)
            return
    if hands.failure is None:
        yield ok(say.TLS_OK.format(version=hands.version))
    else:
        yield network.trouble(hands.failure, around)
    if unseen == "credential_missing":
        yield unknown(say.TLS_NO_CREDENTIAL, say.TLS_NO_CREDENTIAL_DO)
    elif unseen:
        yield unknown(say.TLS_NO_KEY, say.SUDO)
    for place, certificate in enumerate(hands.chain):
        whose = "the broker's certificate" if place == 0 else "its CA"
        yield judge_certificate(whose, certificate, around.now_ms, say.CERT_THEIRS_DO)


def _ours(case: Case, settings: Uplink) -> Iterator[Finding]:
    """The files on this side: our certificate, and the CAs we trust."""
    files = [
        (OURS, settings.certificate, say.CERT_OURS_DO),
        ("uplink.ca", settings.ca, say.CERT_CA_DO),
    ]
    for whose, path, renewal in files:
        if path is not None:
            yield from _file(case.machine, whose, path, renewal.format(path=path), case.now_ms)


def _file(machine: Machine, whose: str, path: Path, renewal: str, now_ms: int) -> Iterator[Finding]:
    try:
        text = machine.at(path).read_text(encoding="utf-8", errors="replace")
    except PermissionError:
        yield unknown(say.CERT_UNREADABLE.format(whose=whose, path=path), say.SUDO)
        return
    except OSError as error:
        found, do = advised(str(secrets.unreadable(path, whose, error)))
        ours = whose == OURS and isinstance(error, FileNotFoundError)
        yield fail(found, say.BROKER_WHY, say.CERT_OURS_ABSENT_DO if ours else do)
        return
    certificates = read_pem(text)
    if not certificates:
        yield fail(say.CERT_GARBLED.format(whose=whose, path=path), say.BROKER_WHY, renewal)
    for certificate in certificates:
        yield judge_certificate(whose, certificate, now_ms, renewal)


def _mqtt(around: Circumstances, *, daemon: bool) -> Finding:
    """CONNECT as the daemon would, without a last will; nothing is published, nothing subscribed to."""
    began_s = time.monotonic()
    try:
        asyncio.run(_call(around))
    except TimeoutError:
        return fail(say.LATE.format(seconds=CONNACK_S), say.BROKER_WHY, say.BROKER_DO)
    except UplinkError as error:
        found, do = advised(str(error))
        if error.reason in UNSEEN:
            return unknown(say.MQTT_UNKNOWN.format(why=found), do)
        return fail(found, say.BROKER_WHY, do or say.BROKER_DO)
    facts = {"client_id": around.client_id, "took": span(time.monotonic() - began_s)}
    if daemon:
        return warn(say.MQTT_OK.format(**facts), say.MQTT_OK_WHY, say.BROKER_DO)
    return ok(say.MQTT_OK_NO_DAEMON.format(**facts))


async def _call(around: Circumstances) -> None:
    async with asyncio.timeout(CONNACK_S):
        async with connect(
            around.settings, around.client_id, will=None, wake=asyncio.Event(), now=lambda: around.now_ms
        ):
            pass
