# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""block-backend-restart: the backend goes away and comes back under I/O, which waits for it and
then goes on."""
from . import leaks
from .busy import Busy
from .say import say
from .scenario_cycles import nothing_left, quiet_kernel

DRIVER = "/sys/bus/xen-backend/drivers/vbd"
AWAY = 2.0  # seconds without a backend
# What is done in dom0 to end the backend and to bring it back; {0} is its device, {1} its node in
# xenstore. "online" stays 1 in each: the toolstack has not taken the disk away.
WAYS = {
    # at once, with no change of state: blkback joins the rings again where it left them
    "rebind": ("echo {0} > {driver}/unbind", "echo {0} > {driver}/bind"),
    # in order: told by its state, then gone, which makes it Closed; it comes back in InitWait and
    # expects new rings
    "restart": (
        "xenstore-write {1}/state 5; sleep 0.5; echo {0} > {driver}/unbind",
        "echo {0} > {driver}/bind",
    ),
    # only told: the frontend closes, and begins anew as soon as the backend has closed too
    "closing": ("xenstore-write {1}/state 5", None),
}
# As another host's backend may do it: requests that were made for large limits have to fit into
# small ones.
CHANGED = {
    "smaller": {"max_indirect_segments": 0, "max_ring_page_order": 0, "max_queues": 1},
    "larger": {"max_indirect_segments": 256, "max_ring_page_order": 2, "max_queues": 4},
}
AGREED = {
    "smaller": {"max_segments": "11", "ring_page_order": "0", "queues": "1"},
    "larger": {"max_segments": "256", "ring_page_order": "2"},
}
WAYS.update(dict.fromkeys(CHANGED, WAYS["restart"]))
BACKEND_QUEUES = 4


def block_backend_restart(bench):
    """the backend ends and returns under verified I/O, at once and in order, --cycles times (1)"""
    guest, disk = bench.guest, bench.disk
    cycles = bench.cycles(1)
    bench.machine.dom0_sh(f"echo {BACKEND_QUEUES} > /sys/module/xen_blkback/parameters/max_queues")
    bench.driver.load()
    before = leaks.held(guest)
    disk.attach()
    with Busy(guest, disk.name) as busy:
        for _ in range(cycles):
            for way in WAYS:
                change_limits(bench, way)
                restart(bench, busy, way)
                agreed(bench, way)
        rounds = busy.stop()
    disk.same_bytes()
    replayed = [queue["replayed"] for queue in bench.driver.queues(disk.name)]
    disk.detach()
    after = leaks.held(guest)
    leaks.same(before, after, f"{cycles * len(WAYS)} restarts of the backend", bench.folder)
    nothing_left(bench)
    bench.driver.unload()
    quiet_kernel(bench, io_errors=True)
    return {
        "cycles": cycles,
        "ways": list(WAYS),
        "verified_rounds": rounds,
        "replayed": replayed,
        "before": before,
        "after": after,
    }


def change_limits(bench, way):
    """Parameters that count from the next connection on."""
    lines = [f"echo {value} > {name}" for name, value in CHANGED.get(way, {}).items()]
    if lines:
        bench.guest.sh(" && ".join(["cd /sys/module/pvkit_blkfront/parameters", *lines]))


def agreed(bench, way):
    """What the two ends came to agree on this time."""
    if way not in AGREED:
        return
    text = bench.driver.facts()[f"{bench.disk.name}/features"]
    features = dict(line.split(None, 1) for line in text.splitlines())
    expected = {"queues": str(min(BACKEND_QUEUES, bench.options.vcpus)), **AGREED[way]}
    wrong = {
        key: features.get(key) for key, value in expected.items() if features.get(key) != value
    }
    if wrong:
        bench.fail(f"backend {way}: agreed on {wrong}, expected {expected}")


def restart(bench, busy, way):
    """One restart: I/O goes on before and after, and none completes in between."""
    say(f"{bench.guest.kind.upper()}: backend {way} under I/O")
    node = bench.disk.backend()
    gone, back = (
        text
        and text.format(f"vbd-{bench.guest.domid}-{node.rsplit('/', 1)[1]}", node, driver=DRIVER)
        for text in WAYS[way]
    )
    busy.await_requests()
    bench.machine.dom0_sh(gone, what=f"dom0: {way}, ending the backend")
    if back:
        busy.held(AWAY)
        bench.machine.dom0_sh(back, what=f"dom0: {way}, bringing the backend back")
    busy.await_requests()
    busy.await_rounds()
    connected(bench, node)


def connected(bench, node):
    """Both ends must be in state Connected, and the disk must still be on offer."""
    front = f"/local/domain/{bench.guest.domid}/device/vbd/{node.rsplit('/', 1)[1]}"
    out = bench.machine.dom0_sh(
        f"xenstore-read {node}/state {front}/state {node}/online"
    ).out.split()
    if out != ["4", "4", "1"]:
        bench.fail(
            f"after a restart of the backend: backend, frontend, online are {out}, not 4 4 1"
        )
