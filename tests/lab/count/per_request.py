# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The difference of two runs, divided by the requests that one has more."""

from collections import defaultdict

from . import groups
from .sides import SIDES

INSTRUCTIONS_PER_SECOND = 5e8  # -icount shift=1: two nanoseconds each
UNKNOWN_SHARE = 0.005  # more code than this of no known side: no side's figure is known
CLOCK_SHARE = 0.05


class PerRequest:
    """Sums up by side, part and function; `result` says it all."""

    def __init__(self, machine, difference, short, long, modules):
        self._machine, self._short, self._long = machine, short, long
        self._more = long.requests - short.requests
        self._notes = list(machine.sides.notes)
        self._sums = dict.fromkeys(SIDES, 0)
        self._parts = dict.fromkeys(("module", "grants", "notify", "copy"), 0)
        self._functions = {side: defaultdict(lambda: [0, 0]) for side in SIDES}
        self._places = defaultdict(list)
        self._hypercalls = {side: defaultdict(int) for side in SIDES}
        for place, counts in difference.items():
            self._add(machine.sides.side(place), place, counts, modules)

    def _add(self, side, place, counts, modules):
        function = self._machine.function(side, place)
        self._sums[side] += counts.instructions
        row = self._functions[side][function]
        row[0] += counts.instructions
        if self._machine.symbols[side] and function in self._machine.symbols[side].at(place.va):
            row[1] += counts.entries
        self._places[side].append((place, counts))
        if place.kind == "h":
            self._hypercalls[side][function.name] += counts.entries
        if side != "guest":
            return
        if name := groups.part(function, place.kind, modules):
            self._parts[name] += counts.instructions

    def result(self):
        total = sum(self._sums.values())
        known = self._sums["unknown"] <= UNKNOWN_SHARE * total
        if not known:
            self._notes.append(
                f"{self._sums['unknown'] / total:.1%} of the instructions are of " "no known side"
            )
        clock = self._clock(total)
        per_op = self._instructions(known) | self._events(known)
        return {
            "requests": self._more,
            "per_op": per_op,
            "parts": {k: self._per(v) if known else None for k, v in self._parts.items()},
            "events": self._more_events(known),
            "hypercalls_by_function": {
                side: self._by_function(side, known) for side in ("guest", "dom0")
            },
            "total_instructions": self._per(total),
            "clock": clock,
            "unknown_instructions": self._per(self._sums["unknown"]),
            "functions": {side: self._table(side) for side in SIDES},
            "notes": self._notes,
        }

    def _per(self, count):
        return round(count / self._more, 4)

    def _instructions(self, known):
        parts, sums = self._parts, self._sums
        front = parts["module"] + parts["grants"] + parts["notify"]
        return {
            "frontend_instructions": self._per(front) if known else None,
            "copy_instructions": self._per(parts["copy"]) if known else None,
            "guest_instructions": self._per(sums["guest"]) if known else None,
            "xen_instructions": self._per(sums["xen"]),
            "dom0_instructions": self._per(sums["dom0"]) if known else None,
        }

    def _events(self, known):
        names = ("hypercalls", "notifications", "interrupts", "grant_ops")
        if not known:
            return dict.fromkeys(names)
        calls = sum(
            n for name, n in self._hypercalls["guest"].items() if not groups.IRET.search(name)
        )
        grants = self._entries("guest", groups.GRANT), self._entries("guest", groups.REVOKE)
        values = (
            self._per(calls),
            self._notifications(),
            self._entries("guest", groups.UPCALL),
            None if None in grants else round(sum(grants), 4),
        )
        return dict(zip(names, values))

    def _more_events(self, known):
        """What explains the figures above, for a reader."""
        patterns = {
            "device_interrupts": ("guest", groups.DEVICE_INTERRUPT),
            "grants_published": ("guest", groups.GRANT),
            "revokes_tried": ("guest", groups.REVOKE),
            "dom0_notifications": ("dom0", groups.DOM0_SEND),
            "xen_vm_exits": ("xen", groups.EXIT),
            "xen_domain_switches": ("xen", groups.SWITCH),
            "xen_grant_table_ops": ("xen", groups.XEN_GRANT_TABLE_OP),
        }
        return {
            name: self._entries(*where) if known or where[0] == "xen" else None
            for name, where in patterns.items()
        }

    def _entries(self, side, pattern):
        """How often per request functions of this name were entered; None if there are none."""
        symbols = self._machine.symbols[side]
        if not symbols or not symbols.has(pattern):
            return None
        return self._per(
            sum(
                counts.entries
                for place, counts in self._places[side]
                if self._machine.starts(side, place.va, pattern)
            )
        )

    def _notifications(self):
        """Xen's sends less dom0's, so that a guest's way of sending does not matter."""
        xen, dom0 = self._entries("xen", groups.XEN_SEND), self._entries("dom0", groups.DOM0_SEND)
        guest = self._entries("guest", groups.SEND)
        if xen is None or dom0 is None:
            return guest
        sent = round(xen - dom0, 4)
        if guest is not None and abs(guest - sent) > 0.01 + 0.02 * abs(sent):
            self._notes.append(
                f"notifications: {sent} by Xen's count, {guest} by the guest's own " "functions"
            )
        return sent

    def _by_function(self, side, known):
        if not known:
            return None
        rows = sorted(self._hypercalls[side].items(), key=lambda row: -row[1])
        return {name: self._per(count) for name, count in rows if count}

    def _clock(self, total):
        """Instructions against the clock that counts them: idle time makes the clock longer."""
        if self._short.seconds is None or self._long.seconds is None:
            return None
        seconds = self._long.seconds - self._short.seconds
        ratio = round(total / (seconds * INSTRUCTIONS_PER_SECOND), 4) if seconds > 0 else None
        if ratio is None or abs(ratio - 1) > CLOCK_SHARE:
            self._notes.append(f"instructions counted are {ratio} of what the clock says")
        return {"seconds": round(seconds, 6), "counted_to_clock": ratio}

    def _table(self, side):
        rows = sorted(self._functions[side].items(), key=lambda row: -row[1][0])
        return [
            {
                "name": f.name,
                "module": f.module,
                "instructions": self._per(instructions),
                "entries": self._per(entries),
            }
            for f, (instructions, entries) in rows
            if instructions
        ]
