# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Which kernel a run uses: a Debian release known by number, or any linux-image package file."""
import gzip
import lzma
import pathlib
import re
import struct
import subprocess
import zlib

from . import proc
from .apt import Apt
from .headers import headers_dir
from .say import LabError
from .store import built, digest
from .unpack import control, merged_usr, unpack

KNOWN = {"6.1": "bookworm", "6.12": "bookworm-backports"}


class Kernel:
    """One kernel: its release name, image, modules and headers."""

    def __init__(self, name, release, image, headers):
        self.name, self.release, self.image_deb, self.header_debs = name, release, image, headers
        self.root = built("kernel", f"kernel {release}", [release, digest(image), 4], self._build)
        self.vmlinuz = self.root / "boot" / f"vmlinuz-{release}"
        self.vmlinux = self.root / "vmlinux"
        self.vmlinux_gz = self.root / "vmlinux.gz"
        self.modules = self.root / "lib" / "modules" / release

    def _build(self, folder):
        """Unpack, index the modules and take the ELF image out of the self-extracting one.

        libxc's own xz decompressor costs 4.7 G instructions a guest: gzip starts much faster."""
        merged_usr(folder)
        unpack(self.image_deb, folder, ["*/share/doc/*"])
        proc.run(["depmod", "-b", folder, self.release])
        elf = payload((folder / "boot" / f"vmlinuz-{self.release}").read_bytes())
        (folder / "vmlinux").write_bytes(elf)
        with gzip.open(folder / "vmlinux.gz", "wb", compresslevel=1) as file:
            file.write(elf)

    def kdir(self):
        """The build folder for out-of-tree modules."""
        if not self.header_debs:
            raise LabError(f"kernel {self.name}: give its headers packages with --headers")
        return headers_dir(
            self.release, self.header_debs() if callable(self.header_debs) else self.header_debs
        )


def payload(image):
    """The ELF kernel inside a bzImage (offsets: the x86 boot protocol)."""
    if image[0x202:0x206] != b"HdrS":
        raise LabError("not a bzImage")
    setup = (image[0x1F1] or 4) + 1
    offset, length = struct.unpack_from("<II", image, 0x248)
    data = image[setup * 512 + offset :][:length]
    if data[:6] == b"\xfd7zXZ\0":
        return lzma.LZMADecompressor().decompress(data)
    if data[:2] == b"\x1f\x8b":
        return zlib.decompressobj(31).decompress(data)  # a size word follows the stream
    if data[:4] == b"\x28\xb5\x2f\xfd":
        return _zstd(data)
    raise LabError(f"kernel image compressed in an unknown way ({data[:4].hex()})")


def _zstd(data):
    """zstd has no module in Python 3.11; its tool stops at the size word after the frame, having
    written all."""
    done = subprocess.run(["zstd", "-dcq"], input=data[:-4], stdout=subprocess.PIPE, check=False)
    if not done.stdout.startswith(b"\x7fELF"):
        raise LabError("zstd cannot unpack the kernel image (is zstd installed?)")
    return done.stdout


def modules_in_order(kernel, names):
    """Paths of modules and all they need, in the order to insert them; built-in ones are left
    out."""
    depends = {}
    for line in (kernel.modules / "modules.dep").read_text().splitlines():
        path, _, needs = line.partition(":")
        depends[_stem(path)] = (path, needs.split())
    order = []

    def visit(name):
        if name in depends:
            path, needs = depends[name]
            for need in needs[::-1]:
                visit(_stem(need))
            if path not in order:
                order.append(path)

    for name in names:
        visit(name.replace("-", "_"))
    return [kernel.modules / path for path in order]


def _stem(path):
    return pathlib.PurePath(path).name.split(".ko")[0].replace("-", "_")


def module_bytes(path):
    """A module's ELF file, unpacked when the distribution compresses them: busybox inserts plain
    ones only."""
    data = path.read_bytes()
    if path.suffix == ".xz":
        return lzma.decompress(data)
    if path.suffix == ".zst":
        return proc.run_bytes(["zstd", "-dcq", path])
    return gzip.decompress(data) if path.suffix == ".gz" else data


def debian_kernel(name, suite, headers=()):
    """The current kernel of a suite; the headers are those of the very same release."""
    apt = Apt(suite)
    package = next(
        (p for p in apt.depends("linux-image-amd64") if p.startswith("linux-image-")), None
    )
    if not package:
        raise LabError(f"{suite} has no linux-image-amd64")
    release = package.removeprefix("linux-image-")
    [image] = apt.fetch([[package, apt.version(package)]])

    def header_debs():
        top = f"linux-headers-{release}"
        wanted = [top] + [p for p in apt.depends(top) if p.startswith("linux-")]
        return apt.fetch([[p, apt.version(p)] for p in wanted])

    return Kernel(name, release, image, list(headers) or header_debs)


def find_kernel(name, headers=()):
    """--kernel NAME|DEB and --headers DEB... to a Kernel; NAME may end in -noxen, for one built
    without Xen."""
    headers = [pathlib.Path(h) for h in headers]
    for path in headers:
        if not path.is_file():
            raise LabError(f"--headers: no such file: {path}")
    if name.endswith("-noxen"):
        from .noxen import SUFFIX, NoXenKernel

        return NoXenKernel(name.removesuffix(SUFFIX))
    if name in KNOWN:
        return debian_kernel(name, KNOWN[name], headers)
    path = pathlib.Path(name)
    if path.suffix != ".deb" or not path.is_file():
        raise LabError(
            f"--kernel: {name!r} is neither one of {', '.join(KNOWN)} nor a linux-image package "
            "file"
        )
    release = re.sub(
        "^linux-image-|-unsigned$",
        "",
        re.sub("^linux-image-unsigned-", "linux-image-", control(path, "Package")),
    )
    return Kernel(path.name, release, path, headers)
