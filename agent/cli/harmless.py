"""Words of others, before they are shown: devices and cameras name themselves as they like."""

from __future__ import annotations


def harmless(text: str) -> str:
    """But for line feeds and tabs nothing in it steers the terminal."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each in "\n\t" else "?" for each in text)
