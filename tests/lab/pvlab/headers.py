# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""A kernel's headers packages unpacked in the cache as a build folder that works from there.

Debian's headers name /usr/src and /usr/lib by absolute path, in Makefiles and in links; both are
pointed into the unpacked tree, so nothing has to be installed and several kernels can stand side by
side."""
import os
import re
import shutil

from .say import LabError
from .store import built, digest
from .unpack import unpack


def relink(root):
    """Absolute links become links into the unpacked tree."""
    for folder, dirs, files in os.walk(root):
        for name in dirs + files:
            path = os.path.join(folder, name)
            if os.path.islink(path) and os.readlink(path).startswith("/usr/"):
                target = os.readlink(path)
                os.unlink(path)
                os.symlink(os.path.relpath(str(root) + target, folder), path)


def repoint(root, final):
    """Absolute paths in Makefiles and their fragments become paths under `final`, where `root` will
    lie at last."""
    for path in (root / "usr" / "src").glob("*/Makefile"):
        text = path.read_text(errors="replace")
        new = re.sub(r"(?<![\w./])/usr/(src|lib)/linux-", rf"{final}/usr/\1/linux-", text)
        if new != text:
            path.write_text(new)


def kdir_of(root, release):
    """The build folder for a release in an unpacked tree."""
    path = root / "usr" / "src" / f"linux-headers-{release}"
    if not (path / "Makefile").is_file():
        raise LabError(
            f"the headers packages hold no usr/src/linux-headers-{release}: give those of the same "
            "kernel"
        )
    return path


def headers_dir(release, debs):
    """The KDIR for out-of-tree builds against `release`."""

    def build(folder):
        for deb in debs:
            unpack(deb, folder)
        relink(folder)
        repoint(folder, folder.with_suffix(""))

    root = built(
        "headers", f"headers of {release}", [release, sorted(digest(d) for d in debs), 3], build
    )
    return kdir_of(root, release)


# What building a module needs of a kernel's build folder.
KEPT = [
    "Makefile",
    "Kbuild",
    ".config",
    "Module.symvers",
    "include",
    "scripts",
    "arch/x86/include",
    "arch/x86/Makefile",
    "arch/x86/Makefile_32.cpu",
    "tools/objtool/objtool",
]


def keep(tree, kdir, compiler):
    """Copy what modules need out of a kernel that was built, with its compiler as the default."""
    for name in KEPT:
        source, target = tree / name, kdir / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(
                source, target, symlinks=True, ignore=shutil.ignore_patterns("*.o", "*.cmd")
            )
        else:
            shutil.copy2(source, target)
    makefile = kdir / "Makefile"
    makefile.write_text(
        makefile.read_text().replace("$(CROSS_COMPILE)gcc\n", f"$(CROSS_COMPILE){compiler}\n")
    )
