"""Entry point of `python -m scripts.packaging`."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.packaging import bill, completion, deb, manual, release, wheels

CHECKOUT = Path(__file__).resolve().parents[2]
LOCK = CHECKOUT / "scripts/locks/run.txt"
HERE = next((arch for arch, machine in wheels.MACHINES.items() if machine == platform.machine()), "arm64")


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/package", description="Build the package and the bundle.")
    parser.add_argument("--arch", choices=sorted(wheels.MACHINES), default=HERE)
    parser.add_argument("--out", type=Path, default=CHECKOUT / "dist")
    parser.add_argument(
        "--wheels", type=Path, default=CHECKOUT / "build/wheels", help="where wheels are kept"
    )
    given = parser.parse_args()
    try:
        for made in build(given.arch, given.out, given.wheels / given.arch):
            print(f"{made}  {made.stat().st_size / 2**20:.2f} MiB")
    except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"package: {error}")


def build(arch: str, out: Path, kept: Path) -> tuple[Path, Path]:
    """Make the .deb and the bundle in `out`."""
    epoch = int(os.environ["SOURCE_DATE_EPOCH"])
    locked = wheels.fetch(LOCK, arch, kept)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="polegate-package-") as scratch:
        root = Path(scratch) / "root"
        own = _own_wheel(Path(scratch) / "dist", epoch)
        name = release.build(own, locked, root)
        version = release.version_of(own)
        texts = deb.Texts(
            manual=manual.page(version, epoch),
            bash=completion.bash(),
            zsh=completion.zsh(),
            fish=completion.fish(),
            bill=bill.materials(version, arch, locked, epoch),
            licences=bill.licences(locked),
        )
        deb.lay_out(root, texts)
        kib = deb.describe(root, version, arch, name)
        package = out / f"polegate_{version}_{arch}.deb"
        deb.pack(root, package, epoch)
        return package, deb.bundle(package, out, version, arch, kib)


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
