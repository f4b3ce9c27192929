# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""A quick start for HVM guests: kernel and initramfs are put into memory by QEMU, not read a byte
at a time by a ROM.

guest/hvm_start.S says how; it takes a minute and a half off each start."""
import struct

from . import proc
from .paths import LAB
from .say import LabError
from .store import built, digest

RAMDISK = 0x8000000  # above the kernel, which ends below 80 MiB
NEED_MIB = 192  # so that it lies in the guest's memory


def starter(kernel, initramfs):
    """Path of the small image that the option ROM loads: the kernel's real-mode part and our jump
    into the kernel."""
    source, size = LAB / "guest" / "hvm_start.S", initramfs.stat().st_size

    def build(folder):
        with open(kernel.vmlinux, "rb") as file:
            head = file.read(64)
        if head[:5] != b"\x7fELF\x02":
            raise LabError(f"the kernel {kernel.release} holds no 64-bit ELF file")
        [entry] = struct.unpack_from("<Q", head, 24)
        proc.run(
            [
                "gcc",
                "-nostdlib",
                "-static",
                f"-DENTRY={entry:#x}",
                f"-DRAMDISK={RAMDISK:#x}",
                f"-DRAMDISK_SIZE={size}",
                "-Wl,-Ttext=0x100000,--oformat=binary,--build-id=none",
                "-o",
                folder / "jump",
                source,
            ]
        )
        packed = kernel.vmlinuz.read_bytes()
        real_mode = packed[: ((packed[0x1F1] or 4) + 1) * 512]
        (folder / "hvm-start").write_bytes(
            real_mode + (folder / "jump").read_bytes().ljust(4096, b"\0")
        )

    recipe = [digest(source), str(kernel.root), size, RAMDISK, 1]
    return built("hvm-start", f"HVM starter for {kernel.release}", recipe, build) / "hvm-start"


def config(start, vmlinux, ramdisk, more=()):
    """The lines of xl's configuration; more words go to the device model."""
    loads = [f"loader,file={vmlinux}", f"loader,file={ramdisk},addr={RAMDISK:#x},force-raw=on"]
    words = [word for load in loads for word in ("-device", load)] + list(more)
    text = ", ".join(f'"{word}"' for word in words)
    return [f'kernel="{start}"', f"device_model_args_hvm=[{text}]"]
