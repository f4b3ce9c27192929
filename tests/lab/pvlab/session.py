# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""One lab run: what it needs is prepared side by side, one machine at a time, its logs kept only if
it fails."""
import contextlib
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor

from . import counting
from . import guest as images
from . import moves
from . import proc, tools
from .disk import IDE, Disk
from .dom0 import Dom0
from .domain import Guest, images_of
from .driver import build_modules, driver_in, names
from .kinds import KINDS
from .kernel import find_kernel
from .machine import Machine
from .paths import MACHINE_LOCK, locked, new_run
from .say import LabError, Silence, say, say_again


# What can be done with a disk that does not come and go.
EMULATED = {"block-verify", "block-bench", "exec"}
# What pvkit.ko does without the kernel's Xen.
OWN = {
    "own-choices",
    "own-services",
    "own-xenstore",
    "own-late-xenstore",
    "own-cpus",
    "own-many-cpus",
    "own-endings",
    "own-kdump",
    "own-kexec",
    "own-unplug",
    "own-faults",
}
FAULTS = {"own-faults"}  # what needs the kernel of our own, which can make its calls fail
# What a scenario wants on its kernel's command line.
WORDS = {
    # memory that nobody frees is looked for, freed memory is poisoned, and kmemleak's own
    # allocations never fail
    "own-faults": ["kmemleak=on", "slub_debug=FPA;-,kmemleak_object,kmemleak_scan_area"],
    # dozens of CPUs that take turns on the emulator's one never come up; the scenario brings up
    # those that it wants
    "own-many-cpus": ["maxcpus=1"],
}
BUILT_IN = {"block-takeover"}  # what is about a disk that the guest has from the start


class Options:
    """What a run was asked for; attributes as on the command line."""

    def __init__(self, **values):
        defaults = dict(
            guest=["pv"],
            kernel="6.1",
            headers=[],
            xen="4.17",
            driver="pvkit",
            clock="real",
            vcpus=1,
            memory=320,
            disk_mib=64,
            disk="hotplug",
            backing=None,
            elevator="none",
            driver_param=[],
            core_param=[],
            cycles=None,
            scenario=[],
            jobs=None,
            moves=None,
        )
        self.__dict__.update({**defaults, **values})

    def asked(self, kind=None):
        """The scenarios for a guest type, in their order, or those for any; a word may begin with a
        type and a colon."""
        words = (word.rpartition(":") for word in self.scenario)
        return [name for where, _, name in words if kind is None or where in ("", kind)]


def drivers(options):
    """The names of the drivers to run with in each guest type, in their order."""
    found = {kind: names(options.driver, kind) for kind in options.guest}
    for kind in options.guest:
        if "emulated" in found[kind] and (wrong := set(options.asked(kind)) - EMULATED):
            raise LabError(
                f"{', '.join(sorted(wrong))}: not with an emulated disk, which cannot come and go"
            )
        if KINDS[kind].xen and (wrong := set(options.asked(kind)) & OWN):
            raise LabError(
                f"{', '.join(sorted(wrong))}: for guests whose kernel is no Xen guest, not {kind}"
            )
        if kind != "hvm-noxen" and (wrong := set(options.asked(kind)) & FAULTS):
            raise LabError(
                f"{', '.join(sorted(wrong))}: for hvm-noxen guests, whose kernel can make its "
                f"calls fail, not {kind}"
            )
    return found


def driver_of(guest, name, options, prepared):
    """A driver in a guest; parameters are ours."""
    parameters = options.driver_param if name == "pvkit" or options.driver == name else []
    driver = driver_in(guest, name, parameters, prepared.modules.get(guest.kernel.release))
    driver.core_parameters = " ".join(options.core_param) if name == "pvkit" else ""
    return driver


def disk_is_built_in(options, kind):
    """Whether the guest has its disk from the start: only such a disk is emulated too."""
    return (
        options.disk == "config"
        or "emulated" in drivers(options)[kind]
        or bool(BUILT_IN & set(options.asked(kind)))
    )


class Prepared:
    """Images and modules of a run."""

    def __init__(self, options, need_modules):
        with ThreadPoolExecutor(4) as pool:
            try:
                self._make(pool, options, need_modules)
            except BaseException:
                proc.stop_all()  # else the pool would wait for what others still build
                raise

    def _make(self, pool, options, need_modules):
        dom0 = pool.submit(Dom0, options.xen)
        names = {kind: options.kernel + KINDS[kind].suffix for kind in options.guest}
        fio = pool.submit(images.fio_binary)
        found = {
            name: pool.submit(find_kernel, name, options.headers) for name in set(names.values())
        }
        self.kernels = {kind: found[name].result() for kind, name in names.items()}
        self.modules = (
            {k.release: build_modules(k) for k in self.kernels.values()} if need_modules else {}
        )
        for kind, kernel in self.kernels.items():
            if FAULTS & set(options.asked(kind)):
                build_modules(kernel, faults=True)
        fio.result()
        for kind, kernel in self.kernels.items():
            if tools.SCENARIOS & set(options.asked(kind)):
                tools.archive(kernel)
        self.images = {kind: images_of(kernel, kind) for kind, kernel in self.kernels.items()}
        self.dom0 = dom0.result()


def stop_on_signals():
    """SIGTERM and SIGHUP end a run the way Ctrl-C does: through every cleanup."""

    def handler(number, _frame):
        raise KeyboardInterrupt(signal.Signals(number).name)

    signal.signal(signal.SIGTERM, handler)
    signal.signal(signal.SIGHUP, handler)


@contextlib.contextmanager
def machine(options, prepared, name, counted=False):
    """A booted machine; the folder with its logs goes away after success and is named after a
    failure."""
    with locked(MACHINE_LOCK, "one machine at a time"):
        folder = new_run(name)
        try:
            plugin = counting.plugin(folder, prepared.dom0) if counted else None
            with Machine(
                prepared.dom0,
                folder,
                options.clock,
                options.memory,
                options.disk_mib,
                plugin,
                moves.spare_mib(options),
            ) as booted:
                if counted:
                    counting.mark_dom0(booted)
                yield booted
        except BaseException:
            shutil.rmtree(folder / "job" / "boot", ignore_errors=True)
            say(f"logs: {folder} (xen-and-dom0.log, qemu.log, job/log/console/guest-*)")
            raise
        shutil.rmtree(folder)


class Bench:
    """A guest with its driver and disk: what a scenario works on."""

    def __init__(self, options, guest, driver, disk):
        self.options, self.guest, self.disk = options, guest, disk
        self.machine, self.folder = guest.machine, guest.machine.folder
        self.scenario = None  # the one that runs
        self.use(driver)

    def use(self, driver):
        """From now on with this driver, which has its own name for the disk."""
        self.driver, self.disk.name, self.disk.fixed = driver, driver.disk, driver.fixed

    def cycles(self, usual):
        """How often the scenario repeats what it does: one number for all, or {scenario: number}
        for some."""
        asked = self.options.cycles
        return (asked.get(self.scenario) if isinstance(asked, dict) else asked) or usual

    def restart(self):
        """The same guest booted anew, with the same driver, not yet loaded."""
        self.guest.__exit__(None, None, None)
        self.guest.__enter__()
        self.driver.bring()

    def fail(self, message):
        raise LabError(
            f"{self.guest.kind}, kernel {self.guest.kernel.release}, driver {self.driver.name}: "
            f"{message}",
            self.folder,
        )


@contextlib.contextmanager
def bench(booted, options, prepared, kind, backing="loop", shell=False):
    """A proven guest of one type with its disk made, the driver not yet loaded."""
    guest = Guest(
        booted,
        kind,
        prepared.kernels[kind],
        prepared.images[kind],
        options.vcpus,
        options.memory,
        shell,
    )
    guest.words = [word for name in options.asked(kind) for word in WORDS.get(name, ())]
    built_in = disk_is_built_in(options, kind)
    with Disk(
        guest, options.backing or backing, options.disk_mib, IDE if built_in else "xvda"
    ) as disk:
        if built_in:
            disk.build_in()
        try:
            start(guest, not shell)
            yield Bench(
                options, guest, driver_of(guest, drivers(options)[kind][0], options, prepared), disk
            )
        except LabError:
            save_kernel_log(guest)
            raise
        finally:
            guest.__exit__(None, None, None)


def start(guest, proof=True, starts=3):
    """Boot a guest and let it prove itself. Under emulation one with several CPUs dies or hangs now
    and then: as long as no driver is loaded another start will do."""
    while True:
        try:
            guest.__enter__()
            return guest.prove() if proof else None
        except LabError as error:
            starts -= 1
            hangs = isinstance(error, Silence)
            if not starts or guest.vcpus == 1 or (guest.lives() and not hangs):
                raise
            how = "hangs" if hangs else "has died"
            say_again(
                f"the {guest.kind.upper()} guest with {guest.vcpus} CPUs {how} before any driver "
                "was loaded"
            )
            guest.__exit__(None, None, None)


def save_kernel_log(guest):
    """The guest's kernel log, while it can still be asked for."""
    with contextlib.suppress(LabError, OSError):
        text = guest.sh("dmesg", 15, check=False).out
        (guest.machine.folder / f"guest-{guest.kind}-dmesg.log").write_text(text)
