# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Progress on stderr and the one exception type that ends a lab command with a clear line."""
import sys
import threading
import time

_start = time.monotonic()
_lock = threading.Lock()


class LabError(Exception):
    """A failure the user can act on: the message says what failed, `log` where the details are."""

    def __init__(self, message, log=None):
        super().__init__(message)
        self.log = log


class Silence(LabError):
    """Nothing was heard in time: what was asked hangs, or is far too slow."""


AGAIN = "once more: "  # what tests/gate/summary.py tells of a case that passed all the same


def say_again(text):
    """Something of the lab's own has failed and is done again: nobody should have to look for that
    in a log."""
    say(AGAIN + text)


def about(function):
    """What a function is about, on one line: the first paragraph of its docstring."""
    return " ".join((function.__doc__ or function.__name__).split("\n\n", 1)[0].split())


def say(text):
    """One progress line with the seconds since the command began, so a slow step is seen while it
    is slow."""
    with _lock:
        print(f"lab {time.monotonic() - _start:6.1f}s  {text}", file=sys.stderr, flush=True)
