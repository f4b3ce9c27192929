# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""What the lab's own checks share: a call that must fail, and guests that are never started."""
import pathlib

from pvlab import domain, machine
from pvlab.say import LabError


def raises(function, part, kind=LabError):
    """The call must end in a LabError of this kind that says `part`."""
    try:
        function()
    except kind as error:
        assert part in str(error), error
        return
    raise AssertionError(f"no error that says {part!r}")


class FakeMachine:
    """A dom0 that knows its TSC and nothing else."""

    folder, clock = pathlib.Path("."), "real"

    @staticmethod
    def dom0_sh(_script, **_more):
        return machine.Result(0, "2596.139\n")


class FakeKernel:
    """Where its files would lie."""

    release, root = "6.1-fake", pathlib.Path("/cache/kernel/k1")


def fake_guest(kind, **more):
    """A guest that is not started, with files from the cache."""
    files = {
        name: pathlib.Path(f"/cache/x/{kind}-key/{name}")
        for name in (
            "initramfs.gz",
            "payload.tar",
            "whole.cpio",
            "hvm-start",
            "vmlinux",
            "vmlinux.gz",
        )
    }
    return domain.Guest(FakeMachine(), kind, FakeKernel, files, **more)


def config_of(made):
    """xl's configuration of a guest, {key: text}."""
    return dict(line.split("=", 1) for line in made._config().splitlines())
