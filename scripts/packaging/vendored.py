"""Shared objects that a wheel brings along in NAME.libs, made by others than the makers of the wheel."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from scripts.packaging.wheels import Wheel

# SPDX expressions, read by a person in the makers' own sources.
LICENCES = {
    "libSvtAv1Enc": "BSD-3-Clause-Clear",
    "libXau": "MIT-open-group",
    "libaom": "BSD-2-Clause",
    "libasound": "LGPL-2.1-or-later",
    "libavif": "BSD-2-Clause",
    "libcrypto": "OpenSSL",
    "libdav1d": "BSD-2-Clause",
    "libdrm": "MIT",
    "libgfortran": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "libgmp": "LGPL-3.0-or-later OR GPL-2.0-or-later",
    "libgnutls": "LGPL-2.1-or-later",
    "libhogweed": "LGPL-3.0-or-later OR GPL-2.0-or-later",
    "libmp3lame": "LGPL-2.0-or-later",
    "libnettle": "LGPL-3.0-or-later OR GPL-2.0-or-later",
    "libopenblasp": "BSD-3-Clause",
    "libopencore": "Apache-2.0",
    "libopus": "BSD-3-Clause",
    "libpng16": "libpng-2.0",
    "libquadmath": "LGPL-2.1-or-later",
    "libscipy_openblas64_": "BSD-3-Clause",
    "libsharpyuv": "BSD-3-Clause",
    "libssl": "OpenSSL",
    "libunistring": "LGPL-3.0-or-later OR GPL-2.0-or-later",
    "libvpl": "MIT",
    "libvpx": "BSD-3-Clause",
    "libwebp": "BSD-3-Clause",
    "libwebpmux": "BSD-3-Clause",
    "libx264": "GPL-2.0-or-later",
    "libx265": "GPL-2.0-or-later",
    "libxcb": "MIT",
}

# FFmpeg's libraries each say how they were configured.
_SAYS_ITSELF = re.compile(rb"lib(?:av|sw)[a-z]+ license: (L?GPL) version ([0-9.]+) or later\0")


@dataclass(frozen=True, slots=True)
class SharedObject:
    """`name` is its path in the wheel, `sha256` that of the file there; `licence` an SPDX expression."""

    name: str
    sha256: str
    licence: str


def objects(wheel: Wheel) -> Iterator[SharedObject]:
    """Those that are packed, in the order of their names.

    Raises:
        RuntimeError: nobody has read the licence of one of them.
    """
    with wheel.open() as archive:
        for name in sorted(set(archive.namelist()) - wheel.left_out):
            path = PurePosixPath(name)
            if path.parts[0].endswith(".libs") and ".so" in path.suffixes:
                content = archive.read(name)
                yield SharedObject(name, hashlib.sha256(content).hexdigest(), _licence(path.name, content))


def _licence(name: str, content: bytes) -> str:
    if said := _SAYS_ITSELF.search(content):
        family, version = (part.decode() for part in said.groups())
        return f"{family}-{version if '.' in version else version + '.0'}-or-later"
    stem = re.match(r"\w+", name)
    if stem and (known := LICENCES.get(stem[0])):
        return known
    raise RuntimeError(f"{name}: nobody has read its licence yet; add it to {__name__}.LICENCES")
