# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""fio runs in a guest: for data that must come back right, and for figures."""
import json

from .say import LabError

# A pattern, its checksum and its place are in each block; blocks of many sizes meet every segment
# count.
VERIFY = (
    "fio --name=verify --filename=/dev/{disk} --ioengine=io_uring --direct=1 --randseed={seed} "
    "--verify=crc32c "
    "--do_verify=1 --verify_fatal=1 --output-format=json {more}"
)
SIZES = {
    "mixed": "--bsrange=512-256k",
    "split": "--bssplit=4k/60:16k/10:64k/10:128k/10:512k/5:1m/5",
}


def run(guest, command, what, timeout=600):
    """Run fio and return its only job's JSON; any error that fio saw is a failure."""
    return run_all(guest, command, what, timeout)[0]


def run_all(guest, command, what, timeout=600):
    """As run, for the JSON of every job."""
    result = guest.sh(f"cd /tmp && {command} 2>&1", timeout, check=False, what=what)
    start = result.out.find("{\n")
    try:
        jobs = json.JSONDecoder().raw_decode(result.out[start:])[0]["jobs"]
        error = next((job["error"] for job in jobs if job["error"]), 0)
    except (ValueError, KeyError):
        raise LabError(f"{what}: {result.out.strip()[-1500:]}", guest.machine.folder) from None
    if result.status or error or not jobs:
        raise LabError(
            f"{what}: fio status {result.status}, error "
            f"{error}\n{result.out[:start].strip()[-1500:]}",
            guest.machine.folder,
        )
    return jobs


def verified_write(guest, disk, depth, sizes, mib, seed=1, offset_mib=0):
    """Write random data in random order, read it all back, compare each block's checksum."""
    more = f"--rw=randwrite --iodepth={depth} {SIZES[sizes]} --size={mib}M --offset={offset_mib}M"
    job = run(
        guest,
        VERIFY.format(disk=disk, seed=seed, more=more),
        f"{guest.kind}: fio crc32c verify, depth {depth}, {sizes} sizes, {mib} MiB",
    )
    written, read = job["write"]["io_bytes"], job["read"]["io_bytes"]
    if written != mib << 20 or read != written:
        raise LabError(
            f"fio wrote {written} and verified {read} bytes of {mib << 20}", guest.machine.folder
        )
    return {"depth": depth, "sizes": sizes, "written_bytes": written, "verified_bytes": read}
