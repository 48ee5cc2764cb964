"""What there is of certificates on this gateway, and what to do about it."""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from agent.certificates import Certificate, read_pem
from agent.cli import certs_texts as say
from agent.cli import doctor_texts
from agent.cli.checks.certificates import judge
from agent.cli.checks.findings import Finding, Verdict, fail, ok, unknown, warn
from agent.cli.checks.machine import mode_words
from agent.config import Config
from agent.enrolment import openssl
from agent.enrolment.asking import ROOT_CA
from agent.enrolment.errors import EnrolmentFailed
from agent.enrolment.ours import Ours


@dataclass(frozen=True, slots=True)
class Entry:
    """A certificate in a file, and what the doctor would say of it."""

    whose: str
    file: Path
    certificate: Certificate
    finding: Finding


@dataclass(slots=True)
class Store:
    """All of them, and what was found besides: keys, files that are missing, a name that does not fit."""

    ours: Ours
    entries: list[Entry] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def bad(self) -> bool:
        """Whether something does not work."""
        return any(each.verdict is Verdict.FAIL for each in self.judged)

    @property
    def judged(self) -> list[Finding]:
        """Every finding, in order."""
        return [*(entry.finding for entry in self.entries), *self.findings]


def gather(config: Config, ours: Ours, folder: Path, now_ms: int) -> Store:
    """Look at every file that the configuration names."""
    store = Store(ours)
    if ours.named or ours.certificate.exists():
        _add(store, say.OURS, ours.certificate, now_ms)
        store.findings += _key(ours, store.entries)
    root = folder / ROOT_CA
    named = [
        (say.CA, config.uplink.ca),
        (say.ENROLMENT_CA, config.enrolment.ca or (root if root.exists() else None)),
        *((say.CAMERA_CA.format(name=name), camera.ca) for name, camera in config.cameras.items()),
    ]
    for whose, file in named:
        if file is not None:
            _add(store, whose, file, now_ms)
    with suppress(PermissionError):  # told of the key already
        if ours.next_key.exists():
            store.findings.append(ok(say.WAITING.format(path=ours.next_key)))
    return store


def _add(store: Store, whose: str, file: Path, now_ms: int) -> None:
    mine = whose == say.OURS
    try:
        found = read_pem(file.read_text(encoding="utf-8", errors="replace"))
    except PermissionError:
        store.findings.append(unknown(say.UNREADABLE.format(whose=whose, path=file), say.SUDO))
        return
    except OSError:
        absent = (say.NO_CERTIFICATE, say.NO_CERTIFICATE_DO) if mine else (say.CA_ABSENT, say.CA_ABSENT_DO)
        said = absent[0].format(whose=whose, path=file)
        store.findings.append(fail(said, doctor_texts.BROKER_WHY, absent[1]))
        return
    renewal = doctor_texts.CERT_OURS_DO if mine else doctor_texts.CERT_CA_DO.format(path=file)
    if not found:
        said = say.CA_GARBLED.format(whose=whose, path=file)
        store.findings.append(fail(said, doctor_texts.BROKER_WHY, renewal))
    for place, each in enumerate(found):
        named = say.CHAIN if mine and place else whose
        store.entries.append(Entry(named, file, each, judge(named, each, now_ms, renewal)))
    if mine and found and found[0].name != store.ours.gateway:
        names = {"name": found[0].name, "gateway": store.ours.gateway}
        why = doctor_texts.CERT_WHY
        store.findings.append(
            warn(say.NAME_DIFFERS.format(**names), why, say.NAME_DIFFERS_DO.format(**names))
        )


def _key(ours: Ours, entries: list[Entry]) -> Iterator[Finding]:
    """Is it there, is it the one, and who can read it."""
    try:
        facts = ours.key.stat()
    except PermissionError:
        yield unknown(say.KEY_UNSEEN.format(path=ours.key), say.SUDO)
        return
    except OSError:
        yield fail(say.KEY_ABSENT.format(path=ours.key), doctor_texts.BROKER_WHY, say.KEY_ABSENT_DO)
        return
    told = {"path": ours.key, "mode": mode_words(facts.st_mode), "owner": _user(facts.st_uid)}
    if facts.st_mode & (stat.S_IRWXO | stat.S_IWGRP):
        yield fail(say.KEY_OPEN.format(**told), doctor_texts.SECRET_OPEN_WHY, say.KEY_OPEN_DO.format(**told))
    certificate = next((entry.certificate for entry in entries if entry.whose == say.OURS), None)
    if certificate is None:
        return
    if not os.access(ours.key, os.R_OK):
        yield unknown(say.KEY_UNSEEN.format(path=ours.key), say.SUDO)
        return
    yield _match(ours, certificate, told)


def _match(ours: Ours, certificate: Certificate, told: dict[str, object]) -> Finding:
    try:
        wanted = openssl.public_of(ours.key)
    except EnrolmentFailed as error:
        found, _, do = str(error).partition("; ")
        return fail(found, doctor_texts.BROKER_WHY, do)
    if certificate.public_key == wanted:
        return ok(say.KEY_MATCHES.format(**told))
    staged, do = ours.staged, say.KEY_DIFFERS_DO
    with suppress(OSError):
        if any(each.public_key == wanted for each in read_pem(staged.read_text(encoding="utf-8"))):
            do = say.KEY_INTERRUPTED_DO.format(path=staged)
    return fail(say.KEY_DIFFERS.format(**told), doctor_texts.BROKER_WHY, do)


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
