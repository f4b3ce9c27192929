# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""own-choices: each way of event delivery and each grant table that pvkit.ko can choose, under
verified I/O and across a restore."""
from . import fiojobs, leaks, moves
from .busy import Busy
from .say import say
from .scenario_cycles import nothing_left, quiet_kernel, stays
from .scenario_save import one_move

MIB = 4
PARAMETERS = "/sys/module/pvkit/parameters"
# Parameters of pvkit.ko, and what its hypervisor file must say of them. FIFO cannot be left again:
# the guest is started anew after it. Nor can a vector, which Xen prefers to the line: the line
# comes after a start.
CHOICES = {
    "": {"events": "2-level", "upcalls": "vector", "grant_version": "1"},
    "grant_version=2": {"grant_version": "2"},
    "fifo=1 fifo_priority=2": {"events": "fifo", "upcalls": "vector", "priorities_refused": "0"},
    "upcall=line": {"upcalls": "line", "events": "2-level"},
    "fifo=1 upcall=line": {"events": "fifo", "upcalls": "line", "priorities_refused": "0"},
}
# The first is how block-save-restore moves a guest.
MOVED = list(CHOICES)[1:]
# What makes no sense is not taken for anything: the module does not load.
NONSENSE = ("fifo=1 fifo_priority=16", "grant_version=3", "upcall=lines")


def own_choices(bench):
    """2-level and FIFO channels, vectors and Xen's interrupt line, both versions of the grant
    table: pvkit.ko says which, I/O is right, after a restore too"""
    seen = {}
    for words, expected in CHOICES.items():
        say(f"{bench.guest.kind.upper()}: pvkit.ko {words or 'as it comes'}")
        seen[words or "default"] = one_choice(bench, words, expected)
    for words in NONSENSE:
        refused(bench, words)
    return {"choices": seen}


def one_choice(bench, words, expected):
    """Load with the parameters, verify, be restored, unload."""
    bench.driver.load(core=words)
    before = leaks.held(bench.guest)
    bench.disk.attach()
    said = settled(bench, words, expected)
    fiojobs.verified_write(bench.guest, bench.disk.name, 32, "split", MIB, seed=len(words))
    bench.disk.same_bytes(MIB)
    if words in MOVED:
        restored(bench)
        said = settled(bench, words, expected)
    bench.disk.detach()
    leaks.same(before, leaks.held(bench.guest), words, bench.folder)
    bench.driver.unload_block()
    nothing_left(bench)
    quiet_kernel(bench, io_errors=True)
    if "fifo" in words:
        stays(bench)
        bench.restart()
    else:
        bench.driver.unload_core()
    return {
        name: said[name] for name in ("events", "upcalls", "upcall_cpus", "grant_version", "frames")
    }


def settled(bench, words, expected):
    """What pvkit.ko says it has, which must be what was asked for; its parameters are as they were
    given."""
    said = bench.driver.hypervisor()
    wrong = {name: said.get(name) for name, value in expected.items() if said.get(name) != value}
    if wrong:
        bench.fail(f"pvkit.ko {words}: expected {expected}, found {wrong}")
    for name, value in (word.split("=") for word in words.split()):
        found = bench.guest.sh(f"cat {PARAMETERS}/{name}").out.strip()
        if found != {"fifo": "Y"}.get(name, value):
            bench.fail(f"pvkit.ko {words}: its parameter {name} is {found}")
    return said


def restored(bench):
    """Saved and restored under verified I/O, which goes on."""
    with Busy(bench.guest, bench.disk.name, mib=MIB) as busy:
        one_move(bench, busy, "save-restore", moves.save_restore)
        busy.stop()
    bench.disk.same_bytes(MIB)


def refused(bench, words):
    """The module does not load, and nothing is in its way afterwards."""
    if bench.guest.sh(f"insmod /modules/pvkit.ko {words}", check=False).status == 0:
        bench.fail(f"pvkit.ko took {words}")
    bench.driver.load()
    bench.driver.unload()
