# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""own-endings: every way in which a guest ends, by the toolstack's word or by itself, and the
reason that Xen is given."""
import re
import time

from . import tools
from .say import LabError, say

LIMIT = 90  # seconds of the host
POWEROFF, REBOOT, CRASH, WATCHDOG = 0, 1, 3, 4  # xen/sched.h

# name: (where, what is done there, reason). The agent's answer is not waited for: the guest may be
# gone first.
ENDINGS = {
    "xl shutdown": ("dom0", "xl shutdown {kind}", POWEROFF),
    "xl reboot": ("dom0", "xl reboot {kind}", REBOOT),
    "control/shutdown halt": (
        "dom0",
        "xenstore-write /local/domain/{domid}/control/shutdown halt",
        POWEROFF,
    ),
    "control/shutdown crash": (
        "dom0",
        "xenstore-write /local/domain/{domid}/control/shutdown crash",
        CRASH,
    ),
    "xl sysrq c": ("dom0", "xl sysrq {kind} c", CRASH),
    "watchdog starves": ("guest", "watchdog -T 4 -t 600 /dev/watchdog0", WATCHDOG),
}


def own_endings(bench):
    """poweroff, halt, reboot, crash and sysrq from the toolstack, a starved watchdog: each ends the
    guest with the right reason"""
    seen = {}
    for name, (where, script, reason) in ENDINGS.items():
        seen[name] = one_ending(bench, name, where, script, reason)
        bench.restart()
    return {"endings": seen}


def one_ending(bench, name, where, script, reason):
    """With a disk attached, as guests have one."""
    guest = bench.guest
    tools.bring(bench)
    bench.driver.load()
    bench.disk.attach()
    guest.sh("echo 1 > /proc/sys/kernel/sysrq")
    say(f"{guest.kind.upper()}: {name}")
    begin = time.monotonic()
    words = script.format(kind=guest.kind, domid=guest.domid)
    if where == "dom0":
        bench.machine.dom0_sh(words)
    else:
        guest.submit(words)
    found = reason_of(bench, name)
    if found != reason:
        bench.fail(f"{name}: Xen was given reason {found}, expected {reason}")
    return {"reason": found, "seconds": round(time.monotonic() - begin, 1)}


def reason_of(bench, name):
    """What xl, which watches the domain, says of its end."""
    log = bench.machine.job / "log" / f"xl-{bench.guest.kind}.log"
    limit = time.monotonic() + LIMIT
    while time.monotonic() < limit:
        if found := re.search(
            rf"Domain {bench.guest.domid} has shut down, reason code (\d+)",
            log.read_text(errors="replace"),
        ):
            return int(found[1])
        time.sleep(0.2)
    raise LabError(
        f"{name}: the {bench.guest.kind} guest has not ended after {LIMIT} s", bench.folder
    )
