# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""block-bench: the same jobs for every driver, with throughput and, in the counted clock, the cost of one request."""
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
LONGER = 4   # the long counted run has so many times the requests of the short one


def command(job, disk, size_mib, end):
    """The fio command of a job; gtod_reduce and norandommap keep fio's own work out of the figures."""
    direction, size, depth, more, _ = JOBS[job]
    return (f"fio --name={job} --filename=/dev/{disk} --ioengine=io_uring --direct=1 --rw={direction} --bs={size} "
            f"--iodepth={depth} {more} --size={size_mib}M --gtod_reduce=1 --norandommap --randrepeat=1 {end} "
            "--output-format=json")


def figures(job, result):
    """IOPS and MB/s of fio's JSON."""
    side = result["write" if JOBS[job][0] == "write" else "read"]
    return {"iops": round(side["iops"], 1), "mb_per_s": round(side["bw_bytes"] / 1e6, 2)}


def interrupts(guest):
    """Interrupts of block devices so far, by the guest's own count."""
    text = guest.sh("grep -E 'blkif|pvkit|xvd' /proc/interrupts || true").out
    return sum(int(n) for line in text.splitlines() for n in re.findall(r"(?<=\s)\d+(?=\s)", line.partition(":")[2]))


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
    """Two runs of different length with marks around; their difference is the cost of the requests alone."""
    guest, disk = bench.guest, bench.disk
    runs, first = [], JOBS[job][4]
    for number in (first, first * LONGER):
        start, stop = counter.next_mark(), counter.next_mark()
        # one process writes: each figure is of so many requests and not of so many seconds
        end = f"--number_ios={number} --io_size={number * JOBS[job][1]} --time_based=0"
        text = command(job, disk.name, disk.mib, end)
        result = fiojobs.run(guest, f"mark {start} && {text} && mark {stop}", f"{guest.kind}: {job}, {number} requests")
        side = result["write" if JOBS[job][0] == "write" else "read"]
        runs.append((start, stop, side["total_ios"], side["runtime"] / 1000))
    counter.add(job, *runs)
    return figures(job, result)


def block_bench(bench, jobs=None, seconds=SECONDS):
    """Run the jobs; per_op is filled in after the machine has ended, when the counter's dump is whole."""
    bench.driver.load()
    bench.disk.attach()
    elevator = bench.disk.elevator(bench.options.elevator)
    results = {}
    counter = Counter.of(bench)
    for job in jobs or JOBS:
        say(f"{bench.guest.kind.upper()}, {bench.driver.name}: {job}")
        results[job] = counted_job(bench, counter, job) if counter else real_job(bench, job, seconds)
        say(f"    {results[job]['iops']:.0f} IOPS, {results[job]['mb_per_s']:.1f} MB/s")
    if counter:
        counter.keep_symbols()
    facts = bench.driver.facts()
    bench.disk.detach()
    bench.driver.unload()
    return {"backing": bench.disk.backing, "elevator": elevator, "results": results, "facts": facts, "counter": counter}
