# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The commands beside `run`: what there is, an interactive console, the demo, the host's check,
emptying the cache."""
import os
import select
import shutil
import sys
import termios
import tty

from . import demo, kernel, preflight, qemu, runner
from .dom0 import XEN
from .driver import DRIVERS
from .kinds import KINDS, TYPES
from .paths import cache
from .say import LabError, about, say
from .session import Options, Prepared, bench, drivers, machine

ESCAPE = b"\x1d"  # Ctrl-]


def shell(arguments):
    """A guest with the driver loaded and a disk attached, its console on this terminal."""
    options = Options(**{**vars(arguments), "guest": [arguments.guest]})
    preflight.check(options)
    prepared = Prepared(options, "pvkit" in drivers(options)[arguments.guest])
    with machine(options, prepared, f"shell-{arguments.guest}") as booted:
        with bench(booted, options, prepared, arguments.guest, shell=True) as work:
            work.driver.load()
            work.disk.attach()
            booted.console(work.guest.domid)
            say(
                f"the console of the {arguments.guest.upper()} guest; disk /dev/{work.disk.name}, "
                f"driver {options.driver}; end with Ctrl-]"
            )
            join(booted.terminal)
    return 0


def join(sock):
    """This terminal and the guest's console, byte for byte, until Ctrl-] or the end of input."""
    keys = sys.stdin.fileno()
    saved = termios.tcgetattr(keys) if os.isatty(keys) else None
    if saved:
        tty.setraw(keys)
    try:
        sock.sendall(b"\n")
        while True:
            ready, _, _ = select.select([keys, sock], [], [])
            if sock in ready:
                data = sock.recv(4096)
                if not data:
                    raise LabError("the machine ended")
                os.write(sys.stdout.fileno(), data)
            if keys in ready:
                data = os.read(keys, 256)
                if not data or ESCAPE in data:
                    return
                sock.sendall(data)
    finally:
        if saved:
            termios.tcsetattr(keys, termios.TCSADRAIN, saved)


def show(_):
    """`lab list`."""
    print("guests:")
    for kind in KINDS.values():
        print(f"  {kind.name:22} {kind.means}")
    print("kernels:   " + ", ".join(kernel.KNOWN) + ", or any linux-image package file")
    print("xen:       " + ", ".join(XEN))
    print("drivers:   " + ", ".join(DRIVERS))
    print("clocks:    " + ", ".join(qemu.CLOCKS))
    print(f"cache:     {cache('x').parent}")
    print("scenarios:")
    for name, function in runner.SCENARIOS.items():
        print(f"  {name:22} {about(function)}")
    return 0


def check_host(_):
    """Say what is missing, or that nothing is."""
    preflight.check(Options(guest=list(TYPES)))
    say("this machine can run the lab")
    return 0


def clean(_):
    """Empty the cache."""
    folder = cache("x").parent
    say(f"removing {folder}")
    shutil.rmtree(folder, ignore_errors=True)
    return 0


COMMANDS = {
    "list": show,
    "shell": shell,
    "demo": demo.demo,
    "check-host": check_host,
    "clean": clean,
}
