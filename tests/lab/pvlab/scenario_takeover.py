# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""block-takeover: a disk that the guest has from the start, emulated IDE for a kernel without Xen,
becomes a Xen disk."""
from . import fiojobs, kernel_log
from .driver import driver_in
from .say import say
from .scenario_cycles import nothing_left, quiet_kernel
from .scenario_emulated import (
    CD_DRIVE,
    NOT_OURS,
    await_said,
    expect_said,
    ide_disks,
    is_there,
    said_how_often,
)

MIB = 4
FILL = "dd if=/dev/urandom of={0} bs=1M count={1} conv=notrunc,fsync 2>/dev/null"


def block_takeover(bench):
    """a disk of the guest's configuration: left alone while another driver has it; else ours
    unplugs the emulated one, whose driver then finds none; same data"""
    guest, disk = bench.guest, bench.disk
    bench.machine.dom0_sh(FILL.format(disk.node, MIB))
    if not guest.about.xen:
        with_cd_drive(bench)
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


def with_cd_drive(bench):
    """The guest anew, with a drive that stays on the controller: a driver that finds it has looked
    there."""
    bench.guest.devices = list(CD_DRIVE)
    bench.restart()
    bench.guest.devices = []


def too_late(bench):
    """While ata_piix has the disk ours says so and keeps away from it and from its twin, and with
    unplug=never too."""
    guest, name = bench.guest, bench.disk.name
    other = driver_in(guest, "emulated", (), None)
    other.load()
    bench.disk.name = other.disk
    bench.disk.appear()
    say(f"{guest.kind.upper()}: our driver comes after the emulated disk's")
    stays_away(bench, name, "", "is driven by ata_piix already: no emulated disk is unplugged")
    bench.disk.same_bytes(1)
    other.unload_block()
    bench.disk.name = name
    stays_away(bench, name, "unplug=never", "emulated devices: not asked$")


def stays_away(bench, name, core, line):
    """Loaded so, ours says why, looks at the disk and leaves it alone; then it goes."""
    before = said_how_often(bench, NOT_OURS)
    bench.driver.load(core=core)
    expect_said(bench, line)
    await_said(bench, NOT_OURS, before + 1)
    if is_there(bench, name):
        bench.fail(f"{name} is there beside its emulated twin")
    bench.driver.unload()


def no_emulated_disk(bench):
    """ata_piix finds the controller and its CD drive, but no disk, and has nothing to complain
    of."""
    disks, _ = ide_disks(bench)
    errors = kernel_log.lines(bench.guest, "ata[0-9.]+: (exception|failed|disabled|error)")
    if disks or errors:
        bench.fail(f"after our driver took the disk over, ata_piix finds {disks}: {errors[:3]}")
    return 0
