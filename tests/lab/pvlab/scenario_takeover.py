# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""block-takeover: a disk that the guest has from the start, emulated IDE for a kernel without Xen, becomes a Xen disk."""
from . import fiojobs, kernel_log
from .driver import driver_in
from .say import say
from .scenario_cycles import nothing_left, quiet_kernel

MIB = 4
FILL = "dd if=/dev/urandom of={0} bs=1M count={1} conv=notrunc,fsync 2>/dev/null"


def block_takeover(bench):
    """a disk of the guest's configuration: left alone while another driver has it; else ours unplugs the emulated one, whose driver then finds none; same data"""
    guest, disk = bench.guest, bench.disk
    bench.machine.dom0_sh(FILL.format(disk.node, MIB))
    if not guest.about.xen:
        too_late(bench)
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


def too_late(bench):
    """While ata_piix has the disk ours says so and keeps away from it and from its twin, and with unplug=never too."""
    guest, name = bench.guest, bench.disk.name
    other = driver_in(guest, "emulated", (), None)
    other.load()
    bench.disk.name = other.disk
    bench.disk.appear()
    say(f"{guest.kind.upper()}: our driver comes after the emulated disk's")
    bench.driver.load()
    if not kernel_log.lines(guest, "is driven by ata_piix already"):
        bench.fail("pvkit.ko does not say that the emulated disk is in use")
    bench.disk.same_bytes(1)
    stays_away(bench, name)
    other.unload_block()
    bench.disk.name = name
    bench.driver.load(core="unplug=never")
    stays_away(bench, name)


def stays_away(bench, name):
    """No paravirtual twin within a while; then our driver goes."""
    if bench.guest.sh(f"sleep 2; [ -e /sys/block/{name} ]", check=False).status == 0:
        bench.fail(f"{name} is there beside its emulated twin")
    bench.driver.unload()


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
