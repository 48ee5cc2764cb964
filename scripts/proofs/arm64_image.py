"""A small Debian for arm64 as a disk image, with its kernel and initrd; kept, for it takes minutes to make.

No loop device, no mount of ours: mmdebstrap makes the tree under qemu-user, mke2fs -d the file system of it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

SUITE = "bookworm"
SIZE = "2500M"
PACKAGES = ("systemd-sysv", "dbus", "udev", "python3", "linux-image-arm64", "ca-certificates")
BINFMT = Path("/proc/sys/fs/binfmt_misc")

# Emulated, Debian's own initramfs takes half an hour to make; of its modules a virtual machine needs four.
INITRAMFS = """\
mkdir -p "$1/etc/initramfs-tools/conf.d" "$1/usr/share/initramfs-tools/modules.d"
printf 'MODULES=list\\nCOMPRESS=zstd\\nCOMPRESSLEVEL=1\\n' >"$1/etc/initramfs-tools/conf.d/small"
printf 'virtio_blk\\nvirtio_mmio\\nvirtio_net\\next4\\n' >"$1/usr/share/initramfs-tools/modules.d/small"
"""
LEFT_OUT = ("man", "doc", "locale", "info")

FILES = {
    "etc/hostname": "gateway\n",
    "etc/fstab": "LABEL=gateway / ext4 defaults,noatime 0 1\n",
    "etc/systemd/network/any.network": "[Match]\nName=e*\n[Network]\nDHCP=ipv4\n",
    # Commands come and answers go, in base64, by a port of their own: to a console the kernel writes as well.
    "root/control": """\
#!/bin/bash
exec 3<>/dev/virtio-ports/control
while read -r command <&3; do
    said=$(bash -c "$(base64 -d <<<"$command")" 2>&1)
    printf '%s %s\\n' "$?" "$(base64 -w0 <<<"$said")" >&3
done
""",
    "etc/systemd/system/control.service": """\
[Unit]
BindsTo=dev-virtio\\x2dports-control.device
After=dev-virtio\\x2dports-control.device
[Service]
Environment=HOME=/root
ExecStart=/bin/bash /root/control
[Install]
WantedBy=multi-user.target
""",
}
UNITS = ("systemd-networkd.service", "control.service")
RECIPE = (SUITE, SIZE, PACKAGES, INITRAMFS, LEFT_OUT, FILES, UNITS)


@dataclass(frozen=True, slots=True)
class Image:
    """`disk` is ext4 without partitions, `kernel` and `initrd` are of the same Debian."""

    disk: Path
    kernel: Path
    initrd: Path


def kept(folder: Path) -> Image:
    """The image in `folder`, made there when it is missing or was made in another way.

    Raises:
        RuntimeError: it is missing, and we are not root.
    """
    image = Image(folder / "disk.img", folder / "vmlinuz", folder / "initrd.img")
    stamp, way = folder / "made-by", hashlib.sha256(repr(RECIPE).encode()).hexdigest()
    if not stamp.exists() or stamp.read_text() != way:
        if os.geteuid():
            raise RuntimeError("the first time, root is needed to make the image of Debian")
        stamp.unlink(missing_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="polegate-arm64-") as scratch:
            _make(image, Path(scratch) / "root")
        stamp.write_text(way)
    return image


def _make(image: Image, root: Path) -> None:
    _let_arm64_run()
    excluded = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in LEFT_OUT]
    command = [
        "mmdebstrap", "--quiet", "--arch=arm64", "--variant=apt", "--mode=root",
        f"--include={','.join(PACKAGES)}", *excluded, f"--essential-hook={INITRAMFS}", SUITE, str(root),
    ]  # fmt: skip
    subprocess.run(command, check=True)
    for name, text in FILES.items():
        (root / name).write_text(text)
    for unit in UNITS:
        subprocess.run(["systemctl", "--quiet", f"--root={root}", "enable", unit], check=True)
    shutil.rmtree(root / "var/cache/apt", ignore_errors=True)
    shutil.rmtree(root / "var/lib/apt/lists", ignore_errors=True)
    shutil.copyfile(next((root / "boot").glob("vmlinuz-*")), image.kernel)
    shutil.copyfile(next((root / "boot").glob("initrd.img-*")), image.initrd)
    image.disk.unlink(missing_ok=True)
    subprocess.run(
        ["mke2fs", "-q", "-t", "ext4", "-L", "gateway", "-d", str(root), str(image.disk), SIZE],
        check=True,
        env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"},
    )


def _let_arm64_run() -> None:
    """Tell this kernel to run programs for arm64 by qemu-user; it stays so until the next boot."""
    if not (BINFMT / "register").exists():
        subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", str(BINFMT)], check=True)
    if not (BINFMT / "qemu-aarch64").exists():
        (BINFMT / "register").write_bytes(Path("/usr/lib/binfmt.d/qemu-aarch64.conf").read_bytes().strip())
