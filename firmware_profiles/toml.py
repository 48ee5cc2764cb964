"""TOML as people write it, read into tables; what tomllib has no word for is a mistake like any other."""

from __future__ import annotations

import tomllib
from typing import Any

_DEEPEST = 32
"""Tables and lists within each other; a configuration needs eight."""


def parsed(text: str) -> dict[str, Any]:
    """What a TOML text says.

    Raises:
        tomllib.TOMLDecodeError: it is none, or nothing that anybody would mean.
    """
    try:
        found = tomllib.loads(text)
    except RecursionError:
        raise _too_deep() from None
    except tomllib.TOMLDecodeError:
        raise
    except ValueError:  # of a number's digits Python takes 4,300
        raise tomllib.TOMLDecodeError("a number of thousands of digits") from None
    if _is_deeper(found, _DEEPEST):
        raise _too_deep()
    return found


def _too_deep() -> tomllib.TOMLDecodeError:
    return tomllib.TOMLDecodeError(f"tables and lists more than {_DEEPEST} deep within each other")


def _is_deeper(value: object, than: int) -> bool:
    if isinstance(value, dict):
        inner = list(value.values())
    elif isinstance(value, list):
        inner = value
    else:
        return False
    return than == 0 or any(_is_deeper(each, than - 1) for each in inner)
