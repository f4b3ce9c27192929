# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Where things live: the tree, the cache, the folders of single runs, and the locks between lab
commands."""
import contextlib
import fcntl
import os
import pathlib
import threading
import time

from .say import say

# One for all trees and users of this host: the lock is about its CPUs and memory. Not $TMPDIR,
# which Kyua sets anew for each test.
MACHINE_LOCK = pathlib.Path("/tmp/pvkit-lab.lock")
LAB = pathlib.Path(__file__).resolve().parent.parent
TOP = LAB.parent.parent


def cache(*parts):
    """A path in the cache; its folder exists afterwards."""
    base = os.environ.get("PVKIT_CACHE")
    if not base:
        base = os.path.join(
            os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "pvkit"
        )
    path = pathlib.Path(base, *parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def new_run(name):
    """A fresh folder build/lab/<name>-<time>-<pid> for the logs of one run."""
    path = TOP / "build" / "lab" / f"{name}-{time.strftime('%H%M%S')}-{os.getpid()}"
    path.mkdir(parents=True, exist_ok=True)
    return path


_threads = {}
_threads_guard = threading.Lock()


def _open(path):
    """The lock file, for reading: another user's file in a shared folder can be locked too, not
    written or created."""
    with contextlib.suppress(FileNotFoundError):
        return open(path, encoding="ascii")
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_CREAT, 0o666))


@contextlib.contextmanager
def locked(path, what):
    """Hold an exclusive lock file; says so when another command has it. The kernel drops it however
    we end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _threads_guard:
        ours = _threads.setdefault(path, threading.Lock())
    with ours, _open(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another lab command ({what}) ...")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
