# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""block-save-restore: the guest is stored, restored, checkpointed and migrated under I/O, which
goes on as if nothing was."""
import time

from . import leaks, moves, slow
from .busy import Busy
from .say import say
from .scenario_cycles import nothing_left, quiet_kernel

BUSY_MIB = 8


def block_save_restore(bench):
    """save and restore, a checkpoint and a live migration under verified I/O, --cycles times (1)"""
    guest, disk = bench.guest, bench.disk
    cycles = bench.cycles(1)
    bench.driver.load()
    before = leaks.held(guest)
    disk.attach()
    with Busy(guest, disk.name, mib=BUSY_MIB) as busy:
        moved = [
            one_move(bench, busy, *way)
            for _ in range(cycles)
            for way in moves.ways(guest, bench.options.moves).items()
        ]
        rounds = busy.stop()
    disk.same_bytes()
    replayed = [queue["replayed"] for queue in bench.driver.queues(disk.name)]
    disk.detach()
    after = leaks.held(guest)
    leaks.same(before, after, f"{len(moved)} moves", bench.folder)
    nothing_left(bench)
    bench.driver.unload()
    quiet_kernel(bench, io_errors=True)
    return {
        "cycles": cycles,
        "moves": moved,
        "verified_rounds": rounds,
        "replayed": replayed,
        "before": before,
        "after": after,
    }


def one_move(bench, busy, way, move):
    """Move the guest while fio runs; afterwards I/O goes on and the round that was moved ends
    right.

    The backend is slow then: it answers requests while the guest is being stored. Such an answer
    may be in the image without the data that it tells of, whose page was stored before."""
    say(f"{bench.guest.kind.upper()}: {way} under I/O")
    busy.await_requests()
    slow.fill(bench.disk)
    begin = time.monotonic()
    move(bench.guest)
    seconds = round(time.monotonic() - begin, 1)
    slow.limit(bench.disk, "max")
    busy.await_requests()
    busy.await_rounds()
    say(f"{bench.guest.kind.upper()}: {way} took {seconds} s, I/O goes on")
    return {"way": way, "seconds": seconds}
