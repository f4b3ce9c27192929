#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Checks of the source text. Run on its own (make lint) it does all of them and prints
complaints."""

import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
LICENCES = {True: "GPL-2.0-only", False: "MIT OR GPL-2.0-only"}  # by: in kmod/?
NO_SPDX = re.compile(r"^(LICENSES|tests/fuzz/(xs_)?corpus)/")  # texts of others; inputs of a fuzzer
CXX_ROOMS = ("include", "hypercalls", "pvops", "frontends", "kmod", "tests")
# C headers, in the kernel's style: shared with the shims.
C_HEADERS = ("include/pvkit/platform.h",)


def files():
    """What the repository holds, or every file outside build/ where there is no git."""
    git = subprocess.run(
        ["git", "-C", TOP, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    if git.returncode == 0:
        names = git.stdout.split("\0")
    else:
        names = [str(p.relative_to(TOP)) for p in TOP.rglob("*")]
        names = [
            n for n in names if not n.startswith(("build/", ".git/")) and "__pycache__" not in n
        ]
    found = sorted(n for n in names if n and (TOP / n).is_file())
    if not found:
        raise RuntimeError(f"no source file found in {TOP}")
    return found


def cxx_files():
    return [n for n in files() if n.startswith(CXX_ROOMS) and is_cxx(n)]


def is_cxx(name):
    return name.endswith(".cc") or (
        name.endswith(".h") and name not in C_HEADERS and not is_kernel_c(name)
    )


def is_kernel_c(name):
    """The shims: headers in kmod/ are C too, so that a shim can include each of them."""
    return name.startswith("kmod/") and name.endswith((".c", ".h"))


def spdx(names=None):
    """Every file names its licence in its first lines: kmod/ GPL-2.0-only, all else either."""
    for name in names if names is not None else files():
        if NO_SPDX.match(name):
            continue
        with open(TOP / name, errors="replace") as file:
            head = "".join(file.readline() for _ in range(5))
        found = re.search(r"SPDX-License-Identifier: ([^\n]*?) *(\*/|-->)?\n", head)
        wanted = LICENCES[name.startswith("kmod/")]
        if not found:
            yield f"{name}: no SPDX line"
        elif found.group(1) != wanted:
            yield f"{name}: says {found.group(1)}, should say {wanted}"


def text(names=None):
    """No trailing space, no carriage return, a final newline; C shims indented by tabs, 100
    columns."""
    for name in names if names is not None else files():
        if NO_SPDX.match(name):
            continue
        body = (TOP / name).read_bytes()
        if b"\0" in body:
            yield f"{name}: binary"
            continue
        if body and not body.endswith(b"\n"):
            yield f"{name}: no newline at the end"
        for number, line in enumerate(body.decode(errors="replace").split("\n"), 1):
            where = f"{name}:{number}"
            if re.search(r"[ \t\r]$", line):
                yield f"{where}: space at the end of the line"
            if is_kernel_c(name):
                if re.match(r" {2,}[^ *]", line):
                    yield f"{where}: indented by spaces"
                if len(line.expandtabs(8)) > 100:
                    yield f"{where}: longer than 100 columns"


def columns(names=None):
    """Python and shell have 100 columns; of C++ clang-format takes care."""
    for name in files() if names is None else names:
        lines = (TOP / name).read_text(errors="replace").split("\n")
        if not (name.endswith((".py", ".sh")) or re.match(r"#!.*\b(python3|sh|bash)\b", lines[0])):
            continue
        for number, line in enumerate(lines, 1):
            if len(line.expandtabs(8)) > 100:
                yield f"{name}:{number}: longer than 100 columns"


def formatted(names=None):
    """C++ is laid out by clang-format and .clang-format."""
    names = cxx_files() if names is None else names
    if names:
        yield from failures(["clang-format", "--dry-run", "-Werror", *names])


def tidy(names=None):
    """clang-tidy, core and fakes: one process a file, as many at once as there are CPUs."""
    if names is None:
        names = [n for n in cxx_files() if n.endswith(".cc") and not n.startswith("tests/unit/")]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for complaints in pool.map(tidy_one, names):
            yield from complaints


def tidy_one(name):
    core = not name.startswith("tests/")
    flags = ["-std=c++20", "-I.", "-Iinclude", "-Itests"] + (["-ffreestanding"] if core else [])
    # The static analyzer is most of the time, and what it looks for in fakes and fuzz targets the
    # sanitizers see in each test.
    checks = (
        ["--checks=-clang-analyzer-*"] if name.startswith(("tests/fakes/", "tests/fuzz/")) else []
    )
    return list(failures(["clang-tidy", "--quiet", *checks, name, "--", *flags]))


def shell(names=None):
    """Shell scripts parse; only sh itself is needed for that."""
    for name in files() if names is None else names:
        with open(TOP / name, errors="replace") as file:
            shebang = file.readline()
        match = re.match(r"#!/bin/(sh|bash)\b|#!/usr/bin/env (bash)\b", shebang)
        if match:
            yield from failures([match.group(1) or match.group(2), "-n", name])


def python(names=None):
    """Python programs parse."""
    for name in files() if names is None else names:
        with open(TOP / name, errors="replace") as file:
            source = file.read()
        if name.endswith(".py") or re.match(r"#!.*\bpython3\b", source):
            try:
                compile(source, name, "exec")
            except SyntaxError as error:
                yield f"{name}:{error.lineno}: {error.msg}"


def failures(command):
    result = subprocess.run(
        command, cwd=TOP, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if result.returncode != 0:
        yield result.stdout.rstrip() or f"{command[0]} exited with {result.returncode}"


CHECKS = (spdx, text, columns, formatted, tidy, shell, python)


def chosen(words):
    """The checks that are named; all of them where none is."""
    by_name = {check.__name__: check for check in CHECKS}
    if wrong := [word for word in words if word not in by_name]:
        sys.exit(f"lint: {' '.join(wrong)}: no such check; there are {', '.join(by_name)}")
    return [by_name[word] for word in words] or CHECKS


if __name__ == "__main__":
    if sys.argv[1:] == ["--fix-format"]:
        sys.exit(subprocess.call(["clang-format", "-i", *cxx_files()], cwd=TOP))
    complaints = [line for check in chosen(sys.argv[1:]) for line in check()]
    print(*complaints, sep="\n", end="\n" if complaints else "")
    print(f"lint: {len(complaints)} complaints")
    sys.exit(bool(complaints))
