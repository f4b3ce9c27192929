# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""block-bench: the same jobs for every driver, with throughput and, in the counted clock, the cost
of one request."""
import re

from . import fiojobs
from .counting import PER_OP, Counter
from .say import say

KIB = 1024
BATCH = "--iodepth_batch_submit=16 --iodepth_batch_complete_min=8"
# name: (direction, block size, depth, more options, requests of the short counted run)
JOBS = {
    "randread-4k-d1": ("randread", 4 * KIB, 1, "", 500),
    "randread-4k-d32": ("randread", 4 * KIB, 32, "", 1000),
    "randread-4k-d32-batch16": ("randread", 4 * KIB, 32, BATCH, 1000),
    "randread-4k-d128": ("randread", 4 * KIB, 128, "", 1000),
    "read-128k-d8": ("read", 128 * KIB, 8, "", 200),
    "write-128k-d8": ("write", 128 * KIB, 8, "", 200),
    "read-1m-d4": ("read", KIB * KIB, 4, "", 40),
}
SECONDS = 3  # of each job in the real clock
JOB_LIMIT = 900  # seconds of the host for the three runs of a counted job
LONGER = 4  # the long counted run has so many times the requests of the short one


def command(job, disk, size_mib, end):
    """The fio command of a job; gtod_reduce and norandommap keep fio's own work out of the
    figures."""
    direction, size, depth, more, _ = JOBS[job]
    return (
        f"fio --name={job} --filename=/dev/{disk} --ioengine=io_uring --direct=1 --rw={direction} "
        f"--bs={size} "
        f"--iodepth={depth} {more} --size={size_mib}M --gtod_reduce=1 --norandommap --randrepeat=1 "
        f"{end} "
        "--output-format=json"
    )


def figures(job, result):
    """IOPS and MB/s of fio's JSON."""
    side = result["write" if JOBS[job][0] == "write" else "read"]
    return {"iops": round(side["iops"], 1), "mb_per_s": round(side["bw_bytes"] / 1e6, 2)}


def interrupts(guest):
    """Interrupts of block devices so far, by the guest's own count."""
    text = guest.sh("grep -E 'blkif|pvkit|xvd|ata_piix' /proc/interrupts || true").out
    return sum(
        int(n)
        for line in text.splitlines()
        for n in re.findall(r"(?<=\s)\d+(?=\s)", line.partition(":")[2])
    )


def real_job(bench, job, seconds):
    """One job against the wall clock; what one request cost is not known but for interrupts."""
    guest, disk = bench.guest, bench.disk
    before = interrupts(guest)
    end = f"--time_based --runtime={seconds}"
    result = fiojobs.run(guest, command(job, disk.name, disk.mib, end), f"{guest.kind}: {job}")
    done = result["read"]["total_ios"] + result["write"]["total_ios"]
    per_op = dict.fromkeys(PER_OP)
    per_op["interrupts"] = round((interrupts(guest) - before) / done, 4)
    return {**figures(job, result), "per_op": per_op}


def counted_job(bench, counter, job):
    """Two runs of different length between marks; their difference is the cost of the requests
    alone.

    A first run without marks takes what a driver does once (its persistent grants) out of the short
    one."""
    guest, first = bench.guest, JOBS[job][4] // bench.driver.fewer
    numbers = (first, first, first * LONGER)
    marks = counter.marks(3)
    texts = [
        f"{command(job, bench.disk.name, bench.disk.mib, limit(job, n))} > /tmp/run{i} 2>&1"
        for i, n in enumerate(numbers)
    ]
    script = "cd /tmp && " + " && ".join(
        f"{text} && mark {mark}" for text, mark in zip(texts, marks)
    )
    guest.sh(script, JOB_LIMIT, what=f"{guest.kind}: {job}, counted")
    results = [fiojobs.run(guest, f"cat /tmp/run{i}", f"{guest.kind}: {job}") for i in (1, 2)]
    sides = [result["write" if JOBS[job][0] == "write" else "read"] for result in results]
    counter.add(
        job,
        *[
            (marks[i], marks[i + 1], side["total_ios"], side["runtime"] / 1000)
            for i, side in enumerate(sides)
        ],
    )
    return figures(job, results[1])


def limit(job, number):
    """fio options for so many requests."""
    return f"--number_ios={number} --io_size={number * JOBS[job][1]}"


def block_bench(bench, jobs=None, seconds=SECONDS):
    """seven fio jobs and what a request costs

    per_op is filled in after the machine has ended, when the counter's dump is whole."""
    bench.driver.load()
    bench.disk.attach()
    elevator = bench.disk.elevator(bench.options.elevator)
    results = {}
    counter = Counter.of(bench)
    for job in jobs or bench.options.jobs or JOBS:
        say(f"{bench.guest.kind.upper()}, {bench.driver.name}: {job}")
        results[job] = (
            counted_job(bench, counter, job) if counter else real_job(bench, job, seconds)
        )
        say(f"    {results[job]['iops']:.0f} IOPS, {results[job]['mb_per_s']:.1f} MB/s")
    if counter:
        counter.keep_symbols()
    facts = bench.driver.facts()
    bench.disk.detach()
    bench.driver.unload()
    return {
        "backing": bench.disk.backing,
        "elevator": elevator,
        "results": results,
        "facts": facts,
        "counter": counter,
    }
