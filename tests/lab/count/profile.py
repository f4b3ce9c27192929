#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Instructions and events per request, from two runs of different length.

What both runs have in common (start-up, end, the marker program) cancels out:
per request = (counts of the long run - counts of the short run) / (requests more).
A figure that cannot be known is None (null in JSON).
"""

import argparse
import json
import os
import sys

if __name__ == "__main__":
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from count import groups  # noqa: E402
from count.dump import Dump, DumpError  # noqa: E402
from count.machine import Machine, Run  # noqa: E402
from count.sides import SIDES  # noqa: E402
from count.symbols import SymbolError, Symbols  # noqa: E402


def table(result, rows=15):
    """The result as text: the figures, then the dearest functions of each side."""
    lines = []
    for name in ("per_op", "parts", "events"):
        lines += [
            f"{name + '.' + key:28} {'null' if value is None else f'{value:.3f}'}"
            for key, value in result[name].items()
        ]
    for side in SIDES:
        if result["functions"][side]:
            lines.append(f"\n{side + ': instructions':>28} {'entries':>9}  function")
        for row in result["functions"][side][:rows]:
            module = f" [{row['module']}]" if row["module"] else ""
            lines.append(
                f"{row['instructions']:28.1f} {row['entries']:9.3f}  " f"{row['name']}{module}"
            )
    return "\n".join(lines + [f"note: {note}" for note in result["notes"]])


def _run(text):
    fields = text.split(":")
    if len(fields) not in (3, 4):
        raise argparse.ArgumentTypeError("expected START:STOP:REQUESTS[:SECONDS]")
    try:
        seconds = float(fields[3]) if len(fields) == 4 else None
        return Run(fields[0], fields[1], int(fields[2]), seconds)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dump", help="what the plugin wrote")
    parser.add_argument("--alone", default="1", help="mark run in dom0 before any guest (1)")
    parser.add_argument("--short", type=_run, required=True, metavar="START:STOP:N[:SECONDS]")
    parser.add_argument("--long", type=_run, required=True, metavar="START:STOP:N[:SECONDS]")
    parser.add_argument("--guest", required=True, help="/proc/kallsyms of the guest")
    parser.add_argument("--dom0", required=True, help="/proc/kallsyms of dom0")
    parser.add_argument("--xen", help="xen-syms.map of the hypervisor")
    parser.add_argument(
        "--modules",
        default=",".join(groups.FRONTEND_MODULES),
        help="the frontend's modules (%(default)s)",
    )
    parser.add_argument("--json", metavar="FILE", help="write the whole result here")
    options = parser.parse_args(arguments)
    try:
        machine = Machine(
            Dump.read(options.dump),
            options.alone,
            Symbols.read(options.guest),
            Symbols.read(options.dom0),
            options.xen and Symbols.read(options.xen),
        )
        result = machine.profile(options.short, options.long, options.modules.split(","))
    except (DumpError, SymbolError, OSError) as error:
        sys.exit(f"profile: {error}")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as out:
            json.dump(result, out, indent=1)
            out.write("\n")
    print(table(result))


if __name__ == "__main__":
    main()
