# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""own-kexec: another kernel is started from within the guest, and takes everything over from the first."""
import time

from . import fiojobs, tools
from .say import LabError, say
from .scenario_cycles import nothing_left, quiet_kernel

MIB = 4
LIMIT = 120


def own_kexec(bench):
    """kexec into the same kernel with the disk in use: pvkit.ko loads anew, xenstore answers, verified I/O on the old data"""
    guest, disk = bench.guest, bench.disk
    tools.bring(bench)
    bring_kernel(bench)
    bench.driver.load()
    disk.attach()
    fiojobs.verified_write(guest, disk.name, 32, "split", MIB)
    digest = disk.same_bytes(MIB)
    seconds = go(bench)
    guest.settle_in()
    bench.driver.bring()
    bench.driver.load()
    disk.appear()
    if disk.same_bytes(MIB) != digest:
        bench.fail("the next kernel reads other bytes than the last one wrote")
    fiojobs.verified_write(guest, disk.name, 32, "split", MIB, seed=2)
    disk.same_bytes(MIB)
    disk.detach()
    nothing_left(bench)
    bench.driver.unload()
    quiet_kernel(bench)
    return {"digest": digest, "seconds": seconds}


def bring_kernel(bench):
    """The kernel's own file and the initramfs that the guest was booted with."""
    guest = bench.guest
    place = bench.machine.job / "kexec"
    place.mkdir(exist_ok=True)
    (place / "vmlinuz").write_bytes(guest.kernel.vmlinuz.read_bytes())
    (place / "initramfs.gz").write_bytes(guest.files["initramfs.gz"].read_bytes())
    bench.machine.dom0_sh("tar c -C /job/kexec -f /job/kexec.tar vmlinuz initramfs.gz")
    guest.sh("mkdir -p /tmp/next && tar x -C /tmp/next", input="/job/kexec.tar")


def go(bench):
    """Seconds until the next kernel answers."""
    guest = bench.guest
    boot = boot_id(guest)
    guest.sh("kexec -s -l /tmp/next/vmlinuz --initrd=/tmp/next/initramfs.gz --reuse-cmdline", what=f"{guest.kind}: kexec -l")
    say(f"{guest.kind.upper()}: kexec")
    guest.submit("sleep 1; sync; kexec -e")
    return await_other(bench, boot)


def await_other(bench, boot):
    """Seconds until the agent of another kernel answers."""
    guest, begin = bench.guest, time.monotonic()
    while time.monotonic() < begin + LIMIT:
        time.sleep(3)
        try:
            if boot_id(guest) != boot:
                return round(time.monotonic() - begin, 1)
        except LabError:
            pass
    raise LabError(f"{guest.kind}: after kexec nothing answers for {LIMIT} s", bench.folder)


def boot_id(guest):
    return guest.sh("cat /proc/sys/kernel/random/boot_id", 60, patience=60).out.strip()
