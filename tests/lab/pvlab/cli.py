# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The lab's command line."""
import argparse
import sys

from . import kernel, moves, qemu, runner
from .dom0 import XEN
from .driver import DRIVERS
from .kinds import TYPES
from .say import LabError, say
from .scenario_bench import JOBS
from .session import Options, stop_on_signals

GUEST_HELP = f"{', '.join(TYPES)}; several with commas"


def guests(text):
    """A comma list of guest types."""
    names = text.split(",")
    for name in names:
        if name not in TYPES:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(TYPES)}")
    return names


def driver(text):
    """A comma list of drivers, each with or without the guest type that it is for."""
    for word in text.split(","):
        where, _, name = word.rpartition(":")
        if where:
            guests(where)
        if name not in DRIVERS:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(DRIVERS)}")
    return text


def positive(text):
    """A whole number above zero."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above zero")
    return int(text)


def scenario(text):
    """The name of a scenario, with or without the guest type that it is for."""
    where, _, name = text.rpartition(":")
    if where:
        guests(where)
    if name not in runner.SCENARIOS:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(runner.SCENARIOS)}")
    return text


def parameter(text):
    """A module parameter k=v."""
    key, sign, value = text.partition("=")
    if not (key.isidentifier() and sign and value) or any(c in value for c in " ;&|$`'\"\n"):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form name=value")
    return text


def machine_options(parser):
    """Options that say what to boot."""
    parser.add_argument(
        "--kernel",
        default="6.1",
        metavar="|".join(kernel.KNOWN) + "|DEB",
        help="guest kernel (%(default)s)",
    )
    parser.add_argument(
        "--headers",
        nargs="+",
        action="extend",
        default=[],
        metavar="DEB",
        help="headers packages of a kernel given as DEB",
    )
    parser.add_argument("--xen", default="4.17", choices=XEN, help="Xen version (%(default)s)")
    parser.add_argument(
        "--driver",
        type=driver,
        default="pvkit",
        metavar="NAME",
        help="block driver: pvkit, intree (xen-blkfront), emulated "
        "(an IDE disk, in guests whose kernel knows no Xen); several with commas, in the same "
        "guest; TYPE:NAME in that guest type alone; both: the kernel's own one, "
        "then pvkit (%(default)s)",
    )
    parser.add_argument(
        "--disk",
        default="hotplug",
        choices=["hotplug", "config"],
        help="the disk is attached to the running guest, or the guest has it from the start "
        "(%(default)s)",
    )
    parser.add_argument(
        "--job",
        dest="jobs",
        action="append",
        choices=sorted(JOBS),
        help="of block-bench, this one only; may be repeated",
    )
    parser.add_argument(
        "--driver-param",
        type=parameter,
        action="append",
        default=[],
        metavar="K=V",
        help="parameter of the driver's module",
    )
    parser.add_argument(
        "--core-param",
        type=parameter,
        action="append",
        default=[],
        metavar="K=V",
        help="parameter of pvkit.ko",
    )
    parser.add_argument(
        "--clock",
        default="real",
        choices=qemu.CLOCKS,
        help="time: the host's, or instructions executed (%(default)s)",
    )
    parser.add_argument(
        "--vcpus", type=positive, default=1, metavar="N", help="of the guest (%(default)s)"
    )
    parser.add_argument(
        "--memory", type=positive, default=320, metavar="MIB", help="of the guest (%(default)s)"
    )
    parser.add_argument(
        "--disk-mib",
        type=positive,
        default=64,
        metavar="N",
        help="size of the test disk (%(default)s)",
    )
    parser.add_argument(
        "--backing", choices=["null", "loop"], help="disk in dom0 (null for block-bench, else loop)"
    )


def run_options(commands):
    """The `run` command."""
    run = commands.add_parser(
        "run",
        help="run scenarios in a guest",
        description="Boot Xen and dom0, start the guest, "
        "prove the lab with 300 processes, run the scenarios, write JSON.",
    )
    run.add_argument("--guest", type=guests, default=["pv"], metavar="TYPE", help=GUEST_HELP)
    machine_options(run)
    run.add_argument(
        "--elevator",
        default="none",
        choices=["none", "default"],
        help="guest's I/O scheduler (%(default)s)",
    )
    run.add_argument(
        "--cycles",
        type=positive,
        metavar="N",
        help="how often a scenario repeats what it does (list says the defaults)",
    )
    run.add_argument(
        "--move",
        dest="moves",
        action="append",
        choices=sorted(moves.WAYS),
        help="of block-save-restore, this one only; may be repeated",
    )
    run.add_argument("--guest-script", metavar="FILE", help="exec: run this in the guest")
    run.add_argument("--dom0-script", metavar="FILE", help="exec: and this in dom0 beside it")
    run.add_argument(
        "--guest-add",
        nargs="+",
        action="extend",
        default=[],
        metavar="FILE",
        help="exec: files put beside the script",
    )
    run.add_argument(
        "--out",
        metavar="DIR",
        help="exec: where the files that the scripts leave in $PVLAB_OUT go (lab-out-TYPE)",
    )
    run.add_argument(
        "--timeout", type=positive, metavar="S", help="exec: seconds for each script (1800)"
    )
    run.add_argument("--json", metavar="FILE", help="write the report here; - is stdout")
    run.add_argument(
        "scenario",
        nargs="*",
        type=scenario,
        metavar="SCENARIO",
        help="TYPE:SCENARIO in that guest type alone; " + ", ".join(runner.SCENARIOS),
    )


def parser():
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="lab",
        description="A real Xen with dom0 and guests inside QEMU, no hardware virtualisation "
        "needed.",
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("list", help="guests, kernels, Xen versions, scenarios")
    headers = commands.add_parser("headers", help="print the build folder of a kernel's headers")
    headers.add_argument("--kernel", default="6.1", metavar="|".join(kernel.KNOWN) + "|DEB")
    headers.add_argument("--headers", nargs="+", action="extend", default=[], metavar="DEB")
    run_options(commands)
    shell = commands.add_parser("shell", help="a guest's console on this terminal (end: Ctrl-])")
    shell.add_argument("--guest", choices=TYPES, default="pv", help="guest type (%(default)s)")
    machine_options(shell)
    commands.add_parser(
        "demo",
        help="what make demo does: our driver beside the kernel's own in guests of each sort",
    )
    commands.add_parser("check-host", help="say whether this machine can run the lab")
    commands.add_parser("clean", help="empty the cache")
    return top


def parse(argv=None):
    """The command line; scenarios that follow a list of files, as in --headers A B block-verify,
    are no files."""
    top = parser()
    got = top.parse_args(argv)
    if got.command == "run":
        for files in (got.headers, got.guest_add):
            while files and files[-1].rpartition(":")[2] in runner.SCENARIOS:
                got.scenario.insert(0, files.pop())
        if not got.scenario:
            top.error(f"run: SCENARIO is missing: one or more of {', '.join(runner.SCENARIOS)}")
        if idle := [kind for kind in got.guest if not Options(scenario=got.scenario).asked(kind)]:
            top.error(f"run: no SCENARIO for {', '.join(idle)}")
    return got


def dispatch(arguments):
    """Do the command; returns the exit status."""
    if arguments.command == "headers":
        print(kernel.find_kernel(arguments.kernel, arguments.headers).kdir())
    elif arguments.command == "run":
        from .preflight import check

        options = Options(**vars(arguments))
        check(options)
        reports = runner.run(options)
        runner.write(reports, arguments.json)
        return int(any(r.get("failed") for r in reports))
    else:
        from . import commands

        return commands.COMMANDS[arguments.command](arguments)
    return 0


def main(argv=None):
    """Run one command: 0 done, 1 failed, 2 wrong arguments, 130 interrupted."""
    arguments = parse(argv)
    stop_on_signals()
    try:
        return dispatch(arguments)
    except LabError as error:
        say(f"FAILED: {error}")
        if error.log:
            say(f"log: {error.log}")
        return 1
    except KeyboardInterrupt as error:
        say(f"interrupted {error}".rstrip())
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1
