"""Shared objects without what only a debugger reads; no tool of their architecture is needed.

ELF-64 (System V gABI, chapters 4 and 5): a loader reads the file header and what the program headers name.
Sections for debuggers and linkers and the table of sections lie behind, and may be absent: then e_shoff,
e_shnum and e_shstrndx are 0.
"""

from __future__ import annotations

import struct

_MAGIC = b"\x7fELF\x02\x01"  # 64 bits, little-endian
_E_PHOFF, _E_SHOFF, _E_PHENTSIZE, _E_SHENTSIZE = 32, 40, 54, 58
_SHDR_BYTES = 64
_PT_NULL = 0


def strip(image: bytes) -> bytes:
    """The part that is loaded.

    Raises:
        ValueError: not a little-endian ELF-64 file.
    """
    if not image.startswith(_MAGIC):
        raise ValueError("not a little-endian ELF-64 file")
    (start,) = struct.unpack_from("<Q", image, _E_PHOFF)
    size, count = struct.unpack_from("<HH", image, _E_PHENTSIZE)
    end = start + size * count
    for at in range(start, end, size):
        kind, _, offset = struct.unpack_from("<IIQ", image, at)
        (length,) = struct.unpack_from("<Q", image, at + 32)
        if kind != _PT_NULL:
            end = max(end, offset + length)
    loaded = bytearray(image[:end])
    struct.pack_into("<Q", loaded, _E_SHOFF, 0)
    struct.pack_into("<HHH", loaded, _E_SHENTSIZE, _SHDR_BYTES, 0, 0)
    return bytes(loaded)
