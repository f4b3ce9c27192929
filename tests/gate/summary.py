#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""summary.py RESULTS: what a Kyua run (its results database) found, ending in one line to parse.

Every failed or broken case is shown with its output, and of one that passed what the lab had to do
again ("once more: ", tests/lab/pvlab/say.py). Last line: "N passed, N failed, N skipped".
Exit status 1 when anything failed, or when nothing was run at all.
"""

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
AGAIN = b"once more: "


def tail(contents):
    lines = contents.decode(errors="replace").rstrip().split("\n")
    if len(lines) > LINES:
        lines = [f"[{len(lines) - LINES} lines before]"] + lines[-LINES:]
    return "\n".join("    " + line for line in lines)


def main(path):
    store = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for program, case, kind, reason, number in store.execute(RESULTS).fetchall():
        outcome = "passed" if kind in PASSED else "skipped" if kind in SKIPPED else "failed"
        counts[outcome] += 1
        if outcome == "skipped":
            print(f"skipped: {program}:{case}: {reason}")
        if outcome == "passed":
            for (contents,) in store.execute(OUTPUT, (number, "__STDERR__")):
                for line in contents.splitlines():
                    if AGAIN in line:
                        print(f"{program}:{case}: {line.decode(errors='replace').strip()}")
        if outcome != "failed":
            continue
        print(f"\n{kind.upper()}: {program}:{case}: {reason}")
        for name in ("__STDOUT__", "__STDERR__"):
            for (contents,) in store.execute(OUTPUT, (number, name)):
                if contents.strip():
                    print(f"  {name.strip('_').lower()}:\n{tail(contents)}")
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**counts))
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
