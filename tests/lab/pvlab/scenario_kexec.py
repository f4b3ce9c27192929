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
    digest = before(bench)
    seconds = go(bench)
    after(bench, digest, "the next kernel")
    end(bench)
    bench.driver.unload()
    quiet_kernel(bench)
    return {"digest": digest, "seconds": seconds}


def before(bench):
    """All that another kernel needs, and a disk whose bytes it is to find: their digest."""
    tools.bring(bench)
    bring_kernel(bench)
    bench.driver.load()
    bench.disk.attach()
    fiojobs.verified_write(bench.guest, bench.disk.name, 32, "split", MIB)
    return bench.disk.same_bytes(MIB)


def after(bench, digest, who):
    """Another kernel runs: pvkit.ko finds the disk, with its old bytes."""
    bench.guest.settle_in()
    bench.driver.bring()
    bench.driver.load()
    bench.disk.appear()
    if bench.disk.same_bytes(MIB) != digest:
        bench.fail(f"{who} reads other bytes than were written before it")


def end(bench):
    """New bytes are verified too, and nothing of the disk is left."""
    fiojobs.verified_write(bench.guest, bench.disk.name, 32, "split", MIB, seed=2)
    bench.disk.same_bytes(MIB)
    bench.disk.detach()
    nothing_left(bench)


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
