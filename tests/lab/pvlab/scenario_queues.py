# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""block-queues, block-memory and block-polled: many queues, little memory, and completions that are
polled for."""
from . import fiojobs
from .say import say
from .scenario_bench import interrupts
from .scenario_cycles import finish
from .scenario_modes import BACKEND_QUEUES, backend_queues

JOB_MIB = 1  # of each job of block-queues
LEAST_REQUESTS = 50  # that each queue must have carried of the 512 that a job makes
LARGE = "max_ring_page_order=4 max_indirect_segments=256 max_queues=4"
LARGE_MIB = 16  # written and verified by all jobs together
PROCESSES = 300
POLL_QUEUES = 1
# Depth and sizes. None larger than a request can be: kernel 6.1 refuses to split polled I/O and
# io_uring tries it again for ever.
POLLED = ((1, "4k"), (32, "4k/70:16k/15:64k/15"))


def block_queues(bench):
    """as many queues as CPUs (--vcpus 4), a verifying job pinned to each; every queue carries its
    share"""
    guest, disk, cpus = bench.guest, bench.disk, bench.options.vcpus
    backend_queues(bench)
    bench.driver.load()
    disk.attach()
    queues = min(BACKEND_QUEUES, cpus)
    before = carried(bench, queues)
    say(f"{guest.kind.upper()}: {cpus} jobs on {cpus} CPUs, {queues} queues")
    verified = job_per_cpu(bench, "--bs=4k --iodepth=8", JOB_MIB)
    requests = [after - old for after, old in zip(carried(bench, queues), before)]
    if bench.driver.name == "pvkit" and min(requests) < LEAST_REQUESTS:
        bench.fail(f"the queues carried {requests} requests: one of them next to none")
    disk.same_bytes(JOB_MIB * cpus)
    disk.detach()
    finish(bench)
    return {"queues": queues, "requests": requests, "verified_bytes": verified}


def job_per_cpu(bench, shape, mib):
    """A verifying job pinned to each CPU, with a stretch of its own; the bytes that each has
    verified."""
    cpus = bench.options.vcpus
    more = (
        f"--rw=randwrite {shape} --size={mib}M --offset_increment={mib}M --numjobs={cpus} --thread "
        f"--cpus_allowed=0-{cpus - 1} --cpus_allowed_policy=split"
    )
    command = fiojobs.VERIFY.format(disk=bench.disk.name, seed=1, more=more)
    jobs = fiojobs.run_all(bench.guest, command, f"{bench.guest.kind}: fio {shape} on {cpus} CPUs")
    verified = [job["read"]["io_bytes"] for job in jobs]
    if verified != [mib << 20] * cpus:
        bench.fail(f"the jobs verified {verified} bytes of {mib} MiB each")
    return verified


def carried(bench, expected):
    """Requests of each queue so far by our counters, zeros with the in-tree driver; there must be
    as many queues as expected."""
    name = bench.disk.name
    seen = int(bench.guest.sh(f"ls /sys/block/{name}/mq | wc -l").out)
    if seen != expected:
        bench.fail(f"{seen} queues, expected {expected}")
    counters = bench.driver.queues(name)
    if counters and len(counters) != expected:
        bench.fail(f"the counters are of {len(counters)} queues, expected {expected}")
    return [queue["requests"] for queue in counters] or [0] * expected


def block_memory(bench):
    """the largest rings and requests in a small guest (--memory 192): large I/O and 300 processes
    side by side, no shortage"""
    guest, disk = bench.guest, bench.disk
    backend_queues(bench)
    free = available_kib(guest)
    bench.driver.load(LARGE if bench.driver.name == "pvkit" else "")
    disk.attach()
    say(
        f"{guest.kind.upper()}: large I/O in {bench.options.memory} MiB, {PROCESSES} short "
        "processes beside it"
    )
    ticket = guest.submit(f"sh /lab/selfproof.sh {PROCESSES}")
    verified = job_per_cpu(
        bench, "--bssplit=256k/30:1m/70 --iodepth=8", LARGE_MIB // bench.options.vcpus
    )
    proof = bench.machine.collect(ticket, 300, f"{guest.kind}: {PROCESSES} processes")
    if proof.status:
        bench.fail(
            f"of {PROCESSES} processes beside the I/O some failed: {proof.out.strip()[-500:]}"
        )
    busy = available_kib(guest)
    queues = bench.driver.queues(disk.name)
    beyond = [
        queue
        for queue in queues
        if queue["pool_pages"] > queue["pool_entries"] or not queue["requests"]
    ]
    if beyond:
        bench.fail(f"queues with more pages than planned, or without a request: {beyond}")
    disk.same_bytes()
    disk.detach()
    finish(bench)
    return {
        "verified_bytes": verified,
        "available_kib": {"before": free, "with_disk": busy, "after": available_kib(guest)},
        "pool_pages": [queue["pool_pages"] for queue in queues],
        "pool_entries": [queue["pool_entries"] for queue in queues],
    }


def available_kib(guest):
    """Memory that programs of the guest can still have."""
    return int(guest.sh("awk '/^MemAvailable/ { print $2 }' /proc/meminfo").out)


def block_polled(bench):
    """fio polls for its completions (io_uring, hipri) on queues without interrupts; verified"""
    guest, disk = bench.guest, bench.disk
    if bench.driver.name != "pvkit":
        bench.fail("block-polled: xen-blkfront has no queues to poll")
    backend_queues(bench)
    bench.driver.load(f"poll_queues={POLL_QUEUES}")
    disk.attach()
    features, polled = (
        bench.driver.features(disk.name),
        guest.sh(f"cat /sys/block/{disk.name}/queue/io_poll").out.strip(),
    )
    if polled != "1" or int(features.get("poll_queues", 0)) < 1:
        bench.fail(
            f"no queue can be polled: io_poll {polled}, poll_queues {features.get('poll_queues')}"
        )
    before, seen = interrupts(guest), []
    carried_before = bench.driver.queues(disk.name)[-1]["requests"]
    for depth, split in POLLED:
        say(f"{guest.kind.upper()}: polled I/O, depth {depth}, sizes {split}")
        more = (
            f"--rw=randwrite --hipri=1 --bssplit={split} --iodepth={depth} "
            f"--size={1 if depth == 1 else 8}M --offset={depth}M"
        )
        job = fiojobs.run(
            guest,
            fiojobs.VERIFY.format(disk=disk.name, seed=depth, more=more),
            f"{guest.kind}: polled I/O, depth {depth}",
        )
        seen.append(
            {
                "depth": depth,
                "requests": job["read"]["total_ios"] + job["write"]["total_ios"],
                "interrupts": interrupts(guest) - before,
            }
        )
        before = interrupts(guest)
    only_polled(bench, carried_before, sum(job["requests"] for job in seen))
    # And beside them the queues with interrupts.
    fiojobs.verified_write(guest, disk.name, 32, "split", 4)
    disk.same_bytes()
    disk.detach()
    finish(bench)
    return {"poll_queues": int(features["poll_queues"]), "polled": seen}


def only_polled(bench, before, requests):
    """The last queue is the polled one: it carried what fio did, and no interrupt of its own was
    taken."""
    last = bench.driver.queues(bench.disk.name)[-1]
    if last["interrupts"] or last["requests"] - before < requests:
        bench.fail(
            f"of {requests} polled requests the polled queue carried {last['requests'] - before}, "
            f"with {last['interrupts']} interrupts"
        )
