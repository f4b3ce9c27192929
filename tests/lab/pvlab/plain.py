# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""HVM guests whose kernel knows nothing of Xen: what they need in place of its network, clock and
console."""

# Up in 13 s, with e1000 in 30: that driver reads its EEPROM bit by bit, each a trip through dom0.
# No boot ROM, which takes long.
NIC = {"vif": "type=ioemu,model=rtl8139", "device_model": ["-global", "rtl8139.romfile="]}
HZ = 250  # of the guests' kernels


def tsc_khz(machine):
    """The frequency of the time stamp counter as Xen measured it: the guest's own measurement is
    wrong under emulation."""
    out = machine.dom0_sh("xl info | sed -n 's/^cpu_mhz *: *//p'").out
    return round(float(out) * 1000)


def command_line(machine, nopv):
    """Kernel parameters. The console is an emulated serial port, a trip through dom0 for each byte:
    warnings only."""
    khz = tsc_khz(machine)
    words = [
        "console=ttyS0",
        "loglevel=4",
        f"tsc_early_khz={khz}",
        f"lpj={khz * 1000 // HZ}",
        "tsc=reliable",
        "clocksource=tsc",
    ]
    return " ".join(["nopv"] * nopv + words)
