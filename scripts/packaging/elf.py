"""Shared objects without what only a debugger reads; no tool of their architecture is needed.

ELF-64 (System V gABI, chapters 4 and 5): a loader reads the file header and what the program headers name.
Sections for debuggers and linkers and the table of sections lie behind, and may be absent: then e_shoff,
e_shnum and e_shstrndx are 0.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_MAGIC = b"\x7fELF\x02\x01"  # 64 bits, little-endian
_E_PHOFF, _E_SHOFF, _E_PHENTSIZE, _E_SHENTSIZE = 32, 40, 54, 58
_SHDR_BYTES = 64
_PT_NULL, _PT_LOAD, _PT_DYNAMIC = 0, 1, 2
_DT_NULL, _DT_NEEDED, _DT_STRTAB = 0, 1, 5


def strip(image: bytes) -> bytes:
    """The part that is loaded.

    Raises:
        ValueError: not a little-endian ELF-64 file.
    """
    loaded_ends = [offset + length for kind, offset, _, length in _segments(image) if kind != _PT_NULL]
    end = max([_headers(image).stop, *loaded_ends])
    loaded = bytearray(image[:end])
    struct.pack_into("<Q", loaded, _E_SHOFF, 0)
    struct.pack_into("<HHH", loaded, _E_SHENTSIZE, _SHDR_BYTES, 0, 0)
    return bytes(loaded)


def needed(image: bytes) -> list[str]:
    """The names of the shared objects that it wants loaded with it, in its order.

    Raises:
        ValueError: not a little-endian ELF-64 file.
    """
    entries = [
        struct.unpack_from("<qQ", image, at)
        for kind, offset, _, length in _segments(image)
        if kind == _PT_DYNAMIC
        for at in range(offset, offset + length, 16)
    ]
    entries = entries[: next((i for i, (tag, _) in enumerate(entries) if tag == _DT_NULL), None)]
    strings = next((_place(image, address) for tag, address in entries if tag == _DT_STRTAB), 0)
    starts = [strings + value for tag, value in entries if tag == _DT_NEEDED]
    return [image[start : image.index(0, start)].decode() for start in starts]


def _place(image: bytes, wanted: int) -> int:
    """Where in the file lies what is loaded at this address."""
    for kind, offset, address, length in _segments(image):
        if kind == _PT_LOAD and address <= wanted < address + length:
            return offset + wanted - address
    raise ValueError(f"nothing is loaded at {wanted:#x}")


def _headers(image: bytes) -> range:
    """Where the program headers lie."""
    if not image.startswith(_MAGIC):
        raise ValueError("not a little-endian ELF-64 file")
    (start,) = struct.unpack_from("<Q", image, _E_PHOFF)
    size, count = struct.unpack_from("<HH", image, _E_PHENTSIZE)
    return range(start, start + size * count, size)


def _segments(image: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Type, offset in the file, address and size in the file of each."""
    for at in _headers(image):
        kind, _, offset, address, _, length = struct.unpack_from("<IIQQQQ", image, at)
        yield kind, offset, address, length
