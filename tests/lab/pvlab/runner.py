# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""`lab run`: the asked scenarios in the asked guests, all in one boot of dom0, and the JSON of what
came out."""
import json
import sys

from . import counting, emulator, kernel_log
from .say import LabError, say
from .scenario_backend import block_backend_restart
from .scenario_bench import block_bench
from .scenario_choices import own_choices
from .scenario_cpus import own_cpus
from .scenario_cycles import block_hotplug, block_reload
from .scenario_disk import block_readonly, block_resize
from .scenario_emulated import own_unplug
from .scenario_endings import own_endings
from .scenario_exec import block_exec, check_files
from .scenario_faults import own_faults
from .scenario_kdump import own_kdump
from .scenario_kexec import own_kexec
from .scenario_late import own_late_xenstore
from .scenario_many import own_many_cpus
from .scenario_modes import block_modes
from .scenario_queues import block_memory, block_polled, block_queues
from .scenario_save import block_save_restore
from .scenario_services import own_services
from .scenario_silent import block_silent
from .scenario_takeover import block_takeover
from .scenario_unplug import block_unplug_busy
from .scenario_verify import block_verify
from .scenario_xenstore import own_xenstore
from .session import Prepared, bench, driver_of, drivers, machine

SCENARIOS = {
    "block-verify": block_verify,
    "block-hotplug": block_hotplug,
    "block-reload": block_reload,
    "block-modes": block_modes,
    "block-save-restore": block_save_restore,
    "block-backend-restart": block_backend_restart,
    "block-resize": block_resize,
    "block-readonly": block_readonly,
    "block-unplug-busy": block_unplug_busy,
    "block-takeover": block_takeover,
    "block-queues": block_queues,
    "block-memory": block_memory,
    "block-silent": block_silent,
    "block-polled": block_polled,
    "block-bench": block_bench,
    "own-choices": own_choices,
    "own-services": own_services,
    "own-xenstore": own_xenstore,
    "own-late-xenstore": own_late_xenstore,
    "own-cpus": own_cpus,
    "own-many-cpus": own_many_cpus,
    "own-endings": own_endings,
    "own-kexec": own_kexec,
    "own-kdump": own_kdump,
    "own-unplug": own_unplug,
    "own-faults": own_faults,
    "exec": block_exec,
}


def describe(options, prepared, kind, scenario, driver):
    """The head of a report."""
    return {
        "scenario": scenario,
        "guest": kind,
        "kernel": prepared.kernels[kind].release,
        "xen": options.xen,
        "driver": driver,
        "clock": options.clock,
        "vcpus": options.vcpus,
        "memory_mib": options.memory,
        "disk_mib": options.disk_mib,
        "driver_params": list(options.driver_param),
    }


def run(options):
    """All of it; returns the list of reports."""
    if "exec" in options.asked():
        if not options.guest_script:
            raise LabError("exec: --guest-script FILE is missing")
        check_files(options)
    prepared = Prepared(options, any("pvkit" in names for names in drivers(options).values()))
    kernel = options.kernel if "/" not in options.kernel else "own"
    name = "-".join([*dict.fromkeys(options.asked()), *options.guest, kernel])
    counted = options.clock == "counted" and "block-bench" in options.asked()
    reports = []
    with machine(options, prepared, name, counted) as booted:
        for kind in options.guest:
            reports += emulator.repeated(
                booted.folder, kind, lambda kind=kind: in_guest(booted, options, prepared, kind)
            )
        if counted:
            booted.stop()
            add_profiles(reports, booted)
    for report in reports:
        report.pop("counter", None)
    return reports


def in_guest(booted, options, prepared, kind):
    """Every scenario in one guest, each from a clean start."""
    reports = []
    backing = "null" if options.asked(kind) == ["block-bench"] else "loop"
    with bench(booted, options, prepared, kind, backing) as work:
        for number, driver in enumerate(drivers(options)[kind]):
            if number:  # the first is there already
                work.use(driver_of(work.guest, driver, options, prepared))
            for scenario in options.asked(kind):
                say(
                    f"{kind.upper()}: {scenario}, driver {driver}, kernel "
                    f"{prepared.kernels[kind].release}"
                )
                clean_start(work)
                kernel_log.begin(work.guest, scenario)
                work.scenario = scenario
                report = SCENARIOS[scenario](work)
                reports.append({**describe(options, prepared, kind, scenario, driver), **report})
                say(f"{kind.upper()}: {scenario} done")
            clean_start(work)
    return reports


def clean_start(work):
    """The disk away and the driver out, whatever the scenario before left: block-reload keeps the
    disk, exec may do anything.

    A disk that the guest has from the start stays until a scenario detaches it."""
    if work.disk.attached() and not work.disk.built_in:
        work.driver.clear()
        work.driver.load()
        work.disk.appear()
        work.disk.detach()
    work.driver.clear()


def add_profiles(reports, booted):
    """Fill per_op from the counter's dump."""
    for report in reports:
        if not report.get("counter"):
            continue
        profiles = report["counter"].profiles(booted.folder / "count.dump")
        for job, profile in profiles.items():
            report["results"][job]["per_op"] = {
                name: profile["per_op"].get(name) for name in counting.PER_OP
            }
        report["profiles"] = profiles


def write(reports, path):
    """One report as an object, several as a list under "runs"."""
    value = reports[0] if len(reports) == 1 else {"runs": reports}
    text = json.dumps(value, indent=1) + "\n"
    if path == "-":
        sys.stdout.write(text)
    elif path:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
