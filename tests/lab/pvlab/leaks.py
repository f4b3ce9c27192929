# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""What a guest holds of Xen's, as the hypervisor itself counts it: event channels, and grants that
dom0 has mapped."""
import re
import time

from .say import LabError

SETTLE = 10  # seconds that a backend may take to let go


def parse_events(text):
    """{domid: number of event channels in use} from the output of debug key e.

    Not those of interrupt lines (s=4): an HVM guest that migrates opens more of them, and no
    frontend has any."""
    counts, domain = {}, None
    for line in text.splitlines():
        if found := re.search(r"Event channel information for domain (\d+)", line):
            domain = int(found[1])
            counts[domain] = 0
        elif domain is not None and re.search(r"^(?:\(XEN\))?\s+\d+ \[[^]]*\]:? s=[12356]", line):
            counts[domain] += 1
    return counts


def parse_grants(text):
    """{domid: number of entries that another domain has mapped} from the output of debug key g."""
    counts, domain = {}, None
    for line in text.splitlines():
        if found := re.search(r"grant-table for remote d(?:omain:?)?\s*(\d+)", line):
            domain = int(found[1])
            counts[domain] = 0
        elif domain is not None and re.search(r"^(?:\(XEN\))?\s+\[\s*(?:0x)?[0-9a-f]+\]\s", line):
            counts[domain] += 1
    return counts


def held(guest):
    """{"events": n, "mapped_grants": n} of a guest now."""
    # Both dumps in one go: xl takes a while to start under emulation.
    text = guest.machine.dom0_sh(
        "xl dmesg -c > /dev/null; xl debug-keys eg; sleep 0.3; xl dmesg"
    ).out
    values = {}
    for name, parse in (("events", parse_events), ("mapped_grants", parse_grants)):
        counts = parse(text)
        if guest.domid not in counts:
            raise LabError(
                f"Xen's dump of {name} does not name domain {guest.domid}:\n{text[-1500:]}",
                guest.machine.folder,
            )
        values[name] = counts[guest.domid]
    return values


def back_to(guest, before, what):
    """As same, with some time for a backend that lets go after the disk has gone."""
    limit = time.monotonic() + SETTLE
    while (now := held(guest)) != before and time.monotonic() < limit:
        time.sleep(0.5)
    same(before, now, what, guest.machine.folder)


def same(before, after, what, folder):
    """Anything held now that was not held before is a leak."""
    if before != after:
        raise LabError(f"{what}: Xen counted {before} before and {after} after", folder)
