# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Reads the counter's dump: what ran between markers. plugin.cc documents the format."""

from collections import defaultdict
from typing import NamedTuple

HEADERS = {"pvkit-count 1 context": True, "pvkit-count 1 no-context": False}


class DumpError(Exception):
    """The dump cannot be used; the message says why."""


class Place(NamedTuple):
    """A translated block of code, or a page of user code (va 0)."""

    va: int
    host: int
    context: int
    kind: str
    first: int


class Counts(NamedTuple):
    entries: int
    instructions: int


class Dump:
    def __init__(self, has_context, blocks, tags):
        self.has_context = has_context
        self.blocks = blocks  # [{Place: Counts}], each closed by the mark of the same index
        self.tags = tags  # ["1", "2", ..., "end"]

    @classmethod
    def read(cls, path):
        with open(path, encoding="ascii") as lines:
            return cls.parse(lines)

    @classmethod
    def parse(cls, lines):
        lines = iter(lines)
        header = next(lines, "").strip()
        if header not in HEADERS:
            raise DumpError(f"not a dump of the counter: its first line is {header!r}")
        blocks, tags, block = [], [], {}
        for number, line in enumerate(lines, 2):
            fields = line.split()
            if len(fields) == 2 and fields[0] == "mark":
                blocks.append(block)
                tags.append(fields[1])
                block = {}
            elif len(fields) == 7:
                place, counts = _record(fields, number)
                block[place] = counts
            else:
                raise DumpError(f"line {number} is neither a record nor a mark")
        return cls(HEADERS[header], blocks, tags)  # a block cut short by a kill has no mark

    def index(self, tag):
        """Which mark has this tag; a tag met twice would make the interval ambiguous."""
        found = [i for i, have in enumerate(self.tags) if have == str(tag)]
        if len(found) != 1:
            raise DumpError(f"mark {tag} occurs {len(found)} times, expected once")
        return found[0]

    def between(self, start, stop):
        """Everything that ran after mark `start`, up to mark `stop`: {Place: Counts}."""
        first, last = self.index(start), self.index(stop)
        if first >= last:
            raise DumpError(f"mark {start} does not come before mark {stop}")
        total = defaultdict(lambda: Counts(0, 0))
        for block in self.blocks[first + 1 : last + 1]:
            for place, counts in block.items():
                old = total[place]
                total[place] = Counts(
                    old.entries + counts.entries, old.instructions + counts.instructions
                )
        return dict(total)


def _record(fields, number):
    try:
        va, host, context, first = (int(fields[i], 16) for i in (0, 1, 2, 4))
        return Place(va, host, context, fields[3], first), Counts(int(fields[5]), int(fields[6]))
    except ValueError as error:
        raise DumpError(f"line {number}: {error}") from None
