# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""own-cpus: where the interrupts of each queue land, and what happens when one is moved or its CPU
goes."""
from . import leaks
from .busy import Busy
from .say import say
from .scenario_cycles import nothing_left, quiet_kernel
from .scenario_modes import BACKEND_QUEUES, backend_queues
from .scenario_queues import job_per_cpu

JOB = "--bs=4k --iodepth=8"
CYCLES = 3


def own_cpus(bench):
    """a queue's events come to its CPU (/proc/interrupts), also when it is moved; under I/O CPUs go
    off and on (--vcpus 2 or more)"""
    guest, disk, cpus = bench.guest, bench.disk, bench.options.vcpus
    backend_queues(bench)
    bench.driver.load()
    before = leaks.held(guest)
    disk.attach()
    job_per_cpu(bench, JOB, 1)
    landed = rows(bench)
    queues = min(BACKEND_QUEUES, cpus)
    homes = [max(range(cpus), key=counts.__getitem__) for counts in landed.values()]
    say(f"{guest.kind.upper()}: {landed}")
    if (
        len(landed) != queues
        or len(set(homes)) != queues
        or any(sum(c) != max(c) or not max(c) for c in landed.values())
    ):
        bench.fail(f"the interrupts of {queues} queues are not each on a CPU of its own: {landed}")
    moved = move(bench, next(iter(landed)))
    with Busy(guest, disk.name) as busy:
        cycles = [off_and_on(bench, busy, 1 + n % (cpus - 1)) for n in range(bench.cycles(CYCLES))]
        rounds = busy.stop()
    disk.same_bytes()
    disk.detach()
    leaks.same(before, leaks.held(guest), "moves and CPUs that went", bench.folder)
    nothing_left(bench)
    bench.driver.unload()
    quiet_kernel(bench, io_errors=True)
    return {
        "interrupts": landed,
        "moved": moved,
        "cpus_off_and_on": cycles,
        "verified_rounds": rounds,
    }


def rows(bench):
    """{interrupt: its count on each CPU} of the disk's queues; a CPU that is off has no column."""
    head, *lines = bench.guest.sh("sed -n '1p; /pvkit.*vbd-/p' /proc/interrupts").out.splitlines()
    columns = [int(name.removeprefix("CPU")) for name in head.split()]
    found = {}
    for line in lines:
        number, *words = line.split()
        counts = dict(zip(columns, map(int, words[: len(columns)])))
        found[int(number.rstrip(":"))] = [counts.get(cpu, 0) for cpu in range(bench.options.vcpus)]
    return found


def move(bench, number):
    """The first queue's interrupt to every CPU in turn, as irqbalance would; back to the first."""
    cpus = [*range(bench.options.vcpus), 0]
    for cpu in cpus:
        bench.guest.sh(f"echo {1 << cpu:x} > /proc/irq/{number}/smp_affinity")
        # The first event still comes to the old one, and moves the channel.
        job_per_cpu(bench, JOB, 1)
        old = rows(bench)[number]
        job_per_cpu(bench, JOB, 1)
        grown = [now - before for now, before in zip(rows(bench)[number], old)]
        if grown[cpu] == 0 or sum(grown) != grown[cpu]:
            bench.fail(f"interrupt {number} was moved to CPU {cpu}, its events came as {grown}")
    return cpus


def off_and_on(bench, busy, cpu):
    """The CPU goes and comes back under I/O, none of which stays behind; its queue's events go on
    elsewhere."""
    online = f"/sys/devices/system/cpu/cpu{cpu}/online"
    bench.guest.sh(f"echo 0 > {online}", what=f"CPU {cpu} off")
    busy.await_requests()
    old = total(rows(bench))
    busy.await_requests(300)
    meanwhile = total(rows(bench)) - old
    bench.guest.sh(f"echo 1 > {online}", what=f"CPU {cpu} on")
    busy.await_requests()
    busy.await_rounds()
    if meanwhile <= 0:
        bench.fail(f"no event came while CPU {cpu} was off")
    return {"cpu": cpu, "interrupts_meanwhile": meanwhile}


def total(counts):
    return sum(map(sum, counts.values()))
