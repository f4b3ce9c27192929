# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""own-faults: an allocation or a hypercall fails in pvkit.ko and pvkit-blkfront.ko, each in its
turn; nothing may be left behind."""
import re
import tarfile
import time

from . import fiojobs, kernel_log, leaks
from .driver import MODULES, build_modules
from .say import LabError, say
from .scenario_cycles import nothing_left, quiet_kernel

FOLDER = "/faults"
PARAMETERS = "/sys/module/pvkit/parameters"
LIMIT = 1800
# What fails, in which doing, and for allocations in whose: guest/faults.sh and kmod/pvkit/faults.h.
SWEEPS = [
    ("alloc", "load", "init"),
    ("alloc", "load", "cpu"),
    ("alloc", "load", "watch"),
    ("alloc", "unload", "exit"),
    ("hypercall", "load", "all"),
    ("hypercall", "unload", "all"),
    ("alloc", "connect", "disk-init"),
    ("alloc", "connect", "watch"),
    ("alloc", "disconnect", "disk-exit"),
    ("hypercall", "connect", "all"),
    ("hypercall", "disconnect", "all"),
]
# event_channel_op, EVTCHNOP_close: Xen keeps that channel until the domain ends.
CLOSE = "faults: hypercall 32.3: "
# A disk, or a line of the log that says why there is none.
MET_BACKEND = """for i in $(seq 50); do [ -b /dev/xvda ] && echo disk && exit 0
dmesg | grep -E '(vbd-[0-9]+|xvda).*(fail|error|cannot|stays down)' && echo line && exit 0
    sleep 0.1
done
dmesg | tail -20
exit 1"""
# The kernel counts every allocation, but not those of its search for memory that nobody frees
# (session.WORDS).
PREPARE = """cd /sys/kernel/debug || exit 1
for f in failslab fail_page_alloc; do
    echo N > $f/ignore-gfp-wait && echo 0 > $f/verbose || exit 1
done
echo N > fail_page_alloc/ignore-gfp-highmem && echo 0 > fail_page_alloc/min-order || exit 1
echo Y > failslab/cache-filter || exit 1
[ $(cat /sys/kernel/slab/kmalloc-64/failslab) = 1 ] || exit 1
[ $(cat /sys/kernel/slab/kmemleak_object/failslab) = 0 ] || exit 1
echo scan > kmemleak && echo clear > kmemleak"""
# Only what is older than five seconds is looked at; what is moved while it is looked for is found
# the second time.
FORGOTTEN = (
    "sleep 6; for i in 1 2; do echo scan > /sys/kernel/debug/kmemleak; done; cat "
    "/sys/kernel/debug/kmemleak"
)
# Names that the kernel of 6.1 does not free when it cannot go on with what has the name.
KERNELS_OWN = re.compile(r"kobject_set_name_vargs\b.*\b(bus_register|sysfs_slab_add)\b", re.S)


def nobodys(text):
    """Of what kmemleak says the objects that are not the kernel's own to free."""
    mark = "unreferenced object"
    objects = [mark + about for about in text.split(mark)[1:]]
    return "".join(about for about in objects if not KERNELS_OWN.search(about)).strip()


def own_faults(bench):
    """the n-th allocation, the n-th hypercall of pvkit.ko fails, at load, unload, connecting and
    ending a disk, for every n (--cycles N: N of each sort)"""
    guest, disk = bench.guest, bench.disk
    bring(bench)
    disk.attach(wait=False)
    guest.sh(PREPARE, what="preparing the kernel's fault injection")
    sweeps, wrong = {}, []
    for kind, verb, where in SWEEPS:
        sweeps[f"{kind} {verb} {where}"] = sweep(bench, kind, verb, where, wrong)
    if wrong:
        bench.fail("\n".join(wrong)[:8000])
    plain_load(bench)
    disk.detach()
    bench.driver.unload()
    sweeps["hypercall attach"] = plugging(bench)
    forgotten = nobodys(guest.sh(FORGOTTEN, what="looking for memory that nobody frees").out)
    if forgotten:
        bench.fail(f"memory that nobody frees:\n{forgotten[:3000]}")
    return {"sweeps": sweeps}


def bring(bench):
    """Modules built with FAULTS=1 into the guest, beside the plain ones, in which there must be no
    trace of it."""
    plain = [
        name
        for name in MODULES["pvkit"]
        if b"pvk_faults" in (bench.driver.built / name).read_bytes()
    ]
    if plain:
        bench.fail(f"built to fail, though not with FAULTS=1: {', '.join(plain)}")
    built = build_modules(bench.guest.kernel, faults=True)
    place = bench.machine.job / "faults.tar"
    with tarfile.open(place, "w") as tar:
        for name in MODULES["pvkit"]:
            tar.add(built / name, f"{FOLDER}/{name}")
    bench.guest.push("/job/faults.tar")


def sweep(bench, kind, verb, where, wrong):
    """One sort of failure, call by call; returns what became of it. What went wrong is added to the
    list, so that one run shows it all."""
    guest = bench.guest
    before, begin = leaks.held(guest), time.monotonic()
    script = f"sh /lab/faults.sh {kind} {verb} {where} {bench.cycles(0)} '{kernel_log.COMPLAINTS}'"
    result = guest.sh(script, LIMIT, check=False, what=f"faults: {kind}, {verb}, {where}")
    if "cannot go on" in result.out or "calls" not in result.out:
        bench.fail("\n".join([*wrong, result.out.strip()[-6000:]]))
    if result.status:
        wrong.append(result.out.strip())
    counts = parse_counts(result.out)
    kept = counts.pop("closes", 0)
    before["events"] += kept
    try:
        leaks.back_to(guest, before, f"failures of {kind} in {verb}, {where}")
    except LabError as error:
        wrong.append(str(error))
    counts["seconds"] = round(time.monotonic() - begin)
    say(f"{guest.kind.upper()}: {kind}, {verb}, {where}: {counts}")
    if counts["steps"] == 0 or counts["unreached"] > counts["steps"] // 2:
        wrong.append(f"{kind}, {verb}, {where}: hardly anything was made to fail: {counts}")
    return counts


def parse_counts(text):
    """The last line of guest/faults.sh as {name: number}."""
    words = text.strip().splitlines()[-1].split()
    return {name: int(value) for name, value in zip(words[::2], words[1::2])}


def plain_load(bench):
    """After all that the modules as anybody has them serve the disk as ever."""
    bench.driver.load()
    bench.disk.appear()
    fiojobs.verified_write(bench.guest, bench.disk.name, 32, "split", 1)
    bench.disk.same_bytes(1)


def plugging(bench):
    """A hypercall fails while the toolstack attaches and detaches the disk; without a failure all
    is well again."""
    guest, steps, without = bench.guest, 0, 0
    before = leaks.held(guest)
    guest.sh(f"insmod {FOLDER}/pvkit.ko && insmod {FOLDER}/pvkit-blkfront.ko")
    reached = True
    while reached:
        steps += 1
        guest.sh(f"dmesg -c > /dev/null; echo {steps} > {PARAMETERS}/fail_hypercall")
        bench.disk.attach(wait=False)
        came = (
            guest.sh(MET_BACKEND, what=f"attaching while hypercall {steps} fails").out.split()[-1]
            == "disk"
        )
        bench.disk.detach()
        reached = (
            guest.sh(
                f"cat {PARAMETERS}/fail_hypercall; echo 0 > {PARAMETERS}/fail_hypercall"
            ).out.strip()
            == "0"
        )
        before["events"] += int(guest.sh(f"dmesg | grep -c '{CLOSE}' || true").out)
        without += not came
        quiet_kernel(bench)
        if not reached and not came:
            bench.fail("no hypercall was made to fail, and the disk did not come")
    nothing_left(bench)
    guest.sh("rmmod pvkit_blkfront && rmmod pvkit")
    leaks.back_to(guest, before, "hypercalls that fail at block-attach and block-detach")
    return {"calls": steps - 1, "steps": steps, "without": without}
