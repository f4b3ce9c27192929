# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""own-many-cpus: more vCPUs than the shared page has records for, and events on those beyond."""
from . import fiojobs, leaks, moves
from .say import say
from .scenario_cpus import rows
from .scenario_cycles import nothing_left, quiet_kernel, stays

IN_PAGE = 32  # vCPUs with a record in the shared page
MIB = 2


def own_many_cpus(bench):
    """a queue's events on CPUs beyond the 32nd, one up before the module and one after, then
    restored, one of them down meanwhile (--vcpus 34 or more)"""
    guest, disk = bench.guest, bench.disk
    if guest.vcpus < IN_PAGE + 2:
        bench.fail(f"own-many-cpus needs --vcpus {IN_PAGE + 2} or more")
    turn(guest, IN_PAGE, 1)
    bench.driver.load()
    last = guest.vcpus - 1
    turn(guest, last, 1)
    all_take_upcalls(bench)
    before = leaks.held(guest)
    disk.attach()
    moved = on_each(bench, (IN_PAGE, last, 0))
    turn(guest, last, 0)
    moves.save_restore(guest)
    turn(guest, last, 1)
    all_take_upcalls(bench)
    restored = on_each(bench, (last, IN_PAGE, 0))
    disk.detach()
    leaks.same(before, leaks.held(guest), "moves beyond the 32nd CPU", bench.folder)
    bench.driver.unload_block()
    nothing_left(bench)
    stays(bench)
    quiet_kernel(bench, io_errors=True)
    bench.restart()
    return {"events": moved, "events_restored": restored}


def turn(guest, cpu, online):
    """On or off; the kernel has left all but the first alone so far (session.WORDS)."""
    guest.sh(
        f"echo {online} > /sys/devices/system/cpu/cpu{cpu}/online",
        what=f"{guest.kind}: CPU {cpu} to {online}",
    )


def all_take_upcalls(bench):
    said = bench.driver.hypervisor()["upcall_cpus"]
    if said != "3":
        bench.fail(f"{said} of 3 CPUs take upcalls")


def on_each(bench, cpus):
    """{CPU: events of the disk that came there} after its interrupt was moved to each."""
    number = next(iter(rows(bench)))
    return {cpu: events_on(bench, number, cpu) for cpu in cpus}


def events_on(bench, number, cpu):
    """Move a queue's interrupt there; how many events of verified I/O came to that CPU, and to it
    alone."""
    guest, disk = bench.guest, bench.disk
    say(f"{guest.kind.upper()}: interrupt {number} on CPU {cpu}")
    guest.sh(f"echo {cpu} > /proc/irq/{number}/smp_affinity_list")
    # The first event still comes to the old CPU, and moves the channel.
    fiojobs.verified_write(guest, disk.name, 8, "split", MIB)
    old = rows(bench)[number]
    fiojobs.verified_write(guest, disk.name, 8, "split", MIB, seed=cpu + 1)
    disk.same_bytes(MIB)
    grown = [now - before for now, before in zip(rows(bench)[number], old)]
    if grown[cpu] == 0 or sum(grown) != grown[cpu]:
        bench.fail(f"interrupt {number} was moved to CPU {cpu}, its events came as {grown}")
    return grown[cpu]
