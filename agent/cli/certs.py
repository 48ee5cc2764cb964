"""polegate certs: the client certificate: look at it, ask for one, install it, renew it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from agent.amounts import moment
from agent.certificates import Certificate
from agent.cli import certs_texts as say
from agent.cli import screen
from agent.cli.exits import Exit, Failed, load_config
from agent.clock import BUILT_MS, Clock
from agent.config import Config
from agent.enrolment import asking, installing, openssl
from agent.enrolment.errors import EnrolmentFailed, StillPending
from agent.enrolment.ours import Ours, file_of, make_key, ours_of
from agent.writing import alone, put


@click.group("certs")
def command() -> None:
    """The client certificate: look at it, ask for one, install it, renew it.

    The private key is made on this gateway and never leaves it.
    """


@command.command("show")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON.")
@click.pass_obj
def show(paths: dict[str, Path], as_json: bool) -> None:
    """Certificates of this gateway and of the CAs it trusts: whose, until when, is the key the right one.

    Ends with 1 when one does not serve.
    """
    from agent.cli import certs_facts, certs_view

    config, ours, folder = _station(paths)
    now_ms = _now_ms()
    store = certs_facts.gather(config, ours, folder, now_ms)
    if as_json:
        screen.machine(certs_view.facts(store, config.enrolment, now_ms))
    elif store.judged:
        screen.show(*certs_view.view(store, config.enrolment, now_ms))
    else:
        screen.line(say.NONE.format(url=config.uplink.url))
    sys.exit(Exit.PROBLEM if store.bad else Exit.OK)


@command.command("request")
@click.option(
    "--new-key", is_flag=True, help="For a new key; the present one serves until its certificate is there."
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the request to this file, too."
)
@click.option("--json", "as_json", is_flag=True, help="A line of JSON.")
@click.pass_obj
def request(paths: dict[str, Path], new_key: bool, out: Path | None, as_json: bool) -> None:
    """Make a request for the people of the CA, and the private key where there is none yet."""
    config, ours, folder = _station(paths)
    with _told(), alone(folder):
        key = make_key(ours, config.enrolment.key_type, anew=new_key)
        text = openssl.request(key, ours.gateway, ())
        for file in (ours.request, *([out] if out else [])):
            put(file, text.encode(), 0o644)
    if as_json:
        screen.machine({"request": str(ours.request), "key": str(key), "text": text})
        return
    screen.line(say.REQUESTED.format(gateway=ours.gateway, path=out or ours.request))
    screen.line(f"\n{text}")
    screen.line(say.REQUEST_NEXT.format(key=key))
    if key == ours.next_key:
        screen.line(say.NEW_KEY)
    _tell_unnamed(ours)


@command.command("install")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--ca", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="It must lead to a CA in this file.")  # fmt: skip
@click.option("--untried", is_flag=True, help="Do not ask the broker first.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON.")
@click.pass_obj
def install(paths: dict[str, Path], file: Path, ca: Path | None, untried: bool, as_json: bool) -> None:
    """Install the signed certificate in FILE: PEM, its chain behind it or in any order.

    It must fit the key, be valid now and be for clients; the broker is asked whether it takes it. The old
    one stands until all that is so.
    """
    config, ours, folder = _station(paths)
    with _told(), alone(folder):
        text = file.read_text(encoding="utf-8", errors="replace")
        _install(config, ours, text, ca=ca, untried=untried, as_json=as_json)


@command.command("enrol")
@click.option(
    "--code", type=click.Path(path_type=Path, dir_okay=False), help="A file with the claim code or token."
)
@click.option("--again", is_flag=True, help="Even where there is a certificate that is good.")
@click.option("--untried", is_flag=True, help="Do not ask the broker first.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON.")
@click.pass_obj
def enrol(paths: dict[str, Path], code: Path | None, again: bool, untried: bool, as_json: bool) -> None:
    """Get the first certificate from the server that [enrolment] names, EST or step-ca, for a claim code."""
    config, ours, folder = _station(paths)
    now_ms = _serviceable(config)
    present = _present(ours)
    if present and present.until_ms > now_ms and not again:
        raise Failed(say.HAS_ONE.format(until=_day(present.until_ms)), Exit.PROBLEM)
    with _told(), alone(folder):
        claim(config, ours, folder, code, untried=untried, as_json=as_json)


@command.command("renew")
@click.option("--now", "at_once", is_flag=True, help="Before two thirds of its life are over, too.")
@click.option("--untried", is_flag=True, help="Do not ask the broker first.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON.")
@click.pass_obj
def renew(paths: dict[str, Path], at_once: bool, untried: bool, as_json: bool) -> None:
    """Get the next certificate from the server that [enrolment] names, when this one is due.

    It is after two thirds of its life. The key stays, so that a running daemon needs no restart; what fails
    changes nothing.
    """
    config, ours, folder = _station(paths)
    now_ms = _serviceable(config)
    present = _present(ours)
    if present is None:
        raise Failed(say.NOTHING_TO_RENEW.format(path=ours.certificate), Exit.PROBLEM)
    if present.until_ms < now_ms:
        raise Failed(say.EXPIRED.format(until=_day(present.until_ms)), Exit.PROBLEM)
    if now_ms < present.due_ms and not at_once:
        if as_json:
            screen.machine({"renewed": False, "due_ms": present.due_ms, "until_ms": present.until_ms})
        else:
            screen.line(say.NOT_DUE.format(due=_day(present.due_ms), until=_day(present.until_ms)))
        return
    with _told(), alone(folder):
        text = asking.next_one(config.enrolment, ours, folder)
        _install(config, ours, text, untried=untried, as_json=as_json)


def claim(
    config: Config, ours: Ours, folder: Path, code: Path | None = None, *, untried: bool, as_json: bool
) -> None:
    """Ask the server for the first certificate with the claim code, and install it; the code is removed then.

    Raises:
        Failed: PROBLEM, nothing was installed.
    """
    kept = file_of(config.enrolment.code, folder) if config.enrolment.code else None
    secret = _read_code(code or kept)
    with _told():
        text = asking.first(config.enrolment, ours, folder, secret)
    _install(config, ours, text, untried=untried, as_json=as_json)
    if code is None and kept is not None:
        kept.unlink(missing_ok=True)
        if not as_json:
            screen.line(say.CODE_SPENT.format(path=kept))


def _install(
    config: Config, ours: Ours, text: str, *, ca: Path | None = None, untried: bool, as_json: bool
) -> None:
    settings = None if untried else config.uplink
    with _told():
        done = installing.install(ours, text, now_ms=_now_ms(), ca=ca, settings=settings)
    certificate, trial = done.certificate, done.trial
    if as_json:
        screen.machine(
            {
                "installed": str(ours.certificate),
                "subject": certificate.name,
                "until_ms": certificate.until_ms,
                "sha256": certificate.fingerprint,
                "tried": trial.accepted,
                "rekeyed": done.rekeyed,
            }
        )
        return
    until = _day(certificate.until_ms)
    facts = {"name": certificate.name, "issuer": certificate.issuer, "until": until, "path": ours.certificate}
    screen.line(say.INSTALLED.format(**facts))
    if trial.accepted:
        screen.line(say.TRIED)
    elif trial.message:
        screen.line(say.UNTRIED.format(why=trial.message))
    if not done.first:
        screen.line(say.PREVIOUS.format(path=ours.previous))
    _tell_unnamed(ours)
    screen.line(say.NEXT_FIRST if done.first else say.NEXT_REKEYED if done.rekeyed else say.NEXT_SAME)


def _station(paths: dict[str, Path]) -> tuple[Config, Ours, Path]:
    config, folder = load_config(paths["config"]).config, paths["config"].absolute().parent
    return config, ours_of(config, folder), folder


def _tell_unnamed(ours: Ours) -> None:
    if not ours.named:
        facts = {"certificate": ours.certificate, "credential": ours.key.name, "key": ours.key}
        screen.line(say.NOT_NAMED.format(**facts))


def _serviceable(config: Config) -> int:
    """Now, where a server is named and its certificate can be judged by our clock."""
    if config.enrolment.url is None:
        raise Failed(f"{say.NO_SERVER}.\n{say.NO_SERVER_DO}", Exit.PROBLEM)
    if (now_ms := _now_ms()) < BUILT_MS:
        raise Failed(f"{say.UNKNOWN_CLOCK.format(now=moment(now_ms))}.\n{say.UNKNOWN_CLOCK_DO}", Exit.PROBLEM)
    return now_ms


def _read_code(file: Path | None) -> str:
    if file is None:
        raise Failed(f"{say.NO_CODE}.\n{say.NO_CODE_DO}", Exit.PROBLEM)
    try:
        code = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "no UTF-8 text"
        raise Failed(say.CODE_ABSENT.format(path=file, why=why), Exit.PROBLEM) from None
    if not code:
        raise Failed(say.CODE_EMPTY.format(path=file), Exit.PROBLEM)
    return code


@contextmanager
def _told() -> Iterator[None]:
    """What can go wrong, as Failed."""
    try:
        yield
    except StillPending as error:
        raise Failed(str(error), Exit.PROBLEM) from None
    except EnrolmentFailed as error:
        why, _, do = str(error).partition("; ")
        raise Failed(say.REFUSED.format(why=why, do=f"\nNext: {do}." if do else ""), Exit.PROBLEM) from None
    except PermissionError as error:
        raise Failed(say.FORBIDDEN.format(path=error.filename), Exit.PROBLEM) from None
    except OSError as error:
        raise Failed(f"{error.filename}: {error.strerror}", Exit.PROBLEM) from None


def _present(ours: Ours) -> Certificate | None:
    with _told():
        return ours.present()


def _now_ms() -> int:
    return Clock().now()[0]


def _day(at_ms: int) -> str:
    from agent.cli.certs_view import when

    return when(at_ms, _now_ms())
