# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""block-takeover: a disk that the guest has from the start, emulated IDE for a kernel without Xen, becomes a Xen disk."""
from . import fiojobs, kernel_log
from .driver import driver_in
from .say import say
from .scenario_cycles import nothing_left, quiet_kernel

MIB = 4
FILL = "dd if=/dev/urandom of={0} bs=1M count={1} conv=notrunc,fsync 2>/dev/null"


def block_takeover(bench):
    """a disk of the guest's configuration: our driver unplugs the emulated one, whose driver then finds none; same data"""
    guest, disk = bench.guest, bench.disk
    bench.machine.dom0_sh(FILL.format(disk.node, MIB))
    bench.driver.load()
    disk.appear()
    digest = disk.same_bytes(MIB)
    say(f"{guest.kind.upper()}: the emulated disk's driver is loaded beside ours")
    late = None if guest.about.xen else no_emulated_disk(bench)
    verified = fiojobs.verified_write(guest, disk.name, 32, "split", MIB)
    disk.same_bytes()
    disk.detach()
    nothing_left(bench)
    bench.driver.unload()
    quiet_kernel(bench)
    return {"digest": digest, "emulated_disks": late, "verified_bytes": verified["verified_bytes"]}


def no_emulated_disk(bench):
    """ata_piix finds the controller and no disk, and has nothing to complain of."""
    other = driver_in(bench.guest, "emulated", (), None)
    other.load()
    found = bench.guest.sh("sleep 2; ls /sys/block | grep -E '^(sd|hd)' || true").out.split()
    errors = kernel_log.lines(bench.guest, "ata[0-9.]+: (exception|failed|disabled|error)")
    other.unload_block()
    if found or errors:
        bench.fail(f"after our driver took the disk over, the emulated one is {found}: {errors[:3]}")
    return 0
