# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""own-late-xenstore: xenstored stands still while the guest asks it; its disks do not mind, and all is heard again afterwards."""
from . import fiojobs, leaks
from .busy import Busy
from .say import say
from .scenario_backend import connected
from .scenario_cycles import nothing_left, quiet_kernel

TIMEOUT, STALL = 3, 12  # seconds: of a request of the guest's, and without an answer
MIB = 2
# The backend's state is written again and again, so that the guest is asking for it when xenstored stops; {0} is the node.
STALL_SCRIPT = """
pids=$(pidof oxenstored xenstored) || exit 1
while :; do xenstore-write {0}/state 4; done > /dev/null 2>&1 &
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
        say(f"{guest.kind.upper()}: xenstored is stopped for {STALL} s under I/O")
        given_up = abandoned(bench)
        ticket = bench.machine.submit(STALL_SCRIPT.format(node, STALL))
        busy.await_requests(1000)
        stopped = bench.machine.collect(ticket, 120, "dom0: stopping xenstored")
        if stopped.status:
            bench.fail(f"dom0 could not stop xenstored: {stopped.out.strip()[-500:]}")
        given_up = abandoned(bench) - given_up
        busy.await_requests()
        rounds = busy.stop()
    if not given_up:
        bench.fail("no request to xenstore was given up: it was not asked while it stood still")
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


def abandoned(bench):
    """Requests that pvkit.ko has given up so far."""
    return int(bench.driver.hypervisor()["xenstore_abandoned"])
