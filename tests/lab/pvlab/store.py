# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Things built once and kept: each is a folder in the cache named by the hash of everything that
went into it."""
import hashlib
import json
import shutil
import time

from .paths import cache, locked
from .say import say


def key_of(*parts):
    """A short name for a recipe; any change of a part gives another name, so nothing stale is ever
    used."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def built(kind, title, parts, build):
    """The folder of `kind` made from `parts`; calls build(folder) only when it is not there yet.

    The folder appears by a rename, so a build that was interrupted leaves nothing that looks
    finished."""
    path = cache(kind, key_of(kind, *parts))
    if path.is_dir():
        return path
    with locked(path.with_suffix(".lock"), f"building {title}"):
        if path.is_dir():
            return path
        begin = time.monotonic()
        say(f"building {title} ...")
        work = path.with_suffix(".part")
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        build(work)
        work.rename(path)
        say(f"built {title} in {time.monotonic() - begin:.1f} s")
    return path


def digest(path):
    """SHA256 of a file, as a recipe part for files that come from the user or the tree."""
    return hashlib.sha256(open(path, "rb").read()).hexdigest()
