# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""dom0's root image, its first initramfs and the hypervisor, per Xen version."""
import gzip

from . import proc
from .apt import Apt
from .cpio import archive
from .kernel import debian_kernel, module_bytes, modules_in_order
from .paths import LAB, cache
from .say import LabError
from .store import built, digest, key_of
from .unpack import merged_usr, unpack

XEN = {"4.17": "bookworm", "4.20": "trixie"}
TOOLS = [
    "bash",
    "dash",
    "coreutils",
    "util-linux",
    "mount",
    "grep",
    "sed",
    "tar",
    "xenstore-utils",
    "kmod",
    "iproute2",
    "qemu-system-xen",
    "busybox-static",
    "python3-minimal",
    "e2fsprogs",
    "xxhash",
]
# What xl never opens; without it the image is half as big.
UNWANTED = [
    "./usr/share/doc/*",
    "./usr/share/man/*",
    "./usr/share/locale/*",
    "./usr/share/iso-codes/*",
    "./usr/share/xml/*",
    "./usr/share/i18n/*",
    "./usr/lib/x86_64-linux-gnu/gstreamer-1.0/*",
]
DISK_MODULES = ["virtio_pci", "virtio_blk", "crc32c_generic", "ext4"]
# Only these folders of the kernel's 300 MB of modules go into dom0.
MODULE_FOLDERS = [
    "kernel/drivers/xen",
    "kernel/drivers/block",
    "kernel/drivers/net/xen-netback",
    "kernel/drivers/net/tun.ko",
    "kernel/net",
    "kernel/fs",
    "kernel/lib",
    "kernel/crypto",
    "kernel/arch",
    "kernel/drivers/virtio",
    "kernel/drivers/char",
    "kernel/drivers/net/tun.ko.xz",
]


class Dom0:
    """Everything needed to start Xen and dom0: paths of xen, vmlinux, initramfs and root image."""

    def __init__(self, version):
        if version not in XEN:
            raise LabError(f"--xen: {version!r} is none of {', '.join(XEN)}")
        self.version, suite = version, XEN[version]
        apt = Apt(suite)
        self.kernel = debian_kernel(f"dom0-{suite}", suite)
        packages = apt.closure(f"xen-utils-{version}", f"xen-hypervisor-{version}-amd64", *TOOLS)
        init, early = LAB / "dom0" / "init-lab", LAB / "dom0" / "initramfs-init"
        recipe = [
            packages,
            self.kernel.release,
            digest(init),
            digest(early),
            key_of(UNWANTED, DISK_MODULES, MODULE_FOLDERS),
            3,
        ]
        self.folder = built(
            "dom0",
            f"dom0 for Xen {version}",
            recipe,
            lambda folder: self._build(folder, apt.fetch(packages), init, early),
        )
        self.xen, self.initramfs, self.root = (
            self.folder / n for n in ("xen", "initramfs.gz", "root.img")
        )
        self.vmlinux = self.kernel.vmlinux
        self._apt = apt

    def _build(self, folder, debs, init, early):
        root = folder / "root"
        merged_usr(root)
        for deb in debs:
            unpack(deb, root, UNWANTED)
        [xen] = list((root / "boot").glob(f"xen-{self.version}-amd64.gz"))
        (folder / "xen").write_bytes(gzip.decompress(xen.read_bytes()))
        self._modules(root)
        (root / "sbin" / "init-lab").write_bytes(init.read_bytes())
        (root / "sbin" / "init-lab").chmod(0o755)
        for name in ("job", "proc", "sys", "dev", "run", "tmp"):
            (root / name).mkdir(exist_ok=True)
        (folder / "initramfs.gz").write_bytes(self._initramfs(root, early))
        proc.run(
            [
                "mke2fs",
                "-q",
                "-t",
                "ext4",
                "-E",
                "root_owner=0:0,lazy_itable_init=1",
                "-O",
                "^has_journal",
                "-m",
                "0",
                "-d",
                root,
                folder / "root.img",
                "900M",
            ],
            log=cache("dom0", "mke2fs.log"),
        )
        proc.run(["rm", "-rf", root])

    def _modules(self, root):
        """The wanted modules, hard-linked or copied, and their index."""
        target = root / "lib" / "modules" / self.kernel.release
        target.mkdir(parents=True)
        for name in MODULE_FOLDERS:
            if (self.kernel.modules / name).exists():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                proc.run(["cp", "-a", self.kernel.modules / name, (target / name).parent])
        for path in self.kernel.modules.glob("modules.*"):
            proc.run(["cp", "-a", path, target])
        proc.run(["depmod", "-b", root, self.kernel.release])

    def _initramfs(self, root, early):
        order = modules_in_order(self.kernel, DISK_MODULES)
        names = [p.name.split(".ko")[0] + ".ko" for p in order]
        files = {f"modules/{n}": (0o644, module_bytes(p)) for n, p in zip(names, order)}
        files["modules/root.order"] = (0o644, ("\n".join(names) + "\n").encode())
        files["bin/busybox"] = (0o755, (root / "bin" / "busybox").read_bytes())
        files["init"] = (0o755, early.read_bytes())
        return archive(files)

    def symbol_map(self):
        """Path of the hypervisor's symbols, of exactly the version that boots; only the counter
        needs them."""
        package = f"xen-hypervisor-{self.version}-amd64"
        version = self._apt.version(package)

        def build(folder):
            [deb] = self._apt.fetch([[package + "-dbg", version]])
            unpack(deb, folder, ["*.elf", "*/xen-syms-*-amd64"])

        root = built("xen-symbols", f"symbols of Xen {version}", [package, version], build)
        return root / "usr" / "lib" / "debug" / "boot" / f"xen-syms-{self.version}-amd64.map"
