"""Entry point of `python -m scripts.packaging`."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from scripts.packaging import archive, bill, camera_part, completion, deb, manual, one_ffmpeg, release, wheels
from scripts.packaging.wheels import Wheel

CHECKOUT = Path(__file__).resolve().parents[2]
LOCK = CHECKOUT / "scripts/locks/run.txt"
CAMERA_LOCK = CHECKOUT / "scripts/locks/camera.txt"
HERE = next((arch for arch, machine in wheels.MACHINES.items() if machine == platform.machine()), "arm64")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="scripts/package", description="Build the packages and the bundles."
    )
    parser.add_argument("--arch", choices=sorted(wheels.MACHINES), default=HERE)
    parser.add_argument("--out", type=Path, default=CHECKOUT / "dist")
    parser.add_argument(
        "--wheels", type=Path, default=CHECKOUT / "build/wheels", help="where wheels are kept"
    )
    parser.add_argument("--without-cameras", action="store_true", help="the base alone: seconds, not minutes")
    parser.add_argument("--level", type=int, choices=range(10), default=9, help="of xz; less for a trial")
    given = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="polegate-package-") as scratch:
            build = Build(given.arch, given.out, given.wheels / given.arch, Path(scratch), given.level)
            for made in build.all(cameras=not given.without_cameras):
                print(f"{made}  {made.stat().st_size / 2**20:.2f} MiB", flush=True)
    except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"package: {error}")


@dataclass(frozen=True, slots=True)
class Build:
    """One architecture; `kept` is where its wheels are, `scratch` an empty folder, `level` that of xz."""

    arch: str
    out: Path
    kept: Path
    scratch: Path
    level: int

    def all(self, *, cameras: bool) -> list[Path]:
        """Make packages and bundles in `out`."""
        self.out.mkdir(parents=True, exist_ok=True)
        own = _own_wheel(self.scratch / "dist", self._epoch)
        pins = camera_part.pins_beside(LOCK, CAMERA_LOCK, self.arch)
        name = camera_part.name_of(own.name.split("-")[1], pins)
        base = self._base(own, name)
        version = release.version_of(own)
        made = [base.file, deb.bundle([base], self.out, version, self.arch)]
        if cameras:
            libraries = wheels.fetch(CAMERA_LOCK, self.arch, self.kept)
            part = self._camera_part(version, name, {pin.name: libraries[pin.name] for pin in pins})
            made += [part.file, deb.bundle([part, base], self.out, version, self.arch)]
        return made

    def _base(self, own: Path, camera_name: str) -> deb.Package:
        root = self.scratch / "base"
        locked = wheels.fetch(LOCK, self.arch, self.kept)
        name = release.build(own, locked, root, f"{camera_part.HOME}/{camera_name}")
        version = release.version_of(own)
        texts = deb.Texts(
            manual=manual.page(version, self._epoch),
            bash=completion.bash(),
            zsh=completion.zsh(),
            fish=completion.fish(),
        )
        deb.lay_out(root, texts)
        return self._packed(deb.POLEGATE, root, version, name, locked)

    def _camera_part(self, version: str, name: str, libraries: Mapping[str, Wheel]) -> deb.Package:
        root = self.scratch / "cameras"
        site = root / camera_part.HOME[1:] / name
        release.lay_out(libraries, site)
        left_out = frozenset(one_ffmpeg.unite(site))
        if not left_out:
            print("package: FFmpeg is packed twice: OpenCV's and PyAV's differ in version", file=sys.stderr)
        packed = {name: replace(wheel, left_out=left_out) for name, wheel in libraries.items()}
        release.compile_all(root, site)
        if both := camera_part.shared(self.scratch / "base", root):
            raise RuntimeError(f"both packages hold {', '.join(both)}")
        return self._packed(deb.CAMERAS, root, version, name, packed)

    def _packed(
        self, kind: deb.Kind, root: Path, version: str, name: str, libraries: Mapping[str, Wheel]
    ) -> deb.Package:
        papers = deb.Papers(
            bill=bill.materials(kind.name, version, self.arch, libraries, self._epoch),
            licences=bill.licences(libraries),
        )
        kib = deb.describe(root, kind, papers, {"version": version, "arch": self.arch, "name": name})
        file = self.out / f"{kind.name}_{version}_{self.arch}.deb"
        archive.pack(root, file, self.arch, self._epoch, self.level)
        return deb.Package(kind, file, kib)

    @property
    def _epoch(self) -> int:
        return int(os.environ["SOURCE_DATE_EPOCH"])


def _own_wheel(folder: Path, epoch: int) -> Path:
    """polegate itself, of this checkout."""
    command = [
        sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "wheel",
        "--no-deps", "--no-index", "--no-build-isolation", f"--wheel-dir={folder}", str(CHECKOUT),
    ]  # fmt: skip
    subprocess.run(command, check=True, env={**os.environ, "SOURCE_DATE_EPOCH": str(epoch)})
    return next(folder.glob("polegate-*.whl"))


if __name__ == "__main__":
    main()
