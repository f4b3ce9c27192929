# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Saving, restoring and migrating a guest with xl, all within one dom0."""
from .say import LabError

LIMIT = 300  # seconds of the host for each
# These need room for an image and for a second copy of the guest.
SCENARIOS = {
    "block-save-restore",
    "own-choices",
    "own-many-cpus",
    "own-services",
    "own-unplug",
    "own-xenstore",
}


def spare_mib(options):
    """Memory that dom0 needs for an image of the guest, and Xen for the second copy during a
    migration."""
    return options.memory + 32 if SCENARIOS & set(options.asked()) else 0


def save_restore(guest, away=0):
    """The guest is stored and ends; another domain goes on where it stopped, some seconds later."""
    image = f"/tmp/{guest.kind}.save"
    _another_domain(
        guest,
        f"xl save {guest.kind} {image} && sleep {away} && xl restore {image}; status=$?; rm -f "
        f"{image}; exit $status",
        "save and restore",
    )


def checkpoint(guest):
    """The guest is stored and goes on in the same domain."""
    image, before = f"/tmp/{guest.kind}.save", guest.domid
    script = f"xl save -c {guest.kind} {image}; status=$?; rm -f {image}; exit $status"
    guest.machine.dom0_sh(script, LIMIT, what=f"checkpoint of the {guest.kind} guest")
    if guest.find() != before:
        raise LabError(
            f"after a checkpoint the {guest.kind} guest is domain {guest.domid}, not {before}",
            guest.machine.folder,
        )


def migrate(guest):
    """Live, from this dom0 to itself: an empty -s makes xl run the given command in place of
    ssh."""
    _another_domain(guest, f"xl migrate -s '' {guest.kind} 'xl migrate-receive'", "migration")


def _another_domain(guest, script, what):
    before = guest.domid
    guest.machine.dom0_sh(script, LIMIT, what=f"{what} of the {guest.kind} guest")
    if guest.find() == before:
        raise LabError(
            f"{what}: the {guest.kind} guest is still domain {before}", guest.machine.folder
        )


WAYS = {"save-restore": save_restore, "checkpoint": checkpoint, "migrate": migrate}


def ways(guest, asked):
    """{name: function} of those that are asked for, else of all that a guest of this type can do.

    A live migration of a PV guest needs shadow page tables, which Debian's Xen is built without."""
    able = {name: move for name, move in WAYS.items() if (guest.kind, name) != ("pv", "migrate")}
    if wrong := set(asked or ()) - set(able):
        raise LabError(f"{', '.join(sorted(wrong))}: not with a {guest.kind} guest")
    return {name: move for name, move in able.items() if name in (asked or able)}
