"""X.509 certificates: what stands in them, from their DER form (RFC 5280). Pure, without a library."""

from __future__ import annotations

import re
import ssl
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from ipaddress import ip_address

_UTC_TIME, _VERSION, _EXTENSIONS, _OCTETS, _BOOLEAN = 0x17, 0xA0, 0xA3, 0x04, 0x01
_COMMON_NAME, _ORGANISATION = bytes([0x55, 4, 3]), bytes([0x55, 4, 10])
_ALT_NAME, _BASIC, _USAGES = bytes([0x55, 29, 17]), bytes([0x55, 29, 19]), bytes([0x55, 29, 37])
_GENERAL_NAMES = {0x81: "email", 0x82: "DNS", 0x86: "URI", 0x87: "IP"}
_KNOWN_USAGES = {
    bytes([0x55, 29, 37, 0]): "any",
    bytes([0x2B, 6, 1, 5, 5, 7, 3, 1]): "serverAuth",
    bytes([0x2B, 6, 1, 5, 5, 7, 3, 2]): "clientAuth",
}
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Certificate:
    """`name` and `issuer` are common names, else organisations; `names` are DNS:, IP:, URI: and email:.

    `usages` are the extended ones, none where any is allowed; `public_key` is the inside of the
    SubjectPublicKeyInfo.
    """

    name: str
    since_ms: int
    until_ms: int
    issuer: str = ""
    serial: str = ""
    names: tuple[str, ...] = ()
    usages: tuple[str, ...] = ()
    is_ca: bool = False
    public_key: bytes = b""
    der: bytes = b""

    @property
    def due_ms(self) -> int:
        """When to renew it: after two thirds of its life."""
        return self.until_ms - (self.until_ms - self.since_ms) // 3

    @property
    def fingerprint(self) -> str:
        """SHA-256 of it, in hex."""
        return sha256(self.der).hexdigest()

    @property
    def pem(self) -> str:
        """As it stands in files."""
        return ssl.DER_cert_to_PEM_cert(self.der)

    def serves(self, usage: str) -> bool:
        """Whether it may be used so (RFC 5280, 4.2.1.12)."""
        return not self.usages or usage in self.usages or "any" in self.usages


def read_pem(text: str) -> list[Certificate]:
    """Every certificate in a PEM file; what cannot be read is left out."""
    found = []
    for block in _PEM.findall(text):
        try:
            found.append(read_der(ssl.PEM_cert_to_DER_cert(block)))
        except ValueError:
            continue
    return found


def read_der(der: bytes) -> Certificate:
    """An X.509 certificate (RFC 5280, 4.1).

    Raises:
        ValueError: it is none.
    """
    try:
        (_, whole), *_ = _items(der)
        (_, signed), *_ = _items(whole)
        fields = list(_items(signed))
        if fields[0][0] == _VERSION:
            fields = fields[1:]
        (_, serial), _, (_, issuer), (_, validity), (_, subject), (_, key), *rest = fields
        since, until = (_time(tag, text.decode("ascii")) for tag, text in _items(validity))
        extensions = dict(_extensions(rest))
        names = tuple(_alt_names(extensions.get(_ALT_NAME, b"")))
        usages = tuple(_extended_usages(extensions.get(_USAGES, b"")))
        is_ca = _is_ca(extensions.get(_BASIC, b""))
        name, by = _name(subject), _name(issuer)
    except (IndexError, UnicodeDecodeError, ValueError):
        raise ValueError("no X.509 certificate") from None
    number = f"{int.from_bytes(serial, 'big'):x}"
    return Certificate(name, since, until, by, number, names, usages, is_ca, bytes(key), der)


def public_key(der: bytes) -> bytes:
    """The inside of a SubjectPublicKeyInfo, to compare with a certificate's.

    Raises:
        ValueError: it is none.
    """
    try:
        (_, key), *_ = _items(der)
    except (IndexError, ValueError):
        raise ValueError("no public key") from None
    return key


def requested_name(pem: str) -> str:
    """The common name that a request in PEM form asks for (PKCS #10: RFC 2986, 4.1).

    Raises:
        ValueError: it is none.
    """
    try:
        (_, whole), *_ = _items(b64decode("".join(pem.strip().splitlines()[1:-1])))
        (_, asked), *_ = _items(whole)
        _, (_, subject), *_ = _items(asked)
        return _name(subject)
    except (IndexError, ValueError):
        raise ValueError("no certificate request") from None


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The tags and contents that DER strings together (X.690, 8.1); long lengths say how long they are."""
    at = 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            digits = length & 0x7F
            length, at = int.from_bytes(data[at : at + digits], "big"), at + digits
        if at + length > len(data):
            raise ValueError("cut short")
        yield tag, data[at : at + length]
        at += length


def _time(tag: int, text: str) -> int:
    """UTCTime has two digits of the year, those from 50 on of the last century (RFC 5280, 4.1.2.5.1)."""
    if tag == _UTC_TIME:
        text = ("19" if text[:2] >= "50" else "20") + text
    at = datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    return int(at.timestamp()) * 1000


def _name(subject: bytes) -> str:
    names = {}
    for _, group in _items(subject):
        for _, pair in _items(group):
            (_, kind), (_, text), *_ = _items(pair)
            names[kind] = _printable(text)
    return names.get(_COMMON_NAME) or names.get(_ORGANISATION) or "without a name"


def _printable(text: bytes) -> str:
    return "".join(c for c in text.decode("utf-8", "replace") if c.isprintable())


def _extensions(fields: list[tuple[int, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    """By object identifier what each extension holds (RFC 5280, 4.2); whether it is critical is left out."""
    for tag, content in fields:
        if tag == _EXTENSIONS:
            (_, listed), *_ = _items(content)
            for _, extension in _items(listed):
                (_, kind), *rest = _items(extension)
                yield kind, next((value for tag, value in rest if tag == _OCTETS), b"")


def _alt_names(value: bytes) -> Iterator[str]:
    for _, listed in _items(value):
        for tag, text in _items(listed):
            if kind := _GENERAL_NAMES.get(tag):
                yield f"{kind}:{ip_address(text) if kind == 'IP' else _printable(text)}"


def _extended_usages(value: bytes) -> Iterator[str]:
    for _, listed in _items(value):
        for _, usage in _items(listed):
            yield _KNOWN_USAGES.get(usage, "another")


def _is_ca(value: bytes) -> bool:
    return any(tag == _BOOLEAN and any(said) for _, inner in _items(value) for tag, said in _items(inner))
