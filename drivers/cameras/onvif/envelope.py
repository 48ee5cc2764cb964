"""SOAP 1.2 envelopes: what is sent, and what an answer says."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

from lxml import etree  # type: ignore[import-untyped]

from drivers.errors import Garbled, Refused, Unauthorised

Element: TypeAlias = Any
"""An lxml element; lxml has no types."""

NAMESPACES = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "tt": "http://www.onvif.org/ver10/schema",
    "tds": "http://www.onvif.org/ver10/device/wsdl",
    "trt": "http://www.onvif.org/ver10/media/wsdl",
    "tr2": "http://www.onvif.org/ver20/media/wsdl",
    "tptz": "http://www.onvif.org/ver20/ptz/wsdl",
    "timg": "http://www.onvif.org/ver20/imaging/wsdl",
    "tev": "http://www.onvif.org/ver10/events/wsdl",
    "wsa": "http://www.w3.org/2005/08/addressing",
    "wsnt": "http://docs.oasis-open.org/wsn/b-2",
}
"""Prefixes that every envelope declares, so that bodies and headers may use them."""

_DECLARED = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
LONGEST_REASON = 300
"""Characters of what a camera says of a fault."""

_SIGNS = ("NotAuthorized", "FailedAuthentication", "InvalidSecurity", "FailedCheck", "MessageExpired")
_TAG = re.compile(rb"<[A-Za-z][^<>]*>")
_VALUE = re.compile(rb"""\"[^"]*"|'[^']*'|=([^\s"'<>]+?)(?=[\s"'<>]|/>)""")
_WORDS = ("authoriz", "authoris", "authentic", "password")


class SoapFault(Refused):
    """The camera answered with a SOAP fault; `code` is the HTTP status, `subcodes` are local names."""

    def __init__(self, message: str, code: int, subcodes: tuple[str, ...]) -> None:
        super().__init__(message, code)
        self.subcodes = subcodes


def envelope(body: str, headers: str = "") -> bytes:
    """A request; `body` and `headers` are XML with the prefixes of NAMESPACES."""
    head = f"<s:Header>{headers}</s:Header>" if headers else ""
    inside = f"{head}<s:Body>{body}</s:Body>"
    return f'<?xml version="1.0" encoding="utf-8"?><s:Envelope {_DECLARED}>{inside}</s:Envelope>'.encode()


def opened(data: bytes, status: int, where: str) -> Element:
    """The first element of an answer's body.

    Attributes without quotes and undeclared prefixes, as some cameras send, are put up with.

    Raises:
        Unauthorised: a fault, or HTTP 401 or 403, that says so.
        SoapFault: any other fault.
        Refused: another HTTP status than 200 without a fault.
        Garbled: no SOAP, a web page, or cut short.
    """
    root = _parsed(data)
    body = None if root is None else root.find("{*}Body")
    if body is None:
        raise _no_soap(data, root, status, where)
    first = next(iter(body.iterchildren(tag=etree.Element)), None)
    if first is not None and etree.QName(first).localname == "Fault":
        raise _fault(first, status, where)
    if status in (401, 403):
        raise Unauthorised(f"{where}: HTTP {status}", status)
    if first is None or status != 200:
        raise Garbled(f"{where}: an empty SOAP answer (HTTP {status})", data[:200])
    return first


def text(element: Element | None, path: str) -> str:
    """The stripped text at a path of local names such as "A/B"; "" where there is none."""
    found = find(element, path)
    return "" if found is None else (found.text or "").strip()


def find(element: Element | None, path: str) -> Element | None:
    """The first element at a path of local names, whatever their namespace: cameras mix them up."""
    return None if element is None else element.find("/".join(f"{{*}}{name}" for name in path.split("/")))


def every(element: Element | None, path: str) -> list[Element]:
    """All elements at a path of local names."""
    pattern = "/".join(f"{{*}}{name}" for name in path.split("/"))
    return [] if element is None else list(element.findall(pattern))


def _parsed(data: bytes) -> Element | None:
    try:
        return etree.fromstring(data, _parser(recover=False))
    except etree.XMLSyntaxError:
        whole = b"Envelope>" in data[-200:]  # a repaired half would pass for the whole
    if not whole:
        return None
    try:
        return etree.fromstring(_TAG.sub(_quoted, data), _parser(recover=True))
    except etree.XMLSyntaxError:
        return None


def _quoted(tag: re.Match[bytes]) -> bytes:
    """A tag with the attributes in quotes."""
    return _VALUE.sub(lambda value: b'="%s"' % value[1] if value[1] else value[0], tag[0])


def _parser(*, recover: bool) -> etree.XMLParser:
    return etree.XMLParser(
        recover=recover, resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True
    )


def _no_soap(data: bytes, root: Element | None, status: int, where: str) -> Exception:
    if status in (401, 403):
        return Unauthorised(f"{where}: HTTP {status}", status)
    page = b"<html" in data[:1000].lower() or (root is not None and str(root.tag).lower().endswith("html"))
    if status == 200 or (status == 400 and data):
        what = "a web page" if page else f"{len(data)} octets that are no whole SOAP envelope"
        return Garbled(f"{where}: answered with {what}; is this the ONVIF port?", data[:200])
    if 300 <= status < 400:
        return Refused(f"{where}: HTTP {status}, it sends us elsewhere; set its https and port", status)
    return Refused(f"{where}: HTTP {status} instead of an ONVIF answer", status)


def _fault(fault: Element, status: int, where: str) -> Refused:
    subcodes = tuple(_local(value) for value in fault.iterfind(".//{*}Subcode/{*}Value"))
    code = _local(fault.find("{*}Code/{*}Value")) or text(fault, "faultcode").rpartition(":")[2]
    reason = text(fault, "Reason/Text") or text(fault, "faultstring")
    names = (code, *subcodes)
    short = "/".join(filter(None, names))[:LONGEST_REASON]
    told = f"{where}: {reason[:LONGEST_REASON] or 'refused'} ({short})"
    said = reason.lower()
    if status == 401 or any(name in _SIGNS for name in names) or any(word in said for word in _WORDS):
        return Unauthorised(told, status)
    return SoapFault(told, status, subcodes or (code,))


def _local(element: Element | None) -> str:
    return "" if element is None else (element.text or "").strip().rpartition(":")[2]
