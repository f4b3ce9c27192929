# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""block-silent: a backend that answers late, and one that answers no more."""
from . import kernel_log, leaks
from .disk import Disk
from .say import say
from .scenario_cycles import quiet_kernel

SILENT_SECONDS = 5
LIMIT = 3  # request_timeout of the part where the backend is given up
GIVEN_UP = "does not answer; the device is given up"
PARAMETERS = "/sys/module/pvkit_blkfront/parameters"
# A loop device on a file of a file system that can be frozen: then writes wait, the backend with
# them.
STORAGE = """set -e
mkdir -p /tmp/frost
truncate -s 24M /tmp/frost.img
mke2fs -q -F -t ext4 /tmp/frost.img
mount -o loop /tmp/frost.img /tmp/frost
truncate -s 8M /tmp/frost/disk.img
losetup -f --show /tmp/frost/disk.img
"""
FREEZE, THAW = "fsfreeze -f /tmp/frost", "fsfreeze -u /tmp/frost"
WRITE = "dd if=/tmp/pattern of=/dev/{0} bs=64k count=1 oflag=direct conv=notrunc 2>/tmp/dd.err"


def block_silent(bench):
    """the backend answers late: I/O waits and is right; it answers no more: the disk is given up,
    the guest is not"""
    if bench.driver.name != "pvkit":
        bench.fail("xen-blkfront waits for ever: there is nothing to see")
    bench.driver.load()
    before = leaks.held(bench.guest)
    node = bench.machine.dom0_sh(STORAGE, what="dom0: storage that can be frozen").out.split()[-1]
    try:
        seen = {"late": late(bench, node), "never": never(bench, node)}
    finally:
        bench.machine.dom0_sh(
            f"{THAW} 2>/dev/null; losetup -d {node}; umount /tmp/frost; rm -f /tmp/frost.img",
            check=False,
        )
    leaks.back_to(bench.guest, before, "a silent backend")
    bench.driver.unload()
    quiet_kernel(bench)
    return seen


def attached(bench, node, limit):
    """The disk, with timeouts of a second each and so many until the backend is given up."""
    disk = Disk(bench.guest)
    disk.node = node
    bench.guest.sh(
        f"echo {limit} > {PARAMETERS}/request_timeout; dd if=/dev/urandom of=/tmp/pattern bs=64k "
        "count=1 2>/dev/null"
    )
    disk.attach()
    bench.guest.sh(f"echo 1000 > /sys/block/{disk.name}/queue/io_timeout")
    return disk


def late(bench, node):
    """The answer comes after several timeouts, and is as good as any."""
    say(f"{bench.guest.kind.upper()}: a backend that answers late")
    disk = attached(bench, node, 300)
    bench.machine.dom0_sh(FREEZE)
    bench.guest.sh(
        f"({WRITE.format(disk.name)}; echo $? > /tmp/dd.status) < /dev/null > /dev/null 2>&1 & "
        f"sleep {SILENT_SECONDS}; [ ! -e /tmp/dd.status ]",
        what="a write without an answer waits",
    )
    timeouts = sum(queue["timeouts"] for queue in bench.driver.queues(disk.name))
    bench.machine.dom0_sh(THAW)
    bench.guest.sh(
        "for i in $(seq 100); do [ -e /tmp/dd.status ] && break; sleep 0.1; done; [ $(cat "
        "/tmp/dd.status) = 0 ] && "
        f"dd if=/dev/{disk.name} bs=64k count=1 iflag=direct 2>/dev/null | cmp - /tmp/pattern",
        what="the late answer",
    )
    if timeouts < SILENT_SECONDS - 3:
        bench.fail(f"{timeouts} timeouts in {SILENT_SECONDS} seconds without an answer")
    disk.detach()
    return {"timeouts": timeouts}


def never(bench, node):
    """The write fails after the limit, with a line, and the disk goes."""
    guest = bench.guest
    say(f"{guest.kind.upper()}: a backend that answers no more")
    disk = attached(bench, node, LIMIT)
    bench.machine.dom0_sh(FREEZE)
    out = guest.sh(
        f"t=$(date +%s); {WRITE.format(disk.name)}; echo $? $(($(date +%s) - t))",
        60,
        what="a write that is never answered",
    ).out
    status, seconds = (int(word) for word in out.split()[-2:])
    if status == 0 or len(kernel_log.lines(guest, GIVEN_UP)) != 1:
        bench.fail(
            f"a write without an answer ended with {status} after {seconds} s, without the line "
            f"'{GIVEN_UP}'"
        )
    bench.machine.dom0_sh(THAW)
    disk.detach()
    return {"seconds": seconds}
