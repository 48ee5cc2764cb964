"""What a stage remembers, as plain values, and how it is written: small, exact, and safe to read back."""

from __future__ import annotations

import struct
from array import array
from typing import Any, Protocol

import orjson

State = dict[str, Any]
"""None, bool, int, float, str, arrays of numbers, and lists and dicts of these; keys are strings."""

_HEAD = struct.Struct("<I")
_ARRAY = "\x00a"
_NUMBER = "\x00f"


class Stateful(Protocol):
    """Something that goes on after a restart as if there had been none."""

    def state(self) -> State:
        """All that later outputs depend on."""
        ...

    def restore(self, state: State) -> None:
        """Go on from `state`.

        Raises:
            ValueError, KeyError, TypeError: it was made by other constants or another version; the stage
                is then as new.
        """
        ...


def encode(state: State) -> bytes:
    """A JSON text that stands for the plain values, and behind it the bytes of the arrays, in order."""
    blobs: list[bytes] = []
    text = orjson.dumps(_plain(state, blobs))
    return b"".join((_HEAD.pack(len(text)), text, *blobs))


def decode(raw: bytes) -> State:
    """What `encode` was given.

    Raises:
        ValueError: these are not its bytes.
    """
    try:
        (size,) = _HEAD.unpack_from(raw)
        start = _HEAD.size
        reader = _Reader(raw, start + size)
        state = reader.value(orjson.loads(raw[start : start + size]))
    except (struct.error, orjson.JSONDecodeError, TypeError, LookupError) as error:
        raise ValueError(f"not a stored state: {error}") from None
    if not isinstance(state, dict):
        raise ValueError("not a stored state: no table")  # noqa: TRY004  what is read is of the wrong form
    return state


def _plain(value: Any, blobs: list[bytes]) -> Any:  # noqa: ANN401  any of State's values
    if isinstance(value, array):
        raw = value.tobytes()
        blobs.append(raw)
        return {_ARRAY: value.typecode, "n": len(value)}
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):  # noqa: PLR0124
        return {_NUMBER: str(value)}
    if isinstance(value, dict):
        return {key: _plain(each, blobs) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each, blobs) for each in value]
    return value


class _Reader:
    """Puts the arrays back where they stood."""

    def __init__(self, raw: bytes, at: int) -> None:
        self._raw = raw
        self._at = at

    def value(self, value: Any) -> Any:  # noqa: ANN401  any of State's values
        if isinstance(value, list):
            return [self.value(each) for each in value]
        if not isinstance(value, dict):
            return value
        if _ARRAY in value:
            return self._array(str(value[_ARRAY]), int(value["n"]))
        if _NUMBER in value:
            return float(value[_NUMBER])
        return {key: self.value(each) for key, each in value.items()}

    def _array(self, typecode: str, count: int) -> array[Any]:
        found: array[Any] = array(typecode)
        end = self._at + count * found.itemsize
        if end > len(self._raw):
            raise ValueError("not a stored state: it is cut short")
        found.frombytes(self._raw[self._at : end])
        self._at = end
        return found
