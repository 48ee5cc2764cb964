"""The way to the broker, step by step: its name, TCP by either family, TLS. Nothing is sent but TLS's own."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address

from agent.amounts import many, span
from agent.certificates import Certificate, read_der
from agent.cli import doctor_texts as say
from agent.cli.checks.findings import Finding, advised, fail, ok, warn
from agent.config import Uplink
from agent.uplink import diagnosis, tls
from agent.uplink.diagnosis import Circumstances
from agent.uplink.errors import Unusable

CONNECT_S = 10.0
FAMILIES = {socket.AF_INET: "IPv4", socket.AF_INET6: "IPv6"}

Address = tuple[int, str, int]
"""Family, address, port."""


def addresses(around: Circumstances) -> tuple[list[Address], Finding]:
    """All that the name stands for, and what to say of it."""
    host, port = around.settings.host, around.settings.port
    try:
        began_s = time.monotonic()
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return [], trouble(error, around)
    took = span(time.monotonic() - began_s)
    rows = [(int(family), str(place[0]), port) for family, _, _, _, place in found if family in FAMILIES]
    if _literal(host):
        return rows, ok(say.DNS_LITERAL.format(host=host))
    four, six = (_count(sum(row[0] == family for row in rows)) for family in FAMILIES)
    return rows, ok(say.DNS_OK.format(host=host, four=four, six=six, took=took))


def _count(rows: int) -> str:
    return many(rows, "address", "addresses") if rows else say.NO_ADDRESS


def _literal(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Try:
    """One connection that was tried: how long it took, or why it was not made."""

    address: Address
    took_s: float
    failure: OSError | None = None

    @property
    def family(self) -> str:
        return FAMILIES[socket.AddressFamily(self.address[0])]


def connect(rows: list[Address]) -> Iterator[Try]:
    """The first address of each family, connected and closed again."""
    for family in FAMILIES:
        if row := next((row for row in rows if row[0] == family), None):
            began_s = time.monotonic()
            try:
                _open(row).close()
            except OSError as error:
                yield Try(row, time.monotonic() - began_s, error)
            else:
                yield Try(row, time.monotonic() - began_s)


def judge_tcp(tries: list[Try], around: Circumstances) -> Iterator[Finding]:
    """One family that does not work beside another that does is a delay, none that works is the end."""
    works = any(each.failure is None for each in tries)
    for each in tries:
        _, host, port = each.address
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        if each.failure is None:
            yield ok(say.TCP_OK.format(address=address, family=each.family, took=span(each.took_s)))
        elif works:
            why = "no answer" if isinstance(each.failure, TimeoutError) else each.failure.strerror
            found = say.TCP_ONE_DOWN.format(address=address, family=each.family, why=why)
            do = say.TCP_ONE_DOWN_DO.format(family=each.family, digit=each.family[-1])
            yield warn(found, say.TCP_ONE_DOWN_WHY, do)
        else:
            yield trouble(each.failure, around)


@dataclass(frozen=True, slots=True)
class Handshake:
    """What TLS came to: its version, the broker's certificates from its own to its CA's."""

    version: str = ""
    chain: tuple[Certificate, ...] = ()
    failure: Exception | None = None


def shake_hands(address: Address, settings: Uplink) -> Handshake:
    """TLS as the uplink does it; where the broker is not trusted, once more to see its certificates.

    Raises:
        Unusable: a file that [uplink] names.
    """
    context = tls.context(settings)
    try:
        return _handshake(context, address, settings.host)
    except ssl.SSLCertVerificationError as error:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # to look at, nothing is sent
        chain: tuple[Certificate, ...] = ()
        with suppress(OSError, ValueError):
            chain = _handshake(context, address, settings.host).chain
        return Handshake(chain=chain, failure=error)
    except (OSError, ValueError) as error:
        return Handshake(failure=error)


def trouble(failure: Exception, around: Circumstances) -> Finding:
    """As the uplink would say it."""
    found, do = advised(
        str(failure if isinstance(failure, Unusable) else diagnosis.unreachable(failure, around))
    )
    return fail(found, say.BROKER_WHY, do or say.BROKER_DO)


def _open(address: Address) -> socket.socket:
    return socket.create_connection(address[1:], timeout=CONNECT_S)


def _handshake(context: ssl.SSLContext, address: Address, host: str) -> Handshake:
    with _open(address) as line, context.wrap_socket(line, server_hostname=host) as secured:
        return Handshake(secured.version() or "TLS", tuple(_chain(secured, context)))


def _chain(secured: ssl.SSLSocket, context: ssl.SSLContext) -> Iterator[Certificate]:
    """Public from Python 3.13 on; before that one layer down."""
    trusted = context.verify_mode is not ssl.CERT_NONE
    name = "get_verified_chain" if trusted else "get_unverified_chain"
    ask = getattr(secured, name, None) or getattr(secured._sslobj, name)  # type: ignore[attr-defined]  # noqa: SLF001
    for each in ask() or ():
        with suppress(ValueError):
            yield read_der(each if isinstance(each, bytes) else ssl.PEM_cert_to_DER_cert(each.public_bytes()))
