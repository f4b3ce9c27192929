# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""What binutils say about one object file."""

import functools
import re
import subprocess
from collections import namedtuple

Section = namedtuple("Section", "name type flags")
Instruction = namedtuple("Instruction", "function mnemonic operands relocation")


def output(*command):
    return subprocess.run(
        command,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
    ).stdout


class Object:
    def __init__(self, path):
        self.path = str(path)

    def __str__(self):
        return self.path.rsplit("/", 1)[-1]

    @functools.cached_property
    def sections(self):
        row = re.compile(
            r"^ +\[ *\d+\] (\S*) +(\S+) +[0-9a-f]{16} [0-9a-f]+ [0-9a-f]+ [0-9a-f]+ +([A-Za-z]*) "
            r"+\d+ +\d+ +\d+$"
        )
        found = [row.match(line) for line in output("readelf", "-SW", self.path).splitlines()]
        return [Section(*match.groups()) for match in found if match]

    @functools.cached_property
    def undefined(self):
        return [
            line.split()[-1] for line in output("nm", "-u", self.path).splitlines() if line.strip()
        ]

    @functools.cached_property
    def code(self):
        """Every instruction, with the symbol that its relocation names (or None)."""
        found = []
        function = "?"
        for line in output("objdump", "-dr", "--no-show-raw-insn", self.path).splitlines():
            if line.endswith(">:"):
                function = line[line.index("<") + 1 : -2]
            elif "R_X86_64_" in line and found:
                found[-1] = found[-1]._replace(relocation=line.split()[-1])
            elif re.match(r"^ *[0-9a-f]+:\t", line):
                words = line.split("\t", 1)[1].split()
                while len(words) > 1 and words[0] in PREFIXES:
                    words = words[1:]
                if words:
                    found.append(Instruction(function, words[0], " ".join(words[1:]), None))
        return found


PREFIXES = {
    "bnd",
    "notrack",
    "cs",
    "ds",
    "es",
    "ss",
    "fs",
    "gs",
    "data16",
    "rep",
    "repz",
    "repnz",
    "lock",
}
