# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""own-late-xenstore: xenstored stands still while the guest asks it; its disks do not mind, and all is heard again afterwards."""
from . import fiojobs, leaks
from .busy import Busy
from .say import say
from .scenario_backend import connected
from .scenario_cycles import nothing_left, quiet_kernel

TIMEOUT, STALL = 3, 12  # seconds: of a request of the guest's, and without an answer
MIB = 2
TRIES = 5  # to stop xenstored while the guest is asking
# The backend's state is written again and again, many times by one program, so that xenstored has hardly anything to wait for and
# the guest is asking for the state when it stops; {0} is the node.
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


def own_late_xenstore(bench):
    """xenstored is stopped for longer than a request may take: the disk stays and its I/O goes on, hot plug works again"""
    guest, disk = bench.guest, bench.disk
    bench.driver.load(core=f"store_timeout={TIMEOUT}")
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
    return {"given_up": given_up, "verified_rounds": rounds}


def until_given_up(bench, busy, node):
    """Stop xenstored under I/O until it left a request of the guest's without an answer; returns how many were given up."""
    for _ in range(TRIES):
        if given_up := stall(bench, busy, node):
            return given_up
        say("    the guest had asked for nothing just then")
    return bench.fail(f"no request to xenstore was given up: it stood still {TRIES} times and was not asked")


def stall(bench, busy, node):
    """One time that xenstored stands still; the disk does not mind. How many requests the guest gave up."""
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
