# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Debian's own xenstore tools and kexec, unchanged, and a client of our own, for guests in which
pvkit.ko owns the guest side."""
import tarfile

from . import proc
from .apt import Apt
from .guest import compiled, module_files
from .store import built, digest
from .unpack import merged_usr, unpack

# kexec is linked against libxenctrl, which dom0 needs.
PACKAGES = [
    "xenstore-utils",
    "kexec-tools",
    "libgcc-s1",
    "liblzma5",
    "zlib1g",
    "libxenmisc4.17",
    *(
        f"libxen{name}"
        for name in (
            "call1",
            "devicemodel1",
            "evtchn1",
            "foreignmemory1",
            "gnttab1",
            "store4",
            "toolcore1",
            "toollog1",
        )
    ),
]
FILES = [
    *(
        f"usr/bin/xenstore-{verb}"
        for verb in ("read", "write", "ls", "watch", "rm", "exists", "chmod")
    ),
    "sbin/kexec",
]
LIBRARIES = "lib/x86_64-linux-gnu"
SCENARIOS = {
    "own-services",
    "own-xenstore",
    "own-late-xenstore",
    "own-endings",
    "own-kdump",
    "own-kexec",
    "own-unplug",
}
MODULES = ["watchdog"]  # of the kernel, which pvkit.ko uses where they are loaded before it


def archive(kernel):
    """Path of a tar with all of it, to be unpacked over the payload, which has the C library."""
    apt, poller = Apt("bookworm"), compiled("poller")
    versions = [[name, apt.version(name)] for name in PACKAGES]

    def build(folder):
        root = folder / "root"
        merged_usr(root)
        for deb in apt.fetch(versions):
            unpack(deb, root, ["./usr/share/*"])
        files = module_files(kernel, MODULES, "own.order")
        for name, (_, data) in files.items():
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_bytes(data)
        with tarfile.open(folder / "tools.tar", "w", dereference=True) as tar:
            tar.add(poller, "usr/bin/poller")
            libraries = [
                f"{LIBRARIES}/{path.name}" for path in sorted((root / LIBRARIES).glob("lib*.so.*"))
            ]
            for name in [*FILES, *libraries, *files]:
                tar.add(root / name, name)
        proc.run(["rm", "-rf", root])

    return (
        built(
            "tools",
            f"guest tools for {kernel.release}",
            [str(kernel.root), versions, digest(poller), FILES, MODULES, 3],
            build,
        )
        / "tools.tar"
    )


def bring(bench):
    """Into the guest; the watchdog's core is loaded, as a distribution does before pvkit.ko."""
    place = bench.machine.job / "tools.tar"
    place.write_bytes(archive(bench.guest.kernel).read_bytes())
    bench.guest.push("/job/tools.tar")
    bench.guest.sh(
        "grep -q '^watchdog ' /proc/modules || while read -r m; do insmod /modules/$m || exit 1; "
        "done < /modules/own.order"
    )
