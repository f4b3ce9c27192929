#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""summary.py [--all N] RESULTS...: what Kyua runs (their results databases) found, ending in one line to parse.

Every failed or broken case is shown with its output, and how many of all N cases were not run. Last line:
"N passed, N failed, N skipped". Exit status 1 when anything failed or was left out, or when nothing was run at all.
"""

import argparse
import sqlite3
import sys

PASSED = ("passed", "expected_failure")
SKIPPED = ("skipped",)

RESULTS = """
SELECT test_programs.relative_path, test_cases.name, test_results.result_type,
       test_results.result_reason, test_cases.test_case_id
FROM test_results JOIN test_cases USING (test_case_id) JOIN test_programs USING (test_program_id)
ORDER BY test_programs.relative_path, test_cases.name
"""
OUTPUT = """
SELECT contents FROM test_case_files JOIN files USING (file_id)
WHERE test_case_id = ? AND file_name = ?
"""
LINES = 200


def tail(contents):
    lines = contents.decode(errors="replace").rstrip().split("\n")
    if len(lines) > LINES:
        lines = [f"[{len(lines) - LINES} lines before]"] + lines[-LINES:]
    return "\n".join("    " + line for line in lines)


def add(path, counts):
    """Show and count the cases of one run."""
    store = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    for program, case, kind, reason, number in store.execute(RESULTS).fetchall():
        outcome = "passed" if kind in PASSED else "skipped" if kind in SKIPPED else "failed"
        counts[outcome] += 1
        if outcome == "skipped":
            print(f"skipped: {program}:{case}: {reason}")
        if outcome != "failed":
            continue
        print(f"\n{kind.upper()}: {program}:{case}: {reason}")
        for name in ("__STDOUT__", "__STDERR__"):
            for (contents,) in store.execute(OUTPUT, (number, name)):
                if contents.strip():
                    print(f"  {name.strip('_').lower()}:\n{tail(contents)}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--all", type=int, default=0)
    parser.add_argument("results", nargs="+")
    arguments = parser.parse_args()
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for path in arguments.results:
        add(path, counts)
    missing = arguments.all - sum(counts.values())
    if missing > 0:
        print(f"\nnot run: {missing} of {arguments.all} cases")
        counts["failed"] += missing
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**counts))
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
