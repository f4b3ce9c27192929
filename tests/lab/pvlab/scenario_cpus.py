# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""own-cpus: where the interrupts of each queue land, and what happens when one is moved or its CPU goes."""
from . import leaks
from .busy import Busy
from .say import say
from .scenario_modes import BACKEND_QUEUES, backend_queues
from .scenario_queues import finish, job_per_cpu

LAST_CYCLES = 3


def own_cpus(bench):
    """a queue's events come to its CPU (/proc/interrupts); under I/O they are moved, and CPUs go off and on (--vcpus 2 or more)"""
    guest, disk, cpus = bench.guest, bench.disk, bench.options.vcpus
    backend_queues(bench)
    bench.driver.load()
    disk.attach()
    before = leaks.held(guest)
    job_per_cpu(bench, "--bs=4k --iodepth=8", 1)
    landed = rows(bench)
    queues = min(BACKEND_QUEUES, cpus)
    homes = [max(range(cpus), key=counts.__getitem__) for counts in landed.values()]
    say(f"{guest.kind.upper()}: {landed}")
    if len(landed) != queues or len(set(homes)) != queues or any(sum(c) != max(c) or not max(c) for c in landed.values()):
        bench.fail(f"the interrupts of {queues} queues are not each on a CPU of its own: {landed}")
    with Busy(guest, disk.name) as busy:
        moved = move(bench, busy, next(iter(landed)), cpus)
        cycles = [off_and_on(bench, busy, 1 + n % (cpus - 1)) for n in range(bench.options.cycles or LAST_CYCLES)]
        rounds = busy.stop()
    disk.same_bytes()
    leaks.same(before, leaks.held(guest), "moves and CPUs that went", bench.folder)
    finish(bench)
    return {"interrupts": landed, "moved": moved, "cpus_off_and_on": cycles, "verified_rounds": rounds}


def rows(bench):
    """{interrupt: its count on each CPU} of the disk's queues."""
    text = bench.guest.sh("grep 'pvkit.*vbd-' /proc/interrupts").out
    found = {}
    for line in text.splitlines():
        number, *words = line.split()
        found[int(number.rstrip(":"))] = [int(word) for word in words[:bench.options.vcpus]]
    return found


def move(bench, busy, number, cpus):
    """The first queue's interrupt to every CPU in turn, as irqbalance would."""
    for cpu in [*range(cpus), 0]:
        bench.guest.sh(f"echo {1 << cpu:x} > /proc/irq/{number}/smp_affinity")
        busy.await_requests()
        old = rows(bench)[number]
        busy.await_requests(300)
        grown = [now - before for now, before in zip(rows(bench)[number], old)]
        if grown[cpu] == 0 or sum(grown) != grown[cpu]:
            bench.fail(f"interrupt {number} was moved to CPU {cpu}, its events came as {grown}")
    return [*range(cpus), 0]


def off_and_on(bench, busy, cpu):
    """The CPU goes and comes back under I/O, none of which stays behind."""
    online = f"/sys/devices/system/cpu/cpu{cpu}/online"
    bench.guest.sh(f"echo 0 > {online}", what=f"CPU {cpu} off")
    busy.await_requests()
    old = rows(bench)
    busy.await_requests(300)
    bench.guest.sh(f"echo 1 > {online}", what=f"CPU {cpu} on")
    busy.await_requests()
    busy.await_rounds()
    return {"cpu": cpu, "interrupts_meanwhile": {n: sum(c) - sum(old.get(n, [0])) for n, c in rows(bench).items()}}
