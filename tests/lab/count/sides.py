# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Whose code is it: Xen's, dom0's or the guest's."""

from collections import Counter

XEN_START, XEN_END = 0xFFFF800000000000, 0xFFFF880000000000
PAGE = ~0xFFF
SIDES = ("guest", "xen", "dom0", "unknown")


class Sides:
    """Learns dom0 from what ran before any guest existed: all blocks up to mark `alone`.

    With contexts in the dump each block of code names the vCPU that ran it first, so the answer
    is exact. Without them dom0 is its kernel, which has one fixed distance between virtual and
    host addresses, and every page that ran before there was a guest; other code outside the
    kernel's text is "unknown" rather than guessed.
    """

    def __init__(self, dump, alone, dom0_text):
        self._dump_has_context = dump.has_context
        self._text = dom0_text
        early = dump.blocks[: dump.index(alone) + 1]
        places = [
            (place, counts)
            for block in early
            for place, counts in block.items()
            if not _in_xen(place.va)
        ]
        self._contexts = {place.context for place, _ in places if place.context}
        self._pages = {place.host & PAGE for place, _ in places}
        self.distance, share = self._learn_distance(places)
        self.notes = []
        if dump.has_context and not self._contexts:
            self._dump_has_context = False
            self.notes.append(
                "no vCPU was ever seen: the address given as current= is wrong; "
                "sides are told by memory pages"
            )
        if share < 0.99:
            self.notes.append(f"only {share:.0%} of dom0's kernel lies at one distance")

    def _learn_distance(self, places):
        weights = Counter()
        for place, counts in places:
            if place.context or not self._dump_has_context:
                if self._in_text(place.va):
                    weights[place.host - place.va] += counts.instructions
        if not weights:
            return None, 0.0
        distance, weight = weights.most_common(1)[0]
        return distance, weight / weights.total()

    def _in_text(self, va):
        return self._text[0] <= va < self._text[1]

    def side(self, place):
        if _in_xen(place.va):
            return "xen"
        if self._dump_has_context:
            if not place.context:
                return "unknown"
            return "dom0" if place.context in self._contexts else "guest"
        if self._in_text(place.va):
            return "dom0" if place.host - place.va == self.distance else "guest"
        return "dom0" if place.host & PAGE in self._pages else "unknown"


def _in_xen(va):
    return XEN_START <= va < XEN_END
