"""Secrets taken out of text that leaves the gateway: those we know, and what looks like one. Pure.

Rather a word too many than a password too few: what is labelled as a secret goes, whatever it is.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable, Iterable
from urllib.parse import quote, quote_plus

GONE = "[redacted]"
SHORTEST = 4
"""A known secret shorter than this would take ordinary words with it; it is still taken out by its label."""

LONGEST_LINE = 8192
"""The rest of a line is cut off: a rule's time may grow with its square."""

_NAMES = (
    r"(?:passw(?:or)?d|passwd|passphrase|passcode|secret|token|api[_-]?key|access[_-]?key|private[_-]?key"
    r"|authorization|cookie|signature|(?<![A-Za-z])(?:pwd|psk|pin|nonce|community|wep[_-]?key))"
)
_LABEL = rf"{_NAMES}(?:s|[_-]?\d{{1,3}})?"
_VALUE = r""""(?:[^"\\\n]|\\.)*"|'[^'\n]*'|\\"(?:[^"\\\n]|\\[^"])*\\"|[^\s"',;&<>)}\]]+"""

_KEY = re.compile(r"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----.*?(?:-----END \1-----|\Z)", re.DOTALL)
_HINT = re.compile(
    r"(?i)pass|pwd|secret|token|key|auth|psk|pin|nonce|community|cookie|signature|basic|bearer|digest"
    r"|://|eyJ|environment=|setcredential|\s-P\s"
)
"""A line without any of these needs no rule."""

_RULES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"^(\s*Environment=)(.*)$"), lambda m: m[1] + _environment(m[2])),
    (re.compile(r"\b(SetCredential(?:Encrypted)?=[^\s:]+:).*"), rf"\1{GONE}"),
    (re.compile(r"(?<=://)[^\s/?#\"'<>@]*:[^\s\"'<>]*@(?=[^\s@])"), f"{GONE}@"),
    (re.compile(r"(?<=://)[^\s/?#\"'<>@]*@"), f"{GONE}@"),
    (re.compile(r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie)(\\?[\"']?\s*[:=]).*"), rf"\1\2 {GONE}"),
    (re.compile(r"(?i)\b(basic|bearer|digest)\s+[A-Za-z0-9+/=_.~-]{8,}"), rf"\1 {GONE}"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?"), GONE),
    (re.compile(rf"(?i)(<(?:\w+:)?{_NAMES}\b[^>]*>)[^<]+"), rf"\1{GONE}"),
    (re.compile(r"(\s-P\s+)(\"[^\"]*\"|\S+)"), rf"\1{GONE}"),
    (re.compile(rf"(?i)((?:^|\s)#)[^\n]*\b{_NAMES}\b[^\n]*"), rf"\1 {GONE}"),
    (re.compile(rf"(?i)\b({_NAMES}\s+(?:is|was)\s+)(?!not\b)\S+"), rf"\1{GONE}"),
    (re.compile(r"(?i)(\s--?(?:password|passwd|pass|pw|token|secret)[= ]\s*)(\"[^\"]*\"|\S+)"), rf"\1{GONE}"),
    (re.compile(r"(?i)^(\s*(?:\w+_)?password\s+)(?![={:])\S.*$"), rf"\1{GONE}"),
    (
        re.compile(
            rf"(?i)(?P<label>{_LABEL})(?P<mark>\\?[\"']?\s*(?:=>|[:=])\s*)"
            rf"(?!\{{|/|\[redacted\]|(?:expected|missing|got|put)\b)(?P<value>{_VALUE})"
        ),
        lambda m: f"{m['label']}{m['mark']}{_like(m['value'])}",
    ),
)


class Redactor:
    """Takes secrets out; `known` are their very words, which go wherever they stand and however encoded."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        words = {form for secret in known for form in _forms(secret)}
        longest_first = sorted(words, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, text: str) -> str:
        """The text without them."""
        if self._known:
            text = self._known.sub(GONE, text)
        text = _KEY.sub(f"{GONE} private key", text)
        return "\n".join(map(_line, text.split("\n")))


def _line(text: str) -> str:
    if len(text) > LONGEST_LINE:
        text = f"{text[:LONGEST_LINE]} [and {len(text) - LONGEST_LINE} more characters]"
    if _HINT.search(text):
        for pattern, instead in _RULES:
            text = pattern.sub(instead, text)
    return text


def words_of(content: str) -> set[str]:
    """The secrets in a file of secrets: its whole text, and each line of it that is none of PEM's own."""
    lines = {line.strip() for line in content.splitlines()}
    return {each for each in {content.strip(), *lines} if len(each) >= SHORTEST and "-----" not in each}


def _forms(secret: str) -> set[str]:
    """As it is, in JSON, in Python's own words, in XML, in a URL, in base64."""
    encoded = base64.b64encode(secret.encode()).decode()
    quoted = repr(secret), json.dumps(secret), json.dumps(secret, ensure_ascii=False)
    forms = {secret, *(each[1:-1] for each in quoted), html.escape(secret), html.escape(secret, quote=False)}
    forms |= {quote(secret, safe=""), quote_plus(secret), encoded, encoded.rstrip("=")}
    return {form for form in forms if len(form) >= SHORTEST}


def _environment(text: str) -> str:
    """The names alone: what a variable holds is nobody's business."""
    quoted = re.sub(r"([\"'])([A-Za-z_]\w*)=.*?\1", rf"\1\2={GONE}\1", text)
    return re.sub(r"(?<![\"'\w])([A-Za-z_]\w*)=\S*", rf"\1={GONE}", quoted)


def _like(value: str) -> str:
    """In the quotes that the value stood in, so that JSON and TOML stay what they are."""
    mark = next((mark for mark in ('\\"', '"', "'") if value.startswith(mark)), "")
    return f"{mark}{GONE}{mark}"
