# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""fio built statically from Debian's source package: the binary one pulls in a hundred
libraries."""
import os

from . import proc
from .apt import Apt
from .paths import cache
from .say import LabError
from .store import built

CONFIGURE = [
    "--build-static",
    "--disable-native",
    "--disable-numa",
    "--disable-rdma",
    "--disable-http",
    "--disable-tcmalloc",
    "--disable-xnvme",
    "--disable-libzbc",
    "--disable-libnfs",
    "--disable-dfs",
    "--disable-lex",
    "--disable-shm",
]


def source_version(apt):
    """Version of the fio source package in the signed index."""

    def compute():
        return (
            apt.call("apt-cache", "showsrc", "--only-source", "fio")
            .split("Version: ")[1]
            .split()[0]
        )

    return apt.memo(["source", "fio"], compute)


def build(apt, folder):
    """Fetch (apt checks it against the signed index), configure, make; only the binary is kept."""
    apt.call("apt-get", "source", "-q", "--download-only", "fio", cwd=folder)
    archives = [p for p in folder.glob("fio_*.orig.tar.*") if p.suffix != ".asc"]
    if len(archives) != 1:
        raise LabError("the fio source package has no original archive")
    proc.run(["tar", "-xf", archives[0], "-C", folder])
    [tree] = [p for p in folder.glob("fio-*") if p.is_dir()]
    proc.run(["./configure", *CONFIGURE], cwd=tree, log=cache("fio", "configure.log"))
    proc.run(["make", f"-j{os.cpu_count()}", "fio"], cwd=tree, log=cache("fio", "make.log"))
    proc.run(["strip", "-o", folder / "fio", tree / "fio"])
    proc.run(["rm", "-rf", tree, *folder.glob("fio_*")])


def fio_binary():
    """Path of the static fio."""
    apt = Apt("bookworm")
    recipe = [source_version(apt), CONFIGURE]
    return built("fio", "static fio", recipe, lambda folder: build(apt, folder)) / "fio"
