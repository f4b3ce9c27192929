# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Child processes: each in its own group, none outlives the lab, each failure names its log."""
import contextlib
import os
import shlex
import signal
import subprocess
import threading

from .say import LabError

# The kernel ends the child with the lab even when the lab is killed outright.
DIE_WITH_US = ["setpriv", "--pdeathsig", "KILL", "--"]


_running = set()
_ending = threading.Event()


def start(command, **options):
    """Popen in a process group of its own."""
    if _ending.is_set():
        raise LabError("the lab is ending")
    process = subprocess.Popen(
        DIE_WITH_US + [str(c) for c in command], start_new_session=True, **options
    )
    _running.difference_update([p for p in list(_running) if p.returncode is not None])
    _running.add(process)
    return process


def stop_all():
    """End every child and start no more: what other threads were building fails at once, and its
    folder is not kept."""
    _ending.set()
    for process in list(_running):
        if process.poll() is None:
            stop(process)


def stop(process):
    """End a child and its whole group, and reap it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
            return


def run(command, timeout=600, log=None, **options):
    """Run to the end and return stdout; raise LabError with the last lines of output on failure."""
    process = start(
        command,
        stdin=options.pop("stdin", subprocess.DEVNULL),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        raise LabError(f"no end after {timeout} s: {shlex.join(map(str, command))}") from None
    finally:
        if process.poll() is None:
            stop(process)
    if log:
        log.write_bytes(out + err)
    if process.returncode:
        tail = "\n".join((err or out).decode(errors="replace").splitlines()[-8:])
        raise LabError(
            f"failed with status {process.returncode}: {shlex.join(map(str, command))}\n{tail}", log
        )
    return out.decode(errors="replace")


def run_bytes(command):
    """The raw stdout of a short filter."""
    process = start(command, stdout=subprocess.PIPE)
    out, _ = process.communicate(timeout=60)
    if process.returncode:
        raise LabError(f"failed: {shlex.join(map(str, command))}")
    return out
