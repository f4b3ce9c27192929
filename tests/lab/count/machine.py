# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""A dump together with the symbols of each side, and runs to compare."""

from typing import NamedTuple

from . import groups
from .dump import Counts, DumpError
from .per_request import PerRequest
from .sides import Sides
from .symbols import Function, SymbolError

LOW = Function("(user space)", "")
NAMELESS = Function("(no symbol)", "")


class Run(NamedTuple):
    """One measured run: what ran between two marks, its requests and, if known, its time."""

    start: str
    stop: str
    requests: int
    seconds: float | None = None


class Machine:
    """A dump with the symbols of each side."""

    def __init__(self, dump, alone, guest, dom0, xen=None):
        """alone: a mark that dom0 ran before any guest. guest, dom0, xen: Symbols."""
        self.dump = dump
        self.symbols = {"guest": guest, "dom0": dom0, "xen": xen, "unknown": None}
        text = dom0.address("_stext"), dom0.address("_etext")
        if None in text:
            raise SymbolError("dom0's symbols lack _stext or _etext")
        self.sides = Sides(dump, alone, text)

    def function(self, side, place):
        if not place.va:
            return LOW
        symbols = self.symbols[side]
        return (symbols.lookup(place.va) if symbols else None) or NAMELESS

    def starts(self, side, va, pattern):
        symbols = self.symbols[side]
        return bool(symbols) and any(pattern.search(f.name) for f in symbols.at(va))

    def profile(self, short, long, modules=groups.FRONTEND_MODULES):
        more = long.requests - short.requests
        if more <= 0:
            raise DumpError("the long run must have more requests than the short one")
        return PerRequest(self, self._difference(short, long), short, long, modules).result()

    def _difference(self, short, long):
        difference = self.dump.between(long.start, long.stop)
        for place, less in self.dump.between(short.start, short.stop).items():
            had = difference.get(place, Counts(0, 0))
            difference[place] = Counts(
                had.entries - less.entries, had.instructions - less.instructions
            )
        return difference
