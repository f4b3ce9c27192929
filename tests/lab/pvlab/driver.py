# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The block driver in a guest: building ours, loading and unloading either, and what it says about
itself."""
import tarfile

from . import proc
from .kinds import KINDS
from .paths import TOP, locked
from .say import LabError, say

DEBUGFS = "/sys/kernel/debug/pvkit"
LEFTOVERS = ("grants_in_use", "events_open", "parked")  # all must be 0 once blkfront is unloaded
MODULES = {"intree": ["xen-blkfront.ko"], "pvkit": ["pvkit.ko", "pvkit-blkfront.ko"]}
DRIVERS = (*MODULES, "emulated", "both")
ORDER = "/modules/disk.order"  # what the emulated disk needs, in the order to insert


def build_modules(kernel, faults=False):
    """The folder with our modules built for a kernel (make knows what is up to date); with faults,
    those whose calls can be made to fail."""
    name, more = (f"{kernel.release}-faults", ["FAULTS=1"]) if faults else (kernel.release, [])
    out = TOP / "build" / "lab" / "modules" / name
    kdir = kernel.kdir()
    out.mkdir(parents=True, exist_ok=True)
    with locked(out.parent / f"{name}.lock", f"building the modules for {name}"):
        say(f"building the modules for {name} ...")
        proc.run(
            ["make", "-s", "-C", TOP, "modules", f"KDIR={kdir}", f"OUT={out}", *more],
            timeout=900,
            log=TOP / "build" / "lab" / f"modules-{name}.log",
        )
    for module in MODULES["pvkit"]:
        if not (out / module).is_file():
            raise LabError(f"make modules left no {module} in {out}")
    return out


def parse_queues(text):
    """Lines "name number", with a line "queue n" before those of each queue."""
    found = []
    for name, value in map(str.split, text.splitlines()):
        if name == "queue":
            found.append({})
        else:
            found[-1][name] = int(value)
    return found


def names(asked, kind):
    """The drivers to run with in a guest type, in their order; "both" is what the kernel has for
    the disk, then ours.

    A word may begin with a guest type and a colon, and is for that one alone."""
    base = "intree" if KINDS[kind].xen else "emulated"
    words = [
        name
        for where, _, name in (word.rpartition(":") for word in asked.split(","))
        if where in ("", kind)
    ]
    found = [name for word in words for name in ([base, "pvkit"] if word == "both" else [word])]
    if wrong := ({"intree", "emulated"} - {base}) & set(found):
        raise LabError(f"--driver {', '.join(wrong)}: {kind} guests have {base}")
    if not found:
        raise LabError(f"--driver {asked}: none for {kind} guests")
    if "emulated" in found[1:]:
        raise LabError(
            "--driver: emulated must be the first, what ours has unplugged comes back with another "
            "guest only"
        )
    return found


class Driver:
    """The driver under test in one guest."""

    disk = "xvda"  # the name that it gives the disk
    fixed = False  # it knows no hot plug
    discards = True
    fewer = 1  # requests of a counted job are divided by this

    def __init__(self, guest, name, parameters=(), built=None):
        self.guest, self.name, self.parameters, self.built = (
            guest,
            name,
            " ".join(parameters),
            built,
        )
        self.core_parameters = ""  # of pvkit.ko
        self.bring()

    def bring(self):
        """Its modules into a guest that has just booted; the kernel's own are there.

        Without their debug information, nine tenths of them: an emulated NIC takes five seconds for
        it."""
        if self.name != "pvkit":
            return
        tar_path = self.guest.machine.job / "modules.tar"
        with tarfile.open(tar_path, "w") as tar:
            for name in MODULES["pvkit"]:
                bare = tar_path.with_name(name)
                proc.run(["strip", "--strip-debug", "-o", bare, self.built / name])
                tar.add(bare, f"modules/{name}")
        self.guest.push("/job/modules.tar")

    def load(self, more="", core=""):
        """Insert the modules; parameters, and more of them, go to the block driver, `core` to
        pvkit.ko."""
        *before, block = MODULES[self.name]
        lines = [f"insmod /modules/{m} {self.core_parameters} {core}" for m in before] + [
            f"insmod /modules/{block} {self.parameters} {more}"
        ]
        self.guest.sh(" && ".join(lines), what=f"{self.guest.kind} guest: loading {self.name}")

    def unload_block(self):
        """Take the block driver out; the core stays, so that its counters can be read.

        The bus holds the in-tree module for each bound disk, so these are unbound first; ours needs
        none of that."""
        module = MODULES[self.name][-1].removesuffix(".ko")
        script = f"rmmod {module}"
        if self.name == "intree":
            script = (
                "cd /sys/bus/xen/drivers/vbd && for d in vbd-*; do [ ! -e $d ] || echo $d > unbind "
                "|| exit 1; done\n"
                f"for i in $(seq 50); do rmmod {module} 2> /tmp/rmmod && exit 0; sleep 0.1; done; "
                "cat /tmp/rmmod; exit 1"
            )
        self.guest.sh(script, what=f"{self.guest.kind} guest: unloading {self.name}")

    def unload_core(self):
        """Take out what the block driver stood on."""
        for name in MODULES[self.name][-2::-1]:
            self.guest.sh(f"rmmod {name.removesuffix('.ko')}")

    def unload(self):
        self.unload_block()
        self.unload_core()

    def clear(self):
        """Take out what of it is still loaded."""
        loaded = {line.split()[0] for line in self.guest.sh("cat /proc/modules").out.splitlines()}
        names = [name.removesuffix(".ko").replace("-", "_") for name in MODULES[self.name]]
        if names[-1] in loaded:
            self.unload()
        elif names[0] in loaded:
            self.unload_core()

    def leftovers(self):
        """{counter: value} that our core reports as still held; empty for the in-tree driver."""
        if self.name != "pvkit":
            return {}
        out = self.guest.sh(
            f"cd {DEBUGFS} && for f in {' '.join(LEFTOVERS)}; do echo $f $(cat $f); done",
            what=f"reading {DEBUGFS}",
        ).out
        values = dict(line.split(None, 1) for line in out.splitlines())
        if set(values) != set(LEFTOVERS):
            raise LabError(
                f"{DEBUGFS} lacks one of {', '.join(LEFTOVERS)}: {out!r}", self.guest.machine.folder
            )
        return {name: int(value) for name, value in values.items()}

    def facts(self):
        """Everything our debugfs folder says, as {file: text}; empty for the in-tree driver."""
        if self.name != "pvkit":
            return {}
        out = self.guest.sh(
            f'cd {DEBUGFS} && find . -type f | sort | while read -r f; do echo "@@ ${{f#./}}"; cat '
            '"$f"; done'
        ).out
        parts = [p.partition("\n") for p in ("\n" + out).split("\n@@ ")[1:]]
        return {name: text.strip() for name, _, text in parts}

    def hypervisor(self):
        """What pvkit.ko settled on with Xen, {name: text}."""
        out = self.guest.sh(f"cat {DEBUGFS}/hypervisor").out
        return dict(line.split(None, 1) for line in out.splitlines())

    def features(self, disk):
        """What was negotiated for a disk, {name: text}; empty for the in-tree driver."""
        return dict(
            line.split(None, 1) for line in self.facts().get(f"{disk}/features", "").splitlines()
        )

    def queues(self, disk):
        """The counters of each queue of a disk, [{name: number}]; empty for the in-tree driver."""
        return parse_queues(self.facts().get(f"{disk}/queues", ""))


class Emulated(Driver):
    """The kernel's own driver of the emulated IDE disk, which must be in the guest's
    configuration."""

    disk, fixed, discards = "sda", True, False
    fewer = 10  # a request is dozens of trips through dom0

    def load(self, more="", core=""):
        self.guest.sh(
            f"while read -r m; do insmod /modules/$m || exit 1; done < {ORDER}",
            what=f"{self.guest.kind} guest: loading {self.name}",
        )

    def unload_block(self):
        """In the other order; io_uring gives its files back a moment after fio has ended."""
        script = (
            f"for m in $(tac {ORDER}); do n=0; until rmmod ${{m%.ko}} 2> /tmp/rmmod; do n=$((n + "
            "1)); "
            "[ $n -lt 50 ] || { cat /tmp/rmmod; exit 1; }; sleep 0.1; done; done"
        )
        self.guest.sh(script, what=f"{self.guest.kind} guest: unloading {self.name}")

    def unload_core(self):
        """There is none."""

    def clear(self):
        if self.guest.sh("grep -c '^ata_piix ' /proc/modules", check=False).out.strip() != "0":
            self.unload_block()


def driver_in(guest, name, parameters, built):
    """The driver of a name in a guest."""
    return (Emulated if name == "emulated" else Driver)(guest, name, parameters, built)
