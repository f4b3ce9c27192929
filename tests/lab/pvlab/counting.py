# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The counted clock's per-request figures: marks in the guest, the plugin's dump, and the profile made of both.

The counter itself is tests/lab/count; this module only knows when to mark and where the symbols are."""
import shutil
import tarfile

from . import proc
from .paths import LAB, TOP
from .say import LabError

PER_OP = ("frontend_instructions", "copy_instructions", "guest_instructions", "xen_instructions", "dom0_instructions",
          "hypercalls", "notifications", "interrupts", "grant_ops")
ALONE = 1  # the mark that dom0 makes before any guest exists


def tools():
    """The folder with libcount.so and mark."""
    out = TOP / "build" / "lab" / "count"
    proc.run(["make", "-s", "-f", LAB / "count" / "count.mk", f"OUT={out}"], log=out.with_suffix(".log"))
    return out


def plugin(folder, dom0):
    """The -plugin argument for a machine whose dump goes into folder."""
    current = f",current={dom0.current_vcpu}" if dom0.current_vcpu else ""
    return f"{tools() / 'libcount.so'},out={folder / 'count.dump'}{current}"


def mark_dom0(machine):
    """What ran until now was Xen's and dom0's alone; guests mark with the program left in the shared folder."""
    shutil.copy(tools() / "mark", machine.job / "mark")
    machine.dom0_sh(f"/job/mark {ALONE}")


class Counter:
    """Marks and runs of one guest."""

    def __init__(self, bench):
        self.bench, self.runs = bench, {}
        self.machine = bench.machine
        with tarfile.open(self.machine.job / "mark.tar", "w") as tar:
            tar.add(tools() / "mark", "bin/mark")
        bench.guest.push("/job/mark.tar")
        self.symbols = {side: bench.folder / f"{side}-{bench.guest.kind}.kallsyms" for side in ("guest", "dom0")}

    @classmethod
    def of(cls, bench):
        """A counter, or None in the real clock."""
        return cls(bench) if bench.machine.plugin else None

    def next_mark(self):
        """A tag that no other mark of this machine has."""
        self.machine.marks = getattr(self.machine, "marks", ALONE) + 1
        if self.machine.marks > 255:
            raise LabError("the counter has only 255 marks: run fewer guests or jobs in one machine")
        return self.machine.marks

    def add(self, job, short, long):
        self.runs[job] = (short, long)

    def keep_symbols(self):
        """Names of the functions, while the modules are still loaded."""
        self.bench.guest.sh("echo 0 > /proc/sys/kernel/kptr_restrict; cat /proc/kallsyms", output="/job/kallsyms")
        (self.machine.job / "kallsyms").rename(self.symbols["guest"])
        self.machine.dom0_sh("echo 0 > /proc/sys/kernel/kptr_restrict; cat /proc/kallsyms > /job/kallsyms")
        (self.machine.job / "kallsyms").rename(self.symbols["dom0"])

    def profiles(self, dump):
        """{job: profile} from the dump, once QEMU has written it out."""
        from count.dump import Dump
        from count.profile import Machine, Run
        from count.symbols import Symbols
        read = {side: Symbols.read(str(path)) for side, path in self.symbols.items()}
        xen = self.machine.dom0.symbol_map
        machine = Machine(Dump.read(str(dump)), str(ALONE), read["guest"], read["dom0"], xen and Symbols.read(str(xen)))
        profiles = {}
        for job, (short, long) in self.runs.items():
            runs = [Run(str(start), str(stop), number, seconds) for start, stop, number, seconds in (short, long)]
            profiles[job] = machine.profile(*runs)
        return profiles
