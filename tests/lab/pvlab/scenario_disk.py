# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""block-resize and block-readonly: what the administrator changes of a disk, as the guest sees
it."""
from . import fiojobs
from .busy import Busy
from .disk import Disk
from .say import say
from .scenario_cycles import nothing_left, quiet_kernel

GROW_MIB = 16  # each time
READ_MIB = 8  # compared on a disk that cannot be written
# Must fail each, the second after the guest's root has tried to lift the protection; prints what
# did not.
REFUSED = """
disk=/dev/{0}
[ "$(cat /sys/block/{0}/ro)" = 1 ] || echo ro
dd if=/dev/zero of=$disk bs=4k count=1 oflag=direct conv=notrunc 2>/dev/null && echo dd
blockdev --setrw $disk 2>/dev/null
dd if=/dev/zero of=$disk bs=4k count=1 conv=notrunc,fsync 2>/dev/null && echo 'dd after setrw'
blkdiscard $disk 2>/dev/null && echo blkdiscard
true
"""


def block_resize(bench):
    """the backing grows under verified I/O; the guest sees it and uses the new part"""
    guest, disk = bench.guest, bench.disk
    first, cycles = disk.mib, bench.cycles(2)
    bench.driver.load()
    disk.attach()
    with Busy(guest, disk.name) as busy:
        for cycle in range(cycles):
            old = disk.mib
            say(
                f"{guest.kind.upper()}: the disk grows from {old} to {old + GROW_MIB} MiB under I/O"
            )
            disk.resize(old + GROW_MIB)
            disk.appear(mib=disk.mib)
            fiojobs.verified_write(
                guest, disk.name, 32, "split", GROW_MIB, seed=cycle + 1, offset_mib=old
            )
        rounds = busy.stop()
    disk.same_bytes()
    sizes, disk_is = [first, disk.mib], bench.driver.features(disk.name)
    disk.detach()
    disk.resize(first)
    nothing_left(bench)
    bench.driver.unload()
    quiet_kernel(bench, io_errors=True)
    return {"cycles": cycles, "mib": sizes, "verified_rounds": rounds, "features": disk_is}


def block_readonly(bench):
    """a disk attached read-only, and in a PV guest a CD: reads are right, every write is refused"""
    guest, disk = bench.guest, bench.disk
    bench.driver.load()
    seen = {"disk": protected(bench, disk, "")}
    # an HVM or PVH guest leaves CDs to the emulated drive, as xen-blkfront does
    if guest.kind == "pv":
        with Disk(guest, "loop", READ_MIB, "xvdb") as medium:
            seen["cdrom"] = protected(bench, medium, "devtype=cdrom,")
    nothing_left(bench)
    bench.driver.unload()
    quiet_kernel(bench)
    return {"read_only": seen}


def protected(bench, disk, more):
    """Attach with random content, compare, try to write in every way, compare again; the features
    file of our driver."""
    say(f"{bench.guest.kind.upper()}: {disk.name} read-only {more.rstrip(',')}")
    bench.machine.dom0_sh(
        f"dd if=/dev/urandom of={disk.node} bs=1M count={READ_MIB} conv=notrunc,fsync 2>/dev/null"
    )
    disk.attach(access="ro", more=more)
    before = disk.same_bytes(READ_MIB)
    wrong = bench.guest.sh(
        REFUSED.format(disk.name), what=f"{bench.guest.kind} guest: writing to a read-only disk"
    ).out.split("\n")
    wrong = [line for line in wrong if line]
    if wrong:
        bench.fail(f"{disk.name} is attached read-only, and yet: {', '.join(wrong)}")
    if disk.same_bytes(READ_MIB) != before:
        bench.fail(f"{disk.name} is attached read-only and has changed")
    features = bench.driver.features(disk.name)
    expected = {"read_only": "1", "cdrom": "1" if "cdrom" in more else "0"}
    if features and any(features.get(key) != value for key, value in expected.items()):
        bench.fail(f"{disk.name}: features {features}, expected {expected}")
    disk.detach()
    return features
