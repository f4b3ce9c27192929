#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The profile's arithmetic and its splitting of sides, on small made-up dumps."""

import os
import shutil
import sys
import unittest

sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from count import atf_unittest  # noqa: E402
from count.dump import Dump, DumpError  # noqa: E402
from count.profile import Machine, Run, table  # noqa: E402
from count.symbols import SymbolError, Symbols, xen_variable  # noqa: E402

DOM0_VCPU, GUEST_VCPU = "ffff83007f000000", "ffff83007e000000"
FAR = 0x7F0000000000  # a host address of the machine's memory

DOM0 = """ffffffff81000000 T _stext
ffffffff81000100 T notify_remote_via_irq
ffffffff81000200 t dom0_work
ffffffff81800000 T _etext
ffffffffc0000000 t xen_blkbk_map\t[xen_blkback]
0000000000014000 A current_task
"""
GUEST = """ffffffff81000000 T _stext
ffffffff81000100 t asm_exc_xen_hypervisor_callback
ffffffff81000200 T xen_hypercall_pv
ffffffff81000300 t xen_iret
ffffffff81000400 T notify_remote_via_irq
ffffffff81000500 t gnttab_update_entry_v1
ffffffff81000600 t gnttab_end_foreign_access_ref_v1
ffffffff81000700 T __memcpy
ffffffff81000700 W memcpy
ffffffff81000800 T schedule
ffffffff81800000 T _etext
ffffffffc0000000 t blkif_queue_rq\t[xen_blkfront]
ffffffffc0000400 d a_table\t[xen_blkfront]
ffffffffc0000800 t blkif_interrupt\t[xen_blkfront]
ffffffffc0002000 t other_work\t[other]
"""
XEN = """0xffff82d040200000 T _stext
0xffff82d040200100 T event.c#evtchn_send
0xffff82d040200200 T do_grant_table_op
"""


def record(va, entries, instructions, context=GUEST_VCPU, kind="-", far=FAR, first=2):
    return (
        f"{va:x} {va - (1 << 64) + far & 0xffffffffffff:x} {context} {kind} {first:x} "
        f"{entries} {instructions}"
    )


def dump_of(*blocks, header="pvkit-count 1 context"):
    """Blocks are (tag, [record, ...]). The first is dom0 alone."""
    lines = [header]
    for tag, records in blocks:
        lines += records + [f"mark {tag}"]
    return Dump.parse(lines)


def alone(context=DOM0_VCPU):
    return (
        "1",
        [
            record(0xFFFFFFFF81000200, 1, 1000, context, first=0),
            record(0xFFFFFFFFC0000000, 1, 50, context, first=0),
        ],
    )


def machine(
    *blocks, xen=True, guest=GUEST, header="pvkit-count 1 context", dom0=DOM0, xen_text=XEN
):
    symbols = [Symbols.parse(text.splitlines()) for text in (guest, dom0, xen_text)]
    start = alone() if header.endswith("1 context") else alone("0")
    dump = dump_of(start, *blocks, header=header)
    return Machine(dump, "1", symbols[0], symbols[1], symbols[2] if xen else None)


def profile(short, long, **kwargs):
    """Two runs of 10 and 30 requests, after a mark that starts the first."""
    made = machine(("10", []), ("11", short), ("12", long), **kwargs)
    return made.profile(Run("10", "11", 10), Run("11", "12", 30))


class Arithmetic(unittest.TestCase):
    def test_common_cost_cancels(self):
        place = 0xFFFFFFFF81000800
        result = profile([record(place, 5, 7000 + 10 * 40)], [record(place, 5, 7000 + 30 * 40)])
        self.assertEqual(result["per_op"]["guest_instructions"], 40)
        self.assertEqual(result["requests"], 20)

    def test_code_of_one_run_only(self):
        result = profile([record(0xFFFFFFFF81000800, 1, 100)], [record(0xFFFFFFFF81000804, 1, 300)])
        self.assertEqual(result["per_op"]["guest_instructions"], 10)
        self.assertEqual(result["functions"]["guest"][0]["name"], "schedule")

    def test_runs_must_differ_in_length(self):
        made = machine(("10", []), ("11", []), ("12", []))
        with self.assertRaisesRegex(DumpError, "more requests"):
            made.profile(Run("10", "11", 30), Run("11", "12", 30))

    def test_several_blocks_make_an_interval(self):
        one = record(0xFFFFFFFF81000800, 1, 100)
        made = machine(("10", []), ("11", []), ("20", [one]), ("12", [one]))
        self.assertEqual(
            made.profile(Run("10", "11", 0), Run("11", "12", 10))["per_op"]["guest_instructions"],
            20,
        )

    def test_clock(self):
        made = machine(("10", []), ("11", []), ("12", [record(0xFFFFFFFF81000800, 1, 5000)]))
        result = made.profile(Run("10", "11", 0, 0.0), Run("11", "12", 10, 1e-5))
        self.assertEqual(result["clock"]["counted_to_clock"], 1.0)
        self.assertEqual(result["notes"], [])
        result = made.profile(Run("10", "11", 0, 0.0), Run("11", "12", 10, 2e-5))
        self.assertEqual(result["clock"]["counted_to_clock"], 0.5)
        self.assertIn("0.5 of what the clock says", result["notes"][0])


class SideSplit(unittest.TestCase):
    # One address in both kernels and in both module areas: only the owner tells them apart.
    RECORDS = [
        record(0xFFFFFFFF81000200, 20, 200, DOM0_VCPU, first=0),
        record(0xFFFFFFFF81000200, 40, 800, GUEST_VCPU, "h", far=FAR + 0x5000000),
        record(0xFFFFFFFFC0000000, 20, 600, DOM0_VCPU, first=0),
        record(0xFFFFFFFFC0000000, 20, 1400, GUEST_VCPU, far=FAR + 0x6000000),
        record(0xFFFF82D040200100, 40, 2000, "0"),
        f"0 7f0000123000 {GUEST_VCPU} - 2 20 100",
    ]

    def test_with_contexts(self):
        result = profile([], self.RECORDS)
        got = result["per_op"]
        self.assertEqual(got["dom0_instructions"], (200 + 600) / 20)
        self.assertEqual(got["guest_instructions"], (800 + 1400 + 100) / 20)
        self.assertEqual(got["xen_instructions"], 2000 / 20)
        self.assertEqual(got["frontend_instructions"], 1400 / 20)
        self.assertEqual(result["unknown_instructions"], 0)
        names = {side: [row["name"] for row in rows] for side, rows in result["functions"].items()}
        self.assertEqual(names["dom0"], ["xen_blkbk_map", "dom0_work"])
        self.assertEqual(names["guest"], ["blkif_queue_rq", "xen_hypercall_pv", "(user space)"])

    def test_without_contexts_pages_tell_and_the_rest_is_unknown(self):
        records = [line.replace(DOM0_VCPU, "0").replace(GUEST_VCPU, "0") for line in self.RECORDS]
        result = profile([], records, header="pvkit-count 1 no-context")
        self.assertIsNone(result["per_op"]["guest_instructions"])
        self.assertIsNone(result["per_op"]["frontend_instructions"])
        self.assertEqual(result["per_op"]["xen_instructions"], 2000 / 20)
        self.assertEqual(result["unknown_instructions"], (1400 + 100) / 20)
        self.assertIn("no known side", result["notes"][-1])

    def test_without_contexts_kernel_text_is_known(self):
        records = [
            line.replace(DOM0_VCPU, "0").replace(GUEST_VCPU, "0") for line in self.RECORDS[:3]
        ]
        got = profile([], records, header="pvkit-count 1 no-context")["per_op"]
        self.assertEqual(got["guest_instructions"], 800 / 20)
        self.assertEqual(got["dom0_instructions"], (200 + 600) / 20)

    def test_wrong_address_of_the_variable_is_noticed(self):
        symbols = [Symbols.parse(text.splitlines()) for text in (GUEST, DOM0)]
        dump = dump_of(alone("0"), ("10", []), ("11", []), ("12", []))
        made = Machine(dump, "1", *symbols)
        result = made.profile(Run("10", "11", 0), Run("11", "12", 10))
        self.assertIn("current= is wrong", result["notes"][0])


class Events(unittest.TestCase):
    def test_hypercalls_without_iret(self):
        got = profile(
            [],
            [
                record(0xFFFFFFFF81000200, 60, 300, kind="h"),
                record(0xFFFFFFFF81000310, 100, 300, kind="h"),
            ],
        )
        self.assertEqual(got["per_op"]["hypercalls"], 3)
        self.assertEqual(
            got["hypercalls_by_function"]["guest"], {"xen_iret": 5, "xen_hypercall_pv": 3}
        )

    def test_only_entries_at_the_start_count(self):
        got = profile([], [record(0xFFFFFFFF81000100, 10, 50), record(0xFFFFFFFF81000110, 70, 90)])
        self.assertEqual(got["per_op"]["interrupts"], 0.5)
        self.assertEqual(got["functions"]["guest"][0]["entries"], 0.5)

    def test_grant_operations(self):
        got = profile([], [record(0xFFFFFFFF81000500, 20, 50), record(0xFFFFFFFF81000600, 40, 90)])
        self.assertEqual(got["per_op"]["grant_ops"], 3)
        self.assertEqual(got["parts"]["grants"], 7)
        self.assertEqual(got["events"]["grants_published"], 1)
        self.assertEqual(got["events"]["revokes_tried"], 2)

    def test_notifications_are_xens_sends_less_dom0s(self):
        sends = [
            record(0xFFFF82D040200100, 30, 300, "0"),
            record(0xFFFFFFFF81000100, 10, 20, DOM0_VCPU, first=0),
        ]
        got = profile([], sends + [record(0xFFFFFFFF81000400, 20, 20)])
        self.assertEqual(got["per_op"]["notifications"], 1)
        self.assertEqual(got["notes"], [])
        got = profile([], sends)
        self.assertEqual(got["per_op"]["notifications"], 1)
        self.assertIn("0.0 by the guest's own", got["notes"][0])

    def test_unknown_is_null(self):
        guest = "\n".join(line for line in GUEST.splitlines() if "gnttab" not in line)
        got = profile([], [record(0xFFFFFFFF81000800, 1, 20)], xen=False, guest=guest)
        self.assertIsNone(got["per_op"]["grant_ops"])
        self.assertIsNone(got["events"]["xen_grant_table_ops"])
        self.assertEqual(got["per_op"]["notifications"], 0)

    def test_copy_and_frontend(self):
        got = profile(
            [],
            [
                record(0xFFFFFFFF81000700, 20, 10420),
                record(0xFFFFFFFFC0000010, 20, 640, kind="c"),
                record(0xFFFFFFFFC0000020, 20, 200),
                record(0xFFFFFFFF81000800, 20, 200, kind="c"),
                record(0xFFFFFFFFC0002000, 20, 200),
            ],
        )["per_op"]
        self.assertEqual(got["copy_instructions"], 521 + 32)
        self.assertEqual(got["frontend_instructions"], 10)
        self.assertEqual(got["guest_instructions"], 521 + 32 + 10 + 10 + 10)


class NoXenGuest(unittest.TestCase):
    # What pvkit.ko and emulated devices look like where the kernel is no Xen guest.
    GUEST = (
        "\n".join(line for line in GUEST.splitlines() if "xen" not in line)
        + """
ffffffff81000100 t asm_common_interrupt
ffffffffc0001000 t pvk_own_grant_publish\t[pvkit]
ffffffffc0001100 t pvk_own_grant_revoke\t[pvkit]
ffffffffc0001200 t pvk_clock_now\t[pvkit]
ffffffffc0001300 t pvk_own_port_send\t[pvkit]
ffffffffc0003000 t ata_bmdma_interrupt\t[libata]
"""
    )
    EXIT = 0xFFFF82D040200300

    def profile(self, records):
        return profile([], records, guest=self.GUEST)

    def test_interrupts_and_grants(self):
        got = self.profile(
            [
                record(0xFFFFFFFF81000100, 40, 50),
                record(0xFFFFFFFFC0003000, 20, 20),
                record(0xFFFFFFFFC0001000, 20, 20),
                record(0xFFFFFFFFC0001100, 60, 60),
            ]
        )
        self.assertEqual(got["per_op"]["interrupts"], 2)
        self.assertEqual(got["events"]["device_interrupts"], 1)
        self.assertEqual(got["per_op"]["grant_ops"], 4)

    def test_the_clock_is_no_frontend(self):
        got = self.profile(
            [
                record(0xFFFFFFFFC0001200, 20, 4000),
                record(0xFFFFFFFFC0001300, 20, 200),
                record(0xFFFFFFFFC0003000, 20, 100),
            ]
        )["per_op"]
        self.assertEqual(got["frontend_instructions"], 10 + 5)
        self.assertEqual(got["guest_instructions"], 200 + 10 + 5)

    def test_device_models_do_not_notify_for_the_guest(self):
        dom0 = DOM0 + "ffffffffc0001000 t evtchn_ioctl\t[xen_evtchn]\n"
        sends = [
            record(0xFFFF82D040200100, 60, 300, "0"),
            record(0xFFFFFFFFC0001000, 60, 60, DOM0_VCPU, first=0),
        ]
        got = profile([], sends, guest=self.GUEST, dom0=dom0)
        self.assertEqual(got["per_op"]["notifications"], 0)
        self.assertEqual(got["notes"], [])

    def test_exits(self):
        got = profile(
            [],
            [record(self.EXIT, 60, 600, "0")],
            guest=self.GUEST,
            xen_text=XEN + f"{self.EXIT:#x} T svm_vmexit_handler\n",
        )
        self.assertEqual(got["events"]["xen_vm_exits"], 3)


class Tables(unittest.TestCase):
    def setUp(self):
        self.symbols = Symbols.parse(GUEST.splitlines())

    def test_lookup(self):
        self.assertEqual(self.symbols.lookup(0xFFFFFFFF81000701), ("memcpy", ""))
        self.assertEqual(
            self.symbols.lookup(0xFFFFFFFFC0000810), ("blkif_interrupt", "xen_blkfront")
        )
        self.assertIsNone(self.symbols.lookup(0xFFFFFFFFC0000400), "data is no function")
        self.assertIsNone(self.symbols.lookup(0xFFFFFFFFC0100000), "far behind the last function")
        self.assertIsNone(self.symbols.lookup(0xFFFFFFFF80000000), "before the first function")

    def test_hidden_addresses_are_an_error(self):
        with self.assertRaisesRegex(SymbolError, "kptr_restrict"):
            Symbols.parse(["0000000000000000 T _stext"])

    def test_xen_names_and_variables(self):
        symbols = Symbols.parse(XEN.splitlines())
        self.assertEqual(symbols.lookup(0xFFFF82D040200110).name, "evtchn_send")
        path = os.path.join(os.getcwd(), "xen-syms.map")
        with open(path, "w", encoding="ascii") as out:
            out.write(XEN + "0xffff82d04057a8f8 B per_cpu__curr_vcpu\n")
        self.addCleanup(os.unlink, path)
        self.assertEqual(xen_variable(path, "per_cpu__curr_vcpu"), 0xFFFF82D04057A8F8)
        self.assertIsNone(xen_variable(path, "nothing"))

    @unittest.skipUnless(shutil.which("c++filt"), "c++filt is not installed")
    def test_names_are_demangled(self):
        symbols = Symbols.parse(["ffffffffc0000000 t _ZN5pvkit5Queue6submitEv\t[pvkit_blkfront]"])
        self.assertEqual(
            symbols.lookup(0xFFFFFFFFC0000000), ("pvkit::Queue::submit()", "pvkit_blkfront")
        )


class Format(unittest.TestCase):
    def test_bad_dumps_are_refused(self):
        with self.assertRaisesRegex(DumpError, "first line"):
            Dump.parse(["something else"])
        with self.assertRaisesRegex(DumpError, "line 2"):
            Dump.parse(["pvkit-count 1 context", "half a record"])
        with self.assertRaisesRegex(DumpError, "line 2"):
            Dump.parse(["pvkit-count 1 context", "zz 0 0 - 0 1 1"])

    def test_marks(self):
        dump = dump_of(("1", []), ("2", []), ("2", []), ("3", []))
        with self.assertRaisesRegex(DumpError, "mark 2 occurs 2 times"):
            dump.between("1", "2")
        with self.assertRaisesRegex(DumpError, "mark 9 occurs 0 times"):
            dump.between("1", "9")
        with self.assertRaisesRegex(DumpError, "does not come before"):
            dump.between("3", "1")

    def test_a_block_cut_short_is_left_out(self):
        dump = Dump.parse(["pvkit-count 1 context", "mark 1", record(0xFFFFFFFF81000800, 1, 1)])
        self.assertEqual((len(dump.blocks), dump.tags), (1, ["1"]))

    def test_text_table(self):
        text = table(profile([], [record(0xFFFFFFFFC0000000, 20, 400)]))
        self.assertRegex(text, r"per_op.frontend_instructions +20\.000")
        self.assertRegex(text, r"20\.0 +1\.000  blkif_queue_rq \[xen_blkfront\]")


if __name__ == "__main__":
    atf_unittest.main()
