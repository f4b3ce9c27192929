# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""own-kexec: another kernel is started from within the guest, and takes everything over from the
first."""
import time

from . import fiojobs, kernel_log, tools
from .say import LabError, say
from .scenario_cycles import nothing_left, quiet_kernel
from .scenario_services import follow, given, memory_in_xen, still, until

MIB = 4
LIMIT = 120
SMALLER_MIB = (
    32  # what the guest gives up, much more than the 1 MiB that xl lets it have beyond its target
)
UNSAFE = "the new kernel is not safe"


def own_kexec(bench):
    """kexec into the same kernel with the disk in use: pvkit.ko loads anew, xenstore answers,
    verified I/O on the old data; then with memory given up"""
    digest = before(bench)
    seconds = go(bench)
    after(bench, digest, "the next kernel")
    end(bench)
    bench.driver.unload()
    quiet_kernel(bench)
    if UNSAFE in console(bench):
        bench.fail("pvkit.ko says that a kernel with all of its memory is not safe")
    left = loaded_anew(bench)
    with_holes(bench)
    return {"digest": digest, "seconds": seconds, "pages_left": left}


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
    boot = boot_id(bench.guest)
    load_next(bench)
    say(f"{bench.guest.kind.upper()}: kexec")
    jump(bench)
    return await_other(bench, boot)


def load_next(bench):
    bench.guest.sh(
        "kexec -s -l /tmp/next/vmlinuz --initrd=/tmp/next/initramfs.gz --reuse-cmdline",
        what=f"{bench.guest.kind}: kexec -l",
    )


def jump(bench):
    bench.guest.submit("sleep 1; sync; kexec -e")


def loaded_anew(bench):
    """With a lower target pvkit.ko goes and comes again, as for an update: it finds what it gave
    up, and gives up no more. Returns pages."""
    tools.bring(bench)
    bring_kernel(bench)
    bench.driver.load()
    follow(bench, bench.options.memory - SMALLER_MIB)
    mib = memory_in_xen(bench)
    say(f"{bench.guest.kind.upper()}: loaded anew with {SMALLER_MIB} MiB given up")
    bench.driver.unload()
    left = number(bench, "the host has no memory for [0-9]+ pages: the next load has them", "for ")
    bench.driver.load()
    if (found := number(bench, "an earlier load gave [0-9]+ pages up", "gave ")) != left:
        bench.fail(f"pvkit.ko left {left} pages, and finds {found}")
    until(
        bench, lambda: given(bench) == SMALLER_MIB, f"the balloon is not at {SMALLER_MIB} MiB again"
    )
    if (still(bench), memory_in_xen(bench)) != (SMALLER_MIB, mib):
        bench.fail(
            f"loaded anew the balloon has {given(bench)} MiB and the guest {memory_in_xen(bench)}, "
            f"not {SMALLER_MIB} and {mib}"
        )
    return left


def number(bench, line, word):
    """The number after a word in the last line like that."""
    lines = kernel_log.lines(bench.guest, line)
    if not lines:
        bench.fail(f"pvkit.ko does not say: {line}")
    return int(lines[-1].partition(word)[2].split()[0])


def with_holes(bench):
    """The host has memory that the next kernel takes for its own: that is said before it starts.
    What becomes of it is not looked at."""
    load_next(bench)
    say(f"{bench.guest.kind.upper()}: kexec with {SMALLER_MIB} MiB given up")
    jump(bench)
    until(
        bench,
        lambda: f"{UNSAFE}: the host has " in console(bench),
        "pvkit.ko does not say that the new kernel is not safe",
        LIMIT,
    )
    bench.restart()


def console(bench):
    """What the kernel has said on its serial port: errors alone."""
    return (
        bench.machine.job / "log" / "console" / f"guest-{bench.guest.kind}-serial.log"
    ).read_text(errors="replace")


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
