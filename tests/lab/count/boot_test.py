#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The counter on a kernel of known length, under the emulator: every count must be exact."""

import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[0] = os.path.dirname(HERE)

from count import atf_unittest  # noqa: E402
from count.build import build, plugin_argument  # noqa: E402
from count.dump import Dump  # noqa: E402
from count.profile import Machine, Run  # noqa: E402
from count.symbols import Symbols  # noqa: E402

QEMU = "qemu-system-x86_64"
MACHINE = [
    "-accel",
    "tcg,thread=single",
    "-icount",
    "shift=1,sleep=off",
    "-smp",
    "1",
    "-M",
    "q35,hpet=off",
    "-nodefaults",
    "-display",
    "none",
    "-no-reboot",
    "-device",
    "isa-debug-exit,iobase=0xf4,iosize=4",
]
# Instructions after one mark up to and with the next; boot_kernel.S shows each sum.
EXACT = {"2": 5 + 4, "3": 1 + 1000 * 6 + 4, "4": 1 + 200 * 8 + 4, "5": 4 + 64 + 4 + 1}
XEN, KERNEL = 0xFFFF82D040000000, 0xFFFFFFFF81000000
NANOSECONDS = 2  # an instruction, at icount shift=1; the time stamp counter counts nanoseconds


class Boot(unittest.TestCase):
    """Builds the plugin once and boots kernels with it."""

    @classmethod
    def setUpClass(cls):
        if not shutil.which(QEMU):
            raise unittest.SkipTest(f"{QEMU} is not installed")
        folder = tempfile.TemporaryDirectory(prefix="count-", dir=os.getcwd())
        cls.addClassCleanup(folder.cleanup)
        cls.out = folder.name
        cls.plugin, cls.mark = build(cls.out)

    @classmethod
    def link(cls, source):
        """Links a kernel at 1 MiB and returns the addresses of its symbols."""
        subprocess.run(
            [
                "gcc",
                "-m32",
                "-nostdlib",
                "-static",
                "-no-pie",
                "-Wl,-Ttext=0x100000",
                "-Wl,--build-id=none",
                "-o",
                f"{cls.out}/kernel",
                f"{HERE}/{source}",
            ],
            check=True,
        )
        lines = subprocess.run(
            ["nm", f"{cls.out}/kernel"], check=True, text=True, capture_output=True
        ).stdout.splitlines()
        return {line.split()[2]: int(line.split()[0], 16) for line in lines}

    @classmethod
    def boot(cls, options):
        """Boots the kernel that was linked last and returns what the plugin wrote."""
        done = subprocess.run(
            [
                QEMU,
                *MACHINE,
                "-debugcon",
                f"file:{cls.out}/stamps",
                "-kernel",
                f"{cls.out}/kernel",
                "-plugin",
                plugin_argument(cls.plugin, f"{cls.out}/dump") + options,
            ],
            timeout=60,
            capture_output=True,
            text=True,
            check=False,
        )
        # isa-debug-exit ends QEMU with twice the value written, plus one
        assert done.returncode == 1, f"status {done.returncode}: {done.stderr}"
        return Dump.read(f"{cls.out}/dump")


class Counts(Boot):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.symbols = cls.link("boot_kernel.S")
        cls.dump = cls.boot(",low=each")
        with open(f"{cls.out}/stamps", "rb") as file:
            cls.stamps = struct.unpack("<5I", file.read(20))

    def counts(self, tag):
        return self.dump.blocks[self.dump.index(tag)]

    def total(self, tag):
        return sum(counts.instructions for counts in self.counts(tag).values())

    def test_marks_in_order(self):
        self.assertEqual(self.dump.tags, ["1", "2", "3", "4", "5", "end"])

    def test_every_instruction_is_counted_once(self):
        self.assertEqual({tag: self.total(tag) for tag in EXACT}, EXACT)

    def test_clock_agrees(self):
        steps = [after - before for before, after in zip(self.stamps, self.stamps[1:])]
        self.assertEqual(steps, [NANOSECONDS * count for count in EXACT.values()])

    def test_calls_of_a_function_are_its_entries(self):
        entries = sum(
            counts.entries
            for place, counts in self.counts("3").items()
            if place.va == self.symbols["leaf"]
        )
        self.assertEqual(entries, 1000)

    def test_rep_movs_is_told_apart(self):
        copied = [
            counts.instructions for place, counts in self.counts("5").items() if place.kind == "c"
        ]
        self.assertEqual(sum(copied), 64)

    def test_bad_options_are_refused(self):
        for options, message in (
            ("", "out=FILE is missing"),
            (",out=/nowhere/x", "out=FILE"),
            (",frob=1", "unknown option 'frob=1'"),
        ):
            done = subprocess.run(
                [QEMU, "-nodefaults", "-display", "none", "-plugin", f"{self.plugin}{options}"],
                timeout=60,
                capture_output=True,
                text=True,
                check=False,
            )
            self.assertNotEqual(done.returncode, 0, options)
            self.assertIn(message, done.stderr)

    def test_mark_program_checks_its_argument(self):
        for arguments, status in (
            (["0"], 0),
            (["255"], 0),
            (["256"], 2),
            (["x"], 2),
            ([""], 2),
            ([], 2),
            (["1", "2"], 2),
        ):
            self.assertEqual(
                subprocess.run([self.mark, *arguments], check=False).returncode, status
            )


class Owners(Boot):
    """One address, two owners: the same function runs in dom0's memory and in the guest's."""

    TEXT = ["ffffffff81000000 T _stext", "ffffffff81000000 T work", "ffffffff81800000 T _etext"]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.symbols = cls.link("sides_kernel.S")

    def profile(self, options):
        machine = Machine(
            self.boot(options), "1", Symbols.parse(self.TEXT), Symbols.parse(self.TEXT)
        )
        # work has 3 instructions; dom0 calls it 10 and 30 times, the guest 20 and 50 times
        return machine, machine.profile(Run("1", "2", 10), Run("2", "3", 30))

    def check(self, result):
        self.assertEqual(result["per_op"]["dom0_instructions"], 3 * (30 - 10) / 20)
        self.assertEqual(result["per_op"]["guest_instructions"], 3 * (50 - 20) / 20)
        self.assertEqual(result["per_op"]["xen_instructions"], 3 * (80 - 30) / 20)
        self.assertEqual(
            result["functions"]["guest"],
            [{"name": "work", "module": "", "instructions": 4.5, "entries": 1.5}],
        )
        self.assertEqual(result["notes"], [])

    def test_by_the_running_vcpu(self):
        current = XEN + self.symbols["current"]
        machine, result = self.profile(f",current={current:#x}")
        self.check(result)
        contexts = {
            place.context
            for block in machine.dump.blocks
            for place in block
            if place.va and place.va >= KERNEL
        }
        self.assertEqual(contexts, {0xFFFF83000000D000, 0xFFFF83000000E000})

    def test_by_memory(self):
        self.check(self.profile("")[1])


if __name__ == "__main__":
    atf_unittest.main()
