"""The camera part: what only the vision worker and `polegate camera` import, for a package beside the base.

Its libraries lie in /opt/polegate/cameras/VERSION-DIGEST, DIGEST of the pins that the base does not have. A
release names the folder that fits it, so that one that does not fit is not seen at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from scripts.packaging import release
from scripts.packaging.wheels import MACHINES, Pin, read_lock

HOME = f"{release.HOME}/cameras"


def pins_beside(run: Path, camera: Path, arch: str) -> list[Pin]:
    """What the lock of the camera part has besides that of the base.

    Raises:
        RuntimeError: they want different files of one library.
    """
    base = {pin.name: pin for pin in read_lock(run, MACHINES[arch])}
    pins = read_lock(camera, MACHINES[arch])
    if torn := [pin.name for pin in pins if base.get(pin.name, pin) != pin]:
        raise RuntimeError(f"{camera.name} and {run.name} differ in {', '.join(torn)}: run scripts/lock")
    return [pin for pin in pins if pin.name not in base]


def name_of(version: str, pins: Iterable[Pin]) -> str:
    """VERSION-DIGEST."""
    lines = sorted(f"{pin.name}=={pin.version} {sorted(pin.hashes)}\n" for pin in pins)
    return f"{version}-{hashlib.sha256(''.join(lines).encode()).hexdigest()[:12]}"


def shared(base: Path, part: Path) -> list[str]:
    """Files that both packages would own, and modules of the part that those of the base would hide."""
    both = _files(base) & _files(part)
    (site,) = base.glob(f"{release.HOME[1:]}/releases/*/{release.SITE}")
    (beside,) = part.glob(f"{HOME[1:]}/*")
    hidden = {each.name for each in site.iterdir()} & {each.name for each in beside.iterdir()} - {
        "__pycache__"
    }
    return sorted(both | hidden)


def _files(root: Path) -> set[str]:
    return {str(file.relative_to(root)) for file in root.rglob("*") if file.is_symlink() or file.is_file()}
