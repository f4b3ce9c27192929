# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""own-choices: each way of event delivery and each grant table that pvkit.ko can choose, under verified I/O."""
from . import fiojobs
from .say import say
from .scenario_cycles import nothing_left, quiet_kernel

MIB = 4
# Parameters of pvkit.ko, and what its hypervisor file must say of them. FIFO cannot be left again: the guest is started anew
# after it. Nor can a vector, which Xen prefers to the line: the line comes after a start.
CHOICES = {
    "": {"events": "2-level", "upcalls": "vector", "grant_version": "1"},
    "grant_version=2": {"grant_version": "2"},
    "fifo=1": {"events": "fifo", "upcalls": "vector"},
    "upcall=line": {"upcalls": "line", "events": "2-level"},
    "fifo=1 upcall=line": {"events": "fifo", "upcalls": "line"},
}


def own_choices(bench):
    """2-level and FIFO channels, vectors and Xen's interrupt line, both versions of the grant table: pvkit.ko says which, I/O is right"""
    seen = {}
    for words, expected in CHOICES.items():
        say(f"{bench.guest.kind.upper()}: pvkit.ko {words or 'as it comes'}")
        seen[words or "default"] = one_choice(bench, words, expected)
    return {"choices": seen}


def one_choice(bench, words, expected):
    """Load with the parameters, verify, unload."""
    bench.driver.load(core=words)
    bench.disk.attach()
    said = bench.driver.hypervisor()
    wrong = {name: said.get(name) for name, value in expected.items() if said.get(name) != value}
    if wrong:
        bench.fail(f"pvkit.ko {words}: expected {expected}, found {wrong}")
    fiojobs.verified_write(bench.guest, bench.disk.name, 32, "split", MIB, seed=len(words))
    bench.disk.same_bytes(MIB)
    bench.disk.detach()
    bench.driver.unload_block()
    nothing_left(bench)
    quiet_kernel(bench, io_errors=True)
    if "fifo" in words:
        stays(bench)
        bench.restart()
    else:
        bench.driver.unload_core()
    return {name: said[name] for name in ("events", "upcalls", "upcall_cpus", "grant_version", "frames")}


def stays(bench):
    """Xen goes on writing to the pages of FIFO channels: the module must refuse to go."""
    if bench.guest.sh("rmmod pvkit", check=False).status == 0:
        bench.fail("pvkit.ko went although Xen has its FIFO pages")
