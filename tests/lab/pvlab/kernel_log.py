# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""What the guest's kernel says since a scenario began: earlier ones may have provoked I/O errors on
purpose."""

MARK = "pvlab: scenario"
COMPLAINTS = "BUG|WARNING|Call Trace|leak|Oops|blocked for more than|Out of memory|oom-kill"
# A kernel that could look for leaks says so when it starts.
HARMLESS = "leak detector (disabled|initialized)"
IO_ERRORS = "I.O error"  # no slash: it would end the pattern


def begin(guest, scenario):
    """Mark where a scenario begins."""
    guest.sh(
        f"echo '{MARK} {scenario}' > /dev/kmsg", what=f"{guest.kind} guest: marking its kernel log"
    )


def lines(guest, pattern):
    """What matches since the mark."""
    script = (
        f"dmesg | awk '/{MARK}/ {{ n = 0; next }} /{HARMLESS}/ {{ next }} /{pattern}/ {{ l[n++] = "
        f"$0 }} END {{ for (i = 0; i < n; i++) print l[i] }}'"
    )
    return guest.sh(script, what=f"{guest.kind} guest: its kernel log").out.splitlines()
