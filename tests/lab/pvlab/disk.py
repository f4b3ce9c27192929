# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""A guest's test disk: its backing in dom0, attaching and detaching it, and looking at it from
dom0's side."""
from .say import LabError

ATTACH_LIMIT = 60
FIRST_DEVICE = 51712  # xvda in xenstore; each further letter is 16 more
IDE, IDE_DEVICE = "hda", 768
DIGEST = "xxhsum -H1 -"  # 64 bits


class Disk:
    """One virtual disk of a guest: `vdev` is its name for xl, xvda by default, `name` the one that
    the driver gives it."""

    def __init__(self, guest, backing="loop", mib=256, vdev="xvda"):
        self.guest, self.machine = guest, guest.machine
        self.backing, self.mib, self.vdev, self.name, self.node = backing, mib, vdev, vdev, None
        self.built_in = False  # from the start, and not detached since
        self.fixed = False  # its driver knows no hot plug
        # in memory: holes can be punched, so discards are real; loop devices live in dom0 only
        self.file = f"/tmp/{guest.kind}-{vdev}.img"

    def __enter__(self):
        if self.backing == "null":
            # what a driver costs is not hidden behind what storage costs
            script = (
                "modprobe null_blk nr_devices=1 queue_mode=2 memory_backed=0 "
                f"gb={max(1, self.mib // 1024)} && echo /dev/nullb0"
            )
        else:
            script = (
                f"rm -f {self.file} && truncate -s {self.mib}M {self.file} && losetup -f --show "
                f"{self.file}"
            )
        self.node = self.machine.dom0_sh(script, what=f"making a {self.backing} disk").out.split()[
            -1
        ]
        return self

    def __exit__(self, *_):
        if self.machine.process.poll() is None:
            remove = (
                "rmmod null_blk"
                if self.backing == "null"
                else f"losetup -d {self.node}; rm -f {self.file}"
            )
            self.machine.dom0_sh(
                f"xl block-detach {self.guest.kind} {self.vdev}; {remove}", check=False
            )

    def backend(self):
        """The backend's node in xenstore while the disk is attached."""
        number = (
            IDE_DEVICE if self.vdev == IDE else FIRST_DEVICE + 16 * (ord(self.vdev[-1]) - ord("a"))
        )
        return f"/local/domain/0/backend/vbd/{self.guest.domid}/{number}"

    def words(self, access="rw", more=""):
        """What xl is told of it."""
        return (
            f"vdev={self.vdev},format=raw,access={access},{more}script=block-lab,target={self.node}"
        )

    def build_in(self):
        """Make it a disk that the guest has from the start: an emulated IDE disk until somebody
        unplugs it, and Xen's as well."""
        self.built_in = True
        self.guest.disks.append(self.words())

    def attached(self):
        """Whether the toolstack has given the disk to the guest, driver or not."""
        return (
            self.machine.dom0_sh(f"xenstore-exists {self.backend()}/state", check=False).status == 0
        )

    def attach(self, wait=True, access="rw", more=""):
        """xl block-attach, unless it is there already; with a driver loaded, wait until the guest
        has the disk."""
        if not self.built_in:
            self.machine.dom0_sh(
                f"xl block-attach {self.guest.kind} '{self.words(access, more)}'", ATTACH_LIMIT
            )
        if wait:
            self.appear()

    def appear(self, mib=None):
        """Wait in the guest until the disk is there, with a given size if it must have changed."""
        size = f"-eq {mib * 2048}" if mib else "-gt 0"
        script = (
            f'for i in $(seq 300); do [ -b /dev/{self.name} ] && [ "$(cat '
            f'/sys/block/{self.name}/size)" {size} ] && exit 0; '
            f"sleep 0.1; done; cat /sys/block/{self.name}/size; dmesg | tail -20; exit 1"
        )
        self.guest.sh(script, what=f"{self.guest.kind} guest: waiting for {self.name}")

    def detach(self, force=False):
        """xl block-detach, then make sure that nothing of it is left in dom0, xenstore or the
        guest."""
        if self.fixed:
            return
        self.built_in = False
        self.machine.dom0_sh(
            f"xl block-detach {self.guest.kind} {self.vdev}{' --force' if force else ''}",
            ATTACH_LIMIT,
        )
        left = self.machine.dom0_sh(
            f"for i in $(seq 50); do l=$(xenstore-ls -f {self.backend()} 2>/dev/null | "
            'grep \'/dev = \'); [ -z "$l" ] && exit 0; sleep 0.1; done; echo "$l"',
            check=False,
        ).out.strip()
        if left:
            raise LabError(
                f"after block-detach the backend is still there: {left}", self.machine.folder
            )
        self.guest.sh(
            f"for i in $(seq 50); do [ ! -e /sys/block/{self.name} ] && exit 0; sleep 0.1; done; "
            "exit 1",
            what=f"{self.guest.kind} guest: {self.name} has gone after block-detach",
        )

    def resize(self, mib):
        """Give the backing another size; blkback sees it at its next request."""
        if self.backing != "loop":
            raise LabError("only a disk on a loop device can be given another size")
        self.machine.dom0_sh(f"truncate -s {mib}M {self.file} && losetup -c {self.node}")
        self.mib = mib

    def elevator(self, choice):
        """Set the guest's I/O scheduler ("default" leaves the kernel's choice); returns the one in
        use."""
        file = f"/sys/block/{self.name}/queue/scheduler"
        out = self.guest.sh(
            ("" if choice == "default" else f"echo {choice} > {file} && ") + f"cat {file}"
        ).out
        return out.split("[")[-1].split("]")[0].strip()

    def same_bytes(self, mib=None):
        """The disk as the guest reads it (past its cache) and as dom0 reads it must be the same,
        byte for byte.

        By xxHash: nobody attacks here, and emulated it is many times as fast as any digest of
        busybox or coreutils."""
        count = mib or self.mib
        here = self.guest.sh(
            f"dd if=/dev/{self.name} bs=1M count={count} iflag=direct 2>/dev/null | {DIGEST}"
        ).out.split()[0]
        there = self.machine.dom0_sh(
            f"dd if={self.node} bs=1M count={count} iflag=direct 2>/dev/null | {DIGEST}"
        ).out.split()[0]
        if here != there:
            raise LabError(
                f"guest and dom0 see different bytes on {self.name}: {here} and {there}",
                self.machine.folder,
            )
        return here
