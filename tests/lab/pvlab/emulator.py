# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""A fault of the emulator that ends a guest now and then: told by its mark, and the guest's
scenarios are run once more."""
from .say import LabError, say_again

# The processor took one interrupt twice, the second time at the first instruction of its entry and
# with interrupts off (docs/lab.md, Traps). No code of a driver runs on that stack.
MARK = "ENTRY_TRAMPOLINE stack guard page was hit"


def marks(folder, kind):
    """How often a guest type's consoles say that it died of it."""
    console = folder / "job" / "log" / "console"
    files = (console / f"guest-{kind}.log", console / f"guest-{kind}-serial.log")
    return sum(path.read_text(errors="replace").count(MARK) for path in files if path.exists())


def repeated(folder, kind, scenarios):
    """What the scenarios return; from the start again, once, where the guest has died of the
    emulator. All other failures are failures."""
    before = marks(folder, kind)
    try:
        return scenarios()
    except LabError as error:
        if marks(folder, kind) == before:
            raise
        say_again(
            f"{kind.upper()}: the emulated processor took an interrupt twice, and the guest died "
            f"of it ({error})"
        )
    return scenarios()
