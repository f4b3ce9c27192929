# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The gate's builds: every supported kernel, from nothing, so that the whole log is judged."""

import fcntl
import pathlib
import re
import shutil
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[2]
SERIES = ("6.1", "6.12")
MODULES = ("pvkit", "pvkit-blkfront")


class Build:
    def __init__(self, series):
        self.series = series
        self.out = TOP / "build" / "gate" / series
        # Tool output of the run, success or not; exists only when the run ended.
        self.done = TOP / "build" / "gate" / f"{series}.done"

    def ensure(self):
        """Builds once per check run: `make check` and `make gate` remove the mark beforehand."""
        self.out.parent.mkdir(parents=True, exist_ok=True)
        with open(self.out.parent / f"{self.series}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self.done.exists():
                self.run()
        return self

    def run(self):
        shutil.rmtree(self.out, ignore_errors=True)
        result = subprocess.run(
            [
                "make",
                "-C",
                TOP,
                "--no-print-directory",
                "modules",
                f"KERNEL={self.series}",
                f"OUT={self.out}",
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.done.write_text(f"{result.returncode}\n{result.stdout}")

    def status(self):
        return int(self.done.read_text().split("\n", 1)[0])

    def log(self):
        return self.done.read_text().splitlines()[1:]

    def cores(self):
        return [self.out / f"{name}-core.o" for name in MODULES]

    def modules(self):
        return [self.out / f"{name}.ko" for name in MODULES]

    @property
    def kernel(self):
        kdir = (self.out / ".kernel").read_text().split()[0]
        return Demands((pathlib.Path(kdir) / "include/generated/autoconf.h").read_text())


class Demands:
    """What a kernel's configuration asks of a module's machine code."""

    def __init__(self, autoconf):
        def has(*names):
            return any(
                re.search(rf"^#define CONFIG_{name} 1$", autoconf, re.MULTILINE) for name in names
            )

        self.rethunk = has("RETHUNK", "MITIGATION_RETHUNK")
        self.retpoline = has("RETPOLINE", "MITIGATION_RETPOLINE")
