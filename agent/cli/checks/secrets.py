"""Secrets and keys: the service can read them, and nobody else can."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from agent.cli import doctor_texts as say
from agent.cli.checks.case import Case
from agent.cli.checks.findings import Finding, fail, ok, unknown
from agent.cli.checks.machine import Machine, Who, mode_words
from agent.config_words import Secret
from agent.loaded import Loaded


def check(case: Case) -> Iterator[Finding]:
    """Every secret that the configuration names."""
    if case.loaded is None:
        yield unknown(say.NO_CONFIG)
        return
    named = dict(secrets_of(case.loaded))
    if not named:
        yield ok(say.NO_SECRETS)
    unit = case.unit_text() if any(secret.credential for secret in named.values()) else ""
    for key, secret in named.items():
        if secret.file is None:
            yield credential(key, str(secret.credential), unit)
        else:
            yield _file(key, secret.file, case.machine, case.who)


def secrets_of(loaded: Loaded) -> Iterator[tuple[str, Secret]]:
    """Each by the key that names it."""
    uplink = loaded.config.uplink
    if uplink.password:
        yield "uplink.password", uplink.password
    if uplink.key:
        yield "uplink.key", uplink.key
    for name, camera in loaded.config.cameras.items():
        if camera.password:
            yield f"cameras.{name}.password", camera.password


def _file(key: str, path: Path, machine: Machine, who: Who) -> Finding:
    try:
        found = machine.at(path).stat()
    except PermissionError:
        return unknown(say.SECRET_UNSEEN.format(key=key, path=path), say.SUDO)
    except OSError:
        absent = say.SECRET_ABSENT.format(key=key, path=path)
        return fail(absent, say.SECRET_ABSENT_WHY, say.SECRET_ABSENT_DO)
    return judge(key, path, found, who, machine.group(found.st_gid))


def judge(key: str, path: Path, found: os.stat_result, who: Who, group: str) -> Finding:
    """By mode and owner of the file."""
    mode, do = mode_words(found.st_mode), say.SECRET_UNREADABLE_DO.format(path=path)
    if found.st_mode & (stat.S_IROTH | stat.S_IWOTH):
        how = "read" if found.st_mode & stat.S_IROTH else "written"
        return fail(say.SECRET_OPEN.format(key=key, path=path, mode=mode, how=how), say.SECRET_OPEN_WHY, do)
    if not who.may(found.st_mode, found.st_uid, found.st_gid, os.R_OK):
        closed = say.SECRET_UNREADABLE.format(
            key=key, path=path, who=who.name, mode=mode, uid=found.st_uid, group=group
        )
        return fail(closed, say.SECRET_ABSENT_WHY, do)
    return ok(say.SECRET_OK.format(key=key, path=path, who=who.name, mode=mode))


def credential(key: str, name: str, unit: str) -> Finding:
    """By the unit's text with its drop-ins, systemd.exec(5): LoadCredential=ID[:PATH] and its kin."""
    if not unit:
        return unknown(say.CREDENTIAL_UNKNOWN.format(key=key, name=name))
    if re.search(rf"^(Load|Set|Import)Credential(Encrypted)?={re.escape(name)}(:|$)", unit, re.MULTILINE):
        return ok(say.CREDENTIAL_GIVEN.format(key=key, name=name))
    found = say.CREDENTIAL_ABSENT.format(key=key, name=name)
    return fail(found, say.SECRET_ABSENT_WHY, say.CREDENTIAL_ABSENT_DO.format(name=name))
