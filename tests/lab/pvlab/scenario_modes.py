# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""block-modes: every way that a disk can be negotiated with a real backend moves the right
bytes."""
from . import fiojobs
from .say import say
from .scenario_cycles import finish

BACKEND_QUEUES = 4
# name: parameters of the module, and what the features file must say then
MODES = {
    "persistent": (
        "",
        {
            "grants": "persistent",
            "ring_page_order": "2",
            "max_segments": "256",
            "queue_depth": "128",
        },
    ),
    "direct": ("feature_persistent=0", {"grants": "direct"}),
    "bounce": ("feature_persistent=0 trusted=0", {"grants": "bounce"}),
    "large": (
        "max_ring_page_order=4 max_indirect_segments=256",
        {
            "grants": "persistent",
            "ring_page_order": "4",
            "max_segments": "256",
            "queue_depth": "512",
        },
    ),
    "large-direct": (
        "max_ring_page_order=4 max_indirect_segments=256 feature_persistent=0",
        {"grants": "direct", "max_segments": "256"},
    ),
    "small": (
        "max_queues=1 max_indirect_segments=0 max_ring_page_order=0",
        {"queue_depth": "32", "queues": "1", "max_segments": "11", "indirect": "0"},
    ),
}


def block_modes(bench):
    """persistent, direct and bounced grants, large and small rings and requests: verified, one
    queue for each of --vcpus"""
    backend_queues(bench)
    seen = {}
    queues = str(min(BACKEND_QUEUES, bench.options.vcpus))
    for name, (parameters, expected) in MODES.items():
        seen[name] = one_mode(bench, name, parameters, {"queues": queues, **expected})
    return {"modes": seen}


def backend_queues(bench):
    """Let blkback offer queues whatever the number of dom0's CPUs."""
    bench.machine.dom0_sh(f"echo {BACKEND_QUEUES} > /sys/module/xen_blkback/parameters/max_queues")


def one_mode(bench, name, parameters, expected):
    """Load, attach, compare what was negotiated, verify data, detach, unload; returns the features
    file."""
    guest, disk = bench.guest, bench.disk
    say(f"{guest.kind.upper()}: mode {name}")
    bench.driver.load(parameters)
    disk.attach()
    features = bench.driver.features(disk.name)
    wrong = {
        key: features.get(key) for key, value in expected.items() if features.get(key) != value
    }
    if wrong:
        bench.fail(f"mode {name}: negotiated {wrong}, expected {expected}")
    fiojobs.verified_write(guest, disk.name, 1, "mixed", 2, seed=1)
    fiojobs.verified_write(guest, disk.name, 32, "split", 16, seed=2, offset_mib=4)
    disk.same_bytes()
    disk.detach()
    finish(bench)
    return features
