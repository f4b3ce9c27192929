# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Symbol tables: a kernel's /proc/kallsyms, and Xen's xen-syms.map, which is of the same form."""

import bisect
import shutil
import subprocess
from typing import NamedTuple

TEXT_TYPES = "tTwW"
KERNEL_START = 1 << 63
# The last function of a module ends somewhere: code further on than this is not taken for it.
LONGEST_TAIL = 64 << 10


class SymbolError(Exception):
    """The symbol table cannot be used; the message says why."""


class Function(NamedTuple):
    name: str
    module: str  # "" for the kernel itself and for Xen


class Symbols:
    """Functions by address. Names are demangled; several may share one address."""

    def __init__(self, rows):
        """rows: (address, type, name, module)."""
        self._at = {}
        ends = set()
        for address, kind, name, module in rows:
            if address < KERNEL_START:
                continue  # per-CPU offsets and constants
            ends.add(address)
            if kind in TEXT_TYPES and not name.startswith("__pfx_"):
                self._at.setdefault(address, []).append(Function(name, module))
        if not self._at:
            raise SymbolError("no function has an address (is kernel.kptr_restrict 0?)")
        self._starts = sorted(ends)

    @classmethod
    def read(cls, path):
        with open(path, encoding="utf-8", errors="replace") as lines:
            return cls.parse(lines)

    @classmethod
    def parse(cls, lines):
        rows = []
        for line in lines:
            fields = line.split()
            if len(fields) < 3 or len(fields[1]) != 1:
                continue
            module = fields[3].strip("[]") if len(fields) > 3 else ""
            name = fields[2].rpartition("#")[2]  # Xen writes file.c#function for statics
            rows.append([int(fields[0], 16), fields[1], name, module])
        _demangle(rows)
        return cls(rows)

    def at(self, va):
        """All the functions that start exactly here."""
        return self._at.get(va, [])

    def lookup(self, va):
        """The function that holds this address, or None."""
        index = bisect.bisect_right(self._starts, va) - 1
        if index < 0 or va - self._starts[index] > LONGEST_TAIL:
            return None
        names = self._at.get(self._starts[index])
        return min(names, key=_plainness) if names else None

    def has(self, pattern):
        """True if a function's name matches the compiled pattern."""
        return any(pattern.search(f.name) for functions in self._at.values() for f in functions)

    def address(self, name):
        """The address of the function of this name, or None."""
        for address, functions in self._at.items():
            if any(function.name == name for function in functions):
                return address
        return None


def _plainness(function):
    """Orders aliases: memcpy before __memcpy, a function before a section's boundary mark."""
    name = function.name
    return name.endswith(("_start", "_end")), len(name) - len(name.lstrip("_")), name


def _demangle(rows):
    mangled = [row for row in rows if row[2].startswith("_Z")]
    tool = shutil.which("c++filt") or shutil.which("llvm-cxxfilt")
    if not mangled or not tool:
        return
    text = "".join(row[2] + "\n" for row in mangled)
    plain = subprocess.run([tool], input=text, capture_output=True, text=True, check=True)
    for row, name in zip(mangled, plain.stdout.splitlines(), strict=True):
        row[2] = name


def xen_variable(path, name):
    """The address of a variable of Xen, from xen-syms.map; None if it is not there."""
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            fields = line.split()
            if len(fields) >= 3 and fields[2].rpartition("#")[2] == name:
                return int(fields[0], 16)
    return None
