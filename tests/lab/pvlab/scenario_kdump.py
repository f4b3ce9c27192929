# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""own-kdump: the kernel panics with a disk in use; its crash kernel finds the disk, the data on it,
and writes a dump there."""
from .disk import DIGEST
from .say import say
from .scenario_cycles import quiet_kernel
from .scenario_kexec import MIB, after, await_other, before, boot_id, end

DUMP_MIB = 8
# Of the guest, and of these for the crash kernel: enough for both kernels with the lab's files.
NEED_MIB, CRASH_MIB = 448, 160
ORDERS = {"kdump first": "N", "after the panic notifiers": "Y"}  # crash_kexec_post_notifiers
LOAD = (
    "kexec -s -p /tmp/next/vmlinuz --initrd=/tmp/next/initramfs.gz "
    "--command-line=\"$(sed 's/crashkernel=[^ ]*//' /proc/cmdline) nr_cpus=1\""
)


def own_kdump(bench):
    """a panic under I/O, with kdump before and after the panic notifiers: in the crash kernel the
    disk has its old bytes and takes a dump (--memory 448 or more)"""
    guest = bench.guest
    if guest.memory < NEED_MIB:
        bench.fail(
            f"own-kdump needs --memory {NEED_MIB} or more: {CRASH_MIB} MiB are the crash kernel's"
        )
    guest.words = [f"crashkernel={CRASH_MIB}M"]
    seen = {}
    for name, notifiers in ORDERS.items():
        bench.restart()
        seen[name] = one_crash(bench, name, notifiers)
    guest.words = []
    bench.restart()
    return {"crashes": seen}


def one_crash(bench, name, notifiers):
    """Panic on the last CPU with fio running, and look at it from the crash kernel."""
    guest, disk = bench.guest, bench.disk
    digest = before(bench)
    boot, domain = boot_id(guest), guest.domid
    guest.sh(LOAD, what=f"{guest.kind}: kexec -p")
    guest.sh(
        f"[ $(cat /sys/kernel/kexec_crash_loaded) = 1 ] && echo {notifiers} > "
        "/sys/module/kernel/parameters/crash_kexec_post_notifiers"
    )
    say(f"{guest.kind.upper()}: a panic, {name}")
    guest.submit(reads_and_panic(guest, disk))
    seconds = await_other(bench, boot)
    if guest.find() != domain:
        bench.fail(f"the crash kernel runs in domain {guest.domid}, the panic was in {domain}")
    after(bench, digest, "the crash kernel")
    dumped = dump(bench)
    end(bench)
    facts = {
        "seconds": seconds,
        "digest": digest,
        "dump": dumped,
        "grant_references_free": bench.driver.hypervisor()["grant_references_free"],
    }
    bench.driver.unload()
    quiet_kernel(bench)
    return facts


def reads_and_panic(guest, disk):
    """Requests are in flight when the kernel panics, reads alone so that the bytes are known."""
    fio = (
        f"fio --name=reads --filename=/dev/{disk.name} --ioengine=io_uring --direct=1 "
        "--rw=randread --bs=64k --iodepth=32 "
        "--time_based --runtime=60 > /dev/null 2>&1 &"
    )
    return (
        f"{fio}\nsleep 3\ntaskset {1 << (guest.vcpus - 1):x} sh -c 'echo c > /proc/sysrq-trigger'"
    )


def dump(bench):
    """The beginning of the old kernel's memory goes to the disk; dom0 has the same bytes, and they
    are a dump."""
    guest, disk = bench.guest, bench.disk
    say(f"{guest.kind.upper()}: a dump of {DUMP_MIB} MiB")
    guest.sh(
        f"dd if=/proc/vmcore of=/dev/{disk.name} bs=1M count={DUMP_MIB} seek={MIB} iflag=fullblock "
        "oflag=direct conv=notrunc 2>/dev/null",
        what=f"{guest.kind}: writing a dump",
    )
    here = guest.sh(
        f"dd if=/proc/vmcore bs=1M count={DUMP_MIB} iflag=fullblock 2>/dev/null | {DIGEST}"
    ).out.split()[0]
    there = bench.machine.dom0_sh(
        f"dd if={disk.node} bs=1M skip={MIB} count={DUMP_MIB} iflag=direct 2>/dev/null | {DIGEST}"
    ).out.split()[0]
    magic = bench.machine.dom0_sh(
        f"dd if={disk.node} bs=1M skip={MIB} count=1 2>/dev/null | head -c 4 | tail -c 3"
    ).out
    if here != there or magic != "ELF":
        bench.fail(
            f"the dump is {there} in dom0, which begins with {magic!r}, and {here} in the crash "
            "kernel"
        )
    return there
