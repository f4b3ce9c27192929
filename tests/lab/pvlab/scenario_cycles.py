# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""block-hotplug and block-reload: the same thing again and again, I/O verified each time, nothing
left behind."""
from . import fiojobs, kernel_log, leaks
from .say import say

IO_MIB = 1  # of each cycle; twenty of them must fit in a minute of emulation


def checked_io(bench, cycle):
    """A short verified write with data of its own, seen alike by dom0."""
    fiojobs.verified_write(
        bench.guest, bench.disk.name, 32 if cycle % 2 else 1, "split", IO_MIB, seed=100 + cycle
    )
    bench.disk.same_bytes(IO_MIB)


def block_hotplug(bench):
    """xl block-attach, verified I/O and block-detach under a loaded driver, --cycles times (20)"""
    guest, disk = bench.guest, bench.disk
    cycles = bench.cycles(20)
    bench.driver.load()
    before = leaks.held(guest)
    for cycle in range(cycles):
        say(f"{guest.kind.upper()}: attach and detach {cycle + 1} of {cycles}")
        disk.attach()
        checked_io(bench, cycle)
        disk.detach()
    after = leaks.held(guest)
    leaks.same(before, after, f"{cycles} attach/detach cycles", bench.folder)
    nothing_left(bench)
    bench.driver.unload()
    quiet_kernel(bench)
    return {"cycles": cycles, "before": before, "after": after}


def nothing_left(bench):
    """Our own counters of what is held must be zero when no device is."""
    left = {name: value for name, value in bench.driver.leftovers().items() if value}
    if left:
        bench.fail(f"still held with no device: {left}")


def quiet_kernel(bench, io_errors=False):
    """The guest's kernel must not have complained of anything, a grant still in use and perhaps I/O
    errors included."""
    lines = kernel_log.lines(
        bench.guest, kernel_log.COMPLAINTS + (f"|{kernel_log.IO_ERRORS}" if io_errors else "")
    )
    if lines:
        bench.fail(f"the kernel complained {len(lines)} times: {lines[0]}")


def finish(bench):
    """The driver out once the disk is away: nothing left, no I/O error and no complaint."""
    bench.driver.unload_block()
    nothing_left(bench)
    bench.driver.unload_core()
    quiet_kernel(bench, io_errors=True)


def stays(bench):
    """Xen writes to pages of pvkit.ko until the domain ends: the module says so, and does not
    go."""
    if not kernel_log.lines(bench.guest, "the module stays until the next boot"):
        bench.fail("pvkit.ko does not say that it stays")
    if bench.guest.sh("rmmod pvkit", check=False).status == 0:
        bench.fail("pvkit.ko went although Xen writes to pages of its")


def block_reload(bench):
    """load, verified I/O and unload with the disk plugged in all along, --cycles times (10)"""
    guest, disk = bench.guest, bench.disk
    cycles = bench.cycles(10)
    disk.attach(wait=False)
    before = leaks.held(guest)
    for cycle in range(cycles):
        say(f"{guest.kind.upper()}: load and unload {cycle + 1} of {cycles}")
        bench.driver.load()
        disk.appear()
        checked_io(bench, cycle)
        bench.driver.unload_block()
        nothing_left(bench)
        bench.driver.unload_core()
    after = leaks.held(guest)
    leaks.same(before, after, f"{cycles} load/unload cycles", bench.folder)
    quiet_kernel(bench)
    return {"cycles": cycles, "before": before, "after": after}
