# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Python functions as the cases of an ATF test program, which is what Kyua lists and runs one by one."""
import sys
import traceback


class Skip(Exception):
    """This case cannot be tried here; the message says why."""


def _list(cases, timeout):
    lines = ['Content-Type: application/X-atf-tp; version="1"', ""]
    for name, function in cases.items():
        lines += [f"ident: {name}", f"descr: {(function.__doc__ or name).strip().splitlines()[0]}", f"timeout: {timeout}", ""]
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


def main(cases, timeout):
    """The ATF command line: -l lists, -r FILE CASE runs one; -s DIR and -v K=V are accepted."""
    arguments, result_file, listing, names = sys.argv[1:], None, False, []
    while arguments:
        word = arguments.pop(0)
        if word == "-l":
            listing = True
        elif word in ("-r", "-s", "-v"):
            value = arguments.pop(0)
            result_file = value if word == "-r" else result_file
        elif not word.startswith("-"):
            names.append(word)
    if listing:
        _list(cases, timeout)
        return 0
    if len(names) != 1 or names[0].split(":")[0] not in cases:
        print(f"usage: {sys.argv[0]} -l | [-r FILE] CASE", file=sys.stderr)
        return 2
    line, status = _run(cases[names[0].split(":")[0]])
    if result_file:
        with open(result_file, "w", encoding="utf-8") as file:
            file.write(line + "\n")
    else:
        print(line)
    return status
