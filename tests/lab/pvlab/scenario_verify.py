# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""block-verify: not one byte may come back wrong, whatever size, depth or path it took."""
from . import fiojobs
from .say import say
from .scenario_cycles import finish


def block_verify(bench):
    """fio at depth 1 and 32, discards, a file system, and the same bytes seen from dom0"""
    guest, disk = bench.guest, bench.disk
    bench.driver.load()
    disk.attach()
    elevator = disk.elevator(bench.options.elevator)
    results = {"elevator": elevator, "fio": []}
    # depth, sizes, share of the disk, from where: the small requests of "mixed" cost most
    for depth, sizes, share, start in (
        (1, "mixed", 8, 0),
        (32, "split", 2, 2),
        (32, "mixed", 4, 4),
    ):
        mib, offset = disk.mib // share, disk.mib // start if start else 0
        say(f"{guest.kind.upper()}: fio verify, depth {depth}, {sizes} sizes, {mib} MiB")
        results["fio"].append(
            fiojobs.verified_write(
                guest, disk.name, depth, sizes, mib, seed=depth, offset_mib=offset
            )
        )
    results["digest_after_fio"] = disk.same_bytes()
    results["discard"] = discards(bench)
    results["files"] = files(bench)
    results["facts"] = bench.driver.facts()
    disk.detach()
    results["files_seen_by_dom0"] = files_from_dom0(bench)
    finish(bench)
    return results


def discards(bench):
    """Discarded stretches read as zeros, their neighbours stay; then fio mixes discards with writes
    and verifies."""
    guest, disk = bench.guest, bench.disk
    if not bench.driver.discards:
        return None
    say(f"{guest.kind.upper()}: discards")
    offered = guest.sh(f"cat /sys/block/{disk.name}/queue/discard_max_bytes").out.strip()
    if offered == "0":
        bench.fail("the backend offers discard, the disk has none")
    guest.sh(
        f"sh /lab/discard.sh /dev/{disk.name} {min(16, disk.mib)}", what=f"{guest.kind}: discard.sh"
    )
    more = f"--rw=trimwrite --bs=128k --iodepth=8 --size={disk.mib // 8}M"
    job = fiojobs.run(
        guest,
        fiojobs.VERIFY.format(disk=disk.name, seed=7, more=more),
        f"{guest.kind}: fio trimwrite verify",
    )
    if not job["trim"]["io_bytes"]:
        bench.fail("fio discarded nothing")
    disk.same_bytes()
    return {
        "max_bytes": int(offered),
        "trimmed_bytes": job["trim"]["io_bytes"],
        "verified_bytes": job["read"]["io_bytes"],
    }


def files(bench):
    """mkfs, files with known checksums, remount, compare, fsck."""
    say(f"{bench.guest.kind.upper()}: file system and files")
    out = bench.guest.sh(
        f"sh /lab/files.sh /dev/{bench.disk.name}", what=f"{bench.guest.kind}: files.sh"
    ).out
    return {"files": int(out.split()[-1])}


def files_from_dom0(bench):
    """dom0 mounts what the guest left and checks every file against the guest's list."""
    script = (
        f"mkdir -p /tmp/mnt && mount -o ro {bench.disk.node} /tmp/mnt && cd /tmp/mnt && sha256sum "
        "-c --quiet list "
        f"&& wc -l < list; s=$?; cd /; umount /tmp/mnt; exit $s"
    )
    return int(
        bench.machine.dom0_sh(script, 120, what="dom0: checking the guest's files").out.split()[-1]
    )
