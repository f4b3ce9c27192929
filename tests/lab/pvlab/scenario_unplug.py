# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""block-unplug-busy: the toolstack takes the disk away under I/O; the I/O fails, the guest and its
driver do not."""
from . import leaks
from .busy import FOLDER, Busy
from .say import say
from .scenario_cycles import checked_io, nothing_left, quiet_kernel


def block_unplug_busy(bench):
    """xl block-detach, plain and forced, while fio runs; then the disk comes back and is verified,
    --cycles times (1)"""
    guest, disk = bench.guest, bench.disk
    cycles, errors = bench.cycles(1), []
    bench.driver.load()
    before = leaks.held(guest)
    for cycle in range(cycles):
        for force in (False, True):
            errors.append(unplug(bench, force))
            leaks.back_to(guest, before, f"{'forced' if force else 'plain'} block-detach under I/O")
            disk.attach()
            checked_io(bench, cycle)
            disk.detach()
    leaks.back_to(guest, before, f"{2 * cycles} block-detach under I/O")
    nothing_left(bench)
    bench.driver.unload()
    quiet_kernel(bench)
    return {"cycles": cycles, "fio_says": errors, "before": before}


def unplug(bench, force):
    """Detach under I/O; fio must end by itself with an error. Returns its first words.

    Where it was reading, it may say that a block is not what it wrote (84): a disk that has gone
    has no size, so a read of it is one past the end, which succeeds with nothing."""
    guest, disk = bench.guest, bench.disk
    say(f"{guest.kind.upper()}: {'forced' if force else 'plain'} detach under I/O")
    disk.attach()
    busy = Busy(guest, disk.name, mib=16)
    busy.start()
    disk.detach(force)
    rounds, status = busy.end()
    text = guest.sh(
        f"grep -m3 -i 'verify:\\|io_u error\\|err=' {FOLDER}/fio.log || tail -c 300 "
        f"{FOLDER}/fio.log"
    ).out.splitlines()
    if status == 0:
        bench.fail(
            f"fio ended without an error though its disk was detached, after {rounds} rounds: "
            f"{text}"
        )
    return text
