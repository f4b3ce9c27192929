# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""For the lab: builds the plugin and the marker program, and says how QEMU is to load the
plugin."""

import pathlib
import subprocess

from .symbols import SymbolError, xen_variable

HERE = pathlib.Path(__file__).resolve().parent
RUNNING_VCPU = "per_cpu__curr_vcpu"  # of physical CPU 0: a fixed address in Xen's image


def build(folder):
    """Builds into folder what is not there yet; returns the paths of the plugin and of mark."""
    folder = pathlib.Path(folder).resolve()
    done = subprocess.run(
        ["make", "-s", "-f", HERE / "count.mk", f"OUT={folder}"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the counter cannot be built: {done.stderr.strip()}")
    return folder / "libcount.so", folder / "mark"


def plugin_argument(plugin, dump, xen_map=None):
    """The word after QEMU's -plugin. Without xen-syms.map sides are told by memory only."""
    words = [str(plugin), f"out={dump}"]
    if xen_map:
        address = xen_variable(xen_map, RUNNING_VCPU)
        if address is None:
            raise SymbolError(f"{xen_map} lacks {RUNNING_VCPU}")
        words.append(f"current={address:#x}")
    return ",".join(words)
