"""Log lines for journald: one event a line, key=value."""

from __future__ import annotations

import json
import logging
import os
import re
import sys

_PLAIN = re.compile(r"[^\s\"=\\\x00-\x1f]+")
_LEVELS = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}


def line(event: str, /, **facts: object) -> str:
    """`event=... key=value ...`, values quoted where they hold spaces; None is left out."""
    words = {"event": event, **facts}
    return " ".join(f"{key}={_value(value)}" for key, value in words.items() if value is not None)


def _value(value: object) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)


class _Formatter(logging.Formatter):
    """Under journald the sd-daemon(3) priority prefix, which it strips; elsewhere the time."""

    def __init__(self, *, journal: bool) -> None:
        super().__init__()
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        if not message.startswith("event="):  # from a library
            message = line("library", name=record.name, message=message)
        if record.exc_info:
            message += f" traceback={_value(self.formatException(record.exc_info))}"
        if self._journal:
            return f"<{_LEVELS.get(record.levelno, 6)}>{message}"
        return (
            f"time={self.formatTime(record, '%Y-%m-%dT%H:%M:%S')} level={record.levelname.lower()} {message}"
        )


def configure(*, verbose: bool) -> None:
    """Log to stderr; libraries only from errors on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(journal="JOURNAL_STREAM" in os.environ))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.ERROR)
    logging.getLogger("polegate").setLevel(logging.DEBUG if verbose else logging.INFO)
    for chatty in ("pymodbus", "pymodbus.logging", "mqtt", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.CRITICAL)
