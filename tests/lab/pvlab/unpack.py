# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Unpacking .deb files without dpkg's database and without maintainer scripts."""
import subprocess

from . import proc
from .say import LabError

MERGED = ("bin", "sbin", "lib", "lib32", "lib64")


def merged_usr(root):
    """Make the links of a merged /usr first: bookworm's packages still carry files under both
    names."""
    for name in MERGED:
        (root / "usr" / name).mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(f"usr/{name}")


def unpack(deb, root, exclude=()):
    """Extract one package; directories in the archive never replace the /usr links."""
    source = proc.start(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE)
    sink = proc.start(
        [
            "tar",
            "-x",
            "--keep-directory-symlink",
            "--no-same-owner",
            *[f"--exclude={e}" for e in exclude],
            "-C",
            root,
        ],
        stdin=source.stdout,
    )
    source.stdout.close()
    try:
        if sink.wait(300) or source.wait(10):
            raise LabError(f"cannot unpack {deb}")
    finally:
        for process in (source, sink):
            proc.stop(process) if process.poll() is None else None


def control(deb, field):
    """One field of a package's control file."""
    return proc.run(["dpkg-deb", "-f", deb, field]).strip()
