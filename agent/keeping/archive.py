"""One file of files: a gzipped tar (POSIX.1-1988, ustar) whose first member says what all others hold.

Read by hand and strictly: plain files only, of the names, sizes and SHA-256 that the manifest gives, in its
order. What a tar may hold besides (links, devices, extended headers, names that lead elsewhere) is refused.
"""

from __future__ import annotations

import gzip
import json
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import BinaryIO, ClassVar, Literal

from pydantic import ValidationError

from firmware_profiles.declared import Strict, checked_json, plain

FORMAT = 1
MANIFEST = "manifest.json"
MOST_MANIFEST_BYTES = 2**20
MOST_FILES = 4096
CHUNK_BYTES = 2**16
_BLOCK = tarfile.BLOCKSIZE
_LEVEL = 6  # 9 saves 3% of stored messages and takes more than twice as long

Kind = Literal["backup", "support"]


class Refused(Exception):
    """It is no archive of ours, or damaged, or would do what none of ours does; the message says which."""


class _Part(Strict):
    """What a later version adds to it is ignored."""

    __pydantic_config__: ClassVar = {"extra": "ignore"}


class Held(_Part):
    """A file of the archive."""

    name: str
    size: int
    sha256: str


class LeftOut(_Part):
    """What is not in the archive, and why."""

    what: str
    why: str


class Manifest(_Part):
    """The archive's first member: where it comes from, and everything that is and is not in it."""

    format: int
    kind: Kind
    polegate: str
    made: str
    clock_trusted: bool
    site: str
    gateway: str
    files: tuple[Held, ...]
    left_out: tuple[LeftOut, ...] = ()
    problems: tuple[str, ...] = ()
    """Why the configuration did not hold when it was put in; none: it did."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file to be put in: its name there, and its content or where that lies."""

    name: str
    content: bytes | Path

    def chunks(self) -> Iterator[bytes]:
        """The content in pieces."""
        if isinstance(self.content, bytes):
            yield self.content
            return
        with self.content.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk

    def held(self) -> Held:
        """As the manifest has it; reads it all."""
        size, digest = 0, sha256()
        for chunk in self.chunks():
            size += len(chunk)
            digest.update(chunk)
        return Held(name=self.name, size=size, sha256=digest.hexdigest())


def write(out: BinaryIO, manifest: Manifest, entries: Sequence[Entry], *, seconds: int = 0) -> None:
    """Write the archive; `manifest.files` are what `entries` hold, in their order.

    Raises:
        OSError: it cannot be written, or a file has changed since it was looked at.
    """
    body = json.dumps(plain(manifest), indent=1, ensure_ascii=False).encode()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=_LEVEL, mtime=seconds) as packed:
        _put(packed, MANIFEST, len(body), iter((body,)), seconds)
        for held, entry in zip(manifest.files, entries, strict=True):
            _put(packed, held.name, held.size, entry.chunks(), seconds)
        packed.write(bytes(2 * _BLOCK))


def _put(out: gzip.GzipFile, name: str, size: int, chunks: Iterator[bytes], seconds: int) -> None:
    head = tarfile.TarInfo(name)
    head.size, head.mode, head.mtime = size, 0o600, seconds
    out.write(head.tobuf(tarfile.USTAR_FORMAT, "utf-8", "surrogateescape"))
    written = 0
    for chunk in chunks:
        out.write(chunk)
        written += len(chunk)
    if written != size:
        raise OSError(f"{name} changed while it was copied: {size} bytes became {written}; try again")
    out.write(bytes(-size % _BLOCK))


class Archive:
    """An open archive: its manifest, and then once its files in their order."""

    def __init__(self, source: gzip.GzipFile, path: Path) -> None:
        self._source = source
        self._path = path
        self.manifest = self._read_manifest()

    def __iter__(self) -> Iterator[tuple[Held, Iterator[bytes]]]:
        """Each file with its content in pieces, to be read to the end; Refused as soon as it differs."""
        for held in self.manifest.files:
            head = self._head()
            if head is None or (head.name, head.size) != (held.name, held.size):
                found = "its end" if head is None else f"{_quoted(head.name)} of {head.size} bytes"
                raise Refused(
                    f"{self._path} is not whole: expected {_quoted(held.name)} of {held.size} bytes, "
                    f"got {found}"
                )
            yield held, self._content(held)
        if self._head() is not None or any(self._exactly(_BLOCK)) or self._read(1):
            raise Refused(f"{self._path} holds more than its manifest says")

    def _content(self, held: Held) -> Iterator[bytes]:
        digest, left = sha256(), held.size
        while left:
            chunk = self._exactly(min(left, CHUNK_BYTES))
            left -= len(chunk)
            digest.update(chunk)
            yield chunk
        self._exactly(-held.size % _BLOCK)
        if digest.hexdigest() != held.sha256:
            raise Refused(f"{self._path} is damaged: {_quoted(held.name)} is not what was put in")

    def _head(self) -> tarfile.TarInfo | None:
        block = self._exactly(_BLOCK)
        if not any(block):
            return None
        try:
            head = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            raise Refused(f"{self._path} is damaged: {error}") from None
        if head.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or head.size < 0:
            raise Refused(
                f"{self._path} holds {_quoted(head.name)}, which is no plain file (type {head.type!r}); "
                "no archive of polegate has that: use one that you have made yourself"
            )
        return head

    def _read_manifest(self) -> Manifest:
        head = self._head()
        if head is None or head.name != MANIFEST or head.size > MOST_MANIFEST_BYTES:
            raise Refused(f"{self._path} is no archive of polegate: it does not begin with {MANIFEST}")
        body = self._exactly(head.size)
        self._exactly(-head.size % _BLOCK)
        try:
            manifest = checked_json(Manifest, body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise Refused(f"{self._path}: {MANIFEST}: {where or 'it'}: {first['msg']}") from None
        _check(manifest, self._path)
        return manifest

    def _exactly(self, count: int) -> bytes:
        """The next so many bytes."""
        data = self._read(count)
        if len(data) != count:
            raise Refused(f"{self._path} is cut off")
        return data

    def _read(self, most: int) -> bytes:
        """At the end of the file gzip's own checksum is looked at, too."""
        try:
            return self._source.read(most)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise Refused(f"{self._path} is damaged or no gzip file: {error}") from None


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """The archive at `path`.

    Raises:
        Refused: it is none.
        OSError: it cannot be read.
    """
    with path.open("rb") as file, gzip.GzipFile(fileobj=file, mode="rb") as source:
        yield Archive(source, path)


def _check(manifest: Manifest, path: Path) -> None:
    if manifest.format > FORMAT:
        raise Refused(
            f"{path} has format {manifest.format}, this polegate knows up to {FORMAT}; "
            f"install polegate {manifest.polegate}, which wrote it"
        )
    names = [held.name for held in manifest.files]
    if (
        len(names) > MOST_FILES
        or len({*names}) != len(names)
        or any(held.size < 0 for held in manifest.files)
    ):
        raise Refused(f"{path}: its manifest is not one of ours: {len(names)} files, or one of them twice")
    for name in names:
        if not is_inner(name):
            raise Refused(f"{path}: {_quoted(name)} leads out of the archive; nothing of it is used")


def is_inner(name: str) -> bool:
    """Whether a name stays below the folder it is put in, the same on every system."""
    path = PurePosixPath(name)
    plain = name == str(path) and not path.is_absolute() and ".." not in path.parts and name != "."
    return plain and name.isprintable() and "\\" not in name


def is_storable(name: str) -> bool:
    """Whether a file can be put in under this name."""
    try:
        return is_inner(name) and len(name.encode()) <= tarfile.LENGTH_NAME
    except UnicodeEncodeError:
        return False


def _quoted(name: str) -> str:
    return repr(name)[:100]
