# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The QEMU command line: which machine, which CPU, and why each option is there."""

BINARY = "qemu-system-x86_64"
CPU = ",".join(
    [
        "max",
        # with SMAP a PV dom0 dies in early boot: protection fault in the guest kernel
        "-smap",
        # not needed, less to go wrong
        "-pku",
        "-la57",
        # with icount, x2APIC MSR access aborts QEMU: "Bad icount read"
        "-x2apic",
        # QEMU 7.2 reports the RDTSCP intercept as RDTSC, Xen cannot step over it: HVM and PVH
        # guests hang
        "-rdtscp",
        # one rep movsb would count (and cost) an instruction a byte: memcpy of 4 KiB = 4100 of them
        "-erms",
        "-fsrm",
    ]
)
CLOCKS = {
    # fastest, for correctness
    "real": ["-accel", "tcg,thread=multi", "-smp", "2"],
    # time is the number of instructions executed: repeatable on a noisy machine
    "counted": ["-accel", "tcg,thread=single", "-icount", "shift=1,sleep=off", "-smp", "1"],
}
XEN_ARGS = (
    "console=com1 com1=115200 loglvl=all guest_loglvl=all "
    "conring_size=1m "  # grant and event dumps of several guests must not push each other out
    "bootscrub=off "  # memory is zero already
    # one vCPU: page-table changes of a PV dom0 with two cost an interrupt to the other one each
    "dom0_max_vcpus=1 "
    # lazy FPU switching loses vector registers under QEMU: 3 % of short processes die
    "spec-ctrl={}eager-fpu "
)
# with icount, Linux's PIT calibration takes the 1 GHz TSC for 4.19 GHz
DOM0_ARGS = "console=hvc0 loglevel=4 clocksource=xen"
# (of the CPU, of spec-ctrl=, for dom0). A tenth of all time goes into what defends silicon from
# speculation, and into wide registers, saved at each switch. Guests keep their defences, as drivers
# are compiled with them; figures are of a whole machine.
LEAN = {"real": (",-avx,-avx2,-fma,-f16c", "no,", " mitigations=off"), "counted": ("", "", "")}
OVERHEAD_MIB = 512  # Xen, its frame table, an HVM guest's shadow and device model


def memory_mib(dom0_mib, guest_mib):
    """Memory of the whole machine."""
    return dom0_mib + guest_mib + OVERHEAD_MIB


def command(clock, dom0, job, dom0_mib, guest_mib, console, ports, plugin=None):
    """The argument list. `ports` maps virtio port names to inherited socket numbers."""
    cpu, defences, dom0_more = LEAN[clock]
    words = [
        BINARY,
        *CLOCKS[clock],
        "-M",
        "q35,hpet=off",
        "-cpu",
        CPU + cpu,
        "-m",
        memory_mib(dom0_mib, guest_mib),
        "-nodefaults",
        "-no-user-config",
        "-display",
        "none",
        "-no-reboot",
        "-serial",
        f"file:{console}",
        "-kernel",
        dom0.xen,
        "-append",
        XEN_ARGS.format(defences) + f"dom0_mem={dom0_mib}M,max:{dom0_mib}M",
        "-initrd",
        f"{dom0.vmlinux} {DOM0_ARGS}{dom0_more},{dom0.initramfs}",
        # snapshot: what dom0 writes is forgotten, the image in the cache stays as built
        "-drive",
        f"file={dom0.root},if=none,id=root,format=raw,snapshot=on",
        "-device",
        "virtio-blk-pci,drive=root",
        "-virtfs",
        f"local,path={job},mount_tag=job,security_model=none",
        "-device",
        "virtio-serial-pci",
    ]
    for name, number in ports.items():
        words += [
            "-chardev",
            f"socket,id={name},fd={number}",
            "-device",
            f"virtserialport,chardev={name},name={name}",
        ]
    if plugin:
        words += ["-plugin", plugin]
    return [str(w) for w in words]
