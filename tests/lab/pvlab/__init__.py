# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The pvkit lab: a real Xen with a dom0 and guests inside QEMU, no hardware virtualisation
needed."""
