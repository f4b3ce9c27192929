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

from count.dump import Dump  # noqa: E402

QEMU = "qemu-system-x86_64"
MACHINE = ["-accel", "tcg,thread=single", "-icount", "shift=1,sleep=off", "-smp", "1", "-M",
           "q35,hpet=off", "-nodefaults", "-display", "none", "-no-reboot",
           "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
# Instructions after one mark up to and with the next; boot_kernel.S shows each sum.
EXACT = {"2": 5 + 4, "3": 1 + 1000 * 6 + 4, "4": 1 + 200 * 8 + 4, "5": 4 + 64 + 4 + 1}
NANOSECONDS = 2  # an instruction, at icount shift=1; the time stamp counter counts nanoseconds


@unittest.skipUnless(shutil.which(QEMU), f"{QEMU} is not installed")
class Boot(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="count-", dir=os.getcwd())
        cls.addClassCleanup(cls.folder.cleanup)
        out = cls.folder.name
        subprocess.run(["make", "-s", "-f", f"{HERE}/count.mk", f"OUT={out}"], check=True)
        subprocess.run(["gcc", "-m32", "-nostdlib", "-static", "-no-pie", "-Wl,-Ttext=0x100000",
                        "-Wl,--build-id=none", "-o", f"{out}/kernel", f"{HERE}/boot_kernel.S"],
                       check=True)
        done = subprocess.run([QEMU, *MACHINE, "-debugcon", f"file:{out}/stamps", "-kernel",
                               f"{out}/kernel", "-plugin",
                               f"{out}/libcount.so,out={out}/dump,low=each"],
                              timeout=60, capture_output=True, text=True, check=False)
        # isa-debug-exit ends QEMU with twice the value written, plus one
        assert done.returncode == 1, f"status {done.returncode}: {done.stderr}"
        cls.dump = Dump.read(f"{out}/dump")
        with open(f"{out}/stamps", "rb") as file:
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
        symbols = subprocess.run(["nm", f"{self.folder.name}/kernel"], check=True, text=True,
                                 capture_output=True).stdout.split("\n")
        [address] = [int(line.split()[0], 16) for line in symbols if line.endswith(" leaf")]
        entries = sum(counts.entries for place, counts in self.counts("3").items()
                      if place.va == address)
        self.assertEqual(entries, 1000)

    def test_rep_movs_is_told_apart(self):
        copied = [counts.instructions for place, counts in self.counts("5").items()
                  if place.kind == "c"]
        self.assertEqual(sum(copied), 64)

    def test_bad_options_are_refused(self):
        for options, message in (("", "out=FILE is missing"), (",out=/nowhere/x", "out=FILE"),
                                 (",frob=1", "unknown option 'frob=1'")):
            done = subprocess.run([QEMU, "-nodefaults", "-display", "none", "-plugin",
                                   f"{self.folder.name}/libcount.so{options}"],
                                  timeout=60, capture_output=True, text=True, check=False)
            self.assertNotEqual(done.returncode, 0, options)
            self.assertIn(message, done.stderr)

    def test_mark_program_checks_its_argument(self):
        mark = f"{self.folder.name}/mark"
        for arguments, status in ((["0"], 0), (["255"], 0), (["256"], 2), (["x"], 2), ([""], 2),
                                  ([], 2), (["1", "2"], 2)):
            self.assertEqual(subprocess.run([mark, *arguments], check=False).returncode, status)


if __name__ == "__main__":
    unittest.main()
