# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Rules about the build itself: what it said, and which headers the core was made from."""

import pathlib
import re

# kbuild naming a file that it works on, whatever the file is called; no BTF without a vmlinux.
QUIET = re.compile(
    r"  [A-Z][A-Z0-9]+ +(\[M\] +)?\S+$|Skipping BTF generation for \S+ due to unavailability of "
    r"vmlinux$"
)
LOUD = re.compile(r"warning|error|objtool:|modpost:|undefined|duplicate|clock skew", re.IGNORECASE)


def log(lines):
    """objtool, modpost and both compilers have nothing to say."""
    for line in lines:
        if LOUD.search(line) and not QUIET.match(line):
            yield f"the build said: {line.rstrip()}"


# gcc names a header of a system directory by its real path: <xen/...> is where libxen-dev put it.
OUTSIDE = re.compile(
    r"/usr/(include/xen|include/(x86_64-linux-gnu/)?c\+\+|lib/(gcc|clang|llvm-\d+))/"
)
KIT = ("include/pvkit/", "hypercalls/", "pvops/", "frontends/")
PORT = KIT + ("kmod/",)
PRIVATE = ("kmod/compat/libc/", "xen-headers/xen/")


def headers(out, top):
    """Core objects come from the kit's, the compiler's and Xen's headers, and nothing else.

    `out` is the build directory, a mirror of the sources in `top`.
    """
    found = sorted(out.glob("**/.*.o.cmd"))
    sources = 0
    for record in found:
        text = record.read_text()
        match = re.search(r"^source_\S+ := (\S+\.cc)$", text, re.MULTILINE)
        if not match:
            continue
        sources += 1
        source = inside(match.group(1), out, top)
        kit = KIT if source.startswith(KIT) else PORT
        for header in dependencies(text):
            where = inside(header, out, top)
            if where == source or where.startswith(kit + PRIVATE) or OUTSIDE.match(where):
                continue
            yield f"{source} includes {where}"
    if not sources:
        yield f"{out}: no C++ object was recorded"


def dependencies(text):
    block = re.search(r"^deps_\S+ := \\?\n((?:.*\\\n)*.*)$", text, re.MULTILINE)
    for word in block.group(1).replace("\\\n", " ").split() if block else ():
        if not word.startswith("$(wildcard") and not word.startswith("include/config/"):
            yield word


def inside(path, *roots):
    """The path below the first of `roots` that it is in, or as it is when it lies elsewhere."""
    path = pathlib.PurePath(path)
    for root in roots:
        if path.is_relative_to(root):
            return str(path.relative_to(root))
    return str(path)
