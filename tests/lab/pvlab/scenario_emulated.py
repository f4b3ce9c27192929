# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""own-unplug: which emulated devices pvkit.ko has taken out, which it leaves, and that they stay
out after a restore."""
import tarfile
import time

from . import fiojobs, kernel_log, moves, tools
from .disk import IDE as FIRST, Disk
from .driver import driver_in
from .guest import module_files
from .say import LabError, say
from .scenario_cycles import nothing_left, quiet_kernel

MIB = 4
FILES = {"nvme": "/tmp/emulated-nvme.img", "ide": "/tmp/emulated-ide.img"}  # in dom0
CD_DRIVE = ["-device", "ide-cd,bus=ide.1"]
# Beside the lab's own NIC: a second one, whose driver is not loaded, an IDE disk and an IDE drive
# for CDs.
DEVICES = [
    "-device",
    "e1000,romfile=",
    "-drive",
    f"file={FILES['ide']},if=none,id=ide0,format=raw",
    "-device",
    "ide-hd,drive=ide0,bus=ide.0",
    *CD_DRIVE,
]
# And an NVMe disk, with which QEMU restores no guest. With MSI-X in a BAR of its own, which is what
# xl's type of machine asks for, QEMU 7.2 aborts when it goes.
NVME_DISK = [
    "-drive",
    f"file={FILES['nvme']},if=none,id=nvme0,format=raw",
    "-device",
    "nvme,drive=nvme0,serial=pvlab,msix-exclusive-bar=off",
]
NVME, NIC, IDE, SATA = "0108", "0200", "0101", "0106"  # classes on the PCI bus
SATA_PORTS = 6
# What our frontend says of a paravirtual disk that it leaves alone.
NOT_OURS = "an emulated disk serves this one"
LIMIT = 60  # seconds until the guest without a network has told xenstore


def own_unplug(bench):
    """NVMe and IDE disks and NICs are unplugged, alone and together, left where a driver has them,
    and stay away after a restore; a SATA disk has one driver"""
    guest = bench.guest
    bench.machine.dom0_sh(
        " && ".join(
            f"dd if=/dev/urandom of={file} bs=1M count={MIB} 2>/dev/null" for file in FILES.values()
        )
    )
    with_devices(bench, DEVICES + NVME_DISK)
    seen = {"nvme in use": in_use(bench), "unplug=nvme": nvme_alone(bench)}
    with_devices(bench, DEVICES)
    seen["unplug=all"] = all_but_the_nic(bench)
    seen["unplug=nics"] = nics_alone(bench)
    bench.machine.dom0_sh(f"rm -f {' '.join(FILES.values())}")
    guest.devices = []
    owner, seen["sata"] = sata(bench)
    return {"left": seen, "sata_disk": owner}


def with_devices(bench, devices):
    """The guest anew, with more emulated hardware than the lab needs; the kernel lists all of
    it."""
    bench.guest.devices = list(devices)
    bench.restart()
    bring(bench)
    bench.whole = functions(bench)
    found = sorted(bench.whole.values())
    nvmes = int("nvme" in " ".join(devices))
    if any("!" in about for about in found) or [found.count(name) for name in (NVME, NIC, IDE)] != [
        nvmes,
        2,
        1,
    ]:
        bench.fail(f"the guest has other devices than it was given: {bench.whole}")


def bring(bench):
    """xenstore-write, and the driver of NVMe disks."""
    tools.bring(bench)
    bring_modules(bench, "nvme")


def bring_modules(bench, name, *more):
    """A driver of the kernel's, and the order to insert what it needs."""
    place = bench.machine.job / f"{name}.tar"
    with tarfile.open(place, "w") as tar:
        for file, (_, data) in module_files(
            bench.guest.kernel, [name, *more], f"{name}.order"
        ).items():
            (bench.machine.job / "module.part").write_bytes(data)
            tar.add(bench.machine.job / "module.part", file)
    bench.guest.push(f"/job/{place.name}")


def insert(bench, name):
    bench.guest.sh(
        f"while read -r m; do insmod /modules/$m || exit 1; done < /modules/{name}.order",
        what=f"{bench.guest.kind}: loading {name}",
    )


def remove(bench, name):
    bench.guest.sh(
        f"for m in $(tac /modules/{name}.order); do rmmod ${{m%.ko}} || exit 1; done",
        what=f"{bench.guest.kind}: unloading {name}",
    )


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
    """What ata_piix finds: (disks, CD drives). The guest has a CD drive, with which the controller
    was looked at.

    insmod comes back when all that it began has ended, the search for disks too."""
    other = driver_in(bench.guest, "emulated", (), None)
    bench.guest.sh("echo pvlab: ata_piix > /dev/kmsg")
    other.load()
    found = (
        "dmesg | awk '/pvlab: ata_piix/ { ports = drives = 0 } /ata[0-9]+: PATA max/ { ports++ } "
        "/ATAPI: / { drives++ } END { print ports + 0, drives + 0 }'"
    )
    ports, drives = await_lines(
        bench,
        found,
        lambda ports, drives: ports >= 2 and drives,
        "ata_piix finds no controller with a CD drive",
    )
    disks = bench.guest.sh("ls /sys/block").out.split()
    other.unload_block()
    return len([name for name in disks if name.startswith(("sd", "hd"))]), drives


def await_lines(bench, script, enough, what):
    """The numbers that the script prints, once they are enough."""
    limit = time.monotonic() + LIMIT
    while not enough(*(numbers := [int(word) for word in bench.guest.sh(script).out.split()])):
        if time.monotonic() > limit:
            bench.fail(f"{what} for {LIMIT} s: {numbers}")
        time.sleep(0.5)
    return numbers


def is_there(bench, name):
    """Whether the guest has a disk of that name. It must say one or the other."""
    said = bench.guest.sh(
        f"if [ -e /sys/block/{name} ]; then echo there; else echo absent; fi"
    ).out.strip()
    if said not in ("there", "absent"):
        bench.fail(f"whether it has {name} the guest says {said!r}")
    return said == "there"


def said_how_often(bench, pattern):
    return len(kernel_log.lines(bench.guest, pattern))


def await_said(bench, pattern, times):
    """The kernel's log has that line so often, at last."""
    limit = time.monotonic() + LIMIT
    while said_how_often(bench, pattern) < times:
        if time.monotonic() > limit:
            bench.fail(f"not said {times} times within {LIMIT} s: {pattern}")
        time.sleep(0.5)


def in_use(bench):
    """An NVMe disk that its driver has: nothing is unplugged, and the disk goes on."""
    guest = bench.guest
    say(f"{guest.kind.upper()}: an NVMe disk in use")
    insert(bench, "nvme")
    guest.sh(
        "for i in $(seq 100); do [ -b /dev/nvme0n1 ] && exit 0; sleep 0.1; done; exit 1",
        what=f"{guest.kind}: the NVMe disk",
    )
    bench.driver.load()
    expect_said(
        bench, "nvme0n1 on 0000:.* is driven by nvme already: no emulated disk is unplugged"
    )
    left = expect_gone(bench, "an NVMe disk in use")
    here = guest.sh(
        f"dd if=/dev/nvme0n1 bs=1M count={MIB} iflag=direct 2>/dev/null | md5sum"
    ).out.split()[0]
    if here != bench.machine.dom0_sh(f"md5sum < {FILES['nvme']}").out.split()[0]:
        bench.fail("the NVMe disk reads wrong beside pvkit.ko")
    bench.driver.unload()
    remove(bench, "nvme")
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
    """unplug=all while 8139cp has a NIC: the disk goes, both NICs stay; so it is after a restore,
    in another device model."""
    guest = bench.guest
    say(f"{guest.kind.upper()}: unplug=all with a NIC in use")
    bench.driver.load(core="unplug=all")
    expect_said(
        bench, "network card 0000:.* is driven by 8139cp already: emulated network cards stay"
    )
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
    """unplug=nics: both go, and with them the guest's only network. It tells xenstore what is
    left."""
    guest, dom0 = bench.guest, bench.machine.dom0_sh
    say(f"{guest.kind.upper()}: unplug=nics")
    home = f"/local/domain/{guest.domid}/data"
    guest.submit("setsid sh /lab/nics.sh < /dev/null > /dev/null 2>&1 &")
    limit = time.monotonic() + LIMIT
    while dom0(f"xenstore-exists {home}/nics", check=False).status:
        if time.monotonic() > limit:
            raise LabError(
                f"{guest.kind}: after unplug=nics nothing comes through xenstore for {LIMIT} s",
                bench.folder,
            )
        time.sleep(1)
    if (said := dom0(f"xenstore-read {home}/nics").out.strip()) != "1":
        bench.fail(f"pvkit.ko says of nics_unplugged: {said}")
    return expect_gone(
        bench, "unplug=nics", NIC, text=dom0(f"xenstore-read {home}/left").out.strip()
    )


def sata(bench):
    """hdtype="ahci": whether the device model takes the disk (QEMU since 8.2) or keeps it, one
    driver has it. Returns its name, and what is left."""
    guest = bench.guest
    say(f"{guest.kind.upper()}: a SATA disk")
    with Disk(guest, "loop", MIB, FIRST) as disk:
        bench.machine.dom0_sh(
            f"dd if=/dev/urandom of={disk.node} bs=1M count={MIB} conv=notrunc,fsync 2>/dev/null"
        )
        usual, guest.lines = list(guest.disks), ['hdtype="ahci"']
        guest.disks.append(disk.words())
        bench.restart()
        bring_modules(bench, "ahci", "sd_mod")
        if SATA not in functions(bench).values():
            bench.fail(f"the guest has no SATA controller: {functions(bench)}")
        disk.name, left = before_ahci(bench)
        disk.same_bytes(MIB)
        another_disk(bench)
        bench.driver.unload()
        if disk.name == "sda":
            after_ahci(bench)
        remove(bench, "ahci")
        quiet_kernel(bench, io_errors=True)
        guest.disks, guest.lines = usual, []
        bench.restart()
    return disk.name, left


def before_ahci(bench):
    """Ours is first, then comes ahci: (name of the disk that one of them has, what is left). Each
    had its time to look."""
    bench.driver.load()
    bench.guest.sh(
        f"for i in $(seq 300); do [ -b /dev/xvda ] && exit 0; dmesg | grep -q '{NOT_OURS}' && exit "
        "0; sleep 0.1; done; exit 1",
        what=f"{bench.guest.kind}: our driver decides on the SATA disk",
    )
    insert(bench, "ahci")
    await_lines(
        bench,
        "dmesg | grep -c 'ata[0-9]*: SATA link' || true",
        lambda ports: ports >= SATA_PORTS,
        "ahci has not looked at all ports",
    )
    has = {name: is_there(bench, name) for name in ("sda", "xvda")}
    if sum(has.values()) != 1:
        bench.fail(f"the SATA disk has two drivers or none: {has}")
    if has["sda"]:
        expect_said(bench, "SATA controller 0000:.* stays: hd and xvd disks 0 are left")
        expect_said(bench, NOT_OURS)
    unplugged(bench, disks="0" if has["sda"] else "1", nics="0")
    return "sda" if has["sda"] else "xvda", functions(bench)


def another_disk(bench):
    """One that was never emulated is ours in any case."""
    with Disk(bench.guest, "loop", MIB, "xvdb") as disk:
        disk.attach()
        disk.same_bytes(MIB)
        disk.detach()


def after_ahci(bench):
    """ahci has the disk: ours says so, and has it not."""
    before = said_how_often(bench, NOT_OURS)
    bench.driver.load()
    expect_said(bench, "on 0000:.* is driven by ahci already: no emulated disk is unplugged")
    await_said(bench, NOT_OURS, before + 1)
    if not is_there(bench, "sda") or is_there(bench, "xvda"):
        bench.fail("pvkit.ko after ahci: the SATA disk is not ahci's alone")
    bench.driver.unload()
