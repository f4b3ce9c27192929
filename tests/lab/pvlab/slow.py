# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""A slow backend: blkback's threads in a control group of dom0 with few requests a second, so that
many are always in flight."""
import time

from .say import LabError

GROUP = "/sys/fs/cgroup/slow"
# Slow enough for answers while the guest is stored, quick enough to be done before its blocks are
# written again.
PER_SECOND = 100
MANY = 8  # in flight, when something is to happen to them
PATIENCE = 60  # seconds until so many are

SLOW = """
mountpoint -q /sys/fs/cgroup || mount -t cgroup2 cgroup /sys/fs/cgroup
mkdir -p {group} && echo +io > /sys/fs/cgroup/cgroup.subtree_control
echo "$(cat /sys/block/{block}/dev) riops={limit} wiops={limit}" > {group}/io.max || exit 1
for p in /proc/[0-9]*; do
    read -r name 2> /dev/null < $p/comm || continue  # no cat: a fork each takes seconds in all
    case "$name" in
    {domid}.{disk}*) echo ${{p#/proc/}} > {group}/cgroup.procs || exit 1 ;;
    esac
done
# A restored guest may not have met its backend yet, whose thread is then another one that nothing
# slows down.
[ {limit} = max ] || [ -n "$(cat {group}/cgroup.procs)" ]
"""


def limit(disk, per_second):
    """Let the backend do so many requests a second; "max" lifts it."""
    block = disk.node.removeprefix("/dev/")
    script = SLOW.format(
        group=GROUP, block=block, limit=per_second, domid=disk.guest.domid, disk=disk.vdev
    )
    disk.machine.dom0_sh(script, what=f"dom0: {per_second} requests a second")


def fill(disk):
    """Slow the backend down and wait until many requests are in flight."""
    limit(disk, PER_SECOND)
    end = time.monotonic() + PATIENCE
    while sum(map(int, disk.guest.sh(f"cat /sys/block/{disk.name}/inflight").out.split())) < MANY:
        if time.monotonic() > end:
            raise LabError(
                f"never more than {MANY} requests in flight within {PATIENCE} s",
                disk.machine.folder,
            )
        time.sleep(0.1)
