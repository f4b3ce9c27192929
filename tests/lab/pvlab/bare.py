# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The modules on a machine that is no Xen guest: the same kernel, booted by QEMU alone."""
from . import proc
from .cpio import archive
from .driver import MODULES, build_modules
from .guest import busybox
from .paths import LAB
from .qemu import BINARY

MINUTES = 5


def boot(kernel, folder):
    """What the machine's console says, from insmod to the end."""
    built = build_modules(kernel)
    files = {
        "init": (0o755, (LAB / "guest" / "bare-init").read_bytes()),
        "bin/busybox": (0o755, busybox().read_bytes()),
    }
    for name in MODULES["pvkit"]:
        files[f"modules/{name}"] = (0o644, (built / name).read_bytes())
    initramfs = folder / "bare-initramfs.gz"
    initramfs.write_bytes(archive(files))
    return proc.run(
        [
            BINARY,
            "-accel",
            "tcg",
            "-M",
            "q35",
            "-m",
            512,
            "-nodefaults",
            "-display",
            "none",
            "-no-reboot",
            "-serial",
            "stdio",
            "-kernel",
            kernel.vmlinuz,
            "-initrd",
            initramfs,
            "-append",
            "console=ttyS0 loglevel=4 panic=-1",
        ],
        timeout=MINUTES * 60,
    )
