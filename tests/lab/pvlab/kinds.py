# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The guest types: what xl makes of each, and what its kernel makes of Xen."""


class Kind:
    """One guest type. `xen`: its kernel is a Xen guest, with Xen's console, clock and network.
    `suffix` goes to --kernel's name."""

    def __init__(self, name, xl_type, means, xen=True, nopv=False, suffix=""):
        self.name, self.xl_type, self.means = name, xl_type, means
        self.xen, self.nopv, self.suffix = xen, nopv, suffix


KINDS = {
    kind.name: kind
    for kind in (
        Kind("pv", "pv", "paravirtualised: no emulated hardware at all"),
        Kind("pvh", "pvh", "hardware virtualisation without emulated devices"),
        Kind("hvm", "hvm", "a whole PC, whose kernel uses Xen's devices"),
        Kind(
            "hvm-nopv",
            "hvm",
            "as hvm, booted with nopv: its kernel takes it for a PC and uses nothing of Xen",
            xen=False,
            nopv=True,
        ),
        Kind(
            "hvm-noxen",
            "hvm",
            "as hvm, with a kernel of our own that was built without Xen",
            xen=False,
            suffix="-noxen",
        ),
    )
}
TYPES = tuple(KINDS)
