# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""What the lab needs of this machine, said before anything starts."""
import os
import pathlib
import platform
import re
import shutil
import subprocess

from . import moves, qemu
from .kinds import KINDS
from .paths import cache
from .say import LabError

NEED_DISK_MIB = 4096
TESTED_QEMU = (7, 2)
TOOLS = {
    "setpriv": "util-linux",
    "mke2fs": "e2fsprogs",
    "depmod": "kmod",
    "dpkg-deb": "dpkg",
    "apt-get": "apt",
    "gcc": "gcc",
    "make": "make",
    "zstd": "zstd",
    "tar": "tar",
}
# For a kernel of our own.
COMPILING = {
    "gcc-12": "gcc-12",
    "flex": "flex",
    "bison": "bison",
    "bc": "bc",
    "gelf.h": "libelf-dev",
}


def available_mib():
    """Memory that can be had without swapping."""
    text = pathlib.Path("/proc/meminfo").read_text()
    return int(re.search(r"MemAvailable:\s+(\d+)", text)[1]) // 1024


def qemu_version():
    """(major, minor) of QEMU, or None when there is none."""
    path = shutil.which(qemu.BINARY)
    if not path:
        return None
    out = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"version (\d+)\.(\d+)", out)
    return (int(found[1]), int(found[2])) if found else None


def missing(guest_types):
    """Programs and headers that these guests need and this machine has not."""
    compile_too = any(KINDS[kind].suffix for kind in guest_types)
    return [
        t
        for t in (TOOLS | COMPILING if compile_too else TOOLS)
        if not (os.path.exists(f"/usr/include/{t}") if t.endswith(".h") else shutil.which(t))
    ]


def problems(guest_types, guest_mib=320, disk_mib=64, facts=None):
    """What is missing, one line each. `facts` replaces what this machine is, for tests."""
    facts = facts or {
        "machine": platform.machine(),
        "qemu": qemu_version(),
        "memory": available_mib(),
        "disk": shutil.disk_usage(_existing(cache("x").parent)).free >> 20,
        "missing": missing(guest_types),
        "keyring": os.path.exists("/usr/share/keyrings/debian-archive-keyring.gpg"),
    }
    need = qemu.memory_mib(768 + disk_mib, guest_mib) + 256
    lines = []
    if facts["machine"] != "x86_64":
        lines.append(
            "the lab runs x86-64 code and needs an x86-64 host for its packages; this is "
            f"{facts['machine']}"
        )
    lines += qemu_problems(facts["qemu"], guest_types)
    if facts["memory"] < need:
        lines.append(f"{need} MiB of memory are needed, {facts['memory']} MiB are available")
    if facts["disk"] < NEED_DISK_MIB:
        lines.append(
            f"{NEED_DISK_MIB} MiB of disk are needed for the cache ({cache('x').parent}), "
            f"{facts['disk']} MiB are free"
        )
    lines += [f"{t} is missing (Debian package {(TOOLS | COMPILING)[t]})" for t in facts["missing"]]
    if not facts["keyring"]:
        lines.append(
            "the package debian-archive-keyring is missing: nothing downloaded could be checked"
        )
    return lines


def qemu_problems(version, guest_types):
    """Only 7.2 emulates what PVH and HVM guests need."""
    if version is None:
        return [f"{qemu.BINARY} is missing (Debian package qemu-system-x86)"]
    if version == TESTED_QEMU or guest_types == ["pv"]:
        return []
    return [
        f"QEMU {version[0]}.{version[1]} is installed, PVH and HVM guests need 7.2: later ones "
        "report every CR read of a guest "
        "as one of CR0, and Xen then emulates page faults wrongly. Only PV guests are possible: "
        "--guest pv"
    ]


def _existing(path):
    while not path.exists():
        path = path.parent
    return path


def check(arguments):
    """Raise with every problem at once."""
    found = problems(
        arguments.guest, arguments.memory + 2 * moves.spare_mib(arguments), arguments.disk_mib
    )
    if found:
        raise LabError(
            "this machine cannot run the lab:\n" + "\n".join(f"  - {line}" for line in found)
        )
