# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""`make demo`: in a PV, a PVH and an HVM guest our driver takes the place of the in-tree one, and
in an HVM guest whose kernel takes itself for a PC the place of an emulated disk; data is proved,
speeds compared."""
from . import fiojobs, preflight
from .say import say
from .scenario_bench import real_job
from .scenario_verify import files
from .session import Options, Prepared, bench, driver_of, drivers, machine

JOBS = ("randread-4k-d32", "read-128k-d8")
SECONDS = 2  # of the counted clock
VERIFY_MIB = 8
WORTH = """
Speeds are in the counted clock: time is the number of instructions that Xen, dom0 and the guest
executed together, at 500 million a second. Ratios repeat on any machine; a processor's own speeds,
where memory and traps cost more, differ (docs/performance.md)."""
COLUMNS = ("guest", "driver", "4k read IOPS", "128k read MB/s", "data", "negotiated")


BEFORE = {"intree": "in-tree", "emulated": "emulated IDE"}


def measure(work):
    """The demo's jobs with the driver of today: {job: figures}."""
    return {job: real_job(work, job, SECONDS) for job in JOBS}


def before(work):
    """What the guest has without us: the in-tree driver, or an emulated disk."""
    say(f"{work.guest.kind.upper()}: {BEFORE[work.driver.name]}")
    work.driver.load()
    work.disk.attach()
    work.disk.elevator(work.options.elevator)
    figures = measure(work)
    work.driver.unload()
    return figures


def ours(work):
    """Ours in its place, on the same disk that stayed plugged in."""
    say(f"{work.guest.kind.upper()}: pvkit-blkfront in its place")
    work.driver.load()
    work.disk.appear()
    work.disk.elevator(work.options.elevator)
    figures = measure(work)
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


def rows_of(kind, first, base, figures, made, facts):
    """Two table rows of a guest."""

    def cells(result, beside=None):
        pairs = [
            (result[JOBS[0]]["iops"], "iops", JOBS[0], "{:.0f}"),
            (result[JOBS[1]]["mb_per_s"], "mb_per_s", JOBS[1], "{:.1f}"),
        ]
        return [
            form.format(value) + (f" ({value / beside[job][key]:.2f}x)" if beside else "")
            for value, key, job, form in pairs
        ]

    return [
        [kind.upper(), BEFORE[first], *cells(base), "", ""],
        [
            kind.upper(),
            "pvkit",
            *cells(figures, base),
            f"{VERIFY_MIB} MiB + {made} files verified",
            facts,
        ],
    ]


def table(rows):
    """Rows as aligned text."""
    rows = [list(COLUMNS), *rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows
    ]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def in_guest(booted, options, prepared, kind):
    """The table's rows of one guest."""
    first, second = drivers(options)[kind]
    with bench(booted, options, prepared, kind) as work:
        base = before(work)
        work.use(driver_of(work.guest, second, options, prepared))
        return rows_of(kind, first, base, *ours(work))


def demo(_):
    """One boot of dom0, four guests, one table."""
    options = Options(
        guest=["pv", "pvh", "hvm", "hvm-nopv"],
        driver="both",
        disk_mib=64,
        elevator="none",
        clock="counted",
        scenario=["block-verify"],
    )
    preflight.check(options)
    prepared, rows = Prepared(options, True), []
    with machine(options, prepared, "demo") as booted:
        for kind in options.guest:
            rows += in_guest(booted, options, prepared, kind)
    print(
        f"\nXen {options.xen} and dom0 in QEMU, guest kernel {prepared.kernels['pv'].release}, "
        "disk: loop on memory in dom0, elevator none"
    )
    print(
        "HVM-NOPV: the same kernel, told nothing of Xen: without pvkit it has an emulated IDE "
        "disk\n"
    )
    print(table(rows))
    print(WORTH, flush=True)
    return 0
