# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Each unittest case of a program as one Kyua case, so that a skipped one is seen as skipped."""

import pathlib
import sys
import unittest

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[2] / "gate"))

import atf  # noqa: E402


def main():
    """Speaks ATF's protocol for the cases of the program that calls it."""
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    sys.exit(atf.main({_name(case): lambda case=case: _run(case) for case in _flat(suite)}))


def _flat(suite):
    for entry in suite:
        if isinstance(entry, unittest.TestSuite):
            yield from _flat(entry)
        else:
            yield entry


def _name(case):
    return ".".join(case.id().split(".")[-2:])


def _run(case):
    """The complaints of one case. A suite around it runs its class's set-up too."""
    result = unittest.TestSuite([case]).run(unittest.TestResult())
    if result.skipped:
        raise atf.Skip(result.skipped[0][1])
    return [text for _, text in result.failures + result.errors]
