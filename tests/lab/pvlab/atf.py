# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Python functions as the cases of an ATF test program, which is what Kyua lists and runs one by
one."""
import argparse
import sys
import traceback

from .say import about


class Skip(Exception):
    """This case cannot be tried here; the message says why."""


def _list(cases, timeout):
    lines = ['Content-Type: application/X-atf-tp; version="1"', ""]
    for name, function in cases.items():
        lines += [f"ident: {name}", f"descr: {about(function)}", f"timeout: {timeout}", ""]
    print("\n".join(lines))


def _run(function):
    """One case's result line; the whole story goes to stderr."""
    try:
        function()
    except Skip as reason:
        return f"skipped: {reason}", 0
    except BaseException as error:
        traceback.print_exc()
        reason = str(error).strip().splitlines() or [type(error).__name__]
        return f"failed: {type(error).__name__}: {reason[0][:200]}", 1
    return "passed", 0


def _arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("-l", action="store_true", help="list the cases")
    parser.add_argument("-r", metavar="FILE", help="write the result here")
    parser.add_argument("-s", metavar="DIR", help="source folder, not used")
    parser.add_argument("-v", metavar="NAME=VALUE", action="append", help="configuration, not used")
    parser.add_argument("case", nargs="?")
    return parser.parse_args()


def main(cases, timeout):
    """The ATF command line: -l lists, -r FILE CASE runs one."""
    arguments = _arguments()
    if arguments.l:
        _list(cases, timeout)
        return 0
    name = (arguments.case or "").partition(":")[0]
    if name not in cases:
        print(f"no such case: {arguments.case}; -l lists them", file=sys.stderr)
        return 2
    line, status = _run(cases[name])
    if arguments.r:
        with open(arguments.r, "w", encoding="utf-8") as file:
            file.write(line + "\n")
    else:
        print(line)
    return status
