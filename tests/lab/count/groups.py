# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Which functions belong to what, by name. Entries of a function are events of its kind."""

import re

# The last ones are what a kernel has for an emulated disk.
FRONTEND_MODULES = (
    "xen_blkfront",
    "pvkit",
    "pvkit_blkfront",
    "ata_piix",
    "libata",
    "scsi_mod",
    "sd_mod",
)

# Instructions of the guest's kernel that count as the frontend's beside its modules.
GRANTS = re.compile(
    r"^(__)?(gnttab_|get_free_entr|get_free_seq|put_free_entr|put_free_locked|"
    r"do_free_callbacks|check_free_callbacks|update_grant_|get_seq_entry)"
)
NOTIFY = re.compile(
    r"^(notify_remote_via_(irq|evtchn)|evtchn_from_irq|info_for_irq|"
    r"xen_irq_lateeoi|xen_evtchn_close|xen_hypercall_event_channel_op)$"
)
CLOCK = re.compile(r"^pvk_clock_|^[^(]*\bpvk::read_(versioned|system_time)\b")
COPY = re.compile(r"^_*(memcpy|memmove)(_orig|_erms|_flushcache)?$")

# Functions whose entries are counted as events. A name that the kernel lacks makes the figure
# unknown, not zero.
SEND = re.compile(r"^(notify_remote_via_irq|pvk_event_notify)$")
DOM0_SEND = re.compile(r"^(notify_remote_via_irq|evtchn_ioctl)$")  # a driver, or a device model
XEN_SEND = re.compile(r"^evtchn_send$")
# The last one: a kernel that is no Xen guest takes upcalls, and emulated devices, as any interrupt.
UPCALL = re.compile(
    r"^(asm_exc_xen_hypervisor_callback|asm_sysvec_xen_hvm_callback|"
    r"do_hvm_evtchn_intr|asm_common_interrupt)$"
)
DEVICE_INTERRUPT = re.compile(r"^(blkif_interrupt|pvk_disk_upcall|ata_bmdma_interrupt)$")
GRANT = re.compile(r"^(gnttab_update_entry_v[12]|pvk_own_grant_publish)$")
REVOKE = re.compile(r"^(gnttab_end_foreign_access_ref_v[12]|pvk_own_grant_revoke)$")
EXIT = re.compile(r"^(svm|vmx)_vmexit_handler$")
SWITCH = re.compile(r"^__context_switch$")
XEN_GRANT_TABLE_OP = re.compile(r"^do_grant_table_op$")
IRET = re.compile(r"iret")


def part(function, kind, modules):
    """The named share of a guest function: module, grants, notify, copy; None is the rest.

    The clock that pvkit.ko gives to a kernel without Xen is no part of a frontend, as the kernel's
    own one is not. A `rep movs` counts as copying in the frontend's own code; elsewhere it may be
    a copy to user space, which is no frontend's doing.
    """
    if not function.module and COPY.match(function.name):
        return "copy"
    if function.module in modules:
        if CLOCK.match(function.name):
            return None
        return "copy" if kind == "c" else "module"
    if function.module:
        return None
    if GRANTS.match(function.name):
        return "grants"
    return "notify" if NOTIFY.match(function.name) else None
