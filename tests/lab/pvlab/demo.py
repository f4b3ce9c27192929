# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""`make demo`: in a PV, a PVH and an HVM guest our driver takes the place of the in-tree one, data is proved, speeds compared."""
from . import fiojobs, preflight
from .driver import Driver
from .say import say
from .scenario_bench import real_job
from .scenario_verify import files
from .session import Options, Prepared, bench, machine

JOBS = ("randread-4k-d32", "read-128k-d8")
SECONDS = 2
VERIFY_MIB = 8
COLUMNS = ("guest", "driver", "4k read IOPS", "128k read MB/s", "data", "negotiated")


def measure(work, driver):
    """The demo's jobs with one driver: {job: figures}."""
    return {job: real_job(work, job, SECONDS) for job in JOBS}


def in_tree(work):
    """The in-tree driver first, as the guest's kernel brings it."""
    say(f"{work.guest.kind.upper()}: in-tree xen-blkfront")
    driver = Driver(work.guest, "intree")
    driver.load()
    work.disk.attach()
    work.disk.elevator(work.options.elevator)
    figures = measure(work, driver)
    driver.unload()
    return figures


def ours(work):
    """Ours in its place, on the same disk that stayed plugged in."""
    say(f"{work.guest.kind.upper()}: pvkit-blkfront in its place")
    work.driver.load()
    work.disk.appear()
    work.disk.elevator(work.options.elevator)
    figures = measure(work, work.driver)
    fiojobs.verified_write(work.guest, work.disk.name, 32, "split", VERIFY_MIB)
    work.disk.same_bytes(VERIFY_MIB)
    made = files(work)["files"]
    facts = negotiated(work)
    work.disk.detach()
    work.driver.unload()
    return figures, made, facts


def negotiated(work):
    """What the driver says it agreed on with the backend, on one line."""
    text = work.driver.facts().get(f"{work.disk.name}/features", "")
    wanted = ("grants", "queues", "ring_page_order", "max_segments", "flush", "discard")
    values = dict(line.split(None, 1) for line in text.splitlines() if " " in line)
    return ", ".join(f"{name} {values[name]}" for name in wanted if name in values) or "not told"


def rows_of(kind, base, figures, made, facts):
    """Two table rows of a guest."""
    def cells(result, beside=None):
        pairs = [(result[JOBS[0]]["iops"], "iops", JOBS[0], "{:.0f}"), (result[JOBS[1]]["mb_per_s"], "mb_per_s", JOBS[1], "{:.1f}")]
        return [form.format(value) + (f" ({value / beside[job][key]:.2f}x)" if beside else "") for value, key, job, form in pairs]
    return [[kind.upper(), "in-tree", *cells(base), "", ""],
            [kind.upper(), "pvkit", *cells(figures, base), f"{VERIFY_MIB} MiB + {made} files verified", facts]]


def table(rows):
    """Rows as aligned text."""
    rows = [list(COLUMNS), *rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def demo(_):
    """One boot of dom0, three guests, one table."""
    options = Options(guest=["pv", "pvh", "hvm"], driver="pvkit", disk_mib=64, elevator="none")
    preflight.check(options)
    prepared, rows = Prepared(options, True), []
    with machine(options, prepared, "demo") as booted:
        for kind in options.guest:
            with bench(booted, options, prepared, kind) as work:
                base = in_tree(work)
                rows += rows_of(kind, base, *ours(work))
    print(f"\nXen {options.xen} and dom0 in QEMU, guest kernel {prepared.kernels['pv'].release}, disk: loop on memory in dom0, elevator none\n")
    print(table(rows), flush=True)
    return 0
