# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""own-late-xenstore: xenstored stands still while the guest asks it; its disks do not mind, and all
is heard again afterwards."""
import re

from . import fiojobs, kernel_log, leaks, tools
from .busy import Busy
from .say import say
from .scenario_backend import connected
from .scenario_cycles import nothing_left, quiet_kernel

TIMEOUT, STALL = 3, 12  # seconds: of a request of the guest's, and without an answer
MIB = 2
TRIES = 5  # to stop xenstored while the guest is asking
# Programs that are let in though nobody answers; seconds until all are again.
FEWEST, AGAIN = 200, 60
# The backend's state is written again and again, many times by one program, so that xenstored has
# hardly anything to wait for and the guest is asking for the state when it stops; {0} is the node.
STALL_SCRIPT = """
pids=$(pidof oxenstored xenstored) || exit 1
pairs=$(for i in $(seq 50); do echo {0}/state 4; done)
while :; do xenstore-write $pairs; done > /dev/null 2>&1 &
writer=$!
sleep 2
kill -STOP $pids
sleep {1}
kill -CONT $pids
sleep 1
kill $writer
"""
# What programs could open while pvkit.ko loads, until it is refused.
LOAD_SCRIPT = """
insmod /modules/pvkit.ko store_timeout={0} 2> /dev/null & load=$!
while kill -0 $load 2> /dev/null; do
    ls /dev/hvc0 /dev/watchdog0 /dev/xen/xenbus /proc/xen/xenbus 2> /dev/null
    sleep 0.1
done
if wait $load; then echo loaded; fi
"""


def own_late_xenstore(bench):
    """xenstored is stopped for longer than a request may take: a load fails and leaves nothing; a
    disk stays and its I/O goes on, hot plug works again"""
    guest, disk = bench.guest, bench.disk
    tools.bring(bench)
    load_without(bench)
    bench.driver.load(core=f"store_timeout={TIMEOUT}")
    clients = crowd(bench)
    before = leaks.held(guest)
    disk.attach()
    node = disk.backend()
    with Busy(guest, disk.name) as busy:
        given_up = until_given_up(bench, busy, node)
        rounds = busy.stop()
    connected(bench, node)
    disk.same_bytes()
    disk.detach()
    disk.attach()
    fiojobs.verified_write(guest, disk.name, 32, "split", MIB)
    disk.same_bytes(MIB)
    disk.detach()
    leaks.same(before, leaks.held(guest), "a xenstored that stood still", bench.folder)
    nothing_left(bench)
    bench.driver.unload()
    quiet_kernel(bench, io_errors=True)
    return {"clients_let_in": clients, "given_up": given_up, "verified_rounds": rounds}


def while_silent(bench, script):
    """What a script in the guest says while xenstored stands still."""
    bench.machine.dom0_sh("kill -STOP $(pidof oxenstored xenstored)")
    try:
        return bench.guest.sh(
            script, what=f"{bench.guest.kind}: {script.split()[0]} while xenstored stands still"
        ).out
    finally:
        bench.machine.dom0_sh("kill -CONT $(pidof oxenstored xenstored)")


def load_without(bench):
    """While xenstored stands still pvkit.ko is not loaded, and nobody can open what goes with a
    load that fails."""
    say(f"{bench.guest.kind.upper()}: pvkit.ko is loaded while xenstored stands still")
    seen = while_silent(bench, LOAD_SCRIPT.format(TIMEOUT)).split()
    if seen:
        bench.fail(f"a load of pvkit.ko that must fail shows {', '.join(sorted(set(seen)))}")
    nothing_loaded(bench)


def nothing_loaded(bench):
    """No trace of pvkit.ko in the guest, and its log says why."""
    script = (
        "ls -d /sys/module/pvkit /sys/bus/pvkit /dev/hvc0 /dev/watchdog0 /dev/xen/xenbus /proc/xen "
        "2> /dev/null; grep pvkit /proc/interrupts"
    )
    if left := bench.guest.sh(script, check=False).out.strip():
        bench.fail(f"pvkit.ko was not loaded and left {left}")
    if not kernel_log.lines(bench.guest, "pvkit: cannot start: bus"):
        bench.fail("the log does not say why pvkit.ko was not loaded")


def crowd(bench):
    """Programs that come and go while xenstored stands still are let in until too much is kept for
    it; then all is well again. How many were."""
    say(f"{bench.guest.kind.upper()}: programs come and go while xenstored stands still")
    said = while_silent(bench, "poller crowd name")
    if (
        not (found := re.fullmatch(r"(\d+) clients came and went", said.strip()))
        or int(found[1]) < FEWEST
    ):
        bench.fail(f"poller crowd, at least {FEWEST} clients of which must be let in: {said}")
    answers = (
        f'for i in $(seq {AGAIN}); do [ "$(xenstore-read domid 2> /dev/null)" = '
        f"{bench.guest.domid} ] && exit 0; sleep 1; done; xenstore-read domid; exit 1"
    )
    bench.guest.sh(answers, what=f"{bench.guest.kind}: xenstore-read after xenstored stood still")
    return int(found[1])


def until_given_up(bench, busy, node):
    """Stop xenstored under I/O until it left a request of the guest's without an answer; returns
    how many were given up."""
    for _ in range(TRIES):
        if given_up := stall(bench, busy, node):
            return given_up
        say("    the guest had asked for nothing just then")
    return bench.fail(
        f"no request to xenstore was given up: it stood still {TRIES} times and was not asked"
    )


def stall(bench, busy, node):
    """One time that xenstored stands still; the disk does not mind. How many requests the guest
    gave up."""
    say(f"{bench.guest.kind.upper()}: xenstored is stopped for {STALL} s under I/O")
    before = abandoned(bench)
    ticket = bench.machine.submit(STALL_SCRIPT.format(node, STALL))
    busy.await_requests(1000)
    stopped = bench.machine.collect(ticket, 120, "dom0: stopping xenstored")
    if stopped.status:
        bench.fail(f"dom0 could not stop xenstored: {stopped.out.strip()[-500:]}")
    given_up = abandoned(bench) - before
    busy.await_requests()
    return given_up


def abandoned(bench):
    """Requests that pvkit.ko has given up so far."""
    return int(bench.driver.hypervisor()["xenstore_abandoned"])
