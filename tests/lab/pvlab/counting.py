# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The counted clock's per-request figures: marks in the guest, the plugin's dump, and the profile
made of both.

The counter itself is tests/lab/count; this module only knows when to mark and where the symbols
are."""
import shutil
import tarfile

from count.build import build, plugin_argument
from count.dump import Dump
from count.profile import Machine, Run
from count.symbols import Symbols

from .paths import TOP
from .say import LabError

PER_OP = (
    "frontend_instructions",
    "copy_instructions",
    "guest_instructions",
    "xen_instructions",
    "dom0_instructions",
    "hypercalls",
    "notifications",
    "interrupts",
    "grant_ops",
)
ALONE = 1  # the mark that dom0 makes before any guest exists
LAST = 255


def tools():
    """Paths of the plugin and of the marker program."""
    return build(TOP / "build" / "lab" / "count")


def plugin(folder, dom0):
    """The word for QEMU's -plugin, of a machine whose dump goes into folder."""
    return plugin_argument(tools()[0], folder / "count.dump", dom0.symbol_map())


def mark_dom0(machine):
    """What ran until now was Xen's and dom0's alone."""
    shutil.copy(tools()[1], machine.job / "mark")
    machine.dom0_sh(f"/job/mark {ALONE}")
    machine.next_mark = ALONE + 1


class Counter:
    """Marks and runs of one guest."""

    def __init__(self, bench):
        self.bench, self.machine, self.runs = bench, bench.machine, {}
        with tarfile.open(self.machine.job / "mark.tar", "w") as tar:
            tar.add(tools()[1], "bin/mark")
        bench.guest.push("/job/mark.tar")
        self.symbols = {
            side: bench.folder / f"{side}-{bench.guest.kind}-{bench.driver.name}.kallsyms"
            for side in ("guest", "dom0")
        }

    @classmethod
    def of(cls, bench):
        """A counter, or None when the machine has none."""
        return cls(bench) if bench.machine.plugin else None

    def marks(self, count):
        """So many tags in a row that no other mark of this machine has."""
        first = self.machine.next_mark
        self.machine.next_mark += count
        if self.machine.next_mark > LAST + 1:
            raise LabError(
                f"the counter has only {LAST} marks: run fewer guests or jobs in one machine"
            )
        return range(first, first + count)

    def add(self, job, short, long):
        """Remember a job's two runs as (start, stop, requests, seconds)."""
        self.runs[job] = (short, long)

    def keep_symbols(self):
        """Names of the functions, while the modules are still loaded."""
        read = "echo 0 > /proc/sys/kernel/kptr_restrict; cat /proc/kallsyms"
        self.bench.guest.sh(read, output="/job/kallsyms-guest")
        self.machine.dom0_sh(f"{{ {read}; }} > /job/kallsyms-dom0")
        for side, path in self.symbols.items():
            (self.machine.job / f"kallsyms-{side}").rename(path)

    def profiles(self, dump):
        """{job: profile} from the dump, once QEMU has written it out."""
        xen = self.machine.dom0.symbol_map()
        machine = Machine(
            Dump.read(str(dump)),
            str(ALONE),
            Symbols.read(str(self.symbols["guest"])),
            Symbols.read(str(self.symbols["dom0"])),
            Symbols.read(str(xen)),
        )
        return {
            job: machine.profile(
                *(
                    Run(str(start), str(stop), number, seconds)
                    for start, stop, number, seconds in runs
                )
            )
            for job, runs in self.runs.items()
        }
