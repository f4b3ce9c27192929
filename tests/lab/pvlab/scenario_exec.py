# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""exec: any script as root in the guest once the driver is up, and one in dom0 beside it."""
import pathlib
import shutil
import tarfile

from .say import LabError, say

LIMIT = 1800
HERE = "/lab/exec"


def check_files(options):
    """Missing files are named before anything is started."""
    for path in [options.guest_script, options.dom0_script, *options.guest_add]:
        if path and not pathlib.Path(path).is_file():
            raise LabError(f"exec: no such file: {path}")


def guest_files(bench):
    """The script and what --guest-add names, into the guest."""
    tar_path = bench.machine.job / "exec.tar"
    with tarfile.open(tar_path, "w") as tar:
        tar.add(bench.options.guest_script, "lab/exec/script")
        for path in bench.options.guest_add:
            tar.add(path, f"lab/exec/{pathlib.Path(path).name}")
    bench.guest.push("/job/exec.tar")


def start_guest(bench):
    """The guest's script with what it needs to know in its environment."""
    environment = {
        "PVLAB_OUT": f"{HERE}/out",
        "PVLAB_DISK": f"/dev/{bench.disk.name}",
        "PVLAB_DRIVER": bench.driver.name,
        "PVLAB_GUEST": bench.guest.kind,
    }
    lines = [f"export {k}={v}" for k, v in environment.items()]
    return bench.guest.submit(
        "\n".join(lines + [f"mkdir -p {HERE}/out; cd {HERE}; exec sh ./script"])
    )


def start_dom0(bench):
    """The script in dom0, beside the guest's."""
    out = bench.machine.job / "dom0-out"
    out.mkdir()
    shutil.copyfile(bench.options.dom0_script, bench.machine.job / "exec-dom0")
    environment = {
        "PVLAB_OUT": "/job/dom0-out",
        "PVLAB_GUEST": bench.guest.kind,
        "PVLAB_DOMID": bench.guest.domid,
        "PVLAB_BACKING": bench.disk.node,
    }
    lines = [f"export {k}={v}" for k, v in environment.items()]
    return bench.machine.submit("\n".join(lines + ["cd /job; exec bash /job/exec-dom0"]))


def collect(bench, side, ticket, out):
    """Status, output and files of one side."""
    result = bench.machine.collect(
        ticket, bench.options.timeout or LIMIT, f"exec: the script in {side}"
    )
    target = out / side
    target.mkdir(parents=True, exist_ok=True)
    if side == "guest":
        bench.guest.pull(f"{HERE}/out", "/job/out.tar")
        with tarfile.open(bench.machine.job / "out.tar") as tar:
            tar.extractall(target)
    else:
        shutil.copytree(bench.machine.job / "dom0-out", target, dirs_exist_ok=True)
    files = sorted(str(p.relative_to(target)) for p in target.rglob("*") if p.is_file())
    return {"status": result.status, "output": result.out, "files": files, "folder": str(target)}


def block_exec(bench):
    """your script in the guest and one in dom0 beside it

    A status other than 0 is a result, not the lab's failure."""
    check_files(bench.options)
    bench.driver.load()
    bench.disk.attach()
    bench.disk.elevator(bench.options.elevator)
    guest_files(bench)
    say(f"{bench.guest.kind.upper()}: running {bench.options.guest_script}")
    tickets = {"guest": start_guest(bench)}
    if bench.options.dom0_script:
        tickets["dom0"] = start_dom0(bench)
    out = pathlib.Path(bench.options.out or f"lab-out-{bench.guest.kind}").resolve()
    results = {side: collect(bench, side, ticket, out) for side, ticket in tickets.items()}
    return {"scripts": results, "failed": any(r["status"] for r in results.values())}
