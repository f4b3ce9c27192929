# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""own-unplug: which emulated devices pvkit.ko has taken out, which it leaves, and that they stay out after a restore."""
import tarfile
import time

from . import fiojobs, kernel_log, moves, tools
from .driver import driver_in
from .guest import module_files
from .say import LabError, say
from .scenario_cycles import nothing_left, quiet_kernel

MIB = 4
FILES = {"nvme": "/tmp/emulated-nvme.img", "ide": "/tmp/emulated-ide.img"}  # in dom0
# Beside the lab's own NIC: a second one, whose driver is not loaded, an IDE disk and an IDE drive for CDs.
DEVICES = ["-device", "e1000,romfile=",
           "-drive", f"file={FILES['ide']},if=none,id=ide0,format=raw", "-device", "ide-hd,drive=ide0,bus=ide.0",
           "-device", "ide-cd,bus=ide.1"]
# And an NVMe disk, with which QEMU restores no guest. With MSI-X in a BAR of its own, which is what xl's type of machine asks for,
# QEMU 7.2 aborts when it goes.
NVME_DISK = ["-drive", f"file={FILES['nvme']},if=none,id=nvme0,format=raw", "-device", "nvme,drive=nvme0,serial=pvlab,msix-exclusive-bar=off"]
NVME, NIC, IDE = "0108", "0200", "0101"  # classes on the PCI bus
LIMIT = 60  # seconds until the guest without a network has told xenstore


def own_unplug(bench):
    """NVMe and IDE disks and NICs are unplugged, alone and together, left where a driver has them, and stay away after a restore"""
    guest = bench.guest
    bench.machine.dom0_sh(" && ".join(f"dd if=/dev/urandom of={file} bs=1M count={MIB} 2>/dev/null" for file in FILES.values()))
    with_devices(bench, DEVICES + NVME_DISK)
    seen = {"nvme in use": in_use(bench), "unplug=nvme": nvme_alone(bench)}
    with_devices(bench, DEVICES)
    seen["unplug=all"] = all_but_the_nic(bench)
    seen["unplug=nics"] = nics_alone(bench)
    guest.devices = []
    bench.restart()
    bench.machine.dom0_sh(f"rm -f {' '.join(FILES.values())}")
    return {"left": seen}


def with_devices(bench, devices):
    """The guest anew, with more emulated hardware than the lab needs; the kernel lists all of it."""
    bench.guest.devices = list(devices)
    bench.restart()
    bring(bench)
    bench.whole = functions(bench)
    found = sorted(bench.whole.values())
    nvmes = int("nvme" in " ".join(devices))
    if any("!" in about for about in found) or [found.count(name) for name in (NVME, NIC, IDE)] != [nvmes, 2, 1]:
        bench.fail(f"the guest has other devices than it was given: {bench.whole}")


def bring(bench):
    """xenstore-write, and the driver of NVMe disks."""
    tools.bring(bench)
    with tarfile.open(bench.machine.job / "nvme.tar", "w") as tar:
        for name, (_, data) in module_files(bench.guest.kernel, ["nvme"], "nvme.order").items():
            (bench.machine.job / "nvme.part").write_bytes(data)
            tar.add(bench.machine.job / "nvme.part", name)
    bench.guest.push("/job/nvme.tar")


def functions(bench, text=None):
    """{slot: class} of what the kernel lists on the PCI bus."""
    lines = text.split(",") if text else bench.guest.sh("sh /lab/functions.sh").out.splitlines()
    return dict(line.split() for line in lines if line)


def expect_gone(bench, what, *classes, text=None):
    """These, and nothing else, are missing; returns what is left."""
    left = functions(bench, text)
    wanted = {slot: about for slot, about in bench.whole.items() if about not in classes}
    if left != wanted:
        bench.fail(f"{what}: of {bench.whole} are left {left}, expected {wanted}")
    return left


def expect_said(bench, pattern):
    """The kernel's log has that line."""
    if not kernel_log.lines(bench.guest, pattern):
        bench.fail(f"pvkit.ko does not say: {pattern}")


def ide_disks(bench):
    """What ata_piix finds: (disks, CD drives)."""
    other = driver_in(bench.guest, "emulated", (), None)
    bench.guest.sh("echo pvlab: ata_piix > /dev/kmsg")
    other.load()
    disks = bench.guest.sh("sleep 3; ls /sys/block | grep -E '^sd' || true").out.split()
    drives = bench.guest.sh("dmesg | awk '/pvlab: ata_piix/ { n = 0 } /ATAPI: / { n++ } END { print n + 0 }'").out.strip()
    other.unload_block()
    return len(disks), int(drives)


def in_use(bench):
    """An NVMe disk that its driver has: nothing is unplugged, and the disk goes on."""
    guest = bench.guest
    say(f"{guest.kind.upper()}: an NVMe disk in use")
    guest.sh("while read -r m; do insmod /modules/$m || exit 1; done < /modules/nvme.order\n"
             "for i in $(seq 100); do [ -b /dev/nvme0n1 ] && exit 0; sleep 0.1; done; exit 1", what=f"{guest.kind}: loading nvme")
    bench.driver.load()
    expect_said(bench, "nvme0n1 on 0000:.* is driven by nvme already: no emulated disk is unplugged")
    left = expect_gone(bench, "an NVMe disk in use")
    here = guest.sh(f"dd if=/dev/nvme0n1 bs=1M count={MIB} iflag=direct 2>/dev/null | md5sum").out.split()[0]
    if here != bench.machine.dom0_sh(f"md5sum < {FILES['nvme']}").out.split()[0]:
        bench.fail("the NVMe disk reads wrong beside pvkit.ko")
    bench.driver.unload()
    guest.sh("for m in $(tac /modules/nvme.order); do rmmod ${m%.ko} || exit 1; done")
    if (found := ide_disks(bench)) != (1, 1):
        bench.fail(f"an NVMe disk in use: ata_piix finds {found[0]} disks and {found[1]} CD drives")
    return left


def nvme_alone(bench):
    """unplug=nvme: QEMU takes the IDE disk along; NICs are not looked at."""
    say(f"{bench.guest.kind.upper()}: unplug=nvme")
    bench.driver.load(core="unplug=nvme")
    left = expect_gone(bench, "unplug=nvme", NVME)
    if (found := ide_disks(bench)) != (0, 1):
        bench.fail(f"unplug=nvme: ata_piix finds {found[0]} disks and {found[1]} CD drives")
    unplugged(bench, disks="1", nics="0")
    bench.disk.attach()
    fiojobs.verified_write(bench.guest, bench.disk.name, 32, "split", MIB, seed=5)
    bench.disk.same_bytes(MIB)
    finished(bench)
    return left


def all_but_the_nic(bench):
    """unplug=all while 8139cp has a NIC: the disk goes, both NICs stay; so it is after a restore, in another device model."""
    guest = bench.guest
    say(f"{guest.kind.upper()}: unplug=all with a NIC in use")
    bench.driver.load(core="unplug=all")
    expect_said(bench, "network card 0000:.* is driven by 8139cp already: emulated network cards stay")
    bench.disk.attach()
    for what in ("unplug=all", "unplug=all, after a restore"):
        left = expect_gone(bench, what)
        if (found := ide_disks(bench)) != (0, 1):
            bench.fail(f"{what}: ata_piix finds {found[0]} disks and {found[1]} CD drives")
        unplugged(bench, disks="1", nics="0")
        fiojobs.verified_write(guest, bench.disk.name, 32, "split", MIB, seed=len(what))
        bench.disk.same_bytes(MIB)
        if "restore" not in what:
            moves.save_restore(guest)
    finished(bench)
    return left


def finished(bench):
    """The disk and the driver go; nobody complained."""
    bench.disk.detach()
    nothing_left(bench)
    bench.driver.unload()
    quiet_kernel(bench, io_errors=True)


def unplugged(bench, **expected):
    """What pvkit.ko itself says."""
    said = bench.driver.hypervisor()
    if wrong := [name for name, value in expected.items() if said[f"{name}_unplugged"] != value]:
        bench.fail(f"pvkit.ko says of {wrong[0]}_unplugged: {said[f'{wrong[0]}_unplugged']}")


def nics_alone(bench):
    """unplug=nics: both go, and with them the guest's only network. It tells xenstore what is left."""
    guest, dom0 = bench.guest, bench.machine.dom0_sh
    say(f"{guest.kind.upper()}: unplug=nics")
    home = f"/local/domain/{guest.domid}/data"
    guest.submit("setsid sh /lab/nics.sh < /dev/null > /dev/null 2>&1 &")
    limit = time.monotonic() + LIMIT
    while dom0(f"xenstore-exists {home}/nics", check=False).status:
        if time.monotonic() > limit:
            raise LabError(f"{guest.kind}: after unplug=nics nothing comes through xenstore for {LIMIT} s", bench.folder)
        time.sleep(1)
    if (said := dom0(f"xenstore-read {home}/nics").out.strip()) != "1":
        bench.fail(f"pvkit.ko says of nics_unplugged: {said}")
    return expect_gone(bench, "unplug=nics", NIC, text=dom0(f"xenstore-read {home}/left").out.strip())
