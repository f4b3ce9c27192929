# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""A kernel without a line of Xen code, built from Debian's source and kept; guest/noxen.config says
what is in it."""
import gzip
import os

from . import proc
from .apt import Apt
from .headers import KEPT, keep
from .kernel import payload
from .paths import LAB, cache
from .say import LabError
from .store import built, digest
from .unpack import unpack

SUFFIX = "-noxen"
SUITES = {"6.1": "bookworm"}  # names of options change between series
COMPILER = "gcc-12"  # that of Debian's kernel
LIMIT = 4 * 3600  # seconds to build; minutes on an idle machine
# Other machines' code, but for the Kconfig files that crypto/Kconfig reads, and one driver's
# register lists.
UNWANTED = ["*/arch/[!x]*/*.[chS]", "*/arch/[!x]*/*.dts*", "*/drivers/gpu/drm/amd/include/*.h"]


class NoXenKernel:
    """As kernel.Kernel: name, release, image, modules, build folder."""

    def __init__(self, series):
        if series not in SUITES:
            raise LabError(
                f"kernel {series}{SUFFIX}: built from Debian's sources of {', '.join(SUITES)} only"
            )
        apt, package, fragment = (
            Apt(SUITES[series]),
            f"linux-source-{series}",
            LAB / "guest" / "noxen.config",
        )
        version = apt.version(package)
        self.name = series + SUFFIX

        def build(folder):
            [deb] = apt.fetch([[package, version]])
            compile_kernel(deb, folder, fragment)

        recipe = [version, digest(fragment), COMPILER, UNWANTED, KEPT, 1]
        self.root = built(
            "noxen",
            f"a kernel without Xen from {package} {version}, which takes minutes",
            recipe,
            build,
        )
        self.release = (self.root / "release").read_text().strip()
        self.vmlinuz, self.vmlinux, self.vmlinux_gz = (
            self.root / n for n in ("vmlinuz", "vmlinux", "vmlinux.gz")
        )
        self.modules = self.root / "lib" / "modules" / self.release

    def kdir(self):
        """The build folder for out-of-tree modules."""
        return self.root / "kdir"


def compile_kernel(deb, folder, fragment):
    """Source package to image, modules and build folder; the rest of the source is not kept."""
    unpack(deb, folder)
    [archive] = (folder / "usr" / "src").glob("linux-source-*.tar.xz")
    proc.run(
        ["tar", "-xf", archive, "-C", folder, *[f"--exclude={e}" for e in UNWANTED]], timeout=1800
    )
    [tree] = [p for p in folder.glob("linux-source-*") if p.is_dir()]
    make = ["make", "-s", "-C", tree, f"CC={COMPILER}", f"HOSTCC={COMPILER}", f"-j{os.cpu_count()}"]
    proc.run([*make, "allnoconfig", f"KCONFIG_ALLCONFIG={fragment}"])
    check_config((tree / ".config").read_text(), fragment.read_text())
    proc.run([*make, "bzImage", "modules"], timeout=LIMIT, log=cache("noxen", "make.log"))
    install(make, tree, folder)
    keep(tree, folder / "kdir", COMPILER)
    proc.run(["rm", "-rf", tree, folder / "usr"])


def check_config(config, fragment):
    """Each line of the fragment must have come true: the configuration drops silently what it has
    no room for."""
    have = set(config.splitlines())
    lost = [
        line for line in fragment.splitlines() if line.startswith("CONFIG_") and line not in have
    ]
    if lost or "CONFIG_XEN=y" in have:
        raise LabError(
            "the kernel's configuration is not what was asked for: "
            f"{', '.join(lost) or 'CONFIG_XEN=y'}"
        )


def install(make, tree, folder):
    """Image and modules, as the other kernels have them."""
    proc.run([*make, "modules_install", f"INSTALL_MOD_PATH={folder}", "INSTALL_MOD_STRIP=1"])
    (folder / "release").write_text(proc.run([*make, "kernelrelease"]))
    packed = (tree / "arch" / "x86" / "boot" / "bzImage").read_bytes()
    (folder / "vmlinuz").write_bytes(packed)
    elf = payload(packed)
    (folder / "vmlinux").write_bytes(elf)
    with gzip.open(folder / "vmlinux.gz", "wb", compresslevel=1) as file:
        file.write(elf)
