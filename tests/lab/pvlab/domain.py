# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""One guest domain on a running machine: create, run scripts in it, attach disks, end it."""
import json
import shutil
import tarfile

from . import guest as images
from . import hvm, plain
from .kinds import KINDS, TYPES
from .paths import LAB
from .say import LabError, say

# Times in the host's seconds; emulation is slow and a machine under load slower still.
START_LIMIT, SCRIPT_LIMIT, PROOF_LIMIT = 180, 300, 120


def images_of(kernel, kind):
    """{name: path} of what a guest boots and is given; made before the machine starts."""
    xen = KINDS[kind].xen
    files = {
        "initramfs.gz": images.initramfs(kernel, xen),
        "payload.tar": images.payload(kernel, xen),
    }
    if KINDS[kind].xl_type != "hvm":
        return {**files, "vmlinux.gz": kernel.vmlinux_gz}
    whole = images.whole_initramfs(kernel, xen)
    return {
        **files,
        "whole.cpio": whole,
        "hvm-start": hvm.starter(kernel, whole),
        "vmlinux": kernel.vmlinux,
    }


class Guest:
    """A guest of one type with one kernel."""

    def __init__(self, machine, kind, kernel, files, vcpus=1, memory=320, shell=False):
        self.machine, self.kind, self.kernel, self.files = machine, kind, kernel, files
        self.vcpus, self.memory, self.shell = vcpus, memory, shell
        self.disks = []  # xl's words for those that it has from the start
        self.devices = []  # more words for the device model of an HVM guest
        self.lines = []  # more lines of xl's configuration
        self.words = []  # further kernel parameters
        self.about = KINDS[kind]
        self.address = f"10.77.0.{11 + TYPES.index(kind)}"
        self.domid = None
        if self.about.xl_type == "hvm" and memory < hvm.NEED_MIB:
            raise LabError(f"an HVM guest needs at least {hvm.NEED_MIB} MiB")

    def _place(self, name):
        """Where a file of its images lies under a boot folder; guests of one machine share what is
        the same."""
        return f"boot/{self.files[name].parent.name}-{name}"

    def _start(self):
        """(lines, vif, kernel parameters): how it boots and is reached."""
        vif, extra = "bridge=xenbr0,script=vif-lab", "console=hvc0 loglevel=5 clocksource=xen"
        if self.about.xl_type != "hvm":
            lines = [
                f'kernel="/tmp/{self._place("vmlinux.gz")}"',
                f'ramdisk="/tmp/{self._place("initramfs.gz")}"',
            ]
            return lines, vif, extra
        start, vmlinux, ramdisk = (
            f"/tmp/{self._place(name)}" for name in ("hvm-start", "vmlinux", "whole.cpio")
        )
        # no early scan of 256 PCI buses, each access a trip through dom0
        if self.about.xen:
            # no emulated NIC either, whose boot ROM takes long
            return (
                hvm.config(start, vmlinux, ramdisk, self.devices),
                f"{vif},type=vif",
                f"{extra} pci=noearly",
            )
        lines = hvm.config(start, vmlinux, ramdisk, plain.NIC["device_model"] + self.devices)
        return (
            lines,
            f"{vif},{plain.NIC['vif']}",
            f"{plain.command_line(self.machine, self.about.nopv)} pci=noearly",
        )

    def _config(self):
        # On several processors at once a vCPU now and then leaves the emulator's guest mode with
        # Xen's registers, and faults.
        pinned = ['cpus="1"'] if self.vcpus > 1 and self.machine.clock == "real" else []
        start, vif, extra = self._start()
        extra = " ".join(
            [extra, *self.words, f"pvlab.ip={self.address}"] + ["pvlab.shell"] * self.shell
        )
        # the console of a kernel without Xen is its serial port
        serial = (
            "pty"
            if self.shell and not self.about.xen
            else f"file:/job/log/console/guest-{self.kind}-serial.log"
        )
        return "\n".join(
            [
                f'name="{self.kind}"',
                f'type="{self.about.xl_type}"',
                *start,
                *self.lines,
                f'extra="{extra}"',
                f"memory={self.memory}",
                f"vcpus={self.vcpus}",
                *pinned,
                f'vif=["{vif}"]',
                f"disk={json.dumps(self.disks)}",
                f'serial="{serial}"',
                'vga="none"',
                'on_poweroff="destroy"',
                'on_reboot="destroy"',
                'on_crash="destroy"',
                # TSC reads otherwise trap: 20-33 traps an I/O
                'tsc_mode="native"',
                "",
            ]
        )

    def __enter__(self):
        """Boot it and wait until its agent answers."""
        say(f"starting the {self.kind.upper()} guest, kernel {self.kernel.release}")
        self._bring_images()
        (self.machine.job / f"{self.kind}.cfg").write_text(self._config())
        self.machine.dom0_sh(
            f"xl create /job/{self.kind}.cfg", START_LIMIT, what=f"creating the {self.kind} guest"
        )
        self.find()
        self.sh("true", START_LIMIT, what=f"booting the {self.kind} guest", patience=START_LIMIT)
        self.settle_in("whole.cpio" in self.files)
        say(f"the {self.kind.upper()} guest is up")
        return self

    def settle_in(self, whole=False):
        """What every scenario wants in a guest that has just booted; one that was booted whole has
        most of it."""
        if not whole:
            self.push(f"/job/{self._place('payload.tar')}", START_LIMIT)
        scripts = self.machine.job / "guest.tar"
        self._pack(scripts)
        self.push("/job/guest.tar")
        self.sh("while read -r m; do insmod /modules/$m || exit 1; done < /modules/fs.order")

    def find(self):
        """Its domain's number, which is another one after a restore; returned and kept."""
        self.domid = int(self.machine.dom0_sh(f"xl domid {self.kind}").out)
        return self.domid

    def lives(self):
        """Whether Xen still has the domain."""
        return self.machine.dom0_sh(f"xl domid {self.kind}", check=False).status == 0

    def _bring_images(self):
        """Kernel and initramfs into dom0's memory: xl reads them several times, too slow over
        9p."""
        job, lines = self.machine.job, ["mkdir -p /tmp/boot"]
        later = {"payload.tar"} | ({"initramfs.gz"} if "whole.cpio" in self.files else set())
        (job / "boot").mkdir(exist_ok=True)
        for name, path in self.files.items():
            place = self._place(name)
            if not (job / place).exists():
                shutil.copyfile(path, job / place)
            if name not in later:
                lines.append(f"{{ [ -e /tmp/{place} ] || cp /job/{place} /tmp/{place}; }}")
        self.machine.dom0_sh(" && ".join(lines), what="dom0: taking the guest's images")

    @staticmethod
    def _pack(path):
        with tarfile.open(path, "w") as tar:
            for script in sorted((LAB / "guest").glob("*.sh")):
                tar.add(script, f"lab/{script.name}")

    def __exit__(self, kind, *_):
        """End it; a clean power-off first, so that its driver's own way out is used too."""
        if self.machine.process.poll() is not None:
            return
        self.machine.dom0_sh(
            f"xl destroy {self.kind}; while xl domid {self.kind} 2> /dev/null; do sleep 0.2; done",
            check=False,
        )

    def submit(self, script, **more):
        """Start a script in the guest; collect it from the machine."""
        return self.machine.submit(
            "export PATH=/sbin:/bin:/usr/sbin:/usr/bin\n" + script, to=self.address, **more
        )

    def sh(self, script, timeout=SCRIPT_LIMIT, check=True, what=None, **more):
        """Run a script in the guest."""
        what = what or f"{self.kind} guest: {script.strip().splitlines()[0][:60]}"
        result = self.machine.collect(self.submit(script, **more), timeout, what)
        if check and result.status:
            raise LabError(
                f"{what}: status {result.status}\n{result.out.strip()[-2000:]}", self.machine.folder
            )
        return result

    def push(self, tar, timeout=SCRIPT_LIMIT):
        """Unpack a tar of dom0's shared folder at the guest's root."""
        self.sh("tar x -C /", timeout, what=f"{self.kind} guest: unpacking {tar}", input=tar)

    def pull(self, folder, tar):
        """Bring a folder of the guest back as a tar in dom0's shared folder."""
        self.sh(
            f"mkdir -p {folder} && tar c -C {folder} .",
            what=f"{self.kind} guest: collecting {folder}",
            output=tar,
        )

    def prove(self, count=300):
        """The lab proves itself before any verdict: short processes, of which none may fail."""
        say(f"{self.kind.upper()}: {count} short processes")
        out = self.sh(
            f"sh /lab/selfproof.sh {count}",
            PROOF_LIMIT,
            what=f"{self.kind} guest: the lab's own proof",
        ).out
        if out.split()[-3:] != ["0", "of", str(count)]:
            raise LabError(f"the lab itself is not sound: {out}", self.machine.folder)
