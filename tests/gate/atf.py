# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Just enough of ATF's test program protocol for Kyua: list the cases, run one of them."""

import argparse
import sys
import traceback


class Skip(Exception):
    """The case cannot run here; the text says why."""


def main(cases):
    """`cases` maps a case's name to a function that returns the complaints, none meaning passed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-l", action="store_true", help="list the cases")
    parser.add_argument("-r", metavar="FILE", help="write the result here")
    parser.add_argument("-s", metavar="DIR", help="source directory, not used")
    parser.add_argument("-v", metavar="NAME=VALUE", action="append", help="configuration, not used")
    parser.add_argument("case", nargs="?")
    args = parser.parse_args()
    if args.l:
        print('Content-Type: application/X-atf-tp; version="1"')
        for name in cases:
            print(f"\nident: {name}\ntimeout: 900")
        return 0
    name = (args.case or "").partition(":")[0]
    if name not in cases:
        sys.exit(f"no such case: {args.case}; -l lists them")
    try:
        complaints = list(cases[name]())
    except Skip as why:
        return finish(args.r, f"skipped: {why}", 0)
    except Exception:  # a broken check is a failed one, with its trace in view
        complaints = [traceback.format_exc()]
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    if complaints:
        return finish(args.r, f"failed: {len(complaints)} complaints, see stderr", 1)
    return finish(args.r, "passed", 0)


def finish(file, result, status):
    if file:
        with open(file, "w") as out:
            out.write(result + "\n")
    else:
        print(result)
    return status
