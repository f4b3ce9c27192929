# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""What a guest boots and runs: a small initramfs, and the payload that dom0 pushes to it once it is
up."""
import tarfile

from . import proc
from .apt import Apt
from .cpio import archive
from .fio import fio_binary
from .kernel import module_bytes, modules_in_order
from .paths import LAB
from .store import built, digest
from .unpack import merged_usr, unpack

# By whether the kernel is a Xen guest: the way in, and the driver of the disk that comes with it.
NET_MODULES = {True: ["xen-netfront", "af_packet"], False: ["8139cp", "af_packet"]}
DISK_MODULES = {True: ["xen-blkfront"], False: ["ata_piix", "sd_mod"]}
FS_MODULES = ["crc32c_generic", "ext4"]
TOOL_PACKAGES = [
    "e2fsprogs",
    "libext2fs2",
    "libblkid1",
    "libuuid1",
    "libcom-err2",
    "libss2",
    "xxhash",
    "libxxhash0",
    "libc6",
]
TOOL_FILES = [
    "usr/bin/xxhsum",
    "sbin/mke2fs",
    "sbin/e2fsck",
    "etc/mke2fs.conf",
    "lib64/ld-linux-x86-64.so.2",
    *(
        f"lib/x86_64-linux-gnu/{n}"
        for n in (
            "libc.so.6",
            "libext2fs.so.2",
            "libblkid.so.1",
            "libuuid.so.1",
            "libcom_err.so.2",
            "libe2p.so.2",
            "libss.so.2",
            "libxxhash.so.0",
        )
    ),
]


def compiled(name):
    """Path of a static program for guests, compiled from guest/<name>.cc."""
    source = LAB / "guest" / f"{name}.cc"
    command = [
        "g++",
        "-std=c++20",
        "-static",
        "-Os",
        "-s",
        "-Wall",
        "-Wextra",
        "-fno-exceptions",
        "-fno-rtti",
        "-o",
    ]
    return (
        built(
            name,
            f"guest {name}",
            [digest(source), command],
            lambda folder: proc.run([*command, folder / name, source]),
        )
        / name
    )


def busybox():
    """The static busybox of bookworm."""

    def build(folder):
        merged_usr(folder / "root")
        unpack(deb, folder / "root")
        (folder / "root" / "usr" / "bin" / "busybox").rename(folder / "busybox")
        proc.run(["rm", "-rf", folder / "root"])

    apt = Apt("bookworm")
    version = apt.version("busybox-static")
    [deb] = apt.fetch([["busybox-static", version]])
    return built("busybox", "busybox", [version], build) / "busybox"


def module_files(kernel, names, order_file):
    """Archive members for modules and the file that names them in the order to insert."""
    paths = modules_in_order(kernel, names)
    plain = [p.name.split(".ko")[0] + ".ko" for p in paths]
    files = {f"modules/{n}": (0o644, module_bytes(p)) for n, p in zip(plain, paths)}
    files[f"modules/{order_file}"] = (0o644, "".join(n + "\n" for n in plain).encode())
    return files


def initramfs(kernel, xen=True):
    """Path of the initramfs of a guest whose kernel is a Xen guest, or is not."""
    files, recipe = boot_files(kernel, xen)
    return (
        built(
            "initramfs",
            f"guest initramfs for {kernel.release}",
            recipe,
            lambda folder: (folder / "initramfs.gz").write_bytes(archive(files())),
        )
        / "initramfs.gz"
    )


def whole_initramfs(kernel, xen=True):
    """Path of one that holds the payload too, for guests that find it in their memory: unpacked it
    is there soonest."""
    (files, recipe), rest = boot_files(kernel, xen), payload(kernel, xen)

    def build(folder):
        with tarfile.open(rest) as tar:
            more = {m.name: (m.mode & 0o777, tar.extractfile(m).read()) for m in tar if m.isfile()}
        (folder / "whole.cpio").write_bytes(archive({**more, **files()}, packed=False))

    return (
        built("whole", f"whole guest initramfs for {kernel.release}", [recipe, str(rest), 1], build)
        / "whole.cpio"
    )


def boot_files(kernel, xen):
    """What an initramfs holds, as a function to call when it is needed, and what it is made of."""
    init, agent, box, net = LAB / "guest" / "init", compiled("agent"), busybox(), NET_MODULES[xen]

    def files():
        return {
            "init": (0o755, init.read_bytes()),
            "bin/agent": (0o755, agent.read_bytes()),
            "bin/busybox": (0o755, box.read_bytes()),
            **module_files(kernel, net, "net.order"),
        }

    return files, [str(kernel.root), digest(init), digest(agent), digest(box), net, 2]


def payload(kernel, xen=True):
    """Path of the tar unpacked in a running guest: fio, mke2fs, e2fsck and their libraries, disk
    and file system modules."""
    apt, fio, disk = Apt("bookworm"), fio_binary(), DISK_MODULES[xen]
    versions = [[p, apt.version(p)] for p in TOOL_PACKAGES]

    def build(folder):
        root = folder / "root"
        merged_usr(root)
        for deb in apt.fetch(versions):
            unpack(deb, root, ["./usr/share/*"])
        files = module_files(kernel, disk, "disk.order")
        files.update(module_files(kernel, FS_MODULES, "fs.order"))
        for name, (_, data) in files.items():
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_bytes(data)
        with tarfile.open(folder / "payload.tar", "w", dereference=True) as tar:
            tar.add(fio, "bin/fio")
            for name in [*TOOL_FILES, *files]:
                tar.add(root / name, name)
        proc.run(["rm", "-rf", root])

    recipe = [str(kernel.root), versions, digest(fio), TOOL_FILES, disk, FS_MODULES, 2]
    return built("payload", f"guest payload for {kernel.release}", recipe, build) / "payload.tar"
