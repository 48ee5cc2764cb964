"""From a seed to the files of a station: what is there, what is to be changed, in a safe order.

Secrets, keys and CA files first, under names that nobody uses yet; then the drop-in that passes them on; then
the configuration, in one step; then what only the old one used. Cut off anywhere, the old configuration is
whole or the new one is, and another run goes on from there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from agent.certificates import requested_name
from agent.enrolment import openssl
from agent.enrolment.ours import CREDENTIALS, Ours, ours_of
from agent.loaded import Loaded
from agent.provisioning import confd, credentials
from agent.provisioning.blanking import blanked
from agent.provisioning.changes import Change
from agent.provisioning.composing import HEAD, Composed, compose
from agent.provisioning.seed import Seed
from agent.provisioning.site import Site
from agent.rooted import check_within
from firmware_profiles.problems import path_text
from firmware_profiles.stations import Station

KEY = "a private key, made on this gateway now; it never leaves it"
REQUEST = "a request for the CA, with that key"
BLANKED = "its secrets taken out"


class Edited(Exception):
    """A file is not as it was written: a person's work is not overwritten unless they say so."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`changes` that are needed, in order; what will be configured; keys of secrets that the seed keeps."""

    changes: tuple[Change, ...]
    loaded: Loaded
    ours: Ours
    kind: Station | None
    kept: tuple[str, ...] = ()
    absent: tuple[Path, ...] = ()
    """Files of secrets that the daemon is told of, and nobody has written."""

    @property
    def wants_certificate(self) -> bool:
        """Whether a certificate is configured and not there yet."""
        return self.ours.named and not self.ours.certificate.exists()


def plan(seed: Seed, site: Site, *, over_edits: bool = False) -> Plan:
    """What is to be done.

    Raises:
        ConfigError: with every mistake of the seed, by its line.
        Edited: a person has changed a file since it was written, or wrote it.
        OSError: a file cannot be read, or is a link out of the tree of another system.
    """
    if site.offline:
        around = (site.folder / "conf.d", site.folder / "profiles", site.secrets, site.unit_file)
        for place in (site.here, *around):
            if place is not None:
                check_within(site.root, place)
    made = compose(seed, site)
    loaded = made.loaded
    if not over_edits:
        _check_untouched(site)
    ours = ours_of(loaded.config, site.folder, site.root)
    before = [*made.before, *_keys(ours, loaded, site)]
    changes = [*before, *_around(Change(site.here, made.text.encode()), loaded, before, site)]
    kept: tuple[str, ...] = ()
    if seed.secrets and seed.text:
        kept = tuple(path_text(keys) for keys in seed.secrets)
        if (blank := _blank(seed, made)) is not None:
            changes.append(blank)
            kept = ()
    written = {change.path for change in changes}
    secrets = (site.secrets / name for name in sorted(_credentials(loaded)))
    absent = tuple(file for file in secrets if file not in written and not file.exists() and file != ours.key)
    return Plan(tuple(change for change in changes if change.needed), loaded, ours, made.kind, kept, absent)


def _check_untouched(site: Site) -> None:
    for file, fits in ((site.here, _as_written), (site.unit_file, _ours)):
        if file is not None and file.exists() and not fits(file.read_text("utf-8", "replace")):
            raise Edited(str(file))


def _as_written(text: str) -> bool:
    return confd.is_as_written(text, HEAD)


def _ours(text: str) -> bool:
    return text.startswith(f"{credentials.HEAD}\n")


def _keys(ours: Ours, loaded: Loaded, site: Site) -> Iterator[Change]:
    """The key, and a request where the certificate comes by hand; both are made on the gateway alone."""
    if not ours.named or not ours.passed or site.offline or ours.certificate.exists():
        return
    enrolment = loaded.config.enrolment
    yield Change(ours.key, lambda: openssl.new_key(enrolment.key_type), 0o400, KEY)
    if enrolment.by == "request":
        other = not ours.key.exists() or _asked_for(ours.request) != ours.gateway
        yield Change(ours.request, _request(ours), note=REQUEST, stale=other)


def _request(ours: Ours) -> Callable[[], bytes]:
    return lambda: openssl.request(ours.key, ours.gateway, ()).encode()


def _asked_for(request: Path) -> str:
    """Whose request lies there."""
    try:
        return requested_name(request.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return ""


def _around(config: Change, loaded: Loaded, before: list[Change], site: Site) -> Iterator[Change]:
    """The drop-in before and after the configuration, and what it no longer names."""
    named = {*_credentials(loaded), *_codes(loaded)}
    written = {change.path for change in before}
    there = {name for name in named if site.secrets / name in written or (site.secrets / name).exists()}
    if site.unit_file is None:
        yield config
    else:
        folder = site.config.parent / CREDENTIALS
        ready = (there & set(_credentials(loaded))) - credentials.passed_elsewhere(site.unit_file)
        found = site.unit_file.read_text(encoding="utf-8") if site.unit_file.exists() else ""
        passed = {name for name in credentials.passed_by(found) if (site.secrets / name).exists()}
        final, both = credentials.drop_in(ready, folder), ready | passed
        yield Change(site.unit_file, credentials.drop_in(both, folder).encode() or None)
        yield config
        if both != ready:
            yield Change(site.unit_file, final.encode() or None)
    for file in credentials.stale(there, site.secrets):
        yield Change(file, None)


def _credentials(loaded: Loaded) -> Iterator[str]:
    """Names of those that the daemon needs."""
    config = loaded.config
    secrets = [
        config.uplink.password,
        config.uplink.key,
        *(each.password for each in config.cameras.values()),
    ]
    yield from (secret.credential for secret in secrets if secret and secret.credential)


def _codes(loaded: Loaded) -> Iterator[str]:
    code = loaded.config.enrolment.code
    if code and code.credential:
        yield code.credential


def _blank(seed: Seed, made: Composed) -> Change | None:
    """The seed without its secrets; None where it cannot be written or is not understood well enough."""
    file = Path(seed.file)
    text = blanked(seed.text, {keys: {"credential": name} for keys, name in made.credentials.items()})
    if text is None or not os.access(file.absolute().parent, os.W_OK):
        return None
    return Change(file, text.encode(), file.stat().st_mode & 0o777, BLANKED)
